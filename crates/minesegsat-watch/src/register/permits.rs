//! The permits of a register.

use jiff::civil::Date;
use rusqlite::{Params, Row, params};

use super::rows::{Cells, DamagedRow, Rows};
use super::schema::sql_error;
use super::sites::refuse;
use super::{Permit, Register, SiteId};
use minesegsat_core::{Error, Result};
use minesegsat_vector::labels::{Repair, valid_outline};

/// Columns of a permit, in the order of [`Register::permit_of`].
const COLUMNS: &str = "fid, site, number, valid_from, valid_to, limit_ha, document, document_sha256, geom";

impl Register {
    /// Permit versions of a site, by first day. Fails at the first row that cannot be read.
    pub fn permits(&self, site: &SiteId) -> Result<Vec<Permit>> {
        self.whole(self.read_permits(site)?)
    }

    /// Permit versions of a site that can be read, by first day.
    pub fn read_permits(&self, site: &SiteId) -> Result<Rows<Permit>> {
        let query = format!("SELECT {COLUMNS} FROM permits WHERE site = ?1 ORDER BY valid_from");
        self.read_permit_rows(&query, [site.as_str()])
    }

    /// All permits of all sites.
    pub(super) fn all_permits(&self) -> Result<Rows<Permit>> {
        self.read_permit_rows(&format!("SELECT {COLUMNS} FROM permits ORDER BY fid"), [])
    }

    fn read_permit_rows(&self, query: &str, values: impl Params) -> Result<Rows<Permit>> {
        let sql = sql_error(&self.path);
        let mut statement = self.connection.prepare_cached(query).map_err(&sql)?;
        let mut rows = statement.query(values).map_err(&sql)?;
        let mut permits = Rows::new();
        while let Some(row) = rows.next().map_err(&sql)? {
            permits.push(permit_of(row));
        }
        Ok(permits)
    }

    /// Adds a permit version. Returns the repairs made to its polygon. Fails if it overlaps another version in time.
    pub fn add_permit(&self, permit: &Permit) -> Result<Vec<Repair>> {
        self.in_transaction(|_| self.append_permit(permit))
    }

    /// Must be called in a transaction.
    pub(crate) fn append_permit(&self, permit: &Permit) -> Result<Vec<Repair>> {
        let mut permits = self.permits_of_known(&permit.site)?;
        permits.push(permit.clone());
        check_times(&permit.site, &mut permits)?;
        self.insert_permit(permit)
    }

    /// Adds a permit version that supersedes the previous one: an open-ended previous version ends on the day before. Also
    /// returns the version that was ended.
    pub fn add_permit_superseding(&self, permit: &Permit) -> Result<(Vec<Repair>, Option<Permit>)> {
        self.in_transaction(|_| self.supersede_permit(permit))
    }

    /// Must be called in a transaction.
    pub(crate) fn supersede_permit(&self, permit: &Permit) -> Result<(Vec<Repair>, Option<Permit>)> {
        let mut permits = self.permits_of_known(&permit.site)?;
        let before =
            permits.iter_mut().find(|before| before.valid_to.is_none() && before.valid_from < permit.valid_from);
        let mut ended = None;
        if let Some(before) = before {
            let last = permit.valid_from.yesterday().ok();
            before.valid_to = last;
            self.connection
                .execute(
                    "UPDATE permits SET valid_to = ?3 WHERE site = ?1 AND valid_from = ?2",
                    params![before.site.as_str(), before.valid_from.to_string(), last.map(|day| day.to_string())],
                )
                .map_err(sql_error(&self.path))?;
            ended = Some(before.clone());
        }
        permits.push(permit.clone());
        check_times(&permit.site, &mut permits)?;
        Ok((self.insert_permit(permit)?, ended))
    }

    /// Removes all versions of a permit, or only the one with this first day. Returns the removed versions.
    pub fn remove_permit(&self, site: &SiteId, number: &str, valid_from: Option<Date>) -> Result<Vec<Permit>> {
        self.in_transaction(|_| self.delete_permit(site, number, valid_from))
    }

    /// Must be called in a transaction.
    pub(crate) fn delete_permit(&self, site: &SiteId, number: &str, valid_from: Option<Date>) -> Result<Vec<Permit>> {
        let permits = self.permits_of_known(site)?;
        let numbers: Vec<String> = permits.iter().map(shown).collect();
        let removed: Vec<Permit> = permits
            .into_iter()
            .filter(|permit| permit.number == number && valid_from.is_none_or(|day| day == permit.valid_from))
            .collect();
        if removed.is_empty() {
            let from = valid_from.map(|day| format!(" from {day}")).unwrap_or_default();
            let has = if numbers.is_empty() { "none".to_owned() } else { numbers.join(", ") };
            return Err(refuse(site, format!("it has no permit `{number}`{from}; it has {has}")));
        }
        for permit in &removed {
            self.connection
                .execute(
                    "DELETE FROM permits WHERE site = ?1 AND valid_from = ?2",
                    params![site.as_str(), permit.valid_from.to_string()],
                )
                .map_err(sql_error(&self.path))?;
        }
        self.touch("permits", None)?;
        Ok(removed)
    }

    /// Replaces all permits of a site. Must be called in a transaction.
    pub(super) fn replace_permits(&self, site: &SiteId, permits: &mut [Permit]) -> Result<Vec<Repair>> {
        check_times(site, permits)?;
        self.connection
            .execute("DELETE FROM permits WHERE site = ?1", [site.as_str()])
            .map_err(sql_error(&self.path))?;
        let mut repairs = Vec::new();
        for permit in permits {
            repairs.extend(self.insert_permit(permit)?);
        }
        Ok(repairs)
    }

    fn permits_of_known(&self, site: &SiteId) -> Result<Vec<Permit>> {
        if !self.has_site(site)? {
            self.known_site(site)?;
        }
        self.permits(site)
    }

    /// Must be called in a transaction, after its dates were checked.
    fn insert_permit(&self, permit: &Permit) -> Result<Vec<Repair>> {
        let (polygon, repairs) = match &permit.polygon {
            Some(polygon) => {
                let (polygon, repairs) = valid_outline(polygon).map_err(|reason| {
                    refuse(&permit.site, format!("the polygon of permit `{}` cannot be used: {reason}", permit.number))
                })?;
                (Some(polygon), repairs)
            }
            None => (None, Vec::new()),
        };
        let blob = polygon.as_ref().map(|polygon| self.blob(polygon)).transpose()?;
        let Permit { site, number, valid_from, valid_to, limit_ha, document, document_sha256, .. } = permit;
        self.connection
            .prepare_cached(
                "INSERT INTO permits (site, number, valid_from, valid_to, limit_ha, document, document_sha256, geom) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )
            .and_then(|mut statement| {
                let (from, to) = (valid_from.to_string(), valid_to.map(|day| day.to_string()));
                statement.execute(params![site.as_str(), number, from, to, limit_ha, document, document_sha256, blob])
            })
            .map_err(sql_error(&self.path))?;
        self.touch("permits", polygon.as_ref())?;
        Ok(repairs)
    }
}

fn permit_of(row: &Row<'_>) -> std::result::Result<Permit, DamagedRow> {
    let cells = Cells(row);
    let read = || -> std::result::Result<Permit, String> {
        Ok(Permit {
            site: cells.text(1, "site")?.parse().map_err(|error: Error| error.to_string())?,
            number: cells.text(2, "number")?,
            valid_from: cells.date(3, "first day")?,
            valid_to: cells.optional_date(4, "last day")?,
            limit_ha: cells.optional_number(5, "limit")?,
            document: cells.optional_text(6, "document")?,
            document_sha256: cells.optional_text(7, "hash of the document")?,
            polygon: cells.polygons(8, "polygon")?,
        })
    };
    read().map_err(|reason| {
        let (site, number) = (cells.label(1), cells.label(2));
        let record = format!("permit `{number}` of site `{site}`");
        DamagedRow { table: "permits", row: cells.fid(), site, record, reason }
    })
}

/// Number and days of a permit, for messages.
pub(super) fn shown(permit: &Permit) -> String {
    let to = permit.valid_to.map_or("open end".to_owned(), |day| day.to_string());
    format!("`{}` ({} to {to})", permit.number, permit.valid_from)
}

/// Sorts the permits of a site by date. Checks each permit, and that no two overlap in time.
fn check_times(site: &SiteId, permits: &mut [Permit]) -> Result<()> {
    for permit in permits.iter() {
        if permit.number.trim().is_empty() {
            return Err(refuse(site, "the number of one of its permits is empty"));
        }
        if permit.valid_to.is_some_and(|last| last < permit.valid_from) {
            return Err(refuse(site, format!("permit {} ends before it begins", shown(permit))));
        }
        if let Some(limit) = permit.limit_ha.filter(|limit| !(limit.is_finite() && *limit >= 0.0)) {
            return Err(refuse(
                site,
                format!("the limit {limit} ha of permit `{}` is not accepted: 0 or more", permit.number),
            ));
        }
    }
    permits.sort_by_key(|permit| permit.valid_from);
    for pair in permits.windows(2) {
        if pair[0].valid_to.is_none_or(|last| last >= pair[1].valid_from) {
            return Err(refuse(
                site,
                format!(
                    "permits {} and {} overlap in time; on each day only one may hold",
                    shown(&pair[0]),
                    shown(&pair[1])
                ),
            ));
        }
    }
    Ok(())
}
