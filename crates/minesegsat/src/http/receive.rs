//! Files on their way to the disk: a range of bytes as it arrives, never all of it in memory.
//!
//! These functions are for plain threads: they run on the calling thread, and stop soon after `cancel` is set.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::header;
use reqwest::{Client, Response, StatusCode};

use super::{
    Failure, HttpOptions, LONGEST_PAUSE, Request, Version, client, head, parse_content_range, pause_before, refused,
    runtime,
};
use crate::raster::public_url;
use crate::{Error, Result};

/// How soon a transfer notices that it shall stop.
const CANCEL_POLL: Duration = Duration::from_millis(50);

/// Gives the address of a file, signed where it has to be.
pub(crate) trait Address: Sync {
    /// The address to use now. It is asked for at each attempt, as signatures expire.
    fn url(&self) -> Result<String>;

    /// Forgets a signature that a server refused; whether there is a chance of a better one.
    fn renew(&self) -> bool;
}

/// What a server says of a file before it sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemoteInfo {
    /// Size in bytes.
    pub(crate) size: Option<u64>,
    pub(crate) version: Version,
    /// Whether parts of it can be asked for.
    pub(crate) ranges: bool,
}

/// How a transfer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All bytes have arrived.
    Complete,
    /// The file is no longer the one that it was, and how that shows.
    Changed(String),
}

/// What takes the bytes of a file: their position, and some of them.
pub(crate) type Sink<'a> = dyn FnMut(u64, &[u8]) -> Result<()> + 'a;

/// Asks for one byte of a file, without reading the answer's body.
pub(crate) fn inspect(address: &dyn Address, cancel: &AtomicBool) -> Result<RemoteInfo> {
    let mut attempts = Attempts::new(address, cancel)?;
    loop {
        let url = address.url()?;
        let (client, timeout) = (client(&url)?, attempts.options.timeout);
        match attempts.run(inspect_once(client, &url, timeout))? {
            Ok(info) => return Ok(info),
            Err(failure) => attempts.after(failure, &url, false)?,
        }
    }
}

async fn inspect_once(client: &Client, url: &str, timeout: Duration) -> Result<RemoteInfo, Failure> {
    let response = head(client, &Request::get(url).range(0..1), timeout).await?;
    let version = Version::of(response.headers());
    match response.status() {
        StatusCode::PARTIAL_CONTENT => {
            let (_, size) = content_range(&response)?;
            Ok(RemoteInfo { size, version, ranges: size.is_some() })
        }
        status if status.is_success() => Ok(RemoteInfo { size: response.content_length(), version, ranges: false }),
        status => Err(refused(url, status, response.headers())),
    }
}

/// Sends the bytes `range` of a file to `sink`, in order. Where a connection breaks, the next attempt goes on after the
/// last byte that arrived, unless the server has no ranges: then it begins again.
///
/// `range` is the whole file where the server has no ranges; its end counts only where the size is known.
pub(crate) fn receive(
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
        let (client, timeout) = (client(&url)?, attempts.options.timeout);
        if !expected.ranges {
            position = 0;
        }
        let wanted = position..range.end;
        let once = receive_once(client, &url, timeout, expected, wanted.clone(), &mut position, sink);
        match attempts.run(once)? {
            Ok(outcome) => return Ok(outcome),
            Err(failure) => attempts.after(failure, &url, expected.ranges && position > wanted.start)?,
        }
    }
}

async fn receive_once(
    client: &Client,
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
        // A weak ETag says nothing about bytes, and does not count in this header.
        if let Some(etag) = expected.version.etag.as_deref().filter(|etag| !etag.starts_with("W/")) {
            request = request.header(header::IF_RANGE.as_str(), etag).map_err(Failure::Final)?;
        }
    }
    let mut response = head(client, &request, timeout).await?;
    if let Some(how) = change(&response, expected, &wanted, url)? {
        return Ok(Outcome::Changed(how));
    }
    while *position < wanted.end {
        match tokio::time::timeout(timeout, response.chunk()).await {
            Err(_) => {
                let stalled = format!("the connection stalled for {} s", timeout.as_secs_f64());
                return Err(Failure::passing(format!("{stalled} after {} bytes", *position - wanted.start)));
            }
            Ok(Err(error)) => return Err(Failure::of(error)),
            Ok(Ok(Some(piece))) => {
                let len = (piece.len() as u64).min(wanted.end - *position);
                sink(*position, &piece[..len as usize]).map_err(Failure::Final)?;
                *position += len;
            }
            Ok(Ok(None)) if expected.size.is_none() => break,
            Ok(Ok(None)) => {
                return Err(Failure::passing(format!(
                    "the answer ended after {} of {} bytes",
                    *position - wanted.start,
                    wanted.end - wanted.start
                )));
            }
        }
    }
    Ok(Outcome::Complete)
}

/// Whether an answer is about another version of the file; an error if it is none at all.
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
    if let Some(how) = expected.version.difference(&Version::of(response.headers())) {
        return Ok(Some(how));
    }
    if shorter {
        return Ok(Some("it became shorter".to_owned()));
    }
    if !expected.ranges {
        return Ok(None);
    }
    if status != StatusCode::PARTIAL_CONTENT {
        // `If-Range` is answered so where the file is another, and by servers that lost their ranges.
        return Ok(Some("the server sends all of it instead of the part asked for".to_owned()));
    }
    let (sent, total) = content_range(response)?;
    match (expected.size, total) {
        (Some(old), Some(new)) if old != new => Ok(Some(format!("it had {old} bytes, now {new}"))),
        _ if sent != *wanted => Err(Failure::passing(format!(
            "bytes {} to {} were asked for, the server sent {} to {}",
            wanted.start, wanted.end, sent.start, sent.end
        ))),
        _ => Ok(None),
    }
}

fn content_range(response: &Response) -> Result<(Range<u64>, Option<u64>), Failure> {
    let text = response.headers().get(header::CONTENT_RANGE).and_then(|v| v.to_str().ok());
    text.and_then(parse_content_range)
        .ok_or_else(|| Failure::passing(format!("the answer's Content-Range is {}", text.unwrap_or("missing"))))
}

/// Counts attempts, and pauses between them.
struct Attempts<'a> {
    options: HttpOptions,
    address: &'a dyn Address,
    cancel: &'a AtomicBool,
    made: u32,
    renewed: bool,
}

impl<'a> Attempts<'a> {
    fn new(address: &'a dyn Address, cancel: &'a AtomicBool) -> Result<Self> {
        Ok(Self { options: HttpOptions::current()?, address, cancel, made: 0, renewed: false })
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

    /// Waits before the next attempt, or fails where there shall be none. An attempt that brought the transfer forward
    /// does not count.
    fn after(&mut self, failure: Failure, url: &str, progressed: bool) -> Result<()> {
        let (reason, pause) = match failure {
            Failure::Final(Error::HttpStatus { status: 401 | 403, .. }) if !self.renewed && self.address.renew() => {
                self.renewed = true;
                return Ok(());
            }
            Failure::Final(error) => return Err(error),
            Failure::Passing { reason, pause } => (reason, pause),
        };
        self.made = if progressed { 1 } else { self.made + 1 };
        if self.made >= self.options.attempts {
            return Err(Error::Http { url: public_url(url), reason, attempts: self.made });
        }
        let pause = pause.unwrap_or_else(|| pause_before(self.made, self.options.backoff)).min(LONGEST_PAUSE);
        tracing::debug!(url = public_url(url), attempt = self.made, %reason, ?pause, "download is tried again");
        self.run(async { tokio::time::sleep(pause).await })
    }
}

/// Ends when the run is cancelled.
pub(super) async fn cancelled(cancel: &AtomicBool) {
    while !cancel.load(Ordering::Relaxed) {
        tokio::time::sleep(CANCEL_POLL).await;
    }
}
