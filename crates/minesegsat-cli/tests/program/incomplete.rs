//! Vector files that say that they are incomplete: refused with the flag that accepts them, by every command.

use std::fs;
use std::path::Path;

use crate::support::stac::item;
use crate::support::{Done, folder_scene, json_file, model, predict, predict_with, program};
use serde_json::json;

/// Two squares on the generated scene. The server has seven.
fn cut_off(path: &Path) {
    let features: Vec<_> = [0.0, 0.006]
        .map(|shift| {
            let (west, south) = (-121.612 + shift, 49.634);
            let (east, north) = (west + 0.005, south + 0.005);
            let ring = [[west, south], [east, south], [east, north], [west, north], [west, south]];
            json!({"type": "Feature", "properties": {"id": shift.to_string()},
                "geometry": {"type": "Polygon", "coordinates": [ring]}})
        })
        .into();
    let document = json!({"type": "FeatureCollection", "numberMatched": 7, "features": features});
    fs::write(path, document.to_string()).unwrap();
}

#[test]
fn every_command_accepts_an_incomplete_file_if_the_user_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let text = |name: &str| at(name).to_str().unwrap().to_owned();
    cut_off(&at("cut.geojson"));
    let scene = folder_scene(folder.path());
    let scene = scene.to_str().unwrap();
    predict(scene, &at("map"), &["--offset", "-1000"]).succeeded();
    let items =
        json!({"type": "FeatureCollection", "features": [item("a", "2021-07-10", 1.0, [-121.7, 49.6, -121.5, 49.7])]});
    fs::write(at("items.json"), items.to_string()).unwrap();
    let (cut, map, items, register) = (text("cut.geojson"), text("map"), text("items.json"), text("sites.gpkg"));
    let (change, sheet) = (text("change"), text("sheet.png"));
    let dated = ["--valid-from", "2024-01-01", "--permit-boundary", &cut];
    let commands: Vec<Vec<&str>> = vec![
        vec!["search", "--api", &items, "--intersects", &cut, "--json"],
        vec!["sites", "add", "a", "--boundary", &cut, "--register", &register],
        vec!["sites", "edit", "a", "--boundary", &cut, "--register", &register],
        [&["sites", "permit", "a", "P-1", "--register", &register][..], &dated].concat(),
        vec!["sites", "import", &cut, "--register", &register, "--update"],
        vec!["change", &map, &map, "--sites", &cut, "-o", &change],
        vec!["scene", "preview", scene, "--offset", "-1000", "--intersects", &cut, "-o", &sheet],
    ];
    for command in commands {
        let run = |more: &[&str]| Done::of(program().args(&command).args(more));
        run(&[]).failed(
            1,
            &["it is incomplete: it holds 2 of 7 features", "hint: `--allow-incomplete` accepts the file as it is"],
        );
        let done = run(&["--allow-incomplete"]).succeeded();
        let said = done.stderr.contains("incomplete") || done.stdout.contains("incomplete");
        assert!(said, "{command:?} does not say it: {}", done.stderr);
    }
    let options = ["--offset", "-1000", "--intersects", &cut];
    predict(scene, &at("part"), &options).failed(1, &["it is incomplete", "--allow-incomplete"]);
    let done = Done::of(predict_with(model(), scene, &at("part"), &options).arg("--allow-incomplete")).succeeded();
    assert!(done.stderr.contains("the file is incomplete"), "{}", done.stderr);

    // The records of maps say what was accepted.
    let reason = "it holds 2 of 7 features that the server has (`numberMatched`)";
    assert_eq!(json_file(&at("part/manifest.json"))["parameters"]["area"]["incomplete"], reason);
    assert_eq!(json_file(&at("change/manifest.json"))["sites_incomplete"], reason);
    let whole = predict(scene, &at("whole"), &["--offset", "-1000"]).succeeded();
    assert!(!whole.stderr.contains("incomplete"));
    assert_eq!(json_file(&at("whole/manifest.json"))["parameters"]["area"], "scene");
}
