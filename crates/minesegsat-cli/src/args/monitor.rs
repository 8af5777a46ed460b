//! Arguments of `minesegsat monitor`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use minesegsat::alerts::DeliveryState;
use minesegsat::register::SiteId;

use super::EngineArgs;
use super::sites::RegisterArg;

#[derive(Debug, Subcommand)]
pub(crate) enum MonitorCommand {
    /// Look at every site once: find new scenes, map, compare, judge, store, tell.
    Run(Box<MonitorRunArgs>),
    /// Do so again and again.
    Watch(Box<MonitorWatchArgs>),
    /// List the alerts of the register, and make dead ones due again.
    Alerts(MonitorAlertsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct MonitorRunArgs {
    #[command(flatten)]
    pub register: RegisterArg,

    /// Only these sites [default: all of the register].
    #[arg(long, value_delimiter = ',', value_name = "ID,...")]
    pub sites: Vec<SiteId>,

    /// Model folder.
    #[arg(short, long, value_name = "DIR")]
    pub model: PathBuf,

    /// Where to search: `earth-search`, `planetary-computer`, `earthdaily`, the URL of a STAC API, a static catalogue, or an
    /// ItemCollection.
    #[arg(long, value_name = "NAME|URL|FILE", default_value = "earth-search")]
    pub api: String,

    /// Collections to search in [default: the API's collection of surface reflectance].
    #[arg(long, value_delimiter = ',', value_name = "ID,...")]
    pub collections: Vec<String>,

    /// Earliest day of a scene; scenes before a site's last observation are never taken.
    #[arg(long, value_name = "DAY")]
    pub since: Option<Date>,

    /// Last day of a scene [default: today].
    #[arg(long, value_name = "DAY")]
    pub until: Option<Date>,

    /// Make an observation of every new date, oldest first, instead of the best new one only.
    #[arg(long)]
    pub every_date: bool,

    /// Scenes with more cloud over the whole of them are not looked at, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 60.0, value_parser = cloud, allow_negative_numbers = true)]
    pub max_cloud_cover: f64,

    /// Land around the boundary that is mapped too, in metres.
    #[arg(long, value_name = "M", default_value_t = 1000.0, value_parser = buffer, allow_negative_numbers = true)]
    pub buffer: f64,

    /// Least part of a site that must be seen for a verdict, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 70.0, value_parser = super::change::percent, allow_negative_numbers = true)]
    pub min_assessed: f64,

    /// So many of the newest scenes are tried until one shows enough of the site.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=50))]
    pub max_tries: u16,

    /// Do without the median of several cloudy scenes where none alone shows enough.
    #[arg(long)]
    pub no_composite: bool,

    /// How often intervals of areas hold the truth, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 90.0, value_parser = super::change::percent, allow_negative_numbers = true)]
    pub confidence_level: f64,

    /// Who is told: a TOML file with `[[webhook]]`, `[[mail]]` and `[[file]]`.
    #[arg(long, value_name = "FILE.toml")]
    pub alerts: Option<PathBuf>,

    #[command(flatten)]
    pub engine: EngineArgs,

    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MonitorWatchArgs {
    #[command(flatten)]
    pub run: MonitorRunArgs,

    /// Pause from the beginning of one run to that of the next: `1d`, `6h`, `30m`.
    #[arg(long, value_name = "TIME", default_value = "1d", value_parser = pause)]
    pub every: Duration,

    /// End after so many runs.
    #[arg(long, value_name = "N")]
    pub runs: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct MonitorAlertsArgs {
    #[command(flatten)]
    pub register: RegisterArg,

    /// Only those that are pending, delivered or dead.
    #[arg(long, value_enum)]
    pub state: Option<StateArg>,

    /// Make dead ones due again: all, or those of an alert id.
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "all")]
    pub revive: Option<String>,

    /// Only those of a channel.
    #[arg(long, value_name = "NAME")]
    pub channel: Option<String>,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum StateArg {
    Pending,
    Delivered,
    Dead,
}

impl From<StateArg> for DeliveryState {
    fn from(state: StateArg) -> Self {
        match state {
            StateArg::Pending => Self::Pending,
            StateArg::Delivered => Self::Delivered,
            StateArg::Dead => Self::Dead,
        }
    }
}

fn cloud(text: &str) -> Result<f64, String> {
    super::number(text, |percent| (0.0..=100.0).contains(&percent), "0 to 100 percent")
}

fn buffer(text: &str) -> Result<f64, String> {
    super::number(text, |m| (0.0..=50_000.0).contains(&m), "metres, 0 to 50000")
}

/// `1d`, `6h`, `30m`, `10s`.
fn pause(text: &str) -> Result<Duration, String> {
    let expected = || format!("`{text}` is no pause; expected a number with d, h, m or s, such as 1d, 6h or 30m");
    let (number, unit) = text.split_at(text.len() - text.chars().next_back().map_or(0, char::len_utf8));
    let number: u64 = number.parse().ok().filter(|n| *n > 0).ok_or_else(expected)?;
    let seconds = match unit {
        "d" => 86_400,
        "h" => 3600,
        "m" => 60,
        "s" => 1,
        _ => return Err(expected()),
    };
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(expected)
}
