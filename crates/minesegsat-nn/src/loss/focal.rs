//! Focal loss: [`FocalLoss`].

use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

use super::{Target, cross_entropy::binary};

/// Mean of `-a (1 - p)^gamma log p` over valid pixels, where `p` is the probability of the true class. `a` is `alpha` for mines and
/// `1 - alpha` for background. With several outputs `a` is 1.
///
/// Lin, Goyal, Girshick, He, Dollar 2017, <https://arxiv.org/abs/1708.02002>.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FocalLoss {
    /// Weight of mines, 0 to 1.
    pub alpha: f64,
    /// Exponent that reduces the weight of well-classified pixels.
    pub gamma: f64,
}

impl Default for FocalLoss {
    fn default() -> Self {
        Self { alpha: 0.25, gamma: 2.0 }
    }
}

impl FocalLoss {
    /// # Shapes
    /// - `logits`: `[N, C, H, W]`; result: `[1]`
    pub fn forward(&self, logits: Tensor<4>, target: &Target) -> Tensor<1> {
        let (loss, weights) = if target.shape[1] == 1 {
            let weights = target.one_hot.clone().mul_scalar(2.0 * self.alpha - 1.0).add_scalar(1.0 - self.alpha);
            (binary(&logits, target), Some(weights))
        } else {
            ((activation::log_softmax(logits, 1) * target.one_hot.clone()).neg().sum_dim(1), None)
        };
        // The probability of the true class. 1 minus it has a small lower bound, so that the power has a finite slope.
        let wrong = loss.clone().neg().exp().neg().add_scalar(1.0).clamp_min(f32::MIN_POSITIVE);
        let loss = wrong.powf_scalar(self.gamma) * loss;
        let loss = match weights {
            Some(weights) => loss * weights,
            None => loss,
        };
        (loss * target.valid.clone()).sum().div_scalar(target.count())
    }
}
