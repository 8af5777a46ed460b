//! `minesegsat change`

use std::process::ExitCode;

use crate::args::ChangeArgs;

pub(crate) fn run(_args: &ChangeArgs, _quiet: bool) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
