//! Baselines that a model must beat: [`Baseline`].

use serde::{Deserialize, Serialize};

use minesegsat_core::Band;
use minesegsat_core::metrics::ConfusionMatrix;
use minesegsat_map::preview::SpectralIndex;

/// A simple classifier without a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Baseline {
    /// No pixel is a mine.
    AllBackground,
    /// Every pixel is a mine.
    AllMine,
    /// Pixels whose mean reflectance over the visible bands reaches a threshold are mines, because mines are bright.
    Brightness,
    /// Pixels whose bare soil index reaches a threshold are mines, see [`SpectralIndex::Bsi`].
    BareSoil,
}

const VISIBLE: [Band; 3] = [Band::B02, Band::B03, Band::B04];

impl Baseline {
    /// Label in reports.
    pub const fn label(self) -> &'static str {
        match self {
            Self::AllBackground => "All background",
            Self::AllMine => "All mine",
            Self::Brightness => "Brightness threshold",
            Self::BareSoil => "Bare-soil index threshold",
        }
    }

    /// The bands that the baseline needs; `None` if the set lacks one.
    pub(super) fn bands(self, of_set: &[Band]) -> Option<Vec<Band>> {
        let there = |bands: &[Band]| -> Vec<Band> { bands.iter().copied().filter(|b| of_set.contains(b)).collect() };
        match self {
            Self::AllBackground | Self::AllMine => Some(Vec::new()),
            Self::Brightness => Some(there(&VISIBLE)).filter(|bands| !bands.is_empty()),
            Self::BareSoil => {
                let wanted = SpectralIndex::Bsi.bands();
                Some(there(wanted)).filter(|bands| bands.len() == wanted.len())
            }
        }
    }

    /// The feature that is compared with the threshold, from the reflectance of the baseline's bands.
    pub(super) fn feature(self, reflectance: &[f32]) -> f32 {
        match self {
            Self::AllBackground => 0.0,
            Self::AllMine => 1.0,
            Self::Brightness => reflectance.iter().sum::<f32>() / reflectance.len() as f32,
            Self::BareSoil => SpectralIndex::Bsi.value(reflectance),
        }
    }

    /// Range of the feature; `None` if the baseline has no threshold.
    const fn range(self) -> Option<(f32, f32)> {
        match self {
            Self::AllBackground | Self::AllMine => None,
            // Reflectance above 1.6 is cloud or glint. Bins are one digital number wide. Their edges lie between the
            // multiples of one third that means of three bands take, so rounding moves no pixel across an edge.
            Self::Brightness => Some((-5e-5, 1.6 - 5e-5)),
            Self::BareSoil => Some((-1.0, 1.0)),
        }
    }

    /// An empty histogram to tune the threshold on.
    pub(super) fn tuner(self) -> Option<FeatureHistogram> {
        let (from, to) = self.range()?;
        Some(FeatureHistogram { from, step: (to - from) / BINS as f32, counts: vec![[0; 2]; BINS] })
    }
}

const BINS: usize = 16_000;

/// Histogram of a feature for mine and other pixels.
pub(super) struct FeatureHistogram {
    from: f32,
    step: f32,
    /// Number of other pixels and of mine pixels in each bin.
    counts: Vec<[u64; 2]>,
}

impl FeatureHistogram {
    pub(super) fn add(&mut self, feature: f32, is_mine: bool) {
        if !feature.is_nan() {
            let bin = ((feature - self.from) / self.step).max(0.0) as usize;
            self.counts[bin.min(BINS - 1)][usize::from(is_mine)] += 1;
        }
    }

    /// The threshold with the highest F1, and that F1; `None` if no pixel is a mine.
    pub(super) fn best(&self) -> Option<(f32, f64)> {
        let mines: u64 = self.counts.iter().map(|c| c[1]).sum();
        let (mut tp, mut fp) = (0, 0);
        let mut best: Option<(f32, f64)> = None;
        for (bin, [others, more]) in self.counts.iter().enumerate().rev() {
            tp += more;
            fp += others;
            let f1 = ConfusionMatrix { tp, fp, fn_: mines - tp, tn: 0 }.f1().unwrap_or(0.0);
            if mines > 0 && best.is_none_or(|(_, found)| f1 > found) {
                best = Some((self.from + bin as f32 * self.step, f1));
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_tuned_to_the_largest_f1() {
        let mut tuner = Baseline::Brightness.tuner().unwrap();
        for (feature, is_mine) in [(0.30, true), (0.25, true), (0.20, false), (0.15, true), (0.05, false), (2.0, true)]
        {
            tuner.add(feature, is_mine);
        }
        // From 0.15 on: TP 4, FP 1: 8 / 9. From 0.25 on: TP 3, FN 1: 6 / 7.
        let (threshold, f1) = tuner.best().unwrap();
        assert!((threshold - 0.15).abs() < 1e-4 && threshold < 0.15, "{threshold}");
        assert!((f1 - 8.0 / 9.0).abs() < 1e-12, "{f1}");
        assert_eq!(Baseline::BareSoil.tuner().unwrap().best(), None);
        assert!(Baseline::AllMine.tuner().is_none());
    }

    #[test]
    fn features_take_the_bands_that_are_there() {
        use Band::{B02, B03, B04, B08, B11};
        assert_eq!(Baseline::Brightness.bands(&[B04, B08]), Some(vec![B04]));
        assert_eq!(Baseline::Brightness.bands(&[B08]), None);
        assert_eq!(Baseline::BareSoil.bands(&[B02, B03, B04, B08]), None);
        assert_eq!(Baseline::BareSoil.bands(&[B02, B03, B04, B08, B11]), Some(vec![B11, B04, B08, B02]));
        assert!((Baseline::Brightness.feature(&[0.1, 0.2, 0.3]) - 0.2).abs() < 1e-7);
    }
}
