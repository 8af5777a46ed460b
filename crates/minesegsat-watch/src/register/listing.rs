//! Short keys of all observations, for lookups without reading whole observations.

use jiff::civil::Date;

use super::observation::observation_name;
use super::observations::list;
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
    /// All observations of all sites: by site, then by date, then in the order in which they were stored.
    pub fn observation_keys(&self) -> Result<Vec<ObservationKey>> {
        let sql = sql_error(&self.path);
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT site, date, scenes, model_sha256 FROM observations ORDER BY site, date, created, fid",
            )
            .map_err(&sql)?;
        let mut rows = statement.query([]).map_err(&sql)?;
        let mut keys = Vec::new();
        while let Some(row) = rows.next().map_err(&sql)? {
            let text = |column: usize| row.get::<_, String>(column).map_err(&sql);
            let (site, date) = (text(0)?, text(1)?);
            let damaged = |error: &dyn std::fmt::Display| {
                Error::input(
                    self.path.display().to_string(),
                    format!("observation of site `{site}` on `{date}`: {error}"),
                )
            };
            let day: Date = date.parse().map_err(|error: jiff::Error| damaged(&error))?;
            let scenes: Vec<String> = list(&text(2)?).map_err(|error| damaged(&error))?;
            keys.push(ObservationKey {
                site: site.parse().map_err(|error: Error| damaged(&error))?,
                date: day,
                name: observation_name(day, &scenes, &text(3)?),
            });
        }
        Ok(keys)
    }
}
