//! Cloud Optimized GeoTIFFs, written row by row in bounded memory: [`CogWriter`].
//!
//! The layout is that of GDAL's COG driver: header, GDAL's structural metadata, one directory per level (full resolution
//! first), then the blocks, smallest overview first. The full resolution is last in the file but arrives first. So
//! compressed blocks wait in an unnamed temporary file beside the output and are copied at the end. Memory holds one row of
//! blocks per level, about two rows of blocks of the full resolution.

mod layout;
mod pyramid;
mod sample;
#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use tempfile::SpooledTempFile;

use crate::{DataType, Pixels};
use layout::{Directory, LevelBlocks};
use minesegsat_core::pixel_class::{MASK_NODATA, MASK_PALETTE};
use minesegsat_core::{Error, Grid, Result};
use pyramid::{Pyramid, PyramidSettings};

/// Maximum size in bytes of compressed blocks in memory; more go to a temporary file.
const SPOOL_IN_MEMORY: usize = 4 << 20;

/// Resampling of an overview from the next finer level.
///
/// Overviews halve the size and round down, like GDAL's COG driver. If the size is odd, a pixel covers two to three pixels in
/// each direction, and the covered parts are its weights. Missing pixels (the nodata value, NaN) have no weight. If all pixels
/// are missing, the result is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OverviewResampling {
    /// Weighted mean of the valid pixels; integers are rounded half up.
    #[default]
    Average,
    /// The value that covers the largest area among the valid pixels. Among equals the larger value wins, so that narrow mines
    /// do not vanish from a mask.
    Mode,
    /// The upper left pixel, even if it is missing.
    Nearest,
}

/// Metadata of one band of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct BandMeta {
    /// Name of the band (GDAL: description). Not written if empty.
    pub name: String,
    /// One-sentence description, written as the metadata item `LONG_NAME` of the band.
    pub description: Option<String>,
    /// Scale of `physical value = stored value x scale + offset`. Not written if it is 1.
    pub scale: f64,
    /// Offset, see `scale`. Not written if it is 0.
    pub offset: f64,
}

impl BandMeta {
    /// A band with a name, whose stored values are physical values.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), description: None, scale: 1.0, offset: 0.0 }
    }
}

impl Default for BandMeta {
    fn default() -> Self {
        Self::named("")
    }
}

/// Options of a [`CogWriter`]. Default: one band of f32 with NaN as nodata.
#[derive(Debug, Clone, PartialEq)]
pub struct CogOptions {
    /// Element type of all bands.
    pub data_type: DataType,
    /// Nodata value. It must be a value of the element type. In f32, NaN is always nodata.
    pub nodata: Option<f64>,
    /// Metadata of each band, in order. The number of entries is the number of bands.
    pub bands: Vec<BandMeta>,
    /// Whether to write overviews for rasters wider or higher than a block. Without overviews such a file is not a COG.
    pub overviews: bool,
    /// Resampling of overviews.
    pub overview_resampling: OverviewResampling,
    /// Additional metadata items of the dataset (key, value).
    pub metadata: Vec<(String, String)>,
    /// Width and height of the blocks in pixels: a multiple of 16 up to 4096.
    pub block_size: usize,
    /// DEFLATE level, 1 (fast) to 9 (small).
    pub compression_level: u32,
    /// Colours (red, green, blue) of the values from 0 on, for a single band of u8. Values without a colour are black.
    pub palette: Option<Vec<[u8; 3]>>,
}

impl Default for CogOptions {
    fn default() -> Self {
        Self {
            data_type: DataType::F32,
            nodata: Some(f64::NAN),
            bands: vec![BandMeta::default()],
            overviews: true,
            overview_resampling: OverviewResampling::Average,
            metadata: Vec::new(),
            block_size: 512,
            compression_level: 4,
            palette: None,
        }
    }
}

impl CogOptions {
    /// Options for a mask: one band of u8 with [`MASK_NODATA`] and [`MASK_PALETTE`]; overviews use the mode.
    pub fn mask(name: impl Into<String>) -> Self {
        Self {
            data_type: DataType::U8,
            nodata: Some(f64::from(MASK_NODATA)),
            bands: vec![BandMeta::named(name)],
            overview_resampling: OverviewResampling::Mode,
            palette: Some(MASK_PALETTE.to_vec()),
            ..Self::default()
        }
    }

    fn check(&self) -> Result<()> {
        let refuse =
            |name, value: String, accepted: &str| Err(Error::Argument { name, value, accepted: accepted.to_owned() });
        if !self.block_size.is_multiple_of(16) || !(16..=4096).contains(&self.block_size) {
            return refuse("block size", self.block_size.to_string(), "a multiple of 16 from 16 to 4096");
        }
        if !(1..=9).contains(&self.compression_level) {
            return refuse("compression level", self.compression_level.to_string(), "1 to 9");
        }
        if self.bands.is_empty() || self.bands.len() > 1024 {
            return refuse("number of bands", self.bands.len().to_string(), "1 to 1024");
        }
        if let Some(nodata) = self.nodata {
            let (low, high) = match self.data_type {
                DataType::U8 => (0.0, f64::from(u8::MAX)),
                DataType::U16 => (0.0, f64::from(u16::MAX)),
                DataType::I16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
                DataType::F32 => (f64::from(f32::MIN), f64::from(f32::MAX)),
            };
            let is_float = self.data_type == DataType::F32;
            let is_value = (low..=high).contains(&nodata) && (is_float || nodata.fract() == 0.0);
            if !(is_value || (is_float && nodata.is_nan())) {
                return refuse("nodata", nodata.to_string(), &format!("a value of {:?}", self.data_type));
            }
        }
        if let Some(palette) = &self.palette
            && (self.data_type != DataType::U8 || self.bands.len() != 1 || palette.len() > 256)
        {
            return refuse(
                "palette",
                format!("{} colours for {} bands of {:?}", palette.len(), self.bands.len(), self.data_type),
                "up to 256 colours for one band of U8",
            );
        }
        Ok(())
    }
}

/// Temporary storage of compressed blocks, in the order in which they were written.
#[derive(Debug)]
struct Spool {
    /// Blocks in memory, while they are small enough.
    file: SpooledTempFile,
    len: u64,
}

impl Spool {
    /// Appends bytes and returns their position.
    fn append(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let start = self.len;
        self.file.write_all(bytes)?;
        self.len += bytes.len() as u64;
        Ok(start)
    }
}

/// Writes a Cloud Optimized GeoTIFF from rows that arrive from top to bottom.
///
/// The bytes of the file depend only on the pixels and the options. The number of threads and the division of rows among
/// calls do not matter. [`CogWriter::finish`] creates the file; a writer that is dropped earlier leaves nothing behind.
///
/// ```
/// use minesegsat_core::{Crs, GeoTransform, Grid};
/// use minesegsat_io::{Pixels, cog::{CogOptions, CogWriter}};
///
/// let folder = tempfile::tempdir()?;
/// let grid = Grid {
///     crs: Crs::from_epsg(32618)?,
///     transform: GeoTransform::north_up(435_730.0, 4_179_460.0, 10.0),
///     width: 3,
///     height: 2,
/// };
/// let mut cog = CogWriter::create(&folder.path().join("mask.tif"), &grid, CogOptions::mask("mining"))?;
/// cog.write_rows(&[Pixels::U8(vec![0, 1, 255])])?;
/// cog.write_rows(&[Pixels::U8(vec![0, 0, 1])])?;
/// cog.finish()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CogWriter {
    path: PathBuf,
    grid: Grid,
    options: CogOptions,
    pyramid: Box<dyn Pyramid>,
    spool: Spool,
    rows: usize,
}

impl CogWriter {
    /// Checks the options and opens the temporary file, in the folder of `path`, which must exist.
    pub fn create(path: &Path, grid: &Grid, options: CogOptions) -> Result<Self> {
        options.check()?;
        let fail = |reason: String| Error::raster_write(path, reason);
        let side = 1..=usize::try_from(u32::MAX / 2).unwrap_or(usize::MAX);
        if !side.contains(&grid.width) || !side.contains(&grid.height) {
            return Err(fail(format!("{} x {} pixels is not a valid TIFF size", grid.width, grid.height)));
        }
        if path.is_dir() {
            return Err(fail("it is a folder".to_owned()));
        }
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            return Err(fail(format!("folder {} does not exist", folder.display())));
        }
        let file = tempfile::spooled_tempfile_in(SPOOL_IN_MEMORY, folder);
        let pyramid = pyramid::of_type(
            options.data_type,
            grid.width,
            grid.height,
            PyramidSettings {
                bands: options.bands.len(),
                nodata: options.nodata,
                overviews: options.overviews,
                resampling: options.overview_resampling,
                block_size: options.block_size,
                compression_level: options.compression_level,
            },
        );
        Ok(Self { path: path.to_owned(), grid: grid.clone(), options, pyramid, spool: Spool { file, len: 0 }, rows: 0 })
    }

    /// Appends whole rows, any number at a time.
    ///
    /// # Shapes
    /// - `bands`: one entry per band, each `[rows, width]` with the same number of rows
    pub fn write_rows(&mut self, bands: &[Pixels]) -> Result<()> {
        let pixels = bands.first().map_or(0, Pixels::len);
        let rows = pixels / self.grid.width;
        let kind = self.options.data_type;
        if bands.len() != self.options.bands.len()
            || bands.iter().any(|band| band.len() != rows * self.grid.width || band.data_type() != kind)
        {
            let given = bands.iter().map(|band| format!("{} of {:?}", band.len(), band.data_type()));
            return Err(self.error(format!(
                "rows must be whole: {} bands of {kind:?}, all of the same length, a multiple of {}; got {}",
                self.options.bands.len(),
                self.grid.width,
                given.collect::<Vec<_>>().join(", "),
            )));
        }
        if self.rows + rows > self.grid.height {
            return Err(self
                .error(format!("more rows than the {} it has: {} written, then {rows}", self.grid.height, self.rows)));
        }
        self.rows += rows;
        self.pyramid.push(bands, &mut self.spool).map_err(|error| write_error(&self.path, error))
    }

    /// Assembles the file. All rows must have been written. On failure it leaves no file.
    pub fn finish(mut self) -> Result<()> {
        if self.rows != self.grid.height {
            return Err(self.error(format!("{} of its {} rows were written", self.rows, self.grid.height)));
        }
        let path = std::mem::take(&mut self.path);
        let assembled = File::create(&path).and_then(|file| {
            self.assemble(file).inspect_err(|_| {
                // Report the first error.
                let _ = std::fs::remove_file(&path);
            })
        });
        assembled.map_err(|error| write_error(&path, error))
    }

    fn assemble(mut self, file: File) -> io::Result<()> {
        let levels = self.pyramid.into_levels();
        let header = layout::header(&Directory::new(&self.grid, &self.options), &levels);
        let mut out = BufWriter::with_capacity(1 << 20, file);
        out.write_all(&header)?;
        for LevelBlocks { runs, .. } in levels.iter().rev() {
            for run in runs {
                self.spool.file.seek(SeekFrom::Start(run.start))?;
                let copied = io::copy(&mut (&mut self.spool.file).take(run.end - run.start), &mut out)?;
                if copied != run.end - run.start {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the temporary file was cut short"));
                }
            }
        }
        out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(())
    }

    fn error(&self, reason: String) -> Error {
        Error::raster_write(&self.path, reason)
    }
}

fn write_error(path: &Path, error: io::Error) -> Error {
    Error::raster_write(path, "").caused_by(error)
}
