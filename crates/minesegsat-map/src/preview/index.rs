//! Spectral indices: [`SpectralIndex`].

use std::fmt;

use minesegsat_core::Band;

/// A normalised difference of bands, -1 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpectralIndex {
    /// Normalised difference vegetation index, `(B08 - B04) / (B08 + B04)`: J. W. Rouse, R. H. Haas, J. A. Schell,
    /// D. W. Deering, "Monitoring vegetation systems in the Great Plains with ERTS", NASA SP-351, 1974.
    Ndvi,
    /// Normalised difference built-up index, `(B11 - B08) / (B11 + B08)`: Y. Zha, J. Gao, S. Ni, "Use of normalized
    /// difference built-up index in automatically mapping urban areas from TM imagery", Int. J. Remote Sensing 24(3), 2003.
    Ndbi,
    /// Normalised difference water index, `(B03 - B08) / (B03 + B08)`: S. K. McFeeters, "The use of the Normalized
    /// Difference Water Index (NDWI) in the delineation of open water features", Int. J. Remote Sensing 17(7), 1996.
    Ndwi,
    /// Bare soil index, `((B11 + B04) - (B08 + B02)) / ((B11 + B04) + (B08 + B02))`: A. Rikimaru, P. S. Roy, S. Miyatake,
    /// "Tropical forest cover density mapping", Tropical Ecology 43(1), 2002.
    Bsi,
}

impl SpectralIndex {
    /// All indices.
    pub const ALL: [Self; 4] = [Self::Ndvi, Self::Ndbi, Self::Ndwi, Self::Bsi];

    /// Bands whose sum is the numerator: added (first half) and subtracted (second half). The denominator is the sum
    /// of all.
    pub const fn bands(self) -> &'static [Band] {
        match self {
            Self::Ndvi => &[Band::B08, Band::B04],
            Self::Ndbi => &[Band::B11, Band::B08],
            Self::Ndwi => &[Band::B03, Band::B08],
            Self::Bsi => &[Band::B11, Band::B04, Band::B08, Band::B02],
        }
    }

    /// The index of one pixel from the reflectance of [`SpectralIndex::bands`], in their order.
    ///
    /// Negative reflectance, which is noise over dark ground, counts as zero, so the index lies between -1 and 1. NaN
    /// if a value is missing, or if all are zero.
    pub fn value(self, reflectance: &[f32]) -> f32 {
        assert_eq!(reflectance.len(), self.bands().len(), "reflectance of the bands of {self}");
        let (mut difference, mut sum) = (0.0, 0.0);
        for (i, &value) in reflectance.iter().enumerate() {
            // `f32::max` would turn NaN into zero.
            let value = if value < 0.0 { 0.0 } else { value };
            sum += value;
            difference += if i < reflectance.len() / 2 { value } else { -value };
        }
        if sum > 0.0 && sum.is_finite() { (difference / sum).clamp(-1.0, 1.0) } else { f32::NAN }
    }
}

impl fmt::Display for SpectralIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ndvi => "NDVI",
            Self::Ndbi => "NDBI",
            Self::Ndwi => "NDWI",
            Self::Bsi => "BSI",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn indices_equal_numbers_worked_out_by_hand() {
        // Forest: B02 0.02, B03 0.04, B04 0.03, B08 0.45, B11 0.15.
        let close = |found: f32, expected: f32| (found - expected).abs() < 1e-6;
        assert!(close(SpectralIndex::Ndvi.value(&[0.45, 0.03]), 0.42 / 0.48));
        assert!(close(SpectralIndex::Ndbi.value(&[0.15, 0.45]), -0.30 / 0.60));
        assert!(close(SpectralIndex::Ndwi.value(&[0.04, 0.45]), -0.41 / 0.49));
        assert!(close(SpectralIndex::Bsi.value(&[0.15, 0.03, 0.45, 0.02]), (0.18 - 0.47) / 0.65));
        // Bare ground: B02 0.10, B03 0.14, B04 0.20, B08 0.28, B11 0.36.
        assert!(close(SpectralIndex::Ndvi.value(&[0.28, 0.20]), 0.08 / 0.48));
        assert!(close(SpectralIndex::Ndbi.value(&[0.36, 0.28]), 0.08 / 0.64));
        assert!(close(SpectralIndex::Bsi.value(&[0.36, 0.20, 0.28, 0.10]), (0.56 - 0.38) / 0.94));
    }

    #[test]
    fn nothing_is_known_where_nothing_is_reflected_or_a_band_is_missing() {
        for index in SpectralIndex::ALL {
            let bands = index.bands().len();
            assert!(index.value(&vec![0.0; bands]).is_nan(), "{index}");
            assert!(index.value(&vec![-0.01; bands]).is_nan(), "{index}");
            for missing in 0..bands {
                let mut values = vec![0.2; bands];
                values[missing] = f32::NAN;
                assert!(index.value(&values).is_nan(), "{index} without {}", index.bands()[missing]);
            }
        }
        assert_eq!(SpectralIndex::Ndvi.value(&[0.3, -0.002]), 1.0, "noise below zero counts as zero");
    }

    proptest! {
        #[test]
        fn indices_stay_in_their_range_and_do_not_depend_on_brightness(
            values in prop::collection::vec(0.001..1.5_f32, 4), brightness in 0.1..3.0_f32
        ) {
            for index in SpectralIndex::ALL {
                let bands = &values[..index.bands().len()];
                let found = index.value(bands);
                prop_assert!((-1.0..=1.0).contains(&found));
                let brighter: Vec<f32> = bands.iter().map(|v| v * brightness).collect();
                prop_assert!((index.value(&brighter) - found).abs() < 1e-5);
                // The halves exchanged give the negative.
                let (added, taken) = bands.split_at(bands.len() / 2);
                prop_assert!((index.value(&[taken, added].concat()) + found).abs() < 1e-6);
            }
        }
    }
}
