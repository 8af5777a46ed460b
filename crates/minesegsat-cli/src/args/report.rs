//! Arguments of `minesegsat report`.

use std::path::PathBuf;

use clap::Args;
use minesegsat::register::SiteId;
use minesegsat::report::Locale;

use super::sites::RegisterArg;

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Id of the site.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub site: Option<SiteId>,

    /// Report on all sites on one page. The page links to reports of single sites in the same folder (SITE.html).
    #[arg(long)]
    pub all: bool,

    /// File to write: a page (.html) or a document to file (.pdf).
    #[arg(short, long, value_name = "FILE.html|FILE.pdf")]
    pub output: PathBuf,

    /// Language: en, fr, es or pt, with a region for its numbers if you like (es-PE). Default: the language of the
    /// environment (LC_ALL, LC_MESSAGES, LANG).
    #[arg(long, value_name = "LANGUAGE")]
    pub lang: Option<Locale>,

    /// Replace an existing file.
    #[arg(long)]
    pub overwrite: bool,

    #[command(flatten)]
    pub register: RegisterArg,
}
