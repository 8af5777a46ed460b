use burn::{
    nn::{LayerNorm, LayerNormConfig, PaddingConfig2d, conv::Conv2d, conv::Conv2dConfig},
    prelude::*,
};

use crate::init;

/// Configuration of an [`OverlapPatchEmbed`] layer.
#[derive(Config, Debug)]
pub struct OverlapPatchEmbedConfig {
    /// Channels of the input map.
    pub in_channels: usize,
    /// Width of the tokens.
    pub embed_dim: usize,
    /// Side of the square of pixels that a token sees: 7 at the first stage, 3 after it.
    pub patch_size: usize,
    /// Pixels from one token to the next: 4 at the first stage, 2 after it.
    pub stride: usize,
}

/// Cuts a map into overlapping patches and embeds each as a token: a strided convolution, then layer normalisation.
///
/// Section 3.1 of [SegFormer](https://arxiv.org/abs/2105.15203). Overlap keeps what lies across a patch's edge
/// together, which the disjoint patches of a plain vision transformer do not.
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
        let x = self.proj.forward(x);
        let [_, _, height, width] = x.dims();
        (self.norm.forward(init::map_to_tokens(x)), [height, width])
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
