//! Delimited text tables: with commas, semicolons, tabs or vertical bars. Spreadsheets in some locales write semicolons.

use std::collections::BTreeSet;
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
    /// What is wrong with the row, if its cells cannot be assigned to the columns.
    pub problem: Option<String>,
}

/// Separators of cells, most likely first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Rows that are compared to find the separator.
const TRIED_ROWS: usize = 50;

impl Table {
    /// Reads a file whose first row has the column names. A line `sep=;` before it, which Excel reads, states the separator.
    ///
    /// A row with more cells than the header has a [`problem`](TableRow::problem). Fails if two columns have the same name.
    pub fn read(path: &Path) -> Result<Self> {
        let text = decode(&fs_err::read(path)?, true).map_err(|reason| Error::vector(path, reason))?;
        let (stated, body) = stated_separator(&text);
        let skipped = u64::from(stated.is_some());
        let delimiter = stated.unwrap_or_else(|| guess_separator(body));
        let fail = |error: csv::Error| Error::vector(path, "it is not a table").caused_by(error);
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(body.as_bytes());
        let names: Vec<String> = reader.headers().map_err(fail)?.iter().map(|name| name.trim().to_owned()).collect();
        let mut seen = BTreeSet::new();
        if let Some(twice) = names.iter().find(|name| !name.is_empty() && !seen.insert(*name)) {
            return Err(Error::vector(path, format!("two of its columns are named `{twice}`; names must differ")));
        }
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(fail)?;
            let line = record.position().map_or(0, csv::Position::line) + skipped;
            let cell = |place: usize| record.get(place).unwrap_or_default().to_owned();
            let surplus = record.iter().skip(names.len()).any(|cell| !cell.trim().is_empty());
            let problem = surplus.then(|| {
                let (cells, columns) = (record.len(), names.len());
                format!("it has {cells} cells, and the header {columns} columns; a text with a separator needs quotation marks")
            });
            rows.push(TableRow { line, cells: (0..names.len()).map(cell).collect(), problem });
        }
        Ok(Self { names, rows })
    }
}

/// The separator of a first line `sep=;`, and the rest of the text.
fn stated_separator(text: &str) -> (Option<u8>, &str) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let first = first.trim_matches(['"', '\r']);
    let stated = first.get(..4).filter(|start| start.eq_ignore_ascii_case("sep=")).map(|_| &first.as_bytes()[4..]);
    match stated {
        Some([separator]) => (Some(*separator), rest),
        _ => (None, text),
    }
}

/// The separator that divides the first rows into most columns, equally many in each row. If there is none, the most frequent
/// one of the header outside quotation marks.
fn guess_separator(text: &str) -> u8 {
    let columns = |delimiter: u8| {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .has_headers(false)
            .from_reader(text.as_bytes());
        let rows: Vec<csv::StringRecord> =
            reader.records().take(TRIED_ROWS).map_while(std::result::Result::ok).collect();
        let header = rows.first().map_or(0, csv::StringRecord::len);
        // Spreadsheets leave out empty cells at the end.
        let is_even = rows.iter().all(|row| row.len() == header || row.len() == 1);
        // A quotation mark within a cell shows that a quoted text was divided.
        let is_whole = !rows.iter().any(|row| row.iter().any(|cell| cell.contains('"')));
        // A blank after a separator is usual in texts, less so between cells.
        let is_tight = !rows.iter().take(1).any(|row| row.iter().any(|cell| cell.starts_with(' ')));
        (header > 1 && is_even, is_whole, is_tight, header)
    };
    DELIMITERS.into_iter().rev().max_by_key(|&delimiter| columns(delimiter)).unwrap_or(b',')
}

/// The text of a file: UTF-8, UTF-16 with or without a byte order mark, or Windows-1252 if `others` is set and it is none of
/// them. The error is a reason.
pub(crate) fn decode(bytes: &[u8], others: bool) -> std::result::Result<String, String> {
    if let Some((encoding, length)) = encoding_rs::Encoding::for_bom(bytes) {
        let (text, damaged) = encoding.decode_without_bom_handling(&bytes[length..]);
        if damaged && !(others && encoding == encoding_rs::UTF_8) {
            return Err(format!("its text is not valid {}", encoding.name()));
        }
        return Ok(text.into_owned());
    }
    // Latin letters in UTF-16 have a zero in every second byte.
    let zeros = |from: usize| bytes.iter().skip(from).step_by(2).take(64).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    if bytes.len() >= 4 && even.max(odd) * 2 > bytes.len().div_ceil(2).min(64) {
        let encoding = if odd > even { encoding_rs::UTF_16LE } else { encoding_rs::UTF_16BE };
        return match encoding.decode_without_bom_handling(bytes) {
            (text, false) => Ok(text.into_owned()),
            (_, true) => Err(format!("its text is not valid {}", encoding.name())),
        };
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) if others => Ok(encoding_rs::WINDOWS_1252.decode(bytes).0.into_owned()),
        Err(_) => Err("its text is not UTF-8 or UTF-16".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(content: &[u8]) -> Result<Table> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), content).unwrap();
        Table::read(file.path())
    }

    #[test]
    fn separators_are_those_that_fit_all_rows() {
        let outline = "\"POLYGON ((1 2, 3 4, 5 6, 1 2))\"";
        let unquoted = outline.trim_matches('"');
        for (text, cell) in [
            (format!("id;name;wkt\na;A;{outline}\nb;B;{outline}\n"), "A"),
            (format!("id,name,wkt\na,A,{outline}\n"), "A"),
            (format!("id\tname\twkt\na\tA, B; C\t{outline}\n"), "A, B; C"),
            (format!("id|name|wkt\na|A|{unquoted}\n"), "A"),
            // Commas in the header, in quotation marks and without.
            (format!("id;\"Name (EN, FR, ES, PT)\";wkt\na;A;{outline}\n"), "A"),
            (format!("id;Name (EN, FR, ES, PT);wkt\na;A;{unquoted}\nb;B;{unquoted}\n"), "A"),
            (format!("sep=;\r\nid;name;wkt\r\na;A;{outline}\r\n"), "A"),
            (format!("\"sep=|\"\nid|name|wkt\na|A|{outline}\n"), "A"),
            ("id,name,wkt\na,\"A\"\n".to_owned(), "A"),
        ] {
            let table = table(text.as_bytes()).unwrap();
            assert_eq!(table.names.len(), 3, "{text}");
            assert_eq!(table.rows[0].cells[1], cell, "{text}");
            assert!(table.rows.iter().all(|row| row.problem.is_none()), "{text}");
        }
        assert_eq!(table(b"sep=;\nid;b\n1;2\n").unwrap().rows[0].line, 3);
    }

    #[test]
    fn surplus_cells_and_repeated_columns_are_named() {
        let read = table(b"id,lon,lat\na,-121,2,55,0\nb,1,2\nc,1,2,,\n").unwrap();
        assert!(read.rows[0].problem.as_ref().unwrap().starts_with("it has 5 cells, and the header 3 columns"));
        assert!(read.rows[1..].iter().all(|row| row.problem.is_none()));
        assert!(
            table(b"id,limit,limit\n1,2,3\n").unwrap_err().to_string().contains("two of its columns are named `limit`")
        );
    }

    #[test]
    fn texts_in_utf_16_are_read() {
        let text = "id;name\na;Höyry\n";
        let wide = |big: bool, mark: bool| {
            let units = mark.then_some(0xFEFF).into_iter().chain(text.encode_utf16());
            units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect::<Vec<u8>>()
        };
        for bytes in [wide(false, true), wide(true, true), wide(false, false), wide(true, false), text.into()] {
            assert_eq!(table(&bytes).unwrap().rows[0].cells[1], "Höyry");
        }
        let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
        assert_eq!(table(&latin).unwrap().rows[0].cells[1], "Höyry");
        assert_eq!(decode(&latin, false).unwrap_err(), "its text is not UTF-8 or UTF-16");
    }
}
