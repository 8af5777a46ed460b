//! A merge held against one raster of the same ground, and what it does with missing units and several periods.

use std::path::Path;

use geo::{MultiPolygon, Rect};
use jiff::civil::date;
use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::uncertainty::AreaErrorModel;
use minesegsat_core::{Crs, Transformer};
use minesegsat_io::cog::{CogOptions, CogWriter};
use minesegsat_io::{Location, Pixels, open_raster};
use minesegsat_scene::manifest::OutputRecord;
use minesegsat_vector::labels::{LabelOptions, Labels};

use crate::merge::{LAND_GPKG, LAND_PARQUET, MergeOptions, TOTALS, merge};
use crate::period::Period;
use crate::project::{Composite, PROBABILITY, Plan, PlannedModel, Project, Tile, Unit, UnitRecord, UnitState};

const PIXEL: f64 = 10.0;

/// A disc of disturbed land: longitude, latitude and radius in metres.
type Disc = (f64, f64, f64);

fn metres(lon: f64, lat: f64, disc: &Disc) -> f64 {
    let (x, y) = ((lon - disc.0) * disc.1.to_radians().cos(), lat - disc.1);
    (x * x + y * y).sqrt() * 111_195.0
}

fn plan_of(tiles: Vec<Tile>, area: MultiPolygon<f64>, years: &[i16]) -> Plan {
    let periods: Vec<Period> = years
        .iter()
        .map(|&year| Period { name: year.to_string(), first: date(year, 1, 1), last: date(year, 12, 31) })
        .collect();
    let mut units = Vec::new();
    for (period, of) in periods.iter().enumerate() {
        for (tile, named) in tiles.iter().enumerate() {
            let id = format!("{}-{}", named.name, of.name);
            units.push(Unit { id, tile, period, scenes: vec!["S".to_owned()], estimated_bytes: 1 });
        }
    }
    Plan {
        version: 1,
        area,
        area_incomplete: None,
        periods,
        model: PlannedModel {
            title: "test".to_owned(),
            sha256: "ab".to_owned(),
            threshold: 0.5,
            area_error: AreaErrorModel { range_m: 80.0, inflation: 1.0, relative_sd: 0.1, fitted_to: 1 },
        },
        composite: Composite::BestPixel,
        min_seen: 1.0,
        min_area_m2: 0.0,
        catalogue: "test".to_owned(),
        tiles,
        units,
        empty: Vec::new(),
        uncovered_ha: 0.0,
    }
}

/// Writes the map of a unit: 0.9 inside the discs, 0.1 elsewhere, NaN where `hidden` says so.
fn map(project: &Project, unit: &Unit, discs: &[Disc], hidden: impl Fn(f64, f64) -> bool) {
    let grid = project.tile(unit).grid().unwrap();
    let to_lon_lat = Transformer::new(&grid.crs, &Crs::WGS84).unwrap();
    let mut values = Vec::with_capacity(grid.width * grid.height);
    for row in 0..grid.height {
        for col in 0..grid.width {
            let (x, y) = grid.transform.to_map(col as f64 + 0.5, row as f64 + 0.5);
            let (lon, lat) = to_lon_lat.transform(x, y).unwrap();
            let p = if discs.iter().any(|disc| metres(lon, lat, disc) < disc.2) { 0.9 } else { 0.1 };
            values.push(if hidden(lon, lat) { f32::NAN } else { p });
        }
    }
    let path = project.unit_folder(unit).join(PROBABILITY);
    let mut cog = CogWriter::create(&path, &grid, CogOptions::default()).unwrap();
    cog.write_rows(&[Pixels::F32(values)]).unwrap();
    cog.finish().unwrap();
    let hash = OutputRecord::from_file(PROBABILITY, &path).unwrap().sha256;
    let record =
        UnitRecord { state: UnitState::Done, mean_probability: Some(0.2), sha256: hash, ..UnitRecord::default() };
    project.write_record(unit, &record).unwrap();
}

fn create(folder: &Path, plan: Plan) -> Project {
    let items = vec![Vec::new(); plan.units.len()];
    Project::create(folder, plan, &items).unwrap()
}

/// Tiles of 549 pixels, 5 km apart, around a place: three columns and four rows of each zone.
fn tiles_of_two_zones(lon: f64, lat: f64) -> Vec<Tile> {
    let mut tiles = Vec::new();
    for (epsg, first) in [(32610_u16, -13_000.0), (32611, -2_500.0)] {
        let to = Transformer::new(&Crs::WGS84, &Crs::from_epsg(epsg).unwrap()).unwrap();
        let (x, y) = to.transform(lon, lat).unwrap();
        let (x, y) = ((x / 1000.0).round() * 1000.0 + first, (y / 1000.0).round() * 1000.0 + 10_000.0);
        for row in 0..4 {
            for col in 0..3 {
                let (x, y) = (x + 5000.0 * f64::from(col), y - 5000.0 * f64::from(row));
                let name = format!("{epsg}-{row}{col}");
                tiles.push(Tile { name, epsg, origin: [x, y], pixel: PIXEL, size: [549, 549] });
            }
        }
    }
    tiles
}

/// Discs over the area, some of them across the borders of tiles and of zones.
fn discs(lon: f64, lat: f64) -> Vec<Disc> {
    let mut discs = Vec::new();
    for row in -3_i32..=3 {
        for col in -4_i32..=4 {
            let radius = 150.0 + 40.0 * f64::from((row * 5 + col * 3).rem_euclid(7));
            // Column 0 lies on the border between the zones.
            discs.push((lon + f64::from(col) * 0.032, lat + f64::from(row) * 0.021, radius));
        }
    }
    discs
}

#[test]
fn tiles_of_two_zones_give_the_land_of_one_raster() {
    let home = tempfile::tempdir().unwrap();
    let (lon, lat) = (-120.0, 51.0);
    let area: MultiPolygon<f64> = Rect::new((lon - 0.155, lat - 0.075), (lon + 0.155, lat + 0.075)).to_polygon().into();
    let discs = discs(lon, lat);
    let tiles = tiles_of_two_zones(lon, lat);
    assert_eq!(tiles.len(), 24);
    let many = create(&home.path().join("many"), plan_of(tiles, area.clone(), &[2024]));
    many.plan.units.iter().for_each(|unit| map(&many, unit, &discs, |_, _| false));
    let to = Transformer::new(&Crs::WGS84, &Crs::from_epsg(32610).unwrap()).unwrap();
    let (x, y) = to.transform(lon, lat).unwrap();
    let whole = Tile {
        name: "whole".to_owned(),
        epsg: 32610,
        origin: [(x / 10.0).round() * 10.0 - 12_500.0, (y / 10.0).round() * 10.0 + 10_000.0],
        pixel: PIXEL,
        size: [2500, 2000],
    };
    let one = create(&home.path().join("one"), plan_of(vec![whole], area.clone(), &[2024]));
    map(&one, &one.plan.units[0], &discs, |_, _| false);

    let merged = |project: &Project| {
        let folder = project.folder().join("merged");
        let report = merge(project, &folder, MergeOptions::default(), minesegsat_core::job::Job::silent()).unwrap();
        report.periods[0].clone()
    };
    let (of_many, of_one) = (merged(&many), merged(&one));
    let near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-3;
    assert_eq!(of_many.polygons, of_one.polygons);
    assert_eq!(of_many.polygons, discs.len(), "every disc is one polygon, whole");
    assert!(near(of_many.mapped_ha, of_one.mapped_ha), "{of_many:?}\n{of_one:?}");
    assert!(near(of_many.disturbed.ha, of_one.disturbed.ha), "{of_many:?}\n{of_one:?}");
    let area_ha = GeodesicMeter::new(&Crs::WGS84).unwrap().measure(&area).unwrap().area_m2 / 1e4;
    assert!(near(of_many.area_ha, area_ha) && near(of_many.seen_ha, area_ha), "{of_many:?} {area_ha}");
    assert!(of_many.missing_ha.abs() < f64::EPSILON && of_many.missing_units.is_empty());

    // The files: polygons in both formats, masks with the same pixels, an index.
    let folder = many.folder().join("merged");
    for name in [LAND_PARQUET, LAND_GPKG] {
        let labels = Labels::read(&folder.join(name), &LabelOptions::default()).unwrap();
        assert_eq!(labels.features().len(), discs.len(), "{name}");
    }
    let mut pixels = 0;
    for epsg in [32610, 32611] {
        let raster = open_raster(&Location::from(folder.join(format!("mask-2024-{epsg}.tif")).as_path())).unwrap();
        let Pixels::U8(mask) = raster.read(0, raster.info().grid.full_window()).unwrap() else { panic!("a mask") };
        pixels += mask.iter().filter(|&&value| value == 1).count();
    }
    assert!(near(pixels as f64 / 100.0, of_many.mapped_ha), "{pixels}: UTM pixels are within 0.1 % here");
    assert!(folder.join("masks-2024.gti.gpkg").is_file() && folder.join(TOTALS).is_file());

    // A second merge has the same bytes.
    let again = many.folder().join("again");
    merge(&many, &again, MergeOptions::default(), minesegsat_core::job::Job::silent()).unwrap();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        let (first, second) =
            (std::fs::read(entry.path()).unwrap(), std::fs::read(again.join(entry.file_name())).unwrap());
        assert!(first == second, "{:?}", entry.file_name());
    }
}

fn one_zone(years: &[i16]) -> (tempfile::TempDir, Project, f64, f64) {
    let home = tempfile::tempdir().unwrap();
    let (lon, lat) = (-121.0, 51.0);
    let to = Transformer::new(&Crs::WGS84, &Crs::from_epsg(32610).unwrap()).unwrap();
    let (x, y) = to.transform(lon, lat).unwrap();
    let (x, y) = ((x / 10.0).round() * 10.0, (y / 10.0).round() * 10.0);
    let tile = |name: &str, x: f64| Tile {
        name: name.to_owned(),
        epsg: 32610,
        origin: [x, y + 2000.0],
        pixel: PIXEL,
        size: [300, 400],
    };
    let tiles = vec![tile("east", x - 500.0), tile("west", x - 2500.0)];
    let area = Rect::new((lon - 0.03, lat - 0.015), (lon + 0.03, lat + 0.015)).to_polygon().into();
    let project = create(&home.path().join("p"), plan_of(tiles, area, years));
    (home, project, lon, lat)
}

#[test]
fn a_missing_unit_is_refused_or_named_in_every_total() {
    let (_home, project, lon, lat) = one_zone(&[2024]);
    map(&project, &project.plan.units[0], &[(lon, lat, 300.0)], |_, _| false);
    let folder = project.folder().join("merged");
    let job = minesegsat_core::job::Job::silent();
    let error = merge(&project, &folder, MergeOptions::default(), job).unwrap_err().to_string();
    assert!(error.contains("1 of 2 units") && error.contains("west-2024"), "{error}");
    assert!(!folder.join(TOTALS).exists());
    let options = MergeOptions { allow_missing: true, ..MergeOptions::default() };
    let totals = merge(&project, &folder, options, job).unwrap().periods.remove(0);
    assert_eq!(totals.missing_units, ["west-2024"]);
    assert!(totals.missing_ha > 100.0, "{totals:?}");
    assert!((totals.area_ha - totals.seen_ha - totals.missing_ha).abs() < 1e-6, "{totals:?}");
    assert!(totals.assumed_ha.abs() < 1e-9, "nothing is assumed for missing land: {totals:?}");
    // The same folder again only when asked for.
    assert!(merge(&project, &folder, options, job).is_err());
    merge(&project, &folder, MergeOptions { overwrite: true, ..options }, job).unwrap();
}

#[test]
fn unseen_land_is_assumed_and_not_counted_as_seen() {
    let (_home, project, lon, lat) = one_zone(&[2024]);
    for unit in &project.plan.units {
        map(&project, unit, &[(lon, lat, 300.0)], |_, at| at > lat);
    }
    let job = minesegsat_core::job::Job::silent();
    let totals = merge(&project, &project.folder().join("m"), MergeOptions::default(), job).unwrap().periods.remove(0);
    let share = totals.seen_ha / totals.area_ha;
    assert!((share - 0.5).abs() < 0.02, "{totals:?}");
    let unseen = totals.area_ha - totals.seen_ha;
    // The records say 0.2 for what their scenes do not show.
    assert!((totals.assumed_ha / (0.2 * unseen) - 1.0).abs() < 1e-3, "{totals:?}");
    assert!((totals.disturbed.ha - totals.estimated.ha - totals.assumed_ha).abs() < 1e-6);
    assert!(
        totals.disturbed.upper_ha - totals.disturbed.lower_ha > totals.estimated.upper_ha - totals.estimated.lower_ha
    );
}

#[test]
fn ids_last_over_periods_and_name_their_parents() {
    let (_home, project, lon, lat) = one_zone(&[2022, 2023, 2024]);
    // Two mines grow together in the second year; in the third they are apart again, and a new one appears.
    let (a, b) = ((lon - 0.006, lat, 300.0), (lon + 0.004, lat, 200.0));
    let new = (lon + 0.015, lat + 0.008, 150.0);
    let years: [&[Disc]; 3] = [&[a, b], &[a, b, (lon - 0.001, lat, 250.0)], &[a, b, new]];
    for unit in &project.plan.units {
        map(&project, unit, years[unit.period], |_, _| false);
    }
    let folder = project.folder().join("m");
    merge(&project, &folder, MergeOptions::default(), minesegsat_core::job::Job::silent()).unwrap();
    let labels = Labels::read(&folder.join(LAND_PARQUET), &LabelOptions::default()).unwrap();
    let of = |year: &str| -> Vec<(String, f64, String)> {
        let text = |value: Option<&serde_json::Value>| value.and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        let mut found: Vec<_> = labels
            .features()
            .iter()
            .filter(|feature| text(feature.attributes.get("period")) == year)
            .map(|feature| {
                let area = feature.attributes["area_ha"].as_f64().unwrap();
                (text(feature.attributes.get("id")), area, text(feature.attributes.get("parents")))
            })
            .collect();
        found.sort_by(|x, y| y.1.total_cmp(&x.1));
        found
    };
    let (first, second, third) = (of("2022"), of("2023"), of("2024"));
    assert_eq!((first.len(), second.len(), third.len()), (2, 1, 3));
    assert!(first.iter().all(|(_, _, parents)| parents.is_empty()));
    // Merged: the id of the larger one, and both parents, the larger first.
    assert_eq!(second[0].0, first[0].0);
    assert_eq!(second[0].2, format!("{} {}", first[0].0, first[1].0));
    // Split: the largest part keeps the id, the other has a new one and names its parent.
    assert_eq!((&third[0].0, &third[0].2), (&second[0].0, &second[0].0));
    assert_eq!(third[1].2, second[0].0);
    assert!(third[2].2.is_empty());
    let ids: std::collections::BTreeSet<&String> = third.iter().map(|(id, ..)| id).collect();
    assert_eq!(ids.len(), 3, "{third:?}");
}

#[test]
fn a_damaged_project_says_what_is_wrong() {
    let (_home, project, ..) = one_zone(&[2024]);
    let folder = project.folder().to_owned();
    assert!(Project::create(&folder, project.plan.clone(), &[]).unwrap_err().to_string().contains("exists already"));
    let empty = tempfile::tempdir().unwrap();
    let error = Project::open(empty.path()).unwrap_err().to_string();
    assert!(error.contains("plan.json") && error.contains("area plan"), "{error}");
    let path = folder.join("plan.json");
    let text = std::fs::read_to_string(&path).unwrap();
    for (from, to, expected) in [
        ("\"version\": 1", "\"version\": 9", "version 9"),
        ("\"id\": \"east-2024\"", "\"id\": \"../east\"", "../east"),
        ("\"tile\": 1", "\"tile\": 7", "west-2024"),
        ("\"area\"", "\"aera\"", "area"),
    ] {
        assert!(text.contains(from), "{from}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let error = Project::open(&folder).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("plan.json"), "{from}: {error}");
    }
}

#[test]
fn a_unit_that_shows_nothing_is_missing_and_one_whose_map_was_changed_is_refused() {
    let (_home, project, lon, lat) = one_zone(&[2024]);
    for unit in &project.plan.units {
        map(&project, unit, &[(lon, lat, 300.0)], |_, _| unit.tile == 1);
    }
    let cloudy = &project.plan.units[1];
    let record = UnitRecord { mean_probability: None, ..project.record(cloudy).unwrap() };
    project.write_record(cloudy, &record).unwrap();
    let job = minesegsat_core::job::Job::silent();
    let totals = merge(&project, &project.folder().join("m"), MergeOptions::default(), job).unwrap().periods.remove(0);
    assert!(totals.missing_ha > 100.0, "{totals:?}");
    assert!((totals.area_ha - totals.seen_ha - totals.missing_ha).abs() < 1e-6, "{totals:?}");
    assert!(totals.assumed_ha.abs() < 1e-9, "nothing is known of it: {totals:?}");

    let changed = UnitRecord { sha256: "cd".to_owned(), ..project.record(cloudy).unwrap() };
    project.write_record(cloudy, &changed).unwrap();
    let error = merge(&project, &project.folder().join("n"), MergeOptions::default(), job).unwrap_err().to_string();
    assert!(error.contains("west-2024") && error.contains("not the map"), "{error}");
    // A map that is gone is made again.
    std::fs::remove_file(project.unit_folder(cloudy).join(PROBABILITY)).unwrap();
    assert_eq!(project.record(cloudy).unwrap().state, UnitState::Waiting);
    // The maps of a project are not those of the next one in its folder.
    std::fs::remove_file(project.folder().join("plan.json")).unwrap();
    let items = vec![Vec::new(); project.plan.units.len()];
    let error = Project::create(project.folder(), project.plan.clone(), &items).unwrap_err().to_string();
    assert!(error.contains("record.json exists already"), "{error}");
}
