//! The extension module `minesegsat._minesegsat`. The Python package around it is in `python/minesegsat`.
//!
//! Functions take and return plain values: paths, numbers, arrays, JSON. Everything that takes long runs on a thread without the
//! GIL (`job`). Errors become exceptions in one place (`failure`).
#![warn(clippy::unwrap_used, clippy::print_stdout)]

mod failure;
mod job;
mod maps;
mod patches;
mod program;
mod raster;
mod scene;

use pyo3::pymodule;

#[pymodule]
mod _minesegsat {
    #[pymodule_export]
    use crate::maps::{Model, change, simulate};
    #[pymodule_export]
    use crate::patches::Patches;
    #[pymodule_export]
    use crate::program::run_program;
    #[pymodule_export]
    use crate::raster::{read_raster, write_scene};
    #[pymodule_export]
    use crate::scene::{Scene, open_scene};

    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name in Python")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
