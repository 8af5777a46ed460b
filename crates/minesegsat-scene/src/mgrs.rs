//! The grid of MGRS tiles: where a tile such as `10UFV` lies.

use minesegsat_core::{Crs, Grid, Transformer};

/// Sides of a 100 km square in metres.
const SQUARE_M: f64 = 100_000.0;
/// Tiles of Sentinel-2 reach up to 10 km beyond their square. Everything within this distance of the square belongs to it.
const MARGIN_M: f64 = 15_000.0;
/// Rows of squares repeat after this many metres.
const CYCLE_M: f64 = 2_000_000.0;
/// Letters of MGRS: A to Z without I and O.
const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";

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
    use minesegsat_core::GeoTransform;

    use super::*;

    fn grid(epsg: u16, x: f64, y: f64) -> Grid {
        let transform = GeoTransform::north_up(x, y, 10.0);
        Grid { crs: Crs::from_epsg(epsg).unwrap(), transform, width: 10_980, height: 10_980 }
    }

    /// Corners of real tiles, from the `MTD_TL.xml` of products of ESA.
    #[test]
    fn real_tiles_lie_where_their_id_says() {
        for (id, epsg, x, y) in [
            ("10UFV", 32610, 600_000.0, 5_500_020.0),
            ("13TDE", 32613, 399_960.0, 4_500_000.0),
            ("32TQM", 32632, 699_960.0, 4_900_020.0),
            ("53HLA", 32753, 300_000.0, 6_200_020.0),
            ("18SVG", 32618, 399_960.0, 4_200_000.0),
            ("06VVN", 32606, 399_960.0, 6_800_040.0),
        ] {
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
