//! Area and accuracy of a map from a sample of places that somebody looks at: [`design`] draws the sample, [`estimate`] reads
//! the answers.
//!
//! Counting the pixels of a map gives its mistakes along with its hits. What is recommended instead (Olofsson, Foody, Herold,
//! Stehman, Woodcock, Wulder 2014, "Good practices for estimating area and assessing accuracy of land change", Remote Sensing
//! of Environment 148, 42-57, <https://doi.org/10.1016/j.rse.2014.02.015>) is to divide the map into strata, to draw pixels of
//! each at random, to find out what is really there, and to estimate from that how much there is, and how sure that is.
//!
//! Strata are the classes of the map. Mines that a map misses are few points in a very large stratum, each of which stands for
//! much land, which makes intervals wide. So the land within some pixels of a mapped mine, where most of the missed ones are,
//! can be a stratum of its own (Olofsson, Arévalo, Espejo, Green, Lindquist, McRoberts, Sanz 2020, "Mitigating the effects of
//! omission errors on area and area change estimates", Remote Sensing of Environment 236, 111492,
//! <https://doi.org/10.1016/j.rse.2019.111492>). Strata and classes are two things then, and the estimators are those of
//! Stehman 2014 (see [`Estimator`]).
//!
//! # What is written
//! | file | what it is |
//! |---|---|
//! | `samples.csv`, `samples.geojson`, `samples.gpkg` | the points, in random order, each for whoever likes that format: fill `reference_class` in one of them |
//! | `samples.gpkg`, layer `pixels` | the outlines of the pixels that the points stand for |
//! | `design.json` | [`Design`]: the map, the strata, how and what was drawn |
//!
//! # The map of this module
//! `strata` (which pixel is in which stratum), `pixel_area` (how large pixels are on the ground), `allocation` (how many
//! points each stratum gets), `draw` (which pixels those are), `design` and `files` (all that into a folder), `answers` (what
//! was found), `estimator` (from answers to areas), `report`.

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
