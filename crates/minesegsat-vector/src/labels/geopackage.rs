//! Layers of GeoPackages (OGC 12-128r18).

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use serde_json::Value;

use super::open::Wanted;
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
    is_binary: bool,
}

/// Opens an SQLite database for reading, also one in a folder or on a medium that cannot be written.
///
/// A database in WAL mode needs two more files beside it. If they cannot be made, the database is read as it is. That is
/// refused if a `-wal` file with changes lies beside it, which would be missing.
pub fn open_read_only(path: &Path) -> Result<Connection> {
    let sql = |error: rusqlite::Error| Error::database(path, "", error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let database = Connection::open_with_flags(path, flags)?;
        database.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
        Ok(database)
    };
    let error = match open() {
        Ok(database) => return Ok(database),
        Err(error) => error,
    };
    if !matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::SystemIoFailure)
    ) {
        return Err(sql(error));
    }
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    if fs_err::metadata(&wal).is_ok_and(|found| found.len() > 0) {
        let reason = "changes in its file `-wal` cannot be read here; copy both files to a folder that can be written";
        return Err(Error::database(path, reason, error));
    }
    // A path need not be UTF-8.
    let encoded = |byte: &u8| match byte {
        b'%' | b'?' | b'#' | 0x80.. => format!("%{byte:02X}"),
        _ => char::from(*byte).to_string(),
    };
    let full = fs_err::canonicalize(path)?;
    let plain: String = full.as_os_str().as_encoded_bytes().iter().map(encoded).collect();
    let uri = format!("file:{plain}?immutable=1");
    Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI).map_err(sql)
}

/// Reads a layer. Messages name `path`; the database is `file`.
pub(super) fn read(path: &Path, file: &Path, wanted: Wanted<'_>) -> Result<Layer> {
    let sql = |error: rusqlite::Error| Error::database(path, "", error);
    let database = open_read_only(file)?;
    let mut tables = list_tables(&database).map_err(sql)?;
    if let Wanted::First = wanted {
        tables.truncate(1);
    }
    let place = super::choose_layer(path, wanted.name(), tables.iter().map(|table| table.name.as_str()))?;
    let table = tables.swap_remove(place);
    let (key, columns) = list_columns(&database, &table).map_err(sql)?;

    let selected = std::iter::once(table.geometry.as_str()).chain(columns.iter().map(|column| column.name.as_str()));
    let selected = selected.map(quote).collect::<Vec<_>>().join(", ");
    // A view has no key of its own. Its features are numbered.
    let (id, order) = match &key {
        Some(key) => (quote(key), format!(" ORDER BY {}", quote(key))),
        None => ("NULL".to_owned(), String::new()),
    };
    let query = format!("SELECT {id}, {selected} FROM {}{order}", quote(&table.name));
    let mut statement = database.prepare(&query).map_err(sql)?;
    let mut rows = statement.query([]).map_err(sql)?;
    let mut features: Vec<RawFeature> = Vec::new();
    let mut binary = 0;
    while let Some(row) = rows.next().map_err(sql)? {
        let id = match row.get_ref(0).map_err(sql)? {
            ValueRef::Integer(id) => id.to_string(),
            ValueRef::Text(id) => String::from_utf8_lossy(id).into_owned(),
            ValueRef::Real(id) => id.to_string(),
            ValueRef::Null | ValueRef::Blob(_) => features.len().to_string(),
        };
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
                // SQLite stores any type in any column.
                ValueRef::Blob(bytes) if !column.is_binary => {
                    if let Ok(text) = std::str::from_utf8(bytes) {
                        Value::from(text)
                    } else {
                        binary += 1;
                        Value::Null
                    }
                }
                ValueRef::Blob(_) | ValueRef::Null => Value::Null,
            };
            attributes.insert(column.name.clone(), value);
        }
        features.push(RawFeature { id, attributes, geometry });
    }
    let warnings = (binary > 0).then(|| format!("{binary} binary values in columns of other types were left empty"));
    Ok(Layer {
        format: "GeoPackage",
        crs: crs_of(&table),
        name: Some(table.name),
        attributes: columns.into_iter().map(|column| column.name).collect(),
        features,
        warnings: warnings.into_iter().collect(),
        incomplete: None,
    })
}

fn list_tables(database: &Connection) -> rusqlite::Result<Vec<Table>> {
    let mut statement = database.prepare(
        "SELECT c.table_name, g.column_name, s.organization, s.organization_coordsys_id, s.definition
         FROM gpkg_contents c
         JOIN gpkg_geometry_columns g ON lower(g.table_name) = lower(c.table_name)
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
    let rows = statement.query_map([&table.name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let rows = rows.collect::<rusqlite::Result<Vec<(String, String, i64)>>>()?;
    let is_view: bool = database.query_row(
        "SELECT count(*) > 0 FROM sqlite_master WHERE type = 'view' AND lower(name) = lower(?1)",
        [&table.name],
        |row| row.get(0),
    )?;
    let own = rows.iter().find(|(_, kind, is_key)| *is_key == 1 && kind.eq_ignore_ascii_case("INTEGER"));
    // GDAL and QGIS take a column of a view with one of these names as its key.
    let of_view = ["OGC_FID", "fid"].iter().find_map(|name| rows.iter().find(|row| row.0.eq_ignore_ascii_case(name)));
    let key = own.or(of_view.filter(|_| is_view)).map(|(name, ..)| name.clone());
    let key_or_row = key.clone().or_else(|| (!is_view).then(|| "rowid".to_owned()));
    let columns = rows
        .into_iter()
        .filter(|(name, ..)| Some(name) != key.as_ref() && !name.eq_ignore_ascii_case(&table.geometry))
        .map(|(name, kind, _)| Column {
            name,
            is_boolean: kind.eq_ignore_ascii_case("BOOLEAN"),
            is_binary: kind.to_ascii_uppercase().starts_with("BLOB"),
        });
    Ok((key_or_row, columns.collect()))
}

fn crs_of(table: &Table) -> Result<Crs, String> {
    let is_by = |authority: &str| table.organization.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(authority));
    if let Some(code) = table.code.and_then(|code| u32::try_from(code).ok()).filter(|&code| code > 0) {
        if is_by("EPSG")
            && let Ok(code) = u16::try_from(code)
        {
            return Crs::from_epsg(code).map_err(|error| error.to_string());
        }
        if (is_by("ESRI") || is_by("EPSG"))
            && let Ok(crs) = Crs::from_esri(code)
        {
            return Ok(crs);
        }
    }
    match &table.definition {
        Some(definition) if definition != "undefined" && !definition.is_empty() => wkt::crs(definition),
        _ => Err(format!("layer `{}` does not state its CRS", table.name)),
    }
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
