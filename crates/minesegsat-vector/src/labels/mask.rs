//! Labels to masks: [`LabelMask`].

use std::collections::BTreeMap;
use std::ops::Range;

use geo::{Coord, MultiPolygon};

use super::project::distance_to_segment;
use super::{IGNORE, LabelFeature};
use minesegsat_core::{GeoTransform, Grid, rasterize::Rasterizer};

/// A mask on a grid: 0 background, 1 to 254 the class, 255 ([`IGNORE`]) near edges.
///
/// [`rasterize`](minesegsat_core::rasterize) burns the pixels, class by class from the lowest number to the highest, so that
/// the highest wins. Then pixels with a centre within the ignore distance of an edge become [`IGNORE`]: on both sides of the
/// edge, along holes, and also where the edge runs through another feature.
#[derive(Debug)]
pub struct LabelMask {
    width: usize,
    height: usize,
    transform: GeoTransform,
    /// One rasterizer per class, by number.
    classes: Vec<(u8, Rasterizer)>,
    distance: f64,
    edges: Vec<Edge>,
}

/// An edge and the rows that hold pixels near it.
#[derive(Debug)]
struct Edge {
    a: Coord<f64>,
    b: Coord<f64>,
    rows: Range<usize>,
}

impl LabelMask {
    pub(super) fn new(grid: &Grid, features: &[&LabelFeature], distance: f64) -> Self {
        let mut classes: BTreeMap<u8, Vec<&MultiPolygon<f64>>> = BTreeMap::new();
        for feature in features {
            classes.entry(feature.class).or_default().push(&feature.geometry);
        }
        let classes = classes.into_iter().map(|(class, shapes)| (class, Rasterizer::new(grid, shapes))).collect();
        let mut edges = Vec::new();
        if distance > 0.0 {
            for part in features.iter().flat_map(|feature| &feature.geometry) {
                for ring in std::iter::once(part.exterior()).chain(part.interiors()) {
                    edges.extend(ring.0.windows(2).filter_map(|pair| Edge::near(pair[0], pair[1], distance, grid)));
                }
            }
            edges.sort_by_key(|edge| edge.rows.start);
        }
        Self { width: grid.width, height: grid.height, transform: grid.transform, classes, distance, edges }
    }

    /// Columns of the mask.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows of the mask.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Fills `out` with whole rows from `first_row` on, row-major `[rows, width]`. Several threads may fill strips in any order.
    pub fn fill_rows(&self, first_row: usize, out: &mut [u8]) {
        out.fill(super::BACKGROUND);
        for (class, rasterizer) in &self.classes {
            rasterizer.burn_rows(first_row, *class, out);
        }
        let end = first_row + out.len() / self.width.max(1);
        for edge in self.edges.iter().take_while(|edge| edge.rows.start < end) {
            for row in edge.rows.start.max(first_row)..edge.rows.end.min(end) {
                let line = &mut out[(row - first_row) * self.width..][..self.width];
                for column in self.columns_near(edge, row) {
                    let (x, y) = self.transform.to_map(column as f64 + 0.5, row as f64 + 0.5);
                    if distance_to_segment(Coord { x, y }, edge.a, edge.b) <= self.distance {
                        line[column] = IGNORE;
                    }
                }
            }
        }
    }

    /// The whole mask, row-major `[height, width]`.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = vec![0; self.width * self.height];
        self.fill_rows(0, &mut out);
        out
    }

    /// A range of columns that contains all pixels of a row near an edge, and few others: the part of the edge within the distance
    /// of the row's centre line, widened by the distance.
    fn columns_near(&self, edge: &Edge, row: usize) -> Range<usize> {
        let (_, y) = self.transform.to_map(0.0, row as f64 + 0.5);
        let (a, b, d) = (edge.a, edge.b, self.distance);
        let at = |y: f64| ((y - a.y) / (b.y - a.y)).clamp(0.0, 1.0);
        let (t0, t1) = if a.y == b.y { (0.0, 1.0) } else { (at(y - d), at(y + d)) };
        let (x0, x1) = (a.x + (b.x - a.x) * t0, a.x + (b.x - a.x) * t1);
        let (west, _) = self.transform.to_pixel(x0.min(x1) - d, y);
        let (east, _) = self.transform.to_pixel(x0.max(x1) + d, y);
        // One more column on both sides, because of rounding.
        let clamp = |column: f64| column.clamp(0.0, self.width as f64) as usize;
        clamp((west - 1.0).floor())..clamp((east + 1.0).ceil())
    }
}

impl Edge {
    /// `None` for an edge without pixels nearby.
    fn near(a: Coord<f64>, b: Coord<f64>, distance: f64, grid: &Grid) -> Option<Self> {
        let [x0, y0, x1, y1] = grid.bounds();
        let d = distance;
        if a.x.max(b.x) + d < x0 || a.x.min(b.x) - d > x1 || a.y.max(b.y) + d < y0 || a.y.min(b.y) - d > y1 {
            return None;
        }
        let (_, top) = grid.transform.to_pixel(x0, a.y.max(b.y) + d);
        let (_, bottom) = grid.transform.to_pixel(x0, a.y.min(b.y) - d);
        let clamp = |row: f64| row.clamp(0.0, grid.height as f64) as usize;
        let rows = clamp((top - 1.0).floor())..clamp((bottom + 1.0).ceil());
        (!rows.is_empty()).then_some(Self { a, b, rows })
    }
}
