//! A merge held against one raster of the same ground, and what it does with missing units and several periods.

mod zones;

mod store;

use std::path::{Path, PathBuf};

use geo::{MultiPolygon, Rect, polygon};
use jiff::civil::date;
use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::output::FolderLock;
use minesegsat_core::uncertainty::{AreaErrorModel, AreaMoments};
use minesegsat_core::{Crs, Error, Transformer};
use minesegsat_io::cog::{CogOptions, CogWriter};
use minesegsat_io::{Location, Pixels, open_raster};
use minesegsat_map::site::{SiteArea, SitePixels};
use minesegsat_page::words::{Language, Locale};
use minesegsat_scene::manifest::OutputRecord;
use minesegsat_vector::labels::{LabelOptions, Labels};
use minesegsat_vector::vector::ToLonLat;

use crate::merge::{COLLECTION, LAND_FGB, LAND_GPKG, LAND_PARQUET, MergeOptions, TOTALS, merge};
use crate::period::Period;
use crate::project::{Composite, PROBABILITY, Plan, PlannedModel, Project, Tile, Unit, UnitRecord, UnitState};
use crate::run::may_pass;
use crate::store::Store;
use crate::summarize::{ALL_ZONES, PermittedArea, SummaryFormat, ZoneRow, summarize};

const PIXEL: f64 = 10.0;

/// Projects of tests are in folders.
impl Project {
    fn folder(&self) -> &Path {
        match self.store() {
            Store::Folder(folder) => folder,
            Store::Objects(objects) => panic!("{objects} is no folder"),
        }
    }

    fn unit_folder(&self, unit: &Unit) -> PathBuf {
        self.folder().join("units").join(&unit.id)
    }
}

/// A disc of disturbed land: longitude, latitude and radius in metres.
type Disc = (f64, f64, f64);

fn metres(lon: f64, lat: f64, disc: &Disc) -> f64 {
    let east = (lon - disc.0 + 540.0).rem_euclid(360.0) - 180.0;
    let (x, y) = (east * disc.1.to_radians().cos(), lat - disc.1);
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
    let to_lon_lat = Transformer::new(&project.tile(unit).grid().unwrap().crs, &Crs::WGS84).unwrap();
    map_by(project, unit, |x, y| {
        let (lon, lat) = to_lon_lat.transform(x, y).unwrap();
        let p = if discs.iter().any(|disc| metres(lon, lat, disc) < disc.2) { 0.9 } else { 0.1 };
        if hidden(lon, lat) { f32::NAN } else { p }
    });
}

/// Writes the map of a unit with the probability of each position in its CRS.
fn map_by(project: &Project, unit: &Unit, probability: impl Fn(f64, f64) -> f32) {
    let grid = project.tile(unit).grid().unwrap();
    let mut values = Vec::with_capacity(grid.width * grid.height);
    for row in 0..grid.height {
        for col in 0..grid.width {
            let (x, y) = grid.transform.to_map(col as f64 + 0.5, row as f64 + 0.5);
            values.push(probability(x, y));
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
    for name in [LAND_PARQUET, LAND_GPKG, LAND_FGB] {
        let labels = Labels::read(&folder.join(name), &LabelOptions::default()).unwrap();
        assert_eq!(labels.features().len(), discs.len(), "{name}");
        // All land around them was seen, in one zone or the other.
        assert!(labels.features().iter().all(|feature| feature.attributes["touches_unseen"] == false), "{name}");
    }
    check_stac(&folder, &["mask-2024-32610", "mask-2024-32611"]);
    let mut pixels = 0;
    for epsg in [32610, 32611] {
        let raster = open_raster(&Location::from(folder.join(format!("mask-2024-{epsg}.tif")).as_path())).unwrap();
        let Pixels::U8(mask) = raster.read(0, raster.info().grid.full_window()).unwrap() else { panic!("a mask") };
        pixels += mask.iter().filter(|&&value| value == 1).count();
    }
    assert!(near(pixels as f64 / 100.0, of_many.mapped_ha), "{pixels}: UTM pixels are within 0.1 % here");
    assert!(folder.join("masks-2024.gti.gpkg").is_file() && folder.join(TOTALS).is_file());

    // A zone on the border of two UTM zones, and one without land.
    let zones = [zone("border", &area, &Crs::WGS84), zone("none", &discs_box(lon + 0.14, lat), &Crs::WGS84)];
    let summary = summarize(&many, &folder, &zones, None, minesegsat_core::job::Job::silent()).unwrap();
    let [border, none, all] = &summary.rows[..] else { panic!("{:?}", summary.rows) };
    assert!(near(border.mapped_ha, of_many.mapped_ha) && near(border.area_ha, area_ha), "{border:?}\n{of_many:?}");
    assert!(near(border.disturbed_ha, of_many.disturbed.ha), "{border:?}\n{of_many:?}");
    assert!(near(border.disturbed_upper_ha, of_many.disturbed.upper_ha), "{border:?}\n{of_many:?}");
    assert_eq!((border.polygons, none.polygons), (discs.len(), 0));
    assert!(none.mapped_ha == 0.0 && none.seen_ha > 10.0, "{none:?}");
    // The zone without land lies in the other.
    assert_eq!(all.zone, ALL_ZONES);
    assert!(near(all.mapped_ha, border.mapped_ha) && near(all.seen_ha, border.seen_ha), "{all:?}\n{border:?}");

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

fn zone(id: &str, boundary: &MultiPolygon<f64>, crs: &Crs) -> SiteArea {
    SiteArea { id: id.to_owned(), name: id.to_owned(), boundary: boundary.clone(), crs: crs.clone(), features: 1 }
}

/// A box of about 700 m by 1100 m.
fn discs_box(lon: f64, lat: f64) -> MultiPolygon<f64> {
    Rect::new((lon - 0.005, lat - 0.005), (lon + 0.005, lat + 0.005)).to_polygon().into()
}

/// The collection of a merge has an item for each mask, with the grid of its file. All links lead to files.
fn check_stac(folder: &Path, masks: &[&str]) {
    let read = |name: &str| -> serde_json::Value {
        serde_json::from_str(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap()
    };
    let collection = read(COLLECTION);
    assert_eq!(collection["type"], "Collection");
    assert_eq!(collection["stac_version"], "1.1.0");
    assert_eq!(collection["extent"]["temporal"]["interval"][0][0], "2024-01-01T00:00:00Z");
    for asset in collection["assets"].as_object().unwrap().values() {
        assert!(folder.join(asset["href"].as_str().unwrap()).is_file(), "{asset}");
    }
    let links = collection["links"].as_array().unwrap().iter().filter(|link| link["rel"] == "item");
    let items: Vec<serde_json::Value> = links.map(|link| read(link["href"].as_str().unwrap())).collect();
    let ids: Vec<&str> = items.iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(ids, masks);
    for item in &items {
        assert_eq!(item["collection"], collection["id"]);
        let properties = &item["properties"];
        assert!(properties["datetime"].is_null(), "{item}");
        assert_eq!(properties["end_datetime"], "2024-12-31T23:59:59.999Z");
        let asset = &item["assets"]["mask"];
        let path = folder.join(asset["href"].as_str().unwrap());
        let raster = open_raster(&Location::from(path.as_path())).unwrap();
        let grid = &raster.info().grid;
        assert_eq!(properties["proj:code"], format!("EPSG:{}", grid.crs.epsg()));
        assert_eq!(asset["proj:shape"], serde_json::json!([grid.height, grid.width]));
        let t = &grid.transform;
        assert_eq!(asset["proj:transform"], serde_json::json!([PIXEL, 0.0, t.origin_x, 0.0, -PIXEL, t.origin_y]));
        let hash = OutputRecord::from_file("mask", &path).unwrap();
        assert_eq!(asset["file:size"], hash.size);
        assert_eq!(asset["file:checksum"], format!("1220{}", hash.sha256));
        assert_eq!(asset["classification:classes"][1]["name"], "disturbed");
        let extensions = item["stac_extensions"].to_string();
        for name in ["projection", "file", "classification"] {
            assert!(extensions.contains(name), "{name}: {extensions}");
        }
        for link in item["links"].as_array().unwrap() {
            assert!(folder.join(link["href"].as_str().unwrap()).is_file(), "{link}");
        }
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
fn a_mine_that_a_period_does_not_show_returns_with_its_id() {
    let (_home, project, lon, lat) = one_zone(&[2022, 2023, 2024]);
    let mine = (lon - 0.006, lat, 200.0);
    let other = (lon + 0.01, lat, 150.0);
    let years: [&[Disc]; 3] = [&[mine, other], &[other], &[(mine.0, mine.1, 250.0), other]];
    for unit in &project.plan.units {
        map(&project, unit, years[unit.period], |_, _| false);
    }
    let folder = project.folder().join("m");
    merge(&project, &folder, MergeOptions::default(), minesegsat_core::job::Job::silent()).unwrap();
    let labels = Labels::read(&folder.join(LAND_PARQUET), &LabelOptions::default()).unwrap();
    let ids = |year: &str| -> std::collections::BTreeSet<String> {
        let of_year = labels.features().iter().filter(|feature| feature.attributes["period"] == year);
        of_year.map(|feature| feature.attributes["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((ids("2022").len(), ids("2023").len()), (2, 1));
    assert_eq!(ids("2022"), ids("2024"), "the mine has its id again");
}

#[test]
fn land_across_the_antimeridian_is_one_feature_in_one_zone() {
    let home = tempfile::tempdir().unwrap();
    let lat = -17.0;
    let tiles: Vec<Tile> = [(32760_u16, -3000.0), (32701, -1000.0)]
        .into_iter()
        .map(|(epsg, first)| {
            let to = Transformer::new(&Crs::WGS84, &Crs::from_epsg(epsg).unwrap()).unwrap();
            let (x, y) = to.transform(180.0, lat).unwrap();
            let origin = [(x / 100.0).round() * 100.0 + first, (y / 100.0).round() * 100.0 + 2000.0];
            Tile { name: epsg.to_string(), epsg, origin, pixel: PIXEL, size: [400, 400] }
        })
        .collect();
    let half = |west: f64, east: f64| Rect::new((west, lat - 0.01), (east, lat + 0.01)).to_polygon();
    let area = MultiPolygon(vec![half(179.985, 180.0), half(-180.0, -179.985)]);
    let project = create(&home.path().join("p"), plan_of(tiles, area.clone(), &[2024]));
    // One across the antimeridian, and one on each side.
    let discs = [(180.0, lat, 300.0), (179.992, lat, 150.0), (-179.992, lat, 150.0)];
    project.plan.units.iter().for_each(|unit| map(&project, unit, &discs, |_, _| false));
    let folder = home.path().join("m");
    let job = minesegsat_core::job::Job::silent();
    let totals = merge(&project, &folder, MergeOptions::default(), job).unwrap().periods.remove(0);
    assert_eq!(totals.polygons, 3, "{totals:?}");
    let labels = Labels::read(&folder.join(LAND_GPKG), &LabelOptions::default()).unwrap();
    let areas: Vec<f64> = labels.features().iter().map(|f| f.attributes["area_ha"].as_f64().unwrap()).collect();
    let largest = areas.iter().copied().fold(0.0, f64::max);
    // The discs are round on a sphere, which differs from the ellipsoid by less than a percent.
    let expected = std::f64::consts::PI * 0.3 * 0.3 * 100.0;
    assert!((largest / expected - 1.0).abs() < 0.02, "{areas:?}");
    assert!(labels.features().iter().all(|feature| feature.attributes["touches_unseen"] == false));
    let collection = std::fs::read_to_string(folder.join(COLLECTION)).unwrap();
    let collection: serde_json::Value = serde_json::from_str(&collection).unwrap();
    let bbox: Vec<f64> = serde_json::from_value(collection["extent"]["spatial"]["bbox"][0].clone()).unwrap();
    assert!(bbox[0] > 179.9 && bbox[2] < -179.9, "{bbox:?}");

    // The same zone as a ring past 180 degrees, as a ring that jumps, and in two parts.
    let ring = |west: f64, east: f64| MultiPolygon(vec![half(west, east)]);
    let jumping = MultiPolygon(vec![polygon![
        (x: 179.985, y: lat - 0.01), (x: -179.985, y: lat - 0.01), (x: -179.985, y: lat + 0.01), (x: 179.985, y: lat + 0.01)
    ]]);
    for outline in [ring(179.985, 180.015), jumping, area] {
        let summary = summarize(&project, &folder, &[zone("a", &outline, &Crs::WGS84)], None, job).unwrap();
        let row = &summary.rows[0];
        assert_eq!(row.polygons, 3, "{row:?}");
        assert!((row.mapped_ha / totals.mapped_ha - 1.0).abs() < 1e-3, "{row:?} {totals:?}");
        assert!((row.seen_ha / totals.seen_ha - 1.0).abs() < 1e-3, "{row:?} {totals:?}");
    }
}

/// Near the northern end of UTM, where the meridians of the two zones meet at an angle of twelve degrees. North of 72 degrees zone 33
/// begins at 9 degrees east, and there is no zone 32.
#[test]
fn land_near_the_pole_is_counted_once() {
    let home = tempfile::tempdir().unwrap();
    let (lon, lat) = (9.0, 83.5);
    let tiles: Vec<Tile> = [(32631_u16, -3000.0), (32633, -1000.0)]
        .into_iter()
        .map(|(epsg, first)| {
            let to = Transformer::new(&Crs::WGS84, &Crs::from_epsg(epsg).unwrap()).unwrap();
            let (x, y) = to.transform(lon, lat).unwrap();
            let origin = [(x / 100.0).round() * 100.0 + first, (y / 100.0).round() * 100.0 + 2000.0];
            Tile { name: epsg.to_string(), epsg, origin, pixel: PIXEL, size: [400, 400] }
        })
        .collect();
    let area: MultiPolygon<f64> = Rect::new((lon - 0.12, lat - 0.01), (lon + 0.12, lat + 0.01)).to_polygon().into();
    let project = create(&home.path().join("p"), plan_of(tiles, area.clone(), &[2024]));
    // One across the border of the tiles, and one on each side.
    let discs = [(lon, lat, 300.0), (lon - 0.07, lat, 150.0), (lon + 0.07, lat, 150.0)];
    project.plan.units.iter().for_each(|unit| map(&project, unit, &discs, |_, _| false));
    let folder = home.path().join("m");
    let job = minesegsat_core::job::Job::silent();
    let totals = merge(&project, &folder, MergeOptions::default(), job).unwrap().periods.remove(0);
    assert_eq!(totals.polygons, discs.len(), "{totals:?}");
    let near = |a: f64, b: f64, error: f64| (a / b - 1.0).abs() < error;
    let area_ha = GeodesicMeter::new(&Crs::WGS84).unwrap().measure(&area).unwrap().area_m2 / 1e4;
    assert!(near(totals.area_ha, area_ha, 2e-3) && near(totals.seen_ha, area_ha, 2e-3), "{totals:?} {area_ha}");
    // The discs are round on a sphere, which differs from the ellipsoid by less than a percent.
    let discs_ha: f64 = discs.iter().map(|disc| std::f64::consts::PI * disc.2 * disc.2 / 1e4).sum();
    assert!(near(totals.mapped_ha, discs_ha, 0.02), "{totals:?} {discs_ha}");
    let labels = Labels::read(&folder.join(LAND_GPKG), &LabelOptions::default()).unwrap();
    assert!(labels.features().iter().all(|feature| feature.attributes["touches_unseen"] == false));

    // A zone up to the pole, and the cap around the pole as a file has it: with all its corners on both sides.
    let wedge: MultiPolygon<f64> = Rect::new((0.0, 80.0), (20.0, 90.0)).to_polygon().into();
    let cap: MultiPolygon<f64> = Rect::new((-180.0, 80.0), (180.0, 90.0)).to_polygon().into();
    for outline in [wedge, cap] {
        let row = summarize(&project, &folder, &[zone("a", &outline, &Crs::WGS84)], None, job).unwrap().rows.remove(0);
        assert_eq!(row.polygons, discs.len(), "{row:?}");
        assert!(near(row.mapped_ha, totals.mapped_ha, 1e-3) && near(row.seen_ha, totals.seen_ha, 1e-3), "{row:?}");
    }
}

#[test]
fn of_coordinators_at_the_same_time_one_plans_and_one_merges() {
    let (home, project, lon, lat) = one_zone(&[2024]);
    let folder = home.path().join("shared");
    let starts = std::sync::Barrier::new(8);
    // Each has its own idea of the threshold.
    let create = |at: usize| {
        let mut plan = project.plan.clone();
        plan.model.threshold = at as f32 / 10.0;
        let items = vec![Vec::new(); plan.units.len()];
        starts.wait();
        Project::create(&folder, plan, &items)
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8).map(|at| scope.spawn(move || create(at))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let planned: Vec<usize> = (0..8).filter(|&at| results[at].is_ok()).collect();
    assert_eq!(planned.len(), 1, "{results:?}");
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        assert!(matches!(error, Error::FolderInUse { .. } | Error::OutputExists { .. }), "{error}");
    }
    assert_eq!(Project::open(&folder).unwrap().plan.model.threshold, planned[0] as f32 / 10.0);

    // A merge while another one writes to the folder.
    project.plan.units.iter().for_each(|unit| map(&project, unit, &[(lon, lat, 300.0)], |_, _| false));
    let (into, job) = (home.path().join("merged"), minesegsat_core::job::Job::silent());
    let other = FolderLock::acquire(&into).unwrap();
    let options = MergeOptions { overwrite: true, ..MergeOptions::default() };
    let error = merge(&project, &into, options, job).unwrap_err();
    assert!(matches!(error, Error::FolderInUse { .. }), "{error}");
    drop(other);
    merge(&project, &into, options, job).unwrap();
}

#[test]
fn a_full_disk_may_pass_and_a_damaged_file_does_not() {
    use std::io::ErrorKind::{PermissionDenied, StorageFull, UnexpectedEof};
    let cause = |kind| std::io::Error::new(kind, "the system says so");
    for error in [
        Error::raster_write("probability.tif", "").caused_by(cause(StorageFull)),
        Error::raster_write("probability.tif", "").caused_by(cause(PermissionDenied)),
        Error::vector("units.parquet", "").caused_by(cause(StorageFull)),
    ] {
        assert!(may_pass(&error), "{error:?}");
    }
    for error in [
        Error::raster("B04.tif", "").caused_by(cause(UnexpectedEof)),
        Error::raster_write("probability.tif", "it is a folder"),
        Error::input("items.json", "").caused_by(cause(UnexpectedEof)),
    ] {
        assert!(!may_pass(&error), "{error:?}");
    }
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
