//! A site: a mine that is watched.

use std::fmt;
use std::str::FromStr;

use geo::MultiPolygon;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

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
}

impl FromStr for SiteId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let fits = text.len() <= 64
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
