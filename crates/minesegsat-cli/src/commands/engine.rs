//! Opens models as `--engine` and its companions say.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use minesegsat::Model;
use minesegsat::nn::VerifyReport;

use crate::args::EngineArgs;

/// Files of the model in the program: `models/b0` of the repository.
const IN_PROGRAM: [(&str, &[u8]); 3] = [
    ("model.json", include_bytes!("../../../../models/b0/model.json")),
    ("model.safetensors", include_bytes!("../../../../models/b0/model.safetensors")),
    ("forward.safetensors", include_bytes!("../../../../models/b0/forward.safetensors")),
];

/// A model folder: the given one, or the model in the program, written to a temporary folder that is deleted with this value.
pub(crate) struct ModelFolder {
    path: PathBuf,
    _unpacked: Option<tempfile::TempDir>,
}

impl ModelFolder {
    pub(crate) fn new(given: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(path) = given {
            return Ok(Self { path: path.to_owned(), _unpacked: None });
        }
        let folder = tempfile::tempdir().context("cannot make a temporary folder for the model in the program")?;
        for (name, bytes) in IN_PROGRAM {
            let write = || format!("cannot write `{name}` of the model in the program to {}", folder.path().display());
            std::fs::write(folder.path().join(name), bytes).with_context(write)?;
        }
        Ok(Self { path: folder.path().to_owned(), _unpacked: Some(folder) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Opens a model; without one, that in the program. `views` replaces the number of views in the card.
pub(crate) fn open(model: Option<&Path>, args: &EngineArgs, views: Option<usize>) -> anyhow::Result<Model> {
    Ok(Model::open(ModelFolder::new(model)?.path(), &args.options(views))?)
}

/// Prints the profile of a model, if `--profile` was given.
pub(crate) fn print_profile(model: &Model) -> std::io::Result<()> {
    match model.take_profile() {
        Some(profile) => writeln!(crate::terminal::stderr(), "{profile}"),
        None => Ok(()),
    }
}

/// Compares a model's output with a recorded output.
pub(crate) fn verify(
    model: &Path,
    args: &EngineArgs,
    against: Option<&Path>,
    tolerance: f32,
) -> anyhow::Result<VerifyReport> {
    let (report, profile) = Model::verify(model, &args.options(None), against, tolerance)?;
    if let Some(profile) = profile {
        writeln!(crate::terminal::stderr(), "{profile}")?;
    }
    Ok(report)
}
