//! `minesegsat change` and `minesegsat noise-floor`

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use minesegsat::Grouped;
use minesegsat::job::Job;
use minesegsat::labels::{DroppedKind, LabelOptions, Labels};
use minesegsat::nn::ModelCard;
use minesegsat::scene::OpenOptions;
use minesegsat::{Location, Model, ModelFolder, Scene};
use minesegsat::{
    change::{ChangeManifest, ChangeOptions, DatedMap, RegistrationMode, SiteChange, change},
    noise_floor::{NoiseFloor, StablePair},
    series::SeriesMap,
    site::SiteArea,
};

use crate::args::{ChangeArgs, EngineArgs, IncompleteArgs, NoiseFloorArgs, Substitution};
use crate::commands::engine;
use crate::interrupt;
use crate::progress::Bar;

pub(crate) fn run(args: &ChangeArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::cancel_flag();
    let sites = args.sites.as_deref();
    let sites = sites.map(|path| read_sites(path, args.id_field.as_deref(), args.incomplete)).transpose()?;
    let (sites, sites_incomplete) = sites.unwrap_or_default();
    let head = if args.without_change_head { None } else { ModelFolder::new(args.model.as_deref())?.change_head()? };
    let options = ChangeOptions {
        head,
        threshold: args.threshold,
        min_area_m2: args.min_area,
        sites,
        sites_incomplete,
        noise_floor: args.noise_floor.map(|per_sqrt_ha| NoiseFloor {
            per_sqrt_ha,
            learned_from: 1,
            ..NoiseFloor::default()
        }),
        level_percent: args.confidence_level,
        min_assessed: args.min_assessed / 100.0,
        registration: match args.registration.as_str() {
            "measure" => RegistrationMode::Measure,
            "off" => RegistrationMode::Off,
            _ => RegistrationMode::Correct,
        },
        overwrite: args.overwrite,
    };
    let mut mapper = Mapper::new(args.model.as_deref(), &args.engine, &args.substitute, quiet || args.json);
    let before = mapper.map(&args.before, cancel)?;
    let after = mapper.map(&args.after, cancel)?;
    mapper.print_profile()?;
    let bar = Bar::new(quiet || args.json);
    let job = Job::new(&bar, cancel);
    let result = change(&before, &after, &args.output, &options, job);
    bar.clear();
    let manifest = job.finish(result)?;
    for warning in &manifest.warnings {
        tracing::warn!("{warning}");
    }
    if !manifest.sites_elsewhere.is_empty() {
        tracing::warn!("sites that lie beyond the maps: {}", manifest.sites_elsewhere.join(", "));
    }
    let mut stdout = crate::terminal::stdout();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&manifest)?)?;
    } else if !quiet {
        print_summary(&mut stdout, &manifest, &args.output)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print_summary(out: &mut impl Write, manifest: &ChangeManifest, folder: &Path) -> std::io::Result<()> {
    let day =
        |k: usize| manifest.dates[k].date.map_or_else(|| manifest.dates[k].scene.clone(), |date| date.to_string());
    writeln!(out, "{} to {}", day(0), day(1))?;
    for site in [&manifest.total].into_iter().chain(&manifest.sites) {
        print_site(out, site)?;
    }
    writeln!(out, "{}", manifest.registration.statement)?;
    for output in &manifest.outputs {
        writeln!(out, "  {}", folder.join(&output.name).display())?;
    }
    writeln!(out, "  {}", folder.join("manifest.json").display())
}

fn print_site(out: &mut impl Write, site: &SiteChange) -> std::io::Result<()> {
    let area = |area: Option<minesegsat::register::Area>| {
        area.map_or("unknown".to_owned(), |a| {
            format!("{:.1} ha ({:.1} to {:.1})", Grouped(a.ha), Grouped(a.lower_ha), Grouped(a.upper_ha))
        })
    };
    writeln!(
        out,
        "{}: {}; disturbed {} before, {} after; {:.0} % visible on both dates",
        site.id,
        site.statement,
        area(site.before.disturbed),
        area(site.after.disturbed),
        site.share_assessed * 100.0
    )
}

/// Opens maps, and maps dates given as scenes. Maps of scenes lie in a temporary folder that is deleted with this
/// value.
pub(crate) struct Mapper<'a> {
    path: Option<&'a Path>,
    engine: &'a EngineArgs,
    substitute: &'a [Substitution],
    quiet: bool,
    folder: Option<tempfile::TempDir>,
    mapped: usize,
    /// Opened on first use.
    model: Option<Model>,
}

impl<'a> Mapper<'a> {
    pub(crate) fn new(
        path: Option<&'a Path>,
        engine: &'a EngineArgs,
        substitute: &'a [Substitution],
        quiet: bool,
    ) -> Self {
        Self { path, engine, substitute, quiet, folder: None, mapped: 0, model: None }
    }

    /// Prints the profile of the network, if `--profile` was given.
    pub(crate) fn print_profile(&self) -> std::io::Result<()> {
        self.model.as_ref().map_or(Ok(()), engine::print_profile)
    }

    /// The map of a date: opened, or made from the scene.
    pub(crate) fn map(&mut self, date: &OsStr, cancel: &AtomicBool) -> anyhow::Result<DatedMap> {
        let (folder, scene) = self.locate(date, cancel)?;
        let mut map = DatedMap::open(&folder)?;
        map.scene = scene.or(map.scene);
        Ok(map)
    }

    /// The map of a date in a series, whose pixels are read when they are needed.
    pub(crate) fn series_map(&mut self, date: &OsStr, cancel: &AtomicBool) -> anyhow::Result<SeriesMap> {
        let (folder, scene) = self.locate(date, cancel)?;
        let mut map = SeriesMap::open(&folder)?;
        map.record.scene = scene.or(map.record.scene);
        Ok(map)
    }

    /// The folder of the map of a date. For a date given as a scene, makes the map, and also returns the scene, which was opened
    /// with the user's options.
    fn locate(&mut self, date: &OsStr, cancel: &AtomicBool) -> anyhow::Result<(PathBuf, Option<Scene>)> {
        if minesegsat::predict::manifest_path(Path::new(date)).is_file() {
            return Ok((PathBuf::from(date), None));
        }
        let model = match &self.model {
            Some(model) => model,
            None => self.model.insert(engine::open(self.path, self.engine, None)?),
        };
        let open = OpenOptions {
            substitute: self.substitute.iter().map(|s| (s.missing, s.stand_in)).collect(),
            // Snow hides mines: a map would show none, and all of them new in spring.
            mask_snow: true,
            ..OpenOptions::default()
        };
        let scene = Scene::open_at(&Location::from_os(date)?, &open).with_context(|| {
            format!("`{}` is neither an output folder of `minesegsat predict` nor a scene", date.display())
        })?;
        for warning in scene.warnings() {
            tracing::warn!("{warning}");
        }
        let folder = match &self.folder {
            Some(folder) => folder,
            None => self.folder.insert(tempfile::tempdir().context("cannot make a temporary folder")?),
        };
        self.mapped += 1;
        let output = folder.path().join(self.mapped.to_string());
        let bar = Bar::new(self.quiet);
        let job = Job::new(&bar, cancel);
        let result = model.predict(&scene, &output, &model.predict_options(), job);
        bar.clear();
        job.finish(result)?;
        Ok((output, Some(scene)))
    }
}

/// Warns of features of a file that were dropped.
pub(crate) fn warn_of_features(path: &Path, labels: &Labels) {
    for warning in &labels.report().warnings {
        tracing::warn!("{}: {warning}", path.display());
    }
    // Points and lines have a warning together.
    for dropped in labels.report().dropped.iter().filter(|dropped| dropped.kind != DroppedKind::PointsOrLines) {
        tracing::warn!("{}: feature `{}` is not used: {}", path.display(), dropped.id, dropped.reason);
    }
}

/// Reads sites from a file of polygons, and warns of features that were dropped. Also returns why the file is incomplete, if the user
/// accepts that.
pub(crate) fn read_sites(
    path: &Path,
    id_field: Option<&str>,
    incomplete: IncompleteArgs,
) -> anyhow::Result<(Vec<SiteArea>, Option<String>)> {
    let options = LabelOptions { allow_incomplete: incomplete.allow_incomplete, ..LabelOptions::default() };
    let labels = Labels::read(path, &options)?;
    warn_of_features(path, &labels);
    let sites = SiteArea::from_labels(&labels, id_field)
        .with_context(|| format!("cannot read the sites of {}", path.display()))?;
    for site in sites.iter().filter(|site| site.features > 1) {
        tracing::warn!("{}: {} features have the id `{}`: they are one site", path.display(), site.features, site.id);
    }
    Ok((sites, labels.source().incomplete.clone()))
}

/// The part of the manifest of `change` that is read here.
#[derive(Debug, serde::Deserialize)]
struct Recorded {
    sites: Vec<RecordedSite>,
    dates: [RecordedDate; 2],
    /// Absent in records of older programs, which had rules only.
    #[serde(default)]
    change_head_sha256: Option<String>,
}

#[derive(Debug, serde::Deserialize)]
struct RecordedDate {
    model_sha256: String,
}

#[derive(Debug, serde::Deserialize)]
struct RecordedSite {
    id: String,
    share_assessed: f64,
    stable_ha: f64,
    gain_ha: f64,
    loss_ha: f64,
}

pub(crate) fn noise_floor(args: &NoiseFloorArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    /// Minimum visible share of a site. Sites that were hardly visible show less noise than others.
    const MIN_ASSESSED: f64 = 0.5;
    let mut pairs = Vec::new();
    let (mut models, mut heads): (Vec<String>, Vec<Option<String>>) = Default::default();
    let mut unknown: Vec<&str> = args.stable.iter().map(String::as_str).collect();
    for folder in &args.changes {
        let path: PathBuf = folder.join("manifest.json");
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let record: Recorded = serde_json::from_str(&text)
            .with_context(|| format!("{} is not a manifest of `minesegsat change --sites`", path.display()))?;
        models.extend(record.dates.map(|date| date.model_sha256));
        heads.push(record.change_head_sha256);
        for site in &record.sites {
            unknown.retain(|id| *id != site.id);
            if (args.stable.is_empty() || args.stable.contains(&site.id)) && site.share_assessed >= MIN_ASSESSED {
                pairs.push(StablePair { area_ha: site.stable_ha, found_ha: site.gain_ha.max(site.loss_ha) });
            }
        }
    }
    if !unknown.is_empty() {
        anyhow::bail!("no such site in the folders: {}", unknown.join(", "));
    }
    models.sort();
    models.dedup();
    if models.len() > 1 {
        anyhow::bail!("the folders have maps of {} models; a noise floor needs maps of one model", models.len());
    }
    if let Some(other) = heads.iter().position(|head| *head != heads[0]) {
        let how = |head: &Option<String>| {
            head.as_ref().map_or("rules".to_owned(), |sha256| format!("change head {sha256:.8}"))
        };
        anyhow::bail!(
            "{} has change by {}, {} by {}; a noise floor needs one of them",
            args.changes[0].display(),
            how(&heads[0]),
            args.changes[other].display(),
            how(&heads[other])
        );
    }
    let Some(floor) = NoiseFloor::learn(&pairs, args.share / 100.0) else {
        anyhow::bail!(
            "too few data: {} with disturbed land and at least half of the site visible; 10 or more are needed",
            minesegsat::manifest::counted(pairs.len(), "site comparison")
        );
    };
    let floor = NoiseFloor { error_of_change: args.error_of_change.unwrap_or_default() / 100.0, ..floor };
    if let Some(folder) = &args.model {
        let mut card = ModelCard::read(folder)?;
        if models.first().is_some_and(|model| *model != card.weights_sha256) {
            anyhow::bail!("the maps were made with another model than {}", folder.display());
        }
        match (heads.first().and_then(Option::as_ref), &mut card.change_head) {
            (None, _) => card.noise_floor = Some(floor),
            (Some(used), Some(head)) if head.sha256 == *used => head.noise_floor = Some(floor),
            (Some(_), _) => {
                anyhow::bail!("the change was found with another change head than that of {}", folder.display())
            }
        }
        card.replace(folder)?;
    }
    let mut stdout = crate::terminal::stdout();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&floor)?)?;
    } else if !quiet {
        writeln!(
            stdout,
            "noise floor: {:.3} ha for 1 ha of disturbed land, {:.1} ha for 100 ha; {:.0} % of {} site \
             comparisons are below it",
            floor.per_sqrt_ha,
            floor.ha(100.0),
            floor.share * 100.0,
            floor.learned_from
        )?;
    }
    Ok(ExitCode::SUCCESS)
}
