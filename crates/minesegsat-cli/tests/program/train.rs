//! `minesegsat train`, the built program, on a small simulated set.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::support::{Done, json_file, names, predict_with, program, run, wait_until};
use serde_json::Value;

/// A network of a few thousand weights, and little of everything.
const CONFIG: &str = r#"
seed = 5
[data]
patch_size = 32
batch_size = 2
samples_per_epoch = 8
bands = ["B04", "B03", "B02", "B11"]
[augment]
flip = 0.5
noise = 0.5
noise_std = 0.01
[network]
name = "b0"
embed_dims = [8, 8, 16, 16]
depths = [1, 1, 1, 1]
num_heads = [1, 1, 2, 2]
decoder_dim = 16
dropout = 0.2
drop_path_rate = 0.2
[optimiser]
clip_norm = 1.0
[[phases]]
epochs = 2
learning_rate = 1e-3
warmup_steps = 2
[[phases]]
epochs = 1
learning_rate = 1e-4
schedule = { name = "constant" }
[average]
decay = 0.9
[validation]
window = 64
overlap = 16
metric = "bce"
[output]
checkpoint_seconds = 0
pictures_every = 2
pictures = 2
"#;

/// A divided and measured set of simulated patches, made once.
fn set() -> &'static Path {
    static SET: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, set) = SET.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let (sim, set) = (folder.path().join("sim"), folder.path().join("set"));
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        run(["simulate", "-o", &text(&sim), "--size", "192", "--years", "2021", "--seed", "3", "--cloud-cover", "0"])
            .succeeded();
        let labels = text(&sim.join("truth/2021.gpkg"));
        let scenes = text(&sim.join("2021"));
        run([
            "dataset",
            "build",
            "--scenes",
            &scenes,
            "--labels",
            &labels,
            "-o",
            &text(&set),
            "--patch-size",
            "48",
            "--negatives",
            "0.3",
        ])
        .succeeded();
        run(["dataset", "split", &text(&set), "--shares", "60,40,0"]).succeeded();
        // So few patches are all neighbours: both parts are to have mines here.
        let splits = set.join("dataset_splits.csv");
        let lines = fs::read_to_string(&splits).unwrap();
        let dealt = lines.lines().enumerate().map(|(i, line)| match (i, line.split_once(',')) {
            (1.., Some((_, rest))) => format!("{},{rest}\n", ["val", "train"][i % 2]),
            _ => format!("{line}\n"),
        });
        fs::write(&splits, dealt.collect::<String>()).unwrap();
        run(["dataset", "stats", &text(&set)]).succeeded();
        (folder, set)
    });
    set
}

fn config(folder: &Path) -> PathBuf {
    let path = folder.join("config.toml");
    fs::write(&path, CONFIG).unwrap();
    path
}

fn train_command(config: &Path, output: &Path, more: &[&str]) -> Command {
    let mut command = program();
    command.arg("train").arg("-c").arg(config).arg("-o").arg(output).arg("--dataset").arg(set()).args(more);
    command
}

fn train(config: &Path, output: &Path, more: &[&str]) -> Done {
    Done::of(&mut train_command(config, output, more))
}

/// What each epoch says, less what the clock decides.
fn epochs(run: &Path) -> Vec<Value> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    text.lines()
        .map(|line| {
            let mut epoch: Value = serde_json::from_str(line).unwrap();
            for clock in ["seconds", "patches_per_second", "waiting_share"] {
                epoch.as_object_mut().unwrap().remove(clock).unwrap();
            }
            epoch
        })
        .collect()
}

#[test]
fn a_run_leaves_a_model_that_predicts_and_says_what_it_did() {
    let folder = tempfile::tempdir().unwrap();
    let (config, out) = (config(folder.path()), folder.path().join("run"));
    let done = train(&config, &out, &["--set", "title=Small"]).succeeded();
    assert!(done.stdout.contains("trained 3 epochs, 12 steps"), "{}", done.stdout);
    assert!(done.stdout.contains("best bce"), "{}", done.stdout);
    assert!(done.stderr.contains("epoch    3  loss"), "{}", done.stderr);
    let expected = [
        "best",
        "checkpoints",
        "config.toml",
        "data.json",
        "last",
        "metrics.csv",
        "metrics.jsonl",
        "pictures",
        "tensorboard",
    ];
    assert_eq!(names(&out), expected);
    assert_eq!(names(&out.join("pictures")), ["epoch-0002.png", "epoch-0003.png"]);
    assert_eq!(names(&out.join("checkpoints")), ["step-00000008", "step-00000012"], "the last two are kept");
    assert_eq!(fs::read_to_string(out.join("metrics.csv")).unwrap().lines().count(), 4, "a header and three epochs");
    let epochs = epochs(&out);
    assert_eq!(epochs.len(), 3);
    assert!(epochs[0]["validation"]["bce"].as_f64().unwrap() > 0.0);
    let resolved = fs::read_to_string(out.join("config.toml")).unwrap();
    assert!(resolved.contains("title = \"Small\"") && resolved.contains("prefetch = 2"), "{resolved}");

    let card = json_file(&out.join("best/model.json"));
    assert_eq!(card["title"], "Small");
    assert_eq!(card["bands"], serde_json::json!(["B04", "B03", "B02", "B11"]));
    assert!(card["metrics"]["validation"]["f1_image"].is_number() || card["metrics"]["validation"]["bce"].is_number());
    for model in ["best", "last"] {
        run(["model", "verify", out.join(model).to_str().unwrap()]).succeeded();
    }
    let scene = fs::read_dir(set().parent().unwrap().join("sim/2021")).unwrap().next().unwrap().unwrap().path();
    let maps = folder.path().join("maps");
    Done::of(&mut predict_with(&out.join("best"), scene.join("item.json"), &maps, &[])).succeeded();
    assert!(names(&maps).contains(&"probability.tif".to_owned()));
    // The model says from which level it learned, and a scene of another level is named.
    assert_eq!(card["training"]["levels"], serde_json::json!(["L2A"]));
    let mut item = json_file(&scene.join("item.json"));
    item["properties"]["s2:product_type"] = "S2MSI1C".into();
    item["properties"]["processing:level"] = "L1C".into();
    for asset in item["assets"].as_object_mut().unwrap().values_mut() {
        asset["href"] = scene.join(asset["href"].as_str().unwrap()).to_str().unwrap().into();
    }
    let (l1c, other) = (folder.path().join("l1c.json"), folder.path().join("l1c"));
    fs::write(&l1c, item.to_string()).unwrap();
    let done = Done::of(&mut predict_with(&out.join("best"), &l1c, &other, &[])).succeeded();
    let said = "the scene is L1C, but the model learned from L2A scenes";
    assert!(done.stderr.contains(said), "{}", done.stderr);
    assert!(json_file(&other.join("manifest.json"))["warnings"].to_string().contains(said));

    // The same again gives the same, to the digit; nothing is written over a run.
    let again = folder.path().join("again");
    train(&config, &again, &["--set", "title=Small"]).succeeded();
    assert_eq!(epochs, self::epochs(&again));
    train(&config, &out, &[]).failed(1, &["it holds a run already", "hint: `--resume` goes on with it"]);
    train(&config, &out, &["--resume", "--seed", "6"])
        .failed(1, &["another configuration", "`seed` was 5, is 6", "`title` was \"Small\", is \"\""]);
    assert_eq!(names(&out), expected);
}

#[test]
fn a_configuration_is_printed_without_a_folder_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let print = |more: &[&str]| {
        Done::of(program().arg("train").arg("-c").arg(&config).arg("--print-config").args(more))
            .succeeded_quietly()
            .stdout
    };
    let printed = print(&["--title", "Mine", "--set", "seed=7"]);
    assert!(printed.contains("title = \"Mine\"\n") && printed.contains("seed = 7\n"), "{printed}");
    // It is a configuration again, and gives itself.
    let again = folder.path().join("again.toml");
    fs::write(&again, &printed).unwrap();
    let reprinted = Done::of(program().arg("train").arg("-c").arg(&again).arg("--print-config")).succeeded_quietly();
    assert_eq!(reprinted.stdout, printed);
    Done::of(program().args(["train", "--print-config"])).succeeded_quietly();
    Done::of(program().arg("train").arg("-c").arg(&config)).failed(2, &["--output <DIR>"]);
    Done::of(program().args(["train", "--print-config", "--resume"])).failed(2, &["--output <DIR>"]);
    assert_eq!(names(folder.path()), ["again.toml", "config.toml"]);
}

#[test]
fn a_pipe_sees_where_a_run_is_and_how_long_it_takes() {
    let folder = tempfile::tempdir().unwrap();
    let (config, out) = (config(folder.path()), folder.path().join("run"));
    let mut command = train_command(&config, &out, &["--set", "data.samples_per_epoch=40"]);
    let done = Done::of(command.env("MINESEGSAT_PROGRESS_SECONDS", "0.02")).succeeded();
    let is_line = |line: &&str| line.starts_with("epoch ") && line.contains("/3  ") && line.contains(" of 20  loss ");
    let line = done.stderr.lines().find(is_line).unwrap_or_else(|| panic!("{}", done.stderr));
    assert!(line.contains("patches/s  about ") && line.ends_with(" left"), "{line}");
    let quiet = folder.path().join("quiet");
    let mut command = train_command(&config, &quiet, &["-q"]);
    Done::of(command.env("MINESEGSAT_PROGRESS_SECONDS", "0.02")).succeeded_quietly();
}

#[test]
fn a_model_has_title_and_licence_of_nobody_else_and_names_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let (config, first) = (config(folder.path()), folder.path().join("first"));
    let short = ["--set", "phases.0.epochs=1"];
    train(&config, &first, &[&short[..], &["--title", "First", "--licence", "CC0-1.0"]].concat()).succeeded();
    let card = json_file(&first.join("best/model.json"));
    assert_eq!((&card["title"], &card["licence"]), (&"First".into(), &"CC0-1.0".into()));
    assert!(card["training"]["started_from"].is_null(), "{card}");
    let weights = format!("init.weights={:?}", first.join("best").to_str().unwrap());
    let second = folder.path().join("second");
    train(&config, &second, &[&short[..], &["--set", &weights]].concat()).succeeded();
    let next = json_file(&second.join("best/model.json"));
    assert_ne!(next["title"], "First");
    assert_eq!(next["licence"], "not stated");
    let start = next["training"]["started_from"].as_str().unwrap();
    assert_eq!(start, format!("First, licence CC0-1.0, SHA-256 {}", card["weights_sha256"].as_str().unwrap()));
    let shown = run(["model", "show", second.join("best").to_str().unwrap()]).succeeded_quietly().stdout;
    assert!(shown.contains("started from") && shown.contains("First, licence CC0-1.0"), "{shown}");
}

#[test]
fn configurations_of_the_repository_say_nothing_of_a_certain_model() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    for name in names(&folder).iter().filter(|name| !name.starts_with("benchmark")) {
        let config = folder.join(name);
        let printed =
            Done::of(program().arg("train").arg("-c").arg(&config).arg("--print-config")).succeeded_quietly().stdout;
        for line in ["title = \"\"\n", "licence = \"not stated\"\n"] {
            assert!(printed.contains(line), "{name}: {printed}");
        }
        assert!(!printed.contains("sources = "), "{name}: {printed}");
    }
}

#[test]
fn a_run_that_is_killed_goes_on_and_gives_the_same_losses() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    train(&config, &whole, &[]).succeeded();

    let mut child = train_command(&config, &killed, &[]).stderr(std::process::Stdio::null()).spawn().unwrap();
    let first = killed.join("checkpoints/step-00000004/state.json");
    wait_until("the first checkpoint is there", || first.is_file());
    child.kill().unwrap();
    child.wait().unwrap();
    let done = train(&config, &killed, &["--resume"]).succeeded();
    assert!(done.stderr.contains("going on from step"), "{}", done.stderr);
    assert_eq!(epochs(&whole), epochs(&killed));
    let weights = |run: &Path| fs::read(run.join("last/model.safetensors")).unwrap();
    assert!(weights(&whole) == weights(&killed), "the same weights");

    // A damaged checkpoint is said, and the one before it is taken.
    let damaged = killed.join("checkpoints/step-00000012/network.bpk");
    let mut bytes = fs::read(&damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    let done = train(&config, &killed, &["--resume"]).succeeded();
    assert!(done.stderr.contains("step-00000012 is damaged: the SHA-256 of network.bpk"), "{}", done.stderr);
    assert!(done.stderr.contains("going on from step 8"), "{}", done.stderr);
    assert_eq!(epochs(&whole), epochs(&killed));
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_keeps_where_it_was_within_an_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let (whole, stopped) = (folder.path().join("whole"), folder.path().join("stopped"));
    let settings = ["--set", "data.samples_per_epoch=64", "--set", "phases.0.epochs=1"];
    train(&config, &whole, &settings).succeeded();
    let child = train_command(&config, &stopped, &settings)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let log = stopped.join("metrics.csv");
    wait_until("training has begun", || log.is_file());
    std::thread::sleep(std::time::Duration::from_millis(150));
    // SAFETY of sense: the process is ours and has not been waited for.
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let done = Done::from(child.wait_with_output().unwrap());
    if done.code == Some(0) {
        minesegsat_testing::reference::skip("the run was over before it could be interrupted");
        return;
    }
    let saved = format!("is saved in {}; ", stopped.display());
    let next = format!("hint: to continue, run `minesegsat train -o {} --resume`", stopped.display());
    done.failed(130, &["error: interrupted; the state after step ", &saved, &next]);
    train(&config, &stopped, &[&settings[..], &["--resume"]].concat()).succeeded();
    assert_eq!(epochs(&whole), epochs(&stopped));
}

#[test]
fn a_loss_that_is_no_number_stops_the_run_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (config, out) = (config(folder.path()), folder.path().join("run"));
    train(&config, &out, &["--set", "phases.1.learning_rate=1e38", "--set", "optimiser.clip_norm=0"])
        .failed(1, &["the loss is", "training stopped", "the last good checkpoint and the best model are kept in"]);
    assert!(names(&out.join("checkpoints")).contains(&"step-00000008".to_owned()));
    run(["model", "verify", out.join("best").to_str().unwrap()]).succeeded();
}

#[test]
fn bad_configurations_and_sets_are_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (good, out) = (config(folder.path()), folder.path().join("run"));
    let bad = folder.path().join("bad.toml");
    fs::write(&bad, "[data]\nbatchsize = 3\n").unwrap();
    train(&bad, &out, &[]).failed(1, &["bad.toml", "unknown field `batchsize`", "did you mean `batch_size`?"]);
    train(&good, &out, &["--set", "network.name=b9"]).failed(1, &["`b9` is not accepted"]);
    train(&good, &out, &["--set", "data.patch_size=40"])
        .failed(1, &["patch_size `40` is not accepted: a multiple of 32"]);
    train(&good, &out, &["--device", "cuda:0"]).failed(1, &["--features cuda"]);
    assert!(!out.exists() || names(&out).is_empty(), "{:?}", names(&out));
}

#[test]
fn a_batch_that_is_larger_than_an_epoch_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (config, out) = (config(folder.path()), folder.path().join("run"));
    train(&config, &out, &["--set", "data.batch_size=9"])
        .failed(1, &["batch_size `9` is not accepted: at most the 8 samples of an epoch"]);
    assert!(!out.exists());
}

#[test]
fn several_devices_share_each_batch() {
    let folder = tempfile::tempdir().unwrap();
    let (config, out) = (config(folder.path()), folder.path().join("run"));
    // The mean over a batch of a loss per pixel is that of its parts; dropout would draw differently on each device.
    let settings = ["network.dropout=0.0", "network.drop_path_rate=0.0", "loss={ name = \"cross-entropy\" }"];
    let run = |device: &str, output: &Path| {
        let more = ["--device", device].into_iter().chain(settings.iter().flat_map(|setting| ["--set", setting]));
        train(&config, output, &more.collect::<Vec<_>>()).succeeded();
    };
    run("cpu,cpu", &out);
    let shared = epochs(&out);
    let alone = folder.path().join("alone");
    run("cpu", &alone);
    // Batch norm sees halves of the batch, so the losses are near but not equal.
    let loss = |epochs: &[Value]| epochs[0]["loss"].as_f64().unwrap();
    let (a, b) = (loss(&shared), loss(&self::epochs(&alone)));
    assert!((a - b).abs() < 0.05 * b, "{a} {b}");
}

#[test]
fn the_threshold_of_the_card_may_come_from_the_validation() {
    let folder = tempfile::tempdir().unwrap();
    let (config, out) = (config(folder.path()), folder.path().join("run"));
    train(&config, &out, &["--set", "validation.tune_threshold=true", "--set", "validation.metric=bce"]).succeeded();
    let card = json_file(&out.join("best/model.json"));
    let (threshold, best) = (card["threshold"].as_f64(), card["metrics"]["validation"]["threshold_best"].as_f64());
    assert!((threshold.unwrap() - best.unwrap()).abs() < 1e-6, "{threshold:?} {best:?}");
    assert_eq!(card["metrics"]["calibration"]["split"], "val");
}

#[test]
fn training_starts_from_other_weights_and_adapts_the_bands() {
    let folder = tempfile::tempdir().unwrap();
    let (config, first) = (config(folder.path()), folder.path().join("first"));
    train(&config, &first, &["--set", "phases.0.epochs=1", "--set", "data.normalisation=percentile"]).succeeded();
    let weights = format!("init.weights={:?}", first.join("best").to_str().unwrap());
    let second = folder.path().join("second");
    train(&config, &second, &["--set", &weights, "--set", "data.bands=[\"B04\", \"B03\", \"B08\"]"]).succeeded();
    let card = json_file(&second.join("best/model.json"));
    assert_eq!(
        (&card["architecture"]["in_channels"], &card["normalisation"]["method"]),
        (&3.into(), &"mean-std".into())
    );
    let third = folder.path().join("third");
    train(&config, &third, &["--set", "init.weights=nowhere.pth"]).failed(1, &["nowhere.pth"]);

    // The normalisation of the start may be kept, and the card may name what it learned from.
    let keep = ["--set", "data.normalisation=init", "--set", "data.bands=[\"B03\", \"B04\"]"];
    train(&config, &third, &keep).failed(1, &["normalisation `init`", "unless `init.weights` is a model folder"]);
    let more = ["--set", &weights, "--set", "data.levels=[\"L1C\"]", "--set", "data.sources=[\"ours\"]"];
    train(&config, &third, &[&keep[..], &more].concat()).succeeded();
    let (card, before) = (json_file(&third.join("best/model.json")), json_file(&first.join("best/model.json")));
    let low = |card: &Value, band: &str| {
        let bands = card["bands"].as_array().unwrap();
        card["normalisation"]["low"][bands.iter().position(|other| other == band).unwrap()].clone()
    };
    assert_eq!(["B03", "B04"].map(|band| low(&card, band)), ["B03", "B04"].map(|band| low(&before, band)));
    assert_eq!(
        (&card["training"]["levels"], &card["training"]["sources"]),
        (&serde_json::json!(["L1C"]), &serde_json::json!(["ours"]))
    );
    // A domain that no sample has.
    let others = ["--set", "data.normalisation=init", "--set", &weights, "--set", "data.mixture={ nowhere = 1.0 }"];
    train(&config, &folder.path().join("fourth"), &others).failed(1, &["mixture `nowhere`"]);
}

#[test]
fn a_model_that_learned_with_bands_left_out_maps_scenes_that_lack_one() {
    let folder = tempfile::tempdir().unwrap();
    let (config, out) = (config(folder.path()), folder.path().join("run"));
    let dropout = ["--set", "augment.band_dropout=0.5", "--set", "augment.band_dropout_max=1"];
    train(&config, &out, &[&dropout[..], &["--set", "phases.0.epochs=1"]].concat()).succeeded();
    assert_eq!(json_file(&out.join("best/model.json"))["band_dropout_max"], 1);
    let scene = fs::read_dir(set().parent().unwrap().join("sim/2021")).unwrap().next().unwrap().unwrap().path();
    let lacking = |bands: &[&str]| {
        let copy = folder.path().join(format!("without-{}", bands.join("-")));
        fs::create_dir(&copy).unwrap();
        for file in names(&scene).into_iter().filter(|name| name.starts_with('B')) {
            if !bands.iter().any(|band| file.starts_with(band)) {
                fs::copy(scene.join(&file), copy.join(&file)).unwrap();
            }
        }
        copy
    };
    let maps = folder.path().join("maps");
    let done = Done::of(&mut predict_with(&out.join("best"), lacking(&["B11"]), &maps, &["--offset", "0"])).succeeded();
    assert!(done.stderr.contains("the scene lacks B11"), "{}", done.stderr);
    assert_eq!(json_file(&maps.join("manifest.json"))["parameters"]["absent_bands"], serde_json::json!(["B11"]));
    let more = folder.path().join("more");
    Done::of(&mut predict_with(&out.join("best"), lacking(&["B11", "B03"]), &more, &["--offset", "0"]))
        .failed(1, &["lacks bands B03, B11"]);
}

#[test]
fn networks_are_compared_under_one_configuration_and_none_is_trained_twice() {
    let folder = tempfile::tempdir().unwrap();
    config(folder.path());
    let bench = folder.path().join("bench.toml");
    let text = "base = \"config.toml\"\n[[runs]]\nname = \"tversky\"\n[[runs]]\nname = \"dice\"\nset = ['loss = { name = \"dice\" }']\n";
    fs::write(&bench, text).unwrap();
    let out = folder.path().join("out");
    let call = || {
        let mut command = program();
        command.arg("bench-architectures").arg("-c").arg(&bench).arg("-o").arg(&out).arg("--dataset").arg(set());
        Done::of(&mut command).succeeded()
    };
    let done = call();
    assert!(done.stdout.contains("| tversky |") && done.stdout.contains("| dice |"), "{}", done.stdout);
    assert_eq!(names(&out), ["dice", "table.json", "table.md", "tversky"]);
    let trained = fs::metadata(out.join("dice/metrics.csv")).unwrap().modified().unwrap();
    assert_eq!(call().stdout, done.stdout);
    assert_eq!(fs::metadata(out.join("dice/metrics.csv")).unwrap().modified().unwrap(), trained);
}

#[test]
fn a_batch_that_memory_cannot_hold_is_refused_with_the_one_that_fits() {
    if !cfg!(target_os = "linux") {
        minesegsat_testing::reference::skip("free memory is known on Linux only");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    // Some hundred gigabytes, were it tried.
    let more = ["--set", "data.batch_size=1000000", "--set", "data.samples_per_epoch=1000000"];
    let done =
        train(&config(folder.path()), &run, &more).failed(1, &["data.batch_size `1000000` is not accepted: at most "]);
    assert!(done.stderr.contains("a crop of 4 x 32 x 32 takes about"), "{}", done.stderr);
    assert!(!run.exists());
    let fits = done.stderr.split("at most ").nth(1).unwrap().split(',').next().unwrap().parse::<usize>().unwrap();
    assert!((100..1_000_000).contains(&fits), "{fits}");
}

#[test]
#[cfg(unix)]
fn a_disk_that_is_full_while_saving_leaves_the_last_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let (whole, run) = (folder.path().join("whole"), folder.path().join("run"));
    // Long enough to be stopped after its first epoch.
    let settings = ["--set", "data.samples_per_epoch=64"];
    let resume = [&settings[..], &["--resume"]].concat();
    train(&config, &whole, &settings).succeeded();
    let mut child = train_command(&config, &run, &settings).stderr(std::process::Stdio::null()).spawn().unwrap();
    let first = run.join("checkpoints/step-00000032/state.json");
    wait_until("the first checkpoint is there", || first.is_file());
    child.kill().unwrap();
    child.wait().unwrap();
    // What the killed one was writing just then is its own.
    let of_killed = [names(&run), names(&run.join("checkpoints"))].concat();

    // Files stay as small as 8 blocks of 1024 bytes, as if there were no more room.
    let command = train_command(&config, &run, &resume);
    let mut shell = Command::new("bash");
    crate::support::clean(&mut shell);
    shell.args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "bash"]);
    shell.arg(command.get_program()).args(command.get_args());
    Done::of(&mut shell).failed(1, &["File too large"]);
    for place in [&run, &run.join("checkpoints")] {
        let names = names(place);
        assert!(!names.iter().any(|name| name.contains(".partial") && !of_killed.contains(name)), "{names:?}");
    }
    // With room again it goes on from there to the end, as if nothing had been.
    let done = train(&config, &run, &resume).succeeded();
    assert!(done.stderr.contains("going on from step"), "{}", done.stderr);
    assert_eq!(epochs(&run), epochs(&whole));
}
