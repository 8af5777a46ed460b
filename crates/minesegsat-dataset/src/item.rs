//! STAC manifest of a built set: one item with the label extension per patch, and a collection of these items.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use geo::{BoundingRect, MultiPolygon};
use serde_json::{Map, Value, json};

use super::build::{hectares, outline};
use super::mosaic::Layer;
use super::source::SourceScene;
use super::{COLLECTION_FILE, Class, DatasetCard, MASK_FILE, PATCHES_FOLDER, SampleRecord, write_json};
use minesegsat_core::{Grid, Result};
use minesegsat_io::{DataType, Location, identity, read_json};
use minesegsat_scene::{BandRadiometry, stac_writer};

/// Id of the collection.
const COLLECTION_ID: &str = "minesegsat-patches";
/// Property that holds the record of the sample, as in `samples.csv`.
const RECORD: &str = "minesegsat:sample";
const FINGERPRINT: &str = "minesegsat:fingerprint";
const COG: &str = "image/tiff; application=geotiff";
/// Interval of scenes without a date: from the launch of Sentinel-2A to a date beyond its lifetime.
const UNKNOWN_DATE: [&str; 2] = ["2015-06-23T00:00:00Z", "2100-01-01T00:00:00Z"];

/// A scene that contributed pixels to a patch.
pub(super) struct Contribution {
    pub(super) scene: Arc<SourceScene>,
    /// Share of the patch's pixels, 0 to 1.
    pub(super) share: f64,
}

/// Input for the record and the STAC item of a patch.
pub(super) struct PatchFacts {
    pub(super) id: String,
    /// Grid of the finest band and the mask.
    pub(super) grid: Grid,
    /// Bounding box: west, south, east, north in degrees.
    pub(super) bbox: [f64; 4],
    pub(super) layers: BTreeMap<Layer, (Grid, DataType)>,
    pub(super) radiometry: BTreeMap<Layer, BandRadiometry>,
    /// Contributing scenes, most pixels first.
    pub(super) contributions: Vec<Contribution>,
    pub(super) data_share: f64,
    pub(super) clear_share: Option<f64>,
    /// Number of pixels by mask value.
    pub(super) counts: BTreeMap<u8, usize>,
    pub(super) classes: Vec<Class>,
    pub(super) commodity: Option<String>,
    pub(super) fingerprint: String,
    pub(super) label_source: Option<String>,
}

/// File name of a layer.
pub(super) fn file_name(layer: Layer) -> String {
    format!("{}.tif", layer.name())
}

/// Reads the record of a patch from an earlier run, if the patch is complete and its fingerprint still matches.
pub(super) fn read_finished(folder: &Path, id: &str, fingerprint: &str) -> Option<SampleRecord> {
    let path = folder.join(format!("{id}.json"));
    if !path.is_file() {
        return None;
    }
    let document: Value = read_json(&Location::from(path)).ok()?;
    let properties = &document["properties"];
    if properties[FINGERPRINT].as_str()? != fingerprint {
        return None;
    }
    let is_there = |asset: &Value| asset["href"].as_str().is_some_and(|href| folder.join(href).is_file());
    if !document["assets"].as_object()?.values().all(is_there) {
        return None;
    }
    serde_json::from_value(properties[RECORD].clone()).ok()
}

/// Rounds to a few digits, so that the number read back from a manifest is the same.
fn rounded(value: f64, digits: i32) -> f64 {
    let factor = 10_f64.powi(digits);
    (value * factor).round() / factor
}

/// Creates the record and the STAC item of a patch whose files are in `folder`.
pub(super) fn describe(facts: &PatchFacts, folder: &Path) -> Result<(SampleRecord, Value)> {
    let record = record(facts);
    let mut properties = Map::new();
    let first = facts.contributions.first().map(|c| &c.scene.metadata);
    let dates: Vec<String> = facts
        .contributions
        .iter()
        .filter_map(|c| {
            let metadata = &c.scene.metadata;
            metadata.datetime.map(|at| at.to_string()).or_else(|| metadata.date.map(|day| format!("{day}T00:00:00Z")))
        })
        .collect();
    let single = facts.contributions.len() == 1;
    match (dates.iter().min(), dates.iter().max()) {
        (Some(date), Some(_)) if single => {
            properties.insert("datetime".into(), json!(date));
        }
        (Some(start), Some(end)) => {
            properties.insert("datetime".into(), Value::Null);
            properties.insert("start_datetime".into(), json!(start));
            properties.insert("end_datetime".into(), json!(end));
        }
        _ => {
            properties.insert("datetime".into(), Value::Null);
            properties.insert("start_datetime".into(), json!(UNKNOWN_DATE[0]));
            properties.insert("end_datetime".into(), json!(UNKNOWN_DATE[1]));
        }
    }
    if let Some(platform) = first.and_then(|metadata| metadata.platform.clone()) {
        properties.insert("platform".into(), json!(platform));
    }
    let title = |what: &str| format!("{what} of {}", facts.id);
    let counts: Vec<Value> = facts
        .classes
        .iter()
        .map(|class| json!({ "name": class.name, "count": facts.counts.get(&class.value).copied().unwrap_or(0) }))
        .collect();
    let scenes: Vec<Value> = facts
        .contributions
        .iter()
        .map(|c| {
            json!({
                "name": c.scene.name,
                "datetime": c.scene.metadata.datetime.map(|at| at.to_string()),
                "processing_baseline": c.scene.metadata.processing_baseline,
                "share": rounded(c.share, 6),
                "offset_removed": c.scene.radiometry["decision"]["removes_offset"],
            })
        })
        .collect();
    for (key, value) in [
        ("title", json!(title("Patch"))),
        ("proj:code", json!(stac_writer::projection_code(&facts.grid.crs))),
        ("label:type", json!("raster")),
        ("label:tasks", json!(["segmentation"])),
        ("label:methods", json!(["manual"])),
        ("label:properties", Value::Null),
        ("label:description", json!(facts.label_source.clone().unwrap_or_else(|| "Outlines of mines".to_owned()))),
        (
            "label:classes",
            json!([{ "name": "mask", "classes": facts.classes.iter().map(|c| &c.name).collect::<Vec<_>>() }]),
        ),
        ("label:overviews", json!([{ "property_key": "mask", "counts": counts }])),
        ("minesegsat:scenes", json!(scenes)),
        (FINGERPRINT, json!(facts.fingerprint)),
        (RECORD, serde_json::to_value(&record).map_err(std::io::Error::from)?),
    ] {
        properties.insert(key.to_owned(), value);
    }

    let mut assets = Map::new();
    for (layer, (grid, data_type)) in &facts.layers {
        assets.insert(layer.name().to_owned(), image_asset(*layer, grid, *data_type, facts, folder)?);
    }
    let mut mask = asset(MASK_FILE, "Classes of the labels", &["labels", "labels-raster"], &facts.grid, folder)?;
    mask["bands"] = json!([{ "name": "mask", "data_type": "uint8", "nodata": 255 }]);
    assets.insert("mask".to_owned(), mask);

    let collection = format!("../../{COLLECTION_FILE}");
    let mut links: Vec<Value> =
        ["root", "parent", "collection"].map(|rel| stac_writer::link(rel, &collection, stac_writer::JSON)).into();
    for contribution in &facts.contributions {
        let scene = &contribution.scene;
        let href = absolute(&scene.location);
        let names: Vec<&str> = scene.bands.keys().map(|band| band.id()).collect();
        links.push(json!({ "rel": "source", "href": href, "title": scene.name, "label:assets": names }));
        links.push(json!({ "rel": "derived_from", "href": href, "title": scene.name }));
    }
    let geometry = outline(&facts.grid)?;
    let document = stac_writer::item(json!({
        "id": facts.id,
        "collection": COLLECTION_ID,
        "geometry": polygon_json(&geometry),
        "bbox": bbox(&geometry, facts.bbox),
        "properties": properties,
        "links": links,
        "assets": assets,
    }));
    Ok((record, document))
}

fn record(facts: &PatchFacts) -> SampleRecord {
    let [west, south, east, north] = facts.bbox.map(|v| rounded(v, 7));
    let mining: usize = facts.counts.iter().filter(|(value, _)| !matches!(value, 0 | 255)).map(|(_, n)| n).sum();
    let first = facts.contributions.first().map(|c| &c.scene.metadata);
    let radiometry = facts.radiometry.values().next();
    let mut names: Vec<&str> = facts.contributions.iter().map(|c| c.scene.name.as_str()).collect();
    names.dedup();
    let path = format!("{PATCHES_FOLDER}/{}", facts.id);
    SampleRecord {
        id: facts.id.clone(),
        data_path: path.clone(),
        mask_path: path,
        epsg: Some(facts.grid.crs.epsg()),
        west,
        south,
        east,
        north,
        date: first.and_then(|metadata| metadata.date).map(|day| day.to_string()),
        scenes: names.join(" "),
        scale: radiometry.map(|r| r.scale),
        offset_dn: radiometry.map(|r| r.offset_dn),
        data_share: Some(rounded(facts.data_share, 6)),
        clear_share: facts.clear_share.map(|share| rounded(share, 6)),
        mining_share: rounded(mining as f64 / (facts.grid.width * facts.grid.height) as f64, 8),
        mining_ha: Some(rounded(hectares(&facts.grid, mining), 4)),
        commodity: facts.commodity.clone(),
        group: None,
        mask_values: None,
        bands: None,
        domain: None,
    }
}

fn asset(name: &str, title: &str, roles: &[&str], grid: &Grid, folder: &Path) -> Result<Value> {
    let found = identity(&Location::from(folder.join(name)))?;
    let href = format!("./{name}");
    Ok(stac_writer::raster_asset(&href, COG, title, roles, grid, found.size, found.sha256.as_deref()))
}

fn image_asset(layer: Layer, grid: &Grid, data_type: DataType, facts: &PatchFacts, folder: &Path) -> Result<Value> {
    let kind = match data_type {
        DataType::U8 => "uint8",
        DataType::U16 => "uint16",
        DataType::I16 => "int16",
        DataType::F32 => "float32",
    };
    let nodata = if data_type == DataType::F32 { json!("nan") } else { json!(0) };
    let Layer::Band(band) = layer else {
        let mut value = asset(&file_name(layer), "Scene classification", &["data"], grid, folder)?;
        value["bands"] = json!([{ "name": "SCL", "data_type": kind, "nodata": nodata }]);
        return Ok(value);
    };
    let mut value = asset(&file_name(layer), &format!("Band {band}"), &["data", "reflectance"], grid, folder)?;
    let mut object = json!({ "name": band.id(), "data_type": kind, "nodata": nodata });
    if let Some(r) = facts.radiometry.get(&layer) {
        object["raster:scale"] = json!(r.scale);
        object["raster:offset"] = json!(rounded(r.offset_dn * r.scale, 9));
    }
    object["eo:common_name"] = json!(stac_writer::common_name(band));
    value["bands"] = json!([object]);
    Ok(value)
}

/// Absolute path of a local scene, so that links stay valid if the data set moves. URLs stay unchanged.
pub(super) fn absolute(location: &str) -> String {
    match fs_err::canonicalize(location) {
        Ok(path) => path.display().to_string(),
        Err(_) => location.to_owned(),
    }
}

fn polygon_json(geometry: &MultiPolygon<f64>) -> Value {
    let ring = |ring: &geo::LineString<f64>| -> Vec<[f64; 2]> {
        ring.coords().map(|c| [rounded(c.x, 7), rounded(c.y, 7)]).collect()
    };
    let polygons: Vec<Vec<Vec<[f64; 2]>>> = geometry.iter().map(|polygon| vec![ring(polygon.exterior())]).collect();
    match polygons.as_slice() {
        [one] => json!({ "type": "Polygon", "coordinates": one }),
        several => json!({ "type": "MultiPolygon", "coordinates": several }),
    }
}

/// Bounds of the outline, extended by its transformed edges if they bulge beyond it.
fn bbox(geometry: &MultiPolygon<f64>, transformed: [f64; 4]) -> [f64; 4] {
    let rect = geometry.bounding_rect();
    let [west, south, east, north] = transformed;
    let outer = rect.map_or(transformed, |rect| {
        [west.min(rect.min().x), south.min(rect.min().y), east.max(rect.max().x), north.max(rect.max().y)]
    });
    outer.map(|v| rounded(v, 7))
}

/// Writes the collection of all patches.
pub(super) fn write_collection(folder: &Path, card: &DatasetCard, samples: &[SampleRecord]) -> Result<()> {
    let extent = samples.iter().fold([180.0_f64, 90.0, -180.0, -90.0], |b, s| {
        [b[0].min(s.west), b[1].min(s.south), b[2].max(s.east), b[3].max(s.north)]
    });
    let day = |date: &str| format!("{date}T00:00:00Z");
    let dates = || samples.iter().filter_map(|sample| sample.date.as_deref());
    let interval = [dates().min().map(day), dates().max().map(|date| format!("{date}T23:59:59Z"))];
    let mut links = vec![stac_writer::link("root", &format!("./{COLLECTION_FILE}"), stac_writer::JSON)];
    links.extend(samples.iter().map(|sample| {
        let href = format!("./{PATCHES_FOLDER}/{id}/{id}.json", id = sample.id);
        stac_writer::link("item", &href, stac_writer::GEO_JSON)
    }));
    let licence = card.labels["source"]["licence"].as_str().unwrap_or("other");
    let collection = stac_writer::collection(json!({
        "id": COLLECTION_ID,
        "title": card.title,
        "description": format!(
            "{} patches of {} x {} pixels with masks of mining-disturbed land, cut from {} Sentinel-2 scenes. Contains \
             modified Copernicus Sentinel data unless the scenes are simulated.",
            samples.len(),
            card.patch_size.unwrap_or(0),
            card.patch_size.unwrap_or(0),
            card.scenes.len()
        ),
        "license": licence,
        "extent": { "spatial": { "bbox": [extent] }, "temporal": { "interval": [interval] } },
        "summaries": { "bands": card.bands.iter().map(|band| json!({ "name": band.id() })).collect::<Vec<_>>() },
        "links": links,
    }));
    write_json(&folder.join(COLLECTION_FILE), &collection)
}
