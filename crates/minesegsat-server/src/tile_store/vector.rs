//! Vector tiles of sites, permits, and the polygons of the latest observations.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use geo::Geometry;
use minesegsat_tiles::{Tile, VectorFeature, VectorSource, VectorValue};
use serde_json::{Map, Value, json};

use super::TileStore;
use crate::observation_files::{PolygonKind, read_polygons};
use crate::problem::Problem;
use crate::snapshot::Snapshot;
use crate::spatial_filter::SpatialFilter;
use crate::workspace::Workspace;

/// Lowest zoom that shows polygons of observations. Below it they are smaller than a pixel, and a tile covers thousands of
/// sites.
const FIRST_ZOOM: u8 = 7;
/// Margin around a tile: a map may extend this many degrees beyond the site's boundary.
const MARGIN_DEGREES: f64 = 0.2;
/// Maximum number of observations with cached polygons.
const KEPT: usize = 512;

/// Layer of vector tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VectorLayer {
    Sites,
    Permits,
    Disturbed,
    Changes,
}

impl VectorLayer {
    const fn name(self) -> &'static str {
        match self {
            Self::Sites => "sites",
            Self::Permits => "permits",
            Self::Disturbed => "disturbed",
            Self::Changes => "changes",
        }
    }
}

impl FromStr for VectorLayer {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let all = [Self::Sites, Self::Permits, Self::Disturbed, Self::Changes];
        all.into_iter()
            .find(|layer| layer.name() == text)
            .ok_or_else(|| Problem::argument("layer", text, "`sites`, `permits`, `disturbed` or `changes`"))
    }
}

/// Polygons of an observation.
type Shapes = Arc<Vec<VectorFeature>>;

/// Features that vector tiles are cut from.
#[derive(Debug, Default)]
pub(super) struct VectorSources {
    /// Sites and permits of the newest snapshot.
    fixed: Mutex<Option<Fixed>>,
    /// Polygons of observations, by site and name.
    shapes: Mutex<HashMap<(String, bool), Shapes>>,
}

#[derive(Debug)]
struct Fixed {
    snapshot: Weak<Snapshot>,
    sites: Arc<VectorSource>,
    permits: Arc<VectorSource>,
}

impl TileStore {
    /// A vector tile (MVT). Empty if nothing lies in it.
    pub(crate) fn vector_tile(
        &self,
        workspace: &Workspace,
        layer: VectorLayer,
        tile: Tile,
    ) -> Result<bytes::Bytes, Problem> {
        let snapshot = workspace.snapshot()?;
        let key = format!("vector\0{}\0{}\0{tile}", snapshot.version, layer.name());
        let drawn = match layer {
            VectorLayer::Sites | VectorLayer::Permits => {
                let source = self.inner.vectors.fixed(&snapshot, layer)?;
                self.tile(&key, || Ok(source.tile(tile)))?
            }
            VectorLayer::Disturbed | VectorLayer::Changes => {
                if tile.z() < FIRST_ZOOM {
                    return Ok(bytes::Bytes::new());
                }
                if let Some(kept) = self.inner.cache.get(&key) {
                    return Ok(kept.unwrap_or_default());
                }
                let features = self.inner.vectors.latest_polygons(workspace, &snapshot, layer, tile);
                let source = VectorSource::new(layer.name(), features)?;
                self.tile(&key, || Ok(source.tile(tile)))?
            }
        };
        Ok(drawn.unwrap_or_default())
    }
}

impl VectorSources {
    fn fixed(&self, snapshot: &Arc<Snapshot>, layer: VectorLayer) -> Result<Arc<VectorSource>, Problem> {
        let mut fixed = self.fixed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = fixed.as_ref().is_some_and(|known| known.snapshot.as_ptr() == Arc::as_ptr(snapshot));
        if !is_known {
            *fixed = Some(Fixed {
                snapshot: Arc::downgrade(snapshot),
                sites: Arc::new(sites(snapshot)?),
                permits: Arc::new(permits(snapshot)?),
            });
        }
        let known = fixed.as_ref().ok_or_else(|| Problem::internal("no sites were made"))?;
        Ok(Arc::clone(if layer == VectorLayer::Permits { &known.permits } else { &known.sites }))
    }

    /// Polygons of the latest observation of each site in a tile. Sites with missing or damaged files are left out.
    fn latest_polygons(
        &self,
        workspace: &Workspace,
        snapshot: &Snapshot,
        layer: VectorLayer,
        tile: Tile,
    ) -> Vec<VectorFeature> {
        let [west, south, east, north] = tile.bounds_wgs84();
        let filter = SpatialFilter::from_bbox([
            (west - MARGIN_DEGREES).max(-180.0),
            (south - MARGIN_DEGREES).max(-90.0),
            (east + MARGIN_DEGREES).min(180.0),
            (north + MARGIN_DEGREES).min(90.0),
        ]);
        let mut features = Vec::new();
        for entry in snapshot.sites.iter().filter(|entry| filter.intersects(&entry.site.boundary)) {
            let Some(key) = snapshot.keys.get(entry.keys.clone()).and_then(<[_]>::last) else { continue };
            let id = (format!("{}.{}", key.site, key.name), layer == VectorLayer::Changes);
            let kept = self.shapes.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
            let polygons = kept.unwrap_or_else(|| {
                let read = Arc::new(read_features(workspace, key, layer).unwrap_or_else(|problem| {
                    tracing::debug!("no polygons of `{}` in tiles: {}", key.site, problem.detail);
                    Vec::new()
                }));
                let mut shapes = self.shapes.lock().unwrap_or_else(PoisonError::into_inner);
                if shapes.len() >= KEPT {
                    shapes.clear();
                }
                shapes.insert(id, Arc::clone(&read));
                read
            });
            features.extend(polygons.iter().cloned());
        }
        features
    }
}

fn read_features(
    workspace: &Workspace,
    key: &minesegsat_watch::register::ObservationKey,
    layer: VectorLayer,
) -> Result<Vec<VectorFeature>, Problem> {
    let found = workspace.register(|register| register.observation(&key.site, &key.name))?;
    let Some(observation) = found else { return Ok(Vec::new()) };
    let kind = if layer == VectorLayer::Changes { PolygonKind::Changes } else { PolygonKind::Disturbed };
    let shapes = read_polygons(workspace, &observation, kind)?;
    Ok((1..)
        .zip(shapes)
        .map(|(id, shape)| {
            let mut properties = shape.properties;
            properties.insert("site".to_owned(), json!(observation.site));
            properties.insert("date".to_owned(), json!(observation.date));
            feature(id, Geometry::MultiPolygon(shape.outline), properties)
        })
        .collect())
}

fn feature(id: u64, geometry: Geometry<f64>, properties: Map<String, Value>) -> VectorFeature {
    let properties =
        properties.into_iter().filter_map(|(name, value)| Some((name, VectorValue::from_json(&value)?))).collect();
    VectorFeature { id: Some(id), geometry, properties }
}

fn sites(snapshot: &Snapshot) -> minesegsat_core::Result<VectorSource> {
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

fn permits(snapshot: &Snapshot) -> minesegsat_core::Result<VectorSource> {
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
