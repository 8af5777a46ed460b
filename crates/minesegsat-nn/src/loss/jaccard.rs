//! Jaccard loss: [`JaccardLoss`].

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::{Target, region::Region};

/// `1 - (I + s) / (P + T - I + s)` with the overlap `I` of prediction `P` and truth `T`, over the whole batch.
///
/// Rahman, Wang 2016, *Optimizing Intersection-Over-Union in Deep Neural Networks for Image Segmentation*.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JaccardLoss {
    /// Added to numerator and denominator: smooths the loss of small regions.
    pub smooth: f64,
}

impl Default for JaccardLoss {
    fn default() -> Self {
        Self { smooth: 1.0 }
    }
}

impl JaccardLoss {
    /// # Shapes
    /// - `logits`: `[N, C, H, W]`; result: `[1]`
    pub fn forward(&self, logits: Tensor<4>, target: &Target) -> Tensor<1> {
        let region = Region::new(logits, target);
        let union = region.predicted.clone() + region.actual.clone() - region.intersection.clone();
        region.loss(region.intersection.clone().add_scalar(self.smooth), union.add_scalar(self.smooth))
    }
}
