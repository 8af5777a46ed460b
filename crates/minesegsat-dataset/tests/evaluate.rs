//! Evaluation of a segmenter whose answers are known, on chips that are read from files.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use minesegsat_core::job::{Job, Progress};
use minesegsat_core::model_description::{BandNormalisation, ModelDescription};
use minesegsat_core::{Band, Result, Segmenter};
use minesegsat_dataset::evaluate::{
    Estimate, EvaluateOptions, Evaluation, NegativesOptions, Protocol, StabilityOptions, ThresholdChoice, evaluate,
};
use minesegsat_dataset::{ChipLayout, Dataset, ImportOptions, Split, import_chips};
use minesegsat_testing::scenes::GeoTiff;

/// Width and height of a chip in pixels of 10 m.
const SIDE: usize = 10;
const PIXELS: usize = SIDE * SIDE;

/// Maps pixels whose first band has a normalised value of at least 0: a reflectance of at least 0.5.
struct Bright;

impl Segmenter for Bright {
    fn in_channels(&self) -> usize {
        3
    }

    fn size_divisor(&self) -> usize {
        1
    }

    fn segment(&self, patches: &[f32], [_, c, h, w]: [usize; 4], probabilities: &mut [f32]) -> Result<()> {
        for (patch, out) in patches.chunks_exact(c * h * w).zip(probabilities.chunks_exact_mut(h * w)) {
            for (out, value) in out.iter_mut().zip(patch) {
                *out = f32::from(u8::from(*value >= 0.0));
            }
        }
        Ok(())
    }
}

fn model() -> ModelDescription {
    ModelDescription {
        title: "bright".to_owned(),
        bands: vec![Band::B04, Band::B03, Band::B02],
        normalisation: vec![BandNormalisation { offset: 0.5, divisor: 0.25 }; 3],
        absent: Vec::new(),
        gsd_m: 10.0,
        familiarity: None,
        record: serde_json::json!({}),
    }
}

/// Four chips in the sites a, a, b and b of the test split. `dn` and `is_mine` say what pixel i of chip n has in each band.
fn chips(folder: &Path, dn: impl Fn(usize, usize) -> u16, is_mine: impl Fn(usize, usize) -> bool) -> Arc<Dataset> {
    let (images, masks) = (folder.join("image"), folder.join("mask"));
    fs::create_dir_all(&images).unwrap();
    fs::create_dir_all(&masks).unwrap();
    let mut index = "chip,split,site_group\n".to_owned();
    for n in 0..4 {
        let band: Vec<u16> = (0..PIXELS).map(|i| dn(n, i)).collect();
        let mut image = GeoTiff::new(32610, corner(n), 10.0, SIDE, SIDE, vec![band; 3]);
        image.names = ["B04", "B03", "B02"].map(str::to_owned).to_vec();
        fs::write(images.join(format!("chip_{n}.tif")), image.encode()).unwrap();
        let mask = (0..PIXELS).map(|i| u16::from(is_mine(n, i))).collect();
        let mask = GeoTiff::new(32610, corner(n), 10.0, SIDE, SIDE, vec![mask]);
        fs::write(masks.join(format!("chip_{n}.tif")), mask.encode()).unwrap();
        index += &format!("chip_{n}.tif,test,{}\n", if n < 2 { "a" } else { "b" });
    }
    fs::write(folder.join("index.csv"), index).unwrap();
    let layout = ChipLayout { images, masks, index: Some(folder.join("index.csv")) };
    import_chips(&layout, &folder.join("set"), &ImportOptions::default()).unwrap();
    Arc::new(Dataset::open(folder.join("set")).unwrap())
}

/// The upper left corner of a chip.
fn corner(n: usize) -> (f64, f64) {
    (600_000.0 + 1000.0 * n as f64, 5_500_020.0)
}

fn options() -> EvaluateOptions {
    EvaluateOptions {
        split: Split::Test,
        protocol: Protocol::Full,
        threshold: ThresholdChoice::Model(0.5),
        window: 16,
        overlap: 0,
        resamples: 100,
        seed: 0,
        pictures: 0,
        probabilities: false,
        stability: None,
        negatives: None,
        overwrite: true,
    }
}

fn run(dataset: &Arc<Dataset>, options: &EvaluateOptions, job: Job<'_>) -> Result<Evaluation> {
    evaluate(&model(), &Bright, dataset, &dataset.folder().join("out"), options, job)
}

fn near(estimate: Estimate, value: f64) {
    for found in [estimate.value, estimate.low, estimate.high] {
        assert!((found.unwrap() - value).abs() < 1e-9, "{estimate:?} is not {value}");
    }
}

/// Keeps the last report of progress, and checks that none goes back.
#[derive(Default)]
struct Last(std::sync::Mutex<(usize, usize)>);

impl Progress for Last {
    fn advance(&self, done: usize, total: usize) {
        let mut last = self.0.lock().unwrap();
        assert!(done >= last.0 && done <= total, "{done} of {total} after {last:?}");
        *last = (done, total);
    }
}

#[test]
fn changes_of_the_input_have_the_effects_done_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    // Reflectance 0.005, 0.015 ... 0.995 in every chip. The brighter half is mapped, and it is the mine.
    let set = chips(folder.path(), |_, i| (i * 100 + 50) as u16, |_, i| i >= 50);
    let stability = |patches| Some(StabilityOptions { patches, most_absent: 2 });
    let last = Last::default();
    let job = Job::silent().with_progress(&last);
    let found = run(&set, &EvaluateOptions { stability: stability(None), ..options() }, job).unwrap();
    let found = found.stability.unwrap();
    assert_eq!((found.patches, found.sites), (4, 2));
    near(found.f1, 1.0);
    // Four maps of the evaluation; the network of three bands has 13 changes, and the map without a change.
    assert_eq!(*last.0.lock().unwrap(), (4 + 4 * 14, 4 + 4 * 14));
    let labels: Vec<&str> = found.changes.iter().map(|change| change.label.as_str()).collect();
    assert_eq!(labels.len(), 13, "{labels:?}");
    let expected = [
        ("shift by 1 px", 0.0, 0.0, 1.0),
        ("shift by 4 px", 0.0, 0.0, 1.0),
        ("light +10 %", 0.05, 0.1, 100.0 / 105.0),
        ("light -10 %", 0.06, -0.12, 88.0 / 94.0),
        ("reflectance +0.1: offset not subtracted", 0.1, 0.2, 100.0 / 110.0),
        ("reflectance -0.1: offset subtracted twice", 0.1, -0.2, 80.0 / 90.0),
    ];
    for (label, changed, area, f1) in expected {
        let change = found.changes.iter().find(|change| change.label == label).unwrap();
        assert_eq!(change.patches, 4);
        near(change.changed_share, changed);
        near(change.area_change, area);
        near(change.f1, f1);
        near(change.f1_change, f1 - 1.0);
    }

    let metrics = fs::read_to_string(set.folder().join("out/metrics.json")).unwrap();
    let metrics: serde_json::Value = serde_json::from_str(&metrics).unwrap();
    let first = &metrics["stability"]["changes"][0];
    assert_eq!(first["change"], serde_json::json!({ "kind": "shift", "pixels": 1 }));
    assert_eq!(first["changed_share"], serde_json::json!({ "value": 0.0, "low": 0.0, "high": 0.0 }));
    assert!(metrics.get("negatives").is_none());
    let page = fs::read_to_string(set.folder().join("out/report.html")).unwrap();
    assert!(page.contains("Stability of the map") && !page.contains("False land without mines"));

    // Fewer patches; one site gives no intervals.
    let found = run(&set, &EvaluateOptions { stability: stability(Some(1)), ..options() }, Job::silent()).unwrap();
    let found = found.stability.unwrap();
    assert_eq!((found.patches, found.sites), (1, 1));
    assert_eq!(found.f1, Estimate { value: Some(1.0), low: None, high: None });
}

#[test]
fn missing_bands_are_measured_as_far_as_the_model_and_the_sample_have_them() {
    let folder = tempfile::tempdir().unwrap();
    let set = chips(folder.path(), |_, i| (i * 100 + 50) as u16, |_, i| i >= 50);
    // The set has B04, B03 and B02: with a fourth band of the model absent, no product has fewer bands.
    let mut model = model();
    model.bands.push(Band::B08);
    model.normalisation.push(BandNormalisation::IDENTITY);
    model.absent = vec![Band::B08];
    let stability = Some(StabilityOptions { patches: None, most_absent: 3 });
    let options = EvaluateOptions { stability, ..options() };
    let out = folder.path().join("out");
    let found = evaluate(&model, &Bright, &set, &out, &options, Job::silent()).unwrap().stability.unwrap();
    assert_eq!(found.changes.len(), 13);
    near(found.f1, 1.0);
}

fn negatives(options: NegativesOptions) -> EvaluateOptions {
    EvaluateOptions { negatives: Some(options), ..self::options() }
}

#[test]
fn false_land_is_counted_on_all_ground_and_by_cover() {
    let folder = tempfile::tempdir().unwrap();
    // Chip 0 has a bright pixel in its first column and two in its last columns; the others are dark.
    let is_bright = |n: usize, i: usize| n == 0 && [0, 38, 39].contains(&i);
    let set = chips(folder.path(), |n, i| if is_bright(n, i) { 6000 } else { 1000 }, |_, _| false);
    // A map with pixels of 50 m shows the chips 0 and 1: their western halves are cropland, and their eastern ones trees.
    let row: Vec<u16> = (0..40).map(|col| if col % 20 == 0 { 40 } else { 10 }).collect();
    let file = folder.path().join("WorldCover_here.tif");
    fs::write(&file, GeoTiff::new(32610, corner(0), 50.0, 40, 2, vec![row.repeat(2)]).encode()).unwrap();
    let given = NegativesOptions { min_area_m2: 150.0, cover: vec![file], ..NegativesOptions::default() };
    let found = run(&set, &negatives(given), Job::silent()).unwrap().negatives.unwrap();
    let land = &found.land;
    assert_eq!((land.patches, land.sites, land.patches_with_false_land, found.left_out), (4, 2, 1, 0));
    assert!((land.assessed_km2 - 0.04).abs() < 1e-12 && (land.false_ha - 0.03).abs() < 1e-12);
    assert!((land.ha_per_1000_km2.value.unwrap() - 0.03 / 4.0 * 1e5).abs() < 1e-6);
    assert_eq!(land.share_of_patches.value, Some(0.25));
    assert_eq!((found.polygons, found.polygons_per_1000_km2_at_most), (1, None), "one of two is large enough");
    assert!((found.polygons_per_1000_km2.value.unwrap() - 25_000.0).abs() < 1e-6);
    let classes: Vec<(Option<i32>, &str, u64, f64)> = found
        .cover
        .iter()
        .map(|class| (class.class, class.name.as_str(), class.land.patches, (class.land.false_ha * 100.0).round()))
        .collect();
    let expected = [(None, "not in the map", 2, 0.0), (Some(10), "tree cover", 2, 2.0), (Some(40), "cropland", 2, 1.0)];
    assert_eq!(classes, expected);
    // Nothing is mapped on ground that the map does not show: an upper bound of one site.
    let nothing = &found.cover[0].land;
    assert_eq!((nothing.share_of_patches.value, nothing.share_of_patches.high), (Some(0.0), None));
    assert!((nothing.share_of_patches_at_most.unwrap() - 0.9).abs() < 1e-12);
    let page = fs::read_to_string(set.folder().join("out/report.html")).unwrap();
    assert!(page.contains("False land without mines") && page.contains("tree cover"));
}

#[test]
fn patches_with_mines_are_refused_or_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let set = chips(folder.path(), |n, i| if n == 3 && i == 5 { 6000 } else { 1000 }, |n, i| n == 1 && i == 7);
    let error = run(&set, &negatives(NegativesOptions::default()), Job::silent()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("sample `chip_1` has mine pixels (1 of 4 patches have some)"), "{text}");
    assert!(error.setting().is_some());
    assert!(!set.folder().join("out").exists());

    let skipping = NegativesOptions { skip_mines: true, ..NegativesOptions::default() };
    let found = run(&set, &negatives(skipping.clone()), Job::silent()).unwrap();
    assert_eq!(found.dataset.patches, 4, "the other metrics are of all patches");
    let found = found.negatives.unwrap();
    assert_eq!((found.left_out, found.land.patches, found.land.patches_with_false_land), (1, 3, 1));
    assert!((found.land.ha_per_1000_km2.value.unwrap() - 0.01 / 3.0 * 1e5).abs() < 1e-6);

    let other = tempfile::tempdir().unwrap();
    let set = chips(other.path(), |_, _| 1000, |_, i| i == 7);
    let text = run(&set, &negatives(skipping), Job::silent()).unwrap_err().to_string();
    assert!(text.contains("all of its evaluated patches have mines"), "{text}");
}
