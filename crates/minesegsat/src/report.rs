//! Pages on sites for people to read and print: [`site_page`] for one site, [`overview_page`] for all of them.
//!
//! A page is one file that loads nothing: style, script and pictures are inline, and its content security policy allows no
//! more. Without its script everything can still be read; so it can on paper.
//!
//! - [`SiteReport`] is what a page on a site says: the site, its permits and observations, and up to two [`DatedPicture`]s
//! - [`Overview`] is what the page on all sites says
//!
//! A verdict never stands by its colour alone: each has a shape and words. What is said of an exceedance also says that a
//! revision of the permit may be missing from the register.

mod axis;
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

use crate::preview::{digest, filled};

/// The style of both pages.
const STYLE: &str = include_str!("report/style.css");

/// A template with the common style and its values. The digests in its content security policy are those of the style and the
/// script as they stand in the page.
fn page(template: &str, values: &[(&str, &str)]) -> String {
    let template = template.replace("{{style}}", STYLE);
    let (style, script) = (digest(&template, "style"), digest(&template, "script"));
    let mut all: Vec<(&str, &str)> =
        vec![("style_digest", &style), ("script_digest", &script), ("version", env!("CARGO_PKG_VERSION"))];
    all.extend(values);
    filled(&template, &all)
}
