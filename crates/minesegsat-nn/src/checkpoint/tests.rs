use burn::tensor::Tensor;

use super::*;

fn tiny() -> NetworkConfig {
    NetworkConfig::SegFormer(SegFormerConfig {
        embed_dims: [8, 16, 20, 32],
        depths: [1, 2, 1, 1],
        num_heads: [1, 2, 5, 8],
        decoder_dim: 24,
        dropout: 0.0,
        drop_path_rate: 0.0,
        ..SegFormerConfig::b0()
    })
}

fn detailed() -> NetworkConfig {
    let NetworkConfig::SegFormer(config) = tiny() else { unreachable!("a SegFormer") };
    SegFormerConfig { detail: Some(DetailConfig { widths: [6, 10], layers: 2 }), ..config }.into()
}

fn fresh(config: &NetworkConfig, path: &str) -> Checkpoint {
    Checkpoint::of_network(&Network::new(config, &Device::flex()), path).unwrap()
}

fn saved(config: &NetworkConfig, folder: &Path) -> Checkpoint {
    let checkpoint =
        Checkpoint::of_network(&Network::new(config, &Device::flex()), folder.join("net.safetensors")).unwrap();
    checkpoint.write_safetensors(checkpoint.path()).unwrap();
    checkpoint
}

#[test]
fn tensors_of_a_network_have_the_shapes_that_it_is_said_to_have() {
    let named = ["b0", "unet-resnet18", "unetplusplus-resnet18", "deeplabv3plus-resnet18", "fpn-resnet18"]
        .map(|name| NetworkConfig::named(name, 2, 3).unwrap());
    for config in named.into_iter().chain([detailed()]) {
        let checkpoint = fresh(&config, "memory");
        let shapes: BTreeMap<_, _> = checkpoint.tensors.iter().map(|(n, w)| (n.clone(), w.shape.clone())).collect();
        assert_eq!(shapes, Network::new(&config, &Device::flex()).shapes());
        let random = Checkpoint::random(&config, 1);
        assert!(random.tensors.iter().map(|(n, w)| (n.clone(), w.shape.clone())).eq(shapes));
    }
}

#[test]
fn networks_are_recognised_by_their_weights() {
    for name in NetworkConfig::names().filter(|name| name.contains("-resnet")) {
        let config = NetworkConfig::named(&name, 5, 2).unwrap().with_dropout(0.0).unwrap();
        assert_eq!(Checkpoint::random(&config, 1).config(None).unwrap(), config, "{name}");
    }
    for config in [tiny(), detailed()] {
        assert_eq!(Checkpoint::random(&config, 1).config(None).unwrap(), config);
    }
    let mut narrow = NetworkConfig::named("unetplusplus-resnet18", 3, 1).unwrap();
    if let NetworkConfig::UnetPlusPlus(config) = &mut narrow {
        config.decoder_channels = [24, 20, 16, 12, 8];
    }
    assert_eq!(Checkpoint::random(&narrow, 1).config(None).unwrap(), narrow);
}

#[test]
fn the_first_layer_is_adapted_by_band_and_keeps_what_it_answers_to_grey() {
    use Band::{B02, B03, B04, B08, B11};
    let config = NetworkConfig::named("unet-resnet18", 3, 1).unwrap();
    let original = Checkpoint::random(&config, 1);
    let adapted = |from: Option<&[Band]>, to: &[Band]| {
        let mut checkpoint = original.clone();
        checkpoint.adapt_input(from, to).unwrap();
        checkpoint.load(&config.clone().with_channels(to.len(), 1), &Device::flex()).unwrap();
        checkpoint.tensors[FIRST_LAYERS[1]].clone()
    };
    let first = &original.tensors[FIRST_LAYERS[1]];
    // Kernel of output channel 7 for an input channel.
    let kernel = |weight: &Weight, channel: usize| {
        let channels = weight.shape[1];
        weight.values[(7 * channels + channel) * 49..][..49].to_vec()
    };
    let answer = |weight: &Weight| -> f32 { (0..weight.shape[1]).flat_map(|c| kernel(weight, c)).sum() };
    let near = |a: &[f32], b: &[f32], scale: f32| a.iter().zip(b).all(|(a, b)| (a - b * scale).abs() < 1e-6);

    let rgb = [B04, B03, B02];
    let more = adapted(Some(&rgb), &[B02, B03, B04, B08, B11]);
    assert_eq!(more.shape, [64, 5, 7, 7]);
    for (to, from) in [(0, 2), (1, 1), (2, 0)] {
        assert!(near(&kernel(&more, to), &kernel(first, from), 3.0 / 5.0));
    }
    assert_eq!(kernel(&more, 3), kernel(&more, 4));
    assert!((answer(&more) - answer(first)).abs() < 1e-4);
    assert!((answer(&adapted(None, &[B08, B11])) - answer(first)).abs() < 1e-4);
    // Other orders and other numbers of bands.
    let turned = adapted(Some(&rgb), &[B02, B03, B04]);
    assert_eq!(kernel(&turned, 0), kernel(first, 2));
    assert_eq!(&adapted(None, &[B08, B11, B02]), first);
    assert!(near(&kernel(&adapted(Some(&rgb), &[B03]), 0), &kernel(first, 1), 3.0));
    let message = original.clone().adapt_input(Some(&[B04]), &rgb).unwrap_err().to_string();
    assert_eq!(message, "bands `B04` is not accepted: the weights are of 3 channels, one band each");
}

#[test]
fn weights_of_an_encoder_alone_are_completed() {
    let config = NetworkConfig::named("fpn-resnet18", 12, 1).unwrap();
    // As in torchvision: three channels, no prefix, an image classifier.
    let whole = Checkpoint::random(&config.clone().with_channels(3, 1), 1);
    let mut alone = whole.clone();
    alone.tensors.retain(|name, _| name.starts_with("encoder."));
    alone.tensors = alone.tensors.into_iter().map(|(name, w)| (name["encoder.".len()..].to_owned(), w)).collect();
    alone.tensors.insert("fc.weight".to_owned(), Weight { shape: vec![1, 1], values: vec![0.0] });
    assert!(alone.complete_encoder(&config, 7).unwrap());
    let name = "encoder.layer4.1.conv2.weight";
    assert_eq!(alone.tensors[name], whole.tensors[name]);
    alone.adapt_input(Some(&[Band::B04, Band::B03, Band::B02]), &Band::PAPER).unwrap();
    alone.load(&config, &Device::flex()).unwrap();
    // A complete network is unchanged.
    let mut same = whole.clone();
    assert!(!same.complete_encoder(&config, 7).unwrap());
    assert_eq!(same.tensors, whole.tensors);
}

#[test]
fn a_detail_path_is_added_without_a_change_of_the_answer() {
    let device = Device::flex();
    let (plain, detailed) = (tiny(), detailed());
    let original = Checkpoint::random(&plain, 3);
    let mut extended = original.clone();
    assert!(!extended.add_detail(&plain, 5));
    assert!(extended.add_detail(&detailed, 5));
    assert!(!extended.add_detail(&detailed, 6), "it has one now");
    let input =
        || Tensor::<1, burn::tensor::Int>::arange(0..12 * 64 * 32, &device).float().sin().reshape([1, 12, 64, 32]);
    let logits = |checkpoint: &Checkpoint, config: &NetworkConfig| {
        checkpoint.load(config, &device).unwrap().forward(input()).into_data().try_into_vec_as::<f32>().unwrap()
    };
    assert_eq!(logits(&extended, &detailed), logits(&original, &plain));
    // Other bands and classes change both ends of the path.
    let config = detailed.clone().with_channels(3, 4);
    extended.adapt_input(Some(&Band::PAPER), &Band::PAPER[..3]).unwrap();
    assert!(extended.adapt_classes(4, 1).unwrap());
    extended.load(&config, &device).unwrap();
    assert!(original.load(&detailed, &device).is_err());
}

/// The weights of a SegFormer under the names and shapes of another program.
fn as_written_by(program: WeightNames, ours: &BTreeMap<String, Weight>) -> BTreeMap<String, Weight> {
    let mut theirs: BTreeMap<String, Weight> = BTreeMap::new();
    let block = |text: &str| -> String {
        let pairs: &[(&str, &str)] = match program {
            WeightNames::NvLabs => &[
                ("attention.query", "attn.q"),
                ("attention.dense", "attn.proj"),
                ("attention.sr", "attn.sr"),
                ("attention.layer_norm", "attn.norm"),
                ("feed_forward.mlp_in", "mlp.fc1"),
                ("feed_forward.conv", "mlp.dwconv.dwconv"),
                ("feed_forward.mlp_out", "mlp.fc2"),
            ],
            WeightNames::HuggingFace => &[
                ("norm1", "layer_norm_1"),
                ("norm2", "layer_norm_2"),
                ("attention.dense", "attention.output.dense"),
                ("attention.query", "attention.self.query"),
                ("attention.key", "attention.self.key"),
                ("attention.value", "attention.self.value"),
                ("attention.sr", "attention.self.sr"),
                ("attention.layer_norm", "attention.self.layer_norm"),
                ("feed_forward.mlp_in", "mlp.dense1"),
                ("feed_forward.conv", "mlp.dwconv.dwconv"),
                ("feed_forward.mlp_out", "mlp.dense2"),
            ],
            WeightNames::MmSegmentation => &[
                ("attention.dense", "attn.attn.out_proj"),
                ("attention.sr", "attn.sr"),
                ("attention.layer_norm", "attn.norm"),
                ("feed_forward.mlp_in", "ffn.layers.0"),
                ("feed_forward.conv", "ffn.layers.1"),
                ("feed_forward.mlp_out", "ffn.layers.4"),
            ],
        };
        pairs.iter().fold(text.to_owned(), |text, (ours, theirs)| text.replace(ours, theirs))
    };
    for (name, weight) in ours {
        let parts: Vec<&str> = name.split('.').collect();
        let mut weight = weight.clone();
        let stage = parts.get(2).and_then(|part| part.parse::<usize>().ok()).unwrap_or(0);
        let linear = |weight: &mut Weight| weight.shape.truncate(2);
        let name = match (program, parts[0], parts[1]) {
            (WeightNames::NvLabs, "encoder", "embeddings") => {
                format!("backbone.patch_embed{}.{}", stage + 1, parts[3..].join("."))
            }
            (WeightNames::NvLabs, "encoder", "layer_norm") => format!("backbone.norm{}.{}", stage + 1, parts[3]),
            (WeightNames::NvLabs, "encoder", _) => {
                format!("backbone.block{}.{}", stage + 1, block(&parts[3..].join(".")))
            }
            (WeightNames::NvLabs, _, "layers") => {
                if weight.shape.len() == 4 {
                    linear(&mut weight);
                }
                format!("decode_head.linear_c{}.proj.{}", 4 - stage, parts[3])
            }
            (WeightNames::NvLabs, _, "linear_fuse") => "decode_head.linear_fuse.conv.weight".to_owned(),
            (WeightNames::NvLabs, _, "batch_norm") => format!("decode_head.linear_fuse.bn.{}", parts[2]),
            (WeightNames::NvLabs, ..) => format!("decode_head.linear_pred.{}", parts[2]),
            (WeightNames::HuggingFace, "encoder", "embeddings") => {
                let rest = parts[3..].join(".").replace("norm", "layer_norm");
                format!("segformer.encoder.patch_embeddings.{stage}.{rest}")
            }
            (WeightNames::HuggingFace, "encoder", "layer_norm") => format!("segformer.{name}"),
            (WeightNames::HuggingFace, "encoder", _) => {
                format!("segformer.encoder.block.{stage}.{}.{}", parts[3], block(&parts[4..].join(".")))
            }
            (WeightNames::HuggingFace, _, "layers") => {
                if weight.shape.len() == 4 {
                    linear(&mut weight);
                }
                format!("decode_head.linear_c.{}.proj.{}", 3 - stage, parts[3])
            }
            (WeightNames::HuggingFace, ..) => name.replace("decoder.", "decode_head."),
            (WeightNames::MmSegmentation, "encoder", "embeddings") => {
                format!("backbone.layers.{stage}.0.{}", parts[3..].join(".").replace("proj", "projection"))
            }
            (WeightNames::MmSegmentation, "encoder", "layer_norm") => {
                format!("backbone.layers.{stage}.2.{}", parts[3])
            }
            (WeightNames::MmSegmentation, "encoder", _) => {
                if name.contains(".mlp_") && weight.shape.len() == 2 {
                    weight.shape.extend([1, 1]);
                }
                format!("backbone.layers.{stage}.1.{}.{}", parts[3], block(&parts[4..].join(".")))
            }
            (WeightNames::MmSegmentation, ..) => format!("decode_head.convs.{name}"),
        };
        if name.ends_with("linear_fuse.conv.weight") || name == "decode_head.linear_fuse.weight" {
            weight.reverse_input_parts(4);
        }
        theirs.insert(name, weight);
    }
    // Layers that others keep in one matrix.
    let (stack, into): (&[&str], _) = match program {
        WeightNames::NvLabs => (&["key", "value"], "attn.kv."),
        WeightNames::HuggingFace => return theirs,
        WeightNames::MmSegmentation => (&["query", "key", "value"], "attn.attn.in_proj_"),
    };
    let firsts: Vec<String> = theirs.keys().filter(|name| name.contains(stack[0])).cloned().collect();
    for first in firsts {
        let rows: Vec<Weight> =
            stack.iter().map(|part| theirs.remove(&first.replace(stack[0], part)).unwrap()).collect();
        let mut shape = rows[0].shape.clone();
        shape[0] *= rows.len();
        let values = rows.into_iter().flat_map(|weight| weight.values).collect();
        theirs.insert(first.replace(&format!("attention.{}.", stack[0]), into), Weight { shape, values });
    }
    theirs
}

#[test]
fn weights_of_other_programs_give_the_same_network() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny().with_channels(3, 5);
    let original = Checkpoint::random(&config, 3);
    let device = Device::flex();
    let input = || Tensor::<4>::from_data(TensorData::new(check_values(3 * 64 * 64), [1, 3, 64, 64]), &device);
    let answer = |network: &Network| network.forward(input()).into_data().try_into_vec_as::<f32>().unwrap();
    let expected = answer(&original.load(&config, &device).unwrap());
    for program in [WeightNames::NvLabs, WeightNames::HuggingFace, WeightNames::MmSegmentation] {
        let path = folder.path().join("theirs.safetensors");
        let theirs = as_written_by(program, &original.tensors);
        let names: Vec<String> = theirs.keys().cloned().collect();
        let theirs = Checkpoint { path: path.clone(), tensors: theirs, names: None };
        theirs.write_safetensors(&path).unwrap();
        let mut read = Checkpoint::read(&path).unwrap();
        assert_eq!(read.names_of(), Some(program), "{names:?}");
        if program == WeightNames::MmSegmentation {
            // Its decoder is another network.
            assert!(
                read.config(None).unwrap_err().to_string().contains("the encoder of a SegFormer without a decoder")
            );
            assert!(read.complete_encoder(&config, 9).unwrap());
            for (name, weight) in original.tensors.iter().filter(|(name, _)| name.starts_with("decoder.")) {
                read.tensors.insert(name.clone(), weight.clone());
            }
        }
        assert_eq!(read.config(None).unwrap().num_classes(), 5);
        assert_eq!(answer(&read.load(&config, &device).unwrap()), expected, "{}", program.program());
    }
    let has = |program, name: &str| as_written_by(program, &original.tensors).contains_key(name);
    assert!(has(WeightNames::NvLabs, "backbone.block1.0.attn.kv.weight"));
    assert!(has(WeightNames::HuggingFace, "segformer.encoder.block.0.0.attention.self.query.weight"));
    assert!(has(WeightNames::MmSegmentation, "backbone.layers.0.1.0.attn.attn.in_proj_weight"));
}

/// Values between -1 and 1 that look random.
fn check_values(len: usize) -> Vec<f32> {
    let mut random = SplitMix64::new(1);
    (0..len).map(|_| 2.0 * random.uniform() - 1.0).collect()
}

#[test]
fn empty_tensors_are_refused_and_not_multiplied() {
    let mut hostile = Checkpoint::random(&tiny(), 1);
    let first = hostile.tensors.get_mut("encoder.embeddings.0.proj.weight").unwrap();
    *first = Weight { shape: vec![1 << 36, 12, 0, 3], values: Vec::new() };
    assert!(hostile.clone().adapt_input(None, &[Band::B04]).unwrap_err().to_string().contains("its first layer"));
    let message = hostile.config(None).unwrap_err().to_string();
    assert!(
        message.contains("embed_dims `[68719476736, 16, 20, 32]` is not accepted: all four must be 1 to 4096"),
        "{message}"
    );
    let classifier = hostile.tensors.get_mut("decoder.classifier.weight").unwrap();
    *classifier = Weight { shape: vec![0, 1 << 40, 1, 1], values: Vec::new() };
    assert!(hostile.adapt_classes(3, 1).unwrap_err().to_string().contains("is empty"));
}

#[test]
fn the_classifier_starts_anew_for_other_classes_only() {
    for name in ["b0", "fpn-resnet18"] {
        let config = NetworkConfig::named(name, 3, 1).unwrap();
        let original = Checkpoint::random(&config, 1);
        let mut same = original.clone();
        assert!(!same.adapt_classes(1, 5).unwrap());
        assert_eq!(same.tensors, original.tensors);
        let mut more = original.clone();
        assert!(more.adapt_classes(3, 5).unwrap());
        more.load(&config.with_channels(3, 3), &Device::flex()).unwrap();
        let changed = more.tensors.iter().filter(|(name, weight)| original.tensors[*name] != **weight).count();
        assert_eq!(changed, 2, "{name}");
    }
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
        assert!(matches!(error, Error::Model(ModelError::NotACheckpoint { .. })), "{name}: {error:?}");
        assert!(error.to_string().contains(reason), "{name}: {error}");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(error.to_string().ends_with(&format!(": {cause}")), "{name}: {error}");
    }
    assert!(matches!(Checkpoint::read(folder.path().join("absent.pth")), Err(Error::Io(_))));
}

#[test]
fn weights_of_another_network_are_named() {
    let mut checkpoint = fresh(&tiny(), "net.pth");
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
    let mut checkpoint = fresh(&tiny(), "net.pth");
    checkpoint.tensors.get_mut("decoder.classifier.bias").unwrap().shape = vec![3];
    let error = checkpoint.load(&tiny(), &Device::flex()).unwrap_err();
    assert_eq!(error.to_string(), "net.pth: tensor `decoder.classifier.bias` has shape [3], expected [1]");
}
