//! Colours of values ([`ColourMap`]) and of classes.

use minesegsat_core::pixel_class::{GAIN_COLOUR, LOSS_COLOUR};
use std::fmt;
use std::str::FromStr;

use minesegsat_core::{Error, Result};
use minesegsat_map::preview;

/// Colour maps of tiles.
///
/// Viridis and magma are by S. van der Walt and N. Smith (CC0, the default maps of matplotlib), cividis by J. Nuñez, C. Anderton,
/// R. Renslow, "Optimizing colormaps with consideration for color vision deficiency", PLoS ONE 13(7), 2018; red-yellow-green and
/// brown-blue-green are ColorBrewer's (C. Brewer, M. Harrower, colorbrewer2.org, Apache 2.0); vik is F. Crameri's, see
/// [`preview::ColourMap`]. Control points at equal distances, joined linearly in sRGB: no channel is off by more than 11 of 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the maps")]
pub enum ColourMap {
    Viridis,
    Magma,
    Cividis,
    /// Black to white.
    Greys,
    /// Red over yellow to green. Hard to read with red-green colour blindness.
    RdYlGn,
    RdYlGnReversed,
    /// Brown over white to blue-green.
    BrBg,
    BrBgReversed,
    /// Blue over white to red-brown.
    Vik,
    VikReversed,
}

/// `matplotlib.colormaps['viridis'].colors[i]` for i from 0 to 255 in steps of 15.
const VIRIDIS: [[u8; 3]; 18] = [
    [68, 1, 84],
    [72, 23, 105],
    [71, 42, 122],
    [67, 61, 132],
    [61, 78, 138],
    [53, 94, 141],
    [46, 109, 142],
    [41, 123, 142],
    [35, 137, 142],
    [31, 151, 139],
    [33, 165, 133],
    [46, 179, 124],
    [70, 192, 111],
    [101, 203, 94],
    [137, 213, 72],
    [176, 221, 47],
    [216, 226, 25],
    [253, 231, 37],
];

/// `matplotlib.colormaps['cividis'].colors[i]` for i from 0 to 255 in steps of 15.
const CIVIDIS: [[u8; 3]; 18] = [
    [0, 34, 78],
    [0, 45, 104],
    [22, 55, 112],
    [46, 65, 109],
    [63, 76, 108],
    [78, 86, 108],
    [92, 97, 110],
    [105, 107, 113],
    [118, 118, 118],
    [131, 129, 121],
    [146, 140, 120],
    [160, 152, 117],
    [175, 164, 113],
    [191, 176, 107],
    [207, 189, 98],
    [223, 202, 87],
    [240, 216, 70],
    [254, 232, 56],
];

/// ColorBrewer's `RdYlGn` of eleven colours.
const RDYLGN: [[u8; 3]; 11] = [
    [165, 0, 38],
    [215, 48, 39],
    [244, 109, 67],
    [253, 174, 97],
    [254, 224, 139],
    [255, 255, 191],
    [217, 239, 139],
    [166, 217, 106],
    [102, 189, 99],
    [26, 152, 80],
    [0, 104, 55],
];

/// ColorBrewer's `BrBG` of eleven colours.
const BRBG: [[u8; 3]; 11] = [
    [84, 48, 5],
    [140, 81, 10],
    [191, 129, 45],
    [223, 194, 125],
    [246, 232, 195],
    [245, 245, 245],
    [199, 234, 229],
    [128, 205, 193],
    [53, 151, 143],
    [1, 102, 94],
    [0, 60, 48],
];

impl ColourMap {
    /// All colour maps.
    pub const ALL: [Self; 10] = [
        Self::Viridis,
        Self::Magma,
        Self::Cividis,
        Self::Greys,
        Self::RdYlGn,
        Self::RdYlGnReversed,
        Self::BrBg,
        Self::BrBgReversed,
        Self::Vik,
        Self::VikReversed,
    ];

    /// Name in URLs. Reversed maps end in `_r`, as in matplotlib.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viridis => "viridis",
            Self::Magma => "magma",
            Self::Cividis => "cividis",
            Self::Greys => "greys",
            Self::RdYlGn => "rdylgn",
            Self::RdYlGnReversed => "rdylgn_r",
            Self::BrBg => "brbg",
            Self::BrBgReversed => "brbg_r",
            Self::Vik => "vik",
            Self::VikReversed => "vik_r",
        }
    }

    /// The colour (red, green, blue) at a position from 0 to 1. Positions outside take the colour of the end.
    pub fn colour(self, position: f32) -> [u8; 3] {
        let position = position.clamp(0.0, 1.0);
        match self {
            Self::Viridis => joined(&VIRIDIS, position),
            Self::Magma => preview::ColourMap::MAGMA.colour(position),
            Self::Cividis => joined(&CIVIDIS, position),
            Self::Greys => [(position * 255.0).round() as u8; 3],
            Self::RdYlGn => joined(&RDYLGN, position),
            Self::RdYlGnReversed => joined(&RDYLGN, 1.0 - position),
            Self::BrBg => joined(&BRBG, position),
            Self::BrBgReversed => joined(&BRBG, 1.0 - position),
            Self::Vik => preview::ColourMap::VIK.colour(position),
            Self::VikReversed => preview::ColourMap::VIK_REVERSED.colour(position),
        }
    }

    /// Colours at equal distances, including the first and the last. For legends.
    pub fn colours(self, count: usize) -> Vec<[u8; 3]> {
        let last = count.saturating_sub(1).max(1) as f32;
        (0..count).map(|i| self.colour(i as f32 / last)).collect()
    }
}

fn joined(points: &[[u8; 3]], position: f32) -> [u8; 3] {
    let at = position * (points.len() - 1) as f32;
    let first = (at as usize).min(points.len() - 2);
    let part = at - first as f32;
    let (a, b) = (points[first], points[first + 1]);
    std::array::from_fn(|i| (f32::from(a[i]) * (1.0 - part) + f32::from(b[i]) * part).round() as u8)
}

impl fmt::Display for ColourMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ColourMap {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|map| map.name() == name).ok_or_else(|| Error::Argument {
            name: "colormap",
            value: name.to_owned(),
            accepted: Self::ALL.map(Self::name).join(", "),
        })
    }
}

/// Red, green, blue and opacity of a class.
pub(super) type Rgba = [u8; 4];

/// Disturbed land: the yellow of its outlines, translucent.
pub(super) const DISTURBED: Rgba = [255, 214, 10, 170];
/// Gain, translucent.
pub(super) const GAIN: Rgba = [GAIN_COLOUR[0], GAIN_COLOUR[1], GAIN_COLOUR[2], 230];
/// Loss, translucent.
pub(super) const LOSS: Rgba = [LOSS_COLOUR[0], LOSS_COLOUR[1], LOSS_COLOUR[2], 230];
/// Disturbed on both dates, a muted yellow.
pub(super) const STABLE: Rgba = [0xd9, 0xc5, 0x6b, 130];
/// Stripes over pixels that could not be assessed.
pub(super) const STRIPE: Rgba = [70, 70, 70, 190];
/// Between the stripes.
pub(super) const BETWEEN_STRIPES: Rgba = [150, 150, 150, 90];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_follow_the_published_maps() {
        // matplotlib 3.10: [round(255 * c) for c in matplotlib.colormaps[name].colors[i]]
        for (map, index, expected) in [
            (ColourMap::Viridis, 0, [68, 1, 84]),
            (ColourMap::Viridis, 20, [72, 29, 111]),
            (ColourMap::Viridis, 77, [52, 96, 141]),
            (ColourMap::Viridis, 201, [115, 208, 86]),
            (ColourMap::Viridis, 255, [253, 231, 37]),
            (ColourMap::Magma, 20, [14, 11, 43]),
            (ColourMap::Magma, 100, [137, 40, 129]),
            (ColourMap::Magma, 236, [253, 218, 156]),
            (ColourMap::Cividis, 20, [0, 48, 112]),
            (ColourMap::Cividis, 100, [101, 104, 112]),
            (ColourMap::Cividis, 236, [235, 212, 75]),
            (ColourMap::Greys, 100, [100, 100, 100]),
        ] {
            let found = map.colour(index as f32 / 255.0);
            let off = found.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max().unwrap_or(0);
            assert!(off <= 11, "{map} {index}: {found:?} is not {expected:?}");
        }
        assert_eq!(ColourMap::BrBg.colour(0.5), [245, 245, 245]);
        assert_eq!(ColourMap::RdYlGn.colour(0.0), ColourMap::RdYlGnReversed.colour(2.0));
        assert_eq!(ColourMap::Greys.colour(f32::NEG_INFINITY), [0, 0, 0]);
    }

    #[test]
    fn names_are_parsed_and_unknown_ones_are_refused() {
        for map in ColourMap::ALL {
            assert_eq!(map.name().parse::<ColourMap>().unwrap(), map);
        }
        let text = "jet".parse::<ColourMap>().unwrap_err().to_string();
        assert!(text.starts_with("colormap `jet` is not accepted: viridis, magma, cividis, greys, "), "{text}");
        assert_eq!(ColourMap::Greys.colours(3), [[0; 3], [128; 3], [255; 3]]);
    }
}
