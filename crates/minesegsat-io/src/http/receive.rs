//! Streaming downloads: a range of bytes goes to its sink as it arrives and is never held in memory as a whole.
//!
//! The functions run on the calling thread, which must be a plain thread. They stop soon after `cancel` is set.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::header;
use reqwest::{Response, StatusCode};

use super::{
    Failure, HttpOptions, LONGEST_PAUSE, Pace, Request, Version, cancel, head, parse_content_range, pause_before,
    refused, runtime,
};
use crate::http::public_url;
use minesegsat_core::{Error, Result};

/// Interval at which a transfer checks for cancellation.
const CANCEL_POLL: Duration = Duration::from_millis(50);
/// An attempt that brings at least this many bytes does not count as failed. A server that breaks every connection after a
/// few bytes is given up.
const PROGRESS_BYTES: u64 = 64 << 10;

/// Provides the address of a file, signed if necessary.
pub trait Address: Sync {
    /// The current address. Every attempt asks for it, because signatures expire.
    fn url(&self) -> Result<String>;

    /// Discards a signature that the server refused. Returns whether a new one may work.
    fn renew(&self) -> bool;
}

/// Metadata of a file on a server, before its download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteInfo {
    /// Size in bytes.
    pub size: Option<u64>,
    /// Version of the file, if the server states one.
    pub version: Version,
    /// Whether the server supports range requests.
    pub ranges: bool,
}

/// Result of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All bytes have arrived.
    Complete,
    /// The file changed on the server; with a description of the difference.
    Changed(String),
}

/// Receives the bytes of a file: the position of a piece, and the piece.
pub(crate) type Sink<'a> = dyn FnMut(u64, &[u8]) -> Result<()> + 'a;

/// Requests one byte of a file, without reading the body of the response.
pub fn inspect(address: &dyn Address, cancel: &AtomicBool) -> Result<RemoteInfo> {
    let mut attempts = Attempts::new(address, cancel)?;
    loop {
        let url = address.url()?;
        match attempts.run(inspect_once(&url, attempts.options.timeout))? {
            Ok(info) => return Ok(info),
            Err(failure) => attempts.after(failure, &url, false)?,
        }
    }
}

async fn inspect_once(url: &str, timeout: Duration) -> Result<RemoteInfo, Failure> {
    let response = head(&Request::get(url).range(0..1), timeout).await?;
    let version = Version::from_headers(response.headers());
    match response.status() {
        StatusCode::PARTIAL_CONTENT => {
            let (_, size) = content_range(&response)?;
            Ok(RemoteInfo { size, version, ranges: size.is_some() })
        }
        status if status.is_success() => Ok(RemoteInfo { size: response.content_length(), version, ranges: false }),
        status => Err(refused(url, status, response.headers())),
    }
}

/// Sends the bytes `range` of a file to `sink`, in order. After a broken connection the next attempt continues after the last
/// byte that arrived. If the server does not support ranges, it starts again.
///
/// If the server does not support ranges, `range` must be the whole file. The end of `range` is used only if the size is
/// known.
pub fn receive(
    address: &dyn Address,
    range: Range<u64>,
    expected: &RemoteInfo,
    cancel: &AtomicBool,
    sink: &mut Sink<'_>,
) -> Result<Outcome> {
    let mut attempts = Attempts::new(address, cancel)?;
    let mut position = range.start;
    loop {
        let url = address.url()?;
        if !expected.ranges {
            position = 0;
        }
        let wanted = position..range.end;
        let timeout = attempts.options.timeout;
        let once = receive_once(&url, timeout, expected, wanted.clone(), &mut position, sink);
        match attempts.run(once)? {
            Ok(outcome) => return Ok(outcome),
            Err(failure) => {
                let progressed = expected.ranges && position >= wanted.start + PROGRESS_BYTES;
                attempts.after(failure, &url, progressed)?;
            }
        }
    }
}

async fn receive_once(
    url: &str,
    timeout: Duration,
    expected: &RemoteInfo,
    wanted: Range<u64>,
    position: &mut u64,
    sink: &mut Sink<'_>,
) -> Result<Outcome, Failure> {
    let mut request = Request::get(url);
    if expected.ranges {
        request = request.range(wanted.clone());
        // A weak ETag does not identify bytes and is not valid in this header.
        if let Some(etag) = expected.version.etag.as_deref().filter(|etag| !etag.starts_with("W/")) {
            request = request.header(header::IF_RANGE.as_str(), etag).map_err(Failure::Final)?;
        }
    }
    let mut response = head(&request, timeout).await?;
    if let Some(how) = change(&response, expected, &wanted, url)? {
        return Ok(Outcome::Changed(how));
    }
    let mut pace = Pace::new(timeout);
    while *position < wanted.end {
        match tokio::time::timeout(timeout, response.chunk()).await {
            Err(_) => {
                let stalled = format!("the connection stalled for {} s", timeout.as_secs_f64());
                return Err(Failure::passing(format!("{stalled} after {} bytes", *position - wanted.start)));
            }
            Ok(Err(error)) => return Err(Failure::from_reqwest(error)),
            Ok(Ok(Some(piece))) => {
                let len = (piece.len() as u64).min(wanted.end - *position);
                sink(*position, &piece[..len as usize]).map_err(Failure::Final)?;
                *position += len;
                pace.note(piece.len()).map_err(Failure::passing)?;
            }
            Ok(Ok(None)) if expected.size.is_none() => break,
            Ok(Ok(None)) => {
                return Err(Failure::passing(format!(
                    "the response ended after {} of {} bytes",
                    *position - wanted.start,
                    wanted.end - wanted.start
                )));
            }
        }
    }
    Ok(Outcome::Complete)
}

/// Description of the change if the response is for another version of the file. An error if the response is unusable.
fn change(
    response: &Response,
    expected: &RemoteInfo,
    wanted: &Range<u64>,
    url: &str,
) -> Result<Option<String>, Failure> {
    let status = response.status();
    let shorter = status == StatusCode::RANGE_NOT_SATISFIABLE && expected.size.is_some();
    if !status.is_success() && !shorter {
        return Err(refused(url, status, response.headers()));
    }
    if let Some(how) = expected.version.difference(&Version::from_headers(response.headers())) {
        return Ok(Some(how));
    }
    if shorter {
        return Ok(Some("it became shorter".to_owned()));
    }
    if !expected.ranges {
        return Ok(None);
    }
    if status != StatusCode::PARTIAL_CONTENT {
        // The response to `If-Range` if the file changed, or if the server no longer supports ranges.
        return Ok(Some("the server sent the whole file instead of the requested part".to_owned()));
    }
    let (sent, total) = content_range(response)?;
    match (expected.size, total) {
        (Some(old), Some(new)) if old != new => Ok(Some(format!("it had {old} bytes, now {new}"))),
        _ if sent != *wanted => Err(Failure::passing(format!(
            "bytes {} to {} were requested, but the server sent {} to {}",
            wanted.start, wanted.end, sent.start, sent.end
        ))),
        _ => Ok(None),
    }
}

fn content_range(response: &Response) -> Result<(Range<u64>, Option<u64>), Failure> {
    let text = response.headers().get(header::CONTENT_RANGE).and_then(|v| v.to_str().ok());
    text.and_then(parse_content_range)
        .ok_or_else(|| Failure::passing(format!("the response's Content-Range is {}", text.unwrap_or("missing"))))
}

/// Counts attempts, and pauses between them.
struct Attempts<'a> {
    options: HttpOptions,
    address: &'a dyn Address,
    cancel: &'a AtomicBool,
    tries: u32,
    renewed: bool,
}

impl<'a> Attempts<'a> {
    fn new(address: &'a dyn Address, cancel: &'a AtomicBool) -> Result<Self> {
        Ok(Self { options: HttpOptions::current()?, address, cancel, tries: 0, renewed: false })
    }

    /// Runs a future on this thread until it ends or the run is cancelled.
    fn run<T>(&self, future: impl Future<Output = T>) -> Result<T> {
        runtime()?.block_on(async {
            tokio::select! {
                biased;
                () = cancelled(self.cancel) => Err(Error::Interrupted),
                result = future => Ok(result),
            }
        })
    }

    /// Waits before the next attempt, or fails if no attempts are left. An attempt with progress does not count.
    fn after(&mut self, failure: Failure, url: &str, progressed: bool) -> Result<()> {
        let (reason, pause) = match failure {
            Failure::Final(Error::HttpStatus { status: 401 | 403, .. }) if !self.renewed && self.address.renew() => {
                self.renewed = true;
                return Ok(());
            }
            Failure::Final(error) => return Err(error),
            Failure::Passing { reason, pause } => (reason, pause),
        };
        self.tries = if progressed { 1 } else { self.tries + 1 };
        if self.tries >= self.options.attempts {
            return Err(Error::Http { url: public_url(url), reason, attempts: self.tries });
        }
        let pause = pause.unwrap_or_else(|| pause_before(self.tries, self.options.backoff)).min(LONGEST_PAUSE);
        tracing::debug!(url = public_url(url), attempt = self.tries, %reason, ?pause, "retrying download");
        self.run(async { tokio::time::sleep(pause).await })
    }
}

/// Ends when the run is cancelled, or all requests are.
pub(super) async fn cancelled(cancel: &AtomicBool) {
    while !cancel.load(Ordering::Relaxed) && !cancel::is_cancelled() {
        tokio::time::sleep(CANCEL_POLL).await;
    }
}
