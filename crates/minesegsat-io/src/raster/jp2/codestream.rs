//! The structure of a JPEG 2000 codestream (ISO/IEC 15444-1, annex A): the main header, and the positions of tile-parts.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::raster::bytes::ByteSource;
use minesegsat_core::{Result, Window};

const SOC: u16 = 0xff4f;
const SIZ: u16 = 0xff51;
const COD: u16 = 0xff52;
const COC: u16 = 0xff53;
const TLM: u16 = 0xff55;
const PLM: u16 = 0xff57;
const PPM: u16 = 0xff60;
const SOT: u16 = 0xff90;
const SOD: u16 = 0xff93;
const EOC: u16 = 0xffd9;
/// The end of a codestream.
pub(super) const END: [u8; 2] = EOC.to_be_bytes();

/// Bytes of a tile-part's first marker segment.
const SOT_LEN: u64 = 12;
/// Markers that may stand in the header of a tile-part besides COD and COC (table A.2): RGN, QCD, QCC, POC, PLT, PPT, COM.
const OF_TILE_PARTS: [u16; 7] = [0xff5e, 0xff5c, 0xff5d, 0xff5f, 0xff58, 0xff61, 0xff64];
/// Maximum number of precincts and code-blocks of a tile, for which OpenJPEG reserves memory before it decodes. A tile of
/// 10980x10980 pixels in code-blocks of 64x64 has 39,000.
const MOST_DIVISIONS: u64 = 1 << 22;
/// Maximum length of the main header in bytes. Typical headers have some hundred bytes.
const LONGEST_HEADER: usize = 16 << 20;

/// A codestream with an index of its tiles, which can be read in any order.
#[derive(Debug)]
pub(super) struct Codestream {
    /// The main header, without the positions of tile-parts in the file.
    pub(super) header: Bytes,
    pub(super) size: ImageSize,
    /// Number of wavelet decomposition levels: the image can be halved this many times without decoding it completely.
    pub(super) levels: u8,
    /// Byte ranges of each tile's parts.
    pub(super) tiles: Vec<Vec<Range<u64>>>,
}

/// Size of the image and its tiles, in pixels. Image and tiles begin at (0, 0).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ImageSize {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) tile_width: u32,
    pub(super) tile_height: u32,
    pub(super) components: u16,
    pub(super) bits: u8,
    pub(super) signed: bool,
}

impl ImageSize {
    pub(super) fn tiles_across(&self) -> u32 {
        self.width.div_ceil(self.tile_width)
    }

    pub(super) fn tiles_down(&self) -> u32 {
        self.height.div_ceil(self.tile_height)
    }

    /// Pixels of a tile.
    pub(super) fn tile(&self, index: u32) -> Window {
        let (col, row) =
            (index % self.tiles_across() * self.tile_width, index / self.tiles_across() * self.tile_height);
        let (width, height) = (self.tile_width.min(self.width - col), self.tile_height.min(self.height - row));
        Window::new(col as usize, row as usize, width as usize, height as usize)
    }

    /// Reads the content of a SIZ segment.
    fn parse(segment: &[u8]) -> Result<Self, String> {
        let word = |at: usize| segment.get(at..at + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
        let words: Option<Vec<u32>> = (0..8).map(|i| word(2 + 4 * i)).collect();
        let (Some(words), Some(count)) = (words, segment.get(34..36)) else {
            return Err("its size (SIZ) is cut off".to_owned());
        };
        let components = u16::from_be_bytes([count[0], count[1]]);
        let described = segment[36..].chunks_exact(3).collect::<Vec<_>>();
        if components == 0 || described.len() != usize::from(components) {
            return Err(format!("it states {components} components and describes {}", described.len()));
        }
        let [width, height, x, y, tile_width, tile_height, tile_x, tile_y] = words[..] else {
            return Err("its size (SIZ) is cut off".to_owned());
        };
        if (x, y, tile_x, tile_y) != (0, 0, 0, 0) {
            return Err("its image or its tiles do not begin at (0, 0), which is not supported".to_owned());
        }
        if described.iter().any(|c| c[0] != described[0][0] || c[1] != 1 || c[2] != 1) {
            return Err("its components differ in type or size, which is not supported".to_owned());
        }
        // A tile may be larger than the image.
        let (tile_width, tile_height) = (tile_width.min(width), tile_height.min(height));
        if tile_width == 0 || tile_height == 0 {
            return Err(format!("it states {width}x{height} pixels in tiles of {tile_width}x{tile_height}"));
        }
        let depth = described[0][0];
        Ok(Self {
            width,
            height,
            tile_width,
            tile_height,
            components,
            bits: (depth & 0x7f) + 1,
            signed: depth & 0x80 != 0,
        })
    }
}

impl Codestream {
    /// Reads the headers of the codestream in `range` of a file.
    pub(super) fn read(source: &ByteSource, range: Range<u64>) -> Result<Self> {
        let word = |at: u64| -> Result<u16> {
            if at + 2 > range.end {
                return Err(source
                    .error(format!("it is truncated: its codestream ends at byte {}, within a header", range.end)));
            }
            let bytes = source.read(at..at + 2)?;
            Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
        };
        if word(range.start)? != SOC {
            return Err(source.error("its codestream does not begin as one (SOC)"));
        }
        let mut header = BytesMut::from(&SOC.to_be_bytes()[..]);
        let (mut size, mut levels) = (None, Some(0));
        let mut at = range.start + 2;
        loop {
            let marker = word(at)?;
            if marker == SOT {
                break;
            }
            let len = u64::from(word(at + 2)?);
            if !(0xff30..=0xff7f).contains(&marker) || len < 2 || at + 2 + len > range.end {
                return Err(source.error(format!("its main header is damaged at byte {at} (marker {marker:#06x})")));
            }
            let segment = source.read(at..at + 2 + len)?;
            match marker {
                SIZ => size = Some(ImageSize::parse(&segment[4..]).map_err(|reason| source.error(reason))?),
                // After the marker: length, style, progression, layers (2 bytes) and component transform.
                COD => {
                    levels = levels.and(segment.get(9).copied());
                    check_divisions(size.as_ref(), segment.get(4), segment.get(9..)).map_err(|e| source.error(e))?;
                }
                // Components may differ in their levels, so no reduced copies are offered.
                COC => {
                    levels = None;
                    check_component(size.as_ref(), &segment).map_err(|e| source.error(e))?;
                }
                PPM => {
                    return Err(source.error("its packet headers are in the main header (PPM), which is not supported"));
                }
                _ => {}
            }
            if marker != TLM && marker != PLM {
                header.extend_from_slice(&segment);
            }
            if header.len() > LONGEST_HEADER {
                return Err(source.error("its main header is damaged: it does not end"));
            }
            at += 2 + len;
        }
        let size = size.ok_or_else(|| source.error("its main header states no size (SIZ)"))?;
        let count = u64::from(size.tiles_across()) * u64::from(size.tiles_down());
        // A tile number has 16 bits. Each tile takes space in the file, so a header alone cannot reserve much memory.
        if count > 65_535 || count * SOT_LEN > source.len() {
            return Err(source.error(format!("its size needs {count} tiles, which the file cannot hold")));
        }
        let mut codestream = Self { header: header.freeze(), size, levels: levels.unwrap_or(0), tiles: Vec::new() };
        codestream.index_tile_parts(source, at..range.end, count as usize)?;
        Ok(codestream)
    }

    /// Indexes the tile-parts by following their lengths.
    fn index_tile_parts(&mut self, source: &ByteSource, range: Range<u64>, count: usize) -> Result<()> {
        let mut tiles = vec![Vec::new(); count];
        let mut at = range.start;
        loop {
            let head = source.read(at..(at + SOT_LEN).min(range.end))?;
            match word(&head, 0) {
                Some(EOC) => break,
                Some(SOT) if head.len() as u64 == SOT_LEN => {}
                Some(SOT) | None => {
                    return Err(source.error(format!(
                        "it is truncated: the codestream ends at byte {} without its end marker",
                        range.end
                    )));
                }
                Some(other) => {
                    return Err(source.error(format!("its codestream is damaged at byte {at} (marker {other:#06x})")));
                }
            }
            let tile = usize::from(u16::from_be_bytes([head[4], head[5]]));
            let stated = u64::from(u32::from_be_bytes([head[6], head[7], head[8], head[9]]));
            // 0: the last tile-part extends to the end marker.
            let len = if stated == 0 { (range.end - at).saturating_sub(END.len() as u64) } else { stated };
            let end = at + len;
            if len < SOT_LEN {
                return Err(source.error(format!("its codestream is damaged at byte {at} (tile-part of {len} bytes)")));
            }
            if end > range.end {
                return Err(source.error(format!(
                    "it is truncated: tile {tile} of {count} extends to byte {end}, but the codestream ends at {}",
                    range.end
                )));
            }
            let Some(parts) = tiles.get_mut(tile) else {
                return Err(source.error(format!("its codestream is damaged at byte {at} (tile {tile} of {count})")));
            };
            parts.push(at..end);
            self.check_tile_part(source, at + SOT_LEN..end)?;
            at = end;
        }
        if let Some(missing) = tiles.iter().position(Vec::is_empty) {
            return Err(source.error(format!("tile {missing} of {count} is missing")));
        }
        self.tiles = tiles;
        Ok(())
    }

    /// Checks the header of a tile-part, which may state a coding style of its own. `range` begins after the first segment.
    fn check_tile_part(&mut self, source: &ByteSource, range: Range<u64>) -> Result<()> {
        let mut at = range.start;
        // A tile-part may be empty.
        while at < range.end {
            let head = source.read(at..(at + 4).min(range.end))?;
            let (Some(marker), segment_len) = (word(&head, 0), word(&head, 2)) else {
                return Err(source.error(format!("its codestream is damaged at byte {at}: a tile-part is cut off")));
            };
            if marker == SOD {
                break;
            }
            let end = at + 2 + u64::from(segment_len.unwrap_or(0));
            let is_known = marker == COD || marker == COC || OF_TILE_PARTS.contains(&marker);
            if !is_known || segment_len.is_none_or(|len| len < 2) || end > range.end {
                return Err(
                    source.error(format!("the header of a tile-part is damaged at byte {at} (marker {marker:#06x})"))
                );
            }
            if marker == COD || marker == COC {
                let segment = source.read(at..end)?;
                let checked = if marker == COD {
                    self.levels = self.levels.min(segment.get(9).copied().unwrap_or(0));
                    check_divisions(Some(&self.size), segment.get(4), segment.get(9..))
                } else {
                    self.levels = 0;
                    check_component(Some(&self.size), &segment)
                };
                checked.map_err(|reason| source.error(format!("{reason}, in a tile-part at byte {at}")))?;
            }
            at = end;
        }
        Ok(())
    }
}

/// Two bytes of a header.
fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).map(|b| u16::from_be_bytes([b[0], b[1]]))
}

/// Checks the coding style of a component, a whole segment of COC.
fn check_component(size: Option<&ImageSize>, segment: &[u8]) -> Result<(), String> {
    // The number of the component has two bytes if there are more than 256.
    let at = if size.is_some_and(|size| size.components > 256) { 6 } else { 5 };
    check_divisions(size, segment.get(at), segment.get(at + 1..))
}

/// Checks the number of precincts and code-blocks of a tile (annex B.6 and B.7). `style` says whether precincts have sizes of
/// their own; `coding` are levels, exponents of the code-block, style, transformation and exponents of the precincts.
fn check_divisions(size: Option<&ImageSize>, style: Option<&u8>, coding: Option<&[u8]>) -> Result<(), String> {
    let (Some(size), Some(style), Some(&[levels, block_width, block_height, _, _, ref precincts @ ..])) =
        (size, style, coding)
    else {
        return Err("its coding style is cut off".to_owned());
    };
    if levels > 32 || block_width > 8 || block_height > 8 {
        return Err(format!(
            "its coding style is damaged ({levels} levels, code-blocks 2^{block_width} x 2^{block_height})"
        ));
    }
    let parts = |len: u64, exponent: u32| len.div_ceil(1 << exponent);
    let mut count: u64 = 0;
    for resolution in 0..=levels {
        let own = if style & 1 == 1 { precincts.get(usize::from(resolution)).copied() } else { Some(0xff) };
        let own = own.ok_or("its coding style is cut off")?;
        let (mut wide, mut high) = (u32::from(own & 15), u32::from(own >> 4));
        let shift = u32::from(levels - resolution);
        let (mut width, mut height) = (parts(size.tile_width.into(), shift), parts(size.tile_height.into(), shift));
        let precincts = parts(width, wide) * parts(height, high);
        // Beyond the coarsest level there are three bands, each with half the columns and rows.
        let bands = if resolution == 0 { 1 } else { 3 };
        if resolution > 0 {
            (width, height) = (width.div_ceil(2), height.div_ceil(2));
            (wide, high) = (wide.saturating_sub(1), high.saturating_sub(1));
        }
        let blocks =
            parts(width, wide.min(u32::from(block_width) + 2)) * parts(height, high.min(u32::from(block_height) + 2));
        count = count.saturating_add((precincts.saturating_add(blocks)).saturating_mul(bands));
    }
    match count.saturating_mul(size.components.into()) {
        count if count <= MOST_DIVISIONS => Ok(()),
        count => {
            Err(format!("its tiles have {count} precincts and code-blocks; at most {MOST_DIVISIONS} are supported"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_code_blocks_is_bounded() {
        let size = |side| ImageSize {
            width: side,
            height: side,
            tile_width: side,
            tile_height: side,
            components: 1,
            bits: 16,
            signed: false,
        };
        // Five levels, code-blocks of 64x64, as OpenJPEG and Kakadu write by default.
        let usual = [5, 4, 4, 0, 1];
        assert_eq!(check_divisions(Some(&size(10_980)), Some(&0), Some(&usual)), Ok(()));
        let check =
            |side, style, coding: &[u8]| check_divisions(Some(&size(side)), Some(&style), Some(coding)).unwrap_err();
        assert!(check(10_980, 0, &[5, 0, 0, 0, 1]).contains("at most 4194304"));
        // Precincts of one pixel.
        assert!(check(4096, 1, &[1, 4, 4, 0, 1, 0x00, 0x00]).contains("precincts"));
        assert!(check(64, 1, &[5, 4, 4, 0, 1, 0x77]).contains("cut off"));
        assert!(check(64, 0, &[77, 4, 4, 0, 1]).contains("77 levels"));
        assert!(check_divisions(None, Some(&0), Some(&usual)).is_err(), "the size comes first");
    }
    /// A codestream of one tile of 64x64 pixels, whose tile-part has these segments in its header.
    fn codestream(segments: &[u8]) -> Vec<u8> {
        let mut bytes = SOC.to_be_bytes().to_vec();
        let word = |value: u32| value.to_be_bytes();
        bytes.extend([0xff, 0x51, 0, 41, 0, 0]);
        bytes.extend([64, 64, 0, 0, 64, 64, 0, 0].map(word).concat());
        bytes.extend([0, 1, 15, 1, 1]);
        let coding = [0xff, 0x52, 0, 12, 0, 0, 0, 1, 0, 5, 4, 4, 0, 1];
        bytes.extend(coding);
        let part_len = SOT_LEN as u32 + segments.len() as u32 + 2;
        bytes.extend([0xff, 0x90, 0, 10, 0, 0]);
        bytes.extend(word(part_len));
        bytes.extend([0, 1]);
        bytes.extend(segments);
        bytes.extend(SOD.to_be_bytes());
        bytes.extend(END);
        bytes
    }

    #[test]
    fn tile_parts_state_no_style_that_the_main_header_could_not() {
        let read = |segments: &[u8]| {
            let bytes = codestream(segments);
            let len = bytes.len() as u64;
            Codestream::read(&ByteSource::from_bytes("a.j2k", bytes.into()), 0..len).map_err(|error| error.to_string())
        };
        assert_eq!(read(&[]).unwrap().levels, 5);
        let comment = [0xff, 0x64, 0, 5, 0, 1, b'x'];
        assert_eq!(read(&comment).unwrap().levels, 5);
        let fewer_levels = [0xff, 0x52, 0, 12, 0, 0, 0, 1, 0, 2, 4, 4, 0, 1];
        assert_eq!(read(&[&comment[..], &fewer_levels].concat()).unwrap().levels, 2);
        let component = [0xff, 0x53, 0, 9, 0, 0, 3, 4, 4, 0, 1];
        assert_eq!(read(&component).unwrap().levels, 0);
        // 77 levels; code-blocks of 2^11; a second size; markers of the main header; a segment beyond the tile-part.
        for (segments, said) in [
            (&[0xff, 0x52, 0, 12, 0, 0, 0, 1, 0, 77, 4, 4, 0, 1][..], "77 levels"),
            (&[0xff, 0x53, 0, 9, 0, 0, 5, 9, 4, 0, 1], "2^9"),
            (&[0xff, 0x52, 0, 4, 0, 0], "cut off"),
            (&[0xff, 0x51, 0, 4, 0, 0], "marker 0xff51"),
            (&[0xff, 0x60, 0, 4, 0, 0], "marker 0xff60"),
            (&[0xff, 0x64, 0xff, 0xff], "marker 0xff64"),
            (&[0xff, 0x64, 0, 1], "marker 0xff64"),
        ] {
            let error = read(segments).unwrap_err();
            assert!(error.contains(said) && error.contains("tile-part"), "{error}");
        }
    }
}
