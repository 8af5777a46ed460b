//! Meanings of a file's columns.

use std::fmt;
use std::path::Path;

use jiff::civil::{Date, Time};
use serde::Serialize;
use serde_json::Value;

use super::ImportOptions;
use super::source::Row;
use crate::register::AreaUnit;
use minesegsat_core::{Error, Result};
use minesegsat_io::labels::{find_name, text_of};

/// Names of columns by meaning.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it all")]
pub struct Fields {
    pub id: Option<String>,
    pub name: Option<String>,
    pub operator: Option<String>,
    pub commodity: Option<String>,
    pub status: Option<String>,
    /// Number of a permit.
    pub permit: Option<String>,
    /// Limit of a permit, an area.
    pub limit: Option<String>,
    /// First day of a permit.
    pub valid_from: Option<String>,
    /// Last day of a permit.
    pub valid_to: Option<String>,
    /// File or URL of a permit's document.
    pub document: Option<String>,
}

/// A column and its meaning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldUse {
    /// Its meaning: `id`, `name`, ...
    pub field: &'static str,
    /// Its name in the file.
    pub column: String,
    /// Whether the meaning was guessed.
    pub guessed: bool,
}

impl fmt::Display for FieldUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from `{}`{}", self.field, self.column, if self.guessed { " (guessed)" } else { "" })
    }
}

const ID: usize = 0;
const NAME: usize = 1;
const OPERATOR: usize = 2;
const COMMODITY: usize = 3;
const STATUS: usize = 4;
const PERMIT: usize = 5;
const LIMIT: usize = 6;
const VALID_FROM: usize = 7;
const VALID_TO: usize = 8;
const DOCUMENT: usize = 9;
const DOCUMENT_SHA256: usize = 10;

/// Meanings of columns and their common names, most likely first. Names are compared in lower case, with `_` for
/// everything that is not a letter or digit.
const COMMON: [(&str, &[&str]); 11] = [
    ("id", &["id", "site_id", "mine_id", "site"]),
    ("name", &["name", "site_name", "mine_name", "mine", "project", "project_name", "title"]),
    ("operator", &["operator", "operator_name", "company", "company_name", "owner", "owners"]),
    ("commodity", &["commodity", "commodities", "primary_commodity", "mineral"]),
    ("status", &["status", "site_status", "mine_status"]),
    ("permit", &["number", "permit", "permit_number", "permit_no", "permit_id"]),
    (
        "limit",
        &[
            "limit_ha",
            "limit_km2",
            "limit_m2",
            "limit",
            "disturbance_limit_ha",
            "disturbance_limit_km2",
            "disturbance_limit_m2",
            "disturbance_limit",
        ],
    ),
    ("first day of a permit", &["valid_from", "start_date", "issued", "issue_date"]),
    ("last day of a permit", &["valid_to", "end_date", "expiry_date", "expires", "expiry"]),
    ("document", &["document", "source_document"]),
    ("hash of the document", &["document_sha256"]),
];

/// Columns of a file by meaning.
#[derive(Debug)]
pub(super) struct Columns([Option<(String, bool)>; 11]);

impl Columns {
    /// Chooses the named columns, which must exist. For all other meanings it chooses columns with a common name.
    pub(super) fn choose(path: &Path, names: &[String], options: &ImportOptions) -> Result<Self> {
        let fields = &options.fields;
        let named = [
            &fields.id,
            &fields.name,
            &fields.operator,
            &fields.commodity,
            &fields.status,
            &fields.permit,
            &fields.limit,
            &fields.valid_from,
            &fields.valid_to,
            &fields.document,
            &None,
        ];
        let mut chosen: [Option<(String, bool)>; 11] = Default::default();
        for (field, wanted) in named.into_iter().enumerate() {
            if let Some(wanted) = wanted {
                let found = find_name(names, wanted).ok_or_else(|| {
                    let all: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                    let reason = format!(
                        "has no column `{wanted}`, or several that differ in capitals; it has {}",
                        all.join(", ")
                    );
                    Error::vector(path, reason)
                })?;
                chosen[field] = Some((found.to_owned(), false));
            }
        }
        if !options.no_guess {
            let plain: Vec<String> = names.iter().map(|name| plain(name)).collect();
            for (field, (_, common)) in COMMON.iter().enumerate() {
                if chosen[field].is_some() {
                    continue;
                }
                let place = common.iter().find_map(|common| plain.iter().position(|name| name == common));
                // A column has one meaning.
                let place = place.filter(|&place| chosen.iter().flatten().all(|(name, _)| *name != names[place]));
                chosen[field] = place.map(|place| (names[place].clone(), true));
            }
        }
        Ok(Self(chosen))
    }

    /// The chosen columns.
    pub(super) fn uses(&self) -> Vec<FieldUse> {
        let uses = self.0.iter().zip(COMMON).filter_map(|(chosen, (field, _))| {
            let (column, guessed) = chosen.clone()?;
            Some(FieldUse { field, column, guessed })
        });
        uses.collect()
    }

    /// Trimmed text of a column in a row; `None` if empty.
    fn text(&self, row: &Row, field: usize) -> Option<String> {
        let (column, _) = self.0[field].as_ref()?;
        let text = text_of(row.attributes.get(column)?)?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Id or name of a row's site, for messages.
    pub(super) fn site(&self, row: &Row) -> Option<String> {
        self.id(row).or_else(|| self.name(row))
    }

    pub(super) fn id(&self, row: &Row) -> Option<String> {
        self.text(row, ID)
    }

    pub(super) fn name(&self, row: &Row) -> Option<String> {
        self.text(row, NAME)
    }

    pub(super) fn operator(&self, row: &Row) -> Option<String> {
        self.text(row, OPERATOR)
    }

    pub(super) fn commodity(&self, row: &Row) -> Option<String> {
        self.text(row, COMMODITY)
    }

    pub(super) fn status(&self, row: &Row) -> Option<String> {
        self.text(row, STATUS)
    }

    pub(super) fn permit(&self, row: &Row) -> Option<String> {
        self.text(row, PERMIT)
    }

    /// The limit as it is written. An error if its points may separate thousands: only numbers in text leave that open.
    pub(super) fn limit(&self, row: &Row) -> std::result::Result<Option<String>, String> {
        let Some(text) = self.text(row, LIMIT) else { return Ok(None) };
        let is_text =
            self.0[LIMIT].as_ref().is_some_and(|(column, _)| row.attributes.get(column).is_some_and(Value::is_string));
        match ambiguous_number(&text).filter(|_| is_text) {
            Some(reason) => Err(format!("its limit {reason}")),
            None => Ok(Some(text)),
        }
    }

    /// Unit in the name of the limit column, such as `limit_km2`.
    pub(super) fn unit_of_limit(&self) -> Option<AreaUnit> {
        let (column, _) = self.0[LIMIT].as_ref()?;
        plain(column).rsplit('_').next()?.parse().ok()
    }

    pub(super) fn valid_from(&self, row: &Row) -> Option<String> {
        self.text(row, VALID_FROM)
    }

    pub(super) fn valid_to(&self, row: &Row) -> Option<String> {
        self.text(row, VALID_TO)
    }

    pub(super) fn document(&self, row: &Row) -> Option<String> {
        self.text(row, DOCUMENT)
    }

    pub(super) fn document_sha256(&self, row: &Row) -> Option<String> {
        self.text(row, DOCUMENT_SHA256)
    }
}

/// A name in lower case, with `_` for everything that is not a letter or digit.
pub(super) fn plain(name: &str) -> String {
    let plain: String = name.trim().to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    plain.trim_matches('_').to_owned()
}

/// Parses a date such as `2024-05-31`. A time after it is ignored; any other text is an error.
pub(super) fn date(text: &str) -> std::result::Result<Date, String> {
    let (day, rest) = text.split_at_checked(10).unwrap_or((text, ""));
    // Other orders of year, month and day would be ambiguous.
    let day = day.parse().ok().filter(|_| rest.is_empty() || is_time(rest));
    day.ok_or_else(|| format!("`{text}` is not a date; expected a date such as 2024-05-31"))
}

/// Whether the text after a date is a time such as ` 10:30`, `T10:30:00.000Z` or `T10:30:00+02:00`.
fn is_time(text: &str) -> bool {
    let Some(time) = text.strip_prefix(['T', ' ']) else { return false };
    let time = time.trim();
    let end = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (clock, offset) = time.split_at(end);
    let offset: String = offset.chars().filter(|c| *c != ':').collect();
    let is_offset = match offset.as_bytes() {
        [] | [b'Z' | b'z'] => true,
        [b'+' | b'-', digits @ ..] => matches!(digits.len(), 2 | 4) && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    is_offset && clock.trim().parse::<Time>().is_ok()
}

/// The number at the start of a text, if its points may separate thousands: `1.200` is 1.2 or 1200.
pub(in crate::register) fn ambiguous_number(text: &str) -> Option<String> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let mut groups = text[..end].split('.');
    let first = groups.next()?;
    let rest: Vec<&str> = groups.collect();
    let is_grouped = (1..=3).contains(&first.len())
        && !first.starts_with('0')
        && !rest.is_empty()
        && rest.iter().all(|group| group.len() == 3);
    is_grouped.then(|| {
        let whole = text[..end].replace('.', "");
        let decimal = text[..end].trim_end_matches('0').trim_end_matches('.');
        format!("`{text}` may mean {whole} or {decimal}: write it without a point between thousands")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_after_a_date_is_a_time_or_an_error() {
        let day = Ok(jiff::civil::date(2021, 1, 1));
        for text in [
            "2021-01-01",
            "2021-01-01T00:00:00Z",
            "2021-01-01 10:30",
            "2021-01-01T10:30:00.000+02:00",
            "2021-01-01 10:30:00-0500",
        ] {
            assert_eq!(date(text), day, "{text}");
        }
        for text in
            ["2021-01-01 to 2022-12-31", "2021-01-01/2022-12-31", "2021-01-01 (revised)", "2021-01-01T", "1.1.2021"]
        {
            assert!(date(text).unwrap_err().contains(text), "{text}");
        }
    }

    #[test]
    fn points_between_thousands_are_not_decimal_points() {
        for text in ["1.200", "1.200 ha", "12.345.678", "120.500"] {
            assert!(ambiguous_number(text).unwrap().contains(text), "{text}");
        }
        assert!(ambiguous_number("1.200").unwrap().contains("1200 or 1.2"));
        for text in ["1.2", "120", "120.5", "0.125", "1200.000", "1.20", "ha", ""] {
            assert_eq!(ambiguous_number(text), None, "{text}");
        }
    }
}
