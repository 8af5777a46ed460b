//! Polygons to mask, by GDAL's pixel-centre rule: a pixel is burned if its centre lies inside.
//!
//! Ties are broken like in `GDALRasterizeGeometries` (`rasterio.features.rasterize(all_touched=False)`):
//! - An edge counts for the pixel rows whose centre line it crosses, including its upper end and excluding its lower end.
//! - A pixel whose centre lies exactly on an edge belongs to the polygon on its left.
//! - A horizontal edge exactly on a centre line burns the pixels along it if the polygon lies above the edge.
//!
//! `scripts/compare_rasterize.py` compares with rasterio. `tests/data/rasterize.txt` keeps some of its results.

use std::ops::Range;

use geo::{Coord, LineString, MultiPolygon};

use crate::Grid;

/// Burns polygons into masks, all rows at once or in strips of rows.
#[derive(Debug)]
pub struct Rasterizer {
    width: usize,
    height: usize,
    polygons: Vec<Scanned>,
}

/// A polygon in pixel coordinates, ready to be scanned.
#[derive(Debug, Default)]
struct Scanned {
    /// All rows that may be burned.
    rows: Range<usize>,
    edges: Vec<Edge>,
    /// Runs burned by horizontal edges on centre lines: row, columns.
    runs: Vec<(usize, Range<usize>)>,
}

/// An edge with `upper.y < lower.y` (rows grow downwards) and the rows whose centre lines it crosses.
#[derive(Debug)]
struct Edge {
    upper: Coord<f64>,
    lower: Coord<f64>,
    rows: Range<usize>,
}

impl Rasterizer {
    /// A rasterizer for polygons on a grid. The polygons must be in the CRS of the grid. Overlapping polygons are united.
    pub fn new<'a>(grid: &Grid, polygons: impl IntoIterator<Item = &'a MultiPolygon<f64>>) -> Self {
        let polygons = polygons
            .into_iter()
            .flatten()
            .filter_map(|polygon| {
                let mut scanned = Scanned::default();
                for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
                    scanned.add_ring(ring, grid);
                }
                (!scanned.rows.is_empty()).then_some(scanned)
            })
            .collect();
        Self { width: grid.width, height: grid.height, polygons }
    }

    /// Sets the pixels of the polygons to `value`, in the rows from `first_row` on. `out` must have whole rows.
    pub fn burn_rows(&self, first_row: usize, value: u8, out: &mut [u8]) {
        assert_eq!(out.len() % self.width.max(1), 0, "not a whole number of rows");
        let strip = first_row..(first_row + out.len() / self.width.max(1)).min(self.height);
        let mut crossings: Vec<(usize, usize)> = Vec::new();
        for polygon in self.polygons.iter().filter(|p| p.rows.start < strip.end && strip.start < p.rows.end) {
            crossings.clear();
            for edge in &polygon.edges {
                let rows = edge.rows.start.max(strip.start)..edge.rows.end.min(strip.end);
                crossings.extend(rows.map(|row| (row, edge.crossing(row, self.width))));
            }
            crossings.sort_unstable();
            // Rings are closed, so each row has an even number of crossings.
            for pair in crossings.chunks_exact(2) {
                let ((row, start), (_, end)) = (pair[0], pair[1]);
                let line = &mut out[(row - first_row) * self.width..][..self.width];
                line[start..end].fill(value);
            }
            for (row, columns) in polygon.runs.iter().filter(|(row, _)| strip.contains(row)) {
                out[(row - first_row) * self.width..][..self.width][columns.clone()].fill(value);
            }
        }
    }
}

/// Mask of polygons on a grid: 1 inside, 0 outside, row-major `[height, width]`. The polygons must be in the CRS of the grid.
pub fn rasterize<'a>(grid: &Grid, polygons: impl IntoIterator<Item = &'a MultiPolygon<f64>>) -> Vec<u8> {
    let mut out = vec![0; grid.width * grid.height];
    Rasterizer::new(grid, polygons).burn_rows(0, 1, &mut out);
    out
}

impl Scanned {
    fn add_ring(&mut self, ring: &LineString<f64>, grid: &Grid) {
        // First the inverse of the transform, then one multiplication and one addition: the same rounding as in GDAL.
        let t = &grid.transform;
        let (scale_x, scale_y) = (1.0 / t.pixel_width, 1.0 / t.pixel_height);
        let (shift_x, shift_y) = (-t.origin_x / t.pixel_width, -t.origin_y / t.pixel_height);
        let pixel = |c: &Coord<f64>| Coord { x: shift_x + c.x * scale_x, y: shift_y + c.y * scale_y };
        let mut points: Vec<Coord<f64>> = ring.0.iter().map(pixel).collect();
        if points.iter().any(|p| !p.x.is_finite() || !p.y.is_finite()) {
            return;
        }
        // Only the direction of horizontal edges matters: that of a ring that runs clockwise in map coordinates.
        if !is_clockwise(&ring.0) {
            points.reverse();
        }
        let closing = points.last().copied().into_iter().chain(points.first().copied());
        let closing: Vec<_> = closing.collect();
        for pair in points.windows(2).chain(closing.windows(2)) {
            self.add_edge(pair[0], pair[1], grid);
        }
    }

    fn reach(&mut self, rows: &Range<usize>) {
        let here = if self.rows.is_empty() { rows } else { &self.rows };
        self.rows = here.start.min(rows.start)..here.end.max(rows.end);
    }

    fn add_edge(&mut self, a: Coord<f64>, b: Coord<f64>, grid: &Grid) {
        if a.y == b.y {
            let row = (a.y - 0.5).floor();
            if a.x > b.x && row + 0.5 == a.y && row >= 0.0 && row < grid.height as f64 {
                let columns = column(b.x, grid.width)..column(a.x, grid.width);
                if !columns.is_empty() {
                    let row = row as usize;
                    self.runs.push((row, columns));
                    self.reach(&(row..row + 1));
                }
            }
            return;
        }
        let (upper, lower) = if a.y < b.y { (a, b) } else { (b, a) };
        // Rows with upper.y <= row + 0.5 < lower.y
        let first_from = |y: f64| (y - 0.5).ceil().clamp(0.0, grid.height as f64) as usize;
        let rows = first_from(upper.y)..first_from(lower.y);
        if !rows.is_empty() {
            self.reach(&rows);
            self.edges.push(Edge { upper, lower, rows });
        }
    }
}

impl Edge {
    /// First column to the right of the point where the edge crosses the centre line of a row.
    fn crossing(&self, row: usize, width: usize) -> usize {
        let (upper, lower) = (self.upper, self.lower);
        // The order of GDAL's operations: the last bit decides ties.
        let x = (row as f64 + 0.5 - upper.y) * (lower.x - upper.x) / (lower.y - upper.y) + upper.x;
        column(x, width)
    }
}

/// First column whose centre lies right of x.
fn column(x: f64, width: usize) -> usize {
    (x + 0.5).floor().clamp(0.0, width as f64) as usize
}

/// Whether a ring runs clockwise with y upwards. Like GDAL, this tests the lowest vertex, or the rightmost of several. If
/// the ring visits that vertex twice or is flat there, the sign of the area decides. Rings that cross themselves need this.
fn is_clockwise(ring: &[Coord<f64>]) -> bool {
    let open = if ring.len() > 1 && ring.first() == ring.last() { &ring[..ring.len() - 1] } else { ring };
    let n = open.len();
    if n < 2 {
        return true;
    }
    let lower = |a: &Coord<f64>, b: &Coord<f64>| a.y < b.y || (a.y == b.y && a.x > b.x);
    let lowest = (1..n).fold(0, |best, i| if lower(&open[i], &open[best]) { i } else { best });
    let (before, at, after) = (open[(lowest + n - 1) % n], open[lowest], open[(lowest + 1) % n]);
    let cross = (after.x - at.x) * (before.y - at.y) - (before.x - at.x) * (after.y - at.y);
    let unique = open.iter().filter(|&&c| c == at).count() == 1;
    if unique && cross != 0.0 {
        return cross < 0.0;
    }
    let area: f64 = (0..n).map(|i| open[i].x * (open[(i + 1) % n].y - open[(i + n - 1) % n].y)).sum();
    area < 0.0
}

#[cfg(test)]
mod tests;
