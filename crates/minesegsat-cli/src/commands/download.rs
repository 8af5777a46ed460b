//! `minesegsat download`

use std::{io::Write, process::ExitCode, sync::atomic::Ordering};

use minesegsat::job::Job;
use minesegsat::{
    Error,
    catalog::read_items,
    download::{DownloadOptions, DownloadReport, SceneState, download},
    manifest::counted,
};

use crate::{args::DownloadArgs, interrupt, progress::DownloadBar};

pub(crate) fn run(args: &DownloadArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::resumable_cancel_flag(interrupt::SAME_COMMAND_HINT);
    let options = DownloadOptions {
        bands: args.bands.clone(),
        area: args.area.read()?,
        clip: args.clip,
        jobs: usize::from(args.jobs),
        overwrite: args.overwrite,
        requester_pays: args.requester_pays,
    };
    if options.clip && options.area.is_none() {
        anyhow::bail!("`--clip` needs an area: give `--bbox` or `--intersects`");
    }
    let items = read_items(&args.items)?;
    if items.is_empty() {
        anyhow::bail!("`{}` has no items", args.items.display());
    }
    let bar = DownloadBar::new(quiet || args.json);
    let result = download(&items, &args.output, &options, Job::new(&bar, cancel));
    bar.clear();
    let report = match result {
        // An interrupted read fails with its own error.
        Err(_) if cancel.load(Ordering::SeqCst) => {
            interrupt::print_interrupted();
            return Ok(ExitCode::from(interrupt::EXIT_CODE));
        }
        result => result?,
    };
    if report.scenes.iter().all(|scene| scene.state == SceneState::Outside) {
        let reason = "no item intersects the area; are longitude and latitude swapped?".to_owned();
        return Err(Error::input(args.items.display().to_string(), reason).into());
    }
    let mut stdout = crate::terminal::stdout();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&report)?)?;
    } else if !quiet {
        print_summary(&mut stdout, &report)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print_summary(out: &mut impl Write, report: &DownloadReport) -> std::io::Result<()> {
    let count = |state| report.scenes.iter().filter(|scene| scene.state == state).count();
    let megabytes = report.bytes as f64 / 1e6;
    let mut line = format!(
        "{} downloaded, {megabytes:.1} MB in {:.1} s ({:.1} MB/s)",
        counted(count(SceneState::Downloaded), "scene"),
        report.seconds,
        megabytes / report.seconds.max(1e-3)
    );
    for (state, what) in [
        (SceneState::AlreadyThere, "already there"),
        (SceneState::Outside, "outside the area"),
        (SceneState::Superseded, "replaced by a newer processing"),
    ] {
        if count(state) > 0 {
            line = format!("{line}, {} {what}", count(state));
        }
    }
    writeln!(out, "{line}")?;
    for item in report.scenes.iter().filter_map(|scene| scene.item.as_ref()) {
        writeln!(out, "  {}", item.display())?;
    }
    Ok(())
}
