//! `minesegsat area`: large areas, from the plan to hectares by zone.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, bail};
use minesegsat::Grouped;
use minesegsat::job::Job;
use minesegsat::labels::{LabelOptions, Labels};
use minesegsat::large_area::merge::{MergeOptions, MergeReport, TOTALS, merge};
use minesegsat::large_area::period::periods;
use minesegsat::large_area::project::{PlannedModel, UNITS_TABLE};
use minesegsat::large_area::run::{RunOptions, RunReport, Share, UnitModel, retry, run, states};
use minesegsat::large_area::summarize::{PermittedArea, SummaryFormat, summarize};
use minesegsat::large_area::{PlanOptions, PlanReport, Project, Store, UnitState, plan};
use minesegsat::output::OutputFolder;
use minesegsat::register::Register;
use minesegsat::report::Locale;
use minesegsat::scene::manifest::counted;
use minesegsat::site::SiteArea;
use minesegsat::{Error, ModelCard, ModelFolder};
use serde_json::json;

use super::change::warn_of_features;
use super::folder_and_name;
use super::monitor::MonitorBar;
use super::site_tools::{open_catalogue, open_model};
use super::sites::read_file_boundary;
use crate::args::{
    AreaCommand, AreaMergeArgs, AreaPlanArgs, AreaProjectArgs, AreaRunArgs, AreaStatusArgs, AreaSummarizeArgs, IndexArg,
};
use crate::interrupt;

/// Exit code if a unit failed for a reason that may pass: `EX_TEMPFAIL` of sysexits.h.
const MAY_PASS: u8 = 75;
/// Exit code if a unit failed for a reason that stays: `EX_DATAERR` of sysexits.h.
const STAYS: u8 = 65;
/// Where schedulers say which task of an array a process is: AWS Batch, Kubernetes, Slurm, PBS.
const INDEX_VARIABLES: [&str; 4] =
    ["AWS_BATCH_JOB_ARRAY_INDEX", "JOB_COMPLETION_INDEX", "SLURM_ARRAY_TASK_ID", "PBS_ARRAY_INDEX"];

pub(crate) fn command(command: &AreaCommand, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::resumable_cancel_flag(interrupt::SAME_COMMAND_HINT);
    let done = match command {
        AreaCommand::Estimate(args) => super::area_estimate::estimate_area(args, quiet, cancel),
        AreaCommand::Plan(args) => make_plan(args, quiet, cancel),
        AreaCommand::Run(args) => run_units(args, quiet, cancel).or_else(exit_code_of),
        AreaCommand::Status(args) => status(args),
        AreaCommand::Retry(args) => retry_units(args),
        AreaCommand::Merge(args) => merge_units(args, quiet, cancel),
        AreaCommand::Summarize(args) => zones(args, quiet, cancel),
    };
    match done {
        Err(_) if cancel.load(std::sync::atomic::Ordering::SeqCst) => {
            interrupt::print_interrupted();
            Ok(ExitCode::from(interrupt::EXIT_CODE))
        }
        done => done,
    }
}

fn make_plan(args: &AreaPlanArgs, quiet: bool, cancel: &AtomicBool) -> anyhow::Result<ExitCode> {
    let Some(area) = read_file_boundary(&args.scope.area, args.scope.incomplete)? else {
        bail!("there is no area; give one with `--bbox W,S,E,N` or `--boundary FILE`");
    };
    let store = Store::parse(args.output.as_os_str())?;
    let place = ModelFolder::new(args.model.as_deref())?;
    let model = ModelCard::read(place.path())?;
    let (catalog, collections) = open_catalogue(&args.catalogue.api, &args.catalogue.collections)?;
    let options = PlanOptions {
        area: area.outline,
        area_incomplete: area.incomplete,
        periods: periods(args.scope.period, args.scope.every)?,
        collections,
        max_cloud_cover_percent: args.catalogue.max_cloud_cover,
        max_scenes: usize::from(args.max_scenes),
        min_seen: args.min_seen / 100.0,
        composite: args.composite,
        min_area_m2: args.min_area * 1e4,
        model: PlannedModel {
            title: model.title.clone(),
            sha256: model.weights_sha256.clone(),
            threshold: model.threshold,
            area_error: model.area_error.unwrap_or_default(),
        },
    };
    let bar = MonitorBar::new(quiet || args.json);
    let planned = plan(store, &catalog, &options, Job::new(&bar, cancel));
    bar.clear();
    let (project, report) = planned?;
    let mut stdout = crate::terminal::stdout();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&report)?)?;
    } else if !quiet {
        print_plan(&mut stdout, &project, &report)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print_plan(stdout: &mut impl Write, project: &Project, report: &PlanReport) -> anyhow::Result<()> {
    let gigabytes = report.estimated_bytes as f64 / 1e9;
    writeln!(
        stdout,
        "{}: {} in {}, with {} and about {gigabytes:.1} GB of pixels to read",
        counted(report.units, "unit"),
        counted(report.tiles, "tile"),
        counted(project.plan.periods.len(), "period"),
        counted(report.scenes, "scene")
    )?;
    if !report.empty.is_empty() {
        writeln!(stdout, "without a scene  {}", shortened(&report.empty))?;
    }
    if report.uncovered_ha >= 0.1 {
        writeln!(
            stdout,
            "without a tile   {:.1} ha of the area: no scene in any period",
            Grouped(report.uncovered_ha)
        )?;
    }
    for reason in report.left_out.iter().take(5) {
        writeln!(stdout, "left out         {reason}")?;
    }
    if report.left_out.len() > 5 {
        writeln!(stdout, "                 and {} more", report.left_out.len() - 5)?;
    }
    writeln!(stdout, "units            {}", project.store().path_of(UNITS_TABLE).display())?;
    writeln!(stdout, "next             minesegsat area run {}", project.store())?;
    Ok(())
}

pub(super) fn open_project(place: &Path) -> anyhow::Result<Project> {
    Ok(Project::open(Store::parse(place.as_os_str())?)?)
}

fn tries(count: u32) -> String {
    if count == 1 { "1 try".to_owned() } else { format!("{count} tries") }
}

/// The first names of a list.
fn shortened(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let more = names.len().saturating_sub(SHOWN);
    let shown = names[..names.len().min(SHOWN)].join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

fn share_of(args: &AreaRunArgs) -> anyhow::Result<Share> {
    Ok(match (args.index, args.shard) {
        (Some(IndexArg::Number(index)), _) => Share::Index(index),
        (Some(IndexArg::Auto), _) => {
            let found = INDEX_VARIABLES.iter().find_map(|name| Some((name, std::env::var(name).ok()?)));
            let Some((name, value)) = found else {
                bail!("`--index auto` finds none of the variables {}", INDEX_VARIABLES.join(", "));
            };
            Share::Index(value.parse().with_context(|| format!("{name} is `{value}`, not a number from 0"))?)
        }
        (None, Some(shard)) => shard,
        (None, None) => Share::All,
    })
}

/// The exit code for an error of an object store or of a full disk, so that schedulers know whether to begin again. Other errors stay
/// as they are.
fn exit_code_of(error: anyhow::Error) -> anyhow::Result<ExitCode> {
    let may_pass = match error.downcast_ref::<Error>() {
        Some(&Error::ObjectStore { may_pass, .. }) => may_pass,
        Some(cause) if cause.is_lack_of_room() => true,
        _ => return Err(error),
    };
    crate::print_error(&error);
    Ok(ExitCode::from(if may_pass { MAY_PASS } else { STAYS }))
}

fn run_units(args: &AreaRunArgs, quiet: bool, cancel: &AtomicBool) -> anyhow::Result<ExitCode> {
    let share = share_of(args)?;
    let project = open_project(&args.project)?;
    let model = open_model(args.model.as_deref(), &args.engine)?;
    let host = || {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let name = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty()).unwrap_or(name);
        format!("{}:{}", name.trim(), std::process::id())
    };
    let options = RunOptions {
        share,
        jobs: usize::from(args.jobs),
        tries: args.tries,
        keep_scenes: args.keep_scenes,
        worker: args.worker.clone().unwrap_or_else(host),
    };
    let card = model.card();
    let unit_model = UnitModel {
        segmenter: model.segmenter(),
        description: card.description(),
        max_absent: card.band_dropout_max,
        sha256: card.weights_sha256.clone(),
        predict: model.predict_options(),
    };
    let bar = MonitorBar::new(quiet || args.json);
    let job = Job::new(&bar, cancel);
    let result = run(&project, &unit_model, &options, job);
    bar.clear();
    super::engine::print_profile(&model)?;
    let report = job.finish(result)?;
    if !matches!(share, Share::Index(_)) {
        // One task of a large array would read all records for its one row.
        project.write_table()?;
    }
    let mut stdout = crate::terminal::stdout();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&report)?)?;
    } else if !quiet {
        print_run(&mut stdout, &project, &report)?;
    }
    Ok(if !report.broken.is_empty() {
        ExitCode::from(STAYS)
    } else if !report.failed.is_empty() || (matches!(share, Share::Index(_)) && !report.with_others.is_empty()) {
        // A task of an array has one unit. While another worker maps it, the task is not done.
        ExitCode::from(MAY_PASS)
    } else {
        ExitCode::SUCCESS
    })
}

fn print_run(stdout: &mut impl Write, project: &Project, report: &RunReport) -> anyhow::Result<()> {
    writeln!(stdout, "{} mapped, {} mapped before", counted(report.mapped.len(), "unit"), report.done_before)?;
    if !report.with_others.is_empty() {
        writeln!(stdout, "with others  {}", shortened(&report.with_others))?;
    }
    for (unit, reason) in &report.failed {
        writeln!(stdout, "failed       {unit}: {reason}")?;
    }
    for (unit, reason) in &report.broken {
        writeln!(stdout, "broken       {unit}: {reason}")?;
    }
    let place = project.store();
    let next = if report.failed.is_empty() && report.broken.is_empty() {
        let all_done = project.records()?.iter().all(|record| record.state == UnitState::Done);
        if all_done { format!("minesegsat area merge {place}") } else { format!("minesegsat area status {place}") }
    } else {
        format!("minesegsat area retry {place}")
    };
    writeln!(stdout, "next         {next}")?;
    Ok(())
}

fn status(args: &AreaStatusArgs) -> anyhow::Result<ExitCode> {
    let project = open_project(&args.project)?;
    project.write_table()?;
    let records: Vec<_> = project.plan.units.iter().zip(states(&project)?).collect();
    let count = |state: UnitState| records.iter().filter(|(_, record)| record.state == state).count();
    let done: Vec<f64> =
        records.iter().filter(|(_, r)| r.state == UnitState::Done).map(|(_, record)| record.seconds).collect();
    let mean = (!done.is_empty()).then(|| done.iter().sum::<f64>() / done.len() as f64);
    let left = records.len() - done.len() - count(UnitState::Broken);
    let seconds_left = mean.map(|mean| mean * left as f64);
    let mut stdout = crate::terminal::stdout();
    if args.json {
        let units: Vec<_> = records.iter().map(|(unit, record)| json!({ "id": unit.id, "record": record })).collect();
        let counts: serde_json::Map<String, serde_json::Value> =
            UnitState::ALL.iter().map(|state| (state.name().to_owned(), json!(count(*state)))).collect();
        let document = json!({ "counts": counts, "worker_seconds_left": seconds_left, "units": units });
        writeln!(stdout, "{}", serde_json::to_string_pretty(&document)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(stdout, "{}", counted(records.len(), "unit"))?;
    for state in UnitState::ALL {
        writeln!(stdout, "{:<9} {}", state.name(), count(state))?;
    }
    if let (Some(mean), Some(left)) = (mean, seconds_left.filter(|left| *left > 0.0)) {
        writeln!(stdout, "a unit takes {mean:.0} s; the others take one worker about {:.1} h", left / 3600.0)?;
    }
    for (unit, record) in
        records.iter().filter(|(_, r)| matches!(r.state, UnitState::Failed | UnitState::Broken)).take(10)
    {
        let reason = record.error.as_deref().unwrap_or("unknown");
        writeln!(stdout, "{} after {}: {reason}", unit.id, tries(record.tries))?;
    }
    writeln!(stdout, "table     {}", project.store().path_of(UNITS_TABLE).display())?;
    Ok(ExitCode::SUCCESS)
}

fn retry_units(args: &AreaProjectArgs) -> anyhow::Result<ExitCode> {
    let project = open_project(&args.project)?;
    let found = retry(&project)?;
    let mut stdout = crate::terminal::stdout();
    if found.is_empty() {
        writeln!(stdout, "no unit has failed")?;
    } else {
        writeln!(stdout, "to be mapped again: {}", shortened(&found))?;
        writeln!(stdout, "next  minesegsat area run {}", project.store())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn merged_store(project: &Project, given: Option<&Path>) -> anyhow::Result<Store> {
    Ok(match given {
        Some(place) => Store::parse(place.as_os_str())?,
        None => project.store().join("merged"),
    })
}

fn merge_units(args: &AreaMergeArgs, quiet: bool, cancel: &AtomicBool) -> anyhow::Result<ExitCode> {
    let project = open_project(&args.project)?;
    let store = merged_store(&project, args.output.as_deref())?;
    let options = MergeOptions { allow_missing: args.allow_missing, overwrite: args.overwrite };
    let bar = MonitorBar::new(quiet || args.json);
    let job = Job::new(&bar, cancel);
    let result = merge(&project, store.clone(), options, job);
    bar.clear();
    let report = job.finish(result)?;
    let mut stdout = crate::terminal::stdout();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&report)?)?;
    } else if !quiet {
        print_merge(&mut stdout, &report, &store)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print_merge(stdout: &mut impl Write, report: &MergeReport, store: &Store) -> anyhow::Result<()> {
    for totals in &report.periods {
        let interval = |area: &minesegsat::uncertainty::Area| {
            format!("{:.1} ha ({:.1} to {:.1} ha)", Grouped(area.ha), Grouped(area.lower_ha), Grouped(area.upper_ha))
        };
        writeln!(stdout, "{}", totals.period)?;
        writeln!(
            stdout,
            "  mapped     {:.1} ha in {}",
            Grouped(totals.mapped_ha),
            counted(totals.polygons, "polygon")
        )?;
        writeln!(stdout, "  disturbed  {} at {:.0} %", interval(&totals.disturbed), totals.level_percent)?;
        writeln!(
            stdout,
            "             {} estimated in the {:.1} ha that were seen, {:.1} ha assumed in the rest",
            interval(&totals.estimated),
            Grouped(totals.seen_ha),
            Grouped(totals.assumed_ha)
        )?;
        writeln!(stdout, "  area       {:.1} ha", Grouped(totals.area_ha))?;
        if totals.uncovered_ha >= 0.1 {
            writeln!(
                stdout,
                "  uncovered  {:.1} ha of the area have no tile, and are in no number above",
                Grouped(totals.uncovered_ha)
            )?;
        }
        if totals.missing_ha > 0.0 {
            let missing: Vec<String> = totals.missing_units.iter().chain(&totals.empty_units).cloned().collect();
            writeln!(
                stdout,
                "  missing    {:.1} ha, which no number above counts: {}",
                Grouped(totals.missing_ha),
                shortened(&missing)
            )?;
        }
    }
    for file in &report.files {
        writeln!(stdout, "{}", store.path_of(file).display())?;
    }
    Ok(())
}

fn zones(args: &AreaSummarizeArgs, quiet: bool, cancel: &AtomicBool) -> anyhow::Result<ExitCode> {
    let project = open_project(&args.project)?;
    let merged = merged_store(&project, args.merged.as_deref())?;
    if !merged.exists(TOTALS)? {
        bail!("{merged} holds no merge; `minesegsat area merge {}` makes it", project.store());
    }
    let mut outputs = Vec::with_capacity(args.output.len());
    for path in &args.output {
        let format = SummaryFormat::of_path(path)?;
        let (folder, name) = folder_and_name(path)?;
        outputs.push((OutputFolder::create(folder, &[name], args.overwrite)?, name, format));
    }
    let zones = read_zones(args)?;
    let permits = args.register.as_deref().map(permits_of).transpose()?;
    let bar = MonitorBar::new(quiet);
    let job = Job::new(&bar, cancel);
    let result = summarize(&project, merged, &zones, permits.as_deref(), job);
    bar.clear();
    let summary = job.finish(result)?;
    let mut stdout = crate::terminal::stdout();
    if outputs.is_empty() {
        write!(stdout, "{}", summary.to_csv()?)?;
    }
    let locale = args.lang.unwrap_or_else(Locale::of_environment);
    for (output, name, format) in outputs {
        let path = output.final_path(name);
        summary.write(&output.path(name), format, locale)?;
        output.commit()?;
        if !quiet {
            writeln!(stdout, "{} in {}", counted(summary.rows.len(), "row"), path.display())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read_zones(args: &AreaSummarizeArgs) -> anyhow::Result<Vec<SiteArea>> {
    let options = LabelOptions {
        layer: args.layer.clone(),
        allow_incomplete: args.incomplete.allow_incomplete,
        ..LabelOptions::default()
    };
    let labels = Labels::read(&args.zones, &options)?;
    let file = args.zones.display();
    if let Some(reason) = &labels.source().incomplete {
        tracing::warn!("{file}: the file is incomplete: {reason}");
    }
    warn_of_features(&args.zones, &labels);
    let zones = SiteArea::from_labels(&labels, args.id_field.as_deref())?;
    for zone in zones.iter().filter(|zone| zone.features > 1) {
        tracing::warn!("{file}: {} features have the id `{}`: they are one zone", zone.features, zone.id);
    }
    Ok(zones)
}

/// Permits of a register. One without a polygon holds for its whole site.
fn permits_of(register: &Path) -> anyhow::Result<Vec<PermittedArea>> {
    let register = Register::open_read_only(register)?;
    let mut permits = Vec::new();
    for site in register.sites()? {
        for permit in register.permits(&site.id)? {
            permits.push(PermittedArea {
                permit: format!("{} {}", site.id, permit.number),
                valid_from: permit.valid_from,
                valid_to: permit.valid_to,
                outline: permit.polygon.unwrap_or_else(|| site.boundary.clone()),
            });
        }
    }
    Ok(permits)
}
