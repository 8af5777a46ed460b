//! `minesegsat evaluate`

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use minesegsat::dataset::Dataset;
use minesegsat::evaluate::{
    EvaluateOptions, Evaluation, METRICS_FILE, Metric, PAPER_THRESHOLD, PATCHES_FILE, Protocol, REPORT_FILE,
    SITES_FILE, ThresholdChoice, evaluate,
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
        let range = estimate.low.zip(estimate.high);
        let range = range.map_or_else(String::new, |(low, high)| format!("{low:.digits$} to {high:.digits$}"));
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
    Ok(())
}
