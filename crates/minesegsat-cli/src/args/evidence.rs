//! Arguments of `minesegsat evidence`.

use clap::Args;

/// What is to be packed, or checked.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct EvidenceArgs {}
