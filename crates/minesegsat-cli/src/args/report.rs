//! Arguments of `minesegsat report`.

use std::path::PathBuf;

use clap::Args;
use minesegsat::register::SiteId;

use super::sites::RegisterArg;

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Id of the site.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub site: Option<SiteId>,

    /// Report on all sites on one page. The page links to reports of single sites in the same folder (SITE.html).
    #[arg(long)]
    pub all: bool,

    /// HTML file to write.
    #[arg(short, long, value_name = "FILE.html")]
    pub output: PathBuf,

    /// Replace an existing file.
    #[arg(long)]
    pub overwrite: bool,

    #[command(flatten)]
    pub register: RegisterArg,
}
