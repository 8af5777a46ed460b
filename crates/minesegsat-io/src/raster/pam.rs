//! What GDAL stores beside an image (`B04.tif.aux.xml`, Persistent Auxiliary Metadata): nodata value, scale, offset and
//! description of its bands. QGIS and GDAL write them there if they do not change the image itself.

use std::path::Path;

use quick_xml::events::{BytesStart, Event};

use super::RasterInfo;
use super::tiff::parse_number;
use minesegsat_core::{Error, Result};

/// Maximum size in bytes. The file also holds histograms and statistics, which are not read.
const LARGEST: u64 = 64 << 20;

/// The metadata of one band.
#[derive(Debug, Clone, PartialEq, Default)]
struct PamBand {
    nodata: Option<f64>,
    scale: Option<f64>,
    offset: Option<f64>,
    description: Option<String>,
}

/// Reads the metadata beside an image. Completes its description; returns nodata values that the image itself does not state.
pub(super) fn complete(image: &Path, info: &mut RasterInfo) -> Result<Vec<f64>> {
    let mut name = image.as_os_str().to_owned();
    name.push(".aux.xml");
    let path = Path::new(&name);
    let Ok(found) = std::fs::metadata(path) else { return Ok(Vec::new()) };
    if !found.is_file() {
        return Ok(Vec::new());
    }
    if found.len() > LARGEST {
        return Err(Error::input(path.display().to_string(), format!("it has more than {} MiB", LARGEST >> 20)));
    }
    let bands = parse(&String::from_utf8_lossy(&fs_err::read(path)?), info.band_names.len());
    let mut missing: Vec<f64> = Vec::new();
    for (index, band) in bands.into_iter().enumerate() {
        if info.band_names[index].is_none() {
            info.band_names[index] = band.description;
        }
        if info.scale_offset[index].is_none() && (band.scale.is_some() || band.offset.is_some()) {
            info.scale_offset[index] = Some((band.scale.unwrap_or(1.0), band.offset.unwrap_or(0.0)));
        }
        missing.extend(band.nodata.filter(|value| info.nodata != Some(*value) && !missing.contains(value)));
    }
    Ok(missing)
}

/// The metadata of the first `count` bands. A damaged element ends them.
fn parse(xml: &str, count: usize) -> Vec<PamBand> {
    let mut bands = vec![PamBand::default(); count];
    let mut reader = quick_xml::Reader::from_str(xml);
    // Names of the open elements, and the band that they belong to.
    let mut open: Vec<String> = Vec::new();
    let mut current = None;
    let mut text = String::new();
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(start) => {
                if start.name().as_ref() == "PAMRasterBand" {
                    current = band_number(&start).filter(|&band| band < count);
                }
                open.push(start.name().as_ref().to_owned());
                text.clear();
            }
            Event::Text(piece) => text.push_str(&piece),
            Event::GeneralRef(name) => {
                text.push_str(quick_xml::escape::resolve_predefined_entity(&name).unwrap_or_default());
            }
            Event::End(_) => {
                let name = open.pop().unwrap_or_default();
                let is_of_band = open.last().is_some_and(|parent| parent == "PAMRasterBand");
                if let Some(band) = current.filter(|_| is_of_band).and_then(|band| bands.get_mut(band)) {
                    match name.as_str() {
                        "NoDataValue" => band.nodata = parse_number(&text),
                        "Scale" => band.scale = parse_number(&text),
                        "Offset" => band.offset = parse_number(&text),
                        "Description" if !text.trim().is_empty() => band.description = Some(text.trim().to_owned()),
                        _ => {}
                    }
                }
                text.clear();
            }
            Event::Eof => break,
            _ => {}
        }
    }
    bands
}

/// Number of a band, counted from 0.
fn band_number(start: &BytesStart<'_>) -> Option<usize> {
    let number: usize = start.try_get_attribute("band").ok().flatten()?.value.parse().ok()?;
    number.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_described_as_gdal_writes_them() {
        // By GDAL 3.10: `gdal_edit.py -a_nodata` on a read-only image, `gdalinfo -stats`, a description from QGIS.
        let xml = r#"<PAMDataset>
          <Metadata><MDI key="NoDataValue">5</MDI></Metadata>
          <PAMRasterBand band="2">
            <Description>B03 &amp; more</Description>
            <NoDataValue le_hex_equiv="000000000087C3C0">-9.99900000000000E+03</NoDataValue>
            <Offset>-0.1</Offset><Scale>0.0001</Scale>
            <Metadata><MDI key="STATISTICS_MEAN">7</MDI><NoDataValue>3</NoDataValue></Metadata>
          </PAMRasterBand>
          <PAMRasterBand band="9"><NoDataValue>1</NoDataValue></PAMRasterBand>
          <PAMRasterBand band="0"><NoDataValue>1</NoDataValue></PAMRasterBand>
        </PAMDataset>"#;
        let found = parse(xml, 2);
        assert_eq!(found[0], PamBand::default());
        let expected = PamBand {
            nodata: Some(-9999.0),
            scale: Some(1e-4),
            offset: Some(-0.1),
            description: Some("B03 & more".to_owned()),
        };
        assert_eq!(found[1], expected);
        assert_eq!(parse("<PAMDataset><PAMRasterBand band=\"1\"><NoDataValue>7", 1), [PamBand::default()]);
        assert!(
            parse(r#"<PAMRasterBand band="1"><NoDataValue>nan</NoDataValue></PAMRasterBand>"#, 1)[0]
                .nodata
                .is_some_and(f64::is_nan)
        );
    }
}
