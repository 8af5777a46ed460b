//! Upsampling by integer factors, for the convolutional decoders.

use burn::{
    prelude::*,
    tensor::{
        module::interpolate,
        ops::{InterpolateMode, InterpolateOptions},
    },
};

/// Upsamples by 2 with nearest neighbours.
///
/// # Shapes
/// - input `[N, C, H, W]`
/// - output `[N, C, 2 H, 2 W]`
pub(crate) fn nearest2(x: Tensor<4>) -> Tensor<4> {
    upsample(x, 2, InterpolateOptions::new(InterpolateMode::Nearest))
}

/// Bilinear upsampling with aligned corners, as PyTorch's `interpolate(mode="bilinear", align_corners=True)`.
///
/// # Shapes
/// - input `[N, C, H, W]`
/// - output `[N, C, factor H, factor W]`
pub(crate) fn bilinear_aligned(x: Tensor<4>, factor: usize) -> Tensor<4> {
    upsample(x, factor, InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(true))
}

fn upsample(x: Tensor<4>, factor: usize, options: InterpolateOptions) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    interpolate(x, options.with_output_size([factor * height, factor * width]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upsampling_equals_pytorch() {
        let x = Tensor::<4>::from_data([[[[0.0, 1.0, 3.0]]]], &Device::flex());
        let y = nearest2(x.clone()).into_data().try_to_vec::<f32>().unwrap();
        assert_eq!(y, [0.0, 0.0, 1.0, 1.0, 3.0, 3.0, 0.0, 0.0, 1.0, 1.0, 3.0, 3.0]);
        // torch.nn.functional.interpolate(torch.tensor([[[[0., 1., 3.]]]]), scale_factor=2, mode="bilinear",
        //                                 align_corners=True)
        let y = bilinear_aligned(x, 2).into_data().try_to_vec::<f32>().unwrap();
        for (y, expected) in y.iter().zip([0.0, 0.4, 0.8, 1.4, 2.2, 3.0].repeat(2)) {
            assert!((y - expected).abs() < 1e-6, "{y} {expected}");
        }
    }
}
