//! GeoPackage 1.3 (OGC 12-128r17): an SQLite database with layers, spatial indices and metadata.

use std::path::Path;

use geo::{BoundingRect, Geometry};
use geozero::{CoordDimensions, ToWkb};
use rusqlite::types::Value as Cell;
use rusqlite::{Connection, OpenFlags, Transaction, params};

use super::{
    Attribute, ColumnType, FeatureLayer, LAYER, LayerStyle, MinePolygon, PolygonMetadata, ShapeType, TITLE, Value,
    geometry, vector_error,
};
use minesegsat_core::{Crs, Error, Result};

/// "GPKG" in ASCII.
pub const APPLICATION_ID: u32 = 0x4750_4B47;
/// Version 1.3.0.
pub const USER_VERSION: u32 = 10300;

/// Tables of the standard.
pub const SCHEMA: &str = r"
CREATE TABLE gpkg_spatial_ref_sys (
  srs_name TEXT NOT NULL,
  srs_id INTEGER NOT NULL PRIMARY KEY,
  organization TEXT NOT NULL,
  organization_coordsys_id INTEGER NOT NULL,
  definition TEXT NOT NULL,
  description TEXT
);
CREATE TABLE gpkg_contents (
  table_name TEXT NOT NULL PRIMARY KEY,
  data_type TEXT NOT NULL,
  identifier TEXT UNIQUE,
  description TEXT DEFAULT '',
  last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  min_x DOUBLE,
  min_y DOUBLE,
  max_x DOUBLE,
  max_y DOUBLE,
  srs_id INTEGER,
  CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id)
);
CREATE TABLE gpkg_geometry_columns (
  table_name TEXT NOT NULL,
  column_name TEXT NOT NULL,
  geometry_type_name TEXT NOT NULL,
  srs_id INTEGER NOT NULL,
  z TINYINT NOT NULL,
  m TINYINT NOT NULL,
  CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
  CONSTRAINT uk_gc_table_name UNIQUE (table_name),
  CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id)
);
CREATE TABLE gpkg_extensions (
  table_name TEXT,
  column_name TEXT,
  extension_name TEXT NOT NULL,
  definition TEXT NOT NULL,
  scope TEXT NOT NULL,
  CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name)
);
CREATE TABLE gpkg_metadata (
  id INTEGER CONSTRAINT m_pk PRIMARY KEY ASC NOT NULL,
  md_scope TEXT NOT NULL DEFAULT 'dataset',
  md_standard_uri TEXT NOT NULL,
  mime_type TEXT NOT NULL DEFAULT 'text/xml',
  metadata TEXT NOT NULL DEFAULT ''
);
CREATE TABLE gpkg_metadata_reference (
  reference_scope TEXT NOT NULL,
  table_name TEXT,
  column_name TEXT,
  row_id_value INTEGER,
  timestamp DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  md_file_id INTEGER NOT NULL,
  md_parent_id INTEGER,
  CONSTRAINT crmr_mfi_fk FOREIGN KEY (md_file_id) REFERENCES gpkg_metadata(id),
  CONSTRAINT crmr_mpi_fk FOREIGN KEY (md_parent_id) REFERENCES gpkg_metadata(id)
);
INSERT INTO gpkg_extensions VALUES
  ('gpkg_metadata', NULL, 'gpkg_metadata', 'http://www.geopackage.org/spec120/#extension_metadata', 'read-write'),
  ('gpkg_metadata_reference', NULL, 'gpkg_metadata', 'http://www.geopackage.org/spec120/#extension_metadata', 'read-write');
INSERT INTO gpkg_spatial_ref_sys VALUES
  ('Undefined Cartesian SRS', -1, 'NONE', -1, 'undefined', 'undefined Cartesian coordinate reference system'),
  ('Undefined geographic SRS', 0, 'NONE', 0, 'undefined', 'undefined geographic coordinate reference system');
";

/// Tables of the extension "schema" (annex F.9), for files with columns that have lists of allowed values.
pub const CHOICES: &str = r"
CREATE TABLE gpkg_data_columns (
  table_name TEXT NOT NULL,
  column_name TEXT NOT NULL,
  name TEXT,
  title TEXT,
  description TEXT,
  mime_type TEXT,
  constraint_name TEXT,
  CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name),
  CONSTRAINT gdc_tn UNIQUE (table_name, name)
);
CREATE TABLE gpkg_data_column_constraints (
  constraint_name TEXT NOT NULL,
  constraint_type TEXT NOT NULL,
  value TEXT,
  min NUMERIC,
  min_is_inclusive BOOLEAN,
  max NUMERIC,
  max_is_inclusive BOOLEAN,
  description TEXT,
  CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value)
);
INSERT INTO gpkg_extensions VALUES
  ('gpkg_data_columns', NULL, 'gpkg_schema', 'http://www.geopackage.org/spec121/#extension_schema', 'read-write'),
  ('gpkg_data_column_constraints', NULL, 'gpkg_schema', 'http://www.geopackage.org/spec121/#extension_schema', 'read-write');
";

/// Table with styles of layers, as QGIS writes and reads it.
pub const STYLES: &str = r"
CREATE TABLE layer_styles (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
  f_table_catalog TEXT(256),
  f_table_schema TEXT(256),
  f_table_name TEXT(256),
  f_geometry_column TEXT(256),
  styleName TEXT(30),
  styleQML TEXT,
  styleSLD TEXT,
  useAsDefault BOOLEAN,
  description TEXT,
  owner TEXT(30),
  ui TEXT(30),
  update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now'))
);
";

/// Triggers of the spatial index (annex F.3 of the standard). They call functions that GeoPackage editors provide. They are
/// created after the rows, because this module fills the index. `{layer}` stands for the name of the layer.
const TRIGGERS: &str = r"
CREATE TRIGGER rtree_{layer}_geom_insert AFTER INSERT ON {layer}
  WHEN (NEW.geom NOT NULL AND NOT ST_IsEmpty(NEW.geom))
BEGIN
  INSERT OR REPLACE INTO rtree_{layer}_geom VALUES
    (NEW.fid, ST_MinX(NEW.geom), ST_MaxX(NEW.geom), ST_MinY(NEW.geom), ST_MaxY(NEW.geom));
END;
CREATE TRIGGER rtree_{layer}_geom_update1 AFTER UPDATE OF geom ON {layer}
  WHEN OLD.fid = NEW.fid AND (NEW.geom NOTNULL AND NOT ST_IsEmpty(NEW.geom))
BEGIN
  INSERT OR REPLACE INTO rtree_{layer}_geom VALUES
    (NEW.fid, ST_MinX(NEW.geom), ST_MaxX(NEW.geom), ST_MinY(NEW.geom), ST_MaxY(NEW.geom));
END;
CREATE TRIGGER rtree_{layer}_geom_update2 AFTER UPDATE OF geom ON {layer}
  WHEN OLD.fid = NEW.fid AND (NEW.geom ISNULL OR ST_IsEmpty(NEW.geom))
BEGIN
  DELETE FROM rtree_{layer}_geom WHERE id = OLD.fid;
END;
CREATE TRIGGER rtree_{layer}_geom_update3 AFTER UPDATE ON {layer}
  WHEN OLD.fid != NEW.fid AND (NEW.geom NOTNULL AND NOT ST_IsEmpty(NEW.geom))
BEGIN
  DELETE FROM rtree_{layer}_geom WHERE id = OLD.fid;
  INSERT OR REPLACE INTO rtree_{layer}_geom VALUES
    (NEW.fid, ST_MinX(NEW.geom), ST_MaxX(NEW.geom), ST_MinY(NEW.geom), ST_MaxY(NEW.geom));
END;
CREATE TRIGGER rtree_{layer}_geom_update4 AFTER UPDATE ON {layer}
  WHEN OLD.fid != NEW.fid AND (NEW.geom ISNULL OR ST_IsEmpty(NEW.geom))
BEGIN
  DELETE FROM rtree_{layer}_geom WHERE id IN (OLD.fid, NEW.fid);
END;
CREATE TRIGGER rtree_{layer}_geom_delete AFTER DELETE ON {layer}
  WHEN OLD.geom NOT NULL
BEGIN
  DELETE FROM rtree_{layer}_geom WHERE id = OLD.fid;
END;
";

pub(super) fn write(path: &Path, crs: &Crs, polygons: &[MinePolygon], metadata: &PolygonMetadata) -> Result<()> {
    let row = |polygon: &MinePolygon| {
        let values = polygon.attributes().map(|(_, value)| match value {
            Attribute::Integer(value) => Value::Integer(value),
            Attribute::Real(value) => Value::Real(value),
            Attribute::Boolean(value) => Value::Boolean(value),
        });
        (geometry(&polygon.geometry), values.to_vec())
    };
    let layer = FeatureLayer {
        name: LAYER,
        title: TITLE.to_owned(),
        description: metadata.description(),
        datetime: metadata.datetime,
        metadata: metadata.json()?,
        shape: ShapeType::MultiPolygon,
        columns: vec![
            ("id", ColumnType::Integer),
            ("area_ha", ColumnType::Real),
            ("perimeter_m", ColumnType::Real),
            ("mean_probability", ColumnType::Real),
            ("max_probability", ColumnType::Real),
            ("touches_edge", ColumnType::Boolean),
            ("touches_nodata", ColumnType::Boolean),
        ],
        choices: Vec::new(),
        style: Some(LayerStyle::disturbed()),
        features: polygons.iter().map(row).collect(),
    };
    write_layers(path, crs, &[layer])
}

pub(super) fn write_layers(path: &Path, crs: &Crs, layers: &[FeatureLayer]) -> Result<()> {
    for name in layers.iter().flat_map(|layer| layer.columns.iter().map(|column| column.0).chain([layer.name])) {
        let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !is_name {
            return Err(Error::vector(path, format!("`{name}` is not a layer or column name: use a-z, 0-9 and _")));
        }
    }
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    write_database(path, crs, layers).map_err(|error| match error {
        Failure::Sqlite(error) => vector_error(path)(error),
        Failure::Other(error) => error,
    })
}

/// The layer's table, its spatial index and its entry among the extensions.
fn layer_schema(layer: &FeatureLayer) -> String {
    let name = layer.name;
    let columns: String = layer
        .columns
        .iter()
        .map(|(column, kind)| {
            let kind = match kind {
                ColumnType::Integer => "INTEGER NOT NULL",
                ColumnType::Real => "DOUBLE NOT NULL",
                ColumnType::Boolean => "BOOLEAN NOT NULL",
                ColumnType::Text => "TEXT NOT NULL",
                ColumnType::OptionalText => "TEXT",
                ColumnType::OptionalReal => "DOUBLE",
                ColumnType::OptionalBoolean => "BOOLEAN",
                ColumnType::Date => "DATE NOT NULL",
                ColumnType::OptionalDate => "DATE",
            };
            format!(",\n  {column} {kind}")
        })
        .collect();
    let shape = shape_name(layer.shape);
    format!(
        "CREATE TABLE {name} (\n  fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,\n  geom {shape}{columns}\n);\n\
         CREATE VIRTUAL TABLE rtree_{name}_geom USING rtree(id, minx, maxx, miny, maxy);\n\
         INSERT INTO gpkg_extensions VALUES ('{name}', 'geom', 'gpkg_rtree_index', \
         'http://www.geopackage.org/spec120/#extension_rtree', 'write-only');"
    )
}

/// Name of a geometry type in the standard.
const fn shape_name(shape: ShapeType) -> &'static str {
    match shape {
        ShapeType::MultiPolygon => "MULTIPOLYGON",
        ShapeType::Point => "POINT",
    }
}

/// Bounds of a geometry: min x, min y, max x, max y.
fn bounds(geometry: &Geometry<f64>) -> Option<[f64; 4]> {
    let rect = geometry.bounding_rect()?;
    Some([rect.min().x, rect.min().y, rect.max().x, rect.max().y])
}

/// A geometry in GeoPackage binary. All geometries except points have an envelope in the header.
pub fn blob(shape: &Geometry<f64>, epsg: u16) -> geozero::error::Result<Vec<u8>> {
    let is_point = matches!(shape, Geometry::Point(_));
    let envelope = bounds(shape)
        .filter(|_| !is_point)
        .map_or_else(Vec::new, |[min_x, min_y, max_x, max_y]| vec![min_x, max_x, min_y, max_y]);
    shape.to_gpkg_wkb(CoordDimensions::xy(), Some(i32::from(epsg)), envelope)
}

/// An error inside this module, before the path is added.
enum Failure {
    Sqlite(rusqlite::Error),
    Other(Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

fn write_database(path: &Path, crs: &Crs, layers: &[FeatureLayer]) -> std::result::Result<(), Failure> {
    // No URI flag: a path may contain any character.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut database = Connection::open_with_flags(path, flags)?;
    // The file is new and the caller renames it when it is complete, so a rollback journal is not needed.
    database.pragma_update(None, "journal_mode", "OFF")?;
    database.pragma_update(None, "synchronous", "OFF")?;
    database.pragma_update(None, "application_id", APPLICATION_ID)?;
    database.pragma_update(None, "user_version", USER_VERSION)?;
    let transaction = database.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    for layer in layers {
        transaction.execute_batch(&layer_schema(layer))?;
    }
    write_systems(&transaction, crs)?;
    if layers.iter().any(|layer| !layer.choices.is_empty()) {
        transaction.execute_batch(CHOICES)?;
    }
    write_styles(&transaction, layers)?;
    for (number, layer) in (1i64..).zip(layers) {
        write_tables(&transaction, path, crs, number, layer)?;
        transaction.execute_batch(&TRIGGERS.replace("{layer}", layer.name))?;
    }
    list_styles(&transaction, layers)?;
    transaction.commit()?;
    database.close().map_err(|(_, error)| error.into())
}

fn write_systems(database: &Transaction<'_>, crs: &Crs) -> rusqlite::Result<()> {
    let mut insert = database.prepare("INSERT INTO gpkg_spatial_ref_sys VALUES (?1, ?2, 'EPSG', ?2, ?3, NULL)")?;
    insert.execute(params![Crs::WGS84.name(), Crs::WGS84.epsg(), Crs::WGS84.wkt()])?;
    if *crs != Crs::WGS84 {
        insert.execute(params![crs.name(), crs.epsg(), crs.wkt()])?;
    }
    Ok(())
}

/// The styles of all layers that have one. They come before the layers, so that a file that is cut lacks land and is refused.
fn write_styles(database: &Transaction<'_>, layers: &[FeatureLayer]) -> rusqlite::Result<()> {
    if layers.iter().all(|layer| layer.style.is_none()) {
        return Ok(());
    }
    database.execute_batch(STYLES)?;
    for (layer, style) in layers.iter().filter_map(|layer| Some((layer, layer.style.as_ref()?))) {
        database.execute(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, styleQML, \
             styleSLD, useAsDefault, description, owner, update_time) VALUES ('', '', ?1, 'geom', 'minesegsat', ?2, ?5, 1, ?3, '', ?4)",
            params![layer.name, style.qml(), layer.title, time_of(layer), style.sld(layer.name)],
        )?;
    }
    Ok(())
}

/// The entry of the styles among the contents: after those of the layers, of which programs open the first.
fn list_styles(database: &Transaction<'_>, layers: &[FeatureLayer]) -> rusqlite::Result<()> {
    let Some(layer) = layers.iter().find(|layer| layer.style.is_some()) else { return Ok(()) };
    database.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, last_change) \
         VALUES ('layer_styles', 'attributes', 'layer_styles', ?1)",
        params![time_of(layer)],
    )?;
    Ok(())
}

/// Time of the data, so that a second run gives the same file byte for byte.
fn time_of(layer: &FeatureLayer) -> String {
    layer.datetime.unwrap_or(jiff::Timestamp::UNIX_EPOCH).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// The rows of a layer; `number` counts the layers from 1.
fn write_tables(
    database: &Transaction<'_>,
    path: &Path,
    crs: &Crs,
    number: i64,
    layer: &FeatureLayer,
) -> std::result::Result<(), Failure> {
    let epsg = crs.epsg();
    let time = time_of(layer);
    let bounds_of_layer = layer
        .features
        .iter()
        .filter_map(|(geometry, _)| bounds(geometry))
        .reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]);
    let [min_x, min_y, max_x, max_y] = bounds_of_layer.map_or([None; 4], |b| b.map(Some));
    database.execute(
        "INSERT INTO gpkg_contents VALUES (?1, 'features', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![layer.name, layer.title, layer.description, time, min_x, min_y, max_x, max_y, epsg],
    )?;
    database.execute(
        "INSERT INTO gpkg_geometry_columns VALUES (?1, 'geom', ?3, ?2, 0, 0)",
        params![layer.name, epsg, shape_name(layer.shape)],
    )?;
    database.execute(
        "INSERT INTO gpkg_metadata VALUES (?2, 'dataset', 'https://www.iana.org/assignments/media-types/application/json', \
         'application/json', ?1)",
        params![layer.metadata, number],
    )?;
    database.execute(
        "INSERT INTO gpkg_metadata_reference VALUES ('table', ?1, NULL, NULL, ?2, ?3, NULL)",
        params![layer.name, time, number],
    )?;

    for (column, values) in &layer.choices {
        let name = format!("{}_{column}", layer.name);
        database.execute(
            "INSERT INTO gpkg_data_columns VALUES (?1, ?2, NULL, NULL, NULL, NULL, ?3)",
            params![layer.name, column, name],
        )?;
        for value in values {
            database.execute(
                "INSERT INTO gpkg_data_column_constraints VALUES (?1, 'enum', ?2, NULL, NULL, NULL, NULL, ?2)",
                params![name, value],
            )?;
        }
    }
    let places: String = (0..layer.columns.len()).map(|k| format!(", ?{}", k + 3)).collect();
    let mut row = database.prepare(&format!("INSERT INTO {} VALUES (?1, ?2{places})", layer.name))?;
    let mut index = database.prepare(&format!("INSERT INTO rtree_{}_geom VALUES (?1, ?2, ?3, ?4, ?5)", layer.name))?;
    for (fid, (shape, values)) in (1i64..).zip(&layer.features) {
        let bounds = bounds(shape);
        let blob = blob(shape, epsg).map_err(vector_error(path))?;
        let cells = [Cell::Integer(fid), Cell::Blob(blob)].into_iter().chain(values.iter().map(|value| match value {
            Value::Integer(value) => Cell::Integer(*value),
            Value::Real(value) => Cell::Real(*value),
            Value::Boolean(value) => Cell::Integer(i64::from(*value)),
            Value::Text(value) => Cell::Text(value.clone()),
            Value::Date(value) => Cell::Text(value.to_string()),
            Value::Null => Cell::Null,
        }));
        row.execute(rusqlite::params_from_iter(cells))?;
        if let Some([min_x, min_y, max_x, max_y]) = bounds {
            index.execute(params![fid, min_x, max_x, min_y, max_y])?;
        }
    }
    Ok(())
}
