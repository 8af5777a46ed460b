//! Pictures of a part of a scene, and of the change in it.

use crate::preview::Stretch;
use minesegsat_core::model_description::BandNormalisation;
use minesegsat_core::resample::SignedWindow;
use minesegsat_core::{Band, Grid, Result};
use minesegsat_scene::Scene;
use minesegsat_scene::patch::{PatchReader, Validity};

use super::shift;
use minesegsat_core::pixel_class::{Change, GAIN_COLOUR, LOSS_COLOUR};

/// Longest side of a picture, in pixels.
pub(crate) const LONGEST: usize = 1400;
/// Pale colours, so that gain and loss stand out.
const STABLE: [u8; 3] = [255, 245, 200];
/// Pixels that were not assessed on both dates.
pub(super) const UNSEEN: [u8; 3] = [120, 130, 140];

/// True colour of an area on one date, as reflectance. Each pixel is the mean of a square of grid pixels.
#[derive(Debug, Clone)]
pub struct TrueColour {
    /// Width in pixels of the picture.
    pub width: usize,
    /// Height in pixels of the picture.
    pub height: usize,
    /// Grid pixels per picture pixel, along each axis.
    pub factor: usize,
    /// Red, green, blue: `[H, W]` each, NaN without data.
    bands: [Vec<f32>; 3],
    /// Whether nothing hides the ground. Only these pixels set the brightness.
    clear: Vec<bool>,
}

impl TrueColour {
    /// Reads the part of a scene that a grid covers. `None` if the scene has other pixels or lacks the bands.
    pub fn read(scene: &Scene, grid: &Grid) -> Result<Option<Self>> {
        let wanted = [Band::B04, Band::B03, Band::B02];
        let Some((col, row)) = shift(scene.grid(), grid) else { return Ok(None) };
        if scene.require(&wanted).is_err() {
            return Ok(None);
        }
        let reader = PatchReader::new(scene, &wanted, &[BandNormalisation::IDENTITY; 3])?;
        let factor = grid.width.max(grid.height).div_ceil(LONGEST).max(1);
        let (width, height) = (grid.width.div_ceil(factor), grid.height.div_ceil(factor));
        let mut bands = [const { Vec::new() }; 3];
        let mut clear = Vec::with_capacity(width * height);
        for y in 0..height {
            let rows = factor.min(grid.height - y * factor);
            let window = SignedWindow { col, row: row + (y * factor) as i64, width: grid.width, height: rows };
            let patch = reader.read(window)?;
            let middle = &patch.validity[rows / 2 * grid.width..][..grid.width];
            clear.extend(middle.iter().step_by(factor).map(|&state| state == Validity::Assessable as u8));
            for (band, out) in patch.data.chunks_exact(grid.width * rows).zip(&mut bands) {
                for x in 0..width {
                    let columns = x * factor..((x + 1) * factor).min(grid.width);
                    let (mut sum, mut count) = (0.0, 0.0);
                    for r in 0..rows {
                        for &value in &band[r * grid.width..][columns.clone()] {
                            if !value.is_nan() {
                                sum += value;
                                count += 1.0;
                            }
                        }
                    }
                    out.push(if count > 0.0 { sum / count } else { f32::NAN });
                }
            }
        }
        Ok(Some(Self { width, height, factor, bands, clear }))
    }

    /// Brightness after one common stretch for several dates, so that their pictures are comparable.
    pub fn rendered(pictures: &[&Self]) -> Vec<Vec<[u8; 3]>> {
        let stretch = Self::common_stretch(pictures);
        pictures.iter().map(|picture| picture.stretched(&stretch)).collect()
    }

    /// The stretch that suits several dates together.
    pub fn common_stretch(pictures: &[&Self]) -> Stretch {
        let channel = |band: usize| -> Vec<f32> { pictures.iter().flat_map(|p| &p.bands[band]).copied().collect() };
        let channels = [channel(0), channel(1), channel(2)];
        let clear: Vec<bool> = pictures.iter().flat_map(|p| &p.clear).copied().collect();
        let any = clear.contains(&true);
        Stretch::fit([&channels[0], &channels[1], &channels[2]], |i| clear[i] || !any, 0.5)
    }

    /// Brightness after a stretch: `[H, W]`.
    pub fn stretched(&self, stretch: &Stretch) -> Vec<[u8; 3]> {
        let [red, green, blue] = &self.bands;
        red.iter()
            .zip(green)
            .zip(blue)
            .map(|((&r, &g), &b)| if (r + g + b).is_nan() { [0; 3] } else { stretch.brightness([r, g, b]) })
            .collect()
    }
}

/// Colour of stable land over a picture.
pub(super) fn stable_colour() -> [u8; 3] {
    STABLE.map(|part| (u32::from(part) * 35 / 100 + 60) as u8)
}

/// Draws classes of change over a grey picture: `[H, W]` of the picture.
pub(super) fn overlay(
    backdrop: Option<(&TrueColour, &[[u8; 3]])>,
    classes: &[u8],
    grid: &Grid,
) -> (Vec<[u8; 3]>, usize, usize) {
    let factor = backdrop.map_or_else(|| grid.width.max(grid.height).div_ceil(LONGEST).max(1), |(p, _)| p.factor);
    let (width, height) = (grid.width.div_ceil(factor), grid.height.div_ceil(factor));
    let mut out = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let mut counts = [0_usize; 5];
            for r in y * factor..((y + 1) * factor).min(grid.height) {
                for c in x * factor..((x + 1) * factor).min(grid.width) {
                    counts[usize::from(classes[r * grid.width + c]).min(4)] += 1;
                }
            }
            let grey = backdrop.map_or(40, |(_, rgb)| {
                let [r, g, b] = rgb[y * width + x].map(u32::from);
                ((r * 3 + g * 6 + b) / 10 * 7 / 10) as u8
            });
            let blend = |colour: [u8; 3], part: u32| {
                colour.map(|c| ((u32::from(c) * part + u32::from(grey) * (100 - part)) / 100) as u8)
            };
            // Small changes must not vanish in a reduced picture.
            out.push(if counts[Change::Gain as usize] > 0 {
                blend(GAIN_COLOUR, 85)
            } else if counts[Change::Loss as usize] > 0 {
                blend(LOSS_COLOUR, 85)
            } else if counts[4] * 2 > counts.iter().sum::<usize>() {
                blend(UNSEEN, 60)
            } else if counts[Change::Stable as usize] > 0 {
                blend(STABLE, 35)
            } else {
                [grey; 3]
            });
        }
    }
    (out, width, height)
}
