//! Cloud Optimized GeoTIFFs, written row by row in bounded memory: [`CogWriter`].
//!
//! The layout is that of GDAL's COG driver: header, GDAL's structural metadata, one directory per level (full resolution
//! first), then the blocks, smallest overview first. As the full resolution comes last in the file but first from the
//! caller, compressed blocks wait in an unnamed temporary file beside the output and are copied into place at the end.
//! In memory is one row of blocks per level, which is about two rows of blocks of the full resolution.

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

use crate::{DataType, Error, Grid, Pixels, Result};
use layout::{Directory, LevelBlocks};
use pyramid::{Pyramid, PyramidSettings};

/// Value of a mask where a pixel could not be assessed (cloud, no data).
pub const MASK_NODATA: u8 = 255;

/// Colours of a mask, red, green and blue by value: nothing found is near black, mining is red.
///
/// Palettes have no opacity in TIFF; GDAL and its users show the nodata value as transparent.
pub const MASK_PALETTE: [[u8; 3]; 2] = [[24, 24, 24], [227, 26, 28]];

/// Compressed blocks up to so many bytes wait in memory, more in a temporary file.
const SPOOL_IN_MEMORY: usize = 4 << 20;

/// How a pixel of an overview is made from the pixels below it in the next finer level.
///
/// Overviews halve the size, rounded down as GDAL's COG driver does; where the size is odd a pixel covers between two
/// and three pixels each way and the covered parts are its weights. Missing pixels (the nodata value, NaN) have no
/// weight; where all are missing the result is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OverviewResampling {
    /// Weighted mean of the pixels that are there; integers are rounded half up.
    #[default]
    Average,
    /// The value that covers most of the area among the pixels that are there; between equals the larger value, so that
    /// narrow mines do not fade from a mask.
    Mode,
    /// The pixel at the upper left, missing or not.
    Nearest,
}

/// What a file says of one of its bands.
#[derive(Debug, Clone, PartialEq)]
pub struct BandMeta {
    /// Name of the band, which GDAL calls its description; none is written where it is empty.
    pub name: String,
    /// A sentence on the band, written as its metadata item `LONG_NAME`.
    pub description: Option<String>,
    /// Physical value = stored value x scale + offset; not written where it is 1.
    pub scale: f64,
    /// See `scale`; not written where it is 0.
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

/// How a [`CogWriter`] writes; the default is one band of f32 with NaN as nodata.
#[derive(Debug, Clone, PartialEq)]
pub struct CogOptions {
    /// Element type of all bands.
    pub data_type: DataType,
    /// Value of missing pixels; must be a value of the element type. NaN is always missing in f32.
    pub nodata: Option<f64>,
    /// The bands, in order; their number is the file's.
    pub bands: Vec<BandMeta>,
    /// Whether smaller copies are written for rasters wider or higher than a block. Without them the file is no COG.
    pub overviews: bool,
    /// How overviews are made.
    pub overview_resampling: OverviewResampling,
    /// Free items of the dataset (key, value).
    pub metadata: Vec<(String, String)>,
    /// Width and height of the blocks in pixels, a multiple of 16 up to 4096.
    pub block_size: usize,
    /// DEFLATE level, 1 (fast) to 9 (small).
    pub compression_level: u32,
    /// Colours (red, green, blue) of the values from 0 on, for one band of u8; values without a colour are black.
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
    /// Options of a mask: one band of u8 with [`MASK_NODATA`] and [`MASK_PALETTE`], overviews by the mode.
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

/// Compressed blocks on their way into the file, in the order in which they were made.
#[derive(Debug)]
struct Spool {
    /// In memory while it is small.
    file: SpooledTempFile,
    len: u64,
}

impl Spool {
    /// Appends bytes and says where they begin.
    fn append(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let start = self.len;
        self.file.write_all(bytes)?;
        self.len += bytes.len() as u64;
        Ok(start)
    }
}

/// Writes a Cloud Optimized GeoTIFF from rows that arrive from top to bottom.
///
/// The bytes of the file depend on the pixels and the options alone: neither on the number of threads nor on how the
/// rows are divided among calls. The file itself is created by [`CogWriter::finish`]; a writer that is dropped before
/// leaves nothing behind.
///
/// ```
/// use minesegsat::{Crs, GeoTransform, Grid, Pixels, cog::{CogOptions, CogWriter}};
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
        let fail = |reason: String| Error::RasterWrite { path: path.to_owned(), reason };
        let side = 1..=usize::try_from(u32::MAX / 2).unwrap_or(usize::MAX);
        if !side.contains(&grid.width) || !side.contains(&grid.height) {
            return Err(fail(format!("{} x {} pixels is not a size of a TIFF", grid.width, grid.height)));
        }
        if path.is_dir() {
            return Err(fail("it is a folder".to_owned()));
        }
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            return Err(fail(format!("there is no folder {}", folder.display())));
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
        self.pyramid.push(bands, &mut self.spool).map_err(|error| write_error(&self.path, &error))
    }

    /// Puts the file together. All rows must have been written; no file is left where it fails.
    pub fn finish(mut self) -> Result<()> {
        if self.rows != self.grid.height {
            return Err(self.error(format!("{} of its {} rows were written", self.rows, self.grid.height)));
        }
        let path = std::mem::take(&mut self.path);
        let assembled = File::create(&path).and_then(|file| {
            self.assemble(file).inspect_err(|_| {
                // The first error is the one to tell.
                let _ = std::fs::remove_file(&path);
            })
        });
        assembled.map_err(|error| write_error(&path, &error))
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
        Error::RasterWrite { path: self.path.clone(), reason }
    }
}

fn write_error(path: &Path, error: &io::Error) -> Error {
    Error::RasterWrite { path: path.to_owned(), reason: error.to_string() }
}
