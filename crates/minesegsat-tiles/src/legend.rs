//! Legends of layers: [`Legend`].

use super::colour::{BETWEEN_STRIPES, DISTURBED, GAIN, LOSS, Rgba, STABLE, STRIPE};
use super::{Layer, Style};
use jiff::civil::Date;
use minesegsat_map::series::onset_colour;

/// Number of colours of a ramp.
const RAMP_COLOURS: usize = 13;

/// Legend of a layer.
#[derive(Debug, Clone, PartialEq)]
pub enum Legend {
    /// Colours (red, green, blue) at equal distances of the value. The first is for `min` and below, the last for `max` and above.
    Ramp {
        /// Value of the first colour.
        min: f32,
        /// Value of the last one.
        max: f32,
        /// Red, green, blue.
        colours: Vec<[u8; 3]>,
    },
    /// Colours (red, green, blue) at equal distances in time. The first is for the first date, the last for the last one.
    Dates {
        /// First and last date.
        range: [Date; 2],
        /// Red, green, blue.
        colours: Vec<[u8; 3]>,
    },
    /// Classes and their colours.
    Classes(Vec<LegendClass>),
}

/// A class of a legend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegendClass {
    /// Name for programs.
    pub name: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// Red, green, blue, opacity.
    pub colour: [u8; 4],
    /// Colour of stripes over it, if any.
    pub stripes: Option<[u8; 4]>,
}

impl Legend {
    /// Legend of onsets between two dates.
    pub(super) fn onset(range: [Date; 2]) -> Self {
        let last = (RAMP_COLOURS - 1) as f64;
        Self::Dates { range, colours: (0..RAMP_COLOURS).map(|i| onset_colour(i as f64 / last)).collect() }
    }
}

impl Style {
    /// Legend of a layer in this style. `None` for composites, and for dates: their range is that of a map
    /// ([`super::LayerSet::legend`]).
    pub fn legend(&self, layer: Layer) -> Option<Legend> {
        let class = |name, title, colour: Rgba| LegendClass { name, title, colour, stripes: None };
        let disturbed = class("disturbed", "Disturbed land", DISTURBED);
        let hidden = LegendClass {
            stripes: Some(STRIPE),
            ..class("not-assessable", "Not assessable: cloud, shadow or no data", BETWEEN_STRIPES)
        };
        match layer {
            Layer::Mask => Some(Legend::Classes(vec![disturbed, hidden])),
            Layer::Change | Layer::ChangeSinceFirst => Some(Legend::Classes(vec![
                class("gain", "Gain", GAIN),
                class("loss", "Loss", LOSS),
                class("stable", "Disturbed on both dates", STABLE),
                hidden,
            ])),
            _ => {
                let map = self.colour_map.or(layer.default_colour_map())?;
                let [min, max] = self.rescale.or(layer.default_rescale().map(|[first, ..]| first))?;
                Some(Legend::Ramp { min, max, colours: map.colours(RAMP_COLOURS) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ColourMap;
    use super::*;

    #[test]
    fn legends_are_those_of_the_style() {
        let usual = Style::default();
        for layer in Layer::ALL {
            assert_eq!(usual.legend(layer).is_none(), layer.is_composite() || layer.is_dates(), "{layer}");
            assert_eq!(matches!(usual.legend(layer), Some(Legend::Classes(_))), layer.is_classes(), "{layer}");
        }
        let style = Style { rescale: Some([0.0, 0.5]), colour_map: Some(ColourMap::Greys) };
        let Some(Legend::Ramp { min, max, colours }) = style.legend(Layer::Ndvi) else { panic!("no ramp") };
        assert_eq!((min, max, colours.len()), (0.0, 0.5, RAMP_COLOURS));
        assert_eq!((colours[0], colours[RAMP_COLOURS - 1]), ([0; 3], [255; 3]));
        let range = [jiff::civil::date(2019, 1, 1), jiff::civil::date(2024, 7, 2)];
        let Legend::Dates { colours, .. } = Legend::onset(range) else { panic!("no dates") };
        assert_eq!(
            (colours.len(), colours[0], colours[RAMP_COLOURS - 1]),
            (RAMP_COLOURS, [98, 25, 128], [252, 253, 191])
        );
        let Some(Legend::Classes(classes)) = usual.legend(Layer::Change) else { panic!("no classes") };
        let names: Vec<&str> = classes.iter().map(|class| class.name).collect();
        assert_eq!(names, ["gain", "loss", "stable", "not-assessable"]);
    }
}
