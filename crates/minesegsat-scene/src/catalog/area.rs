//! Areas of interest in longitude and latitude, split at the antimeridian.

use geo::{BooleanOps, BoundingRect, ConvexHull, CoordsIter, MultiPolygon, Polygon, Rect, Translate, coord};
use serde_json::{Value, json};

use minesegsat_core::area_of_interest::{check_bbox, cut_wide, rectangles, unwrapped};
use minesegsat_core::{Crs, Error, Result, Transformer};

/// Polygons with more vertices are sent to an API as their convex hull, because requests have a maximum size. Results
/// are compared with the exact polygons afterwards.
const MOST_VERTICES: usize = 500;

/// Longest straight edge of a polygon in a projected system, in metres. Longer edges are divided.
const MAX_EDGE_M: f64 = 10_000.0;

/// An area of interest: polygons without overlap, in longitude and latitude (-180 to 180 degrees).
#[derive(Debug, Clone, PartialEq)]
pub struct SearchArea {
    polygons: MultiPolygon<f64>,
    /// The source box: west, south, east, north; west > east across the antimeridian.
    bbox: Option<[f64; 4]>,
}

impl SearchArea {
    /// Creates an area from a box: west, south, east, north in degrees. West > east crosses the antimeridian, as in
    /// STAC.
    pub fn from_bbox(bbox: [f64; 4]) -> Result<Self> {
        check_bbox(bbox)?;
        Ok(Self { polygons: cut_wide(rectangles(bbox)), bbox: Some(bbox) })
    }

    /// Creates an area from polygons in any supported CRS. Parts may overlap.
    pub fn from_polygons(polygons: &MultiPolygon<f64>, crs: &Crs) -> Result<Self> {
        let polygons = if crs.is_geographic() {
            polygons.clone()
        } else {
            let edge = MAX_EDGE_M / crs.metres_per_unit().unwrap_or(1.0);
            Transformer::new(crs, &Crs::WGS84)?.transform_densified(polygons, edge)?
        };
        let out_of_range = |p: &Polygon<f64>| p.exterior().0.iter().any(|c| c.y.abs() > 90.0 || c.x.abs() > 540.0);
        if polygons.iter().any(out_of_range) {
            return Err(Error::Argument {
                name: "area",
                value: "its polygons".to_owned(),
                accepted: "longitude and latitude in degrees, in this order".to_owned(),
            });
        }
        let polygons = normalise(&polygons);
        if polygons.0.is_empty() {
            return Err(Error::Argument {
                name: "area",
                value: "its polygons".to_owned(),
                accepted: "polygons with an area".to_owned(),
            });
        }
        Ok(Self { polygons, bbox: None })
    }

    /// The polygons.
    pub fn polygons(&self) -> &MultiPolygon<f64> {
        &self.polygons
    }

    /// The box with longitude and latitude exchanged, if that is a valid box.
    pub(super) fn swapped(&self) -> Option<Self> {
        let [west, south, east, north] = self.bbox?;
        Self::from_bbox([south, west, north, east]).ok()
    }

    /// The area in the form that an API accepts: boxes that do not cross the antimeridian, or one geometry.
    pub(super) fn for_api(&self) -> ApiArea {
        match self.bbox {
            Some([west, south, east, north]) if west > east => {
                ApiArea::Boxes(vec![[west, south, 180.0, north], [-180.0, south, east, north]])
            }
            Some(bbox) => ApiArea::Boxes(vec![bbox]),
            None if self.polygons.coords_count() <= MOST_VERTICES => ApiArea::Geometry(geometry(&self.polygons)),
            None => ApiArea::Geometry(geometry(&self.hull())),
        }
    }

    /// Convex hull of the area. At the antimeridian, the eastern and the western parts have separate hulls.
    fn hull(&self) -> MultiPolygon<f64> {
        let rect = self.polygons.bounding_rect();
        let both_sides = rect.is_some_and(|rect| rect.min().x <= -180.0 && rect.max().x >= 180.0);
        if !both_sides {
            return MultiPolygon(vec![self.polygons.convex_hull()]);
        }
        let in_east = |p: &&Polygon<f64>| p.exterior().0.first().is_some_and(|c| c.x > 0.0);
        let (east, west): (Vec<_>, Vec<_>) = self.polygons.iter().partition(in_east);
        let hull = |parts: Vec<&Polygon<f64>>| MultiPolygon(parts.into_iter().cloned().collect()).convex_hull();
        MultiPolygon(vec![hull(east), hull(west)])
    }
}

/// An area as parameters of an API search.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ApiArea {
    /// Boxes: west, south, east, north.
    Boxes(Vec<[f64; 4]>),
    /// GeoJSON.
    Geometry(Value),
}

/// Polygons as GeoJSON: a Polygon for one, otherwise a MultiPolygon.
pub(crate) fn geometry(polygons: &MultiPolygon<f64>) -> Value {
    let ring = |ring: &geo::LineString<f64>| ring.0.iter().map(|c| json!([c.x, c.y])).collect::<Vec<_>>();
    let rings = |p: &Polygon<f64>| {
        let mut rings = vec![ring(p.exterior())];
        rings.extend(p.interiors().iter().map(ring));
        rings
    };
    match polygons.0.as_slice() {
        [polygon] => json!({ "type": "Polygon", "coordinates": rings(polygon) }),
        _ => json!({ "type": "MultiPolygon", "coordinates": polygons.iter().map(rings).collect::<Vec<_>>() }),
    }
}

/// Moves polygons into -180 to 180 degrees, without overlaps. Splits rings that jump across the antimeridian and
/// wraps longitudes beyond it. No part is wider than half the Earth.
pub(crate) fn normalise(polygons: &MultiPolygon<f64>) -> MultiPolygon<f64> {
    let mut parts: Vec<Polygon<f64>> = Vec::new();
    for polygon in polygons {
        let polygon = unwrapped(polygon);
        let Some(rect) = polygon.bounding_rect() else { continue };
        if rect.min().x >= -180.0 && rect.max().x <= 180.0 {
            parts.push(polygon);
            continue;
        }
        for turn in [-360.0, 0.0, 360.0] {
            let world = Rect::new(coord! { x: turn - 180.0, y: -90.0 }, coord! { x: turn + 180.0, y: 90.0 });
            parts.extend(polygon.intersection(&world.to_polygon()).into_iter().map(|part| part.translate(-turn, 0.0)));
        }
    }
    // Merged and repaired, because later steps sum areas.
    cut_wide(geo::unary_union(&parts))
}

#[cfg(test)]
mod tests {
    use geo::{Area, polygon};

    use super::*;

    #[test]
    fn boxes_say_what_is_wrong_with_them() {
        let message = |bbox| SearchArea::from_bbox(bbox).unwrap_err().to_string();
        assert!(message([39.0, -105.0, 40.0, -104.0]).contains("swapped?"));
        assert!(!message([-105.0, 40.0, -104.0, 39.0]).contains("swapped?"));
        assert!(message([-200.0, 0.0, 0.0, 1.0]).contains("west,south,east,north"));
        assert!(message([f64::NAN, 0.0, 0.0, 1.0]).contains("bbox `NaN"));
    }

    #[test]
    fn boxes_across_the_antimeridian_become_two() {
        let area = SearchArea::from_bbox([170.0, -20.0, -175.0, -10.0]).unwrap();
        let boxes = vec![[170.0, -20.0, 180.0, -10.0], [-180.0, -20.0, -175.0, -10.0]];
        assert_eq!(area.for_api(), ApiArea::Boxes(boxes));
        assert_eq!(area.polygons().unsigned_area(), 150.0);
    }

    #[test]
    fn rings_that_jump_across_the_antimeridian_are_cut_there() {
        let jumping = polygon![(x: 179., y: 0.), (x: -179., y: 0.), (x: -179., y: 1.), (x: 179., y: 1.)];
        let beyond = polygon![(x: 179., y: 0.), (x: 181., y: 0.), (x: 181., y: 1.), (x: 179., y: 1.)];
        for polygon in [jumping, beyond] {
            let parts = normalise(&MultiPolygon(vec![polygon]));
            assert_eq!((parts.0.len(), parts.unsigned_area()), (2, 2.0));
            assert!(parts.iter().all(|p| p.exterior().0.iter().all(|c| c.x.abs() >= 179.0 && c.x.abs() <= 180.0)));
        }
        let globe = rectangles([-180.0, -90.0, 180.0, 90.0]);
        assert_eq!(normalise(&globe).unsigned_area(), 360.0 * 180.0);
    }

    #[test]
    fn wide_areas_are_not_taken_for_ones_across_the_antimeridian() {
        let steps = || (0..=179).map(|step| f64::from(step) * 2.0 - 179.0);
        let ring = steps().map(|x| (x, 40.0)).chain(steps().rev().map(|x| (x, 60.0)));
        let ring = MultiPolygon(vec![Polygon::new(ring.collect(), vec![])]);
        let of_ring = SearchArea::from_polygons(&ring, &Crs::WGS84).unwrap();
        let of_box = SearchArea::from_bbox([-179.0, 40.0, 179.0, 60.0]).unwrap();
        for area in [of_ring, of_box] {
            // Areas are read again when they are cut to a tile or to an item.
            for polygons in [area.polygons(), &normalise(area.polygons())] {
                assert!((polygons.unsigned_area() - 358.0 * 20.0).abs() < 1e-6, "{polygons:?}");
            }
        }
    }

    #[test]
    fn overlapping_parts_count_once() {
        let square = |x: f64| rectangles([x, 0.0, x + 2.0, 1.0]).0;
        let area = SearchArea::from_polygons(&MultiPolygon([square(0.0), square(1.0)].concat()), &Crs::WGS84).unwrap();
        assert_eq!(area.polygons().unsigned_area(), 3.0);
    }

    #[test]
    fn large_polygons_are_asked_for_by_their_hull() {
        let ring = (0..2000).map(|i| {
            let (angle, r) = (f64::from(i) * std::f64::consts::TAU / 2000.0, if i % 2 == 0 { 1.0 } else { 0.9 });
            (r * angle.cos(), r * angle.sin())
        });
        let star = Polygon::new(ring.collect(), vec![]);
        let area = SearchArea::from_polygons(&MultiPolygon(vec![star]), &Crs::WGS84).unwrap();
        let ApiArea::Geometry(asked) = area.for_api() else { panic!("a geometry") };
        assert_eq!(asked["type"], "Polygon");
        assert_eq!(asked["coordinates"][0].as_array().unwrap().len(), 1001);
    }
}
