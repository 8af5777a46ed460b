//! Writes the classes of a scene by its pixels as a GeoTIFF, even if the scene has a classification.
//!
//! ```sh
//! cargo run -p minesegsat-scene --example cloud_mask -- SCENE OUTPUT.tif
//! ```
#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::path::Path;
use std::time::Instant;

use minesegsat_core::{Error, Result, Window};
use minesegsat_io::DataType;
use minesegsat_io::cog::{BandMeta, CogOptions, CogWriter, OverviewResampling};
use minesegsat_scene::{CloudMask, OpenOptions, Scene};

/// Rows written at once.
const ROWS: usize = 512;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(scene), Some(output)) = (arguments.next(), arguments.next()) else {
        let accepted = "a scene and an output file".to_owned();
        return Err(Error::Argument { name: "arguments", value: String::new(), accepted });
    };
    let options = OpenOptions { cloud_mask: Some(CloudMask::Pixels), ..OpenOptions::default() };
    let scene = Scene::open(&scene, &options)?;
    let started = Instant::now();
    let Some((mask, index)) = scene.mask_source() else { return Ok(()) };
    let grid = mask.info().grid.clone();
    let options = CogOptions {
        data_type: DataType::U8,
        nodata: Some(0.0),
        bands: vec![BandMeta::named("SCL")],
        overview_resampling: OverviewResampling::Mode,
        ..CogOptions::default()
    };
    let mut cog = CogWriter::create(Path::new(&output), &grid, options)?;
    for row in (0..grid.height).step_by(ROWS) {
        let window = Window::new(0, row, grid.width, ROWS.min(grid.height - row));
        cog.write_rows(&[mask.read(index, window)?])?;
    }
    cog.finish()?;
    println!("{} x {} pixels in {:.2} s", grid.width, grid.height, started.elapsed().as_secs_f64());
    Ok(())
}
