//! Loops that several operations share.
//!
//! Maps are channels-last, `[H * W, C]`: a pixel's channels lie together, so that no layer has to transpose.

use minesegsat_cpu::training::lerp;
pub(crate) use minesegsat_cpu::{Tap, bilinear_taps, vectorised};
use rayon::prelude::*;

/// Partial sums of vectorised sums. The compiler does not reorder floating-point additions, so the code keeps this number of
/// sums itself.
pub(crate) const LANES: usize = 16;

vectorised! {
    /// Multiplies the columns `first..end` of each row by the row's factor.
    pub(crate) fn scale_rows<'a>(rows: &'a mut [f32], stride: usize, first: usize, end: usize, factors: &'a [f32]) {
        for (row, factor) in rows.chunks_mut(stride).zip(factors) {
            for v in &mut row[first..end] {
                *v *= factor;
            }
        }
    }
}

/// `[C, pixels]` to `[pixels, C]`.
pub(crate) fn channels_last(x: &[f32], channels: usize, out: &mut [f32]) {
    const PIXELS: usize = 1024;
    let pixels = x.len() / channels;
    out.par_chunks_mut(PIXELS * channels).enumerate().for_each(|(task, out)| {
        for c in 0..channels {
            let row = &x[c * pixels + task * PIXELS..];
            for (out, v) in out[c..].iter_mut().step_by(channels).zip(row) {
                *out = *v;
            }
        }
    });
}

vectorised! {
    /// Interpolates a row at the taps.
    fn sample_row<'a>(out: &'a mut [f32], row: &'a [f32], taps: &'a [Tap]) {
        for (o, &(a, b, t)) in out.iter_mut().zip(taps) {
            *o = (row[b] - row[a]).mul_add(t, row[a]);
        }
    }
}

/// Bilinear resampling of planes with half-pixel centres.
///
/// # Shapes
/// - `x`: `[planes, from[0], from[1]]`; `out`: `[planes, to[0], to[1]]`
pub(crate) fn resize_planes(x: &[f32], from: [usize; 2], out: &mut [f32], to: [usize; 2]) {
    let (vertical, horizontal) = (bilinear_taps(from[0], to[0]), bilinear_taps(from[1], to[1]));
    out.par_chunks_mut(to[1]).enumerate().for_each_init(
        || vec![0.0_f32; from[1]],
        |row, (i, out)| {
            let plane = &x[i / to[0] * from[0] * from[1]..];
            let (a, b, t) = vertical[i % to[0]];
            lerp(row, &plane[a * from[1]..][..from[1]], &plane[b * from[1]..][..from[1]], t);
            sample_row(out, row, &horizontal);
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_are_resampled_as_pytorch_does() {
        // torch.nn.functional.interpolate(torch.tensor([[[[0., 1.], [2., 3.]]]]), size=(2, 4), mode="bilinear",
        //                                 align_corners=False)
        let mut out = [0.0; 8];
        resize_planes(&[0.0, 1.0, 2.0, 3.0], [2, 2], &mut out, [2, 4]);
        assert_eq!(out, [0.0, 0.25, 0.75, 1.0, 2.0, 2.25, 2.75, 3.0]);
    }
}
