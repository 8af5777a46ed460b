//! Polygons of observations and predictions as GeoJSON.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use minesegsat::register::{Observation, SiteId};
use minesegsat::{Location, read_json};
use serde_json::{Value, json};

use super::OBSERVATION_FILES;
use crate::answer::{Answer, GEO_JSON, json as answer};
use crate::ids::{ObservationName, PredictionName, site_id};
use crate::problem::Problem;
use crate::query::Query;
use crate::shapes::{self, Shape};
use crate::state::App;
use crate::workspace::Workspace;

/// Which polygons of an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Disturbed,
    Changes,
}

/// `GET /api/sites/{site}/observations/{observation}/polygons`
pub(crate) async fn observation_polygons(
    State(app): State<Arc<App>>,
    Path((site, name)): Path<(String, String)>,
    query: Query,
    headers: HeaderMap,
) -> Answer {
    of_observation(&app, &site, &name, query, headers, Kind::Disturbed).await
}

/// `GET /api/sites/{site}/observations/{observation}/changes`
pub(crate) async fn observation_changes(
    State(app): State<Arc<App>>,
    Path((site, name)): Path<(String, String)>,
    query: Query,
    headers: HeaderMap,
) -> Answer {
    of_observation(&app, &site, &name, query, headers, Kind::Changes).await
}

async fn of_observation(app: &App, site: &str, name: &str, query: Query, headers: HeaderMap, kind: Kind) -> Answer {
    query.only(&[])?;
    let (site, name): (SiteId, ObservationName) = (site_id(site)?, name.parse()?);
    let shapes = app
        .read(move |workspace| {
            let observation = workspace.observation(&site, &name)?;
            shapes_of(workspace, &observation, kind)
        })
        .await?;
    collection(&headers, &shapes)
}

/// `GET /api/predictions/{name}/polygons`
pub(crate) async fn prediction_polygons(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    query: Query,
    headers: HeaderMap,
) -> Answer {
    query.only(&[])?;
    let name: PredictionName = name.parse()?;
    let shapes = app
        .read(move |workspace| {
            workspace.check()?;
            let prediction = workspace.predictions().find(&name)?;
            let missing = || {
                Problem::not_found(format!("prediction `{name}` has no polygons; `predict --format gpkg` writes them"))
            };
            shapes::disturbed(&prediction.folder)?.ok_or_else(missing)
        })
        .await?;
    collection(&headers, &shapes)
}

fn collection(headers: &HeaderMap, shapes: &[Shape]) -> Answer {
    let features: Vec<Value> = (1..).zip(shapes).map(|(id, shape): (u64, _)| shape.feature(Some(id.into()))).collect();
    answer(headers, GEO_JSON, &json!({ "type": "FeatureCollection", "features": features }))
}

/// Polygons of an observation. None of them where it has nothing to compare with; an error where its files are gone.
pub(crate) fn shapes_of(workspace: &Workspace, one: &Observation, kind: Kind) -> Result<Vec<Shape>, Problem> {
    let name = one.name();
    let gone = || {
        Problem::not_found(format!("the files of observation `{name}` of site `{}` are not there any more", one.site))
    };
    let folder = workspace.observation_folder(&one.site, &name)?.ok_or_else(gone)?;
    match kind {
        Kind::Disturbed => shapes::disturbed(&folder.join(OBSERVATION_FILES.0))?.ok_or_else(gone),
        Kind::Changes => {
            for change in OBSERVATION_FILES.1 {
                let folder = folder.join(change);
                let since = since_of(&folder);
                if let Some(shapes) = shapes::changes(&folder, since)? {
                    return Ok(shapes);
                }
            }
            Ok(Vec::new())
        }
    }
}

/// The day that a comparison counts from, as its record has it.
fn since_of(folder: &std::path::Path) -> Option<String> {
    let path = folder.join("manifest.json");
    let manifest: Value = if path.is_file() { read_json(&Location::from(path.as_path())).ok()? } else { return None };
    manifest["dates"][0]["date"].as_str().map(str::to_owned)
}
