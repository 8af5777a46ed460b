//! Noise floor: the apparent change of sites that did not change.

use serde::{Deserialize, Serialize};

/// Apparent gain or loss of stable sites, as a function of their disturbed area. Errors lie along outlines, and the length
/// of an outline grows with the square root of the area.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoiseFloor {
    /// Noise in hectares at one hectare of disturbed land.
    pub per_sqrt_ha: f64,
    /// Share of stable sites whose apparent change is at most the noise floor, 0 to 1.
    pub share: f64,
    /// Number of date pairs of stable sites in the fit; 0 for the default guess.
    pub learned_from: usize,
    /// Error of a change beside the floor, as a share of the change. 0 if it was not measured.
    #[serde(default)]
    pub error_of_change: f64,
}

impl Default for NoiseFloor {
    /// A guess for models whose noise was not measured: a strip of one pixel along a quarter of the outline of a round site.
    fn default() -> Self {
        // The outline of 1 ha is 2 sqrt(pi 10000 m2) = 354 m; a quarter of it times 10 m is 0.09 ha. Sites are not round, so
        // the guess is three times that.
        Self { per_sqrt_ha: 0.27, share: 0.95, learned_from: 0, error_of_change: 0.0 }
    }
}

/// A stable site on two dates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StablePair {
    /// Disturbed land in hectares.
    pub area_ha: f64,
    /// Mapped gain or loss, whichever is larger, in hectares.
    pub found_ha: f64,
}

impl NoiseFloor {
    /// The noise floor that `share` of the stable pairs do not exceed. `None` if fewer than 10 pairs have disturbed land.
    pub fn learn(pairs: &[StablePair], share: f64) -> Option<Self> {
        let mut ratios: Vec<f64> =
            pairs.iter().filter(|pair| pair.area_ha > 0.1).map(|pair| pair.found_ha / pair.area_ha.sqrt()).collect();
        if ratios.len() < 10 {
            return None;
        }
        ratios.sort_by(f64::total_cmp);
        // The smallest value that at least `share` of the ratios do not exceed.
        let rank = (share.clamp(0.0, 1.0) * ratios.len() as f64).ceil() as usize;
        let per_sqrt_ha = ratios[rank.clamp(1, ratios.len()) - 1];
        Some(Self { per_sqrt_ha, share, learned_from: ratios.len(), error_of_change: 0.0 })
    }

    /// The noise floor in hectares for a site with `disturbed_ha` hectares of disturbed land.
    pub fn ha(&self, disturbed_ha: f64) -> f64 {
        self.per_sqrt_ha * disturbed_ha.max(0.0).sqrt()
    }

    /// Half the width of the interval of a change, in hectares: the noise floor and the error of the change, which are independent.
    pub fn half_width_ha(&self, disturbed_ha: f64, change_ha: f64) -> f64 {
        self.ha(disturbed_ha).hypot(self.error_of_change * change_ha)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_holds_the_share_of_what_it_was_learned_from() {
        let pairs: Vec<StablePair> = (0..100)
            .map(|i| {
                let area_ha = 1.0 + f64::from(i % 7) * 30.0;
                StablePair { area_ha, found_ha: f64::from(i) / 100.0 * area_ha.sqrt() }
            })
            .collect();
        let floor = NoiseFloor::learn(&pairs, 0.95).unwrap();
        let under = pairs.iter().filter(|pair| pair.found_ha <= floor.ha(pair.area_ha) + 1e-12).count();
        assert_eq!((under, floor.learned_from), (95, 100));
        assert_eq!(NoiseFloor::learn(&pairs[..9], 0.95), None);
        assert_eq!(floor.ha(0.0), 0.0);
        assert_eq!(floor.half_width_ha(4.0, 10.0), floor.ha(4.0));
        let floor = NoiseFloor { per_sqrt_ha: 1.5, error_of_change: 0.4, ..floor };
        assert_eq!(floor.half_width_ha(4.0, 10.0), 5.0);
    }
}
