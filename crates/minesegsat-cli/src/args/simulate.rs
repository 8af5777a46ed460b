//! Arguments of `minesegsat simulate`.

use std::path::PathBuf;

use clap::Args;
use minesegsat::simulate::Region;

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// Output folder to create.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Seed of the landscape. The same seed gives identical files.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,

    /// Years to simulate, with one scene each or with `--dates-per-year` scenes.
    #[arg(long, value_delimiter = ',', value_name = "YEAR,...", default_value = "2021,2022")]
    pub years: Vec<i16>,

    /// Keep the mines as they were in this year, so that no scene shows change.
    #[arg(long, value_name = "YEAR")]
    pub mines_of: Option<i16>,

    /// Width and height of a scene, in pixels of 10 m, a multiple of 6.
    #[arg(long, value_name = "PX", default_value_t = 2304)]
    pub size: usize,

    /// Number of mines [default: enough to cover about 4 % of the scene].
    #[arg(long, value_name = "N")]
    pub sites: Option<usize>,

    /// Type of landscape: boreal, arid or tropical.
    #[arg(long, default_value_t = Region::Boreal)]
    pub region: Region,

    /// Cloud cover of a scene in percent; with `--dates-per-year`, the mean over the dates
    /// [default: 4; with `--dates-per-year`: 40].
    #[arg(long, value_name = "PERCENT", allow_negative_numbers = true)]
    pub cloud_cover: Option<f64>,

    /// Simulate this many dates in each year, 1 to 48, from one ground truth in continuous time.
    #[arg(long, value_name = "N")]
    pub dates_per_year: Option<usize>,

    /// Shift the picture of each date by at most this part of a 10 m pixel, 0 to 1.
    #[arg(long, value_name = "PX", default_value_t = 0.3, allow_negative_numbers = true, requires = "dates_per_year")]
    pub max_shift: f64,

    /// Replace an earlier simulation in the same folder.
    #[arg(long)]
    pub overwrite: bool,

    /// Print the summary as JSON.
    #[arg(long)]
    pub json: bool,
}
