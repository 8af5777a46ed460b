//! Report pages, evidence packs, exports and rasters.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use minesegsat_core::output::OutputFolder;
use minesegsat_export::{LandFormat, SiteLand};
use minesegsat_report::{Language, Locale, load_site, load_site_at, site_page, site_pdf};
use minesegsat_watch::evidence::{PackInput, check_files, pack, parameters_of};
use minesegsat_watch::register::{Register, SiteId};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::ids::{ObservationName, PredictionName, observation_id, site_id};
use crate::map_rasters::raster_name;
use crate::observation_files::{ObservationRaster, open_raster_file};
use crate::params::{NoQuery, ObservationPath, SitePath};
use crate::problem::{Problem, refused};
use crate::query::Query;
use crate::response::{
    GEO_JSON, GEOTIFF, HandlerResult, MadeFile, NO_STORE, REVALIDATE, content, file_response, html, json_response,
    named,
};
use crate::state::App;

const ZIP: &str = "application/zip";
const PDF: &str = "application/pdf";
const GEOPACKAGE: &str = "application/geopackage+sqlite3";
/// Content policy of reports. Reports also contain a stricter one, with digests of style and script. Browsers apply both.
const REPORT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// `GET /api/sites/{site}/report`
pub(crate) async fn report(
    State(app): State<Arc<App>>,
    query: Query,
    SitePath(id): SitePath,
    headers: HeaderMap,
) -> HandlerResult {
    query.only(&["format", "lang"])?;
    match query.get("format").unwrap_or("html") {
        "html" => {}
        "pdf" => return report_as_pdf(&app, &query, id, &headers).await,
        other => return Err(Problem::argument("format", other, "`html` or `pdf`")),
    }
    let locale = locale(&query, &headers)?;
    let page = app
        .read(move |workspace| {
            workspace.snapshot()?.site(&id)?;
            workspace.check_files(&id)?;
            workspace.register(|register| site_page(&load_site(register, &id)?, locale))
        })
        .await?;
    let mut response = html(&headers, page, REPORT_POLICY);
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-language"));
    Ok(response)
}

/// The report as PDF.
async fn report_as_pdf(app: &Arc<App>, query: &Query, id: SiteId, headers: &HeaderMap) -> HandlerResult {
    let locale = locale(query, headers)?;
    let file = format!("{id}.pdf");
    let bytes = app
        .read(move |workspace| {
            workspace.snapshot()?.site(&id)?;
            workspace.check_files(&id)?;
            workspace.register(|register| site_pdf(&load_site(register, &id)?, locale))
        })
        .await?;
    Ok(named(content(headers, PDF, NO_STORE, bytes.into()), &file))
}

/// The language of the parameter `lang`, else the first one that the browser accepts, else English.
fn locale(query: &Query, headers: &HeaderMap) -> Result<Locale, Problem> {
    if let Some(text) = query.get("lang") {
        let known = Language::ALL.map(|language| format!("`{language}`")).join(", ");
        return text.parse().map_err(|_| Problem::argument("lang", text, &known));
    }
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Ok(accepted.map(Locale::accepted).unwrap_or_default())
}

/// `GET /api/sites/{site}/evidence/{observation}`
pub(crate) async fn evidence(
    State(app): State<Arc<App>>,
    query: Query,
    ObservationPath(site, name): ObservationPath,
    headers: HeaderMap,
) -> HandlerResult {
    query.only(&["lang"])?;
    let locale = locale(&query, &headers)?;
    let file = format!("{}.zip", observation_id(&site, name.as_str()));
    let key = app.options.evidence_key.clone();
    let made = app
        .read(move |workspace| {
            let observation = workspace.observation(&site, &name)?;
            workspace.check_files(&site)?;
            let key = key.ok_or_else(|| {
                Problem::conflict(
                    "this server has no signing key; its operator can create one and start it with the key",
                )
            })?;
            let (site, permits) = {
                let snapshot = workspace.snapshot()?;
                let entry = snapshot.site(&site)?;
                (entry.site.clone(), entry.permits.clone())
            };
            let permit_of_verdict =
                |number: &String| permits.into_iter().find(|p| p.number == *number && p.holds_on(observation.date));
            let permit = observation.permit.as_ref().and_then(permit_of_verdict);
            let base = workspace.root().to_owned();
            let parameters = parameters_of(&observation, &base)?;
            // A file that differs from its record is a conflict in the workspace, not a failure of the server.
            check_files(&observation, &base).map_err(|error| Problem::conflict(error.to_string()))?;
            let report = workspace.register(|register| site_pdf(&load_site_at(register, &observation)?, locale))?;
            let input = PackInput { site, permit, observation, base, parameters, report, signed: Timestamp::now() };
            let folder = scratch()?;
            let path = folder.path().join("pack.zip");
            pack(&input, &key, &path, false).map_err(|error| Problem::conflict(error.to_string()))?;
            Ok(MadeFile::open(folder, &path)?)
        })
        .await?;
    Ok(named(made.response(&headers, ZIP, NO_STORE), &file))
}

/// `GET /api/sites/{site}/export`
pub(crate) async fn export(
    State(app): State<Arc<App>>,
    query: Query,
    SitePath(id): SitePath,
    headers: HeaderMap,
) -> HandlerResult {
    query.only(&["what", "format"])?;
    let format = query.get("format").unwrap_or("geojson").to_owned();
    match query.get("what").unwrap_or("site") {
        "site" => {}
        "land" => return export_land(&app, id, &format, &headers).await,
        other => return Err(Problem::argument("what", other, "`site` or `land`")),
    }
    match format.as_str() {
        "geojson" => {
            let file = format!("{id}.geojson");
            let document = app
                .read(move |workspace| {
                    workspace.snapshot()?.site(&id)?;
                    workspace.register(|register| geojson(register, &id))
                })
                .await?;
            Ok(named(json_response(&headers, GEO_JSON, &document)?, &file))
        }
        "gpkg" => {
            let file = format!("{id}.gpkg");
            let made = app
                .read(move |workspace| {
                    workspace.snapshot()?.site(&id)?;
                    let folder = scratch()?;
                    workspace.register(|register| geopackage(register, &id, folder.path()))?;
                    let path = folder.path().join(NAME);
                    Ok(MadeFile::open(folder, &path)?)
                })
                .await?;
            Ok(named(made.response(&headers, GEOPACKAGE, NO_STORE), &file))
        }
        other => Err(Problem::argument(
            "format",
            other,
            "`geojson` or `gpkg`; with `what=land` also `shp`, `kml`, `csv` and `xlsx`",
        )),
    }
}

/// The disturbed land of a site as a file.
async fn export_land(app: &App, id: SiteId, format: &str, headers: &HeaderMap) -> HandlerResult {
    let format: LandFormat = format.parse().map_err(refused)?;
    let file = format!("{id}_land.{}", format.extension());
    let made = app
        .read(move |workspace| {
            workspace.snapshot()?.site(&id)?;
            workspace.check_files(&id)?;
            let land = workspace.register(|register| SiteLand::read(register, &id))?;
            if let Some(reason) = land.nothing(format) {
                return Err(Problem::not_found(reason));
            }
            let folder = scratch()?;
            let path = folder.path().join(NAME);
            land.write(&path, format)?;
            Ok(MadeFile::open(folder, &path)?)
        })
        .await?;
    Ok(named(made.response(headers, format.media_type(), REVALIDATE), &file))
}

/// `GET /api/sites/{site}/observations/{observation}/files/{file}`
pub(crate) async fn observation_file(
    State(app): State<Arc<App>>,
    _: NoQuery,
    Path((site, name, raster)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> HandlerResult {
    let (site, name): (SiteId, ObservationName) = (site_id(&site)?, name.parse()?);
    let raster: ObservationRaster = raster.parse()?;
    let file = format!("{}_{}", observation_id(&site, name.as_str()), raster.name());
    let found = app
        .read(move |workspace| {
            let observation = workspace.observation(&site, &name)?;
            open_raster_file(workspace, &observation, raster)
        })
        .await?;
    Ok(named(file_response(&headers, GEOTIFF, found)?, &file))
}

/// `GET /api/predictions/{name}/files/{file}`
pub(crate) async fn prediction_file(
    State(app): State<Arc<App>>,
    _: NoQuery,
    Path((name, raster)): Path<(String, String)>,
    headers: HeaderMap,
) -> HandlerResult {
    let name: PredictionName = name.parse()?;
    let raster = raster_name(&raster)?;
    let file = format!("{name}_{raster}");
    let found = app
        .read(move |workspace| {
            workspace.check()?;
            let prediction = workspace.predictions().find(&name)?;
            std::fs::File::open(prediction.folder.join(raster)).map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Problem::not_found(format!("prediction `{name}` has no {raster}")),
                _ => minesegsat_core::Error::Io(error).into(),
            })
        })
        .await?;
    Ok(named(file_response(&headers, GEOTIFF, found)?, &file))
}

/// The site as a feature collection: its boundary, then its permits.
fn geojson(register: &Register, id: &SiteId) -> minesegsat_core::Result<Value> {
    let site = register.known_site(id)?;
    let observations = register.read_observations(id)?.rows;
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
    for permit in register.read_permits(id)?.rows {
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

/// Writes a copy of the register that contains this site only.
fn geopackage(register: &Register, id: &SiteId, folder: &std::path::Path) -> minesegsat_core::Result<()> {
    let outputs = OutputFolder::create(folder, &[NAME], false)?;
    register.export_geopackage(&outputs.path(NAME), true)?;
    outputs.commit()?;
    // Removes the other sites from the copy.
    let path = folder.join(NAME);
    let fail = |error: rusqlite::Error| minesegsat_core::Error::database(NAME, "", error);
    let copy = Connection::open(&path).map_err(fail)?;
    copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA foreign_keys = ON").map_err(fail)?;
    for statement in [
        "DELETE FROM observations WHERE site != ?1",
        "DELETE FROM permits WHERE site != ?1",
        "DELETE FROM sites WHERE id != ?1",
    ] {
        copy.execute(statement, [id.as_str()]).map_err(fail)?;
    }
    copy.execute_batch("VACUUM").map_err(fail)
}

fn scratch() -> Result<tempfile::TempDir, Problem> {
    tempfile::Builder::new()
        .prefix("minesegsat-serve-")
        .tempdir()
        .map_err(|error| minesegsat_core::Error::Io(error).into())
}
