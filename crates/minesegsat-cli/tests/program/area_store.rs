//! `minesegsat area` with a project in an object store: the same bytes as in a folder, and stores that fail.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use minesegsat_testing::s3::{ObjectStore, S3Fault};
use serde_json::{Value, json};

use crate::area::{plan_command, two_tiles};
use crate::support::{Done, names, program, wait_until};

fn address() -> String {
    ObjectStore::folder("country/p")
}

/// `area` with the project in the store. Temporary files go to a folder of the test.
fn command(store: &ObjectStore, temporary: &Path, command: &str, more: &[&str]) -> Command {
    let mut program = program();
    program.args(["area", command, &address()]).args(more).envs(store.variables()).env("TMPDIR", temporary);
    program
}

fn planned(store: &ObjectStore, items: &Path, bounds: [f64; 4]) -> Done {
    Done::of(plan_command(items, bounds, address()).envs(store.variables()))
}

fn slow_down(times: usize, method: &'static str, part: &'static str) -> S3Fault {
    S3Fault { status: 503, code: "SlowDown", times, method, part }
}

#[test]
fn a_project_in_a_store_has_the_bytes_of_one_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (items, bounds) = two_tiles(folder.path());
    let (local, temporary) = (folder.path().join("local"), folder.path().join("temporary"));
    fs::create_dir(&temporary).unwrap();
    let store = ObjectStore::start();
    let area = |name: &str, more: &[&str]| Done::of(&mut command(&store, &temporary, name, more));

    Done::of(&mut plan_command(&items, bounds, &local)).succeeded();
    let mut run = program();
    Done::of(run.args(["area", "run", "-q"]).arg(&local)).succeeded();
    let mut merge = program();
    Done::of(merge.args(["area", "merge", "-q", "--allow-missing"]).arg(&local)).succeeded();

    store.fail(slow_down(2, "PUT", "items.json"));
    let plan = planned(&store, &items, bounds).succeeded();
    assert!(plan.stdout.contains("minesegsat area run s3://maps/country/p"), "{}", plan.stdout);
    planned(&store, &items, bounds).failed(1, &["s3://maps/country/p/plan.json exists already"]);
    let stored = |name: &str| store.object(&format!("country/p/{name}"));
    let same_plan = |bytes: Option<Vec<u8>>| bytes == Some(fs::read(local.join("plan.json")).unwrap());
    assert!(same_plan(stored("plan.json")));
    area("merge", &[]).failed(1, &["s3://maps/country/p", "4 of 4 units are not mapped"]);
    area("summarize", &["--zones", "none.geojson"]).failed(1, &["area merge s3://maps/country/p"]);

    // A worker is killed in the middle of a unit, which has no record then.
    let units = names(&local.join("units"));
    let record = |unit: &str| stored(&format!("units/{unit}/record.json"));
    let first: Value = serde_json::from_slice(&stored("plan.json").unwrap()).unwrap();
    let first = first["units"][0]["id"].as_str().unwrap().to_owned();
    let mut killed = command(&store, &temporary, "run", &["-q"]);
    let mut killed = killed.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let scenes = format!("country/p/units/{first}/items.json");
    let before = store.received(&scenes).len();
    wait_until("a worker that maps the first unit", || store.received(&scenes).len() > before);
    killed.kill().unwrap();
    killed.wait().unwrap();
    let temporary_files = || -> Vec<String> {
        names(&temporary).into_iter().filter(|name| name.starts_with("minesegsat-area-")).collect()
    };
    let of_killed = temporary_files();
    assert!(units.iter().all(|unit| record(unit).is_none()), "{:?}", store.keys());

    // Two workers, while the store is overloaded.
    store.fail(slow_down(2, "PUT", "probability.tif"));
    store.fail(slow_down(2, "GET", "record.json"));
    let shards =
        ["1/2", "2/2"].map(|shard| command(&store, &temporary, "run", &["-q", "--shard", shard]).spawn().unwrap());
    for mut shard in shards {
        assert!(shard.wait().unwrap().success());
    }
    let again = area("run", &[]).succeeded();
    assert!(again.stdout.contains("0 units mapped, 4 mapped before"), "{}", again.stdout);
    let status = area("status", &["--json"]).succeeded().json();
    assert_eq!(status["counts"]["done"], 4, "{status}");
    for unit in &units {
        for name in ["probability.tif", "scene.tif", "items.json"] {
            let expected = fs::read(local.join("units").join(unit).join(name)).unwrap();
            assert!(stored(&format!("units/{unit}/{name}")) == Some(expected), "{unit} {name}");
        }
        let record: Value = serde_json::from_slice(&record(unit).unwrap()).unwrap();
        assert_eq!((&record["state"], &record["tries"]), (&json!("done"), &json!(1)), "{record}");
    }
    // A map that is gone is made again.
    let first_map = format!("country/p/units/{first}/probability.tif");
    let bytes = store.object(&first_map);
    store.remove(&first_map);
    let again = area("run", &["--index", "0"]).succeeded();
    assert!(again.stdout.contains("1 unit mapped, 0 mapped before"), "{}", again.stdout);
    assert!(store.object(&first_map) == bytes);

    let merged = area("merge", &["--allow-missing"]).succeeded();
    assert!(merged.stdout.contains("s3://maps/country/p/merged/totals.json"), "{}", merged.stdout);
    area("merge", &["--allow-missing"]).failed(1, &["s3://maps/country/p/merged/totals.json exists already"]);
    let prefix = "country/p/merged/";
    let keys: Vec<String> = store.keys().iter().filter_map(|key| key.strip_prefix(prefix).map(str::to_owned)).collect();
    assert_eq!(keys, names(&local.join("merged")));
    for name in keys {
        assert!(
            stored(&format!("merged/{name}")) == Some(fs::read(local.join("merged").join(&name)).unwrap()),
            "{name}"
        );
    }
    // Into a folder, from the store.
    let elsewhere = folder.path().join("elsewhere");
    area("merge", &["--allow-missing", "-q", "-o", elsewhere.to_str().unwrap()]).succeeded();
    assert_eq!(names(&elsewhere), names(&local.join("merged")));

    let [w, s, e, n] = bounds;
    let ring = json!([[w, s], [e, s], [e, n], [w, n], [w, s]]);
    let zone = json!({"type": "Feature", "properties": {"id": "whole"}, "geometry": {"type": "Polygon", "coordinates": [ring]}});
    let zones = folder.path().join("zones.geojson");
    fs::write(&zones, json!({"type": "FeatureCollection", "features": [zone]}).to_string()).unwrap();
    let zones = zones.to_str().unwrap();
    let mut of_local = program();
    of_local.args(["area", "summarize"]).arg(&local).args(["--zones", zones]);
    let of_store = area("summarize", &["--zones", zones]).succeeded();
    assert_eq!(of_store.stdout, Done::of(&mut of_local).succeeded().stdout);
    // What the killed worker had there stays, and nothing else.
    assert_eq!(temporary_files(), of_killed);
}

#[test]
fn the_exit_code_of_a_worker_says_whether_a_store_may_recover() {
    let folder = tempfile::tempdir().unwrap();
    let (items, bounds) = two_tiles(folder.path());
    let store = ObjectStore::start();
    planned(&store, &items, bounds).succeeded();
    let area = |name: &str, more: &[&str]| command(&store, folder.path(), name, more);
    let run = |more: &[&str]| Done::of(&mut area("run", &[&["--index", "0"], more].concat()));

    // Before the first unit. There are three attempts for each request.
    store.fail(slow_down(3, "GET", "plan.json"));
    run(&[]).failed(75, &["cannot read s3://maps/country/p/plan.json", "503", "tried 3 times"]);
    store.fail(S3Fault { status: 403, code: "AccessDenied", times: 1, method: "GET", part: "plan.json" });
    run(&[]).failed(75, &["cannot read s3://maps/country/p/plan.json", "denies access", "AccessDenied"]);
    Done::of(area("run", &[]).env("AWS_ACCESS_KEY_ID", "OTHER")).failed(65, &["does not accept the keys"]);
    let mut elsewhere = program();
    elsewhere.args(["area", "run", "s3://no-such-bucket/p"]).envs(store.variables());
    Done::of(&mut elsewhere).failed(65, &["s3://no-such-bucket/p/plan.json", "there is no such bucket"]);
    let mut nowhere = program();
    nowhere.args(["area", "run", "s3://maps/none"]).envs(store.variables());
    Done::of(&mut nowhere).failed(1, &["s3://maps/none", "there is no plan.json in it"]);
    let mut wrong = program();
    Done::of(wrong.args(["area", "status", "s3://maps/a//b"])).failed(1, &["s3://maps/a//b"]);
    run(&["--keep-scenes"]).failed(1, &["s3://maps/country/p", "keeps no downloaded scenes"]);

    // In the middle of a unit: its map cannot be stored.
    store.fail(slow_down(3, "PUT", "probability.tif"));
    let done = run(&["--tries", "1"]);
    assert_eq!(done.code, Some(75), "{}", done.stderr);
    assert!(done.stdout.contains("cannot write s3://maps/country/p/units/"), "{}", done.stdout);
    let status = Done::of(&mut area("status", &["--json"])).succeeded().json();
    assert_eq!((&status["counts"]["failed"], &status["counts"]["waiting"]), (&json!(1), &json!(3)), "{status}");
    store.fail(S3Fault { status: 400, code: "EntityTooLarge", times: 1, method: "PUT", part: "probability.tif" });
    let done = run(&[]);
    assert_eq!(done.code, Some(65), "{}", done.stderr);
    assert!(done.stdout.contains("EntityTooLarge"), "{}", done.stdout);
    let retried = Done::of(&mut area("retry", &[])).succeeded();
    assert!(retried.stdout.contains("area run s3://maps/country/p"), "{}", retried.stdout);
    assert!(run(&[]).succeeded().stdout.contains("1 unit mapped"));
}
