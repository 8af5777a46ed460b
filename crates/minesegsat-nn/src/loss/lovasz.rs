//! Lovasz hinge loss: [`LovaszHingeLoss`].

use burn::tensor::{Tensor, TensorData, activation};
use serde::{Deserialize, Serialize};

use super::Target;

/// The Lovasz extension of the Jaccard loss, over hinge errors `1 - y x` of the logits `x`, where `y` is 1 or -1.
///
/// Berman, Triki, Blaschko 2018, <https://arxiv.org/abs/1705.08790>, algorithm 1. Errors are sorted on the host: their order
/// determines the weights, which have no gradient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LovaszHingeLoss {
    /// Average over the images, or treat the whole batch as one image.
    pub per_image: bool,
}

impl Default for LovaszHingeLoss {
    fn default() -> Self {
        Self { per_image: true }
    }
}

impl LovaszHingeLoss {
    /// # Shapes
    /// - `logits`: `[N, 1, H, W]`; result: `[1]`
    pub fn forward(&self, logits: Tensor<4>, target: &Target) -> Tensor<1> {
        let [n, outputs, h, w] = target.shape;
        assert_eq!(outputs, 1, "lovasz-hinge is for one output");
        let signs = target.one_hot.clone().mul_scalar(2.0).add_scalar(-1.0);
        let errors = (logits * signs).neg().add_scalar(1.0);
        let data = errors.clone().into_data();
        let values: Vec<f32> = data.iter::<f32>().collect();
        let group = if self.per_image { h * w } else { n * h * w };
        let mut weights = vec![0.0_f32; values.len()];
        for start in (0..values.len()).step_by(group) {
            let counts = |i: usize| target.classes[i] != target.ignore;
            let mut order: Vec<usize> = (start..start + group).filter(|&i| counts(i)).collect();
            order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
            let positives = order.iter().filter(|&&i| target.classes[i] != 0).count() as f32;
            // Jaccard losses of the first pixels, in descending order of errors, and their differences. In f32, as in the
            // authors' code.
            let (mut hit, mut missed, mut last) = (0.0_f32, 0.0_f32, 0.0_f32);
            for &i in &order {
                if target.classes[i] == 0 {
                    missed += 1.0;
                } else {
                    hit += 1.0;
                }
                let jaccard = 1.0 - (positives - hit) / (positives + missed);
                weights[i] = jaccard - last;
                last = jaccard;
            }
        }
        let device = errors.device();
        let weights = Tensor::<4>::from_data(TensorData::new(weights, [n, 1, h, w]), &device);
        let groups = if self.per_image { n as f64 } else { 1.0 };
        (activation::relu(errors) * weights).sum().div_scalar(groups)
    }
}
