//! `minesegsat serve`, the built program: start, end, and its jobs when it is killed or the disk is full.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::support::http::{Fault, Server as HttpServer};
use crate::support::{Done, program, program_path, shipped_model, wait_until};
use serde_json::{Value, json};

const TOKEN: &str = "0123456789abcdef-test";
/// Longest time that a read may block. It keeps a failing test from hanging.
const READ_TIMEOUT: Duration = Duration::from_mins(2);

/// A running server. It ends with the test.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    /// Reads stderr to its end and returns its lines.
    log: Option<JoinHandle<Vec<String>>>,
}

impl Server {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut log = Vec::new();
        let address = loop {
            let Some(line) = lines.next() else { panic!("it ended: {log:?}") };
            let line = line.unwrap();
            let address =
                line.split_once("serving on http://").map(|(_, url)| url.split('/').next().unwrap().parse().unwrap());
            log.push(line);
            if let Some(address) = address {
                break address;
            }
        };
        // Reads on, so that a full pipe never blocks the server.
        let log = std::thread::spawn(move || {
            log.extend(lines.map_while(Result::ok));
            log
        });
        Self { child, address, log: Some(log) }
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        self.ask_as(TOKEN, method, path, body)
    }

    /// As the user with this token.
    pub(crate) fn ask_as(&self, token: &str, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(READ_TIMEOUT)).unwrap();
        let body = body.map_or_else(String::new, Value::to_string);
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
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

    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, value) = self.ask("GET", path, None);
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    /// Follows the events of a job until one is wanted.
    fn wait(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(READ_TIMEOUT)).unwrap();
        write!(stream, "GET /api/jobs/{id}/events HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
        let mut last = Value::Null;
        for line in BufReader::new(stream).lines() {
            if let Some(data) = line.unwrap().strip_prefix("data:") {
                last = serde_json::from_str(data).unwrap();
                if wanted(&last) {
                    return last;
                }
            }
        }
        panic!("the stream of events ended: {last}");
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

/// Simulated scenes and an empty workspace.
struct Fixture {
    folder: tempfile::TempDir,
    bbox: [f64; 4],
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sim = folder.path().join("sim");
        let arguments =
            ["simulate", "--size", "384", "--years", "2021", "--seed", "31", "--cloud-cover", "2", "-q", "-o"];
        Done::of(program().args(arguments).arg(&sim)).succeeded();
        let scene = fs::read_dir(sim.join("2021")).unwrap().map(|e| e.unwrap().path()).find(|p| p.is_dir()).unwrap();
        let item = crate::support::json_file(&scene.join("item.json"));
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
            vec![
                "--model".to_owned(),
                text(&shipped_model()),
                "--api".to_owned(),
                text(&folder.join("sim/catalog.json")),
            ],
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
    let mut command = program();
    command.args(["-v", "serve", "--log-json", "--bind", "127.0.0.1:0", "--workspace"]).arg(folder.path());
    let mut server = Server::start(&mut command);
    server.get("/api/sites");
    let log = server.log.take().unwrap();
    assert_eq!(server.interrupt(), Some(0));
    let log = log.join().unwrap();
    let lines: Vec<Value> = log.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let request = lines.iter().find(|line| line.to_string().contains("/api/sites"));
    let request = request.unwrap_or_else(|| panic!("the log has no line of the request: {log:?}"));
    assert!(request["timestamp"].is_string() && request["level"] == "INFO", "{request}");
    assert!(request.to_string().contains("200"), "{request}");
}

#[test]
fn what_cannot_be_served_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    crate::support::run(["serve", "--workspace", path, "--bind", "0.0.0.0:0"]).failed(1, &["0.0.0.0", "token"]);
    fs::write(folder.path().join("token"), "short").unwrap();
    let token = folder.path().join("token");
    crate::support::run(["serve", "--workspace", path, "--token-file", token.to_str().unwrap()]).failed(1, &["16"]);
    crate::support::run(["serve", "--workspace", "no/such/folder"]).failed(1, &["no/such/folder"]);
    let server = Server::start(program().args(["serve", "--bind", "127.0.0.1:0", "--workspace", path]));
    let taken = server.address.to_string();
    crate::support::run(["serve", "--workspace", path, "--bind", &taken]).failed(1, &[&taken]);
}

#[test]
fn a_job_that_was_killed_midway_is_done_by_the_next_server() {
    let fixture = Fixture::new();
    let server = fixture.start();
    let (status, job) = fixture.order(&server);
    assert_eq!(status, 202, "{job}");
    let id = job["id"].as_str().unwrap().to_owned();
    server.wait(&id, |job| job["state"] != "queued");
    server.kill();
    let server = fixture.start();
    let job = server.wait(&id, |job| !["queued", "running"].contains(&job["state"].as_str().unwrap()));
    assert_eq!(job["state"], "done", "{job}");
    let predictions = server.get("/api/predictions");
    assert_eq!(predictions["predictions"].as_array().unwrap().len(), 1, "{predictions}");
    assert_eq!(predictions["predictions"][0]["name"], job["result"]["prediction"]);
    assert_eq!(server.interrupt(), Some(0));
    // Nothing half done lies about.
    let maps = crate::support::names(&fixture.workspace().join("predictions"));
    assert_eq!(maps.len(), 1, "{maps:?}");
}

#[test]
fn a_cancelled_job_and_a_stopped_server_end_while_a_catalogue_drips() {
    let fixture = Fixture::new();
    let catalogue = HttpServer::start();
    let url = catalogue.serve("/catalog.json", " ".repeat(1_000_000), Fault::Drip);
    let mut arguments = fixture.arguments();
    *arguments.last_mut().unwrap() = url;
    let start = || Server::start(program().args(&arguments).env("MINESEGSAT_HTTP_TIMEOUT_S", "3600"));
    let requests = |count: usize| {
        wait_until("a request of the job", || catalogue.requests("/catalog.json").len() >= count);
    };
    let server = start();
    let order = |server: &Server| {
        let (status, job) = fixture.order(server);
        assert_eq!(status, 202, "{job}");
        job["id"].as_str().unwrap().to_owned()
    };
    let id = order(&server);
    requests(1);
    let (status, _) = server.ask("DELETE", &format!("/api/jobs/{id}"), None);
    assert!((200..300).contains(&status), "{status}");
    server.wait(&id, |job| job["state"] == "cancelled");
    let id = order(&server);
    requests(2);
    assert_eq!(server.interrupt(), Some(0));
    // The job was put back, not failed.
    let server = start();
    requests(3);
    let (_, job) = server.ask("GET", &format!("/api/jobs/{id}"), None);
    assert_eq!(job["state"], "running", "{job}");
    assert_eq!(server.interrupt(), Some(0));
}

#[test]
fn a_register_that_is_a_link_out_of_the_workspace_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = folder.path().join("w");
    fs::create_dir(&workspace).unwrap();
    fs::write(folder.path().join("other.gpkg"), "secret").unwrap();
    std::os::unix::fs::symlink(folder.path().join("other.gpkg"), workspace.join("sites.gpkg")).unwrap();
    let done = Done::of(program().args(["serve", "--bind", "127.0.0.1:0", "--workspace"]).arg(&workspace));
    done.failed(1, &["sites.gpkg is a link that leads out of the workspace"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_fails_orders_and_the_server_lives() {
    let mount = "mount -t tmpfs -o size=4m none \"$0\" && exec \"$@\"";
    let fixture = Fixture::new();
    let workspace = fixture.workspace();
    let unshare = |arguments: &[String]| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", mount]).arg(&workspace).args(arguments);
        crate::support::clean(&mut command);
        command
    };
    if !unshare(&["true".to_owned()]).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        minesegsat_testing::reference::skip("file systems cannot be mounted here, not even by `unshare`");
        return;
    }
    let arguments = [vec![program_path().to_str().unwrap().to_owned()], fixture.arguments()].concat();
    let server = Server::start(&mut unshare(&arguments));
    // Its own view of the folder.
    let inside = PathBuf::from(format!("/proc/{}/root{}", server.child.id(), workspace.display()));
    let (filler, zeros) = (inside.join("filler"), vec![0_u8; 1 << 16]);
    let mut file = fs::File::create(&filler).unwrap();
    while file.write_all(&zeros).is_ok() {}
    while file.write_all(&zeros[..512]).is_ok() {}
    drop(file);
    let (status, problem) = fixture.order(&server);
    assert_eq!(status, 507, "{problem}");
    assert_eq!(server.get("/api/jobs")["jobs"], json!([]), "nothing half ordered");

    // Room for the list of jobs, and none for a map.
    let room = fs::OpenOptions::new().write(true).open(&filler).unwrap();
    let size = room.metadata().unwrap().len();
    room.set_len(size - 200_000).unwrap();
    let (status, job) = fixture.order(&server);
    assert_eq!(status, 202, "{job}");
    let id = job["id"].as_str().unwrap().to_owned();
    let job = server.wait(&id, |job| !["queued", "running"].contains(&job["state"].as_str().unwrap()));
    assert_eq!(job["state"], "failed", "{job}");
    assert!(job["error"].as_str().unwrap().contains("No space left"), "{job}");
    assert_eq!(server.get("/health")["status"], "ok");
    assert_eq!(server.interrupt(), Some(0));
}
