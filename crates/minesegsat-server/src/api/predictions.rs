//! `/api/predictions` and `/api/predictions/{name}`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::ids::PredictionName;
use crate::params::NoQuery;
use crate::response::{HandlerResult, JSON, json_response};
use crate::state::App;

/// `GET /api/predictions`
pub(crate) async fn predictions(State(app): State<Arc<App>>, _: NoQuery, headers: HeaderMap) -> HandlerResult {
    let tiles = app.tiles.clone();
    let predictions: Vec<Value> = app
        .read(move |workspace| {
            workspace.check()?;
            let all = workspace.predictions().all();
            Ok(all
                .iter()
                .map(|prediction| {
                    let drawable = tiles.drawable_map(&prediction.folder);
                    json!({
                        "name": prediction.name.as_str(),
                        "date": prediction.date,
                        "scene": prediction.scene,
                        "area_ha": prediction.area_ha,
                        "cloud_cover_percent": prediction.cloud_cover_percent,
                        "created": prediction.created,
                        "bounds": prediction.bounds,
                        "layers": drawable.layers,
                        "min_zoom": drawable.zooms.map(|zooms| zooms.0),
                        "max_zoom": drawable.zooms.map(|zooms| zooms.1),
                    })
                })
                .collect())
        })
        .await?;
    json_response(&headers, JSON, &json!({ "predictions": predictions }))
}

/// `DELETE /api/predictions/{name}`
pub(crate) async fn remove_prediction(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    _: NoQuery,
) -> HandlerResult {
    let name: PredictionName = name.parse()?;
    app.read(move |workspace| workspace.predictions().remove(&name)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
