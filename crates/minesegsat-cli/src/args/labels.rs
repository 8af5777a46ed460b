//! Arguments of `minesegsat labels`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use minesegsat::{
    Crs,
    labels::{Filter, LabelOptions},
};

#[derive(Debug, Subcommand)]
pub(crate) enum LabelsCommand {
    /// Print a summary of a label file: features, area, attributes, problems.
    Info(LabelsInfoArgs),
    /// Rasterize labels to a mask on the pixel grid of a raster or scene.
    Rasterize(LabelsRasterizeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct LabelsInfoArgs {
    /// Label file: GeoPackage, Shapefile (.shp), GeoJSON, FlatGeobuf, GeoParquet, KML, or a .zip or .kmz with one.
    pub labels: PathBuf,

    #[command(flatten)]
    pub options: LabelArgs,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LabelsRasterizeArgs {
    /// Label file: GeoPackage, Shapefile (.shp), GeoJSON, FlatGeobuf, GeoParquet, KML, or a .zip or .kmz with one.
    pub labels: PathBuf,

    /// Raster (GeoTIFF, JPEG 2000) or scene that defines the pixel grid of the mask. For a scene, this is the 10 m
    /// grid.
    #[arg(long, value_name = "RASTER|SCENE")]
    pub like: OsString,

    /// GeoTIFF to write: 0 is background, 1 to 254 are classes, 255 is ignored.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,

    #[command(flatten)]
    pub options: LabelArgs,

    /// Replace an existing output.
    #[arg(long)]
    pub overwrite: bool,

    /// Print the summary as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Options for reading a label file.
#[derive(Debug, Args)]
#[command(next_help_heading = "Labels")]
pub(crate) struct LabelArgs {
    /// Layer of a GeoPackage, or Shapefile in a zip archive, if there are several.
    #[arg(long, value_name = "NAME")]
    pub layer: Option<String>,

    /// Use only features that match this filter (CQL2 text): `COUNTRY_NAME = 'Canada' and AREA > 1`.
    #[arg(long = "where", value_name = "EXPRESSION")]
    pub filter: Option<Filter>,

    /// Accept a file that states that it is incomplete, such as an answer that a server cut off.
    #[arg(long)]
    pub allow_incomplete: bool,

    /// CRS of the labels, if the file states none or a wrong one: `EPSG:4326`.
    #[arg(long, value_name = "EPSG:CODE", value_parser = crs)]
    pub labels_crs: Option<Crs>,

    /// Swap x and y of the labels, for files with latitude before longitude.
    #[arg(long)]
    pub swap_axes: bool,

    /// Attribute whose values become classes [default: one class for all features].
    #[arg(long, value_name = "NAME")]
    pub class_attribute: Option<String>,

    /// Class numbers, 1 to 254: `pit=1,waste-rock=2` [default: in sorted order]. Where classes overlap, the higher
    /// number wins.
    #[arg(long, value_delimiter = ',', value_name = "VALUE=NUMBER,...", value_parser = class, requires = "class_attribute")]
    pub classes: Vec<(String, u8)>,

    /// Set pixels within this distance of a polygon edge to 255 (ignored), in metres.
    #[arg(long, value_name = "M", default_value_t = 0.0, value_parser = distance, allow_negative_numbers = true)]
    pub ignore_buffer: f64,

    /// Source and version of the labels, stored as given: `Maus et al. 2022, version 2`.
    #[arg(long, value_name = "TEXT")]
    pub label_source: Option<String>,

    /// Licence of the labels, stored as given: `CC-BY-SA-4.0`.
    #[arg(long, value_name = "SPDX")]
    pub label_licence: Option<String>,
}

impl LabelArgs {
    /// The label options of the command line.
    pub(crate) fn options(&self) -> LabelOptions {
        LabelOptions {
            layer: self.layer.clone(),
            filter: self.filter.clone(),
            allow_incomplete: self.allow_incomplete,
            crs: self.labels_crs.clone(),
            swap_axes: self.swap_axes,
            class_attribute: self.class_attribute.clone(),
            classes: self.classes.clone(),
            ignore_buffer_m: self.ignore_buffer,
            source: self.label_source.clone(),
            licence: self.label_licence.clone(),
        }
    }
}

pub(super) fn crs(text: &str) -> Result<Crs, String> {
    let name = if text.parse::<u16>().is_ok() { format!("EPSG:{text}") } else { text.to_owned() };
    let is_name = name.rsplit_once(':').is_some_and(|(_, code)| code.parse::<u32>().is_ok());
    if !is_name {
        return Err("expected an EPSG code, such as EPSG:4326".to_owned());
    }
    Crs::from_name(&name).map_err(|error| error.to_string())
}

/// Parses `pit=1`. A name may contain `=`.
fn class(text: &str) -> Result<(String, u8), String> {
    let expected = "expected VALUE=NUMBER with a number from 1 to 254, such as pit=1";
    let (name, number) = text.rsplit_once('=').ok_or(expected)?;
    let number = number.trim().parse().ok().filter(|number| (1..=254).contains(number)).ok_or(expected)?;
    Ok((name.trim().to_owned(), number))
}

pub(super) fn distance(text: &str) -> Result<f64, String> {
    super::number(text, |m| m.is_finite() && m >= 0.0, "metres, 0 or more")
}
