//! Shapefiles (ESRI 1998) in a zip archive: `.shp`, `.shx`, `.dbf`, `.prj` and `.cpg`, and the description of the layer as `.txt`.

use std::io::{Cursor, Write};
use std::path::Path;

use ::shapefile::dbase::{Date, FieldName, FieldValue, Record, TableWriterBuilder, Unicode};
use ::shapefile::{Point, Polygon, PolygonRing, ShapeWriter, Writer};
use geo::LineString;
use zip::write::SimpleFileOptions;

use super::{ColumnType, FeatureLayer, Value, outline, vector_error};
use minesegsat_core::{Error, Result};

/// Most bytes of a name of a field.
const NAME_BYTES: usize = 10;
/// Most bytes of a text.
const TEXT_BYTES: u8 = 254;
/// Bytes of `false`.
const BOOLEAN_BYTES: u8 = 5;
/// Digits of numbers, and those after the point.
const NUMBER_DIGITS: u8 = 18;
const DECIMALS: u8 = 4;
/// WGS 84 in the words of ESRI.
const WGS84: &str = "GEOGCS[\"GCS_WGS_1984\",DATUM[\"D_WGS_1984\",SPHEROID[\"WGS_1984\",6378137.0,298.257223563]],\
                     PRIMEM[\"Greenwich\",0.0],UNIT[\"Degree\",0.0174532925199433]]";

/// Names of the fields: those of the columns, cut at ten characters and made unique by a number.
fn field_names(layer: &FeatureLayer) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (column, _) in &layer.columns {
        let mut name: String = column.chars().take(NAME_BYTES).collect();
        let mut number = 2;
        while names.contains(&name) {
            let end = number.to_string();
            name = column.chars().take(NAME_BYTES - end.len()).collect::<String>() + &end;
            number += 1;
        }
        names.push(name);
    }
    names
}

/// The start of a text that fits into a field.
fn cut(text: &str) -> String {
    let mut end = text.len().min(usize::from(TEXT_BYTES));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

fn field_value(kind: ColumnType, value: &Value) -> FieldValue {
    match (kind, value) {
        (ColumnType::Integer, Value::Integer(v)) => FieldValue::Numeric(Some(*v as f64)),
        (ColumnType::Integer | ColumnType::Real | ColumnType::OptionalReal, value) => {
            FieldValue::Numeric(match value {
                Value::Real(v) if v.is_finite() => Some(*v),
                _ => None,
            })
        }
        (ColumnType::Boolean, value) => FieldValue::Logical(match value {
            Value::Boolean(v) => Some(*v),
            _ => None,
        }),
        // As a text: many programs read a missing logical value as false.
        (ColumnType::OptionalBoolean, value) => FieldValue::Character(match value {
            Value::Boolean(v) => Some(v.to_string()),
            _ => None,
        }),
        (ColumnType::Date | ColumnType::OptionalDate, value) => FieldValue::Date(match value {
            Value::Date(day) if (0..=9999).contains(&day.year()) => {
                Date::new(day.day() as u32, day.month() as u32, day.year() as u32).ok()
            }
            _ => None,
        }),
        (ColumnType::Text | ColumnType::OptionalText, value) => FieldValue::Character(match value {
            Value::Text(text) => Some(cut(text)),
            _ => None,
        }),
    }
}

/// A ring as points.
fn points(ring: &LineString<f64>) -> Vec<Point> {
    ring.coords().map(|c| Point::new(c.x, c.y)).collect()
}

/// Writes a layer in longitude and latitude.
pub(super) fn write(path: &Path, layer: &FeatureLayer) -> Result<()> {
    let fail = |reason: String| Error::vector(path, reason);
    let names = field_names(layer);
    let mut table = TableWriterBuilder::with_encoding(Unicode);
    for (name, (_, kind)) in names.iter().zip(&layer.columns) {
        let field = FieldName::try_from(name.as_str()).map_err(|error| fail(error.to_string()))?;
        table = match kind {
            ColumnType::Integer => table.add_numeric_field(field, NUMBER_DIGITS, 0),
            ColumnType::Real | ColumnType::OptionalReal => table.add_numeric_field(field, NUMBER_DIGITS, DECIMALS),
            ColumnType::Boolean => table.add_logical_field(field),
            ColumnType::OptionalBoolean => table.add_character_field(field, BOOLEAN_BYTES),
            ColumnType::Date | ColumnType::OptionalDate => table.add_date_field(field),
            ColumnType::Text | ColumnType::OptionalText => table.add_character_field(field, TEXT_BYTES),
        };
    }
    let [mut shp, mut shx, mut dbf] = [const { Vec::new() }; 3];
    {
        let mut dbase = table.build_with_dest(Cursor::new(&mut dbf));
        if layer.features.is_empty() {
            dbase.finalize().map_err(vector_error(path))?;
        } else {
            let shapes = ShapeWriter::with_shx(Cursor::new(&mut shp), Cursor::new(&mut shx));
            let mut writer = Writer::new(shapes, dbase);
            for (geometry, values) in &layer.features {
                let mut rings = Vec::new();
                for polygon in outline(path, geometry)? {
                    rings.push(PolygonRing::Outer(points(polygon.exterior())));
                    rings.extend(polygon.interiors().iter().map(|ring| PolygonRing::Inner(points(ring))));
                }
                if rings.is_empty() {
                    return Err(fail("a feature has no outline".to_owned()));
                }
                let mut record = Record::default();
                for ((name, (_, kind)), value) in names.iter().zip(&layer.columns).zip(values) {
                    record.insert(name.clone(), field_value(*kind, value));
                }
                writer.write_shape_and_record(&Polygon::with_rings(rings), &record).map_err(vector_error(path))?;
            }
        }
    }
    if layer.features.is_empty() {
        (shp, shx) = (empty_header(), empty_header());
    }
    // The day of the last change: that of the data, so that the same input gives the same bytes.
    let day = layer.datetime.unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_zoned(jiff::tz::TimeZone::UTC).date();
    if let Some(stamp) = dbf.get_mut(1..4) {
        stamp.copy_from_slice(&[(day.year() - 1900) as u8, day.month() as u8, day.day() as u8]);
    }
    let mut archive = zip::ZipWriter::new(fs_err::File::create(path)?);
    let options = SimpleFileOptions::default().last_modified_time(zip::DateTime::default());
    let about = format!("{}\n\n{}\n", layer.title, layer.description);
    for (extension, bytes) in [
        ("shp", shp.as_slice()),
        ("shx", &shx),
        ("dbf", &dbf),
        ("prj", WGS84.as_bytes()),
        ("cpg", b"UTF-8"),
        ("txt", about.as_bytes()),
    ] {
        archive.start_file(format!("{}.{extension}", layer.name), options).map_err(vector_error(path))?;
        archive.write_all(bytes)?;
    }
    archive.finish().map_err(vector_error(path))?.flush()?;
    Ok(())
}

/// A `.shp` or `.shx` of polygons without any. The crate `shapefile` writes nothing then.
fn empty_header() -> Vec<u8> {
    const LENGTH: usize = 100;
    let mut header = vec![0; LENGTH];
    header[..4].copy_from_slice(&9994_u32.to_be_bytes());
    header[24..28].copy_from_slice(&((LENGTH / 2) as u32).to_be_bytes());
    header[28..32].copy_from_slice(&1000_u32.to_le_bytes());
    header[32..36].copy_from_slice(&5_u32.to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        // 127 letters of two bytes are 254 bytes.
        assert_eq!(cut(&"م".repeat(300)).chars().count(), 127);
        assert_eq!(cut(&format!("a{}", "م".repeat(300))).len(), 253);
    }
}
