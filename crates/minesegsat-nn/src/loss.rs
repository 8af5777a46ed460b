//! Losses for training.
//!
//! Every loss takes logits `[N, C, H, W]` and a [`Target`], and returns one number. `C` is 1 for a binary mask of mines (sigmoid)
//! or the number of classes (softmax). Ignored pixels do not contribute.
//!
//! | loss | source |
//! |---|---|
//! | [`TverskyLoss`] | Salehi, Erdogmus, Gholipour 2017; focal exponent: Abraham, Khan 2019 |
//! | [`DiceLoss`] | Milletari, Navab, Ahmadi 2016 |
//! | [`JaccardLoss`] | Rahman, Wang 2016 |
//! | [`LovaszHingeLoss`] | Berman, Triki, Blaschko 2018 |
//! | [`FocalLoss`] | Lin et al. 2017 |
//! | [`CrossEntropyLoss`] | |

mod cross_entropy;
mod dice;
mod focal;
mod jaccard;
mod lovasz;
mod region;
mod target;
mod tversky;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

pub use cross_entropy::CrossEntropyLoss;
pub use dice::DiceLoss;
pub use focal::FocalLoss;
pub use jaccard::JaccardLoss;
pub use lovasz::LovaszHingeLoss;
pub use target::Target;
pub use tversky::TverskyLoss;

/// A loss, as in configuration files: `{ name = "tversky", alpha = 0.3, beta = 0.7 }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum Loss {
    /// See [`TverskyLoss`].
    Tversky(TverskyLoss),
    /// See [`DiceLoss`].
    Dice(DiceLoss),
    /// See [`JaccardLoss`].
    Jaccard(JaccardLoss),
    /// See [`LovaszHingeLoss`].
    LovaszHinge(LovaszHingeLoss),
    /// See [`FocalLoss`].
    Focal(FocalLoss),
    /// See [`CrossEntropyLoss`].
    CrossEntropy(CrossEntropyLoss),
    /// A weighted sum.
    Sum {
        /// The parts.
        terms: Vec<Term>,
    },
}

/// One part of a sum of losses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Term {
    /// Factor.
    pub weight: f64,
    /// Loss.
    pub loss: Loss,
}

impl Loss {
    /// The loss of a batch.
    ///
    /// # Shapes
    /// - `logits`: `[N, C, H, W]`
    /// - result: `[1]`
    pub fn forward(&self, logits: Tensor<4>, target: &Target) -> Tensor<1> {
        match self {
            Self::Tversky(loss) => loss.forward(logits, target),
            Self::Dice(loss) => loss.forward(logits, target),
            Self::Jaccard(loss) => loss.forward(logits, target),
            Self::LovaszHinge(loss) => loss.forward(logits, target),
            Self::Focal(loss) => loss.forward(logits, target),
            Self::CrossEntropy(loss) => loss.forward(logits, target),
            Self::Sum { terms } => {
                let parts = terms.iter().map(|term| term.loss.forward(logits.clone(), target).mul_scalar(term.weight));
                parts.reduce(Tensor::add).unwrap_or_else(|| logits.clone().sum().mul_scalar(0.0))
            }
        }
    }

    /// Checks the settings for a network with `num_classes` outputs.
    pub fn check(&self, num_classes: usize) -> Result<(), String> {
        match self {
            Self::LovaszHinge(_) if num_classes != 1 => {
                Err(format!("lovasz-hinge is for one output (mines against the rest), not for {num_classes}"))
            }
            Self::CrossEntropy(CrossEntropyLoss { class_weights: Some(weights), .. })
                if weights.len() != num_classes.max(2) =>
            {
                Err(format!("cross-entropy has {} class weights; expected {}", weights.len(), num_classes.max(2)))
            }
            Self::CrossEntropy(CrossEntropyLoss { label_smoothing, .. }) if !(0.0..=1.0).contains(label_smoothing) => {
                Err(format!("cross-entropy has a label_smoothing of {label_smoothing}; expected 0 to 1"))
            }
            Self::Sum { terms } if terms.is_empty() => Err("a sum of losses needs terms".to_owned()),
            Self::Sum { terms } => terms.iter().try_for_each(|term| term.loss.check(num_classes)),
            _ => Ok(()),
        }
    }
}
