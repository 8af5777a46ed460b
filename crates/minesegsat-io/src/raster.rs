//! Reading of raster files. [`RasterSource`] is the common interface to GeoTIFF and JPEG 2000, on disk, in archives and over
//! HTTP.

mod access;
mod blocks;
mod bytes;
mod cache;
mod checksum;
mod foreign;
mod jp2;
mod location;
mod missing;
mod pam;
mod tiff;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use access::{InputIdentity, checked_identity, identity, read_bytes, read_json, read_json_with, read_text};
pub use cache::set_block_cache_limit;
pub use checksum::{ChecksumAlgorithm, StatedChecksum};
pub use foreign::{follow, in_region};
pub use location::Location;
pub use missing::{MissingValues, RasterMask};

use self::bytes::ByteSource;
use crate::http::{DESCRIBED_BYTES, describe_content};
use minesegsat_core::{Grid, Result, Window};

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
    /// All values as f32, which represents every integer type here exactly.
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

    /// Whether there are no pixels.
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

/// Metadata of a raster file.
#[derive(Debug, Clone)]
pub struct RasterInfo {
    /// Path or URL (without its query), for messages and manifests.
    pub location: String,
    /// Georeference and size.
    pub grid: Grid,
    /// Element type, the same for all bands.
    pub data_type: DataType,
    /// Nodata value that the file states.
    pub nodata: Option<f64>,
    /// One entry per band: the description (band name) as the file states it.
    pub band_names: Vec<Option<String>>,
    /// One entry per band: scale and offset from digital number to physical value, as the file states them.
    pub scale_offset: Vec<Option<(f64, f64)>>,
    /// Size of the file's internal blocks, (width, height). Reads along block borders are fastest.
    pub block_size: (usize, usize),
    /// The validity mask, if there is one. Reading applies it: masked pixels have the nodata value, which is then stated. The
    /// masks of a raster that has several are all applied.
    pub mask: Option<RasterMask>,
}

/// A raster that several threads can read window by window.
pub trait RasterSource: Send + Sync + std::fmt::Debug {
    /// Metadata of the file.
    fn info(&self) -> &RasterInfo;

    /// Reads a window of one band (counted from 0). The window must lie inside the raster.
    fn read(&self, band: usize, window: Window) -> Result<Pixels>;

    /// Checks that all blocks lie in the file, and decodes the last one if `decodes`: a file that was cut fails.
    fn check_is_whole(&self, decodes: bool) -> Result<()> {
        let _ = decodes;
        Ok(())
    }

    /// Reduced copies of the raster in its file, finest first: the overviews of a GeoTIFF or the resolution levels of a JPEG 2000
    /// image. Their grids cover the same area with larger pixels. They are located on each call.
    fn overviews(&self) -> Result<Vec<Arc<dyn RasterSource>>> {
        Ok(Vec::new())
    }
}

/// Whether a file begins like a TIFF.
pub fn is_tiff(head: &[u8]) -> bool {
    tiff::is_tiff(head)
}

/// Whether a file begins like a TIFF or JPEG 2000 file.
pub fn is_image(head: &[u8]) -> bool {
    tiff::is_tiff(head) || jp2::is_jp2(head)
}

/// Opens a GeoTIFF, COG or JPEG 2000 file for reading by windows, on disk, in an archive or over HTTP.
///
/// Over HTTP a TIFF is read by ranges, and a JPEG 2000 file is downloaded whole to a temporary file. The first bytes of the
/// file determine its format, not its name. Decoded blocks of all rasters of the process share one cache of bounded size.
///
/// Masks are applied: a mask in the file, an alpha band, a band `dataMask`, and local files beside it: `B04.tif.msk`, or
/// `dataMask.tif` on the same grid. So is the nodata value in `B04.tif.aux.xml`.
pub fn open_raster(location: &Location) -> Result<Arc<dyn RasterSource>> {
    let source = ByteSource::open(location)?;
    let head = source.read(0..source.len().min(12))?;
    if tiff::is_tiff(&head) {
        with_side_car(location, tiff::open(source)?)
    } else if jp2::is_jp2(&head) {
        with_side_car(location, jp2::open(source, None)?)
    } else if source.len() == 0 {
        Err(source.error("it is empty"))
    } else {
        let what = describe_content(&source.read(0..source.len().min(DESCRIBED_BYTES))?);
        let start = head.escape_ascii();
        Err(source.error(format!("it is neither a GeoTIFF nor JPEG 2000, but {what}: it begins with `{start}`")))
    }
}

/// Where the pixels of an image lie, see [`open_image`].
#[derive(Debug, Clone, PartialEq)]
pub enum Georeference {
    /// The grid of the raster is its place on the ground.
    Placed,
    /// The file states no place. The grid only counts pixels from the upper left corner.
    Absent,
    /// The file states a place that is not used. The grid only counts pixels from the upper left corner.
    Unused {
        /// Why it is not used, such as rows that run from south to north.
        reason: String,
        /// The stated map of pixel corners, `x = a col + b row + c`, `y = d col + e row + f`: `[a, b, c, d, e, f]`.
        affine: [f64; 6],
    },
}

impl Georeference {
    /// Whether the grid of the raster is its place on the ground.
    pub const fn is_placed(&self) -> bool {
        matches!(self, Self::Placed)
    }
}

/// Opens a TIFF with or without a georeference.
pub fn open_image(location: &Location) -> Result<(Arc<dyn RasterSource>, Georeference)> {
    let source = ByteSource::open(location)?;
    let head = source.read(0..source.len().min(12))?;
    if tiff::is_tiff(&head) {
        let (raster, georeference) = tiff::open_image(source)?;
        return Ok((with_side_car(location, raster)?, georeference));
    }
    Ok((open_raster(location)?, Georeference::Placed))
}

/// The raster with what the files beside it say: the nodata value in GDAL's metadata (`B04.tif.aux.xml`), GDAL's mask
/// (`B04.tif.msk`), and Sentinel Hub's mask of all bands in the folder (`dataMask.tif`).
fn with_side_car(location: &Location, raster: Arc<dyn RasterSource>) -> Result<Arc<dyn RasterSource>> {
    let Location::Path(path) = location else { return Ok(raster) };
    let mut info = raster.info().clone();
    let missing = pam::complete(path, &mut info)?;
    let mut raster = missing::described(raster, info, &missing);
    let mut name = path.clone().into_os_string();
    name.push(".msk");
    let beside = PathBuf::from(name);
    if beside.is_file() {
        let beside = Location::from(beside);
        let mask = open_mask(&beside, location)?;
        raster = missing::masked(raster, RasterMask::SideCar(beside), mask)?;
    }
    if let Some(beside) = data_mask_beside(path) {
        let mask = open_mask(&beside, location)?;
        // Bands of another pixel size have no mask of their own. A pixel needs all bands, so those of this size suffice.
        let (own, of_mask) = (&raster.info().grid, &mask.info().grid);
        if own == of_mask {
            raster = missing::masked(raster, RasterMask::SideCar(beside), mask)?;
        }
    }
    Ok(raster)
}

fn open_mask(mask: &Location, image: &Location) -> Result<Arc<dyn RasterSource>> {
    let source = ByteSource::open(mask)?;
    let head = source.read(0..source.len().min(12))?;
    if !tiff::is_tiff(&head) {
        return Err(source.error(format!("it is not a TIFF, as the mask of {image} should be")));
    }
    Ok(tiff::open_image(source)?.0)
}

/// The file `dataMask.tif` in the folder of an image, unless the image is this file.
fn data_mask_beside(image: &Path) -> Option<Location> {
    const NAMES: [&str; 4] = ["dataMask.tif", "dataMask.tiff", "datamask.tif", "DATAMASK.tif"];
    let name = image.file_name()?;
    let is_mask = |name: &std::ffi::OsStr| NAMES.iter().any(|mask| name.eq_ignore_ascii_case(mask));
    if is_mask(name) {
        return None;
    }
    NAMES.iter().map(|mask| image.with_file_name(mask)).find(|mask| mask.is_file()).map(Location::from)
}

/// Opens a JPEG 2000 file that may lack a georeference. The file's own georeference is used, as GDAL does. If it has none,
/// `grid` from other metadata (`MTD_TL.xml` of a SAFE product, a STAC item) is used, which must have the size of the image.
pub fn open_jp2_with_grid(location: &Location, grid: Grid) -> Result<Arc<dyn RasterSource>> {
    let source = ByteSource::open(location)?;
    let head = source.read(0..source.len().min(12))?;
    if !jp2::is_jp2(&head) {
        let what = describe_content(&source.read(0..source.len().min(DESCRIBED_BYTES))?);
        return Err(source.error(format!("it is not a JPEG 2000 file, but {what}")));
    }
    with_side_car(location, jp2::open(source, Some(grid))?)
}
