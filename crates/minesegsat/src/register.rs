//! The register of sites: who may disturb how much land where, and what was seen there. One GeoPackage that opens in QGIS.
//!
//! [`Register`] is the file. It holds [`Site`]s, their [`Permit`]s and [`Observation`]s; [`Register::summaries`] is the list
//! of them all, [`Register::import`] takes sites and permits from other files, and [`Register::export_geojson`] and its like
//! write them out again.
//!
//! ```
//! use geo::{Rect, coord};
//! use minesegsat::register::{Register, Site, SiteStatus};
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
mod export;
mod import;
mod listing;
mod observation;
mod observations;
mod permit;
mod permits;
mod schema;
mod site;
mod sites;
mod summary;
#[cfg(test)]
mod tests;
mod verdict;

use std::path::{Path, PathBuf};
use std::time::Duration;

use geo::{BoundingRect, Geometry, MultiPolygon};
use geozero::ToGeo;
use geozero::wkb::GpkgWkb;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

pub use self::area_limit::AreaUnit;
pub use self::boundary::{boundary_of_bbox, boundary_of_file};
pub use self::export::geometry_json;
pub use self::import::{FailedRow, FieldUse, Fields, ImportOptions, ImportReport, ImportedSite, Made, document_hash};
pub use self::listing::ObservationKey;
pub(crate) use self::observation::observation_name;
pub use self::observation::{Area, Observation, ObservationFile};
pub use self::permit::Permit;
use self::schema::{MIGRATIONS, Migration, sql_error};
pub use self::site::{Site, SiteId, SiteStatus};
pub use self::sites::Removed;
pub use self::summary::{LastSeen, SiteSummary};
pub use self::verdict::Verdict;
use crate::output::{FolderLock, OutputFolder};
use crate::vector::gpkg;
use crate::{Crs, Error, Result};

/// How long another program that writes to the register is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// A register of sites, open.
///
/// Every method that writes does so in one transaction. What is written outlives the end of the process and a power cut: the
/// file has a write-ahead log, which is synchronised with every transaction.
#[derive(Debug)]
pub struct Register {
    path: PathBuf,
    connection: Connection,
}

impl Register {
    /// Makes a new one, without sites. Fails with [`Error::OutputExists`] where there is a file.
    pub fn create(path: &Path) -> Result<Self> {
        Self::create_with(path, MIGRATIONS)
    }

    fn create_with(path: &Path, migrations: &[Migration]) -> Result<Self> {
        let (folder, name) = schema::place(path)?;
        let outputs = OutputFolder::create(folder, &[name], false)?;
        let new = outputs.path(name);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut database = Connection::open_with_flags(&new, flags).map_err(sql_error(path))?;
        // The file gets its name when it is whole: until then a journal guards nothing.
        database.pragma_update(None, "journal_mode", "OFF").map_err(sql_error(path))?;
        schema::make(&mut database, path, migrations)?;
        database.close().map_err(|(_, error)| sql_error(path)(error))?;
        outputs.commit()?;
        Self::open_with(path, migrations)
    }

    /// Opens one to read and write. One with an older version of the tables is brought to this program's, after a copy was
    /// put beside it; one with a newer version is refused.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, MIGRATIONS)
    }

    fn open_with(path: &Path, migrations: &[Migration]) -> Result<Self> {
        let sql = sql_error(path);
        let mut register = Self::connect(path)?;
        let database = &mut register.connection;
        // Before anything is changed: one of a newer version is left as it is.
        schema::checked_version(database, path, schema::newest(migrations))?;
        // QGIS takes registers out of this mode when it closes them.
        database.pragma_update(None, "journal_mode", "WAL").map_err(&sql)?;
        // NORMAL would do for a file that is never broken, but a power cut might take the last observations, of which
        // somebody may have been told. There are few transactions.
        database.pragma_update(None, "synchronous", "FULL").map_err(&sql)?;
        database.pragma_update(None, "foreign_keys", true).map_err(&sql)?;
        schema::bring_up_to_date(database, path, migrations)?;
        Ok(register)
    }

    /// Opens one, or makes it where there is none.
    pub fn open_or_create(path: &Path) -> Result<Self> {
        if path.exists() {
            return Self::open(path);
        }
        match Self::create(path) {
            // Another process was quicker.
            Err(Error::OutputExists { .. }) => Self::open(path),
            made => made,
        }
    }

    /// Opens one to read. One with an older version of the tables is brought up to date first, which is the only way to
    /// read it.
    pub fn open_read_only(path: &Path) -> Result<Self> {
        // Not opened for reading only: such a connection leaves the files of the write-ahead log behind, as it may not
        // remove them.
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
                "it is no file"
            } else {
                "there is no such register; `sites add` and `sites import` make one"
            };
            return Err(Error::Input { location: path.display().to_string(), reason: reason.to_owned() });
        }
        // No URI flag: a path may contain any character.
        // One that is write-protected is opened for reading all the same.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(sql_error(path))?;
        connection.busy_timeout(PATIENCE).map_err(sql_error(path))?;
        Ok(Self { path: path.to_owned(), connection })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder that paths of [`ObservationFile`]s are relative to.
    pub fn folder(&self) -> &Path {
        self.path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
    }

    /// A number that is another one when somebody else has changed the file since this connection asked last.
    pub fn data_version(&self) -> Result<i64> {
        self.connection.pragma_query_value(None, "data_version", |row| row.get(0)).map_err(sql_error(&self.path))
    }

    /// The database, for tables that others keep in it.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Keeps other monitors away from this register as long as it lives. It ends with the process, however that ends. Fails
    /// with [`Error::RegisterInUse`] where another monitor has it.
    pub fn monitor_lock(&self) -> Result<FolderLock> {
        // One file has one lock, whichever way leads to it.
        let path = fs_err::canonicalize(&self.path)?;
        let (folder, name) = schema::place(&path)?;
        FolderLock::acquire_file(folder.join(format!(".{name}.monitor.lock")), &self.path)?
            .map_err(|owner| Error::RegisterInUse { path: self.path.clone(), owner })
    }

    /// Looks through the whole file for damage: broken pages, rows that lost what they belong to, permits that overlap in
    /// time, geometries and lists that cannot be read.
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
            // What cannot be read says so.
            for site in self.sites()? {
                self.permits(&site.id)?;
                self.observations(&site.id)?;
            }
            return Ok(());
        }
        Err(Error::Input { location: self.path.display().to_string(), reason: problems.join("; ") })
    }

    /// Begins a transaction that will write: others that want to write wait from now on, not in the middle.
    fn begin(&self) -> Result<Transaction<'_>> {
        Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate).map_err(sql_error(&self.path))
    }

    /// Runs something in one transaction, of which nothing stays where it fails.
    pub(crate) fn in_transaction<T>(&self, f: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let transaction = self.begin()?;
        let made = f(&transaction)?;
        transaction.commit().map_err(sql_error(&self.path))?;
        Ok(made)
    }

    /// Notes in the list of layers that one has changed, and how far it reaches at least.
    fn touch(&self, table: &str, geometry: Option<&MultiPolygon<f64>>) -> Result<()> {
        let [west, south, east, north] = match geometry.and_then(BoundingRect::bounding_rect) {
            Some(rect) => [rect.min().x, rect.min().y, rect.max().x, rect.max().y].map(Some),
            None => [None; 4],
        };
        // A maximum or minimum with nothing is nothing in SQLite, hence the `ifnull`s.
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

    /// A geometry as GeoPackages have it.
    fn blob(&self, geometry: &MultiPolygon<f64>) -> Result<Vec<u8>> {
        gpkg::blob(&Geometry::MultiPolygon(geometry.clone()), Crs::WGS84.epsg())
            .map_err(|error| Error::Vector { path: self.path.clone(), reason: error.to_string() })
    }
}

/// The polygons of a geometry that a GeoPackage has, or why there is none.
fn polygons_of(blob: Vec<u8>) -> std::result::Result<MultiPolygon<f64>, String> {
    match GpkgWkb(blob).to_geo().map_err(|error| format!("its geometry cannot be read: {error}"))? {
        Geometry::MultiPolygon(polygons) => Ok(polygons),
        // A program may have written it that is not strict about types.
        Geometry::Polygon(polygon) => Ok(polygon.into()),
        _ => Err("its geometry is no polygon".to_owned()),
    }
}
