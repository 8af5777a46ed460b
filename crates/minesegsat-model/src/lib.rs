//! A trained model as a folder: what it is, what it must be fed, and what surrounds every network that runs it.
//!
//! No network and no engine is in here; see `minesegsat-nn` for Burn's and this project's own, `minesegsat-onnx` for ONNX
//! and the runtimes that read it.
//!
//! # What a model says of itself
//! - [`ModelCard`], [`Normalisation`], [`Training`]: the card, `model.json`.
//! - [`NetworkConfig`], one key in cards and configuration files: [`SegFormerConfig`] and its [`Variant`]s, [`UnetConfig`],
//!   [`DeepLabV3PlusConfig`] and [`FpnConfig`] on an [`Encoder`].
//!
//! # What it has learned
//! - [`Weights`]: named tensors, `model.safetensors`; [`check_hash`]: whether they are the card's.
//! - [`Forward`], [`verify_by`]: the recorded answer, and how far an engine's lies from it.
//!
//! # What surrounds the network
//! - [`answer_patches`]: from patches to probabilities, for any engine that gives logits.
//! - [`Precision`]: of the operands of an engine's products. [`fold_decoder`]: what is left of a SegFormer's decoder.
//! - [`check_views`], [`averaged_over_views`]: symmetries that a patch is seen in.
#![warn(clippy::unwrap_used, clippy::print_stdout)]

mod answer;
mod card;
mod config;
mod encoder;
mod error;
mod fold;
mod forward;
mod network_config;
mod precision;
mod views;
mod weights;

pub use answer::answer_patches;
pub use card::{
    CARD_FILE, FORMAT_VERSION, FORWARD_FILE, ModelCard, Normalisation, SIZE_DIVISOR, Training, WEIGHTS_FILE,
    check_patch_size,
};
pub use config::{SegFormerConfig, Variant};
pub use encoder::Encoder;
pub use error::{Error, Result};
pub use fold::{FoldedDecoder, fold_decoder};
pub use forward::{Comparison, Forward, VerifyReport, verify_by};
pub use network_config::{DeepLabV3PlusConfig, FpnConfig, NetworkConfig, UnetConfig};
pub use precision::Precision;
pub use views::{averaged_over_views, check_views};
pub use weights::{Array, Weights, check_hash, sha256};
