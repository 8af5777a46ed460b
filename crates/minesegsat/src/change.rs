//! Gain and loss of disturbed land between two dates: [`compare`] and [`change`].
//!
//! ```text
//! map of a date (folder of `predict`) ─┐
//!                                      ├─ on one grid ── candidates ── net of jitter ── classes ── sites, hectares, files
//! map of another date ─────────────────┘                     │
//! both scenes ── has the ground changed? ────────────────────┘
//! ```
//! # What counts as change
//! A pixel is a candidate for gain where the probability was below the model's threshold and is not any more, and for loss the
//! other way round. Most candidates are no change: outlines wander by a pixel between dates, and a network may see
//! in one light what it misses in another. So
//! - **the ground must look different.** Mines that stayed mines look different too on another day; a candidate must
//!   differ by more than four fifths of them do, in the logarithm of the reflectance of six bands, averaged over 3 x 3 pixels
//!   and relative to how those mines changed as a whole (`spectra`). It takes light and season out, and asks for both
//!   scenes; without them the change is reported as less sure. Where hardly a mine stayed one, a candidate must stand out from 95 % of the
//!   ground that was free on both dates;
//! - **hysteresis**: a group of candidates that hang together needs at least one pixel that is sure on both dates
//!   (J. Canny 1986, "A computational approach to edge detection", IEEE TPAMI 8(6), section VIII);
//! - **width**: it needs a pixel whose four neighbours are candidates, since what is one or two pixels wide along an outline is jitter;
//! - **a minimum area**;
//! - **a noise floor** per site: what stable sites show ([`NoiseFloor`]). Below it no change is reported.

mod align;
mod dated;
mod floor;
mod jitter;
pub(crate) mod picture;
mod run;
pub(crate) mod site;
mod spectra;
#[cfg(test)]
mod tests;

pub use self::dated::DatedMap;
pub use self::floor::{NoiseFloor, StablePair};
pub use self::run::{ChangeManifest, ChangeOptions, change};
pub use self::site::{SiteArea, SiteChange};

use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use self::align::Aligned;
pub(crate) use self::align::shift;
use crate::{Error, Grid, Result};

/// What became of a pixel: the values of `change.tif`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Change {
    /// Not disturbed on either date.
    None = 0,
    /// Disturbed on both.
    Stable = 1,
    /// Disturbed on the later date only.
    Gain = 2,
    /// Disturbed on the earlier date only.
    Loss = 3,
    /// Not assessable on at least one of the dates.
    NotAssessable = 255,
}

impl Change {
    /// What can become of a mine.
    pub const OF_MINES: [Self; 3] = [Self::Stable, Self::Gain, Self::Loss];

    /// Name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Stable => "stable",
            Self::Gain => "gain",
            Self::Loss => "loss",
            Self::NotAssessable => "not assessable",
        }
    }
}

/// Which candidates are change.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ChangeRules {
    /// From which probability a pixel is disturbed.
    pub threshold: f32,
    /// A group of candidates needs a pixel of at most this probability on the date without disturbance.
    pub low: f32,
    /// And of at least this on the other, at the same pixel.
    pub high: f32,
    /// Smaller groups are left out, in pixels.
    pub min_pixels: usize,
    /// Share of unchanged mines that a candidate must differ more than, 0 to 1.
    pub spectral_share: f32,
}

impl ChangeRules {
    /// Rules around a model's threshold: sure is half-way from it to certainty.
    pub fn around(threshold: f32, min_pixels: usize) -> Self {
        Self { threshold, low: threshold / 2.0, high: f32::midpoint(threshold, 1.0), min_pixels, spectral_share: 0.8 }
    }
}

/// Two dates on one grid, and what became of every pixel.
#[derive(Debug, Clone)]
pub struct ChangeMap {
    /// The part of the earlier map's grid that both maps cover.
    pub grid: Grid,
    /// `[H, W]`, NaN where not assessable.
    pub before: Vec<f32>,
    /// `[H, W]`, NaN where not assessable.
    pub after: Vec<f32>,
    /// `[H, W]`, values of [`Change`].
    pub classes: Vec<u8>,
    /// Whether the ground itself was compared.
    pub compared_spectra: bool,
    /// What a reader should know: resampling, season, models, scenes that were not there.
    pub warnings: Vec<String>,
}

/// Brings two dates together and decides on every pixel.
pub fn compare(before: &DatedMap, after: &DatedMap, rules: &ChangeRules, cancel: &AtomicBool) -> Result<ChangeMap> {
    let mut warnings = before.check_against(after)?;
    let Aligned { grid, before: p_before, after: p_after, note } = align::align(before, after)?;
    warnings.extend(note);
    let seen = |i: usize| !p_before[i].is_nan() && !p_after[i].is_nan();
    let threshold = rules.threshold;
    let len = p_before.len();
    let candidates = |from: &[f32], to: &[f32]| -> Vec<bool> {
        (0..len).map(|i| seen(i) && from[i] < threshold && to[i] >= threshold).collect()
    };
    let mut gain = candidates(&p_before, &p_after);
    let mut loss = candidates(&p_after, &p_before);
    let stop = || if cancel.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) };
    stop()?;
    let mut compared_spectra = false;
    if gain.iter().chain(&loss).any(|&is| is) {
        match spectra::changed(before, after, &grid, (&p_before, &p_after), rules, [&gain, &loss], cancel)? {
            spectra::Answer::Changed(changed) => {
                compared_spectra = true;
                for mask in [&mut gain, &mut loss] {
                    for (is, &changed) in mask.iter_mut().zip(&changed) {
                        *is &= changed;
                    }
                }
            }
            spectra::Answer::Unknown(why) => warnings.push(format!(
                "the ground itself was not compared, {why}: only the two maps were, so more of what is called change is none"
            )),
        }
    }
    stop()?;
    let sure = |from: f32, to: f32| from <= rules.low && to >= rules.high;
    jitter::keep_sure(&mut gain, grid.width, rules.min_pixels, |i| sure(p_before[i], p_after[i]));
    jitter::keep_sure(&mut loss, grid.width, rules.min_pixels, |i| sure(p_after[i], p_before[i]));
    let classes = (0..len)
        .map(|i| {
            let class = if !seen(i) {
                Change::NotAssessable
            } else if gain[i] {
                Change::Gain
            } else if loss[i] {
                Change::Loss
            } else if f32::midpoint(p_before[i], p_after[i]) >= threshold {
                Change::Stable
            } else {
                Change::None
            };
            class as u8
        })
        .collect();
    Ok(ChangeMap { grid, before: p_before, after: p_after, classes, compared_spectra, warnings })
}
