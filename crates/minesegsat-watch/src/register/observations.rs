//! The observations of a register.

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{OptionalExtension, Params, Row, Transaction, params};
use serde::de::DeserializeOwned;

use super::schema::sql_error;
use super::sites::refuse;
use super::{Area, Observation, ObservationFile, Register, SiteId};
use minesegsat_core::{Error, Result};

/// Columns of an observation, in the order of [`Register::observation_of`].
const COLUMNS: &str = "fid, site, date, scenes, model_sha256, share_assessed, area_ha, area_lower_ha, area_upper_ha, \
     confidence_level_percent, compared_with, gain_ha, loss_ha, outside_permit_ha, permit, limit_ha, verdict, statement, \
     warnings, created";

/// SQL order: latest day first; within a day, last stored first.
pub(super) const LATEST_FIRST: &str = "date DESC, created DESC, fid DESC";

impl Register {
    /// Observations of a site, by date; within a day, in the order of storing.
    pub fn observations(&self, site: &SiteId) -> Result<Vec<Observation>> {
        let query = format!("SELECT {COLUMNS} FROM observations WHERE site = ?1 ORDER BY date, created, fid");
        self.read_observations(&query, [site.as_str()])
    }

    /// The latest observation of a site.
    pub fn last_observation(&self, site: &SiteId) -> Result<Option<Observation>> {
        let query = format!("SELECT {COLUMNS} FROM observations WHERE site = ?1 ORDER BY {LATEST_FIRST} LIMIT 1");
        Ok(self.read_observations(&query, [site.as_str()])?.pop())
    }

    /// The observation of a site with this name ([`Observation::name`]).
    pub fn observation(&self, site: &SiteId, name: &str) -> Result<Option<Observation>> {
        let Some(day) = name.get(..10) else { return Ok(None) };
        let query =
            format!("SELECT {COLUMNS} FROM observations WHERE site = ?1 AND date = ?2 ORDER BY date, created, fid");
        let found = self.read_observations(&query, params![site.as_str(), day])?;
        Ok(found.into_iter().find(|observation| observation.name() == name))
    }

    /// Whether a site was already observed in these scenes (in any order) with this model.
    pub fn has_observation(&self, site: &SiteId, scenes: &[String], model_sha256: &str) -> Result<bool> {
        self.connection
            .prepare_cached("SELECT 1 FROM observations WHERE site = ?1 AND scenes = ?2 AND model_sha256 = ?3")
            .and_then(|mut statement| {
                statement.query_row(params![site.as_str(), list_of(scenes), model_sha256], |_| Ok(())).optional()
            })
            .map(|found| found.is_some())
            .map_err(sql_error(&self.path))
    }

    /// Stores an observation. If there is already one with the same site, scenes and model, nothing is done and the result is
    /// `false`. What `in_the_same_transaction` writes is stored together with the observation; if either fails, neither is.
    ///
    /// Times are stored with millisecond precision.
    pub fn store_observation(
        &self,
        observation: &Observation,
        in_the_same_transaction: impl FnOnce(&Transaction<'_>) -> Result<()>,
    ) -> Result<bool> {
        self.in_transaction(|transaction| {
            if self.has_observation(&observation.site, &observation.scenes, &observation.model_sha256)? {
                return Ok(false);
            }
            if !self.has_site(&observation.site)? {
                self.known_site(&observation.site)?;
            }
            self.insert_observation(observation)?;
            self.touch("observations", None)?;
            self.touch("sites_latest", None)?;
            in_the_same_transaction(transaction)?;
            Ok(true)
        })
    }

    /// Must be called in a transaction.
    pub(super) fn insert_observation(&self, observation: &Observation) -> Result<()> {
        let sql = sql_error(&self.path);
        let Observation { site, date, model_sha256, share_assessed, area, gain_ha, loss_ha, limit_ha, .. } =
            observation;
        let inside = |name: &str, value: Option<f64>, accepts: fn(f64) -> bool| match value {
            Some(value) if !accepts(value) => {
                Err(refuse(site, format!("the {name} {value} of {date} is not accepted")))
            }
            _ => Ok(()),
        };
        let at_least_zero = |value: f64| value.is_finite() && value >= 0.0;
        inside("assessed share", Some(*share_assessed), |share| (0.0..=1.0).contains(&share))?;
        inside("area in hectares", area.map(|area| area.ha), at_least_zero)?;
        inside("lower end of the area", area.map(|area| area.lower_ha), at_least_zero)?;
        inside("upper end of the area", area.map(|area| area.upper_ha), at_least_zero)?;
        self.connection
            .prepare_cached(&format!(
                "INSERT INTO observations ({}) VALUES \
                 (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
                COLUMNS.trim_start_matches("fid, ")
            ))
            .and_then(|mut statement| {
                statement.execute(params![
                    site.as_str(),
                    date.to_string(),
                    list_of(&observation.scenes),
                    model_sha256,
                    share_assessed,
                    area.map(|area| area.ha),
                    area.map(|area| area.lower_ha),
                    area.map(|area| area.upper_ha),
                    observation.confidence_level_percent,
                    observation.compared_with.map(|day| day.to_string()),
                    gain_ha,
                    loss_ha,
                    observation.outside_permit_ha,
                    observation.permit,
                    limit_ha,
                    observation.verdict.name(),
                    observation.statement,
                    serde_json::Value::from(observation.warnings.clone()).to_string(),
                    time_text(observation.created),
                ])
            })
            .map_err(&sql)?;
        let fid = self.connection.last_insert_rowid();
        let mut insert =
            self.connection.prepare_cached("INSERT INTO observation_files VALUES (?1, ?2, ?3, ?4)").map_err(&sql)?;
        for file in &observation.files {
            let hash = bytes_of_hex(&file.sha256).filter(|bytes| bytes.len() == 32).ok_or_else(|| {
                refuse(site, format!("`{}` of file `{}` is not a SHA-256 in hexadecimal", file.sha256, file.path))
            })?;
            insert.execute(params![fid, file.path, file.size as i64, hash]).map_err(&sql)?;
        }
        Ok(())
    }

    fn read_observations(&self, query: &str, values: impl Params) -> Result<Vec<Observation>> {
        let sql = sql_error(&self.path);
        let mut statement = self.connection.prepare_cached(query).map_err(&sql)?;
        let mut rows = statement.query(values).map_err(&sql)?;
        let mut observations = Vec::new();
        while let Some(row) = rows.next().map_err(&sql)? {
            observations.push(self.observation_of(row)?);
        }
        Ok(observations)
    }

    fn observation_of(&self, row: &Row<'_>) -> Result<Observation> {
        let sql = sql_error(&self.path);
        let fid: i64 = row.get(0).map_err(&sql)?;
        let damaged =
            |reason: String| Error::input(self.path.display().to_string(), format!("observation {fid}: {reason}"));
        let text = |column: usize| row.get::<_, String>(column).map_err(&sql);
        let number = |column: usize| row.get::<_, Option<f64>>(column).map_err(&sql);
        let day = |text: &str| {
            text.parse::<Date>().map_err(|error| damaged(format!("`{text}` is not a date such as 2024-05-31: {error}")))
        };
        let compared_with: Option<String> = row.get(10).map_err(&sql)?;
        let area = match (number(6)?, number(7)?, number(8)?) {
            (Some(ha), Some(lower_ha), Some(upper_ha)) => Some(Area { ha, lower_ha, upper_ha }),
            _ => None,
        };
        Ok(Observation {
            site: text(1)?.parse().map_err(|error: Error| damaged(error.to_string()))?,
            date: day(&text(2)?)?,
            scenes: list(&text(3)?).map_err(damaged)?,
            model_sha256: text(4)?,
            share_assessed: row.get(5).map_err(&sql)?,
            area,
            confidence_level_percent: row.get(9).map_err(&sql)?,
            compared_with: compared_with.as_deref().map(day).transpose()?,
            gain_ha: number(11)?,
            loss_ha: number(12)?,
            outside_permit_ha: number(13)?,
            permit: row.get(14).map_err(&sql)?,
            limit_ha: number(15)?,
            verdict: text(16)?.parse().map_err(|error: Error| damaged(error.to_string()))?,
            statement: text(17)?,
            warnings: list(&text(18)?).map_err(damaged)?,
            created: text(19)?.parse().map_err(|error: jiff::Error| damaged(error.to_string()))?,
            files: self.files_of(fid)?,
        })
    }

    fn files_of(&self, observation: i64) -> Result<Vec<ObservationFile>> {
        self.connection
            .prepare_cached(
                "SELECT path, size, lower(hex(sha256)) FROM observation_files WHERE observation = ?1 ORDER BY path",
            )
            .and_then(|mut statement| {
                let rows = statement.query_map([observation], |row| {
                    Ok(ObservationFile { path: row.get(0)?, size: row.get::<_, i64>(1)? as u64, sha256: row.get(2)? })
                })?;
                rows.collect()
            })
            .map_err(sql_error(&self.path))
    }
}

/// Sorted texts as a JSON list, the form in which scenes are stored.
fn list_of(texts: &[String]) -> String {
    let mut sorted = texts.to_vec();
    sorted.sort_unstable();
    serde_json::Value::from(sorted).to_string()
}

pub(super) fn list<T: DeserializeOwned>(text: &str) -> std::result::Result<Vec<T>, String> {
    serde_json::from_str(text).map_err(|error| format!("`{text}` is not a list: {error}"))
}

/// A time in the format of the GeoPackage standard.
pub(super) fn time_text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
