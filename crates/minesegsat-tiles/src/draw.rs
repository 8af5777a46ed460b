//! Draws raster layers as images.

use super::colour::{BETWEEN_STRIPES, DISTURBED, GAIN, LOSS, Rgba, STABLE, STRIPE};
use super::encode::Image;
use super::grid::{Footprint, Tile};
use super::lattice::{PixelRect, Positions, Projection, TOLERANCE_PX};
use super::pyramid::Pyramid;
use super::sample::{bilinear, nearest};
use super::{ColourMap, Layer};
use minesegsat_core::pixel_class::Change;
use minesegsat_core::{Crs, Result, Transformer};
use minesegsat_map::preview::SpectralIndex;
use minesegsat_map::series::onset_colour;
use minesegsat_scene::BandRadiometry;

/// Gamma correction of composites, equal to that of previews: out = in ^ (1 / gamma).
const GAMMA: f32 = 1.3;
/// Entries of the gamma table.
const TONES: usize = 4096;
/// Distance of stripes along x in a tile of 256 pixels. Divides 256, so that stripes continue in the next tile.
const STRIPE_PX: usize = 8;

/// A band to draw.
#[derive(Debug)]
pub(super) struct DrawnBand {
    pub(super) pyramid: Pyramid,
    pub(super) radiometry: BandRadiometry,
}

/// A tile to draw: its size in pixels, and the footprint of the raster.
pub(super) struct Canvas<'a> {
    pub(super) tile: Tile,
    pub(super) size: usize,
    pub(super) footprint: &'a Footprint,
}

impl Canvas<'_> {
    /// Map positions of the parts of the tile that the raster may cover. All `rasters` have the same CRS. The raster with the smallest
    /// pixels sets the tolerance.
    fn positions(&self, rasters: &[&Pyramid]) -> Result<Vec<(Positions, [f64; 2])>> {
        let Some(first) = rasters.first() else { return Ok(Vec::new()) };
        let to_map = Transformer::new(&Crs::WGS84, &first.grid().crs)?;
        let projection = Projection { tile: self.tile, size: self.size, to_map: &to_map };
        let mut found = Vec::new();
        for &part in &self.footprint.parts {
            let Some(rect) = PixelRect::covering(self.tile, self.size, part) else { continue };
            let Some(pixel) = projection.pixel_size(rect) else { continue };
            let mut limit = pixel;
            for raster in rasters {
                let read = raster.pixel_size(pixel)?;
                limit = [limit[0].min(read[0]), limit[1].min(read[1])];
            }
            found.push((Positions::new(&projection, rect, limit.map(|l| l * TOLERANCE_PX)), pixel));
        }
        Ok(found)
    }

    /// Calls `put` with the index of each pixel in the tile and in the positions.
    fn for_each(&self, rect: PixelRect, mut put: impl FnMut(usize, usize)) {
        for row in 0..rect.height {
            let start = (rect.y + row) * self.size + rect.x;
            for col in 0..rect.width {
                put(start + col, row * rect.width + col);
            }
        }
    }

    /// Reflectance of a band at positions. NaN where unknown; `None` if all are unknown.
    fn reflectance(band: &DrawnBand, positions: &Positions, pixel: [f64; 2]) -> Result<Option<Vec<f32>>> {
        let radiometry = &band.radiometry;
        let is_nodata = |dn: f32| radiometry.is_nodata(dn);
        let Some(part) = band.pyramid.read(positions.bounds, pixel, false, is_nodata)? else { return Ok(None) };
        let mut values = bilinear(&part, positions, is_nodata);
        for value in &mut values {
            *value = radiometry.reflectance(*value);
        }
        Ok(Some(values))
    }

    /// A composite of three bands, each scaled to its range. Transparent where a band has no data.
    pub(super) fn composite(&self, bands: [&DrawnBand; 3], rescale: [[f32; 2]; 3]) -> Result<Option<Image>> {
        let mut pixels: Vec<Rgba> = vec![[0; 4]; self.size * self.size];
        let tones: Vec<u8> =
            (0..=TONES).map(|i| ((i as f32 / TONES as f32).powf(1.0 / GAMMA) * 255.0).round() as u8).collect();
        let mut is_drawn = false;
        for (positions, pixel) in self.positions(&bands.map(|band| &band.pyramid))? {
            let mut channels = Vec::with_capacity(3);
            for band in bands {
                channels.extend(Self::reflectance(band, &positions, pixel)?);
            }
            let [red, green, blue] = &channels[..] else { continue };
            is_drawn = true;
            let scales = rescale.map(|[low, high]| (low, TONES as f32 / (high - low)));
            self.for_each(positions.rect, |to, from| {
                let values = [red[from], green[from], blue[from]];
                if values.iter().any(|v| v.is_nan()) {
                    return;
                }
                let tone = |i: usize| {
                    let (low, per) = scales[i];
                    // Values outside of the table take its first or last entry.
                    tones[(((values[i] - low) * per + 0.5) as usize).min(TONES)]
                };
                pixels[to] = [tone(0), tone(1), tone(2), 255];
            });
        }
        Ok(is_drawn.then_some(Image::Colours(pixels)))
    }

    /// A spectral index with a colour map.
    pub(super) fn index(
        &self,
        index: SpectralIndex,
        bands: &[&DrawnBand],
        [low, high]: [f32; 2],
        colours: ColourMap,
    ) -> Result<Option<Image>> {
        let pyramids: Vec<&Pyramid> = bands.iter().map(|band| &band.pyramid).collect();
        let mut indices = vec![0; self.size * self.size];
        for (positions, pixel) in self.positions(&pyramids)? {
            let mut channels = Vec::with_capacity(bands.len());
            for band in bands {
                channels.extend(Self::reflectance(band, &positions, pixel)?);
            }
            if channels.len() < bands.len() {
                continue;
            }
            let mut values = vec![0.0; bands.len()];
            self.for_each(positions.rect, |to, from| {
                for (value, channel) in values.iter_mut().zip(&channels) {
                    *value = channel[from];
                }
                indices[to] = level(index.value(&values), low, high);
            });
        }
        Ok(Some(Image::Indexed { indices, palette: make_palette(colours) }))
    }

    /// Probabilities with a colour map.
    pub(super) fn values(&self, raster: &Pyramid, [low, high]: [f32; 2], colours: ColourMap) -> Result<Option<Image>> {
        let nodata = raster.nodata().map(|v| v as f32);
        let is_nodata = |value: f32| value.is_nan() || nodata == Some(value);
        let mut indices = vec![0; self.size * self.size];
        for (positions, pixel) in self.positions(&[raster])? {
            let Some(part) = raster.read(positions.bounds, pixel, false, is_nodata)? else { continue };
            let values = bilinear(&part, &positions, is_nodata);
            self.for_each(positions.rect, |to, from| indices[to] = level(values[from], low, high));
        }
        Ok(Some(Image::Indexed { indices, palette: make_palette(colours) }))
    }

    /// Onsets in days, from the first day to the last, in their colours. Days are never mixed: 0 has none, and is clear.
    pub(super) fn onsets(&self, raster: &Pyramid, [first, last]: [f32; 2]) -> Result<Option<Image>> {
        let mut indices = vec![0; self.size * self.size];
        for (positions, pixel) in self.positions(&[raster])? {
            let Some(part) = raster.read(positions.bounds, pixel, true, |_| false)? else { continue };
            let days = nearest(&part, &positions);
            self.for_each(positions.rect, |to, from| {
                indices[to] = if days[from] > 0.0 { level(days[from], first, last) } else { 0 };
            });
        }
        let colour = |i: usize| {
            let [r, g, b] = onset_colour(i as f64 / 254.0);
            [r, g, b, 255]
        };
        let palette = std::iter::once([0; 4]).chain((0..255).map(colour)).collect();
        Ok(Some(Image::Indexed { indices, palette }))
    }

    /// Classes of a mask or of a change.
    pub(super) fn classes(&self, raster: &Pyramid, layer: Layer) -> Result<Option<Image>> {
        let mut indices = vec![0; self.size * self.size];
        let width = STRIPE_PX * (self.size / 256).max(1);
        for (positions, pixel) in self.positions(&[raster])? {
            let Some(part) = raster.read(positions.bounds, pixel, true, |_| false)? else { continue };
            let values = nearest(&part, &positions);
            self.for_each(positions.rect, |to, from| {
                indices[to] = match values[from] {
                    value if value == f32::from(Change::NotAssessable as u8) => {
                        let (x, y) = (to % self.size, to / self.size);
                        if (x + y) % width < width / 4 { 5 } else { 4 }
                    }
                    value if value > 0.0 && value <= 3.0 => value as u8,
                    _ => 0,
                };
            });
        }
        let (one, two, three) = match layer {
            Layer::Change | Layer::ChangeSinceFirst => (STABLE, GAIN, LOSS),
            _ => (DISTURBED, [0; 4], [0; 4]),
        };
        let palette = vec![[0; 4], one, two, three, BETWEEN_STRIPES, STRIPE];
        Ok(Some(Image::Indexed { indices, palette }))
    }
}

/// Index into the colours of [`make_palette`]: 0 is transparent, 1 and 255 are the ends.
fn level(value: f32, low: f32, high: f32) -> u8 {
    if value.is_nan() {
        return 0;
    }
    let position = ((value - low) / (high - low)).clamp(0.0, 1.0);
    (position * 254.0).round() as u8 + 1
}

/// Transparent, then 255 colours.
fn make_palette(colours: ColourMap) -> Vec<Rgba> {
    let colour = |i: usize| {
        let [r, g, b] = colours.colour(i as f32 / 254.0);
        [r, g, b, 255]
    };
    std::iter::once([0; 4]).chain((0..255).map(colour)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_reach_both_ends_and_leave_out_what_is_unknown() {
        assert_eq!(
            [f32::NAN, -1.0, 0.0, 0.5, 1.0, f32::INFINITY].map(|v| level(v, 0.0, 1.0)),
            [0, 1, 1, 128, 255, 255]
        );
        let palette = make_palette(ColourMap::Greys);
        assert_eq!((palette.len(), palette[0], palette[1], palette[255]), (256, [0; 4], [0, 0, 0, 255], [255; 4]));
    }
}
