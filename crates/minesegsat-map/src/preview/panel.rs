//! The panels of a sheet: [`Panel`].

use std::fmt;
use std::str::FromStr;

use super::colour_map::ColourMap;
use super::index::SpectralIndex;
use super::stretch::{Stretch, percentile};
use super::view::{State, View};
use crate::quicklook::draw::{NO_DATA, OUTLINE, dimmed};
use minesegsat_core::{Band, Error, Result};
use minesegsat_scene::SclClass;

/// One picture of a sheet; the [module](super) has the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the module has the table")]
pub enum Panel {
    TrueColour,
    Swir,
    FalseColour,
    Index(SpectralIndex),
    Mask,
    Classification,
}

/// Bands of each composite, best first: red, green, blue.
const TRUE_COLOUR: [[Band; 3]; 1] = [[Band::B04, Band::B03, Band::B02]];
const SWIR: [[Band; 3]; 4] = [
    [Band::B12, Band::B8A, Band::B04],
    [Band::B12, Band::B08, Band::B04],
    [Band::B11, Band::B8A, Band::B04],
    [Band::B11, Band::B08, Band::B04],
];
const FALSE_COLOUR: [[Band; 3]; 2] = [[Band::B08, Band::B04, Band::B03], [Band::B8A, Band::B04, Band::B03]];

impl Panel {
    /// All panels, in the order of a sheet.
    pub const ALL: [Self; 9] = [
        Self::TrueColour,
        Self::Swir,
        Self::FalseColour,
        Self::Index(SpectralIndex::Ndvi),
        Self::Index(SpectralIndex::Ndbi),
        Self::Index(SpectralIndex::Ndwi),
        Self::Index(SpectralIndex::Bsi),
        Self::Mask,
        Self::Classification,
    ];

    /// All bands that any panel needs.
    pub const BANDS: [Band; 7] = [Band::B02, Band::B03, Band::B04, Band::B08, Band::B8A, Band::B11, Band::B12];

    /// The name on the command line: `true-colour`.
    pub const fn id(self) -> &'static str {
        match self {
            Self::TrueColour => "true-colour",
            Self::Swir => "swir",
            Self::FalseColour => "false-colour",
            Self::Index(SpectralIndex::Ndvi) => "ndvi",
            Self::Index(SpectralIndex::Ndbi) => "ndbi",
            Self::Index(SpectralIndex::Ndwi) => "ndwi",
            Self::Index(SpectralIndex::Bsi) => "bsi",
            Self::Mask => "mask",
            Self::Classification => "classification",
        }
    }

    /// The title on a sheet.
    pub const fn title(self) -> &'static str {
        match self {
            Self::TrueColour => "True colour",
            Self::Swir => "SWIR, NIR, red",
            Self::FalseColour => "False colour",
            Self::Index(SpectralIndex::Ndvi) => "NDVI: vegetation",
            Self::Index(SpectralIndex::Ndbi) => "NDBI: built-up, bare",
            Self::Index(SpectralIndex::Ndwi) => "NDWI: open water",
            Self::Index(SpectralIndex::Bsi) => "BSI: bare soil",
            Self::Mask => "Mining mask",
            Self::Classification => "Scene classification",
        }
    }

    /// The bands of the panel, if only bands with `has` are available. `None` if they are not sufficient. Mask and
    /// classification need no band.
    pub fn bands(self, has: impl Fn(Band) -> bool) -> Option<Vec<Band>> {
        let best =
            |all: &[[Band; 3]]| all.iter().find(|bands| bands.iter().all(|&b| has(b))).map(|bands| bands.to_vec());
        match self {
            Self::TrueColour => best(&TRUE_COLOUR),
            Self::Swir => best(&SWIR),
            Self::FalseColour => best(&FALSE_COLOUR),
            Self::Index(index) => Some(index.bands().to_vec()).filter(|bands| bands.iter().all(|&b| has(b))),
            Self::Mask | Self::Classification => Some(Vec::new()),
        }
    }

    /// The missing bands or layers of the panel, for a note: `needs B11`.
    fn lacking(self, has: impl Fn(Band) -> bool) -> String {
        let missing = |bands: &[Band]| bands.iter().copied().filter(|&b| !has(b)).collect::<Vec<_>>();
        let needs = |bands: &[Band]| format!("needs {}", Band::list(&missing(bands)));
        match self {
            Self::TrueColour => needs(&TRUE_COLOUR[0]),
            Self::FalseColour => needs(&FALSE_COLOUR[0]),
            Self::Swir => {
                let either = |a, b| (!has(a) && !has(b)).then(|| format!("{a} or {b}"));
                let red = (!has(Band::B04)).then(|| Band::B04.to_string());
                let parts = [either(Band::B12, Band::B11), either(Band::B8A, Band::B08), red];
                format!("needs {}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
            }
            Self::Index(index) => needs(index.bands()),
            Self::Mask => "needs a mask or outlines".to_owned(),
            Self::Classification => "needs a classification layer (level 2A)".to_owned(),
        }
    }
}

impl fmt::Display for Panel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl FromStr for Panel {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let lower = name.trim().to_ascii_lowercase().replace('_', "-").replace("color", "colour");
        Self::ALL.into_iter().find(|panel| panel.id() == lower).ok_or_else(|| Error::Argument {
            name: "panel",
            value: name.to_owned(),
            accepted: Self::ALL.map(Self::id).join(", "),
        })
    }
}

/// The legend below a panel.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Legend {
    None,
    /// A colour bar from the first number to the second.
    ColourBar(ColourMap, [f32; 2]),
    /// Colour, name and share in percent of each class present, largest first.
    Classes(Vec<([u8; 3], &'static str, f64)>),
}

/// A drawn panel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Image {
    pub(super) panel: Panel,
    /// Its bands or formula: `B04 B03 B02`.
    pub(super) subtitle: String,
    /// `[H, W]`.
    pub(super) pixels: Vec<[u8; 3]>,
    /// `[H, W]`: state of each pixel in this panel.
    pub(super) states: Vec<State>,
    pub(super) legend: Legend,
}

/// Draws a panel. The error names the missing bands or layers.
pub(super) fn draw(view: &View, panel: Panel) -> Result<Image, String> {
    let has = |band: Band| view.reflectance.contains_key(&band);
    let lacking = || panel.lacking(has);
    let bands = panel.bands(has).ok_or_else(lacking)?;
    let values: Vec<&[f32]> = bands.iter().filter_map(|band| Some(view.reflectance.get(band)?.as_slice())).collect();
    let pixels = view.grid.width * view.grid.height;
    let states: Vec<State> = (0..pixels).map(|pixel| view.state(pixel, &values)).collect();
    match panel {
        Panel::TrueColour | Panel::Swir | Panel::FalseColour => {
            // Familiar colours are stretched less.
            let sharing = if panel == Panel::TrueColour { 0.25 } else { 0.0 };
            let [red, green, blue] = values[..] else { return Err(lacking()) };
            let pixels = composite([red, green, blue], &states, sharing);
            let ids: Vec<&str> = bands.iter().map(|band| band.id()).collect();
            Ok(Image { panel, subtitle: ids.join(" "), pixels, states, legend: Legend::None })
        }
        Panel::Index(index) => Ok(draw_index(index, &values, states)),
        Panel::Mask => draw_mask(view, states).ok_or_else(lacking),
        Panel::Classification => draw_classification(view, states).ok_or_else(lacking),
    }
}

/// Three channels as colours. The stretch uses the assessable pixels, or all pixels with data if none is assessable.
pub(super) fn composite(channels: [&[f32]; 3], states: &[State], sharing: f32) -> Vec<[u8; 3]> {
    let is_assessed = states.contains(&State::Valid);
    let is_used = |pixel: usize| states[pixel] == State::Valid || !is_assessed;
    let stretch = Stretch::fit(channels, is_used, sharing);
    (0..states.len()).map(|pixel| stretch.brightness(channels.map(|channel| channel[pixel]))).collect()
}

fn draw_index(index: SpectralIndex, values: &[&[f32]], mut states: Vec<State>) -> Image {
    let mut pixel_values = vec![0.0; values.len()];
    let mut found = Vec::with_capacity(states.len());
    for (pixel, state) in states.iter_mut().enumerate() {
        for (value, band) in pixel_values.iter_mut().zip(values) {
            *value = band[pixel];
        }
        let value = index.value(&pixel_values);
        if value.is_nan() {
            *state = State::NoData;
        }
        found.push(value);
    }
    let (map, range) = index_scale(index, &found, &states);
    let position = |value: f32| (value - range[0]) / (range[1] - range[0]);
    let pixels = found.iter().map(|&value| map.colour(if value.is_nan() { 0.0 } else { position(value) })).collect();
    let subtitle = if index == SpectralIndex::Bsi {
        "(B11 + B04 − B08 − B02) / sum".to_owned()
    } else {
        let [a, b] = [index.bands()[0], index.bands()[1]];
        format!("({a} − {b}) / ({a} + {b})")
    };
    Image { panel: Panel::Index(index), subtitle, pixels, states, legend: Legend::ColourBar(map, range) }
}

/// Colours of an index, and the numbers at their ends in tenths. For vegetation these are the 2nd and the 98th
/// percentile. For the others the range is symmetric about zero (white) and covers 98 % of the values.
fn index_scale(index: SpectralIndex, values: &[f32], states: &[State]) -> (ColourMap, [f32; 2]) {
    let is_assessed = states.contains(&State::Valid);
    let used = values.iter().zip(states).filter(|(v, s)| !v.is_nan() && (**s == State::Valid || !is_assessed));
    let mut used: Vec<f32> = used.map(|(&v, _)| v).collect();
    // An excess of less than a hundredth over a tenth does not add another tenth.
    let up = |value: f32| ((value * 10.0 - 0.1).ceil() / 10.0).clamp(-1.0, 1.0);
    if index == SpectralIndex::Ndvi {
        let low = -up(-percentile(&mut used, 2.0).unwrap_or(0.0));
        let high = up(percentile(&mut used, 98.0).unwrap_or(1.0)).max(low + 0.2);
        return (ColourMap::BAMAKO_REVERSED, [low.min(0.8), high]);
    }
    for value in &mut used {
        *value = value.abs();
    }
    let most = up(percentile(&mut used, 98.0).unwrap_or(1.0)).max(0.1);
    let map = if index == SpectralIndex::Ndwi { ColourMap::VIK_REVERSED } else { ColourMap::VIK };
    (map, [-most, most])
}

/// Mining land in the colour of the outlines, over a dim grey picture.
fn draw_mask(view: &View, states: Vec<State>) -> Option<Image> {
    let mask = view.mask.as_ref()?;
    let ground = draw(view, Panel::TrueColour).ok().map(|image| image.pixels);
    let colour = |(pixel, &part): (usize, &f32)| {
        let ground = ground.as_ref().map_or([60; 3], |pixels| pixels[pixel]);
        let grey = ground.iter().map(|&v| f32::from(v)).sum::<f32>() / 3.0 * 0.45 + 14.0;
        let part = if part.is_nan() { 0.0 } else { part };
        OUTLINE.map(|mining| (grey * (1.0 - part) + f32::from(mining) * part).round() as u8)
    };
    let pixels = mask.iter().enumerate().map(colour).collect();
    let unknown = |(state, part): (State, &f32)| if part.is_nan() { State::NotAssessable } else { state };
    let states = states.into_iter().zip(mask).map(unknown).collect();
    let subtitle = view.mining_share().map_or_else(String::new, |share| format!("{:.1} % of the area", share * 100.0));
    Some(Image { panel: Panel::Mask, subtitle, pixels, states, legend: Legend::None })
}

/// Colours of the classes as used by ESA and Sentinel Hub
/// (<https://custom-scripts.sentinel-hub.com/sentinel-2/scene-classification/>).
const CLASS_COLOURS: [[u8; 3]; 12] = [
    [0, 0, 0],
    [255, 0, 0],
    [47, 47, 47],
    [100, 50, 0],
    [0, 160, 0],
    [255, 230, 90],
    [0, 0, 255],
    [128, 128, 128],
    [192, 192, 192],
    [255, 255, 255],
    [100, 200, 255],
    [255, 150, 255],
];

/// Short class names that fit below a panel.
const fn class_name(class: SclClass) -> &'static str {
    match class {
        SclClass::NoData => "no data",
        SclClass::SaturatedOrDefective => "saturated",
        SclClass::DarkArea => "dark area",
        SclClass::CloudShadow => "cloud shadow",
        SclClass::Vegetation => "vegetation",
        SclClass::NotVegetated => "not vegetated",
        SclClass::Water => "water",
        SclClass::Unclassified => "unclassified",
        SclClass::CloudMediumProbability => "cloud (medium)",
        SclClass::CloudHighProbability => "cloud (high)",
        SclClass::ThinCirrus => "thin cirrus",
        SclClass::SnowOrIce => "snow, ice",
    }
}

fn draw_classification(view: &View, states: Vec<State>) -> Option<Image> {
    let classes = view.classes.as_ref()?;
    let colour = |class: u8| CLASS_COLOURS.get(usize::from(class)).copied().unwrap_or(NO_DATA);
    let with_data = classes.iter().filter(|&&class| class != 0).count().max(1);
    let share = |class: SclClass| {
        let count = classes.iter().filter(|&&c| c == class.value()).count();
        (count > 0).then(|| (colour(class.value()), class_name(class), count as f64 / with_data as f64 * 100.0))
    };
    let mut present: Vec<_> = SclClass::ALL.into_iter().skip(1).filter_map(share).collect();
    present.sort_by(|a, b| b.2.total_cmp(&a.2));
    // Classes are shown unchanged, also on hidden ground.
    let states = states.into_iter().map(|s| if s == State::NoData { s } else { State::Valid }).collect();
    let pixels = classes.iter().map(|&class| colour(class)).collect();
    let subtitle = "shares of what has data".to_owned();
    Some(Image { panel: Panel::Classification, subtitle, pixels, states, legend: Legend::Classes(present) })
}

impl Image {
    /// Colour of a pixel at (x, y) of the sheet, which aligns the hatching. Missing pixels are hatched in grey.
    /// Hidden ground is hatched over index values, but shown in composites.
    pub(super) fn colour(&self, pixel: usize, x: usize, y: usize) -> [u8; 3] {
        let is_composite = matches!(self.panel, Panel::TrueColour | Panel::Swir | Panel::FalseColour);
        match self.states[pixel] {
            State::NoData => hatched(x, y),
            State::NotAssessable if !is_composite => dimmed([150; 3], x, y),
            State::NotAssessable | State::Valid => self.pixels[pixel],
        }
    }
}

/// The hatching for missing pixels.
pub(super) fn hatched(x: usize, y: usize) -> [u8; 3] {
    if (x + y) % 8 < 2 { NO_DATA.map(|v| v + 22) } else { NO_DATA }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use minesegsat_core::{Crs, GeoTransform, Grid};

    fn view(bands: &[Band]) -> View {
        let transform = GeoTransform::north_up(600_000.0, 5_500_020.0, 10.0);
        let grid = Grid { crs: Crs::from_epsg(32610).unwrap(), transform, width: 20, height: 10 };
        let values = |band: &Band| (0..200).map(|i| 0.02 + ((i * 7 + band.index() * 13) % 50) as f32 / 100.0).collect();
        View::new(grid, bands.iter().map(|band| (*band, values(band))).collect::<BTreeMap<_, _>>())
    }

    #[test]
    fn names_parse_back_and_a_bad_one_lists_what_is_accepted() {
        for panel in Panel::ALL {
            assert_eq!(panel.id().parse::<Panel>().ok(), Some(panel));
        }
        assert_eq!("True-Color".parse::<Panel>().ok(), Some(Panel::TrueColour));
        let message = "nvdi".parse::<Panel>().unwrap_err().to_string();
        assert!(
            message.starts_with("panel `nvdi` is not accepted: true-colour, swir, false-colour, ndvi"),
            "{message}"
        );
    }

    #[test]
    fn composites_take_the_best_bands_there_are_and_say_what_is_missing() {
        use Band::{B03, B04, B08, B8A, B11, B12};

        let swir = |bands: &[Band]| draw(&view(bands), Panel::Swir).map(|image| image.subtitle);
        assert_eq!(swir(&[B04, B08, B8A, B11, B12]).unwrap(), "B12 B8A B04");
        assert_eq!(swir(&[B04, B08, B11]).unwrap(), "B11 B08 B04");
        assert_eq!(swir(&[B04, B03]).unwrap_err(), "needs B12 or B11, B8A or B08");
        assert_eq!(draw(&view(&[B03]), Panel::TrueColour).unwrap_err(), "needs B04, B02");
        assert_eq!(draw(&view(&[B03]), Panel::Index(SpectralIndex::Ndwi)).unwrap_err(), "needs B08");
        assert!(draw(&view(&[B03]), Panel::Mask).unwrap_err().contains("outlines"));
        assert!(draw(&view(&[B03]), Panel::Classification).unwrap_err().contains("level 2A"));
        assert!(Panel::ALL.iter().flat_map(|p| p.bands(|_| true).unwrap()).all(|b| Panel::BANDS.contains(&b)));
    }

    #[test]
    fn zero_is_white_in_diverging_indices_and_the_range_is_round() {
        let values = [-0.31, 0.02, 0.12, 0.05, f32::NAN];
        let states = [State::Valid, State::Valid, State::Valid, State::Valid, State::NoData];
        let (map, range) = index_scale(SpectralIndex::Ndbi, &values, &states);
        assert_eq!(range, [-0.3, 0.3], "98 % of four values lie within 0.3");
        let white = map.colour(0.5);
        assert!(white.iter().all(|&v| v > 215), "{white:?}");
        let (_, range) = index_scale(SpectralIndex::Ndvi, &[0.11, 0.74, 0.5], &[State::Valid; 3]);
        assert_eq!(range, [0.1, 0.8]);
        let (_, range) = index_scale(SpectralIndex::Ndvi, &[], &[]);
        assert_eq!(range, [0.0, 1.0]);
        // Clouds do not widen the range.
        let states = [State::NotAssessable, State::Valid, State::Valid, State::Valid, State::NoData];
        assert_eq!(index_scale(SpectralIndex::Bsi, &values, &states).1, [-0.2, 0.2]);
    }

    #[test]
    fn missing_and_hidden_pixels_are_told_apart() {
        let mut view = view(&Panel::BANDS);
        view.reflectance.get_mut(&Band::B08).unwrap()[0] = f32::NAN;
        view.classes = Some((0..200).map(|i| if i == 1 { 9 } else { 4 }).collect());
        let ndvi = draw(&view, Panel::Index(SpectralIndex::Ndvi)).unwrap();
        assert_eq!(ndvi.states[..3], [State::NoData, State::NotAssessable, State::Valid]);
        let true_colour = draw(&view, Panel::TrueColour).unwrap();
        assert_eq!(true_colour.states[..2], [State::Valid, State::NotAssessable], "B08 is no part of it");
        assert_eq!(true_colour.colour(1, 4, 4), true_colour.pixels[1], "clouds are shown in composites");
        assert_ne!(ndvi.colour(1, 4, 4), ndvi.pixels[1], "and hatched where numbers would be read");
        let classification = draw(&view, Panel::Classification).unwrap();
        let Legend::Classes(classes) = &classification.legend else { panic!("a legend of classes") };
        assert_eq!(classes.iter().map(|c| c.1).collect::<Vec<_>>(), ["vegetation", "cloud (high)"]);
        assert!((classes[0].2 - 99.5).abs() < 1e-9);
    }

    #[test]
    fn masks_show_mining_land_in_its_share_of_the_pixel() {
        let mut view = view(&[Band::B02, Band::B03, Band::B04]);
        let mut mask = vec![0.0; 200];
        (mask[0], mask[1], mask[2]) = (1.0, 0.5, f32::NAN);
        view.set_mask(mask);
        let image = draw(&view, Panel::Mask).unwrap();
        assert_eq!(image.pixels[0], OUTLINE);
        assert!(image.pixels[1][0] > image.pixels[5][0] && image.pixels[1][0] < 255);
        assert_eq!(image.states[2], State::NotAssessable);
        assert_eq!(image.subtitle, "0.8 % of the area");
    }
}
