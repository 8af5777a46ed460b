//! Compares the maps of two dates: gain, loss and stable mining-disturbed land.
//!
//! ```sh
//! cargo run --release -p minesegsat --example compare_dates -- MAP_BEFORE MAP_AFTER out
//! ```
#![allow(clippy::print_stdout, reason = "an example")]

use std::path::Path;

use minesegsat::change::{ChangeManifest, ChangeOptions, DatedMap, change};
use minesegsat::{Job, ModelFolder};

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
pub(crate) fn compare_dates(
    before: &Path,
    after: &Path,
    output: &Path,
) -> Result<ChangeManifest, Box<dyn std::error::Error>> {
    let (before, after) = (DatedMap::open(before)?, DatedMap::open(after)?);
    // Maps of the model in the program are compared by its change head, all others by rules.
    let options = ChangeOptions { head: ModelFolder::new(None)?.change_head()?, ..ChangeOptions::default() };
    Ok(change(&before, &after, output, &options, Job::silent())?)
}
