//! Polygonizes a raw mask, measures the polygons, writes them in every format and prints the duration of each step. This is
//! the Rust side of `scripts/compare_polygonize.py`. With values (float32, little endian) and a threshold, outlines follow the contour of
//! the values; `scripts/compare_contours.py` uses that.
//!
//! Arguments: MASK (one byte per pixel) WIDTH four|eight EPSG ORIGIN_X ORIGIN_Y PIXEL_SIZE OUTPUT_FOLDER [VALUES THRESHOLD]

use std::path::Path;
use std::time::Instant;

use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::polygonize::{Connectivity, Polygonizer};
use minesegsat_core::{Crs, GeoTransform};
use minesegsat_vector::vector::{MinePolygon, PolygonMetadata, VectorFormat, write_polygons};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [mask, width, connectivity, epsg, origin_x, origin_y, size, folder, contour @ ..] = &args[..] else {
        return Err("MASK WIDTH four|eight EPSG ORIGIN_X ORIGIN_Y PIXEL_SIZE OUTPUT_FOLDER [VALUES THRESHOLD]".into());
    };
    let mask = fs_err::read(mask)?;
    let width: usize = width.parse()?;
    let connectivity = if connectivity == "four" { Connectivity::Four } else { Connectivity::Eight };
    let crs = Crs::from_epsg(epsg.parse()?)?;
    let transform = GeoTransform::north_up(origin_x.parse()?, origin_y.parse()?, size.parse()?);
    let values: Vec<f32> = match contour.first() {
        Some(path) => fs_err::read(path)?.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        None => (0..mask.len()).map(|i| (i % width % 97) as f32 / 97.0).collect(),
    };

    let time = |what: &str, start: Instant| println!("{what}: {:.3} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let mut polygonizer = match contour.get(1) {
        Some(threshold) => Polygonizer::along_contour(width, connectivity, threshold.parse()?),
        None => Polygonizer::new(width, connectivity),
    };
    for (row, values) in mask.chunks(width).zip(values.chunks(width)) {
        polygonizer.push_row(row, values);
    }
    time("rows", start);
    let start = Instant::now();
    let regions = polygonizer.finish();
    time("outlines", start);
    let vertices: usize = regions
        .iter()
        .flat_map(|r| &r.geometry)
        .map(|p| p.exterior().0.len() + p.interiors().iter().map(|r| r.0.len()).sum::<usize>())
        .sum();
    println!("{} regions, {vertices} vertices", regions.len());

    let start = Instant::now();
    let mut back = vec![0; mask.len()];
    regions.mask_rows(0, &mut back);
    time("mask", start);
    println!("mask equal: {}", back == mask);

    let geometries: Vec<_> = regions.iter().map(|region| region.to_map(&transform)).collect();
    let start = Instant::now();
    let sizes = GeodesicMeter::new(&crs)?.measure_all(&geometries)?;
    time("areas", start);
    let polygons: Vec<MinePolygon> = (1..)
        .zip(&regions)
        .zip(geometries)
        .zip(sizes)
        .map(|(((id, region), geometry), size)| MinePolygon {
            id,
            geometry,
            area_ha: size.area_m2 / 1e4,
            perimeter_m: size.perimeter_m,
            mean_probability: region.mean_probability,
            max_probability: f64::from(region.max_probability),
            touches_edge: region.touches_edge,
            touches_nodata: region.touches_nodata,
        })
        .collect();
    let metadata = PolygonMetadata {
        scene: "S2B_MSIL2A_20240615".to_owned(),
        datetime: Some("2024-06-15T18:29:19Z".parse()?),
        model: "b0".to_owned(),
        ..PolygonMetadata::default()
    };
    fs_err::create_dir_all(folder)?;
    for format in VectorFormat::ALL {
        let start = Instant::now();
        let path = Path::new(folder).join("mining").with_extension(format.extension());
        write_polygons(&path, format, &crs, &polygons, &metadata)?;
        time(format.extension(), start);
    }
    Ok(())
}
