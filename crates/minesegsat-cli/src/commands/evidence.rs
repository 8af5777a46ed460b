//! `minesegsat evidence`

use std::process::ExitCode;

use crate::args::EvidenceArgs;

pub(crate) fn run(_args: &EvidenceArgs, _quiet: bool) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
