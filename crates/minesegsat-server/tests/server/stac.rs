//! STAC API: core, collections, features, item search.

use minesegsat_io::{Location, open_raster};
use serde_json::{Value, json};

use crate::Served;
use crate::client::Request;
use crate::workspace::Workspace;

fn ids(found: &Value) -> Vec<String> {
    found["features"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

fn post(server: &Served, body: &Value) -> Value {
    let answer = Request::post("/stac/search", body).send(server.address);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[test]
fn the_landing_page_leads_to_everything() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let landing = server.json("/stac");
    assert_eq!(landing["type"], "Catalog");
    let links = landing["links"].as_array().unwrap();
    let of = |rel: &str| links.iter().filter(|link| link["rel"] == rel).count();
    assert_eq!([of("search"), of("child"), of("data"), of("service-desc"), of("root")], [2, 2, 1, 1, 1]);
    assert!(landing["conformsTo"].as_array().unwrap().contains(&"https://api.stacspec.org/v1.0.0/item-search".into()));
    for link in links {
        let href = link["href"].as_str().unwrap().replace(&format!("http://{}", server.address), "");
        if link["method"] != "POST" {
            assert_eq!(server.get(&href).status, 200, "{href}");
        }
    }
    server.problem("/stac/collections/nothing", 404);
}

#[test]
fn a_search_finds_by_place_time_id_and_collection() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let found = |query: &str| ids(&server.json(&format!("/stac/search?{query}")));
    assert_eq!(found("").len(), 3);
    assert_eq!(found("collections=scenes").len(), 2);
    assert_eq!(found("collections=predictions"), ["box-1"]);
    assert_eq!(found("collections=nothing").len(), 0);
    assert_eq!(found("ids=box-1,x"), ["box-1"]);
    assert_eq!(found("bbox=-122,55,-121,56").len(), 3);
    assert_eq!(found("bbox=0,0,1,1").len(), 0);
    assert_eq!(found("datetime=2023-01-01T00:00:00Z/..").len(), 1);
    let triangle = r#"{"type":"Polygon","coordinates":[[[-122,55],[-121,55],[-122,56],[-122,55]]]}"#;
    let encoded: String = triangle.bytes().map(|byte| format!("%{byte:02X}")).collect();
    assert_eq!(found(&format!("intersects={encoded}")).len(), 3);
    let body =
        json!({"intersects": serde_json::from_str::<Value>(triangle).unwrap(), "collections": ["scenes"], "limit": 1});
    let page = post(&server, &body);
    assert_eq!(page["numberMatched"], 2);
    let next = page["links"].as_array().unwrap().iter().find(|link| link["rel"] == "next").unwrap();
    assert_eq!(next["method"], "POST");
    let second = post(&server, &next["body"]);
    assert_ne!(ids(&page), ids(&second));
    assert!(second["links"].as_array().unwrap().iter().all(|link| link["rel"] != "next"));
}

#[test]
fn items_are_the_same_everywhere() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    for collection in ["scenes", "predictions"] {
        let page = server.json(&format!("/stac/collections/{collection}/items?limit=1"));
        let item = &page["features"][0];
        let alone = server.json(&format!("/stac/collections/{collection}/items/{}", item["id"].as_str().unwrap()));
        assert_eq!(alone, *item);
        assert!(item["properties"]["datetime"].is_string());
        assert_eq!(item["properties"]["eo:cloud_cover"], 3.5);
        assert!(item["assets"]["disturbed"]["href"].as_str().unwrap().starts_with("http://"));
        let href = item["assets"]["disturbed"]["href"].as_str().unwrap();
        assert_eq!(server.get(&href.replace(&format!("http://{}", server.address), "")).status, 200);
    }
    server.problem("/stac/collections/scenes/items/nothing", 404);
    server.problem("/stac/collections/predictions/items/..%2F..%2Fetc", 404);
}

#[test]
fn rasters_of_items_have_what_gdal_needs_to_open_them() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    for collection in ["scenes", "predictions"] {
        let item = server.json(&format!("/stac/collections/{collection}/items?limit=1"))["features"][0].clone();
        // The driver STACIT of GDAL 3.10 asks for the extension, the code, and shape and transform of each asset.
        let extensions = item["stac_extensions"].as_array().unwrap();
        assert!(extensions.iter().any(|one| one.as_str().unwrap().contains("/projection/v2")), "{item}");
        for (key, file) in [("mask-raster", "mask.tif"), ("probability-raster", "probability.tif")] {
            let asset = &item["assets"][key];
            assert!(asset["type"].as_str().unwrap().starts_with("image/tiff; application=geotiff"), "{asset}");
            assert!(asset.as_object().unwrap().values().all(|value| !value.is_null()), "{asset}");
            let href = asset["href"].as_str().unwrap().replace(&format!("http://{}", server.address), "");
            let answer = server.get(&href);
            assert_eq!(answer.status, 200, "{href}");
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(file);
            std::fs::write(&path, &answer.body).unwrap();
            let grid = open_raster(&Location::from(path.as_path())).unwrap().info().grid.clone();
            assert_eq!(item["properties"]["proj:code"], format!("EPSG:{}", grid.crs.epsg()));
            assert_eq!(asset["proj:shape"], json!([grid.height, grid.width]));
            let t = grid.transform;
            assert_eq!(
                asset["proj:transform"],
                json!([t.pixel_width, 0.0, t.origin_x, 0.0, t.pixel_height, t.origin_y])
            );
        }
    }
    for bad in ["manifest.json", "unlike.tif", "..%2Fmask.tif", "mask.tif%00"] {
        let refused = server.problem(&format!("/api/predictions/box-1/files/{bad}"), 400);
        assert!(refused.contains("`mask.tif` or `probability.tif`"), "{bad}: {refused}");
    }
    server.problem("/api/predictions/nothing/files/mask.tif", 404);
    std::fs::remove_file(workspace.path().join("predictions/box-1/mask.tif")).unwrap();
    let none = server.problem("/api/predictions/box-1/files/mask.tif", 404);
    assert!(none.contains("has no mask.tif"), "{none}");
}

#[test]
fn a_search_that_cannot_be_is_refused() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    for query in [
        "bbox=1,2,3",
        "bbox=%5B1,2,3,4%5D",
        "datetime=1985-04-12",
        "datetime=1937-01-01T12:00:27.87%2B0100",
        "datetime=1985-12-01T00:06:61.52Z",
        "limit=-1",
        "limit=0",
        "token=x",
        "intersects=%7B%7D",
        "bbox=0,0,1,1&intersects=%7B%22type%22:%22Point%22,%22coordinates%22:%5B0,0%5D%7D",
        "colour=red",
    ] {
        server.problem(&format!("/stac/search?{query}"), 400);
    }
    for body in [
        json!({"bbox": "1,2,3,4"}),
        json!({"bbox": [1, 2, 3]}),
        json!({"limit": -1}),
        json!({"limit": "x"}),
        json!({"colour": "red"}),
        json!({"intersects": {"type": "Polygon", "coordinates": []}}),
        json!({"intersects": {"type": "Circle"}}),
        json!([]),
        json!(null),
    ] {
        let answer = Request::post("/stac/search", &body).send(server.address);
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        answer.problem();
    }
}
