//! Pixels and where they come from: [`RasterSource`] is the seam behind which GeoTIFF, JPEG 2000, local and remote
//! files look alike.

mod access;
mod blocks;
mod bytes;
mod cache;
mod checksum;
mod jp2;
mod location;
mod tiff;

use std::sync::Arc;

pub use access::{InputIdentity, checked_identity, identity, read_bytes, read_json, read_text};
pub use cache::set_block_cache_limit;
pub use checksum::{ChecksumAlgorithm, StatedChecksum};
pub use location::Location;
pub(crate) use location::public_url;

use self::bytes::ByteSource;
use crate::{Grid, Result, Window};

/// Pixel values of one band in a window, row-major `[height, width]`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the variants are their element types")]
pub enum Pixels {
    U8(Vec<u8>),
    U16(Vec<u16>),
    I16(Vec<i16>),
    F32(Vec<f32>),
}

impl Pixels {
    /// All values in floating point, which holds every integer type here exactly.
    pub fn to_f32(&self) -> Vec<f32> {
        match self {
            Self::U8(v) => v.iter().copied().map(f32::from).collect(),
            Self::U16(v) => v.iter().copied().map(f32::from).collect(),
            Self::I16(v) => v.iter().copied().map(f32::from).collect(),
            Self::F32(v) => v.clone(),
        }
    }

    /// Number of pixels.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(v) => v.len(),
            Self::U16(v) => v.len(),
            Self::I16(v) => v.len(),
            Self::F32(v) => v.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Element type.
    pub fn data_type(&self) -> DataType {
        match self {
            Self::U8(_) => DataType::U8,
            Self::U16(_) => DataType::U16,
            Self::I16(_) => DataType::I16,
            Self::F32(_) => DataType::F32,
        }
    }

    /// One value as f64.
    pub fn get(&self, index: usize) -> f64 {
        match self {
            Self::U8(v) => f64::from(v[index]),
            Self::U16(v) => f64::from(v[index]),
            Self::I16(v) => f64::from(v[index]),
            Self::F32(v) => f64::from(v[index]),
        }
    }
}

/// Element type of a raster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the variants are their element types")]
pub enum DataType {
    U8,
    U16,
    I16,
    F32,
}

/// What a raster file says of itself.
#[derive(Debug, Clone)]
pub struct RasterInfo {
    /// Path or URL (without its query), for messages and manifests.
    pub location: String,
    /// Where its pixels lie.
    pub grid: Grid,
    /// Element type, the same for all bands.
    pub data_type: DataType,
    /// Value that marks missing pixels, as the file states it.
    pub nodata: Option<f64>,
    /// One entry per band: the description (band name) as the file states it.
    pub band_names: Vec<Option<String>>,
    /// One entry per band: scale and offset from digital number to physical value, as the file states them.
    pub scale_offset: Vec<Option<(f64, f64)>>,
    /// Size of the file's internal blocks, (width, height): reads along them are cheapest.
    pub block_size: (usize, usize),
}

/// A raster that can be read by windows, from several threads at once.
pub trait RasterSource: Send + Sync + std::fmt::Debug {
    /// What the file says of itself.
    fn info(&self) -> &RasterInfo;

    /// Reads a window of one band (counted from 0). The window must lie inside the raster.
    fn read(&self, band: usize, window: Window) -> Result<Pixels>;

    /// Reduced copies of the raster that its file holds, finest first: the overviews of a GeoTIFF, the resolution levels
    /// of a JPEG 2000 image. Their grids cover the same place with larger pixels. Looked for when they are asked for.
    fn overviews(&self) -> Result<Vec<Arc<dyn RasterSource>>> {
        Ok(Vec::new())
    }
}

/// Opens a raster by windows: GeoTIFF and COG on disk, in an archive or over HTTP by ranges; JPEG 2000 on disk, in an
/// archive or over HTTP (fetched whole to a temporary file).
///
/// The kind of file is told by its first bytes, not by its name. Decoded blocks of all rasters of the process share one
/// cache of bounded size, so reading on never takes more memory.
pub fn open_raster(location: &Location) -> Result<Arc<dyn RasterSource>> {
    let source = ByteSource::open(location)?;
    let head = source.read(0..source.len().min(12))?;
    if tiff::is_tiff(&head) {
        tiff::open(source)
    } else if jp2::is_jp2(&head) {
        jp2::open(source, None)
    } else if source.len() == 0 {
        Err(source.error("it is empty"))
    } else {
        let start = head.escape_ascii();
        Err(source.error(format!("it is neither a GeoTIFF nor JPEG 2000: it begins with `{start}`")))
    }
}

/// Opens a TIFF for its pixels, whether or not it has a place on the map, and tells whether it has. The grid of one without
/// a place counts pixels from its upper left corner and means nothing else.
pub fn open_image(location: &Location) -> Result<(Arc<dyn RasterSource>, bool)> {
    let source = ByteSource::open(location)?;
    let head = source.read(0..source.len().min(12))?;
    if tiff::is_tiff(&head) {
        return tiff::open_image(source);
    }
    Ok((open_raster(location)?, true))
}

/// Opens a JPEG 2000 file whose place is known from elsewhere (`MTD_TL.xml` of a SAFE product). The size of the grid
/// must be that of the image.
pub fn open_jp2_with_grid(location: &Location, grid: Grid) -> Result<Arc<dyn RasterSource>> {
    let source = ByteSource::open(location)?;
    let head = source.read(0..source.len().min(12))?;
    if !jp2::is_jp2(&head) {
        return Err(source.error(format!("it is no JPEG 2000 file: it begins with `{}`", head.escape_ascii())));
    }
    jp2::open(source, Some(grid))
}
