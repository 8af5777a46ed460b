//! `sites` on the built program.

use std::fs;
use std::path::Path;

use crate::support::{Done, json_file, names, program};
use rusqlite::Connection;
use serde_json::{Value, json};

/// `sites` in a folder, whose register is `sites.gpkg`.
fn sites(folder: &Path, arguments: &[&str]) -> Done {
    Done::of(program().current_dir(folder).arg("sites").args(arguments))
}

const BOX: [&str; 2] = ["--bbox", "-121.2,55.0,-121.1,55.1"];

/// A site with a permit, as the first command of most tests.
fn add_wolverine(folder: &Path) -> Done {
    let mut arguments = vec!["add", "wolverine", "--name", "Wolverine", "--commodity", "coal"];
    arguments.extend(BOX);
    arguments.extend(["--permit", "C-223", "--valid-from", "2020-01-01", "--limit", "1.2 km2"]);
    sites(folder, &arguments)
}

/// Stores an observation of `wolverine` as a monitor would have.
fn observe(folder: &Path) {
    let database = Connection::open(folder.join("sites.gpkg")).unwrap();
    let sql = "INSERT INTO observations (site, date, verdict, statement, share_assessed, area_ha, area_lower_ha, \
        area_upper_ha, confidence_level_percent, limit_ha, scenes, model_sha256, warnings, created) VALUES \
        ('wolverine', '2024-07-01', 'possible-exceedance', 'It may be above the limit.', 0.97, 118.5, 101.2, 130, 90, 120, \
        '[\"S2A_X\"]', 'ab', '[\"another season\"]', '2024-07-02T00:00:00.000Z')";
    database.execute(sql, []).unwrap();
}

#[test]
fn a_site_is_added_shown_listed_edited_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let done = add_wolverine(folder).succeeded_quietly();
    assert!(
        done.stdout.starts_with("added site `wolverine` of 7") && done.stdout.contains("`C-223`"),
        "{}",
        done.stdout
    );
    assert_eq!(names(folder), ["sites.gpkg"]);

    let shown = sites(folder, &["show", "wolverine", "--json"]).succeeded_quietly().json();
    assert_eq!(
        (&shown["name"], &shown["commodity"], &shown["status"]),
        (&json!("Wolverine"), &json!("coal"), &json!("active"))
    );
    assert_eq!(shown["bbox"], json!([-121.2, 55.0, -121.1, 55.1]));
    assert_eq!(shown["permits"][0]["limit_ha"], 120.0);
    assert_eq!(shown["permits"][0]["valid_to"], Value::Null);
    assert_eq!(shown["boundary"]["type"], "MultiPolygon");

    sites(folder, &["edit", "wolverine", "--status", "suspended", "--operator", "Us"]).succeeded_quietly();
    observe(folder);
    let list = sites(folder, &["list"]).succeeded_quietly().stdout;
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 3, "{list}");
    for (line, parts) in [
        (lines[0], vec!["id", "permit", "limit ha", "mapped ha", "assumed ha", "verdict"]),
        (
            lines[1],
            vec![
                "wolverine",
                "suspended",
                "C-223",
                "120.0",
                "2024-07-01",
                "118.5 (101.2 to 130.0)",
                "possible exceedance",
            ],
        ),
        (lines[2], vec!["1 site"]),
    ] {
        assert!(parts.iter().all(|part| line.contains(part)), "{list}");
    }
    let listed = sites(folder, &["list", "--json"]).succeeded_quietly().json();
    assert_eq!(listed[0]["last"]["verdict"], "possible-exceedance");
    let exceeded = sites(folder, &["list", "--json", "--verdict", "exceeded,within"]).succeeded_quietly().json();
    assert_eq!(exceeded, json!([]));
    let text = sites(folder, &["show", "wolverine"]).succeeded_quietly().stdout;
    for part in [
        "operator   Us",
        "C-223",
        "from",
        "open",
        "2024-07-01",
        "97",
        "2024-07-01: It may be above the limit.",
        "another season",
    ] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }

    sites(folder, &["remove", "wolverine"])
        .failed(1, &["site `wolverine`", "1 observation", "hint: `--force` removes them"]);
    let done = sites(folder, &["remove", "wolverine", "--force"]).succeeded_quietly();
    assert_eq!(done.stdout, "removed site `wolverine` with 1 permit and 1 observation\n");
    assert_eq!(sites(folder, &["list"]).succeeded_quietly().stdout, "0 sites\n");
    assert_eq!(names(folder), ["sites.gpkg"]);
}

#[test]
fn versions_of_permits_follow_one_another() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    add_wolverine(folder).succeeded_quietly();
    fs::write(folder.join("permit.pdf"), "a permit").unwrap();
    let next = [
        "permit",
        "wolverine",
        "C-223 rev. 2",
        "--valid-from",
        "2024-06-01",
        "--limit",
        "150 ha",
        "--document",
        "permit.pdf",
    ];
    sites(folder, &next).failed(
        1,
        &[
            "site `wolverine`",
            "`C-223` (2020-01-01 to open end)",
            "`C-223 rev. 2` (2024-06-01 to open end)",
            "hint: ",
            "--supersede",
        ],
    );
    let done = sites(folder, &[&next[..], &["--supersede"]].concat()).succeeded_quietly();
    assert!(done.stdout.contains("permit `C-223` now ends: 2020-01-01 to 2024-05-31"), "{}", done.stdout);
    let shown = sites(folder, &["show", "wolverine", "--json"]).succeeded_quietly().json();
    // printf 'a permit' | sha256sum
    let hash = "2e6435b7d3969439c28387c6b8f606a410e669ae47882c53ee6e96d2a6abbcb0";
    assert_eq!(shown["permits"][1]["document_sha256"], hash);
    assert_eq!(
        (&shown["permits"][0]["valid_to"], &shown["permits"][1]["limit_ha"]),
        (&json!("2024-05-31"), &json!(150.0))
    );
    sites(folder, &["remove", "wolverine", "--permit", "C-9"]).failed(1, &["no permit `C-9`", "`C-223 rev. 2`"]);
    sites(folder, &["remove", "wolverine", "--permit", "C-223"]).succeeded_quietly();
    let shown = sites(folder, &["show", "wolverine", "--json"]).succeeded_quietly().json();
    assert_eq!(shown["permits"].as_array().unwrap().len(), 1);
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    sites(folder, &["list"]).failed(1, &["sites.gpkg", "no such register", "sites add"]);
    sites(folder, &["add", "alpha"]).failed(1, &["site `alpha` has no boundary", "--bbox"]);
    sites(folder, &["add", "Al pha", BOX[0], BOX[1]]).failed(2, &["Al pha", "lower-case letters"]);
    let permit = ["--permit", "M-1", "--valid-from", "2020-01-01"];
    let add = |more: &[&str]| sites(folder, &[&["add", "alpha"][..], &BOX, more].concat());
    add(&[&permit[..], &["--limit", "120"]].concat()).failed(2, &["limit `120`", "no unit"]);
    add(&[&permit[..], &["--limit", "-120 ha"]].concat()).failed(2, &["0 or more"]);
    add(&[&permit[..], &["--limit", "1.200 ha"]].concat())
        .failed(2, &["two readings, 1.2 and 1200", "`1.2` or `1200`"]);
    add(&[&permit[..], &["--limit", "120,5 ha"]].concat()).failed(2, &["a decimal point here; write `120.5 ha`"]);
    add(&[&permit[..], &["--limit", "1.200,5 ha"]].concat()).failed(2, &["write `1200.5 ha`"]);
    add(&["--permit", "M-1"]).failed(2, &["--valid-from"]);
    add(&["--valid-from", "2020-01-01"]).failed(1, &["--permit"]);
    add(&["--permit", "M-1", "--valid-from", "01.02.2020"]).failed(2, &["2024-05-31"]);
    add(&[&permit[..], &["--valid-to", "2019-01-01"]].concat()).failed(1, &["ends before it begins"]);
    add(&[&permit[..], &["--document", "none.pdf"]].concat()).failed(1, &["none.pdf"]);
    add(&["--status", "open"]).failed(2, &["active, planned, suspended, closed, reclaimed"]);
    sites(folder, &["add", "alpha", "--boundary", "none.gpkg"]).failed(1, &["none.gpkg"]);

    add(&[]).succeeded_quietly();
    add(&[]).failed(1, &["site `alpha`", "has a site of this id already"]);
    sites(folder, &["show", "alpa"]).failed(1, &["site `alpa`", "did you mean `alpha`?"]);

    // Of a program to come.
    let database = Connection::open(folder.join("sites.gpkg")).unwrap();
    database.execute("UPDATE minesegsat_register SET value = '99' WHERE key = 'version'", []).unwrap();
    drop(database);
    for command in [&["list"][..], &["remove", "alpha"], &["show", "alpha"]] {
        sites(folder, command).failed(1, &["version 99", "newer program"]);
    }
}

#[test]
fn the_register_is_named_by_flag_or_environment() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let add = |id: &str| {
        let mut command = program();
        command.current_dir(folder).args(["sites", "add", id]).args(BOX);
        command
    };
    Done::of(add("alpha").env("MINESEGSAT_REGISTER", "a.gpkg")).succeeded_quietly();
    Done::of(add("beta").env("MINESEGSAT_REGISTER", "a.gpkg").args(["--register", "b.gpkg"])).succeeded_quietly();
    assert_eq!(names(folder), ["a.gpkg", "b.gpkg"]);
    let listed = sites(folder, &["list", "--register", "b.gpkg", "--json"]).succeeded_quietly().json();
    assert_eq!(listed[0]["id"], "beta");
}

#[test]
fn a_table_is_imported_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let table = "id;name;longitude;latitude;radius_m;number;valid_from;limit_ha\n\
        alpha;Alpha;7.5;50.1;800;M-1;2020-01-01;120\n\
        beta;Beta;;;;;;\n";
    fs::write(folder.join("mines.csv"), table).unwrap();
    let done = sites(folder, &["import", "mines.csv"]);
    assert_eq!(done.code, Some(1));
    for part in
        ["line 3, site `beta`: it has no boundary", "1 row of 2 cannot be imported, so nothing was", "--skip-invalid"]
    {
        assert!(done.stderr.contains(part), "{}", done.stderr);
    }
    assert_eq!(names(folder), ["mines.csv"], "no empty register stays");
    let done = sites(folder, &["import", "mines.csv", "--skip-invalid", "--dry-run"]).succeeded();
    assert!(done.stdout.contains("would be: 1 site added"), "{}", done.stdout);
    assert_eq!(names(folder), ["mines.csv"]);

    let done = sites(folder, &["import", "mines.csv", "--skip-invalid"]).succeeded();
    for line in ["id from `id` (guessed)", "permit from `number` (guessed)", "limit from `limit_ha` (guessed)"] {
        assert!(done.stdout.lines().any(|found| found == line), "{}", done.stdout);
    }
    assert!(
        done.stdout.contains("1 site added, 0 updated, 0 unchanged, 1 permit added or changed; 1 row skipped"),
        "{}",
        done.stdout
    );
    let again = sites(folder, &["import", "mines.csv", "--where", "id = alpha"]);
    assert!(again.stderr.contains("hint: `--update` takes changes into sites"), "{}", again.stderr);
    let done =
        sites(folder, &["import", "mines.csv", "--where", "id = alpha", "--update", "--json"]).succeeded_quietly();
    assert_eq!((&done.json()["unchanged"], &done.json()["report"]["filtered_out"]), (&json!(1), &json!(1)));
}

#[test]
fn an_import_says_which_columns_it_used_and_which_not() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let table = "Nom;Longitude;Latitude;Rayon_m;Permis;Date début;Limite ha;Remarque;Limite km2\n\
        Alpha;7,5;50,1;800;M-1;2020-01-01;1 200,5;x;\n";
    fs::write(folder.join("mines.csv"), table).unwrap();
    sites(folder, &["import", "mines.csv"])
        .failed(1, &["`Limite ha` and `Limite km2`", "hint: `--limit-field COLUMN` says which"]);
    assert_eq!(names(folder), ["mines.csv"]);
    let import = ["import", "mines.csv", "--limit-field", "limite ha"];
    let done = sites(folder, &[&import[..], &["--dry-run"]].concat()).succeeded_quietly();
    for line in [
        "name from `Nom` (guessed)",
        "permit from `Permis` (guessed)",
        "limit from `Limite ha`",
        "first day of a permit from `Date début` (guessed)",
        "radius in m from `Rayon_m` (guessed)",
        "not used: `Remarque`, `Limite km2`",
    ] {
        assert!(done.stdout.lines().any(|found| found == line), "`{line}`: {}", done.stdout);
    }
    assert_eq!(names(folder), ["mines.csv"], "a dry run writes nothing");
    let report = sites(folder, &[&import[..], &["--json"]].concat()).succeeded_quietly().json();
    assert_eq!(report["report"]["unused"], json!(["Remarque", "Limite km2"]));
    let shown = sites(folder, &["show", "alpha", "--json"]).succeeded_quietly().json();
    assert_eq!((&shown["name"], &shown["permits"][0]["limit_ha"]), (&json!("Alpha"), &json!(1200.5)));
}

#[test]
fn a_limit_with_two_readings_names_row_column_and_what_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let table =
        "id,longitude,latitude,radius_m,permit_no,valid_from,area_limit\nalpha,7.5,50.1,800,M-1,2020-01-01,1.200 ha\n";
    fs::write(folder.join("mines.csv"), table).unwrap();
    let done = sites(folder, &["import", "mines.csv"]);
    let said = [
        "line 2, site `alpha`",
        "column `area_limit`",
        "`1.200` has two readings",
        "write `1.2` or `1200`",
        "`--decimal-mark ,`",
    ];
    assert!(said.iter().all(|part| done.stderr.contains(part)) && done.code == Some(1), "{}", done.stderr);
    sites(folder, &["import", "mines.csv", "--decimal-mark", "comma"]).succeeded_quietly();
    let shown = sites(folder, &["show", "alpha", "--json"]).succeeded_quietly().json();
    assert_eq!(shown["permits"][0]["limit_ha"], 1200.0);
}

#[test]
fn exports_are_imported_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    add_wolverine(folder).succeeded_quietly();
    observe(folder);
    for name in ["out.csv", "out.geojson", "out.gpkg"] {
        let done = sites(folder, &["export", "-o", name]).succeeded_quietly();
        assert_eq!(done.stdout, format!("{name}\n"));
        sites(folder, &["export", "-o", name]).failed(1, &[name, "exists already", "hint: use `--overwrite`"]);
    }
    sites(folder, &["export", "-o", "out.gpkg", "--observations", "--overwrite"]).succeeded_quietly();
    sites(folder, &["export", "-o", "sites.gpkg", "--overwrite"]).failed(1, &["the register itself"]);
    sites(folder, &["export", "-o", "out.xlsx"]).failed(1, &["out.xlsx", ".geojson, .gpkg or .csv"]);
    assert_eq!(json_file(&folder.join("out.geojson"))["features"][0]["properties"]["verdict"], "possible-exceedance");

    let shown = |register: &str| {
        sites(folder, &["show", "wolverine", "--json", "--register", register]).succeeded_quietly().json()
    };
    assert_eq!(shown("out.gpkg"), shown("sites.gpkg"));
    sites(folder, &["import", "out.csv", "--register", "again.gpkg"]).succeeded_quietly();
    let (again, mut before) = (shown("again.gpkg"), shown("sites.gpkg"));
    before["observations"] = json!([]);
    assert_eq!(again, before);
}

#[test]
fn the_eight_canadian_boundaries_are_imported() {
    let name = "mining_polygons/gem_coal_mine_boundaries_v1.0.2.geojson";
    let Some(path) = crate::support::real_data(name) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = fs::canonicalize(path).unwrap();
    let canada = "\"Country / Area\" = Canada";
    let import = ["import", path.to_str().unwrap(), "--where", canada, "--commodity", "coal"];
    let done = sites(folder.path(), &import).succeeded();
    assert!(done.stdout.contains("8 sites added"), "{}", done.stdout);
    assert!(done.stdout.contains("name from `Mine Name` (guessed)"), "{}", done.stdout);
    assert!(done.stderr.contains("features without polygons are not used: 5 Point"), "{}", done.stderr);
    let listed = sites(folder.path(), &["list", "--json"]).succeeded_quietly().json();
    assert_eq!(listed.as_array().unwrap().len(), 8);
    assert_eq!(listed[5]["id"], "m0146.b1");
}

#[test]
fn an_export_of_land_says_what_it_accepts_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    add_wolverine(folder).succeeded_quietly();
    let failed = |arguments: &[&str]| {
        let done = sites(folder, &[&["export"], arguments].concat());
        assert_ne!(done.code, Some(0), "{arguments:?}");
        assert_eq!(names(folder), ["sites.gpkg"], "{arguments:?}");
        done.stderr
    };
    let unknown = failed(&["wolverine", "-o", "land.dwg"]);
    assert!(unknown.contains("land.dwg") && unknown.contains(".gpkg, .geojson, .zip, .kml, .csv, .xlsx"), "{unknown}");
    let none = failed(&["wolverine", "-o", "land.gpkg"]);
    assert!(none.contains("has no observations") && none.contains("monitor run"), "{none}");
    let similar = failed(&["wolverin", "-o", "land.gpkg"]);
    assert!(similar.contains("`wolverine`"), "{similar}");
    assert!(failed(&["wolverine", "-o", "sites.gpkg", "--overwrite"]).contains("the register itself"));
    assert!(failed(&["wolverine", "--observations", "-o", "land.csv"]).contains("--observations"));

    observe(folder);
    let missing = failed(&["wolverine", "-o", "land.kml"]);
    assert!(missing.contains("are missing"), "{missing}");
    let done = sites(folder, &["export", "wolverine", "-o", "land.csv"]).succeeded();
    assert_eq!(done.stdout.trim(), "land.csv");
    assert!(done.stderr.contains("is left out"), "{}", done.stderr);
    let table = fs::read_to_string(folder.join("land.csv")).unwrap();
    assert!(table.lines().nth(1).unwrap().starts_with("wolverine,2024-07-01,possible-exceedance,"), "{table}");
    sites(folder, &["export", "wolverine", "-o", "land.xlsx"]).succeeded();
    let existing = sites(folder, &["export", "wolverine", "-o", "land.csv"]);
    assert!(existing.stderr.contains("--overwrite"), "{}", existing.stderr);
}

#[test]
fn large_areas_have_marks_between_thousands_and_data_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let add =
        ["add", "wide", "--bbox", "1,1,1.1,1.1", "--permit", "W", "--valid-from", "2019-01-01", "--limit", "12000 ha"];
    let added = sites(folder, &add).succeeded_quietly().stdout;
    assert!(added.contains("of 12,307.1 ha"), "{added}");
    let shown = sites(folder, &["show", "wide"]).succeeded_quietly().stdout;
    assert!(shown.contains("boundary   12,307.1 ha") && shown.contains("12,000.0"), "{shown}");
    let list = sites(folder, &["list"]).succeeded_quietly().stdout;
    assert!(list.contains("12,000.0"), "{list}");
    let json = sites(folder, &["list", "--json"]).succeeded_quietly().json();
    assert_eq!(json[0]["limit_ha"], 12_000.0);
}
