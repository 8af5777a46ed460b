//! `/api/sites/{site}/timeline`: areas and limits over time.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use minesegsat_io::{Location, read_json};
use serde_json::{Value, json};

use crate::params::{NoQuery, SitePath};
use crate::problem::Problem;
use crate::response::{HandlerResult, JSON, json_response};
use crate::state::App;
use crate::workspace::Workspace;

/// `GET /api/sites/{site}/timeline`
pub(crate) async fn timeline(
    State(app): State<Arc<App>>,
    _: NoQuery,
    SitePath(id): SitePath,
    headers: HeaderMap,
) -> HandlerResult {
    let document = app
        .read(move |workspace| {
            let snapshot = workspace.snapshot()?;
            let entry = snapshot.site(&id)?;
            let limits: Vec<Value> = entry
                .permits
                .iter()
                .filter(|permit| permit.limit_ha.is_some())
                .map(|permit| {
                    json!({
                        "from": permit.valid_from,
                        "to": permit.valid_to,
                        "limit_ha": permit.limit_ha,
                        "permit": permit.number,
                    })
                })
                .collect();
            let observations = workspace.register(|register| Ok(register.read_observations(&id)?.rows))?;
            let points: Vec<Value> = observations
                .iter()
                .map(|one| {
                    let name = one.name();
                    Ok(json!({
                        "observation": name,
                        "date": one.date,
                        "area": one.area,
                        "verdict": one.verdict,
                        "share_assessed": one.share_assessed,
                        "share_beyond_map": one.share_beyond_map,
                        "share_disagreeing": one.share_disagreeing,
                        "boundary_sha256": one.boundary_sha256,
                        "gain_ha": one.gain_ha,
                        "loss_ha": one.loss_ha,
                        "seen_change": one.seen_change,
                        "indices": indices(workspace, &id, &name)?,
                    }))
                })
                .collect::<Result<_, Problem>>()?;
            Ok(json!({ "site": id, "limits": limits, "points": points }))
        })
        .await?;
    json_response(&headers, JSON, &document)
}

/// Medians of indices inside the site and around it. `null` if their file is missing.
fn indices(workspace: &Workspace, site: &minesegsat_watch::register::SiteId, name: &str) -> Result<Value, Problem> {
    let Some(folder) = workspace.observation_folder(site, name)? else { return Ok(Value::Null) };
    let path = folder.join("indices.json");
    if !path.is_file() {
        return Ok(Value::Null);
    }
    let Ok(document) = read_json::<Value>(&Location::from(path.as_path())) else { return Ok(Value::Null) };
    let medians = |part: &str| {
        let index = |name: &str| document[part][name].as_f64();
        json!({ "ndvi": index("ndvi"), "bsi": index("bsi"), "ndwi": index("ndwi") })
    };
    Ok(json!({ "inside": medians("inside"), "around": medians("around") }))
}
