//! `minesegsat calibrate`

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use minesegsat::dataset::{Dataset, SampleReader, SampleRecord, Split, fit_familiarity};
use minesegsat::evaluate::{KnownPlaces, ValidateOptions, Validation, check_bands, fit_temperature, validate_each};
use minesegsat::familiarity::Familiarity;
use minesegsat::job::Job;
use minesegsat::nn::{ModelSegmenter, parse_device};
use minesegsat::uncertainty::AreaErrorModel;
use serde_json::{Value, json};

use crate::args::CalibrateArgs;
use crate::interrupt;
use crate::progress::Bar;

/// Confidence level at which the area intervals are checked, in percent.
const AREA_LEVEL_PERCENT: f64 = 90.0;

pub(crate) fn run(args: &CalibrateArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let report = calibrate(args, quiet || args.json, interrupt::cancel_flag())?;
    let mut stdout = crate::terminal::stdout();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&report)?)?;
    } else if !quiet {
        print_report(&mut stdout, &report)?;
        writeln!(stdout, "  {}", args.model.join(minesegsat::nn::CARD_FILE).display())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Fits the temperature, threshold and area error, updates the model's card, and returns the calibration record.
pub(crate) fn calibrate(args: &CalibrateArgs, quiet: bool, cancel: &AtomicBool) -> anyhow::Result<Value> {
    let device = parse_device(&args.device)?;
    let segmenter = ModelSegmenter::open(&args.model, &device)?;
    let mut card = segmenter.card().clone();
    let dataset = Arc::new(Dataset::open(&args.dataset)?);
    let description = card.description();
    check_bands(&description, &dataset)?;
    let samples = dataset.split(args.split)?;
    let reader = SampleReader::new(Arc::clone(&dataset), &description.bands, &description.normalisation)?;
    let window = args.patch_size.unwrap_or(card.patch_size);
    let options = ValidateOptions { window, overlap: args.overlap.unwrap_or(window / 8), threshold: card.threshold };
    let ignore = dataset.card().ignore;
    let gsd_m = card.gsd_m;
    let measure = |segmenter: &ModelSegmenter, work: &'static str| -> minesegsat::Result<(Validation, KnownPlaces)> {
        let bar = Bar::with_label(quiet, work);
        let mut places = KnownPlaces::new(gsd_m, ignore);
        let each = |record: &_, sample: &_, p: &[f32]| places.add(record, sample, p);
        let job = Job::new(&bar, cancel);
        let result = validate_each(segmenter, &reader, &samples, &options, each, job);
        bar.clear();
        Ok((job.finish(result)?, places))
    };
    let (before, places_before) = measure(&segmenter, "measuring")?;
    let Some(fit) = fit_temperature(&before.histogram) else {
        let what = if before.histogram.mines() == 0 { "no pixel" } else { "every pixel" };
        return Err(minesegsat::Error::input(
            args.dataset.display().to_string(),
            format!("{what} of its {} split is a mine, so no temperature can be fitted", args.split),
        )
        .into());
    };
    if fit.is_at_limit {
        tracing::warn!(
            "the fitted temperature is at the limit of its range; a temperature alone cannot calibrate this model"
        );
    }
    // The temperature is applied before overlapping windows are blended, so the effect of the fit must be measured.
    let temperature = card.temperature * fit.temperature as f32;
    let (after, places_after) = measure(&segmenter.with_temperature(temperature), "checking")?;
    let loss = |validation: &Validation| validation.metric("bce").unwrap_or(f64::INFINITY);
    let is_better = loss(&after) < loss(&before);
    let chosen = if is_better { &after } else { &before };
    let threshold = match chosen.histogram.best_f1() {
        Some(best) if !args.keep_threshold => best.threshold,
        _ => card.threshold,
    };
    let (old_temperature, old_threshold) = (card.temperature, card.threshold);
    if is_better {
        card.temperature = temperature;
        if card.change_head.take().is_some() {
            tracing::warn!(
                "the change head was trained with the probabilities before, and is no longer used; train it again"
            );
        }
    }
    card.threshold = threshold;
    // The area error belongs to the probabilities after calibration.
    let places = if is_better { places_after } else { places_before }.finish();
    card.area_error = AreaErrorModel::fit(&places);
    let coverage = card.area_error.and_then(|model| model.coverage(&places, AREA_LEVEL_PERCENT));
    if card.area_error.is_none() {
        tracing::warn!(
            "too few places to fit the area error; area intervals of this model will use conservative default values"
        );
    }
    card.familiarity = familiarity(&reader, &samples_of(&dataset, args.split), quiet, cancel)?;
    let report = json!({
        "dataset": dataset.card().title,
        "split": args.split,
        "patches": samples.len(),
        "temperature": card.temperature,
        "temperature_before": old_temperature,
        "threshold": threshold,
        "threshold_before": old_threshold,
        "f1_before": before.metric("f1"),
        "f1": chosen.metric("f1_best").filter(|_| !args.keep_threshold).or_else(|| chosen.metric("f1")),
        "bce_before": before.metric("bce"),
        "bce": chosen.metric("bce"),
        "ece_before": before.metric("ece"),
        "ece": chosen.metric("ece"),
        "area_error": card.area_error,
        "area_coverage_90": coverage,
        "familiarity_cells": card.familiarity.as_ref().map(|familiarity| familiarity.fitted_to),
    });
    card.metrics.insert("calibration".to_owned(), report.clone());
    card.replace(&args.model)?;
    Ok(report)
}

/// The training samples, and those of the split that is calibrated on.
fn samples_of(dataset: &Dataset, split: Split) -> Vec<&SampleRecord> {
    let of = |sample: &&SampleRecord| [Some(Split::Train), Some(split)].contains(&dataset.split_of(&sample.id));
    dataset.samples().iter().filter(of).collect()
}

/// What the samples look like; `None` if they are too few.
fn familiarity(
    reader: &SampleReader,
    samples: &[&SampleRecord],
    quiet: bool,
    cancel: &AtomicBool,
) -> minesegsat::Result<Option<Familiarity>> {
    let bar = Bar::with_label(quiet, "what is familiar");
    let job = Job::new(&bar, cancel);
    let fitted = fit_familiarity(reader, samples, job);
    bar.clear();
    match job.finish(fitted) {
        Err(error @ minesegsat::Error::Input { .. }) => {
            tracing::warn!("maps of this model will not say where land is unlike its training data: {error}");
            Ok(None)
        }
        other => other.map(Some),
    }
}

fn print_report(out: &mut impl Write, report: &Value) -> std::io::Result<()> {
    let text = |name: &str| report[name].as_str().unwrap_or_default();
    writeln!(out, "fitted on {} patches of the {} split of {}", report["patches"], text("split"), text("dataset"))?;
    writeln!(out, "{:<28} {:>9} {:>9}", "", "before", "after")?;
    let digits = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
    let number = |name: &str| digits(report[name].as_f64());
    for (label, name) in [
        ("temperature", "temperature"),
        ("threshold", "threshold"),
        ("cross-entropy (nats)", "bce"),
        ("expected calibration error", "ece"),
        ("F1 at the threshold", "f1"),
    ] {
        writeln!(out, "{label:<28} {:>9} {:>9}", number(&format!("{name}_before")), number(name))?;
    }
    let model = serde_json::from_value::<Option<AreaErrorModel>>(report["area_error"].clone()).unwrap_or_default();
    if let (Some(model), Some(coverage)) = (model, report["area_coverage_90"].as_f64()) {
        writeln!(
            out,
            "area error: correlated over {:.0} m, variance x {:.2}, {:.1} % shared by the whole scene; 90 % \
             intervals contain the true area at {:.1} % of {} places",
            model.range_m,
            model.inflation,
            model.relative_sd * 100.0,
            coverage * 100.0,
            model.fitted_to
        )?;
    }
    Ok(())
}
