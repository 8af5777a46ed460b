//! Clouds and their shadows: [`Sky`].

use super::season::Season;
use super::spectra::{BANDS, Spectrum};
use minesegsat_core::Band;
use minesegsat_core::noise::{Dice, Noise, smoothstep};

/// Cloud of at least this opacity counts as cover.
pub(super) const CLOUDY: f32 = 0.3;
/// Cirrus of at least this opacity counts as cover.
pub(super) const CIRRUS: f32 = 0.05;

/// Clouds and shadow over a point of the ground.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Hidden {
    /// Opacity of low clouds, 0 to 1.
    pub(super) cloud: f32,
    /// Opacity of cirrus, 0 to 1.
    pub(super) cirrus: f32,
    /// Share of direct sunlight that clouds block.
    pub(super) shadow: f32,
    /// Brightness factor of the cloud by its illumination.
    pub(super) lit: f32,
}

/// The clouds of a scene.
#[derive(Debug)]
pub(super) struct Sky {
    low: Noise,
    high: Noise,
    haze: Noise,
    /// Size of clouds in metres.
    scale: f32,
    /// Density threshold of low clouds; above all densities if there are none.
    low_from: f32,
    high_from: f32,
    streaks: f32,
    /// Offset from a point on the ground to the cloud that shades it, in metres.
    to_cloud: (f32, f32),
    mean_haze: f32,
}

impl Sky {
    /// Creates the sky of the scene with this name. Its cloud cover is `cover_percent` over `extent` metres. One fifth of the
    /// cover is cirrus.
    pub(super) fn new(seed: u64, scene: &str, season: &Season, extent: f32, cover_percent: f64) -> Self {
        const SAMPLES: usize = 160;
        let name = |kind: &str| format!("{kind} {scene}");
        let mut dice = Dice::new(seed, &name("sky"));
        let height = dice.range(900.0, 2600.0);
        let zenith = (90.0 - season.sun_elevation).to_radians();
        let azimuth = season.sun_azimuth.to_radians();
        let away = height * zenith.tan();
        let mut sky = Self {
            low: Noise::new(seed, &name("low clouds")),
            high: Noise::new(seed, &name("cirrus")),
            haze: Noise::new(seed, &name("haze")),
            scale: dice.range(1300.0, 3200.0),
            low_from: f32::MAX,
            high_from: f32::MAX,
            streaks: dice.range(0.0, 3.1),
            to_cloud: (away * azimuth.sin(), -away * azimuth.cos()),
            mean_haze: season.haze,
        };
        let share = (cover_percent / 100.0).clamp(0.0, 1.0);
        if share > 0.0 {
            // Density quantile at the requested share, from a sample of points.
            let place = |i: usize| (i as f32 + 0.5) / SAMPLES as f32 * extent;
            let quantile = |density: &dyn Fn(f32, f32) -> f32, share: f64| {
                let mut values: Vec<f32> =
                    (0..SAMPLES * SAMPLES).map(|i| density(place(i % SAMPLES), place(i / SAMPLES))).collect();
                values.sort_unstable_by(f32::total_cmp);
                values[(((1.0 - share) * values.len() as f64) as usize).min(values.len() - 1)]
            };
            // Opacity reaches [`CLOUDY`] slightly above the threshold.
            sky.low_from = quantile(&|x, y| sky.low_density(x, y), 0.8 * share) - inverse_opacity(CLOUDY);
            sky.high_from = quantile(&|x, y| sky.high_density(x, y), 0.2 * share) - CIRRUS / 0.18;
        }
        sky
    }

    fn low_density(&self, x: f32, y: f32) -> f32 {
        let s = self.scale;
        let (wx, wy) = self.low.vector(x / (0.7 * s) + 5.0, y / (0.7 * s), 2);
        let (u, v) = (x / s + 0.13 * wx, y / s + 0.13 * wy);
        // Large-scale cloud field plus individual cumulus clouds.
        self.low.fbm(u, v, 2, 0.5) + 0.75 * self.low.billow(u / 0.42 + 7.0, v / 0.42, 5)
    }

    fn high_density(&self, x: f32, y: f32) -> f32 {
        let (s, c) = self.streaks.sin_cos();
        let (u, v) = (x * c + y * s, y * c - x * s);
        let (wx, wy) = self.high.vector(u / 6000.0, v / 6000.0, 2);
        self.high.fbm(u / 6000.0 + 0.5 * wx, v / 1700.0 + 0.5 * wy, 6, 0.62)
    }

    fn low_opacity(&self, x: f32, y: f32) -> f32 {
        if self.low_from == f32::MAX { 0.0 } else { opacity(self.low_density(x, y) - self.low_from) }
    }

    /// Clouds and shadow over a point, in metres.
    pub(super) fn hidden_at(&self, x: f32, y: f32) -> Hidden {
        if self.low_from == f32::MAX {
            return Hidden::default();
        }
        let cirrus = ((self.high_density(x, y) - self.high_from) * 0.18).clamp(0.0, 0.22);
        let shadow = self.low_opacity(x + self.to_cloud.0, y + self.to_cloud.1);
        let density = self.low_density(x, y);
        let cloud = opacity(density - self.low_from);
        let mut lit = 1.0;
        if cloud > 0.05 {
            // Cumulus clouds are brighter on the sunlit side.
            let away = 70.0 / self.to_cloud.0.hypot(self.to_cloud.1).max(1.0);
            let ahead = self.low_density(x + away * self.to_cloud.0, y + away * self.to_cloud.1);
            lit = (0.98 + 0.9 * (density - ahead)).clamp(0.62, 1.12);
        }
        Hidden { cloud, cirrus, shadow, lit }
    }

    /// Adds haze and clouds to the reflectance of a point.
    pub(super) fn add(&self, hidden: Hidden, x: f32, y: f32, out: &mut Spectrum) {
        let haze = self.mean_haze * (1.0 + 0.7 * self.haze.fbm(x / 7000.0, y / 7000.0, 3, 0.5)).max(0.0);
        for (band, value) in out.iter_mut().enumerate() {
            // Scattering by haze falls with wavelength (Angstrom 1929, exponent 1.3).
            *value += haze * HAZE[band] * (1.0 - *value);
            *value += (CIRRUS_TOP[band] - *value) * hidden.cirrus;
            *value += (CLOUD_TOP[band] * hidden.lit * (0.72 + 0.28 * hidden.cloud) - *value) * hidden.cloud;
        }
    }
}

/// Opacity by density above the threshold: soft edges, opaque cores.
fn opacity(density: f32) -> f32 {
    if density <= 0.0 { 0.0 } else { smoothstep(0.0, 0.35, density) * (1.0 - (-7.0 * density).exp()) }
}

/// Density above the threshold at which the opacity reaches a value.
fn inverse_opacity(value: f32) -> f32 {
    (0..400).map(|k| k as f32 * 1e-3).find(|&d| opacity(d) >= value).unwrap_or(0.4)
}

/// Reflectance of thick cloud: white, with absorption by droplets and ice beyond 1.4 um. Means of cloudy pixels of
/// Sentinel-2 are about these (Hollstein et al. 2016, Remote Sensing 8(8), figure 5).
const CLOUD_TOP: Spectrum = [0.74, 0.75, 0.74, 0.76, 0.77, 0.78, 0.79, 0.79, 0.79, 0.62, 0.50, 0.37];
/// Reflectance of thick low cloud in a band. Water vapour above it absorbs nearly all light of B10.
pub fn cloud_reflectance(band: Band) -> f32 {
    BANDS.iter().position(|known| *known == band).map_or(0.01, |i| CLOUD_TOP[i])
}

/// Reflectance of thick cirrus.
const CIRRUS_TOP: Spectrum = [0.62, 0.62, 0.62, 0.63, 0.63, 0.63, 0.63, 0.63, 0.63, 0.58, 0.36, 0.30];
/// Haze by band, 1 at 0.49 um: `(wavelength / 0.4924)^-1.3` of the bands' centres.
const HAZE: Spectrum = [1.148, 1.0, 0.846, 0.677, 0.628, 0.588, 0.547, 0.505, 0.481, 0.429, 0.214, 0.143];

#[cfg(test)]
mod tests {
    use super::super::{Region, season::SceneLocation, spectra::WAVELENGTHS_UM};
    use super::*;

    #[test]
    fn cover_is_what_was_asked_for() {
        let place = SceneLocation::new(1, Region::Boreal);
        let season = Season::new(1, Region::Boreal, &place, 2021);
        for percent in [0.0, 5.0, 30.0, 80.0] {
            let sky = Sky::new(9, "2021", &season, 23_040.0, percent);
            let hits = (0..10_000)
                .filter(|i| {
                    let h = sky.hidden_at((i % 100) as f32 * 230.4, (i / 100) as f32 * 230.4);
                    h.cloud >= CLOUDY || h.cirrus >= CIRRUS
                })
                .count();
            let got = hits as f64 / 100.0;
            assert!((got - percent).abs() <= 0.3 * percent + 0.5, "{percent} asked for, {got} got");
        }
    }

    #[test]
    fn haze_follows_its_formula() {
        for (haze, wavelength) in HAZE.iter().zip(WAVELENGTHS_UM) {
            assert!((haze - (wavelength / 0.4924).powf(-1.3)).abs() < 5e-3);
        }
    }

    #[test]
    fn shadows_fall_away_from_the_sun() {
        let place = SceneLocation::new(1, Region::Boreal);
        let season = Season::new(1, Region::Boreal, &place, 2021);
        let sky = Sky::new(9, "2021", &season, 23_040.0, 20.0);
        // The sun stands in the south-east: the cloud lies that way from its shadow (y grows southwards).
        assert!(sky.to_cloud.0 > 0.0 && sky.to_cloud.1 > 0.0, "{:?}", sky.to_cloud);
    }
}
