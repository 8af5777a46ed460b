//! The loop: [`train`].

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use burn::{
    module::Module,
    optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer},
    tensor::{Device, Tensor, TensorData},
};
use minesegsat::{
    Band,
    dataset::{Batch, Dataset, Loader, LoaderOptions, SampleReader, SampleRecord, Split},
    evaluate::{ValidateOptions, Validation, validate},
    output::atomic_write,
    patch::BandNormalisation,
    predict,
};

use super::{
    EpochReport, NormalisationKind, OptimiserConfig, Per, TrainConfig,
    average::WeightAverage,
    gradients::{Scale, clip_norm},
    log::Log,
    picture,
    run_state::{Checkpoints, Position},
};
use crate::{
    AdamW, BurnSegmenter, Checkpoint, Error, FORMAT_VERSION, Model, ModelCard, Network, NetworkConfig, Normalisation,
    Result, Training, WEIGHTS_FILE, init::SplitMix64, loss::Target, parse_device, save_model, schedule::LearningRate,
};

/// The resolved configuration in a run's folder.
pub const CONFIG_FILE: &str = "config.toml";
/// Model folder of the best validation in a run's folder.
pub const BEST_FOLDER: &str = "best";
/// Model folder of the last epoch in a run's folder.
pub const LAST_FOLDER: &str = "last";
/// Folder of the pictures in a run's folder.
pub const PICTURES_FOLDER: &str = "pictures";

/// Where and how a run goes on.
#[derive(Debug, Clone)]
pub struct TrainOptions {
    /// Folder of the run.
    pub run: PathBuf,
    /// Go on from the last checkpoint, where there is one.
    pub resume: bool,
}

/// One step, for those who watch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Epochs in all.
    pub epochs: usize,
    /// Batches of the epoch that are done.
    pub batch: usize,
    /// Batches of the epoch.
    pub batches: usize,
    /// Mean loss of the epoch so far.
    pub loss: f64,
    /// Crops per second of the epoch so far.
    pub patches_per_second: f64,
    /// Seconds until the last epoch ends, if it goes on like this.
    pub seconds_left: f64,
}

/// Told how a run goes.
pub trait TrainProgress: Sync {
    /// After a step.
    fn step(&self, report: &StepReport);
    /// While samples are validated: `done` of `total`.
    fn validating(&self, done: usize, total: usize);
    /// After an epoch.
    fn epoch(&self, report: &EpochReport);
    /// Something that somebody should know.
    fn note(&self, text: &str);
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl TrainProgress for Silent {
    fn step(&self, _report: &StepReport) {}
    fn validating(&self, _done: usize, _total: usize) {}
    fn epoch(&self, _report: &EpochReport) {}
    fn note(&self, _text: &str) {}
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct TrainReport {
    /// Values that training changes.
    pub parameters: usize,
    /// Epochs done, over all restarts.
    pub epochs: usize,
    /// Steps of the optimiser.
    pub steps: u64,
    /// Seconds of training, over all restarts.
    pub seconds: f64,
    /// Epoch of the best validation, from 1.
    pub best_epoch: Option<usize>,
    /// Name of the metric that it was chosen by.
    pub metric: String,
    /// Its value.
    pub best: Option<f64>,
    /// All metrics of it.
    pub best_metrics: BTreeMap<String, f64>,
    /// Model folder of it.
    pub best_model: PathBuf,
    /// Whether it ended early, since nothing got better any more.
    pub stopped_early: bool,
}

/// Trains a network on the training split of a data set and keeps what is best on the validation split.
///
/// `cancel` is looked at after each step; a run that it ends has a checkpoint of that moment.
pub fn train(
    config: &TrainConfig,
    options: &TrainOptions,
    progress: &dyn TrainProgress,
    cancel: &AtomicBool,
) -> Result<TrainReport> {
    let mut run = Run::open(config, options, progress)?;
    run.go(progress, cancel)
}

/// What does not change in a run.
struct Setting<'a> {
    config: &'a TrainConfig,
    folder: PathBuf,
    /// Without automatic differentiation; the first holds the weights.
    devices: Vec<Device>,
    network: NetworkConfig,
    card: ModelCard,
    reader: SampleReader,
    validation: Vec<SampleRecord>,
    loader: Loader,
    ignore: u8,
    /// Batches of an epoch.
    batches: usize,
}

struct Run<'a> {
    setting: Setting<'a>,
    state: State,
    log: Log,
    checkpoints: Checkpoints,
}

/// What changes in a run.
struct State {
    network: Network,
    average: Option<WeightAverage>,
    optimiser: ModuleOptimizer,
    position: Position,
    gradient_norm: Option<f64>,
    rate: f64,
}

impl<'a> Run<'a> {
    fn open(config: &'a TrainConfig, options: &TrainOptions, progress: &dyn TrainProgress) -> Result<Self> {
        let checkpoints = Checkpoints::new(&options.run);
        // What cannot work is refused before anything is written.
        let setting = Setting::new(config, &options.run)?;
        let mut state = State::new(&setting)?;
        let fresh = claim_folder(config, options)?;
        if !fresh {
            let (loaded, damaged) = checkpoints.load()?;
            for reason in damaged {
                progress.note(&reason);
            }
            match loaded {
                Some(loaded) => {
                    let fail = |error: burn::store::RecordError| run_error(&options.run, &error.to_string());
                    state.network = state.network.try_load_record(loaded.network).map_err(fail)?;
                    if let (Some(average), Some(record)) = (&mut state.average, loaded.average) {
                        average.network = average.network.clone().try_load_record(record).map_err(fail)?;
                    }
                    state.optimiser = state.optimiser.load(&loaded.optimiser).map_err(fail)?;
                    state.position = loaded.position;
                    progress.note(&format!(
                        "going on from step {}, epoch {}",
                        state.position.step,
                        state.position.epoch + 1
                    ));
                }
                None => progress.note("there is no whole checkpoint yet: starting from the beginning"),
            }
        }
        let log = Log::open(&options.run, state.position.log_bytes, state.position.step, config.output.tensorboard)?;
        Ok(Self { setting, state, log, checkpoints })
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
                let validation = if is_due { Some(self.validate(progress, cancel)?) } else { None };
                stopped_early = self.end_epoch(
                    validation.as_ref(),
                    trained,
                    waited,
                    before + timer.elapsed().as_secs_f64(),
                    progress,
                )?;
                let is_over = is_last || stopped_early;
                if is_over || saved.elapsed().as_secs() >= config.output.checkpoint_seconds {
                    self.save()?;
                    saved = Instant::now();
                }
                if stopped_early {
                    break 'phases;
                }
            }
        }
        self.finish(stopped_early)
    }

    /// The batches of an epoch that are left. Gives the time that the network waited for the loader.
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
        let mut batches = self.setting.loader.epoch(epoch, first);
        let mut crops = 0;
        while self.state.position.batch < self.setting.batches {
            let step: Vec<Batch> = batches.by_ref().take(accumulate).collect::<minesegsat::Result<_>>()?;
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
                return Err(Error::Diverged { step: position.step, loss, run: self.setting.folder.clone() });
            }
            if let Some(average) = &mut self.state.average {
                average.update(&self.state.network, position.step);
            }
            if config.phases[position.phase].per == Per::Step {
                position.rate.advance(None);
            }
            let elapsed = timer.elapsed().as_secs_f64().max(1e-9);
            let done = (position.batch - first) as f64;
            let left = (self.setting.batches - position.batch) + (epochs - epoch - 1) * self.setting.batches;
            progress.step(&StepReport {
                epoch: epoch + 1,
                epochs,
                batch: position.batch,
                batches: self.setting.batches,
                loss: position.loss_sum / position.batch as f64,
                patches_per_second: crops as f64 / elapsed,
                seconds_left: elapsed / done * left as f64,
            });
            let is_cancelled = cancel.load(Ordering::SeqCst);
            let is_due = config.output.checkpoint_seconds > 0
                && saved.elapsed().as_secs() >= config.output.checkpoint_seconds
                && self.state.position.batch < self.setting.batches;
            if is_cancelled || is_due {
                self.save()?;
                *saved = Instant::now();
            }
            if is_cancelled {
                return Err(minesegsat::Error::Interrupted.into());
            }
        }
        Ok(batches.waited())
    }

    fn save(&mut self) -> Result<()> {
        self.state.position.log_bytes = self.log.bytes()?;
        let State { network, average, optimiser, position, .. } = &self.state;
        self.checkpoints.save(position, network, average.as_ref().map(|average| &average.network), optimiser)
    }

    /// The network that is judged and kept: the average, where there is one.
    fn judged(&self) -> Network {
        self.state.average.as_ref().map_or_else(|| self.state.network.valid(), |average| average.network.clone())
    }

    fn validate(&self, progress: &dyn TrainProgress, cancel: &AtomicBool) -> Result<Validation> {
        let setting = &self.setting;
        let model = Model::new(setting.card.clone(), self.judged(), &setting.devices[0]);
        let samples: Vec<&SampleRecord> = setting.validation.iter().collect();
        let options = setting.validate_options();
        let bar = ValidationBar(progress);
        let result = validate(&BurnSegmenter::new(model), &setting.reader, &samples, &options, &bar, cancel)?;
        Ok(result)
    }

    /// Notes an epoch, keeps the network where it is the best, and goes on to the next. Whether training is to end.
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
        let value = metrics.as_ref().and_then(|metrics| metrics.get(&config.validation.metric).copied());
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
            learning_rate: self.state.rate,
            loss: position.loss_sum / batches as f64,
            gradient_norm: self.state.gradient_norm,
            seconds,
            patches_per_second: (batches * config.data.batch_size) as f64 / trained.as_secs_f64().max(1e-9),
            waiting_share: waited.as_secs_f64() / trained.as_secs_f64().max(1e-9),
            validation: metrics,
            is_best,
        };
        self.log.epoch(&report)?;
        progress.epoch(&report);
        let position = &mut self.state.position;
        if config.phases[position.phase].per == Per::Epoch {
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
        let model = Model::new(setting.card.clone(), self.judged(), &setting.devices[0]);
        let segmenter = BurnSegmenter::new(model);
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
            best_model,
            stopped_early,
        })
    }
}

impl<'a> Setting<'a> {
    fn new(config: &'a TrainConfig, folder: &Path) -> Result<Self> {
        let devices = config.device.split(',').map(|name| parse_device(name.trim())).collect::<Result<Vec<_>>>()?;
        if config.data.dataset.as_os_str().is_empty() {
            return Err(Error::Argument {
                name: "data.dataset",
                value: String::new(),
                accepted: "a data set's folder; set it in the file or by `--dataset`".to_owned(),
            });
        }
        let dataset = Arc::new(Dataset::open(&config.data.dataset)?);
        let bands = if config.data.bands.is_empty() { default_bands(&dataset) } else { config.data.bands.clone() };
        let network = config.network(bands.len())?;
        let divisor = network.size_divisor();
        for (name, size) in
            [("data.patch_size", config.data.patch_size), ("validation.window", config.validation.window)]
        {
            if !size.is_multiple_of(divisor) {
                let accepted = format!("a multiple of {divisor}, which {} needs", config.network.name);
                return Err(Error::Argument { name, value: size.to_string(), accepted });
            }
        }
        let owned = |split| -> Result<Vec<SampleRecord>> { Ok(dataset.split(split)?.into_iter().cloned().collect()) };
        let (training, validation) = (owned(Split::Train)?, owned(Split::Val)?);
        if training.iter().all(|sample| sample.mining_share == 0.0) {
            return Err(minesegsat::Error::Input {
                location: dataset.folder().display().to_string(),
                reason: format!(
                    "none of the {} masks of its train split has a mine: there is nothing to learn",
                    training.len()
                ),
            }
            .into());
        }
        let normalisation = normalisation(&dataset, &bands, config.data.normalisation)?;
        let per_band: Vec<BandNormalisation> = (0..bands.len())
            .map(|i| {
                let (offset, divisor) = normalisation.offset_divisor(i);
                BandNormalisation { offset, divisor }
            })
            .collect();
        let loader = Loader::new(
            Arc::clone(&dataset),
            training.clone(),
            &bands,
            &per_band,
            config.augment.clone(),
            LoaderOptions {
                patch_size: config.data.patch_size,
                batch_size: config.data.batch_size,
                seed: config.seed,
                num_workers: config.data.num_workers,
                prefetch: config.data.prefetch,
                cache_mib: config.data.cache_mib,
                samples_per_epoch: (config.data.samples_per_epoch > 0).then_some(config.data.samples_per_epoch),
                mine_centred: config.data.mine_centred,
                drop_last: true,
            },
        )?;
        let batches = loader.batches_per_epoch();
        let reader = SampleReader::new(Arc::clone(&dataset), &bands, &per_band)?;
        let card = describe(config, &dataset, &network, bands, normalisation, [training.len(), validation.len()])?;
        card.check().map_err(|reason| run_error(folder, &reason))?;
        let ignore = dataset.card().ignore;
        Ok(Self {
            config,
            folder: folder.to_owned(),
            devices,
            network,
            card,
            reader,
            validation,
            loader,
            ignore,
            batches,
        })
    }

    fn validate_options(&self) -> ValidateOptions {
        let of = &self.config.validation;
        ValidateOptions { window: of.window, overlap: of.overlap, threshold: of.threshold }
    }

    /// The schedule of a phase, from its start.
    fn rate_of(&self, phase: usize) -> Result<LearningRate> {
        let of = &self.config.phases[phase];
        let steps = match of.per {
            Per::Epoch => of.epochs,
            Per::Step => of.epochs * self.batches.div_ceil(self.config.optimiser.accumulate),
        };
        let schedule = of.schedule(steps).map_err(|reason| run_error(&self.folder, &reason))?;
        Ok(LearningRate::new(schedule, of.learning_rate))
    }
}

impl State {
    /// The start of a run.
    fn new(setting: &Setting<'_>) -> Result<Self> {
        let config = setting.config;
        let device = &setting.devices[0];
        let checkpoint = match &config.init.weights {
            None => Checkpoint::random(&setting.network, config.seed),
            Some(path) => starting_weights(path, &setting.network, &setting.card.bands, config.seed)?,
        };
        let network = checkpoint.load(&setting.network, device)?.train();
        let average = (config.average.decay > 0.0).then(|| WeightAverage::new(&network, config.average.decay));
        let OptimiserConfig { betas, epsilon, weight_decay, .. } = config.optimiser;
        let optimiser = AdamW::new(betas.map(|beta| beta as f32), epsilon as f32, weight_decay as f32).into();
        let position = Position {
            step: 0,
            phase: 0,
            phase_step: 0,
            epoch: 0,
            batch: 0,
            loss_sum: 0.0,
            seconds: 0.0,
            rate: setting.rate_of(0)?,
            best: None,
            waited: 0,
            log_bytes: [0, 0],
        };
        Ok(Self { network, average, optimiser, position, gradient_norm: None, rate: 0.0 })
    }

    /// One step of the optimiser over the gradients of some batches. Gives their losses.
    fn step(&mut self, setting: &Setting<'_>, batches: Vec<Batch>) -> Result<Vec<f64>> {
        let config = setting.config;
        let step = self.position.step;
        // Dropout follows from the seed and the step, so that a resumed run drops the same.
        let seed = SplitMix64::new(config.seed ^ step.wrapping_mul(0x9E37_79B9_7F4A_7C15)).next();
        for device in &setting.devices {
            device.seed(seed);
        }
        let warmup_steps = config.phases[self.position.phase].warmup_steps.max(1) as f64;
        let warmup = ((step - self.position.phase_step + 1) as f64 / warmup_steps).min(1.0);
        self.rate = self.position.rate.rate() * warmup;
        let shape = batches.first().map(|batch| batch.shape);
        let network = &self.network;
        let optimiser = &mut self.optimiser;
        let (rate, gradient_norm) = (self.rate, &mut self.gradient_norm);
        // Backends panic when a device is gone or its memory is full.
        let result = catch_unwind(AssertUnwindSafe(|| -> Result<(Network, Vec<f64>)> {
            let mut accumulator = GradientsAccumulator::new();
            let mut losses = Vec::with_capacity(batches.len());
            let parts = batches.len() as f64;
            for batch in batches {
                let (loss, gradients) = gradients(setting, network, batch);
                losses.push(loss);
                accumulator.accumulate(network, gradients);
            }
            if losses.iter().any(|loss| !loss.is_finite()) {
                return Ok((network.clone(), losses));
            }
            let mut gradients = accumulator.grads();
            if parts > 1.0 {
                network.visit(&mut Scale { gradients: &mut gradients, factor: 1.0 / parts });
            }
            if config.optimiser.clip_norm > 0.0 {
                *gradient_norm = Some(clip_norm(network, &mut gradients, config.optimiser.clip_norm));
            }
            Ok((optimiser.step(rate, network.clone(), gradients), losses))
        }));
        let (network, losses) = result.unwrap_or_else(|panic| {
            let shape = shape.unwrap_or_default();
            Err(Error::DeviceFailed { name: config.device.clone(), reason: device_failure(&panic, shape, step + 1) })
        })?;
        self.network = network;
        Ok(losses)
    }
}

/// Loss of a batch, and the gradients of it; the batch is shared among the devices.
fn gradients(setting: &Setting<'_>, network: &Network, batch: Batch) -> (f64, GradientsParams) {
    let devices = &setting.devices;
    let [n, channels, height, width] = batch.shape;
    if devices.len() == 1 || n < devices.len() {
        return gradients_on(setting, network, &devices[0], batch);
    }
    // As even as can be; each part counts by its crops.
    let mut parts = Vec::new();
    let mut first = 0;
    for (i, device) in devices.iter().enumerate() {
        let count = (n - first).div_ceil(devices.len() - i);
        let data = batch.data[first * channels * height * width..][..count * channels * height * width].to_vec();
        let mask = batch.mask[first * height * width..][..count * height * width].to_vec();
        let ids = batch.ids[first..first + count].to_vec();
        parts.push((device, Batch { data, mask, shape: [count, channels, height, width], ids }));
        first += count;
    }
    let results: Vec<(f64, GradientsParams, f64)> = std::thread::scope(|scope| {
        let threads: Vec<_> = parts
            .into_iter()
            .map(|(device, part)| {
                scope.spawn(move || {
                    let share = part.shape[0] as f64 / n as f64;
                    let copy = network.clone().fork(&device.clone().autodiff());
                    let (loss, mut gradients) = gradients_on(setting, &copy, device, part);
                    copy.visit(&mut Scale { gradients: &mut gradients, factor: share });
                    let gradients = gradients.to_device(&devices[0], &copy);
                    (loss * share, gradients, share)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut accumulator = GradientsAccumulator::new();
    let mut loss = 0.0;
    for (part, gradients, _) in results {
        loss += part;
        accumulator.accumulate(network, gradients);
    }
    (loss, accumulator.grads())
}

fn gradients_on(setting: &Setting<'_>, network: &Network, device: &Device, batch: Batch) -> (f64, GradientsParams) {
    let [n, _, height, width] = batch.shape;
    let target = Target::new(&batch.mask, [n, setting.network.num_classes(), height, width], setting.ignore, device);
    let input = Tensor::<4>::from_data(TensorData::new(batch.data, batch.shape), &device.clone().autodiff());
    let loss = setting.config.loss.forward(network.forward(input), &target);
    let value = f64::from(loss.clone().into_scalar::<f32>());
    if !value.is_finite() {
        return (value, GradientsParams::new());
    }
    (value, GradientsParams::from_grads(loss.backward(), network))
}

struct ValidationBar<'a>(&'a dyn TrainProgress);

impl predict::Progress for ValidationBar<'_> {
    fn patches(&self, done: usize, total: usize) {
        self.0.validating(done, total);
    }

    fn finishing(&self, _what: &str) {}
}

/// The weights of a model folder or a checkpoint, made to fit other bands and classes.
fn starting_weights(path: &Path, network: &NetworkConfig, bands: &[Band], seed: u64) -> Result<Checkpoint> {
    let mut checkpoint;
    if path.is_dir() {
        let card = ModelCard::read(path)?;
        checkpoint = Checkpoint::read(path.join(WEIGHTS_FILE))?;
        checkpoint.adapt_input(Some(&card.bands), bands)?;
    } else {
        checkpoint = Checkpoint::read(path)?;
        checkpoint.complete_encoder(network, seed);
        checkpoint.adapt_input(None, bands)?;
    }
    checkpoint.adapt_classes(network.num_classes(), seed)?;
    Ok(checkpoint)
}

/// Makes the folder of a new run, or checks that an old one is of this configuration. Whether it is new.
fn claim_folder(config: &TrainConfig, options: &TrainOptions) -> Result<bool> {
    let path = options.run.join(CONFIG_FILE);
    let text = config.to_toml()?;
    if path.is_file() {
        if !options.resume {
            return Err(run_error(
                &options.run,
                "it holds a run already: go on with it by `--resume`, or choose another folder",
            ));
        }
        let old = fs_err::read_to_string(&path)?;
        let different = differences(&old, &text);
        if !different.is_empty() {
            return Err(run_error(
                &options.run,
                &format!(
                    "its run has another configuration: {}; it can only be resumed as it was",
                    different.join(", ")
                ),
            ));
        }
        return Ok(false);
    }
    if options.run.is_dir() && fs_err::read_dir(&options.run)?.next().is_some() {
        return Err(run_error(&options.run, "it is not empty and holds no run: choose another folder"));
    }
    fs_err::create_dir_all(&options.run)?;
    atomic_write(&path, text.as_bytes())?;
    Ok(true)
}

/// Keys whose values differ in two files, with both values.
fn differences(old: &str, new: &str) -> Vec<String> {
    fn flatten(prefix: &str, value: &toml::Value, out: &mut BTreeMap<String, String>) {
        match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                    flatten(&name, value, out);
                }
            }
            toml::Value::Array(list) if list.iter().any(toml::Value::is_table) => {
                for (i, value) in list.iter().enumerate() {
                    flatten(&format!("{prefix}.{i}"), value, out);
                }
            }
            other => {
                out.insert(prefix.to_owned(), other.to_string());
            }
        }
    }
    let flat = |text: &str| {
        let mut out = BTreeMap::new();
        if let Ok(table) = text.parse::<toml::Table>() {
            flatten("", &toml::Value::Table(table), &mut out);
        }
        out
    };
    let (old, new) = (flat(old), flat(new));
    let none = "nothing".to_owned();
    let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        // Where it runs is no part of what it is.
        .filter(|key| *key != "device" && old.get(*key) != new.get(*key))
        .map(|key| format!("`{key}` was {}, is {}", old.get(key).unwrap_or(&none), new.get(key).unwrap_or(&none)))
        .collect()
}

/// Bands of a set in the paper's order, then the others.
fn default_bands(dataset: &Dataset) -> Vec<Band> {
    let bands = &dataset.card().bands;
    let paper = Band::PAPER.into_iter().filter(|band| bands.contains(band));
    paper.chain(bands.iter().copied().filter(|band| !Band::PAPER.contains(band))).collect()
}

fn normalisation(dataset: &Dataset, bands: &[Band], kind: NormalisationKind) -> Result<Normalisation> {
    let stats = dataset.stats()?;
    Ok(match kind {
        NormalisationKind::Max => Normalisation::divide_by(stats.max(bands)?),
        NormalisationKind::MeanStd => {
            let (mean, std) = stats.mean_std(bands)?;
            Normalisation::MeanStd { mean, std }
        }
        NormalisationKind::Percentile => {
            let (low, high) = (stats.percentile(bands, 2.0)?, stats.percentile(bands, 98.0)?);
            Normalisation::Percentile { low, high }
        }
    })
}

fn describe(
    config: &TrainConfig,
    dataset: &Dataset,
    network: &NetworkConfig,
    bands: Vec<Band>,
    normalisation: Normalisation,
    [training, validation]: [usize; 2],
) -> Result<ModelCard> {
    let set = dataset.card();
    let title = if config.title.is_empty() { format!("{} on {}", network, set.title) } else { config.title.clone() };
    let classes = match network.num_classes() {
        1 => vec!["mining".to_owned()],
        n => (0..n)
            .map(|i| {
                set.classes
                    .iter()
                    .find(|c| usize::from(c.value) == i)
                    .map_or_else(|| format!("class{i}"), |c| c.name.clone())
            })
            .collect(),
    };
    Ok(ModelCard {
        format_version: FORMAT_VERSION,
        title,
        licence: config.licence.clone(),
        architecture: network.clone(),
        bands,
        normalisation,
        gsd_m: dataset.gsd_m()?,
        patch_size: config.validation.window,
        threshold: config.validation.threshold,
        temperature: 1.0,
        classes,
        band_dropout_max: if config.augment.band_dropout > 0.0 { config.augment.band_dropout_max } else { 0 },
        training: Training {
            data: Some(set.title.clone()),
            split: Some(format!("train {training}, val {validation}")),
        },
        metrics: serde_json::Map::new(),
        code_version: String::new(),
        weights_sha256: String::new(),
        created: jiff::Timestamp::now(),
    })
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

fn run_error(folder: &Path, reason: &str) -> Error {
    Error::Run { path: folder.to_owned(), reason: reason.to_owned() }
}

/// What a panic of a backend means, and what to do.
fn device_failure(
    panic: &Box<dyn std::any::Any + Send>,
    [n, channels, height, width]: [usize; 4],
    step: u64,
) -> String {
    let text = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
        .unwrap_or_else(|| "it gave no reason".to_owned());
    let text = text.lines().next().unwrap_or_default();
    let lower = text.to_lowercase();
    if lower.contains("memory") || lower.contains("alloc") {
        let fits = (n / 2).max(1);
        return format!(
            "a batch of {n} x {channels} x {height} x {width} does not fit in its memory at step {step} ({text}); try \
             `data.batch_size = {fits}` with `optimiser.accumulate = {}`",
            n.div_ceil(fits)
        );
    }
    format!("it failed at step {step}: {text}; the last checkpoint is kept, go on from it with `--resume`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_two_configurations_is_named() {
        let config = TrainConfig::default();
        let mut other = config.clone();
        other.data.batch_size = 3;
        other.device = "cuda:0".to_owned();
        other.phases[0].epochs = 9;
        let found = differences(&config.to_toml().unwrap(), &other.to_toml().unwrap());
        assert_eq!(found, ["`data.batch_size` was 8, is 3", "`phases.0.epochs` was 50, is 9"]);
    }

    #[test]
    fn a_full_device_is_told_apart_from_one_that_is_gone() {
        let full: Box<dyn std::any::Any + Send> = Box::new("out of memory".to_owned());
        let text = device_failure(&full, [8, 12, 512, 512], 1);
        assert!(
            text.contains("a batch of 8 x 12 x 512 x 512 does not fit") && text.contains("data.batch_size = 4"),
            "{text}"
        );
        let gone: Box<dyn std::any::Any + Send> = Box::new("device lost");
        assert!(device_failure(&gone, [8, 12, 512, 512], 7).starts_with("it failed at step 7: device lost"));
    }
}
