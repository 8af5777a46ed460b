//! Vector tiles read back.

use std::collections::BTreeMap;

use geo::{Area, LineString, MultiPolygon, Polygon, Validation, coord, polygon};
use proptest::prelude::*;

use super::*;

/// A layer as it is read back.
#[derive(Debug, Default)]
struct Read {
    name: String,
    version: u64,
    extent: u64,
    keys: Vec<String>,
    values: Vec<Vec<u8>>,
    features: Vec<ReadFeature>,
}

#[derive(Debug, Default)]
struct ReadFeature {
    id: Option<u64>,
    kind: u64,
    tags: Vec<u64>,
    geometry: Vec<u64>,
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let (&byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            return value;
        }
    }
}

/// Field numbers, numbers and bytes of a message.
fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, &[u8])> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let head = varint(&mut bytes);
        let (number, len) = match head & 7 {
            0 => (varint(&mut bytes), 0),
            1 => (0, 8),
            2 => (0, varint(&mut bytes) as usize),
            other => panic!("kind {other}"),
        };
        let (own, rest) = bytes.split_at(len);
        found.push((head >> 3, number, own));
        bytes = rest;
    }
    found
}

fn packed(mut bytes: &[u8]) -> Vec<u64> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        found.push(varint(&mut bytes));
    }
    found
}

fn layers(bytes: &[u8]) -> Vec<Read> {
    fields(bytes)
        .into_iter()
        .map(|(field, _, bytes)| {
            assert_eq!(field, 3);
            let mut layer = Read::default();
            for (field, number, bytes) in fields(bytes) {
                let text = || String::from_utf8(bytes.to_vec()).unwrap();
                match field {
                    1 => layer.name = text(),
                    2 => {
                        let mut feature = ReadFeature::default();
                        for (field, number, bytes) in fields(bytes) {
                            match field {
                                1 => feature.id = Some(number),
                                2 => feature.tags = packed(bytes),
                                3 => feature.kind = number,
                                4 => feature.geometry = packed(bytes),
                                other => panic!("field {other}"),
                            }
                        }
                        layer.features.push(feature);
                    }
                    3 => layer.keys.push(text()),
                    4 => layer.values.push(bytes.to_vec()),
                    5 => layer.extent = number,
                    15 => layer.version = number,
                    other => panic!("field {other}"),
                }
            }
            layer
        })
        .collect()
}

/// The only layer of a tile.
fn layer(bytes: &[u8]) -> Read {
    let mut found = layers(bytes);
    assert_eq!(found.len(), 1);
    found.remove(0)
}

/// Rings of a feature, closed.
fn rings(feature: &ReadFeature) -> Vec<Vec<(i64, i64)>> {
    let (mut at, mut rings, mut ring) = ((0, 0), Vec::new(), Vec::new());
    let mut words = feature.geometry.iter().copied();
    let unzigzag = |word: u64| (word >> 1) as i64 ^ -((word & 1) as i64);
    while let Some(word) = words.next() {
        if word & 7 == 7 {
            ring.push(ring[0]);
            rings.push(std::mem::take(&mut ring));
            continue;
        }
        for _ in 0..word >> 3 {
            at.0 += unzigzag(words.next().unwrap());
            at.1 += unzigzag(words.next().unwrap());
            ring.push(at);
        }
    }
    rings
}

/// Twice the area of a closed ring by the surveyor's formula of the specification.
fn area(ring: &[(i64, i64)]) -> i64 {
    ring.windows(2).map(|pair| pair[0].0 * pair[1].1 - pair[1].0 * pair[0].1).sum()
}

/// A geometry as polygons, in units of the tile: a ring of positive area begins one.
fn polygons(feature: &ReadFeature) -> MultiPolygon<f64> {
    assert_eq!(feature.kind, 3);
    let mut found: Vec<Polygon<f64>> = Vec::new();
    for ring in rings(feature) {
        let line: LineString<f64> = ring.iter().map(|&(x, y)| (x as f64, y as f64)).collect();
        match found.last_mut() {
            Some(last) if area(&ring) < 0 => last.interiors_push(line),
            _ => found.push(Polygon::new(line, Vec::new())),
        }
    }
    MultiPolygon(found)
}

fn feature(id: u64, geometry: impl Into<Geometry<f64>>) -> VectorFeature {
    let properties = vec![
        ("name".to_owned(), VectorValue::Text(format!("mine {id}"))),
        ("area_ha".to_owned(), VectorValue::Real(12.5)),
        ("rank".to_owned(), VectorValue::Integer(-3)),
        ("open".to_owned(), VectorValue::Boolean(true)),
    ];
    VectorFeature { id: Some(id), geometry: geometry.into(), properties }
}

#[test]
fn features_come_back_with_their_properties() {
    let around = Tile::containing(13.4, 52.5, 12).unwrap();
    let [w, s, e, n] = around.bounds_wgs84();
    let (x, y) = (f64::midpoint(w, e), f64::midpoint(s, n));
    // The south-eastern quarter with a hole in it.
    let square = polygon!(
        exterior: [(x: x, y: y), (x: x, y: s), (x: e, y: s), (x: e, y: y)],
        interiors: [[(x: x + 0.01, y: y - 0.005), (x: x + 0.02, y: y - 0.005), (x: x + 0.02, y: y - 0.01), (x: x + 0.01, y: y - 0.01)]]
    );
    let source = VectorSource::new("sites", vec![feature(7, square), feature(8, geo::Point::new(x, y))]).unwrap();
    let found = layer(&source.tile(around).unwrap());
    assert_eq!((found.name.as_str(), found.version, found.extent), ("sites", 2, 4096));
    assert_eq!(found.features.iter().map(|f| f.id).collect::<Vec<_>>(), [Some(7), Some(8)]);
    assert_eq!(found.keys, ["name", "area_ha", "rank", "open"]);
    let of = |feature: usize| -> BTreeMap<&str, (u64, u64, &[u8])> {
        let pairs = found.features[feature].tags.as_chunks::<2>().0;
        pairs.iter().map(|&[k, v]| (found.keys[k as usize].as_str(), fields(&found.values[v as usize])[0])).collect()
    };
    assert_eq!(of(1)["name"], (1, 0, b"mine 8".as_slice()));
    assert_eq!(of(0)["area_ha"], (3, 0, 12.5_f64.to_le_bytes().as_slice()));
    assert_eq!((of(0)["rank"], of(1)["open"]), ((6, 5, [].as_slice()), (7, 1, [].as_slice())));
    // Values that repeat are stored once.
    assert_eq!(found.values.len(), 5);
    let shape = polygons(&found.features[0]);
    let bounds = shape.bounding_rect().unwrap();
    assert!((bounds.min().x - 2048.0).abs() <= 1.0 && (bounds.min().y - 2048.0).abs() <= 2.0, "{bounds:?}");
    assert!((bounds.max().x - 4096.0).abs() <= 1.0 && (bounds.max().y - 4096.0).abs() <= 1.0, "{bounds:?}");
    let areas: Vec<i64> = rings(&found.features[0]).iter().map(|ring| area(ring)).collect();
    assert!(areas[0] > 0 && areas[1] < 0 && areas.len() == 2, "{areas:?}");
    assert_eq!((found.features[1].kind, found.features[1].geometry[0]), (1, 9));
}

#[test]
fn tiles_without_features_are_none() {
    let source = VectorSource::new(
        "sites",
        vec![feature(1, geo::Rect::new(coord! { x: 10.0, y: 50.0 }, coord! { x: 10.1, y: 50.1 }))],
    )
    .unwrap();
    assert_eq!(source.tile(Tile::containing(-60.0, -20.0, 8).unwrap()), None);
    assert!(source.tile(Tile::containing(10.05, 50.05, 8).unwrap()).is_some());
    assert_eq!(VectorSource::new("none", Vec::new()).unwrap().tile(Tile::new(0, 0, 0).unwrap()), None);
    let both = encode_tile(&[&source, &VectorSource::new("none", Vec::new()).unwrap()], Tile::new(0, 0, 0).unwrap());
    assert_eq!(layers(&both.unwrap()).len(), 1);
}

#[test]
fn what_is_smaller_than_a_pixel_does_not_vanish() {
    let small = geo::Rect::new(coord! { x: 10.0, y: 50.0 }, coord! { x: 10.001, y: 50.001 });
    let source = VectorSource::new("sites", vec![feature(1, small)]).unwrap();
    for z in 0..=24 {
        let found = layer(&source.tile(Tile::containing(10.0005, 50.0005, z).unwrap()).unwrap());
        let shape = polygons(&found.features[0]);
        assert!(shape.is_valid() && shape.unsigned_area() >= 150.0, "zoom {z}: {shape:?}");
    }
}

#[test]
fn polygons_around_a_tile_fill_it_to_the_buffer() {
    let large = geo::Rect::new(coord! { x: -20.0, y: 30.0 }, coord! { x: 40.0, y: 70.0 });
    let source = VectorSource::new("permits", vec![feature(1, large)]).unwrap();
    for z in [8, 16, 24] {
        let shape = polygons(&layer(&source.tile(Tile::containing(10.0, 50.0, z).unwrap()).unwrap()).features[0]);
        assert_eq!(shape.unsigned_area(), (4096.0 + 128.0) * (4096.0 + 128.0), "zoom {z}");
    }
}

#[test]
fn edges_from_far_away_lie_where_they_are_at_every_zoom() {
    // A slanted edge of 4000 km through the middle of the tiles: what lies west of it fills half of each, whatever the zoom.
    let (x, y) = super::super::world_position(10.0, 50.0);
    let place = |dx: f64, dy: f64| super::super::lon_lat(x + dx, y + dy);
    let large: LineString<f64> =
        [(0.1, -0.07), (-0.1, 0.07), (-0.3, 0.07), (-0.3, -0.07)].map(|(dx, dy)| place(dx, dy)).to_vec().into();
    let source = VectorSource::new("permits", vec![feature(1, Polygon::new(large, Vec::new()))]).unwrap();
    for z in [4, 8, 12, 16, 20, 24] {
        let tile = Tile::containing(10.0, 50.0, z).unwrap();
        let [west, north, east, south] = tile.world_bounds();
        let shape = polygons(&layer(&source.tile(tile).unwrap()).features[0]);
        // The edge is x = 10 degrees - (y - 50 degrees) / 0.7 in the world of the map.
        let units = 4096.0 / (east - west);
        for c in geo::CoordsIter::coords_iter(&shape) {
            let (cx, cy) = (west + c.x / units, north + c.y / units);
            let off = (cx - x + (cy - y) / 0.7) * units;
            assert!(off <= 6.0, "zoom {z}: {c:?} lies {off} units beyond the edge");
        }
        assert!(south > north && shape.unsigned_area() > 1e5, "zoom {z}");
    }
}

#[test]
fn polygons_past_the_antimeridian_are_seen_on_both_sides() {
    let across = geo::Rect::new(coord! { x: 179.9, y: -20.0 }, coord! { x: 180.1, y: -19.9 });
    let source = VectorSource::new("sites", vec![feature(1, across)]).unwrap();
    for lon in [179.95, -179.95] {
        assert!(source.tile(Tile::containing(lon, -19.95, 10).unwrap()).is_some(), "{lon}");
    }
}

#[test]
fn other_geometries_are_refused_with_what_is_accepted() {
    let line = geo::LineString::from(vec![(0.0, 0.0), (1.0, 1.0)]);
    assert_eq!(
        VectorSource::new("a", vec![feature(1, line)]).unwrap_err().to_string(),
        "geometry `LineString` is not accepted: Polygon, MultiPolygon or Point in longitude and latitude"
    );
    assert!(VectorSource::new("a", vec![feature(1, geo::Point::new(f64::NAN, 0.0))]).is_err());
}

/// Whether a shape ends where the buffer does. Crossings are snapped to whole units and to each other, which moves some by a unit.
fn is_drawn(bounds: &geo::Rect<f64>) -> bool {
    let (low, high) = (-66.0, 4162.0);
    bounds.min().x >= low && bounds.max().x <= high && bounds.min().y >= low && bounds.max().y <= high
}

#[test]
fn a_crossing_near_the_edge_of_the_buffer_is_snapped_by_a_unit_at_most() {
    // One whose tip was at 4161.
    let corners = [
        (0.0, 0.0),
        (0.0, -0.016_577_306_090_464_178),
        (0.022_328_397_966_724_887, 0.0),
        (0.0, -0.004_347_085_486_924_781),
    ];
    let ring: LineString<f64> = corners.iter().map(|&(x, y)| (10.0 + x, 50.0 + y)).collect();
    let source = VectorSource::new("a", vec![feature(1, geo::Polygon::new(ring, Vec::new()))]).unwrap();
    let shape = polygons(&layer(&source.tile(Tile::containing(10.0, 50.0, 11).unwrap()).unwrap()).features[0]);
    assert!(shape.0.iter().all(Validation::is_valid) && is_drawn(&shape.bounding_rect().unwrap()), "{shape:?}");
}

#[test]
fn holes_that_snapping_moves_across_other_rings_are_left_out() {
    let corners = [
        (0.0, 0.0),
        (0.0, -0.010_152_426_664_784_202),
        (-0.027_392_611_735_887_862, -0.002_208_218_350_068_198_5),
        (0.023_895_652_694_729_274, -0.001_720_882_350_854_253_6),
        (0.020_381_136_559_120_48, 0.0),
        (0.0, 0.0),
        (-0.016_786_311_284_428_902, 0.015_011_483_481_843_493),
        (0.0, -0.018_130_845_956_687_465),
        (0.0, 0.017_286_448_099_113_828),
        (-0.021_455_023_574_854_456, -0.003_044_377_073_082_459),
        (-0.002_923_718_316_264_986, -0.004_686_773_482_715_698),
        (-0.010_007_836_649_527_542, -0.000_910_274_659_844_590_8),
        (0.026_639_432_189_489_76, 0.0),
    ];
    let ring: LineString<f64> = corners.iter().map(|&(x, y)| (10.0 + x, 50.0 + y)).collect();
    let source = VectorSource::new("a", vec![feature(1, geo::Polygon::new(ring, Vec::new()))]).unwrap();
    let shape = polygons(&layer(&source.tile(Tile::containing(10.0, 50.0, 7).unwrap()).unwrap()).features[0]);
    assert!(!shape.0.is_empty() && shape.0.iter().all(Validation::is_valid), "{shape:?}");
}

proptest! {
    /// Rings that cross themselves too: what comes out is valid in whole units, whatever comes in.
    #[test]
    fn all_polygons_are_valid_in_their_tile(
        corners in prop::collection::vec((-0.03..0.03_f64, -0.02..0.02_f64), 3..40), z in 6..18_u8
    ) {
        let ring: geo::LineString<f64> = corners.iter().map(|&(x, y)| (10.0 + x, 50.0 + y)).collect();
        let source = VectorSource::new("a", vec![feature(1, geo::Polygon::new(ring, Vec::new()))]).unwrap();
        if let Some(bytes) = source.tile(Tile::containing(10.0, 50.0, z).unwrap()) {
            let found = layer(&bytes);
            let shape = polygons(&found.features[0]);
            for polygon in &shape {
                prop_assert!(polygon.is_valid(), "{:?}", polygon.validation_errors());
            }
            let bounds = shape.bounding_rect().unwrap();
            prop_assert!(is_drawn(&bounds), "{:?}", bounds);
            prop_assert_eq!(rings(&found.features[0]).iter().filter(|ring| area(ring) > 0).count(), shape.0.len());
        }
    }
}
