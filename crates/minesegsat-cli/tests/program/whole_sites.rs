//! Sites are counted as a whole: land beyond the map, scenes of one day in parts, and changed boundaries.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::support::{Done, json_file, program, raster, shipped_model};
use minesegsat::cog::{CogOptions, CogWriter};
use minesegsat::{Crs, DataType, GeoTransform, Grid, Pixels, Transformer};
use minesegsat_testing::reference::case;
use serde_json::{Value, json};

/// The landscape that the cases were made on: two scenes, and a map of each.
struct Landscape {
    folder: tempfile::TempDir,
}

impl Landscape {
    fn get() -> &'static Self {
        static MADE: OnceLock<Landscape> = OnceLock::new();
        MADE.get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let sim = folder.path().join("sim");
            let size = ["--years", "2021,2022", "--size", "768", "--region", "boreal"];
            Done::of(program().args(["simulate", "--seed", "7", "-q", "-o"]).arg(&sim).args(size)).succeeded();
            let made = Landscape { folder };
            for (year, map) in [("2021", "p21"), ("2022", "p22")] {
                let mut command = program();
                command.args(["predict", "-q"]).arg(made.scene(year)).arg("-o").arg(made.path(map));
                Done::of(command.arg("--model").arg(shipped_model())).succeeded();
            }
            made
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn scene(&self, year: &str) -> PathBuf {
        let folder = self.path("sim").join(year);
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap()
    }

    /// West, south, east, north in degrees.
    fn bbox(&self) -> [f64; 4] {
        let item = json_file(&self.scene("2021").join("item.json"));
        let numbers: Vec<f64> = item["bbox"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        numbers.try_into().unwrap()
    }

    /// `change` of both maps at the sites of a file.
    fn change(&self, sites: &Path, output: &Path) -> (Done, Vec<csv_row::Row>) {
        let mut command = program();
        command.arg("change").arg(self.path("p21")).arg(self.path("p22"));
        let done = Done::of(command.arg("--sites").arg(sites).arg("-o").arg(output)).succeeded();
        (done, csv_row::read(&output.join("sites.csv")))
    }
}

/// Tables by the names of their columns.
mod csv_row {
    use std::collections::HashMap;
    use std::path::Path;

    pub(super) type Row = HashMap<String, String>;

    /// Cells without quotes and line breaks.
    pub(super) fn read(path: &Path) -> Vec<Row> {
        let text = std::fs::read_to_string(path).unwrap();
        let mut lines = text.lines();
        let names: Vec<&str> = lines.next().unwrap().split(',').collect();
        lines
            .map(|line| {
                // A sentence in quotes may hold commas.
                let mut cells = Vec::new();
                for (place, part) in line.split('"').enumerate() {
                    if place % 2 == 1 {
                        cells.push(part.to_owned());
                    } else {
                        cells.extend(part.trim_matches(',').split(',').filter(|_| part != ",").map(str::to_owned));
                    }
                }
                names.iter().map(|name| (*name).to_owned()).zip(cells).collect()
            })
            .collect()
    }
}

fn number(row: &csv_row::Row, name: &str) -> f64 {
    row[name].parse().unwrap_or_else(|_| panic!("{name}: {row:?}"))
}

fn rectangle([w, s, e, n]: [f64; 4]) -> Value {
    json!({"type": "Polygon", "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]]})
}

#[test]
fn the_share_of_a_site_at_the_edge_of_the_map_is_over_its_whole_outline() {
    let land = Landscape::get();
    let folder = tempfile::tempdir().unwrap();
    for (name, site_ha, most) in [("sites_edge", 15_080.0, 0.14), ("sites_mostly_outside", 210_358.6, 0.01)] {
        let Some(sites) = case(&format!("vectors/{name}.geojson")) else { return };
        let (done, rows) = land.change(&sites, &folder.path().join(name));
        let row = &rows[1];
        assert!((number(row, "site_ha") / site_ha - 1.0).abs() < 0.002, "{row:?}");
        let (share, beyond) = (number(row, "share_assessed"), number(row, "beyond_map_ha"));
        assert!(share > 0.0 && share < most, "{row:?}");
        assert!(beyond / site_ha > 1.0 - most - 0.02 && beyond < site_ha, "{row:?}");
        assert!(row["statement"].starts_with("not assessable") && row["statement"].contains("lies beyond the map"));
        assert_eq!((row["before_ha"].as_str(), row["after_ha"].as_str()), ("", ""), "{row:?}");
        assert!(done.stderr.contains("lies beyond the map; that land was not seen"), "{}", done.stderr);

        let mut command = program();
        command.arg("timeline").arg(land.path("p21")).arg(land.path("p22")).arg("--sites").arg(&sites);
        let timeline = folder.path().join(format!("{name}-timeline"));
        let done = Done::of(command.arg("-o").arg(&timeline)).succeeded();
        assert!(done.stderr.contains("beyond the map") && done.stdout.contains("beyond the map"), "{}", done.stdout);
        for row in csv_row::read(&timeline.join("timeline.csv")) {
            assert!((number(&row, "site_ha") / site_ha - 1.0).abs() < 0.002, "{row:?}");
            assert!(number(&row, "share_assessed") < most && number(&row, "share_beyond_map") > 0.85, "{row:?}");
            assert_eq!(row["area_ha"], "", "{row:?}");
        }
    }
}

#[test]
fn a_site_that_lies_half_on_the_map_is_half_assessed_and_one_inside_is_whole() {
    let land = Landscape::get();
    let folder = tempfile::tempdir().unwrap();
    let [w, s, e, n] = land.bbox();
    let at = |x: f64, y: f64| (w + (e - w) * x, s + (n - s) * y);
    let feature = |id: &str, x0: f64, x1: f64| {
        let ((w, s), (e, n)) = (at(x0, 0.3), at(x1, 0.7));
        json!({"type": "Feature", "properties": {"id": id}, "geometry": rectangle([w, s, e, n])})
    };
    // The first in two features that overlap.
    let features = [feature("inside", 0.2, 0.6), feature("inside", 0.5, 0.8), feature("half", 0.7, 1.3)];
    let sites = folder.path().join("sites.geojson");
    fs::write(&sites, json!({"type": "FeatureCollection", "features": features}).to_string()).unwrap();
    let (done, rows) = land.change(&sites, &folder.path().join("out"));
    assert!(done.stderr.contains("2 features have the id `inside`"), "{}", done.stderr);
    let [_, inside, half] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!(number(inside, "beyond_map_ha"), 0.0);
    assert!(number(inside, "share_assessed") > 0.6, "{inside:?}");
    // Both are as long: 0.6 of the width of the map.
    assert!((number(inside, "site_ha") / number(half, "site_ha") - 1.0).abs() < 0.005, "{inside:?} {half:?}");
    let beyond = number(half, "beyond_map_ha") / number(half, "site_ha");
    assert!((beyond - 0.5).abs() < 0.03, "{half:?}");
    assert!(number(half, "share_assessed") <= 1.0 - beyond + 0.001, "{half:?}");
    assert!(!done.stderr.contains("site `inside`"), "{}", done.stderr);
}

/// Copies the part of a scene on another grid into a folder, and returns its item. `side` is the grid's in pixels of 10 m, a
/// multiple of 6; pixels take the value of the nearest one.
fn part(
    scene: &Path,
    folder: &Path,
    id: &str,
    crs: &Crs,
    (x, y): (f64, f64),
    (width, height): (usize, usize),
) -> Value {
    fs::create_dir_all(folder).unwrap();
    let mut item = json_file(&scene.join("item.json"));
    // The truth of a simulation lies beside its scenes.
    item["assets"].as_object_mut().unwrap().retain(|_, asset| !asset["href"].as_str().unwrap().contains("truth"));
    let mut corners = Vec::new();
    for (_, asset) in item["assets"].as_object_mut().unwrap() {
        let name = asset["href"].as_str().unwrap().trim_start_matches("./").to_owned();
        let source = scene.join(&name);
        if !name.ends_with(".tif") {
            asset["href"] = source.to_str().unwrap().into();
            continue;
        }
        let (info, values) = raster(&source);
        let size = info.grid.transform.pixel_width;
        let grid = Grid {
            crs: crs.clone(),
            transform: GeoTransform { origin_x: x, origin_y: y, pixel_width: size, pixel_height: -size },
            width: width * 10 / size as usize,
            height: height * 10 / size as usize,
        };
        let back = Transformer::new(crs, &info.grid.crs).unwrap();
        let nearest = |i: usize| {
            let (col, row) = ((i % grid.width) as f64 + 0.5, (i / grid.width) as f64 + 0.5);
            let (x, y) = grid.transform.to_map(col, row);
            let (x, y) = back.transform(x, y).unwrap();
            let (col, row) = info.grid.transform.to_pixel(x, y);
            let inside = col >= 0.0 && row >= 0.0 && col < info.grid.width as f64 && row < info.grid.height as f64;
            if inside { values[row as usize * info.grid.width + col as usize] } else { 0.0 }
        };
        let pixels = (0..grid.width * grid.height).map(nearest);
        let (data_type, pixels) = if info.data_type == DataType::U8 {
            (DataType::U8, Pixels::U8(pixels.map(|v| v as u8).collect()))
        } else {
            (DataType::U16, Pixels::U16(pixels.map(|v| v as u16).collect()))
        };
        let path = folder.join(&name);
        let options = CogOptions { data_type, nodata: Some(0.0), ..CogOptions::default() };
        let mut cog = CogWriter::create(&path, &grid, options).unwrap();
        cog.write_rows(&[pixels]).unwrap();
        cog.finish().unwrap();
        asset["href"] = path.to_str().unwrap().into();
        // They describe the whole scene.
        asset.as_object_mut().unwrap().retain(|key, _| !key.starts_with("file:") && !key.starts_with("proj:"));
        let to_degrees = Transformer::new(crs, &Crs::WGS84).unwrap();
        corners.push(to_degrees.transform_bounds(grid.bounds()).unwrap());
    }
    let bbox = corners[0];
    item["id"] = id.into();
    item["bbox"] = json!(bbox);
    item["geometry"] = rectangle(bbox);
    item["properties"].as_object_mut().unwrap().retain(|key, _| !key.starts_with("proj:"));
    item["properties"]["proj:code"] = format!("EPSG:{}", crs.epsg()).into();
    item
}

/// A register with one site, and a monitor of it.
struct Watch {
    folder: tempfile::TempDir,
}

impl Watch {
    fn new(boundary: &Path) -> Self {
        let watch = Self { folder: tempfile::tempdir().unwrap() };
        watch.sites(&["add", "q", "--boundary", boundary.to_str().unwrap()]).succeeded();
        watch
    }

    fn register(&self) -> PathBuf {
        self.folder.path().join("sites.gpkg")
    }

    fn sites(&self, arguments: &[&str]) -> Done {
        Done::of(program().arg("sites").args(arguments).arg("--register").arg(self.register()))
    }

    /// New observations of the items.
    fn run(&self, items: &[Value], more: &[&str]) -> Vec<Value> {
        let path = self.folder.path().join("items.json");
        fs::write(&path, json!({"type": "FeatureCollection", "features": items}).to_string()).unwrap();
        let mut command = program();
        command.args(["monitor", "run", "--json", "--since", "2021-01-01", "--register"]).arg(self.register());
        let done = Done::of(command.arg("--model").arg(shipped_model()).arg("--api").arg(&path).args(more)).succeeded();
        done.json()["observations"].as_array().unwrap().clone()
    }
}

/// The upper left corner of a scene, in map coordinates, and its CRS.
fn corner(scene: &Path) -> (Crs, f64, f64) {
    let (info, _) = raster(&scene.join("B02.tif"));
    (info.grid.crs.clone(), info.grid.transform.origin_x, info.grid.transform.origin_y)
}

fn share(observation: &Value) -> f64 {
    observation["share_assessed"].as_f64().unwrap()
}

#[test]
fn two_halves_of_one_day_are_one_observation() {
    let Some(sites) = case("scenes/12_two_halves_monitor/site3.geojson") else { return };
    let land = Landscape::get();
    let scene = land.scene("2021");
    let (crs, x, y) = corner(&scene);
    let watch = Watch::new(&sites);
    let at = |name: &str| watch.folder.path().join(name);
    let upper = part(&scene, &at("upper"), "upper", &crs, (x, y), (768, 384));
    let lower = part(&scene, &at("lower"), "lower", &crs, (x, y - 3840.0), (768, 384));
    let made = watch.run(&[upper, lower], &[]);
    let [observation] = made.as_slice() else { panic!("{made:?}") };
    // Clouds hide 5 % of it; 61 % would be seen in one half alone.
    assert!(share(observation) > 0.94, "{observation}");
    assert_eq!(observation["scenes"], json!(["lower", "upper"]));
    assert_eq!(observation["share_beyond_map"], json!(0.0));
    assert!(observation["area"]["ha"].is_number() && observation["verdict"] == "no-limit", "{observation}");
    // The whole scene shows the same.
    let whole = Watch::new(&sites);
    let mut item = part(&scene, &whole.folder.path().join("whole"), "whole", &crs, (x, y), (768, 768));
    item["id"] = "whole".into();
    let made = whole.run(&[item], &[]);
    // Bands of 20 m are interpolated within each half, so pixels along the seam differ a little.
    let of = |made: &Value, key: &str| made["area"][key].as_f64().unwrap();
    let ha = of(&made[0], "ha");
    assert!((of(observation, "lower_ha")..of(observation, "upper_ha")).contains(&ha), "{observation} {ha}");
    assert!((share(observation) - share(&made[0])).abs() < 0.001, "{observation} {}", made[0]);
    assert_eq!(made[0]["scenes"], json!(["whole"]));
    // Nothing is left to observe.
    assert!(whole.run(&[], &[]).is_empty());
}

#[test]
fn overlapping_tiles_and_tiles_of_two_zones_are_one_observation() {
    let Some(sites) = case("vectors/two_tiles_site.geojson") else { return };
    let land = Landscape::get();
    let scene = land.scene("2021");
    let (crs, x, y) = corner(&scene);
    let whole = Watch::new(&sites);
    let item = part(&scene, &whole.folder.path().join("whole"), "whole", &crs, (x, y), (768, 768));
    let expected = whole.run(&[item], &["--every-date"]);
    let expected_share = share(&expected[0]);
    // Clouds hide 6 % of it, and snow 2 %.
    assert!((expected_share - 0.924).abs() < 0.01, "{expected_share}");

    let watch = Watch::new(&sites);
    let at = |name: &str| watch.folder.path().join(name);
    let left = part(&scene, &at("left"), "left", &crs, (x, y), (432, 768));
    let right = part(&scene, &at("right"), "right", &crs, (x + 3360.0, y), (432, 768));
    let made = watch.run(&[left.clone(), right], &["--every-date"]);
    let [observation] = made.as_slice() else { panic!("{made:?}") };
    assert!((share(observation) - expected_share).abs() < 0.002, "{observation}");
    assert_eq!(observation["scenes"], json!(["left", "right"]));

    // The right part in the next zone.
    let zone = Crs::from_epsg(if crs.epsg() == 32610 { 32611 } else { 32610 }).unwrap();
    let to_zone = Transformer::new(&crs, &zone).unwrap();
    let [x0, _, _, y1] = to_zone.transform_bounds([x + 3360.0, y - 7680.0, x + 7680.0, y]).unwrap();
    let origin = ((x0 / 60.0).floor() * 60.0, (y1 / 60.0).ceil() * 60.0);
    let watch = Watch::new(&sites);
    let at = |name: &str| watch.folder.path().join(name);
    let left = part(&scene, &at("left"), "left", &crs, (x, y), (432, 768));
    let right = part(&scene, &at("right"), "right", &zone, origin, (600, 960));
    let made = watch.run(&[left, right], &["--every-date"]);
    let [observation] = made.as_slice() else { panic!("{made:?}") };
    assert!((share(observation) - expected_share).abs() < 0.02, "{observation}");
    assert_eq!(observation["scenes"], json!(["left", "right"]));
    let (a, b) = (observation["area"]["ha"].as_f64().unwrap(), expected[0]["area"]["ha"].as_f64().unwrap());
    assert!((a - b).abs() < 0.1 * b.max(10.0), "{a} ha in two zones, {b} ha as a whole");
}

#[test]
fn half_a_site_beyond_the_scene_is_not_called_cloud() {
    let Some(sites) = case("scenes/12_two_halves_monitor/site3.geojson") else { return };
    let scene = Landscape::get().scene("2021");
    let (crs, x, y) = corner(&scene);
    let watch = Watch::new(&sites);
    let lower = part(&scene, &watch.folder.path().join("lower"), "lower", &crs, (x, y - 3840.0), (768, 384));
    let made = watch.run(&[lower], &[]);
    assert_eq!(made[0]["verdict"], "not-assessable");
    let beyond = made[0]["share_beyond_map"].as_f64().unwrap();
    // The scene has 5 % of clouds.
    let hidden = 1.0 - share(&made[0]) - beyond;
    assert!((0.0..0.03).contains(&hidden) && (beyond - 0.5).abs() < 0.01, "{}", made[0]);
    let statement = made[0]["statement"].as_str().unwrap();
    assert!(statement.contains("50 % lies beyond the scenes"), "{statement}");
}

#[test]
fn a_changed_boundary_is_a_new_baseline_and_not_no_change() {
    let land = Landscape::get();
    let folder = tempfile::tempdir().unwrap();
    let [w, s, e, n] = land.bbox();
    let inner = |from: f64, to: f64| {
        [w + (e - w) * from, s + (n - s) * from, w + (e - w) * to, s + (n - s) * to]
            .map(|v| format!("{v:.6}"))
            .join(",")
    };
    let (small, large) = (inner(0.35, 0.65), inner(0.2, 0.8));
    let items: Vec<Value> = ["2021", "2022"]
        .map(|year| {
            let scene = land.scene(year);
            let (crs, x, y) = corner(&scene);
            part(&scene, &folder.path().join(year), year, &crs, (x, y), (768, 768))
        })
        .to_vec();
    let watch = |steps: &dyn Fn(&Watch)| -> Value {
        let watch = Watch { folder: tempfile::tempdir().unwrap() };
        watch.sites(&["add", "q", "--bbox", &small]).succeeded();
        let seen = ["--min-assessed", "40", "--buffer", "100"];
        assert_eq!(watch.run(&items, &[&seen[..], &["--until", "2021-12-31"]].concat()).len(), 1);
        steps(&watch);
        let made = watch.run(&items, &seen);
        let mut command = program();
        command.args(["report", "q", "--register"]).arg(watch.register());
        let page = watch.folder.path().join("q.html");
        Done::of(command.arg("-o").arg(&page)).succeeded();
        let mut made = made[0].clone();
        made["page"] = fs::read_to_string(page).unwrap().into();
        made
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let same = watch(&|_| {});
    assert!(same["compared_with"].is_string() && same["gain_ha"].is_number(), "{}", same["statement"]);
    assert!(!text(&same["page"]).contains("The boundary of the site"));

    let changed = watch(&|watch| {
        watch.sites(&["edit", "q", "--bbox", &large]).succeeded();
    });
    assert_eq!((&changed["compared_with"], &changed["gain_ha"]), (&Value::Null, &Value::Null));
    let statement = text(&changed["statement"]);
    assert!(statement.contains("not comparable") && statement.contains("a new baseline"), "{statement}");
    assert!(!statement.contains("no change"), "{statement}");
    assert!(text(&changed["page"]).contains("The boundary of the site was changed between 2021-"));
    assert_ne!(changed["boundary_sha256"], same["boundary_sha256"]);

    // An observation of an older version does not say what it was made from.
    let old = watch(&|watch| {
        let register = rusqlite::Connection::open(watch.register()).unwrap();
        register.execute("UPDATE observations SET boundary_sha256 = NULL", []).unwrap();
    });
    assert!(old["gain_ha"].is_number());
    assert!(old["warnings"].to_string().contains("does not say which boundary"), "{}", old["warnings"]);
    assert!(text(&old["page"]).contains("Whether it was changed is unknown"));
    let old = watch(&|watch| {
        let register = rusqlite::Connection::open(watch.register()).unwrap();
        register.execute("UPDATE observations SET boundary_sha256 = NULL", []).unwrap();
        watch.sites(&["edit", "q", "--bbox", &large]).succeeded();
    });
    assert_eq!(old["gain_ha"], Value::Null, "{}", old["statement"]);
    assert!(text(&old["statement"]).contains("may have been changed"), "{}", old["statement"]);
}
