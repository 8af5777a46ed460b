//! GeoPackage 1.3 (OGC 12-128r17): an SQLite database with one layer, its spatial index and its metadata.

use std::path::Path;

use geozero::{CoordDimensions, ToWkb};
use rusqlite::{Connection, OpenFlags, Transaction, params};

use super::{LAYER, MinePolygon, PolygonMetadata, TITLE, bounds, bounds_of_all, geometry, vector_error};
use crate::{Crs, Error, Result};

/// "GPKG" in ASCII.
const APPLICATION_ID: u32 = 0x4750_4B47;
/// Version 1.3.0.
const USER_VERSION: u32 = 10300;

/// Tables of the standard, the layer and its spatial index.
const SCHEMA: &str = r"
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
CREATE TABLE mining (
  fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
  geom MULTIPOLYGON,
  id INTEGER NOT NULL,
  area_ha DOUBLE NOT NULL,
  perimeter_m DOUBLE NOT NULL,
  mean_probability DOUBLE NOT NULL,
  max_probability DOUBLE NOT NULL,
  touches_edge BOOLEAN NOT NULL,
  touches_nodata BOOLEAN NOT NULL
);
CREATE VIRTUAL TABLE rtree_mining_geom USING rtree(id, minx, maxx, miny, maxy);
INSERT INTO gpkg_extensions VALUES
  ('mining', 'geom', 'gpkg_rtree_index', 'http://www.geopackage.org/spec120/#extension_rtree', 'write-only'),
  ('gpkg_metadata', NULL, 'gpkg_metadata', 'http://www.geopackage.org/spec120/#extension_metadata', 'read-write'),
  ('gpkg_metadata_reference', NULL, 'gpkg_metadata', 'http://www.geopackage.org/spec120/#extension_metadata', 'read-write');
INSERT INTO gpkg_spatial_ref_sys VALUES
  ('Undefined Cartesian SRS', -1, 'NONE', -1, 'undefined', 'undefined Cartesian coordinate reference system'),
  ('Undefined geographic SRS', 0, 'NONE', 0, 'undefined', 'undefined geographic coordinate reference system');
";

/// Triggers of the spatial index (annex F.3 of the standard), which call functions that programs which edit GeoPackages
/// bring along. Made after the rows: the index is filled here.
const TRIGGERS: &str = r"
CREATE TRIGGER rtree_mining_geom_insert AFTER INSERT ON mining
  WHEN (NEW.geom NOT NULL AND NOT ST_IsEmpty(NEW.geom))
BEGIN
  INSERT OR REPLACE INTO rtree_mining_geom VALUES
    (NEW.fid, ST_MinX(NEW.geom), ST_MaxX(NEW.geom), ST_MinY(NEW.geom), ST_MaxY(NEW.geom));
END;
CREATE TRIGGER rtree_mining_geom_update1 AFTER UPDATE OF geom ON mining
  WHEN OLD.fid = NEW.fid AND (NEW.geom NOTNULL AND NOT ST_IsEmpty(NEW.geom))
BEGIN
  INSERT OR REPLACE INTO rtree_mining_geom VALUES
    (NEW.fid, ST_MinX(NEW.geom), ST_MaxX(NEW.geom), ST_MinY(NEW.geom), ST_MaxY(NEW.geom));
END;
CREATE TRIGGER rtree_mining_geom_update2 AFTER UPDATE OF geom ON mining
  WHEN OLD.fid = NEW.fid AND (NEW.geom ISNULL OR ST_IsEmpty(NEW.geom))
BEGIN
  DELETE FROM rtree_mining_geom WHERE id = OLD.fid;
END;
CREATE TRIGGER rtree_mining_geom_update3 AFTER UPDATE ON mining
  WHEN OLD.fid != NEW.fid AND (NEW.geom NOTNULL AND NOT ST_IsEmpty(NEW.geom))
BEGIN
  DELETE FROM rtree_mining_geom WHERE id = OLD.fid;
  INSERT OR REPLACE INTO rtree_mining_geom VALUES
    (NEW.fid, ST_MinX(NEW.geom), ST_MaxX(NEW.geom), ST_MinY(NEW.geom), ST_MaxY(NEW.geom));
END;
CREATE TRIGGER rtree_mining_geom_update4 AFTER UPDATE ON mining
  WHEN OLD.fid != NEW.fid AND (NEW.geom ISNULL OR ST_IsEmpty(NEW.geom))
BEGIN
  DELETE FROM rtree_mining_geom WHERE id IN (OLD.fid, NEW.fid);
END;
CREATE TRIGGER rtree_mining_geom_delete AFTER DELETE ON mining
  WHEN OLD.geom NOT NULL
BEGIN
  DELETE FROM rtree_mining_geom WHERE id = OLD.fid;
END;
";

pub(super) fn write(path: &Path, crs: &Crs, polygons: &[MinePolygon], metadata: &PolygonMetadata) -> Result<()> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    write_database(path, crs, polygons, metadata).map_err(|error| match error {
        Failure::Sqlite(error) => vector_error(path)(error),
        Failure::Other(error) => error,
    })
}

/// What can go wrong inside, before the path is known.
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

fn write_database(
    path: &Path,
    crs: &Crs,
    polygons: &[MinePolygon],
    metadata: &PolygonMetadata,
) -> std::result::Result<(), Failure> {
    // No URI flag: a path may contain any character.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut database = Connection::open_with_flags(path, flags)?;
    // The file is new and the caller renames it when it is whole, so a rollback journal guards nothing.
    database.pragma_update(None, "journal_mode", "OFF")?;
    database.pragma_update(None, "synchronous", "OFF")?;
    database.pragma_update(None, "application_id", APPLICATION_ID)?;
    database.pragma_update(None, "user_version", USER_VERSION)?;
    let transaction = database.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    write_tables(&transaction, path, crs, polygons, metadata)?;
    transaction.execute_batch(TRIGGERS)?;
    transaction.commit()?;
    database.close().map_err(|(_, error)| error.into())
}

fn write_tables(
    database: &Transaction<'_>,
    path: &Path,
    crs: &Crs,
    polygons: &[MinePolygon],
    metadata: &PolygonMetadata,
) -> std::result::Result<(), Failure> {
    let epsg = crs.epsg();
    let mut insert = database.prepare("INSERT INTO gpkg_spatial_ref_sys VALUES (?1, ?2, 'EPSG', ?2, ?3, NULL)")?;
    insert.execute(params![Crs::WGS84.name(), Crs::WGS84.epsg(), Crs::WGS84.wkt()])?;
    if *crs != Crs::WGS84 {
        insert.execute(params![crs.name(), epsg, crs.wkt()])?;
    }

    // The scene's own time keeps the file the same, byte for byte, when it is made again.
    let time = metadata.datetime.unwrap_or(jiff::Timestamp::UNIX_EPOCH).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    let bounds_of_layer = bounds_of_all(polygons.iter().map(|polygon| &polygon.geometry));
    let [min_x, min_y, max_x, max_y] = bounds_of_layer.map_or([None; 4], |b| b.map(Some));
    database.execute(
        "INSERT INTO gpkg_contents VALUES (?1, 'features', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![LAYER, TITLE, metadata.description(), time, min_x, min_y, max_x, max_y, epsg],
    )?;
    database.execute(
        "INSERT INTO gpkg_geometry_columns VALUES (?1, 'geom', 'MULTIPOLYGON', ?2, 0, 0)",
        params![LAYER, epsg],
    )?;
    database.execute(
        "INSERT INTO gpkg_metadata VALUES (1, 'dataset', 'https://www.iana.org/assignments/media-types/application/json', \
         'application/json', ?1)",
        params![metadata.json()?],
    )?;
    database.execute(
        "INSERT INTO gpkg_metadata_reference VALUES ('table', ?1, NULL, NULL, ?2, 1, NULL)",
        params![LAYER, time],
    )?;

    let mut row = database.prepare("INSERT INTO mining VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?;
    let mut index = database.prepare("INSERT INTO rtree_mining_geom VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for (fid, polygon) in (1i64..).zip(polygons) {
        let bounds = bounds(&polygon.geometry);
        let envelope = bounds.map_or_else(Vec::new, |[min_x, min_y, max_x, max_y]| vec![min_x, max_x, min_y, max_y]);
        let blob = geometry(&polygon.geometry)
            .to_gpkg_wkb(CoordDimensions::xy(), Some(i32::from(epsg)), envelope)
            .map_err(vector_error(path))?;
        row.execute(params![
            fid,
            blob,
            polygon.id as i64,
            polygon.area_ha,
            polygon.perimeter_m,
            polygon.mean_probability,
            polygon.max_probability,
            polygon.touches_edge,
            polygon.touches_nodata,
        ])?;
        if let Some([min_x, min_y, max_x, max_y]) = bounds {
            index.execute(params![fid, min_x, max_x, min_y, max_y])?;
        }
    }
    Ok(())
}
