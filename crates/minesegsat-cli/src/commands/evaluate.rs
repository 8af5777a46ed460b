//! `minesegsat evaluate`

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use minesegsat::dataset::Dataset;
use minesegsat::evaluate::{
    ChangeResult, Estimate, EvaluateOptions, Evaluation, FalseLand, METRICS_FILE, Metric, Negatives, NegativesOptions,
    PAPER_THRESHOLD, PATCHES_FILE, Protocol, REPORT_FILE, SITES_FILE, Stability, StabilityOptions, ThresholdChoice,
    evaluate,
};
use minesegsat::job::Job;

use crate::args::{EvaluateArgs, ProtocolArg, ThresholdArg};
use crate::commands::engine;
use crate::interrupt;
use crate::progress::Bar;

pub(crate) fn run(args: &EvaluateArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::cancel_flag();
    let model = engine::open(args.model.as_deref(), &args.engine, args.views)?;
    let card = model.card();
    let dataset = Arc::new(Dataset::open(&args.dataset)?);
    let window = args.patch_size.unwrap_or(card.patch_size);
    let (protocol, threshold) = match (args.protocol, args.threshold) {
        (ProtocolArg::Paper, None) => (Protocol::Paper, ThresholdChoice::Given(PAPER_THRESHOLD)),
        (ProtocolArg::Paper, Some(_)) => {
            bail!(
                "`--threshold` cannot be used with `--protocol paper`: the paper's protocol has a threshold of {PAPER_THRESHOLD}"
            )
        }
        (ProtocolArg::Full, None) => (Protocol::Full, ThresholdChoice::Model(card.threshold)),
        (ProtocolArg::Full, Some(ThresholdArg::Auto)) => (Protocol::Full, ThresholdChoice::Auto),
        (ProtocolArg::Full, Some(ThresholdArg::Probability(p))) => (Protocol::Full, ThresholdChoice::Given(p)),
    };
    let options = EvaluateOptions {
        split: args.split,
        protocol,
        threshold,
        window,
        overlap: args.overlap.unwrap_or(window / 8),
        resamples: args.resamples as usize,
        seed: args.seed,
        pictures: usize::from(args.pictures),
        probabilities: args.write_probabilities,
        stability: args.stability.then(|| StabilityOptions {
            patches: args.samples.map(|samples| samples as usize),
            most_absent: card.band_dropout_max,
        }),
        negatives: args.negatives.then(|| NegativesOptions {
            skip_mines: args.skip_mines,
            min_area_m2: args.min_area.unwrap_or(0.0),
            cover: args.cover.clone(),
            cover_names: args.cover_classes.iter().cloned().collect(),
        }),
        overwrite: args.overwrite,
    };
    let mut description =
        card.description().without_absent(card.band_dropout_max, |band| dataset.card().bands.contains(&band));
    if let Some(fitted) = card.metrics.get("calibration") {
        // The report warns if the evaluated samples are those that the threshold was fitted on.
        description.record["calibration"] = fitted.clone();
    }
    let bar = Bar::with_label(quiet || args.json, "evaluating");
    let job = Job::new(&bar, cancel);
    let result = evaluate(&description, model.segmenter(), &dataset, &args.output, &options, job);
    bar.clear();
    engine::print_profile(&model)?;
    let evaluation = job.finish(result)?;
    for note in &evaluation.notes {
        tracing::warn!("{note}");
    }
    let mut stdout = crate::terminal::stdout();
    if args.json {
        stdout.write_all(evaluation.to_json()?.as_bytes())?;
    } else if !quiet {
        print(&mut stdout, &evaluation)?;
        for name in [REPORT_FILE, METRICS_FILE, PATCHES_FILE, SITES_FILE] {
            writeln!(stdout, "  {}", args.output.join(name).display())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

fn print(out: &mut impl Write, e: &Evaluation) -> anyhow::Result<()> {
    let d = &e.dataset;
    writeln!(
        out,
        "{} split: {} patches in {} sites, {} of them without mines; {:.1} % of the pixels are mines; threshold {}",
        d.split,
        d.patches,
        d.sites,
        d.patches_without_mines,
        d.mining_share.unwrap_or(0.0) * 100.0,
        e.threshold_text()
    )?;
    write!(out, "{:<40} {:>8} {:>18}", "", "model", "95 % interval")?;
    let labels: Vec<String> = e
        .baselines
        .iter()
        .map(|b| {
            b.threshold
                .map_or_else(|| b.label.clone(), |t| format!("{} {t:.3}", b.label.replace(" threshold", " from")))
        })
        .collect();
    for label in &labels {
        write!(out, "  {label:>14}")?;
    }
    writeln!(out)?;
    for metric in Metric::ALL {
        let estimate = e.metrics[metric.name];
        let digits = metric.digits();
        let range = interval(&estimate, digits);
        write!(out, "{:<40} {:>8} {range:>18}", metric.label, number(estimate.value, digits))?;
        for (baseline, label) in e.baselines.iter().zip(&labels) {
            let width = label.len().max(14);
            let value = baseline.metrics[metric.name].value.filter(|_| !metric.is_of_probabilities());
            write!(out, "  {:>width$}", number(value, digits))?;
        }
        writeln!(out)?;
    }
    if let Some(area) = &e.area {
        writeln!(
            out,
            "area of mines: {:.1} ha in the masks, {:.1} ha in the map, {:.1} ha as the sum of probabilities",
            area.truth_ha, area.counted_ha, area.expected_ha
        )?;
    }
    if let Some(verdict) = e.verdict() {
        writeln!(out, "{verdict}")?;
    }
    if let Some(stability) = &e.stability {
        print_stability(out, stability)?;
    }
    if let Some(negatives) = &e.negatives {
        print_negatives(out, negatives)?;
    }
    Ok(())
}

fn interval(estimate: &Estimate, digits: usize) -> String {
    let range = estimate.low.zip(estimate.high);
    range.map_or_else(String::new, |(low, high)| format!("{low:.digits$} to {high:.digits$}"))
}

/// Prints a table of estimates, each with its interval.
fn print_table<const N: usize>(
    out: &mut impl Write,
    columns: [&str; N],
    rows: impl IntoIterator<Item = (String, [(Estimate, usize); N])>,
) -> anyhow::Result<()> {
    write!(out, "{:<42}", "")?;
    for column in columns {
        write!(out, " {column:>27}")?;
    }
    writeln!(out)?;
    for (label, numbers) in rows {
        write!(out, "{label:<42}")?;
        for (estimate, digits) in numbers {
            write!(out, " {:>9} {:>17}", number(estimate.value, digits), interval(&estimate, digits))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn print_stability(out: &mut impl Write, stability: &Stability) -> anyhow::Result<()> {
    let Stability { patches, sites, f1, changes } = stability;
    writeln!(
        out,
        "\nstability of the map of {patches} patches in {sites} sites if the input changes; F1 without a change: {}",
        number(f1.value, 3)
    )?;
    print_table(out, ChangeResult::COLUMNS, changes.iter().map(|change| (change.label.clone(), change.columns())))
}

fn print_negatives(out: &mut impl Write, negatives: &Negatives) -> anyhow::Result<()> {
    let land = &negatives.land;
    writeln!(
        out,
        "\nfalse land without mines: {:.2} ha on {:.2} km2 ({} patches with mines left out)",
        land.false_ha, land.assessed_km2, negatives.left_out
    )?;
    let all = std::iter::once(("all".to_owned(), land.columns()));
    let classes = negatives.cover.iter().map(|class| (class.name.clone(), class.land.columns()));
    print_table(out, FalseLand::COLUMNS, all.chain(classes))?;
    writeln!(out, "patches with false land: {}", land.patches_text())?;
    writeln!(out, "polygons: {}", negatives.polygons_text())?;
    Ok(())
}
