//! Maps units. Any number of workers may run at the same time, on any number of machines that share the project's store.
//!
//! In a folder, a worker holds the lock of the unit that it maps. The system releases the lock when the process ends, so a killed
//! worker blocks nothing, and clocks do not matter. A unit's map appears under its name when it is complete. The same scenes and
//! the same model give the same bytes on every worker. A server that asks one worker to wait is not asked by the others either.
//!
//! In an object store there are no locks. A worker maps the unit in a temporary folder, uploads its maps, and then writes the
//! record, so a unit is done or absent. Two workers that map the same unit write the same bytes.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fs_err as fs;
use geo::{BoundingRect, MultiPolygon, Rect};
use minesegsat_core::area_of_interest::{AreaOfInterest, polygons_on_scene};
use minesegsat_core::job::Job;
use minesegsat_core::model_description::ModelDescription;
use minesegsat_core::output::{FolderLock, OutputFolder};
use minesegsat_core::rasterize::Rasterizer;
use minesegsat_core::{Crs, Error, Grid, Result, Segmenter, Window};
use minesegsat_io::cog::{BandMeta, CogOptions, CogWriter};
use minesegsat_io::http::share_pauses_in;
use minesegsat_io::{DataType, Location, Pixels, RasterSource, open_raster};
use minesegsat_map::change::shift;
use minesegsat_map::predict::{PredictOptions, predict};
use minesegsat_scene::catalog::{Item, SearchArea};
use minesegsat_scene::download::{DownloadOptions, download};
use minesegsat_scene::manifest::OutputRecord;
use minesegsat_scene::{OpenOptions, Scene};
use minesegsat_vector::vector::ToLonLat;
use serde::Serialize;

use crate::ownership::{Ownership, TilePlaces};
use crate::project::{BACKOFF, Composite, PROBABILITY, Project, Unit, UnitRecord, UnitState};
use crate::store::{LocalFolder, Store};

/// Which scene each pixel of a unit comes from.
pub const SCENE: &str = "scene.tif";
/// Land around the area that is read as well, so that the network sees what surrounds it, in metres.
const CONTEXT_M: f64 = 640.0;
const METRES_PER_DEGREE: f64 = 111_320.0;
/// Longest wait before a further try.
const MAX_WAIT: Duration = Duration::from_mins(1);
/// Rows that are combined at a time.
const ROWS: usize = 512;
/// Value of `scene.tif` where no scene shows the ground.
const NO_SCENE: u8 = 0;

/// The model that maps units.
#[expect(missing_debug_implementations, reason = "networks have none")]
pub struct UnitModel<'a> {
    /// The network.
    pub segmenter: &'a dyn Segmenter,
    /// What the pipeline must know of the model.
    pub description: ModelDescription,
    /// Number of bands that may be absent.
    pub max_absent: usize,
    /// SHA-256 of its weights.
    pub sha256: String,
    /// Patches, workers and device.
    pub predict: PredictOptions,
}

/// Which units a worker maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// All that no other worker maps.
    All,
    /// One unit, by its place in the plan from 0.
    Index(usize),
    /// Every `of`th unit from `part` on; `part` counts from 0.
    Shard {
        /// Place of this part, from 0.
        part: usize,
        /// Number of parts.
        of: usize,
    },
}

impl std::str::FromStr for Share {
    type Err = Error;

    /// Parses `2/8`: the second of eight parts.
    fn from_str(text: &str) -> Result<Self> {
        let parsed = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        match parsed {
            Some((part, of)) if (1..=of).contains(&part) => Ok(Self::Shard { part: part - 1, of }),
            _ => Err(Error::Argument {
                name: "shard",
                value: text.to_owned(),
                accepted: "a part and the number of parts, from 1/8 to 8/8".to_owned(),
            }),
        }
    }
}

/// How a worker maps units.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Which units.
    pub share: Share,
    /// Units at a time.
    pub jobs: usize,
    /// Most tries of a unit whose failure may pass.
    pub tries: u32,
    /// Keep the downloaded scenes of each unit.
    pub keep_scenes: bool,
    /// Name of the worker in records.
    pub worker: String,
}

/// What a worker did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RunReport {
    /// Units that this worker mapped.
    pub mapped: Vec<String>,
    /// Units that were mapped before.
    pub done_before: usize,
    /// Units that another worker maps now.
    pub with_others: Vec<String>,
    /// Units whose failure may pass, with the reason.
    pub failed: Vec<(String, String)>,
    /// Units that fail again at each try, with the reason.
    pub broken: Vec<(String, String)>,
}

/// Maps the units of a share. A unit that fails does not stop the others.
///
/// # Errors
/// The model is not the plan's; the share names no unit; a record cannot be read or written; the run was cancelled.
pub fn run(project: &Project, model: &UnitModel<'_>, options: &RunOptions, job: Job<'_>) -> Result<RunReport> {
    let planned = &project.plan.model;
    if model.sha256 != planned.sha256 {
        return Err(Error::Argument {
            name: "model",
            value: model.sha256.clone(),
            accepted: format!(
                "{} with weights {}: all units of a project have one model",
                planned.title, planned.sha256
            ),
        });
    }
    if options.keep_scenes && matches!(project.store(), Store::Objects(_)) {
        return Err(Error::Argument {
            name: "project whose scenes are kept",
            value: project.store().to_string(),
            accepted: "a folder; an object store keeps no downloaded scenes".to_owned(),
        });
    }
    let units = units_of(project, options.share)?;
    let _pauses = match project.store() {
        Store::Folder(folder) => Some(share_pauses_in(&folder.join(BACKOFF))),
        Store::Objects(_) => None,
    };
    let places = TilePlaces::new(&project.plan.tiles)?;
    let report = Mutex::new(RunReport::default());
    let (next, begun) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failure: Mutex<Option<Error>> = Mutex::new(None);
    // With several units at a time their own progress would be mixed up.
    let inner = if options.jobs > 1 { job.without_progress() } else { job };
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.clamp(1, units.len().max(1)) {
            scope.spawn(|| {
                while let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let at = begun.fetch_add(1, Ordering::Relaxed);
                    job.progress.item(at, units.len(), &unit.id);
                    let done = if job.is_cancelled() {
                        Err(Error::Interrupted)
                    } else {
                        run_unit((project, &places), model, options, unit, &report, inner)
                    };
                    if let Err(error) = done {
                        lock(&failure).get_or_insert(error);
                        break;
                    }
                }
            });
        }
    });
    if let Some(error) = lock(&failure).take() {
        return Err(error);
    }
    let mut report = report.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    report.mapped.sort();
    report.failed.sort();
    report.broken.sort();
    Ok(report)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn units_of(project: &Project, share: Share) -> Result<Vec<&Unit>> {
    let units = &project.plan.units;
    match share {
        Share::All => Ok(units.iter().collect()),
        Share::Shard { part, of } => Ok(units.iter().skip(part).step_by(of).collect()),
        Share::Index(index) => match units.get(index) {
            Some(unit) => Ok(vec![unit]),
            None => Err(Error::Argument {
                name: "index",
                value: index.to_string(),
                accepted: format!("0 to {}, the places of the project's units", units.len().saturating_sub(1)),
            }),
        },
    }
}

/// Maps a unit, unless it is mapped or another worker maps it. Fails only if the record cannot be written, or if the run is cancelled.
fn run_unit(
    (project, places): (&Project, &TilePlaces),
    model: &UnitModel<'_>,
    options: &RunOptions,
    unit: &Unit,
    report: &Mutex<RunReport>,
    job: Job<'_>,
) -> Result<()> {
    // Before the lock, which a unit that is done does not need.
    if project.record(unit)?.state == UnitState::Done {
        lock(report).done_before += 1;
        return Ok(());
    }
    let Some(workplace) = Workplace::new(project, unit)? else {
        lock(report).with_others.push(unit.id.clone());
        return Ok(());
    };
    // Those of this worker: a scheduler that begins the task again wants new tries.
    let mut tries = 0;
    loop {
        let before = project.record(unit)?;
        match before.state {
            UnitState::Done => {
                lock(report).done_before += 1;
                return Ok(());
            }
            UnitState::Broken => {
                lock(report).broken.push((unit.id.clone(), before.error.unwrap_or_default()));
                return Ok(());
            }
            UnitState::Failed if tries >= options.tries => {
                lock(report).failed.push((unit.id.clone(), before.error.unwrap_or_default()));
                return Ok(());
            }
            _ => {}
        }
        wait_before(tries, job)?;
        tries += 1;
        let started = Instant::now();
        let mut record = UnitRecord {
            state: UnitState::Running,
            tries: before.tries + 1,
            worker: options.worker.clone(),
            ..UnitRecord::default()
        };
        project.write_record(unit, &record)?;
        let mapped = job.finish(map_unit((project, places), &workplace.folder, model, options, unit, &mut record, job));
        record.seconds = started.elapsed().as_secs_f64();
        match mapped {
            Ok(()) => {
                record.state = UnitState::Done;
                project.write_record(unit, &record)?;
                lock(report).mapped.push(unit.id.clone());
                return Ok(());
            }
            Err(Error::Interrupted) => {
                // A stop is no failure of the unit.
                record.tries -= 1;
                record.state = UnitState::Waiting;
                project.write_record(unit, &record)?;
                return Err(Error::Interrupted);
            }
            Err(error) => {
                record.state = if may_pass(&error) { UnitState::Failed } else { UnitState::Broken };
                record.error = Some(error.to_string());
                project.write_record(unit, &record)?;
                tracing::warn!("{}: {error}", unit.id);
            }
        }
    }
}

/// Where a worker maps a unit.
struct Workplace {
    folder: LocalFolder,
    _lock: Option<FolderLock>,
}

impl Workplace {
    /// The folder of the unit with its lock, or a temporary folder for an object store. `None` if another worker has the unit.
    fn new(project: &Project, unit: &Unit) -> Result<Option<Self>> {
        match project.unit_store(unit) {
            Store::Folder(folder) => {
                let lock = lock_unit(&folder)?;
                Ok(lock.map(|lock| Self { folder: LocalFolder::from(folder.as_path()), _lock: Some(lock) }))
            }
            Store::Objects(_) => Ok(Some(Self { folder: LocalFolder::temporary()?, _lock: None })),
        }
    }
}

/// Locks a unit. `None` if another worker has it. `area status` and `area retry` hold a lock for a moment, so it is tried again.
fn lock_unit(folder: &Path) -> Result<Option<FolderLock>> {
    for pause_ms in [0, 50, 200] {
        std::thread::sleep(Duration::from_millis(pause_ms));
        match FolderLock::acquire(folder) {
            Ok(lock) => return Ok(Some(lock)),
            Err(Error::FolderInUse { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Waits before a further try: 2 s, 4 s, and so on up to a minute.
fn wait_before(tries: u32, job: Job<'_>) -> Result<()> {
    let wait = if tries == 0 { Duration::ZERO } else { Duration::from_secs(1 << tries.min(6)).min(MAX_WAIT) };
    let begun = Instant::now();
    while begun.elapsed() < wait {
        job.check()?;
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Whether a failure may pass by itself: servers, full disks, other runs.
pub fn may_pass(error: &Error) -> bool {
    match error {
        Error::Http { .. } | Error::Io(_) | Error::FolderInUse { .. } => true,
        Error::ObjectStore { may_pass, .. } => *may_pass,
        Error::HttpStatus { status, .. } => matches!(status, 401 | 403 | 408 | 425 | 429 | 500..),
        Error::Download { failures, .. } => failures.iter().all(|(_, error)| may_pass(error)),
        // What the system says to a file that is written, and not what is wrong with a file that is read.
        Error::RasterWrite { source: Some(cause), .. } if cause.is::<std::io::Error>() => true,
        other => other.is_lack_of_room(),
    }
}

fn map_unit(
    (project, places): (&Project, &TilePlaces),
    workplace: &LocalFolder,
    model: &UnitModel<'_>,
    options: &RunOptions,
    unit: &Unit,
    record: &mut UnitRecord,
    job: Job<'_>,
) -> Result<()> {
    let folder = &workplace.path;
    let items = project.items(unit)?;
    let tile = project.tile(unit).grid()?;
    let around = around(&tile, &project.plan.area)?;
    let downloading = DownloadOptions {
        bands: Some(model.description.bands.clone()),
        area: Some(SearchArea::from_polygons(&around, &Crs::WGS84)?),
        clip: true,
        ..DownloadOptions::default()
    };
    let scenes = folder.join("scenes");
    let maps = folder.join("maps");
    remove_folder(&maps)?;
    let mut mapped: Vec<SceneMap> = Vec::new();
    let ownership = Ownership::new(places, unit.tile)?;
    let polygons = polygons_on_scene(&tile, &project.plan.area, &Crs::WGS84)?;
    let wanted = Wanted { ownership, area: Rasterizer::new(&tile, [&polygons]), tile: &tile };
    let mut seen = Seen::default();
    let is_best_pixel = project.plan.composite == Composite::BestPixel;
    for (at, item) in items.iter().enumerate() {
        job.check()?;
        job.progress.stage(item.id());
        let Some(scene) = open_scene(item, &scenes, &downloading, model, job)? else { continue };
        record.warnings.extend(scene.warnings());
        let description = model.description.without_absent(model.max_absent, |band| scene.band(band).is_some());
        let map = maps.join(at.to_string());
        let settings = PredictOptions {
            overwrite: true,
            formats: Vec::new(),
            area: AreaOfInterest::Scene,
            threshold: project.plan.model.threshold,
            ..model.predict.clone()
        };
        let manifest = predict(&scene, &description, model.segmenter, &map, &settings, job)?;
        record.warnings.extend(manifest.warnings);
        mapped.push(SceneMap::open(item.id(), &map, &tile)?);
        if is_best_pixel {
            seen = Seen::count(&mapped, &wanted)?;
            if seen.share() >= project.plan.min_seen {
                break;
            }
        }
    }
    if mapped.is_empty() {
        return Err(Error::input(
            format!("unit {}", unit.id),
            "none of its scenes has pixels over the area, although their footprints do",
        ));
    }
    job.progress.stage("joining its scenes");
    if !is_best_pixel {
        seen = Seen::count(&mapped, &wanted)?;
    }
    let output = OutputFolder::create(folder, &[PROBABILITY, SCENE], true)?;
    combine(&mapped, project.plan.composite, &output)?;
    let hash = OutputRecord::from_file(PROBABILITY, &output.path(PROBABILITY))?;
    output.commit()?;
    job.progress.stage("storing its map");
    project.unit_store(unit).take(workplace, [SCENE, PROBABILITY])?;
    record.scenes = mapped.iter().map(|map| map.id.clone()).collect();
    record.share_seen = seen.share();
    record.mean_probability = seen.mean();
    record.sha256 = hash.sha256;
    record.warnings.sort();
    record.warnings.dedup();
    remove_folder(&maps)?;
    if !options.keep_scenes {
        remove_folder(&scenes)?;
    }
    Ok(())
}

/// Fetches the part of a scene around the area. `None` if it has no pixels there.
fn open_scene(
    item: &Item,
    folder: &Path,
    options: &DownloadOptions,
    model: &UnitModel<'_>,
    job: Job<'_>,
) -> Result<Option<Scene>> {
    let assets = item.assets();
    // Bands that an item lacks cannot be asked for.
    let bands = model.description.bands.iter().copied();
    let has = |band: &minesegsat_core::Band| {
        let name = band.to_string();
        assets.iter().any(|(key, asset)| {
            let named = asset["bands"].as_array().into_iter().chain(asset["eo:bands"].as_array()).flatten();
            key.eq_ignore_ascii_case(&name)
                || key.eq_ignore_ascii_case(&name.replace("B0", "B"))
                || named.into_iter().any(|one| one["name"].as_str().is_some_and(|n| n.eq_ignore_ascii_case(&name)))
        })
    };
    let there: Vec<minesegsat_core::Band> = bands.filter(has).collect();
    // Items that name their bands in a way of their own are left to the download, which says what is missing.
    let bands = if there.is_empty() { options.bands.clone() } else { Some(there) };
    let report = download(std::slice::from_ref(item), folder, &DownloadOptions { bands, ..options.clone() }, job)?;
    let Some(path) = report.scenes.into_iter().next().and_then(|scene| scene.item) else { return Ok(None) };
    Scene::open_at(&Location::from(path.as_path()), &OpenOptions::default()).map(Some)
}

/// The box of the area on a tile with its surroundings, in longitude and latitude.
fn around(tile: &Grid, area: &MultiPolygon<f64>) -> Result<MultiPolygon<f64>> {
    let rect = box_on_tile(tile, &polygons_on_scene(tile, area, &Crs::WGS84)?);
    ToLonLat::new(&tile.crs)?.run(&rect.to_polygon().into())
}

/// The box of polygons on a tile with its surroundings, which a unit maps. Both are in the tile's CRS.
pub(crate) fn box_on_tile(tile: &Grid, on_tile: &MultiPolygon<f64>) -> Rect<f64> {
    let margin = CONTEXT_M / tile.crs.metres_per_unit().unwrap_or(METRES_PER_DEGREE);
    let [min_x, min_y, max_x, max_y] = tile.bounds();
    let rect = on_tile.bounding_rect().unwrap_or_else(|| Rect::new((min_x, min_y), (max_x, max_y)));
    Rect::new(
        ((rect.min().x - margin).max(min_x), (rect.min().y - margin).max(min_y)),
        ((rect.max().x + margin).min(max_x), (rect.max().y + margin).min(max_y)),
    )
}

/// The map of one scene of a unit.
struct SceneMap {
    id: String,
    probability: std::sync::Arc<dyn RasterSource>,
}

impl SceneMap {
    fn open(id: &str, folder: &Path, tile: &Grid) -> Result<Self> {
        let location = Location::from(folder.join(PROBABILITY).as_path());
        let probability = open_raster(&location)?;
        if shift(tile, &probability.info().grid).is_none() {
            let reason = "its pixels are not those of the unit's tile";
            return Err(Error::raster(probability.info().location.clone(), reason));
        }
        Ok(Self { id: id.to_owned(), probability })
    }

    fn rows(&self, window: Window) -> Result<Vec<f32>> {
        match self.probability.read(0, window)? {
            Pixels::F32(values) => Ok(values),
            other => Ok(other.to_f32()),
        }
    }
}

/// The pixels of a unit that count: those inside the area that its tile owns.
struct Wanted<'a> {
    ownership: Ownership,
    area: Rasterizer,
    tile: &'a Grid,
}

impl Wanted<'_> {
    /// Whether each pixel of a row of the tile counts, `[W]` of the tile.
    fn row(&self, row: usize, out: &mut [bool]) -> Result<()> {
        let mut inside = vec![0; self.tile.width];
        self.area.burn_rows(row, 1, &mut inside);
        if !inside.contains(&1) {
            out.fill(false);
            return Ok(());
        }
        self.ownership.row(row, out)?;
        out.iter_mut().zip(inside).for_each(|(out, inside)| *out &= inside == 1);
        Ok(())
    }
}

/// What the scenes of a unit show together of the pixels that count.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    all: u64,
    shown: u64,
    sum: f64,
}

impl Seen {
    fn count(maps: &[SceneMap], wanted: &Wanted<'_>) -> Result<Self> {
        let mut seen = Self::default();
        let grid = &maps[0].probability.info().grid;
        let (col, first_row) = shift(wanted.tile, grid).unwrap_or_default();
        let mut counts = vec![false; wanted.tile.width];
        for_rows(maps, |row, rows| {
            for (line, first) in (0..rows[0].len()).step_by(grid.width).enumerate() {
                wanted.row(first_row as usize + row + line, &mut counts)?;
                for at in (0..grid.width).filter(|at| counts[col as usize + at]) {
                    seen.all += 1;
                    if let Some(p) = rows.iter().map(|row| row[first + at]).find(|p| !p.is_nan()) {
                        seen.shown += 1;
                        seen.sum += f64::from(p);
                    }
                }
            }
            Ok(())
        })?;
        Ok(seen)
    }

    /// Share of the pixels that count, 0 to 1.
    fn share(self) -> f64 {
        if self.all == 0 { 1.0 } else { self.shown as f64 / self.all as f64 }
    }

    fn mean(self) -> Option<f64> {
        (self.shown > 0).then(|| self.sum / self.shown as f64)
    }
}

/// Calls `with` with strips of rows of all maps. Maps whose grids differ are refused.
fn for_rows(maps: &[SceneMap], mut with: impl FnMut(usize, &[Vec<f32>]) -> Result<()>) -> Result<()> {
    let grid = &maps[0].probability.info().grid;
    if let Some(other) = maps.iter().find(|map| map.probability.info().grid != *grid) {
        let reason = format!("scene {} covers another window of the tile than {}", other.id, maps[0].id);
        return Err(Error::raster(other.probability.info().location.clone(), reason));
    }
    for row in (0..grid.height).step_by(ROWS) {
        let window = Window::new(0, row, grid.width, ROWS.min(grid.height - row));
        let rows = maps.iter().map(|map| map.rows(window)).collect::<Result<Vec<_>>>()?;
        with(row, &rows)?;
    }
    Ok(())
}

/// Writes the map of a unit and where its pixels come from.
fn combine(maps: &[SceneMap], composite: Composite, output: &OutputFolder) -> Result<()> {
    let grid = maps[0].probability.info().grid.clone();
    let scenes: Vec<&str> = maps.iter().map(|map| map.id.as_str()).collect();
    let metadata = vec![("SCENES".to_owned(), scenes.join(" "))];
    let options = CogOptions {
        bands: vec![BandMeta::named("mining_probability")],
        metadata: metadata.clone(),
        ..CogOptions::default()
    };
    let mut probability = CogWriter::create(&output.path(PROBABILITY), &grid, options)?;
    let options = CogOptions {
        data_type: DataType::U8,
        nodata: Some(f64::from(NO_SCENE)),
        bands: vec![BandMeta::named("scene")],
        overview_resampling: minesegsat_io::cog::OverviewResampling::Nearest,
        metadata,
        ..CogOptions::default()
    };
    let mut scene = CogWriter::create(&output.path(SCENE), &grid, options)?;
    let mut values: Vec<(f32, u8)> = Vec::with_capacity(maps.len());
    for_rows(maps, |_, rows| {
        let pixels = rows[0].len();
        let (mut out, mut from) = (vec![f32::NAN; pixels], vec![NO_SCENE; pixels]);
        for at in 0..pixels {
            values.clear();
            let shown = rows.iter().zip(1_u8..).map(|(row, number)| (row[at], number)).filter(|(p, _)| !p.is_nan());
            match composite {
                Composite::BestPixel => values.extend(shown.take(1)),
                Composite::Median => {
                    values.extend(shown);
                    values.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                }
            }
            // Of an even number the lower median, which one of the scenes has.
            if let Some(&(p, number)) = values.get(values.len().saturating_sub(1) / 2) {
                (out[at], from[at]) = (p, number);
            }
        }
        probability.write_rows(&[Pixels::F32(out)])?;
        scene.write_rows(&[Pixels::U8(from)])
    })?;
    probability.finish()?;
    scene.finish()
}

fn remove_folder(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Records of all units as others see them, in the order of the plan: one that says `running` without a lock is that of a worker
/// that was stopped.
///
/// # Errors
/// A record cannot be read.
pub fn states(project: &Project) -> Result<Vec<UnitRecord>> {
    let mut records = project.records()?;
    for (unit, record) in project.plan.units.iter().zip(&mut records) {
        if record.state == UnitState::Running
            && let Store::Folder(folder) = project.unit_store(unit)
            && FolderLock::acquire(&folder).is_ok()
        {
            record.state = UnitState::Waiting;
        }
    }
    Ok(records)
}

/// Makes failed and broken units wait again, with all their tries. Returns their ids.
///
/// # Errors
/// A record cannot be read or written.
pub fn retry(project: &Project) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (unit, record) in project.plan.units.iter().zip(project.records()?) {
        if !matches!(record.state, UnitState::Failed | UnitState::Broken) {
            continue;
        }
        let _lock = match project.unit_store(unit) {
            Store::Folder(folder) => match FolderLock::acquire(&folder) {
                Ok(lock) => Some(lock),
                Err(_) => continue,
            },
            Store::Objects(_) => None,
        };
        project.write_record(unit, &UnitRecord::default())?;
        found.push(unit.id.clone());
    }
    Ok(found)
}
