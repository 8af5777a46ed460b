use burn::{
    nn::{
        BatchNorm, BatchNormConfig, PaddingConfig2d,
        conv::{Conv2d, Conv2dConfig},
    },
    prelude::*,
    tensor::{module::max_pool2d, ops::MaxPoolOptions},
};

use crate::{
    Encoder,
    fused::{batch_norm_layer, conv_layer},
    init,
};

/// Inner widths of the four stages.
const WIDTHS: [usize; 4] = Encoder::WIDTHS;

/// Residual encoder: maps at 1/2, 1/4, 1/8, 1/16 and 1/32 of the input's resolution.
///
/// [Deep Residual Learning for Image Recognition](https://arxiv.org/abs/1512.03385), with the stride of a bottleneck in
/// its 3 x 3 convolution, as in published weights. Parameters are named as in published weights.
#[derive(Module, Debug)]
pub struct ResNet {
    conv1: Conv2d,
    bn1: BatchNorm,
    layer1: Vec<ResidualBlock>,
    layer2: Vec<ResidualBlock>,
    layer3: Vec<ResidualBlock>,
    layer4: Vec<ResidualBlock>,
}

/// Two 3 x 3 convolutions, or a bottleneck of 1 x 1, 3 x 3 and 1 x 1, added to the input.
#[derive(Module, Debug)]
struct ResidualBlock {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    conv3: Option<Conv2d>,
    bn3: Option<BatchNorm>,
    /// Projects the input to the output's shape, if they differ.
    downsample: Option<(Conv2d, BatchNorm)>,
}

/// Dimensions of a block.
#[derive(Clone, Copy)]
struct BlockShape {
    in_channels: usize,
    width: usize,
    expansion: usize,
    stride: usize,
    dilation: usize,
}

impl ResNet {
    /// Initialises an encoder. An `output_stride` of 16 keeps the last stage at 1/16 and dilates it by 2 instead.
    pub(crate) fn new(encoder: Encoder, in_channels: usize, output_stride: usize, device: &Device) -> Self {
        let stem = Conv2dConfig::new([in_channels, WIDTHS[0]], [7, 7])
            .with_stride([2, 2])
            .with_padding(PaddingConfig2d::Explicit(3, 3, 3, 3))
            .with_bias(false);
        let expansion = encoder.expansion();
        let mut in_channels = WIDTHS[0];
        let mut layer = |stage: usize| {
            let dilation = if stage == 3 && output_stride == 16 { 2 } else { 1 };
            let mut stride = if stage == 0 || dilation > 1 { 1 } else { 2 };
            (0..encoder.depths()[stage])
                .map(|_| {
                    let shape = BlockShape { in_channels, width: WIDTHS[stage], expansion, stride, dilation };
                    (in_channels, stride) = (WIDTHS[stage] * expansion, 1);
                    ResidualBlock::new(shape, device)
                })
                .collect()
        };
        Self {
            conv1: init::conv2d(&stem, device),
            bn1: BatchNormConfig::new(WIDTHS[0]).init(device),
            layer1: layer(0),
            layer2: layer(1),
            layer3: layer(2),
            layer4: layer(3),
        }
    }

    /// The maps, from the finest to the coarsest.
    ///
    /// # Shapes
    /// - input `[N, in_channels, H, W]`
    /// - output i: `[N, channels[i], H / 2^(i + 1), W / 2^(i + 1)]`
    pub fn forward(&self, x: Tensor<4>) -> [Tensor<4>; 5] {
        let stage = |blocks: &[ResidualBlock], x: Tensor<4>| blocks.iter().fold(x, |x, block| block.forward(x));
        let x1 = batch_norm_layer(&self.bn1, conv_layer(&self.conv1, x), None, true);
        let pooled = max_pool2d(x1.clone(), MaxPoolOptions::new([3, 3]).with_stride([2, 2]).with_padding([1, 1]));
        let x2 = stage(&self.layer1, pooled);
        let x3 = stage(&self.layer2, x2.clone());
        let x4 = stage(&self.layer3, x3.clone());
        let x5 = stage(&self.layer4, x4.clone());
        [x1, x2, x3, x4, x5]
    }
}

impl ResidualBlock {
    fn new(shape: BlockShape, device: &Device) -> Self {
        let BlockShape { in_channels, width, expansion, stride, dilation } = shape;
        let conv = |channels: [usize; 2], kernel: usize, stride: usize| {
            let padding = kernel / 2 * dilation;
            let config = Conv2dConfig::new(channels, [kernel; 2])
                .with_stride([stride; 2])
                .with_dilation(if kernel > 1 { [dilation; 2] } else { [1; 2] })
                .with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding))
                .with_bias(false);
            init::conv2d(&config, device)
        };
        let norm = |channels: usize| BatchNormConfig::new(channels).init(device);
        let out = width * expansion;
        let bottleneck = expansion > 1;
        Self {
            conv1: if bottleneck { conv([in_channels, width], 1, 1) } else { conv([in_channels, width], 3, stride) },
            bn1: norm(width),
            conv2: conv([width, width], 3, if bottleneck { stride } else { 1 }),
            bn2: norm(width),
            conv3: bottleneck.then(|| conv([width, out], 1, 1)),
            bn3: bottleneck.then(|| norm(out)),
            downsample: (stride > 1 || in_channels != out).then(|| (conv([in_channels, out], 1, stride), norm(out))),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let residual = match &self.downsample {
            Some((conv, norm)) => batch_norm_layer(norm, conv_layer(conv, x.clone()), None, false),
            None => x.clone(),
        };
        let x = batch_norm_layer(&self.bn1, conv_layer(&self.conv1, x), None, true);
        let x = conv_layer(&self.conv2, x);
        let (Some(conv3), Some(bn3)) = (&self.conv3, &self.bn3) else {
            return batch_norm_layer(&self.bn2, x, Some(residual), true);
        };
        let x = batch_norm_layer(&self.bn2, x, None, true);
        batch_norm_layer(bn3, conv_layer(conv3, x), Some(residual), true)
    }
}
