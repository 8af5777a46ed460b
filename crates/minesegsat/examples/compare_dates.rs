//! Compares the maps of two dates: gain, loss and stable mining-disturbed land.
//!
//! ```sh
//! cargo run --release -p minesegsat --example compare_dates -- MAP_BEFORE MAP_AFTER out
//! ```
#![allow(clippy::print_stdout, reason = "an example")]

use std::path::Path;

use minesegsat::Job;
use minesegsat::change::{ChangeManifest, ChangeOptions, DatedMap, change};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [before, after, output] = arguments.as_slice() else {
        return Err("usage: compare_dates MAP_BEFORE MAP_AFTER OUTPUT".into());
    };
    let found = compare_dates(before.as_ref(), after.as_ref(), output.as_ref())?;
    println!("{}", found.total.statement);
    Ok(())
}

/// Compares two output folders of `predict`, and writes the change as rasters and polygons.
pub(crate) fn compare_dates(before: &Path, after: &Path, output: &Path) -> minesegsat::Result<ChangeManifest> {
    let (before, after) = (DatedMap::open(before)?, DatedMap::open(after)?);
    change(&before, &after, output, &ChangeOptions::default(), Job::silent())
}
