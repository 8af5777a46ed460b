//! Decoding of TIFF blocks: decompression, byte order, predictor, separation of bands.

use std::io::Read;

use flate2::{Decompress, FlushDecompress, Status};

use crate::raster::{DataType, Pixels};

/// Compression of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Lzw,
    Deflate,
    Zstd,
}

impl Compression {
    /// Maximum number of bytes that one compressed byte can hold.
    const fn most_bytes_per_byte(self) -> u64 {
        match self {
            Self::None => 1,
            // Codes of at least 9 bits stand for strings of up to 4096 bytes.
            Self::Lzw => 4096,
            // A match of 258 bytes takes at least two bits (RFC 1951, section 3.2.5).
            Self::Deflate => 1032,
            // A block of 128 KiB takes at least four bytes (RFC 8878, section 3.1.1.2).
            Self::Zstd => 1 << 15,
        }
    }
}

/// Transformation of samples before compression (TIFF 6.0, section 14; Adobe Photoshop TIFF Technical Note 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Predictor {
    None,
    /// Difference to the left neighbour in the same band.
    Horizontal,
    /// The bytes of a row sorted by significance, then byte differences.
    FloatingPoint,
}

/// Type of the samples in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sample {
    /// One bit, as in masks. Rows begin at whole bytes.
    Bit,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    F64,
}

impl Sample {
    pub(super) const fn byte_len(self) -> usize {
        match self {
            Self::Bit | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Bytes of a row of `values` samples in the file.
    pub(super) const fn row_bytes(self, values: u64) -> u64 {
        match self {
            Self::Bit => values.div_ceil(8),
            _ => values * self.byte_len() as u64,
        }
    }

    /// Type in memory. 32-bit integers and 64-bit floating point numbers are rounded to 32-bit floating point numbers.
    pub(super) const fn data_type(self) -> DataType {
        match self {
            Self::Bit | Self::U8 => DataType::U8,
            Self::U16 => DataType::U16,
            Self::I8 | Self::I16 => DataType::I16,
            Self::U32 | Self::I32 | Self::F32 | Self::F64 => DataType::F32,
        }
    }
}

/// Encoding of the blocks of a file.
#[derive(Debug, Clone)]
pub(super) struct Codec {
    pub(super) compression: Compression,
    pub(super) predictor: Predictor,
    pub(super) sample: Sample,
    pub(super) big_endian: bool,
    /// Columns of a block.
    pub(super) width: usize,
    /// Bands in a block, interleaved.
    pub(super) bands: usize,
}

impl Codec {
    /// Decodes a block of `rows` rows into `[bands, rows, width]`.
    pub(super) fn decode(&self, bytes: &[u8], rows: usize) -> Result<Pixels, String> {
        let row_bytes = self.sample.row_bytes((self.width * self.bands) as u64) as usize;
        let mut raw = self.decompress(bytes, rows * row_bytes)?;
        if self.sample == Sample::Bit {
            raw = unpack(&raw, row_bytes, self.width * self.bands);
        }
        if self.predictor == Predictor::FloatingPoint {
            self.undo_floating_point(&mut raw);
        }
        // From here on, words have native byte order.
        let big = self.big_endian || self.predictor == Predictor::FloatingPoint;
        Ok(match self.sample {
            Sample::Bit | Sample::U8 => Pixels::U8(self.words::<u8>(raw, big)),
            Sample::I8 => Pixels::I16(self.words::<u8>(raw, big).into_iter().map(|v| i16::from(v as i8)).collect()),
            Sample::U16 => Pixels::U16(self.words::<u16>(raw, big)),
            Sample::I16 => Pixels::I16(self.words::<u16>(raw, big).into_iter().map(|v| v as i16).collect()),
            Sample::U32 => Pixels::F32(self.words::<u32>(raw, big).into_iter().map(|v| v as f32).collect()),
            Sample::I32 => Pixels::F32(self.words::<u32>(raw, big).into_iter().map(|v| v as i32 as f32).collect()),
            Sample::F32 => Pixels::F32(self.words::<u32>(raw, big).into_iter().map(f32::from_bits).collect()),
            Sample::F64 => {
                Pixels::F32(self.words::<u64>(raw, big).into_iter().map(|v| f64::from_bits(v) as f32).collect())
            }
        })
    }

    /// Decompresses exactly `expected` bytes. A longer stream is truncated, because some writers pad the last strip. A shorter
    /// stream is an error.
    fn decompress(&self, bytes: &[u8], expected: usize) -> Result<Vec<u8>, String> {
        let short = |got: usize| format!("decompression gave {got} bytes, but {expected} are expected");
        let most = (bytes.len() as u64).saturating_mul(self.compression.most_bytes_per_byte());
        if expected as u64 > most {
            return Err(format!(
                "decompression of {} bytes cannot give the {expected} bytes that are expected",
                bytes.len()
            ));
        }
        match self.compression {
            Compression::None => bytes.get(..expected).map(<[u8]>::to_vec).ok_or_else(|| short(bytes.len())),
            Compression::Deflate => {
                // Zeroed memory costs nothing until it is written to, even if a header states a huge size.
                let mut out = vec![0; expected];
                let mut inflate = Decompress::new(true);
                let status = inflate
                    .decompress(bytes, &mut out, FlushDecompress::Finish)
                    .map_err(|e| format!("its deflate stream is damaged ({e})"))?;
                let got = inflate.total_out() as usize;
                match status {
                    _ if got < expected => Err(short(got)),
                    Status::Ok | Status::BufError | Status::StreamEnd => Ok(out),
                }
            }
            Compression::Lzw => {
                let mut out = vec![0; expected];
                let mut lzw = weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
                let (mut read, mut written) = (0, 0);
                while written < expected {
                    let step = lzw.decode_bytes(&bytes[read..], &mut out[written..]);
                    read += step.consumed_in;
                    written += step.consumed_out;
                    match step.status {
                        Ok(weezl::LzwStatus::Ok) if step.consumed_in + step.consumed_out > 0 => {}
                        Ok(_) => break,
                        Err(e) => return Err(format!("its LZW stream is damaged ({e})")),
                    }
                }
                if written < expected { Err(short(written)) } else { Ok(out) }
            }
            Compression::Zstd => {
                let damaged = |e: std::io::Error| format!("its zstd stream is damaged ({e})");
                let mut out = Vec::with_capacity(expected.min(64 << 20));
                let stream = zstd::stream::read::Decoder::with_buffer(bytes).map_err(damaged)?;
                stream.take(expected as u64).read_to_end(&mut out).map_err(damaged)?;
                if out.len() < expected { Err(short(out.len())) } else { Ok(out) }
            }
        }
    }

    /// Undoes the floating point predictor; the result is big-endian.
    fn undo_floating_point(&self, raw: &mut [u8]) {
        let size = self.sample.byte_len();
        let numbers = self.width * self.bands;
        let mut row_bytes = vec![0; numbers * size];
        for row in raw.chunks_exact_mut(numbers * size) {
            for i in self.bands..row.len() {
                row[i] = row[i].wrapping_add(row[i - self.bands]);
            }
            for (i, number) in row_bytes.chunks_exact_mut(size).enumerate() {
                for (significance, byte) in number.iter_mut().enumerate() {
                    *byte = row[significance * numbers + i];
                }
            }
            row.copy_from_slice(&row_bytes);
        }
    }

    /// Numbers in native byte order, with the horizontal predictor undone and bands separated.
    fn words<W: Word>(&self, raw: Vec<u8>, big_endian: bool) -> Vec<W> {
        let mut words = W::from_bytes(raw, big_endian);
        let row_len = self.width * self.bands;
        if self.predictor == Predictor::Horizontal {
            for row in words.chunks_exact_mut(row_len) {
                if self.bands == 1 {
                    let mut left = W::default();
                    for word in row {
                        left = word.wrapping_add(left);
                        *word = left;
                    }
                } else {
                    for i in self.bands..row.len() {
                        row[i] = row[i].wrapping_add(row[i - self.bands]);
                    }
                }
            }
        }
        if self.bands == 1 {
            return words;
        }
        let pixels = words.len() / self.bands;
        let mut apart = Vec::with_capacity(words.len());
        for band in 0..self.bands {
            apart.extend(words[band..].iter().step_by(self.bands).take(pixels));
        }
        apart
    }
}

/// The bits of rows of `row_bytes` bytes as numbers, the highest bit first, without the padding of the rows.
fn unpack(packed: &[u8], row_bytes: usize, values: usize) -> Vec<u8> {
    let bits = |row: &[u8]| -> Vec<u8> { (0..values).map(|i| row[i / 8] >> (7 - i % 8) & 1).collect() };
    packed.chunks_exact(row_bytes).flat_map(bits).collect()
}

/// An unsigned integer that holds the bits of a sample.
trait Word: Copy + Default {
    fn from_bytes(raw: Vec<u8>, big_endian: bool) -> Vec<Self>;
    fn wrapping_add(self, other: Self) -> Self;
}

macro_rules! word {
    ($($type:ty),*) => {$(
        impl Word for $type {
            fn from_bytes(raw: Vec<u8>, big_endian: bool) -> Vec<Self> {
                let (chunks, _) = raw.as_chunks();
                if big_endian {
                    chunks.iter().map(|b| Self::from_be_bytes(*b)).collect()
                } else {
                    chunks.iter().map(|b| Self::from_le_bytes(*b)).collect()
                }
            }

            fn wrapping_add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
        }
    )*};
}
word!(u16, u32, u64);

impl Word for u8 {
    fn from_bytes(raw: Vec<u8>, _: bool) -> Vec<Self> {
        raw
    }

    fn wrapping_add(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
}
