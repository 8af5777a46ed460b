//! The folder of a model: a given one, or that of the model in the program.

use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minesegsat_core::ChangeClassifier;
use minesegsat_model::ModelCard;

use crate::model::{OpenModelError, change_head};

/// Files of the model in the program: `models/b0` of the repository.
const IN_PROGRAM: [(&str, &[u8]); 4] = [
    ("model.json", include_bytes!("../../../models/b0/model.json")),
    ("model.safetensors", include_bytes!("../../../models/b0/model.safetensors")),
    ("forward.safetensors", include_bytes!("../../../models/b0/forward.safetensors")),
    ("change.safetensors", include_bytes!("../../../models/b0/change.safetensors")),
];

/// A model folder: the given one, or the model in the program, written to a temporary folder that is deleted with this value.
#[derive(Debug)]
pub struct ModelFolder {
    path: PathBuf,
    _unpacked: Option<tempfile::TempDir>,
}

impl ModelFolder {
    /// The given folder. `None`: the model in the program.
    ///
    /// # Errors
    /// The temporary folder cannot be written.
    pub fn new(given: Option<&Path>) -> Result<Self> {
        if let Some(path) = given {
            return Ok(Self { path: path.to_owned(), _unpacked: None });
        }
        let explained = |what: String| move |error: Error| Error::new(error.kind(), format!("{what}: {error}"));
        let folder = tempfile::tempdir()
            .map_err(explained("cannot make a temporary folder for the model in the program".to_owned()))?;
        for (name, bytes) in IN_PROGRAM {
            let what = format!("cannot write `{name}` of the model in the program to {}", folder.path().display());
            std::fs::write(folder.path().join(name), bytes).map_err(explained(what))?;
        }
        Ok(Self { path: folder.path().to_owned(), _unpacked: Some(folder) })
    }

    /// The change head of the model, for [`ChangeOptions`](minesegsat_map::change::ChangeOptions). `None` if the model has none.
    ///
    /// # Errors
    /// The folder is not a model, or its change head is not the one of its card.
    pub fn change_head(&self) -> std::result::Result<Option<Arc<dyn ChangeClassifier>>, OpenModelError> {
        let card = ModelCard::read(&self.path).map_err(minesegsat_nn::Error::from)?;
        change_head(&self.path, &card)
    }

    /// Path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
