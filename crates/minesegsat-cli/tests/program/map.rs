//! `minesegsat map`: an area and a year become a map, a report and a workspace.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Done, collection_of, names, program};
use serde_json::Value;

/// An item collection of a simulated landscape of two years, and a box in it.
pub(crate) fn landscape(folder: &Path) -> (PathBuf, String) {
    let sim = folder.join("sim");
    let arguments =
        ["simulate", "--size", "384", "--years", "2019,2024", "--seed", "7", "--cloud-cover", "3", "-q", "-o"];
    Done::of(program().args(arguments).arg(&sim)).succeeded();
    let path = folder.join("items.json");
    let items = collection_of(&sim, &["2019", "2024"], &path);
    let b: Vec<f64> = items[0]["bbox"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    let at = |low: f64, high: f64, share: f64| format!("{:.6}", low + (high - low) * share);
    let bbox = [at(b[0], b[2], 0.2), at(b[1], b[3], 0.2), at(b[0], b[2], 0.8), at(b[1], b[3], 0.8)].join(",");
    (path, bbox)
}

#[test]
fn an_area_and_a_year_become_a_map_that_a_later_year_is_compared_with() {
    let folder = tempfile::tempdir().unwrap();
    let (items, bbox) = landscape(folder.path());
    let out = folder.path().join("out");
    let map = |more: &[&str]| {
        let mut command = program();
        command.args(["map", "--bbox", &bbox, "--api"]).arg(&items).args(more).arg("-o").arg(&out);
        Done::of(&mut command)
    };
    let first = map(&["--year", "2019"]).succeeded();
    assert!(first.stdout.contains("ha are disturbed") && first.stdout.contains("ha mapped"), "{}", first.stdout);
    // Each line leads to what it names.
    for line in
        first.stdout.lines().filter(|line| ["report ", "polygons ", "rasters "].iter().any(|n| line.starts_with(n)))
    {
        let path = line.split_once(' ').unwrap().1.trim();
        assert!(Path::new(path).is_file(), "{line}");
    }
    assert_eq!(names(&out), ["area.html", "sites.files", "sites.gpkg"]);
    map(&["--year", "2019"]).failed(1, &["was mapped on 2019-", "there is no later scene until 2019-12-31"]);
    let mut elsewhere = program();
    elsewhere.args(["map", "--bbox", "10,50,10.1,50.1", "--year", "2024", "--api"]).arg(&items).arg("-o").arg(&out);
    Done::of(&mut elsewhere).failed(1, &["holds another area `area`", "`--id`"]);
    let second = map(&["--year", "2024", "--json"]).succeeded().json();
    assert!(second["observation"]["compared_with"].as_str().unwrap().starts_with("2019-"), "{second}");
    assert!(second["observation"]["seen_change"]["gain_ha"].is_number(), "{second}");
    let page = fs::read_to_string(out.join("area.html")).unwrap();
    assert!(page.contains("Before and after"), "the report knows both dates");
    // The next commands go on from the folder.
    let mut sites = program();
    sites.args(["sites", "show", "area", "--json", "--register"]).arg(out.join("sites.gpkg"));
    let shown: Value = Done::of(&mut sites).succeeded().json();
    assert_eq!(shown["observations"].as_array().unwrap().len(), 2);
}

#[test]
fn what_cannot_be_mapped_is_said_with_what_helps() {
    let folder = tempfile::tempdir().unwrap();
    let (items, bbox) = landscape(folder.path());
    let out = folder.path().join("out");
    let map = |more: &[&str]| Done::of(program().args(["map", "--api"]).arg(&items).args(more).arg("-o").arg(&out));
    map(&["--year", "2019"]).failed(1, &["there is no area", "--bbox W,S,E,N"]);
    map(&["--bbox", &bbox, "--since", "2024-05-01", "--until", "2024-04-01"]).failed(1, &["2024-05-01 is after"]);
    assert!(!out.exists(), "nothing is made before all is known");
    map(&["--bbox", &bbox, "--year", "2021"]).failed(1, &["no scene of the area between 2021-01-01 and 2021-12-31"]);
    map(&["--bbox", "10,50,10.1,50.1", "--year", "2019"]).failed(1, &["no scene of the area"]);
    map(&["--bbox", &bbox, "--year", "1999"]).failed(2, &["2015"]);
}

#[test]
fn the_clearest_date_is_mapped_and_the_choice_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let sim = folder.path().join("sim");
    let arguments =
        ["simulate", "--size", "384", "--years", "2019,2024", "--seed", "7", "--cloud-cover", "0", "-q", "-o"];
    Done::of(program().args(arguments).arg(&sim)).succeeded();
    let path = folder.path().join("items.json");
    let mut items = collection_of(&sim, &["2019", "2024"], &path);
    let corner = |index: usize| items[0]["bbox"][index].as_f64().unwrap();
    let at = |low: usize, high: usize, share: f64| corner(low) + (corner(high) - corner(low)) * share;
    let bbox = format!("{:.6},{:.6},{:.6},{:.6}", at(0, 2, 0.3), at(1, 3, 0.3), at(0, 2, 0.7), at(1, 3, 0.7));
    let mut chosen = |clouds: [f64; 2], name: &str, more: &[&str]| {
        for (item, cloud) in items.iter_mut().zip(clouds) {
            item["properties"]["eo:cloud_cover"] = cloud.into();
        }
        let collection = serde_json::json!({"type": "FeatureCollection", "features": items});
        fs::write(&path, collection.to_string()).unwrap();
        let mut command = program();
        command.args(["map", "--since", "2019-01-01", "--until", "2024-12-31", "--bbox", &bbox, "--api"]).arg(&path);
        Done::of(command.args(more).arg("-o").arg(folder.path().join(name))).succeeded()
    };
    let older = chosen([1.5, 20.0], "older", &["--json"]).json();
    assert!(older["observation"]["date"].as_str().unwrap().starts_with("2019-"), "{older}");
    let choice = &older["choice"];
    assert_eq!(choice["date"], older["observation"]["date"]);
    assert!(choice["scene_cloud_percent"] == 1.5 && choice["is_composite"] == false, "{choice}");
    assert!(choice["dates"] == 2 && choice["tried"] == 1, "{choice}");
    assert!(choice["share_seen"].as_f64().unwrap() >= 0.99 && choice["share_hidden"].is_number(), "{choice}");
    let newer = chosen([20.0, 1.5], "newer", &[]).stdout;
    let date = newer.lines().find(|line| line.starts_with("date ")).unwrap();
    assert!(date.contains(" 2024-") && date.contains("the whole scene has 1.5 % cloud"), "{newer}");
    assert!(newer.contains("chosen     of 2 dates, its scene has the least cloud"), "{newer}");
}
