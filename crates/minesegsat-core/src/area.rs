//! Areas and lengths on the WGS 84 ellipsoid, independent of the map projection.
//!
//! Geodesic methods of C. F. F. Karney, "Algorithms for geodesics", J. Geodesy 87, 43-55 (2013), through
//! [`geo::GeodesicArea`]. A UTM square of 1 km2 is up to 0.1 % larger or smaller on the ground than on the grid, a Web
//! Mercator one at 60 degrees north four times smaller.

use geo::{GeodesicArea, MultiPolygon, Polygon};
use rayon::prelude::*;

use crate::{Crs, Result, Transformer};

/// Longest edge that is measured as a geodesic, in metres. Longer edges are divided, because a straight line on the map is
/// a curve on the ellipsoid. At 1 km the two are a few centimetres apart even at 80 degrees latitude.
const MAX_EDGE_M: f64 = 1000.0;

/// Approximate metres per degree of latitude, for the division of edges in geographic systems.
const METRES_PER_DEGREE: f64 = 111_000.0;

/// Size of a geometry on the ellipsoid.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GeodesicSize {
    /// Area in square metres, holes subtracted.
    pub area_m2: f64,
    /// Length in metres of the outer boundaries. Boundaries of holes are not counted, as in pyproj's
    /// `geometry_area_perimeter`.
    pub perimeter_m: f64,
}

/// Measures geometries of one CRS.
#[derive(Debug, Clone)]
pub struct GeodesicMeter {
    to_wgs84: Transformer,
    max_edge: f64,
}

impl GeodesicMeter {
    /// A meter for geometries in `crs`.
    pub fn new(crs: &Crs) -> Result<Self> {
        let max_edge = MAX_EDGE_M / crs.metres_per_unit().unwrap_or(METRES_PER_DEGREE);
        Ok(Self { to_wgs84: Transformer::new(crs, &Crs::WGS84)?, max_edge })
    }

    /// Measures a geometry. The winding of its rings does not matter.
    pub fn measure(&self, geometry: &MultiPolygon<f64>) -> Result<GeodesicSize> {
        let mut size = GeodesicSize::default();
        for polygon in self.to_wgs84.transform_densified(geometry, self.max_edge)? {
            let (exterior, holes) = polygon.into_inner();
            let (perimeter, area) = Polygon::new(exterior, Vec::new()).geodesic_perimeter_area_signed();
            size.perimeter_m += perimeter;
            size.area_m2 += area.abs();
            for hole in holes {
                size.area_m2 -= Polygon::new(hole, Vec::new()).geodesic_area_signed().abs();
            }
        }
        Ok(size)
    }

    /// Measures many geometries on all cores.
    pub fn measure_all<'a>(
        &self,
        geometries: impl IntoParallelIterator<Item = &'a MultiPolygon<f64>>,
    ) -> Result<Vec<GeodesicSize>> {
        geometries.into_par_iter().map(|geometry| self.measure(geometry)).collect::<Result<Vec<_>>>()
    }
}

#[cfg(test)]
mod tests {
    use geo::{LineString, polygon};

    use super::*;

    /// Relative difference allowed: 0.01 %.
    const TOLERANCE: f64 = 1e-4;

    fn square(x: f64, y: f64, side: f64) -> MultiPolygon<f64> {
        let ring = [(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)];
        MultiPolygon(vec![Polygon::new(LineString::from(ring.to_vec()), vec![])])
    }

    fn measure(epsg: u16, geometry: &MultiPolygon<f64>) -> GeodesicSize {
        GeodesicMeter::new(&Crs::from_epsg(epsg).unwrap()).unwrap().measure(geometry).unwrap()
    }

    /// Made with pyproj 3.7.2 and shapely 2.2.0; edges are cut into 2000 parts before they are transformed:
    /// ```python
    /// import shapely, shapely.ops, pyproj
    /// geod = pyproj.Geod(ellps="WGS84")
    /// def size(epsg, x, y, side):
    ///     t = pyproj.Transformer.from_crs(epsg, 4326, always_xy=True)
    ///     square = shapely.box(x, y, x + side, y + side).segmentize(side / 2000)
    ///     return geod.geometry_area_perimeter(shapely.ops.transform(t.transform, shapely.geometry.polygon.orient(square)))
    /// ```
    #[test]
    fn squares_equal_pyproj() {
        // EPSG, x, y, side, area in m2, perimeter in m
        let cases = [
            (32611, 500_000.0, 4_000_000.0, 10.0, 100.080_048, 40.016_006),
            (32611, 633_000.0, 4_174_000.0, 20_000.0, 400_118_202.184_683, 80_011.786_5),
            (32611, 700_000.0, 7_200_000.0, 1_000.0, 999_815.595_376, 3_999.631_17),
            (32733, 200_000.0, 9_000_000.0, 100_000.0, 9_992_328_237.313_286, 399_842.416_701),
            (3857, 1_000_000.0, 8_400_000.0, 1_000.0, 250_787.164_443, 2_003.146_892),
            (3005, 1_200_000.0, 990_000.0, 50_000.0, 2_499_999_999.978_002, 200_000.272_19),
            (3413, -300_000.0, -2_347_000.0, 50_000.0, 2_478_698_540.931_062, 199_145.615_754),
            (4326, 18.0, 54.0, 0.25, 454_823_378.401_824, 88_343.167_75),
            (2227, 6_329_285.0, 1_969_108.0, 10_000.0, 9_291_337.006_82, 12_192.677_691),
        ];
        for (epsg, x, y, side, area, perimeter) in cases {
            let size = measure(epsg, &square(x, y, side));
            assert!((size.area_m2 / area - 1.0).abs() < TOLERANCE / 100.0, "EPSG:{epsg} {side}: {size:?}");
            assert!((size.perimeter_m / perimeter - 1.0).abs() < TOLERANCE / 100.0, "EPSG:{epsg} {side}: {size:?}");
        }
    }

    #[test]
    fn holes_are_subtracted_whatever_the_winding() {
        let with_hole: MultiPolygon<f64> = MultiPolygon(vec![polygon!(
            exterior: [(x: 500_000., y: 6e6), (x: 501_000., y: 6e6), (x: 501_000., y: 6.001e6), (x: 500_000., y: 6.001e6)],
            interiors: [[(x: 500_200., y: 6.0002e6), (x: 500_600., y: 6.0002e6), (x: 500_600., y: 6.0006e6), (x: 500_200., y: 6.0006e6)]],
        )]);
        let expected = measure(32611, &square(500_000.0, 6e6, 1000.0)).area_m2
            - measure(32611, &square(500_200.0, 6.0002e6, 400.0)).area_m2;
        for reverse in [(false, false), (true, false), (false, true), (true, true)] {
            let (mut exterior, mut holes) = with_hole.0[0].clone().into_inner();
            if reverse.0 {
                exterior.0.reverse();
            }
            if reverse.1 {
                holes[0].0.reverse();
            }
            let size = measure(32611, &MultiPolygon(vec![Polygon::new(exterior, holes)]));
            assert!((size.area_m2 - expected).abs() < 1e-3, "{size:?}, {expected}");
        }
    }

    #[test]
    fn areas_across_the_antimeridian_are_small() {
        // The central meridian of zone 1 is 177 W; 3 degrees west of it is the antimeridian.
        let size = measure(32601, &square(357_000.0, 7.2e6, 10_000.0));
        assert!((size.area_m2 / 1e8 - 1.0).abs() < 0.002, "{size:?}");
    }
}
