//! A job and its states.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::now;

/// A job that was interrupted so often is not tried again: it may be what ends the program.
const MOST_ATTEMPTS: u32 = 3;

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobKind {
    /// A map of a box.
    Predict,
    /// A look at known sites.
    Monitor,
}

impl JobKind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Predict => "predict",
            Self::Monitor => "monitor",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        [Self::Predict, Self::Monitor].into_iter().find(|kind| kind.name() == name)
    }
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// It waits.
    Queued,
    /// It is being done.
    Running,
    /// It was done.
    Done,
    /// It could not be done.
    Failed,
    /// Somebody did not want it any more.
    Cancelled,
}

impl JobState {
    /// All of them.
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

    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing more happens to it.
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
    /// What it does.
    pub kind: JobKind,
    /// How far it is.
    pub state: JobState,
    /// How much of it is done, 0 to 1, where that is known.
    pub progress: Option<f64>,
    /// What is being done.
    pub message: String,
    /// When it was ordered.
    pub created: Timestamp,
    /// When it began, the last time.
    pub started: Option<Timestamp>,
    /// When it was over.
    pub finished: Option<Timestamp>,
    /// What was ordered.
    pub request: Value,
    /// What came out.
    pub result: Option<Value>,
    /// Why it failed.
    pub error: Option<String>,
    /// How often it began.
    #[serde(skip)]
    pub(super) attempts: u32,
    /// Somebody wants it to stop.
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

    /// Back into the queue, as the program ends.
    pub(super) fn put_back(&mut self) {
        self.state = JobState::Queued;
        self.progress = None;
        "waits for the next start".clone_into(&mut self.message);
        self.attempts = self.attempts.saturating_sub(1);
    }

    /// After a start: one that was running when the program ended is queued again. Whether it was changed.
    pub(super) fn recover(&mut self) -> bool {
        if self.state != JobState::Running {
            return false;
        }
        if self.is_cancelled {
            self.end(JobState::Cancelled, None, None);
        } else if self.attempts >= MOST_ATTEMPTS {
            let error =
                format!("the program ended {} times while it was being done, so it is not tried again", self.attempts);
            self.end(JobState::Failed, None, Some(error));
        } else {
            self.state = JobState::Queued;
            self.progress = None;
            "goes on after an interruption".clone_into(&mut self.message);
        }
        true
    }
}
