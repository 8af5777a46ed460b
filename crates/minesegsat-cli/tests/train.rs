//! `minesegsat train`, the built program, on a small simulated set.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use support::{Done, json_file, names, predict_with, program, run, wait_until};

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
    let expected =
        ["best", "checkpoints", "config.toml", "last", "metrics.csv", "metrics.jsonl", "pictures", "tensorboard"];
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

    // The same again gives the same, to the digit; nothing is written over a run.
    let again = folder.path().join("again");
    train(&config, &again, &["--set", "title=Small"]).succeeded();
    assert_eq!(epochs, self::epochs(&again));
    train(&config, &out, &[]).failed(1, &["it holds a run already: go on with it by `--resume`"]);
    train(&config, &out, &["--resume", "--seed", "6"])
        .failed(1, &["another configuration", "`seed` was 5, is 6", "`title` was \"Small\", is \"\""]);
    assert_eq!(names(&out), expected);
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
    let mut child = train_command(&config, &stopped, &settings).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let log = stopped.join("metrics.csv");
    wait_until("training has begun", || log.is_file());
    std::thread::sleep(std::time::Duration::from_millis(150));
    // SAFETY of sense: the process is ours and has not been waited for.
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let status = child.wait().unwrap();
    if status.success() {
        println!("skipped the rest: the run was over before it could be interrupted");
        return;
    }
    assert_eq!(status.code(), Some(130));
    train(&config, &stopped, &[&settings[..], &["--resume"]].concat()).succeeded();
    assert_eq!(epochs(&whole), epochs(&stopped));
}

#[test]
fn a_loss_that_is_no_number_stops_the_run_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (config, out) = (config(folder.path()), folder.path().join("run"));
    train(&config, &out, &["--set", "phases.1.learning_rate=1e38", "--set", "optimiser.clip_norm=0"])
        .failed(1, &["the loss is", "training stopped", "the last good checkpoint and the best model are in"]);
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
