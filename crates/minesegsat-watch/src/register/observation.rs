//! An observation: what was seen at a site on one day.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{SiteId, Verdict};
use minesegsat_core::uncertainty::Area;

/// A file of an observation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservationFile {
    /// Path relative to the folder of the register, with `/`.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256, lower-case hexadecimal.
    pub sha256: String,
}

/// New land of a site over all its comparable observations up to one, in hectares.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NewLand {
    /// Day of the first of them.
    pub since: Date,
    /// Became disturbed since then and still is, as several dates show.
    pub confirmed_ha: f64,
    /// The same, which too few dates show so far.
    pub provisional_ha: f64,
}

/// What was seen at a site on one day. It is unique for a site, its scenes and a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The site.
    pub site: SiteId,
    /// Day of the scene; for a composite, the middle one of its scenes' days.
    pub date: Date,
    /// Ids of the scenes, sorted.
    pub scenes: Vec<String>,
    /// SHA-256 of the model's weights.
    pub model_sha256: String,
    /// Share of the site's whole outline that could be seen, 0 to 1.
    pub share_assessed: f64,
    /// Share of the outline that lies beyond the scenes, 0 to 1. `None` in observations of versions before 0.4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_beyond_map: Option<f64>,
    /// Identity of the boundary that was observed ([`super::Site::boundary_sha256`]). `None` in observations of versions
    /// before 0.4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary_sha256: Option<String>,
    /// Identity of the permit version in force ([`super::Permit::sha256`]). `None` without a permit, and in observations of
    /// versions before 0.4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permit_sha256: Option<String>,
    /// Disturbed land inside the site's boundary; `None` if not assessable.
    pub area: Option<Area>,
    /// Confidence level of the intervals, in percent.
    pub confidence_level_percent: f64,
    /// Day of the observation that gain and loss are measured from.
    pub compared_with: Option<Date>,
    /// Newly disturbed land since then, in hectares, above the noise floor.
    pub gain_ha: Option<f64>,
    /// Land no longer disturbed since then, in hectares, above the noise floor.
    pub loss_ha: Option<f64>,
    /// New land over all observations. `None` for a first observation, and in observations of versions before 0.5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_land: Option<NewLand>,
    /// Disturbed land outside the permitted polygon, in hectares.
    pub outside_permit_ha: Option<f64>,
    /// Number of the permit that the verdict refers to.
    pub permit: Option<String>,
    /// Its limit in hectares.
    pub limit_ha: Option<f64>,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether too few dates so far show the exceedance that the verdict states. `None` for verdicts that state none, and in
    /// observations of versions before 0.5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_provisional: Option<bool>,
    /// The verdict in a plain sentence, with the numbers behind it.
    pub statement: String,
    /// Warnings on this observation: season, cloud, substitutes.
    pub warnings: Vec<String>,
    /// Files: manifest, probability, mask, polygons, pictures.
    pub files: Vec<ObservationFile>,
    /// When it was stored.
    pub created: Timestamp,
}

impl Observation {
    /// The verdict in words, with its standing: `exceeded (provisional)`.
    pub fn verdict_text(&self) -> String {
        if self.is_provisional == Some(true) {
            format!("{} (provisional)", self.verdict)
        } else {
            self.verdict.to_string()
        }
    }

    /// Short name, unique within a site, and also the name of its folder: `2022-07-12-1f0c9a3b`.
    pub fn name(&self) -> String {
        observation_name(self.date, &self.scenes, &self.model_sha256)
    }
}

/// Name of an observation: its day, and a hash of its scenes (sorted) and its model.
pub(crate) fn observation_name(date: Date, scenes: &[String], model_sha256: &str) -> String {
    let mut digest = Sha256::new();
    for part in scenes.iter().map(String::as_str).chain([model_sha256]) {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    let key = minesegsat_core::hex::encode(&digest.finalize()[..4]);
    format!("{date}-{key}")
}
