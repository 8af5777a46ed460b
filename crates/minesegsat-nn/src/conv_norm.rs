//! Convolution, batch norm and ReLU, the parts of the convolutional decoders, with their initialisation.

use burn::{
    nn::{
        BatchNorm, BatchNormConfig, Initializer, PaddingConfig2d,
        conv::{Conv2d, Conv2dConfig},
    },
    prelude::*,
};

use crate::{
    fused::{batch_norm_layer, conv_layer},
    init,
};

/// Convolution and batch norm, named `0` and `1` like the members of a PyTorch `Sequential`.
pub(crate) type ConvNorm = (Conv2d, BatchNorm);

/// Depthwise and pointwise convolution.
pub(crate) type SeparableConv = (Conv2d, Conv2d);

/// Separable convolution and batch norm.
pub(crate) type SeparableConvNorm = (SeparableConv, BatchNorm);

/// The classifier, named `0` like the first member of a PyTorch `Sequential`.
pub(crate) type SegmentationHead = [Conv2d; 1];

/// A decoder's convolution that keeps the size, with weights uniform in `±sqrt(6 / fan_in)`
/// ([He et al. 2015](https://arxiv.org/abs/1502.01852)) and a zero bias if it has one.
pub(crate) fn conv(channels: [usize; 2], kernel: usize, bias: bool, device: &Device) -> Conv2d {
    let config = same_size(channels, kernel, 1).with_bias(bias);
    init::conv2d_with(&config, he_uniform(), device)
}

/// A classifier, with weights uniform in `±sqrt(6 / (fan_in + fan_out))` (Glorot & Bengio 2010) and a zero bias.
pub(crate) fn head(channels: [usize; 2], kernel: usize, device: &Device) -> SegmentationHead {
    [init::conv2d_with(&same_size(channels, kernel, 1), Initializer::XavierUniform { gain: 1.0 }, device)]
}

/// Convolution without bias, then batch norm.
pub(crate) fn conv_norm(channels: [usize; 2], kernel: usize, device: &Device) -> ConvNorm {
    (conv(channels, kernel, false, device), BatchNormConfig::new(channels[1]).init(device))
}

/// A 3 x 3 convolution with a stride and without bias, then batch norm. Its output has `ceil(size / stride)` pixels.
pub(crate) fn strided_conv_norm(channels: [usize; 2], stride: usize, device: &Device) -> ConvNorm {
    let config = same_size(channels, 3, 1).with_stride([stride; 2]).with_bias(false);
    (init::conv2d_with(&config, he_uniform(), device), BatchNormConfig::new(channels[1]).init(device))
}

/// 3 x 3 per channel, then 1 x 1 over the channels, both without bias.
pub(crate) fn separable_conv(channels: [usize; 2], dilation: usize, device: &Device) -> SeparableConv {
    let depthwise =
        same_size([channels[0]; 2], 3, dilation).with_dilation([dilation; 2]).with_groups(channels[0]).with_bias(false);
    (init::conv2d_with(&depthwise, he_uniform(), device), conv(channels, 1, false, device))
}

/// Separable convolution, then batch norm.
pub(crate) fn separable_conv_norm(channels: [usize; 2], dilation: usize, device: &Device) -> SeparableConvNorm {
    (separable_conv(channels, dilation, device), BatchNormConfig::new(channels[1]).init(device))
}

/// Convolution, batch norm, ReLU.
pub(crate) fn conv_norm_relu((conv, norm): &ConvNorm, x: Tensor<4>) -> Tensor<4> {
    batch_norm_layer(norm, conv_layer(conv, x), None, true)
}

/// Depthwise, then pointwise convolution.
pub(crate) fn separable((depthwise, pointwise): &SeparableConv, x: Tensor<4>) -> Tensor<4> {
    conv_layer(pointwise, conv_layer(depthwise, x))
}

/// Logits at the resolution of the map.
pub(crate) fn classify([layer]: &SegmentationHead, x: Tensor<4>) -> Tensor<4> {
    conv_layer(layer, x)
}

/// Separable convolution, batch norm, ReLU.
pub(crate) fn separable_conv_norm_relu((conv, norm): &SeparableConvNorm, x: Tensor<4>) -> Tensor<4> {
    batch_norm_layer(norm, separable(conv, x), None, true)
}

fn same_size(channels: [usize; 2], kernel: usize, dilation: usize) -> Conv2dConfig {
    let padding = kernel / 2 * dilation;
    Conv2dConfig::new(channels, [kernel; 2]).with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding))
}

fn he_uniform() -> Initializer {
    Initializer::KaimingUniform { gain: std::f64::consts::SQRT_2, fan_out_only: false }
}
