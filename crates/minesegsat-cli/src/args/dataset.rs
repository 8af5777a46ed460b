//! Arguments of `minesegsat dataset`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use minesegsat::{
    Band,
    dataset::{MaskValues, Split},
    preview::Panel,
};

use super::{LabelArgs, number};

#[derive(Debug, Subcommand)]
pub(crate) enum DatasetCommand {
    /// Build patches and masks from scenes and labels.
    Build(Box<DatasetBuildArgs>),
    /// Split a data set into training, validation and test sets by location.
    Split(DatasetSplitArgs),
    /// Compute band statistics over the training split.
    Stats(DatasetStatsArgs),
    /// Import existing data: the paper's layout, or folders of images and masks.
    Import(DatasetImportArgs),
    /// Combine several data sets into one.
    Merge(DatasetMergeArgs),
    /// Write an HTML page for browsing a data set, and preview sheets of its samples.
    Preview(DatasetPreviewArgs),
    /// Print a summary of a data set.
    Info(DatasetInfoArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DatasetBuildArgs {
    /// Scenes in order of preference: scenes as for `predict`, ItemCollections, static catalogues, or folders of
    /// scenes.
    #[arg(long, required = true, num_args = 1.., value_name = "SCENE")]
    pub scenes: Vec<OsString>,

    /// Mine polygons: GeoPackage, Shapefile (also zipped), GeoJSON, FlatGeobuf or GeoParquet.
    #[arg(long, value_name = "FILE")]
    pub labels: PathBuf,

    /// Folder of the data set. Patches of an earlier run are kept if they are still valid.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Width and height of a patch, in pixels of the finest band.
    #[arg(long, value_name = "PX", default_value_t = 768)]
    pub patch_size: usize,

    /// Fraction of the data set that is patches without labels, at least 0 and below 1. 0.2 gives one such patch for
    /// every four with labels.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = negatives, allow_negative_numbers = true)]
    pub negatives: f64,

    /// Maximum cloud cover of a scene according to its metadata, in percent.
    #[arg(long, value_name = "PERCENT", value_parser = percent, allow_negative_numbers = true)]
    pub max_cloud_cover: Option<f64>,

    /// Minimum share of pixels with data in a patch, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = share, allow_negative_numbers = true)]
    pub min_data: f64,

    /// Fill clouded pixels of the preferred scene from the next scene that is clear there.
    #[arg(long)]
    pub fill_clouds: bool,

    /// Source of the masks of clouds and their shadows: `scl` (scene classification), `pixels` (spectral tests) or
    /// `none` [default: scl if a scene has one, else pixels].
    #[arg(long, value_name = "SOURCE", value_parser = super::cloud_mask())]
    pub cloud_mask: Option<minesegsat::scene::CloudMask>,

    /// Bands of the patches [default: all bands that every scene has].
    #[arg(long, value_delimiter = ',', value_name = "BAND,...")]
    pub bands: Option<Vec<Band>>,

    /// Offset added to every digital number before scaling, for all scenes: 0 or -1000 [default: determined from each
    /// scene].
    #[arg(long, value_name = "DN", value_parser = super::offset, allow_negative_numbers = true)]
    pub offset: Option<f64>,

    /// Reflectance per digital number, for all scenes: 0.0001 [default: determined from each scene].
    #[arg(long, value_name = "SCALE", value_parser = super::scale, allow_negative_numbers = true)]
    pub scale: Option<f64>,

    /// Values of missing pixels that the files do not declare, in digital numbers: `-9999`; or `none` [default: found in
    /// the pixels].
    #[arg(long, value_delimiter = ',', value_name = "VALUE,...", value_parser = super::nodata, allow_hyphen_values = true)]
    pub nodata: Vec<super::NodataValue>,

    /// Label attribute with the commodity [default: found by common names].
    #[arg(long, value_name = "NAME")]
    pub commodity_attribute: Option<String>,

    /// Seed for choosing patches without labels.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Title of the data set.
    #[arg(long, value_name = "TEXT", default_value = "Mining-disturbed land")]
    pub title: String,

    #[command(flatten)]
    pub label: LabelArgs,

    /// Print a JSON summary.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DatasetSplitArgs {
    /// Data set folder.
    pub dataset: PathBuf,

    /// Shares of training, validation and test, as three numbers.
    #[arg(long, value_name = "A,B,C", default_value = "70,15,15", value_parser = shares)]
    pub shares: [f64; 3],

    /// Also keep patches together whose centres lie in the same square of this size, in kilometres [default: none, or one that is
    /// chosen if a part would have no mines or a third of the patches would be left out].
    #[arg(long, value_name = "KM")]
    pub block_size: Option<f64>,

    /// Split only by the groups recorded in the samples.
    #[arg(long, conflicts_with = "block_size")]
    pub given_groups: bool,

    /// Seed for breaking ties.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DatasetStatsArgs {
    /// Data set folder.
    pub dataset: PathBuf,

    /// Use all samples, for a data set without a split.
    #[arg(long)]
    pub all: bool,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DatasetImportArgs {
    /// Folder in the paper's layout, with `dataset_splits.csv`.
    #[arg(required_unless_present = "images", conflicts_with_all = ["images", "masks", "index"])]
    pub source: Option<PathBuf>,

    /// Folder of multi-band images.
    #[arg(long, value_name = "DIR", requires = "masks")]
    pub images: Option<PathBuf>,

    /// Folder of masks with the same file names as the images.
    #[arg(long, value_name = "DIR", requires = "images")]
    pub masks: Option<PathBuf>,

    /// CSV file that lists the images, with a column chip, image, file, name or id. The columns mask, split, group,
    /// date and commodity are optional.
    #[arg(long, value_name = "FILE", requires = "images")]
    pub index: Option<PathBuf>,

    /// Folder for the description of the data set. The data stay where they are.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Bands of the images, in order [default: from the band descriptions, else the paper's twelve].
    #[arg(long, value_delimiter = ',', value_name = "BAND,...")]
    pub bands: Option<Vec<Band>>,

    /// Reflectance per digital number.
    #[arg(long, value_name = "SCALE", default_value_t = 1e-4, value_parser = super::scale, allow_negative_numbers = true)]
    pub scale: f64,

    /// Offset added to every digital number before scaling.
    #[arg(long, value_name = "DN", default_value_t = 0.0, value_parser = super::offset, allow_negative_numbers = true)]
    pub offset: f64,

    /// Meaning of the values in the masks: mining, other or ignore, for values such as `mining=255,other=0` or ranges such
    /// as `mining=0.5..1,other=0..0.5`. The first entry that fits decides [default: 0 other, 1 mining, 255 ignore].
    #[arg(long, value_name = "CLASS=VALUE,...")]
    pub mask_values: Option<MaskValues>,

    /// Title of the data set [default: the folder's name].
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,

    /// Replace an existing description.
    #[arg(long)]
    pub overwrite: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DatasetMergeArgs {
    /// Data set folders. The data sets must have the same classes. Sets in the paper's layout are combined with their like only.
    #[arg(required = true)]
    pub datasets: Vec<PathBuf>,

    /// Folder for the description of the combined data set. The data stay where they are.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Title of the data set [default: that of the first].
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,

    /// Keep every band that any set has. Training fills bands that a sample lacks with the mean.
    #[arg(long)]
    pub all_bands: bool,

    /// Replace an existing description.
    #[arg(long)]
    pub overwrite: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DatasetPreviewArgs {
    /// Data set folder.
    pub dataset: PathBuf,

    /// HTML file to write; it is self-contained.
    #[arg(short, long, value_name = "FILE.html")]
    pub output: PathBuf,

    /// Folder for preview sheets, one PNG file per sample.
    #[arg(long, value_name = "DIR")]
    pub sheets: Option<PathBuf>,

    /// Panels of the sheets: true-colour, swir, false-colour, ndvi, ndbi, ndwi, bsi, mask, classification [default: all
    /// panels for which the data set has the bands].
    #[arg(long, value_delimiter = ',', value_name = "PANEL,...")]
    pub panels: Option<Vec<Panel>>,

    /// Show only the samples of this split.
    #[arg(long, value_name = "SPLIT")]
    pub split: Option<Split>,

    /// Maximum number of samples, spread evenly over the data set.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_items: u32,

    /// Longer side of a panel of the preview sheets, in pixels.
    #[arg(long, value_name = "PX", default_value_t = 512, value_parser = clap::value_parser!(u16).range(64..=4096))]
    pub size: u16,

    /// Replace existing files.
    #[arg(long)]
    pub overwrite: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DatasetInfoArgs {
    /// Data set folder.
    pub dataset: PathBuf,

    /// Print the card as JSON.
    #[arg(long)]
    pub json: bool,
}

fn share(text: &str) -> Result<f64, String> {
    number(text, |share| (0.0..=1.0).contains(&share), "0 to 1")
}

fn negatives(text: &str) -> Result<f64, String> {
    number(text, |share| (0.0..1.0).contains(&share), "a number of at least 0 and below 1")
}

fn shares(text: &str) -> Result<[f64; 3], String> {
    let numbers: Vec<f64> = text
        .split(',')
        .map(|part| number(part.trim(), |share| share.is_finite() && share >= 0.0, "numbers, 0 or more"))
        .collect::<Result<_, _>>()?;
    let count = numbers.len();
    numbers.try_into().map_err(|_| format!("{count} numbers given; expected three: training, validation, test"))
}

fn percent(text: &str) -> Result<f64, String> {
    number(text, |percent| (0.0..=100.0).contains(&percent), "0 to 100")
}
