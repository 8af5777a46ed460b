//! Model folders through the public API: import, open, verify, segment.

use std::path::Path;

use minesegsat_core::{Band, Segmenter};
use minesegsat_nn::{
    CARD_FILE, Device, Error, ImportOptions, Model, ModelCard, ModelSegmenter, NetworkConfig, SegFormerConfig, Variant,
    WEIGHTS_FILE, import_checkpoint, list_models, random_model, verify,
};

fn tiny(in_channels: usize, num_classes: usize) -> NetworkConfig {
    NetworkConfig::SegFormer(SegFormerConfig {
        embed_dims: [8, 16, 20, 32],
        depths: [1; 4],
        decoder_dim: 24,
        ..Variant::B0.config(in_channels, num_classes)
    })
}

fn noise(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919 + i * i % 101) % 1000) as f32 / 1000.0).collect()
}

fn edit_card(folder: &Path, change: impl FnOnce(&mut serde_json::Value)) {
    let path = folder.join(CARD_FILE);
    let mut card = serde_json::from_str(&fs_err::read_to_string(&path).unwrap()).unwrap();
    change(&mut card);
    fs_err::write(path, card.to_string()).unwrap();
}

#[test]
fn a_random_model_is_the_same_for_the_same_seed_and_verifies() {
    let root = tempfile::tempdir().unwrap();
    let make =
        |name: &str, seed| random_model(&tiny(12, 1), seed, root.path().join(name), &ImportOptions::default()).unwrap();
    let (a, b, c) = (make("a", 1), make("b", 1), make("c", 2));
    assert_eq!(a, b);
    assert_ne!(a.weights_sha256, c.weights_sha256);
    assert_eq!(a.training.data.as_deref(), Some("untrained"));
    assert_eq!(a.bands, Band::PAPER);
    let report = verify(root.path().join("a"), None, &Device::flex(), 1e-5).unwrap();
    assert!(report.passed(), "{report:?}");
    let names: Vec<_> = report.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    assert_eq!(names, ["logits", "stage1", "stage2", "stage3", "stage4"]);
    let listed = list_models(root.path()).unwrap();
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().all(|model| model.card.is_ok()));
    // Nothing half-written is left behind.
    assert_eq!(fs_err::read_dir(root.path()).unwrap().count(), 3);
}

#[test]
fn an_existing_folder_is_replaced_only_with_leave_and_only_if_it_is_a_model() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("model");
    let overwrite = ImportOptions { overwrite: true, ..ImportOptions::default() };
    random_model(&tiny(12, 1), 1, &folder, &ImportOptions::default()).unwrap();
    let refused = random_model(&tiny(12, 1), 2, &folder, &ImportOptions::default());
    assert!(matches!(refused, Err(Error::OutputExists { .. })));
    let card = random_model(&tiny(12, 1), 2, &folder, &overwrite).unwrap();
    assert_eq!(ModelCard::read(&folder).unwrap(), card);

    let photos = root.path().join("photos");
    fs_err::create_dir(&photos).unwrap();
    assert!(matches!(random_model(&tiny(12, 1), 2, &photos, &overwrite), Err(Error::OutputExists { .. })));
    assert_eq!(fs_err::read_dir(root.path()).unwrap().count(), 2);
}

#[test]
fn bands_are_known_for_12_and_13_channels_and_asked_for_otherwise() {
    let root = tempfile::tempdir().unwrap();
    let make = |channels, name: &str, bands: Option<Vec<Band>>| {
        let options = ImportOptions { bands, ..ImportOptions::default() };
        random_model(&tiny(channels, 1), 1, root.path().join(name), &options)
    };
    assert_eq!(make(13, "all", None).unwrap().bands, Band::ALL);
    let message = make(3, "rgb", None).unwrap_err().to_string();
    assert!(message.contains("takes 3 channels") && message.contains("name their bands"), "{message}");
    let message = make(3, "rgb", Some(vec![Band::B04])).unwrap_err().to_string();
    assert_eq!(message, "bands `B04` is not accepted: the network takes 3 channels, one band each");
    assert_eq!(make(3, "rgb", Some(vec![Band::B04, Band::B03, Band::B02])).unwrap().bands.len(), 3);
}

#[test]
fn a_card_that_does_not_fit_its_weights_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("model");
    let fresh = || {
        let overwrite = ImportOptions { overwrite: true, ..ImportOptions::default() };
        random_model(&tiny(12, 1), 1, &folder, &overwrite).unwrap();
    };
    let refusal = || Model::open(&folder, &Device::flex()).unwrap_err().to_string();

    fresh();
    edit_card(&folder, |card| card["bands"].as_array_mut().unwrap().truncate(4));
    assert!(refusal().contains("lists 4 bands (B04, B03, B02, B08), but the network takes 12 channels"));

    fresh();
    edit_card(&folder, |card| card["architecture"]["decoder_dim"] = 32.into());
    assert!(refusal().contains("has shape [24], expected [32]"), "{}", refusal());

    fresh();
    edit_card(&folder, |card| card["architecture"]["depths"] = vec![1, 1, 2, 1].into());
    assert!(refusal().contains("tensors of a SegFormer are missing (such as encoder.transformers.2.1."));

    fresh();
    let weights = folder.join(WEIGHTS_FILE);
    let mut bytes = fs_err::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs_err::write(&weights, bytes).unwrap();
    assert!(refusal().contains("the weights are damaged or of another model"));

    fs_err::remove_file(folder.join(CARD_FILE)).unwrap();
    assert!(refusal().contains("it has no model.json"));
}

#[test]
fn a_failed_import_leaves_nothing_behind() {
    let root = tempfile::tempdir().unwrap();
    let broken = root.path().join("broken.pth");
    fs_err::write(&broken, b"not a checkpoint").unwrap();
    assert!(import_checkpoint(&broken, root.path().join("model"), &ImportOptions::default()).is_err());
    assert_eq!(fs_err::read_dir(root.path()).unwrap().count(), 1);
}

#[test]
fn a_patch_has_the_same_answer_alone_and_in_a_batch() {
    let root = tempfile::tempdir().unwrap();
    for classes in [1, 3] {
        let folder = root.path().join(format!("model{classes}"));
        random_model(&tiny(12, classes), 5, &folder, &ImportOptions::default()).unwrap();
        let segmenter = ModelSegmenter::open(&folder, &Device::flex()).unwrap();
        let (patch, pixels) = (12 * 64 * 96, 64 * 96);
        let patches = noise(3 * patch);
        let mut together = vec![f32::NAN; 3 * pixels];
        segmenter.segment(&patches, [3, 12, 64, 96], &mut together).unwrap();
        assert!(together.iter().all(|p| (0.0..=1.0).contains(p)));
        for i in 0..3 {
            let mut alone = vec![f32::NAN; pixels];
            segmenter.segment(&patches[i * patch..][..patch], [1, 12, 64, 96], &mut alone).unwrap();
            let difference = alone.iter().zip(&together[i * pixels..]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(difference < 1e-5, "patch {i} differs by {difference}");
        }
    }
}

#[test]
fn the_number_of_threads_does_not_change_the_answer() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("model");
    random_model(&tiny(12, 1), 5, &folder, &ImportOptions::default()).unwrap();
    let answer = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let segmenter = ModelSegmenter::open(&folder, &Device::flex()).unwrap();
            let mut probabilities = vec![f32::NAN; 96 * 128];
            segmenter.segment(&noise(12 * 96 * 128), [1, 12, 96, 128], &mut probabilities).unwrap();
            probabilities
        })
    };
    let one = answer(1);
    for threads in [2, 3, 8] {
        let difference = answer(threads).iter().zip(&one).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(difference < 1e-5, "{threads} threads differ by {difference}");
    }
}

#[test]
fn patches_that_do_not_fit_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("model");
    random_model(&tiny(12, 1), 5, &folder, &ImportOptions::default()).unwrap();
    let segmenter = ModelSegmenter::open(&folder, &Device::flex()).unwrap();
    assert_eq!((segmenter.in_channels(), segmenter.size_divisor()), (12, 32));
    let message = |shape: [usize; 4]| {
        let mut out = vec![0.0; 64 * 64];
        segmenter.segment(&noise(12 * 64 * 64), shape, &mut out).unwrap_err().to_string()
    };
    assert!(message([1, 4, 64, 64]).contains("patches have 4 channels, the model takes 12"));
    assert!(message([1, 12, 60, 64]).contains("does not fit"));
    assert!(message([1, 12, 0, 64]).contains("64 x 0 pixels; both must be 1 or more"));
    assert!(message([2, 12, 64, 64]).contains("does not fit"));
}

#[test]
fn a_patch_of_any_size_is_answered_as_the_one_whose_edges_were_repeated() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("model");
    random_model(&tiny(12, 1), 5, &folder, &ImportOptions::default()).unwrap();
    let segmenter = ModelSegmenter::open(&folder, &Device::flex()).unwrap();
    let (height, width) = (40, 70);
    let mut patch = noise(12 * height * width);
    patch[3 * height * width + 17] = f32::NAN;
    let mut found = vec![-1.0; height * width];
    segmenter.segment(&patch, [1, 12, height, width], &mut found).unwrap();
    // Pixels without data stay without data, and no other pixel is affected.
    assert_eq!(found.iter().enumerate().filter(|(_, p)| p.is_nan()).map(|(i, _)| i).collect::<Vec<_>>(), [17]);
    patch[3 * height * width + 17] = 0.0;
    let padded: Vec<f32> = patch
        .chunks_exact(height * width)
        .flat_map(|plane| (0..64 * 96).map(|i| plane[(i / 96).min(height - 1) * width + (i % 96).min(width - 1)]))
        .collect();
    let mut expected = vec![-1.0; 64 * 96];
    segmenter.segment(&padded, [1, 12, 64, 96], &mut expected).unwrap();
    for (i, p) in found.iter().enumerate().filter(|(i, _)| *i != 17) {
        assert_eq!(*p, expected[i / width * 96 + i % width], "pixel {i}");
    }
}

#[test]
fn a_network_on_a_resnet_is_a_model_as_any_other() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("model");
    let config = NetworkConfig::named("deeplabv3plus-resnet18", 12, 1).unwrap();
    let options = ImportOptions { patch_size: 48, ..ImportOptions::default() };
    let card = random_model(&config, 5, &folder, &options).unwrap();
    assert_eq!((card.title.as_str(), &card.architecture), ("DeepLabV3+, ResNet-18, untrained", &config));
    let report = verify(&folder, None, &Device::flex(), 1e-5).unwrap();
    assert!(report.passed() && report.tensors.len() == 1, "{report:?}");
    let imported = import_checkpoint(folder.join(WEIGHTS_FILE), root.path().join("imported"), &options).unwrap();
    assert_eq!(imported.architecture, config.clone().with_dropout(0.0).unwrap());
    assert_eq!(imported.weights_sha256, card.weights_sha256);

    let segmenter = ModelSegmenter::open(&folder, &Device::flex()).unwrap();
    assert_eq!(segmenter.size_divisor(), 16);
    let (patches, pixels) = (noise(2 * 12 * 48 * 64), 48 * 64);
    let mut together = vec![f32::NAN; 2 * pixels];
    segmenter.segment(&patches, [2, 12, 48, 64], &mut together).unwrap();
    let mut alone = vec![f32::NAN; pixels];
    segmenter.segment(&patches[12 * pixels..], [1, 12, 48, 64], &mut alone).unwrap();
    assert_eq!(alone, together[pixels..]);
    let refused = random_model(&config, 5, root.path().join("other"), &ImportOptions { patch_size: 40, ..options });
    assert_eq!(refused.unwrap_err().to_string(), "patch-size `40` is not accepted: a multiple of 16");
}
