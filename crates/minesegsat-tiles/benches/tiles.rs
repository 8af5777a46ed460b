//! Drawing web tiles of a scene of 10980 x 10980 pixels, as a server does.
//!
//! The rasters (three bands of 10 m, probabilities and a mask, 0.9 GB) are made on the first run in `MINESEGSAT_BENCH_TILES`, or else in the
//! folder for temporary files, and kept:
//!
//! ```sh
//! cargo bench -p minesegsat --bench tiles
//! ```

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use divan::Bencher;
use divan::counter::ItemsCount;
use minesegsat_core::{Crs, GeoTransform, Grid};
use minesegsat_io::cog::{CogOptions, CogWriter};
use minesegsat_io::{DataType, Pixels};
use minesegsat_tiles::{Layer, LayerSet, Style, Tile, TileCache, VectorFeature, VectorSource};

/// Pixels each way of a tile of Sentinel-2 at 10 m.
const SIDE: usize = 10_980;

fn main() {
    divan::main();
}

/// Something like ground: fields of a few hundred metres, and noise. 0 to 1.
fn ground(col: usize, row: usize, seed: u64) -> f32 {
    let hash = |x: u64| (x ^ (x >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let field = hash((col / 37) as u64 * 7919 + (row / 29) as u64 * 104_729 + seed * 13);
    let noise = hash((col * 31 + row * 17_389) as u64 + seed);
    ((field & 0xff) as f32 * 0.8 + (noise & 0xff) as f32 * 0.2) / 255.0
}

fn write(path: &Path, options: CogOptions, value: impl Fn(usize, usize) -> f32) {
    let grid = Grid {
        crs: Crs::from_epsg(32611).expect("a zone"),
        transform: GeoTransform::north_up(499_980.0, 6_200_040.0, 10.0),
        width: SIDE,
        height: SIDE,
    };
    let kind = options.data_type;
    let mut cog = CogWriter::create(path, &grid, options).expect("a file");
    for row in 0..SIDE {
        let values = (0..SIDE).map(|col| value(col, row));
        let line = match kind {
            DataType::U8 => Pixels::U8(values.map(|v| v as u8).collect()),
            DataType::U16 => Pixels::U16(values.map(|v| v as u16).collect()),
            _ => Pixels::F32(values.collect()),
        };
        cog.write_rows(&[line]).expect("a row");
    }
    cog.finish().expect("a file");
}

fn layers() -> &'static LayerSet {
    static LAYERS: OnceLock<LayerSet> = OnceLock::new();
    LAYERS.get_or_init(|| {
        let folder = std::env::var_os("MINESEGSAT_BENCH_TILES")
            .map_or_else(|| std::env::temp_dir().join("minesegsat-bench-tiles"), PathBuf::from);
        let (scene, map) = (folder.join("scene"), folder.join("map"));
        if !map.join("manifest.json").is_file() {
            std::fs::create_dir_all(&scene).expect("a folder");
            std::fs::create_dir_all(&map).expect("a folder");
            let options = CogOptions { compression_level: 1, ..CogOptions::default() };
            let band = CogOptions { data_type: DataType::U16, nodata: Some(0.0), ..options.clone() };
            for (seed, name) in ["B02", "B03", "B04"].into_iter().enumerate() {
                let value = |col: usize, row: usize| 1100.0 + 2500.0 * ground(col, row, seed as u64);
                write(&scene.join(format!("{name}.tif")), band.clone(), value);
            }
            write(&map.join("probability.tif"), options, |col, row| ground(col, row, 9));
            let mask = |col: usize, row: usize| f32::from(u8::from(ground(col, row, 9) > 0.6));
            write(&map.join("mask.tif"), CogOptions { compression_level: 1, ..CogOptions::mask("mining") }, mask);
            let radiometry = r#"{"scale":1e-4,"offset_dn":-1000.0,"nodata":0.0,"zero_is_nodata":true}"#;
            let record = format!(
                r#"{{"scene_location":"../scene","radiometry":{{"bands":{{"B02":{radiometry},"B03":{radiometry},"B04":{radiometry}}}}}}}"#
            );
            std::fs::write(map.join("manifest.json"), record).expect("a record");
        }
        LayerSet::open_map(&map).expect("a map")
    })
}

/// A tile near the middle of the scene, another for each number.
fn tile(z: u8, number: u32) -> Tile {
    let [west, south, east, north] = layers().bounds_wgs84();
    let at = Tile::containing(f64::midpoint(west, east), f64::midpoint(south, north), z).expect("a tile");
    Tile::new(z, at.x() + number % 5, at.y() + number / 5 % 5).expect("a tile")
}

const LAYERS: [Layer; 3] = [Layer::TrueColour, Layer::Probability, Layer::Mask];

fn draw(bencher: Bencher<'_, '_>, layer: Layer, z: u8, size: u32) {
    let layers = layers();
    let style = Style::default();
    let count = if z < 10 { 1 } else { 25 };
    for number in 0..count {
        divan::black_box(layers.render(layer, tile(z, number), size, &style).expect("a tile"));
    }
    let next = AtomicU32::new(0);
    bencher.counter(ItemsCount::new(1_u32)).bench(|| {
        let number = next.fetch_add(1, Ordering::Relaxed) % count;
        layers.render(layer, tile(z, number), size, &style).expect("a tile")
    });
}

/// Blocks are decoded already.
#[divan::bench(args = LAYERS, sample_count = 50)]
fn warm_256_at_native_resolution(bencher: Bencher<'_, '_>, layer: Layer) {
    draw(bencher, layer, 14, 256);
}

#[divan::bench(args = LAYERS, sample_count = 50)]
fn warm_256_from_overviews(bencher: Bencher<'_, '_>, layer: Layer) {
    draw(bencher, layer, 11, 256);
}

#[divan::bench(args = LAYERS, sample_count = 50)]
fn warm_256_of_the_whole_scene(bencher: Bencher<'_, '_>, layer: Layer) {
    draw(bencher, layer, 8, 256);
}

#[divan::bench(args = LAYERS, sample_count = 30)]
fn warm_512_at_native_resolution(bencher: Bencher<'_, '_>, layer: Layer) {
    draw(bencher, layer, 13, 512);
}

/// Every block is decoded anew.
#[divan::bench(args = LAYERS, sample_count = 20)]
fn cold_256_at_native_resolution(bencher: Bencher<'_, '_>, layer: Layer) {
    let style = Style::default();
    let folder = std::env::var_os("MINESEGSAT_BENCH_TILES")
        .map_or_else(|| std::env::temp_dir().join("minesegsat-bench-tiles"), PathBuf::from);
    layers();
    bencher.counter(ItemsCount::new(1_u32)).bench(|| {
        let layers = LayerSet::open_map(&folder.join("map")).expect("a map");
        layers.render(layer, tile(14, 7), 256, &style).expect("a tile")
    });
}

#[divan::bench]
fn from_the_cache(bencher: Bencher<'_, '_>) {
    let cache = TileCache::new(64 << 20);
    let bytes = vec![0; 60_000];
    let key = "sites/a/2022-07-12-00000000/true-colour/14/1/2".to_owned();
    bencher.bench(|| cache.get_or_draw(&key, || Ok(Some(bytes.clone()))).expect("a tile"));
}

/// 20,000 outlines of 40 corners each, over five degrees.
#[divan::bench(args = [5, 8, 11, 14])]
fn vectors(bencher: Bencher<'_, '_>, z: u8) {
    static SOURCE: OnceLock<VectorSource> = OnceLock::new();
    let source = SOURCE.get_or_init(|| {
        let features = (0..20_000_u64).map(|i| {
            let at = |seed| f64::from(ground(i as usize * 13, i as usize * 7, seed));
            let (x, y) = (-120.0 + 5.0 * at(1), 50.0 + 5.0 * at(2));
            let corner = |k: u32| {
                let angle = f64::from(k) / 40.0 * std::f64::consts::TAU;
                let radius = 0.004 * (0.5 + at(3 + u64::from(k)));
                (x + radius * angle.cos(), y + radius * angle.sin())
            };
            let outline = geo::Polygon::new((0..40).map(corner).collect(), Vec::new());
            VectorFeature { id: Some(i), geometry: outline.into(), properties: Vec::new() }
        });
        VectorSource::new("disturbed", features.collect()).expect("outlines")
    });
    let tile = Tile::containing(-117.5, 52.5, z).expect("a tile");
    bencher.bench(|| source.tile(tile));
}
