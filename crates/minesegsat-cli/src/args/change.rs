//! Arguments of `minesegsat change`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {}

#[derive(Debug, Args)]
pub(crate) struct TimelineArgs {}
