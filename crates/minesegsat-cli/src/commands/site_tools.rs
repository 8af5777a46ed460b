//! Opens the model and the catalogue for checks of sites, in `monitor`, `serve` and `demo`.

use std::ffi::OsStr;
use std::path::Path;

use minesegsat::Model;
use minesegsat::catalog::{Catalog, Endpoint};
use minesegsat::predict::PredictOptions;
use minesegsat::vector::VectorFormat;

use super::engine;
use crate::args::EngineArgs;

/// Opens a model, and warns if its area error has not been measured.
pub(crate) fn open_model(model: Option<&Path>, args: &EngineArgs) -> anyhow::Result<Model> {
    let model = engine::open(model, args, None)?;
    if model.card().area_error.is_none() {
        tracing::warn!(
            "the area intervals use conservative default values, because this model's area error has not been \
             measured; run `minesegsat calibrate`"
        );
    }
    Ok(model)
}

/// Options for mapping a part of a scene.
pub(crate) fn predict_options(model: &Model) -> PredictOptions {
    PredictOptions {
        formats: vec![VectorFormat::GeoPackage, VectorFormat::GeoJson],
        overwrite: true,
        ..model.predict_options()
    }
}

/// Opens a catalogue. Returns it with the collections to search: the given ones, else the catalogue's default
/// collection.
pub(crate) fn open_catalogue(api: impl AsRef<OsStr>, collections: &[String]) -> anyhow::Result<(Catalog, Vec<String>)> {
    let endpoint = Endpoint::from_env(api)?;
    let mut collections = collections.to_vec();
    if collections.is_empty() {
        collections.extend(endpoint.default_collection().map(str::to_owned));
    }
    Ok((Catalog::open(&endpoint)?, collections))
}
