//! Rows that other programs have damaged, spatial indexes, files that cannot be written.

use super::*;

/// Runs SQL as a program that knows nothing of a register's rules.
fn edit(register: &Register, sql: &str) {
    let path = register.path().to_owned();
    let other = Connection::open(path).unwrap();
    other.pragma_update(None, "ignore_check_constraints", true).unwrap();
    other.execute_batch(sql).unwrap();
}

#[test]
fn a_damaged_row_is_named_and_the_others_are_read() {
    let folder = folder();
    let register = new_register(&folder);
    for name in ["alpha", "beta", "gamma"] {
        register.add_site_with_permit(&site(name), &permit(name, "M-1", date(2020, 1, 1), None)).unwrap();
        store(&register, &observation(name, date(2024, 5, 1)));
    }
    assert_eq!(register.damaged().unwrap(), []);
    // MULTIPOLYGON EMPTY, a decimal comma, an impossible day, another case.
    edit(
        &register,
        "UPDATE sites SET geom = x'47500001e6100000010600000000000000' WHERE id = 'beta';
         UPDATE permits SET limit_ha = '120,5' WHERE site = 'alpha';
         UPDATE observations SET date = '2024-05-99' WHERE site = 'gamma';
         PRAGMA foreign_keys = off; UPDATE permits SET site = 'Gamma' WHERE site = 'gamma';",
    );
    let sites = register.read_sites().unwrap();
    assert_eq!(sites.rows, [site("alpha"), site("gamma")]);
    let [beta] = sites.damaged.as_slice() else { panic!("{:?}", sites.damaged) };
    assert_eq!((beta.table, beta.row, beta.site.as_str()), ("sites", 2, "beta"));
    assert!(beta.to_string().starts_with("site `beta` (row 2 of table `sites`): its boundary"), "{beta}");
    let permits = register.read_permits(&id("alpha")).unwrap();
    assert_eq!(permits.rows, []);
    let text = permits.damaged[0].to_string();
    assert!(text.contains("permit `M-1` of site `alpha` (row 1 of table `permits`)"), "{text}");
    assert!(text.contains("limit `120,5` is not a number"), "{text}");
    let lost = register.rows_without_site().unwrap();
    assert_eq!(lost.len(), 1);
    assert!(lost[0].may_belong_to("gamma") && !lost[0].may_belong_to("alpha"));
    assert!(lost[0].reason.contains("it has `gamma`"), "{}", lost[0]);
    assert_eq!(register.damaged().unwrap().len(), 4);
    refused(register.known_site(&id("beta")), &["site `beta`", "row 2"]);
    refused(register.permits(&id("alpha")), &["120,5"]);

    let summaries = register.read_summaries_on(date(2024, 6, 1)).unwrap();
    let ids: Vec<&str> = summaries.rows.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["alpha", "beta", "gamma"], "boundaries are not read");
    let [alpha, beta, gamma] = summaries.rows.as_slice() else { panic!() };
    assert_eq!(alpha.permit, None);
    assert!(alpha.problems[0].contains("120,5"));
    assert_eq!((beta.permit.as_deref(), beta.problems.len()), (Some("M-1"), 0));
    assert!(gamma.problems.iter().any(|problem| problem.contains("2024-05-99")), "{:?}", gamma.problems);
    assert!(gamma.problems.iter().any(|problem| problem.contains("`Gamma`")), "{:?}", gamma.problems);
    assert_eq!(register.observation_keys().unwrap().rows.len(), 2);

    let exported: serde_json::Value = serde_json::from_slice(&register.export_geojson(true).unwrap()).unwrap();
    assert_eq!(exported["features"].as_array().unwrap().len(), 2);
    assert!(exported["features"][0]["properties"]["problems"][0].as_str().unwrap().contains("120,5"));
    refused(register.integrity_check(), &["permits 3 belongs to no sites"]);
}

#[test]
fn geometries_of_other_programs_are_read_or_named() {
    let folder = folder();
    let register = new_register(&folder);
    register.add_site(&site("alpha")).unwrap();
    // A count of 2^32 - 1 polygons in 17 bytes.
    edit(&register, "UPDATE sites SET geom = x'47500001e61000000106000000ffffffff'");
    refused(register.sites(), &["site `alpha`", "cannot be read"]);
    edit(&register, "UPDATE sites SET geom = x'47500001e61000000101000000000000000000f03f000000000000f03f'");
    refused(register.sites(), &["it is a Point, not a polygon"]);
    edit(&register, "UPDATE sites SET geom = x'474701'");
    refused(register.sites(), &["site `alpha`"]);
    // A square in Web Mercator.
    let square = boundary_of_bbox([-121.2, 55.0, -121.1, 55.1]);
    let blob = gpkg::blob(&Geometry::MultiPolygon(square), 3857).unwrap();
    register.connection().execute("UPDATE sites SET geom = ?1", [blob]).unwrap();
    refused(register.sites(), &["in the CRS 3857", "EPSG:4326"]);
}

#[test]
fn a_register_with_a_spatial_index_can_be_edited() {
    let folder = folder();
    let register = new_register(&folder);
    register.add_site(&site("alpha")).unwrap();
    let index = r#"CREATE VIRTUAL TABLE "rtree_sites_geom" USING rtree(id, minx, maxx, miny, maxy);
        CREATE TRIGGER "rtree_sites_geom_insert" AFTER INSERT ON "sites"
          WHEN (new."geom" NOT NULL AND NOT ST_IsEmpty(NEW."geom"))
        BEGIN INSERT OR REPLACE INTO "rtree_sites_geom" VALUES (NEW."fid", ST_MinX(NEW."geom"), ST_MaxX(NEW."geom"),
          ST_MinY(NEW."geom"), ST_MaxY(NEW."geom")); END;
        CREATE TRIGGER "rtree_sites_geom_update6" AFTER UPDATE OF "geom" ON "sites"
          WHEN OLD."fid" = NEW."fid" AND (NEW."geom" NOTNULL AND NOT ST_IsEmpty(NEW."geom"))
        BEGIN UPDATE "rtree_sites_geom" SET minx = ST_MinX(NEW."geom"), maxx = ST_MaxX(NEW."geom"),
          miny = ST_MinY(NEW."geom"), maxy = ST_MaxY(NEW."geom") WHERE id = NEW."fid"; END;"#;
    edit(&register, index);
    register.add_site(&site("beta")).unwrap();
    let moved = Site { boundary: boundary_of_bbox([10.0, 50.0, 11.0, 51.0]), ..site("beta") };
    register.update_site(&moved).unwrap();
    let stored: (i64, f64, f64) = register
        .connection()
        .query_row("SELECT id, minx, maxy FROM rtree_sites_geom", [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap();
    assert_eq!(stored, (2, 10.0, 51.0));
    let copy = folder.path().join("copy.gpkg");
    register.export_geopackage(&copy, false).unwrap();
    let copy = Connection::open(copy).unwrap();
    let count: i64 = copy.query_row("SELECT count(*) FROM rtree_sites_geom", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1, "the index is kept");
}

#[test]
fn an_observation_keeps_the_identity_of_what_it_was_made_from() {
    let folder = folder();
    let register = new_register(&folder);
    let place = site("alpha");
    register.add_site(&place).unwrap();
    let one = permit("alpha", "M-1", date(2020, 1, 1), None);
    let seen = Observation {
        share_beyond_map: Some(0.25),
        share_in_other_sites: Some(0.125),
        share_disagreeing: Some(0.03125),
        boundary_sha256: Some(place.boundary_sha256()),
        permit_sha256: Some(one.sha256()),
        ..observation("alpha", date(2024, 5, 1))
    };
    store(&register, &seen);
    assert_eq!(register.observations(&id("alpha")).unwrap(), [seen]);
    // The identity follows the land, not the digits below a centimetre.
    let moved = |by: f64| Site { boundary: boundary_of_bbox([-121.2 + by, 55.0, -121.1, 55.1]), ..place.clone() };
    assert_eq!(moved(0.0).boundary_sha256(), moved(1e-9).boundary_sha256());
    assert_ne!(moved(0.0).boundary_sha256(), moved(1e-5).boundary_sha256());
    assert_ne!(one.sha256(), Permit { limit_ha: Some(1.0), ..one.clone() }.sha256());
    assert_eq!(one.sha256(), Permit { valid_to: Some(date(2030, 1, 1)), ..one.clone() }.sha256());
}

#[test]
fn a_register_of_the_first_version_is_migrated_although_a_row_belongs_to_nothing() {
    let folder = folder();
    let path = folder.path().join("old.gpkg");
    let old = Register::create_with(&path, &MIGRATIONS[..1]).unwrap();
    old.add_site(&site("alpha")).unwrap();
    old.connection()
        .execute_batch(
            "PRAGMA foreign_keys = off;
             INSERT INTO permits (site, number, valid_from) VALUES ('Alpha', 'M-1', '2020-01-01');
             INSERT INTO observations (site, date, verdict, statement, share_assessed, confidence_level_percent, scenes,
               model_sha256, warnings, created)
             VALUES ('alpha', '2023-01-01', 'no-limit', 'seen', 1.0, 90.0, '[\"a\"]', 'aa', '[]', '2023-01-02T00:00:00Z');",
        )
        .unwrap();
    drop(old);
    let register = Register::open_read_only(&path).unwrap();
    let seen = register.observations(&id("alpha")).unwrap();
    assert_eq!((seen.len(), &seen[0].boundary_sha256, seen[0].share_beyond_map), (1, &None, None));
    assert_eq!(register.rows_without_site().unwrap().len(), 1);
}

#[test]
fn a_register_of_version_4_has_no_shares_of_doubt_and_takes_new_ones() {
    let folder = folder();
    let path = folder.path().join("old.gpkg");
    let old = Register::create_with(&path, &MIGRATIONS[..4]).unwrap();
    old.add_site(&site("alpha")).unwrap();
    let columns = "SELECT count(*) FROM pragma_table_info('observations') WHERE name LIKE 'share\\_%' ESCAPE '\\'";
    let shares =
        |register: &Register| -> i64 { register.connection().query_row(columns, [], |row| row.get(0)).unwrap() };
    assert_eq!(shares(&old), 2);
    old.connection()
        .execute(
            "INSERT INTO observations (site, date, verdict, statement, share_assessed, share_beyond_map, confidence_level_percent, \
               scenes, model_sha256, warnings, created) \
             VALUES ('alpha', '2023-01-01', 'no-limit', 'seen', 1.0, 0.0, 90.0, '[\"a\"]', 'aa', '[]', '2023-01-02T00:00:00Z')",
            [],
        )
        .unwrap();
    drop(old);
    let register = Register::open(&path).unwrap();
    assert_eq!(shares(&register), 4);
    let seen = register.observations(&id("alpha")).unwrap();
    assert_eq!((seen.len(), seen[0].share_disagreeing, seen[0].share_in_other_sites), (1, None, None));
    let new = Observation { share_disagreeing: Some(0.5), ..observation("alpha", date(2024, 5, 1)) };
    store(&register, &new);
    assert_eq!(register.last_observation(&id("alpha")).unwrap().unwrap().share_disagreeing, Some(0.5));
    let wrong = Observation { share_disagreeing: Some(1.5), ..observation("alpha", date(2024, 6, 1)) };
    let stored = register.store_observation(&wrong, |_| Ok(()));
    refused(stored, &["`alpha`", "disagreeing share 1.5"]);
}

#[test]
fn a_damaged_site_is_read_value_by_value_and_repaired() {
    let folder = folder();
    let register = new_register(&folder);
    register.add_site_with_permit(&site("alpha"), &permit("alpha", "M-1", date(2020, 1, 1), None)).unwrap();
    edit(&register, "UPDATE sites SET geom = x'474701', status = 'sleeping'");
    refused(register.known_site(&id("alpha")), &["site `alpha`"]);
    let stored = register.stored_site(&id("alpha")).unwrap();
    assert_eq!(stored.name, Ok(site("alpha").name));
    assert!(stored.boundary.is_err() && stored.status.as_ref().unwrap_err().contains("sleeping"));
    assert!(stored.clone().into_site().is_err());
    let mended = StoredSite {
        boundary: Ok(boundary_of_bbox([10.0, 50.0, 11.0, 51.0])),
        status: Ok(SiteStatus::Closed),
        ..stored
    };
    register.update_site(&mended.into_site().unwrap()).unwrap();
    let found = register.known_site(&id("alpha")).unwrap();
    assert_eq!((found.status, found.bbox()), (SiteStatus::Closed, [10.0, 50.0, 11.0, 51.0]));
    assert_eq!(register.permits(&id("alpha")).unwrap().len(), 1);
    assert_eq!(register.damaged().unwrap(), []);
    refused(register.stored_site(&id("alphas")).map(drop), &["did you mean `alpha`"]);
}

#[test]
fn a_copy_of_a_register_is_outdated_after_a_change() {
    let folder = folder();
    let register = new_register(&folder);
    register.add_site(&site("alpha")).unwrap();
    let copy = Register::open_copy(register.path()).unwrap();
    assert!(!copy.is_outdated_copy() && !register.is_outdated_copy());
    register.add_site(&site("beta")).unwrap();
    assert!(copy.is_outdated_copy());
    assert_eq!(copy.sites().unwrap(), [site("alpha")]);
    let again = Register::open_copy(register.path()).unwrap();
    assert_eq!(again.sites().unwrap(), [site("alpha"), site("beta")]);
    assert!(!again.is_outdated_copy());
}

#[cfg(target_os = "linux")]
#[test]
fn paths_need_not_be_utf_8() {
    use std::os::unix::ffi::OsStrExt;

    let folder = folder();
    let place = folder.path().join(std::ffi::OsStr::from_bytes(b"mine\xff?#%"));
    std::fs::create_dir(&place).unwrap();
    let register = Register::create(&place.join("sites.gpkg")).unwrap();
    register.add_site(&site("alpha")).unwrap();
    let copy = place.join("copy.gpkg");
    register.export_geopackage(&copy, false).unwrap();
    assert_eq!(Register::open_read_only(&copy).unwrap().sites().unwrap(), [site("alpha")]);
    let (area, _) = read_area_of_interest(&copy).unwrap();
    assert_eq!(area.0.len(), 1);
}
