//! The softmax of attention: for inference without its division, for training with its backward pass.

use super::math::exp_nonpositive;
use super::part::{load_part, store_part};
use super::{Element, Isa, Kernel, Vector};

/// `out = e^(score - largest of the row)`, and `inverse` one over their sum, for the first `keys` columns. The columns from
/// `keys` to the stride of `out` become values below 1e-30, which count as zeros; the same columns of `scores` are overwritten.
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

/// See [`training::exponentials`](crate::training::exponentials).
pub(crate) fn exponentials(isa: Isa, scores: &mut [f32], scale: f32, inverse: &mut [f32], log_sums: &mut [f32]) {
    let rows = inverse.len();
    if rows == 0 {
        return;
    }
    let keys = scores.len() / rows;
    assert!(keys > 0 && scores.len() == rows * keys && log_sums.len() == rows, "{rows} rows of {keys} keys");
    let (inverse, log_sums) = (inverse.as_mut_ptr(), log_sums.as_mut_ptr());
    isa.run(Exponentials { scores: scores.as_mut_ptr(), keys, rows, scale, inverse, log_sums });
}

/// See [`training::attention_slopes`](crate::training::attention_slopes).
pub(crate) fn attention_slopes(isa: Isa, scores: &mut [f32], slopes: &mut [f32], scale: f32, log_sums: &[f32]) {
    let rows = log_sums.len();
    if rows == 0 {
        return;
    }
    let keys = scores.len() / rows;
    assert!(keys > 0 && scores.len() == rows * keys && slopes.len() == scores.len(), "{rows} rows of {keys} keys");
    let (scores, slopes) = (scores.as_mut_ptr(), slopes.as_mut_ptr());
    isa.run(AttentionSlopes { scores, slopes, keys, rows, scale, log_sums: log_sums.as_ptr() });
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
                // Two independent chains, so that operations overlap.
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

struct Exponentials {
    scores: *mut f32,
    keys: usize,
    rows: usize,
    scale: f32,
    inverse: *mut f32,
    log_sums: *mut f32,
}

impl Kernel for Exponentials {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let whole = self.keys / V::LANES * V::LANES;
        let rest = self.keys - whole;
        for row in 0..self.rows {
            // SAFETY: `exponentials` has checked that rows of `keys` scores lie in their slices.
            unsafe {
                let scores = self.scores.add(row * self.keys);
                let mut largest = V::splat(f32::NEG_INFINITY);
                for c in (0..whole).step_by(V::LANES) {
                    largest = largest.max(V::load(scores.add(c)));
                }
                if rest > 0 {
                    largest = largest.max(load_part::<V, false>(scores.add(whole), rest, f32::NEG_INFINITY));
                }
                let largest = largest.largest();
                let (most, scale) = (V::splat(largest), V::splat(self.scale));
                let mut sums = V::splat(0.0);
                for c in (0..whole).step_by(V::LANES) {
                    let e = exp_nonpositive(V::load(scores.add(c)).sub(most).mul(scale));
                    sums = sums.add(e);
                    e.store(scores.add(c));
                }
                if rest > 0 {
                    let last = load_part::<V, false>(scores.add(whole), rest, f32::NEG_INFINITY);
                    let e = exp_nonpositive(last.sub(most).mul(scale));
                    sums = sums.add(e);
                    store_part::<V, false>(e, scores.add(whole), rest);
                }
                let sum = sums.sum();
                *self.inverse.add(row) = 1.0 / sum;
                *self.log_sums.add(row) = largest * self.scale + sum.ln();
            }
        }
    }
}

struct AttentionSlopes {
    scores: *mut f32,
    slopes: *mut f32,
    keys: usize,
    rows: usize,
    scale: f32,
    log_sums: *const f32,
}

impl Kernel for AttentionSlopes {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let whole = self.keys / V::LANES * V::LANES;
        let rest = self.keys - whole;
        for row in 0..self.rows {
            // SAFETY: `attention_slopes` has checked that rows of `keys` scores and slopes lie in their slices.
            unsafe {
                let scores = self.scores.add(row * self.keys);
                let slopes = self.slopes.add(row * self.keys);
                let (scale, offset) = (V::splat(self.scale), V::splat(-*self.log_sums.add(row)));
                let mut sums = V::splat(0.0);
                for c in (0..whole).step_by(V::LANES) {
                    let w = exp_nonpositive(V::load(scores.add(c)).fma(scale, offset));
                    sums = w.fma(V::load(slopes.add(c)), sums);
                    w.store(scores.add(c));
                }
                if rest > 0 {
                    let last = load_part::<V, false>(scores.add(whole), rest, f32::NEG_INFINITY);
                    let w = exp_nonpositive(last.fma(scale, offset));
                    sums = w.fma(load_part::<V, false>(slopes.add(whole), rest, 0.0), sums);
                    store_part::<V, false>(w, scores.add(whole), rest);
                }
                let mean = V::splat(sums.sum());
                for c in (0..whole).step_by(V::LANES) {
                    let d = V::load(slopes.add(c)).sub(mean);
                    V::load(scores.add(c)).mul(scale).mul(d).store(slopes.add(c));
                }
                if rest > 0 {
                    let d = load_part::<V, false>(slopes.add(whole), rest, 0.0).sub(mean);
                    let w = load_part::<V, false>(scores.add(whole), rest, 0.0);
                    store_part::<V, false>(w.mul(scale).mul(d), slopes.add(whole), rest);
                }
            }
        }
    }
}
