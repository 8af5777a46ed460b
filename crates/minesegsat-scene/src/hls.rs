//! HLS S30: surface reflectance of Sentinel-2 on pixels of 30 m, adjusted to Landsat (Harmonized Landsat and Sentinel-2
//! Product User Guide, version 2.0). Digital numbers are reflectance x 10,000 without offset; -9999 is nodata. The quality
//! layer `Fmask` has bits.

use std::sync::Arc;

use jiff::civil;

use super::SclClass;
use super::names::{ProductLevel, ProductName, mgrs_tile};
use super::radiometry::{OffsetRule, RadiometryClaim, Reliability};
use minesegsat_core::{Result, Window};
use minesegsat_io::{DataType, Location, Pixels, RasterInfo, RasterSource, open_raster};

/// Value of the quality layer where there is no image.
const NO_IMAGE: u16 = 255;

/// Whether a file belongs to an HLS S30 product: `HLS.S30.T10UFV.2021193T190919.v2.0.B04.tif`.
pub(crate) fn is_hls(name: &str) -> bool {
    parts(name).is_some()
}

/// Whether a file is the quality layer of an HLS S30 product.
fn is_fmask(name: &str) -> bool {
    parts(name).is_some_and(|parts| parts.iter().any(|part| part.eq_ignore_ascii_case("fmask")))
}

fn parts(name: &str) -> Option<Vec<&str>> {
    let file = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let parts: Vec<&str> = file.split('.').collect();
    (parts.len() >= 6 && parts[0].eq_ignore_ascii_case("hls") && parts[1].eq_ignore_ascii_case("s30")).then_some(parts)
}

/// The quality layer among the files of a folder.
pub(crate) fn find_fmask<'a>(files: &[&'a str]) -> Option<&'a str> {
    files.iter().copied().find(|name| is_fmask(name))
}

/// Tile and time of sensing. The day is counted from the first of January: `2021193T190919`.
pub(crate) fn product_name(name: &str) -> Option<ProductName> {
    let parts = parts(name)?;
    let time = civil::DateTime::strptime("%Y%jT%H%M%S", parts[3]).ok();
    Some(ProductName {
        level: Some(ProductLevel::L2A),
        mgrs_tile: mgrs_tile(parts[2]),
        date: time.map(civil::DateTime::date),
        datetime: time.and_then(|t| t.to_zoned(jiff::tz::TimeZone::UTC).ok()).map(|t| t.timestamp()),
        ..ProductName::default()
    })
}

/// Scale and offset of the product.
pub(crate) fn claim() -> RadiometryClaim {
    RadiometryClaim {
        rule: OffsetRule::ProductMetadata,
        reliability: Reliability::Stated,
        scale: Some(1e-4),
        offset_dn: Some(0.0),
        statement: "HLS S30 is surface reflectance x 10000 without an offset".to_owned(),
        ..RadiometryClaim::silent()
    }
}

/// Opens a classification layer. The quality layer of HLS is translated to the classes of the scene classification.
pub fn open_classification(location: &Location) -> Result<Arc<dyn RasterSource>> {
    let source = open_raster(location)?;
    if !is_fmask(location.file_name()) {
        return Ok(source);
    }
    let info = RasterInfo { data_type: DataType::U8, nodata: Some(0.0), ..source.info().clone() };
    Ok(Arc::new(FmaskClasses { source, info }))
}

/// The quality layer as scene classes.
#[derive(Debug)]
struct FmaskClasses {
    source: Arc<dyn RasterSource>,
    info: RasterInfo,
}

impl RasterSource for FmaskClasses {
    fn info(&self) -> &RasterInfo {
        &self.info
    }

    fn read(&self, band: usize, window: Window) -> Result<Pixels> {
        let bits = self.source.read(band, window)?;
        Ok(Pixels::U8((0..bits.len()).map(|i| class_of(bits.get(i) as u16).value()).collect()))
    }
}

/// The class of a value of `Fmask`. Bits: 1 cloud, 2 beside a cloud or its shadow, 3 shadow, 4 snow or ice, 5 water. Bits 6 and
/// 7 are the aerosol level. Pixels beside clouds are left out as clouds are: the guide calls them unreliable.
fn class_of(bits: u16) -> SclClass {
    let is_set = |bit: u16| bits >> bit & 1 == 1;
    if bits == NO_IMAGE {
        SclClass::NoData
    } else if is_set(1) {
        SclClass::CloudHighProbability
    } else if is_set(3) {
        SclClass::CloudShadow
    } else if is_set(2) {
        SclClass::CloudMediumProbability
    } else if is_set(4) {
        SclClass::SnowOrIce
    } else if is_set(5) {
        SclClass::Water
    } else {
        SclClass::Unclassified
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const B04: &str = "HLS.S30.T10UFV.2021193T190919.v2.0.B04.tif";

    #[test]
    fn names_of_hls_say_tile_and_time() {
        let name = product_name(B04).unwrap();
        assert_eq!(name.datetime.unwrap().to_string(), "2021-07-12T19:09:19Z");
        assert_eq!((name.level, name.mgrs_tile.as_deref()), (Some(ProductLevel::L2A), Some("10UFV")));
        assert!(is_hls(&format!("folder/{B04}")) && !is_hls("HLS.L30.T10UFV.2021193T190919.v2.0.B04.tif"));
        let fmask = B04.replace("B04", "Fmask");
        assert_eq!(find_fmask(&[B04, &fmask]), Some(&fmask[..]));
        assert_eq!(find_fmask(&[B04, "Fmask.tif"]), None);
    }

    #[test]
    fn bits_become_classes() {
        use SclClass::{
            CloudHighProbability, CloudMediumProbability, CloudShadow, NoData, SnowOrIce, Unclassified, Water,
        };
        // Aerosol levels: 64 (low), 192 (high).
        for (bits, class) in [
            (255, NoData),
            (64, Unclassified),
            (64 + 2, CloudHighProbability),
            (192 + 4, CloudMediumProbability),
            (4 + 8, CloudShadow),
            (16, SnowOrIce),
            (64 + 32, Water),
            (0, Unclassified),
        ] {
            assert_eq!(class_of(bits), class, "{bits}");
        }
    }
}
