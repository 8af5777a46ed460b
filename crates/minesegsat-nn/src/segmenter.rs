use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use burn::tensor::Device;
use minesegsat::Segmenter;

use crate::{Model, ModelCard, Result, cpu::Workspace, views::averaged_over_views};

/// A [`Model`] behind the seam that makes maps.
///
/// Patches go through the network one at a time on the CPU, where a larger batch only needs more memory, and as one
/// batch on other devices. The network has no operation across the batch, so a patch's answer does not depend on it.
pub struct BurnSegmenter {
    model: Model,
    /// Divides the logits.
    temperature: f32,
    /// Buffers of the threads that are not in the network just now.
    workspaces: Mutex<Vec<Workspace>>,
}

impl BurnSegmenter {
    /// A segmenter of an open model.
    pub fn new(model: Model) -> Self {
        Self { temperature: model.card().temperature, model, workspaces: Mutex::default() }
    }

    /// The same with another temperature than the card's, to see what it would do.
    pub fn with_temperature(self, temperature: f32) -> Self {
        Self { temperature, ..self }
    }

    /// Opens a model folder.
    pub fn open(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        Ok(Self::new(Model::open(folder, device)?))
    }

    /// What the model says of itself.
    pub const fn card(&self) -> &ModelCard {
        self.model.card()
    }

    /// The model.
    pub const fn model(&self) -> &Model {
        &self.model
    }
}

impl std::fmt::Debug for BurnSegmenter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BurnSegmenter").field("model", &self.model).finish_non_exhaustive()
    }
}

impl Segmenter for BurnSegmenter {
    fn in_channels(&self) -> usize {
        self.card().architecture.in_channels()
    }

    fn size_divisor(&self) -> usize {
        self.card().architecture.size_divisor()
    }

    fn segment(&self, patches: &[f32], shape: [usize; 4], probabilities: &mut [f32]) -> minesegsat::Result<()> {
        let [batch, channels, height, width] = shape;
        let refuse = |reason: String| Err(minesegsat::Error::Segmenter(reason));
        if channels != self.in_channels() {
            return refuse(format!("patches have {channels} channels, the model takes {}", self.in_channels()));
        }
        let divisor = self.size_divisor();
        if height == 0 || width == 0 || height % divisor != 0 || width % divisor != 0 {
            return refuse(format!("patches are {width} x {height} pixels; both must be multiples of {divisor}"));
        }
        let (patch_len, pixels) = (channels * height * width, height * width);
        if patches.len() != batch * patch_len || probabilities.len() != batch * pixels {
            return refuse(format!(
                "shape {shape:?} does not fit {} values in and {} out",
                patches.len(),
                probabilities.len()
            ));
        }
        let idle = || self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        let mut workspace = idle().pop().unwrap_or_default();
        let classes = self.card().architecture.num_classes();
        let logits = averaged_over_views(self.card().views, patches, shape, classes, |patches, shape| {
            self.model.logits(patches, shape, &mut workspace)
        });
        idle().push(workspace);
        let logits = logits.map_err(|error| minesegsat::Error::Segmenter(error.to_string()))?;
        for (logits, out) in logits.chunks_exact(classes * pixels).zip(probabilities.chunks_exact_mut(pixels)) {
            to_probabilities(logits, self.temperature, out);
        }
        Ok(())
    }
}

/// Probability that a pixel is not background.
///
/// # Shapes
/// - `logits`: `[classes, pixels]`, divided by `temperature`; one class is answered by the sigmoid, more by one minus the
///   softmax of the first
/// - `out`: `[pixels]`
fn to_probabilities(logits: &[f32], temperature: f32, out: &mut [f32]) {
    let pixels = out.len();
    let (background, others) = logits.split_at(pixels);
    if others.is_empty() {
        for (p, x) in out.iter_mut().zip(background) {
            *p = 1.0 / (1.0 + (-x / temperature).exp());
        }
        return;
    }
    for (i, p) in out.iter_mut().enumerate() {
        let foreground = || others[i..].iter().step_by(pixels).copied();
        // The largest logit is subtracted so that no exponential overflows.
        let max = foreground().fold(background[i], f32::max);
        let sum: f32 = foreground().map(|x| ((x - max) / temperature).exp()).sum();
        *p = sum / (sum + ((background[i] - max) / temperature).exp());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_class_is_answered_by_the_sigmoid() {
        let mut out = [0.0; 3];
        to_probabilities(&[0.0, 3.0_f32.ln(), -200.0], 1.0, &mut out);
        assert_eq!((out[0], out[2]), (0.5, 0.0));
        assert!((out[1] - 0.75).abs() < 1e-6);
    }

    #[test]
    fn several_classes_are_answered_by_all_but_the_background() {
        let mut out = [0.0; 2];
        // Two pixels, three classes: logits [0, ln 2, ln 5] and [1000, 0, 0].
        to_probabilities(&[0.0, 1000.0, 2.0_f32.ln(), 0.0, 5.0_f32.ln(), 0.0], 1.0, &mut out);
        assert!((out[0] - 7.0 / 8.0).abs() < 1e-6);
        assert_eq!(out[1], 0.0);
    }

    #[test]
    fn a_temperature_divides_the_logits() {
        let mut out = [0.0; 1];
        to_probabilities(&[2.0 * 3.0_f32.ln()], 2.0, &mut out);
        assert!((out[0] - 0.75).abs() < 1e-6, "{}", out[0]);
        to_probabilities(&[0.0, 2.0 * 2.0_f32.ln(), 2.0 * 5.0_f32.ln()], 2.0, &mut out);
        assert!((out[0] - 7.0 / 8.0).abs() < 1e-6, "{}", out[0]);
    }
}
