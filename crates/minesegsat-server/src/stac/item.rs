//! STAC items of observations and predictions.

use geo::{Rect, coord};
use minesegsat_scene::stac_writer;
use minesegsat_watch::register::geometry_json;
use serde_json::{Map, Value, json};

use super::catalog::{Collection, link};
use crate::base::BaseUrl;
use crate::ids::observation_id;
use crate::map_rasters::MapRasters;
use crate::observation_files::ObservationRecord;
use crate::predictions::Prediction;
use crate::problem::Problem;
use crate::response::{GEO_JSON, GEOTIFF, HTML, JSON};
use crate::snapshot::SiteEntry;
use crate::time::day_span;
use crate::workspace::Workspace;

/// The item of an observation.
pub(super) fn observation_item(
    workspace: &Workspace,
    base: &BaseUrl,
    entry: &SiteEntry,
    name: &str,
    date: jiff::civil::Date,
) -> Result<Value, Problem> {
    let site = &entry.site;
    let record = ObservationRecord::read(workspace, &site.id, name)?;
    let mut properties = Map::new();
    let (first, last) = day_span(date).ok_or_else(|| Problem::internal(format!("{date} is not a date")))?;
    // A composite combines several days. Its record has no time, so the item gets the day of the observation.
    let datetime =
        record.as_ref().and_then(ObservationRecord::datetime).map_or_else(|| first.to_string(), str::to_owned);
    properties.insert("datetime".to_owned(), datetime.into());
    properties.insert("start_datetime".to_owned(), first.to_string().into());
    properties.insert("end_datetime".to_owned(), last.to_string().into());
    properties.insert("title".to_owned(), format!("{} on {date}", site.name).into());
    properties.insert("minesegsat:site".to_owned(), json!(site.id));
    properties.insert("minesegsat:observation".to_owned(), name.into());
    if let Some(baseline) = record.as_ref().and_then(ObservationRecord::processing_baseline) {
        properties.insert("s2:processing_baseline".to_owned(), baseline.into());
    }
    let cloud = record.as_ref().and_then(ObservationRecord::cloud_cover_percent);
    let path = format!("/api/sites/{}/observations/{name}", site.id);
    let tiles = format!("/tiles/sites/{}/{name}", site.id);
    let mut assets = Map::new();
    if let Some(record) = &record {
        if let Some(rasters) = record.rasters() {
            raster_assets(&mut assets, &mut properties, &base.url(&path), &rasters);
        }
        asset(&mut assets, "disturbed", base.url(&format!("{path}/polygons")), GEO_JSON, "Disturbed land", "data");
        asset(&mut assets, "changes", base.url(&format!("{path}/changes")), GEO_JSON, "Gain and loss", "data");
        let tilejson = base.url(&format!("{tiles}/true-colour/tilejson.json"));
        asset(&mut assets, "true-colour", tilejson, JSON, "Tiles in true colour", "tiles");
    }
    let report = base.url(&format!("/api/sites/{}/report", site.id));
    asset(&mut assets, "report", report, HTML, "Report on the site", "metadata");
    let id = observation_id(&site.id, name);
    Ok(item(base, Collection::Scenes, &id, entry.bbox, site.geojson(), properties, assets, cloud))
}

/// The item of a prediction.
pub(super) fn prediction_item(base: &BaseUrl, prediction: &Prediction) -> Value {
    let name = prediction.name.as_str();
    let mut properties = Map::new();
    let span = prediction.date.and_then(day_span);
    let datetime = prediction.datetime.or_else(|| span.map(|span| span.0)).or(prediction.created);
    properties.insert("datetime".to_owned(), json!(datetime.unwrap_or_default()));
    if let Some(created) = prediction.created {
        properties.insert("created".to_owned(), json!(created));
    }
    properties.insert("title".to_owned(), name.into());
    properties.insert("minesegsat:scene".to_owned(), prediction.scene.clone().into());
    properties.insert("minesegsat:area_ha".to_owned(), json!(prediction.area_ha));
    let mut assets = Map::new();
    let home = base.url(&format!("/api/predictions/{name}"));
    raster_assets(&mut assets, &mut properties, &home, &prediction.rasters);
    let polygons = format!("{home}/polygons");
    asset(&mut assets, "disturbed", polygons, GEO_JSON, "Disturbed land", "data");
    let tilejson = base.url(&format!("/tiles/predictions/{name}/probability/tilejson.json"));
    asset(&mut assets, "probability", tilejson, JSON, "Tiles of the probability", "tiles");
    let [west, south, east, north] = prediction.bounds;
    let beyond = if west <= east { east } else { east + 360.0 };
    let rect = Rect::new(coord! {x: west, y: south}, coord! {x: beyond, y: north});
    let geometry = geometry_json(&rect.to_polygon().into());
    item(
        base,
        Collection::Predictions,
        name,
        prediction.bounds,
        geometry,
        properties,
        assets,
        prediction.cloud_cover_percent,
    )
}

/// Adds the rasters of a map below the address of its prediction or observation, with what GDAL needs to open them: reference system,
/// shape and transform.
fn raster_assets(
    assets: &mut Map<String, Value>,
    properties: &mut Map<String, Value>,
    address: &str,
    rasters: &MapRasters,
) {
    let grid = &rasters.grid;
    for file in &rasters.files {
        let (href, hash) = (format!("{address}/files/{}", file.name), file.sha256.as_deref());
        let mut asset = stac_writer::raster_asset(&href, GEOTIFF, file.title, &["data"], grid, file.size, hash);
        if let Some(members) = asset.as_object_mut() {
            members.retain(|_, value| !value.is_null());
        }
        assets.insert(file.name.replace(".tif", "-raster"), asset);
    }
    if !rasters.files.is_empty() {
        properties.insert("proj:code".to_owned(), stac_writer::projection_code(&grid.crs).into());
    }
}

fn asset(assets: &mut Map<String, Value>, key: &str, href: String, kind: &str, title: &str, role: &str) {
    assets.insert(key.to_owned(), stac_writer::asset(&href, kind, title, &[role]));
}

fn item(
    base: &BaseUrl,
    collection: Collection,
    id: &str,
    bbox: [f64; 4],
    geometry: Value,
    mut properties: Map<String, Value>,
    assets: Map<String, Value>,
    cloud: Option<f64>,
) -> Value {
    if let Some(cloud) = cloud {
        properties.insert("eo:cloud_cover".to_owned(), cloud.into());
    }
    let home = format!("/stac/collections/{}", collection.id());
    stac_writer::item(json!({
        "id": id,
        "collection": collection.id(),
        "bbox": bbox,
        "geometry": geometry,
        "properties": properties,
        "assets": assets,
        "links": [
            link("self", base.url(&format!("{home}/items/{id}")), GEO_JSON),
            link("root", base.url("/stac"), JSON),
            link("parent", base.url(&home), JSON),
            link("collection", base.url(&home), JSON),
        ],
    }))
}
