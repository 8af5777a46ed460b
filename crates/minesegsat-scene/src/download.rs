//! Download of catalogue scenes to disk: whole files in parallel ranges, or windows of them. The written item opens
//! as a scene.
//!
//! ```text
//! DIR/.minesegsat.lock        lock of the running download
//! DIR/<item>/item.json        present if the scene is complete; refers to the files beside it
//! DIR/<item>/B04.tif          always a complete file
//! DIR/<item>/.B04.tif.partial and .B04.tif.journal, .download.json     files of an unfinished download
//! ```
//! A killed run leaves the files of the last line behind, and the same command resumes from them. The program checks
//! received bytes against their checksums before it resumes. At the end it checks size and checksum of the item, and opens
//! the file as the image that it must be: servers send login pages and error documents with status 200.

mod checksum;
mod clip;
mod content;
mod journal;
mod plan;
mod record;
mod source;
mod transfer;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fs_err as fs;
use serde::Serialize;
use sha2::{Digest, Sha256};

use self::checksum::{Described, Measured, measure, mismatch};
use self::content::{Fault, check_content, is_image};
use self::plan::{AssetPlan, ScenePlan, plan};
use self::record::{ClipGrid, Record, Stored};
use self::source::{Signed, Signer, Source};
use self::transfer::{Transfer, remove_if_there};
use crate::catalog::{Item, ItemKey, SearchArea, geometry, keep_newest_processing};
use minesegsat_core::area_of_interest::AreaOfInterest;
use minesegsat_core::job::{Job, Progress};
use minesegsat_core::output::{FolderLock, remove_abandoned_files};
use minesegsat_core::{Band, Crs, Error, Result};
use minesegsat_io::http::inspect;

/// Settings of a download.
#[derive(Debug, Clone, PartialEq)]
pub struct DownloadOptions {
    /// The bands, besides the classification. `None`: all bands of an item.
    pub bands: Option<Vec<Band>>,
    /// Only scenes that overlap this area.
    pub area: Option<SearchArea>,
    /// Only the window with the area's bounding box, as Cloud Optimized GeoTIFFs.
    pub clip: bool,
    /// Number of simultaneous requests and windows, 1 to 64.
    pub jobs: usize,
    /// Replace existing scenes that were clipped differently.
    pub overwrite: bool,
    /// Pay for reads from requester-pays buckets.
    pub requester_pays: bool,
}

impl Default for DownloadOptions {
    /// All bands of all scenes, unclipped, with eight simultaneous requests.
    fn default() -> Self {
        Self { bands: None, area: None, clip: false, jobs: 8, overwrite: false, requester_pays: false }
    }
}

/// Download state of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SceneState {
    /// Downloaded by this run.
    Downloaded,
    /// Complete before this run.
    AlreadyThere,
    /// Outside the area.
    Outside,
    /// Left out, because the same acquisition is there with a newer processing baseline.
    Superseded,
}

/// One item of a download.
#[derive(Debug, Clone, Serialize)]
pub struct SceneReport {
    /// Id of the item.
    pub id: String,
    /// Download state.
    pub state: SceneState,
    /// Path of its local item, for complete scenes.
    pub item: Option<PathBuf>,
}

/// Result of a download.
#[derive(Debug, Clone, Serialize)]
pub struct DownloadReport {
    /// The scenes, in the order of the items.
    pub scenes: Vec<SceneReport>,
    /// Bytes received over the network or copied from other folders. For clips: bytes of the pixels before
    /// compression.
    pub bytes: u64,
    /// Duration in seconds.
    pub seconds: f64,
}

/// Downloads items into a folder.
///
/// A failed scene does not stop the others: the error at the end names all failed scenes. Errors that affect all
/// scenes (full disk, refused login, interruption) end the run immediately.
pub fn download(items: &[Item], dir: &Path, options: &DownloadOptions, job: Job<'_>) -> Result<DownloadReport> {
    let start = Instant::now();
    if !(1..=64).contains(&options.jobs) {
        let accepted = "1 to 64".to_owned();
        return Err(Error::Argument { name: "jobs", value: options.jobs.to_string(), accepted });
    }
    if options.clip && options.area.is_none() {
        let accepted = "with an area to clip to".to_owned();
        return Err(Error::Argument { name: "clip", value: "whole scenes".to_owned(), accepted });
    }
    let signer = Signer::from_env(options.requester_pays);
    let mut newest = items.to_vec();
    for replaced in keep_newest_processing(&mut newest) {
        tracing::info!("{} is left out: {} is a newer processing", replaced.older, replaced.newer);
    }
    let (plans, outside) = plan(&newest, options, &signer)?;
    let _lock = FolderLock::acquire(dir)?;

    let run = Run::new(plans, dir, options, &signer, job)?;
    std::thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(|| run.work());
        }
    });
    run.report(items, &outside, start)
}

/// A running download.
struct Run<'a> {
    scenes: Vec<Scene>,
    signer: &'a Signer,
    /// The clip area in longitude and latitude; `None` for whole scenes.
    clip_to: Option<AreaOfInterest>,
    progress: Counted<'a>,
    cancel: &'a AtomicBool,
    board: Mutex<Board>,
    changed: Condvar,
    complete: AtomicUsize,
}

/// Adds up the bytes transferred.
struct Counted<'a> {
    to: &'a dyn Progress,
    total: AtomicU64,
}

impl Progress for Counted<'_> {
    fn expect_bytes(&self, bytes: u64) {
        self.to.expect_bytes(bytes);
    }

    fn bytes(&self, bytes: u64) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
        self.to.bytes(bytes);
    }

    fn advance(&self, done: usize, total: usize) {
        self.to.advance(done, total);
    }
}

/// A scene in progress.
struct Scene {
    plan: ScenePlan,
    folder: PathBuf,
    state: Mutex<SceneProgress>,
    bounds: Mutex<ClipBounds>,
    failed: AtomicBool,
}

/// Bounds of a clipped scene.
#[derive(Clone, Copy)]
enum ClipBounds {
    /// No band has been opened yet.
    Unknown,
    /// The area does not overlap the scene.
    Outside,
    /// Bounds in the scene's CRS: min x, min y, max x, max y.
    Inside([f64; 4]),
}

struct SceneProgress {
    record: Record,
    missing: usize,
    was_there: bool,
    outside: bool,
    failure: Option<Error>,
}

/// The queue of the run.
#[derive(Default)]
struct Board {
    /// Indices of scene and asset.
    waiting: VecDeque<(usize, usize)>,
    active: Vec<Arc<Active>>,
    /// Number of assets that a thread is starting.
    starting: usize,
    /// Assets restarted once because their file changed on the server.
    restarted: HashSet<(usize, usize)>,
    /// An error that ends the run.
    fatal: Option<Error>,
}

/// An asset that is downloaded in parts.
struct Active {
    scene: usize,
    asset: usize,
    transfer: Transfer,
}

enum Task {
    Start(usize, usize),
    Part(Arc<Active>, u64),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Run<'a> {
    /// Checks which files exist and queues the others.
    fn new(
        plans: Vec<ScenePlan>,
        dir: &Path,
        options: &DownloadOptions,
        signer: &'a Signer,
        job: Job<'a>,
    ) -> Result<Self> {
        let clip = options.area.as_ref().filter(|_| options.clip);
        let clip_hash = clip.map(|area| {
            let text = geometry(area.polygons()).to_string();
            checksum::hex(&Sha256::digest(text.as_bytes()))
        });
        let mut scenes = Vec::new();
        let mut board = Board::default();
        for plan in plans {
            let folder = dir.join(&plan.name);
            fs::create_dir_all(&folder)?;
            remove_abandoned_files(&folder);
            let mut record = Record::read(&folder).unwrap_or_default();
            let sources: BTreeMap<&str, String> =
                plan.assets.iter().map(|asset| (asset.key.as_str(), asset.source.to_string())).collect();
            let item_path = folder.join(record::ITEM);
            let has_item = item_path.exists();
            let is_foreign = has_item && record::read_item(&item_path).is_none();
            if record.clip != clip_hash || is_foreign {
                if has_item && !options.overwrite {
                    return Err(Error::OutputExists { path: item_path });
                }
                // Files clipped to another area are not part of this download.
                remove_if_there(&item_path)?;
                for asset in &plan.assets {
                    remove_if_there(&folder.join(&asset.file))?;
                }
                record = Record { clip: clip_hash.clone(), ..Record::default() };
            }
            // Bands of an earlier request stay in the item if their source is unchanged.
            let value = plan.item.to_value();
            record.assets.retain(|key, stored| match sources.get(key.as_str()) {
                Some(source) => *source == stored.source,
                None => value["assets"].get(key).is_some(),
            });
            // Older versions stored what a server sent without a look at it.
            let stored = record.assets.len();
            record.assets.retain(|_, stored| is_image(&folder.join(&stored.file)));
            if record.assets.len() < stored {
                tracing::warn!(
                    "{}: {} no images and fetched again",
                    folder.display(),
                    if stored - record.assets.len() == 1 { "a stored file is" } else { "stored files are" }
                );
                remove_if_there(&item_path)?;
                record.write(&folder)?;
            }
            let has_item = item_path.exists();
            let index = scenes.len();
            let mut missing = 0;
            for (at, asset) in plan.assets.iter().enumerate() {
                if !record.assets.contains_key(&asset.key) {
                    missing += 1;
                    board.waiting.push_back((index, at));
                    job.progress.expect_bytes(asset.described.size.filter(|_| clip.is_none()).unwrap_or(0));
                }
            }
            let was_there = missing == 0 && has_item;
            if was_there {
                // A run that was killed before its last step leaves this record.
                remove_if_there(&folder.join(record::RECORD))?;
            }
            let state = SceneProgress { record, missing, was_there, outside: false, failure: None };
            scenes.push(Scene {
                plan,
                folder,
                state: Mutex::new(state),
                bounds: Mutex::new(ClipBounds::Unknown),
                failed: AtomicBool::new(false),
            });
        }
        let run = Self {
            scenes,
            signer,
            clip_to: clip.map(|area| AreaOfInterest::Polygons(area.polygons().clone(), Crs::WGS84)),
            progress: Counted { to: job.progress, total: AtomicU64::new(0) },
            cancel: job.cancel,
            board: Mutex::new(board),
            changed: Condvar::new(),
            complete: AtomicUsize::new(0),
        };
        for scene in &run.scenes {
            let state = lock(&scene.state);
            if state.missing == 0 {
                if !state.was_there {
                    record::complete(&scene.folder, &scene.plan.item, &state.record)?;
                }
                run.complete.fetch_add(1, Ordering::SeqCst);
            }
        }
        run.progress.advance(run.complete.load(Ordering::SeqCst), run.scenes.len());
        Ok(run)
    }

    /// The job of each step, which counts its bytes.
    fn job(&self) -> Job<'_> {
        Job::new(&self.progress, self.cancel)
    }

    /// The loop of each thread until the queue is empty.
    fn work(&self) {
        while let Some(task) = self.next_task() {
            let (scene, result) = match &task {
                Task::Start(scene, asset) => (*scene, self.start(*scene, *asset)),
                Task::Part(active, part) => (active.scene, self.part(active, *part)),
            };
            let mut board = lock(&self.board);
            if matches!(task, Task::Start(..)) {
                board.starting -= 1;
            }
            if let Err(error) = result {
                if concerns_all(&error) {
                    board.fatal.get_or_insert(error);
                } else {
                    self.scenes[scene].failed.store(true, Ordering::SeqCst);
                    lock(&self.scenes[scene].state).failure.get_or_insert(error);
                    board.waiting.retain(|(waiting, _)| *waiting != scene);
                    for active in board.active.iter().filter(|active| active.scene == scene) {
                        active.transfer.make_void();
                    }
                    board.active.retain(|active| active.scene != scene);
                }
            }
            drop(board);
            self.changed.notify_all();
        }
    }

    /// The next part of a started file, or the next file.
    fn next_task(&self) -> Option<Task> {
        let mut board = lock(&self.board);
        loop {
            if self.cancel.load(Ordering::SeqCst) {
                board.fatal.get_or_insert(Error::Interrupted);
            }
            if board.fatal.is_some() {
                self.changed.notify_all();
                return None;
            }
            let part = board.active.iter().find_map(|active| Some((Arc::clone(active), active.transfer.take_part()?)));
            if let Some((active, part)) = part {
                return Some(Task::Part(active, part));
            }
            if let Some((scene, asset)) = board.waiting.pop_front() {
                board.starting += 1;
                return Some(Task::Start(scene, asset));
            }
            // Starting files may add parts, and changed files return to the queue.
            if board.starting == 0 && board.active.is_empty() {
                return None;
            }
            let (guard, _) =
                self.changed.wait_timeout(board, Duration::from_millis(100)).unwrap_or_else(PoisonError::into_inner);
            board = guard;
        }
    }

    /// Starts an asset. Clips and local files are finished immediately.
    fn start(&self, scene_index: usize, asset_index: usize) -> Result<()> {
        let scene = &self.scenes[scene_index];
        let asset = &scene.plan.assets[asset_index];
        if let Some(area) = &self.clip_to {
            return self.clip(scene, asset, area);
        }
        let target = scene.folder.join(&asset.file);
        if target.is_file() {
            // A run that was killed after the rename, but before the record, leaves this file.
            if asset.described.is_exact()
                && let Ok(measured) = measure(&target, &asset.described)?
                && check_content(&target, asset.grid.as_ref()).is_ok()
            {
                remove_if_there(&partial_of(&target))?;
                remove_if_there(&beside(&target, "journal"))?;
                self.progress.bytes(measured.size);
                return self.store(scene, asset, measured, None);
            }
            remove_if_there(&target)?;
        }
        if let Source::Path(path) = &asset.source {
            return self.copy(scene, asset, path, &target);
        }
        let info = inspect(&Signed { signer: self.signer, source: &asset.source }, self.cancel)?;
        if let (Some(said), Some(size)) = (asset.described.size, info.size)
            && said != size
        {
            let how = format!("the server has {size} bytes, but the item states {said}");
            return Err(mismatch(&asset.source, &how));
        }
        if asset.described.size.is_none() {
            self.progress.expect_bytes(info.size.unwrap_or(0));
        }
        let name = asset.source.to_string();
        let transfer = Transfer::begin(info, &name, partial_of(&target), beside(&target, "journal"), self.job())?;
        let active = Arc::new(Active { scene: scene_index, asset: asset_index, transfer });
        if active.transfer.is_complete() {
            return self.finish(&active);
        }
        let mut board = lock(&self.board);
        // If another file of the scene failed meanwhile, no thread would finish this one.
        if !scene.failed.load(Ordering::SeqCst) {
            board.active.push(active);
        }
        Ok(())
    }

    /// Fetches a part of a file. After the last part, moves the file to its final name.
    fn part(&self, active: &Arc<Active>, part: u64) -> Result<()> {
        let scene = &self.scenes[active.scene];
        if scene.failed.load(Ordering::SeqCst) {
            return Ok(());
        }
        let asset = &scene.plan.assets[active.asset];
        let address = Signed { signer: self.signer, source: &asset.source };
        match active.transfer.fetch(&address, part, self.job())? {
            Ok(false) => Ok(()),
            Ok(true) => self.finish(active),
            Err(how) => self.begin_again(active, &how),
        }
    }

    /// Checks a complete file and moves it to its final name.
    fn finish(&self, active: &Arc<Active>) -> Result<()> {
        let scene = &self.scenes[active.scene];
        let asset = &scene.plan.assets[active.asset];
        let (partial, _) = active.transfer.complete()?;
        match examine(partial, asset)? {
            Ok(measured) => {
                fs::rename(partial, scene.folder.join(&asset.file))?;
                active.transfer.forget_journal()?;
                self.store(scene, asset, measured, None)?;
                self.remove_active(active);
                Ok(())
            }
            Err(fault) => {
                active.transfer.discard()?;
                match fault {
                    Fault::Other(what) => Err(not_the_image(asset, &what)),
                    Fault::Damaged(how) => self.begin_again(active, &how),
                }
            }
        }
    }

    fn remove_active(&self, active: &Arc<Active>) {
        lock(&self.board).active.retain(|other| !Arc::ptr_eq(other, active));
    }

    /// Restarts a file that changed on the server or arrived damaged. Allowed once per file.
    fn begin_again(&self, active: &Arc<Active>, how: &str) -> Result<()> {
        if !active.transfer.make_void() {
            return Ok(());
        }
        let place = (active.scene, active.asset);
        let source = &self.scenes[active.scene].plan.assets[active.asset].source;
        let mut board = lock(&self.board);
        board.active.retain(|other| !Arc::ptr_eq(other, active));
        if !board.restarted.insert(place) {
            return Err(mismatch(source, &format!("{how}, twice")));
        }
        tracing::warn!("{source} is downloaded again from the beginning: {how}");
        board.waiting.push_front(place);
        Ok(())
    }

    /// Copies a local file.
    fn copy(&self, scene: &Scene, asset: &AssetPlan, from: &Path, target: &Path) -> Result<()> {
        let partial = partial_of(target);
        let copied = fs::copy(from, &partial)?;
        self.progress.bytes(copied);
        match examine(&partial, asset)? {
            Ok(measured) => {
                fs::rename(&partial, target)?;
                self.store(scene, asset, measured, None)
            }
            Err(fault) => {
                remove_if_there(&partial)?;
                Err(match fault {
                    Fault::Other(what) => not_the_image(asset, &what),
                    Fault::Damaged(how) => mismatch(&asset.source, &how),
                })
            }
        }
    }

    /// Reads the window of the area and writes it.
    fn clip(&self, scene: &Scene, asset: &AssetPlan, area: &AreaOfInterest) -> Result<()> {
        // The first band of the scene determines the window of all bands.
        let Some(bounds) = self.clip_bounds(scene, area)? else {
            lock(&scene.state).outside = true;
            return Ok(());
        };
        let image = clip::open(&self.signer.location(&asset.source)?, asset.grid.as_ref())?;
        let target = scene.folder.join(&asset.file);
        let partial = partial_of(&target);
        let written = clip::write(image.as_ref(), asset.layer, bounds, &partial, self.job());
        let grid = written.inspect_err(|_| {
            // The first error is the one to report.
            let _ = std::fs::remove_file(&partial);
        })?;
        let measured = measure(&partial, &Described::default())?.map_err(|how| mismatch(&asset.source, &how))?;
        fs::File::open(&partial)?.file().sync_all()?;
        fs::rename(&partial, &target)?;
        self.store(scene, asset, measured, Some(ClipGrid::new(&grid)))
    }

    /// The clip bounds of a scene, on the grid of its finest band.
    fn clip_bounds(&self, scene: &Scene, area: &AreaOfInterest) -> Result<Option<[f64; 4]>> {
        let mut known = lock(&scene.bounds);
        match *known {
            ClipBounds::Unknown => {}
            ClipBounds::Outside => return Ok(None),
            ClipBounds::Inside(bounds) => return Ok(Some(bounds)),
        }
        let Some(finest) = scene.plan.assets.first() else { return Ok(None) };
        let image = clip::open(&self.signer.location(&finest.source)?, finest.grid.as_ref())?;
        let bounds = clip::bounds(&image.info().grid, area)?;
        *known = bounds.map_or(ClipBounds::Outside, ClipBounds::Inside);
        Ok(bounds)
    }

    /// Records a complete file, and completes the scene after its last file.
    fn store(&self, scene: &Scene, asset: &AssetPlan, measured: Measured, place: Option<ClipGrid>) -> Result<()> {
        let mut state = lock(&scene.state);
        let stored = Stored { file: asset.file.clone(), source: asset.source.to_string(), measured, place };
        state.record.assets.insert(asset.key.clone(), stored);
        state.missing -= 1;
        if state.missing > 0 {
            return state.record.write(&scene.folder);
        }
        record::complete(&scene.folder, &scene.plan.item, &state.record)?;
        drop(state);
        let done = self.complete.fetch_add(1, Ordering::SeqCst) + 1;
        self.progress.advance(done, self.scenes.len());
        Ok(())
    }

    /// The states of the items, or an error that names all failed scenes.
    fn report(self, items: &[Item], outside: &HashSet<ItemKey>, start: Instant) -> Result<DownloadReport> {
        let board = self.board.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = board.fatal {
            return Err(error);
        }
        let total = self.scenes.len();
        let mut failures = Vec::new();
        let mut by_item = HashMap::new();
        for scene in self.scenes {
            let state = scene.state.into_inner().unwrap_or_else(PoisonError::into_inner);
            let id = scene.plan.item.id().to_owned();
            if let Some(error) = state.failure {
                failures.push((id, Box::new(error)));
                continue;
            }
            let (what, item) = if state.outside {
                // The folder of such a scene is empty.
                let _ = std::fs::remove_dir(&scene.folder);
                (SceneState::Outside, None)
            } else {
                let what = if state.was_there { SceneState::AlreadyThere } else { SceneState::Downloaded };
                (what, Some(scene.folder.join(record::ITEM)))
            };
            by_item.insert(scene.plan.item.key(), SceneReport { id, state: what, item });
        }
        match failures.len() {
            0 => {}
            1 if total == 1 => return Err(*failures.remove(0).1),
            _ => return Err(Error::Download { total, failures }),
        }
        let mut seen = HashSet::new();
        let scenes = items.iter().filter_map(|item| {
            let key = item.key();
            let is_outside = outside.contains(&key);
            if by_item.contains_key(&key) {
                seen.insert(key.clone());
            }
            by_item.remove(&key).or_else(|| {
                let is_twice = !seen.insert(key);
                let state = if is_outside { SceneState::Outside } else { SceneState::Superseded };
                (!is_twice).then(|| SceneReport { id: item.id().to_owned(), state, item: None })
            })
        });
        Ok(DownloadReport {
            scenes: scenes.collect(),
            bytes: self.progress.total.into_inner(),
            seconds: start.elapsed().as_secs_f64(),
        })
    }
}

/// Checks and measures a file that has arrived.
fn examine(partial: &Path, asset: &AssetPlan) -> Result<std::result::Result<Measured, Fault>> {
    let content = check_content(partial, asset.grid.as_ref());
    Ok(match (content, measure(partial, &asset.described)?) {
        (Err(Fault::Other(what)), _) => Err(Fault::Other(what)),
        (_, Err(how)) => Err(Fault::Damaged(how)),
        (content, Ok(measured)) => content.map(|()| measured),
    })
}

/// The error for a server that sent something else than the image.
fn not_the_image(asset: &AssetPlan, what: &str) -> Error {
    let image = if asset.file.ends_with(".jp2") { "a JPEG 2000 image" } else { "a GeoTIFF" };
    Error::raster(asset.source.to_string(), format!("it is not {image}, but {what}; nothing was stored"))
}

/// Whether an error would affect every other scene too.
fn concerns_all(error: &Error) -> bool {
    matches!(
        error,
        Error::Interrupted | Error::Io(_) | Error::RasterWrite { .. } | Error::HttpStatus { status: 401 | 403, .. }
    )
}

/// `.B04.tif.partial` beside `B04.tif`.
fn partial_of(target: &Path) -> PathBuf {
    beside(target, "partial")
}

fn beside(target: &Path, extension: &str) -> PathBuf {
    let name = target.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    target.with_file_name(format!(".{name}.{extension}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_on_their_way_are_hidden_beside_their_place() {
        assert_eq!(partial_of(Path::new("x/B04.tif")), Path::new("x/.B04.tif.partial"));
    }
}
