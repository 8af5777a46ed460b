//! Patches for the network: all bands on the 10 m grid as normalised reflectance, with the validity of each pixel.

use minesegsat_core::model_description::BandNormalisation;
use std::sync::Arc;

use crate::{BandRadiometry, MaskOptions, Scene, is_assessable};
use minesegsat_core::{
    Band, Error, Grid, Result, Window,
    resample::{Resampler, SignedWindow, round_to_u16},
};
use minesegsat_io::{Pixels, RasterSource};

/// Validity of a pixel: assessable, or the reason why not. One byte per pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Validity {
    /// Every band has a value, and the classification (if present) does not exclude the pixel.
    Assessable = 0,
    /// A band has no data here, or the pixel lies outside the scene.
    NoData = 1,
    /// Cloud, cloud shadow or another class that hides the ground.
    Masked = 2,
    /// Outside the area of interest.
    Outside = 3,
}

/// One patch.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    /// `[C, H, W]`, normalised reflectance in the reader's band order.
    pub data: Vec<f32>,
    /// `[H, W]`, [`Validity`] as bytes.
    pub validity: Vec<u8>,
}

/// One band and its reading parameters for the reference grid.
#[derive(Debug, Clone)]
struct BandPlan {
    band: Band,
    source: Arc<dyn RasterSource>,
    index: usize,
    resampler: Resampler,
    radiometry: BandRadiometry,
    normalisation: BandNormalisation,
}

/// A band of a raster that is not part of a scene, such as a sample of a data set.
#[derive(Debug)]
pub struct SampleBand {
    /// The band.
    pub band: Band,
    /// The raster that holds it.
    pub source: Arc<dyn RasterSource>,
    /// Its index in the raster, from 0.
    pub index: usize,
    /// Conversion of its digital numbers to reflectance.
    pub radiometry: BandRadiometry,
    /// Grid of its pixels.
    pub grid: Grid,
}

/// Pixels as float32, and the limits that the resampled values are clamped to (integers only).
fn to_f32(pixels: Pixels) -> (Vec<f32>, Option<(f32, f32)>) {
    match pixels {
        Pixels::U8(v) => (v.into_iter().map(f32::from).collect(), Some((0.0, 255.0))),
        Pixels::U16(v) => (v.into_iter().map(f32::from).collect(), Some((0.0, 65_535.0))),
        Pixels::I16(v) => (v.into_iter().map(f32::from).collect(), Some((-32_768.0, 32_767.0))),
        Pixels::F32(v) => (v, None),
    }
}

impl BandPlan {
    /// Reads digital numbers on the reference grid, `[H, W]`, and marks missing pixels in `validity`.
    fn read(&self, window: SignedWindow, validity: Option<&mut [u8]>, out: &mut [f32]) -> Result<()> {
        let from = self.resampler.source_window(window);
        let (mut values, limits) = to_f32(self.source.read(self.index, from)?);
        let missing = |v: f32| self.radiometry.is_nodata(v);
        if values.iter().any(|&v| missing(v)) {
            if let Some(validity) = validity {
                let flags: Vec<bool> = values.iter().map(|&v| missing(v)).collect();
                for (state, flag) in validity.iter_mut().zip(self.resampler.nearest(&flags, window)) {
                    if flag {
                        *state = Validity::NoData as u8;
                    }
                }
            }
            // A large nodata value or NaN must not spread to its neighbours through the kernel.
            for value in values.iter_mut().filter(|v| missing(**v)) {
                *value = 0.0;
            }
        }
        if self.resampler.is_identity() && from.width == window.width && from.height == window.height {
            out.copy_from_slice(&values);
            return Ok(());
        }
        self.resampler.cubic(&values, window, out);
        match limits {
            Some((0.0, 65_535.0)) => {
                for value in out {
                    *value = f32::from(round_to_u16(*value));
                }
            }
            Some((low, high)) => {
                for value in out {
                    *value = value.round_ties_even().clamp(low, high);
                }
            }
            None => {}
        }
        Ok(())
    }
}

/// Reads patches of a scene. Several threads can read at the same time.
#[derive(Debug, Clone)]
pub struct PatchReader {
    grid: Grid,
    bands: Vec<BandPlan>,
    /// Channel of each band. Channels of absent bands lie in between.
    channels: Vec<usize>,
    /// Number of channels.
    count: usize,
    classification: Option<(Arc<dyn RasterSource>, usize, Resampler)>,
    mask: MaskOptions,
}

impl PatchReader {
    /// Creates a reader of `bands`, in this order, on the scene's reference grid. Needs one normalisation per band.
    pub fn new(scene: &Scene, bands: &[Band], normalisation: &[BandNormalisation]) -> Result<Self> {
        Self::with_absent(scene, bands, normalisation, &[])
    }

    /// Like [`PatchReader::new`], but the scene may lack the bands `absent`. Their channels are 0, like the channels
    /// of bands dropped in training.
    pub fn with_absent(
        scene: &Scene,
        bands: &[Band],
        normalisation: &[BandNormalisation],
        absent: &[Band],
    ) -> Result<Self> {
        assert_eq!(bands.len(), normalisation.len(), "one normalisation per band");
        let present: Vec<Band> = bands.iter().copied().filter(|band| !absent.contains(band)).collect();
        scene.require(&present)?;
        let grid = scene.grid().clone();
        let resampler = |native: &Grid| {
            Resampler::new(&native.transform, (native.width, native.height), &grid.transform, (grid.width, grid.height))
        };
        let plan = |(&band, &normalisation): (&Band, &BandNormalisation)| {
            let found = scene.band(band).ok_or_else(|| Error::MissingBands {
                scene: scene.location().to_owned(),
                missing: vec![band],
                found: scene.bands(),
            })?;
            let radiometry = scene.radiometry().bands.get(&band).copied();
            Ok(BandPlan {
                band,
                source: Arc::clone(&found.source),
                index: found.index,
                resampler: resampler(&found.grid)?,
                radiometry: radiometry.ok_or_else(|| {
                    Error::scene(scene.location(), format!("scale and offset of band {band} are unknown"))
                })?,
                normalisation,
            })
        };
        let count = bands.len();
        let channels: Vec<usize> = (0..count).filter(|&channel| !absent.contains(&bands[channel])).collect();
        let plans = channels.iter().map(|&channel| plan((&bands[channel], &normalisation[channel])));
        let bands = plans.collect::<Result<Vec<_>>>()?;
        let classification = scene
            .mask_source()
            .map(|(source, index)| {
                let resampler = resampler(&source.info().grid)?;
                Ok::<_, Error>((source, index, resampler))
            })
            .transpose()?;
        Ok(Self { grid, bands, channels, count, classification, mask: scene.mask_options() })
    }

    /// Creates a reader of rasters without a scene: the bands of a sample, of which one at least is there. The channel of an
    /// absent band is 0. The reference grid is that of the finest band.
    pub fn of_rasters(
        bands: Vec<Option<SampleBand>>,
        classification: Option<Arc<dyn RasterSource>>,
        normalisation: &[BandNormalisation],
    ) -> Result<Self> {
        assert!(bands.len() == normalisation.len(), "one normalisation per band");
        let finest = bands.iter().flatten().map(|band| &band.grid);
        let grid = finest.min_by(|a, b| a.transform.pixel_width.total_cmp(&b.transform.pixel_width)).cloned();
        let grid = grid.expect("there are bands");
        let resampler = |native: &Grid| {
            Resampler::new(&native.transform, (native.width, native.height), &grid.transform, (grid.width, grid.height))
        };
        let plan = |(band, &normalisation): (SampleBand, &BandNormalisation)| {
            let resampler = resampler(&band.grid)?;
            let SampleBand { band, source, index, radiometry, .. } = band;
            Ok(BandPlan { band, source, index, resampler, radiometry, normalisation })
        };
        let count = bands.len();
        let channels = (0..count).filter(|&channel| bands[channel].is_some()).collect();
        let present =
            bands.into_iter().zip(normalisation).filter_map(|(band, normalisation)| Some((band?, normalisation)));
        let bands = present.map(plan).collect::<Result<Vec<_>>>()?;
        let classification = classification
            .map(|source| {
                let resampler = resampler(&source.info().grid)?;
                Ok::<_, Error>((source, 0, resampler))
            })
            .transpose()?;
        Ok(Self { grid, bands, channels, count, classification, mask: MaskOptions::default() })
    }

    /// Whether a band can be read.
    pub fn has(&self, band: Band) -> bool {
        self.bands.iter().any(|plan| plan.band == band)
    }

    /// The grid of the patches.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Reads one patch. The window starts at the corner of the scene's grid and may extend beyond it. Pixels outside
    /// repeat the edge and are [`Validity::NoData`].
    pub fn read(&self, window: SignedWindow) -> Result<Patch> {
        let mut patch = self.read_numbers(window)?;
        let pixels = window.width * window.height;
        for (plan, &channel) in self.bands.iter().zip(&self.channels) {
            for value in &mut patch.data[channel * pixels..][..pixels] {
                *value = (plan.radiometry.reflectance(*value) - plan.normalisation.offset) / plan.normalisation.divisor;
            }
        }
        Ok(patch)
    }

    /// Reads one patch in digital numbers; [`PatchReader::radiometry`] converts them.
    pub fn read_numbers(&self, window: SignedWindow) -> Result<Patch> {
        let pixels = window.width * window.height;
        let mut validity = vec![Validity::Assessable as u8; pixels];
        self.classify(window, &mut validity)?;
        let mut data = vec![0.0; self.count * pixels];
        for (plan, &channel) in self.bands.iter().zip(&self.channels) {
            let channel = &mut data[channel * pixels..][..pixels];
            plan.read(window, Some(&mut validity), channel)?;
        }
        self.outside(window, &mut validity);
        Ok(Patch { data, validity })
    }

    /// Conversion to reflectance for each channel. The numbers of an absent band are 0, and so is their reflectance.
    pub fn radiometry(&self) -> Vec<BandRadiometry> {
        let mut all = vec![BandRadiometry { offset_dn: 0.0, ..BandRadiometry::USUAL }; self.count];
        for (plan, &channel) in self.bands.iter().zip(&self.channels) {
            all[channel] = plan.radiometry;
        }
        all
    }

    /// Reflectance of one of the reader's bands in a window, `[H, W]`.
    pub fn reflectance(&self, band: Band, window: Window) -> Result<Vec<f32>> {
        let plan = self.bands.iter().find(|plan| plan.band == band);
        let plan = plan.unwrap_or_else(|| panic!("the reader was not made for band {band}"));
        let mut out = vec![0.0; window.len()];
        plan.read(window.into(), None, &mut out)?;
        for value in &mut out {
            *value = plan.radiometry.reflectance(*value);
        }
        Ok(out)
    }

    fn classify(&self, window: SignedWindow, validity: &mut [u8]) -> Result<()> {
        let Some((source, index, resampler)) = &self.classification else { return Ok(()) };
        let pixels = source.read(*index, resampler.source_window(window))?;
        let classes: Vec<u8> = (0..pixels.len()).map(|i| pixels.get(i) as u8).collect();
        for (state, class) in validity.iter_mut().zip(resampler.nearest(&classes, window)) {
            if class == 0 {
                *state = Validity::NoData as u8;
            } else if !is_assessable(class, self.mask) {
                *state = Validity::Masked as u8;
            }
        }
        Ok(())
    }

    fn outside(&self, window: SignedWindow, validity: &mut [u8]) {
        for (r, line) in validity.chunks_exact_mut(window.width).enumerate() {
            let row = window.row + r as i64;
            if row < 0 || row >= self.grid.height as i64 {
                line.fill(Validity::NoData as u8);
                continue;
            }
            for (c, state) in line.iter_mut().enumerate() {
                let col = window.col + c as i64;
                if col < 0 || col >= self.grid.width as i64 {
                    *state = Validity::NoData as u8;
                }
            }
        }
    }
}
