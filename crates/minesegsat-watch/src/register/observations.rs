//! The observations of a register.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Params, Row, Transaction, params};
use serde::de::DeserializeOwned;

use super::observation::observation_name;
use super::rows::{Cells, DamagedRow, Rows};
use super::schema::sql_error;
use super::sites::refuse;
use super::{
    Area, AreaParts, Correction, NewLand, Observation, ObservationFile, Register, SeenChange, SiteId, Verdict,
};
use minesegsat_core::{Error, Result};

/// Columns of an observation, in the order of [`Register::observation_of`].
const COLUMNS: &str = "fid, site, date, scenes, model_sha256, share_assessed, area_ha, area_lower_ha, area_upper_ha, \
     confidence_level_percent, compared_with, gain_ha, loss_ha, outside_permit_ha, permit, limit_ha, verdict, statement, \
     warnings, created, share_beyond_map, boundary_sha256, permit_sha256, is_provisional, new_since, new_confirmed_ha, \
     new_provisional_ha, mapped_ha, estimated_ha, estimated_lower_ha, estimated_upper_ha, assumed_ha, inside_permit_ha, \
     outside_site_ha, gain_seen_ha, loss_seen_ha, noise_floor_ha, details, share_disagreeing, share_in_other_sites";

/// SQL order: latest day first; within a day, last stored first.
pub(super) const LATEST_FIRST: &str = "date DESC, created DESC, fid DESC";

impl Register {
    /// Observations of a site, by date; within a day, in the order of storing. Fails at the first row that cannot be read.
    pub fn observations(&self, site: &SiteId) -> Result<Vec<Observation>> {
        self.whole(self.read_observations(site)?)
    }

    /// Observations of a site that can be read, by date; within a day, in the order of storing.
    pub fn read_observations(&self, site: &SiteId) -> Result<Rows<Observation>> {
        let query = format!("SELECT {COLUMNS} FROM observations WHERE site = ?1 ORDER BY date, created, fid");
        self.read_observation_rows(&query, [site.as_str()])
    }

    /// All observations of all sites.
    pub(super) fn all_observations(&self) -> Result<Rows<Observation>> {
        self.read_observation_rows(&format!("SELECT {COLUMNS} FROM observations ORDER BY fid"), [])
    }

    /// The latest observation of a site. Fails if its row cannot be read.
    pub fn last_observation(&self, site: &SiteId) -> Result<Option<Observation>> {
        let query = format!("SELECT {COLUMNS} FROM observations WHERE site = ?1 ORDER BY {LATEST_FIRST} LIMIT 1");
        Ok(self.whole(self.read_observation_rows(&query, [site.as_str()])?)?.pop())
    }

    /// The observation of a site with this name ([`Observation::name`]).
    pub fn observation(&self, site: &SiteId, name: &str) -> Result<Option<Observation>> {
        let Some(day) = name.get(..10) else { return Ok(None) };
        let query =
            format!("SELECT {COLUMNS} FROM observations WHERE site = ?1 AND date = ?2 ORDER BY date, created, fid");
        let found = self.read_observation_rows(&query, params![site.as_str(), day])?;
        Ok(found.rows.into_iter().find(|observation| observation.name() == name))
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
        let (parts, seen) = (observation.parts, observation.seen_change);
        let inside = |name: &str, value: Option<f64>, accepts: fn(f64) -> bool| match value {
            Some(value) if !accepts(value) => {
                Err(refuse(site, format!("the {name} {value} of {date} is not accepted")))
            }
            _ => Ok(()),
        };
        let at_least_zero = |value: f64| value.is_finite() && value >= 0.0;
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        inside("assessed share", Some(*share_assessed), is_share)?;
        inside("disagreeing share", observation.share_disagreeing, is_share)?;
        inside("share in other sites", observation.share_in_other_sites, is_share)?;
        inside("area in hectares", area.map(|area| area.ha), at_least_zero)?;
        inside("lower end of the area", area.map(|area| area.lower_ha), at_least_zero)?;
        inside("confirmed new land", observation.new_land.map(|new| new.confirmed_ha), at_least_zero)?;
        inside("provisional new land", observation.new_land.map(|new| new.provisional_ha), at_least_zero)?;
        for (name, value) in [
            ("mapped area", parts.map(|parts| parts.mapped_ha)),
            ("estimated area", parts.map(|parts| parts.estimated.ha)),
            ("area outside the site", parts.map(|parts| parts.outside_site_ha)),
            ("gain that was seen", seen.map(|seen| seen.gain_ha)),
            ("loss that was seen", seen.map(|seen| seen.loss_ha)),
            ("noise floor", seen.map(|seen| seen.noise_floor_ha)),
        ] {
            inside(name, value, at_least_zero)?;
        }
        inside("upper end of the area", area.map(|area| area.upper_ha), at_least_zero)?;
        self.connection
            .prepare_cached(&format!(
                "INSERT INTO observations ({}) VALUES \
                 (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, \
                 ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38, ?39)",
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
                    observation.share_beyond_map,
                    observation.boundary_sha256,
                    observation.permit_sha256,
                    observation.is_provisional,
                    observation.new_land.map(|new| new.since.to_string()),
                    observation.new_land.map(|new| new.confirmed_ha),
                    observation.new_land.map(|new| new.provisional_ha),
                    parts.map(|parts| parts.mapped_ha),
                    parts.map(|parts| parts.estimated.ha),
                    parts.map(|parts| parts.estimated.lower_ha),
                    parts.map(|parts| parts.estimated.upper_ha),
                    parts.map(|parts| parts.assumed_ha),
                    parts.and_then(|parts| parts.inside_permit_ha),
                    parts.map(|parts| parts.outside_site_ha),
                    seen.map(|seen| seen.gain_ha),
                    seen.map(|seen| seen.loss_ha),
                    seen.map(|seen| seen.noise_floor_ha),
                    observation.details,
                    observation.share_disagreeing,
                    observation.share_in_other_sites,
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

    /// Replaces what an observation says of its permit. Must be called in a transaction.
    pub(crate) fn replace_verdict(&self, observation: &Observation) -> Result<()> {
        self.connection
            .prepare_cached(
                "UPDATE observations SET verdict = ?4, is_provisional = ?5, statement = ?6, permit = ?7, limit_ha = ?8, \
                 permit_sha256 = ?9, inside_permit_ha = ?10, outside_permit_ha = ?11, outside_site_ha = ?12, warnings = ?13, details = ?14 \
                 WHERE site = ?1 AND scenes = ?2 AND model_sha256 = ?3",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    observation.site.as_str(),
                    list_of(&observation.scenes),
                    observation.model_sha256,
                    observation.verdict.name(),
                    observation.is_provisional,
                    observation.statement,
                    observation.permit,
                    observation.limit_ha,
                    observation.permit_sha256,
                    observation.parts.and_then(|parts| parts.inside_permit_ha),
                    observation.outside_permit_ha,
                    observation.parts.map(|parts| parts.outside_site_ha),
                    serde_json::Value::from(observation.warnings.clone()).to_string(),
                    observation.details,
                ])
            })
            .map_err(sql_error(&self.path))?;
        self.touch("observations", None)?;
        self.touch("sites_latest", None)
    }

    /// Stores a verdict that is replaced. Must be called in a transaction.
    pub(crate) fn insert_correction(&self, observation: &Observation, correction: &Correction) -> Result<()> {
        self.connection
            .prepare_cached(
                "INSERT INTO verdict_history \
                   (observation, replaced, reason, verdict, is_provisional, statement, permit, limit_ha, outside_permit_ha, \
                    editor) \
                 SELECT fid, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 FROM observations \
                 WHERE site = ?1 AND scenes = ?2 AND model_sha256 = ?3",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    observation.site.as_str(),
                    list_of(&observation.scenes),
                    observation.model_sha256,
                    time_text(correction.replaced),
                    correction.reason,
                    correction.verdict.name(),
                    correction.is_provisional,
                    correction.statement,
                    correction.permit,
                    correction.limit_ha,
                    correction.outside_permit_ha,
                    correction.editor,
                ])
            })
            .map_err(sql_error(&self.path))?;
        self.touch("verdict_history", None)
    }

    /// Replaced verdicts of a site, by observation and time. With `untold`, only those that alerts have not told.
    pub fn corrections(&self, site: &SiteId, untold: bool) -> Result<Vec<Correction>> {
        let sql = sql_error(&self.path);
        let query = "SELECT h.fid, o.site, o.date, o.scenes, o.model_sha256, h.replaced, h.reason, h.verdict, h.is_provisional, \
               h.statement, h.permit, h.limit_ha, h.outside_permit_ha, h.editor \
             FROM verdict_history h JOIN observations o ON o.fid = h.observation \
             WHERE o.site = ?1 AND (NOT ?2 OR NOT h.told) ORDER BY o.date, o.fid, h.fid";
        let mut statement = self.connection.prepare_cached(query).map_err(&sql)?;
        let mut rows = statement.query(params![site.as_str(), untold]).map_err(&sql)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(&sql)? {
            match correction_of(&Cells(row)) {
                Ok(correction) => found.push(correction),
                // It is history: what holds can be read without it.
                Err(reason) => tracing::warn!("a replaced verdict of site `{site}` cannot be read: {reason}"),
            }
        }
        Ok(found)
    }

    /// Notes that alerts have told all replaced verdicts of a site. Must be called in a transaction.
    pub(crate) fn mark_corrections_told(&self, site: &SiteId) -> Result<()> {
        let query = "UPDATE verdict_history SET told = 1 WHERE NOT told AND observation IN \
             (SELECT fid FROM observations WHERE site = ?1)";
        self.connection.execute(query, [site.as_str()]).map_err(sql_error(&self.path))?;
        Ok(())
    }

    fn read_observation_rows(&self, query: &str, values: impl Params) -> Result<Rows<Observation>> {
        let sql = sql_error(&self.path);
        let mut statement = self.connection.prepare_cached(query).map_err(&sql)?;
        let mut rows = statement.query(values).map_err(&sql)?;
        let mut observations = Rows::new();
        while let Some(row) = rows.next().map_err(&sql)? {
            let mut observation = observation_of(row);
            if let Ok(observation) = &mut observation {
                observation.files = self.files_of(Cells(row).fid())?;
            }
            observations.push(observation);
        }
        Ok(observations)
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

fn correction_of(cells: &Cells<'_>) -> std::result::Result<Correction, String> {
    let date = cells.date(2, "date")?;
    let scenes: Vec<String> = list(&cells.text(3, "scenes")?)?;
    let replaced = cells.text(5, "time")?;
    Ok(Correction {
        site: cells.text(1, "site")?.parse().map_err(|error: Error| error.to_string())?,
        observation: observation_name(date, &scenes, &cells.text(4, "hash of the model")?),
        date,
        replaced: replaced.parse().map_err(|error| format!("its time `{replaced}`: {error}"))?,
        reason: cells.text(6, "reason")?,
        verdict: cells.text(7, "verdict")?.parse().map_err(|error: Error| error.to_string())?,
        is_provisional: cells.optional_number(8, "mark of a provisional verdict")?.map(|value| value != 0.0),
        statement: cells.text(9, "statement")?,
        permit: cells.optional_text(10, "permit")?,
        limit_ha: cells.optional_number(11, "limit")?,
        outside_permit_ha: cells.optional_number(12, "area outside the permit")?,
        editor: cells.optional_text(13, "editor")?,
    })
}

/// An observation without its files.
fn observation_of(row: &Row<'_>) -> std::result::Result<Observation, DamagedRow> {
    let cells = Cells(row);
    let read = || -> std::result::Result<Observation, String> {
        let ends = ["area", "lower end of the area", "upper end of the area"];
        let [ha, lower_ha, upper_ha] = [6, 7, 8].map(|column| cells.optional_number(column, ends[column - 6]));
        let area = match (ha?, lower_ha?, upper_ha?) {
            (Some(ha), Some(lower_ha), Some(upper_ha)) => Some(Area { ha, lower_ha, upper_ha }),
            _ => None,
        };
        let verdict: Verdict = cells.text(16, "verdict")?.parse().map_err(|error: Error| error.to_string())?;
        let created = cells.text(19, "time of storing")?;
        let [confirmed_ha, provisional_ha] = [(25, "confirmed new land"), (26, "provisional new land")]
            .map(|(column, name)| cells.optional_number(column, name));
        let new_land = match (cells.optional_date(24, "first day of the series")?, confirmed_ha?, provisional_ha?) {
            (Some(since), Some(confirmed_ha), Some(provisional_ha)) => {
                Some(NewLand { since, confirmed_ha, provisional_ha })
            }
            _ => None,
        };
        let names = [
            "mapped area",
            "estimated area",
            "lower end of the estimated area",
            "upper end of the estimated area",
            "assumed area",
            "area inside the permit",
            "area outside the site",
            "gain that was seen",
            "loss that was seen",
            "noise floor",
        ];
        let mut numbers = [None; 10];
        for ((number, name), column) in numbers.iter_mut().zip(names).zip(27..) {
            *number = cells.optional_number(column, name)?;
        }
        let [mapped, ha, lower_ha, upper_ha, assumed, inside_permit_ha, outside_site, gain, loss, floor] = numbers;
        let parts = match (mapped, ha, lower_ha, upper_ha, assumed, outside_site) {
            (Some(mapped_ha), Some(ha), Some(lower_ha), Some(upper_ha), Some(assumed_ha), Some(outside_site_ha)) => {
                let estimated = Area { ha, lower_ha, upper_ha };
                Some(AreaParts { mapped_ha, estimated, assumed_ha, inside_permit_ha, outside_site_ha })
            }
            _ => None,
        };
        let seen_change = match (gain, loss, floor) {
            (Some(gain_ha), Some(loss_ha), Some(noise_floor_ha)) => {
                Some(SeenChange { gain_ha, loss_ha, noise_floor_ha })
            }
            _ => None,
        };
        Ok(Observation {
            site: cells.text(1, "site")?.parse().map_err(|error: Error| error.to_string())?,
            date: cells.date(2, "date")?,
            scenes: list(&cells.text(3, "scenes")?)?,
            model_sha256: cells.text(4, "hash of the model")?,
            share_assessed: cells.number(5, "assessed share")?,
            area,
            parts,
            seen_change,
            confidence_level_percent: cells.number(9, "confidence level")?,
            compared_with: cells.optional_date(10, "day that was compared with")?,
            gain_ha: cells.optional_number(11, "gain")?,
            loss_ha: cells.optional_number(12, "loss")?,
            outside_permit_ha: cells.optional_number(13, "area outside the permit")?,
            permit: cells.optional_text(14, "permit")?,
            limit_ha: cells.optional_number(15, "limit")?,
            verdict,
            is_provisional: cells.optional_number(23, "mark of a provisional verdict")?.map(|value| value != 0.0),
            new_land,
            statement: cells.text(17, "statement")?,
            details: cells.optional_text(37, "details")?,
            warnings: list(&cells.text(18, "warnings")?)?,
            created: created.parse().map_err(|error| format!("its time of storing `{created}`: {error}"))?,
            share_beyond_map: cells.optional_number(20, "share beyond the map")?,
            share_disagreeing: cells.optional_number(38, "disagreeing share")?,
            share_in_other_sites: cells.optional_number(39, "share in other sites")?,
            boundary_sha256: cells.optional_text(21, "hash of the boundary")?,
            permit_sha256: cells.optional_text(22, "hash of the permit")?,
            files: Vec::new(),
        })
    };
    read().map_err(|reason| {
        let (site, date) = (cells.label(1), cells.label(2));
        let record = format!("observation of site `{site}` on {date}");
        DamagedRow { table: "observations", row: cells.fid(), site, record, reason }
    })
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
