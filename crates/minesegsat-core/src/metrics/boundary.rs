//! Accuracy of outlines: [`BoundaryCounts`].

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Tolerances in pixels: distances up to which an outline counts as correct.
pub const TOLERANCES_PX: [usize; 3] = [1, 2, 3];

const REACH: i64 = TOLERANCES_PX[TOLERANCES_PX.len() - 1] as i64;

/// Number of pixels on the outlines of mines, and number of those near an outline of the other map.
///
/// Precision is the share of the predicted outline within the tolerance of the true one. Recall is the share of the true
/// outline within the tolerance of the predicted one. F1 is their harmonic mean. After Csurka, Larlus, Perronnin 2013, "What
/// is a good evaluation measure for semantic segmentation?", <https://doi.org/10.5244/C.27.32>, section 3 (called BF there).
/// Perazzi et al. 2016, <https://doi.org/10.1109/CVPR.2016.85>, use the same measure as contour accuracy F.
///
/// An outline consists of the mine pixels with a background neighbour above, below, left or right. The border of the image
/// and ignored pixels make no outline. Distances are exact Euclidean distances between pixel centres.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundaryCounts {
    /// Pixels on predicted outlines.
    pub predicted: u64,
    /// Pixels on predicted outlines within each tolerance of a true outline.
    pub predicted_near: [u64; TOLERANCES_PX.len()],
    /// Pixels on true outlines.
    pub truth: u64,
    /// Pixels on true outlines within each tolerance of a predicted outline.
    pub truth_near: [u64; TOLERANCES_PX.len()],
}

impl BoundaryCounts {
    /// Compares the outlines of an image.
    ///
    /// # Shapes
    /// - `probabilities`, `mask`: `[H, width]`; see [`ConfusionMatrix::count`](super::ConfusionMatrix::count)
    pub fn count(probabilities: &[f32], mask: &[u8], width: usize, threshold: f32, ignore: u8) -> Self {
        assert_eq!(probabilities.len(), mask.len(), "one probability per pixel of the mask");
        let known = |i: usize| mask[i] != ignore && !probabilities[i].is_nan();
        let classes = |is_mine: &dyn Fn(usize) -> bool| -> Vec<Option<bool>> {
            (0..mask.len()).map(|i| known(i).then(|| is_mine(i))).collect()
        };
        let predicted = outline(&classes(&|i| probabilities[i] >= threshold), width);
        let truth = outline(&classes(&|i| mask[i] != 0), width);
        let (predicted_total, predicted_near) = near(&predicted, &truth, width);
        let (truth_total, truth_near) = near(&truth, &predicted, width);
        Self { predicted: predicted_total, predicted_near, truth: truth_total, truth_near }
    }

    /// F1 of the outlines at the tolerance with this index in [`TOLERANCES_PX`]. 0 if only one of the maps has outlines, `None`
    /// if neither has.
    pub fn f1(&self, tolerance: usize) -> Option<f64> {
        if self.predicted == 0 && self.truth == 0 {
            return None;
        }
        let part = |near: u64, of: u64| if of == 0 { 0.0 } else { near as f64 / of as f64 };
        let precision = part(self.predicted_near[tolerance], self.predicted);
        let recall = part(self.truth_near[tolerance], self.truth);
        let sum = precision + recall;
        Some(if sum == 0.0 { 0.0 } else { 2.0 * precision * recall / sum })
    }
}

impl AddAssign for BoundaryCounts {
    fn add_assign(&mut self, other: Self) {
        self.predicted += other.predicted;
        self.truth += other.truth;
        for tolerance in 0..TOLERANCES_PX.len() {
            self.predicted_near[tolerance] += other.predicted_near[tolerance];
            self.truth_near[tolerance] += other.truth_near[tolerance];
        }
    }
}

/// The pixels on outlines.
fn outline(is_mine: &[Option<bool>], width: usize) -> Vec<bool> {
    let other = |i: usize| is_mine[i] == Some(false);
    let on_outline = |i: usize| {
        let col = i % width;
        is_mine[i] == Some(true)
            && ((col > 0 && other(i - 1))
                || (col + 1 < width && other(i + 1))
                || (i >= width && other(i - width))
                || (i + width < is_mine.len() && other(i + width)))
    };
    (0..is_mine.len()).map(on_outline).collect()
}

/// Counts the pixels of one outline, and those within each tolerance of another outline.
fn near(of: &[bool], other: &[bool], width: usize) -> (u64, [u64; TOLERANCES_PX.len()]) {
    let height = of.len() / width.max(1);
    let (mut total, mut near) = (0, [0; TOLERANCES_PX.len()]);
    for at in (0..of.len()).filter(|&at| of[at]) {
        total += 1;
        let (row, col) = ((at / width) as i64, (at % width) as i64);
        let mut least = i64::MAX;
        for dy in -REACH..=REACH {
            for dx in -REACH..=REACH {
                let (y, x) = (row + dy, col + dx);
                let is_inside = y >= 0 && x >= 0 && y < height as i64 && x < width as i64;
                if is_inside && other[y as usize * width + x as usize] {
                    least = least.min(dx * dx + dy * dy);
                }
            }
        }
        for (count, tolerance) in near.iter_mut().zip(TOLERANCES_PX) {
            *count += u64::from(least <= (tolerance * tolerance) as i64);
        }
    }
    (total, near)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIDE: usize = 40;

    /// A square of 10 pixels whose upper left corner lies at (row, col).
    fn square(row: usize, col: usize) -> Vec<u8> {
        let inside = |i: usize| (row..row + 10).contains(&(i / SIDE)) && (col..col + 10).contains(&(i % SIDE));
        (0..SIDE * SIDE).map(|i| u8::from(inside(i))).collect()
    }

    fn count(predicted: &[u8], mask: &[u8]) -> BoundaryCounts {
        let p: Vec<f32> = predicted.iter().map(|v| f32::from(*v)).collect();
        BoundaryCounts::count(&p, mask, SIDE, 0.5, 255)
    }

    #[test]
    fn a_square_that_is_moved_is_right_from_its_distance_on() {
        // 36 pixels on the outline of a square of 10. Moved by one to the right, every pixel has one within 1. By two:
        // the upper and lower lines overlap on 8 of 10 pixels, and their pixel within 1 of the overlap is near as well;
        // of the sides that moved none of the 8 inner pixels is within 1.
        assert_eq!(count(&square(5, 5), &square(5, 5)).f1(0), Some(1.0));
        let by_one = count(&square(5, 6), &square(5, 5));
        assert_eq!((by_one.predicted, by_one.truth, by_one.f1(0)), (36, 36, Some(1.0)));
        let by_two = count(&square(5, 7), &square(5, 5));
        // Right side of the predicted: col 16, rows 5 to 14. Rows 5 and 14 lie 2 from the corner at col 14; the left
        // side at col 7 has rows 5 and 14 on the true lines, and rows 6 and 13 one from them.
        assert_eq!(by_two.predicted_near, [36 - 10 - 6, 36, 36]);
        assert_eq!((by_two.f1(0), by_two.f1(1)), (Some(20.0 / 36.0), Some(1.0)));
        let by_three = count(&square(5, 8), &square(5, 5));
        assert!(by_three.f1(1) < Some(1.0) && by_three.f1(2) == Some(1.0));
        let diagonal = count(&square(7, 7), &square(5, 5));
        assert!(diagonal.f1(1) < diagonal.f1(2), "2.83 pixels away at the corner");
        assert_eq!(count(&square(5, 5), &square(25, 25)).f1(2), Some(0.0));
    }

    #[test]
    fn one_empty_map_is_wrong_and_two_are_not_defined() {
        let nothing = vec![0; SIDE * SIDE];
        assert_eq!(count(&nothing, &square(5, 5)).f1(0), Some(0.0));
        assert_eq!(count(&square(5, 5), &nothing).f1(0), Some(0.0));
        assert_eq!(count(&nothing, &nothing).f1(0), None);
        assert_eq!(count(&vec![1; SIDE * SIDE], &vec![1; SIDE * SIDE]).f1(0), None, "the border is no outline");
    }

    #[test]
    fn what_is_ignored_makes_no_outline() {
        let mut mask = square(5, 5);
        // Everything to the right of the square is unknown: its right side is no outline any more, except for the corners.
        for row in 0..SIDE {
            mask[row * SIDE + 15..(row + 1) * SIDE].fill(255);
        }
        let counts = count(&square(5, 5), &mask);
        assert_eq!((counts.truth, counts.predicted), (36 - 8, 36 - 8));
        assert_eq!(counts.f1(0), Some(1.0));
    }

    proptest! {
        #[test]
        fn tolerances_only_help_and_exchanging_maps_changes_nothing(
            a in prop::collection::vec(0_u8..2, SIDE * 8), b in prop::collection::vec(0_u8..2, SIDE * 8)
        ) {
            let (one, other) = (count(&a, &b), count(&b, &a));
            for tolerance in 0..3 {
                prop_assert_eq!(one.f1(tolerance), other.f1(tolerance));
                if tolerance > 0 {
                    prop_assert!(one.f1(tolerance) >= one.f1(tolerance - 1));
                }
            }
            prop_assert_eq!(one.predicted, other.truth);
        }
    }
}
