//! Random changes of training samples: [`Augmentation`].

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::air::Air;
use super::clouds;
use super::crop::Crop;
use minesegsat_core::noise::{Dice, pixel_normal};
use minesegsat_core::{Band, Error, Result};

/// Reference wavelength of the amount of haze in micrometres (that of B02).
const HAZE_AT_UM: f32 = 0.4924;
/// Range of the exponents of haze: path reflectance falls with wavelength to the power of -4 in very clear air, and of
/// -1 in moderate air (Chavez 1988, Remote Sensing of Environment 24, table 1).
const HAZE_EXPONENTS: (f32, f32) = (1.0, 4.0);

/// Random changes of training samples. The default changes nothing.
///
/// Each change has its own probability, 0 to 1, and its own random numbers. Adding a change does not alter the others.
///
/// # Order
/// 1. Position, `scale`, `rotate`, `rotate90`, `flip`: one resampling of the whole sample. With rotation or scale,
///    bands are interpolated bilinearly; otherwise pixels are copied. Classes come from the nearest pixel.
/// 2. Reflectance, in the order of the light path: the ground (`band_gain`, `brightness`, `contrast`), the air
///    (`atmosphere`, `top_of_atmosphere`), `clouds` and their shadows, and the sensor (`noise`). Values below 0 become 0, as when samples
///    are read.
/// 3. Normalisation.
/// 4. `cutmix` (Yun et al. 2019, ICCV): a rectangle of another sample with its own random changes. It hides
///    surroundings that a network with few training sites would otherwise memorise.
/// 5. Input channels of the network: `band_subset`, `band_dropout`, then `channel_shuffle`.
///
/// Pixels with missing data keep their value through step 2.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augmentation {
    /// Probability of a horizontal flip and, independently, of a vertical flip.
    pub flip: f64,
    /// Probability of a rotation by 0, 90, 180 or 270 degrees, each equally likely.
    pub rotate90: f64,
    /// Probability of a rotation by any angle. Pixels from outside the sample mirror it and are ignored.
    pub rotate: f64,
    /// Maximum rotation to either side in degrees.
    pub rotate_degrees: f64,
    /// Probability of enlarging or reducing.
    pub scale: f64,
    /// Minimum and maximum scale factor, uniform in the logarithm. At 2, objects are twice as large.
    pub scale_range: [f64; 2],
    /// Probability that a rectangle comes from another sample.
    pub cutmix: f64,
    /// Maximum share of the crop that this rectangle covers; shares are uniform from 0 to this.
    pub cutmix_share: f64,
    /// Probability of a random order of channels.
    pub channel_shuffle: f64,
    /// Probability of multiplying all bands by one factor.
    pub brightness: f64,
    /// Maximum distance of the factor from 1.
    pub brightness_amount: f64,
    /// Probability of multiplying each band's deviations from its mean over the crop by one factor.
    pub contrast: f64,
    /// Maximum distance of the factor from 1.
    pub contrast_amount: f64,
    /// Probability of multiplying each band by its own factor.
    pub band_gain: f64,
    /// Maximum distance of these factors from 1.
    pub band_gain_amount: f64,
    /// Probability of haze. Haze adds reflectance that falls with wavelength and removes the same share of light from
    /// the ground.
    pub atmosphere: f64,
    /// Maximum reflectance that haze adds at 0.49 micrometres (B02).
    pub atmosphere_amount: f64,
    /// Probability that the sample is seen from above the air (level 1C): the light of the air is added, and light is lost on both
    /// ways. For samples of surface reflectance.
    pub top_of_atmosphere: f64,
    /// Probability of normal noise, independent per pixel and band.
    pub noise: f64,
    /// Standard deviation of the noise in reflectance.
    pub noise_std: f64,
    /// Probability that only the bands of one of `band_subsets` are kept. The others are set to 0 after normalisation.
    pub band_subset: f64,
    /// Sets of bands that products have, such as `[["B02", "B03", "B04"]]`. Each is equally likely.
    pub band_subsets: Vec<Vec<Band>>,
    /// Probability that single bands are dropped: set to 0 after normalisation.
    pub band_dropout: f64,
    /// Maximum number of bands dropped at once. At least one band stays.
    pub band_dropout_max: usize,
    /// Probability of a fractal cloud and its shadow. Ground under the opaque parts of the cloud and in the core of the
    /// shadow is ignored.
    pub clouds: f64,
    /// Maximum share of the crop under cloud.
    pub clouds_cover: f64,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self {
            flip: 0.0,
            rotate90: 0.0,
            rotate: 0.0,
            rotate_degrees: 0.0,
            scale: 0.0,
            scale_range: [1.0, 1.0],
            cutmix: 0.0,
            cutmix_share: 0.0,
            channel_shuffle: 0.0,
            brightness: 0.0,
            brightness_amount: 0.0,
            contrast: 0.0,
            contrast_amount: 0.0,
            band_gain: 0.0,
            band_gain_amount: 0.0,
            atmosphere: 0.0,
            atmosphere_amount: 0.0,
            top_of_atmosphere: 0.0,
            noise: 0.0,
            noise_std: 0.0,
            band_subset: 0.0,
            band_subsets: Vec::new(),
            band_dropout: 0.0,
            band_dropout_max: 0,
            clouds: 0.0,
            clouds_cover: 0.0,
        }
    }
}

/// Random numbers for one change of one sample; `None` if the change is not drawn.
pub(super) fn chosen(seed: u64, name: &str, probability: f64) -> Option<Dice> {
    let mut dice = Dice::new(seed, name);
    dice.chance(probability as f32).then_some(dice)
}

impl Augmentation {
    /// Returns an error that names the first invalid value.
    pub fn check(&self) -> Result<()> {
        fn accept(is: bool, name: &'static str, value: impl ToString, accepted: &str) -> Result<()> {
            if is {
                return Ok(());
            }
            Err(Error::Argument { name, value: value.to_string(), accepted: accepted.to_owned() })
        }
        for (name, probability) in self.probabilities() {
            accept((0.0..=1.0).contains(&probability), name, probability, "a probability, 0 to 1")?;
        }
        let amounts = [
            ("rotate", self.rotate, "rotate_degrees", self.rotate_degrees, 180.0, "degrees above 0, up to 180"),
            ("cutmix", self.cutmix, "cutmix_share", self.cutmix_share, 1.0, "a share above 0, up to 1"),
            ("brightness", self.brightness, "brightness_amount", self.brightness_amount, 1.0, "above 0, up to 1"),
            ("contrast", self.contrast, "contrast_amount", self.contrast_amount, 1.0, "above 0, up to 1"),
            ("band_gain", self.band_gain, "band_gain_amount", self.band_gain_amount, 1.0, "above 0, up to 1"),
            ("atmosphere", self.atmosphere, "atmosphere_amount", self.atmosphere_amount, 1.0, "above 0, up to 1"),
            ("noise", self.noise, "noise_std", self.noise_std, 1.0, "reflectance above 0, up to 1"),
            ("clouds", self.clouds, "clouds_cover", self.clouds_cover, 1.0, "a share above 0, up to 1"),
        ];
        for (of, probability, name, amount, most, accepted) in amounts {
            let least = amount > 0.0 || (amount == 0.0 && probability == 0.0);
            accept(least && amount <= most, name, amount, &format!("{accepted}, if `{of}` is above 0"))?;
        }
        let [low, high] = self.scale_range;
        accept(
            low >= 0.1 && high <= 10.0 && low <= high && (self.scale == 0.0 || low < high),
            "scale_range",
            format!("[{low}, {high}]"),
            "the minimum and maximum factor, 0.1 to 10, which must differ if `scale` is above 0",
        )?;
        accept(
            self.band_dropout == 0.0 || self.band_dropout_max > 0,
            "band_dropout_max",
            self.band_dropout_max,
            "1 or more if `band_dropout` is above 0",
        )?;
        let is_full = !self.band_subsets.is_empty() && self.band_subsets.iter().all(|subset| !subset.is_empty());
        let subsets = self.band_subsets.iter().map(|subset| Band::list(subset)).collect::<Vec<_>>().join("; ");
        accept(
            self.band_subset == 0.0 || is_full,
            "band_subsets",
            subsets,
            "one or more sets of bands if `band_subset` is above 0, none empty",
        )
    }

    /// Whether all probabilities are 0.
    pub fn is_none(&self) -> bool {
        self.probabilities().iter().all(|(_, probability)| *probability == 0.0)
    }

    fn probabilities(&self) -> [(&'static str, f64); 15] {
        [
            ("flip", self.flip),
            ("rotate90", self.rotate90),
            ("rotate", self.rotate),
            ("scale", self.scale),
            ("cutmix", self.cutmix),
            ("channel_shuffle", self.channel_shuffle),
            ("brightness", self.brightness),
            ("contrast", self.contrast),
            ("band_gain", self.band_gain),
            ("atmosphere", self.atmosphere),
            ("top_of_atmosphere", self.top_of_atmosphere),
            ("noise", self.noise),
            ("band_subset", self.band_subset),
            ("band_dropout", self.band_dropout),
            ("clouds", self.clouds),
        ]
    }

    /// Step 2: changes the reflectance of a crop of `side` pixels.
    pub(super) fn radiometric(&self, seed: u64, bands: &[Band], side: usize, ignore: u8, crop: &mut Crop) {
        let plane = side * side;
        let kept: Vec<f32> = crop
            .data
            .chunks_exact(plane)
            .flat_map(|channel| crop.missing.iter().map(|&at| channel[at as usize]))
            .collect();
        let lines = self.lines(seed, bands, plane, crop);
        let mut changed = false;
        for (channel, Line { gain, add }) in crop.data.chunks_exact_mut(plane).zip(lines) {
            if (gain, add) != (1.0, 0.0) {
                for value in channel {
                    *value = *value * gain + add;
                }
                changed = true;
            }
        }
        if let Some(mut dice) = chosen(seed, "clouds", self.clouds) {
            let cover = self.clouds_cover as f32 * dice.unit();
            clouds::add(dice.bits(), cover, bands, side, ignore, crop);
            changed = true;
        }
        if let Some(mut dice) = chosen(seed, "noise", self.noise) {
            let std = self.noise_std as f32;
            for channel in crop.data.chunks_exact_mut(plane) {
                let start = dice.bits();
                for (at, value) in channel.iter_mut().enumerate() {
                    *value += std * pixel_normal(start, at as u64);
                }
            }
            changed = true;
        }
        if !changed {
            return;
        }
        for value in &mut crop.data {
            *value = value.max(0.0);
        }
        let kept = kept.chunks_exact(crop.missing.len().max(1));
        for (channel, kept) in crop.data.chunks_exact_mut(plane).zip(kept) {
            for (&at, &value) in crop.missing.iter().zip(kept) {
                channel[at as usize] = value;
            }
        }
    }

    /// Combines all linear changes into one line per band.
    fn lines(&self, seed: u64, bands: &[Band], plane: usize, crop: &Crop) -> Vec<Line> {
        let around_one = |dice: &mut Dice, amount: f64| 1.0 + amount as f32 * dice.range(-1.0, 1.0);
        let mut lines = vec![Line { gain: 1.0, add: 0.0 }; bands.len()];
        if let Some(mut dice) = chosen(seed, "band_gain", self.band_gain) {
            for line in &mut lines {
                line.gain *= around_one(&mut dice, self.band_gain_amount);
            }
        }
        if let Some(mut dice) = chosen(seed, "brightness", self.brightness) {
            let gain = around_one(&mut dice, self.brightness_amount);
            for line in &mut lines {
                line.gain *= gain;
            }
        }
        if let Some(mut dice) = chosen(seed, "contrast", self.contrast) {
            let factor = around_one(&mut dice, self.contrast_amount);
            for (line, channel) in lines.iter_mut().zip(crop.data.chunks_exact(plane)) {
                line.add = (1.0 - factor) * line.gain * mean(channel, &crop.missing);
                line.gain *= factor;
            }
        }
        if let Some(mut dice) = chosen(seed, "atmosphere", self.atmosphere) {
            let amount = self.atmosphere_amount as f32 * dice.unit();
            let exponent = dice.range(HAZE_EXPONENTS.0, HAZE_EXPONENTS.1);
            for (line, band) in lines.iter_mut().zip(bands) {
                // Single scattering: light that the air scatters to the sensor does not reach the ground.
                let path = (amount * (band.wavelength_um() / HAZE_AT_UM).powf(-exponent)).min(1.0);
                line.gain *= 1.0 - path;
                line.add = line.add * (1.0 - path) + path;
            }
        }
        if let Some(mut dice) = chosen(seed, "top_of_atmosphere", self.top_of_atmosphere) {
            let air = Air::draw(&mut dice);
            for (line, &band) in lines.iter_mut().zip(bands) {
                let Line { gain, add } = air.line(band);
                *line = Line { gain: line.gain * gain, add: line.add * gain + add };
            }
        }
        lines
    }

    /// Step 4: the rectangle of another sample in a crop of `side` pixels as rows and columns, and the random numbers
    /// of that sample.
    pub(super) fn cutmix(&self, seed: u64, side: usize) -> Option<([Range<usize>; 2], Dice)> {
        let mut dice = chosen(seed, "cutmix", self.cutmix)?;
        let length = side as f32 * (self.cutmix_share as f32 * dice.unit()).sqrt();
        let length = (length.round() as usize).clamp(1, side);
        let mut span = || {
            let start = (dice.bits() % (side - length + 1) as u64) as usize;
            start..start + length
        };
        let place = [span(), span()];
        Some((place, dice))
    }

    /// Most of `bands` that a sample may lack.
    pub fn most_absent(&self, bands: &[Band]) -> usize {
        let single = if self.band_dropout > 0.0 { self.band_dropout_max.min(bands.len().saturating_sub(1)) } else { 0 };
        let without = |kept: &Vec<Band>| bands.iter().filter(|band| !kept.contains(band)).count();
        let subsets = self.band_subsets.iter().filter(|_| self.band_subset > 0.0).map(without);
        subsets.filter(|&lost| lost < bands.len()).max().unwrap_or(0).max(single)
    }

    /// Step 5: changes the channels, `[C, H, W]` with `plane` pixels each. `absent` are channels that are 0 already. At least one
    /// channel keeps its values.
    pub(super) fn channels(&self, seed: u64, bands: &[Band], absent: &[usize], plane: usize, data: &mut Vec<f32>) {
        let channels = data.len() / plane;
        let mut present: Vec<usize> = (0..channels).filter(|channel| !absent.contains(channel)).collect();
        let mut drop = |channel: usize| data[channel * plane..][..plane].fill(0.0);
        if let Some(mut dice) = chosen(seed, "band_subset", self.band_subset) {
            let subset = &self.band_subsets[(dice.bits() % self.band_subsets.len() as u64) as usize];
            let (kept, lost): (Vec<usize>, Vec<usize>) =
                present.iter().partition(|&&channel| subset.contains(&bands[channel]));
            if !kept.is_empty() {
                lost.into_iter().for_each(&mut drop);
                present = kept;
            }
        }
        if let Some(mut dice) = chosen(seed, "band_dropout", self.band_dropout) {
            let most = self.band_dropout_max.min(present.len().saturating_sub(1));
            if most > 0 {
                dice.shuffle(&mut present);
                let lost = 1 + (dice.bits() % most as u64) as usize;
                present[..lost].iter().copied().for_each(&mut drop);
            }
        }
        if let Some(mut dice) = chosen(seed, "channel_shuffle", self.channel_shuffle) {
            let mut order: Vec<usize> = (0..channels).collect();
            dice.shuffle(&mut order);
            *data = order.iter().flat_map(|&from| &data[from * plane..][..plane]).copied().collect();
        }
    }
}

/// Linear change `value * gain + add`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) gain: f32,
    pub(crate) add: f32,
}

/// Mean of a channel without the missing pixels.
fn mean(channel: &[f32], missing: &[u32]) -> f32 {
    let all: f64 = channel.iter().map(|&v| f64::from(v)).sum();
    let without: f64 = missing.iter().map(|&at| f64::from(channel[at as usize])).sum();
    ((all - without) / (channel.len() - missing.len()).max(1) as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 64;

    /// Twelve bands that are constant except for a gradient.
    fn crop() -> Crop {
        let data = (0..12 * SIDE * SIDE).map(|i| 0.1 + 0.1 * (i % SIDE) as f32 / SIDE as f32).collect();
        Crop { data, mask: vec![1; SIDE * SIDE], missing: Vec::new() }
    }

    fn changed(augmentation: &Augmentation, seed: u64) -> Crop {
        augmentation.check().unwrap();
        let mut crop = crop();
        augmentation.radiometric(seed, &Band::PAPER, SIDE, 255, &mut crop);
        crop
    }

    fn means(crop: &Crop) -> Vec<f32> {
        crop.data.chunks_exact(SIDE * SIDE).map(|channel| mean(channel, &[])).collect()
    }

    #[test]
    fn the_default_changes_nothing() {
        let none = Augmentation::default();
        assert!(none.is_none());
        assert_eq!(changed(&none, 3), crop());
        let mut data = crop().data;
        none.channels(3, &Band::PAPER, &[], SIDE * SIDE, &mut data);
        assert_eq!(data, crop().data);
        assert!(!Augmentation { noise: 0.1, noise_std: 0.1, ..none }.is_none());
    }

    #[test]
    fn values_that_mean_nothing_are_refused() {
        let refused = |augmentation: Augmentation| augmentation.check().unwrap_err().to_string();
        let none = Augmentation::default;
        let message = refused(Augmentation { flip: 1.5, ..none() });
        assert_eq!(message, "flip `1.5` is not accepted: a probability, 0 to 1");
        assert!(refused(Augmentation { clouds: f64::NAN, ..none() }).contains("clouds `NaN`"));
        let message = refused(Augmentation { brightness: 0.5, ..none() });
        assert_eq!(message, "brightness_amount `0` is not accepted: above 0, up to 1, if `brightness` is above 0");
        assert!(refused(Augmentation { noise_std: -0.1, ..none() }).contains("noise_std `-0.1`"));
        assert!(refused(Augmentation { rotate: 0.5, rotate_degrees: 270.0, ..none() }).contains("up to 180"));
        assert!(refused(Augmentation { scale: 0.5, ..none() }).contains("scale_range `[1, 1]`"));
        assert!(refused(Augmentation { scale_range: [2.0, 0.5], ..none() }).contains("scale_range `[2, 0.5]`"));
        assert!(refused(Augmentation { band_dropout: 0.5, ..none() }).contains("band_dropout_max `0`"));
        let unknown = serde_json::from_str::<Augmentation>(r#"{"flipp": 0.5}"#).unwrap_err().to_string();
        assert!(unknown.contains("unknown field `flipp`, expected one of `flip`, `rotate90`"), "{unknown}");
        let some: Augmentation = serde_json::from_str(r#"{"flip": 0.5}"#).unwrap();
        assert_eq!(some, Augmentation { flip: 0.5, ..none() });
    }

    #[test]
    fn gains_stay_within_their_amounts_and_differ_between_bands_only_where_they_should() {
        let before = means(&crop());
        let ratios = |augmentation: &Augmentation, seed| -> Vec<f32> {
            means(&changed(augmentation, seed)).iter().zip(&before).map(|(a, b)| a / b).collect()
        };
        let brightness = Augmentation { brightness: 1.0, brightness_amount: 0.2, ..Augmentation::default() };
        let gain = Augmentation { band_gain: 1.0, band_gain_amount: 0.1, ..Augmentation::default() };
        let contrast = Augmentation { contrast: 1.0, contrast_amount: 0.5, ..Augmentation::default() };
        let mut spread = (f32::MAX, f32::MIN);
        for seed in 0..40 {
            let same = ratios(&brightness, seed);
            assert!(same.iter().all(|r| (r - same[0]).abs() < 1e-4 && (0.799..=1.201).contains(r)), "{same:?}");
            spread = (spread.0.min(same[0]), spread.1.max(same[0]));
            let own = ratios(&gain, seed);
            assert!(own.iter().all(|r| (0.899..=1.101).contains(r)) && own.windows(2).all(|w| w[0] != w[1]), "{own:?}");
            assert!(ratios(&contrast, seed).iter().all(|r| (r - 1.0).abs() < 1e-4));
            let stretched = changed(&contrast, seed);
            let factor = (stretched.data[SIDE - 1] - stretched.data[0]) / (crop().data[SIDE - 1] - crop().data[0]);
            assert!((0.5..=1.5).contains(&factor), "{factor}");
        }
        assert!(spread.0 < 0.85 && spread.1 > 1.15, "{spread:?}");
    }

    #[test]
    fn haze_is_bluest_and_takes_light_away() {
        let haze = Augmentation { atmosphere: 1.0, atmosphere_amount: 0.1, ..Augmentation::default() };
        for seed in 0..20 {
            let crop = changed(&haze, seed);
            let contrast: Vec<f32> =
                crop.data.chunks_exact(SIDE * SIDE).map(|channel| channel[SIDE - 1] - channel[0]).collect();
            let mut by_wavelength: Vec<(f32, f32)> =
                Band::PAPER.iter().map(|band| band.wavelength_um()).zip(contrast).collect();
            by_wavelength.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(by_wavelength.windows(2).all(|pair| pair[0].1 < pair[1].1), "{by_wavelength:?}");
            let blue = means(&crop)[2] - means(&super::tests::crop())[2];
            assert!((0.0..0.1).contains(&blue), "{blue}");
        }
    }

    #[test]
    fn noise_has_the_deviation_asked_for() {
        let noise = Augmentation { noise: 1.0, noise_std: 0.01, ..Augmentation::default() };
        let difference: Vec<f32> = changed(&noise, 5).data.iter().zip(&crop().data).map(|(a, b)| a - b).collect();
        let n = difference.len() as f32;
        let mean = difference.iter().sum::<f32>() / n;
        let std = (difference.iter().map(|d| (d - mean).powi(2)).sum::<f32>() / n).sqrt();
        assert!(mean.abs() < 3e-4 && (std - 0.01).abs() < 3e-4, "{mean} {std}");
        // Each band has its own noise.
        let (a, b) = (&difference[..SIDE * SIDE], &difference[SIDE * SIDE..2 * SIDE * SIDE]);
        let product: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>() / (SIDE * SIDE) as f32;
        assert!(product.abs() < 1e-5, "{product}");
    }

    #[test]
    fn missing_pixels_are_left_alone() {
        let all = Augmentation {
            brightness: 1.0,
            brightness_amount: 0.5,
            contrast: 1.0,
            contrast_amount: 0.5,
            atmosphere: 1.0,
            atmosphere_amount: 0.2,
            clouds: 1.0,
            clouds_cover: 0.9,
            noise: 1.0,
            noise_std: 0.1,
            ..Augmentation::default()
        };
        let mut crop = crop();
        crop.missing = vec![7, 300, 4095];
        for at in [7, 300, 4095] {
            crop.mask[at] = 255;
            for channel in crop.data.chunks_exact_mut(SIDE * SIDE) {
                channel[at] = 0.0;
            }
        }
        all.radiometric(9, &Band::PAPER, SIDE, 255, &mut crop);
        for channel in crop.data.chunks_exact(SIDE * SIDE) {
            assert!([7, 300, 4095].iter().all(|&at| channel[at] == 0.0));
            assert!(channel.iter().filter(|v| **v > 0.0).count() > SIDE * SIDE / 2);
        }
        assert!([7, 300, 4095].iter().all(|&at| crop.mask[at] == 255));
    }

    #[test]
    fn channels_change_places_and_at_least_one_stays() {
        let data: Vec<f32> = (0..12).flat_map(|channel| [channel as f32 + 1.0; 4]).collect();
        let shuffle = Augmentation { channel_shuffle: 1.0, ..Augmentation::default() };
        let dropout = Augmentation { band_dropout: 1.0, band_dropout_max: 5, ..Augmentation::default() };
        let mut lost = std::collections::BTreeSet::new();
        for seed in 0..60 {
            let mut shuffled = data.clone();
            shuffle.channels(seed, &Band::PAPER, &[], 4, &mut shuffled);
            assert!(shuffled.chunks_exact(4).all(|channel| channel.iter().all(|v| *v == channel[0])));
            assert_ne!(shuffled, data);
            shuffled.sort_by(f32::total_cmp);
            assert_eq!(shuffled, data);

            let mut dropped = data.clone();
            dropout.channels(seed, &Band::PAPER, &[], 4, &mut dropped);
            let zeros = dropped.iter().filter(|v| **v == 0.0).count() / 4;
            assert!(dropped.iter().zip(&data).all(|(a, b)| *a == 0.0 || a == b));
            lost.insert(zeros);

            let mut one = vec![1.0; 4];
            dropout.channels(seed, &Band::PAPER[..1], &[], 4, &mut one);
            assert_eq!(one, [1.0; 4]);
            let mut two = vec![1.0; 8];
            dropout.channels(seed, &Band::PAPER[..2], &[], 4, &mut two);
            assert_eq!(two.iter().sum::<f32>(), 4.0);
        }
        assert_eq!(lost.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    }
    #[test]
    fn subsets_keep_their_bands_and_absent_bands_stay_absent() {
        let subsets = vec![vec![Band::B02, Band::B03, Band::B04], vec![Band::B11]];
        let some = Augmentation { band_subset: 1.0, band_subsets: subsets, ..Augmentation::default() };
        some.check().unwrap();
        assert_eq!(some.most_absent(&Band::PAPER), 11);
        let of = |seed, absent: &[usize]| -> Vec<usize> {
            let mut data = vec![1.0; 12];
            for &channel in absent {
                data[channel] = 0.0;
            }
            some.channels(seed, &Band::PAPER, absent, 1, &mut data);
            (0..12).filter(|&channel| data[channel] != 0.0).collect()
        };
        let swir = Band::PAPER.iter().position(|band| *band == Band::B11).unwrap();
        let both: std::collections::BTreeSet<_> = (0..40).map(|seed| of(seed, &[])).collect();
        assert_eq!(both.into_iter().collect::<Vec<_>>(), [vec![0, 1, 2], vec![swir]]);
        // A subset of which the sample has nothing is not applied.
        let lacking: std::collections::BTreeSet<_> = (0..40).map(|seed| of(seed, &[swir]).len()).collect();
        assert_eq!(lacking.into_iter().collect::<Vec<_>>(), [3, 11]);
        let none = Augmentation { band_subset: 0.5, ..Augmentation::default() };
        assert!(none.check().unwrap_err().to_string().contains("band_subsets ``"));
    }
}
