//! Elementary functions of vectors, with their error bounds.

use super::vector::Vector;

/// e^x for x up to 0, with an absolute error below 2e-7. Below -87 the result is that of -87.
///
/// Cody and Waite's reduction `x = n ln 2 + r`, then the Taylor series of degree 6 (|r| < 0.35: error below 2e-7).
///
/// # Safety
/// As for [`Vector`].
#[inline(always)]
pub(super) unsafe fn exp_nonpositive<V: Vector>(x: V) -> V {
    // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // SAFETY: the caller guarantees the instructions; no pointers are used.
    unsafe {
        let round = V::splat(ROUND);
        let x = x.max(V::splat(-87.0));
        let shifted = x.fma(V::splat(std::f32::consts::LOG2_E), round);
        let n = shifted.sub(round);
        let r = n.fma(V::splat(-LN2_LOW), n.fma(V::splat(-LN2_HIGH), x));
        let mut p = V::splat(1.0 / 720.0);
        for c in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
            p = r.fma(p, V::splat(c));
        }
        p.mul(shifted.power_of_two())
    }
}

/// The distribution function Φ of the normal distribution, within 3e-7.
///
/// `Φ(x) - 1/2 = x P(x²) / Q(x²)`, fitted for |x| < 5.6 by least squares with Lawson's weights. Beyond that range Φ is 0 or 1
/// to within 1e-8. The largest error of the fit is 9.3e-9.
///
/// # Safety
/// As for [`Vector`].
#[inline(always)]
unsafe fn normal_cdf<V: Vector>(x: V) -> V {
    const P: [f32; 6] = [2.214_432_6e-8, 6.355_934_6e-6, 1.738_257_5e-4, 4.707_106_5e-3, 3.437_413e-2, 3.989_422_2e-1];
    #[expect(clippy::excessive_precision, reason = "as fitted")]
    const Q: [f32; 6] = [1.180_138e-6, 7.509_159_6e-5, 1.912_841e-3, 2.893_887_3e-2, 2.528_288_8e-1, 1.0];
    // SAFETY: the caller guarantees the instructions; no pointers are used.
    unsafe {
        let clamped = x.max(V::splat(-5.6)).min(V::splat(5.6));
        let t = clamped.mul(clamped);
        let (mut p, mut q) = (V::splat(P[0]), V::splat(Q[0]));
        for i in 1..6 {
            p = t.fma(p, V::splat(P[i]));
            q = t.fma(q, V::splat(Q[i]));
        }
        clamped.mul(p).fma(q.reciprocal(), V::splat(0.5))
    }
}

/// The Gaussian error linear unit in its exact form, `x Φ(x)`, within 3e-7 (1 + |x|).
///
/// # Safety
/// As for [`Vector`].
#[inline(always)]
pub(super) unsafe fn gelu<V: Vector>(x: V) -> V {
    // SAFETY: the caller guarantees the instructions; no pointers are used.
    unsafe { x.mul(normal_cdf(x)) }
}

/// [`gelu`], and its derivative `Φ(x) + x φ(x)`.
///
/// # Safety
/// As for [`Vector`].
#[inline(always)]
pub(super) unsafe fn gelu_and_slope<V: Vector>(x: V) -> (V, V) {
    /// `1 / sqrt(2 pi)`.
    const FRAC_1_SQRT_TAU: f32 = 0.398_942_3;
    // SAFETY: the caller guarantees the instructions; no pointers are used.
    unsafe {
        let below = normal_cdf(x);
        let density = exp_nonpositive(x.mul(x).mul(V::splat(-0.5))).mul(V::splat(FRAC_1_SQRT_TAU));
        (x.mul(below), x.fma(density, below))
    }
}
