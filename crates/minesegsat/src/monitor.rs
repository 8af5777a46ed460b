//! Watching known sites: find scenes, map, compare, judge, store, tell.
//!
//! ```text
//! register ── site ── search around it ── candidates, newest first ── window of a scene ── map ── compare with the last
//!                                              │ too cloudy, all of them                            map and the first
//!                                              └─ median of what was clear (composite) ─┘                │
//! register <── observation and findings, in one transaction <── verdict against the permit of that day <─┘
//! ```
//! Everything of an observation is on disk before it is stored, under a name that its scenes and its model give, and is made
//! again where a killed run left it half done: a run may be killed at any moment and repeated, and the register ends up with what an
//! undisturbed run gives.

mod composite;
mod judge;
mod observe;
mod picture;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

pub use self::judge::judge;
pub(crate) use self::observe::INDICES;
use self::observe::Observer;
use crate::alerts::{self, AlertConfig, Delivery, DeliveryReport, DeliveryState, findings_of};
use crate::catalog::{Catalog, DateRange, Item, SearchArea, SearchQuery};
use crate::change::NoiseFloor;
use crate::predict::{ModelDescription, PredictOptions, Progress};
use crate::register::{Observation, Register, Site, SiteId};
use crate::uncertainty::AreaErrorModel;
use crate::{Error, Result, Segmenter, with_causes};

/// Table of the monitor in a register, for its migrations: scenes that were looked at and showed too little of a site. They are
/// stored with the observation that was made instead, so that a run repeated does not look at them again.
pub(crate) const SCHEMA: &str = "
CREATE TABLE monitor_scenes (
    site TEXT NOT NULL REFERENCES sites (id) ON DELETE CASCADE ON UPDATE CASCADE,
    scene TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    -- Part of the site that could be seen, 0 to 1.
    share_assessed REAL NOT NULL,
    PRIMARY KEY (site, scene, model_sha256)
) WITHOUT ROWID;
";

/// How to watch.
#[derive(Debug, Clone)]
pub struct MonitorOptions {
    /// The sites; all of the register where none is named.
    pub sites: Vec<SiteId>,
    /// Earliest day of a scene; after the last observation in any case.
    pub since: Option<Date>,
    /// Last day of a scene; today where it is not given.
    pub until: Option<Date>,
    /// Every new date becomes an observation, oldest first, instead of the best new one only.
    pub every_date: bool,
    /// Collections that are searched; any where there are none.
    pub collections: Vec<String>,
    /// Scenes with more cloud over the whole of them are not looked at, in percent.
    pub max_cloud_cover_percent: f64,
    /// Land around the boundary that is mapped too, in metres.
    pub buffer_m: f64,
    /// Least part of a site that must be seen for a verdict, 0 to 1.
    pub min_assessed: f64,
    /// So many of the newest scenes are tried until one shows enough of the site.
    pub max_tries: usize,
    /// Where none does, a median of what was clear in them.
    pub composite: bool,
    /// How often intervals hold the truth, in percent.
    pub level_percent: f64,
    /// How maps are made.
    pub predict: PredictOptions,
}

impl MonitorOptions {
    /// The usual ones: all sites, the best new date of each, at most 60 % cloud, 1 km around the boundary, at least 70 % of it
    /// seen, five tries, then a composite; intervals of 90 %.
    pub fn new(predict: PredictOptions) -> Self {
        Self {
            sites: Vec::new(),
            since: None,
            until: None,
            every_date: false,
            collections: Vec::new(),
            max_cloud_cover_percent: 60.0,
            buffer_m: 1000.0,
            min_assessed: 0.7,
            max_tries: 5,
            composite: true,
            level_percent: 90.0,
            predict,
        }
    }
}

/// The network and what is known of it.
pub struct MonitorModel<'a> {
    /// The network.
    pub segmenter: &'a dyn Segmenter,
    /// Its card.
    pub description: ModelDescription,
    /// So many bands may be missing in a scene.
    pub max_absent: usize,
    /// Hash of its weights.
    pub sha256: String,
    /// How sure its areas are.
    pub area_error: AreaErrorModel,
    /// What stable sites show.
    pub noise_floor: NoiseFloor,
}

/// Told how far a run is.
pub trait MonitorProgress: Progress {
    /// The next site: the `index`th of `total`, from 0.
    fn site(&self, index: usize, total: usize, site: &SiteId);
    /// What is done with it.
    fn doing(&self, what: &str);
}

/// What a run did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct MonitorReport {
    /// Sites looked at.
    pub sites: usize,
    /// New observations.
    pub observations: Vec<Observation>,
    /// Sites without a new scene.
    pub nothing_new: usize,
    /// Sites that could not be done, and why.
    pub failures: Vec<SiteFailure>,
    /// New findings.
    pub findings: usize,
}

/// A site that could not be done.
#[derive(Debug, Clone, Serialize)]
pub struct SiteFailure {
    /// The site.
    pub site: SiteId,
    /// The error with its causes.
    pub error: String,
}

/// Folder of the files of a register's observations.
pub fn files_folder(register: &Path) -> PathBuf {
    let stem = register.file_stem().map_or_else(|| "sites".into(), |stem| stem.to_string_lossy().into_owned());
    register.with_file_name(format!("{stem}.files"))
}

/// Looks at every site once.
///
/// A site that fails does not stop the others. What concerns all (an interruption, a full disk) ends the run.
pub fn run(
    register: &Register,
    catalog: &Catalog,
    model: &MonitorModel<'_>,
    alert_config: &AlertConfig,
    options: &MonitorOptions,
    progress: &dyn MonitorProgress,
    cancel: &AtomicBool,
) -> Result<MonitorReport> {
    let _lock = register.monitor_lock()?;
    if !(0.0..=1.0).contains(&options.min_assessed) {
        let accepted = "a share of 0 to 1".to_owned();
        return Err(Error::Argument { name: "min assessed", value: options.min_assessed.to_string(), accepted });
    }
    let sites = if options.sites.is_empty() {
        register.sites()?
    } else {
        options.sites.iter().map(|id| register.known_site(id)).collect::<Result<Vec<_>>>()?
    };
    let observer = Observer { register, model, options, files: files_folder(register.path()), progress, cancel };
    let mut report = MonitorReport { sites: sites.len(), ..MonitorReport::default() };
    for (index, site) in sites.iter().enumerate() {
        if cancel.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        progress.site(index, sites.len(), &site.id);
        let done = look_at(site, catalog, &observer, alert_config, &mut report);
        match done {
            Ok(()) => {}
            Err(error) if cancel.load(Ordering::Relaxed) || matches!(error, Error::Interrupted) => {
                return Err(Error::Interrupted);
            }
            Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::StorageFull => return Err(Error::Io(error)),
            Err(error) => report.failures.push(SiteFailure { site: site.id.clone(), error: with_causes(&error) }),
        }
    }
    Ok(report)
}

/// All new observations of a site.
fn look_at(
    site: &Site,
    catalog: &Catalog,
    observer: &Observer<'_>,
    alert_config: &AlertConfig,
    report: &mut MonitorReport,
) -> Result<()> {
    let options = observer.options;
    let mut earlier = observer.register.observations(&site.id)?;
    let dates = candidates(site, catalog, observer, &earlier)?;
    if dates.is_empty() {
        report.nothing_new += 1;
        return tell_if_out_of_sight(site, &earlier, observer, alert_config, report);
    }
    let mut store = |(observation, tried): (Observation, Vec<Tried>), earlier: &mut Vec<Observation>| -> Result<()> {
        let floor = observer.model.noise_floor.ha(observation.area.map_or(0.0, |area| area.ha));
        let findings = findings_of(&observation, earlier, &alerts::Rules::above(floor));
        let mut count = 0;
        let is_new = observer.register.store_observation(&observation, |transaction| {
            count = alerts::record(transaction, &findings, alert_config, Timestamp::now())?;
            remember(observer, &site.id, &tried)
        })?;
        if is_new {
            report.findings += count;
            report.observations.push(observation.clone());
            earlier.push(observation);
        }
        Ok(())
    };
    if options.every_date {
        for item in dates.iter().rev() {
            let made = observer.observe(site, &earlier, std::slice::from_ref(item))?;
            store(made, &mut earlier)?;
        }
    } else {
        let made = observer.observe(site, &earlier, &dates)?;
        store(made, &mut earlier)?;
    }
    tell_if_out_of_sight(site, &earlier, observer, alert_config, report)
}

/// Records that a site was not seen for long, once.
fn tell_if_out_of_sight(
    site: &Site,
    earlier: &[Observation],
    observer: &Observer<'_>,
    alert_config: &AlertConfig,
    report: &mut MonitorReport,
) -> Result<()> {
    let options = observer.options;
    let (level, model) = (options.level_percent, &observer.model.sha256);
    let rules = alerts::Rules::above(0.0);
    let found = alerts::out_of_sight(site, earlier, options.since, last_day(options), &rules, level, model);
    if let Some(finding) = found {
        report.findings += observer
            .register
            .in_transaction(|transaction| alerts::record(transaction, &[finding], alert_config, Timestamp::now()))?;
    }
    Ok(())
}

/// A scene that was looked at, and the part of the site that it shows.
#[derive(Debug, Clone, PartialEq)]
struct Tried {
    scene: String,
    share: f64,
}

/// Stores which scenes were looked at, in the transaction of the connection.
fn remember(observer: &Observer<'_>, site: &SiteId, tried: &[Tried]) -> Result<()> {
    let fail =
        |error: rusqlite::Error| Error::Vector { path: observer.register.path().to_owned(), reason: error.to_string() };
    let mut insert = observer
        .register
        .connection()
        .prepare_cached("INSERT OR REPLACE INTO monitor_scenes VALUES (?1, ?2, ?3, ?4)")
        .map_err(fail)?;
    for tried in tried {
        let row = rusqlite::params![site.as_str(), tried.scene, observer.model.sha256, tried.share];
        insert.execute(row).map_err(fail)?;
    }
    Ok(())
}

/// Whether a scene was looked at before and showed too little.
fn was_tried(observer: &Observer<'_>, site: &SiteId, scene: &str) -> Result<bool> {
    let fail =
        |error: rusqlite::Error| Error::Vector { path: observer.register.path().to_owned(), reason: error.to_string() };
    let query = "SELECT 1 FROM monitor_scenes WHERE site = ?1 AND scene = ?2 AND model_sha256 = ?3";
    let mut statement = observer.register.connection().prepare_cached(query).map_err(fail)?;
    statement.exists(rusqlite::params![site.as_str(), scene, observer.model.sha256]).map_err(fail)
}

/// Day of an item.
fn day_of(item: &Item) -> Option<Date> {
    item.interval().map(|(start, _)| start.to_zoned(TimeZone::UTC).date())
}

/// The last day that scenes are looked for.
fn last_day(options: &MonitorOptions) -> Date {
    options.until.unwrap_or_else(|| Timestamp::now().to_zoned(TimeZone::UTC).date())
}

/// The new scenes over a site: one for each day, that which covers most of it; newest first.
fn candidates(site: &Site, catalog: &Catalog, observer: &Observer<'_>, earlier: &[Observation]) -> Result<Vec<Item>> {
    use geo::{Area, BooleanOps};

    let options = observer.options;
    let last = earlier.iter().map(|observation| observation.date).max();
    let after_last = last.map(Date::tomorrow).transpose().map_err(|error| Error::Argument {
        name: "date",
        value: format!("{last:?}"),
        accepted: format!("days that have a next one: {error}"),
    })?;
    let from = options.since.max(after_last);
    let until = last_day(options);
    if from.is_some_and(|from| from > until) {
        return Ok(Vec::new());
    }
    let range = format!("{}/{until}", from.map_or_else(|| "..".to_owned(), |from| from.to_string()));
    let query = SearchQuery {
        collections: options.collections.clone(),
        area: Some(SearchArea::from_polygons(&site.boundary, &crate::Crs::WGS84)?),
        datetimes: vec![range.parse::<DateRange>()?],
        max_cloud_cover_percent: (options.max_cloud_cover_percent < 100.0).then_some(options.max_cloud_cover_percent),
        ..SearchQuery::default()
    };
    let found = catalog.search(&query, &(), observer.cancel)?;
    let whole = site.boundary.unsigned_area();
    let mut of_days: Vec<(Date, f64, Item)> = Vec::new();
    for item in found.items {
        let Some(day) = day_of(&item) else { continue };
        // Rounded: the same cover in whole permille is decided by the id, not by the last digit.
        let share = item.footprint().intersection(&site.boundary).unsigned_area() / whole.max(f64::MIN_POSITIVE);
        let share = (share * 1000.0).round();
        let better = |a: &(Date, f64, Item)| share > a.1 || (share == a.1 && item.id() < a.2.id());
        match of_days.iter_mut().find(|known| known.0 == day) {
            Some(known) if better(known) => *known = (day, share, item),
            Some(_) => {}
            None => of_days.push((day, share, item)),
        }
    }
    of_days.sort_by_key(|day| std::cmp::Reverse(day.0));
    let mut items = Vec::new();
    for (_, _, item) in of_days {
        let scenes = [item.id().to_owned()];
        let is_known = observer.register.has_observation(&site.id, &scenes, &observer.model.sha256)?
            || was_tried(observer, &site.id, item.id())?;
        if !is_known {
            items.push(item);
        }
    }
    Ok(items)
}

/// Sends what is due of the alerts of a register.
pub fn deliver(
    register: &Register,
    config: &AlertConfig,
    now: Timestamp,
    cancel: &AtomicBool,
) -> Result<DeliveryReport> {
    alerts::deliver(register.connection(), config, now, cancel)
}

/// The deliveries of a register, of one state or of all.
pub fn deliveries(register: &Register, state: Option<DeliveryState>) -> Result<Vec<Delivery>> {
    alerts::list(register.connection(), state)
}

/// Makes dead deliveries due again: of one alert or of all, of one channel or of all. Gives their number.
pub fn revive(register: &Register, id: Option<&str>, channel: Option<&str>, now: Timestamp) -> Result<usize> {
    alerts::revive(register.connection(), id, channel, now)
}
