//! From patches to probabilities: the steps around a network, which all engines share.

use crate::{ModelCard, views::averaged_over_views};

/// Computes the probabilities of patches, with the network that a card describes.
///
/// - If width or height is not a multiple of the network's divisor, the last column or row is repeated. The results for the
///   padding are cut off.
/// - Values that are not finite are replaced by 0 in the network's input. Only the probabilities of these pixels become NaN.
/// - Logits are averaged over the card's number of [views](ModelCard::views).
/// - Logits are divided by `temperature`, then become the probability that a pixel is not background: the sigmoid for one
///   class, one minus the softmax of the first class for several.
///
/// # Shapes
/// - `patches`: `shape`, which is `[N, in_channels, H, W]`, row-major, normalised
/// - `logits` receives patches and their shape, and returns `[N, num_classes, H, W]` for them. Their sides are multiples of the
///   network's divisor and may be swapped
/// - `probabilities`: `[N, H, W]`, row-major; every element is overwritten
pub fn answer_patches<E: Into<minesegsat_core::Cause>>(
    card: &ModelCard,
    temperature: f32,
    patches: &[f32],
    shape: [usize; 4],
    probabilities: &mut [f32],
    logits: impl FnMut(&[f32], [usize; 4]) -> Result<Vec<f32>, E>,
) -> minesegsat_core::Result<()> {
    let [batch, channels, height, width] = shape;
    let refuse = |reason: String| Err(minesegsat_core::Error::segmenter(reason));
    let expected = card.architecture.in_channels();
    if channels != expected {
        return refuse(format!("patches have {channels} channels, the model takes {expected}"));
    }
    if height == 0 || width == 0 {
        return refuse(format!("patches are {width} x {height} pixels; both must be 1 or more"));
    }
    let pixels = height * width;
    if patches.len() != batch * channels * pixels || probabilities.len() != batch * pixels {
        return refuse(format!(
            "shape {shape:?} does not fit {} values in and {} out",
            patches.len(),
            probabilities.len()
        ));
    }
    let divisor = card.architecture.size_divisor();
    let padded = [height.next_multiple_of(divisor), width.next_multiple_of(divisor)];
    let missing: Vec<bool> = patches.chunks_exact(channels * pixels).flat_map(|patch| missing(patch, pixels)).collect();
    let any_missing = missing.contains(&true);
    let changed;
    let input = if any_missing || padded != [height, width] {
        changed = padded_and_finite(patches, [height, width], padded);
        &changed
    } else {
        patches
    };
    let classes = card.architecture.num_classes();
    let answer = averaged_over_views(card.views, input, [batch, channels, padded[0], padded[1]], classes, logits)
        .map_err(|error| minesegsat_core::Error::segmenter("").caused_by(error))?;
    let size = classes * padded[0] * padded[1];
    if answer.len() != batch * size {
        return refuse(format!("it answered with {} values, expected {}", answer.len(), batch * size));
    }
    for (logits, out) in answer.chunks_exact(size).zip(probabilities.chunks_exact_mut(pixels)) {
        for (row, out) in out.chunks_exact_mut(width).enumerate() {
            to_probabilities(&logits[row * padded[1]..], padded[0] * padded[1], temperature, out);
        }
    }
    if any_missing {
        for (p, missing) in probabilities.iter_mut().zip(missing) {
            if missing {
                *p = f32::NAN;
            }
        }
    }
    Ok(())
}

/// Marks the pixels of a patch that have a value that is not finite in any channel.
fn missing(patch: &[f32], pixels: usize) -> Vec<bool> {
    let mut missing = vec![false; pixels];
    for plane in patch.chunks_exact(pixels) {
        for (missing, value) in missing.iter_mut().zip(plane) {
            *missing |= !value.is_finite();
        }
    }
    missing
}

/// Pads planes by repeating their last column and row, and replaces values that are not finite by 0.
fn padded_and_finite(planes: &[f32], [height, width]: [usize; 2], [rows, cols]: [usize; 2]) -> Vec<f32> {
    let count = planes.len() / (height * width);
    let mut out = Vec::with_capacity(count * rows * cols);
    let finite = |v: &f32| if v.is_finite() { *v } else { 0.0 };
    for plane in planes.chunks_exact(height * width) {
        for row in 0..rows {
            let line = &plane[row.min(height - 1) * width..][..width];
            out.extend(line.iter().map(finite));
            out.extend(std::iter::repeat_n(finite(&line[width - 1]), cols - width));
        }
    }
    out
}

/// Probability that a pixel is not background.
///
/// # Shapes
/// - `logits`: starts at the first pixel of `out` in the first class; the same pixel of the next class is `plane` numbers further on
/// - `out`: consecutive pixels of a row
fn to_probabilities(logits: &[f32], plane: usize, temperature: f32, out: &mut [f32]) {
    if logits.len() <= plane {
        for (p, x) in out.iter_mut().zip(logits) {
            *p = 1.0 / (1.0 + (-x / temperature).exp());
        }
        return;
    }
    for (i, p) in out.iter_mut().enumerate() {
        let background = logits[i];
        let foreground = || logits[plane + i..].iter().step_by(plane).copied();
        // The largest logit is subtracted so that no exponential overflows.
        let max = foreground().fold(background, f32::max);
        let sum: f32 = foreground().map(|x| ((x - max) / temperature).exp()).sum();
        *p = sum / (sum + ((background - max) / temperature).exp());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{NetworkConfig, card::tests::card};

    #[test]
    fn one_class_is_answered_by_the_sigmoid() {
        let mut out = [0.0; 3];
        to_probabilities(&[0.0, 3.0_f32.ln(), -200.0], 3, 1.0, &mut out);
        assert_eq!((out[0], out[2]), (0.5, 0.0));
        assert!((out[1] - 0.75).abs() < 1e-6);
    }

    #[test]
    fn several_classes_are_answered_by_all_but_the_background() {
        let mut out = [0.0; 2];
        // Two pixels, three classes: logits [0, ln 2, ln 5] and [1000, 0, 0].
        to_probabilities(&[0.0, 1000.0, 2.0_f32.ln(), 0.0, 5.0_f32.ln(), 0.0], 2, 1.0, &mut out);
        assert!((out[0] - 7.0 / 8.0).abs() < 1e-6);
        assert_eq!(out[1], 0.0);
    }

    #[test]
    fn a_temperature_divides_the_logits() {
        let mut out = [0.0; 1];
        to_probabilities(&[2.0 * 3.0_f32.ln()], 1, 2.0, &mut out);
        assert!((out[0] - 0.75).abs() < 1e-6, "{}", out[0]);
        to_probabilities(&[0.0, 2.0 * 2.0_f32.ln(), 2.0 * 5.0_f32.ln()], 1, 2.0, &mut out);
        assert!((out[0] - 7.0 / 8.0).abs() < 1e-6, "{}", out[0]);
    }

    /// A card of `channels` bands and `classes` classes, of a network whose divisor is 32.
    fn small(channels: usize, classes: usize, views: usize) -> ModelCard {
        let mut card = card();
        card.architecture = NetworkConfig::named("b0", channels, classes).unwrap();
        ModelCard { views, ..card }
    }

    /// Logits of the network that answers each pixel by itself: the sum of its channels, of class k times k + 1.
    fn sums(patches: &[f32], [_, channels, height, width]: [usize; 4], classes: usize) -> Vec<f32> {
        let pixels = height * width;
        patches
            .chunks_exact(channels * pixels)
            .flat_map(|patch| {
                let sum: Vec<f32> = (0..pixels).map(|i| patch[i..].iter().step_by(pixels).sum()).collect();
                (0..classes).flat_map(move |class| sum.clone().into_iter().map(move |v| v * (class + 1) as f32))
            })
            .collect()
    }

    proptest! {
        #[test]
        fn a_patch_of_any_size_is_answered_pixel_by_pixel(
            size in (1_usize..50, 1_usize..50),
            batch in 1_usize..3,
            classes in 1_usize..4,
            views in prop::sample::select(vec![1, 2, 4, 8]),
            missing in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        ) {
            let (height, width, channels) = (size.0, size.1, 2);
            let shape = [batch, channels, height, width];
            let mut patches: Vec<f32> = (0..shape.iter().product()).map(|i: usize| ((i * 37) % 19) as f32 / 19.0).collect();
            for index in &missing {
                let at = index.index(patches.len());
                patches[at] = [f32::NAN, f32::INFINITY][at % 2];
            }
            let mut found = vec![-1.0; batch * height * width];
            let card = small(channels, classes, views);
            answer_patches(&card, 1.0, &patches, shape, &mut found, |patches, shape| {
                assert!(patches.iter().all(|v| v.is_finite()));
                assert!(shape[2].is_multiple_of(32) && shape[3].is_multiple_of(32), "{shape:?}");
                Ok::<_, String>(sums(patches, shape, classes))
            })
            .unwrap();
            for (n, out) in found.chunks_exact(height * width).enumerate() {
                for (i, p) in out.iter().enumerate() {
                    let values = [0, 1].map(|c| patches[(n * channels + c) * height * width + i]);
                    if values.iter().any(|v| !v.is_finite()) {
                        prop_assert!(p.is_nan());
                        continue;
                    }
                    let logits = sums(&values, [1, channels, 1, 1], classes);
                    let mut expected = [0.0];
                    to_probabilities(&logits, 1, 1.0, &mut expected);
                    prop_assert!((p - expected[0]).abs() < 1e-6, "{p} {expected:?}");
                }
            }
        }
    }

    #[test]
    fn shapes_that_contradict_the_values_are_refused() {
        let card = small(2, 1, 1);
        let message = |shape: [usize; 4]| {
            let logits = |patches: &[f32], shape| Ok::<_, String>(sums(patches, shape, 1));
            answer_patches(&card, 1.0, &[0.0; 2 * 32 * 32], shape, &mut [0.0; 32 * 32], logits).unwrap_err().to_string()
        };
        assert!(message([1, 4, 32, 32]).contains("patches have 4 channels, the model takes 2"));
        assert!(message([1, 2, 0, 32]).contains("patches are 32 x 0 pixels; both must be 1 or more"));
        assert!(message([2, 2, 32, 32]).contains("does not fit"));
        let short = |_: &[f32], _: [usize; 4]| Ok::<_, String>(vec![0.0; 5]);
        let refused = answer_patches(&card, 1.0, &[0.0; 2048], [1, 2, 32, 32], &mut [0.0; 1024], short).unwrap_err();
        assert!(refused.to_string().contains("it answered with 5 values, expected 1024"), "{refused}");
    }
}
