//! Model folders: weights, a card, and a recorded forward pass to verify them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use burn::tensor::{Device, Tensor, TensorData};
use minesegsat_core::Cause;
use minesegsat_cpu::{Isa, Options, Precision, Profile};
use minesegsat_model::{Array, Forward, check_hash, verify_by};

use crate::{
    CARD_FILE, Checkpoint, Error, FoldedDecodeHead, ModelCard, Network, NetworkConfig, Result, SIZE_DIVISOR,
    StageTokens, VerifyReport, WEIGHTS_FILE, check_views, random::SplitMix64,
};

/// An open model: its card, its network, and the engine that runs it.
pub struct Model {
    card: ModelCard,
    network: Network,
    engine: Engine,
    device: Device,
}

/// The built-in engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltInEngine {
    /// The kernels of `minesegsat-cpu`, for SegFormers on the CPU.
    Native,
    /// Burn's operations, for every network and device.
    Burn,
}

/// Options for running a model.
#[derive(Debug, Clone, Copy, Default)]
pub struct EngineOptions {
    /// The engine. `None`: the fastest one for the network and the device.
    pub engine: Option<BuiltInEngine>,
    /// Operand type of matrix products, for the native engine.
    pub precision: Precision,
    /// Whether the native engine measures the time of its operations.
    pub profile: bool,
}

/// The selected engine, with its prepared weights.
enum Engine {
    /// A SegFormer on the native engine.
    Cpu(Box<minesegsat_cpu::SegFormer>),
    /// A SegFormer in Burn: its encoder, and its decoder folded for inference.
    Folded(Box<FoldedDecodeHead>),
    /// Any other network in Burn.
    Modules,
}

impl Model {
    /// Opens a model folder. Checks that the card, the weights and their hash match.
    pub fn open(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        Self::open_with(folder, device, EngineOptions::default())
    }

    /// Opens a model folder with options. Fails if the engine does not support the network or the device.
    pub fn open_with(folder: impl AsRef<Path>, device: &Device, options: EngineOptions) -> Result<Self> {
        let folder = folder.as_ref();
        let card = ModelCard::read(folder)?;
        check_hash(folder, &card)?;
        let network = Checkpoint::read(folder.join(WEIGHTS_FILE))?.load(&card.architecture, device)?;
        Self::with_options(card, network, device, options)
    }

    /// A model from a network in memory.
    pub fn new(card: ModelCard, network: Network, device: &Device) -> Result<Self> {
        Self::with_options(card, network, device, EngineOptions::default())
    }

    fn with_options(card: ModelCard, network: Network, device: &Device, options: EngineOptions) -> Result<Self> {
        let on_cpu = *device == Device::flex();
        let refuse = |name, value: &str, accepted: String| Err(Error::argument(name, value, accepted));
        let engine = match (network.as_segformer(), options.engine) {
            (Some(_), None | Some(BuiltInEngine::Native)) if on_cpu => {
                Engine::Cpu(Box::new(native(&card, &network, options)?))
            }
            (Some(_), Some(BuiltInEngine::Native)) => {
                return refuse(
                    "engine",
                    "native",
                    "it runs on the CPU alone; on other devices there is burn".to_owned(),
                );
            }
            (Some(segformer), None | Some(BuiltInEngine::Burn)) => {
                Engine::Folded(Box::new(FoldedDecodeHead::new(&segformer.decoder, device)))
            }
            (None, None | Some(BuiltInEngine::Burn)) => Engine::Modules,
            (None, Some(BuiltInEngine::Native)) => {
                let network = card.architecture.with_article();
                let others = format!("it runs SegFormers alone; {network} is run by burn, onnxruntime or openvino");
                return refuse("engine", "native", others);
            }
        };
        if !matches!(engine, Engine::Cpu(_)) {
            let native = "runs SegFormers on the CPU; this model is run by burn";
            if options.precision != Precision::Fp32 {
                let accepted = format!("fp32; others are for the native engine, which {native}");
                return refuse("precision", options.precision.name(), accepted);
            }
            if options.profile {
                return refuse("profile", "true", format!("profiles come from the native engine, which {native}"));
            }
        }
        Ok(Self { card, network, engine, device: device.clone() })
    }

    /// Precision of the native engine. It may be float32 although the options ask for bfloat16. `None` for other engines.
    pub const fn precision(&self) -> Option<Precision> {
        match &self.engine {
            Engine::Cpu(segformer) => Some(segformer.options().precision),
            Engine::Folded(_) | Engine::Modules => None,
        }
    }

    /// The profile of all patches since the last call, if [`EngineOptions::profile`] is set.
    pub fn take_profile(&self) -> Option<Profile> {
        match &self.engine {
            Engine::Cpu(segformer) => segformer.take_profile(),
            Engine::Folded(_) | Engine::Modules => None,
        }
    }

    /// Replaces the card's number of views.
    pub fn with_views(mut self, views: usize) -> Result<Self> {
        check_views(views).map_err(|_| Error::argument("views", views.to_string(), "1, 2, 4 or 8"))?;
        self.card.views = views;
        Ok(self)
    }

    /// Runs a recorded input and compares the outputs with the recorded ones. See [`verify`].
    pub fn verify(&self, folder: &Path, against: Option<&Path>, tolerance: f32) -> Result<VerifyReport> {
        verify_by(folder, &self.card, against, tolerance, |input| self.forward(input))
    }

    /// The model's card.
    pub const fn card(&self) -> &ModelCard {
        &self.card
    }

    /// The device that it runs on.
    pub const fn device(&self) -> &Device {
        &self.device
    }

    /// The network, unfolded.
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// Tokens of the four stages of a SegFormer. Empty for other networks.
    ///
    /// # Shapes
    /// - input `[N, in_channels, H, W]`
    pub fn stages(&self, x: Tensor<4>) -> Vec<StageTokens> {
        self.network.as_segformer().map_or_else(Vec::new, |network| network.encoder.forward(network.averaged(x)))
    }

    /// Computes logits with the selected engine.
    ///
    /// # Shapes
    /// - `patches`: `[N, in_channels, H, W]`, row-major
    /// - output `[N, num_classes, H, W]`
    pub(crate) fn logits(&self, patches: &[f32], shape: [usize; 4]) -> Result<Vec<f32>> {
        let [batch, channels, height, width] = shape;
        let tensor = |patches: &[f32], batch: usize| {
            let data = TensorData::new(patches.to_vec(), [batch, channels, height, width]);
            Tensor::<4>::from_data(data, &self.device)
        };
        let patch = channels * height * width;
        let answer = self.card.architecture.num_classes() * height * width;
        match &self.engine {
            Engine::Cpu(segformer) => Ok(segformer.logits(patches, shape)),
            Engine::Folded(head) => {
                let Some(network) = self.network.as_segformer() else {
                    return Err(Error::Core(minesegsat_core::Error::segmenter(
                        "only a SegFormer has a folded decoder",
                    )));
                };
                let x = tensor(patches, batch);
                let (logits, context) = head.forward_with(self.stages(x.clone()), network.context());
                Ok(array(network.finish(x, logits, context))?.values)
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
    /// Its card, or the error of reading it.
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
/// `against` is a safetensors file with `input` `[N, C, H, W]`, `logits` and optionally `stage1` to `stage4`. Default: the one in
/// the model folder.
pub fn verify(
    folder: impl AsRef<Path>,
    against: Option<&Path>,
    device: &Device,
    tolerance: f32,
) -> Result<VerifyReport> {
    let folder = folder.as_ref();
    Model::open(folder, device)?.verify(folder, against, tolerance)
}

/// The network on the native engine. Falls back to float32 if the processor lacks bfloat16 instructions.
fn native(card: &ModelCard, network: &Network, options: EngineOptions) -> Result<minesegsat_cpu::SegFormer> {
    let NetworkConfig::SegFormer(config) = &card.architecture else {
        let reason = format!("the card describes {}, the weights are a SegFormer's", card.architecture.with_article());
        return Err(Error::Core(minesegsat_core::Error::segmenter(reason)));
    };
    let isa = Isa::detect()?;
    let mut precision = options.precision;
    if precision == Precision::Bf16 && !isa.has_bf16() {
        tracing::warn!("this processor has no instructions for bfloat16 ({isa} is the newest it has): fp32 is used");
        precision = Precision::Fp32;
    }
    let weights = Checkpoint::of_network(network, "weights in memory")?.to_weights();
    let options = Options { precision, isa, profile: options.profile };
    Ok(minesegsat_cpu::SegFormer::new(config, &weights, options)?)
}

/// The values of a tensor.
fn array(tensor: Tensor<4>) -> Result<Array> {
    let shape = tensor.dims().to_vec();
    let values = tensor
        .try_into_data()
        .map_err(Cause::from)
        .and_then(|data| data.try_into_vec::<f32>().map_err(Cause::from))
        .map_err(|error| Error::Core(minesegsat_core::Error::segmenter("").caused_by(error)))?;
    Ok(Array { shape, values })
}

impl Model {
    /// The outputs for a small input of reproducible noise, uniform in 0 to 1, with different height and width.
    pub(crate) fn record(&self) -> Result<Forward> {
        let divisor = self.card.architecture.size_divisor().max(SIZE_DIVISOR);
        let shape = vec![1, self.card.architecture.in_channels(), 2 * divisor, 3 * divisor];
        let mut random = SplitMix64::new(0x5EED);
        let values = (0..shape.iter().product()).map(|_| random.uniform()).collect();
        self.forward(Array { shape, values })
    }

    /// The logits of an input; for a SegFormer also the outputs of its stages.
    fn forward(&self, input: Array) -> Result<Forward> {
        let x = Tensor::<4>::from_data(TensorData::new(input.values.clone(), input.shape.clone()), &self.device);
        let mut outputs = BTreeMap::new();
        for (i, stage) in self.stages(x.clone()).into_iter().enumerate() {
            outputs.insert(format!("stage{}", i + 1), array(stage.into_map())?);
        }
        let [batch, _, height, width] = x.dims();
        let shape = vec![batch, self.card.architecture.num_classes(), height, width];
        let values = self.logits(&input.values, x.dims())?;
        outputs.insert("logits".to_owned(), Array { shape, values });
        Ok(Forward { input, outputs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DetailConfig, SegFormerConfig, Variant};

    /// Logits of Burn's modules with the unfolded decoder, and of the native engine.
    fn both(config: SegFormerConfig, [height, width]: [usize; 2], options: Options) -> (Vec<f32>, Vec<f32>) {
        let device = Device::flex();
        let in_channels = config.in_channels;
        let architecture = NetworkConfig::SegFormer(config.clone());
        let checkpoint = Checkpoint::random(&architecture, 11);
        let network = checkpoint.load(&architecture, &device).unwrap();
        let mut random = SplitMix64::new(3);
        let patch: Vec<f32> = (0..in_channels * height * width).map(|_| random.uniform()).collect();
        let input = Tensor::from_data(TensorData::new(patch.clone(), [1, in_channels, height, width]), &device);
        let expected = array(network.forward(input)).unwrap().values;
        let segformer = minesegsat_cpu::SegFormer::new(&config, &checkpoint.to_weights(), options).unwrap();
        // First many at once, one per thread. Then one by one, to detect leftovers of earlier patches in the buffers.
        let copies = rayon::current_num_threads().max(2);
        let many = segformer.logits(&patch.repeat(copies), [copies, in_channels, height, width]);
        let one = segformer.logits(&patch, [1, in_channels, height, width]);
        // A patch that overflows leaves nothing in the buffers that affects the next patch.
        segformer.logits(&vec![3e38; patch.len()], [1, in_channels, height, width]);
        assert_eq!(segformer.logits(&patch, [1, in_channels, height, width]), one);
        assert!(
            many.chunks_exact(one.len()).all(|answer| answer == &one[..]),
            "answers differ by how they were worked out"
        );
        (expected, one)
    }

    fn difference(expected: &[f32], found: &[f32]) -> (f32, f32) {
        let scale = expected.iter().fold(0.0_f32, |max, v| max.max(v.abs()));
        (expected.iter().zip(found).map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max), scale)
    }

    fn tiny() -> SegFormerConfig {
        SegFormerConfig {
            embed_dims: [8, 24, 20, 72],
            depths: [1, 2, 1, 2],
            num_heads: [1, 2, 5, 8],
            decoder_dim: 40,
            ..Variant::B0.config(5, 3)
        }
    }

    fn detailed() -> SegFormerConfig {
        SegFormerConfig { detail: Some(DetailConfig { widths: [6, 20], layers: 2 }), ..tiny() }
    }

    #[test]
    fn the_native_engine_gives_the_answer_of_the_modules_with_all_instructions() {
        for (config, size) in [
            (tiny(), [32, 32]),
            (SegFormerConfig { input_stride: 2, ..tiny() }, [64, 192]),
            (tiny(), [64, 160]),
            (tiny(), [72, 40]),
            (SegFormerConfig::b0(), [96, 64]),
            (detailed(), [64, 160]),
            (SegFormerConfig { input_stride: 2, ..detailed() }, [64, 192]),
            // Half of an odd size is rounded up.
            (detailed(), [71, 39]),
        ] {
            for isa in Isa::available() {
                let options = Options { precision: Precision::Fp32, isa, profile: false };
                let (expected, found) = both(config.clone(), size, options);
                let (difference, scale) = difference(&expected, &found);
                assert!(scale > 0.1 && difference < 2e-5 * scale, "{isa}: {size:?} differs by {difference} of {scale}");
            }
        }
    }

    #[test]
    fn bfloat16_gives_nearly_the_same_answer_with_all_instructions() {
        for (config, size) in
            [(tiny(), [64, 160]), (tiny(), [72, 40]), (detailed(), [64, 96]), (SegFormerConfig::b0(), [96, 64])]
        {
            for isa in Isa::available() {
                let options = Options { precision: Precision::Bf16, isa, profile: true };
                let (expected, found) = both(config.clone(), size, options);
                let (difference, scale) = difference(&expected, &found);
                assert!(difference < 0.05 * scale, "{isa}: {size:?} differs by {difference} of {scale}");
                // The result differs from float32's.
                assert!(difference > 1e-5 * scale, "{isa}: {size:?} differs by {difference} of {scale}");
            }
        }
    }

    #[test]
    fn profiles_name_all_operations_and_their_work() {
        let config = SegFormerConfig::b0();
        let weights = Checkpoint::random(&NetworkConfig::SegFormer(config.clone()), 1).to_weights();
        let options = Options { profile: true, ..Options::new().unwrap() };
        let segformer = minesegsat_cpu::SegFormer::new(&config, &weights, options).unwrap();
        assert!(segformer.take_profile().is_none());
        segformer.logits(&vec![0.5; 12 * 128 * 128], [1, 12, 128, 128]);
        segformer.logits(&vec![0.5; 3 * 12 * 128 * 128], [3, 12, 128, 128]);
        let profile = segformer.take_profile().unwrap();
        assert_eq!(profile.patches, 4);
        // 7.4 GFLOP for 512 x 512 pixels; less, since attention has fewer keys; more, since some rows are computed twice.
        let gflop = profile.flops() / 4e9;
        assert!((0.3..0.6).contains(&gflop), "{gflop}");
        assert!(profile.share_of_peak() > 0.0 && profile.rows().len() > 40);
        let text = profile.to_string();
        assert!(text.contains("depthwise, GELU") && text.contains("of the peak"), "{text}");
        assert!(segformer.take_profile().is_none());
    }
}
