//! Tests of import and export of sites and permits.

use minesegsat_core::Setting;

use super::*;

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
    assert_eq!((report.read, report.count(ImportOutcome::Added)), (3, 2));
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
             far,,,7,50,1000000000,,,,\n"
        ),
    );
    let expected = [
        ("line 3", "nowhere", "no boundary"),
        ("line 4", "good", "line 2 has the id `good` as well"),
        ("line 5", "odd", "status `open` is not accepted: active, planned"),
        ("line 6", "known", "has a site of this id already"),
        ("line 7", "bare", "limit `120` is not accepted: it has no unit"),
        ("line 8", "below", "limit `-3 ha` is not accepted: 0 or more"),
        ("line 9", "back", "ends before it begins"),
        ("line 10", "twice", "permits `M-1` (2020-01-01 to open end) and `M-2` (2021-01-01 to open end) overlap"),
        ("line 12", "undated", "permit `M-1` has no first day"),
        ("line 13", "misdated", "`01/02/2020` is not a date"),
        ("line 14", "numberless", "no permit number"),
        ("line 15", "point", "is not a polygon"),
        ("line 16", "halved", "a `radius_m`"),
        ("line 17", "words", "not well-known text"),
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
fn usual_names_of_four_languages_are_known_and_the_rest_is_named() {
    for (number, header) in [
        "site_name,operator,permit_no,valid_from,valid_to,area_limit_ha,status,notes",
        "Nom du site,Exploitant,N° permis,Date début,Date fin,Superficie autorisée (ha),Statut,notes",
        "Nombre,Operador,Número permiso,Fecha inicio,Fecha fin,Límite ha,Situación,notes",
        "Nome,Operadora,Número licença,Início vigência,Data fim,Área autorizada ha,Situação,notes",
    ]
    .into_iter()
    .enumerate()
    {
        let folder = folder();
        let register = new_register(&folder);
        let rows = format!("{header},wkt\nAlpha,Us,M-1,2020-01-01,2021-12-31,\"1.200,5\",closed,x,{SQUARE}\n");
        let report = import_with(&register, &write(&folder, "a.csv", &rows), &ImportOptions::default());
        assert!(report.stored, "{header}: {report:?}");
        assert_eq!(report.unused, ["notes"], "{header}");
        let alpha = register.site(&id("alpha")).unwrap().unwrap();
        let expected = ("Alpha", Some("Us"), SiteStatus::Closed);
        assert_eq!((alpha.name.as_str(), alpha.operator.as_deref(), alpha.status), expected, "{number}");
        let permit = &register.permits(&id("alpha")).unwrap()[0];
        let days = (permit.valid_from, permit.valid_to);
        assert_eq!(days, (date(2020, 1, 1), Some(date(2021, 12, 31))), "{header}");
        assert_eq!((permit.number.as_str(), permit.limit_ha), ("M-1", Some(1200.5)), "{header}");
    }
}

#[test]
fn two_columns_for_one_meaning_are_refused_unless_they_agree_or_one_is_named() {
    let folder = folder();
    let register = new_register(&folder);
    let text = |other: &str| format!("id,name,site_name,wkt\na,Alpha,{other},{SQUARE}\n");
    let path = write(&folder, "a.csv", &text("Other"));
    let error = register.import(&path, &ImportOptions::default()).unwrap_err();
    assert!(error.to_string().contains("`name` and `site_name`"), "{error}");
    assert_eq!(error.setting(), Some(Setting::Column("name")));
    let fields = Fields { name: Some("site_name".to_owned()), ..Fields::default() };
    let report = import_with(&register, &path, &ImportOptions { fields, ..ImportOptions::default() });
    assert_eq!((report.sites[0].name.as_str(), &report.unused), ("Other", &vec!["name".to_owned()]));
    let same = write(&folder, "b.csv", &text("Alpha").replace("\na,", "\nb,"));
    let report = import_with(&register, &same, &ImportOptions::default());
    assert_eq!((report.sites[0].name.as_str(), &report.unused), ("Alpha", &vec!["site_name".to_owned()]));
}

#[test]
fn dates_without_a_permit_are_named_as_not_used() {
    let folder = folder();
    let register = new_register(&folder);
    let text = format!("name,start_date,document,wkt\nAlpha,2020-01-01,a.pdf,{SQUARE}\n");
    let report = import_with(&register, &write(&folder, "a.csv", &text), &ImportOptions::default());
    assert!(report.stored && report.warnings.is_empty(), "{report:?}");
    assert_eq!(report.unused, ["start_date", "document"]);
}

#[test]
fn a_radius_with_two_readings_is_not_decided_by_the_degrees() {
    let folder = folder();
    let register = new_register(&folder);
    let text = |more: &str| format!("name;longitude;latitude;radius_m\nAlpha;7.5;50.25;1.200\n{more}");
    let path = write(&folder, "a.csv", &text(""));
    let report = import_with(&register, &path, &ImportOptions::default());
    assert!(report.failed[0].reason.contains("its radius `1.200` has two readings"), "{}", report.failed[0]);
    let path = write(&folder, "b.csv", &text("Beta;7.5;50.25;1.500,5\n"));
    assert!(import_with(&register, &path, &ImportOptions::default()).stored);
    let [west, _, east, _] = register.site(&id("alpha")).unwrap().unwrap().bbox();
    assert!((east - west - 0.0337).abs() < 1e-3, "{west} {east}");
}

#[test]
fn a_second_import_updates_if_asked_and_only_what_the_file_says() {
    let folder = folder();
    let register = new_register(&folder);
    let first = format!("name,operator,wkt\nAlpha,Us,{SQUARE}\nBeta,Us,{SQUARE}\nBeta,Them,{SQUARE}\n");
    let table = write(&folder, "a.csv", &first);
    assert_eq!(import_with(&register, &table, &ImportOptions::default()).count(ImportOutcome::Added), 3);
    let ids = || register.summaries().unwrap().into_iter().map(|site| site.id.to_string()).collect::<Vec<_>>();
    assert_eq!(ids(), ["alpha", "beta", "beta-2"], "ids are made of names, and unique");
    register.add_permit(&permit("alpha", "M-1", date(2020, 1, 1), None)).unwrap();
    store(&register, &observation("alpha", date(2024, 5, 1)));

    let report = import_with(&register, &table, &ImportOptions::default());
    assert_eq!((report.failed.len(), report.stored), (3, false));
    assert_eq!(report.failed[0].setting, Some(Setting::Update), "{}", report.failed[0]);
    let update = ImportOptions { update: true, ..ImportOptions::default() };
    let report = import_with(&register, &table, &update);
    assert_eq!((report.count(ImportOutcome::Unchanged), report.stored), (3, true));

    // The file has permits only: operator and boundary stay.
    let text = "id,number,valid_from,limit_ha\nalpha,M-1,2020-01-01,50\nbeta,M-5,2020-01-01,70\nbeta-2,,,\n";
    let table = write(&folder, "b.csv", text);
    let dry = ImportOptions { dry_run: true, ..update.clone() };
    let report = import_with(&register, &table, &dry);
    assert_eq!(
        (report.count(ImportOutcome::Updated), report.count(ImportOutcome::Unchanged), report.stored),
        (2, 1, false)
    );
    assert_eq!(register.permits(&id("alpha")).unwrap()[0].limit_ha, Some(120.0));
    let report = import_with(&register, &table, &update);
    assert_eq!((report.count(ImportOutcome::Updated), report.count(ImportOutcome::Unchanged)), (2, 1));
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
    assert_eq!(failed[1], "feature 5, site `nowhere`: it has no boundary; every site needs one");
    assert!(report.warnings[0].contains("1 Point"), "{:?}", report.warnings);

    let filter = Some("mine in (One, Tie)".parse().unwrap());
    let options = ImportOptions { filter, unite: true, status: Some(SiteStatus::Closed), ..ImportOptions::default() };
    let report = import_with(&register, &path, &options);
    assert!(report.stored && report.failed.is_empty(), "{report:?}");
    assert_eq!((report.filtered_out, report.count(ImportOutcome::Added)), (3, 2));
    let tie = report.sites.iter().find(|site| site.id.as_str() == "tie").unwrap();
    assert!(tie.repairs.contains(&minesegsat_vector::labels::Repair::SelfIntersection), "{tie:?}");
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
    assert!(report.failed[0].reason.contains("permit `A.2` has no first day"), "{}", report.failed[0]);
    assert_eq!(report.failed[0].setting, Some(Setting::ValidFrom));
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
    let name = "mining_polygons/gem_coal_mine_boundaries_v1.0.2.geojson";
    let Some(path) = minesegsat_testing::reference::real_data(name) else { return };
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

    // All parts of a mine become one site with its permit.
    let fields = Fields { id: Some("GEM Mine ID".to_owned()), ..Fields::default() };
    let valid_from = Some(date(2022, 12, 31));
    let united = ImportOptions { fields, unite: true, as_permits: true, valid_from, ..canada.clone() };
    let report = import_with(&register, &path, &united);
    assert!(report.stored && report.failed.is_empty(), "{:?}", report.failed);
    assert_eq!(report.count(ImportOutcome::Added), 4);
    assert_eq!(register.site(&id("m0140")).unwrap().unwrap().boundary.0.len(), 3);
    let permits = register.permits(&id("m0140")).unwrap();
    assert_eq!((permits.len(), permits[0].number.as_str()), (1, "M0140"));
    assert_eq!(permits[0].polygon.as_ref().unwrap().0.len(), 3);

    // One of the others crosses itself ambiguously.
    let rest = ImportOptions { filter: None, update: true, skip_invalid: true, ..canada };
    let report = import_with(&register, &path, &rest);
    assert!(report.stored, "{:#?}", report.failed);
    let failed: Vec<&str> = report.failed.iter().filter_map(|row| row.site.as_deref()).collect();
    assert_eq!(failed, ["M1341.B1"]);
    assert_eq!((report.count(ImportOutcome::Added), report.count(ImportOutcome::Unchanged)), (324, 8));
    register.integrity_check().unwrap();
}
