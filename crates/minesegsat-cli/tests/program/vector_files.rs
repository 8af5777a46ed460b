//! Vector files and tables as other programs write them, damaged, cut off and hostile ones among them, on the built program.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::support::{Done, run};
use minesegsat_testing::reference::case;
use serde_json::{Value, json};

/// Hectares of the three squares that most of the cases hold, by pyproj 3.7.2 (`Geod(ellps="WGS84")`).
const SQUARES_HA: [f64; 3] = [142.463_445, 142.287_375, 142.111_192];

fn all_squares_ha() -> f64 {
    SQUARES_HA.iter().sum()
}

/// `labels info --json` of a file.
fn info(file: &Path, more: &[&str]) -> Done {
    let mut arguments = vec!["labels", "info", file.to_str().unwrap(), "--json"];
    arguments.extend(more);
    run(arguments)
}

/// The summary of a file that holds the three squares: their area is right to a thousandth.
#[track_caller]
fn squares(file: &Path, more: &[&str]) -> Value {
    summary(file, more, 3, all_squares_ha())
}

#[track_caller]
fn summary(file: &Path, more: &[&str], features: usize, area_ha: f64) -> Value {
    let summary = info(file, more).succeeded().json();
    assert_eq!(summary["report"]["kept"], features, "{summary:#}");
    let found = summary["area_ha"].as_f64().unwrap();
    assert!((found / area_ha - 1.0).abs() < 1e-3, "{} has {found} ha instead of {area_ha}", file.display());
    summary
}

/// Examples of an attribute.
fn examples<'a>(summary: &'a Value, name: &str) -> &'a Value {
    let attributes = summary["attributes"].as_array().unwrap();
    &attributes.iter().find(|attribute| attribute["name"] == name).unwrap_or_else(|| panic!("{summary:#}"))["examples"]
}

fn warnings(summary: &Value) -> String {
    summary["report"]["warnings"].to_string()
}

/// `sites import` into a new register.
fn import(file: &Path, more: &[&str]) -> (Done, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let register = folder.path().join("r.gpkg");
    let mut arguments =
        vec!["sites", "import", file.to_str().unwrap(), "--json", "--register", register.to_str().unwrap()];
    arguments.extend(more);
    (run(arguments), folder)
}

fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path
}

fn zip_of(folder: &Path, name: &str, files: &[(&str, &[u8])]) -> PathBuf {
    let path = folder.join(name);
    let mut archive = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    for (name, content) in files {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap();
    path
}

fn ring(west: f64, south: f64, width: f64, height: f64) -> Value {
    let (east, north) = (west + width, south + height);
    json!([[west, south], [east, south], [east, north], [west, north], [west, south]])
}

fn feature(properties: Value, west: f64, south: f64) -> Value {
    json!({"type": "Feature", "properties": properties,
        "geometry": {"type": "Polygon", "coordinates": [ring(west, south, 0.02, 0.01)]}})
}

/// The three squares with sites A, B and C.
fn collection() -> Value {
    let squares = [("A", -121.2, 55.0), ("B", -121.1, 55.05), ("C", -121.0, 55.1)];
    let features: Vec<Value> = squares.iter().map(|(site, x, y)| feature(json!({"site": site}), *x, *y)).collect();
    json!({"type": "FeatureCollection", "features": features})
}

#[test]
fn cases_in_further_formats_hold_the_same_squares() {
    for name in [
        "gpkg.zip",
        "mac.zip",
        "comp_lz4.parquet",
        "duck_native_NONE.parquet",
        "duck_interval.parquet",
        "ns.parquet",
        "ewkbz.gpkg",
        "wal.gpkg",
        "esri102001.gpkg",
        "gjcrs_epsg_uri.geojson",
        "gjcrs_epsg_gml.geojson",
        "epoch_ms.geojson",
        "shp_nodbf/m.shp",
        "shp_system/m.shp",
        "shp_437/m.shp",
        "shp_850/m.shp",
        "shp_ldid437/m.shp",
        "shp_ldid850/m.shp",
    ] {
        let Some(file) = case(&format!("vectors/{name}")) else { return };
        squares(&file, &[]);
    }
    let Some(file) = case("vectors/gj.zip") else { return };
    summary(&file, &[], 1, SQUARES_HA[0] + SQUARES_HA[1]);
    let Some(file) = case("vectors/esri.json") else { return };
    let summary_of = summary(&file, &[], 1, SQUARES_HA[0]);
    assert_eq!((&summary_of["crs"]["code"], examples(&summary_of, "site")), (&json!("EPSG:3005"), &json!(["a"])));
    summary(&case("vectors/permit.kml").unwrap(), &[], 1, 7_115.246_678);
    summary(&case("vectors/znull.geojson").unwrap(), &[], 1, 7_115.246_678 / 2.0);
    // A view with a condition: two of three mines.
    let active =
        summary(&case("vectors/view_fid.gpkg").unwrap(), &["--layer", "active"], 2, SQUARES_HA[1] + SQUARES_HA[2]);
    assert_eq!(active["source"]["layer"], "active");
    let times = squares(&case("vectors/ns.parquet").unwrap(), &[]);
    assert_eq!(examples(&times, "d")[0], "2024-05-01T12:00:00Z");
}

#[test]
fn texts_in_code_pages_are_read_as_they_were_written() {
    for name in ["shp_system", "shp_437", "shp_850", "shp_ldid437", "shp_ldid850"] {
        let Some(file) = case(&format!("vectors/{name}/m.shp")) else { return };
        let summary = squares(&file, &[]);
        let names = examples(&summary, "site").to_string();
        assert!(names.contains("Québec") && names.contains("Écluse") && names.contains("Noël"), "{name}: {names}");
    }
    let guessed = squares(&case("vectors/shp_system/m.shp").unwrap(), &[]);
    assert!(warnings(&guessed).contains("windows-1252 was assumed"), "{guessed:#}");
}

#[test]
fn texts_of_crs_in_the_words_of_esri_are_their_epsg_codes() {
    for code in [2180, 2953, 2954] {
        let Some(file) = case(&format!("vectors/prj_EPSG_{code}/m.shp")) else { return };
        let summary = info(&file, &[]).succeeded().json();
        assert_eq!(summary["crs"]["code"], format!("EPSG:{code}"), "{summary:#}");
    }
}

#[test]
fn answers_that_were_cut_off_are_refused_until_the_user_accepts_them() {
    let folder = tempfile::tempdir().unwrap();
    let with = |name: &str, member: &str, value: Value| {
        let mut whole = collection();
        whole[member] = value;
        write(folder.path(), name, whole.to_string())
    };
    let mut files = vec![
        with("top.geojson", "exceededTransferLimit", json!(true)),
        with("properties.geojson", "properties", json!({"exceededTransferLimit": true})),
        with("matched.geojson", "numberMatched", json!(4)),
        with("next.geojson", "links", json!([{"rel": "self", "href": "a"}, {"rel": "next", "href": "b"}])),
    ];
    for name in ["esri_limit_props", "wfs_limit"] {
        files.extend(case(&format!("vectors/{name}.geojson")));
    }
    let mut esri: Value = json!({"spatialReference": {"wkid": 4326}, "exceededTransferLimit": true, "features": []});
    for (site, x, y) in [("A", -121.2, 55.0), ("B", -121.1, 55.05), ("C", -121.0, 55.1)] {
        let one = json!({"attributes": {"site": site}, "geometry": {"rings": [ring(x, y, 0.02, 0.01)]}});
        esri["features"].as_array_mut().unwrap().push(one);
    }
    files.push(write(folder.path(), "esri.json", esri.to_string()));
    for file in &files {
        assert!(warnings(&squares(file, &[])).contains("the file is incomplete: "), "{}", file.display());
        let hint = "hint: `--allow-incomplete`";
        let (done, _register) = import(file, &["--id-field", "site"]);
        done.failed(1, &["it is incomplete: ", hint]);
        run([
            "search",
            "--api",
            "http://127.0.0.1:9",
            "--intersects",
            file.to_str().unwrap(),
            "--datetime",
            "2021-01-01/2021-02-01",
        ])
        .failed(1, &["it is incomplete: "]);
        let (done, _register) = import(file, &["--id-field", "site", "--allow-incomplete"]);
        let done = done.succeeded();
        assert_eq!(done.json()["added"], 3);
        assert!(done.stderr.contains("the file is incomplete: "), "{}", done.stderr);
    }
    // Whole answers say so too.
    for whole in [
        with("all.geojson", "numberMatched", json!(3)),
        with("unknown.geojson", "totalFeatures", json!("unknown")),
        with("false.geojson", "exceededTransferLimit", json!(false)),
        with("last.geojson", "links", json!([{"rel": "prev", "href": "a"}])),
    ] {
        let (done, _register) = import(&whole, &["--id-field", "site"]);
        assert_eq!(done.succeeded().json()["added"], 3);
    }
}

#[test]
fn two_features_of_one_id_are_said_and_named_apart() {
    let Some(file) = case("vectors/dup_ids2.geojson") else { return };
    let (done, _register) = import(&file, &["--id-field", "site"]);
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("several features have the same id: `7`"), "{}", done.stderr);
    assert!(done.stderr.contains("feature 7 (number 1), site `bad-one`"), "{}", done.stderr);
    assert!(!done.stderr.contains("good-one"), "{}", done.stderr);
    let (done, register) = import(&file, &["--id-field", "site", "--skip-invalid"]);
    assert_eq!(done.succeeded().json()["added"], 2);
    drop(register);
    // A feature without geometry and another one with its number as id.
    let Some(file) = case("vectors/mixed_ids.geojson") else { return };
    let folder = tempfile::tempdir().unwrap();
    let register = folder.path().join("r.gpkg");
    let register = register.to_str().unwrap();
    for (id, west) in [("alpha", "-121.3,55,-121.2,55.1"), ("beta", "-121,55,-120.9,55.1")] {
        run(["sites", "add", id, "--bbox", west, "--register", register]).succeeded();
    }
    let arguments =
        ["sites", "import", file.to_str().unwrap(), "--id-field", "site", "--update", "--register", register];
    run(arguments).succeeded();
    let listed = run(["sites", "list", "--json", "--register", register]).succeeded().stdout;
    assert!(listed.contains("P-A") && listed.contains("P-B"), "{listed}");
}

#[test]
fn a_damaged_feature_is_dropped_by_name_and_the_rest_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let mut damaged = collection();
    let mut other = feature(json!({"site": "D"}), -121.3, 55.0);
    other["geometry"]["coordinates"][0][1] = json!([null, 55.0]);
    damaged["features"].as_array_mut().unwrap().push(other);
    damaged["features"].as_array_mut().unwrap().push(json!({"type": "Feature", "properties": {}, "geometry": "lost"}));
    let file = write(folder.path(), "damaged.geojson", damaged.to_string());
    let summary = squares(&file, &[]);
    let dropped = summary["report"]["dropped"].to_string();
    assert!(dropped.contains("a position has fewer than two numbers"), "{dropped}");
    assert!(dropped.contains("its geometry is not an object"), "{dropped}");
    // One line of a file with a feature per line.
    let lines: Vec<String> = collection()["features"].as_array().unwrap().iter().map(ToString::to_string).collect();
    let text = format!("{}\n{}\n{}\n{}", lines[0], &lines[0][..40], lines[1], lines[2]);
    let summary = squares(&write(folder.path(), "lines.geojsonl", text), &[]);
    assert!(summary["report"]["dropped"].to_string().contains("line 2 is not valid GeoJSON"), "{summary:#}");
}

#[test]
fn text_after_a_date_is_not_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let row = |dates: &str| {
        format!(
            "id,permit,valid_from,limit_ha,wkt\nm0,P-0,{dates},10,\"POLYGON ((-121.2 55, -121.18 55, -121.18 55.01, -121.2 55))\"\n"
        )
    };
    for text in ["2021-01-01 to 2022-12-31", "2021-01-01/2022-12-31", "2021-01-01 or later"] {
        let (done, _register) = import(&write(folder.path(), "dates.csv", row(text)), &[]);
        assert_eq!(done.code, Some(1), "{text}");
        assert!(done.stderr.contains(&format!("line 2, site `m0`: `{text}` is not a date")), "{}", done.stderr);
    }
    for text in ["2021-01-01", "2021-01-01T00:00:00Z", "2021-01-01 12:30"] {
        let (done, _register) = import(&write(folder.path(), "dates.csv", row(text)), &[]);
        assert_eq!(done.succeeded().json()["added"], 1, "{text}");
    }
    let Some(file) = case("vectors/epoch_ms.geojson") else { return };
    let (done, register) = import(&file, &[]);
    let done = done.succeeded();
    assert!(done.stderr.contains("dates of permit `C-A` are milliseconds"), "{}", done.stderr);
    let register = register.path().join("r.gpkg");
    let shown = run(["sites", "show", "a", "--json", "--register", register.to_str().unwrap()]).succeeded().json();
    assert_eq!(shown["permits"][0]["valid_from"], "2021-01-01", "{shown}");
}

#[test]
fn separators_of_thousands_are_understood_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let table = |limits: [&str; 2]| {
        let row = |id: &str, west: f64, limit: &str| {
            let east = west + 0.02;
            format!("{id};P-{id};2021-01-01;{limit};\"POLYGON (({west} 55, {east} 55, {east} 55.01, {west} 55))\"\n")
        };
        let text = row("a", -121.2, limits[0]) + &row("b", -121.1, limits[1]);
        write(folder.path(), "limits.csv", format!("id;permit;valid_from;limit_ha;wkt\n{text}"))
    };
    let limits_with = |file: &Path, more: &[&str]| -> Vec<f64> {
        let (done, register) = import(file, more);
        done.succeeded();
        let register = register.path().join("r.gpkg");
        let sites = run(["sites", "list", "--json", "--register", register.to_str().unwrap()]).succeeded().json();
        let limit = |site: &Value| {
            let text = site.to_string();
            let at = text.find("\"limit_ha\":").unwrap() + 11;
            text[at..].split([',', '}']).next().unwrap().parse().unwrap()
        };
        let sites = sites["sites"].as_array().or(sites.as_array()).unwrap().clone();
        sites.iter().map(limit).collect()
    };
    let limits = |file: &Path| limits_with(file, &[]);
    let unclear = table(["1.200", "3.400"]);
    let (done, _register) = import(&unclear, &[]);
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("`1.200` has two readings, 1.2 and 1200"), "{}", done.stderr);
    assert!(done.stderr.contains("hint: `--decimal-mark .`"), "{}", done.stderr);
    assert_eq!(limits_with(&unclear, &["--decimal-mark", "."]), [1.2, 3.4]);
    assert_eq!(limits_with(&unclear, &["--decimal-mark", ","]), [1200.0, 3400.0]);
    assert_eq!(limits(&table(["1.200", "3,5"])), [1200.0, 3.5]);
    assert_eq!(limits(&table(["1.200", "3.5"])), [1.2, 3.5]);
    assert_eq!(limits(&table(["1 200", "1'250.5"])), [1200.0, 1250.5]);
    assert_eq!(limits(&table(["1.200,5", "7"])), [1200.5, 7.0]);
    // Numbers that are numbers in the file have one reading.
    let mut numbers = collection();
    for (place, limit) in [1.2, 1.234, 10.0].into_iter().enumerate() {
        let site = numbers["features"][place]["properties"]["site"].clone();
        numbers["features"][place]["properties"] =
            json!({"id": site, "permit": site, "valid_from": "2021-01-01", "limit_ha": limit});
    }
    assert_eq!(limits(&write(folder.path(), "numbers.geojson", numbers.to_string())), [1.2, 1.234, 10.0]);
}

#[test]
fn separators_of_columns_are_those_that_fit() {
    for name in ["sepline.csv", "commas_in_header.csv", "pass/semi_bom_crlf.csv", "pass/utf16.csv"] {
        let Some(file) = case(&format!("vectors/{name}")) else { return };
        let (done, _register) = import(&file, &[]);
        let report = done.succeeded().json();
        assert_eq!(
            (&report["added"], report["report"]["sites"][2]["permits"].as_u64()),
            (&json!(3), Some(1)),
            "{name}"
        );
    }
    let Some(file) = case("vectors/pass/decimal_comma.csv") else { return };
    let (done, register) = import(&file, &[]);
    done.succeeded();
    let register = register.path().join("r.gpkg");
    let sites = run(["sites", "list", "--json", "--register", register.to_str().unwrap()]).succeeded().stdout;
    assert!(sites.contains("120.5"), "{sites}");
    // An unquoted decimal comma in a table with commas shifts all cells after it.
    let folder = tempfile::tempdir().unwrap();
    let table = "id,longitude,latitude,radius_m\na,-121,2,55,0,500\nb,-121.5,55,500\n";
    let (done, _register) = import(&write(folder.path(), "shifted.csv", table), &[]);
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("line 2, site `a`: it has 6 cells, and the header 4 columns"), "{}", done.stderr);
}

#[test]
fn hostile_files_end_with_an_error_that_names_them() {
    let refused = |file: &Path, done: Done, said: &str| {
        let name = file.file_name().unwrap().to_str().unwrap();
        done.failed(1, &[name, said]);
    };
    let Some(far) = case("hostile/far_merc.geojson") else { return };
    let outside = "lies outside the area of EPSG:3857";
    refused(&far, info(&far, &[]), outside);
    refused(&far, import(&far, &[]).0, outside);
    let search = ["search", "--api", "http://127.0.0.1:9", "--datetime", "2021-01-01/2021-02-01", "--intersects"];
    refused(&far, run(search.into_iter().chain([far.to_str().unwrap()])), outside);
    let parquet = case("hostile/parquet-panic-92c85324.parquet").unwrap();
    let done = info(&parquet, &[]);
    assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
    assert!(done.code == Some(0) || done.stderr.contains("parquet-panic-92c85324.parquet"), "{}", done.stderr);
    let fgb = case("hostile/fgb-mem-4c33bff1.fgb").unwrap();
    refused(&fgb, info(&fgb, &[]), "it is damaged");
    let archive = case("hostile/zipshp-panic-5f60ece1.zip").unwrap();
    let done = info(&archive, &[]);
    assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
    // The same text beside a whole shapefile.
    let folder = tempfile::tempdir().unwrap();
    for part in ["shp", "shx", "dbf"] {
        let from = case(&format!("vectors/shp_850/m.{part}")).unwrap();
        fs::copy(from, folder.path().join(format!("a.{part}"))).unwrap();
    }
    fs::copy(case("hostile/wkt_non_ascii.prj").unwrap(), folder.path().join("a.prj")).unwrap();
    let file = folder.path().join("a.shp");
    refused(&file, info(&file, &[]), "its CRS is not well-known text");
    let deep = case("hostile/deepwkt.csv").unwrap();
    let (done, _register) = import(&deep, &[]);
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(done.stderr.contains("is nested more than 32 deep"), "{}", done.stderr);
}

#[test]
fn nesting_and_sizes_are_limited_in_all_formats() {
    let folder = tempfile::tempdir().unwrap();
    let depth = 20_000;
    let json = format!(
        "{}{{\"type\":\"Point\",\"coordinates\":[1,2]}}{}",
        "{\"type\":\"GeometryCollection\",\"geometries\":[".repeat(depth),
        "]}".repeat(depth)
    );
    let file = write(folder.path(), "deep.geojson", json);
    info(&file, &[]).failed(1, &["deep.geojson", "recursion limit"]);
    let kml = format!("<kml><Document>{}", "<Folder>".repeat(depth));
    let file = write(folder.path(), "deep.kml", kml);
    info(&file, &[]).failed(1, &["deep.kml", "nested more than 64 deep"]);
    // 300 MB of zeros in 300 kB.
    let zeros = vec![b' '; 300 << 20];
    let file = zip_of(folder.path(), "bomb.zip", &[("a.geojson", &zeros)]);
    info(&file, &[]).failed(1, &["bomb.zip", "unpack it first"]);
    // Far positions in a table, and one feature among others.
    let table = "id,wkt\na,\"POLYGON ((500000 5500000, 1e12 5500000, 1e12 1e11, 500000 5500000))\"\n";
    let (done, _register) = import(&write(folder.path(), "far.csv", table), &["--crs", "EPSG:3857"]);
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("longer than the Earth"), "{}", done.stderr);
    let mut mixed = json!({"type": "FeatureCollection", "features": [],
        "crs": {"type": "name", "properties": {"name": "EPSG:3857"}}});
    for (west, side) in [(-13_500_000.0, 1000.0), (-13_400_000.0, 1000.0), (-13_300_000.0, 1e12)] {
        let shape = json!({"type": "Polygon", "coordinates": [ring(west, 7_300_000.0, side, side)]});
        mixed["features"].as_array_mut().unwrap().push(json!({"type": "Feature", "properties": {}, "geometry": shape}));
    }
    let summary = info(&write(folder.path(), "mixed.geojson", mixed.to_string()), &[]).succeeded().json();
    assert_eq!(summary["report"]["kept"], 2);
    assert!(summary["report"]["dropped"].to_string().contains("lies outside the area of EPSG:3857"), "{summary:#}");
}

#[test]
fn own_files_in_further_formats_hold_the_same_squares() {
    let folder = tempfile::tempdir().unwrap();
    let text = collection().to_string();
    let wide: Vec<u8> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    squares(&write(folder.path(), "wide.geojson", &wide), &[]);
    squares(
        &zip_of(
            folder.path(),
            "wide.zip",
            &[("a/", b""), ("a/mines.geojson", &wide), ("__MACOSX/a/._mines.geojson", b"x")],
        ),
        &[],
    );
    let placemark = |site: &str, west: f64, south: f64| {
        let ring = ring(west, south, 0.02, 0.01);
        let positions: Vec<String> = ring.as_array().unwrap().iter().map(|p| format!("{},{},0", p[0], p[1])).collect();
        format!(
            "<Placemark id=\"p{site}\"><name>{site} &amp; Co</name><ExtendedData><Data name=\"phase\"><value>7</value></Data>\
             </ExtendedData><MultiGeometry><Point><coordinates>1,2</coordinates></Point><Polygon><outerBoundaryIs><LinearRing>\
             <coordinates>\n{}\n</coordinates></LinearRing></outerBoundaryIs></Polygon></MultiGeometry></Placemark>",
            positions.join(" ")
        )
    };
    let kml = format!(
        "<?xml version=\"1.0\"?><kml xmlns=\"http://www.opengis.net/kml/2.2\"><Document><Folder>{}{}{}</Folder></Document></kml>",
        placemark("A", -121.2, 55.0),
        placemark("B", -121.1, 55.05),
        placemark("C", -121.0, 55.1)
    );
    let file = zip_of(folder.path(), "permit.kmz", &[("doc.kml", kml.as_bytes()), ("files/icon.png", b"x")]);
    let summary = squares(&file, &[]);
    assert_eq!(examples(&summary, "name"), &json!(["A & Co", "B & Co", "C & Co"]));
    assert_eq!(examples(&summary, "phase"), &json!(["7"]));
    let (done, _register) = import(&file, &[]);
    assert_eq!(done.succeeded().json()["report"]["sites"][0]["id"], "a-co");
    // The same door in a search, which has no server to ask.
    let said = run([
        "search",
        "--api",
        "http://127.0.0.1:9",
        "--datetime",
        "2021-01-01/2021-02-01",
        "--intersects",
        file.to_str().unwrap(),
    ]);
    assert!(said.stderr.contains("127.0.0.1"), "{}", said.stderr);
    let linked = "<kml><Document><NetworkLink><Link><href>http://a/b.kml</href></Link></NetworkLink></Document></kml>";
    info(&write(folder.path(), "link.kml", linked), &[]).failed(1, &["link.kml"]);
}

#[test]
fn views_without_a_key_and_values_of_other_types_are_read() {
    let Some(file) = case("vectors/view_fid.gpkg") else { return };
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("views.gpkg");
    fs::copy(file, &copy).unwrap();
    let database = rusqlite::Connection::open(&copy).unwrap();
    // The triggers of GDAL's spatial index call functions that only a GIS has.
    let drop_triggers = "SELECT 'DROP TRIGGER \"' || name || '\"' FROM sqlite_master WHERE type = 'trigger'";
    let drops: Vec<String> = {
        let mut statement = database.prepare(drop_triggers).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    for drop in &drops {
        database.execute_batch(drop).unwrap();
    }
    database
        .execute_batch(
            "CREATE TABLE owners (site TEXT, owner TEXT);
             INSERT INTO owners SELECT site, 'Co ' || site FROM mines;
             CREATE VIEW joined AS SELECT geom, m.site AS site, owner FROM mines m JOIN owners o ON o.site = m.site;
             INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) VALUES ('joined', 'features', 'joined', 4326);
             INSERT INTO gpkg_geometry_columns VALUES ('joined', 'geom', 'POLYGON', 4326, 0, 0);
             UPDATE mines SET limit_ha = 'about 30' WHERE fid = 3;",
        )
        .unwrap();
    drop(database);
    let joined = squares(&copy, &["--layer", "joined"]);
    assert!(examples(&joined, "owner").to_string().contains("Co "), "{joined:#}");
    let mines = squares(&copy, &["--layer", "mines"]);
    assert!(examples(&mines, "limit_ha").to_string().contains("about 30"), "{mines:#}");
}

#[test]
fn files_that_were_right_stay_so() {
    for name in
        ["3005.fgb", "noidx.fgb", "bigend.gpkg", "z.gpkg", "m.gpkg", "zm.gpkg", "unclosed.gpkg", "crs_3005.gpkg"]
            .iter()
            .chain(&["crs_3347.gpkg", "crs_3978.gpkg", "gpd_bbox.parquet", "gpd_mixed.parquet", "gpd_twogeom.parquet"])
            .chain(&[
                "seq.geojsonl",
                "id_null.geojson",
                "latin.zip",
                "upper.zip",
                "duck_native_V2.parquet",
                "gc.geojson",
            ])
            .chain(&["curve.gpkg", "null_geom.gpkg", "empty_geom.gpkg", "topo_cases.geojson", "duck_huge.parquet"])
    {
        let Some(file) = case(&format!("vectors/pass/{name}")) else { return };
        let summary = info(&file, &[]).succeeded().json();
        let report = &summary["report"];
        let count =
            |key: &str| report[key].as_array().map_or_else(|| report[key].as_u64().unwrap(), |list| list.len() as u64);
        assert_eq!(count("read"), count("kept") + count("dropped"), "{name}: {summary:#}");
        assert!(count("kept") > 0, "{name}");
    }
    for name in ["3005.fgb", "noidx.fgb", "z.gpkg", "crs_3347.gpkg", "seq.geojsonl", "latin.zip", "upper.zip"] {
        squares(&case(&format!("vectors/pass/{name}")).unwrap(), &[]);
    }
}

#[test]
fn many_parts_are_checked() {
    // 45,000 squares of 100 m, half of them touching another one in a corner.
    let folder = tempfile::tempdir().unwrap();
    let parts: Vec<Value> = (0..45_000)
        .map(|place| {
            let (row, column) = (f64::from(place / 300), f64::from(place % 300));
            json!([ring(600_000.0 + 100.0 * column, 5_500_000.0 + 200.0 * row + 100.0 * (column % 2.0), 100.0, 100.0)])
        })
        .collect();
    let file = json!({"type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "EPSG:32610"}},
        "features": [{"type": "Feature", "properties": {}, "geometry": {"type": "MultiPolygon", "coordinates": parts}}]});
    let summary = summary(&write(folder.path(), "many.geojson", file.to_string()), &[], 1, 45_000.0);
    assert_eq!(summary["report"]["repaired"], json!([]));
}
