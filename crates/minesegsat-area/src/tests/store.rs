//! A project in an object store does what a project in a folder does.

use geo::{MultiPolygon, Rect};
use minesegsat_core::job::Job;
use minesegsat_core::{Error, hex};
use minesegsat_io::http::objects::ObjectFolder;
use minesegsat_scene::catalog::Item;
use minesegsat_testing::s3::{ObjectStore, S3Fault};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{create, map, plan_of, tiles_of_two_zones, zone};
use crate::merge::{MergeOptions, TOTALS, merge};
use crate::project::{PROBABILITY, Plan, Project, UNITS_TABLE, UnitRecord, UnitState};
use crate::run::{may_pass, retry, states};
use crate::store::Store;
use crate::summarize::summarize;

fn plan() -> Plan {
    let area: MultiPolygon<f64> = Rect::new((-120.04, 50.98), (-119.96, 51.02)).to_polygon().into();
    let mut tiles = tiles_of_two_zones(-120.0, 51.0);
    // Those on both sides of the border of the zones.
    tiles.retain(|tile| ["32610-12", "32610-22", "32611-10", "32611-20"].contains(&tile.name.as_str()));
    plan_of(tiles, area, &[2023, 2024])
}

fn folder_of(store: &ObjectStore, name: &str) -> Store {
    Store::Objects(ObjectFolder::open_with(&ObjectStore::folder(name), &store.variables()).unwrap())
}

fn project_in(store: &ObjectStore) -> Project {
    let plan = plan();
    let items = vec![Vec::new(); plan.units.len()];
    Project::create(folder_of(store, "p"), plan, &items).unwrap()
}

fn done(sha256: &str) -> UnitRecord {
    UnitRecord { state: UnitState::Done, sha256: sha256.to_owned(), ..UnitRecord::default() }
}

#[test]
fn a_merge_from_a_store_has_the_bytes_of_one_from_a_folder() {
    let home = tempfile::tempdir().unwrap();
    let store = ObjectStore::start();
    let local = create(home.path(), plan());
    let remote = project_in(&store);
    let discs = [(-120.0, 51.0, 300.0), (-120.02, 51.005, 200.0), (-119.98, 50.99, 150.0)];
    for (at, unit) in local.plan.units.iter().enumerate() {
        // One unit is missing.
        if at == 1 {
            continue;
        }
        map(&local, unit, &discs, |_, lat| lat > 51.018);
        let file = local.unit_folder(unit).join(PROBABILITY);
        store.put(&format!("p/units/{}/{PROBABILITY}", unit.id), &std::fs::read(file).unwrap());
        remote.write_record(unit, &local.record(unit).unwrap()).unwrap();
    }
    let opened = Project::open(folder_of(&store, "p")).unwrap();
    assert_eq!(opened.records().unwrap(), local.records().unwrap());
    let options = MergeOptions { allow_missing: true, overwrite: false };
    let into = folder_of(&store, "p/merged");
    let error = merge(&opened, into.clone(), MergeOptions::default(), Job::silent()).unwrap_err().to_string();
    assert!(error.contains("s3://maps/p: 1 of ") && error.contains("units are not mapped"), "{error}");
    let of_remote = merge(&opened, into.clone(), options, Job::silent()).unwrap();
    let of_local = merge(&local, &home.path().join("merged"), options, Job::silent()).unwrap();
    assert_eq!(of_remote, of_local);
    assert_eq!(of_local.periods[1].polygons, discs.len());
    for name in &of_local.files {
        let bytes = std::fs::read(home.path().join("merged").join(name)).unwrap();
        assert!(store.object(&format!("p/merged/{name}")).as_deref() == Some(&bytes[..]), "{name}");
    }
    assert!(matches!(merge(&opened, into.clone(), options, Job::silent()), Err(Error::OutputExists { .. })));
    merge(&opened, into.clone(), MergeOptions { overwrite: true, ..options }, Job::silent()).unwrap();

    let zones = [zone("all of it", &local.plan.area, &minesegsat_core::Crs::WGS84)];
    let of_remote = summarize(&opened, into.clone(), &zones, None, Job::silent()).unwrap();
    let of_local = summarize(&local, &home.path().join("merged"), &zones, None, Job::silent()).unwrap();
    assert_eq!(of_remote.to_csv().unwrap(), of_local.to_csv().unwrap());

    // A map that is not that of its record, a map that is gone, and a merge that is gone.
    let unit = &opened.plan.units[0];
    let key = format!("p/units/{}/{PROBABILITY}", unit.id);
    let other = store.object(&format!("p/units/{}/{PROBABILITY}", opened.plan.units[2].id)).unwrap();
    let own = store.object(&key).unwrap();
    store.put(&key, &other);
    let overwrite = MergeOptions { overwrite: true, ..options };
    let error = merge(&opened, into.clone(), overwrite, Job::silent()).unwrap_err().to_string();
    assert!(error.contains(&format!("s3://maps/{key}")), "{error}");
    store.put(&key, &own);
    store.remove(&key);
    assert_eq!(opened.record(unit).unwrap().state, UnitState::Waiting);
    store.put(&key, &own);
    store.remove(&format!("p/merged/{TOTALS}"));
    let error = summarize(&opened, into, &zones, None, Job::silent()).unwrap_err().to_string();
    assert!(error.contains("s3://maps/p/merged/totals.json") && error.contains("merge the project first"), "{error}");
}

#[test]
fn a_plan_is_complete_or_absent() {
    let store = ObjectStore::start();
    let error = Project::open(folder_of(&store, "p")).unwrap_err().to_string();
    assert!(error.contains("s3://maps/p") && error.contains("there is no plan.json in it"), "{error}");
    // The store fails when the plan is written: its units are there, and no plan.
    store.fail(S3Fault { status: 403, code: "AccessDenied", times: 1, method: "PUT", part: "plan.json" });
    let plan = plan();
    // Scenes of another plan, as a second coordinator at the same time would leave them.
    let item = json!({"type": "Feature", "id": "T", "geometry": null, "properties": {"datetime": "2024-05-01T00:00:00Z"}, "assets": {}});
    let items = vec![vec![Item::from_value(item, "test").unwrap()]; plan.units.len()];
    let create = || Project::create(folder_of(&store, "p"), plan.clone(), &items);
    let error = create().unwrap_err();
    assert!(may_pass(&error) && error.to_string().contains("cannot write s3://maps/p/plan.json"), "{error}");
    assert!(Project::open(folder_of(&store, "p")).is_err());
    let project = create().unwrap();
    assert!(store.object(&format!("p/{UNITS_TABLE}")).unwrap().starts_with(b"PAR1"));
    assert!(matches!(create(), Err(Error::OutputExists { path }) if path.ends_with("p/plan.json")));
    // Records of an earlier project.
    project.write_record(&plan.units[3], &done("ab")).unwrap();
    store.remove("p/plan.json");
    assert!(matches!(create(), Err(Error::OutputExists { path }) if path.ends_with("record.json")));
    assert!(project.items(&plan.units[0]).unwrap_err().to_string().contains("its scenes are not those of the plan"));
}

#[test]
fn the_first_record_of_a_map_stays() {
    let store = ObjectStore::start();
    let project = project_in(&store);
    let [unit, other] = [&project.plan.units[0], &project.plan.units[1]];
    store.put(&format!("p/units/{}/{PROBABILITY}", unit.id), b"a map");
    let key = format!("p/units/{}/record.json", unit.id);
    let state = || project.record(unit).unwrap().state;
    let by = |worker: &str, record: UnitRecord| {
        project.write_record(unit, &UnitRecord { worker: worker.to_owned(), ..record }).unwrap();
        project.record(unit).unwrap().worker
    };
    // A worker that has begun leaves nothing: it may be killed.
    assert_eq!(by("a", UnitRecord { state: UnitState::Running, ..UnitRecord::default() }), "");
    assert!(store.object(&key).is_none());
    let failed = || UnitRecord { state: UnitState::Failed, tries: 2, ..UnitRecord::default() };
    assert_eq!(by("a", failed()), "a");
    assert_eq!(by("b", failed()), "b");
    assert_eq!(retry(&project).unwrap(), [unit.id.as_str()]);
    assert_eq!(states(&project).unwrap()[0], UnitRecord::default());
    assert_eq!(by("c", done("ab")), "c");
    // The same map, and a failure, change nothing. Of two maps, the one that is there has the record.
    assert_eq!(by("d", done("ab")), "c");
    assert_eq!(by("e", failed()), "c");
    assert_eq!(by("f", done("cd")), "c");
    let of_map = hex::encode(&Sha256::digest(b"a map"));
    assert_eq!(by("g", done(&of_map)), "g");
    assert_eq!(by("h", done("cd")), "g");
    assert_eq!(state(), UnitState::Done);
    assert_eq!(project.record(other).unwrap(), UnitRecord::default());
    store.put(&key, b"{");
    assert_eq!(state(), UnitState::Broken);
    assert!(project.record(unit).unwrap().error.unwrap().contains(&format!("s3://maps/{key} is damaged")));
    // A store without conditions.
    store.forget_conditions();
    project.write_record(other, &done("ab")).unwrap();
    store.put(&format!("p/units/{}/{PROBABILITY}", other.id), b"a map");
    assert_eq!(project.record(other).unwrap(), done("ab"));
}

/// A store may not show for a moment what was written to it.
#[test]
fn a_store_that_shows_new_objects_late_loses_nothing() {
    let home = tempfile::tempdir().unwrap();
    let store = ObjectStore::start();
    let (local, remote) = (create(home.path(), plan()), project_in(&store));
    let discs = [(-120.0, 51.0, 300.0)];
    for unit in &local.plan.units {
        map(&local, unit, &discs, |_, _| false);
        let file = local.unit_folder(unit).join(PROBABILITY);
        store.put(&format!("p/units/{}/{PROBABILITY}", unit.id), &std::fs::read(file).unwrap());
        let record = UnitRecord { worker: "first".to_owned(), ..local.record(unit).unwrap() };
        remote.write_record(unit, &record).unwrap();
    }
    let unit = &remote.plan.units[0];
    let hide = |method: &'static str, part: &'static str| {
        store.fail(S3Fault { status: 404, code: "NoSuchKey", times: 1, method, part });
    };
    let into = folder_of(&store, "p/merged");
    let job = Job::silent();
    // A merge is refused. It does not count the unit as land without a mine.
    for (method, part) in [("GET", "record.json"), ("HEAD", PROBABILITY)] {
        hide(method, part);
        let error = merge(&remote, into.clone(), MergeOptions::default(), job).unwrap_err().to_string();
        assert!(error.contains("1 of 8 units are not mapped"), "{method} {part}: {error}");
        assert!(store.object(&format!("p/merged/{TOTALS}")).is_none());
    }
    // A worker that does not see the map makes the same one again, and the first record stays.
    hide("GET", "record.json");
    assert_eq!(remote.record(unit).unwrap().state, UnitState::Waiting);
    remote.write_record(unit, &UnitRecord { worker: "second".to_owned(), ..local.record(unit).unwrap() }).unwrap();
    assert_eq!(remote.record(unit).unwrap().worker, "first");
    let of_remote = merge(&remote, into.clone(), MergeOptions::default(), job).unwrap();
    let of_local = merge(&local, &home.path().join("merged"), MergeOptions::default(), job).unwrap();
    assert_eq!(of_remote, of_local);
    // A merge that is not shown yet is not taken for one without land.
    let zones = [zone("all of it", &local.plan.area, &minesegsat_core::Crs::WGS84)];
    hide("GET", TOTALS);
    let error = summarize(&remote, into.clone(), &zones, None, job).unwrap_err().to_string();
    assert!(error.contains("merge the project first"), "{error}");
    assert!(summarize(&remote, into, &zones, None, job).is_ok());
}

#[test]
fn downloads_are_removed() {
    let store = ObjectStore::start();
    store.put("p/map.tif", b"pixels");
    let path = {
        let file = folder_of(&store, "p").bring("map.tif").unwrap();
        assert_eq!(std::fs::read(&file.path).unwrap(), b"pixels");
        file.path.clone()
    };
    assert!(!path.exists());
    assert!(folder_of(&store, "p").bring("none").is_err());
}
