//! Small complete simulations with several dates a year.

use super::history::{BEGINS, ENDS};
use super::spectra::BANDS;
use super::tests::{files, options, pixels, run};
use super::*;

fn dated(seed: u64, region: Region) -> SimulateOptions {
    SimulateOptions { dates_per_year: Some(3), years: vec![2022, 2023], size: 480, ..options(seed, region) }
}

fn series(summary: &Summary) -> &SeriesSummary {
    summary.series.as_ref().unwrap()
}

#[test]
fn one_seed_gives_the_same_bytes_and_a_date_does_not_depend_on_other_years() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let small = SimulateOptions { size: 192, ..dated(5, Region::Boreal) };
    let summary = run(&small, &at("a"));
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    one_thread.install(|| run(&small, &at("b")));
    let (a, b) = (files(&at("a")), files(&at("b")));
    assert_eq!(a.len(), 2 + 6 * 14 + 6 * 3 + 5);
    for ((name, a), (other, b)) in a.iter().zip(&b) {
        assert_eq!(name, other);
        assert!(a == b, "{} differs", name.display());
    }
    assert!(summary.years.is_empty() && summary.changes.is_empty());
    let dates = &series(&summary).dates;
    assert_eq!(dates.iter().map(|date| date.year).collect::<Vec<_>>(), [2022, 2022, 2022, 2023, 2023, 2023]);
    run(&SimulateOptions { years: vec![2023], ..small }, &at("c"));
    let scene = |name: &Path| name.starts_with("2023") || name.to_string_lossy().contains("_mask");
    for (name, bytes) in files(&at("c")).iter().filter(|(name, _)| scene(name)) {
        assert!(a.iter().any(|(other, b)| other == name && b == bytes), "{} differs", name.display());
    }
}

#[test]
fn masks_follow_from_the_days_of_onset_and_regrowth() {
    let (mut grown, mut regrown_pixels) = (0, 0);
    for region in Region::ALL {
        for seed in [2] {
            let folder = tempfile::tempdir().unwrap();
            let out = folder.path().join("out");
            let summary = run(&SimulateOptions { sites: Some(4), size: 384, ..dated(seed, region) }, &out);
            let truth = out.join("truth");
            let (onset, regrown) = (pixels(&truth.join("onset.tif")), pixels(&truth.join("regrown.tif")));
            let series = series(&summary);
            assert_eq!(series.disturbed_again_pixels, 0, "{region} {seed}");
            let mut before: Option<Vec<f64>> = None;
            for date in &series.dates {
                let conditions = date.conditions.as_ref().unwrap();
                let day = f64::from(conditions.day);
                let mask = pixels(&truth.join(format!("{}_mask.tif", conditions.date)));
                for (i, value) in mask.iter().enumerate() {
                    let is_mine = onset[i] > 0.0 && onset[i] <= day && !(regrown[i] > 0.0 && regrown[i] <= day);
                    assert_eq!(*value == 1.0, is_mine, "{region} {seed} {}", conditions.date);
                }
                // The polygons are the pixels.
                let polygons = truth.join(format!("{}.gpkg", conditions.date));
                let (polygons, _) = minesegsat_vector::vector::read_area_of_interest(&polygons).unwrap();
                let raster = truth.join(format!("{}_mask.tif", conditions.date));
                let raster = minesegsat_io::open_raster(&minesegsat_io::Location::from(&*raster)).unwrap();
                let burnt = minesegsat_core::rasterize::rasterize(&raster.info().grid, [&polygons]);
                let differ = burnt.iter().zip(&mask).filter(|(a, b)| f64::from(**a) != **b).count();
                assert_eq!(differ, 0, "{region} {seed} {}", conditions.date);
                if let Some(before) = &before {
                    let gain = before.iter().zip(&mask).filter(|(a, b)| **a == 0.0 && **b == 1.0).count();
                    let loss = before.iter().zip(&mask).filter(|(a, b)| **a == 1.0 && **b == 0.0).count();
                    (grown, regrown_pixels) = (grown + gain, regrown_pixels + loss);
                }
                before = Some(mask);
            }
        }
    }
    assert!(grown > 500 && regrown_pixels > 20, "{grown} pixels gained, {regrown_pixels} lost");
}

#[test]
fn parts_are_valid_apart_and_never_shrink_except_for_dumps() {
    use geo::{Area, BooleanOps, Validation};
    for region in Region::ALL {
        let options = SimulateOptions { sites: Some(4), size: 384, ..dated(11, region) };
        let world = World::new(&options);
        for site in &world.sites {
            let last = stage::Stage::on_day(site, ENDS).unwrap();
            let canvas = canvas::Canvas::new(site, &world.terrain, &last, true);
            let mut before: Vec<shapes::Shape> = Vec::new();
            for day in (BEGINS..ENDS).step_by(1461) {
                let Some(stage) = stage::Stage::on_day(site, day) else { continue };
                let drawn = shapes::draw(&canvas, &stage);
                for (k, shape) in drawn.shapes.iter().enumerate() {
                    assert!(shape.outline.is_valid(), "{region} {} {:?} {day}", site.id, shape.part);
                    for other in &drawn.shapes[..k] {
                        let common = shape.outline.intersection(&other.outline).unsigned_area();
                        assert!(common < 1.0, "{:?} and {:?}: {common} m2", shape.part, other.part);
                    }
                }
                let is_lasting = |part: MinePart| !matches!(part, MinePart::WasteRock | MinePart::HaulRoad);
                for old in before.iter().filter(|shape| is_lasting(shape.part)) {
                    let new = drawn.shapes.iter().find(|shape| shape.part == old.part).unwrap();
                    let lost = old.outline.difference(&new.outline).unsigned_area();
                    assert!(lost < 1.0, "{region} {} {:?} {day}: {lost} m2 lost", site.id, old.part);
                }
                before = drawn.shapes;
            }
        }
    }
}

/// Least squares for the shift between two pictures of the same ground (Lucas, Kanade 1981): columns and rows in pixels.
fn shift_between(before: &[f64], after: &[f64], width: usize) -> (f64, f64) {
    let (mut xx, mut xy, mut yy, mut xt, mut yt) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for row in 8..before.len() / width - 8 {
        for col in 8..width - 8 {
            let i = row * width + col;
            let mean = |k: usize| 0.5 * (before[k] + after[k]);
            let (dx, dy) = ((mean(i + 1) - mean(i - 1)) / 2.0, (mean(i + width) - mean(i - width)) / 2.0);
            let dt = before[i] - after[i];
            (xx, xy, yy) = (xx + dx * dx, xy + dx * dy, yy + dy * dy);
            (xt, yt) = (xt + dx * dt, yt + dy * dt);
        }
    }
    let determinant = xx * yy - xy * xy;
    ((yy * xt - xy * yt) / determinant, (xx * yt - xy * xt) / determinant)
}

#[test]
fn pixels_are_shifted_by_what_the_truth_says() {
    for region in Region::ALL {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let clear = SimulateOptions { size: 192, years: vec![2021], cloud_cover_percent: 0.0, ..dated(3, region) };
        let shifted = run(&SimulateOptions { max_shift_px: 0.6, ..clear.clone() }, &at("shifted"));
        let straight = run(&SimulateOptions { max_shift_px: 0.0, ..clear }, &at("straight"));
        let mut largest = 0.0_f64;
        for (a, b) in series(&straight).dates.iter().zip(&series(&shifted).dates) {
            let band = |name: &str| pixels(&at(name).join(format!("2021/{}/B04.tif", a.item)));
            let (east, south) = shift_between(&band("straight"), &band("shifted"), 192);
            assert_eq!(a.conditions.as_ref().unwrap().shift_px, [0.0, 0.0]);
            let told = b.conditions.as_ref().unwrap().shift_px.map(f64::from);
            assert!(told[0].hypot(told[1]) <= 0.6);
            // Gradients of finite differences are too small for fine structures.
            let error = (east - told[0]).hypot(south - told[1]);
            assert!(error < 0.08 + 0.25 * told[0].hypot(told[1]), "{region}: ({east:.3}, {south:.3}) for {told:?}");
            largest = largest.max(told[0].hypot(told[1]));
        }
        assert!(largest > 0.2, "{largest}");
    }
}

#[test]
fn frozen_mines_do_not_change_and_dates_differ() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let frozen = SimulateOptions { mines_of: Some(2021), size: 192, ..dated(11, Region::Tropical) };
    let summary = run(&frozen, &out);
    let dates = &series(&summary).dates;
    assert!(dates.iter().all(|date| date.mines == dates[0].mines));
    assert!(pixels(&out.join("truth/regrown.tif")).iter().all(|day| *day == 0.0));
    assert!(pixels(&out.join("truth/onset.tif")).iter().all(|day| *day == 0.0 || *day == f64::from(BEGINS)));
    let band = |k: usize| std::fs::read(out.join(format!("{}/{}/B04.tif", dates[k].year, dates[k].item))).unwrap();
    assert_ne!(band(0), band(1));
}

#[test]
fn clouds_differ_from_date_to_date_around_their_mean() {
    let folder = tempfile::tempdir().unwrap();
    let many = SimulateOptions {
        size: 192,
        years: vec![2024],
        dates_per_year: Some(30),
        cloud_cover_percent: 40.0,
        sites: Some(1),
        ..options(4, Region::Tropical)
    };
    let summary = run(&many, &folder.path().join("out"));
    let covers: Vec<f64> = series(&summary).dates.iter().map(|date| date.cloud_cover_percent).collect();
    let mean = covers.iter().sum::<f64>() / 30.0;
    // The beta distribution has a standard deviation of 33 percent: 6 percent for the mean of 30.
    assert!((22.0..58.0).contains(&mean), "{covers:?}");
    assert!(covers.iter().any(|cover| *cover < 10.0) && covers.iter().any(|cover| *cover > 80.0), "{covers:?}");
}

#[test]
fn items_of_all_dates_open() {
    for region in Region::ALL {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let options = SimulateOptions { size: 192, years: vec![2021, 2022], ..dated(3, region) };
        let summary = run(&options, &out);
        for date in &series(&summary).dates {
            let item = out.join(format!("{}/{}/item.json", date.year, date.item));
            let open = minesegsat_scene::OpenOptions::default();
            let scene = minesegsat_scene::Scene::open(&item.display().to_string(), &open).unwrap();
            let conditions = date.conditions.as_ref().unwrap();
            assert_eq!(scene.radiometry().decision.removes_offset, conditions.offset_dn == 1000, "{region}");
            let document: serde_json::Value = serde_json::from_slice(&std::fs::read(&item).unwrap()).unwrap();
            let mask = document["assets"]["truth-mask"]["href"].as_str().unwrap();
            assert!(item.parent().unwrap().join(mask).is_file(), "{mask}");
            for band in BANDS {
                assert!(pixels(&item.with_file_name(format!("{band}.tif"))).iter().all(|&v| v >= 1.0));
            }
        }
    }
}

#[test]
fn options_of_dates_say_what_is_accepted() {
    for (bad, said) in [
        (
            SimulateOptions { dates_per_year: Some(0), ..dated(1, Region::Arid) },
            "dates per year `0` is not accepted: 1 to 48",
        ),
        (SimulateOptions { dates_per_year: Some(49), ..dated(1, Region::Arid) }, "dates per year `49`"),
        (SimulateOptions { max_shift_px: 1.5, ..dated(1, Region::Arid) }, "largest shift `1.5`"),
        (SimulateOptions { max_shift_px: f64::NAN, ..dated(1, Region::Arid) }, "largest shift `NaN`"),
    ] {
        let message = bad.check().unwrap_err().to_string();
        assert!(message.contains(said), "{message}");
    }
}
