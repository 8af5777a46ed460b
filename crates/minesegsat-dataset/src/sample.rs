//! Samples as the network sees them: [`SampleReader`].

use std::path::PathBuf;
use std::sync::Arc;

use super::mask::Mask;
use super::{Dataset, Origin, SampleRecord};
use minesegsat_core::model_description::BandNormalisation;
use minesegsat_core::resample::SignedWindow;
use minesegsat_core::{Band, Error, GeoTransform, Grid, Result, Window};
use minesegsat_io::raster::{Georeference, open_image};
use minesegsat_io::{Location, RasterInfo, RasterSource, open_raster};
use minesegsat_scene::BandRadiometry;
use minesegsat_scene::patch::{Patch, PatchReader, SampleBand, Validity};

/// A sample or a window of a sample.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplePatch {
    /// `[C, H, W]`, normalised reflectance.
    pub data: Vec<f32>,
    /// `[H, W]`, classes of the labels. The set's `ignore` value marks pixels without a label, without data or under
    /// cloud.
    pub mask: Vec<u8>,
    /// Height and width.
    pub size: (usize, usize),
}

/// A sample in digital numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct RawSample {
    /// `[C, H, W]`.
    pub data: Vec<i16>,
    /// `[H, W]`, classes of the labels.
    pub mask: Vec<u8>,
    /// Height and width.
    pub size: (usize, usize),
}

/// Reads the samples of a data set. Several threads may read at once.
#[derive(Debug, Clone)]
pub struct SampleReader {
    dataset: Arc<Dataset>,
    bands: Vec<Band>,
    normalisation: Vec<BandNormalisation>,
}

impl SampleReader {
    /// Creates a reader of `bands`, in this order, with one normalisation per band. Returns an error that names the
    /// bands missing from the set. The channel of a band that a sample lacks is 0.
    pub fn new(dataset: Arc<Dataset>, bands: &[Band], normalisation: &[BandNormalisation]) -> Result<Self> {
        assert_eq!(bands.len(), normalisation.len(), "one normalisation per band");
        let found = &dataset.card().bands;
        let missing: Vec<Band> = bands.iter().copied().filter(|band| !found.contains(band)).collect();
        if !missing.is_empty() || bands.is_empty() {
            return Err(Error::MissingBands {
                scene: dataset.folder().display().to_string(),
                missing,
                found: found.clone(),
            });
        }
        Ok(Self { dataset, bands: bands.to_vec(), normalisation: normalisation.to_vec() })
    }

    /// Bands in the order of the channels.
    pub fn bands(&self) -> &[Band] {
        &self.bands
    }

    /// The data set.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// Opens the files of a sample.
    pub fn open(&self, sample: &SampleRecord) -> Result<OpenSample> {
        OpenSample::new(&self.dataset, sample, &self.bands, &self.normalisation)
    }

    /// Reads a whole sample.
    pub fn read(&self, sample: &SampleRecord) -> Result<SamplePatch> {
        let open = self.open(sample)?;
        let window = open.grid().full_window();
        open.read(window.into())
    }

    /// Reads a whole sample in digital numbers as the paper does. Bands are stacked in the reader's order. Coarse bands
    /// are enlarged with OpenCV's cubic kernel and rounded. All values are cast to signed 16-bit integers, so numbers
    /// above 32767 become negative.
    pub fn read_raw_int16(&self, sample: &SampleRecord) -> Result<RawSample> {
        let identity = vec![BandNormalisation::IDENTITY; self.bands.len()];
        let unscaled = SampleRecord { scale: Some(1.0), offset_dn: Some(0.0), ..sample.clone() };
        let open = OpenSample::new(&self.dataset, &unscaled, &self.bands, &identity)?;
        let window = open.grid().full_window();
        let patch = open.reader.read(window.into())?;
        let mask = open.mask_values(window.into())?;
        let data = patch.data.iter().map(|&dn| dn as i64 as i16).collect();
        Ok(RawSample { data, mask, size: (window.height, window.width) })
    }
}

/// A sample whose files are open.
#[derive(Debug)]
pub struct OpenSample {
    reader: PatchReader,
    mask: Mask,
    ignore: u8,
}

impl OpenSample {
    fn new(
        dataset: &Dataset,
        sample: &SampleRecord,
        bands: &[Band],
        normalisation: &[BandNormalisation],
    ) -> Result<Self> {
        let mut opened: Vec<Option<SampleBand>> = Vec::new();
        let mut last: Option<(PathBuf, Arc<dyn RasterSource>)> = None;
        let mut finest: Option<(RasterInfo, Georeference)> = None;
        let present = dataset.bands_of(sample);
        if !bands.iter().any(|band| present.contains(band)) {
            return Err(Error::MissingBands {
                scene: dataset.root().join(&sample.data_path).display().to_string(),
                missing: bands.to_vec(),
                found: present.to_vec(),
            });
        }
        for &band in bands {
            if !present.contains(&band) {
                opened.push(None);
                continue;
            }
            let (path, index) = dataset.band_file(sample, band)?;
            let source = match &last {
                Some((known, source)) if *known == path => Arc::clone(source),
                _ => {
                    let (source, georeference) = open_image(&Location::from(path.as_path()))?;
                    if finest.as_ref().is_none_or(|(other, _)| source.info().grid.width > other.grid.width) {
                        finest = Some((source.info().clone(), georeference));
                    }
                    source
                }
            };
            if index >= source.info().band_names.len() {
                return Err(Error::raster(
                    path.display().to_string(),
                    format!(
                        "it has {} bands, but {band} should be number {}",
                        source.info().band_names.len(),
                        index + 1
                    ),
                ));
            }
            let info = source.info();
            let radiometry = dataset.radiometry(sample, info);
            last = Some((path, Arc::clone(&source)));
            let grid = info.grid.clone();
            opened.push(Some(SampleBand { band, source, index, radiometry, grid }));
        }
        if dataset.card().origin == Origin::Paper {
            // As in the paper's loader, images are enlarged by their sizes in pixels; their georeference is ignored.
            let sizes = opened.iter().flatten().map(|band| (band.grid.width, band.grid.height));
            let (width, height) = sizes.max().unwrap_or((1, 1));
            for SampleBand { grid, .. } in opened.iter_mut().flatten() {
                grid.transform = GeoTransform {
                    origin_x: 0.0,
                    origin_y: 0.0,
                    pixel_width: width as f64 / grid.width as f64,
                    pixel_height: -(height as f64 / grid.height as f64),
                };
            }
        }
        let classification =
            dataset.classification_file(sample).map(|path| open_raster(&Location::from(path))).transpose()?;
        let reader = PatchReader::of_rasters(opened, classification, normalisation)?;
        let mask = dataset.mask(sample)?;
        if let Some((image, georeference)) = &finest {
            mask.check_grid(image, georeference)?;
        }
        Ok(Self { reader, mask, ignore: dataset.card().ignore })
    }

    /// The grid of the finest band and the mask.
    pub fn grid(&self) -> &Grid {
        self.reader.grid()
    }

    /// Reads a window, which may extend beyond the sample. Pixels outside repeat the edge and are marked as ignored.
    pub fn read(&self, window: SignedWindow) -> Result<SamplePatch> {
        let Patch { data, validity } = self.reader.read(window)?;
        let mut mask = self.mask_values(window)?;
        for (value, state) in mask.iter_mut().zip(&validity) {
            if *state != Validity::Assessable as u8 {
                *value = self.ignore;
            }
        }
        Ok(SamplePatch { data, mask, size: (window.height, window.width) })
    }

    /// Reads a window in digital numbers, with the validity of its pixels.
    pub(super) fn numbers(&self, window: SignedWindow) -> Result<Patch> {
        self.reader.read_numbers(window)
    }

    /// Conversion of each channel's digital numbers to reflectance.
    pub(super) fn radiometry(&self) -> Vec<BandRadiometry> {
        self.reader.radiometry()
    }

    /// Reads the classes of a window, also under clouds. Pixels outside the sample get the ignored value.
    pub(super) fn mask_values(&self, window: SignedWindow) -> Result<Vec<u8>> {
        let mut out = vec![self.ignore; window.width * window.height];
        let grid = &self.mask.info().grid;
        let clip = |at: i64, len: usize, max: usize| {
            let (start, end) = (at.clamp(0, max as i64), (at + len as i64).clamp(0, max as i64));
            (start as usize, (end - start) as usize)
        };
        let (col, width) = clip(window.col, window.width, grid.width);
        let (row, height) = clip(window.row, window.height, grid.height);
        if width == 0 || height == 0 {
            return Ok(out);
        }
        let classes = self.mask.classes(Window::new(col, row, width, height))?;
        let shift = (col as i64 - window.col, row as i64 - window.row);
        for r in 0..height {
            let line = &mut out[(r + shift.1 as usize) * window.width + shift.0 as usize..][..width];
            line.copy_from_slice(&classes[r * width..][..width]);
        }
        Ok(out)
    }
}
