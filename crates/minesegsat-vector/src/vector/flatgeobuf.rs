//! FlatGeobuf 3: features in Hilbert order behind a packed R-tree. Features wait in a temporary file, so memory holds their boxes only.

use std::io::{BufWriter, Write};
use std::path::Path;

use ::flatgeobuf::{ColumnType, FgbCrs, FgbWriter, FgbWriterOptions, GeometryType};
use geo::Geometry;
use geozero::{ColumnValue, PropertyProcessor};

use super::{
    Attribute, ColumnType as LayerColumn, FeatureLayer, LAYER, MinePolygon, PolygonMetadata, ShapeType, TITLE, Value,
    geometry, vector_error,
};
use minesegsat_core::{Crs, Error, Result};

/// Columns in the order of [`MinePolygon::attributes`].
const COLUMNS: [(&str, ColumnType); 7] = [
    ("id", ColumnType::Long),
    ("area_ha", ColumnType::Double),
    ("perimeter_m", ColumnType::Double),
    ("mean_probability", ColumnType::Double),
    ("max_probability", ColumnType::Double),
    ("touches_edge", ColumnType::Bool),
    ("touches_nodata", ColumnType::Bool),
];

/// What a file says about itself.
struct Header<'a> {
    name: &'a str,
    title: &'a str,
    description: &'a str,
    metadata: &'a str,
    shape: GeometryType,
    is_empty: bool,
}

pub(super) fn write(path: &Path, crs: &Crs, polygons: &[MinePolygon], metadata: &PolygonMetadata) -> Result<()> {
    let (description, json) = (metadata.description(), metadata.json()?);
    let header = Header {
        name: LAYER,
        title: TITLE,
        description: &description,
        metadata: &json,
        shape: GeometryType::MultiPolygon,
        is_empty: polygons.is_empty(),
    };
    let mut writer = create(path, crs, &header)?;
    for (name, kind) in COLUMNS {
        writer.add_column(name, kind, |_, column| column.nullable = false);
    }
    for polygon in polygons {
        let values = polygon.attributes().map(|(name, value)| {
            let value = match value {
                Attribute::Integer(v) => ColumnValue::Long(v),
                Attribute::Real(v) => ColumnValue::Double(v),
                Attribute::Boolean(v) => ColumnValue::Bool(v),
            };
            (name, Some(value))
        });
        add(path, &mut writer, geometry(&polygon.geometry), &values)?;
    }
    finish(path, writer)
}

/// Writes a layer in longitude and latitude.
pub(super) fn write_layer(path: &Path, layer: &FeatureLayer) -> Result<()> {
    let header = Header {
        name: layer.name,
        title: &layer.title,
        description: &layer.description,
        metadata: &layer.metadata,
        shape: match layer.shape {
            ShapeType::MultiPolygon => GeometryType::MultiPolygon,
            ShapeType::Point => GeometryType::Point,
        },
        is_empty: layer.features.is_empty(),
    };
    let mut writer = create(path, &Crs::WGS84, &header)?;
    for &(name, kind) in &layer.columns {
        let (kind, nullable) = match kind {
            LayerColumn::Integer => (ColumnType::Long, false),
            LayerColumn::Real => (ColumnType::Double, false),
            LayerColumn::OptionalReal => (ColumnType::Double, true),
            LayerColumn::Boolean => (ColumnType::Bool, false),
            LayerColumn::OptionalBoolean => (ColumnType::Bool, true),
            LayerColumn::Text => (ColumnType::String, false),
            LayerColumn::OptionalText => (ColumnType::String, true),
            LayerColumn::Date => (ColumnType::DateTime, false),
            LayerColumn::OptionalDate => (ColumnType::DateTime, true),
        };
        writer.add_column(name, kind, |_, column| column.nullable = nullable);
    }
    for (geometry, values) in &layer.features {
        let dates: Vec<String> = values.iter().map(date).collect();
        let named = layer.columns.iter().zip(values).zip(&dates);
        let values: Vec<(&str, Option<ColumnValue<'_>>)> = named
            .map(|((&(name, _), value), date)| {
                let value = match value {
                    Value::Integer(v) => ColumnValue::Long(*v),
                    Value::Real(v) => ColumnValue::Double(*v),
                    Value::Boolean(v) => ColumnValue::Bool(*v),
                    Value::Text(v) => ColumnValue::String(v),
                    Value::Date(_) => ColumnValue::DateTime(date),
                    Value::Null => return (name, None),
                };
                (name, Some(value))
            })
            .collect();
        add(path, &mut writer, geometry.clone(), &values)?;
    }
    finish(path, writer)
}

/// A date as text; empty for other values.
fn date(value: &Value) -> String {
    match value {
        Value::Date(day) => day.to_string(),
        _ => String::new(),
    }
}

fn create<'a>(path: &Path, crs: &Crs, header: &Header<'_>) -> Result<FgbWriter<'a>> {
    let options = FgbWriterOptions {
        // An empty index has no valid form.
        write_index: !header.is_empty,
        detect_type: false,
        promote_to_multi: true,
        crs: FgbCrs {
            org: Some("EPSG"),
            code: i32::from(crs.epsg()),
            name: Some(crs.name()),
            wkt: Some(crs.wkt()),
            ..FgbCrs::default()
        },
        title: Some(header.title),
        description: Some(header.description),
        metadata: Some(header.metadata),
        ..FgbWriterOptions::default()
    };
    FgbWriter::create_with_options(header.name, header.shape, options).map_err(vector_error(path))
}

/// Adds a feature. Values without a content are left out, which means null.
fn add(
    path: &Path,
    writer: &mut FgbWriter<'_>,
    geometry: Geometry<f64>,
    values: &[(&str, Option<ColumnValue<'_>>)],
) -> Result<()> {
    let mut result = Ok(false);
    writer
        .add_feature_geom(geometry, |feature| {
            for (i, (name, value)) in values.iter().enumerate() {
                if let Some(value) = value {
                    result = feature.property(i, name, value);
                    if result.is_err() {
                        break;
                    }
                }
            }
        })
        .map_err(vector_error(path))?;
    result.map(drop).map_err(vector_error(path))
}

fn finish(path: &Path, writer: FgbWriter<'_>) -> Result<()> {
    let mut file = BufWriter::new(fs_err::File::create(path)?);
    writer.write(&mut file).map_err(vector_error(path))?;
    file.flush().map_err(Error::from)
}
