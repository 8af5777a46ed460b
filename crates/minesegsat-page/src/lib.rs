//! Self-contained HTML pages with one style and one chart library.
//!
//! - [`Page`] is a page in one file: style, script and pictures are inside, and its content security policy allows
//!   nothing else
//! - [`palette`] defines the colours of all pages
//! - [`chart`] draws axes, lines, bars and points with intervals as inline SVG
//! - [`text`] formats numbers
//! - [`words`] says words and numbers in four languages
//!
//! Markup is written with [`maud`], which escapes every value. Use [`maud::PreEscaped`] only for text of this
//! program.
#![warn(clippy::unwrap_used, clippy::print_stdout)]

pub mod chart;
mod outline;
mod page;
pub mod palette;
pub mod text;
pub mod words;

pub use outline::svg_path;
pub use page::{Page, data_script, data_uri, href, scroll, table};
