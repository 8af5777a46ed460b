//! Records of a scene on disk: the record of an incomplete download, and the item of a complete one.

use std::collections::BTreeMap;
use std::path::Path;

use fs_err as fs;
use geo::{BooleanOps, MultiPolygon, Rect, coord};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::checksum::Measured;
use crate::catalog::{Item, geometry, normalise};
use crate::{stac_writer, stated};
use minesegsat_core::output::atomic_write;
use minesegsat_core::{Crs, Grid, Result, Transformer};

/// The item of a complete scene.
pub(super) const ITEM: &str = "item.json";
/// The record of an incomplete scene.
pub(super) const RECORD: &str = ".download.json";
/// Property with the hash of the clip area.
const CLIP: &str = "minesegsat:clip";
/// Media type of a clip.
const COG: &str = "image/tiff; application=geotiff; profile=cloud-optimized";
/// Schema of the Alternate Assets extension.
const ALTERNATE: &str = "https://stac-extensions.github.io/alternate-assets/v1.2.0/schema.json";
/// Schema of the Projection extension of items that have `proj:epsg`; newer versions have `proj:code` instead.
const PROJECTION_1: &str = "https://stac-extensions.github.io/projection/v1.1.0/schema.json";

/// A complete file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) file: String,
    /// Source address without secrets.
    pub(super) source: String,
    #[serde(flatten)]
    pub(super) measured: Measured,
    /// Grid of a clip: EPSG code, size (height, width) and transform (a, b, c, d, e, f).
    pub(super) place: Option<ClipGrid>,
}

/// Grid of a clip, in the members of the Projection extension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ClipGrid {
    epsg: u16,
    shape: [usize; 2],
    transform: [f64; 6],
}

impl ClipGrid {
    pub(super) fn new(grid: &Grid) -> Self {
        let transform = stac_writer::projection_transform(grid);
        Self { epsg: grid.crs.epsg(), shape: [grid.height, grid.width], transform }
    }

    /// Bounds: min x, min y, max x, max y.
    fn bounds(&self) -> [f64; 4] {
        let [a, _, c, _, e, f] = self.transform;
        let [height, width] = self.shape;
        [c, f + e * height as f64, c + a * width as f64, f]
    }
}

/// The complete files of a scene, by the keys of their assets.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Hash of the clip area; `None` for whole files.
    pub(super) clip: Option<String>,
    pub(super) assets: BTreeMap<String, Stored>,
}

impl Record {
    /// Reads a folder: the item of a complete scene, otherwise the record. Files that are missing or have another
    /// size are left out.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        let mut record = read_item(&folder.join(ITEM)).or_else(|| read_record(&folder.join(RECORD)))?;
        record.assets.retain(|_, stored| {
            folder.join(&stored.file).metadata().is_ok_and(|m| m.is_file() && m.len() == stored.measured.size)
        });
        Some(record)
    }

    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let bytes = serde_json::to_vec(self).map_err(std::io::Error::other)?;
        atomic_write(&folder.join(RECORD), &bytes)
    }
}

fn read_record(path: &Path) -> Option<Record> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// The record in an item that a download wrote; `None` for other items.
pub(super) fn read_item(path: &Path) -> Option<Record> {
    let item: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    let assets = item["assets"].as_object()?.iter().map(|(key, asset)| {
        let stored = Stored {
            file: asset["href"].as_str()?.strip_prefix("./")?.to_owned(),
            source: asset["alternate"]["source"]["href"].as_str()?.to_owned(),
            measured: Measured {
                size: asset["file:size"].as_u64()?,
                checksum: asset["file:checksum"].as_str()?.to_owned(),
            },
            place: serde_json::from_value(json!({
                "epsg": stated::epsg(asset), "shape": asset["proj:shape"], "transform": asset["proj:transform"],
            }))
            .ok()
            .filter(|_| item["properties"][CLIP].is_string()),
        };
        Some((key.clone(), stored))
    });
    Some(Record { clip: item["properties"][CLIP].as_str().map(str::to_owned), assets: assets.collect::<Option<_>>()? })
}

/// Writes the item of a complete scene, with the addresses of its local files, and removes the record.
pub(super) fn complete(folder: &Path, item: &Item, record: &Record) -> Result<()> {
    let local = local_item(item, record)?;
    let mut text = serde_json::to_vec_pretty(&local).map_err(std::io::Error::other)?;
    text.push(b'\n');
    atomic_write(&folder.join(ITEM), &text)?;
    match fs::remove_file(folder.join(RECORD)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// The item with the stored files as its assets. Properties for reading the pixels are kept.
fn local_item(item: &Item, record: &Record) -> Result<Value> {
    let mut object = item.to_object();
    let is_clip = record.clip.is_some();
    let has_projection_1 = has_projection_1(item);

    let mut assets = Map::new();
    for (key, mut asset) in item.assets() {
        let Some(stored) = record.assets.get(&key) else { continue };
        asset["href"] = json!(format!("./{}", stored.file));
        asset["file:size"] = json!(stored.measured.size);
        asset["file:checksum"] = json!(stored.measured.checksum);
        asset["alternate"] = json!({ "source": { "href": stored.source, "title": "where it was downloaded from" } });
        if let Some(place) = &stored.place {
            asset["type"] = json!(COG);
            if has_projection_1 {
                asset["proj:epsg"] = json!(place.epsg);
            } else {
                asset["proj:code"] = json!(format!("EPSG:{}", place.epsg));
            }
            asset["proj:shape"] = json!(place.shape);
            asset["proj:transform"] = json!(place.transform);
            asset["proj:bbox"] = json!(place.bounds());
        }
        assets.insert(key, asset);
    }
    object.insert("assets".to_owned(), Value::Object(assets));

    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        if is_clip {
            // These describe the whole image.
            for name in ["proj:shape", "proj:transform", "proj:bbox", "proj:geometry", "proj:centroid"] {
                properties.remove(name);
            }
        }
        match &record.clip {
            Some(hash) => properties.insert(CLIP.to_owned(), json!(hash)),
            None => properties.remove(CLIP),
        };
    }

    let source = item.link("self").or_else(|| item.link("canonical")).map(str::to_owned);
    let links = object.entry("links").or_insert_with(|| json!([]));
    if !links.is_array() {
        *links = json!([]);
    }
    if let Some(links) = links.as_array_mut() {
        links.retain(|link| link["rel"] != "self");
        let rel = if is_clip { "derived_from" } else { "via" };
        if let Some(source) = source {
            let source = minesegsat_io::http::public_url(&source);
            links.retain(|link| !(link["rel"] == rel && link["href"] == source.as_str()));
            links.push(json!({ "rel": rel, "href": source, "type": "application/geo+json" }));
        }
    }

    let extensions = object.entry("stac_extensions").or_insert_with(|| json!([]));
    if let Some(extensions) = extensions.as_array_mut() {
        let projection = if has_projection_1 { PROJECTION_1 } else { stac_writer::PROJECTION };
        for (part, url) in
            [("/file/", stac_writer::FILE), ("/alternate-assets/", ALTERNATE), ("/projection/", projection)]
        {
            let known = extensions.iter().any(|known| known.as_str().is_some_and(|known| known.contains(part)));
            if !known && (is_clip || part != "/projection/") {
                extensions.push(json!(url));
            }
        }
    }
    if let Some(place) = record.assets.values().find_map(|stored| stored.place.as_ref()) {
        let (outline, bbox) = outline(place)?;
        let footprint = item.footprint();
        let part = if footprint.0.is_empty() { outline.clone() } else { footprint.intersection(&outline) };
        object.insert("geometry".to_owned(), geometry(if part.0.is_empty() { &outline } else { &part }));
        object.insert("bbox".to_owned(), json!(bbox));
    }
    Ok(Value::Object(object))
}

/// Whether an item has the older members of the Projection extension.
fn has_projection_1(item: &Item) -> bool {
    let declared = item.stac_extensions().any(|schema| schema.contains("/projection/v1."));
    declared
        || !item.property("proj:epsg").is_null()
        || item.assets().values().any(|asset| asset.get("proj:epsg").is_some())
}

/// Outline of a clip in longitude and latitude, and its bounding box, west > east across the antimeridian.
fn outline(place: &ClipGrid) -> Result<(MultiPolygon<f64>, [f64; 4])> {
    let to_wgs84 = Transformer::new(&Crs::from_epsg(place.epsg)?, &Crs::WGS84)?;
    let [min_x, min_y, max_x, max_y] = place.bounds();
    let rect = Rect::new(coord! { x: min_x, y: min_y }, coord! { x: max_x, y: max_y }).to_polygon();
    let polygons = normalise(&to_wgs84.transform_polygons(&MultiPolygon(vec![rect]))?);
    Ok((polygons, to_wgs84.transform_bounds(place.bounds())?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use minesegsat_core::GeoTransform;

    fn item() -> Item {
        let value = json!({
            "type": "Feature", "id": "a", "stac_version": "1.0.0", "collection": "c", "other": {"kept": 1},
            "properties": {"datetime": "2021-07-10T19:09:19Z", "s2:processing_baseline": "05.10", "proj:shape": [1, 2]},
            "geometry": null, "links": [{"rel": "self", "href": "https://host/a?sig=SECRET"}, {"rel": "license", "href": "https://l"}],
            "stac_extensions": ["https://stac-extensions.github.io/file/v2.0.0/schema.json"],
            "assets": {"red": {"href": "https://host/B04.tif?sig=SECRET", "eo:bands": [{"name": "B04"}],
                "raster:bands": [{"scale": 0.0001, "offset": -0.1}]}, "thumbnail": {"href": "https://host/t.jpg"}},
        });
        Item::from_value(value, "test").unwrap()
    }

    fn record(clip: bool) -> Record {
        let grid = Grid {
            crs: Crs::from_epsg(32610).unwrap(),
            transform: GeoTransform::north_up(600_000.0, 5_500_020.0, 10.0),
            width: 60,
            height: 30,
        };
        let stored = Stored {
            file: "B04.tif".into(),
            source: "https://host/B04.tif".into(),
            measured: Measured { size: 3, checksum: "1220ab".into() },
            place: clip.then(|| ClipGrid::new(&grid)),
        };
        Record { clip: clip.then(|| "hash".to_owned()), assets: BTreeMap::from([("red".to_owned(), stored)]) }
    }

    #[test]
    fn clips_say_their_reference_system_in_the_version_of_the_item() {
        for (declared, key, value) in
            [(stac_writer::PROJECTION, "proj:code", json!("EPSG:32610")), (PROJECTION_1, "proj:epsg", json!(32610))]
        {
            let mut value_of_item = item().to_value();
            value_of_item["stac_extensions"] = json!([declared]);
            let item = Item::from_value(value_of_item, "test").unwrap();
            let folder = tempfile::tempdir().unwrap();
            let record = record(true);
            fs::write(folder.path().join("B04.tif"), "abc").unwrap();
            complete(folder.path(), &item, &record).unwrap();
            let written: Value = serde_json::from_slice(&fs::read(folder.path().join(ITEM)).unwrap()).unwrap();
            let red = written["assets"]["red"].as_object().unwrap();
            let codes: Vec<_> = ["proj:code", "proj:epsg"].iter().filter_map(|key| red.get_key_value(*key)).collect();
            assert_eq!(codes, [(&key.to_owned(), &value)]);
            assert_eq!(Record::read(folder.path()), Some(record));
        }
    }

    #[test]
    fn items_and_records_give_back_what_was_stored() {
        for clip in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let record = record(clip);
            assert_eq!(Record::read(folder.path()), None);
            record.write(folder.path()).unwrap();
            assert!(Record::read(folder.path()).unwrap().assets.is_empty(), "its file is not there");
            fs::write(folder.path().join("B04.tif"), "abc").unwrap();
            assert_eq!(Record::read(folder.path()).as_ref(), Some(&record));
            complete(folder.path(), &item(), &record).unwrap();
            assert!(!folder.path().join(RECORD).exists());
            assert_eq!(Record::read(folder.path()), Some(record));
            fs::write(folder.path().join("B04.tif"), "other").unwrap();
            assert!(Record::read(folder.path()).unwrap().assets.is_empty(), "it has another size");
        }
    }

    #[test]
    fn local_items_keep_what_pixels_mean_and_no_secret() {
        for clip in [false, true] {
            let local = local_item(&item(), &record(clip)).unwrap();
            assert!(!local.to_string().contains("SECRET"), "{local}");
            assert_eq!(local["other"], json!({"kept": 1}));
            assert_eq!(local["properties"]["s2:processing_baseline"], "05.10");
            assert_eq!(local["assets"]["red"]["raster:bands"], json!([{"scale": 0.0001, "offset": -0.1}]));
            assert_eq!(local["assets"]["red"]["href"], "./B04.tif");
            assert_eq!(local["assets"].as_object().unwrap().len(), 1);
            let rels: Vec<_> = local["links"].as_array().unwrap().iter().map(|l| l["rel"].as_str().unwrap()).collect();
            assert_eq!(rels, ["license", if clip { "derived_from" } else { "via" }]);
            assert_eq!(local["properties"].get("proj:shape").is_some(), !clip);
            assert_eq!(local["stac_extensions"].as_array().unwrap().len(), if clip { 3 } else { 2 });
            if clip {
                let bbox: Vec<f64> = local["bbox"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
                // pyproj: Transformer.from_crs(32610, 4326, always_xy=True).transform_bounds(600000, 5499720, 600600, 5500020)
                for (found, expected) in bbox.iter().zip([-121.614_903, 49.641_639, -121.606_518, 49.644_437]) {
                    assert!((found - expected).abs() < 1e-6, "{bbox:?}");
                }
                assert_eq!(local["assets"]["red"]["proj:shape"], json!([30, 60]));
                assert_eq!(local["geometry"]["type"], "Polygon");
            }
        }
    }
}
