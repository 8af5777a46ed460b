//! Names in paths, parsed before anything is looked up: none of them can lead out of a folder.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use minesegsat::register::SiteId;

use crate::problem::{Problem, refused};

/// Name of an observation: `2022-07-12-1f0c9a3b`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObservationName(String);

/// Characters of an [`ObservationName`].
const OBSERVATION: usize = 19;
/// Most characters of a [`PredictionName`].
const LONGEST: usize = 100;

impl ObservationName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ObservationName {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let is_key = |key: &str| key.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let fits = text.is_ascii()
            && text.len() == OBSERVATION
            && text[..10].parse::<Date>().is_ok()
            && text.as_bytes()[10] == b'-'
            && is_key(&text[11..]);
        if fits {
            return Ok(Self(text.to_owned()));
        }
        Err(Problem::argument("observation", text, "a date and 8 hexadecimal digits, as in `2022-07-12-1f0c9a3b`"))
    }
}

impl fmt::Display for ObservationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Name of a folder in `predictions/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PredictionName(String);

impl PredictionName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PredictionName {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let fits = text.len() <= LONGEST
            && text.starts_with(is_plain)
            && text.chars().all(|c| is_plain(c) || matches!(c, '-' | '.'));
        if fits {
            return Ok(Self(text.to_owned()));
        }
        let accepted = "letters, digits, `-`, `_` and `.`, a letter, digit or `_` first, at most 100";
        Err(Problem::argument("prediction", text, accepted))
    }
}

impl fmt::Display for PredictionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of a site in a path.
pub(crate) fn site_id(text: &str) -> Result<SiteId, Problem> {
    text.parse().map_err(refused)
}

/// `SITE_OBSERVATION`, which names an observation among those of all sites.
pub(crate) fn observation_id(site: &SiteId, name: &str) -> String {
    format!("{site}_{name}")
}

/// The parts of `SITE_OBSERVATION`.
pub(crate) fn parse_observation_id(text: &str) -> Option<(SiteId, ObservationName)> {
    let at = text.len().checked_sub(OBSERVATION + 1)?;
    let (site, name) = (text.get(..at)?, text.get(at..)?.strip_prefix('_')?);
    Some((site.parse().ok()?, name.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_none() {
        for bad in ["", "..", "../x", "2022-07-12", "2022-07-12-1F0C9A3B", "2022-13-12-1f0c9a3b", "2022-07-12/1f0c9a3b"]
        {
            assert!(bad.parse::<ObservationName>().is_err(), "{bad}");
        }
        for bad in ["", "..", ".", ".hidden", "a/b", "a\\b", "a\0", "ä", &"a".repeat(101)] {
            assert!(bad.parse::<PredictionName>().is_err(), "{bad}");
        }
        assert!("2022-07-12-1f0c9a3b".parse::<ObservationName>().is_ok());
        assert!("peace-river_2022.07".parse::<PredictionName>().is_ok());
    }

    #[test]
    fn ids_of_observations_are_taken_apart_again() {
        let site: SiteId = "a.b-c".parse().unwrap();
        let id = observation_id(&site, "2022-07-12-1f0c9a3b");
        let (found, name) = parse_observation_id(&id).unwrap();
        assert_eq!((found, name.as_str()), (site, "2022-07-12-1f0c9a3b"));
        assert!(parse_observation_id("2022-07-12-1f0c9a3b").is_none());
        assert!(parse_observation_id("ä2022-07-12-1f0c9a3b").is_none());
    }
}
