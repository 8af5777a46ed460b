//! Reports: as HTML to read ([`site_page`] for one site, [`overview_page`] for all) and as PDF to file ([`site_pdf`],
//! [`overview_pdf`]).
//!
//! A page is one file that loads nothing: style, script and pictures are inline, and its content security policy allows
//! nothing else. All of its content can be read without the script.
//!
//! - [`SiteReport`] is the content of a site's page: the site, its permits and observations, and up to two [`DatedPicture`]s
//! - [`Overview`] is the content of the page of all sites
//!
//! Both are in the words of a [`Language`], with the numbers of a [`Locale`]. Sentences of the record are English in all languages.
//!
//! Each verdict has a shape and words as well as a colour. Every mention of an exceedance also warns that a revision of the
//! permit may be missing from the register.
#![warn(clippy::unwrap_used, clippy::print_stdout)]

mod index_chart;
mod limit_labels;
mod load;
mod map;
mod numbers;
mod overview;
mod overview_page;
mod overview_pdf;
mod paper;
mod pictures;
mod sign;
mod site_page;
mod site_pdf;
mod site_report;
mod tables;
#[cfg(test)]
mod tests;
mod text;
mod timeline;

pub use minesegsat_page::words::{Language, Locale};

pub use self::load::{load_site, load_site_at};
pub use self::overview::{Overview, OverviewSite};
pub use self::overview_page::overview_page;
pub use self::overview_pdf::overview_pdf;
pub use self::site_page::site_page;
pub use self::site_pdf::site_pdf;
pub use self::site_report::{
    DatedPicture, IndexPoint, IndexValues, MethodFacts, OnsetRow, Onsets, SceneRow, SiteReport,
};

/// Style of both pages. It follows the base style of all pages.
const STYLE: &str = concat!(include_str!("drawings.css"), include_str!("style.css"));
