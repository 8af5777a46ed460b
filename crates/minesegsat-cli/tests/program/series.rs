//! Land over many dates, with the built program and the model in the box, on a simulated landscape.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Done, json_file, names, program, raster, run, shipped_model};
use serde_json::{Value, json};

const YEARS: [&str; 4] = ["2019", "2020", "2021", "2022"];
const CLASSES: [&str; 6] = ["undisturbed", "disturbed", "new", "new-provisional", "regrown", "regrown-provisional"];

/// The maps of a landscape of 288 x 288 pixels in four years.
fn maps(folder: &Path) -> Vec<PathBuf> {
    let sim = folder.join("sim");
    let arguments = ["simulate", "--size", "288", "--years", &YEARS.join(","), "--seed", "31", "-q", "-o"];
    Done::of(program().args(arguments).arg(&sim)).succeeded();
    let model = shipped_model();
    YEARS
        .iter()
        .map(|year| {
            let scene =
                fs::read_dir(sim.join(year)).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir());
            let output = folder.join(format!("map-{year}"));
            let mut command = program();
            command.arg("predict").arg(scene.unwrap().join("item.json")).arg("--model").arg(&model).arg("-q");
            Done::of(command.arg("-o").arg(&output)).succeeded();
            output
        })
        .collect()
}

fn timeline(maps: &[PathBuf], output: &Path, more: &[&str]) -> Done {
    Done::of(program().arg("timeline").args(maps).arg("-o").arg(output).args(more))
}

#[test]
fn a_series_of_maps_becomes_onset_and_state() {
    let folder = tempfile::tempdir().unwrap();
    let maps = maps(folder.path());
    let out = folder.path().join("series");
    let record = timeline(&maps, &out, &["--json"]).succeeded().json();
    assert_eq!(names(&out), ["manifest.json", "onset.png", "onset.qml", "onset.tif", "state.tif", "state.tif.aux.xml"]);
    assert_eq!(record, json_file(&out.join("manifest.json")));
    let dates: Vec<&str> = record["dates"].as_array().unwrap().iter().map(|date| date.as_str().unwrap()).collect();
    assert!(dates.len() == 4 && dates.iter().zip(YEARS).all(|(date, year)| date.starts_with(year)), "{dates:?}");

    // Hectares of the record are the pixels of the raster, and an onset is where land is or was new.
    let ((_, state), (info, onset)) = (raster(&out.join("state.tif")), raster(&out.join("onset.tif")));
    assert_eq!((info.nodata, info.band_names.len(), info.grid.width), (Some(0.0), 3, 288));
    for (value, class) in CLASSES.iter().enumerate() {
        let pixels = state.iter().filter(|&&state| state == value as f64).count();
        let total = &record["total"]["by_class"][value];
        assert_eq!(total["class"], *class);
        let ha = total["ha"].as_f64().unwrap();
        assert!((ha - pixels as f64 / 100.0).abs() <= 0.002 * ha + 1e-9, "{class}: {ha} ha, {pixels} pixels");
    }
    let first_day = 365.25 * 49.0;
    for (state, onset) in state.iter().zip(&onset) {
        let is_new = *state == 2.0 || *state == 3.0;
        assert!(if is_new { *onset > first_day } else { *onset == 0.0 || *state >= 4.0 }, "{state} {onset}");
    }
    assert!(state.iter().filter(|&&state| state == 1.0).count() > 100);

    // The land of the series flickers less than that of single maps.
    let disturbed: Vec<f64> =
        record["total"]["disturbed_ha"].as_array().unwrap().iter().map(|ha| ha.as_f64().unwrap()).collect();
    assert_eq!(disturbed.len(), 4);

    // The order of the folders does not matter, and files stay unless they may be replaced.
    let turned: Vec<PathBuf> = maps.iter().rev().cloned().collect();
    timeline(&turned, &out, &[]).failed(1, &["exists already", "--overwrite"]);
    timeline(&turned, &out, &["--overwrite", "-q"]).succeeded();
    assert_eq!(raster(&out.join("state.tif")).1, state);

    // With one date needed nothing is provisional.
    let once = folder.path().join("once");
    let record = timeline(&maps, &once, &["--confirm", "1/1", "--json"]).succeeded().json();
    assert_eq!(record["rules"]["confirmation"]["needed"], 1);
    assert_eq!(record["total"]["by_class"][5]["ha"], 0.0);
    // Rates of the command line.
    let fast = folder.path().join("fast");
    let arguments = ["--onset-rate", "5", "--regrowth-rate", "5", "--evidence-weight", "1", "--json"];
    let record = timeline(&maps, &fast, &arguments).succeeded().json();
    assert_eq!(record["rules"]["persistence"]["onset_per_year"], 5.0);

    // Sites are optional; with them there are areas per date.
    let text = timeline(&maps, &folder.path().join("text"), &[]).succeeded().stdout;
    assert!(text.contains("4 dates") && text.contains("ha new but provisional"), "{text}");
    let sites = folder.path().join("sim/truth/2022.gpkg");
    let with = folder.path().join("sites");
    let arguments = ["--sites", sites.to_str().unwrap(), "--id-field", "mine_id", "--json"];
    let record = timeline(&maps, &with, &arguments).succeeded().json();
    let site = &record["sites"][0];
    let gains = site["series"]["gains_ha"].as_array().unwrap();
    assert_eq!(gains.iter().map(|row| row.as_array().unwrap().len()).collect::<Vec<_>>(), [3, 2, 1, 0]);
    for point in site["points"].as_array().unwrap() {
        let area = |end: &str| point["smoothed_area"][end].as_f64().unwrap();
        assert!(area("lower_ha") <= area("ha") && area("ha") <= area("upper_ha"), "{point}");
    }
    let table = fs::read_to_string(with.join("timeline.csv")).unwrap();
    assert!(
        table.starts_with("site,date,scene,")
            && table.contains("smoothed_lower_ha,smoothed_upper_ha,gain_since_first_ha")
    );
}

#[test]
fn land_of_two_sites_counts_once_in_their_total() {
    let folder = tempfile::tempdir().unwrap();
    let maps = maps(folder.path());
    let scenes = fs::read_dir(folder.path().join("sim/2019")).unwrap().map(|entry| entry.unwrap().path());
    let item = json_file(&scenes.into_iter().find(|path| path.is_dir()).unwrap().join("item.json"));
    let [west, south, east, north] = [0, 1, 2, 3].map(|i| item["bbox"][i].as_f64().unwrap());
    // Two sites of 60 % of the inner width share a third of each.
    let inner = |low: f64, high: f64, share: f64| low + (high - low) * (0.2 + 0.6 * share);
    let site = |id: &str, from: f64, until: f64| {
        let [w, e] = [from, until].map(|share| inner(west, east, share));
        let [s, n] = [0.0, 1.0].map(|share| inner(south, north, share));
        let ring = [[w, s], [e, s], [e, n], [w, n], [w, s]];
        json!({"type": "Feature", "properties": {"id": id}, "geometry": {"type": "Polygon", "coordinates": [ring]}})
    };
    let sites = folder.path().join("sites.geojson");
    let features = [site("west", 0.0, 0.6), site("east", 0.4, 1.0)];
    fs::write(&sites, json!({"type": "FeatureCollection", "features": features}).to_string()).unwrap();
    let out = folder.path().join("series");
    let record = timeline(&maps, &out, &["--sites", sites.to_str().unwrap(), "--json"]).succeeded().json();
    let [first, second] = [0, 1].map(|site| record["sites"][site].clone());
    let together = &record["sites_together"];
    for site in [&first, &second] {
        let share = site["share_in_other_sites"].as_f64().unwrap();
        assert!((share - 1.0 / 3.0).abs() < 1e-3, "{share}");
    }
    for date in 0..YEARS.len() {
        let ha = |series: &Value| series["points"][date]["disturbed_ha"].as_f64().unwrap();
        let [one, other] = [&first, &second].map(|site| ha(&site["series"]));
        let all = ha(together);
        assert!(all <= one + other + 0.01 && all >= one.max(other) - 0.01, "{one} and {other} ha, together {all}");
        let share = first["points"][date]["share_disagreeing"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&share), "{share}");
    }
    let sum: f64 =
        together["onsets"].as_array().unwrap().iter().map(|onset| onset["confirmed_ha"].as_f64().unwrap()).sum();
    assert!((sum - together["new_ha"].as_f64().unwrap()).abs() < 1e-6, "{together}");
    let table = fs::read_to_string(out.join("timeline.csv")).unwrap();
    assert!(table.lines().next().unwrap().ends_with(",share_disagreeing,share_in_other_sites"), "{table}");
    let style = fs::read_to_string(out.join("onset.qml")).unwrap();
    let dates: Vec<&str> = record["dates"].as_array().unwrap().iter().map(|date| date.as_str().unwrap()).collect();
    for date in [dates[0], dates[3]] {
        assert!(style.contains(&format!("label=\"{date}\"")), "{style}");
    }
}

#[test]
fn series_that_must_not_be_joined_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let maps = maps(folder.path());
    let out = folder.path().join("series");
    let refused = |maps: &[PathBuf], more: &[&str], code: i32, said: &[&str]| {
        timeline(maps, &out, more).failed(code, said);
        assert!(!out.exists());
    };
    refused(&maps[..1], &[], 2, &["2 values required"]);
    refused(&[maps[0].clone(), maps[1].clone(), maps[0].clone()], &[], 1, &["each scene once"]);
    refused(&maps, &["--confirm", "4/3"], 2, &["`4/3` is not accepted", "2/3"]);
    refused(&maps, &["--onset-rate", "0"], 2, &["above 0 to 12 per year"]);
    refused(&maps, &["--evidence-weight", "1.1"], 2, &["above 0 to 1"]);
    refused(&[maps[0].clone(), folder.path().join("nothing")], &[], 1, &["neither an output folder"]);
    // Another processing level.
    let edit = |change: &dyn Fn(&mut Value)| {
        let path = maps[3].join("manifest.json");
        let mut record = json_file(&path);
        change(&mut record);
        fs::write(path, record.to_string()).unwrap();
    };
    edit(&|record| record["scene"]["level"] = "L1C".into());
    refused(&maps, &[], 1, &["one processing level", "L1C"]);
    edit(&|record| {
        record["scene"]["level"] = "L2A".into();
        record["scene"]["date"] = Value::Null;
    });
    refused(&maps, &[], 1, &["acquisition date"]);
    // Two maps of one day are one date; of one day only, there is no series.
    let day = json_file(&maps[0].join("manifest.json"))["scene"]["date"].clone();
    edit(&|record| record["scene"]["date"] = day.clone());
    refused(&[maps[0].clone(), maps[3].clone()], &[], 1, &["at least two dates"]);
    // Another model is said, not refused.
    edit(&|record| record["model"]["weights_sha256"] = "00".into());
    let done = timeline(&maps, &out, &[]).succeeded();
    assert!(done.stderr.contains("several models"), "{}", done.stderr);
    assert_eq!(json_file(&out.join("manifest.json"))["dates"].as_array().unwrap().len(), 3);
    run(["timeline", "--help"]).succeeded();
}

#[test]
fn snow_is_not_assessable_where_a_date_is_mapped() {
    let folder = tempfile::tempdir().unwrap();
    let sim = folder.path().join("sim");
    let arguments = ["simulate", "--size", "192", "--years", "2021", "--dates-per-year", "6", "--cloud-cover", "1"];
    Done::of(program().args(arguments).args(["--region", "boreal", "--seed", "31", "-q", "-o"]).arg(&sim)).succeeded();
    let scenes: Vec<PathBuf> = names(&sim.join("2021")).iter().map(|name| sim.join("2021").join(name)).collect();
    let snow = |scene: &PathBuf| {
        let (_, classes) = raster(&scene.join("SCL.tif"));
        classes.iter().filter(|&&class| class == 11.0).count() as f64 / classes.len() as f64
    };
    // Names end with the date, so scenes are in the order of time.
    let by_snow = |a: &&PathBuf, b: &&PathBuf| snow(a).total_cmp(&snow(b));
    let (winter, summer) = (scenes.iter().max_by(by_snow).unwrap(), scenes.iter().min_by(by_snow).unwrap());
    assert!(snow(winter) > 0.2 && snow(summer) < 0.05, "{} {}", snow(winter), snow(summer));
    let out = folder.path().join("series");
    let mut command = program();
    command.arg("timeline").arg(winter.join("item.json")).arg(summer.join("item.json")).arg("--model");
    let record = Done::of(command.arg(shipped_model()).arg("--json").arg("-o").arg(&out)).succeeded().json();
    let seen = record["total"]["share_assessed"][usize::from(winter > summer)].as_f64().unwrap();
    // A share of 1 counts the edge of the map too, of which half a pixel may be lost.
    assert!(seen <= 1.0 - snow(winter) + 0.02, "{seen}, {} of snow", snow(winter));
}
