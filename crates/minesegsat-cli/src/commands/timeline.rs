//! `minesegsat timeline`

use std::io::Write;
use std::process::ExitCode;

use minesegsat::change::site::percent_text;
use minesegsat::job::Job;
use minesegsat::timeline::{Outlier, TimelineOptions, TimelinePoint, timeline};

use super::change::{Mapper, read_sites};
use super::table::Table;
use crate::args::TimelineArgs;
use crate::interrupt;
use crate::progress::Bar;

/// What a reader must know about a date.
fn remark(point: &TimelinePoint) -> String {
    let mut remarks = Vec::new();
    match point.outlier {
        None if point.area.is_none() => remarks.push("not assessable".to_owned()),
        None => {}
        Some(Outlier::Seasonal) => remarks.push("outlier: other season".to_owned()),
        Some(Outlier::Monotone) => remarks.push("outlier: temporary change".to_owned()),
    }
    if point.share_beyond_map > 0.0 {
        remarks.push(format!("{} beyond the map", percent_text(point.share_beyond_map)));
    }
    remarks.join("; ")
}

pub(crate) fn run(args: &TimelineArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::cancel_flag();
    let options = TimelineOptions {
        sites: read_sites(&args.sites, args.id_field.as_deref())?,
        level_percent: args.confidence_level,
        min_assessed: args.min_assessed / 100.0,
        around_m: args.around,
        overwrite: args.overwrite,
    };
    let mut mapper = Mapper::new(args.model.as_deref(), &args.engine, &args.substitute, quiet || args.json);
    let mut maps = args.dates.iter().map(|date| mapper.map(date, cancel)).collect::<anyhow::Result<Vec<_>>>()?;
    mapper.print_profile()?;
    let bar = Bar::with_label(quiet || args.json, "sites");
    let job = Job::new(&bar, cancel);
    let result = timeline(&mut maps, &args.output, &options, job);
    bar.clear();
    let manifest = job.finish(result)?;
    for warning in &manifest.warnings {
        tracing::warn!("{warning}");
    }
    let mut stdout = crate::terminal::stdout();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&manifest)?)?;
    } else if !quiet {
        let mut table =
            Table::new(["site", "date", "visible %", "disturbed ha", "interval", "NDVI", "around", "remark"]);
        for site in &manifest.sites {
            for point in &site.points {
                let index = |value: Option<f32>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
                table.row([
                    site.id.clone(),
                    point.date.to_string(),
                    format!("{:.0}", point.share_assessed * 100.0),
                    point.area.map_or_else(|| "-".to_owned(), |area| format!("{:.1}", area.ha)),
                    point.area.map_or_else(String::new, |a| format!("{:.1} to {:.1}", a.lower_ha, a.upper_ha)),
                    index(point.inside.ndvi),
                    index(point.around.ndvi),
                    remark(point),
                ]);
            }
        }
        table.print(&mut stdout)?;
        writeln!(stdout, "  {}", args.output.display())?;
    }
    Ok(ExitCode::SUCCESS)
}
