//! `minesegsat train`

use std::{
    io::Write,
    path::Path,
    process::ExitCode,
    sync::{Mutex, atomic::Ordering},
};

use anyhow::Context as _;
use indicatif::ProgressBar;
use minesegsat::nn::train::{
    BEST_FOLDER, CONFIG_FILE, EpochReport, StepReport, TrainConfig, TrainOptions, TrainProgress, TrainReport, train,
};

use crate::{
    args::TrainArgs,
    interrupt, print_message,
    progress::{Shown, duration},
};

pub(crate) fn run(args: &TrainArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let settings = args.settings()?;
    let config = match (&args.config, &args.output) {
        (Some(path), _) => TrainConfig::read(path, &settings)?,
        (None, Some(output)) if args.resume => TrainConfig::read(&output.join(CONFIG_FILE), &settings)?,
        (None, _) => TrainConfig::parse("", "of the defaults", &settings)?,
    };
    let mut stdout = crate::terminal::stdout();
    if args.print_config {
        write!(stdout, "{}", config.to_toml()?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let output = args.output.as_deref().context("a run needs a folder; give one with `-o`")?;
    let cancel = interrupt::resumable_stop_flag(&resume_hint(output));
    let bar = TrainBar::new(quiet || args.json, &config.validation.metric);
    let options =
        TrainOptions { run: output.to_owned(), resume: args.resume, allow_changed_data: args.allow_changed_data };
    let result = train(&config, &options, &bar, cancel);
    bar.clear();
    let report = match result {
        Ok(report) => report,
        Err(_) if cancel.load(Ordering::SeqCst) => {
            interrupt::print_interrupted_after(&bar.saved_in(output));
            return Ok(ExitCode::from(interrupt::EXIT_CODE));
        }
        Err(error) => return Err(error.into()),
    };
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&report)?)?;
    } else if !quiet {
        print_report(&mut stdout, &report)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// How to go on with an interrupted run. The folder is quoted for a shell if it has to be.
fn resume_hint(run: &Path) -> String {
    let folder = run.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:\\".contains(c);
    let folder = if folder.chars().all(is_plain) { folder } else { format!("'{}'", folder.replace('\'', "'\\''")) };
    format!("to continue, run `minesegsat train -o {folder} --resume`")
}

pub(crate) fn print_report(out: &mut impl Write, report: &TrainReport) -> std::io::Result<()> {
    let early = if report.stopped_early { ", stopped early" } else { "" };
    writeln!(out, "trained {} epochs, {} steps, {}{early}", report.epochs, report.steps, duration(report.seconds))?;
    if let (Some(epoch), Some(best)) = (report.best_epoch, report.best) {
        writeln!(out, "best {} {best:.4} on the validation split, epoch {epoch}", report.metric)?;
        for name in ["f1", "precision", "recall", "iou", "f1_best", "threshold_best", "ece"] {
            if let Some(value) = report.best_metrics.get(name).filter(|_| name != report.metric) {
                writeln!(out, "  {name:<15} {value:.4}")?;
            }
        }
        if let Some(folder) = &report.best_model {
            writeln!(out, "  {}", folder.display())?;
        }
    } else {
        writeln!(out, "no best model: {} was undefined in every validation", report.metric)?;
    }
    Ok(())
}

/// Progress of a training run. A terminal shows a bar within the epoch and a line per epoch. A pipe shows the lines, and one every
/// ten seconds.
pub(crate) struct TrainBar {
    shown: Shown,
    is_quiet: bool,
    metric: String,
    /// Step and epoch of the last checkpoint, each from 1.
    saved: Mutex<Option<(u64, usize)>>,
}

impl TrainBar {
    pub(crate) fn new(quiet: bool, metric: &str) -> Self {
        let line = |bar: &ProgressBar| {
            let (done, of) = (bar.position(), bar.length().unwrap_or(0));
            match bar.prefix() {
                epoch if epoch.is_empty() => {
                    format!("preparing: {} so far", duration(bar.elapsed().as_secs_f64()))
                }
                epoch => format!("{epoch}  {done} of {of}  {}", bar.message()),
            }
        };
        let shown = Shown::new(quiet, ProgressBar::new(0), "{prefix} {wide_bar} {pos}/{len}  {msg}", line);
        Self { shown, is_quiet: quiet, metric: metric.to_owned(), saved: Mutex::default() }
    }

    pub(crate) fn clear(&self) {
        self.shown.clear();
    }

    fn print_line(&self, text: &str) {
        if !self.is_quiet {
            self.shown.bar.suspend(|| print_message(format_args!("{text}")));
        }
    }

    /// What an interrupted run has saved, in words.
    fn saved_in(&self, run: &Path) -> String {
        let Some((step, epoch)) = self.saved.lock().ok().and_then(|saved| *saved) else {
            return "nothing new is saved".to_owned();
        };
        let best = run.join(BEST_FOLDER);
        let model = if best.is_dir() {
            format!("the best model until now is {}", best.display())
        } else {
            "there is no model yet".to_owned()
        };
        format!("the state after step {step}, in epoch {epoch}, is saved in {}; {model}", run.display())
    }
}

impl TrainProgress for TrainBar {
    fn step(&self, report: &StepReport) {
        self.shown.bar.set_prefix(format!("epoch {}/{}", report.epoch, report.epochs));
        self.shown.count(report.batch, report.batches);
        self.shown.bar.set_message(format!(
            "loss {:.4}  {:.1} patches/s  about {} left",
            report.loss,
            report.patches_per_second,
            duration(report.seconds_left)
        ));
    }

    fn validating(&self, done: usize, total: usize) {
        self.shown.count(done, total);
        self.shown.bar.set_message("validating");
    }

    fn saved(&self, step: u64, epoch: usize) {
        if let Ok(mut saved) = self.saved.lock() {
            *saved = Some((step, epoch));
        }
    }

    fn epoch(&self, report: &EpochReport) {
        let mut line = format!(
            "epoch {:>4}  loss {:.4}  rate {:.2e}  {:.1} patches/s  {}",
            report.epoch,
            report.loss,
            report.learning_rate,
            report.patches_per_second,
            duration(report.seconds)
        );
        if let Some(metrics) = &report.validation {
            let mut names = vec![self.metric.as_str()];
            names.extend(["f1", "precision", "recall", "f1_best"].into_iter().filter(|name| *name != self.metric));
            for name in names {
                if let Some(value) = metrics.get(name) {
                    line += &format!("  {name} {value:.3}");
                }
            }
        }
        if report.is_best {
            line += "  best";
        }
        if report.seconds_left > 0.0 {
            line += &format!("  about {} left", duration(report.seconds_left));
        }
        self.print_line(&line);
    }

    fn note(&self, text: &str) {
        self.print_line(&format!("note: {text}"));
    }
}
