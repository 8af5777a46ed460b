//! The API of this server, as the map page uses it.

use minesegsat_watch::evidence::{Status, generate_keys, read_public_key, read_secret_key, verify};
use minesegsat_watch::register::Register;

use crate::client::{HttpResponse, Request};
use crate::workspace::{SITE, Workspace, square};
use crate::{Served, workspace};

#[test]
fn the_list_of_sites_says_what_was_last_seen() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let sites = server.json("/api/sites")["sites"].as_array().unwrap().clone();
    let ids: Vec<&str> = sites.iter().map(|site| site["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["antimeridian", "quiet", SITE]);
    assert_eq!(sites[0]["bbox"][0], 179.95);
    assert!((sites[0]["bbox"][2].as_f64().unwrap() + 179.95).abs() < 1e-9, "as RFC 7946 has it: {}", sites[0]["bbox"]);
    assert_eq!(sites[1]["last"], serde_json::Value::Null);
    let site = &sites[2];
    assert_eq!(site["observations"], 2);
    assert_eq!(site["last"]["verdict"], "exceeded");
    assert_eq!(site["last"]["area"]["upper_ha"], 175.0);
    assert_eq!(site["permit"], "P-2");
    assert_eq!(site["limit_ha"], 150.0);
}

#[test]
fn a_site_says_everything_oldest_first() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let site = server.json("/api/sites/wolverine");
    assert_eq!(site["boundary"]["type"], "MultiPolygon");
    assert_eq!(site["permits"][1]["polygon"]["type"], "MultiPolygon");
    let observations = site["observations"].as_array().unwrap();
    assert_eq!(observations[0]["date"], "2022-07-12");
    assert_eq!(observations[0]["id"], workspace.observation("2022-07-12"));
    let last = &observations[1];
    assert_eq!(last["compared_with"], "2022-07-12");
    assert_eq!(last["scene_records"][0]["processing_baseline"], "05.00");
    assert_eq!(last["scene_records"][0]["offset_decision"], "offset subtracted: baseline 05.00");
    let bounds = &last["bounds"];
    assert!(bounds[0].as_f64().unwrap() < bounds[2].as_f64().unwrap(), "{bounds}");
    assert!(server.problem("/api/sites/nowhere", 404).contains("/api/sites"));
}

#[test]
fn a_timeline_has_limits_and_indices() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let timeline = server.json("/api/sites/wolverine/timeline");
    assert_eq!(timeline["limits"][0]["to"], "2022-12-31");
    assert_eq!(timeline["limits"][1]["limit_ha"], 150.0);
    assert_eq!(timeline["points"][0]["indices"]["inside"]["ndvi"], 0.2);
    assert_eq!(timeline["points"][1]["area"]["ha"], 170.0);
}

#[test]
fn polygons_are_in_longitude_and_latitude() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let name = workspace.observation("2023-07-17");
    let answer = server.get(&format!("/api/sites/wolverine/observations/{name}/polygons"));
    assert_eq!(answer.media_type(), "application/geo+json");
    let polygons = answer.json();
    assert_eq!(polygons["features"].as_array().unwrap().len(), 3);
    assert_eq!(polygons["features"][0]["properties"]["kind"], "disturbed");
    assert_eq!(polygons["features"][0]["properties"]["area_ha"], 4.0);
    let corner = &polygons["features"][0]["geometry"]["coordinates"][0][0][0];
    assert!((-121.3..-121.1).contains(&corner[0].as_f64().unwrap()), "{corner}");
    let changes = server.json(&format!("/api/sites/wolverine/observations/{name}/changes"));
    let kinds: Vec<_> = changes["features"].as_array().unwrap().iter().map(|f| &f["properties"]["kind"]).collect();
    assert_eq!(kinds, ["gain", "loss"], "stable land is no change");
    assert_eq!(changes["features"][0]["properties"]["since"], "2022-07-12");
    let first = workspace.observation("2022-07-12");
    let none = server.json(&format!("/api/sites/wolverine/observations/{first}/changes"));
    assert_eq!(none["features"].as_array().unwrap().len(), 0, "there was nothing to compare with");
    let prediction = server.json("/api/predictions/box-1/polygons");
    assert_eq!(prediction["features"].as_array().unwrap().len(), 3);
}

#[test]
fn predictions_are_listed_with_what_their_records_say() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    std::fs::create_dir(workspace.path().join("predictions/unfinished")).unwrap();
    std::fs::create_dir(workspace.path().join("predictions/.hidden")).unwrap();
    let predictions = server.json("/api/predictions")["predictions"].clone();
    assert_eq!(predictions.as_array().unwrap().len(), 1);
    assert_eq!(predictions[0]["name"], "box-1");
    assert_eq!(predictions[0]["date"], "2022-07-12");
    assert_eq!(predictions[0]["area_ha"], 12.0);
    workspace.write_prediction("box-2");
    assert_eq!(server.json("/api/predictions")["predictions"][1]["name"], "box-2");
}

#[test]
fn reports_load_nothing_and_exports_have_one_site() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let report = server.get("/api/sites/wolverine/report");
    assert_eq!(report.media_type(), "text/html; charset=utf-8");
    assert!(report.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    assert!(report.text().contains("Mine &lt;wolverine&gt;"));
    let geojson = server.get("/api/sites/wolverine/export?format=geojson");
    assert_eq!(geojson.header("content-disposition"), Some("attachment; filename=\"wolverine.geojson\""));
    let features = geojson.json()["features"].as_array().unwrap().clone();
    assert_eq!(features.len(), 3, "the site and two permits");
    assert_eq!(features[0]["properties"]["observations"].as_array().unwrap().len(), 2);
    let gpkg = server.get("/api/sites/wolverine/export?format=gpkg");
    assert_eq!(gpkg.media_type(), "application/geopackage+sqlite3");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.gpkg");
    std::fs::write(&path, &gpkg.body).unwrap();
    let copy = Register::open_read_only(&path).unwrap();
    copy.integrity_check().unwrap();
    assert_eq!(copy.summaries().unwrap().len(), 1);
    assert_eq!(copy.observations(&SITE.parse().unwrap()).unwrap().len(), 2);
    assert!(server.problem("/api/sites/wolverine/export?format=shp", 400).contains("`geojson` or `gpkg`"));
}

#[test]
fn a_report_as_pdf_follows_the_address_and_the_browser() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let text = |response: &HttpResponse| {
        assert_eq!(response.media_type(), "application/pdf");
        assert_eq!(response.header("content-disposition"), Some("attachment; filename=\"wolverine.pdf\""));
        let document = lopdf::Document::load_mem(&response.body).unwrap();
        let pages: Vec<u32> = document.get_pages().into_keys().collect();
        document.extract_text(&pages).unwrap().split_whitespace().collect::<String>()
    };
    let path = "/api/sites/wolverine/report?format=pdf";
    assert!(text(&server.get(path)).contains("Keynumbers"));
    assert!(text(&server.get(&format!("{path}&lang=es"))).contains("Cifrasprincipales"));
    let french = Request::get(path).header("accept-language", "de, fr;q=0.8, en;q=0.5").send(server.address);
    assert!(text(&french).contains("Chiffresclés"));
    assert!(server.problem(&format!("{path}&lang=de"), 400).contains("`en`, `fr`, `es`, `pt`"));
    assert!(server.problem("/api/sites/wolverine/report?format=docx", 400).contains("`html` or `pdf`"));
    assert!(server.problem("/api/sites/nowhere/report?format=pdf", 404).contains("nowhere"));
}

#[test]
fn a_report_as_html_follows_the_address_and_the_browser() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let path = "/api/sites/wolverine/report";
    let is_in = |response: &HttpResponse, language: &str, heading: &str| {
        let page = response.text();
        assert!(page.contains(&format!(r#"<html lang="{language}">"#)) && page.contains(heading), "{language}: {page}");
    };
    is_in(&server.get(path), "en", "<h2>Permits</h2>");
    is_in(&server.get(&format!("{path}?lang=es-PE")), "es", "<h2>Permisos</h2>");
    is_in(&server.get(&format!("{path}?format=html&lang=pt_BR")), "pt", "<h2>Licenças</h2>");
    let asked = |languages: &str| Request::get(path).header("accept-language", languages).send(server.address);
    is_in(&asked("de, fr-CA;q=0.8, en;q=0.5"), "fr", "<h2>Permis</h2>");
    // Mexico has a decimal point, Spain a comma.
    is_in(&asked("es, es-MX;q=0.9"), "es", "150.0\u{a0}ha");
    is_in(&asked("es-ES"), "es", "150,0\u{a0}ha");
    assert!(server.problem(&format!("{path}?lang=de"), 400).contains("`en`, `fr`, `es`, `pt`"));
}

#[test]
fn evidence_is_signed_with_the_key_of_the_server() {
    let workspace = Workspace::filled();
    let name = workspace.observation("2023-07-17");
    let path = format!("/api/sites/wolverine/evidence/{name}");
    let server = Served::plain(&workspace);
    assert!(server.problem(&path, 409).contains("no signing key"));
    drop(server);
    let folder = tempfile::tempdir().unwrap();
    let keys = generate_keys(&folder.path().join("evidence.key"), None).unwrap();
    let key = read_secret_key::<minesegsat_core::Error>(&keys.secret, || unreachable!()).unwrap();
    let server = Served::start(&workspace, None, |options| options.evidence_key = Some(key.into()));
    let pack = server.get(&path);
    assert_eq!((pack.status, pack.media_type()), (200, "application/zip"));
    let file = folder.path().join("pack.zip");
    std::fs::write(&file, &pack.body).unwrap();
    let public = read_public_key(&keys.public_key).unwrap();
    assert_eq!(verify(&file, Some(&public)).unwrap().status(), Status::Authenticated);
    std::fs::write(workspace.files("2023-07-17").join("indices.json"), "{}").unwrap();
    assert!(server.problem(&path, 409).contains("indices.json"), "a file that was changed is not signed");
}

#[test]
fn answers_have_tags_and_are_not_sent_twice() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    for path in ["/api/sites", "/api/sites/wolverine", "/ogc/collections/sites/items", "/stac/search", "/openapi.json"]
    {
        let first = server.get(path);
        let tag = first.header("etag").unwrap_or_else(|| panic!("{path}")).to_owned();
        assert!(tag.starts_with('"'), "{tag} is strong");
        let again = Request::get(path).header("if-none-match", &tag).send(server.address);
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        assert_eq!(again.header("etag"), Some(tag.as_str()));
        let packed = Request::get(path).header("accept-encoding", "br").send(server.address);
        assert_eq!(packed.header("content-encoding"), Some("br"), "{path}");
        let other = packed.header("etag").unwrap().to_owned();
        assert_ne!(other, tag, "another encoding is another representation");
        let again =
            Request::get(path).header("accept-encoding", "br").header("if-none-match", &other).send(server.address);
        assert_eq!(again.status, 304, "{path}");
    }
    let tag = server.get("/api/sites").header("etag").unwrap().to_owned();
    let register = Register::open(&workspace.register()).unwrap();
    register.add_site(&workspace::site("new", square(1.0, 1.0, 1.1, 1.1))).unwrap();
    let changed = Request::get("/api/sites").header("if-none-match", &tag).send(server.address);
    assert_eq!(changed.status, 200, "the register has changed");
}

#[test]
fn the_server_says_how_it_is() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    assert_eq!(server.json("/health")["status"], "ok");
    let about = server.json("/api");
    assert_eq!(about["jobs_enabled"], false);
    assert_eq!(about["token_required_for_writing"], true);
    assert_eq!(about["writing_enabled"], true);
    assert_eq!(about["basemap"], serde_json::Value::Null);
    server.get("/api/sites/nowhere");
    let metrics = server.get("/metrics");
    assert!(metrics.media_type().starts_with("application/openmetrics-text"));
    let text = metrics.text();
    for line in [
        "minesegsat_http_requests_total{method=\"GET\",route=\"/api/sites/{site}\",status=\"404\"} 1",
        "minesegsat_http_request_seconds_count{route=\"/health\"} 1",
        "minesegsat_jobs{state=\"queued\"} 0",
        "minesegsat_memory_bytes ",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
}

#[test]
fn the_root_is_a_page_or_a_description() {
    let workspace = Workspace::empty();
    let server = Served::plain(&workspace);
    let page = Request::get("/").header("accept", "text/html").send(server.address);
    assert_eq!(page.media_type(), "text/html; charset=utf-8");
    assert!(page.header("content-security-policy").is_some());
    assert!(server.json("/")["links"].as_array().unwrap().iter().any(|link| link["rel"] == "service-desc"));
    assert_eq!(server.json("/api/sites")["sites"].as_array().unwrap().len(), 0, "an empty workspace is one");
    assert_eq!(server.json("/api/predictions")["predictions"].as_array().unwrap().len(), 0);
    assert_eq!(server.json("/ogc/collections/sites/items")["numberMatched"], 0);
    assert_eq!(server.json("/stac/search")["features"].as_array().unwrap().len(), 0);
}

#[test]
fn files_of_the_page_are_kept_for_ever() {
    let workspace = Workspace::empty();
    let server = Served::plain(&workspace);
    let page = Request::get("/").header("accept", "text/html").send(server.address).text();
    let Some(from) = page.find("assets/index-") else {
        assert!(page.contains("npm run build"), "a page that was not built says how: {page}");
        return;
    };
    let file = page[from..].split('"').next().unwrap();
    let plain = server.get(&format!("/{file}"));
    assert_eq!(plain.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(plain.media_type(), "text/javascript; charset=utf-8");
    let packed = Request::get(&format!("/{file}")).header("accept-encoding", "gzip, br").send(server.address);
    assert_eq!(packed.header("content-encoding"), Some("br"));
    assert!(packed.body.len() < plain.body.len() / 2);
    let tag = packed.header("etag").unwrap();
    let again = Request::get(&format!("/{file}")).header("accept-encoding", "br").header("if-none-match", tag);
    assert_eq!(again.send(server.address).status, 304);
    server.problem("/assets/nothing-12345678.js", 404);
}
