//! Vector tiles of polygons and points: [`VectorSource`].

mod mvt;
mod shape;
#[cfg(test)]
mod tests;

use geo::{BoundingRect, CoordsIter, Geometry, MapCoords, MultiPolygon};
use prost::Message;
use rstar::{AABB, RTree, RTreeObject};

use self::mvt::{Layer, LayerWriter, VectorTile};
use self::shape::{Frame, in_tile};
use super::grid::{Tile, world_position};
use minesegsat_core::{Error, Result};
use minesegsat_vector::vector::cut_at_antimeridian;

/// Units along the side of a tile: 16 per pixel of a tile of 256 pixels.
const EXTENT: u32 = 4096;
/// Latitude in degrees where the square world of web maps ends.
const LAST_LATITUDE: f64 = 85.051_128_779_806_59;

/// Value of a property.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the variants are their types")]
pub enum VectorValue {
    Text(String),
    Integer(i64),
    Real(f64),
    Boolean(bool),
}

impl VectorValue {
    /// From a JSON text, number or boolean. `None` for other values, which tiles cannot contain.
    pub fn from_json(value: &serde_json::Value) -> Option<Self> {
        match value {
            serde_json::Value::String(text) => Some(Self::Text(text.clone())),
            serde_json::Value::Bool(is) => Some(Self::Boolean(*is)),
            serde_json::Value::Number(number) => {
                number.as_i64().map(Self::Integer).or_else(|| number.as_f64().map(Self::Real))
            }
            _ => None,
        }
    }
}

/// A feature for vector tiles.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorFeature {
    /// Id that is unique in the layer.
    pub id: Option<u64>,
    /// Polygon, MultiPolygon or Point, in degrees of longitude and latitude on WGS 84. Longitudes may exceed 180.
    pub geometry: Geometry<f64>,
    /// Names and values of properties, in their order.
    pub properties: Vec<(String, VectorValue)>,
}

/// The features of one layer, from which vector tiles are cut. Threads can share a source.
#[derive(Debug)]
pub struct VectorSource {
    name: String,
    features: Vec<Stored>,
    index: RTree<IndexEntry>,
}

/// A feature in world positions (0 to 1, y to the south).
#[derive(Debug)]
struct Stored {
    id: Option<u64>,
    polygons: MultiPolygon<f64>,
    points: Vec<(f64, f64)>,
    properties: Vec<(String, VectorValue)>,
}

/// Bounds of a feature: min x, min y, max x, max y.
#[derive(Debug)]
struct IndexEntry {
    bounds: [f64; 4],
    feature: usize,
}

impl RTreeObject for IndexEntry {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        let [min_x, min_y, max_x, max_y] = self.bounds;
        AABB::from_corners([min_x, min_y], [max_x, max_y])
    }
}

impl VectorSource {
    /// A layer with a name. Unsupported geometries and invalid positions are errors.
    pub fn new(name: &str, features: Vec<VectorFeature>) -> Result<Self> {
        let mut stored = Vec::with_capacity(features.len());
        let mut index = Vec::with_capacity(features.len());
        for feature in features {
            let (polygons, points) = in_world(&feature)?;
            let mut bounds = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
            let rect = polygons.bounding_rect().map(|r| [(r.min().x, r.min().y), (r.max().x, r.max().y)]);
            for (x, y) in rect.into_iter().flatten().chain(points.iter().copied()) {
                bounds = [bounds[0].min(x), bounds[1].min(y), bounds[2].max(x), bounds[3].max(y)];
            }
            if bounds[0] <= bounds[2] {
                index.push(IndexEntry { bounds, feature: stored.len() });
                stored.push(Stored { id: feature.id, polygons, points, properties: feature.properties });
            }
        }
        Ok(Self { name: name.to_owned(), features: stored, index: RTree::bulk_load(index) })
    }

    /// Name of the layer.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of features.
    pub fn len(&self) -> usize {
        self.features.len()
    }

    /// Whether it has no features.
    pub fn is_empty(&self) -> bool {
        self.features.is_empty()
    }

    /// A tile with this layer only (Mapbox Vector Tile Specification 2.1). `None` if it is empty.
    pub fn tile(&self, tile: Tile) -> Option<Vec<u8>> {
        encode_tile(&[self], tile)
    }

    /// The features of a tile; `None` where it is empty.
    ///
    /// Outlines are simplified by at most a quarter of a pixel, snapped to the 4096 units of the tile, cut 64 units beyond its edges
    /// (65 where a crossing is snapped), and valid there: outer rings have positive area by the surveyor's formula, holes negative. A polygon smaller than a pixel
    /// becomes a square of one pixel, so that it stays visible at low zooms.
    fn layer(&self, tile: Tile) -> Option<Layer> {
        let frame = Frame::new(tile, EXTENT);
        let [min_x, min_y, max_x, max_y] = frame.world_with_buffer();
        let near = AABB::from_corners([min_x, min_y], [max_x, max_y]);
        let mut wanted: Vec<usize> =
            self.index.locate_in_envelope_intersecting(&near).map(|entry| entry.feature).collect();
        // In the order of the source, which is the drawing order.
        wanted.sort_unstable();
        let mut layer = LayerWriter::new(&self.name, EXTENT);
        for feature in wanted.into_iter().map(|i| &self.features[i]) {
            if let Some(geometry) = in_tile(&frame, &feature.polygons, &feature.points) {
                layer.feature(feature.id, &geometry, &feature.properties);
            }
        }
        layer.finish()
    }
}

/// A tile of several layers, which must have different names. `None` if all are empty.
pub fn encode_tile(sources: &[&VectorSource], tile: Tile) -> Option<Vec<u8>> {
    let layers: Vec<Layer> = sources.iter().filter_map(|source| source.layer(tile)).collect();
    (!layers.is_empty()).then(|| VectorTile { layers }.encode_to_vec())
}

/// Positions.
type Points = Vec<(f64, f64)>;

/// Polygons and points of a feature in world positions.
fn in_world(feature: &VectorFeature) -> Result<(MultiPolygon<f64>, Points)> {
    let refuse = |found: String| Error::Argument {
        name: "geometry",
        value: found,
        accepted: "Polygon, MultiPolygon or Point in longitude and latitude".to_owned(),
    };
    let mut polygons = match &feature.geometry {
        Geometry::Polygon(polygon) => MultiPolygon(vec![polygon.clone()]),
        Geometry::MultiPolygon(polygons) => polygons.clone(),
        Geometry::Rect(rect) => MultiPolygon(vec![rect.to_polygon()]),
        Geometry::Point(point) => {
            if !(point.x().is_finite() && point.y().is_finite()) {
                return Err(refuse(format!("{} {}", point.x(), point.y())));
            }
            let lon = minesegsat_core::crs::wrap_longitude(point.x());
            return Ok((MultiPolygon(Vec::new()), vec![world_position(lon, within(point.y()))]));
        }
        Geometry::MultiPoint(_) => return Err(refuse("MultiPoint".to_owned())),
        Geometry::Line(_) | Geometry::LineString(_) => return Err(refuse("LineString".to_owned())),
        Geometry::MultiLineString(_) => return Err(refuse("MultiLineString".to_owned())),
        Geometry::GeometryCollection(_) => return Err(refuse("GeometryCollection".to_owned())),
        Geometry::Triangle(triangle) => MultiPolygon(vec![triangle.to_polygon()]),
    };
    polygons.0.retain(|polygon| polygon.exterior().0.len() >= 4);
    if let Some(wrong) = polygons.coords_iter().find(|c| !(c.x.is_finite() && c.y.is_finite())) {
        return Err(refuse(format!("{} {}", wrong.x, wrong.y)));
    }
    if polygons.bounding_rect().is_some_and(|r| r.min().x < -180.0 || r.max().x > 180.0) {
        polygons = cut_at_antimeridian(&polygons);
    }
    let to_world = |c: geo::Coord<f64>| {
        let (x, y) = world_position(c.x, within(c.y));
        geo::Coord { x, y }
    };
    Ok((polygons.map_coords(to_world), Vec::new()))
}

/// Clamps a latitude to the square world.
fn within(latitude: f64) -> f64 {
    latitude.clamp(-LAST_LATITUDE, LAST_LATITUDE)
}
