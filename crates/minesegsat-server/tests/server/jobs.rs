//! Jobs over HTTP, with a runner that the test controls.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use minesegsat_server::{JobFailure, JobProgress, JobRunner, MonitorRequest, PredictRequest};
use serde_json::{Value, json};

use crate::client::{HttpResponse, Request};
use crate::workspace::Workspace;
use crate::{Served, TOKEN};

/// Longest time that a read of a stream may block. It keeps a failing test from hanging.
const READ_TIMEOUT: Duration = Duration::from_mins(2);

/// Finishes a job when the test releases it.
#[derive(Debug, Default)]
pub(crate) struct Fake {
    released: Mutex<usize>,
    changed: Condvar,
    /// Number of jobs that were stopped before they were released.
    interrupted: AtomicUsize,
}

impl Fake {
    /// Lets one more job finish.
    fn release(&self) {
        *self.released.lock().unwrap() += 1;
        self.changed.notify_all();
    }
}

impl JobRunner for Fake {
    fn predict(
        &self,
        request: &PredictRequest,
        progress: &JobProgress,
        cancel: &AtomicBool,
    ) -> Result<String, JobFailure> {
        progress.set(Some(0.25), "mapping");
        let mut released = self.released.lock().unwrap();
        while *released == 0 {
            if cancel.load(Ordering::SeqCst) {
                self.interrupted.fetch_add(1, Ordering::SeqCst);
                return Err("interrupted".into());
            }
            released = self.changed.wait_timeout(released, Duration::from_millis(10)).unwrap().0;
        }
        *released -= 1;
        if request.max_cloud_cover_percent == 0.0 {
            return Err("no scene has so little cloud".into());
        }
        Ok(request.name.clone())
    }

    fn monitor(&self, request: &MonitorRequest, _: &JobProgress, _: &AtomicBool) -> Result<Value, JobFailure> {
        Ok(json!({ "observations": request.sites.len() }))
    }
}

fn start(workspace: &Workspace) -> (Arc<Fake>, Served) {
    let fake = Arc::new(Fake::default());
    let server = Served::start(workspace, Some(Arc::clone(&fake) as Arc<dyn JobRunner>), |_| {});
    (fake, server)
}

fn post(server: &Served, path: &str, body: &Value) -> HttpResponse {
    Request::post(path, body).token(TOKEN).send(server.address)
}

fn order(server: &Served) -> String {
    let body = json!({"bbox": [-121.2, 55.0, -121.1, 55.1], "from": "2022-07-01", "to": "2022-07-31"});
    let answer = post(server, "/api/predict", &body);
    assert_eq!(answer.status, 202, "{}", answer.text());
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), Some(format!("/api/jobs/{id}").as_str()));
    id
}

/// Requests the events of a job and returns the response as lines.
fn open_events(server: &Served, id: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(READ_TIMEOUT)).unwrap();
    write!(stream, "GET /api/jobs/{id}/events HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    BufReader::new(stream)
}

/// The next event of a job. `None` at the end of the stream.
fn next_event(events: &mut BufReader<TcpStream>) -> Option<Value> {
    let mut lines = events.lines().map(Result::unwrap);
    let line = lines.find(|line| line.starts_with("data:"))?;
    Some(serde_json::from_str(line.trim_start_matches("data:")).unwrap())
}

/// Follows a job until it is in a state. Fails if the job ends in another one.
fn wait(server: &Served, id: &str, state: &str) -> Value {
    let mut events = open_events(server, id);
    let mut last = Value::Null;
    while let Some(job) = next_event(&mut events) {
        if job["state"] == state {
            return job;
        }
        last = job;
    }
    panic!("the job never was {state}: {last}");
}

#[test]
fn a_job_is_ordered_watched_and_done() {
    let workspace = Workspace::filled();
    let (fake, server) = start(&workspace);
    assert_eq!(server.json("/api")["jobs_enabled"], true);
    let id = order(&server);
    let running = wait(&server, &id, "running");
    assert_eq!(running["kind"], "predict");
    assert_eq!(running["request"]["from"], "2022-07-01");

    let mut events = open_events(&server, &id);
    assert_eq!(next_event(&mut events).unwrap()["state"], "running");
    fake.release();
    let last = std::iter::from_fn(|| next_event(&mut events)).last().unwrap();
    assert_eq!(last["state"], "done", "the stream ends with the job");
    assert_eq!(last["progress"], 1.0);
    assert_eq!(last["result"]["prediction"], format!("2022-07-01-2022-07-31-{}", &id[..8]));
    assert_eq!(server.json("/api/jobs")["jobs"][0]["id"], id);
}

#[test]
fn jobs_are_cancelled_and_failures_say_why() {
    let workspace = Workspace::filled();
    let (fake, server) = start(&workspace);
    let (first, second) = (order(&server), order(&server));
    wait(&server, &first, "running");
    let delete = |id: &str| Request::new("DELETE", &format!("/api/jobs/{id}")).token(TOKEN).send(server.address);
    assert_eq!(delete(&second).json()["state"], "cancelled");
    assert_eq!(delete(&first).status, 200);
    assert!(wait(&server, &first, "cancelled")["finished"].is_string());
    assert_eq!(delete(&first).status, 409);
    assert_eq!(delete("0000000000000000").status, 404);
    let body = json!({"bbox": [-121.2, 55.0, -121.1, 55.1], "from": "2022-07-01", "to": "2022-07-31", "max_cloud": 0});
    let id = post(&server, "/api/predict", &body).json()["id"].as_str().unwrap().to_owned();
    fake.release();
    assert_eq!(wait(&server, &id, "failed")["error"], "no scene has so little cloud");
}

#[test]
fn jobs_go_on_after_the_server_was_ended() {
    let workspace = Workspace::filled();
    let (fake, mut server) = start(&workspace);
    let (first, second) = (order(&server), order(&server));
    wait(&server, &first, "running");
    server.end();
    // Nothing released the jobs: the end stopped the running one and did not start the other.
    assert_eq!(fake.interrupted.load(Ordering::SeqCst), 1, "shutdown stops the running job");
    let (fake, server) = start(&workspace);
    fake.release();
    fake.release();
    wait(&server, &first, "done");
    wait(&server, &second, "done");
}

#[test]
fn a_stream_of_events_does_not_hold_up_the_end() {
    let workspace = Workspace::filled();
    let (_fake, mut server) = start(&workspace);
    let id = order(&server);
    let mut events = open_events(&server, &id);
    assert_eq!(next_event(&mut events).unwrap()["id"], id);
    server.end();
    let mut rest = String::new();
    events.read_to_string(&mut rest).unwrap();
    assert!(rest.ends_with("0\r\n\r\n"), "the stream ends with its last chunk and is not cut off: {rest}");
}

#[test]
fn orders_that_cannot_be_done_are_refused() {
    let workspace = Workspace::filled();
    let (_fake, server) = start(&workspace);
    let good = json!({"bbox": [-121.2, 55.0, -121.1, 55.1], "from": "2022-07-01", "to": "2022-07-31"});
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    for (body, said) in [
        (with("bbox", json!([0, 0, 90, 80])), "km2"),
        (with("bbox", json!([0, 0, 0, 0])), "km2"),
        (with("bbox", json!([0, 1, 2])), "west,south,east,north"),
        (with("bbox", json!([0, 10, 1, 5])), "west,south,east,north"),
        (with("from", json!("2023-01-01")), "`from` is not after `to`"),
        (with("from", json!("2022-02-30")), "from"),
        (with("max_cloud", json!(101)), "0 to 100"),
        (with("colour", json!("red")), "colour"),
        (with("catalogue", json!("http://169.254.169.254/")), "no catalogue but its own"),
    ] {
        let answer = post(&server, "/api/predict", &body);
        assert_eq!(answer.status, 400, "{body}");
        let detail = answer.problem();
        assert!(detail.contains(said), "{detail}");
    }
    for (body, said) in [
        (json!({"sites": ["nowhere"]}), "nowhere"),
        (json!({"sites": ["../x"]}), "site id"),
        (json!({"since": "2999-01-01"}), "future"),
    ] {
        let answer = post(&server, "/api/monitor", &body);
        assert_eq!(answer.status, 400, "{body}");
        let detail = answer.problem();
        assert!(detail.contains(said), "{detail}");
    }
    let id = post(&server, "/api/monitor", &json!({"sites": ["wolverine"]})).json()["id"].as_str().unwrap().to_owned();
    assert_eq!(wait(&server, &id, "done")["result"]["observations"], 1);
}

#[test]
fn a_server_without_a_runner_takes_no_orders() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let refused = post(&server, "/api/monitor", &json!({}));
    assert_eq!(refused.status, 409);
    assert!(refused.problem().contains("start it with a model"));
    assert_eq!(server.json("/api/jobs")["jobs"].as_array().unwrap().len(), 0);
    server.problem("/api/jobs/x", 404);
}
