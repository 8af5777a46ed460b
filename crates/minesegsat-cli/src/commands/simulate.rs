//! `minesegsat simulate`

use std::{io::Write, process::ExitCode};

use minesegsat::{
    job::Job,
    manifest::counted,
    simulate::{SimulateOptions, Summary, simulate},
};

use crate::{args::SimulateArgs, interrupt, progress::Bar};

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
    let bar = Bar::with_label(quiet || args.json, "simulating");
    let job = Job::new(&bar, cancel);
    let result = simulate(&options, &args.output, job);
    bar.clear();
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
