//! HTTP reads: byte ranges with timeouts, retries and clear messages. [`objects`] reads and writes objects in buckets.
//!
//! The functions block. One small tokio runtime inside serves all threads. Plain threads, rayon workers and tasks of another
//! tokio runtime may call them; a task blocks its worker.
//!
//! - A request is retried after a connection error, a stall, a short body and the statuses 408, 429 and 5xx. Pauses double
//!   and vary at random; `Retry-After` is respected. Other statuses fail at once.
//! - Processes that [share their pauses](share_pauses_in) do not ask a server that asked one of them to wait.
//! - A body that comes more slowly than 1 KiB per second counts as stalled, and a document has a deadline.
//! - Redirections never lead from `https` to `http` or further inside a network. Credentials and bodies stay with their
//!   origin.
//! - Requests end soon after [`cancel_requests_if`] says so.
//! - Messages show a URL without its query, because the query may contain a signature.
//! - `ETag` (or date) and size of the first response are compared with every later one. A file that changes during a read
//!   is an error.

mod cancel;
mod content;
pub mod objects;
mod outward;
mod pace;
mod post;
mod reach;
pub mod receive;
mod redirect;
mod request;
pub mod s3;
mod shared_pause;

use std::env;
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::str::FromStr;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, mpsc};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::header::{self, HeaderMap};
use reqwest::{Client, Response, StatusCode};
use tokio::runtime::Runtime;

pub use self::cancel::{CancelGuard, cancel_requests_if};
pub use self::content::{DESCRIBED_BYTES, describe_content};
pub use self::outward::{OutwardGuard, outward_requests_only};
use self::pace::Pace;
pub use self::post::{Reply, post_once};
pub use self::reach::{Reach, check_step, is_public};
pub use self::receive::{Address, Outcome, RemoteInfo, inspect, receive};
pub use self::request::{Request, explanation_of};
pub use self::shared_pause::{SharedPauses, share_pauses_in};
use minesegsat_core::{Error, Result, with_causes};

/// Number of bytes in the first request for a file. The header of a COG of a Sentinel-2 tile fits in it.
const HEAD: u64 = 64 << 10;
/// Ranges with gaps up to this many bytes share a request, because a request costs more than these bytes.
const GAP: u64 = 128 << 10;
/// Maximum length in bytes of a request that combines several ranges.
const LONGEST_REQUEST: u64 = 8 << 20;
/// Maximum number of concurrent requests for one read.
const IN_FLIGHT: usize = 8;
/// Maximum size in bytes of a file from a server that ignores `Range`; such a file is read whole.
const WHOLE_FILE: u64 = 32 << 20;
/// Maximum size in bytes of a response to [`get`]: text or JSON.
const LARGEST_DOCUMENT: u64 = 512 << 20;
/// Maximum pause that a server can request with `Retry-After`.
const LONGEST_PAUSE: Duration = Duration::from_mins(2);
/// Deadline of a document or range, in timeouts: ten minutes with the default timeout.
const DEADLINE_TIMEOUTS: u32 = 20;

/// Timeout and retries of HTTP reads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HttpOptions {
    /// Timeout for the connection and the response header, and for each further piece of the body.
    pub timeout: Duration,
    /// Attempts per request, including the first.
    pub attempts: u32,
    /// Pause before the second attempt. It doubles with each further attempt.
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

    /// Sets the options of all HTTP reads of this process. They override the environment.
    pub fn set_global(self) {
        *OPTIONS.write().unwrap_or_else(PoisonError::into_inner) = Some(self);
    }

    /// The current options: those of the last [`set_global`](Self::set_global), otherwise those of the environment.
    pub fn current() -> Result<Self> {
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

/// Sends a request and reads the whole response, which must be a document.
pub fn send(request: Request) -> Result<Bytes> {
    block_on(async move { fetch(&request).await.map(|answer| answer.body) })?
}

/// Metadata of a file on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) size: Option<u64>,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
}

/// Requests one byte of a file, because `HEAD` requests fail on signed URLs.
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
    /// Requests the first bytes of a file, and so gets its size and version.
    pub(crate) fn open(url: &str) -> Result<Self> {
        let (url, request) = (url.to_owned(), Request::get(url).range(0..HEAD));
        let answer = block_on(async move { fetch(&request).await })??;
        let Some(len) = answer.total else {
            return Err(unusable(&url, "the server does not state the size of the file; download it first"));
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

    /// Reads ranges of the file. Close ranges share a request; several requests run at once.
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

/// Identifies a version of a file on a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Version {
    /// The `ETag` header.
    pub etag: Option<String>,
    /// The `Last-Modified` header.
    pub last_modified: Option<String>,
}

impl Version {
    fn from_headers(headers: &HeaderMap) -> Self {
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

    /// Description of the difference between two versions of a file, or `None` if they are equal.
    fn difference(&self, other: &Self) -> Option<String> {
        // Dates count only without an ETag, because mirrors of one object may have different dates.
        match (&self.etag, &other.etag, &self.last_modified, &other.last_modified) {
            (Some(old), Some(new), _, _) if old != new => Some(format!("its ETag was {old}, now {new}")),
            (None, None, Some(old), Some(new)) if old != new => Some(format!("it was modified {old}, now {new}")),
            _ => None,
        }
    }
}

/// Ranges that share a request.
#[derive(Debug, PartialEq)]
pub(crate) struct Run {
    /// Bytes from the start of the first range to the end of the last range.
    pub(crate) range: Range<u64>,
    /// Indices of the ranges.
    members: Vec<usize>,
}

impl Run {
    /// Divides the bytes of the request among its ranges.
    pub(crate) fn hand_out(&self, bytes: &Bytes, ranges: &[Range<u64>], parts: &mut [Bytes]) {
        for &member in &self.members {
            let range = &ranges[member];
            let from = (range.start - self.range.start) as usize;
            parts[member] = bytes.slice(from..from + (range.end - range.start) as usize);
        }
    }
}

/// Joins ranges with at most `gap` bytes between them, unless the result would be longer than `longest` bytes. Empty ranges
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

/// A complete response.
struct Answer {
    /// The requested range (clipped at the end of the file), or the whole document.
    body: Bytes,
    /// Size of the whole file.
    total: Option<u64>,
    version: Version,
}

/// Failure of an attempt.
enum Failure {
    /// A retry would not help.
    Final(Error),
    /// A retry may help, after the pause that the server asks for, if any.
    Passing { reason: String, pause: Option<Duration> },
}

impl Failure {
    fn passing(reason: impl Into<String>) -> Self {
        Self::Passing { reason: reason.into(), pause: None }
    }

    fn from_reqwest(error: reqwest::Error) -> Self {
        Self::passing(with_causes(&error.without_url()))
    }
}

/// Sends a request until it succeeds, fails permanently, or no attempts are left.
async fn fetch(wanted: &Request) -> Result<Answer> {
    let options = HttpOptions::current()?;
    let deadline = options.timeout.saturating_mul(DEADLINE_TIMEOUTS);
    let mut attempt = 1;
    loop {
        // Signatures expire, so every attempt has its own.
        let wanted = &wanted.resolved()?;
        let url = wanted.url();
        // The deadline is that of the response.
        shared_pause::wait(url).await;
        let answer = tokio::time::timeout(deadline, request(wanted, options.timeout)).await;
        let (reason, pause) = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(Failure::Final(error))) => return Err(error),
            Ok(Err(Failure::Passing { reason, pause })) => (reason, pause),
            Err(_) => (format!("the response did not end within {} s", deadline.as_secs_f64()), None),
        };
        if attempt >= options.attempts {
            return Err(Error::Http { url: public_url(url), reason, attempts: attempt });
        }
        let pause = pause.unwrap_or_else(|| pause_before(attempt, options.backoff)).min(LONGEST_PAUSE);
        tracing::debug!(url = public_url(url), attempt, %reason, ?pause, "retrying HTTP read");
        tokio::time::sleep(pause).await;
        attempt += 1;
    }
}

/// The pause doubles with each attempt and varies at random between half and all of that. So the clients of an overloaded
/// server do not return at the same time.
fn pause_before(attempt: u32, backoff: Duration) -> Duration {
    let whole = backoff.saturating_mul(1 << (attempt - 1).min(16)).min(LONGEST_PAUSE);
    whole.mul_f64(0.5 + 0.5 * chance())
}

/// A random number from 0 to 1.
fn chance() -> f64 {
    RandomState::new().hash_one(0) as f64 / u64::MAX as f64
}

/// Sends a request once, follows redirections, and reads the header of the response.
async fn head(wanted: &Request, timeout: Duration) -> Result<Response, Failure> {
    let mut request = wanted.resolved().map_err(Failure::Final)?;
    for _ in 0..=redirect::MOST {
        let client = client(request.url()).map_err(Failure::Final)?;
        shared_pause::wait(request.url()).await;
        let response = send_once(client, &request, timeout).await?;
        shared_pause::note(request.url(), &response);
        match response.headers().get(header::LOCATION) {
            Some(location) if redirect::is_redirection(response.status()) => {
                request = redirect::next(&request, response.status(), location)?;
            }
            _ => return Ok(response),
        }
    }
    Err(Failure::Final(unusable(wanted.url(), format!("it redirects more than {} times", redirect::MOST))))
}

/// Sends a request once and reads the header of the response, which may be a redirection.
async fn send_once(client: &Client, wanted: &Request, timeout: Duration) -> Result<Response, Failure> {
    match tokio::time::timeout(timeout, wanted.build(client).send()).await {
        Err(_) => Err(Failure::passing(format!("no answer within {} s", timeout.as_secs_f64()))),
        Ok(Err(error)) if error.is_builder() => Err(Failure::Final(Error::Argument {
            name: "URL",
            value: public_url(wanted.url()),
            accepted: "a URL such as https://server/folder/file.tif".to_owned(),
        })),
        Ok(Err(error)) => Err(Failure::from_reqwest(error)),
        Ok(Ok(response)) => Ok(response),
    }
}

async fn request(wanted: &Request, timeout: Duration) -> Result<Answer, Failure> {
    let (url, range) = (wanted.url(), wanted.wanted_range());
    let response = head(wanted, timeout).await?;
    let status = response.status();
    if !status.is_success() {
        let failure = refused(url, status, response.headers());
        return Err(match (failure, range) {
            // APIs explain why they refuse a request.
            (Failure::Final(Error::HttpStatus { url, status, meaning }), None) => {
                let explanation = request::explanation(response, timeout).await;
                let meaning = explanation.map_or(meaning.clone(), |text| format!("{meaning}; it says: {text}"));
                Failure::Final(Error::HttpStatus { url, status, meaning })
            }
            (failure, _) => failure,
        });
    }
    let version = Version::from_headers(response.headers());
    match range {
        Some(range) if status == StatusCode::PARTIAL_CONTENT => {
            let content_range = response.headers().get(header::CONTENT_RANGE).and_then(|v| v.to_str().ok());
            let (sent, total) = content_range.and_then(parse_content_range).ok_or_else(|| {
                Failure::passing(format!("the response's Content-Range is {}", content_range.unwrap_or("missing")))
            })?;
            let end = range.end.min(total.unwrap_or(u64::MAX));
            if sent != (range.start..end) {
                return Err(Failure::passing(format!(
                    "bytes {} to {end} were requested, but the server sent {} to {}",
                    range.start, sent.start, sent.end
                )));
            }
            let body = body(response, sent.end - sent.start, timeout).await?;
            if body.len() as u64 != sent.end - sent.start {
                return Err(Failure::passing(format!(
                    "the response ended after {} of {} bytes",
                    body.len(),
                    sent.end - sent.start
                )));
            }
            Ok(Answer { body, total, version })
        }
        // The server ignores ranges. The body is clipped to the requested range. A file that is read from its beginning is kept
        // whole, because its reader will need the rest.
        Some(range) => {
            let too_large = format!(
                "the server ignores range requests and the file is larger than {} MiB; download it first",
                WHOLE_FILE >> 20
            );
            let whole = whole_body(response, WHOLE_FILE, timeout)
                .await?
                .ok_or_else(|| Failure::Final(unusable(url, too_large)))?;
            let total = whole.len() as u64;
            let body = if range.start == 0 {
                whole
            } else {
                whole.slice(range.start.min(total) as usize..range.end.min(total) as usize)
            };
            Ok(Answer { body, total: Some(total), version })
        }
        None => {
            let too_large = format!("the response is larger than {} MiB", LARGEST_DOCUMENT >> 20);
            let body = whole_body(response, LARGEST_DOCUMENT, timeout)
                .await?
                .ok_or_else(|| Failure::Final(unusable(url, too_large)))?;
            Ok(Answer { total: Some(body.len() as u64), body, version })
        }
    }
}

/// The error for an answer that is of no use. A retry would not help.
fn unusable(url: &str, reason: impl Into<String>) -> Error {
    Error::Http { url: public_url(url), reason: reason.into(), attempts: 1 }
}

/// Reads a body to its end; `None` if it has more than `limit` bytes.
async fn whole_body(response: Response, limit: u64, timeout: Duration) -> Result<Option<Bytes>, Failure> {
    if response.content_length().is_some_and(|length| length > limit) {
        return Ok(None);
    }
    let body = body(response, limit, timeout).await?;
    Ok(Some(body).filter(|body| body.len() as u64 <= limit))
}

/// Reads a body to its end, or until it exceeds `limit` bytes.
async fn body(mut response: Response, limit: u64, timeout: Duration) -> Result<Bytes, Failure> {
    // A server may state any length; memory follows what arrives.
    const LARGEST_GUESS: u64 = 8 << 20;
    let guess = response.content_length().unwrap_or(0).min(limit).min(LARGEST_GUESS);
    let mut body = BytesMut::with_capacity(guess as usize);
    let mut pace = Pace::new(timeout);
    while body.len() as u64 <= limit {
        match tokio::time::timeout(timeout, response.chunk()).await {
            Err(_) => {
                let stalled =
                    format!("the connection stalled for {} s after {} bytes", timeout.as_secs_f64(), body.len());
                return Err(Failure::passing(stalled));
            }
            Ok(Err(error)) => return Err(Failure::from_reqwest(error)),
            Ok(Ok(Some(piece))) => {
                body.extend_from_slice(&piece);
                pace.note(piece.len()).map_err(Failure::passing)?;
            }
            Ok(Ok(None)) => break,
        }
    }
    Ok(body.freeze())
}

/// The failure for a status that is not a success, with its meaning for the user.
fn refused(url: &str, status: StatusCode, headers: &HeaderMap) -> Failure {
    let passing =
        matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) || status.is_server_error();
    if passing {
        let pause = headers.get(header::RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(parse_retry_after);
        return Failure::Passing { reason: format!("the server answered {status}"), pause };
    }
    let meaning = match status.as_u16() {
        401 => "the server requires a login or a token; use a signed or public URL",
        403 => {
            "access is denied. A signed URL may have expired: get a new one. An unsigned URL may need signing: assets \
             of the Planetary Computer do"
        }
        404 | 410 => "there is no such file; check the address",
        416 => "the file on the server is shorter than expected: it is empty, or was replaced while it was read",
        300..=399 => "the server redirects without an address",
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

/// The client for a URL. It uses the proxies of the environment, except for this machine itself.
fn client(url: &str) -> Result<&'static Client> {
    static ELSEWHERE: OnceLock<Result<Client, String>> = OnceLock::new();
    static THIS_MACHINE: OnceLock<Result<Client, String>> = OnceLock::new();
    static OUTWARD: OnceLock<Result<Client, String>> = OnceLock::new();
    let (client, kind) = if outward::concerns(url) {
        outward::check(url)?;
        (&OUTWARD, ClientKind::Outward)
    } else if is_this_machine(url) {
        (&THIS_MACHINE, ClientKind::ThisMachine)
    } else {
        (&ELSEWHERE, ClientKind::Any)
    };
    let client = client.get_or_init(|| build_client(kind));
    client.as_ref().map_err(|reason| Error::Http { url: public_url(url), reason: reason.clone(), attempts: 0 })
}

/// Whether the host of a URL is this machine.
fn is_this_machine(url: &str) -> bool {
    let shown = public_url(url);
    let host = shown.split("://").nth(1).unwrap_or_default();
    ["localhost", "127.", "[::1]"].iter().any(|h| host.starts_with(h))
}

/// The addresses that a client connects to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClientKind {
    /// This machine, without proxies.
    ThisMachine,
    /// Any address.
    Any,
    /// Public addresses only.
    Outward,
}

/// A client that follows no redirections: [`head`] does.
fn build_client(kind: ClientKind) -> Result<Client, String> {
    // If another part of the program has already installed a provider, that one is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client = Client::builder()
        .user_agent(concat!("minesegsat/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none());
    match kind {
        ClientKind::ThisMachine => client = client.no_proxy(),
        // A proxy resolves the names itself, and its own address may be private.
        ClientKind::Outward if !outward::has_proxy() => {
            client = client.dns_resolver(Arc::new(outward::PublicResolver));
        }
        ClientKind::Outward | ClientKind::Any => {}
    }
    client.build().map_err(|error| format!("cannot set up HTTP: {}", with_causes(&error)))
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

/// Runs a future on the runtime of this module, until it ends or all requests must end. The calling thread waits on a channel
/// and not in tokio, so it may belong to another runtime.
fn block_on<F>(future: F) -> Result<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    block_on_to_end(async move {
        tokio::select! {
            biased;
            done = future => Ok(done),
            () = cancel::cancelled() => Err(Error::Interrupted),
        }
    })?
}

/// Like [`block_on`], for a future that must run to its end also after Ctrl-C.
fn block_on_to_end<F>(future: F) -> Result<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let runtime = runtime()?;
    let (send, receive) = mpsc::sync_channel(1);
    runtime.spawn(async move {
        let _ = send.send(future.await);
    });
    receive.recv().map_err(|_| Error::Io(std::io::Error::other("an HTTP task ended without a result")))
}

/// A URL without its query, user name and password, safe for messages.
pub fn public_url(url: &str) -> String {
    let url = without_query(url);
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let host = rest.split('/').next().unwrap_or_default();
            let rest = host.rfind('@').map_or(rest, |at| &rest[at + 1..]);
            format!("{scheme}://{rest}")
        }
        None => url.to_owned(),
    }
}

/// A URL up to its query or fragment.
pub(crate) fn without_query(url: &str) -> &str {
    if url.contains("://") { &url[..url.find(['?', '#']).unwrap_or(url.len())] } else { url }
}

#[cfg(test)]
mod tests;
