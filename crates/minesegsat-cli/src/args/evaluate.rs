//! What `evaluate` and `calibrate` accept.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use minesegsat::dataset::Split;

use super::EngineArgs;

#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    /// Model folder (`model.safetensors` and `model.json`).
    #[arg(short, long, value_name = "DIR")]
    pub model: PathBuf,

    /// Data set, with a split.
    #[arg(short, long, value_name = "DIR")]
    pub dataset: PathBuf,

    /// Part of the data set to measure on.
    #[arg(long, value_name = "SPLIT", default_value = "test")]
    pub split: Split,

    /// What is looked at: whole patches with all pixels pooled, or as the paper has it: central crops of 512 pixels, a
    /// threshold of 0.5, and the mean over patches.
    #[arg(long, value_enum, default_value_t = ProtocolArg::Full)]
    pub protocol: ProtocolArg,

    /// Pixels of at least this probability are taken for mines; `auto` takes the best of the validation split [default: the
    /// model's; 0.5 for the paper's protocol].
    #[arg(long, value_name = "auto|P", allow_negative_numbers = true)]
    pub threshold: Option<ThresholdArg>,

    #[command(flatten)]
    pub engine: EngineArgs,

    /// Width and height of the windows that patches are cut into, in pixels [default: the model's patch].
    #[arg(long, value_name = "PX")]
    pub patch_size: Option<usize>,

    /// Overlap of neighbouring windows, in pixels [default: an eighth of the window].
    #[arg(long, value_name = "PX")]
    pub overlap: Option<usize>,

    /// Symmetries of the square that each patch is seen in, 1, 2, 4 or 8: the better map takes that many times as long
    /// [default: the model's].
    #[arg(long, value_name = "N")]
    pub views: Option<usize>,

    /// Draws of the bootstrap that the intervals come from.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub resamples: u32,

    /// Seed of the bootstrap.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Pictures of the best, the median and the worst patches, so many each.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub pictures: u8,

    /// Also write the probabilities of every patch as a float32 GeoTIFF.
    #[arg(long)]
    pub write_probabilities: bool,

    /// Folder to write into.
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
    /// Whole patches, all pixels pooled.
    Full,
    /// The paper's.
    Paper,
}

/// `auto` or a probability.
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
        super::probability(text).map(Self::Probability).map_err(|_| "expected `auto`, or 0 to 1".to_owned())
    }
}

#[derive(Debug, Args)]
pub(crate) struct CalibrateArgs {
    /// Model folder, whose card is changed.
    #[arg(short, long, value_name = "DIR")]
    pub model: PathBuf,

    /// Data set, with a split.
    #[arg(short, long, value_name = "DIR")]
    pub dataset: PathBuf,

    /// Part of the data set to fit to: val, or train.
    #[arg(long, value_name = "SPLIT", default_value = "val", value_parser = not_test)]
    pub split: Split,

    /// Device of the network: `cpu`, `cuda:0`, `vulkan:0`.
    #[arg(long, default_value = "cpu")]
    pub device: String,

    /// Width and height of the windows that patches are cut into, in pixels [default: the model's patch].
    #[arg(long, value_name = "PX")]
    pub patch_size: Option<usize>,

    /// Overlap of neighbouring windows, in pixels [default: an eighth of the window].
    #[arg(long, value_name = "PX")]
    pub overlap: Option<usize>,

    /// Keep the threshold of the card, and fit the temperature alone.
    #[arg(long)]
    pub keep_threshold: bool,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What is fitted to the test split cannot be measured on it.
fn not_test(text: &str) -> Result<Split, String> {
    match text.parse::<Split>() {
        Ok(split @ (Split::Train | Split::Val)) => Ok(split),
        _ => Err("expected val or train: what is fitted to the test split cannot be measured on it".to_owned()),
    }
}
