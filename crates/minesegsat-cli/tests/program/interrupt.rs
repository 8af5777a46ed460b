//! Runs that are interrupted, killed, or in each other's way.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::support::http::{Fault, Server};
use crate::support::scenes::{self, Provider};
use crate::support::{Done, OUTPUTS, names, noise_stack, predict, predict_command, spec, wait_until};

const NO_OFFSET: [&str; 2] = ["--offset", "0"];
/// Many patches.
const LONG: [&str; 4] = ["--offset", "0", "--overlap", "32"];

/// A scene that keeps the network busy until the test has done its part.
fn large_scene(folder: &Path) -> PathBuf {
    let path = folder.join("large.tif");
    noise_stack(&path, 900, 900);
    path
}

fn start(scene: impl AsRef<std::ffi::OsStr>, out: &Path, more: &[&str]) -> Child {
    predict_command(scene, out, more).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn partials(out: &Path) -> Vec<String> {
    names(out).into_iter().filter(|name| name.starts_with(".minesegsat-") && name.ends_with(".partial")).collect()
}

/// Waits until a run has its hidden folder, which it has while it predicts.
fn wait_for_partial(out: &Path) -> PathBuf {
    // The lock has the id of its process in it when the folder is ready.
    let is_ready = |folder: &Path| fs::metadata(folder.join(".lock")).is_ok_and(|lock| lock.len() > 0);
    let folder = || partials(out).into_iter().map(|name| out.join(name)).find(|folder| is_ready(folder));
    wait_until("a partial map", || folder().is_some());
    folder().unwrap()
}

fn signal(child: &Child, signal: i32) {
    // SAFETY: plain system call; the child has not been waited for, so its id is still its own.
    #[expect(unsafe_code, reason = "the standard library sends no signals but SIGKILL")]
    let sent = unsafe { libc::kill(child.id() as i32, signal) };
    assert_eq!(sent, 0);
}

fn end(child: Child) -> Done {
    child.wait_with_output().unwrap().into()
}

#[test]
fn ctrl_c_stops_and_cleans_up() {
    let folder = tempfile::tempdir().unwrap();
    let scene = large_scene(folder.path());
    for (how, existed) in [(libc::SIGINT, false), (libc::SIGTERM, true)] {
        let out = folder.path().join("deep/out");
        if existed {
            fs::create_dir_all(&out).unwrap();
            fs::write(out.join("notes.txt"), "mine").unwrap();
        }
        let child = start(&scene, &out, &LONG);
        wait_for_partial(&out);
        signal(&child, how);
        end(child).failed(130, &["press Ctrl-C again", "error: interrupted; no output was left behind"]);
        if existed {
            assert_eq!(names(&out), ["notes.txt"]);
        } else {
            assert_eq!(names(folder.path()), ["large.tif"]);
        }
    }
}

#[test]
fn a_second_ctrl_c_stops_at_once_and_cleans_up_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, out) = (large_scene(folder.path()), folder.path().join("out"));
    let child = start(&scene, &out, &LONG);
    wait_for_partial(&out);
    signal(&child, libc::SIGINT);
    signal(&child, libc::SIGINT);
    end(child).failed(130, &["interrupted"]);
    assert!(!out.exists());
}

#[test]
fn ctrl_c_does_not_wait_for_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let item = scenes::write_stac_item(folder.path(), &spec(), Provider::PlanetaryComputer);
    for name in names(&folder.path().join("images")) {
        // Every band can be opened; what is read of this one later never comes.
        let fault = if name == "B02.tif" { Fault::Stall { times: usize::MAX } } else { Fault::None };
        server.serve(&format!("/images/{name}"), fs::read(folder.path().join("images").join(&name)).unwrap(), fault);
    }
    let url = server.serve("/item.json", fs::read(&item).unwrap(), Fault::None);
    let out = folder.path().join("out");
    let child = predict_command(&url, &out, &[])
        .env("MINESEGSAT_HTTP_TIMEOUT_S", "3600")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("a request that is not answered", || !server.requests("/images/B02.tif").is_empty());
    signal(&child, libc::SIGINT);
    end(child).failed(130, &["interrupted; no output was left behind"]);
    assert!(!out.exists());
}

#[test]
fn a_killed_run_leaves_no_output_and_the_next_cleans_up() {
    let folder = tempfile::tempdir().unwrap();
    let (large, out) = (large_scene(folder.path()), folder.path().join("out"));
    let mut child = start(&large, &out, &LONG);
    let partial = wait_for_partial(&out);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(names(&out), [partial.file_name().unwrap().to_str().unwrap()], "nothing under an output name");

    let small = folder.path().join("small.tif");
    noise_stack(&small, 70, 70);
    predict(&small, &out, &NO_OFFSET).succeeded();
    assert_eq!(names(&out), OUTPUTS);
}

#[test]
fn two_runs_into_one_folder_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let (large, small) = (folder.path().join("large.tif"), folder.path().join("small.tif"));
    noise_stack(&large, 300, 300);
    noise_stack(&small, 70, 70);
    let out = folder.path().join("out");
    let slow = start(&large, &out, &LONG);
    let partial = wait_for_partial(&out);
    signal(&slow, libc::SIGSTOP);
    // The first to end wins: it neither waits for the other nor touches its files.
    predict(&small, &out, &NO_OFFSET).succeeded();
    assert!(partial.join(".lock").exists(), "the other run may go on");
    let before: Vec<Vec<u8>> = OUTPUTS.iter().map(|name| fs::read(out.join(name)).unwrap()).collect();
    signal(&slow, libc::SIGCONT);
    end(slow).failed(1, &["exists already and is not overwritten"]);
    assert_eq!(names(&out), OUTPUTS);
    let after: Vec<Vec<u8>> = OUTPUTS.iter().map(|name| fs::read(out.join(name)).unwrap()).collect();
    assert!(before == after);
}

#[test]
fn an_interrupted_overwrite_keeps_the_old_map() {
    let folder = tempfile::tempdir().unwrap();
    let (large, small) = (large_scene(folder.path()), folder.path().join("small.tif"));
    noise_stack(&small, 70, 70);
    let out = folder.path().join("out");
    predict(&small, &out, &NO_OFFSET).succeeded();
    let before: Vec<Vec<u8>> = OUTPUTS.iter().map(|name| fs::read(out.join(name)).unwrap()).collect();
    let child = start(&large, &out, &[&LONG[..], &["--overwrite"]].concat());
    wait_for_partial(&out);
    signal(&child, libc::SIGINT);
    end(child).failed(130, &["interrupted"]);
    assert_eq!(names(&out), OUTPUTS);
    let after: Vec<Vec<u8>> = OUTPUTS.iter().map(|name| fs::read(out.join(name)).unwrap()).collect();
    assert!(before == after);
}
