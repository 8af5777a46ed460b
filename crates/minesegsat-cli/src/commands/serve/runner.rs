//! Runs the jobs of clients: predictions for a box, and checks of sites.

use std::cmp::Ordering as Order;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::{Context, bail};
use geo::{Area, BooleanOps};
use jiff::Timestamp;
use minesegsat::alerts::AlertConfig;
use minesegsat::area_of_interest::{AreaOfInterest, rectangles};
use minesegsat::catalog::{Catalog, DateRange, Item, SearchArea, SearchQuery, keep_newest_processing};
use minesegsat::download::{DownloadOptions, SceneState, download};
use minesegsat::http::{OutwardGuard, outward_requests_only};
use minesegsat::job::{Job, Progress as _};
use minesegsat::monitor::{self, MonitorOptions};
use minesegsat::predict::PredictOptions;
use minesegsat::register::Register;
use minesegsat::{Location, Model, OpenOptions, Scene};
use minesegsat_server::{JobFailure, JobProgress, JobRunner, MonitorRequest, PredictRequest};
use serde_json::{Value, json};

use super::super::site_tools::{open_catalogue, open_model, predict_options};
use crate::args::{EngineArgs, JobArgs};
use crate::commands::engine;

/// Maximum number of scenes to try until one has data in the box.
const MAX_TRIES: usize = 5;

/// Runs jobs with one model.
#[derive(Debug)]
pub(crate) struct Runner {
    workspace: PathBuf,
    model: Model,
    api: String,
    alerts: AlertConfig,
}

impl Runner {
    pub(super) fn open(model: Option<&Path>, workspace: &Path, args: &JobArgs) -> anyhow::Result<Self> {
        Ok(Self {
            workspace: workspace.to_owned(),
            model: open_model(model, &args.engine)?,
            api: args.api.clone(),
            alerts: args.alerts.as_deref().map(AlertConfig::read).transpose()?.unwrap_or_default(),
        })
    }

    /// A runner for `demo`: on the CPU and without alerts.
    pub(crate) fn for_demo(model: &Path, workspace: &Path, api: &str) -> anyhow::Result<Self> {
        Ok(Self {
            workspace: workspace.to_owned(),
            model: open_model(Some(model), &EngineArgs::default())?,
            api: api.to_owned(),
            alerts: AlertConfig::default(),
        })
    }

    /// Prints the profile of the network, if `--profile` was given.
    pub(super) fn print_profile(&self) -> std::io::Result<()> {
        engine::print_profile(&self.model)
    }

    fn predict_box(
        &self,
        request: &PredictRequest,
        progress: &JobProgress,
        cancel: &AtomicBool,
    ) -> anyhow::Result<String> {
        let (catalog, collections) = open_catalogue(request.catalogue.as_ref().unwrap_or(&self.api), &[])?;
        let area = SearchArea::from_bbox(request.bbox)?;
        progress.set(None, "searching");
        let query = SearchQuery {
            collections,
            area: Some(area.clone()),
            datetimes: vec![format!("{}/{}", request.from, request.to).parse::<DateRange>()?],
            max_cloud_cover_percent: Some(request.max_cloud_cover_percent),
            ..SearchQuery::default()
        };
        let _outward = outward_guard(&catalog);
        let mut items = catalog.search(&query, Job::with_cancel(cancel))?.items;
        keep_newest_processing(&mut items);
        sort_by_coverage(&mut items, request.bbox);
        let name = &request.name;
        for item in items.iter().take(MAX_TRIES) {
            progress.set(None, &format!("downloading {}", item.id()));
            let options = DownloadOptions { area: Some(area.clone()), clip: true, ..DownloadOptions::default() };
            let folder = self.workspace.join("scenes").join(name);
            ensure_inside(&self.workspace, &folder)?;
            let report = download(std::slice::from_ref(item), &folder, &options, Job::with_cancel(cancel))?;
            let mut downloaded = report.scenes.iter().filter(|scene| scene.state != SceneState::Outside);
            let Some(path) = downloaded.find_map(|scene| scene.item.as_ref()) else { continue };
            let scene = Scene::open_at(&Location::from(path.as_path()), &OpenOptions::default())?;
            let options = PredictOptions { area: AreaOfInterest::Bbox(request.bbox), ..predict_options(&self.model) };
            progress.set(None, &format!("mapping {}", item.id()));
            let output = self.workspace.join("predictions").join(name);
            ensure_inside(&self.workspace, &output)?;
            self.model.predict(&scene, &output, &options, Job::new(progress, cancel))?;
            return Ok(name.clone());
        }
        bail!(
            "no scene of this box between {} and {} with at most {} % cloud: {} found by footprint, none of those \
             tried has data in the box",
            request.from,
            request.to,
            request.max_cloud_cover_percent,
            items.len()
        )
    }

    fn check_sites(
        &self,
        request: &MonitorRequest,
        progress: &JobProgress,
        cancel: &AtomicBool,
    ) -> anyhow::Result<Value> {
        let (catalog, collections) = open_catalogue(request.catalogue.as_ref().unwrap_or(&self.api), &[])?;
        let _outward = outward_guard(&catalog);
        let register = Register::open(&self.workspace.join("sites.gpkg"))?;
        let options = MonitorOptions {
            sites: request.sites.clone(),
            since: request.since,
            collections,
            ..MonitorOptions::new(predict_options(&self.model))
        };
        let model = self.model.monitor_model();
        let job = Job::new(progress, cancel);
        let report = monitor::run(&register, &catalog, &model, &self.alerts, &options, job)?;
        progress.stage("sending alerts");
        let delivered = monitor::deliver(&register, &self.alerts, Timestamp::now(), job)?;
        Ok(json!({
            "sites": report.sites,
            "observations": report.observations.len(),
            "nothing_new": report.nothing_new,
            "findings": report.findings,
            "failures": report.failures,
            "alerts_delivered": delivered.delivered,
        }))
    }
}

impl JobRunner for Runner {
    fn predict(
        &self,
        request: &PredictRequest,
        progress: &JobProgress,
        cancel: &AtomicBool,
    ) -> Result<String, JobFailure> {
        Ok(self.predict_box(request, progress, cancel)?)
    }

    fn monitor(
        &self,
        request: &MonitorRequest,
        progress: &JobProgress,
        cancel: &AtomicBool,
    ) -> Result<Value, JobFailure> {
        Ok(self.check_sites(request, progress, cancel)?)
    }
}

/// Checks that a folder lies in the workspace after its links are followed. Its last parts may be missing.
fn ensure_inside(workspace: &Path, folder: &Path) -> anyhow::Result<()> {
    let real_path = |path: &Path| path.canonicalize().with_context(|| format!("cannot open {}", path.display()));
    let root = real_path(workspace)?;
    let existing = folder.ancestors().find(|path| path.symlink_metadata().is_ok()).unwrap_or(workspace);
    if !real_path(existing)?.starts_with(&root) {
        bail!("{} leads out of the workspace; nothing is written there", existing.display());
    }
    Ok(())
}

/// While a job reads a public catalogue, its requests reach public addresses only: what a foreign document names must not
/// lead into the network of this server. A catalogue on this machine or in a private network is the operator's choice, and so
/// is what it names.
fn outward_guard(catalog: &Catalog) -> Option<OutwardGuard> {
    catalog.is_public().then(outward_requests_only)
}

/// Sorts by share of the box covered, in steps of 5 %, then by cloud cover, then newest first.
fn sort_by_coverage(items: &mut Vec<Item>, bbox: [f64; 4]) {
    let wanted = rectangles(bbox);
    let whole = wanted.unsigned_area().max(f64::MIN_POSITIVE);
    let mut ranked: Vec<(i64, f64, Option<Timestamp>, Item)> = items
        .drain(..)
        .map(|item| {
            let share = item.footprint().intersection(&wanted).unsigned_area() / whole;
            let cloud = item.cloud_cover_percent().unwrap_or(100.0);
            ((share * 20.0).round() as i64, cloud, item.interval().map(|(start, _)| start), item)
        })
        .collect();
    ranked.sort_by(|a, b| {
        let by_cloud = a.1.partial_cmp(&b.1).unwrap_or(Order::Equal);
        b.0.cmp(&a.0).then(by_cloud).then(b.2.cmp(&a.2)).then_with(|| a.3.id().cmp(b.3.id()))
    });
    items.extend(ranked.into_iter().map(|(.., item)| item));
}
