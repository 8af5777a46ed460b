//! Reprojection of outlines: [`Projector`].

use geo::{BooleanOps, Coord, LineString, MultiPolygon, Polygon, Rect};

use super::place::LonLatBox;
use minesegsat_core::{Crs, Result, Transformer};

/// Maximum distance in metres of a reprojected edge from the true curve in the target CRS: a hundredth of a 10 m pixel.
pub(super) const MAX_CHORD_ERROR_M: f64 = 0.1;

/// Approximate metres per degree of latitude, for tolerances.
const METRES_PER_DEGREE: f64 = 111_320.0;

/// Maximum number of halvings of an edge. More would be below the resolution of floating point.
const MAX_HALVINGS: u32 = 24;

/// Edge length in the target, in metres, from which an edge may bend both ways and is tested at four points.
const LONG_EDGE_M: f64 = 5000.0;

/// Margin in degrees around an area. Features are cut off beyond it before projection, because far from its centre a
/// projection may fail or give wrong positions.
const SURROUNDINGS_DEGREES: f64 = 3.0;

/// Reprojects outlines, with additional vertices where straight edges become curves.
#[derive(Debug)]
pub(super) struct Projector {
    transformer: Transformer,
    same: bool,
    from_geographic: bool,
    to_geographic: bool,
    /// Tolerance in units of the target.
    tolerance: f64,
    long_edge: f64,
}

impl Projector {
    pub(super) fn new(from: &Crs, to: &Crs) -> Result<Self> {
        let metres = to.metres_per_unit().unwrap_or(METRES_PER_DEGREE);
        Ok(Self {
            transformer: Transformer::new(from, to)?,
            same: from == to,
            from_geographic: from.is_geographic(),
            to_geographic: to.is_geographic(),
            tolerance: MAX_CHORD_ERROR_M / metres,
            long_edge: LONG_EDGE_M / metres,
        })
    }

    /// The outline in the target CRS. If the target is geographic, longitudes are continuous and nearest to `near`.
    ///
    /// `area` (degrees) is the area of interest. Parts far beyond it are cut off, if the source is geographic.
    pub(super) fn project(
        &self,
        geometry: &MultiPolygon<f64>,
        area: &LonLatBox,
        near: f64,
    ) -> Result<MultiPolygon<f64>> {
        if self.from_geographic && !self.to_geographic {
            let [west, south, east, north] = *area;
            let margin = SURROUNDINGS_DEGREES;
            // Shift in turns of 360 degrees that brings the area to the longitudes of the feature.
            let [x0, y0, x1, y1] = bounds(geometry);
            let turn = ((f64::midpoint(x0, x1) - f64::midpoint(west, east)) / 360.0).round() * 360.0;
            let (west, east) = (west + turn - margin, east + turn + margin);
            let (south, north) = ((south - margin).max(-90.0), (north + margin).min(90.0));
            if x0 < west || x1 > east || y0 < south || y1 > north {
                let surroundings = Rect::new(Coord { x: west, y: south }, Coord { x: east, y: north }).to_polygon();
                return self.run(&geometry.intersection(&surroundings), near);
            }
        }
        self.run(geometry, near)
    }

    fn run(&self, geometry: &MultiPolygon<f64>, near: f64) -> Result<MultiPolygon<f64>> {
        if self.same && !self.to_geographic {
            return Ok(geometry.clone());
        }
        let mut near = near;
        let mut ring = |ring: &LineString<f64>| -> Result<LineString<f64>> {
            let out = self.ring(ring, near)?;
            // Further rings use the longitude range of the first.
            if let Some(first) = out.0.first() {
                near = first.x;
            }
            Ok(out)
        };
        let mut parts = Vec::with_capacity(geometry.0.len());
        for part in geometry {
            let shell = ring(part.exterior())?;
            let holes = part.interiors().iter().map(&mut ring).collect::<Result<Vec<_>>>()?;
            parts.push(Polygon::new(shell, holes));
        }
        Ok(MultiPolygon(parts))
    }

    fn ring(&self, ring: &LineString<f64>, near: f64) -> Result<LineString<f64>> {
        let mut out: Vec<Coord<f64>> = Vec::with_capacity(ring.0.len());
        let mut last: Option<Coord<f64>> = None;
        for &vertex in &ring.0 {
            let beside = out.last().map_or(near, |c| c.x);
            let image = self.point(vertex, beside)?;
            if let (Some(before), Some(&start)) = (last, out.last()) {
                self.edge((before, start), (vertex, image), MAX_HALVINGS, &mut out)?;
            }
            out.push(image);
            last = Some(vertex);
        }
        // The last vertex repeats the first exactly.
        if let (Some(&first), true) = (out.first(), out.len() > 1) {
            let end = out.len() - 1;
            out[end] = first;
        }
        Ok(LineString(out))
    }

    /// A position in the target. Its longitude is nearest to `beside`.
    fn point(&self, position: Coord<f64>, beside: f64) -> Result<Coord<f64>> {
        let (x, y) = self.transformer.transform(position.x, position.y)?;
        let x = if self.to_geographic { x - ((x - beside) / 360.0).round() * 360.0 } else { x };
        Ok(Coord { x, y })
    }

    /// Adds the vertices between two neighbours (position, image).
    fn edge(
        &self,
        from: (Coord<f64>, Coord<f64>),
        to: (Coord<f64>, Coord<f64>),
        halvings: u32,
        out: &mut Vec<Coord<f64>>,
    ) -> Result<()> {
        if self.same || halvings == 0 {
            return Ok(());
        }
        let at =
            |t: f64| Coord { x: (to.0.x - from.0.x).mul_add(t, from.0.x), y: (to.0.y - from.0.y).mul_add(t, from.0.y) };
        let middle = (at(0.5), self.point(at(0.5), from.1.x)?);
        let mut bends = distance_to_segment(middle.1, from.1, to.1) > self.tolerance;
        if !bends && (to.1.x - from.1.x).hypot(to.1.y - from.1.y) > self.long_edge {
            for t in [0.25, 0.75] {
                bends |= distance_to_segment(self.point(at(t), from.1.x)?, from.1, to.1) > self.tolerance;
            }
        }
        if bends {
            self.edge(from, middle, halvings - 1, out)?;
            out.push(middle.1);
            self.edge(middle, to, halvings - 1, out)?;
        }
        Ok(())
    }
}

/// Distance of a point to a segment.
pub(super) fn distance_to_segment(p: Coord<f64>, a: Coord<f64>, b: Coord<f64>) -> f64 {
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let length2 = dx * dx + dy * dy;
    let t = if length2 > 0.0 { (((p.x - a.x) * dx + (p.y - a.y) * dy) / length2).clamp(0.0, 1.0) } else { 0.0 };
    (p.x - (a.x + t * dx)).hypot(p.y - (a.y + t * dy))
}

fn bounds(geometry: &MultiPolygon<f64>) -> [f64; 4] {
    super::bounds_of(geometry.iter().flat_map(|part| &part.exterior().0))
}

#[cfg(test)]
mod tests {
    use geo::polygon;
    use proptest::prelude::*;

    use super::*;

    fn project(from: u16, to: u16, geometry: &MultiPolygon<f64>) -> MultiPolygon<f64> {
        let (from, to) = (Crs::from_epsg(from).unwrap(), Crs::from_epsg(to).unwrap());
        Projector::new(&from, &to).unwrap().project(geometry, &[-180.0, -90.0, 180.0, 90.0], 0.0).unwrap()
    }

    /// Made with pyproj 3.7.2 (PROJ 9.5.1), the middle of an edge of one degree in longitude and latitude:
    /// ```python
    /// from pyproj import Transformer
    /// print(*Transformer.from_crs(4326, 32611, always_xy=True).transform(-117.5, 55.0))
    /// ```
    #[test]
    fn long_edges_bend_where_proj_says() {
        let square = polygon![(x: -118., y: 55.), (x: -117., y: 55.), (x: -117., y: 56.), (x: -118., y: 56.)];
        let out = project(4326, 32611, &MultiPolygon(vec![square]));
        let ring = out.0[0].exterior();
        assert!(ring.0.len() > 20, "{}", ring.0.len());
        let (x, y) = (468_015.872_730_944_2, 6_094_905.740_674_764);
        let on = |c: &Coord<f64>| (c.x - x).hypot(c.y - y) < 1e-6;
        assert!(ring.0.iter().any(on), "{ring:?}");
    }

    #[test]
    fn small_polygons_keep_their_vertices() {
        let pit = polygon![(x: -118., y: 55.), (x: -117.99, y: 55.), (x: -117.99, y: 55.01), (x: -118., y: 55.)];
        assert_eq!(project(4326, 32611, &MultiPolygon(vec![pit.clone()])).0[0].exterior().0.len(), 4);
        assert_eq!(project(4326, 4326, &MultiPolygon(vec![pit.clone()])).0[0], pit);
    }

    #[test]
    fn what_reaches_around_the_world_is_cut_to_the_surroundings() {
        let all = polygon![(x: -170., y: -80.), (x: 170., y: -80.), (x: 170., y: 80.), (x: -170., y: 80.)];
        let (from, to) = (Crs::WGS84, Crs::from_epsg(32611).unwrap());
        let area = [-118.0, 54.0, -117.0, 55.0];
        let out = Projector::new(&from, &to).unwrap().project(&MultiPolygon(vec![all]), &area, 0.0).unwrap();
        let [west, south, east, north] = bounds(&out);
        assert!(west > 100_000.0 && east < 800_000.0 && south > 5.6e6 && north < 6.5e6, "{:?}", bounds(&out));
    }

    #[test]
    fn rings_past_the_antimeridian_stay_continuous() {
        let across = polygon![(x: 355_000., y: 7.2e6), (x: 365_000., y: 7.2e6), (x: 365_000., y: 7.21e6), (x: 355_000., y: 7.21e6)];
        let (from, to) = (Crs::from_epsg(32601).unwrap(), Crs::WGS84);
        let projector = Projector::new(&from, &to).unwrap();
        for (near, west) in [(180.0, 179.0), (-180.0, -181.0)] {
            let out = projector.project(&MultiPolygon(vec![across.clone()]), &[0.0; 4], near).unwrap();
            let [x0, _, x1, _] = bounds(&out);
            assert!(x0 > west && x1 < west + 2.0 && x0 < west + 1.0 && x1 > west + 1.0, "{near}: {x0} {x1}");
        }
    }

    proptest! {
        /// Every point of an edge lies within the tolerance of the projected outline.
        #[test]
        fn no_place_of_an_edge_is_off_by_more_than_the_tolerance(
            lon in -119.0..-115.0f64, lat in 49.0..70.0f64,
            dx in -2.0..2.0f64, dy in -2.0..2.0f64, shrink in 0u8..4,
            to in prop::sample::select(vec![32611u16, 3005, 3978, 3857]),
        ) {
            let scale = 0.1f64.powi(i32::from(shrink));
            let (a, b) = (Coord { x: lon, y: lat }, Coord { x: lon + dx * scale, y: lat + dy * scale });
            let to = Crs::from_epsg(to).unwrap();
            let projector = Projector::new(&Crs::WGS84, &to).unwrap();
            let out = projector.ring(&LineString(vec![a, b, a]), 0.0).unwrap();
            let exact = Transformer::new(&Crs::WGS84, &to).unwrap();
            for place in 0..=500 {
                let t = f64::from(place) / 500.0;
                let (x, y) = exact.transform(a.x + t * (b.x - a.x), a.y + t * (b.y - a.y)).unwrap();
                let nearest = out.0.windows(2)
                    .map(|pair| distance_to_segment(Coord { x, y }, pair[0], pair[1]))
                    .fold(f64::INFINITY, f64::min);
                prop_assert!(nearest <= MAX_CHORD_ERROR_M * 1.05, "{nearest} at {t}");
            }
        }
    }
}
