//! Outlines finer than pixels: the contour of the values at a threshold, by marching squares.
//!
//! # Method
//! Where an outline along pixel edges passes between a pixel of the region and a pixel outside of it, the contour crosses the line
//! between their two centres. Linear interpolation gives the place (W. E. Lorensen, H. E. Cline, "Marching cubes", Computer Graphics
//! 21(4), 1987, in the plane). The crossings of an outline, in its order, are the vertices of the contour. So a contour has the rings
//! of the outline along pixel edges, and every ring lies within half a pixel of its own, measured along rows and columns.
//!
//! Each segment lies in one cell between four pixel centres. Saddles follow the connectivity of the mask: where two
//! pixels meet only diagonally, the contour joins them if they belong to one part, and separates them otherwise. So segments of a
//! cell never cross, and polygons stay valid.
//!
//! Beside pixels that are not assessable, and at the edge of the raster, the contour follows the pixel edges.

use geo::{Coord, LineString};

use super::trace::Corner;

/// Crossings keep this distance from pixel centres, in pixels, so that no ring passes through a centre. The outlines stay valid
/// when a format rounds their coordinates.
const CLEARANCE: f32 = 1.0 / 64.0;

/// Where the contour crosses between neighbouring pixels, collected while rows come in.
#[derive(Debug)]
pub(super) struct Crossings {
    threshold: f32,
    /// Edges between a pixel and its left neighbour, by row and column.
    upright: EdgeRows,
    /// Edges between a pixel and its upper neighbour, by row and column.
    level: EdgeRows,
    /// Values of the previous row and whether each pixel is in the region; `None` where it is not assessable.
    previous: Vec<Option<(bool, f32)>>,
    current: Vec<Option<(bool, f32)>>,
}

/// Fractions of edges, row by row and from left to right: 8 bytes each.
#[derive(Debug, Default)]
struct EdgeRows {
    columns: Vec<u32>,
    fractions: Vec<f32>,
    /// Index of the first edge of each row.
    starts: Vec<usize>,
}

impl EdgeRows {
    fn push(&mut self, column: usize, fraction: f32) {
        self.columns.push(column as u32);
        self.fractions.push(fraction);
    }

    fn get(&self, row: usize, column: u32) -> Option<f32> {
        let start = *self.starts.get(row)?;
        let end = self.starts.get(row + 1).copied().unwrap_or(self.columns.len());
        let at = self.columns[start..end].binary_search(&column).ok()?;
        Some(self.fractions[start + at])
    }
}

impl Crossings {
    pub(super) fn new(threshold: f32) -> Self {
        Self {
            threshold,
            upright: EdgeRows::default(),
            level: EdgeRows::default(),
            previous: Vec::new(),
            current: Vec::new(),
        }
    }

    /// Adds the next row of pixels: whether each is in the region, and its value; `None` where it is not assessable.
    pub(super) fn push_row(&mut self, pixels: impl Iterator<Item = Option<(bool, f32)>>) {
        std::mem::swap(&mut self.previous, &mut self.current);
        self.current.clear();
        self.current.extend(pixels);
        self.upright.starts.push(self.upright.columns.len());
        self.level.starts.push(self.level.columns.len());
        for (column, pair) in (1..).zip(self.current.windows(2)) {
            if let Some(fraction) = self.fraction(pair[0], pair[1]) {
                self.upright.push(column, fraction);
            }
        }
        for (column, (&above, &below)) in self.previous.iter().zip(&self.current).enumerate() {
            if let Some(fraction) = self.fraction(above, below) {
                self.level.push(column, fraction);
            }
        }
    }

    /// Distance of the crossing from the centre of the pixel in the region, in pixels; `None` without a crossing.
    fn fraction(&self, a: Option<(bool, f32)>, b: Option<(bool, f32)>) -> Option<f32> {
        let ((a_inside, a), (b_inside, b)) = (a?, b?);
        if a_inside == b_inside {
            return None;
        }
        let (inside, outside) = if a_inside { (a, b) } else { (b, a) };
        // A mask of other rules than the threshold has edges that are no crossings; they stay pixel edges.
        let is_crossed = inside >= self.threshold && outside < self.threshold;
        let fraction = if is_crossed { (inside - self.threshold) / (inside - outside) } else { 0.5 };
        Some(fraction.clamp(CLEARANCE, 1.0 - CLEARANCE))
    }

    /// The contour of a ring along pixel edges. `ring` has its corners, not closed, in columns and rows of the mask plus one.
    /// `is_unknown` says whether a pixel (column, row) is not assessable or beyond the raster.
    pub(super) fn ring(&self, ring: &[Corner], is_unknown: impl Fn(i64, i64) -> bool) -> LineString<f64> {
        let mut edges = Vec::new();
        for (i, &(x, y)) in ring.iter().enumerate() {
            let (to_x, to_y) = ring[(i + 1) % ring.len()];
            let step = (i64::from(to_x) - i64::from(x), i64::from(to_y) - i64::from(y));
            let length = step.0.abs() + step.1.abs();
            let heading = (step.0.signum(), step.1.signum());
            for k in 0..length {
                let from = (i64::from(x) - 1 + k * heading.0, i64::from(y) - 1 + k * heading.1);
                edges.push(self.edge(from, heading));
            }
        }
        let mut points = Vec::with_capacity(edges.len() + 1);
        for (i, edge) in edges.iter().enumerate() {
            let before = &edges[(i + edges.len() - 1) % edges.len()];
            points.extend(joint(before, edge, &is_unknown));
            points.extend(edge.offset.map(|offset| edge.at(0.5, offset)));
        }
        points.extend(points.first().copied());
        LineString(points)
    }

    fn edge(&self, from: (i64, i64), heading: (i64, i64)) -> Edge {
        let (x, y) = from;
        let fraction = match heading {
            (1, _) => self.level.get(y as usize, x as u32),
            (-1, _) => self.level.get(y as usize, (x - 1) as u32),
            (_, 1) => self.upright.get(y as usize, x as u32),
            _ => self.upright.get((y - 1) as usize, x as u32),
        };
        Edge { from, heading, offset: fraction.map(|fraction| f64::from(fraction) - 0.5) }
    }
}

/// One pixel edge of an outline. The region is on its right-hand side; rows grow downwards.
struct Edge {
    from: (i64, i64),
    heading: (i64, i64),
    /// Distance from the edge to the crossing, in pixels, positive to the left; `None` if the contour follows the edge.
    offset: Option<f64>,
}

impl Edge {
    /// The point this far along the edge, and this far to its left.
    fn at(&self, along: f64, left: f64) -> Coord<f64> {
        let (dx, dy) = (self.heading.0 as f64, self.heading.1 as f64);
        Coord { x: self.from.0 as f64 + along * dx + left * dy, y: self.from.1 as f64 + along * dy - left * dx }
    }
}

/// The vertex of the contour between two edges that follow each other, if it needs one.
fn joint(before: &Edge, edge: &Edge, is_unknown: impl Fn(i64, i64) -> bool) -> Option<Coord<f64>> {
    let turn = before.heading.0 * edge.heading.1 - before.heading.1 * edge.heading.0;
    // The pixel beyond the corner, which touches the pixel inside a right turn only there.
    let beyond = |edge: &Edge| {
        let pixel = |corner: i64, along: i64, left: i64| corner + (along + left - 1) / 2;
        let ((x, y), (dx, dy)) = (edge.from, before.heading);
        (pixel(x, dx, dy), pixel(y, dy, -dx))
    };
    let limited = |offset: f64| {
        let (col, row) = beyond(edge);
        if is_unknown(col, row) { offset } else { offset.min(0.0) }
    };
    match (before.offset, edge.offset) {
        (Some(_), Some(_)) => None,
        (None, None) => (turn != 0).then(|| edge.at(0.0, 0.0)),
        // Along the pixel edges to the foot of the crossing.
        (None, Some(offset)) if turn > 0 => Some(edge.at(0.0, limited(offset))),
        (Some(offset), None) if turn > 0 => Some(edge.at(-limited(offset), 0.0)),
        _ => Some(edge.at(0.0, 0.0)),
    }
}

#[cfg(test)]
mod tests {
    use geo::{Area, Contains, LineString, MultiPolygon, Point, Validation};
    use proptest::prelude::*;

    use super::super::{Connectivity, Polygonizer, Regions};

    const THRESHOLD: f32 = 0.4;
    /// Points tested along each side of a pixel.
    const FINE: usize = 4;

    /// Regions along pixel edges and along the contour. Values that are NaN are not assessable.
    fn both(values: &[f32], width: usize, connectivity: Connectivity) -> [Regions; 2] {
        let contour = Polygonizer::along_contour(width, connectivity, THRESHOLD);
        [Polygonizer::new(width, connectivity), contour].map(|mut polygonizer| {
            for row in values.chunks(width) {
                let class = |p: f32| if p.is_nan() { 255 } else { u8::from(p >= THRESHOLD) };
                let mask: Vec<u8> = row.iter().map(|&p| class(p)).collect();
                polygonizer.push_row(&mask, row);
            }
            polygonizer.finish()
        })
    }

    fn field(width: usize, height: usize, value: impl Fn(f64, f64) -> f64) -> Vec<f32> {
        let at = |i: usize| value((i % width) as f64 + 0.5, (i / width) as f64 + 0.5) as f32;
        (0..width * height).map(at).collect()
    }

    fn area(geometry: &MultiPolygon<f64>) -> f64 {
        geometry.unsigned_area()
    }

    /// Length of the rings of an outline along pixel edges.
    fn perimeter(geometry: &MultiPolygon<f64>) -> f64 {
        let rings = geometry.iter().flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors()));
        rings.flat_map(LineString::lines).map(|line| line.dx().abs() + line.dy().abs()).sum()
    }

    fn check(values: &[f32], width: usize, connectivity: Connectivity) {
        let [edges, contours] = both(values, width, connectivity);
        assert_eq!(edges.len(), contours.len());
        for (edges, contour) in edges.iter().zip(&contours) {
            assert!(contour.geometry.is_valid(), "{:?} {values:?}", contour.geometry.validation_errors());
            let rings = |geometry: &MultiPolygon<f64>| -> Vec<usize> {
                geometry.iter().map(|polygon| polygon.interiors().len()).collect()
            };
            assert_eq!(rings(&edges.geometry), rings(&contour.geometry));
            // In the cell around a corner of pixels, both outlines hold at most the cell's half that is in doubt: 1/2 for each edge.
            let bound = perimeter(&edges.geometry) / 2.0;
            assert!((area(&edges.geometry) - area(&contour.geometry)).abs() <= bound);
            assert_eq!(
                (edges.pixel_count, edges.mean_probability, edges.touches_edge, edges.touches_nodata),
                (contour.pixel_count, contour.mean_probability, contour.touches_edge, contour.touches_nodata)
            );
        }
        // Centres keep their class, unknown ground is never inside, and no point is in two regions.
        for (i, &p) in values.iter().enumerate() {
            let (col, row) = ((i % width) as f64, (i / width) as f64);
            let holders = |x: f64, y: f64| {
                contours.iter().filter(|region| region.geometry.contains(&Point::new(col + x, row + y))).count()
            };
            assert_eq!(holders(0.5, 0.5), usize::from(p >= THRESHOLD), "pixel {col}, {row} of {values:?}");
            for sub in 0..FINE * FINE {
                let at = |k: usize| (k as f64 + 0.5) / FINE as f64;
                let count = holders(at(sub % FINE), at(sub / FINE));
                assert!(count <= usize::from(!p.is_nan()), "{count} regions in pixel {col}, {row} of {values:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn contours_have_the_topology_of_the_mask_and_are_valid(
            (width, values) in (1usize..12, 1usize..12).prop_flat_map(|(width, height)| {
                // Values at the threshold, at both ends, in between, and missing.
                let value = prop_oneof![
                    2 => Just(0.0f32),
                    2 => Just(1.0f32),
                    2 => Just(THRESHOLD),
                    1 => Just(THRESHOLD - 1e-6),
                    4 => 0.0f32..1.0,
                    2 => Just(f32::NAN),
                ];
                (Just(width), prop::collection::vec(value, width * height))
            }),
            eight in any::<bool>(),
        ) {
            check(&values, width, if eight { Connectivity::Eight } else { Connectivity::Four });
        }
    }

    #[test]
    fn a_slope_has_a_straight_outline_at_its_exact_place() {
        // Linear interpolation is exact on a plane: the line 0.4 = 0.02 (x + y / 2) in any row and column.
        let values = field(40, 30, |x, y| 0.02 * (x + y / 2.0));
        let [_, contours] = both(&values, 40, Connectivity::Four);
        let outline = &contours.iter().next().unwrap().geometry;
        let on_edge = |x: f64, y: f64| x == 0.0 || y == 0.0 || x == 40.0 || y == 30.0;
        let inner: Vec<_> = outline.0[0].exterior().0.iter().filter(|c| !on_edge(c.x, c.y)).collect();
        assert!(inner.len() > 30);
        for c in inner {
            assert!((0.02 * (c.x + c.y / 2.0) - 0.4).abs() < 1e-6, "{c:?}");
        }
    }

    #[test]
    fn a_soft_edge_has_the_area_of_its_probabilities() {
        // A disc of radius R whose edge is a logistic slope of scale s. The contour at one half is the circle. The probabilities
        // sum to pi (R^2 + v), where v = pi^2 s^2 / 3 is the variance of the logistic distribution. A chord of length L <= sqrt(2)
        // cuts off L^3 / (12 R), in all at most pi L^2 / 6 = pi / 3.
        let (radius, scale): (f64, f64) = (12.0, 0.7);
        let values = field(60, 60, |x, y| 1.0 / (1.0 + (((x - 30.3).hypot(y - 29.8) - radius) / scale).exp()));
        let mut polygonizer = Polygonizer::along_contour(60, Connectivity::Four, 0.5);
        for row in values.chunks(60) {
            let mask: Vec<u8> = row.iter().map(|&p| u8::from(p >= 0.5)).collect();
            polygonizer.push_row(&mask, row);
        }
        let regions = polygonizer.finish();
        let outline = &regions.iter().next().unwrap().geometry;
        let sum: f64 = values.iter().map(|&p| f64::from(p)).sum();
        let bound = std::f64::consts::PI * (std::f64::consts::PI.powi(2) * scale * scale + 1.0) / 3.0;
        assert!((area(outline) - sum).abs() < bound, "{} for {sum}, bound {bound}", area(outline));
        for c in &outline.0[0].exterior().0 {
            assert!(((c.x - 30.3).hypot(c.y - 29.8) - radius).abs() < 0.05, "{c:?}");
        }
    }

    #[test]
    fn saddles_follow_the_connectivity_of_the_mask() {
        // Two pixels that meet only diagonally: two polygons. In a ring of pixels the same corner is joined: one polygon, two holes.
        let corner = |rows: &[&str]| -> Vec<f32> {
            rows.iter().flat_map(|row| row.bytes()).map(|c| if c == b'#' { 0.9 } else { 0.3 }).collect()
        };
        let apart = corner(&[".....", ".#...", "..#..", "....."]);
        let counts = |values: &[f32], width, connectivity| -> Vec<usize> {
            let [_, contours] = both(values, width, connectivity);
            contours.iter().map(|region| region.geometry.0.len()).collect()
        };
        assert_eq!(counts(&apart, 5, Connectivity::Four), [1, 1]);
        assert_eq!(counts(&apart, 5, Connectivity::Eight), [2]);
        let ring = corner(&["######", "#..###", "#..###", "###..#", "###..#", "######"]);
        let [_, contours] = both(&ring, 6, Connectivity::Four);
        assert_eq!(contours.iter().next().unwrap().geometry.0[0].interiors().len(), 2);
        for connectivity in [Connectivity::Four, Connectivity::Eight] {
            check(&apart, 5, connectivity);
            check(&ring, 6, connectivity);
        }
    }
}
