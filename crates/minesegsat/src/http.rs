//! HTTP reads: byte ranges with timeouts, retries and clear messages.
//!
//! The functions block; inside, one small tokio runtime serves all threads. They may be called from plain threads, from
//! rayon's workers and from tasks of another tokio runtime (whose worker they block).
//!
//! - A request is tried again after a connection error, a stall, a short body and the statuses 408, 429 and 5xx, with
//!   pauses that double and vary by chance; `Retry-After` is obeyed. Other statuses fail at once.
//! - Messages name a URL without its query, where signatures are.
//! - The first answer's `ETag` (or date) and size are compared with every later one: a file that changes while it is
//!   read is an error, not a mixture.

mod post;
mod receive;
mod request;

use std::env;
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::str::FromStr;
use std::sync::{OnceLock, PoisonError, RwLock, mpsc};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::header::{self, HeaderMap};
use reqwest::{Client, Response, StatusCode, redirect};
use tokio::runtime::Runtime;

pub(crate) use self::post::{Reply, post_once};
pub(crate) use self::receive::{Address, Outcome, RemoteInfo, inspect, receive};
pub(crate) use self::request::Request;
use crate::raster::public_url;
use crate::{Error, Result};

/// First bytes of a file that are asked for when it is opened: the header of a COG of a Sentinel-2 tile lies in it.
const HEAD: u64 = 64 << 10;
/// Ranges that lie this close are asked for in one request: a request costs more than these bytes.
const GAP: u64 = 128 << 10;
/// Longest request made of several ranges.
const LONGEST_REQUEST: u64 = 8 << 20;
/// Requests in flight for one read.
const IN_FLIGHT: usize = 8;
/// A file of a server that ignores `Range` is read whole up to this size.
const WHOLE_FILE: u64 = 32 << 20;
/// Largest answer that [`get`] accepts: texts and JSON.
const LARGEST_DOCUMENT: u64 = 512 << 20;
/// Longest pause that a server's `Retry-After` is followed for.
const LONGEST_PAUSE: Duration = Duration::from_mins(2);

/// How patient HTTP reads are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HttpOptions {
    /// Longest time to wait for a connection and the head of an answer, and for each next piece of its body.
    pub timeout: Duration,
    /// Attempts per request, the first one included.
    pub attempts: u32,
    /// Pause before the second attempt; it doubles with each further one.
    pub backoff: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30), attempts: 6, backoff: Duration::from_millis(500) }
    }
}

static OPTIONS: RwLock<Option<HttpOptions>> = RwLock::new(None);

impl HttpOptions {
    /// The defaults, changed by the variables `MINESEGSAT_HTTP_TIMEOUT_S` (seconds), `MINESEGSAT_HTTP_ATTEMPTS` and
    /// `MINESEGSAT_HTTP_BACKOFF_S` (seconds).
    pub fn from_env() -> Result<Self> {
        let mut options = Self::default();
        let seconds = |s: f64| Duration::try_from_secs_f64(s).ok().filter(|d| *d <= Duration::from_hours(24));
        if let Some(s) = variable("MINESEGSAT_HTTP_TIMEOUT_S", "seconds, more than 0, at most a day", |s| {
            seconds(s).filter(|d| !d.is_zero())
        })? {
            options.timeout = s;
        }
        if let Some(n) = variable("MINESEGSAT_HTTP_ATTEMPTS", "a number from 1 to 100", |n: u32| {
            (1..=100).contains(&n).then_some(n)
        })? {
            options.attempts = n;
        }
        if let Some(s) = variable("MINESEGSAT_HTTP_BACKOFF_S", "seconds, at most a day", seconds)? {
            options.backoff = s;
        }
        Ok(options)
    }

    /// Makes these the options of all HTTP reads of this process, in place of the environment's.
    pub fn set_global(self) {
        *OPTIONS.write().unwrap_or_else(PoisonError::into_inner) = Some(self);
    }

    pub(crate) fn current() -> Result<Self> {
        match *OPTIONS.read().unwrap_or_else(PoisonError::into_inner) {
            Some(options) => Ok(options),
            None => Self::from_env(),
        }
    }
}

fn variable<T: FromStr, U>(
    name: &'static str,
    accepted: &str,
    check: impl FnOnce(T) -> Option<U>,
) -> Result<Option<U>> {
    let Some(value) = env::var_os(name) else { return Ok(None) };
    let value = value.to_string_lossy();
    match value.trim().parse().ok().and_then(check) {
        Some(value) => Ok(Some(value)),
        None => Err(Error::Argument { name, value: value.into_owned(), accepted: accepted.to_owned() }),
    }
}

/// Reads a document (JSON, XML, text) whole.
pub fn get(url: &str) -> Result<Bytes> {
    send(Request::get(url))
}

/// Sends a request and reads the answer, a document, whole.
pub(crate) fn send(request: Request) -> Result<Bytes> {
    block_on(async move { fetch(&request).await.map(|answer| answer.body) })?
}

/// What a server says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) size: Option<u64>,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
}

/// Asks for one byte of a file: `HEAD` requests fail on signed URLs.
pub(crate) fn probe(url: &str) -> Result<Probe> {
    let request = Request::get(url).range(0..1);
    let answer = block_on(async move { fetch(&request).await })??;
    Ok(Probe { size: answer.total, etag: answer.version.etag, last_modified: answer.version.last_modified })
}

/// A file on a server, read by ranges.
pub(crate) struct RemoteFile {
    url: String,
    len: u64,
    version: Version,
    /// The file's first bytes; all of it if the server ignores `Range`.
    head: Bytes,
}

impl fmt::Debug for RemoteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteFile({}, {} bytes)", public_url(&self.url), self.len)
    }
}

impl RemoteFile {
    /// Asks for the first bytes of a file, and so for its size and version.
    pub(crate) fn open(url: &str) -> Result<Self> {
        let (url, request) = (url.to_owned(), Request::get(url).range(0..HEAD));
        let answer = block_on(async move { fetch(&request).await })??;
        let Some(len) = answer.total else {
            return Err(Error::Http {
                url: public_url(&url),
                reason: "the server does not tell the size of the file; download it first".to_owned(),
                attempts: 1,
            });
        };
        Ok(Self { url, len, version: answer.version, head: answer.body })
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let mut parts = self.read_ranges(std::slice::from_ref(&range))?;
        Ok(parts.pop().unwrap_or_default())
    }

    /// Reads ranges that lie in the file. Near ones share a request; several requests are in flight.
    pub(crate) fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let mut parts = vec![Bytes::new(); ranges.len()];
        let in_head = |r: &Range<u64>| r.end <= self.head.len() as u64;
        let mut wanted = Vec::new();
        for (part, range) in parts.iter_mut().zip(ranges) {
            if in_head(range) {
                *part = self.head.slice(range.start as usize..range.end as usize);
            } else {
                wanted.push(range.clone());
            }
        }
        if wanted.is_empty() {
            return Ok(parts);
        }
        let runs = coalesce(&wanted, GAP, LONGEST_REQUEST);
        let url = self.url.clone();
        let (len, version) = (self.len, self.version.clone());
        let requests: Vec<_> = runs.iter().map(|run| run.range.clone()).collect();
        let bodies: Vec<Bytes> = block_on(async move {
            let (url, version) = (&url, &version);
            stream::iter(requests)
                .map(|range| async move {
                    let answer = fetch(&Request::get(url).range(range.clone())).await?;
                    version.check(url, &answer, len)?;
                    if answer.body.len() as u64 != range.end - range.start {
                        return Err(changed(url, "it became shorter"));
                    }
                    Ok(answer.body)
                })
                .buffered(IN_FLIGHT)
                .try_collect()
                .await
        })??;
        let mut fetched = vec![Bytes::new(); wanted.len()];
        for (run, body) in runs.iter().zip(&bodies) {
            run.hand_out(body, &wanted, &mut fetched);
        }
        let missing = parts.iter_mut().zip(ranges).filter(|(_, range)| !in_head(range));
        for ((part, _), bytes) in missing.zip(fetched) {
            *part = bytes;
        }
        Ok(parts)
    }
}

fn changed(url: &str, how: &str) -> Error {
    Error::raster(public_url(url), format!("the file changed on the server while it was read: {how}; start again"))
}

/// What tells a version of a file from another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
}

impl Version {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        Self { etag: text(header::ETAG), last_modified: text(header::LAST_MODIFIED) }
    }

    fn check(&self, url: &str, answer: &Answer, len: u64) -> Result<()> {
        if let Some(total) = answer.total
            && total != len
        {
            return Err(changed(url, &format!("it had {len} bytes, now {total}")));
        }
        self.difference(&answer.version).map_or(Ok(()), |how| Err(changed(url, &how)))
    }

    /// How another version of a file differs from this one, if it does.
    fn difference(&self, other: &Self) -> Option<String> {
        // Dates count only where there is no ETag: mirrors of one object may carry different dates.
        match (&self.etag, &other.etag, &self.last_modified, &other.last_modified) {
            (Some(old), Some(new), _, _) if old != new => Some(format!("its ETag was {old}, now {new}")),
            (None, None, Some(old), Some(new)) if old != new => Some(format!("it was modified {old}, now {new}")),
            _ => None,
        }
    }
}

/// Ranges that are read in one go.
#[derive(Debug, PartialEq)]
pub(crate) struct Run {
    /// From the first byte of the first to the last byte of the last.
    pub(crate) range: Range<u64>,
    /// Which ranges these are.
    members: Vec<usize>,
}

impl Run {
    /// Cuts the run's bytes into its members' parts.
    pub(crate) fn hand_out(&self, bytes: &Bytes, ranges: &[Range<u64>], parts: &mut [Bytes]) {
        for &member in &self.members {
            let range = &ranges[member];
            let from = (range.start - self.range.start) as usize;
            parts[member] = bytes.slice(from..from + (range.end - range.start) as usize);
        }
    }
}

/// Joins ranges with at most `gap` bytes between them, as long as the result is no longer than `longest`. Empty ranges
/// are left out.
pub(crate) fn coalesce(ranges: &[Range<u64>], gap: u64, longest: u64) -> Vec<Run> {
    let mut order: Vec<usize> = (0..ranges.len()).filter(|&i| !ranges[i].is_empty()).collect();
    order.sort_by_key(|&i| (ranges[i].start, ranges[i].end));
    let mut runs: Vec<Run> = Vec::new();
    for i in order {
        let range = &ranges[i];
        match runs.last_mut() {
            Some(run)
                if range.start <= run.range.end.saturating_add(gap)
                    && (range.end <= run.range.end || range.end - run.range.start <= longest) =>
            {
                run.range.end = run.range.end.max(range.end);
                run.members.push(i);
            }
            _ => runs.push(Run { range: range.clone(), members: vec![i] }),
        }
    }
    runs
}

/// A complete answer.
struct Answer {
    /// The range asked for (cut at the end of the file), or the whole document.
    body: Bytes,
    /// Size of the whole file.
    total: Option<u64>,
    version: Version,
}

/// Why an attempt failed.
enum Failure {
    /// Trying again would not help.
    Final(Error),
    /// It may help, after the pause that the server asks for.
    Passing { reason: String, pause: Option<Duration> },
}

impl Failure {
    fn passing(reason: impl Into<String>) -> Self {
        Self::Passing { reason: reason.into(), pause: None }
    }

    fn of(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let mut reason = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            reason = format!("{reason}: {inner}");
            cause = inner.source();
        }
        Self::passing(reason)
    }
}

/// Sends a request until it succeeds, fails for good, or the attempts are used up.
async fn fetch(wanted: &Request) -> Result<Answer> {
    let options = HttpOptions::current()?;
    let url = wanted.url();
    let client = client(url)?;
    let mut attempt = 1;
    loop {
        let (reason, pause) = match request(client, wanted, options.timeout).await {
            Ok(answer) => return Ok(answer),
            Err(Failure::Final(error)) => return Err(error),
            Err(Failure::Passing { reason, pause }) => (reason, pause),
        };
        if attempt >= options.attempts {
            return Err(Error::Http { url: public_url(url), reason, attempts: attempt });
        }
        let pause = pause.unwrap_or_else(|| pause_before(attempt, options.backoff)).min(LONGEST_PAUSE);
        tracing::debug!(url = public_url(url), attempt, %reason, ?pause, "HTTP read is tried again");
        tokio::time::sleep(pause).await;
        attempt += 1;
    }
}

/// Doubles with each attempt, and varies by chance between a half and the whole of that, so that many clients of a
/// server in trouble do not come back at the same time.
fn pause_before(attempt: u32, backoff: Duration) -> Duration {
    let whole = backoff.saturating_mul(1 << (attempt - 1).min(16)).min(LONGEST_PAUSE);
    let chance = RandomState::new().hash_one(attempt) as f64 / u64::MAX as f64;
    whole.mul_f64(0.5 + 0.5 * chance)
}

/// Sends a request once, up to the head of its answer.
async fn head(client: &Client, wanted: &Request, timeout: Duration) -> Result<Response, Failure> {
    match tokio::time::timeout(timeout, wanted.build(client).send()).await {
        Err(_) => Err(Failure::passing(format!("no answer within {} s", timeout.as_secs_f64()))),
        Ok(Err(error)) if error.is_builder() => Err(Failure::Final(Error::Argument {
            name: "URL",
            value: public_url(wanted.url()),
            accepted: "a URL such as https://server/folder/file.tif".to_owned(),
        })),
        Ok(Err(error)) => Err(Failure::of(error)),
        Ok(Ok(response)) => Ok(response),
    }
}

async fn request(client: &Client, wanted: &Request, timeout: Duration) -> Result<Answer, Failure> {
    let (url, range) = (wanted.url(), wanted.wanted_range());
    let response = head(client, wanted, timeout).await?;
    let status = response.status();
    if !status.is_success() {
        let failure = refused(url, status, response.headers());
        return Err(match (failure, range) {
            // APIs say what they dislike about a request.
            (Failure::Final(Error::HttpStatus { url, status, meaning }), None) => {
                let said = request::explanation(response, timeout).await;
                let meaning = said.map_or(meaning.clone(), |said| format!("{meaning}; it says: {said}"));
                Failure::Final(Error::HttpStatus { url, status, meaning })
            }
            (failure, _) => failure,
        });
    }
    let version = Version::of(response.headers());
    match range {
        Some(range) if status == StatusCode::PARTIAL_CONTENT => {
            let content_range = response.headers().get(header::CONTENT_RANGE).and_then(|v| v.to_str().ok());
            let (sent, total) = content_range.and_then(parse_content_range).ok_or_else(|| {
                Failure::passing(format!("the answer's Content-Range is {}", content_range.unwrap_or("missing")))
            })?;
            let end = range.end.min(total.unwrap_or(u64::MAX));
            if sent != (range.start..end) {
                return Err(Failure::passing(format!(
                    "bytes {} to {end} were asked for, the server sent {} to {}",
                    range.start, sent.start, sent.end
                )));
            }
            let body = body(response, sent.end - sent.start, timeout).await?;
            if body.len() as u64 != sent.end - sent.start {
                return Err(Failure::passing(format!(
                    "the answer ended after {} of {} bytes",
                    body.len(),
                    sent.end - sent.start
                )));
            }
            Ok(Answer { body, total, version })
        }
        // The server ignores ranges. The body is cut to what a server that knows them would have sent, except that a
        // file read from its beginning is kept whole: its reader will want the rest.
        Some(range) => {
            let too_large = || {
                Failure::Final(Error::Http {
                    url: public_url(url),
                    reason: format!(
                        "the server ignores range requests and the file is larger than {} MiB; download it first",
                        WHOLE_FILE >> 20
                    ),
                    attempts: 1,
                })
            };
            if response.content_length().is_some_and(|n| n > WHOLE_FILE) {
                return Err(too_large());
            }
            let whole = body(response, WHOLE_FILE, timeout).await?;
            let total = whole.len() as u64;
            if total > WHOLE_FILE {
                return Err(too_large());
            }
            let body = if range.start == 0 {
                whole
            } else {
                whole.slice(range.start.min(total) as usize..range.end.min(total) as usize)
            };
            Ok(Answer { body, total: Some(total), version })
        }
        None => {
            let too_large = || {
                Failure::Final(Error::Http {
                    url: public_url(url),
                    reason: format!("the answer is larger than {} MiB", LARGEST_DOCUMENT >> 20),
                    attempts: 1,
                })
            };
            if response.content_length().is_some_and(|n| n > LARGEST_DOCUMENT) {
                return Err(too_large());
            }
            let body = body(response, LARGEST_DOCUMENT, timeout).await?;
            if body.len() as u64 > LARGEST_DOCUMENT {
                return Err(too_large());
            }
            Ok(Answer { total: Some(body.len() as u64), body, version })
        }
    }
}

/// Reads a body to its end, or to a little more than `limit`.
async fn body(mut response: Response, limit: u64, timeout: Duration) -> Result<Bytes, Failure> {
    let mut body = BytesMut::with_capacity(response.content_length().unwrap_or(0).min(limit) as usize);
    while body.len() as u64 <= limit {
        match tokio::time::timeout(timeout, response.chunk()).await {
            Err(_) => {
                let stalled =
                    format!("the connection stalled for {} s after {} bytes", timeout.as_secs_f64(), body.len());
                return Err(Failure::passing(stalled));
            }
            Ok(Err(error)) => return Err(Failure::of(error)),
            Ok(Ok(Some(piece))) => body.extend_from_slice(&piece),
            Ok(Ok(None)) => break,
        }
    }
    Ok(body.freeze())
}

/// What a status that is no success means for a reader.
fn refused(url: &str, status: StatusCode, headers: &HeaderMap) -> Failure {
    let passing =
        matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) || status.is_server_error();
    if passing {
        let pause = headers.get(header::RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(parse_retry_after);
        return Failure::Passing { reason: format!("the server answered {status}"), pause };
    }
    let meaning = match status.as_u16() {
        401 => "the server wants a login or a token; use a URL that is signed or public",
        403 => {
            "access is denied. A signed URL may have expired: get a new one. An unsigned URL may need signing: assets \
             of the Planetary Computer do"
        }
        404 | 410 => "there is no such file; check the address",
        416 => "the file on the server is shorter than expected: it is empty, or was replaced while it was read",
        300..=399 => "the server sends elsewhere without saying where",
        _ => "the server refuses the request",
    };
    Failure::Final(Error::HttpStatus { url: public_url(url), status: status.as_u16(), meaning: meaning.to_owned() })
}

/// `bytes 0-99/1234` -> (0..100, Some(1234)); the total may be `*`.
fn parse_content_range(text: &str) -> Option<(Range<u64>, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let total = match total.trim() {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    let range = first..last.checked_add(1)?;
    (!range.is_empty() && total.is_none_or(|t| range.end <= t)).then_some((range, total))
}

/// Seconds, or a date.
fn parse_retry_after(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp();
    Some(date.duration_since(jiff::Timestamp::now()).try_into().unwrap_or(Duration::ZERO))
}

/// The client for a URL: proxies of the environment are used, but not for this machine itself.
fn client(url: &str) -> Result<&'static Client> {
    static ELSEWHERE: OnceLock<Result<Client, String>> = OnceLock::new();
    static THIS_MACHINE: OnceLock<Result<Client, String>> = OnceLock::new();
    let (client, local) = if is_this_machine(url) { (&THIS_MACHINE, true) } else { (&ELSEWHERE, false) };
    let client = client.get_or_init(|| build_client(local, redirect::Policy::default()));
    client.as_ref().map_err(|reason| Error::Http { url: public_url(url), reason: reason.clone(), attempts: 0 })
}

/// Whether a URL names this machine.
fn is_this_machine(url: &str) -> bool {
    let shown = public_url(url);
    let host = shown.split("://").nth(1).unwrap_or_default();
    ["localhost", "127.", "[::1]"].iter().any(|h| host.starts_with(h))
}

fn build_client(local: bool, redirects: redirect::Policy) -> Result<Client, String> {
    // Another part of the program may have chosen a provider already: then that one is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client =
        Client::builder().user_agent(concat!("minesegsat/", env!("CARGO_PKG_VERSION"))).redirect(redirects);
    if local {
        client = client.no_proxy();
    }
    client.build().map_err(|e| {
        let cause = std::error::Error::source(&e).map_or(String::new(), |cause| format!(": {cause}"));
        format!("cannot set up HTTP: {e}{cause}")
    })
}

/// The runtime of this module.
fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("http").enable_all().build()
    });
    runtime
        .as_ref()
        .map_err(|e| Error::Io(std::io::Error::new(e.kind(), format!("cannot start the HTTP threads: {e}"))))
}

/// Runs a future to its end on the runtime of this module. The calling thread waits on a channel and not in tokio, so
/// it may belong to another runtime.
fn block_on<F>(future: F) -> Result<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let runtime = runtime()?;
    let (send, receive) = mpsc::sync_channel(1);
    runtime.spawn(async move {
        let _ = send.send(future.await);
    });
    receive.recv().map_err(|_| Error::Io(std::io::Error::other("an HTTP task ended without an answer")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_ranges_share_a_request() {
        let ranges = [50..60, 0..10, 10..20, 0..0, 25..30, 52..58];
        let runs = coalesce(&ranges, 5, 40);
        let spans: Vec<_> = runs.iter().map(|r| r.range.clone()).collect();
        assert_eq!(spans, [0..30, 50..60]);
        let file = Bytes::from((0..100).collect::<Vec<u8>>());
        let mut parts = vec![Bytes::new(); ranges.len()];
        for run in &runs {
            run.hand_out(&file.slice(run.range.start as usize..run.range.end as usize), &ranges, &mut parts);
        }
        for (range, part) in ranges.iter().zip(&parts) {
            assert_eq!(part, &file.slice(range.start as usize..range.end as usize));
        }
        assert_eq!(coalesce(&[0..30, 30..60], 5, 40).len(), 2, "no longer than the longest");
    }

    #[test]
    fn content_ranges_are_checked() {
        assert_eq!(parse_content_range("bytes 0-99/1234"), Some((0..100, Some(1234))));
        assert_eq!(parse_content_range("bytes 5-5/*"), Some((5..6, None)));
        for bad in ["bytes 9-5/10", "bytes 0-10/10", "bytes */10", "0-1/2", "bytes 0-18446744073709551615/9"] {
            assert_eq!(parse_content_range(bad), None, "{bad}");
        }
    }

    #[test]
    fn pauses_grow_and_end() {
        let backoff = Duration::from_secs(1);
        for (attempt, whole) in [(1, 1.0), (2, 2.0), (4, 8.0), (40, 120.0)] {
            let pause = pause_before(attempt, backoff).as_secs_f64();
            assert!((whole / 2.0..=whole).contains(&pause), "{attempt}: {pause}");
        }
        assert_eq!(parse_retry_after("7"), Some(Duration::from_secs(7)));
        assert_eq!(parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO), "long ago");
        assert_eq!(parse_retry_after("soon"), None);
    }
}
