//! Complete runs with a fake network. Its prediction for a pixel depends only on that pixel, so the map can be
//! computed by hand and must not show patch borders.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use minesegsat_core::job::{Job, Progress};
use minesegsat_core::{
    Band, Error, Result, Segmenter, Window,
    area_of_interest::AreaOfInterest,
    model_description::{BandNormalisation, ModelDescription},
    polygonize::Connectivity,
};
use minesegsat_io::{Location, Pixels, open_raster};
use minesegsat_map::predict::{Outlines, PredictOptions, predict};
use minesegsat_scene::{OpenOptions, Scene, manifest::Manifest};
use minesegsat_testing::scenes::{self, SceneSpec};
use minesegsat_vector::vector::VectorFormat;

/// Probability is the sum of the channels, kept within 0 to 1.
#[derive(Debug, Default)]
struct Sum {
    /// Fails at this patch, counted from 1.
    fails_at: Option<usize>,
    calls: AtomicUsize,
}

impl Segmenter for Sum {
    fn in_channels(&self) -> usize {
        2
    }

    fn size_divisor(&self) -> usize {
        4
    }

    fn segment(&self, patches: &[f32], shape: [usize; 4], probabilities: &mut [f32]) -> Result<()> {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if self.fails_at == Some(calls) {
            return Err(Error::segmenter("as asked".to_owned()));
        }
        let pixels = shape[2] * shape[3];
        for (patch, out) in patches.chunks_exact(2 * pixels).zip(probabilities.chunks_exact_mut(pixels)) {
            for (i, p) in out.iter_mut().enumerate() {
                *p = (patch[i] + patch[pixels + i]).clamp(0.0, 1.0);
            }
        }
        Ok(())
    }
}

fn model() -> ModelDescription {
    ModelDescription {
        title: "sum of two bands".to_owned(),
        // One band on the 10 m grid and one that has to be resampled.
        bands: vec![Band::B04, Band::B11],
        normalisation: vec![BandNormalisation::IDENTITY; 2],
        absent: Vec::new(),
        familiarity: None,
        gsd_m: 10.0,
        record: serde_json::json!({ "title": "sum of two bands" }),
    }
}

fn options() -> PredictOptions {
    PredictOptions {
        patch_size: 32,
        overlap_px: 8,
        batch_size: 1,
        workers: 2,
        threshold: 0.2,
        min_area_m2: 0.0,
        connectivity: Connectivity::Four,
        outlines: Outlines::Pixels,
        formats: vec![VectorFormat::GeoJson],
        area: AreaOfInterest::Scene,
        area_incomplete: None,
        overwrite: false,
        device: "cpu".to_owned(),
    }
}

fn scene_in(folder: &Path) -> Scene {
    let spec = SceneSpec::new("2A", "05.10");
    let path = scenes::write_safe(folder, &spec);
    Scene::open(path.to_str().unwrap(), &OpenOptions::default()).unwrap()
}

fn run(scene: &Scene, folder: &Path, options: &PredictOptions) -> Result<Manifest> {
    predict(scene, &model(), &Sum::default(), folder, options, Job::silent())
}

fn read(path: PathBuf) -> (usize, usize, Vec<f32>) {
    let raster = open_raster(&Location::Path(path)).unwrap();
    let (width, height) = (raster.info().grid.width, raster.info().grid.height);
    let pixels = raster.read(0, Window::new(0, 0, width, height)).unwrap();
    let values = match pixels {
        Pixels::F32(values) => values,
        other => (0..other.len()).map(|i| other.get(i) as f32).collect(),
    };
    (width, height, values)
}

fn assert_same(a: &[f32], b: &[f32], tolerance: f32, what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance, "{what}: pixel {i}: {a} and {b}");
    }
}

#[test]
fn the_map_does_not_show_where_patches_begin_and_end() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene_in(folder.path());
    // One patch larger than the scene has no seams at all.
    let whole = folder.path().join("whole");
    run(&scene, &whole, &PredictOptions { patch_size: 128, overlap_px: 0, ..options() }).unwrap();
    let (width, height, expected) = read(whole.join("probability.tif"));
    assert_eq!((width, height), (120, 120));
    assert!(expected.iter().any(|p| *p > 0.3) && expected.iter().any(|p| *p < 0.1), "the scene has contrast");
    assert!(expected.iter().any(|p| p.is_nan()), "clouds are not assessed");
    for (patch_size, overlap_px, batch_size, workers) in
        [(32, 0, 1, 1), (32, 8, 3, 2), (48, 24, 2, 1), (64, 8, 64, 3), (100, 50, 1, 2)]
    {
        let out = folder.path().join(format!("{patch_size}-{overlap_px}-{batch_size}-{workers}"));
        run(&scene, &out, &PredictOptions { patch_size, overlap_px, batch_size, workers, ..options() }).unwrap();
        let (_, _, found) = read(out.join("probability.tif"));
        assert_same(&found, &expected, 2.0 / 65_536.0, &format!("patch {patch_size}, overlap {overlap_px}"));
    }
}

#[test]
fn batch_size_and_workers_do_not_change_a_byte() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene_in(folder.path());
    let mut files: Vec<Vec<Vec<u8>>> = Vec::new();
    for (batch_size, workers) in [(1, 1), (5, 3), (16, 2)] {
        let out = folder.path().join(format!("{batch_size}-{workers}"));
        run(&scene, &out, &PredictOptions { batch_size, workers, ..options() }).unwrap();
        let names = ["probability.tif", "mask.tif", "polygons.geojson", "quicklook.png"];
        files.push(names.iter().map(|name| std::fs::read(out.join(name)).unwrap()).collect());
    }
    assert!(files[0] == files[1] && files[0] == files[2]);
}

#[test]
fn a_window_has_the_same_pixels_as_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene_in(folder.path());
    run(&scene, &folder.path().join("whole"), &options()).unwrap();
    let (width, _, whole) = read(folder.path().join("whole/probability.tif"));
    // Some 300 m x 200 m in the middle of the scene.
    let to_wgs84 = minesegsat_core::Transformer::new(&scene.grid().crs, &minesegsat_core::Crs::WGS84).unwrap();
    let (x, y) = scene.grid().transform.to_map(50.0, 60.0);
    let (west, north) = to_wgs84.transform(x, y).unwrap();
    let (east, south) = to_wgs84.transform(x + 300.0, y - 200.0).unwrap();
    let out = folder.path().join("window");
    let area = AreaOfInterest::Bbox([west, south, east, north]);
    let manifest = run(&scene, &out, &PredictOptions { area, ..options() }).unwrap();
    let (w, h, window) = read(out.join("probability.tif"));
    assert!((30..=33).contains(&w) && (20..=23).contains(&h), "{w} x {h}");
    let t = manifest.grid.transform;
    let (col, row) = scene.grid().transform.to_pixel(t[0], t[3]);
    for r in 0..h {
        let at = (row as usize + r) * width + col as usize;
        assert_same(&window[r * w..][..w], &whole[at..][..w], 2.0 / 65_536.0, &format!("row {r}"));
    }
}

#[test]
fn pixels_outside_of_the_polygons_asked_for_are_not_assessed() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene_in(folder.path());
    let t = scene.grid().transform;
    let corner = |col: f64, row: f64| t.to_map(col, row);
    let triangle = geo::Polygon::new(
        geo::LineString::from(vec![corner(20.0, 50.0), corner(80.0, 50.0), corner(20.0, 110.0), corner(20.0, 50.0)]),
        vec![],
    );
    let area = AreaOfInterest::Polygons(geo::MultiPolygon(vec![triangle]), scene.grid().crs.clone());
    let manifest = run(&scene, &folder.path().join("out"), &PredictOptions { area, ..options() }).unwrap();
    assert_eq!((manifest.grid.width, manifest.grid.height), (60, 60));
    let inside = manifest.assessed.pixels - manifest.assessed.outside_pixels;
    // Half of 60 x 60 pixels, give or take the diagonal.
    assert!((1740..=1860).contains(&inside), "{inside}");
    let (_, _, probability) = read(folder.path().join("out/probability.tif"));
    assert!(probability[59 * 60 + 59].is_nan());
}

#[test]
fn a_failing_network_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene_in(folder.path());
    for (fails_at, workers) in [(1, 1), (7, 3), (12, 2)] {
        let segmenter = Sum { fails_at: Some(fails_at), ..Sum::default() };
        let out = folder.path().join("out");
        let options = PredictOptions { workers, ..options() };
        let result = predict(&scene, &model(), &segmenter, &out, &options, Job::silent());
        assert!(matches!(result, Err(Error::Segmenter { reason, .. }) if reason == "as asked"));
        assert!(!out.exists());
    }
}

#[test]
fn a_cancelled_run_leaves_nothing_behind() {
    /// Cancels after some patches.
    struct Cancels<'a>(&'a AtomicBool);
    impl Progress for Cancels<'_> {
        fn advance(&self, done: usize, _total: usize) {
            self.0.store(done == 5, Ordering::Relaxed);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let scene = scene_in(folder.path());
    let cancel = AtomicBool::new(false);
    let out = folder.path().join("out");
    let result = predict(&scene, &model(), &Sum::default(), &out, &options(), Job::new(&Cancels(&cancel), &cancel));
    assert!(matches!(result, Err(Error::Interrupted)), "{result:?}");
    assert!(!out.exists());
}

#[test]
fn small_polygons_leave_the_mask_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene_in(folder.path());
    run(&scene, &folder.path().join("all"), &options()).unwrap();
    let out = folder.path().join("large");
    let manifest = run(&scene, &out, &PredictOptions { min_area_m2: 2000.0, ..options() }).unwrap();
    let (_, _, mask) = read(out.join("mask.tif"));
    let pixels = mask.iter().filter(|m| **m == 1.0).count();
    // 100 m2 a pixel on the map, a little different on the ellipsoid.
    assert!((manifest.totals.area_ha * 100.0 / pixels as f64 - 1.0).abs() < 0.002, "{:?} {pixels}", manifest.totals);
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join("polygons.geojson")).unwrap()).unwrap();
    let features = json["features"].as_array().unwrap();
    assert_eq!(features.len(), manifest.totals.polygons);
    assert!(features.iter().all(|f| f["properties"]["area_ha"].as_f64().unwrap() >= 0.2));
}

#[test]
fn contours_are_outlines_of_the_same_regions() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene_in(folder.path());
    let polygons = |outlines: Outlines, name: &str| {
        let out = folder.path().join(name);
        let manifest = run(&scene, &out, &PredictOptions { outlines, ..options() }).unwrap();
        let record: serde_json::Value =
            serde_json::from_slice(&std::fs::read(out.join("manifest.json")).unwrap()).unwrap();
        let text = std::fs::read_to_string(out.join("polygons.geojson")).unwrap();
        let features: serde_json::Value = serde_json::from_str(&text).unwrap();
        let features = features["features"].as_array().unwrap().clone();
        (manifest, record["parameters"]["outlines"].clone(), features, read(out.join("mask.tif")).2)
    };
    let (edges, said, by_edges, mask) = polygons(Outlines::Pixels, "pixels");
    assert_eq!(said, "pixels");
    let (contours, said, by_contour, same) = polygons(Outlines::Contour, "contour");
    assert_eq!(said, "contour");
    assert_eq!(mask, same, "the mask does not depend on the outlines");
    assert_eq!(by_edges.len(), by_contour.len());
    // An outline moves by at most half a pixel of 10 m, so its area by at most half of its length times a pixel.
    let (mut bound, mut moved) = (0.0, false);
    for (edge, contour) in by_edges.iter().zip(&by_contour) {
        let number = |feature: &serde_json::Value, name: &str| feature["properties"][name].as_f64().unwrap();
        let here = number(edge, "perimeter_m") * 5.0 / 1e4;
        assert!((number(edge, "area_ha") - number(contour, "area_ha")).abs() <= here * 1.001);
        assert_eq!(number(edge, "mean_probability"), number(contour, "mean_probability"));
        moved |= edge["geometry"] != contour["geometry"];
        bound += here;
    }
    assert!(moved);
    assert!((edges.totals.area_ha - contours.totals.area_ha).abs() <= bound * 1.001);
}

#[test]
fn outputs_of_another_format_do_not_outlive_an_overwrite() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene_in(folder.path());
    let out = folder.path().join("out");
    run(&scene, &out, &options()).unwrap();
    let again = PredictOptions { formats: vec![VectorFormat::GeoPackage], ..options() };
    assert!(matches!(run(&scene, &out, &again), Err(Error::OutputExists { .. })));
    run(&scene, &out, &PredictOptions { overwrite: true, ..again }).unwrap();
    assert!(out.join("polygons.gpkg").exists() && !out.join("polygons.geojson").exists());
}
