//! Masks of samples: what their values mean ([`MaskValues`]), and whether they lie where their image lies.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Class;
use minesegsat_core::pixel_class::MASK_NODATA;
use minesegsat_core::{Error, Result, Setting, Window};
use minesegsat_io::raster::{Georeference, open_image};
use minesegsat_io::{Location, Pixels, RasterInfo, RasterSource};

/// Largest distance between a pixel of the mask and the same pixel of the image, in pixels. Writers round coordinates. A
/// grid that is shifted by half a pixel is another grid.
const TOLERANCE_PX: f64 = 0.1;
/// Number of values that a message lists.
const LISTED: usize = 6;
/// Classes that a mask value may mean, with their values in the data set.
const MEANINGS: [(&str, u8); 3] = [("mining", 1), ("other", 0), ("ignore", MASK_NODATA)];

/// What the values in mask files mean, if they do not follow the convention 0 (other), 1 (mining), 255 (ignore).
///
/// The text form is `mining=255,other=0`, with ranges such as `mining=0.5..1,other=0..0.5`. Both ends belong to a range, and
/// the first entry that fits a value decides. NaN, and the file's own nodata value if no entry names it, mean `ignore`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MaskValues(Vec<MaskValue>);

#[derive(Debug, Clone, Copy, PartialEq)]
struct MaskValue {
    low: f64,
    high: f64,
    class: u8,
}

impl MaskValues {
    fn class(&self, value: f64) -> Option<u8> {
        self.0.iter().find(|entry| entry.low <= value && value <= entry.high).map(|entry| entry.class)
    }
}

impl FromStr for MaskValues {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |accepted: &str| Error::Argument {
            name: "mask values",
            value: text.to_owned(),
            accepted: accepted.to_owned(),
        };
        let form = "CLASS=VALUE or CLASS=LOW..HIGH, separated by commas, with the classes mining, other and ignore, such \
                    as mining=255,other=0";
        let mut entries = Vec::new();
        for entry in text.split(',') {
            let (name, values) = entry.split_once('=').ok_or_else(|| refuse(form))?;
            let class = MEANINGS.iter().find(|(known, _)| *known == name.trim()).ok_or_else(|| refuse(form))?.1;
            let number = |text: &str| text.trim().parse::<f64>().ok().filter(|v| v.is_finite());
            let (low, high) = values.split_once("..").unwrap_or((values, values));
            let (low, high) = number(low).zip(number(high)).ok_or_else(|| refuse(form))?;
            if low > high {
                return Err(refuse("the lower end of a range first"));
            }
            entries.push(MaskValue { low, high, class });
        }
        if !entries.iter().any(|entry| entry.class == 1) {
            return Err(refuse("at least one value that means mining"));
        }
        Ok(Self(entries))
    }
}

impl fmt::Display for MaskValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = |entry: &MaskValue| {
            let name = MEANINGS.iter().find(|(_, class)| *class == entry.class).map_or("other", |(name, _)| name);
            if entry.low == entry.high {
                format!("{name}={}", entry.low)
            } else {
                format!("{name}={}..{}", entry.low, entry.high)
            }
        };
        f.pad(&self.0.iter().map(entry).collect::<Vec<_>>().join(","))
    }
}

impl TryFrom<String> for MaskValues {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<MaskValues> for String {
    fn from(values: MaskValues) -> Self {
        values.to_string()
    }
}

/// The mask file of a sample, open.
#[derive(Debug, Clone)]
pub(super) struct Mask {
    source: Arc<dyn RasterSource>,
    georeference: Georeference,
    values: Option<MaskValues>,
    classes: Arc<[Class]>,
    ignore: u8,
    /// Class of each value of an 8-bit mask.
    table: Arc<[Option<u8>; 256]>,
}

impl Mask {
    /// Opens a mask. Without `values`, its values are those of `classes`, and `ignore`.
    pub(super) fn open(path: &Path, values: Option<&MaskValues>, classes: &[Class], ignore: u8) -> Result<Self> {
        let (source, georeference) = open_image(&Location::from(path))?;
        let mut mask = Self {
            source,
            georeference,
            values: values.cloned(),
            classes: classes.into(),
            ignore,
            table: Arc::new([None; 256]),
        };
        mask.table = Arc::new(std::array::from_fn(|value| mask.class(value as f64)));
        Ok(mask)
    }

    pub(super) fn info(&self) -> &RasterInfo {
        self.source.info()
    }

    pub(super) const fn georeference(&self) -> &Georeference {
        &self.georeference
    }

    /// The class of a value; `None` if it has no meaning.
    fn class(&self, value: f64) -> Option<u8> {
        if value.is_nan() {
            return Some(self.ignore);
        }
        let known = match &self.values {
            Some(values) => values.class(value).map(|class| if class == MASK_NODATA { self.ignore } else { class }),
            None if value == f64::from(self.ignore) => Some(self.ignore),
            None => self.classes.iter().map(|class| class.value).find(|class| f64::from(*class) == value),
        };
        known.or_else(|| self.info().nodata.is_some_and(|nodata| nodata == value).then_some(self.ignore))
    }

    /// Classes of a window. An error names the values without a meaning.
    pub(super) fn classes(&self, window: Window) -> Result<Vec<u8>> {
        let pixels = self.source.read(0, window)?;
        let classes: Option<Vec<u8>> = match &pixels {
            Pixels::U8(values) => values.iter().map(|value| self.table[usize::from(*value)]).collect(),
            pixels => (0..pixels.len()).map(|i| self.class(pixels.get(i))).collect(),
        };
        classes.ok_or_else(|| self.unknown_values(&pixels))
    }

    fn unknown_values(&self, pixels: &Pixels) -> Error {
        let mut unknown: Vec<f64> = Vec::new();
        for i in 0..pixels.len() {
            let value = pixels.get(i);
            if unknown.len() <= LISTED && self.class(value).is_none() && !unknown.contains(&value) {
                unknown.push(value);
            }
        }
        unknown.sort_by(f64::total_cmp);
        let more = if unknown.len() > LISTED { " and others" } else { "" };
        let list = unknown.iter().take(LISTED).map(f64::to_string).collect::<Vec<_>>().join(", ");
        let expected = self.values.as_ref().map_or_else(
            || {
                let classes = self.classes.iter().map(|class| format!("{} ({})", class.value, class.name));
                format!("{} and {} (ignore)", classes.collect::<Vec<_>>().join(", "), self.ignore)
            },
            ToString::to_string,
        );
        let reason = format!("the mask holds {list}{more}; the values that have a meaning are {expected}");
        Error::raster(self.info().location.clone(), reason).avoided_by(Setting::MaskValues)
    }

    /// Returns an error if the mask has several bands that differ. The first one alone would be read.
    pub(super) fn check_bands(&self) -> Result<()> {
        let info = self.info();
        let count = info.band_names.len();
        let window = info.grid.full_window();
        let first = if count > 1 { Some(self.source.read(0, window)?) } else { None };
        for band in 1..count {
            if self.source.read(band, window).ok() != first {
                return Err(Error::raster(
                    info.location.clone(),
                    format!(
                        "the mask has {count} bands that differ; expected one band with a class per pixel, for instance from: \
                         gdal_translate -b 1"
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Returns an error unless the mask has the pixels of its image: their number, and their place if both state it.
    pub(super) fn check_grid(&self, image: &RasterInfo, georeference: &Georeference) -> Result<()> {
        let (a, b) = (&image.grid, &self.info().grid);
        let refuse = |reason: String| Err(Error::raster(self.info().location.clone(), reason));
        if (a.width, a.height) != (b.width, b.height) {
            return refuse(format!(
                "the mask has {} x {} pixels, but the image {} x {}",
                b.width, b.height, a.width, a.height
            ));
        }
        let same_crs = !(georeference.is_placed() && self.georeference.is_placed() && a.crs.epsg() != b.crs.epsg());
        let (Some(of_image), Some(of_mask)) = (affine(image, georeference), affine(self.info(), &self.georeference))
        else {
            return Ok(());
        };
        if same_crs && is_close(of_image, of_mask, a.width, a.height) {
            return Ok(());
        }
        refuse(format!(
            "the mask lies on another grid than its image: {}; the image {} has {}; warp the mask onto the grid of the \
             image, or remove its georeference if the pixels do belong together",
            described(self.info(), &self.georeference, of_mask),
            image.location,
            described(image, georeference, of_image)
        ))
    }
}

/// The map of pixel corners that a file states: `[a, b, c, d, e, f]` of [`Georeference::Unused`].
fn affine(info: &RasterInfo, georeference: &Georeference) -> Option<[f64; 6]> {
    let t = &info.grid.transform;
    match georeference {
        Georeference::Placed => Some([t.pixel_width, 0.0, t.origin_x, 0.0, t.pixel_height, t.origin_y]),
        Georeference::Absent => None,
        Georeference::Unused { affine, .. } => Some(*affine),
    }
}

/// Whether two maps of pixel corners differ by less than [`TOLERANCE_PX`] at all corners of an image.
fn is_close(a: [f64; 6], b: [f64; 6], width: usize, height: usize) -> bool {
    let size = (a[0].hypot(a[3])).min(a[1].hypot(a[4]));
    let at = |m: [f64; 6], (col, row): (f64, f64)| (m[0] * col + m[1] * row + m[2], m[3] * col + m[4] * row + m[5]);
    let (width, height) = (width as f64, height as f64);
    [(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)].into_iter().all(|corner| {
        let (p, q) = (at(a, corner), at(b, corner));
        (p.0 - q.0).hypot(p.1 - q.1) <= TOLERANCE_PX * size
    })
}

/// A grid in a message.
fn described(info: &RasterInfo, georeference: &Georeference, m: [f64; 6]) -> String {
    let crs = match georeference {
        Georeference::Placed => format!("{}, ", info.grid.crs),
        _ => String::new(),
    };
    let rows = if m[4] > 0.0 { ", rows from south to north" } else { "" };
    format!("{crs}first corner {}, {}, pixels of {} x {}{rows}", m[2], m[5], m[0].hypot(m[3]), m[1].hypot(m[4]))
}

/// A mask whose pixels are classes, for previews.
impl RasterSource for Mask {
    fn info(&self) -> &RasterInfo {
        self.source.info()
    }

    fn read(&self, _band: usize, window: Window) -> Result<Pixels> {
        let classes = self.classes(window)?;
        Ok(match self.info().data_type {
            minesegsat_io::DataType::U8 => Pixels::U8(classes),
            minesegsat_io::DataType::U16 => Pixels::U16(classes.into_iter().map(u16::from).collect()),
            minesegsat_io::DataType::I16 => Pixels::I16(classes.into_iter().map(i16::from).collect()),
            minesegsat_io::DataType::F32 => Pixels::F32(classes.into_iter().map(f32::from).collect()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_get_the_meaning_that_the_user_states() {
        let values: MaskValues = "mining=255,other=0".parse().unwrap();
        assert_eq!([0.0, 255.0, 1.0].map(|v| values.class(v)), [Some(0), Some(1), None]);
        let values: MaskValues = " mining = 0.5..1, other=0..0.5, ignore=-1".parse().unwrap();
        assert_eq!([0.2, 0.5, 1.0, -1.0, 1.5].map(|v| values.class(v)), [Some(0), Some(1), Some(1), Some(255), None]);
        assert_eq!(values.to_string(), "mining=0.5..1,other=0..0.5,ignore=-1");
        for wrong in ["", "255", "mine=1", "mining=x", "other=0", "mining=1..0", "mining=nan", "mining=1,,other=0"] {
            assert!(wrong.parse::<MaskValues>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn grids_are_close_to_a_tenth_of_a_pixel_at_every_corner() {
        let a = [10.0, 0.0, 500_000.0, 0.0, -10.0, 6_100_000.0];
        let shifted = |x: f64, y: f64| [10.0, 0.0, 500_000.0 + x, 0.0, -10.0, 6_100_000.0 + y];
        assert!(is_close(a, shifted(0.9, 0.0), 64, 64) && !is_close(a, shifted(5.0, 0.0), 64, 64));
        assert!(!is_close(a, shifted(0.0, -10.0), 64, 64));
        // A pixel of 10.1 m ends 6.4 m away after 64 pixels.
        assert!(!is_close(a, [10.1, 0.0, 500_000.0, 0.0, -10.0, 6_100_000.0], 64, 64));
        assert!(!is_close(a, [10.0, 0.0, 500_000.0, 0.0, 10.0, 6_099_360.0], 64, 64), "upside down");
    }
}
