//! `minesegsat monitor`

use std::process::ExitCode;

use crate::args::MonitorCommand;

pub(crate) fn run(_args: &MonitorCommand, _quiet: bool) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
