//! The softmax of attention, without its division.

use super::math::exp_nonpositive;
use super::{Element, Isa, Kernel, Vector};

/// `out = e^(score - largest of the row)`, and `inverse` one over their sum, for the first `keys` columns; zeros, or what cannot be told
/// from them, follow up to the stride. The scores beyond `keys` are overwritten.
///
/// # Shapes
/// - `scores`, `out`: `[rows, stride]`, stride a multiple of 32; `inverse`: `[rows]`
pub(crate) fn softmax<T: Element>(
    isa: Isa,
    scores: &mut [f32],
    stride: usize,
    keys: usize,
    out: &mut [T],
    inverse: &mut [f32],
) {
    let rows = inverse.len();
    assert!(0 < keys && keys <= stride && stride.is_multiple_of(32), "{keys} keys, {stride} apart");
    assert!(rows * stride <= scores.len() && rows * stride <= out.len(), "rows end early");
    for row in scores.chunks_exact_mut(stride).take(rows) {
        row[keys..].fill(f32::NEG_INFINITY);
    }
    let (scores, out) = (scores.as_ptr(), out.as_mut_ptr());
    isa.run(Softmax { scores, stride, rows, out, inverse: inverse.as_mut_ptr() });
}

struct Softmax<T> {
    scores: *const f32,
    stride: usize,
    rows: usize,
    out: *mut T,
    inverse: *mut f32,
}

impl<T: Element> Kernel for Softmax<T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for row in 0..self.rows {
            // SAFETY: `softmax` has checked that rows of the stride, which all vectors divide, lie in their slices.
            unsafe {
                let scores = self.scores.add(row * self.stride);
                let out = self.out.add(row * self.stride);
                // Two chains at a time, so that none waits for the one before it.
                let (second, step) = (V::LANES, 2 * V::LANES);
                let mut largest = [V::load(scores), V::load(scores.add(second))];
                for c in (step..self.stride).step_by(step) {
                    largest[0] = largest[0].max(V::load(scores.add(c)));
                    largest[1] = largest[1].max(V::load(scores.add(c + second)));
                }
                let largest = V::splat(largest[0].max(largest[1]).largest());
                let mut sums = [V::splat(0.0); 2];
                for c in (0..self.stride).step_by(step) {
                    let e = exp_nonpositive(V::load(scores.add(c)).sub(largest));
                    sums[0] = sums[0].add(e);
                    T::store(e, out.add(c));
                    let e = exp_nonpositive(V::load(scores.add(c + second)).sub(largest));
                    sums[1] = sums[1].add(e);
                    T::store(e, out.add(c + second));
                }
                let sum = sums[0].add(sums[1]);
                *self.inverse.add(row) = 1.0 / sum.sum();
            }
        }
    }
}
