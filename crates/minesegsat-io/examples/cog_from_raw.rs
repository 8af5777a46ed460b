//! Writes a COG from raw little-endian bands, for `scripts/cross_check.py --fuzz`, which compares it with GDAL.
//!
//! Usage: `cog_from_raw IN OUT WIDTH HEIGHT BANDS u8|u16|i16|f32 EPSG NODATA|none average|mode|nearest ROWS_PER_CALL`
//!
//! IN is `[bands, height, width]`.

use std::{error::Error, path::Path};

use minesegsat_core::{Crs, GeoTransform, Grid};
use minesegsat_io::{
    DataType, Pixels,
    cog::{BandMeta, CogOptions, CogWriter, OverviewResampling},
};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, width, height, bands, kind, epsg, nodata, resampling, rows_per_call] = &args[..] else {
        return Err("ten arguments are needed: see the source".into());
    };
    let (width, height, bands): (usize, usize, usize) = (width.parse()?, height.parse()?, bands.parse()?);
    let rows_per_call: usize = rows_per_call.parse()?;
    let (data_type, size) = match kind.as_str() {
        "u8" => (DataType::U8, 1),
        "u16" => (DataType::U16, 2),
        "i16" => (DataType::I16, 2),
        "f32" => (DataType::F32, 4),
        _ => return Err("unknown element type".into()),
    };
    let crs = Crs::from_epsg(epsg.parse()?)?;
    let transform = if crs == Crs::WGS84 {
        GeoTransform::north_up(12.0, 46.0, 1e-4)
    } else {
        GeoTransform::north_up(435_730.0, 4_179_460.0, 10.0)
    };
    let options = CogOptions {
        data_type,
        nodata: if nodata == "none" { None } else { Some(nodata.parse()?) },
        bands: (1..=bands)
            .map(|i| BandMeta { scale: 0.5, offset: 0.1, ..BandMeta::named(format!("band {i}")) })
            .collect(),
        overview_resampling: match resampling.as_str() {
            "average" => OverviewResampling::Average,
            "mode" => OverviewResampling::Mode,
            _ => OverviewResampling::Nearest,
        },
        metadata: vec![("KEY".to_owned(), "a & <b>".to_owned())],
        ..CogOptions::default()
    };
    let raw = std::fs::read(input)?;
    let mut cog = CogWriter::create(Path::new(output), &Grid { crs, transform, width, height }, options)?;
    for row in (0..height).step_by(rows_per_call) {
        let rows = rows_per_call.min(height - row);
        let band = |i: usize| {
            let bytes = &raw[(i * height + row) * width * size..][..rows * width * size];
            let pairs = || bytes.chunks_exact(2).map(|b| [b[0], b[1]]);
            match data_type {
                DataType::U8 => Pixels::U8(bytes.to_vec()),
                DataType::U16 => Pixels::U16(pairs().map(u16::from_le_bytes).collect()),
                DataType::I16 => Pixels::I16(pairs().map(i16::from_le_bytes).collect()),
                DataType::F32 => {
                    Pixels::F32(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
                }
            }
        };
        cog.write_rows(&(0..bands).map(band).collect::<Vec<_>>())?;
    }
    cog.finish()?;
    Ok(())
}
