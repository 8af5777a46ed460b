use burn::{
    nn::{Linear, PaddingConfig2d, conv::Conv2d, conv::Conv2dConfig},
    prelude::*,
    tensor::activation::gelu,
};

use crate::{fused, init};

/// Configuration of a [`MixFfn`] layer.
#[derive(Config, Debug)]
pub struct MixFfnConfig {
    /// Width of the tokens.
    pub embed_dim: usize,
    /// Width of the hidden layer.
    pub hidden_dim: usize,
}

/// Feed-forward network with a 3 x 3 depthwise convolution between its two linear layers.
///
/// Section 3.1 of [SegFormer](https://arxiv.org/abs/2105.15203): the zero padding of the convolution replaces a
/// positional encoding, so that any patch size works.
#[derive(Module, Debug)]
pub struct MixFfn {
    /// Widens the tokens.
    pub mlp_in: Linear,
    /// 3 x 3 depthwise convolution.
    pub conv: Conv2d,
    /// Narrows the tokens again.
    pub mlp_out: Linear,
}

impl MixFfnConfig {
    /// Initialises the layer.
    pub fn init(&self, device: &Device) -> MixFfn {
        let conv = Conv2dConfig::new([self.hidden_dim; 2], [3, 3])
            .with_groups(self.hidden_dim)
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1));
        MixFfn {
            mlp_in: init::linear(self.embed_dim, self.hidden_dim, device),
            conv: init::conv2d(&conv, device),
            mlp_out: init::linear(self.hidden_dim, self.embed_dim, device),
        }
    }
}

impl MixFfn {
    /// Mixes channels, and neighbouring tokens through the convolution.
    ///
    /// # Shapes
    /// - input `[N, H * W, embed_dim]`, with `size` = `[H, W]`
    /// - output `[N, H * W, embed_dim]`
    pub fn forward(&self, x: Tensor<3>, size: [usize; 2]) -> Tensor<3> {
        fused::linear_layer(&self.mlp_out, self.hidden(x, size))
    }

    /// The hidden layer, before [`mlp_out`](Self::mlp_out).
    ///
    /// # Shapes
    /// - output `[N, H * W, hidden_dim]`
    pub(crate) fn hidden(&self, x: Tensor<3>, size: [usize; 2]) -> Tensor<3> {
        let x = fused::linear_layer(&self.mlp_in, x);
        if let Some(bias) = self.conv.bias.as_ref().filter(|_| fused::takes(&x)) {
            return fused::depthwise_gelu(x, size, self.conv.weight.val(), bias.val());
        }
        let x = self.conv.forward(init::tokens_to_map(x, size));
        // GELU in its exact form, with the error function.
        gelu(init::map_to_tokens(x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_keep_their_shape() {
        let device = Device::flex();
        let layer = MixFfnConfig::new(6, 24).init(&device);
        assert_eq!(layer.forward(Tensor::ones([2, 12, 6], &device), [3, 4]).dims(), [2, 12, 6]);
    }
}
