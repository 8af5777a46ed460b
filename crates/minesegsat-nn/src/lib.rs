//! Networks that find mining-disturbed land.
mod checkpoint;
mod config;
mod decode_head;
mod drop_path;
mod efficient_self_attention;
mod error;
mod folded_decode_head;
mod init;
mod mix_ffn;
mod mix_transformer;
mod overlap_patch_embed;
mod segformer;
mod transformer_block;

pub use burn::tensor::Device;
pub use checkpoint::Checkpoint;
pub use config::{SegFormerConfig, Variant};
pub use decode_head::DecodeHead;
pub use drop_path::{DropPath, DropPathConfig};
pub use efficient_self_attention::{EfficientSelfAttention, EfficientSelfAttentionConfig};
pub use error::{Error, Result};
pub use folded_decode_head::FoldedDecodeHead;
pub use mix_ffn::{MixFfn, MixFfnConfig};
pub use mix_transformer::{MixTransformer, PATCH_SIZES, STRIDES, StageTokens};
pub use overlap_patch_embed::{OverlapPatchEmbed, OverlapPatchEmbedConfig};
pub use segformer::SegFormer;
pub use transformer_block::{TransformerBlock, TransformerBlockConfig};
