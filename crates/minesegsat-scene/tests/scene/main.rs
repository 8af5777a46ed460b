//! Scenes of all kinds: generated products of every period, and real scenes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod products;
mod real;
