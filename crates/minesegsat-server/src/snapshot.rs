//! A snapshot of the register in memory: sites, permits and the keys of observations. Read again when the register changes.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use minesegsat_watch::register::{ObservationKey, Permit, Register, Site, SiteId, SiteSummary};

use crate::problem::Problem;
use crate::register_pool::FileId;
use crate::spatial_filter::wrap_longitudes;

static VERSION: AtomicU64 = AtomicU64::new(1);

/// Sites, permits and observation keys of the register at one moment.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    /// A number that is unique among the snapshots of this process.
    pub(crate) version: u64,
    /// Sorted by id.
    pub(crate) sites: Vec<SiteEntry>,
    /// Sorted by site, then by date.
    pub(crate) keys: Vec<ObservationKey>,
    index: HashMap<SiteId, usize>,
    /// Rows of the register that cannot be used, as sentences.
    pub(crate) problems: Vec<String>,
    /// Tag and body of `/api/sites`, serialised on first use.
    pub(crate) list: OnceLock<(String, Bytes)>,
}

/// A site with its permits and observation keys.
#[derive(Debug)]
pub(crate) struct SiteEntry {
    pub(crate) site: Site,
    /// West, south, east, north; west is greater than east across the antimeridian.
    pub(crate) bbox: [f64; 4],
    pub(crate) summary: SiteSummary,
    /// Sorted by date.
    pub(crate) permits: Vec<Permit>,
    /// Range of the site's observations in [`Snapshot::keys`].
    pub(crate) keys: Range<usize>,
}

impl Snapshot {
    fn read(register: &Register, today: Date) -> minesegsat_core::Result<Self> {
        let summaries = register.read_summaries_on(today)?;
        let keys = register.observation_keys()?;
        let found = register.read_sites()?;
        let mut damaged = summaries.damaged;
        damaged.extend(keys.damaged);
        let (mut keys, mut permits_damaged) = (keys.rows, Vec::new());
        let mut summaries: HashMap<SiteId, SiteSummary> =
            summaries.rows.into_iter().map(|summary| (summary.id.clone(), summary)).collect();
        let mut sites = Vec::with_capacity(summaries.len());
        for site in found.rows {
            // Added after the first query. The next snapshot will contain it.
            let Some(mut summary) = summaries.remove(&site.id) else { continue };
            let first = keys.partition_point(|key| key.site < site.id);
            let last = keys.partition_point(|key| key.site <= site.id);
            let permits = register.read_permits(&site.id)?;
            for row in &permits.damaged {
                let problem = row.to_string();
                if !summary.problems.contains(&problem) {
                    summary.problems.push(problem);
                }
            }
            permits_damaged.extend(permits.damaged);
            let permits = permits.rows;
            sites.push(SiteEntry { bbox: wrap_longitudes(site.bbox()), summary, permits, keys: first..last, site });
        }
        damaged.extend(found.damaged);
        damaged.extend(permits_damaged);
        let mut problems: Vec<String> = damaged.iter().map(ToString::to_string).collect();
        problems.sort();
        problems.dedup();
        for problem in &problems {
            tracing::warn!("{}: this row cannot be used: {problem}", register.path().display());
        }
        keys.shrink_to_fit();
        let index = sites.iter().enumerate().map(|(at, entry)| (entry.site.id.clone(), at)).collect();
        let version = VERSION.fetch_add(1, Ordering::Relaxed);
        Ok(Self { version, sites, keys, index, problems, list: OnceLock::new() })
    }

    /// The site with this id.
    pub(crate) fn site(&self, id: &SiteId) -> Result<&SiteEntry, Problem> {
        self.find(id).ok_or_else(|| Problem::not_found(format!("no site `{id}`; `/api/sites` lists the sites")))
    }

    pub(crate) fn find(&self, id: &SiteId) -> Option<&SiteEntry> {
        self.index.get(id).and_then(|&at| self.sites.get(at))
    }
}

/// The newest [`Snapshot`], and the state of the file that it was read from.
#[derive(Debug)]
pub(crate) struct Snapshots {
    path: PathBuf,
    newest: Mutex<Option<Newest>>,
}

#[derive(Debug)]
struct Newest {
    file: FileId,
    /// The connection that detects changes.
    register: Register,
    data_version: i64,
    day: Date,
    snapshot: Arc<Snapshot>,
}

impl Snapshots {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, newest: Mutex::new(None) }
    }

    /// The current snapshot. Empty if there is no register.
    pub(crate) fn current(&self) -> Result<Arc<Snapshot>, Problem> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.path.exists() {
            *newest = None;
            return Ok(Arc::default());
        }
        let file = FileId::read(&self.path)?;
        let day = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let is_usable = |known: &Newest| known.file == file && !known.register.is_outdated_copy();
        if let Some(known) = newest.as_ref().filter(|known| is_usable(known) && known.day == day)
            && known.register.data_version()? == known.data_version
        {
            return Ok(Arc::clone(&known.snapshot));
        }
        let register = match newest.take().filter(is_usable) {
            Some(known) => known.register,
            None => Register::open_read_only(&self.path)?,
        };
        // Asked before reading, so that a concurrent change leads to another snapshot.
        let data_version = register.data_version()?;
        let snapshot = Arc::new(Snapshot::read(&register, day)?);
        *newest = Some(Newest { file, register, data_version, day, snapshot: Arc::clone(&snapshot) });
        Ok(snapshot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{Rect, coord};
    use minesegsat_watch::register::SiteStatus;

    #[test]
    fn a_snapshot_stays_until_the_register_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sites.gpkg");
        let snapshots = Snapshots::new(path.clone());
        assert!(snapshots.current().unwrap().sites.is_empty());
        let register = Register::create(&path).unwrap();
        let site = |id: &str| Site {
            id: id.parse().unwrap(),
            name: id.to_owned(),
            operator: None,
            commodity: None,
            status: SiteStatus::Active,
            boundary: Rect::new(coord! {x: 1.0, y: 2.0}, coord! {x: 3.0, y: 4.0}).to_polygon().into(),
        };
        register.add_site(&site("b")).unwrap();
        let first = snapshots.current().unwrap();
        assert!(Arc::ptr_eq(&first, &snapshots.current().unwrap()));
        register.add_site(&site("a")).unwrap();
        let second = snapshots.current().unwrap();
        let ids: Vec<&str> = second.sites.iter().map(|entry| entry.site.id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(second.site(&"b".parse().unwrap()).unwrap().bbox, [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(second.site(&"c".parse().unwrap()).unwrap_err().status, 404);
        drop(register);
        std::fs::remove_file(&path).unwrap();
        assert!(snapshots.current().unwrap().sites.is_empty());
    }
}
