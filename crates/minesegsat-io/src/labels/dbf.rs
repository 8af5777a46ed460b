//! Attribute tables of shapefiles (dBase). This is our own reader: the `dbase` crate reads numbers of type `F`, which ESRI's
//! programs write, in single precision, and rejects a record with one bad number.

use encoding_rs::Encoding;
use serde_json::Value;

use super::Attributes;

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
        let encoding = encoding_of(label, header[29], bytes, &mut warnings)?;
        let mut columns = Vec::new();
        for field in fields.chunks_exact(32).take_while(|field| field[0] != 0x0D) {
            let name = field[..11].split(|&byte| byte == 0).next().unwrap_or_default();
            columns.push(Column {
                name: encoding.decode_without_bom_handling(name).0.trim().to_owned(),
                kind: field[11].to_ascii_uppercase(),
                length: usize::from(field[16]),
                decimals: field[17],
            });
        }
        if 1 + columns.iter().map(|column| column.length).sum::<usize>() > width {
            return Err("its columns are wider than its records".to_owned());
        }
        let mut unreadable = 0;
        let records: Vec<Option<Attributes>> = data
            .chunks_exact(width)
            .take(rows)
            .map(|record| {
                let mut at = 1;
                let mut attributes = Attributes::new();
                for column in &columns {
                    let value = value_of(&record[at..at + column.length], column, encoding);
                    at += column.length;
                    unreadable += usize::from(value.is_none());
                    attributes.insert(column.name.clone(), value.unwrap_or_default());
                }
                (record[0] != b'*').then_some(attributes)
            })
            .collect();
        if unreadable > 0 {
            warnings.push(format!("{unreadable} values are not valid numbers or dates and were left empty"));
        }
        let deleted = records.iter().filter(|record| record.is_none()).count();
        if deleted > 0 {
            warnings.push(format!("{deleted} features are marked as deleted and were left out"));
        }
        Ok(Self { names: columns.into_iter().map(|column| column.name).collect(), records, rows, warnings })
    }
}

/// A value: null if it is empty, `None` if it cannot be read.
fn value_of(bytes: &[u8], column: &Column, encoding: &'static Encoding) -> Option<Value> {
    let text = encoding.decode_without_bom_handling(bytes).0;
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

/// The encoding of the table: from the `.cpg`, otherwise from the language byte of the header. Otherwise UTF-8 if the bytes
/// are valid UTF-8, or Windows-1252, the former default of ESRI's programs.
fn encoding_of(
    label: Option<&str>,
    language: u8,
    bytes: &[u8],
    warnings: &mut Vec<String>,
) -> Result<&'static Encoding, String> {
    if let Some(label) = label.filter(|label| !label.is_empty()) {
        return by_name(label).ok_or_else(|| {
            format!("the encoding `{label}` that the .cpg names is not known; UTF-8 and Windows code pages are")
        });
    }
    // Bytes of the languages that ESRI's programs write (dBase's table, as in GDAL's `ogrshapelayer.cpp`).
    let page = match language {
        0x03 | 0x57..=0x59 => "1252",
        0x13 => "932",
        0x4D => "936",
        0x4E => "949",
        0x4F => "950",
        0x50 | 0x7C => "874",
        0x7D => "1255",
        0x7E => "1256",
        0x26 | 0x65 => "866",
        0xC8 => "1250",
        0xC9 => "1251",
        0xCA => "1254",
        0xCB => "1253",
        0xCC => "1257",
        _ => "",
    };
    if let Some(encoding) = by_name(page) {
        return Ok(encoding);
    }
    if std::str::from_utf8(bytes.get(32..).unwrap_or_default()).is_ok() {
        return Ok(encoding_rs::UTF_8);
    }
    warnings.push("it does not state its encoding; Windows-1252 was assumed".to_owned());
    Ok(encoding_rs::WINDOWS_1252)
}

/// Encodings as written in `.cpg` files: `UTF-8`, `1252`, `CP1252`, `ANSI 1252`, `ISO 8859-1`, `88591`.
fn by_name(name: &str) -> Option<&'static Encoding> {
    let upper = name.to_ascii_uppercase();
    let bare = upper.trim_start_matches("ANSI").trim_start_matches("CP").trim_start_matches("WINDOWS");
    let bare = bare.trim_start_matches(['-', ' ', '_']);
    let found = match bare {
        "65001" => Some(encoding_rs::UTF_8),
        "932" => Some(encoding_rs::SHIFT_JIS),
        "936" => Some(encoding_rs::GBK),
        "949" => Some(encoding_rs::EUC_KR),
        "950" => Some(encoding_rs::BIG5),
        "866" => Some(encoding_rs::IBM866),
        "874" => Some(encoding_rs::WINDOWS_874),
        _ if bare.len() == 4 && bare.starts_with("125") => Encoding::for_label(format!("windows-{bare}").as_bytes()),
        _ => None,
    };
    found.or_else(|| {
        let digits: String = upper.chars().filter(char::is_ascii_digit).collect();
        let part = digits.strip_prefix("8859").filter(|part| !part.is_empty());
        part.and_then(|part| Encoding::for_label(format!("iso-8859-{part}").as_bytes()))
            .or_else(|| Encoding::for_label(upper.as_bytes()))
    })
}
