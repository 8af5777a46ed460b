//! Rows of a register that other programs may have edited: those that can be read, and those that cannot.

use std::fmt;

use geo::{BoundingRect, MultiPolygon};
use jiff::civil::Date;
use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde::Serialize;

use super::Register;
use super::schema::sql_error;
use minesegsat_core::{Crs, Error, Result};
use minesegsat_vector::labels::polygons_of_gpkg;

/// A row of the register that cannot be read, or that belongs to no site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DamagedRow {
    /// The table.
    pub table: &'static str,
    /// Number of the row: its `fid`.
    pub row: i64,
    /// Id of the site, as the row states it.
    pub site: String,
    /// The row in words, such as ``permit `P-1` of site `quarry` ``.
    pub record: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for DamagedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, row, record, reason, .. } = self;
        write!(f, "{record} (row {row} of table `{table}`): {reason}")
    }
}

impl DamagedRow {
    /// Whether the row may have been meant for a site: its id differs only in capitals and spaces.
    pub fn may_belong_to(&self, site: &str) -> bool {
        self.site.trim().eq_ignore_ascii_case(site)
    }
}

/// The rows that can be read, and those that cannot.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows<T> {
    /// Rows that can be read.
    pub rows: Vec<T>,
    /// Rows that cannot.
    pub damaged: Vec<DamagedRow>,
}

impl<T> Rows<T> {
    pub(super) fn new() -> Self {
        Self { rows: Vec::new(), damaged: Vec::new() }
    }

    pub(super) fn push(&mut self, row: std::result::Result<T, DamagedRow>) {
        match row {
            Ok(row) => self.rows.push(row),
            Err(damaged) => self.damaged.push(damaged),
        }
    }
}

impl Register {
    /// All rows, or an error that names the first one that cannot be read.
    pub(super) fn whole<T>(&self, rows: Rows<T>) -> Result<Vec<T>> {
        match rows.damaged.first() {
            None => Ok(rows.rows),
            Some(damaged) => Err(self.damaged_row(damaged)),
        }
    }

    /// The error for a row that cannot be read.
    pub(super) fn damaged_row(&self, damaged: &DamagedRow) -> Error {
        Error::input(self.path.display().to_string(), damaged)
    }

    /// All rows that cannot be read, and permits and observations that belong to no site.
    pub fn damaged(&self) -> Result<Vec<DamagedRow>> {
        let mut damaged = self.read_sites()?.damaged;
        damaged.extend(self.rows_without_site()?);
        for row in self.all_permits()?.damaged.into_iter().chain(self.all_observations()?.damaged) {
            // The id of a site that does not exist may not be an id at all.
            if !damaged.iter().any(|known| (known.table, known.row) == (row.table, row.row)) {
                damaged.push(row);
            }
        }
        Ok(damaged)
    }

    /// Permits and observations whose site is not in the register.
    pub fn rows_without_site(&self) -> Result<Vec<DamagedRow>> {
        const QUERIES: [(&str, &str); 2] = [
            ("permits", "SELECT fid, site, number FROM permits WHERE site NOT IN (SELECT id FROM sites) ORDER BY fid"),
            (
                "observations",
                "SELECT fid, site, date FROM observations WHERE site NOT IN (SELECT id FROM sites) ORDER BY fid",
            ),
        ];
        let sql = sql_error(&self.path);
        let mut found = Vec::new();
        for (table, query) in QUERIES {
            let mut statement = self.connection.prepare_cached(query).map_err(&sql)?;
            let mut rows = statement.query([]).map_err(&sql)?;
            while let Some(row) = rows.next().map_err(&sql)? {
                let cells = Cells(row);
                let (site, label) = (cells.label(1), cells.label(2));
                let record = match table {
                    "permits" => format!("permit `{label}` of site `{site}`"),
                    _ => format!("observation of site `{site}` on {label}"),
                };
                let reason = "the register has no such site".to_owned();
                found.push(DamagedRow { table, row: cells.fid(), site, record, reason });
            }
        }
        if !found.is_empty() {
            let ids = self.ids()?;
            for row in &mut found {
                if let Some(id) = ids.iter().find(|id| row.may_belong_to(id)) {
                    row.reason = format!("the register has no such site; it has `{id}`");
                }
            }
        }
        Ok(found)
    }
}

/// The cells of a row. Any program may have written any type into them.
pub(super) struct Cells<'a>(pub(super) &'a Row<'a>);

impl Cells<'_> {
    /// Number of the row: its first column.
    pub(super) fn fid(&self) -> i64 {
        self.0.get(0).unwrap_or_default()
    }

    /// A cell as a text for messages, also if it is none.
    pub(super) fn label(&self, column: usize) -> String {
        match self.0.get_ref(column) {
            Ok(ValueRef::Text(text)) => String::from_utf8_lossy(text).into_owned(),
            Ok(ValueRef::Integer(value)) => value.to_string(),
            Ok(ValueRef::Real(value)) => value.to_string(),
            _ => "?".to_owned(),
        }
    }

    pub(super) fn optional_text(&self, column: usize, name: &str) -> std::result::Result<Option<String>, String> {
        match self.0.get_ref(column) {
            Ok(ValueRef::Null) => Ok(None),
            Ok(ValueRef::Text(text)) => match std::str::from_utf8(text) {
                Ok(text) => Ok(Some(text.to_owned())),
                Err(_) => Err(format!("its {name} is not UTF-8 text")),
            },
            Ok(ValueRef::Integer(value)) => Ok(Some(value.to_string())),
            Ok(ValueRef::Real(value)) => Ok(Some(value.to_string())),
            Ok(ValueRef::Blob(_)) => Err(format!("its {name} is binary data; a text is needed")),
            Err(error) => Err(format!("its {name} cannot be read: {error}")),
        }
    }

    pub(super) fn text(&self, column: usize, name: &str) -> std::result::Result<String, String> {
        self.optional_text(column, name)?.ok_or_else(|| format!("its {name} is missing"))
    }

    pub(super) fn optional_number(&self, column: usize, name: &str) -> std::result::Result<Option<f64>, String> {
        match self.0.get_ref(column) {
            Ok(ValueRef::Null) => Ok(None),
            Ok(ValueRef::Integer(value)) => Ok(Some(value as f64)),
            Ok(ValueRef::Real(value)) => Ok(Some(value)),
            _ => Err(format!("its {name} `{}` is not a number such as 120.5", self.label(column))),
        }
    }

    pub(super) fn number(&self, column: usize, name: &str) -> std::result::Result<f64, String> {
        self.optional_number(column, name)?.ok_or_else(|| format!("its {name} is missing"))
    }

    pub(super) fn optional_date(&self, column: usize, name: &str) -> std::result::Result<Option<Date>, String> {
        let Some(text) = self.optional_text(column, name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|error| format!("its {name} `{text}` is not a date such as 2024-05-31: {error}"))
    }

    pub(super) fn date(&self, column: usize, name: &str) -> std::result::Result<Date, String> {
        self.optional_date(column, name)?.ok_or_else(|| format!("its {name} is missing"))
    }

    /// Polygons in longitude and latitude, unchecked.
    pub(super) fn polygons(&self, column: usize, name: &str) -> std::result::Result<Option<MultiPolygon<f64>>, String> {
        match self.0.get_ref(column) {
            Ok(ValueRef::Null) => Ok(None),
            Ok(ValueRef::Blob(blob)) => polygons_of(blob).map(Some).map_err(|reason| format!("its {name}: {reason}")),
            _ => Err(format!("its {name} is not a geometry")),
        }
    }
}

/// Polygons of a GeoPackage geometry in longitude and latitude, or the reason why it has none.
fn polygons_of(blob: &[u8]) -> std::result::Result<MultiPolygon<f64>, String> {
    let polygons = polygons_of_gpkg(blob)?;
    if let &[_, _, _, flags, a, b, c, d, ..] = blob {
        let code = if flags & 1 == 1 { i32::from_le_bytes([a, b, c, d]) } else { i32::from_be_bytes([a, b, c, d]) };
        // 0 and -1 say that the system is not stated.
        if !matches!(code, 0 | -1) && u32::try_from(code).ok() != Some(u32::from(Crs::WGS84.epsg())) {
            return Err(format!("it is in the CRS {code}; a register has longitudes and latitudes, EPSG:4326"));
        }
    }
    if let Some(rect) = polygons.bounding_rect() {
        let (low, high) = (rect.min(), rect.max());
        if low.y < -90.0 || high.y > 90.0 || low.x < -540.0 || high.x > 540.0 {
            return Err(format!(
                "its positions lie within {},{},{},{}, which are not longitudes and latitudes in degrees",
                low.x, low.y, high.x, high.y
            ));
        }
    }
    Ok(polygons)
}
