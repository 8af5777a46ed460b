//! Networks that find mining-disturbed land.
mod card;
mod checkpoint;
mod config;
mod decode_head;
mod device;
mod drop_path;
mod efficient_self_attention;
mod error;
mod folded_decode_head;
mod import;
mod init;
mod mix_ffn;
mod mix_transformer;
mod model;
mod overlap_patch_embed;
mod segformer;
mod segmenter;
mod transformer_block;

pub use burn::tensor::Device;
pub use card::{
    CARD_FILE, FORMAT_VERSION, FORWARD_FILE, ModelCard, Normalisation, SIZE_DIVISOR, Training, WEIGHTS_FILE,
};
pub use checkpoint::Checkpoint;
pub use config::{SegFormerConfig, Variant};
pub use decode_head::DecodeHead;
pub use device::{DEVICE_NAMES, parse_device};
pub use drop_path::{DropPath, DropPathConfig};
pub use efficient_self_attention::{EfficientSelfAttention, EfficientSelfAttentionConfig};
pub use error::{Error, Result};
pub use folded_decode_head::FoldedDecodeHead;
pub use import::{ImportOptions, import_checkpoint, random_model, save_model};
pub use mix_ffn::{MixFfn, MixFfnConfig};
pub use mix_transformer::{MixTransformer, PATCH_SIZES, STRIDES, StageTokens};
pub use model::{Comparison, ListedModel, Model, VerifyReport, list_models, verify};
pub use overlap_patch_embed::{OverlapPatchEmbed, OverlapPatchEmbedConfig};
pub use segformer::SegFormer;
pub use segmenter::BurnSegmenter;
pub use transformer_block::{TransformerBlock, TransformerBlockConfig};
