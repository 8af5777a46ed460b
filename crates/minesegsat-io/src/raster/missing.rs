//! Missing pixels that a file does not mark by its nodata value: masks, and values that nobody declared. Reading replaces
//! them with one value, so that every user of the raster sees missing pixels in the same way.

use std::sync::Arc;

use super::{DataType, Location, Pixels, RasterInfo, RasterSource};
use minesegsat_core::{Error, Result, Window};

/// A validity mask of a raster. A pixel is missing where the mask is 0, as in GDAL (RFC 15).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RasterMask {
    /// A mask in the same file (TIFF, NewSubfileType 4).
    Internal,
    /// A file beside the raster: `B04.tif.msk`.
    SideCar(Location),
    /// A band of the raster, counted from 0: its alpha band, or the band `dataMask` of Sentinel Hub.
    Band(usize),
}

/// Pixel values that stand for missing pixels although the file does not declare them.
#[derive(Debug, Clone, PartialEq)]
pub struct MissingValues {
    /// Exact values.
    pub values: Vec<f64>,
    /// Smallest and largest value of a pixel that is not missing.
    pub range: (f64, f64),
}

impl MissingValues {
    /// The raster with these values replaced by one value that means missing.
    pub fn removed_from(&self, source: Arc<dyn RasterSource>) -> Arc<dyn RasterSource> {
        let values = self.values.iter().map(|&v| v as f32).collect();
        let range = (self.range.0 as f32, self.range.1 as f32);
        Arc::new(CleanRaster::new(source, Rule::Values { values, range }))
    }
}

/// The value of missing pixels of a raster: its nodata value if its pixels can have it, else 0, or NaN in floating point.
pub(super) fn missing_value(info: &RasterInfo) -> f64 {
    let fits = |low: f64, high: f64| info.nodata.filter(|v| v.fract() == 0.0 && (low..=high).contains(v));
    match info.data_type {
        DataType::U8 => fits(0.0, 255.0).unwrap_or(0.0),
        DataType::U16 => fits(0.0, 65_535.0).unwrap_or(0.0),
        DataType::I16 => fits(-32_768.0, 32_767.0).unwrap_or(0.0),
        DataType::F32 => info.nodata.unwrap_or(f64::NAN),
    }
}

/// The raster with the pixels replaced where `mask` is 0. `kind` says which mask it is. A mask has one band, or one per band
/// of the raster.
pub(super) fn masked(
    source: Arc<dyn RasterSource>,
    kind: RasterMask,
    mask: Arc<dyn RasterSource>,
) -> Result<Arc<dyn RasterSource>> {
    let (grid, found) = (&source.info().grid, &mask.info().grid);
    let bands = mask.info().band_names.len();
    if (grid.width, grid.height) != (found.width, found.height) {
        let reason = format!(
            "its mask{} has {}x{} pixels, the image {}x{}",
            if let RasterMask::SideCar(file) = &kind { format!(" {file}") } else { String::new() },
            found.width,
            found.height,
            grid.width,
            grid.height
        );
        return Err(Error::raster(source.info().location.clone(), reason));
    }
    let per_band = !matches!(kind, RasterMask::Band(_)) && bands > 1 && bands == source.info().band_names.len();
    let mut clean = CleanRaster::new(source, Rule::Mask { mask, kind: kind.clone(), per_band });
    clean.info.mask = Some(kind);
    // 8-bit rasters are classes or pictures, where 0 may have another meaning.
    if clean.info.data_type != DataType::U8 {
        clean.info.nodata = Some(clean.missing);
    }
    Ok(Arc::new(clean))
}

/// The raster with this description, which may state what its file does not, and with further values of missing pixels.
pub(super) fn described(source: Arc<dyn RasterSource>, info: RasterInfo, missing: &[f64]) -> Arc<dyn RasterSource> {
    let known = source.info();
    let is_known = known.band_names == info.band_names && known.scale_offset == info.scale_offset;
    if missing.is_empty() && is_known {
        return source;
    }
    let values = missing.iter().map(|&v| v as f32).collect();
    let mut clean = CleanRaster::new(source, Rule::Values { values, range: (f32::NEG_INFINITY, f32::INFINITY) });
    clean.info = info;
    // The nodata value of the file stays. Without one, the first of these values becomes it.
    if let (None, [first, ..]) = (clean.info.nodata, missing) {
        clean.info.nodata = Some(*first);
        clean.missing = missing_value(&clean.info);
        if clean.info.data_type != DataType::F32 {
            clean.info.nodata = Some(clean.missing);
        }
    }
    Arc::new(clean)
}

/// A raster whose missing pixels all have the same value.
#[derive(Debug)]
struct CleanRaster {
    source: Arc<dyn RasterSource>,
    info: RasterInfo,
    /// Value of missing pixels.
    missing: f64,
    rule: Rule,
}

#[derive(Debug)]
enum Rule {
    Values { values: Vec<f32>, range: (f32, f32) },
    Mask { mask: Arc<dyn RasterSource>, kind: RasterMask, per_band: bool },
}

impl CleanRaster {
    fn new(source: Arc<dyn RasterSource>, rule: Rule) -> Self {
        let info = source.info().clone();
        Self { missing: missing_value(&info), source, info, rule }
    }

    /// Replaces the pixels of which `is_missing` is true for their index and value.
    fn replace(&self, pixels: &mut Pixels, is_missing: impl Fn(usize, f32) -> bool) {
        fn run<T: Copy + Into<f32>>(values: &mut [T], missing: T, is_missing: impl Fn(usize, f32) -> bool) {
            for (i, value) in values.iter_mut().enumerate() {
                if is_missing(i, (*value).into()) {
                    *value = missing;
                }
            }
        }
        match pixels {
            Pixels::U8(values) => run(values, self.missing as u8, is_missing),
            Pixels::U16(values) => run(values, self.missing as u16, is_missing),
            Pixels::I16(values) => run(values, self.missing as i16, is_missing),
            Pixels::F32(values) => run(values, self.missing as f32, is_missing),
        }
    }
}

impl RasterSource for CleanRaster {
    fn info(&self) -> &RasterInfo {
        &self.info
    }

    fn read(&self, band: usize, window: Window) -> Result<Pixels> {
        let mut pixels = self.source.read(band, window)?;
        match &self.rule {
            Rule::Values { values, range: (low, high) } => {
                self.replace(&mut pixels, |_, v| !(*low..=*high).contains(&v) || values.contains(&v));
            }
            // The mask itself has no missing pixels.
            Rule::Mask { kind: RasterMask::Band(own), .. } if *own == band => {}
            Rule::Mask { mask, kind, per_band } => {
                let of = match kind {
                    RasterMask::Band(own) => *own,
                    _ if *per_band => band,
                    _ => 0,
                };
                match mask.read(of, window)? {
                    Pixels::U8(mask) => self.replace(&mut pixels, |i, _| mask[i] == 0),
                    Pixels::U16(mask) => self.replace(&mut pixels, |i, _| mask[i] == 0),
                    Pixels::I16(mask) => self.replace(&mut pixels, |i, _| mask[i] == 0),
                    // NaN in a mask is no sign of a valid pixel.
                    Pixels::F32(mask) => self.replace(&mut pixels, |i, _| mask[i] == 0.0 || mask[i].is_nan()),
                }
            }
        }
        Ok(pixels)
    }

    fn check_is_whole(&self, decodes: bool) -> Result<()> {
        self.source.check_is_whole(decodes)?;
        match &self.rule {
            Rule::Mask { mask, kind: RasterMask::Internal, .. } => mask.check_is_whole(decodes),
            _ => Ok(()),
        }
    }

    /// Overviews that have a mask of their size too. Others are left out: their pixels are means with what is missing.
    fn overviews(&self) -> Result<Vec<Arc<dyn RasterSource>>> {
        let found = self.source.overviews()?;
        Ok(match &self.rule {
            Rule::Values { values, range } => {
                let rule = || Rule::Values { values: values.clone(), range: *range };
                let reduced = |raster: Arc<dyn RasterSource>| -> Arc<dyn RasterSource> {
                    let mut clean = Self::new(raster, rule());
                    // The overview lacks what the files beside it say.
                    clean.info.nodata = self.info.nodata;
                    clean.info.band_names.clone_from(&self.info.band_names);
                    clean.info.scale_offset.clone_from(&self.info.scale_offset);
                    Arc::new(Self { missing: self.missing, ..clean })
                };
                found.into_iter().map(reduced).collect()
            }
            Rule::Mask { kind: kind @ RasterMask::Band(_), .. } => found
                .into_iter()
                .map(|raster| masked(Arc::clone(&raster), kind.clone(), raster))
                .collect::<Result<_>>()?,
            Rule::Mask { mask, kind, .. } => {
                let masks = mask.overviews()?;
                let size = |raster: &Arc<dyn RasterSource>| (raster.info().grid.width, raster.info().grid.height);
                let both = |raster: Arc<dyn RasterSource>| {
                    let mask = masks.iter().find(|mask| size(mask) == size(&raster))?;
                    Some(masked(raster, kind.clone(), Arc::clone(mask)))
                };
                found.into_iter().filter_map(both).collect::<Result<_>>()?
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minesegsat_core::{Crs, GeoTransform, Grid};

    #[derive(Debug)]
    struct Fixed(RasterInfo, Vec<Pixels>);

    impl RasterSource for Fixed {
        fn info(&self) -> &RasterInfo {
            &self.0
        }

        fn read(&self, band: usize, window: Window) -> Result<Pixels> {
            assert_eq!(window, self.0.grid.full_window());
            Ok(self.1[band].clone())
        }
    }

    fn raster(nodata: Option<f64>, bands: Vec<Pixels>) -> Arc<dyn RasterSource> {
        let transform = GeoTransform::north_up(0.0, 0.0, 10.0);
        let grid = Grid { crs: Crs::from_epsg(32610).unwrap(), transform, width: bands[0].len(), height: 1 };
        let info = RasterInfo {
            location: "test".to_owned(),
            grid,
            data_type: bands[0].data_type(),
            nodata,
            band_names: vec![None; bands.len()],
            scale_offset: vec![None; bands.len()],
            block_size: (bands[0].len(), 1),
            mask: None,
        };
        Arc::new(Fixed(info, bands))
    }

    fn read(raster: &Arc<dyn RasterSource>, band: usize) -> Pixels {
        raster.read(band, raster.info().grid.full_window()).unwrap()
    }

    #[test]
    fn masked_pixels_get_the_nodata_value_of_the_raster() {
        let mask = || raster(None, vec![Pixels::U8(vec![0, 255, 1])]);
        let cases = [
            (None, Pixels::U16(vec![7, 8, 9]), Pixels::U16(vec![0, 8, 9]), Some(0.0)),
            (Some(-9999.0), Pixels::U16(vec![7, 8, 9]), Pixels::U16(vec![0, 8, 9]), Some(0.0)),
            (Some(-9999.0), Pixels::I16(vec![7, 8, 9]), Pixels::I16(vec![-9999, 8, 9]), Some(-9999.0)),
            (Some(-1.5), Pixels::F32(vec![7.0, 8.0, 9.0]), Pixels::F32(vec![-1.5, 8.0, 9.0]), Some(-1.5)),
        ];
        for (nodata, pixels, expected, stated) in cases {
            let clean = masked(raster(nodata, vec![pixels]), RasterMask::Internal, mask()).unwrap();
            assert_eq!((read(&clean, 0), clean.info().nodata), (expected, stated));
        }
        let clean = masked(raster(None, vec![Pixels::F32(vec![7.0; 3])]), RasterMask::Internal, mask()).unwrap();
        assert!(read(&clean, 0).get(0).is_nan() && clean.info().nodata.is_some_and(f64::is_nan));
        let wrong = raster(None, vec![Pixels::U8(vec![0, 1])]);
        let error = masked(raster(None, vec![Pixels::U16(vec![7; 3])]), RasterMask::Internal, wrong).unwrap_err();
        assert!(error.to_string().contains("its mask has 2x1 pixels, the image 3x1"), "{error}");
    }

    #[test]
    fn a_band_can_be_the_mask_of_the_others() {
        let image = raster(None, vec![Pixels::U16(vec![7, 8, 9]), Pixels::U16(vec![65_535, 0, 1])]);
        let clean = masked(Arc::clone(&image), RasterMask::Band(1), image).unwrap();
        assert_eq!(read(&clean, 0), Pixels::U16(vec![7, 0, 9]));
        assert_eq!(read(&clean, 1), Pixels::U16(vec![65_535, 0, 1]), "the mask itself is complete");
    }

    #[test]
    fn values_beside_the_file_are_missing_too() {
        let pixels = || vec![Pixels::I16(vec![-9999, 0, 5])];
        for (stated, missing, expected, nodata) in [
            (None, &[-9999.0][..], vec![-9999, 0, 5], Some(-9999.0)),
            (Some(0.0), &[-9999.0], vec![0, 0, 5], Some(0.0)),
            (None, &[0.5, 5.0], vec![-9999, 0, 0], Some(0.0)),
            (Some(5.0), &[], vec![-9999, 0, 5], Some(5.0)),
        ] {
            let source = raster(stated, pixels());
            let info = source.info().clone();
            let clean = described(source, info, missing);
            assert_eq!((read(&clean, 0), clean.info().nodata), (Pixels::I16(expected), nodata));
        }
        let source = raster(None, pixels());
        let info = RasterInfo { band_names: vec![Some("B04".to_owned())], ..source.info().clone() };
        assert_eq!(described(source, info, &[]).info().band_names, [Some("B04".to_owned())]);
    }

    #[test]
    fn undeclared_values_are_removed() {
        let rule = MissingValues { values: vec![-1000.0, 32_767.0], range: (-2000.0, 40_000.0) };
        let clean = rule.removed_from(raster(None, vec![Pixels::I16(vec![-9999, -1000, -999, 5, 32_767])]));
        assert_eq!(read(&clean, 0), Pixels::I16(vec![0, 0, -999, 5, 0]));
        let clean = rule.removed_from(raster(None, vec![Pixels::F32(vec![f32::INFINITY, 0.5, f32::NAN])]));
        let Pixels::F32(values) = read(&clean, 0) else { panic!("another type") };
        assert!(values[0].is_nan() && values[2].is_nan() && values[1] == 0.5);
    }
}
