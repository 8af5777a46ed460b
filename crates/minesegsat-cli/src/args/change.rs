//! Arguments of `minesegsat change`, `noise-floor` and `timeline`.

use std::path::PathBuf;

use clap::Args;

use super::{EngineArgs, number};

#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    /// Earlier date: an output folder of `predict`, or a scene. A scene is mapped first and needs `--model`.
    pub before: String,

    /// Later date, given in the same way.
    pub after: String,

    /// Output folder.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Model folder, needed if a date is given as a scene.
    #[arg(short, long, value_name = "DIR")]
    pub model: Option<PathBuf>,

    /// Site boundaries, for results per site: GeoPackage, GeoJSON, Shapefile, FlatGeobuf or GeoParquet.
    #[arg(long, value_name = "FILE")]
    pub sites: Option<PathBuf>,

    /// Attribute with the site ids [default: id, site or site_id, else the number of the feature].
    #[arg(long, value_name = "NAME")]
    pub id_field: Option<String>,

    /// Probability threshold, 0 to 1: pixels at or above it are disturbed [default: the later map's].
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

    /// Model folder; the noise floor is saved in its card.
    #[arg(short, long, value_name = "DIR")]
    pub model: Option<PathBuf>,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TimelineArgs {
    /// Dates, in any order: output folders of `predict`, or scenes. Scenes are mapped first and need `--model`.
    #[arg(required = true, num_args = 2..)]
    pub dates: Vec<String>,

    /// Site boundaries: GeoPackage, GeoJSON, Shapefile, FlatGeobuf or GeoParquet.
    #[arg(long, value_name = "FILE")]
    pub sites: PathBuf,

    /// Attribute with the site ids [default: id, site or site_id, else the number of the feature].
    #[arg(long, value_name = "NAME")]
    pub id_field: Option<String>,

    /// Output folder.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Model folder, needed if a date is given as a scene.
    #[arg(short, long, value_name = "DIR")]
    pub model: Option<PathBuf>,

    /// Confidence level of the area intervals, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 90.0, value_parser = percent, allow_negative_numbers = true)]
    pub confidence_level: f64,

    /// Minimum share of a site that must be visible, in percent; otherwise the date is `not assessable`.
    #[arg(long, value_name = "PERCENT", default_value_t = 50.0, value_parser = percent, allow_negative_numbers = true)]
    pub min_assessed: f64,

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

fn hectares(text: &str) -> Result<f64, String> {
    number(text, |ha| ha.is_finite() && ha >= 0.0, "hectares, 0 or more")
}

pub(super) fn percent(text: &str) -> Result<f64, String> {
    number(text, |percent| percent > 0.0 && percent < 100.0, "a percentage above 0 and below 100")
}
