//! Layer normalisation.

use super::{Element, Isa, Kernel, Vector};

/// Independent partial sums, so that additions overlap.
const CHAINS: usize = 4;

/// Scale, shift and epsilon of a layer normalisation.
#[derive(Debug, Clone)]
pub(crate) struct Norm {
    pub(crate) gamma: Vec<f32>,
    pub(crate) beta: Vec<f32>,
    pub(crate) epsilon: f32,
}

/// Normalises rows to mean 0 and variance 1, then scales and shifts them. Fills up to the stride of the output with zeros.
///
/// # Shapes
/// - `x`: `[rows, C]`; `out`: `[rows, out_stride]`, of which the first C columns are written and the rest zeroed
pub(crate) fn layer_norm<T: Element>(isa: Isa, norm: &Norm, x: &[f32], out: &mut [T], out_stride: usize) {
    let channels = norm.gamma.len();
    let Norm { gamma, beta, epsilon } = norm;
    assert!(channels > 0 && norm.beta.len() == channels && channels <= out_stride, "{channels} channels");
    assert!(x.len().is_multiple_of(channels), "{} values are not a multiple of {channels} channels", x.len());
    let rows = x.len() / channels;
    assert!(rows * out_stride <= out.len(), "the output is too short");
    let (x, out) = (x.as_ptr(), out.as_mut_ptr());
    isa.run(LayerNorm { gamma, beta, epsilon: *epsilon, x, rows, out, out_stride, moments: None });
}

/// See [`training::layer_norm`](crate::training::layer_norm).
pub(crate) fn layer_norm_with_moments(
    isa: Isa,
    x: &[f32],
    [gamma, beta]: [&[f32]; 2],
    epsilon: f32,
    out: &mut [f32],
    moments: &mut [[f32; 2]],
) {
    let (channels, rows) = (gamma.len(), moments.len());
    assert!(channels > 0 && beta.len() == channels, "{channels} channels");
    assert!(x.len() == rows * channels && out.len() == x.len(), "{} values are not {rows} rows", x.len());
    let (x, out, moments) = (x.as_ptr(), out.as_mut_ptr(), Some(moments.as_mut_ptr()));
    isa.run(LayerNorm { gamma, beta, epsilon, x, rows, out, out_stride: channels, moments });
}

struct LayerNorm<'a, T> {
    gamma: &'a [f32],
    beta: &'a [f32],
    epsilon: f32,
    x: *const f32,
    rows: usize,
    out: *mut T,
    out_stride: usize,
    /// Mean and inverse standard deviation of each row, if they are wanted.
    moments: Option<*mut [f32; 2]>,
}

impl<T: Element> Kernel for LayerNorm<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let channels = self.gamma.len();
        let whole = channels / V::LANES * V::LANES;
        let count = channels as f32;
        let (gamma, beta) = (self.gamma.as_ptr(), self.beta.as_ptr());
        for row in 0..self.rows {
            // SAFETY: `layer_norm` has checked that all rows of `channels` and `out_stride` lie in their slices.
            unsafe {
                let x = self.x.add(row * channels);
                let out = self.out.add(row * self.out_stride);
                // Several sums at a time, so that no addition waits for the one before it.
                let mut sums = [V::splat(0.0); CHAINS];
                let mut c = 0;
                while c + CHAINS * V::LANES <= whole {
                    for (i, sums) in sums.iter_mut().enumerate() {
                        *sums = sums.add(V::load(x.add(c + i * V::LANES)));
                    }
                    c += CHAINS * V::LANES;
                }
                while c < whole {
                    sums[0] = sums[0].add(V::load(x.add(c)));
                    c += V::LANES;
                }
                let mut sum = sums[0].add(sums[1]).add(sums[2].add(sums[3])).sum();
                for c in whole..channels {
                    sum += *x.add(c);
                }
                let mean = sum / count;
                let means = V::splat(mean);
                let mut squares = [V::splat(0.0); CHAINS];
                let mut c = 0;
                while c + CHAINS * V::LANES <= whole {
                    for (i, squares) in squares.iter_mut().enumerate() {
                        let v = V::load(x.add(c + i * V::LANES)).sub(means);
                        *squares = v.fma(v, *squares);
                    }
                    c += CHAINS * V::LANES;
                }
                while c < whole {
                    let v = V::load(x.add(c)).sub(means);
                    squares[0] = v.fma(v, squares[0]);
                    c += V::LANES;
                }
                let mut square = squares[0].add(squares[1]).add(squares[2].add(squares[3])).sum();
                for c in whole..channels {
                    let v = *x.add(c) - mean;
                    square += v * v;
                }
                let inverse = 1.0 / (square / count + self.epsilon).sqrt();
                if let Some(moments) = self.moments {
                    *moments.add(row) = [mean, inverse];
                }
                let inverses = V::splat(inverse);
                for c in (0..whole).step_by(V::LANES) {
                    let v = V::load(x.add(c)).sub(means).mul(inverses);
                    T::store(v.fma(V::load(gamma.add(c)), V::load(beta.add(c))), out.add(c));
                }
                for c in whole..channels {
                    *out.add(c) = T::from_f32((*x.add(c) - mean) * inverse * *gamma.add(c) + *beta.add(c));
                }
                for c in channels..self.out_stride {
                    *out.add(c) = T::from_f32(0.0);
                }
            }
        }
    }
}
