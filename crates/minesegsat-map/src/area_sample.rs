//! Accuracy assessment: area and accuracy of a map, from sample points that a person checks. [`design`] draws the
//! sample, [`estimate`] evaluates the answers.
//!
//! A pixel count of a map includes its errors. The recommended method (Olofsson, Foody, Herold, Stehman, Woodcock,
//! Wulder 2014, "Good practices for estimating area and assessing accuracy of land change", Remote Sensing of
//! Environment 148, 42-57, <https://doi.org/10.1016/j.rse.2014.02.015>) has four steps:
//!
//! 1. Divide the map into strata.
//! 2. Draw random pixels from each stratum.
//! 3. Determine the true class of each.
//! 4. Estimate the true areas and their uncertainty.
//!
//! Strata are the classes of the map. Missed mines are few points in a very large stratum. Each of these points
//! represents much land, which makes intervals wide. The land within some pixels of a mapped mine, which contains
//! most of the missed mines, can therefore be a stratum of its own (Olofsson, Arévalo, Espejo, Green, Lindquist,
//! McRoberts, Sanz 2020, "Mitigating the effects of omission errors on area and area change estimates", Remote
//! Sensing of Environment 236, 111492, <https://doi.org/10.1016/j.rse.2019.111492>). Strata then differ from classes,
//! and the estimators are those of Stehman 2014 (see [`Estimator`]).
//!
//! # Output files
//! | file | content |
//! |---|---|
//! | `samples.csv`, `samples.geojson`, `samples.gpkg` | the points in random order; fill `reference_class` in one of them |
//! | `samples.gpkg`, layer `pixels` | the outlines of the points' pixels |
//! | `design.json` | [`Design`]: the map, the strata, the drawn sample |
//!
//! # The map of this module
//! - `strata`: the stratum of each pixel
//! - `pixel_area`: ground areas of pixels
//! - `allocation`: the number of points per stratum
//! - `draw`: random pixels
//! - `design` and `files`: a design and its output folder
//! - `answers`: the answers of the interpreter
//! - `estimator`: from answers to areas
//! - `report`: the results

mod allocation;
mod answers;
mod design;
mod draw;
mod estimator;
mod files;
mod pixel_area;
mod report;
mod strata;
#[cfg(test)]
mod tests;

pub use self::allocation::Allocation;
pub use self::design::{
    ClassRecord, DESIGN_FILE, Design, DesignOptions, Extent, MapRecord, SampleRecord, SampleSize, StratumRecord, design,
};
pub use self::estimator::{Estimate, Estimator, Observation, StratumSize, normal_quantile};
pub use self::report::{ClassEstimate, EstimateOptions, Quantity, Report, StratumAnswers, estimate};
