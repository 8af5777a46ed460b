use std::path::Path;

use burn::tensor::Device;
use minesegsat_core::Segmenter;
use minesegsat_model::answer_patches;

use crate::{Model, ModelCard, Result};

/// A [`Model`] as a [`Segmenter`], the trait that mapping uses. Runs on the model's [engine](crate::EngineOptions).
///
/// On the CPU, patches run one at a time on all threads, or one per thread if there are at least as many patches as threads. Other
/// devices run them as one batch. The network has no operation across the batch, so the result of a patch does not depend on
/// the others.
pub struct ModelSegmenter {
    model: Model,
    /// Divides the logits.
    temperature: f32,
}

impl ModelSegmenter {
    /// A segmenter for an open model.
    pub fn new(model: Model) -> Self {
        Self { temperature: model.card().temperature, model }
    }

    /// Replaces the card's temperature.
    pub fn with_temperature(self, temperature: f32) -> Self {
        Self { temperature, ..self }
    }

    /// Opens a model folder.
    pub fn open(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        Ok(Self::new(Model::open(folder, device)?))
    }

    /// The model's card.
    pub const fn card(&self) -> &ModelCard {
        self.model.card()
    }

    /// The model.
    pub const fn model(&self) -> &Model {
        &self.model
    }
}

impl std::fmt::Debug for ModelSegmenter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModelSegmenter").field("model", &self.model).finish_non_exhaustive()
    }
}

impl Segmenter for ModelSegmenter {
    fn in_channels(&self) -> usize {
        self.card().architecture.in_channels()
    }

    fn size_divisor(&self) -> usize {
        self.card().architecture.size_divisor()
    }

    fn segment(&self, patches: &[f32], shape: [usize; 4], probabilities: &mut [f32]) -> minesegsat_core::Result<()> {
        let logits = |patches: &[f32], shape| self.model.logits(patches, shape);
        answer_patches(self.card(), self.temperature, patches, shape, probabilities, logits)
    }
}
