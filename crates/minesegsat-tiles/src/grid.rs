//! The tile grid of web maps: [`Tile`].

use std::f64::consts::PI;
use std::fmt;

use minesegsat_core::{Crs, Error, Grid, Result, Transformer};

/// The highest zoom: a tile is 2.4 m wide at the equator.
pub const MAX_ZOOM: u8 = 24;
/// Pixels of a tile at scale 1.
const TILE_PX: f64 = 256.0;
/// Semi-major axis of WGS 84, the radius of the sphere of EPSG:3857, in metres.
const RADIUS_M: f64 = 6_378_137.0;
/// Half the width of the world in EPSG:3857, in metres.
const HALF_WORLD_M: f64 = PI * RADIUS_M;

/// World position of a longitude and latitude in degrees: 0 to 1 from west to east and from north to south.
///
/// The formulas of "Popular Visualisation Pseudo-Mercator" (EPSG coordinate operation method 1024), scaled. The square
/// world ends at latitude 85.0511. Latitudes beyond it are outside of 0 to 1; the poles are at infinity.
pub fn world_position(lon: f64, lat: f64) -> (f64, f64) {
    let y = (PI / 4.0 + lat.to_radians() / 2.0).tan().ln();
    (lon / 360.0 + 0.5, 0.5 - y / (2.0 * PI))
}

/// Longitude and latitude in degrees of a world position: the inverse of [`world_position`].
pub fn lon_lat(x: f64, y: f64) -> (f64, f64) {
    let lat = 2.0 * ((0.5 - y) * 2.0 * PI).exp().atan() - PI / 2.0;
    ((x - 0.5) * 360.0, lat.to_degrees())
}

/// A web tile: zoom, column from the west, row from the north.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    z: u8,
    x: u32,
    y: u32,
}

impl Tile {
    /// Zoom 0 to [`MAX_ZOOM`], column and row below 2^zoom. Other values are errors.
    pub fn new(z: u8, x: u32, y: u32) -> Result<Self> {
        let refuse = |accepted: String| Err(Error::Argument { name: "tile", value: format!("{z}/{x}/{y}"), accepted });
        if z > MAX_ZOOM {
            return refuse(format!("a zoom from 0 to {MAX_ZOOM}"));
        }
        let last = (1_u32 << z) - 1;
        if x > last || y > last {
            return refuse(format!("at zoom {z} a column and row from 0 to {last}"));
        }
        Ok(Self { z, x, y })
    }

    /// Zoom.
    pub const fn z(self) -> u8 {
        self.z
    }

    /// Column, from the west.
    pub const fn x(self) -> u32 {
        self.x
    }

    /// Row, from the north.
    pub const fn y(self) -> u32 {
        self.y
    }

    /// Bounds in world positions: west, north, east, south, each 0 to 1, y to the south.
    pub fn world_bounds(self) -> [f64; 4] {
        let side = 1.0 / f64::from(1_u32 << self.z);
        let (x, y) = (f64::from(self.x), f64::from(self.y));
        [x * side, y * side, (x + 1.0) * side, (y + 1.0) * side]
    }

    /// Bounds in EPSG:3857, in metres: min x, min y, max x, max y.
    pub fn bounds_3857(self) -> [f64; 4] {
        let [west, north, east, south] = self.world_bounds();
        let metres = |at: f64| (2.0 * at - 1.0) * HALF_WORLD_M;
        [metres(west), -metres(south), metres(east), -metres(north)]
    }

    /// Bounds in degrees: west, south, east, north.
    pub fn bounds_wgs84(self) -> [f64; 4] {
        let [west, north, east, south] = self.world_bounds();
        let ((west, north), (east, south)) = (lon_lat(west, north), lon_lat(east, south));
        [west, south, east, north]
    }

    /// The tile that contains a longitude and latitude in degrees. Positions outside of the square world move to its edge.
    pub fn containing(lon: f64, lat: f64, z: u8) -> Result<Self> {
        let (x, y) = world_position(lon, lat.clamp(-89.9, 89.9));
        if !(x.is_finite() && y.is_finite()) {
            return Err(Error::Argument {
                name: "position",
                value: format!("{lon},{lat}"),
                accepted: "a longitude and a latitude in degrees".to_owned(),
            });
        }
        let side = f64::from(1_u32 << z.min(MAX_ZOOM));
        let index = |at: f64| (at * side).floor().clamp(0.0, side - 1.0) as u32;
        Self::new(z, index(x), index(y))
    }

    /// The tiles of a zoom that intersect bounds in degrees, from north to south and from west to east. Bounds are west, south,
    /// east, north; west is greater than east across the antimeridian.
    pub fn covering(bounds: [f64; 4], z: u8) -> Result<impl Iterator<Item = Self>> {
        let [west, south, east, north] = bounds;
        let (first, last) = (Self::containing(west, north, z)?, Self::containing(east, south, z)?);
        // Bounds that end on the edge of a tile do not include the next tile.
        let exact = |at: f64| at > 0.0 && at.fract() == 0.0;
        let side = f64::from(1_u32 << z);
        let (x, y) = world_position(east, south.clamp(-89.9, 89.9));
        let last_x =
            if exact(x * side) && last.x > first.x && f64::from(last.x) == x * side { last.x - 1 } else { last.x };
        let last_y =
            if exact(y * side) && last.y > first.y && f64::from(last.y) == y * side { last.y - 1 } else { last.y };
        let end = 1_u32 << z;
        let columns = if west <= east { [first.x..last_x + 1, 0..0] } else { [first.x..end, 0..last_x + 1] };
        Ok((first.y..=last_y).flat_map(move |y| columns.clone().into_iter().flatten().map(move |x| Self { z, x, y })))
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.z, self.x, self.y)
    }
}

/// Bounds of a raster in world positions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Footprint {
    /// West, south, east, north in degrees. West is greater than east across the antimeridian.
    pub(super) bounds_wgs84: [f64; 4],
    /// West, north, east, south in world positions. Two parts across the antimeridian.
    pub(super) parts: Vec<[f64; 4]>,
}

impl Footprint {
    pub(super) fn new(grid: &Grid) -> Result<Self> {
        let bounds = Transformer::new(&grid.crs, &Crs::WGS84)?.transform_bounds(grid.bounds())?;
        let [west, south, east, north] = bounds;
        let part = |west: f64, east: f64| {
            let ((x0, y0), (x1, y1)) = (world_position(west, north.min(89.9)), world_position(east, south.max(-89.9)));
            // Curved edges may bulge between the sampled points.
            let slack = ((x1 - x0) + (y1 - y0)) * 1e-3;
            let inside = |at: f64| at.clamp(0.0, 1.0);
            [inside(x0 - slack), inside(y0 - slack), inside(x1 + slack), inside(y1 + slack)]
        };
        let parts = if west <= east { vec![part(west, east)] } else { vec![part(west, 180.0), part(-180.0, east)] };
        Ok(Self { bounds_wgs84: bounds, parts })
    }

    /// Whether the bounds intersect a tile.
    pub(super) fn intersects(&self, tile: Tile) -> bool {
        let [west, north, east, south] = tile.world_bounds();
        self.parts.iter().any(|p| p[0] < east && west < p[2] && p[1] < south && north < p[3])
    }

    /// Lowest and highest useful zoom. At the lowest the raster is about a tile wide. The highest is one above the first zoom whose
    /// pixels are not larger than the raster's.
    pub(super) fn zooms(&self, grid: &Grid) -> (u8, u8) {
        let width: f64 = self.parts.iter().map(|p| p[2] - p[0]).sum();
        let height = self.parts.iter().map(|p| p[3] - p[1]).fold(0.0, f64::max);
        let extent = width.max(height).max(f64::MIN_POSITIVE);
        // Rounded, so that a raster slightly wider than a tile still starts at one tile.
        let min = (1.0 / extent).log2().round().max(0.0);
        let pixel = (width / grid.width as f64).min(height / grid.height as f64).max(f64::MIN_POSITIVE);
        let native = (1.0 / (pixel * TILE_PX)).log2();
        let max = (native - 0.01).ceil().max(0.0) + 1.0;
        let zoom = |at: f64| at.min(f64::from(MAX_ZOOM)) as u8;
        (zoom(min), zoom(max.max(min)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minesegsat_core::GeoTransform;

    fn tile(z: u8, x: u32, y: u32) -> Tile {
        Tile::new(z, x, y).unwrap()
    }

    #[test]
    fn bounds_equal_those_of_proj() {
        // pyproj: Transformer.from_crs(4326, 3857, always_xy=True).transform(...) of the corners from the definition of the grid.
        let b = tile(14, 8718, 5693).bounds_3857();
        let side = 40_075_016.685_578_49 / 16_384.0;
        assert!((b[0] - (8718.0 * side - 20_037_508.342_789_244)).abs() < 1e-6);
        assert!((b[3] - (20_037_508.342_789_244 - 5693.0 * side)).abs() < 1e-6);
        assert!((b[2] - b[0] - side).abs() < 1e-6 && (b[3] - b[1] - side).abs() < 1e-6);
        // (121.456, -31.25) is (13520420.073787836, -3665259.1407130747) in EPSG:3857 by pyproj 3.7.2, see `crs`.
        let (x, y) = world_position(121.456, -31.25);
        assert!(((2.0 * x - 1.0) * HALF_WORLD_M - 13_520_420.073_787_836).abs() < 1e-6);
        assert!(((1.0 - 2.0 * y) * HALF_WORLD_M + 3_665_259.140_713_074_7).abs() < 1e-6);
        let (lon, lat) = lon_lat(x, y);
        assert!((lon - 121.456).abs() < 1e-12 && (lat + 31.25).abs() < 1e-12);
        assert!((tile(0, 0, 0).bounds_wgs84()[3] - 85.051_128_779_806_59).abs() < 1e-9);
    }

    #[test]
    fn tiles_out_of_range_are_refused_with_the_range() {
        let text = |z, x, y| Tile::new(z, x, y).unwrap_err().to_string();
        assert_eq!(text(25, 0, 0), "tile `25/0/0` is not accepted: a zoom from 0 to 24");
        assert_eq!(text(2, 4, 0), "tile `2/4/0` is not accepted: at zoom 2 a column and row from 0 to 3");
        assert!(Tile::new(2, 0, u32::MAX).is_err() && Tile::new(24, (1 << 24) - 1, 0).is_ok());
    }

    #[test]
    fn positions_lie_in_the_tiles_that_cover_them() {
        for (lon, lat) in [(0.1, 0.1), (-120.2, 56.3), (151.2, -33.9), (179.99, -84.0), (-180.0, 85.0)] {
            for z in 0..=MAX_ZOOM {
                let [w, s, e, n] = Tile::containing(lon, lat, z).unwrap().bounds_wgs84();
                assert!(w <= lon && lon <= e && s <= lat && lat <= n, "{lon}, {lat} at {z}");
            }
        }
        // mercantile 1.2: [*tiles(-0.5, 51.2, 0.6, 51.8, 8)]
        let found: Vec<String> = Tile::covering([-0.5, 51.2, 0.6, 51.8], 8).unwrap().map(|t| t.to_string()).collect();
        assert_eq!(found, ["8/127/84", "8/128/84", "8/127/85", "8/128/85"]);
        let [w, s, e, n] = tile(9, 100, 200).bounds_wgs84();
        let found: Vec<Tile> = Tile::covering([w + 1e-9, s + 1e-9, e - 1e-9, n - 1e-9], 9).unwrap().collect();
        assert_eq!(found, [tile(9, 100, 200)]);
        let across: Vec<Tile> = Tile::covering([170.0, -10.0, -170.0, -5.0], 4).unwrap().collect();
        assert_eq!(across, [tile(4, 15, 8), tile(4, 0, 8)]);
    }

    #[test]
    fn zooms_follow_size_and_pixels_of_a_raster() {
        let at = |epsg, x, y, pixel, side| {
            let transform = GeoTransform::north_up(x, y, pixel);
            let grid = Grid { crs: Crs::from_epsg(epsg).unwrap(), transform, width: side, height: side };
            (Footprint::new(&grid).unwrap(), grid)
        };
        // A tile of Sentinel-2 at 50 degrees north: 110 km are 171 km of the map, a tile of zoom 8 is 157 km; 10 m are 15.5 m of
        // the map, a pixel at zoom 14 is 9.6 m.
        let (footprint, grid) = at(32611, 600_000.0, 5_600_000.0, 10.0, 10_980);
        assert_eq!(footprint.zooms(&grid), (8, 15));
        let (footprint, grid) = at(32611, 600_000.0, 5_600_000.0, 10.0, 512);
        assert_eq!(footprint.zooms(&grid), (12, 15));
        // Zone 60 ends at 180 degrees.
        let (footprint, _) = at(32760, 800_000.0, 7_900_000.0, 10.0, 10_980);
        assert_eq!(footprint.parts.len(), 2);
        assert!(footprint.bounds_wgs84[0] > footprint.bounds_wgs84[2]);
        assert!(
            footprint.intersects(Tile::containing(179.9, -19.5, 8).unwrap())
                && footprint.intersects(Tile::containing(-179.95, -19.5, 8).unwrap())
        );
        assert!(!footprint.intersects(Tile::containing(0.0, -19.5, 8).unwrap()));
    }
}
