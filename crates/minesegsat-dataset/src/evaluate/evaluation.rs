//! Result of an evaluation: [`Evaluation`], the content of `metrics.json`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::baseline::Baseline;
use super::negatives::Negatives;
use super::run::Protocol;
use super::stability::Stability;
use crate::Split;
use minesegsat_core::metrics::{AtThreshold, BoundaryCounts, ConfusionMatrix, ProbabilityHistogram, Reliability};
use minesegsat_core::{Band, Result};

/// Smaller differences are not visible in three digits and count as zero.
const LEAST_DIFFERENCE: f64 = 0.0005;
/// Number of points of the written curves.
const CURVE_POINTS: usize = 200;

/// A metric with its confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// Value; `None` if the metric is undefined.
    pub value: Option<f64>,
    /// Lower end of the interval.
    pub low: Option<f64>,
    /// Upper end of the interval.
    pub high: Option<f64>,
}

impl Estimate {
    /// An undefined value.
    pub const UNDEFINED: Self = Self { value: None, low: None, high: None };

    /// The estimate in another unit: value and interval times a positive factor.
    pub fn times(&self, factor: f64) -> Self {
        let times = |value: Option<f64>| value.map(|value| value * factor);
        Self { value: times(self.value), low: times(self.low), high: times(self.high) }
    }
}

/// Origin of a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ThresholdOrigin {
    /// The model card.
    Model,
    /// The user gave it.
    Given,
    /// Highest F1 on the validation split, in this run.
    Validation,
}

/// Probability threshold: pixels at or above it are mines.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ThresholdUsed {
    /// The threshold, a probability.
    pub value: f32,
    /// Origin of the threshold.
    pub origin: ThresholdOrigin,
    /// Pooled F1 on the samples on which the threshold was tuned, if it was tuned.
    pub f1: Option<f64>,
}

/// The evaluated split of a data set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DatasetSummary {
    /// Title of the data set.
    pub title: String,
    /// Folder of the data set.
    pub folder: String,
    /// The split.
    pub split: Split,
    /// Number of patches.
    pub patches: usize,
    /// Number of patches without mine pixels.
    pub patches_without_mines: usize,
    /// Number of sites, see [`Dataset::site_of`](crate::Dataset::site_of).
    pub sites: usize,
    /// Number of evaluated pixels.
    pub pixels: u64,
    /// Share of these pixels that is mining land.
    pub mining_share: Option<f64>,
}

/// Settings of the confidence intervals.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Intervals {
    /// Nominal coverage, reached with many sites.
    pub level: f64,
    /// Method.
    pub method: &'static str,
    /// Number of sites.
    pub sites: usize,
    /// Number of draws.
    pub resamples: usize,
    /// Seed of the draws.
    pub seed: u64,
}

/// Result of a baseline on the same pixels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BaselineResult {
    /// The baseline.
    pub name: Baseline,
    /// Label in reports.
    pub label: String,
    /// Threshold, if the baseline has one.
    pub threshold: Option<f32>,
    /// Pooled F1 on the training split, on which the threshold was tuned.
    pub f1_on_training: Option<f64>,
    /// Metrics by name.
    pub metrics: BTreeMap<&'static str, Estimate>,
}

/// Comparison of the model with the best baseline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Above {
    /// The baseline with the highest headline metric.
    pub baseline: Baseline,
    /// Difference of the headline metric, model minus baseline, with an interval from paired draws.
    #[serde(flatten)]
    pub difference: Estimate,
}

impl Above {
    /// Whether the model is better, at the three digits that reports show.
    pub fn is_better(&self) -> bool {
        self.difference.value.is_some_and(|difference| difference >= LEAST_DIFFERENCE)
    }
}

/// Mining land in hectares.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AreaTotals {
    /// Area in the masks.
    pub truth_ha: f64,
    /// Area of pixels at or above the threshold.
    pub counted_ha: f64,
    /// Expected area: sum of the probabilities.
    pub expected_ha: f64,
}

/// Result of one patch.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchResult {
    /// Id of the sample.
    pub id: String,
    /// Site of the patch.
    pub site: String,
    /// Height and width of the evaluated window.
    pub size: (usize, usize),
    /// Confusion matrix.
    pub counts: ConfusionMatrix,
    /// Boundary counts.
    pub boundary: BoundaryCounts,
    /// Mean binary cross-entropy.
    pub bce: Option<f64>,
    /// Brier score.
    pub brier: Option<f64>,
    /// True area, area of pixels at or above the threshold, and summed probabilities, in hectares.
    pub area: Option<[f64; 3]>,
}

/// Result of one site.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteResult {
    /// Name of the site.
    pub site: String,
    /// Number of patches in the site.
    pub patches: usize,
    /// Confusion matrix.
    pub counts: ConfusionMatrix,
    /// Areas as in [`PatchResult`].
    pub area: Option<[f64; 3]>,
}

/// Result of an evaluation.
#[derive(Debug, Clone, Serialize)]
pub struct Evaluation {
    /// Name and version of the program.
    pub software: String,
    /// Time of the evaluation.
    pub created: jiff::Timestamp,
    /// Content of the model card.
    pub model: serde_json::Value,
    /// Title of the model.
    pub model_title: String,
    /// Bands of the model.
    pub model_bands: Vec<Band>,
    /// The evaluated split.
    pub dataset: DatasetSummary,
    /// Evaluation protocol.
    pub protocol: Protocol,
    /// Width and height of the windows in pixels, for the full protocol.
    pub window_px: usize,
    /// Overlap of the windows in pixels.
    pub overlap_px: usize,
    /// Probability threshold: pixels at or above it are mines.
    pub threshold: ThresholdUsed,
    /// Name of the metric that compares the model with the baselines.
    pub headline: &'static str,
    /// Settings of the confidence intervals.
    pub intervals: Intervals,
    /// Metrics by name, see [`Metric`](super::Metric).
    pub metrics: BTreeMap<&'static str, Estimate>,
    /// Results of the baselines.
    pub baselines: Vec<BaselineResult>,
    /// Whether the headline metric is above that of all baselines; `None` if it is undefined.
    pub beats_baselines: Option<bool>,
    /// Difference to the best baseline.
    pub above_best_baseline: Option<Above>,
    /// Confusion matrix of all pixels at the threshold.
    pub counts: ConfusionMatrix,
    /// Total areas, if all files have a georeference.
    pub area: Option<AreaTotals>,
    /// Average precision: area under the precision-recall step curve.
    pub average_precision: Option<f64>,
    /// Reliability diagram: predicted probabilities and observed shares.
    pub reliability: Reliability,
    /// How much the map moves if its input changes, if it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stability: Option<Stability>,
    /// False land on ground without mines, if it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub negatives: Option<Negatives>,
    /// Notes for readers.
    pub notes: Vec<String>,
    /// Results by patch, in the order of the data set.
    #[serde(skip)]
    pub patches: Vec<PatchResult>,
    /// Results by site, sorted by name.
    #[serde(skip)]
    pub sites: Vec<SiteResult>,
    /// Histogram of all pixels by probability.
    #[serde(skip)]
    pub histogram: ProbabilityHistogram,
}

/// A point of the curves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CurvePoint {
    /// Threshold: pixels with at least this probability are mines.
    pub threshold: f32,
    /// Precision; `None` if no pixel is predicted as mine.
    pub precision: Option<f64>,
    /// Recall; `None` if no pixel is a mine.
    pub recall: Option<f64>,
    /// F1, see [`ConfusionMatrix::f1`].
    pub f1: Option<f64>,
}

impl From<AtThreshold> for CurvePoint {
    fn from(at: AtThreshold) -> Self {
        let c = at.counts;
        Self { threshold: at.threshold, precision: c.precision(), recall: c.recall(), f1: c.f1() }
    }
}

/// Formats a probability with three digits, or with more if it would otherwise read as 0.
pub(super) fn probability(p: f32) -> String {
    if p == 0.0 || p >= 0.001 { format!("{p:.3}") } else { format!("{p:.1e}") }
}

impl Evaluation {
    /// The threshold and its origin in words, such as `0.500, the model's`.
    pub fn threshold_text(&self) -> String {
        let origin = match self.threshold.origin {
            ThresholdOrigin::Model => "the model's",
            ThresholdOrigin::Given if self.protocol == Protocol::Paper => "the paper's",
            ThresholdOrigin::Given => "set by the user",
            ThresholdOrigin::Validation => "best F1 on the validation split",
        };
        format!("{}, {origin}", probability(self.threshold.value))
    }

    /// The value of a metric; `None` if it is undefined.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.metrics.get(name).and_then(|estimate| estimate.value)
    }

    /// Whether the evaluated pixels contain mines.
    pub fn has_mines(&self) -> bool {
        self.counts.tp + self.counts.fn_ > 0
    }

    /// Points of the curves, evenly spaced in recall and in the threshold.
    pub fn curve(&self) -> Vec<CurvePoint> {
        let all = self.histogram.by_threshold();
        let mines = self.histogram.mines().max(1) as f64;
        let place = |at: &AtThreshold| {
            let recall = at.counts.tp as f64 / mines;
            ((recall * CURVE_POINTS as f64) as usize, (at.threshold * CURVE_POINTS as f32) as usize)
        };
        let mut last = None;
        let mut points: Vec<CurvePoint> = Vec::new();
        for at in all {
            let here = place(&at);
            if last != Some(here) {
                points.push(at.into());
                last = Some(here);
            }
        }
        points
    }

    /// Verdict in words: whether the model beats the best baseline. `None` if this cannot be decided.
    pub fn verdict(&self) -> Option<String> {
        let above = self.above_best_baseline.as_ref()?;
        let value = self.value(self.headline)?;
        let difference = above.difference.value?;
        let baseline = self.baselines.iter().find(|b| b.name == above.baseline)?;
        let metric = if self.headline == "f1" { "F1" } else { "Mean F1 over patches" };
        let than = format!("that of the best baseline ({}, {:.3})", baseline.label, value - difference);
        if !above.is_better() {
            return Some(format!("NOT better than no model at all: {metric} {value:.3} is not above {than}"));
        }
        let doubt = match (above.difference.low, above.difference.high) {
            (Some(low), Some(high)) if low <= 0.0 => {
                format!(", but with other sites the difference could be {low:+.3} to {high:+.3}")
            }
            (Some(low), Some(high)) => format!(" (95 % interval {low:+.3} to {high:+.3})"),
            _ => String::new(),
        };
        Some(format!("{metric} {value:.3} is {difference:.3} above {than}{doubt}"))
    }

    /// The content of `metrics.json`.
    pub fn to_json(&self) -> Result<String> {
        let mut json = serde_json::to_value(self).map_err(std::io::Error::from)?;
        json["curve"] = serde_json::to_value(self.curve()).map_err(std::io::Error::from)?;
        json["best_threshold_of_this_split"] = match self.histogram.best_f1() {
            Some(best) => serde_json::json!({ "threshold": best.threshold, "f1": best.counts.f1() }),
            None => serde_json::Value::Null,
        };
        Ok(serde_json::to_string_pretty(&json).map_err(std::io::Error::from)? + "\n")
    }
}
