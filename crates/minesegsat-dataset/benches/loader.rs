//! Samples per second of the training loader with one worker: crops of 12 x 256 x 256 from samples of 384 x 384 pixels,
//! bands on native grids, as in `dataset build` and the paper's layout.
//!
//! ```sh
//! cargo bench -p minesegsat-dataset --bench loader
//! ```
//!
//! *Memory* keeps all samples in the loader's cache. *Disk* decodes the files each time; the system's page cache holds
//! them.

use std::path::Path;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use minesegsat_core::model_description::BandNormalisation;
use minesegsat_core::{Band, Crs, GeoTransform, Grid};
use minesegsat_dataset::{Augmentation, Dataset, ImportOptions, Loader, LoaderOptions, import_paper};
use minesegsat_io::cog::{BandMeta, CogOptions, CogWriter};
use minesegsat_io::{DataType, Pixels};

const SAMPLES: usize = 16;
const SIDE: usize = 384;

fn main() {
    divan::main();
}

fn write(path: &Path, metres: usize, data_type: DataType, pixels: Pixels) {
    let side = SIDE * 10 / metres;
    let transform = GeoTransform::north_up(600_000.0, 5_500_000.0, metres as f64);
    let grid = Grid { crs: Crs::from_epsg(32610).expect("a CRS"), transform, width: side, height: side };
    let options = CogOptions {
        data_type,
        nodata: None,
        bands: vec![BandMeta::default()],
        overviews: false,
        ..CogOptions::default()
    };
    let mut cog = CogWriter::create(path, &grid, options).expect("a file");
    cog.write_rows(&[pixels]).expect("rows");
    cog.finish().expect("a file");
}

/// Samples that compress about like images of land: slopes, edges and some noise.
fn write_set(folder: &Path) -> Arc<Dataset> {
    let source = folder.join("source");
    let mut splits = "split,data_path,mask_path\n".to_owned();
    for sample in 0..SAMPLES {
        let place = source.join(format!("sample_{sample}"));
        std::fs::create_dir_all(&place).expect("a folder");
        for (channel, band) in Band::PAPER.into_iter().enumerate() {
            let metres = band.gsd_m() as usize;
            let side = SIDE * 10 / metres;
            let number = |i: usize| {
                let (x, y) = ((i % side * metres) as f32 / 300.0, (i / side * metres) as f32 / 300.0);
                let noise = (i as u32).wrapping_mul(2_654_435_761).wrapping_add((sample * 31 + channel) as u32) >> 26;
                let field = if (x.floor() + y.floor()) as i32 % 2 == 0 { 300.0 } else { 0.0 };
                1200 + (400.0 * x.sin() * y.cos() + field) as i32 + 40 * channel as i32 + noise as i32
            };
            let pixels = Pixels::U16((0..side * side).map(|i| number(i) as u16).collect());
            write(&place.join(format!("{band}.tif")), metres, DataType::U16, pixels);
        }
        let mask = (0..SIDE * SIDE).map(|i| u8::from(i / SIDE / 64 == 2 && i % SIDE / 64 == 3)).collect();
        write(&place.join("mask.tif"), 10, DataType::U8, Pixels::U8(mask));
        splits += &format!("train,sample_{sample},sample_{sample}\n");
    }
    std::fs::write(source.join("dataset_splits.csv"), splits).expect("a file");
    import_paper(&source, &folder.join("set"), &ImportOptions::default()).expect("a data set");
    Arc::new(Dataset::open(folder.join("set")).expect("a data set"))
}

fn augmentation(kind: &str) -> Augmentation {
    let none = Augmentation::default();
    match kind {
        "none" => none,
        // Typical recipe.
        "usual" => Augmentation {
            flip: 0.5,
            rotate90: 0.5,
            rotate: 0.3,
            rotate_degrees: 45.0,
            scale: 0.3,
            scale_range: [0.75, 1.5],
            cutmix: 0.0,
            cutmix_share: 0.0,
            channel_shuffle: 0.3,
            brightness: 0.5,
            brightness_amount: 0.2,
            contrast: 0.3,
            contrast_amount: 0.2,
            band_gain: 0.3,
            band_gain_amount: 0.1,
            atmosphere: 0.3,
            atmosphere_amount: 0.05,
            noise: 0.3,
            noise_std: 0.005,
            band_dropout: 0.2,
            band_dropout_max: 4,
            clouds: 0.1,
            clouds_cover: 0.4,
            ..none
        },
        // Every change to every sample, except CutMix, which reads two samples.
        _ => Augmentation {
            flip: 1.0,
            rotate90: 1.0,
            rotate: 1.0,
            scale: 1.0,
            channel_shuffle: 1.0,
            brightness: 1.0,
            contrast: 1.0,
            band_gain: 1.0,
            atmosphere: 1.0,
            noise: 1.0,
            band_dropout: 1.0,
            clouds: 1.0,
            ..augmentation("usual")
        },
    }
}

#[divan::bench(args = ["none", "usual", "all"], sample_count = 10, sample_size = 1)]
fn memory(bencher: Bencher<'_, '_>, kind: &str) {
    epochs(bencher, kind, 1024);
}

#[divan::bench(args = ["none", "usual", "all"], sample_count = 5, sample_size = 1)]
fn disk(bencher: Bencher<'_, '_>, kind: &str) {
    epochs(bencher, kind, 0);
}

fn epochs(bencher: Bencher<'_, '_>, kind: &str, cache_mib: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let set = write_set(folder.path());
    let options = LoaderOptions { cache_mib, mine_centred: 0.5, ..LoaderOptions::default() };
    let normalisation = [BandNormalisation::IDENTITY; 12];
    let samples = set.samples().to_vec();
    let loader =
        Loader::new(set, samples, &Band::PAPER, &normalisation, augmentation(kind), options).expect("a loader");
    let mut epoch = 0;
    loader.epoch(0, 0).for_each(|batch| assert!(batch.is_ok()));
    bencher.counter(ItemsCount::new(SAMPLES)).bench_local(|| {
        epoch += 1;
        loader.epoch(epoch, 0).map(|batch| batch.expect("a batch").ids.len()).sum::<usize>()
    });
}
