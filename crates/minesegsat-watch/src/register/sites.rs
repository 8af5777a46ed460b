//! The sites of a register.

use geo::MultiPolygon;
use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;

use super::rows::{Cells, DamagedRow, Rows};
use super::schema::sql_error;
use super::{Permit, Register, Site, SiteId, SiteStatus};
use minesegsat_core::{Error, Result};
use minesegsat_vector::labels::{Repair, valid_outline};

/// Columns of a site, in the order of [`site_of`].
const COLUMNS: &str = "fid, id, name, operator, commodity, status, geom";

/// What was removed together with a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// Number of permit versions.
    pub permits: usize,
    /// Number of observations. Their files are kept.
    pub observations: usize,
}

/// An error that names a site.
pub(super) fn refuse(site: &SiteId, reason: impl Into<String>) -> Error {
    Error::Argument { name: "site", value: site.to_string(), accepted: reason.into() }
}

impl Register {
    /// All sites, by id. Fails at the first row that cannot be read.
    pub fn sites(&self) -> Result<Vec<Site>> {
        self.whole(self.read_sites()?)
    }

    /// All sites that can be read, by id, and the rows that cannot.
    pub fn read_sites(&self) -> Result<Rows<Site>> {
        let sql = sql_error(&self.path);
        let mut statement =
            self.connection.prepare(&format!("SELECT {COLUMNS} FROM sites ORDER BY id")).map_err(&sql)?;
        let mut rows = statement.query([]).map_err(&sql)?;
        let mut sites = Rows::new();
        while let Some(row) = rows.next().map_err(&sql)? {
            sites.push(site_of(row));
        }
        Ok(sites)
    }

    /// The site with this id.
    pub fn site(&self, id: &SiteId) -> Result<Option<Site>> {
        let sql = sql_error(&self.path);
        let mut statement =
            self.connection.prepare_cached(&format!("SELECT {COLUMNS} FROM sites WHERE id = ?1")).map_err(&sql)?;
        let mut rows = statement.query([id.as_str()]).map_err(&sql)?;
        let row = rows.next().map_err(&sql)?;
        row.map(|row| site_of(row).map_err(|damaged| self.damaged_row(&damaged))).transpose()
    }

    /// The site with this id as its row states it, or an error that suggests similar ids. Its parts may be damaged.
    pub fn stored_site(&self, id: &SiteId) -> Result<StoredSite> {
        let sql = sql_error(&self.path);
        let found = {
            let mut statement =
                self.connection.prepare_cached(&format!("SELECT {COLUMNS} FROM sites WHERE id = ?1")).map_err(&sql)?;
            let mut rows = statement.query([id.as_str()]).map_err(&sql)?;
            rows.next().map_err(&sql)?.map(|row| StoredSite::new(row, id.clone()))
        };
        found.map_or_else(|| Err(self.unknown_site(id)?), Ok)
    }

    /// The site with this id, or an error that suggests similar ids.
    pub fn known_site(&self, id: &SiteId) -> Result<Site> {
        self.site(id)?.map_or_else(|| Err(self.unknown_site(id)?), Ok)
    }

    /// The error for an unknown site, with similar ids.
    fn unknown_site(&self, id: &SiteId) -> Result<Error> {
        /// Minimum similarity of suggested ids (Jaro-Winkler, 0 to 1).
        const ALIKE: f64 = 0.8;
        const SHOWN: usize = 3;

        let ids = self.ids()?;
        let likeness = |other: &str| {
            let holds = other.contains(id.as_str()) || id.as_str().contains(other);
            strsim::jaro_winkler(id.as_str(), other).max(if holds { ALIKE } else { 0.0 })
        };
        let mut alike: Vec<(f64, &str)> = ids.iter().map(|other| (likeness(other), other.as_str())).collect();
        alike.retain(|(likeness, _)| *likeness >= ALIKE);
        alike.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        let alike: Vec<String> = alike.iter().take(SHOWN).map(|(_, id)| format!("`{id}`")).collect();
        let path = self.path.display();
        Ok(refuse(
            id,
            match (ids.len(), alike.is_empty()) {
                (0, _) => format!("{path} has no sites yet"),
                (count, true) => {
                    format!("there is no such site among the {count} sites of {path}; `sites list` prints them")
                }
                (_, false) => format!("there is no such site in {path}; did you mean {}?", alike.join(" or ")),
            },
        ))
    }

    /// Ids of all sites, sorted.
    pub(super) fn ids(&self) -> Result<Vec<String>> {
        let sql = sql_error(&self.path);
        let mut statement = self.connection.prepare("SELECT id FROM sites ORDER BY id").map_err(&sql)?;
        let ids = statement.query_map([], |row| row.get(0)).map_err(&sql)?;
        ids.collect::<rusqlite::Result<_>>().map_err(&sql)
    }

    pub(super) fn has_site(&self, id: &SiteId) -> Result<bool> {
        self.connection
            .query_row("SELECT count(*) FROM sites WHERE id = ?1", [id.as_str()], |row| row.get(0))
            .map_err(sql_error(&self.path))
    }

    /// Adds a site. Returns the repairs made to its boundary. Fails if the id exists, or if the boundary is empty or cannot be
    /// repaired unambiguously.
    pub fn add_site(&self, site: &Site) -> Result<Vec<Repair>> {
        self.in_transaction(|_| self.insert_site(site))
    }

    /// Adds a site and its first permit in one transaction.
    pub fn add_site_with_permit(&self, site: &Site, permit: &Permit) -> Result<Vec<Repair>> {
        self.in_transaction(|_| {
            let mut repairs = self.insert_site(site)?;
            repairs.extend(self.replace_permits(&site.id, std::slice::from_mut(&mut permit.clone()))?);
            Ok(repairs)
        })
    }

    /// Must be called in a transaction.
    pub(super) fn insert_site(&self, site: &Site) -> Result<Vec<Repair>> {
        if self.has_site(&site.id)? {
            return Err(refuse(&site.id, format!("{} has a site of this id already", self.path.display())));
        }
        let (boundary, repairs) = checked_boundary(&site.id, &site.boundary)?;
        check_name(site)?;
        let blob = self.blob(&boundary)?;
        self.connection
            .prepare_cached(
                "INSERT INTO sites (id, name, operator, commodity, status, geom) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )
            .and_then(|mut statement| {
                let Site { id, name, operator, commodity, status, .. } = site;
                statement.execute(params![id.as_str(), name, operator, commodity, status.name(), blob])
            })
            .map_err(sql_error(&self.path))?;
        self.touch_sites(Some(&boundary))?;
        Ok(repairs)
    }

    /// Replaces the site with the same id. Permits and observations are kept.
    pub fn update_site(&self, site: &Site) -> Result<Vec<Repair>> {
        self.in_transaction(|_| self.replace_site(site))
    }

    /// Must be called in a transaction.
    pub(super) fn replace_site(&self, site: &Site) -> Result<Vec<Repair>> {
        if !self.has_site(&site.id)? {
            return Err(self.unknown_site(&site.id)?);
        }
        let (boundary, repairs) = checked_boundary(&site.id, &site.boundary)?;
        check_name(site)?;
        let Site { id, name, operator, commodity, status, .. } = site;
        self.connection
            .execute(
                "UPDATE sites SET name = ?2, operator = ?3, commodity = ?4, status = ?5, geom = ?6 WHERE id = ?1",
                params![id.as_str(), name, operator, commodity, status.name(), self.blob(&boundary)?],
            )
            .map_err(sql_error(&self.path))?;
        self.touch_sites(Some(&boundary))?;
        Ok(repairs)
    }

    /// Removes a site with its permits. A site with observations is removed only if `forced`: its observations are removed
    /// too, but their files are kept.
    pub fn remove_site(&self, id: &SiteId, forced: bool) -> Result<Removed> {
        self.in_transaction(|_| self.delete_site(id, forced))
    }

    /// Must be called in a transaction.
    pub(super) fn delete_site(&self, id: &SiteId, forced: bool) -> Result<Removed> {
        let sql = sql_error(&self.path);
        if !self.has_site(id)? {
            return Err(self.unknown_site(id)?);
        }
        let observations: i64 = self
            .connection
            .query_row("SELECT count(*) FROM observations WHERE site = ?1", [id.as_str()], |row| row.get(0))
            .map_err(&sql)?;
        let observations = observations as usize;
        if observations > 0 && !forced {
            let counted = minesegsat_scene::manifest::counted(observations, "observation");
            return Err(refuse(id, format!("it has {counted}, which would be lost")));
        }
        let delete = |query: &str| self.connection.execute(query, [id.as_str()]).map_err(&sql);
        delete("DELETE FROM observations WHERE site = ?1")?;
        let permits = delete("DELETE FROM permits WHERE site = ?1")?;
        delete("DELETE FROM sites WHERE id = ?1")?;
        self.touch_sites(None)?;
        Ok(Removed { permits, observations })
    }

    fn touch_sites(&self, boundary: Option<&MultiPolygon<f64>>) -> Result<()> {
        self.touch("sites", boundary)?;
        self.touch("sites_latest", boundary)
    }

    /// Whether a site has observations.
    pub fn is_observed(&self, id: &SiteId) -> Result<bool> {
        self.connection
            .query_row("SELECT 1 FROM observations WHERE site = ?1 LIMIT 1", [id.as_str()], |_| Ok(()))
            .optional()
            .map(|found| found.is_some())
            .map_err(sql_error(&self.path))
    }
}

/// A site as its row states it: each value, or what is wrong with it. Another program may have damaged one of them.
#[derive(Debug, Clone)]
pub struct StoredSite {
    /// Its id.
    pub id: SiteId,
    /// Display name.
    pub name: std::result::Result<String, String>,
    /// Operator.
    pub operator: std::result::Result<Option<String>, String>,
    /// Commodity.
    pub commodity: std::result::Result<Option<String>, String>,
    /// Status.
    pub status: std::result::Result<SiteStatus, String>,
    /// Boundary.
    pub boundary: std::result::Result<MultiPolygon<f64>, String>,
}

impl StoredSite {
    fn new(row: &Row<'_>, id: SiteId) -> Self {
        let cells = Cells(row);
        // It may have been edited in a GIS.
        let boundary = cells.polygons(6, "boundary").and_then(|polygons| {
            let polygons = polygons.ok_or("it has no boundary")?;
            let outline =
                valid_outline(&polygons).map_err(|reason| format!("its boundary cannot be used: {reason}"))?;
            Ok(outline.0)
        });
        Self {
            id,
            name: cells.text(2, "name"),
            operator: cells.optional_text(3, "operator"),
            commodity: cells.optional_text(4, "commodity"),
            status: cells.text(5, "status").and_then(|text| text.parse().map_err(|error: Error| error.to_string())),
            boundary,
        }
    }

    /// The site, or what is wrong with its first damaged value.
    pub fn into_site(self) -> std::result::Result<Site, String> {
        Ok(Site {
            id: self.id,
            name: self.name?,
            operator: self.operator?,
            commodity: self.commodity?,
            status: self.status?,
            boundary: self.boundary?,
        })
    }
}

fn site_of(row: &Row<'_>) -> std::result::Result<Site, DamagedRow> {
    let cells = Cells(row);
    let read = || -> std::result::Result<Site, String> {
        let id = cells.text(1, "id")?.parse().map_err(|error: Error| error.to_string())?;
        StoredSite::new(row, id).into_site()
    };
    read().map_err(|reason| {
        let site = cells.label(1);
        DamagedRow { table: "sites", row: cells.fid(), record: format!("site `{site}`"), site, reason }
    })
}

/// Validates and repairs a boundary before it is stored.
fn checked_boundary(id: &SiteId, boundary: &MultiPolygon<f64>) -> Result<(MultiPolygon<f64>, Vec<Repair>)> {
    if boundary.0.iter().all(|polygon| polygon.exterior().0.is_empty()) {
        return Err(refuse(id, "it has no boundary; every site needs one"));
    }
    valid_outline(boundary).map_err(|reason| refuse(id, format!("its boundary cannot be used: {reason}")))
}

fn check_name(site: &Site) -> Result<()> {
    if site.name.trim().is_empty() {
        return Err(refuse(&site.id, "its name is empty"));
    }
    Ok(())
}
