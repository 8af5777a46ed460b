//! The register as a whole: rules and transactions.

use std::path::{Path, PathBuf};

use geo::{Area as _, MultiPolygon, Polygon, polygon};
use jiff::civil::{Date, date};
use proptest::prelude::*;
use rusqlite::Connection;

use super::schema::{MIGRATIONS, Migration};
use super::*;
use minesegsat_core::area::GeodesicMeter;
use minesegsat_vector::vector::read_area_of_interest;

mod damage;
mod edit;
mod file;
mod import;

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
        share_beyond_map: None,
        share_in_other_sites: None,
        share_disagreeing: None,
        boundary_sha256: None,
        permit_sha256: None,
        area: Some(Area { ha: 101.0, lower_ha: 90.5, upper_ha: 118.25 }),
        confidence_level_percent: 90.0,
        parts: None,
        details: None,
        seen_change: None,
        compared_with: Some(date(2020, 1, 1)),
        gain_ha: Some(2.5),
        loss_ha: None,
        outside_permit_ha: Some(0.0),
        permit: Some("M-1".to_owned()),
        limit_ha: Some(120.0),
        verdict: Verdict::Within,
        is_provisional: None,
        new_land: None,
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
    let on = |day| register.permits(&id("alpha")).unwrap().into_iter().find(|permit| permit.holds_on(day));
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
    refused(register.add_site(&at(line)), &["site `beta`", "encloses no area"]);
    // The ring winds twice, so its inside is ambiguous.
    let twice = polygon![
        (x: 7.00, y: 0.), (x: 7.08, y: 0.), (x: 7.08, y: 0.1), (x: 7.02, y: 0.1), (x: 7.02, y: 0.02), (x: 7.06, y: 0.02),
        (x: 7.06, y: 0.06), (x: 7.00, y: 0.06),
    ];
    refused(register.add_site(&at(twice)), &["site `beta`", "two readings"]);
    assert_eq!(register.sites().unwrap().len(), 1);
    // A bow tie can be repaired unambiguously.
    let bow_tie = polygon![(x: 7.0, y: 50.), (x: 7.1, y: 50.1), (x: 7.1, y: 50.), (x: 7.0, y: 50.1)];
    assert_eq!(register.add_site(&at(bow_tie)).unwrap(), [minesegsat_vector::labels::Repair::SelfIntersection]);
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
    let on = |day| {
        let permits = register.permits(&id("alpha")).unwrap();
        permits.into_iter().find(|permit| permit.holds_on(day)).unwrap().number
    };
    assert_eq!((on(date(2029, 12, 31)), on(date(2030, 1, 1))), ("M-2".to_owned(), "M-3".to_owned()));
    // The file has the rule as a constraint too, for other programs that edit it.
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
    // Each case writes at least one file.
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// For any permits in any order: at most one is valid on each day, and every rejected permit would have overlapped.
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
    /// An id derived from any text is valid, and an id derived from an id is the same id.
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
    refused(register.remove_site(&id("alpha"), false), &["site `alpha`", "1 observation, which would be lost"]);
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
    refused(register.known_site(&id("zzz")), &["among the 4 sites"]);
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
    let estimated = Area { ha: 99.0, lower_ha: 89.0, upper_ha: 110.0 };
    let parts =
        AreaParts { mapped_ha: 95.0, estimated, assumed_ha: 2.0, inside_permit_ha: Some(95.0), outside_site_ha: 0.0 };
    let newest = Observation { verdict, parts: Some(parts), ..observation("alpha", date(2024, 6, 1)) };
    store(&register, &newest);
    store(&register, &observation("alpha", date(2024, 4, 1)));
    let [alpha, beta] = &register.read_summaries_on(date(2024, 7, 1)).unwrap().rows[..] else { panic!("two sites") };
    assert_eq!((alpha.permit.as_deref(), alpha.limit_ha, alpha.observations), (Some("M-2"), Some(200.0), 3));
    let (mapped_ha, assumed_ha) = (Some(95.0), Some(2.0));
    let last = LastSeen { date: date(2024, 6, 1), area: newest.area, mapped_ha, assumed_ha, verdict };
    assert_eq!(alpha.last, Some(last));
    assert_eq!((&beta.permit, beta.limit_ha, beta.observations, &beta.last), (&None, None, 0, &None));
    let before = register.read_summaries_on(date(2020, 7, 1)).unwrap().rows;
    assert_eq!(before[0].permit.as_deref(), Some("M-1"));
    assert_eq!(register.summaries().unwrap().len(), 2);
}
