//! Writing new model folders, from a checkpoint, a trained network or random weights.

use std::path::Path;

use burn::tensor::Device;
use minesegsat_core::{Band, output::OutputTree};
use minesegsat_model::{check_patch_size, sha256};

use crate::{
    CARD_FILE, Checkpoint, Error, FORMAT_VERSION, FORWARD_FILE, Model, ModelCard, Network, NetworkConfig,
    Normalisation, Result, Training, WEIGHTS_FILE,
};

/// Information that a checkpoint does not contain, for [`import_checkpoint`].
#[derive(Debug, Clone, PartialEq)]
pub struct ImportOptions {
    /// Bands of the input, in channel order. Default: [`Band::PAPER`] for 12 channels, [`Band::ALL`] for 13. Required for other
    /// numbers of channels.
    pub bands: Option<Vec<Band>>,
    /// Divisor of the reflectance of each band. In the paper, the maximum of the training set per band. Default: 1, which leaves
    /// reflectance unchanged.
    pub max_values: Option<Vec<f32>>,
    /// Display name. Default: the checkpoint's file name.
    pub title: Option<String>,
    /// Licence of the weights. Default: `unknown`.
    pub licence: Option<String>,
    /// Attention heads of the four stages of a SegFormer. Default: [`SegFormerConfig::NUM_HEADS`](crate::SegFormerConfig::NUM_HEADS).
    pub num_heads: Option<[usize; 4]>,
    /// Name of each output channel. Default: `mining`, or `background`, `mining`, `class2`, ...
    pub classes: Option<Vec<String>>,
    /// Width and height of a patch, in pixels.
    pub patch_size: usize,
    /// Probability threshold for a mining-disturbed pixel.
    pub threshold: f32,
    /// Ground sampling distance of the training data, in metres.
    pub gsd_m: f64,
    /// Training data and its split.
    pub training: Training,
    /// Measured accuracy, by name of the metric.
    pub metrics: serde_json::Map<String, serde_json::Value>,
    /// Replace the output if it is an existing model.
    pub overwrite: bool,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            bands: None,
            max_values: None,
            title: None,
            licence: None,
            num_heads: None,
            classes: None,
            patch_size: 512,
            threshold: 0.5,
            gsd_m: 10.0,
            training: Training::default(),
            metrics: serde_json::Map::new(),
            overwrite: false,
        }
    }
}

/// Writes a model folder from a `.pth` or safetensors checkpoint. The folder appears complete or not at all.
pub fn import_checkpoint(
    checkpoint: impl AsRef<Path>,
    folder: impl AsRef<Path>,
    options: &ImportOptions,
) -> Result<ModelCard> {
    let (path, folder) = (checkpoint.as_ref(), folder.as_ref());
    check_output(folder, options.overwrite)?;
    let checkpoint = Checkpoint::read(path)?;
    let config = checkpoint.config(options.num_heads)?;
    let title = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let card = describe(&config, options, &title.unwrap_or_default(), jiff::Timestamp::now())?;
    write_folder(folder, card, &checkpoint, options.overwrite)
}

/// Writes a model folder from a network in memory. The folder appears complete or not at all. Sets the card's `weights_sha256` and
/// `code_version`.
pub fn save_model(network: &Network, card: ModelCard, folder: impl AsRef<Path>, overwrite: bool) -> Result<ModelCard> {
    let folder = folder.as_ref();
    check_output(folder, overwrite)?;
    write_folder(folder, card, &Checkpoint::of_network(network, folder.join(WEIGHTS_FILE))?, overwrite)
}

/// Writes a model folder with random weights, equal for equal seeds. For tests and benchmarks.
pub fn random_model(
    config: &NetworkConfig,
    seed: u64,
    folder: impl AsRef<Path>,
    options: &ImportOptions,
) -> Result<ModelCard> {
    let folder = folder.as_ref();
    check_output(folder, options.overwrite)?;
    config.check()?;
    let title = format!("{}, untrained", config.title());
    let mut card = describe(config, options, &title, jiff::Timestamp::UNIX_EPOCH)?;
    card.training.data.get_or_insert_with(|| "untrained".to_owned());
    write_folder(folder, card, &Checkpoint::random(config, seed), options.overwrite)
}

fn describe(
    config: &NetworkConfig,
    options: &ImportOptions,
    title: &str,
    created: jiff::Timestamp,
) -> Result<ModelCard> {
    let refuse = |name: &'static str, value: String, accepted: String| Err(Error::argument(name, value, accepted));
    let channels = config.in_channels();
    let bands = match (&options.bands, channels) {
        (Some(bands), _) if bands.len() == channels => bands.clone(),
        (Some(bands), _) => {
            return refuse("bands", Band::list(bands), format!("the network takes {channels} channels, one band each"));
        }
        (None, 12) => Band::PAPER.to_vec(),
        (None, 13) => Band::ALL.to_vec(),
        (None, _) => {
            let accepted =
                format!("the network takes {channels} channels; name their bands in order, such as B04,B03,B02");
            return refuse("bands", String::new(), accepted);
        }
    };
    let normalisation = match &options.max_values {
        None => Normalisation::identity(channels),
        Some(max) if max.len() == channels && max.iter().all(|max| max.is_finite() && *max > 0.0) => {
            Normalisation::divide_by(max.clone())
        }
        Some(max) => return refuse("max-values", format!("{max:?}"), format!("{channels} values above 0")),
    };
    let classes = options.classes.clone().unwrap_or_else(|| match config.num_classes() {
        1 => vec!["mining".to_owned()],
        n => (0..n)
            .map(|class| match class {
                0 => "background".to_owned(),
                1 => "mining".to_owned(),
                _ => format!("class{class}"),
            })
            .collect(),
    });
    if classes.len() != config.num_classes() {
        return refuse("classes", classes.join(","), format!("{} names", config.num_classes()));
    }
    let divisor = config.size_divisor();
    if check_patch_size(options.patch_size, divisor).is_err() {
        return refuse("patch-size", options.patch_size.to_string(), format!("a multiple of {divisor}"));
    }
    Ok(ModelCard {
        format_version: FORMAT_VERSION,
        title: options.title.clone().unwrap_or_else(|| title.to_owned()),
        licence: options.licence.clone().unwrap_or_else(|| "unknown".to_owned()),
        architecture: config.clone(),
        bands,
        normalisation,
        gsd_m: options.gsd_m,
        patch_size: options.patch_size,
        threshold: options.threshold,
        temperature: 1.0,
        classes,
        band_dropout_max: 0,
        views: 1,
        area_error: None,
        noise_floor: None,
        change_head: None,
        persistence: None,
        familiarity: None,
        training: options.training.clone(),
        metrics: options.metrics.clone(),
        code_version: String::new(),
        weights_sha256: String::new(),
        created,
    })
}

/// Fails if the output exists, unless it is a model and `overwrite` is set.
fn check_output(folder: &Path, overwrite: bool) -> Result<()> {
    let occupied = fs_err::symlink_metadata(folder).is_ok();
    if occupied && !(overwrite && folder.join(CARD_FILE).is_file()) {
        return Err(Error::OutputExists { path: folder.to_owned() });
    }
    Ok(())
}

fn write_folder(folder: &Path, mut card: ModelCard, checkpoint: &Checkpoint, overwrite: bool) -> Result<ModelCard> {
    let staged = OutputTree::create(folder, CARD_FILE, overwrite)?;
    let weights = staged.path(WEIGHTS_FILE)?;
    checkpoint.write_safetensors(&weights)?;
    card.weights_sha256 = sha256(&weights)?;
    env!("CARGO_PKG_VERSION").clone_into(&mut card.code_version);
    card.check().map_err(|reason| minesegsat_model::Error::model(folder, reason))?;
    let json = serde_json::to_string_pretty(&card).map_err(std::io::Error::from)?;
    fs_err::write(staged.path(CARD_FILE)?, json + "\n")?;
    // The forward pass is recorded from the written folder, which checks that it opens. On the CPU, so that all machines agree.
    let model = Model::open(weights.parent().unwrap_or(folder), &Device::flex())?;
    model.record()?.write(&staged.path(FORWARD_FILE)?)?;
    staged.commit()?;
    Ok(card)
}
