//! Writer of STAC documents: [`item`], [`collection`], [`catalog`], and their links and assets. All use STAC 1.1.0
//! and one version of each extension.
//!
//! The documents are plain JSON. The crate `stac` has types for them, but it turns on `preserve_order` of `serde_json` for the
//! whole build, which would change the order of members in every JSON file and the fingerprints that are computed from JSON.

use serde_json::{Map, Value, json};

use minesegsat_core::{Band, Crs, Grid};

/// Media type of documents other than items.
pub const JSON: &str = "application/json";
/// Media type of items.
pub const GEO_JSON: &str = "application/geo+json";

/// Extensions: the prefix of their members, and the URL of their schema.
const EXTENSIONS: [(&str, &str); 7] = [
    ("classification:", "https://stac-extensions.github.io/classification/v2.0.0/schema.json"),
    ("label:", "https://stac-extensions.github.io/label/v1.0.1/schema.json"),
    ("proj:", PROJECTION),
    ("raster:", "https://stac-extensions.github.io/raster/v2.0.0/schema.json"),
    ("eo:", "https://stac-extensions.github.io/eo/v2.0.0/schema.json"),
    ("view:", "https://stac-extensions.github.io/view/v1.0.0/schema.json"),
    ("file:", FILE),
];
/// Schema of the Projection extension, which stores the reference system in `proj:code`.
pub(crate) const PROJECTION: &str = "https://stac-extensions.github.io/projection/v2.0.0/schema.json";
/// Schema of the File extension.
pub(crate) const FILE: &str = "https://stac-extensions.github.io/file/v2.1.0/schema.json";

/// Creates an item with these members. `stac_extensions` lists the extensions that its properties, links, assets and
/// bands use.
pub fn item(members: Value) -> Value {
    let list = |name: &str| members[name].as_array().into_iter().flatten();
    let assets = || members["assets"].as_object().into_iter().flat_map(Map::values);
    let properties = std::iter::once(&members["properties"]);
    let extensions = extensions_of(properties.chain(list("links")).chain(assets()).chain(bands(assets())));
    document("Feature", extensions, members)
}

/// Creates a collection with these members. `stac_extensions` lists the extensions that its summaries, its assets and the
/// assets of its items use.
pub fn collection(members: Value) -> Value {
    let children = |name: &str| members[name].as_object().into_iter().flat_map(Map::values);
    let assets = || children("assets").chain(children("item_assets"));
    let summaries = std::iter::once(&members["summaries"]);
    let extensions = extensions_of(summaries.chain(assets()).chain(bands(assets())));
    document("Collection", extensions, members)
}

/// The bands of assets.
fn bands<'a>(assets: impl Iterator<Item = &'a Value>) -> impl Iterator<Item = &'a Value> {
    assets.filter_map(|asset| asset["bands"].as_array()).flatten()
}

/// Schemas of the extensions whose members objects have.
fn extensions_of<'a>(objects: impl Iterator<Item = &'a Value>) -> Vec<&'static str> {
    let names: Vec<&String> = objects.filter_map(Value::as_object).flat_map(Map::keys).collect();
    let is_used = |prefix: &str| names.iter().any(|name| name.starts_with(prefix));
    EXTENSIONS.into_iter().filter(|(prefix, _)| is_used(prefix)).map(|(_, schema)| schema).collect()
}

/// Creates a catalogue with these members.
pub fn catalog(members: Value) -> Value {
    document("Catalog", Vec::new(), members)
}

fn document(kind: &str, extensions: Vec<&str>, mut members: Value) -> Value {
    members["type"] = json!(kind);
    members["stac_version"] = json!("1.1.0");
    members["stac_extensions"] = json!(extensions);
    members
}

/// Creates a link to a document of a media type.
pub fn link(rel: &str, href: &str, media_type: &str) -> Value {
    json!({ "rel": rel, "href": href, "type": media_type })
}

/// Creates an asset for a file.
pub fn asset(href: &str, media_type: &str, title: &str, roles: &[&str]) -> Value {
    json!({ "href": href, "type": media_type, "title": title, "roles": roles })
}

/// Creates an asset for a raster, with its grid, size and SHA-256 (hexadecimal).
pub fn raster_asset(
    href: &str,
    media_type: &str,
    title: &str,
    roles: &[&str],
    grid: &Grid,
    size: Option<u64>,
    sha256: Option<&str>,
) -> Value {
    let mut asset = asset(href, media_type, title, roles);
    let gsd_m = grid.ground_pixel_m().map_or(grid.transform.pixel_width, |(width, _)| width);
    asset["gsd"] = json!(gsd_m);
    asset["proj:shape"] = json!([grid.height, grid.width]);
    asset["proj:transform"] = json!(projection_transform(grid));
    asset["file:size"] = json!(size);
    // A multihash: SHA-256 (0x12) of 32 bytes (0x20).
    asset["file:checksum"] = json!(sha256.map(|hash| format!("1220{hash}")));
    asset
}

/// Value of `proj:code`.
pub fn projection_code(crs: &Crs) -> String {
    format!("EPSG:{}", crs.epsg())
}

/// Value of `proj:transform`: a, b, c, d, e, f.
pub(crate) fn projection_transform(grid: &Grid) -> [f64; 6] {
    let t = &grid.transform;
    [t.pixel_width, 0.0, t.origin_x, 0.0, t.pixel_height, t.origin_y]
}

/// Value of `eo:common_name`. In the extension only the wavelength distinguishes the red edge bands.
pub const fn common_name(band: Band) -> &'static str {
    match band {
        Band::B05 => "rededge071",
        Band::B06 => "rededge075",
        Band::B07 => "rededge078",
        other => other.common_name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_name_the_extensions_whose_members_they_have() {
        let schemas = |properties: Value, assets: Value, links: Vec<Value>| {
            let item = item(json!({ "id": "a", "properties": properties, "assets": assets, "links": links }));
            item["stac_extensions"].as_array().unwrap().len()
        };
        assert_eq!(schemas(json!({ "datetime": null, "minesegsat:seed": 1 }), json!({}), Vec::new()), 0);
        assert_eq!(schemas(json!({ "eo:cloud_cover": 1.0 }), json!({}), Vec::new()), 1);
        assert_eq!(schemas(json!({}), json!({}), vec![json!({ "label:assets": ["B02"] })]), 1);
        let assets =
            json!({ "B02": { "proj:shape": [1, 1], "bands": [{ "eo:common_name": "blue", "raster:scale": 1e-4 }] } });
        assert_eq!(schemas(json!({ "eo:cloud_cover": 1.0 }), assets, Vec::new()), 3);
    }

    #[test]
    fn collections_name_the_extensions_of_their_summaries_and_assets() {
        let schemas = |members: Value| collection(members)["stac_extensions"].as_array().unwrap().clone();
        assert!(schemas(json!({ "id": "a", "summaries": { "gsd": [10] }, "links": [] })).is_empty());
        assert_eq!(schemas(json!({ "summaries": { "proj:code": ["EPSG:32610"] } })), [json!(PROJECTION)]);
        let assets = json!({ "mask": { "bands": [{ "name": "mask", "raster:spatial_resolution": 10 }] } });
        assert_eq!(schemas(json!({ "item_assets": assets })).len(), 1);
        assert_eq!(schemas(json!({ "assets": { "land": { "file:size": 1 } } })), [json!(FILE)]);
    }
}
