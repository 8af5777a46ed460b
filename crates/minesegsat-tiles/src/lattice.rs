//! Map positions of the pixels of a tile: [`Positions`].

use super::grid::{Tile, lon_lat};
use minesegsat_core::Transformer;

/// Maximum error of positions, in pixels of the tile and of the raster: the tolerance of GDAL's warper.
pub(super) const TOLERANCE_PX: f64 = 0.125;
/// Safety factor: cells are subdivided until the error at the sampled points is at most half the tolerance, because points between
/// samples may be worse.
const SAFETY: f64 = 0.5;

/// A rectangle of pixels of a tile, from its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PixelRect {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl PixelRect {
    /// The pixels of a tile of `size` pixels that intersect a part of the world (west, north, east, south), plus one on each side.
    pub(super) fn covering(tile: Tile, size: usize, part: [f64; 4]) -> Option<Self> {
        let [west, north, east, south] = tile.world_bounds();
        let scale = size as f64 / (east - west);
        let first = |at: f64| ((at * scale).floor() - 1.0).clamp(0.0, size as f64) as usize;
        let end = |at: f64| ((at * scale).ceil() + 1.0).clamp(0.0, size as f64) as usize;
        if part[0] >= east || part[2] <= west || part[1] >= south || part[3] <= north {
            return None;
        }
        let (x, y) = (first(part[0] - west), first(part[1] - north));
        let (x_end, y_end) = (end(part[2] - west), end(part[3] - north));
        (x < x_end && y < y_end).then(|| Self { x, y, width: x_end - x, height: y_end - y })
    }
}

/// The projection from the pixels of a tile to the CRS of a raster.
#[derive(Debug, Clone, Copy)]
pub(super) struct Projection<'a> {
    /// The tile.
    pub(super) tile: Tile,
    /// Width and height of the tile in pixels.
    pub(super) size: usize,
    /// From longitude and latitude to the raster's CRS.
    pub(super) to_map: &'a Transformer,
}

impl Projection<'_> {
    /// Map position of a point of the tile, given in pixels from its upper left corner. Pixel centres are at halves.
    pub(super) fn exact(&self, px: f64, py: f64) -> Option<(f64, f64)> {
        let [west, north, east, south] = self.tile.world_bounds();
        let (x, y) = (px / self.size as f64 * (east - west) + west, py / self.size as f64 * (south - north) + north);
        let (lon, lat) = lon_lat(x, y);
        self.to_map.transform(lon, lat).ok()
    }

    /// Size of a pixel of the tile along x and y of the map, at the centre of `rect`.
    pub(super) fn pixel_size(&self, rect: PixelRect) -> Option<[f64; 2]> {
        let middle = |start: usize, len: usize| start as f64 + len as f64 / 2.0;
        let (px, py) = (middle(rect.x, rect.width), middle(rect.y, rect.height));
        let at = self.exact(px, py)?;
        let along = |to: (f64, f64)| (to.0 - at.0, to.1 - at.1);
        let (right, down) = (along(self.exact(px + 1.0, py)?), along(self.exact(px, py + 1.0)?));
        let size = [right.0.hypot(down.0), right.1.hypot(down.1)];
        size.iter().all(|s| s.is_finite() && *s > 0.0).then_some(size)
    }
}

/// Map positions of the centres of pixels of a tile.
#[derive(Debug, Clone)]
pub(super) struct Positions {
    /// The pixels.
    pub(super) rect: PixelRect,
    /// x and y of each pixel, `[H, W]`. NaN outside of the map's projection.
    pub(super) xy: Vec<[f64; 2]>,
    /// Min x, min y, max x, max y.
    pub(super) bounds: [f64; 4],
}

impl Positions {
    /// `limit`: maximum error of x and y, in units of the map.
    pub(super) fn new(projection: &Projection<'_>, rect: PixelRect, limit: [f64; 2]) -> Self {
        let mut filler = Filler {
            projection,
            rect,
            limit: limit.map(|l| l * SAFETY),
            xy: vec![[f64::NAN; 2]; rect.width * rect.height],
        };
        let (right, bottom) = (rect.width - 1, rect.height - 1);
        let corners = [(0, 0), (right, 0), (0, bottom), (right, bottom)].map(|(x, y)| filler.exact(x as f64, y as f64));
        filler.fill((0, 0), (right, bottom), corners);
        let start = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        let wider = |b: [f64; 4], at: &[f64; 2]| [b[0].min(at[0]), b[1].min(at[1]), b[2].max(at[0]), b[3].max(at[1])];
        let bounds = filler.xy.iter().fold(start, wider);
        Self { rect, xy: filler.xy, bounds }
    }
}

type Corner = Option<(f64, f64)>;

/// Subdivides cells until bilinear interpolation is accurate enough.
struct Filler<'a, 'b> {
    projection: &'a Projection<'b>,
    rect: PixelRect,
    limit: [f64; 2],
    xy: Vec<[f64; 2]>,
}

impl Filler<'_, '_> {
    /// Exact map position of a point, in pixels from the centre of the rectangle's first pixel.
    fn exact(&self, x: f64, y: f64) -> Corner {
        self.projection.exact(self.rect.x as f64 + x + 0.5, self.rect.y as f64 + y + 0.5)
    }

    /// Fills the pixels from `first` to `last`, both included. Corners are upper left, upper right, lower left, lower right.
    fn fill(&mut self, first: (usize, usize), last: (usize, usize), corners: [Corner; 4]) {
        let (width, height) = (last.0 - first.0, last.1 - first.1);
        if let [Some(a), Some(b), Some(c), Some(d)] = corners
            && ((width <= 1 && height <= 1) || self.is_flat(first, last, [a, b, c, d]))
        {
            self.interpolate(first, last, [a, b, c, d]);
            return;
        }
        if width <= 1 && height <= 1 {
            for (corner, (x, y)) in corners.iter().zip([first, (last.0, first.1), (first.0, last.1), last]) {
                self.xy[y * self.rect.width + x] = corner.map_or([f64::NAN; 2], Into::into);
            }
            return;
        }
        // A cell of two pixels is split in the other direction only.
        let half = |first: usize, length: usize| first + if length > 1 { length / 2 } else { length };
        let middle = (half(first.0, width), half(first.1, height));
        let at = |x: usize, y: usize| self.exact(x as f64, y as f64);
        let (top, bottom) = (at(middle.0, first.1), at(middle.0, last.1));
        let (left, right) = (at(first.0, middle.1), at(last.0, middle.1));
        let centre = at(middle.0, middle.1);
        self.fill(first, middle, [corners[0], top, left, centre]);
        if width > 1 {
            self.fill((middle.0, first.1), (last.0, middle.1), [top, corners[1], centre, right]);
        }
        if height > 1 {
            self.fill((first.0, middle.1), (middle.0, last.1), [left, centre, corners[2], bottom]);
        }
        if width > 1 && height > 1 {
            self.fill(middle, last, [centre, right, bottom, corners[3]]);
        }
    }

    /// Whether bilinear interpolation is accurate at the centre of the cell and of its edges.
    fn is_flat(&self, first: (usize, usize), last: (usize, usize), [a, b, c, d]: [(f64, f64); 4]) -> bool {
        let (x0, y0, x1, y1) = (first.0 as f64, first.1 as f64, last.0 as f64, last.1 as f64);
        let (xm, ym) = (f64::midpoint(x0, x1), f64::midpoint(y0, y1));
        let mean = |p: (f64, f64), q: (f64, f64)| (f64::midpoint(p.0, q.0), f64::midpoint(p.1, q.1));
        let (top, bottom, left, right) = (mean(a, b), mean(c, d), mean(a, c), mean(b, d));
        [(xm, ym, mean(top, bottom)), (xm, y0, top), (xm, y1, bottom), (x0, ym, left), (x1, ym, right)].into_iter().all(
            |(x, y, found)| {
                self.exact(x, y).is_some_and(|exact| {
                    (exact.0 - found.0).abs() <= self.limit[0] && (exact.1 - found.1).abs() <= self.limit[1]
                })
            },
        )
    }

    fn interpolate(&mut self, first: (usize, usize), last: (usize, usize), [a, b, c, d]: [(f64, f64); 4]) {
        let columns = (last.0 - first.0).max(1) as f64;
        let rows = (last.1 - first.1).max(1) as f64;
        for y in first.1..=last.1 {
            let t = (y - first.1) as f64 / rows;
            let lerp = |p: f64, q: f64| (q - p).mul_add(t, p);
            let (left, right) = ((lerp(a.0, c.0), lerp(a.1, c.1)), (lerp(b.0, d.0), lerp(b.1, d.1)));
            let step = ((right.0 - left.0) / columns, (right.1 - left.1) / columns);
            let line = &mut self.xy[y * self.rect.width..][first.0..=last.0];
            for (i, at) in line.iter_mut().enumerate() {
                let i = i as f64;
                *at = [step.0.mul_add(i, left.0), step.1.mul_add(i, left.1)];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minesegsat_core::Crs;

    /// The largest error in pixels of the tile.
    fn largest_error(epsg: u16, lon: f64, lat: f64, z: u8, size: usize) -> f64 {
        let crs = Crs::from_epsg(epsg).unwrap();
        let to_map = Transformer::new(&Crs::WGS84, &crs).unwrap();
        let projection = Projection { tile: Tile::containing(lon, lat, z).unwrap(), size, to_map: &to_map };
        let rect = PixelRect { x: 0, y: 0, width: size, height: size };
        let pixel = projection.pixel_size(rect).unwrap();
        let positions = Positions::new(&projection, rect, pixel.map(|p| p * TOLERANCE_PX));
        let mut largest = 0.0_f64;
        for (i, found) in positions.xy.iter().enumerate() {
            let (x, y) = projection.exact((i % size) as f64 + 0.5, (i / size) as f64 + 0.5).unwrap();
            let error = ((found[0] - x) / pixel[0]).abs().max(((found[1] - y) / pixel[1]).abs());
            largest = largest.max(error);
            assert!(!error.is_nan());
        }
        largest
    }

    #[test]
    fn positions_are_within_an_eighth_of_a_pixel_of_the_exact_transform() {
        for (epsg, lon, lat) in [
            (32611, -117.2, 56.3),
            (32611, -114.1, 71.9),
            (32733, 15.03, -26.5),
            (32701, -179.9, -14.0),
            (3035, 18.7, 54.3),
            (3413, -52.3, 68.4),
            (4326, 10.25, 51.5),
            (3857, 10.25, 51.5),
        ] {
            for z in [6, 8, 10, 12, 14, 17, 24] {
                let error = largest_error(epsg, lon, lat, z, 256);
                assert!(error < TOLERANCE_PX, "EPSG:{epsg} at zoom {z}: {error}");
            }
            assert!(largest_error(epsg, lon, lat, 9, 512) < TOLERANCE_PX);
        }
    }

    #[test]
    fn flat_tiles_need_few_points() {
        let crs = Crs::from_epsg(32611).unwrap();
        let to_map = Transformer::new(&Crs::WGS84, &crs).unwrap();
        let projection = Projection { tile: Tile::containing(-117.2, 56.3, 16).unwrap(), size: 256, to_map: &to_map };
        let rect = PixelRect { x: 0, y: 0, width: 256, height: 256 };
        let pixel = projection.pixel_size(rect).unwrap();
        // 1.1 m of the map at zoom 16 are 0.66 m on the ground at 56 degrees... of a pixel of 2.39 m at the equator.
        assert!((pixel[0] - 2.388 * 56.3_f64.to_radians().cos()).abs() < 0.02, "{pixel:?}");
        let filler = Filler { projection: &projection, rect, limit: pixel.map(|p| p * 0.0625), xy: Vec::new() };
        let corner = |x: f64, y: f64| filler.exact(x, y).unwrap();
        let corners = [corner(0.0, 0.0), corner(255.0, 0.0), corner(0.0, 255.0), corner(255.0, 255.0)];
        assert!(filler.is_flat((0, 0), (255, 255), corners));
    }

    #[test]
    fn rectangles_hold_the_part_and_a_pixel_more() {
        let tile = Tile::new(1, 0, 1).unwrap();
        // The tile reaches from 0 to 0.5 and from 0.5 to 1.
        let found = PixelRect::covering(tile, 256, [0.25, 0.0, 0.26, 0.5 + 1.0 / 512.0]);
        assert_eq!(found, Some(PixelRect { x: 127, y: 0, width: 8, height: 2 }));
        assert_eq!(PixelRect::covering(tile, 256, [0.5, 0.5, 0.6, 0.6]), None);
        assert_eq!(PixelRect::covering(tile, 256, [0.0, 0.0, 1.0, 1.0]).unwrap().width, 256);
    }
}
