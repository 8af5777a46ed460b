use burn::{
    module::Param,
    nn::{Linear, conv::Conv2d},
    prelude::*,
    tensor::activation::relu,
};

use crate::{DecodeHead, StageTokens, init};

/// The decoder rewritten for inference: the same answer as [`DecodeHead`], with about half the work.
///
/// The projection of a stage `P`, its block `F` of the fusion and the batch norm `s x + t` in evaluation mode are linear
/// and act on each pixel alone, and bilinear upsampling (whose weights sum to 1) commutes with such maps:
///
/// `s (F_4 up(P_4 x_4 + b_4) + ... + F_1 (P_1 x_1 + b_1)) + t = up(s F_4 P_4 x_4) + ... + s F_1 P_1 x_1 + c`,
/// with `c = s (F_4 b_4 + ... + F_1 b_1) + t`.
///
/// So each stage needs one linear layer, at its own resolution; the upsampled results are added. The matrices are folded
/// in f64.
#[derive(Module, Debug)]
pub struct FoldedDecodeHead {
    /// Linear layer of stages 1 to 4 to the decoder's width; the constant `c` is the bias of the first.
    pub layers: Vec<Linear>,
    /// 1 x 1 convolution to class logits.
    pub classifier: Conv2d,
}

impl FoldedDecodeHead {
    /// Folds a decoder in its evaluation mode.
    pub fn new(head: &DecodeHead, device: &Device) -> Self {
        let width = head.linear_fuse.weight.dims()[0];
        let vector = |t: Tensor<1>| t.into_data().iter::<f64>().collect::<Vec<_>>();
        let norm = &head.batch_norm;
        let (gamma, beta) = (vector(norm.gamma.val()), vector(norm.beta.val()));
        let (mean, var) = (vector(norm.running_mean.value()), vector(norm.running_var.value()));
        let scale: Vec<f64> = gamma.iter().zip(&var).map(|(g, v)| g / (v + norm.epsilon).sqrt()).collect();

        // fuse[o][i * width + m]: from channel m of the projection of stage i + 1 to fused channel o.
        let fuse: Vec<f64> = head.linear_fuse.weight.val().into_data().iter::<f64>().collect();
        let stacked = head.layers.len() * width;
        let mut constant: Vec<f64> = (0..width).map(|o| beta[o] - scale[o] * mean[o]).collect();
        let mut layers = Vec::with_capacity(head.layers.len());
        for (i, layer) in head.layers.iter().rev().enumerate() {
            let [_, dim, _, _] = layer.weight.dims();
            let projection: Vec<f64> = layer.weight.val().into_data().iter::<f64>().collect();
            let bias = layer.bias.as_ref().map_or_else(|| vec![0.0; width], |b| vector(b.val()));
            // As a linear layer's weight: [dim, width].
            let mut weight = vec![0.0_f32; dim * width];
            let mut row = vec![0.0_f64; dim];
            for o in 0..width {
                row.fill(0.0);
                let block = &fuse[o * stacked + i * width..][..width];
                for (m, &f) in block.iter().enumerate() {
                    constant[o] += scale[o] * f * bias[m];
                    for (r, p) in row.iter_mut().zip(&projection[m * dim..][..dim]) {
                        *r += f * p;
                    }
                }
                for (c, r) in row.iter().enumerate() {
                    weight[c * width + o] = (scale[o] * r) as f32;
                }
            }
            layers.push(Linear { weight: Param::from_data(TensorData::new(weight, [dim, width]), device), bias: None });
        }
        let constant: Vec<f32> = constant.into_iter().map(|c| c as f32).collect();
        layers[0].bias = Some(Param::from_data(TensorData::new(constant, [width]), device));
        Self { layers, classifier: head.classifier.clone() }
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
        self.classifier.forward(relu(fused))
    }
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
        // Statistics and an affine map that are not those of a fresh batch norm.
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
