//! How good a model is on the samples of a data set.
//!
//! - [`segment_sample`] answers for a whole sample of any size, by overlapping windows
//! - [`validate`] measures a model on samples: the named metrics by which training chooses its best
//! - [`evaluate()`] measures a model on a split beside [`Baseline`]s, with intervals, and writes numbers, tables and a report
//! - [`fit_temperature`] finds how sure a model should have been

mod baseline;
mod bootstrap;
mod chart;
mod evaluation;
mod picture;
mod places;
mod report;
mod run;
mod segment;
mod sums;
mod tables;
mod temperature;
mod validate;

pub use baseline::Baseline;
pub use evaluation::{
    Above, AreaTotals, BaselineResult, CurvePoint, DatasetSummary, Estimate, Evaluation, Intervals, PatchResult,
    SiteResult, ThresholdOrigin, ThresholdUsed,
};
pub use places::KnownPlaces;
pub use run::{
    EvaluateOptions, METRICS_FILE, PAPER_THRESHOLD, PATCHES_FILE, PROBABILITIES_FOLDER, Protocol, REPORT_FILE,
    SITES_FILE, ThresholdChoice, check_bands, evaluate,
};
pub use segment::{for_each_sample, segment_sample};
pub use sums::Metric;
pub use temperature::{TemperatureFit, fit_temperature};
pub use validate::{ImageCounts, ValidateOptions, Validation, image_mean, validate, validate_each};
