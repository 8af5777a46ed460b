//! What the command line accepts.

mod area_sample;
mod catalog;
mod change;
mod dataset;
mod demo;
mod engine;
mod evaluate;
mod evidence;
mod labels;
mod monitor;
mod preview;
mod report;
mod serve;
mod simulate;
mod sites;
mod train;

use std::{path::PathBuf, str::FromStr};

use clap::{Args, Parser, Subcommand, ValueEnum};
use minesegsat::{Band, vector::VectorFormat};

pub(crate) use self::area_sample::{AreaSampleCommand, AreaSampleDesignArgs, AreaSampleEstimateArgs};
pub(crate) use self::catalog::{DownloadArgs, SearchArgs};
pub(crate) use self::change::{ChangeArgs, NoiseFloorArgs, TimelineArgs};
pub(crate) use self::demo::DemoArgs;
pub(crate) use self::engine::{EngineArgs, EngineName};
pub(crate) use self::evidence::{
    EvidenceArgs, EvidenceCommand, EvidenceKeygenArgs, EvidencePackArgs, EvidenceVerifyArgs,
};
pub(crate) use self::monitor::{MonitorAlertsArgs, MonitorCommand, MonitorRunArgs, MonitorWatchArgs};
pub(crate) use self::report::ReportArgs;
pub(crate) use self::serve::{JobArgs, ServeArgs};
pub(crate) use self::simulate::SimulateArgs;
pub(crate) use self::sites::{
    BoundaryArgs, SitesAddArgs, SitesCommand, SitesEditArgs, SitesExportArgs, SitesImportArgs, SitesListArgs,
    SitesPermitArgs, SitesRemoveArgs, SitesShowArgs, TermsArgs,
};
pub(crate) use self::train::{BenchArchitecturesArgs, TrainArgs};
pub(crate) use dataset::{
    DatasetBuildArgs, DatasetCommand, DatasetImportArgs, DatasetInfoArgs, DatasetMergeArgs, DatasetPreviewArgs,
    DatasetSplitArgs, DatasetStatsArgs,
};
pub(crate) use evaluate::{CalibrateArgs, EvaluateArgs, ProtocolArg, ThresholdArg};
pub(crate) use labels::{LabelArgs, LabelsCommand, LabelsInfoArgs, LabelsRasterizeArgs};
pub(crate) use preview::ScenePreviewArgs;

/// See how much land mining disturbs: a Sentinel-2 scene in, polygons out.
#[derive(Debug, Parser)]
#[command(name = "minesegsat", version, max_term_width = 110, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,

    /// Print errors only.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Print more; twice for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Find scenes in a STAC API, a static catalogue or an ItemCollection.
    Search(Box<SearchArgs>),
    /// Download scenes, whole or clipped to an area.
    Download(Box<DownloadArgs>),
    /// Look at Sentinel-2 scenes.
    #[command(subcommand)]
    Scene(SceneCommand),
    /// Look at labels, and make masks of them.
    #[command(subcommand)]
    Labels(LabelsCommand),
    /// Make, divide and measure training sets.
    #[command(subcommand)]
    Dataset(DatasetCommand),
    /// Manage models.
    #[command(subcommand)]
    Model(ModelCommand),
    /// Show everything once, from nothing: simulate, train, map, compare with the truth.
    Demo(DemoArgs),
    /// Train a network on a data set.
    Train(Box<TrainArgs>),
    /// Train and measure a list of networks under one budget.
    BenchArchitectures(Box<BenchArchitecturesArgs>),
    /// Measure a model on a part of a data set, beside maps that need no network, and write a report.
    Evaluate(Box<EvaluateArgs>),
    /// Fit a model's temperature and threshold to the validation split, and write them to its card.
    Calibrate(CalibrateArgs),
    /// Map mining-disturbed land in a scene.
    Predict(Box<PredictArgs>),
    /// Find out how much there really is, and how sure that is, from points of a map that somebody looks at.
    #[command(subcommand)]
    AreaSample(AreaSampleCommand),
    /// Find where disturbed land was gained and lost between two dates.
    Change(Box<ChangeArgs>),
    /// Learn from sites that did not change how much change is noise.
    NoiseFloor(NoiseFloorArgs),
    /// Follow sites over many dates.
    Timeline(Box<TimelineArgs>),
    /// Keep the register of sites, permits and observations.
    #[command(subcommand)]
    Sites(SitesCommand),
    /// Watch the sites of a register: find new scenes, map, compare, judge, tell.
    #[command(subcommand)]
    Monitor(MonitorCommand),
    /// Write a page on a site, or on all.
    Report(Box<ReportArgs>),
    /// Pack what a verdict stands on, signed; and check such a pack.
    Evidence(Box<EvidenceArgs>),
    /// Show a register and its maps in the browser, and to other programs: a map page, OGC API Features, STAC API, tiles.
    Serve(Box<ServeArgs>),
    /// Make scenes of an invented landscape with mines whose truth is known to the pixel.
    Simulate(SimulateArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum SceneCommand {
    /// Print what a scene is: sensor, date, bands, grids, radiometry, cloud.
    Info(SceneInfoArgs),
    /// Draw a sheet of a scene: composites, indices, classification, outlines of polygons.
    Preview(Box<ScenePreviewArgs>),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Make a model folder from a checkpoint (.pth or .safetensors).
    Import(ModelImportArgs),
    /// List the models in a folder.
    List(ModelListArgs),
    /// Print a model's card.
    Show(ModelShowArgs),
    /// Check a model's weights, and its answers against recorded ones.
    Verify(ModelVerifyArgs),
    /// Write a model as a file that other programs run.
    Export(ModelExportArgs),
    /// Make an untrained model with random weights, for tests and benchmarks.
    Random(ModelRandomArgs),
}

/// How a scene is opened.
#[derive(Debug, Args)]
pub(crate) struct SceneArgs {
    /// A folder of one-band files, a SAFE product (folder or zip), a STAC item (file or URL), or a multi-band GeoTIFF.
    pub scene: String,

    /// Bands of a multi-band GeoTIFF in file order, when the file does not name them: `B02,B03,B04`.
    #[arg(long, value_delimiter = ',', value_name = "BAND,...")]
    pub bands: Option<Vec<Band>>,

    /// Let one band stand in for a missing one: `B8A=B08`. Recorded as a warning.
    #[arg(long, value_delimiter = ',', value_name = "MISSING=BAND,...")]
    pub substitute: Vec<Substitution>,

    /// Offset added to every digital number before scaling, instead of the one the program decides on: 0 or -1000.
    #[arg(long, value_name = "DN", value_parser = offset, allow_negative_numbers = true)]
    pub offset: Option<f64>,

    /// Reflectance per digital number, instead of the one the program decides on: 0.0001.
    #[arg(long, value_name = "SCALE", value_parser = scale, allow_negative_numbers = true)]
    pub scale: Option<f64>,

    /// MGRS tile to take from an old SAFE product that holds several: `53HLA`.
    #[arg(long, value_name = "TILE")]
    pub tile: Option<String>,

    /// Treat snow (class 11) as not assessable, too.
    #[arg(long)]
    pub mask_snow: bool,
}

/// `B8A=B08`.
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

    /// Model folder (`model.safetensors` and `model.json`).
    #[arg(short, long, value_name = "DIR")]
    pub model: PathBuf,

    /// Folder to write into.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    #[command(flatten)]
    pub engine: EngineArgs,

    /// Pixels of at least this probability are mining-disturbed [default: the model's].
    #[arg(long, value_name = "P", value_parser = probability, allow_negative_numbers = true)]
    pub threshold: Option<f32>,

    /// Width and height of a patch, in pixels [default: the model's].
    #[arg(long, value_name = "PX")]
    pub patch_size: Option<usize>,

    /// Overlap of neighbouring patches, in pixels [default: an eighth of the patch].
    #[arg(long, value_name = "PX")]
    pub overlap: Option<usize>,

    /// Symmetries of the square that each patch is seen in, 1, 2, 4 or 8: the better map takes that many times as long
    /// [default: the model's].
    #[arg(long, value_name = "N")]
    pub views: Option<usize>,

    /// Patches given to the network at once.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub batch_size: u16,

    /// Patches in the network at the same time [default: 2 on the CPU, 1 elsewhere and in `onnxruntime` and `openvino`].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub num_workers: Option<u16>,

    /// Leave out polygons of a smaller area, in square metres (a pixel is 100).
    #[arg(long, value_name = "M2", default_value_t = 0.0, value_parser = area, allow_negative_numbers = true)]
    pub min_area: f64,

    /// Whether pixels that touch at a corner only belong together (8) or not (4).
    #[arg(long, default_value = "4", value_parser = ["4", "8"])]
    pub connectivity: String,

    /// Formats of the polygons.
    #[arg(long, value_delimiter = ',', default_value = "gpkg", value_name = "gpkg,geojson,fgb,parquet")]
    pub format: Vec<VectorFormat>,

    /// Only this part of the scene: west,south,east,north in degrees.
    #[arg(long, value_name = "W,S,E,N", allow_hyphen_values = true, conflicts_with = "intersects")]
    pub bbox: Option<Bbox>,

    /// Only the polygons in this file (GeoJSON, GeoPackage, FlatGeobuf).
    #[arg(long, value_name = "FILE")]
    pub intersects: Option<PathBuf>,

    /// Replace existing outputs.
    #[arg(long)]
    pub overwrite: bool,

    /// Print the summary as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Parses a number that `accepts` holds for.
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

/// West, south, east, north.
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
        let [west, south, east, north] = bbox;
        // Checked here, before a scene is opened for it. One across the antimeridian has to be given as two.
        let in_range =
            (-180.0..=180.0).contains(&west) && (-90.0..=90.0).contains(&south) && east <= 180.0 && north <= 90.0;
        if !(in_range && west < east && south < north) {
            return Err("expected west,south,east,north in degrees, with west < east and south < north".to_owned());
        }
        Ok(Self(bbox))
    }
}

#[derive(Debug, Args)]
pub(crate) struct ModelImportArgs {
    /// Checkpoint: `.pth` as PyTorch saves it, or `.safetensors`.
    pub checkpoint: PathBuf,

    /// Folder to make.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Bands in the order of the input channels [default for 12 channels: the paper's order].
    #[arg(long, value_delimiter = ',', value_name = "BAND,...")]
    pub bands: Option<Vec<Band>>,

    /// Reflectance that each band was divided by in training, in the order of the bands [default: 1, reflectance as it is].
    #[arg(long, value_delimiter = ',', value_name = "R,...")]
    pub max_values: Option<Vec<f32>>,

    /// Heads per stage of a SegFormer, which the weights do not tell [default: 1,2,5,8].
    #[arg(long, value_delimiter = ',', value_name = "N,N,N,N")]
    pub num_heads: Option<Vec<usize>>,

    /// Width and height of a patch, in pixels.
    #[arg(long, value_name = "PX", default_value_t = 512)]
    pub patch_size: usize,

    /// Size of a pixel of its input, in metres.
    #[arg(long, value_name = "M", default_value_t = 10.0, value_parser = pixel_size)]
    pub gsd: f64,

    /// Pixels of at least this probability count as mining-disturbed.
    #[arg(long, value_name = "P", default_value_t = 0.5, value_parser = probability, allow_negative_numbers = true)]
    pub threshold: f32,

    /// Title of the card [default: the checkpoint's name].
    #[arg(long)]
    pub title: Option<String>,

    /// Licence of the weights.
    #[arg(long, value_name = "SPDX")]
    pub licence: Option<String>,

    /// Name of each output channel [default: mining, or background, mining, ...].
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    pub classes: Option<Vec<String>>,

    /// What the model was trained on.
    #[arg(long, value_name = "TEXT")]
    pub training_data: Option<String>,

    /// Replace an existing model folder.
    #[arg(long)]
    pub overwrite: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ModelListArgs {
    /// Folder that holds model folders.
    #[arg(default_value = "models")]
    pub folder: PathBuf,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ModelShowArgs {
    /// Model folder.
    pub model: PathBuf,

    /// Print the card as it is.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ModelVerifyArgs {
    /// Model folder.
    pub model: PathBuf,

    /// Recorded `input` and `logits` (safetensors) [default: those the model folder carries].
    #[arg(long, value_name = "FORWARD.safetensors")]
    pub against: Option<PathBuf>,

    /// Largest accepted difference between logits.
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
    /// Model folder.
    pub model: PathBuf,

    /// Format of the file.
    #[arg(long, value_enum, default_value_t = ExportFormat::Onnx)]
    pub format: ExportFormat,

    /// File to write.
    #[arg(short, long, value_name = "FILE.onnx")]
    pub output: PathBuf,

    /// Replace an existing file.
    #[arg(long)]
    pub overwrite: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// ONNX, operators of version 17; batch, height and width are free.
    Onnx,
}

#[derive(Debug, Args)]
pub(crate) struct ModelRandomArgs {
    /// Architecture: `paper`, `b0` to `b5`, or `unet`, `unetplusplus`, `deeplabv3plus` or `fpn` with `-resnet18`,
    /// `-resnet34` or `-resnet50`.
    #[arg(value_name = "NAME")]
    pub network: String,

    /// Folder to make.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Bands in the order of the input channels [default: the paper's twelve].
    #[arg(long, value_delimiter = ',', value_name = "BAND,...")]
    pub bands: Option<Vec<Band>>,

    /// Seed of the weights.
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
        for bad in ["3,2,1,4", "1,4,3,2", "NaN,1,2,3", "1,2,3,91", "170,0,190,1"] {
            assert!(bad.parse::<Bbox>().unwrap_err().contains("west < east"), "{bad}");
        }
    }
}
