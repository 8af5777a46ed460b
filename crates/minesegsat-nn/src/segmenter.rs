use std::path::Path;

use burn::tensor::Device;
use minesegsat::Segmenter;
use minesegsat_model::answer_patches;

use crate::{Model, ModelCard, Result};

/// A [`Model`] behind the seam that makes maps.
///
/// On the CPU patches go through the network one at a time, or one on each thread where there are as many; on other devices as one
/// batch. The network has no operation across the batch, so a patch's answer does not depend on it.
pub struct BurnSegmenter {
    model: Model,
    /// Divides the logits.
    temperature: f32,
}

impl BurnSegmenter {
    /// A segmenter of an open model.
    pub fn new(model: Model) -> Self {
        Self { temperature: model.card().temperature, model }
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
        let logits = |patches: &[f32], shape| self.model.logits(patches, shape);
        answer_patches(self.card(), self.temperature, patches, shape, probabilities, logits)
    }
}
