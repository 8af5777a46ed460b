//! Content of a site's page.

use geo::MultiPolygon;
use jiff::{Timestamp, civil::Date};

use minesegsat_watch::register::{Correction, Observation, Permit, Site};

/// Content of a site's page. Everything except the site may be missing; the page then says so.
#[derive(Debug, Clone)]
pub struct SiteReport {
    /// The site.
    pub site: Site,
    /// Its permits, in any order.
    pub permits: Vec<Permit>,
    /// Its observations, in any order. The last one by date gives the verdict of the page.
    pub observations: Vec<Observation>,
    /// The site on the date that changes are measured from: the baseline or the first observation.
    pub before: Option<DatedPicture>,
    /// The site on the last date.
    pub after: Option<DatedPicture>,
    /// The scenes of the observations.
    pub scenes: Vec<SceneRow>,
    /// How the observations were made; `None` before the first one.
    pub method: Option<MethodFacts>,
    /// Indices inside and around the site; may be empty.
    pub indices: Vec<IndexPoint>,
    /// When new land became disturbed, from all dates up to the last one. `None` if it was not followed over several dates.
    pub onsets: Option<Onsets>,
    /// Rows of the register about this site that cannot be read, as sentences.
    pub problems: Vec<String>,
    /// Verdicts that were replaced when permits changed.
    pub corrections: Vec<Correction>,
    /// When the report was made.
    pub created: Timestamp,
}

/// Picture of a site on one date, with outlines to draw over it.
///
/// Outlines are in pixels of the picture: x to the right, y down; (0, 0) is the upper left corner of the first pixel.
#[derive(Debug, Clone)]
pub struct DatedPicture {
    /// Day of the scene.
    pub date: Date,
    /// Names of the scenes.
    pub scenes: Vec<String>,
    /// True colour without any overlay, as PNG. Large pictures (some hundred kilobytes) must be 8-bit RGB.
    pub png: Vec<u8>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Width on the ground of one pixel, in metres. `None` if it is unknown.
    pub pixel_m: Option<f64>,
    /// Disturbed land on that day.
    pub disturbed: MultiPolygon<f64>,
    /// The date that gain and loss are since.
    pub change_since: Option<Date>,
    /// Land newly disturbed since then.
    pub gain: MultiPolygon<f64>,
    /// Land no longer disturbed since then.
    pub loss: MultiPolygon<f64>,
    /// Where the permit allows disturbance.
    pub permit: MultiPolygon<f64>,
    /// The boundary of the site.
    pub boundary: MultiPolygon<f64>,
}

/// A scene of an observation.
#[derive(Debug, Clone, PartialEq)]
pub struct SceneRow {
    /// Its id.
    pub id: String,
    /// Day of sensing.
    pub date: Date,
    /// Cloud cover of the whole scene in percent, as stated by its provider.
    pub cloud_cover_percent: Option<f64>,
    /// Processing baseline, such as `05.00`.
    pub processing_baseline: Option<String>,
    /// Whether the radiometric offset was subtracted from the digital numbers, and why.
    pub offset_decision: String,
    /// Share of the site that could be seen, 0 to 1.
    pub share_assessed: Option<f64>,
}

/// How the observations were made.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodFacts {
    /// Title of the model.
    pub model_title: String,
    /// SHA-256 of its weights, lower-case hexadecimal.
    pub model_sha256: String,
    /// Probability threshold of disturbed land, 0 to 1.
    pub threshold: f64,
    /// Confidence level of the intervals, in percent.
    pub confidence_level_percent: f64,
    /// Noise floor in hectares: smaller changes are reported as no change.
    pub noise_floor_ha: Option<f64>,
    /// Program and version, such as `minesegsat 0.1.0`.
    pub software: String,
}

/// Medians of spectral indices on one date.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IndexPoint {
    /// The day.
    pub date: Date,
    /// Medians inside the boundary of the site.
    pub inside: IndexValues,
    /// Medians around the site.
    pub around: IndexValues,
}

/// Medians of spectral indices over an area, -1 to 1; `None` if nothing could be seen. Formulas: [`minesegsat_map::preview`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct IndexValues {
    /// Vegetation.
    pub ndvi: Option<f64>,
    /// Bare soil.
    pub bsi: Option<f64>,
    /// Open water.
    pub ndwi: Option<f64>,
}

/// New land of a site by the time of its onset.
#[derive(Debug, Clone, PartialEq)]
pub struct Onsets {
    /// The first date and the last one.
    pub dates: [Date; 2],
    /// New land by the first date that shows it, in the order of time. Empty if there is none.
    pub rows: Vec<OnsetRow>,
    /// Map of the onsets with a legend, as 8-bit RGB PNG.
    pub png: Option<Vec<u8>>,
}

impl Onsets {
    /// At most `most` rows: the earliest ones become one row.
    pub(super) fn latest_rows(&self, most: usize) -> Vec<OnsetRow> {
        let merged = (self.rows.len() + 1).saturating_sub(most);
        if merged < 2 {
            return self.rows.clone();
        }
        let (early, late) = self.rows.split_at(merged);
        let first = early.iter().copied().reduce(OnsetRow::joined);
        first.into_iter().chain(late.iter().copied()).collect()
    }
}

impl OnsetRow {
    /// The land of two rows, with the dates around both.
    pub(super) fn joined(self, other: Self) -> Self {
        Self {
            after: self.after.min(other.after),
            until: self.until.max(other.until),
            confirmed_ha: self.confirmed_ha + other.confirmed_ha,
            provisional_ha: self.provisional_ha + other.provisional_ha,
        }
    }
}

/// New land that became disturbed between two dates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OnsetRow {
    /// Last date that shows it undisturbed; of land under clouds on different dates, the earliest such date.
    pub after: Date,
    /// First date that shows it disturbed.
    pub until: Date,
    /// Confirmed by several dates, in hectares.
    pub confirmed_ha: f64,
    /// Not confirmed yet, in hectares.
    pub provisional_ha: f64,
}

impl SiteReport {
    /// What a reader must know before numbers of different dates are compared, as sentences: changes of the boundary.
    pub(super) fn boundary_notes(&self) -> Vec<String> {
        let order = self.in_order();
        let mut notes = Vec::new();
        for pair in order.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            if a.boundary_sha256.is_some() && b.boundary_sha256.is_some() && a.boundary_sha256 != b.boundary_sha256 {
                notes.push(format!(
                    "The boundary of the site was changed between {} and {}: areas before and after are of different land.",
                    a.date, b.date
                ));
            }
        }
        if let Some(last) = order.last()
            && last.boundary_sha256.as_ref().is_some_and(|known| *known != self.site.boundary_sha256())
        {
            notes.push(format!(
                "The boundary of the site was changed after {}: all numbers are of an earlier boundary.",
                last.date
            ));
        }
        if let Some(last) = order.iter().rev().find(|o| o.boundary_sha256.is_none()) {
            notes.push(format!(
                "The observations up to {} do not say which boundary they were made from. Whether it was changed is unknown.",
                last.date
            ));
        }
        notes
    }

    /// Observations sorted by date, then by the time they were stored.
    pub(super) fn in_order(&self) -> Vec<&Observation> {
        let mut order: Vec<&Observation> = self.observations.iter().collect();
        order.sort_by_key(|observation| (observation.date, observation.created));
        order
    }
}
