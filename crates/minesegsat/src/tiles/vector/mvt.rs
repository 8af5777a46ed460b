//! The bytes of the Mapbox Vector Tile Specification 2.1: <https://github.com/mapbox/vector-tile-spec/tree/master/2.1>.
//!
//! Three messages of numbers and texts. Libraries for them bring a compiler of protocol buffers, or another geometry model.

use std::collections::HashMap;

use geo::{Geometry, LineString, Point, Polygon};

use super::VectorValue;

/// Bits of a field's kind in protocol buffers: a number of variable length, eight bytes, a length and so many bytes.
const VARINT: u32 = 0;
const EIGHT_BYTES: u32 = 1;
const LENGTH: u32 = 2;

/// A message of protocol buffers.
#[derive(Debug, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    fn raw(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(&mut self, field: u32, value: u64) {
        self.raw(u64::from(field << 3 | VARINT));
        self.raw(value);
    }

    fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.raw(u64::from(field << 3 | LENGTH));
        self.raw(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn packed(&mut self, field: u32, values: &[u32]) {
        let mut packed = Self::default();
        for &value in values {
            packed.raw(u64::from(value));
        }
        self.bytes(field, &packed.0);
    }
}

/// `0, -1, 1, -2` as `0, 1, 2, 3`.
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// A layer in the making.
#[derive(Debug)]
pub(super) struct LayerWriter {
    message: Message,
    keys: HashMap<String, u32>,
    values: HashMap<Vec<u8>, u32>,
    tables: (Vec<String>, Vec<Vec<u8>>),
    features: usize,
}

impl LayerWriter {
    pub(super) fn new(name: &str) -> Self {
        let mut message = Message::default();
        message.number(15, 2);
        message.bytes(1, name.as_bytes());
        Self { message, keys: HashMap::new(), values: HashMap::new(), tables: (Vec::new(), Vec::new()), features: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.features == 0
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
        let mut tags = Vec::with_capacity(properties.len() * 2);
        for (name, value) in properties {
            tags.push(self.key(name));
            tags.push(self.value(value));
        }
        let mut feature = Message::default();
        if let Some(id) = id {
            feature.number(1, id);
        }
        feature.packed(2, &tags);
        feature.number(3, kind);
        feature.packed(4, &commands.words);
        self.message.bytes(2, &feature.0);
        self.features += 1;
    }

    fn key(&mut self, name: &str) -> u32 {
        if let Some(&index) = self.keys.get(name) {
            return index;
        }
        let index = self.tables.0.len() as u32;
        self.keys.insert(name.to_owned(), index);
        self.tables.0.push(name.to_owned());
        index
    }

    fn value(&mut self, value: &VectorValue) -> u32 {
        let mut message = Message::default();
        match value {
            VectorValue::Text(text) => message.bytes(1, text.as_bytes()),
            VectorValue::Real(number) => {
                message.raw(u64::from(3 << 3 | EIGHT_BYTES));
                message.0.extend_from_slice(&number.to_le_bytes());
            }
            VectorValue::Integer(number) => message.number(6, zigzag(*number)),
            VectorValue::Boolean(is) => message.number(7, u64::from(*is)),
        }
        let next = self.tables.1.len() as u32;
        let index = *self.values.entry(message.0.clone()).or_insert(next);
        if index == next {
            self.tables.1.push(message.0);
        }
        index
    }

    /// Adds the layer to a tile.
    pub(super) fn finish(mut self, extent: u32, tile: &mut Message) {
        for key in &self.tables.0 {
            self.message.bytes(3, key.as_bytes());
        }
        for value in &self.tables.1 {
            self.message.bytes(4, value);
        }
        self.message.number(5, u64::from(extent));
        tile.bytes(3, &self.message.0);
    }
}

impl From<Message> for Vec<u8> {
    fn from(message: Message) -> Self {
        message.0
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

    fn step(&mut self, x: f64, y: f64) {
        let to = (x.round() as i64, y.round() as i64);
        self.words.extend([zigzag(to.0 - self.at.0) as u32, zigzag(to.1 - self.at.1) as u32]);
        self.at = to;
    }

    /// The type of the geometry.
    fn points(&mut self, points: &[Point<f64>]) -> u64 {
        self.command(1, points.len());
        for point in points {
            self.step(point.x(), point.y());
        }
        1
    }

    /// The type of the geometry.
    fn polygons(&mut self, polygons: &[Polygon<f64>]) -> u64 {
        for ring in polygons.iter().flat_map(|polygon| std::iter::once(polygon.exterior()).chain(polygon.interiors())) {
            self.ring(ring);
        }
        3
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

    #[test]
    fn numbers_are_those_of_protocol_buffers() {
        let mut message = Message::default();
        // The example of the documentation of its encoding: field 1 is 150.
        message.number(1, 150);
        assert_eq!(message.0, [0x08, 0x96, 0x01]);
        assert_eq!([0, -1, 1, -2, i64::MAX, i64::MIN].map(zigzag), [0, 1, 2, 3, u64::MAX - 1, u64::MAX]);
    }
}
