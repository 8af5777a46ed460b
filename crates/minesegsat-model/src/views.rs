//! Test-time augmentation: logits averaged over flips and rotations of a patch.

/// Checks a number of views. The error lists the accepted numbers.
pub fn check_views(views: usize) -> Result<(), String> {
    match views {
        1 | 2 | 4 | 8 => Ok(()),
        other => Err(format!("{other}; expected 1, 2, 4 or 8")),
    }
}

/// One of the eight symmetries of a square: mirrored left to right, then top to bottom, then transposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Symmetry {
    mirrors_x: bool,
    mirrors_y: bool,
    transposes: bool,
}

impl Symmetry {
    /// The first 2 are the identity and the left-right flip, the first 4 add the top-bottom flips, all 8 add the transpositions.
    const fn numbered(number: usize) -> Self {
        Self { mirrors_x: number & 1 != 0, mirrors_y: number & 2 != 0, transposes: number & 4 != 0 }
    }

    /// Height and width of a view.
    const fn shape(self, [height, width]: [usize; 2]) -> [usize; 2] {
        if self.transposes { [width, height] } else { [height, width] }
    }

    /// Calls `visit` with the index of each pixel of a patch and that of the same pixel of its view, row-major.
    fn pairs(self, [height, width]: [usize; 2], mut visit: impl FnMut(usize, usize)) {
        for row in 0..height {
            let y = if self.mirrors_y { height - 1 - row } else { row };
            for col in 0..width {
                let x = if self.mirrors_x { width - 1 - col } else { col };
                visit(row * width + col, if self.transposes { x * height + y } else { y * width + x });
            }
        }
    }
}

/// Computes the logits of patches, averaged over the first `views` symmetries.
///
/// # Shapes
/// - `patches`: `shape`, which is `[N, C, H, W]`, row-major
/// - `logits` receives patches and their shape, whose height and width may be swapped, and returns `[N, classes, H, W]` for
///   them
/// - output `[N, classes, H, W]`
pub fn averaged_over_views<E>(
    views: usize,
    patches: &[f32],
    shape: [usize; 4],
    classes: usize,
    mut logits: impl FnMut(&[f32], [usize; 4]) -> Result<Vec<f32>, E>,
) -> Result<Vec<f32>, E> {
    let mut sum = logits(patches, shape)?;
    if views == 1 {
        return Ok(sum);
    }
    let [batch, channels, height, width] = shape;
    let pixels = height * width;
    debug_assert_eq!(sum.len(), batch * classes * pixels);
    let mut view = vec![0.0; patches.len()];
    for symmetry in (1..views).map(Symmetry::numbered) {
        for (plane, seen) in patches.chunks_exact(pixels).zip(view.chunks_exact_mut(pixels)) {
            symmetry.pairs([height, width], |here, there| seen[there] = plane[here]);
        }
        let [view_height, view_width] = symmetry.shape([height, width]);
        let answer = logits(&view, [batch, channels, view_height, view_width])?;
        for (plane, answer) in sum.chunks_exact_mut(pixels).zip(answer.chunks_exact(pixels)) {
            symmetry.pairs([height, width], |here, there| plane[here] += answer[there]);
        }
    }
    let share = 1.0 / views as f32;
    for value in &mut sum {
        *value *= share;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_symmetries_differ_and_each_visits_every_pixel_once() {
        let shape = [2, 3];
        let mut seen = std::collections::HashSet::new();
        for number in 0..8 {
            let mut view = vec![usize::MAX; 6];
            Symmetry::numbered(number).pairs(shape, |here, there| view[there] = here);
            assert!(!view.contains(&usize::MAX), "{number}: {view:?}");
            assert!(seen.insert((Symmetry::numbered(number).shape(shape), view)), "{number} is there twice");
        }
        assert_eq!(seen.len(), 8);
    }

    #[test]
    fn what_answers_each_pixel_by_itself_is_left_as_it_is() {
        // Two patches of two channels, 2 x 3 pixels; the answer is the second channel less the first.
        let patches: Vec<f32> = (0..24_u16).map(|i| f32::from(i * i)).collect();
        let by_pixel = |patches: &[f32], [_, _, height, width]: [usize; 4]| {
            let pixels = height * width;
            let differences =
                |patch: &[f32]| -> Vec<f32> { (0..pixels).map(|i| patch[pixels + i] - patch[i]).collect() };
            Ok::<_, String>(patches.chunks_exact(2 * pixels).flat_map(differences).collect())
        };
        let once = averaged_over_views(1, &patches, [2, 2, 2, 3], 1, by_pixel).unwrap();
        for views in [2, 4, 8] {
            assert_eq!(averaged_over_views(views, &patches, [2, 2, 2, 3], 1, by_pixel).unwrap(), once, "{views}");
        }
    }

    #[test]
    fn what_looks_to_one_side_is_averaged_over_all_sides() {
        // The answer is the right neighbour: over eight views each of the four neighbours is asked twice.
        let patch = [0.0, 1.0, 0.0, 2.0, 9.0, 3.0, 0.0, 4.0, 0.0_f32];
        let right = |patches: &[f32], [_, _, _, width]: [usize; 4]| {
            let mut answer = patches.to_vec();
            for row in answer.chunks_exact_mut(width) {
                row.rotate_left(1);
            }
            Ok::<_, String>(answer)
        };
        let found = averaged_over_views(8, &patch, [1, 1, 3, 3], 1, right).unwrap();
        assert_eq!(found[4], 2.5);
        // The mirror image alone: left and right.
        assert_eq!(averaged_over_views(2, &patch, [1, 1, 3, 3], 1, right).unwrap()[4], 2.5);
    }
}
