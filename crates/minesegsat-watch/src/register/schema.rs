//! The tables of a register, and migrations from older versions.

use std::path::{Path, PathBuf};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use minesegsat_core::output::OutputFolder;
use minesegsat_core::{Crs, Error, Result};
use minesegsat_vector::vector::gpkg;

/// Migration from one version of the tables to the next.
pub(super) struct Migration {
    /// The version after the migration.
    pub(super) version: u32,
    /// Its SQL.
    pub(super) sql: fn() -> String,
}

/// All migrations, in order. A released migration is never changed, because registers of that version exist.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, sql: version_1 },
    Migration { version: 2, sql: version_2 },
    Migration { version: 3, sql: version_3 },
    Migration { version: 4, sql: version_4 },
    Migration { version: 5, sql: version_5 },
];

/// Tables of a GeoPackage and of the register, and a view that joins each site with its latest observation, for maps coloured
/// by verdict.
///
/// - Geometries are the last column: SQLite reads a row from the front, and boundaries are long.
/// - There is no spatial index. Its triggers would call functions that only GIS programs have, and a scan of some thousand
///   boundaries takes milliseconds.
/// - The version has its own table, because GeoPackages use `user_version` for their own version.
/// - Rules that SQL can express are constraints too, for people who edit the file in QGIS.
fn version_1() -> String {
    let wgs84 = Crs::WGS84;
    let system = format!(
        "INSERT INTO gpkg_spatial_ref_sys VALUES ('{}', 4326, 'EPSG', 4326, '{}', NULL);",
        wgs84.name(),
        wgs84.wkt().replace('\'', "''")
    );
    [gpkg::SCHEMA, gpkg::CHOICES, &system, TABLES, ALERT_TABLES, MONITOR_TABLE].join("\n")
}

/// What an observation was made from: the boundary and the permit version. The share of the site beyond the map.
fn version_2() -> String {
    "ALTER TABLE observations ADD COLUMN share_beyond_map DOUBLE;
     ALTER TABLE observations ADD COLUMN boundary_sha256 TEXT;
     ALTER TABLE observations ADD COLUMN permit_sha256 TEXT;
     -- The boundary that the scene showed too little of.
     ALTER TABLE monitor_scenes ADD COLUMN boundary_sha256 TEXT;"
        .to_owned()
}

/// What several dates say: whether a verdict is provisional, and new land since the first observation.
fn version_3() -> String {
    "ALTER TABLE observations ADD COLUMN is_provisional BOOLEAN;
     ALTER TABLE observations ADD COLUMN new_since DATE;
     ALTER TABLE observations ADD COLUMN new_confirmed_ha DOUBLE;
     ALTER TABLE observations ADD COLUMN new_provisional_ha DOUBLE;"
        .to_owned()
}

/// What an area is made of, where it lies, and change as it was seen. Verdicts that were replaced.
fn version_4() -> String {
    let columns = [
        "mapped_ha",
        "estimated_ha",
        "estimated_lower_ha",
        "estimated_upper_ha",
        "assumed_ha",
        "inside_permit_ha",
        "outside_site_ha",
        "gain_seen_ha",
        "loss_seen_ha",
        "noise_floor_ha",
    ];
    let columns = columns.map(|column| format!("ALTER TABLE observations ADD COLUMN {column} DOUBLE;"));
    [columns.join("\n").as_str(), "ALTER TABLE observations ADD COLUMN details TEXT;", HISTORY_TABLE].join("\n")
}

/// Who made the change that replaced a verdict. How far a date can be trusted: where its map and all dates together disagree. What
/// other sites also cover.
fn version_5() -> String {
    "ALTER TABLE verdict_history ADD COLUMN editor TEXT;
     ALTER TABLE observations ADD COLUMN share_disagreeing DOUBLE;
     ALTER TABLE observations ADD COLUMN share_in_other_sites DOUBLE;"
        .to_owned()
}

/// SQL of the table of verdicts that were replaced. Times are in the format of the GeoPackage standard.
const HISTORY_TABLE: &str = "
CREATE TABLE verdict_history (
    fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    observation INTEGER NOT NULL REFERENCES observations (fid) ON DELETE CASCADE,
    replaced DATETIME NOT NULL,
    reason TEXT NOT NULL,
    verdict TEXT NOT NULL,
    is_provisional BOOLEAN,
    statement TEXT NOT NULL,
    permit TEXT,
    limit_ha DOUBLE,
    outside_permit_ha DOUBLE,
    -- Whether alerts have told it.
    told BOOLEAN NOT NULL DEFAULT 0
);
CREATE INDEX verdict_history_observation ON verdict_history (observation);
INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id) VALUES
  ('verdict_history', 'attributes', 'Replaced verdicts', 'What was said before permits were corrected', NULL);
";

/// SQL of the alert tables, for migrations. Times are seconds since 1970 in UTC.
///
/// Neither table refers to the table of sites, so sent alerts stay on record when a site is removed.
pub const ALERT_TABLES: &str = "
CREATE TABLE alert_findings (
    -- Made from the key: the same in every register.
    id TEXT NOT NULL PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    site TEXT NOT NULL,
    kind TEXT NOT NULL,
    date TEXT NOT NULL,
    -- The finding as JSON.
    finding TEXT NOT NULL,
    recorded_s INTEGER NOT NULL
);
CREATE TABLE alert_deliveries (
    alert TEXT NOT NULL REFERENCES alert_findings (id) ON DELETE CASCADE,
    -- Name in the configuration.
    channel TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    -- Refusals since the last attempt that was none.
    refusals INTEGER NOT NULL DEFAULT 0,
    next_attempt_s INTEGER NOT NULL,
    last_error TEXT,
    delivered_s INTEGER,
    dead_since_s INTEGER,
    PRIMARY KEY (alert, channel)
);
CREATE INDEX alert_deliveries_pending ON alert_deliveries (channel, attempts)
    WHERE delivered_s IS NULL AND dead_since_s IS NULL;
";

/// SQL of the monitor's table, for migrations: scenes that showed too little of a site. They are stored with the observation
/// that was made instead, so that a repeated run skips them.
const MONITOR_TABLE: &str = "
CREATE TABLE monitor_scenes (
    site TEXT NOT NULL REFERENCES sites (id) ON DELETE CASCADE ON UPDATE CASCADE,
    scene TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    -- Part of the site that could be seen, 0 to 1.
    share_assessed REAL NOT NULL,
    PRIMARY KEY (site, scene, model_sha256)
) WITHOUT ROWID;
";

const TABLES: &str = r"
CREATE TABLE sites (
  fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
  id TEXT NOT NULL UNIQUE CHECK (length(id) <= 64 AND id GLOB '[a-z0-9]*' AND id NOT GLOB '*[^a-z0-9._-]*'),
  name TEXT NOT NULL,
  operator TEXT,
  commodity TEXT,
  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'planned', 'suspended', 'closed', 'reclaimed')),
  geom MULTIPOLYGON NOT NULL
);
CREATE TABLE permits (
  fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
  site TEXT NOT NULL REFERENCES sites(id) ON UPDATE CASCADE,
  number TEXT NOT NULL,
  valid_from DATE NOT NULL,
  valid_to DATE,
  limit_ha DOUBLE CHECK (limit_ha >= 0),
  document TEXT,
  document_sha256 TEXT,
  geom MULTIPOLYGON,
  CHECK (valid_to IS NULL OR valid_to >= valid_from)
);
CREATE INDEX permits_site_from ON permits(site, valid_from);
CREATE TRIGGER permits_overlap_insert BEFORE INSERT ON permits
  WHEN EXISTS (SELECT 1 FROM permits WHERE site = NEW.site
    AND valid_from <= ifnull(NEW.valid_to, '9999-12-31') AND NEW.valid_from <= ifnull(valid_to, '9999-12-31'))
BEGIN
  SELECT RAISE(ABORT, 'permits of one site overlap in time');
END;
CREATE TRIGGER permits_overlap_update BEFORE UPDATE OF site, valid_from, valid_to ON permits
  WHEN EXISTS (SELECT 1 FROM permits WHERE site = NEW.site AND fid != OLD.fid
    AND valid_from <= ifnull(NEW.valid_to, '9999-12-31') AND NEW.valid_from <= ifnull(valid_to, '9999-12-31'))
BEGIN
  SELECT RAISE(ABORT, 'permits of one site overlap in time');
END;
CREATE TABLE observations (
  fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
  site TEXT NOT NULL REFERENCES sites(id) ON UPDATE CASCADE,
  date DATE NOT NULL,
  verdict TEXT NOT NULL
    CHECK (verdict IN ('within', 'possible-exceedance', 'exceeded', 'not-assessable', 'no-limit')),
  statement TEXT NOT NULL,
  share_assessed DOUBLE NOT NULL CHECK (share_assessed BETWEEN 0 AND 1),
  area_ha DOUBLE,
  area_lower_ha DOUBLE,
  area_upper_ha DOUBLE,
  confidence_level_percent DOUBLE NOT NULL,
  compared_with DATE,
  gain_ha DOUBLE,
  loss_ha DOUBLE,
  outside_permit_ha DOUBLE,
  permit TEXT,
  limit_ha DOUBLE,
  scenes TEXT NOT NULL,
  model_sha256 TEXT NOT NULL,
  warnings TEXT NOT NULL,
  created DATETIME NOT NULL,
  UNIQUE (site, scenes, model_sha256)
);
CREATE INDEX observations_site_date ON observations(site, date);
CREATE TABLE observation_files (
  observation INTEGER NOT NULL REFERENCES observations(fid) ON DELETE CASCADE,
  path TEXT NOT NULL,
  size INTEGER NOT NULL,
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
  PRIMARY KEY (observation, path)
) WITHOUT ROWID;
CREATE VIEW sites_latest AS
  SELECT s.fid AS OGC_FID, s.id, s.name, s.operator, s.commodity, s.status, o.date, o.verdict, o.statement,
    o.share_assessed, o.area_ha, o.area_lower_ha, o.area_upper_ha, o.limit_ha, o.outside_permit_ha, s.geom
  FROM sites s LEFT JOIN observations o ON o.fid = (
    SELECT l.fid FROM observations l WHERE l.site = s.id ORDER BY l.date DESC, l.created DESC, l.fid DESC LIMIT 1);
INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id) VALUES
  ('sites', 'features', 'Sites', 'Mines that are watched', 4326),
  ('permits', 'features', 'Permits', 'How much land may be disturbed where, from when to when', 4326),
  ('observations', 'attributes', 'Observations', 'What was seen at sites', NULL),
  ('sites_latest', 'features', 'Sites, as last seen', 'Each site with its last observation', 4326);
INSERT INTO gpkg_geometry_columns VALUES
  ('sites', 'geom', 'MULTIPOLYGON', 4326, 0, 0),
  ('permits', 'geom', 'MULTIPOLYGON', 4326, 0, 0),
  ('sites_latest', 'geom', 'MULTIPOLYGON', 4326, 0, 0);
INSERT INTO gpkg_data_columns (table_name, column_name, constraint_name) VALUES
  ('sites', 'status', 'site_status'),
  ('observations', 'verdict', 'verdict');
INSERT INTO gpkg_data_column_constraints (constraint_name, constraint_type, value, description) VALUES
  ('site_status', 'enum', 'active', 'It is mined'),
  ('site_status', 'enum', 'planned', 'It is planned or permitted, and not begun'),
  ('site_status', 'enum', 'suspended', 'Work rests and may go on'),
  ('site_status', 'enum', 'closed', 'It is shut'),
  ('site_status', 'enum', 'reclaimed', 'It is shut and being restored'),
  ('verdict', 'enum', 'within', 'The whole interval of the area lies below the limit'),
  ('verdict', 'enum', 'possible-exceedance', 'The limit lies in the interval of the area'),
  ('verdict', 'enum', 'exceeded', 'The whole interval of the area lies above the limit'),
  ('verdict', 'enum', 'not-assessable', 'Too little of the site could be seen'),
  ('verdict', 'enum', 'no-limit', 'No permit with a limit is known for that day');
";

/// Maps an SQLite error to an error that names the register, for `map_err`.
pub(super) fn sql_error(path: &Path) -> impl Fn(rusqlite::Error) -> Error + '_ {
    move |error| {
        let reason = match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => "it is not a GeoPackage",
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
                "another program is writing to it and did not finish in time; if it is being edited in QGIS, save or \
                 end the edits there"
            }
            _ => "",
        };
        Error::database(path, reason, error)
    }
}

fn refused(path: &Path, reason: String) -> Error {
    Error::input(path.display().to_string(), reason)
}

/// Creates the tables in a new file.
pub(super) fn make(database: &mut Connection, path: &Path, migrations: &[Migration]) -> Result<()> {
    let sql = sql_error(path);
    database.pragma_update(None, "application_id", gpkg::APPLICATION_ID).map_err(&sql)?;
    database.pragma_update(None, "user_version", gpkg::USER_VERSION).map_err(&sql)?;
    let transaction = database.transaction().map_err(&sql)?;
    transaction
        .execute_batch("CREATE TABLE minesegsat_register (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL)")
        .map_err(&sql)?;
    run(&transaction, path, 0, migrations)?;
    transaction.commit().map_err(&sql)
}

/// Migrates the tables of a register to the newest version, after writing a backup copy beside it.
pub(super) fn bring_up_to_date(database: &mut Connection, path: &Path, migrations: &[Migration]) -> Result<()> {
    let sql = sql_error(path);
    let newest = newest(migrations);
    let found = checked_version(database, path, newest)?;
    if found == newest {
        return Ok(());
    }
    let copy = back_up(database, path, found)?;
    // Off, so that a migration that recreates a table does not delete rows of others. A pragma has no effect in a transaction.
    database.pragma_update(None, "foreign_keys", false).map_err(&sql)?;
    let done = migrate(database, path, newest, migrations);
    database.pragma_update(None, "foreign_keys", true).map_err(&sql)?;
    done?;
    tracing::warn!(
        "brought {} from version {found} to version {newest}; it is kept as it was in {}",
        path.display(),
        copy.display()
    );
    Ok(())
}

/// Migrates the tables in one transaction.
pub(super) fn migrate(database: &mut Connection, path: &Path, newest: u32, migrations: &[Migration]) -> Result<()> {
    let sql = sql_error(path);
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&sql)?;
    // Another process may have migrated it in the meantime.
    let found = checked_version(&transaction, path, newest)?;
    // Another program may have left rows that belong to nothing. They are named when they are read.
    let count_broken = || -> Result<i64> {
        let query = "SELECT count(*) FROM pragma_foreign_key_check";
        transaction.query_row(query, [], |row| row.get(0)).map_err(&sql)
    };
    let before = count_broken()?;
    run(&transaction, path, found, migrations)?;
    let broken = count_broken()? - before;
    if broken > 0 {
        return Err(refused(path, format!("{broken} of its rows would lose what they belong to; nothing was changed")));
    }
    transaction.commit().map_err(&sql)
}

/// The version after all migrations.
pub(super) fn newest(migrations: &[Migration]) -> u32 {
    migrations.last().map_or(0, |migration| migration.version)
}

/// Runs all migrations after a version, and stores the new version.
fn run(transaction: &Transaction<'_>, path: &Path, after: u32, migrations: &[Migration]) -> Result<()> {
    let sql = sql_error(path);
    for migration in migrations.iter().filter(|migration| migration.version > after) {
        transaction.execute_batch(&(migration.sql)()).map_err(|error| {
            let reason = format!("the step to version {} failed, and nothing was changed", migration.version);
            Error::database(path, reason, error)
        })?;
        transaction
            .execute(
                "INSERT INTO minesegsat_register VALUES ('version', ?1) \
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                [migration.version.to_string()],
            )
            .map_err(&sql)?;
    }
    Ok(())
}

/// Version of a register's tables. Fails if it can be neither read nor migrated.
pub(super) fn checked_version(database: &Connection, path: &Path, newest: u32) -> Result<u32> {
    let sql = sql_error(path);
    let has_table: bool = database
        .query_row("SELECT count(*) FROM sqlite_master WHERE name = 'minesegsat_register'", [], |row| row.get(0))
        .map_err(&sql)?;
    if !has_table {
        return Err(refused(
            path,
            "it is not a register of sites; to import polygons from another file into a register, use `sites import`"
                .to_owned(),
        ));
    }
    let text: Option<String> = database
        .query_row("SELECT value FROM minesegsat_register WHERE key = 'version'", [], |row| row.get(0))
        .optional()
        .map_err(&sql)?;
    let found = text.as_deref().and_then(|text| text.parse::<u32>().ok());
    let Some(found) = found else {
        return Err(refused(path, format!("its version `{}` is invalid", text.unwrap_or_default())));
    };
    if found > newest {
        return Err(refused(
            path,
            format!(
                "its tables have version {found}, and this program knows them up to version {newest}; use the newer program \
                 that wrote it"
            ),
        ));
    }
    Ok(found)
}

/// Writes a backup beside a register: `sites.v1.backup.gpkg`, or with a number if that name is taken.
fn back_up(database: &Connection, path: &Path, version: u32) -> Result<PathBuf> {
    let (folder, name) = place(path)?;
    let stem = name.strip_suffix(".gpkg").unwrap_or(name);
    let names = std::iter::once(format!("{stem}.v{version}.backup.gpkg"))
        .chain((2..).map(|number| format!("{stem}.v{version}.backup-{number}.gpkg")));
    for name in names {
        match OutputFolder::create(folder, &[&name], false) {
            Ok(outputs) => {
                copy(database, path, &outputs.path(&name))?;
                let target = outputs.final_path(&name);
                outputs.commit()?;
                return Ok(target);
            }
            Err(Error::OutputExists { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    unreachable!("there are more numbers than files")
}

/// Writes a consistent copy of a database to a new file, also while others write to it.
pub(super) fn copy(database: &Connection, path: &Path, target: &Path) -> Result<()> {
    // A path need not be UTF-8.
    let name = ToSqlOutput::Borrowed(ValueRef::Text(target.as_os_str().as_encoded_bytes()));
    // SQLite counts `VACUUM INTO` as a write, which `query_only` forbids.
    let read_only: bool = database.pragma_query_value(None, "query_only", |row| row.get(0)).map_err(sql_error(path))?;
    database.pragma_update(None, "query_only", false).map_err(sql_error(path))?;
    let copied = database.execute("VACUUM INTO ?1", [name]).map_err(sql_error(path));
    database.pragma_update(None, "query_only", read_only).map_err(sql_error(path))?;
    copied.map(drop)
}

/// Folder and name of a file.
pub(super) fn place(path: &Path) -> Result<(&Path, &str)> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| refused(path, "it is not a file name".to_owned()))?;
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    Ok((folder, name))
}
