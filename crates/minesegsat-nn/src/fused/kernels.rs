//! Loops between the matrix products, written so that the compiler vectorises them for the processor that it runs on.
//!
//! Maps are channels-last here, `[H * W, C]`: a pixel's channels lie together, so that no layer has to transpose.
#![expect(clippy::inline_always, reason = "helpers must be compiled with the features of the kernel that calls them")]

pub(crate) use minesegsat_cpu::{Tap, bilinear_taps};
use rayon::prelude::*;

/// Defines a function whose body is compiled for each generation of the processor's vector instructions, with the
/// newest that it has taken at run time.
///
/// A closure given to [`Arch::dispatch`] would read better, but compilers leave large ones out of line, where the
/// instructions are unknown.
macro_rules! vectorised {
    ($(#[$doc:meta])* $visibility:vis fn $name:ident<'a>($($argument:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        $visibility fn $name<'a>($($argument: $type),*) {
            struct Kernel<'a> {
                $($argument: $type,)*
                lifetime: std::marker::PhantomData<&'a ()>,
            }
            impl pulp::WithSimd for Kernel<'_> {
                type Output = ();

                #[inline(always)]
                fn with_simd<S: pulp::Simd>(self, _simd: S) {
                    let Self { $($argument,)* lifetime: _ } = self;
                    $body
                }
            }
            pulp::Arch::new().dispatch(Kernel { $($argument,)* lifetime: std::marker::PhantomData::<&'a ()> });
        }
    };
}
pub(crate) use vectorised;

/// Lanes of partial sums: floating-point addition is not reordered by the compiler, so sums name their own lanes.
pub(crate) const LANES: usize = 16;

/// e^x for x up to 0, within 2e-7 of the true value; 0 below -87.
///
/// Cody and Waite's reduction `x = n ln 2 + r`, then the Taylor series of degree 6 (|r| < 0.35: error below 2e-7).
#[inline(always)]
pub(crate) fn exp_nonpositive(x: f32) -> f32 {
    // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = x.max(-87.0);
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-LN2_LOW, n.mul_add(-LN2_HIGH, x));
    let mut p = 1.0 / 720.0;
    for c in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        p = r.mul_add(p, c);
    }
    // 2^n by its exponent bits.
    f32::from_bits(shifted.to_bits().wrapping_add(127) << 23) * p
}

/// The distribution function Φ of the normal distribution, within 2e-7.
///
/// `Φ(x) - 1/2 = x P(x²) / Q(x²)`, fitted on |x| < 5.6 (beyond it Φ is 0 or 1 to within 1e-8) by least squares with
/// Lawson's weights; the largest error of the fit is 9.3e-9.
#[inline(always)]
pub(crate) fn normal_cdf(x: f32) -> f32 {
    const P: [f32; 6] = [2.214_432_6e-8, 6.355_934_6e-6, 1.738_257_5e-4, 4.707_106_5e-3, 3.437_413e-2, 3.989_422_2e-1];
    #[expect(clippy::excessive_precision, reason = "as fitted")]
    const Q: [f32; 6] = [1.180_138e-6, 7.509_159_6e-5, 1.912_841e-3, 2.893_887_3e-2, 2.528_288_8e-1, 1.0];
    let clamped = x.clamp(-5.6, 5.6);
    let t = clamped * clamped;
    let (mut p, mut q) = (P[0], Q[0]);
    for i in 1..6 {
        p = t.mul_add(p, P[i]);
        q = t.mul_add(q, Q[i]);
    }
    clamped * (p / q) + 0.5
}

#[inline(always)]
pub(crate) fn sum(values: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let mut chunks = values.chunks_exact(LANES);
    for chunk in &mut chunks {
        for (lane, &v) in lanes.iter_mut().zip(chunk) {
            *lane += f(v);
        }
    }
    lanes.iter().sum::<f32>() + chunks.remainder().iter().map(|&v| f(v)).sum::<f32>()
}

vectorised! {
    /// Multiplies each row of some columns, from `first` to before `end`, by its factor.
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
    /// `out = a + t (b - a)`.
    pub(crate) fn lerp_row<'a>(out: &'a mut [f32], a: &'a [f32], b: &'a [f32], t: f32) {
        for ((o, a), b) in out.iter_mut().zip(a).zip(b) {
            *o = (b - a).mul_add(t, *a);
        }
    }
}

vectorised! {
    /// Samples of a row at the taps.
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
            lerp_row(row, &plane[a * from[1]..][..from[1]], &plane[b * from[1]..][..from[1]], t);
            sample_row(out, row, &horizontal);
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_and_normal_distribution_are_within_their_bounds() {
        for i in -90_000..=0 {
            let x = i as f32 / 1000.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp_nonpositive(x)) - exact).abs() < 2e-7, "exp({x})");
        }
        // torch.nn.functional.gelu(torch.tensor(x, dtype=torch.float64))
        for (x, expected) in [
            (-6.0, -5.919_525_9e-9),
            (-1.5, -0.100_210_801_9),
            (-0.5, -0.154_268_769_4),
            (0.0, 0.0),
            (1e-3, 5.003_989_4e-4),
            (0.75, 0.580_029_485_7),
            (3.0, 2.995_950_305_9),
            (40.0, 40.0),
        ] {
            let found = x * normal_cdf(x);
            assert!((f64::from(found) - expected).abs() < 2e-7 * (1.0 + f64::from(x.abs())), "gelu({x}) = {found}");
        }
    }

    #[test]
    fn planes_are_resampled_as_pytorch_does() {
        // torch.nn.functional.interpolate(torch.tensor([[[[0., 1.], [2., 3.]]]]), size=(2, 4), mode="bilinear",
        //                                 align_corners=False)
        let mut out = [0.0; 8];
        resize_planes(&[0.0, 1.0, 2.0, 3.0], [2, 2], &mut out, [2, 4]);
        assert_eq!(out, [0.0, 0.25, 0.75, 1.0, 2.0, 2.25, 2.75, 3.0]);
    }
}
