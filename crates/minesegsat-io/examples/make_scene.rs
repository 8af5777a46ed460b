//! Writes a scene of any size as one COG per band, for benchmarks: smooth land covers with the noise of a real sensor.
//! The scene is a benchmark load without meaningful polygons.
//!
//! ```text
//! cargo run --release -p minesegsat-io --example make_scene -- DIR [SIZE]      # default: 10980 pixels at 10 m
//! ```

use std::{path::PathBuf, process::ExitCode};

use minesegsat_core::{Band, Crs, GeoTransform, Grid};
use minesegsat_io::{
    DataType, Pixels,
    cog::{BandMeta, CogOptions, CogWriter, OverviewResampling},
};
use rayon::prelude::*;

/// A pseudorandom number from a position and a seed (the finaliser of MurmurHash3).
fn hash(x: i64, y: i64, seed: u64) -> f32 {
    let mut h = (x as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (y as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F) ^ seed;
    h ^= h >> 33;
    h = h.wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    h ^= h >> 33;
    h = h.wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    h ^= h >> 33;
    (h >> 40) as f32 / (1 << 24) as f32
}

/// Smooth noise of a wavelength in metres, 0 to 1.
fn noise(x_m: f64, y_m: f64, wavelength_m: f64, seed: u64) -> f32 {
    let (x, y) = (x_m / wavelength_m, y_m / wavelength_m);
    let (x0, y0) = (x.floor(), y.floor());
    let smooth = |t: f64| (t * t * (3.0 - 2.0 * t)) as f32;
    let (u, v) = (smooth(x - x0), smooth(y - y0));
    let at = |dx: i64, dy: i64| hash(x0 as i64 + dx, y0 as i64 + dy, seed);
    let top = at(0, 0) + (at(1, 0) - at(0, 0)) * u;
    let bottom = at(0, 1) + (at(1, 1) - at(0, 1)) * u;
    top + (bottom - top) * v
}

/// Digital number of a band at a position: forest, with bare ground where the low-frequency noise is high.
fn digital_number(band: Band, x_m: f64, y_m: f64, pixel: (i64, i64)) -> u16 {
    // Rough reflectances x 10000 of conifer forest and of bare rock.
    let (forest, bare) = match band {
        Band::B01 => (250.0, 900.0),
        Band::B02 => (280.0, 1100.0),
        Band::B03 => (450.0, 1400.0),
        Band::B04 => (350.0, 1700.0),
        Band::B05 => (800.0, 1900.0),
        Band::B06 => (1900.0, 2050.0),
        Band::B07 => (2300.0, 2150.0),
        Band::B08 => (2450.0, 2250.0),
        Band::B8A => (2600.0, 2350.0),
        Band::B09 => (2600.0, 2400.0),
        Band::B10 => (12.0, 15.0),
        Band::B11 => (1300.0, 2900.0),
        Band::B12 => (650.0, 2500.0),
    };
    let land = noise(x_m, y_m, 2_900.0, 1) * 0.6 + noise(x_m, y_m, 700.0, 2) * 0.3 + noise(x_m, y_m, 130.0, 3) * 0.1;
    let share = ((land - 0.62) * 12.0).clamp(0.0, 1.0);
    let relief = 0.8 + 0.4 * noise(x_m, y_m, 450.0, 4);
    let grain = (hash(pixel.0, pixel.1, 77 + band.index() as u64) - 0.5) * 60.0;
    ((forest + (bare - forest) * share) * relief + grain).max(1.0) as u16
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let Some(folder) = args.next().map(PathBuf::from) else {
        eprintln!("usage: make_scene DIR [SIZE]");
        return ExitCode::from(2);
    };
    let size: usize = args.next().and_then(|text| text.parse().ok()).unwrap_or(10_980);
    match write_scene(&folder, size) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_scene(folder: &std::path::Path, size: usize) -> minesegsat_core::Result<()> {
    const ROWS: usize = 512;
    std::fs::create_dir_all(folder)?;
    for band in Band::PAPER {
        let gsd = band.gsd_m() as usize;
        let n = (size * 10).div_ceil(gsd);
        let grid = Grid {
            crs: Crs::from_epsg(32_610)?,
            transform: GeoTransform::north_up(499_980.0, 6_000_000.0, gsd as f64),
            width: n,
            height: n,
        };
        let mut cog = CogWriter::create(
            &folder.join(format!("{band}.tif")),
            &grid,
            CogOptions {
                data_type: DataType::U16,
                nodata: Some(0.0),
                bands: vec![BandMeta::named(band.id())],
                overview_resampling: OverviewResampling::Average,
                ..CogOptions::default()
            },
        )?;
        for first in (0..n).step_by(ROWS) {
            let rows = ROWS.min(n - first);
            let mut pixels = vec![0; rows * n];
            pixels.par_chunks_exact_mut(n).enumerate().for_each(|(r, line)| {
                let row = first + r;
                for (col, value) in line.iter_mut().enumerate() {
                    let (x, y) = (col as f64 * gsd as f64, row as f64 * gsd as f64);
                    *value = digital_number(band, x, y, (col as i64, row as i64));
                }
            });
            cog.write_rows(&[Pixels::U16(pixels)])?;
        }
        cog.finish()?;
        eprintln!("{band}: {n} x {n}");
    }
    Ok(())
}
