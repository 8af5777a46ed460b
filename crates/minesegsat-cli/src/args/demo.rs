//! Arguments of `minesegsat demo`.

use std::net::SocketAddr;
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

    /// Side of the landscapes in pixels of 10 m, 768 or more; 1536, or 1152 with `--quick`, where it is not given.
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(u32).range(768..=8192))]
    pub size: Option<u32>,

    /// Epochs of training; 20, or 8 with `--quick`, where it is not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub epochs: Option<u32>,

    /// Seed of the landscapes; another one gives other mines.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// Then show it all in the browser, with a map of the sites and their timelines, until Ctrl-C. A demo that is there already
    /// is shown as it is.
    #[arg(long)]
    pub serve: bool,

    /// Where the map is shown.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080", requires = "serve")]
    pub bind: SocketAddr,

    /// Replace an earlier demo in the same folder.
    #[arg(long)]
    pub overwrite: bool,
}
