//! Values and colours of class rasters: masks and change maps.

use serde::Serialize;

/// Mask value of a pixel that could not be assessed (cloud, no data).
pub const MASK_NODATA: u8 = 255;

/// Colours of a mask by value (red, green, blue): background is nearly black, mining is red.
///
/// TIFF palettes have no opacity. GDAL and programs that use it draw the nodata value transparent.
pub const MASK_PALETTE: [[u8; 3]; 2] = [[24, 24, 24], DISTURBED_COLOUR];

/// Names of the values of a mask for people, without the nodata value.
pub const MASK_LABELS: [&str; 2] = ["Not disturbed", "Disturbed"];

/// Values and names of the classes of a mask.
pub const MASK_CLASSES: [(u8, &str); 3] = [(0, "not disturbed"), (1, "disturbed"), (MASK_NODATA, "not assessable")];

/// Name of the metadata item of a raster with [`classes_text`].
pub const CLASSES_ITEM: &str = "CLASSES";

/// Values and names of classes as one text.
///
/// ```
/// use minesegsat_core::pixel_class::{MASK_CLASSES, classes_text};
///
/// assert_eq!(classes_text(MASK_CLASSES), "0=not disturbed;1=disturbed;255=not assessable");
/// ```
pub fn classes_text<'a>(classes: impl IntoIterator<Item = (u8, &'a str)>) -> String {
    let classes: Vec<String> = classes.into_iter().map(|(value, name)| format!("{value}={name}")).collect();
    classes.join(";")
}

/// Colour of disturbed land in masks and vector files.
pub const DISTURBED_COLOUR: [u8; 3] = [227, 26, 28];

/// Colour of gain: orange of ColorBrewer's scheme PuOr, which people with red-green blindness can tell from [`LOSS_COLOUR`].
pub const GAIN_COLOUR: [u8; 3] = [0xe6, 0x61, 0x01];

/// Colour of loss: violet of the same scheme.
pub const LOSS_COLOUR: [u8; 3] = [0x5e, 0x3c, 0x99];

/// Colours of a change map by the value of [`Change`]: none, stable, gain, loss.
pub const CHANGE_PALETTE: [[u8; 3]; 4] = [[24, 24, 24], STABLE_COLOUR, GAIN_COLOUR, LOSS_COLOUR];

/// Names of the values of a change map for people, without the nodata value.
pub const CHANGE_LABELS: [&str; 4] =
    ["Not disturbed", "Disturbed on both dates", "Gain: newly disturbed", "Loss: no longer disturbed"];

/// Colour of land that is disturbed on both dates.
pub const STABLE_COLOUR: [u8; 3] = [215, 205, 165];

/// Change class of a pixel: the values of `change.tif`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Change {
    /// Not disturbed on either date.
    None = 0,
    /// Disturbed on both dates.
    Stable = 1,
    /// Disturbed on the later date only.
    Gain = 2,
    /// Disturbed on the earlier date only.
    Loss = 3,
    /// Not assessable on at least one of the dates.
    NotAssessable = 255,
}

impl Change {
    /// All classes.
    pub const ALL: [Self; 5] = [Self::None, Self::Stable, Self::Gain, Self::Loss, Self::NotAssessable];

    /// Classes of pixels that are disturbed on at least one date.
    pub const OF_MINES: [Self; 3] = [Self::Stable, Self::Gain, Self::Loss];

    /// Name of the class in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Stable => "stable",
            Self::Gain => "gain",
            Self::Loss => "loss",
            Self::NotAssessable => "not assessable",
        }
    }
}

/// What became of a pixel over many dates: the values of `state.tif`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum LandHistory {
    /// Not disturbed.
    Undisturbed = 0,
    /// Disturbed since the first date on which it was seen.
    Disturbed = 1,
    /// Became disturbed between two dates, and still is. Confirmed by several dates.
    New = 2,
    /// The same, not confirmed yet.
    NewProvisional = 3,
    /// Was disturbed and no longer is. Confirmed by several dates.
    Regrown = 4,
    /// The same, not confirmed yet.
    RegrownProvisional = 5,
    /// Not seen on any date.
    NotAssessable = 255,
}

impl LandHistory {
    /// Classes of pixels that were seen, in the order of their values.
    pub const SEEN: [Self; 6] =
        [Self::Undisturbed, Self::Disturbed, Self::New, Self::NewProvisional, Self::Regrown, Self::RegrownProvisional];

    /// Name of the class in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Undisturbed => "undisturbed",
            Self::Disturbed => "disturbed",
            Self::New => "new",
            Self::NewProvisional => "new-provisional",
            Self::Regrown => "regrown",
            Self::RegrownProvisional => "regrown-provisional",
            Self::NotAssessable => "not-assessable",
        }
    }
}

/// Names of the values of `state.tif` for people, without the nodata value.
pub const HISTORY_LABELS: [&str; 6] =
    ["Undisturbed", "Disturbed", "New", "New, provisional", "Regrown", "Regrown, provisional"];

/// Colours of `state.tif` by the value of [`LandHistory`]. Provisional classes are paler.
pub const HISTORY_PALETTE: [[u8; 3]; 6] =
    [[24, 24, 24], STABLE_COLOUR, GAIN_COLOUR, [0xfd, 0xb8, 0x63], LOSS_COLOUR, [0xb2, 0xab, 0xd2]];
