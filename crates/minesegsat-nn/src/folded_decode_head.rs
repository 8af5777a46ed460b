use std::convert::Infallible;

use burn::{
    module::Param,
    nn::{Linear, conv::Conv2d},
    prelude::*,
    tensor::activation::relu,
};

use crate::{DecodeHead, StageTokens, init};

/// The decoder for inference: the same output as [`DecodeHead`], with about half the work.
///
/// Each stage needs one linear layer at its own resolution, and the upsampled results are added. See
/// [`fold_decoder`](minesegsat_model::fold_decoder).
#[derive(Module, Debug)]
pub struct FoldedDecodeHead {
    /// Linear layers of stages 1 to 4 to the decoder's width. The bias of the first is the constant `c`.
    pub layers: Vec<Linear>,
    /// 1 x 1 convolution to class logits.
    pub classifier: Conv2d,
}

impl FoldedDecodeHead {
    /// Folds a decoder in evaluation mode.
    pub fn new(head: &DecodeHead, device: &Device) -> Self {
        let width = head.linear_fuse.weight.dims()[0];
        let embed_dims = [3, 2, 1, 0].map(|i: usize| head.layers[i].weight.dims()[1]);
        let Ok(folded) =
            minesegsat_model::fold_decoder(width, embed_dims, |name, _| Ok::<_, Infallible>(tensor(head, name)));
        let layers = folded.weights.into_iter().zip(embed_dims).enumerate().map(|(i, (weight, dim))| {
            // As a linear layer's weight: [dim, width].
            let transposed = (0..dim).flat_map(|c| weight[c..].iter().step_by(dim).copied()).collect();
            let bias = (i == 0).then(|| parameter(folded.constant.clone(), [width], device));
            Linear { weight: parameter(transposed, [dim, width], device), bias }
        });
        let layers = layers.collect();
        Self { layers, classifier: head.classifier.clone() }
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

    /// As [`DecodeHead::forward_with`].
    pub(crate) fn forward_with(
        &self,
        stages: Vec<StageTokens>,
        context: Option<&Conv2d>,
    ) -> (Tensor<4>, Option<Tensor<4>>) {
        assert_eq!(stages.len(), self.layers.len(), "the decoder takes the four stages of the encoder");
        let size = stages[0].size;
        let fused = stages
            .into_iter()
            .zip(&self.layers)
            .map(|(stage, layer)| {
                let map = init::tokens_to_map(layer.forward(stage.tokens), stage.size);
                init::resize_bilinear(map, size)
            })
            .reduce(|sum, stage| sum + stage)
            .expect("there are four stages");
        let features = relu(fused);
        (self.classifier.forward(features.clone()), context.map(|layer| layer.forward(features)))
    }
}

/// The values of a decoder's tensor by its name in checkpoints.
fn tensor(head: &DecodeHead, name: &str) -> Vec<f32> {
    let values = |data: TensorData| data.iter::<f32>().collect();
    let norm = &head.batch_norm;
    let layer = |rest: &str| rest.split_once('.').and_then(|(i, _)| head.layers.get(i.parse::<usize>().ok()?));
    match name.strip_prefix("decoder.").unwrap_or(name) {
        "linear_fuse.weight" => values(head.linear_fuse.weight.val().into_data()),
        "batch_norm.weight" => values(norm.gamma.val().into_data()),
        "batch_norm.bias" => values(norm.beta.val().into_data()),
        "batch_norm.running_mean" => values(norm.running_mean.value().into_data()),
        "batch_norm.running_var" => values(norm.running_var.value().into_data()),
        other => {
            let layer = other.strip_prefix("layers.").and_then(layer).expect("a tensor of the decoder");
            if other.ends_with(".weight") {
                values(layer.weight.val().into_data())
            } else {
                layer
                    .bias
                    .as_ref()
                    .map_or_else(|| vec![0.0; layer.weight.dims()[0]], |bias| values(bias.val().into_data()))
            }
        }
    }
}

fn parameter<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    Param::from_data(TensorData::new(values, shape), device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Checkpoint, Network, NetworkConfig, SegFormerConfig, Variant};

    #[test]
    fn the_folded_decoder_gives_the_answer_of_the_plain_one() {
        let device = Device::flex();
        let config = SegFormerConfig { embed_dims: [8, 16, 20, 32], ..Variant::B0.config(5, 3) };
        let config = NetworkConfig::SegFormer(config);
        let Network::SegFormer(mut network) = Checkpoint::random(&config, 3).load(&config, &device).unwrap() else {
            unreachable!("it is a SegFormer")
        };
        // Statistics and parameters that differ from those of a new batch norm.
        let ramp = |from: f64, step: f64| Tensor::<1, Int>::arange(0..256, &device).float() * step + from;
        network.decoder.batch_norm.running_mean.update(ramp(-0.3, 0.002));
        network.decoder.batch_norm.running_var.update(ramp(0.1, 0.01));
        network.decoder.batch_norm.gamma = Param::from_tensor(ramp(0.5, 0.004));
        network.decoder.batch_norm.beta = Param::from_tensor(ramp(0.2, -0.001));
        let values: Vec<f32> = (0..2 * 5 * 64 * 96).map(|i| ((i * 7919) % 1000) as f32 / 1000.0).collect();
        let input = Tensor::from_data(TensorData::new(values, [2, 5, 64, 96]), &device);
        let stages = network.encoder.forward(input);
        let plain = network.decoder.forward(stages.clone());
        let folded = FoldedDecodeHead::new(&network.decoder, &device).forward(stages);
        let scale = plain.clone().abs().max().into_scalar::<f32>();
        let difference = (plain - folded).abs().max().into_scalar::<f32>();
        assert!(scale > 0.1 && difference < 1e-5 * scale, "differs by {difference} of {scale}");
    }
}
