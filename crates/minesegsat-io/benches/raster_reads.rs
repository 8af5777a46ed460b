//! Benchmark: reads a raster from the first row to the last in strips of 512 rows, as scenes are read.
//!
//! `MINESEGSAT_BENCH_RASTERS` names the files (separated as in `PATH`); `RAYON_NUM_THREADS` sets the threads:
//!
//! ```sh
//! RAYON_NUM_THREADS=2 MINESEGSAT_BENCH_RASTERS=B02.tif:B02.jp2 cargo bench -p minesegsat --bench raster_reads
//! ```

use std::path::PathBuf;

use divan::Bencher;
use divan::counter::BytesCount;
use minesegsat_core::Window;
use minesegsat_io::{Location, open_raster};

fn main() {
    divan::main();
}

fn files() -> Vec<String> {
    let files = std::env::var_os("MINESEGSAT_BENCH_RASTERS").unwrap_or_default();
    std::env::split_paths(&files).filter(|p| p.is_file()).map(|p: PathBuf| p.display().to_string()).collect()
}

#[divan::bench(args = files(), sample_count = 3, sample_size = 1)]
fn strips_of_512_rows(bencher: Bencher<'_, '_>, file: &str) {
    let location = Location::parse(file).expect("a path");
    let grid = open_raster(&location).expect("a raster").info().grid.clone();
    let bytes = grid.width * grid.height * 2;
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        // Opened again, so that no decoded blocks of the previous run remain.
        let raster = open_raster(&location).expect("a raster");
        for row in (0..grid.height).step_by(512) {
            let window = Window::new(0, row, grid.width, 512.min(grid.height - row));
            divan::black_box(raster.read(0, window).expect("pixels"));
        }
    });
}
