//! Compares every kernel, on every available generation of instructions, with plain loops in f64.

use half::bf16;
use proptest::prelude::*;

use super::head::Tap;
use super::*;
use crate::Aligned;

/// Pseudo-random numbers in -1 to 1 with a long period.
fn number(i: usize, salt: usize) -> f32 {
    let mixed = (i * 2_654_435_761 + salt * 40_503 + 17) % 20_011;
    mixed as f32 / 10_005.5 - 1.0
}

/// A number after rounding to the type.
fn seen<T: Element>(value: f32) -> f64 {
    f64::from(T::from_f32(value).to_f32())
}

fn numbers<T: Element>(len: usize, salt: usize) -> Aligned<T> {
    let mut numbers = Aligned::filled(len, T::from_f32(0.0));
    for (i, v) in numbers.iter_mut().enumerate() {
        *v = T::from_f32(number(i, salt));
    }
    numbers
}

/// Rounding error of a type, for numbers up to 1.
fn rounding<T: Element>() -> f64 {
    if T::IS_BF16 { 1.0 / 256.0 } else { f64::from(f32::EPSILON) }
}

fn assert_near(isa: Isa, found: impl IntoIterator<Item = f32>, expected: &[f64], tolerance: f64) {
    let found: Vec<f32> = found.into_iter().collect();
    assert_eq!(found.len(), expected.len(), "{isa}");
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        let limit = tolerance * (1.0 + e.abs());
        assert!((f64::from(*f) - e).abs() <= limit, "{isa}: number {i} is {f}, expected {e} within {limit}");
    }
}

/// A product, with all that can follow it.
fn check_product<T: Element, O: Element>([rows, k, n]: [usize; 3], spare: usize, ends: [bool; 3], sum: usize) {
    for isa in Isa::available() {
        let weight = |i: usize, j: usize| number(i * n + j, 5);
        let b = Panels::<T>::new(isa, k, n, weight);
        let (stride, out_stride) = (b.depth() + spare, n + spare);
        let mut a = numbers::<T>(rows.next_multiple_of(ROW_BLOCK) * stride, 1);
        // The panels' zeros multiply the numbers beyond the depth.
        for row in a.chunks_exact_mut(stride) {
            row[k..].fill(T::from_f32(0.0));
        }
        // The contents of the extra rows do not matter.
        a[rows * stride..].fill(T::from_f32(f32::NAN));
        let bias: Vec<f32> = (0..n).map(|i| number(i, 2)).collect();
        let scale: Vec<f32> = (0..rows).map(|i| number(i, 3)).collect();
        let added: Vec<f32> = (0..rows * out_stride).map(|i| number(i, 4)).collect();
        let before = numbers::<O>(rows * out_stride, 6);
        let mut out = numbers::<O>(rows * out_stride, 6);
        let ending = Ending {
            scale: ends[0].then_some(&scale[..]),
            bias: ends[1].then_some(&bias[..]),
            sum: match sum {
                0 => Sum::Nothing,
                1 => Sum::Output,
                _ => Sum::Rows(&added),
            },
        };
        product(isa, &Operand::new(&a, rows, stride), b.view(), &ending, &mut out[..], out_stride);
        for row in 0..rows {
            #[expect(clippy::needless_range_loop, reason = "the column is of all matrices")]
            for col in 0..out_stride {
                let at = row * out_stride + col;
                let found = f64::from(out[at].to_f32());
                let old = f64::from(before[at].to_f32());
                if col >= n {
                    assert_eq!(found, old, "{isa}: {col} of {n} columns");
                    continue;
                }
                let terms = (0..k).map(|i| f64::from(a[row * stride + i].to_f32()) * seen::<T>(weight(i, col)));
                let (mut value, magnitude) = terms.fold((0.0, 0.0), |(sum, abs), t| (sum + t, abs + t.abs()));
                if ends[0] {
                    value *= f64::from(scale[row]);
                }
                if ends[1] {
                    value += f64::from(bias[col]);
                }
                value += match sum {
                    0 => 0.0,
                    1 => old,
                    _ => f64::from(added[at]),
                };
                // Whatever the order of the sum: k roundings of at most the sum of the magnitudes (Higham, Accuracy and
                // Stability of Numerical Algorithms, 2002, section 3.1), those of the end, and that of the output.
                let unit = f64::from(f32::EPSILON) / 2.0;
                let limit =
                    unit * (k as f64 * magnitude + 4.0 * (value.abs() + 2.0)) + rounding::<O>() * (1.0 + value.abs());
                assert!(
                    (found - value).abs() <= limit,
                    "{isa}: {row}, {col} is {found}, expected {value} within {limit}"
                );
            }
        }
    }
}

fn check_packing<T: Element>(k: usize, n: usize, spare: usize) {
    for isa in Isa::available() {
        let len = Panels::<T>::len(isa, k, n);
        let expected = Panels::<T>::new(isa, k, n, |i, j| number(i * n + j, 9));
        let mut panels = Aligned::filled(len, T::from_f32(7.0));
        let mut rows = Aligned::filled(k * (n + spare), T::from_f32(3.0));
        for (i, row) in rows.chunks_exact_mut(n + spare).enumerate() {
            row[..n].iter_mut().enumerate().for_each(|(j, v)| *v = T::from_f32(number(i * n + j, 9)));
        }
        pack(isa, &rows, n + spare, [k, n], &mut panels);
        assert!(bytes(&panels) == bytes(expected.data()), "{isa}: {k} x {n}");
        let mut columns = Aligned::filled(n * (k + spare), T::from_f32(3.0));
        for (j, column) in columns.chunks_exact_mut(k + spare).enumerate() {
            column[..k].iter_mut().enumerate().for_each(|(i, v)| *v = T::from_f32(number(i * n + j, 9)));
        }
        let mut panels = Aligned::filled(len, T::from_f32(7.0));
        pack_transposed(isa, &columns, k + spare, [k, n], &mut panels);
        assert!(bytes(&panels) == bytes(expected.data()), "{isa}: {k} x {n}, transposed");
    }
}

fn bytes<T: Element>(numbers: &[T]) -> &[u8] {
    bytemuck::cast_slice(numbers)
}

fn check_interleave<T: Element>(channels: usize, pixels: usize, spare: usize) {
    let plane = pixels + spare;
    let x: Vec<f32> = (0..channels * plane).map(|i| number(i, 1)).collect();
    for isa in Isa::available() {
        let mut out = Aligned::filled(pixels * channels, T::from_f32(9.0));
        interleave(isa, &x, plane, channels, &mut out[..]);
        for (i, v) in out.iter().enumerate() {
            let expected = T::from_f32(x[i % channels * plane + i / channels]);
            assert_eq!(v.to_f32().to_bits(), expected.to_f32().to_bits(), "{isa}: number {i}");
        }
    }
}

#[test]
fn panels_that_are_gathered_stay_what_they_are() {
    for isa in Isa::available() {
        let make = |n: usize| Panels::<bf16>::new(isa, 40, n, |i, j| number(i * n + j, n));
        let mut found: Vec<_> = [1, 33, 64, 100].map(make).into();
        Panels::gather(found.iter_mut().collect());
        for (found, expected) in found.iter().zip([1, 33, 64, 100].map(make)) {
            assert!(bytes(found.data()) == bytes(expected.data()), "{isa}");
        }
    }
}

fn check_norm<T: Element>(rows: usize, channels: usize, spare: usize) {
    let x: Vec<f32> = (0..rows * channels).map(|i| 3.0 * number(i, 1) + 5.0).collect();
    let norm = Norm {
        gamma: (0..channels).map(|i| number(i, 2)).collect(),
        beta: (0..channels).map(|i| number(i, 3)).collect(),
        epsilon: 1e-5,
    };
    let mut expected = Vec::new();
    for row in x.chunks_exact(channels) {
        let mean = row.iter().map(|v| f64::from(*v)).sum::<f64>() / channels as f64;
        let variance = row.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / channels as f64;
        for ((v, g), b) in row.iter().zip(&norm.gamma).zip(&norm.beta) {
            expected.push((f64::from(*v) - mean) / (variance + 1e-5).sqrt() * f64::from(*g) + f64::from(*b));
        }
        expected.extend(std::iter::repeat_n(0.0, spare));
    }
    for isa in Isa::available() {
        let mut out = Aligned::filled(rows * (channels + spare), T::from_f32(9.0));
        layer_norm(isa, &norm, &x, &mut out[..], channels + spare);
        if spare == 0 {
            let (mut same, mut moments) = (vec![0.0; x.len()], vec![[0.0; 2]; rows]);
            layer_norm_with_moments(isa, &x, [&norm.gamma, &norm.beta], norm.epsilon, &mut same, &mut moments);
            assert_near(isa, same, &expected, 2e-5);
            for (row, [mean, inverse]) in x.chunks_exact(channels).zip(moments) {
                let exact = row.iter().map(|v| f64::from(*v)).sum::<f64>() / channels as f64;
                let variance = row.iter().map(|v| (f64::from(*v) - exact).powi(2)).sum::<f64>() / channels as f64;
                assert_near(isa, [mean, inverse], &[exact, 1.0 / (variance + 1e-5).sqrt()], 2e-5);
            }
        }
        // The variance of a few channels may be small, which makes the numbers large and their rounding with them.
        assert_near(isa, out.iter().map(|v| v.to_f32()), &expected, rounding::<T>() + 2e-5);
    }
}

fn check_softmax<T: Element>(rows: usize, keys: usize, scale: f32) {
    let stride = keys.next_multiple_of(32);
    for isa in Isa::available() {
        let score = |row: usize, key: usize| scale * number(row * keys + key, 1);
        let mut scores = vec![f32::NAN; rows * stride];
        let mut expected = Vec::new();
        for row in 0..rows {
            for key in 0..keys {
                scores[row * stride + key] = score(row, key);
            }
            let largest = (0..keys).map(|key| score(row, key)).fold(f32::NEG_INFINITY, f32::max);
            let exact: Vec<f64> =
                (0..keys).map(|key| (f64::from(score(row, key)) - f64::from(largest)).exp()).collect();
            let sum: f64 = exact.iter().sum();
            expected.extend(exact.into_iter().map(|e| e / sum));
        }
        let mut out = Aligned::filled(rows * stride, T::from_f32(9.0));
        let mut inverse = vec![0.0; rows];
        softmax(isa, &mut scores, stride, keys, &mut out[..], &mut inverse);
        let found: Vec<f32> =
            (0..rows * keys).map(|i| out[i / keys * stride + i % keys].to_f32() * inverse[i / keys]).collect();
        assert_near(isa, found, &expected, rounding::<T>() + 1e-6);
        for row in out.chunks_exact(stride) {
            assert!(row[keys..].iter().all(|v| v.to_f32().abs() < 1e-30), "{isa}");
        }
    }
}

/// x Φ(x), by numerical integration in f64.
fn gelu(x: f64) -> f64 {
    const STEPS: usize = 2000;
    let low = -9.0_f64;
    let step = (x.max(low) - low) / STEPS as f64;
    let density = |t: f64| (-0.5 * t * t).exp() / (2.0 * std::f64::consts::PI).sqrt();
    // Simpson's rule.
    let weight = |i: usize| if i == 0 || i == STEPS { 1.0 } else { [2.0, 4.0][i % 2] };
    x * (0..=STEPS).map(|i| weight(i) * density(low + i as f64 * step)).sum::<f64>() * step / 3.0
}

fn check_depthwise<T: Element>(width: usize, channels: usize, spare: usize) {
    let layer = DepthwiseGelu {
        weight: (0..9 * channels).map(|i| number(i, 1)).collect(),
        bias: (0..channels).map(|i| number(i, 2)).collect(),
    };
    let rows: [Aligned<T>; 3] = [3, 4, 5].map(|salt| numbers(width * channels, salt));
    let mut expected = Vec::new();
    for x in 0..width {
        for c in 0..channels {
            let mut sum = f64::from(layer.bias[c]);
            for tap in 0..9 {
                if let Some(column) = (x + tap % 3).checked_sub(1).filter(|&column| column < width) {
                    let value = f64::from(rows[tap / 3][column * channels + c].to_f32());
                    sum += value * f64::from(layer.weight[tap * channels + c]);
                }
            }
            expected.push(gelu(sum));
        }
        expected.extend(std::iter::repeat_n(0.0, spare));
    }
    for isa in Isa::available() {
        let mut out = Aligned::filled(width * (channels + spare), T::from_f32(9.0));
        let rows = [&rows[0][..], &rows[1][..], &rows[2][..]];
        depthwise_gelu(isa, &layer, rows, width, &mut out[..], channels + spare);
        assert_near(isa, out.iter().map(|v| v.to_f32()), &expected, rounding::<T>() + 2e-6);
    }
}

/// Rows of a number of keys, their exponentials, and the backward pass of softmax.
fn check_training_softmax(rows: usize, keys: usize, scale: f32) {
    let scores: Vec<f32> = (0..rows * keys).map(|i| 20.0 * number(i, 1)).collect();
    let gradients: Vec<f32> = (0..rows * keys).map(|i| number(i, 2)).collect();
    let (mut weights, mut slopes) = (Vec::new(), Vec::new());
    for (scores, gradients) in scores.chunks_exact(keys).zip(gradients.chunks_exact(keys)) {
        let exact: Vec<f64> = scores.iter().map(|s| (f64::from(*s) * f64::from(scale)).exp()).collect();
        let sum: f64 = exact.iter().sum();
        let mean: f64 = exact.iter().zip(gradients).map(|(e, d)| e / sum * f64::from(*d)).sum();
        weights.extend(exact.iter().map(|e| e / sum));
        slopes.extend(exact.iter().zip(gradients).map(|(e, d)| f64::from(scale) * e / sum * (f64::from(*d) - mean)));
    }
    for isa in Isa::available() {
        let mut found = scores.clone();
        let (mut inverse, mut log_sums) = (vec![0.0; rows], vec![0.0; rows]);
        exponentials(isa, &mut found, scale, &mut inverse, &mut log_sums);
        assert_near(isa, found.iter().enumerate().map(|(i, e)| e * inverse[i / keys]), &weights, 1e-5);
        let (mut found, mut found_slopes) = (scores.clone(), gradients.clone());
        attention_slopes(isa, &mut found, &mut found_slopes, scale, &log_sums);
        assert_near(isa, found, &weights, 1e-5);
        assert_near(isa, found_slopes, &slopes, 1e-5);
    }
}

/// The convolution with the derivatives of GELU, and its gradients, over a map of some rows.
fn check_depthwise_training(height: usize, width: usize, channels: usize) {
    let line = width * channels;
    let [x, gradient] = [1, 2].map(|salt| (0..height * line).map(|i| number(i, salt)).collect::<Vec<f32>>());
    let taps: Vec<f32> = (0..9 * channels).map(|i| number(i, 3)).collect();
    let bias: Vec<f32> = (0..channels).map(|i| number(i, 4)).collect();
    let inside = |y: usize, col: usize, tap: usize| {
        let (y, col) = ((y + tap / 3).checked_sub(1)?, (col + tap % 3).checked_sub(1)?);
        (y < height && col < width).then_some((y * width + col) * channels)
    };
    let (mut values, mut slopes) = (Vec::new(), Vec::new());
    let (mut of_x, mut parameters) = (vec![0.0_f64; x.len()], vec![1.0_f64; 10 * channels]);
    for y in 0..height {
        for col in 0..width {
            for c in 0..channels {
                let d = f64::from(gradient[(y * width + col) * channels + c]);
                let mut sum = f64::from(bias[c]);
                parameters[9 * channels + c] += d;
                for tap in 0..9 {
                    let Some(pixel) = inside(y, col, tap) else { continue };
                    let weight = f64::from(taps[tap * channels + c]);
                    sum += f64::from(x[pixel + c]) * weight;
                    of_x[pixel + c] += d * weight;
                    parameters[tap * channels + c] += d * f64::from(x[pixel + c]);
                }
                values.push(gelu(sum));
                // The derivative, by differences.
                slopes.push((gelu(sum + 1e-4) - gelu(sum - 1e-4)) / 2e-4);
            }
        }
    }
    let mut padded = vec![[0.0; GROUP]; channels.div_ceil(GROUP) * (height + 2) * (width + 2)];
    for (i, d) in gradient.iter().enumerate() {
        let (pixel, c) = (i / channels, i % channels);
        let at = (pixel / width + 1) * (width + 2) + pixel % width + 1;
        padded[c / GROUP * (height + 2) * (width + 2) + at][c % GROUP] = *d;
    }
    for isa in Isa::available() {
        let (mut found, mut found_slopes) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        let zeros = vec![0.0; line];
        for (y, (out, slopes)) in found.chunks_mut(line).zip(found_slopes.chunks_mut(line)).enumerate() {
            let row = |y: Option<usize>| y.filter(|&y| y < height).map_or(&zeros[..], |y| &x[y * line..][..line]);
            let rows = [row(y.checked_sub(1)), row(Some(y)), row(Some(y + 1))];
            depthwise_gelu_with_slopes(isa, rows, [&taps, &bias], out, slopes);
        }
        assert_near(isa, found, &values, 3e-6);
        assert_near(isa, found_slopes, &slopes, 3e-6);
        let (mut found, mut found_parameters) = (vec![0.0; x.len()], vec![1.0; 10 * channels]);
        for (group, padded) in padded.chunks_exact((height + 2) * (width + 2)).enumerate() {
            depthwise_gradients(isa, padded, &x, &taps, [width, group * GROUP], &mut found, &mut found_parameters);
        }
        assert_near(isa, found, &of_x, 1e-5);
        assert_near(isa, found_parameters, &parameters, 1e-5);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 2 } else { 64 }, ..ProptestConfig::default() })]

    #[test]
    fn products_equal_plain_loops(
        rows in 1_usize..70, k in prop_oneof![1_usize..90, 380_usize..800], n in 1_usize..140, spare in 0_usize..5, ends: [bool; 3], sum in 0_usize..3
    ) {
        check_product::<f32, f32>([rows, k, n], spare, ends, sum);
        check_product::<bf16, f32>([rows, k, n], spare, ends, sum);
        check_product::<bf16, bf16>([rows, k, n], spare, ends, sum);
    }

    #[test]
    fn matrices_are_packed_alike_by_all_ways(k in 1_usize..70, n in 1_usize..70, spare in 0_usize..3) {
        check_packing::<f32>(k, n, spare);
        check_packing::<bf16>(k, n, spare);
    }

    #[test]
    fn channels_become_the_last_dimension(channels in 1_usize..14, pixels in 1_usize..70, spare in 0_usize..3) {
        check_interleave::<f32>(channels, pixels, spare);
        check_interleave::<bf16>(channels, pixels, spare);
    }

    #[test]
    fn norms_equal_plain_loops(rows in 1_usize..9, channels in 4_usize..70, spare in 0_usize..9) {
        check_norm::<f32>(rows, channels, spare);
        check_norm::<bf16>(rows, channels, spare);
    }

    #[test]
    fn softmax_equals_plain_loops(rows in 1_usize..9, keys in 1_usize..70, scale in 0.0..60.0_f32) {
        check_softmax::<f32>(rows, keys, scale);
        check_softmax::<bf16>(rows, keys, scale);
    }

    #[test]
    fn softmax_of_training_equals_plain_loops(rows in 1_usize..9, keys in 1_usize..70, scale in 0.1..3.0_f32) {
        check_training_softmax(rows, keys, scale);
    }

    #[test]
    fn convolutions_of_training_equal_plain_loops(height in 1_usize..5, width in 1_usize..7, channels in 1_usize..80) {
        check_depthwise_training(height, width, channels);
    }

    #[test]
    fn convolutions_equal_plain_loops(width in 1_usize..40, channels in 1_usize..40, spare in 0_usize..3) {
        check_depthwise::<f32>(width, channels, spare);
        check_depthwise::<bf16>(width, channels, spare);
    }

    #[test]
    fn the_end_of_the_decoder_equals_plain_loops(width in 1_usize..9, dim in 1_usize..40, classes in 1_usize..4) {
        let head = Classifier {
            weight: (0..classes * dim).map(|i| number(i, 1)).collect(),
            bias: (0..classes).map(|i| number(i, 2)).collect(),
        };
        let first: Vec<f32> = (0..width * dim).map(|i| number(i, 3)).collect();
        let rows = [4, 5, 6].map(|salt| (0..3 * dim).map(|i| number(i, salt)).collect::<Vec<f32>>());
        let taps: Vec<Tap> = (0..width).map(|x| (x % 3, (x + 1) % 3, number(x, 7).abs())).collect();
        let mut expected = Vec::new();
        for x in 0..width {
            for class in 0..classes {
                let (a, b, t) = taps[x];
                let relu = |c: usize| {
                    let sum: f64 = rows.iter().map(|row| {
                        let (a, b) = (f64::from(row[a * dim + c]), f64::from(row[b * dim + c]));
                        a + (b - a) * f64::from(t)
                    }).sum();
                    (sum + f64::from(first[x * dim + c])).max(0.0)
                };
                let sum: f64 = (0..dim).map(|c| relu(c) * f64::from(head.weight[class * dim + c])).sum();
                expected.push(sum + f64::from(head.bias[class]));
            }
        }
        for isa in Isa::available() {
            let mut out = vec![0.0; width * classes];
            classify(isa, &head, &first, [&rows[0], &rows[1], &rows[2]], [&taps[..]; 3], &mut out);
            assert_near(isa, out, &expected, 1e-5);
            let mut mixed = vec![0.0; 3 * dim];
            lerp(isa, &mut mixed, &rows[0], &rows[1], 0.3);
            let expected: Vec<f64> =
                rows[0].iter().zip(&rows[1]).map(|(a, b)| f64::from(*a) + 0.3_f32 as f64 * (f64::from(*b) - f64::from(*a))).collect();
            assert_near(isa, mixed, &expected, 1e-6);
        }
    }
}

#[test]
fn exponential_and_gelu_are_within_their_bounds() {
    struct Both<'a>(&'a [f32], &'a mut [f32], bool);
    impl Kernel for Both<'_> {
        type Output = ();

        #[inline(always)]
        unsafe fn run<V: Vector>(self) {
            for (x, out) in self.0.chunks_exact(16).zip(self.1.chunks_exact_mut(16)) {
                for i in (0..16).step_by(V::LANES) {
                    // SAFETY: sixteen numbers, which the lanes divide.
                    unsafe {
                        let x = V::load(x[i..].as_ptr());
                        let y = if self.2 { math::exp_nonpositive(x) } else { math::gelu(x) };
                        y.store(out[i..].as_mut_ptr());
                    }
                }
            }
        }
    }
    let step = if cfg!(miri) { 5000 } else { 1 };
    let negative: Vec<f32> = (0..90_000 / step / 16 * 16).map(|i| -((i * step) as f32) / 1000.0).collect();
    let around: Vec<f32> =
        (0..4000 / step.min(50) / 16 * 16).map(|i| (i * step.min(50)) as f32 / 200.0 - 10.0).collect();
    for isa in Isa::available() {
        let mut found = vec![0.0; negative.len()];
        isa.run(Both(&negative, &mut found, true));
        for (x, y) in negative.iter().zip(&found) {
            assert!((f64::from(*y) - f64::from(*x).exp()).abs() < 2e-7, "{isa}: exp({x}) is {y}");
        }
        let mut found = vec![0.0; around.len()];
        isa.run(Both(&around, &mut found, false));
        for (x, y) in around.iter().zip(&found) {
            let expected = gelu(f64::from(*x));
            assert!(
                (f64::from(*y) - expected).abs() < 3e-7 * f64::from(1.0 + x.abs()),
                "{isa}: gelu({x}) is {y}, not {expected}"
            );
        }
    }
}

#[test]
fn bfloat16_is_rounded_to_nearest_even_and_nan_stays() {
    struct Round<'a>(&'a [f32; 16], &'a mut [bf16; 16]);
    impl Kernel for Round<'_> {
        type Output = ();

        #[inline(always)]
        unsafe fn run<V: Vector>(self) {
            for i in (0..16).step_by(V::LANES) {
                // SAFETY: sixteen numbers, which the lanes divide.
                unsafe { V::load(self.0[i..].as_ptr()).store_bf16(self.1[i..].as_mut_ptr()) };
            }
        }
    }
    let mut values = [
        0.0_f32,
        -0.0,
        1.0,
        -1.0,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        f32::MAX,
        1.0,
        1.0,
        1.0,
        1.0,
        3.0e-3,
        1.5,
        1e30,
        -7.7,
    ];
    // Halfway between two, to the even one; and next to halfway.
    for (i, bits) in [0x3F80_8000_u32, 0x3F81_8000, 0x3F80_8001, 0x3F80_7FFF].into_iter().enumerate() {
        values[8 + i] = f32::from_bits(bits);
    }
    for isa in Isa::available() {
        let mut found = [bf16::ZERO; 16];
        isa.run(Round(&values, &mut found));
        for (value, found) in values.iter().zip(found) {
            let expected = bf16::from_f32(*value);
            assert!(
                found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan()),
                "{isa}: {value} is {found}"
            );
        }
    }
}

#[test]
fn instructions_have_names_that_are_found_again() {
    for isa in Isa::available() {
        assert_eq!(isa.name().parse::<Isa>().unwrap(), isa);
    }
    let message = "sse9".parse::<Isa>().unwrap_err().to_string();
    assert!(message.starts_with("MINESEGSAT_ISA `sse9` is not accepted: this processor has portable"), "{message}");
}

#[test]
#[should_panic(expected = "rows end before the tile")]
fn operands_that_end_early_are_refused() {
    let b = Panels::<f32>::new(Isa::Portable, 4, 4, |_, _| 0.0);
    product(Isa::Portable, &Operand::new(&[0.0; 15 * 4], 2, 4), b.view(), &Ending::default(), &mut [0.0_f32; 8], 4);
}

#[test]
#[should_panic(expected = "the output is too short")]
fn outputs_that_end_early_are_refused() {
    let b = Panels::<f32>::new(Isa::Portable, 4, 4, |_, _| 0.0);
    product(Isa::Portable, &Operand::new(&[0.0; 16 * 4], 2, 4), b.view(), &Ending::default(), &mut [0.0_f32; 7], 4);
}
