//! `minesegsat change` and `minesegsat noise-floor`

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use minesegsat::change::{
    ChangeManifest, ChangeOptions, DatedMap, NoiseFloor, SiteArea, SiteChange, StablePair, change,
};
use minesegsat::labels::{LabelOptions, Labels};
use minesegsat::predict::predict;
use minesegsat::scene::OpenOptions;
use minesegsat::{Error, Scene};
use minesegsat_nn::ModelCard;

use crate::args::{ChangeArgs, EngineArgs, NoiseFloorArgs, Substitution};
use crate::commands::engine::{self, OpenModel};
use crate::commands::predict::describe;
use crate::interrupt;
use crate::progress::Bar;

pub(crate) fn run(args: &ChangeArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::cancel_flag();
    let sites = args.sites.as_deref().map(|path| read_sites(path, args.id_field.as_deref())).transpose()?;
    let options = ChangeOptions {
        threshold: args.threshold,
        min_area_m2: args.min_area,
        sites: sites.unwrap_or_default(),
        noise_floor: args.noise_floor.map(|per_sqrt_ha| NoiseFloor {
            per_sqrt_ha,
            learned_from: 1,
            ..NoiseFloor::default()
        }),
        level_percent: args.confidence_level,
        min_assessed: args.min_assessed / 100.0,
        overwrite: args.overwrite,
    };
    let mut mapper = Mapper::new(args.model.as_deref(), &args.engine, &args.substitute, quiet || args.json);
    let finished = |result: minesegsat::Result<ChangeManifest>| {
        result.map_err(|error| if cancel.load(Ordering::SeqCst) { Error::Interrupted } else { error })
    };
    let before = mapper.map(&args.before, cancel)?;
    let after = mapper.map(&args.after, cancel)?;
    mapper.print_profile()?;
    let bar = Bar::new(quiet || args.json);
    let result = change(&before, &after, &args.output, &options, &bar, cancel);
    bar.clear();
    let manifest = finished(result)?;
    for warning in &manifest.warnings {
        tracing::warn!("{warning}");
    }
    if !manifest.sites_elsewhere.is_empty() {
        tracing::warn!("sites that do not touch the maps: {}", manifest.sites_elsewhere.join(", "));
    }
    let mut stdout = std::io::stdout().lock();
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
    for output in &manifest.outputs {
        writeln!(out, "  {}", folder.join(&output.name).display())?;
    }
    writeln!(out, "  {}", folder.join("manifest.json").display())
}

fn print_site(out: &mut impl Write, site: &SiteChange) -> std::io::Result<()> {
    let area = |area: Option<minesegsat::register::Area>| {
        area.map_or("unknown".to_owned(), |a| format!("{:.1} ha ({:.1} to {:.1})", a.ha, a.lower_ha, a.upper_ha))
    };
    writeln!(
        out,
        "{}: {}; disturbed {} before, {} after; {:.0} % seen on both dates",
        site.id,
        site.statement,
        area(site.before),
        area(site.after),
        site.share_assessed * 100.0
    )
}

/// Makes maps of what is not one yet. Maps of scenes are made in a folder that vanishes with this.
pub(crate) struct Mapper<'a> {
    path: Option<&'a Path>,
    engine: &'a EngineArgs,
    substitute: &'a [Substitution],
    quiet: bool,
    folder: Option<tempfile::TempDir>,
    made: usize,
    /// Opened when it is needed first.
    model: Option<OpenModel>,
}

impl<'a> Mapper<'a> {
    pub(crate) fn new(
        path: Option<&'a Path>,
        engine: &'a EngineArgs,
        substitute: &'a [Substitution],
        quiet: bool,
    ) -> Self {
        Self { path, engine, substitute, quiet, folder: None, made: 0, model: None }
    }

    /// Prints where the time of the network went, if that was asked for.
    pub(crate) fn print_profile(&self) -> std::io::Result<()> {
        self.model.as_ref().map_or(Ok(()), OpenModel::print_profile)
    }

    /// The map of a date.
    pub(crate) fn map(&mut self, date: &str, cancel: &AtomicBool) -> anyhow::Result<DatedMap> {
        if minesegsat::predict::manifest_path(Path::new(date)).is_file() {
            return Ok(DatedMap::open(Path::new(date))?);
        }
        let Some(path) = self.path else {
            anyhow::bail!(
                "`{date}` is no folder that `minesegsat predict` wrote; to compare scenes give the model that maps them: --model DIR"
            );
        };
        let model = match &self.model {
            Some(model) => model,
            None => self.model.insert(engine::open(path, self.engine, None)?),
        };
        let open = OpenOptions {
            substitute: self.substitute.iter().map(|s| (s.missing, s.stand_in)).collect(),
            ..OpenOptions::default()
        };
        let scene = Scene::open(date, &open)?;
        for warning in scene.warnings() {
            tracing::warn!("{warning}");
        }
        let folder = match &self.folder {
            Some(folder) => folder,
            None => self.folder.insert(tempfile::tempdir().context("cannot make a temporary folder")?),
        };
        self.made += 1;
        let output = folder.path().join(self.made.to_string());
        let bar = Bar::new(self.quiet);
        let result = map_scene(&scene, model, &output, &bar, cancel);
        bar.clear();
        result.map_err(|error| if cancel.load(Ordering::SeqCst) { Error::Interrupted } else { error })?;
        let mut map = DatedMap::open(&output)?;
        // Opened with what the user said of it.
        map.scene = Some(scene);
        Ok(map)
    }
}

/// Maps a scene as `predict` does by default.
fn map_scene(
    scene: &Scene,
    model: &OpenModel,
    output: &Path,
    bar: &Bar,
    cancel: &AtomicBool,
) -> minesegsat::Result<()> {
    let card = &model.card;
    let description = describe(card).without_absent(card.band_dropout_max, |band| scene.band(band).is_some());
    predict(scene, &description, model.segmenter(), output, &model.predict_options(), bar, cancel).map(drop)
}

/// Sites of a file of outlines.
pub(crate) fn read_sites(path: &Path, id_field: Option<&str>) -> anyhow::Result<Vec<SiteArea>> {
    let labels = Labels::read(path, &LabelOptions::default())?;
    if let Some(field) = id_field
        && !labels.attribute_names().iter().any(|name| name == field)
    {
        let fields = labels.attribute_names().join(", ");
        anyhow::bail!("{} has no attribute `{field}`; it has {fields}", path.display());
    }
    for dropped in &labels.report().dropped {
        tracing::warn!("{}: {dropped:?}", path.display());
    }
    let text = |value: Option<&serde_json::Value>| {
        value
            .filter(|value| !value.is_null())
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let mut sites: Vec<SiteArea> = Vec::new();
    for feature in labels.features() {
        let attribute = |names: &[&str]| {
            names.iter().find_map(|name| text(feature.attributes.get(*name))).filter(|text| !text.is_empty())
        };
        let id = match id_field {
            Some(field) => attribute(&[field]),
            None => attribute(&["id", "site", "site_id"]),
        };
        let id = id.unwrap_or_else(|| feature.id.clone());
        if let Some(same) = sites.iter_mut().find(|site| site.id == id) {
            same.boundary.0.extend(feature.geometry.0.clone());
            continue;
        }
        let name = attribute(&["name", "Name", "NAME"]).unwrap_or_else(|| id.clone());
        sites.push(SiteArea { id, name, boundary: feature.geometry.clone(), crs: labels.crs().clone() });
    }
    Ok(sites)
}

/// What is read of the record of a comparison.
#[derive(Debug, serde::Deserialize)]
struct Recorded {
    sites: Vec<RecordedSite>,
    dates: [RecordedDate; 2],
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
    /// Sites that were hardly seen show less noise than others.
    const MIN_ASSESSED: f64 = 0.5;
    let mut pairs = Vec::new();
    let mut models: Vec<String> = Vec::new();
    let mut unknown: Vec<&str> = args.stable.iter().map(String::as_str).collect();
    for folder in &args.changes {
        let path: PathBuf = folder.join("manifest.json");
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let record: Recorded = serde_json::from_str(&text)
            .with_context(|| format!("{} is not the record of `minesegsat change --sites`", path.display()))?;
        models.extend(record.dates.map(|date| date.model_sha256));
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
        anyhow::bail!("the folders are of {} models; a noise floor is that of one", models.len());
    }
    let Some(floor) = NoiseFloor::learn(&pairs, args.share / 100.0) else {
        anyhow::bail!(
            "{} of sites with disturbed land, at least half of it seen; 10 or more are needed",
            minesegsat::manifest::counted(pairs.len(), "pair")
        );
    };
    if let Some(folder) = &args.model {
        let mut card = ModelCard::read(folder)?;
        if models.first().is_some_and(|model| *model != card.weights_sha256) {
            anyhow::bail!("the maps were not made with the model {}", folder.display());
        }
        card.noise_floor = Some(floor);
        card.replace(folder)?;
    }
    let mut stdout = std::io::stdout().lock();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&floor)?)?;
    } else if !quiet {
        writeln!(
            stdout,
            "{:.3} ha at one hectare of disturbed land, {:.1} ha at a hundred: {:.0} % of {} pairs show less",
            floor.per_sqrt_ha,
            floor.ha(100.0),
            floor.share * 100.0,
            floor.learned_from
        )?;
    }
    Ok(ExitCode::SUCCESS)
}
