//! The boxes of a JP2 file: the position of the codestream, and the georeference in a GeoJP2 box (a small GeoTIFF) or a GMLJP2
//! box (OGC 08-085r8).

use std::ops::Range;

use bytes::Bytes;
use quick_xml::events::Event;

use super::{RAW, SIGNATURE};
use crate::raster::bytes::ByteSource;
use crate::raster::tiff;
use minesegsat_core::{Crs, GeoTransform, Grid, Result};

/// The UUID of GeoJP2 boxes.
const GEO_JP2: [u8; 16] =
    [0xb1, 0x4b, 0xf8, 0xbd, 0x08, 0x3d, 0x4b, 0x43, 0xa5, 0xae, 0x8c, 0xd7, 0xd5, 0xa6, 0xce, 0x03];
/// Maximum size in bytes of a georeference box.
const LARGEST_METADATA: u64 = 4 << 20;
/// Maximum nesting of association boxes. GMLJP2 needs two levels.
const DEEPEST: u32 = 4;

/// Contents of the boxes of a file.
#[derive(Debug)]
pub(super) struct Boxes {
    /// The codestream.
    pub(super) codestream: Range<u64>,
    geo_jp2: Option<Bytes>,
    gml: Option<String>,
}

/// Reads the boxes before and after the codestream.
pub(super) fn boxes(source: &ByteSource) -> Result<Boxes> {
    let head = source.read(0..source.len().min(12))?;
    if head.starts_with(&RAW) {
        return Ok(Boxes { codestream: 0..source.len(), geo_jp2: None, gml: None });
    }
    let mut found = Boxes { codestream: 0..0, geo_jp2: None, gml: None };
    walk(source, SIGNATURE.len() as u64..source.len(), 0, &mut found)?;
    if found.codestream.is_empty() {
        return Err(source.error("it has no codestream (truncated?)"));
    }
    Ok(found)
}

fn walk(source: &ByteSource, range: Range<u64>, depth: u32, found: &mut Boxes) -> Result<()> {
    let mut at = range.start;
    while at + 8 <= range.end {
        let head = source.read(at..(at + 16).min(range.end))?;
        let short = u64::from(u32::from_be_bytes([head[0], head[1], head[2], head[3]]));
        let (head_len, len) = match (short, head.get(8..16)) {
            (0, _) => (8, range.end - at),
            (1, Some(long)) => (16, long.iter().fold(0, |n, &b| n << 8 | u64::from(b))),
            (short, _) => (8, short),
        };
        let end = at.saturating_add(len);
        let name = &head[4..8];
        if len < head_len || end > range.end {
            return Err(source.error(format!(
                "its box `{}` at byte {at} extends to byte {end}, but only {} bytes are there (truncated or damaged?)",
                name.escape_ascii(),
                range.end
            )));
        }
        let content = at + head_len..end;
        let small = content.end - content.start <= LARGEST_METADATA;
        match name {
            b"jp2c" if found.codestream.is_empty() => found.codestream = content,
            b"jp2h" if depth == 0 => walk(source, content, DEEPEST, found)?,
            b"pclr" => return Err(source.error("it has a palette, which is not supported")),
            b"asoc" if depth < DEEPEST => walk(source, content, depth + 1, found)?,
            b"uuid" if small && depth == 0 => {
                let content = source.read(content)?;
                if let Some(tiff) = content.strip_prefix(&GEO_JP2) {
                    found.geo_jp2 = Some(content.slice_ref(tiff));
                }
            }
            b"xml " if small && found.gml.is_none() => {
                let text = String::from_utf8_lossy(&source.read(content)?).into_owned();
                if text.contains("RectifiedGrid") {
                    found.gml = Some(text);
                }
            }
            _ => {}
        }
        at = end;
    }
    Ok(())
}

/// The grid that the boxes state, GeoJP2 before GMLJP2.
pub(super) fn grid(source: &ByteSource, boxes: &Boxes, width: usize, height: usize) -> Result<Grid> {
    match (&boxes.geo_jp2, &boxes.gml) {
        (Some(tiff), _) => tiff::degenerate_grid(source.name(), tiff.clone(), width, height),
        (None, Some(gml)) => {
            let (crs, transform) = gml_grid(gml).map_err(|reason| source.error(reason))?;
            let crs = Crs::from_epsg(crs).map_err(|e| source.error(e))?;
            Ok(Grid { crs, transform, width, height })
        }
        (None, None) => {
            Err(source
                .error("it has no georeference; open a band of a SAFE product through its product folder or archive"))
        }
    }
}

/// EPSG code and transform of a GML rectified grid, whose origin is the centre of the first pixel.
fn gml_grid(xml: &str) -> Result<(u16, GeoTransform), String> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut srs = None;
    let mut element = String::new();
    let mut in_grid = false;
    let mut origin: Option<Vec<f64>> = None;
    let mut vectors: Vec<Vec<f64>> = Vec::new();
    loop {
        match reader.read_event().map_err(|e| format!("its GMLJP2 box is damaged ({e})"))? {
            Event::Start(start) => {
                start.local_name().as_ref().clone_into(&mut element);
                in_grid |= element == "RectifiedGrid";
                if let (true, None, Ok(Some(name))) = (in_grid, &srs, start.try_get_attribute("srsName")) {
                    srs = Some(name.value.into_owned());
                }
            }
            Event::Text(text) if in_grid => {
                let numbers = || text.split_whitespace().map_while(|n| n.parse().ok()).collect::<Vec<f64>>();
                match element.as_str() {
                    "pos" if origin.is_none() => origin = Some(numbers()),
                    "offsetVector" => vectors.push(numbers()),
                    _ => {}
                }
            }
            Event::End(end) => {
                element.clear();
                if end.local_name().as_ref() == "RectifiedGrid" {
                    break;
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let srs = srs.ok_or("its GMLJP2 box names no coordinate reference system")?;
    let code = srs.rsplit([':', '/', '#']).next().and_then(|code| code.parse().ok());
    let code = code
        .filter(|_| srs.contains("EPSG"))
        .ok_or(format!("its coordinate reference system `{srs}` has no EPSG code"))?;
    match (origin.as_deref(), vectors.as_slice()) {
        (Some(&[x, y, ..]), [right, down]) => match (&right[..], &down[..]) {
            (&[pixel_width, 0.0, ..], &[0.0, pixel_height, ..]) if pixel_width > 0.0 && pixel_height < 0.0 => {
                let centre = GeoTransform { origin_x: x, origin_y: y, pixel_width, pixel_height };
                let (origin_x, origin_y) = centre.to_map(-0.5, -0.5);
                Ok((code, GeoTransform { origin_x, origin_y, ..centre }))
            }
            _ => Err("its GMLJP2 box states a grid that is not north-up".to_owned()),
        },
        _ => Err("its GMLJP2 box states no origin and offset vectors".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gml_states_the_centre_of_the_first_pixel() {
        // As in the IMG_DATA files of Sentinel-2 products: a 10 m band of a tile at (399960, 4200000).
        let gml = r#"<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml"><gml:rectifiedGridDomain>
            <gml:RectifiedGrid dimension="2"><gml:limits><gml:GridEnvelope><gml:low>1 1</gml:low>
            <gml:high>10980 10980</gml:high></gml:GridEnvelope></gml:limits><gml:axisName>x</gml:axisName>
            <gml:origin><gml:Point gml:id="P0001" srsName="urn:ogc:def:crs:EPSG::32618">
            <gml:pos>399965 4199995</gml:pos></gml:Point></gml:origin>
            <gml:offsetVector srsName="urn:ogc:def:crs:EPSG::32618">10 0</gml:offsetVector>
            <gml:offsetVector srsName="urn:ogc:def:crs:EPSG::32618">0 -10</gml:offsetVector>
            </gml:RectifiedGrid></gml:rectifiedGridDomain></gml:FeatureCollection>"#;
        assert_eq!(gml_grid(gml), Ok((32618, GeoTransform::north_up(399_960.0, 4_200_000.0, 10.0))));
        assert!(gml_grid(&gml.replace(">10 0<", ">10 1<")).unwrap_err().contains("north-up"));
        assert!(gml_grid(&gml.replace("EPSG::32618", "unknown")).unwrap_err().contains("EPSG"));
        assert!(gml_grid("<a>").is_err());
    }
}
