//! Pictures of predictions during training: a row per sample, with the image and the prediction side by side.

use minesegsat_core::{Band, Segmenter};
use minesegsat_dataset::{
    SamplePatch, SampleReader, SampleRecord,
    evaluate::{ValidateOptions, segment_sample},
};
use minesegsat_map::preview::png;

use crate::{ModelCard, Result};

/// Maximum side of a panel, in pixels.
const PANEL: usize = 256;
/// Space between panels, in pixels.
const GAP: usize = 4;
const BACKGROUND: [u8; 3] = [24, 24, 28];
/// Colour of the outline of the true mask.
const TRUTH: [u8; 3] = [255, 220, 0];

/// Selects the samples for a picture: evenly spaced among those with mines, by id.
pub(super) fn choose(samples: &[SampleRecord], count: usize) -> Vec<&SampleRecord> {
    let mut chosen: Vec<&SampleRecord> = samples.iter().filter(|sample| sample.mining_share > 0.0).collect();
    if chosen.is_empty() {
        chosen = samples.iter().collect();
    }
    let count = count.min(chosen.len());
    (0..count).map(|i| chosen[i * chosen.len() / count]).collect()
}

/// Draws for each sample the image and the probability, both with the outline of the true mask. Returns a PNG.
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

/// Channels for red, green and blue. Without these bands, the first channel for all three.
fn colour_channels(bands: &[Band]) -> [usize; 3] {
    let channel_of = |band| bands.iter().position(|b| *b == band);
    match (channel_of(Band::B04), channel_of(Band::B03), channel_of(Band::B02)) {
        (Some(red), Some(green), Some(blue)) => [red, green, blue],
        _ => [0; 3],
    }
}

/// Every `step`-th pixel, stretched from the 2nd to the 98th percentile per channel.
fn colours(patch: &SamplePatch, channels: [usize; 3], step: usize) -> Panel {
    let (height, width) = patch.size;
    let planes = channels.map(|channel| {
        let plane = &patch.data[channel * height * width..][..height * width];
        let mut sorted: Vec<f32> = plane.iter().copied().step_by(7).filter(|v| v.is_finite()).collect();
        sorted.sort_by(f32::total_cmp);
        let quantile = |share: f64| sorted.get((sorted.len() as f64 * share) as usize).copied().unwrap_or(0.0);
        let (low, high) = (quantile(0.02), quantile(0.98));
        (plane, low, (high - low).max(1e-6))
    });
    panel(patch, step, |i| planes.map(|(plane, low, range)| (((plane[i] - low) / range).clamp(0.0, 1.0) * 255.0) as u8))
}

/// Colour scale from black (0) over red to white (1). Ignored pixels are dark blue.
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
        class != 0 && class != minesegsat_core::pixel_class::MASK_NODATA
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
