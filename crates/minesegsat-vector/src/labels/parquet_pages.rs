//! A guard in front of the pages of a Parquet file. The reader reserves what the header of a page states before it decodes.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use ::parquet::errors::{ParquetError, Result};
use ::parquet::file::reader::{ChunkReader, Length};
use bytes::Bytes;

/// Maximum size of an unpacked page in bytes. Writers make pages of 1 MiB by default; some write one page per row group.
const LARGEST_PAGE: u64 = 256 << 20;
/// Pages up to this size in bytes are read, whatever their packed size.
const SMALL_PAGE: u64 = 16 << 20;
/// Maximum number of bytes that one packed byte can hold: zstd stores 128 KiB in four bytes.
const MOST_BYTES_PER_BYTE: u64 = 1 << 15;
/// Maximum number of values of a dictionary. Each takes 32 bytes in memory.
const MOST_DICTIONARY_VALUES: u64 = 1 << 24;
/// Length of the end of a file: the length of the metadata and `PAR1`.
const FOOTER: u64 = 8;
/// Kinds of pages by the enumeration `PageType`. The reader skips indices.
const INDEX_PAGE: u64 = 1;
const DICTIONARY_PAGE: u64 = 2;

/// A Parquet file whose page headers are checked before a page is read.
pub(super) struct PageGuard {
    file: File,
    len: u64,
}

impl PageGuard {
    pub(super) fn new(file: File) -> std::io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file, len })
    }

    /// Size of the file in bytes.
    pub(super) fn file_len(&self) -> u64 {
        self.len
    }

    /// Checks the header of the page at a byte.
    fn check_page(&self, start: u64) -> Result<()> {
        // Type, two sizes, CRC and number of values take at most 36 bytes.
        let mut head = Vec::new();
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(start))?;
        file.take(40).read_to_end(&mut head)?;
        let damaged = || ParquetError::General(format!("the header of the page at byte {start} is damaged"));
        let page = PageHeader::parse(&head).ok_or_else(damaged)?;
        if page.kind == INDEX_PAGE {
            return Ok(());
        }
        let most = LARGEST_PAGE.min(SMALL_PAGE.max(page.packed.min(self.len).saturating_mul(MOST_BYTES_PER_BYTE)));
        if page.unpacked > most {
            return Err(ParquetError::General(format!(
                "the page at byte {start} unpacks from {} to {} bytes; at most {most} are supported",
                page.packed, page.unpacked
            )));
        }
        let most = MOST_DICTIONARY_VALUES.min(page.unpacked);
        match page.dictionary_values {
            Some(values) if values > most => Err(ParquetError::General(format!(
                "the dictionary at byte {start} states {values} values; at most {most} are supported"
            ))),
            _ => Ok(()),
        }
    }
}

impl Length for PageGuard {
    fn len(&self) -> u64 {
        self.len
    }
}

impl ChunkReader for PageGuard {
    type T = BufReader<File>;

    /// The reader begins each page here.
    fn get_read(&self, start: u64) -> Result<Self::T> {
        if start.saturating_add(FOOTER) < self.len {
            self.check_page(start)?;
        }
        self.file.get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.len) {
            return Err(ParquetError::EOF(format!(
                "{length} bytes at byte {start} are needed, but the file has {}",
                self.len
            )));
        }
        self.file.get_bytes(start, length)
    }
}

/// What the header of a page states (`PageHeader` of parquet.thrift).
#[derive(Debug, PartialEq)]
struct PageHeader {
    kind: u64,
    unpacked: u64,
    packed: u64,
    dictionary_values: Option<u64>,
}

impl PageHeader {
    /// Reads the first fields in Thrift's compact protocol. Writers store fields in the order of their numbers.
    fn parse(bytes: &[u8]) -> Option<Self> {
        /// The next field, a number of 32 bits. In the order of fields the number before it is one less.
        const NEXT_I32: u8 = 0x15;
        /// A structure whose number is three or four higher: the header of a dictionary, after the CRC or without it.
        const DICTIONARY: [u8; 2] = [0x3c, 0x4c];
        let mut fields = Fields(bytes);
        let mut next = || (fields.byte()? == NEXT_I32).then(|| fields.size())?;
        let (kind, unpacked, packed) = (next()?, next()?, next()?);
        if kind != DICTIONARY_PAGE {
            return Some(Self { kind, unpacked, packed, dictionary_values: None });
        }
        let mut field = fields.byte()?;
        let has_crc = field == NEXT_I32;
        if has_crc {
            fields.number()?;
            field = fields.byte()?;
        }
        let is_dictionary = field == DICTIONARY[usize::from(!has_crc)] && fields.byte()? == NEXT_I32;
        let dictionary_values = Some(is_dictionary.then(|| fields.size())??);
        Some(Self { kind, unpacked, packed, dictionary_values })
    }
}

/// Bytes of the compact protocol that are left.
struct Fields<'b>(&'b [u8]);

impl Fields<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// A number of variable length, seven bits in a byte.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// A number that is not negative. Negative ones are the odd ones.
    fn size(&mut self) -> Option<u64> {
        self.number().filter(|number| number % 2 == 0).map(|number| number / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page header of a data page or, with a number of values, of a dictionary.
    fn header(unpacked: u32, packed: u32, dictionary: Option<u32>, crc: bool) -> Vec<u8> {
        fn i32_field(bytes: &mut Vec<u8>, value: u32) {
            bytes.push(0x15);
            let mut left = u64::from(value) * 2;
            while left >= 0x80 {
                bytes.push(left as u8 | 0x80);
                left >>= 7;
            }
            bytes.push(left as u8);
        }
        let mut bytes = Vec::new();
        i32_field(&mut bytes, if dictionary.is_some() { 2 } else { 0 });
        i32_field(&mut bytes, unpacked);
        i32_field(&mut bytes, packed);
        if crc {
            i32_field(&mut bytes, 0x7fff_ffff);
        }
        bytes.push(if crc { 0x3c } else { 0x4c });
        i32_field(&mut bytes, dictionary.unwrap_or(3));
        bytes
    }

    fn check(page: &[u8]) -> Result<(), String> {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &[&[0; 4], page, &[0; 64]].concat()).unwrap();
        PageGuard::new(file).unwrap().get_read(4).map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn pages_state_what_the_file_can_hold() {
        assert_eq!(check(&header(1 << 20, 40, None, false)), Ok(()));
        assert_eq!(check(&header(1 << 20, 40, Some(1 << 16), false)), Ok(()));
        assert_eq!(check(&header(1 << 20, 40, Some(1 << 16), true)), Ok(()));
        for (page, said) in [
            (header(i32::MAX as u32, 40, None, false), "unpacks from 40 to 2147483647 bytes; at most 16777216"),
            (header(i32::MAX as u32, i32::MAX as u32, None, false), "at most 16777216"),
            (header(1000, 40, Some(1001), true), "states 1001 values; at most 1000"),
            (header(64 << 20, 40, Some(7), false), "unpacks"),
            (vec![0x15, 1, 0x15, 0, 0x15, 0], "damaged"),
            (vec![0x15, 0, 0x25, 0, 0x15, 0], "damaged"),
            (vec![0x15, 4, 0x15, 0, 0x15, 0, 0x2c, 0x15, 0], "damaged"),
        ] {
            let error = check(&page).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn reads_beyond_the_end_reserve_nothing() {
        let file = tempfile::tempfile().unwrap();
        let guard = PageGuard::new(file).unwrap();
        assert!(guard.get_bytes(0, usize::MAX).is_err() && guard.get_bytes(u64::MAX, 1).is_err());
    }
}
