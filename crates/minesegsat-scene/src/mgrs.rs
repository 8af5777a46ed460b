//! The grid of MGRS tiles: where a tile such as `10UFV` lies, and which tiles there are.

use minesegsat_core::{Crs, GeoTransform, Grid, Result, Transformer};

/// Sides of a 100 km square in metres.
const SQUARE_M: f64 = 100_000.0;
/// Tiles of Sentinel-2 reach up to 10 km beyond their square. Everything within this distance of the square belongs to it.
const MARGIN_M: f64 = 15_000.0;
/// Rows of squares repeat after this many metres.
const CYCLE_M: f64 = 2_000_000.0;
/// Letters of MGRS: A to Z without I and O.
const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";

/// Corners of tiles are multiples of this many metres, the largest pixel of Sentinel-2, from the zone's zero and the equator.
const LARGEST_PIXEL_M: f64 = 60.0;
const PIXEL_M: f64 = 10.0;
/// Width and height of a tile in pixels of 10 m.
const TILE_PX: usize = 10_980;
/// Northing of the equator in southern zones.
const FALSE_NORTHING_M: f64 = 10_000_000.0;
/// Latitudes of MGRS, south and north.
const LATITUDES: [f64; 2] = [-80.0, 84.0];

/// A tile of Sentinel-2.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentinel2Tile {
    /// Name, such as `10UFV`.
    pub name: String,
    /// Its pixels of 10 m.
    pub grid: Grid,
}

/// The tiles of Sentinel-2 whose surroundings a test accepts, by zone, column and row.
///
/// `is_near` gets bounds that contain the tile: west, south, east, north in degrees. They may go past 180 degrees.
///
/// There is a tile for each 100 km square of MGRS that touches its UTM zone. It begins at the square's north-western corner and is
/// 109.8 km wide, so neighbours overlap. Zones are 6 degrees wide; the wider and narrower ones of Norway and Svalbard are not
/// made. A square on the border of two latitude bands has the name of the band in which its middle lies. Source: ESA, Sentinel-2
/// Products Specification Document, tiling grid; corners as in its products.
///
/// # Errors
/// A zone cannot be projected.
pub fn sentinel2_tiles(is_near: impl Fn([f64; 4]) -> bool) -> Result<Vec<Sentinel2Tile>> {
    let squares = squares_of_a_zone()?;
    let mut tiles = Vec::new();
    for zone in 1..=60_u16 {
        let meridian = f64::from(zone) * 6.0 - 183.0;
        for square in &squares {
            let longitude = meridian + square.from_meridian;
            // Half the diagonal of a tile is 78 km; its middle is 7 km from that of its square.
            let height = 0.8;
            let width = height / (square.latitude.abs() + height).to_radians().cos().max(0.01);
            let (south, north) = (square.latitude - height, square.latitude + height);
            if is_near([longitude - width, south, longitude + width, north]) {
                tiles.push(tile_of_square(zone, square)?);
            }
        }
    }
    Ok(tiles)
}

/// A 100 km square of any zone.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Square {
    /// Hundreds of kilometres of its western edge, 1 to 8.
    column: usize,
    /// Hundreds of kilometres of its southern edge from the equator.
    row: i32,
    /// Longitude of its middle, from the zone's central meridian.
    from_meridian: f64,
    /// Latitude of its middle.
    latitude: f64,
}

/// The squares that touch their zone. They are the same in all zones.
fn squares_of_a_zone() -> Result<Vec<Square>> {
    // Zone 31 with its central meridian at 3 degrees. South of the equator the northing is negative.
    let to_degrees = Transformer::new(&Crs::from_epsg(32_631)?, &Crs::WGS84)?;
    let mut squares = Vec::new();
    for column in 1..=8_usize {
        for row in -90..94 {
            let (west, south) = (column as f64 * SQUARE_M, f64::from(row) * SQUARE_M);
            // Its place that is nearest to the central meridian in degrees: meridians converge towards the poles.
            let x = if column < 5 { west + SQUARE_M } else { west };
            let y = if row < 0 { south + SQUARE_M } else { south };
            let (longitude, latitude) = to_degrees.transform(x, y)?;
            if (longitude - 3.0).abs() >= 3.0 || !(LATITUDES[0]..LATITUDES[1]).contains(&latitude) {
                continue;
            }
            let (longitude, latitude) = to_degrees.transform(west + SQUARE_M / 2.0, south + SQUARE_M / 2.0)?;
            squares.push(Square { column, row, from_meridian: longitude - 3.0, latitude });
        }
    }
    Ok(squares)
}

fn tile_of_square(zone: u16, square: &Square) -> Result<Sentinel2Tile> {
    let band = (((square.latitude - LATITUDES[0]) / 8.0).floor() as usize).min(19) + 2;
    let column = usize::from((zone - 1) % 3) * 8 + square.column - 1;
    let row = (square.row + if zone.is_multiple_of(2) { 5 } else { 0 }).rem_euclid(20) as usize;
    let letter = |at: usize| char::from(LETTERS[at]);
    let name = format!("{zone:02}{}{}{}", letter(band), letter(column), letter(row));
    let is_north = square.latitude >= 0.0;
    let crs = Crs::from_epsg(if is_north { 32_600 } else { 32_700 } + zone)?;
    let west = (square.column as f64 * SQUARE_M / LARGEST_PIXEL_M).floor() * LARGEST_PIXEL_M;
    let north = (f64::from(square.row + 1) * SQUARE_M / LARGEST_PIXEL_M).ceil() * LARGEST_PIXEL_M;
    let north = if is_north { north } else { north + FALSE_NORTHING_M };
    let transform = GeoTransform::north_up(west, north, PIXEL_M);
    Ok(Sentinel2Tile { name, grid: Grid { crs, transform, width: TILE_PX, height: TILE_PX } })
}

/// A tile's UTM zone, and its position in it.
#[derive(Debug, Clone, PartialEq)]
struct Tile {
    /// EPSG code of the zone.
    zone: Crs,
    /// Latitudes of the band, south and north.
    band: [f64; 2],
    /// Easting of the square's western edge.
    easting: f64,
    /// Northing of the square's southern edge, modulo [`CYCLE_M`].
    northing: f64,
}

/// Reads a tile id: NGA.STND.0037, appendix B (MGRS with the lettering of WGS 84).
fn tile(id: &str) -> Option<Tile> {
    let zone: u16 = id.get(..2)?.parse().ok()?;
    let &[band, column, row] = id.as_bytes().get(2..)? else { return None };
    let at = |letter: u8| LETTERS.iter().position(|&l| l == letter);
    // Bands C to X of 8 degrees, the last of 12.
    let south = at(band)?.checked_sub(2)? as f64 * 8.0 - 80.0;
    let north = if band == b'X' { 84.0 } else { south + 8.0 };
    let code = if band >= b'N' { 32_600 } else { 32_700 } + zone;
    // Columns A-H, J-R and S-Z in zones 1, 2 and 3, and so on. Rows start at A in odd zones, at F in even ones.
    let first = usize::from((zone - 1) % 3) * 8;
    let column = at(column)?.checked_sub(first).filter(|column| *column < 8)?;
    let row = (at(row)? + if zone.is_multiple_of(2) { 15 } else { 0 }) % 20;
    Some(Tile {
        zone: Crs::from_epsg(code).ok()?,
        band: [south, north],
        easting: (column + 1) as f64 * SQUARE_M,
        northing: row as f64 * SQUARE_M,
    })
}

/// The contradiction between a tile id and the place of a grid, in words. `None` if they agree, or if the id is none.
///
/// A grid contradicts its tile if it lies outside of the tile's square, and in another UTM zone or latitude band as well.
pub(crate) fn contradiction(id: &str, grid: &Grid) -> Option<String> {
    let tile = tile(id)?;
    let [min_x, min_y, max_x, max_y] = grid.bounds();
    let (x, y) = (f64::midpoint(min_x, max_x), f64::midpoint(min_y, max_y));
    let (longitude, latitude) = Transformer::new(&grid.crs, &Crs::WGS84).ok()?.transform(x, y).ok()?;
    let (east, north) = Transformer::new(&Crs::WGS84, &tile.zone).ok()?.transform(longitude, latitude).ok()?;
    let in_square = |distance: f64| (-MARGIN_M..=SQUARE_M + MARGIN_M).contains(&distance);
    let from_row = (north - tile.northing + MARGIN_M).rem_euclid(CYCLE_M) - MARGIN_M;
    // 110 km beyond the band, as for tiles at its edge.
    let in_band = (tile.band[0] - 1.0..=tile.band[1] + 1.0).contains(&latitude);
    let in_place = in_band && in_square(east - tile.easting) && in_square(from_row);
    let is_utm = |epsg: u16| matches!(epsg, 32_601..=32_660 | 32_701..=32_760);
    let other_zone = is_utm(grid.crs.epsg()) && grid.crs != tile.zone;
    if in_place || !(other_zone || !in_band || !(0.0..=1_000_000.0).contains(&east)) {
        return None;
    }
    Some(format!(
        "tile {id} lies in {}, but the pixels lie at {longitude:.3}, {latitude:.3} in {}",
        tile.zone, grid.crs
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Corners of real tiles, from `proj:transform` of STAC items and from products.
    const REAL_TILES: [(&str, u16, f64, f64); 6] = [
        ("10UFV", 32610, 600_000.0, 5_500_020.0),
        ("13TDE", 32613, 399_960.0, 4_500_000.0),
        ("12SYJ", 32612, 699_960.0, 4_400_040.0),
        ("56HLH", 32756, 300_000.0, 6_300_040.0),
        ("18SVG", 32618, 399_960.0, 4_200_000.0),
        ("06VVN", 32606, 399_960.0, 6_800_040.0),
    ];

    #[test]
    fn computed_tiles_are_the_real_ones() {
        let tiles = sentinel2_tiles(|_| true).unwrap();
        for (name, epsg, x, y) in REAL_TILES {
            let found: Vec<_> = tiles.iter().filter(|tile| tile.name == name).collect();
            assert_eq!(found.len(), 1, "{name}");
            assert_eq!(found[0].grid, grid(epsg, x, y), "{name}");
        }
        let has = |name: &str| tiles.iter().any(|tile| tile.name == name);
        // Real tiles at the edges of zones 12 to 14, from a search of Colorado. 13SDD lies south of 13TDE: there is no 13SDE.
        for name in ["12SXF", "12SYJ", "12TXK", "13SBA", "13SGD", "13TBE", "13TGF", "14SKF", "14TKL", "13SDD"] {
            assert!(has(name), "{name}");
        }
        for name in ["13SDE", "13TDD", "13TAE", "13THE", "12SZF", "14SJF"] {
            assert!(!has(name), "{name}");
        }
        let mut names: Vec<&str> = tiles.iter().map(|tile| tile.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), tiles.len(), "names are unique");
    }

    #[test]
    fn bounds_of_squares_contain_their_tiles() {
        for (zone, south) in [(1, -79.0), (1, 0.0), (31, 60.0), (60, 82.0)] {
            let seen = std::cell::RefCell::new(Vec::new());
            let near = |b: [f64; 4]| {
                let meridian = f64::from(zone) * 6.0 - 183.0;
                let is_near =
                    (f64::midpoint(b[0], b[2]) - meridian).abs() < 3.0 && (south..south + 3.0).contains(&b[1]);
                if is_near {
                    seen.borrow_mut().push(b);
                }
                is_near
            };
            let tiles = sentinel2_tiles(near).unwrap();
            assert!(!tiles.is_empty());
            for (tile, near) in tiles.iter().zip(seen.borrow().iter()) {
                let mut b = in_degrees(&tile.grid);
                // On both sides of the antimeridian.
                while b[0] > near[2] {
                    (b[0], b[2]) = (b[0] - 360.0, b[2] - 360.0);
                }
                while b[2] < near[0] {
                    (b[0], b[2]) = (b[0] + 360.0, b[2] + 360.0);
                }
                let contains = near[0] <= b[0] && near[1] <= b[1] && b[2] <= near[2] && b[3] <= near[3];
                assert!(contains, "{}: {near:?} does not contain {b:?}", tile.name);
            }
        }
    }

    fn in_degrees(grid: &Grid) -> [f64; 4] {
        let mut b = Transformer::new(&grid.crs, &Crs::WGS84).unwrap().transform_bounds(grid.bounds()).unwrap();
        if b[2] < b[0] {
            b[2] += 360.0;
        }
        b
    }

    fn grid(epsg: u16, x: f64, y: f64) -> Grid {
        let transform = GeoTransform::north_up(x, y, 10.0);
        Grid { crs: Crs::from_epsg(epsg).unwrap(), transform, width: 10_980, height: 10_980 }
    }

    #[test]
    fn real_tiles_lie_where_their_id_says() {
        for (id, epsg, x, y) in REAL_TILES {
            assert_eq!(contradiction(id, &grid(epsg, x, y)), None, "{id}");
        }
    }

    #[test]
    fn pixels_in_another_zone_or_band_contradict_the_tile() {
        for (epsg, x, y) in [(32611, 600_000.0, 5_500_020.0), (32710, 600_000.0, 5_500_020.0), (32610, 600_000.0, 4e6)]
        {
            let text = contradiction("10UFV", &grid(epsg, x, y)).unwrap();
            assert!(text.contains("10UFV lies in EPSG:32610") && text.contains(&format!("EPSG:{epsg}")), "{text}");
        }
        // The same ground in the neighbouring zone, and in Web Mercator.
        assert_eq!(contradiction("10UFV", &grid(32611, 165_000.0, 5_514_000.0)), None);
        let mercator =
            Grid { transform: GeoTransform::north_up(-13_538_000.0, 6_380_000.0, 15.0), ..grid(3857, 0.0, 0.0) };
        assert_eq!(contradiction("10UFV", &mercator), None);
        assert_eq!(contradiction("no tile", &mercator), None);
    }
}
