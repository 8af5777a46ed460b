//! Jobs over HTTP, with a runner that waits to be told.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use minesegsat_server::{JobFailure, JobProgress, JobRunner, MonitorRequest, PredictRequest};
use serde_json::{Value, json};

use crate::client::{Answer, Request};
use crate::workspace::Workspace;
use crate::{Served, TOKEN};

/// Does jobs when it is told to.
#[derive(Debug, Default)]
pub(crate) struct Fake {
    may: Mutex<usize>,
    told: Condvar,
}

impl Fake {
    /// One more job may end.
    fn tell(&self) {
        *self.may.lock().unwrap() += 1;
        self.told.notify_all();
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
        let mut may = self.may.lock().unwrap();
        while *may == 0 {
            if cancel.load(Ordering::SeqCst) {
                return Err("interrupted".into());
            }
            may = self.told.wait_timeout(may, Duration::from_millis(10)).unwrap().0;
        }
        *may -= 1;
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

fn post(server: &Served, path: &str, body: &Value) -> Answer {
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

fn wait(server: &Served, id: &str, state: &str) -> Value {
    let started = Instant::now();
    loop {
        let job = server.json(&format!("/api/jobs/{id}"));
        if job["state"] == state {
            return job;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{job}");
        std::thread::sleep(Duration::from_millis(10));
    }
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

    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "GET /api/jobs/{id}/events HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let mut next = || {
        let line = lines.find(|line| line.starts_with("data:"))?;
        Some(serde_json::from_str::<Value>(line.trim_start_matches("data:")).unwrap())
    };
    assert_eq!(next().unwrap()["state"], "running");
    fake.tell();
    let last = std::iter::from_fn(next).last().unwrap();
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
    fake.tell();
    assert_eq!(wait(&server, &id, "failed")["error"], "no scene has so little cloud");
}

#[test]
fn jobs_go_on_after_the_server_was_ended() {
    let workspace = Workspace::filled();
    let (_fake, mut server) = start(&workspace);
    let (first, second) = (order(&server), order(&server));
    wait(&server, &first, "running");
    let started = Instant::now();
    server.end();
    assert!(started.elapsed() < Duration::from_secs(8), "an orderly end does not wait for jobs");
    let (fake, server) = start(&workspace);
    fake.tell();
    fake.tell();
    wait(&server, &first, "done");
    wait(&server, &second, "done");
}

#[test]
fn a_stream_of_events_does_not_hold_up_the_end() {
    let workspace = Workspace::filled();
    let (_fake, mut server) = start(&workspace);
    let id = order(&server);
    let mut stream = TcpStream::connect(server.address).unwrap();
    write!(stream, "GET /api/jobs/{id}/events HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let started = Instant::now();
    server.end();
    assert!(started.elapsed() < Duration::from_secs(8));
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
    assert!(refused.problem().contains("--model"));
    assert_eq!(server.json("/api/jobs")["jobs"].as_array().unwrap().len(), 0);
    server.problem("/api/jobs/x", 404);
}
