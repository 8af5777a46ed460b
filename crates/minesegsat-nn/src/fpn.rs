use burn::{
    nn::{GroupNorm, GroupNormConfig, conv::Conv2d},
    prelude::*,
};

use crate::{
    FpnConfig, ResNet,
    conv_norm::{self, SegmentationHead},
    drop_path::drop_blocks,
    fused::{conv_layer, group_norm_relu},
    upsample,
};

/// Feature pyramid network with the decoder of panoptic FPN: four levels of the same width are upsampled to 1/4 and added.
///
/// [Feature Pyramid Networks for Object Detection](https://arxiv.org/abs/1612.03144), section 3.1 of
/// [Panoptic Feature Pyramid Networks](https://arxiv.org/abs/1901.02446) for the decoder; names as in
/// `segmentation_models_pytorch`.
#[derive(Module, Debug)]
pub struct Fpn {
    encoder: ResNet,
    decoder: FpnDecoder,
    segmentation_head: SegmentationHead,
}

#[derive(Module, Debug)]
struct FpnDecoder {
    p5: Conv2d,
    p4: Lateral,
    p3: Lateral,
    p2: Lateral,
    seg_blocks: Vec<Branch>,
    dropout: f64,
}

/// Adds the encoder's map to the upsampled coarser level of the pyramid.
#[derive(Module, Debug)]
struct Lateral {
    skip_conv: Conv2d,
}

/// Upsamples a level of the pyramid to 1/4 of the input's resolution.
#[derive(Module, Debug)]
struct Branch {
    block: Vec<ConvGroupNorm>,
    /// Number of doublings, one after each convolution.
    doublings: usize,
}

/// 3 x 3 convolution, group norm, ReLU.
#[derive(Module, Debug)]
struct ConvGroupNorm {
    block: (Conv2d, GroupNorm),
}

impl Fpn {
    /// Initialises a network.
    pub(crate) fn new(config: &FpnConfig, device: &Device) -> Self {
        let [_, c2, c3, c4, c5] = config.encoder.channels();
        let (pyramid, width) = (config.pyramid_channels, config.segmentation_channels);
        let to_pyramid = |channels: usize| conv_norm::conv([channels, pyramid], 1, true, device);
        let lateral = |channels: usize| Lateral { skip_conv: to_pyramid(channels) };
        let branch = |doublings: usize| Branch {
            block: (0..doublings.max(1))
                .map(|i| ConvGroupNorm {
                    block: (
                        conv_norm::conv([if i == 0 { pyramid } else { width }, width], 3, false, device),
                        GroupNormConfig::new(FpnConfig::GROUPS, width).init(device),
                    ),
                })
                .collect(),
            doublings,
        };
        Self {
            encoder: ResNet::new(config.encoder, config.in_channels, 32, device),
            decoder: FpnDecoder {
                p5: to_pyramid(c5),
                p4: lateral(c4),
                p3: lateral(c3),
                p2: lateral(c2),
                seg_blocks: [3, 2, 1, 0].map(branch).into(),
                dropout: config.dropout,
            },
            segmentation_head: conv_norm::head([width, config.num_classes], 1, device),
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
        let [_, x2, x3, x4, x5] = self.encoder.forward(x);
        let decoder = &self.decoder;
        let p5 = conv_layer(&decoder.p5, x5);
        let p4 = decoder.p4.forward(p5.clone(), x4);
        let p3 = decoder.p3.forward(p4.clone(), x3);
        let p2 = decoder.p2.forward(p3.clone(), x2);
        let x = decoder
            .seg_blocks
            .iter()
            .zip([p5, p4, p3, p2])
            .map(|(branch, level)| branch.forward(level))
            .reduce(|sum, level| sum + level)
            .expect("there are four levels");
        let [batch, channels, _, _] = x.dims();
        let x = drop_blocks(x, decoder.dropout, [batch, channels, 1, 1]);
        upsample::bilinear_aligned(conv_norm::classify(&self.segmentation_head, x), 4)
    }
}

impl Lateral {
    fn forward(&self, coarser: Tensor<4>, x: Tensor<4>) -> Tensor<4> {
        upsample::nearest2(coarser) + conv_layer(&self.skip_conv, x)
    }
}

impl Branch {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.block.iter().fold(x, |x, ConvGroupNorm { block: (conv, norm) }| {
            let x = group_norm_relu(norm, conv_layer(conv, x));
            if self.doublings > 0 { upsample::bilinear_aligned(x, 2) } else { x }
        })
    }
}
