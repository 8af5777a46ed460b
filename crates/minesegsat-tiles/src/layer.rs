//! Layers of raster tiles and their style: [`Layer`] and [`Style`].

use std::fmt;
use std::str::FromStr;

use super::ColourMap;
use minesegsat_core::{Band, Error, Result};
use minesegsat_map::preview::SpectralIndex;

/// Layer of raster tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// B04 B03 B02.
    TrueColour,
    /// B08 B04 B03: vegetation red.
    FalseColour,
    /// B12 B8A B04: bare rock and soil violet to white, vegetation green.
    Swir,
    /// Vegetation, see [`SpectralIndex::Ndvi`].
    Ndvi,
    /// Bare soil, see [`SpectralIndex::Bsi`].
    Bsi,
    /// Open water, see [`SpectralIndex::Ndwi`].
    Ndwi,
    /// Probability of mining-disturbed land.
    Probability,
    /// Disturbed land, and what could not be assessed.
    Mask,
    /// Gain, loss and stable disturbed land since the date that is compared with, and what could not be assessed.
    Change,
    /// The same since the first date.
    ChangeSinceFirst,
    /// Day on which land became disturbed, over all dates. The scale is that of the map: from its first to its last date.
    Onset,
}

impl Layer {
    /// All layers.
    pub const ALL: [Self; 11] = [
        Self::TrueColour,
        Self::FalseColour,
        Self::Swir,
        Self::Ndvi,
        Self::Bsi,
        Self::Ndwi,
        Self::Probability,
        Self::Mask,
        Self::Change,
        Self::ChangeSinceFirst,
        Self::Onset,
    ];

    /// Name in URLs: `true-colour`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TrueColour => "true-colour",
            Self::FalseColour => "false-colour",
            Self::Swir => "swir",
            Self::Ndvi => "ndvi",
            Self::Bsi => "bsi",
            Self::Ndwi => "ndwi",
            Self::Probability => "probability",
            Self::Mask => "mask",
            Self::Change => "change",
            Self::ChangeSinceFirst => "change-since-first",
            Self::Onset => "onset",
        }
    }

    /// Title for display.
    pub const fn title(self) -> &'static str {
        match self {
            Self::TrueColour => "True colour (B04 B03 B02)",
            Self::FalseColour => "False colour (B08 B04 B03)",
            Self::Swir => "Short-wave infrared (B12 B8A B04)",
            Self::Ndvi => "Vegetation (NDVI)",
            Self::Bsi => "Bare soil (BSI)",
            Self::Ndwi => "Open water (NDWI)",
            Self::Probability => "Probability of mining-disturbed land",
            Self::Mask => "Mining-disturbed land",
            Self::Change => "Gain and loss of mining-disturbed land since the date before",
            Self::ChangeSinceFirst => "Gain and loss of mining-disturbed land since the first date",
            Self::Onset => "Date on which land became disturbed",
        }
    }

    /// Bands of the scene that it needs: red, green and blue of a composite, or the bands of the index. Empty for maps.
    pub const fn bands(self) -> &'static [Band] {
        match self {
            Self::TrueColour => &[Band::B04, Band::B03, Band::B02],
            Self::FalseColour => &[Band::B08, Band::B04, Band::B03],
            Self::Swir => &[Band::B12, Band::B8A, Band::B04],
            _ => match self.index() {
                Some(index) => index.bands(),
                None => &[],
            },
        }
    }

    /// Spectral index of the layer.
    pub const fn index(self) -> Option<SpectralIndex> {
        match self {
            Self::Ndvi => Some(SpectralIndex::Ndvi),
            Self::Bsi => Some(SpectralIndex::Bsi),
            Self::Ndwi => Some(SpectralIndex::Ndwi),
            _ => None,
        }
    }

    /// Whether it is a composite of three bands.
    pub const fn is_composite(self) -> bool {
        matches!(self, Self::TrueColour | Self::FalseColour | Self::Swir)
    }

    /// Whether it shows classes, whose colours are fixed.
    pub const fn is_classes(self) -> bool {
        matches!(self, Self::Mask | Self::Change | Self::ChangeSinceFirst)
    }

    /// Whether it shows dates, whose colours are fixed and whose range is that of the map.
    pub const fn is_dates(self) -> bool {
        matches!(self, Self::Onset)
    }

    /// Default value range, mapped to black and white or to the ends of the colour map: reflectance per channel of composites, index,
    /// or probability. `None` for classes and dates.
    ///
    /// Equal for all scenes, so that neighbouring tiles match and dates are comparable. Vegetation reflects 0.3 to 0.5 in the near
    /// infrared and bare rock 0.3 to 0.4 in the short-wave infrared (the spectra of `minesegsat-simulate`); little on the ground
    /// is brighter than 0.3 in visible light.
    pub const fn default_rescale(self) -> Option<[[f32; 2]; 3]> {
        match self {
            Self::TrueColour => Some([[0.0, 0.3], [0.0, 0.3], [0.0, 0.3]]),
            Self::FalseColour => Some([[0.0, 0.5], [0.0, 0.3], [0.0, 0.3]]),
            Self::Swir => Some([[0.0, 0.45], [0.0, 0.5], [0.0, 0.3]]),
            Self::Ndvi => Some([[-0.2, 0.9]; 3]),
            Self::Bsi => Some([[-0.5, 0.5]; 3]),
            Self::Ndwi => Some([[-0.8, 0.8]; 3]),
            Self::Probability => Some([[0.0, 1.0]; 3]),
            Self::Mask | Self::Change | Self::ChangeSinceFirst | Self::Onset => None,
        }
    }

    /// Default colour map. `None` for composites, classes and dates.
    pub const fn default_colour_map(self) -> Option<ColourMap> {
        match self {
            Self::Ndvi => Some(ColourMap::BrBg),
            Self::Bsi => Some(ColourMap::BrBgReversed),
            Self::Ndwi => Some(ColourMap::VikReversed),
            Self::Probability => Some(ColourMap::Magma),
            _ => None,
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Layer {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|layer| layer.name() == name).ok_or_else(|| Error::Argument {
            name: "layer",
            value: name.to_owned(),
            accepted: Self::ALL.map(Self::name).join(", "),
        })
    }
}

/// Value range and colour map of a layer, if not the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Style {
    /// Values of the ends: black and white of all three channels, or first and last colour.
    pub rescale: Option<[f32; 2]>,
    /// Colours of indices and probabilities.
    pub colour_map: Option<ColourMap>,
}

impl Style {
    /// Parses query parameters and checks them against the layer: `rescale` is `LO,HI`, `colour_map` a name.
    pub fn parse(layer: Layer, rescale: Option<&str>, colour_map: Option<&str>) -> Result<Self> {
        let style = Self {
            rescale: rescale.map(parse_rescale).transpose()?,
            colour_map: colour_map.map(str::parse).transpose()?,
        };
        style.check(layer)?;
        Ok(style)
    }

    /// An error if the layer does not support the style.
    pub fn check(&self, layer: Layer) -> Result<()> {
        let refuse = |name, value: String, accepted: String| Err(Error::Argument { name, value, accepted });
        if let Some(map) = self.colour_map.filter(|_| layer.default_colour_map().is_none()) {
            let taking = Layer::ALL.iter().filter(|l| l.default_colour_map().is_some()).map(|l| l.name());
            let taking = taking.collect::<Vec<_>>().join(", ");
            return refuse(
                "colormap",
                map.to_string(),
                format!("`{layer}` has fixed colours; layers with a colour map are {taking}"),
            );
        }
        if let Some([low, high]) = self.rescale {
            if layer.is_classes() {
                return refuse(
                    "rescale",
                    format!("{low},{high}"),
                    format!("`{layer}` shows classes, which have no range"),
                );
            }
            if layer.is_dates() {
                return refuse(
                    "rescale",
                    format!("{low},{high}"),
                    format!("`{layer}` shows dates, from the first to the last one of its map"),
                );
            }
            if !(low.is_finite() && high.is_finite() && low < high) {
                return refuse("rescale", format!("{low},{high}"), "two numbers `LO,HI` with LO below HI".to_owned());
            }
        }
        Ok(())
    }
}

fn parse_rescale(text: &str) -> Result<[f32; 2]> {
    let number = |text: &str| text.trim().parse::<f32>().ok().filter(|v| v.is_finite());
    text.split_once(',').and_then(|(low, high)| Some([number(low)?, number(high)?])).ok_or_else(|| Error::Argument {
        name: "rescale",
        value: text.to_owned(),
        accepted: "two numbers `LO,HI` with LO below HI".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_and_unknown_ones_are_refused() {
        for layer in Layer::ALL {
            assert_eq!(layer.name().parse::<Layer>().unwrap(), layer);
        }
        assert_eq!(
            "rgb".parse::<Layer>().unwrap_err().to_string(),
            "layer `rgb` is not accepted: true-colour, false-colour, swir, ndvi, bsi, ndwi, probability, mask, change, \
             change-since-first, onset"
        );
    }

    #[test]
    fn styles_are_checked_against_the_layer() {
        let style = Style::parse(Layer::Ndvi, Some("-0.1, 0.8"), Some("viridis")).unwrap();
        assert_eq!(style, Style { rescale: Some([-0.1, 0.8]), colour_map: Some(ColourMap::Viridis) });
        let text = |layer, rescale, map| Style::parse(layer, rescale, map).unwrap_err().to_string();
        assert_eq!(
            text(Layer::Swir, None, Some("magma")),
            "colormap `magma` is not accepted: `swir` has fixed colours; layers with a colour map are ndvi, bsi, ndwi, probability"
        );
        assert_eq!(
            text(Layer::Mask, Some("0,1"), None),
            "rescale `0,1` is not accepted: `mask` shows classes, which have no range"
        );
        assert_eq!(
            text(Layer::Onset, Some("0,1"), None),
            "rescale `0,1` is not accepted: `onset` shows dates, from the first to the last one of its map"
        );
        assert!(text(Layer::Onset, None, Some("magma")).contains("`onset` has fixed colours"));
        for wrong in ["1,0", "0", "a,b", "0,NaN", "0,0", "inf,1"] {
            assert!(text(Layer::Bsi, Some(wrong), None).contains("two numbers `LO,HI` with LO below HI"), "{wrong}");
        }
    }
}
