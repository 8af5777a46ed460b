//! Compares the change head with recorded numbers of PyTorch (see the README in the folder of the numbers).

use minesegsat_core::{Band, ChangeClassifier};
use minesegsat_cpu::ChangeHead;
use minesegsat_model::{CHANGE_HEAD_FILE, ChangeHeadConfig, Weights, sha256};
use minesegsat_testing::reference::golden_folders;

/// Rows and columns.
const SIZE: [usize; 2] = [17, 23];
const CLASSES: usize = 4;

#[test]
fn golden_probabilities_of_the_change_head_equal_pytorch() {
    // The set of the repository comes first. The larger one has no change head.
    let folder = golden_folders().swap_remove(0).join("change_head");
    let config = ChangeHeadConfig {
        bands: vec![Band::B03, Band::B08, Band::B11],
        means: vec![0.0; 3],
        layers: 3,
        width: 8,
        band_dropout_max: 0,
        sha256: sha256(&folder.join(CHANGE_HEAD_FILE)).unwrap(),
        training: String::new(),
        noise_floor: None,
    };
    let tensors = Weights::read_change_head(&folder, &config).unwrap();
    let head = ChangeHead::new(&config, "", &tensors).unwrap();
    let pixels = tensors.get("input", &[SIZE[0], SIZE[1], config.in_channels()]).unwrap();
    let expected = tensors.get("probabilities", &[SIZE[0], SIZE[1], CLASSES]).unwrap();
    let found = head.probabilities(pixels, SIZE).unwrap();
    assert_eq!(found.len(), expected.len());
    // Three sums of 72 products each: rounding errors of float32 are some 1e-6.
    for (place, (a, b)) in found.iter().zip(expected).enumerate() {
        let (pixel, class) = (place / CLASSES, place % CLASSES);
        assert!((a - b).abs() < 1e-5, "pixel {pixel}, class {class}: {a} instead of {b}");
    }
}
