use burn::{nn::conv::Conv2d, prelude::*};

use crate::{DecodeHead, DetailPath, MixTransformer, SegFormerConfig, init};

/// SegFormer: a hierarchical transformer encoder with an all-MLP decoder.
///
/// [SegFormer: Simple and Efficient Design for Semantic Segmentation with
/// Transformers](https://arxiv.org/abs/2105.15203). Parameters are named as in published checkpoints.
#[derive(Module, Debug)]
pub struct SegFormer {
    /// Mix Transformer.
    pub encoder: MixTransformer,
    /// All-MLP decoder.
    pub decoder: DecodeHead,
    /// Path at full resolution.
    pub detail: Option<DetailPath>,
    /// Side of the squares of pixels whose mean is the encoder's input.
    pub input_stride: usize,
}

impl SegFormer {
    /// Initialises a network with random weights.
    ///
    /// # Panics
    /// If [`check`](SegFormerConfig::check) rejects the dimensions.
    pub fn new(config: &SegFormerConfig, device: &Device) -> Self {
        if let Err(error) = config.check() {
            panic!("{error}");
        }
        Self {
            encoder: MixTransformer::new(config, device),
            decoder: DecodeHead::new(config, device),
            detail: config.detail.map(|detail| DetailPath::new(config, &detail, device)),
            input_stride: config.input_stride,
        }
    }

    /// Logits of each class at each pixel.
    ///
    /// # Shapes
    /// - input `[N, in_channels, H, W]`; any size works; sizes other than multiples of 32 lose pixels at the edges
    /// - output `[N, num_classes, H, W]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let stages = self.encoder.forward(self.averaged(x.clone()));
        let (logits, context) = self.decoder.forward_with(stages, self.context());
        self.finish(x, logits, context)
    }

    /// The layer through which the detail path sees the decoder's features.
    pub(crate) fn context(&self) -> Option<&Conv2d> {
        self.detail.as_ref().map(|detail| &detail.context)
    }

    /// Logits at the input's resolution, from the decoder's logits and the context of the detail path.
    pub(crate) fn finish(&self, x: Tensor<4>, logits: Tensor<4>, context: Option<Tensor<4>>) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let logits = init::resize_bilinear(logits, [height, width]);
        match (&self.detail, context) {
            (Some(detail), Some(context)) => logits + detail.forward(x, context),
            _ => logits,
        }
    }

    /// The encoder's input, see [`SegFormerConfig::input_stride`].
    pub(crate) fn averaged(&self, x: Tensor<4>) -> Tensor<4> {
        let side = self.input_stride;
        if side == 1 {
            return x;
        }
        let [n, channels, height, width] = x.dims();
        let (rows, cols) = (height / side, width / side);
        x.reshape([n, channels, rows, side, cols, side]).mean_dim(5).mean_dim(3).reshape([n, channels, rows, cols])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Variant;

    #[test]
    fn logits_have_the_size_of_the_input() {
        let device = Device::flex();
        let network = SegFormer::new(&Variant::B0.config(4, 3), &device);
        assert_eq!(network.forward(Tensor::zeros([2, 4, 64, 32], &device)).dims(), [2, 3, 64, 32]);
    }

    #[test]
    fn variants_have_the_number_of_parameters_that_the_papers_state() {
        // SegFormer, table 1: 3.8 M for b0 with 150 classes and 3 channels. MineSegSAT: 44.6 M.
        let device = Device::flex();
        let millions = |config: SegFormerConfig| SegFormer::new(&config, &device).num_params() as f64 / 1e6;
        assert!((millions(Variant::B0.config(3, 150)) - 3.8).abs() < 0.05);
        assert!((millions(SegFormerConfig::paper()) - 44.6).abs() < 0.1);
    }
}
