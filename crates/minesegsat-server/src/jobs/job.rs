//! A job and its states.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::now;

/// Maximum number of attempts. A job that was interrupted this often may itself crash the program.
const MAX_ATTEMPTS: u32 = 3;

/// Kind of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobKind {
    /// Maps a box.
    Predict,
    /// Checks sites of the register.
    Monitor,
}

impl JobKind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Predict => "predict",
            Self::Monitor => "monitor",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Predict, Self::Monitor].into_iter().find(|kind| kind.name() == name)
    }
}

/// State of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Waiting in the queue.
    Queued,
    /// Running.
    Running,
    /// Finished.
    Done,
    /// Failed.
    Failed,
    /// Cancelled by a client.
    Cancelled,
}

impl JobState {
    /// All states.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Done, Self::Failed, Self::Cancelled];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether the job has ended: done, failed or cancelled.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// A job, as clients see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Job {
    /// 16 hexadecimal digits.
    pub id: String,
    /// Kind of the job.
    pub kind: JobKind,
    /// State of the job.
    pub state: JobState,
    /// Finished share, 0 to 1. `None` if unknown.
    pub progress: Option<f64>,
    /// Current step.
    pub message: String,
    /// Time when the client requested it.
    pub created: Timestamp,
    /// Time when it last started.
    pub started: Option<Timestamp>,
    /// Time when it ended.
    pub finished: Option<Timestamp>,
    /// Body of the request.
    pub request: Value,
    /// Result of a finished job.
    pub result: Option<Value>,
    /// Reason of a failed job.
    pub error: Option<String>,
    /// Number of starts.
    #[serde(skip)]
    pub(super) attempts: u32,
    /// A client cancelled it.
    #[serde(skip)]
    pub(super) is_cancelled: bool,
}

impl Job {
    pub(super) fn new(id: String, kind: JobKind, request: Value) -> Self {
        Self {
            id,
            kind,
            state: JobState::Queued,
            progress: None,
            message: String::new(),
            created: now(),
            started: None,
            finished: None,
            request,
            result: None,
            error: None,
            attempts: 0,
            is_cancelled: false,
        }
    }

    pub(super) fn begin(&mut self) {
        self.state = JobState::Running;
        self.started = Some(now());
        self.progress = None;
        self.message = String::new();
        self.attempts += 1;
    }

    pub(super) fn end(&mut self, state: JobState, result: Option<Value>, error: Option<String>) {
        self.state = state;
        self.finished = Some(now());
        self.message = String::new();
        if state == JobState::Done {
            self.progress = Some(1.0);
        }
        self.result = result;
        self.error = error;
    }

    /// Returns the job to the queue when the program ends.
    pub(super) fn put_back(&mut self) {
        self.state = JobState::Queued;
        self.progress = None;
        "waits for the next start of the server".clone_into(&mut self.message);
        self.attempts = self.attempts.saturating_sub(1);
    }

    /// Called at the start of the server: queues a job again that was running at the end. Returns whether the job changed.
    pub(super) fn recover(&mut self) -> bool {
        if self.state != JobState::Running {
            return false;
        }
        if self.is_cancelled {
            self.end(JobState::Cancelled, None, None);
        } else if self.attempts >= MAX_ATTEMPTS {
            let error = format!("the program ended {} times during this job, so it is not tried again", self.attempts);
            self.end(JobState::Failed, None, Some(error));
        } else {
            self.state = JobState::Queued;
            self.progress = None;
            "resumes after an interruption".clone_into(&mut self.message);
        }
        true
    }
}
