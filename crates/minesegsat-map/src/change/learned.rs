//! Gain and loss from a model's change head, which sees both maps and both scenes.
//!
//! The head gives each pixel a probability of gain and one of loss. Their sum over a group of pixels is the expected area of
//! the group. The group's most probable pixels, as many as the sum says, become gain or loss. So hectares and polygons agree,
//! and neither is smaller because the outline of a change is unsure.

use minesegsat_core::job::Job;
use minesegsat_core::pixel_class::Change;
use minesegsat_core::{Band, ChangeClassifier, Grid, Result, Window};

use super::DatedMap;
use super::spectra::Dated;
use crate::preview::percentile;

/// Side of the blocks read at once, in pixels.
const BLOCK: usize = 256;
/// Maximum number of blocks that the medians are taken from.
const SAMPLED_BLOCKS: usize = 64;
/// Of maps with a longer side, every pixel in this many rows and columns is sampled.
const SPARSE: usize = 8;
const SPARSE_ABOVE: usize = 200;
/// Minimum number of pixels for a median. With fewer it is 0.
const FEWEST: usize = 50;
/// Probabilities are limited to this distance from 0 and 1 before they become logits.
const LIMIT: f32 = 1e-4;
/// Pixels that both maps give a lower probability are not disturbed. What has none above is not read.
const LEAST: f32 = 0.005;
/// Classes of a [`ChangeClassifier`].
const CLASSES: usize = 4;
/// Largest value of a stored probability.
const ONE: f32 = 255.0;
/// Pixels of a group have at least this probability, in 1/255: 2 %.
const GROUP: u8 = 5;
/// A group has a pixel of at least this probability, in 1/255: one half.
const CORE: u8 = 128;

/// Answer of the change head.
pub(super) enum Answer {
    /// Gain and loss, `[H, W]` each.
    Changed([Vec<bool>; 2]),
    /// It cannot be asked. Holds the reason as the end of a sentence.
    Unknown(String),
}

/// Two dates as the change head reads them.
struct Pair<'a> {
    head: &'a dyn ChangeClassifier,
    first: Dated,
    second: Dated,
    /// Place of each band that is present among the bands of the head.
    places: Vec<usize>,
    grid: &'a Grid,
    probabilities: [&'a [f32]; 2],
}

/// Asks the change head. `correction` is the shift of the later scene that was taken out of its map. Groups of fewer than `min_pixels`
/// are left out.
pub(super) fn changed(
    head: &dyn ChangeClassifier,
    [before, after]: [&DatedMap; 2],
    grid: &Grid,
    probabilities: [&[f32]; 2],
    correction: Option<[f64; 2]>,
    min_pixels: usize,
    job: Job<'_>,
) -> Result<Answer> {
    let unknown = |why: &str| Ok(Answer::Unknown(why.to_owned()));
    let (Some(first), Some(second)) = (&before.scene, &after.scene) else {
        return unknown(&format!("because {}", DatedMap::without_scene([before, after])));
    };
    let present = |band: Band| first.band(band).is_some() && second.band(band).is_some();
    let places: Vec<usize> = (0..head.bands().len()).filter(|&i| present(head.bands()[i])).collect();
    let bands: Vec<Band> = places.iter().map(|&i| head.bands()[i]).collect();
    if bands.len() + head.max_absent() < head.bands().len() {
        return unknown("because the scenes have too few bands in common");
    }
    let (Some(first), Some(second)) =
        (Dated::new(first, &bands, grid, None)?, Dated::new(second, &bands, grid, correction)?)
    else {
        return unknown("because the scenes lie on different pixels");
    };
    let pair = Pair { head, first, second, places, grid, probabilities };
    let medians = pair.medians(job)?;
    let mut planes = [(); 2].map(|()| vec![0_u8; grid.width * grid.height]);
    let blocks: Vec<Window> =
        pair.blocks().filter(|window| pair.indices(window).any(|i| pair.may_be_mine(i))).collect();
    for (done, window) in blocks.iter().enumerate() {
        job.check()?;
        let answer = pair.ask(window, &medians)?;
        for (i, answer) in pair.indices(window).zip(answer) {
            if pair.may_be_mine(i) {
                for (plane, p) in planes.iter_mut().zip(answer) {
                    plane[i] = (p * ONE).round() as u8;
                }
            }
        }
        job.progress.advance(done + 1, blocks.len());
    }
    Ok(Answer::Changed(planes.map(|plane| most_probable(&plane, grid.width, min_pixels))))
}

/// Of each group of pixels (connected by edges), the most probable pixels, as many as the sum of its probabilities.
///
/// # Shapes
/// - `probabilities`: `[H, W]` in 1/255, row-major, with `width` columns
fn most_probable(probabilities: &[u8], width: usize, min_pixels: usize) -> Vec<bool> {
    let mut found = vec![false; probabilities.len()];
    let mut waiting: Vec<bool> = probabilities.iter().map(|&p| p >= GROUP).collect();
    let (mut group, mut stack) = (Vec::new(), Vec::new());
    for first in 0..probabilities.len() {
        if !waiting[first] {
            continue;
        }
        waiting[first] = false;
        group.clear();
        stack.push(first);
        while let Some(i) = stack.pop() {
            group.push(i);
            let col = i % width;
            let neighbours = [
                i.checked_sub(width),
                Some(i + width).filter(|&j| j < probabilities.len()),
                i.checked_sub(1).filter(|_| col > 0),
                Some(i + 1).filter(|_| col + 1 < width),
            ];
            for j in neighbours.into_iter().flatten() {
                if waiting[j] {
                    waiting[j] = false;
                    stack.push(j);
                }
            }
        }
        let sum: u64 = group.iter().map(|&i| u64::from(probabilities[i])).sum();
        let count = (sum as f64 / f64::from(ONE)).round() as usize;
        if count < min_pixels || !group.iter().any(|&i| probabilities[i] >= CORE) {
            continue;
        }
        group.sort_unstable_by_key(|&i| (std::cmp::Reverse(probabilities[i]), i));
        for &i in &group[..count] {
            found[i] = true;
        }
    }
    found
}

impl Pair<'_> {
    fn blocks(&self) -> impl Iterator<Item = Window> + use<> {
        let (width, height) = (self.grid.width, self.grid.height);
        (0..height).step_by(BLOCK).flat_map(move |row| {
            let window = move |col| Window::new(col, row, BLOCK.min(width - col), BLOCK.min(height - row));
            (0..width).step_by(BLOCK).map(window)
        })
    }

    /// Indices of the pixels of a window, row by row.
    fn indices(&self, window: &Window) -> impl Iterator<Item = usize> + use<> {
        let width = self.grid.width;
        let columns = window.col..window.col_end();
        (window.row..window.row_end()).flat_map(move |row| columns.clone().map(move |col| row * width + col))
    }

    fn is_seen(&self, i: usize) -> bool {
        self.probabilities.iter().all(|p| !p[i].is_nan())
    }

    fn may_be_mine(&self, i: usize) -> bool {
        self.is_seen(i) && self.probabilities.iter().any(|p| p[i] >= LEAST)
    }

    /// Medians of the differences of the bands that are present, over pixels that are assessed on both dates.
    fn medians(&self, job: Job<'_>) -> Result<Vec<f32>> {
        let sparse = self.grid.width.max(self.grid.height) > SPARSE_ABOVE;
        let step = if sparse { SPARSE } else { 1 };
        let mut samples: Vec<Vec<f32>> = vec![Vec::new(); self.places.len()];
        let count = self.blocks().count();
        for window in self.blocks().step_by(count.div_ceil(SAMPLED_BLOCKS).max(1)) {
            job.check()?;
            let (a, b) = (self.first.logs(&window, 0)?, self.second.logs(&window, 0)?);
            let plane = window.width * window.height;
            for (at, i) in self.indices(&window).enumerate() {
                let (row, col) = (i / self.grid.width, i % self.grid.width);
                if row % step == 0 && col % step == 0 && self.is_seen(i) {
                    for (band, sample) in samples.iter_mut().enumerate() {
                        sample.push(b[band * plane + at] - a[band * plane + at]);
                    }
                }
            }
        }
        let median = |mut sample: Vec<f32>| {
            if sample.len() < FEWEST { 0.0 } else { percentile(&mut sample, 50.0).unwrap_or_default() }
        };
        Ok(samples.into_iter().map(median).collect())
    }

    /// Probabilities of gain and loss of each pixel of a window, row by row.
    fn ask(&self, window: &Window, medians: &[f32]) -> Result<Vec<[f32; 2]>> {
        let margin = self.head.reach();
        let (width, height) = (window.width + 2 * margin, window.height + 2 * margin);
        let (a, b) = (self.first.logs(window, margin)?, self.second.logs(window, margin)?);
        let bands = self.head.bands().len();
        let channels = 2 + 2 * bands;
        let mut pixels = vec![0.0; width * height * channels];
        for (at, pixel) in pixels.chunks_exact_mut(channels).enumerate() {
            let row = (window.row + at / width).checked_sub(margin).filter(|&row| row < self.grid.height);
            let col = (window.col + at % width).checked_sub(margin).filter(|&col| col < self.grid.width);
            let Some(i) = row.zip(col).map(|(row, col)| row * self.grid.width + col).filter(|&i| self.is_seen(i))
            else {
                continue;
            };
            for (value, probabilities) in pixel.iter_mut().zip(self.probabilities) {
                let p = probabilities[i].clamp(LIMIT, 1.0 - LIMIT);
                *value = (p / (1.0 - p)).ln();
            }
            for (k, (&place, median)) in self.places.iter().zip(medians).enumerate() {
                let (earlier, later) = (a[k * width * height + at], b[k * width * height + at]);
                pixel[2 + place] = earlier - self.head.means()[place];
                pixel[2 + bands + place] = later - earlier - median;
            }
        }
        let answer = self.head.probabilities(&pixels, [height, width])?;
        let inside = (margin..margin + window.height)
            .flat_map(|row| (margin..margin + window.width).map(move |col| row * width + col));
        let of = |at: usize, class: Change| answer[at * CLASSES + usize::from(class as u8)];
        Ok(inside.map(|at| [of(at, Change::Gain), of(at, Change::Loss)]).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(rows: &[&str], min_pixels: usize) -> Vec<String> {
        let width = rows[0].len();
        // Digits are tenths of a probability.
        let tenths = rows.iter().flat_map(|row| row.bytes());
        let probabilities: Vec<u8> =
            tenths.map(|c| if c == b'.' { 0 } else { (f32::from(c - b'0') * 25.5).round() as u8 }).collect();
        let found = most_probable(&probabilities, width, min_pixels);
        found.chunks(width).map(|row| row.iter().map(|&is| if is { '#' } else { '.' }).collect()).collect()
    }

    #[test]
    fn a_group_has_as_many_pixels_as_its_probabilities_sum_up_to() {
        // 0.9 + 0.9 + 0.6 + 0.3 + 0.3 = 3.0 pixels.
        assert_eq!(marks(&["99633"], 1), ["###.."]);
        // The unsure ring counts: 9 pixels of 0.5, 4 of 0.4: 6.1.
        let found = marks(&["..4..", ".555.", "45554", ".555.", "..4.."], 1);
        assert_eq!(found.concat().matches('#').count(), 6);
        assert_eq!(found[4], ".....");
    }

    #[test]
    fn groups_need_a_probable_pixel_and_size() {
        assert_eq!(marks(&["444444"], 1), ["......"]);
        assert_eq!(marks(&["999.99"], 3), ["###..."]);
        // Corners do not connect, and rows do not wrap around.
        assert_eq!(marks(&["99..", "..99"], 3), ["....", "...."]);
        assert_eq!(marks(&["..99", "9..."], 3), ["....", "...."]);
        assert_eq!(marks(&["9...", "9...", "9..."], 3), ["#...", "#...", "#..."]);
    }
}
