//! Arguments of `minesegsat map`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;
use minesegsat::register::SiteId;

use super::sites::BoundaryArgs;
use super::{EngineArgs, IncompleteArgs};

#[derive(Debug, Args)]
pub(crate) struct MapArgs {
    #[command(flatten)]
    pub area: BoundaryArgs,

    #[command(flatten)]
    pub incomplete: IncompleteArgs,

    /// Year of the scene. The newest date that shows at least 70 % of the area is mapped, else a composite.
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(i16).range(2015..=2100), conflicts_with_all = ["since", "until"])]
    pub year: Option<i16>,

    /// Earliest day of the scene: 2024-05-31 [default: one year before the latest day].
    #[arg(long, value_name = "DAY")]
    pub since: Option<Date>,

    /// Latest day of the scene: 2024-09-30 [default: today].
    #[arg(long, value_name = "DAY")]
    pub until: Option<Date>,

    /// Output folder, a workspace of `serve`. A run with a later date compares with the first; earlier dates cannot be added.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Id of the area in the register of the output folder.
    #[arg(long, value_name = "ID", default_value = "area")]
    pub id: SiteId,

    /// Display name of the area [default: the id].
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,

    /// Model folder [default: the model in the program].
    #[arg(short, long, value_name = "DIR")]
    pub model: Option<PathBuf>,

    /// Catalogue to search: `earth-search`, `planetary-computer`, `earthdaily`, the URL of a STAC API, a static
    /// catalogue, or an ItemCollection.
    #[arg(long, value_name = "NAME|URL|FILE", default_value = "earth-search")]
    pub api: OsString,

    /// Collections to search [default: the API's surface reflectance collection].
    #[arg(long, value_delimiter = ',', value_name = "ID,...")]
    pub collections: Vec<String>,

    /// Maximum cloud cover of the whole scene, in percent; scenes with more cloud are skipped.
    #[arg(long, value_name = "PERCENT", default_value_t = 60.0, value_parser = super::monitor::cloud, allow_negative_numbers = true)]
    pub max_cloud_cover: f64,

    #[command(flatten)]
    pub engine: EngineArgs,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
