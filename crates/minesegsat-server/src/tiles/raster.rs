//! Raster tiles (PNG) of the layers of a map.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use minesegsat_tiles::{Layer, LayerSet, Legend, Style, Tile};
use minesegsat_watch::register::SiteId;
use serde_json::{Value, json};

use super::parse_tile;
use crate::base::BaseUrl;
use crate::etag;
use crate::ids::{ObservationName, PredictionName, site_id};
use crate::problem::{Problem, refused};
use crate::query::Query;
use crate::response::{HandlerResult, JSON, json_response, tagged};
use crate::state::App;
use crate::tile_store::TileStore;
use crate::workspace::Workspace;

const PNG: &str = "image/png";
/// The path of a tile names its scenes and model, so the tile rarely changes.
const CACHE_CONTROL: &str = "private, max-age=3600";
/// Query parameters of tiles.
const PARAMETERS: [&str; 3] = ["rescale", "colormap", "scale"];

/// The map that a path names.
#[derive(Debug, Clone)]
enum MapId {
    Observation(SiteId, ObservationName),
    Prediction(PredictionName),
}

impl MapId {
    fn parse_observation(site: &str, name: &str) -> Result<Self, Problem> {
        Ok(Self::Observation(site_id(site)?, name.parse()?))
    }

    /// Opens the map. Returns its folder and its layers.
    fn open(&self, workspace: &Workspace, tiles: &TileStore) -> Result<(PathBuf, Arc<LayerSet>), Problem> {
        match self {
            Self::Observation(site, name) => {
                let snapshot = workspace.snapshot()?;
                let entry = snapshot.site(site)?;
                let keys = snapshot.keys.get(entry.keys.clone()).unwrap_or_default();
                if !keys.iter().any(|key| key.name == name.as_str()) {
                    return Err(Problem::not_found(format!("site `{site}` has no observation `{name}`")));
                }
                let folder = workspace.observation_folder(site, name.as_str())?.ok_or_else(|| {
                    Problem::not_found(format!("the files of observation `{name}` of site `{site}` are missing"))
                })?;
                let set = tiles.observation_set(&folder)?;
                Ok((folder, set))
            }
            Self::Prediction(name) => {
                workspace.check()?;
                let prediction = workspace.predictions().find(name)?;
                Ok((prediction.folder.clone(), tiles.map_set(&prediction.folder)?))
            }
        }
    }
}

/// The style and scale of a query.
fn parse_style(layer: Layer, query: &Query) -> Result<(Style, u32), Problem> {
    query.only(&PARAMETERS)?;
    let style = Style::parse(layer, query.get("rescale"), query.get("colormap")).map_err(refused)?;
    let scale = match query.get("scale") {
        None | Some("1") => 1,
        Some("2") => 2,
        Some(other) => return Err(Problem::argument("scale", other, "1 for 256 pixels, 2 for 512")),
    };
    Ok((style, scale))
}

/// `GET /tiles/sites/{site}/{observation}/{layer}/{z}/{x}/{y}.png`
pub(crate) async fn site_tile(
    State(app): State<Arc<App>>,
    Path((site, name, layer, z, x, y)): Path<(String, String, String, String, String, String)>,
    query: Query,
    headers: HeaderMap,
) -> HandlerResult {
    let tile = parse_tile(&z, &x, &y, ".png")?;
    draw(&app, MapId::parse_observation(&site, &name)?, &layer, tile, &query, &headers).await
}

/// `GET /tiles/predictions/{name}/{layer}/{z}/{x}/{y}.png`
pub(crate) async fn prediction_tile(
    State(app): State<Arc<App>>,
    Path((name, layer, z, x, y)): Path<(String, String, String, String, String)>,
    query: Query,
    headers: HeaderMap,
) -> HandlerResult {
    let tile = parse_tile(&z, &x, &y, ".png")?;
    draw(&app, MapId::Prediction(name.parse()?), &layer, tile, &query, &headers).await
}

async fn draw(app: &App, map: MapId, layer: &str, tile: Tile, query: &Query, headers: &HeaderMap) -> HandlerResult {
    let layer: Layer = layer.parse().map_err(refused)?;
    let (style, scale) = parse_style(layer, query)?;
    let tiles = app.tiles.clone();
    let headers = headers.clone();
    app.read(move |workspace| {
        let (folder, set) = map.open(workspace, &tiles)?;
        check_layer(&set, layer)?;
        let key = format!("{}\0{}\0{layer}\0{style:?}\0{scale}\0{tile}", folder.display(), set.fingerprint());
        let tag = etag::parts_tag(&[&key]);
        // A client that has the tile needs no drawing.
        if etag::matching(&headers, &tag).is_some() {
            return Ok(tagged(&headers, PNG, CACHE_CONTROL, &tag, bytes::Bytes::new()));
        }
        let drawn = tiles.tile(&key, || set.render(layer, tile, 256 * scale, &style))?;
        let bytes = drawn.unwrap_or_else(|| tiles.empty_png(scale));
        Ok::<Response, Problem>(tagged(&headers, PNG, CACHE_CONTROL, &tag, bytes))
    })
    .await
}

fn check_layer(set: &LayerSet, layer: Layer) -> Result<(), Problem> {
    if set.layers().contains(&layer) {
        return Ok(());
    }
    let layers: Vec<String> = set.layers().iter().map(|layer| format!("`{layer}`")).collect();
    Err(Problem::not_found(format!("this map has no layer `{layer}`; layers are {}", layers.join(", "))))
}

/// `GET /tiles/sites/{site}/{observation}/{layer}/tilejson.json`
pub(crate) async fn site_tilejson(
    State(app): State<Arc<App>>,
    Path((site, name, layer)): Path<(String, String, String)>,
    base: BaseUrl,
    query: Query,
    headers: HeaderMap,
) -> HandlerResult {
    let path = format!("/tiles/sites/{site}/{name}/{layer}");
    tilejson(&app, MapId::parse_observation(&site, &name)?, &layer, &base.url(&path), &query, &headers).await
}

/// `GET /tiles/predictions/{name}/{layer}/tilejson.json`
pub(crate) async fn prediction_tilejson(
    State(app): State<Arc<App>>,
    Path((name, layer)): Path<(String, String)>,
    base: BaseUrl,
    query: Query,
    headers: HeaderMap,
) -> HandlerResult {
    let path = format!("/tiles/predictions/{name}/{layer}");
    tilejson(&app, MapId::Prediction(name.parse()?), &layer, &base.url(&path), &query, &headers).await
}

async fn tilejson(app: &App, map: MapId, layer: &str, url: &str, query: &Query, headers: &HeaderMap) -> HandlerResult {
    let layer: Layer = layer.parse().map_err(refused)?;
    let (style, _) = parse_style(layer, query)?;
    let tiles = app.tiles.clone();
    let (bounds, zooms, legend) = app
        .read(move |workspace| {
            let (_, set) = map.open(workspace, &tiles)?;
            check_layer(&set, layer)?;
            Ok((set.bounds_wgs84(), set.zooms(), set.legend(layer, &style)))
        })
        .await?;
    let query = query.with(&[]);
    let query = if query.is_empty() { query } else { format!("?{query}") };
    let mut document = json!({
        "tilejson": "3.0.0",
        "name": layer.title(),
        "attribution": "Contains modified Copernicus Sentinel data",
        "tiles": [format!("{url}/{{z}}/{{x}}/{{y}}.png{query}")],
        "bounds": bounds,
        "minzoom": zooms.0,
        "maxzoom": zooms.1,
    });
    if let Some(legend) = legend {
        document["legend"] = legend_json(&legend);
    }
    json_response(headers, JSON, &document)
}

/// Legend of a layer. Not part of the TileJSON standard.
fn legend_json(legend: &Legend) -> Value {
    let hex = |colour: &[u8]| format!("#{}", minesegsat_core::hex::encode(colour));
    let hex_of = |colours: &[[u8; 3]]| -> Vec<String> { colours.iter().map(|colour| hex(colour)).collect() };
    match legend {
        Legend::Ramp { min, max, colours } => {
            // The shortest decimal of the f32: 0.9, not 0.8999999761581421.
            let number = |value: &f32| value.to_string().parse::<f64>().unwrap_or(f64::from(*value));
            json!({"type": "scale", "range": [number(min), number(max)], "colours": hex_of(colours)})
        }
        Legend::Dates { range, colours } => json!({"type": "dates", "range": range, "colours": hex_of(colours)}),
        Legend::Classes(classes) => {
            let classes: Vec<Value> = classes
                .iter()
                .map(|class| {
                    let mut value = json!({"name": class.name, "title": class.title, "colour": hex(&class.colour)});
                    if let Some(stripes) = &class.stripes {
                        value["stripes"] = json!(hex(stripes));
                    }
                    value
                })
                .collect();
            json!({"type": "classes", "classes": classes})
        }
    }
}
