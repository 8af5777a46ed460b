//! GeoParquet 1.1: geometries as WKB in longitude and latitude (OGC:CRS84, the default of the standard), with a bounding box
//! column for spatial filters.

use std::path::Path;
use std::sync::Arc;

use ::parquet::basic::Compression;
use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::parser::parse_message_type;
use geo::MultiPolygon;
use geozero::{CoordDimensions, ToWkb};
use serde_json::json;

use super::{MinePolygon, PolygonMetadata, ToLonLat, bounds, bounds_of_all, geometry, vector_error};
use minesegsat_core::{Crs, Result};

const SCHEMA: &str = "message mining {
    required int64 id;
    required double area_ha;
    required double perimeter_m;
    required double mean_probability;
    required double max_probability;
    required boolean touches_edge;
    required boolean touches_nodata;
    required byte_array geometry;
    required group bbox {
        required double xmin;
        required double ymin;
        required double xmax;
        required double ymax;
    }
}";

/// Rows in a row group. Readers skip whole groups by the statistics of `bbox`.
const ROWS_PER_GROUP: usize = 10_000;

pub(super) fn write(path: &Path, crs: &Crs, polygons: &[MinePolygon], metadata: &PolygonMetadata) -> Result<()> {
    let to_lon_lat = ToLonLat::new(crs)?;
    let geometries =
        polygons.iter().map(|polygon| to_lon_lat.run(&polygon.geometry)).collect::<Result<Vec<MultiPolygon<f64>>>>()?;
    let mut column = json!({
        "encoding": "WKB",
        "geometry_types": ["MultiPolygon"],
        "orientation": "counterclockwise",
        "edges": "planar",
        "covering": {"bbox": {
            "xmin": ["bbox", "xmin"], "ymin": ["bbox", "ymin"], "xmax": ["bbox", "xmax"], "ymax": ["bbox", "ymax"],
        }},
    });
    if let Some(bbox) = bounds_of_all(&geometries) {
        column["bbox"] = json!(bbox);
    }
    let geo = json!({"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}});
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(concat!("minesegsat ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(vec![
            KeyValue::new("geo".to_owned(), geo.to_string()),
            KeyValue::new("minesegsat".to_owned(), metadata.json()?),
        ]))
        .build();

    let wkb = |geometry_: &MultiPolygon<f64>| {
        geometry(geometry_).to_wkb(CoordDimensions::xy()).map(ByteArray::from).map_err(vector_error(path))
    };
    let file = fs_err::File::create(path)?;
    let schema = parse_message_type(SCHEMA).map_err(vector_error(path))?;
    let mut writer =
        SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties)).map_err(vector_error(path))?;
    for (polygons, geometries) in polygons.chunks(ROWS_PER_GROUP).zip(geometries.chunks(ROWS_PER_GROUP)) {
        let wkb = geometries.iter().map(wkb).collect::<Result<Vec<ByteArray>>>()?;
        let boxes: Vec<[f64; 4]> = geometries.iter().map(|g| bounds(g).unwrap_or([f64::NAN; 4])).collect();
        let mut write = || -> std::result::Result<(), ParquetError> {
            let mut group = writer.next_row_group()?;
            let reals = |value: fn(&MinePolygon) -> f64| polygons.iter().map(value).collect::<Vec<_>>();
            let booleans = |value: fn(&MinePolygon) -> bool| polygons.iter().map(value).collect::<Vec<_>>();
            let ids: Vec<i64> = polygons.iter().map(|polygon| polygon.id as i64).collect();
            write_column::<Int64Type>(&mut group, &ids)?;
            write_column::<DoubleType>(&mut group, &reals(|p| p.area_ha))?;
            write_column::<DoubleType>(&mut group, &reals(|p| p.perimeter_m))?;
            write_column::<DoubleType>(&mut group, &reals(|p| p.mean_probability))?;
            write_column::<DoubleType>(&mut group, &reals(|p| p.max_probability))?;
            write_column::<BoolType>(&mut group, &booleans(|p| p.touches_edge))?;
            write_column::<BoolType>(&mut group, &booleans(|p| p.touches_nodata))?;
            write_column::<ByteArrayType>(&mut group, &wkb)?;
            for side in 0..4 {
                write_column::<DoubleType>(&mut group, &boxes.iter().map(|b| b[side]).collect::<Vec<_>>())?;
            }
            group.close().map(|_| ())
        };
        write().map_err(vector_error(path))?;
    }
    writer.close().map_err(vector_error(path))?;
    Ok(())
}

/// Writes the next column of a row group. Columns must come in the order of the schema.
fn write_column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, fs_err::File>,
    values: &[T::T],
) -> std::result::Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("the schema has fewer columns than were written".to_owned()));
    };
    column.typed::<T>().write_batch(values, None, None)?;
    column.close()
}
