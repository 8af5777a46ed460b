//! Changes of the register: sites and permits are added, edited and removed.
//!
//! A change names the revision of the site that its editor has seen. If the site has changed since, the response is 409 and nothing is
//! stored.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Extension, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use geo::MultiPolygon;
use jiff::civil::Date;
use minesegsat_core::Error;
use minesegsat_watch::monitor::{PermitChange, judge_again, verdicts_after};
use minesegsat_watch::register::{Permit, Register, Site, SiteEdit, SiteId, SiteStatus, revision};
use serde::Deserialize;
use serde_json::Value;

use super::sites::site_json;
use crate::access::Caller;
use crate::params::{NoQuery, SitePath};
use crate::problem::{Problem, refused};
use crate::query::Query;
use crate::response::{HandlerResult, NO_STORE, header_value};
use crate::shapes::parse_geometry;
use crate::state::App;

/// Body of `POST /api/sites`: a GeoJSON feature.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSite {
    #[serde(rename = "type")]
    kind: String,
    properties: NewSiteProperties,
    geometry: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSiteProperties {
    /// Made from the name if it is missing.
    id: Option<SiteId>,
    name: String,
    operator: Option<String>,
    commodity: Option<String>,
    status: Option<SiteStatus>,
}

/// Body of `PATCH /api/sites/{site}`. A missing value stays. An empty text removes the operator or the commodity.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangedSite {
    revision: String,
    name: Option<String>,
    operator: Option<String>,
    commodity: Option<String>,
    status: Option<SiteStatus>,
    geometry: Option<Value>,
}

/// Body of `POST /api/sites/{site}/permits`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPermit {
    revision: String,
    number: String,
    valid_from: Date,
    valid_to: Option<Date>,
    limit_ha: Option<f64>,
    polygon: Option<Value>,
    /// Whether an open-ended version before it ends on the day before its first day.
    #[serde(default)]
    supersede: bool,
    /// Whether it is stored even if verdicts of stored observations change.
    #[serde(default)]
    force: bool,
}

/// `POST /api/sites`
pub(crate) async fn add_site(
    State(app): State<Arc<App>>,
    _: NoQuery,
    body: Result<Json<NewSite>, JsonRejection>,
) -> HandlerResult {
    let Json(NewSite { kind, properties, geometry }) = body?;
    if kind != "Feature" {
        return Err(Problem::argument("type", &kind, "`Feature`: one site"));
    }
    let boundary = outline("geometry", &geometry)?;
    let tiles = app.tiles.clone();
    let (id, document) = app
        .read(move |workspace| {
            let id = workspace.change(|register| store_site(register, properties, boundary))?;
            let document = site_json(workspace, &tiles, &id)?;
            Ok((id, document))
        })
        .await?;
    let location = header_value(&format!("/api/sites/{id}"));
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], changed(&document)).into_response())
}

fn store_site(
    register: &Register,
    properties: NewSiteProperties,
    boundary: MultiPolygon<f64>,
) -> Result<SiteId, Problem> {
    let NewSiteProperties { id, name, operator, commodity, status } = properties;
    let id = id.map_or_else(|| register.free_id(&name), Ok).map_err(refused)?;
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let site = Site {
        id,
        name,
        operator: given(operator),
        commodity: given(commodity),
        status: status.unwrap_or_default(),
        boundary,
    };
    let id = &site.id;
    // Asked afterwards: another client may store a site of this id at any moment.
    register.add_site(&site).map_err(|error| match error {
        Error::Argument { .. } if register.stored_site(id).is_ok() => Problem::conflict(format!(
            "the register has a site `{id}` already: edit it, or give the new site another id"
        )),
        error => refused(error),
    })?;
    Ok(site.id)
}

/// `PATCH /api/sites/{site}`
pub(crate) async fn edit_site(
    State(app): State<Arc<App>>,
    SitePath(id): SitePath,
    _: NoQuery,
    body: Result<Json<ChangedSite>, JsonRejection>,
) -> HandlerResult {
    let Json(ChangedSite { revision, name, operator, commodity, status, geometry }) = body?;
    let boundary = geometry.map(|geometry| outline("geometry", &geometry)).transpose()?;
    let edit = SiteEdit { name, operator, commodity, status, boundary };
    change_site(&app, id, move |register, id| {
        let done = register.edit_site(id, &revision, edit).map_err(refused)?;
        done.map(drop).ok_or_else(|| stale(id))
    })
    .await
}

/// `DELETE /api/sites/{site}`: also removes permits and observations. Files of observations stay, as the alerts that were sent.
pub(crate) async fn remove_site(
    State(app): State<Arc<App>>,
    SitePath(id): SitePath,
    Extension(caller): Extension<Caller>,
    query: Query,
) -> HandlerResult {
    query.only(&["revision", "force"])?;
    let revision = needed(&query, "revision", REVISION)?;
    let forced = is_forced(&query)?;
    let removed = app
        .read(move |workspace| {
            workspace.snapshot()?.site(&id)?;
            workspace.change(|register| {
                let done = register.remove_site_of(&id, &revision, forced).map_err(|error| match error {
                    Error::Argument { accepted, .. } if !forced && register.is_observed(&id).unwrap_or(false) => {
                        Problem::conflict(format!(
                            "site `{id}` is not removed: {accepted}; `force=true` removes them too"
                        ))
                    }
                    error => refused(error),
                })?;
                let removed = done.ok_or_else(|| stale(&id))?;
                // The register keeps no trace of it.
                let (permits, observations) = (removed.permits, removed.observations);
                tracing::warn!(site = %id, %caller, permits, observations, "a site was removed");
                Ok(removed)
            })
        })
        .await?;
    Ok(([(header::CACHE_CONTROL, NO_STORE)], Json(removed)).into_response())
}

/// `POST /api/sites/{site}/permits`
pub(crate) async fn add_permit(
    State(app): State<Arc<App>>,
    SitePath(id): SitePath,
    Extension(caller): Extension<Caller>,
    _: NoQuery,
    body: Result<Json<NewPermit>, JsonRejection>,
) -> HandlerResult {
    let Json(NewPermit { revision, number, valid_from, valid_to, limit_ha, polygon, supersede, force }) = body?;
    let polygon = polygon.map(|polygon| outline("polygon", &polygon)).transpose()?;
    change_site(&app, id, move |register, id| {
        let permit = Permit {
            site: id.clone(),
            number,
            valid_from,
            valid_to,
            polygon,
            limit_ha,
            document: None,
            document_sha256: None,
        };
        let change = if supersede { PermitChange::Supersede(&permit) } else { PermitChange::Add(&permit) };
        ask_before_judging_again(register, id, &revision, change, force)?;
        let done = if supersede {
            register.supersede_permit_of(&revision, &permit).map_err(refused)?.map(drop)
        } else {
            register.add_permit_to(&revision, &permit).map_err(refused)?.map(drop)
        };
        done.ok_or_else(|| stale(id))?;
        judge_again(register, [id], caller.name.as_deref());
        Ok(())
    })
    .await
}

/// `DELETE /api/sites/{site}/permits`
pub(crate) async fn remove_permit(
    State(app): State<Arc<App>>,
    SitePath(id): SitePath,
    Extension(caller): Extension<Caller>,
    query: Query,
) -> HandlerResult {
    query.only(&["number", "valid_from", "revision", "force"])?;
    let force = is_forced(&query)?;
    let number = needed(&query, "number", "the number of a permit of the site")?;
    let revision = needed(&query, "revision", REVISION)?;
    let valid_from = query
        .get("valid_from")
        .map(|text| {
            text.parse::<Date>().map_err(|_| Problem::argument("valid_from", text, "a date such as 2024-01-01"))
        })
        .transpose()?;
    change_site(&app, id, move |register, id| {
        let change = PermitChange::Withdraw { site: id, number: &number, valid_from };
        ask_before_judging_again(register, id, &revision, change, force)?;
        let done = register.remove_permit_of(id, &revision, &number, valid_from).map_err(refused)?;
        done.ok_or_else(|| stale(id))?;
        judge_again(register, [id], caller.name.as_deref());
        Ok(())
    })
    .await
}

/// The parameter `force`.
fn is_forced(query: &Query) -> Result<bool, Problem> {
    match query.get("force") {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(Problem::argument("force", other, "true or false")),
    }
}

/// Fails with 428 if a change of permits would replace verdicts, unless it is forced. The message names each of them.
fn ask_before_judging_again(
    register: &Register,
    id: &SiteId,
    seen: &str,
    change: PermitChange<'_>,
    force: bool,
) -> Result<(), Problem> {
    if force {
        return Ok(());
    }
    let now = revision(&register.known_site(id)?, &register.read_permits(id)?.rows);
    if now != seen {
        return Err(stale(id));
    }
    let replaced = verdicts_after(register, change).map_err(refused)?;
    if replaced.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = replaced.iter().map(ToString::to_string).collect();
    let detail = format!("nothing was stored, because verdicts would change: {}; `force` stores it", lines.join("; "));
    Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, detail))
}

/// Accepted values of `revision`.
const REVISION: &str = "the `revision` of `/api/sites/{site}`";

/// A query parameter that must be given.
fn needed(query: &Query, name: &str, accepted: &str) -> Result<String, Problem> {
    query.get(name).map(str::to_owned).ok_or_else(|| Problem::argument(name, "", accepted))
}

/// Changes a site that is known. The response is the site as it is then.
async fn change_site(
    app: &App,
    id: SiteId,
    change: impl FnOnce(&Register, &SiteId) -> Result<(), Problem> + Send + 'static,
) -> HandlerResult {
    let tiles = app.tiles.clone();
    let document = app
        .read(move |workspace| {
            workspace.snapshot()?.site(&id)?;
            workspace.change(|register| change(register, &id))?;
            site_json(workspace, &tiles, &id)
        })
        .await?;
    Ok(changed(&document))
}

fn changed(document: &Value) -> Response {
    ([(header::CACHE_CONTROL, NO_STORE)], Json(document)).into_response()
}

fn stale(id: &SiteId) -> Problem {
    Problem::conflict(format!(
        "site `{id}` has changed since you read it, so nothing was stored; read it again, and repeat the change"
    ))
}

/// The outline of a GeoJSON polygon in longitude and latitude.
fn outline(name: &str, value: &Value) -> Result<MultiPolygon<f64>, Problem> {
    let refuse = |why: &str| {
        let accepted = format!("a Polygon or MultiPolygon of GeoJSON in longitude and latitude{why}");
        Problem::argument(name, &value.to_string(), &accepted)
    };
    match parse_geometry(value).map_err(|error| refuse(&format!(": {error}")))? {
        geo::Geometry::MultiPolygon(outline) => Ok(outline),
        geo::Geometry::Polygon(polygon) => Ok(polygon.into()),
        _ => Err(refuse("")),
    }
}
