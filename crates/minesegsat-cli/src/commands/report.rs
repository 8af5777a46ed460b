//! `minesegsat report`

use std::process::ExitCode;

use crate::args::ReportArgs;

pub(crate) fn run(_args: &ReportArgs, _quiet: bool) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
