//! Compares networks with recorded numbers of PyTorch (see the README in the folder of the numbers).

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{
    Tensor, TensorData,
    module::interpolate,
    ops::{InterpolateMode, InterpolateOptions},
};
use minesegsat_core::metrics::ConfusionMatrix;
use minesegsat_nn::{
    BuiltInEngine, Checkpoint, Device, EngineOptions, Error, FoldedDecodeHead, ImportOptions, Model, import_checkpoint,
    verify,
};
use minesegsat_nn::{
    loss::{CrossEntropyLoss, DiceLoss, FocalLoss, JaccardLoss, Loss, LovaszHingeLoss, Target, TverskyLoss},
    schedule::{LearningRate, Schedule},
};
use minesegsat_testing::reference::golden_folders;
use safetensors::SafeTensors;

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
    for folder in golden_folders() {
        let device = Device::flex();
        let cases = cases(&folder);
        assert!(!cases.is_empty(), "no *_forward.safetensors in {}", folder.display());
        for (forward, checkpoints) in cases {
            assert!(!checkpoints.is_empty(), "no checkpoint beside {}", forward.display());
            let expected = read_tensors(&forward);
            for path in checkpoints {
                let checkpoint = Checkpoint::read(&path).unwrap();
                let network = checkpoint.load(&checkpoint.config(None).unwrap(), &device).unwrap();
                let network = network.as_segformer().unwrap();
                let input = tensor4(&expected["input"], &device);
                let [_, _, height, width] = input.dims();
                let stages = network.encoder.forward(input.clone());
                for (i, stage) in stages.iter().enumerate() {
                    let difference =
                        max_abs_difference(stage.clone().into_map(), &expected[&format!("stage{}", i + 1)]);
                    println!("{}: stage{} differs by {difference:e}", path.display(), i + 1);
                    assert!(difference < 2e-4, "{}: stage{} differs by {difference}", path.display(), i + 1);
                }
                let plain = max_abs_difference(network.forward(input), &expected["logits"]);
                println!("{}: logits differ by {plain:e}", path.display());
                assert!(plain < 2e-4, "{}: logits differ by {plain}", path.display());
                if network.detail.is_some() {
                    // The folded decoder is a part of the answer alone.
                    continue;
                }
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
}

#[test]
fn golden_checkpoints_become_models_that_verify_against_pytorch() {
    for folder in golden_folders() {
        let scratch = tempfile::tempdir().unwrap();
        for (forward, checkpoints) in cases(&folder) {
            let channels = read_tensors(&forward)["input"].0[1];
            for (i, path) in checkpoints.iter().enumerate() {
                let model = scratch.path().join(format!("{i}"));
                let bands = Some(minesegsat_core::Band::PAPER.into_iter().cycle().take(channels).collect::<Vec<_>>());
                let bands = bands.filter(|_| channels < 12);
                import_checkpoint(path, &model, &ImportOptions { bands, overwrite: true, ..ImportOptions::default() })
                    .unwrap();
                let burn = EngineOptions { engine: Some(BuiltInEngine::Burn), ..EngineOptions::default() };
                let by_burn = Model::open_with(&model, &Device::flex(), burn).unwrap();
                for (against, report) in [
                    (Some(forward.as_path()), verify(&model, Some(&forward), &Device::flex(), 2e-4)),
                    (Some(forward.as_path()), by_burn.verify(&model, Some(&forward), 2e-4)),
                    (None, verify(&model, None, &Device::flex(), 2e-4)),
                ] {
                    let report = report.unwrap_or_else(|error| panic!("{against:?}: {error}"));
                    println!("{}: {report:?}", path.display());
                    assert!(report.passed(), "{}: {report:?}", path.display());
                    assert_eq!(report.tensors.len(), 5);
                }
            }
        }
    }
}

#[test]
fn golden_checkpoints_cut_short_are_refused() {
    for folder in golden_folders() {
        let scratch = tempfile::tempdir().unwrap();
        for path in cases(&folder).into_iter().flat_map(|(_, checkpoints)| checkpoints) {
            let whole = fs_err::read(&path).unwrap();
            for len in [whole.len() / 3, whole.len() - 1] {
                let short = scratch.path().join("short");
                fs_err::write(&short, &whole[..len]).unwrap();
                let error = Checkpoint::read(&short).unwrap_err();
                assert!(
                    matches!(error, Error::Model(minesegsat_model::Error::NotACheckpoint { .. })),
                    "{}: {error:?}",
                    path.display()
                );
            }
        }
    }
}

/// The loss for a file name such as `tversky_a0.3_b0.7_s1_gamma0.75`.
fn loss_of(name: &str) -> Loss {
    let parts: Vec<&str> = name.split('_').collect();
    let number = |prefix: &str| {
        parts.iter().filter_map(|part| part.strip_prefix(prefix)).find_map(|text| text.parse::<f64>().ok())
    };
    let smooth = number("s").unwrap_or(0.0);
    match parts[0] {
        "tversky" => {
            let (alpha, beta) = (number("a").unwrap(), number("b").unwrap());
            Loss::Tversky(TverskyLoss { alpha, beta, smooth, gamma: number("gamma").unwrap_or(1.0) })
        }
        "dice" => Loss::Dice(DiceLoss { smooth }),
        "jaccard" => Loss::Jaccard(JaccardLoss { smooth }),
        "lovasz" => Loss::LovaszHinge(LovaszHingeLoss { per_image: name.ends_with("per_image") }),
        "focal" => Loss::Focal(FocalLoss { alpha: number("alpha").unwrap(), gamma: number("gamma").unwrap() }),
        "bce" => Loss::CrossEntropy(CrossEntropyLoss::default()),
        _ => panic!("no loss is called {name}"),
    }
}

#[test]
fn golden_losses_and_their_gradients_equal_the_reference() {
    for folder in golden_folders() {
        let path = folder.join("losses.safetensors");
        let bytes = fs_err::read(&path).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let tensors = read_tensors(&path);
        let device = Device::flex();
        let mut compared = 0;
        for (key, (shape, values)) in tensors.iter().filter(|(key, _)| key.ends_with(".logits")) {
            let case = key.trim_end_matches(".logits");
            let masks = file.tensor(&format!("{case}.mask")).unwrap().data().to_vec();
            let target = Target::new(&masks, shape.clone().try_into().unwrap(), 255, &device);
            let prefix = format!("{case}.");
            for name in tensors.keys().filter_map(|key| key.strip_prefix(&prefix)?.strip_suffix(".loss")) {
                let (_, expected) = &tensors[&format!("{case}.{name}.loss")];
                let (_, gradient) = &tensors[&format!("{case}.{name}.grad")];
                let data = TensorData::new(values.clone(), shape.clone());
                let logits = Tensor::<4>::from_data(data, &device).autodiff().require_grad();
                let loss = loss_of(name).forward(logits.clone(), &target);
                let found = loss.clone().into_scalar::<f32>();
                let scale = expected[0].abs().max(1e-3);
                assert!((found - expected[0]).abs() <= 1e-5 * scale, "{case} {name}: {found}, {}", expected[0]);
                let gradients = loss.backward();
                let found: Vec<f32> = logits.grad(&gradients).unwrap().into_data().try_to_vec().unwrap();
                assert!(found.iter().all(|g| g.is_finite()), "{case} {name}");
                let largest = gradient.iter().filter(|g| g.is_finite()).fold(1e-6_f32, |max, g| max.max(g.abs()));
                // The reference computes 0/0 for a root and a batch without mines.
                let equal = |a: f32, b: f32| b.is_nan() || (a - b).abs() <= 1e-4 * largest;
                for (i, a) in found.iter().enumerate() {
                    // The order of equal pixels is arbitrary in the reference.
                    let alike = (0..values.len()).filter(|&j| (values[j], masks[j]) == (values[i], masks[i]));
                    let matches = equal(*a, gradient[i]) || alike.clone().any(|j| equal(*a, gradient[j]));
                    assert!(matches, "{case} {name} {i}: {a}, {}", gradient[i]);
                }
                compared += 1;
            }
        }
        assert!(compared > 0, "{} has no cases", path.display());
    }
}

#[test]
fn golden_schedules_equal_pytorch() {
    for folder in golden_folders() {
        let file: serde_json::Value =
            serde_json::from_slice(&fs_err::read(folder.join("schedules.json")).unwrap()).unwrap();
        for (name, case) in file.as_object().unwrap() {
            let number = |key: &str| case[key].as_f64();
            let count = |key: &str| case[key].as_u64().map(|n| n as usize);
            let eta_min = number("eta_min").unwrap_or(0.0);
            let schedule = match name.as_str() {
                "cosine" => Schedule::Cosine { t_max: count("t_max").unwrap(), eta_min },
                "cosine_restart" => {
                    Schedule::CosineRestart { t_0: count("t_0").unwrap(), t_mult: count("t_mult").unwrap(), eta_min }
                }
                "onecycle" => Schedule::Onecycle {
                    total_steps: count("total_steps").unwrap(),
                    pct_start: number("pct_start").unwrap(),
                    div_factor: number("div_factor").unwrap(),
                    final_div_factor: number("final_div_factor").unwrap(),
                },
                "plateau" => Schedule::Plateau {
                    minimise: case["mode"] == "min",
                    factor: number("factor").unwrap(),
                    patience: count("patience").unwrap(),
                    threshold: number("threshold").unwrap(),
                    min_lr: number("min_lr").unwrap(),
                },
                "polynomial" => {
                    Schedule::Polynomial { total_iters: count("total_iters").unwrap(), power: number("power").unwrap() }
                }
                other => panic!("no schedule is called {other}"),
            };
            let mut rate = LearningRate::new(schedule, number("lr").or(number("max_lr")).unwrap());
            let values = case["values"].as_array().unwrap();
            assert!(!values.is_empty());
            for (epoch, expected) in values.iter().enumerate() {
                // Some files record the rate of an epoch before its loss is known, as an optimiser uses it.
                let expected = expected.as_f64().unwrap();
                assert!((rate.rate() - expected).abs() <= 1e-9, "{name} {epoch}: {}, {expected}", rate.rate());
                rate.advance(case["val_loss"][epoch].as_f64());
            }
        }
    }
}

#[test]
fn golden_training_steps_equal_pytorch() {
    for folder in golden_folders() {
        let path = folder.join("train_steps.safetensors");
        let bytes = fs_err::read(&path).unwrap();
        let masks = SafeTensors::deserialize(&bytes).unwrap().tensor("mask").unwrap().data().to_vec();
        let expected = read_tensors(&path);
        let device = Device::flex();
        let checkpoint = Checkpoint::read(folder.join("train_steps_init.pth")).unwrap();
        let mut network = checkpoint.load(&checkpoint.config(None).unwrap(), &device).unwrap().train();
        let input = tensor4(&expected["input"], &device.clone().autodiff());
        let [n, _, h, w] = input.dims();
        let target = Target::new(&masks, [n, 1, h, w], 255, &device);
        let loss = TverskyLoss { alpha: 4.0, beta: 4.0, smooth: 1.0, gamma: 1.0 };
        // Burn's defaults of epsilon and decay are not PyTorch's.
        let mut optimiser = AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(0.01).init();
        for (step, expected) in expected["losses"].1.iter().enumerate() {
            let loss = loss.forward(network.forward(input.clone()), &target);
            let found = loss.clone().into_scalar::<f32>();
            println!("step {step}: {found}, {expected}");
            assert!((found - expected).abs() <= 1e-5 * expected, "step {step}: {found}, {expected}");
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            network = optimiser.step(3e-4, network, gradients);
        }
        let logits = network.valid().forward(tensor4(&expected["input"], &device));
        let difference = max_abs_difference(logits, &expected["logits_after"]);
        let largest = expected["logits_after"].1.iter().fold(0.0_f32, |max, v| max.max(v.abs()));
        println!("logits after training differ by {difference:e} of {largest}");
        // Adam's first steps are as long for a gradient of rounding errors as for any other, so they differ by processor: up to
        // 2.2e-4 here, and up to 8e-5 between PyTorch's own runs with other numbers of threads or in double precision.
        assert!(difference < 5e-4 * largest, "{difference} of {largest}");
    }
}

#[test]
fn golden_counts_are_exact() {
    for folder in golden_folders() {
        let path = folder.join("losses.safetensors");
        let bytes = fs_err::read(&path).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let mut compared = 0;
        for (key, (shape, values)) in read_tensors(&path).iter().filter(|(key, _)| key.ends_with(".logits")) {
            let case = key.trim_end_matches(".logits");
            let masks = file.tensor(&format!("{case}.mask")).unwrap().data().to_vec();
            let counts = file.tensor(&format!("{case}.counts_tp_fp_fn_tn")).unwrap();
            let bytes = counts.data();
            let expected: Vec<u64> = match counts.dtype() {
                safetensors::Dtype::I64 => {
                    bytes.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as u64).collect()
                }
                safetensors::Dtype::F64 => {
                    bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap()) as u64).collect()
                }
                safetensors::Dtype::F32 => {
                    bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()) as u64).collect()
                }
                other => panic!("counts are {other:?}"),
            };
            let pixels = shape[2] * shape[3];
            for (image, expected) in expected.chunks_exact(4).enumerate() {
                let part = image * pixels..(image + 1) * pixels;
                let probabilities: Vec<f32> = values[part.clone()].iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect();
                let found = ConfusionMatrix::count(&probabilities, &masks[part], 0.5, 255);
                assert_eq!([found.tp, found.fp, found.fn_, found.tn], expected, "{case} {image}");
                compared += 1;
            }
        }
        assert!(compared > 0);
    }
}
