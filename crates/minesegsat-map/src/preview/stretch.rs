//! Conversion of reflectance to brightness: [`percentile`] and [`Stretch`].

use std::fmt;
use std::str::FromStr;

/// The percentile of the values, interpolated linearly like numpy's `percentile` by default. `None` without values.
/// Reorders the values, which must not contain NaN.
pub fn percentile(values: &mut [f32], percent: f64) -> Option<f32> {
    let last = values.len().checked_sub(1)?;
    let place = last as f64 * (percent / 100.0).clamp(0.0, 1.0);
    let (_, &mut low, above) = values.select_nth_unstable_by(place as usize, f32::total_cmp);
    let part = place.fract();
    if part == 0.0 {
        return Some(low);
    }
    let high = above.iter().copied().min_by(f32::total_cmp)?;
    Some((f64::from(low) + (f64::from(high) - f64::from(low)) * part) as f32)
}

/// Minimum range, 5 % of reflectance, so that noise over flat ground stays faint.
const LEAST_RANGE: f32 = 0.05;
/// Half a million values are enough for a percentile.
const ENOUGH_VALUES: usize = 1 << 19;
/// Brightens dark tones: out = in ^ (1 / gamma).
const GAMMA: f32 = 1.3;

/// Converts reflectance of three channels to brightness, from the 2nd to the 98th percentile.
///
/// As text: `low/range` of red, green and blue, such as `0.021/0.16 0.03/0.14 0.02/0.1`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    low: [f32; 3],
    range: [f32; 3],
}

impl Stretch {
    /// Computes the ranges from the values that are not NaN at the places with `is_used`.
    ///
    /// `sharing` moves each channel's range towards the widest one, on a logarithmic scale. At 0 each channel has its
    /// own range, which exaggerates colours. At 1 all have the same range, which preserves colours and the cast of
    /// the haze.
    pub fn fit(channels: [&[f32]; 3], is_used: impl Fn(usize) -> bool, sharing: f32) -> Self {
        let step = (channels[0].len() / ENOUGH_VALUES).max(1);
        let (mut low, mut range) = ([0.0; 3], [1.0; 3]);
        let mut is_empty = false;
        for (i, channel) in channels.into_iter().enumerate() {
            let used = channel.iter().enumerate().step_by(step).filter(|&(place, v)| !v.is_nan() && is_used(place));
            let mut values: Vec<f32> = used.map(|(_, &v)| v).collect();
            match (percentile(&mut values, 2.0), percentile(&mut values, 98.0)) {
                (Some(from), Some(to)) => (low[i], range[i]) = (from, to - from),
                _ => is_empty = true,
            }
        }
        if !is_empty {
            let widest = range.into_iter().fold(LEAST_RANGE, f32::max);
            for i in 0..3 {
                let wanted = (range[i].max(0.0).powf(1.0 - sharing) * widest.powf(sharing)).max(LEAST_RANGE);
                if range[i] < LEAST_RANGE {
                    low[i] -= (wanted - range[i]) / 2.0;
                }
                range[i] = wanted;
            }
        }
        Self { low, range }
    }

    /// Brightness, 0 to 255, of the channels of a pixel.
    pub fn brightness(&self, channels: [f32; 3]) -> [u8; 3] {
        std::array::from_fn(|i| {
            let part = ((channels[i] - self.low[i]) / self.range[i]).clamp(0.0, 1.0);
            (part.powf(1.0 / GAMMA) * 255.0).round() as u8
        })
    }
}

impl fmt::Display for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let channel = |i: usize| format!("{}/{}", self.low[i], self.range[i]);
        write!(f, "{} {} {}", channel(0), channel(1), channel(2))
    }
}

impl FromStr for Stretch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let channel = |part: &str| -> Option<(f32, f32)> {
            let (low, range) = part.split_once('/')?;
            let (low, range) = (low.parse::<f32>().ok()?, range.parse::<f32>().ok()?);
            (low.is_finite() && range.is_finite() && range > 0.0).then_some((low, range))
        };
        let channels: Option<Vec<_>> = text.split(' ').map(channel).collect();
        let channels: [(f32, f32); 3] = channels.and_then(|channels| channels.try_into().ok()).ok_or_else(|| {
            format!("`{text}` is not a stretch of three channels, such as `0.02/0.2 0.03/0.2 0.02/0.1`")
        })?;
        Ok(Self { low: channels.map(|(low, _)| low), range: channels.map(|(_, range)| range) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_the_same_after_it_was_text() {
        let ramp: Vec<f32> = (0..101).map(|i| 0.013 + i as f32 / 700.0).collect();
        let stretch = Stretch::fit([&ramp; 3], |_| true, 0.5);
        assert_eq!(stretch.to_string().parse(), Ok(stretch));
        for wrong in ["", "0/1 0/1", "0/1 0/1 0/0", "0/1 0/1 0/nan", "0/1 0/1 0/1 0/1"] {
            assert!(wrong.parse::<Stretch>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn percentiles_equal_numpys() {
        // numpy 2: v = (np.arange(101) * 37 % 101) ** 1.5; np.percentile(v.astype(np.float32), [0, 2, 33.3, 50, 98, 100])
        let mut values: Vec<f32> = (0..101).map(|i| ((i * 37 % 101) as f32).powf(1.5)).collect();
        let found: Vec<f32> = [0.0, 2.0, 33.3, 50.0, 98.0, 100.0].map(|p| percentile(&mut values, p).unwrap()).to_vec();
        let expected = [0.0, 2.828_427, 192.175_11, 353.553_4, 970.150_5, 1000.0];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= b * 1e-6), "{found:?}");
        // np.percentile(np.float32([3, -1, 10, 4]), [2, 50, 98])
        let mut few = [3.0, -1.0, 10.0, 4.0];
        let found = [2.0, 50.0, 98.0].map(|p| percentile(&mut few, p).unwrap());
        assert!(found.iter().zip([-0.76, 3.5, 9.64]).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-6), "{found:?}");
        assert_eq!((percentile(&mut [7.0], 98.0), percentile(&mut [], 50.0)), (Some(7.0), None));
    }

    #[test]
    fn clouds_and_missing_pixels_do_not_decide_the_stretch() {
        let ground: Vec<f32> = (0..1000).map(|i| 0.05 + 0.0002 * i as f32).collect();
        let mut cloudy = ground.clone();
        cloudy.extend([f32::NAN; 300]);
        cloudy.extend([0.9; 300]);
        let clear = Stretch::fit([&ground; 3], |_| true, 0.25);
        assert_eq!(Stretch::fit([&cloudy; 3], |place| place < 1000, 0.25), clear);
        assert_eq!(clear.brightness([0.0; 3]), [0; 3]);
        assert_eq!(clear.brightness([0.9; 3]), [255; 3]);
    }

    #[test]
    fn sharing_brings_the_ranges_of_the_channels_together() {
        let ramp = |range: f32| (0..101).map(|i| i as f32 / 100.0 * range).collect::<Vec<_>>();
        let (wide, narrow) = (ramp(0.4), ramp(0.1));
        let middle = |sharing| Stretch::fit([&wide, &narrow, &narrow], |_| true, sharing).brightness([0.2, 0.05, 0.05]);
        let [own, partly, same] = [middle(0.0), middle(0.25), middle(1.0)];
        assert_eq!(own[0], own[1], "each to its own range: the middle is the middle");
        assert!(own[1] > partly[1] && partly[1] > same[1]);
        assert!(own[0] == partly[0] && partly[0] == same[0], "the widest keeps its range");
    }

    #[test]
    fn flat_and_empty_channels_have_a_brightness() {
        let flat = Stretch::fit([&[0.2; 50]; 3], |_| true, 0.25).brightness([0.2; 3]);
        assert!((100..160).contains(&flat[0]), "{flat:?}");
        assert_eq!(Stretch::fit([&[f32::NAN; 4]; 3], |_| true, 0.25).brightness([0.5, 0.0, 1.0])[1], 0);
    }
}
