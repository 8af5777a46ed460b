//! What the files of an observation say of how it came about.

use std::path::Path;

use serde_json::{Map, Value};

use crate::register::Observation;
use crate::{Error, Result};

/// What an observation's own manifest says of how it came about.
const DECISIVE: [&str; 5] = ["software", "parameters", "radiometry", "model", "inputs"];

/// What the manifests among an observation's files say of how it came about, by their paths, for [`super::PackInput`]. `base`
/// is the folder that the paths are relative to.
pub fn parameters_of(observation: &Observation, base: &Path) -> Result<Value> {
    let mut parameters = Map::new();
    for file in observation.files.iter().filter(|file| file.path.rsplit('/').next() == Some("manifest.json")) {
        let path = base.join(&file.path);
        // What is missing or changed is refused by name, with all the others, when it is packed.
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let manifest: Value = serde_json::from_slice(&bytes).map_err(|error| Error::Input {
            location: path.display().to_string(),
            reason: format!("it is not JSON: {error}"),
        })?;
        let decisive = DECISIVE.iter().filter_map(|&name| Some((name.to_owned(), manifest.get(name)?.clone())));
        parameters.insert(file.path.clone(), decisive.collect::<Map<_, _>>().into());
    }
    Ok(parameters.into())
}
