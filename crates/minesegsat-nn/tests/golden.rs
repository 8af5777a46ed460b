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
use minesegsat_nn::{Checkpoint, Device, Error, FoldedDecodeHead, ImportOptions, import_checkpoint, verify};
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
/// A checkpoint belongs to the longest name that it starts with.
fn cases(folder: &Path) -> Vec<(PathBuf, Vec<PathBuf>)> {
    const FORWARD: &str = "_forward.safetensors";
    let mut names: Vec<String> = fs_err::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().expect("file names are UTF-8"))
        .collect();
    names.sort();
    let cases: Vec<&str> = names.iter().filter_map(|name| name.strip_suffix(FORWARD)).collect();
    let case_of =
        |name: &str| cases.iter().copied().filter(|case| name.starts_with(case)).max_by_key(|case| case.len());
    cases
        .iter()
        .map(|case| {
            let checkpoints = names
                .iter()
                .filter(|name| case_of(name) == Some(case) && !name.ends_with(FORWARD))
                .filter(|name| Path::new(name).extension().is_some_and(|e| e == "pth" || e == "safetensors"))
                .map(|name| folder.join(name))
                .collect();
            (folder.join(format!("{case}{FORWARD}")), checkpoints)
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

#[test]
fn golden_checkpoints_become_models_that_verify_against_pytorch() {
    let Some(folder) = golden() else { return };
    let scratch = tempfile::tempdir().unwrap();
    for (forward, checkpoints) in cases(&folder) {
        let channels = read_tensors(&forward)["input"].0[1];
        for (i, path) in checkpoints.iter().enumerate() {
            let model = scratch.path().join(format!("{i}"));
            let bands = Some(minesegsat::Band::PAPER.into_iter().cycle().take(channels).collect::<Vec<_>>());
            let bands = bands.filter(|_| channels < 12);
            import_checkpoint(path, &model, &ImportOptions { bands, overwrite: true, ..ImportOptions::default() })
                .unwrap();
            for against in [Some(forward.as_path()), None] {
                let report = verify(&model, against, &Device::flex(), 2e-4).unwrap();
                println!("{}: {report:?}", path.display());
                assert!(report.passed(), "{}: {report:?}", path.display());
                assert_eq!(report.tensors.len(), 5);
            }
        }
    }
}

#[test]
fn golden_checkpoints_cut_short_are_refused() {
    let Some(folder) = golden() else { return };
    let scratch = tempfile::tempdir().unwrap();
    for path in cases(&folder).into_iter().flat_map(|(_, checkpoints)| checkpoints) {
        let whole = fs_err::read(&path).unwrap();
        for len in [whole.len() / 3, whole.len() - 1] {
            let short = scratch.path().join("short");
            fs_err::write(&short, &whole[..len]).unwrap();
            let error = Checkpoint::read(&short).unwrap_err();
            assert!(matches!(error, Error::NotACheckpoint { .. }), "{}: {error:?}", path.display());
        }
    }
}
