//! Arguments of `minesegsat monitor`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum MonitorCommand {}
