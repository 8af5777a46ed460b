//! FlatGeobuf 3: features in Hilbert order behind a packed R-tree.

use std::io::{BufWriter, Write};
use std::path::Path;

use ::flatgeobuf::{ColumnType, FgbCrs, FgbWriter, FgbWriterOptions, GeometryType};
use geozero::{ColumnValue, PropertyProcessor};

use super::{Attribute, LAYER, MinePolygon, PolygonMetadata, TITLE, geometry, vector_error};
use minesegsat_core::{Crs, Result};

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

pub(super) fn write(path: &Path, crs: &Crs, polygons: &[MinePolygon], metadata: &PolygonMetadata) -> Result<()> {
    let (description, json) = (metadata.description(), metadata.json()?);
    let options = FgbWriterOptions {
        // An empty index has no valid form.
        write_index: !polygons.is_empty(),
        detect_type: false,
        promote_to_multi: true,
        crs: FgbCrs {
            org: Some("EPSG"),
            code: i32::from(crs.epsg()),
            name: Some(crs.name()),
            wkt: Some(crs.wkt()),
            ..FgbCrs::default()
        },
        title: Some(TITLE),
        description: Some(&description),
        metadata: Some(&json),
        ..FgbWriterOptions::default()
    };
    let mut writer =
        FgbWriter::create_with_options(LAYER, GeometryType::MultiPolygon, options).map_err(vector_error(path))?;
    for (name, kind) in COLUMNS {
        writer.add_column(name, kind, |_, column| column.nullable = false);
    }
    for polygon in polygons {
        let mut result = Ok(false);
        writer
            .add_feature_geom(geometry(&polygon.geometry), |feature| {
                for (i, (name, value)) in polygon.attributes().into_iter().enumerate() {
                    let value = match value {
                        Attribute::Integer(v) => ColumnValue::Long(v),
                        Attribute::Real(v) => ColumnValue::Double(v),
                        Attribute::Boolean(v) => ColumnValue::Bool(v),
                    };
                    result = feature.property(i, name, &value);
                    if result.is_err() {
                        break;
                    }
                }
            })
            .map_err(vector_error(path))?;
        result.map_err(vector_error(path))?;
    }
    let mut file = BufWriter::new(fs_err::File::create(path)?);
    writer.write(&mut file).map_err(vector_error(path))?;
    file.flush()?;
    Ok(())
}
