//! Verdict on a site on one day.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use minesegsat_core::{Error, Result};

/// Verdict on a site on one day, against the permit in force on that day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The whole interval of the area lies below the limit.
    Within,
    /// The limit lies inside the interval of the area.
    PossibleExceedance,
    /// The whole interval of the area lies above the limit. A revision of the permit may still be missing.
    Exceeded,
    /// Too little of the site could be seen.
    NotAssessable,
    /// No permit with a limit is known for that day.
    NoLimit,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Self; 5] =
        [Self::Within, Self::PossibleExceedance, Self::Exceeded, Self::NotAssessable, Self::NoLimit];

    /// Name in files, such as `possible-exceedance`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Within => "within",
            Self::PossibleExceedance => "possible-exceedance",
            Self::Exceeded => "exceeded",
            Self::NotAssessable => "not-assessable",
            Self::NoLimit => "no-limit",
        }
    }
}

/// Words for people.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Within => "within the limit",
            Self::PossibleExceedance => "possible exceedance",
            Self::Exceeded => "exceeded",
            Self::NotAssessable => "not assessable",
            Self::NoLimit => "no limit known",
        })
    }
}

/// Parses its name in files.
impl FromStr for Verdict {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.name() == text).ok_or_else(|| Error::Argument {
            name: "verdict",
            value: text.to_owned(),
            accepted: Self::ALL.map(Self::name).join(", "),
        })
    }
}
