//! Named metrics of a model on samples: [`validate`].

use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::segment::{for_each_sample, segment_sample};
use crate::dataset::{SamplePatch, SampleReader, SampleRecord};
use crate::metrics::{ConfusionMatrix, ProbabilityHistogram};
use crate::predict::Progress;
use crate::{Error, Result, Segmenter};

/// How samples go through the network, and what is decided of its answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ValidateOptions {
    /// Width and height of the windows in pixels, best a multiple of the model's divisor.
    pub window: usize,
    /// Overlap of neighbouring windows in pixels, at most half the window.
    pub overlap: usize,
    /// Pixels of at least this probability are taken for mines.
    pub threshold: f32,
}

/// One image, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageCounts {
    /// Its name.
    pub id: String,
    /// Its pixels, at the threshold.
    #[serde(flatten)]
    pub counts: ConfusionMatrix,
}

/// What a model answered for some samples, ready to be summed up. Its size follows the number of samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// Threshold of the counts.
    pub threshold: f32,
    /// The samples, in their order.
    pub images: Vec<ImageCounts>,
    /// All pixels by their probability.
    pub histogram: ProbabilityHistogram,
}

/// Runs whole samples through a network, in their order, and counts. The same samples, options and weights give the same
/// numbers.
pub fn validate(
    segmenter: &dyn Segmenter,
    reader: &SampleReader,
    samples: &[&SampleRecord],
    options: &ValidateOptions,
    progress: &dyn Progress,
    cancel: &AtomicBool,
) -> Result<Validation> {
    validate_each(segmenter, reader, samples, options, |_, _, _| {}, progress, cancel)
}

/// As [`validate`], and shows each sample with its probabilities, `[H, W]`, to `each`.
pub fn validate_each(
    segmenter: &dyn Segmenter,
    reader: &SampleReader,
    samples: &[&SampleRecord],
    options: &ValidateOptions,
    mut each: impl FnMut(&SampleRecord, &SamplePatch, &[f32]),
    progress: &dyn Progress,
    cancel: &AtomicBool,
) -> Result<Validation> {
    let channels = reader.bands().len();
    if channels != segmenter.in_channels() {
        return Err(Error::Segmenter(format!(
            "samples are read with {channels} bands, the model takes {}",
            segmenter.in_channels()
        )));
    }
    let ignore = reader.dataset().card().ignore;
    let mut found = Validation::new(options.threshold);
    for_each_sample(reader, samples, SampleReader::read, progress, cancel, |i, sample| {
        let p = segment_sample(segmenter, &sample, channels, options.window, options.overlap)?;
        found.add(&samples[i].id, &p, &sample.mask, ignore);
        each(samples[i], &sample, &p);
        Ok(())
    })?;
    Ok(found)
}

/// Mean over images; one of which a ratio is not defined counts as 1, as `segmentation_models_pytorch` has it with
/// `reduction="micro-imagewise"` and its default of `zero_division`: there was nothing to find, and nothing was taken for
/// it. `None` of no images.
pub fn image_mean<'a>(
    images: impl IntoIterator<Item = &'a ConfusionMatrix>,
    ratio: impl Fn(&ConfusionMatrix) -> Option<f64>,
) -> Option<f64> {
    let (sum, count) = images.into_iter().fold((0.0, 0_u64), |(sum, n), c| (sum + ratio(c).unwrap_or(1.0), n + 1));
    (count > 0).then(|| sum / count as f64)
}

impl Validation {
    /// Names that [`Validation::metric`] knows. Larger is better but for `bce`, `brier` and `ece`.
    ///
    /// | name | what it is |
    /// |---|---|
    /// | `f1`, `iou`, `precision`, `recall`, `accuracy` | of all pixels of all images, at the threshold |
    /// | `f1_image`, `iou_image` | mean over images, see [`image_mean`] |
    /// | `f1_best` | F1 of all pixels at the threshold that makes it largest |
    /// | `threshold_best` | that threshold |
    /// | `ap` | average precision, see [`ProbabilityHistogram::average_precision`] |
    /// | `bce` | mean binary cross-entropy in nats |
    /// | `brier` | see [`Calibration::brier`](crate::metrics::Calibration::brier) |
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

    /// Nothing yet.
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

    /// All pixels, at the threshold.
    pub fn counts(&self) -> ConfusionMatrix {
        self.images.iter().map(|image| image.counts).sum()
    }

    /// A metric by its name. `None` where it is not defined, such as the recall of samples without mines, and of a name
    /// that is not among [`Validation::METRICS`].
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
