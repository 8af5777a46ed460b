//! Arguments of `minesegsat sites`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum SitesCommand {}
