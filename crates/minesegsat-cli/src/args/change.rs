//! Arguments of `minesegsat change`, `noise-floor` and `timeline`.

use std::path::PathBuf;

use clap::Args;

use super::{EngineArgs, number};

#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    /// The earlier date: a folder that `predict` wrote, or a scene, which is mapped first (then give `--model`).
    pub before: String,

    /// The later date.
    pub after: String,

    /// Folder to write into.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Model for dates that are scenes.
    #[arg(short, long, value_name = "DIR")]
    pub model: Option<PathBuf>,

    /// Sites to judge each on its own: outlines in GeoPackage, GeoJSON, Shapefile, FlatGeobuf or GeoParquet.
    #[arg(long, value_name = "FILE")]
    pub sites: Option<PathBuf>,

    /// Attribute with the sites' ids [default: id, else the number in the file].
    #[arg(long, value_name = "NAME")]
    pub id_field: Option<String>,

    /// Pixels of at least this probability are disturbed [default: the model's].
    #[arg(long, value_name = "P", value_parser = super::probability, allow_negative_numbers = true)]
    pub threshold: Option<f32>,

    /// Leave out groups of changed pixels of a smaller area, in square metres.
    #[arg(long, value_name = "M2", default_value_t = 1000.0, value_parser = super::area, allow_negative_numbers = true)]
    pub min_area: f64,

    /// Hectares of noise at a site with one hectare of disturbed land; grows with the square root [default: the model's].
    #[arg(long, value_name = "HA", value_parser = hectares, allow_negative_numbers = true)]
    pub noise_floor: Option<f64>,

    /// How often intervals of areas hold the truth, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 90.0, value_parser = percent, allow_negative_numbers = true)]
    pub confidence_level: f64,

    /// Sites of which less was seen on both dates are not assessable, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 50.0, value_parser = percent, allow_negative_numbers = true)]
    pub min_assessed: f64,

    /// Let one band stand in for a missing one in scenes: `B8A=B08`.
    #[arg(long, value_delimiter = ',', value_name = "MISSING=BAND,...")]
    pub substitute: Vec<super::Substitution>,

    #[command(flatten)]
    pub engine: EngineArgs,

    /// Replace existing outputs.
    #[arg(long)]
    pub overwrite: bool,

    /// Print the record as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct NoiseFloorArgs {
    /// Folders that `change` wrote, with sites that did not change between the dates.
    #[arg(required = true)]
    pub changes: Vec<PathBuf>,

    /// The sites that did not change [default: all].
    #[arg(long, value_delimiter = ',', value_name = "ID,...")]
    pub stable: Vec<String>,

    /// Share of stable sites that are to lie under the floor, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 95.0, value_parser = percent, allow_negative_numbers = true)]
    pub share: f64,

    /// Model folder whose card gets the floor.
    #[arg(short, long, value_name = "DIR")]
    pub model: Option<PathBuf>,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TimelineArgs {
    /// Dates, in any order: folders that `predict` wrote, or scenes, which are mapped first (then give `--model`).
    #[arg(required = true, num_args = 2..)]
    pub dates: Vec<String>,

    /// Outlines of the sites.
    #[arg(long, value_name = "FILE")]
    pub sites: PathBuf,

    /// Attribute with the sites' ids [default: id, else the number in the file].
    #[arg(long, value_name = "NAME")]
    pub id_field: Option<String>,

    /// Folder to write into.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Model for dates that are scenes.
    #[arg(short, long, value_name = "DIR")]
    pub model: Option<PathBuf>,

    /// How often intervals of areas hold the truth, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 90.0, value_parser = percent, allow_negative_numbers = true)]
    pub confidence_level: f64,

    /// Dates on which less of a site was seen are not assessable there, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 50.0, value_parser = percent, allow_negative_numbers = true)]
    pub min_assessed: f64,

    /// Land around a site that its indices are compared with, in metres.
    #[arg(long, value_name = "M", default_value_t = 1000.0, value_parser = super::area)]
    pub around: f64,

    /// Let one band stand in for a missing one in scenes: `B8A=B08`.
    #[arg(long, value_delimiter = ',', value_name = "MISSING=BAND,...")]
    pub substitute: Vec<super::Substitution>,

    #[command(flatten)]
    pub engine: EngineArgs,

    /// Replace existing outputs.
    #[arg(long)]
    pub overwrite: bool,

    /// Print the record as JSON.
    #[arg(long)]
    pub json: bool,
}

fn hectares(text: &str) -> Result<f64, String> {
    number(text, |ha| ha.is_finite() && ha >= 0.0, "hectares, 0 or more")
}

pub(super) fn percent(text: &str) -> Result<f64, String> {
    number(text, |percent| percent > 0.0 && percent < 100.0, "percent, above 0 and below 100")
}
