//! Rasterizes the cases on stdin and writes their masks: the Rust side of `scripts/compare_rasterize.py`.

use std::io::{Read, Write};

use minesegsat_core::rasterize::rasterize;
use minesegsat_core::{Crs, GeoTransform, Grid};

#[path = "support/cases.rs"]
mod cases;

fn main() -> std::io::Result<()> {
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for case in cases::parse(&text) {
        let [origin_x, origin_y, pixel_width, pixel_height] = case.transform;
        let transform = GeoTransform { origin_x, origin_y, pixel_width, pixel_height };
        let grid = Grid { crs: Crs::WGS84, transform, width: case.width, height: case.height };
        writeln!(out, "case {}", case.name)?;
        for row in rasterize(&grid, [&case.polygons]).chunks(case.width) {
            let row: String = row.iter().map(|&p| if p == 1 { '#' } else { '.' }).collect();
            writeln!(out, "{row}")?;
        }
    }
    Ok(())
}
