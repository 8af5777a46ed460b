//! The STAC collection of a merge: one item for each mask, so that programs see the masks of all zones and periods as one layer.

use geo::{BoundingRect, MultiPolygon, Rect};
use minesegsat_core::crs::wrap_longitude;
use minesegsat_core::output::OutputFolder;
use minesegsat_core::pixel_class::{MASK_CLASSES, MASK_NODATA, MASK_PALETTE};
use minesegsat_core::{Crs, Grid, Result, Transformer};
use minesegsat_scene::manifest::OutputRecord;
use minesegsat_scene::stac_writer;
use minesegsat_vector::vector::cut_at_antimeridian;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{COLLECTION, LAND_FGB, LAND_GPKG, LAND_PARQUET, TOTALS, files};
use crate::period::Period;
use crate::project::Project;

const COG: &str = "image/tiff; application=geotiff; profile=cloud-optimized";
const GEOPACKAGE: &str = "application/geopackage+sqlite3";
/// Parts of each edge of an outline in degrees, where edges of a grid are curves.
const EDGE_PARTS: f64 = 8.0;

/// A mask that was written.
pub(super) struct Mask {
    pub(super) period: usize,
    pub(super) grid: Grid,
    pub(super) record: OutputRecord,
}

/// Id of the item of a mask.
fn item_id(project: &Project, period: usize, epsg: u16) -> String {
    format!("mask-{}-{epsg}", project.plan.periods[period].name)
}

/// Name of the item of a mask.
pub(super) fn item_name(project: &Project, period: usize, epsg: u16) -> String {
    item_id(project, period, epsg) + ".json"
}

/// Writes the collection and its items.
pub(super) fn write(project: &Project, masks: &[Mask], output: &OutputFolder) -> Result<()> {
    let plan = serde_json::to_vec(&project.plan).map_err(std::io::Error::from)?;
    let digest = minesegsat_core::hex::encode(&Sha256::digest(plan));
    // Collections of several projects may stand in one catalogue.
    let id = format!("mining-disturbed-land-{}", &digest[..8]);
    let mut links = vec![stac_writer::link("root", &format!("./{COLLECTION}"), stac_writer::JSON)];
    let mut boxes = Vec::with_capacity(masks.len());
    for mask in masks {
        let name = item_name(project, mask.period, mask.grid.crs.epsg());
        let (item, bbox) = item(project, mask, &id)?;
        write_json(output, &name, &item)?;
        links.push(stac_writer::link("item", &format!("./{name}"), stac_writer::GEO_JSON));
        boxes.push(bbox);
    }
    write_json(output, COLLECTION, &collection(project, masks, &id, &boxes, links)?)
}

fn write_json(output: &OutputFolder, name: &str, document: &Value) -> Result<()> {
    let text = serde_json::to_string_pretty(document).map_err(std::io::Error::from)?;
    Ok(fs_err::write(output.path(name), text + "\n")?)
}

fn collection(project: &Project, masks: &[Mask], id: &str, boxes: &[[f64; 4]], links: Vec<Value>) -> Result<Value> {
    let plan = &project.plan;
    let first = plan.periods.first().map(Period::range).transpose()?.and_then(|range| range.start);
    let last = plan.periods.last().map(Period::range).transpose()?.and_then(|range| range.end);
    let mut codes: Vec<String> = masks.iter().map(|mask| stac_writer::projection_code(&mask.grid.crs)).collect();
    codes.sort_unstable();
    codes.dedup();
    let mut assets = Map::new();
    let mut add = |key: String, name: &str, kind: &str, title: &str| {
        assets.insert(key, stac_writer::asset(&format!("./{name}"), kind, title, &["data"]));
    };
    let polygons = "Polygons of disturbed land of all periods";
    add("land".to_owned(), LAND_PARQUET, "application/vnd.apache.parquet", polygons);
    add("land-gpkg".to_owned(), LAND_GPKG, GEOPACKAGE, polygons);
    add("land-fgb".to_owned(), LAND_FGB, "application/vnd.flatgeobuf", polygons);
    add("totals".to_owned(), TOTALS, stac_writer::JSON, "Hectares of each period");
    for (at, period) in plan.periods.iter().enumerate() {
        let title = format!("Index of the masks of {}, which GDAL opens as one raster", period.name);
        add(format!("masks-{}", period.name), &files::index_name(project, at), GEOPACKAGE, &title);
    }
    Ok(stac_writer::collection(json!({
        "id": id,
        "title": "Mining-disturbed land",
        "description": format!(
            "Mining-disturbed land found by the model {} in Sentinel-2 scenes: one mask for each period and zone. Contains modified \
             Copernicus Sentinel data unless the scenes are simulated.",
            plan.model.title
        ),
        "license": "other",
        "keywords": ["sentinel-2", "mining"],
        "extent": { "spatial": { "bbox": [around(boxes)] }, "temporal": { "interval": [[first, last]] } },
        "summaries": { "proj:code": codes },
        "item_assets": { "mask": mask_members(stac_writer::asset("", COG, "Mask", &["data"])) },
        "assets": assets,
        "links": links,
    })))
}

/// The item of a mask, and its box in degrees.
fn item(project: &Project, mask: &Mask, collection: &str) -> Result<(Value, [f64; 4])> {
    let plan = &project.plan;
    let (period, grid) = (&plan.periods[mask.period], &mask.grid);
    let epsg = grid.crs.epsg();
    let range = period.range()?;
    let (geometry, bbox) = outline(grid)?;
    let record = &mask.record;
    let title = format!("Mining-disturbed land, {}, EPSG:{epsg}", period.name);
    let href = format!("./{}", record.name);
    let asset = stac_writer::raster_asset(&href, COG, &title, &["data"], grid, Some(record.size), Some(&record.sha256));
    let home = format!("./{COLLECTION}");
    let links = ["root", "parent", "collection"].map(|rel| stac_writer::link(rel, &home, stac_writer::JSON));
    let item = stac_writer::item(json!({
        "id": item_id(project, mask.period, epsg),
        "collection": collection,
        "geometry": geometry,
        "bbox": bbox,
        "properties": {
            "title": title,
            "datetime": null,
            "start_datetime": range.start,
            "end_datetime": range.end,
            "proj:code": stac_writer::projection_code(&grid.crs),
            "proj:bbox": grid.bounds(),
            "minesegsat:period": period.name,
            "minesegsat:model": plan.model.title,
            "minesegsat:model_sha256": plan.model.sha256,
            "minesegsat:threshold": plan.model.threshold,
            "minesegsat:min_area_m2": plan.min_area_m2,
        },
        "links": links,
        "assets": { "mask": mask_members(asset) },
    }));
    Ok((item, bbox))
}

/// Adds what all masks have in common to an asset. An asset without a file loses its `href`.
fn mask_members(mut asset: Value) -> Value {
    let classes: Vec<Value> = MASK_CLASSES
        .iter()
        .map(|&(value, name)| {
            let mut class = json!({ "value": value, "name": name.replace(' ', "-"), "description": name });
            if let Some([red, green, blue]) = MASK_PALETTE.get(usize::from(value)) {
                class["color_hint"] = json!(format!("{red:02X}{green:02X}{blue:02X}"));
            }
            if value == MASK_NODATA {
                class["nodata"] = json!(true);
            }
            class
        })
        .collect();
    asset["bands"] = json!([{ "name": "mining", "data_type": "uint8", "nodata": MASK_NODATA }]);
    asset["classification:classes"] = json!(classes);
    if asset["href"] == ""
        && let Some(members) = asset.as_object_mut()
    {
        members.remove("href");
    }
    asset
}

fn rounded(degrees: f64) -> f64 {
    (degrees * 1e7).round() / 1e7
}

/// Outline of a grid in longitude and latitude, cut at the antimeridian, and its box; west > east across the antimeridian.
fn outline(grid: &Grid) -> Result<(Value, [f64; 4])> {
    let to_lon_lat = Transformer::new(&grid.crs, &Crs::WGS84)?;
    let [min_x, min_y, max_x, max_y] = grid.bounds();
    let rect: MultiPolygon<f64> = Rect::new((min_x, min_y), (max_x, max_y)).to_polygon().into();
    let longest = (max_x - min_x).max(max_y - min_y) / EDGE_PARTS;
    let mut outline = to_lon_lat.transform_densified(&rect, longest)?;
    if outline.bounding_rect().is_some_and(|rect| rect.min().x < -180.0 || rect.max().x > 180.0) {
        outline = cut_at_antimeridian(&outline);
    }
    let polygons: Vec<Vec<Vec<[f64; 2]>>> = outline
        .iter()
        .map(|polygon| vec![polygon.exterior().0.iter().map(|c| [rounded(c.x), rounded(c.y)]).collect()])
        .collect();
    let geometry = match polygons.as_slice() {
        [one] => json!({ "type": "Polygon", "coordinates": one }),
        several => json!({ "type": "MultiPolygon", "coordinates": several }),
    };
    Ok((geometry, to_lon_lat.transform_bounds(grid.bounds())?.map(rounded)))
}

/// The smallest box around boxes in degrees; west > east across the antimeridian.
fn around(boxes: &[[f64; 4]]) -> [f64; 4] {
    // All boxes begin within one turn from a longitude.
    let from = |first: f64| {
        let unwrapped = boxes.iter().map(|&[west, south, east, north]| {
            let width = if west <= east { east - west } else { east + 360.0 - west };
            let west = first + (west - first).rem_euclid(360.0);
            [west, south, west + width, north]
        });
        unwrapped.reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])])
    };
    let (Some(plain), Some(across)) = (from(-180.0), from(0.0)) else { return [-180.0, -90.0, 180.0, 90.0] };
    let width = |b: [f64; 4]| b[2] - b[0];
    let [west, south, east, north] = if width(across) < width(plain) { across } else { plain };
    if east - west >= 360.0 {
        return [-180.0, south, 180.0, north];
    }
    [rounded(wrap_longitude(west)), south, rounded(wrap_longitude(east)), north]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_box_around_boxes_is_the_narrow_one() {
        let [west, east] = [[-121.0, 50.0, -120.0, 51.0], [-119.0, 49.0, -118.0, 50.0]];
        assert_eq!(around(&[west, east]), [-121.0, 49.0, -118.0, 51.0]);
        // Zones 60 and 1: either beside the antimeridian, or one box across it.
        let (fiji, samoa) = ([178.0, -18.0, 180.0, -17.0], [-180.0, -18.0, -179.0, -16.0]);
        assert_eq!(around(&[fiji, samoa]), [178.0, -18.0, -179.0, -16.0]);
        assert_eq!(around(&[[179.5, -18.0, -179.5, -17.0], samoa]), [179.5, -18.0, -179.0, -16.0]);
        assert_eq!(around(&[samoa]), samoa);
    }

    #[test]
    fn outlines_across_the_antimeridian_are_cut_there() {
        let grid = |x: f64| Grid {
            crs: Crs::from_epsg(32701).unwrap(),
            transform: minesegsat_core::GeoTransform::north_up(x, 8_060_500.0, 10.0),
            width: 200,
            height: 100,
        };
        // pyproj 3.7: -180 is x = 181_561.7 at 17.5 S.
        let (geometry, bbox) = outline(&grid(181_000.0)).unwrap();
        assert_eq!(geometry["type"], "MultiPolygon");
        assert!(bbox[0] > 179.99 && bbox[2] < -179.98, "{bbox:?}");
        let (geometry, bbox) = outline(&grid(500_000.0)).unwrap();
        assert_eq!(geometry["type"], "Polygon");
        assert!((bbox[0] + 177.0).abs() < 0.01 && bbox[0] < bbox[2], "{bbox:?}");
    }
}
