//! Export of models to ONNX, and inference with a runtime that the user has installed.
//!
//! - [`export_model`]: writes a model folder as one ONNX file, for any program that reads ONNX.
//! - [`RuntimeKind`], [`RuntimeSegmenter`]: ONNX Runtime or OpenVINO behind [`minesegsat_core::Segmenter`]. The program loads
//!   their libraries on demand; it is not linked to them.
//! - [`verify_with`]: compares a runtime's output with the recorded forward pass of a model folder.
#![warn(clippy::unwrap_used, clippy::print_stdout)]

mod error;
mod export;
mod graph;
mod proto;
mod runtime;
mod runtime_kind;

pub use error::{Error, Result};
pub use export::{INPUT, OPSET_VERSION, OUTPUT, export_model};
pub use runtime::{RuntimeSegmenter, verify_with};
pub use runtime_kind::RuntimeKind;
