//! Loops between the matrix products, written so that the compiler vectorises them for the processor that it runs on.
//!
//! Maps are channels-last here, `[H * W, C]`: a pixel's channels lie together, so that no layer has to transpose.
#![expect(clippy::inline_always, reason = "helpers must be compiled with the features of the kernel that calls them")]

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

/// Rows that one task handles in passes over tokens.
const ROWS: usize = 64;

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

/// The Gaussian error linear unit in its exact form, `x Φ(x)`, within 2e-7 (1 + |x|).
#[inline(always)]
fn gelu(x: f32) -> f32 {
    x * normal_cdf(x)
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

/// Scale, shift and epsilon of a layer normalisation.
pub(crate) struct Norm {
    pub(crate) gamma: Vec<f32>,
    pub(crate) beta: Vec<f32>,
    pub(crate) epsilon: f32,
}

impl Norm {
    /// Adds `bias` to the rows of `x`, in place, and writes the normalised rows to `out`.
    ///
    /// # Shapes
    /// - `x`, `out`: `[rows, C]`; `bias`: `[C]`
    pub(crate) fn add_and_normalise(&self, x: &mut [f32], bias: &[f32], out: &mut [f32]) {
        let channels = self.gamma.len();
        assert_eq!((bias.len(), self.beta.len(), out.len()), (channels, channels, x.len()));
        x.par_chunks_mut(ROWS * channels)
            .zip(out.par_chunks_mut(ROWS * channels))
            .for_each(|(x, out)| normalise_rows(x, bias, self, out));
    }
}

vectorised! {
    fn normalise_rows<'a>(x: &'a mut [f32], bias: &'a [f32], norm: &'a Norm, out: &'a mut [f32]) {
        let channels = bias.len();
        let scale = 1.0 / channels as f32;
        for (x, out) in x.chunks_exact_mut(channels).zip(out.chunks_exact_mut(channels)) {
            for (x, b) in x.iter_mut().zip(bias) {
                *x += b;
            }
            let mean = sum(x, |v| v) * scale;
            let variance = sum(x, |v| (v - mean) * (v - mean)) * scale;
            let inverse = 1.0 / (variance + norm.epsilon).sqrt();
            for ((o, x), (g, b)) in out.iter_mut().zip(&*x).zip(norm.gamma.iter().zip(&norm.beta)) {
                *o = ((x - mean) * inverse).mul_add(*g, *b);
            }
        }
    }
}

/// 3 x 3 depthwise convolution with zero padding, then GELU.
pub(crate) struct DepthwiseGelu {
    /// `[9, C]`.
    weight: Vec<f32>,
    /// Constant of a pixel by which of its neighbours exist (up 1, down 2, left 4, right 8): the convolution's bias and
    /// what the input's bias contributes through the taps that lie inside the map. `[16, C]`.
    constant: Vec<f32>,
    channels: usize,
}

impl DepthwiseGelu {
    /// - `weight`: `[C, 3, 3]` as a convolution has it
    /// - `bias`, `input_bias`: `[C]`; `input_bias` is what the input still lacks
    pub(crate) fn new(weight: &[f32], bias: &[f32], input_bias: &[f32]) -> Self {
        let channels = bias.len();
        let mut taps = vec![0.0; 9 * channels];
        let mut constant = vec![0.0; 16 * channels];
        for c in 0..channels {
            for tap in 0..9 {
                taps[tap * channels + c] = weight[c * 9 + tap];
            }
            for neighbours in 0..16 {
                let inside = (0..9).filter(|&tap| tap_is_inside(tap, neighbours)).map(|tap| weight[c * 9 + tap]);
                constant[neighbours * channels + c] = inside.sum::<f32>() * input_bias[c] + bias[c];
            }
        }
        Self { weight: taps, constant, channels }
    }

    /// # Shapes
    /// - `x`, `out`: `[H * W, C]`, `size` = `[H, W]`
    pub(crate) fn forward(&self, x: &[f32], [height, width]: [usize; 2], out: &mut [f32]) {
        let channels = self.channels;
        assert_eq!((x.len(), out.len()), (height * width * channels, height * width * channels));
        out.par_chunks_mut(width * channels)
            .enumerate()
            .for_each(|(row, out)| convolve_row(self, x, [height, width], row, out));
    }
}

vectorised! {
    fn convolve_row<'a>(layer: &'a DepthwiseGelu, x: &'a [f32], size: [usize; 2], row: usize, out: &'a mut [f32]) {
        let [height, width] = size;
        let channels = layer.channels;
        let vertical = usize::from(row > 0) + 2 * usize::from(row + 1 < height);
        for (col, out) in out.chunks_exact_mut(channels).enumerate() {
            let neighbours = vertical + 4 * usize::from(col > 0) + 8 * usize::from(col + 1 < width);
            let constant = &layer.constant[neighbours * channels..][..channels];
            for (block, (out, constant)) in out.chunks_mut(BLOCK).zip(constant.chunks(BLOCK)).enumerate() {
                let (start, len) = (block * BLOCK, out.len());
                let mut sums = [0.0_f32; BLOCK];
                sums[..len].copy_from_slice(constant);
                for tap in 0..9 {
                    if tap_is_inside(tap, neighbours) {
                        let pixel = (row + tap / 3 - 1) * width + col + tap % 3 - 1;
                        let x = &x[pixel * channels + start..][..len];
                        add_products(&mut sums, x, &layer.weight[tap * channels + start..][..len]);
                    }
                }
                for (o, s) in out.iter_mut().zip(sums) {
                    *o = gelu(s);
                }
            }
        }
    }
}

/// Channels of a depthwise convolution whose sums stay in registers at a time.
const BLOCK: usize = 64;

/// `sums += x * weight`, for up to [`BLOCK`] channels.
#[inline(always)]
fn add_products(sums: &mut [f32; BLOCK], x: &[f32], weight: &[f32]) {
    // The common case has a length that the compiler knows.
    if let (Ok(x), Ok(weight)) = (<&[f32; BLOCK]>::try_from(x), <&[f32; BLOCK]>::try_from(weight)) {
        for ((s, x), w) in sums.iter_mut().zip(x).zip(weight) {
            *s = x.mul_add(*w, *s);
        }
    } else {
        for ((s, x), w) in sums.iter_mut().zip(x).zip(weight) {
            *s = x.mul_add(*w, *s);
        }
    }
}

/// Whether a tap of a 3 x 3 kernel lies inside the map, by which neighbours exist: up 1, down 2, left 4, right 8.
#[inline(always)]
const fn tap_is_inside(tap: usize, neighbours: usize) -> bool {
    let needed = [1, 0, 2][tap / 3] + [4, 0, 8][tap % 3];
    neighbours & needed == needed
}

vectorised! {
    /// Scores of attention become `e^(score + bias - largest of the row)`, and `inverse` one over their sum.
    ///
    /// # Shapes
    /// - `scores`: `[rows, keys]`; `bias`: `[keys]`; `inverse`: `[rows]`
    pub(crate) fn exponentials<'a>(scores: &'a mut [f32], bias: &'a [f32], inverse: &'a mut [f32]) {
        for (row, inverse) in scores.chunks_exact_mut(bias.len()).zip(inverse) {
            let mut lanes = [f32::NEG_INFINITY; LANES];
            for (row, bias) in row.chunks_mut(LANES).zip(bias.chunks(LANES)) {
                for ((s, b), lane) in row.iter_mut().zip(bias).zip(&mut lanes) {
                    *s += b;
                    *lane = if *s > *lane { *s } else { *lane };
                }
            }
            let largest = lanes.into_iter().fold(f32::NEG_INFINITY, f32::max);
            for s in row.iter_mut() {
                *s = exp_nonpositive(*s - largest);
            }
            *inverse = 1.0 / sum(row, |v| v);
        }
    }
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

/// Where a bilinear sample lies: the two source indices and the weight of the second.
pub(crate) type Tap = (usize, usize, f32);

/// Taps of all samples, with half-pixel centres.
pub(crate) fn bilinear_taps(from: usize, to: usize) -> Vec<Tap> {
    let ratio = from as f64 / to as f64;
    (0..to)
        .map(|i| {
            let position = ((i as f64 + 0.5) * ratio - 0.5).max(0.0);
            let first = (position as usize).min(from - 1);
            (first, (first + 1).min(from - 1), (position - first as f64) as f32)
        })
        .collect()
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

/// The end of the folded decoder: adds the upsampled stages, then ReLU and the classifier.
pub(crate) struct Classifier {
    /// Constant added before the ReLU, `[D]`.
    pub(crate) constant: Vec<f32>,
    /// `[classes, D]`.
    pub(crate) weight: Vec<f32>,
    /// `[classes]`.
    pub(crate) bias: Vec<f32>,
}

impl Classifier {
    /// # Shapes
    /// - `stages`: projected stages 1 to 4, each `[H_i * W_i, D]` with its `[H_i, W_i]`
    /// - `out`: `[classes, H_1 * W_1]`
    pub(crate) fn forward(&self, stages: [(&[f32], [usize; 2]); 4], out: &mut [f32]) {
        let (dim, classes) = (self.constant.len(), self.bias.len());
        let (first, [height, width]) = stages[0];
        let taps = stages.map(|(_, [h, w])| (bilinear_taps(h, height), bilinear_taps(w, width)));
        // Pixels outside, classes inside, so that tasks own whole rows; exchanged at the end.
        let mut logits = vec![0.0_f32; height * width * classes];
        logits.par_chunks_mut(width * classes).enumerate().for_each_init(
            || (stages[1..].iter().map(|(_, [_, w])| vec![0.0_f32; w * dim]).collect::<Vec<_>>(), vec![0.0_f32; dim]),
            |(rows, fused), (y, logits)| {
                for ((row, (stage, [_, w])), (vertical, _)) in rows.iter_mut().zip(&stages[1..]).zip(&taps[1..]) {
                    let (a, b, t) = vertical[y];
                    let line = w * dim;
                    lerp_row(row, &stage[a * line..][..line], &stage[b * line..][..line], t);
                }
                let first = &first[y * width * dim..][..width * dim];
                let horizontal = [&taps[1].1[..], &taps[2].1[..], &taps[3].1[..]];
                classify_row(self, first, rows, horizontal, fused, logits);
            },
        );
        for (class, out) in out.chunks_exact_mut(height * width).enumerate() {
            for (o, v) in out.iter_mut().zip(logits[class..].iter().step_by(classes)) {
                *o = *v;
            }
        }
    }
}

vectorised! {
    /// A row of the decoder's output.
    ///
    /// # Shapes
    /// - `first`: `[W_1, D]` of stage 1; `rows`: `[W_i, D]` of stages 2 to 4, at this row's height
    /// - `horizontal`: where each pixel lies in `rows`; `fused`: room for `[D]`; `logits`: `[W_1, classes]`
    fn classify_row<'a>(
        head: &'a Classifier,
        first: &'a [f32],
        rows: &'a [Vec<f32>],
        horizontal: [&'a [Tap]; 3],
        fused: &'a mut [f32],
        logits: &'a mut [f32],
    ) {
        let (dim, classes) = (head.constant.len(), head.bias.len());
        for (x, (pixel, logits)) in first.chunks_exact(dim).zip(logits.chunks_exact_mut(classes)).enumerate() {
            for ((f, p), c) in fused.iter_mut().zip(pixel).zip(&head.constant) {
                *f = p + c;
            }
            for (row, taps) in rows.iter().zip(horizontal) {
                let (a, b, t) = taps[x];
                for ((f, a), b) in fused.iter_mut().zip(&row[a * dim..][..dim]).zip(&row[b * dim..][..dim]) {
                    *f += (b - a).mul_add(t, *a);
                }
            }
            for ((logit, weight), bias) in logits.iter_mut().zip(head.weight.chunks_exact(dim)).zip(&head.bias) {
                let mut lanes = [0.0_f32; LANES];
                for (f, w) in fused.chunks(LANES).zip(weight.chunks(LANES)) {
                    for ((lane, f), w) in lanes.iter_mut().zip(f).zip(w) {
                        *lane = f.max(0.0).mul_add(*w, *lane);
                    }
                }
                *logit = bias + lanes.iter().sum::<f32>();
            }
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
    fn exponential_and_gelu_are_within_their_bounds() {
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
            assert!(
                (f64::from(gelu(x)) - expected).abs() < 2e-7 * (1.0 + f64::from(x.abs())),
                "gelu({x}) = {}",
                gelu(x)
            );
        }
    }

    #[test]
    fn taps_follow_the_neighbours() {
        let inside = |neighbours| (0..9).filter(|&tap| tap_is_inside(tap, neighbours)).collect::<Vec<_>>();
        assert_eq!(inside(15), (0..9).collect::<Vec<_>>());
        // Upper left corner: nothing above, nothing to the left.
        assert_eq!(inside(2 + 8), [4, 5, 7, 8]);
        assert_eq!(inside(0), [4]);
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
