//! Networks that find mining-disturbed land, in [Burn](https://burn.dev).
//!
//! # Networks
//! - [`NetworkConfig`], [`Network`]: all architectures behind one key and one type.
//! - [`SegFormerConfig`], [`Variant`]: dimensions of a SegFormer, and the named variants.
//! - [`Unet`], [`UnetPlusPlus`], [`DeepLabV3Plus`], [`Fpn`]: decoders on a [`ResNet`].
//! - [`SegFormer`]: [`MixTransformer`] ([`OverlapPatchEmbed`], then [`TransformerBlock`]s of [`EfficientSelfAttention`]
//!   and [`MixFfn`], with [`DropPath`]) and [`DecodeHead`]; [`FoldedDecodeHead`] is the same decoder for inference.
//!   [`DetailPath`] adds a path at full resolution.
//!
//! # Weights
//! - [`Checkpoint`]: reads PyTorch's `.pth` and safetensors, writes safetensors.
//!
//! # Model folders: weights, a card and a recorded forward pass
//! - [`ModelCard`], [`Normalisation`]: the card, from [`minesegsat_model`].
//! - [`import_checkpoint`], [`save_model`], [`random_model`]: write new model folders.
//! - [`Model::open`], [`list_models`], [`verify`]: open existing ones; [`EngineOptions`]: choose the engine.
//!   SegFormers on the CPU run on [`minesegsat_cpu`], in a [`Precision`], and can measure the time per operation ([`Profile`]).
//!
//! # Training
//! - [`train`]: a training run, from a configuration to a model.
//! - [`loss`]: losses; [`schedule`]: learning-rate schedules; [`AdamW`]: the optimiser.
//! - On the CPU the layers use fused operations; [`with_plain_operations`] selects Burn's own.
//!
//! # Inference
//! - [`ModelSegmenter`]: a model as a [`minesegsat_core::Segmenter`], the trait that mapping uses.
//! - [`parse_device`]: the device to run on.
//!
//! ```no_run
//! use minesegsat_core::Segmenter;
//! use minesegsat_nn::{ModelSegmenter, parse_device};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let segmenter = ModelSegmenter::open("models/mines", &parse_device("cpu")?)?;
//! let patch = vec![0.0; 12 * 512 * 512]; // [N, C, H, W]
//! let mut probabilities = vec![0.0; 512 * 512]; // [N, H, W]
//! segmenter.segment(&patch, [1, 12, 512, 512], &mut probabilities)?;
//! # Ok(())
//! # }
//! ```
#![warn(clippy::unwrap_used, clippy::print_stdout)]

mod adamw;
mod checkpoint;
mod conv_norm;
mod decode_head;
mod deeplab;
mod detail;
mod device;
mod drop_path;
mod efficient_self_attention;
mod error;
mod folded_decode_head;
mod fpn;
mod fused;
mod import;
mod init;
pub mod loss;
mod mix_ffn;
mod mix_transformer;
mod model;
mod network;
mod overlap_patch_embed;
mod random;
mod resnet;
pub mod schedule;
mod segformer;
mod segmenter;
mod stage_tokens;
pub mod tensorboard;
pub mod train;
mod transformer_block;
mod unet;
mod unet_plus_plus;
mod upsample;
mod weight;
mod weight_names;

pub use adamw::AdamW;
pub use burn::tensor::Device;
pub use checkpoint::Checkpoint;
pub use decode_head::DecodeHead;
pub use deeplab::DeepLabV3Plus;
pub use detail::DetailPath;
pub use device::{DEVICE_NAMES, parse_device};
pub use drop_path::{DropPath, DropPathConfig};
pub use efficient_self_attention::{EfficientSelfAttention, EfficientSelfAttentionConfig};
pub use error::{Error, Result};
pub use folded_decode_head::FoldedDecodeHead;
pub use fpn::Fpn;
pub use fused::with_plain_operations;
pub use import::{ImportOptions, import_checkpoint, random_model, save_model};
pub use minesegsat_cpu::{Isa, Precision, Profile};
pub use minesegsat_model::{
    CARD_FILE, Comparison, DeepLabV3PlusConfig, DetailConfig, Encoder, Error as ModelError, FORMAT_VERSION,
    FORWARD_FILE, FpnConfig, ModelCard, NetworkConfig, Normalisation, SIZE_DIVISOR, SegFormerConfig, Training,
    UnetConfig, Variant, VerifyReport, WEIGHTS_FILE, check_views,
};
pub use mix_ffn::{MixFfn, MixFfnConfig};
pub use mix_transformer::MixTransformer;
pub use model::{BuiltInEngine, EngineOptions, ListedModel, Model, list_models, verify};
pub use network::Network;
pub use overlap_patch_embed::{OverlapPatchEmbed, OverlapPatchEmbedConfig};
pub use resnet::ResNet;
pub use segformer::SegFormer;
pub use segmenter::ModelSegmenter;
pub use stage_tokens::StageTokens;
pub use transformer_block::{TransformerBlock, TransformerBlockConfig};
pub use unet::Unet;
pub use unet_plus_plus::UnetPlusPlus;
pub use weight_names::WeightNames;
