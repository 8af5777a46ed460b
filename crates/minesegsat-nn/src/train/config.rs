//! Configuration of a training run: [`TrainConfig`], read from TOML.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use minesegsat_core::{
    Band, Cause,
    hint::{nearest, nearest_of_message},
    patch_grid::LARGEST_PATCH_PX,
};
use minesegsat_dataset::Augmentation;
use serde::{Deserialize, Serialize};

use crate::{
    DetailConfig, Error, NetworkConfig, Result, check_views,
    loss::{Loss, TverskyLoss},
    schedule::Schedule,
};

/// Configuration of a training run. A file and flags override the defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Display name of the model.
    pub title: String,
    /// Licence of the weights, as an SPDX expression if possible.
    pub licence: String,
    /// Seed of weights, order, crops, augmentation and dropout.
    pub seed: u64,
    /// Device: `cpu`, `cuda:0`. Several devices, separated by commas, share each batch.
    pub device: String,
    /// The data.
    pub data: DataConfig,
    /// Augmentation of samples.
    pub augment: Augmentation,
    /// The network.
    pub network: NetworkSection,
    /// Initial weights.
    pub init: InitSection,
    /// The loss.
    pub loss: Loss,
    /// The optimiser.
    pub optimiser: OptimiserConfig,
    /// Consecutive phases, each with its own schedule. The optimiser's moments carry over.
    pub phases: Vec<Phase>,
    /// The average of the weights, which is validated and saved.
    pub average: AverageConfig,
    /// Validation during training.
    pub validation: ValidationConfig,
    /// Output files.
    pub output: OutputConfig,
}

/// `[data]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// Folder of the data set, relative to the working folder.
    pub dataset: PathBuf,
    /// Bands in channel order. Default: all bands of the data set.
    pub bands: Vec<Band>,
    /// Conversion of reflectance to the network's input.
    pub normalisation: NormalisationKind,
    /// Width and height of a crop in pixels, a multiple of the network's divisor.
    pub patch_size: usize,
    /// Crops per batch.
    pub batch_size: usize,
    /// Crops per epoch. 0: every sample once.
    pub samples_per_epoch: usize,
    /// Probability of placing a crop over a mine of its sample.
    pub mine_centred: f64,
    /// Domains of the samples and their weights: an epoch has samples of each in proportion. Empty: all samples equally often.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub mixture: BTreeMap<String, f64>,
    /// Processing levels of the samples, for the card. Default: those that the data set's scenes state.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<String>,
    /// Sources of pixels and labels, for the card.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Threads that read and augment.
    pub num_workers: usize,
    /// Number of batches to prepare in advance.
    pub prefetch: usize,
    /// Size of the cache of decoded samples, in MiB.
    pub cache_mib: usize,
}

/// Conversion of reflectance to the network's input, with the statistics of the training split unless told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormalisationKind {
    /// Divided by the maximum, as in the paper.
    Max,
    /// Mean subtracted, then divided by the standard deviation.
    MeanStd,
    /// Scaled so that the 2nd percentile becomes 0 and the 98th becomes 1.
    Percentile,
    /// That of the model folder in `init.weights`, which must have all bands.
    Init,
}

/// `[network]`: a name, and changes to that network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkSection {
    /// Name of the network: `b0`, `paper`, `unet-resnet34`, ...
    pub name: String,
    /// Number of outputs: 1 for a binary mask of mines, or the number of classes.
    pub num_classes: usize,
    /// Probability that a channel is dropped before the classifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f64>,
    /// Probability that a sample skips a branch of the last block (SegFormer).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop_path_rate: Option<f64>,
    /// Width of the tokens of each stage (SegFormer).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embed_dims: Option<[usize; 4]>,
    /// Blocks of each stage (SegFormer).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depths: Option<[usize; 4]>,
    /// Attention heads of each stage (SegFormer).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_heads: Option<[usize; 4]>,
    /// Width of the decoder (SegFormer).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder_dim: Option<usize>,
    /// Side of the squares of pixels whose mean is the network's input (SegFormer).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_stride: Option<usize>,
    /// The path at full resolution (SegFormer).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<DetailConfig>,
}

/// `[init]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InitSection {
    /// A model folder or a checkpoint to start from. Default: random weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<PathBuf>,
    /// Start from a model although its normalisation divides reflectance by a number of another magnitude.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub other_scale: bool,
}

/// `[optimiser]`: AdamW with PyTorch's defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OptimiserConfig {
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Decay of the two moments.
    pub betas: [f64; 2],
    /// Epsilon, added to the square root of the second moment.
    pub epsilon: f64,
    /// Maximum norm of all gradients together. 0: no clipping.
    pub clip_norm: f64,
    /// Number of batches per optimiser step (gradient accumulation).
    pub accumulate: usize,
}

/// `[[phases]]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Phase {
    /// Number of epochs.
    pub epochs: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Schedule of the learning rate. Missing lengths default to the length of the phase.
    pub schedule: toml::Table,
    /// Unit of the schedule's steps.
    pub per: StepUnit,
    /// Optimiser steps of the linear warm-up from 0.
    pub warmup_steps: usize,
}

/// Unit of a schedule's steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepUnit {
    /// Steps of the optimiser.
    Step,
    /// Epochs.
    Epoch,
}

/// `[average]`: an exponential moving average of the weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AverageConfig {
    /// Decay of the average per step. 0: no average. Early in a run the decay is lower: `(1 + step) / (10 + step)`.
    pub decay: f64,
}

/// `[validation]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValidationConfig {
    /// Interval in epochs. The last epoch of a phase is always validated.
    pub every: usize,
    /// Metric that selects `best`.
    pub metric: String,
    /// Size of the windows, in pixels.
    pub window: usize,
    /// Overlap of windows, in pixels.
    pub overlap: usize,
    /// Test-time augmentation: average of 1, 2, 4 or 8 flips and rotations. Also stored in the model's card.
    pub views: usize,
    /// Probability threshold for a mine.
    pub threshold: f32,
    /// Store the threshold with the best F1 of the validation in the card of `best`, instead of `threshold`.
    pub tune_threshold: bool,
    /// Stop training after this number of validations without an improvement. 0: never.
    pub patience: usize,
}

/// `[output]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutputConfig {
    /// Minimum interval between checkpoints, in seconds. 0: a checkpoint after every epoch.
    pub checkpoint_seconds: u64,
    /// Interval between pictures of predictions, in epochs. 0: no pictures.
    pub pictures_every: usize,
    /// Number of samples per picture.
    pub pictures: usize,
    /// Whether to write TensorBoard files.
    pub tensorboard: bool,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            title: String::new(),
            licence: "not stated".to_owned(),
            seed: 0,
            device: "cpu".to_owned(),
            data: DataConfig::default(),
            augment: Augmentation::default(),
            network: NetworkSection::default(),
            init: InitSection::default(),
            loss: Loss::Tversky(TverskyLoss::default()),
            optimiser: OptimiserConfig::default(),
            phases: vec![Phase::default()],
            average: AverageConfig::default(),
            validation: ValidationConfig::default(),
            output: OutputConfig::default(),
        }
    }
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            dataset: PathBuf::new(),
            bands: Vec::new(),
            normalisation: NormalisationKind::MeanStd,
            patch_size: 256,
            batch_size: 8,
            samples_per_epoch: 0,
            mine_centred: 0.0,
            mixture: BTreeMap::new(),
            levels: Vec::new(),
            sources: Vec::new(),
            num_workers: 1,
            prefetch: 2,
            cache_mib: 2048,
        }
    }
}

impl Default for NetworkSection {
    fn default() -> Self {
        Self {
            name: "b0".to_owned(),
            num_classes: 1,
            dropout: None,
            drop_path_rate: None,
            embed_dims: None,
            depths: None,
            num_heads: None,
            decoder_dim: None,
            input_stride: None,
            detail: None,
        }
    }
}

impl Default for OptimiserConfig {
    fn default() -> Self {
        Self { weight_decay: 0.01, betas: [0.9, 0.999], epsilon: 1e-8, clip_norm: 0.0, accumulate: 1 }
    }
}

impl Default for Phase {
    fn default() -> Self {
        let schedule = toml::Table::from_iter([("name".to_owned(), "cosine".into())]);
        Self { epochs: 50, learning_rate: 3e-4, schedule, per: StepUnit::Step, warmup_steps: 0 }
    }
}

impl Default for AverageConfig {
    fn default() -> Self {
        Self { decay: 0.0 }
    }
}

impl Default for ValidationConfig {
    fn default() -> Self {
        Self {
            every: 1,
            metric: "f1".to_owned(),
            window: 512,
            overlap: 64,
            views: 1,
            threshold: 0.5,
            tune_threshold: false,
            patience: 0,
        }
    }
}

impl Default for OutputConfig {
    fn default() -> Self {
        Self { checkpoint_seconds: 30, pictures_every: 10, pictures: 4, tensorboard: true }
    }
}

impl TrainConfig {
    /// Reads a file, then applies `settings` of the form `optimiser.weight_decay=0.05`. Values are TOML; anything else is text.
    /// Unknown keys are errors that suggest the nearest known key.
    pub fn read(path: &Path, settings: &[String]) -> Result<Self> {
        Self::parse(&fs_err::read_to_string(path)?, &path.display().to_string(), settings)
    }

    /// As [`TrainConfig::read`], for a text from `origin`.
    pub fn parse(text: &str, origin: &str, settings: &[String]) -> Result<Self> {
        let refuse = |reason: String, source: Option<Cause>| Error::Config { path: origin.into(), reason, source };
        let mut table: toml::Table =
            text.parse().map_err(|error: toml::de::Error| refuse(tidy(&error.to_string()), Some(error.into())))?;
        for setting in settings {
            set(&mut table, setting)?;
        }
        // Via text, so that errors have line numbers.
        let text = if settings.is_empty() {
            text.to_owned()
        } else {
            toml::to_string(&table).map_err(|error| refuse(error.to_string(), Some(error.into())))?
        };
        let config: Self =
            toml::from_str(&text).map_err(|error| refuse(explain(&error.to_string()), Some(error.into())))?;
        config.check().map_err(|reason| refuse(reason, None))?;
        Ok(config)
    }

    /// The configuration as TOML.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string_pretty(self).map_err(|error| Error::Config {
            path: "configuration".into(),
            reason: error.to_string(),
            source: Some(error.into()),
        })
    }

    /// Dimensions of the network for a number of bands.
    pub fn network(&self, in_channels: usize) -> Result<NetworkConfig> {
        let section = &self.network;
        let mut network = NetworkConfig::named(&section.name, in_channels, section.num_classes)?;
        if let NetworkConfig::SegFormer(config) = &mut network {
            config.embed_dims = section.embed_dims.unwrap_or(config.embed_dims);
            config.depths = section.depths.unwrap_or(config.depths);
            config.num_heads = section.num_heads.unwrap_or(config.num_heads);
            config.decoder_dim = section.decoder_dim.unwrap_or(config.decoder_dim);
            config.input_stride = section.input_stride.unwrap_or(config.input_stride);
            config.detail = section.detail;
        } else {
            let only = [
                ("network.embed_dims", section.embed_dims.is_some()),
                ("network.depths", section.depths.is_some()),
                ("network.num_heads", section.num_heads.is_some()),
                ("network.decoder_dim", section.decoder_dim.is_some()),
                ("network.input_stride", section.input_stride.is_some()),
                ("network.detail", section.detail.is_some()),
            ];
            if let Some((name, _)) = only.into_iter().find(|(_, is_set)| *is_set) {
                return Err(Error::argument(name, &section.name, "this key is for SegFormer networks"));
            }
        }
        if let Some(rate) = section.dropout {
            network = network.with_dropout(rate)?;
        }
        if let Some(rate) = section.drop_path_rate {
            network = network.with_drop_path_rate(rate)?;
        }
        network.check()?;
        Ok(network)
    }

    /// Checks that all values are in range and consistent.
    pub fn check(&self) -> Result<(), String> {
        let at_least_1 = [
            ("data.patch_size", self.data.patch_size),
            ("data.batch_size", self.data.batch_size),
            ("data.num_workers", self.data.num_workers),
            ("data.prefetch", self.data.prefetch),
            ("optimiser.accumulate", self.optimiser.accumulate),
            ("validation.every", self.validation.every),
            ("validation.window", self.validation.window),
            ("network.num_classes", self.network.num_classes),
        ];
        if let Some((key, _)) = at_least_1.iter().find(|(_, value)| *value == 0) {
            return Err(format!("`{key}` is 0; expected 1 or more"));
        }
        let at_most = [
            ("data.patch_size", self.data.patch_size, LARGEST_PATCH_PX),
            ("validation.window", self.validation.window, LARGEST_PATCH_PX),
            ("data.batch_size", self.data.batch_size, 10_000_000),
            ("data.samples_per_epoch", self.data.samples_per_epoch, 100_000_000),
            ("data.num_workers", self.data.num_workers, 1024),
            ("data.prefetch", self.data.prefetch, 65_536),
            ("optimiser.accumulate", self.optimiser.accumulate, 65_536),
            ("output.pictures", self.output.pictures, 1000),
            ("phases", self.phases.len(), 1000),
        ];
        if let Some((key, value, most)) = at_most.into_iter().find(|(_, value, most)| value > most) {
            return Err(format!("`{key}` is {value}; expected at most {most}"));
        }
        if self.phases.is_empty() {
            return Err("`phases` is empty; training needs at least one".to_owned());
        }
        for (i, phase) in self.phases.iter().enumerate() {
            if phase.epochs == 0 {
                return Err(format!("`epochs` of phase {} is 0; expected 1 or more", i + 1));
            }
            if phase.epochs > 1_000_000 {
                return Err(format!("`epochs` of phase {} is {}; expected at most 1000000", i + 1, phase.epochs));
            }
            if !(phase.learning_rate.is_finite() && phase.learning_rate > 0.0) {
                return Err(format!("`learning_rate` is {}; expected a number above 0", phase.learning_rate));
            }
            phase.schedule(1).map_err(|reason| format!("`schedule` of phase {}: {reason}", i + 1))?;
        }
        if !(0.0..1.0).contains(&self.average.decay) {
            return Err(format!("`average.decay` is {}; expected 0 to below 1", self.average.decay));
        }
        for (key, value) in [
            ("optimiser.weight_decay", self.optimiser.weight_decay),
            ("optimiser.clip_norm", self.optimiser.clip_norm),
            ("optimiser.epsilon", self.optimiser.epsilon),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(format!("`{key}` is {value}; expected 0 or more"));
            }
        }
        if let Some(beta) = self.optimiser.betas.iter().find(|beta| !(0.0..1.0).contains(*beta)) {
            return Err(format!("`optimiser.betas` has {beta}; expected 0 to below 1"));
        }
        if !(0.0..=1.0).contains(&self.data.mine_centred) {
            return Err(format!("`data.mine_centred` is {}; expected 0 to 1", self.data.mine_centred));
        }
        if !(0.0..=1.0).contains(&self.validation.threshold) {
            return Err(format!("`validation.threshold` is {}; expected 0 to 1", self.validation.threshold));
        }
        check_views(self.validation.views).map_err(|reason| format!("`validation.views` is {reason}"))?;
        if self.validation.overlap > self.validation.window / 2 {
            return Err(format!(
                "`validation.overlap` is {}; expected at most half of the window, {}",
                self.validation.overlap,
                self.validation.window / 2
            ));
        }
        let metrics = minesegsat_dataset::evaluate::Validation::METRICS;
        if !metrics.contains(&self.validation.metric.as_str()) {
            return Err(format!(
                "`validation.metric` is `{}`; expected one of {}{}",
                self.validation.metric,
                metrics.join(", "),
                nearest(&self.validation.metric, metrics.iter().copied())
            ));
        }
        self.loss.check(self.network.num_classes)?;
        self.augment.check().map_err(|error| error.to_string())
    }

    /// Total epochs of all phases.
    pub fn epochs(&self) -> usize {
        self.phases.iter().map(|phase| phase.epochs).sum()
    }
}

impl Phase {
    /// The schedule of a phase of `steps` steps, which is also the default of missing lengths.
    pub fn schedule(&self, steps: usize) -> Result<Schedule, String> {
        let mut table = self.schedule.clone();
        let length = match table.get("name").and_then(toml::Value::as_str) {
            Some("cosine") => Some("t_max"),
            Some("onecycle") => Some("total_steps"),
            Some("polynomial") => Some("total_iters"),
            _ => None,
        };
        if let Some(key) = length {
            table.entry(key).or_insert_with(|| toml::Value::Integer(steps as i64));
        }
        let schedule: Schedule = table.try_into().map_err(|error: toml::de::Error| explain(&error.to_string()))?;
        if matches!(schedule, Schedule::Plateau { .. }) && self.per == StepUnit::Step {
            return Err("a plateau looks at validations: set `per = \"epoch\"`".to_owned());
        }
        Ok(schedule)
    }
}

/// Applies one `key=value`.
fn set(table: &mut toml::Table, setting: &str) -> Result<()> {
    let refuse = |accepted: &str| Error::argument("setting", setting, accepted);
    let (key, value) = setting.split_once('=').ok_or_else(|| refuse("`section.key=value` is expected"))?;
    let value = format!("v = {value}")
        .parse::<toml::Table>()
        .ok()
        .and_then(|mut table| table.remove("v"))
        .unwrap_or_else(|| toml::Value::String(value.to_owned()));
    let mut parts: Vec<&str> = key.trim().split('.').collect();
    let last = parts.pop().unwrap_or_default();
    let mut at = table;
    let mut parts = parts.into_iter().peekable();
    while let Some(part) = parts.next() {
        // `phases.0.epochs`: an element of a list.
        if let Some(index) = parts.peek().and_then(|next| next.parse::<usize>().ok()) {
            parts.next();
            if !at.contains_key(part) && part == "phases" && index == 0 {
                at.insert(part.to_owned(), toml::Value::Array(vec![toml::Value::Table(toml::Table::new())]));
            }
            at = at
                .get_mut(part)
                .and_then(toml::Value::as_array_mut)
                .and_then(|list| list.get_mut(index))
                .and_then(toml::Value::as_table_mut)
                .ok_or_else(|| refuse("the list has no such element"))?;
            continue;
        }
        let entry = at.entry(part).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        at = entry.as_table_mut().ok_or_else(|| refuse("a value stands where a section is expected"))?;
    }
    at.insert(last.to_owned(), value);
    Ok(())
}

/// The message of serde on one line, with the nearest known key for an unknown one.
fn explain(message: &str) -> String {
    let text = tidy(message);
    let hint = nearest_of_message(&text);
    text + &hint
}

/// Joins the lines of a message, without the quoted text of the file but with the line number.
fn tidy(message: &str) -> String {
    let place = message.lines().find(|line| line.starts_with("TOML parse error"));
    // Lines with `|` quote the file. Without a file, `in` names the key.
    let is_told = |line: &&str| !line.trim().is_empty() && !line.contains('|') && !line.starts_with("in `");
    let what = message.lines().rfind(is_told);
    match (place, what) {
        (Some(place), Some(what)) if place != what => {
            format!("{}: {}", place.trim_start_matches("TOML parse error ").trim(), what.trim())
        }
        (_, Some(what)) => what.trim().to_owned(),
        _ => message.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, settings: &[&str]) -> Result<TrainConfig> {
        let settings: Vec<String> = settings.iter().map(|&s| s.to_owned()).collect();
        TrainConfig::parse(text, "test.toml", &settings)
    }

    #[test]
    fn the_resolved_file_gives_the_same_configuration() {
        let config = parse(
            "seed = 7\n[loss]\nname = \"sum\"\nterms = [{ weight = 1.0, loss = { name = \"cross-entropy\" } }, { weight = 0.5, loss = \
             { name = \"dice\" } }]\n[[phases]]\nepochs = 3\nschedule = { name = \"onecycle\", pct_start = 0.2 }",
            &["data.batch_size=3", "network.name=b1", "phases.0.learning_rate=1e-3", "data.bands=[\"B04\"]"],
        )
        .unwrap();
        assert_eq!((config.data.batch_size, config.network.name.as_str(), config.epochs()), (3, "b1", 3));
        assert_eq!(config.phases[0].learning_rate, 1e-3);
        assert_eq!(parse(&config.to_toml().unwrap(), &[]).unwrap(), config);
        let schedule = config.phases[0].schedule(40).unwrap();
        assert!(matches!(schedule, Schedule::Onecycle { total_steps: 40, pct_start: 0.2, .. }));
        let default = TrainConfig::default();
        assert_eq!(parse(&default.to_toml().unwrap(), &[]).unwrap(), default);
    }

    #[test]
    fn unknown_keys_are_refused_with_the_nearest_known_one() {
        let message = |text: &str| parse(text, &[]).unwrap_err().to_string();
        let unknown = message("[data]\npatchsize = 3");
        assert!(unknown.starts_with("configuration test.toml: at line 2"), "{unknown}");
        assert!(
            unknown.contains("unknown field `patchsize`") && unknown.ends_with("did you mean `patch_size`?"),
            "{unknown}"
        );
        assert!(message("[los]\nname = \"dice\"").ends_with("did you mean `loss`?"));
        assert!(message("[loss]\nname = \"tverski\"").ends_with("did you mean `tversky`?"));
        assert!(message("[loss]\nname = \"tversky\"\nalfa = 1").ends_with("did you mean `alpha`?"));
        assert!(message("[augment]\nflips = 1").ends_with("did you mean `flip`?"));
        assert!(message("[[phases]]\nschedule = { name = \"cosin\" }").ends_with("did you mean `cosine`?"));
        assert!(message("[validation]\nmetric = \"f2\"").contains("did you mean `f1`?"));
        let error = parse("[data]\npatchsize = 3", &[]).unwrap_err();
        let cause = std::error::Error::source(&error).expect("a cause");
        assert!(cause.is::<toml::de::Error>());
        assert_eq!(minesegsat_core::with_causes(&error), unknown, "the reason tells the cause");
        let set = parse("", &["optimizer.weight_decay=1"]).unwrap_err().to_string();
        assert!(set.ends_with("did you mean `optimiser`?"), "{set}");
    }

    #[test]
    fn values_out_of_range_are_named() {
        let message = |settings: &[&str]| parse("", settings).unwrap_err().to_string();
        assert!(message(&["data.batch_size=0"]).ends_with("`data.batch_size` is 0; expected 1 or more"));
        assert!(message(&["phases.0.learning_rate=-1"]).contains("`learning_rate` is -1"));
        assert!(message(&["average.decay=1"]).contains("`average.decay` is 1; expected 0 to below 1"));
        assert!(message(&["validation.overlap=300"]).contains("at most half of the window, 256"));
        assert!(message(&["phases=[]"]).contains("at least one"));
        assert!(message(&["seed"]).contains("`section.key=value` is expected"));
        assert!(message(&["phases.0.schedule={name=\"plateau\", factor=0.1, patience=1}"]).contains("per = \"epoch\""));
        assert!(parse("", &["phases.3.epochs=1"]).is_err());
        assert!(parse("", &["network.embed_dims=[8,16,40,64]"]).unwrap().network(3).is_ok());
    }
}
