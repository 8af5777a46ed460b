//! The answers of an interpreter, read from the filled files.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::design::Design;
use super::files::{ID, LAYER, REFERENCE_CLASS, SAMPLE_FILES};
use minesegsat_core::{Error, Result};
use minesegsat_vector::delimited::{Table, TableRow};
use minesegsat_vector::labels::{Attributes, read_attributes};

/// Index of the class for each point, in the order of the points; `None` for unfilled points.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) path: PathBuf,
    pub(super) classes: Vec<Option<usize>>,
}

/// Reads a file, or by default the file of the design that has answers.
pub(super) fn read(folder: &Path, design: &Design, file: Option<&Path>, layer: Option<&str>) -> Result<Answers> {
    if let Some(path) = file {
        return read_file(design, path, layer);
    }
    let mut filled = Vec::new();
    for path in SAMPLE_FILES.map(|name| folder.join(name)) {
        if path.is_file() {
            let answers = read_file(design, &path, layer)?;
            if answers.classes.iter().any(Option::is_some) {
                filled.push(answers);
            }
        }
    }
    let fail = |reason: String| Error::input(folder.display().to_string(), reason);
    match filled.len() {
        0 => Err(fail(format!(
            "none of {} has a filled `{REFERENCE_CLASS}`; name another file",
            SAMPLE_FILES.join(", ")
        ))
        .avoided_by(minesegsat_core::Setting::Reference)),
        1 => Ok(filled.swap_remove(0)),
        _ => {
            let names: Vec<_> = filled.iter().filter_map(|answers| answers.path.file_name()?.to_str()).collect();
            Err(fail(format!("{} are filled; name the one to read", names.join(" and ")))
                .avoided_by(minesegsat_core::Setting::Reference))
        }
    }
}

fn read_file(design: &Design, path: &Path, layer: Option<&str>) -> Result<Answers> {
    let fail = |reason: String| Error::vector(path, reason);
    let rows = if is_table(path) { read_table(path)? } else { read_features(path, layer)? };
    if rows.is_empty() {
        return Err(fail("has no points".to_owned()));
    }
    let mut classes: Vec<Option<usize>> = vec![None; design.samples.len()];
    let mut seen = vec![false; design.samples.len()];
    let mut wrong = Vec::new();
    for row in &rows {
        let value = |name: &str| {
            row.iter().find(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| text(value))
        };
        let (Some(id), Some(answer)) = (value(ID), value(REFERENCE_CLASS)) else {
            let names: Vec<&str> = row.keys().map(String::as_str).collect();
            return Err(fail(format!(
                "needs the columns `{ID}` and `{REFERENCE_CLASS}`; it has {}",
                if names.is_empty() { "none".to_owned() } else { names.join(", ") }
            )));
        };
        // An empty line of a spreadsheet.
        if id.is_empty() && answer.is_empty() {
            continue;
        }
        let place = number(&id).filter(|id| (1..=design.samples.len()).contains(id)).map(|id| id - 1);
        let Some(place) = place else {
            return Err(fail(format!(
                "id `{id}` is not a point of the design; its points are 1 to {}",
                design.samples.len()
            )));
        };
        if seen[place] {
            return Err(fail(format!("id `{id}` occurs twice")));
        }
        seen[place] = true;
        if answer.is_empty() {
            continue;
        }
        let is_meant = |class: &super::ClassRecord| {
            class.name.eq_ignore_ascii_case(&answer) || number(&answer) == Some(usize::from(class.value))
        };
        match design.classes.iter().position(is_meant) {
            Some(class) => classes[place] = Some(class),
            None => wrong.push(format!("`{answer}` (id {id})")),
        }
    }
    if !wrong.is_empty() {
        const SHOWN: usize = 8;
        let names: Vec<&str> = design.classes.iter().map(|class| class.name.as_str()).collect();
        let more = if wrong.len() > SHOWN { format!(" and {} more", wrong.len() - SHOWN) } else { String::new() };
        wrong.truncate(SHOWN);
        return Err(fail(format!(
            "`{REFERENCE_CLASS}` has {}{more}; accepted are {}",
            wrong.join(", "),
            names.join(", ")
        )));
    }
    Ok(Answers { path: path.to_owned(), classes })
}

/// A value as it would appear in a table.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}

/// A whole number. Programs that store all numbers as real write `12.0` for `12`.
fn number(text: &str) -> Option<usize> {
    let number: f64 = text.parse().ok()?;
    (number >= 0.0 && number < 2f64.powi(53) && number.fract() == 0.0).then_some(number as usize)
}

fn is_table(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["csv", "tsv", "txt"].iter().any(|table| extension.eq_ignore_ascii_case(table))
}

/// The layer of the points in any format. A single layer may have any name.
fn read_features(path: &Path, layer: Option<&str>) -> Result<Vec<Attributes>> {
    match layer {
        Some(_) => read_attributes(path, layer),
        None => read_attributes(path, Some(LAYER)).or_else(|_| read_attributes(path, None)),
    }
}

fn read_table(path: &Path) -> Result<Vec<Attributes>> {
    let table = Table::read(path)?;
    if let Some((line, problem)) = table.rows.iter().find_map(|row| Some((row.line, row.problem.as_ref()?))) {
        return Err(Error::vector(path, format!("line {line}: {problem}")));
    }
    let row = |row: &TableRow| {
        table.names.iter().zip(&row.cells).map(|(name, cell)| (name.clone(), Value::from(cell.as_str()))).collect()
    };
    Ok(table.rows.iter().map(row).collect())
}
