//! Arguments of `minesegsat demo`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Folder to make.
    #[arg(short, long, value_name = "DIR", default_value = "demo")]
    pub output: PathBuf,

    /// Smaller scenes and a shorter training: under 90 seconds, and a rougher answer.
    #[arg(long)]
    pub quick: bool,

    /// Seed of the landscapes; another one gives other mines.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// Replace an earlier demo in the same folder.
    #[arg(long)]
    pub overwrite: bool,
}
