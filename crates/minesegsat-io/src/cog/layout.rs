//! Header and directories of a file, in the order and with the tags of GDAL's COG driver.
//!
//! Sources: TIFF 6.0; BigTIFF (libtiff's design page); OGC GeoTIFF 1.1 (19-008r4); GDAL's page on the COG driver for the
//! structural metadata and the sizes around blocks; tags 42112 and 42113 as GDAL's GeoTIFF driver documents them.

use std::{fmt::Write, ops::Range};

use super::CogOptions;
use crate::DataType;
use minesegsat_core::Grid;

/// GDAL's structural metadata after the header. Its length is part of the format.
const STRUCTURE: &str = "LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n\
                         BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n ";

/// Bytes of the leader (size of the block) and of the trailer (its last bytes).
const LEADER: u64 = 4;
const TRAILER: u64 = 4;

/// The blocks of a level, row by row.
#[derive(Debug)]
pub(super) struct LevelBlocks {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Size of each block in bytes, without leader and trailer.
    pub(super) sizes: Vec<u32>,
    /// Positions of the rows of blocks in the spool, including leaders and trailers.
    pub(super) runs: Vec<Range<u64>>,
}

impl LevelBlocks {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, height, sizes: Vec::new(), runs: Vec::new() }
    }

    fn bytes(&self) -> u64 {
        self.sizes.iter().map(|&size| LEADER + u64::from(size) + TRAILER).sum()
    }
}

/// Values of a tag.
#[derive(Debug, Clone)]
enum Value {
    Ascii(String),
    Short(Vec<u16>),
    Long(Vec<u32>),
    Long8(Vec<u64>),
    Double(Vec<f64>),
}

impl Value {
    /// Type code, number of values, little-endian bytes.
    fn encode(&self) -> (u16, u64, Vec<u8>) {
        match self {
            Self::Ascii(text) => {
                // Readers end a text at the first NUL, so a NUL inside would truncate it.
                let bytes: Vec<u8> = text.bytes().filter(|&byte| byte != 0).chain([0]).collect();
                (2, bytes.len() as u64, bytes)
            }
            Self::Short(v) => (3, v.len() as u64, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
            Self::Long(v) => (4, v.len() as u64, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
            Self::Long8(v) => (16, v.len() as u64, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
            Self::Double(v) => (12, v.len() as u64, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
        }
    }
}

/// The tags that do not depend on the blocks.
#[derive(Debug)]
pub(super) struct Directory {
    /// Tags in the directories of all levels.
    common: Vec<(u16, Value)>,
    /// Tags in the directory of the full resolution only.
    full: Vec<(u16, Value)>,
}

impl Directory {
    pub(super) fn new(grid: &Grid, options: &CogOptions) -> Self {
        let bands = options.bands.len();
        let (bits, format, predictor) = match options.data_type {
            DataType::U8 => (8, 1, 2),
            DataType::U16 => (16, 1, 2),
            DataType::I16 => (16, 2, 2),
            DataType::F32 => (32, 3, 3),
        };
        let block = options.block_size as u16;
        let photometric = if options.palette.is_some() { 3 } else { 1 };
        let mut common = vec![
            (258, Value::Short(vec![bits; bands])), // BitsPerSample
            (259, Value::Short(vec![8])),           // Compression: Adobe deflate
            (262, Value::Short(vec![photometric])),
            (277, Value::Short(vec![bands as u16])), // SamplesPerPixel
            (284, Value::Short(vec![1])),            // PlanarConfiguration: by pixel
            (317, Value::Short(vec![predictor])),
            (322, Value::Short(vec![block])),         // TileWidth
            (323, Value::Short(vec![block])),         // TileLength
            (339, Value::Short(vec![format; bands])), // SampleFormat
        ];
        if bands > 1 {
            common.push((338, Value::Short(vec![0; bands - 1]))); // ExtraSamples: unspecified
        }
        if let Some(palette) = &options.palette {
            common.push((320, Value::Short(color_map(palette))));
        }
        if let Some(nodata) = options.nodata {
            let text = if nodata.is_nan() { "nan".to_owned() } else { nodata.to_string() };
            common.push((42113, Value::Ascii(text)));
        }
        let t = &grid.transform;
        let mut full = vec![
            (305, Value::Ascii(concat!("MineSegSAT ", env!("CARGO_PKG_VERSION")).to_owned())), // Software
            (33550, Value::Double(vec![t.pixel_width, -t.pixel_height, 0.0])),                 // ModelPixelScale
            (33922, Value::Double(vec![0.0, 0.0, 0.0, t.origin_x, t.origin_y, 0.0])),          // ModelTiepoint
            (34735, Value::Short(geo_keys(grid))),
        ];
        if let Some(xml) = gdal_metadata(options) {
            full.push((42112, Value::Ascii(xml)));
        }
        Self { common, full }
    }

    /// All tags of a level, by number.
    fn tags(&self, level: &LevelBlocks, is_overview: bool, offsets: &[u64], big: bool) -> Vec<(u16, Value)> {
        let offsets = if big {
            Value::Long8(offsets.to_vec())
        } else {
            Value::Long(offsets.iter().map(|&offset| offset as u32).collect())
        };
        let mut tags = self.common.clone();
        tags.extend([
            (256, Value::Long(vec![level.width as u32])),
            (257, Value::Long(vec![level.height as u32])),
            (324, offsets),
            (325, Value::Long(level.sizes.clone())), // TileByteCounts
        ]);
        if is_overview {
            tags.push((254, Value::Long(vec![1]))); // NewSubfileType: reduced resolution
        } else {
            tags.extend(self.full.iter().cloned());
        }
        tags.sort_by_key(|&(tag, _)| tag);
        tags
    }
}

/// All bytes before the blocks. Levels run from the full resolution to the smallest; their blocks follow in reverse order.
///
/// BigTIFF if the file is longer than 32 bits can address.
pub(super) fn header(directory: &Directory, levels: &[LevelBlocks]) -> Vec<u8> {
    let blocks: u64 = levels.iter().map(LevelBlocks::bytes).sum();
    let classic = header_of_kind(directory, levels, false);
    if u32::try_from(classic.len() as u64 + blocks).is_ok() { classic } else { header_of_kind(directory, levels, true) }
}

fn header_of_kind(directory: &Directory, levels: &[LevelBlocks], big: bool) -> Vec<u8> {
    // The length does not depend on the offsets, so a first pass with wrong offsets gives it.
    let wrong: Vec<Vec<u64>> = levels.iter().map(|level| vec![0; level.sizes.len()]).collect();
    let mut at = header_with_offsets(directory, levels, &wrong, big).len() as u64;
    let mut offsets = wrong;
    for (level, offsets) in levels.iter().zip(&mut offsets).rev() {
        for (offset, &size) in offsets.iter_mut().zip(&level.sizes) {
            *offset = at + LEADER;
            at += LEADER + u64::from(size) + TRAILER;
        }
    }
    header_with_offsets(directory, levels, &offsets, big)
}

fn header_with_offsets(directory: &Directory, levels: &[LevelBlocks], offsets: &[Vec<u64>], big: bool) -> Vec<u8> {
    let mut out = b"II".to_vec();
    // Position at which the offset of the next directory is written, and its width.
    let mut link = if big {
        out.extend_from_slice(&[43, 0, 8, 0, 0, 0]);
        8
    } else {
        out.extend_from_slice(&[42, 0]);
        4
    };
    let word = if big { 8 } else { 4 };
    out.extend_from_slice(&vec![0; word]);
    out.extend_from_slice(format!("GDAL_STRUCTURAL_METADATA_SIZE={:06} bytes\n", STRUCTURE.len()).as_bytes());
    out.extend_from_slice(STRUCTURE.as_bytes());
    for (i, (level, offsets)) in levels.iter().zip(offsets).enumerate() {
        out.resize(out.len().next_multiple_of(16), 0);
        let start = (out.len() as u64).to_le_bytes();
        out[link..link + word].copy_from_slice(&start[..word]);
        link = append_directory(&mut out, &directory.tags(level, i > 0, offsets, big), big);
    }
    out
}

/// Appends a directory and the values that do not fit into it. Returns the position of the link to the next directory.
fn append_directory(out: &mut Vec<u8>, tags: &[(u16, Value)], big: bool) -> usize {
    let word = if big { 8 } else { 4 };
    let (count_size, entry_size) = if big { (8, 20) } else { (2, 12) };
    let mut entries = (tags.len() as u64).to_le_bytes()[..count_size].to_vec();
    let link = out.len() + count_size + tags.len() * entry_size;
    let values_start = link + word;
    let mut values = Vec::new();
    for (tag, value) in tags {
        let (kind, count, bytes) = value.encode();
        entries.extend_from_slice(&tag.to_le_bytes());
        entries.extend_from_slice(&kind.to_le_bytes());
        entries.extend_from_slice(&count.to_le_bytes()[..word]);
        if bytes.len() <= word {
            entries.extend_from_slice(&bytes);
            entries.resize(entries.len() + word - bytes.len(), 0);
        } else {
            // TIFF requires values at even offsets; a multiple of 8 suits all types.
            let padding = (values_start + values.len()).next_multiple_of(8) - values_start - values.len();
            values.resize(values.len() + padding, 0);
            entries.extend_from_slice(&((values_start + values.len()) as u64).to_le_bytes()[..word]);
            values.extend_from_slice(&bytes);
        }
    }
    out.extend_from_slice(&entries);
    out.resize(values_start, 0);
    out.extend_from_slice(&values);
    link
}

/// The red, then green, then blue values of 256 colours, with 65535 as full intensity.
fn color_map(palette: &[[u8; 3]]) -> Vec<u16> {
    (0..3).flat_map(|c| (0..256).map(move |i| palette.get(i).map_or(0, |color| u16::from(color[c]) * 257))).collect()
}

/// GeoKeyDirectory: pixels are areas, the CRS is an EPSG code.
fn geo_keys(grid: &Grid) -> Vec<u16> {
    const MODEL_PROJECTED: u16 = 1;
    const MODEL_GEOGRAPHIC: u16 = 2;
    let epsg = grid.crs.epsg();
    let is_geographic =
        crs_definitions::from_code(epsg).is_some_and(|definition| definition.proj4.contains("+proj=longlat"));
    let (model, code_key) = if is_geographic { (MODEL_GEOGRAPHIC, 2048) } else { (MODEL_PROJECTED, 3072) };
    let keys = [(1024, model), (1025, 1), (code_key, epsg)];
    let mut directory = vec![1, 1, 0, keys.len() as u16];
    directory.extend(keys.iter().flat_map(|&(key, value)| [key, 0, 1, value]));
    directory
}

/// Band names, scales and additional items in the format of GDAL's GeoTIFF driver. `None` if there are none.
fn gdal_metadata(options: &CogOptions) -> Option<String> {
    let mut xml = String::new();
    let mut item = |attributes: &str, value: &str| {
        // GDAL escapes twice: once for the item, once for the document.
        // Writing into a String cannot fail.
        let _ = writeln!(xml, "  <Item {attributes}>{}</Item>", escape(&escape(value)));
    };
    for (key, value) in &options.metadata {
        item(&format!("name=\"{}\"", escape(key)), value);
    }
    for (i, band) in options.bands.iter().enumerate() {
        let mut of_band = |name: &str, role: &str, value: &str| {
            item(&format!("name=\"{name}\" sample=\"{i}\"{role}"), value);
        };
        if let Some(description) = &band.description {
            of_band("LONG_NAME", "", description);
        }
        if band.offset != 0.0 || band.scale != 1.0 {
            of_band("OFFSET", " role=\"offset\"", &band.offset.to_string());
            of_band("SCALE", " role=\"scale\"", &band.scale.to_string());
        }
        if !band.name.is_empty() {
            of_band("DESCRIPTION", " role=\"description\"", &band.name);
        }
    }
    (!xml.is_empty()).then(|| format!("<GDALMetadata>\n{xml}</GDALMetadata>\n"))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
