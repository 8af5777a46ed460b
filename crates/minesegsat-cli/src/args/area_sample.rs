//! Arguments of `minesegsat area-sample`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use minesegsat::area_sample::{Allocation, DesignOptions, EstimateOptions, SampleSize};

use super::number;

#[derive(Debug, Subcommand)]
pub(crate) enum AreaSampleCommand {
    /// Draw a stratified random sample of points from a map, for a person to check.
    Design(AreaSampleDesignArgs),
    /// Estimate areas and accuracies, with confidence intervals, from the checked points.
    Estimate(AreaSampleEstimateArgs),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("size").required(true))]
pub(crate) struct AreaSampleDesignArgs {
    /// Class map, a uint8 GeoTIFF such as `mask.tif` of `predict`. 255 and nodata are left out.
    pub map: OsString,

    /// Output folder to create.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Class names of the map values [default: 0=other,1=mining].
    #[arg(long, value_delimiter = ',', value_name = "VALUE=NAME,...", value_parser = class)]
    pub classes: Vec<(u8, String)>,

    /// Other map values to leave out.
    #[arg(long, value_delimiter = ',', value_name = "VALUE,...")]
    pub exclude: Vec<u8>,

    /// Put class 0 within this many pixels of another class into a separate stratum. Most missed mines lie there.
    #[arg(long, value_name = "PX", default_value_t = 0)]
    pub buffer: usize,

    /// Number of points.
    #[arg(long, value_name = "N", group = "size")]
    pub samples: Option<u64>,

    /// Choose the number of points for this standard error of overall accuracy, given the expected accuracies: 0.01.
    #[arg(long, value_name = "SE", group = "size", value_parser = target_error, allow_negative_numbers = true)]
    pub target_error: Option<f64>,

    /// Expected user's accuracies of classes or strata: `mining=0.7,other=0.98` [default: 0.8].
    #[arg(long, value_delimiter = ',', value_name = "NAME=U,...", value_parser = accuracy)]
    pub expected_accuracy: Vec<(String, f64)>,

    /// Allocation of points beyond the minimum: proportional (to area), equal, or neyman (area times expected standard
    /// deviation).
    #[arg(long, value_name = "RULE", default_value_t = Allocation::Proportional)]
    pub allocation: Allocation,

    /// Minimum number of points per stratum, for rare classes.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub min_per_stratum: u64,

    /// Seed of the sample. The same seed draws the same points.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,

    /// Omit strata and map classes from the files to fill in, so that they cannot influence the person.
    #[arg(long)]
    pub blind: bool,

    /// Replace an earlier design in the same folder.
    #[arg(long)]
    pub overwrite: bool,

    /// Print the design as JSON.
    #[arg(long)]
    pub json: bool,
}

impl AreaSampleDesignArgs {
    /// The options of the command line.
    pub(crate) fn options(&self) -> DesignOptions {
        let defaults = DesignOptions::default();
        DesignOptions {
            classes: self.classes.clone(),
            exclude: self.exclude.clone(),
            buffer_px: self.buffer,
            size: match (self.samples, self.target_error) {
                (Some(count), _) => SampleSize::Samples(count),
                (None, Some(target)) => SampleSize::TargetError(target),
                (None, None) => defaults.size,
            },
            expected_accuracy: self.expected_accuracy.clone(),
            allocation: self.allocation,
            min_per_stratum: self.min_per_stratum,
            seed: self.seed,
            blind: self.blind,
            overwrite: self.overwrite,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct AreaSampleEstimateArgs {
    /// Output folder of `area-sample design`.
    pub design: PathBuf,

    /// Checked points: CSV, GeoJSON, GeoPackage or another vector file with `id` and `reference_class` [default: the
    /// filled-in file in the folder].
    #[arg(long, value_name = "FILE")]
    pub reference: Option<PathBuf>,

    /// Layer with the checked points, if there are several and none is named `samples`.
    #[arg(long, value_name = "NAME")]
    pub layer: Option<String>,

    /// Confidence level of the intervals, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 95.0, value_parser = percent, allow_negative_numbers = true)]
    pub confidence_level: f64,

    /// Leave out points without a reference class.
    #[arg(long)]
    pub allow_missing: bool,

    /// JSON file to write the result to.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Replace an existing output.
    #[arg(long)]
    pub overwrite: bool,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

impl AreaSampleEstimateArgs {
    /// The options of the command line.
    pub(crate) fn options(&self) -> EstimateOptions {
        EstimateOptions {
            reference: self.reference.clone(),
            layer: self.layer.clone(),
            confidence_level_percent: self.confidence_level,
            allow_missing: self.allow_missing,
        }
    }
}

/// Parses `1=mining`. A name may contain `=`.
fn class(text: &str) -> Result<(u8, String), String> {
    let expected = "expected VALUE=NAME with a value from 0 to 254, such as 1=mining";
    let (value, name) = text.split_once('=').ok_or(expected)?;
    let value = value.trim().parse().ok().filter(|value| *value < 255).ok_or(expected)?;
    Ok((value, name.trim().to_owned()))
}

/// Parses `mining=0.7`.
fn accuracy(text: &str) -> Result<(String, f64), String> {
    let expected = "expected NAME=U with U from 0 to 1, such as mining=0.7";
    let (name, value) = text.rsplit_once('=').ok_or(expected)?;
    Ok((name.trim().to_owned(), number(value.trim(), |u| (0.0..=1.0).contains(&u), "0 to 1").map_err(|_| expected)?))
}

fn target_error(text: &str) -> Result<f64, String> {
    number(text, |error| error > 0.0 && error < 0.5, "a standard error above 0 and below 0.5, such as 0.01")
}

fn percent(text: &str) -> Result<f64, String> {
    number(text, |percent| percent > 0.0 && percent < 100.0, "a percentage above 0 and below 100")
}
