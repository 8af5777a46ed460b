//! Arguments of `minesegsat demo`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Output folder to create.
    #[arg(short, long, value_name = "DIR", default_value = "demo")]
    pub output: PathBuf,

    /// Use smaller scenes and a shorter training: under 90 seconds, with less accurate maps.
    #[arg(long)]
    pub quick: bool,

    /// Width and height of the landscapes, in pixels of 10 m, 768 or more [default: 1536, or 1152 with `--quick`].
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(u32).range(768..=8192))]
    pub size: Option<u32>,

    /// Training epochs [default: 20, or 8 with `--quick`].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub epochs: Option<u32>,

    /// Seed of the landscapes. Each seed gives different mines.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// Serve the result as a web page with a map of the sites and their timelines, until Ctrl-C. An existing demo is
    /// served without running again.
    #[arg(long)]
    pub serve: bool,

    /// Address and port of the web page.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080", requires = "serve")]
    pub bind: SocketAddr,

    /// Replace an earlier demo in the same folder.
    #[arg(long)]
    pub overwrite: bool,
}
