//! Values on a regular lattice: [`Field`]. Shapes are fields of the distance from the edge in metres, positive inside.

use rayon::prelude::*;

/// Values at nodes `x0 + col * step`, `y0 + row * step`, row-major `[height, width]`.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) x0: f64,
    pub(super) y0: f64,
    /// Metres between nodes.
    pub(super) step: f64,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) values: Vec<f32>,
}

impl Field {
    /// Creates a field whose nodes all lie far outside.
    pub(super) fn new(x0: f64, y0: f64, step: f64, width: usize, height: usize) -> Self {
        Self { x0, y0, step, width, height, values: vec![-1e6; width * height] }
    }

    /// Position of a node in metres.
    #[inline]
    pub(super) fn node(&self, col: usize, row: usize) -> (f32, f32) {
        ((self.x0 + col as f64 * self.step) as f32, (self.y0 + row as f64 * self.step) as f32)
    }

    /// A function of the position in metres at every node.
    pub(super) fn at_nodes<T: Send + Copy + Default>(&self, f: impl Fn(f32, f32) -> T + Sync) -> Vec<T> {
        let mut out = vec![T::default(); self.values.len()];
        out.par_chunks_mut(self.width).enumerate().for_each(|(row, line)| {
            for (col, value) in line.iter_mut().enumerate() {
                let (x, y) = self.node(col, row);
                *value = f(x, y);
            }
        });
        out
    }

    /// Sets every node to a function of its position in metres and of what is known of it.
    pub(super) fn fill_with<T: Sync + Copy>(&mut self, known: &[T], f: impl Fn(f32, f32, T) -> f32 + Sync) {
        let mut values = std::mem::take(&mut self.values);
        values.par_chunks_mut(self.width).zip(known.par_chunks(self.width)).enumerate().for_each(
            |(row, (line, known))| {
                for (col, (value, known)) in line.iter_mut().zip(known).enumerate() {
                    let (x, y) = self.node(col, row);
                    *value = f(x, y, *known);
                }
            },
        );
        self.values = values;
    }

    /// Limits the field to the inside of another shape on the same lattice.
    pub(super) fn clip(&mut self, bounds: &Self) {
        self.values.iter_mut().zip(&bounds.values).for_each(|(f, b)| *f = f.min(*b));
    }

    /// Sets every node to a function of its position in metres.
    pub(super) fn fill(&mut self, f: impl Fn(f32, f32) -> f32 + Sync) {
        let (x0, y0, step) = (self.x0, self.y0, self.step);
        self.values.par_chunks_mut(self.width).enumerate().for_each(|(row, line)| {
            let y = (y0 + row as f64 * step) as f32;
            for (col, value) in line.iter_mut().enumerate() {
                *value = f((x0 + col as f64 * step) as f32, y);
            }
        });
    }

    /// Linearly interpolated value; `None` outside the lattice.
    #[inline]
    pub(super) fn value_at(&self, x: f32, y: f32) -> Option<f32> {
        let u = ((f64::from(x) - self.x0) / self.step) as f32;
        let v = ((f64::from(y) - self.y0) / self.step) as f32;
        if u < 0.0 || v < 0.0 {
            return None;
        }
        let (col, row) = (u as usize, v as usize);
        if col + 1 >= self.width || row + 1 >= self.height {
            return None;
        }
        let (tx, ty) = (u - col as f32, v - row as f32);
        let i = row * self.width + col;
        let line = |i: usize| self.values[i] + (self.values[i + 1] - self.values[i]) * tx;
        Some(line(i) + (line(i + self.width) - line(i)) * ty)
    }

    /// Subtracts another shape and `gap` metres around it. Both fields have the same lattice.
    pub(super) fn subtract(&mut self, other: &Self, gap: f32) {
        for (value, other) in self.values.iter_mut().zip(&other.values) {
            *value = value.min(-other - gap);
        }
    }

    /// Position and value of the maximum.
    pub(super) fn peak(&self) -> (f32, f32, f32) {
        let best = (0..self.values.len()).fold(0, |b, i| if self.values[i] > self.values[b] { i } else { b });
        let x = self.x0 + (best % self.width.max(1)) as f64 * self.step;
        let y = self.y0 + (best / self.width.max(1)) as f64 * self.step;
        (x as f32, y as f32, self.values.get(best).copied().unwrap_or(f32::MIN))
    }
}

impl Field {
    /// Raises the field to `half_width` minus the distance from a polyline.
    pub(super) fn stamp_line(&mut self, line: &[(f32, f32)], half_width: f32, reach: f32) {
        let (x0, y0, step) = (self.x0 as f32, self.y0 as f32, self.step as f32);
        for pair in line.windows(2) {
            let ((ax, ay), (bx, by)) = (pair[0], pair[1]);
            let (dx, dy) = (bx - ax, by - ay);
            let length2 = (dx * dx + dy * dy).max(1e-6);
            let span = |a: f32, b: f32, origin: f32, count: usize| {
                let from = ((a.min(b) - reach - origin) / step).ceil().max(0.0) as usize;
                from..(((a.max(b) + reach - origin) / step).floor() + 1.0).clamp(0.0, count as f32) as usize
            };
            for row in span(ay, by, y0, self.height) {
                let y = y0 + row as f32 * step - ay;
                for col in span(ax, bx, x0, self.width) {
                    let x = x0 + col as f32 * step - ax;
                    let t = ((x * dx + y * dy) / length2).clamp(0.0, 1.0);
                    let value = &mut self.values[row * self.width + col];
                    *value = value.max(half_width - (x - t * dx).hypot(y - t * dy));
                }
            }
        }
    }

    /// Removes connected pieces of fewer than `nodes` nodes, and with `largest_only` all but the largest.
    pub(super) fn drop_small(&mut self, nodes: usize, largest_only: bool) {
        let mut seen = vec![false; self.values.len()];
        let mut pieces: Vec<Vec<usize>> = Vec::new();
        for start in 0..self.values.len() {
            if seen[start] || self.values[start] <= 0.0 {
                continue;
            }
            let mut piece = vec![start];
            seen[start] = true;
            let mut at = 0;
            while at < piece.len() {
                let (col, row) = (piece[at] % self.width, piece[at] / self.width);
                let around = [
                    (col > 0).then(|| piece[at] - 1),
                    (col + 1 < self.width).then(|| piece[at] + 1),
                    (row > 0).then(|| piece[at] - self.width),
                    (row + 1 < self.height).then(|| piece[at] + self.width),
                ];
                for j in around.into_iter().flatten() {
                    if !seen[j] && self.values[j] > 0.0 {
                        seen[j] = true;
                        piece.push(j);
                    }
                }
                at += 1;
            }
            pieces.push(piece);
        }
        let largest = pieces.iter().map(Vec::len).max().unwrap_or(0);
        for piece in pieces.iter().filter(|p| p.len() < nodes || (largest_only && p.len() < largest)) {
            for &i in piece {
                self.values[i] = -(self.step as f32);
            }
        }
    }
}
