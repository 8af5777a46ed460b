//! Longitudes: continuous rings across the antimeridian, and bounding boxes on the globe.

use geo::{Coord, MapCoords, MultiPolygon, Polygon, unary_union};

use super::raw::Ring;

/// Longitudes this close to 180 degrees lie on the antimeridian (0.1 mm).
const ON_ANTIMERIDIAN: f64 = 1e-9;

/// Makes the longitudes of rings continuous. An edge longer than half the Earth is taken to cross the antimeridian. Returns
/// whether any vertex was shifted. Fails for rings around a pole.
pub(super) fn unwrap_rings(rings: &mut [Ring]) -> Result<bool, String> {
    let mut moved = false;
    for ring in rings.iter_mut() {
        let mut turns = 0.0;
        let mut last: Option<f64> = None;
        for vertex in ring.iter_mut() {
            if let Some(last) = last {
                let step = ((vertex.x - last) / 360.0).round();
                turns -= step;
            }
            last = Some(vertex.x);
            vertex.x += 360.0 * turns;
            moved |= turns != 0.0;
        }
        if let (Some(first), Some(end)) = (ring.first(), last) {
            let closing = ((first.x - end) / 360.0).round();
            if turns - closing != 0.0 {
                return Err("it encloses a pole".to_owned());
            }
        }
    }
    // Holes use the longitude range of their shell.
    if let Some((shell, holes)) = rings.split_first_mut() {
        let middle = middle_of(shell);
        for hole in holes {
            let turns = ((middle_of(hole) - middle) / 360.0).round();
            if turns != 0.0 {
                moved = true;
                for vertex in hole.iter_mut() {
                    vertex.x -= 360.0 * turns;
                }
            }
        }
    }
    Ok(moved)
}

fn middle_of(ring: &[Coord<f64>]) -> f64 {
    let [west, _, east, _] = super::bounds_of(ring);
    if west <= east { f64::midpoint(west, east) } else { 0.0 }
}

/// Joins the parts of a feature that was cut at the antimeridian, as RFC 7946 requires, so that the cut is not an edge.
/// `None` if there is nothing to join.
pub(super) fn join_at_antimeridian(geometry: &MultiPolygon<f64>) -> Option<MultiPolygon<f64>> {
    let on = |part: &Polygon<f64>, longitude: f64| {
        part.exterior()
            .0
            .windows(2)
            .any(|edge| edge.iter().all(|c| (c.x - longitude).abs() < ON_ANTIMERIDIAN) && edge[0].y != edge[1].y)
    };
    if !geometry.iter().any(|part| on(part, 180.0)) || !geometry.iter().any(|part| on(part, -180.0)) {
        return None;
    }
    // Western longitudes continue past 180 degrees.
    let parts: Vec<Polygon<f64>> = geometry
        .iter()
        .map(|part| {
            let [_, _, east, _] = super::bounds_of(&part.exterior().0);
            let turn = if east <= 0.0 { 360.0 } else { 0.0 };
            part.map_coords(|c| {
                let x = if (c.x + turn - 180.0).abs() < ON_ANTIMERIDIAN { 180.0 } else { c.x + turn };
                Coord { x, y: c.y }
            })
        })
        .collect();
    Some(unary_union(&parts))
}

/// A box in degrees: west, south, east, north with west <= east. East may exceed 180 degrees.
pub(super) type LonLatBox = [f64; 4];

/// Whether two boxes intersect, including borders. Longitudes are equal modulo 360 degrees.
pub(super) fn meet(a: &LonLatBox, b: &LonLatBox) -> bool {
    let lat = a[1] <= b[3] && b[1] <= a[3];
    lat && [-720.0, -360.0, 0.0, 360.0, 720.0].iter().any(|turn| a[0] + turn <= b[2] && b[0] <= a[2] + turn)
}

/// Converts a bounding box across the antimeridian (west > east) to continuous longitudes.
pub(super) fn continuous([west, south, east, north]: [f64; 4]) -> LonLatBox {
    [west, south, if east < west { east + 360.0 } else { east }, north]
}

/// The smallest box that contains all boxes: west, south, east, north in -180 to 180. West > east across the antimeridian.
pub(super) fn hull(boxes: &[LonLatBox]) -> [f64; 4] {
    let south = boxes.iter().map(|b| b[1]).fold(f64::INFINITY, f64::min);
    let north = boxes.iter().map(|b| b[3]).fold(f64::NEG_INFINITY, f64::max);
    // The hull leaves out the widest gap between the boxes.
    let wrap = |x: f64| x - 360.0 * ((x + 180.0) / 360.0).floor();
    let mut spans: Vec<(f64, f64)> = boxes.iter().map(|b| (wrap(b[0]), wrap(b[0]) + (b[2] - b[0]))).collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let Some(&(first, mut reach)) = spans.first() else { return [-180.0, south, 180.0, north] };
    let (mut gap, mut hull) = (f64::NEG_INFINITY, (-180.0, 180.0));
    for &(west, east) in spans[1..].iter().chain(std::iter::once(&(first + 360.0, first + 360.0))) {
        if west - reach > gap {
            gap = west - reach;
            hull = (west, reach);
        }
        reach = reach.max(east);
    }
    if gap <= 0.0 {
        return [-180.0, south, 180.0, north];
    }
    let (west, east) = hull;
    // A span that ends at 180 keeps that end, and a span that begins at -180 keeps that start.
    let west = if west >= 180.0 { west - 360.0 } else { west };
    let east = if east > 180.0 { east - 360.0 } else { east };
    [west, south, east, north]
}

#[cfg(test)]
mod tests {
    use geo::Area;

    use super::*;

    fn ring(points: &[(f64, f64)]) -> Ring {
        points.iter().map(|&(x, y)| Coord { x, y }).collect()
    }

    #[test]
    fn rings_across_the_antimeridian_become_continuous() {
        let shell = ring(&[(179.0, 65.0), (-179.0, 65.0), (-179.0, 66.0), (179.0, 66.0), (179.0, 65.0)]);
        let hole = ring(&[(-179.9, 65.4), (-179.8, 65.4), (-179.8, 65.5), (-179.9, 65.4)]);
        let mut rings = [shell, hole];
        assert!(unwrap_rings(&mut rings).unwrap());
        assert_eq!(rings[0], ring(&[(179.0, 65.0), (181.0, 65.0), (181.0, 66.0), (179.0, 66.0), (179.0, 65.0)]));
        assert!((rings[1][0].x - 180.1).abs() < 1e-9);
        // These rings need no change, in either longitude range.
        let before = [ring(&[(179.0, 65.0), (181.0, 65.0), (180.0, 66.0)])];
        let mut after = before.clone();
        assert!(!unwrap_rings(&mut after).unwrap());
        assert_eq!(after, before);
        let mut round = [ring(&[(0.0, 80.0), (120.0, 80.0), (-120.0, 80.0), (0.0, 80.0)])];
        assert_eq!(unwrap_rings(&mut round).unwrap_err(), "it encloses a pole");
    }

    #[test]
    fn parts_cut_along_the_antimeridian_are_joined() {
        let part = |west: f64, east: f64| {
            Polygon::new(
                geo::LineString(ring(&[(west, 65.0), (east, 65.0), (east, 66.0), (west, 66.0), (west, 65.0)])),
                vec![],
            )
        };
        let joined = join_at_antimeridian(&MultiPolygon(vec![part(179.0, 180.0), part(-180.0, -179.5)])).unwrap();
        assert_eq!(joined.0.len(), 1);
        assert!((joined.unsigned_area() - 1.5).abs() < 1e-6);
        let [west, _, east, _] = super::super::bounds_of(&joined.0[0].exterior().0);
        assert!((west - 179.0).abs() < 1e-6 && (east - 180.5).abs() < 1e-6);
        assert!(join_at_antimeridian(&MultiPolygon(vec![part(179.0, 180.0), part(-170.0, -169.5)])).is_none());
    }

    #[test]
    fn boxes_meet_on_the_round_earth() {
        assert!(meet(&[179.0, 0.0, 181.0, 1.0], &[-179.5, 0.5, -178.0, 3.0]));
        assert!(meet(&[-179.5, 0.5, -178.0, 3.0], &[179.0, 0.0, 181.0, 1.0]));
        assert!(!meet(&[179.0, 0.0, 181.0, 1.0], &[-178.5, 0.5, -178.0, 3.0]));
        assert!(!meet(&[10.0, 0.0, 11.0, 1.0], &[10.0, 1.5, 11.0, 3.0]));
    }

    #[test]
    fn hulls_leave_the_widest_gap_out() {
        assert_eq!(hull(&[[10.0, 1.0, 11.0, 2.0], [-20.0, 0.0, -19.0, 1.0]]), [-20.0, 0.0, 11.0, 2.0]);
        assert_eq!(hull(&[[170.0, 1.0, 171.0, 2.0], [-170.0, 0.0, -169.0, 1.0]]), [170.0, 0.0, -169.0, 2.0]);
        assert_eq!(hull(&[[179.0, 1.0, 181.0, 2.0]]), [179.0, 1.0, -179.0, 2.0]);
        assert_eq!(hull(&[[-180.0, 1.0, 180.0, 2.0]]), [-180.0, 1.0, 180.0, 2.0]);
        assert_eq!(hull(&[[170.0, 1.0, 180.0, 2.0]]), [170.0, 1.0, 180.0, 2.0]);
        assert_eq!(hull(&[[-180.0, 1.0, -170.0, 2.0]]), [-180.0, 1.0, -170.0, 2.0]);
    }
}
