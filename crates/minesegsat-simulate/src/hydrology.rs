//! Water on a coarse lattice: flow directions ([`Drainage`]), flow accumulation, and rivers as lines
//! ([`trace_rivers`]).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use minesegsat_core::noise::{hash, unit_of};

/// Height as a heap key with a total order; [`Reverse`] gives the lowest first.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Height(f32);

impl Eq for Height {}

impl PartialOrd for Height {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Height {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// The eight neighbours of a cell of an `n` x `n` lattice, with their distance in cells.
pub(super) fn neighbours(n: usize, i: usize) -> impl Iterator<Item = (usize, f32)> {
    const STEPS: [(i32, i32, f32); 8] = [
        (1, 0, 1.0),
        (0, 1, 1.0),
        (-1, 0, 1.0),
        (0, -1, 1.0),
        (1, 1, std::f32::consts::SQRT_2),
        (-1, 1, std::f32::consts::SQRT_2),
        (-1, -1, std::f32::consts::SQRT_2),
        (1, -1, std::f32::consts::SQRT_2),
    ];
    let (col, row) = ((i % n) as i32, (i / n) as i32);
    let inside = 0..n as i32;
    STEPS.into_iter().filter_map(move |(dc, dr, distance)| {
        let (c, r) = (col + dc, row + dr);
        (inside.contains(&c) && inside.contains(&r)).then(|| (r as usize * n + c as usize, distance))
    })
}

/// Drainage directions on a lattice of heights.
#[derive(Debug)]
pub(super) struct Drainage {
    /// Heights with hollows filled to their spill level.
    pub(super) filled: Vec<f32>,
    /// Cells from the outlets upwards.
    pub(super) order: Vec<u32>,
    /// The neighbour that a cell drains to; an outlet drains to itself.
    pub(super) receiver: Vec<u32>,
}

impl Drainage {
    /// Priority flood (Barnes, Lehman, Mulla 2014) from the outlets. Filled areas get a slope of `rise` metres per
    /// cell. Then every cell drains along its steepest descent. Diagonal distances are randomly lengthened, so that
    /// rivers on plains do not keep to eight directions (Rho8: Fairfield, Leymarie 1991).
    pub(super) fn new(n: usize, z: &[f32], outlets: &[bool], rise: f32) -> Self {
        let mut filled = z.to_vec();
        let mut order = Vec::with_capacity(z.len());
        let mut seen = outlets.to_vec();
        let mut parent: Vec<u32> = (0..z.len() as u32).collect();
        let mut heap: BinaryHeap<Reverse<(Height, u32)>> =
            (0..z.len()).filter(|&i| outlets[i]).map(|i| Reverse((Height(z[i]), i as u32))).collect();
        while let Some(Reverse((Height(height), i))) = heap.pop() {
            order.push(i);
            for (j, distance) in neighbours(n, i as usize) {
                if !seen[j] {
                    seen[j] = true;
                    filled[j] = z[j].max(height + rise * distance);
                    parent[j] = i;
                    heap.push(Reverse((Height(filled[j]), j as u32)));
                }
            }
        }
        let receiver = (0..z.len())
            .map(|i| {
                let steepest = neighbours(n, i)
                    .map(|(j, distance)| {
                        let length = if distance > 1.0 { 2.0 - unit_of(hash(i as u32), j as u32) } else { 1.0 };
                        ((filled[i] - filled[j]) / length, j)
                    })
                    .fold((0.0, i), |best, other| if other.0 > best.0 { other } else { best });
                // Level ground without slope drains along the flood path.
                if outlets[i] || steepest.1 == i { parent[i] } else { steepest.1 as u32 }
            })
            .collect();
        Self { filled, order, receiver }
    }

    /// Sum of `own` over all cells that drain through a cell, including itself.
    pub(super) fn accumulate(&self, mut own: Vec<f32>) -> Vec<f32> {
        for &i in self.order.iter().rev() {
            let to = self.receiver[i as usize] as usize;
            if to != i as usize {
                own[to] += own[i as usize];
            }
        }
        own
    }
}

/// Rivers as lists of cells from source to mouth. A tributary ends with the cell at which it joins a river.
pub(super) fn trace_rivers(drainage: &Drainage, is_river: impl Fn(usize) -> bool) -> Vec<Vec<u32>> {
    let cells = drainage.receiver.len();
    let mut has_source = vec![false; cells];
    for i in (0..cells).filter(|&i| is_river(i)) {
        let to = drainage.receiver[i] as usize;
        has_source[to] |= to != i;
    }
    let mut seen = vec![false; cells];
    let mut rivers = Vec::new();
    // River heads are processed from the top down, so that the longest river passes through most junctions.
    for &head in drainage.order.iter().rev() {
        if !is_river(head as usize) || has_source[head as usize] {
            continue;
        }
        let mut path = vec![head];
        let mut at = head as usize;
        loop {
            seen[at] = true;
            let to = drainage.receiver[at] as usize;
            if to == at {
                break;
            }
            path.push(to as u32);
            if seen[to] {
                break;
            }
            at = to;
        }
        if path.len() > 2 {
            rivers.push(path);
        }
    }
    rivers
}

/// Smooths a polyline by corner cutting (Chaikin 1974) and keeps its ends. Points are x, y and width.
pub(super) fn smooth_line(mut line: Vec<[f32; 3]>, times: usize) -> Vec<[f32; 3]> {
    for _ in 0..times {
        if line.len() < 3 {
            return line;
        }
        let mut out = Vec::with_capacity(2 * line.len());
        out.push(line[0]);
        for pair in line.windows(2) {
            let at = |t: f32| std::array::from_fn(|k| pair[0][k] + (pair[1][k] - pair[0][k]) * t);
            out.push(at(0.25));
            out.push(at(0.75));
        }
        out.push(line[line.len() - 1]);
        line = out;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_drains_to_the_outlet_and_hollows_fill() {
        let n = 24;
        let mut z: Vec<f32> = (0..n * n).map(|i| (i % n) as f32 + 0.1 * (i / n) as f32).collect();
        z[10 * n + 12] = -50.0;
        let outlets: Vec<bool> = (0..n * n).map(|i| i % n == 0).collect();
        let drainage = Drainage::new(n, &z, &outlets, 1e-3);
        assert_eq!(drainage.order.len(), n * n);
        assert!(drainage.filled[10 * n + 12] > 9.0, "the hollow is filled");
        let area = drainage.accumulate(vec![1.0; n * n]);
        let out: f32 = (0..n * n).filter(|&i| outlets[i]).map(|i| area[i]).sum();
        assert_eq!(out, (n * n) as f32);
        let rivers = trace_rivers(&drainage, |i| area[i] >= 4.0);
        assert!(!rivers.is_empty());
        for river in rivers {
            let falls = |p: &[u32]| drainage.filled[p[0] as usize] >= drainage.filled[p[1] as usize];
            assert!(river.windows(2).all(falls));
        }
    }
}
