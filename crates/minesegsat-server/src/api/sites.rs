//! `/api/sites` and `/api/sites/{id}`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use bytes::Bytes;
use minesegsat_watch::register::{Permit, SiteId, revision};
use serde_json::{Value, json};

use super::observation::observation_json;
use crate::etag;
use crate::params::{NoQuery, SitePath};
use crate::problem::Problem;
use crate::response::{HandlerResult, JSON, REVALIDATE, json_response, tagged};
use crate::snapshot::{SiteEntry, Snapshot};
use crate::state::App;
use crate::tile_store::TileStore;
use crate::workspace::Workspace;

/// `GET /api/sites`
pub(crate) async fn sites(State(app): State<Arc<App>>, _: NoQuery, headers: HeaderMap) -> HandlerResult {
    let (tag, bytes) = app
        .read(|workspace| {
            let snapshot = workspace.snapshot()?;
            // Serialised once for each snapshot: ten thousand sites are several megabytes.
            match snapshot.list.get() {
                Some(list) => Ok(list.clone()),
                None => list(&snapshot).map(|list| snapshot.list.get_or_init(|| list).clone()),
            }
        })
        .await?;
    Ok(tagged(&headers, JSON, REVALIDATE, &tag, bytes))
}

fn list(snapshot: &Snapshot) -> Result<(String, Bytes), Problem> {
    let sites: Vec<Value> = snapshot.sites.iter().map(summary).collect();
    let bytes = serde_json::to_vec(&json!({ "sites": sites, "problems": snapshot.problems }))
        .map_err(|error| Problem::internal(error.to_string()))?;
    Ok((etag::content_tag(&bytes), bytes.into()))
}

/// A site as JSON, as in the list.
fn summary(entry: &SiteEntry) -> Value {
    let summary = &entry.summary;
    json!({
        "id": summary.id,
        "name": summary.name,
        "operator": summary.operator,
        "commodity": summary.commodity,
        "status": summary.status,
        "bbox": entry.bbox,
        "permit": summary.permit,
        "limit_ha": summary.limit_ha,
        "observations": summary.observations,
        "last": summary.last,
        "problems": summary.problems,
    })
}

/// `GET /api/sites/{site}`
pub(crate) async fn site(
    State(app): State<Arc<App>>,
    _: NoQuery,
    SitePath(id): SitePath,
    headers: HeaderMap,
) -> HandlerResult {
    let tiles = app.tiles.clone();
    let document = app.read(move |workspace| site_json(workspace, &tiles, &id)).await?;
    json_response(&headers, JSON, &document)
}

/// A site as JSON, with everything that is known of it.
pub(super) fn site_json(workspace: &Workspace, tiles: &TileStore, id: &SiteId) -> Result<Value, Problem> {
    let snapshot = workspace.snapshot()?;
    let entry = snapshot.site(id)?;
    let mut document = summary(entry);
    document["revision"] = revision(&entry.site, &entry.permits).into();
    document["boundary"] = entry.site.geojson();
    document["permits"] = entry.permits.iter().map(permit).collect();
    let observations = workspace.register(|register| Ok(register.read_observations(id)?.rows))?;
    document["observations"] =
        observations.iter().map(|one| observation_json(workspace, tiles, one)).collect::<Result<_, Problem>>()?;
    let corrections = workspace.register(|register| register.corrections(id, false))?;
    document["corrections"] = json!(corrections);
    Ok(document)
}

fn permit(permit: &Permit) -> Value {
    let mut document = permit.to_json();
    if let Some(document) = document.as_object_mut() {
        document.remove("document_sha256");
    }
    document
}
