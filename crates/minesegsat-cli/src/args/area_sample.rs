//! Arguments of `minesegsat area-sample`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use minesegsat::area_sample::{Allocation, DesignOptions, EstimateOptions, SampleSize};

use super::number;

#[derive(Debug, Subcommand)]
pub(crate) enum AreaSampleCommand {
    /// Draw points of a map at random, class by class, for somebody to say what is there.
    Design(AreaSampleDesignArgs),
    /// Estimate areas and accuracies, with intervals, from the filled points.
    Estimate(AreaSampleEstimateArgs),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("size").required(true))]
pub(crate) struct AreaSampleDesignArgs {
    /// Map of classes, a GeoTIFF of uint8: `mask.tif` of `predict`, or any other. 255 and nodata are left out.
    pub map: String,

    /// Folder to make.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Names of the values of the map [default: 0=other,1=mining].
    #[arg(long, value_delimiter = ',', value_name = "VALUE=NAME,...", value_parser = class)]
    pub classes: Vec<(u8, String)>,

    /// Values of the map that are left out, too.
    #[arg(long, value_delimiter = ',', value_name = "VALUE,...")]
    pub exclude: Vec<u8>,

    /// Make a stratum of its own of class 0 within so many pixels of another class, where most missed mines are.
    #[arg(long, value_name = "PX", default_value_t = 0)]
    pub buffer: usize,

    /// Number of points.
    #[arg(long, value_name = "N", group = "size")]
    pub samples: Option<u64>,

    /// As many points as bring the standard error of overall accuracy to this, if the expected accuracies hold: 0.01.
    #[arg(long, value_name = "SE", group = "size", value_parser = target_error, allow_negative_numbers = true)]
    pub target_error: Option<f64>,

    /// Expected user's accuracies of classes or strata; 0.8 for those not named: `mining=0.7,other=0.98`.
    #[arg(long, value_delimiter = ',', value_name = "NAME=U,...", value_parser = accuracy)]
    pub expected_accuracy: Vec<(String, f64)>,

    /// How points beyond the minimum are divided: proportional to area, equal, or neyman (area times expected deviation).
    #[arg(long, value_name = "RULE", default_value_t = Allocation::Proportional)]
    pub allocation: Allocation,

    /// The fewest points of a stratum, for rare classes.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub min_per_stratum: u64,

    /// Seed: the same one draws the same points.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,

    /// Leave strata and classes of the map out of the files to fill.
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
    /// What the flags say.
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
    /// Folder that `area-sample design` made.
    pub design: PathBuf,

    /// Filled points: CSV, GeoJSON, GeoPackage or another vector file with `id` and `reference_class` [default: the filled
    /// one in the folder].
    #[arg(long, value_name = "FILE")]
    pub reference: Option<PathBuf>,

    /// Layer of the filled points, where there are several and none is `samples`.
    #[arg(long, value_name = "NAME")]
    pub layer: Option<String>,

    /// Part of repeated samples whose intervals would hold the truth, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 95.0, value_parser = percent, allow_negative_numbers = true)]
    pub confidence_level: f64,

    /// Do without points that are not filled.
    #[arg(long)]
    pub allow_missing: bool,

    /// JSON file to write.
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
    /// What the flags say.
    pub(crate) fn options(&self) -> EstimateOptions {
        EstimateOptions {
            reference: self.reference.clone(),
            layer: self.layer.clone(),
            confidence_level_percent: self.confidence_level,
            allow_missing: self.allow_missing,
        }
    }
}

/// `1=mining`. Names may have `=` in them, values not.
fn class(text: &str) -> Result<(u8, String), String> {
    let expected = "expected VALUE=NAME with a value from 0 to 254, such as 1=mining";
    let (value, name) = text.split_once('=').ok_or(expected)?;
    let value = value.trim().parse().ok().filter(|value| *value < 255).ok_or(expected)?;
    Ok((value, name.trim().to_owned()))
}

/// `mining=0.7`.
fn accuracy(text: &str) -> Result<(String, f64), String> {
    let expected = "expected NAME=U with U from 0 to 1, such as mining=0.7";
    let (name, value) = text.rsplit_once('=').ok_or(expected)?;
    Ok((name.trim().to_owned(), number(value.trim(), |u| (0.0..=1.0).contains(&u), "0 to 1").map_err(|_| expected)?))
}

fn target_error(text: &str) -> Result<f64, String> {
    number(text, |error| error > 0.0 && error < 0.5, "a standard error above 0 and below 0.5, such as 0.01")
}

fn percent(text: &str) -> Result<f64, String> {
    number(text, |percent| percent > 0.0 && percent < 100.0, "percent, above 0 and below 100")
}
