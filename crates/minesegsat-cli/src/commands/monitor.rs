//! `minesegsat monitor`

use std::io::Write;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use minesegsat::Error;
use minesegsat::alerts::AlertConfig;
use minesegsat::manifest::counted;
use minesegsat::monitor::{self, MonitorOptions, MonitorProgress, MonitorReport};
use minesegsat::predict::Progress;
use minesegsat::register::{Register, SiteId, Verdict};

use super::table::Table;
use super::watcher::{catalogue, open_model, predict_options};
use crate::args::{MonitorAlertsArgs, MonitorCommand, MonitorRunArgs, MonitorWatchArgs};
use crate::interrupt;
use crate::progress::Bar;

/// Some site may have exceeded its limit.
const POSSIBLE_EXCEEDANCE: u8 = 4;
/// Some site has exceeded its limit.
const EXCEEDED: u8 = 5;

pub(crate) fn run(command: &MonitorCommand, quiet: bool) -> anyhow::Result<ExitCode> {
    match command {
        MonitorCommand::Run(args) => {
            let cancel = interrupt::cancel_flag_of_resumable();
            match once(args, quiet, cancel) {
                Err(_) if cancel.load(Ordering::SeqCst) => {
                    crate::say(format_args!("error: {}", interrupt::RESUMABLE_MESSAGE));
                    Ok(ExitCode::from(interrupt::EXIT_CODE))
                }
                done => done,
            }
        }
        MonitorCommand::Watch(args) => watch(args, quiet),
        MonitorCommand::Alerts(args) => alerts(args, quiet),
    }
}

/// Shows the site and what is done with it on a bar, or on lines of the log.
pub(crate) struct Shown {
    bar: Bar,
    site: Mutex<String>,
}

impl Shown {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { bar: Bar::named(quiet, "watching"), site: Mutex::default() }
    }

    pub(crate) fn clear(&self) {
        self.bar.clear();
    }
}

impl Progress for Shown {
    fn patches(&self, done: usize, total: usize) {
        self.bar.patches(done, total);
    }

    fn finishing(&self, _what: &str) {}
}

impl MonitorProgress for Shown {
    fn site(&self, index: usize, total: usize, site: &SiteId) {
        let text = format!("{}/{total} {site}", index + 1);
        self.bar.say(&text);
        if let Ok(mut place) = self.site.lock() {
            *place = text;
        }
    }

    fn doing(&self, what: &str) {
        let text = self.site.lock().map_or_else(|_| what.to_owned(), |site| format!("{site}: {what}"));
        tracing::info!("{text}");
        self.bar.say(&text);
    }
}

fn once(args: &MonitorRunArgs, quiet: bool, cancel: &AtomicBool) -> anyhow::Result<ExitCode> {
    // Everything is read before anything is done.
    let config = args.alerts.as_deref().map(AlertConfig::read).transpose()?.unwrap_or_default();
    let register = Register::open(&args.register.path())?;
    let model = open_model(&args.model, &args.engine)?;
    let (catalog, collections) = catalogue(&args.api, &args.collections)?;
    let options = MonitorOptions {
        sites: args.sites.clone(),
        since: args.since,
        until: args.until,
        every_date: args.every_date,
        collections,
        max_cloud_cover_percent: args.max_cloud_cover,
        buffer_m: args.buffer,
        min_assessed: args.min_assessed / 100.0,
        max_tries: usize::from(args.max_tries),
        composite: !args.no_composite,
        level_percent: args.confidence_level,
        predict: predict_options(&model),
    };
    let shown = Shown::new(quiet || args.json);
    let result = monitor::run(&register, &catalog, &model.monitor_model(), &config, &options, &shown, cancel);
    shown.clear();
    model.print_profile()?;
    let report = result.map_err(|error| if cancel.load(Ordering::SeqCst) { Error::Interrupted } else { error })?;
    // After the observations are stored: what is not delivered now is delivered by the next run.
    let delivered = monitor::deliver(&register, &config, jiff::Timestamp::now(), cancel)?;
    for (channel, problem) in &delivered.problems {
        tracing::warn!("alerts to `{channel}`: {problem}");
    }
    let mut stdout = std::io::stdout().lock();
    if args.json {
        let mut value = serde_json::to_value(&report)?;
        value["alerts"] = serde_json::to_value(&delivered)?;
        writeln!(stdout, "{}", serde_json::to_string_pretty(&value)?)?;
    } else if !quiet {
        print_report(&mut stdout, &report)?;
        if delivered.delivered + delivered.pending + delivered.dead > 0 {
            writeln!(
                stdout,
                "alerts: {} delivered, {} to be delivered, {} given up",
                delivered.delivered, delivered.pending, delivered.dead
            )?;
        }
    }
    for failure in &report.failures {
        crate::say(format_args!("error: site {}: {}", failure.site, failure.error));
    }
    if !report.failures.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    // What stands, not what is new: a script that missed a run must not miss an exceedance.
    let scope = |id: &SiteId| args.sites.is_empty() || args.sites.contains(id);
    let verdicts: Vec<Verdict> = register
        .summaries()?
        .into_iter()
        .filter(|summary| scope(&summary.id))
        .filter_map(|summary| summary.last.map(|last| last.verdict))
        .collect();
    Ok(if verdicts.contains(&Verdict::Exceeded) {
        ExitCode::from(EXCEEDED)
    } else if verdicts.contains(&Verdict::PossibleExceedance) {
        ExitCode::from(POSSIBLE_EXCEEDANCE)
    } else {
        ExitCode::SUCCESS
    })
}

fn print_report(out: &mut impl Write, report: &MonitorReport) -> std::io::Result<()> {
    for observation in &report.observations {
        writeln!(out, "{}: {}", observation.site, observation.statement)?;
    }
    writeln!(
        out,
        "{}: {}, {} without a new scene, {} failed",
        counted(report.sites, "site"),
        counted(report.observations.len(), "observation"),
        report.nothing_new,
        report.failures.len()
    )
}

/// Runs again and again. A run that fails is said and tried again at its next time.
fn watch(args: &MonitorWatchArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::cancel_flag_of_resumable();
    let mut done = 0;
    loop {
        let started = Instant::now();
        match once(&args.run, quiet, cancel) {
            _ if cancel.load(Ordering::SeqCst) => break,
            Ok(_) => {}
            // What will not mend itself is said at once.
            Err(error) if done == 0 => return Err(error),
            Err(error) => {
                crate::say(format_args!("error: {error:#}; tried again at the next time"));
            }
        }
        done += 1;
        if args.runs.is_some_and(|runs| done >= runs) {
            return Ok(ExitCode::SUCCESS);
        }
        // By a clock that nobody sets.
        while started.elapsed() < args.every && !cancel.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(200).min(args.every));
        }
        if cancel.load(Ordering::SeqCst) {
            break;
        }
    }
    crate::say(format_args!("stopped; everything complete is stored"));
    Ok(ExitCode::SUCCESS)
}

fn alerts(args: &MonitorAlertsArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let mut stdout = std::io::stdout().lock();
    if let Some(which) = &args.revive {
        let register = Register::open(&args.register.path())?;
        let id = Some(which.as_str()).filter(|id| *id != "all");
        let count = monitor::revive(&register, id, args.channel.as_deref(), jiff::Timestamp::now())?;
        if count == 0 && id.is_some() {
            anyhow::bail!("no dead alert `{which}`; `minesegsat monitor alerts --state dead` lists them");
        }
        if !quiet {
            writeln!(stdout, "{} due again", counted(count, "alert"))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let register = Register::open_read_only(&args.register.path())?;
    let mut list = monitor::deliveries(&register, args.state.map(Into::into))?;
    list.retain(|delivery| args.channel.as_ref().is_none_or(|channel| *channel == delivery.channel));
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&list)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(["alert", "channel", "state", "attempts", "what", "last error"]);
    for delivery in &list {
        let state = serde_json::to_value(delivery.state)?;
        table.row([
            delivery.id.clone(),
            delivery.channel.clone(),
            state.as_str().unwrap_or_default().to_owned(),
            delivery.attempts.to_string(),
            delivery.finding.title(),
            delivery.last_error.clone().unwrap_or_default(),
        ]);
    }
    table.print(&mut stdout).context("cannot print the alerts")?;
    Ok(ExitCode::SUCCESS)
}
