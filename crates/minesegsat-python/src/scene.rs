//! Scenes: what they are, and their reflectance as arrays.

use std::ffi::OsString;
use std::str::FromStr;

use minesegsat::model_description::BandNormalisation;
use minesegsat::patch::{PatchReader, Validity};
use minesegsat::scene::RadiometryOverride;
use minesegsat::{Band, Error, Grid, Location, OpenOptions, Window};
use numpy::{PyArray1, PyArray3, PyArrayMethods as _};
use pyo3::prelude::*;

use crate::failure::Failure;
use crate::job;

/// (pixel width, 0, left edge, 0, pixel height, upper edge), as rasterio and the package affine order it.
pub(crate) type Transform = (f64, f64, f64, f64, f64, f64);

/// Bands by their names.
pub(crate) fn bands_of(names: &[String]) -> Result<Vec<Band>, Error> {
    names.iter().map(|name| Ok(Band::from_str(name)?)).collect()
}

/// The transform of a grid.
pub(crate) fn transform_of(grid: &Grid) -> Transform {
    let t = &grid.transform;
    (t.pixel_width, 0.0, t.origin_x, 0.0, t.pixel_height, t.origin_y)
}

/// Opens a scene.
#[pyfunction]
#[pyo3(signature = (location, bands, substitute, offset, scale, nodata, mask_snow, cloud_mask, tile))]
pub(crate) fn open_scene(
    py: Python<'_>,
    location: OsString,
    bands: Option<Vec<String>>,
    substitute: Vec<(String, String)>,
    offset: Option<f64>,
    scale: Option<f64>,
    nodata: Option<Vec<f64>>,
    mask_snow: bool,
    cloud_mask: Option<String>,
    tile: Option<String>,
) -> PyResult<Scene> {
    job::run(py, None, |_| {
        let pair = |(missing, other): &(String, String)| -> Result<(Band, Band), Error> {
            Ok((Band::from_str(missing)?, Band::from_str(other)?))
        };
        let options = OpenOptions {
            bands: bands.as_deref().map(bands_of).transpose()?,
            substitute: substitute.iter().map(pair).collect::<Result<_, Error>>()?,
            radiometry: (offset.is_some() || scale.is_some())
                .then_some(RadiometryOverride { offset_dn: offset, scale }),
            nodata,
            mask_snow,
            cloud_mask: cloud_mask.as_deref().map(str::parse).transpose()?,
            tile,
            ..OpenOptions::default()
        };
        Ok(Scene(minesegsat::Scene::open_at(&Location::from_os(&location)?, &options)?))
    })
}

/// An open scene.
#[pyclass(frozen, module = "minesegsat")]
pub(crate) struct Scene(pub(crate) minesegsat::Scene);

#[pymethods]
impl Scene {
    #[getter]
    fn name(&self) -> &str {
        &self.0.info().name
    }

    #[getter]
    fn location(&self) -> &str {
        self.0.location()
    }

    /// Day of the picture, `2016-01-12`.
    #[getter]
    fn date(&self) -> Option<String> {
        self.0.info().date.map(|date| date.to_string())
    }

    /// Processing level, `L1C` or `L2A`.
    #[getter]
    fn level(&self) -> Option<String> {
        self.0.info().level.map(|level| level.to_string())
    }

    /// Coordinate reference system, `EPSG:32618`.
    #[getter]
    fn crs(&self) -> String {
        self.0.grid().crs.to_string()
    }

    #[getter]
    fn transform(&self) -> Transform {
        transform_of(self.0.grid())
    }

    /// Rows and columns.
    #[getter]
    fn shape(&self) -> (usize, usize) {
        (self.0.grid().height, self.0.grid().width)
    }

    #[getter]
    fn bands(&self) -> Vec<&'static str> {
        self.0.bands().iter().map(|band| band.id()).collect()
    }

    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.0.warnings()
    }

    /// Reflectance of bands in a window (column, row, width, height), `[C, H, W]` on the grid of the scene. NaN where a band has no
    /// data.
    #[pyo3(signature = (bands=None, window=None))]
    fn read<'py>(
        &self,
        py: Python<'py>,
        bands: Option<Vec<String>>,
        window: Option<(usize, usize, usize, usize)>,
    ) -> PyResult<Bound<'py, PyArray3<f32>>> {
        let (data, shape) = job::run(py, None, |_| {
            let bands = bands.as_deref().map_or_else(|| Ok(self.0.bands()), bands_of)?;
            self.0.require(&bands)?;
            let full = self.0.grid().full_window();
            let window = window.map_or(full, |(col, row, width, height)| Window::new(col, row, width, height));
            if window.is_empty() || window.intersection(&full) != Some(window) {
                return Err(Failure::Core(Error::Argument {
                    name: "window",
                    value: format!("{}, {}, {}, {}", window.col, window.row, window.width, window.height),
                    accepted: format!(
                        "column, row, width and height within the scene of {} x {} pixels",
                        full.width, full.height
                    ),
                }));
            }
            let reader = PatchReader::new(&self.0, &bands, &vec![BandNormalisation::IDENTITY; bands.len()])?;
            let mut patch = reader.read(window.into())?;
            for band in patch.data.chunks_exact_mut(window.len()) {
                for (value, &validity) in band.iter_mut().zip(&patch.validity) {
                    if validity == Validity::NoData as u8 {
                        *value = f32::NAN;
                    }
                }
            }
            Ok((patch.data, [bands.len(), window.height, window.width]))
        })?;
        PyArray1::from_vec(py, data).reshape(shape)
    }

    fn __repr__(&self) -> String {
        let (rows, columns) = self.shape();
        format!("<Scene {} {}, {rows} x {columns} pixels, {} bands>", self.name(), self.crs(), self.0.bands().len())
    }
}
