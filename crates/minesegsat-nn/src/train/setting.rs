//! The constant parts of a run: [`Setting`].

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use burn::tensor::Device;
use minesegsat_core::{Band, model_description::BandNormalisation};
use minesegsat_dataset::{
    Dataset, Loader, LoaderOptions, SampleReader, SampleRecord, Split, evaluate::ValidateOptions,
};
use minesegsat_model::{CARD_FILE, sha256};

use super::{NormalisationKind, StepUnit, TrainConfig, folder::run_error, identity::Identity};
use crate::{
    Error, FORMAT_VERSION, ModelCard, NetworkConfig, Normalisation, Result, Training, parse_device,
    schedule::LearningRate,
};

/// The constant parts of a run.
pub(super) struct Setting<'a> {
    pub(super) config: &'a TrainConfig,
    pub(super) folder: PathBuf,
    /// Devices without automatic differentiation. The first holds the weights.
    pub(super) devices: Vec<Device>,
    pub(super) network: NetworkConfig,
    pub(super) card: ModelCard,
    pub(super) reader: SampleReader,
    pub(super) validation: Vec<SampleRecord>,
    pub(super) loader: Loader,
    pub(super) ignore: u8,
    /// What the run is made from.
    pub(super) identity: Identity,
    /// Batches per epoch.
    pub(super) batches: usize,
}

impl<'a> Setting<'a> {
    pub(super) fn new(config: &'a TrainConfig, folder: &Path) -> Result<Self> {
        let devices = config.device.split(',').map(|name| parse_device(name.trim())).collect::<Result<Vec<_>>>()?;
        if config.data.dataset.as_os_str().is_empty() {
            let accepted = "the folder of a data set";
            return Err(Error::argument("data.dataset", "", accepted));
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
                return Err(Error::argument(name, size.to_string(), accepted));
            }
        }
        check_norms(config, &network, devices.len())?;
        let owned = |split| -> Result<Vec<SampleRecord>> { Ok(dataset.split(split)?.into_iter().cloned().collect()) };
        let (training, validation) = (owned(Split::Train)?, owned(Split::Val)?);
        if training.iter().all(|sample| sample.mining_share == 0.0) {
            return Err(minesegsat_core::Error::input(
                dataset.folder().display().to_string(),
                format!(
                    "none of the {} masks of its train split has a mine: there is nothing to learn",
                    training.len()
                ),
            )
            .into());
        }
        check_metric(config, &validation)?;
        let normalisation = match config.data.normalisation {
            NormalisationKind::Init => normalisation_of_start(config.init.weights.as_deref(), &bands)?,
            kind => normalisation(&dataset, &bands, kind)?,
        };
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
                mixture: config.data.mixture.clone().into_iter().collect(),
                drop_last: true,
            },
        )?;
        let batches = loader.batches_per_epoch();
        let reader = SampleReader::new(Arc::clone(&dataset), &bands, &per_band)?;
        let card = describe(config, &dataset, &network, bands, normalisation, [training.len(), validation.len()])?;
        card.check().map_err(|reason| run_error(folder, &reason))?;
        let splits = [(Split::Train, training.as_slice()), (Split::Val, validation.as_slice())];
        let identity = Identity::new(config, &dataset, &card, splits)?;
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
            identity,
            batches,
        })
    }

    pub(super) fn validate_options(&self) -> ValidateOptions {
        let validation = &self.config.validation;
        ValidateOptions { window: validation.window, overlap: validation.overlap, threshold: validation.threshold }
    }

    /// The schedule of a phase at its start.
    pub(super) fn rate_of(&self, phase: usize) -> Result<LearningRate> {
        let phase = &self.config.phases[phase];
        let steps = match phase.per {
            StepUnit::Epoch => phase.epochs,
            StepUnit::Step => phase.epochs * self.batches.div_ceil(self.config.optimiser.accumulate),
        };
        let schedule = phase.schedule(steps).map_err(|reason| run_error(&self.folder, &reason))?;
        Ok(LearningRate::new(schedule, phase.learning_rate))
    }
}

/// Fails if a batch norm would see one value per channel: its statistics are undefined.
fn check_norms(config: &TrainConfig, network: &NetworkConfig, devices: usize) -> Result<()> {
    let (batch, side) = (config.data.batch_size, config.data.patch_size);
    // A batch is shared by all devices if it has a crop for each.
    let smallest = if batch < devices { batch } else { batch / devices };
    if network.values_per_norm(smallest, side) > 1 {
        return Ok(());
    }
    let per_device = if devices > 1 { format!(" on each of the {devices} devices") } else { String::new() };
    let larger = if network.values_per_norm(smallest, 2 * side) > 1 {
        format!(", or a `data.patch_size` above {side}")
    } else {
        String::new()
    };
    let accepted = format!(
        "2 or more{per_device}{larger}; {} normalises over the crops of a batch, and one value per channel has no variance",
        network.with_article()
    );
    Err(Error::argument("data.batch_size", batch.to_string(), accepted))
}

/// Fails if no sample of the validation split has a mine and the metric is about mines: no network would be the best.
fn check_metric(config: &TrainConfig, validation: &[SampleRecord]) -> Result<()> {
    const WITHOUT_MINES: [&str; 4] = ["accuracy", "bce", "brier", "ece"];
    let metric = config.validation.metric.as_str();
    if WITHOUT_MINES.contains(&metric) || validation.iter().any(|sample| sample.mining_share > 0.0) {
        return Ok(());
    }
    let accepted = format!(
        "{}; none of the {} masks of the validation split has a mine, so other metrics are undefined and choose no best \
         model; or split the data set again",
        WITHOUT_MINES.join(", "),
        validation.len()
    );
    Err(Error::argument("validation.metric", metric, accepted))
}

/// Bands of a data set: first those of the paper in its order, then the others.
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
        NormalisationKind::Init => unreachable!("it needs no statistics"),
    })
}

/// The normalisation of the starting model, for the bands of the run.
fn normalisation_of_start(weights: Option<&Path>, bands: &[Band]) -> Result<Normalisation> {
    let name = "data.normalisation";
    let Some(folder) = weights.filter(|path| path.is_dir()) else {
        return Err(Error::argument(name, "init", "another, unless `init.weights` is a model folder"));
    };
    let card = ModelCard::read(folder)?;
    let place = |band: &Band| card.bands.iter().position(|other| other == band);
    let Some(order) = bands.iter().map(place).collect::<Option<Vec<usize>>>() else {
        let accepted = format!("another: {} has {}", folder.display(), Band::list(&card.bands));
        return Err(Error::argument(name, "init", accepted));
    };
    Ok(card.normalisation.reordered(&order))
}

/// The weights that training starts from, for the card.
fn described_start(config: &TrainConfig) -> Result<Option<String>> {
    let Some(path) = config.init.weights.as_deref() else { return Ok(None) };
    if path.join(CARD_FILE).is_file() {
        let ModelCard { title, licence, weights_sha256, .. } = ModelCard::read(path)?;
        return Ok(Some(format!("{title}, licence {licence}, SHA-256 {weights_sha256}")));
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    Ok(Some(format!("{name}, SHA-256 {}", sha256(path)?)))
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
    let band_dropout_max = config.augment.most_absent(&bands);
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
        views: config.validation.views,
        classes,
        band_dropout_max,
        area_error: None,
        noise_floor: None,
        change_head: None,
        persistence: None,
        familiarity: None,
        training: Training {
            data: Some(set.title.clone()),
            split: Some(format!("train {training}, val {validation}")),
            started_from: described_start(config)?,
            levels: if config.data.levels.is_empty() { set.levels() } else { config.data.levels.clone() },
            sources: config.data.sources.clone(),
        },
        metrics: serde_json::Map::new(),
        code_version: String::new(),
        weights_sha256: String::new(),
        created: jiff::Timestamp::now(),
    })
}
