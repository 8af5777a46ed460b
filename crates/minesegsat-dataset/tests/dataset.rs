//! Training sets: built from scenes and labels, and read back as arrays.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minesegsat_core::job::Job;
use minesegsat_core::model_description::BandNormalisation;
use minesegsat_core::rasterize::rasterize;
use minesegsat_core::resample::{Resampler, round_to_u16};
use minesegsat_core::{Band, Error, Grid, Window};
use minesegsat_dataset as dataset;
use minesegsat_dataset::{
    BuildOptions, BuildReport, ChipLayout, Dataset, ImportOptions, SampleReader, SceneList, Split, SplitOptions,
    StatsOptions,
};
use minesegsat_io::{Location, open_raster};
use minesegsat_scene::OpenOptions;
use minesegsat_testing::scenes::{self, GeoTiff, Provider, SceneSpec};
use minesegsat_vector::labels::{LabelOptions, Labels};
use serde_json::{Value, json};

/// Side of a patch in these tests: scenes have 120 pixels.
const PATCH: usize = 24;

/// Writes squares in the scenes' CRS as labels: (x, y of the lower left corner, side, commodity).
fn write_labels(path: &Path, squares: &[(f64, f64, f64, &str)]) {
    let features: Vec<Value> = squares
        .iter()
        .enumerate()
        .map(|(id, &(x, y, side, commodity))| {
            let ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]];
            json!({
                "type": "Feature",
                "id": id,
                "properties": { "commodity": commodity },
                "geometry": { "type": "Polygon", "coordinates": [ring] },
            })
        })
        .collect();
    let crs = json!({ "type": "name", "properties": { "name": "urn:ogc:def:crs:EPSG::32610" } });
    fs::write(path, json!({ "type": "FeatureCollection", "crs": crs, "features": features }).to_string()).unwrap();
}

/// One scene of 1.2 km with its upper left corner at (600000, 5500020), and labels in two of its patches.
fn one_scene(folder: &Path) -> (String, PathBuf) {
    let item = scenes::write_stac_item(&folder.join("scene"), &SceneSpec::new("2A", "05.10"), Provider::EarthSearchC1);
    let labels = folder.join("labels.geojson");
    write_labels(&labels, &[(600_310.0, 5_499_450.0, 100.0, "gold"), (600_800.0, 5_499_200.0, 57.0, "coal")]);
    (item.display().to_string(), labels)
}

fn options() -> BuildOptions {
    BuildOptions { patch_size: PATCH, ..BuildOptions::default() }
}

fn try_build(
    places: &[String],
    labels: &Path,
    out: &Path,
    options: &BuildOptions,
) -> minesegsat_core::Result<BuildReport> {
    let labels = Labels::read(labels, &LabelOptions::default())?;
    let scenes = SceneList::open(places, &OpenOptions::default(), None, |_, _| {})?;
    dataset::build(&scenes, &labels, out, options, Job::silent())
}

#[track_caller]
fn build(places: &[String], labels: &Path, out: &Path, options: &BuildOptions) -> BuildReport {
    try_build(places, labels, out, options).unwrap()
}

/// Every file below a folder by relative path, without hidden files, which belong to the cache.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(folder: &Path, prefix: &str, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if entry.path().is_dir() {
                walk(&entry.path(), &format!("{name}/"), found);
            } else {
                found.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, "", &mut found);
    found
}

fn read(path: &Path) -> (Grid, Vec<f64>) {
    let source = open_raster(&Location::from(path)).unwrap();
    let grid = source.info().grid.clone();
    let pixels = source.read(0, grid.full_window()).unwrap();
    (grid, (0..pixels.len()).map(|i| pixels.get(i)).collect())
}

#[test]
fn patches_are_windows_of_the_source_and_masks_are_the_labels() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, labels) = one_scene(folder.path());
    let out = folder.path().join("set");
    let report = build(&[scene], &labels, &out, &options());
    assert_eq!((report.patches, report.with_labels, report.made, report.scenes), (2, 2, 2, 1));
    let set = Dataset::open(&out).unwrap();
    let ids: Vec<&str> = set.samples().iter().map(|s| s.id.as_str()).collect();
    // Corners at multiples of 240 m.
    assert_eq!(ids, ["32610_600240_5499600", "32610_600720_5499360"]);
    let crs = minesegsat_core::Crs::from_epsg(32610).unwrap();
    let all = Labels::read(&labels, &LabelOptions::default()).unwrap();
    for sample in set.samples() {
        let corner: Vec<f64> = sample.id.split('_').skip(1).map(|part| part.parse().unwrap()).collect();
        for band in &set.card().bands {
            let (path, _) = set.band_file(sample, *band).unwrap();
            let (grid, pixels) = read(&path);
            assert_eq!(grid.width * band.gsd_m() as usize, PATCH * 10);
            assert_eq!((grid.transform.origin_x, grid.transform.origin_y), (corner[0], corner[1]));
            let source = folder.path().join("scene/images").join(format!("{band}.tif"));
            let source = open_raster(&Location::from(source)).unwrap();
            let (col, row) = source.info().grid.transform.to_pixel(corner[0], corner[1]);
            let window = Window::new(col as usize, row as usize, grid.width, grid.height);
            let expected = source.read(0, window).unwrap();
            assert!((0..expected.len()).all(|i| expected.get(i) == pixels[i]), "{} {band}", sample.id);
        }
        let (grid, mask) = read(&set.mask_file(sample));
        let polygons: Vec<_> = all.features().iter().map(|f| f.geometry.clone()).collect();
        let expected = rasterize(&Grid { crs: crs.clone(), ..grid }, &polygons);
        assert!(expected.contains(&1));
        assert!(expected.iter().zip(&mask).all(|(a, b)| f64::from(*a) == *b));
        let share = mask.iter().filter(|v| **v == 1.0).count() as f64 / mask.len() as f64;
        assert!((sample.mining_share - share).abs() < 1e-8);
    }
    assert_eq!(set.samples()[0].commodity.as_deref(), Some("gold"));

    let item: Value =
        minesegsat_io::read_json(&Location::from(out.join("patches/32610_600240_5499600/32610_600240_5499600.json")))
            .unwrap();
    let source = item["links"].as_array().unwrap().iter().find(|link| link["rel"] == "source").unwrap();
    assert!(Path::new(source["href"].as_str().unwrap()).is_file());
    assert_eq!(item["properties"]["label:overviews"][0]["counts"][1]["count"], 100);
    assert_eq!(item["assets"]["B02"]["bands"][0]["raster:offset"], -0.1);
    assert_eq!(
        set.card().scenes[0]["inputs"].as_array().unwrap().len(),
        14,
        "the item, twelve bands, the classification"
    );
}

#[test]
fn the_same_input_gives_the_same_bytes_and_a_second_run_does_only_what_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, labels) = one_scene(folder.path());
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let options = BuildOptions { negatives: 0.5, seed: 3, ..options() };
    build(std::slice::from_ref(&scene), &labels, &one, &options);
    build(std::slice::from_ref(&scene), &labels, &two, &options);
    let first = tree(&one);
    assert_eq!(first, tree(&two));

    let again = build(std::slice::from_ref(&scene), &labels, &one, &options);
    assert_eq!((again.made, again.patches, again.removed), (0, 4, 0));
    assert_eq!(first, tree(&one));

    // State after a killed run: one patch is missing, another is incomplete.
    fs::remove_dir_all(one.join("patches/32610_600240_5499600")).unwrap();
    fs::remove_file(one.join("patches/32610_600720_5499360/B11.tif")).unwrap();
    fs::remove_file(one.join("samples.csv")).unwrap();
    assert_eq!(build(std::slice::from_ref(&scene), &labels, &one, &options).made, 2);
    assert_eq!(first, tree(&one));

    // A label moves from one patch to another; the patch with the other label does not change.
    write_labels(&labels, &[(600_310.0, 5_499_450.0, 100.0, "gold"), (600_500.0, 5_498_900.0, 57.0, "coal")]);
    let moved = build(&[scene], &labels, &one, &BuildOptions { negatives: 0.0, ..options });
    assert_eq!((moved.made, moved.patches), (1, 2));
    assert!(moved.removed >= 1);
    assert!(!one.join("patches/32610_600720_5499360").exists());
    let kept = "patches/32610_600240_5499600/B02.tif";
    assert_eq!(tree(&one)[kept], first[kept]);
}

#[test]
fn the_first_scene_with_data_is_seen_and_offsets_are_brought_together() {
    let folder = tempfile::tempdir().unwrap();
    // The northern twelfth of a scene has no data. The second scene lies 120 m further north and has no offset.
    let first = SceneSpec::new("2A", "05.10");
    let second =
        SceneSpec { sensing: "20210810T190919", origin: (600_000.0, 5_500_140.0), ..SceneSpec::new("2A", "02.12") };
    let item = |name: &str, spec: &SceneSpec, provider| {
        scenes::write_stac_item(&folder.path().join(name), spec, provider).display().to_string()
    };
    let places = [item("first", &first, Provider::EarthSearchC1), item("second", &second, Provider::PlanetaryComputer)];
    let labels = folder.path().join("labels.geojson");
    write_labels(&labels, &[(600_010.0, 5_499_900.0, 60.0, "gold")]);
    let out = folder.path().join("set");
    build(&places, &labels, &out, &options());
    let set = Dataset::open(&out).unwrap();
    let sample = &set.samples()[0];
    assert_eq!((sample.id.as_str(), sample.offset_dn), ("32610_600000_5500080", Some(-1000.0)));
    assert_eq!(sample.scenes.split(' ').count(), 2);
    for band in [Band::B02, Band::B11, Band::B09] {
        let (grid, pixels) = read(&set.band_file(sample, band).unwrap().0);
        let source = |name: &str| read(&folder.path().join(name).join("images").join(format!("{band}.tif")));
        let (a, b) = (source("first"), source("second"));
        let at = |(grid, pixels): &(Grid, Vec<f64>), x: f64, y: f64| {
            let (col, row) = grid.transform.to_pixel(x, y);
            let inside = col >= 0.0 && row >= 0.0 && col < grid.width as f64 && row < grid.height as f64;
            if inside { pixels[row as usize * grid.width + col as usize] } else { 0.0 }
        };
        let (mut from_first, mut from_second) = (0, 0);
        for (i, value) in pixels.iter().enumerate() {
            let (x, y) = grid.transform.to_map((i % grid.width) as f64 + 0.5, (i / grid.width) as f64 + 0.5);
            let expected = match (at(&a, x, y), at(&b, x, y)) {
                (0.0, 0.0) => 0.0,
                (0.0, second) => {
                    from_second += 1;
                    second + 1000.0
                }
                (first, _) => {
                    from_first += 1;
                    first
                }
            };
            assert_eq!(*value, expected, "{band} {i}");
        }
        assert!(from_first > 0 && from_second > 0, "{band}");
    }
    // The border between the scenes is not visible in reflectance.
    let set = Arc::new(set);
    let reader = SampleReader::new(Arc::clone(&set), &[Band::B02], &[BandNormalisation::IDENTITY]).unwrap();
    let patch = reader.read(&set.samples()[0]).unwrap();
    let water: Vec<f32> = patch.data.iter().copied().filter(|v| *v > 0.0).collect();
    assert!(water.len() > 300 && water.iter().all(|v| (0.02..0.03).contains(v)), "{water:?}");
}

#[test]
fn clouds_are_filled_from_the_next_scene_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    // Rows 1/12 to 4/12 of a scene are classified as cloud and shadow; the second scene has them 480 m further north.
    let first = SceneSpec::new("2A", "05.10");
    let second = SceneSpec { sensing: "20210810T190919", origin: (600_000.0, 5_500_500.0), ..first.clone() };
    let item = |name: &str, spec: &SceneSpec| {
        scenes::write_stac_item(&folder.path().join(name), spec, Provider::EarthSearchC1).display().to_string()
    };
    let places = [item("first", &first), item("second", &second)];
    let labels = folder.path().join("labels.geojson");
    write_labels(&labels, &[(600_010.0, 5_499_700.0, 60.0, "gold")]);
    let dates = |name: &str, fill_clouds: bool| {
        let out = folder.path().join(name);
        build(&places, &labels, &out, &BuildOptions { fill_clouds, ..options() });
        let set = Dataset::open(&out).unwrap();
        (set.samples()[0].clear_share.unwrap(), set.samples()[0].scenes.clone())
    };
    let (clear, scenes) = dates("plain", false);
    assert!(clear < 0.7 && scenes.split(' ').count() == 1, "{clear} {scenes}");
    let (clear, scenes) = dates("filled", true);
    assert!(clear > 0.99 && scenes.split(' ').count() == 2, "{clear} {scenes}");
}

/// A class says something of the scene that it belongs to, and nothing of another one.
#[test]
fn each_pixel_has_the_class_of_the_scene_that_it_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    // Without short-wave infrared no mask follows from the pixels. The second scene lies 120 m further north.
    let first = SceneSpec { without: &["B11", "B12"], ..SceneSpec::new("2A", "05.10") };
    let second = SceneSpec { sensing: "20210810T190919", origin: (600_000.0, 5_500_140.0), ..first.clone() };
    let item = |name: &str, spec: &SceneSpec| {
        scenes::write_stac_item(&folder.path().join(name), spec, Provider::EarthSearchC1)
    };
    let items = [item("first", &first), item("second", &second)];
    let labels = folder.path().join("labels.geojson");
    write_labels(&labels, &[(600_010.0, 5_499_900.0, 60.0, "gold")]);
    let at = |(grid, pixels): &(Grid, Vec<f64>), x: f64, y: f64| {
        let (col, row) = grid.transform.to_pixel(x, y);
        let inside = col >= 0.0 && row >= 0.0 && col < grid.width as f64 && row < grid.height as f64;
        if inside { pixels[row as usize * grid.width + col as usize] } else { 0.0 }
    };
    let source = |name: &str, file: &str| read(&folder.path().join(name).join("images").join(file));
    let classes = ["first", "second"].map(|name| source(name, "SCL.tif"));
    let seen = source("first", "B02.tif");
    let check = |out: &str, class_of_first: &dyn Fn(f64, f64) -> f64| {
        let out = folder.path().join(out);
        let places = items.each_ref().map(|path| path.display().to_string());
        build(&places, &labels, &out, &options());
        let set = Dataset::open(&out).unwrap();
        let (grid, found) = read(&set.classification_file(&set.samples()[0]).unwrap());
        let mut from_first = 0;
        for (i, class) in found.iter().enumerate() {
            let (x, y) = grid.transform.to_map((i % grid.width) as f64 + 0.5, (i / grid.width) as f64 + 0.5);
            let is_of_first = at(&seen, x, y) > 0.0;
            from_first += usize::from(is_of_first);
            let expected = if is_of_first { class_of_first(x, y) } else { at(&classes[1], x, y) };
            assert_eq!(*class, expected, "{x} {y}");
        }
        assert!(from_first > 0 && from_first < found.len(), "{from_first} of {}", found.len());
    };
    check("both", &|x, y| at(&classes[0], x, y));
    // The same without the classification of the first scene: its pixels take none of the second one.
    let mut document: Value = serde_json::from_slice(&fs::read(&items[0]).unwrap()).unwrap();
    document["assets"].as_object_mut().unwrap().remove("scl").unwrap();
    fs::write(&items[0], document.to_string()).unwrap();
    check("unclassified", &|_, _| 7.0);
}

#[test]
fn samples_without_labels_are_a_share_of_the_set() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, labels) = one_scene(folder.path());
    let out = folder.path().join("set");
    let report = build(std::slice::from_ref(&scene), &labels, &out, &BuildOptions { negatives: 0.75, ..options() });
    assert_eq!((report.patches, report.with_labels), (8, 2));
    let set = Dataset::open(&out).unwrap();
    assert_eq!(set.samples().iter().filter(|s| s.mining_share == 0.0).count(), 6);
    assert!(set.samples().iter().all(|s| s.data_share.unwrap() >= 0.5));
    let other = folder.path().join("other");
    build(&[scene], &labels, &other, &BuildOptions { negatives: 0.75, seed: 1, ..options() });
    let ids = |set: &Dataset| set.samples().iter().map(|s| s.id.clone()).collect::<Vec<_>>();
    assert_ne!(ids(&set), ids(&Dataset::open(&other).unwrap()), "the seed chooses");
}

#[test]
fn what_cannot_be_built_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, labels) = one_scene(folder.path());
    let out = folder.path().join("set");
    let refused = |places: &[String], labels: &Path, options: &BuildOptions| {
        try_build(places, labels, &out, options).unwrap_err().to_string()
    };
    let error = refused(std::slice::from_ref(&scene), &labels, &BuildOptions { patch_size: 25, ..options() });
    assert!(error.contains("`25`") && error.contains("a multiple of 6"), "{error}");
    let error = refused(std::slice::from_ref(&scene), &labels, &BuildOptions { negatives: 1.0, ..options() });
    assert!(error.contains("0 or more, below 1"), "{error}");

    let shifted =
        SceneSpec { origin: (600_003.0, 5_500_020.0), sensing: "20210810T190919", ..SceneSpec::new("2A", "05.10") };
    let shifted = scenes::write_stac_item(&folder.path().join("shifted"), &shifted, Provider::EarthSearchC1);
    let error = refused(&[scene.clone(), shifted.display().to_string()], &labels, &options());
    assert!(error.contains("shifted by 0.050 pixels") || error.contains("shifted by 0.300 pixels"), "{error}");

    let far = folder.path().join("far.geojson");
    write_labels(&far, &[(400_000.0, 5_400_000.0, 100.0, "gold")]);
    let error = refused(std::slice::from_ref(&scene), &far, &options());
    assert!(error.contains("far.geojson") || error.contains("touch"), "{error}");

    let _running = minesegsat_core::output::FolderLock::acquire(&out).unwrap();
    assert!(matches!(try_build(&[scene], &labels, &out, &options()), Err(Error::FolderInUse { .. })));
}

#[test]
fn statistics_are_those_of_the_training_split() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, labels) = one_scene(folder.path());
    let out = folder.path().join("set");
    build(&[scene], &labels, &out, &BuildOptions { negatives: 0.75, ..options() });
    let set = Dataset::open(&out).unwrap();
    let error = dataset::stats(&set, &StatsOptions::default(), Job::silent()).unwrap_err().to_string();
    assert!(error.contains("dataset split"), "{error}");
    assert!(set.stats().unwrap_err().to_string().contains("dataset stats"));

    let report = dataset::split(&out, &SplitOptions { shares: [1.0, 0.0, 0.0], ..SplitOptions::default() }).unwrap();
    assert_eq!(report.parts[&Split::Train].samples, 8);
    let set = Dataset::open(&out).unwrap();
    let stats = dataset::stats(&set, &StatsOptions::default(), Job::silent()).unwrap();
    assert_eq!(Dataset::open(&out).unwrap().stats().unwrap(), &stats);
    for band in [Band::B04, Band::B12] {
        let mut values: Vec<f64> = set
            .samples()
            .iter()
            .flat_map(|s| read(&set.band_file(s, band).unwrap().0).1)
            .filter(|dn| *dn != 0.0)
            .map(|dn| f64::from(((dn - 1000.0) * 1e-4).max(0.0) as f32))
            .collect();
        values.sort_by(f64::total_cmp);
        let of = &stats.bands[&band];
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let std = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        assert_eq!(of.count, values.len() as u64);
        assert!((of.mean - mean).abs() < 1e-7 && (of.std - std).abs() < 1e-7);
        assert!((of.min - values[0]).abs() < 1e-7 && (of.max - values[values.len() - 1]).abs() < 1e-7);
        let at = |p: f64| values[(p / 100.0 * n).ceil() as usize - 1];
        assert!((of.percentiles["2"] - at(2.0)).abs() < 1e-4 && (of.percentiles["98"] - at(98.0)).abs() < 1e-4);
        assert_eq!(of.histogram.counts.iter().sum::<u64>(), of.count);
    }
    assert!(stats.classes["mining"].area_ha.unwrap() > 1.0);
    let paper: Value = minesegsat_io::read_json(&Location::from(out.join("metadata/B04_metadata.json"))).unwrap();
    assert!((paper["max"].as_f64().unwrap() - stats.bands[&Band::B04].max * 1e4).abs() < 1e-3);
}

/// Writes the paper's layout: folders of bands at native sizes, folders of masks, an index. With `placed`, files have a
/// georeference.
fn paper_set(root: &Path, count: usize) -> Vec<BTreeMap<Band, Vec<u16>>> {
    let mut index = "split,data_path,mask_path,resource\n".to_owned();
    let mut all = Vec::new();
    for n in 0..count {
        let split = ["train", "val", "test"][n % 3];
        index += &format!("{split},bc_mines/image_{n},bc_mines/mask_{n},gold;silver\n");
        let (images, masks) = (root.join(format!("bc_mines/image_{n}")), root.join(format!("bc_mines/mask_{n}")));
        fs::create_dir_all(&images).unwrap();
        fs::create_dir_all(&masks).unwrap();
        let mut bands = BTreeMap::new();
        for band in Band::PAPER {
            let side = 48 * 10 / band.gsd_m() as usize;
            let value = |i: usize| ((i * 7919 + n * 104_729 + band.index() * 15_485_863) % 65_521) as u16;
            let pixels: Vec<u16> = (0..side * side).map(value).collect();
            // Corners differ between bands, because the paper's loader ignores the georeference.
            let origin = (500_000.0 + band.index() as f64, 5_900_000.0);
            let tiff = GeoTiff::new(32610, origin, f64::from(band.gsd_m()), side, side, vec![pixels.clone()]);
            fs::write(images.join(format!("{band}.tif")), tiff.encode()).unwrap();
            bands.insert(band, pixels);
        }
        let mask = (0..48 * 48).map(|i| u16::from(i % 5 == 0)).collect();
        // The mask lies on the grid of the image that it is compared with.
        let origin = (500_000.0 + Band::B04.index() as f64, 5_900_000.0);
        let tiff = GeoTiff::new(32610, origin, 10.0, 48, 48, vec![mask]);
        fs::write(masks.join("mask.tif"), tiff.encode()).unwrap();
        all.push(bands);
    }
    fs::write(root.join("dataset_splits.csv"), index).unwrap();
    fs::create_dir_all(root.join("metadata")).unwrap();
    fs::write(root.join("metadata/B04_metadata.json"), r#"{"min": 1, "max": 12345, "mean": 700.5, "std": 300}"#)
        .unwrap();
    all
}

#[test]
fn the_papers_layout_gives_the_papers_tensors() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("published");
    let written = paper_set(&root, 3);
    let out = folder.path().join("set");
    dataset::import_paper(&root, &out, &ImportOptions::default()).unwrap();
    let set = Arc::new(Dataset::open(&out).unwrap());
    assert_eq!(set.card().bands, Band::PAPER);
    assert_eq!(set.card().parameters["metadata"]["B04"]["max"], 12345);
    assert_eq!(set.split(Split::Val).unwrap()[0].id, "bc_mines/image_1");
    assert_eq!(set.samples()[0].commodity.as_deref(), Some("gold;silver"));
    let identity = [BandNormalisation::IDENTITY; 12];
    let reader = SampleReader::new(Arc::clone(&set), &Band::PAPER, &identity).unwrap();
    for (sample, bands) in set.samples().iter().zip(&written) {
        let raw = reader.read_raw_int16(sample).unwrap();
        assert_eq!(raw.size, (48, 48));
        // np.concatenate([10 m, cv2.resize(20 m, fx=2), cv2.resize(60 m, fx=6)]).astype("int16")
        for (channel, band) in raw.data.chunks_exact(48 * 48).zip(Band::PAPER) {
            let factor = band.gsd_m() as usize / 10;
            let side = 48 / factor;
            let source: Vec<f32> = bands[&band].iter().map(|v| f32::from(*v)).collect();
            let mut enlarged = vec![0.0; 48 * 48];
            if factor == 1 {
                enlarged.clone_from(&source);
            } else {
                Resampler::upsampling(factor, (side, side)).cubic(
                    &source,
                    Window::new(0, 0, 48, 48).into(),
                    &mut enlarged,
                );
            }
            let expected: Vec<i16> = enlarged.iter().map(|v| round_to_u16(*v) as i16).collect();
            assert_eq!(channel, expected, "{band}");
            assert!(expected.iter().any(|v| *v < 0), "large numbers wrap");
        }
        assert_eq!(raw.mask.iter().filter(|v| **v == 1).count(), 461);
    }
}

#[test]
fn a_set_that_has_changed_is_to_be_divided_and_measured_again() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, labels) = one_scene(folder.path());
    let out = folder.path().join("set");
    build(std::slice::from_ref(&scene), &labels, &out, &BuildOptions { negatives: 0.75, ..options() });
    let all_train = SplitOptions { shares: [1.0, 0.0, 0.0], ..SplitOptions::default() };
    dataset::split(&out, &all_train).unwrap();
    dataset::stats(&Dataset::open(&out).unwrap(), &StatsOptions::default(), Job::silent()).unwrap();
    // Nothing changed, so the statistics stay valid.
    build(std::slice::from_ref(&scene), &labels, &out, &BuildOptions { negatives: 0.75, ..options() });
    assert!(Dataset::open(&out).unwrap().stats().is_ok());

    build(&[scene], &labels, &out, &BuildOptions { negatives: 0.8, ..options() });
    let set = Dataset::open(&out).unwrap();
    assert!(set.stats().unwrap_err().to_string().contains("dataset stats"));
    let error = set.split(Split::Train).unwrap_err().to_string();
    assert!(error.contains("2 of its 10 samples were added after the split"), "{error}");
    dataset::split(&out, &all_train).unwrap();
    dataset::stats(&Dataset::open(&out).unwrap(), &StatsOptions::default(), Job::silent()).unwrap();
    dataset::split(&out, &all_train).unwrap();
    assert!(Dataset::open(&out).unwrap().stats().is_err(), "another division has other statistics");
}

#[test]
fn everything_that_is_missing_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("published");
    paper_set(&root, 3);
    fs::remove_file(root.join("bc_mines/image_0/B8A.tif")).unwrap();
    fs::remove_file(root.join("bc_mines/mask_2/mask.tif")).unwrap();
    let error =
        dataset::import_paper(&root, &folder.path().join("set"), &ImportOptions::default()).unwrap_err().to_string();
    assert!(error.contains("2 of the files"), "{error}");
    assert!(error.contains("bc_mines/image_0/B8A.tif") && error.contains("bc_mines/mask_2/mask.tif"), "{error}");
    assert!(!folder.path().join("set/dataset.json").exists());
    let before = fs::read(root.join("dataset_splits.csv")).unwrap();
    let options = ImportOptions { overwrite: true, ..ImportOptions::default() };
    let error = dataset::import_paper(&root, &root, &options).unwrap_err().to_string();
    assert!(error.contains("other than the data's own"), "{error}");
    assert_eq!(fs::read(root.join("dataset_splits.csv")).unwrap(), before);
}

#[test]
fn chips_are_read_with_their_index_and_without() {
    let folder = tempfile::tempdir().unwrap();
    let (images, masks) = (folder.path().join("image"), folder.path().join("mask"));
    fs::create_dir_all(&images).unwrap();
    fs::create_dir_all(&masks).unwrap();
    let mut index = "chip,split,site_group\n".to_owned();
    for n in 0..6_usize {
        let pixels = |k: usize| (0..256).map(|i| 500 + (i * k + n) as u16 % 300).collect::<Vec<u16>>();
        let origin = (500_000.0 + 1000.0 * n as f64, 5_900_000.0);
        let mut tiff = GeoTiff::new(32610, origin, 10.0, 16, 16, vec![pixels(3), pixels(5), pixels(7)]);
        tiff.names = ["B02", "B03", "B04"].map(str::to_owned).to_vec();
        fs::write(images.join(format!("chip_{n}.tif")), tiff.encode()).unwrap();
        let mask = GeoTiff::new(32610, origin, 10.0, 16, 16, vec![vec![u16::from(n > 2); 256]]);
        fs::write(masks.join(format!("chip_{n}.tif")), mask.encode()).unwrap();
        index += &format!("chip_{n}.tif,{},{}\n", if n < 4 { "train" } else { "val" }, n / 2);
    }
    let csv = folder.path().join("index.csv");
    fs::write(&csv, index).unwrap();
    let layout = ChipLayout { images: images.clone(), masks: masks.clone(), index: Some(csv.clone()) };
    let out = folder.path().join("set");
    dataset::import_chips(&layout, &out, &ImportOptions::default()).unwrap();
    let set = Arc::new(Dataset::open(&out).unwrap());
    assert_eq!(set.card().bands, [Band::B02, Band::B03, Band::B04]);
    assert_eq!(set.split(Split::Train).unwrap().len(), 4);
    assert_eq!(set.samples()[5].group.as_deref(), Some("2"));
    let reader =
        SampleReader::new(Arc::clone(&set), &[Band::B04, Band::B02], &[BandNormalisation::IDENTITY; 2]).unwrap();
    let patch = reader.read(&set.samples()[3]).unwrap();
    assert_eq!((patch.size, patch.mask[0]), ((16, 16), 1));
    assert!((patch.data[1] - 0.051).abs() < 1e-6, "B04 comes first: {}", patch.data[1]);
    assert!((patch.data[256 + 1] - 0.0506).abs() < 1e-6, "then B02: {}", patch.data[257]);

    // Given groups are not divided.
    let report = dataset::split(&out, &SplitOptions { shares: [1.0, 1.0, 1.0], ..SplitOptions::default() }).unwrap();
    assert!(report.parts.values().all(|part| part.samples == 2 && part.groups == 1), "{report:?}");

    let again = dataset::import_chips(&layout, &out, &ImportOptions::default());
    assert!(matches!(again, Err(Error::OutputExists { .. })));
    fs::write(&csv, "chip,split\nchip_0.tif,train\nchip_7,val\nchip_9.tif,val\n").unwrap();
    let error =
        dataset::import_chips(&layout, &folder.path().join("b"), &ImportOptions::default()).unwrap_err().to_string();
    assert!(
        error.contains("chip_7.tif") && error.contains("chip_9.tif") && error.contains("4 of the files"),
        "{error}"
    );

    let plain = ChipLayout { images, masks, index: None };
    dataset::import_chips(&plain, &folder.path().join("plain"), &ImportOptions::default()).unwrap();
    let plain = Dataset::open(folder.path().join("plain")).unwrap();
    assert_eq!((plain.samples().len(), plain.is_split()), (6, false));
}

#[test]
fn a_set_too_small_for_its_shares_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, labels) = one_scene(folder.path());
    let out = folder.path().join("set");
    build(&[scene], &labels, &out, &options());
    let error = dataset::split(&out, &SplitOptions::default()).unwrap_err().to_string();
    assert!(error.contains("2 samples, too few for 3 splits"), "{error}");
    assert!(!out.join("dataset_splits.csv").exists());
}

#[test]
fn windows_of_samples_repeat_edges_and_are_ignored_outside() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, labels) = one_scene(folder.path());
    let out = folder.path().join("set");
    build(&[scene], &labels, &out, &options());
    let set = Arc::new(Dataset::open(&out).unwrap());
    let reader =
        SampleReader::new(Arc::clone(&set), &[Band::B02, Band::B11], &[BandNormalisation::IDENTITY; 2]).unwrap();
    let sample = &set.samples()[1];
    let whole = reader.read(sample).unwrap();
    let open = reader.open(sample).unwrap();
    let window = minesegsat_core::resample::SignedWindow { col: -4, row: 8, width: 16, height: 20 };
    let part = open.read(window).unwrap();
    for row in 0..20 {
        for col in 0..16 {
            let (r, c) = (row + 8, col as i64 - 4);
            let at = row * 16 + col;
            if c < 0 || r >= PATCH {
                assert_eq!(part.mask[at], 255);
            } else {
                let from = r * PATCH + c as usize;
                assert_eq!(part.mask[at], whole.mask[from]);
                assert_eq!(part.data[at], whole.data[from]);
                assert_eq!(part.data[16 * 20 + at], whole.data[PATCH * PATCH + from]);
            }
        }
    }
}
