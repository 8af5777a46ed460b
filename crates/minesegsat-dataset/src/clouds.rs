//! Random clouds and shadows over a crop: [`add`].

use super::crop::Crop;
use minesegsat_core::Band;
use minesegsat_core::noise::{Dice, Noise, smoothstep};
use minesegsat_simulate::cloud_reflectance;

/// Cloud of at least this opacity, and shadow that blocks at least [`SHADED`] of the direct light, hide the ground.
const OPAQUE: f32 = 0.3;
const SHADED: f32 = 0.5;
/// Range of the size of the largest cloud elements in pixels of 10 m: from fair-weather clouds to the edge of a front.
const SIZE_PX: (f32, f32) = (40.0, 200.0);
/// Range of the distance between a cloud and its shadow in pixels of 10 m: cloud base at 500 to 2000 m, sun elevation
/// 35 to 70 degrees.
const AWAY_PX: (f32, f32) = (18.0, 200.0);
/// Density above the threshold at which a cloud is opaque.
const SOFT: f32 = 0.35;
/// Sampling step of the density in pixels. Its finest octave is at least 2.5 pixels wide.
const STEP: usize = 2;

/// Adds a fractal cloud and its shadow to a crop of `side` pixels, in reflectance. About the share `cover` of the crop
/// is under cloud. Opaque cloud and the core of the shadow are ignored in the mask.
pub(super) fn add(seed: u64, cover: f32, bands: &[Band], side: usize, ignore: u8, crop: &mut Crop) {
    let mut dice = Dice::new(seed, "cloud");
    let noise = Noise::new(seed, "cloud");
    let size = dice.range(SIZE_PX.0.ln(), SIZE_PX.1.ln()).exp();
    let (sin, cos) = dice.range(0.0, std::f32::consts::TAU).sin_cos();
    let away = dice.range(AWAY_PX.0, AWAY_PX.1);
    let (to_x, to_y) = (away * cos, away * sin);
    let lit = dice.range(0.8, 1.1);
    let density = |x: f32, y: f32| noise.fbm(x / size, y / size, 5, 0.5);
    let above = field(side, &density);
    let sunwards = field(side, &|x, y| density(x + to_x, y + to_y));
    let mut sorted: Vec<f32> = above.iter().copied().step_by(7).collect();
    sorted.sort_unstable_by(f32::total_cmp);
    let rank = ((1.0 - cover) * sorted.len() as f32) as usize;
    // The density quantile at the requested cover marks where the cloud becomes opaque, not where it begins.
    let from = sorted[rank.min(sorted.len() - 1)] - SOFT * inverse_smoothstep(OPAQUE);
    let opacity = |density: f32| smoothstep(from, from + SOFT, density);
    let cloud: Vec<f32> = above.into_iter().map(opacity).collect();
    let shadow: Vec<f32> = sunwards.into_iter().map(opacity).collect();
    for ((over, shaded), mask) in cloud.iter().zip(&shadow).zip(&mut crop.mask) {
        if *over >= OPAQUE || *shaded >= SHADED {
            *mask = ignore;
        }
    }
    for (band, channel) in bands.iter().zip(crop.data.chunks_exact_mut(side * side)) {
        let top = cloud_reflectance(*band) * lit;
        // Share of diffuse skylight, as in the simulator. A cloud blocks most of the direct light.
        let diffuse = 0.05 + 0.22 * (band.wavelength_um() / 0.49).powf(-1.9);
        let lost = 0.88 * (1.0 - diffuse);
        for ((value, over), shaded) in channel.iter_mut().zip(&cloud).zip(&shadow) {
            let ground = *value * (1.0 - lost * shaded);
            // Thick parts are brighter.
            *value = ground + (top * (0.75 + 0.25 * over) - ground) * over;
        }
    }
}

/// Samples a function of position over a crop, `[side, side]`: computed at every [`STEP`]th pixel and interpolated
/// bilinearly.
fn field(side: usize, at: &dyn Fn(f32, f32) -> f32) -> Vec<f32> {
    let nodes = side.div_ceil(STEP) + 1;
    let coarse: Vec<f32> =
        (0..nodes * nodes).map(|i| at((i % nodes * STEP) as f32, (i / nodes * STEP) as f32)).collect();
    let mut out = Vec::with_capacity(side * side);
    let mut line = vec![0.0; nodes];
    for row in 0..side {
        let (upper, rest) = coarse[row / STEP * nodes..].split_at(nodes);
        let share = (row % STEP) as f32 / STEP as f32;
        for ((value, a), b) in line.iter_mut().zip(upper).zip(rest) {
            *value = a + (b - a) * share;
        }
        out.extend((0..side).map(|col| {
            let (a, b) = (line[col / STEP], line[col / STEP + 1]);
            a + (b - a) * (col % STEP) as f32 / STEP as f32
        }));
    }
    out
}

/// Inverse of [`smoothstep`] from 0 to 1.
fn inverse_smoothstep(value: f32) -> f32 {
    0.5 - ((1.0 - 2.0 * value).asin() / 3.0).sin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cover_is_about_what_was_asked_for_and_hidden_ground_is_ignored() {
        const SIDE: usize = 96;
        let (mut asked, mut got, mut dark) = (0.0, 0.0, 0);
        for seed in 0..40 {
            let cover = (seed % 8) as f32 / 10.0;
            let mut crop = Crop { data: vec![0.2; 3 * SIDE * SIDE], mask: vec![1; SIDE * SIDE], missing: Vec::new() };
            add(seed, cover, &[Band::B04, Band::B11, Band::B10], SIDE, 255, &mut crop);
            let [red, swir, cirrus] = [0, 1, 2].map(|band| &crop.data[band * SIDE * SIDE..][..SIDE * SIDE]);
            for at in 0..SIDE * SIDE {
                // Ground that stays visible is neither bright nor dark.
                assert!(crop.mask[at] == 255 || (0.12..0.42).contains(&red[at]), "{} at {at}", red[at]);
                assert!((0.0..1.0).contains(&red[at]) && cirrus[at] <= 0.2 && swir[at] <= 0.6);
                dark += usize::from(red[at] < 0.12 && crop.mask[at] == 255);
            }
            asked += cover;
            got += red.iter().filter(|v| **v > 0.3).count() as f32 / (SIDE * SIDE) as f32;
        }
        assert!((got - asked).abs() < 0.25 * asked, "{got} for {asked}");
        assert!(dark > 0, "there are shadows");
    }

    #[test]
    fn a_plane_comes_back_from_its_nodes() {
        for side in [1, 2, 7, 32] {
            let plane = field(side, &|x, y| 2.0 * x - 3.0 * y + 1.0);
            assert_eq!(plane.len(), side * side);
            for (i, value) in plane.into_iter().enumerate() {
                assert_eq!(value, 2.0 * (i % side) as f32 - 3.0 * (i / side) as f32 + 1.0);
            }
        }
    }

    #[test]
    fn no_cover_hides_nothing() {
        let mut crop = Crop { data: vec![0.2; 64 * 64], mask: vec![1; 64 * 64], missing: Vec::new() };
        add(4, 0.0, &[Band::B04], 64, 255, &mut crop);
        assert!(crop.mask.iter().filter(|v| **v == 255).count() < 64 * 64);
        assert!((inverse_smoothstep(smoothstep(0.0, 1.0, 0.37)) - 0.37).abs() < 1e-5);
    }
}
