//! Disturbed land over many dates: [`Series`].
//!
//! ```text
//! maps of all dates ── Series (order, checks, one grid) ── blocks ── History of each pixel ── onset.tif, state.tif, onset.png
//!                                                      └── sites ── History of each pixel ── area per date, gain since any date
//! ```
//! The maps of two dates differ wherever the network errs on one of them. Over many dates, errors come and go, and disturbed land
//! stays. So each pixel gets the most likely sequence of states of a hidden Markov model: [`chain`] has the model, [`history`]
//! what follows from it for a pixel.
//!
//! - **First seen.** The onset lies between the last assessable date that shows the pixel undisturbed and the first that shows it
//!   disturbed.
//! - **Confirmed or provisional.** New and regrown land is provisional until several of successive assessable dates agree
//!   ([`history::Confirmation`]).
//! - **Smoothed areas.** On dates with the same state in a row a pixel has the mean of its probabilities, so areas do not
//!   flicker with single maps, and remain calibrated.
//!
//! Clouds cost nothing: a date on which a pixel was not assessable is left out for this pixel.

pub mod chain;
pub mod history;
mod maps;
mod picture;
mod rasters;
mod site;
mod style;
#[cfg(test)]
mod tests;

pub use self::history::Confirmation;
pub use self::maps::{Series, SeriesMap};
pub use self::picture::onset_colour;
pub use self::rasters::{EPOCH, SeriesTotals, write_rasters};
pub use self::site::{OnsetArea, SeriesPoint, SiteSeries};
pub use self::style::onset_style;

use minesegsat_core::persistence::Persistence;
use serde::Serialize;

/// Rules of the history of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct SeriesRules {
    /// How long states last, and how much a date counts.
    pub persistence: Persistence,
    /// When new and regrown land is confirmed.
    pub confirmation: Confirmation,
}

impl SeriesRules {
    /// An error if a value is out of range.
    pub fn check(&self) -> minesegsat_core::Result<()> {
        self.persistence.check()?;
        self.confirmation.check()
    }
}
