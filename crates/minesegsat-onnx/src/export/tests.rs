use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;

use minesegsat_core::Band;
use minesegsat_model::{Array, DetailConfig, NetworkConfig, Normalisation, SegFormerConfig, Training, Variant};
use proptest::prelude::*;

use super::layers::{Kernel, fold};
use super::*;
use crate::proto::{DimensionLength, GraphProto, TensorProto};

/// Returns any tensor that is requested, and records it.
#[derive(Default)]
struct Invented {
    asked: RefCell<BTreeMap<String, Vec<usize>>>,
}

impl Source for Invented {
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let before = self.asked.borrow_mut().insert(name.to_owned(), shape.to_vec());
        assert!(before.is_none(), "{name} is requested twice");
        Ok(vec![0.5; shape.iter().product()])
    }

    fn unused(&self, _taken: &BTreeSet<String>) -> Option<(PathBuf, String)> {
        None
    }
}

fn card(architecture: NetworkConfig) -> ModelCard {
    let channels = architecture.in_channels();
    ModelCard {
        format_version: 1,
        title: "Mines".to_owned(),
        licence: "CC0-1.0".to_owned(),
        bands: Band::PAPER[..channels].to_vec(),
        normalisation: Normalisation::divide_by(vec![0.5; channels]),
        gsd_m: 10.0,
        patch_size: 512,
        threshold: 0.25,
        temperature: 1.5,
        views: 1,
        classes: (0..architecture.num_classes()).map(|class| format!("class{class}")).collect(),
        architecture,
        band_dropout_max: 0,
        area_error: None,
        noise_floor: None,
        change_head: None,
        persistence: None,
        familiarity: None,
        training: Training::default(),
        metrics: serde_json::Map::new(),
        code_version: "0.1.0".to_owned(),
        weights_sha256: "ab".to_owned(),
        created: jiff::Timestamp::UNIX_EPOCH,
    }
}

fn graph_of(name: &str, channels: usize, classes: usize) -> (GraphProto, Invented) {
    let invented = Invented::default();
    let model = export(&card(NetworkConfig::named(name, channels, classes).unwrap()), &invented).unwrap();
    (model.graph.unwrap(), invented)
}

#[test]
fn every_network_asks_for_as_many_parameters_as_the_reference_has() {
    // `segmentation_models_pytorch` 0.6.0, see `minesegsat-nn/src/network.rs`.
    for (name, expected) in [
        ("unet-resnet18", 14_328_209),
        ("unetplusplus-resnet18", 15_970_449),
        ("deeplabv3plus-resnet18", 12_329_297),
        ("deeplabv3plus-resnet50", 26_677_585),
        ("fpn-resnet34", 23_155_393),
    ] {
        let (_, invented) = graph_of(name, 3, 1);
        let statistic = |name: &str| name.ends_with(".running_mean") || name.ends_with(".running_var");
        let asked = invented.asked.borrow();
        let found: usize =
            asked.iter().filter(|(name, _)| !statistic(name)).map(|(_, shape)| shape.iter().product::<usize>()).sum();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn every_graph_is_well_formed() {
    // The other networks only repeat the same parts.
    let named = ["b0", "unet-resnet18", "unetplusplus-resnet18", "deeplabv3plus-resnet18", "fpn-resnet50"]
        .map(|name| NetworkConfig::named(name, 4, 3).unwrap());
    let detail = Some(DetailConfig { widths: [6, 10], layers: 2 });
    let detailed = SegFormerConfig { detail, ..Variant::B0.config(4, 3) };
    for config in named.into_iter().chain([detailed.into()]) {
        let name = config.to_string();
        let graph = export(&card(config), &Invented::default()).unwrap().graph.unwrap();
        let mut known: HashSet<&str> = [INPUT].into();
        let mut used: HashSet<&str> = HashSet::new();
        for tensor in &graph.initializer {
            let name = tensor.name.as_deref().unwrap();
            assert!(known.insert(name), "{name} occurs twice");
            let size = if tensor.data_type == Some(crate::proto::FLOAT) { 4 } else { 8 };
            let values: i64 = tensor.dims.iter().product();
            assert_eq!(tensor.raw_data.as_ref().unwrap().len() as i64, values * size, "{name}");
        }
        let mut names = HashSet::new();
        for node in &graph.node {
            for input in node.input.iter().filter(|input| !input.is_empty()) {
                assert!(known.contains(input.as_str()), "{:?} of {name} uses {input} before it is defined", node.name);
                used.insert(input);
            }
            assert!(known.insert(&node.output[0]), "{} occurs twice", node.output[0]);
            assert!(names.insert(node.name.as_deref().unwrap()), "{:?}", node.name);
            assert!(node.attribute.iter().all(|attribute| attribute.r#type.is_some()));
        }
        used.insert(OUTPUT);
        let idle: Vec<_> = known.difference(&used).collect();
        assert!(idle.is_empty(), "{idle:?} of {name} are unused");
        assert_eq!(graph.node.last().unwrap().output, [OUTPUT]);
        assert!(!graph.node.iter().any(|node| node.op_type.as_deref() == Some("BatchNormalization")), "all are folded");
    }
}

#[test]
fn the_input_and_the_output_are_described() {
    let (graph, _) = graph_of("unet-resnet18", 4, 3);
    let dims = |value: &crate::proto::ValueInfoProto| {
        let shape = value.r#type.clone().unwrap().tensor_type.unwrap().shape.unwrap();
        shape.dim.into_iter().map(|dim| dim.value.unwrap()).collect::<Vec<_>>()
    };
    let named = |name: &str| DimensionLength::Name(name.to_owned());
    assert_eq!(dims(&graph.input[0]), [named("batch"), DimensionLength::Value(4), named("height"), named("width")]);
    assert_eq!(dims(&graph.output[0])[1], DimensionLength::Value(3));
    assert!(graph.input[0].doc_string.as_ref().unwrap().contains("B04, B03, B02, B08"));

    let model = export(&card(SegFormerConfig::b0().into()), &Invented::default()).unwrap();
    let entry = |key: &str| {
        let found = model.metadata_props.iter().find(|entry| entry.key.as_deref() == Some(key));
        found.and_then(|entry| entry.value.clone()).unwrap_or_else(|| panic!("{key}"))
    };
    assert_eq!(entry("bands"), "B04,B03,B02,B08,B05,B06,B07,B8A,B11,B12,B01,B09");
    assert_eq!((entry("threshold"), entry("temperature"), entry("views")), ("0.25".into(), "1.5".into(), "1".into()));
    let normalisation: Normalisation = serde_json::from_str(&entry("normalisation")).unwrap();
    assert_eq!(normalisation, Normalisation::divide_by(vec![0.5; 12]));
    assert_eq!((entry("network"), entry("size_divisor")), ("SegFormer b0".into(), "32".into()));
    assert_eq!((model.ir_version, model.opset_import[0].version), (Some(8), Some(17)));
    // The same model gives the same bytes.
    let again = export(&card(SegFormerConfig::b0().into()), &Invented::default()).unwrap();
    assert!(model.encode_to_vec() == again.encode_to_vec());
    assert_eq!(ModelProto::decode(model.encode_to_vec().as_slice()).unwrap(), model);
}

#[test]
fn a_coarse_input_is_averaged_first() {
    let config = SegFormerConfig { input_stride: 2, ..Variant::B0.config(4, 1) };
    let model = export(&card(config.into()), &Invented::default()).unwrap();
    let graph = model.graph.unwrap();
    assert_eq!(graph.node[0].op_type.as_deref(), Some("AveragePool"));
    assert_eq!(graph.node[0].attribute[0].ints, [2, 2]);
}

#[test]
fn tensors_that_are_missing_or_too_many_are_named() {
    let config = NetworkConfig::named("unet-resnet18", 4, 1).unwrap();
    let invented = Invented::default();
    export(&card(config.clone()), &invented).unwrap();
    let tensors = || {
        let asked = invented.asked.borrow().clone();
        asked.into_iter().map(|(name, shape)| {
            let values = vec![0.5; shape.iter().product()];
            (name, Array { shape, values })
        })
    };
    let message = |weights: Weights| export(&card(config.clone()), &weights).unwrap_err().to_string();
    export(&card(config.clone()), &Weights::new(tensors())).unwrap();
    let extra = ("encoder.fc.weight".to_owned(), Array { shape: vec![1], values: vec![0.0] });
    assert_eq!(
        message(Weights::new(tensors().chain([extra]))),
        "weights in memory holds the weights of another network: a U-Net with ResNet-18 has no tensor `encoder.fc.weight`"
    );
    let counter = ("encoder.bn1.num_batches_tracked".to_owned(), Array { shape: vec![1], values: vec![0.0] });
    export(&card(config.clone()), &Weights::new(tensors().chain([counter]))).unwrap();
    let less = Weights::new(tensors().filter(|(name, _)| name != "encoder.bn1.running_mean"));
    assert!(message(less).contains("it has no tensor `encoder.bn1.running_mean`"));
    let other = NetworkConfig::named("unet-resnet18", 5, 1).unwrap();
    let message = export(&card(other), &Weights::new(tensors())).unwrap_err().to_string();
    assert!(message.contains("`encoder.conv1.weight` has shape [64, 4, 7, 7], expected [64, 5, 7, 7]"), "{message}");
}

/// A constant of a graph, by name.
fn constant(graph: &GraphProto, name: &str) -> Vec<f32> {
    let tensor: &TensorProto = graph.initializer.iter().find(|t| t.name.as_deref() == Some(name)).unwrap();
    let bytes = tensor.raw_data.as_ref().unwrap();
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// Returns tensors from a list of numbers, by their position in the model.
struct Drawn(Vec<f32>);

impl Source for Drawn {
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let first: usize = name.bytes().map(usize::from).sum();
        let values = (0..shape.iter().product()).map(|i: usize| self.0[(first + i * 7) % self.0.len()]);
        // Variances are positive.
        Ok(if name.ends_with("running_var") { values.map(|v| v.abs() + 0.01).collect() } else { values.collect() })
    }

    fn unused(&self, _taken: &BTreeSet<String>) -> Option<(PathBuf, String)> {
        None
    }
}

proptest! {
    #[test]
    fn a_folded_convolution_gives_what_convolution_and_batch_norm_give(
        x in prop::collection::vec(-3.0_f32..3.0, 6),
        weight in prop::collection::vec(-2.0_f32..2.0, 12),
        norm in prop::collection::vec((-2.0_f64..2.0, -1.0_f64..1.0), 2),
        bias in prop::option::of(prop::collection::vec(-1.0_f32..1.0, 2)),
    ) {
        let dot = |weight: &[f32]| -> f64 { weight.iter().zip(&x).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum() };
        let folded = fold(Kernel { weight: weight.clone(), bias: bias.clone() }, &norm);
        for o in 0..2 {
            let b = bias.as_ref().map_or(0.0, |bias| f64::from(bias[o]));
            let expected = norm[o].0 * (dot(&weight[o * 6..][..6]) + b) + norm[o].1;
            let found = dot(&folded.weight[o * 6..][..6]) + f64::from(folded.bias.as_ref().unwrap()[o]);
            prop_assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }

    #[test]
    fn a_folded_decoder_gives_what_projection_fusion_and_batch_norm_give(
        numbers in prop::collection::vec(-1.0_f32..1.0, 97),
        pixel in prop::collection::vec(-2.0_f32..2.0, 8 + 16 + 20 + 32),
    ) {
        // One pixel seen by all four stages, so that no upsampling changes it.
        let dims = [8, 16, 20, 32];
        let width = 5;
        let config = SegFormerConfig {
            embed_dims: dims,
            decoder_dim: width,
            depths: [1; 4],
            ..Variant::B0.config(3, 2)
        };
        let drawn = Drawn(numbers);
        let graph = export(&card(config.into()), &drawn).unwrap().graph.unwrap();
        let stages: Vec<&[f32]> = dims
            .iter()
            .scan(0, |first, dim| {
                *first += dim;
                Some(&pixel[*first - dim..*first])
            })
            .collect();
        let product = |weight: &[f32], x: &[f64], o: usize| -> f64 {
            weight[o * x.len()..][..x.len()].iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum()
        };
        let wide = |x: &[f32]| x.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
        let tensor = |name: &str, shape: &[usize]| drawn.tensor(name, shape).unwrap();
        // As it is trained: project each stage, stack, fuse, normalise.
        let stacked: Vec<f64> = (0..4)
            .flat_map(|stage| {
                let name = format!("decoder.layers.{}", 3 - stage);
                let weight = tensor(&format!("{name}.weight"), &[width, dims[stage]]);
                let bias = tensor(&format!("{name}.bias"), &[width]);
                let x = wide(stages[stage]);
                (0..width).map(move |o| product(&weight, &x, o) + f64::from(bias[o])).collect::<Vec<_>>()
            })
            .collect();
        let fusion = tensor("decoder.linear_fuse.weight", &[width, 4 * width]);
        let norm = |part: &str| wide(&tensor(&format!("decoder.batch_norm.{part}"), &[width]));
        let (gamma, beta, mean, var) = (norm("weight"), norm("bias"), norm("running_mean"), norm("running_var"));
        let constant_term = constant(&graph, "decoder.folded.0.bias");
        for o in 0..width {
            let fused = product(&fusion, &stacked, o);
            let expected = gamma[o] * (fused - mean[o]) / (var[o] + 1e-5).sqrt() + beta[o];
            let mut found = f64::from(constant_term[o]);
            for (stage, x) in stages.iter().enumerate() {
                found += product(&constant(&graph, &format!("decoder.folded.{stage}.weight")), &wide(x), o);
            }
            prop_assert!((found - expected).abs() < 1e-4 * expected.abs().max(1.0), "{found} {expected}");
        }
    }
}
