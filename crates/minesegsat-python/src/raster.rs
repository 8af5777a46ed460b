//! Rasters as arrays, and arrays as rasters.

use std::path::PathBuf;

use minesegsat::cog::{BandMeta, CogOptions, CogWriter};
use minesegsat::{Crs, Error, GeoTransform, Grid, Location, Pixels, open_raster};
use numpy::{Element, PyArray1, PyArrayMethods as _, PyReadonlyArray3, PyUntypedArrayMethods as _};
use pyo3::prelude::*;

use crate::failure::Failure;
use crate::job;
use crate::scene::{Transform, bands_of};

/// The first band of a raster file, `[H, W]` in the type of the file.
#[pyfunction]
pub(crate) fn read_raster(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyAny>> {
    let (pixels, shape) = job::run(py, None, |_| {
        let raster = open_raster(&Location::Path(path))?;
        let grid = &raster.info().grid;
        Ok((raster.read(0, grid.full_window())?, [grid.height, grid.width]))
    })?;
    match pixels {
        Pixels::U8(values) => array(py, values, shape),
        Pixels::U16(values) => array(py, values, shape),
        Pixels::I16(values) => array(py, values, shape),
        Pixels::F32(values) => array(py, values, shape),
    }
}

fn array<T: Element>(py: Python<'_>, values: Vec<T>, shape: [usize; 2]) -> PyResult<Bound<'_, PyAny>> {
    Ok(PyArray1::from_vec(py, values).reshape(shape)?.into_any())
}

/// Writes reflectance, `[C, H, W]`, as a GeoTIFF with named bands that opens as a scene. NaN is missing.
#[pyfunction]
pub(crate) fn write_scene(
    py: Python<'_>,
    path: PathBuf,
    reflectance: PyReadonlyArray3<'_, f32>,
    bands: Vec<String>,
    crs: String,
    transform: Transform,
) -> PyResult<()> {
    let (count, height, width) = (reflectance.shape()[0], reflectance.shape()[1], reflectance.shape()[2]);
    let values = reflectance.as_slice()?;
    job::run(py, None, |_| {
        let refuse = |name, value: String, accepted: &str| {
            Err(Failure::Core(Error::Argument { name, value, accepted: accepted.to_owned() }))
        };
        if count != bands.len() {
            let accepted = format!("one name for each of the {count} channels of the array");
            return refuse("bands", bands.join(","), &accepted);
        }
        bands_of(&bands)?;
        let (pixel_width, row_rotation, origin_x, column_rotation, pixel_height, origin_y) = transform;
        if row_rotation != 0.0 || column_rotation != 0.0 {
            return refuse("transform", format!("{transform:?}"), "a north-up transform (a, 0, c, 0, e, f)");
        }
        let transform = GeoTransform { origin_x, origin_y, pixel_width, pixel_height };
        let grid = Grid { crs: Crs::from_name(&crs)?, transform, width, height };
        if let Err(reason) = grid.check() {
            return refuse("array", format!("{height} x {width} pixels, {transform:?}"), &reason);
        }
        // The file lives as long as one run: it is not compressed much.
        let options = CogOptions {
            bands: bands.iter().map(BandMeta::named).collect(),
            overviews: false,
            compression_level: 1,
            ..CogOptions::default()
        };
        let mut writer = CogWriter::create(&path, &grid, options)?;
        for row in 0..height {
            let rows = (0..count).map(|band| (band * height + row) * width);
            writer.write_rows(&rows.map(|at| Pixels::F32(values[at..at + width].to_vec())).collect::<Vec<_>>())?;
        }
        Ok(writer.finish()?)
    })
}
