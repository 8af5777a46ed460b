//! Report pages, evidence packs and exports.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use bytes::Bytes;
use jiff::Timestamp;
use minesegsat::evidence::{PackInput, pack, parameters_of};
use minesegsat::output::OutputFolder;
use minesegsat::register::{Register, SiteId};
use minesegsat::report::{load_site, site_page};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::answer::{Answer, GEO_JSON, NO_STORE, content, html, json as answer, named};
use crate::ids::{ObservationName, observation_id, site_id};
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;

const ZIP: &str = "application/zip";
const GEOPACKAGE: &str = "application/geopackage+sqlite3";
/// Reports have a stricter policy of their own inside, with digests of their style and script; both hold.
const REPORT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// `GET /api/sites/{site}/report`
pub(crate) async fn report(
    State(app): State<Arc<App>>,
    Path(site): Path<String>,
    query: Query,
    headers: HeaderMap,
) -> Answer {
    query.only(&[])?;
    let id = site_id(&site)?;
    let page = app
        .read(move |workspace| {
            workspace.snapshot()?.site(&id)?;
            workspace.register(|register| site_page(&load_site(register, &id)?))
        })
        .await?;
    Ok(html(&headers, page, REPORT_POLICY))
}

/// `GET /api/sites/{site}/evidence/{observation}`
pub(crate) async fn evidence(
    State(app): State<Arc<App>>,
    Path((site, name)): Path<(String, String)>,
    query: Query,
    headers: HeaderMap,
) -> Answer {
    query.only(&[])?;
    let (site, name): (SiteId, ObservationName) = (site_id(&site)?, name.parse()?);
    let file = format!("{}.zip", observation_id(&site, name.as_str()));
    let key = app.options.evidence_key.clone();
    let bytes = app
        .read(move |workspace| {
            let observation = workspace.observation(&site, &name)?;
            let key = key.ok_or_else(|| {
                Problem::conflict(
                    "this server has no key to sign with; `minesegsat evidence keygen` makes one, and `serve --key` takes it",
                )
            })?;
            let (site, permits) = {
                let snapshot = workspace.snapshot()?;
                let entry = snapshot.site(&site)?;
                (entry.site.clone(), entry.permits.clone())
            };
            let of_verdict =
                |number: &String| permits.into_iter().find(|p| p.number == *number && p.holds_on(observation.date));
            let permit = observation.permit.as_ref().and_then(of_verdict);
            let base = workspace.root().to_owned();
            let parameters = parameters_of(&observation, &base)?;
            let input = PackInput { site, permit, observation, base, parameters, signed: Timestamp::now() };
            let folder = scratch()?;
            let path = folder.path().join("pack.zip");
            // A file that is not what the observation recorded is the register's trouble, not the server's.
            pack(&input, &key, &path, false).map_err(|error| Problem::conflict(error.to_string()))?;
            read(&path)
        })
        .await?;
    Ok(named(content(&headers, ZIP, NO_STORE, bytes), &file))
}

/// `GET /api/sites/{site}/export`
pub(crate) async fn export(
    State(app): State<Arc<App>>,
    Path(site): Path<String>,
    query: Query,
    headers: HeaderMap,
) -> Answer {
    query.only(&["format"])?;
    let id = site_id(&site)?;
    let format = query.get("format").unwrap_or("geojson").to_owned();
    match format.as_str() {
        "geojson" => {
            let file = format!("{id}.geojson");
            let document = app
                .read(move |workspace| {
                    workspace.snapshot()?.site(&id)?;
                    workspace.register(|register| geojson(register, &id))
                })
                .await?;
            Ok(named(answer(&headers, GEO_JSON, &document)?, &file))
        }
        "gpkg" => {
            let file = format!("{id}.gpkg");
            let bytes = app
                .read(move |workspace| {
                    workspace.snapshot()?.site(&id)?;
                    let folder = scratch()?;
                    workspace.register(|register| geopackage(register, &id, folder.path()))?;
                    read(&folder.path().join(NAME))
                })
                .await?;
            Ok(named(content(&headers, GEOPACKAGE, NO_STORE, bytes), &file))
        }
        other => Err(Problem::argument("format", other, "`geojson` or `gpkg`")),
    }
}

/// The site as a collection of features: its boundary, then its permits.
fn geojson(register: &Register, id: &SiteId) -> minesegsat::Result<Value> {
    let site = register.known_site(id)?;
    let observations = register.observations(id)?;
    let last = observations.last();
    let mut features = vec![json!({
        "type": "Feature",
        "id": site.id,
        "properties": {
            "kind": "site",
            "id": site.id,
            "name": site.name,
            "operator": site.operator,
            "commodity": site.commodity,
            "status": site.status,
            "date": last.map(|last| last.date),
            "verdict": last.map(|last| last.verdict),
            "area_ha": last.and_then(|last| last.area).map(|area| area.ha),
            "observations": observations,
        },
        "geometry": site.geojson(),
    })];
    for permit in register.permits(id)? {
        let mut properties = permit.to_json();
        let polygon = properties.as_object_mut().and_then(|properties| properties.remove("polygon"));
        properties["kind"] = "permit".into();
        properties["site"] = json!(site.id);
        features.push(json!({
            "type": "Feature",
            "id": format!("{}_{}", site.id, permit.valid_from),
            "properties": properties,
            "geometry": polygon,
        }));
    }
    Ok(json!({ "type": "FeatureCollection", "name": site.id, "features": features }))
}

/// Name of the file that [`geopackage`] writes.
const NAME: &str = "export.gpkg";

/// A register with this site only.
fn geopackage(register: &Register, id: &SiteId, folder: &std::path::Path) -> minesegsat::Result<()> {
    let outputs = OutputFolder::create(folder, &[NAME], false)?;
    register.export_geopackage(&outputs.path(NAME), true)?;
    outputs.commit()?;
    // The copy holds all sites; the others are taken out of it.
    let path = folder.join(NAME);
    let fail = |error: rusqlite::Error| minesegsat::Error::Vector { path: NAME.into(), reason: error.to_string() };
    let copy = Connection::open(&path).map_err(fail)?;
    copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA foreign_keys = ON").map_err(fail)?;
    for of_site in [
        "DELETE FROM observations WHERE site != ?1",
        "DELETE FROM permits WHERE site != ?1",
        "DELETE FROM sites WHERE id != ?1",
    ] {
        copy.execute(of_site, [id.as_str()]).map_err(fail)?;
    }
    copy.execute_batch("VACUUM").map_err(fail)
}

fn scratch() -> Result<tempfile::TempDir, Problem> {
    tempfile::Builder::new().prefix("minesegsat-serve-").tempdir().map_err(|error| minesegsat::Error::Io(error).into())
}

fn read(path: &std::path::Path) -> Result<Bytes, Problem> {
    fs_err::read(path).map(Bytes::from).map_err(|error| minesegsat::Error::Io(error).into())
}
