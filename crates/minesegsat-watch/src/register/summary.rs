//! Summaries of sites: the valid permit and the latest observation.

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use super::observations::LATEST_FIRST;
use super::schema::sql_error;
use super::{Area, Register, SiteId, SiteStatus, Verdict};
use minesegsat_core::{Error, Result};

/// A site without its boundary, with its valid permit and latest observation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SiteSummary {
    /// Id of the site.
    pub id: SiteId,
    /// Name for people.
    pub name: String,
    /// Operator of the mine.
    pub operator: Option<String>,
    /// Commodity that is mined.
    pub commodity: Option<String>,
    /// Status of the site.
    pub status: SiteStatus,
    /// Number of the permit that is valid on the requested day.
    pub permit: Option<String>,
    /// Its limit in hectares.
    pub limit_ha: Option<f64>,
    /// Number of observations.
    pub observations: u64,
    /// The latest observation.
    pub last: Option<LastSeen>,
}

/// Short form of the latest observation of a site.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LastSeen {
    /// Day of the scene.
    pub date: Date,
    /// Disturbed land; `None` if not assessable.
    pub area: Option<Area>,
    /// The verdict.
    pub verdict: Verdict,
}

/// Today in UTC, like the scenes' days.
pub(super) fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

impl Register {
    /// All sites by id, with the permits that are valid today (UTC). Boundaries are not read, so this is fast.
    pub fn summaries(&self) -> Result<Vec<SiteSummary>> {
        self.summaries_on(today())
    }

    /// All sites by id, with the permits that are valid on a day.
    pub fn summaries_on(&self, day: Date) -> Result<Vec<SiteSummary>> {
        let sql = sql_error(&self.path);
        let query = format!(
            "SELECT s.id, s.name, s.operator, s.commodity, s.status, p.number, p.limit_ha, \
               (SELECT count(*) FROM observations WHERE site = s.id), \
               o.date, o.area_ha, o.area_lower_ha, o.area_upper_ha, o.verdict \
             FROM sites s \
             LEFT JOIN permits p ON p.site = s.id AND p.valid_from <= ?1 AND (p.valid_to IS NULL OR p.valid_to >= ?1) \
             LEFT JOIN observations o ON o.fid = \
               (SELECT fid FROM observations WHERE site = s.id ORDER BY {LATEST_FIRST} LIMIT 1) \
             ORDER BY s.id"
        );
        let mut statement = self.connection.prepare_cached(&query).map_err(&sql)?;
        let mut rows = statement.query([day.to_string()]).map_err(&sql)?;
        let mut summaries = Vec::new();
        while let Some(row) = rows.next().map_err(&sql)? {
            let id: String = row.get(0).map_err(&sql)?;
            let damaged = |error: &dyn std::fmt::Display| {
                Error::input(self.path.display().to_string(), format!("site `{id}`: {error}"))
            };
            let status: String = row.get(4).map_err(&sql)?;
            let number = |column: usize| row.get::<_, Option<f64>>(column).map_err(&sql);
            let date: Option<String> = row.get(8).map_err(&sql)?;
            let last = match date {
                Some(date) => {
                    let verdict: String = row.get(12).map_err(&sql)?;
                    let area = match (number(9)?, number(10)?, number(11)?) {
                        (Some(ha), Some(lower_ha), Some(upper_ha)) => Some(Area { ha, lower_ha, upper_ha }),
                        _ => None,
                    };
                    Some(LastSeen {
                        date: date.parse().map_err(|error: jiff::Error| damaged(&error))?,
                        area,
                        verdict: verdict.parse().map_err(|error: Error| damaged(&error))?,
                    })
                }
                None => None,
            };
            summaries.push(SiteSummary {
                name: row.get(1).map_err(&sql)?,
                operator: row.get(2).map_err(&sql)?,
                commodity: row.get(3).map_err(&sql)?,
                status: status.parse().map_err(|error: Error| damaged(&error))?,
                permit: row.get(5).map_err(&sql)?,
                limit_ha: number(6)?,
                observations: row.get::<_, i64>(7).map_err(&sql)? as u64,
                last,
                id: id.parse().map_err(|error: Error| damaged(&error))?,
            });
        }
        Ok(summaries)
    }
}
