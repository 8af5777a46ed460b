//! What an evaluation found: [`Evaluation`], the content of `metrics.json`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::baseline::Baseline;
use super::run::Protocol;
use crate::dataset::Split;
use crate::metrics::{AtThreshold, BoundaryCounts, ConfusionMatrix, ProbabilityHistogram, Reliability};
use crate::{Band, Result};

/// Points of the curves that are written.
const CURVE_POINTS: usize = 200;

/// A metric and how far it could be off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// `None` where it is not defined.
    pub value: Option<f64>,
    /// Lower end of the interval.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

/// Where a threshold comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ThresholdOrigin {
    /// The model's card.
    Model,
    /// It was asked for.
    Given,
    /// The largest F1 on the validation split, in this run.
    Validation,
}

/// From which probability on a pixel is taken for a mine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ThresholdUsed {
    /// The probability.
    pub value: f32,
    /// Where it comes from.
    pub origin: ThresholdOrigin,
    /// F1 of all pixels of the samples that it was tuned on, if it was.
    pub f1: Option<f64>,
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DatasetSummary {
    /// Name of the set.
    pub title: String,
    /// Where it was opened.
    pub folder: String,
    /// Its part.
    pub split: Split,
    /// Samples.
    pub patches: usize,
    /// Those whose mask is empty.
    pub patches_without_mines: usize,
    /// Places, see [`Dataset::site_of`](crate::dataset::Dataset::site_of).
    pub sites: usize,
    /// Pixels that were judged.
    pub pixels: u64,
    /// Part of them that is mining land.
    pub mining_share: Option<f64>,
}

/// What the intervals are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Intervals {
    /// How often they hold the value of all such places, were there many sites.
    pub level: f64,
    /// How they were made.
    pub method: &'static str,
    /// Sites to draw from.
    pub sites: usize,
    /// Draws.
    pub resamples: usize,
    /// Seed of the draws.
    pub seed: u64,
}

/// A map that needs no network, measured on the same pixels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BaselineResult {
    /// Which.
    pub name: Baseline,
    /// What people read.
    pub label: String,
    /// Its threshold, where it has one.
    pub threshold: Option<f32>,
    /// F1 of all pixels of the training split, where the threshold was tuned.
    pub f1_on_training: Option<f64>,
    /// Its metrics.
    pub metrics: BTreeMap<&'static str, Estimate>,
}

/// How far the model is above the best baseline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Above {
    /// The baseline of the largest headline metric.
    pub baseline: Baseline,
    /// The model's less the baseline's, drawn together.
    #[serde(flatten)]
    pub difference: Estimate,
}

/// Mining land in hectares.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AreaTotals {
    /// In the masks.
    pub truth_ha: f64,
    /// Pixels over the threshold.
    pub counted_ha: f64,
    /// Sum of the probabilities.
    pub expected_ha: f64,
}

/// One patch.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchResult {
    /// Its name.
    pub id: String,
    /// Its site.
    pub site: String,
    /// Height and width of what was looked at.
    pub size: (usize, usize),
    /// Its pixels.
    pub counts: ConfusionMatrix,
    /// Its outlines.
    pub boundary: BoundaryCounts,
    /// Mean binary cross-entropy.
    pub bce: Option<f64>,
    /// Brier score.
    pub brier: Option<f64>,
    /// True area, that of pixels over the threshold, and summed probabilities, in hectares.
    pub area: Option<[f64; 3]>,
}

/// One site.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteResult {
    /// Its name.
    pub site: String,
    /// How many patches lie in it.
    pub patches: usize,
    /// Its pixels.
    pub counts: ConfusionMatrix,
    /// As in [`PatchResult`].
    pub area: Option<[f64; 3]>,
}

/// What an evaluation found.
#[derive(Debug, Clone, Serialize)]
pub struct Evaluation {
    /// Name and version of the program.
    pub software: String,
    /// When it was made.
    pub created: jiff::Timestamp,
    /// What the model's card says.
    pub model: serde_json::Value,
    /// Its name.
    pub model_title: String,
    /// Its bands.
    pub model_bands: Vec<Band>,
    /// What was looked at.
    pub dataset: DatasetSummary,
    /// How it was looked at.
    pub protocol: Protocol,
    /// Width and height of windows in pixels, for the full protocol.
    pub window_px: usize,
    /// Their overlap.
    pub overlap_px: usize,
    /// From which probability on a pixel is taken for a mine.
    pub threshold: ThresholdUsed,
    /// Name of the metric by which the model is compared with baselines.
    pub headline: &'static str,
    /// What the intervals are.
    pub intervals: Intervals,
    /// By name, see [`Metric`](super::Metric).
    pub metrics: BTreeMap<&'static str, Estimate>,
    /// The same of maps that need no network.
    pub baselines: Vec<BaselineResult>,
    /// Whether the headline metric is above that of all baselines; `None` where it is not defined.
    pub beats_baselines: Option<bool>,
    /// By how much.
    pub above_best_baseline: Option<Above>,
    /// All pixels, at the threshold.
    pub counts: ConfusionMatrix,
    /// All sites, where files say where they lie.
    pub area: Option<AreaTotals>,
    /// Area under the precision-recall curve, in steps.
    pub average_precision: Option<f64>,
    /// Probabilities beside shares.
    pub reliability: Reliability,
    /// What readers should know.
    pub notes: Vec<String>,
    /// The patches, in the order of the set.
    #[serde(skip)]
    pub patches: Vec<PatchResult>,
    /// The sites, by name.
    #[serde(skip)]
    pub sites: Vec<SiteResult>,
    /// All pixels by their probability.
    #[serde(skip)]
    pub histogram: ProbabilityHistogram,
}

/// A point of the curves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CurvePoint {
    /// Pixels of at least this probability are taken for mines.
    pub threshold: f32,
    /// `None` where nothing is taken for a mine.
    pub precision: Option<f64>,
    /// `None` where there is no mine.
    pub recall: Option<f64>,
    /// See [`ConfusionMatrix::f1`].
    pub f1: Option<f64>,
}

impl From<AtThreshold> for CurvePoint {
    fn from(at: AtThreshold) -> Self {
        let c = at.counts;
        Self { threshold: at.threshold, precision: c.precision(), recall: c.recall(), f1: c.f1() }
    }
}

/// A probability for people: three digits, or as many as it takes to see that it is not 0.
pub(super) fn probability(p: f32) -> String {
    if p == 0.0 || p >= 0.001 { format!("{p:.3}") } else { format!("{p:.1e}") }
}

impl Evaluation {
    /// The threshold in words, such as `0.500, the model's`.
    pub fn threshold_text(&self) -> String {
        let origin = match self.threshold.origin {
            ThresholdOrigin::Model => "the model's",
            ThresholdOrigin::Given if self.protocol == Protocol::Paper => "the paper's",
            ThresholdOrigin::Given => "the one asked for",
            ThresholdOrigin::Validation => "the best of the validation split",
        };
        format!("{}, {origin}", probability(self.threshold.value))
    }

    /// The value of a metric; `None` where it is not defined.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.metrics.get(name).and_then(|estimate| estimate.value)
    }

    /// Whether there are mines to be found.
    pub fn has_mines(&self) -> bool {
        self.counts.tp + self.counts.fn_ > 0
    }

    /// The curves, evenly in recall and in the threshold.
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

    /// In words whether the model is worth its while; `None` where that cannot be said.
    pub fn verdict(&self) -> Option<String> {
        let above = self.above_best_baseline.as_ref()?;
        let value = self.value(self.headline)?;
        let difference = above.difference.value?;
        let baseline = self.baselines.iter().find(|b| b.name == above.baseline)?;
        let metric = if self.headline == "f1" { "F1" } else { "Mean F1 over patches" };
        let than = format!("that of the best baseline ({}, {:.3})", baseline.label, value - difference);
        if difference <= 0.0 {
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
