//! The scene classification layer (SCL) of surface-reflectance products: its classes, and which of them can be
//! mapped.
//!
//! | class | name | assessed |
//! |---|---|---|
//! | 0 | no data | no |
//! | 1 | saturated or defective | yes |
//! | 2 | dark area, cast shadow of terrain | yes |
//! | 3 | cloud shadow | no |
//! | 4 | vegetation | yes |
//! | 5 | not vegetated (bare soil, rock, built-up) | yes |
//! | 6 | water | yes |
//! | 7 | unclassified | yes |
//! | 8 | cloud, medium probability | no |
//! | 9 | cloud, high probability | no |
//! | 10 | thin cirrus | no |
//! | 11 | snow or ice | yes, or no with [`MaskOptions::mask_snow`] |
//!
//! Class names follow the Sen2Cor product definition (since processing baseline 04.00 class 2 is "cast shadows").
//!
//! Class 1 is kept. A pixel gets it as soon as one band saturates, which happens on the brightest mining land (salt,
//! fresh tailings, metal roofs), while the other eleven bands are still right. Pixels without any value have DN 0 or
//! the nodata value, which excludes them. Class 7 is kept because mine floors are often unclassified.

use std::fmt;

use serde::Serialize;

/// A class of the scene classification layer; see the [module](self) for the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
#[expect(missing_docs, reason = "the variants are the product's own names, and the module has the table")]
pub enum SclClass {
    NoData = 0,
    SaturatedOrDefective = 1,
    DarkArea = 2,
    CloudShadow = 3,
    Vegetation = 4,
    NotVegetated = 5,
    Water = 6,
    Unclassified = 7,
    CloudMediumProbability = 8,
    CloudHighProbability = 9,
    ThinCirrus = 10,
    SnowOrIce = 11,
}

impl SclClass {
    /// All twelve, by value.
    pub const ALL: [Self; 12] = [
        Self::NoData,
        Self::SaturatedOrDefective,
        Self::DarkArea,
        Self::CloudShadow,
        Self::Vegetation,
        Self::NotVegetated,
        Self::Water,
        Self::Unclassified,
        Self::CloudMediumProbability,
        Self::CloudHighProbability,
        Self::ThinCirrus,
        Self::SnowOrIce,
    ];

    /// The class of a pixel value; `None` above 11.
    pub fn from_value(value: u8) -> Option<Self> {
        Self::ALL.get(usize::from(value)).copied()
    }

    /// Pixel value.
    pub const fn value(self) -> u8 {
        self as u8
    }

    /// Whether the class hides the ground: clouds of medium or high probability and thin cirrus.
    pub const fn is_cloud(self) -> bool {
        matches!(self, Self::CloudMediumProbability | Self::CloudHighProbability | Self::ThinCirrus)
    }
}

impl fmt::Display for SclClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NoData => "no data",
            Self::SaturatedOrDefective => "saturated or defective",
            Self::DarkArea => "dark area or cast shadow",
            Self::CloudShadow => "cloud shadow",
            Self::Vegetation => "vegetation",
            Self::NotVegetated => "not vegetated",
            Self::Water => "water",
            Self::Unclassified => "unclassified",
            Self::CloudMediumProbability => "cloud, medium probability",
            Self::CloudHighProbability => "cloud, high probability",
            Self::ThinCirrus => "thin cirrus",
            Self::SnowOrIce => "snow or ice",
        })
    }
}

/// Optional classes to exclude from a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct MaskOptions {
    /// Also exclude snow and ice (class 11).
    pub mask_snow: bool,
}

/// Whether pixels of this class can be mapped. Values above 11 are not classes and are excluded.
pub fn is_assessable(class: u8, options: MaskOptions) -> bool {
    match SclClass::from_value(class) {
        None | Some(SclClass::NoData | SclClass::CloudShadow) => false,
        Some(SclClass::SnowOrIce) => !options.mask_snow,
        Some(class) => !class.is_cloud(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_0_3_8_9_10_are_left_out_and_snow_on_request() {
        let masked =
            |mask_snow| (0..=12).filter(|&class| !is_assessable(class, MaskOptions { mask_snow })).collect::<Vec<u8>>();
        assert_eq!(masked(false), [0, 3, 8, 9, 10, 12]);
        assert_eq!(masked(true), [0, 3, 8, 9, 10, 11, 12]);
        assert!(SclClass::ALL.iter().enumerate().all(|(i, class)| usize::from(class.value()) == i));
    }
}
