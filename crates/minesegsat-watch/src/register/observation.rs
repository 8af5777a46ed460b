//! An observation: what was seen at a site on one day.

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{SiteId, Verdict};
use minesegsat_core::Grouped;
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

/// What the area of an observation is made of, and where it lies, in hectares ([`minesegsat_map::hectares`]).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AreaParts {
    /// Mapped in the part of the site that was seen: whole pixels of the mask.
    pub mapped_ha: f64,
    /// Estimated in the part that was seen, with its interval.
    pub estimated: Area,
    /// Assumed in the part that was not seen.
    pub assumed_ha: f64,
    /// Mapped inside the site and the permitted area. `None` without a permit.
    pub inside_permit_ha: Option<f64>,
    /// Mapped outside the site and the permitted area, in one piece with mapped land inside the site.
    pub outside_site_ha: f64,
}

/// Change as it was seen, also below the noise floor, in hectares.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SeenChange {
    /// Newly disturbed.
    pub gain_ha: f64,
    /// No longer disturbed.
    pub loss_ha: f64,
    /// Change up to this area may be noise.
    pub noise_floor_ha: f64,
}

/// A verdict that was replaced, because the register was corrected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Correction {
    /// The site.
    pub site: SiteId,
    /// Name of the observation ([`Observation::name`]).
    pub observation: String,
    /// Day of the observation.
    pub date: Date,
    /// When the verdict was replaced.
    pub replaced: Timestamp,
    /// Why, in words.
    pub reason: String,
    /// Name of the user who made the change. `None` if the change named no user.
    #[serde(default)]
    pub editor: Option<String>,
    /// The verdict that was replaced.
    pub verdict: Verdict,
    /// Whether it was provisional.
    pub is_provisional: Option<bool>,
    /// Its sentence.
    pub statement: String,
    /// Number of the permit that it referred to.
    pub permit: Option<String>,
    /// Limit of that permit, in hectares.
    pub limit_ha: Option<f64>,
    /// Land outside that permit, in hectares.
    pub outside_permit_ha: Option<f64>,
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
    /// Share of the outline that lies beyond the scenes, 0 to 1. `None` in older observations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_beyond_map: Option<f64>,
    /// Share of the outline that other sites of the register also covered when it was observed, 0 to 1. Land there counts for each
    /// of these sites. `None` in older observations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_in_other_sites: Option<f64>,
    /// Share of the site's pixels seen on this date on which the map of this date and the sequence over all dates up to it disagree
    /// whether land is disturbed, 0 to 1. A large share means a doubtful date. `None` for a first observation, if the maps must not be
    /// compared, and in older observations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_disagreeing: Option<f64>,
    /// Identity of the boundary that was observed ([`super::Site::boundary_sha256`]). `None` in observations of older
    /// versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary_sha256: Option<String>,
    /// Identity of the permit version in force ([`super::Permit::sha256`]). `None` without a permit, and in older observations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permit_sha256: Option<String>,
    /// Disturbed land inside the site's boundary, estimated and assumed; `None` if not assessable.
    pub area: Option<Area>,
    /// What the area is made of. `None` if not assessable, and in older observations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<AreaParts>,
    /// Confidence level of the intervals, in percent.
    pub confidence_level_percent: f64,
    /// Day of the observation that gain and loss are measured from.
    pub compared_with: Option<Date>,
    /// Newly disturbed land since then, in hectares; 0 below the noise floor.
    pub gain_ha: Option<f64>,
    /// Land no longer disturbed since then, in hectares; 0 below the noise floor.
    pub loss_ha: Option<f64>,
    /// Gain and loss as they were seen. `None` without a comparison, and in older observations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_change: Option<SeenChange>,
    /// New land over all observations. `None` for a first observation, and in older observations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_land: Option<NewLand>,
    /// Mapped inside the site, outside the permitted area, in hectares. `None` without a permit. In observations of versions before
    /// 0.6 also what lies outside the site in one piece with it.
    pub outside_permit_ha: Option<f64>,
    /// Number of the permit that the verdict refers to.
    pub permit: Option<String>,
    /// Its limit in hectares.
    pub limit_ha: Option<f64>,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether too few dates so far show the exceedance that the verdict states. `None` for verdicts that state none, and in
    /// observations of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_provisional: Option<bool>,
    /// The verdict in a plain sentence, with the numbers behind it.
    pub statement: String,
    /// The part of the statement that does not depend on the permit. `None` in older observations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// Warnings on this observation: season, cloud, substitutes.
    pub warnings: Vec<String>,
    /// Files: manifest, probability, mask, polygons, pictures.
    pub files: Vec<ObservationFile>,
    /// When it was stored.
    pub created: Timestamp,
}

impl Observation {
    /// Path of a file, found by the end of its name, in the folder of the register. `None` if it is missing.
    pub fn file(&self, folder: &Path, end: &str) -> Option<PathBuf> {
        let file = self.files.iter().find(|file| file.path.ends_with(end))?;
        Some(folder.join(&file.path)).filter(|path| path.is_file())
    }

    /// The verdict in words, with its standing: `exceeded (provisional)`.
    pub fn verdict_text(&self) -> String {
        if self.is_provisional == Some(true) {
            format!("{} (provisional)", self.verdict)
        } else {
            self.verdict.to_string()
        }
    }

    /// Mapped land where nothing is permitted: inside the site outside the permitted area, and outside the site in one piece with
    /// it.
    pub fn unpermitted_ha(&self) -> Option<f64> {
        let outside_site = self.parts.map(|parts| parts.outside_site_ha);
        match (self.outside_permit_ha, outside_site) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0.0) + b.unwrap_or(0.0)),
        }
    }

    /// Gain as it is shown. `None` without a comparison.
    pub fn gain(&self) -> Option<ShownChange> {
        ShownChange::new(self.gain_ha?, self.seen_change.map(|seen| (seen.gain_ha, seen.noise_floor_ha)))
    }

    /// Loss as it is shown. `None` without a comparison.
    pub fn loss(&self) -> Option<ShownChange> {
        ShownChange::new(self.loss_ha?, self.seen_change.map(|seen| (seen.loss_ha, seen.noise_floor_ha)))
    }

    /// What the area is made of, in words: `91.0 ha estimated, 9.0 ha assumed in the unseen part; 88.2 ha mapped`. `None` if not
    /// assessable.
    pub fn parts_text(&self) -> Option<String> {
        let AreaParts { mapped_ha, estimated, assumed_ha, .. } = self.parts?;
        let estimated = format!("{:.1} ha estimated", Grouped(estimated.ha));
        let (assumed_ha, mapped_ha) = (Grouped(assumed_ha), Grouped(mapped_ha));
        Some(if self.share_assessed < 1.0 {
            format!("{estimated}, {assumed_ha:.1} ha assumed in the unseen part; {mapped_ha:.1} ha mapped")
        } else {
            format!("{estimated}; {mapped_ha:.1} ha mapped")
        })
    }

    /// Short name, unique within a site, and also the name of its folder: `2022-07-12-1f0c9a3b`.
    pub fn name(&self) -> String {
        observation_name(self.date, &self.scenes, &self.model_sha256)
    }
}

/// Gain or loss as it is shown: `12.2 ha`, or `9.3 ha seen, below the noise of 26.0 ha`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShownChange {
    /// Hectares.
    pub ha: f64,
    /// The noise floor, if the change lies below it.
    pub below_noise_ha: Option<f64>,
}

impl ShownChange {
    fn new(reported_ha: f64, seen: Option<(f64, f64)>) -> Option<Self> {
        let shown = match seen {
            Some((ha, floor_ha)) if reported_ha == 0.0 && ha > 0.0 => Self { ha, below_noise_ha: Some(floor_ha) },
            _ => Self { ha: reported_ha, below_noise_ha: None },
        };
        shown.ha.is_finite().then_some(shown)
    }
}

impl fmt::Display for ShownChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.below_noise_ha {
            Some(floor) => write!(f, "{:.1} ha seen, below the noise of {:.1} ha", Grouped(self.ha), Grouped(floor)),
            None => write!(f, "{:.1} ha", Grouped(self.ha)),
        }
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
