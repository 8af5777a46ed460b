//! Parameters of an observation, collected from the manifests among its files.

use std::path::Path;

use serde_json::{Map, Value};

use crate::register::Observation;
use minesegsat_core::{Error, Result};

/// Members of a manifest that determine the result.
const DECISIVE: [&str; 5] = ["software", "parameters", "radiometry", "model", "inputs"];

/// Parameters in the manifests among an observation's files, by path, for [`super::PackInput`]. `base` is the folder that the
/// paths are relative to.
pub fn parameters_of(observation: &Observation, base: &Path) -> Result<Value> {
    let mut parameters = Map::new();
    for file in observation.files.iter().filter(|file| file.path.rsplit('/').next() == Some("manifest.json")) {
        let path = base.join(&file.path);
        // Packing reports missing and changed files by name.
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let manifest: Value = serde_json::from_slice(&bytes)
            .map_err(|error| Error::input(path.display().to_string(), "it is not JSON").caused_by(error))?;
        let decisive = DECISIVE.iter().filter_map(|&name| Some((name.to_owned(), manifest.get(name)?.clone())));
        parameters.insert(file.path.clone(), decisive.collect::<Map<_, _>>().into());
    }
    Ok(parameters.into())
}
