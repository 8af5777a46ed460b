//! GeoTIFF and COG: tiled or stripped, interleaved or one plane per band, classic or BigTIFF, in either byte order.
//!
//! This module reads header and blocks itself. `async-tiff` 0.4 has these problems:
//! - It reserves memory for the number of values that a header states.
//! - It panics on some damaged headers and LZW streams.
//! - It does not read strips.
//! - To read one band of a file with a plane per band, it fetches the blocks of all bands.

mod codec;
mod directory;
mod georeference;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use self::codec::{Codec, Compression, Sample};
use self::directory::{Directory, tag};
pub(super) use self::georeference::degenerate_grid;
use super::blocks::{BlockFormat, BlockLayout, BlockRaster, SMALL_TIFF_PIXELS, check_block_bytes, check_pixels};
use super::bytes::ByteSource;
use super::missing::masked;
use super::{Georeference, Pixels, RasterInfo, RasterMask, RasterSource};
use minesegsat_core::{GeoTransform, Grid, Result};

/// Strips of an uncompressed file are divided. Otherwise an image in one strip would be one block.
const UNCOMPRESSED_STRIP_BYTES: u64 = 1 << 20;

/// Maximum number of directories, more than any file with overviews has. The links of a damaged file may form a loop.
const MOST_DIRECTORIES: usize = 64;

/// Whether a file's first bytes are those of a TIFF.
pub(super) fn is_tiff(head: &[u8]) -> bool {
    matches!(head.get(..4), Some(b"II*\0" | b"MM\0*" | b"II+\0" | b"MM\0+"))
}

/// Positions and encoding of the blocks of a TIFF.
#[derive(Debug)]
struct TiffFormat {
    layout: BlockLayout,
    /// Byte range of each tile or strip; `None` if the file leaves it out.
    blocks: Vec<Option<Range<u64>>>,
    /// The division of strips into blocks; `None` if each tile or strip is a block.
    cut: Option<StripCut>,
    codec: Codec,
    /// Rows of the image, for the last strip, which has no padding.
    image_rows: usize,
    tiled: bool,
    /// Pixel value of blocks that the file leaves out.
    fill: f64,
    /// Position of the next directory, which describes the first overview, if any.
    next: Option<u64>,
    /// Whether it is a mask, whose overviews are masks too.
    is_mask: bool,
}

/// Opens a GeoTIFF with its masks.
pub(super) fn open(source: ByteSource) -> Result<Arc<dyn RasterSource>> {
    Ok(open_masked(source, false)?.0)
}

/// Opens a TIFF with or without a georeference, with its masks. Returns what its georeference is.
pub(super) fn open_image(source: ByteSource) -> Result<(Arc<dyn RasterSource>, Georeference)> {
    open_masked(source, true)
}

fn open_masked(source: ByteSource, may_be_unplaced: bool) -> Result<(Arc<dyn RasterSource>, Georeference)> {
    let source = Arc::new(source);
    let mut directory = Directory::read(&source)?;
    directory.may_be_unplaced = may_be_unplaced;
    let (info, format) = describe(&mut directory, None)?;
    let georeference = std::mem::replace(&mut directory.georeference, Georeference::Placed);
    let band = mask_band(&mut directory, &info)?;
    let internal = internal_mask(directory, &info)?;
    let mut raster: Arc<dyn RasterSource> = Arc::new(BlockRaster::sharing(info, Arc::clone(&source), format));
    if let Some(band) = band {
        raster = masked(Arc::clone(&raster), RasterMask::Band(band), raster)?;
    }
    if let Some((info, format)) = internal {
        raster = masked(raster, RasterMask::Internal, Arc::new(BlockRaster::sharing(info, source, format)))?;
    }
    Ok((raster, georeference))
}

/// The band that says which pixels of the others are missing: a band with the name `alpha`, or `dataMask` as Sentinel Hub has
/// it, or the last band if it is an alpha band, whatever its description (TIFF 6.0, ExtraSamples 1 or 2, or GDAL's colour
/// interpretation). GDAL's masks and `gdalwarp` take only a last band for alpha too.
///
/// GDAL's option ALPHA=YES declares the second band instead, and writers put alpha last: then the last band is alpha if it has
/// no description.
fn mask_band(directory: &mut Directory<'_>, info: &RasterInfo) -> Result<Option<usize>> {
    let bands = info.band_names.len();
    if bands < 2 {
        return Ok(None);
    }
    let is_mask = |name: &Option<String>| {
        let letters = name.iter().flat_map(|name| name.chars()).filter(char::is_ascii_alphanumeric);
        let name: String = letters.collect::<String>().to_ascii_lowercase();
        name == "datamask" || name == "alpha"
    };
    if let Some(band) = info.band_names.iter().position(is_mask) {
        return Ok(Some(band));
    }
    let extra = directory.numbers(tag::EXTRA_SAMPLES)?.unwrap_or_default();
    let metadata = directory.text(tag::GDAL_METADATA)?.unwrap_or_default();
    let interpreted = band_metadata(&metadata, bands).alpha;
    let last = bands - 1;
    let is_alpha = |kind: &u64| matches!(kind, 1 | 2);
    let is_last = extra.last().is_some_and(is_alpha) || interpreted == Some(last);
    let is_declared = extra.iter().any(is_alpha) || interpreted.is_some();
    Ok((is_last || is_declared && info.band_names[last].is_none()).then_some(last))
}

/// The mask of the whole image among the directories after the first. The masks of its overviews are not it.
fn internal_mask(first: Directory<'_>, info: &RasterInfo) -> Result<Option<(RasterInfo, TiffFormat)>> {
    let start = first.next();
    let mut directory = first;
    for _ in 0..MOST_DIRECTORIES {
        // What follows the image may be damaged: the image can be read without it.
        let Some(next) = directory.following()? else { break };
        directory = next;
        // Bit 0: reduced copy; bit 2: transparency mask.
        if directory.optional_u32(tag::NEW_SUBFILE_TYPE).ok().flatten().unwrap_or(0) & 0b101 != 0b100 {
            continue;
        }
        let samples = directory.optional_u32(tag::SAMPLES_PER_PIXEL)?.unwrap_or(1) as usize;
        let like = RasterInfo {
            nodata: None,
            band_names: vec![None; samples],
            scale_offset: vec![None; samples],
            ..info.clone()
        };
        let (info, format) = describe(&mut directory, Some(&like))
            .map_err(|e| directory.error("its mask of missing pixels is not supported").caused_by(e))?;
        return Ok(Some((info, TiffFormat { next: start, is_mask: true, ..format })));
    }
    Ok(None)
}

/// Metadata of the image of a directory. An overview inherits georeference, nodata value and names from the full image.
fn describe(directory: &mut Directory<'_>, full: Option<&RasterInfo>) -> Result<(RasterInfo, TiffFormat)> {
    let width = u64::from(directory.required_u32(tag::IMAGE_WIDTH, "ImageWidth")?);
    let height = u64::from(directory.required_u32(tag::IMAGE_LENGTH, "ImageLength")?);
    let samples = u64::from(directory.optional_u32(tag::SAMPLES_PER_PIXEL)?.unwrap_or(1));
    if width == 0 || height == 0 || samples == 0 || samples > 65_535 {
        return Err(directory.error(format!("it states {width}x{height} pixels with {samples} samples")));
    }
    let sample = sample_type(directory)?;
    let compression = compression(directory)?;
    let planar = match directory.optional_u32(tag::PLANAR_CONFIGURATION)?.unwrap_or(1) {
        1 => false,
        2 => samples > 1,
        other => return Err(directory.error(format!("PlanarConfiguration {other} is unknown"))),
    };
    if directory.optional_u32(tag::FILL_ORDER)?.unwrap_or(1) != 1 {
        return Err(directory.error("its bits are stored in reverse order (FillOrder 2), which is not supported"));
    }
    let predictor = match directory.optional_u32(tag::PREDICTOR)?.unwrap_or(1) {
        _ if compression == Compression::None => codec::Predictor::None,
        1 => codec::Predictor::None,
        2 => codec::Predictor::Horizontal,
        3 if matches!(sample, Sample::F32 | Sample::F64) => codec::Predictor::FloatingPoint,
        other => return Err(directory.error(format!("predictor {other} is not supported for its type of pixels"))),
    };
    let planes = if planar { samples } else { 1 };
    let bands_in_block = samples / planes;

    let tiled = directory.has(tag::TILE_WIDTH);
    let (block_width, mut block_height) = if tiled {
        let w = u64::from(directory.required_u32(tag::TILE_WIDTH, "TileWidth")?);
        (w, u64::from(directory.required_u32(tag::TILE_LENGTH, "TileLength")?))
    } else {
        (width, u64::from(directory.optional_u32(tag::ROWS_PER_STRIP)?.unwrap_or(u32::MAX)).min(height))
    };
    if block_width == 0 || block_height == 0 {
        return Err(directory.error(format!("it states blocks of {block_width}x{block_height} pixels")));
    }
    let row_bytes = sample.row_bytes(block_width * bands_in_block);
    let across = width.div_ceil(block_width);
    let stored = (across * height.div_ceil(block_height)).checked_mul(planes);
    let stored = stored.ok_or_else(|| directory.error(format!("{width}x{height} pixels are too many")))?;
    let (offsets, counts) =
        if tiled { (tag::TILE_OFFSETS, tag::TILE_BYTE_COUNTS) } else { (tag::STRIP_OFFSETS, tag::STRIP_BYTE_COUNTS) };
    let offsets = directory.block_numbers(offsets, stored)?;
    let counts = directory.block_numbers(counts, stored)?;
    let mut blocks: Vec<Option<Range<u64>>> = Vec::with_capacity(offsets.len());
    for (&offset, &count) in offsets.iter().zip(&counts) {
        let end = offset.checked_add(count).ok_or_else(|| directory.error("a block ends beyond the largest file"))?;
        blocks.push((count > 0).then_some(offset..end));
    }
    let mut cut = None;
    if !tiled && compression == Compression::None && block_height > 1 {
        let most = (UNCOMPRESSED_STRIP_BYTES / row_bytes).clamp(1, block_height);
        let divides = |rows: &u64| block_height == height || block_height.is_multiple_of(*rows);
        let rows = (1..=most).rev().find(divides).unwrap_or(1);
        if rows < block_height {
            let strips = StripCut { height, strip_rows: block_height, rows, row_bytes };
            if !strips.fit(&blocks) {
                return Err(directory.error("its strips are shorter than its rows"));
            }
            block_height = rows;
            cut = Some(strips);
        }
    }
    check_block_bytes(block_width, block_height, bands_in_block, sample.byte_len().max(4) as u64)
        .and_then(|()| check_pixels(width, height, directory.file_len(), SMALL_TIFF_PIXELS))
        .map_err(|reason| directory.error(reason))?;
    let down = height.div_ceil(block_height);

    let info = if let Some(full) = full {
        RasterInfo {
            grid: reduced_grid(&full.grid, width as usize, height as usize),
            data_type: sample.data_type(),
            block_size: (block_width as usize, block_height as usize),
            ..full.clone()
        }
    } else {
        let metadata = directory.text(tag::GDAL_METADATA)?.unwrap_or_default();
        let BandMetadata { names: band_names, scales: scale_offset, .. } = band_metadata(&metadata, samples as usize);
        RasterInfo {
            location: directory.name().to_owned(),
            grid: georeference::grid(directory, width as usize, height as usize)?,
            data_type: sample.data_type(),
            nodata: directory.text(tag::GDAL_NODATA)?.and_then(|text| parse_number(&text)),
            band_names,
            scale_offset,
            block_size: (block_width as usize, block_height as usize),
            mask: None,
        }
    };
    let layout = BlockLayout {
        width: block_width as usize,
        height: block_height as usize,
        across: across as usize,
        down: down as usize,
        bands: bands_in_block as usize,
    };
    let codec = Codec {
        compression,
        predictor,
        sample,
        big_endian: directory.big_endian(),
        width: layout.width,
        bands: layout.bands,
    };
    let fill = info.nodata.unwrap_or(0.0);
    let next = directory.next();
    let format =
        TiffFormat { layout, blocks, cut, codec, image_rows: height as usize, tiled, fill, next, is_mask: false };
    Ok((info, format))
}

/// The grid of an overview: the same area in fewer pixels. The ratio of pixel sizes need not be an integer.
fn reduced_grid(full: &Grid, width: usize, height: usize) -> Grid {
    let transform = GeoTransform {
        pixel_width: full.transform.pixel_width * full.width as f64 / width as f64,
        pixel_height: full.transform.pixel_height * full.height as f64 / height as f64,
        ..full.transform
    };
    Grid { crs: full.crs.clone(), transform, width, height }
}

impl BlockFormat for TiffFormat {
    fn layout(&self) -> &BlockLayout {
        &self.layout
    }

    fn ranges(&self, block: usize) -> Vec<Range<u64>> {
        let range = match &self.cut {
            Some(cut) => cut.range(block as u64, &self.blocks),
            None => self.blocks.get(block).cloned().flatten(),
        };
        range.into_iter().collect()
    }

    fn missing_value(&self) -> f64 {
        self.fill
    }

    fn decode(&self, block: usize, bytes: &[Bytes]) -> Result<Pixels, String> {
        let row = block / self.layout.across % self.layout.down * self.layout.height;
        let rows =
            if self.tiled { self.layout.height } else { self.layout.height.min(self.image_rows.saturating_sub(row)) };
        let bytes = bytes.first().ok_or("the file leaves it out")?;
        self.codec.decode(bytes, rows)
    }

    fn overviews(&self, info: &RasterInfo, source: &ByteSource) -> Result<Vec<(RasterInfo, Self)>> {
        let mut found: Vec<(RasterInfo, Self)> = Vec::new();
        let mut next = self.next;
        // A block takes two bytes of the file at least, for its position and its length. Directories that share their lists
        // could describe any number of blocks.
        let mut blocks = self.blocks.len();
        for _ in 0..MOST_DIRECTORIES {
            let Some(at) = next else { break };
            let mut directory = Directory::read_at(source, at)?;
            next = directory.next();
            // Bit 0: reduced copy; bit 2: transparency mask. Other directories are other images.
            let kind = directory.optional_u32(tag::NEW_SUBFILE_TYPE)?.unwrap_or(0);
            let samples = directory.optional_u32(tag::SAMPLES_PER_PIXEL)?.unwrap_or(1) as usize;
            let wanted = if self.is_mask { 0b101 } else { 0b001 };
            if kind & 0b101 == wanted && samples == info.band_names.len() {
                let mut overview = describe(&mut directory, Some(info))?;
                overview.1.is_mask = self.is_mask;
                blocks += overview.1.blocks.len();
                if blocks as u64 > source.len() / 2 {
                    return Err(source.error("its overviews state more blocks than it can hold"));
                }
                let grid = &overview.0.grid;
                if grid.width < info.grid.width && grid.height < info.grid.height {
                    found.push(overview);
                }
            }
        }
        found.sort_by_key(|(info, _)| std::cmp::Reverse(info.grid.width));
        Ok(found)
    }
}

/// Division of strips of `strip_rows` rows into blocks of `rows` rows. If there are several strips, `rows` divides
/// `strip_rows`. Nothing is stored per block, because a header may state any number of rows.
#[derive(Debug)]
struct StripCut {
    /// Rows of the image.
    height: u64,
    strip_rows: u64,
    rows: u64,
    row_bytes: u64,
}

impl StripCut {
    /// Rows of a strip, counted in its plane. The last strip has fewer.
    fn rows_of(&self, strip: u64) -> u64 {
        (self.height - strip * self.strip_rows).min(self.strip_rows)
    }

    fn strips_down(&self) -> u64 {
        self.height.div_ceil(self.strip_rows)
    }

    /// Whether each strip that the file holds has all its rows.
    fn fit(&self, strips: &[Option<Range<u64>>]) -> bool {
        strips.iter().enumerate().all(|(i, strip)| {
            let rows = self.rows_of(i as u64 % self.strips_down());
            let needed = rows.checked_mul(self.row_bytes);
            strip.as_ref().is_none_or(|strip| needed.is_some_and(|needed| needed <= strip.end - strip.start))
        })
    }

    /// The bytes of a block; `None` if the file leaves its strip out. The strips must [`fit`](Self::fit).
    fn range(&self, block: u64, strips: &[Option<Range<u64>>]) -> Option<Range<u64>> {
        let down = self.height.div_ceil(self.rows);
        let (plane, row) = (block / down, block % down * self.rows);
        let (strip, row) = (row / self.strip_rows, row % self.strip_rows);
        let place = strips.get((plane * self.strips_down() + strip) as usize)?.as_ref()?;
        let end = (row + self.rows).min(self.rows_of(strip));
        Some(place.start + row * self.row_bytes..place.start + end * self.row_bytes)
    }
}

fn sample_type(directory: &mut Directory<'_>) -> Result<Sample> {
    let bits = directory.numbers(tag::BITS_PER_SAMPLE)?.unwrap_or_else(|| vec![1]);
    let formats = directory.numbers(tag::SAMPLE_FORMAT)?.unwrap_or_else(|| vec![1]);
    let same = |values: &[u64]| values.first().copied().filter(|first| values.iter().all(|v| v == first));
    let (Some(bits), Some(format)) = (same(&bits), same(&formats)) else {
        return Err(directory.error("its bands have different types; convert it to one type"));
    };
    match (format, bits) {
        (1 | 4, 1) => Ok(Sample::Bit),
        (1 | 4, 8) => Ok(Sample::U8),
        (1 | 4, 16) => Ok(Sample::U16),
        (1 | 4, 32) => Ok(Sample::U32),
        (2, 8) => Ok(Sample::I8),
        (2, 16) => Ok(Sample::I16),
        (2, 32) => Ok(Sample::I32),
        (3, 32) => Ok(Sample::F32),
        (3, 64) => Ok(Sample::F64),
        _ => {
            let kind = match format {
                1 => "unsigned integers",
                2 => "signed integers",
                3 => "floating point numbers",
                _ => "numbers of an unknown kind",
            };
            Err(directory.error(format!(
                "its pixels are {kind} of {bits} bits; 8, 16 and 32 bit integers and 32 and 64 bit floating point numbers \
                 are read"
            )))
        }
    }
}

fn compression(directory: &mut Directory<'_>) -> Result<Compression> {
    let name = match directory.optional_u32(tag::COMPRESSION)?.unwrap_or(1) {
        1 => return Ok(Compression::None),
        5 => return Ok(Compression::Lzw),
        8 | 32_946 => return Ok(Compression::Deflate),
        50_000 => return Ok(Compression::Zstd),
        2..=4 => "fax",
        6 | 7 => "JPEG",
        32_773 => "PackBits",
        34_712 => "JPEG 2000 in TIFF",
        34_887 => "LERC",
        34_925 => "LZMA",
        50_001 => "WebP",
        50_002 => "JPEG XL",
        other => return Err(directory.error(format!("its compression {other} is unknown"))),
    };
    Err(directory.error(format!(
        "its compression, {name}, is not supported; supported are deflate, LZW, zstd and none. Rewrite \
         it, for instance with: gdal_translate -co COMPRESS=DEFLATE"
    )))
}

/// Parses a number as GDAL writes it, including `nan`, trailing NULs and blanks.
pub(super) fn parse_number(text: &str) -> Option<f64> {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\0').parse().ok()
}

type ScaleOffset = Option<(f64, f64)>;

/// What GDAL's metadata say about the bands.
#[derive(Debug, PartialEq)]
struct BandMetadata {
    /// Description of each band.
    names: Vec<Option<String>>,
    /// Scale and offset of each band.
    scales: Vec<ScaleOffset>,
    /// The band that is interpreted as alpha.
    alpha: Option<usize>,
}

/// Description, scale, offset and interpretation of each band from GDAL's metadata XML:
/// `<GDALMetadata><Item name="DESCRIPTION" sample="0" role="description">B02</Item>…`.
fn band_metadata(xml: &str, bands: usize) -> BandMetadata {
    use quick_xml::events::Event;

    let mut names = vec![None; bands];
    let mut alpha = None;
    let mut scales: Vec<(Option<f64>, Option<f64>)> = vec![(None, None); bands];
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut item: Option<(usize, String)> = None;
    let mut text = String::new();
    // A damaged element ends the list, because the pixels can be read without it.
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(start) => {
                let attribute = |name| Some(start.try_get_attribute(name).ok().flatten()?.value.into_owned());
                let band = attribute("sample").and_then(|s| s.parse().ok()).filter(|b: &usize| *b < bands);
                item = band.zip(attribute("role"));
                text.clear();
            }
            Event::Text(piece) => text.push_str(&piece),
            Event::GeneralRef(name) => {
                let resolved = match name.resolve_char_ref() {
                    Ok(Some(c)) => c.to_string(),
                    _ => quick_xml::escape::resolve_predefined_entity(&name).unwrap_or_default().to_owned(),
                };
                text.push_str(&resolved);
            }
            Event::End(_) => {
                if let Some((band, role)) = item.take() {
                    match role.as_str() {
                        "description" if !text.trim().is_empty() => names[band] = Some(text.trim().to_owned()),
                        "scale" => scales[band].0 = parse_number(&text),
                        "offset" => scales[band].1 = parse_number(&text),
                        "colorinterp" if text.trim().eq_ignore_ascii_case("alpha") => alpha = Some(band),
                        _ => {}
                    }
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let scales = scales
        .into_iter()
        .map(|scale| match scale {
            (None, None) => None,
            (scale, offset) => Some((scale.unwrap_or(1.0), offset.unwrap_or(0.0))),
        })
        .collect();
    BandMetadata { names, scales, alpha }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn band_names_and_scales_come_from_gdals_metadata() {
        let xml = r#"<GDALMetadata>
            <Item name="AREA_OR_POINT">Area</Item>
            <Item name="OFFSET" sample="0" role="offset">-0.1</Item>
            <Item name="SCALE" sample="0" role="scale">0.0001</Item>
            <Item name="DESCRIPTION" sample="0" role="description">B02 &lt;blue&#62;</Item>
            <Item name="SCALE" sample="2" role="scale">2</Item>
            <Item name="COLORINTERP" sample="1" role="colorinterp">Alpha</Item>
            <Item name="DESCRIPTION" sample="7" role="description">there is no such band</Item>
        </GDALMetadata>"#;
        let found = band_metadata(xml, 3);
        assert_eq!(found.names, [Some("B02 <blue>".to_owned()), None, None]);
        assert_eq!(found.scales, [Some((0.0001, -0.1)), None, Some((2.0, 0.0))]);
        assert_eq!(found.alpha, Some(1));
        let none = BandMetadata { names: vec![None], scales: vec![None], alpha: None };
        assert_eq!(band_metadata("<GDALMetadata><Item", 1), none);
    }

    #[test]
    fn strips_are_cut_only_along_their_rows() {
        // Two separate strips of 4 rows of 10 bytes (the last has 3 rows); then a strip that is left out.
        let strips = [Some(100..140), Some(200..230), None, Some(300..330)];
        let cut = StripCut { height: 7, strip_rows: 4, rows: 2, row_bytes: 10 };
        assert!(cut.fit(&strips));
        let parts: Vec<_> = (0..8).map(|block| cut.range(block, &strips)).collect();
        let first_plane = [Some(100..120), Some(120..140), Some(200..220), Some(220..230)];
        assert_eq!(parts[..4], first_plane);
        assert_eq!(parts[4..], [None, None, Some(300..320), Some(320..330)]);
        let cut = StripCut { height: 7, strip_rows: 7, rows: 3, row_bytes: 10 };
        assert!(!cut.fit(&[Some(0..69)]), "one byte is missing");
        assert!(cut.fit(&[Some(0..70)]));
        let parts: Vec<_> = (0..3).map(|block| cut.range(block, &[Some(0..70)])).collect();
        assert_eq!(parts, [Some(0..30), Some(30..60), Some(60..70)]);
        // A header may state any number of rows.
        let cut =
            StripCut { height: u64::from(u32::MAX), strip_rows: u64::from(u32::MAX), rows: 1, row_bytes: 1 << 62 };
        assert!(cut.fit(&[None]) && !cut.fit(&[Some(0..u64::MAX)]));
        assert_eq!(cut.range(4_000_000_000, &[None]), None);
    }
}
