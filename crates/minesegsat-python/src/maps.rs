//! Maps, change and simulated scenes: files of the program, and their records as JSON.

use std::path::PathBuf;
use std::str::FromStr as _;

use minesegsat::area_of_interest::AreaOfInterest;
use minesegsat::change::{ChangeOptions, DatedMap, RegistrationMode};
use minesegsat::predict::PredictOptions;
use minesegsat::simulate::{Region, SimulateOptions};
use minesegsat::vector::{self, VectorFormat};
use minesegsat::{Engine, Error, ModelFolder, ModelOptions, Precision};
use pyo3::prelude::*;

use crate::failure::Failure;
use crate::job;
use crate::scene::Scene;

/// Refuses a name that is none of the accepted ones.
fn refuse<T>(name: &'static str, value: &str, accepted: &str) -> Result<T, Error> {
    Err(Error::Argument { name, value: value.to_owned(), accepted: accepted.to_owned() })
}

/// An open model.
#[pyclass(frozen, module = "minesegsat")]
pub(crate) struct Model(minesegsat::Model);

#[pymethods]
impl Model {
    /// Opens a model folder. `None`: the model in the program.
    #[new]
    fn open(
        py: Python<'_>,
        path: Option<PathBuf>,
        engine: String,
        device: Option<String>,
        precision: String,
        views: Option<usize>,
        library: Option<PathBuf>,
    ) -> PyResult<Self> {
        job::run(py, None, |_| {
            let engine = match engine.as_str() {
                "fastest" => Engine::Fastest,
                "native" => Engine::Native,
                "burn" => Engine::Burn,
                "onnxruntime" => Engine::OnnxRuntime,
                "openvino" => Engine::OpenVino,
                other => refuse("engine", other, "fastest, native, burn, onnxruntime or openvino")?,
            };
            let precision = match Precision::from_str(&precision) {
                Ok(precision) => precision,
                Err(_) => refuse("precision", &precision, "fp32 or bf16")?,
            };
            let options = ModelOptions { engine, device, precision, views, library, ..ModelOptions::default() };
            let folder = ModelFolder::new(path.as_deref())?;
            Ok(Self(minesegsat::Model::open(folder.path(), &options)?))
        })
    }

    /// The card of the model as JSON.
    fn card(&self) -> PyResult<String> {
        Ok(serde_json::to_string(self.0.card()).map_err(Failure::from)?)
    }

    #[getter]
    fn bands(&self) -> Vec<&'static str> {
        self.0.card().description().bands.iter().map(|band| band.id()).collect()
    }

    /// (offset, divisor) of each band.
    #[getter]
    fn normalisation(&self) -> Vec<(f32, f32)> {
        self.0.card().description().normalisation.iter().map(|band| (band.offset, band.divisor)).collect()
    }

    #[getter]
    fn threshold(&self) -> f32 {
        self.0.card().threshold
    }

    #[getter]
    fn title(&self) -> String {
        self.0.card().description().title
    }

    #[getter]
    fn device(&self) -> &str {
        self.0.device()
    }

    /// Maps a scene into a folder, and returns the record of the run as JSON.
    fn predict(
        &self,
        py: Python<'_>,
        scene: &Scene,
        output: PathBuf,
        bbox: Option<[f64; 4]>,
        intersects: Option<PathBuf>,
        threshold: Option<f32>,
        min_area: f64,
        patch_size: Option<usize>,
        formats: Vec<String>,
        overwrite: bool,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        job::run(py, progress.as_ref(), |job| {
            let defaults = self.0.predict_options();
            let patch_size = patch_size.unwrap_or(defaults.patch_size);
            let area = match (bbox, intersects) {
                (Some(bbox), _) => AreaOfInterest::Bbox(bbox),
                (None, Some(path)) => {
                    let (polygons, crs) = vector::read_area_of_interest(&path)?;
                    AreaOfInterest::Polygons(polygons, crs)
                }
                (None, None) => AreaOfInterest::Scene,
            };
            let options = PredictOptions {
                patch_size,
                overlap_px: patch_size / 8,
                threshold: threshold.unwrap_or(defaults.threshold),
                min_area_m2: min_area,
                formats: formats.iter().map(|name| VectorFormat::from_str(name)).collect::<Result<_, _>>()?,
                area,
                overwrite,
                ..defaults
            };
            Ok(serde_json::to_string(&self.0.predict(&scene.0, &output, &options, job)?)?)
        })
    }
}

/// Compares the maps in two folders, and returns the record of the comparison as JSON.
#[pyfunction]
pub(crate) fn change(
    py: Python<'_>,
    before: PathBuf,
    after: PathBuf,
    output: PathBuf,
    model: Option<PathBuf>,
    threshold: Option<f32>,
    min_area: f64,
    registration: String,
    overwrite: bool,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<String> {
    job::run(py, progress.as_ref(), |job| {
        let registration = match registration.as_str() {
            "correct" => RegistrationMode::Correct,
            "measure" => RegistrationMode::Measure,
            "off" => RegistrationMode::Off,
            other => refuse("registration", other, "correct, measure or off")?,
        };
        let head = ModelFolder::new(model.as_deref())?.change_head()?;
        let options = ChangeOptions {
            head,
            threshold,
            min_area_m2: min_area,
            registration,
            overwrite,
            ..ChangeOptions::default()
        };
        let (before, after) = (DatedMap::open(&before)?, DatedMap::open(&after)?);
        Ok(serde_json::to_string(&minesegsat::change::change(&before, &after, &output, &options, job)?)?)
    })
}

/// Simulates scenes of a landscape into a folder, and returns the summary as JSON.
#[pyfunction]
pub(crate) fn simulate(
    py: Python<'_>,
    output: PathBuf,
    seed: u64,
    region: String,
    years: Vec<i16>,
    size: usize,
    sites: Option<usize>,
    cloud_cover: f64,
    dates_per_year: Option<usize>,
    overwrite: bool,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<String> {
    job::run(py, progress.as_ref(), |job| {
        let options = SimulateOptions {
            seed,
            region: Region::from_str(&region)?,
            years,
            size,
            sites,
            cloud_cover_percent: cloud_cover,
            dates_per_year,
            overwrite,
            ..SimulateOptions::default()
        };
        Ok(serde_json::to_string(&minesegsat::simulate::simulate(&options, &output, job)?)?)
    })
}
