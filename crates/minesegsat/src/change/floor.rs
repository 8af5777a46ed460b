//! How much change stable sites show: the noise floor.

use serde::{Deserialize, Serialize};

/// What stable sites show of gain or loss, as a function of their disturbed area: noise is made along outlines, whose
/// length grows with the square root of the area.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoiseFloor {
    /// Hectares of noise at one hectare of disturbed land.
    pub per_sqrt_ha: f64,
    /// Share of stable sites that show less, 0 to 1.
    pub share: f64,
    /// Number of pairs of dates of stable sites that it was learned from; 0 of the guess that stands in for it.
    pub learned_from: usize,
}

impl Default for NoiseFloor {
    /// A guess for models whose noise was not learned: a strip of one pixel along a quarter of the outline of a round site.
    fn default() -> Self {
        // Outline of 1 ha: 2 sqrt(pi 10000 m2) = 354 m; a quarter of it times 10 m is 0.09 ha. Sites are not round: thrice that.
        Self { per_sqrt_ha: 0.27, share: 0.95, learned_from: 0 }
    }
}

/// A stable site on two dates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StablePair {
    /// Disturbed land in hectares.
    pub area_ha: f64,
    /// Gain or loss that was found, whichever is larger, in hectares.
    pub found_ha: f64,
}

impl NoiseFloor {
    /// The floor that so large a share of stable pairs lies under. `None` of fewer than 10 pairs with disturbed land.
    pub fn learn(pairs: &[StablePair], share: f64) -> Option<Self> {
        let mut ratios: Vec<f64> =
            pairs.iter().filter(|pair| pair.area_ha > 0.1).map(|pair| pair.found_ha / pair.area_ha.sqrt()).collect();
        if ratios.len() < 10 {
            return None;
        }
        ratios.sort_by(f64::total_cmp);
        // The smallest value that at least the share lies at or under.
        let rank = (share.clamp(0.0, 1.0) * ratios.len() as f64).ceil() as usize;
        Some(Self { per_sqrt_ha: ratios[rank.clamp(1, ratios.len()) - 1], share, learned_from: ratios.len() })
    }

    /// The floor of a site, in hectares.
    pub fn ha(&self, disturbed_ha: f64) -> f64 {
        self.per_sqrt_ha * disturbed_ha.max(0.0).sqrt()
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
    }
}
