//! `minesegsat monitor`

use std::io::Write;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use minesegsat::alerts::AlertConfig;
use minesegsat::job::{Job, Progress};
use minesegsat::manifest::counted;
use minesegsat::monitor::{self, DateOrder, MonitorOptions, MonitorReport};
use minesegsat::register::{Register, SiteId, Verdict};

use super::site_tools::{open_catalogue, open_model, predict_options};
use super::table::Table;
use crate::args::{MonitorAlertsArgs, MonitorCommand, MonitorRunArgs, MonitorWatchArgs};
use crate::interrupt;
use crate::progress::Bar;

/// Exit code if a site may have exceeded its limit.
const POSSIBLE_EXCEEDANCE: u8 = 4;
/// Exit code if a site has exceeded its limit.
const EXCEEDED: u8 = 5;

pub(crate) fn run(command: &MonitorCommand, quiet: bool) -> anyhow::Result<ExitCode> {
    match command {
        MonitorCommand::Run(args) => {
            let cancel = interrupt::resumable_cancel_flag(interrupt::SAME_COMMAND_HINT);
            match run_once(args, quiet, cancel) {
                Err(_) if cancel.load(Ordering::SeqCst) => {
                    interrupt::print_interrupted();
                    Ok(ExitCode::from(interrupt::EXIT_CODE))
                }
                done => done,
            }
        }
        MonitorCommand::Watch(args) => watch(args, quiet),
        MonitorCommand::Alerts(args) => alerts(args, quiet),
    }
}

/// Shows the current site and step on a bar, and in the log.
pub(crate) struct MonitorBar {
    bar: Bar,
    site: Mutex<String>,
}

impl MonitorBar {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { bar: Bar::with_label(quiet, "checking sites"), site: Mutex::default() }
    }

    pub(crate) fn clear(&self) {
        self.bar.clear();
    }
}

impl Progress for MonitorBar {
    fn advance(&self, done: usize, total: usize) {
        self.bar.count(done, total);
    }

    fn item(&self, index: usize, total: usize, site: &str) {
        let text = format!("{}/{total} {site}", index + 1);
        self.bar.set_label(&text);
        if let Ok(mut current) = self.site.lock() {
            *current = text;
        }
    }

    fn stage(&self, what: &str) {
        let text = self.site.lock().map_or_else(|_| what.to_owned(), |site| format!("{site}: {what}"));
        tracing::info!("{text}");
        self.bar.set_label(&text);
    }
}

fn run_once(args: &MonitorRunArgs, quiet: bool, cancel: &AtomicBool) -> anyhow::Result<ExitCode> {
    // All inputs are read before the first site is checked.
    let config = args.alerts.as_deref().map(AlertConfig::read).transpose()?.unwrap_or_default();
    let register = Register::open(&args.register.path())?;
    let model = open_model(args.model.as_deref(), &args.engine)?;
    let (catalog, collections) = open_catalogue(&args.catalogue.api, &args.catalogue.collections)?;
    let options = MonitorOptions {
        sites: args.sites.clone(),
        since: args.since,
        until: args.until,
        every_date: args.every_date,
        order: DateOrder::Newest,
        collections,
        max_cloud_cover_percent: args.catalogue.max_cloud_cover,
        buffer_m: args.buffer,
        min_assessed: args.min_assessed / 100.0,
        max_tries: usize::from(args.max_tries),
        composite: !args.no_composite,
        level_percent: args.confidence_level,
        confirmation: args.confirm,
        predict: predict_options(&model),
    };
    let bar = MonitorBar::new(quiet || args.json);
    let job = Job::new(&bar, cancel);
    let result = monitor::run(&register, &catalog, &model.monitor_model(), &config, &options, job);
    bar.clear();
    super::engine::print_profile(&model)?;
    let report = job.finish(result)?;
    // Alerts are sent after the observations are stored. The next run retries alerts that fail now.
    let delivered = monitor::deliver(&register, &config, jiff::Timestamp::now(), job)?;
    for (channel, problem) in &delivered.problems {
        tracing::warn!("alerts to `{channel}`: {problem}");
    }
    super::sites::warn_of_damage(&register, &report.damaged);
    let mut stdout = crate::terminal::stdout();
    if args.json {
        let mut value = serde_json::to_value(&report)?;
        value["alerts"] = serde_json::to_value(&delivered)?;
        writeln!(stdout, "{}", serde_json::to_string_pretty(&value)?)?;
    } else if !quiet {
        print_report(&mut stdout, &report)?;
        if delivered.delivered + delivered.pending + delivered.dead > 0 {
            writeln!(
                stdout,
                "alerts: {} delivered, {} pending, {} given up",
                delivered.delivered, delivered.pending, delivered.dead
            )?;
        }
    }
    for failure in &report.failures {
        crate::print_message(format_args!("error: site {}: {}", failure.site, failure.error));
    }
    // A damaged row may be a site that was not checked, or a limit that was not compared.
    if !report.damaged.is_empty() {
        let rows = counted(report.damaged.len(), "row");
        crate::print_message(format_args!("error: {rows} of {} cannot be used", register.path().display()));
    }
    if !report.failures.is_empty() || !report.damaged.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    // The exit code covers all latest verdicts, not only new ones. A script that missed a run must not miss an
    // exceedance.
    let is_selected = |id: &SiteId| args.sites.is_empty() || args.sites.contains(id);
    let verdicts: Vec<Verdict> = register
        .read_summaries_on(jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date())?
        .rows
        .into_iter()
        .filter(|summary| is_selected(&summary.id))
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
    super::sites::print_corrections(out, &report.corrections)?;
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

/// Repeats the run at a fixed interval. A run that fails is reported, and the next one tries again.
fn watch(args: &MonitorWatchArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::resumable_cancel_flag(interrupt::SAME_COMMAND_HINT);
    let mut done = 0;
    loop {
        let started = Instant::now();
        match run_once(&args.run, quiet, cancel) {
            _ if cancel.load(Ordering::SeqCst) => break,
            Ok(_) => {}
            // An error in the first run is probably permanent, so it ends the command.
            Err(error) if done == 0 => return Err(error),
            Err(error) => {
                crate::print_message(format_args!(
                    "error: {}; the next run will try again",
                    minesegsat::with_causes(&*error)
                ));
            }
        }
        done += 1;
        if args.runs.is_some_and(|runs| done >= runs) {
            return Ok(ExitCode::SUCCESS);
        }
        // `Instant` does not jump when the system clock is set.
        while started.elapsed() < args.every && !cancel.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(200).min(args.every));
        }
        if cancel.load(Ordering::SeqCst) {
            break;
        }
    }
    crate::print_message(format_args!("stopped; all finished observations are stored"));
    Ok(ExitCode::SUCCESS)
}

fn alerts(args: &MonitorAlertsArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let mut stdout = crate::terminal::stdout();
    if let Some(which) = &args.revive {
        let register = Register::open(&args.register.path())?;
        let id = Some(which.as_str()).filter(|id| *id != "all");
        let count = monitor::revive(&register, id, args.channel.as_deref(), jiff::Timestamp::now())?;
        if count == 0 && id.is_some() {
            anyhow::bail!("no dead alert `{which}`; `minesegsat monitor alerts --state dead` lists them");
        }
        if !quiet {
            writeln!(stdout, "{} will be retried", counted(count, "alert"))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    if let (Some(file), true) = (&args.alerts, args.test || args.send_now) {
        return send(args, &AlertConfig::read(file)?, quiet);
    }
    if args.alerts.is_some() {
        anyhow::bail!("`--alerts` needs `--test` or `--send-now`; the list of alerts is in the register");
    }
    let register = Register::open_read_only(&args.register.path())?;
    let mut list = monitor::deliveries(&register, args.state.map(Into::into))?;
    list.retain(|delivery| args.channel.as_ref().is_none_or(|channel| *channel == delivery.channel));
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&list)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(["alert", "channel", "state", "attempts", "next attempt", "finding", "last error"]);
    for delivery in &list {
        let state = serde_json::to_value(delivery.state)?;
        table.row([
            delivery.id.clone(),
            delivery.channel.clone(),
            state.as_str().unwrap_or_default().to_owned(),
            delivery.attempts.to_string(),
            delivery
                .next_attempt
                .map_or_else(|| "-".to_owned(), |next| next.strftime("%Y-%m-%d %H:%M UTC").to_string()),
            delivery.finding.title(),
            delivery.last_error.clone().unwrap_or_default(),
        ]);
    }
    table.print(&mut stdout).context("cannot print the alerts")?;
    Ok(ExitCode::SUCCESS)
}

/// Tests the channels, or sends what is pending. Fails if a channel failed.
fn send(args: &MonitorAlertsArgs, config: &AlertConfig, quiet: bool) -> anyhow::Result<ExitCode> {
    let (now, channel) = (jiff::Timestamp::now(), args.channel.as_deref());
    if let Some(name) = channel.filter(|name| !config.channels().any(|known| known == *name)) {
        let known: Vec<&str> = config.channels().collect();
        anyhow::bail!("the file has no channel `{name}`; it has {}", known.join(", "));
    }
    let cancel = interrupt::cancel_flag();
    let job = Job::with_cancel(cancel);
    let mut stdout = crate::terminal::stdout();
    let problems: Vec<(String, String)> = if args.test {
        let tested = minesegsat::alerts::test(config, channel, now, job)?;
        for (name, _) in tested.iter().filter(|(_, problem)| problem.is_none() && !quiet) {
            writeln!(stdout, "sent a test to `{name}`")?;
        }
        tested.into_iter().filter_map(|(name, problem)| Some((name, problem?))).collect()
    } else {
        let register = Register::open(&args.register.path())?;
        monitor::hasten(&register, channel, now)?;
        let report = monitor::deliver(&register, config, now, job)?;
        if !quiet {
            writeln!(
                stdout,
                "alerts: {} delivered, {} pending, {} given up",
                report.delivered, report.pending, report.dead
            )?;
        }
        report.problems.into_iter().collect()
    };
    for (name, problem) in &problems {
        crate::print_message(format_args!("error: alerts to `{name}`: {problem}"));
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
