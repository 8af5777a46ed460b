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

    /// One page on all sites. Sites whose own page lies beside it as SITE.html are linked to it.
    #[arg(long)]
    pub all: bool,

    /// Page to write.
    #[arg(short, long, value_name = "FILE.html")]
    pub output: PathBuf,

    /// Replace an existing page.
    #[arg(long)]
    pub overwrite: bool,

    #[command(flatten)]
    pub register: RegisterArg,
}
