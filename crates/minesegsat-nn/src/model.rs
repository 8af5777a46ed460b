//! Models as products: a folder with weights, a card, and a recorded forward pass to verify both by.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use burn::tensor::{Device, Tensor, TensorData};
use minesegsat_model::{Array, Forward, check_hash, verify_by};

use crate::{
    CARD_FILE, Checkpoint, Error, FoldedDecodeHead, ModelCard, Network, Result, SIZE_DIVISOR, StageTokens,
    VerifyReport, WEIGHTS_FILE, check_views,
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

/// What this crate runs networks with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnEngine {
    /// Kernels of its own, for SegFormers on the CPU.
    Native,
    /// Burn's operations, for every network and device.
    Burn,
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
        check_hash(folder, &card)?;
        let network = Checkpoint::read(folder.join(WEIGHTS_FILE))?.load(&card.architecture, device)?;
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

    /// The same by the engine that is asked for, where the fastest is not to be taken.
    pub fn with_engine(mut self, engine: OwnEngine) -> Result<Self> {
        match (engine, self.network.as_segformer()) {
            (OwnEngine::Burn, Some(segformer)) => {
                self.engine = Engine::Folded(FoldedDecodeHead::new(&segformer.decoder, &self.device));
            }
            (OwnEngine::Burn, None) => self.engine = Engine::Modules,
            (OwnEngine::Native, _) if matches!(self.engine, Engine::Cpu(_)) => {}
            (OwnEngine::Native, network) => {
                let accepted = match network {
                    Some(_) => "it runs on the CPU alone; on other devices there is burn".to_owned(),
                    None => format!(
                        "it runs SegFormers alone; {} is run by burn, onnxruntime or openvino",
                        self.card.architecture.with_article()
                    ),
                };
                return Err(Error::Argument { name: "engine", value: "native".to_owned(), accepted });
            }
        }
        Ok(self)
    }

    /// Runs a recorded input and compares the outputs with the recorded ones, as [`verify`] does with a model that it opens.
    pub fn verify(&self, folder: &Path, against: Option<&Path>, tolerance: f32) -> Result<VerifyReport> {
        verify_by(folder, &self.card, against, tolerance, |input| self.forward(input))
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
                Ok(array(init::resize_bilinear(logits, [height, width]))?.values)
            }
            Engine::Modules => {
                let together = if self.device == Device::flex() { 1 } else { batch.max(1) };
                let mut logits = Vec::with_capacity(batch * answer);
                for patches in patches.chunks_exact(together * patch) {
                    logits.extend(array(self.network.forward(tensor(patches, together)))?.values);
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
            models.push(ListedModel { card: ModelCard::read(&path).map_err(Error::from), path });
        }
    }
    models.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(models)
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
    Model::open(folder, device)?.verify(folder, against, tolerance)
}

/// The values of a tensor.
fn array(tensor: Tensor<4>) -> Result<Array> {
    let shape = tensor.dims().to_vec();
    let values = tensor
        .try_into_data()
        .map_err(|error| error.to_string())
        .and_then(|data| data.try_into_vec::<f32>().map_err(|error| format!("{error:?}")))
        .map_err(|reason| Error::Core(minesegsat::Error::Segmenter(reason)))?;
    Ok(Array { shape, values })
}

impl Model {
    /// The answer to a small input of reproducible noise, uniform in 0 to 1, height and width different.
    pub(crate) fn record(&self) -> Result<Forward> {
        let divisor = self.card.architecture.size_divisor().max(SIZE_DIVISOR);
        let shape = vec![1, self.card.architecture.in_channels(), 2 * divisor, 3 * divisor];
        let mut random = init::SplitMix64::new(0x5EED);
        let values = (0..shape.iter().product()).map(|_| random.uniform()).collect();
        self.forward(Array { shape, values })
    }

    /// The logits of an input, and of a SegFormer the outputs of its stages.
    fn forward(&self, input: Array) -> Result<Forward> {
        let x = Tensor::<4>::from_data(TensorData::new(input.values.clone(), input.shape.clone()), &self.device);
        let mut outputs = BTreeMap::new();
        for (i, stage) in self.stages(x.clone()).into_iter().enumerate() {
            outputs.insert(format!("stage{}", i + 1), array(stage.into_map())?);
        }
        let [batch, _, height, width] = x.dims();
        let shape = vec![batch, self.card.architecture.num_classes(), height, width];
        let values = self.logits(&input.values, x.dims(), &mut Workspace::default())?;
        outputs.insert("logits".to_owned(), Array { shape, values });
        Ok(Forward { input, outputs })
    }
}
