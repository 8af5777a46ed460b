//! Gain and loss of disturbed land between two dates: [`compare`] and [`change`].
//!
//! ```text
//! map of a date (folder of `predict`) ─┐
//!                                      ├─ on one grid, registered ── candidates ── net of jitter ── classes ── sites, hectares, files
//! map of another date ─────────────────┘                     │
//! both scenes ── has the ground changed? ────────────────────┘
//! ```
//! # Registration
//! The shift between the scenes is measured in the pixels (`registration`). Above a third of a pixel the later map and its bands
//! are moved back. Above [`LARGEST_PX`] the comparison is refused. [`RegistrationMode`] switches this off.
//!
//! # What counts as change
//! A model may have a *change head*: a small network that sees both maps and both scenes, and gives each pixel a probability of gain
//! and one of loss ([`ChangeClassifier`]). Connected pixels with a probability above 2 % are a group. It needs a pixel above 50 %,
//! and the minimum area. The sum of its probabilities is its area: that many of its most probable pixels change (`learned`).
//!
//! Without a change head there are rules. A pixel is a candidate for gain if its probability crossed the model's threshold upwards, and for loss if it
//! crossed it downwards. Most candidates are no real change: outlines shift by a pixel between dates, and a network
//! can miss in one light what it detects in another. Five rules therefore apply:
//!
//! - **Spectral change.** Mines that stayed mines also look different on another day. A candidate must differ by more than
//!   four fifths of them do. The difference is that of the logarithms of reflectance in six bands, averaged over 3 x 3 pixels,
//!   relative to the change of those mines as a whole (`spectra`). This removes light and season. It needs both scenes:
//!   without them the change is reported as less sure. If hardly any mine stayed a mine, a candidate must differ by more than
//!   95 % of the ground that was undisturbed on both dates.
//! - **Hysteresis.** A connected group of candidates needs at least one pixel that is sure on both dates
//!   (J. Canny 1986, "A computational approach to edge detection", IEEE TPAMI 8(6), section VIII).
//! - **Width.** A group needs a pixel whose four neighbours are candidates. One or two pixels along an outline are jitter.
//! - **Minimum area.**
//! - **Noise floor** per site: the apparent change of stable sites ([`NoiseFloor`](minesegsat_core::noise_floor::NoiseFloor)). Smaller changes are not reported.

pub(crate) mod align;
mod jitter;
mod learned;
pub mod picture;
mod registration;
mod run;
pub(crate) mod site;
mod spectra;
#[cfg(test)]
mod tests;

pub use self::registration::{CORRECTED_ABOVE_PX, LARGEST_PX, Registration, RegistrationMode};
pub(crate) use self::run::CHANGE;
pub use self::run::{ChangeManifest, ChangeOptions, beyond_map, change};
pub use self::site::SiteChange;
pub use crate::dated::{DatedMap, shift};

use minesegsat_core::job::Job;

use serde::Serialize;

use self::align::Aligned;
use minesegsat_core::pixel_class::Change;
use minesegsat_core::{ChangeClassifier, Grid, Result};

/// Rules that decide which candidates are change.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ChangeRules {
    /// Probability threshold for disturbed pixels.
    pub threshold: f32,
    /// Hysteresis: maximum probability of a group's sure pixel on the undisturbed date.
    pub low: f32,
    /// Hysteresis: minimum probability of the same pixel on the disturbed date.
    pub high: f32,
    /// Minimum size of a group, in pixels.
    pub min_pixels: usize,
    /// Share of unchanged mines that a candidate must exceed in spectral difference, 0 to 1.
    pub spectral_share: f32,
    /// What happens with the shift between the two dates.
    pub registration: RegistrationMode,
}

impl ChangeRules {
    /// Rules for a model's threshold. The limits for sure pixels are half-way from the threshold to 0 and to 1.
    pub fn around(threshold: f32, min_pixels: usize) -> Self {
        Self {
            threshold,
            low: threshold / 2.0,
            high: f32::midpoint(threshold, 1.0),
            min_pixels,
            spectral_share: 0.8,
            registration: RegistrationMode::default(),
        }
    }
}

/// Two dates on one grid, and the change of every pixel.
#[derive(Debug, Clone)]
pub struct ChangeMap {
    /// The part of the earlier map's grid that both maps cover.
    pub grid: Grid,
    /// Probabilities of the earlier date, `[H, W]`, NaN where not assessable.
    pub before: Vec<f32>,
    /// Probabilities of the later date, `[H, W]`, NaN where not assessable.
    pub after: Vec<f32>,
    /// `[H, W]`, values of [`Change`].
    pub classes: Vec<u8>,
    /// The shift between the two scenes.
    pub registration: Registration,
    /// Whether the spectra of the two scenes were compared.
    pub compared_spectra: bool,
    /// SHA-256 of the change head that found gain and loss. `None` if the rules did.
    pub change_head_sha256: Option<String>,
    /// Warnings about resampling, season, models and missing scenes.
    pub warnings: Vec<String>,
}

/// Aligns two dates and classifies every pixel.
///
/// Gain and loss come from `head`, if it belongs to the model of both maps and can be asked, and otherwise from the rules.
///
/// # Errors
/// The dates must not be compared, a scene cannot be read, or the job was cancelled.
pub fn compare(
    before: &DatedMap,
    after: &DatedMap,
    rules: &ChangeRules,
    head: Option<&dyn ChangeClassifier>,
    job: Job<'_>,
) -> Result<ChangeMap> {
    let mut warnings = before.check_against(after)?;
    let Aligned { grid, before: p_before, after: mut p_after, note } = align::align(before, after)?;
    warnings.extend(note);
    let registration = registration::register(before, after, &grid, rules.registration, job)?;
    warnings.extend(registration.warning());
    if let Some(correction) = registration.correction() {
        p_after = registration::moved_back(&p_after, grid.width, correction);
    }
    let maps = [p_before.as_slice(), p_after.as_slice()];
    let mut found = None;
    let head = head.filter(|head| [before, after].iter().all(|map| map.model_sha256 == head.model_sha256()));
    if let Some(head) = head {
        let correction = registration.correction();
        match learned::changed(head, [before, after], &grid, maps, correction, rules.min_pixels, job)? {
            learned::Answer::Changed(changed) => found = Some(changed),
            learned::Answer::Unknown(why) => {
                warnings.push(format!("the model's change head was not asked, {why}: the change is found by rules"));
            }
        }
    }
    let change_head_sha256 = head.filter(|_| found.is_some()).map(|head| head.sha256().to_owned());
    let mut compared_spectra = found.is_some();
    let [gain, loss] = if let Some(changed) = found {
        changed
    } else {
        let by_rules = by_rules([before, after], &grid, maps, registration.correction(), rules, job)?;
        compared_spectra = by_rules.compared_spectra;
        warnings.extend(by_rules.warning);
        by_rules.changed
    };
    let seen = |i: usize| !p_before[i].is_nan() && !p_after[i].is_nan();
    let classes = (0..p_before.len())
        .map(|i| {
            let class = if !seen(i) {
                Change::NotAssessable
            } else if gain[i] {
                Change::Gain
            } else if loss[i] {
                Change::Loss
            } else if f32::midpoint(p_before[i], p_after[i]) >= rules.threshold {
                Change::Stable
            } else {
                Change::None
            };
            class as u8
        })
        .collect();
    Ok(ChangeMap {
        grid,
        before: p_before,
        after: p_after,
        classes,
        registration,
        compared_spectra,
        change_head_sha256,
        warnings,
    })
}

/// Gain and loss by the rules of this module.
struct ByRules {
    /// Gain and loss, `[H, W]` each.
    changed: [Vec<bool>; 2],
    compared_spectra: bool,
    warning: Option<String>,
}

fn by_rules(
    [before, after]: [&DatedMap; 2],
    grid: &Grid,
    [p_before, p_after]: [&[f32]; 2],
    correction: Option<[f64; 2]>,
    rules: &ChangeRules,
    job: Job<'_>,
) -> Result<ByRules> {
    let seen = |i: usize| !p_before[i].is_nan() && !p_after[i].is_nan();
    let threshold = rules.threshold;
    let len = p_before.len();
    let candidates = |from: &[f32], to: &[f32]| -> Vec<bool> {
        (0..len).map(|i| seen(i) && from[i] < threshold && to[i] >= threshold).collect()
    };
    let mut gain = candidates(p_before, p_after);
    let mut loss = candidates(p_after, p_before);
    job.check()?;
    let (mut compared_spectra, mut warning) = (false, None);
    if gain.iter().chain(&loss).any(|&is| is) {
        match spectra::changed(before, after, grid, (p_before, p_after), correction, rules, [&gain, &loss], job)? {
            spectra::Comparison::Changed(changed) => {
                compared_spectra = true;
                for mask in [&mut gain, &mut loss] {
                    for (is, &changed) in mask.iter_mut().zip(&changed) {
                        *is &= changed;
                    }
                }
            }
            spectra::Comparison::Unknown(why) => {
                warning = Some(format!(
                    "spectra were not compared, {why}: the change is from the two maps alone and contains more false changes"
                ));
            }
        }
    }
    job.check()?;
    let sure = |from: f32, to: f32| from <= rules.low && to >= rules.high;
    jitter::keep_sure(&mut gain, grid.width, rules.min_pixels, |i| sure(p_before[i], p_after[i]));
    jitter::keep_sure(&mut loss, grid.width, rules.min_pixels, |i| sure(p_after[i], p_before[i]));
    Ok(ByRules { changed: [gain, loss], compared_spectra, warning })
}
