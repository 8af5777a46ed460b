//! `minesegsat timeline`

use std::process::ExitCode;

use crate::args::TimelineArgs;

pub(crate) fn run(_args: &TimelineArgs, _quiet: bool) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
