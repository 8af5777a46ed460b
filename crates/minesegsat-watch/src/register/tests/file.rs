//! Tests of the file: locks, versions, damage, other programs, size.

use super::*;

#[test]
fn one_monitor_has_a_register_at_a_time() {
    let folder = folder();
    let register = new_register(&folder);
    let lock = register.monitor_lock().unwrap();
    // Another connection through another path to the same file.
    let other = Register::open(&folder.path().join("../").join(folder.path().file_name().unwrap()).join("sites.gpkg"));
    let error = other.unwrap().monitor_lock().unwrap_err();
    assert!(matches!(error, Error::RegisterInUse { owner: Some(owner), .. } if owner == std::process::id()), "{error}");
    assert!(error.to_string().contains("one monitor at a time"), "{error}");
    drop(lock);
    let lock = register.monitor_lock().unwrap();
    drop(lock);
    assert_eq!(files(&folder).iter().filter(|name| name.contains("monitor")).count(), 0);
    // A lock file left by a killed monitor has no effect.
    std::fs::write(folder.path().join(".sites.gpkg.monitor.lock"), "1").unwrap();
    register.monitor_lock().unwrap();
}

#[test]
fn two_that_write_wait_for_one_another() {
    let folder = folder();
    let path = new_register(&folder).path().to_owned();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                let register = Register::open(path).unwrap();
                for number in 0..10 {
                    register.add_site(&site(&format!("s{writer}-{number}"))).unwrap();
                }
            });
        }
    });
    let register = Register::open_read_only(&path).unwrap();
    assert_eq!(register.sites().unwrap().len(), 40);
    register.integrity_check().unwrap();
    refused(register.add_site(&site("alpha")), &["readonly"]);
}

/// Migrations of a future program whose tables have one more column.
fn next_migrations() -> Vec<Migration> {
    let mut next: Vec<Migration> =
        MIGRATIONS.iter().map(|step| Migration { version: step.version, sql: step.sql }).collect();
    let version = next.last().unwrap().version + 1;
    next.push(Migration { version, sql: || "ALTER TABLE sites ADD COLUMN country TEXT DEFAULT 'CA'".to_owned() });
    next
}

#[test]
fn a_register_of_an_older_version_is_migrated_after_a_copy_was_made() {
    let folder = folder();
    let register = new_register(&folder);
    let path = register.path().to_owned();
    register.add_site_with_permit(&site("alpha"), &permit("alpha", "M-1", date(2020, 1, 1), None)).unwrap();
    store(&register, &observation("alpha", date(2024, 5, 1)));
    // Still open: its log has not been written to the file.
    let next = next_migrations();
    let migrated = Register::open_with(&path, &next).unwrap();
    let country: String = migrated.connection().query_row("SELECT country FROM sites", [], |row| row.get(0)).unwrap();
    assert_eq!(country, "CA");
    assert_eq!(migrated.observations(&id("alpha")).unwrap().len(), 1);
    migrated.integrity_check().unwrap();
    drop((migrated, register));
    assert_eq!(files(&folder), ["sites.gpkg", "sites.v5.backup.gpkg"]);
    let backup = Register::open(&folder.path().join("sites.v5.backup.gpkg")).unwrap();
    assert_eq!(backup.sites().unwrap(), [site("alpha")]);
    assert_eq!(backup.observations(&id("alpha")).unwrap(), [observation("alpha", date(2024, 5, 1))]);
    backup.integrity_check().unwrap();
    drop(backup);
    // Migrated only once.
    Register::open_with(&path, &next).unwrap();
    assert_eq!(files(&folder).iter().filter(|name| name.contains("backup")).count(), 1);
    // This program rejects the newer file and leaves it unchanged.
    let before = std::fs::read(&path).unwrap();
    for opened in [Register::open(&path), Register::open_read_only(&path), Register::open_or_create(&path)] {
        refused(opened, &["sites.gpkg", "version 6", "up to version 5", "newer program"]);
    }
    assert!(std::fs::read(&path).unwrap() == before);
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let folder = folder();
    let register = new_register(&folder);
    let path = register.path().to_owned();
    register.add_site(&site("alpha")).unwrap();
    register.add_permit(&permit("alpha", "M-1", date(2020, 1, 1), None)).unwrap();
    drop(register);
    let with = |sql: fn() -> String| {
        let mut steps = next_migrations();
        steps.push(Migration { version: 6, sql });
        Register::open_with(&path, &steps)
    };
    refused(with(|| "ALTER TABLE nothing ADD COLUMN a".to_owned()), &["step to version 6", "nothing was changed"]);
    refused(with(|| "DELETE FROM sites".to_owned()), &["would lose what they belong to", "nothing was changed"]);
    let register = Register::open(&path).unwrap();
    assert_eq!(register.sites().unwrap(), [site("alpha")]);
    // Each attempt has its own copy; none is overwritten.
    let copies: Vec<String> = files(&folder).into_iter().filter(|name| name.contains("backup")).collect();
    assert_eq!(copies, ["sites.v5.backup-2.gpkg", "sites.v5.backup.gpkg"]);
}

#[test]
fn what_is_no_register_is_refused() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    refused(Register::open(&at("none.gpkg")), &["none.gpkg", "no such register", "sites add"]);
    std::fs::write(at("text.gpkg"), "words, words, words, words, words, words, words, words, words, words").unwrap();
    refused(Register::open(&at("text.gpkg")), &["text.gpkg", "not a GeoPackage"]);
    Connection::open(at("other.gpkg")).unwrap().execute_batch("CREATE TABLE a (b)").unwrap();
    refused(Register::open(&at("other.gpkg")), &["other.gpkg", "not a register of sites", "sites import"]);
    refused(Register::open(folder.path()), &["not a file"]);
    let register = new_register(&folder);
    register.connection().execute("UPDATE minesegsat_register SET value = 'x'", []).unwrap();
    refused(Register::open(register.path()), &["version `x`"]);
    assert!(matches!(Register::create(register.path()), Err(Error::OutputExists { .. })));
}

#[test]
fn damage_is_found() {
    let folder = folder();
    let register = new_register(&folder);
    register.add_site(&site("alpha")).unwrap();
    register.add_permit(&permit("alpha", "M-1", date(2020, 1, 1), None)).unwrap();
    let run = |sql: &str| register.connection().execute_batch(sql).unwrap();
    run(
        "DROP TRIGGER permits_overlap_insert; INSERT INTO permits (site, number, valid_from) VALUES ('alpha', 'M-2', '2021-01-01')",
    );
    refused(register.integrity_check(), &["permits `M-1` and `M-2` of site `alpha` overlap"]);
    run(
        "DELETE FROM permits; PRAGMA foreign_keys = OFF; INSERT INTO permits (site, number, valid_from) VALUES ('gone', 'M-2', '2021-01-01')",
    );
    refused(register.integrity_check(), &["permits", "belongs to no sites"]);
    run("DELETE FROM permits; UPDATE sites SET geom = x'0102'");
    refused(register.integrity_check(), &["site `alpha`", "geometry"]);
}

#[test]
fn boundaries_that_were_drawn_anew_are_checked_when_they_are_read() {
    let folder = folder();
    let register = new_register(&folder);
    register.add_site(&site("alpha")).unwrap();
    let draw = |boundary: Polygon<f64>| {
        let blob = register.blob(&boundary.into()).unwrap();
        register.connection().execute("UPDATE sites SET geom = ?1", [blob]).unwrap();
        register.sites()
    };
    let bow_tie = polygon![(x: 7.0, y: 50.), (x: 7.1, y: 50.1), (x: 7.1, y: 50.), (x: 7.0, y: 50.1)];
    assert_eq!(draw(bow_tie).unwrap()[0].boundary.0.len(), 2);
    let line = polygon![(x: 0., y: 0.), (x: 1., y: 1.), (x: 2., y: 2.)];
    refused(draw(line), &["sites.gpkg", "site `alpha`", "boundary", "no area"]);
}

/// Constraints that apply to edits in a GIS.
#[test]
fn the_file_itself_refuses_what_is_wrong() {
    let folder = folder();
    let register = new_register(&folder);
    register.add_site(&site("alpha")).unwrap();
    for sql in [
        "INSERT INTO sites (id, name) VALUES ('beta', 'without a boundary')",
        "INSERT INTO sites (id, name, geom) VALUES ('Beta Mine', 'a wrong id', x'00')",
        "UPDATE sites SET status = 'open'",
        "INSERT INTO permits (site, number, valid_from) VALUES ('beta', 'of no site', '2020-01-01')",
        "INSERT INTO permits (site, number, valid_from, limit_ha) VALUES ('alpha', 'negative', '2020-01-01', -1)",
        "INSERT INTO permits (site, number, valid_from, valid_to) VALUES ('alpha', 'back', '2020-01-02', '2020-01-01')",
    ] {
        assert!(register.connection().execute(sql, []).is_err(), "{sql}");
    }
    // Permits and observations follow a changed site id.
    register.add_permit(&permit("alpha", "M-1", date(2020, 1, 1), None)).unwrap();
    store(&register, &observation("alpha", date(2024, 5, 1)));
    register.connection().execute("UPDATE sites SET id = 'omega'", []).unwrap();
    assert_eq!(register.permits(&id("omega")).unwrap().len(), 1);
    assert_eq!(register.observations(&id("omega")).unwrap().len(), 1);
}

#[test]
fn other_programs_find_layers_with_extents() {
    let folder = folder();
    let register = new_register(&folder);
    register.add_site(&site("alpha")).unwrap();
    register.add_site(&Site { boundary: boundary_of_bbox([10.0, -5.0, 11.0, -4.0]), ..site("beta") }).unwrap();
    store(&register, &observation("alpha", date(2024, 5, 1)));
    let extent = |table: &str| -> [f64; 4] {
        let query = "SELECT min_x, min_y, max_x, max_y FROM gpkg_contents WHERE table_name = ?1";
        let row = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]);
        register.connection().query_row(query, [table], row).unwrap()
    };
    assert_eq!(extent("sites"), [-121.2, -5.0, 11.0, 55.1]);
    assert_eq!(extent("sites_latest"), extent("sites"));
    let (area, crs) = read_area_of_interest(register.path()).unwrap();
    assert_eq!((area.0.len(), crs), (2, Crs::WGS84));
    for (layer, features) in [("sites", 2), ("sites_latest", 2)] {
        let options = minesegsat_vector::labels::LabelOptions { layer: Some(layer.to_owned()), ..Default::default() };
        let labels = minesegsat_vector::labels::Labels::read(register.path(), &options).unwrap();
        assert_eq!(labels.features().len(), features);
        if layer == "sites_latest" {
            assert_eq!(labels.features()[0].attributes["verdict"], "within");
            assert!(labels.features()[1].attributes["verdict"].is_null());
        }
    }
    let pragma =
        |name: &str| -> i64 { register.connection().pragma_query_value(None, name, |row| row.get(0)).unwrap() };
    assert_eq!((pragma("application_id"), pragma("user_version")), (0x4750_4B47, 10300));
    assert_eq!((pragma("foreign_keys"), pragma("synchronous")), (1, 2));
}

/// 1,000 sites with boundaries of 300 corners and permits, and 24 observations of each with seven files.
fn large(path: &Path) -> Register {
    let register = Register::create(path).unwrap();
    register
        .in_transaction(|_| {
            for number in 0..1000 {
                let name = format!("site-{number:04}");
                let (x, y) = (f64::from(number % 40), f64::from(number / 40));
                let corner = |k: i32| {
                    let angle = f64::from(k) / 300.0 * std::f64::consts::TAU;
                    let radius = 0.04 + 0.004 * (angle * 7.0).sin();
                    (x + radius * angle.cos(), y + radius * angle.sin())
                };
                let ring: geo::LineString<f64> = (0..300).map(corner).collect();
                let boundary = MultiPolygon(vec![Polygon::new(ring, Vec::new())]);
                register.insert_site(&Site { boundary: boundary.clone(), ..site(&name) })?;
                let mut permit = Permit { polygon: Some(boundary), ..permit(&name, "M-1", date(2020, 1, 1), None) };
                register.replace_permits(&permit.site.clone(), std::slice::from_mut(&mut permit))?;
                for month in 0..24i16 {
                    let day = date(2022 + month / 12, (month % 12 + 1) as i8, 15);
                    let scene = format!("S2B_MSIL2A_{number:08}T190919_N0301_R056_T10UFV_{month:08}T213102");
                    let file = |name: &&str| ObservationFile {
                        path: format!("observations/{name}/{day}-0123456789abcdef/{name}"),
                        size: 123_456,
                        sha256: format!("{number:032x}{month:032x}"),
                    };
                    let names = [
                        "probability.tif",
                        "mask.tif",
                        "polygons.gpkg",
                        "quicklook.png",
                        "manifest.json",
                        "change.tif",
                        "change.gpkg",
                    ];
                    register.insert_observation(&Observation {
                        scenes: vec![scene],
                        files: names.iter().map(file).collect(),
                        ..observation(&name, day)
                    })?;
                }
            }
            Ok(())
        })
        .unwrap();
    register
}

#[test]
fn a_thousand_sites_with_two_years_of_months_fit_into_50_mb() {
    let folder = folder();
    let path = folder.path().join("sites.gpkg");
    let register = large(&path);
    assert_eq!(register.summaries().unwrap().len(), 1000);
    assert_eq!(register.observations(&id("site-0999")).unwrap().len(), 24);
    drop(register);
    let size = std::fs::metadata(&path).unwrap().len();
    println!("{size} bytes");
    assert!(size < 50_000_000, "{size} bytes");

    let started = std::time::Instant::now();
    let register = Register::open_read_only(&path).unwrap();
    let summaries = register.summaries().unwrap();
    println!("{} summaries in {:?}", summaries.len(), started.elapsed());
    let started = std::time::Instant::now();
    println!("{} sites in {:?}", register.sites().unwrap().len(), started.elapsed());
}

#[test]
fn layers_have_styles_for_qgis_and_those_that_a_person_changed_stay() {
    let folder = folder();
    let register = new_register(&folder);
    let path = register.path().to_owned();
    let styles = |register: &Register| -> Vec<(String, String)> {
        let database = register.connection();
        let query = "SELECT f_table_name, styleQML FROM layer_styles WHERE useAsDefault ORDER BY id";
        let mut statement = database.prepare(query).unwrap();
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(|row| row.unwrap()).collect()
    };
    let found = styles(&register);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["sites", "permits", "sites_latest"]);
    for status in SiteStatus::ALL {
        assert!(found[0].1.contains(&format!("value=\"{status}\"")), "the form offers {status}");
    }
    register.connection().execute("DELETE FROM layer_styles WHERE f_table_name != 'sites'", []).unwrap();
    register.connection().execute("UPDATE layer_styles SET styleQML = 'mine'", []).unwrap();
    drop(register);
    let register = Register::open(&path).unwrap();
    assert_eq!(styles(&register), [("sites".to_owned(), "mine".to_owned())]);
    // A register of an earlier program has no such table.
    register
        .connection()
        .execute_batch("DROP TABLE layer_styles; DELETE FROM gpkg_contents WHERE table_name = 'layer_styles'")
        .unwrap();
    drop(register);
    assert_eq!(styles(&Register::open(&path).unwrap()), found);
}
