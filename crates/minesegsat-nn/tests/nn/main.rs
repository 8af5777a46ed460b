//! Compares networks with PyTorch, Burn and the native engine.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod fused;
mod golden;
mod model;
