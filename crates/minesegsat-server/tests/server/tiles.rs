//! Tiles over HTTP.

use minesegsat_tiles::Tile;
use serde_json::json;

use crate::Served;
use crate::client::Request;
use crate::workspace::{Workspace, write_series};

/// A tile over the disturbed land of the site, and what its address begins with.
fn layer_url(workspace: &Workspace, layer: &str) -> (String, Tile) {
    let name = workspace.observation("2023-07-17");
    (format!("/tiles/sites/wolverine/{name}/{layer}"), Tile::containing(-121.178, 55.082, 13).unwrap())
}

#[test]
fn maps_are_drawn_and_what_is_empty_is_cheap() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let site = server.json("/api/sites/wolverine");
    let layers = site["observations"][1]["layers"].as_array().unwrap().clone();
    assert!(layers.contains(&"mask".into()) && layers.contains(&"probability".into()), "{layers:?}");
    for layer in ["mask", "probability"] {
        let (path, tile) = layer_url(&workspace, layer);
        let drawn = server.get(&format!("{path}/{tile}.png"));
        assert_eq!((drawn.status, drawn.media_type()), (200, "image/png"), "{}", drawn.text());
        let empty = server.get(&format!("{path}/13/0/0.png"));
        assert_eq!(empty.status, 200);
        assert!(empty.body.len() < 1000, "{}", empty.body.len());
        let large = server.get(&format!("{path}/{tile}.png?scale=2"));
        assert_eq!(&large.body[16..24], [0, 0, 2, 0, 0, 0, 2, 0], "512 pixels");
        let tag = drawn.header("etag").unwrap();
        let again = Request::get(&format!("{path}/{tile}.png")).header("if-none-match", tag).send(server.address);
        assert_eq!(again.status, 304);
    }
    let (path, tile) = layer_url(&workspace, "probability");
    let plain = server.get(&format!("{path}/{tile}.png")).body;
    assert_ne!(server.get(&format!("{path}/{tile}.png?colormap=magma&rescale=0,0.5")).body, plain);
    let text = server.get("/metrics").text();
    assert!(text.contains("minesegsat_tile_cache{what=\"misses\"}"), "{text}");
    let box_1 = server.get(&format!("/tiles/predictions/box-1/mask/{tile}.png"));
    assert_eq!(box_1.status, 200);
}

#[test]
fn onsets_are_drawn_with_a_legend_of_dates() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let layers = |server: &Served| server.json("/api/sites/wolverine")["observations"][1]["layers"].clone();
    assert!(!layers(&server).as_array().unwrap().contains(&"onset".into()), "without a series");
    let (path, tile) = layer_url(&workspace, "onset");
    assert!(server.problem(&format!("{path}/{tile}.png"), 404).contains("no layer `onset`"));
    write_series(&workspace.files("2023-07-17").join("series"));
    let server = Served::plain(&workspace);
    assert!(layers(&server).as_array().unwrap().contains(&"onset".into()), "{}", layers(&server));
    let drawn = server.get(&format!("{path}/{tile}.png"));
    assert_eq!((drawn.status, drawn.media_type()), (200, "image/png"), "{}", drawn.text());
    assert!(drawn.body.len() > server.get(&format!("{path}/13/0/0.png")).body.len(), "it is not empty");
    let legend = server.json(&format!("{path}/tilejson.json"))["legend"].clone();
    assert_eq!((&legend["type"], &legend["range"]), (&json!("dates"), &json!(["2022-07-12", "2023-07-17"])));
    assert_eq!((legend["colours"][0].as_str(), legend["colours"][12].as_str()), (Some("#621980"), Some("#fcfdbf")));
    assert!(server.problem(&format!("{path}/{tile}.png?rescale=0,1"), 400).contains("shows dates"));
}

#[test]
fn tilejson_says_where_tiles_are() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let (path, _) = layer_url(&workspace, "probability");
    let document = server.json(&format!("{path}/tilejson.json?colormap=magma"));
    assert_eq!(document["tilejson"], "3.0.0");
    let url = document["tiles"][0].as_str().unwrap();
    assert!(url.starts_with("http://") && url.ends_with("/{z}/{x}/{y}.png?colormap=magma"), "{url}");
    assert!(document["minzoom"].as_u64().unwrap() < document["maxzoom"].as_u64().unwrap());
    let legend = &document["legend"];
    assert_eq!((&legend["type"], &legend["range"]), (&json!("scale"), &json!([0.0, 1.0])));
    assert_eq!((legend["colours"][0].as_str(), legend["colours"][12].as_str()), (Some("#000004"), Some("#fcfdbf")));
    let mask = server.json("/tiles/predictions/box-1/mask/tilejson.json");
    assert_eq!(mask["legend"]["classes"][0]["name"], "disturbed");
    assert!(mask["legend"]["classes"][1]["stripes"] == "#464646be", "{mask}");
}

#[test]
fn vector_tiles_hold_what_lies_there() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let (_, tile) = layer_url(&workspace, "mask");
    for layer in ["sites", "permits", "disturbed", "changes"] {
        let drawn = server.get(&format!("/tiles/vector/{layer}/{tile}.mvt"));
        assert_eq!((drawn.status, drawn.media_type()), (200, "application/vnd.mapbox-vector-tile"), "{layer}");
        let text = drawn.text();
        assert!(text.contains(layer), "{layer} is named in its tile");
        assert_eq!(server.get(&format!("/tiles/vector/{layer}/13/0/0.mvt")).body.len(), 0, "{layer}");
    }
    assert!(server.get(&format!("/tiles/vector/sites/{tile}.mvt")).text().contains("exceeded"));
}

#[test]
fn tiles_that_cannot_be_are_refused() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let (path, tile) = layer_url(&workspace, "mask");
    for (address, status, said) in [
        (format!("{path}/0/1/0.png"), 400, "0 to 0"),
        (format!("{path}/25/0/0.png"), 400, "24"),
        (format!("{path}/-1/0/0.png"), 400, "zoom, column and row"),
        (format!("{path}/1/a/0.png"), 400, "zoom, column and row"),
        (format!("{path}/1/0/0.jpg"), 404, ".png"),
        (format!("{path}/{tile}.png?scale=3"), 400, "1 for 256"),
        (format!("{path}/{tile}.png?colour=red"), 400, "`colour`"),
        (format!("{path}/{tile}.png?rescale=0,1"), 400, "rescale"),
        (format!("{}/{tile}.png?colormap=jet", path.replace("mask", "probability")), 400, "viridis"),
        (format!("{}/{tile}.png", path.replace("mask", "rgb")), 400, "true-colour"),
        (format!("{}/{tile}.png", path.replace("mask", "change")), 404, "`mask`"),
        ("/tiles/vector/rivers/0/0/0.mvt".to_owned(), 400, "`sites`"),
        ("/tiles/predictions/nothing/mask/0/0/0.png".to_owned(), 404, "nothing"),
        ("/tiles/sites/wolverine/2022-07-12-00000000/mask/0/0/0.png".to_owned(), 404, "no observation"),
    ] {
        let detail = server.problem(&address, status);
        assert!(detail.contains(said), "{address}: {detail}");
    }
}

#[test]
fn a_damaged_raster_fails_its_tiles_and_the_server_lives() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let (path, tile) = layer_url(&workspace, "probability");
    let file = workspace.files("2023-07-17").join("map/probability.tif");
    let whole = std::fs::read(&file).unwrap();
    // The header is sound, what it leads to is not.
    let mut damaged = whole.clone();
    let from = damaged.len() / 4;
    damaged[from..].fill(0xA5);
    std::fs::write(&file, &damaged).unwrap();
    let answer = server.get(&format!("{path}/{tile}.png"));
    assert_eq!(answer.status, 500, "{}", answer.text());
    let detail = answer.problem();
    assert!(
        detail.contains("probability.tif") && !detail.contains(&workspace.path().display().to_string()),
        "{detail}"
    );
    let (mask, _) = layer_url(&workspace, "mask");
    assert_eq!(server.get(&format!("{mask}/{tile}.png")).status, 200, "the others are drawn");
    std::fs::write(&file, &whole).unwrap();
    assert_eq!(server.get(&format!("{path}/{tile}.png")).status, 200, "errors are not remembered");
}
