//! Predictions to look at while a network learns: a row per sample, its colours and the network's answer side by side.

use minesegsat::{
    Band, Segmenter,
    dataset::{SamplePatch, SampleReader, SampleRecord},
    evaluate::{ValidateOptions, segment_sample},
    preview::png,
};

use crate::{ModelCard, Result};

/// Widest side of a panel, in pixels.
const PANEL: usize = 256;
/// Between panels, in pixels.
const GAP: usize = 4;
const BACKGROUND: [u8; 3] = [24, 24, 28];
/// Outline of the truth.
const TRUTH: [u8; 3] = [255, 220, 0];

/// The samples that are drawn: spread over those with mines, by their ids.
pub(super) fn choose(samples: &[SampleRecord], count: usize) -> Vec<&SampleRecord> {
    let mut chosen: Vec<&SampleRecord> = samples.iter().filter(|sample| sample.mining_share > 0.0).collect();
    if chosen.is_empty() {
        chosen = samples.iter().collect();
    }
    let count = count.min(chosen.len());
    (0..count).map(|i| chosen[i * chosen.len() / count]).collect()
}

/// Colours with the outline of the truth, and the probability with the same outline, of each sample; a PNG.
pub(super) fn sheet(
    segmenter: &dyn Segmenter,
    reader: &SampleReader,
    samples: &[&SampleRecord],
    options: &ValidateOptions,
    card: &ModelCard,
) -> Result<Vec<u8>> {
    let channels = colour_channels(&card.bands);
    let mut rows = Vec::new();
    for sample in samples {
        let patch = reader.read(sample)?;
        let p = segment_sample(segmenter, &patch, card.bands.len(), options.window, options.overlap)?;
        let step = patch.size.0.max(patch.size.1).div_ceil(PANEL);
        rows.push([colours(&patch, channels, step), answer(&patch, &p, step)]);
    }
    let width =
        rows.iter().map(|row| row.iter().map(|panel| panel.width + GAP).sum::<usize>()).max().unwrap_or(0) + GAP;
    let height = rows.iter().map(|row| row[0].height + GAP).sum::<usize>() + GAP;
    let mut sheet = Panel { width, height, pixels: vec![BACKGROUND; width * height] };
    let mut top = GAP;
    for row in &rows {
        let mut left = GAP;
        for panel in row {
            sheet.paste(panel, left, top);
            left += panel.width + GAP;
        }
        top += row[0].height + GAP;
    }
    Ok(png(&sheet.pixels, sheet.width, sheet.height)?)
}

struct Panel {
    width: usize,
    height: usize,
    pixels: Vec<[u8; 3]>,
}

impl Panel {
    fn paste(&mut self, other: &Self, left: usize, top: usize) {
        for (row, pixels) in other.pixels.chunks(other.width.max(1)).enumerate() {
            self.pixels[(top + row) * self.width + left..][..other.width].copy_from_slice(pixels);
        }
    }
}

/// Channels of red, green and blue; the first one for all where the bands are not there.
fn colour_channels(bands: &[Band]) -> [usize; 3] {
    let at = |band| bands.iter().position(|b| *b == band);
    match (at(Band::B04), at(Band::B03), at(Band::B02)) {
        (Some(red), Some(green), Some(blue)) => [red, green, blue],
        _ => [0; 3],
    }
}

/// Every `step`th pixel, stretched from the 2nd to the 98th percentile per channel.
fn colours(patch: &SamplePatch, channels: [usize; 3], step: usize) -> Panel {
    let (height, width) = patch.size;
    let planes = channels.map(|channel| {
        let plane = &patch.data[channel * height * width..][..height * width];
        let mut sorted: Vec<f32> = plane.iter().copied().step_by(7).filter(|v| v.is_finite()).collect();
        sorted.sort_by(f32::total_cmp);
        let at = |share: f64| sorted.get((sorted.len() as f64 * share) as usize).copied().unwrap_or(0.0);
        let (low, high) = (at(0.02), at(0.98));
        (plane, low, (high - low).max(1e-6))
    });
    panel(patch, step, |i| planes.map(|(plane, low, range)| (((plane[i] - low) / range).clamp(0.0, 1.0) * 255.0) as u8))
}

/// From black (0) over red to white (1); what is ignored is dark blue.
fn answer(patch: &SamplePatch, p: &[f32], step: usize) -> Panel {
    panel(patch, step, |i| {
        let p = p[i].clamp(0.0, 1.0);
        let ramp = |from: f32, to: f32| (((p - from) / (to - from)).clamp(0.0, 1.0) * 255.0) as u8;
        [ramp(0.0, 0.5), ramp(0.4, 0.9), ramp(0.7, 1.0)]
    })
}

fn panel(patch: &SamplePatch, step: usize, colour: impl Fn(usize) -> [u8; 3]) -> Panel {
    let (height, width) = patch.size;
    let is_mine = |row: usize, col: usize| {
        let class = patch.mask[row * width + col];
        class != 0 && class != minesegsat::cog::MASK_NODATA
    };
    let (rows, cols) = (height.div_ceil(step), width.div_ceil(step));
    let mut pixels = Vec::with_capacity(rows * cols);
    for row in (0..height).step_by(step) {
        for col in (0..width).step_by(step) {
            let here = is_mine(row, col);
            let edge = (row + step < height && is_mine(row + step, col) != here)
                || (col + step < width && is_mine(row, col + step) != here);
            pixels.push(if edge { TRUTH } else { colour(row * width + col) });
        }
    }
    Panel { width: cols, height: rows, pixels }
}
