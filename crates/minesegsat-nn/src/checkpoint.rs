//! Weights as files hold them: PyTorch's `.pth` and safetensors in, safetensors out.

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

use crate::{Error, PATCH_SIZES, Result, SegFormer, SegFormerConfig, init::SplitMix64};

/// Keys under which training code nests the weights in a checkpoint; tried in this order, then the top level itself.
const NESTED_KEYS: [&str; 3] = ["model_state_dict", "state_dict", "model"];

/// Prefixes that wrappers put before every name: `DataParallel` and `DistributedDataParallel`, Lightning, `compile`.
const PREFIXES: [&str; 3] = ["module.", "model.", "_orig_mod."];

/// Number of names that an error message lists.
const EXAMPLES: usize = 3;

/// The weights of a network, by their names in the PyTorch code, in PyTorch's layout.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    path: PathBuf,
    tensors: BTreeMap<String, Weight>,
}

/// One tensor of a checkpoint, row-major.
#[derive(Debug, Clone, PartialEq)]
struct Weight {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Checkpoint {
    /// Reads a `.pth` or a safetensors file, told apart by their content.
    ///
    /// A `.pth` may be a bare state dict or a dict that holds one as `model_state_dict`, `state_dict` or `model`; what
    /// else it holds (optimiser state, pickled Python objects) is not read. A prefix such as `module.` that all names
    /// share is removed, and so are batch counters, which no inference needs.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let mut tensors = if is_safetensors(path)? { read_safetensors(path)? } else { read_pytorch(path)? };
        for prefix in PREFIXES {
            if !tensors.is_empty() && tensors.keys().all(|name| name.starts_with(prefix)) {
                tensors = tensors.into_iter().map(|(name, weight)| (name[prefix.len()..].to_owned(), weight)).collect();
            }
        }
        tensors.retain(|name, _| !name.ends_with(".num_batches_tracked"));
        if tensors.is_empty() {
            return Err(not_a_checkpoint(path, "it holds no tensors"));
        }
        Ok(Self { path: path.to_owned(), tensors })
    }

    /// The weights of a network in memory. `path` names it in messages.
    pub fn of_network(network: &SegFormer, path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let mut tensors = BTreeMap::new();
        for tensor in network.collect(None, Some(Box::new(BurnToPyTorchAdapter)), true) {
            let name = tensor.name.clone();
            let data = bridge::into_data(tensor).map_err(|error| not_a_checkpoint(&path, error))?;
            tensors.insert(name, Weight::new(&path, data)?);
        }
        Ok(Self { path, tensors })
    }

    /// Random weights by the authors' scheme, the same for the same seed.
    pub(crate) fn random(config: &SegFormerConfig, seed: u64) -> Self {
        let mut random = SplitMix64::new(seed);
        let tensors = parameter_shapes(config).into_iter().map(|(name, shape)| {
            let len = shape.iter().product();
            let values = match shape.as_slice() {
                [out, _, height, width] => {
                    // Depthwise layers have one group per channel; all others have one group.
                    let groups = if name.ends_with("feed_forward.conv.weight") { *out } else { 1 };
                    let std = (2.0 / (height * width * out / groups) as f32).sqrt();
                    (0..len).map(|_| random.normal() * std).collect()
                }
                [_, _] => (0..len).map(|_| random.normal() * 0.02).collect(),
                _ if name.rsplit('.').next() == Some("bias") || name.ends_with("_mean") => vec![0.0; len],
                _ => vec![1.0; len],
            };
            (name, Weight { shape, values })
        });
        Self { path: PathBuf::from("random weights"), tensors: tensors.collect() }
    }

    /// File that the weights came from.
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

    /// Dimensions of the network, read off the weights' shapes.
    ///
    /// The number of attention heads leaves no trace in the weights: where `num_heads` is not given, it is
    /// [`SegFormerConfig::NUM_HEADS`], which all published SegFormers have. Rates of dropout are 0.
    pub fn config(&self, num_heads: Option<[usize; 4]>) -> Result<SegFormerConfig> {
        self.read_dimensions(num_heads.unwrap_or(SegFormerConfig::NUM_HEADS)).map_or_else(
            || {
                // Not even the skeleton is there: compare with the smallest network that has all kinds of layers.
                let mut smallest = SegFormerConfig::b0();
                smallest.depths = [1; 4];
                Err(self.other_network(&parameter_shapes(&smallest)))
            },
            |config| config.check().map(|()| config),
        )
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

    /// Builds the network. Every tensor must be there with its shape, and no other.
    pub fn load(&self, config: &SegFormerConfig, device: &Device) -> Result<SegFormer> {
        config.check()?;
        let expected = parameter_shapes(config);
        if !expected.keys().eq(self.tensors.keys()) {
            return Err(self.other_network(&expected));
        }
        for ((name, shape), weight) in expected.iter().zip(self.tensors.values()) {
            if *shape != weight.shape {
                return Err(Error::TensorShape {
                    path: self.path.clone(),
                    tensor: name.clone(),
                    found: weight.shape.clone(),
                    expected: shape.clone(),
                });
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
        let mut network = config.init(device);
        let result = network.apply(tensors, None, Some(Box::new(PyTorchToBurnAdapter)), true);
        if !result.errors.is_empty() || !result.missing.is_empty() || !result.unused.is_empty() {
            return Err(not_a_checkpoint(&self.path, result));
        }
        Ok(network)
    }

    /// Writes the weights as safetensors, for any program to read.
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
            .map_err(|error| not_a_checkpoint(path, error))?;
        fs_err::write(path, file)?;
        Ok(())
    }

    fn other_network(&self, expected: &BTreeMap<String, Vec<usize>>) -> Error {
        let missing: Vec<&String> = expected.keys().filter(|name| !self.tensors.contains_key(*name)).collect();
        let unexpected: Vec<&String> = self.tensors.keys().filter(|name| !expected.contains_key(*name)).collect();
        let examples = |names: &[&String]| names.iter().take(EXAMPLES).map(|name| (*name).clone()).collect();
        Error::OtherNetwork {
            path: self.path.clone(),
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
            .map_err(|error| not_a_checkpoint(path, format!("{error:?}")))?;
        Ok(Self { shape, values })
    }
}

/// Names and shapes of all tensors of a network, in PyTorch's layout (a linear layer's weight is `[out, in]`).
fn parameter_shapes(config: &SegFormerConfig) -> BTreeMap<String, Vec<usize>> {
    let mut shapes = BTreeMap::new();
    let mut layer = |name: String, weight: &[usize], bias: bool| {
        if bias {
            shapes.insert(format!("{name}.bias"), vec![weight[0]]);
        }
        shapes.insert(format!("{name}.weight"), weight.to_vec());
    };
    let mut channels = config.in_channels;
    for (stage, patch) in PATCH_SIZES.into_iter().enumerate() {
        let (dim, sr) = (config.embed_dims[stage], config.sr_ratios[stage]);
        let hidden = dim * config.mlp_ratios[stage];
        layer(format!("encoder.embeddings.{stage}.proj"), &[dim, channels, patch, patch], true);
        layer(format!("encoder.embeddings.{stage}.norm"), &[dim], true);
        layer(format!("encoder.layer_norm.{stage}"), &[dim], true);
        for block in 0..config.depths[stage] {
            let name = format!("encoder.transformers.{stage}.{block}");
            for norm in ["norm1", "norm2"] {
                layer(format!("{name}.{norm}"), &[dim], true);
            }
            for linear in ["query", "key", "value", "dense"] {
                layer(format!("{name}.attention.{linear}"), &[dim, dim], true);
            }
            if sr > 1 {
                layer(format!("{name}.attention.sr"), &[dim, dim, sr, sr], true);
                layer(format!("{name}.attention.layer_norm"), &[dim], true);
            }
            layer(format!("{name}.feed_forward.mlp_in"), &[hidden, dim], true);
            layer(format!("{name}.feed_forward.conv"), &[hidden, 1, 3, 3], true);
            layer(format!("{name}.feed_forward.mlp_out"), &[dim, hidden], true);
        }
        channels = dim;
    }
    let width = config.decoder_dim;
    for (i, &dim) in config.embed_dims.iter().rev().enumerate() {
        layer(format!("decoder.layers.{i}"), &[width, dim, 1, 1], true);
    }
    layer("decoder.linear_fuse".to_owned(), &[width, 4 * width, 1, 1], false);
    layer("decoder.batch_norm".to_owned(), &[width], true);
    layer("decoder.classifier".to_owned(), &[config.num_classes, width, 1, 1], true);
    for statistic in ["running_mean", "running_var"] {
        shapes.insert(format!("decoder.batch_norm.{statistic}"), vec![width]);
    }
    shapes
}

fn not_a_checkpoint(path: &Path, reason: impl Display) -> Error {
    Error::NotACheckpoint { path: path.to_owned(), reason: reason.to_string() }
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
    let file = SafeTensors::deserialize(&bytes)
        .map_err(|error| not_a_checkpoint(path, format!("{error}; the file may be cut short")))?;
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
                .map_err(|error| not_a_checkpoint(path, format!("{error:?}")))?;
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
        PytorchError::Zip(error) => not_a_checkpoint(path, format!("{error}; the file may be cut short")),
        error => not_a_checkpoint(path, format!("{error}; a PyTorch checkpoint or a safetensors file is read")),
    })?;
    reader
        .into_tensors()
        .into_iter()
        .map(|(name, tensor)| {
            let data = bridge::into_data(bridge::from_pytorch(tensor))
                .map_err(|error| not_a_checkpoint(path, format!("tensor `{name}`: {error:?}")))?;
            Ok((name, Weight::new(path, data)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiny() -> SegFormerConfig {
        SegFormerConfig {
            embed_dims: [8, 16, 20, 32],
            depths: [1, 2, 1, 1],
            num_heads: [1, 2, 5, 8],
            decoder_dim: 24,
            dropout: 0.0,
            drop_path_rate: 0.0,
            ..SegFormerConfig::b0()
        }
    }

    fn saved(config: &SegFormerConfig, folder: &Path) -> Checkpoint {
        let checkpoint = Checkpoint::of_network(&config.init(&Device::flex()), folder.join("net.safetensors")).unwrap();
        checkpoint.write_safetensors(checkpoint.path()).unwrap();
        checkpoint
    }

    #[test]
    fn the_table_of_parameters_is_that_of_the_network() {
        let checkpoint = Checkpoint::of_network(&tiny().init(&Device::flex()), "memory").unwrap();
        let shapes: BTreeMap<_, _> = checkpoint.tensors.iter().map(|(n, w)| (n.clone(), w.shape.clone())).collect();
        assert_eq!(shapes, parameter_shapes(&tiny()));
    }

    #[test]
    fn weights_and_dimensions_survive_a_round_trip_through_safetensors() {
        let folder = tempfile::tempdir().unwrap();
        let written = saved(&tiny(), folder.path());
        let read = Checkpoint::read(written.path()).unwrap();
        assert_eq!(read.tensors, written.tensors);
        assert_eq!(read.config(None).unwrap(), tiny());
        let network = read.load(&tiny(), &Device::flex()).unwrap();
        assert_eq!(Checkpoint::of_network(&network, "memory").unwrap().tensors, written.tensors);
    }

    #[test]
    fn files_that_are_no_checkpoints_are_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let whole = fs_err::read(saved(&tiny(), folder.path()).path()).unwrap();
        for (name, content, reason) in [
            ("short.safetensors", &whole[..whole.len() / 2], "the file may be cut short"),
            ("text.pth", b"hello, this is not a checkpoint".as_slice(), "a PyTorch checkpoint or a safetensors file"),
            ("zip.pth", b"PK\x03\x04 and nothing more".as_slice(), "the file may be cut short"),
            ("empty.pth", b"".as_slice(), "a PyTorch checkpoint or a safetensors file"),
        ] {
            let path = folder.path().join(name);
            fs_err::write(&path, content).unwrap();
            let error = Checkpoint::read(&path).unwrap_err();
            assert!(matches!(error, Error::NotACheckpoint { .. }), "{name}: {error:?}");
            assert!(error.to_string().contains(reason), "{name}: {error}");
        }
        assert!(matches!(Checkpoint::read(folder.path().join("absent.pth")), Err(Error::Io(_))));
    }

    #[test]
    fn weights_of_another_network_are_named() {
        let mut checkpoint = Checkpoint::of_network(&tiny().init(&Device::flex()), "net.pth").unwrap();
        let weight = checkpoint.tensors.remove("encoder.transformers.1.1.norm2.bias").unwrap();
        checkpoint.tensors.insert("encoder.pos_embed".to_owned(), weight);
        let error = checkpoint.load(&tiny(), &Device::flex()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "net.pth holds the weights of another network: 1 tensors of a SegFormer are missing (such as \
             encoder.transformers.1.1.norm2.bias), 1 are not known (such as encoder.pos_embed)"
        );
        checkpoint.tensors.retain(|name, _| name.starts_with("decoder."));
        assert!(matches!(checkpoint.config(None), Err(Error::OtherNetwork { .. })));
    }

    #[test]
    fn a_tensor_of_the_wrong_shape_is_named_with_both_shapes() {
        let mut checkpoint = Checkpoint::of_network(&tiny().init(&Device::flex()), "net.pth").unwrap();
        checkpoint.tensors.get_mut("decoder.classifier.bias").unwrap().shape = vec![3];
        let error = checkpoint.load(&tiny(), &Device::flex()).unwrap_err();
        assert_eq!(error.to_string(), "net.pth: tensor `decoder.classifier.bias` has shape [3], expected [1]");
    }
}
