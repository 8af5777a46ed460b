//! Options of the inference engine.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use minesegsat::{Engine, ModelOptions, Precision};

#[derive(Debug, Clone, Args)]
pub(crate) struct EngineArgs {
    /// Device: `cpu`, `cuda:0` or `vulkan:0`.
    #[arg(long, default_value = "cpu")]
    pub device: String,

    /// Inference engine [default: native if it supports the network and the device, else burn].
    #[arg(long, value_enum, value_name = "ENGINE")]
    pub engine: Option<EngineName>,

    /// Precision of matrix products: `fp32`, or `bf16` if the processor supports it. `bf16` is faster and less exact
    /// (engines native and openvino).
    #[arg(long, value_name = "PRECISION", default_value = "fp32")]
    pub precision: Precision,

    /// Print a profile at the end: time, GFLOP/s and share of peak performance of each operation (engine native).
    #[arg(long)]
    pub profile: bool,

    /// ONNX Runtime library, or the folder that contains it [default: the ORT_DYLIB_PATH environment variable, else the
    /// system's library].
    #[arg(long, value_name = "PATH")]
    pub onnxruntime_library: Option<PathBuf>,

    /// OpenVINO library (`libopenvino_c`), or the folder that contains it [default: the OPENVINO_DYLIB_PATH environment
    /// variable, else the system's library].
    #[arg(long, value_name = "PATH")]
    pub openvino_library: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineName {
    /// Built-in CPU kernels for SegFormer.
    Native,
    /// Burn: all networks, all devices.
    Burn,
    /// ONNX Runtime on the CPU, from an installed library.
    #[value(name = "onnxruntime")]
    OnnxRuntime,
    /// OpenVINO on the CPU, from an installed library.
    #[value(name = "openvino")]
    OpenVino,
}

impl Default for EngineArgs {
    /// The defaults of the command line: the CPU, without a profile.
    fn default() -> Self {
        Self {
            device: "cpu".to_owned(),
            engine: None,
            precision: Precision::default(),
            profile: false,
            onnxruntime_library: None,
            openvino_library: None,
        }
    }
}

impl EngineArgs {
    /// The same for the library. `views` replaces the number of views in the model's card.
    pub(crate) fn options(&self, views: Option<usize>) -> ModelOptions {
        let (engine, library) = match self.engine {
            None => (Engine::Fastest, None),
            Some(EngineName::Native) => (Engine::Native, None),
            Some(EngineName::Burn) => (Engine::Burn, None),
            Some(EngineName::OnnxRuntime) => (Engine::OnnxRuntime, self.onnxruntime_library.clone()),
            Some(EngineName::OpenVino) => (Engine::OpenVino, self.openvino_library.clone()),
        };
        let device = Some(self.device.clone());
        ModelOptions { engine, device, precision: self.precision, profile: self.profile, views, library }
    }
}
