//! Outlines of the 4-connected parts of a mask, along pixel edges.

use std::collections::HashMap;

use geo::{Coord, LineString, Polygon};

use super::bits::{BitRows, for_each_run};

/// A corner of pixels, in the columns and rows of [`BitRows`] (one more than those of the mask).
pub(super) type Corner = (u32, u32);

/// Direction along an edge, with the region on the right-hand side. Rows grow downwards.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heading {
    East,
    South,
    West,
    North,
}

impl Heading {
    const fn right(self) -> Self {
        match self {
            Self::East => Self::South,
            Self::South => Self::West,
            Self::West => Self::North,
            Self::North => Self::East,
        }
    }

    const fn left(self) -> Self {
        match self {
            Self::East => Self::North,
            Self::South => Self::East,
            Self::West => Self::South,
            Self::North => Self::West,
        }
    }
}

/// The polygon of each part. `run_labels` has the label of each run of the mask, in order. `part_of` has the part of each
/// label. Parts are numbered in the order of their first pixels. `line` makes the closed ring of simple, unclosed corners.
pub(super) fn trace(
    mask: &BitRows,
    run_labels: &[u32],
    part_of: &[u32],
    part_count: usize,
    line: impl Fn(&[Corner]) -> LineString<f64>,
) -> Vec<Polygon<f64>> {
    let mut tracer = Tracer { mask, passed: vec![0; mask.words.len()], path: Vec::new(), pinches: HashMap::new() };
    let mut parts: Vec<(LineString<f64>, Vec<LineString<f64>>)> = Vec::with_capacity(part_count);
    parts.resize_with(part_count, || (LineString(Vec::new()), Vec::new()));

    let words = mask.words_per_row;
    let mut run = 0;
    let mut ends = Vec::new();
    for row in 1..=mask.rows {
        ends.clear();
        for_each_run(mask.row(row - 1), |_, end| ends.push(end));
        let mut in_row = 0;
        for word in 0..words {
            let here = row * words + word;
            let upper = mask.words[here] & !mask.words[here - words];
            loop {
                // Read again each time, because tracing marks more edges of this word as passed.
                let open = upper & !tracer.passed[here];
                if open == 0 {
                    break;
                }
                let x = (word * 64) as u32 + open.trailing_zeros();
                while ends[in_row] < x {
                    in_row += 1;
                }
                let (exterior, holes) = &mut parts[part_of[run_labels[run + in_row] as usize] as usize];
                tracer.ring((x, row as u32), |ring| {
                    // Outer rings run clockwise on the screen, holes counterclockwise.
                    if twice_area(ring) > 0 { *exterior = line(ring) } else { holes.push(line(ring)) }
                });
            }
        }
        run += ends.len();
    }
    parts.into_iter().map(|(exterior, holes)| Polygon::new(exterior, holes)).collect()
}

/// Twice the area, positive where the ring turns right on the screen.
fn twice_area(ring: &[Corner]) -> i64 {
    let last = ring.len() - 1;
    std::iter::once((ring[last], ring[0]))
        .chain(ring.windows(2).map(|pair| (pair[0], pair[1])))
        .map(|(a, b)| i64::from(a.0) * i64::from(b.1) - i64::from(b.0) * i64::from(a.1))
        .sum()
}

/// The closed ring along pixel edges, in mask coordinates.
pub(super) fn line(ring: &[Corner]) -> LineString<f64> {
    ring.iter().chain(ring.first()).map(|&(x, y)| Coord { x: f64::from(x) - 1.0, y: f64::from(y) - 1.0 }).collect()
}

struct Tracer<'a> {
    mask: &'a BitRows,
    /// Upper edges passed, one bit per pixel.
    passed: Vec<u64>,
    /// Corners of the ring so far.
    path: Vec<Corner>,
    /// Corners where two region pixels meet only diagonally, with their indices in `path`.
    pinches: HashMap<Corner, usize>,
}

impl Tracer<'_> {
    fn inside(&self, x: u32, y: u32) -> bool {
        self.mask.words[y as usize * self.mask.words_per_row + x as usize / 64] >> (x % 64) & 1 == 1
    }

    /// Follows the outline from the upper edge of the pixel whose upper left corner is `start`. Calls `emit` with each simple
    /// ring of the outline, not closed.
    fn ring(&mut self, start: Corner, mut emit: impl FnMut(&[Corner])) {
        self.path.clear();
        self.pinches.clear();
        let (mut x, mut y) = start;
        // The previous edge is not an upper edge, or the trace would have started there. So the start is a corner of the ring.
        self.path.push(start);
        if self.inside(x - 1, y - 1) {
            self.pinches.insert(start, 0);
        }
        let mut heading = Heading::East;
        loop {
            // One edge further; then the pixels ahead on the left and on the right.
            let (right, left) = match heading {
                Heading::East => {
                    self.passed[y as usize * self.mask.words_per_row + x as usize / 64] |= 1 << (x % 64);
                    x += 1;
                    ((x, y), (x, y - 1))
                }
                Heading::South => {
                    y += 1;
                    ((x - 1, y), (x, y))
                }
                Heading::West => {
                    x -= 1;
                    ((x - 1, y - 1), (x - 1, y))
                }
                Heading::North => {
                    y -= 1;
                    ((x, y - 1), (x - 1, y - 1))
                }
            };
            let (right, left) = (self.inside(right.0, right.1), self.inside(left.0, left.1));
            heading = match (right, left) {
                (true, false) => continue,
                (true, true) => heading.left(),
                (false, _) => heading.right(),
            };
            let corner = (x, y);
            if corner == start && heading == Heading::East {
                break;
            }
            if !right && left {
                if let Some(&place) = self.pinches.get(&corner) {
                    // The second visit of this corner: the path between the visits is a separate ring.
                    emit(&self.path[place..]);
                    self.path.truncate(place + 1);
                    continue;
                }
                self.pinches.insert(corner, self.path.len());
            }
            self.path.push(corner);
        }
        emit(&self.path);
    }
}
