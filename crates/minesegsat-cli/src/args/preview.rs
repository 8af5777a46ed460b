//! What `scene preview` accepts.

use std::path::PathBuf;

use clap::Args;
use minesegsat::preview::Panel;

use super::{Bbox, SceneArgs};

#[derive(Debug, Args)]
pub(crate) struct ScenePreviewArgs {
    #[command(flatten)]
    pub scene: SceneArgs,

    /// Picture to write: the name of a PNG file.
    #[arg(short, long, value_name = "FILE.png", value_parser = png_file)]
    pub output: PathBuf,

    /// Panels, in the order of the sheet: true-colour, swir, false-colour, ndvi, ndbi, ndwi, bsi, mask, classification
    /// [default: all that can be drawn].
    #[arg(long, value_delimiter = ',', value_name = "PANEL,...")]
    pub sheet: Option<Vec<Panel>>,

    /// Draw the outlines of the polygons in this file (GeoJSON, GeoPackage, FlatGeobuf), and a mask of them.
    #[arg(long, value_name = "FILE")]
    pub outlines: Option<PathBuf>,

    /// Only this part of the scene: west,south,east,north in degrees.
    #[arg(long, value_name = "W,S,E,N", allow_hyphen_values = true, conflicts_with = "intersects")]
    pub bbox: Option<Bbox>,

    /// Only the surroundings of the polygons in this file (GeoJSON, GeoPackage, FlatGeobuf).
    #[arg(long, value_name = "FILE")]
    pub intersects: Option<PathBuf>,

    /// Longer side of a panel, in pixels; smaller scenes are enlarged by a whole factor.
    #[arg(long, value_name = "PX", default_value_t = 512, value_parser = clap::value_parser!(u16).range(64..=4096))]
    pub size: u16,

    /// Replace an existing picture.
    #[arg(long)]
    pub overwrite: bool,
}

fn png_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let is_png = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
    if is_png { Ok(path) } else { Err("expected the name of a file that ends in .png".to_owned()) }
}
