//! `minesegsat serve`, the built program: how it starts and ends, and what becomes of jobs when it is killed or the disk is full.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on panics; a skipped one says so")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Done, program, program_path};

const TOKEN: &str = "0123456789abcdef-test";
const PATIENCE: Duration = Duration::from_mins(2);

/// A server that ends with its test.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let address = loop {
            let Some(line) = lines.next() else { panic!("it ended: {said}") };
            let line = line.unwrap();
            if let Some(url) = line.strip_prefix("serving on http://") {
                break url.split('/').next().unwrap().parse().unwrap();
            }
            said += &line;
        };
        // Nobody who writes is held up by a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = body.map_or_else(String::new, Value::to_string);
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {TOKEN}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }

    fn get(&self, path: &str) -> Value {
        let (status, value) = self.ask("GET", path, None);
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    /// The job, once it is as wanted.
    fn wait(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let job = self.get(&format!("/api/jobs/{id}"));
            if wanted(&job) {
                return job;
            }
            assert!(started.elapsed() < PATIENCE, "{job}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// As Ctrl-C does it, and the exit code.
    fn interrupt(mut self) -> Option<i32> {
        #[expect(unsafe_code, reason = "the standard library sends no signals but SIGKILL")]
        // SAFETY: `kill` takes two numbers and touches no memory; the child has not been waited for, so its id is still its own.
        let sent = unsafe { libc::kill(self.child.id() as i32, libc::SIGINT) };
        assert_eq!(sent, 0);
        self.child.wait().unwrap().code()
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/simulated-b0")
}

/// Scenes to order maps of, and an empty workspace.
struct Place {
    folder: tempfile::TempDir,
    bbox: [f64; 4],
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sim = folder.path().join("sim");
        let arguments =
            ["simulate", "--size", "384", "--years", "2021", "--seed", "31", "--cloud-cover", "2", "-q", "-o"];
        Done::of(program().args(arguments).arg(&sim)).succeeded();
        let scene = fs::read_dir(sim.join("2021")).unwrap().map(|e| e.unwrap().path()).find(|p| p.is_dir()).unwrap();
        let item = support::json_file(&scene.join("item.json"));
        let b: Vec<f64> = item["bbox"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        let inner = |low: f64, high: f64, share: f64| low + (high - low) * share;
        let bbox = [inner(b[0], b[2], 0.2), inner(b[1], b[3], 0.2), inner(b[0], b[2], 0.8), inner(b[1], b[3], 0.8)];
        fs::create_dir(folder.path().join("mines")).unwrap();
        fs::write(folder.path().join("token"), TOKEN).unwrap();
        Self { folder, bbox }
    }

    fn workspace(&self) -> PathBuf {
        self.folder.path().join("mines")
    }

    fn arguments(&self) -> Vec<String> {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let folder = self.folder.path();
        [
            ["serve", "--bind", "127.0.0.1:0"].map(str::to_owned).to_vec(),
            vec![
                "--workspace".to_owned(),
                text(&self.workspace()),
                "--token-file".to_owned(),
                text(&folder.join("token")),
            ],
            vec!["--model".to_owned(), text(&model()), "--api".to_owned(), text(&folder.join("sim/catalog.json"))],
        ]
        .concat()
    }

    fn start(&self) -> Server {
        Server::start(program().args(self.arguments()))
    }

    fn order(&self, server: &Server) -> (u16, Value) {
        let body = json!({"bbox": self.bbox, "from": "2021-01-01", "to": "2021-12-31"});
        server.ask("POST", "/api/predict", Some(&body))
    }
}

#[test]
fn it_says_where_it_is_and_ends_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(program().args(["serve", "--bind", "127.0.0.1:0", "--workspace"]).arg(folder.path()));
    assert_eq!(server.get("/health")["status"], "ok");
    assert_eq!(server.get("/api/sites")["sites"], json!([]));
    let (status, problem) = server.ask("POST", "/api/predict", Some(&json!({})));
    assert_eq!(status, 403, "{problem}");
    assert_eq!(server.interrupt(), Some(0));
}

#[test]
fn requests_are_logged_for_programs() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut command = program();
    command.args(["-v", "serve", "--log-json", "--bind", "127.0.0.1:0", "--workspace"]).arg(folder.path());
    let child = command.stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
    let mut server = Server { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
    let started = Instant::now();
    server.address = loop {
        let said = fs::read_to_string(&log).unwrap();
        if let Some((_, rest)) = said.split_once("serving on http://")
            && let Some((address, _)) = rest.split_once('/')
        {
            break address.parse().unwrap();
        }
        assert!(started.elapsed() < PATIENCE, "{said}");
        std::thread::sleep(Duration::from_millis(20));
    };
    server.get("/api/sites");
    assert_eq!(server.interrupt(), Some(0));
    let said = fs::read_to_string(&log).unwrap();
    let lines: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let request = lines.iter().find(|line| line.to_string().contains("/api/sites"));
    let request = request.unwrap_or_else(|| panic!("no line tells of the request: {said}"));
    assert!(request["timestamp"].is_string() && request["level"] == "INFO", "{request}");
    assert!(request.to_string().contains("200"), "{request}");
}

#[test]
fn what_cannot_be_served_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    support::run(["serve", "--workspace", path, "--bind", "0.0.0.0:0"]).failed(1, &["0.0.0.0", "token"]);
    fs::write(folder.path().join("token"), "short").unwrap();
    let token = folder.path().join("token");
    support::run(["serve", "--workspace", path, "--token-file", token.to_str().unwrap()]).failed(1, &["16"]);
    support::run(["serve", "--workspace", "no/such/folder"]).failed(1, &["no/such/folder"]);
    let server = Server::start(program().args(["serve", "--bind", "127.0.0.1:0", "--workspace", path]));
    let taken = server.address.to_string();
    support::run(["serve", "--workspace", path, "--bind", &taken]).failed(1, &[&taken]);
}

#[test]
fn a_job_that_was_killed_midway_is_done_by_the_next_server() {
    let place = Place::new();
    let server = place.start();
    let (status, job) = place.order(&server);
    assert_eq!(status, 202, "{job}");
    let id = job["id"].as_str().unwrap().to_owned();
    server.wait(&id, |job| job["state"] != "queued");
    server.kill();
    let server = place.start();
    let job = server.wait(&id, |job| !["queued", "running"].contains(&job["state"].as_str().unwrap()));
    assert_eq!(job["state"], "done", "{job}");
    let predictions = server.get("/api/predictions");
    assert_eq!(predictions["predictions"].as_array().unwrap().len(), 1, "{predictions}");
    assert_eq!(predictions["predictions"][0]["name"], job["result"]["prediction"]);
    assert_eq!(server.interrupt(), Some(0));
    // Nothing half done lies about.
    let maps = support::names(&place.workspace().join("predictions"));
    assert_eq!(maps.len(), 1, "{maps:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_fails_orders_and_the_server_lives() {
    let mount = "mount -t tmpfs -o size=4m none \"$0\" && exec \"$@\"";
    let place = Place::new();
    let workspace = place.workspace();
    let unshare = |arguments: &[String]| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", mount]).arg(&workspace).args(arguments);
        support::clean(&mut command);
        command
    };
    if !unshare(&["true".to_owned()]).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        println!("skipped: file systems cannot be mounted here, not even by `unshare`");
        return;
    }
    let arguments = [vec![program_path().to_str().unwrap().to_owned()], place.arguments()].concat();
    let server = Server::start(&mut unshare(&arguments));
    // Its own view of the folder.
    let inside = PathBuf::from(format!("/proc/{}/root{}", server.child.id(), workspace.display()));
    let (filler, zeros) = (inside.join("filler"), vec![0_u8; 1 << 16]);
    let mut file = fs::File::create(&filler).unwrap();
    while file.write_all(&zeros).is_ok() {}
    while file.write_all(&zeros[..512]).is_ok() {}
    drop(file);
    let (status, problem) = place.order(&server);
    assert_eq!(status, 507, "{problem}");
    assert_eq!(server.get("/api/jobs")["jobs"], json!([]), "nothing half ordered");

    // Room for the list of jobs, and none for a map.
    let room = fs::OpenOptions::new().write(true).open(&filler).unwrap();
    let size = room.metadata().unwrap().len();
    room.set_len(size - 200_000).unwrap();
    let (status, job) = place.order(&server);
    assert_eq!(status, 202, "{job}");
    let id = job["id"].as_str().unwrap().to_owned();
    let job = server.wait(&id, |job| !["queued", "running"].contains(&job["state"].as_str().unwrap()));
    assert_eq!(job["state"], "failed", "{job}");
    assert!(job["error"].as_str().unwrap().contains("No space left"), "{job}");
    assert_eq!(server.get("/health")["status"], "ok");
    assert_eq!(server.interrupt(), Some(0));
}
