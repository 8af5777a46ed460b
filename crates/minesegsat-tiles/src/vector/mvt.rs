//! The bytes of the Mapbox Vector Tile Specification 2.1: <https://github.com/mapbox/vector-tile-spec/tree/master/2.1>.
//!
//! The messages are declared here by field number, as those of ONNX files are, so the build needs no compiler of protocol
//! buffers.

use std::collections::HashMap;

use geo::{Geometry, LineString, Point, Polygon};
use prost::Message;

use super::VectorValue;

/// `Tile`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct VectorTile {
    #[prost(message, repeated, tag = "3")]
    pub(super) layers: Vec<Layer>,
}

/// `Tile.Layer`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Layer {
    #[prost(uint32, required, tag = "15")]
    pub(super) version: u32,
    #[prost(string, required, tag = "1")]
    pub(super) name: String,
    #[prost(message, repeated, tag = "2")]
    pub(super) features: Vec<Feature>,
    #[prost(string, repeated, tag = "3")]
    pub(super) keys: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    pub(super) values: Vec<Value>,
    #[prost(uint32, optional, tag = "5")]
    pub(super) extent: Option<u32>,
}

/// `Tile.Feature`.
#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub(super) struct Feature {
    #[prost(uint64, optional, tag = "1")]
    pub(super) id: Option<u64>,
    /// Indices of a key and a value, in turn.
    #[prost(uint32, repeated, tag = "2")]
    pub(super) tags: Vec<u32>,
    /// [`POINT`] or [`POLYGON`].
    #[prost(int32, optional, tag = "3")]
    pub(super) kind: Option<i32>,
    /// Commands with counts, and steps from point to point.
    #[prost(uint32, repeated, tag = "4")]
    pub(super) geometry: Vec<u32>,
}

/// `Tile.Value`: one of its members.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Value {
    #[prost(string, optional, tag = "1")]
    pub(super) text: Option<String>,
    #[prost(double, optional, tag = "3")]
    pub(super) real: Option<f64>,
    #[prost(sint64, optional, tag = "6")]
    pub(super) integer: Option<i64>,
    #[prost(bool, optional, tag = "7")]
    pub(super) boolean: Option<bool>,
}

/// `Tile.GeomType` of one point or several.
const POINT: i32 = 1;
/// `Tile.GeomType` of one polygon or several.
const POLYGON: i32 = 3;

impl From<&VectorValue> for Value {
    fn from(value: &VectorValue) -> Self {
        match value {
            VectorValue::Text(text) => Self { text: Some(text.clone()), ..Self::default() },
            VectorValue::Real(number) => Self { real: Some(*number), ..Self::default() },
            VectorValue::Integer(number) => Self { integer: Some(*number), ..Self::default() },
            VectorValue::Boolean(is) => Self { boolean: Some(*is), ..Self::default() },
        }
    }
}

/// A layer in the making.
#[derive(Debug)]
pub(super) struct LayerWriter {
    layer: Layer,
    keys: HashMap<String, u32>,
    /// By their bytes: numbers have no order that a table of hashes can use.
    values: HashMap<Vec<u8>, u32>,
}

impl LayerWriter {
    pub(super) fn new(name: &str, extent: u32) -> Self {
        let layer = Layer { version: 2, name: name.to_owned(), extent: Some(extent), ..Layer::default() };
        Self { layer, keys: HashMap::new(), values: HashMap::new() }
    }

    /// A geometry in whole units of the tile, with outer rings of positive area and holes of negative.
    pub(super) fn feature(&mut self, id: Option<u64>, geometry: &Geometry<f64>, properties: &[(String, VectorValue)]) {
        let mut commands = Commands::default();
        let kind = match geometry {
            Geometry::Point(point) => commands.points(std::slice::from_ref(point)),
            Geometry::MultiPoint(points) => commands.points(&points.0),
            Geometry::Polygon(polygon) => commands.polygons(std::slice::from_ref(polygon)),
            Geometry::MultiPolygon(polygons) => commands.polygons(&polygons.0),
            // Nothing else is made here.
            _ => return,
        };
        let tags = properties.iter().flat_map(|(name, value)| [self.key(name), self.value(value)]).collect();
        self.layer.features.push(Feature { id, tags, kind: Some(kind), geometry: commands.words });
    }

    fn key(&mut self, name: &str) -> u32 {
        if let Some(&index) = self.keys.get(name) {
            return index;
        }
        let index = self.layer.keys.len() as u32;
        self.keys.insert(name.to_owned(), index);
        self.layer.keys.push(name.to_owned());
        index
    }

    fn value(&mut self, value: &VectorValue) -> u32 {
        let value = Value::from(value);
        let next = self.layer.values.len() as u32;
        let index = *self.values.entry(value.encode_to_vec()).or_insert(next);
        if index == next {
            self.layer.values.push(value);
        }
        index
    }

    /// The layer; `None` without features.
    pub(super) fn finish(self) -> Option<Layer> {
        (!self.layer.features.is_empty()).then_some(self.layer)
    }
}

/// Words of a geometry: commands with counts, and steps from place to place.
#[derive(Debug, Default)]
struct Commands {
    words: Vec<u32>,
    at: (i64, i64),
}

impl Commands {
    /// 1 moves to, 2 draws a line to, 7 closes the ring.
    fn command(&mut self, id: u32, count: usize) {
        self.words.push(id | (count as u32) << 3);
    }

    /// Steps are zigzag-encoded: `0, -1, 1, -2` as `0, 1, 2, 3`.
    fn step(&mut self, x: f64, y: f64) {
        let zigzag = |value: i64| ((value << 1) ^ (value >> 63)) as u32;
        let to = (x.round() as i64, y.round() as i64);
        self.words.extend([zigzag(to.0 - self.at.0), zigzag(to.1 - self.at.1)]);
        self.at = to;
    }

    /// The type of the geometry.
    fn points(&mut self, points: &[Point<f64>]) -> i32 {
        self.command(1, points.len());
        for point in points {
            self.step(point.x(), point.y());
        }
        POINT
    }

    /// The type of the geometry.
    fn polygons(&mut self, polygons: &[Polygon<f64>]) -> i32 {
        for ring in polygons.iter().flat_map(|polygon| std::iter::once(polygon.exterior()).chain(polygon.interiors())) {
            self.ring(ring);
        }
        POLYGON
    }

    fn ring(&mut self, ring: &LineString<f64>) {
        let Some((first, others)) = ring.0.split_first() else { return };
        // The last point is the first again.
        let others = &others[..others.len().saturating_sub(1)];
        self.command(1, 1);
        self.step(first.x, first.y);
        self.command(2, others.len());
        for c in others {
            self.step(c.x, c.y);
        }
        self.command(7, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn geometries_are_those_of_the_examples_of_the_specification() {
        // Section 4.3.5 of the specification: a point, several points, a polygon, and several with a hole.
        let words = |geometry: Geometry<f64>| {
            let mut commands = Commands::default();
            match &geometry {
                Geometry::MultiPoint(points) => commands.points(&points.0),
                Geometry::MultiPolygon(polygons) => commands.polygons(&polygons.0),
                _ => unreachable!(),
            };
            commands.words
        };
        let points = |points: &[(f64, f64)]| Geometry::MultiPoint(points.to_vec().into());
        assert_eq!(words(points(&[(25.0, 17.0)])), [9, 50, 34]);
        assert_eq!(words(points(&[(5.0, 7.0), (3.0, 2.0)])), [17, 10, 14, 3, 9]);
        let ring = |points: &[(f64, f64)]| LineString::from(points.to_vec());
        let one = Polygon::new(ring(&[(3.0, 6.0), (8.0, 12.0), (20.0, 34.0), (3.0, 6.0)]), Vec::new());
        assert_eq!(words(Geometry::MultiPolygon(vec![one].into())), [9, 6, 12, 18, 10, 12, 24, 44, 15]);
        let square = |low: f64, high: f64| ring(&[(low, low), (high, low), (high, high), (low, high), (low, low)]);
        let hole = ring(&[(13.0, 13.0), (13.0, 17.0), (17.0, 17.0), (17.0, 13.0), (13.0, 13.0)]);
        let several = vec![Polygon::new(square(0.0, 10.0), Vec::new()), Polygon::new(square(11.0, 20.0), vec![hole])];
        assert_eq!(
            words(Geometry::MultiPolygon(several.into())),
            [
                9, 0, 0, 26, 20, 0, 0, 20, 19, 0, 15, 9, 22, 2, 26, 18, 0, 0, 18, 17, 0, 15, 9, 4, 13, 26, 0, 8, 8, 0,
                0, 7, 15
            ]
        );
    }
}
