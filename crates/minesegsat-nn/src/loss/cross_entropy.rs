//! Cross-entropy: [`CrossEntropyLoss`].

use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

use super::Target;

/// `-w q log p` summed over classes and valid pixels, divided by the sum of the weights `w` of their true classes.
///
/// `q` is the smoothed label: `1 - label_smoothing` for the pixel's class, plus the rest spread evenly over all `K` classes
/// (Szegedy et al. 2016, CVPR, section 7). Smoothing limits the confidence in coarse labels. Without it, this is the weighted mean
/// of `-log p` of the true class. With one output, `K` is 2 and `p` is its sigmoid. Equal to PyTorch's `CrossEntropyLoss`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CrossEntropyLoss {
    /// Weight of each class, background first. Default: all 1.
    pub class_weights: Option<Vec<f64>>,
    /// Part of each label that is spread over all classes, 0 to 1.
    pub label_smoothing: f64,
}

/// `-log p` of the true class, `[N, 1, H, W]` for one output; 0 for ignored pixels.
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
        let smoothing = self.label_smoothing;
        let wanted = target.one_hot.clone().mul_scalar(1.0 - smoothing);
        let sum = if outputs == 1 {
            let wanted = wanted.add_scalar(smoothing / 2.0);
            let mine = activation::log_sigmoid(logits.clone()) * wanted.clone().mul_scalar(weight(1));
            let rest = activation::log_sigmoid(logits.neg()) * wanted.neg().add_scalar(1.0).mul_scalar(weight(0));
            ((mine + rest).neg() * target.valid.clone()).sum()
        } else {
            let wanted = wanted + target.valid.clone().mul_scalar(smoothing / outputs as f64);
            let per_class = activation::log_softmax(logits, 1) * wanted;
            let per_class = per_class.neg().sum_dim(0).sum_dim(2).sum_dim(3).reshape([outputs]);
            let weights: Vec<f32> = (0..outputs).map(|class| weight(class) as f32).collect();
            let device = per_class.device();
            (per_class * Tensor::<1>::from_data(weights.as_slice(), &device)).sum()
        };
        sum.div_scalar(if total > 0.0 { total } else { 1.0 })
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    fn loss(logits: &[f32], outputs: usize, masks: &[u8], of: &CrossEntropyLoss) -> f64 {
        let device = Device::flex();
        let shape = [1, outputs, 1, masks.len()];
        let logits = Tensor::from_data(TensorData::new(logits.to_vec(), shape), &device);
        of.forward(logits, &Target::new(masks, shape, 255, &device)).into_scalar::<f32>().into()
    }

    /// `torch.nn.functional.cross_entropy(z, y, weight=w, ignore_index=255, label_smoothing=s)` of PyTorch 2.15.
    #[test]
    fn smoothed_labels_give_what_pytorch_gives() {
        let logits = [0.3, -1.2, 2.0, 0.1, 1.5, 0.7, -0.4, 0.0, -2.0, 0.9, 0.2, 1.1];
        let masks = [2, 0, 1, 255];
        let of = CrossEntropyLoss { class_weights: Some(vec![0.5, 2.0, 1.0]), label_smoothing: 0.3 };
        assert!((loss(&logits, 3, &masks, &of) - 2.549_643).abs() < 1e-5, "{}", loss(&logits, 3, &masks, &of));
        // One output equals two outputs, the first of which is 0.
        let of = CrossEntropyLoss { class_weights: Some(vec![0.5, 2.0]), label_smoothing: 0.3 };
        assert!((loss(&logits[..4], 1, &[1, 0, 1, 255], &of) - 0.429_479).abs() < 1e-5);
        let of = CrossEntropyLoss { label_smoothing: 0.2, ..CrossEntropyLoss::default() };
        assert!((loss(&logits[..4], 1, &[1, 0, 1, 255], &of) - 0.431_522).abs() < 1e-5);
    }
}
