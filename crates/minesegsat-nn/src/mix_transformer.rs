use burn::{
    nn::{LayerNorm, LayerNormConfig},
    prelude::*,
};

use crate::{
    OverlapPatchEmbed, OverlapPatchEmbedConfig, SegFormerConfig, StageTokens, TransformerBlock, TransformerBlockConfig,
    fused,
};

/// Hierarchical encoder: four stages of tokens at 1/4, 1/8, 1/16 and 1/32 of the input's resolution.
///
/// The Mix Transformer (MiT) of [SegFormer](https://arxiv.org/abs/2105.15203), section 3.1.
#[derive(Module, Debug)]
pub struct MixTransformer {
    /// Patch embedding of each stage.
    pub embeddings: Vec<OverlapPatchEmbed>,
    /// Blocks of each stage.
    pub transformers: Vec<Vec<TransformerBlock>>,
    /// Normalises the output of each stage.
    pub layer_norm: Vec<LayerNorm>,
}

impl MixTransformer {
    /// Initialises the encoder of a network. Drop-path rates rise linearly from 0 to `drop_path_rate` over all blocks.
    pub(crate) fn new(config: &SegFormerConfig, device: &Device) -> Self {
        let blocks: usize = config.depths.iter().sum();
        let mut drop_path =
            (0..blocks).map(|i| if blocks > 1 { config.drop_path_rate * i as f64 / (blocks - 1) as f64 } else { 0.0 });
        let mut encoder = Self { embeddings: Vec::new(), transformers: Vec::new(), layer_norm: Vec::new() };
        let mut in_channels = config.in_channels;
        for stage in 0..4 {
            let embed_dim = config.embed_dims[stage];
            let (patch_size, stride) = (SegFormerConfig::PATCH_SIZES[stage], SegFormerConfig::STRIDES[stage]);
            encoder
                .embeddings
                .push(OverlapPatchEmbedConfig::new(in_channels, embed_dim, patch_size, stride).init(device));
            let block = TransformerBlockConfig::new(
                embed_dim,
                config.num_heads[stage],
                config.sr_ratios[stage],
                embed_dim * config.mlp_ratios[stage],
            );
            encoder.transformers.push(
                drop_path
                    .by_ref()
                    .take(config.depths[stage])
                    .map(|rate| block.clone().with_drop_path(rate).init(device))
                    .collect(),
            );
            encoder
                .layer_norm
                .push(LayerNormConfig::new(embed_dim).with_epsilon(SegFormerConfig::LAYER_NORM_EPSILON).init(device));
            in_channels = embed_dim;
        }
        encoder
    }

    /// The tokens of the four stages.
    ///
    /// # Shapes
    /// - input `[N, in_channels, H, W]`
    /// - output of stage i: `[N, H' * W', embed_dims[i]]`, with `H' = ceil(H / 2^(i + 2))`
    pub fn forward(&self, x: Tensor<4>) -> Vec<StageTokens> {
        let mut stages: Vec<StageTokens> = Vec::with_capacity(4);
        for ((embed, blocks), norm) in self.embeddings.iter().zip(&self.transformers).zip(&self.layer_norm) {
            let (mut tokens, size) = match stages.last() {
                None => embed.forward(x.clone()),
                Some(stage) => embed.forward_stage(stage.clone()),
            };
            for block in blocks {
                tokens = block.forward(tokens, size);
            }
            stages.push(StageTokens {
                tokens: fused::norm_layer(norm, SegFormerConfig::LAYER_NORM_EPSILON, tokens),
                size,
            });
        }
        stages
    }
}
