//! The network against numbers of the paper's published PyTorch model (see the README beside them).

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use burn::tensor::{
    Tensor, TensorData,
    module::interpolate,
    ops::{InterpolateMode, InterpolateOptions},
};
use minesegsat_nn::{Checkpoint, Device, FoldedDecodeHead};
use safetensors::SafeTensors;

/// The golden folder, or `None` with a message where it is absent.
fn golden() -> Option<PathBuf> {
    let folder = std::env::var_os("MINESEGSAT_GOLDEN").map_or_else(
        || Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/golden")).into(),
        PathBuf::from,
    );
    if !folder.is_dir() {
        println!("skipped: no golden numbers in {} (set MINESEGSAT_GOLDEN)", folder.display());
        return None;
    }
    Some(folder)
}

fn read_tensors(path: &Path) -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
    let bytes = fs_err::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    file.iter()
        .filter(|(_, view)| view.dtype() == safetensors::Dtype::F32)
        .map(|(name, view)| {
            let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
            (name.to_owned(), (view.shape().to_vec(), values))
        })
        .collect()
}

fn tensor4((shape, values): &(Vec<usize>, Vec<f32>), device: &Device) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values.clone(), shape.clone()), device)
}

fn max_abs_difference(found: Tensor<4>, (shape, values): &(Vec<usize>, Vec<f32>)) -> f32 {
    assert_eq!(found.dims().as_slice(), shape.as_slice());
    let found = found.into_data().try_to_vec::<f32>().unwrap();
    found.iter().zip(values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Every `NAME_forward.safetensors` of the folder with the checkpoints `NAME*.pth` and `NAME*.safetensors` beside it.
fn cases(folder: &Path) -> Vec<(PathBuf, Vec<PathBuf>)> {
    let mut files: Vec<PathBuf> = fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    files
        .iter()
        .filter_map(|forward| {
            let case = name(forward).strip_suffix("_forward.safetensors")?.to_owned();
            let checkpoints = files
                .iter()
                .filter(|file| name(file).starts_with(&case) && *file != forward)
                .filter(|file| file.extension().is_some_and(|e| e == "pth" || e == "safetensors"))
                .cloned()
                .collect();
            Some((forward.clone(), checkpoints))
        })
        .collect()
}

#[test]
fn golden_logits_and_stages_equal_pytorch() {
    let Some(folder) = golden() else { return };
    let device = Device::flex();
    let cases = cases(&folder);
    assert!(!cases.is_empty(), "no *_forward.safetensors in {}", folder.display());
    for (forward, checkpoints) in cases {
        assert!(!checkpoints.is_empty(), "no checkpoint beside {}", forward.display());
        let expected = read_tensors(&forward);
        for path in checkpoints {
            let checkpoint = Checkpoint::read(&path).unwrap();
            let network = checkpoint.load(&checkpoint.config(None).unwrap(), &device).unwrap();
            let input = tensor4(&expected["input"], &device);
            let [_, _, height, width] = input.dims();
            let stages = network.encoder.forward(input.clone());
            for (i, stage) in stages.iter().enumerate() {
                let difference = max_abs_difference(stage.clone().into_map(), &expected[&format!("stage{}", i + 1)]);
                println!("{}: stage{} differs by {difference:e}", path.display(), i + 1);
                assert!(difference < 2e-4, "{}: stage{} differs by {difference}", path.display(), i + 1);
            }
            let plain = max_abs_difference(network.forward(input), &expected["logits"]);
            println!("{}: logits differ by {plain:e}", path.display());
            assert!(plain < 2e-4, "{}: logits differ by {plain}", path.display());
            let folded = FoldedDecodeHead::new(&network.decoder, &device).forward(stages);
            let options = InterpolateOptions::new(InterpolateMode::Bilinear)
                .with_align_corners(false)
                .with_output_size([height, width]);
            let folded = max_abs_difference(interpolate(folded, options), &expected["logits"]);
            println!("{}: logits of the folded decoder differ by {folded:e}", path.display());
            assert!(folded < 2e-4, "{}: logits of the folded decoder differ by {folded}", path.display());
        }
    }
}
