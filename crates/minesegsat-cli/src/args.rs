//! Command-line arguments.

mod area;
mod area_sample;
mod catalog;
mod change;
mod dataset;
mod demo;
mod engine;
mod evaluate;
mod evidence;
mod labels;
mod map;
mod monitor;
mod preview;
mod report;
mod serve;
mod setup;
mod simulate;
mod sites;
mod train;
mod users;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use minesegsat::labels::{read_area, read_incomplete_area};
use minesegsat::scene::CloudMask;
use minesegsat::{Band, Crs, vector::VectorFormat};

pub(crate) use self::area::{
    AreaCommand, AreaEstimateArgs, AreaMergeArgs, AreaPlanArgs, AreaProjectArgs, AreaRunArgs, AreaStatusArgs,
    AreaSummarizeArgs, IndexArg,
};
pub(crate) use self::area_sample::{AreaSampleCommand, AreaSampleDesignArgs, AreaSampleEstimateArgs};
pub(crate) use self::catalog::{DownloadArgs, SearchArgs};
pub(crate) use self::change::{ChangeArgs, NoiseFloorArgs, TimelineArgs};
pub(crate) use self::demo::DemoArgs;
pub(crate) use self::engine::EngineArgs;
pub(crate) use self::evidence::{
    EvidenceArgs, EvidenceCommand, EvidenceKeygenArgs, EvidencePackArgs, EvidenceVerifyArgs,
};
pub(crate) use self::map::MapArgs;
pub(crate) use self::monitor::{MonitorAlertsArgs, MonitorCommand, MonitorRunArgs, MonitorWatchArgs};
pub(crate) use self::report::ReportArgs;
pub(crate) use self::serve::{JobArgs, ServeArgs};
pub(crate) use self::setup::{CompletionsArgs, DoctorArgs, ManArgs};
pub(crate) use self::simulate::SimulateArgs;
pub(crate) use self::sites::{
    BoundaryArgs, SitesAddArgs, SitesCommand, SitesEditArgs, SitesExportArgs, SitesImportArgs, SitesListArgs,
    SitesPermitArgs, SitesRemoveArgs, SitesShowArgs, TermsArgs,
};
pub(crate) use self::train::{BenchArchitecturesArgs, TrainArgs, utf8};
pub(crate) use self::users::{UsersAddArgs, UsersCommand, UsersListArgs, UsersRemoveArgs};
pub(crate) use dataset::{
    DatasetBuildArgs, DatasetCommand, DatasetImportArgs, DatasetInfoArgs, DatasetMergeArgs, DatasetPreviewArgs,
    DatasetSplitArgs, DatasetStatsArgs,
};
pub(crate) use evaluate::{CalibrateArgs, EvaluateArgs, ProtocolArg, ThresholdArg};
pub(crate) use labels::{LabelArgs, LabelsCommand, LabelsInfoArgs, LabelsRasterizeArgs};
pub(crate) use preview::ScenePreviewArgs;

/// Map land disturbed by mining from Sentinel-2 scenes, and monitor mine sites against their permits.
#[derive(Debug, Parser)]
#[command(name = "minesegsat", version, max_term_width = 110, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,

    /// Print errors only.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Log more: `-v` for information, `-vv` for debugging.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Search a STAC API, a static catalogue or an ItemCollection for scenes.
    Search(Box<SearchArgs>),
    /// Download scenes, whole or clipped to an area.
    Download(Box<DownloadArgs>),
    /// Inspect Sentinel-2 scenes.
    #[command(subcommand)]
    Scene(SceneCommand),
    /// Inspect label files and rasterize them to masks.
    #[command(subcommand)]
    Labels(LabelsCommand),
    /// Build, split, inspect and merge data sets for training.
    #[command(subcommand)]
    Dataset(DatasetCommand),
    /// Import, list, verify and export models.
    #[command(subcommand)]
    Model(ModelCommand),
    /// Run the whole workflow on simulated scenes: train, map, monitor, and compare with the ground truth.
    Demo(DemoArgs),
    /// Train a network on a data set.
    Train(Box<TrainArgs>),
    /// Train several networks under the same budget and compare their accuracy.
    BenchArchitectures(Box<BenchArchitecturesArgs>),
    /// Evaluate a model on one split of a data set, compare it with simple baselines, and write a report.
    Evaluate(Box<EvaluateArgs>),
    /// Fit a model's temperature, threshold and area error on the validation split, and save them in its card.
    Calibrate(CalibrateArgs),
    /// Map mining-disturbed land of an area in a year: search, download, map and report in one command.
    Map(Box<MapArgs>),
    /// Map a large area with many workers: many tiles, many dates, one merged map.
    #[command(subcommand)]
    Area(AreaCommand),
    /// Map mining-disturbed land in a scene.
    Predict(Box<PredictArgs>),
    /// Estimate true areas and their uncertainty from sample points checked by a person.
    #[command(subcommand)]
    AreaSample(AreaSampleCommand),
    /// Map gain and loss of disturbed land between two dates.
    Change(Box<ChangeArgs>),
    /// Estimate a model's noise floor: the change it reports at sites that did not change.
    NoiseFloor(NoiseFloorArgs),
    /// Compute time series of disturbed area and spectral indices for sites.
    Timeline(Box<TimelineArgs>),
    /// Manage the register of sites, permits and observations.
    #[command(subcommand)]
    Sites(SitesCommand),
    /// Check all sites for new scenes, map them, compare with the permit, send alerts.
    #[command(subcommand)]
    Monitor(MonitorCommand),
    /// Write an HTML report for one site, or for all.
    Report(Box<ReportArgs>),
    /// Create or verify a signed evidence pack for one observation.
    Evidence(Box<EvidenceArgs>),
    /// Serve a register and its maps over HTTP: a map page, OGC API Features, STAC API and tiles.
    Serve(Box<ServeArgs>),
    /// Manage the users of `serve`: names, roles and tokens.
    #[command(subcommand)]
    Users(UsersCommand),
    /// Simulate Sentinel-2 scenes of a landscape with mines, with exact ground truth.
    Simulate(SimulateArgs),
    /// Print what this machine has and what is missing: processor, memory, disk, GPU, proxy, catalogue.
    Doctor(DoctorArgs),
    /// Print the completions of a shell.
    Completions(CompletionsArgs),
    /// Write the manual pages of all commands.
    Man(ManArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum SceneCommand {
    /// Print the metadata of a scene: sensor, date, bands, grids, radiometry, cloud.
    Info(SceneInfoArgs),
    /// Draw a preview sheet of a scene: composites, indices, classification, polygon outlines.
    Preview(Box<ScenePreviewArgs>),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Create a model folder from a checkpoint (.pth or .safetensors).
    Import(ModelImportArgs),
    /// List the models in a folder.
    List(ModelListArgs),
    /// Print a model's card.
    Show(ModelShowArgs),
    /// Check a model's weights, and compare its outputs with recorded ones.
    Verify(ModelVerifyArgs),
    /// Export a model to a file that other programs can run.
    Export(ModelExportArgs),
    /// Create an untrained model with random weights, for tests and benchmarks.
    Random(ModelRandomArgs),
}

/// Options for opening a scene.
#[derive(Debug, Args)]
pub(crate) struct SceneArgs {
    /// Scene: a folder of single-band files, a SAFE product (folder or zip), a tile folder of AWS, a STAC item (file or
    /// URL), or a multi-band GeoTIFF.
    pub scene: OsString,

    /// Bands of a multi-band GeoTIFF in file order, if the file does not name them: `B02,B03,B04`.
    #[arg(long, value_delimiter = ',', value_name = "BAND,...")]
    pub bands: Option<Vec<Band>>,

    /// Use another band in place of a missing one: `B8A=B08`. Recorded as a warning.
    #[arg(long, value_delimiter = ',', value_name = "MISSING=BAND,...")]
    pub substitute: Vec<Substitution>,

    /// Offset added to every digital number before scaling: 0 or -1000 [default: determined from the scene].
    #[arg(long, value_name = "DN", value_parser = offset, allow_negative_numbers = true)]
    pub offset: Option<f64>,

    /// Reflectance per digital number: 0.0001 [default: determined from the scene].
    #[arg(long, value_name = "SCALE", value_parser = scale, allow_negative_numbers = true)]
    pub scale: Option<f64>,

    /// Values of missing pixels that the files do not declare, in digital numbers: `-9999`; or `none` [default: found in
    /// the pixels].
    #[arg(long, value_delimiter = ',', value_name = "VALUE,...", value_parser = nodata, allow_hyphen_values = true)]
    pub nodata: Vec<NodataValue>,

    /// MGRS tile to read from an old SAFE product with several tiles: `53HLA`.
    #[arg(long, value_name = "TILE")]
    pub tile: Option<String>,

    /// Also treat snow (class 11 of the scene classification) as not assessable.
    #[arg(long)]
    pub mask_snow: bool,

    /// Source of the mask of clouds and their shadows: `scl` (scene classification), `pixels` (spectral tests) or
    /// `none` [default: scl if the scene has one, else pixels].
    #[arg(long, value_name = "SOURCE", value_parser = cloud_mask())]
    pub cloud_mask: Option<CloudMask>,
}

/// Accepts the names of cloud masks.
pub(crate) fn cloud_mask() -> impl clap::builder::TypedValueParser<Value = CloudMask> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    PossibleValuesParser::new(CloudMask::NAMES).try_map(|name| name.parse::<CloudMask>())
}

/// A missing band and the band used in its place, such as `B8A=B08`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Substitution {
    pub missing: Band,
    pub stand_in: Band,
}

impl FromStr for Substitution {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (missing, stand_in) =
            text.split_once('=').ok_or_else(|| format!("`{text}` is not of the form MISSING=BAND, such as B8A=B08"))?;
        let band = |name: &str| name.parse::<Band>().map_err(|error| error.to_string());
        Ok(Self { missing: band(missing)?, stand_in: band(stand_in)? })
    }
}

#[derive(Debug, Args)]
pub(crate) struct SceneInfoArgs {
    #[command(flatten)]
    pub scene: SceneArgs,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    #[command(flatten)]
    pub scene: SceneArgs,

    /// Model folder (`model.safetensors` and `model.json`) [default: the model in the program].
    #[arg(short, long, value_name = "DIR")]
    pub model: Option<PathBuf>,

    /// Output folder.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    #[command(flatten)]
    pub engine: EngineArgs,

    /// Probability threshold, 0 to 1: pixels at or above it are mining-disturbed [default: the model's].
    #[arg(long, value_name = "P", value_parser = probability, allow_negative_numbers = true)]
    pub threshold: Option<f32>,

    /// Width and height of a patch, in pixels [default: the model's].
    #[arg(long, value_name = "PX")]
    pub patch_size: Option<usize>,

    /// Overlap of neighbouring patches, in pixels [default: 1/8 of the patch size].
    #[arg(long, value_name = "PX")]
    pub overlap: Option<usize>,

    /// Test-time augmentation: average over 1, 2, 4 or 8 flips and rotations of each patch. Run time grows in
    /// proportion [default: the model's].
    #[arg(long, value_name = "N")]
    pub views: Option<usize>,

    /// Patches per forward pass of the network.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub batch_size: u16,

    /// Threads that run the network [default: 2 on the CPU; 1 on other devices and with `onnxruntime` or `openvino`].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub num_workers: Option<u16>,

    /// Drop polygons smaller than this, in square metres (a pixel is 100).
    #[arg(long, value_name = "M2", default_value_t = 0.0, value_parser = area, allow_negative_numbers = true)]
    pub min_area: f64,

    /// Pixel connectivity of polygons: 4 joins pixels that share an edge, 8 also pixels that share only a corner.
    #[arg(long, default_value = "4", value_parser = ["4", "8"])]
    pub connectivity: String,

    /// Course of the polygons' outlines: along the edges of pixels, or along the contour of the probability at the threshold, which
    /// is finer than pixels.
    #[arg(long, default_value = "pixels", value_parser = ["pixels", "contour"])]
    pub outlines: String,

    /// Vector formats of the polygons.
    #[arg(long, value_delimiter = ',', default_value = "gpkg", value_name = "gpkg,geojson,fgb,parquet")]
    pub format: Vec<VectorFormat>,

    /// Map only this box: west,south,east,north in degrees. A box with west > east crosses the antimeridian.
    #[arg(long, value_name = "W,S,E,N", allow_hyphen_values = true, conflicts_with = "intersects")]
    pub bbox: Option<Bbox>,

    /// Map only inside the polygons of this file: GeoPackage, GeoJSON, KML, Shapefile, FlatGeobuf, GeoParquet, also zipped.
    #[arg(long, value_name = "FILE")]
    pub intersects: Option<PathBuf>,

    #[command(flatten)]
    pub incomplete: IncompleteArgs,

    /// Replace existing outputs.
    #[arg(long)]
    pub overwrite: bool,

    /// Print the summary as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Whether incomplete vector files are read.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct IncompleteArgs {
    /// Accept a vector file that states that it is incomplete, such as an answer that a server cut off.
    #[arg(long)]
    pub allow_incomplete: bool,
}

impl IncompleteArgs {
    /// Reads the polygons of a file, and their CRS. The third value is why the file is incomplete, by its own words.
    pub(crate) fn read_polygons(
        self,
        path: &Path,
    ) -> minesegsat::Result<(geo::MultiPolygon<f64>, Crs, Option<String>)> {
        if !self.allow_incomplete {
            return read_area(path).map(|(polygons, crs)| (polygons, crs, None));
        }
        let (polygons, crs, incomplete) = read_incomplete_area(path)?;
        if let Some(reason) = &incomplete {
            tracing::warn!("{}: the file is incomplete: {reason}", path.display());
        }
        Ok((polygons, crs, incomplete))
    }
}

/// Parses a number. Fails unless `accepts` returns true for it.
fn number(text: &str, accepts: impl Fn(f64) -> bool, expected: &str) -> Result<f64, String> {
    text.parse().ok().filter(|value| accepts(*value)).ok_or_else(|| format!("expected {expected}"))
}

fn probability(text: &str) -> Result<f32, String> {
    number(text, |p| (0.0..=1.0).contains(&p), "0 to 1")?;
    text.parse().map_err(|error| format!("{error}"))
}

fn area(text: &str) -> Result<f64, String> {
    number(text, |m2| m2.is_finite() && m2 >= 0.0, "square metres, 0 or more")
}

fn offset(text: &str) -> Result<f64, String> {
    number(text, f64::is_finite, "a number, normally 0 or -1000")
}

fn pixel_size(text: &str) -> Result<f64, String> {
    number(text, |m| m.is_finite() && m > 0.0, "metres above 0")
}

fn scale(text: &str) -> Result<f64, String> {
    number(text, |scale| scale.is_finite() && scale > 0.0, "a number above 0, normally 0.0001")
}

/// A value of missing pixels, or `none`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NodataValue(Option<f64>);

fn nodata(text: &str) -> Result<NodataValue, String> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(NodataValue(None));
    }
    text.parse().map(|value| NodataValue(Some(value))).map_err(|_| "expected a number, or none".to_owned())
}

/// The values that the user gives; `None` if the user gives neither values nor `none`.
pub(crate) fn nodata_values(given: &[NodataValue]) -> Option<Vec<f64>> {
    (!given.is_empty()).then(|| given.iter().filter_map(|value| value.0).collect())
}

/// A bounding box in degrees: west, south, east, north. West > east crosses the antimeridian.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bbox(pub [f64; 4]);

impl FromStr for Bbox {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text
            .split(',')
            .map(|part| part.trim().parse::<f64>())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| format!("{error}; expected west,south,east,north in degrees"))?;
        let bbox = <[f64; 4]>::try_from(numbers)
            .map_err(|given| format!("{} numbers given; expected west,south,east,north in degrees", given.len()))?;
        // Checked before any scene is opened.
        match minesegsat::area_of_interest::check_bbox(bbox) {
            Ok(bbox) => Ok(Self(bbox)),
            Err(minesegsat::Error::Argument { accepted, .. }) => Err(format!("expected {accepted}")),
            Err(other) => Err(other.to_string()),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ModelImportArgs {
    /// Checkpoint: a PyTorch `.pth` file, or a `.safetensors` file.
    pub checkpoint: PathBuf,

    /// Model folder to create.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Bands in the order of the input channels [default for 12 channels: the paper's order].
    #[arg(long, value_delimiter = ',', value_name = "BAND,...")]
    pub bands: Option<Vec<Band>>,

    /// Reflectance by which each band was divided in training, in the order of the bands [default: 1 for every band].
    #[arg(long, value_delimiter = ',', value_name = "R,...")]
    pub max_values: Option<Vec<f32>>,

    /// Attention heads per stage of a SegFormer; the weights do not contain them [default: 1,2,5,8].
    #[arg(long, value_delimiter = ',', value_name = "N,N,N,N")]
    pub num_heads: Option<Vec<usize>>,

    /// Width and height of a patch, in pixels.
    #[arg(long, value_name = "PX", default_value_t = 512)]
    pub patch_size: usize,

    /// Pixel size of the model's input, in metres.
    #[arg(long, value_name = "M", default_value_t = 10.0, value_parser = pixel_size)]
    pub gsd: f64,

    /// Probability threshold, 0 to 1: pixels at or above it count as mining-disturbed.
    #[arg(long, value_name = "P", default_value_t = 0.5, value_parser = probability, allow_negative_numbers = true)]
    pub threshold: f32,

    /// Title of the model [default: the checkpoint's name].
    #[arg(long)]
    pub title: Option<String>,

    /// Licence of the weights.
    #[arg(long, value_name = "SPDX")]
    pub licence: Option<String>,

    /// Class name of each output channel [default: mining, or background, mining, ...].
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    pub classes: Option<Vec<String>>,

    /// Description of the training data.
    #[arg(long, value_name = "TEXT")]
    pub training_data: Option<String>,

    /// Replace an existing model folder.
    #[arg(long)]
    pub overwrite: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ModelListArgs {
    /// Folder that contains model folders.
    #[arg(default_value = "models")]
    pub folder: PathBuf,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ModelShowArgs {
    /// Model folder [default: the model in the program].
    pub model: Option<PathBuf>,

    /// Print the card as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ModelVerifyArgs {
    /// Model folder [default: the model in the program].
    pub model: Option<PathBuf>,

    /// File with a recorded `input` and `logits` (safetensors) [default: the recording in the model folder].
    #[arg(long, value_name = "FORWARD.safetensors")]
    pub against: Option<PathBuf>,

    /// Largest accepted absolute difference between logits.
    #[arg(long, default_value_t = 1e-3)]
    pub tolerance: f32,

    #[command(flatten)]
    pub engine: EngineArgs,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ModelExportArgs {
    /// Model folder [default: the model in the program].
    pub model: Option<PathBuf>,

    /// File format.
    #[arg(long, value_enum, default_value_t = ExportFormat::Onnx)]
    pub format: ExportFormat,

    /// Output file.
    #[arg(short, long, value_name = "FILE.onnx")]
    pub output: PathBuf,

    /// Replace an existing file.
    #[arg(long)]
    pub overwrite: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// ONNX, operator set 17, with dynamic batch, height and width.
    Onnx,
}

#[derive(Debug, Args)]
pub(crate) struct ModelRandomArgs {
    /// Architecture: `paper`, `b0` to `b5`, or `unet`, `unetplusplus`, `deeplabv3plus` or `fpn` with `-resnet18`,
    /// `-resnet34` or `-resnet50`.
    #[arg(value_name = "NAME")]
    pub network: String,

    /// Model folder to create.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Bands in the order of the input channels [default: the paper's twelve].
    #[arg(long, value_delimiter = ',', value_name = "BAND,...")]
    pub bands: Option<Vec<Band>>,

    /// Seed of the random weights.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,

    /// Width and height of a patch, in pixels.
    #[arg(long, value_name = "PX", default_value_t = 512)]
    pub patch_size: usize,

    /// Replace an existing model folder.
    #[arg(long)]
    pub overwrite: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_bbox_of_three_numbers_says_what_is_expected() {
        assert!("1,2,3".parse::<Bbox>().unwrap_err().contains("west,south,east,north"));
        assert_eq!("-75.5, 37,-75,37.5".parse::<Bbox>().unwrap().0, [-75.5, 37.0, -75.0, 37.5]);
        assert_eq!("179.5,-17,-179.5,-16".parse::<Bbox>().unwrap().0, [179.5, -17.0, -179.5, -16.0]);
        for bad in ["3,2,1,4", "1,4,3,2", "NaN,1,2,3", "1,2,3,91", "170,0,190,1"] {
            assert!(bad.parse::<Bbox>().unwrap_err().contains("west < east"), "{bad}");
        }
    }
}
