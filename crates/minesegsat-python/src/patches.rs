//! Samples of training sets as arrays.

use std::path::PathBuf;
use std::sync::Arc;

use minesegsat::Error;
use minesegsat::dataset::{Dataset, SampleReader, SampleRecord, Split};
use minesegsat::model_description::BandNormalisation;
use numpy::{PyArray1, PyArray2, PyArray3, PyArrayMethods as _};
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;

use crate::job;
use crate::scene::bands_of;

/// The pixels and the mask of a sample.
type Arrays<'py> = (Bound<'py, PyArray3<f32>>, Bound<'py, PyArray2<u8>>);

/// The samples of a training set, or of one part of its split.
#[pyclass(frozen, module = "minesegsat")]
pub(crate) struct Patches {
    reader: SampleReader,
    samples: Vec<SampleRecord>,
}

#[pymethods]
impl Patches {
    /// Opens a set. `normalisation` has (offset, divisor) of each band; `None`: reflectance.
    #[new]
    fn open(
        py: Python<'_>,
        path: PathBuf,
        split: Option<String>,
        bands: Option<Vec<String>>,
        normalisation: Option<Vec<(f32, f32)>>,
    ) -> PyResult<Self> {
        job::run(py, None, |_| {
            let dataset = Arc::new(Dataset::open(&path)?);
            let bands = bands.as_deref().map_or_else(|| Ok(dataset.card().bands.clone()), bands_of)?;
            let normalisation = match normalisation {
                None => vec![BandNormalisation::IDENTITY; bands.len()],
                Some(pairs) if pairs.len() == bands.len() => {
                    pairs.into_iter().map(|(offset, divisor)| BandNormalisation { offset, divisor }).collect()
                }
                Some(pairs) => {
                    return Err(Error::Argument {
                        name: "normalisation",
                        value: format!("{} pairs", pairs.len()),
                        accepted: format!("(offset, divisor) for each of the {} bands", bands.len()),
                    }
                    .into());
                }
            };
            let samples = match split {
                None => dataset.samples().to_vec(),
                Some(name) => dataset.split(name.parse::<Split>()?)?.into_iter().cloned().collect(),
            };
            Ok(Self { reader: SampleReader::new(dataset, &bands, &normalisation)?, samples })
        })
    }

    fn __len__(&self) -> usize {
        self.samples.len()
    }

    #[getter]
    fn bands(&self) -> Vec<&'static str> {
        self.reader.bands().iter().map(|band| band.id()).collect()
    }

    #[getter]
    fn ids(&self) -> Vec<&str> {
        self.samples.iter().map(|sample| sample.id.as_str()).collect()
    }

    /// Value of pixels without a label, without data or under cloud.
    #[getter]
    fn ignore(&self) -> u8 {
        self.reader.dataset().card().ignore
    }

    /// Reads a sample: `[C, H, W]` and its mask `[H, W]`.
    fn read<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Arrays<'py>> {
        let sample = self.samples.get(index).ok_or_else(|| {
            PyIndexError::new_err(format!("index {index} is not accepted: the set has {} samples", self.samples.len()))
        })?;
        let patch = py.detach(|| self.reader.read(sample)).map_err(crate::failure::Failure::from)?;
        let (height, width) = patch.size;
        let channels = self.reader.bands().len();
        let data = PyArray1::from_vec(py, patch.data).reshape([channels, height, width])?;
        Ok((data, PyArray1::from_vec(py, patch.mask).reshape([height, width])?))
    }
}
