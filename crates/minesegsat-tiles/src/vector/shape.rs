//! Geometries in tile units.

use std::panic::{AssertUnwindSafe, catch_unwind};

use geo::{
    Area, BoundingRect, Coord, Geometry, LineString, MapCoords, MultiPoint, MultiPolygon, Point, Polygon, Rect,
    Simplify, Validation, Winding,
};
use i_overlay::core::fill_rule::FillRule;
use i_overlay::core::overlay::{IntOverlayOptions, Overlay};
use i_overlay::core::overlay_rule::OverlayRule;
use i_overlay::core::solver::Solver;
use i_overlay::i_float::int::point::IntPoint;

use crate::Tile;

/// Units per pixel of a tile of 256 pixels.
const PIXEL: f64 = 16.0;
/// Buffer around the tile in units: 4 pixels, so that cut edges stay invisible.
const BUFFER: f64 = 64.0;
/// Maximum error of simplified outlines.
const SIMPLIFY: f64 = PIXEL / 4.0;

/// A tile and its units.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// West, north, east, south in world positions.
    world: [f64; 4],
    extent: f64,
}

impl Frame {
    pub(super) fn new(tile: Tile, extent: u32) -> Self {
        Self { world: tile.world_bounds(), extent: f64::from(extent) }
    }

    fn scale(&self) -> f64 {
        self.extent / (self.world[2] - self.world[0])
    }

    /// Bounds with the buffer in world positions: min x, min y, max x, max y.
    pub(super) fn world_with_buffer(&self) -> [f64; 4] {
        let buffer = BUFFER / self.scale();
        let [west, north, east, south] = self.world;
        [west - buffer, north - buffer, east + buffer, south + buffer]
    }

    /// Converts to units from the upper left corner.
    fn units(&self, c: Coord<f64>) -> Coord<f64> {
        Coord { x: (c.x - self.world[0]) * self.scale(), y: (c.y - self.world[1]) * self.scale() }
    }

    /// Bounds with the buffer, in units.
    fn drawn(&self) -> Rect<f64> {
        let low = Coord { x: -BUFFER, y: -BUFFER };
        Rect::new(low, Coord { x: self.extent + BUFFER, y: self.extent + BUFFER })
    }
}

/// The geometry of a feature in a tile, in whole units. `None` if it does not intersect the tile.
pub(super) fn in_tile(frame: &Frame, polygons: &MultiPolygon<f64>, points: &[(f64, f64)]) -> Option<Geometry<f64>> {
    let drawn = frame.drawn();
    let contains = |c: Coord<f64>| {
        (drawn.min().x..=drawn.max().x).contains(&c.x) && (drawn.min().y..=drawn.max().y).contains(&c.y)
    };
    if !points.is_empty() {
        let units = points.iter().map(|&(x, y)| frame.units(Coord { x, y })).filter(|&c| contains(c));
        let found: Vec<Point<f64>> = units.map(|c| Point::new(c.x.round(), c.y.round())).collect();
        return match &found[..] {
            [] => None,
            [one] => Some(Geometry::Point(*one)),
            _ => Some(Geometry::MultiPoint(MultiPoint(found))),
        };
    }
    let bounds = polygons.bounding_rect()?;
    let (min, max) = (frame.units(bounds.min()), frame.units(bounds.max()));
    if max.x - min.x < PIXEL && max.y - min.y < PIXEL {
        let middle = Coord { x: f64::midpoint(min.x, max.x), y: f64::midpoint(min.y, max.y) };
        return contains(middle).then(|| Geometry::Polygon(square(middle)));
    }
    let mut contours = Vec::new();
    for polygon in polygons {
        let Some(bounds) = polygon.bounding_rect() else { continue };
        let (min, max) = (frame.units(bounds.min()), frame.units(bounds.max()));
        let apart = max.x < drawn.min().x || min.x > drawn.max().x || max.y < drawn.min().y || min.y > drawn.max().y;
        if apart {
            continue;
        }
        let units = polygon.map_coords(|c| frame.units(c));
        if let Some(outer) = contour(units.exterior(), true) {
            contours.push(outer);
            contours.extend(units.interiors().iter().filter_map(|hole| contour(hole, false)));
        } else if max.x - min.x < PIXEL && max.y - min.y < PIXEL {
            // Simplification reduced it to a line.
            let middle = Coord { x: f64::midpoint(min.x, max.x), y: f64::midpoint(min.y, max.y) };
            contours.extend(contour(square(middle).exterior(), true));
        }
    }
    let found = cut(&contours, &drawn);
    match found.0.len() {
        0 => None,
        1 => found.0.into_iter().next().map(Geometry::Polygon),
        _ => Some(Geometry::MultiPolygon(found)),
    }
}

/// A square of one pixel around a point, in whole units.
fn square(middle: Coord<f64>) -> Polygon<f64> {
    let low = Coord { x: (middle.x - PIXEL / 2.0).round(), y: (middle.y - PIXEL / 2.0).round() };
    let mut polygon = Rect::new(low, Coord { x: low.x + PIXEL, y: low.y + PIXEL }).to_polygon();
    polygon.exterior_mut(LineString::make_ccw_winding);
    polygon
}

/// Simplifies a ring to whole units, without its last point, with positive or negative area. `None` if nothing is left.
fn contour(ring: &LineString<f64>, positive: bool) -> Option<Vec<IntPoint>> {
    let near = near(ring);
    // Long thin rings would be simplified to a line.
    whole(&near.simplify(SIMPLIFY), positive).or_else(|| whole(&near, positive))
}

/// Rounds a ring to whole units.
fn whole(ring: &LineString<f64>, positive: bool) -> Option<Vec<IntPoint>> {
    let mut points: Vec<IntPoint> =
        ring.0.iter().map(|c| IntPoint::new(c.x.round() as i32, c.y.round() as i32)).collect();
    points.dedup();
    if points.len() > 1 && points.first() == points.last() {
        points.pop();
    }
    let next = |i: usize| points[(i + 1) % points.len()];
    let cross =
        |(i, p): (usize, &IntPoint)| i64::from(p.x) * i64::from(next(i).y) - i64::from(next(i).x) * i64::from(p.y);
    let area: i64 = points.iter().enumerate().map(cross).sum();
    if (area > 0) != positive {
        points.reverse();
    }
    (points.len() >= 3 && area != 0).then_some(points)
}

/// Clips a ring to the neighbourhood of the tile, so that coordinates fit into whole units. Edges along the clip may overlap; they are
/// outside of the drawn area.
///
/// I. E. Sutherland, G. W. Hodgman, "Reentrant polygon clipping", Communications of the ACM 17(1), 1974.
fn near(ring: &LineString<f64>) -> LineString<f64> {
    const LOW: f64 = -8192.0;
    const HIGH: f64 = 12_288.0;
    let mut points: Vec<Coord<f64>> = ring.0.clone();
    if points.first() == points.last() {
        points.pop();
    }
    for (along_x, limit, is_low) in [(true, LOW, true), (true, HIGH, false), (false, LOW, true), (false, HIGH, false)] {
        let at = |c: Coord<f64>| if along_x { c.x } else { c.y };
        let is_inside = |c: Coord<f64>| if is_low { at(c) >= limit } else { at(c) <= limit };
        if points.iter().all(|&c| is_inside(c)) {
            continue;
        }
        let mut kept = Vec::with_capacity(points.len() + 4);
        for (i, &b) in points.iter().enumerate() {
            let a = points[(i + points.len() - 1) % points.len()];
            if is_inside(a) != is_inside(b) {
                let t = (limit - at(a)) / (at(b) - at(a));
                let (x, y) = ((b.x - a.x).mul_add(t, a.x), (b.y - a.y).mul_add(t, a.y));
                kept.push(if along_x { Coord { x: limit, y } } else { Coord { x, y: limit } });
            }
            if is_inside(b) {
                kept.push(b);
            }
        }
        points = kept;
    }
    let mut ring = LineString(points);
    ring.close();
    ring
}

/// Intersects contours with a rectangle. Holes have negative area and may overlap other parts. Computes in whole units, so that the
/// result is valid in them.
fn cut(contours: &[Vec<IntPoint>], drawn: &Rect<f64>) -> MultiPolygon<f64> {
    if contours.is_empty() {
        return MultiPolygon(Vec::new());
    }
    let (min, max) = (drawn.min(), drawn.max());
    let corner = |x: f64, y: f64| IntPoint::new(x as i32, y as i32);
    let frame = vec![corner(min.x, min.y), corner(max.x, min.y), corner(max.x, max.y), corner(min.x, max.y)];
    let options = IntOverlayOptions { ogc: true, ..IntOverlayOptions::default() };
    let shapes = catch_unwind(AssertUnwindSafe(|| {
        Overlay::with_contours_custom(contours, &[frame], options, Solver::default())
            .overlay(OverlayRule::Intersect, FillRule::Positive)
    }));
    // The library fails on some outlines, see `labels::repair`.
    let Ok(shapes) = shapes else {
        tracing::warn!("an outline of {} rings could not be cut to a tile and is left out of it", contours.len());
        return MultiPolygon(Vec::new());
    };
    let ring = |points: &Vec<IntPoint>| -> LineString<f64> {
        let mut ring: LineString<f64> = points.iter().map(|p| (f64::from(p.x), f64::from(p.y))).collect();
        ring.close();
        ring
    };
    shapes
        .iter()
        .filter_map(|shape| {
            let (outer, holes) = shape.split_first()?;
            let mut polygon = Polygon::new(ring(outer), holes.iter().map(ring).collect());
            // In tile units y increases to the south, and outer rings have positive area.
            polygon.exterior_mut(LineString::make_ccw_winding);
            polygon.interiors_mut(|holes| holes.iter_mut().for_each(LineString::make_cw_winding));
            (polygon.unsigned_area() > 0.0).then_some(polygon)
        })
        .filter_map(valid)
        .collect()
}

/// Removes the holes that make a polygon invalid. Of random scribbles, about one in 2500 gets a hole that snapping moved across another
/// ring.
fn valid(polygon: Polygon<f64>) -> Option<Polygon<f64>> {
    if polygon.is_valid() {
        return Some(polygon);
    }
    let (outer, holes) = polygon.into_inner();
    let mut kept = Polygon::new(outer, Vec::new());
    if !kept.is_valid() {
        return None;
    }
    for hole in holes {
        let mut with_hole = kept.clone();
        with_hole.interiors_push(hole);
        if with_hole.is_valid() {
            kept = with_hole;
        }
    }
    Some(kept)
}
