//! The thirteen spectral bands of Sentinel-2's MultiSpectral Instrument.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// One spectral band of Sentinel-2.
///
/// Parses from the band id (`B04`, `B4`, `b8a`) and from the STAC common name or the Earth Search asset key
/// (`red`, `nir08`, `rededge1`). Orders by wavelength, as the ids do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the ids are the documentation: see `Band::description`")]
pub enum Band {
    B01,
    B02,
    B03,
    B04,
    B05,
    B06,
    B07,
    B08,
    B8A,
    B09,
    B10,
    B11,
    B12,
}

impl Band {
    /// All thirteen bands, by wavelength.
    pub const ALL: [Self; 13] = [
        Self::B01,
        Self::B02,
        Self::B03,
        Self::B04,
        Self::B05,
        Self::B06,
        Self::B07,
        Self::B08,
        Self::B8A,
        Self::B09,
        Self::B10,
        Self::B11,
        Self::B12,
    ];

    /// The twelve bands of a surface-reflectance product (B10 sees cirrus only), in the order of the paper's network.
    pub const PAPER: [Self; 12] = [
        Self::B04,
        Self::B03,
        Self::B02,
        Self::B08,
        Self::B05,
        Self::B06,
        Self::B07,
        Self::B8A,
        Self::B11,
        Self::B12,
        Self::B01,
        Self::B09,
    ];

    /// Band id, as products write it: `B04`.
    pub const fn id(self) -> &'static str {
        match self {
            Self::B01 => "B01",
            Self::B02 => "B02",
            Self::B03 => "B03",
            Self::B04 => "B04",
            Self::B05 => "B05",
            Self::B06 => "B06",
            Self::B07 => "B07",
            Self::B08 => "B08",
            Self::B8A => "B8A",
            Self::B09 => "B09",
            Self::B10 => "B10",
            Self::B11 => "B11",
            Self::B12 => "B12",
        }
    }

    /// Key of the asset in Earth Search's collections, which extends the STAC common names to be unique.
    pub const fn common_name(self) -> &'static str {
        match self {
            Self::B01 => "coastal",
            Self::B02 => "blue",
            Self::B03 => "green",
            Self::B04 => "red",
            Self::B05 => "rededge1",
            Self::B06 => "rededge2",
            Self::B07 => "rededge3",
            Self::B08 => "nir",
            Self::B8A => "nir08",
            Self::B09 => "nir09",
            Self::B10 => "cirrus",
            Self::B11 => "swir16",
            Self::B12 => "swir22",
        }
    }

    /// Native ground sampling distance in metres: 10, 20 or 60.
    pub const fn gsd_m(self) -> u32 {
        match self {
            Self::B02 | Self::B03 | Self::B04 | Self::B08 => 10,
            Self::B05 | Self::B06 | Self::B07 | Self::B8A | Self::B11 | Self::B12 => 20,
            Self::B01 | Self::B09 | Self::B10 => 60,
        }
    }

    /// Centre of the band in micrometres (Sentinel-2A; ESA, Sentinel-2 Spectral Response Functions).
    pub const fn wavelength_um(self) -> f32 {
        match self {
            Self::B01 => 0.4427,
            Self::B02 => 0.4924,
            Self::B03 => 0.5598,
            Self::B04 => 0.6646,
            Self::B05 => 0.7041,
            Self::B06 => 0.7405,
            Self::B07 => 0.7828,
            Self::B08 => 0.8328,
            Self::B8A => 0.8647,
            Self::B09 => 0.9451,
            Self::B10 => 1.3735,
            Self::B11 => 1.6137,
            Self::B12 => 2.2024,
        }
    }

    /// Index of the band in product metadata (`band_id`, `bandId`): by wavelength, B8A after B08.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Ids joined by commas, for messages.
    pub fn list(bands: &[Self]) -> String {
        bands.iter().map(|band| band.id()).collect::<Vec<_>>().join(", ")
    }
}

/// Error: the text is not the name of a band.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("band `{0}` is not accepted: one of B01 to B12, B8A, or a common name such as red, nir, swir16")]
pub struct UnknownBand(pub String);

impl fmt::Display for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl FromStr for Band {
    type Err = UnknownBand;

    fn from_str(text: &str) -> Result<Self, UnknownBand> {
        let name = text.trim().to_ascii_lowercase();
        let alias = match name.as_str() {
            "rededge" | "rededge071" => Some(Self::B05),
            "rededge075" => Some(Self::B06),
            "rededge078" => Some(Self::B07),
            "rededge4" | "b08a" => Some(Self::B8A),
            _ => None,
        };
        alias
            .or_else(|| Self::ALL.into_iter().find(|band| band.common_name() == name))
            .or_else(|| {
                let digits = name.strip_prefix('b')?;
                Self::ALL.into_iter().find(|band| {
                    let id = band.id()[1..].to_ascii_lowercase();
                    id == digits || id.trim_start_matches('0') == digits
                })
            })
            .ok_or_else(|| UnknownBand(text.to_owned()))
    }
}

impl Serialize for Band {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

impl<'de> Deserialize<'de> for Band {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_and_common_name_parses_back() {
        for band in Band::ALL {
            assert_eq!(band.id().parse::<Band>().ok(), Some(band));
            assert_eq!(band.common_name().parse::<Band>().ok(), Some(band));
        }
        assert_eq!("b4".parse::<Band>().ok(), Some(Band::B04));
        assert_eq!("8A".parse::<Band>().ok(), None);
        assert_eq!("B8a".parse::<Band>().ok(), Some(Band::B8A));
        assert!("B13".parse::<Band>().is_err());
    }
}
