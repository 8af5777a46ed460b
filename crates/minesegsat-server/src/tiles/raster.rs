//! Pictures of the layers of a map.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use minesegsat::register::SiteId;
use minesegsat::tiles::{Layer, LayerSet, Legend, Style, Tile};
use serde_json::{Value, json};

use super::{Tiles, tile_of};
use crate::answer::{Answer, JSON, json as answer, tagged};
use crate::base::Base;
use crate::etag;
use crate::ids::{ObservationName, PredictionName, site_id};
use crate::problem::{Problem, refused};
use crate::query::Query;
use crate::state::App;
use crate::workspace::Workspace;

const PNG: &str = "image/png";
/// A tile is of scenes and a model that its address names, so it hardly ever changes.
const KEEPS: &str = "private, max-age=3600";
/// Parameters of tiles.
const KNOWN: [&str; 3] = ["rescale", "colormap", "scale"];

/// Which map is meant.
#[derive(Debug, Clone)]
enum Map {
    Observation(SiteId, ObservationName),
    Prediction(PredictionName),
}

impl Map {
    fn of_site(site: &str, name: &str) -> Result<Self, Problem> {
        Ok(Self::Observation(site_id(site)?, name.parse()?))
    }

    /// Opens it, and says which file name its tiles are kept under.
    fn open(&self, workspace: &Workspace, tiles: &Tiles) -> Result<(PathBuf, Arc<LayerSet>), Problem> {
        let sets = &tiles.inner.sets;
        match self {
            Self::Observation(site, name) => {
                let snapshot = workspace.snapshot()?;
                let entry = snapshot.site(site)?;
                let keys = snapshot.keys.get(entry.keys.clone()).unwrap_or_default();
                if !keys.iter().any(|key| key.name == name.as_str()) {
                    return Err(Problem::not_found(format!("site `{site}` has no observation `{name}`")));
                }
                let folder = workspace.observation_folder(site, name.as_str())?.ok_or_else(|| {
                    Problem::not_found(format!(
                        "the files of observation `{name}` of site `{site}` are not there any more"
                    ))
                })?;
                let set = sets.observation(&folder)?;
                Ok((folder, set))
            }
            Self::Prediction(name) => {
                workspace.check()?;
                let prediction = workspace.predictions().find(name)?;
                Ok((prediction.folder.clone(), sets.map(&prediction.folder)?))
            }
        }
    }
}

/// What a query says of drawing: the style, and the scale.
fn style(layer: Layer, query: &Query) -> Result<(Style, u32), Problem> {
    query.only(&KNOWN)?;
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
) -> Answer {
    let tile = tile_of(&z, &x, &y, ".png")?;
    draw(&app, Map::of_site(&site, &name)?, &layer, tile, &query, &headers).await
}

/// `GET /tiles/predictions/{name}/{layer}/{z}/{x}/{y}.png`
pub(crate) async fn prediction_tile(
    State(app): State<Arc<App>>,
    Path((name, layer, z, x, y)): Path<(String, String, String, String, String)>,
    query: Query,
    headers: HeaderMap,
) -> Answer {
    let tile = tile_of(&z, &x, &y, ".png")?;
    draw(&app, Map::Prediction(name.parse()?), &layer, tile, &query, &headers).await
}

async fn draw(app: &App, map: Map, layer: &str, tile: Tile, query: &Query, headers: &HeaderMap) -> Answer {
    let layer: Layer = layer.parse().map_err(refused)?;
    let (style, scale) = style(layer, query)?;
    let tiles = app.tiles.clone();
    let headers = headers.clone();
    app.read(move |workspace| {
        let (folder, set) = map.open(workspace, &tiles)?;
        has(&set, layer)?;
        let key = format!("{}\0{}\0{layer}\0{style:?}\0{scale}\0{tile}", folder.display(), set.fingerprint());
        let tag = etag::of_parts(&[&key]);
        // Who has it needs no picture drawn.
        if etag::matching(&headers, &tag).is_some() {
            return Ok(tagged(&headers, PNG, KEEPS, &tag, bytes::Bytes::new()));
        }
        let drawn = tiles.tile(&key, || set.render(layer, tile, 256 * scale, &style))?;
        let bytes = drawn.unwrap_or_else(|| tiles.inner.empty[scale as usize - 1].clone());
        Ok::<Response, Problem>(tagged(&headers, PNG, KEEPS, &tag, bytes))
    })
    .await
}

fn has(set: &LayerSet, layer: Layer) -> Result<(), Problem> {
    if set.layers().contains(&layer) {
        return Ok(());
    }
    let there: Vec<String> = set.layers().iter().map(|layer| format!("`{layer}`")).collect();
    Err(Problem::not_found(format!("this map has no layer `{layer}`; it has {}", there.join(", "))))
}

/// `GET /tiles/sites/{site}/{observation}/{layer}/tilejson.json`
pub(crate) async fn site_tilejson(
    State(app): State<Arc<App>>,
    Path((site, name, layer)): Path<(String, String, String)>,
    base: Base,
    query: Query,
    headers: HeaderMap,
) -> Answer {
    let path = format!("/tiles/sites/{site}/{name}/{layer}");
    tilejson(&app, Map::of_site(&site, &name)?, &layer, &base.url(&path), &query, &headers).await
}

/// `GET /tiles/predictions/{name}/{layer}/tilejson.json`
pub(crate) async fn prediction_tilejson(
    State(app): State<Arc<App>>,
    Path((name, layer)): Path<(String, String)>,
    base: Base,
    query: Query,
    headers: HeaderMap,
) -> Answer {
    let path = format!("/tiles/predictions/{name}/{layer}");
    tilejson(&app, Map::Prediction(name.parse()?), &layer, &base.url(&path), &query, &headers).await
}

async fn tilejson(app: &App, map: Map, layer: &str, url: &str, query: &Query, headers: &HeaderMap) -> Answer {
    let layer: Layer = layer.parse().map_err(refused)?;
    let (style, _) = style(layer, query)?;
    let tiles = app.tiles.clone();
    let (bounds, zooms) = app
        .read(move |workspace| {
            let (_, set) = map.open(workspace, &tiles)?;
            has(&set, layer)?;
            Ok((set.bounds_wgs84(), set.zooms()))
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
    if let Some(legend) = style.legend(layer) {
        document["legend"] = legend_json(&legend);
    }
    answer(headers, JSON, &document)
}

/// What the colours mean, for legends of pages; a member of our own.
fn legend_json(legend: &Legend) -> Value {
    let hex = |colour: &[u8]| colour.iter().fold("#".to_owned(), |text, byte| text + &format!("{byte:02x}"));
    match legend {
        Legend::Ramp { min, max, colours } => {
            // As they are written: 0.9 and not the nearest double of the nearest float.
            let number = |value: &f32| value.to_string().parse::<f64>().unwrap_or(f64::from(*value));
            let colours: Vec<String> = colours.iter().map(|colour| hex(colour)).collect();
            json!({"type": "scale", "range": [number(min), number(max)], "colours": colours})
        }
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
