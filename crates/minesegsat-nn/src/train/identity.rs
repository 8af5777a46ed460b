//! Identity of the data of a run: [`Identity`]. A run resumes only on the data that it began with.

use std::{collections::BTreeMap, path::Path};

use minesegsat_core::output::atomic_write;
use minesegsat_dataset::{Dataset, SampleFingerprint, SampleRecord, Split, fingerprints};
use minesegsat_model::sha256;
use serde::{Deserialize, Serialize};

use super::{TrainConfig, folder::run_error_by};
use crate::{CARD_FILE, ModelCard, Result, WEIGHTS_FILE};

/// Name of the file in a run's folder.
pub const DATA_FILE: &str = "data.json";
/// Number of samples that a message lists for each kind of change.
const LISTED: usize = 3;

/// What a run is made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// Samples of the training and validation splits, by id.
    samples: BTreeMap<String, Sample>,
    /// `(offset, divisor)` of each band, as text: the statistics of the training split.
    normalisation: BTreeMap<String, String>,
    /// SHA-256 of the weights that training starts from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starting_weights: Option<String>,
    /// Changes that the user allowed when the run was resumed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    changes: Vec<Change>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Sample {
    split: Split,
    #[serde(flatten)]
    files: SampleFingerprint,
}

/// A change of the data of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Change {
    /// Steps of the optimiser before the change.
    step: u64,
    /// What changed, in words.
    what: Vec<String>,
}

impl Identity {
    pub(super) fn new(
        config: &TrainConfig,
        dataset: &Dataset,
        card: &ModelCard,
        splits: [(Split, &[SampleRecord]); 2],
    ) -> Result<Self> {
        let mut samples = BTreeMap::new();
        for (split, records) in splits {
            let records: Vec<&SampleRecord> = records.iter().collect();
            let found = fingerprints(dataset, &records, &card.bands)?;
            samples
                .extend(records.iter().zip(found).map(|(record, files)| (record.id.clone(), Sample { split, files })));
        }
        let normalisation = card.bands.iter().enumerate().map(|(i, band)| {
            let (offset, divisor) = card.normalisation.offset_divisor(i);
            (band.to_string(), format!("(reflectance - {offset}) / {divisor}"))
        });
        let weights = config.init.weights.as_deref().map(|path| {
            let is_model = path.join(CARD_FILE).is_file();
            sha256(&if is_model { path.join(WEIGHTS_FILE) } else { path.to_owned() })
        });
        Ok(Self {
            samples,
            normalisation: normalisation.collect(),
            starting_weights: weights.transpose()?,
            changes: Vec::new(),
        })
    }

    /// Reads the identity of a run; `None` if the run was begun by a version that wrote none.
    pub(super) fn read(run: &Path) -> Result<Option<Self>> {
        let path = run.join(DATA_FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let text = fs_err::read_to_string(&path)?;
        let read = serde_json::from_str(&text);
        read.map(Some).map_err(|error| run_error_by(error, run, &format!("its {DATA_FILE}")))
    }

    pub(super) fn write(&self, run: &Path) -> Result<()> {
        let json = serde_json::to_string_pretty(self).map_err(std::io::Error::from)?;
        Ok(atomic_write(&run.join(DATA_FILE), (json + "\n").as_bytes())?)
    }

    /// The identity of a run that goes on with other data after `step`.
    pub(super) fn changed_from(mut self, before: Self, step: u64, what: Vec<String>) -> Self {
        self.changes = before.changes;
        self.changes.push(Change { step, what });
        self
    }

    /// What differs from an earlier identity, in words.
    pub(super) fn differences(&self, before: &Self) -> Vec<String> {
        let mut out = Vec::new();
        let mut add = |one: &str, several: &str, ids: Vec<&String>| {
            let list: Vec<&str> = ids.iter().take(LISTED).map(|id| id.as_str()).collect();
            let more = if ids.len() > LISTED { ", ..." } else { "" };
            match ids.len() {
                0 => {}
                1 => out.push(format!("1 {one} ({})", list.join(", "))),
                count => out.push(format!("{count} {several} ({}{more})", list.join(", "))),
            }
        };
        let (old, new) = (&before.samples, &self.samples);
        let changed = |is: fn(&Sample, &Sample) -> bool| {
            old.iter()
                .filter(|(id, sample)| new.get(*id).is_some_and(|now| is(sample, now)))
                .map(|(id, _)| id)
                .collect()
        };
        add("sample is gone", "samples are gone", old.keys().filter(|id| !new.contains_key(*id)).collect());
        add("sample is new", "samples are new", new.keys().filter(|id| !old.contains_key(*id)).collect());
        add("sample is in another split", "samples are in another split", changed(|a, b| a.split != b.split));
        add("mask has changed", "masks have changed", changed(|a, b| a.files.mask != b.files.mask));
        add("image has changed", "images have changed", changed(|a, b| a.files.images != b.files.images));
        let other = before.normalisation.iter().find(|(band, text)| self.normalisation.get(*band) != Some(*text));
        if let Some((band, text)) = other {
            let now = self.normalisation.get(band).map_or("absent", String::as_str);
            out.push(format!("the statistics have changed: {band} was normalised as {text}, is {now}"));
        }
        if before.starting_weights != self.starting_weights {
            out.push("the weights that it started from have changed".to_owned());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(samples: &[(&str, Split, &str)]) -> Identity {
        let sample = |(id, split, mask): &(&str, Split, &str)| {
            let files = SampleFingerprint { mask: (*mask).to_owned(), images: String::new() };
            ((*id).to_owned(), Sample { split: *split, files })
        };
        Identity {
            samples: samples.iter().map(sample).collect(),
            normalisation: BTreeMap::from([("B04".to_owned(), "(reflectance - 0) / 1".to_owned())]),
            starting_weights: None,
            changes: Vec::new(),
        }
    }

    #[test]
    fn what_has_changed_is_named() {
        let before = identity(&[("a", Split::Train, "1"), ("b", Split::Val, "2"), ("c", Split::Train, "3")]);
        assert_eq!(before.differences(&before), [""; 0]);
        let mut after = identity(&[("a", Split::Val, "1"), ("b", Split::Val, "7"), ("d", Split::Train, "3")]);
        after.normalisation.insert("B04".to_owned(), "(reflectance - 0) / 2".to_owned());
        after.starting_weights = Some(String::new());
        assert_eq!(
            after.differences(&before),
            [
                "1 sample is gone (c)",
                "1 sample is new (d)",
                "1 sample is in another split (a)",
                "1 mask has changed (b)",
                "the statistics have changed: B04 was normalised as (reflectance - 0) / 1, is (reflectance - 0) / 2",
                "the weights that it started from have changed",
            ]
        );
        let folder = tempfile::tempdir().unwrap();
        let what = after.differences(&before);
        let changed = after.changed_from(before, 7, what);
        changed.write(folder.path()).unwrap();
        assert_eq!(Identity::read(folder.path()).unwrap(), Some(changed));
    }
}
