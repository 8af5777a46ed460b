//! Observations and permits as rows of tables, for CSV and spreadsheets.

use jiff::civil::Date;

use super::{Observation, Permit};
use minesegsat_core::{Error, Result};

/// A cell of a table.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the variants say it all")]
pub enum Cell {
    Text(String),
    Number(f64),
    Date(Date),
    Empty,
}

impl Cell {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A text that may be missing.
    fn optional(text: Option<&String>) -> Self {
        text.map_or(Self::Empty, Self::text)
    }

    fn number(number: Option<f64>) -> Self {
        number.map_or(Self::Empty, Self::Number)
    }

    /// A day that may be missing.
    pub fn day(day: Option<Date>) -> Self {
        day.map_or(Self::Empty, Self::Date)
    }
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Date(day) => day.fmt(f),
            Self::Empty => Ok(()),
        }
    }
}

/// Columns of [`observation_row`].
pub const OBSERVATION_COLUMNS: [&str; 34] = [
    "site",
    "date",
    "verdict",
    "share_assessed",
    "area_ha",
    "area_lower_ha",
    "area_upper_ha",
    "confidence_level_percent",
    "compared_with",
    "gain_ha",
    "loss_ha",
    "outside_permit_ha",
    "permit",
    "limit_ha",
    "scenes",
    "model_sha256",
    "statement",
    "warnings",
    "created",
    "share_beyond_map",
    "boundary_sha256",
    "permit_sha256",
    "mapped_ha",
    "estimated_ha",
    "estimated_lower_ha",
    "estimated_upper_ha",
    "assumed_ha",
    "inside_permit_ha",
    "outside_site_ha",
    "gain_seen_ha",
    "loss_seen_ha",
    "noise_floor_ha",
    "share_disagreeing",
    "share_in_other_sites",
];

/// An observation as a row.
pub fn observation_row(o: &Observation) -> Vec<Cell> {
    vec![
        Cell::text(o.site.as_str()),
        Cell::Date(o.date),
        Cell::text(o.verdict.name()),
        Cell::Number(o.share_assessed),
        Cell::number(o.area.map(|area| area.ha)),
        Cell::number(o.area.map(|area| area.lower_ha)),
        Cell::number(o.area.map(|area| area.upper_ha)),
        Cell::Number(o.confidence_level_percent),
        Cell::day(o.compared_with),
        Cell::number(o.gain_ha),
        Cell::number(o.loss_ha),
        Cell::number(o.outside_permit_ha),
        Cell::optional(o.permit.as_ref()),
        Cell::number(o.limit_ha),
        Cell::text(o.scenes.join(" ")),
        Cell::text(&o.model_sha256),
        Cell::text(&o.statement),
        Cell::text(o.warnings.join("; ")),
        Cell::text(o.created.to_string()),
        Cell::number(o.share_beyond_map),
        Cell::optional(o.boundary_sha256.as_ref()),
        Cell::optional(o.permit_sha256.as_ref()),
        Cell::number(o.parts.map(|parts| parts.mapped_ha)),
        Cell::number(o.parts.map(|parts| parts.estimated.ha)),
        Cell::number(o.parts.map(|parts| parts.estimated.lower_ha)),
        Cell::number(o.parts.map(|parts| parts.estimated.upper_ha)),
        Cell::number(o.parts.map(|parts| parts.assumed_ha)),
        Cell::number(o.parts.and_then(|parts| parts.inside_permit_ha)),
        Cell::number(o.parts.map(|parts| parts.outside_site_ha)),
        Cell::number(o.seen_change.map(|seen| seen.gain_ha)),
        Cell::number(o.seen_change.map(|seen| seen.loss_ha)),
        Cell::number(o.seen_change.map(|seen| seen.noise_floor_ha)),
        Cell::number(o.share_disagreeing),
        Cell::number(o.share_in_other_sites),
    ]
}

/// Columns of [`permit_row`].
pub const PERMIT_COLUMNS: [&str; 8] =
    ["site", "number", "valid_from", "valid_to", "limit_ha", "has_area", "document", "document_sha256"];

/// A version of a permit as a row.
pub fn permit_row(permit: &Permit) -> Vec<Cell> {
    vec![
        Cell::text(permit.site.as_str()),
        Cell::text(&permit.number),
        Cell::Date(permit.valid_from),
        Cell::day(permit.valid_to),
        Cell::number(permit.limit_ha),
        Cell::text(if permit.polygon.is_some() { "yes" } else { "no" }),
        Cell::optional(permit.document.as_ref()),
        Cell::optional(permit.document_sha256.as_ref()),
    ]
}

/// A table as CSV.
pub fn csv_table(columns: &[&str], rows: impl IntoIterator<Item = Vec<Cell>>) -> Result<Vec<u8>> {
    let fail = |error: csv::Error| Error::Io(error.into());
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns).map_err(fail)?;
    for row in rows {
        writer.write_record(row.iter().map(Cell::to_string)).map_err(fail)?;
    }
    writer.into_inner().map_err(|error| Error::Io(error.into_error()))
}
