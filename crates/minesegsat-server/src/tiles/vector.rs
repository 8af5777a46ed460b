//! Vector tiles of sites, permits, and what was last seen.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use geo::Geometry;
use minesegsat::tiles::{Tile, VectorFeature, VectorSource, VectorValue};
use serde_json::{Map, Value, json};

use super::{Tiles, tile_of};
use crate::answer::{Answer, REVALIDATE, content};
use crate::api::{Kind, shapes_of};
use crate::place::PlaceFilter;
use crate::problem::Problem;
use crate::query::Query;
use crate::snapshot::Snapshot;
use crate::state::App;
use crate::workspace::Workspace;

const MVT: &str = "application/vnd.mapbox-vector-tile";
/// Zoom from which polygons of maps are drawn: from farther away they are specks, and of thousands of sites.
const FIRST_ZOOM: u8 = 7;
/// Degrees that a map may reach beyond a site's boundary.
const REACH: f64 = 0.2;
/// Observations whose polygons are kept.
const KEPT: usize = 512;

/// What a vector tile shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    Sites,
    Permits,
    Disturbed,
    Changes,
}

impl Layer {
    const fn name(self) -> &'static str {
        match self {
            Self::Sites => "sites",
            Self::Permits => "permits",
            Self::Disturbed => "disturbed",
            Self::Changes => "changes",
        }
    }
}

impl FromStr for Layer {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let all = [Self::Sites, Self::Permits, Self::Disturbed, Self::Changes];
        all.into_iter()
            .find(|layer| layer.name() == text)
            .ok_or_else(|| Problem::argument("layer", text, "`sites`, `permits`, `disturbed` or `changes`"))
    }
}

/// Outlines that tiles are cut from.
type Shapes = Arc<Vec<VectorFeature>>;

/// Features that are ready to be cut.
#[derive(Debug, Default)]
pub(super) struct Vectors {
    /// Sites and permits of a state of the register.
    fixed: Mutex<Option<Fixed>>,
    /// Polygons of observations, by site and name.
    shapes: Mutex<HashMap<(String, bool), Shapes>>,
}

#[derive(Debug)]
struct Fixed {
    of: Weak<Snapshot>,
    sites: Arc<VectorSource>,
    permits: Arc<VectorSource>,
}

/// `GET /tiles/vector/{layer}/{z}/{x}/{y}.mvt`
pub(crate) async fn vector_tile(
    State(app): State<Arc<App>>,
    Path((layer, z, x, y)): Path<(String, String, String, String)>,
    query: Query,
    headers: HeaderMap,
) -> Answer {
    query.only(&[])?;
    let layer: Layer = layer.parse()?;
    let tile = tile_of(&z, &x, &y, ".mvt")?;
    let tiles = app.tiles.clone();
    let bytes = app.read(move |workspace| cut(workspace, &tiles, layer, tile)).await?;
    Ok(content(&headers, MVT, REVALIDATE, bytes))
}

fn cut(workspace: &Workspace, tiles: &Tiles, layer: Layer, tile: Tile) -> Result<bytes::Bytes, Problem> {
    let snapshot = workspace.snapshot()?;
    let key = format!("vector\0{}\0{}\0{tile}", snapshot.version, layer.name());
    let drawn = match layer {
        Layer::Sites | Layer::Permits => {
            let source = tiles.inner.vectors.fixed(&snapshot, layer)?;
            tiles.tile(&key, || Ok(source.tile(tile)))?
        }
        Layer::Disturbed | Layer::Changes => {
            if tile.z() < FIRST_ZOOM {
                return Ok(bytes::Bytes::new());
            }
            if let Some(kept) = tiles.inner.cache.get(&key) {
                return Ok(kept.unwrap_or_default());
            }
            let features = tiles.inner.vectors.of_last(workspace, &snapshot, layer, tile);
            let source = VectorSource::new(layer.name(), features)?;
            tiles.tile(&key, || Ok(source.tile(tile)))?
        }
    };
    Ok(drawn.unwrap_or_default())
}

impl Vectors {
    fn fixed(&self, snapshot: &Arc<Snapshot>, layer: Layer) -> Result<Arc<VectorSource>, Problem> {
        let mut fixed = self.fixed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = fixed.as_ref().is_some_and(|known| known.of.as_ptr() == Arc::as_ptr(snapshot));
        if !is_known {
            *fixed = Some(Fixed {
                of: Arc::downgrade(snapshot),
                sites: Arc::new(sites(snapshot)?),
                permits: Arc::new(permits(snapshot)?),
            });
        }
        let known = fixed.as_ref().ok_or_else(|| Problem::internal("no sites were made"))?;
        Ok(Arc::clone(if layer == Layer::Permits { &known.permits } else { &known.sites }))
    }

    /// Polygons of the last observations of the sites of a tile. Where files are gone or damaged there are none.
    fn of_last(&self, workspace: &Workspace, snapshot: &Snapshot, layer: Layer, tile: Tile) -> Vec<VectorFeature> {
        let [west, south, east, north] = tile.bounds_wgs84();
        let filter = PlaceFilter::of_bbox([
            (west - REACH).max(-180.0),
            (south - REACH).max(-90.0),
            (east + REACH).min(180.0),
            (north + REACH).min(90.0),
        ]);
        let mut features = Vec::new();
        for entry in snapshot.sites.iter().filter(|entry| filter.touches(&entry.site.boundary)) {
            let Some(key) = snapshot.keys.get(entry.keys.clone()).and_then(<[_]>::last) else { continue };
            let id = (format!("{}.{}", key.site, key.name), layer == Layer::Changes);
            let kept = self.shapes.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
            let of_site = kept.unwrap_or_else(|| {
                let made = Arc::new(read(workspace, key, layer).unwrap_or_else(|problem| {
                    tracing::debug!("no polygons of `{}` in tiles: {}", key.site, problem.detail);
                    Vec::new()
                }));
                let mut shapes = self.shapes.lock().unwrap_or_else(PoisonError::into_inner);
                if shapes.len() >= KEPT {
                    shapes.clear();
                }
                shapes.insert(id, Arc::clone(&made));
                made
            });
            features.extend(of_site.iter().cloned());
        }
        features
    }
}

fn read(
    workspace: &Workspace,
    key: &minesegsat::register::ObservationKey,
    layer: Layer,
) -> Result<Vec<VectorFeature>, Problem> {
    let found = workspace.register(|register| register.observation(&key.site, &key.name))?;
    let Some(one) = found else { return Ok(Vec::new()) };
    let kind = if layer == Layer::Changes { Kind::Changes } else { Kind::Disturbed };
    let shapes = shapes_of(workspace, &one, kind)?;
    Ok((1..)
        .zip(shapes)
        .map(|(id, shape)| {
            let mut properties = shape.properties;
            properties.insert("site".to_owned(), json!(one.site));
            properties.insert("date".to_owned(), json!(one.date));
            feature(id, Geometry::MultiPolygon(shape.outline), properties)
        })
        .collect())
}

fn feature(id: u64, geometry: Geometry<f64>, properties: Map<String, Value>) -> VectorFeature {
    let properties =
        properties.into_iter().filter_map(|(name, value)| Some((name, VectorValue::of_json(&value)?))).collect();
    VectorFeature { id: Some(id), geometry, properties }
}

fn sites(snapshot: &Snapshot) -> minesegsat::Result<VectorSource> {
    let features = (1..).zip(&snapshot.sites).map(|(number, entry)| {
        let (summary, last) = (&entry.summary, entry.summary.last.as_ref());
        let properties = json!({
            "id": summary.id,
            "name": summary.name,
            "verdict": last.map(|last| last.verdict),
            "area_ha": last.and_then(|last| last.area).map(|area| area.ha),
            "limit_ha": summary.limit_ha,
            "date": last.map(|last| last.date),
            "status": summary.status,
        });
        feature(number, Geometry::MultiPolygon(entry.site.boundary.clone()), object(properties))
    });
    VectorSource::new("sites", features.collect())
}

fn permits(snapshot: &Snapshot) -> minesegsat::Result<VectorSource> {
    let all = snapshot.sites.iter().flat_map(|entry| entry.permits.iter().map(move |permit| (entry, permit)));
    let features = (1..).zip(all).map(|(number, (entry, permit))| {
        let properties = json!({
            "site": permit.site,
            "number": permit.number,
            "valid_from": permit.valid_from,
            "valid_to": permit.valid_to,
            "limit_ha": permit.limit_ha,
        });
        let outline = permit.polygon.as_ref().unwrap_or(&entry.site.boundary);
        feature(number, Geometry::MultiPolygon(outline.clone()), object(properties))
    });
    VectorSource::new("permits", features.collect())
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
