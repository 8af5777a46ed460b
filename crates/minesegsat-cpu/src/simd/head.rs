//! The end of the decoder: upsampling, sum, ReLU and classifier.

use super::{Isa, Kernel, Vector};

/// Position of a bilinear sample: the two source indices and the weight of the second.
pub type Tap = (usize, usize, f32);

/// The classifier of the decoder.
#[derive(Debug)]
pub(crate) struct Classifier {
    /// `[classes, D]`.
    pub(crate) weight: Vec<f32>,
    /// `[classes]`.
    pub(crate) bias: Vec<f32>,
}

/// `out = a + t (b - a)`.
pub(crate) fn lerp(isa: Isa, out: &mut [f32], a: &[f32], b: &[f32], t: f32) {
    assert!(a.len() == out.len() && b.len() == out.len(), "rows of different lengths");
    isa.run(Lerp { out: out.as_mut_ptr(), a: a.as_ptr(), b: b.as_ptr(), len: out.len(), t });
}

struct Lerp {
    out: *mut f32,
    a: *const f32,
    b: *const f32,
    len: usize,
    t: f32,
}

impl Kernel for Lerp {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let whole = self.len / V::LANES * V::LANES;
        // SAFETY: `lerp` has checked the lengths.
        unsafe {
            let t = V::splat(self.t);
            for i in (0..whole).step_by(V::LANES) {
                let a = V::load(self.a.add(i));
                V::load(self.b.add(i)).sub(a).fma(t, a).store(self.out.add(i));
            }
            for i in whole..self.len {
                let (a, b) = (*self.a.add(i), *self.b.add(i));
                *self.out.add(i) = a + (b - a) * self.t;
            }
        }
    }
}

/// Computes the logits of a row: adds the projections of all stages, upsampled along the row, then applies ReLU and the
/// classifier.
///
/// # Shapes
/// - `first`: `[W, D]`, the projection of the first stage; `rows`: `[W_i, D]` each, the others, interpolated to this row
/// - `taps`: the position of each of the W pixels in `rows`
/// - `out`: `[W, classes]`
pub(crate) fn classify(
    isa: Isa,
    head: &Classifier,
    first: &[f32],
    rows: [&[f32]; 3],
    taps: [&[Tap]; 3],
    out: &mut [f32],
) {
    let classes = head.bias.len();
    let dim = head.weight.len() / classes;
    let width = out.len() / classes;
    assert!(head.weight.len() == classes * dim && out.len() == width * classes, "{classes} classes");
    assert!(first.len() >= width * dim, "the first row ends early");
    for (row, taps) in rows.iter().zip(taps) {
        let last = row.len() / dim;
        assert!(taps.len() >= width && taps.iter().all(|&(a, b, _)| a < last && b < last), "a pixel beyond its row");
    }
    let rows = rows.map(<[f32]>::as_ptr);
    isa.run(Classify { head, first: first.as_ptr(), rows, taps, dim, width, out: out.as_mut_ptr() });
}

struct Classify<'a> {
    head: &'a Classifier,
    first: *const f32,
    rows: [*const f32; 3],
    taps: [&'a [Tap]; 3],
    dim: usize,
    width: usize,
    out: *mut f32,
}

impl Kernel for Classify<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (dim, classes) = (self.dim, self.head.bias.len());
        let whole = dim / V::LANES * V::LANES;
        for x in 0..self.width {
            // SAFETY: `classify` has checked that the pixels lie in their rows, the classes in the weights.
            unsafe {
                let first = self.first.add(x * dim);
                let mut at = [(first, first, 0.0_f32); 3];
                for (at, (row, taps)) in at.iter_mut().zip(self.rows.into_iter().zip(self.taps)) {
                    let (a, b, t) = *taps.get_unchecked(x);
                    *at = (row.add(a * dim), row.add(b * dim), t);
                }
                for class in 0..classes {
                    let weight = self.head.weight.as_ptr().add(class * dim);
                    let mut sums = V::splat(0.0);
                    for c in (0..whole).step_by(V::LANES) {
                        let mut v = V::load(first.add(c));
                        for (a, b, t) in at {
                            let a = V::load(a.add(c));
                            v = v.add(V::load(b.add(c)).sub(a).fma(V::splat(t), a));
                        }
                        sums = v.max(V::splat(0.0)).fma(V::load(weight.add(c)), sums);
                    }
                    let mut sum = sums.sum();
                    for c in whole..dim {
                        let mut v = *first.add(c);
                        for (a, b, t) in at {
                            let a = *a.add(c);
                            v += a + (*b.add(c) - a) * t;
                        }
                        sum += v.max(0.0) * *weight.add(c);
                    }
                    *self.out.add(x * classes + class) = sum + *self.head.bias.as_ptr().add(class);
                }
            }
        }
    }
}
