//! [`CrossEntropyLoss`]

use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

use super::Target;

/// Mean of `-w log p` of the true class over the pixels that count, divided by the sum of their weights `w`.
///
/// With one output this is the binary cross-entropy of its sigmoid.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CrossEntropyLoss {
    /// Weight of each class, background first; all 1 where they are not given.
    pub class_weights: Option<Vec<f64>>,
}

/// `-log p` of what is true, `[N, 1, H, W]` for one output; 0 where pixels are ignored.
pub(super) fn binary(logits: &Tensor<4>, target: &Target) -> Tensor<4> {
    let truth = target.one_hot.clone();
    let positive = activation::log_sigmoid(logits.clone()) * truth.clone();
    let negative = activation::log_sigmoid(logits.clone().neg()) * truth.neg().add_scalar(1.0);
    (positive + negative).neg() * target.valid.clone()
}

impl CrossEntropyLoss {
    /// # Shapes
    /// - `logits`: `[N, C, H, W]`; result: `[1]`
    pub fn forward(&self, logits: Tensor<4>, target: &Target) -> Tensor<1> {
        let outputs = target.shape[1];
        let weight = |class: usize| self.class_weights.as_ref().map_or(1.0, |weights| weights[class]);
        let counted = target.classes.iter().filter(|&&class| class != target.ignore);
        let total: f64 =
            counted.map(|&class| weight(if outputs == 1 { usize::from(class != 0) } else { usize::from(class) })).sum();
        let sum = if outputs == 1 {
            let loss = binary(&logits, target);
            let weights = target.one_hot.clone().mul_scalar(weight(1) - weight(0)).add_scalar(weight(0));
            (loss * weights).sum()
        } else {
            let per_class = activation::log_softmax(logits, 1) * target.one_hot.clone();
            let per_class = per_class.neg().sum_dim(0).sum_dim(2).sum_dim(3).reshape([outputs]);
            let weights: Vec<f32> = (0..outputs).map(|class| weight(class) as f32).collect();
            let device = per_class.device();
            (per_class * Tensor::<1>::from_data(weights.as_slice(), &device)).sum()
        };
        sum.div_scalar(if total > 0.0 { total } else { 1.0 })
    }
}
