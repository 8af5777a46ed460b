//! Names in paths. They are parsed first, so that no name can lead out of a folder.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use minesegsat_watch::register::SiteId;
use ring::rand::{SecureRandom, SystemRandom};

use crate::problem::{Problem, refused};

/// Name of an observation: `2022-07-12-1f0c9a3b`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObservationName(String);

/// Length of an [`ObservationName`] in characters.
const OBSERVATION: usize = 19;
/// Maximum length of a [`PredictionName`].
const MAX_LENGTH: usize = 100;

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
        let fits = text.len() <= MAX_LENGTH
            && text.starts_with(is_plain)
            && text.chars().all(|c| is_plain(c) || matches!(c, '-' | '.'));
        if fits {
            return Ok(Self(text.to_owned()));
        }
        let accepted = "at most 100 letters, digits, `-`, `_` and `.`, starting with a letter, a digit or `_`";
        Err(Problem::argument("prediction", text, accepted))
    }
}

impl fmt::Display for PredictionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Parses the id of a site.
pub(crate) fn site_id(text: &str) -> Result<SiteId, Problem> {
    text.parse().map_err(refused)
}

/// `SITE_OBSERVATION`: an id that is unique among the observations of all sites.
pub(crate) fn observation_id(site: &SiteId, name: &str) -> String {
    format!("{site}_{name}")
}

/// Parses `SITE_OBSERVATION`.
pub(crate) fn parse_observation_id(text: &str) -> Option<(SiteId, ObservationName)> {
    let at = text.len().checked_sub(OBSERVATION + 1)?;
    let (site, name) = (text.get(..at)?, text.get(at..)?.strip_prefix('_')?);
    Some((site.parse().ok()?, name.parse().ok()?))
}

/// A random id for a request or a job: 16 hexadecimal digits.
pub(crate) fn random_id() -> String {
    let mut bytes = [0_u8; 8];
    // The system's generator does not fail in practice. If it did, two requests with one id are better than none.
    if SystemRandom::new().fill(&mut bytes).is_err() {
        tracing::warn!("the system's random number generator failed");
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_ids_differ() {
        assert_ne!(random_id(), random_id());
        assert_eq!(random_id().len(), 16);
    }

    #[test]
    fn names_that_lead_out_of_a_folder_are_refused() {
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
    fn ids_of_observations_are_parsed_again() {
        let site: SiteId = "a.b-c".parse().unwrap();
        let id = observation_id(&site, "2022-07-12-1f0c9a3b");
        let (found, name) = parse_observation_id(&id).unwrap();
        assert_eq!((found, name.as_str()), (site, "2022-07-12-1f0c9a3b"));
        assert!(parse_observation_id("2022-07-12-1f0c9a3b").is_none());
        assert!(parse_observation_id("ä2022-07-12-1f0c9a3b").is_none());
    }
}
