//! Maps to draw tiles of, and what the exact transform says of their pixels.

mod files;
mod pixels;

use std::path::{Path, PathBuf};

use super::colour::Rgba;
use super::encode::tests::decoded;
use super::*;
use minesegsat_core::{Crs, GeoTransform, Grid, Transformer};
use minesegsat_io::cog::{CogOptions, CogWriter};
use minesegsat_io::{DataType, Pixels};

const RADIOMETRY: &str = r#"{"scale":1e-4,"offset_dn":-1000.0,"nodata":null,"zero_is_nodata":true}"#;

fn grid(epsg: u16, x: f64, y: f64, pixel: f64, side: usize) -> Grid {
    let transform = GeoTransform::north_up(x, y, pixel);
    Grid { crs: Crs::from_epsg(epsg).unwrap(), transform, width: side, height: side }
}

/// 5 km in Canada.
fn north() -> Grid {
    grid(32611, 560_000.0, 6_240_000.0, 10.0, 500)
}

fn write(path: &Path, grid: &Grid, options: CogOptions, value: impl Fn(usize, usize) -> f32) {
    let kind = options.data_type;
    let mut cog = CogWriter::create(path, grid, CogOptions { block_size: 256, ..options }).unwrap();
    for row in 0..grid.height {
        let values = (0..grid.width).map(|col| value(col, row));
        let line = match kind {
            DataType::U8 => Pixels::U8(values.map(|v| v as u8).collect()),
            DataType::U16 => Pixels::U16(values.map(|v| v as u16).collect()),
            _ => Pixels::F32(values.collect()),
        };
        cog.write_rows(&[line]).unwrap();
    }
    cog.finish().unwrap();
}

/// A folder for a map, and its name.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let map = folder.path().join("map");
    std::fs::create_dir(&map).unwrap();
    (folder, map)
}

/// Writes bands on their native grids, and the record of a map that was made from them.
fn write_scene(folder: &Path, map: &Path, grid: &Grid, bands: &[&str], dn: impl Fn(&str, usize, usize) -> f32) {
    let scene = folder.join("scene");
    std::fs::create_dir_all(&scene).unwrap();
    let options = CogOptions { data_type: DataType::U16, nodata: Some(0.0), ..CogOptions::default() };
    for name in bands {
        let factor = if ["B8A", "B11", "B12"].contains(name) { 2 } else { 1 };
        let transform = GeoTransform {
            pixel_width: grid.transform.pixel_width * factor as f64,
            pixel_height: grid.transform.pixel_height * factor as f64,
            ..grid.transform
        };
        let (width, height) = (grid.width / factor, grid.height / factor);
        let native = Grid { transform, width, height, ..grid.clone() };
        write(&scene.join(format!("{name}.tif")), &native, options.clone(), |col, row| {
            dn(name, col * factor, row * factor)
        });
    }
    let radiometry: Vec<String> = bands.iter().map(|name| format!("\"{name}\":{RADIOMETRY}")).collect();
    let record = format!(r#"{{"scene_location":"../scene","radiometry":{{"bands":{{{}}}}}}}"#, radiometry.join(","));
    std::fs::write(map.join("manifest.json"), record).unwrap();
}

/// The tile in the middle of some bounds.
fn middle([west, south, east, north]: [f64; 4], z: u8) -> Tile {
    let east = if east < west { east + 360.0 } else { east };
    Tile::containing(minesegsat_core::crs::wrap_longitude(f64::midpoint(west, east)), f64::midpoint(south, north), z)
        .unwrap()
}

/// Columns and rows of a grid at the centres of the pixels of a tile, by the exact transform.
fn exact(grid: &Grid, tile: Tile, size: usize) -> Vec<Option<(f64, f64)>> {
    let to_map = Transformer::new(&Crs::WGS84, &grid.crs).unwrap();
    let [west, north, east, south] = tile.world_bounds();
    let place = |i: usize| {
        let (x, y) = ((i % size) as f64 + 0.5, (i / size) as f64 + 0.5);
        let (lon, lat) = lon_lat(west + x / size as f64 * (east - west), north + y / size as f64 * (south - north));
        let (x, y) = to_map.transform(lon, lat).ok()?;
        let (col, row) = grid.transform.to_pixel(x, y);
        let is_inside = col >= 0.0 && row >= 0.0 && col < grid.width as f64 && row < grid.height as f64;
        is_inside.then_some((col, row))
    };
    (0..size * size).map(place).collect()
}

fn picture(layers: &LayerSet, layer: Layer, tile: Tile, size: u32, style: &Style) -> Vec<Rgba> {
    let (found, pixels) = decoded(&layers.render(layer, tile, size, style).unwrap().expect("something to see"));
    assert_eq!(found, size);
    pixels
}

fn greys(rescale: [f32; 2]) -> Style {
    Style { rescale: Some(rescale), colour_map: Some(ColourMap::Greys) }
}
