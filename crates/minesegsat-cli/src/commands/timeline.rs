//! `minesegsat timeline`

use std::io::Write;
use std::process::ExitCode;

use minesegsat::Grouped;
use minesegsat::job::Job;
use minesegsat::pixel_class::LandHistory;
use minesegsat::series::SeriesRules;
use minesegsat::site::percent_text;
use minesegsat::timeline::{Outlier, TimelineManifest, TimelineOptions, TimelinePoint, timeline};
use minesegsat::uncertainty::Area;

use super::change::{Mapper, read_sites};
use super::table::Table;
use crate::args::TimelineArgs;
use crate::interrupt;
use crate::progress::Bar;

/// What a reader must know about a date.
fn remark(point: &TimelinePoint) -> String {
    let mut remarks = Vec::new();
    match point.outlier {
        None if point.hectares.disturbed.is_none() => remarks.push("not assessable".to_owned()),
        None => {}
        Some(Outlier::Seasonal) => remarks.push("outlier: other season".to_owned()),
        Some(Outlier::Monotone) => remarks.push("outlier: temporary change".to_owned()),
    }
    if point.share_beyond_map > 0.0 {
        remarks.push(format!("{} beyond the map", percent_text(point.share_beyond_map)));
    }
    remarks.join("; ")
}

/// Prints the land of the whole map by its history, and a row per site and date.
fn print_summary(out: &mut impl Write, manifest: &TimelineManifest) -> anyhow::Result<()> {
    let total = &manifest.total;
    let ha =
        |class: LandHistory| total.by_class.iter().find(|found| found.class == class).map_or(0.0, |found| found.ha);
    let (first, last) = (manifest.dates.first(), manifest.dates.last());
    let day = |date: Option<&jiff::civil::Date>| date.map_or_else(String::new, ToString::to_string);
    writeln!(
        out,
        "{} to {}, {} dates; half of the land was seen on {} of them or more",
        day(first),
        day(last),
        manifest.dates.len(),
        total.median_dates
    )?;
    writeln!(
        out,
        "whole map: {:.1} ha disturbed since before; {:.1} ha new and {:.1} ha new but provisional; {:.1} ha regrown and {:.1} ha \
         regrown but provisional",
        Grouped(ha(LandHistory::Disturbed)),
        Grouped(ha(LandHistory::New)),
        Grouped(ha(LandHistory::NewProvisional)),
        Grouped(ha(LandHistory::Regrown)),
        Grouped(ha(LandHistory::RegrownProvisional)),
    )?;
    if manifest.sites.is_empty() {
        return Ok(());
    }
    if let Some(together) = &manifest.sites_together {
        let area = together.points.last().and_then(|point| point.area);
        writeln!(
            out,
            "all sites together: {} disturbed on {}; {:.1} ha new and {:.1} ha new but provisional",
            area.map_or_else(|| "not assessable".to_owned(), |area| format!("{:.1} ha", Grouped(area.ha))),
            day(last),
            Grouped(together.new_ha),
            Grouped(together.new_provisional_ha)
        )?;
    }
    for site in manifest.sites.iter().filter(|site| site.share_in_other_sites > 0.0) {
        let share = percent_text(site.share_in_other_sites);
        writeln!(
            out,
            "{}: {share} of its outline also belongs to other sites; all sites together count it once",
            site.id
        )?;
    }
    let mut table = Table::new([
        "site",
        "date",
        "visible %",
        "map ha",
        "smoothed ha",
        "interval",
        "gain ha",
        "disagrees %",
        "NDVI",
        "around",
        "remark",
    ]);
    for site in &manifest.sites {
        for point in &site.points {
            let index = |value: Option<f32>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
            let area = |area: Option<Area>| area.map_or_else(|| "-".to_owned(), |area| format!("{:.1}", area.ha));
            let smoothed = &point.smoothed;
            table.row([
                site.id.clone(),
                point.date.to_string(),
                format!("{:.0}", point.share_assessed * 100.0),
                area(point.hectares.disturbed),
                area(smoothed.smoothed_area),
                smoothed.smoothed_area.map_or_else(String::new, |a| format!("{:.1} to {:.1}", a.lower_ha, a.upper_ha)),
                format!("{:.1}", smoothed.gain_since_first_ha),
                smoothed.share_disagreeing.map_or_else(|| "-".to_owned(), |share| format!("{:.1}", share * 100.0)),
                index(point.inside.ndvi),
                index(point.around.ndvi),
                remark(point),
            ]);
        }
    }
    table.print(out)?;
    Ok(())
}

pub(crate) fn run(args: &TimelineArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::cancel_flag();
    let sites = args.sites.as_deref();
    let sites = sites.map(|path| read_sites(path, args.id_field.as_deref(), args.incomplete)).transpose()?;
    let (sites, sites_incomplete) = sites.unwrap_or_default();
    let mut mapper = Mapper::new(args.model.as_deref(), &args.engine, &args.substitute, quiet || args.json);
    let maps = args.dates.iter().map(|date| mapper.series_map(date, cancel)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut persistence = maps.iter().rev().find_map(|map| map.record.persistence).unwrap_or_default();
    for (value, given) in [
        (&mut persistence.onset_per_year, args.onset_rate),
        (&mut persistence.regrowth_per_year, args.regrowth_rate),
        (&mut persistence.evidence_weight, args.evidence_weight),
    ] {
        *value = given.unwrap_or(*value);
    }
    let options = TimelineOptions {
        sites,
        sites_incomplete,
        rules: SeriesRules { persistence, confirmation: args.confirm },
        level_percent: args.confidence_level,
        min_assessed: args.min_assessed / 100.0,
        around_m: args.around,
        overwrite: args.overwrite,
    };
    mapper.print_profile()?;
    let bar = Bar::with_label(quiet || args.json, "sites");
    let job = Job::new(&bar, cancel);
    let result = timeline(maps, &args.output, &options, job);
    bar.clear();
    let manifest = job.finish(result)?;
    for warning in &manifest.warnings {
        tracing::warn!("{warning}");
    }
    let mut stdout = crate::terminal::stdout();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&manifest)?)?;
    } else if !quiet {
        print_summary(&mut stdout, &manifest)?;
        writeln!(stdout, "  {}", args.output.display())?;
    }
    Ok(ExitCode::SUCCESS)
}
