//! The register of sites: their boundaries, permits and observations. It is one GeoPackage that opens in QGIS.
//!
//! [`Register`] is the file. It holds [`Site`]s, their [`Permit`]s and [`Observation`]s. [`Register::summaries`] lists all
//! sites, [`Register::import`] reads sites and permits from other files, and [`Register::export_geojson`] and similar
//! methods export them.
//!
//! ```
//! use geo::{Rect, coord};
//! use minesegsat_watch::register::{Register, Site, SiteStatus};
//!
//! let folder = tempfile::tempdir()?;
//! let register = Register::create(&folder.path().join("sites.gpkg"))?;
//! let boundary = Rect::new(coord! {x: -121.2, y: 55.0}, coord! {x: -121.1, y: 55.1}).to_polygon().into();
//! register.add_site(&Site {
//!     id: "wolverine".parse()?,
//!     name: "Wolverine".to_owned(),
//!     operator: None,
//!     commodity: Some("coal".to_owned()),
//!     status: SiteStatus::Suspended,
//!     boundary,
//! })?;
//! assert_eq!(register.summaries()?[0].name, "Wolverine");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod area_limit;
mod boundary;
mod edit;
mod export;
mod import;
mod listing;
mod observation;
mod observations;
mod permit;
mod permits;
mod rows;
mod schema;
mod site;
mod sites;
mod sql_functions;
mod styles;
mod summary;
pub mod table;
#[cfg(test)]
mod tests;
mod verdict;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use geo::{BoundingRect, Geometry, MultiPolygon};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

pub use self::area_limit::AreaUnit;
pub use self::boundary::{FileBoundary, boundary_of_bbox, boundary_of_file};
pub use self::edit::{SiteEdit, revision};
pub use self::export::{geometry_json, site_properties};
pub use self::import::{
    FailedRow, FieldUse, Fields, ImportOptions, ImportOutcome, ImportReport, ImportedSite, document_hash,
};
pub use self::listing::ObservationKey;
pub(crate) use self::observation::observation_name;
pub use self::observation::{AreaParts, Correction, NewLand, Observation, ObservationFile, SeenChange, ShownChange};
pub use self::permit::Permit;
pub use self::rows::{DamagedRow, Rows};
pub use self::schema::ALERT_TABLES;
use self::schema::{MIGRATIONS, Migration, sql_error};
pub use self::site::{Site, SiteId, SiteStatus};
pub use self::sites::{Removed, StoredSite};
pub use self::summary::{LastSeen, SiteSummary};
pub use self::verdict::Verdict;
use minesegsat_core::output::{FolderLock, OutputFolder};
pub use minesegsat_core::uncertainty::Area;
use minesegsat_core::{Crs, Error, Result};
use minesegsat_vector::vector::gpkg;

/// Maximum wait for another program that writes to the register.
const PATIENCE: Duration = Duration::from_secs(15);

/// An open register of sites.
///
/// Every method that writes uses one transaction. Written data survives a crash of the process and a power cut: the file has
/// a write-ahead log that is synchronised with every transaction.
#[derive(Debug)]
pub struct Register {
    path: PathBuf,
    connection: Connection,
    /// The copy that is read instead of a file that cannot be written.
    copy: Option<RegisterCopy>,
}

/// A copy of a register in a temporary folder.
#[derive(Debug)]
struct RegisterCopy {
    _folder: tempfile::TempDir,
    /// Size and time of change of the file and of its write-ahead log when they were copied.
    origin: [Option<(u64, SystemTime)>; 2],
}

impl RegisterCopy {
    fn origin(path: &Path) -> [Option<(u64, SystemTime)>; 2] {
        [path, &log_of(path)].map(|file| {
            let found = std::fs::metadata(file).ok()?;
            Some((found.len(), found.modified().ok()?))
        })
    }
}

/// Path of the write-ahead log of a register.
fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

impl Register {
    /// Creates a register without sites. Fails with [`Error::OutputExists`] if the file exists.
    pub fn create(path: &Path) -> Result<Self> {
        Self::create_with(path, MIGRATIONS)
    }

    fn create_with(path: &Path, migrations: &[Migration]) -> Result<Self> {
        let (folder, name) = schema::place(path)?;
        let outputs = OutputFolder::create(folder, &[name], false)?;
        let new = outputs.path(name);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut database = Connection::open_with_flags(&new, flags).map_err(sql_error(path))?;
        // The file gets its name only when it is complete, so a journal would protect nothing.
        database.pragma_update(None, "journal_mode", "OFF").map_err(sql_error(path))?;
        schema::make(&mut database, path, migrations)?;
        database.close().map_err(|(_, error)| sql_error(path)(error))?;
        outputs.commit()?;
        Self::open_with(path, migrations)
    }

    /// Opens a register for reading and writing. Older tables are migrated to this program's version, after a backup copy is
    /// written beside the file. Newer tables are an error.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, MIGRATIONS)
    }

    fn open_with(path: &Path, migrations: &[Migration]) -> Result<Self> {
        let sql = sql_error(path);
        let mut register = Self::connect(path)?;
        let database = &mut register.connection;
        // Before any change, so that a register of a newer version stays unchanged.
        schema::checked_version(database, path, schema::newest(migrations))?;
        // QGIS resets this mode when it closes a register.
        database.pragma_update(None, "journal_mode", "WAL").map_err(&sql)?;
        // NORMAL would keep the file intact, but a power cut could lose the last observations, which may already have been
        // reported. There are few transactions, so FULL is affordable.
        database.pragma_update(None, "synchronous", "FULL").map_err(&sql)?;
        database.pragma_update(None, "foreign_keys", true).map_err(&sql)?;
        schema::bring_up_to_date(database, path, migrations)?;
        styles::add(database, path)?;
        Ok(register)
    }

    /// Opens a register, or creates it if it does not exist.
    pub fn open_or_create(path: &Path) -> Result<Self> {
        if path.exists() {
            return Self::open(path);
        }
        match Self::create(path) {
            // Another process created it first.
            Err(Error::OutputExists { .. }) => Self::open(path),
            made => made,
        }
    }

    /// Opens a register for reading. Older tables are migrated first, because this program cannot read them otherwise.
    ///
    /// A file that cannot be written, such as one on a read-only disk or of another user, is copied to a temporary folder if
    /// it has a write-ahead log or older tables, and the copy is read. It shows the register at this moment:
    /// [`Register::is_outdated_copy`].
    pub fn open_read_only(path: &Path) -> Result<Self> {
        let opened = Self::open_in_place(path);
        if opened.is_ok() || !path.is_file() || can_write(path) {
            return opened;
        }
        Self::open_copy(path)
    }

    fn open_copy(path: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let target = folder.path().join("register.gpkg");
        // Before it is copied, so that a change during the copy counts as one.
        let origin = RegisterCopy::origin(path);
        fs_err::copy(path, &target)?;
        let log = log_of(path);
        if log.is_file() {
            fs_err::copy(&log, folder.path().join("register.gpkg-wal"))?;
        }
        make_writable(&target)?;
        // Errors name the file that the user knows.
        let mut register = Self::connect(&target)?;
        path.clone_into(&mut register.path);
        let newest = schema::newest(MIGRATIONS);
        if schema::checked_version(&register.connection, path, newest)? < newest {
            schema::migrate(&mut register.connection, path, newest, MIGRATIONS)?;
        }
        register.connection.pragma_update(None, "query_only", true).map_err(sql_error(path))?;
        register.copy = Some(RegisterCopy { _folder: folder, origin });
        Ok(register)
    }

    fn open_in_place(path: &Path) -> Result<Self> {
        // Not opened with the read-only flag: such a connection cannot remove the files of the write-ahead log.
        let register = Self::connect(path)?;
        let newest = schema::newest(MIGRATIONS);
        if schema::checked_version(&register.connection, path, newest)? < newest {
            return Self::open(path);
        }
        register.connection.pragma_update(None, "query_only", true).map_err(sql_error(path))?;
        Ok(register)
    }

    fn connect(path: &Path) -> Result<Self> {
        if !path.is_file() {
            let reason = if path.exists() {
                "it is not a file"
            } else {
                "there is no such register; `sites add` and `sites import` create one"
            };
            return Err(Error::input(path.display().to_string(), reason.to_owned()));
        }
        // No URI flag: a path may contain any character.
        // SQLite opens a write-protected file for reading in spite of this flag.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(sql_error(path))?;
        connection.busy_timeout(PATIENCE).map_err(sql_error(path))?;
        // GDAL and QGIS may have added a spatial index.
        sql_functions::add(&connection).map_err(sql_error(path))?;
        Ok(Self { path: path.to_owned(), connection, copy: None })
    }

    /// Path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder that paths of [`ObservationFile`]s are relative to.
    pub fn folder(&self) -> &Path {
        self.path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
    }

    /// A number that changes whenever another connection changes the file.
    pub fn data_version(&self) -> Result<i64> {
        self.connection.pragma_query_value(None, "data_version", |row| row.get(0)).map_err(sql_error(&self.path))
    }

    /// Whether it is a copy of a file that has changed since: it must be opened again.
    pub fn is_outdated_copy(&self) -> bool {
        self.copy.as_ref().is_some_and(|copy| copy.origin != RegisterCopy::origin(&self.path))
    }

    /// The database connection, for the tables of other modules.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Locks the register against other monitors while the lock is alive. The lock ends with the process, also if it is
    /// killed. Fails with [`Error::RegisterInUse`] if another monitor holds it.
    pub fn monitor_lock(&self) -> Result<FolderLock> {
        // One file has one lock, whatever path leads to it.
        let path = fs_err::canonicalize(&self.path)?;
        let (folder, name) = schema::place(&path)?;
        FolderLock::acquire_file(folder.join(format!(".{name}.monitor.lock")), &self.path)?
            .map_err(|owner| Error::RegisterInUse { path: self.path.clone(), owner })
    }

    /// Checks the whole file for damage: broken pages, orphaned rows, permits that overlap in time, geometries and lists that
    /// cannot be read.
    pub fn integrity_check(&self) -> Result<()> {
        let sql = sql_error(&self.path);
        let mut problems: Vec<String> = Vec::new();
        let mut statement = self.connection.prepare("PRAGMA integrity_check(20)").map_err(&sql)?;
        let found = statement.query_map([], |row| row.get::<_, String>(0)).map_err(&sql)?;
        for problem in found {
            problems.push(problem.map_err(&sql)?);
        }
        problems.retain(|problem| problem != "ok");
        if problems.is_empty() {
            let orphans = "SELECT \"table\" || ' ' || ifnull(rowid, '') || ' belongs to no ' || parent FROM pragma_foreign_key_check";
            let overlaps = "SELECT 'permits `' || a.number || '` and `' || b.number || '` of site `' || a.site || '` overlap in time' \
                 FROM permits a JOIN permits b ON a.site = b.site AND a.fid < b.fid \
                 AND a.valid_from <= ifnull(b.valid_to, '9999-12-31') AND b.valid_from <= ifnull(a.valid_to, '9999-12-31')";
            for query in [orphans, overlaps] {
                let mut statement = self.connection.prepare(query).map_err(&sql)?;
                let found = statement.query_map([], |row| row.get::<_, String>(0)).map_err(&sql)?;
                for problem in found {
                    problems.push(problem.map_err(&sql)?);
                }
            }
        }
        if problems.is_empty() {
            problems.extend(self.damaged()?.iter().map(ToString::to_string));
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(Error::input(self.path.display().to_string(), problems.join("; ")))
    }

    /// Begins a write transaction. Other writers wait from now on, not only from the first write.
    fn begin(&self) -> Result<Transaction<'_>> {
        Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate).map_err(sql_error(&self.path))
    }

    /// Runs `f` in one transaction, which is rolled back if `f` fails.
    pub(crate) fn in_transaction<T>(&self, f: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let transaction = self.begin()?;
        let made = f(&transaction)?;
        transaction.commit().map_err(sql_error(&self.path))?;
        Ok(made)
    }

    /// Runs `f` and takes back all that it changed, also inside a transaction.
    pub(crate) fn taken_back<T>(&self, f: impl FnOnce() -> Result<T>) -> Result<T> {
        if self.connection.is_autocommit() {
            // Rolled back when it is dropped.
            let _transaction = self.begin()?;
            return f();
        }
        let sql = sql_error(&self.path);
        self.connection.execute_batch("SAVEPOINT taken_back").map_err(&sql)?;
        let made = f();
        self.connection.execute_batch("ROLLBACK TO taken_back; RELEASE taken_back").map_err(&sql)?;
        made
    }

    /// Updates the change time and the extent of a layer in `gpkg_contents`. The extent only grows.
    fn touch(&self, table: &str, geometry: Option<&MultiPolygon<f64>>) -> Result<()> {
        let [west, south, east, north] = match geometry.and_then(BoundingRect::bounding_rect) {
            Some(rect) => [rect.min().x, rect.min().y, rect.max().x, rect.max().y].map(Some),
            None => [None; 4],
        };
        // In SQLite, `min` and `max` with NULL are NULL, hence the `ifnull`s.
        self.connection
            .prepare_cached(
                "UPDATE gpkg_contents SET last_change = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), \
                 min_x = min(ifnull(min_x, ?2), ifnull(?2, min_x)), min_y = min(ifnull(min_y, ?3), ifnull(?3, min_y)), \
                 max_x = max(ifnull(max_x, ?4), ifnull(?4, max_x)), max_y = max(ifnull(max_y, ?5), ifnull(?5, max_y)) \
                 WHERE table_name = ?1",
            )
            .and_then(|mut statement| statement.execute(rusqlite::params![table, west, south, east, north]))
            .map_err(sql_error(&self.path))?;
        Ok(())
    }

    /// A geometry in GeoPackage binary format.
    fn blob(&self, geometry: &MultiPolygon<f64>) -> Result<Vec<u8>> {
        gpkg::blob(&Geometry::MultiPolygon(geometry.clone()), Crs::WGS84.epsg())
            .map_err(|error| Error::vector(&self.path, "").caused_by(error))
    }
}

/// Whether a file can be written, and others beside it.
fn can_write(path: &Path) -> bool {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    std::fs::OpenOptions::new().write(true).open(path).is_ok() && tempfile::tempfile_in(folder).is_ok()
}

/// Lets the owner write a copy of a file that was read-only.
fn make_writable(path: &Path) -> Result<()> {
    let mut permissions = fs_err::metadata(path)?.permissions();
    #[cfg(unix)]
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
    #[cfg(not(unix))]
    permissions.set_readonly(false);
    Ok(fs_err::set_permissions(path, permissions)?)
}
