//! Import of sites and permits from other files: [`Register::import`].

mod fields;
mod source;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use geo::MultiPolygon;
use jiff::civil::Date;
use serde::Serialize;

use self::fields::Columns;
pub use self::fields::{FieldUse, Fields};
pub(super) use self::source::ToDegrees;
use self::source::{Row, Source};
use super::schema::sql_error;
use super::{AreaUnit, Permit, Register, Site, SiteId, SiteStatus};
use minesegsat_core::{Crs, Error, Result, Setting};
use minesegsat_io::{Location, identity};
use minesegsat_vector::labels::{Filter, Repair, valid_outline};
use minesegsat_vector::values::{self, DecimalMark, Numbers, is_in_milliseconds};

/// Options of an import. By default every polygon becomes a new site, column names are guessed, and nothing is imported if
/// any row is invalid.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// Layer of a GeoPackage, or shapefile of a zip archive, if there are several.
    pub layer: Option<String>,
    /// Filter of the rows to import.
    pub filter: Option<Filter>,
    /// Accepts a file that states that it is incomplete, such as an answer that a server cut off. The report says so.
    pub allow_incomplete: bool,
    /// CRS of the coordinates, for files that state none or a wrong one. Tables default to longitude and latitude.
    pub crs: Option<Crs>,
    /// Swaps x and y, for files with latitude before longitude.
    pub swap_axes: bool,
    /// Names of the columns to use.
    pub fields: Fields,
    /// Uses only the columns in `fields`, without guessing others.
    pub no_guess: bool,
    /// Unit of limits without a unit.
    pub limit_unit: Option<AreaUnit>,
    /// Decimal mark of numbers in texts. By default the numbers of a column show it.
    pub decimal_mark: Option<DecimalMark>,
    /// Operator of sites without one in the file.
    pub operator: Option<String>,
    /// Commodity of sites without one in the file.
    pub commodity: Option<String>,
    /// Status of sites without one in the file.
    pub status: Option<SiteStatus>,
    /// First day of permits without one in the file.
    pub valid_from: Option<Date>,
    /// Also makes each polygon the polygon of a permit. Its number is the row's permit number, else the row's id.
    pub as_permits: bool,
    /// Merges all polygons with the same id into one site.
    pub unite: bool,
    /// Updates sites that already exist, instead of rejecting their rows.
    pub update: bool,
    /// Skips invalid rows, instead of importing nothing.
    pub skip_invalid: bool,
    /// Checks the import without storing anything.
    pub dry_run: bool,
}

/// Result of an import.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ImportReport {
    /// The columns used, and their meanings.
    pub fields: Vec<FieldUse>,
    /// Names of the columns that were not used.
    pub unused: Vec<String>,
    /// Number of rows or features in the file.
    pub read: usize,
    /// Number of rows that the filter excluded.
    pub filtered_out: usize,
    /// Sites, in the order of the file.
    pub sites: Vec<ImportedSite>,
    /// Invalid rows.
    pub failed: Vec<FailedRow>,
    /// Warnings, as sentences.
    pub warnings: Vec<String>,
    /// Whether the import was stored. `false` on a dry run, if a row failed and rows are not skipped, or if it was not accepted.
    pub stored: bool,
}

impl ImportReport {
    /// Number of sites with this outcome.
    pub fn count(&self, made: ImportOutcome) -> usize {
        self.sites.iter().filter(|site| site.made == made).count()
    }
}

/// An imported site.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImportedSite {
    /// Its id.
    pub id: SiteId,
    /// Its name.
    pub name: String,
    /// What was done with it.
    pub made: ImportOutcome,
    /// Number of permit versions added or changed.
    pub permits: usize,
    /// Repairs made to its boundary and permit polygons.
    pub repairs: Vec<Repair>,
}

/// Outcome of the import of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportOutcome {
    /// The site is new.
    Added,
    /// The site existed and was changed.
    Updated,
    /// The site existed and is unchanged.
    Unchanged,
}

/// An invalid row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedRow {
    /// The row, such as `line 7` or `feature 12`.
    pub row: String,
    /// Id or name of its site, if it has one.
    pub site: Option<String>,
    /// Reason of the failure.
    pub reason: String,
    /// The option that avoids it.
    #[serde(skip)]
    pub setting: Option<Setting>,
}

impl fmt::Display for FailedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.site {
            Some(site) => write!(f, "{}, site `{site}`: {}", self.row, self.reason),
            None => write!(f, "{}: {}", self.row, self.reason),
        }
    }
}

/// What is wrong with a row, and the option that avoids it.
#[derive(Debug, Clone)]
struct RowError {
    reason: String,
    setting: Option<Setting>,
}

impl From<String> for RowError {
    fn from(reason: String) -> Self {
        Self { reason, setting: None }
    }
}

/// A site as described by a file. Missing values are `None`.
#[derive(Debug)]
struct Plan {
    id: SiteId,
    /// The first row that describes it.
    row: String,
    /// Index of that row in the file.
    place: usize,
    /// Whether the id was derived from a name or a number.
    is_made: bool,
    name: Option<String>,
    operator: Option<String>,
    commodity: Option<String>,
    status: Option<SiteStatus>,
    boundary: Option<MultiPolygon<f64>>,
    repairs: Vec<Repair>,
    permits: Vec<Permit>,
}

impl Register {
    /// Imports sites and permits from a GeoPackage, Shapefile, GeoJSON, FlatGeobuf or GeoParquet file, or from a table (`.csv`,
    /// `.tsv`, `.txt`), in one transaction. If a row is invalid, nothing is imported unless the options skip invalid rows. The
    /// report lists invalid rows with reasons.
    ///
    /// A table has the boundary as well-known text in a column `wkt`, or as a circle: `longitude`, `latitude` and `radius_m`.
    /// Rows with the same id that each have a permit are one site.
    pub fn import(&self, path: &Path, options: &ImportOptions) -> Result<ImportReport> {
        self.import_if(path, options, |_| Ok(true))
    }

    /// Imports as [`import`](Self::import) does, if `accepts` says so. It is asked before anything is stored, also on a dry run, and reads
    /// the register as it would be.
    pub fn import_if(
        &self,
        path: &Path,
        options: &ImportOptions,
        accepts: impl FnOnce(&ImportReport) -> Result<bool>,
    ) -> Result<ImportReport> {
        let source = Source::read(path, options)?;
        let columns = Columns::choose(path, &source, options)?;
        let mut fields = columns.uses();
        fields.extend(source.shapes.iter().cloned());
        let is_unused = |name: &&String| fields.iter().all(|used| used.column != **name);
        let mut report = ImportReport {
            unused: source.names.iter().filter(is_unused).cloned().collect(),
            fields,
            read: source.read,
            filtered_out: source.filtered_out,
            warnings: source.warnings.clone(),
            ..ImportReport::default()
        };
        // With the indices of their rows, because rows can fail here and below.
        let mut failed: Vec<(usize, FailedRow)> = Vec::new();
        let plans = plan(path, &source, &columns, options, &mut report.warnings, &mut failed);

        let transaction = self.begin()?;
        let sql = sql_error(&self.path);
        for plan in plans {
            let (row, id, place) = (plan.row.clone(), plan.id.clone(), plan.place);
            let fail = |reason: String, setting| {
                failed.push((place, FailedRow { row, site: Some(id.to_string()), reason, setting }));
            };
            if !options.update && self.has_site(&id)? {
                fail(format!("{} has a site of this id already", self.path.display()), Some(Setting::Update));
                continue;
            }
            transaction.execute_batch("SAVEPOINT site").map_err(&sql)?;
            match self.take(plan, options) {
                Ok(site) => report.sites.push(site),
                // The row is invalid. Any other error ends the import.
                Err(Error::Argument { accepted, .. }) => {
                    transaction.execute_batch("ROLLBACK TO site").map_err(&sql)?;
                    fail(accepted, None);
                }
                Err(error) => return Err(error),
            }
            transaction.execute_batch("RELEASE site").map_err(&sql)?;
        }
        failed.sort_by_key(|(place, _)| *place);
        report.failed = failed.into_iter().map(|(_, row)| row).collect();
        let is_valid = report.failed.is_empty() || options.skip_invalid;
        report.stored = is_valid && accepts(&report)? && !options.dry_run;
        if report.stored {
            transaction.commit().map_err(&sql)?;
        } else {
            transaction.rollback().map_err(&sql)?;
        }
        Ok(report)
    }

    /// Stores a site of a file. Must be called in a transaction.
    fn take(&self, plan: Plan, options: &ImportOptions) -> Result<ImportedSite> {
        let refuse = |reason: String| Error::Argument { name: "site", value: plan.id.to_string(), accepted: reason };
        // A damaged row of the register fails the rows of its site only.
        let row_error = |error: Error| match error {
            Error::Input { .. } => refuse(error.to_string()),
            other => other,
        };
        let known = self.site(&plan.id).map_err(row_error)?;
        let boundary = match (&plan.boundary, &known) {
            (Some(boundary), _) => boundary.clone(),
            (None, Some(known)) => known.boundary.clone(),
            (None, None) => return Err(refuse("it has no boundary; every site needs one".to_owned())),
        };
        let before = known.clone();
        let old = |of: fn(Site) -> Option<String>| known.clone().and_then(of);
        let site = Site {
            name: plan.name.or_else(|| old(|site| Some(site.name))).unwrap_or_else(|| plan.id.to_string()),
            operator: plan.operator.or_else(|| old(|site| site.operator)).or_else(|| options.operator.clone()),
            commodity: plan.commodity.or_else(|| old(|site| site.commodity)).or_else(|| options.commodity.clone()),
            status: plan
                .status
                .or_else(|| known.as_ref().map(|site| site.status))
                .or(options.status)
                .unwrap_or_default(),
            id: plan.id,
            boundary,
        };
        let (mut made, mut repairs) = (ImportOutcome::Added, plan.repairs);
        match before {
            None => repairs.extend(self.insert_site(&site)?),
            Some(before) => {
                // The boundary as it would be stored. Errors are reported when it is stored.
                let boundary = valid_outline(&site.boundary).map_or_else(|_| site.boundary.clone(), |valid| valid.0);
                let same = before == Site { boundary, ..site.clone() };
                made = if same { ImportOutcome::Unchanged } else { ImportOutcome::Updated };
                if !same {
                    repairs.extend(self.replace_site(&site)?);
                }
            }
        }
        let mut permits = self.permits(&site.id).map_err(|error| match error {
            Error::Input { .. } => {
                Error::Argument { name: "site", value: site.id.to_string(), accepted: error.to_string() }
            }
            other => other,
        })?;
        let mut changed = 0;
        for mut permit in plan.permits {
            permit.site = site.id.clone();
            permit.polygon = permit.polygon.map(|polygon| valid_outline(&polygon).map_or(polygon, |valid| valid.0));
            let same_version =
                permits.iter_mut().find(|old| old.number == permit.number && old.valid_from == permit.valid_from);
            match same_version {
                Some(old) if *old == permit => {}
                Some(old) => {
                    *old = permit;
                    changed += 1;
                }
                None => {
                    permits.push(permit);
                    changed += 1;
                }
            }
        }
        if changed > 0 {
            repairs.extend(self.replace_permits(&site.id, &mut permits)?);
            if made == ImportOutcome::Unchanged {
                made = ImportOutcome::Updated;
            }
        }
        repairs.sort_unstable();
        repairs.dedup();
        Ok(ImportedSite { id: site.id, name: site.name, made, permits: changed, repairs })
    }
}

/// Groups the rows of a file into sites. Also returns invalid rows with their indices.
fn plan(
    path: &Path,
    source: &Source,
    columns: &Columns,
    options: &ImportOptions,
    warnings: &mut Vec<String>,
    failed: &mut Vec<(usize, FailedRow)>,
) -> Vec<Plan> {
    let numbers = options.decimal_mark.map_or_else(|| columns.numbers(&source.rows), Numbers::with_mark);
    let mut plans: Vec<Plan> = Vec::new();
    let mut places: HashMap<SiteId, usize> = HashMap::new();
    for (number, row) in source.rows.iter().enumerate() {
        let fail = |RowError { reason, setting }| {
            (number, FailedRow { row: row.place.clone(), site: columns.site(row), reason, setting })
        };
        let mut new = match read_row(path, source, row, columns, numbers, options, warnings) {
            Ok(new) => Plan { place: number, ..new },
            Err(error) => {
                failed.push(fail(error));
                continue;
            }
        };
        let Some(&place) = places.get(&new.id) else {
            places.insert(new.id.clone(), plans.len());
            plans.push(new);
            continue;
        };
        let same_name = plans[place].name == new.name || new.name.is_none();
        if new.is_made && (!same_name || new.permits.is_empty()) && !options.unite {
            // Another site whose name gives the same id.
            let free = (2..=1_000_000).filter_map(|number| new.id.numbered(number)).find(|id| !places.contains_key(id));
            if let Some(id) = free {
                places.insert(id.clone(), plans.len());
                plans.push(Plan { id, ..new });
            }
            continue;
        }
        if let Err(error) = join(&mut plans[place], &mut new, options) {
            failed.push(fail(error));
        }
    }
    plans
}

/// Adds a row to the site with its id, or returns the reason why it cannot be added.
fn join(site: &mut Plan, row: &mut Plan, options: &ImportOptions) -> std::result::Result<(), RowError> {
    let first = &site.row;
    if !options.unite && (row.permits.is_empty() || site.permits.is_empty()) {
        let reason =
            format!("{first} has the id `{}` as well; ids are unique, but for rows that each have a permit", site.id);
        return Err(RowError { reason, setting: Some(Setting::Unite) });
    }
    let agree = |name: &str, a: &Option<String>, b: &Option<String>| match (a, b) {
        (Some(a), Some(b)) if a != b => {
            Err(format!("its {name} is `{b}`, and `{a}` in {first}, which has the same id"))
        }
        _ => Ok(()),
    };
    let status = |plan: &Plan| plan.status.map(|status| status.to_string());
    agree("name", &site.name, &row.name)?;
    agree("operator", &site.operator, &row.operator)?;
    agree("commodity", &site.commodity, &row.commodity)?;
    agree("status", &status(site), &status(row))?;
    match (&mut site.boundary, row.boundary.take()) {
        (_, None) => {}
        (Some(boundary), Some(more)) if *boundary == more => {}
        (Some(boundary), Some(more)) if options.unite || options.as_permits => boundary.0.extend(more.0),
        (Some(_), Some(_)) => {
            let reason = format!("its boundary differs from that in {first}, which has the same id");
            return Err(RowError { reason, setting: Some(Setting::Unite) });
        }
        (none, more) => *none = more,
    }
    site.name = site.name.take().or(row.name.take());
    site.operator = site.operator.take().or(row.operator.take());
    site.commodity = site.commodity.take().or(row.commodity.take());
    site.status = site.status.or(row.status);
    site.repairs.append(&mut row.repairs);
    for permit in row.permits.drain(..) {
        let same = site.permits.iter_mut().find(|p| p.number == permit.number && p.valid_from == permit.valid_from);
        match (same, permit.polygon.clone()) {
            // Several polygons of one permit.
            (Some(known), Some(part)) if options.unite && options.as_permits => {
                known.polygon.get_or_insert_with(|| MultiPolygon(Vec::new())).0.extend(part.0);
            }
            _ => site.permits.push(permit),
        }
    }
    Ok(())
}

/// Parses a row, or returns what is wrong with it.
fn read_row(
    path: &Path,
    source: &Source,
    row: &Row,
    columns: &Columns,
    numbers: Numbers,
    options: &ImportOptions,
    warnings: &mut Vec<String>,
) -> std::result::Result<Plan, RowError> {
    let boundary = row.boundary.clone()?;
    let name = columns.name(row);
    let (id, is_made) = match columns.id(row) {
        Some(text) => match SiteId::from_text(&text) {
            Some(id) => (id, false),
            None => return Err(format!("no id can be made of `{text}`, which has no letters and digits").into()),
        },
        None => match name.as_deref().and_then(SiteId::from_text).or_else(|| source.made_id(row)) {
            Some(id) => (id, true),
            None => return Err("it has neither an id nor a name".to_owned().into()),
        },
    };
    let status =
        columns.status(row).map(|text| text.parse::<SiteStatus>().map_err(|error| error.to_string())).transpose()?;
    let number = columns.permit(row);
    let limit = columns.limit(row);
    let number = match number {
        None if options.as_permits => Some(columns.id(row).unwrap_or_else(|| id.to_string())),
        None => match limit {
            Some(limit) => {
                let reason = format!("it has a limit, `{limit}`, but no permit number");
                return Err(RowError { reason, setting: Some(Setting::Column("permit")) });
            }
            None => None,
        },
        number => number,
    };
    let mut permits = Vec::new();
    if let Some(number) = number {
        let mut in_milliseconds = false;
        let mut date = |text: String| {
            in_milliseconds |= is_in_milliseconds(&text);
            values::date(&text)
        };
        let valid_from =
            columns.valid_from(row).map(&mut date).transpose()?.or(options.valid_from).ok_or_else(|| {
                let reason = format!("permit `{number}` has no first day");
                RowError { reason, setting: Some(Setting::ValidFrom) }
            })?;
        let valid_to = columns.valid_to(row).map(&mut date).transpose()?;
        if in_milliseconds {
            warnings.push(format!(
                "{}: dates of permit `{number}` are milliseconds, and were read as days in UTC",
                row.place
            ));
        }
        let limit_ha = limit
            .map(|text| {
                let numbers = if columns.is_limit_a_number(row) { Numbers::DECIMAL_POINT } else { numbers };
                AreaUnit::parse_ha_of(&text, options.limit_unit.or(columns.unit_of_limit()), numbers)
            })
            .transpose()
            .map_err(|error| format!("permit `{number}`, column `{}`: {error}", columns.limit_column()))?;
        let document = columns.document(row);
        let mut document_sha256 = columns.document_sha256(row);
        if let (Some(document), None) = (&document, &document_sha256) {
            // Documents are relative to the file that names them.
            let beside = path.parent().unwrap_or(Path::new("")).join(document);
            match identity(&Location::Path(beside)) {
                _ if document.contains("://") => {}
                Ok(found) => document_sha256 = found.sha256,
                Err(_) => warnings.push(format!(
                    "{}: document `{document}` of permit `{number}` is not a file beside {}, so it has no hash",
                    row.place,
                    path.display()
                )),
            }
        }
        let polygon = row.permit_polygon.clone()?.or_else(|| boundary.clone().filter(|_| options.as_permits));
        permits.push(Permit {
            site: id.clone(),
            number,
            valid_from,
            valid_to,
            polygon,
            limit_ha,
            document,
            document_sha256,
        });
    }
    Ok(Plan {
        id,
        row: row.place.clone(),
        place: 0,
        is_made,
        name,
        operator: columns.operator(row),
        commodity: columns.commodity(row),
        status,
        boundary,
        repairs: row.repairs.clone(),
        permits,
    })
}

/// SHA-256 of a document; `None` if it is a URL. Fails if the file does not exist.
pub fn document_hash(document: &str) -> Result<Option<String>> {
    if document.contains("://") {
        return Ok(None);
    }
    Ok(identity(&Location::Path(document.into()))?.sha256)
}
