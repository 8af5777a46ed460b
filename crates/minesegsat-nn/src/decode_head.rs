use burn::{
    nn::{BatchNorm, BatchNormConfig, conv::Conv2d, conv::Conv2dConfig},
    prelude::*,
    tensor::activation::relu,
};

use crate::{SegFormerConfig, StageTokens, drop_path::drop_blocks, init};

/// All-MLP decoder: projects the four stages to one width, upsamples them to the first, fuses and classifies.
///
/// Section 3.2 of [SegFormer](https://arxiv.org/abs/2105.15203). The linear layers are kept as 1 x 1 convolutions, as
/// published weights have them. Written plainly, for training; [`FoldedDecodeHead`](crate::FoldedDecodeHead) gives the
/// same answer faster.
#[derive(Module, Debug)]
pub struct DecodeHead {
    /// 1 x 1 convolutions to the decoder's width, of stages 4, 3, 2, 1.
    pub layers: Vec<Conv2d>,
    /// 1 x 1 convolution, without bias, over the projected stages stacked in the order 1, 2, 3, 4.
    pub linear_fuse: Conv2d,
    /// Normalises what was fused.
    pub batch_norm: BatchNorm,
    /// 1 x 1 convolution to class logits.
    pub classifier: Conv2d,
    /// Probability that a channel is dropped before the classifier in training.
    pub dropout: f64,
}

impl DecodeHead {
    /// Initialises the decoder of a network.
    pub(crate) fn new(config: &SegFormerConfig, device: &Device) -> Self {
        let width = config.decoder_dim;
        let conv1x1 = |channels: [usize; 2], bias: bool| {
            init::conv2d(&Conv2dConfig::new(channels, [1, 1]).with_bias(bias), device)
        };
        Self {
            layers: config.embed_dims.iter().rev().map(|&dim| conv1x1([dim, width], true)).collect(),
            linear_fuse: conv1x1([4 * width, width], false),
            batch_norm: BatchNormConfig::new(width).init(device),
            classifier: conv1x1([width, config.num_classes], true),
            dropout: config.dropout,
        }
    }

    /// Logits at the first stage's resolution.
    ///
    /// # Shapes
    /// - input: stages 1 to 4, `[N, H_i * W_i, embed_dims[i]]`
    /// - output `[N, num_classes, H_1, W_1]`
    ///
    /// # Panics
    /// Where there are not four stages.
    pub fn forward(&self, stages: Vec<StageTokens>) -> Tensor<4> {
        assert_eq!(stages.len(), 4, "the decoder takes the four stages of the encoder");
        let size = stages[0].size;
        let projected: Vec<_> = stages
            .into_iter()
            .zip(self.layers.iter().rev())
            .map(|(stage, layer)| init::resize_bilinear(layer.forward(stage.into_map()), size))
            .collect();
        let x = relu(self.batch_norm.forward(self.linear_fuse.forward(Tensor::cat(projected, 1))));
        let [batch, channels, _, _] = x.dims();
        self.classifier.forward(drop_blocks(x, self.dropout, [batch, channels, 1, 1]))
    }
}
