//! Which tile owns a place: where tiles overlap, the one whose centre is nearest.
//!
//! Tiles of one zone overlap by about 10 km, and tiles of two zones by more. The owner of a place is the tile that covers it and whose
//! centre is nearest on the sphere; of equally near ones, the first by name. So the owner depends on the grids of the project
//! alone, not on the order of work, and every place has exactly one.
//!
//! Pixels of two zones do not coincide. Each pixel belongs to a tile by its centre, so along the border between zones the pixels
//! of both sides overlap or leave a gap of less than a pixel. Both are equally likely, so areas are right on average.

use minesegsat_core::{Crs, Grid, Result, Transformer};

use crate::project::Tile;

/// Mean radius of the Earth in metres.
const EARTH_M: f64 = 6_371_008.8;
/// Pixels that are decided together where no border is near.
const SEGMENT: usize = 128;
/// Lengths in a projection differ from those on the sphere by less than this factor. UTM and polar grids differ by less than 3 %.
const DISTORTION: f64 = 1.1;

/// Grids and places of all tiles of a project, from which each tile's [`Ownership`] is made.
#[derive(Debug)]
pub struct TilePlaces(Vec<TilePlace>);

#[derive(Debug)]
struct TilePlace {
    name: String,
    grid: Grid,
    centre: [f64; 3],
    /// West, south, east, north in degrees; east may be past 180.
    lon_lat: [f64; 4],
}

impl TilePlaces {
    /// The places of tiles, in their order.
    ///
    /// # Errors
    /// A CRS is unknown.
    pub fn new(tiles: &[Tile]) -> Result<Self> {
        let place = |tile: &Tile| {
            let grid = tile.grid()?;
            Ok(TilePlace { name: tile.name.clone(), centre: centre(&grid)?, lon_lat: lon_lat_bounds(&grid)?, grid })
        };
        Ok(Self(tiles.iter().map(place).collect::<Result<_>>()?))
    }
}

/// Decides which pixels of a tile the tile owns.
#[derive(Debug)]
pub struct Ownership {
    grid: Grid,
    to_lon_lat: Transformer,
    centre: [f64; 3],
    name: String,
    others: Vec<Other>,
    metres_per_unit: f64,
}

/// Another tile that overlaps.
#[derive(Debug)]
struct Other {
    tile: usize,
    name: String,
    bounds: [f64; 4],
    centre: [f64; 3],
    /// From longitude and latitude. `None` if it has the same CRS.
    from_lon_lat: Option<Transformer>,
}

/// What is known about a segment of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    Unclear,
}

impl Ownership {
    /// The ownership of the tile with an index.
    ///
    /// # Errors
    /// A CRS is unknown.
    pub fn new(places: &TilePlaces, index: usize) -> Result<Self> {
        let home = &places.0[index];
        let grid = home.grid.clone();
        let mut others = Vec::new();
        for (tile, other) in places.0.iter().enumerate().filter(|(at, _)| *at != index) {
            if !overlap(home.lon_lat, other.lon_lat) {
                continue;
            }
            let other_crs = (other.grid.crs != grid.crs).then_some(&other.grid.crs);
            others.push(Other {
                tile,
                name: other.name.clone(),
                bounds: other.grid.bounds(),
                centre: other.centre,
                from_lon_lat: other_crs.map(|crs| Transformer::new(&Crs::WGS84, crs)).transpose()?,
            });
        }
        Ok(Self {
            to_lon_lat: Transformer::new(&grid.crs, &Crs::WGS84)?,
            centre: home.centre,
            name: home.name.clone(),
            metres_per_unit: grid.crs.metres_per_unit().unwrap_or(1.0),
            others,
            grid,
        })
    }

    /// Whether the tile owns each pixel of a row.
    ///
    /// # Shapes
    /// - `out`: `[W]`, the width of the tile
    ///
    /// # Errors
    /// A place cannot be transformed.
    pub fn row(&self, row: usize, out: &mut [bool]) -> Result<()> {
        self.columns(row, 0, out)
    }

    /// Whether the tile owns each pixel of a part of a row, which begins at a column.
    ///
    /// # Shapes
    /// - `out`: `[W]`, the width of the part
    ///
    /// # Errors
    /// A place cannot be transformed.
    pub fn columns(&self, row: usize, first_col: usize, out: &mut [bool]) -> Result<()> {
        out.fill(true);
        if self.others.is_empty() {
            return Ok(());
        }
        let y = row as f64 + 0.5;
        for (segment, out) in out.chunks_mut(SEGMENT).enumerate() {
            let first = first_col + segment * SEGMENT;
            let half = out.len() as f64 / 2.0;
            let reach = half * self.grid.transform.pixel_width.abs();
            match self.decide(self.place(first as f64 + half, y)?, reach) {
                Answer::Yes => {}
                Answer::No => out.fill(false),
                Answer::Unclear => {
                    for (i, out) in out.iter_mut().enumerate() {
                        *out = self.decide(self.place((first + i) as f64 + 0.5, y)?, 0.0) == Answer::Yes;
                    }
                }
            }
        }
        Ok(())
    }

    /// Indices of the overlapping tiles of other CRSs.
    pub(crate) fn across(&self) -> impl Iterator<Item = usize> {
        self.others.iter().filter(|other| other.from_lon_lat.is_some()).map(|other| other.tile)
    }

    /// Whether the tile owns the place of a pixel position (column and row, with fractions).
    ///
    /// # Errors
    /// The place cannot be transformed.
    pub fn owns(&self, col: f64, row: f64) -> Result<bool> {
        Ok(self.decide(self.place(col, row)?, 0.0) == Answer::Yes)
    }

    fn place(&self, col: f64, row: f64) -> Result<Place> {
        let (x, y) = self.grid.transform.to_map(col, row);
        let (lon, lat) = self.to_lon_lat.transform(x, y)?;
        Ok(Place { x, y, lon, lat, on_sphere: on_sphere(lon, lat) })
    }

    /// Whether all places within a reach (in units of the CRS) are the tile's own. Without a reach the answer is always clear.
    fn decide(&self, at: Place, reach: f64) -> Answer {
        let mut answer = Answer::Yes;
        for other in &self.others {
            match self.wins(other, at, reach) {
                Answer::Yes => return Answer::No,
                Answer::Unclear => answer = Answer::Unclear,
                Answer::No => {}
            }
        }
        answer
    }

    /// Whether another tile covers a place and its centre is nearer.
    fn wins(&self, other: &Other, at: Place, reach: f64) -> Answer {
        let towards = std::array::from_fn(|i| other.centre[i] - self.centre[i]);
        // The derivative of this product is at most the length of the difference.
        let nearer = dot(at.on_sphere, towards);
        let margin = dot(towards, towards).sqrt() * reach * self.metres_per_unit * DISTORTION / EARTH_M;
        let by_distance = if nearer.abs() <= margin && reach > 0.0 {
            Answer::Unclear
        } else if nearer > 0.0 || (nearer == 0.0 && other.name < self.name) {
            Answer::Yes
        } else {
            return Answer::No;
        };
        let (x, y) = match &other.from_lon_lat {
            None => (at.x, at.y),
            Some(transformer) => match transformer.transform(at.lon, at.lat) {
                Ok(place) => place,
                Err(_) => return Answer::No,
            },
        };
        let [min_x, min_y, max_x, max_y] = other.bounds;
        // Half open, as pixels are.
        let inside = (x - min_x).min(max_x - x).min(y - min_y).min(max_y - y);
        let reach = reach * DISTORTION * DISTORTION;
        if inside < -reach || (reach == 0.0 && inside < 0.0) {
            Answer::No
        } else if inside <= reach && reach > 0.0 {
            Answer::Unclear
        } else {
            by_distance
        }
    }
}

/// A place on a tile.
#[derive(Debug, Clone, Copy)]
struct Place {
    x: f64,
    y: f64,
    lon: f64,
    lat: f64,
    on_sphere: [f64; 3],
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Unit vector of a place in degrees.
fn on_sphere(lon: f64, lat: f64) -> [f64; 3] {
    let ((sin_lon, cos_lon), (sin_lat, cos_lat)) = (lon.to_radians().sin_cos(), lat.to_radians().sin_cos());
    [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]
}

fn centre(grid: &Grid) -> Result<[f64; 3]> {
    let (x, y) = grid.transform.to_map(grid.width as f64 / 2.0, grid.height as f64 / 2.0);
    let (lon, lat) = Transformer::new(&grid.crs, &Crs::WGS84)?.transform(x, y)?;
    Ok(on_sphere(lon, lat))
}

/// West, south, east, north in degrees; east may be past 180.
pub(crate) fn lon_lat_bounds(grid: &Grid) -> Result<[f64; 4]> {
    let mut bounds = Transformer::new(&grid.crs, &Crs::WGS84)?.transform_bounds(grid.bounds())?;
    if bounds[2] < bounds[0] {
        bounds[2] += 360.0;
    }
    Ok(bounds)
}

/// Whether two boxes in degrees overlap, on either side of the antimeridian.
pub(crate) fn overlap(a: [f64; 4], b: [f64; 4]) -> bool {
    let lat = a[1] <= b[3] && b[1] <= a[3];
    lat && [-360.0, 0.0, 360.0].into_iter().any(|turn| a[0] <= b[2] + turn && b[0] + turn <= a[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(name: &str, epsg: u16, x: f64, y: f64, size: usize) -> Tile {
        Tile { name: name.to_owned(), epsg, origin: [x, y], pixel: 60.0, size: [size, size] }
    }

    fn rows(tiles: &[Tile], index: usize) -> Vec<Vec<bool>> {
        let ownership = Ownership::new(&TilePlaces::new(tiles).unwrap(), index).unwrap();
        let [width, height] = tiles[index].size;
        let mut row = vec![false; width];
        (0..height)
            .map(|at| {
                ownership.row(at, &mut row).unwrap();
                row.clone()
            })
            .collect()
    }

    /// Four tiles of one zone, as Sentinel-2 has them: every pixel that any of them covers has exactly one owner.
    #[test]
    fn every_pixel_of_a_zone_has_one_owner() {
        let mut tiles = Vec::new();
        for (name, x, y) in
            [("10UEA", 0.0, 0.0), ("10UFA", 100_020.0, 0.0), ("10UEB", 0.0, 100_020.0), ("10UFB", 100_020.0, 100_020.0)]
        {
            tiles.push(tile(name, 32610, 399_960.0 + x, 5_700_000.0 + y, 1830));
        }
        let side = 3500;
        let mut owners = vec![0_u8; side * side];
        let mut covered = vec![false; side * side];
        for (index, tile) in tiles.iter().enumerate() {
            let (col, row) =
                (((tile.origin[0] - 399_960.0) / 60.0) as usize, ((5_800_020.0 - tile.origin[1]) / 60.0) as usize);
            for (r, line) in rows(&tiles, index).iter().enumerate() {
                for (c, &own) in line.iter().enumerate() {
                    let at = (row + r) * side + col + c;
                    owners[at] += u8::from(own);
                    covered[at] = true;
                }
            }
        }
        for (count, covered) in owners.iter().zip(covered) {
            assert_eq!(*count, u8::from(covered));
        }
    }

    /// The segments are a shortcut: they answer as each pixel alone does.
    #[test]
    fn segments_agree_with_single_pixels_across_zones() {
        let tiles = [
            tile("10UGA", 32610, 699_960.0, 5_700_000.0, 1830),
            tile("11UKA", 32611, 199_980.0, 5_700_000.0, 1830),
            tile("small", 32611, 260_000.0, 5_650_000.0, 100),
        ];
        let mut owned = [0_usize; 3];
        for (index, owned) in owned.iter_mut().enumerate() {
            let ownership = Ownership::new(&TilePlaces::new(&tiles).unwrap(), index).unwrap();
            for (row, line) in rows(&tiles, index).iter().enumerate() {
                *owned += line.iter().filter(|own| **own).count();
                if row % 37 != 0 {
                    continue;
                }
                for (col, &own) in line.iter().enumerate() {
                    assert_eq!(own, ownership.owns(col as f64 + 0.5, row as f64 + 0.5).unwrap(), "{index} {row} {col}");
                }
            }
        }
        // The small tile's centre is nearest in a part of it only; the large ones share the rest.
        assert!(owned.iter().all(|&count| count > 0), "{owned:?}");
        let whole = 1830 * 1830;
        assert!(owned[0] < whole && owned[1] < whole, "{owned:?}");
    }

    /// Tiles of two zones: the hectares of what they own are those of their union, within a pixel along the border.
    #[test]
    fn tiles_of_two_zones_share_the_ground() {
        let tiles =
            [tile("10UGA", 32610, 699_960.0, 5_700_000.0, 1830), tile("11UKA", 32611, 199_980.0, 5_700_000.0, 1830)];
        let places = TilePlaces::new(&tiles).unwrap();
        let one = Ownership::new(&places, 0).unwrap();
        let other = Ownership::new(&places, 1).unwrap();
        let (a, b) = (tiles[0].grid().unwrap(), tiles[1].grid().unwrap());
        let between = Transformer::new(&a.crs, &b.crs).unwrap();
        let mut both_cover = 0;
        for row in (0..1830).step_by(7) {
            for col in (0..1830).step_by(7) {
                let (c, r) = (col as f64 + 0.5, row as f64 + 0.5);
                let (x, y) = a.transform.to_map(c, r);
                let (x, y) = between.transform(x, y).unwrap();
                let (c2, r2) = b.transform.to_pixel(x, y);
                if !(1.0..1829.0).contains(&c2) || !(1.0..1829.0).contains(&r2) {
                    continue;
                }
                both_cover += 1;
                assert_ne!(one.owns(c, r).unwrap(), other.owns(c2, r2).unwrap(), "{col} {row}");
            }
        }
        assert!(both_cover > 1000, "{both_cover}");
    }
}
