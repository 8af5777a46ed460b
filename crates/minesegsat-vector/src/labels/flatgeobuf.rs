//! FlatGeobuf 3. This module reads geometries and attributes from the verified buffers and checks every index. The readers of
//! the `flatgeobuf` crate do not.

use std::io::{BufReader, Read};
use std::path::Path;

use ::flatgeobuf::{
    ColumnType, FallibleStreamingIterator, FgbFeature, FgbReader, Geometry, GeometryType, Header,
    size_prefixed_root_as_header,
};
use geo::Coord;
use serde_json::Value;

use super::raw::{Layer, RawFeature, RawGeometry, Ring, refusal};
use super::{Attributes, wkt};
use minesegsat_core::{Crs, Error, Result};

struct Column {
    name: String,
    kind: ColumnType,
}

/// Reads the layer. Messages name `path`; the content is that of `file`.
pub(super) fn read(path: &Path, file: &Path) -> Result<Layer> {
    let fail = |error: ::flatgeobuf::Error| Error::vector(path, "").caused_by(error);
    check_sizes(file)?.map_err(|reason| Error::vector(path, reason))?;
    let reader = FgbReader::open(BufReader::new(fs_err::File::open(file)?)).map_err(fail)?;
    let header = reader.header();
    let crs = crs_of(&header);
    let name = header.name().map(str::to_owned);
    let kind = header.geometry_type();
    let columns: Vec<Column> = header
        .columns()
        .iter()
        .flatten()
        .map(|column| Column { name: column.name().to_owned(), kind: column.type_() })
        .collect();
    let announced = header.features_count();
    let mut found = reader.select_all_seq().map_err(fail)?;
    let mut features = Vec::new();
    while let Some(feature) = found.next().map_err(fail)? {
        features.push(raw_feature(feature, features.len(), kind, &columns));
    }
    if announced > 0 && features.len() as u64 != announced {
        let reason = format!("it has {} of the {announced} features that its header announces", features.len());
        return Err(Error::vector(path, reason));
    }
    Ok(Layer {
        format: "FlatGeobuf",
        name,
        crs,
        attributes: columns.into_iter().map(|column| column.name).collect(),
        features,
        warnings: Vec::new(),
        incomplete: None,
    })
}

/// Checks that the sizes that the file states for its header, index and features fit into it, because the reader allocates
/// memory for them.
fn check_sizes(file: &Path) -> Result<Result<(), String>> {
    let mut content = BufReader::new(fs_err::File::open(file)?);
    let end = content.get_ref().metadata()?.len();
    let mut at = 8;
    content.seek_relative(8)?;
    let mut index = None;
    while at < end {
        let mut size = [0; 4];
        if end - at < 4 {
            break;
        }
        content.read_exact(&mut size)?;
        let size = u64::from(u32::from_le_bytes(size));
        at += 4;
        if size > end - at {
            return Ok(Err(format!(
                "it is damaged or cut off: a part of {size} bytes begins {} bytes before its end",
                end - at
            )));
        }
        if index.is_none() {
            let mut header = vec![0; size as usize + 4];
            header[..4].copy_from_slice(&(size as u32).to_le_bytes());
            content.read_exact(&mut header[4..])?;
            let Ok(header) = size_prefixed_root_as_header(&header) else { return Ok(Ok(())) };
            let (count, node) = (header.features_count(), u64::from(header.index_node_size()));
            // Each feature has an entry of 40 bytes in the index, if there is one.
            if node > 0 && count > end / 40 {
                return Ok(Err(format!(
                    "it is damaged: its header announces {count} features, and it has {end} bytes"
                )));
            }
            let length = if node > 0 && count > 0 { index_bytes(count, node.max(2)) } else { 0 };
            index = Some(length);
            at += size + length;
            content.seek_relative(length as i64)?;
        } else {
            at += size;
            content.seek_relative(size as i64)?;
        }
    }
    Ok(Ok(()))
}

/// Size of the packed R-tree of FlatGeobuf: nodes of 40 bytes, from the features up to the root. One feature has a root too.
fn index_bytes(features: u64, node: u64) -> u64 {
    let (mut nodes, mut all) = (features, features);
    loop {
        nodes = nodes.div_ceil(node);
        all += nodes;
        if nodes <= 1 {
            return all * 40;
        }
    }
}

fn crs_of(header: &Header<'_>) -> Result<Crs, String> {
    let Some(crs) = header.crs() else { return Err("its header does not state its CRS".to_owned()) };
    let is_epsg = crs.org().is_none_or(|name| name.eq_ignore_ascii_case("EPSG"));
    if crs.org().is_some_and(|name| name.eq_ignore_ascii_case("ESRI"))
        && let Some(crs) = u32::try_from(crs.code()).ok().and_then(|code| Crs::from_esri(code).ok())
    {
        return Ok(crs);
    }
    if let Some(code) = u16::try_from(crs.code()).ok().filter(|&code| code > 0)
        && is_epsg
    {
        return Crs::from_epsg(code).map_err(|error| error.to_string());
    }
    match crs.wkt() {
        Some(definition) if !definition.is_empty() => wkt::crs(definition),
        _ => Err("its header does not state its CRS".to_owned()),
    }
}

fn raw_feature(feature: &FgbFeature, place: usize, kind: GeometryType, columns: &[Column]) -> RawFeature {
    let parts = feature.fbs_feature();
    let geometry = parts.geometry().map(|geometry| {
        let kind = if kind == GeometryType::Unknown { geometry.type_() } else { kind };
        let mut raw = RawGeometry::new(kind.variant_name().unwrap_or("unknown type"));
        collect(&geometry, kind, &mut raw).map(|()| raw)
    });
    let mut attributes: Attributes = columns.iter().map(|column| (column.name.clone(), Value::Null)).collect();
    let values = parts.properties().map(|properties| read_values(properties.bytes(), columns, &mut attributes));
    let geometry = match values {
        Some(None) => Err("its attributes are damaged".to_owned()),
        _ => geometry.transpose(),
    };
    RawFeature { id: place.to_string(), attributes, geometry }
}

fn collect(geometry: &Geometry<'_>, kind: GeometryType, raw: &mut RawGeometry) -> Result<(), String> {
    match kind {
        GeometryType::Polygon => {
            let rings = rings(geometry).ok_or("its geometry is damaged")?;
            raw.polygons.extend(Some(rings).filter(|rings| !rings.is_empty()));
        }
        GeometryType::MultiPolygon => {
            for part in geometry.parts().iter().flatten() {
                collect(&part, GeometryType::Polygon, raw)?;
            }
        }
        GeometryType::GeometryCollection => {
            for part in geometry.parts().iter().flatten() {
                collect(&part, part.type_(), raw)?;
            }
        }
        GeometryType::Point | GeometryType::MultiPoint | GeometryType::LineString | GeometryType::MultiLineString => {
            raw.others += 1;
        }
        other => return Err(refusal(other.variant_name().unwrap_or("geometry of unknown type"))),
    }
    Ok(())
}

fn rings(geometry: &Geometry<'_>) -> Option<Vec<Ring>> {
    let xy: Vec<f64> = geometry.xy().iter().flatten().collect();
    let points = xy.len() / 2;
    // A single ring has no list of ends.
    let ends: Vec<usize> = match geometry.ends() {
        Some(ends) if !ends.is_empty() => ends.iter().map(|end| end as usize).collect(),
        _ if points == 0 => return Some(Vec::new()),
        _ => vec![points],
    };
    let mut start = 0;
    ends.into_iter()
        .map(|end| {
            let ring = xy.get(2 * start..2 * end)?;
            start = end;
            Some(ring.chunks_exact(2).map(|c| Coord { x: c[0], y: c[1] }).collect())
        })
        .collect()
}

/// Reads the values of a feature: number of the column (u16), then the value. `None` if they are cut off.
fn read_values(mut bytes: &[u8], columns: &[Column], attributes: &mut Attributes) -> Option<()> {
    // Some writers leave a byte after the last value.
    while bytes.len() >= 2 {
        let column = columns.get(usize::from(u16::from_le_bytes(take(&mut bytes)?)))?;
        let value = match column.kind {
            ColumnType::Byte => Value::from(i8::from_le_bytes(take(&mut bytes)?)),
            ColumnType::UByte => Value::from(u8::from_le_bytes(take(&mut bytes)?)),
            ColumnType::Bool => Value::from(take::<1>(&mut bytes)? != [0]),
            ColumnType::Short => Value::from(i16::from_le_bytes(take(&mut bytes)?)),
            ColumnType::UShort => Value::from(u16::from_le_bytes(take(&mut bytes)?)),
            ColumnType::Int => Value::from(i32::from_le_bytes(take(&mut bytes)?)),
            ColumnType::UInt => Value::from(u32::from_le_bytes(take(&mut bytes)?)),
            ColumnType::Long => Value::from(i64::from_le_bytes(take(&mut bytes)?)),
            ColumnType::ULong => Value::from(u64::from_le_bytes(take(&mut bytes)?)),
            ColumnType::Float => Value::from(f32::from_le_bytes(take(&mut bytes)?)),
            ColumnType::Double => Value::from(f64::from_le_bytes(take(&mut bytes)?)),
            _ => {
                let length = u32::from_le_bytes(take(&mut bytes)?) as usize;
                let (text, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                if column.kind == ColumnType::Binary { Value::Null } else { String::from_utf8_lossy(text).into() }
            }
        };
        attributes.insert(column.name.clone(), value);
    }
    Some(())
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (value, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*value)
}
