//! Arguments of `area`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};
use minesegsat::catalog::DateRange;
use minesegsat::large_area::period::Every;
use minesegsat::large_area::project::Composite;
use minesegsat::large_area::run::Share;
use minesegsat::report::Locale;

use super::monitor::CatalogueArgs;
use super::sites::BoundaryArgs;
use super::{EngineArgs, IncompleteArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum AreaCommand {
    /// Estimate units, scenes, bytes, requests, core-hours and price of a large area. Needs no network.
    Estimate(Box<AreaEstimateArgs>),
    /// Find the scenes of a large area and divide the work into units: a tile in a period.
    Plan(Box<AreaPlanArgs>),
    /// Map units. Any number of workers may run at the same time.
    Run(Box<AreaRunArgs>),
    /// Print how far a project is, and write its table of units.
    Status(AreaStatusArgs),
    /// Let failed units be mapped again.
    Retry(AreaProjectArgs),
    /// Join the maps of all units into one: polygons, masks and hectares.
    Merge(AreaMergeArgs),
    /// Compute hectares by zone: province, protected area, concession, watershed.
    Summarize(AreaSummarizeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AreaProjectArgs {
    /// Folder of the project, or its address in an object store: s3://bucket/folder.
    #[arg(value_name = "PROJECT")]
    pub project: PathBuf,
}

/// The land of a large area, and the days.
#[derive(Debug, Args)]
pub(crate) struct AreaScopeArgs {
    #[command(flatten)]
    pub area: BoundaryArgs,

    #[command(flatten)]
    pub incomplete: IncompleteArgs,

    /// Days to map: 2024, 2024-05/2024-09, 2020/2024.
    #[arg(long, value_name = "RANGE")]
    pub period: DateRange,

    /// Divide the days into a map per year, quarter or month [default: one map].
    #[arg(long, value_name = "year|quarter|month")]
    pub every: Option<Every>,
}

#[derive(Debug, Args)]
pub(crate) struct AreaEstimateArgs {
    #[command(flatten)]
    pub scope: AreaScopeArgs,

    /// Model folder [default: the model in the program].
    #[arg(short, long, value_name = "DIR")]
    pub model: Option<PathBuf>,

    /// How scenes of a unit become one map, as in `area plan`.
    #[arg(long, value_name = "RULE", default_value = "best-pixel")]
    pub composite: Composite,

    /// Most scenes of a unit.
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub max_scenes: u16,

    /// Share of a unit that must be seen before no further scene is mapped, in percent. For `best-pixel` only.
    #[arg(long, value_name = "PERCENT", default_value_t = 98.0)]
    pub min_seen: f64,

    /// Maximum cloud cover of the whole scene, in percent; scenes with more cloud are skipped.
    #[arg(long, value_name = "PERCENT", default_value_t = 60.0)]
    pub max_cloud_cover: f64,

    /// Mean cloud cover of all scenes of the area, in percent. The default is the mean of all land (MODIS, King et al. 2013).
    #[arg(long, value_name = "PERCENT", default_value_t = 55.0)]
    pub mean_cloud_cover: f64,

    /// Take the speed from the mapped units of this project [default: map a simulated scene now].
    #[arg(long, value_name = "PROJECT", conflicts_with = "pixels_per_second")]
    pub measured: Option<PathBuf>,

    /// Cores that each worker of the measured project had, divided by its `--jobs` [default: the cores of this machine].
    #[arg(long, value_name = "NUMBER", requires = "measured", value_parser = clap::value_parser!(u16).range(1..))]
    pub cores: Option<u16>,

    /// Pixels of 10 m that one core maps in a second [default: measured].
    #[arg(long, value_name = "NUMBER")]
    pub pixels_per_second: Option<f64>,

    /// Price of a core-hour, in any currency.
    #[arg(long, value_name = "PRICE")]
    pub core_hour_price: Option<f64>,

    /// Price of a gigabyte that is read, in the same currency.
    #[arg(long, value_name = "PRICE")]
    pub gb_price: Option<f64>,

    #[command(flatten)]
    pub engine: EngineArgs,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AreaPlanArgs {
    #[command(flatten)]
    pub scope: AreaScopeArgs,

    /// Folder of the new project, or an address in an object store: s3://bucket/folder, gs://bucket/folder, az://container/folder.
    #[arg(short, long, value_name = "PROJECT")]
    pub output: PathBuf,

    /// Model folder [default: the model in the program].
    #[arg(short, long, value_name = "DIR")]
    pub model: Option<PathBuf>,

    #[command(flatten)]
    pub catalogue: CatalogueArgs,

    /// How scenes of a unit become one map: `best-pixel` takes the first scene that shows a pixel, `median` the median of all.
    #[arg(long, value_name = "RULE", default_value = "best-pixel")]
    pub composite: Composite,

    /// Most scenes of a unit. Those that together cover it come first, then those with the least cloud.
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub max_scenes: u16,

    /// Share of a unit that must be seen before no further scene is mapped, in percent. For `best-pixel` only.
    #[arg(long, value_name = "PERCENT", default_value_t = 98.0)]
    pub min_seen: f64,

    /// Minimum area of a polygon, in hectares.
    #[arg(long, value_name = "HECTARES", default_value_t = 0.5)]
    pub min_area: f64,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Place of a unit, or the name of a scheduler's variable that holds it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum IndexArg {
    Number(usize),
    Auto,
}

impl FromStr for IndexArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            _ => text.parse().map(Self::Number).map_err(|_| "give a number from 0, or `auto`".to_owned()),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct AreaRunArgs {
    /// Folder of the project, or its address in an object store: s3://bucket/folder.
    #[arg(value_name = "PROJECT")]
    pub project: PathBuf,

    /// Map only the unit with this place in the plan, from 0. `auto` takes it from the scheduler: Slurm, AWS Batch, Kubernetes, PBS.
    #[arg(long, value_name = "NUMBER|auto", conflicts_with = "shard")]
    pub index: Option<IndexArg>,

    /// Map only a part of the units: 2/8 is the second of eight parts.
    #[arg(long, value_name = "PART/PARTS")]
    pub shard: Option<Share>,

    /// Map all units that no other worker maps. This is the default.
    #[arg(long, conflicts_with_all = ["index", "shard"])]
    pub all: bool,

    /// Units at a time.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: u16,

    /// How often this run tries a unit whose failure may be temporary, such as a server error.
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub tries: u32,

    /// Keep the downloaded parts of scenes. Not for a project in an object store.
    #[arg(long)]
    pub keep_scenes: bool,

    /// Name of this worker in the records [default: host and process].
    #[arg(long, value_name = "TEXT")]
    pub worker: Option<String>,

    /// Model folder. It must be the model of the plan [default: the model in the program].
    #[arg(short, long, value_name = "DIR")]
    pub model: Option<PathBuf>,

    #[command(flatten)]
    pub engine: EngineArgs,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AreaStatusArgs {
    /// Folder of the project, or its address in an object store: s3://bucket/folder.
    #[arg(value_name = "PROJECT")]
    pub project: PathBuf,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AreaMergeArgs {
    /// Folder of the project, or its address in an object store: s3://bucket/folder.
    #[arg(value_name = "PROJECT")]
    pub project: PathBuf,

    /// Output folder, or an address in an object store [default: `merged` in the project].
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,

    /// Merge although units are missing. Their land is left out, and the totals say how much that is.
    #[arg(long)]
    pub allow_missing: bool,

    /// Replace an earlier merge.
    #[arg(long)]
    pub overwrite: bool,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AreaSummarizeArgs {
    /// Folder of the project, or its address in an object store: s3://bucket/folder.
    #[arg(value_name = "PROJECT")]
    pub project: PathBuf,

    /// Polygons of the zones: GeoPackage, GeoJSON, KML, Shapefile, FlatGeobuf or GeoParquet, also zipped.
    #[arg(long, value_name = "FILE")]
    pub zones: PathBuf,

    /// Layer of the file of zones, if it has several.
    #[arg(long, value_name = "NAME")]
    pub layer: Option<String>,

    /// Attribute with the id of a zone [default: `id`, `site` or `site_id`].
    #[arg(long, value_name = "NAME")]
    pub id_field: Option<String>,

    /// Folder or address of the merge [default: `merged` in the project].
    #[arg(long, value_name = "DIR")]
    pub merged: Option<PathBuf>,

    /// Register of sites, a GeoPackage. Adds for each zone its permits, their land, and the land that is mapped outside all of them.
    #[arg(long, value_name = "FILE.gpkg")]
    pub register: Option<PathBuf>,

    /// File to write: `.csv`, `.json`, `.gpkg`, or `.html` with a map. May be given several times [default: print CSV].
    #[arg(short, long, value_name = "FILE")]
    pub output: Vec<PathBuf>,

    /// Language of the page: en, fr, es or pt, with a region for its numbers if you like (es-PE). Default: the language of the
    /// environment (LC_ALL, LC_MESSAGES, LANG). The other files are the same in all languages.
    #[arg(long, value_name = "LANGUAGE")]
    pub lang: Option<Locale>,

    /// Replace existing files.
    #[arg(long)]
    pub overwrite: bool,

    #[command(flatten)]
    pub incomplete: IncompleteArgs,
}
