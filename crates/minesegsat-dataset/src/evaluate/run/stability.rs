//! The pass that measures [`Stability`].

use std::collections::BTreeMap;

use super::Run;
use crate::evaluate::segment::for_each_sample;
use crate::evaluate::stability::{Change, ChangeSums, Ground, Stability, changes};
use crate::evaluate::sums::Merge;
use crate::{SampleReader, SampleRecord};
use minesegsat_core::Result;
use minesegsat_core::job::Job;
use minesegsat_core::noise::Dice;

/// Samples and changes of the pass.
pub(super) struct StabilityPlan<'a> {
    samples: Vec<&'a SampleRecord>,
    changes: Vec<Change>,
}

impl StabilityPlan<'_> {
    /// Maps per sample: without a change, and with each.
    fn maps_per_sample(&self) -> usize {
        1 + self.changes.len()
    }

    /// Number of maps of the pass.
    pub(super) fn maps(&self) -> usize {
        self.samples.len() * self.maps_per_sample()
    }
}

impl Run<'_> {
    /// Draws the samples and chooses the changes; `None` if stability is not asked for.
    pub(super) fn stability_plan<'a>(&self, samples: &[&'a SampleRecord]) -> Option<StabilityPlan<'a>> {
        let options = self.options.stability?;
        let mut samples = samples.to_vec();
        if let Some(patches) = options.patches {
            Dice::new(self.options.seed, "stability").shuffle(&mut samples);
            samples.truncate(patches);
        }
        Some(StabilityPlan { samples, changes: changes(self.model, options.most_absent) })
    }

    /// Maps each sample of the plan without a change and with each, and compares. Progress counts maps.
    pub(super) fn stability(&self, plan: StabilityPlan<'_>, threshold: f32, job: Job<'_>) -> Result<Stability> {
        let reader = self.reading()?.reader;
        let ignore = self.dataset.card().ignore;
        let (each, all) = (plan.maps_per_sample(), plan.maps());
        let mut sites: BTreeMap<String, Vec<ChangeSums>> = BTreeMap::new();
        let read = |reader: &SampleReader, sample: &SampleRecord| self.read(reader, sample);
        for_each_sample(&reader, &plan.samples, read, job.without_progress(), |i, patch| {
            let sample = plan.samples[i];
            let bands = self.dataset.bands_of(sample);
            let seen: Vec<usize> = self
                .present()
                .into_iter()
                .filter(|(_, band)| bands.contains(band))
                .map(|(channel, _)| channel)
                .collect();
            let input = self.input(&patch);
            let ground = Ground {
                input: &input,
                bands: &self.model.bands,
                normalisation: &self.model.normalisation,
                seen: &seen,
            };
            let site = sites.entry(self.dataset.site_of(sample).to_owned());
            let sums = site.or_insert_with(|| vec![ChangeSums::default(); each]);
            let before = self.segment_input(&input)?;
            let compare = |after: &[f32]| ChangeSums::compare(&before, after, &patch.mask, threshold, ignore);
            sums[0].merge(&compare(&before));
            for (number, change) in (1..).zip(&plan.changes) {
                job.check()?;
                job.progress.advance(i * each + number, all);
                if let Some(changed) = change.apply(&ground)? {
                    let found = self.segment_input(&changed)?;
                    sums[number].merge(&compare(&change.undo(found, changed.size, patch.size)?));
                }
            }
            job.progress.advance((i + 1) * each, all);
            Ok(())
        })?;
        let sites: Vec<Vec<ChangeSums>> = sites.into_values().collect();
        let bootstrap = self.bootstrap(sites.len());
        Ok(Stability::new(plan.changes, &sites, plan.samples.len(), &self.model.bands, bootstrap))
    }
}
