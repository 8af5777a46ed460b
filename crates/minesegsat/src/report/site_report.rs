//! What a page on a site says.

use geo::MultiPolygon;
use jiff::{Timestamp, civil::Date};

use crate::register::{Observation, Permit, Site};

/// What a page on a site says. Everything but the site may be missing: the page says so.
#[derive(Debug, Clone)]
pub struct SiteReport {
    /// The site.
    pub site: Site,
    /// Its permits, in any order.
    pub permits: Vec<Permit>,
    /// Its observations, in any order. The last one by date gives the verdict of the page.
    pub observations: Vec<Observation>,
    /// The site on the date that change counts from: the baseline or the first observation.
    pub before: Option<DatedPicture>,
    /// The site on the last date.
    pub after: Option<DatedPicture>,
    /// The scenes that were looked at.
    pub scenes: Vec<SceneRow>,
    /// How the observations were made; none where there is none yet.
    pub method: Option<MethodFacts>,
    /// Indices inside and around the site; may be empty.
    pub indices: Vec<IndexPoint>,
    /// When the report was made.
    pub created: Timestamp,
}

/// The window of a site on a day, with outlines to draw over it.
///
/// Outlines are in pixels of the picture: x to the right, y down, (0, 0) the upper left corner of the first pixel.
#[derive(Debug, Clone)]
pub struct DatedPicture {
    /// Day of the scene.
    pub date: Date,
    /// Names of the scenes.
    pub scenes: Vec<String>,
    /// True colour without any overlay, as PNG; RGB of 8 bits where it is larger than some hundred kilobytes.
    pub png: Vec<u8>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Disturbed land on that day.
    pub disturbed: MultiPolygon<f64>,
    /// Land newly disturbed since the date that it is compared with.
    pub gain: MultiPolygon<f64>,
    /// Land no longer disturbed since then.
    pub loss: MultiPolygon<f64>,
    /// Where the permit allows disturbance.
    pub permit: MultiPolygon<f64>,
    /// The boundary of the site.
    pub boundary: MultiPolygon<f64>,
}

/// A scene that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct SceneRow {
    /// Its id.
    pub id: String,
    /// Day of sensing.
    pub date: Date,
    /// Cloud over the whole scene, in percent, as its provider says.
    pub cloud_cover_percent: Option<f64>,
    /// Processing baseline: `05.00`.
    pub processing_baseline: Option<String>,
    /// Whether an offset was taken off the digital numbers, and how that is known.
    pub offset_decision: String,
    /// Part of the site that could be seen, 0 to 1.
    pub share_assessed: Option<f64>,
}

/// How the observations were made.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodFacts {
    /// Title of the model.
    pub model_title: String,
    /// SHA-256 of its weights, lower-case hexadecimal.
    pub model_sha256: String,
    /// Probability from which land is drawn as disturbed.
    pub threshold: f64,
    /// Confidence level of the intervals, in percent.
    pub confidence_level_percent: f64,
    /// Change below this is reported as none, in hectares.
    pub noise_floor_ha: Option<f64>,
    /// Program and version: `minesegsat 0.1.0`.
    pub software: String,
}

/// Medians of indices on a day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IndexPoint {
    /// The day.
    pub date: Date,
    /// Inside the boundary of the site.
    pub inside: IndexValues,
    /// Around it.
    pub around: IndexValues,
}

/// Medians of indices over an area, -1 to 1; none where nothing could be seen. Formulas: [`crate::preview`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct IndexValues {
    /// Vegetation.
    pub ndvi: Option<f64>,
    /// Bare soil.
    pub bsi: Option<f64>,
    /// Open water.
    pub ndwi: Option<f64>,
}

impl SiteReport {
    /// Observations by date, and by when they were stored.
    pub(super) fn in_order(&self) -> Vec<&Observation> {
        let mut order: Vec<&Observation> = self.observations.iter().collect();
        order.sort_by_key(|observation| (observation.date, observation.created));
        order
    }
}
