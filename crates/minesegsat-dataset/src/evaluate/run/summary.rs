//! Turns the sums of a pass over the samples into an [`Evaluation`].

use std::collections::BTreeMap;

use super::{METRICS_FILE, PassResults, Protocol, Run};
use crate::evaluate::bootstrap::estimate;
use crate::evaluate::sums::{Merge, Metric, Sums};
use crate::evaluate::{
    Above, AreaTotals, BaselineResult, DatasetSummary, Evaluation, Intervals, SiteResult, ThresholdOrigin,
    ThresholdUsed,
};
use crate::{SampleRecord, Split};
use minesegsat_core::Band;
use minesegsat_core::metrics::ConfusionMatrix;

impl Run<'_> {
    pub(super) fn sum_up(&self, samples: &[&SampleRecord], results: PassResults) -> Evaluation {
        let PassResults { threshold, features, pooled, patches, sites, area_known, stability, negatives, mut notes } =
            results;
        let options = self.options;
        let rows: Vec<Vec<Sums>> = (0..=features.len())
            .map(|row| sites.values().map(|site| site.finished(row, area_known)).collect())
            .collect();
        let totals: Vec<Sums> = rows
            .iter()
            .map(|sites| {
                sites.iter().fold(Sums::default(), |mut all, site| {
                    all.merge(site);
                    all
                })
            })
            .collect();
        let headline = Metric::named(if options.protocol == Protocol::Paper { "f1_image" } else { "f1" });
        let score = |row: usize| headline.value_from(&totals[row]);
        let best_baseline = (1..totals.len())
            .filter(|row| score(*row).is_some())
            .max_by(|a, b| score(*a).unwrap_or(0.0).total_cmp(&score(*b).unwrap_or(0.0)).then(b.cmp(a)));

        let mut draws: Vec<Vec<Vec<Option<f64>>>> = vec![vec![Vec::new(); Metric::ALL.len()]; rows.len()];
        let mut above_draws = Vec::new();
        let bootstrap = self.bootstrap(sites.len());
        let by_row: Vec<&[Sums]> = rows.iter().map(Vec::as_slice).collect();
        bootstrap.for_each(&by_row, |drawn| {
            for (sums, draws) in drawn.iter().zip(&mut draws) {
                for (metric, draws) in Metric::ALL.iter().zip(draws) {
                    draws.push(metric.value_from(sums));
                }
            }
            if let Some(best) = best_baseline {
                let difference =
                    headline.value_from(&drawn[0]).zip(headline.value_from(&drawn[best])).map(|(a, b)| a - b);
                above_draws.push(difference);
            }
        });
        let mut estimates = draws.into_iter().zip(&totals).map(|(draws, sums)| {
            let of_metric =
                |(metric, draws): (Metric, Vec<Option<f64>>)| (metric.name, estimate(metric.value_from(sums), draws));
            Metric::ALL.into_iter().zip(draws).map(of_metric).collect::<BTreeMap<_, _>>()
        });
        let metrics = estimates.next().unwrap_or_default();
        let baselines: Vec<BaselineResult> = features
            .iter()
            .zip(estimates)
            .map(|(feature, metrics)| BaselineResult {
                name: feature.baseline,
                label: feature.baseline.label().to_owned(),
                threshold: feature.tuned_f1.map(|_| feature.threshold),
                f1_on_training: feature.tuned_f1,
                metrics,
            })
            .collect();
        let above_best_baseline = best_baseline.and_then(|best| {
            let difference = estimate(Some(score(0)? - score(best)?), above_draws);
            Some(Above { baseline: features[best - 1].baseline, difference })
        });

        let counts = totals[0].counts;
        self.add_notes(&mut notes, &threshold, &counts, sites.len(), area_known, samples);
        let card = self.dataset.card();
        let area = area_known.then(|| AreaTotals {
            truth_ha: totals[0].truth_ha,
            counted_ha: totals[0].counted_ha,
            expected_ha: totals[0].expected_ha,
        });
        let sites_found = sites
            .iter()
            .map(|(name, site)| {
                let (sums, area) = &site.rows[0];
                SiteResult {
                    site: name.clone(),
                    patches: site.patches,
                    counts: sums.counts,
                    area: area_known.then_some([area.truth, area.counted, area.expected]),
                }
            })
            .collect();
        Evaluation {
            software: format!("minesegsat {}", env!("CARGO_PKG_VERSION")),
            created: jiff::Timestamp::now(),
            model: self.model.record.clone(),
            model_title: self.model.title.clone(),
            model_bands: self.model.bands.clone(),
            dataset: DatasetSummary {
                title: card.title.clone(),
                folder: self.dataset.folder().display().to_string(),
                split: options.split,
                patches: samples.len(),
                patches_without_mines: totals[0].images_without_mines as usize,
                sites: sites.len(),
                pixels: counts.total(),
                mining_share: (counts.total() > 0).then(|| (counts.tp + counts.fn_) as f64 / counts.total() as f64),
            },
            protocol: options.protocol,
            window_px: options.window,
            overlap_px: options.overlap,
            threshold,
            headline: headline.name,
            intervals: Intervals {
                level: 0.95,
                method: "percentile bootstrap over sites",
                sites: sites.len(),
                resamples: bootstrap.resamples,
                seed: bootstrap.seed,
            },
            metrics,
            baselines,
            beats_baselines: above_best_baseline.as_ref().map(Above::is_better),
            above_best_baseline,
            counts,
            area,
            average_precision: pooled.histogram.average_precision(),
            reliability: totals[0].calibration.reliability().clone(),
            stability,
            negatives,
            notes,
            patches,
            sites: sites_found,
            histogram: pooled.histogram,
        }
    }

    fn add_notes(
        &self,
        notes: &mut Vec<String>,
        threshold: &ThresholdUsed,
        counts: &ConfusionMatrix,
        sites: usize,
        area_known: bool,
        samples: &[&SampleRecord],
    ) {
        let split = self.options.split;
        if counts.total() == 0 {
            notes.push(format!("The {split} split has no evaluated pixels: all are ignored."));
        } else if counts.tp + counts.fn_ == 0 {
            notes.push(format!(
                "No pixel of the {split} split is a mine: F1, precision, recall and IoU are undefined (null in {METRICS_FILE})."
            ));
        }
        if threshold.origin == ThresholdOrigin::Validation && split == Split::Val {
            notes.push(
                "The threshold was tuned on the samples evaluated here, so the metrics are optimistic.".to_owned(),
            );
        }
        let fitted = &self.model.record["calibration"];
        if threshold.origin == ThresholdOrigin::Model
            && fitted["split"] == split.name()
            && fitted["dataset"] == self.dataset.card().title
        {
            notes.push(
                "The model's threshold was tuned on the samples evaluated here, so the metrics are optimistic."
                    .to_owned(),
            );
        }
        if split == Split::Train {
            notes.push("These are training samples: the metrics say nothing about other sites.".to_owned());
        }
        if !self.model.absent.is_empty() {
            notes.push(format!(
                "The data set lacks {}: the model ran without these bands.",
                Band::list(&self.model.absent)
            ));
        }
        match sites {
            0 | 1 => notes.push("All patches lie in one site, so there are no intervals.".to_owned()),
            2..10 => notes.push(format!("The intervals are based on only {sites} sites and are too narrow.")),
            _ => {}
        }
        if !area_known {
            notes.push("The files have no georeference, so areas in hectares are unknown.".to_owned());
            if self.options.negatives.is_some() {
                notes.push(format!(
                    "False land without mines: files without a georeference count with pixels of {} m.",
                    self.model.gsd_m
                ));
            }
        } else if overlapping(samples) {
            notes.push(
                "Some patches overlap: land in several patches is counted several times, in pixels and hectares."
                    .to_owned(),
            );
        }
    }
}

/// Whether the bounding boxes of any two samples overlap by more than about a metre.
fn overlapping(samples: &[&SampleRecord]) -> bool {
    const METRE: f64 = 1e-5;
    let mut order: Vec<&SampleRecord> = samples.to_vec();
    order.sort_by(|a, b| a.west.total_cmp(&b.west));
    order.iter().enumerate().any(|(i, a)| {
        order[i + 1..]
            .iter()
            .take_while(|b| b.west < a.east - METRE)
            .any(|b| b.south < a.north - METRE && a.south < b.north - METRE)
    })
}
