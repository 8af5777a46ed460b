//! Dice loss: [`DiceLoss`].

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::{Target, region::Region};

/// `1 - (2 I + s) / (P + T + s)` with the overlap `I` of prediction `P` and truth `T`, over the whole batch.
///
/// Milletari, Navab, Ahmadi 2016, *V-Net*, <https://arxiv.org/abs/1606.04797>.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiceLoss {
    /// Added to numerator and denominator: smooths the loss of small regions.
    pub smooth: f64,
}

impl Default for DiceLoss {
    fn default() -> Self {
        Self { smooth: 1.0 }
    }
}

impl DiceLoss {
    /// # Shapes
    /// - `logits`: `[N, C, H, W]`; result: `[1]`
    pub fn forward(&self, logits: Tensor<4>, target: &Target) -> Tensor<1> {
        let region = Region::new(logits, target);
        let above = region.intersection.clone().mul_scalar(2.0).add_scalar(self.smooth);
        let below = (region.predicted.clone() + region.actual.clone()).add_scalar(self.smooth);
        region.loss(above, below)
    }
}
