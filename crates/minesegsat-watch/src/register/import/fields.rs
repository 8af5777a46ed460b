//! Meanings of a file's columns.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::ImportOptions;
use super::source::Row;
use crate::register::AreaUnit;
use minesegsat_core::{Error, Result};
use minesegsat_vector::labels::{find_name, text_of};
use minesegsat_vector::values::Numbers;

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

    pub(super) fn limit(&self, row: &Row) -> Option<String> {
        self.text(row, LIMIT)
    }

    /// How the limits of a file are written: the decimal mark of those that are texts.
    pub(super) fn numbers(&self, rows: &[Row]) -> Numbers {
        let Some((column, _)) = &self.0[LIMIT] else { return Numbers::default() };
        let values = rows.iter().filter_map(|row| row.attributes.get(column)?.as_str());
        Numbers::of(values.map(AreaUnit::number_of))
    }

    /// Whether a limit is a number in the file, and not a text that has to be read.
    pub(super) fn is_limit_a_number(&self, row: &Row) -> bool {
        let value = self.0[LIMIT].as_ref().and_then(|(column, _)| row.attributes.get(column));
        value.is_some_and(serde_json::Value::is_number)
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
