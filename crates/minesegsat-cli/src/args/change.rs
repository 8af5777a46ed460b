//! Arguments of `minesegsat change`, `noise-floor` and `timeline`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use minesegsat::series::Confirmation;

use super::{EngineArgs, IncompleteArgs, number};

#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    /// Earlier date: an output folder of `predict`, or a scene. A scene is mapped first.
    pub before: OsString,

    /// Later date, given in the same way.
    pub after: OsString,

    /// Output folder.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Model folder, for dates that are given as scenes and for the change head [default: the model in the program].
    #[arg(short, long, value_name = "DIR")]
    pub model: Option<PathBuf>,

    /// Find gain and loss by rules, also if the model of both maps has a change head.
    #[arg(long)]
    pub without_change_head: bool,

    /// Site boundaries, for results per site: GeoPackage, GeoJSON, Shapefile, FlatGeobuf or GeoParquet.
    #[arg(long, value_name = "FILE")]
    pub sites: Option<PathBuf>,

    /// Attribute with the site ids [default: id, site or site_id, else the number of the feature].
    #[arg(long, value_name = "NAME")]
    pub id_field: Option<String>,

    #[command(flatten)]
    pub incomplete: IncompleteArgs,

    /// Probability threshold, 0 to 1, of land that is disturbed on both dates, and of change by rules [default: the later map's].
    #[arg(long, value_name = "P", value_parser = super::probability, allow_negative_numbers = true)]
    pub threshold: Option<f32>,

    /// Drop groups of changed pixels smaller than this, in square metres.
    #[arg(long, value_name = "M2", default_value_t = 1000.0, value_parser = super::area, allow_negative_numbers = true)]
    pub min_area: f64,

    /// Noise floor of a site with 1 ha of disturbed land, in hectares. It grows with the square root of the area
    /// [default: the model's].
    #[arg(long, value_name = "HA", value_parser = hectares, allow_negative_numbers = true)]
    pub noise_floor: Option<f64>,

    /// Confidence level of the area intervals, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 90.0, value_parser = percent, allow_negative_numbers = true)]
    pub confidence_level: f64,

    /// Minimum share of a site that must be visible on both dates, in percent; otherwise the site is `not assessable`.
    #[arg(long, value_name = "PERCENT", default_value_t = 50.0, value_parser = percent, allow_negative_numbers = true)]
    pub min_assessed: f64,

    /// Shift between the scenes of the two dates: `correct` moves the later date back if it lies more than a third of a pixel off,
    /// and fails above 5 pixels; `measure` only reports the shift; `off` does not measure it.
    #[arg(long, default_value = "correct", value_parser = ["correct", "measure", "off"])]
    pub registration: String,

    /// Use another band in place of a missing one in scenes: `B8A=B08`.
    #[arg(long, value_delimiter = ',', value_name = "MISSING=BAND,...")]
    pub substitute: Vec<super::Substitution>,

    #[command(flatten)]
    pub engine: EngineArgs,

    /// Replace existing outputs.
    #[arg(long)]
    pub overwrite: bool,

    /// Print the manifest as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct NoiseFloorArgs {
    /// Output folders of `change --sites`, with sites that did not change between the dates.
    #[arg(required = true)]
    pub changes: Vec<PathBuf>,

    /// Ids of the sites that did not change [default: all].
    #[arg(long, value_delimiter = ',', value_name = "ID,...")]
    pub stable: Vec<String>,

    /// Share of stable sites whose change must lie below the floor, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 95.0, value_parser = percent, allow_negative_numbers = true)]
    pub share: f64,

    /// Error of a change beside the floor, in percent of the change. It widens the intervals of gain and loss.
    #[arg(long, value_name = "PERCENT", value_parser = percent, allow_negative_numbers = true)]
    pub error_of_change: Option<f64>,

    /// Model folder; the noise floor is saved in its card.
    #[arg(short, long, value_name = "DIR")]
    pub model: Option<PathBuf>,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TimelineArgs {
    /// Dates, in any order: output folders of `predict`, or scenes. Scenes are mapped first.
    #[arg(required = true, num_args = 2..)]
    pub dates: Vec<OsString>,

    /// Site boundaries, for results per site: GeoPackage, GeoJSON, Shapefile, FlatGeobuf or GeoParquet.
    #[arg(long, value_name = "FILE")]
    pub sites: Option<PathBuf>,

    /// Attribute with the site ids [default: id, site or site_id, else the number of the feature].
    #[arg(long, value_name = "NAME")]
    pub id_field: Option<String>,

    #[command(flatten)]
    pub incomplete: IncompleteArgs,

    /// Output folder.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Model folder for dates that are given as scenes [default: the model in the program].
    #[arg(short, long, value_name = "DIR")]
    pub model: Option<PathBuf>,

    /// Confidence level of the area intervals, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 90.0, value_parser = percent, allow_negative_numbers = true)]
    pub confidence_level: f64,

    /// Minimum share of a site that must be visible, in percent; otherwise the date is `not assessable`.
    #[arg(long, value_name = "PERCENT", default_value_t = 50.0, value_parser = percent, allow_negative_numbers = true)]
    pub min_assessed: f64,

    /// Confirm new and regrown land when K of N successive assessable dates show it.
    #[arg(long, value_name = "K/N", default_value = "2/3", value_parser = confirmation)]
    pub confirm: Confirmation,

    /// Rate at which undisturbed land becomes disturbed, per year [default: the model's, else 0.1].
    #[arg(long, value_name = "RATE", value_parser = rate, allow_negative_numbers = true)]
    pub onset_rate: Option<f64>,

    /// Rate at which disturbed land regrows, per year [default: the model's, else 0.1].
    #[arg(long, value_name = "RATE", value_parser = rate, allow_negative_numbers = true)]
    pub regrowth_rate: Option<f64>,

    /// Weight of the log-odds of a date, above 0 to 1. Errors of dates are correlated, so it is below 1
    /// [default: the model's, else 0.8].
    #[arg(long, value_name = "WEIGHT", value_parser = weight, allow_negative_numbers = true)]
    pub evidence_weight: Option<f64>,

    /// Width of the ring around the site used for comparison, in metres.
    #[arg(long, value_name = "M", default_value_t = 1000.0, value_parser = super::labels::distance)]
    pub around: f64,

    /// Use another band in place of a missing one in scenes: `B8A=B08`.
    #[arg(long, value_delimiter = ',', value_name = "MISSING=BAND,...")]
    pub substitute: Vec<super::Substitution>,

    #[command(flatten)]
    pub engine: EngineArgs,

    /// Replace existing outputs.
    #[arg(long)]
    pub overwrite: bool,

    /// Print the manifest as JSON.
    #[arg(long)]
    pub json: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    number(text, |rate| rate > 0.0 && rate <= 12.0, "a rate above 0 to 12 per year")
}

fn weight(text: &str) -> Result<f64, String> {
    number(text, |weight| weight > 0.0 && weight <= 1.0, "a weight above 0 to 1")
}

pub(super) fn confirmation(text: &str) -> Result<Confirmation, String> {
    let expected =
        || format!("`{text}` is not accepted; expected K/N, such as 2/3: at least 1 date, of as many or more");
    let (needed, of) = text.split_once('/').ok_or_else(expected)?;
    let number = |text: &str| text.parse::<usize>().map_err(|_| expected());
    let rule = Confirmation { needed: number(needed)?, of: number(of)?, ..Confirmation::default() };
    rule.check().map(|()| rule).map_err(|_| expected())
}

fn hectares(text: &str) -> Result<f64, String> {
    number(text, |ha| ha.is_finite() && ha >= 0.0, "hectares, 0 or more")
}

pub(super) fn percent(text: &str) -> Result<f64, String> {
    number(text, |percent| percent > 0.0 && percent < 100.0, "a percentage above 0 and below 100")
}
