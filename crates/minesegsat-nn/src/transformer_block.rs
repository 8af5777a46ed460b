use burn::{
    nn::{LayerNorm, LayerNormConfig, Linear},
    prelude::*,
};

use crate::{
    DropPath, DropPathConfig, EfficientSelfAttention, EfficientSelfAttentionConfig, MixFfn, MixFfnConfig,
    SegFormerConfig, fused,
};

const EPSILON: f64 = SegFormerConfig::LAYER_NORM_EPSILON;

/// Configuration of a [`TransformerBlock`].
#[derive(Config, Debug)]
pub struct TransformerBlockConfig {
    /// Width of the tokens.
    pub embed_dim: usize,
    /// Number of attention heads.
    pub num_heads: usize,
    /// Spatial reduction of keys and values, per axis.
    pub sr_ratio: usize,
    /// Width of the feed-forward network's hidden layer.
    pub hidden_dim: usize,
    /// Probability that a sample skips a branch in training.
    #[config(default = 0.0)]
    pub drop_path: f64,
}

/// One block of a stage: attention, then the feed-forward network. Each has a norm before it and is added to its input.
///
/// Figure 2 of [SegFormer](https://arxiv.org/abs/2105.15203).
#[derive(Module, Debug)]
pub struct TransformerBlock {
    /// Normalises the input of the attention.
    pub norm1: LayerNorm,
    /// Efficient self-attention.
    pub attention: EfficientSelfAttention,
    /// Normalises the input of the feed-forward network.
    pub norm2: LayerNorm,
    /// Feed-forward network.
    pub feed_forward: MixFfn,
    /// Stochastic depth.
    pub drop_path: DropPath,
}

impl TransformerBlockConfig {
    /// Initialises the block.
    pub fn init(&self, device: &Device) -> TransformerBlock {
        TransformerBlock {
            norm1: LayerNormConfig::new(self.embed_dim).with_epsilon(EPSILON).init(device),
            attention: EfficientSelfAttentionConfig::new(self.embed_dim, self.num_heads, self.sr_ratio).init(device),
            norm2: LayerNormConfig::new(self.embed_dim).with_epsilon(EPSILON).init(device),
            feed_forward: MixFfnConfig::new(self.embed_dim, self.hidden_dim).init(device),
            drop_path: DropPathConfig::new(self.drop_path).init(),
        }
    }
}

impl TransformerBlock {
    /// # Shapes
    /// - input and output `[N, H * W, embed_dim]`, with `size` = `[H, W]`
    pub fn forward(&self, x: Tensor<3>, size: [usize; 2]) -> Tensor<3> {
        let normed = fused::norm_layer(&self.norm1, EPSILON, x.clone());
        let x = self.add_branch(x, self.attention.context(normed, size), &self.attention.dense);
        let normed = fused::norm_layer(&self.norm2, EPSILON, x.clone());
        self.add_branch(x, self.feed_forward.hidden(normed, size), &self.feed_forward.mlp_out)
    }

    /// Applies the last linear layer of a branch and adds the result to `x`, unless drop path drops it.
    fn add_branch(&self, x: Tensor<3>, branch: Tensor<3>, last: &Linear) -> Tensor<3> {
        match &last.bias {
            Some(bias) if fused::takes(&branch) => {
                let factors = self.drop_path.factors(branch.dims()[0], &branch.device());
                fused::linear_residual(x, branch, last.weight.val(), bias.val(), factors)
            }
            _ => x + self.drop_path.forward(last.forward(branch)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_keep_their_shape() {
        let device = Device::flex();
        let block = TransformerBlockConfig::new(8, 2, 2, 16).init(&device);
        assert_eq!(block.forward(Tensor::ones([1, 24, 8], &device), [4, 6]).dims(), [1, 24, 8]);
    }
}
