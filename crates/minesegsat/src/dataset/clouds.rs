//! Clouds over a crop: [`add`].

use super::crop::Crop;
use crate::Band;
use crate::noise::{Dice, Noise, smoothstep};
use crate::simulate::cloud_reflectance;

/// Cloud of at least this opacity, and shadow that keeps at least [`SHADED`] of the direct light away, hide the ground.
const OPAQUE: f32 = 0.3;
const SHADED: f32 = 0.5;
/// Size of the largest heaps in pixels of 10 m: fair-weather clouds to the edge of a front.
const SIZE_PX: (f32, f32) = (20.0, 160.0);
/// From a cloud to its shadow in pixels of 10 m: a base at 500 to 2000 m, and the sun 35 to 70 degrees above the horizon.
const AWAY_PX: (f32, f32) = (18.0, 200.0);
/// Density above the threshold at which a cloud is opaque.
const SOFT: f32 = 0.35;

/// Lays a fractal cloud and its shadow over a crop of `side` pixels, in reflectance. About the share `cover` is under cloud,
/// and ignored in the mask, as is the core of the shadow.
pub(super) fn add(seed: u64, cover: f32, bands: &[Band], side: usize, ignore: u8, crop: &mut Crop) {
    let mut dice = Dice::new(seed, "cloud");
    let noise = Noise::new(seed, "cloud");
    let size = dice.range(SIZE_PX.0.ln(), SIZE_PX.1.ln()).exp();
    let (sin, cos) = dice.range(0.0, std::f32::consts::TAU).sin_cos();
    let away = dice.range(AWAY_PX.0, AWAY_PX.1);
    let (to_x, to_y) = (away * cos, away * sin);
    let lit = dice.range(0.8, 1.1);
    let density = |x: f32, y: f32| noise.fbm(x / size, y / size, 5, 0.55);

    let places = || (0..side * side).map(|at| ((at % side) as f32, (at / side) as f32));
    let densities: Vec<f32> = places().map(|(x, y)| density(x, y)).collect();
    let mut sorted: Vec<f32> = densities.iter().copied().step_by(7).collect();
    sorted.sort_unstable_by(f32::total_cmp);
    let rank = ((1.0 - cover) * sorted.len() as f32) as usize;
    // The density that is exceeded over the share is where the cloud becomes opaque, not where it begins.
    let from = sorted[rank.min(sorted.len() - 1)] - SOFT * inverse_smoothstep(OPAQUE);
    let opacity = |density: f32| smoothstep(from, from + SOFT, density);

    let mut cloud = Vec::with_capacity(densities.len());
    let mut shadow = Vec::with_capacity(densities.len());
    for (((x, y), density_here), mask) in places().zip(densities).zip(&mut crop.mask) {
        let (over, shaded) = (opacity(density_here), opacity(density(x + to_x, y + to_y)));
        if over >= OPAQUE || shaded >= SHADED {
            *mask = ignore;
        }
        cloud.push(over);
        shadow.push(shaded);
    }
    for (band, channel) in bands.iter().zip(crop.data.chunks_exact_mut(side * side)) {
        let top = cloud_reflectance(*band) * lit;
        // The share of light that comes from the sky, as in the simulator; a cloud keeps most of the rest away.
        let diffuse = 0.05 + 0.22 * (band.wavelength_um() / 0.49).powf(-1.9);
        let lost = 0.88 * (1.0 - diffuse);
        for ((value, over), shaded) in channel.iter_mut().zip(&cloud).zip(&shadow) {
            let ground = *value * (1.0 - lost * shaded);
            // Thick parts are brighter.
            *value = ground + (top * (0.75 + 0.25 * over) - ground) * over;
        }
    }
}

/// Where [`smoothstep`] from 0 to 1 reaches a value.
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
                // Ground that is still seen is neither bright nor dark.
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
    fn no_cover_hides_nothing() {
        let mut crop = Crop { data: vec![0.2; 64 * 64], mask: vec![1; 64 * 64], missing: Vec::new() };
        add(4, 0.0, &[Band::B04], 64, 255, &mut crop);
        assert!(crop.mask.iter().filter(|v| **v == 255).count() < 64 * 64);
        assert!((inverse_smoothstep(smoothstep(0.0, 1.0, 0.37)) - 0.37).abs() < 1e-5);
    }
}
