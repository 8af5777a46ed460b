//! Layers of GeoPackages (OGC 12-128r18).

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use super::raw::{Layer, RawFeature, RawGeometry};
use super::{Attributes, wkt};
use minesegsat_core::{Crs, Error, Result};

/// A layer as the tables of the standard describe it.
struct Table {
    name: String,
    geometry: String,
    organization: Option<String>,
    code: Option<i64>,
    definition: Option<String>,
}

/// A column of a layer, except its geometry and its key.
struct Column {
    name: String,
    is_boolean: bool,
}

pub(super) fn read(path: &Path, wanted: Option<&str>) -> Result<Layer> {
    let sql = |error: rusqlite::Error| Error::database(path, "", error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(path, flags).map_err(sql)?;
    let mut tables = list_tables(&database).map_err(sql)?;
    let place = super::choose_layer(path, wanted, tables.iter().map(|table| table.name.as_str()))?;
    let table = tables.swap_remove(place);
    let (key, columns) = list_columns(&database, &table).map_err(sql)?;

    let selected = [key.as_deref().unwrap_or("rowid"), table.geometry.as_str()];
    let selected = selected.into_iter().chain(columns.iter().map(|column| column.name.as_str())).map(quote);
    let selected = selected.collect::<Vec<_>>().join(", ");
    let order = quote(key.as_deref().unwrap_or("rowid"));
    let query = format!("SELECT {selected} FROM {} ORDER BY {order}", quote(&table.name));
    let mut statement = database.prepare(&query).map_err(sql)?;
    let mut rows = statement.query([]).map_err(sql)?;
    let mut features = Vec::new();
    while let Some(row) = rows.next().map_err(sql)? {
        let id = row.get::<_, i64>(0).map_err(sql)?.to_string();
        let geometry = match row.get_ref(1).map_err(sql)? {
            ValueRef::Null => Ok(None),
            ValueRef::Blob(bytes) => RawGeometry::from_gpkg(bytes),
            _ => Err("its geometry is not a binary value".to_owned()),
        };
        let mut attributes = Attributes::new();
        for (place, column) in columns.iter().enumerate() {
            let value = match row.get_ref(place + 2).map_err(sql)? {
                ValueRef::Integer(v) if column.is_boolean => Value::from(v != 0),
                ValueRef::Integer(v) => Value::from(v),
                ValueRef::Real(v) => Value::from(v),
                ValueRef::Text(text) => Value::from(String::from_utf8_lossy(text)),
                ValueRef::Null | ValueRef::Blob(_) => Value::Null,
            };
            attributes.insert(column.name.clone(), value);
        }
        features.push(RawFeature { id, attributes, geometry });
    }
    Ok(Layer {
        format: "GeoPackage",
        crs: crs_of(&table),
        name: Some(table.name),
        attributes: columns.into_iter().map(|column| column.name).collect(),
        features,
        warnings: Vec::new(),
    })
}

fn list_tables(database: &Connection) -> rusqlite::Result<Vec<Table>> {
    let mut statement = database.prepare(
        "SELECT c.table_name, g.column_name, s.organization, s.organization_coordsys_id, s.definition
         FROM gpkg_contents c
         JOIN gpkg_geometry_columns g ON g.table_name = c.table_name
         LEFT JOIN gpkg_spatial_ref_sys s ON s.srs_id = g.srs_id
         WHERE c.data_type = 'features' ORDER BY c.rowid",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Table {
            name: row.get(0)?,
            geometry: row.get(1)?,
            organization: row.get(2)?,
            code: row.get(3)?,
            definition: row.get(4)?,
        })
    })?;
    rows.collect()
}

/// The key, which is the id of features, and the attributes.
fn list_columns(database: &Connection, table: &Table) -> rusqlite::Result<(Option<String>, Vec<Column>)> {
    let mut statement = database.prepare("SELECT name, type, pk FROM pragma_table_info(?1)")?;
    let mut rows = statement.query([&table.name])?;
    let (mut key, mut columns) = (None, Vec::new());
    while let Some(row) = rows.next()? {
        let (name, kind, is_key): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        // Views have no key. GDAL treats a column with this name as the key.
        let is_key = is_key == 1 || name == "OGC_FID";
        if is_key && kind.eq_ignore_ascii_case("INTEGER") && key.is_none() {
            key = Some(name);
        } else if !name.eq_ignore_ascii_case(&table.geometry) {
            columns.push(Column { name, is_boolean: kind.eq_ignore_ascii_case("BOOLEAN") });
        }
    }
    Ok((key, columns))
}

fn crs_of(table: &Table) -> Result<Crs, String> {
    let is_epsg = table.organization.as_ref().is_some_and(|name| name.eq_ignore_ascii_case("EPSG"));
    if let Some(code) = table.code.and_then(|code| u16::try_from(code).ok()).filter(|&code| code > 0)
        && is_epsg
    {
        return Crs::from_epsg(code).map_err(|error| error.to_string());
    }
    match &table.definition {
        Some(definition) if definition != "undefined" && !definition.is_empty() => wkt::crs(definition),
        _ => Err(format!("layer `{}` does not state its CRS", table.name)),
    }
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
