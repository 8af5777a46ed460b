//! The spectral tests: what one pixel shows by itself.

use super::{CIRRUS, DARK, EMPTY, SHADE, SNOW, STRICT, UNKNOWN, WATER, WEAK};
use minesegsat_core::Band;

/// Haze-optimised transformation of Fmask (equation 3) without its constant: B02 - 0.5 B04. Fmask accepts 0.08, and
/// hazy ground reaches 0.10 in winter. Found on the places that `docs/results.md` names for the choice.
const HAZE: [f32; 2] = [0.08, 0.11];
/// Cloud probability over land of Fmask for sensors without a thermal band (equation 15, its variability term). Fmask
/// takes 0.2 above the level of the scene's clear land.
const PROBABILITY: [f32; 2] = [0.6, 0.7];
/// Visible reflectance from which whiteness is not tested: a band may be saturated.
const SATURATED: f32 = 0.9;
/// Least ratio of B02 to B04 of cloud and snow. Wet sand is as bright as cloud in B11, but reddish: mined sand in the
/// Amazon has 0.75 to 0.85, strict cloud pixels of real scenes have 0.85 to 1.25 (5 % to 95 %). Muddy water is reddish
/// too.
/// Luo, Trishchenko & Khlopenkov (2008), Remote Sensing of Environment 112, tell bare land from cloud in this way.
const WHITE: f32 = 0.87;
/// Reflectance of B10 from which cirrus hides the ground (Zhu, Wang & Woodcock 2015).
const CIRRUS_FROM: f32 = 0.01;
/// Upper limits of dark land in B08 and B11, whatever the land around is.
const DARK_BELOW: f32 = 0.25;
/// The median of the land around is used if it has at least this share of the block.
const ENOUGH_LAND: f32 = 0.05;
/// Levels of B08 and B11 for dark land if there is too little land around.
const USUAL_LAND: [f32; 2] = [0.2, 0.13];

/// Reflectance of one block; a missing band is empty.
pub(super) struct Reflectance<'a> {
    blue: &'a [f32],
    green: &'a [f32],
    red: &'a [f32],
    nir: &'a [f32],
    swir1: &'a [f32],
    swir2: &'a [f32],
    cirrus: &'a [f32],
}

impl<'a> Reflectance<'a> {
    pub(super) fn new(bands: &'a [(Band, Vec<f32>)]) -> Self {
        let find = |names: &[Band]| {
            bands.iter().find(|(band, _)| names.contains(band)).map_or(&[][..], |(_, values)| values.as_slice())
        };
        Self {
            blue: find(&[Band::B02]),
            green: find(&[Band::B03]),
            red: find(&[Band::B04]),
            nir: find(&[Band::B08, Band::B8A]),
            swir1: find(&[Band::B11]),
            swir2: find(&[Band::B12]),
            cirrus: find(&[Band::B10]),
        }
    }

    /// The bits of a pixel, without [`DARK`].
    pub(super) fn bits(&self, i: usize) -> u8 {
        let [blue, green, red, nir, swir1] = [self.blue[i], self.green[i], self.red[i], self.nir[i], self.swir1[i]];
        let needed = [blue, green, red, nir, swir1];
        if needed.iter().all(|v| v.is_nan()) {
            return EMPTY;
        }
        if needed.iter().any(|v| v.is_nan()) {
            return UNKNOWN;
        }
        let mut bits = 0;
        if self.cirrus.get(i).is_some_and(|&b10| b10 > CIRRUS_FROM) {
            bits |= CIRRUS;
        }
        let ndvi = normalised_difference(nir, red);
        let ndsi = normalised_difference(green, swir1);
        // Equation 5, Fmask's water test; and water with glint or mud, which is brighter but dark in the shortwave.
        if (ndvi < 0.01 && nir < 0.11)
            || (ndvi < 0.1 && nir < 0.05)
            || (normalised_difference(green, nir) > 0.0 && ndvi < 0.05 && swir1 < 0.05)
        {
            bits |= WATER;
        }
        // Equation 20, Fmask's snow test, with the NDSI of the snow product of MODIS (Hall et al. 1995).
        let is_white = blue > WHITE * red;
        let is_snow = is_white && ndsi > 0.4 && nir > 0.11 && green > 0.1;
        if is_snow {
            return bits | SNOW;
        }
        // Equation 1. Ice clouds have a high NDSI too, but less than 0.8.
        let swir2 = self.swir2.get(i).copied().filter(|v| !v.is_nan()).unwrap_or(swir1);
        let basic = swir2 > 0.03 && ndsi < 0.8 && ndvi < 0.8;
        // Equation 2: clouds are white.
        let mean = (blue + green + red) / 3.0;
        let whiteness = if blue.max(green).max(red) > SATURATED {
            0.0
        } else {
            [blue, green, red].map(|v| (v - mean).abs()).iter().sum::<f32>() / mean.max(1e-4)
        };
        // Equation 4: rock and bare soil are brighter in the shortwave than clouds.
        let no_rock = nir > 0.75 * swir1 && is_white;
        if basic && whiteness < 0.7 && no_rock {
            let haze = blue - 0.5 * red;
            let probability = 1.0 - ndvi.abs().max(ndsi.abs()).max(whiteness);
            for (flag, level) in [(WEAK, 0), (STRICT, 1)] {
                if haze > HAZE[level] && probability > PROBABILITY[level] {
                    bits |= flag;
                }
            }
        }
        bits
    }
}

/// The bits of all pixels of a block.
pub(super) fn evidence(reflectance: &Reflectance<'_>, len: usize) -> Vec<u8> {
    let mut bits: Vec<u8> = (0..len).map(|i| reflectance.bits(i)).collect();
    let is_land = |bits: u8| bits & (WATER | SNOW | WEAK | STRICT | EMPTY | UNKNOWN) == 0;
    let land: Vec<usize> = (0..len).filter(|&i| is_land(bits[i])).collect();
    let level = |values: &[f32], usual: f32| {
        if (land.len() as f32) < ENOUGH_LAND * len as f32 {
            return usual;
        }
        let mut sorted: Vec<f32> = land.iter().map(|&i| values[i]).collect();
        let middle = sorted.len() / 2;
        *sorted.select_nth_unstable_by(middle, f32::total_cmp).1
    };
    let nir = (SHADE * level(reflectance.nir, USUAL_LAND[0])).min(DARK_BELOW);
    let swir = (SHADE * level(reflectance.swir1, USUAL_LAND[1])).min(DARK_BELOW);
    for &i in &land {
        if reflectance.nir[i] < nir && reflectance.swir1[i] < swir {
            bits[i] |= DARK;
        }
    }
    bits
}

fn normalised_difference(a: f32, b: f32) -> f32 {
    if a + b > 0.0 { (a - b) / (a + b) } else { 0.0 }
}
