//! GeoParquet 1.1: geometries as WKB in longitude and latitude (OGC:CRS84, the default of the standard), with a bounding box
//! column for spatial filters.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use ::parquet::basic::Compression;
use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::parser::parse_message_type;
use geo::MultiPolygon;
use geozero::{CoordDimensions, ToWkb};
use jiff::civil::{Date, date};
use serde_json::json;

use super::{
    Attribute, ColumnType, FeatureLayer, LAYER, MinePolygon, PolygonMetadata, ToLonLat, Value, bounds, bounds_of_all,
    geometry, outline, vector_error,
};
use minesegsat_core::{Crs, Result};

/// Rows in a row group. Readers skip whole groups by the statistics of `bbox`.
const ROWS_PER_GROUP: usize = 10_000;
/// Day 0 of a Parquet date.
const EPOCH: Date = date(1970, 1, 1);

/// Columns of [`MinePolygon::attributes`].
const MINE_COLUMNS: [(&str, ColumnType); 7] = [
    ("id", ColumnType::Integer),
    ("area_ha", ColumnType::Real),
    ("perimeter_m", ColumnType::Real),
    ("mean_probability", ColumnType::Real),
    ("max_probability", ColumnType::Real),
    ("touches_edge", ColumnType::Boolean),
    ("touches_nodata", ColumnType::Boolean),
];

pub(super) fn write(path: &Path, crs: &Crs, polygons: &[MinePolygon], metadata: &PolygonMetadata) -> Result<()> {
    let to_lon_lat = ToLonLat::new(crs)?;
    let geometries =
        polygons.iter().map(|polygon| to_lon_lat.run(&polygon.geometry)).collect::<Result<Vec<MultiPolygon<f64>>>>()?;
    let rows: Vec<Vec<Value>> = polygons
        .iter()
        .map(|polygon| {
            let values = polygon.attributes().into_iter().map(|(_, value)| match value {
                Attribute::Integer(value) => Value::Integer(value),
                Attribute::Real(value) => Value::Real(value),
                Attribute::Boolean(value) => Value::Boolean(value),
            });
            values.collect()
        })
        .collect();
    let rows: Vec<(&MultiPolygon<f64>, &[Value])> =
        geometries.iter().zip(&rows).map(|(geometry, values)| (geometry, values.as_slice())).collect();
    write_rows(path, LAYER, &MINE_COLUMNS, &rows, metadata.json()?)
}

/// Writes a layer of polygons in longitude and latitude.
pub(super) fn write_layer(path: &Path, layer: &FeatureLayer) -> Result<()> {
    let rows = layer
        .features
        .iter()
        .map(|(geometry, values)| Ok((outline(path, geometry)?, values.as_slice())))
        .collect::<Result<Vec<_>>>()?;
    write_rows(path, layer.name, &layer.columns, &rows, layer.metadata.clone())
}

/// Type of a column in the language of Parquet schemas.
fn parquet_type(kind: ColumnType) -> (&'static str, &'static str, &'static str) {
    let required = if is_optional(kind) { "optional" } else { "required" };
    match kind {
        ColumnType::Integer => (required, "int64", ""),
        ColumnType::Real | ColumnType::OptionalReal => (required, "double", ""),
        ColumnType::Boolean | ColumnType::OptionalBoolean => (required, "boolean", ""),
        ColumnType::Text | ColumnType::OptionalText => (required, "byte_array", " (string)"),
        ColumnType::Date | ColumnType::OptionalDate => (required, "int32", " (date)"),
    }
}

const fn is_optional(kind: ColumnType) -> bool {
    matches!(
        kind,
        ColumnType::OptionalText | ColumnType::OptionalReal | ColumnType::OptionalBoolean | ColumnType::OptionalDate
    )
}

fn write_rows(
    path: &Path,
    name: &str,
    columns: &[(&'static str, ColumnType)],
    rows: &[(&MultiPolygon<f64>, &[Value])],
    metadata: String,
) -> Result<()> {
    let mut column = json!({
        "encoding": "WKB",
        "geometry_types": ["MultiPolygon"],
        "orientation": "counterclockwise",
        "edges": "planar",
        "covering": {"bbox": {
            "xmin": ["bbox", "xmin"], "ymin": ["bbox", "ymin"], "xmax": ["bbox", "xmax"], "ymax": ["bbox", "ymax"],
        }},
    });
    if let Some(bbox) = bounds_of_all(rows.iter().map(|(geometry, _)| *geometry)) {
        column["bbox"] = json!(bbox);
    }
    let geo = json!({"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}});
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(concat!("minesegsat ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(vec![
            KeyValue::new("geo".to_owned(), geo.to_string()),
            KeyValue::new("minesegsat".to_owned(), metadata),
        ]))
        .build();
    let mut schema = format!("message {name} {{");
    for (name, kind) in columns {
        let (required, kind, meaning) = parquet_type(*kind);
        let _ = write!(schema, "{required} {kind} {name}{meaning}; ");
    }
    schema += "required byte_array geometry; required group bbox { required double xmin; required double ymin; \
               required double xmax; required double ymax; } }";

    let wkb = |geometry_: &MultiPolygon<f64>| {
        geometry(geometry_).to_wkb(CoordDimensions::xy()).map(ByteArray::from).map_err(vector_error(path))
    };
    let file = fs_err::File::create(path)?;
    let schema = parse_message_type(&schema).map_err(vector_error(path))?;
    let mut writer =
        SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties)).map_err(vector_error(path))?;
    for rows in rows.chunks(ROWS_PER_GROUP) {
        let wkb = rows.iter().map(|(geometry, _)| wkb(geometry)).collect::<Result<Vec<ByteArray>>>()?;
        let boxes: Vec<[f64; 4]> = rows.iter().map(|(g, _)| bounds(g).unwrap_or([f64::NAN; 4])).collect();
        let mut write = || -> std::result::Result<(), ParquetError> {
            let mut group = writer.next_row_group()?;
            for (at, (name, kind)) in columns.iter().enumerate() {
                write_values(&mut group, name, *kind, rows.iter().map(|(_, values)| &values[at]))?;
            }
            write_column::<ByteArrayType>(&mut group, &wkb, None)?;
            for side in 0..4 {
                write_column::<DoubleType>(&mut group, &boxes.iter().map(|b| b[side]).collect::<Vec<_>>(), None)?;
            }
            group.close().map(|_| ())
        };
        write().map_err(vector_error(path))?;
    }
    writer.close().map_err(vector_error(path))?;
    Ok(())
}

/// Writes the next column of a row group from the values of all rows.
fn write_values<'a>(
    group: &mut SerializedRowGroupWriter<'_, fs_err::File>,
    name: &str,
    kind: ColumnType,
    values: impl Iterator<Item = &'a Value>,
) -> std::result::Result<(), ParquetError> {
    let (mut integers, mut reals, mut booleans, mut texts, mut days) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    // 1 where there is a value.
    let mut levels: Vec<i16> = Vec::new();
    for value in values {
        levels.push(i16::from(*value != Value::Null));
        match value {
            Value::Integer(value) => integers.push(*value),
            Value::Real(value) => reals.push(*value),
            Value::Boolean(value) => booleans.push(*value),
            Value::Text(value) => texts.push(ByteArray::from(value.as_str())),
            Value::Date(day) => days.push((*day - EPOCH).get_days()),
            Value::Null => {}
        }
    }
    let there = levels.iter().filter(|&&level| level == 1).count();
    let levels = is_optional(kind).then_some(levels.as_slice());
    let (found, expected) = match kind {
        ColumnType::Integer => (integers.len(), write_column::<Int64Type>(group, &integers, levels)),
        ColumnType::Real | ColumnType::OptionalReal => (reals.len(), write_column::<DoubleType>(group, &reals, levels)),
        ColumnType::Boolean | ColumnType::OptionalBoolean => {
            (booleans.len(), write_column::<BoolType>(group, &booleans, levels))
        }
        ColumnType::Text | ColumnType::OptionalText => {
            (texts.len(), write_column::<ByteArrayType>(group, &texts, levels))
        }
        ColumnType::Date | ColumnType::OptionalDate => (days.len(), write_column::<Int32Type>(group, &days, levels)),
    };
    if found != there {
        return Err(ParquetError::General(format!("column {name} has values of another type than {kind:?}")));
    }
    expected
}

/// Writes the next column of a row group. Columns must come in the order of the schema. `levels` says which rows have a value.
fn write_column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, fs_err::File>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> std::result::Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("the schema has fewer columns than were written".to_owned()));
    };
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}
