//! A trained model, opened with any engine, and the maps that it makes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use minesegsat_core::area_of_interest::AreaOfInterest;
use minesegsat_core::model_description::ModelDescription;
use minesegsat_core::polygonize::Connectivity;
use minesegsat_core::{ChangeClassifier, Job, Segmenter};
use minesegsat_cpu::ChangeHead;
use minesegsat_map::predict::{Outlines, PredictOptions, predict};
use minesegsat_model::{ModelCard, Precision, VerifyReport};
use minesegsat_nn::{BuiltInEngine, Device, EngineOptions, ModelSegmenter, Profile, parse_device};
use minesegsat_onnx::{RuntimeKind, RuntimeSegmenter};
use minesegsat_scene::Scene;
use minesegsat_scene::manifest::Manifest;
use minesegsat_watch::monitor::MonitorModel;

/// What runs a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Engine {
    /// The fastest of the built-in engines that supports the network and the device.
    #[default]
    Fastest,
    /// Built-in kernels for SegFormers on the CPU.
    Native,
    /// [Burn](https://burn.dev): all networks, all devices.
    Burn,
    /// [ONNX Runtime](https://onnxruntime.ai) on the CPU, from an installed library.
    OnnxRuntime,
    /// [OpenVINO](https://docs.openvino.ai) on the CPU, from an installed library.
    OpenVino,
}

/// How to open a model. The default is the fastest built-in engine on the CPU, in float32.
#[derive(Debug, Clone, Default)]
pub struct ModelOptions {
    /// What runs the network.
    pub engine: Engine,
    /// Device: `cpu`, `cuda:0`, `vulkan:0`; `None` is the CPU. Devices beyond the CPU need a build with their feature.
    pub device: Option<String>,
    /// Precision of matrix products.
    pub precision: Precision,
    /// Measure the time of each operation (engine native), for [`Model::take_profile`].
    pub profile: bool,
    /// Number of flips and rotations to average over: 1, 2, 4 or 8. `None` takes the number in the model's card.
    pub views: Option<usize>,
    /// Library of ONNX Runtime or OpenVINO, or the folder that contains it. `None` searches where [`RuntimeKind`] says.
    pub library: Option<PathBuf>,
}

/// Why a model cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenModelError {
    /// The model folder, the device or a built-in engine.
    #[error(transparent)]
    BuiltIn(#[from] minesegsat_nn::Error),
    /// ONNX Runtime or OpenVINO.
    #[error(transparent)]
    Runtime(#[from] minesegsat_onnx::Error),
    /// The engine cannot do what was asked for.
    #[error("engine {engine} does not support {what}")]
    Unsupported {
        /// The engine.
        engine: &'static str,
        /// What it does not support.
        what: String,
    },
}

/// An open model.
///
/// ```no_run
/// use minesegsat::{Job, Model, ModelOptions, OpenOptions, Scene};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Model::open("models/b0", &ModelOptions::default())?;
/// let scene = Scene::open("S2B_MSIL2A_20210710T190919_N0301_R056_T10UFV_20210710T213102.SAFE", &OpenOptions::default())?;
/// let map = model.predict(&scene, "out", &model.predict_options(), Job::silent())?;
/// println!("{:.1} ha, {:.0} % of the scene assessed", map.totals.area_ha, map.assessed.share_assessed * 100.0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Model {
    card: ModelCard,
    network: OpenNetwork,
    change_head: Option<Arc<dyn ChangeClassifier>>,
    device: String,
    workers: usize,
}

#[derive(Debug)]
enum OpenNetwork {
    BuiltIn(Box<ModelSegmenter>),
    Runtime(Box<RuntimeSegmenter>),
}

impl Model {
    /// Opens a model folder.
    ///
    /// # Errors
    /// The folder is not a model, its weights do not match its card, the device is not there, or the engine does not support the
    /// network or an option.
    pub fn open(folder: impl AsRef<Path>, options: &ModelOptions) -> Result<Self, OpenModelError> {
        let folder = folder.as_ref();
        let device = options.device.as_deref().unwrap_or("cpu");
        if let Some(kind) = runtime(options)? {
            let library = options.library.as_deref();
            let mut segmenter = RuntimeSegmenter::open(folder, kind, library, options.precision)?;
            if let Some(views) = options.views {
                segmenter = segmenter.with_views(views)?;
            }
            let mut device = format!("{device}, {}", segmenter.engine());
            if options.precision != Precision::Fp32 {
                device = format!("{device}, {}", options.precision);
            }
            let card = segmenter.card().clone();
            let change_head = change_head(folder, &card)?;
            let network = OpenNetwork::Runtime(Box::new(segmenter));
            return Ok(Self { card, network, change_head, device, workers: 1 });
        }
        let parsed = parse_device(device)?;
        let mut model = minesegsat_nn::Model::open_with(folder, &parsed, built_in(options))?;
        if let Some(views) = options.views {
            model = model.with_views(views)?;
        }
        // Two workers use the CPU better than one. A profile must show one worker alone.
        let workers = if parsed == Device::flex() && !options.profile { 2 } else { 1 };
        let device = match model.precision() {
            Some(Precision::Bf16) => format!("{device}, {}", Precision::Bf16),
            _ => device.to_owned(),
        };
        let card = model.card().clone();
        let change_head = change_head(folder, &card)?;
        let network = OpenNetwork::BuiltIn(Box::new(ModelSegmenter::new(model)));
        Ok(Self { card, network, change_head, device, workers })
    }

    /// Compares the output of a model folder with a recorded one: that in the folder, or the file `against`.
    ///
    /// # Errors
    /// As [`open`](Self::open); or the recorded output cannot be read.
    pub fn verify(
        folder: &Path,
        options: &ModelOptions,
        against: Option<&Path>,
        tolerance: f32,
    ) -> Result<(VerifyReport, Option<Profile>), OpenModelError> {
        if let Some(kind) = runtime(options)? {
            let library = (options.library.as_deref(), options.precision);
            return Ok((minesegsat_onnx::verify_with(folder, kind, library, against, tolerance)?, None));
        }
        let device = parse_device(options.device.as_deref().unwrap_or("cpu"))?;
        let model = minesegsat_nn::Model::open_with(folder, &device, built_in(options))?;
        let report = model.verify(folder, against, tolerance)?;
        Ok((report, model.take_profile()))
    }

    /// The model's card: title, licence, bands, normalisation, threshold, metrics.
    pub const fn card(&self) -> &ModelCard {
        &self.card
    }

    /// Device, engine and precision, as manifests record them.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// The network, as the pipelines take it.
    pub fn segmenter(&self) -> &dyn Segmenter {
        match &self.network {
            OpenNetwork::BuiltIn(segmenter) => &**segmenter,
            OpenNetwork::Runtime(segmenter) => &**segmenter,
        }
    }

    /// The network that compares two dates, if the model has one, for
    /// [`ChangeOptions`](minesegsat_map::change::ChangeOptions).
    pub fn change_head(&self) -> Option<Arc<dyn ChangeClassifier>> {
        self.change_head.clone()
    }

    /// What the pipelines must know of the model for a scene. Bands that the scene lacks are marked absent if the model was trained
    /// with as many bands left out.
    pub fn description_for(&self, scene: &Scene) -> ModelDescription {
        self.card.description().without_absent(self.card.band_dropout_max, |band| scene.band(band).is_some())
    }

    /// The default options for mapping a scene with this model: the card's patch size and threshold, no polygon formats.
    pub fn predict_options(&self) -> PredictOptions {
        PredictOptions {
            patch_size: self.card.patch_size,
            overlap_px: self.card.patch_size / 8,
            batch_size: 1,
            workers: self.workers,
            threshold: self.card.threshold,
            min_area_m2: 0.0,
            connectivity: Connectivity::Four,
            outlines: Outlines::Pixels,
            formats: Vec::new(),
            area: AreaOfInterest::Scene,
            area_incomplete: None,
            overwrite: false,
            device: self.device.clone(),
        }
    }

    /// Maps a scene into a folder. See [`predict`](minesegsat_map::predict::predict) for the files.
    ///
    /// # Errors
    /// The scene lacks bands or has pixels of another size, a file cannot be read or written, or the job was cancelled.
    pub fn predict(
        &self,
        scene: &Scene,
        output: impl AsRef<Path>,
        options: &PredictOptions,
        job: Job<'_>,
    ) -> minesegsat_core::Result<Manifest> {
        predict(scene, &self.description_for(scene), self.segmenter(), output.as_ref(), options, job)
    }

    /// The model in the form that [`monitor`](minesegsat_watch::monitor) takes.
    pub fn monitor_model(&self) -> MonitorModel<'_> {
        MonitorModel {
            segmenter: self.segmenter(),
            description: self.card.description(),
            max_absent: self.card.band_dropout_max,
            sha256: self.card.weights_sha256.clone(),
            area_error: self.card.area_error.unwrap_or_default(),
            noise_floor: self.card.noise_floor.unwrap_or_default(),
            change_head: self.change_head(),
            persistence: self.card.persistence.unwrap_or_default(),
        }
    }

    /// Where the time went since the last call, if the options asked for a profile.
    pub fn take_profile(&self) -> Option<Profile> {
        match &self.network {
            OpenNetwork::BuiltIn(segmenter) => segmenter.model().take_profile(),
            OpenNetwork::Runtime(_) => None,
        }
    }
}

/// The change head in the folder of a model.
pub(crate) fn change_head(
    folder: &Path,
    card: &ModelCard,
) -> Result<Option<Arc<dyn ChangeClassifier>>, OpenModelError> {
    let head = ChangeHead::read(folder, card).map_err(minesegsat_nn::Error::from)?;
    Ok(head.map(|head| Arc::new(head) as Arc<dyn ChangeClassifier>))
}

/// The external runtime that the options ask for, if any.
fn runtime(options: &ModelOptions) -> Result<Option<RuntimeKind>, OpenModelError> {
    let kind = match options.engine {
        Engine::OnnxRuntime => RuntimeKind::OnnxRuntime,
        Engine::OpenVino => RuntimeKind::OpenVino,
        Engine::Fastest | Engine::Native | Engine::Burn => return Ok(None),
    };
    let refuse = |what: String| Err(OpenModelError::Unsupported { engine: kind.name(), what });
    if options.profile {
        return refuse("profiles; the native engine does".to_owned());
    }
    match options.device.as_deref() {
        None | Some("cpu") => Ok(Some(kind)),
        Some(device) => refuse(format!("device `{device}`; it runs on `cpu` only, other devices need the engine burn")),
    }
}

/// The options of the built-in engines.
fn built_in(options: &ModelOptions) -> EngineOptions {
    let engine = match options.engine {
        Engine::Native => Some(BuiltInEngine::Native),
        Engine::Burn => Some(BuiltInEngine::Burn),
        Engine::Fastest | Engine::OnnxRuntime | Engine::OpenVino => None,
    };
    EngineOptions { engine, precision: options.precision, profile: options.profile }
}
