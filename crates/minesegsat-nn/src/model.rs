//! Models as products: a folder with weights, a card, and a recorded forward pass to verify both by.

use std::{
    collections::{BTreeMap, HashMap},
    io::Read,
    path::{Path, PathBuf},
};

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use sha2::{Digest, Sha256};

use crate::{
    CARD_FILE, Checkpoint, Error, FORWARD_FILE, FoldedDecodeHead, ModelCard, Network, Result, SIZE_DIVISOR,
    StageTokens, WEIGHTS_FILE, check_views,
    cpu::{CpuSegFormer, Workspace},
    init,
};

/// A model ready to answer: its card, the network, and the fastest way through it that the device has.
pub struct Model {
    card: ModelCard,
    network: Network,
    engine: Engine,
    device: Device,
}

/// How patches go through a network.
enum Engine {
    /// A SegFormer on the CPU, unrolled.
    Cpu(CpuSegFormer),
    /// A SegFormer on another device: its encoder and the decoder folded for inference.
    Folded(FoldedDecodeHead),
    /// Any other network: its modules as they are.
    Modules,
}

impl Model {
    /// Opens a model folder. The card, the weights and the hash of the weights must fit each other.
    pub fn open(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let folder = folder.as_ref();
        let card = ModelCard::read(folder)?;
        let weights = folder.join(WEIGHTS_FILE);
        let found = sha256(&weights)?;
        if found != card.weights_sha256 {
            let reason = format!(
                "the SHA-256 of {WEIGHTS_FILE} is {found}, the card says {}: the weights are damaged or of another model",
                card.weights_sha256
            );
            return Err(Error::Model { path: folder.to_owned(), reason });
        }
        let network = Checkpoint::read(&weights)?.load(&card.architecture, device)?;
        Ok(Self::new(card, network, device))
    }

    /// A model of a network in memory.
    pub fn new(card: ModelCard, network: Network, device: &Device) -> Self {
        let engine = network.as_segformer().map_or(Engine::Modules, |segformer| {
            let head = FoldedDecodeHead::new(&segformer.decoder, device);
            if *device == Device::flex() {
                Engine::Cpu(CpuSegFormer::new(segformer, &head))
            } else {
                Engine::Folded(head)
            }
        });
        Self { card, network, engine, device: device.clone() }
    }

    /// The same with patches seen in another number of symmetries than the card's, to see what it would do.
    pub fn with_views(mut self, views: usize) -> Result<Self> {
        check_views(views).map_err(|_| Error::Argument {
            name: "views",
            value: views.to_string(),
            accepted: "1, 2, 4 or 8".to_owned(),
        })?;
        self.card.views = views;
        Ok(self)
    }

    /// What the model says of itself.
    pub const fn card(&self) -> &ModelCard {
        &self.card
    }

    /// Where it runs.
    pub const fn device(&self) -> &Device {
        &self.device
    }

    /// The network as it is trained.
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// Tokens of the four stages of a SegFormer; nothing of other networks.
    ///
    /// # Shapes
    /// - input `[N, in_channels, H, W]`
    pub fn stages(&self, x: Tensor<4>) -> Vec<StageTokens> {
        self.network.as_segformer().map_or_else(Vec::new, |network| network.encoder.forward(network.averaged(x)))
    }

    /// Logits, in the fastest way that the device has.
    ///
    /// On the CPU patches go through the network one at a time: a batch would only need more memory. `workspace` keeps
    /// buffers from call to call.
    ///
    /// # Shapes
    /// - `patches`: `[N, in_channels, H, W]`, row-major
    /// - output `[N, num_classes, H, W]`
    pub(crate) fn logits(&self, patches: &[f32], shape: [usize; 4], workspace: &mut Workspace) -> Result<Vec<f32>> {
        let [batch, channels, height, width] = shape;
        let tensor = |patches: &[f32], batch: usize| {
            let data = TensorData::new(patches.to_vec(), [batch, channels, height, width]);
            Tensor::<4>::from_data(data, &self.device)
        };
        let patch = channels * height * width;
        let answer = self.card.architecture.num_classes() * height * width;
        match &self.engine {
            Engine::Cpu(cpu) => {
                let mut logits = vec![0.0; batch * answer];
                for (patch, logits) in patches.chunks_exact(patch).zip(logits.chunks_exact_mut(answer)) {
                    cpu.forward(patch, [height, width], workspace, logits);
                }
                Ok(logits)
            }
            Engine::Folded(head) => {
                let logits = head.forward(self.stages(tensor(patches, batch)));
                Ok(Array4::of(init::resize_bilinear(logits, [height, width]))?.values)
            }
            Engine::Modules => {
                let together = if self.device == Device::flex() { 1 } else { batch.max(1) };
                let mut logits = Vec::with_capacity(batch * answer);
                for patches in patches.chunks_exact(together * patch) {
                    logits.extend(Array4::of(self.network.forward(tensor(patches, together)))?.values);
                }
                Ok(logits)
            }
        }
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("card", &self.card).field("device", &self.device).finish_non_exhaustive()
    }
}

/// A folder found by [`list_models`].
#[derive(Debug)]
pub struct ListedModel {
    /// The folder.
    pub path: PathBuf,
    /// Its card, or why it cannot be read.
    pub card: Result<ModelCard>,
}

/// The models directly inside a folder, by name. Weights are not read.
pub fn list_models(folder: impl AsRef<Path>) -> Result<Vec<ListedModel>> {
    let mut models = Vec::new();
    for entry in fs_err::read_dir(folder.as_ref())? {
        let path = entry?.path();
        if path.join(CARD_FILE).is_file() {
            models.push(ListedModel { card: ModelCard::read(&path), path });
        }
    }
    models.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(models)
}

/// Result of [`verify`].
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct VerifyReport {
    /// The recorded forward pass compared with.
    pub against: PathBuf,
    /// Each recorded tensor: `logits`, and of a SegFormer `stage1` to `stage4`.
    pub tensors: Vec<Comparison>,
    /// Largest difference of all logits.
    pub max_abs_difference: f32,
    /// Largest difference that is accepted.
    pub tolerance: f32,
}

/// How far a tensor lies from its record.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Comparison {
    /// Name of the tensor.
    pub name: String,
    /// Largest absolute difference.
    pub max_abs_difference: f32,
    /// Largest absolute value of the record.
    pub max_abs_value: f32,
}

impl VerifyReport {
    /// Whether all tensors lie within the tolerance.
    pub fn passed(&self) -> bool {
        self.tensors.iter().all(|tensor| tensor.max_abs_difference <= self.tolerance)
    }
}

/// Runs a recorded input through a model and compares the outputs with the recorded ones.
///
/// `against` is a safetensors file with `input` `[N, C, H, W]`, `logits` and perhaps `stage1` to `stage4`; where it is
/// not given, the one in the model folder is taken.
pub fn verify(
    folder: impl AsRef<Path>,
    against: Option<&Path>,
    device: &Device,
    tolerance: f32,
) -> Result<VerifyReport> {
    let folder = folder.as_ref();
    let model = Model::open(folder, device)?;
    let against = against.map_or_else(|| folder.join(FORWARD_FILE), Path::to_owned);
    let record = Forward::read(&against)?;
    let channels = model.card.architecture.in_channels();
    if record.input.shape[1] != channels {
        let reason = format!("its input has {} channels, but the model takes {channels}", record.input.shape[1]);
        return Err(Error::NotACheckpoint { path: against, reason });
    }
    let found = Forward::run(&model, record.input)?;
    let mut tensors = Vec::new();
    for (name, recorded) in record.outputs {
        let Some(output) = found.outputs.get(&name) else { continue };
        if output.shape != recorded.shape {
            return Err(Error::TensorShape {
                path: against,
                tensor: name,
                found: recorded.shape,
                expected: output.shape.clone(),
            });
        }
        let difference = output.values.iter().zip(&recorded.values).map(|(a, b)| (a - b).abs());
        tensors.push(Comparison {
            name,
            max_abs_difference: max_or_nan(difference),
            max_abs_value: max_or_nan(recorded.values.iter().map(|v| v.abs())),
        });
    }
    let logits = tensors.iter().find(|tensor| tensor.name == "logits");
    let max_abs_difference = logits.map_or(f32::NAN, |logits| logits.max_abs_difference);
    Ok(VerifyReport { against, tensors, max_abs_difference, tolerance })
}

/// The largest value, or NaN where there is one: a comparison with NaN must not pass.
fn max_or_nan(values: impl Iterator<Item = f32>) -> f32 {
    values.fold(0.0, |max, v| if v.is_nan() || v > max { v } else { max })
}

/// An input and what a network made of it.
pub(crate) struct Forward {
    input: Array4,
    /// `logits`, and of a SegFormer `stage1` to `stage4`.
    outputs: BTreeMap<String, Array4>,
}

/// Row-major values of four dimensions.
struct Array4 {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Array4 {
    fn of(tensor: Tensor<4>) -> Result<Self, Error> {
        let shape = tensor.dims().to_vec();
        let values = tensor
            .try_into_data()
            .map_err(|error| error.to_string())
            .and_then(|data| data.try_into_vec::<f32>().map_err(|error| format!("{error:?}")))
            .map_err(|reason| Error::Core(minesegsat::Error::Segmenter(reason)))?;
        Ok(Self { shape, values })
    }

    fn tensor(&self, device: &Device) -> Tensor<4> {
        Tensor::from_data(TensorData::new(self.values.clone(), self.shape.clone()), device)
    }
}

impl Forward {
    /// Runs a small input of reproducible noise, uniform in 0 to 1, height and width different.
    pub(crate) fn record(model: &Model) -> Result<Self> {
        let divisor = model.card.architecture.size_divisor().max(SIZE_DIVISOR);
        let shape = vec![1, model.card.architecture.in_channels(), 2 * divisor, 3 * divisor];
        let mut random = init::SplitMix64::new(0x5EED);
        let values = (0..shape.iter().product()).map(|_| random.uniform()).collect();
        Self::run(model, Array4 { shape, values })
    }

    fn run(model: &Model, input: Array4) -> Result<Self> {
        let x = input.tensor(&model.device);
        let mut outputs = BTreeMap::new();
        for (i, stage) in model.stages(x.clone()).into_iter().enumerate() {
            outputs.insert(format!("stage{}", i + 1), Array4::of(stage.into_map())?);
        }
        let [batch, _, height, width] = x.dims();
        let shape = [batch, model.card.architecture.num_classes(), height, width];
        let logits = model.logits(&input.values, x.dims(), &mut Workspace::default())?;
        outputs.insert("logits".to_owned(), Array4 { shape: shape.to_vec(), values: logits });
        Ok(Self { input, outputs })
    }

    fn read(path: &Path) -> Result<Self> {
        let refuse = |reason: String| Error::NotACheckpoint { path: path.to_owned(), reason };
        let bytes = fs_err::read(path)?;
        let file = SafeTensors::deserialize(&bytes).map_err(|error| refuse(error.to_string()))?;
        let mut outputs = BTreeMap::new();
        for (name, view) in file.iter() {
            if view.dtype() != Dtype::F32 || view.shape().len() != 4 {
                let reason = format!(
                    "tensor `{name}` is {:?} {:?}; a recorded forward pass has float32 tensors of 4 dimensions",
                    view.dtype(),
                    view.shape()
                );
                return Err(refuse(reason));
            }
            let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            outputs.insert(name.to_owned(), Array4 { shape: view.shape().to_vec(), values });
        }
        let input = outputs.remove("input").ok_or_else(|| refuse("it has no tensor `input`".to_owned()))?;
        if !outputs.contains_key("logits") {
            return Err(refuse("it has no tensor `logits`".to_owned()));
        }
        Ok(Self { input, outputs })
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let arrays: Vec<(&str, &Array4, Vec<u8>)> = std::iter::once(("input", &self.input))
            .chain(self.outputs.iter().map(|(name, array)| (name.as_str(), array)))
            .map(|(name, array)| (name, array, array.values.iter().flat_map(|v| v.to_le_bytes()).collect()))
            .collect();
        let views = arrays
            .iter()
            .map(|(name, array, bytes)| Ok((*name, TensorView::new(Dtype::F32, array.shape.clone(), bytes)?)))
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>();
        let file = views
            .and_then(|views| safetensors::serialize(views, None::<HashMap<String, String>>))
            .map_err(|error| Error::NotACheckpoint { path: path.to_owned(), reason: error.to_string() })?;
        fs_err::write(path, file)?;
        Ok(())
    }
}

/// SHA-256 of a file in lower-case hexadecimal.
pub(crate) fn sha256(path: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    let mut file = fs_err::File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
    }
    Ok(hasher.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        use std::fmt::Write;
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}
