//! Change between dates, with the built program and the model in the box, on simulated landscapes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Done, json_file, names, program, run, shipped_model};
use minesegsat_testing::scenes::GeoTiff;
use serde_json::Value;

/// A landscape of 480 x 480 pixels in 2021 and 2022; gives the items of both years.
fn landscape(folder: &Path, seed: &str) -> [PathBuf; 2] {
    let sim = folder.join("sim");
    let arguments =
        ["simulate", "--size", "480", "--years", "2021,2022", "--seed", seed, "--cloud-cover", "3", "-q", "-o"];
    Done::of(program().args(arguments).arg(&sim)).succeeded();
    ["2021", "2022"].map(|year| {
        let scenes = fs::read_dir(sim.join(year)).unwrap();
        let scene = scenes.map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap();
        scene.join("item.json")
    })
}

fn predict(item: &Path, output: &Path) {
    // As `change --model` maps a scene.
    let mut command = program();
    command.arg("predict").arg(item).arg("--model").arg(shipped_model()).args(["--mask-snow", "-q", "-o"]).arg(output);
    Done::of(&mut command).succeeded();
}

/// Pixels of each class.
fn counts(path: &Path) -> [usize; 5] {
    let (_, classes) = crate::support::raster(path);
    let mut counts = [0; 5];
    for class in classes {
        counts[if class == 255.0 { 4 } else { class as usize }] += 1;
    }
    counts
}

#[test]
fn two_dates_become_classes_polygons_and_hectares() {
    let folder = tempfile::tempdir().unwrap();
    let [before, after] = landscape(folder.path(), "31");
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    predict(&before, &a);
    predict(&after, &b);
    let out = folder.path().join("change");
    let (a_text, b_text, out_text) = (a.to_str().unwrap(), b.to_str().unwrap(), out.to_str().unwrap());
    let record = run(["change", a_text, b_text, "-o", out_text, "--json"]).succeeded().json();
    assert_eq!(
        names(&out),
        ["change.gpkg", "change.png", "change.tif", "change.tif.aux.xml", "manifest.json", "sites.csv"]
    );
    assert_eq!(record["compared_spectra"], true, "{}", record["warnings"]);
    assert_eq!(record, json_file(&out.join("manifest.json")));
    // Hectares of the record are the pixels of the raster.
    let [_, stable, gain, loss, hidden] = counts(&out.join("change.tif"));
    for (name, pixels) in [("stable_ha", stable), ("gain_ha", gain), ("loss_ha", loss)] {
        let ha = record["total"][name].as_f64().unwrap();
        assert!((ha - pixels as f64 / 100.0).abs() <= 0.002 * ha + 1e-9, "{name}: {ha} ha, {pixels} pixels");
    }
    assert!(stable > 100 && hidden > 0, "{stable} {hidden}");
    for date in ["before", "after"] {
        let area = |end: &str| record["total"][date]["disturbed"][end].as_f64().unwrap();
        assert!(area("lower_ha") < area("ha") && area("ha") < area("upper_ha"), "{}", record["total"]);
    }
    // Polygons are the same pixels.
    let database = rusqlite::Connection::open(out.join("change.gpkg")).unwrap();
    let of = |class: &str| -> f64 {
        let query = "SELECT ifnull(sum(area_ha), 0) FROM mining_change WHERE change = ?1";
        database.query_row(query, [class], |row| row.get(0)).unwrap()
    };
    for (class, pixels) in [("stable", stable), ("gain", gain), ("loss", loss)] {
        assert!((of(class) - pixels as f64 / 100.0).abs() <= 0.002 * of(class) + 1e-9, "{class}");
    }
    // Scenes are mapped on the way, with the same result.
    let again = folder.path().join("again");
    let mut command = program();
    // Scenes are mapped by the model in the program.
    command.arg("change").arg(&before).arg(&after);
    let scenes = Done::of(command.args(["--profile", "--json", "-o"]).arg(&again)).succeeded();
    assert!(scenes.stderr.contains("GFLOP/s"), "{}", scenes.stderr);
    let scenes = scenes.json();
    assert_eq!(scenes["total"], record["total"]);
    assert_eq!(fs::read(again.join("change.tif")).unwrap(), fs::read(out.join("change.tif")).unwrap());
    // The change head of the shipped model answered. Without it, rules do.
    let card = json_file(&shipped_model().join("model.json"));
    assert_eq!(record["change_head_sha256"], card["change_head"]["sha256"]);
    let by_rules = folder.path().join("rules");
    let rules = run(["change", a_text, b_text, "--without-change-head", "-o", by_rules.to_str().unwrap(), "--json"]);
    let rules = rules.succeeded().json();
    assert!(rules["change_head_sha256"].is_null() && rules["compared_spectra"] == true);
    // Each has the noise floor that was learned for it.
    assert_eq!(record["noise_floor"], card["change_head"]["noise_floor"]);
    assert_eq!(rules["noise_floor"], card["noise_floor"]);
    assert_ne!(rules["noise_floor"], record["noise_floor"]);
    run(["noise-floor", out_text, by_rules.to_str().unwrap()])
        .failed(1, &["by change head", "by rules", "a noise floor needs one of them"]);
    // A date is the same as itself.
    let same = folder.path().join("same");
    let none = run(["change", a_text, a_text, "-o", same.to_str().unwrap(), "--json"]).succeeded().json();
    assert_eq!((&none["total"]["gain_ha"], &none["total"]["loss_ha"]), (&0.0.into(), &0.0.into()));
    assert!(none["total"]["gain"].is_null());

    // What must not be compared is refused, with what is accepted.
    let refused = |arguments: &[&str], said: &[&str]| {
        let nowhere = folder.path().join("nowhere");
        let all = [&["change"], arguments, &["-o", nowhere.to_str().unwrap()]].concat();
        run(all).failed(1, said);
        assert!(!nowhere.exists());
    };
    refused(&[b_text, a_text], &["is later than the second"]);
    refused(
        &[a_text, folder.path().to_str().unwrap()],
        &["is neither an output folder of `minesegsat predict` nor a scene"],
    );
    let other = folder.path().join("other");
    let [elsewhere, _] = {
        let folder = folder.path().join("elsewhere");
        fs::create_dir(&folder).unwrap();
        let arguments = ["simulate", "--size", "192", "--years", "2022", "--region", "arid", "--seed", "3", "-q", "-o"];
        Done::of(program().args(arguments).arg(folder.join("sim"))).succeeded();
        let scene = fs::read_dir(folder.join("sim/2022")).unwrap().map(|e| e.unwrap().path()).find(|p| p.is_dir());
        [scene.unwrap().join("item.json"), folder]
    };
    predict(&elsewhere, &other);
    refused(&[a_text, other.to_str().unwrap()], &["do not overlap", "the first covers", "the second"]);
    // A decision that is in doubt, against another.
    let mut doubtful: Value = json_file(&b.join("manifest.json"));
    doubtful["radiometry"]["decision"]["confidence"] = "low".into();
    fs::write(b.join("manifest.json"), doubtful.to_string()).unwrap();
    refused(&[a_text, b_text], &["with a certain offset", "in doubt", "map it again with an explicit offset"]);
    doubtful["radiometry"]["decision"]["confidence"] = "high".into();
    doubtful["scene"]["level"] = "L1C".into();
    fs::write(b.join("manifest.json"), doubtful.to_string()).unwrap();
    refused(&[a_text, b_text], &["L1C", "one processing level"]);
}

#[test]
fn sites_are_followed_over_dates_and_teach_what_noise_is() {
    let folder = tempfile::tempdir().unwrap();
    let [before, after] = landscape(folder.path(), "31");
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    predict(&before, &a);
    predict(&after, &b);
    let (a_text, b_text) = (a.to_str().unwrap(), b.to_str().unwrap());
    // The middle of the landscape.
    let bbox: Vec<f64> = json_file(&before)["bbox"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    let at = |low: usize, share: f64| bbox[low] + (bbox[low + 2] - bbox[low]) * share;
    let (w, s, e, n) = (at(0, 0.2), at(1, 0.2), at(0, 0.8), at(1, 0.8));
    let ring = serde_json::json!([[[w, s], [e, s], [e, n], [w, n], [w, s]]]);
    let feature = serde_json::json!({
        "type": "Feature", "properties": {"id": "middle"}, "geometry": {"type": "Polygon", "coordinates": ring},
    });
    let sites = folder.path().join("sites.geojson");
    fs::write(&sites, serde_json::json!({"type": "FeatureCollection", "features": [feature]}).to_string()).unwrap();
    let sites = sites.to_str().unwrap();

    let out = folder.path().join("timeline");
    let arguments =
        ["timeline", b_text, a_text, "--sites", sites, "-o", out.to_str().unwrap(), "--around", "300", "--json"];
    let record = run(arguments).succeeded().json();
    let points = record["sites"][0]["points"].as_array().unwrap();
    let dates: Vec<&str> = points.iter().map(|point| point["date"].as_str().unwrap()).collect();
    assert!(dates.len() == 2 && dates[0].starts_with("2021") && dates[1].starts_with("2022"), "{dates:?}");
    for point in points {
        let area = |end: &str| point["hectares"]["disturbed"][end].as_f64().unwrap();
        assert!(area("lower_ha") < area("ha") && area("ha") < area("upper_ha"), "{point}");
    }
    let frames = dates.iter().map(|date| format!("middle-{date}.png"));
    let mut expected: Vec<String> = frames
        .chain(
            [
                "manifest.json",
                "middle.gif",
                "onset.png",
                "onset.qml",
                "onset.tif",
                "state.tif",
                "state.tif.aux.xml",
                "timeline.csv",
            ]
            .map(str::to_owned),
        )
        .collect();
    expected.sort();
    assert_eq!(names(&out), expected);
    let gif = fs::read(out.join("middle.gif")).unwrap();
    assert!(gif.starts_with(b"GIF89a") && gif.ends_with(b";"), "{} bytes", gif.len());
    let table = fs::read_to_string(out.join("timeline.csv")).unwrap();
    assert_eq!(table.lines().count(), 3);

    // Mines themselves are barer than what is around them.
    let truth = folder.path().join("sim/truth/2021.gpkg");
    let mines = folder.path().join("mines");
    let (truth, mines) = (truth.to_str().unwrap(), mines.to_str().unwrap());
    let arguments = ["timeline", a_text, b_text, "--sites", truth, "--id-field", "mine_id", "-o", mines, "--json"];
    let record = run(arguments).succeeded().json();
    for point in record["sites"].as_array().unwrap().iter().flat_map(|site| site["points"].as_array().unwrap()) {
        let index = |place: &str, name: &str| point[place][name].as_f64().unwrap();
        let is_seen = point["hectares"]["disturbed"].is_object();
        assert!(!is_seen || index("inside", "ndvi") < index("around", "ndvi"), "{point}");
        assert!(!is_seen || index("inside", "bsi") > index("around", "bsi"), "{point}");
    }

    // One pair is not enough for a noise floor, ten are.
    let change = folder.path().join("change");
    let change = change.to_str().unwrap();
    run(["change", a_text, b_text, "--sites", sites, "-o", change, "-q"]).succeeded();
    run(["noise-floor", change]).failed(1, &["1 site comparison", "10 or more are needed"]);
    run(["noise-floor", change, "--stable", "edge"]).failed(1, &["no such site", "edge"]);
    let ten = [&["noise-floor"][..], &[change; 10], &["--json"]].concat();
    let floor = run(ten).succeeded().json();
    let site = &json_file(&Path::new(change).join("manifest.json"))["sites"][0];
    let ha = |name: &str| site[name].as_f64().unwrap();
    let noise = ha("gain_ha").max(ha("loss_ha")) / ha("stable_ha").sqrt();
    assert!((floor["per_sqrt_ha"].as_f64().unwrap() - noise).abs() < 1e-9 && floor["learned_from"] == 10, "{floor}");
}

#[test]
fn two_real_dates_without_a_mine_end_in_no_mine_and_no_change() {
    let Some(data) = crate::support::real_data("sentinel2_l2a_barbellino") else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("change");
    let scene = |date: &str| data.join(format!("S2A2A_{date}_022_Barbellino_BOA_10.tif"));
    let mut command = program();
    command.arg("change").arg(scene("20170703")).arg(scene("20190723")).arg("--model").arg(shipped_model());
    command.args(["--substitute", "B8A=B08", "--json", "-o"]).arg(&out);
    let record = Done::of(&mut command).succeeded().json();
    assert_eq!(record["total"]["statement"], "no mine, no change", "{record}");
}

#[test]
fn scenes_are_opened_again_with_the_settings_of_their_map() {
    let folder = tempfile::tempdir().unwrap();
    let maps = ["20200705", "20210705"].map(|day| {
        // Nothing in the file names its bands or its scale.
        let scene = folder.path().join(format!("stack_{day}.tif"));
        let bands = ["B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12"];
        let value = |band: usize, i: usize| 300 + ((i * 31 + band * 17 + day.len()) % 97) as u16 * 8;
        let pixels = (0..bands.len()).map(|band| (0..96 * 96).map(|i| value(band, i)).collect()).collect();
        let tiff = GeoTiff::new(32610, (600_000.0, 5_500_020.0), 10.0, 96, 96, pixels);
        fs::write(&scene, tiff.encode()).unwrap();
        let out = folder.path().join(day);
        let settings =
            ["--bands", &bands.join(","), "--scale", "0.0001", "--offset", "0", "--nodata", "65535", "-q", "-o"];
        let mut command = program();
        Done::of(command.arg("predict").arg(&scene).args(settings).arg(&out)).succeeded();
        out
    });
    let record = json_file(&maps[0].join("manifest.json"));
    assert_eq!(record["scene_options"]["bands"][3], "B08");
    let out = folder.path().join("change");
    let compare = |out: &Path| {
        let mut command = program();
        Done::of(command.arg("change").args(&maps).args(["--overwrite", "--json", "-o"]).arg(out)).succeeded().json()
    };
    let found = compare(&out);
    assert!(found["change_head_sha256"].is_string(), "{}", found["warnings"]);
    // Without the scene, the reason is told and rules decide.
    fs::remove_file(folder.path().join("stack_20210705.tif")).unwrap();
    let found = compare(&out);
    let warnings = found["warnings"].to_string();
    assert!(found["change_head_sha256"].is_null());
    assert!(warnings.contains("the model's change head was not asked, because the scene stack_20210705"), "{warnings}");
}
