//! Arguments of `minesegsat evaluate` and `calibrate`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use minesegsat::dataset::Split;

use super::EngineArgs;

#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    /// Model folder (`model.safetensors` and `model.json`) [default: the model in the program].
    #[arg(short, long, value_name = "DIR")]
    pub model: Option<PathBuf>,

    /// Data set folder; it must be split.
    #[arg(short, long, value_name = "DIR")]
    pub dataset: PathBuf,

    /// Split to evaluate on.
    #[arg(long, value_name = "SPLIT", default_value = "test")]
    pub split: Split,

    /// Evaluation protocol.
    #[arg(long, value_enum, default_value_t = ProtocolArg::Full)]
    pub protocol: ProtocolArg,

    /// Probability threshold, 0 to 1: pixels at or above it count as mines. `auto` uses the best threshold of the
    /// validation split [default: the model's; 0.5 for the paper's protocol].
    #[arg(long, value_name = "auto|P", allow_negative_numbers = true)]
    pub threshold: Option<ThresholdArg>,

    #[command(flatten)]
    pub engine: EngineArgs,

    /// Width and height of the windows that patches are cut into, in pixels [default: the model's patch size].
    #[arg(long, value_name = "PX")]
    pub patch_size: Option<usize>,

    /// Overlap of neighbouring windows, in pixels [default: 1/8 of the window].
    #[arg(long, value_name = "PX")]
    pub overlap: Option<usize>,

    /// Test-time augmentation: average over 1, 2, 4 or 8 flips and rotations of each patch. Run time grows in
    /// proportion [default: the model's].
    #[arg(long, value_name = "N")]
    pub views: Option<usize>,

    /// Number of bootstrap resamples for the confidence intervals.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub resamples: u32,

    /// Seed of the bootstrap.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Number of pictures for each group of patches: best, median and worst.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub pictures: u8,

    /// Also write the probabilities of every patch to a float32 GeoTIFF.
    #[arg(long)]
    pub write_probabilities: bool,

    /// Also measure how much the map changes under shifts, other light, another scale, offsets of reflectance, and missing
    /// bands. Each patch is mapped up to 18 times.
    #[arg(long)]
    pub stability: bool,

    /// Number of patches for `--stability`, drawn with the seed [default: all].
    #[arg(long, value_name = "N", requires = "stability", value_parser = clap::value_parser!(u32).range(1..))]
    pub samples: Option<u32>,

    /// Also measure false land on ground without mines: hectares and polygons per 1000 km2, and the share of patches with
    /// false land. Every patch of the split must be without mines.
    #[arg(long)]
    pub negatives: bool,

    /// Leave out patches with mines from `--negatives`.
    #[arg(long, requires = "negatives")]
    pub skip_mines: bool,

    /// Smallest area of a polygon that `--negatives` counts, in square metres (a pixel is 100) [default: 0].
    #[arg(long, value_name = "M2", requires = "negatives", value_parser = super::area, allow_negative_numbers = true)]
    pub min_area: Option<f64>,

    /// Raster of land cover classes, such as ESA WorldCover, in any CRS: `--negatives` has figures for each class. Repeat the
    /// option for several files.
    #[arg(long, value_name = "FILE", requires = "negatives")]
    pub cover: Vec<PathBuf>,

    /// Names of the classes of `--cover` [default: those of ESA WorldCover if all file names contain `WorldCover`].
    #[arg(long, value_delimiter = ',', value_name = "VALUE=NAME,...", requires = "cover", value_parser = cover_class)]
    pub cover_classes: Vec<(i32, String)>,

    /// Output folder.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Replace an existing evaluation.
    #[arg(long)]
    pub overwrite: bool,

    /// Print the metrics as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProtocolArg {
    /// Whole patches, with all pixels pooled.
    Full,
    /// The paper's protocol: central crops of 512 pixels, a threshold of 0.5, and the mean over patches.
    Paper,
}

/// Parses `10=forest`.
fn cover_class(text: &str) -> Result<(i32, String), String> {
    let expected = "expected VALUE=NAME with a whole number as value, such as 10=forest";
    let (value, name) = text.split_once('=').ok_or(expected)?;
    Ok((value.trim().parse().map_err(|_| expected)?, name.trim().to_owned()))
}

/// A probability threshold, or `auto`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ThresholdArg {
    Auto,
    Probability(f32),
}

impl FromStr for ThresholdArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        super::probability(text)
            .map(Self::Probability)
            .map_err(|_| "expected `auto` or a number from 0 to 1".to_owned())
    }
}

#[derive(Debug, Args)]
pub(crate) struct CalibrateArgs {
    /// Model folder; its card is updated.
    #[arg(short, long, value_name = "DIR")]
    pub model: PathBuf,

    /// Data set folder; it must be split.
    #[arg(short, long, value_name = "DIR")]
    pub dataset: PathBuf,

    /// Split to fit on: val or train.
    #[arg(long, value_name = "SPLIT", default_value = "val", value_parser = not_test)]
    pub split: Split,

    /// Device: `cpu`, `cuda:0` or `vulkan:0`.
    #[arg(long, default_value = "cpu")]
    pub device: String,

    /// Width and height of the windows that patches are cut into, in pixels [default: the model's patch size].
    #[arg(long, value_name = "PX")]
    pub patch_size: Option<usize>,

    /// Overlap of neighbouring windows, in pixels [default: 1/8 of the window].
    #[arg(long, value_name = "PX")]
    pub overlap: Option<usize>,

    /// Keep the card's threshold; fit only the temperature and the area error.
    #[arg(long)]
    pub keep_threshold: bool,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Parses a split other than the test split: a model fitted on the test split cannot be evaluated on it.
fn not_test(text: &str) -> Result<Split, String> {
    match text.parse::<Split>() {
        Ok(split @ (Split::Train | Split::Val)) => Ok(split),
        _ => Err("expected val or train; a model fitted on the test split cannot be evaluated on it".to_owned()),
    }
}
