//! HTML reports to read and print: [`site_page`] for one site, [`overview_page`] for all sites.
//!
//! A page is one file that loads nothing: style, script and pictures are inline, and its content security policy allows
//! nothing else. All of its content can be read without the script.
//!
//! - [`SiteReport`] is the content of a site's page: the site, its permits and observations, and up to two [`DatedPicture`]s
//! - [`Overview`] is the content of the page of all sites
//!
//! Each verdict has a shape and words as well as a colour. Every mention of an exceedance also warns that a revision of the
//! permit may be missing from the register.

mod index_chart;
mod load;
mod map;
mod overview;
mod overview_page;
mod pictures;
mod sign;
mod site_page;
mod site_report;
mod tables;
#[cfg(test)]
mod tests;
mod text;
mod timeline;

pub use self::load::load_site;
pub use self::overview::{Overview, OverviewSite};
pub use self::overview_page::overview_page;
pub use self::site_page::site_page;
pub use self::site_report::{DatedPicture, IndexPoint, IndexValues, MethodFacts, SceneRow, SiteReport};

/// Style of both pages. It follows the base style of all pages.
const STYLE: &str = include_str!("report/style.css");
