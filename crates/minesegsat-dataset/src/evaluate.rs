//! Evaluation of models on the samples of a data set.
//!
//! - [`segment_sample`] segments a whole sample of any size in overlapping windows
//! - [`validate`] computes named metrics of a model; training uses one of them to choose the best checkpoint
//! - [`evaluate()`] compares a model with [`Baseline`]s on a split, with confidence intervals, and writes metrics,
//!   tables and a report. It can measure how much the map moves if its input changes ([`Stability`]), and false land on
//!   ground without mines ([`Negatives`])
//! - [`fit_temperature`] calibrates a model's probabilities by temperature scaling

mod baseline;
mod bootstrap;
mod cover;
mod evaluation;
mod negatives;
mod picture;
mod places;
mod report;
mod run;
mod segment;
mod stability;
mod sums;
mod tables;
mod temperature;
mod validate;

pub use baseline::Baseline;
pub use evaluation::{
    Above, AreaTotals, BaselineResult, CurvePoint, DatasetSummary, Estimate, Evaluation, Intervals, PatchResult,
    SiteResult, ThresholdOrigin, ThresholdUsed,
};
pub use negatives::{CoverClass, FalseLand, Negatives, NegativesOptions};
pub use places::KnownPlaces;
pub use run::{
    EvaluateOptions, METRICS_FILE, PAPER_THRESHOLD, PATCHES_FILE, PROBABILITIES_FOLDER, Protocol, REPORT_FILE,
    SITES_FILE, ThresholdChoice, check_bands, evaluate,
};
pub use segment::{for_each_sample, segment_sample};
pub use stability::{Change, ChangeResult, Stability, StabilityOptions};
pub use sums::Metric;
pub use temperature::{TemperatureFit, fit_temperature};
pub use validate::{ImageCounts, ValidateOptions, Validation, image_mean, validate, validate_each};
