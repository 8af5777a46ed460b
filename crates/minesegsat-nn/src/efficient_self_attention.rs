use burn::{
    nn::{LayerNorm, LayerNormConfig, Linear, conv::Conv2d, conv::Conv2dConfig},
    prelude::*,
    tensor::{module::attention, ops::AttentionModuleOptions},
};

use crate::{fused, init};

/// Configuration of an [`EfficientSelfAttention`] layer.
#[derive(Config, Debug)]
pub struct EfficientSelfAttentionConfig {
    /// Width of the tokens.
    pub embed_dim: usize,
    /// Number of attention heads; divides `embed_dim`.
    pub num_heads: usize,
    /// Spatial reduction of the map of keys and values, per axis.
    pub sr_ratio: usize,
}

/// Self-attention whose keys and values come from a map reduced by a strided convolution.
///
/// Section 3.1 of [SegFormer](https://arxiv.org/abs/2105.15203), after the
/// [Pyramid Vision Transformer](https://arxiv.org/abs/2102.12122): with N tokens and a reduction of R in each direction
/// the cost falls from `N²` to `N² / R²`.
#[derive(Module, Debug)]
pub struct EfficientSelfAttention {
    /// Reduces the map of keys and values, if `sr_ratio` is above 1.
    pub sr: Option<Conv2d>,
    /// Normalises the reduced tokens, if `sr_ratio` is above 1.
    pub layer_norm: Option<LayerNorm>,
    /// Queries.
    pub query: Linear,
    /// Keys.
    pub key: Linear,
    /// Values.
    pub value: Linear,
    /// Projects the concatenated heads.
    pub dense: Linear,
    /// Number of attention heads.
    pub num_heads: usize,
}

impl EfficientSelfAttentionConfig {
    /// Initialises the layer.
    ///
    /// # Panics
    /// If `num_heads` does not divide `embed_dim`.
    pub fn init(&self, device: &Device) -> EfficientSelfAttention {
        let Self { embed_dim, num_heads, sr_ratio } = *self;
        assert!(
            num_heads > 0 && embed_dim % num_heads == 0,
            "num_heads must divide embed_dim: got {num_heads} heads for {embed_dim} channels"
        );
        let sr = Conv2dConfig::new([embed_dim, embed_dim], [sr_ratio; 2]).with_stride([sr_ratio; 2]);
        let linear = || init::linear(embed_dim, embed_dim, device);
        EfficientSelfAttention {
            sr: (sr_ratio > 1).then(|| init::conv2d(&sr, device)),
            layer_norm: (sr_ratio > 1).then(|| LayerNormConfig::new(embed_dim).init(device)),
            query: linear(),
            key: linear(),
            value: linear(),
            dense: linear(),
            num_heads,
        }
    }
}

impl EfficientSelfAttention {
    /// Attends from each token to the reduced map.
    ///
    /// # Shapes
    /// - input `[N, H * W, embed_dim]`, with `size` = `[H, W]`
    /// - output `[N, H * W, embed_dim]`
    pub fn forward(&self, x: Tensor<3>, size: [usize; 2]) -> Tensor<3> {
        fused::linear_layer(&self.dense, self.context(x, size))
    }

    /// The output of the heads, before the projection [`dense`](Self::dense).
    ///
    /// # Shapes
    /// - as for [`forward`](Self::forward)
    pub(crate) fn context(&self, x: Tensor<3>, size: [usize; 2]) -> Tensor<3> {
        let [batch, tokens, channels] = x.dims();
        let reduced = match (&self.sr, &self.layer_norm) {
            (Some(sr), Some(norm)) => fused::norm_layer(norm, 1e-5, reduce(sr, x.clone(), size)),
            _ => x.clone(),
        };
        let query = fused::linear_layer(&self.query, x);
        let key = fused::linear_layer(&self.key, reduced.clone());
        let value = fused::linear_layer(&self.value, reduced);
        if fused::takes(&query) {
            return fused::attention(query, key, value, self.num_heads);
        }
        let [query, key, value] = [query, key, value].map(|x| self.split_heads(x));
        let context = attention(query, key, value, None, None, AttentionModuleOptions::default());
        context.swap_dims(1, 2).reshape([batch, tokens, channels])
    }

    /// `[N, L, C]` to `[N, heads, L, C / heads]`.
    fn split_heads(&self, x: Tensor<3>) -> Tensor<4> {
        let [batch, tokens, channels] = x.dims();
        x.reshape([batch, tokens, self.num_heads, channels / self.num_heads]).swap_dims(1, 2)
    }
}

/// The spatial reduction: a convolution whose stride equals its kernel.
///
/// # Shapes
/// - input `[N, H * W, C]`
/// - output `[N, floor(H / r) * floor(W / r), C]`
fn reduce(sr: &Conv2d, x: Tensor<3>, size: [usize; 2]) -> Tensor<3> {
    match &sr.bias {
        Some(bias) if fused::takes(&x) => fused::patch_conv(x, size, sr.weight.val(), bias.val(), sr.stride[0], 0).0,
        _ => init::map_to_tokens(sr.forward(init::tokens_to_map(x, size))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_keep_their_shape_with_and_without_reduction() {
        let device = Device::flex();
        for sr_ratio in [1, 2, 4] {
            let layer = EfficientSelfAttentionConfig::new(16, 2, sr_ratio).init(&device);
            let y = layer.forward(Tensor::ones([2, 8 * 12, 16], &device), [8, 12]);
            assert_eq!(y.dims(), [2, 96, 16]);
        }
    }

    #[test]
    #[should_panic(expected = "num_heads must divide embed_dim: got 3 heads for 16 channels")]
    fn heads_that_do_not_divide_the_width_are_refused() {
        EfficientSelfAttentionConfig::new(16, 3, 1).init(&Device::flex());
    }
}
