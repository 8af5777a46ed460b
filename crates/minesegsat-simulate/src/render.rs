//! Renders the digital numbers of a scene strip by strip: [`Renderer`].

use rayon::prelude::*;

use super::clouds::{CIRRUS, CLOUDY, Hidden, Sky};
use super::cover::{Landscape, Spot};
use super::mines::MinePart;
use super::season::Season;
use super::sensor::{HALO, Strip, band_noise, shift};
use super::shapes::MineLayer;
use super::spectra::{BANDS, GREEN, NIR, RED, SWIR1, Spectrum, WAVELENGTHS_UM, cover, normalised_difference};
use super::terrain::{PIXEL_M, Terrain, sample};
use super::workings::Workings;
use minesegsat_core::noise::{Noise, unit};
use minesegsat_scene::SclClass;

/// Renders the rows of a scene.
pub(super) struct Renderer<'a> {
    pub(super) terrain: &'a Terrain,
    pub(super) landscape: Landscape<'a>,
    pub(super) mines: &'a MineLayer,
    pub(super) workings: Vec<Workings>,
    pub(super) sky: Sky,
    pub(super) season: Season,
    /// Shift of the picture in 10 m pixels, eastwards and southwards.
    pub(super) shift: (f32, f32),
    light: Light,
    noise: [Noise; 12],
    confusion: Noise,
}

/// Rendered rows of a scene.
pub(super) struct Rows {
    /// Digital numbers of each band on its native grid, in the order of [`BANDS`].
    pub(super) bands: Vec<Vec<u16>>,
    /// Scene classification at 20 m.
    pub(super) classes: Vec<u8>,
    /// Number of 10 m pixels under cloud.
    pub(super) cloudy: u64,
}

/// Illumination of a scene.
struct Light {
    /// Unit vector to the sun: east, south, up.
    sun: [f32; 3],
    /// Share of diffuse skylight by band.
    diffuse: Spectrum,
}

impl Light {
    fn new(season: &Season) -> Self {
        let (elevation, azimuth) = (season.sun_elevation.to_radians(), season.sun_azimuth.to_radians());
        let sun = [azimuth.sin() * elevation.cos(), -azimuth.cos() * elevation.cos(), elevation.sin()];
        // Skylight under a clear sky is about a quarter of all light in the blue and a twentieth at 2.2 um (Richter
        // 1997, "Correction of atmospheric and topographic effects for high spatial resolution satellite imagery",
        // figure 3).
        let diffuse = WAVELENGTHS_UM.map(|um| 0.05 + 0.22 * (um / 0.49).powf(-1.9));
        Self { sun, diffuse }
    }
}

impl<'a> Renderer<'a> {
    pub(super) fn new(
        seed: u64,
        landscape: Landscape<'a>,
        mines: &'a MineLayer,
        workings: Vec<Workings>,
        sky: Sky,
    ) -> Self {
        let (season, name) = (landscape.season, landscape.moment.name.clone());
        Self {
            terrain: landscape.terrain,
            landscape,
            mines,
            workings,
            sky,
            season,
            shift: (0.0, 0.0),
            light: Light::new(&season),
            noise: band_noise(seed, &name),
            confusion: Noise::new(seed, &format!("classification {name}")),
        }
    }

    /// Renders `rows` rows starting at `first`; `rows` is a multiple of 6.
    pub(super) fn rows(&self, first: usize, rows: usize) -> Rows {
        let size = self.terrain.size;
        let pixels = size * (rows + 2 * HALO);
        let mut reflectance: Vec<Vec<f32>> = vec![vec![0.0; pixels]; BANDS.len()];
        let mut hidden = vec![Hidden::default(); size * rows];
        for line in 0..rows + 2 * HALO {
            // The first and last rows of the scene are repeated outside it.
            let row = (first + line).saturating_sub(HALO).min(size - 1);
            for col in 0..size {
                let (spectrum, hides) = self.pixel(row, col);
                for (band, value) in reflectance.iter_mut().zip(spectrum) {
                    band[line * size + col] = value;
                }
                if (HALO..HALO + rows).contains(&line) {
                    hidden[(line - HALO) * size + col] = hides;
                }
            }
        }
        if self.shift != (0.0, 0.0) {
            reflectance.par_iter_mut().for_each(|band| shift(band, size, self.shift));
        }
        let offset = self.season.offset_dn();
        let bands = BANDS
            .iter()
            .zip(&reflectance)
            .zip(self.noise)
            .map(|((&band, reflectance), noise)| {
                Strip { reflectance, width: size, rows, first_row: first }.digital_numbers(band, noise, offset)
            })
            .collect();
        let classes = self.classes(first, rows, &reflectance, &hidden);
        let cloudy = hidden.iter().filter(|h| h.cloud >= CLOUDY || h.cirrus >= CIRRUS).count() as u64;
        Rows { bands, classes, cloudy }
    }

    /// Terrain height including pits and dumps.
    fn height(&self, row: usize, col: usize) -> f32 {
        let i = row * self.terrain.size + col;
        self.terrain.elevation[i] + self.mines.lift[i]
    }

    fn pixel(&self, row: usize, col: usize) -> (Spectrum, Hidden) {
        let (t, mines) = (self.terrain, self.mines);
        let size = t.size;
        let i = row * size + col;
        let (x, y) = ((col as f32 + 0.5) * PIXEL_M, (row as f32 + 0.5) * PIXEL_M);
        let (left, right) = (col.saturating_sub(1), (col + 1).min(size - 1));
        let (above, below) = (row.saturating_sub(1), (row + 1).min(size - 1));
        let natural = |r: usize, c: usize| t.elevation[r * size + c];
        let dx = (natural(row, right) - natural(row, left)) / ((right - left) as f32 * PIXEL_M);
        let dy = (natural(below, col) - natural(above, col)) / ((below - above) as f32 * PIXEL_M);
        let spot = Spot {
            x,
            y,
            col: col as i32,
            row: row as i32,
            pixel: i,
            height: (t.elevation[i] - t.range.0) / (t.range.1 - t.range.0).max(1.0),
            slope: dx.hypot(dy),
            north: (1.6 * dy).clamp(-1.0, 1.0),
        };

        let (part, inset, share, green) = (mines.part[i], mines.inset[i], mines.cover[i], mines.reclaimed[i]);
        let mut out = if share < 1.0 || part == 0 { self.landscape.surface(&spot) } else { [0.0; 12] };
        if let Some(works) = (part != 0 || green > 0.0).then(|| &self.workings[usize::from(mines.site[i])]) {
            if share < 1.0 {
                if inset < 0.0 && t.lake[i] < 0.0 {
                    works.dust(inset, x, y, &mut out);
                }
                if green > 0.0 {
                    let grass = self.landscape.sown_grass(&spot);
                    let country = out;
                    cover(&mut out, &works.reclaimed(x, y, &grass, &country), green);
                }
            }
            if share > 0.0 {
                let country = out;
                let surface = works.surface(part, inset.max(0.0), x, y, &country);
                cover(&mut out, &surface, share);
            }
        }
        let is_driven_on = [MinePart::Pit, MinePart::Mill, MinePart::HaulRoad].iter().any(|p| p.value() == part);
        self.landscape.lay_snow(&spot, if is_driven_on { share } else { 0.0 }, &mut out);

        // Light; water surfaces are level.
        let dx = (self.height(row, right) - self.height(row, left)) / ((right - left) as f32 * PIXEL_M);
        let dy = (self.height(below, col) - self.height(above, col)) / ((below - above) as f32 * PIXEL_M);
        let is_water = self.landscape.lake_depth(i) > 0.0 || (t.river[i] < 0.0 && t.river_width[i] > 8.0);
        let tilt = if is_water || (part == MinePart::Mill.value() && share > 0.5) { 0.1 } else { 1.0 };
        let (dx, dy) = (dx * tilt, dy * tilt);
        let hidden = self.sky.hidden_at(x, y);
        let [east, south, up] = self.light.sun;
        let facing = ((up - dx * east - dy * south) / (1.0 + dx * dx + dy * dy).sqrt()).max(0.0) / up;
        let direct = facing * self.sunlit(x, y, self.height(row, col)) * (1.0 - 0.88 * hidden.shadow);
        let sky_view = 0.5 + 0.5 / (1.0 + dx * dx + dy * dy).sqrt();
        for ((value, diffuse), gain) in out.iter_mut().zip(&self.light.diffuse).zip(&self.season.gains) {
            // L2A products are only partly corrected for slopes.
            let light = ((1.0 - diffuse) * direct + diffuse * sky_view).clamp(0.02, 2.2);
            *value *= gain * (0.15 + 0.85 * light);
        }
        self.sky.add(hidden, x, y, &mut out);
        (out, hidden)
    }

    /// 0 where hills block the sun, 1 where the sun is visible.
    fn sunlit(&self, x: f32, y: f32, height: f32) -> f32 {
        const AWAY_M: [f32; 9] = [20.0, 40.0, 70.0, 110.0, 170.0, 260.0, 390.0, 580.0, 850.0];
        let [east, south, up] = self.light.sun;
        let flat = east.hypot(south).max(1e-3);
        let (ux, uy, rise) = (east / flat, south / flat, up / flat);
        let (t, size) = (self.terrain, self.terrain.size);
        let mut lit = 1.0_f32;
        for away in AWAY_M {
            let ray = height + away * rise;
            if ray > t.range.1 + 120.0 {
                break;
            }
            let (px, py) = (x + away * ux, y + away * uy);
            let mut ground = t.elevation_at(px, py);
            if away < 200.0 {
                ground += sample(&self.mines.lift, size, px, py);
            }
            lit = lit.min(1.0 - (ground - ray) / (2.0 + 0.03 * away));
        }
        lit.clamp(0.0, 1.0)
    }

    /// Scene classification of each 20 m pixel. It depends on the simulated clouds and, as in real products, on the
    /// reflectance.
    fn classes(&self, first: usize, rows: usize, reflectance: &[Vec<f32>], hidden: &[Hidden]) -> Vec<u8> {
        let size = self.terrain.size;
        let mut out = Vec::with_capacity(rows * size / 4);
        for row in 0..rows / 2 {
            for col in 0..size / 2 {
                let four = [(0, 0), (0, 1), (1, 0), (1, 1)];
                let mean = |f: &dyn Fn(usize, usize) -> f32| {
                    four.iter().map(|&(r, c)| f(2 * row + r, 2 * col + c)).sum::<f32>() / 4.0
                };
                let band = |k: usize| mean(&|r, c| reflectance[k][(r + HALO) * size + c]);
                let sky = |f: fn(&Hidden) -> f32| mean(&|r, c| f(&hidden[r * size + c]));
                let chance = unit(self.confusion.cell(col as i32, (first / 2 + row) as i32));
                let drift = self.confusion.at(col as f32 / 23.0, (first / 2 + row) as f32 / 23.0);
                let look = PixelReflectance {
                    blue: band(1),
                    green: band(GREEN),
                    red: band(RED),
                    nir: band(NIR),
                    swir: band(SWIR1),
                };
                let class = classify(&look, sky(|h| h.cloud), sky(|h| h.cirrus), sky(|h| h.shadow), chance, drift);
                out.push(class.value());
            }
        }
        out
    }
}

/// Reflectance of a pixel that the classification uses.
#[derive(Debug, Clone, Copy)]
struct PixelReflectance {
    blue: f32,
    green: f32,
    red: f32,
    nir: f32,
    swir: f32,
}

/// Class by thresholds after Sen2Cor (Louis et al. 2016, and its algorithm theoretical basis document). It includes
/// typical confusions: bright ground classified as cloud, shaded slopes as cloud shadow or water, and unclassified
/// cloud edges.
fn classify(look: &PixelReflectance, cloud: f32, cirrus: f32, shadow: f32, chance: f32, drift: f32) -> SclClass {
    let &PixelReflectance { blue, green, red, nir, swir } = look;
    let ndvi = normalised_difference(nir, red);
    let bright_ground = blue > 0.24 && ndvi < 0.2 && swir > 0.25;
    if cloud > 0.62 {
        return SclClass::CloudHighProbability;
    }
    if cloud > 0.22 + 0.08 * drift {
        return SclClass::CloudMediumProbability;
    }
    if cirrus > CIRRUS {
        return SclClass::ThinCirrus;
    }
    if shadow > 0.38 + 0.15 * drift {
        return SclClass::CloudShadow;
    }
    if cloud > 0.08 {
        return SclClass::Unclassified;
    }
    if normalised_difference(green, swir) > 0.42 && green > 0.22 {
        return SclClass::SnowOrIce;
    }
    if bright_ground && blue > 0.24 + 0.06 * drift.abs() && chance < 0.45 {
        return if blue > 0.34 { SclClass::CloudHighProbability } else { SclClass::CloudMediumProbability };
    }
    if normalised_difference(green, nir) > 0.0 && swir < 0.11 && green < 0.25 {
        return if nir < 0.02 && drift > 0.55 { SclClass::DarkArea } else { SclClass::Water };
    }
    if nir < 0.095 && swir < 0.075 {
        return if drift > 0.7 && chance < 0.5 { SclClass::CloudShadow } else { SclClass::DarkArea };
    }
    if ndvi > 0.40 + 0.02 * drift {
        return SclClass::Vegetation;
    }
    // Some mixtures of plants and ground stay unclassified.
    if ndvi > 0.33 && chance < 0.3 { SclClass::Unclassified } else { SclClass::NotVegetated }
}

/// Renders the strips of a scene in parallel, some at a time, and passes them to `write` in the order of their rows.
pub(super) fn in_strips(
    renderer: &Renderer<'_>,
    mut write: impl FnMut(Rows, usize) -> minesegsat_core::Result<()>,
) -> minesegsat_core::Result<()> {
    const STRIP: usize = 96;
    let size = renderer.terrain.size;
    let starts: Vec<usize> = (0..size).step_by(STRIP).collect();
    let at_once = 2 * rayon::current_num_threads();
    for batch in starts.chunks(at_once) {
        let rows: Vec<Rows> = batch.par_iter().map(|&first| renderer.rows(first, STRIP.min(size - first))).collect();
        for (rows, first) in rows.into_iter().zip(batch) {
            write(rows, (*first + STRIP).min(size))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_follow_the_look_of_a_pixel() {
        let look = |blue, green, red, nir, swir| PixelReflectance { blue, green, red, nir, swir };
        let clear = |l: PixelReflectance| classify(&l, 0.0, 0.0, 0.0, 0.9, 0.0);
        assert_eq!(clear(look(0.03, 0.05, 0.03, 0.30, 0.16)), SclClass::Vegetation);
        assert_eq!(clear(look(0.10, 0.13, 0.17, 0.22, 0.30)), SclClass::NotVegetated);
        assert_eq!(clear(look(0.02, 0.02, 0.01, 0.007, 0.003)), SclClass::Water);
        assert_eq!(clear(look(0.8, 0.8, 0.8, 0.78, 0.1)), SclClass::SnowOrIce);
        assert_eq!(clear(look(0.02, 0.03, 0.025, 0.08, 0.04)), SclClass::DarkArea);
        let forest = look(0.03, 0.05, 0.03, 0.30, 0.16);
        assert_eq!(classify(&forest, 0.9, 0.0, 0.0, 0.9, 0.0), SclClass::CloudHighProbability);
        assert_eq!(classify(&forest, 0.4, 0.0, 0.0, 0.9, 0.0), SclClass::CloudMediumProbability);
        assert_eq!(classify(&forest, 0.0, 0.1, 0.0, 0.9, 0.0), SclClass::ThinCirrus);
        assert_eq!(classify(&forest, 0.0, 0.0, 0.8, 0.9, 0.0), SclClass::CloudShadow);
        let salt = look(0.4, 0.45, 0.5, 0.52, 0.5);
        assert_eq!(classify(&salt, 0.0, 0.0, 0.0, 0.1, 0.0), SclClass::CloudHighProbability, "a known confusion");
    }
}
