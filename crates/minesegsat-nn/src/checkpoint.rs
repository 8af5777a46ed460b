//! Reading weights from PyTorch's `.pth` and safetensors, and writing safetensors: [`Checkpoint`].

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Display,
    path::{Path, PathBuf},
};

use burn::tensor::{Bytes, DType, Device, TensorData};
use burn_store::{
    BurnToPyTorchAdapter, ModuleSnapshot, PyTorchToBurnAdapter, bridge,
    pytorch_reader::{PytorchError, PytorchReader},
};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use minesegsat_core::{Band, Cause, guard};
use minesegsat_model::Error as ModelError;

use crate::{
    DeepLabV3PlusConfig, DetailConfig, Encoder, Error, FpnConfig, Network, NetworkConfig, Result, SegFormerConfig,
    UnetConfig,
    random::SplitMix64,
    weight::Weight,
    weight_names::{WeightNames, rename},
};

/// Keys under which checkpoints nest their weights. Tried in this order, then the top level.
const NESTED_KEYS: [&str; 3] = ["model_state_dict", "state_dict", "model"];

/// Prefixes that wrappers add to every name: `DataParallel` and `DistributedDataParallel`, Lightning, `compile`.
const PREFIXES: [&str; 3] = ["module.", "model.", "_orig_mod."];

/// Number of names that an error message lists.
const EXAMPLES: usize = 3;

/// First layer of each encoder: its weight is `[out, in_channels, height, width]`.
const FIRST_LAYERS: [&str; 2] = ["encoder.embeddings.0.proj.weight", "encoder.conv1.weight"];
/// First layer of a detail path.
const DETAIL_FIRST_LAYER: &str = "detail.stem.0.weight";

/// Last layer of each decoder: its weight is `[num_classes, in, height, width]`.
const CLASSIFIERS: [&str; 2] = ["decoder.classifier", "segmentation_head.0"];

/// The weights of a network in PyTorch's layout, named as in the PyTorch code.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    path: PathBuf,
    tensors: BTreeMap<String, Weight>,
    /// The program whose names the file has, if not this one's.
    names: Option<WeightNames>,
}

impl Checkpoint {
    /// Reads a `.pth` or a safetensors file. Detects the format from the content.
    ///
    /// A `.pth` may be a state dict, or a dict that contains one as `model_state_dict`, `state_dict` or `model`. Other
    /// contents, such as optimiser state or pickled Python objects, are not read. A common prefix of all names, such as
    /// `module.`, is removed. Batch counters are dropped, since inference does not need them.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        // Libraries read both formats, and may panic on damaged files.
        let read = || if is_safetensors(path)? { read_safetensors(path) } else { read_pytorch(path) };
        let mut tensors = guard(read, |reason| not_a_checkpoint(path, reason))?;
        for prefix in PREFIXES {
            if !tensors.is_empty() && tensors.keys().all(|name| name.starts_with(prefix)) {
                tensors = tensors.into_iter().map(|(name, weight)| (name[prefix.len()..].to_owned(), weight)).collect();
            }
        }
        tensors.retain(|name, _| !name.ends_with(".num_batches_tracked"));
        if tensors.is_empty() {
            return Err(not_a_checkpoint(path, "it holds no tensors"));
        }
        let names = rename(&mut tensors);
        Ok(Self { path: path.to_owned(), tensors, names })
    }

    /// The program whose names a file of SegFormer weights has, if not this one's.
    pub const fn names_of(&self) -> Option<WeightNames> {
        self.names
    }

    /// The weights of a network in memory. `path` is its name in messages.
    pub fn of_network(network: &Network, path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let mut tensors = BTreeMap::new();
        for tensor in network.collect(None, Some(Box::new(BurnToPyTorchAdapter)), true) {
            let name = tensor.name.clone();
            let data = bridge::into_data(tensor).map_err(|error| unreadable(&path, "", error))?;
            tensors.insert(name, Weight::new(&path, data)?);
        }
        Ok(Self { path, tensors, names: None })
    }

    /// The tensors by their names.
    pub(crate) fn to_weights(&self) -> minesegsat_model::Weights {
        let array =
            |weight: &Weight| minesegsat_model::Array { shape: weight.shape.clone(), values: weight.values.clone() };
        minesegsat_model::Weights::new(self.tensors.iter().map(|(name, weight)| (name.clone(), array(weight))))
    }

    /// Random weights by the authors' schemes. Equal seeds give equal weights on every machine.
    ///
    /// # Panics
    /// If [`NetworkConfig::check`] rejects the dimensions.
    pub fn random(config: &NetworkConfig, seed: u64) -> Self {
        let mut random = SplitMix64::new(seed);
        let segformer = matches!(config, NetworkConfig::SegFormer(_));
        let tensors = Network::new(config, &Device::flex()).shapes().into_iter().map(|(name, shape)| {
            let values = initial_values(&name, &shape, segformer, &mut random);
            (name, Weight { shape, values })
        });
        Self { path: PathBuf::from("random weights"), tensors: tensors.collect(), names: None }
    }

    /// File of the weights.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names of the tensors.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Number of values.
    pub fn num_params(&self) -> usize {
        self.tensors.values().map(|weight| weight.values.len()).sum()
    }

    /// Shape of a tensor.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|weight| weight.shape.as_slice())
    }

    /// Architecture and dimensions of the network, inferred from the names and shapes of the weights.
    ///
    /// SegFormers are recognised by the names of the paper's code, U-Net, U-Net++, DeepLabV3+ and FPN by those of
    /// `segmentation_models_pytorch`. The shapes of the weights do not reveal the number of attention heads. Default
    /// of `num_heads`: [`SegFormerConfig::NUM_HEADS`], as in all published SegFormers. Dropout rates are 0.
    pub fn config(&self, num_heads: Option<[usize; 4]>) -> Result<NetworkConfig> {
        if self.tensors.contains_key(FIRST_LAYERS[1]) {
            let config = self.read_convolutional()?;
            config.check().map_err(|error| unreadable(&self.path, "", error))?;
            return Ok(config);
        }
        if self.is_segformer_encoder() {
            let reason = "it holds the encoder of a SegFormer without a decoder; training can start from it with the key \
                          `init.weights` of its configuration";
            return Err(not_a_checkpoint(&self.path, reason));
        }
        self.read_dimensions(num_heads.unwrap_or(SegFormerConfig::NUM_HEADS)).map_or_else(
            || {
                // Unrecognised weights: compare with the smallest network that has all kinds of layers.
                let mut smallest = SegFormerConfig::b0();
                smallest.depths = [1; 4];
                Err(self.other_network(&smallest.into()))
            },
            |config| {
                config.check().map_err(|error| unreadable(&self.path, "", error))?;
                Ok(NetworkConfig::SegFormer(config))
            },
        )
    }

    fn is_segformer_encoder(&self) -> bool {
        self.tensors.contains_key(FIRST_LAYERS[0]) && !self.tensors.keys().any(|name| name.starts_with("decoder."))
    }

    /// Dimensions of a network with a ResNet encoder.
    fn read_convolutional(&self) -> Result<NetworkConfig> {
        let has = |name: &str| self.tensors.contains_key(name);
        let encoder = if has("encoder.layer1.0.conv3.weight") {
            Encoder::ResNet50
        } else if has("encoder.layer1.2.conv1.weight") {
            Encoder::ResNet34
        } else {
            Encoder::ResNet18
        };
        // A missing layer gets its default width; `load` then reports what is missing.
        let width = |name: &str, axis: usize| {
            self.shape(&format!("{name}.weight")).and_then(|shape| shape.get(axis)).copied().filter(|width| *width > 0)
        };
        let in_channels = width("encoder.conv1", 1).unwrap_or(3);
        let num_classes = width(CLASSIFIERS[1], 0).unwrap_or(1);
        let named =
            |decoder: &str| NetworkConfig::named(&format!("{decoder}-{}", encoder.name()), in_channels, num_classes);
        let mut config = if has("decoder.blocks.x_0_0.conv1.0.weight") {
            named("unetplusplus")?
        } else if has("decoder.aspp.0.convs.0.0.weight") {
            named("deeplabv3plus")?
        } else if has("decoder.p5.weight") {
            named("fpn")?
        } else {
            named("unet")?
        };
        match &mut config {
            NetworkConfig::Unet(UnetConfig { decoder_channels, .. }) => {
                for (i, channels) in decoder_channels.iter_mut().enumerate() {
                    *channels = width(&format!("decoder.blocks.{i}.conv1.0"), 0).unwrap_or(*channels);
                }
            }
            NetworkConfig::UnetPlusPlus(UnetConfig { decoder_channels, .. }) => {
                for (i, channels) in decoder_channels.iter_mut().enumerate() {
                    *channels = width(&format!("decoder.blocks.x_0_{i}.conv1.0"), 0).unwrap_or(*channels);
                }
            }
            NetworkConfig::DeepLabV3Plus(DeepLabV3PlusConfig { decoder_channels, dropout, .. }) => {
                *decoder_channels = width("decoder.aspp.0.project.0", 0).unwrap_or(*decoder_channels);
                *dropout = 0.0;
            }
            NetworkConfig::Fpn(FpnConfig { pyramid_channels, segmentation_channels, dropout, .. }) => {
                *pyramid_channels = width("decoder.p5", 0).unwrap_or(*pyramid_channels);
                *segmentation_channels =
                    width("decoder.seg_blocks.0.block.0.block.0", 0).unwrap_or(*segmentation_channels);
                *dropout = 0.0;
            }
            NetworkConfig::SegFormer(_) => {}
        }
        Ok(config)
    }

    /// Dimensions of the detail path, if there is one.
    fn read_detail(&self) -> Option<DetailConfig> {
        let width = |name: &str| self.shape(&format!("detail.{name}.0.weight"))?.first().copied();
        let layers = (0..self.tensors.len()).take_while(|i| width(&format!("coarse.{i}")).is_some()).count();
        Some(DetailConfig { widths: [width("stem")?, width("down")?], layers })
    }

    fn read_dimensions(&self, num_heads: [usize; 4]) -> Option<SegFormerConfig> {
        let shape = |name: &str| self.shape(name).filter(|shape| !shape.is_empty());
        let mut config = SegFormerConfig {
            in_channels: *shape("encoder.embeddings.0.proj.weight")?.get(1)?,
            num_classes: shape("decoder.classifier.weight")?[0],
            embed_dims: [0; 4],
            depths: [0; 4],
            num_heads,
            sr_ratios: [1; 4],
            mlp_ratios: [0; 4],
            decoder_dim: shape("decoder.linear_fuse.weight")?[0],
            input_stride: 1,
            detail: self.read_detail(),
            dropout: 0.0,
            drop_path_rate: 0.0,
        };
        for stage in 0..4 {
            let dim = shape(&format!("encoder.embeddings.{stage}.proj.weight"))?[0];
            let block = format!("encoder.transformers.{stage}");
            config.embed_dims[stage] = dim;
            config.depths[stage] = (0..self.tensors.len())
                .take_while(|i| self.tensors.contains_key(&format!("{block}.{i}.norm1.weight")))
                .count();
            config.mlp_ratios[stage] = shape(&format!("{block}.0.feed_forward.mlp_in.weight"))?[0] / dim.max(1);
            if let Some(sr) = shape(&format!("{block}.0.attention.sr.weight")) {
                config.sr_ratios[stage] = *sr.get(2)?;
            }
        }
        Some(config)
    }

    /// Builds the network. The file must have exactly the network's tensors, with their shapes.
    pub fn load(&self, config: &NetworkConfig, device: &Device) -> Result<Network> {
        config.check()?;
        let mut network = Network::new(config, device);
        let expected = network.shapes();
        if !expected.keys().eq(self.tensors.keys()) {
            return Err(self.other_network(config));
        }
        for ((name, shape), weight) in expected.iter().zip(self.tensors.values()) {
            if *shape != weight.shape {
                return Err(Error::Model(ModelError::TensorShape {
                    path: self.path.clone(),
                    tensor: name.clone(),
                    found: weight.shape.clone(),
                    expected: shape.clone(),
                }));
            }
        }
        let tensors = self
            .tensors
            .iter()
            .map(|(name, weight)| {
                let data = TensorData::new(weight.values.clone(), weight.shape.clone());
                bridge::from_data(data, name.clone(), None)
            })
            .collect();
        let result = network.apply(tensors, None, Some(Box::new(PyTorchToBurnAdapter)), true);
        if !result.errors.is_empty() || !result.missing.is_empty() || !result.unused.is_empty() {
            return Err(not_a_checkpoint(&self.path, result));
        }
        Ok(network)
    }

    /// Adds a detail path with random weights if the network has one and the weights have none, and returns `true`. Its
    /// classifier is zero, so that the network answers as before.
    pub fn add_detail(&mut self, config: &NetworkConfig, seed: u64) -> bool {
        let of_path = |name: &str| name.starts_with("detail.");
        if self.names().any(of_path) {
            return false;
        }
        let before = self.tensors.len();
        for (name, mut weight) in Self::random(config, seed).tensors.into_iter().filter(|(name, _)| of_path(name)) {
            if name == "detail.classifier.weight" {
                weight.values.fill(0.0);
            }
            self.tensors.insert(name, weight);
        }
        self.tensors.len() > before
    }

    /// If these are the weights of an encoder alone, adds a decoder with random weights, and returns `true`. Encoders are ResNets
    /// such as those that `torchvision` publishes, and SegFormers. Other weights are unchanged.
    ///
    /// `config` is the network that training needs. The encoder keeps its own number of channels.
    pub fn complete_encoder(&mut self, config: &NetworkConfig, seed: u64) -> Result<bool> {
        let is_resnet = config.encoder().is_some()
            && self.tensors.contains_key("layer1.0.conv1.weight")
            && self.tensors.contains_key("conv1.weight");
        let is_segformer = matches!(config, NetworkConfig::SegFormer(_)) && self.is_segformer_encoder();
        if !is_resnet && !is_segformer {
            return Ok(false);
        }
        if is_resnet {
            // A segmentation network has no image classifier.
            self.tensors.retain(|name, _| !name.starts_with("fc."));
            let encoder = std::mem::take(&mut self.tensors).into_iter();
            self.tensors = encoder.map(|(name, weight)| (format!("encoder.{name}"), weight)).collect();
        }
        let first = FIRST_LAYERS.into_iter().find_map(|name| self.shape(name));
        let channels = first.and_then(|shape| shape.get(1)).copied().unwrap_or(0).max(1);
        let config = config.clone().with_channels(channels, config.num_classes());
        config.check()?;
        let decoder = Self::random(&config, seed).tensors.into_iter().filter(|(name, _)| !name.starts_with("encoder."));
        self.tensors.extend(decoder);
        Ok(true)
    }

    /// Adapts the first layer to other bands, to start training from these weights.
    ///
    /// Bands of `to` that are also in `from` keep their kernels. Other bands get the mean of all kernels. All kernels are then
    /// multiplied by the old number of bands divided by the new one. So inputs with about the same value in every band give the
    /// same output as before: exactly if all or none of the bands of `from` are in `to`, otherwise on average. Without `from`,
    /// weights for the same number of bands are unchanged, and for another number all kernels become the mean.
    pub fn adapt_input(&mut self, from: Option<&[Band]>, to: &[Band]) -> Result<()> {
        let name = FIRST_LAYERS.into_iter().find(|name| self.tensors.contains_key(*name));
        let Some(name) = name else {
            return Err(not_a_checkpoint(&self.path, "it has no first layer of a known network"));
        };
        self.adapt_layer(name, from, to)?;
        // The detail path sees the bands too.
        if self.tensors.contains_key(DETAIL_FIRST_LAYER) {
            self.adapt_layer(DETAIL_FIRST_LAYER, from, to)?;
        }
        Ok(())
    }

    fn adapt_layer(&mut self, name: &str, from: Option<&[Band]>, to: &[Band]) -> Result<()> {
        let Some(weight) = self.tensors.get_mut(name) else { return Ok(()) };
        let &[out, channels, height, width] = weight.shape.as_slice() else {
            return Err(not_a_checkpoint(&self.path, "its first layer is not a convolution"));
        };
        let refuse = |bands: &[Band], accepted: String| Err(Error::argument("bands", Band::list(bands), accepted));
        if to.is_empty() {
            return refuse(to, "1 or more bands".to_owned());
        }
        if channels * height * width == 0 {
            return Err(not_a_checkpoint(&self.path, format!("its first layer has the shape {:?}", weight.shape)));
        }
        match from {
            None if to.len() == channels => return Ok(()),
            Some(from) if from.len() != channels => {
                return refuse(from, format!("the weights are of {channels} channels, one band each"));
            }
            _ => {}
        }
        let before: Vec<Option<usize>> =
            to.iter().map(|band| from.and_then(|from| from.iter().position(|other| other == band))).collect();
        let (taps, scale) = (height * width, channels as f32 / to.len() as f32);
        let mut values = Vec::with_capacity(out * to.len() * taps);
        for kernels in weight.values.chunks_exact(channels * taps) {
            let mean: Vec<f32> =
                (0..taps).map(|tap| kernels[tap..].iter().step_by(taps).sum::<f32>() / channels as f32).collect();
            for band in &before {
                let kernel = band.map_or(mean.as_slice(), |band| &kernels[band * taps..][..taps]);
                values.extend(kernel.iter().map(|v| v * scale));
            }
        }
        *weight = Weight { shape: vec![out, to.len(), height, width], values };
        Ok(())
    }

    /// Number of channels of the first layer, if it is one of a known network.
    pub fn in_channels(&self) -> Option<usize> {
        FIRST_LAYERS.into_iter().find_map(|name| self.shape(name))?.get(1).copied()
    }

    /// Replaces the classifier by a random one, if its number of classes differs from `num_classes`. Returns whether it did.
    pub fn adapt_classes(&mut self, num_classes: usize, seed: u64) -> Result<bool> {
        let name = CLASSIFIERS.into_iter().find(|name| self.tensors.contains_key(&format!("{name}.weight")));
        let Some(name) = name else {
            return Err(not_a_checkpoint(&self.path, "it has no classifier of a known network"));
        };
        let mut random = SplitMix64::new(seed);
        let mut is_replaced = false;
        let names = [name, "detail.classifier"].map(|name| ["bias", "weight"].map(|part| format!("{name}.{part}")));
        for name in names.into_iter().flatten() {
            if let Some(weight) = self.tensors.get_mut(&name)
                && let Some(classes) = weight.shape.first_mut()
                && *classes != num_classes
            {
                if *classes == 0 {
                    return Err(not_a_checkpoint(&self.path, format!("tensor `{name}` is empty")));
                }
                *classes = num_classes;
                is_replaced = true;
                weight.values = initial_values(&name, &weight.shape, !name.starts_with(CLASSIFIERS[1]), &mut random);
            }
        }
        Ok(is_replaced)
    }

    /// Writes the weights as safetensors.
    pub fn write_safetensors(&self, path: &Path) -> Result<()> {
        let bytes: Vec<(&String, &Weight, Vec<u8>)> = self
            .tensors
            .iter()
            .map(|(name, weight)| (name, weight, weight.values.iter().flat_map(|v| v.to_le_bytes()).collect()))
            .collect();
        let views = bytes
            .iter()
            .map(|(name, weight, bytes)| Ok((*name, TensorView::new(Dtype::F32, weight.shape.clone(), bytes)?)))
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>();
        let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        let file = views
            .and_then(|views| safetensors::serialize(views, Some(metadata)))
            .map_err(|error| unreadable(path, "", error))?;
        fs_err::write(path, file)?;
        Ok(())
    }

    fn other_network(&self, config: &NetworkConfig) -> Error {
        let expected = Network::new(config, &Device::flex()).shapes();
        let missing: Vec<&String> = expected.keys().filter(|name| !self.tensors.contains_key(*name)).collect();
        let unexpected: Vec<&String> = self.tensors.keys().filter(|name| !expected.contains_key(*name)).collect();
        let examples = |names: &[&String]| names.iter().take(EXAMPLES).map(|name| (*name).clone()).collect();
        Error::OtherNetwork {
            path: self.path.clone(),
            network: config.with_article(),
            missing: examples(&missing),
            missing_count: missing.len(),
            unexpected: examples(&unexpected),
            unexpected_count: unexpected.len(),
        }
    }
}

impl Weight {
    fn new(path: &Path, data: TensorData) -> Result<Self> {
        let shape = data.shape().to_vec();
        let values = data
            .try_cast_as::<f32>()
            .and_then(TensorData::try_into_vec::<f32>)
            .map_err(|error| unreadable(path, "", error))?;
        Ok(Self { shape, values })
    }
}

/// Initial values of a tensor. Norms are the identity and biases 0. Weights are:
///
/// - SegFormer: as by its authors, normal, with variance `2 / fan_out` in convolutions and a standard deviation of 0.02 in
///   linear layers. The classifier has a standard deviation of 0.01. With the variance of its fan-out, the logits of a single
///   class would start with a spread of 20, from which training does not recover.
/// - ResNet: normal, with variance `2 / fan_out` (He et al. 2015).
/// - Decoders on a ResNet: uniform in `±sqrt(6 / fan_in)`; their classifier in `±sqrt(6 / (fan_in + fan_out))`.
fn initial_values(name: &str, shape: &[usize], segformer: bool, random: &mut SplitMix64) -> Vec<f32> {
    let len = shape.iter().product();
    let mut uniform = |bound: f32| (0..len).map(|_| (2.0 * random.uniform() - 1.0) * bound).collect();
    match *shape {
        [out, input, height, width] => {
            let taps = height * width;
            let (fan_in, fan_out) = ((input * taps) as f32, (out * taps) as f32);
            if !segformer && name.starts_with("segmentation_head.") {
                return uniform((6.0 / (fan_in + fan_out)).sqrt());
            }
            if !segformer && name.starts_with("decoder.") {
                return uniform((6.0 / fan_in).sqrt());
            }
            if segformer && name.ends_with("classifier.weight") {
                return (0..len).map(|_| random.normal() * 0.01).collect();
            }
            if segformer && name.starts_with("detail.") {
                let std = (2.0 / fan_in).sqrt();
                return (0..len).map(|_| random.normal() * std).collect();
            }
            // Depthwise layers have one group per channel; all others have one group.
            let groups = if name.ends_with("feed_forward.conv.weight") { out } else { 1 };
            let std = (2.0 / (fan_out / groups as f32)).sqrt();
            (0..len).map(|_| random.normal() * std).collect()
        }
        [_, _] => (0..len).map(|_| random.normal() * 0.02).collect(),
        _ if name.ends_with("bias") || name.ends_with("_mean") => vec![0.0; len],
        _ => vec![1.0; len],
    }
}

fn not_a_checkpoint(path: &Path, reason: impl Display) -> Error {
    Error::Model(ModelError::not_a_checkpoint(path, reason))
}

/// As [`not_a_checkpoint`], with the error that caused it. The reason may be empty.
fn unreadable(path: &Path, reason: impl Display, cause: impl Into<Cause>) -> Error {
    Error::Model(ModelError::not_a_checkpoint(path, reason).caused_by(cause))
}

/// A safetensors file starts with the length of its header, a little-endian u64, and the header's `{`.
fn is_safetensors(path: &Path) -> Result<bool> {
    use std::io::Read;

    let mut start = Vec::with_capacity(9);
    fs_err::File::open(path)?.take(9).read_to_end(&mut start)?;
    Ok(start.get(8) == Some(&b'{') && !start.starts_with(b"PK"))
}

fn read_safetensors(path: &Path) -> Result<BTreeMap<String, Weight>> {
    let bytes = fs_err::read(path)?;
    let file =
        SafeTensors::deserialize(&bytes).map_err(|error| unreadable(path, "the file may be cut short", error))?;
    file.iter()
        .map(|(name, view)| {
            let dtype = match view.dtype() {
                Dtype::F64 => DType::F64,
                Dtype::F32 => DType::F32,
                Dtype::F16 => DType::F16,
                Dtype::BF16 => DType::BF16,
                Dtype::I64 => DType::I64,
                Dtype::I32 => DType::I32,
                other => {
                    let reason = format!("tensor `{name}` is of type {other:?}; float types are read");
                    return Err(not_a_checkpoint(path, reason));
                }
            };
            let data = Bytes::from_bytes_vec(view.data().to_vec());
            let data = TensorData::try_from_bytes(data, view.shape().to_vec(), dtype)
                .map_err(|error| unreadable(path, format!("tensor `{name}`"), error))?;
            Ok((name.to_owned(), Weight::new(path, data)?))
        })
        .collect()
}

fn read_pytorch(path: &Path) -> Result<BTreeMap<String, Weight>> {
    let open = || {
        for key in NESTED_KEYS {
            match PytorchReader::with_top_level_key(path, key) {
                Err(PytorchError::KeyNotFound(_)) => {}
                result => return result,
            }
        }
        PytorchReader::new(path)
    };
    let reader = open().map_err(|error| match error {
        PytorchError::Io(error) if error.kind() == std::io::ErrorKind::NotFound => Error::Io(error),
        PytorchError::Zip(error) => unreadable(path, "the file may be cut short", error),
        error => unreadable(path, "a PyTorch checkpoint or a safetensors file is expected", error),
    })?;
    reader
        .into_tensors()
        .into_iter()
        .map(|(name, tensor)| {
            let data = bridge::into_data(bridge::from_pytorch(tensor))
                .map_err(|error| unreadable(path, format!("tensor `{name}`"), error))?;
            Ok((name, Weight::new(path, data)?))
        })
        .collect()
}

#[cfg(test)]
mod tests;
