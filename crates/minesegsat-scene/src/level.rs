//! Whether the values of a scene can be reflectance of land, water or snow: the scale is held against the pixels.
//!
//! # The rule
//! The median and the 99th percentile of every sampled band are converted to reflectance. They are
//! - **too bright** if SWIR (B11, B12) has a median above 0.8 or a 99th percentile above 1.2, or if another band has more than
//!   1.4 or 2.5. Clouds and snow, the brightest targets, stay below. They are also too bright if the median of B11 is above
//!   0.65 and above that of the red band: clouds and snow are darker in SWIR than in red, and no soil is so bright.
//! - **too dark** if no 99th percentile reaches 0.002, which clear water exceeds in the red band.
//! - **dark land** if none reaches 0.12, although SWIR (or NIR) is as bright as red in the brightest pixels. Water absorbs
//!   SWIR, so this is land, and all land has brighter pixels. A crop that lies wholly in shadow is an exception.
//! - **dark** if none reaches 0.12 and SWIR is darker than red: water.
//! - **plausible** otherwise.
//!
//! Measured on 998 real scenes and crops of the project's data (L1C and L2A; bands as sampled): with the right scale 996 are
//! plausible and 2 dark (a lake at top of atmosphere, 0.035, and a flooded crop). Times 1/1000, 904 become dark land with one
//! other scale that fits; the rest, mostly clouds, are dark. Times 1/100, 908 do. Times 6.55, most are too bright.

use serde::Serialize;

use super::evidence::BandFloor;
use minesegsat_core::Band;

/// Minimum number of pixels of a band for its percentiles to be significant.
const MIN_PIXELS: usize = 50;
/// No target of nature has a 99th percentile below this in the brightest sampled band.
const DARKEST_TOP: f32 = 0.002;
/// Land has a 99th percentile above this in the brightest sampled band.
const DARKEST_LAND_TOP: f32 = 0.12;
/// Largest median and 99th percentile in SWIR.
const BRIGHTEST_SWIR: (f32, f32) = (0.8, 1.2);
/// Largest median and 99th percentile in other bands.
const BRIGHTEST: (f32, f32) = (1.4, 2.5);
/// Largest median in B11 where it exceeds that of the red band.
const BRIGHTEST_SOIL: f32 = 0.65;

/// The verdict on the level of a scene's values; see the [rule](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LevelVerdict {
    /// Reflectance of land, snow or cloud.
    Plausible,
    /// Reflectance of water.
    Dark,
    /// The spectrum of land, but darker than land is.
    DarkLand,
    /// Darker than any target.
    TooDark,
    /// Brighter than any target.
    TooBright,
    /// Too few pixels.
    Unknown,
}

impl LevelVerdict {
    /// Whether the values can be reflectance.
    pub(crate) fn is_possible(self) -> bool {
        matches!(self, Self::Plausible | Self::Dark | Self::Unknown)
    }
}

/// The origin of the scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScaleRule {
    /// Given by the user.
    User,
    /// Stated by metadata, or fixed by the product's definition.
    Stated,
    /// The scale of Sentinel-2 products, 1/10,000 for integers and 1 for small floating-point values.
    Usual,
    /// The only known scale with which the pixels are reflectance.
    Pixels,
}

/// The scale and how it fits the pixels, for manifests and `scene info`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LevelDecision {
    /// The origin of the scale.
    pub scale: ScaleRule,
    /// Whether the values are reflectance with this scale.
    pub verdict: LevelVerdict,
    /// 99th percentile of the brightest sampled band, as reflectance.
    pub brightest: Option<f64>,
}

/// Judges floors on the scale of 10,000 per unit of reflectance. `offset` is the offset of a band on that scale.
pub(crate) fn judge(floors: &[BandFloor], offset: impl Fn(Band) -> f32) -> LevelVerdict {
    let levels = levels(floors, offset);
    let of = |bands: &[Band]| levels.iter().filter(|level| bands.contains(&level.band)).collect::<Vec<_>>();
    let Some(top) = brightest(&levels) else { return LevelVerdict::Unknown };
    let is_too_bright = |level: &Level| {
        let (median, p99) = if matches!(level.band, Band::B11 | Band::B12) { BRIGHTEST_SWIR } else { BRIGHTEST };
        level.median > median || level.p99 > p99
    };
    let brighter_than_soil = of(&[Band::B11]).first().is_some_and(|swir| {
        swir.median > BRIGHTEST_SOIL && of(&[Band::B04]).first().is_some_and(|red| red.median < swir.median)
    });
    if levels.iter().any(is_too_bright) || brighter_than_soil {
        return LevelVerdict::TooBright;
    }
    if top >= DARKEST_LAND_TOP {
        return LevelVerdict::Plausible;
    }
    if top < DARKEST_TOP {
        return LevelVerdict::TooDark;
    }
    let p99 = |bands: &[Band]| of(bands).iter().map(|level| level.p99).reduce(f32::max);
    let beyond_red = p99(&[Band::B11, Band::B12]).or_else(|| p99(&[Band::B8A, Band::B08]));
    match (beyond_red, p99(&[Band::B04]).or_else(|| p99(&[Band::B03]))) {
        (Some(beyond), Some(red)) if beyond >= red => LevelVerdict::DarkLand,
        _ => LevelVerdict::Dark,
    }
}

/// Whether these are the values of usual land: bright enough, and not clouds, snow or desert alone. Narrower than
/// [`judge`], so that at most one of two scales that differ by a factor of 10 fits.
pub(crate) fn is_usual_land(floors: &[BandFloor]) -> bool {
    let levels = levels(floors, |_| 0.0);
    let median = levels.iter().map(|level| level.median).reduce(f32::max);
    judge(floors, |_| 0.0) == LevelVerdict::Plausible
        && brightest(&levels).is_some_and(|top| top <= 1.2)
        && median.is_some_and(|median| (0.05..=0.6).contains(&median))
}

/// The 99th percentile of the brightest band, as reflectance; `None` without a significant band.
pub(crate) fn brightest_reflectance(floors: &[BandFloor], offset: impl Fn(Band) -> f32) -> Option<f64> {
    // Rounded, so that records are the same on every machine.
    brightest(&levels(floors, offset)).map(|top| (f64::from(top) * 1e7).round() / 1e7)
}

/// Median and 99th percentile of a band, as reflectance.
struct Level {
    band: Band,
    median: f32,
    p99: f32,
}

/// The levels of the significant bands. The cirrus band hardly sees the ground.
fn levels(floors: &[BandFloor], offset: impl Fn(Band) -> f32) -> Vec<Level> {
    let significant = floors.iter().filter(|f| f.pixels >= MIN_PIXELS && f.band != Band::B10);
    let level = |f: &BandFloor| {
        let reflectance = |value: f32| (value + offset(f.band)) * 1e-4;
        Level { band: f.band, median: reflectance(f.p50), p99: reflectance(f.p99) }
    };
    significant.map(level).collect()
}

fn brightest(levels: &[Level]) -> Option<f32> {
    levels.iter().map(|level| level.p99).reduce(f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use LevelVerdict::{Dark, DarkLand, Plausible, TooBright, TooDark, Unknown};

    /// Median and 99th percentile of B12, B04, B11, B05 of real scenes, on the scale of 10,000, by numpy.percentile.
    const COAST: [(f32, f32); 4] = [(172.0, 2202.0), (725.0, 1782.0), (261.0, 3018.0), (705.0, 1897.0)];
    const LAKE: [(f32, f32); 4] = [(28.0, 36.0), (330.0, 349.0), (42.0, 52.0), (270.0, 283.0)];
    const FIELDS: [(f32, f32); 4] = [(1216.0, 2688.0), (1168.0, 2176.0), (1920.0, 3520.0), (1312.0, 2368.0)];
    const FOREST: [(f32, f32); 4] = [(447.0, 1260.0), (368.0, 888.0), (1030.0, 2385.0), (630.0, 1268.0)];
    const SNOW: [(f32, f32); 4] = [(2630.0, 3282.0), (2814.0, 3710.0), (3237.0, 3939.0), (2947.0, 3828.0)];
    const CLOUD: [(f32, f32); 4] = [(4484.0, 4967.0), (7932.0, 8888.0), (5694.0, 6094.0), (7800.0, 8800.0)];

    fn floors(levels: [(f32, f32); 4], factor: f32) -> Vec<BandFloor> {
        let bands = [Band::B12, Band::B04, Band::B11, Band::B05];
        let floor = |(band, (p50, p99)): (Band, (f32, f32))| BandFloor {
            band,
            pixels: 1000,
            p0_1: 0.0,
            p1: 0.0,
            p5: 0.0,
            p50: p50 * factor,
            p99: p99 * factor,
        };
        bands.into_iter().zip(levels).map(floor).collect()
    }

    #[test]
    fn real_scenes_are_possible_and_wrong_scales_are_not() {
        let at = |levels, factor| judge(&floors(levels, factor), |_| 0.0);
        for levels in [COAST, FIELDS, FOREST, SNOW, CLOUD] {
            assert_eq!(at(levels, 1.0), Plausible);
            assert!(!at(levels, 1e-4).is_possible(), "a scale that was applied twice");
            assert_eq!(at(levels, 6.5535), TooBright, "reflectance x 65535");
        }
        for levels in [COAST, FIELDS, FOREST, SNOW] {
            assert_eq!(at(levels, 0.1), DarkLand, "reflectance x 1000");
            assert_eq!(at(levels, 0.01), DarkLand, "percent");
        }
        assert_eq!([at(LAKE, 1.0), at(LAKE, 0.1), at(LAKE, 0.01)], [Dark, Dark, TooDark]);
        assert_eq!(judge(&floors(LAKE.map(|(a, b)| (a + 1000.0, b + 1000.0)), 1.0), |_| -1000.0), Dark);
        assert_eq!(judge(&[], |_| 0.0), Unknown);
    }

    #[test]
    fn one_of_the_known_scales_makes_usual_land() {
        for levels in [COAST, FIELDS, FOREST, SNOW] {
            for wrong in [0.1, 0.01, 6.5535] {
                let fits = |known: &&f32| is_usual_land(&floors(levels, wrong / **known));
                let found: Vec<f32> = [1.0, 0.1, 0.01, 6.5535].iter().filter(fits).copied().collect();
                assert_eq!(found, [wrong]);
            }
        }
    }
}
