//! What runs a network.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use minesegsat_nn::Precision;
use minesegsat_onnx::RuntimeKind;

#[derive(Debug, Clone, Args)]
pub(crate) struct EngineArgs {
    /// Device of the network: `cpu`, `cuda:0`, `vulkan:0`.
    #[arg(long, default_value = "cpu")]
    pub device: String,

    /// What runs the network [default: native where it can, else burn].
    #[arg(long, value_enum, value_name = "ENGINE")]
    pub engine: Option<EngineName>,

    /// Operands of matrix products: `fp32`, or `bf16` where the processor has it, which is faster and less exact (engines native and
    /// openvino).
    #[arg(long, value_name = "PRECISION", default_value = "fp32")]
    pub precision: Precision,

    /// Say where the time went, when done: time, GFLOP/s and share of the peak of each operation (engine native).
    #[arg(long)]
    pub profile: bool,

    /// Library of ONNX Runtime, or the folder that holds it [default: ORT_DYLIB_PATH in the environment, else the system's].
    #[arg(long, value_name = "PATH")]
    pub onnxruntime_library: Option<PathBuf>,

    /// Library of OpenVINO (`libopenvino_c`), or the folder that holds it [default: OPENVINO_DYLIB_PATH in the environment,
    /// else the system's].
    #[arg(long, value_name = "PATH")]
    pub openvino_library: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineName {
    /// The program's own kernels: SegFormers on the CPU.
    Native,
    /// Burn's operations: every network, every device.
    Burn,
    /// ONNX Runtime on the CPU, from a library that you have.
    #[value(name = "onnxruntime")]
    OnnxRuntime,
    /// OpenVINO on the CPU, from a library that you have.
    #[value(name = "openvino")]
    OpenVino,
}

impl Default for EngineArgs {
    /// On the CPU, as without any flag.
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
    /// The library that is given for a runtime.
    pub(crate) fn library(&self, kind: RuntimeKind) -> Option<&Path> {
        match kind {
            RuntimeKind::OnnxRuntime => self.onnxruntime_library.as_deref(),
            RuntimeKind::OpenVino => self.openvino_library.as_deref(),
        }
    }
}
