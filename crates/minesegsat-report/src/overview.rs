//! Content of the page of all sites.

use jiff::Timestamp;

use minesegsat_watch::register::{Observation, Site, Verdict};

/// Content of the page of all sites.
#[derive(Debug, Clone)]
pub struct Overview {
    /// Title of the page, such as the name of the register or of its owner.
    pub title: String,
    /// The sites, in any order. The page lists the most urgent first.
    pub sites: Vec<OverviewSite>,
    /// Rows of the register that cannot be read, as sentences.
    pub problems: Vec<String>,
    /// When the page was made.
    pub created: Timestamp,
    /// Program and version, such as `minesegsat 0.1.0`.
    pub software: String,
}

impl Overview {
    /// The sites, most urgent first; within a verdict, those that use more of their limit come first.
    pub(super) fn in_order(&self) -> Vec<&OverviewSite> {
        let mut order: Vec<&OverviewSite> = self.sites.iter().collect();
        order.sort_by(|a, b| {
            let share = |site: &OverviewSite| site.share_of_limit().unwrap_or(-1.0);
            (a.rank().cmp(&b.rank()))
                .then(share(b).total_cmp(&share(a)))
                .then_with(|| (&a.site.name, &a.site.id).cmp(&(&b.site.name, &b.site.id)))
        });
        order
    }
}

/// A site on the page of all sites.
#[derive(Debug, Clone)]
pub struct OverviewSite {
    /// The site.
    pub site: Site,
    /// Its last observation.
    pub last: Option<Observation>,
    /// Path of the site's own page, relative to the page of all sites, with `/`.
    pub page: Option<String>,
}

impl OverviewSite {
    /// The verdict of the last observation.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.last.as_ref().map(|last| last.verdict)
    }

    /// Share of the limit that is used, 1 for all of it. `None` if the area or the limit is unknown, or the limit is zero.
    pub(super) fn share_of_limit(&self) -> Option<f64> {
        let last = self.last.as_ref()?;
        let limit = last.limit_ha.filter(|limit| *limit > 0.0)?;
        last.area.map(|area| area.ha / limit).filter(|share| share.is_finite())
    }

    /// Urgency: lower ranks come first.
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
