//! Training: [`train`], configured by a [`TrainConfig`].
//!
//! # Files of a run
//! | file | content |
//! |---|---|
//! | `config.toml` | the resolved configuration; together with the data set it reproduces the run |
//! | `data.json` | digests of the samples, splits, statistics and starting weights; a run resumes only on the same data |
//! | `metrics.csv`, `metrics.jsonl` | a line per epoch ([`EpochReport`]) |
//! | `tensorboard/` | the same and pictures, for TensorBoard |
//! | `pictures/` | predictions on samples of the validation split, every few epochs |
//! | `best/` | model folder of the best validation so far |
//! | `last/` | model folder of the last epoch, when training has ended |
//! | `checkpoints/` | the last two states, from which a run resumes |
//!
//! On the CPU, training resumes deterministically: the losses of a resumed run equal those of an uninterrupted run bit for bit.
//! Batches, crops and dropout follow from the seed and the step, and checkpoints hold the rest of the state.

mod average;
mod config;
mod folder;
mod gradients;
mod identity;
mod log;
mod memory;
mod picture;
mod run_state;
mod setting;
mod state;
mod trainer;

pub use config::{
    AverageConfig, DataConfig, InitSection, NetworkSection, NormalisationKind, OptimiserConfig, OutputConfig, Phase,
    StepUnit, TrainConfig, ValidationConfig,
};
pub use identity::DATA_FILE;
pub use log::{CSV_FILE, EpochReport, JSONL_FILE, TENSORBOARD_FOLDER};
pub use trainer::{
    BEST_FOLDER, CONFIG_FILE, LAST_FOLDER, PICTURES_FOLDER, Silent, StepReport, TrainOptions, TrainProgress,
    TrainReport, train,
};
