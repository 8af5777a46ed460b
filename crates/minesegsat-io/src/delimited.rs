//! Delimited text tables: with commas, semicolons or tabs. Spreadsheets in some locales write semicolons.

use std::path::Path;

use minesegsat_core::{Error, Result};

/// A table.
#[derive(Debug)]
pub struct Table {
    /// Names of the columns.
    pub names: Vec<String>,
    /// Rows below the header.
    pub rows: Vec<TableRow>,
}

/// A row of a table.
#[derive(Debug)]
pub struct TableRow {
    /// Line number in the file, from 1.
    pub line: u64,
    /// The text of each column. Missing columns at the end of a line are empty.
    pub cells: Vec<String>,
}

impl Table {
    /// Reads a file whose first row has the column names.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs_err::read(path)?;
        // A file that is not UTF-8 is read as Windows-1252.
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => encoding_rs::WINDOWS_1252.decode(&bytes).0.into_owned(),
        };
        let text = text.trim_start_matches('\u{feff}');
        let header = text.lines().next().unwrap_or_default();
        let count = |delimiter: char| header.matches(delimiter).count();
        let delimiter = [',', ';', '\t'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(',');
        let fail = |error: csv::Error| Error::vector(path, "it is not a table").caused_by(error);
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
