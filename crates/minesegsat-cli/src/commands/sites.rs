//! `minesegsat sites`

use std::process::ExitCode;

use crate::args::SitesCommand;

pub(crate) fn run(_args: &SitesCommand, _quiet: bool) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
