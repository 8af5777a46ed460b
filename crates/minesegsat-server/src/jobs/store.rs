//! The list of jobs on disk.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, Result, Row, params};
use serde_json::Value;

use super::{Job, JobKind, JobState};

const TABLE: &str = "
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    created TEXT NOT NULL,
    started TEXT,
    finished TEXT,
    request TEXT NOT NULL,
    result TEXT,
    error TEXT,
    attempts INTEGER NOT NULL,
    is_cancelled INTEGER NOT NULL
) WITHOUT ROWID;
";

/// The list of jobs on disk.
#[derive(Debug)]
pub(super) struct Store {
    database: Connection,
}

impl Store {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let database = Connection::open(path)?;
        database.busy_timeout(Duration::from_secs(5))?;
        database.pragma_update(None, "journal_mode", "WAL")?;
        database.pragma_update(None, "synchronous", "FULL")?;
        database.execute_batch(TABLE)?;
        Ok(Self { database })
    }

    /// The newest `limit` jobs, sorted from oldest to newest.
    pub(super) fn read(&self, limit: usize) -> Result<Vec<Job>> {
        let mut statement = self.database.prepare(
            "SELECT id, kind, state, created, started, finished, request, result, error, attempts, is_cancelled FROM jobs \
             ORDER BY (state IN ('queued', 'running')) DESC, created DESC, id DESC LIMIT ?1",
        )?;
        let rows = statement.query_map([limit as i64], read_job)?;
        let mut jobs: Vec<Job> = rows.collect::<Result<_>>()?;
        jobs.sort_by(|a, b| a.created.cmp(&b.created).then_with(|| a.id.cmp(&b.id)));
        Ok(jobs)
    }

    pub(super) fn write(&self, job: &Job) -> Result<()> {
        let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
        self.database
            .prepare_cached("INSERT OR REPLACE INTO jobs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")?
            .execute(params![
                job.id,
                job.kind.name(),
                job.state.name(),
                job.created.to_string(),
                text(job.started),
                text(job.finished),
                job.request.to_string(),
                job.result.as_ref().map(Value::to_string),
                job.error,
                job.attempts,
                job.is_cancelled,
            ])
            .map(drop)
    }

    pub(super) fn remove(&self, id: &str) -> Result<()> {
        self.database.execute("DELETE FROM jobs WHERE id = ?1", [id]).map(drop)
    }
}

fn read_job(row: &Row<'_>) -> Result<Job> {
    let damaged = |column: usize, what: &str| {
        let reason = format!("its {what} cannot be read");
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, reason.into())
    };
    let time = |column: usize| -> Result<Option<Timestamp>> {
        let text: Option<String> = row.get(column)?;
        text.map(|text| text.parse().map_err(|_| damaged(column, "time"))).transpose()
    };
    let json = |column: usize| -> Result<Option<Value>> {
        let text: Option<String> = row.get(column)?;
        text.map(|text| serde_json::from_str(&text).map_err(|_| damaged(column, "content"))).transpose()
    };
    let (kind, state): (String, String) = (row.get(1)?, row.get(2)?);
    let state = JobState::from_name(&state).ok_or_else(|| damaged(2, "state"))?;
    Ok(Job {
        id: row.get(0)?,
        kind: JobKind::from_name(&kind).ok_or_else(|| damaged(1, "kind"))?,
        state,
        progress: (state == JobState::Done).then_some(1.0),
        message: String::new(),
        created: time(3)?.ok_or_else(|| damaged(3, "time"))?,
        started: time(4)?,
        finished: time(5)?,
        request: json(6)?.unwrap_or_default(),
        result: json(7)?,
        error: row.get(8)?,
        attempts: row.get(9)?,
        is_cancelled: row.get(10)?,
    })
}
