//! An image file directory of a TIFF: numbers and texts by tag. Stated sizes are checked against the size of the file before
//! memory is reserved.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::super::bytes::ByteSource;
use crate::raster::Georeference;
use minesegsat_core::{Error, Result};

/// Numbers of the tags that this module reads.
pub(super) mod tag {
    pub(crate) const NEW_SUBFILE_TYPE: u16 = 254;
    pub(crate) const IMAGE_WIDTH: u16 = 256;
    pub(crate) const IMAGE_LENGTH: u16 = 257;
    pub(crate) const BITS_PER_SAMPLE: u16 = 258;
    pub(crate) const COMPRESSION: u16 = 259;
    pub(crate) const FILL_ORDER: u16 = 266;
    pub(crate) const STRIP_OFFSETS: u16 = 273;
    pub(crate) const SAMPLES_PER_PIXEL: u16 = 277;
    pub(crate) const ROWS_PER_STRIP: u16 = 278;
    pub(crate) const STRIP_BYTE_COUNTS: u16 = 279;
    pub(crate) const PLANAR_CONFIGURATION: u16 = 284;
    pub(crate) const PREDICTOR: u16 = 317;
    pub(crate) const TILE_WIDTH: u16 = 322;
    pub(crate) const TILE_LENGTH: u16 = 323;
    pub(crate) const TILE_OFFSETS: u16 = 324;
    pub(crate) const TILE_BYTE_COUNTS: u16 = 325;
    pub(crate) const EXTRA_SAMPLES: u16 = 338;
    pub(crate) const SAMPLE_FORMAT: u16 = 339;
    pub(crate) const MODEL_PIXEL_SCALE: u16 = 33_550;
    pub(crate) const MODEL_TIEPOINT: u16 = 33_922;
    pub(crate) const MODEL_TRANSFORMATION: u16 = 34_264;
    pub(crate) const GEO_KEY_DIRECTORY: u16 = 34_735;
    pub(crate) const GDAL_METADATA: u16 = 42_112;
    pub(crate) const GDAL_NODATA: u16 = 42_113;
}

/// Bytes per read from a server if the header is longer than the first read.
const READ_AHEAD: u64 = 64 << 10;

/// One entry, without its value.
#[derive(Debug, Clone, Copy)]
struct Entry {
    kind: u16,
    count: u64,
    /// Position of the value. A short value is in the entry itself.
    at: u64,
}

/// One directory of a TIFF. The first describes the image, the others its overviews.
pub(super) struct Directory<'a> {
    source: &'a ByteSource,
    big_endian: bool,
    entries: BTreeMap<u16, Entry>,
    /// Position of the next directory.
    next: Option<u64>,
    /// The most recently read piece of the header, and its position.
    ahead: (u64, Bytes),
    /// Whether the image may lack a georeference.
    pub(super) may_be_unplaced: bool,
    /// The georeference of an image that may lack one.
    pub(super) georeference: Georeference,
}

impl<'a> Directory<'a> {
    /// Reads the first directory.
    pub(super) fn read(source: &'a ByteSource) -> Result<Self> {
        Self::read_from(source, None)
    }

    /// Reads the directory at a position that [`Directory::next`] returned.
    pub(super) fn read_at(source: &'a ByteSource, at: u64) -> Result<Self> {
        Self::read_from(source, Some(at))
    }

    /// Reads the next directory, if there is one. Uses the piece of the header that was read already. `None` if the link is
    /// damaged.
    pub(super) fn following(self) -> Result<Option<Self>> {
        let Some(at) = self.next else { return Ok(None) };
        match Self::read_with(self.source, Some(at), self.ahead) {
            Ok(found) => Ok(Some(found)),
            Err(Error::Raster { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read_from(source: &'a ByteSource, at: Option<u64>) -> Result<Self> {
        Self::read_with(source, at, (0, Bytes::new()))
    }

    fn read_with(source: &'a ByteSource, at: Option<u64>, ahead: (u64, Bytes)) -> Result<Self> {
        let mut this = Self {
            source,
            big_endian: false,
            entries: BTreeMap::new(),
            next: None,
            ahead,
            may_be_unplaced: false,
            georeference: Georeference::Placed,
        };
        let head = this.bytes(0, 8)?;
        this.big_endian = &head[..2] == b"MM";
        let big_tiff = this.number(&head[2..4]) == 43;
        // Widths: number of entries, one entry, count and value within an entry.
        let (first, count_len, entry_len, word) = if big_tiff {
            let head = this.bytes(4, 12)?;
            if this.number(&head[..2]) != 8 {
                return Err(this.error("its BigTIFF header is damaged"));
            }
            (this.number(&head[4..12]), 8, 20, 8)
        } else {
            (this.number(&head[4..8]), 2, 12, 4)
        };
        let at = at.unwrap_or(first);
        let count_bytes = this.bytes(at, count_len)?;
        let count = this.number(&count_bytes);
        if count > 65_535 {
            return Err(this.error(format!("its directory states {count} entries")));
        }
        let table_at = at + count_len;
        let table = this.bytes(table_at, count * entry_len)?;
        for (i, entry) in table.chunks_exact(entry_len as usize).enumerate() {
            let (tag, kind) = (this.number(&entry[..2]) as u16, this.number(&entry[2..4]) as u16);
            let count = this.number(&entry[4..4 + word]);
            let value = &entry[4 + word..4 + 2 * word];
            let inline = count.checked_mul(kind_len(kind)).is_some_and(|n| n <= word as u64);
            let at = if inline { table_at + i as u64 * entry_len + 4 + word as u64 } else { this.number(value) };
            this.entries.entry(tag).or_insert(Entry { kind, count, at });
        }
        // The degenerate files of GeoJP2 may end here.
        let next = this.bytes(table_at + count * entry_len, word as u64).ok();
        this.next = next.map(|bytes| this.number(&bytes)).filter(|&at| at != 0);
        Ok(this)
    }

    /// Position of the next directory, if there is one.
    pub(super) fn next(&self) -> Option<u64> {
        self.next
    }

    pub(super) fn name(&self) -> &str {
        self.source.name()
    }

    /// Size of the file in bytes.
    pub(super) fn file_len(&self) -> u64 {
        self.source.len()
    }

    pub(super) fn error(&self, reason: impl std::fmt::Display) -> Error {
        self.source.error(reason)
    }

    pub(super) fn big_endian(&self) -> bool {
        self.big_endian
    }

    pub(super) fn has(&self, tag: u16) -> bool {
        self.entries.contains_key(&tag)
    }

    /// Unsigned integers of a tag, or `None` if it is absent.
    pub(super) fn numbers(&mut self, tag: u16) -> Result<Option<Vec<u64>>> {
        let Some((kind, bytes)) = self.value(tag)? else { return Ok(None) };
        match kind {
            1 | 3 | 4 | 13 | 16 | 18 => {
                Ok(Some(bytes.chunks_exact(kind_len(kind) as usize).map(|b| self.number(b)).collect()))
            }
            _ => Err(self.error(format!("its tag {tag} should be integers, it is of type {kind}"))),
        }
    }

    /// Floating point numbers of a tag, or `None` if it is absent.
    pub(super) fn doubles(&mut self, tag: u16) -> Result<Option<Vec<f64>>> {
        let Some((kind, bytes)) = self.value(tag)? else { return Ok(None) };
        match kind {
            12 => Ok(Some(bytes.chunks_exact(8).map(|b| f64::from_bits(self.number(b))).collect())),
            11 => Ok(Some(bytes.chunks_exact(4).map(|b| f64::from(f32::from_bits(self.number(b) as u32))).collect())),
            _ => Err(self.error(format!("its tag {tag} should be floating point numbers, it is of type {kind}"))),
        }
    }

    /// Text of a tag up to its first NUL, or `None` if it is absent.
    pub(super) fn text(&mut self, tag: u16) -> Result<Option<String>> {
        Ok(self.value(tag)?.map(|(_, bytes)| {
            let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
            String::from_utf8_lossy(&bytes[..end]).into_owned()
        }))
    }

    pub(super) fn optional_u32(&mut self, tag: u16) -> Result<Option<u32>> {
        let Some(values) = self.numbers(tag)? else { return Ok(None) };
        match values.first().map(|&v| u32::try_from(v)) {
            Some(Ok(value)) => Ok(Some(value)),
            _ => Err(self.error(format!("its tag {tag} has no value that is accepted ({values:?})"))),
        }
    }

    pub(super) fn required_u32(&mut self, tag: u16, name: &str) -> Result<u32> {
        self.optional_u32(tag)?.ok_or_else(|| self.error(format!("it has no {name}")))
    }

    /// Offsets or byte counts: one per block.
    pub(super) fn block_numbers(&mut self, tag: u16, blocks: u64) -> Result<Vec<u64>> {
        let stated = self.entries.get(&tag).map_or(0, |e| e.count);
        if stated != blocks {
            return Err(self.error(format!("its size needs {blocks} blocks, its header (tag {tag}) lists {stated}")));
        }
        Ok(self.numbers(tag)?.unwrap_or_default())
    }

    fn value(&mut self, tag: u16) -> Result<Option<(u16, Bytes)>> {
        let Some(entry) = self.entries.get(&tag).copied() else { return Ok(None) };
        // A product that is too large lies beyond the end of the file, and the read fails.
        let len = entry.count.saturating_mul(kind_len(entry.kind));
        Ok(Some((entry.kind, self.bytes(entry.at, len)?)))
    }

    fn number(&self, bytes: &[u8]) -> u64 {
        let push = |n: u64, &b: &u8| n << 8 | u64::from(b);
        if self.big_endian { bytes.iter().fold(0, push) } else { bytes.iter().rev().fold(0, push) }
    }

    /// Bytes of the header, with few reads if reads are slow.
    fn bytes(&mut self, at: u64, len: u64) -> Result<Bytes> {
        let end = at.saturating_add(len);
        let (start, piece) = &self.ahead;
        if at < *start || end > start + piece.len() as u64 {
            // For local files too, because one or two more pages cost nothing. The source refuses ranges beyond the end.
            let reach = if end > self.source.len() { end } else { end.max(at + READ_AHEAD).min(self.source.len()) };
            self.ahead = (at, self.source.read(at..reach)?);
        }
        let (start, piece) = &self.ahead;
        Ok(piece.slice((at - start) as usize..(end - start) as usize))
    }
}

/// Size of one value of a type in bytes; 0 for unknown types.
fn kind_len(kind: u16) -> u64 {
    match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 | 17 | 18 => 8,
        _ => 0,
    }
}
