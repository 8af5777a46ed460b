//! `minesegsat simulate`

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};

use indicatif::{ProgressBar, ProgressStyle};
use minesegsat::{
    job::{Job, Progress},
    manifest::counted,
    simulate::{SimulateOptions, Summary, simulate},
};

use crate::{args::SimulateArgs, interrupt};

/// A bar with the share done and the time left. It appears on a terminal only.
struct SimulateBar(ProgressBar);

impl SimulateBar {
    fn new(quiet: bool) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {percent} %  {eta} left") {
            bar.set_style(style);
        }
        Self(bar)
    }
}

impl Progress for SimulateBar {
    fn advance(&self, done: usize, total: usize) {
        self.0.set_length(total as u64);
        self.0.set_position(done as u64);
    }

    fn stage(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }
}

pub(crate) fn run(args: &SimulateArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::cancel_flag();
    let options = SimulateOptions {
        seed: args.seed,
        region: args.region,
        years: args.years.clone(),
        mines_of: args.mines_of,
        size: args.size,
        sites: args.sites,
        cloud_cover_percent: args.cloud_cover.unwrap_or(if args.dates_per_year.is_some() { 40.0 } else { 4.0 }),
        dates_per_year: args.dates_per_year,
        max_shift_px: args.max_shift,
        overwrite: args.overwrite,
    };
    let bar = SimulateBar::new(quiet || args.json);
    let job = Job::new(&bar, cancel);
    let result = simulate(&options, &args.output, job);
    bar.0.finish_and_clear();
    let summary = job.finish(result)?;
    let mut stdout = crate::terminal::stdout();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&summary)?)?;
    } else if !quiet {
        print_summary(&mut stdout, &summary, args)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print_summary(out: &mut impl Write, summary: &Summary, args: &SimulateArgs) -> std::io::Result<()> {
    let Summary { region, seed, place, size, .. } = summary;
    writeln!(out, "simulated: {region} landscape of seed {seed}, {size} x {size} pixels, placed in {place}")?;
    for year in summary.scenes() {
        writeln!(
            out,
            "{}  {}, {:.1} ha ({:.1} % of the scene), {:.1} % cloud",
            year.datetime.strftime("%Y-%m-%d"),
            counted(year.mines.len(), "mine"),
            year.total.area_ha,
            year.mining_percent,
            year.cloud_cover_percent
        )?;
    }
    for change in &summary.changes {
        let hectares = |name: &str| change.pixels.get(name).copied().unwrap_or_default() as f64 * 0.01;
        writeln!(
            out,
            "{} to {}: {:.1} ha gained, {:.1} ha lost, {:.1} ha stable",
            change.from_year,
            change.to_year,
            hectares("gain"),
            hectares("loss"),
            hectares("stable")
        )?;
    }
    writeln!(out, "  {}", args.output.join("catalog.json").display())?;
    for year in summary.scenes() {
        writeln!(out, "  {}", args.output.join(format!("{}/{}/item.json", year.year, year.item)).display())?;
    }
    writeln!(out, "  {}", args.output.join("truth").display())
}
