//! `area-sample design` and `area-sample estimate` on the built program.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::scenes::GeoTiff;
use crate::support::{Done, json_file, names, program, raster, run};
use minesegsat::cog::{CogOptions, CogWriter};
use minesegsat::{Crs, GeoTransform, Grid, Pixels};
use serde_json::Value;

const FILES: [&str; 4] = ["design.json", "samples.csv", "samples.geojson", "samples.gpkg"];

fn design(map: &Path, output: &Path, more: &[&str]) -> Done {
    Done::of(program().args(["area-sample", "design"]).arg(map).arg("-o").arg(output).args(more))
}

fn estimate(design: &Path, more: &[&str]) -> Done {
    Done::of(program().args(["area-sample", "estimate"]).arg(design).args(more))
}

fn write_map(path: &Path, grid: &Grid, values: Vec<u8>) {
    let mut cog = CogWriter::create(path, grid, CogOptions::mask("mining")).unwrap();
    cog.write_rows(&[Pixels::U8(values)]).unwrap();
    cog.finish().unwrap();
}

/// 200 x 160 pixels of 10 m, a mine of 40 x 30 in the middle, a column of nodata.
fn small_map(folder: &Path) -> PathBuf {
    let crs = Crs::from_epsg(32610).unwrap();
    let grid = Grid { crs, transform: GeoTransform::north_up(600_000.0, 5_500_000.0, 10.0), width: 200, height: 160 };
    let value = |row: usize, col: usize| match (row, col) {
        (_, 0) => 255,
        (60..90, 80..120) => 1,
        _ => 0,
    };
    let path = folder.join("mask.tif");
    write_map(&path, &grid, (0..32_000).map(|i| value(i / 200, i % 200)).collect());
    path
}

/// Fills `samples.csv` of a design with what `answer` says of a row and a column of the map.
fn fill(folder: &Path, answer: impl Fn(usize, usize) -> &'static str) {
    let path = folder.join("samples.csv");
    let text = fs::read_to_string(&path).unwrap();
    let mut lines = text.lines();
    let header = lines.next().unwrap();
    let column = |name: &str| header.split(',').position(|column| column == name).unwrap();
    let (row, col, class) = (column("row"), column("col"), column("reference_class"));
    let mut filled = format!("{header}\n");
    for line in lines {
        let mut cells: Vec<&str> = line.split(',').collect();
        let place = |k: usize| cells[k].parse().unwrap();
        cells[class] = answer(place(row), place(col));
        filled += &format!("{}\n", cells.join(","));
    }
    fs::write(path, filled).unwrap();
}

/// The whole way on a simulated scene: its truth, moved a little and with holes and false alarms, is the map; what the
/// truth says at the points are the answers.
#[test]
fn the_true_area_lies_within_the_interval() {
    let folder = tempfile::tempdir().unwrap();
    let sim = folder.path().join("sim");
    let simulate = ["simulate", "--seed", "5", "--years", "2021", "--size", "600", "--cloud-cover", "0", "-o"];
    Done::of(program().args(simulate).arg(&sim)).succeeded_quietly();
    let (info, truth) = raster(&sim.join("truth/2021_mask.tif"));
    let (width, height) = (info.grid.width, info.grid.height);
    // 40 m to the south-east, a tenth in blocks missed, small false alarms, a corner not assessable.
    let hash = |i: usize| ((i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as usize;
    let mapped = |row: usize, col: usize| {
        let block = (row / 20) * 1000 + col / 20;
        let moved = row >= 4 && col >= 4 && truth[(row - 4) * width + col - 4] == 1.0;
        match (row < 50 && col < 50, moved) {
            (true, _) => 255,
            (_, true) => u8::from(!hash(block).is_multiple_of(10)),
            _ => u8::from(hash((row / 4) * 1000 + col / 4).is_multiple_of(150)),
        }
    };
    let map: Vec<u8> = (0..width * height).map(|i| mapped(i / width, i % width)).collect();
    let path = folder.path().join("map.tif");
    write_map(&path, &info.grid, map.clone());

    let out = folder.path().join("design");
    let options = ["--samples", "600", "--min-per-stratum", "150", "--buffer", "8", "--seed", "1", "--blind"];
    let done = design(&path, &out, &options).succeeded_quietly();
    assert!(done.stdout.starts_with("600 points in "), "{}", done.stdout);
    assert!(done.stdout.contains("other near mining") && done.stdout.contains("fill in `reference_class`"));
    assert_eq!(names(&out), FILES);
    let record = json_file(&out.join("design.json"));
    let strata: Vec<&str> =
        record["strata"].as_array().unwrap().iter().map(|stratum| stratum["name"].as_str().unwrap()).collect();
    assert_eq!(strata, ["other", "mining", "other near mining"]);
    // Blind: nothing in the files to fill tells what the map says.
    for name in &FILES[1..] {
        let bytes = fs::read(out.join(name)).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("map_class"), "{name}");
    }

    fill(&out, |row, col| if truth[row * width + col] == 1.0 { "mining" } else { "other" });
    let written = folder.path().join("estimate.json");
    let report = estimate(&out, &["--json", "-o", written.to_str().unwrap()]).succeeded().json();
    assert_eq!(report, json_file(&written));
    let mining = &report["classes"][1];
    let number = |value: &Value| value.as_f64().unwrap();
    let pixel_ha = [0, 1].iter().map(|&k| number(&record["pixel_area_m2"][k])).sum::<f64>() / 2e4;
    let true_ha = (0..map.len()).filter(|&i| map[i] != 255 && truth[i] == 1.0).count() as f64 * pixel_ha;
    let (lower, upper) = (number(&mining["area_ha"]["lower"]), number(&mining["area_ha"]["upper"]));
    assert!(lower < true_ha && true_ha < upper, "{true_ha} ha are not within {lower} to {upper} ha");
    // Narrow enough to say something, and nearer to the truth than the count of pixels.
    assert!(upper - lower < true_ha, "{lower} to {upper} ha");
    let off = |ha: f64| (ha - true_ha).abs();
    assert!(off(number(&mining["area_ha"]["value"])) < off(number(&mining["mapped"]["area_ha"])), "{mining}");
    let overall = number(&report["overall_accuracy"]["value"]);
    let right = (0..map.len()).filter(|&i| map[i] != 255 && f64::from(map[i]) == truth[i]).count() as f64;
    let assessed = map.iter().filter(|&&value| value != 255).count() as f64;
    let half_width = number(&report["overall_accuracy"]["half_width"]);
    assert!((overall - right / assessed).abs() < 1.5 * half_width, "{overall} {}", right / assessed);

    let table = estimate(&out, &[]).succeeded().stdout;
    for said in
        ["± is half the width of the 95 % interval", "user's accuracy", "overall accuracy 0.", "600 of 600 points"]
    {
        assert!(table.contains(said), "`{said}` is not in {table}");
    }
}

#[test]
fn a_design_is_repeatable_and_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let map = small_map(folder.path());
    let (a, b) = (folder.path().join("deep/a"), folder.path().join("b"));
    let options = ["--target-error", "0.05", "--expected-accuracy", "mining=0.7,other=0.95"];
    let first = design(&map, &a, &[&options[..], &["--json"]].concat()).succeeded_quietly().json();
    Done::of(
        program()
            .args(["area-sample", "design"])
            .arg(&map)
            .arg("-o")
            .arg(&b)
            .args(options)
            .env("RAYON_NUM_THREADS", "1"),
    )
    .succeeded_quietly();
    for name in FILES {
        assert!(fs::read(a.join(name)).unwrap() == fs::read(b.join(name)).unwrap(), "{name}");
    }
    assert_eq!(first, json_file(&a.join("design.json")));
    assert_eq!(names(folder.path()), ["b", "deep", "mask.tif"]);
    design(&map, &a, &options).failed(1, &["exists already and is not overwritten", "hint: use `--overwrite`"]);
    design(&map, &a, &[&options[..], &["--overwrite", "--seed", "9"]].concat()).succeeded_quietly();
    assert_ne!(fs::read(a.join("design.json")).unwrap(), fs::read(b.join("design.json")).unwrap());
}

#[test]
fn what_cannot_be_drawn_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let map = small_map(folder.path());
    let refused = |map: &Path, more: &[&str], code: i32, said: &[&str]| {
        design(map, &folder.path().join("deep/out"), more).failed(code, said);
        assert!(!folder.path().join("deep").exists());
    };
    refused(&map, &["--samples", "40"], 1, &["number of samples `40`", "100 or more for 2 strata"]);
    refused(&map, &["--samples", "40000"], 1, &["`40000`", "31840 pixels"]);
    refused(&map, &["--samples", "100", "--buffer", "2000"], 1, &["buffer `2000`", "0 to 1000 pixels"]);
    refused(
        &map,
        &["--samples", "100", "--classes", "0=other"],
        1,
        &["mask.tif", "of the values 1", "hint: `--classes"],
    );
    refused(&map, &["--samples", "100", "--exclude", "0,1"], 1, &["mask.tif", "no pixel can be drawn"]);
    refused(&map, &["--samples", "9", "--min-per-stratum", "1"], 1, &["fewest points of a stratum `1`", "2 or more"]);
    refused(&map, &[], 2, &["--samples", "--target-error"]);
    refused(&map, &["--samples", "100", "--target-error", "0.01"], 2, &["cannot be used with"]);
    refused(&map, &["--samples", "100", "--classes", "mining"], 2, &["VALUE=NAME"]);
    refused(&map, &["--samples", "100", "--allocation", "even"], 2, &["proportional, equal, neyman"]);
    refused(&folder.path().join("none.tif"), &["--samples", "100"], 1, &["none.tif"]);
    let wide = folder.path().join("dn.tif");
    let tiff = GeoTiff::new(32610, (600_000.0, 5_500_000.0), 10.0, 8, 8, vec![vec![300; 64]]);
    fs::write(&wide, tiff.encode()).unwrap();
    refused(&wide, &["--samples", "10"], 1, &["dn.tif", "u16", "uint8"]);
    let blind = folder.path().join("blind.tif");
    let grid = Grid { crs: Crs::WGS84, transform: GeoTransform::north_up(10.0, 50.0, 0.001), width: 30, height: 20 };
    write_map(&blind, &grid, vec![255; 600]);
    refused(&blind, &["--samples", "10"], 1, &["blind.tif", "no pixel can be drawn: all are 255"]);
    assert_eq!(names(folder.path()), ["blind.tif", "dn.tif", "mask.tif"]);
}

/// A map in degrees works like any other; its areas are those on the ellipsoid.
#[test]
fn maps_in_degrees_have_areas_on_the_ellipsoid() {
    let folder = tempfile::tempdir().unwrap();
    let transform = GeoTransform::north_up(10.0, 60.0, 0.01);
    let grid = Grid { crs: Crs::WGS84, transform, width: 100, height: 100 };
    let map = folder.path().join("degrees.tif");
    write_map(&map, &grid, (0..10_000).map(|i| u8::from(i >= 5000)).collect());
    let out = folder.path().join("out");
    let record = design(&map, &out, &["--samples", "200", "--json"]).succeeded_quietly().json();
    let area = |k: usize| record["strata"][k]["area_ha"].as_f64().unwrap();
    // pyproj 3.7.2, shapely 2.2.0:
    // Geod(ellps="WGS84").geometry_area_perimeter(box(10, 59.5, 11, 60).segmentize(0.0005))[0] / 1e4, and box(10, 59, 11, 59.5)
    for (stratum, expected_ha) in [(0, 313_169.488), (1, 317_811.079)] {
        assert!((area(stratum) / expected_ha - 1.0).abs() < 1e-6, "{} ha, not {expected_ha}", area(stratum));
    }
    let sample = &record["samples"][0];
    assert_eq!((&sample["x"], &sample["y"]), (&sample["longitude"], &sample["latitude"]));
    assert!(sample["weight"].is_number());
    fill(&out, |row, _| if row >= 50 { "1" } else { "other" });
    let report = estimate(&out, &["--json"]).succeeded().json();
    assert!((report["classes"][1]["area_ha"]["value"].as_f64().unwrap() / area(1) - 1.0).abs() < 1e-9);
}

#[test]
fn points_that_are_not_filled_or_filled_wrong_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let map = small_map(folder.path());
    let out = folder.path().join("design");
    design(&map, &out, &["--samples", "120"]).succeeded_quietly();
    let written = folder.path().join("estimate.json");
    let refused = |more: &[&str], said: &[&str]| {
        estimate(&out, &[&["-o", written.to_str().unwrap()], more].concat()).failed(1, said);
        assert!(!written.exists());
    };
    refused(&[], &["none of samples.csv, samples.geojson, samples.gpkg", "`reference_class`", "hint: `--reference"]);
    fill(&out, |row, _| if row > 130 { "" } else { "mining" });
    refused(&[], &["of 120 points are not filled: id ", "hint: `--allow-missing`"]);
    let done = estimate(&out, &["--allow-missing"]).succeeded();
    assert!(done.stderr.contains("points are not filled and left out"), "{}", done.stderr);
    fill(&out, |_, _| "mine");
    refused(&[], &["samples.csv", "`mine` (id 1)", "and 112 more", "accepted are other, mining"]);
    refused(&["--reference", map.to_str().unwrap()], &["mask.tif"]);
    refused(&["--confidence-level", "95", "--reference", "none.csv"], &["none.csv"]);
    estimate(&out, &["--confidence-level", "0"]).failed(2, &["percent"]);
    estimate(folder.path(), &[]).failed(1, &["design.json"]);
    fill(&out, |_, _| "mining");
    estimate(&out, &["-o", written.to_str().unwrap()]).succeeded();
    estimate(&out, &["-o", written.to_str().unwrap()]).failed(1, &["exists already", "hint: use `--overwrite`"]);
    estimate(&out, &["-o", written.to_str().unwrap(), "--overwrite", "-q"]).succeeded_quietly();
    let help = run(["area-sample", "--help"]).succeeded_quietly();
    assert!(help.stdout.contains("design") && help.stdout.contains("estimate"));
}
