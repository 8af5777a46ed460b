//! Arguments of `minesegsat report`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {}
