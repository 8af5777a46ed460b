//! Overlap of prediction and truth, for the Dice, Jaccard and Tversky losses.

use burn::tensor::{Tensor, activation};

use super::Target;

/// Keeps quotients finite.
const EPSILON: f32 = 1e-7;

/// Sums over all valid pixels of a batch, one per class: `[C]`.
pub(super) struct Region {
    /// Sum of the probability over pixels of the class.
    pub(super) intersection: Tensor<1>,
    /// Sum of the probability over all pixels.
    pub(super) predicted: Tensor<1>,
    /// Number of pixels of the class.
    pub(super) actual: Tensor<1>,
}

impl Region {
    pub(super) fn new(logits: Tensor<4>, target: &Target) -> Self {
        let classes = target.shape[1];
        let probabilities = if classes == 1 { activation::sigmoid(logits) } else { activation::softmax(logits, 1) };
        let probabilities = probabilities * target.valid.clone();
        let sum = |tensor: Tensor<4>| tensor.sum_dim(0).sum_dim(2).sum_dim(3).reshape([classes]);
        Self {
            intersection: sum(probabilities.clone() * target.one_hot.clone()),
            predicted: sum(probabilities),
            actual: sum(target.one_hot.clone()),
        }
    }

    /// `1 - numerator / denominator`, averaged over the classes. Classes that do not occur in the batch count as 0.
    pub(super) fn loss(&self, numerator: Tensor<1>, denominator: Tensor<1>) -> Tensor<1> {
        let present = self.actual.clone().greater_elem(0.0).float();
        let score = numerator / denominator.clamp_min(EPSILON);
        ((score.neg().add_scalar(1.0)) * present).mean()
    }
}
