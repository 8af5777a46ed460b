//! A site: a mine that is monitored.

use std::fmt;
use std::str::FromStr;

use geo::{BoundingRect, MultiPolygon};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use minesegsat_core::{Error, Result};

/// Maximum length of an id, in characters.
const MAX_LENGTH: usize = 64;

/// Short name of a site, also used for its folders and files: at most 64 lower-case letters, digits, `-`, `_` and `.`,
/// beginning with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SiteId(String);

impl SiteId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Derives an id from any text: transliterated to lower-case Latin letters, with `-` for everything else. `KWK Sośnica`
    /// becomes `kwk-sosnica`. `None` if nothing is left.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut id = String::new();
        for c in deunicode::deunicode(text).chars() {
            let c = c.to_ascii_lowercase();
            match c {
                'a'..='z' | '0'..='9' => id.push(c),
                '.' | '_' if !id.is_empty() => id.push(c),
                // Apostrophes are dropped: `Tian'an` becomes `tianan`.
                '\'' => {}
                _ if !id.is_empty() && !id.ends_with('-') => id.push('-'),
                _ => {}
            }
            if id.len() == MAX_LENGTH {
                break;
            }
        }
        id.truncate(id.trim_end_matches(['-', '.', '_']).len());
        id.parse().ok()
    }

    /// The id with a number appended, for an id that is taken.
    pub(super) fn numbered(&self, number: usize) -> Option<Self> {
        let end = format!("-{number}");
        let kept: String = self.0.chars().take(MAX_LENGTH - end.len()).collect();
        format!("{kept}{end}").parse().ok()
    }
}

impl FromStr for SiteId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let fits = text.len() <= MAX_LENGTH
            && text.starts_with(is_plain)
            && text.chars().all(|c| is_plain(c) || matches!(c, '-' | '_' | '.'));
        if fits {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::Argument {
            name: "site id",
            value: text.to_owned(),
            accepted: "lower-case letters, digits, `-`, `_` and `.`, a letter or digit first, at most 64".to_owned(),
        })
    }
}

impl TryFrom<String> for SiteId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<SiteId> for String {
    fn from(id: SiteId) -> Self {
        id.0
    }
}

impl fmt::Display for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Status of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SiteStatus {
    /// Mining is active.
    #[default]
    Active,
    /// Planned or permitted, but not begun.
    Planned,
    /// Work is suspended and may resume.
    Suspended,
    /// Closed.
    Closed,
    /// Closed, and reclaimed or being reclaimed.
    Reclaimed,
}

impl SiteStatus {
    /// All statuses.
    pub const ALL: [Self; 5] = [Self::Active, Self::Planned, Self::Suspended, Self::Closed, Self::Reclaimed];

    /// Name in files and for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Planned => "planned",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
            Self::Reclaimed => "reclaimed",
        }
    }
}

impl fmt::Display for SiteStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for SiteStatus {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|status| status.name().eq_ignore_ascii_case(text.trim()));
        found.ok_or_else(|| Error::Argument {
            name: "status",
            value: text.to_owned(),
            accepted: Self::ALL.map(Self::name).join(", "),
        })
    }
}

/// A site of the register.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// Unique in the register.
    pub id: SiteId,
    /// Name for people.
    pub name: String,
    /// Operator of the mine.
    pub operator: Option<String>,
    /// Commodity that is mined.
    pub commodity: Option<String>,
    /// Its status.
    pub status: SiteStatus,
    /// The monitored area in longitude and latitude (WGS 84); a valid geometry.
    pub boundary: MultiPolygon<f64>,
}

impl Site {
    /// Bounds of the boundary in degrees: west, south, east, north. East exceeds 180 if the boundary crosses the antimeridian.
    pub fn bbox(&self) -> [f64; 4] {
        self.boundary.bounding_rect().map_or([0.0; 4], |rect| [rect.min().x, rect.min().y, rect.max().x, rect.max().y])
    }

    /// Identity of the boundary: SHA-256 of its positions, rounded to 1e-7 degrees (about a centimetre).
    pub fn boundary_sha256(&self) -> String {
        outline_sha256(&self.boundary)
    }

    /// The boundary as a GeoJSON geometry (RFC 7946).
    pub fn geojson(&self) -> serde_json::Value {
        super::export::geometry_json(&self.boundary)
    }
}

/// SHA-256 of the positions of an outline, rounded to 1e-7 degrees, lower-case hexadecimal.
pub(super) fn outline_sha256(outline: &MultiPolygon<f64>) -> String {
    let mut digest = Sha256::new();
    for polygon in outline {
        for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
            digest.update((ring.0.len() as u64).to_le_bytes());
            for position in &ring.0 {
                for value in [position.x, position.y] {
                    digest.update(((value * 1e7).round() as i64).to_le_bytes());
                }
            }
        }
        digest.update([0]);
    }
    minesegsat_core::hex::encode(&digest.finalize())
}
