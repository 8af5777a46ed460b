//! What mails say of sites beyond their findings.

use jiff::civil::Date;

use super::Finding;
use crate::register::SiteId;

/// What is known of the sites that alerts are about. `()` knows nothing.
pub trait Sites {
    /// Name of a site. `None` if it is unknown.
    fn name(&self, site: &SiteId) -> Option<String>;

    /// A small picture of what a finding is about. `None` if there is none.
    fn picture(&self, finding: &Finding) -> Option<Thumbnail>;
}

impl Sites for () {
    fn name(&self, _: &SiteId) -> Option<String> {
        None
    }

    fn picture(&self, _: &Finding) -> Option<Thumbnail> {
        None
    }
}

/// A small picture of a site on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// The picture as PNG.
    pub png: Vec<u8>,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Day of the picture.
    pub date: Date,
    /// Whether the boundary of the site is drawn, in white.
    pub has_boundary: bool,
    /// Day since which gain (orange) and loss (violet) are drawn. `None` if they are not drawn.
    pub change_since: Option<Date>,
}
