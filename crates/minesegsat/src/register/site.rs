//! A site: a mine that is watched.

use std::fmt;
use std::str::FromStr;

use geo::{BoundingRect, MultiPolygon};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Most characters of an id.
const MAX_LENGTH: usize = 64;

/// Short name of a site, which also names its folders and files: lower-case letters, digits, `-`, `_` and `.`, a letter or
/// digit first, at most 64.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SiteId(String);

impl SiteId {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An id of any text: in Latin letters, in lower case, with `-` for everything else: `KWK Sośnica` becomes `kwk-sosnica`.
    /// None where nothing is left.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut id = String::new();
        for c in deunicode::deunicode(text).chars() {
            let c = c.to_ascii_lowercase();
            match c {
                'a'..='z' | '0'..='9' => id.push(c),
                '.' | '_' if !id.is_empty() => id.push(c),
                // Apostrophes join what they divide: `Tian'an` becomes `tianan`.
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

    /// The id with a number behind it, for one that is taken.
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

/// What goes on at a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SiteStatus {
    /// It is mined.
    #[default]
    Active,
    /// It is planned or permitted, and not begun.
    Planned,
    /// Work rests and may go on.
    Suspended,
    /// It is shut.
    Closed,
    /// It is shut and being restored.
    Reclaimed,
}

impl SiteStatus {
    /// All of them.
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

/// A site.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// Unique in the register.
    pub id: SiteId,
    /// Name for people.
    pub name: String,
    /// Who runs it.
    pub operator: Option<String>,
    /// What is mined.
    pub commodity: Option<String>,
    /// What goes on there.
    pub status: SiteStatus,
    /// The area that is looked at, in longitude and latitude (WGS 84); valid.
    pub boundary: MultiPolygon<f64>,
}

impl Site {
    /// Bounds of the boundary in degrees: west, south, east, north; east is past 180 where it lies across the antimeridian.
    pub fn bbox(&self) -> [f64; 4] {
        self.boundary.bounding_rect().map_or([0.0; 4], |rect| [rect.min().x, rect.min().y, rect.max().x, rect.max().y])
    }

    /// The boundary as a GeoJSON geometry (RFC 7946).
    pub fn geojson(&self) -> serde_json::Value {
        super::export::geometry_json(&self.boundary)
    }
}
