//! Products from scenes: maps of mining land, areas in hectares, change, and pictures.
//!
//! # The map of this crate
//! - The map of a date: [`dated`]
//! - Places: [`site`] (outlines and their pixels), [`hectares`] (all areas of a date), [`land`] (outlines of a site's disturbed land)
//! - Prediction: [`predict`] maps a scene with a network
//! - Change between two dates: [`change`] (gain, loss, per site; the shift between the dates)
//! - Change over many dates: [`series`] (onset, regrowth, confirmed or provisional)
//! - Accuracy assessment: [`area_sample`] (areas and accuracies with intervals, from sample points that a person checks)
//! - Pictures: [`preview`] (sheets of panels, a page of a data set), [`quicklook`] (true colour with outlines)
#![warn(clippy::unwrap_used, clippy::print_stdout)]

pub mod area_sample;
pub mod change;
pub mod dated;
pub mod hectares;
pub mod land;
pub mod predict;
pub mod preview;
pub mod quicklook;
pub mod series;
pub mod site;
