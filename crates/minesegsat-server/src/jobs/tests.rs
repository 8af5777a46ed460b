//! Tests of the queue, with a runner that the test controls.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use serde_json::{Value, json};

use super::*;

const HOUR: Duration = Duration::from_hours(1);

/// Finishes a job when the test sends an outcome, or when the job is cancelled.
#[derive(Debug)]
struct Scripted {
    outcomes: Mutex<mpsc::Receiver<&'static str>>,
}

impl Scripted {
    fn new() -> (Arc<Self>, mpsc::Sender<&'static str>) {
        let (sender, outcomes) = mpsc::channel();
        (Arc::new(Self { outcomes: Mutex::new(outcomes) }), sender)
    }
}

impl JobRunner for Scripted {
    fn predict(&self, request: &PredictRequest, _: &JobProgress, cancel: &AtomicBool) -> Result<String, JobFailure> {
        let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        while !cancel.load(Ordering::SeqCst) {
            match outcomes.recv_timeout(Duration::from_millis(5)) {
                Ok("done") => return Ok(request.name.clone()),
                Ok("panic") => panic!("a test panic"),
                Ok(other) => return Err(other.into()),
                Err(_) => {}
            }
        }
        Err("interrupted".into())
    }

    fn monitor(&self, _: &MonitorRequest, progress: &JobProgress, _: &AtomicBool) -> Result<Value, JobFailure> {
        progress.set(Some(0.5), "half");
        Ok(json!({ "observations": 2 }))
    }
}

fn order() -> Value {
    json!({ "bbox": [0.0, 0.0, 0.1, 0.1], "from": "2022-07-01", "to": "2022-07-31", "max_cloud": null })
}

fn wait(jobs: &Jobs, id: &str, state: JobState) -> Job {
    let mut changes = jobs.watch();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    loop {
        // Marks the change as seen before it reads the job, so that no change is missed.
        changes.borrow_and_update();
        let job = jobs.find(id).unwrap();
        if job.state == state {
            return job;
        }
        assert!(!job.state.is_over(), "{job:?}");
        runtime.block_on(changes.changed()).unwrap();
    }
}

fn end(jobs: Arc<Jobs>) {
    jobs.stop();
    jobs.join();
    assert_eq!(Arc::strong_count(&jobs), 1);
}

#[test]
fn jobs_are_done_one_after_the_other_and_a_panic_is_one_failure() {
    let folder = tempfile::tempdir().unwrap();
    let (runner, outcomes) = Scripted::new();
    let jobs = Jobs::start(folder.path(), runner, 10, HOUR).unwrap();
    let ids: Vec<String> = (0..3).map(|_| jobs.submit(JobKind::Predict, order()).unwrap().id).collect();
    wait(&jobs, &ids[0], JobState::Running);
    assert_eq!(jobs.count(JobState::Queued), 2);
    for outcome in ["done", "panic", "no scene was found"] {
        outcomes.send(outcome).unwrap();
    }
    let first = wait(&jobs, &ids[0], JobState::Done);
    assert_eq!(first.result.unwrap()["prediction"], format!("2022-07-01-2022-07-31-{}", &ids[0][..8]));
    assert_eq!(first.progress, Some(1.0));
    assert!(wait(&jobs, &ids[1], JobState::Failed).error.unwrap().contains("the program failed"));
    assert_eq!(wait(&jobs, &ids[2], JobState::Failed).error.as_deref(), Some("no scene was found"));
    let checked = jobs.submit(JobKind::Monitor, json!({ "sites": null, "since": null })).unwrap();
    assert_eq!(wait(&jobs, &checked.id, JobState::Done).result.unwrap()["observations"], 2);
    end(jobs);
}

#[test]
fn jobs_are_cancelled_where_they_wait_and_where_they_run() {
    let folder = tempfile::tempdir().unwrap();
    let (runner, _outcomes) = Scripted::new();
    let jobs = Jobs::start(folder.path(), runner, 1, HOUR).unwrap();
    let running = jobs.submit(JobKind::Predict, order()).unwrap().id;
    wait(&jobs, &running, JobState::Running);
    let waiting = jobs.submit(JobKind::Predict, order()).unwrap().id;
    assert_eq!(jobs.submit(JobKind::Predict, order()).unwrap_err().status, 503, "the queue is full");
    assert_eq!(jobs.cancel(&waiting).unwrap().state, JobState::Cancelled);
    assert_eq!(jobs.cancel(&waiting).unwrap_err().status, 409);
    jobs.cancel(&running).unwrap();
    wait(&jobs, &running, JobState::Cancelled);
    assert_eq!(jobs.cancel("x").unwrap_err().status, 404);
    end(jobs);
}

#[test]
fn what_was_running_at_the_end_goes_on_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let (runner, _outcomes) = Scripted::new();
    let jobs = Jobs::start(folder.path(), runner, 10, HOUR).unwrap();
    let running = jobs.submit(JobKind::Predict, order()).unwrap().id;
    let waiting = jobs.submit(JobKind::Predict, order()).unwrap().id;
    wait(&jobs, &running, JobState::Running);
    let second = Jobs::start(folder.path(), Scripted::new().0, 10, HOUR).unwrap_err().to_string();
    assert!(second.contains("another server") && second.contains(&std::process::id().to_string()), "{second}");
    end(jobs);
    let (runner, outcomes) = Scripted::new();
    let jobs = Jobs::start(folder.path(), runner, 10, HOUR).unwrap();
    outcomes.send("done").unwrap();
    outcomes.send("done").unwrap();
    wait(&jobs, &running, JobState::Done);
    wait(&jobs, &waiting, JobState::Done);
    end(jobs);
}

#[test]
fn a_job_that_was_killed_is_done_again_but_not_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let mut job = Job::new("0123456789abcdef".to_owned(), JobKind::Predict, order());
    job.begin();
    let mut cursed = Job { id: "fedcba9876543210".to_owned(), ..job.clone() };
    cursed.attempts = 3;
    // As a killed program leaves them.
    let store = Store::open(&path).unwrap();
    store.write(&job).unwrap();
    store.write(&cursed).unwrap();
    drop(store);
    let (runner, outcomes) = Scripted::new();
    outcomes.send("done").unwrap();
    let jobs = Jobs::start(folder.path(), runner, 10, HOUR).unwrap();
    wait(&jobs, &job.id, JobState::Done);
    assert!(jobs.find(&cursed.id).unwrap().error.unwrap().contains("3 times"));
    end(jobs);
}
