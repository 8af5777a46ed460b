//! What the page on all sites says.

use jiff::Timestamp;

use crate::register::{Observation, Site, Verdict};

/// What the page on all sites says.
#[derive(Debug, Clone)]
pub struct Overview {
    /// Title of the page: the name of the register or of who keeps it.
    pub title: String,
    /// The sites, in any order: the page puts first what needs attention.
    pub sites: Vec<OverviewSite>,
    /// When the page was made.
    pub created: Timestamp,
    /// Program and version: `minesegsat 0.1.0`.
    pub software: String,
}

/// A site on the page on all sites.
#[derive(Debug, Clone)]
pub struct OverviewSite {
    /// The site.
    pub site: Site,
    /// Its last observation.
    pub last: Option<Observation>,
    /// Its own page: a path relative to the page on all sites, with `/`.
    pub page: Option<String>,
}

impl OverviewSite {
    /// The verdict of the last observation.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.last.as_ref().map(|last| last.verdict)
    }

    /// Part of the limit that is used, 1 for all of it; none where area or limit is not known, or where the limit is zero.
    pub(super) fn share_of_limit(&self) -> Option<f64> {
        let last = self.last.as_ref()?;
        let limit = last.limit_ha.filter(|limit| *limit > 0.0)?;
        last.area.map(|area| area.ha / limit).filter(|share| share.is_finite())
    }

    /// Smaller needs attention sooner.
    pub(super) fn rank(&self) -> u8 {
        match self.verdict() {
            Some(Verdict::Exceeded) => 0,
            Some(Verdict::PossibleExceedance) => 1,
            Some(Verdict::NotAssessable) => 2,
            None => 3,
            Some(Verdict::NoLimit) => 4,
            Some(Verdict::Within) => 5,
        }
    }
}
