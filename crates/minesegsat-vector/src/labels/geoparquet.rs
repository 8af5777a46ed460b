//! GeoParquet 1.0 and 1.1 with geometries as well-known binary, and Parquet's own type GEOMETRY.

use std::path::Path;
use std::sync::Arc;

use ::parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::Field;
use ::parquet::schema::types::Type;
use serde_json::Value;

use super::Attributes;
use super::parquet_pages::PageGuard;
use super::raw::{Layer, RawFeature, RawGeometry};
use minesegsat_core::{Crs, Error, Result};

/// Rows that are read from a file of any size. Rows of more take a byte each: their geometries differ.
const MOST_ROWS_WITHOUT_BYTES: u64 = 1 << 20;

/// Reads the features. Messages name `path`; the content is that of `file`.
pub(super) fn read(path: &Path, file: &Path) -> Result<Layer> {
    let fail = |reason: String| Error::vector(path, reason);
    let damaged = |error: ::parquet::errors::ParquetError| Error::vector(path, "").caused_by(error);
    let content = PageGuard::new(fs_err::File::open(file)?.into_file())?;
    let bytes = content.file_len();
    let reader = SerializedFileReader::new(content).map_err(damaged)?;
    let stated = reader.metadata().row_groups().iter().map(|group| u64::try_from(group.num_rows()).unwrap_or(0));
    let rows = stated.fold(0_u64, u64::saturating_add);
    if rows > MOST_ROWS_WITHOUT_BYTES.saturating_add(bytes) {
        return Err(fail(format!("it states {rows} rows, more than a file of {bytes} bytes can hold")));
    }
    let file = reader.metadata().file_metadata();
    let schema = file.schema_descr().root_schema();
    let geo = file.key_value_metadata().into_iter().flatten().find(|pair| pair.key == "geo");
    let (geometry, crs) = match geo.and_then(|pair| pair.value.as_deref()) {
        Some(geo) => {
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
            (geometry, crs_of(column))
        }
        None => native_geometry(schema, file.key_value_metadata()).ok_or_else(|| {
            fail(
                "it is a Parquet file without geometries: it has neither the `geo` metadata of GeoParquet nor a column of \
                 type GEOMETRY"
                    .to_owned(),
            )
        })?,
    };

    // Nested columns, such as the bounding boxes of features, are not attributes. The reader fails on intervals.
    let mut warnings = Vec::new();
    let mut is_read = |field: &Type| {
        let is_interval = field.get_basic_info().converted_type() == ConvertedType::INTERVAL;
        if is_interval {
            warnings.push(format!("its column `{}` holds intervals of time and was left out", field.name()));
        }
        field.is_primitive() && !is_interval
    };
    let fields: Vec<_> = schema.get_fields().iter().filter(|field| is_read(field)).map(Arc::clone).collect();
    let attributes = fields.iter().map(|field| field.name().to_owned()).filter(|name| *name != geometry).collect();
    if !fields.iter().any(|field| field.name() == geometry) {
        return Err(fail(format!("it lacks its geometry column `{geometry}`")));
    }
    let nanoseconds: Vec<String> =
        fields.iter().filter(|field| is_in_nanoseconds(field)).map(|field| field.name().to_owned()).collect();
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
                let value = match value {
                    Field::Long(time) if nanoseconds.contains(&name) => {
                        timestamp(jiff::Timestamp::from_nanosecond(i128::from(time)))
                    }
                    other => json(other),
                };
                feature.attributes.insert(name, value);
            }
        }
        features.push(feature);
    }
    Ok(Layer { format: "GeoParquet", name: None, crs, attributes, features, warnings, incomplete: None })
}

/// Whether a column holds times in nanoseconds, which have no converted type of older versions of Parquet.
fn is_in_nanoseconds(field: &Type) -> bool {
    matches!(field.get_basic_info().logical_type_ref(), Some(LogicalType::Timestamp(time)) if time.unit == TimeUnit::NANOS)
}

/// The first column of Parquet's own type GEOMETRY or GEOGRAPHY, and its CRS.
fn native_geometry(schema: &Type, metadata: Option<&Vec<KeyValue>>) -> Option<(String, Result<Crs, String>)> {
    schema.get_fields().iter().find_map(|field| {
        let crs = match field.get_basic_info().logical_type_ref()? {
            LogicalType::Geometry(kind) => &kind.crs,
            LogicalType::Geography(kind) => &kind.crs,
            _ => return None,
        };
        let crs = match crs.as_deref().map(str::trim) {
            None | Some("") => Ok(Crs::WGS84),
            Some(text) => native_crs(text, metadata),
        };
        Some((field.name().to_owned(), crs))
    })
}

/// The CRS of a column of type GEOMETRY: PROJJSON, `projjson:KEY` of the file's metadata, `srid:3005` or `EPSG:3005`.
fn native_crs(text: &str, metadata: Option<&Vec<KeyValue>>) -> Result<Crs, String> {
    let stored =
        text.strip_prefix("projjson:").and_then(|key| metadata?.iter().find(|pair| pair.key == key)?.value.as_deref());
    if let Ok(json @ Value::Object(_)) = serde_json::from_str::<Value>(stored.unwrap_or(text)) {
        return crs_of(&serde_json::json!({ "crs": json }));
    }
    let name = text.strip_prefix("srid:").map_or_else(|| text.to_owned(), |code| format!("EPSG:{code}"));
    Crs::from_name(&name).map_err(|error| error.to_string())
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
    if authority.eq_ignore_ascii_case("ESRI")
        && let Some(code) = code.as_u64().or_else(|| code.as_str()?.parse().ok())
    {
        let code = u32::try_from(code).unwrap_or_default();
        return Crs::from_esri(code).map_err(|error| error.to_string());
    }
    match number {
        Some(code) if authority.eq_ignore_ascii_case("EPSG") => Crs::from_epsg(code).map_err(|e| e.to_string()),
        _ => Err(format!("its CRS {} has no EPSG code", crs["name"])),
    }
}

fn timestamp(time: Result<jiff::Timestamp, jiff::Error>) -> Value {
    time.map_or(Value::Null, |time| time.to_string().into())
}

fn json(value: Field) -> Value {
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
        // Numbers, so that nobody asks what their separators mean.
        number @ (Field::Float16(_) | Field::Decimal(_)) => {
            let text = number.to_string();
            text.parse::<f64>().map_or_else(|_| text.into(), Value::from)
        }
        other @ (Field::TimeMillis(_) | Field::TimeMicros(_)) => other.to_string().into(),
        Field::Null | Field::Bytes(_) | Field::Group(_) | Field::ListInternal(_) | Field::MapInternal(_) => Value::Null,
    }
}
