//! Short keys of all observations, for lookups without reading whole observations.

use jiff::civil::Date;
use rusqlite::Row;

use super::observation::observation_name;
use super::observations::list;
use super::rows::{Cells, DamagedRow, Rows};
use super::schema::sql_error;
use super::{Register, SiteId};
use minesegsat_core::{Error, Result};

/// Key of an observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservationKey {
    /// The site.
    pub site: SiteId,
    /// Day of the scene.
    pub date: Date,
    /// Name of the observation ([`super::Observation::name`]).
    pub name: String,
}

impl Register {
    /// Keys of all observations that can be read: by site, then by date, then in the order in which they were stored.
    pub fn observation_keys(&self) -> Result<Rows<ObservationKey>> {
        let sql = sql_error(&self.path);
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT fid, site, date, scenes, model_sha256 FROM observations ORDER BY site, date, created, fid",
            )
            .map_err(&sql)?;
        let mut rows = statement.query([]).map_err(&sql)?;
        let mut keys = Rows::new();
        while let Some(row) = rows.next().map_err(&sql)? {
            keys.push(key_of(row));
        }
        Ok(keys)
    }
}

fn key_of(row: &Row<'_>) -> std::result::Result<ObservationKey, DamagedRow> {
    let cells = Cells(row);
    let read = || -> std::result::Result<ObservationKey, String> {
        let date = cells.date(2, "date")?;
        let scenes: Vec<String> = list(&cells.text(3, "scenes")?)?;
        Ok(ObservationKey {
            site: cells.text(1, "site")?.parse().map_err(|error: Error| error.to_string())?,
            date,
            name: observation_name(date, &scenes, &cells.text(4, "hash of the model")?),
        })
    };
    read().map_err(|reason| {
        let (site, date) = (cells.label(1), cells.label(2));
        let record = format!("observation of site `{site}` on {date}");
        DamagedRow { table: "observations", row: cells.fid(), site, record, reason }
    })
}
