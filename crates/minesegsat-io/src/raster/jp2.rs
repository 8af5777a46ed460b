//! JPEG 2000 (`.jp2` and raw codestreams), as in Sentinel-2 SAFE products.
//!
//! The internal tiles of the image are the blocks of this format. Opening a file builds an index of its tile-parts, which
//! also detects truncated files. A tile is decoded from a codestream of the main header and the parts of that tile only. So
//! several threads can read tiles in any order, without decoding the whole image or keeping a decoder open. OpenJPEG's own
//! area decoding fails on the files of SAFE products.

mod codestream;
mod georeference;
mod openjpeg;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use self::codestream::Codestream;
use super::blocks::{BlockFormat, BlockLayout, BlockRaster, SMALL_JP2_PIXELS, check_block_bytes, check_pixels};
use super::bytes::ByteSource;
use super::{DataType, Pixels, RasterInfo, RasterSource};
use minesegsat_core::{GeoTransform, Grid, Result, Window};

/// First bytes of a JP2 file: its signature box.
const SIGNATURE: [u8; 12] = *b"\0\0\0\x0cjP  \r\n\x87\n";
/// First bytes of a raw codestream: SOC and SIZ.
const RAW: [u8; 4] = [0xff, 0x4f, 0xff, 0x51];

/// Whether a file's first bytes are those of a JPEG 2000 file.
pub(super) fn is_jp2(head: &[u8]) -> bool {
    head.starts_with(&SIGNATURE) || head.starts_with(&RAW)
}

#[derive(Debug)]
struct Jp2Format {
    layout: BlockLayout,
    codestream: Arc<Codestream>,
    data_type: DataType,
    /// Number of times that each tile is halved: 0 for the full image.
    reduction: u8,
}

/// Opens a JPEG 2000 file. Its georeference is that of its GeoJP2 or GMLJP2 box, or `fallback` if it has none that can be
/// read.
pub(super) fn open(source: ByteSource, fallback: Option<Grid>) -> Result<Arc<dyn RasterSource>> {
    let source = source.into_local()?;
    let boxes = georeference::boxes(&source)?;
    let codestream = Codestream::read(&source, boxes.codestream.clone())?;
    let size = &codestream.size;
    let (width, height) = (size.width as usize, size.height as usize);
    let grid = match (georeference::grid(&source, &boxes, width, height), fallback) {
        (Ok(own), _) => own,
        (Err(_), Some(grid)) if (grid.width, grid.height) != (width, height) => {
            return Err(source.error(format!(
                "it has {width}x{height} pixels, the product's metadata say {}x{}",
                grid.width, grid.height
            )));
        }
        (Err(_), Some(grid)) => grid,
        (Err(error), None) => return Err(error),
    };
    grid.check().map_err(|reason| source.error(reason))?;
    let data_type = match (size.bits, size.signed) {
        (..=8, false) => DataType::U8,
        (..=16, false) => DataType::U16,
        (..=16, true) => DataType::I16,
        (bits, _) => return Err(source.error(format!("its pixels have {bits} bits; at most 16 are supported"))),
    };
    // OpenJPEG decodes to 32-bit integers.
    check_block_bytes(u64::from(size.tile_width), u64::from(size.tile_height), u64::from(size.components), 4)
        .and_then(|()| check_pixels(size.width.into(), size.height.into(), source.len(), SMALL_JP2_PIXELS))
        .map_err(|reason| source.error(reason))?;
    let bands = usize::from(size.components);
    let layout = BlockLayout {
        width: size.tile_width as usize,
        height: size.tile_height as usize,
        across: size.tiles_across() as usize,
        down: size.tiles_down() as usize,
        bands,
    };
    let info = RasterInfo {
        location: source.name().to_owned(),
        grid,
        data_type,
        nodata: None,
        band_names: vec![None; bands],
        scale_offset: vec![None; bands],
        block_size: (layout.width, layout.height),
        mask: None,
    };
    let codestream = Arc::new(codestream);
    Ok(Arc::new(BlockRaster::new(info, source, Jp2Format { layout, codestream, data_type, reduction: 0 })))
}

impl BlockFormat for Jp2Format {
    fn layout(&self) -> &BlockLayout {
        &self.layout
    }

    fn ranges(&self, block: usize) -> Vec<Range<u64>> {
        self.codestream.tiles.get(block).cloned().unwrap_or_default()
    }

    /// Each tile is in the file.
    fn missing_value(&self) -> f64 {
        0.0
    }

    fn decode(&self, block: usize, bytes: &[Bytes]) -> Result<Pixels, String> {
        let window = reduced(self.codestream.size.tile(block as u32), self.reduction);
        let parts = std::iter::once(&self.codestream.header[..]).chain(bytes.iter().map(|b| &b[..]));
        let tile_stream = parts.chain([&codestream::END[..]]).collect::<Vec<_>>().concat();
        let components = openjpeg::decode_tile(&tile_stream, block as u32, self.layout.bands, self.reduction, window)?;
        // Tiles at the right edge are narrower. They are padded, so that all blocks have the same row length.
        let (from, to, rows) = (window.width, self.layout.width, window.height);
        Ok(match self.data_type {
            DataType::U8 => Pixels::U8(padded(&components, from, to, rows, |v| v as u8)),
            DataType::U16 => Pixels::U16(padded(&components, from, to, rows, |v| v as u16)),
            DataType::I16 => Pixels::I16(padded(&components, from, to, rows, |v| v as i16)),
            DataType::F32 => return Err("JPEG 2000 holds integers".to_owned()),
        })
    }

    /// The resolution levels of the wavelet transform. Each pixel is a weighted mean of about four pixels of the finer level.
    fn overviews(&self, info: &RasterInfo, _source: &ByteSource) -> Result<Vec<(RasterInfo, Self)>> {
        if self.reduction > 0 {
            return Ok(Vec::new());
        }
        let (tile_width, tile_height) = info.block_size;
        // Tiles that do not halve evenly would no longer fit together.
        let is_even = |level: u8| [tile_width, tile_height].into_iter().all(|side| side.is_multiple_of(1 << level));
        let levels = (1..=self.codestream.levels.min(16)).take_while(|&level| is_even(level));
        let overview = |level: u8| {
            let full = &info.grid;
            let transform = GeoTransform {
                pixel_width: full.transform.pixel_width * f64::from(1_u32 << level),
                pixel_height: full.transform.pixel_height * f64::from(1_u32 << level),
                ..full.transform
            };
            let size = reduced(full.full_window(), level);
            let grid = Grid { crs: full.crs.clone(), transform, width: size.width, height: size.height };
            let block_size = (tile_width >> level, tile_height >> level);
            let layout = BlockLayout { width: block_size.0, height: block_size.1, ..self.layout.clone() };
            let format = Self { layout, codestream: Arc::clone(&self.codestream), reduction: level, ..*self };
            (RasterInfo { grid, block_size, ..info.clone() }, format)
        };
        Ok(levels.map(overview).collect())
    }
}

/// A window at a resolution level. Its corners must be multiples of 2^`level`, or the end of the image.
fn reduced(window: Window, level: u8) -> Window {
    let side = 1_usize << level;
    let (col, row) = (window.col / side, window.row / side);
    Window::new(col, row, window.col_end().div_ceil(side) - col, window.row_end().div_ceil(side) - row)
}

fn padded<T: Copy + Default>(
    components: &openjpeg::Components,
    from: usize,
    to: usize,
    rows: usize,
    convert: impl Fn(i32) -> T,
) -> Vec<T> {
    let mut pixels = Vec::with_capacity(components.len() * rows * to);
    for component in components.iter() {
        for row in component.chunks_exact(from).take(rows) {
            pixels.extend(row.iter().map(|&v| convert(v)));
            pixels.resize(pixels.len() + to - from, T::default());
        }
    }
    pixels
}
