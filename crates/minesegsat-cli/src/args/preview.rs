//! Arguments of `minesegsat scene preview`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser as _};
use minesegsat::preview::Panel;

use super::{Bbox, IncompleteArgs, SceneArgs};

#[derive(Debug, Args)]
pub(crate) struct ScenePreviewArgs {
    #[command(flatten)]
    pub scene: SceneArgs,

    /// PNG file to write.
    #[arg(short, long, value_name = "FILE.png", value_parser = PathBufValueParser::new().try_map(png_file))]
    pub output: PathBuf,

    /// Panels in the order of the sheet: true-colour, swir, false-colour, ndvi, ndbi, ndwi, bsi, mask, classification
    /// [default: all panels for which the scene has the bands].
    #[arg(long, value_delimiter = ',', value_name = "PANEL,...")]
    pub sheet: Option<Vec<Panel>>,

    /// Draw the polygons of this file as outlines and as a mask panel: GeoPackage, GeoJSON, KML, Shapefile, FlatGeobuf,
    /// GeoParquet, also zipped.
    #[arg(long, value_name = "FILE")]
    pub outlines: Option<PathBuf>,

    /// Draw only this box: west,south,east,north in degrees. A box with west > east crosses the antimeridian.
    #[arg(long, value_name = "W,S,E,N", allow_hyphen_values = true, conflicts_with = "intersects")]
    pub bbox: Option<Bbox>,

    /// Draw only the area around the polygons of this file: GeoPackage, GeoJSON, KML, Shapefile, FlatGeobuf, GeoParquet, also
    /// zipped.
    #[arg(long, value_name = "FILE")]
    pub intersects: Option<PathBuf>,

    #[command(flatten)]
    pub incomplete: IncompleteArgs,

    /// Longer side of a panel, in pixels. Smaller scenes are enlarged by an integer factor.
    #[arg(long, value_name = "PX", default_value_t = 512, value_parser = clap::value_parser!(u16).range(64..=4096))]
    pub size: u16,

    /// Replace an existing file.
    #[arg(long)]
    pub overwrite: bool,
}

fn png_file(path: PathBuf) -> Result<PathBuf, String> {
    let is_png = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
    if is_png { Ok(path) } else { Err("expected a file name ending in .png".to_owned()) }
}
