//! Attribute tables of shapefiles (dBase). This is our own reader: the `dbase` crate reads numbers of type `F`, which ESRI's
//! programs write, in single precision, and rejects a record with one bad number.

use serde_json::Value;

use super::Attributes;
use super::codepage::{self, CodePage};

/// A table.
#[derive(Debug)]
pub(super) struct Dbf {
    /// Names of the columns.
    pub(super) names: Vec<String>,
    /// Records in order; `None` for records that are marked as deleted.
    pub(super) records: Vec<Option<Attributes>>,
    /// Number of records.
    pub(super) rows: usize,
    pub(super) warnings: Vec<String>,
}

struct Column {
    name: String,
    kind: u8,
    length: usize,
    decimals: u8,
}

impl Dbf {
    /// Parses a table. `label` is the content of the `.cpg`.
    pub(super) fn parse(bytes: &[u8], label: Option<&str>) -> Result<Self, String> {
        let cut = || "it is cut off or not a dBase table".to_owned();
        let header = bytes.get(..32).ok_or_else(cut)?;
        let number = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let rows = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        let (start, width) = (number(8), number(10));
        let data = bytes.get(start..).ok_or_else(cut)?;
        let fields = bytes.get(32..start).ok_or_else(cut)?;
        if width == 0 || data.len() / width < rows {
            return Err(format!("it is cut off: its header announces {rows} records of {width} bytes"));
        }
        let mut warnings = Vec::new();
        let cells: Vec<(usize, usize)> = {
            let texts = fields.chunks_exact(32).take_while(|field| field[0] != 0x0D);
            let mut at = 1;
            let mut cells = Vec::new();
            for field in texts {
                let length = usize::from(field[16]);
                if field[11].eq_ignore_ascii_case(&b'C') && at + length <= width {
                    cells.push((at, length));
                }
                at += length;
            }
            cells
        };
        let cells = cells.as_slice();
        let texts = move || {
            let records = data.chunks_exact(width).take(rows);
            records.flat_map(move |record| cells.iter().map(move |&(at, length)| &record[at..at + length]))
        };
        let encoding = codepage::choose(label, header[29], texts, &mut warnings)?;
        let mut columns = Vec::new();
        for field in fields.chunks_exact(32).take_while(|field| field[0] != 0x0D) {
            let name = field[..11].split(|&byte| byte == 0).next().unwrap_or_default();
            columns.push(Column {
                name: encoding.decode(name).trim().to_owned(),
                kind: field[11].to_ascii_uppercase(),
                length: usize::from(field[16]),
                decimals: field[17],
            });
        }
        if 1 + columns.iter().map(|column| column.length).sum::<usize>() > width {
            return Err("its columns are wider than its records".to_owned());
        }
        let mut unreadable: Vec<String> = Vec::new();
        let records: Vec<Option<Attributes>> = data
            .chunks_exact(width)
            .take(rows)
            .enumerate()
            .map(|(place, record)| {
                let mut at = 1;
                let mut attributes = Attributes::new();
                for column in &columns {
                    let value = value_of(&record[at..at + column.length], column, encoding);
                    at += column.length;
                    if value.is_none() {
                        unreadable.push(format!("`{}` of record {place}", column.name));
                    }
                    attributes.insert(column.name.clone(), value.unwrap_or_default());
                }
                (record[0] != b'*').then_some(attributes)
            })
            .collect();
        if !unreadable.is_empty() {
            let (count, names) = (unreadable.len(), super::listed(&unreadable));
            warnings.push(format!("{count} values are not valid numbers or dates and were left empty: {names}"));
        }
        let deleted = records.iter().filter(|record| record.is_none()).count();
        if deleted > 0 {
            warnings.push(format!("{deleted} features are marked as deleted and were left out"));
        }
        Ok(Self { names: columns.into_iter().map(|column| column.name).collect(), records, rows, warnings })
    }
}

/// A value: null if it is empty, `None` if it cannot be read.
fn value_of(bytes: &[u8], column: &Column, encoding: CodePage) -> Option<Value> {
    let text = encoding.decode(bytes);
    let text = text.trim_matches([' ', '\0']);
    match column.kind {
        b'N' | b'F' if text.is_empty() || text.bytes().all(|byte| byte == b'*') => Some(Value::Null),
        b'N' | b'F' => match text.parse::<i64>() {
            Ok(integer) if column.decimals == 0 => Some(integer.into()),
            _ => text.parse::<f64>().ok().map(Value::from),
        },
        b'L' => Some(match text {
            "T" | "t" | "Y" | "y" => true.into(),
            "F" | "f" | "N" | "n" => false.into(),
            _ => Value::Null,
        }),
        b'D' if text.is_empty() || text == "00000000" => Some(Value::Null),
        b'D' => match (text.get(..4), text.get(4..6), text.get(6..8)) {
            (Some(year), Some(month), Some(day)) if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) => {
                Some(format!("{year}-{month}-{day}").into())
            }
            _ => None,
        },
        // Long texts and objects are in a separate file; binary types occur in databases only.
        b'C' if text.is_empty() => Some(Value::Null),
        b'C' => Some(text.into()),
        _ => Some(Value::Null),
    }
}
