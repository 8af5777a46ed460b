//! Arguments of `doctor`, `completions` and `man`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Catalogue that must be reachable: a short name, or the URL of a STAC API.
    #[arg(long, value_name = "NAME|URL", default_value = "earth-search")]
    pub api: OsString,

    /// Do not use the network.
    #[arg(long)]
    pub offline: bool,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell: bash, elvish, fish, powershell or zsh.
    #[arg(value_enum)]
    pub shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Folder to write to, such as ~/.local/share/man/man1.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
}
