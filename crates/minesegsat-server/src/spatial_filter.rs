//! Spatial filters: boxes in CRS84, also across the antimeridian, and geometries.

use geo::{BoundingRect, Geometry, Intersects, MultiPolygon, Rect, Translate, coord};

use crate::problem::Problem;

/// The CRS of all coordinates.
pub(crate) const CRS84: &str = "http://www.opengis.net/def/crs/OGC/1.3/CRS84";

const ACCEPTED: &str = "west,south,east,north in degrees (or with heights: six numbers), longitudes from -180 to 180, latitudes from -90 to 90, south not above north; west greater than east across the antimeridian";

/// Parses a box: west, south, east, north in degrees.
pub(crate) fn parse_bbox(text: &str) -> Result<[f64; 4], Problem> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
    numbers.as_deref().and_then(validate).ok_or_else(|| Problem::argument("bbox", text, ACCEPTED))
}

/// Checks a box of numbers.
pub(crate) fn check_bbox(numbers: &[f64]) -> Result<[f64; 4], Problem> {
    validate(numbers).ok_or_else(|| Problem::argument("bbox", &format!("{numbers:?}"), ACCEPTED))
}

fn validate(numbers: &[f64]) -> Option<[f64; 4]> {
    let (found, heights) = match *numbers {
        [west, south, east, north] => ([west, south, east, north], [0.0, 0.0]),
        [west, south, low, east, north, high] => ([west, south, east, north], [low, high]),
        _ => return None,
    };
    let [west, south, east, north] = found;
    let fits = [west, east].iter().all(|x| (-180.0..=180.0).contains(x))
        && [south, north].iter().all(|y| (-90.0..=90.0).contains(y))
        && south <= north
        && heights.iter().all(|height| height.is_finite())
        && heights[0] <= heights[1];
    fits.then_some(found)
}

/// An area that features must intersect.
#[derive(Debug, Clone, Default)]
pub(crate) struct SpatialFilter {
    /// `None` accepts every feature.
    shapes: Option<Vec<Geometry<f64>>>,
}

impl SpatialFilter {
    pub(crate) fn from_bbox([west, south, east, north]: [f64; 4]) -> Self {
        let part =
            |west: f64, east: f64| Geometry::Rect(Rect::new(coord! {x: west, y: south}, coord! {x: east, y: north}));
        let shapes = if west <= east { vec![part(west, east)] } else { vec![part(west, 180.0), part(-180.0, east)] };
        Self { shapes: Some(shapes) }
    }

    pub(crate) fn from_geometry(geometry: Geometry<f64>) -> Self {
        Self { shapes: Some(vec![geometry]) }
    }

    /// Whether a polygon intersects the area. Polygons across the antimeridian have longitudes beyond 180 degrees.
    pub(crate) fn intersects(&self, outline: &MultiPolygon<f64>) -> bool {
        let Some(shapes) = &self.shapes else { return true };
        let Some(bounds) = outline.bounding_rect() else { return false };
        for turn in [0.0, -360.0, 360.0] {
            if turn != 0.0 && (-180.0..=180.0).contains(&bounds.min().x) && (-180.0..=180.0).contains(&bounds.max().x) {
                continue;
            }
            let bounds = bounds.translate(turn, 0.0);
            let near = |shape: &&Geometry<f64>| shape.bounding_rect().is_some_and(|rect| rect.intersects(&bounds));
            let mut near = shapes.iter().filter(near).peekable();
            if near.peek().is_none() {
                continue;
            }
            let moved = if turn == 0.0 { None } else { Some(outline.translate(turn, 0.0)) };
            let outline = moved.as_ref().unwrap_or(outline);
            if near.any(|shape| outline.intersects(shape)) {
                return true;
            }
        }
        false
    }

    /// Whether bounds (west, south, east, north) intersect the area.
    pub(crate) fn intersects_bounds(&self, [west, south, east, north]: [f64; 4]) -> bool {
        let east = if west <= east { east } else { east + 360.0 };
        let rect = Rect::new(coord! {x: west, y: south}, coord! {x: east, y: north});
        self.intersects(&MultiPolygon(vec![rect.to_polygon()]))
    }
}

/// Bounds of RFC 7946: longitudes from -180 to 180 degrees, west greater than east across the antimeridian.
pub(crate) fn wrap_longitudes([west, south, east, north]: [f64; 4]) -> [f64; 4] {
    let turned = |x: f64| {
        if x > 180.0 {
            x - 360.0
        } else if x < -180.0 {
            x + 360.0
        } else {
            x
        }
    };
    [turned(west), south, turned(east), north]
}

/// Area of a box in square kilometres, on a sphere. Accurate enough for a limit.
pub(crate) fn area_km2([west, south, east, north]: [f64; 4]) -> f64 {
    const RADIUS_KM: f64 = 6371.0;
    let width = if west <= east { east - west } else { east - west + 360.0 };
    RADIUS_KM * RADIUS_KM * width.to_radians() * (north.to_radians().sin() - south.to_radians().sin())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(west: f64, south: f64, side: f64) -> MultiPolygon<f64> {
        Rect::new(coord! {x: west, y: south}, coord! {x: west + side, y: south + side}).to_polygon().into()
    }

    #[test]
    fn boxes_are_four_or_six_numbers_in_their_ranges() {
        assert_eq!(parse_bbox("-121.2,55,-121.1,55.1").unwrap(), [-121.2, 55.0, -121.1, 55.1]);
        assert_eq!(parse_bbox("1,2,-10,3,4,100").unwrap(), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(parse_bbox("170,-10,-170,10").unwrap(), [170.0, -10.0, -170.0, 10.0]);
        for bad in [
            "",
            "1,2,3",
            "1,2,3,4,5",
            "a,b,c,d",
            "1,5,2,4",
            "-181,0,0,1",
            "0,-91,0,0",
            "NaN,0,1,1",
            "0,0,inf,1",
            "1,2,9,3,4,1",
        ] {
            let error = parse_bbox(bad).unwrap_err().detail;
            assert!(error.contains("west,south,east,north"), "{error}");
        }
    }

    #[test]
    fn a_box_across_the_antimeridian_finds_both_sides() {
        let filter = SpatialFilter::from_bbox([170.0, -10.0, -170.0, 10.0]);
        assert!(filter.intersects(&square(175.0, 0.0, 1.0)));
        assert!(filter.intersects(&square(-175.0, 0.0, 1.0)));
        assert!(filter.intersects(&square(179.5, 0.0, 1.0)), "an outline across it");
        assert!(!filter.intersects(&square(0.0, 0.0, 1.0)));
        let west = SpatialFilter::from_bbox([-180.0, -10.0, -179.0, 10.0]);
        assert!(west.intersects(&square(179.5, 0.0, 1.0)));
    }

    #[test]
    fn shapes_are_compared_not_their_boxes() {
        let triangle = geo::wkt!(MULTIPOLYGON(((0. 0., 10. 0., 0. 10., 0. 0.))));
        assert!(!SpatialFilter::from_bbox([9.0, 9.0, 10.0, 10.0]).intersects(&triangle));
        assert!(SpatialFilter::from_bbox([1.0, 1.0, 2.0, 2.0]).intersects(&triangle), "wholly inside");
        assert!(SpatialFilter::default().intersects(&triangle));
    }

    #[test]
    fn a_degree_at_the_equator_is_some_12_thousand_square_kilometres() {
        let area = area_km2([0.0, 0.0, 1.0, 1.0]);
        assert!((12_300.0..12_400.0).contains(&area), "{area}");
        assert!(area_km2([179.0, 0.0, -179.0, 1.0]) < 25_000.0);
    }
}
