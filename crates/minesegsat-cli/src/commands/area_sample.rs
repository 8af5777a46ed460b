//! `minesegsat area-sample`

use std::{io::Write, path::Path, process::ExitCode};

use anyhow::Context as _;
use minesegsat::Grouped;
use minesegsat::job::Job;
use minesegsat::{
    Location,
    area_sample::{self, Design, Quantity, Report},
    output::OutputFolder,
};

use super::table::Table;
use crate::{
    args::{AreaSampleDesignArgs, AreaSampleEstimateArgs},
    interrupt,
    progress::Bar,
};

pub(crate) fn design(args: &AreaSampleDesignArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::cancel_flag();
    let map = Location::from_os(&args.map)?;
    let bar = Bar::with_label(quiet || args.json, "reading the map");
    let job = Job::new(&bar, cancel);
    let result = area_sample::design(&map, &args.output, &args.options(), job);
    bar.clear();
    let design = job.finish(result)?;
    for warning in &design.warnings {
        tracing::warn!("{warning}");
    }
    let mut stdout = crate::terminal::stdout();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&design)?)?;
    } else if !quiet {
        print_design(&mut stdout, &design, &args.output)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print_design(out: &mut impl Write, design: &Design, folder: &Path) -> std::io::Result<()> {
    let area: f64 = design.strata.iter().map(|stratum| stratum.extent.area_ha).sum();
    writeln!(
        out,
        "{} points in {:.1} ha; {:.1} ha of the map are not assessable or left out",
        design.samples.len(),
        Grouped(area),
        Grouped(design.outside.area_ha)
    )?;
    let mut table = Table::new(["stratum", "pixels", "area ha", "share %", "expected accuracy", "points"]);
    for stratum in &design.strata {
        table.row([
            stratum.name.clone(),
            stratum.extent.pixels.to_string(),
            format!("{:.1}", stratum.extent.area_ha),
            format!("{:.2}", stratum.extent.area_ha / area * 100.0),
            stratum.expected_accuracy.to_string(),
            stratum.samples.to_string(),
        ]);
    }
    table.print(out)?;
    writeln!(
        out,
        "expected standard error of overall accuracy: {:.4}, given the expected accuracies",
        design.expected_standard_error
    )?;
    let classes: Vec<&str> = design.classes.iter().map(|class| class.name.as_str()).collect();
    writeln!(out, "fill in `reference_class` with {}, in one of these files:", classes.join(" or "))?;
    for name in ["samples.csv", "samples.geojson", "samples.gpkg"] {
        writeln!(out, "  {}", folder.join(name).display())?;
    }
    Ok(())
}

pub(crate) fn estimate(args: &AreaSampleEstimateArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let target = args.output.as_deref().map(super::folder_and_name).transpose()?;
    let outputs = target.map(|(folder, name)| OutputFolder::create(folder, &[name], args.overwrite)).transpose()?;
    let report = area_sample::estimate(&args.design, &args.options())?;
    for warning in &report.warnings {
        tracing::warn!("{warning}");
    }
    let json = serde_json::to_string_pretty(&report)?;
    if let (Some(outputs), Some((_, name))) = (outputs, target) {
        std::fs::write(outputs.path(name), format!("{json}\n")).with_context(|| format!("cannot write `{name}`"))?;
        outputs.commit()?;
    }
    let mut stdout = crate::terminal::stdout();
    if args.json {
        writeln!(stdout, "{json}")?;
    } else if !quiet {
        print_report(&mut stdout, &report)?;
        if let Some(path) = &args.output {
            writeln!(stdout, "  {}", path.display())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print_report(out: &mut impl Write, report: &Report) -> std::io::Result<()> {
    let level = report.confidence_level_percent;
    writeln!(
        out,
        "{}: {} of {} points, {:.1} ha; ± is half the width of the {level} % interval",
        report.map.location,
        report.used,
        report.samples,
        Grouped(report.area_ha)
    )?;
    writeln!(out)?;
    let reference = report.class_names.iter().map(|name| format!("ref. {name}"));
    let header = ["stratum".to_owned(), "share %".to_owned()].into_iter().chain(reference).chain(["points".to_owned()]);
    let mut strata = Table::new(header);
    for stratum in &report.strata {
        let counts = stratum.reference.iter().map(ToString::to_string);
        let head = [stratum.name.clone(), format!("{:.2}", stratum.share * 100.0)];
        strata.row(head.into_iter().chain(counts).chain([stratum.used.to_string()]));
    }
    strata.print(out)?;
    writeln!(out)?;
    // The error matrix as shares of the area. Rows are map classes, columns are reference classes.
    let mut matrix = Table::new(
        ["map, % of area".to_owned()]
            .into_iter()
            .chain(report.class_names.iter().map(|name| format!("ref. {name}")))
            .chain(["total".to_owned()]),
    );
    for (name, row) in report.class_names.iter().zip(&report.area_proportions) {
        let cells =
            row.iter().chain([&row.iter().sum()]).map(|part| format!("{:.2}", part * 100.0)).collect::<Vec<_>>();
        matrix.row([name.clone()].into_iter().chain(cells));
    }
    let columns = 0..report.class_names.len();
    let totals = columns.map(|j| report.area_proportions.iter().map(|row| row[j]).sum::<f64>());
    let totals: Vec<f64> = totals.collect();
    let whole: f64 = totals.iter().sum();
    let cells = totals.iter().chain([&whole]).map(|part| format!("{:.2}", part * 100.0)).collect::<Vec<_>>();
    matrix.row(["total".to_owned()].into_iter().chain(cells));
    matrix.print(out)?;
    writeln!(out)?;
    let mut classes =
        Table::new(["class", "mapped ha", "area ha", "share %", "user's accuracy", "producer's accuracy"]);
    let accuracy = |quantity: Option<Quantity>| quantity.map_or("-".to_owned(), |q| plus_minus(&q, 1.0, 3));
    for class in &report.classes {
        classes.row([
            class.name.clone(),
            format!("{:.1}", class.mapped.area_ha),
            plus_minus(&class.area_ha, 1.0, 1),
            plus_minus(&class.share, 100.0, 2),
            accuracy(class.users_accuracy),
            accuracy(class.producers_accuracy),
        ]);
    }
    classes.print(out)?;
    writeln!(out, "overall accuracy {}", plus_minus(&report.overall_accuracy, 1.0, 3))
}

/// A value with half the width of its interval.
fn plus_minus(quantity: &Quantity, scale: f64, digits: usize) -> String {
    format!("{:.digits$} ± {:.digits$}", quantity.value * scale, quantity.half_width * scale)
}
