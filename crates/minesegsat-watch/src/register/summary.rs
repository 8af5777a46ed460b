//! Summaries of sites: the valid permit and the latest observation.

use std::collections::HashMap;

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use super::observations::LATEST_FIRST;
use super::rows::{Cells, DamagedRow, Rows};
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
    /// Rows of the register about this site that cannot be read, as sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// Short form of the latest observation of a site.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LastSeen {
    /// Day of the scene.
    pub date: Date,
    /// Disturbed land; `None` if not assessable.
    pub area: Option<Area>,
    /// Land that the map shows as disturbed, in hectares. `None` if not assessable, or if the observation is older.
    pub mapped_ha: Option<f64>,
    /// Part of the disturbed land that is assumed in the unseen part of the site, in hectares. `None` as above.
    pub assumed_ha: Option<f64>,
    /// The verdict.
    pub verdict: Verdict,
}

/// Today in UTC, like the scenes' days.
pub(super) fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

impl Register {
    /// All sites by id, with the permits that are valid today (UTC). Boundaries are not read, so this is fast. Fails at the
    /// first row that cannot be read.
    pub fn summaries(&self) -> Result<Vec<SiteSummary>> {
        self.whole(self.read_summaries_on(today())?)
    }

    /// All sites that can be read, by id, with the permits that are valid on a day. The damaged rows are those of sites and
    /// permits, and the latest observations of sites; boundaries are not checked.
    pub fn read_summaries_on(&self, day: Date) -> Result<Rows<SiteSummary>> {
        let sql = sql_error(&self.path);
        let query = format!(
            "SELECT s.fid, s.id, s.name, s.operator, s.commodity, s.status, \
               (SELECT count(*) FROM observations WHERE site = s.id), \
               o.date, o.area_ha, o.area_lower_ha, o.area_upper_ha, o.verdict, o.fid, o.mapped_ha, o.assumed_ha \
             FROM sites s \
             LEFT JOIN observations o ON o.fid = \
               (SELECT fid FROM observations WHERE site = s.id ORDER BY {LATEST_FIRST} LIMIT 1) \
             ORDER BY s.id"
        );
        let mut permits: HashMap<String, (String, Option<f64>)> = HashMap::new();
        let mut problems: HashMap<String, Vec<String>> = HashMap::new();
        let terms = self.permit_terms()?;
        for terms in terms.rows.into_iter().filter(|terms| terms.holds_on(day)) {
            permits.entry(terms.site).or_insert((terms.number, terms.limit_ha));
        }
        let mut found = Rows { rows: Vec::new(), damaged: terms.damaged };
        found.damaged.extend(self.rows_without_site()?);
        for damaged in &found.damaged {
            problems.entry(damaged.site.trim().to_ascii_lowercase()).or_default().push(damaged.to_string());
        }
        let mut statement = self.connection.prepare_cached(&query).map_err(&sql)?;
        let mut rows = statement.query([]).map_err(&sql)?;
        while let Some(row) = rows.next().map_err(&sql)? {
            let cells = Cells(row);
            let mut summary = match summary_of(&cells) {
                Ok(summary) => summary,
                Err(reason) => {
                    let site = cells.label(1);
                    let record = format!("site `{site}`");
                    found.damaged.push(DamagedRow { table: "sites", row: cells.fid(), record, site, reason });
                    continue;
                }
            };
            match last_of(&cells) {
                Ok(last) => summary.last = last,
                Err(reason) => {
                    let (site, date) = (cells.label(1), cells.label(7));
                    let record = format!("observation of site `{site}` on {date}");
                    let row = row.get(12).unwrap_or_default();
                    let damaged = DamagedRow { table: "observations", row, site, record, reason };
                    summary.problems.push(damaged.to_string());
                    found.damaged.push(damaged);
                }
            }
            if let Some((number, limit_ha)) = permits.remove(summary.id.as_str()) {
                (summary.permit, summary.limit_ha) = (Some(number), limit_ha);
            }
            summary.problems.extend(problems.remove(summary.id.as_str()).unwrap_or_default());
            found.rows.push(summary);
        }
        Ok(found)
    }

    /// Days and limits of all permits, by site and first day, without their polygons.
    fn permit_terms(&self) -> Result<Rows<Terms>> {
        let sql = sql_error(&self.path);
        let query = "SELECT fid, site, number, valid_from, valid_to, limit_ha FROM permits ORDER BY site, valid_from";
        let mut statement = self.connection.prepare_cached(query).map_err(&sql)?;
        let mut rows = statement.query([]).map_err(&sql)?;
        let mut terms = Rows::new();
        while let Some(row) = rows.next().map_err(&sql)? {
            let cells = Cells(row);
            let read = || -> std::result::Result<Terms, String> {
                Ok(Terms {
                    site: cells.text(1, "site")?,
                    number: cells.text(2, "number")?,
                    valid_from: cells.date(3, "first day")?,
                    valid_to: cells.optional_date(4, "last day")?,
                    limit_ha: cells.optional_number(5, "limit")?,
                })
            };
            terms.push(read().map_err(|reason| {
                let (site, number) = (cells.label(1), cells.label(2));
                let record = format!("permit `{number}` of site `{site}`");
                DamagedRow { table: "permits", row: cells.fid(), site, record, reason }
            }));
        }
        Ok(terms)
    }
}

/// Days and limit of a permit.
struct Terms {
    site: String,
    number: String,
    valid_from: Date,
    valid_to: Option<Date>,
    limit_ha: Option<f64>,
}

impl Terms {
    fn holds_on(&self, day: Date) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|last| day <= last)
    }
}

/// A site without its permit and observation.
fn summary_of(cells: &Cells<'_>) -> std::result::Result<SiteSummary, String> {
    Ok(SiteSummary {
        id: cells.text(1, "id")?.parse().map_err(|error: Error| error.to_string())?,
        name: cells.text(2, "name")?,
        operator: cells.optional_text(3, "operator")?,
        commodity: cells.optional_text(4, "commodity")?,
        status: cells.text(5, "status")?.parse().map_err(|error: Error| error.to_string())?,
        permit: None,
        limit_ha: None,
        observations: cells.number(6, "number of observations")? as u64,
        last: None,
        problems: Vec::new(),
    })
}

fn last_of(cells: &Cells<'_>) -> std::result::Result<Option<LastSeen>, String> {
    let Some(verdict) = cells.optional_text(11, "verdict")? else { return Ok(None) };
    let [ha, lower_ha, upper_ha] = [8, 9, 10].map(|column| cells.optional_number(column, "area"));
    let area = match (ha?, lower_ha?, upper_ha?) {
        (Some(ha), Some(lower_ha), Some(upper_ha)) => Some(Area { ha, lower_ha, upper_ha }),
        _ => None,
    };
    let verdict = verdict.parse().map_err(|error: Error| error.to_string())?;
    let date = cells.date(7, "date")?;
    let mapped_ha = cells.optional_number(13, "mapped land")?;
    let assumed_ha = cells.optional_number(14, "assumed land")?;
    Ok(Some(LastSeen { date, area, mapped_ha, assumed_ha, verdict }))
}
