//! Sums over many rows, in parts that do not depend on the number of threads.

use rayon::prelude::*;

use super::pool;
use crate::fused::{
    kernels::vectorised,
    matmul::{MatMut, MatRef, Parallelism, matmul_scaled},
};

/// Elements of a row-major matrix per task, so that its input and output stay in the L2 cache.
const TASK: usize = 64 * 1024;

/// Rows per task, for rows of `columns` elements.
pub(super) fn rows_of_task(columns: usize) -> usize {
    (TASK / columns.max(1)).clamp(16, 512)
}

vectorised! {
    /// `sums += row` for each row.
    pub(super) fn add_rows<'a>(sums: &'a mut [f32], rows: &'a [f32]) {
        for row in rows.chunks_exact(sums.len()) {
            for (s, v) in sums.iter_mut().zip(row) {
                *s += v;
            }
        }
    }
}

vectorised! {
    /// `out += x`.
    pub(super) fn add<'a>(out: &'a mut [f32], x: &'a [f32]) {
        for (o, v) in out.iter_mut().zip(x) {
            *o += v;
        }
    }
}

/// Adds parts in their order.
pub(super) fn total(parts: Vec<Vec<f32>>) -> Vec<f32> {
    parts
        .into_iter()
        .reduce(|mut sum, part| {
            add(&mut sum, &part);
            pool::recycle(part);
            sum
        })
        .unwrap_or_default()
}

/// Adds parts in their order. Zeros if there are no parts.
pub(super) fn total_or_zero(parts: Vec<Vec<f32>>, len: usize) -> Vec<f32> {
    if parts.is_empty() { vec![0.0; len] } else { total(parts) }
}

/// Sums of the columns of `[rows, columns]`.
pub(super) fn columns(rows: &[f32], columns: usize) -> Vec<f32> {
    let parts = rows.par_chunks(rows_of_task(columns) * columns).map(|rows| {
        let mut sums = vec![0.0; columns];
        add_rows(&mut sums, rows);
        sums
    });
    total(parts.collect())
}

/// `scale a^T b`, the gradient of a layer's weight: `a` is `[rows, inner]`, `b` `[rows, outer]`, the result `[inner, outer]`.
pub(super) fn transposed_product(a: &[f32], b: &[f32], inner: usize, outer: usize, scale: f32) -> Vec<f32> {
    let rows = a.len() / inner;
    let product = |a: &[f32], b: &[f32], parallelism| {
        let rows = a.len() / inner;
        let mut out = pool::buffer(inner * outer);
        let (a, b) = (MatRef::new(a, rows, inner, inner), MatRef::new(b, rows, outer, outer));
        matmul_scaled(MatMut::new(&mut out, inner, outer, outer), false, scale, a.transposed(), b, parallelism);
        out
    };
    // For a large result, threads share its rows and columns. A small result sums many rows, which are split into parts.
    let step = rows_of_task(inner.max(outer)).max(inner * outer / 64);
    if rows <= step {
        return product(a, b, Parallelism::Rayon(0));
    }
    let parts = a.par_chunks(step * inner).zip(b.par_chunks(step * outer));
    total(parts.map(|(a, b)| product(a, b, Parallelism::None)).collect())
}

/// The summand of a product.
#[derive(Clone, Copy)]
pub(super) enum Start<'a> {
    /// Nothing.
    Zero,
    /// `scale` times this row, in each row.
    Row(&'a [f32]),
    /// These rows, and `scale` times that row in each.
    Rows(&'a [f32], &'a [f32]),
}

/// With at least this number of rows, tasks share the rows. Otherwise threads share the product.
const MANY_ROWS: usize = 1024;

/// `out = start + scale a b`.
///
/// # Shapes
/// - `a`: `[rows, inner]`, row-major; `b`: `[inner, outer]`; `out`: `[rows, outer]`
pub(super) fn product(
    out: &mut [f32],
    start: Start<'_>,
    scale: f32,
    a: &[f32],
    b: MatRef<'_>,
    [inner, outer]: [usize; 2],
) {
    let rows = a.len() / inner;
    let step = if rows >= MANY_ROWS { rows_of_task(inner.max(outer)) } else { rows };
    let multiply = |first: usize, out: &mut [f32], a: &[f32], parallelism| {
        let rows = a.len() / inner;
        let accumulate = match start {
            Start::Zero => false,
            Start::Row(row) => {
                spread(out, row, scale);
                true
            }
            Start::Rows(before, row) => {
                add_row(out, &before[first * outer..][..rows * outer], row, scale);
                true
            }
        };
        let out = MatMut::new(out, rows, outer, outer);
        matmul_scaled(out, accumulate, scale, MatRef::new(a, rows, inner, inner), b, parallelism);
    };
    if step >= rows {
        return multiply(0, out, a, Parallelism::Rayon(0));
    }
    let tasks = out.par_chunks_mut(step * outer).zip(a.par_chunks(step * inner)).enumerate();
    tasks.for_each(|(task, (out, a))| multiply(task * step, out, a, Parallelism::None));
}

vectorised! {
    /// `out = scale row` in each row.
    fn spread<'a>(out: &'a mut [f32], row: &'a [f32], scale: f32) {
        for out in out.chunks_exact_mut(row.len()) {
            for (o, v) in out.iter_mut().zip(row) {
                *o = scale * v;
            }
        }
    }
}

vectorised! {
    /// `out = before + scale row` in each row.
    fn add_row<'a>(out: &'a mut [f32], before: &'a [f32], row: &'a [f32], scale: f32) {
        for (out, before) in out.chunks_exact_mut(row.len()).zip(before.chunks_exact(row.len())) {
            for ((o, b), v) in out.iter_mut().zip(before).zip(row) {
                *o = v.mul_add(scale, *b);
            }
        }
    }
}
