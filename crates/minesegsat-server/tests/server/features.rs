//! OGC API Features Part 1 (OGC 17-069r4): a test for each requirement, named by its identifier: `/req/core/root-op` is
//! `req_core_root_op`.

use serde_json::Value;

use crate::Served;
use crate::client::Request;
use crate::workspace::{SITE, Workspace};

const ALL: [&str; 5] = ["sites", "permits", "observations", "polygons", "changes"];

fn start() -> (Workspace, Served) {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    (workspace, server)
}

fn link<'a>(document: &'a Value, rel: &str) -> &'a Value {
    let links = document["links"].as_array().unwrap();
    links.iter().find(|link| link["rel"] == rel).unwrap_or_else(|| panic!("no link `{rel}` in {document}"))
}

/// Path and query of a link.
fn path_of(server: &Served, link: &Value) -> String {
    let href = link["href"].as_str().unwrap();
    href.strip_prefix(&format!("http://{}", server.address)).unwrap_or_else(|| panic!("{href}")).to_owned()
}

fn ids(page: &Value) -> Vec<String> {
    page["features"].as_array().unwrap().iter().map(|feature| feature["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn req_core_root_op() {
    let (_workspace, server) = start();
    assert_eq!(server.get("/ogc").status, 200);
    assert_eq!(server.get("/ogc/").status, 200);
}

#[test]
fn req_core_root_success() {
    let (_workspace, server) = start();
    let landing = server.json("/ogc");
    for rel in ["service-desc", "service-doc", "conformance", "data", "self", "alternate"] {
        link(&landing, rel);
    }
}

#[test]
fn req_core_api_definition_op() {
    let (_workspace, server) = start();
    let landing = server.json("/ogc");
    for rel in ["service-desc", "service-doc"] {
        let link = link(&landing, rel);
        let answer = server.get(&path_of(&server, link));
        assert_eq!(answer.status, 200);
        let wanted = link["type"].as_str().unwrap();
        assert!(answer.media_type().starts_with(wanted), "{} is {wanted}", answer.media_type());
    }
}

#[test]
fn req_core_api_definition_success() {
    let (_workspace, server) = start();
    let document = server.json("/openapi.json");
    assert_eq!(document["openapi"], "3.0.3");
}

#[test]
fn req_core_conformance_op() {
    let (_workspace, server) = start();
    assert_eq!(server.get("/ogc/conformance").status, 200);
}

#[test]
fn req_core_conformance_success() {
    let (_workspace, server) = start();
    let classes = server.json("/ogc/conformance")["conformsTo"].clone();
    for class in ["core", "geojson", "html", "oas30"] {
        let wanted = format!("http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{class}");
        assert!(classes.as_array().unwrap().contains(&wanted.into()), "{class}");
    }
}

#[test]
fn req_core_http() {
    let (_workspace, server) = start();
    let head = Request::new("HEAD", "/ogc").send(server.address);
    assert_eq!((head.status, head.body.len()), (200, 0));
    let wrong = Request::new("PUT", "/ogc").token(crate::TOKEN).send(server.address);
    assert_eq!(wrong.status, 405);
    assert!(wrong.header("allow").unwrap().contains("GET"));
    assert_eq!(server.get("/ogc/nothing").status, 404);
}

#[test]
fn req_core_crs84() {
    let (_workspace, server) = start();
    let feature = server.json("/ogc/collections/sites/items/wolverine");
    let corner = &feature["geometry"]["coordinates"][0][0][0];
    assert!((-121.3..-121.1).contains(&corner[0].as_f64().unwrap()), "longitude comes first: {corner}");
    let crs = server.json("/ogc/collections/sites")["crs"].clone();
    assert_eq!(crs[0], "http://www.opengis.net/def/crs/OGC/1.3/CRS84");
}

#[test]
fn req_core_fc_md_op() {
    let (_workspace, server) = start();
    assert_eq!(server.get("/ogc/collections").status, 200);
}

#[test]
fn req_core_fc_md_success() {
    let (_workspace, server) = start();
    let collections = server.json("/ogc/collections")["collections"].clone();
    let found: Vec<&str> = collections.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(found, ALL);
}

#[test]
fn req_core_fc_md_links() {
    let (_workspace, server) = start();
    let document = server.json("/ogc/collections");
    for rel in ["self", "alternate"] {
        assert!(link(&document, rel)["type"].is_string());
    }
}

#[test]
fn req_core_fc_md_items() {
    let (_workspace, server) = start();
    for one in server.json("/ogc/collections")["collections"].as_array().unwrap() {
        assert!(one["id"].is_string() && one["links"].is_array(), "{one}");
    }
}

#[test]
fn req_core_fc_md_items_links() {
    let (_workspace, server) = start();
    for one in server.json("/ogc/collections")["collections"].as_array().unwrap() {
        let items: Vec<&Value> =
            one["links"].as_array().unwrap().iter().filter(|link| link["rel"] == "items").collect();
        let types: Vec<&str> = items.iter().map(|link| link["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["application/geo+json", "text/html"], "one for each encoding");
        for link in items {
            assert_eq!(server.get(&path_of(&server, link)).status, 200);
        }
    }
}

#[test]
fn req_core_fc_md_extent() {
    let (_workspace, server) = start();
    for one in server.json("/ogc/collections")["collections"].as_array().unwrap() {
        let bbox = one["extent"]["spatial"]["bbox"][0].as_array().unwrap();
        assert_eq!(bbox.len(), 4);
        if one["id"] != "sites" {
            let interval = one["extent"]["temporal"]["interval"][0].as_array().unwrap();
            assert_eq!(interval.len(), 2, "{one}");
        }
    }
    let observed = server.json("/ogc/collections/observations")["extent"]["temporal"]["interval"][0].clone();
    assert_eq!(observed, serde_json::json!(["2022-07-12T00:00:00Z", "2023-07-17T23:59:59Z"]));
    let permits = server.json("/ogc/collections/permits")["extent"]["temporal"]["interval"][0].clone();
    assert_eq!(permits, serde_json::json!(["2021-01-01T00:00:00Z", null]));
}

#[test]
fn req_core_sfc_md_op() {
    let (_workspace, server) = start();
    for id in ALL {
        assert_eq!(server.get(&format!("/ogc/collections/{id}")).status, 200);
    }
    assert!(server.problem("/ogc/collections/nothing", 404).contains("`sites`"));
}

#[test]
fn req_core_sfc_md_success() {
    let (_workspace, server) = start();
    let all = server.json("/ogc/collections")["collections"].clone();
    for one in all.as_array().unwrap() {
        let alone = server.json(&format!("/ogc/collections/{}", one["id"].as_str().unwrap()));
        for member in ["id", "title", "description", "extent", "crs", "itemType"] {
            assert_eq!(alone[member], one[member], "{member}");
        }
    }
}

#[test]
fn req_core_fc_op() {
    let (_workspace, server) = start();
    for id in ALL {
        assert_eq!(server.get(&format!("/ogc/collections/{id}/items")).status, 200, "{id}");
    }
}

#[test]
fn req_core_fc_limit_definition() {
    let (_workspace, server) = start();
    let document = server.json("/openapi.json");
    let limit = &document["components"]["parameters"]["limit"];
    assert_eq!(limit["in"], "query");
    assert_eq!(limit["required"], false);
    assert_eq!(limit["style"], "form");
    assert_eq!(limit["explode"], false);
    assert_eq!(limit["schema"]["type"], "integer");
    assert_eq!(limit["schema"]["minimum"], 1);
}

#[test]
fn req_core_fc_limit_response_1() {
    let (_workspace, server) = start();
    assert_eq!(ids(&server.json("/ogc/collections/sites/items?limit=2")).len(), 2);
    assert_eq!(ids(&server.json("/ogc/collections/polygons/items?limit=4")).len(), 4);
    let most = server.json("/ogc/collections/sites/items?limit=1000000");
    assert_eq!(ids(&most).len(), 3, "more than the most is the most");
}

#[test]
fn req_core_fc_bbox_definition() {
    let (_workspace, server) = start();
    let bbox = server.json("/openapi.json")["components"]["parameters"]["bbox"].clone();
    assert_eq!(bbox["schema"]["type"], "array");
    assert_eq!(bbox["style"], "form");
    assert_eq!(bbox["explode"], false);
    assert_eq!(bbox["schema"]["items"]["type"], "number");
}

#[test]
fn req_core_fc_bbox_response() {
    let (_workspace, server) = start();
    let found = |bbox: &str| ids(&server.json(&format!("/ogc/collections/sites/items?bbox={bbox}")));
    assert_eq!(found("-122,55,-121,56"), [SITE]);
    assert_eq!(found("-122,55,0,-121,56,5000"), [SITE], "heights are of no account");
    assert_eq!(found("-180,-90,180,90").len(), 3);
    assert_eq!(found("0,0,1,1").len(), 0);
    assert_eq!(found("179,-17,-179,-16"), ["antimeridian"], "a box across the antimeridian");
    assert_eq!(found("-180,-17,-179.99,-16"), ["antimeridian"], "the part beyond it");
    let crs = "http%3A%2F%2Fwww.opengis.net%2Fdef%2Fcrs%2FOGC%2F1.3%2FCRS84";
    assert_eq!(found(&format!("-122,55,-121,56&bbox-crs={crs}")), [SITE]);
    let polygons = server.json("/ogc/collections/polygons/items?bbox=-122,55,-121,56&limit=100");
    assert_eq!(ids(&polygons).len(), 6);
    let permit = server.json("/ogc/collections/permits/items?bbox=-121.16,55.06,-121.155,55.07");
    assert_eq!(ids(&permit), ["wolverine_2021-01-01"], "the second permit has a polygon of its own, which ends before");
}

#[test]
fn req_core_fc_time_definition() {
    let (_workspace, server) = start();
    let datetime = server.json("/openapi.json")["components"]["parameters"]["datetime"].clone();
    assert_eq!(datetime["schema"]["type"], "string");
    assert_eq!(datetime["style"], "form");
    assert_eq!(datetime["explode"], false);
}

#[test]
fn req_core_fc_time_response() {
    let (_workspace, server) = start();
    let found = |collection: &str, time: &str| {
        ids(&server.json(&format!("/ogc/collections/{collection}/items?datetime={time}"))).len()
    };
    assert_eq!(found("observations", "2022-07-12T10:00:00Z"), 1);
    assert_eq!(found("observations", "2022-07-13"), 0);
    assert_eq!(found("observations", "2022-01-01T00:00:00Z/2023-12-31T00:00:00Z"), 2);
    assert_eq!(found("observations", "../2022-12-31T00:00:00Z"), 1);
    assert_eq!(found("observations", "2023-01-01T00:00:00Z/.."), 1);
    assert_eq!(found("observations", "2024-01-01T00:00:00Z/"), 0);
    assert_eq!(found("permits", "2022-06-01"), 1);
    assert_eq!(found("permits", "2030-06-01"), 1, "a permit without a last day goes on");
    assert_eq!(found("polygons", "2022-07-12"), 3);
    assert_eq!(found("sites", "1990-01-01"), 3, "sites have no time");
}

#[test]
fn req_core_fc_response() {
    let (_workspace, server) = start();
    let name = SITE;
    let both = server.json("/ogc/collections/observations/items?bbox=-122,55,-121,56&datetime=2023-01-01/..");
    assert_eq!(ids(&both).len(), 1, "filters hold together");
    assert!(ids(&both)[0].starts_with(name));
}

#[test]
fn req_core_fc_links() {
    let (_workspace, server) = start();
    // Every feature once, in pages of two.
    for (collection, expected) in [("sites", 3), ("permits", 2), ("observations", 2), ("polygons", 6), ("changes", 2)] {
        let mut path = format!("/ogc/collections/{collection}/items?limit=2");
        let mut seen = Vec::new();
        loop {
            let page = server.json(&path);
            link(&page, "self");
            link(&page, "alternate");
            seen.extend(ids(&page));
            let next = page["links"].as_array().unwrap().iter().find(|link| link["rel"] == "next");
            let Some(next) = next else { break };
            path = path_of(&server, next);
            assert!(seen.len() < 20, "pages without an end");
        }
        let mut once = seen.clone();
        once.sort();
        once.dedup();
        assert_eq!((once.len(), seen.len()), (expected, expected), "{collection}: {seen:?}");
    }
}

#[test]
fn req_core_fc_rel_type() {
    let (_workspace, server) = start();
    for one in server.json("/ogc/collections/sites/items?limit=1")["links"].as_array().unwrap() {
        assert!(one["rel"].is_string() && one["type"].is_string(), "{one}");
    }
}

#[test]
fn req_core_fc_time_stamp() {
    let (_workspace, server) = start();
    let page = server.json("/ogc/collections/sites/items");
    let stamp: jiff::Timestamp = page["timeStamp"].as_str().unwrap().parse().unwrap();
    assert!(jiff::Timestamp::now().duration_since(stamp).as_secs() < 120);
}

#[test]
fn req_core_fc_number_matched() {
    let (_workspace, server) = start();
    let page = server.json("/ogc/collections/sites/items?limit=1");
    assert_eq!(page["numberMatched"], 3);
    let filtered = server.json("/ogc/collections/sites/items?limit=1&bbox=-122,55,-121,56");
    assert_eq!(filtered["numberMatched"], 1);
    let unknown = server.json("/ogc/collections/polygons/items?limit=1");
    assert!(unknown.get("numberMatched").is_none(), "left out where every file would have to be read");
}

#[test]
fn req_core_fc_number_returned() {
    let (_workspace, server) = start();
    for id in ALL {
        let page = server.json(&format!("/ogc/collections/{id}/items?limit=2"));
        assert_eq!(page["numberReturned"], ids(&page).len(), "{id}");
    }
}

#[test]
fn req_core_f_op() {
    let (_workspace, server) = start();
    for id in ALL {
        for feature in ids(&server.json(&format!("/ogc/collections/{id}/items?limit=100"))) {
            assert_eq!(server.get(&format!("/ogc/collections/{id}/items/{feature}")).status, 200, "{id}/{feature}");
        }
        assert!(server.problem(&format!("/ogc/collections/{id}/items/nothing"), 404).contains("`nothing`"));
    }
}

#[test]
fn req_core_f_success() {
    let (_workspace, server) = start();
    for id in ALL {
        let page = server.json(&format!("/ogc/collections/{id}/items?limit=100"));
        for feature in page["features"].as_array().unwrap() {
            let alone = server.json(&format!("/ogc/collections/{id}/items/{}", feature["id"].as_str().unwrap()));
            for member in ["type", "id", "properties", "geometry"] {
                assert_eq!(alone[member], feature[member], "{id}: {member}");
            }
        }
    }
}

#[test]
fn req_core_f_links() {
    let (_workspace, server) = start();
    let feature = server.json("/ogc/collections/sites/items/wolverine");
    for rel in ["self", "alternate", "collection"] {
        assert_eq!(server.get(&path_of(&server, link(&feature, rel))).status, 200);
    }
}

#[test]
fn req_core_query_param_unknown() {
    let (_workspace, server) = start();
    for path in
        ["/ogc", "/ogc/conformance", "/ogc/collections", "/ogc/collections/sites", "/ogc/collections/sites/items"]
    {
        let detail = server.problem(&format!("{path}?colour=red"), 400);
        assert!(detail.contains("`colour`") && detail.contains("`f`"), "{detail}");
    }
    server.problem("/ogc/collections/sites/items/wolverine?limit=1", 400);
}

#[test]
fn req_core_query_param_invalid() {
    let (_workspace, server) = start();
    for (query, said) in [
        ("limit=0", "1 to 1000"),
        ("limit=x", "1 to 1000"),
        ("bbox=1,2,3", "west,south,east,north"),
        ("bbox=1,2,3,x", "west,south,east,north"),
        ("bbox=0,10,1,5", "west,south,east,north"),
        ("bbox=0,0,1,1&bbox-crs=EPSG:3857", "CRS84"),
        ("datetime=yesterday", "2021-07-10T19:09:19Z"),
        ("datetime=../..", "2021-07-10T19:09:19Z"),
        ("cursor=-1", "next"),
        ("f=xml", "`json` or `html`"),
        ("limit=1&limit=2", "once"),
    ] {
        let detail = server.problem(&format!("/ogc/collections/sites/items?{query}"), 400);
        assert!(detail.contains(said), "{query}: {detail}");
    }
}

#[test]
fn req_geojson_definition() {
    let (_workspace, server) = start();
    let asked =
        Request::get("/ogc/collections/sites/items").header("accept", "application/geo+json").send(server.address);
    assert_eq!(asked.media_type(), "application/geo+json");
    assert_eq!(server.get("/ogc/collections/sites/items/wolverine").media_type(), "application/geo+json");
    assert_eq!(server.get("/ogc/collections").media_type(), "application/json");
}

#[test]
fn req_geojson_content() {
    let (_workspace, server) = start();
    for id in ALL {
        let page = server.json(&format!("/ogc/collections/{id}/items"));
        assert_eq!(page["type"], "FeatureCollection");
        let text = page.to_string();
        let parsed: geojson::GeoJson = text.parse().unwrap();
        assert!(matches!(parsed, geojson::GeoJson::FeatureCollection(_)), "{id}");
    }
}

#[test]
fn req_html_definition() {
    let (_workspace, server) = start();
    for path in [
        "/ogc",
        "/ogc/conformance",
        "/ogc/collections",
        "/ogc/collections/sites",
        "/ogc/collections/sites/items",
        "/ogc/collections/sites/items/wolverine",
    ] {
        let page = Request::get(path).header("accept", "text/html").send(server.address);
        assert_eq!((page.status, page.media_type()), (200, "text/html; charset=utf-8"), "{path}");
        assert_eq!(server.get(&format!("{path}?f=html")).media_type(), "text/html; charset=utf-8");
    }
}

#[test]
fn req_html_content() {
    let (_workspace, server) = start();
    let items = server.get("/ogc/collections/sites/items?f=html").text();
    assert!(items.contains("Mine &lt;wolverine&gt; &amp; &quot;sons&quot;"), "{items}");
    assert!(!items.contains("<wolverine>"));
    let item = server.get("/ogc/collections/sites/items/wolverine?f=html").text();
    assert!(item.contains("exceeded") && item.contains("href="));
}

#[test]
fn req_oas30_oas_definition_1() {
    let (_workspace, server) = start();
    let answer = server.get("/openapi.json");
    assert_eq!(answer.media_type(), "application/vnd.oai.openapi+json;version=3.0");
}

/// Every reference leads somewhere.
fn follow(value: &Value, document: &Value) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(reference)) = object.get("$ref") {
                assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
            }
            object.values().for_each(|value| follow(value, document));
        }
        Value::Array(values) => values.iter().for_each(|value| follow(value, document)),
        _ => {}
    }
}

#[test]
fn req_oas30_oas_definition_2() {
    let (_workspace, server) = start();
    let document = server.json("/openapi.json");
    for member in ["openapi", "info", "paths", "components"] {
        assert!(document.get(member).is_some(), "{member}");
    }
    follow(&document, &document);
}

#[test]
fn req_oas30_oas_impl() {
    let (_workspace, server) = start();
    let paths = server.json("/openapi.json")["paths"].clone();
    for path in ["/ogc", "/ogc/conformance", "/ogc/collections"] {
        assert!(paths[path]["get"].is_object(), "{path}");
        assert_eq!(server.get(path).status, 200);
    }
}

#[test]
fn req_oas30_completeness() {
    let (_workspace, server) = start();
    let document = server.json("/openapi.json");
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path}");
            assert!(responses.contains_key("400"), "{method} {path}");
        }
    }
}

#[test]
fn req_oas30_exceptions_codes() {
    let (_workspace, server) = start();
    let responses =
        server.json("/openapi.json")["paths"]["/ogc/collections/{collection}/items"]["get"]["responses"].clone();
    assert_eq!(server.get("/ogc/collections/nothing/items").status, 404);
    for status in ["400", "404", "500", "503"] {
        assert!(responses.get(status).is_some(), "{status}");
    }
}

#[test]
fn req_oas30_security() {
    let (_workspace, server) = start();
    let document = server.json("/openapi.json");
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    assert_eq!(document["paths"]["/api/predict"]["post"]["security"][0], serde_json::json!({"token": []}));
}
