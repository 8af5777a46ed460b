//! Logs of a run: `metrics.csv`, `metrics.jsonl` and TensorBoard files.

use std::{
    fs::OpenOptions,
    io::{Seek, SeekFrom, Write},
    path::Path,
};

use crate::tensorboard::EventWriter;
use minesegsat_dataset::evaluate::Validation;
use serde::Serialize;

use crate::Result;

/// File with a line of JSON per epoch.
pub const JSONL_FILE: &str = "metrics.jsonl";
/// The same as a CSV table.
pub const CSV_FILE: &str = "metrics.csv";
/// Folder of TensorBoard's files.
pub const TENSORBOARD_FOLDER: &str = "tensorboard";

/// One epoch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EpochReport {
    /// Number of the epoch, from 1, over all phases.
    pub epoch: usize,
    /// Phase, from 1.
    pub phase: usize,
    /// Steps of the optimiser so far.
    pub step: u64,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Mean loss of the epoch's batches.
    pub loss: f64,
    /// Norm of the last step's gradients, if they are clipped.
    pub gradient_norm: Option<f64>,
    /// Seconds of training so far, over all restarts.
    pub seconds: f64,
    /// Crops per second in this epoch, without validation.
    pub patches_per_second: f64,
    /// Fraction of that time in which the network waited for the loader.
    pub waiting_share: f64,
    /// Metrics of the validation after this epoch, if there was one.
    pub validation: Option<std::collections::BTreeMap<String, f64>>,
    /// Whether this validation is the best so far.
    pub is_best: bool,
    /// Estimated seconds until the end of the last epoch, at the mean speed of this run with its validations. Not in the log.
    #[serde(skip)]
    pub seconds_left: f64,
}

/// A new event file. For a resumed run it records the step.
fn events(folder: &Path, step: u64) -> minesegsat_core::Result<EventWriter> {
    if step == 0 { EventWriter::create(folder) } else { EventWriter::resume(folder, step + 1) }
}

/// The files, open.
pub(super) struct Log {
    jsonl: fs_err::File,
    csv: fs_err::File,
    tensorboard: Option<EventWriter>,
}

impl Log {
    /// Opens the files of a run and truncates them to `bytes`, the position at which the run resumes.
    pub(super) fn open(run: &Path, bytes: [u64; 2], step: u64, tensorboard: bool) -> Result<Self> {
        let open = |name: &str, len: u64| -> Result<fs_err::File> {
            let path = run.join(name);
            let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path)?;
            file.set_len(len.min(file.metadata()?.len()))?;
            let mut file = fs_err::File::from_parts(file, path);
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        let mut log = Self {
            jsonl: open(JSONL_FILE, bytes[0])?,
            csv: open(CSV_FILE, bytes[1])?,
            tensorboard: tensorboard.then(|| events(&run.join(TENSORBOARD_FOLDER), step)).transpose()?,
        };
        if log.csv.metadata()?.len() == 0 {
            let columns: String = Validation::METRICS.iter().map(|name| format!(",val_{name}")).collect();
            writeln!(
                log.csv,
                "epoch,phase,step,learning_rate,loss,gradient_norm,seconds,patches_per_second,waiting_share{columns},is_best"
            )?;
        }
        Ok(log)
    }

    /// Lengths of both files.
    pub(super) fn bytes(&self) -> Result<[u64; 2]> {
        Ok([self.jsonl.metadata()?.len(), self.csv.metadata()?.len()])
    }

    /// Adds an epoch.
    pub(super) fn epoch(&mut self, report: &EpochReport) -> Result<()> {
        let json = serde_json::to_string(report).map_err(std::io::Error::from)?;
        self.jsonl.write_all((json + "\n").as_bytes())?;
        let number = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
        let metric = |name: &str| report.validation.as_ref().and_then(|metrics| metrics.get(name).copied());
        let metrics: String = Validation::METRICS.iter().map(|name| format!(",{}", number(metric(name)))).collect();
        let line = format!(
            "{},{},{},{},{},{},{:.3},{:.2},{:.4}{metrics},{}\n",
            report.epoch,
            report.phase,
            report.step,
            report.learning_rate,
            report.loss,
            number(report.gradient_norm),
            report.seconds,
            report.patches_per_second,
            report.waiting_share,
            report.is_best
        );
        self.csv.write_all(line.as_bytes())?;
        if let Some(writer) = &mut self.tensorboard {
            let mut values = vec![
                ("train/loss".to_owned(), report.loss as f32),
                ("train/learning_rate".to_owned(), report.learning_rate as f32),
                ("train/patches_per_second".to_owned(), report.patches_per_second as f32),
            ];
            values.extend(report.gradient_norm.map(|norm| ("train/gradient_norm".to_owned(), norm as f32)));
            let metrics = report.validation.iter().flatten();
            values.extend(metrics.map(|(name, value)| (format!("validation/{name}"), *value as f32)));
            let values: Vec<(&str, f32)> = values.iter().map(|(tag, value)| (tag.as_str(), *value)).collect();
            writer.scalars(report.step, &values)?;
        }
        Ok(())
    }

    /// Adds a picture, as PNG.
    pub(super) fn picture(&mut self, tag: &str, png: &[u8], step: u64) -> Result<()> {
        if let Some(writer) = &mut self.tensorboard {
            writer.image(tag, step, png)?;
        }
        Ok(())
    }
}
