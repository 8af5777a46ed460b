//! Model folders: card, weights, and the steps around a network that all engines share.
//!
//! This crate contains no network and no engine. `minesegsat-nn` has the networks in Burn, `minesegsat-cpu` the native engine,
//! and `minesegsat-onnx` the export to ONNX and the external runtimes.
//!
//! # The model card
//! - [`ModelCard`], [`Normalisation`], [`Training`]: the card, `model.json`.
//! - [`NetworkConfig`]: the network, one key in cards and configuration files: [`SegFormerConfig`] and its [`Variant`]s, [`UnetConfig`],
//!   [`DeepLabV3PlusConfig`] and [`FpnConfig`] on an [`Encoder`].
//!
//! # Weights
//! - [`Weights`]: named tensors, `model.safetensors`; [`check_hash`]: compares their hash with the card's.
//! - [`ChangeHeadConfig`]: the network for two dates, `change.safetensors`, of models that have one.
//! - [`Forward`], [`verify_by`]: a recorded forward pass, and the difference of an engine's output from it.
//!
//! # Around the network
//! - [`answer_patches`]: from patches to probabilities, for any engine that computes logits.
//! - [`Precision`]: the operand type of an engine's matrix products. [`fold_decoder`]: folds a SegFormer's decoder for
//!   inference.
//! - [`check_views`], [`averaged_over_views`]: test-time augmentation.
#![warn(clippy::unwrap_used, clippy::print_stdout)]

mod answer;
mod card;
mod change_head;
mod config;
mod encoder;
mod error;
mod fold;
mod forward;
mod network_config;
mod patch_size;
mod precision;
mod views;
mod weights;

pub use answer::answer_patches;
pub use card::{CARD_FILE, FORMAT_VERSION, FORWARD_FILE, ModelCard, Normalisation, Training, WEIGHTS_FILE};
pub use change_head::{CHANGE_HEAD_FILE, ChangeHeadConfig};
pub use config::{DetailConfig, SegFormerConfig, Variant};
pub use encoder::Encoder;
pub use error::{Error, Result};
pub use fold::{FoldedDecoder, fold_decoder};
pub use forward::{Comparison, Forward, VerifyReport, verify_by};
pub use network_config::{DeepLabV3PlusConfig, FpnConfig, NetworkConfig, UnetConfig};
pub use patch_size::{SIZE_DIVISOR, check_patch_size};
pub use precision::Precision;
pub use views::{averaged_over_views, check_views};
pub use weights::{Array, Weights, check_hash, sha256};
