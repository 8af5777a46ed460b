//! `minesegsat model`: folders made from checkpoints and from nothing, listed, shown and verified.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use crate::support::{Done, changed, copy_of_model, json_file, model, names, rgb_model, run, shipped_model};
use minesegsat_testing::reference::golden_folders;
use serde_json::json;

/// `minesegsat model VERB PATH ...`
fn on(verb: &str, path: &Path, more: &[&str]) -> Done {
    run([OsStr::new("model"), OsStr::new(verb), path.as_os_str()].into_iter().chain(more.iter().map(OsStr::new)))
}

/// `minesegsat model import CHECKPOINT -o FOLDER ...`
fn import(checkpoint: &Path, folder: &Path, more: &[&str]) -> Done {
    on("import", checkpoint, &[&["--output", folder.to_str().unwrap()], more].concat())
}

#[test]
fn random_models_are_the_same_for_the_same_seed() {
    let folder = tempfile::tempdir().unwrap();
    let make = |name: &str, seed: &str| {
        let path = folder.path().join(name);
        let more = ["--patch-size", "64", "--seed", seed, "-o", path.to_str().unwrap()];
        let done = run(["model", "random", "b0"].iter().chain(&more)).succeeded_quietly();
        for line in ["SegFormer b0, untrained", "bands          B04, B03, B02, B08", "64 px", "SHA-256"] {
            assert!(done.stdout.contains(line), "{line}: {}", done.stdout);
        }
        assert_eq!(names(&path), ["forward.safetensors", "model.json", "model.safetensors"]);
        path
    };
    let (a, again, b) = (make("a", "7"), make("again", "7"), make("b", "8"));
    for name in names(&a) {
        assert!(fs::read(a.join(&name)).unwrap() == fs::read(again.join(&name)).unwrap(), "{name}");
    }
    assert_ne!(json_file(&a.join("model.json"))["weights_sha256"], json_file(&b.join("model.json"))["weights_sha256"]);

    // What is there is kept, unless it is a model that may be replaced.
    let out = |path: &Path, more: &[&str]| {
        let all = [&["model", "random", "b0", "--patch-size", "64", "-o", path.to_str().unwrap()], more].concat();
        run(all)
    };
    out(&a, &[]).failed(1, &["exists already and is not overwritten", "hint: use `--overwrite`"]);
    out(&a, &["--overwrite", "--seed", "8"]).succeeded_quietly();
    assert!(fs::read(a.join("model.json")).unwrap() == fs::read(b.join("model.json")).unwrap());
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("notes.txt"), "mine").unwrap();
    out(&other, &["--overwrite"]).failed(1, &["other", "exists already"]);
    assert_eq!(names(&other), ["notes.txt"]);
    assert_eq!(names(folder.path()), ["a", "again", "b", "other"]);
}

#[test]
fn wrong_values_are_named_with_what_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let random = |more: &[&str]| run([&["model", "random"], more, &["-o", out.to_str().unwrap()]].concat());
    random(&["b9"]).failed(1, &["b9", "b0", "b5", "paper"]);
    random(&["b0", "--patch-size", "100"]).failed(1, &["`100`", "a multiple of 32"]);
    random(&["b0", "--patch-size", "0"]).failed(1, &["`0`", "a multiple of 32"]);
    random(&["b0", "--bands", "B04,B99"]).failed(2, &["B99", "B01 to B12"]);
    random(&["b0", "--bands", "B04,B04"]).failed(1, &["B04 twice"]);
    let weights = model().join("model.safetensors");
    import(&weights, &out, &["--bands", "B04,B03"]).failed(1, &["`B04, B03`", "12 channels"]);
    import(&weights, &out, &["--max-values", "1,2"]).failed(1, &["max-values", "12 values above 0"]);
    import(&weights, &out, &["--num-heads", "1,2"]).failed(1, &["`--num-heads` has 2 numbers", "1,2,5,8"]);
    import(&weights, &out, &["--num-heads", "3,2,5,8"]).failed(1, &["3"]);
    import(&weights, &out, &["--classes", "a,b"]).failed(1, &["`a,b`", "1 names"]);
    import(&weights, &out, &["--threshold", "1.5"]).failed(2, &["'1.5'", "expected 0 to 1"]);
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn imported_weights_become_a_described_model() {
    let folder = tempfile::tempdir().unwrap();
    let (checkpoint, out) = (folder.path().join("mines-2024.safetensors"), folder.path().join("deep/out"));
    // As wrappers for several GPUs save it.
    changed(&model().join("model.safetensors"), &checkpoint, |name| format!("module.{name}"), |_, _, v| v);
    let max = "0.3,0.3,0.3,0.5,0.4,0.5,0.5,0.5,0.6,0.6,0.3,0.5";
    let more = [
        "--max-values",
        max,
        "--patch-size",
        "128",
        "--threshold",
        "0.4",
        "--licence",
        "CC-BY-4.0",
        "--training-data",
        "mines of the world",
    ];
    let done = import(&checkpoint, &out, &more).succeeded_quietly();
    assert!(done.stdout.contains("mines of the world"), "{}", done.stdout);
    let card = json_file(&out.join("model.json"));
    assert_eq!(card["title"], json!("mines-2024"));
    assert_eq!((&card["licence"], &card["patch_size"]), (&json!("CC-BY-4.0"), &json!(128)));
    assert_eq!(card["normalisation"]["method"], json!("min-max"));
    assert_eq!(card["normalisation"]["max"].as_array().unwrap().len(), 12);
    assert_eq!(card["bands"][0], json!("B04"));
    assert_eq!(card["architecture"], json_file(&model().join("model.json"))["architecture"], "read off the weights");
    // The tensors are those of the model that they were taken from.
    assert!(fs::read(out.join("model.safetensors")).unwrap() == fs::read(model().join("model.safetensors")).unwrap());
    assert!(
        fs::read(out.join("forward.safetensors")).unwrap() == fs::read(model().join("forward.safetensors")).unwrap()
    );
    import(&checkpoint, &out, &[]).failed(1, &["exists already"]);
    assert_eq!(json_file(&out.join("model.json")), card);
    on("verify", &out, &[]).succeeded_quietly();
    import(&checkpoint, &out, &["--overwrite", "--title", "New"]).succeeded_quietly();
    assert_eq!(json_file(&out.join("model.json"))["title"], json!("New"));
    assert_eq!(names(out.parent().unwrap()), ["out"]);
}

#[test]
fn what_is_no_checkpoint_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let out = at("out");
    let weights = model().join("model.safetensors");
    changed(&weights, &at("other.safetensors"), |name| name.replace("encoder", "backbone"), |_, _, v| v);
    import(&at("other.safetensors"), &out, &[]).failed(
        1,
        &[
            "other.safetensors holds the weights of another network",
            "encoder.",
            "are missing",
            "backbone.",
            "not known",
        ],
    );
    let whole = fs::read(&weights).unwrap();
    for (name, bytes, said) in [
        ("half.safetensors", &whole[..whole.len() / 2], "is not a readable checkpoint"),
        ("empty.pth", &[][..], "is not a readable checkpoint"),
        ("text.pth", b"weights", "is not a readable checkpoint"),
        ("cut.pth", b"PK\x03\x04\x14\0\0\0\0\0archive/data.pkl", "is not a readable checkpoint"),
        ("pickle.pth", b"\x80\x02}q\0.", "is not a readable checkpoint"),
    ] {
        fs::write(at(name), bytes).unwrap();
        import(&at(name), &out, &[]).failed(1, &[name, said]);
    }
    import(&at("missing.pth"), &out, &[]).failed(1, &["missing.pth", "No such file"]);
    import(folder.path(), &out, &[]).failed(1, &[folder.path().to_str().unwrap()]);
    assert!(!out.exists());
    assert!(names(folder.path()).iter().all(|name| !name.starts_with('.')), "{:?}", names(folder.path()));
}

#[test]
fn models_are_listed_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let copy = copy_of_model(folder.path());
    let broken = folder.path().join("broken");
    fs::create_dir(&broken).unwrap();
    fs::write(broken.join("model.json"), "{}").unwrap();
    fs::create_dir(folder.path().join("no model")).unwrap();

    let done = on("list", folder.path(), &[]).succeeded_quietly();
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", done.stdout);
    assert!(lines[0].contains("broken  cannot be used: ") && lines[0].contains("missing field"), "{}", lines[0]);
    assert!(lines[1].contains("scaled") && lines[1].contains("12 bands"), "{}", lines[1]);
    let rows = on("list", folder.path(), &["--json"]).succeeded_quietly().json();
    assert_eq!(rows[1]["path"], json!(copy.to_str().unwrap()));
    assert_eq!(rows[1]["card"], json_file(&copy.join("model.json")));
    assert!(rows[0]["error"].as_str().unwrap().contains("missing field"));

    let shown = on("show", &copy, &["--json"]).succeeded_quietly().json();
    assert_eq!(shown, json_file(&copy.join("model.json")));
    let done = on("show", rgb_model(), &[]).succeeded_quietly();
    assert!(done.stdout.contains("bands          B04, B03, B02\n"), "{}", done.stdout);
    on("show", &broken, &[]).failed(1, &["broken", "model.json", "missing field"]);
    on("show", folder.path(), &[]).failed(1, &["it has no model.json"]);
    on("list", &folder.path().join("nowhere"), &[]).failed(1, &["nowhere"]);
    let empty = on("list", &folder.path().join("no model"), &[]).succeeded();
    assert_eq!(empty.stdout, "");
    assert!(empty.stderr.contains("no model in"), "{}", empty.stderr);
    assert_eq!(on("list", &folder.path().join("no model"), &["--json"]).succeeded_quietly().json(), json!([]));
}

#[test]
fn verification_tells_answers_that_differ() {
    let folder = tempfile::tempdir().unwrap();
    let copy = copy_of_model(folder.path());
    let record = copy.join("forward.safetensors");
    let done = on("verify", &copy, &[]).succeeded_quietly();
    assert!(done.stdout.contains("logits") && done.stdout.contains("within the tolerance"), "{}", done.stdout);
    let report = on("verify", &copy, &["--json"]).succeeded_quietly().json();
    assert!(report["max_abs_difference"].as_f64().unwrap() <= 1e-3);
    assert_eq!(report["tensors"].as_array().unwrap().len(), 5);

    // One logit is off by a hundredth.
    let off = folder.path().join("off.safetensors");
    let shift = |name: &str, i: usize, v: f32| if (name, i) == ("logits", 5) { v + 0.01 } else { v };
    changed(&record, &off, str::to_owned, shift);
    let against = ["--against", off.to_str().unwrap()];
    let done = on("verify", &copy, &against);
    assert_eq!((done.code, done.stderr.as_str()), (Some(1), ""), "{}", done.stdout);
    assert!(
        done.stdout.contains("outside of the tolerance") && done.stdout.contains("off.safetensors"),
        "{}",
        done.stdout
    );
    on("verify", &copy, &[&against[..], &["--tolerance", "0.1"]].concat()).succeeded_quietly();
    let done = on("verify", &copy, &[&against[..], &["--json"]].concat());
    assert_eq!(done.code, Some(1));
    let difference = done.json()["max_abs_difference"].as_f64().unwrap();
    assert!((difference - 0.01).abs() < 1e-3, "{difference}");
    // The model's own record, too; and a number that is none never passes.
    changed(&copy.join("forward.safetensors"), &off, str::to_owned, |_, _, v| v);
    fs::rename(&off, &record).unwrap();
    on("verify", &copy, &[]).succeeded_quietly();
    changed(&record, &off, str::to_owned, |name, i, v| if (name, i) == ("logits", 5) { f32::NAN } else { v });
    fs::rename(&off, &record).unwrap();
    assert_eq!(on("verify", &copy, &["--tolerance", "1e9"]).code, Some(1));

    // Records of other models, and none at all.
    let other = rgb_model().join("forward.safetensors");
    on("verify", &copy, &["--against", other.to_str().unwrap()]).failed(1, &["3 channels", "takes 12"]);
    let weights = copy.join("model.safetensors");
    on("verify", &copy, &["--against", weights.to_str().unwrap()]).failed(1, &["model.safetensors", "tensor"]);
    fs::remove_file(&record).unwrap();
    on("verify", &copy, &[]).failed(1, &["forward.safetensors"]);
    on("verify", &copy, &["--device", "cuda:0"]).failed(1, &["device `cuda:0`"]);
}

#[test]
fn golden_checkpoints_are_imported_and_answer_as_pytorch_did() {
    let folder = tempfile::tempdir().unwrap();
    for (i, golden) in golden_folders().into_iter().enumerate() {
        for name in ["segformer_tiny.pth", "segformer_tiny_plain.pth", "segformer_tiny.safetensors"] {
            let (checkpoint, forward) = (golden.join(name), golden.join("segformer_tiny_forward.safetensors"));
            let out = folder.path().join(format!("{i}-{name}"));
            import(&checkpoint, &out, &["--patch-size", "64"]).succeeded_quietly();
            let card = json_file(&out.join("model.json"));
            assert_eq!(card["architecture"]["embed_dims"].as_array().unwrap().len(), 4, "{card}");
            let against = ["--against", forward.to_str().unwrap(), "--tolerance", "2e-3", "--json"];
            let report = on("verify", &out, &against).succeeded_quietly().json();
            assert!(report["tensors"].as_array().unwrap().len() == 5, "{report}");
        }
    }
}

#[test]
fn golden_checkpoints_that_were_cut_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for golden in golden_folders() {
        let whole = fs::read(golden.join("segformer_tiny.pth")).unwrap();
        for len in [10, 1000, whole.len() / 2, whole.len() - 100] {
            let (cut, out) = (folder.path().join("cut.pth"), folder.path().join("out"));
            fs::write(&cut, &whole[..len]).unwrap();
            import(&cut, &out, &[]).failed(1, &["cut.pth is not a readable checkpoint"]);
            assert_eq!(names(folder.path()), ["cut.pth"]);
        }
    }
}

#[test]
fn the_model_in_the_box_gives_the_answers_that_it_was_shipped_with() {
    let model = shipped_model();
    run(["model", "verify", model.to_str().unwrap()]).succeeded();
    let card = json_file(&model.join("model.json"));
    assert!(card["title"].as_str().unwrap().contains("real ground") && card["band_dropout_max"] == 9, "{card}");
    assert!(card["metrics"]["real_ground"]["amazon"]["auc"]["value"].as_f64().unwrap() > 0.65, "{card}");
    assert!(card["training"]["sources"].to_string().contains("modified Copernicus Sentinel data"), "{card}");
    assert!(card["familiarity"]["fitted_to"].as_u64().unwrap() > 1000, "{card}");
    assert!(card["metrics"]["test"]["f1"]["value"].as_f64().unwrap() > 0.8, "{card}");
    let size: u64 = fs::read_dir(model).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(size < 16_000_000, "{size} bytes");
}

#[test]
fn a_model_is_exported_as_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let export = |model: &Path, file: &Path, more: &[&str]| {
        on("export", model, &[&["--format", "onnx", "-o", file.to_str().unwrap()], more].concat())
    };
    let done = export(model(), &at("a.onnx"), &[]).succeeded_quietly();
    for part in ["a.onnx: SegFormer b0", "operator set 17", "`input` [batch, 12, height, width]", "multiples of 32"] {
        assert!(done.stdout.contains(part), "{part}: {}", done.stdout);
    }
    let bytes = fs::read(at("a.onnx")).unwrap();
    // The version of the format is its first field.
    assert!(bytes.starts_with(b"\x08\x08\x12\x0aminesegsat"), "{:?}", &bytes[..16]);
    export(model(), &at("b.onnx"), &[]).succeeded_quietly();
    assert!(fs::read(at("b.onnx")).unwrap() == bytes, "the same model gives the same file");

    // What is there is kept, unless it may be replaced.
    export(rgb_model(), &at("a.onnx"), &[]).failed(1, &["a.onnx", "exists already", "hint: use `--overwrite`"]);
    assert!(fs::read(at("a.onnx")).unwrap() == bytes);
    export(rgb_model(), &at("a.onnx"), &["--overwrite"]).succeeded_quietly();
    assert!(fs::read(at("a.onnx")).unwrap() != bytes);

    export(folder.path(), &at("c.onnx"), &[]).failed(1, &["it has no model.json"]);
    export(model(), &at("none/c.onnx"), &[]).failed(1, &["failed to write", "none/c.onnx"]);
    run(["model", "export", model().to_str().unwrap(), "--format", "tflite", "-o", "x"]).failed(2, &["tflite", "onnx"]);
    let damaged = copy_of_model(folder.path());
    let mut weights = fs::read(damaged.join("model.safetensors")).unwrap();
    *weights.last_mut().unwrap() ^= 1;
    fs::write(damaged.join("model.safetensors"), weights).unwrap();
    export(&damaged, &at("c.onnx"), &[]).failed(1, &["the weights are damaged or of another model"]);
    assert_eq!(names(folder.path()), ["a.onnx", "b.onnx", "model"]);
}

#[test]
fn engines_that_cannot_run_a_model_say_which_can() {
    let folder = tempfile::tempdir().unwrap();
    let unet = folder.path().join("unet");
    let more = ["--patch-size", "64", "--bands", "B04,B03,B02", "-o", unet.to_str().unwrap()];
    run(["model", "random", "unet-resnet18"].iter().chain(&more)).succeeded_quietly();
    on("verify", &unet, &["--engine", "native"]).failed(
        1,
        &["engine `native`", "SegFormers alone", "a U-Net with ResNet-18 is run by burn, onnxruntime or openvino"],
    );
    on("verify", &unet, &["--engine", "burn"]).succeeded_quietly();
    on("verify", model(), &["--engine", "burn"]).succeeded_quietly();
    on("verify", model(), &["--engine", "native"]).succeeded_quietly();
    on("verify", model(), &["--engine", "tensorrt"]).failed(2, &["tensorrt", "native", "onnxruntime", "openvino"]);

    // A runtime that is not there, or is none.
    let text = folder.path().join("text.so");
    fs::write(&text, "no library").unwrap();
    for engine in ["onnxruntime", "openvino"] {
        let library = format!("--{engine}-library");
        let verify = |path: &Path| on("verify", model(), &["--engine", engine, &library, path.to_str().unwrap()]);
        verify(&folder.path().join("none.so")).failed(
            1,
            &["is not found", "none.so does not exist", "hint: `pip install", &format!("site-packages/{engine}/")],
        );
        verify(folder.path()).failed(1, &["is not found", "holds no file that is named"]);
        verify(&text).failed(1, &["cannot be used", "text.so", "or newer is accepted"]);
        on("verify", model(), &["--engine", engine, "--device", "vulkan:0"])
            .failed(1, &["device `vulkan:0`", "runs on `cpu`"]);
    }
}

/// Instructions and threads of any kind give one map; bfloat16 gives nearly the same, and a processor without it falls back.
#[test]
fn maps_do_not_depend_on_instructions_and_threads() {
    let folder = tempfile::tempdir().unwrap();
    let scene = crate::support::folder_scene(folder.path());
    let map = |name: &str, variables: &[(&str, &str)], more: &[&str]| {
        let out = folder.path().join(name);
        let more = [&["--offset", "-1000", "--patch-size", "72"], more].concat();
        let mut command = crate::support::predict_command(&scene, &out, &more);
        let done = Done::of(command.envs(variables.iter().copied())).succeeded();
        let device = json_file(&out.join("manifest.json"))["parameters"]["device"].as_str().unwrap().to_owned();
        (crate::support::probability(&out), device, done.stderr)
    };
    let (expected, device, said) = map("own", &[], &[]);
    assert_eq!((device.as_str(), said.as_str()), ("cpu", ""));
    for (name, variables) in [
        ("portable", [("MINESEGSAT_ISA", "portable"), ("RAYON_NUM_THREADS", "1")]),
        // More threads than any map here has rows.
        ("threads", [("MINESEGSAT_ISA", ""), ("RAYON_NUM_THREADS", "61")]),
    ] {
        let (found, _, said) = map(name, &variables, &[]);
        assert_eq!(said, "");
        crate::support::assert_same(&found, &expected, 4e-5);
    }
    // Without instructions for bfloat16 it is said, once, that float32 is used, and the map is float32's.
    let (found, device, said) = map("fallback", &[("MINESEGSAT_ISA", "portable")], &["--precision", "bf16"]);
    assert_eq!(device, "cpu");
    assert_eq!(said.matches("no instructions for bfloat16").count(), 1, "{said}");
    crate::support::assert_same(&found, &expected, 4e-5);
    // With them, or without, never far off.
    let (found, _, _) = map("bf16", &[], &["--precision", "bf16"]);
    crate::support::assert_same(&found, &expected, 0.1);
}

#[test]
fn profiles_say_where_the_time_went() {
    let done = on("verify", model(), &["--profile"]).succeeded();
    for part in ["mlp_in", "depthwise, GELU", "GFLOP/s", "of the peak"] {
        assert!(done.stderr.contains(part), "{part}: {}", done.stderr);
    }
    on("verify", model(), &["--profile", "--engine", "burn"]).failed(1, &["profile", "native engine", "run by burn"]);
    on("verify", model(), &["--profile", "--engine", "openvino"])
        .failed(1, &["engine openvino does not support profiles", "native engine"]);
}

#[test]
fn precisions_and_instructions_that_are_none_are_answered_with_those_that_are() {
    on("verify", model(), &["--precision", "int4"]).failed(2, &["int4", "fp32 or bf16"]);
    on("verify", model(), &["--precision", "bf16", "--engine", "burn"]).failed(1, &["precision `bf16`", "fp32"]);
    on("verify", model(), &["--precision", "bf16", "--engine", "onnxruntime"])
        .failed(1, &["precision `bf16`", "native and openvino"]);
    let mut command = crate::support::program();
    command.args(["model", "verify"]).arg(model()).env("MINESEGSAT_ISA", "avx9");
    Done::of(&mut command).failed(1, &["MINESEGSAT_ISA `avx9`", "this processor has portable"]);
}

/// The same answer from the runtimes whose libraries the environment names: `ORT_DYLIB_PATH`, `OPENVINO_DYLIB_PATH`.
#[test]
fn runtimes_give_the_answer_of_the_programs_own_engine() {
    let folder = tempfile::tempdir().unwrap();
    let unet = folder.path().join("unet");
    let more = ["--patch-size", "64", "--bands", "B04,B03,B02", "-o", unet.to_str().unwrap()];
    run(["model", "random", "unet-resnet18"].iter().chain(&more)).succeeded_quietly();
    let scene = crate::support::folder_scene(folder.path());
    let map = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        crate::support::predict(&scene, &out, &[&["--offset", "-1000", "--patch-size", "72"], more].concat())
            .succeeded_quietly();
        (crate::support::probability(&out), json_file(&out.join("manifest.json")))
    };
    let (own, _) = map("own", &[]);
    for (engine, title, variable) in
        [("onnxruntime", "ONNX Runtime", "ORT_DYLIB_PATH"), ("openvino", "OpenVINO", "OPENVINO_DYLIB_PATH")]
    {
        if std::env::var_os(variable).is_none_or(|path| path.is_empty()) {
            minesegsat_testing::reference::skip(&format!("{variable} does not name a library of {title}"));
            continue;
        }
        on("verify", &unet, &["--engine", engine]).succeeded_quietly();
        on("verify", model(), &["--engine", engine]).succeeded_quietly();
        let (found, manifest) = map(engine, &["--engine", engine]);
        let agrees = |(a, b): (&f64, &f64)| (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-4;
        assert!(found.iter().zip(&own).all(agrees));
        let device = manifest["parameters"]["device"].as_str().unwrap();
        assert!(device.starts_with(&format!("cpu, {title} ")), "{device}");
    }
}
