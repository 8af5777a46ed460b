//! Evaluation of models on the samples of a data set.
//!
//! - [`segment_sample`] segments a whole sample of any size in overlapping windows
//! - [`validate`] computes named metrics of a model; training uses one of them to choose the best checkpoint
//! - [`evaluate()`] compares a model with [`Baseline`]s on a split, with confidence intervals, and writes metrics,
//!   tables and a report
//! - [`fit_temperature`] calibrates a model's probabilities by temperature scaling

mod baseline;
mod bootstrap;
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
