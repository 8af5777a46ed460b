//! Arguments of `minesegsat monitor`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use minesegsat::alerts::DeliveryState;
use minesegsat::register::SiteId;
use minesegsat::series::Confirmation;

use super::EngineArgs;
use super::sites::RegisterArg;

#[derive(Debug, Subcommand)]
pub(crate) enum MonitorCommand {
    /// Check every site once: find new scenes, map them, compare with the permit, store the results, send alerts.
    Run(Box<MonitorRunArgs>),
    /// Repeat `run` at a fixed interval.
    Watch(Box<MonitorWatchArgs>),
    /// List alerts, or retry alerts that were given up.
    Alerts(MonitorAlertsArgs),
}

/// Where scenes are searched.
#[derive(Debug, Args)]
pub(crate) struct CatalogueArgs {
    /// Catalogue to search: `earth-search`, `planetary-computer`, `earthdaily`, the URL of a STAC API, a static
    /// catalogue, or an ItemCollection.
    #[arg(long, value_name = "NAME|URL|FILE", default_value = "earth-search")]
    pub api: OsString,

    /// Collections to search [default: the API's surface reflectance collection].
    #[arg(long, value_delimiter = ',', value_name = "ID,...")]
    pub collections: Vec<String>,

    /// Maximum cloud cover of the whole scene, in percent; scenes with more cloud are skipped.
    #[arg(long, value_name = "PERCENT", default_value_t = 60.0, value_parser = cloud, allow_negative_numbers = true)]
    pub max_cloud_cover: f64,
}

#[derive(Debug, Args)]
pub(crate) struct MonitorRunArgs {
    #[command(flatten)]
    pub register: RegisterArg,

    /// Ids of the sites to check [default: all sites in the register].
    #[arg(long, value_delimiter = ',', value_name = "ID,...")]
    pub sites: Vec<SiteId>,

    /// Model folder [default: the model in the program].
    #[arg(short, long, value_name = "DIR")]
    pub model: Option<PathBuf>,

    #[command(flatten)]
    pub catalogue: CatalogueArgs,

    /// Earliest day of a scene: 2024-05-31. Scenes before a site's latest observation are never used.
    #[arg(long, value_name = "DAY")]
    pub since: Option<Date>,

    /// Latest day of a scene: 2024-05-31 [default: today].
    #[arg(long, value_name = "DAY")]
    pub until: Option<Date>,

    /// Record an observation for every new date, oldest first, not only for the best new date.
    #[arg(long)]
    pub every_date: bool,

    /// Also map this many metres around the boundary.
    #[arg(long, value_name = "M", default_value_t = 1000.0, value_parser = buffer, allow_negative_numbers = true)]
    pub buffer: f64,

    /// Minimum share of a site that must be visible for a verdict, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 70.0, value_parser = super::change::percent, allow_negative_numbers = true)]
    pub min_assessed: f64,

    /// Try at most this many of the newest scenes per site, until one shows enough of the site.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=50))]
    pub max_tries: u16,

    /// Do not fall back to a median composite of cloudy scenes if no single scene shows enough of the site.
    #[arg(long)]
    pub no_composite: bool,

    /// Confidence level of the area intervals, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 90.0, value_parser = super::change::percent, allow_negative_numbers = true)]
    pub confidence_level: f64,

    /// Confirm exceedances and new land when K of N successive assessable dates show them; until then they are
    /// provisional.
    #[arg(long, value_name = "K/N", default_value = "2/3", value_parser = super::change::confirmation)]
    pub confirm: Confirmation,

    /// Where alerts go: a TOML file with `[[webhook]]`, `[[mail]]` and `[[file]]` entries [default: no alerts are
    /// sent]. A mail has all findings of the run.
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

    /// Time from the start of one run to the start of the next: `1d`, `6h`, `30m`.
    #[arg(long, value_name = "TIME", default_value = "1d", value_parser = interval)]
    pub every: Duration,

    /// Stop after this many runs [default: run until Ctrl-C].
    #[arg(long, value_name = "N")]
    pub runs: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct MonitorAlertsArgs {
    #[command(flatten)]
    pub register: RegisterArg,

    /// List only alerts in this state.
    #[arg(long, value_enum)]
    pub state: Option<StateArg>,

    /// Retry alerts that were given up: all, or those with this id.
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "all")]
    pub revive: Option<String>,

    /// Only alerts of this channel.
    #[arg(long, value_name = "NAME")]
    pub channel: Option<String>,

    /// Where alerts go, for `--test` and `--send-now`: the file of `monitor run --alerts`.
    #[arg(long, value_name = "FILE.toml")]
    pub alerts: Option<PathBuf>,

    /// Send a test message through each channel of `--alerts`. Nothing is stored.
    #[arg(long, requires = "alerts", conflicts_with_all = ["state", "revive", "send_now"])]
    pub test: bool,

    /// Send pending alerts now, without waiting for their next attempt.
    #[arg(long, requires = "alerts", conflicts_with_all = ["state", "revive"])]
    pub send_now: bool,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// State of an alert.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum StateArg {
    /// Not delivered yet.
    Pending,
    /// Delivered.
    Delivered,
    /// Given up after failed attempts.
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

/// Parses the time between two runs: `1d`, `6h`, `30m`, `10s`.
fn interval(text: &str) -> Result<Duration, String> {
    let expected = || format!("`{text}` is not a duration; expected a number with d, h, m or s, such as 1d, 6h or 30m");
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
