//! Weight initialisation as by SegFormer's authors, and conversions between maps and tokens.

use burn::{
    module::Param,
    nn::{
        Initializer, Linear, LinearConfig,
        conv::{Conv2d, Conv2dConfig},
    },
    prelude::*,
    tensor::{
        module::interpolate,
        ops::{InterpolateMode, InterpolateOptions},
    },
};

use crate::fused;

/// A linear layer with weights from a normal distribution of standard deviation 0.02 and a zero bias.
pub(crate) fn linear(d_input: usize, d_output: usize, device: &Device) -> Linear {
    let layer = LinearConfig::new(d_input, d_output)
        .with_initializer(Initializer::Normal { mean: 0.0, std: 0.02 })
        .init(device);
    Linear { bias: layer.bias.map(|_| zeros(d_output, device)), ..layer }
}

/// A convolution with weights from a normal distribution of variance `2 / fan_out`, and a zero bias if it has one.
pub(crate) fn conv2d(config: &Conv2dConfig, device: &Device) -> Conv2d {
    let fan_out = config.kernel_size.iter().product::<usize>() * config.channels[1] / config.groups;
    let std = (2.0 / fan_out as f64).sqrt();
    conv2d_with(config, Initializer::Normal { mean: 0.0, std }, device)
}

/// A convolution with weights and a bias of zero.
pub(crate) fn zero_conv2d(config: &Conv2dConfig, device: &Device) -> Conv2d {
    conv2d_with(config, Initializer::Zeros, device)
}

/// A convolution with weights of an initialiser, and a zero bias if it has one.
pub(crate) fn conv2d_with(config: &Conv2dConfig, initializer: Initializer, device: &Device) -> Conv2d {
    let layer = config.clone().with_initializer(initializer).init(device);
    Conv2d { bias: layer.bias.map(|_| zeros(config.channels[1], device)), ..layer }
}

fn zeros(len: usize, device: &Device) -> Param<Tensor<1>> {
    Initializer::Zeros.init([len], device)
}

/// Bilinear resampling with half-pixel centres, as PyTorch's `interpolate(mode="bilinear", align_corners=False)`.
///
/// # Shapes
/// - input `[N, C, H, W]`
/// - output `[N, C, size[0], size[1]]`
pub(crate) fn resize_bilinear(x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    if [height, width] == size {
        return x;
    }
    if fused::takes(&x) {
        return fused::resize_planes(x, size);
    }
    let options = InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(false).with_output_size(size);
    interpolate(x, options)
}

/// Tokens as a map: `[N, H * W, C]` to `[N, C, H, W]`.
pub(crate) fn tokens_to_map(tokens: Tensor<3>, [height, width]: [usize; 2]) -> Tensor<4> {
    let [batch, _, channels] = tokens.dims();
    tokens.swap_dims(1, 2).reshape([batch, channels, height, width])
}

/// A map as tokens: `[N, C, H, W]` to `[N, H * W, C]`.
pub(crate) fn map_to_tokens(map: Tensor<4>) -> Tensor<3> {
    let [batch, channels, height, width] = map.dims();
    map.reshape([batch, channels, height * width]).swap_dims(1, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bilinear_resampling_uses_half_pixel_centres() {
        // torch.nn.functional.interpolate(torch.tensor([[[[0., 1.], [2., 3.]]]]), size=(2, 4), mode="bilinear",
        //                                 align_corners=False)
        let x = Tensor::<4>::from_data([[[[0.0, 1.0], [2.0, 3.0]]]], &Device::flex());
        let y = resize_bilinear(x, [2, 4]).into_data();
        assert_eq!(y.try_to_vec::<f32>().unwrap(), [0.0, 0.25, 0.75, 1.0, 2.0, 2.25, 2.75, 3.0]);
    }

    #[test]
    fn tokens_and_maps_are_inverse_of_each_other() {
        let x = Tensor::<1, Int>::arange(0..24, &Device::flex()).float().reshape([1, 2, 3, 4]);
        let y = tokens_to_map(map_to_tokens(x.clone()), [3, 4]);
        assert_eq!(x.into_data(), y.into_data());
    }
}
