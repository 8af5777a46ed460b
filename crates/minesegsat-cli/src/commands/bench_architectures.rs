//! `minesegsat bench-architectures`: trains and evaluates several networks and losses under the same budget.

use std::{
    fmt::Write as _,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::{Context as _, bail};
use minesegsat::nn::train::{TrainConfig, TrainOptions, TrainReport, train};
use minesegsat::output::atomic_write;
use serde::{Deserialize, Serialize};

use crate::{args::BenchArchitecturesArgs, commands::train::TrainBar, interrupt, print_message, progress::duration};

/// Epochs of the test run that measures the time of an epoch.
const PROBE_EPOCHS: usize = 1;

/// The benchmark file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Benchmark {
    /// Training configuration that all runs share, relative to this file's folder.
    base: PathBuf,
    /// Training time per run, in minutes: as many epochs as fit, at least one. Without it, the configuration sets the
    /// epochs.
    minutes: Option<f64>,
    /// The runs to compare.
    runs: Vec<BenchmarkRun>,
}

/// One run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BenchmarkRun {
    /// Name of the run and of its folder.
    name: String,
    /// Settings that override the base, as for `train --set`.
    #[serde(default)]
    set: Vec<String>,
}

/// A row of the table.
#[derive(Debug, Clone, Serialize)]
struct Row {
    name: String,
    parameters_millions: f64,
    epochs: usize,
    steps: u64,
    seconds: f64,
    f1: Option<f64>,
    precision: Option<f64>,
    recall: Option<f64>,
    iou: Option<f64>,
    f1_best: Option<f64>,
    best_epoch: Option<usize>,
}

pub(crate) fn run(args: &BenchArchitecturesArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::resumable_cancel_flag(interrupt::SAME_COMMAND_HINT);
    let text =
        std::fs::read_to_string(&args.config).with_context(|| format!("cannot read {}", args.config.display()))?;
    let bench: Benchmark = toml::from_str(&text).with_context(|| format!("configuration {}", args.config.display()))?;
    let base = args.config.parent().unwrap_or(Path::new("")).join(&bench.base);
    let minutes = args.minutes.or(bench.minutes);
    // All configurations are checked before the first run starts.
    let mut configs = Vec::new();
    let changes = args.changes.settings()?;
    for entry in &bench.runs {
        if entry.name.is_empty() || entry.name.contains(['/', '\\']) {
            bail!(
                "run name `{}` is not accepted: it must be the name of a folder, not empty and without slashes",
                entry.name
            );
        }
        let settings: Vec<String> = entry.set.iter().chain(&changes).cloned().collect();
        configs.push(TrainConfig::read(&base, &settings).with_context(|| format!("run `{}`", entry.name))?);
    }
    let mut rows: Vec<Row> = Vec::new();
    for (entry, config) in bench.runs.iter().zip(configs) {
        if !quiet {
            print_message(format_args!("{}/{}  {}", rows.len() + 1, bench.runs.len(), entry.name));
        }
        let folder = args.output.join(&entry.name);
        let result = train_or_reuse(&config, minutes, &folder, quiet, cancel);
        if cancel.load(Ordering::SeqCst) {
            interrupt::print_interrupted();
            return Ok(ExitCode::from(interrupt::EXIT_CODE));
        }
        rows.push(row(&entry.name, &result.with_context(|| format!("run `{}`", entry.name))?));
        let table = table(&rows);
        atomic_write(&args.output.join("table.md"), table.as_bytes())?;
        atomic_write(&args.output.join("table.json"), serde_json::to_string_pretty(&rows)?.as_bytes())?;
    }
    write!(crate::terminal::stdout(), "{}", table(&rows))?;
    Ok(ExitCode::SUCCESS)
}

/// Trains one run, or reads its report if an earlier call finished it.
fn train_or_reuse(
    config: &TrainConfig,
    minutes: Option<f64>,
    folder: &Path,
    quiet: bool,
    cancel: &AtomicBool,
) -> anyhow::Result<TrainReport> {
    let done = folder.join("report.json");
    if done.is_file() {
        return Ok(serde_json::from_slice(&std::fs::read(&done)?)?);
    }
    let mut config = config.clone();
    if let Some(minutes) = minutes {
        config.phases.truncate(1);
        config.phases[0].epochs = epochs_in(&config, minutes, folder, cancel)?;
    }
    let bar = TrainBar::new(quiet, &config.validation.metric);
    let report =
        train(&config, &TrainOptions { run: folder.to_owned(), resume: true, allow_changed_data: false }, &bar, cancel);
    bar.clear();
    let report = report?;
    atomic_write(&done, serde_json::to_string_pretty(&report)?.as_bytes())?;
    Ok(report)
}

/// Number of epochs that fit into the budget, measured with a run of one epoch. It is stored in a file, so that a
/// continued run uses the same number.
fn epochs_in(config: &TrainConfig, minutes: f64, folder: &Path, cancel: &AtomicBool) -> anyhow::Result<usize> {
    let note = folder.with_extension("epochs");
    if let Ok(text) = std::fs::read_to_string(&note) {
        return text.trim().parse().with_context(|| format!("{} does not contain a number", note.display()));
    }
    let probe = folder.with_extension("probe");
    if probe.is_dir() {
        std::fs::remove_dir_all(&probe)?;
    }
    let mut short = config.clone();
    short.phases[0].epochs = PROBE_EPOCHS;
    short.output.pictures_every = 0;
    short.output.tensorboard = false;
    let options = TrainOptions { run: probe.clone(), resume: false, allow_changed_data: false };
    let report = train(&short, &options, &minesegsat::nn::train::Silent, cancel)?;
    std::fs::remove_dir_all(&probe)?;
    let epoch = report.seconds / PROBE_EPOCHS as f64;
    let epochs = ((minutes * 60.0 / epoch) as usize).max(1);
    print_message(format_args!("     one epoch takes {}: {epochs} epochs fit into {minutes} min", duration(epoch)));
    atomic_write(&note, epochs.to_string().as_bytes())?;
    Ok(epochs)
}

fn row(name: &str, report: &TrainReport) -> Row {
    let metric = |name: &str| report.best_metrics.get(name).copied();
    Row {
        name: name.to_owned(),
        parameters_millions: report.parameters as f64 / 1e6,
        epochs: report.epochs,
        steps: report.steps,
        seconds: report.seconds,
        f1: metric("f1"),
        precision: metric("precision"),
        recall: metric("recall"),
        iou: metric("iou"),
        f1_best: metric("f1_best"),
        best_epoch: report.best_epoch,
    }
}

fn table(rows: &[Row]) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
    let mut out = String::from(
        "| run | parameters (M) | epochs | time | F1 | precision | recall | IoU | F1 at the best threshold | best epoch |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let _ = writeln!(
            out,
            "| {} | {:.1} | {} | {} | {} | {} | {} | {} | {} | {} |",
            row.name,
            row.parameters_millions,
            row.epochs,
            duration(row.seconds),
            number(row.f1),
            number(row.precision),
            number(row.recall),
            number(row.iou),
            number(row.f1_best),
            row.best_epoch.map_or_else(|| "-".to_owned(), |epoch| epoch.to_string())
        );
    }
    out
}
