use burn::{
    module::Param,
    nn::{BatchNorm, BatchNormConfig, conv::Conv2d, conv::Conv2dConfig},
    prelude::*,
    tensor::activation::relu,
};

use crate::{
    SegFormerConfig, StageTokens,
    drop_path::{block_factors, drop_blocks},
    fused::{self, Classify, Moments},
    init,
};

/// All-MLP decoder: projects the four stages to one width, upsamples them to the first, fuses and classifies.
///
/// Section 3.2 of [SegFormer](https://arxiv.org/abs/2105.15203). The linear layers are 1 x 1 convolutions, as in
/// published weights. This is the plain form, for training. [`FoldedDecodeHead`](crate::FoldedDecodeHead) computes the same
/// output faster.
#[derive(Module, Debug)]
pub struct DecodeHead {
    /// 1 x 1 convolutions to the decoder's width, for stages 4, 3, 2, 1.
    pub layers: Vec<Conv2d>,
    /// 1 x 1 convolution without bias over the concatenated projections of stages 1, 2, 3, 4.
    pub linear_fuse: Conv2d,
    /// Normalises the fused map.
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
    /// If there are not four stages.
    pub fn forward(&self, stages: Vec<StageTokens>) -> Tensor<4> {
        self.forward_with(stages, None).0
    }

    /// Logits as [`forward`](Self::forward), and the output of another 1 x 1 convolution over the features that the classifier
    /// sees, `[N, channels, H_1, W_1]`.
    pub(crate) fn forward_with(
        &self,
        stages: Vec<StageTokens>,
        context: Option<&Conv2d>,
    ) -> (Tensor<4>, Option<Tensor<4>>) {
        assert_eq!(stages.len(), 4, "the decoder takes the four stages of the encoder");
        if fused::takes(&stages[0].tokens) {
            return self.forward_composed(stages, context);
        }
        let size = stages[0].size;
        let projected: Vec<_> = stages
            .into_iter()
            .zip(self.layers.iter().rev())
            .map(|(stage, layer)| init::resize_bilinear(layer.forward(stage.into_map()), size))
            .collect();
        let x = relu(fused::normalise(&self.batch_norm, self.linear_fuse.forward(Tensor::cat(projected, 1))));
        let [batch, channels, _, _] = x.dims();
        let x = drop_blocks(x, self.dropout, [batch, channels, 1, 1]);
        (self.classifier.forward(x.clone()), context.map(|layer| layer.forward(x)))
    }

    /// The same with less work. The projection of a stage and its block of the fusion layer are linear and act on each pixel
    /// alone. Bilinear upsampling, whose weights sum to 1, commutes with such maps. So the product of both is applied to each
    /// stage at its own resolution, and the results are upsampled and added. Gradients reach both factors through the product.
    fn forward_composed(&self, stages: Vec<StageTokens>, context: Option<&Conv2d>) -> (Tensor<4>, Option<Tensor<4>>) {
        let [width, stacked, _, _] = self.linear_fuse.weight.dims();
        let device = stages[0].tokens.device();
        let fuse = self.linear_fuse.weight.val().reshape([width, stacked]);
        let layers: Vec<_> = self.layers.iter().rev().collect();
        let bias = |layer: &Conv2d| layer.bias.as_ref().map_or_else(|| Tensor::zeros([width], &device), Param::val);
        let biases = Tensor::cat(layers.iter().map(|layer| bias(layer)).collect(), 0);
        let constant = fuse.clone().matmul(biases.reshape([stacked, 1])).reshape([width]);
        let sizes = [0, 1, 2, 3].map(|i: usize| stages[i].size);
        let [batch, _, _] = stages[0].tokens.dims();
        let mut stages = stages.into_iter();
        let projected = [0, 1, 2, 3].map(|i: usize| {
            let tokens = stages.next().expect("four stages").tokens;
            let [_, dim, _, _] = layers[i].weight.dims();
            let block = fuse.clone().slice([0..width, i * width..(i + 1) * width]);
            let weight = block.matmul(layers[i].weight.val().reshape([width, dim])).transpose();
            fused::linear(tokens, weight, (i == 0).then(|| constant.clone()))
        });
        let x = fused::upsample_sum(projected, sizes);

        let norm = &self.batch_norm;
        let from_batch = device.is_autodiff() && norm.training.is_enabled();
        let moments = (!from_batch).then(|| {
            let values = |t: Tensor<1>| t.into_data().try_into_vec_as::<f32>().expect("statistics are floats");
            Moments { mean: values(norm.running_mean.value()), variance: values(norm.running_var.value()) }
        });
        let keep = block_factors(self.dropout, [batch, width, 1, 1], &device);
        // The layer for the context sees what the classifier sees: one product serves both.
        let classes = self.classifier.weight.dims()[0];
        let of_both = || std::iter::once(&self.classifier).chain(context);
        let bias = |layer: &Conv2d| {
            layer.bias.as_ref().map_or_else(|| Tensor::zeros([layer.weight.dims()[0]], &device), Param::val)
        };
        let bias = Tensor::cat(of_both().map(bias).collect(), 0);
        let weight = Tensor::cat(of_both().map(|layer| layer.weight.val().reshape([-1, width as i32])).collect(), 0);
        let count = batch * sizes[0][0] * sizes[0][1];
        let operation = Classify { moments, epsilon: norm.epsilon as f32, keep, batch };
        let (logits, moments) = fused::classify(x, [norm.gamma.val(), norm.beta.val()], weight, bias, operation);
        if from_batch {
            let row = |values: &[f32]| Tensor::from_floats(values, &device);
            fused::update_running(norm, row(&moments.mean), row(&moments.variance), count);
        }
        if let (1, None) = (classes, context) {
            return (logits.reshape([batch, 1, sizes[0][0], sizes[0][1]]), None);
        }
        let map = init::tokens_to_map(logits, sizes[0]);
        if context.is_none() {
            return (map, None);
        }
        let channels = map.dims()[1];
        (map.clone().narrow(1, 0, classes), Some(map.narrow(1, classes, channels - classes)))
    }
}

#[cfg(test)]
mod tests {
    use burn::{module::RunningState, tensor::TensorData};

    use super::*;
    use crate::{Variant, fused::check, with_plain_operations};

    #[test]
    fn statistics_are_noted_as_pytorch_does() {
        // m = torch.nn.BatchNorm2d(1); m(torch.tensor([[[[1., 3.], [5., 9.]]]])); m.running_mean, m.running_var
        // -> 0.45, 2.0667
        let device = Device::flex().autodiff();
        let config = SegFormerConfig { decoder_dim: 1, ..Variant::B0.config(3, 1) };
        let head = DecodeHead::new(&config, &device);
        fused::normalise(&head.batch_norm, Tensor::from_data([[[[1.0, 3.0], [5.0, 9.0]]]], &device));
        let value = |state: &RunningState<Tensor<1>>| state.value_sync().into_scalar::<f32>();
        assert!((value(&head.batch_norm.running_mean) - 0.45).abs() < 1e-6);
        assert!((value(&head.batch_norm.running_var) - 2.066_666_7).abs() < 1e-5);
    }

    #[test]
    fn the_composed_decoder_is_the_plain_one() {
        let training = Device::flex().autodiff();
        for (classes, device) in [(1, &training), (3, &training), (2, &Device::flex())] {
            let config = SegFormerConfig {
                embed_dims: [6, 10, 9, 20],
                decoder_dim: 24,
                dropout: 0.0,
                ..Variant::B0.config(3, classes)
            };
            let sizes = [[10, 7], [5, 4], [3, 2], [2, 1]];
            let stages: Vec<StageTokens> = sizes
                .into_iter()
                .zip(config.embed_dims)
                .map(|(size, dim)| {
                    let shape = [2, size[0] * size[1], dim];
                    let values = check::random(shape.iter().product());
                    StageTokens { tokens: Tensor::from_data(TensorData::new(values, shape), device), size }
                })
                .collect();
            let head = DecodeHead::new(&config, device);
            let answer = |head: &DecodeHead| {
                let logits = head.forward(stages.clone()).into_data().try_into_vec_as::<f32>().unwrap();
                let state =
                    |state: &RunningState<Tensor<1>>| state.value_sync().into_data().try_into_vec_as::<f32>().unwrap();
                [logits, state(&head.batch_norm.running_mean), state(&head.batch_norm.running_var)]
            };
            // A clone shares its running statistics.
            let mut other = head.clone();
            other.batch_norm.running_mean = RunningState::new(head.batch_norm.running_mean.value());
            other.batch_norm.running_var = RunningState::new(head.batch_norm.running_var.value());
            let (found, expected) = (answer(&head), with_plain_operations(|| answer(&other)));
            for (found, expected) in found.iter().zip(&expected) {
                check::assert_close("the answer", found, expected, 1e-5);
            }
        }
    }
}
