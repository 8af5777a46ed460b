//! Small complete simulations.

use minesegsat_core::job::Job;
use std::path::PathBuf;

use super::spectra::BANDS;
use super::*;
use minesegsat_core::rasterize::rasterize;
use minesegsat_io::Location;

pub(super) fn options(seed: u64, region: Region) -> SimulateOptions {
    SimulateOptions { seed, region, size: 192, cloud_cover_percent: 3.0, ..SimulateOptions::default() }
}

pub(super) fn run(options: &SimulateOptions, folder: &Path) -> Summary {
    simulate(options, folder, Job::silent()).unwrap()
}

/// Files below a folder with their relative paths and bytes.
pub(super) fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut out = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                out.push((path.strip_prefix(folder).unwrap().to_owned(), std::fs::read(&path).unwrap()));
            }
        }
    }
    out.sort();
    out
}

pub(super) fn pixels(path: &Path) -> Vec<f64> {
    let raster = minesegsat_io::open_raster(&Location::from(path)).unwrap();
    let pixels = raster.read(0, raster.info().grid.full_window()).unwrap();
    (0..pixels.len()).map(|i| pixels.get(i)).collect()
}

#[test]
fn one_seed_gives_the_same_bytes_and_another_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    run(&options(5, Region::Boreal), &at("a"));
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    one_thread.install(|| run(&options(5, Region::Boreal), &at("b")));
    let (a, b) = (files(&at("a")), files(&at("b")));
    assert_eq!(a.len(), 2 + 2 * 14 + 2 * 3 + 2 + 1);
    for ((name, a), (other, b)) in a.iter().zip(&b) {
        assert_eq!(name, other);
        assert!(a == b, "{} differs", name.display());
    }
    // A year does not depend on the other simulated years.
    run(&SimulateOptions { years: vec![2022], ..options(5, Region::Boreal) }, &at("c"));
    let only = files(&at("c"));
    let same = only.iter().filter(|(name, _)| name.starts_with("2022") || name.starts_with("truth/2022.gpkg"));
    for (name, bytes) in same {
        assert!(a.iter().any(|(other, b)| other == name && b == bytes), "{} differs", name.display());
    }
    let other = run(&options(6, Region::Boreal), &at("d"));
    let find = |year: usize, summary: &Summary| summary.years[year].item.clone();
    let first = files(&at("d").join("2021").join(find(0, &other)));
    let mask = |name: &str| std::fs::read(at(name).join("truth/2021_mask.tif")).unwrap();
    assert!(mask("a") != mask("d"));
    assert!(first.iter().all(|(name, bytes)| !a.iter().any(|(o, b)| o.file_name() == name.file_name() && b == bytes)));
}

#[test]
fn masks_are_the_rasterised_polygons_and_the_summary_counts_them() {
    for region in Region::ALL {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let summary = run(&SimulateOptions { size: 480, ..options(2, region) }, &out);
        let mut masks = Vec::new();
        for year in &summary.years {
            let truth = out.join("truth");
            let (polygons, crs) =
                minesegsat_vector::vector::read_area_of_interest(&truth.join(format!("{}.gpkg", year.year))).unwrap();
            let raster =
                minesegsat_io::open_raster(&Location::from(&*truth.join(format!("{}_mask.tif", year.year)))).unwrap();
            let grid = &raster.info().grid;
            assert_eq!(grid.crs, crs);
            let burnt: Vec<f64> = rasterize(grid, [&polygons]).into_iter().map(f64::from).collect();
            let mask = pixels(&truth.join(format!("{}_mask.tif", year.year)));
            assert!(mask == burnt, "{region} {}", year.year);
            let parts = pixels(&truth.join(format!("{}_parts.tif", year.year)));
            assert!(parts.iter().zip(&mask).all(|(p, m)| (*p != 0.0) == (*m == 1.0)));
            assert_eq!(year.total.pixels, mask.iter().filter(|&&m| m == 1.0).count() as u64);
            for part in MinePart::ALL {
                let count = parts.iter().filter(|&&p| p == f64::from(part.value())).count() as u64;
                assert_eq!(year.parts.get(part.name()).map_or(0, |e| e.pixels), count, "{region} {}", part.name());
            }
            assert_eq!(year.mines.iter().map(|m| m.total.pixels).sum::<u64>(), year.total.pixels);
            // A pixel is 0.01 ha, except for the pixel-centre rule and the scale of the projection.
            let mapped = year.total.pixels as f64 * 0.01;
            assert!((year.total.area_ha / mapped - 1.0).abs() < 0.03, "{} ha, {mapped} on the map", year.total.area_ha);
            masks.push(mask);
        }
        let change = pixels(&out.join("truth/change_2021_2022.tif"));
        for (i, value) in change.iter().enumerate() {
            let expected = match (masks[0][i] == 1.0, masks[1][i] == 1.0) {
                (true, true) => 1.0,
                (false, true) => 2.0,
                (true, false) => 3.0,
                (false, false) => 0.0,
            };
            assert_eq!(*value, expected);
        }
        let counts = &summary.changes[0].pixels;
        assert_eq!(counts["gain"], change.iter().filter(|&&v| v == 2.0).count() as u64);
        assert!(counts["stable"] > 0);
    }
}

#[test]
fn a_scene_opens_with_the_offset_of_its_baseline() {
    for region in Region::ALL {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let summary = run(&options(3, region), &out);
        for (year, removes) in summary.years.iter().zip([false, true]) {
            let item = out.join(format!("{}/{}/item.json", year.year, year.item));
            let scene =
                minesegsat_scene::Scene::open(&item.display().to_string(), &minesegsat_scene::OpenOptions::default())
                    .unwrap();
            let decision = &scene.radiometry().decision;
            assert_eq!(decision.removes_offset, removes, "{region} {decision:?}");
            assert_eq!(decision.rule, minesegsat_scene::OffsetRule::AssetMetadata);
            assert!(scene.warnings().is_empty(), "{region} {:?}", scene.warnings());
            for band in BANDS {
                let values = pixels(&item.with_file_name(format!("{band}.tif")));
                assert_eq!(values.len(), (1920 / band.gsd_m() as usize).pow(2));
                let reflectance: Vec<f32> =
                    values.iter().map(|&v| scene.radiometry().reflectance(band, v as f32)).collect();
                assert!(values.iter().all(|&v| v >= 1.0));
                let mean = reflectance.iter().sum::<f32>() / reflectance.len() as f32;
                assert!((0.005..0.6).contains(&mean), "{region} {band} {mean}");
                assert!(reflectance.iter().all(|r| *r < 1.6));
            }
        }
    }
}

#[test]
fn mines_cover_some_percent_on_average() {
    let mut shares = Vec::new();
    for region in Region::ALL {
        for seed in 0..6 {
            let options = SimulateOptions { size: 768, ..options(seed, region) };
            let world = World::new(&options);
            let grid = grid_at(&SceneLocation::new(seed, region), options.size).unwrap();
            let (drawn, _) = world.mines(2021);
            let truth = Truth::new(&grid, &drawn.iter().map(|(site, drawn)| (*site, drawn)).collect::<Vec<_>>());
            let mines = truth.raster.iter().filter(|&&v| v != 0).count();
            shares.push(mines as f64 / truth.raster.len() as f64);
        }
    }
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    assert!((0.025..0.06).contains(&mean), "{shares:?}");
    assert!(shares.iter().all(|s| (0.002..0.15).contains(s)), "{shares:?}");
}

#[test]
fn outlines_are_valid_and_parts_do_not_overlap() {
    use geo::{Area, BooleanOps, Validation};
    for region in Region::ALL {
        let options = SimulateOptions { size: 480, ..options(11, region) };
        let world = World::new(&options);
        for year in [2019, 2022, 2026] {
            for (site, drawn) in world.mines(year).0 {
                for (k, shape) in drawn.shapes.iter().enumerate() {
                    assert!(shape.outline.is_valid(), "{region} {} {:?}", site.id, shape.part);
                    let inside =
                        |c: geo::Coord<f64>| (-0.01..4800.01).contains(&c.x) && (-0.01..4800.01).contains(&c.y);
                    assert!(geo::CoordsIter::coords_iter(&shape.outline).all(inside));
                    for other in &drawn.shapes[..k] {
                        let common = shape.outline.intersection(&other.outline).unsigned_area();
                        let smaller = shape.outline.unsigned_area().min(other.outline.unsigned_area());
                        assert!(common < 0.03 * smaller + 300.0, "{:?} and {:?}: {common}", shape.part, other.part);
                    }
                }
            }
        }
    }
}

#[test]
fn no_mines_and_many_are_possible() {
    let folder = tempfile::tempdir().unwrap();
    let none = run(&SimulateOptions { sites: Some(0), ..options(1, Region::Arid) }, &folder.path().join("none"));
    assert_eq!(none.years[0].total.pixels, 0);
    assert!(pixels(&folder.path().join("none/truth/2021_mask.tif")).iter().all(|&v| v == 0.0));
    let many = run(&SimulateOptions { sites: Some(5), ..options(1, Region::Arid) }, &folder.path().join("many"));
    assert!(many.years[1].mines.len() >= 3, "{:?}", many.years[1].mines.len());
}

#[test]
fn options_out_of_range_say_what_is_accepted() {
    let base = SimulateOptions::default();
    for (bad, said) in [
        (SimulateOptions { size: 200, ..base.clone() }, "size `200` is not accepted: a multiple of 6 from 192"),
        (SimulateOptions { size: 12_000, ..base.clone() }, "to 10980"),
        (SimulateOptions { years: vec![], ..base.clone() }, "at least one year"),
        (SimulateOptions { years: vec![2021, 2021], ..base.clone() }, "years `2021,2021`"),
        (SimulateOptions { years: vec![1999], ..base.clone() }, "2016 to 2035"),
        (SimulateOptions { sites: Some(201), ..base.clone() }, "0 to 200"),
        (SimulateOptions { cloud_cover_percent: f64::NAN, ..base.clone() }, "0 to 100 percent"),
    ] {
        let message = bad.check().unwrap_err().to_string();
        assert!(message.contains(said), "{message}");
    }
    assert!("polar".parse::<Region>().unwrap_err().to_string().contains("boreal, arid, tropical"));
}

#[test]
fn a_cancelled_run_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let result =
        simulate(&options(1, Region::Boreal), &out, Job::with_cancel(&std::sync::atomic::AtomicBool::new(true)));
    assert!(matches!(result, Err(Error::Interrupted)));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn mines_of_one_year_do_not_change_while_the_scenes_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mines = SimulateOptions { mines_of: Some(2021), ..options(11, Region::Boreal) };
    let summary = run(&mines, &at("frozen"));
    let truth = |year: i16| std::fs::read(at("frozen").join(format!("truth/{year}_mask.tif"))).unwrap();
    let years: Vec<i16> = summary.years.iter().map(|year| year.year).collect();
    assert_eq!(truth(years[0]), truth(years[1]));
    assert_eq!(summary.years[0].total.pixels, summary.years[1].total.pixels);
    let band = |k: usize| {
        let year = &summary.years[k];
        std::fs::read(at("frozen").join(format!("{}/{}/B04.tif", year.year, year.item))).unwrap()
    };
    assert_ne!(band(0), band(1), "light and season differ");
}
