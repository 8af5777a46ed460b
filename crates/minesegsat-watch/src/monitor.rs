//! Monitoring of known sites: find new scenes, map, compare, judge, store, alert.
//!
//! ```text
//! register ── site ── search around it ── days, newest first ── windows of a day's scenes ── map ── compare with the last
//!                                              │                      on one grid (mosaic)            map and the first
//!                                              │ all of them too cloudy                        │         │
//!                                              └─ median of clear pixels (composite) ──────────┘         │
//! register <── observation and findings, in one transaction <── verdict against the permit of that day <─┘
//! ```
//! All files of an observation are on disk before it is stored. Their folder is named after its scenes and model, and is
//! rebuilt if a killed run left it incomplete. So a run may be killed at any moment and repeated: the register ends up as
//! after an uninterrupted run.

mod choose;
mod composite;
mod corrections;
mod judge;
mod observe;
mod picture;
mod series;
mod thumbnail;

use minesegsat_core::job::Job;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::Serialize;

pub use self::choose::{DateChoice, DateOrder};
pub use self::corrections::{
    PermitChange, ReplacedVerdict, judge_again, map_folder, rejudge, verdicts_after, verdicts_to_replace,
};
pub use self::judge::{Shares, judge};
pub use self::observe::INDICES;
pub use self::observe::area_of;
use self::observe::{Observed, Observer};
pub use self::picture::stretch_of;
pub use self::series::SERIES;
use self::thumbnail::SitesOfRegister;
pub use self::thumbnail::read_classes;
use crate::alerts::{self, AlertConfig, Delivery, DeliveryReport, DeliveryState, findings_of};
use crate::register::{Correction, DamagedRow, Observation, Register, Site, SiteId};
use minesegsat_core::model_description::ModelDescription;
use minesegsat_core::noise_floor::NoiseFloor;
use minesegsat_core::persistence::Persistence;
use minesegsat_core::uncertainty::AreaErrorModel;
use minesegsat_core::{ChangeClassifier, Error, Result, Segmenter, with_causes};
use minesegsat_map::predict::PredictOptions;
use minesegsat_map::series::Confirmation;
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
    /// The order in which dates are tried, unless an observation of every date is made.
    pub order: DateOrder,
    /// Collections to search; empty means all.
    pub collections: Vec<String>,
    /// Maximum cloud cover of a whole scene, in percent.
    pub max_cloud_cover_percent: f64,
    /// Width of the land around the boundary that is also mapped, in metres.
    pub buffer_m: f64,
    /// Minimum share of a site that must be seen for a verdict, 0 to 1.
    pub min_assessed: f64,
    /// Maximum number of dates to try per site.
    pub max_tries: usize,
    /// Falls back to a median composite of the clear pixels if no single scene is good enough.
    pub composite: bool,
    /// Confidence level of the intervals, in percent.
    pub level_percent: f64,
    /// Dates that confirm an exceedance, or new land.
    pub confirmation: Confirmation,
    /// Prediction options of the maps.
    pub predict: PredictOptions,
}

impl MonitorOptions {
    /// Default options: all sites, the newest date of each that shows enough, at most 60 % cloud, 1 km around the boundary, at least 70 % of
    /// the site seen, five tries, then a composite; 90 % intervals; two of three dates confirm.
    pub fn new(predict: PredictOptions) -> Self {
        Self {
            sites: Vec::new(),
            since: None,
            until: None,
            every_date: false,
            order: DateOrder::default(),
            collections: Vec::new(),
            max_cloud_cover_percent: 60.0,
            buffer_m: 1000.0,
            min_assessed: 0.7,
            max_tries: 5,
            composite: true,
            level_percent: 90.0,
            confirmation: Confirmation::default(),
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
    /// Noise floor of change by rules, measured on stable sites.
    pub noise_floor: NoiseFloor,
    /// The network that compares two dates, if the model has one.
    pub change_head: Option<Arc<dyn ChangeClassifier>>,
    /// How long land stays as it is, and how much a map counts.
    pub persistence: Persistence,
}

impl MonitorModel<'_> {
    /// Noise floor of an observation: the one that its change was compared with.
    fn floor_ha(&self, observation: &Observation) -> f64 {
        observation.seen_change.map_or_else(
            || self.noise_floor.ha(observation.area.map_or(0.0, |area| area.ha)),
            |seen| seen.noise_floor_ha,
        )
    }
}

/// Result of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct MonitorReport {
    /// Number of sites checked.
    pub sites: usize,
    /// New observations.
    pub observations: Vec<Observation>,
    /// Why each of them has the date that it has, in the same order.
    pub choices: Vec<DateChoice>,
    /// Number of sites without a new scene.
    pub nothing_new: usize,
    /// Sites that failed, with the error.
    pub failures: Vec<SiteFailure>,
    /// Verdicts that were replaced, because permits were changed outside this program.
    pub corrections: Vec<Correction>,
    /// Number of new findings.
    pub findings: usize,
    /// Rows of the register that cannot be read. Their sites, permits or observations were left out.
    pub damaged: Vec<DamagedRow>,
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
    options.confirmation.check()?;
    if !(0.0..=1.0).contains(&options.min_assessed) {
        let accepted = "a share of 0 to 1".to_owned();
        return Err(Error::Argument { name: "min assessed", value: options.min_assessed.to_string(), accepted });
    }
    let mut report = MonitorReport::default();
    let sites = if options.sites.is_empty() {
        let sites = register.read_sites()?;
        report.damaged = sites.damaged;
        sites.rows
    } else {
        options.sites.iter().map(|id| register.known_site(id)).collect::<Result<Vec<_>>>()?
    };
    report.sites = sites.len();
    let lost = register.rows_without_site()?;
    let is_wanted = |row: &&DamagedRow| {
        options.sites.is_empty() || options.sites.iter().any(|site| row.may_belong_to(site.as_str()))
    };
    report.damaged.extend(lost.iter().filter(is_wanted).cloned());
    let neighbours = if options.sites.is_empty() { sites.clone() } else { register.read_sites()?.rows };
    let observer = Observer { register, model, options, files: files_folder(register.path()), neighbours, lost, job };
    for (index, site) in sites.iter().enumerate() {
        job.check()?;
        job.progress.item(index, sites.len(), site.id.as_str());
        let done = observe_site(site, catalog, &observer, alert_config, &mut report);
        match done {
            Ok(()) => {}
            Err(error) if job.is_cancelled() || matches!(error, Error::Interrupted) => {
                return Err(Error::Interrupted);
            }
            Err(error) if error.is_lack_of_room() => return Err(error),
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
    // Permits may have been edited in a GIS.
    report.corrections.extend(rejudge(observer.register, &site.id, options.confirmation, Timestamp::now(), None)?);
    report.findings += tell_corrections(site, observer, alert_config)?;
    let stored = observer.register.read_observations(&site.id)?;
    report.damaged.extend(stored.damaged);
    let mut earlier = stored.rows;
    report.damaged.extend(observer.register.read_permits(&site.id)?.damaged);
    let mut dates = candidates(site, catalog, observer, &earlier)?;
    if dates.is_empty() {
        report.nothing_new += 1;
        return record_if_out_of_sight(site, &earlier, observer, alert_config, report);
    }
    let mut store =
        |Observed { observation, choice, rejected }: Observed, earlier: &mut Vec<Observation>| -> Result<()> {
            let floor = observer.model.floor_ha(&observation);
            let rules = alerts::Rules { confirmation: options.confirmation, ..alerts::Rules::above(floor) };
            let findings = findings_of(&observation, earlier, &rules);
            let mut count = 0;
            let is_new = observer.register.store_observation(&observation, |transaction| {
                count = alerts::record(transaction, &findings, alert_config, Timestamp::now())?;
                store_rejected(observer, site, &rejected)
            })?;
            if is_new {
                report.findings += count;
                report.observations.push(observation.clone());
                report.choices.push(choice);
                earlier.push(observation);
            }
            Ok(())
        };
    if options.every_date {
        for day in dates.iter().rev() {
            let made = observer.observe(site, &earlier, std::slice::from_ref(day))?;
            store(made, &mut earlier)?;
        }
    } else {
        if options.order == DateOrder::Clearest {
            // Stable: of equal days the newest stays first.
            dates.sort_by(|a, b| a.cloud_rank().total_cmp(&b.cloud_rank()));
        }
        let made = observer.observe(site, &earlier, &dates)?;
        store(made, &mut earlier)?;
    }
    record_if_out_of_sight(site, &earlier, observer, alert_config, report)
}

/// Records what the corrections since the last run change: a finding for each verdict that became another one, and the findings of the
/// corrected observations, which count as told from now on. They wait while no channel is configured.
fn tell_corrections(site: &Site, observer: &Observer<'_>, alert_config: &AlertConfig) -> Result<usize> {
    if alert_config.channels().next().is_none() {
        return Ok(0);
    }
    let register = observer.register;
    if register.corrections(&site.id, true)?.is_empty() {
        return Ok(0);
    }
    register.in_transaction(|transaction| {
        let untold = register.corrections(&site.id, true)?;
        let observations = register.read_observations(&site.id)?.rows;
        let mut findings = Vec::new();
        for now in &observations {
            let of_it = || untold.iter().filter(|one| one.observation == now.name());
            let (Some(first), Some(last)) = (of_it().next(), of_it().next_back()) else { continue };
            // What was told is what held before the first of them.
            if now.verdict != first.verdict {
                findings.push(alerts::Finding::corrected(now, first.verdict, last));
            }
            let floor = observer.model.floor_ha(now);
            let rules = alerts::Rules { confirmation: observer.options.confirmation, ..alerts::Rules::above(floor) };
            findings.extend(findings_of(now, &observations, &rules));
        }
        register.mark_corrections_told(&site.id)?;
        alerts::record(transaction, &findings, alert_config, Timestamp::now())
    })
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
fn store_rejected(observer: &Observer<'_>, site: &Site, tried: &[RejectedScene]) -> Result<()> {
    let fail = |error: rusqlite::Error| Error::database(observer.register.path(), "", error);
    let mut insert = observer
        .register
        .connection()
        .prepare_cached("INSERT OR REPLACE INTO monitor_scenes VALUES (?1, ?2, ?3, ?4, ?5)")
        .map_err(fail)?;
    let boundary = site.boundary_sha256();
    for tried in tried {
        let row = rusqlite::params![site.id.as_str(), tried.scene, observer.model.sha256, tried.share, boundary];
        insert.execute(row).map_err(fail)?;
    }
    Ok(())
}

/// Whether an earlier run rejected a scene because it shows too little of the site, inside the same boundary.
fn was_rejected(observer: &Observer<'_>, site: &Site, scene: &str) -> Result<bool> {
    let fail = |error: rusqlite::Error| Error::database(observer.register.path(), "", error);
    let query = "SELECT 1 FROM monitor_scenes WHERE site = ?1 AND scene = ?2 AND model_sha256 = ?3 \
        AND ifnull(boundary_sha256, ?4) = ?4";
    let mut statement = observer.register.connection().prepare_cached(query).map_err(fail)?;
    let boundary = site.boundary_sha256();
    statement.exists(rusqlite::params![site.id.as_str(), scene, observer.model.sha256, boundary]).map_err(fail)
}

/// The scenes of one day over a site.
#[derive(Debug, Clone)]
struct Day {
    date: Date,
    /// The scene that covers most of the site first.
    items: Vec<Item>,
}

impl Day {
    /// Cloud cover of the scene that covers most of the site, in percent. An unknown cloud cover ranks last.
    fn cloud_rank(&self) -> f64 {
        self.items.first().and_then(Item::cloud_cover_percent).unwrap_or(f64::INFINITY)
    }

    /// Cloud cover of the cloudiest of these scenes, in percent. `None` if the catalogue does not state it for each.
    fn cloud_of(&self, ids: &[String]) -> Option<f64> {
        let of_scenes = self.items.iter().filter(|item| ids.iter().any(|id| id == item.id()));
        let clouds: Option<Vec<f64>> = of_scenes.map(Item::cloud_cover_percent).collect();
        clouds?.into_iter().reduce(f64::max)
    }
}

/// Longest time between two neighbouring scenes of one pass: a pass over land takes some 20 minutes.
const PASS: SignedDuration = SignedDuration::from_mins(20);

/// Last day of the search.
fn last_day(options: &MonitorOptions) -> Date {
    options.until.unwrap_or_else(|| Timestamp::now().to_zoned(TimeZone::UTC).date())
}

/// Date, last time and scenes of a pass, with the share of the site that each covers.
type Pass = (Date, Timestamp, Vec<(f64, Item)>);

/// Days with new scenes over a site, newest first. All scenes of one pass have one day, also across midnight (UTC).
fn candidates(site: &Site, catalog: &Catalog, observer: &Observer<'_>, earlier: &[Observation]) -> Result<Vec<Day>> {
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
    let mut timed: Vec<(Timestamp, f64, Item)> = Vec::new();
    for item in found.items {
        let Some((start, _)) = item.interval() else { continue };
        // Rounded to permille, so that the baseline and the id, not rounding noise, decide between equal covers.
        let share = item.footprint().intersection(&site.boundary).unsigned_area() / whole.max(f64::MIN_POSITIVE);
        timed.push((start, (share * 1000.0).round(), item));
    }
    timed.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.2.id().cmp(b.2.id())));
    let mut days: Vec<Pass> = Vec::new();
    for (start, share, item) in timed {
        let date = start.to_zoned(TimeZone::UTC).date();
        match days.last_mut() {
            Some((day, last, items)) if *day == date || start.duration_since(*last) <= PASS => {
                *last = start;
                items.push((share, item));
            }
            _ => days.push((date, start, vec![(share, item)])),
        }
    }
    let mut new = Vec::new();
    for (date, _, mut items) in days.into_iter().rev() {
        items.sort_by(|(a, first), (b, second)| {
            let newest = baseline(second).cmp(&baseline(first));
            b.total_cmp(a).then(newest).then_with(|| first.id().cmp(second.id()))
        });
        let items: Vec<Item> = items.into_iter().map(|(_, item)| item).collect();
        let mut is_known = true;
        for item in &items {
            let scenes = [item.id().to_owned()];
            is_known &= observer.register.has_observation(&site.id, &scenes, &observer.model.sha256)?
                || was_rejected(observer, site, item.id())?;
        }
        if !is_known {
            new.push(Day { date, items });
        }
    }
    Ok(new)
}

/// Processing baseline of an item: `0510` for 05.10. Empty if it is unknown.
fn baseline(item: &Item) -> String {
    let stated = item.property("s2:processing_baseline").as_str().map(|text| text.replace('.', ""));
    let named = || {
        let is_baseline = |part: &&str| part.len() == 5 && part[1..].bytes().all(|b| b.is_ascii_digit());
        item.id().split('_').filter(|part| part.starts_with('N')).find(is_baseline).map(|part| part[1..].to_owned())
    };
    stated.or_else(named).unwrap_or_default()
}

/// Sends the due alerts of a register. Mails have the names of its sites, and pictures of their observations.
pub fn deliver(register: &Register, config: &AlertConfig, now: Timestamp, job: Job<'_>) -> Result<DeliveryReport> {
    alerts::deliver(register.connection(), config, &SitesOfRegister(register), now, job)
}

/// Deliveries of a register, of one state or of all states.
pub fn deliveries(register: &Register, state: Option<DeliveryState>) -> Result<Vec<Delivery>> {
    alerts::list(register.connection(), state)
}

/// Makes pending deliveries due now, of one channel or of all. Returns their number.
pub fn hasten(register: &Register, channel: Option<&str>, now: Timestamp) -> Result<usize> {
    alerts::hasten(register.connection(), channel, now)
}

/// Makes dead deliveries due again, of one alert or channel or of all. Returns their number.
pub fn revive(register: &Register, id: Option<&str>, channel: Option<&str>, now: Timestamp) -> Result<usize> {
    alerts::revive(register.connection(), id, channel, now)
}
