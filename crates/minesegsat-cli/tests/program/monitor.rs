//! Watching sites, with the built program and the model in the box, on a simulated landscape.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::support::{Done, collection_of, json_file, program, raster, shipped_model};
use serde_json::{Value, json};

/// A landscape with a site, and a collection of the scenes of some years.
struct Place {
    folder: tempfile::TempDir,
    items: PathBuf,
    register: PathBuf,
}

impl Place {
    /// `limit` in hectares; the first permit holds in 2021, the second, of ten times as much, from 2022 on.
    fn new(years: &str, limit: f64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sim = folder.path().join("sim");
        let arguments =
            ["simulate", "--size", "384", "--years", years, "--seed", "31", "--cloud-cover", "2", "-q", "-o"];
        Done::of(program().args(arguments).arg(&sim)).succeeded();
        let items = folder.path().join("items.json");
        let years: Vec<&str> = years.split(',').collect();
        let features = collection_of(&sim, &years, &items);
        let bbox = features[0]["bbox"].clone();
        let register = folder.path().join("sites.gpkg");
        // The middle of the scene.
        let b: Vec<f64> = bbox.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        let inner = |low: f64, high: f64, share: f64| low + (high - low) * share;
        let bbox = [inner(b[0], b[2], 0.15), inner(b[1], b[3], 0.15), inner(b[0], b[2], 0.85), inner(b[1], b[3], 0.85)];
        let bbox = bbox.map(|v| format!("{v:.6}")).join(",");
        let place = Self { folder, items, register };
        let limits = [format!("{limit} ha"), format!("{} ha", limit * 10.0)];
        place.sites(&["add", "quarry", "--name", "Quarry", "--bbox", &bbox]).succeeded();
        let first = ["permit", "quarry", "P-1", "--valid-from", "2020-01-01", "--valid-to", "2021-12-31", "--limit"];
        place.sites(&[&first[..], &[&limits[0]]].concat()).succeeded();
        place.sites(&["permit", "quarry", "P-2", "--valid-from", "2022-01-01", "--limit", &limits[1]]).succeeded();
        place
    }

    fn sites(&self, arguments: &[&str]) -> Done {
        Done::of(program().arg("sites").args(arguments).arg("--register").arg(&self.register))
    }

    fn command(&self, more: &[&str]) -> std::process::Command {
        let mut command = program();
        command.args(["monitor", "run", "--min-assessed", "40", "--buffer", "100", "--register"]).arg(&self.register);
        command.arg("--model").arg(shipped_model()).arg("--api").arg(&self.items).args(more);
        command
    }

    fn monitor(&self, more: &[&str]) -> Done {
        Done::of(&mut self.command(more))
    }

    /// What the register says of the site, without the times at which it was stored.
    fn observations(&self) -> Vec<Value> {
        let shown = self.sites(&["show", "quarry", "--json"]).succeeded().json();
        let mut observations = shown["observations"].as_array().unwrap().clone();
        for observation in &mut observations {
            observation.as_object_mut().unwrap().remove("created");
            // Manifests have times in them.
            observation.as_object_mut().unwrap().remove("files");
        }
        observations
    }
}

#[test]
fn a_site_is_mapped_compared_judged_told_of_and_packed_once() {
    let place = Place::new("2021,2022", 1.0);
    let log = place.folder.path().join("alerts.jsonl");
    let config = place.folder.path().join("alerts.toml");
    fs::write(&config, format!("[[file]]\nname = \"log\"\npath = {:?}\n", log.to_str().unwrap())).unwrap();
    let alerts = ["--alerts", config.to_str().unwrap()];
    // Up to the end of 2021 the limit of 1 ha holds, which is exceeded.
    let first = place.monitor(&[&alerts[..], &["--until", "2021-12-31", "--json"]].concat());
    assert_eq!(first.code, Some(5), "{}", first.stderr);
    let report: Value = serde_json::from_str(&first.stdout).unwrap();
    let observation = &report["observations"][0];
    assert_eq!(observation["verdict"], "exceeded", "{observation}");
    assert_eq!(observation["permit"], "P-1");
    let statement = observation["statement"].as_str().unwrap();
    assert!(statement.contains("revision of the permit may be missing"), "{statement}");
    assert!(observation["compared_with"].is_null());
    let told = || fs::read_to_string(&log).unwrap().lines().count() as u64;
    let findings = report["findings"].as_u64().unwrap();
    assert!(findings > 0 && told() == findings, "one line for each of {findings}, {} lines", told());
    // Nothing new is nothing done.
    let again = place.monitor(&[&alerts[..], &["--until", "2021-12-31", "--json"]].concat());
    assert_eq!(again.code, Some(5), "what stands is told by the exit code: {}", again.stderr);
    assert_eq!(serde_json::from_str::<Value>(&again.stdout).unwrap()["nothing_new"], 1);
    assert_eq!(told(), findings);
    // Channels are tested without a finding, and pending alerts can be sent at once.
    let config_text = config.to_str().unwrap();
    let alerts_of = |more: &[&str]| {
        let mut command = program();
        command.args(["monitor", "alerts", "--alerts", config_text, "--register"]).arg(&place.register).args(more);
        Done::of(&mut command)
    };
    assert!(alerts_of(&["--test"]).succeeded().stdout.contains("sent a test to `log`"));
    let line = fs::read_to_string(&log).unwrap().lines().last().unwrap().to_owned();
    assert!(line.contains("\"kind\":\"test\"") && line.contains("No site was observed"), "{line}");
    assert_eq!(told(), findings + 1);
    assert!(alerts_of(&["--send-now"]).succeeded().stdout.contains("0 delivered, 0 pending"));
    assert_eq!(told(), findings + 1, "what was delivered is not sent again");
    alerts_of(&["--test", "--channel", "fax"]).failed(1, &["no channel `fax`", "it has log"]);
    alerts_of(&["--test", "--send-now"]).failed(2, &["--send-now"]);
    fs::write(
        &log,
        fs::read_to_string(&log).unwrap().lines().take(findings as usize).map(|l| format!("{l}\n")).collect::<String>(),
    )
    .unwrap();
    // The next year is compared with it, and another limit holds.
    let next = place.monitor(&[&alerts[..], &["--json"]].concat());
    let report: Value = serde_json::from_str(&next.stdout).unwrap();
    let observation = &report["observations"][0];
    assert_eq!(observation["permit"], "P-2", "{observation}");
    assert!(observation["compared_with"].as_str().unwrap().starts_with("2021"));
    assert!(observation["gain_ha"].is_number() && observation["area"]["ha"].as_f64().unwrap() > 1.0, "{observation}");
    let date = observation["date"].as_str().unwrap().to_owned();
    let stored = place.observations();
    assert_eq!(stored.len(), 2);

    // The second date has the layers of the series, and how far it disagrees with it; the first one cannot.
    assert!(stored[0].get("share_disagreeing").is_none() && stored[0]["share_in_other_sites"] == 0.0, "{}", stored[0]);
    let disagreeing = stored[1]["share_disagreeing"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&disagreeing), "{disagreeing}");
    let files = |observation: &Value| -> Vec<String> {
        let files = observation["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap());
        files.filter_map(|path| Some(path.split_once("/series/")?.1.to_owned())).collect()
    };
    assert_eq!(files(observation), ["manifest.json", "onset.png", "onset.tif", "state.tif"]);
    let onset = observation["files"].as_array().unwrap().iter().find_map(|file| {
        let path = file["path"].as_str().unwrap();
        path.ends_with("/series/onset.tif").then(|| place.folder.path().join(path))
    });
    let onset = onset.unwrap();
    assert!(onset.with_extension("qml").is_file() && onset.with_file_name("state.tif.aux.xml").is_file());
    let (info, days) = raster(&onset);
    assert_eq!((info.nodata, info.band_names.len()), (Some(0.0), 3));
    let series = json_file(&onset.with_file_name("manifest.json"));
    assert_eq!(series["dates"], json!([stored[0]["date"], stored[1]["date"]]));
    let onsets: f64 = series["onsets"].as_array().unwrap().iter().map(|o| o["provisional_ha"].as_f64().unwrap()).sum();
    assert!((onsets - stored[1]["new_land"]["provisional_ha"].as_f64().unwrap()).abs() < 1e-6, "{series}");
    // The map goes beyond the site.
    let new_pixels = days.iter().filter(|&&day| day > 0.0).count() as f64;
    assert!(new_pixels / 100.0 >= onsets * 0.99, "{new_pixels} pixels, {onsets} ha");
    let table = place.folder.path().join("observations.csv");
    place.sites(&["export", "--observations", "-o", table.to_str().unwrap()]).succeeded();
    let table = fs::read_to_string(table).unwrap();
    assert!(table.contains("share_disagreeing,share_in_other_sites"), "{table}");
    assert!(place.sites(&["show", "quarry"]).succeeded().stdout.contains("disagrees %"));

    // The page has both pictures.
    let page = place.folder.path().join("quarry.html");
    let mut command = program();
    command.args(["report", "quarry", "--register"]).arg(&place.register).arg("-o").arg(&page);
    Done::of(&mut command).succeeded();
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.contains("NDVI"), "indices over time");
    assert!(html.contains("P-2") && html.matches("data:image/").count() >= 2, "{} bytes", html.len());

    // The land of both dates goes to a file in every format, and its hectares are those of the register.
    let mapped_ha: Vec<f64> = place.observations().iter().map(|o| o["parts"]["mapped_ha"].as_f64().unwrap()).collect();
    for end in ["gpkg", "geojson", "zip", "kml", "csv", "xlsx"] {
        let file = place.folder.path().join(format!("land.{end}"));
        place.sites(&["export", "quarry", "-o", file.to_str().unwrap()]).succeeded();
        assert!(file.metadata().unwrap().len() > 0, "{end}");
    }
    let land = json_file(&place.folder.path().join("land.geojson"));
    assert_eq!(land["metadata"]["left_out"], json!([]));
    let ha_of = |kind: &str, year: &str| -> f64 {
        let features = land["features"].as_array().unwrap().iter().map(|feature| &feature["properties"]);
        let found = features.filter(|p| p["kind"] == kind && p["date"].as_str().unwrap().starts_with(year));
        found.map(|p| p["area_ha"].as_f64().unwrap()).sum()
    };
    for (year, mapped_ha) in ["2021", "2022"].into_iter().zip(&mapped_ha) {
        let found = ha_of("disturbed", year);
        assert!((found - mapped_ha).abs() < 1e-6 * mapped_ha, "{year}: {found} {mapped_ha}");
    }
    let seen = place.observations()[1]["seen_change"]["gain_ha"].as_f64().unwrap();
    assert!((ha_of("gain", "2022") - seen).abs() <= 1e-6 * seen, "{} {seen}", ha_of("gain", "2022"));

    // A pack is sound, and says what was changed.
    let key = place.folder.path().join("key");
    Done::of(program().args(["evidence", "keygen", "--no-password", "-o"]).arg(&key)).succeeded();
    let (secret, public) = (key.clone(), key.with_extension("pub"));
    let pack = place.folder.path().join("pack.zip");
    let mut command = program();
    command.args(["evidence", "quarry", "--date", &date, "--register"]).arg(&place.register);
    command.arg("--key").arg(&secret).arg("-o").arg(&pack);
    Done::of(&mut command).succeeded();
    let verify = || {
        let mut command = program();
        command.args(["evidence", "verify"]).arg(&pack).arg("--public-key").arg(&public);
        Done::of(&mut command)
    };
    verify().succeeded();
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&pack, bytes).unwrap();
    assert_eq!(verify().code, Some(1));

    // A site inside this one shares all of its outline.
    let shown = place.sites(&["show", "quarry", "--json"]).succeeded().json();
    let [west, south, east, north] = [0, 1, 2, 3].map(|i| shown["bbox"][i].as_f64().unwrap());
    let bbox = format!("{west},{south},{},{north}", f64::midpoint(west, east));
    place.sites(&["add", "half", "--bbox", &bbox]).succeeded();
    let done = place.monitor(&["--sites", "half", "--until", "2021-12-31", "--json"]);
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    let inner = &report["observations"][0];
    assert!(inner["share_in_other_sites"].as_f64().unwrap() > 0.999, "{inner}");
    assert!(inner["warnings"].to_string().contains("also belongs to `quarry`"), "{inner}");

    // Two monitors on one register, and a site that nobody knows.
    let other = place.monitor(&["--sites", "quary"]);
    other.failed(1, &["quary", "quarry"]);
}

/// A copy of a scene's item on another day of the same month, in which a part of the rows is under cloud.
fn clouded(item: &Value, folder: &Path, day: &str, rows: std::ops::Range<f64>) -> Value {
    use minesegsat::cog::{CogOptions, CogWriter};
    use minesegsat::{DataType, Pixels};

    fs::create_dir_all(folder).unwrap();
    let mut item = item.clone();
    let source = item["assets"]["SCL"]["href"].as_str().unwrap().to_owned();
    let (info, classes) = crate::support::raster(Path::new(&source));
    let height = info.grid.height as f64;
    let cloud = |i: usize| rows.contains(&((i / info.grid.width) as f64 / height));
    let pixels = (0..classes.len()).map(|i| if cloud(i) { 9 } else { classes[i] as u8 }).collect();
    let path = folder.join("SCL.tif");
    let options = CogOptions { data_type: DataType::U8, nodata: Some(0.0), ..CogOptions::default() };
    let mut cog = CogWriter::create(&path, &info.grid, options).unwrap();
    cog.write_rows(&[Pixels::U8(pixels)]).unwrap();
    cog.finish().unwrap();
    let asset = item["assets"]["SCL"].as_object_mut().unwrap();
    asset.retain(|key, _| !key.starts_with("file:"));
    asset["href"] = path.to_str().unwrap().into();
    item["id"] = format!("{}-{day}", item["id"].as_str().unwrap()).into();
    let month = item["properties"]["datetime"].as_str().unwrap()[..8].to_owned();
    item["properties"]["datetime"] = format!("{month}{day}T10:30:00Z").into();
    item
}

#[test]
fn where_every_scene_is_clouded_what_was_clear_is_put_together_once() {
    let place = Place::new("2021", 1000.0);
    let item = json_file(&place.items)["features"][0].clone();
    let copy = |day: &str, rows| clouded(&item, &place.folder.path().join(day), day, rows);
    let items = json!({"type": "FeatureCollection", "features": [copy("10", 0.0..0.55), copy("20", 0.5..1.0)]});
    fs::write(&place.items, items.to_string()).unwrap();
    let seen = ["--min-assessed", "85", "--json"];
    let run = |more: &[&str]| -> Value {
        let mut command = program();
        command.args(["monitor", "run", "--buffer", "100", "--register"]).arg(&place.register);
        command.arg("--model").arg(shipped_model()).arg("--api").arg(&place.items).args(seen).args(more);
        Done::of(&mut command).succeeded().json()
    };
    let report = run(&[]);
    let observation = &report["observations"][0];
    assert_eq!(observation["scenes"].as_array().unwrap().len(), 2, "{observation}");
    assert!(
        observation["share_assessed"].as_f64().unwrap() > 0.85 && observation["verdict"] == "within",
        "{observation}"
    );
    // Neither the composite nor the scenes that showed too little are looked at again.
    assert_eq!(run(&[])["nothing_new"], 1);

    // Watching does the same again and again.
    let mut command = program();
    command.args(["monitor", "watch", "--every", "1s", "--runs", "2", "--register"]).arg(&place.register);
    command.arg("--model").arg(shipped_model()).arg("--api").arg(&place.items);
    let watched = Done::of(&mut command).succeeded();
    assert_eq!(watched.stdout.matches("1 without a new scene").count(), 2, "{}", watched.stdout);
    let failed = program().args(["monitor", "watch", "--every", "1w", "--model", "x"]).output().unwrap();
    assert_eq!(Done::from(failed).code, Some(2));

    // What runs the network is chosen as in `predict`.
    let mut command = program();
    command.args(["monitor", "run", "--precision", "bf16", "--engine", "burn", "--register"]).arg(&place.register);
    command.arg("--model").arg(shipped_model()).arg("--api").arg(&place.items);
    Done::of(&mut command).failed(1, &["precision `bf16`", "fp32"]);
}

#[test]
fn a_monitor_that_is_killed_at_any_moment_ends_with_what_an_undisturbed_one_has() {
    let undisturbed = Place::new("2021,2022", 40.0);
    undisturbed.monitor(&["--every-date"]);
    let expected = undisturbed.observations();
    assert_eq!(expected.len(), 2);
    let killed = Place::new("2021,2022", 40.0);
    let mut pause = Duration::from_millis(30);
    for _ in 0..6 {
        let mut child = killed.command(&["--every-date"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(pause);
        child.kill().unwrap();
        child.wait().unwrap();
        pause *= 2;
        // Every state in between is sound.
        killed.sites(&["list", "--json"]).succeeded();
    }
    killed.monitor(&["--every-date"]);
    assert_eq!(killed.observations(), expected);
}
