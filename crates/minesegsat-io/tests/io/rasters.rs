//! Rasters in all layouts must equal the image that `fixtures/make_rasters.py` wrote with rasterio (GDAL). Damaged rasters
//! must be errors.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use minesegsat_core::{Crs, GeoTransform, Grid, Window};
use minesegsat_io::{DataType, Location, Pixels, RasterSource, open_jp2_with_grid, open_raster};
use minesegsat_testing::reference::real_data;

fn fixtures() -> PathBuf {
    minesegsat_testing::fixture("rasters")
}

fn fixture(name: &str) -> Location {
    Location::Path(fixtures().join(name))
}

fn rasters_in(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "tif" || e == "jp2"))
        .collect();
    files.sort();
    files
}

fn place(width: usize, height: usize) -> Grid {
    let transform = GeoTransform::north_up(399_960.0, 4_200_000.0, 10.0);
    Grid { crs: Crs::from_epsg(32618).unwrap(), transform, width, height }
}

/// Opens a file, with a given georeference if it has none.
fn open(path: &Path) -> minesegsat_core::Result<Arc<dyn RasterSource>> {
    let location = Location::from(path);
    if path.file_stem().is_some_and(|s| s == "u16_nowhere") {
        open_jp2_with_grid(&location, place(75, 50))
    } else {
        open_raster(&location)
    }
}

/// The image of `make_rasters.py`.
fn expected(kind: &str, band: usize, row: usize, col: usize) -> f64 {
    let n = ((31 * row + 17 * col + row * col) % 251) as f64;
    let band = band as f64;
    match kind {
        "u8" => (n + band) % 256.0,
        "i8" => (n + band) % 256.0 - 128.0,
        "u16" | "u32" => 256.0 * n + band,
        "i16" | "i32" => 100.0 * n - 12_000.0 + band,
        "f32" | "f64" => n / 4.0 - 30.5 + band,
        _ => panic!("{kind}"),
    }
}

fn check_window(raster: &dyn RasterSource, kind: &str, band: usize, window: Window) {
    let pixels = raster.read(band, window).unwrap();
    assert_eq!(pixels.len(), window.len());
    for i in 0..pixels.len() {
        let (row, col) = (window.row + i / window.width, window.col + i % window.width);
        let name = &raster.info().location;
        assert_eq!(pixels.get(i), expected(kind, band, row, col), "{name}, band {band}, row {row}, column {col}");
    }
}

/// Reproducible pseudorandom numbers (xorshift).
fn random(state: &mut u64, below: usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state % below as u64) as usize
}

fn check_picture(path: &Path, windows: usize) {
    let raster = open(path).unwrap();
    let info = raster.info();
    let kind = path.file_stem().unwrap().to_str().unwrap().split('_').next().unwrap();
    let data_type = match kind {
        "u8" => DataType::U8,
        "u16" => DataType::U16,
        "i8" | "i16" => DataType::I16,
        _ => DataType::F32,
    };
    assert_eq!(info.data_type, data_type, "{}", path.display());
    let (width, height) = (info.grid.width, info.grid.height);
    assert_eq!(info.grid, place(width, height), "{}", path.display());
    let bands = info.band_names.len();
    assert_eq!(info.scale_offset.len(), bands);
    let mut seed = 0x9e37_79b9_7f4a_7c15;
    for _ in 0..windows {
        let (col, row) = (random(&mut seed, width), random(&mut seed, height));
        let size = (1 + random(&mut seed, width - col), 1 + random(&mut seed, height - row));
        let band = random(&mut seed, bands);
        check_window(&*raster, kind, band, Window::new(col, row, size.0, size.1));
    }
    for band in 0..bands {
        check_window(&*raster, kind, band, info.grid.full_window());
    }
}

#[test]
fn every_layout_gives_the_same_picture() {
    let files = rasters_in(&fixtures());
    assert!(files.len() > 20, "the fixtures are missing");
    for path in files.iter().filter(|p| !p.ends_with("sparse.tif")) {
        check_picture(path, 40);
    }
}

/// Hundreds of larger files, if `make_rasters.py` wrote them: `MINESEGSAT_RASTERS` names their folder.
#[test]
fn every_layout_of_the_large_set_gives_the_same_picture() {
    let Some(folder) = std::env::var_os("MINESEGSAT_RASTERS") else {
        minesegsat_testing::reference::skip("MINESEGSAT_RASTERS names no folder written by make_rasters.py");
        return;
    };
    let files = rasters_in(Path::new(&folder));
    assert!(!files.is_empty());
    for path in &files {
        check_picture(path, 10);
    }
    println!("{} files are equal", files.len());
}

#[test]
fn metadata_are_those_that_gdal_wrote() {
    let info = |name: &str| open_raster(&fixture(name)).unwrap().info().clone();
    let planes = info("u16_deflate2_planes.tif");
    let names = ["B02", "B03", "B04"].map(|name| Some(name.to_owned()));
    assert_eq!((planes.band_names, planes.nodata), (names.to_vec(), None));
    assert_eq!(planes.scale_offset, [Some((1e-4, -0.1)); 3]);
    assert_eq!(planes.block_size, (16, 16));
    assert_eq!(info("u16_none_strips.tif").nodata, Some(0.0));
    assert!(info("f32_zstd3_tiles.tif").nodata.unwrap().is_nan());
    assert_eq!(info("u16_geojp2.jp2").block_size, (32, 32));
}

#[test]
fn blocks_that_are_left_out_are_nodata() {
    let raster = open_raster(&fixture("sparse.tif")).unwrap();
    assert_eq!(raster.read(0, Window::new(3, 4, 5, 6)).unwrap(), Pixels::I16(vec![-7; 30]));
}

#[test]
fn windows_outside_are_refused() {
    let raster = open_raster(&fixture("u16_deflate2_tiles.tif")).unwrap();
    for window in [Window::new(40, 0, 2, 1), Window::new(0, 35, 1, 1), Window::new(usize::MAX, 0, 2, 1)] {
        let error = raster.read(0, window).unwrap_err().to_string();
        assert!(error.contains("u16_deflate2_tiles.tif") && error.contains("41x35"), "{error}");
    }
    assert!(raster.read(3, Window::new(0, 0, 1, 1)).unwrap_err().to_string().contains("the file has 3"));
    assert!(raster.read(0, Window::new(41, 35, 0, 0)).unwrap().is_empty());
}

#[test]
fn many_threads_read_one_raster() {
    use rayon::prelude::*;

    let raster = open_raster(&fixture("u16_deflate2_tiles.tif")).unwrap();
    let read = |i: usize| check_window(&*raster, "u16", i % 3, Window::new(i % 7, i % 5, 30, 30));
    (0..200).into_par_iter().for_each(read);
    std::thread::scope(|s| {
        for first in 0..8 {
            s.spawn(move || (first..first + 20).into_par_iter().for_each(read));
        }
    });
}

#[test]
fn a_jp2_file_without_a_place_says_what_to_do() {
    let error = open_raster(&fixture("u16_nowhere.jp2")).unwrap_err().to_string();
    assert!(error.contains("u16_nowhere.jp2") && error.contains("SAFE"), "{error}");
    let error = open_jp2_with_grid(&fixture("u16_nowhere.jp2"), place(75, 51)).unwrap_err().to_string();
    assert!(error.contains("75x50") && error.contains("75x51"), "{error}");
}

#[test]
fn rasters_in_archives_are_read() {
    use std::io::Write;

    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("scene.zip");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&archive).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    for (method, under) in [(zip::CompressionMethod::Stored, "stored"), (zip::CompressionMethod::Deflated, "packed")] {
        for name in ["u16_geojp2.jp2", "u16_deflate2_tiles.tif"] {
            zip.start_file(format!("{under}/{name}"), options.compression_method(method)).unwrap();
            zip.write_all(&std::fs::read(fixtures().join(name)).unwrap()).unwrap();
        }
    }
    zip.finish().unwrap();
    for entry in ["stored/u16_geojp2.jp2", "packed/u16_geojp2.jp2", "stored/u16_deflate2_tiles.tif"] {
        let location = Location::Path(archive.clone()).join(entry);
        let raster = open_raster(&location).unwrap();
        check_window(&*raster, "u16", 0, raster.info().grid.full_window());
        assert!(raster.info().location.ends_with(entry), "{}", raster.info().location);
    }
}

/// Reads all of a damaged file. Errors must name the file. A read may also succeed, because most formats have no checksums.
fn try_all(path: &Path) -> minesegsat_core::Result<Vec<Pixels>> {
    let result = open(path).and_then(|raster| {
        let grid = &raster.info().grid;
        // Do not read with a damaged size: the test, not the file, would request that window.
        let window = Window::new(0, 0, grid.width.min(64), grid.height.min(64));
        (0..raster.info().band_names.len().min(4)).map(|band| raster.read(band, window)).collect()
    });
    if let Err(error) = &result {
        let (text, name) = (error.to_string(), path.file_name().unwrap().to_str().unwrap());
        assert!(text.contains(name), "{text}");
    }
    result
}

#[test]
fn truncated_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    for path in rasters_in(&fixtures()) {
        let content = std::fs::read(&path).unwrap();
        let whole = try_all(&path).unwrap();
        let copy = folder.path().join(path.file_name().unwrap());
        for len in (0..content.len()).step_by(if content.len() > 1000 { 23 } else { 1 }) {
            std::fs::write(&copy, &content[..len]).unwrap();
            if let Ok(pixels) = try_all(&copy) {
                // The missing bytes were not needed for pixels: the end of a trailing box or of padding.
                let same = pixels.iter().zip(&whole).all(|(a, b)| format!("{a:?}") == format!("{b:?}"));
                assert!(same && path.extension().is_some_and(|e| e == "tif"), "{} cut to {len} bytes", path.display());
            }
        }
    }
}

#[test]
fn damaged_files_never_crash() {
    let folder = tempfile::tempdir().unwrap();
    for path in rasters_in(&fixtures()) {
        let content = std::fs::read(&path).unwrap();
        let copy = folder.path().join(path.file_name().unwrap());
        let mut seed = 0x0123_4567_89ab_cdef;
        // Every byte of the header, then some of the rest.
        let header = content.len().min(400);
        let rest = (0..100).map(|_| random(&mut seed, content.len())).collect::<Vec<_>>();
        for at in (0..header).chain(rest) {
            for value in [0xff, content[at] ^ 0x80, content[at].wrapping_add(1)] {
                let mut damaged = content.clone();
                damaged[at] = value;
                std::fs::write(&copy, &damaged).unwrap();
                let _ = try_all(&copy);
            }
        }
    }
}

/// Values read with rasterio 1.4: `rasterio.open("B02.tif").read(1)[row, col]`, CC0 scene of 2016-01-12.
#[test]
fn a_real_scene_has_the_values_that_gdal_reads() {
    let Some(folder) = real_data("sentinel2_l1c_18SVG_20160112") else { return };
    for (name, grid, pixels) in REAL {
        let raster = open_raster(&Location::Path(folder.join(name))).unwrap();
        let info = raster.info();
        let t = info.grid.transform;
        let found = (info.grid.width, info.grid.height, t.origin_x, t.origin_y, t.pixel_width);
        assert_eq!((found, info.grid.crs.epsg()), (grid, 32618), "{name}");
        for (row, col, value) in pixels {
            let pixel = raster.read(0, Window::new(col, row, 1, 1)).unwrap();
            assert_eq!(pixel, Pixels::U16(vec![value]), "{name} at row {row}, column {col}");
        }
        let whole = raster.read(0, info.grid.full_window()).unwrap();
        assert_eq!(whole.get(0), f64::from(pixels[0].2));
    }
}

/// File; width, height, origin and pixel size; (row, column, value).
#[expect(clippy::type_complexity, reason = "a table")]
const REAL: [(&str, (usize, usize, f64, f64, f64), [(usize, usize, u16); 3]); 3] = [
    ("B02.tif", (1933, 1947, 435_730.0, 4_179_460.0, 10.0), [(0, 0, 981), (973, 644, 1001), (1946, 1932, 1128)]),
    ("B8A.tif", (967, 973, 435_720.0, 4_179_460.0, 20.0), [(0, 0, 1824), (486, 322, 843), (972, 966, 222)]),
    ("B09.tif", (322, 324, 435_720.0, 4_179_480.0, 60.0), [(0, 0, 867), (162, 107, 305), (323, 321, 97)]),
];
