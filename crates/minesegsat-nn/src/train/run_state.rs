//! Checkpoints of a run: [`Checkpoints`]. A run that was killed at any moment resumes from the last one.

use std::path::{Path, PathBuf};

use burn::{
    module::Module,
    optim::ModuleOptimizer,
    store::{ModuleRecord, RecordError},
};
use minesegsat_core::{guard, output::OutputTree};
use serde::{Deserialize, Serialize};

use minesegsat_model::sha256;

use crate::{Error, Network, Result, schedule::LearningRate};

/// Name of the folder of checkpoints in a run's folder.
const FOLDER: &str = "checkpoints";
/// File that describes a checkpoint and has the hashes of its other files.
const STATE_FILE: &str = "state.json";
const NETWORK_FILE: &str = "network.bpk";
const AVERAGE_FILE: &str = "average.bpk";
const OPTIMISER_FILE: &str = "optimiser.bpk";
/// Number of checkpoints to keep: the last, and the previous one in case the last is damaged.
const KEPT: usize = 2;

/// State of a run without tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Position {
    /// Steps of the optimiser so far.
    pub(super) step: u64,
    /// Phase, from 0.
    pub(super) phase: usize,
    /// Steps before this phase.
    pub(super) phase_step: u64,
    /// Epoch, from 0, over all phases.
    pub(super) epoch: usize,
    /// Finished batches of this epoch.
    pub(super) batch: usize,
    /// Sum of their losses.
    pub(super) loss_sum: f64,
    /// Learning rate of the last step.
    pub(super) last_rate: f64,
    /// Norm of the last step's gradients, if they are clipped.
    pub(super) gradient_norm: Option<f64>,
    /// Seconds of training so far.
    pub(super) seconds: f64,
    /// The schedule of the phase.
    pub(super) rate: LearningRate,
    /// Epoch and metric of the best validation so far.
    pub(super) best: Option<(usize, f64)>,
    /// Validations since the best one.
    pub(super) waited: usize,
    /// Lengths of `metrics.jsonl` and `metrics.csv` at this position, in bytes.
    pub(super) log_bytes: [u64; 2],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    position: Position,
    /// SHA-256 of each file.
    files: std::collections::BTreeMap<String, String>,
}

/// Contents of a checkpoint.
pub(super) struct Loaded {
    pub(super) position: Position,
    pub(super) network: ModuleRecord,
    pub(super) average: Option<ModuleRecord>,
    pub(super) optimiser: PathBuf,
}

/// The checkpoints of a run.
#[derive(Debug)]
pub(super) struct Checkpoints {
    folder: PathBuf,
}

impl Checkpoints {
    pub(super) fn new(run: &Path) -> Self {
        Self { folder: run.join(FOLDER) }
    }

    /// Writes a checkpoint atomically and removes old ones.
    pub(super) fn save(
        &self,
        position: &Position,
        network: &Network,
        average: Option<&Network>,
        optimiser: &ModuleOptimizer,
    ) -> Result<()> {
        let folder = self.folder.join(format!("step-{:08}", position.step));
        let tree = OutputTree::create(&folder, STATE_FILE, true)?;
        let mut files = std::collections::BTreeMap::new();
        let mut add = |name: &str, path: &Path, saved: std::result::Result<(), RecordError>| -> Result<()> {
            saved.map_err(|error| write_error(&folder, error))?;
            files.insert(name.to_owned(), sha256(path)?);
            Ok(())
        };
        let path = tree.path(NETWORK_FILE)?;
        add(NETWORK_FILE, &path, network.clone().into_record().save(&path))?;
        if let Some(average) = average {
            let path = tree.path(AVERAGE_FILE)?;
            add(AVERAGE_FILE, &path, average.clone().into_record().save(&path))?;
        }
        let path = tree.path(OPTIMISER_FILE)?;
        add(OPTIMISER_FILE, &path, optimiser.save(&path))?;
        let state = State { position: position.clone(), files };
        let json = serde_json::to_string_pretty(&state).map_err(std::io::Error::from)?;
        fs_err::write(tree.path(STATE_FILE)?, json + "\n")?;
        tree.commit()?;
        for old in self.list()?.iter().rev().skip(KEPT) {
            fs_err::remove_dir_all(old)?;
        }
        Ok(())
    }

    /// Reads the last valid checkpoint. Also returns the problems of later ones.
    pub(super) fn load(&self) -> Result<(Option<Loaded>, Vec<String>)> {
        let mut damaged = Vec::new();
        for folder in self.list()?.into_iter().rev() {
            match read(&folder) {
                Ok(loaded) => return Ok((Some(loaded), damaged)),
                Err(reason) => damaged.push(format!("checkpoint {} is damaged: {reason}", folder.display())),
            }
        }
        Ok((None, damaged))
    }

    /// Whether there is no checkpoint.
    pub(super) fn is_empty(&self) -> bool {
        self.list().is_ok_and(|folders| folders.is_empty())
    }

    /// Folders of the checkpoints, oldest first.
    fn list(&self) -> Result<Vec<PathBuf>> {
        if !self.folder.is_dir() {
            return Ok(Vec::new());
        }
        let mut folders = Vec::new();
        for entry in fs_err::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("step-")) {
                folders.push(path);
            }
        }
        folders.sort();
        Ok(folders)
    }
}

fn read(folder: &Path) -> Result<Loaded, String> {
    let text = fs_err::read_to_string(folder.join(STATE_FILE)).map_err(|error| error.to_string())?;
    let state: State = serde_json::from_str(&text).map_err(|error| format!("{STATE_FILE}: {error}"))?;
    for (name, expected) in &state.files {
        let found = sha256(&folder.join(name)).map_err(|error| error.to_string())?;
        if found != *expected {
            return Err(format!("the SHA-256 of {name} differs from the recorded one"));
        }
    }
    // The library that reads records may panic on damaged ones.
    let record = |name: &str| {
        let load = || ModuleRecord::load(folder.join(name)).map_err(|error| error.to_string());
        guard(load, |reason| reason).map_err(|error| format!("{name}: {error}"))
    };
    Ok(Loaded {
        position: state.position,
        network: record(NETWORK_FILE)?,
        average: state.files.contains_key(AVERAGE_FILE).then(|| record(AVERAGE_FILE)).transpose()?,
        optimiser: folder.join(OPTIMISER_FILE),
    })
}

/// A write error, with the folder of the checkpoint.
fn write_error(folder: &Path, error: RecordError) -> Error {
    let folder = folder.display().to_string();
    minesegsat_core::Error::input(folder, "the checkpoint cannot be written").caused_by(error).into()
}
