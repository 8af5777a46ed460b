//! Opens models as `--engine` and its companions say.

use std::io::Write;
use std::path::Path;

use minesegsat::nn::VerifyReport;
use minesegsat::{Model, ModelFolder};

use crate::args::EngineArgs;

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
