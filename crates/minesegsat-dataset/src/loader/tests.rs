//! Content of batches, and independence from workers, cache and starting batch.

use std::path::Path;
use std::sync::OnceLock;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{ChipLayout, ImportOptions, import_chips};
use minesegsat_core::{Crs, GeoTransform, Grid};
use minesegsat_io::cog::{BandMeta, CogOptions, CogWriter};
use minesegsat_io::{DataType, Pixels};

const BANDS: [Band; 3] = [Band::B04, Band::B03, Band::B11];
/// Width and height of the samples.
const SIZES: [(usize, usize); 7] = [(48, 40), (32, 32), (20, 50), (64, 64), (33, 31), (32, 32), (12, 9)];
/// First column, first row, width and height of the area without data in each sample.
const HOLE: (usize, usize, usize, usize) = (4, 3, 3, 2);
/// Ground without a class.
const UNKNOWN: (usize, usize) = (10, 2);

fn write(path: &Path, (width, height): (usize, usize), data_type: DataType, bands: Vec<Pixels>) {
    let transform = GeoTransform::north_up(600_000.0, 5_500_000.0, 10.0);
    let grid = Grid { crs: Crs::from_epsg(32610).unwrap(), transform, width, height };
    let names = bands.iter().map(|_| BandMeta::default()).collect();
    let options =
        CogOptions { data_type, nodata: None, bands: names, block_size: 16, overviews: false, ..CogOptions::default() };
    let mut cog = CogWriter::create(path, &grid, options).unwrap();
    cog.write_rows(&bands).unwrap();
    cog.finish().unwrap();
}

fn is_hole(row: usize, col: usize) -> bool {
    (HOLE.0..HOLE.0 + HOLE.2).contains(&col) && (HOLE.1..HOLE.1 + HOLE.3).contains(&row)
}

fn class(row: usize, col: usize) -> u8 {
    if (row, col) == (UNKNOWN.1, UNKNOWN.0) { 255 } else { u8::from((row / 5 + col / 7).is_multiple_of(3)) }
}

/// Chips whose first band encodes the column, the second the row and the third the sample.
fn write_set(folder: &Path) -> Arc<Dataset> {
    let (images, masks) = (folder.join("images"), folder.join("masks"));
    for place in [&images, &masks] {
        fs_err::create_dir(place).unwrap();
    }
    for (sample, (width, height)) in SIZES.into_iter().enumerate() {
        let band = |value: &dyn Fn(usize, usize) -> usize| {
            let at = |i: usize| (i / width, i % width);
            let number = |i| if is_hole(at(i).0, at(i).1) { 0 } else { value(at(i).0, at(i).1) as u16 };
            Pixels::U16((0..width * height).map(number).collect())
        };
        let bands =
            vec![band(&|_, col| 100 * (col + 1)), band(&|row, _| 100 * (row + 1)), band(&|_, _| 100 * (sample + 1))];
        let name = format!("chip_{sample}.tif");
        write(&images.join(&name), (width, height), DataType::U16, bands);
        let labels = (0..width * height).map(|i| class(i / width, i % width)).collect();
        write(&masks.join(&name), (width, height), DataType::U8, vec![Pixels::U8(labels)]);
    }
    let layout = ChipLayout { images, masks, index: None };
    let options = ImportOptions { bands: Some(BANDS.to_vec()), ..ImportOptions::default() };
    import_chips(&layout, &folder.join("set"), &options).unwrap();
    Arc::new(Dataset::open(folder.join("set")).unwrap())
}

/// One data set shared by all tests that do not change it.
fn set() -> Arc<Dataset> {
    static SET: OnceLock<(TempDir, Arc<Dataset>)> = OnceLock::new();
    let (_, set) = SET.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let set = write_set(folder.path());
        (folder, set)
    });
    Arc::clone(set)
}

fn options() -> LoaderOptions {
    LoaderOptions { patch_size: 32, batch_size: 2, seed: 5, ..LoaderOptions::default() }
}

fn try_loader(set: &Arc<Dataset>, augmentation: Augmentation, options: LoaderOptions) -> Result<Loader> {
    let samples = set.samples().to_vec();
    Loader::new(Arc::clone(set), samples, &BANDS, &[BandNormalisation::IDENTITY; 3], augmentation, options)
}

fn loader(augmentation: Augmentation, options: LoaderOptions) -> Loader {
    try_loader(&set(), augmentation, options).unwrap()
}

fn batches(loader: &Loader, epoch: usize, first: usize) -> Vec<Batch> {
    loader.epoch(epoch, first).collect::<Result<_>>().unwrap()
}

fn everything() -> Augmentation {
    Augmentation {
        flip: 0.5,
        rotate90: 0.5,
        rotate: 0.3,
        rotate_degrees: 45.0,
        scale: 0.3,
        scale_range: [0.7, 1.5],
        cutmix: 0.5,
        cutmix_share: 0.5,
        channel_shuffle: 0.3,
        brightness: 0.5,
        brightness_amount: 0.2,
        contrast: 0.5,
        contrast_amount: 0.2,
        band_gain: 0.5,
        band_gain_amount: 0.1,
        atmosphere: 0.5,
        atmosphere_amount: 0.05,
        top_of_atmosphere: 0.3,
        noise: 0.5,
        noise_std: 0.01,
        band_subset: 0.3,
        band_subsets: vec![vec![Band::B04, Band::B03], vec![Band::B11]],
        band_dropout: 0.3,
        band_dropout_max: 2,
        clouds: 0.3,
        clouds_cover: 0.5,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Workers, prefetch, cache and starting batch affect only the run time.
    #[test]
    fn batches_depend_on_seed_epoch_and_place_alone(
        seed in any::<u64>(), epoch in 0_usize..1000, batch_size in 1_usize..4, workers in 0_usize..4, prefetch in 0_usize..4,
        cache_bytes in 0_usize..120_000, first in 0_usize..5, per_epoch in prop::option::of(1_usize..12), mine_centred in 0.0..1.0f64,
        drop_last in any::<bool>(), plain in any::<bool>(),
    ) {
        prop_assume!(!drop_last || per_epoch.is_none_or(|n| n >= batch_size));
        let augmentation = if plain { Augmentation { flip: 0.5, ..Augmentation::default() } } else { everything() };
        let reference = LoaderOptions {
            patch_size: 24, batch_size, seed, num_workers: 0, cache_mib: 0, samples_per_epoch: per_epoch, mine_centred, drop_last,
            ..LoaderOptions::default()
        };
        let mut other = loader(
            augmentation.clone(), LoaderOptions { num_workers: workers, prefetch, ..reference.clone() },
        );
        // The cache holds none, some or all of the samples.
        Arc::get_mut(&mut other.maker).unwrap().cache.limit = cache_bytes;
        let expected = batches(&loader(augmentation, reference), epoch, 0);
        prop_assert_eq!(expected.len(), other.batches_per_epoch());
        let from = first.min(expected.len());
        for _ in 0..2 {
            let got = batches(&other, epoch, first);
            prop_assert_eq!(&got, &expected[from..]);
        }
        for batch in &expected {
            let [n, c, h, w] = batch.shape;
            prop_assert_eq!((c, h, w, n), (3, 24, 24, batch.ids.len()));
            prop_assert_eq!((batch.data.len(), batch.mask.len()), (n * c * h * w, n * h * w));
            prop_assert!(batch.data.iter().all(|v| v.is_finite()));
            prop_assert!(batch.mask.iter().all(|v| matches!(v, 0 | 1 | 255)), "no class is invented");
        }
    }

    /// For every geometry, a pixel's values encode its position in the sample, and its class is the class at that
    /// position.
    #[test]
    fn classes_stay_with_their_pixels(seed in any::<u64>(), mine_centred in 0.0..1.0f64) {
        let geometry = Augmentation {
            flip: 0.5, rotate90: 0.5, rotate: 0.4, rotate_degrees: 180.0, scale: 0.4, scale_range: [0.5, 2.0],
            ..Augmentation::default()
        };
        let options = LoaderOptions { seed, batch_size: 7, mine_centred, ..options() };
        let batch = batches(&loader(geometry, options), 0, 0).remove(0);
        for (n, id) in batch.ids.iter().enumerate() {
            let sample: usize = id["chip_".len()..].parse().unwrap();
            let plane = 32 * 32;
            let [cols, rows, which] = [0, 1, 2].map(|band| &batch.data[(n * 3 + band) * plane..][..plane]);
            for at in 0..plane {
                let class_here = batch.mask[n * plane + at];
                let [col, row] = [cols[at], rows[at]].map(|v| v / 0.01 - 1.0);
                if which[at] == 0.0 {
                    prop_assert_eq!((class_here, cols[at], rows[at]), (255, 0.0, 0.0), "no data, no class");
                    continue;
                }
                prop_assert!((which[at] - 0.01 * (sample + 1) as f32).abs() < 1e-5, "nothing leaks from what has no data");
                let tie = |v: f32| (v - v.floor() - 0.5).abs() < 2e-3;
                if class_here == 255 || tie(col) || tie(row) {
                    continue;
                }
                prop_assert_eq!(class_here, class(row.round() as usize, col.round() as usize));
            }
        }
    }
}

#[test]
fn a_rectangle_of_another_sample_brings_its_classes() {
    let mix = Augmentation { cutmix: 1.0, cutmix_share: 0.5, flip: 0.5, ..Augmentation::default() };
    let loader = loader(mix, LoaderOptions { batch_size: 7, ..options() });
    let (mut mixed, mut shares) = (0, Vec::new());
    for epoch in 0..20 {
        let batch = batches(&loader, epoch, 0).remove(0);
        for (n, id) in batch.ids.iter().enumerate() {
            let own = id["chip_".len()..].parse::<usize>().unwrap() + 1;
            let plane = 32 * 32;
            let [cols, rows, which] = [0, 1, 2].map(|band| &batch.data[(n * 3 + band) * plane..][..plane]);
            let from = |at: usize| (which[at] * 100.0).round() as usize;
            let foreign: Vec<(usize, usize)> =
                (0..plane).filter(|&at| from(at) != 0 && from(at) != own).map(|at| (at / 32, at % 32)).collect();
            for at in (0..plane).filter(|&at| from(at) != 0 && batch.mask[n * plane + at] != 255) {
                let [col, row] = [cols[at], rows[at]].map(|v| (v * 100.0).round() as usize - 1);
                assert_eq!(batch.mask[n * plane + at], class(row, col));
            }
            // One square from one other sample; its pixels without data stay without data.
            let Some(&(first, _)) = foreign.first() else { continue };
            mixed += 1;
            let (last, _) = foreign[foreign.len() - 1];
            let left = foreign.iter().map(|&(_, col)| col).min().unwrap();
            let right = foreign.iter().map(|&(_, col)| col).max().unwrap();
            let [height, width] = [last - first + 1, right - left + 1];
            let inside = |(row, col): (usize, usize)| (first..=last).contains(&row) && (left..=right).contains(&col);
            let others: std::collections::BTreeSet<usize> =
                (0..plane).filter(|&at| inside((at / 32, at % 32))).map(from).filter(|&s| s != 0).collect();
            assert_eq!(others.len(), 1, "{others:?}");
            shares.push((height * width) as f64 / plane as f64);
        }
    }
    // In one of seven cases the other sample is the same sample.
    assert!(mixed > 90 && mixed < 140, "{mixed}");
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    assert!((mean - 0.25).abs() < 0.06 && shares.iter().all(|&share| share <= 0.53), "{mean} {shares:?}");
}

#[test]
fn without_changes_a_batch_is_what_the_reader_reads() {
    let set = set();
    let normalisation = [(0.1, 0.3), (0.0, 1.0), (0.02, 0.5)];
    let normalisation = normalisation.map(|(offset, divisor)| BandNormalisation { offset, divisor });
    let reader = SampleReader::new(Arc::clone(&set), &BANDS, &normalisation).unwrap();
    let square: Vec<SampleRecord> = [1, 5].map(|i| set.samples()[i].clone()).to_vec();
    let loader =
        Loader::new(Arc::clone(&set), square.clone(), &BANDS, &normalisation, Augmentation::default(), options())
            .unwrap();
    let batch = batches(&loader, 0, 0).remove(0);
    for (n, id) in batch.ids.iter().enumerate() {
        let expected = reader.read(square.iter().find(|sample| sample.id == *id).unwrap()).unwrap();
        assert_eq!(expected.size, (32, 32));
        assert_eq!(batch.data[n * 3 * 1024..][..3 * 1024], expected.data);
        assert_eq!(batch.mask[n * 1024..][..1024], expected.mask);
    }
    // Smaller samples are padded with their edge, as by the reader.
    let small = vec![set.samples()[6].clone()];
    let loader =
        Loader::new(Arc::clone(&set), small.clone(), &BANDS, &normalisation, Augmentation::default(), options())
            .unwrap();
    let batch = batches(&loader, 0, 0).remove(0);
    let open = reader.open(&small[0]).unwrap();
    let found = (-20..=0).flat_map(|col| (-23..=0).map(move |row| (col, row))).filter(|&(col, row)| {
        let window = minesegsat_core::resample::SignedWindow { col, row, width: 32, height: 32 };
        let expected = open.read(window).unwrap();
        (&expected.data, &expected.mask) == (&batch.data, &batch.mask)
    });
    assert_eq!(found.count(), 1);
}

#[test]
fn an_epoch_has_each_sample_once_in_an_order_of_its_own() {
    let loader = loader(Augmentation::default(), options());
    let order = |epoch| -> Vec<String> { batches(&loader, epoch, 0).into_iter().flat_map(|batch| batch.ids).collect() };
    let all: Vec<String> = set().samples().iter().map(|sample| sample.id.clone()).collect();
    let mut orders = std::collections::BTreeSet::new();
    for epoch in 0..6 {
        let mut ids = order(epoch);
        orders.insert(ids.clone());
        ids.sort();
        assert_eq!(ids, all);
    }
    assert!(orders.len() >= 5, "{orders:?}");
    assert_eq!(loader.batches_per_epoch(), 4);
    assert_eq!(order(0), order(0));
}

#[test]
fn samples_take_turns_where_an_epoch_has_fewer_or_more() {
    for (per_epoch, epochs) in [(3, 7), (10, 7), (7, 3)] {
        let loader = loader(Augmentation::default(), LoaderOptions { samples_per_epoch: Some(per_epoch), ..options() });
        let mut seen = std::collections::BTreeMap::<String, usize>::new();
        for epoch in 0..epochs {
            let ids: Vec<String> = batches(&loader, epoch, 0).into_iter().flat_map(|batch| batch.ids).collect();
            assert_eq!(ids.len(), per_epoch);
            for id in ids {
                *seen.entry(id).or_default() += 1;
            }
        }
        let each = per_epoch * epochs / SIZES.len();
        assert!(seen.len() == SIZES.len() && seen.values().all(|n| *n == each), "{seen:?}");
    }
    let dropping = LoaderOptions { batch_size: 4, drop_last: true, ..options() };
    let dropping = loader(Augmentation::default(), dropping);
    assert_eq!((dropping.batches_per_epoch(), batches(&dropping, 0, 0).len()), (1, 1));
}

#[test]
fn crops_are_placed_over_mines_where_that_is_asked_for() {
    let set = set();
    let large = vec![set.samples()[3].clone()];
    let share = |mine_centred: f64| {
        let options =
            LoaderOptions { patch_size: 2, mine_centred, samples_per_epoch: Some(200), batch_size: 200, ..options() };
        let bands = [BandNormalisation::IDENTITY; 3];
        let loader =
            Loader::new(Arc::clone(&set), large.clone(), &BANDS, &bands, Augmentation::default(), options).unwrap();
        let mask = batches(&loader, 0, 0).remove(0).mask;
        mask.chunks_exact(4).filter(|crop| crop.contains(&1)).count()
    };
    let (never, always) = (share(0.0), share(1.0));
    // A mine without data is not visible.
    assert!(always >= 195 && never < 150, "{never} {always}");
}

#[test]
fn what_cannot_be_loaded_is_refused() {
    let refused = |options: LoaderOptions| {
        try_loader(&set(), Augmentation::default(), options).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(
        refused(LoaderOptions { patch_size: 0, ..options() }),
        "patch_size `0` is not accepted: pixels, 1 or more"
    );
    assert_eq!(
        refused(LoaderOptions { batch_size: 0, ..options() }),
        "batch_size `0` is not accepted: samples, 1 or more"
    );
    assert!(refused(LoaderOptions { samples_per_epoch: Some(0), ..options() }).contains("samples_per_epoch `0`"));
    assert!(refused(LoaderOptions { mine_centred: 1.2, ..options() }).contains("mine_centred `1.2`"));
    let message = refused(LoaderOptions { batch_size: 8, drop_last: true, ..options() });
    assert!(message.contains("batch_size `8` is not accepted: at most the 7 samples of an epoch"), "{message}");
    let bands = [BandNormalisation::IDENTITY; 3];
    let none = Loader::new(set(), Vec::new(), &BANDS, &bands, Augmentation::default(), options()).unwrap_err();
    assert!(none.to_string().ends_with("it has no sample to load"), "{none}");
    let augmentation = Augmentation { flip: 2.0, ..Augmentation::default() };
    assert!(try_loader(&set(), augmentation, options()).unwrap_err().to_string().contains("flip `2`"));
    let samples = set().samples().to_vec();
    let other = Loader::new(set(), samples, &[Band::B02], &bands[..1], Augmentation::default(), options()).unwrap_err();
    assert!(matches!(other, Error::MissingBands { ref missing, .. } if missing == &[Band::B02]), "{other}");
}

#[test]
fn a_sample_that_cannot_be_read_is_named_and_ends_the_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let set = write_set(folder.path());
    fs_err::write(folder.path().join("images/chip_3.tif"), "no image").unwrap();
    for num_workers in [0, 1, 3] {
        let loader = try_loader(&set, Augmentation::default(), LoaderOptions { num_workers, ..options() }).unwrap();
        let position = loader.maker.order(0).iter().position(|sample| *sample == 3).unwrap();
        let mut epoch = loader.epoch(0, 0);
        let good = epoch.by_ref().take_while(Result::is_ok).count();
        assert_eq!(good, position / 2, "the batches before are delivered");
        assert!(epoch.next().is_none());
        let error = loader.epoch(0, good).next().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "cannot read sample chip_3");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("chip_3.tif"), "{cause}");
    }
}

#[test]
fn an_epoch_can_be_left_at_any_time() {
    let loader = loader(everything(), LoaderOptions { num_workers: 3, samples_per_epoch: Some(10_000), ..options() });
    for taken in [0, 1, 3] {
        let mut epoch = loader.epoch(0, 0);
        assert_eq!(epoch.by_ref().take(taken).flatten().count(), taken);
        let work = Arc::clone(&epoch.work);
        drop(epoch);
        // All workers have ended.
        assert_eq!(Arc::strong_count(&work), 1);
        let state = work.state();
        assert!(state.next_item <= 2 * (taken + 2), "no more is made ahead than asked for: {}", state.next_item);
    }
    let mut epoch = loader.epoch(0, 4999);
    assert!(epoch.next().is_some() && epoch.next().is_none() && epoch.next().is_none());
    assert!(epoch.waited() > Duration::ZERO);
    assert!(loader.epoch(0, 5000).next().is_none());
}

#[test]
fn the_cache_keeps_to_its_limit_and_saves_reading() {
    let folder = tempfile::tempdir().unwrap();
    let set = write_set(folder.path());
    let loader = try_loader(&set, everything(), LoaderOptions { cache_mib: 1, ..options() }).unwrap();
    let first = batches(&loader, 0, 0);
    let state = loader.maker.cache.state();
    let bytes: usize = SIZES.iter().map(|(width, height)| width * height * (3 * 2 + 2)).sum();
    assert_eq!((state.samples.len(), state.bytes), (SIZES.len(), bytes));
    drop(state);
    fs_err::remove_dir_all(folder.path().join("images")).unwrap();
    assert_eq!(batches(&loader, 0, 0), first);

    let small = Cache { limit: bytes / 2, state: Mutex::default() };
    for sample in 0..SIZES.len() {
        small.put(sample, &loader.maker.cache.get(sample).unwrap());
    }
    let state = small.state();
    assert!(state.bytes <= bytes / 2 && !state.samples.is_empty() && state.full);
}

/// The set twice, the second time under another title and without the last two bands.
fn set_of_two_domains(folder: &Path) -> Arc<Dataset> {
    let all = write_set(folder);
    let one = |title: &str, bands: &[Band]| {
        let layout = ChipLayout { images: folder.join("images"), masks: folder.join("masks"), index: None };
        let title = Some(title.to_owned());
        let options = ImportOptions { bands: Some(bands.to_vec()), title, ..ImportOptions::default() };
        import_chips(&layout, &folder.join(format!("{bands:?}")), &options).unwrap();
        Dataset::open(folder.join(format!("{bands:?}"))).unwrap()
    };
    assert_eq!(all.card().bands, BANDS);
    let sets = [one("three", &BANDS), one("two", &[Band::B03, Band::B8A, Band::B11])];
    let options = crate::MergeOptions { all_bands: true, ..Default::default() };
    Arc::new(crate::merge(&sets, &folder.join("both"), &options).unwrap())
}

#[test]
fn channels_of_bands_that_a_sample_lacks_are_0_after_normalisation() {
    let folder = tempfile::tempdir().unwrap();
    let set = set_of_two_domains(folder.path());
    assert_eq!(set.card().bands, [Band::B03, Band::B04, Band::B8A, Band::B11]);
    assert_eq!(set.common_bands(), [Band::B03, Band::B11]);
    let stats = crate::stats(&set, &crate::StatsOptions { all: true }, minesegsat_core::Job::silent()).unwrap();
    assert!(stats.bands[&Band::B04].count > 0 && stats.bands[&Band::B04].count < stats.bands[&Band::B03].count);
    let normalisation = [BandNormalisation { offset: 0.5, divisor: 0.25 }; 4];
    let bands = set.card().bands.clone();
    for cutmix in [0.0, 1.0] {
        let augmentation = Augmentation { cutmix, cutmix_share: 0.5, ..everything_but_shuffled() };
        let samples = set.samples().to_vec();
        let loader = Loader::new(Arc::clone(&set), samples, &bands, &normalisation, augmentation, options()).unwrap();
        let mut lacking = [0; 4];
        for batch in batches(&loader, 0, 0) {
            let plane = 32 * 32;
            for (id, data) in batch.ids.iter().zip(batch.data.chunks_exact(4 * plane)) {
                let sample = set.samples().iter().find(|sample| sample.id == *id).unwrap();
                for (channel, values) in data.chunks_exact(plane).enumerate() {
                    let is_zero = values.iter().all(|v| *v == 0.0);
                    assert!(is_zero || values.iter().filter(|v| **v == 0.0).count() < plane / 2);
                    let lacks = !set.bands_of(sample).contains(&bands[channel]);
                    lacking[channel] += usize::from(lacks);
                    // What is pasted may lack a band too.
                    assert!(is_zero == lacks || (cutmix > 0.0 && is_zero), "{id} {channel}");
                }
            }
        }
        assert_eq!(lacking, [0, 7, 7, 0]);
    }
    // As a reader sees them.
    let reader = SampleReader::new(Arc::clone(&set), &bands, &normalisation).unwrap();
    for sample in set.samples() {
        let patch = reader.read(sample).unwrap();
        let plane = patch.mask.len();
        for (channel, values) in patch.data.chunks_exact(plane).enumerate() {
            let lacks = !set.bands_of(sample).contains(&bands[channel]);
            assert_eq!(values.iter().all(|v| *v == 0.0), lacks, "{} {channel}", sample.id);
        }
    }
}

/// Changes of reflectance that keep the order of channels.
fn everything_but_shuffled() -> Augmentation {
    Augmentation { channel_shuffle: 0.0, band_subset: 0.0, band_dropout: 0.0, clouds: 0.0, ..everything() }
}

#[test]
fn domains_share_an_epoch_by_their_weights() {
    let folder = tempfile::tempdir().unwrap();
    let set = set_of_two_domains(folder.path());
    let bands = set.card().bands.clone();
    let made = |mixture: &[(&str, f64)]| {
        let mixture = mixture.iter().map(|(domain, weight)| ((*domain).to_owned(), *weight)).collect();
        let options = LoaderOptions { mixture, samples_per_epoch: Some(10), ..options() };
        let normalisation = vec![BandNormalisation::IDENTITY; 4];
        Loader::new(Arc::clone(&set), set.samples().to_vec(), &bands, &normalisation, Augmentation::default(), options)
    };
    let loader = made(&[("three", 3.0), ("two", 1.0), ("nothing", 0.0)]).unwrap();
    let mut seen = std::collections::BTreeMap::<usize, usize>::new();
    for epoch in 0..14 {
        let order = loader.maker.order(epoch);
        let of = |domain: &str| order.iter().filter(|&&at| set.samples()[at].domain.as_deref() == Some(domain)).count();
        // 7.5 and 2.5: the first of equal remainders gets the odd sample.
        assert_eq!((of("three"), of("two")), (8, 2));
        for at in order {
            *seen.entry(at).or_default() += 1;
        }
    }
    let counts = |domain: &str| -> Vec<usize> {
        let of_domain = |at: &&usize| set.samples()[**at].domain.as_deref() == Some(domain);
        seen.keys().filter(of_domain).map(|at| seen[at]).collect()
    };
    assert_eq!((counts("three"), counts("two")), (vec![16; 7], vec![4; 7]));
    let refused = |mixture: &[(&str, f64)]| made(mixture).unwrap_err().to_string();
    assert!(
        refused(&[("four", 1.0)])
            .contains("mixture `four` is not accepted: domains of the training samples: three, two")
    );
    assert!(refused(&[("two", -1.0)]).contains("mixture `two = -1`"));
    assert!(refused(&[("two", 0.0)]).contains("a weight above 0"));
}
