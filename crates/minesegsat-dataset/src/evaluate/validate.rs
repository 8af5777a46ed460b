//! Named metrics of a model on samples: [`validate`].

use minesegsat_core::job::Job;

use serde::{Deserialize, Serialize};

use super::segment::{for_each_sample, segment_sample};
use crate::{SamplePatch, SampleReader, SampleRecord};
use minesegsat_core::metrics::{ConfusionMatrix, ProbabilityHistogram};
use minesegsat_core::{Error, Result, Segmenter};

/// Options of [`validate`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ValidateOptions {
    /// Width and height of the windows in pixels. A multiple of the model's divisor avoids padding.
    pub window: usize,
    /// Overlap of neighbouring windows in pixels, at most half the window.
    pub overlap: usize,
    /// Probability threshold: pixels at or above it are mines.
    pub threshold: f32,
}

/// Counts of one image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageCounts {
    /// Id of the sample.
    pub id: String,
    /// Confusion matrix at the threshold.
    #[serde(flatten)]
    pub counts: ConfusionMatrix,
}

/// Counts of a model's predictions on samples. Memory grows with the number of samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// Probability threshold of the counts.
    pub threshold: f32,
    /// Counts by sample, in order.
    pub images: Vec<ImageCounts>,
    /// Histogram of all pixels by probability.
    pub histogram: ProbabilityHistogram,
}

/// Segments whole samples in order and counts the results. The same samples, options and weights give the same numbers.
pub fn validate(
    segmenter: &dyn Segmenter,
    reader: &SampleReader,
    samples: &[&SampleRecord],
    options: &ValidateOptions,
    job: Job<'_>,
) -> Result<Validation> {
    validate_each(segmenter, reader, samples, options, |_, _, _| {}, job)
}

/// Like [`validate`], and also calls `each` with each sample and its probabilities, `[H, W]`.
pub fn validate_each(
    segmenter: &dyn Segmenter,
    reader: &SampleReader,
    samples: &[&SampleRecord],
    options: &ValidateOptions,
    mut each: impl FnMut(&SampleRecord, &SamplePatch, &[f32]),
    job: Job<'_>,
) -> Result<Validation> {
    let channels = reader.bands().len();
    if channels != segmenter.in_channels() {
        return Err(Error::segmenter(format!(
            "samples are read with {channels} bands, but the model takes {}",
            segmenter.in_channels()
        )));
    }
    let ignore = reader.dataset().card().ignore;
    let mut found = Validation::new(options.threshold);
    for_each_sample(reader, samples, SampleReader::read, job, |i, sample| {
        let p = segment_sample(segmenter, &sample, channels, options.window, options.overlap)?;
        found.add(&samples[i].id, &p, &sample.mask, ignore);
        each(samples[i], &sample, &p);
        Ok(())
    })?;
    Ok(found)
}

/// Mean of a ratio over images; `None` without images. An undefined ratio counts as 1 (no mine, and none found). This
/// matches `segmentation_models_pytorch` with `reduction="micro-imagewise"` and its default of `zero_division`.
pub fn image_mean<'a>(
    images: impl IntoIterator<Item = &'a ConfusionMatrix>,
    ratio: impl Fn(&ConfusionMatrix) -> Option<f64>,
) -> Option<f64> {
    let (sum, count) = images.into_iter().fold((0.0, 0_u64), |(sum, n), c| (sum + ratio(c).unwrap_or(1.0), n + 1));
    (count > 0).then(|| sum / count as f64)
}

impl Validation {
    /// Names of the metrics of [`Validation::metric`]. Larger is better except for `bce`, `brier` and `ece`.
    ///
    /// | name | meaning |
    /// |---|---|
    /// | `f1`, `iou`, `precision`, `recall`, `accuracy` | of all pixels of all images, at the threshold |
    /// | `f1_image`, `iou_image` | mean over images, see [`image_mean`] |
    /// | `f1_best` | F1 of all pixels at the threshold that maximises it |
    /// | `threshold_best` | that threshold |
    /// | `ap` | average precision, see [`ProbabilityHistogram::average_precision`] |
    /// | `bce` | mean binary cross-entropy in nats |
    /// | `brier` | see [`Calibration::brier`](minesegsat_core::metrics::Calibration::brier) |
    /// | `ece` | expected calibration error in 15 bins |
    pub const METRICS: &[&str] = &[
        "f1",
        "iou",
        "precision",
        "recall",
        "accuracy",
        "f1_image",
        "iou_image",
        "f1_best",
        "threshold_best",
        "ap",
        "bce",
        "brier",
        "ece",
    ];

    /// Creates an empty validation.
    pub fn new(threshold: f32) -> Self {
        Self { threshold, images: Vec::new(), histogram: ProbabilityHistogram::default() }
    }

    /// Adds an image.
    ///
    /// # Shapes
    /// - `probabilities`, `mask`: `[H, W]`; see [`ConfusionMatrix::count`]
    pub fn add(&mut self, id: &str, probabilities: &[f32], mask: &[u8], ignore: u8) {
        let counts = ConfusionMatrix::count(probabilities, mask, self.threshold, ignore);
        self.images.push(ImageCounts { id: id.to_owned(), counts });
        self.histogram.add(probabilities, mask, ignore);
    }

    /// Confusion matrix of all pixels at the threshold.
    pub fn counts(&self) -> ConfusionMatrix {
        self.images.iter().map(|image| image.counts).sum()
    }

    /// A metric by name. `None` if it is undefined, such as the recall of samples without mines, or if the name is not
    /// in [`Validation::METRICS`].
    pub fn metric(&self, name: &str) -> Option<f64> {
        let images = || self.images.iter().map(|image| &image.counts);
        match name {
            "f1" => self.counts().f1(),
            "iou" => self.counts().iou(),
            "precision" => self.counts().precision(),
            "recall" => self.counts().recall(),
            "accuracy" => self.counts().accuracy(),
            "f1_image" => image_mean(images(), ConfusionMatrix::f1),
            "iou_image" => image_mean(images(), ConfusionMatrix::iou),
            "f1_best" => self.histogram.best_f1().and_then(|at| at.counts.f1()),
            "threshold_best" => self.histogram.best_f1().map(|at| f64::from(at.threshold)),
            "ap" => self.histogram.average_precision(),
            "bce" => self.histogram.calibration().log_loss(),
            "brier" => self.histogram.calibration().brier(),
            "ece" => self.histogram.calibration().error(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validation() -> Validation {
        let mut found = Validation::new(0.5);
        found.add("a", &[0.9, 0.2, 0.6, 0.1], &[1, 1, 0, 0], 255);
        found.add("empty and left alone", &[0.4, 0.3], &[0, 0], 255);
        found.add("empty and not", &[0.7, 0.3], &[0, 255], 255);
        found
    }

    #[test]
    fn metrics_are_those_done_by_hand() {
        let found = validation();
        // Pooled: TP 1, FP 2, FN 1, TN 3. Images: F1 of 2 / 4, 1 (nothing there, nothing found), 0.
        let expected = [
            ("f1", 2.0 / 5.0),
            ("iou", 1.0 / 4.0),
            ("precision", 1.0 / 3.0),
            ("recall", 1.0 / 2.0),
            ("accuracy", 4.0 / 7.0),
            ("f1_image", (0.5 + 1.0 + 0.0) / 3.0),
            ("iou_image", (1.0 / 3.0 + 1.0 + 0.0) / 3.0),
            // At 0.9: TP 1, FN 1. At 0.2: TP 2, FP 4. So the first.
            ("f1_best", 2.0 / 3.0),
        ];
        for (name, expected) in expected {
            let value = found.metric(name).unwrap();
            assert!((value - expected).abs() < 1e-12, "{name}: {value}");
        }
        let threshold = found.metric("threshold_best").unwrap();
        assert!(threshold > 0.7 && threshold <= 0.9, "{threshold}");
    }

    #[test]
    fn every_name_is_known_and_what_is_not_defined_is_not_zero() {
        let found = validation();
        for name in Validation::METRICS {
            assert!(found.metric(name).is_some(), "{name}");
        }
        assert_eq!(found.metric("f2"), None);
        let mut empty = Validation::new(0.5);
        empty.add("a", &[0.1, 0.2], &[0, 0], 255);
        for name in ["f1", "recall", "precision", "f1_best", "threshold_best", "ap"] {
            assert_eq!(empty.metric(name), None, "{name}");
        }
        assert_eq!(empty.metric("accuracy"), Some(1.0));
    }
}
