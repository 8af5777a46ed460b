//! Monitoring of known sites: find new scenes, map, compare, judge, store, alert.
//!
//! ```text
//! register ── site ── search around it ── candidates, newest first ── window of a scene ── map ── compare with the last
//!                                              │ all of them too cloudy                             map and the first
//!                                              └─ median of clear pixels (composite) ───┘                │
//! register <── observation and findings, in one transaction <── verdict against the permit of that day <─┘
//! ```
//! All files of an observation are on disk before it is stored. Their folder is named after its scenes and model, and is
//! rebuilt if a killed run left it incomplete. So a run may be killed at any moment and repeated: the register ends up as
//! after an uninterrupted run.

mod composite;
mod judge;
mod observe;
mod picture;

use minesegsat_core::job::Job;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

pub use self::judge::judge;
pub(crate) use self::observe::INDICES;
use self::observe::Observer;
use crate::alerts::{self, AlertConfig, Delivery, DeliveryReport, DeliveryState, findings_of};
use crate::register::{Observation, Register, Site, SiteId};
use minesegsat_core::model_description::ModelDescription;
use minesegsat_core::noise_floor::NoiseFloor;
use minesegsat_core::uncertainty::AreaErrorModel;
use minesegsat_core::{Error, Result, Segmenter, with_causes};
use minesegsat_map::predict::PredictOptions;
use minesegsat_scene::catalog::{Catalog, DateRange, Item, SearchArea, SearchQuery, keep_newest_processing};

/// Options of a monitor run.
#[derive(Debug, Clone)]
pub struct MonitorOptions {
    /// Sites to monitor; empty means every site in the register.
    pub sites: Vec<SiteId>,
    /// Earliest day of a scene. Scenes up to the last observation are always skipped.
    pub since: Option<Date>,
    /// Last day of a scene; defaults to today (UTC).
    pub until: Option<Date>,
    /// Makes an observation of every new date, oldest first, instead of the best new date only.
    pub every_date: bool,
    /// Collections to search; empty means all.
    pub collections: Vec<String>,
    /// Maximum cloud cover of a whole scene, in percent.
    pub max_cloud_cover_percent: f64,
    /// Width of the land around the boundary that is also mapped, in metres.
    pub buffer_m: f64,
    /// Minimum share of a site that must be seen for a verdict, 0 to 1.
    pub min_assessed: f64,
    /// Maximum number of scenes to try per site, newest first.
    pub max_tries: usize,
    /// Falls back to a median composite of the clear pixels if no single scene is good enough.
    pub composite: bool,
    /// Confidence level of the intervals, in percent.
    pub level_percent: f64,
    /// Prediction options of the maps.
    pub predict: PredictOptions,
}

impl MonitorOptions {
    /// Default options: all sites, the best new date of each, at most 60 % cloud, 1 km around the boundary, at least 70 % of
    /// the site seen, five tries, then a composite; 90 % intervals.
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

/// The model that maps the sites, and its error estimates.
pub struct MonitorModel<'a> {
    /// The network.
    pub segmenter: &'a dyn Segmenter,
    /// Its description from the model card.
    pub description: ModelDescription,
    /// Maximum number of bands that may be missing in a scene.
    pub max_absent: usize,
    /// SHA-256 of its weights, lower-case hexadecimal.
    pub sha256: String,
    /// Error model of its areas.
    pub area_error: AreaErrorModel,
    /// Noise floor of change, measured on stable sites.
    pub noise_floor: NoiseFloor,
}

/// Result of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct MonitorReport {
    /// Number of sites checked.
    pub sites: usize,
    /// New observations.
    pub observations: Vec<Observation>,
    /// Number of sites without a new scene.
    pub nothing_new: usize,
    /// Sites that failed, with the error.
    pub failures: Vec<SiteFailure>,
    /// Number of new findings.
    pub findings: usize,
}

/// A site that failed.
#[derive(Debug, Clone, Serialize)]
pub struct SiteFailure {
    /// The site.
    pub site: SiteId,
    /// The error, with its causes.
    pub error: String,
}

/// Folder with the files of a register's observations.
pub fn files_folder(register: &Path) -> PathBuf {
    let stem = register.file_stem().map_or_else(|| "sites".into(), |stem| stem.to_string_lossy().into_owned());
    register.with_file_name(format!("{stem}.files"))
}

/// Checks every site once.
///
/// A site that fails does not stop the others. An interruption or a full disk ends the run.
pub fn run(
    register: &Register,
    catalog: &Catalog,
    model: &MonitorModel<'_>,
    alert_config: &AlertConfig,
    options: &MonitorOptions,
    job: Job<'_>,
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
    let observer = Observer { register, model, options, files: files_folder(register.path()), job };
    let mut report = MonitorReport { sites: sites.len(), ..MonitorReport::default() };
    for (index, site) in sites.iter().enumerate() {
        job.check()?;
        job.progress.item(index, sites.len(), site.id.as_str());
        let done = observe_site(site, catalog, &observer, alert_config, &mut report);
        match done {
            Ok(()) => {}
            Err(error) if job.is_cancelled() || matches!(error, Error::Interrupted) => {
                return Err(Error::Interrupted);
            }
            Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::StorageFull => return Err(Error::Io(error)),
            Err(error) => report.failures.push(SiteFailure { site: site.id.clone(), error: with_causes(&error) }),
        }
    }
    Ok(report)
}

/// Makes and stores all new observations of a site.
fn observe_site(
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
        return record_if_out_of_sight(site, &earlier, observer, alert_config, report);
    }
    let mut store =
        |(observation, tried): (Observation, Vec<RejectedScene>), earlier: &mut Vec<Observation>| -> Result<()> {
            let floor = observer.model.noise_floor.ha(observation.area.map_or(0.0, |area| area.ha));
            let findings = findings_of(&observation, earlier, &alerts::Rules::above(floor));
            let mut count = 0;
            let is_new = observer.register.store_observation(&observation, |transaction| {
                count = alerts::record(transaction, &findings, alert_config, Timestamp::now())?;
                store_rejected(observer, &site.id, &tried)
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
    record_if_out_of_sight(site, &earlier, observer, alert_config, report)
}

/// Records a finding if the site has not been seen for a long time, once per such period.
fn record_if_out_of_sight(
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

/// A scene that shows too little of a site, and the share of the site that it shows (0 to 1).
#[derive(Debug, Clone, PartialEq)]
struct RejectedScene {
    scene: String,
    share: f64,
}

/// Stores rejected scenes, inside the connection's transaction.
fn store_rejected(observer: &Observer<'_>, site: &SiteId, tried: &[RejectedScene]) -> Result<()> {
    let fail = |error: rusqlite::Error| Error::database(observer.register.path(), "", error);
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

/// Whether an earlier run rejected a scene because it shows too little of the site.
fn was_rejected(observer: &Observer<'_>, site: &SiteId, scene: &str) -> Result<bool> {
    let fail = |error: rusqlite::Error| Error::database(observer.register.path(), "", error);
    let query = "SELECT 1 FROM monitor_scenes WHERE site = ?1 AND scene = ?2 AND model_sha256 = ?3";
    let mut statement = observer.register.connection().prepare_cached(query).map_err(fail)?;
    statement.exists(rusqlite::params![site.as_str(), scene, observer.model.sha256]).map_err(fail)
}

/// Acquisition day of an item (UTC).
fn day_of(item: &Item) -> Option<Date> {
    item.interval().map(|(start, _)| start.to_zoned(TimeZone::UTC).date())
}

/// Last day of the search.
fn last_day(options: &MonitorOptions) -> Date {
    options.until.unwrap_or_else(|| Timestamp::now().to_zoned(TimeZone::UTC).date())
}

/// New scenes over a site, newest first: the one of each day that covers most of the site.
fn candidates(site: &Site, catalog: &Catalog, observer: &Observer<'_>, earlier: &[Observation]) -> Result<Vec<Item>> {
    use geo::{Area, BooleanOps};

    let options = observer.options;
    let last = earlier.iter().map(|observation| observation.date).max();
    let after_last = last.map(Date::tomorrow).transpose().map_err(|error| Error::Argument {
        name: "date",
        value: format!("{last:?}"),
        accepted: format!("days with a following day: {error}"),
    })?;
    let from = options.since.max(after_last);
    let until = last_day(options);
    if from.is_some_and(|from| from > until) {
        return Ok(Vec::new());
    }
    let range = format!("{}/{until}", from.map_or_else(|| "..".to_owned(), |from| from.to_string()));
    let query = SearchQuery {
        collections: options.collections.clone(),
        area: Some(SearchArea::from_polygons(&site.boundary, &minesegsat_core::Crs::WGS84)?),
        datetimes: vec![range.parse::<DateRange>()?],
        max_cloud_cover_percent: (options.max_cloud_cover_percent < 100.0).then_some(options.max_cloud_cover_percent),
        ..SearchQuery::default()
    };
    let mut found = catalog.search(&query, observer.job.without_progress())?;
    for replaced in keep_newest_processing(&mut found.items) {
        tracing::info!("{} is left out: {} is a newer processing", replaced.older, replaced.newer);
    }
    let whole = site.boundary.unsigned_area();
    let mut of_days: Vec<(Date, f64, Item)> = Vec::new();
    for item in found.items {
        let Some(day) = day_of(&item) else { continue };
        // Rounded to permille, so that the id, not rounding noise, decides between equal covers.
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
            || was_rejected(observer, &site.id, item.id())?;
        if !is_known {
            items.push(item);
        }
    }
    Ok(items)
}

/// Sends the due alerts of a register.
pub fn deliver(register: &Register, config: &AlertConfig, now: Timestamp, job: Job<'_>) -> Result<DeliveryReport> {
    alerts::deliver(register.connection(), config, now, job)
}

/// Deliveries of a register, of one state or of all states.
pub fn deliveries(register: &Register, state: Option<DeliveryState>) -> Result<Vec<Delivery>> {
    alerts::list(register.connection(), state)
}

/// Makes dead deliveries due again, of one alert or channel or of all. Returns their number.
pub fn revive(register: &Register, id: Option<&str>, channel: Option<&str>, now: Timestamp) -> Result<usize> {
    alerts::revive(register.connection(), id, channel, now)
}
