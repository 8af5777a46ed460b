//! Serves a small workspace with jobs that do nothing, for external checks: schemathesis, stac-api-validator.
//!
//! `cargo run -p minesegsat-server --example serve_fixture -- 127.0.0.1:8089 0123456789abcdef`

#[path = "../tests/server/workspace.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod workspace;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use minesegsat_server::{
    JobFailure, JobProgress, JobRunner, MonitorRequest, PredictRequest, ServerError, ServerOptions, Token, serve,
};
use serde_json::{Value, json};

/// Runs each job for half a second without output.
#[derive(Debug)]
struct Idle;

impl Idle {
    fn wait(progress: &JobProgress, cancel: &AtomicBool) -> Result<(), JobFailure> {
        for step in 0..10 {
            if cancel.load(Ordering::SeqCst) {
                return Err("interrupted".into());
            }
            progress.set(Some(f64::from(step) / 10.0), "waiting");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl JobRunner for Idle {
    fn predict(
        &self,
        request: &PredictRequest,
        progress: &JobProgress,
        cancel: &AtomicBool,
    ) -> Result<String, JobFailure> {
        Self::wait(progress, cancel)?;
        Ok(request.name.clone())
    }

    fn monitor(&self, _: &MonitorRequest, progress: &JobProgress, cancel: &AtomicBool) -> Result<Value, JobFailure> {
        Self::wait(progress, cancel)?;
        Ok(json!({ "observations": 0 }))
    }
}

#[tokio::main]
async fn main() -> Result<(), ServerError> {
    let mut arguments = std::env::args().skip(1);
    let bind = arguments.next().and_then(|text| text.parse().ok());
    let token = arguments.next();
    let made;
    let folder = if let Some(folder) = arguments.next() {
        folder.into()
    } else {
        made = workspace::Workspace::filled();
        made.path().to_owned()
    };
    let mut options = ServerOptions::new(folder);
    options.bind = bind.unwrap_or(options.bind);
    options.token = token.map(Token::new).transpose()?;
    options.limits.jobs_per_minute = 1e6;
    options.limits.wrong_tokens_per_minute = 1e6;
    serve(options, Some(Arc::new(Idle)), std::future::pending()).await
}
