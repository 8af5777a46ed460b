//! The register as a whole: rules, transactions, versions, import and export.

use std::path::{Path, PathBuf};

use geo::{Area as _, MultiPolygon, Polygon, polygon};
use jiff::civil::{Date, date};
use proptest::prelude::*;
use rusqlite::Connection;

use super::schema::{MIGRATIONS, Migration};
use super::*;
use crate::area::GeodesicMeter;
use crate::vector::read_area_of_interest;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn new_register(folder: &tempfile::TempDir) -> Register {
    Register::create(&folder.path().join("sites.gpkg")).unwrap()
}

fn id(text: &str) -> SiteId {
    text.parse().unwrap()
}

fn site(text: &str) -> Site {
    Site {
        id: id(text),
        name: format!("Mine {text}"),
        operator: Some("Somebody".to_owned()),
        commodity: None,
        status: SiteStatus::Active,
        boundary: boundary_of_bbox([-121.2, 55.0, -121.1, 55.1]),
    }
}

fn permit(site: &str, number: &str, from: Date, to: Option<Date>) -> Permit {
    Permit {
        site: id(site),
        number: number.to_owned(),
        valid_from: from,
        valid_to: to,
        polygon: None,
        limit_ha: Some(120.0),
        document: None,
        document_sha256: None,
    }
}

fn observation(site: &str, day: Date) -> Observation {
    Observation {
        site: id(site),
        date: day,
        scenes: vec![format!("S2A_{day}")],
        model_sha256: "ab".repeat(32),
        share_assessed: 0.97,
        area: Some(Area { ha: 101.0, lower_ha: 90.5, upper_ha: 118.25 }),
        confidence_level_percent: 90.0,
        compared_with: Some(date(2020, 1, 1)),
        gain_ha: Some(2.5),
        loss_ha: None,
        outside_permit_ha: Some(0.0),
        permit: Some("M-1".to_owned()),
        limit_ha: Some(120.0),
        verdict: Verdict::Within,
        statement: "101.0 ha (90.5 to 118.3) are disturbed, within the limit of 120 ha".to_owned(),
        warnings: vec!["another season".to_owned()],
        files: vec![ObservationFile { path: format!("{site}/{day}/mask.tif"), size: 77, sha256: "0f".repeat(32) }],
        created: "2024-05-01T10:20:30.125Z".parse().unwrap(),
    }
}

fn store(register: &Register, observation: &Observation) -> bool {
    register.store_observation(observation, |_| Ok(())).unwrap()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T>, said: &[&str]) {
    let error = result.unwrap_err().to_string();
    for part in said {
        assert!(error.contains(part), "`{part}` is not said: {error}");
    }
}

fn files(folder: &tempfile::TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_stored_is_read_again() {
    let folder = folder();
    let register = new_register(&folder);
    assert!(register.add_site(&site("beta")).unwrap().is_empty());
    register.add_site(&site("alpha")).unwrap();
    let polygon = Some(boundary_of_bbox([-121.19, 55.01, -121.11, 55.09]));
    let document = (Some("permit.pdf".to_owned()), Some("cd".repeat(32)));
    let first = Permit {
        polygon,
        document: document.0,
        document_sha256: document.1,
        ..permit("alpha", "M-1", date(2020, 1, 1), Some(date(2021, 12, 31)))
    };
    let second = Permit { limit_ha: None, ..permit("alpha", "M-1", date(2022, 1, 1), None) };
    register.add_permit(&second).unwrap();
    register.add_permit(&first).unwrap();
    let later = observation("alpha", date(2024, 5, 1));
    let unseen = Observation {
        area: None,
        verdict: Verdict::NotAssessable,
        scenes: vec!["b".to_owned(), "a".to_owned()],
        files: Vec::new(),
        ..observation("alpha", date(2023, 5, 1))
    };
    assert!(store(&register, &later) && store(&register, &unseen));
    drop(register);

    let register = Register::open(&folder.path().join("sites.gpkg")).unwrap();
    register.integrity_check().unwrap();
    let sites = register.sites().unwrap();
    assert_eq!(sites, [site("alpha"), site("beta")]);
    assert_eq!(register.site(&id("beta")).unwrap(), Some(site("beta")));
    assert_eq!(register.site(&id("gamma")).unwrap(), None);
    assert_eq!(register.permits(&id("alpha")).unwrap(), [first.clone(), second.clone()]);
    let on = |day| register.permit_on(&id("alpha"), day).unwrap();
    assert_eq!(on(date(2019, 12, 31)), None);
    assert_eq!(on(date(2020, 1, 1)), Some(first.clone()));
    assert_eq!(on(date(2021, 12, 31)), Some(first));
    assert_eq!(on(date(2030, 1, 1)), Some(second));
    let unseen = Observation { scenes: vec!["a".to_owned(), "b".to_owned()], ..unseen };
    assert_eq!(register.observations(&id("alpha")).unwrap(), [unseen, later.clone()]);
    assert_eq!(register.last_observation(&id("alpha")).unwrap(), Some(later));
    assert_eq!(register.last_observation(&id("beta")).unwrap(), None);
    drop(register);
    assert_eq!(files(&folder), ["sites.gpkg"], "no log is left behind");
}

#[test]
fn an_observation_is_stored_once_and_with_all_that_goes_with_it_or_not_at_all() {
    let folder = folder();
    let register = new_register(&folder);
    register.add_site(&site("alpha")).unwrap();
    let seen = observation("alpha", date(2024, 5, 1));
    let count = || register.observations(&id("alpha")).unwrap().len();
    let failed = register.store_observation(&seen, |transaction| {
        transaction.execute("CREATE TABLE beside (a)", []).unwrap();
        Err(Error::Interrupted)
    });
    assert!(matches!(failed, Err(Error::Interrupted)));
    let beside = "SELECT count(*) FROM sqlite_master WHERE name = 'beside'";
    assert_eq!((count(), register.connection().query_row(beside, [], |row| row.get::<_, i64>(0)).unwrap()), (0, 0));

    assert!(!register.has_observation(&seen.site, &seen.scenes, &seen.model_sha256).unwrap());
    assert!(store(&register, &seen));
    assert!(register.has_observation(&seen.site, &seen.scenes, &seen.model_sha256).unwrap());
    let again = Observation { statement: "another".to_owned(), ..seen.clone() };
    assert!(!register.store_observation(&again, |_| panic!("nothing goes with what is not stored")).unwrap());
    assert_eq!(count(), 1);
    // The order of scenes does not matter; another model is another observation.
    let two = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
    assert!(store(&register, &Observation { scenes: two("a", "b"), ..seen.clone() }));
    assert!(!store(&register, &Observation { scenes: two("b", "a"), ..seen.clone() }));
    assert!(store(&register, &Observation { model_sha256: "00".repeat(32), ..seen.clone() }));
    assert_eq!(count(), 3);
    refused(
        register.store_observation(&observation("alfa", date(2024, 5, 1)), |_| Ok(())),
        &["`alfa`", "did you mean `alpha`?"],
    );
    let wrong = Observation { share_assessed: 1.5, scenes: two("c", "d"), ..seen.clone() };
    refused(register.store_observation(&wrong, |_| Ok(())), &["`alpha`", "assessed share 1.5"]);
    let mut wrong = Observation { scenes: two("c", "d"), ..seen };
    wrong.files[0].sha256 = "xyz".to_owned();
    refused(register.store_observation(&wrong, |_| Ok(())), &["`xyz`", "SHA-256"]);
    assert_eq!(count(), 3);
}

#[test]
fn sites_need_an_id_of_their_own_a_name_and_a_boundary() {
    let folder = folder();
    let register = new_register(&folder);
    register.add_site(&site("alpha")).unwrap();
    refused(register.add_site(&site("alpha")), &["site `alpha`", "has a site of this id already"]);
    let none = Site { boundary: MultiPolygon(Vec::new()), ..site("beta") };
    refused(register.add_site(&none), &["site `beta`", "no boundary"]);
    refused(register.add_site(&Site { name: " ".to_owned(), ..site("beta") }), &["site `beta`", "name is empty"]);
    let at = |boundary: Polygon<f64>| Site { boundary: boundary.into(), ..site("beta") };
    let far = polygon![(x: 500_000., y: 6e6), (x: 500_100., y: 6e6), (x: 500_000., y: 6.1e6)];
    refused(register.add_site(&at(far)), &["site `beta`", "(500000, 6000000) is not a longitude and a latitude"]);
    let line = polygon![(x: 0., y: 0.), (x: 1., y: 1.), (x: 2., y: 2.)];
    refused(register.add_site(&at(line)), &["site `beta`", "goes round no area"]);
    // Twice round: inside or not, nobody knows.
    let twice = polygon![
        (x: 7.00, y: 0.), (x: 7.08, y: 0.), (x: 7.08, y: 0.1), (x: 7.02, y: 0.1), (x: 7.02, y: 0.02), (x: 7.06, y: 0.02),
        (x: 7.06, y: 0.06), (x: 7.00, y: 0.06),
    ];
    refused(register.add_site(&at(twice)), &["site `beta`", "two ways"]);
    assert_eq!(register.sites().unwrap().len(), 1);
    // A bow tie can be read in one way only.
    let bow_tie = polygon![(x: 7.0, y: 50.), (x: 7.1, y: 50.1), (x: 7.1, y: 50.), (x: 7.0, y: 50.1)];
    assert_eq!(register.add_site(&at(bow_tie)).unwrap(), [crate::labels::Repair::SelfIntersection]);
    let stored = register.site(&id("beta")).unwrap().unwrap();
    assert_eq!(stored.boundary.0.len(), 2);
    assert!((stored.boundary.unsigned_area() - 0.005).abs() < 1e-9);
    for wrong in ["", "Alpha", "a b", "-a", "ä", "../up", &"a".repeat(65)] {
        assert!(wrong.parse::<SiteId>().is_err(), "{wrong}");
    }
}

#[test]
fn permits_of_a_site_do_not_overlap() {
    let folder = folder();
    let register = new_register(&folder);
    register.add_site(&site("alpha")).unwrap();
    register.add_permit(&permit("alpha", "M-1", date(2020, 1, 1), Some(date(2021, 12, 31)))).unwrap();
    register.add_permit(&permit("alpha", "M-2", date(2022, 1, 1), None)).unwrap();
    let add = |number: &str, from, to| register.add_permit(&permit("alpha", number, from, to));
    let said = ["site `alpha`", "`M-1` (2020-01-01 to 2021-12-31)", "`M-3` (2021-12-31 to 2021-12-31)", "overlap"];
    refused(add("M-3", date(2021, 12, 31), Some(date(2021, 12, 31))), &said);
    refused(add("M-3", date(2019, 1, 1), None), &["`M-3` (2019-01-01 to open end)", "`M-1`"]);
    refused(add("M-3", date(2030, 1, 1), None), &["`M-2` (2022-01-01 to open end)", "`M-3`"]);
    refused(add("M-3", date(2019, 5, 2), Some(date(2019, 5, 1))), &["`alpha`", "`M-3`", "ends before it begins"]);
    refused(add(" ", date(2019, 5, 2), Some(date(2019, 5, 3))), &["`alpha`", "number"]);
    for limit in [-1.0, f64::NAN, f64::INFINITY] {
        let wrong =
            Permit { limit_ha: Some(limit), ..permit("alpha", "M-0", date(2019, 1, 1), Some(date(2019, 2, 1))) };
        refused(register.add_permit(&wrong), &["site `alpha`", "`M-0`", &limit.to_string(), "0 or more"]);
    }
    refused(register.add_permit(&permit("alpa", "M-1", date(2020, 1, 1), None)), &["`alpa`", "did you mean `alpha`?"]);
    assert_eq!(register.permits(&id("alpha")).unwrap().len(), 2);

    let next = permit("alpha", "M-3", date(2030, 1, 1), None);
    let (_, ended) = register.add_permit_superseding(&next).unwrap();
    assert_eq!(ended.unwrap().valid_to, Some(date(2029, 12, 31)));
    let on = |day| register.permit_on(&id("alpha"), day).unwrap().unwrap().number;
    assert_eq!((on(date(2029, 12, 31)), on(date(2030, 1, 1))), ("M-2".to_owned(), "M-3".to_owned()));
    // The rule holds in the file, too, for whoever else edits it.
    let by_hand = "INSERT INTO permits (site, number, valid_from) VALUES ('alpha', 'M-9', '2031-01-01')";
    let error = register.connection().execute(by_hand, []).unwrap_err().to_string();
    assert!(error.contains("overlap in time"), "{error}");

    refused(
        register.remove_permit(&id("alpha"), "M-7", None),
        &["`alpha`", "`M-7`", "`M-1` (2020-01-01 to 2021-12-31)"],
    );
    assert_eq!(register.remove_permit(&id("alpha"), "M-2", None).unwrap().len(), 1);
    assert_eq!(register.permits(&id("alpha")).unwrap().len(), 2);
}

proptest! {
    // Each writes a file or more.
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Whatever is added in whatever order: on each day at most one permit holds, and those refused would have overlapped.
    #[test]
    fn on_each_day_at_most_one_permit_holds(spans in prop::collection::vec((0i32..60, prop::option::of(0i32..20)), 1..12)) {
        let folder = folder();
        let register = new_register(&folder);
        register.add_site(&site("alpha")).unwrap();
        let day = |n: i32| date(2020, 1, 1).checked_add(jiff::Span::new().days(n)).unwrap();
        let mut held = [false; 200];
        for (number, (from, length)) in spans.into_iter().enumerate() {
            let last = length.map(|length| from + length);
            let days = from as usize..=last.map_or(199, |last| last as usize);
            let is_free = held[days.clone()].iter().all(|held| !held);
            let added = register.add_permit(&permit("alpha", &number.to_string(), day(from), last.map(day)));
            prop_assert_eq!(added.is_ok(), is_free);
            if is_free {
                held[days].fill(true);
            }
        }
        let permits = register.permits(&id("alpha")).unwrap();
        for (n, held) in held.iter().enumerate() {
            let holding = permits.iter().filter(|permit| permit.holds_on(day(n as i32))).count();
            prop_assert_eq!(holding, usize::from(*held));
        }
    }

}

proptest! {
    /// Ids made of any text are ids, and an id is made of itself.
    #[test]
    fn ids_are_made_of_any_text(text in ".{0,90}") {
        if let Some(made) = SiteId::from_text(&text) {
            prop_assert_eq!(SiteId::from_text(made.as_str()), Some(made.clone()));
            prop_assert!(made.numbered(12).is_some());
        }
    }
}

#[test]
fn ids_of_names_can_be_read() {
    for (text, made) in [
        ("M0146.B1", "m0146.b1"),
        ("KWK Knurów-Szczygłowice", "kwk-knurow-szczyglowice"),
        ("Tian'an No.4 (east)", "tianan-no.4-east"),
        ("  Mine #7  ", "mine-7"),
        ("Разрез", "razrez"),
    ] {
        assert_eq!(SiteId::from_text(text).unwrap().as_str(), made);
    }
    assert_eq!(SiteId::from_text("---"), None);
}

#[test]
fn sites_go_with_their_permits_and_only_if_forced_with_their_observations() {
    let folder = folder();
    let register = new_register(&folder);
    for name in ["alpha", "beta"] {
        register.add_site_with_permit(&site(name), &permit(name, "M-1", date(2020, 1, 1), None)).unwrap();
    }
    store(&register, &observation("alpha", date(2024, 5, 1)));
    refused(register.remove_site(&id("alpha"), false), &["site `alpha`", "1 observation", "--force"]);
    assert!(register.is_observed(&id("alpha")).unwrap() && !register.is_observed(&id("beta")).unwrap());
    assert_eq!(register.remove_site(&id("beta"), false).unwrap(), Removed { permits: 1, observations: 0 });
    assert_eq!(register.remove_site(&id("alpha"), true).unwrap(), Removed { permits: 1, observations: 1 });
    refused(register.remove_site(&id("alpha"), true), &["`alpha`", "has no sites yet"]);
    let left: i64 = register
        .connection()
        .query_row("SELECT (SELECT count(*) FROM permits) + (SELECT count(*) FROM observation_files)", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(left, 0);
    register.integrity_check().unwrap();
}

#[test]
fn a_site_and_its_permit_are_added_together() {
    let folder = folder();
    let register = new_register(&folder);
    let wrong = Permit { limit_ha: Some(-5.0), ..permit("alpha", "M-1", date(2020, 1, 1), None) };
    refused(register.add_site_with_permit(&site("alpha"), &wrong), &["-5"]);
    assert_eq!(register.sites().unwrap(), []);
}

#[test]
fn edits_keep_permits_and_observations() {
    let folder = folder();
    let register = new_register(&folder);
    register.add_site_with_permit(&site("alpha"), &permit("alpha", "M-1", date(2020, 1, 1), None)).unwrap();
    store(&register, &observation("alpha", date(2024, 5, 1)));
    let changed = Site { status: SiteStatus::Closed, operator: None, ..site("alpha") };
    register.update_site(&changed).unwrap();
    assert_eq!(register.site(&id("alpha")).unwrap(), Some(changed));
    assert_eq!(register.permits(&id("alpha")).unwrap().len(), 1);
    assert_eq!(register.observations(&id("alpha")).unwrap().len(), 1);
    refused(register.update_site(&site("alfa")), &["`alfa`", "`alpha`"]);
}

#[test]
fn unknown_sites_are_told_what_there_is() {
    let folder = folder();
    let register = new_register(&folder);
    for name in ["greenhills", "fording-river", "fording-extension", "elkview"] {
        register.add_site(&site(name)).unwrap();
    }
    refused(register.known_site(&id("greenhils")), &["`greenhils`", "did you mean `greenhills`?"]);
    refused(register.known_site(&id("fording")), &["did you mean", "`fording-river`", "`fording-extension`"]);
    refused(register.known_site(&id("zzz")), &["none of the 4 sites"]);
}

#[test]
fn summaries_have_the_permit_of_the_day_and_the_last_observation() {
    let folder = folder();
    let register = new_register(&folder);
    register.add_site(&site("alpha")).unwrap();
    register.add_site(&site("beta")).unwrap();
    register.add_permit(&permit("alpha", "M-1", date(2020, 1, 1), Some(date(2021, 12, 31)))).unwrap();
    let second = Permit { limit_ha: Some(200.0), ..permit("alpha", "M-2", date(2022, 1, 1), None) };
    register.add_permit(&second).unwrap();
    store(&register, &observation("alpha", date(2024, 5, 1)));
    let verdict = Verdict::PossibleExceedance;
    let newest = Observation { verdict, ..observation("alpha", date(2024, 6, 1)) };
    store(&register, &newest);
    store(&register, &observation("alpha", date(2024, 4, 1)));
    let [alpha, beta] = &register.summaries_on(date(2024, 7, 1)).unwrap()[..] else { panic!("two sites") };
    assert_eq!((alpha.permit.as_deref(), alpha.limit_ha, alpha.observations), (Some("M-2"), Some(200.0), 3));
    assert_eq!(alpha.last, Some(LastSeen { date: date(2024, 6, 1), area: newest.area, verdict }));
    assert_eq!((&beta.permit, beta.limit_ha, beta.observations, &beta.last), (&None, None, 0, &None));
    let before = register.summaries_on(date(2020, 7, 1)).unwrap();
    assert_eq!(before[0].permit.as_deref(), Some("M-1"));
    assert_eq!(register.summaries().unwrap().len(), 2);
}

#[test]
fn one_monitor_has_a_register_at_a_time() {
    let folder = folder();
    let register = new_register(&folder);
    let lock = register.monitor_lock().unwrap();
    // Another connection, by another path to the same file.
    let other = Register::open(&folder.path().join("../").join(folder.path().file_name().unwrap()).join("sites.gpkg"));
    let error = other.unwrap().monitor_lock().unwrap_err();
    assert!(matches!(error, Error::RegisterInUse { owner: Some(owner), .. } if owner == std::process::id()), "{error}");
    assert!(error.to_string().contains("one monitor at a time"), "{error}");
    drop(lock);
    let lock = register.monitor_lock().unwrap();
    drop(lock);
    assert_eq!(files(&folder).iter().filter(|name| name.contains("monitor")).count(), 0);
    // A lock file that a killed monitor left locks nothing.
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

/// Steps of a program to come, whose tables have a column more.
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
    // Still open: its log has not gone into the file.
    let next = next_migrations();
    let migrated = Register::open_with(&path, &next).unwrap();
    let country: String = migrated.connection().query_row("SELECT country FROM sites", [], |row| row.get(0)).unwrap();
    assert_eq!(country, "CA");
    assert_eq!(migrated.observations(&id("alpha")).unwrap().len(), 1);
    migrated.integrity_check().unwrap();
    drop((migrated, register));
    assert_eq!(files(&folder), ["sites.gpkg", "sites.v1.backup.gpkg"]);
    let backup = Register::open(&folder.path().join("sites.v1.backup.gpkg")).unwrap();
    assert_eq!(backup.sites().unwrap(), [site("alpha")]);
    assert_eq!(backup.observations(&id("alpha")).unwrap(), [observation("alpha", date(2024, 5, 1))]);
    backup.integrity_check().unwrap();
    drop(backup);
    // Once is enough.
    Register::open_with(&path, &next).unwrap();
    assert_eq!(files(&folder).iter().filter(|name| name.contains("backup")).count(), 1);
    // What that program wrote is refused by this one, and left as it is.
    let before = std::fs::read(&path).unwrap();
    for opened in [Register::open(&path), Register::open_read_only(&path), Register::open_or_create(&path)] {
        refused(opened, &["sites.gpkg", "version 2", "up to version 1", "newer program"]);
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
        steps.push(Migration { version: 3, sql });
        Register::open_with(&path, &steps)
    };
    refused(with(|| "ALTER TABLE nothing ADD COLUMN a".to_owned()), &["step to version 3", "nothing was changed"]);
    refused(with(|| "DELETE FROM sites".to_owned()), &["would lose what they belong to", "nothing was changed"]);
    let register = Register::open(&path).unwrap();
    assert_eq!(register.sites().unwrap(), [site("alpha")]);
    // Each attempt has its copy; none takes the place of another.
    let copies: Vec<String> = files(&folder).into_iter().filter(|name| name.contains("backup")).collect();
    assert_eq!(copies, ["sites.v1.backup-2.gpkg", "sites.v1.backup.gpkg"]);
}

#[test]
fn what_is_no_register_is_refused() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    refused(Register::open(&at("none.gpkg")), &["none.gpkg", "no such register", "sites add"]);
    std::fs::write(at("text.gpkg"), "words, words, words, words, words, words, words, words, words, words").unwrap();
    refused(Register::open(&at("text.gpkg")), &["text.gpkg", "no GeoPackage"]);
    Connection::open(at("other.gpkg")).unwrap().execute_batch("CREATE TABLE a (b)").unwrap();
    refused(Register::open(&at("other.gpkg")), &["other.gpkg", "no register of sites", "sites import"]);
    refused(Register::open(folder.path()), &["no file"]);
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

/// Rules that people meet who edit the file in a GIS.
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
    // Another id is taken over by all that belongs to the site.
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
        let options = crate::labels::LabelOptions { layer: Some(layer.to_owned()), ..Default::default() };
        let labels = crate::labels::Labels::read(register.path(), &options).unwrap();
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

// ---- import

fn import_with(register: &Register, path: &Path, options: &ImportOptions) -> ImportReport {
    register.import(path, options).unwrap()
}

fn write(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

const SQUARE: &str = "\"POLYGON((-121.1 55, -121.1 55.1, -121.2 55.1, -121.2 55, -121.1 55))\"";

#[test]
fn tables_have_sites_and_versions_of_their_permits() {
    let folder = folder();
    let register = new_register(&folder);
    write(&folder, "m1.pdf", "a permit");
    let table = write(
        &folder,
        "sites.csv",
        &format!(
            "ID,Name,Operator,Status,wkt,longitude,latitude,radius_m,number,valid_from,valid_to,limit,document\n\
             alpha,Alpha,Us,closed,{SQUARE},,,,M-1,2020-01-01,2021-12-31,120 ha,m1.pdf\n\
             alpha,Alpha,,,,,,,M-2,2022-01-01,,1.5 km2,https://example.com/m2.pdf\n\
             Béta Mine,Beta,,Planned,,7.5,50.25,1000,,,,,\n"
        ),
    );
    let report = import_with(&register, &table, &ImportOptions::default());
    assert!(report.stored && report.failed.is_empty() && report.warnings.is_empty(), "{report:?}");
    assert_eq!((report.read, report.count(Made::Added)), (3, 2));
    let uses: Vec<String> = report.fields.iter().map(ToString::to_string).collect();
    assert_eq!(uses[..2], ["id from `ID` (guessed)", "name from `Name` (guessed)"]);
    let alpha = register.site(&id("alpha")).unwrap().unwrap();
    assert_eq!(
        alpha,
        Site { operator: Some("Us".to_owned()), status: SiteStatus::Closed, name: "Alpha".to_owned(), ..site("alpha") }
    );
    let permits = register.permits(&id("alpha")).unwrap();
    assert_eq!(permits.len(), 2);
    assert_eq!((permits[0].limit_ha, permits[1].limit_ha), (Some(120.0), Some(150.0)));
    // printf 'a permit' | sha256sum
    assert_eq!(
        permits[0].document_sha256.as_deref(),
        Some("2e6435b7d3969439c28387c6b8f606a410e669ae47882c53ee6e96d2a6abbcb0")
    );
    assert_eq!(
        (permits[1].document.as_deref(), &permits[1].document_sha256),
        (Some("https://example.com/m2.pdf"), &None)
    );
    let beta = register.site(&id("beta-mine")).unwrap().unwrap();
    let size = GeodesicMeter::new(&Crs::WGS84).unwrap().measure(&beta.boundary).unwrap();
    assert!((size.area_m2 / (std::f64::consts::PI * 1e6) - 1.0).abs() < 1e-3, "{size:?}");
}

#[test]
fn rows_that_cannot_be_taken_are_named_and_nothing_is_stored() {
    let folder = folder();
    let register = new_register(&folder);
    register.add_site(&site("known")).unwrap();
    let table = write(
        &folder,
        "sites.csv",
        &format!(
            "id,status,wkt,longitude,latitude,radius_m,number,valid_from,valid_to,limit\n\
             good,,{SQUARE},,,,,,,\n\
             nowhere,,,,,,,,,\n\
             good,,{SQUARE},,,,,,,\n\
             odd,open,{SQUARE},,,,,,,\n\
             known,,{SQUARE},,,,,,,\n\
             bare,,{SQUARE},,,,M-1,2020-01-01,,120\n\
             below,,{SQUARE},,,,M-1,2020-01-01,,-3 ha\n\
             back,,{SQUARE},,,,M-1,2020-01-02,2020-01-01,3 ha\n\
             twice,,{SQUARE},,,,M-1,2020-01-01,,3 ha\n\
             twice,,,,,,M-2,2021-01-01,,3 ha\n\
             undated,,{SQUARE},,,,M-1,,,3 ha\n\
             misdated,,{SQUARE},,,,M-1,01/02/2020,,3 ha\n\
             numberless,,{SQUARE},,,,,2020-01-01,,3 ha\n\
             point,,POINT(7 50),,,,,,,\n\
             halved,,,7,50,,,,,\n\
             words,,somewhere,,,,,,,\n\
             far,,,7,50,1e9,,,,\n"
        ),
    );
    let expected = [
        ("line 3", "nowhere", "no boundary"),
        ("line 4", "good", "line 2 has the id `good` as well"),
        ("line 5", "odd", "status `open` is not accepted: active, planned"),
        ("line 6", "known", "`--update`"),
        ("line 7", "bare", "limit `120` is not accepted: it has no unit"),
        ("line 8", "below", "limit `-3 ha` is not accepted: 0 or more"),
        ("line 9", "back", "ends before it begins"),
        ("line 10", "twice", "permits `M-1` (2020-01-01 to open end) and `M-2` (2021-01-01 to open end) overlap"),
        ("line 12", "undated", "permit `M-1` has no first day"),
        ("line 13", "misdated", "`01/02/2020` is no day"),
        ("line 14", "numberless", "no number of a permit"),
        ("line 15", "point", "is no polygon"),
        ("line 16", "halved", "a `radius_m`"),
        ("line 17", "words", "no well-known text"),
        ("line 18", "far", "radius of 1000000000 m"),
    ];
    let report = import_with(&register, &table, &ImportOptions::default());
    assert!(!report.stored);
    for ((row, site, reason), failed) in expected.iter().zip(&report.failed) {
        assert_eq!((*row, Some(*site)), (failed.row.as_str(), failed.site.as_deref()), "{failed}");
        assert!(failed.reason.contains(reason), "{failed}");
    }
    assert_eq!(report.failed.len(), expected.len(), "{:#?}", report.failed);
    assert_eq!(register.sites().unwrap(), [site("known")]);

    let report = import_with(&register, &table, &ImportOptions { skip_invalid: true, ..ImportOptions::default() });
    assert!(report.stored);
    let ids: Vec<String> = register.sites().unwrap().into_iter().map(|site| site.id.to_string()).collect();
    assert_eq!(ids, ["good", "known"]);
    register.integrity_check().unwrap();
}

#[test]
fn limits_without_a_unit_take_that_of_the_column_or_the_option() {
    let folder = folder();
    let register = new_register(&folder);
    let table = |name: &str, column: &str| {
        let text = format!("id,wkt,number,valid_from,{column}\n{name},{SQUARE},M-1,2020-01-01 00:00:00,3\n");
        write(&folder, &format!("{name}.csv"), &text)
    };
    let limit = |name: &str| register.permits(&id(name)).unwrap()[0].limit_ha;
    assert!(import_with(&register, &table("a", "limit_ha"), &ImportOptions::default()).stored);
    assert!(import_with(&register, &table("b", "limit_km2"), &ImportOptions::default()).stored);
    assert!(!import_with(&register, &table("c", "limit"), &ImportOptions::default()).stored);
    let unit = ImportOptions { limit_unit: Some(AreaUnit::SquareKilometre), ..ImportOptions::default() };
    assert!(import_with(&register, &table("c", "limit"), &unit).stored);
    assert_eq!((limit("a"), limit("b"), limit("c")), (Some(3.0), Some(300.0), Some(300.0)));
}

#[test]
fn a_second_import_updates_if_asked_and_only_what_the_file_says() {
    let folder = folder();
    let register = new_register(&folder);
    let first = format!("name,operator,wkt\nAlpha,Us,{SQUARE}\nBeta,Us,{SQUARE}\nBeta,Them,{SQUARE}\n");
    let table = write(&folder, "a.csv", &first);
    assert_eq!(import_with(&register, &table, &ImportOptions::default()).count(Made::Added), 3);
    let ids = || register.summaries().unwrap().into_iter().map(|site| site.id.to_string()).collect::<Vec<_>>();
    assert_eq!(ids(), ["alpha", "beta", "beta-2"], "ids are made of names, and unique");
    register.add_permit(&permit("alpha", "M-1", date(2020, 1, 1), None)).unwrap();
    store(&register, &observation("alpha", date(2024, 5, 1)));

    let report = import_with(&register, &table, &ImportOptions::default());
    assert_eq!((report.failed.len(), report.stored), (3, false));
    assert!(report.failed[0].reason.contains("--update"), "{}", report.failed[0]);
    let update = ImportOptions { update: true, ..ImportOptions::default() };
    let report = import_with(&register, &table, &update);
    assert_eq!((report.count(Made::Unchanged), report.stored), (3, true));

    // Only names of permits: operator and boundary stay.
    let text = "id,number,valid_from,limit_ha\nalpha,M-1,2020-01-01,50\nbeta,M-5,2020-01-01,70\nbeta-2,,,\n";
    let table = write(&folder, "b.csv", text);
    let dry = ImportOptions { dry_run: true, ..update.clone() };
    let report = import_with(&register, &table, &dry);
    assert_eq!((report.count(Made::Updated), report.count(Made::Unchanged), report.stored), (2, 1, false));
    assert_eq!(register.permits(&id("alpha")).unwrap()[0].limit_ha, Some(120.0));
    let report = import_with(&register, &table, &update);
    assert_eq!((report.count(Made::Updated), report.count(Made::Unchanged)), (2, 1));
    let alpha = register.site(&id("alpha")).unwrap().unwrap();
    assert_eq!((alpha.name.as_str(), alpha.operator.as_deref()), ("Alpha", Some("Us")));
    let permits = register.permits(&id("alpha")).unwrap();
    assert_eq!((permits.len(), permits[0].limit_ha), (1, Some(50.0)));
    assert_eq!(register.observations(&id("alpha")).unwrap().len(), 1);
}

/// Two squares of one mine in EPSG:32610, a bow tie, a ring that goes round twice, a plant, and one without any outline.
fn features() -> String {
    let ring = |points: &[(f64, f64)]| -> Vec<[f64; 2]> {
        points.iter().map(|(x, y)| [600_000.0 + x, 5_500_000.0 + y]).collect()
    };
    let square = |x: f64| ring(&[(x, 0.0), (x + 100.0, 0.0), (x + 100.0, 100.0), (x, 100.0), (x, 0.0)]);
    let bow_tie = ring(&[(500.0, 0.0), (600.0, 100.0), (600.0, 0.0), (500.0, 100.0), (500.0, 0.0)]);
    let twice = ring(&[
        (700.0, 0.0),
        (800.0, 0.0),
        (800.0, 100.0),
        (720.0, 100.0),
        (720.0, 20.0),
        (760.0, 20.0),
        (760.0, 60.0),
        (700.0, 60.0),
        (700.0, 0.0),
    ]);
    let feature = |mine: &str, geometry: serde_json::Value| serde_json::json!({"type": "Feature", "properties": {"mine": mine, "COMPANY": "Us"}, "geometry": geometry});
    let polygon = |ring: Vec<[f64; 2]>| serde_json::json!({"type": "Polygon", "coordinates": [ring]});
    serde_json::json!({
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32610"}},
        "features": [
            feature("One", polygon(square(0.0))),
            feature("One", polygon(square(100.0))),
            feature("Tie", polygon(bow_tie)),
            feature("Twice", polygon(twice)),
            feature("Plant", serde_json::json!({"type": "Point", "coordinates": [600_000.0, 5_500_000.0]})),
            feature("Nowhere", serde_json::Value::Null),
        ],
    })
    .to_string()
}

#[test]
fn features_are_repaired_reprojected_united_and_refused_by_name() {
    let folder = folder();
    let register = new_register(&folder);
    let path = write(&folder, "mines.geojson", &features());
    let report = import_with(&register, &path, &ImportOptions::default());
    assert!(!report.stored);
    let failed: Vec<String> = report.failed.iter().map(ToString::to_string).collect();
    assert_eq!(failed.len(), 2, "{failed:?}");
    assert!(failed[0].starts_with("feature 3, site `Twice`: its boundary cannot be used"), "{failed:?}");
    assert_eq!(failed[1], "feature 5, site `nowhere`: it has no boundary, which every site needs");
    assert!(report.warnings[0].contains("1 Point"), "{:?}", report.warnings);

    let filter = Some("mine in (One, Tie)".parse().unwrap());
    let options = ImportOptions { filter, unite: true, status: Some(SiteStatus::Closed), ..ImportOptions::default() };
    let report = import_with(&register, &path, &options);
    assert!(report.stored && report.failed.is_empty(), "{report:?}");
    assert_eq!((report.filtered_out, report.count(Made::Added)), (3, 2));
    let tie = report.sites.iter().find(|site| site.id.as_str() == "tie").unwrap();
    assert!(tie.repairs.contains(&crate::labels::Repair::SelfIntersection), "{tie:?}");
    let one = register.site(&id("one")).unwrap().unwrap();
    assert_eq!((one.operator.as_deref(), one.status, one.boundary.0.len()), (Some("Us"), SiteStatus::Closed, 1));
    // Two squares of a hectare on the grid, where a hectare is 0.08 % larger than on the ground.
    let size = GeodesicMeter::new(&Crs::WGS84).unwrap().measure(&one.boundary).unwrap();
    assert!((size.area_m2 / 2e4 - 1.0).abs() < 2e-3, "{size:?}");
    let [west, south, ..] = one.bbox();
    assert!((west + 121.617).abs() < 0.01 && (south - 49.646).abs() < 0.01, "{:?}", one.bbox());

    let unnamed = ImportOptions { fields: Fields { id: Some("mines".to_owned()), ..Fields::default() }, ..options };
    let error = register.import(&path, &unnamed).unwrap_err().to_string();
    assert!(error.contains("no column `mines`") && error.contains("`mine`"), "{error}");
}

#[test]
fn outlines_become_permits_if_asked() {
    let folder = folder();
    let register = new_register(&folder);
    let text = format!("id,name,wkt,issued\nA.1,Alpha,{SQUARE},2022-12-31\nA.2,Alpha,{SQUARE},\n");
    let path = write(&folder, "a.csv", &text);
    let as_permits = ImportOptions { as_permits: true, ..ImportOptions::default() };
    let report = import_with(&register, &path, &as_permits);
    assert_eq!(report.failed.len(), 1);
    assert!(report.failed[0].reason.contains("`--valid-from` gives one for all"), "{}", report.failed[0]);
    let options = ImportOptions { valid_from: Some(date(2020, 1, 1)), ..as_permits };
    assert!(import_with(&register, &path, &options).stored);
    let first = &register.permits(&id("a.1")).unwrap()[0];
    assert_eq!((first.number.as_str(), first.valid_from, first.limit_ha), ("A.1", date(2022, 12, 31), None));
    assert_eq!(first.polygon.as_ref(), Some(&site("a").boundary));
    assert_eq!(register.permits(&id("a.2")).unwrap()[0].valid_from, date(2020, 1, 1));
}

#[test]
fn exports_are_read_again() {
    let folder = folder();
    let register = new_register(&folder);
    let with_polygon = Permit {
        polygon: Some(boundary_of_bbox([-121.19, 55.01, -121.11, 55.09])),
        document: Some("https://example.com/a, b.pdf".to_owned()),
        document_sha256: Some("cd".repeat(32)),
        ..permit("alpha", "M-1", date(2020, 1, 1), Some(date(2021, 12, 31)))
    };
    let across = Site { boundary: boundary_of_bbox([179.9, 65.0, 180.1, 65.1]), ..site("beta") };
    register.add_site_with_permit(&site("alpha"), &with_polygon).unwrap();
    register.add_permit(&permit("alpha", "M-2", date(2022, 1, 1), None)).unwrap();
    register.add_site(&across).unwrap();
    store(&register, &observation("alpha", date(2024, 5, 1)));

    let same = |other: &Register| {
        assert_eq!(other.sites().unwrap(), register.sites().unwrap());
        assert_eq!(other.permits(&id("alpha")).unwrap(), register.permits(&id("alpha")).unwrap());
    };
    let csv = folder.path().join("out.csv");
    std::fs::write(&csv, register.export_csv().unwrap()).unwrap();
    let second = Register::create(&folder.path().join("second.gpkg")).unwrap();
    let report = import_with(&second, &csv, &ImportOptions::default());
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    same(&second);

    for observations in [false, true] {
        let copy = folder.path().join(format!("copy-{observations}.gpkg"));
        register.export_geopackage(&copy, observations).unwrap();
        let copy = Register::open(&copy).unwrap();
        same(&copy);
        assert_eq!(copy.observations(&id("alpha")).unwrap().len(), usize::from(observations));
        copy.integrity_check().unwrap();
    }

    let json: serde_json::Value = serde_json::from_slice(&register.export_geojson(true).unwrap()).unwrap();
    let (alpha, beta) = (&json["features"][0], &json["features"][1]);
    assert_eq!(alpha["id"], "alpha");
    assert_eq!(alpha["properties"]["verdict"], "within");
    assert_eq!(alpha["properties"]["permits"][1]["number"], "M-2");
    assert_eq!(alpha["properties"]["all_observations"][0]["date"], "2024-05-01");
    assert_eq!(beta["geometry"]["coordinates"].as_array().unwrap().len(), 2, "cut at the antimeridian");
    let path = folder.path().join("out.geojson");
    std::fs::write(&path, json.to_string()).unwrap();
    let third = Register::create(&folder.path().join("third.gpkg")).unwrap();
    let report = import_with(&third, &path, &ImportOptions::default());
    assert!(report.stored, "{:?}", report.failed);
    assert_eq!(third.sites().unwrap().len(), 2);
    let [now] = &third.permits(&id("alpha")).unwrap()[..] else { panic!("the permit that holds") };
    assert_eq!((now.number.as_str(), now.valid_from, now.limit_ha), ("M-2", date(2022, 1, 1), Some(120.0)));
    let third_beta = third.site(&id("beta")).unwrap().unwrap();
    assert_eq!(third_beta.boundary.0.len(), 1, "joined again");

    let table = String::from_utf8(register.export_observations_csv().unwrap()).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[1].starts_with("alpha,2024-05-01,within,0.97,101,90.5,118.25,90,2020-01-01,2.5,,0,M-1,120,"),
        "{table}"
    );
}

/// The real file of permit boundaries.
#[test]
fn real_boundaries_are_imported() {
    let root = std::env::var_os("MINESEGSAT_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let path = root.join("mining_polygons/gem_coal_mine_boundaries_v1.0.2.geojson");
    if !path.exists() {
        println!("skipped: no {} (set MINESEGSAT_DATA)", path.display());
        return;
    }
    let folder = folder();
    let register = new_register(&folder);
    let filter = Some("\"Country / Area\" = Canada".parse().unwrap());
    let canada = ImportOptions { filter, commodity: Some("coal".to_owned()), ..ImportOptions::default() };
    let report = import_with(&register, &path, &canada);
    assert!(report.stored && report.failed.is_empty(), "{:?}", report.failed);
    let uses: Vec<String> = report.fields.iter().map(ToString::to_string).collect();
    assert_eq!(uses, ["id from `id` (guessed)", "name from `Mine Name` (guessed)", "operator from `Owners` (guessed)"]);
    let ids: Vec<String> = register.summaries().unwrap().into_iter().map(|site| site.id.to_string()).collect();
    let expected = ["m0140.b1", "m0140.b2", "m0140.b3", "m0142.b1", "m0142.b2", "m0146.b1", "m2348.b1", "m2348.b2"];
    assert_eq!(ids, expected);
    let greenhills = register.site(&id("m0146.b1")).unwrap().unwrap();
    assert_eq!((greenhills.name.as_str(), greenhills.commodity.as_deref()), ("Greenhills Coal Mine", Some("coal")));
    // "The approximate bounday area is 59 sq km", it says of Elkview.
    let elkview = register.site(&id("m0140.b1")).unwrap().unwrap();
    let size = GeodesicMeter::new(&Crs::WGS84).unwrap().measure(&elkview.boundary).unwrap();
    assert!((size.area_m2 / 59e6 - 1.0).abs() < 0.02, "{size:?}");

    // All parts of a mine as one site, with its permit.
    let fields = Fields { id: Some("GEM Mine ID".to_owned()), ..Fields::default() };
    let valid_from = Some(date(2022, 12, 31));
    let united = ImportOptions { fields, unite: true, as_permits: true, valid_from, ..canada.clone() };
    let report = import_with(&register, &path, &united);
    assert!(report.stored && report.failed.is_empty(), "{:?}", report.failed);
    assert_eq!(report.count(Made::Added), 4);
    assert_eq!(register.site(&id("m0140")).unwrap().unwrap().boundary.0.len(), 3);
    let permits = register.permits(&id("m0140")).unwrap();
    assert_eq!((permits.len(), permits[0].number.as_str()), (1, "M0140"));
    assert_eq!(permits[0].polygon.as_ref().unwrap().0.len(), 3);

    // One of the others crosses itself so that it can be read in two ways.
    let rest = ImportOptions { filter: None, update: true, skip_invalid: true, ..canada };
    let report = import_with(&register, &path, &rest);
    assert!(report.stored, "{:#?}", report.failed);
    let failed: Vec<&str> = report.failed.iter().filter_map(|row| row.site.as_deref()).collect();
    assert_eq!(failed, ["M1341.B1"]);
    assert_eq!((report.count(Made::Added), report.count(Made::Unchanged)), (324, 8));
    register.integrity_check().unwrap();
}

// ---- size and time

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
