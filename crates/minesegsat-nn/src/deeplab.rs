use burn::{
    nn::{
        BatchNorm, BatchNormConfig,
        conv::Conv2d,
        pool::{AdaptiveAvgPool2d, AdaptiveAvgPool2dConfig},
    },
    prelude::*,
};

use crate::{
    DeepLabV3PlusConfig, ResNet,
    conv_norm::{
        self, ConvNorm, SegmentationHead, SeparableConv, SeparableConvNorm, conv_norm_relu, separable_conv_norm_relu,
    },
    drop_path::drop_blocks,
    fused::{batch_norm_layer, conv_layer},
    upsample,
};

const ATROUS_RATES: [usize; 3] = DeepLabV3PlusConfig::ATROUS_RATES;

const HIGH_RESOLUTION_CHANNELS: usize = DeepLabV3PlusConfig::HIGH_RESOLUTION_CHANNELS;

/// DeepLabV3+: convolutions of several dilations over the coarsest map, then a small decoder that refines edges.
///
/// [Encoder-Decoder with Atrous Separable Convolution for Semantic Image Segmentation](https://arxiv.org/abs/1802.02611)
/// on a ResNet whose last stage is dilated instead of strided (output stride 16). Parameters are named as in
/// `segmentation_models_pytorch`.
#[derive(Module, Debug)]
pub struct DeepLabV3Plus {
    encoder: ResNet,
    decoder: Decoder,
    segmentation_head: SegmentationHead,
}

#[derive(Module, Debug)]
struct Decoder {
    aspp: (Aspp, SeparableConv, BatchNorm),
    block1: ConvNorm,
    block2: SeparableConvNorm,
}

/// Atrous spatial pyramid pooling: three dilated convolutions, a pointwise convolution and global pooling of one map.
#[derive(Module, Debug)]
struct Aspp {
    convs: (ConvNorm, SeparableConvNorm, SeparableConvNorm, SeparableConvNorm, Pooling),
    project: ConvNorm,
    dropout: f64,
}

/// Global pooling: the mean over the map, then convolution and batch norm.
type Pooling = (AdaptiveAvgPool2d, Conv2d, BatchNorm);

impl DeepLabV3Plus {
    /// Initialises a network.
    pub(crate) fn new(config: &DeepLabV3PlusConfig, device: &Device) -> Self {
        let [_, c2, _, _, c5] = config.encoder.channels();
        let width = config.decoder_channels;
        let norm = || BatchNormConfig::new(width).init(device);
        let dilated = |rate: usize| conv_norm::separable_conv_norm([c5, width], rate, device);
        let aspp = Aspp {
            convs: (
                conv_norm::conv_norm([c5, width], 1, device),
                dilated(ATROUS_RATES[0]),
                dilated(ATROUS_RATES[1]),
                dilated(ATROUS_RATES[2]),
                (AdaptiveAvgPool2dConfig::new([1, 1]).init(), conv_norm::conv([c5, width], 1, false, device), norm()),
            ),
            project: conv_norm::conv_norm([5 * width, width], 1, device),
            dropout: config.dropout,
        };
        Self {
            encoder: ResNet::new(config.encoder, config.in_channels, 16, device),
            decoder: Decoder {
                aspp: (aspp, conv_norm::separable_conv([width, width], 1, device), norm()),
                block1: conv_norm::conv_norm([c2, HIGH_RESOLUTION_CHANNELS], 1, device),
                block2: conv_norm::separable_conv_norm([HIGH_RESOLUTION_CHANNELS + width, width], 1, device),
            },
            segmentation_head: conv_norm::head([width, config.num_classes], 1, device),
        }
    }

    /// Logits of each class at each pixel.
    ///
    /// # Shapes
    /// - input `[N, in_channels, H, W]`, height and width multiples of 16
    /// - output `[N, num_classes, H, W]`
    ///
    /// # Panics
    /// If height or width is not a multiple of 16.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, x2, _, _, x5] = self.encoder.forward(x);
        let (aspp, conv, norm) = &self.decoder.aspp;
        let x = batch_norm_layer(norm, conv_norm::separable(conv, aspp.forward(x5)), None, true);
        let fine = conv_norm_relu(&self.decoder.block1, x2);
        let x = Tensor::cat(vec![upsample::bilinear_aligned(x, 4), fine], 1);
        let x = separable_conv_norm_relu(&self.decoder.block2, x);
        upsample::bilinear_aligned(conv_norm::classify(&self.segmentation_head, x), 4)
    }
}

impl Aspp {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (near, first, second, third, (pool, conv, norm)) = &self.convs;
        let whole = batch_norm_layer(norm, conv_layer(conv, pool.forward(x.clone())), None, true);
        let mut maps = vec![conv_norm_relu(near, x.clone())];
        maps.extend([first, second, third].map(|branch| separable_conv_norm_relu(branch, x.clone())));
        maps.push(whole.expand(maps[0].dims()));
        let x = conv_norm_relu(&self.project, Tensor::cat(maps, 1));
        let shape = x.dims();
        drop_blocks(x, self.dropout, shape)
    }
}
