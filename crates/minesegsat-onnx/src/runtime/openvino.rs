//! OpenVINO on the CPU, through the `openvino` crate.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use openvino::{
    CompiledModel, Core, DeviceType, ElementType, InferRequest, InferenceError, RwPropertyKey, Shape, Tensor,
};

use minesegsat_core::Cause;
use minesegsat_model::Precision;

use super::{Library, Runtime};
use crate::{Error, Result, RuntimeKind};

const KIND: RuntimeKind = RuntimeKind::OpenVino;

/// The library of the process, of which there can be only one.
static LOADED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// A compiled model.
pub(super) struct OpenVino {
    /// Declared before the model, so that it is dropped first.
    request: Mutex<InferRequest>,
    _model: Mutex<CompiledModel>,
}

impl OpenVino {
    /// Loads the library, unless it is loaded already, and compiles the model for the CPU.
    pub(super) fn new(library: &Library, model: &[u8], threads: usize, precision: Precision) -> Result<Self> {
        load(library)?;
        let (model, request) = compile(model, threads, precision)
            .map_err(|error| Error::runtime(KIND, "cannot read the model", "").caused_by(error))?;
        Ok(Self { request: Mutex::new(request), _model: Mutex::new(model) })
    }
}

fn load(library: &Library) -> Result<()> {
    let refuse = |reason: String| Err(Error::library(KIND, &library.path, reason));
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    match &*loaded {
        Some(path) if *path == library.path => return Ok(()),
        Some(path) => return refuse(format!("this process has already loaded another one, {}", path.display())),
        None => {}
    }
    if let Err(reason) = openvino_sys::library::load_from(&library.path) {
        return refuse(reason);
    }
    *loaded = Some(library.path.clone());
    Ok(())
}

fn compile(model: &[u8], threads: usize, precision: Precision) -> Result<(CompiledModel, InferRequest), Cause> {
    let mut core = Core::new()?;
    let threads = threads.to_string();
    let precision = match precision {
        Precision::Fp32 => "f32",
        Precision::Bf16 => "bf16",
    };
    // One patch at a time on all threads. OpenVINO would use bfloat16 by default if the processor has it.
    for (key, value) in [
        (RwPropertyKey::HintPerformanceMode, "LATENCY"),
        (RwPropertyKey::NumStreams, "1"),
        (RwPropertyKey::InferenceNumThreads, threads.as_str()),
        (RwPropertyKey::HintInferencePrecision, precision),
    ] {
        core.set_property(&DeviceType::CPU, &key, value)?;
    }
    let model = core.read_model_from_buffer(model, None)?;
    let mut compiled = core.compile_model(&model, DeviceType::CPU)?;
    let request = compiled.create_infer_request()?;
    Ok((compiled, request))
}

impl Runtime for OpenVino {
    fn logits(&self, patches: &[f32], shape: [usize; 4]) -> Result<Vec<f32>> {
        let failed = |error: InferenceError| Error::runtime(KIND, "failed", "").caused_by(error);
        let shape = Shape::new(&shape.map(|length| length as i64)).map_err(failed)?;
        let mut input = Tensor::new(ElementType::F32, &shape).map_err(failed)?;
        input.get_data_mut::<f32>().map_err(failed)?.copy_from_slice(patches);
        let mut request = self.request.lock().unwrap_or_else(PoisonError::into_inner);
        request.set_input_tensor(&input).map_err(failed)?;
        request.infer().map_err(failed)?;
        let logits = request.get_output_tensor().map_err(failed)?;
        Ok(logits.get_data::<f32>().map_err(failed)?.to_vec())
    }
}
