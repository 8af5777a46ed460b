//! Polygons of observations and predictions as GeoJSON.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};

use crate::ids::PredictionName;
use crate::observation_files::{PolygonKind, read_polygons};
use crate::params::{NoQuery, ObservationPath};
use crate::problem::Problem;
use crate::response::{GEO_JSON, HandlerResult, json_response};
use crate::shapes::{self, Shape};
use crate::state::App;

/// `GET /api/sites/{site}/observations/{observation}/polygons`
pub(crate) async fn observation_polygons(
    State(app): State<Arc<App>>,
    _: NoQuery,
    path: ObservationPath,
    headers: HeaderMap,
) -> HandlerResult {
    respond(&app, path, &headers, PolygonKind::Disturbed).await
}

/// `GET /api/sites/{site}/observations/{observation}/changes`
pub(crate) async fn observation_changes(
    State(app): State<Arc<App>>,
    _: NoQuery,
    path: ObservationPath,
    headers: HeaderMap,
) -> HandlerResult {
    respond(&app, path, &headers, PolygonKind::Changes).await
}

async fn respond(app: &App, path: ObservationPath, headers: &HeaderMap, kind: PolygonKind) -> HandlerResult {
    let ObservationPath(site, name) = path;
    let shapes = app
        .read(move |workspace| {
            let observation = workspace.observation(&site, &name)?;
            read_polygons(workspace, &observation, kind)
        })
        .await?;
    feature_collection(headers, &shapes)
}

/// `GET /api/predictions/{name}/polygons`
pub(crate) async fn prediction_polygons(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    _: NoQuery,
    headers: HeaderMap,
) -> HandlerResult {
    let name: PredictionName = name.parse()?;
    let shapes = app
        .read(move |workspace| {
            workspace.check()?;
            let prediction = workspace.predictions().find(&name)?;
            let missing = || {
                Problem::not_found(format!("prediction `{name}` has no polygons: it was mapped without a file of them"))
            };
            shapes::read_disturbed(&prediction.folder)?.ok_or_else(missing)
        })
        .await?;
    feature_collection(&headers, &shapes)
}

fn feature_collection(headers: &HeaderMap, shapes: &[Shape]) -> HandlerResult {
    let features: Vec<Value> = (1..).zip(shapes).map(|(id, shape): (u64, _)| shape.feature(Some(id.into()))).collect();
    json_response(headers, GEO_JSON, &json!({ "type": "FeatureCollection", "features": features }))
}
