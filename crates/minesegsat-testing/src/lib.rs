//! Shared test support: an HTTP server with faults, an object store, a mail server, synthetic scenes, raster fixtures and reference data.
//!
//! This crate depends on no other crate of the project, so the tests of every crate can use it.

pub mod http;
pub mod reference;
pub mod s3;
pub mod scenes;
pub mod smtp;

use std::path::{Path, PathBuf};

/// The path of a file or folder in `fixtures`, such as `rasters/u8_three.jp2`.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}
