//! Export of sites, permits and observations.

use std::collections::HashMap;
use std::path::Path;

use geo::{BoundingRect, MultiPolygon};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use wkt::ToWkt;

use super::schema::{self, sql_error};
use super::sql_functions;
use super::summary::today;
use super::table::{OBSERVATION_COLUMNS, csv_table, observation_row};
use super::{Permit, Register, SiteId, SiteSummary};
use minesegsat_core::{Error, Result};
use minesegsat_vector::values::Numbers;
use minesegsat_vector::vector::cut_at_antimeridian;

/// Tables whose rows are always exported.
const KEPT: [&str; 4] = ["sites", "permits", "minesegsat_register", "layer_styles"];
/// Tables whose rows are exported on request.
const KEPT_WITH_OBSERVATIONS: [&str; 3] = ["observations", "observation_files", "verdict_history"];

impl Register {
    /// GeoJSON (RFC 7946) with a feature per site: its permits as a list and its last observation. With `observations`, all
    /// observations are another list. Rows that cannot be read are left out ([`Register::damaged`] lists them); the property
    /// `problems` of their site names them.
    pub fn export_geojson(&self, observations: bool) -> Result<Vec<u8>> {
        let today = today();
        let summaries = self.read_summaries_on(today)?.rows;
        let mut summaries: HashMap<SiteId, SiteSummary> =
            summaries.into_iter().map(|summary| (summary.id.clone(), summary)).collect();
        let sites = self.read_sites()?.rows;
        let mut features = Vec::with_capacity(sites.len());
        for site in sites {
            let Some(summary) = summaries.remove(&site.id) else { continue };
            let permits = self.read_permits(&site.id)?.rows;
            let permit = permits.iter().find(|permit| permit.holds_on(today));
            let mut properties = site_properties(&summary);
            properties.insert("id".to_owned(), json!(summary.id));
            properties.insert("valid_from".to_owned(), json!(permit.map(|permit| permit.valid_from)));
            properties.insert("valid_to".to_owned(), json!(permit.and_then(|permit| permit.valid_to)));
            properties.insert("permits".to_owned(), permits.iter().map(Permit::to_json).collect());
            if observations {
                let all = self.read_observations(&site.id)?.rows;
                properties
                    .insert("all_observations".to_owned(), serde_json::to_value(all).map_err(std::io::Error::from)?);
            }
            features.push(json!({
                "type": "Feature",
                "id": site.id,
                "properties": properties,
                "geometry": site.geojson(),
            }));
        }
        let collection = json!({"type": "FeatureCollection", "name": "sites", "features": features});
        serde_json::to_vec(&collection).map_err(|error| Error::Io(error.into()))
    }

    /// CSV table with a row per site and permit version. [`Register::import`] can read it.
    pub fn export_csv(&self) -> Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let names = [
            "id",
            "name",
            "operator",
            "commodity",
            "status",
            "number",
            "valid_from",
            "valid_to",
            "limit_ha",
            "document",
            "document_sha256",
            "permit_wkt",
            "wkt",
        ];
        let fail = |error: csv::Error| Error::Io(error.into());
        writer.write_record(names).map_err(fail)?;
        for site in self.read_sites()?.rows {
            let permits = self.read_permits(&site.id)?.rows;
            let of_site = [
                site.id.to_string(),
                site.name,
                site.operator.unwrap_or_default(),
                site.commodity.unwrap_or_default(),
                site.status.to_string(),
            ];
            let mut boundary = site.boundary.wkt_string();
            if permits.is_empty() {
                let none = std::iter::repeat_n(String::new(), 7);
                writer.write_record(of_site.iter().cloned().chain(none).chain([boundary])).map_err(fail)?;
                continue;
            }
            for permit in permits {
                let of_permit = [
                    permit.number,
                    permit.valid_from.to_string(),
                    permit.valid_to.map(|day| day.to_string()).unwrap_or_default(),
                    permit.limit_ha.map(limit_text).unwrap_or_default(),
                    permit.document.unwrap_or_default(),
                    permit.document_sha256.unwrap_or_default(),
                    permit.polygon.map(|polygon| polygon.wkt_string()).unwrap_or_default(),
                ];
                // Only the first row of a site has its boundary, which may be long.
                let boundary = std::mem::take(&mut boundary);
                writer.write_record(of_site.iter().cloned().chain(of_permit).chain([boundary])).map_err(fail)?;
            }
        }
        writer.into_inner().map_err(|error| Error::Io(error.into_error()))
    }

    /// CSV table with a row per observation.
    pub fn export_observations_csv(&self) -> Result<Vec<u8>> {
        let mut rows = Vec::new();
        for site in self.read_summaries_on(today())?.rows {
            rows.extend(self.read_observations(&site.id)?.rows.iter().map(observation_row));
        }
        csv_table(&OBSERVATION_COLUMNS, rows)
    }

    /// Writes a consistent copy of the register to a new file. The copy is a register with sites and permits, and with
    /// observations on request. Alerts are not copied.
    pub fn export_geopackage(&self, target: &Path, observations: bool) -> Result<()> {
        schema::copy(&self.connection, &self.path, target)?;
        let sql = sql_error(target);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let copy = Connection::open_with_flags(target, flags).map_err(&sql)?;
        sql_functions::add(&copy).map_err(&sql)?;
        // The caller renames the file when it is complete.
        copy.pragma_update(None, "journal_mode", "OFF").map_err(&sql)?;
        let tables: Vec<String> = copy
            .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'gpkg%' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'rtree%'")
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
            .map_err(&sql)?;
        for table in tables {
            let name = table.as_str();
            if !(KEPT.contains(&name) || (observations && KEPT_WITH_OBSERVATIONS.contains(&name))) {
                copy.execute(&format!("DELETE FROM \"{name}\""), []).map_err(&sql)?;
            }
        }
        copy.execute_batch("VACUUM").map_err(&sql)?;
        copy.close().map_err(|(_, error)| sql(error))
    }
}

/// A limit as text that [`Register::import`] reads as the same number.
fn limit_text(limit_ha: f64) -> String {
    let text = limit_ha.to_string();
    // Three decimals could be a thousand.
    if Numbers::default().parse(&text).is_err() { text + "0" } else { text }
}

/// GeoJSON geometry of a boundary (RFC 7946): longitudes of -180 to 180 degrees, split at the antimeridian.
pub fn geometry_json(outline: &MultiPolygon<f64>) -> Value {
    let is_beyond = |rect: geo::Rect<f64>| rect.min().x < -180.0 || rect.max().x > 180.0;
    let cut = outline.bounding_rect().is_some_and(is_beyond).then(|| cut_at_antimeridian(outline));
    json!(geojson::Geometry::new(geojson::GeometryValue::from(cut.as_ref().unwrap_or(outline))))
}

/// GeoJSON properties of a site: its attributes, limit and latest observation.
pub fn site_properties(summary: &SiteSummary) -> serde_json::Map<String, Value> {
    let last = summary.last.as_ref();
    let area = last.and_then(|last| last.area);
    let properties = json!({
        "name": summary.name,
        "operator": summary.operator,
        "commodity": summary.commodity,
        "status": summary.status,
        "permit": summary.permit,
        "limit_ha": summary.limit_ha,
        "observations": summary.observations,
        "date": last.map(|last| last.date),
        "verdict": last.map(|last| last.verdict),
        "area_ha": area.map(|area| area.ha),
        "area_lower_ha": area.map(|area| area.lower_ha),
        "area_upper_ha": area.map(|area| area.upper_ha),
    });
    match properties {
        Value::Object(mut properties) => {
            if !summary.problems.is_empty() {
                properties.insert("problems".to_owned(), json!(summary.problems));
            }
            properties
        }
        _ => serde_json::Map::new(),
    }
}
