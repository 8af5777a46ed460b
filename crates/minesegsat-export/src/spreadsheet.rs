//! Excel workbooks: observations, permits, land per date, and what is left out.

use std::path::Path;

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use crate::{LAND_COLUMNS, SiteLand};
use minesegsat_core::{Error, Result};
use minesegsat_watch::register::table::{Cell, OBSERVATION_COLUMNS, PERMIT_COLUMNS, observation_row, permit_row};

/// Most UTF-16 units of a cell in Excel.
const MOST_UNITS: usize = 32_767;
/// First year that Excel can count days from.
const FIRST_YEAR: i16 = 1900;

pub(super) fn write(path: &Path, land: &SiteLand) -> Result<()> {
    let bytes = workbook(land).map_err(|error| Error::vector(path, "the workbook cannot be made").caused_by(error))?;
    Ok(fs_err::write(path, bytes)?)
}

fn workbook(land: &SiteLand) -> std::result::Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let day = land.observations.iter().map(|observation| observation.created).max().unwrap_or_default();
    let day = day.to_zoned(jiff::tz::TimeZone::UTC).date();
    // The time of the data, so that the same land gives the same bytes.
    let created = ExcelDateTime::from_ymd(day.year().max(FIRST_YEAR) as u16, day.month() as u8, day.day() as u8)?;
    let title = cut(&format!("Disturbed land of {}", land.site.name));
    workbook.set_properties(&DocProperties::new().set_title(title).set_creation_datetime(&created));
    let observations = land.observations.iter().map(observation_row).collect();
    let permits = land.permits.iter().map(permit_row).collect();
    let left_out: Vec<Vec<Cell>> = land.left_out.iter().map(|reason| vec![Cell::text(reason)]).collect();
    let mut sheets = vec![
        ("observations", &OBSERVATION_COLUMNS[..], observations),
        ("permits", &PERMIT_COLUMNS[..], permits),
        ("land", &LAND_COLUMNS[..], land.land_rows()),
    ];
    if !left_out.is_empty() {
        sheets.push(("left_out", &["left_out"][..], left_out));
    }
    for (name, columns, rows) in sheets {
        fill(workbook.add_worksheet().set_name(name)?, columns, rows)?;
    }
    workbook.save_to_buffer()
}

fn fill(sheet: &mut Worksheet, columns: &[&str], rows: Vec<Vec<Cell>>) -> std::result::Result<(), XlsxError> {
    let (bold, date) = (Format::new().set_bold(), Format::new().set_num_format("yyyy-mm-dd"));
    for (col, name) in (0..).zip(columns) {
        sheet.write_string_with_format(0, col, *name, &bold)?;
    }
    for (row, cells) in (1..).zip(&rows) {
        for (col, cell) in (0..).zip(cells) {
            match cell {
                Cell::Text(text) => sheet.write_string(row, col, cut(text))?,
                Cell::Number(number) if number.is_finite() => sheet.write_number(row, col, *number)?,
                Cell::Date(day) if day.year() >= FIRST_YEAR => {
                    sheet.write_datetime_with_format(row, col, day, &date)?
                }
                Cell::Date(day) => sheet.write_string(row, col, day.to_string())?,
                Cell::Number(_) | Cell::Empty => continue,
            };
        }
    }
    sheet.set_freeze_panes(1, 0)?;
    sheet.autofit();
    Ok(())
}

/// The start of a text that fits into a cell.
fn cut(text: &str) -> String {
    let mut units = 0;
    text.chars()
        .take_while(|c| {
            units += c.len_utf16();
            units <= MOST_UNITS
        })
        .collect()
}
