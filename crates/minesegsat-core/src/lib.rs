//! The types and computations that all other crates share: grids, bands, reference systems, patches, masks, areas, errors.
//!
//! This crate computes only. It knows no network, no raster or vector format and no scene.
//!
//! # The map of this crate
//! - Positions: [`Window`], [`GeoTransform`], [`Grid`], [`Crs`], [`Transformer`], [`area_of_interest`]
//! - Spectral bands: [`Band`]
//! - Models, as the mapping code uses them: [`Segmenter`], [`ChangeClassifier`], [`model_description`], [`familiarity`]
//! - Patches: [`patch_grid`] (positions and blending weights), [`resample`] (OpenCV's cubic kernel, by map position)
//! - Pixel classes and their colours: [`pixel_class`]
//! - Pixels to polygons and back: [`polygonize`], [`rasterize`]
//! - Hectares: [`area`] (geodesic), [`uncertainty`] (areas with intervals), [`noise_floor`] (apparent change of stable sites)
//! - Land over many dates: [`persistence`] (rates of change, weight of a map)
//! - Accuracy: [`metrics`] (counts once, then ratios)
//! - Random numbers that stay the same between versions: [`noise`]
//! - Output files that are complete or absent: [`output`]; checksums as text: [`hex`]
//! - Long runs: [`job`] (progress and cancellation), [`parallel`] (many items on several threads)
//! - Panics of libraries that read files: [`guard`](guard())
//! - Foreign text, safe for a terminal: [`printable`], [`on_one_line`]
//! - Errors: [`Error`], [`Setting`] (the option that avoids an error), [`hint`] ("did you mean ...?")
//!
//! Arrays are row-major `[C, H, W]`; positions in arrays are (row, col), on maps (x, y); bounding boxes are west, south,
//! east, north.
#![warn(clippy::unwrap_used, clippy::print_stdout)]

pub mod area;
pub mod area_of_interest;
pub mod band;
mod change_classifier;
pub mod crs;
pub mod error;
pub mod familiarity;
pub mod grid;
mod grouped;
pub mod guard;
pub mod hex;
pub mod hint;
pub mod job;
pub mod metrics;
pub mod model_description;
pub mod noise;
pub mod noise_floor;
pub mod output;
pub mod parallel;
pub mod patch_grid;
pub mod persistence;
pub mod pixel_class;
pub mod polygonize;
pub mod rasterize;
pub mod resample;
mod segmenter;
mod setting;
mod text;
pub mod uncertainty;

pub use band::Band;
pub use change_classifier::ChangeClassifier;
pub use crs::{Crs, Transformer};
pub use error::{Cause, Error, Result, because, tells, with_causes};
pub use grid::{GeoTransform, Grid, Window};
pub use grouped::{Grouped, without_marks};
pub use guard::guard;
pub use job::{Job, Progress};
pub use segmenter::Segmenter;
pub use setting::Setting;
pub use text::{on_one_line, printable};
