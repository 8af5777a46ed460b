use burn::prelude::*;

use crate::{
    ResNet, UnetConfig,
    conv_norm::{self, ConvNorm, SegmentationHead, conv_norm_relu},
    upsample,
};

/// U-Net: a decoder that upsamples step by step, with a skip connection from the encoder at each resolution.
///
/// [U-Net: Convolutional Networks for Biomedical Image Segmentation](https://arxiv.org/abs/1505.04597), on a ResNet. Padded
/// convolutions, batch norm and parameter names are as in `segmentation_models_pytorch`.
#[derive(Module, Debug)]
pub struct Unet {
    encoder: ResNet,
    decoder: UnetDecoder,
    segmentation_head: SegmentationHead,
}

#[derive(Module, Debug)]
struct UnetDecoder {
    blocks: Vec<UnetBlock>,
}

/// Upsamples by 2, concatenates the encoder's map of that resolution, and convolves twice.
#[derive(Module, Debug)]
pub(crate) struct UnetBlock {
    conv1: ConvNorm,
    conv2: ConvNorm,
}

impl UnetBlock {
    pub(crate) fn new(in_channels: usize, skip_channels: usize, out_channels: usize, device: &Device) -> Self {
        Self {
            conv1: conv_norm::conv_norm([in_channels + skip_channels, out_channels], 3, device),
            conv2: conv_norm::conv_norm([out_channels, out_channels], 3, device),
        }
    }

    /// # Shapes
    /// - `x`: `[N, in_channels, H, W]`
    /// - `skips`: together `[N, skip_channels, 2 H, 2 W]`
    /// - output `[N, out_channels, 2 H, 2 W]`
    pub(crate) fn forward(&self, x: Tensor<4>, skips: Vec<Tensor<4>>) -> Tensor<4> {
        let mut stacked = vec![upsample::nearest2(x)];
        stacked.extend(skips);
        conv_norm_relu(&self.conv2, conv_norm_relu(&self.conv1, Tensor::cat(stacked, 1)))
    }
}

impl Unet {
    /// Initialises a network.
    pub(crate) fn new(config: &UnetConfig, device: &Device) -> Self {
        let [c1, c2, c3, c4, c5] = config.encoder.channels();
        let [d1, d2, d3, d4, d5] = config.decoder_channels;
        let blocks = [(c5, c4, d1), (d1, c3, d2), (d2, c2, d3), (d3, c1, d4), (d4, 0, d5)];
        Self {
            encoder: ResNet::new(config.encoder, config.in_channels, 32, device),
            decoder: UnetDecoder {
                blocks: blocks.map(|(input, skip, out)| UnetBlock::new(input, skip, out, device)).into(),
            },
            segmentation_head: conv_norm::head([d5, config.num_classes], 3, device),
        }
    }

    /// Logits of each class at each pixel.
    ///
    /// # Shapes
    /// - input `[N, in_channels, H, W]`, height and width multiples of 32
    /// - output `[N, num_classes, H, W]`
    ///
    /// # Panics
    /// If height or width is not a multiple of 32.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [x1, x2, x3, x4, x5] = self.encoder.forward(x);
        let skips = [vec![x4], vec![x3], vec![x2], vec![x1], Vec::new()];
        let x = self.decoder.blocks.iter().zip(skips).fold(x5, |x, (block, skips)| block.forward(x, skips));
        conv_norm::classify(&self.segmentation_head, x)
    }
}
