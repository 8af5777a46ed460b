//! Tunes thresholds of the model and of the baselines on splits that are not evaluated.

use minesegsat_core::job::Job;
use std::sync::Arc;

use super::{Feature, Reading, Run, ThresholdChoice};
use crate::evaluate::baseline::{Baseline, FeatureHistogram};
use crate::evaluate::segment::for_each_sample;
use crate::evaluate::{ThresholdOrigin, ThresholdUsed};
use crate::{SampleReader, SampleRecord};
use minesegsat_core::metrics::ProbabilityHistogram;
use minesegsat_core::model_description::BandNormalisation;
use minesegsat_core::{Band, Error, Result};

impl Run<'_> {
    /// The threshold; tuned on the validation split if requested.
    pub(super) fn threshold(&self, validation: &[&SampleRecord], job: Job<'_>) -> Result<ThresholdUsed> {
        match self.options.threshold {
            ThresholdChoice::Model(value) => Ok(ThresholdUsed { value, origin: ThresholdOrigin::Model, f1: None }),
            ThresholdChoice::Given(value) => Ok(ThresholdUsed { value, origin: ThresholdOrigin::Given, f1: None }),
            ThresholdChoice::Auto => {
                let Reading { reader, .. } = self.reading()?;
                let ignore = self.dataset.card().ignore;
                let mut histogram = ProbabilityHistogram::default();
                for_each_sample(&reader, validation, SampleReader::read, job, |_, sample| {
                    histogram.add(&self.segment(&sample)?, &sample.mask, ignore);
                    Ok(())
                })?;
                let Some(best) = histogram.best_f1() else {
                    return Err(Error::input(
                        self.dataset.folder().display().to_string(),
                        "its val split has no mine pixels to tune a threshold on: set the threshold yourself"
                            .to_owned(),
                    ));
                };
                Ok(ThresholdUsed { value: best.threshold, origin: ThresholdOrigin::Validation, f1: best.counts.f1() })
            }
        }
    }

    /// Tunes the thresholds of baselines on the training split and removes baselines that cannot be tuned.
    pub(super) fn tune(
        &self,
        features: &mut Vec<Feature>,
        training: &[&SampleRecord],
        notes: &mut Vec<String>,
        job: Job<'_>,
    ) -> Result<()> {
        let mut bands: Vec<Band> = Vec::new();
        let mut tuners: Vec<(Baseline, Vec<usize>, FeatureHistogram)> = Vec::new();
        for feature in features.iter() {
            let Some(tuner) = feature.baseline.tuner() else { continue };
            let needed = feature.baseline.bands(&self.dataset.common_bands()).unwrap_or_default();
            let at = |band: Band, bands: &mut Vec<Band>| {
                bands.iter().position(|b| *b == band).unwrap_or_else(|| {
                    bands.push(band);
                    bands.len() - 1
                })
            };
            let channels = needed.into_iter().map(|band| at(band, &mut bands)).collect();
            tuners.push((feature.baseline, channels, tuner));
        }
        if tuners.is_empty() {
            return Ok(());
        }
        let reader =
            SampleReader::new(Arc::clone(self.dataset), &bands, &vec![BandNormalisation::IDENTITY; bands.len()])?;
        let ignore = self.dataset.card().ignore;
        let mut reflectance = Vec::new();
        for_each_sample(&reader, training, SampleReader::read, job, |_, sample| {
            let pixels = sample.mask.len();
            for (baseline, channels, tuner) in &mut tuners {
                for (i, &class) in sample.mask.iter().enumerate().filter(|(_, class)| **class != ignore) {
                    reflectance.clear();
                    reflectance.extend(channels.iter().map(|channel| sample.data[channel * pixels + i]));
                    tuner.add(baseline.feature(&reflectance), class != 0);
                }
            }
            Ok(())
        })?;
        for (baseline, _, tuner) in tuners {
            let best = tuner.best();
            for feature in features.iter_mut().filter(|feature| feature.baseline == baseline) {
                if let Some((threshold, f1)) = best {
                    (feature.threshold, feature.tuned_f1) = (threshold, Some(f1));
                }
            }
        }
        if features.iter().any(|f| f.baseline.tuner().is_some() && f.tuned_f1.is_none()) {
            notes.push(
                "The training split has no mine pixels, so baselines whose thresholds need tuning are left out."
                    .to_owned(),
            );
            features.retain(|f| f.baseline.tuner().is_none() || f.tuned_f1.is_some());
        }
        Ok(())
    }
}
