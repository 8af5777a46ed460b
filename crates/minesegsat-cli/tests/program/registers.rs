//! Registers that other programs have edited or damaged, and imports into them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{Done, json_file, program, program_path, shipped_model};
use minesegsat_testing::reference::case;
use serde_json::json;

/// A copy of a register, in a folder of its own.
fn copied(source: &Path) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let register = folder.path().join("sites.gpkg");
    fs::write(&register, fs::read(source).unwrap()).unwrap();
    (folder, register)
}

fn on(register: &Path, arguments: &[&str]) -> Done {
    Done::of(program().args(arguments).arg("--register").arg(register))
}

#[test]
fn a_register_with_an_empty_boundary_is_listed_reported_and_exported() {
    let Some(source) = case("vectors/register_bad_rows.gpkg") else { return };
    let (folder, register) = copied(&source);
    let out = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let listed = on(&register, &["sites", "list", "--json"]).succeeded();
    assert_eq!(listed.json().as_array().unwrap().len(), 11);
    let done = on(&register, &["report", "--all", "-o", &out("all.html")]).succeeded();
    let named = "site `empty` (row 8 of table `sites`)";
    assert!(done.stderr.contains(named), "{}", done.stderr);
    let page = fs::read_to_string(out("all.html")).unwrap();
    assert!(page.contains("site `empty` (row 8") && page.contains("quarry"));
    let done = on(&register, &["sites", "export", "-o", &out("all.geojson")]).succeeded();
    assert!(done.stderr.contains(named), "{}", done.stderr);
    let exported = json_file(Path::new(&out("all.geojson")));
    let ids: Vec<&str> = exported["features"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"quarry") && ids.contains(&"bowtie") && ids.contains(&"gc"), "{ids:?}");
    assert!(!ids.contains(&"empty") && !ids.contains(&"web") && !ids.contains(&"swapped"), "{ids:?}");
    on(&register, &["sites", "export", "-o", &out("all.csv")]).succeeded();
    on(&register, &["sites", "show", "quarry"]).succeeded();
    on(&register, &["sites", "show", "empty"]).failed(1, &[named]);
    // A monitor goes on with the other sites.
    let items = folder.path().join("items.json");
    fs::write(&items, json!({"type": "FeatureCollection", "features": []}).to_string()).unwrap();
    let mut command = program();
    command.args(["monitor", "run", "--json", "--register"]).arg(&register).arg("--model").arg(shipped_model());
    let done = Done::of(command.arg("--api").arg(&items));
    let report = done.json();
    assert!(report["damaged"].to_string().contains("`empty`"), "{report}");
    assert_eq!(
        (report["sites"].as_u64().unwrap() >= 6, report["failures"].as_array().unwrap().len()),
        (true, 0),
        "{report}"
    );
    assert!(done.stderr.contains(named), "{}", done.stderr);
    assert_eq!(done.code, Some(1), "damaged rows are a failure: {}", done.stderr);
    assert!(done.stderr.contains("error: ") && done.stderr.contains("sites.gpkg cannot be used"), "{}", done.stderr);
}

#[test]
fn a_damaged_site_is_repaired_by_an_edit() {
    let folder = tempfile::tempdir().unwrap();
    let register = folder.path().join("sites.gpkg");
    let add = ["sites", "add", "quarry", "--bbox", "-121.2,55,-121.1,55.1", "--operator", "Stone Ltd"];
    on(&register, &add).succeeded();
    let database = rusqlite::Connection::open(&register).unwrap();
    database.pragma_update(None, "ignore_check_constraints", true).unwrap();
    database.execute("UPDATE sites SET geom = x'474701', status = 'sleeping'", []).unwrap();
    drop(database);
    let edit = |more: &[&str]| on(&register, &[&["sites", "edit", "quarry"], more].concat());
    edit(&["--name", "Quarry"]).failed(1, &["site `quarry`", "is damaged", "sleeping", "give this value too"]);
    let bbox = ["--bbox", "-121.3,55,-121.2,55.1", "--status", "active"];
    edit(&bbox).succeeded();
    let shown = on(&register, &["sites", "show", "quarry", "--json"]).succeeded_quietly().json();
    assert_eq!((&shown["operator"], &shown["status"]), (&json!("Stone Ltd"), &json!("active")));
    assert_eq!(shown["bbox"], json!([-121.3, 55.0, -121.2, 55.1]));
    assert!(edit(&bbox).succeeded().stdout.contains("nothing changed"));
}

#[test]
fn a_limit_with_a_decimal_comma_is_named_and_not_absent() {
    let folder = tempfile::tempdir().unwrap();
    let register = folder.path().join("sites.gpkg");
    let add = ["sites", "add", "quarry", "--bbox", "-121.2,55,-121.1,55.1", "--permit", "P-1"];
    let terms = ["--valid-from", "2020-01-01", "--limit", "120 ha"];
    on(&register, &[&add[..], &terms[..]].concat()).succeeded();
    on(&register, &["sites", "add", "other", "--bbox", "-121.3,55,-121.25,55.1"]).succeeded();
    let database = rusqlite::Connection::open(&register).unwrap();
    database.execute("UPDATE permits SET limit_ha = '120,5'", []).unwrap();
    drop(database);
    let done = on(&register, &["sites", "list", "--json"]).succeeded();
    let said = "permit `P-1` of site `quarry` (row 1 of table `permits`): its limit `120,5` is not a number";
    assert!(done.stderr.contains(said), "{}", done.stderr);
    let listed = done.json();
    assert!(listed[1]["problems"][0].as_str().unwrap().contains(said), "{listed}");
    assert!(listed[0].get("problems").is_none(), "{listed}");
    let page = folder.path().join("quarry.html").to_str().unwrap().to_owned();
    on(&register, &["report", "quarry", "-o", &page]).succeeded();
    assert!(fs::read_to_string(page).unwrap().contains("its limit `120,5` is not a number"));
    on(&register, &["sites", "show", "other"]).succeeded_quietly();
}

#[test]
fn a_permit_of_a_site_in_other_capitals_belongs_to_no_site() {
    let Some(source) = case("vectors/register_permit_other_case.gpkg") else { return };
    let (_folder, register) = copied(&source);
    for arguments in [&["sites", "list"][..], &["sites", "show", "quarry"]] {
        let done = on(&register, arguments).succeeded();
        let said =
            "permit `P-9` of site `Quarry` (row 2 of table `permits`): the register has no such site; it has `quarry`";
        assert!(done.stderr.contains(said), "{}", done.stderr);
    }
}

#[test]
fn the_server_answers_for_the_sites_that_can_be_read() {
    let Some(source) = case("vectors/register_bad_rows.gpkg") else { return };
    let (folder, _) = copied(&source);
    let mut command = program();
    command
        .args(["serve", "--bind", "127.0.0.1:0", "--workspace"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        use std::io::{BufRead, BufReader, Read, Write};
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("the server ended").unwrap();
            if let Some((_, url)) = line.split_once("serving on http://") {
                break url.split('/').next().unwrap().to_owned();
            }
        };
        std::thread::spawn(move || lines.count());
        ["/api/sites", "/api/sites/quarry", "/collections/sites/items?f=json"].map(|path| {
            let mut stream = std::net::TcpStream::connect(&address).unwrap();
            write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            String::from_utf8_lossy(&answer).into_owned()
        })
    }));
    child.kill().unwrap();
    child.wait().unwrap();
    let [sites, quarry, _] = answer.unwrap();
    assert!(sites.starts_with("HTTP/1.1 200"), "{sites}");
    assert!(sites.contains("site `empty` (row 8 of table `sites`)") && sites.contains("\"bowtie\""), "{sites}");
    assert!(quarry.starts_with("HTTP/1.1 200") && quarry.contains("P-1"), "{quarry}");
}

#[test]
fn a_register_with_the_spatial_index_of_qgis_can_be_edited() {
    let Some(source) = case("vectors/register_rtree.gpkg") else { return };
    let (_folder, register) = copied(&source);
    on(&register, &["sites", "edit", "quarry", "--bbox", "-121.3,55,-121.2,55.1"]).succeeded();
    on(&register, &["sites", "add", "second", "--bbox", "10,50,10.1,50.1"]).succeeded();
    let database = rusqlite::Connection::open(&register).unwrap();
    let sides: Vec<(f64, f64)> = database
        .prepare("SELECT minx, maxy FROM rtree_sites_geom ORDER BY id")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let near = |a: (f64, f64), b: (f64, f64)| (a.0 - b.0).abs() < 1e-4 && (a.1 - b.1).abs() < 1e-4;
    assert!(sides.len() == 2 && near(sides[0], (-121.3, 55.1)) && near(sides[1], (10.0, 50.1)), "{sides:?}");
}

#[cfg(unix)]
#[test]
fn a_count_in_a_blob_reserves_no_memory() {
    let Some(source) = case("hostile/register-signal-1594b4d8.gpkg") else { return };
    let (folder, register) = copied(&source);
    // Make the first count of another site huge as well.
    let database = rusqlite::Connection::open(&register).unwrap();
    let blob: Vec<u8> = database.query_row("SELECT geom FROM sites WHERE fid = 2", [], |row| row.get(0)).unwrap();
    let mut wrong = blob.clone();
    wrong[45..49].copy_from_slice(&[0xff, 0xff, 0xff, 0x7f]);
    database.execute("UPDATE sites SET geom = ?1 WHERE fid = 2", [wrong]).unwrap();
    drop(database);
    let page = folder.path().join("index.html");
    let mut command = Command::new("sh");
    crate::support::clean(&mut command);
    command.args(["-c", "ulimit -v 6000000; exec \"$@\"", "sh"]).arg(program_path());
    let done =
        Done::of(command.args(["report", "--all", "--register"]).arg(&register).arg("-o").arg(&page)).succeeded();
    assert!(done.stderr.contains("row 2 of table `sites`"), "{}", done.stderr);
    assert!(fs::read_to_string(page).unwrap().contains("row 2 of table"));
}

#[cfg(unix)]
#[test]
fn a_register_that_may_only_be_read_is_listed_and_reported() {
    use std::os::unix::fs::PermissionsExt;

    let Some(source) = case("vectors/register_permit_other_case.gpkg") else { return };
    let (folder, register) = copied(&source);
    let database = rusqlite::Connection::open(&register).unwrap();
    database.pragma_update(None, "journal_mode", "WAL").unwrap();
    drop(database);
    let set = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    set(&register, 0o444);
    set(folder.path(), 0o555);
    let page = tempfile::tempdir().unwrap();
    let page = page.path().join("all.html").to_str().unwrap().to_owned();
    let may_write = fs::write(folder.path().join("probe"), "").is_ok();
    if may_write {
        minesegsat_testing::reference::skip("this user may write everywhere");
    } else {
        let before = fs::read(&register).unwrap();
        let done = on(&register, &["sites", "list"]).succeeded();
        assert!(done.stdout.contains("quarry"), "{}", done.stdout);
        on(&register, &["report", "--all", "-o", &page]).succeeded();
        assert!(fs::read(&register).unwrap() == before);
        on(&register, &["sites", "add", "b", "--bbox", "1,2,3,4"]).failed(1, &["sites.gpkg"]);
    }
    set(folder.path(), 0o755);
}

#[test]
fn an_import_keys_rows_by_place_and_not_by_id() {
    let Some(mixed) = case("vectors/mixed_ids.geojson") else { return };
    let folder = tempfile::tempdir().unwrap();
    let register = folder.path().join("sites.gpkg");
    on(&register, &["sites", "add", "alpha", "--bbox", "-121.5,55,-121.4,55.1"]).succeeded();
    on(&register, &["sites", "add", "beta", "--bbox", "-121.0,55,-120.98,55.01"]).succeeded();
    let import = ["sites", "import", mixed.to_str().unwrap(), "--id-field", "site", "--update", "--json"];
    let done = on(&register, &import).succeeded();
    assert!(done.stderr.contains("several features have the same id: `0`"), "{}", done.stderr);
    for (id, number) in [("alpha", "P-A"), ("beta", "P-B")] {
        let shown = on(&register, &["sites", "show", id, "--json"]).succeeded().json();
        assert_eq!(shown["permits"][0]["number"], number, "{shown}");
    }
}

#[test]
fn of_two_features_with_one_id_the_right_one_is_named() {
    let Some(file) = case("vectors/dup_ids2.geojson") else { return };
    let folder = tempfile::tempdir().unwrap();
    let register = folder.path().join("sites.gpkg");
    let import = ["sites", "import", file.to_str().unwrap(), "--id-field", "site", "--skip-invalid"];
    let done = on(&register, &import).succeeded();
    let failed: Vec<&str> = done.stderr.lines().filter(|line| line.contains("cannot be used")).collect();
    if failed.is_empty() {
        // The ring that runs around twice was repaired: all three are there.
        let listed = on(&register, &["sites", "list", "--json"]).succeeded().json();
        assert_eq!(listed.as_array().unwrap().len(), 3, "{listed}");
    } else {
        assert!(failed.iter().all(|line| line.contains("site `bad-one`")), "{failed:?}");
        let listed = on(&register, &["sites", "list", "--json"]).succeeded().json();
        let ids: Vec<&str> = listed.as_array().unwrap().iter().map(|site| site["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["good-one", "third"]);
    }
    assert!(done.stderr.contains("same id: `7`"), "{}", done.stderr);
}

#[test]
fn text_after_a_date_and_points_between_thousands_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let register = folder.path().join("sites.gpkg");
    let table = folder.path().join("permits.csv");
    let write = |from: &str, limit: &str| {
        let wkt = "POLYGON ((-121.2 55, -121.18 55, -121.18 55.01, -121.2 55.01, -121.2 55))";
        let text = format!("id,permit,valid_from,limit_ha,wkt\nm0,P-0,{from},{limit},\"{wkt}\"\n");
        fs::write(&table, text).unwrap();
    };
    let import = ["sites", "import", table.to_str().unwrap(), "--json"];
    for (from, limit, said) in [
        ("2021-01-01 to 2022-12-31", "10", "`2021-01-01 to 2022-12-31` is not a date"),
        ("2021-01-01", "1.200", "`1.200` has two readings, 1.2 and 1200"),
    ] {
        write(from, limit);
        let done = on(&register, &import);
        assert_eq!(done.code, Some(1), "{}", done.stdout);
        assert!(done.stderr.contains(said), "{}", done.stderr);
    }
    write("2021-01-01T00:00:00Z", "1.20");
    on(&register, &import).succeeded();
    let shown = on(&register, &["sites", "show", "m0", "--json"]).succeeded().json();
    assert_eq!(shown["permits"][0]["limit_ha"], json!(1.2), "{shown}");
    assert_eq!(shown["permits"][0]["valid_from"], "2021-01-01");
    // What is exported is read as the same number.
    on(
        &register,
        &[
            "sites",
            "add",
            "m1",
            "--bbox",
            "1,2,1.1,2.1",
            "--permit",
            "P-1",
            "--valid-from",
            "2020-01-01",
            "--limit",
            "120.1250 ha",
        ],
    )
    .succeeded();
    let exported = folder.path().join("all.csv").to_str().unwrap().to_owned();
    on(&register, &["sites", "export", "-o", &exported]).succeeded();
    let again = folder.path().join("again.gpkg");
    on(&again, &["sites", "import", &exported]).succeeded();
    let shown = on(&again, &["sites", "show", "m1", "--json"]).succeeded().json();
    assert_eq!(shown["permits"][0]["limit_ha"], json!(120.125), "{shown}");
}
