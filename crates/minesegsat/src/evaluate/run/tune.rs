//! Thresholds of the model and of the baselines, from parts that are not measured.

use std::sync::Arc;

use super::{Feature, Reading, Run, ThresholdChoice};
use crate::dataset::{SampleReader, SampleRecord};
use crate::evaluate::baseline::{Baseline, FeatureHistogram};
use crate::evaluate::segment::for_each_sample;
use crate::evaluate::{ThresholdOrigin, ThresholdUsed};
use crate::metrics::ProbabilityHistogram;
use crate::patch::BandNormalisation;
use crate::predict::Progress;
use crate::{Band, Error, Result};

impl Run<'_> {
    /// The threshold, tuned on the validation split where that is asked for.
    pub(super) fn threshold(&self, validation: &[&SampleRecord], progress: &dyn Progress) -> Result<ThresholdUsed> {
        match self.options.threshold {
            ThresholdChoice::Model(value) => Ok(ThresholdUsed { value, origin: ThresholdOrigin::Model, f1: None }),
            ThresholdChoice::Given(value) => Ok(ThresholdUsed { value, origin: ThresholdOrigin::Given, f1: None }),
            ThresholdChoice::Auto => {
                let Reading { reader, .. } = self.reading()?;
                let ignore = self.dataset.card().ignore;
                let mut histogram = ProbabilityHistogram::default();
                for_each_sample(&reader, validation, SampleReader::read, progress, self.cancel, |_, sample| {
                    histogram.add(&self.segment(&sample)?, &sample.mask, ignore);
                    Ok(())
                })?;
                let Some(best) = histogram.best_f1() else {
                    return Err(Error::Input {
                        location: self.dataset.folder().display().to_string(),
                        reason:
                            "no pixel of its val split is a mine, so that no threshold can be tuned on it: give one"
                                .to_owned(),
                    });
                };
                Ok(ThresholdUsed { value: best.threshold, origin: ThresholdOrigin::Validation, f1: best.counts.f1() })
            }
        }
    }

    /// Tunes the thresholds of baselines on the training split; those that cannot be tuned are taken out.
    pub(super) fn tune(
        &self,
        features: &mut Vec<Feature>,
        training: &[&SampleRecord],
        notes: &mut Vec<String>,
        progress: &dyn Progress,
    ) -> Result<()> {
        let mut bands: Vec<Band> = Vec::new();
        let mut tuners: Vec<(Baseline, Vec<usize>, FeatureHistogram)> = Vec::new();
        for feature in features.iter() {
            let Some(tuner) = feature.baseline.tuner() else { continue };
            let needed = feature.baseline.bands(&self.dataset.card().bands).unwrap_or_default();
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
        for_each_sample(&reader, training, SampleReader::read, progress, self.cancel, |_, sample| {
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
                "The training split has no pixel of a mine to tune thresholds of baselines on: they are left out."
                    .to_owned(),
            );
            features.retain(|f| f.baseline.tuner().is_none() || f.tuned_f1.is_some());
        }
        Ok(())
    }
}
