//! GeoParquet 1.0 and 1.1 with geometries as well-known binary.

use std::path::Path;
use std::sync::Arc;

use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::Field;
use ::parquet::schema::types::Type;
use serde_json::Value;

use super::Attributes;
use super::raw::{Layer, RawFeature, RawGeometry};
use minesegsat_core::{Crs, Error, Result};

pub(super) fn read(path: &Path) -> Result<Layer> {
    let fail = |reason: String| Error::vector(path, reason);
    let damaged = |error: ::parquet::errors::ParquetError| Error::vector(path, "").caused_by(error);
    let reader = SerializedFileReader::new(fs_err::File::open(path)?.into_parts().0).map_err(damaged)?;
    let file = reader.metadata().file_metadata();
    let geo = file.key_value_metadata().into_iter().flatten().find(|pair| pair.key == "geo");
    let geo = geo.and_then(|pair| pair.value.as_deref()).ok_or_else(|| {
        fail("it is a Parquet file without the `geo` metadata of GeoParquet, which describes its geometries".into())
    })?;
    let geo: Value = serde_json::from_str(geo)
        .map_err(|error| fail("its `geo` metadata is not JSON".to_owned()).caused_by(error))?;
    let geometry = geo["primary_column"].as_str().unwrap_or("geometry").to_owned();
    let column = &geo["columns"][&geometry];
    match column["encoding"].as_str() {
        Some(encoding) if encoding.eq_ignore_ascii_case("WKB") => {}
        encoding => {
            return Err(fail(format!(
                "its geometries are encoded as `{}`; only `WKB` is supported",
                encoding.unwrap_or_default()
            )));
        }
    }

    // Nested columns, such as the bounding boxes of features, are not attributes.
    let schema = file.schema_descr().root_schema();
    let fields: Vec<_> = schema.get_fields().iter().filter(|field| field.is_primitive()).map(Arc::clone).collect();
    let attributes = fields.iter().map(|field| field.name().to_owned()).filter(|name| *name != geometry).collect();
    if !fields.iter().any(|field| field.name() == geometry) {
        return Err(fail(format!("it lacks its geometry column `{geometry}`")));
    }
    let projection = Type::group_type_builder(schema.name()).with_fields(fields).build().map_err(damaged)?;
    let rows = reader.get_row_iter(Some(projection)).map_err(damaged)?;
    let mut features = Vec::new();
    for row in rows {
        let mut feature =
            RawFeature { id: features.len().to_string(), attributes: Attributes::new(), geometry: Ok(None) };
        for (name, value) in row.map_err(damaged)?.into_columns() {
            if name == geometry {
                feature.geometry = match value {
                    Field::Bytes(bytes) => RawGeometry::from_wkb(bytes.data()).map(Some),
                    Field::Null => Ok(None),
                    _ => Err("its geometry is not a binary value".to_owned()),
                };
            } else {
                feature.attributes.insert(name, json(value));
            }
        }
        features.push(feature);
    }
    Ok(Layer { format: "GeoParquet", name: None, crs: crs_of(column), attributes, features, warnings: Vec::new() })
}

/// The CRS of a column: longitude and latitude without a `crs` member, unknown if it is null.
fn crs_of(column: &Value) -> Result<Crs, String> {
    let Some(crs) = column.get("crs") else { return Ok(Crs::WGS84) };
    if crs.is_null() {
        return Err("its `geo` metadata states that the CRS is unknown".to_owned());
    }
    let authority = crs["id"]["authority"].as_str().unwrap_or_default();
    let code = &crs["id"]["code"];
    if authority == "OGC" && code.as_str().is_some_and(|code| code.starts_with("CRS84")) {
        return Ok(Crs::WGS84);
    }
    let number = code.as_u64().or_else(|| code.as_str()?.parse().ok()).and_then(|code| u16::try_from(code).ok());
    match number {
        Some(code) if authority.eq_ignore_ascii_case("EPSG") => Crs::from_epsg(code).map_err(|e| e.to_string()),
        _ => Err(format!("its CRS {} has no EPSG code", crs["name"])),
    }
}

fn json(value: Field) -> Value {
    let timestamp = |time: Result<jiff::Timestamp, jiff::Error>| time.map_or(Value::Null, |t| t.to_string().into());
    match value {
        Field::Bool(v) => v.into(),
        Field::Byte(v) => v.into(),
        Field::Short(v) => v.into(),
        Field::Int(v) => v.into(),
        Field::Long(v) => v.into(),
        Field::UByte(v) => v.into(),
        Field::UShort(v) => v.into(),
        Field::UInt(v) => v.into(),
        Field::ULong(v) => v.into(),
        Field::Float(v) => v.into(),
        Field::Double(v) => v.into(),
        Field::Str(v) => v.into(),
        Field::Date(days) => jiff::civil::date(1970, 1, 1)
            .checked_add(jiff::Span::new().days(days.clamp(-1_000_000, 1_000_000)))
            .map_or(Value::Null, |date| date.to_string().into()),
        Field::TimestampMillis(v) => timestamp(jiff::Timestamp::from_millisecond(v)),
        Field::TimestampMicros(v) => timestamp(jiff::Timestamp::from_microsecond(v)),
        other @ (Field::Float16(_) | Field::Decimal(_) | Field::TimeMillis(_) | Field::TimeMicros(_)) => {
            other.to_string().into()
        }
        Field::Null | Field::Bytes(_) | Field::Group(_) | Field::ListInternal(_) | Field::MapInternal(_) => Value::Null,
    }
}
