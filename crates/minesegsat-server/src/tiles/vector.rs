//! Vector tiles.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;

use super::parse_tile;
use crate::params::NoQuery;
use crate::response::{HandlerResult, REVALIDATE, content};
use crate::state::App;
use crate::tile_store::VectorLayer;

const MVT: &str = "application/vnd.mapbox-vector-tile";

/// `GET /tiles/vector/{layer}/{z}/{x}/{y}.mvt`
pub(crate) async fn vector_tile(
    State(app): State<Arc<App>>,
    Path((layer, z, x, y)): Path<(String, String, String, String)>,
    _: NoQuery,
    headers: HeaderMap,
) -> HandlerResult {
    let layer: VectorLayer = layer.parse()?;
    let tile = parse_tile(&z, &x, &y, ".mvt")?;
    let tiles = app.tiles.clone();
    let bytes = app.read(move |workspace| tiles.vector_tile(workspace, layer, tile)).await?;
    Ok(content(&headers, MVT, REVALIDATE, bytes))
}
