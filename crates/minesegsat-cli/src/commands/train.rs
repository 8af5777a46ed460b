//! `minesegsat train`

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
    sync::atomic::Ordering,
};

use indicatif::{ProgressBar, ProgressStyle};
use minesegsat::nn::train::{
    CONFIG_FILE, EpochReport, StepReport, TrainConfig, TrainOptions, TrainProgress, TrainReport, train,
};

use crate::{args::TrainArgs, interrupt, print_message};

pub(crate) fn run(args: &TrainArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let settings = args.changes.settings();
    let config = match &args.config {
        Some(path) => TrainConfig::read(path, &settings)?,
        None if args.resume => TrainConfig::read(&args.output.join(CONFIG_FILE), &settings)?,
        None => TrainConfig::parse("", "of the defaults", &settings)?,
    };
    let mut stdout = crate::terminal::stdout();
    if args.print_config {
        write!(stdout, "{}", config.to_toml()?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let resume = format!("to continue, run `minesegsat train -o {} --resume`", args.output.display());
    let cancel = interrupt::resumable_cancel_flag(&resume);
    let bar = TrainBar::new(quiet || args.json, &config.validation.metric);
    let options =
        TrainOptions { run: args.output.clone(), resume: args.resume, allow_changed_data: args.allow_changed_data };
    let result = train(&config, &options, &bar, cancel);
    bar.clear();
    let report = match result {
        Ok(report) => report,
        Err(_) if cancel.load(Ordering::SeqCst) => {
            interrupt::print_interrupted();
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

/// Formats a duration: `1 h 02 min`, `3 min 20 s`, `14 s`.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s:02} s"),
        (h, m, _) => format!("{h} h {m:02} min"),
    }
}

/// Progress of a training run. A terminal shows a bar within the epoch and a line per epoch, a pipe only the lines.
pub(crate) struct TrainBar {
    bar: ProgressBar,
    is_quiet: bool,
    metric: String,
}

impl TrainBar {
    pub(crate) fn new(quiet: bool, metric: &str) -> Self {
        let bar = if quiet || !std::io::stderr().is_terminal() { ProgressBar::hidden() } else { ProgressBar::new(0) };
        if let Ok(style) = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len}  {msg}") {
            bar.set_style(style);
        }
        Self { bar, is_quiet: quiet, metric: metric.to_owned() }
    }

    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn print_line(&self, text: &str) {
        if !self.is_quiet {
            self.bar.suspend(|| print_message(format_args!("{text}")));
        }
    }
}

impl TrainProgress for TrainBar {
    fn step(&self, report: &StepReport) {
        self.bar.set_prefix(format!("epoch {}/{}", report.epoch, report.epochs));
        self.bar.set_length(report.batches as u64);
        self.bar.set_position(report.batch as u64);
        self.bar.set_message(format!(
            "loss {:.4}  {:.1} patches/s  {} left",
            report.loss,
            report.patches_per_second,
            duration(report.seconds_left)
        ));
    }

    fn validating(&self, done: usize, total: usize) {
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        self.bar.set_message("validating");
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
        self.print_line(&line);
    }

    fn note(&self, text: &str) {
        self.print_line(&format!("note: {text}"));
    }
}
