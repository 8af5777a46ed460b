//! The command-line program.

use std::ffi::OsString;
use std::process::ExitCode;

use pyo3::prelude::*;

/// Runs the program on a command line, whose first word is its name, and returns its exit code. A process calls it once.
#[pyfunction]
pub(crate) fn run_program(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    let code = py.detach(|| minesegsat_cli::run_program(arguments));
    // The standard library has no other way from an exit code to its number.
    (0..=u8::MAX).find(|&number| ExitCode::from(number) == code).unwrap_or(1)
}
