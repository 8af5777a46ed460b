//! Kernels for training in float32, for `minesegsat-nn`.
//!
//! Forward passes are those of inference, which also write what their backward passes need. All functions use the newest
//! instructions of the processor, or those that [`ISA_VARIABLE`](crate::ISA_VARIABLE) names. They check the lengths of their
//! slices, so they are safe to call.
//!
//! - [`layer_norm`], [`depthwise_gelu`], [`exponentials`], [`lerp`]: forward passes.
//! - [`depthwise_gradients`], [`attention_slopes`]: backward passes.
//! - [`vectorise`], [`vectorised!`](crate::vectorised): compile plain loops for each generation of instructions.

use crate::simd::{self, Isa};
pub use crate::simd::{GROUP, Group, Loops, vectorise};

/// Normalises rows: `(x - mean) / sqrt(variance + epsilon) gamma + beta`. `moments` receives the mean and the inverse standard
/// deviation of each row.
///
/// # Shapes
/// - `x`, `out`: `[rows, C]`; `gamma`, `beta`: `[C]`; `moments`: `[rows]`
pub fn layer_norm(x: &[f32], [gamma, beta]: [&[f32]; 2], epsilon: f32, out: &mut [f32], moments: &mut [[f32; 2]]) {
    simd::layer_norm_with_moments(Isa::current(), x, [gamma, beta], epsilon, out, moments);
}

/// One row of a 3 x 3 depthwise convolution, then GELU. `slopes` receives the derivative of GELU at the convolution's output.
///
/// # Shapes
/// - `rows`: the row above, the row itself and the row below, each `[width, C]`; zeros outside the map
/// - `taps`: `[9, C]`; `bias`: `[C]`; `out`, `slopes`: `[width, C]`
pub fn depthwise_gelu(rows: [&[f32]; 3], taps: &[f32], bias: &[f32], out: &mut [f32], slopes: &mut [f32]) {
    simd::depthwise_gelu_with_slopes(Isa::current(), rows, [taps, bias], out, slopes);
}

/// Gradients of a 3 x 3 depthwise convolution, for a band of rows and the [`GROUP`] channels from `first` on.
///
/// With the gradient `d` at the output of the convolution, the gradient of `x` is the sum over taps t of `w_t d(p - t)`. The
/// gradient of `w_t` is the sum over pixels of `x(p) d(p - t)`, that of the bias the sum of `d`.
///
/// # Shapes
/// - `padded`: `d` of the group's channels with a border of one pixel, `[rows + 2, width + 2]` groups
/// - `x`, `of_x`: `[rows, width, C]`; only the group's channels of `of_x` are written
/// - `taps`: `[9, C]`; `parameters`: `[10, C]`, gradients of taps and bias, to which the band's are added
pub fn depthwise_gradients(
    padded: &[Group],
    x: &[f32],
    taps: &[f32],
    [width, first]: [usize; 2],
    of_x: &mut [f32],
    parameters: &mut [f32],
) {
    simd::depthwise_gradients(Isa::current(), padded, x, taps, [width, first], of_x, parameters);
}

/// Replaces scores by `e^(scale (score - largest of the row))`. `inverse` receives one over the sum of a row, `log_sums` the
/// logarithm of the sum of `e^(scale score)`.
///
/// # Shapes
/// - `scores`: `[rows, keys]`; `inverse`, `log_sums`: `[rows]`
pub fn exponentials(scores: &mut [f32], scale: f32, inverse: &mut [f32], log_sums: &mut [f32]) {
    simd::exponentials(Isa::current(), scores, scale, inverse, log_sums);
}

/// The backward pass of softmax. Replaces scores by attention weights `w`, and the gradients `d` of the weights by those of the
/// scores, `scale w (d - sum of w d in the row)`.
///
/// # Shapes
/// - `scores`, `slopes`: `[rows, keys]`; `log_sums`: `[rows]`, from [`exponentials`]
pub fn attention_slopes(scores: &mut [f32], slopes: &mut [f32], scale: f32, log_sums: &[f32]) {
    simd::attention_slopes(Isa::current(), scores, slopes, scale, log_sums);
}

/// `out = a + t (b - a)`.
pub fn lerp(out: &mut [f32], a: &[f32], b: &[f32], t: f32) {
    simd::lerp(Isa::current(), out, a, b, t);
}
