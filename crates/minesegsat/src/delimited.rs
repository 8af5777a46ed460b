//! Tables as text: with commas, or with the semicolons or tabs that spreadsheets write in other countries.

use std::path::Path;

use crate::{Error, Result};

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    /// Names of the columns.
    pub(crate) names: Vec<String>,
    /// The rows below them.
    pub(crate) rows: Vec<TableRow>,
}

/// A row of a table.
#[derive(Debug)]
pub(crate) struct TableRow {
    /// Line of the file, counted from 1.
    pub(crate) line: u64,
    /// A text per column; those that are left out at the end of a line are empty.
    pub(crate) cells: Vec<String>,
}

impl Table {
    /// Reads a file with a row of names on top.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes = fs_err::read(path)?;
        // Texts may have any letters; the program that saved them may not have asked.
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => encoding_rs::WINDOWS_1252.decode(&bytes).0.into_owned(),
        };
        let text = text.trim_start_matches('\u{feff}');
        let header = text.lines().next().unwrap_or_default();
        let count = |delimiter: char| header.matches(delimiter).count();
        let delimiter = [',', ';', '\t'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(',');
        let fail =
            |error: csv::Error| Error::Vector { path: path.to_owned(), reason: format!("it is no table: {error}") };
        let mut reader =
            csv::ReaderBuilder::new().delimiter(delimiter as u8).flexible(true).from_reader(text.as_bytes());
        let names: Vec<String> = reader.headers().map_err(fail)?.iter().map(str::to_owned).collect();
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(fail)?;
            let line = record.position().map_or(0, csv::Position::line);
            let cell = |place: usize| record.get(place).unwrap_or_default().to_owned();
            rows.push(TableRow { line, cells: (0..names.len()).map(cell).collect() });
        }
        Ok(Self { names, rows })
    }
}
