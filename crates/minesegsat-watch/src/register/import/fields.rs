//! Meanings of a file's columns.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::ImportOptions;
use super::source::{Row, Source};
use crate::register::AreaUnit;
use minesegsat_core::{Error, Result, Setting};
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

/// A meaning of a column, and how columns with it are named in English, French, Spanish and Portuguese. Names are compared
/// as [`plain`] texts.
struct Meaning {
    /// Its name in messages.
    name: &'static str,
    /// Field of [`Fields`] that names the column.
    field: &'static str,
    /// Names that say this and nothing else, with blanks between them. Two such columns with different values are an error.
    names: &'static str,
    /// Names that count if there is no other column, most likely first.
    weak: &'static str,
}

const MEANINGS: [Meaning; 11] = [
    Meaning { name: "id", field: "id", names: "id site_id mine_id id_site id_sitio id_mine id_mina", weak: "site" },
    Meaning {
        name: "name",
        field: "name",
        names: "name site_name mine_name nom nom_site nom_du_site nom_mine nombre_sitio nombre_mina nome \
            nome_mina",
        // French files count with `nombre`.
        weak: "nombre mine mina project project_name projet proyecto projeto title titre titulo",
    },
    Meaning {
        name: "operator",
        field: "operator",
        names: "operator operator_name operateur exploitant operador operadora",
        weak: "company company_name societe titulaire empresa compania titular owner owners proprietaire \
            propietario proprietario",
    },
    Meaning {
        name: "commodity",
        field: "commodity",
        names: "commodity",
        weak: "primary_commodity commodities mineral minerals minerai minerio substance substances sustancia \
            sustancias substancia substancias",
    },
    Meaning {
        name: "status",
        field: "status",
        names: "status site_status mine_status statut estatus situacion situacao",
        weak: "",
    },
    Meaning {
        name: "permit",
        field: "permit",
        names: "permit permit_no permit_num permit_number permit_id permis no_permis numero_permis autorisation \
            no_autorisation numero_autorisation permiso no_permiso numero_permiso autorizacion autorizacao",
        // A licence may be that of the data.
        weak: "number licence_no licence_number license_no license_number licencia numero_licencia licenca \
            numero_licenca licence license numero",
    },
    Meaning {
        name: "limit",
        field: "limit",
        // Also with a unit at the end.
        names: "limit area_limit permitted_area disturbance_limit limite surface_autorisee superficie_autorisee \
            superficie_autorizada area_autorizada",
        weak: "",
    },
    Meaning {
        name: "first day of a permit",
        field: "valid_from",
        names: "valid_from valide_du valide_depuis valido_desde vigente_desde valido_de",
        weak: "start_date date_from debut_validite date_debut inicio_vigencia fecha_inicio inicio_validade \
            data_inicio issued issue_date",
    },
    Meaning {
        name: "last day of a permit",
        field: "valid_to",
        names: "valid_to valid_until valide_au valido_hasta vigente_hasta valido_ate",
        weak: "end_date date_to fin_validite date_fin fin_vigencia fecha_fin fim_validade data_fim expiry_date \
            expires expiry",
    },
    Meaning {
        name: "document",
        field: "document",
        names: "document documento",
        weak: "source_document permit_document",
    },
    Meaning { name: "hash of the document", field: "document", names: "document_sha256", weak: "" },
];

/// What is known of a permit beside its number. Without a permit it says nothing.
const OF_A_PERMIT: [usize; 4] = [VALID_FROM, VALID_TO, DOCUMENT, DOCUMENT_SHA256];

/// Columns of a file by meaning.
#[derive(Debug)]
pub(super) struct Columns([Option<(String, bool)>; 11]);

impl Columns {
    /// Chooses the named columns, which must exist. For all other meanings it chooses columns with a usual name. Fails if two
    /// columns with different values could be meant.
    pub(super) fn choose(path: &Path, source: &Source, options: &ImportOptions) -> Result<Self> {
        let (names, fields) = (&source.names, &options.fields);
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
            for (field, meaning) in MEANINGS.iter().enumerate() {
                if chosen[field].is_none() {
                    // A column has one meaning.
                    let is_free = |name: &&String| chosen.iter().flatten().all(|(used, _)| used != *name);
                    let free: Vec<&String> = names.iter().filter(is_free).collect();
                    let found = guess(&free, meaning, &source.rows)
                        .map_err(|reason| Error::vector(path, reason).avoided_by(Setting::Column(meaning.field)))?;
                    chosen[field] = found.map(|name| (name, true));
                }
            }
            if chosen[PERMIT].is_none() && !options.as_permits {
                for field in OF_A_PERMIT {
                    chosen[field] = chosen[field].take().filter(|(_, guessed)| !guessed);
                }
            }
        }
        Ok(Self(chosen))
    }

    /// The chosen columns.
    pub(super) fn uses(&self) -> Vec<FieldUse> {
        let uses = self.0.iter().zip(&MEANINGS).filter_map(|(chosen, meaning)| {
            let (column, guessed) = chosen.clone()?;
            Some(FieldUse { field: meaning.name, column, guessed })
        });
        uses.collect()
    }

    /// Name of the column with the limits, for messages.
    pub(super) fn limit_column(&self) -> &str {
        self.0[LIMIT].as_ref().map_or("", |(column, _)| column)
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

/// The column with a meaning by its name. The error is a reason: two columns that differ could be meant.
fn guess(names: &[&String], meaning: &Meaning, rows: &[Row]) -> std::result::Result<Option<String>, String> {
    let without_unit = |name: &str| match name.rsplit_once('_') {
        Some((rest, unit)) if meaning.field == "limit" && unit.parse::<AreaUnit>().is_ok() => rest.to_owned(),
        _ => name.to_owned(),
    };
    let plain: Vec<String> = names.iter().map(|name| without_unit(&plain(name))).collect();
    let mut found = names
        .iter()
        .zip(&plain)
        .filter(|(_, plain)| meaning.names.split_whitespace().any(|name| name == plain.as_str()));
    let Some((first, _)) = found.next() else {
        let weak = meaning.weak.split_whitespace().find_map(|weak| plain.iter().position(|name| name == weak));
        return Ok(weak.map(|place| names[place].clone()));
    };
    let text = |row: &Row, name: &str| row.attributes.get(name).and_then(text_of);
    match found.find(|(other, _)| rows.iter().any(|row| text(row, first) != text(row, other))) {
        None => Ok(Some((*first).clone())),
        Some((other, _)) => {
            Err(format!("its columns `{first}` and `{other}` differ, and both could be the {}", meaning.name))
        }
    }
}

/// A name in lower-case Latin letters, with `_` between words. `Código da licença` becomes
/// `codigo_da_licenca`.
pub(super) fn plain(name: &str) -> String {
    // The sign in `N°` stands for an o.
    let latin = deunicode::deunicode(&name.replace('°', "o")).to_lowercase();
    let words = latin.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_")
}
