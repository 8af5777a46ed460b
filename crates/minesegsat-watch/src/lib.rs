//! Monitoring of known mines: sites and permits, observations, verdicts, alerts and evidence.
//!
//! # The map of this crate
//! - [`register`]: sites, permits and observations in a GeoPackage
//! - [`monitor`]: one pass over the sites: search, map, compare, judge, store; verdicts that are judged again when permits change
//! - [`timeline`]: area and indices of a site over many dates
//! - [`alerts`]: alerts by webhook, mail or file
//! - [`evidence`]: signed evidence packs
//! - [`sentence`]: verdicts as sentences in several languages
#![warn(clippy::unwrap_used, clippy::print_stdout)]

pub mod alerts;
pub mod evidence;
pub mod monitor;
pub mod register;
pub mod sentence;
pub mod timeline;
