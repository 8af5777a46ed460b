//! Reference data: numbers of PyTorch and OpenCV, real scenes, labels and catalogue answers.
//!
//! The repository contains a small golden set. Larger sets are beside the checkout, in `../shared`, or in the folders that
//! `MINESEGSAT_GOLDEN`, `MINESEGSAT_DATA` and `MINESEGSAT_CASES` name.
//!
//! A test without its data prints a message to stderr, which the test harness does not capture. It fails if `CI` is set.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Golden folders with the same layout: that of the repository, and the larger one if it is present.
pub fn golden_folders() -> Vec<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    assert!(own.is_dir(), "the golden set of the project is missing: {}", own.display());
    std::iter::once(own).chain(shared("MINESEGSAT_GOLDEN", "golden", "")).collect()
}

/// The path of a file or folder of the real data, such as `sentinel2_l2a_barbellino`. If it is absent, returns `None` and
/// reports the test as skipped.
pub fn real_data(name: &str) -> Option<PathBuf> {
    shared("MINESEGSAT_DATA", "data", name)
}

/// The path of an input that was read wrongly once, such as `scenes/11_duplicate_baselines`. If it is absent, returns
/// `None` and reports the test as skipped.
pub fn case(name: &str) -> Option<PathBuf> {
    shared("MINESEGSAT_CASES", "cases", name)
}

fn shared(variable: &str, folder: &str, name: &str) -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let root = env::var_os(variable).map_or_else(|| Path::new(beside).join(folder), PathBuf::from);
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(env::var_os("CI").is_none(), "reference data are missing: {} (set {variable})", path.display());
    skip(&format!("no {} (set {variable})", path.display()));
    None
}

/// Reports that the rest of the running test is skipped, with the reason. The line is visible even if the harness captures
/// output.
pub fn skip(reason: &str) {
    let thread = std::thread::current();
    let line = format!("SKIPPED {}: {reason}\n", thread.name().unwrap_or("a test"));
    // `eprintln!` would be captured.
    let _ = std::io::stderr().write_all(line.as_bytes());
}
