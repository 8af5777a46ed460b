use burn::{
    nn::{LayerNorm, LayerNormConfig, PaddingConfig2d, conv::Conv2d, conv::Conv2dConfig},
    prelude::*,
};

use crate::{StageTokens, fused, init};

/// Configuration of an [`OverlapPatchEmbed`] layer.
#[derive(Config, Debug)]
pub struct OverlapPatchEmbedConfig {
    /// Channels of the input map.
    pub in_channels: usize,
    /// Width of the tokens.
    pub embed_dim: usize,
    /// Side of the square of input pixels of a token: 7 at the first stage, 3 at the others.
    pub patch_size: usize,
    /// Distance between tokens in pixels: 4 at the first stage, 2 at the others.
    pub stride: usize,
}

/// Cuts a map into overlapping patches and embeds each as a token: a strided convolution, then layer normalisation.
///
/// Section 3.1 of [SegFormer](https://arxiv.org/abs/2105.15203). The overlap preserves the continuity across
/// patch edges, which the disjoint patches of a plain vision transformer lose.
#[derive(Module, Debug)]
pub struct OverlapPatchEmbed {
    /// The strided convolution.
    pub proj: Conv2d,
    /// Normalises the tokens.
    pub norm: LayerNorm,
}

impl OverlapPatchEmbedConfig {
    /// Initialises the layer.
    pub fn init(&self, device: &Device) -> OverlapPatchEmbed {
        let padding = self.patch_size / 2;
        let conv = Conv2dConfig::new([self.in_channels, self.embed_dim], [self.patch_size; 2])
            .with_stride([self.stride; 2])
            .with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding));
        OverlapPatchEmbed { proj: init::conv2d(&conv, device), norm: LayerNormConfig::new(self.embed_dim).init(device) }
    }
}

impl OverlapPatchEmbed {
    /// Embeds a map.
    ///
    /// # Shapes
    /// - input `[N, in_channels, H, W]`
    /// - output `[N, H' * W', embed_dim]` and `[H', W']`, where `H' = ceil(H / stride)`
    pub fn forward(&self, x: Tensor<4>) -> (Tensor<3>, [usize; 2]) {
        if fused::takes(&x) && self.proj.bias.is_some() {
            let [_, _, height, width] = x.dims();
            return self.forward_stage(StageTokens { tokens: fused::map_to_channels_last(x), size: [height, width] });
        }
        let x = self.proj.forward(x);
        let [_, _, height, width] = x.dims();
        (fused::norm_layer(&self.norm, 1e-5, init::map_to_tokens(x)), [height, width])
    }

    /// Embeds the output of the previous stage.
    ///
    /// # Shapes
    /// - input `[N, H * W, in_channels]`, output as for [`forward`](Self::forward)
    pub(crate) fn forward_stage(&self, stage: StageTokens) -> (Tensor<3>, [usize; 2]) {
        match &self.proj.bias {
            Some(bias) if fused::takes(&stage.tokens) => {
                let (weight, stride) = (self.proj.weight.val(), self.proj.stride[0]);
                let padding = weight.dims()[2] / 2;
                let (tokens, size) = fused::patch_conv(stage.tokens, stage.size, weight, bias.val(), stride, padding);
                (fused::norm_layer(&self.norm, 1e-5, tokens), size)
            }
            _ => self.forward(stage.into_map()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stands_for_each_stride_by_stride_square() {
        let device = Device::flex();
        let embed = OverlapPatchEmbedConfig::new(3, 8, 7, 4).init(&device);
        let (tokens, size) = embed.forward(Tensor::ones([2, 3, 32, 20], &device));
        assert_eq!(size, [8, 5]);
        assert_eq!(tokens.dims(), [2, 40, 8]);
    }
}
