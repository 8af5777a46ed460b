//! What `monitor` and those who order from `serve` share: a model that measures areas, and a catalogue.

use std::path::Path;

use minesegsat::catalog::{Catalog, Endpoint};
use minesegsat::predict::PredictOptions;
use minesegsat::vector::VectorFormat;

use super::engine::{self, OpenModel};
use crate::args::EngineArgs;

/// Opens a model whose areas are to be believed, and warns if nobody has measured how far.
pub(crate) fn open_model(model: &Path, args: &EngineArgs) -> anyhow::Result<OpenModel> {
    let model = engine::open(model, args, None)?;
    if model.card.area_error.is_none() {
        tracing::warn!(
            "the intervals of areas are a cautious guess: the model's errors were never measured (`minesegsat calibrate`)"
        );
    }
    Ok(model)
}

/// How a window of a scene is mapped.
pub(crate) fn predict_options(model: &OpenModel) -> PredictOptions {
    PredictOptions {
        formats: vec![VectorFormat::GeoPackage, VectorFormat::GeoJson],
        overwrite: true,
        ..model.predict_options()
    }
}

/// A catalogue, and the collections of it that are searched: those that are asked for, else the usual one.
pub(crate) fn catalogue(api: &str, collections: &[String]) -> anyhow::Result<(Catalog, Vec<String>)> {
    let endpoint = Endpoint::from_env(api)?;
    let mut collections = collections.to_vec();
    if collections.is_empty() {
        collections.extend(endpoint.default_collection().map(str::to_owned));
    }
    Ok((Catalog::open(&endpoint)?, collections))
}
