//! The training loop: [`train`].

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use burn::module::Module;
use minesegsat_core::guard;
use minesegsat_core::job::{Job, Progress};
use minesegsat_core::output::atomic_write;
use minesegsat_dataset::{
    Batch, SampleRecord,
    evaluate::{Validation, validate},
};

use super::{
    EpochReport, StepUnit, TrainConfig,
    folder::{claim_folder, run_error, run_error_by},
    gradients::all_finite,
    identity::{DATA_FILE, Identity},
    log::Log,
    memory, picture,
    run_state::Checkpoints,
    setting::Setting,
    state::State,
};
use crate::{Error, Model, ModelCard, ModelSegmenter, Network, Result, save_model};

/// Name of the resolved configuration in a run's folder.
pub const CONFIG_FILE: &str = "config.toml";
/// Name of the model folder of the best validation in a run's folder.
pub const BEST_FOLDER: &str = "best";
/// Name of the model folder of the last epoch in a run's folder.
pub const LAST_FOLDER: &str = "last";
/// Name of the folder of pictures in a run's folder.
pub const PICTURES_FOLDER: &str = "pictures";

/// Options of a run.
#[derive(Debug, Clone)]
pub struct TrainOptions {
    /// Folder of the run.
    pub run: PathBuf,
    /// Resume from the last checkpoint, if there is one.
    pub resume: bool,
    /// Resume although samples, splits, masks, statistics or starting weights have changed. The change is recorded in
    /// [`DATA_FILE`](super::DATA_FILE).
    pub allow_changed_data: bool,
}

/// Progress after a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Total number of epochs.
    pub epochs: usize,
    /// Finished batches of the epoch.
    pub batch: usize,
    /// Batches of the epoch.
    pub batches: usize,
    /// Mean loss of the epoch so far.
    pub loss: f64,
    /// Crops per second of the epoch so far.
    pub patches_per_second: f64,
    /// Estimated seconds until the end of the last epoch, at the mean speed of this run with its validations.
    pub seconds_left: f64,
}

/// Receives the progress of a run.
pub trait TrainProgress: Sync {
    /// Called after a step.
    fn step(&self, report: &StepReport);
    /// Called during validation: `done` of `total` samples.
    fn validating(&self, done: usize, total: usize);
    /// Called after an epoch.
    fn epoch(&self, report: &EpochReport);
    /// A warning for the user.
    fn note(&self, text: &str);
    /// Called after a checkpoint: the steps that it includes, and the epoch that the next step belongs to, from 1.
    fn saved(&self, step: u64, epoch: usize) {
        let _ = (step, epoch);
    }
}

/// Ignores the progress.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl TrainProgress for Silent {
    fn step(&self, _report: &StepReport) {}
    fn validating(&self, _done: usize, _total: usize) {}
    fn epoch(&self, _report: &EpochReport) {}
    fn note(&self, _text: &str) {}
}

/// Result of a run.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct TrainReport {
    /// Number of trainable values.
    pub parameters: usize,
    /// Finished epochs, over all restarts.
    pub epochs: usize,
    /// Steps of the optimiser.
    pub steps: u64,
    /// Seconds of training, over all restarts.
    pub seconds: f64,
    /// Epoch of the best validation, from 1.
    pub best_epoch: Option<usize>,
    /// Name of the metric that selected it.
    pub metric: String,
    /// Value of that metric.
    pub best: Option<f64>,
    /// All metrics of the best validation.
    pub best_metrics: BTreeMap<String, f64>,
    /// Model folder of the best validation, if there is one.
    pub best_model: Option<PathBuf>,
    /// Whether the run stopped early, since validation no longer improved.
    pub stopped_early: bool,
}

/// Trains a network on the training split of a data set and keeps the network that is best on the validation split.
///
/// `cancel` is checked after each step. A cancelled run writes a checkpoint first.
pub fn train(
    config: &TrainConfig,
    options: &TrainOptions,
    progress: &dyn TrainProgress,
    cancel: &AtomicBool,
) -> Result<TrainReport> {
    let mut run = Run::open(config, options, progress)?;
    run.go(progress, cancel)
}

struct Run<'a> {
    setting: Setting<'a>,
    state: State,
    log: Log,
    checkpoints: Checkpoints,
    pace: Option<Pace>,
}

/// Where a run was at a time, in epochs.
#[derive(Debug, Clone, Copy)]
struct Pace {
    since: Instant,
    from: f64,
}

impl Pace {
    /// Estimated seconds from the place `at` to the end, which are numbers of epochs. 0 where nothing was learned yet, as after a resume
    /// in a validation.
    fn seconds_left(self, at: f64, end: f64) -> f64 {
        let done = at - self.from;
        if done > 1e-6 { self.since.elapsed().as_secs_f64() / done * (end - at).max(0.0) } else { 0.0 }
    }
}

impl<'a> Run<'a> {
    fn open(config: &'a TrainConfig, options: &TrainOptions, progress: &dyn TrainProgress) -> Result<Self> {
        let checkpoints = Checkpoints::new(&options.run);
        // Check everything before writing anything.
        let setting = Setting::new(config, &options.run)?;
        memory::check(&setting)?;
        let (mut state, notes) = State::new(&setting)?;
        let fresh = claim_folder(config, options)?;
        if fresh {
            setting.identity.write(&options.run)?;
            for note in &notes {
                progress.note(note);
            }
        } else {
            let (loaded, damaged) = checkpoints.load()?;
            for reason in damaged {
                progress.note(&reason);
            }
            match loaded {
                Some(loaded) => {
                    let fail = |error: burn::store::RecordError| run_error_by(error, &options.run, "");
                    state.network = state.network.try_load_record(loaded.network).map_err(fail)?;
                    if let (Some(average), Some(record)) = (&mut state.average, loaded.average) {
                        average.network = average.network.clone().try_load_record(record).map_err(fail)?;
                    }
                    // The library that reads the record may panic on a damaged one.
                    state.optimiser = guard(
                        || state.optimiser.load(&loaded.optimiser).map_err(fail),
                        |reason| run_error(&options.run, &format!("{}: {reason}", loaded.optimiser.display())),
                    )?;
                    state.position = loaded.position;
                    progress.note(&format!(
                        "going on from step {}, epoch {}",
                        state.position.step,
                        state.position.epoch + 1
                    ));
                }
                None => progress.note("there is no complete checkpoint yet: starting from the beginning"),
            }
            check_identity(&setting, options, state.position.step, progress)?;
        }
        let log = Log::open(&options.run, state.position.log_bytes, state.position.step, config.output.tensorboard)?;
        Ok(Self { setting, state, log, checkpoints, pace: None })
    }

    fn go(&mut self, progress: &dyn TrainProgress, cancel: &AtomicBool) -> Result<TrainReport> {
        let config = self.setting.config;
        let mut stopped_early = false;
        let mut saved = Instant::now();
        let mut phase_start = 0;
        'phases: for (index, phase) in config.phases.iter().enumerate() {
            let end = phase_start + phase.epochs;
            phase_start = end;
            if self.state.position.epoch >= end {
                continue;
            }
            if self.state.position.phase != index {
                self.state.position.phase = index;
                self.state.position.phase_step = self.state.position.step;
                self.state.position.rate = self.setting.rate_of(index)?;
            }
            while self.state.position.epoch < end {
                let timer = Instant::now();
                let before = self.state.position.seconds;
                let waited = self.epoch(&timer, before, &mut saved, progress, cancel)?;
                let trained = timer.elapsed();
                let epoch = self.state.position.epoch;
                let is_last = epoch + 1 == end;
                let is_due = (epoch + 1).is_multiple_of(config.validation.every) || is_last;
                self.check_weights()?;
                let validation = match is_due.then(|| self.validate(progress, cancel)).transpose() {
                    // The steps of the epoch are kept. A resumed run validates first.
                    Err(error) if cancel.load(Ordering::SeqCst) => {
                        self.state.position.seconds = before + timer.elapsed().as_secs_f64();
                        self.save(progress)?;
                        return Err(error);
                    }
                    other => other?,
                };
                stopped_early = self.end_epoch(
                    validation.as_ref(),
                    trained,
                    waited,
                    before + timer.elapsed().as_secs_f64(),
                    progress,
                )?;
                let is_over = is_last || stopped_early;
                if is_over || saved.elapsed().as_secs() >= config.output.checkpoint_seconds {
                    self.save(progress)?;
                    saved = Instant::now();
                }
                if stopped_early {
                    break 'phases;
                }
            }
        }
        let report = self.finish(stopped_early)?;
        match report.best {
            None => progress.note(&format!(
                "{} was undefined in every validation: there is no best model, only the last one",
                report.metric
            )),
            Some(best) if best <= 0.0 && !is_smaller_better(&report.metric) => progress.note(&format!(
                "the best {} is {best}: no validation found a mine, and the best model is not usable",
                report.metric
            )),
            Some(_) => {}
        }
        Ok(report)
    }

    /// Trains on the remaining batches of an epoch. Returns the time that the network waited for the loader.
    fn epoch(
        &mut self,
        timer: &Instant,
        before: f64,
        saved: &mut Instant,
        progress: &dyn TrainProgress,
        cancel: &AtomicBool,
    ) -> Result<Duration> {
        let config = self.setting.config;
        let accumulate = config.optimiser.accumulate;
        let epochs = config.epochs();
        let first = self.state.position.batch;
        let epoch = self.state.position.epoch;
        let start = epoch as f64 + first as f64 / self.setting.batches as f64;
        let pace = *self.pace.get_or_insert_with(|| Pace { since: Instant::now(), from: start });
        let mut batches = self.setting.loader.epoch(epoch, first);
        let mut crops = 0;
        while self.state.position.batch < self.setting.batches {
            let step: Vec<Batch> = batches.by_ref().take(accumulate).collect::<minesegsat_core::Result<_>>()?;
            if step.is_empty() {
                break;
            }
            crops += step.iter().map(|batch| batch.shape[0]).sum::<usize>();
            let count = step.len();
            let losses = self.state.step(&self.setting, step)?;
            let position = &mut self.state.position;
            position.batch += count;
            position.loss_sum += losses.iter().sum::<f64>();
            position.step += 1;
            position.seconds = before + timer.elapsed().as_secs_f64();
            let bad = losses.iter().copied().find(|loss| !loss.is_finite());
            if let Some(loss) = bad {
                let step = position.step;
                return Err(self.diverged(step, loss));
            }
            if let Some(average) = &mut self.state.average {
                average.update(&self.state.network, position.step);
            }
            if config.phases[position.phase].per == StepUnit::Step {
                position.rate.advance(None);
            }
            let elapsed = timer.elapsed().as_secs_f64().max(1e-9);
            let at = epoch as f64 + position.batch as f64 / self.setting.batches as f64;
            progress.step(&StepReport {
                epoch: epoch + 1,
                epochs,
                batch: position.batch,
                batches: self.setting.batches,
                loss: position.loss_sum / position.batch as f64,
                patches_per_second: crops as f64 / elapsed,
                seconds_left: pace.seconds_left(at, epochs as f64),
            });
            let is_cancelled = cancel.load(Ordering::SeqCst);
            let is_due = config.output.checkpoint_seconds > 0
                && saved.elapsed().as_secs() >= config.output.checkpoint_seconds
                && self.state.position.batch < self.setting.batches;
            if is_cancelled || is_due {
                self.save(progress)?;
                *saved = Instant::now();
            }
            if is_cancelled {
                return Err(minesegsat_core::Error::Interrupted.into());
            }
        }
        Ok(batches.waited())
    }

    /// Writes a checkpoint, unless weights are NaN or infinite. Then the previous checkpoint is kept.
    fn save(&mut self, progress: &dyn TrainProgress) -> Result<()> {
        self.check_weights()?;
        self.state.position.log_bytes = self.log.bytes()?;
        let State { network, average, optimiser, position, .. } = &self.state;
        self.checkpoints.save(position, network, average.as_ref().map(|average| &average.network), optimiser)?;
        progress.saved(position.step, position.epoch + 1);
        Ok(())
    }

    /// Fails if a weight is NaN or infinite although the loss is finite.
    fn check_weights(&self) -> Result<()> {
        if all_finite(&self.state.network) {
            return Ok(());
        }
        Err(self.diverged(self.state.position.step, f64::NAN))
    }

    fn diverged(&self, step: u64, loss: f64) -> Error {
        let run = self.setting.folder.clone();
        let kept = match (self.state.position.best.is_some(), self.checkpoints.is_empty()) {
            (true, false) => "the last good checkpoint and the best model are kept",
            (true, true) => "the best model is kept",
            (false, false) => "the last good checkpoint is kept; there is no best model yet",
            (false, true) => "there is neither a checkpoint nor a best model yet",
        };
        Error::Diverged { step, loss, run, kept }
    }

    /// The network to validate and save: the average, if there is one.
    fn judged(&self) -> Network {
        self.state.average.as_ref().map_or_else(|| self.state.network.valid(), |average| average.network.clone())
    }

    fn validate(&self, progress: &dyn TrainProgress, cancel: &AtomicBool) -> Result<Validation> {
        let setting = &self.setting;
        let model = Model::new(setting.card.clone(), self.judged(), &setting.devices[0])?;
        let samples: Vec<&SampleRecord> = setting.validation.iter().collect();
        let options = setting.validate_options();
        let bar = ValidationBar(progress);
        let result =
            validate(&ModelSegmenter::new(model), &setting.reader, &samples, &options, Job::new(&bar, cancel))?;
        Ok(result)
    }

    /// Logs an epoch, saves the network if it is the best, and advances to the next epoch. Returns whether training must stop.
    fn end_epoch(
        &mut self,
        validation: Option<&Validation>,
        trained: Duration,
        waited: Duration,
        seconds: f64,
        progress: &dyn TrainProgress,
    ) -> Result<bool> {
        let config = self.setting.config;
        let metrics = validation.map(metrics_of);
        // NaN is no value: no later one would be better.
        let value = metrics.as_ref().and_then(|metrics| metrics.get(&config.validation.metric).copied());
        let value = value.filter(|value| value.is_finite());
        if validation.is_some() && value.is_none() {
            progress.note(&format!(
                "epoch {}: {} is undefined, so this network cannot be the best",
                self.state.position.epoch + 1,
                config.validation.metric
            ));
        }
        let best = self.state.position.best;
        let is_best = value.is_some_and(|value| {
            best.is_none_or(
                |(_, best)| if is_smaller_better(&config.validation.metric) { value < best } else { value > best },
            )
        });
        let epoch = self.state.position.epoch;
        if let (true, Some(value), Some(metrics)) = (is_best, value, &metrics) {
            let mut card = self.setting.card.clone();
            card.metrics = described_metrics(metrics, epoch + 1);
            if let Some(threshold) = metrics.get("threshold_best").filter(|_| config.validation.tune_threshold) {
                card.threshold = *threshold as f32;
                // Recorded as `calibrate` does, so that an evaluation on the same samples reports it.
                let fitted =
                    serde_json::json!({ "split": "val", "dataset": card.training.data, "threshold": threshold });
                card.metrics.insert("calibration".to_owned(), fitted);
            }
            save_model(&self.judged(), card, self.setting.folder.join(BEST_FOLDER), true)?;
            self.state.position.best = Some((epoch, value));
            self.state.position.waited = 0;
        } else if validation.is_some() {
            self.state.position.waited += 1;
        }
        let every = config.output.pictures_every;
        let is_last = epoch + 1 == config.epochs();
        if every > 0 && config.output.pictures > 0 && ((epoch + 1).is_multiple_of(every) || is_last) {
            self.draw(epoch + 1)?;
        }
        let position = &mut self.state.position;
        position.seconds = seconds;
        let batches = position.batch.max(1);
        let report = EpochReport {
            epoch: epoch + 1,
            phase: position.phase + 1,
            step: position.step,
            learning_rate: position.last_rate,
            loss: position.loss_sum / batches as f64,
            gradient_norm: position.gradient_norm,
            seconds,
            patches_per_second: (batches * config.data.batch_size) as f64 / trained.as_secs_f64().max(1e-9),
            waiting_share: waited.as_secs_f64() / trained.as_secs_f64().max(1e-9),
            validation: metrics,
            is_best,
            seconds_left: self.pace.map_or(0.0, |pace| pace.seconds_left((epoch + 1) as f64, config.epochs() as f64)),
        };
        self.log.epoch(&report)?;
        progress.epoch(&report);
        let position = &mut self.state.position;
        if config.phases[position.phase].per == StepUnit::Epoch {
            let watched = value.or(Some(report.loss));
            position.rate.advance(watched);
        }
        position.epoch += 1;
        position.batch = 0;
        position.loss_sum = 0.0;
        let patience = config.validation.patience;
        Ok(patience > 0 && position.waited >= patience)
    }

    fn draw(&mut self, epoch: usize) -> Result<()> {
        let setting = &self.setting;
        let model = Model::new(setting.card.clone(), self.judged(), &setting.devices[0])?;
        let segmenter = ModelSegmenter::new(model);
        let samples: Vec<&SampleRecord> = picture::choose(&setting.validation, setting.config.output.pictures);
        let png = picture::sheet(&segmenter, &setting.reader, &samples, &setting.validate_options(), &setting.card)?;
        let folder = setting.folder.join(PICTURES_FOLDER);
        fs_err::create_dir_all(&folder)?;
        atomic_write(&folder.join(format!("epoch-{epoch:04}.png")), &png)?;
        self.log.picture("validation/predictions", &png, self.state.position.step)
    }

    fn finish(&mut self, stopped_early: bool) -> Result<TrainReport> {
        let setting = &self.setting;
        save_model(&self.judged(), setting.card.clone(), setting.folder.join(LAST_FOLDER), true)?;
        let best_model = setting.folder.join(BEST_FOLDER);
        let position = &self.state.position;
        let best_metrics = if position.best.is_some() {
            let card = ModelCard::read(&best_model)?;
            let validation = card.metrics.get("validation").and_then(|v| v.as_object()).cloned().unwrap_or_default();
            validation.into_iter().filter_map(|(name, value)| Some((name, value.as_f64()?))).collect()
        } else {
            BTreeMap::new()
        };
        Ok(TrainReport {
            parameters: self.state.network.num_trainable(),
            epochs: position.epoch,
            steps: position.step,
            seconds: position.seconds,
            best_epoch: position.best.map(|(epoch, _)| epoch + 1),
            metric: setting.config.validation.metric.clone(),
            best: position.best.map(|(_, value)| value),
            best_metrics,
            best_model: position.best.is_some().then_some(best_model),
            stopped_early,
        })
    }
}

/// Fails if the data of a resumed run have changed, unless the options allow it.
fn check_identity(
    setting: &Setting<'_>,
    options: &TrainOptions,
    step: u64,
    progress: &dyn TrainProgress,
) -> Result<()> {
    let Some(before) = Identity::read(&options.run)? else {
        progress.note(&format!(
            "the run has no {DATA_FILE}, so its data could not be compared with those that it began with"
        ));
        return setting.identity.write(&options.run);
    };
    let changes = setting.identity.differences(&before);
    if changes.is_empty() {
        return Ok(());
    }
    if !options.allow_changed_data {
        return Err(Error::DataChanged { path: options.run.clone(), changes });
    }
    progress.note(&format!("the data of the run have changed, which {DATA_FILE} records: {}", changes.join("; ")));
    setting.identity.clone().changed_from(before, step, changes).write(&options.run)
}

struct ValidationBar<'a>(&'a dyn TrainProgress);

impl Progress for ValidationBar<'_> {
    fn advance(&self, done: usize, total: usize) {
        self.0.validating(done, total);
    }
}

fn metrics_of(validation: &Validation) -> BTreeMap<String, f64> {
    Validation::METRICS.iter().filter_map(|name| Some(((*name).to_owned(), validation.metric(name)?))).collect()
}

fn described_metrics(metrics: &BTreeMap<String, f64>, epoch: usize) -> serde_json::Map<String, serde_json::Value> {
    let mut out = serde_json::Map::new();
    out.insert("epoch".to_owned(), epoch.into());
    out.insert("validation".to_owned(), serde_json::json!(metrics));
    out
}

fn is_smaller_better(metric: &str) -> bool {
    matches!(metric, "bce" | "brier" | "ece")
}
