//! `/api/predictions`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::{Value, json};

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
