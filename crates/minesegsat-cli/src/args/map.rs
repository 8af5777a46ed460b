//! Arguments of `minesegsat map`.

use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;
use minesegsat::register::SiteId;

use super::monitor::CatalogueArgs;
use super::sites::BoundaryArgs;
use super::{EngineArgs, IncompleteArgs};

#[derive(Debug, Args)]
pub(crate) struct MapArgs {
    #[command(flatten)]
    pub area: BoundaryArgs,

    #[command(flatten)]
    pub incomplete: IncompleteArgs,

    /// Year of the scene. The clearest date is mapped: the least cloudy scene that shows 99 % of the area, else the one that shows most
    /// of it. If none shows 70 %, the clear pixels of several dates are joined.
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

    #[command(flatten)]
    pub catalogue: CatalogueArgs,

    #[command(flatten)]
    pub engine: EngineArgs,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
