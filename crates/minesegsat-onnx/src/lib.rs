//! Models as ONNX files, and the runtimes that a user may have to run them.
//!
//! - [`export_model`]: a model folder as one file, for any program that reads ONNX.
//! - [`RuntimeKind`], [`RuntimeSegmenter`]: ONNX Runtime or OpenVINO behind [`minesegsat::Segmenter`]. Their libraries are
//!   loaded when they are asked for, from where the user has them; nothing here is linked to them.
//! - [`verify_with`]: how far a runtime's answer lies from the one that a model folder carries.
#![warn(clippy::unwrap_used, clippy::print_stdout)]

mod error;
mod export;
mod graph;
mod proto;
mod runtime;

pub use error::{Error, Result};
pub use export::{INPUT, OPSET_VERSION, OUTPUT, export_model};
pub use runtime::{RuntimeKind, RuntimeSegmenter, verify_with};
