//! Tversky loss: [`TverskyLoss`].

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::{Target, region::Region};

/// `(1 - (I + s) / (I + alpha FP + beta FN + s)) ^ gamma` over the whole batch, with true positives `I`, false positives
/// `FP` and false negatives `FN` of the probabilities.
///
/// Salehi, Erdogmus, Gholipour 2017, <https://arxiv.org/abs/1706.05721>; the exponent is that of Abraham and Khan 2019,
/// <https://arxiv.org/abs/1810.07842>. The published code of the paper has `alpha = beta = 4`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TverskyLoss {
    /// Weight of false positives.
    pub alpha: f64,
    /// Weight of false negatives.
    pub beta: f64,
    /// Added to numerator and denominator: smooths the loss of small regions.
    pub smooth: f64,
    /// Focal exponent. Below 1, small remaining errors keep more weight.
    pub gamma: f64,
}

impl Default for TverskyLoss {
    fn default() -> Self {
        Self { alpha: 0.5, beta: 0.5, smooth: 1.0, gamma: 1.0 }
    }
}

impl TverskyLoss {
    /// # Shapes
    /// - `logits`: `[N, C, H, W]`; result: `[1]`
    pub fn forward(&self, logits: Tensor<4>, target: &Target) -> Tensor<1> {
        let region = Region::new(logits, target);
        let overlap = region.intersection.clone();
        let false_positives = region.predicted.clone() - overlap.clone();
        let false_negatives = region.actual.clone() - overlap.clone();
        let below = overlap.clone() + false_positives.mul_scalar(self.alpha) + false_negatives.mul_scalar(self.beta);
        let loss = region.loss(overlap.add_scalar(self.smooth), below.add_scalar(self.smooth));
        if self.gamma == 1.0 {
            return loss;
        }
        // The slope of a root is infinite at 0, which a batch without mines reaches. It is set to 0 there.
        loss.clamp_min(f32::MIN_POSITIVE).powf_scalar(self.gamma)
    }
}
