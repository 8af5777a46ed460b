//! Arguments about data sets.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use minesegsat::{Band, dataset::Split, preview::Panel};

use super::{LabelArgs, number};

#[derive(Debug, Subcommand)]
pub(crate) enum DatasetCommand {
    /// Cut patches and masks from scenes and labels.
    Build(Box<DatasetBuildArgs>),
    /// Divide a data set into training, validation and test by place.
    Split(DatasetSplitArgs),
    /// Measure the bands over the training split.
    Stats(DatasetStatsArgs),
    /// Describe data that exist already: the paper's layout, or folders of images and masks.
    Import(DatasetImportArgs),
    /// Describe several data sets as one.
    Merge(DatasetMergeArgs),
    /// Make a page to leaf through a data set, and pictures of its samples.
    Preview(DatasetPreviewArgs),
    /// Print what a data set is.
    Info(DatasetInfoArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DatasetBuildArgs {
    /// Scenes in their order of preference: a scene as `predict` takes it, an ItemCollection, a static catalogue, or a folder of
    /// scenes.
    #[arg(long, required = true, num_args = 1.., value_name = "SCENE")]
    pub scenes: Vec<String>,

    /// Polygons of mines: GeoPackage, Shapefile (also zipped), GeoJSON, FlatGeobuf or GeoParquet.
    #[arg(long, value_name = "FILE")]
    pub labels: PathBuf,

    /// Folder of the data set. What an earlier run made there is kept where it still holds.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Width and height of a patch in pixels of the finest band.
    #[arg(long, value_name = "PX", default_value_t = 768)]
    pub patch_size: usize,

    /// Share of the set that patches without any label make up: 0.2 gives one such patch for every four with labels.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = negatives, allow_negative_numbers = true)]
    pub negatives: f64,

    /// Leave out scenes whose metadata state more cloud than this.
    #[arg(long, value_name = "PERCENT", value_parser = percent, allow_negative_numbers = true)]
    pub max_cloud_cover: Option<f64>,

    /// Leave out patches with data in less than this share of their pixels.
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = share, allow_negative_numbers = true)]
    pub min_data: f64,

    /// Where the preferred scene is clouded, take the next that is clear.
    #[arg(long)]
    pub fill_clouds: bool,

    /// Bands of the patches [default: all that every scene has].
    #[arg(long, value_delimiter = ',', value_name = "BAND,...")]
    pub bands: Option<Vec<Band>>,

    /// Offset added to the digital numbers of all scenes, instead of the one the program decides on: 0 or -1000.
    #[arg(long, value_name = "DN", value_parser = super::offset, allow_negative_numbers = true)]
    pub offset: Option<f64>,

    /// Attribute of the labels that names the commodity [default: one that is called so].
    #[arg(long, value_name = "NAME")]
    pub commodity_attribute: Option<String>,

    /// Chooses among the patches without labels.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Name of the data set.
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
    /// Data set.
    pub dataset: PathBuf,

    /// Shares of training, validation and test.
    #[arg(long, value_name = "A,B,C", default_value = "70,15,15", value_parser = shares)]
    pub shares: [f64; 3],

    /// Also join patches whose centres lie in the same square of this size.
    #[arg(long, value_name = "KM")]
    pub block_size: Option<f64>,

    /// Divide by the groups that the samples name, and by nothing else.
    #[arg(long, conflicts_with = "block_size")]
    pub given_groups: bool,

    /// Decides between equals.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DatasetStatsArgs {
    /// Data set.
    pub dataset: PathBuf,

    /// Measure all samples, for a set that is not split.
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

    /// Folder of images of several bands.
    #[arg(long, value_name = "DIR", requires = "masks")]
    pub images: Option<PathBuf>,

    /// Folder of masks named like the images.
    #[arg(long, value_name = "DIR", requires = "images")]
    pub masks: Option<PathBuf>,

    /// CSV file that lists the images: a column chip, image, file, name or id; perhaps mask, split, group, date, commodity.
    #[arg(long, value_name = "FILE", requires = "images")]
    pub index: Option<PathBuf>,

    /// Folder to describe the data in. The data stay where they are.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Bands of the images in their order [default: their descriptions; the paper's twelve].
    #[arg(long, value_delimiter = ',', value_name = "BAND,...")]
    pub bands: Option<Vec<Band>>,

    /// Reflectance per digital number.
    #[arg(long, value_name = "SCALE", default_value_t = 1e-4, value_parser = super::scale, allow_negative_numbers = true)]
    pub scale: f64,

    /// Offset added to every digital number before scaling.
    #[arg(long, value_name = "DN", default_value_t = 0.0, value_parser = super::offset, allow_negative_numbers = true)]
    pub offset: f64,

    /// Name of the data set [default: the folder's].
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,

    /// Replace an existing description.
    #[arg(long)]
    pub overwrite: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DatasetMergeArgs {
    /// Data sets, of the same classes and kind.
    #[arg(required = true)]
    pub datasets: Vec<PathBuf>,

    /// Folder to describe them in. The data stay where they are.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Name of the data set [default: the first one's].
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,

    /// Replace an existing description.
    #[arg(long)]
    pub overwrite: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DatasetPreviewArgs {
    /// Data set.
    pub dataset: PathBuf,

    /// Page to write: one HTML file with everything in it.
    #[arg(short, long, value_name = "FILE.html")]
    pub output: PathBuf,

    /// Folder for a sheet of panels per sample, as PNG files.
    #[arg(long, value_name = "DIR")]
    pub sheets: Option<PathBuf>,

    /// Panels of the sheets: true-colour, swir, false-colour, ndvi, ndbi, ndwi, bsi, mask, classification [default: all that
    /// can be drawn].
    #[arg(long, value_delimiter = ',', value_name = "PANEL,...")]
    pub panels: Option<Vec<Panel>>,

    /// Only the samples of this part.
    #[arg(long, value_name = "SPLIT")]
    pub split: Option<Split>,

    /// At most so many samples, spread over the set.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_items: u32,

    /// Longer side of a panel of the sheets, in pixels.
    #[arg(long, value_name = "PX", default_value_t = 512, value_parser = clap::value_parser!(u16).range(64..=4096))]
    pub size: u16,

    /// Replace existing files.
    #[arg(long)]
    pub overwrite: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DatasetInfoArgs {
    /// Data set.
    pub dataset: PathBuf,

    /// Print the card as it is.
    #[arg(long)]
    pub json: bool,
}

fn share(text: &str) -> Result<f64, String> {
    number(text, |share| (0.0..=1.0).contains(&share), "0 to 1")
}

fn negatives(text: &str) -> Result<f64, String> {
    number(text, |share| (0.0..1.0).contains(&share), "0 up to, but not, 1")
}

fn shares(text: &str) -> Result<[f64; 3], String> {
    let numbers: Vec<f64> = text
        .split(',')
        .map(|part| number(part.trim(), |share| share.is_finite() && share >= 0.0, "numbers, 0 or more"))
        .collect::<Result<_, _>>()?;
    let count = numbers.len();
    numbers.try_into().map_err(|_| format!("{count} numbers given; expected those of training, validation and test"))
}

fn percent(text: &str) -> Result<f64, String> {
    number(text, |percent| (0.0..=100.0).contains(&percent), "0 to 100")
}
