//! A small HTTP server for tests, with byte ranges, faults on demand and handlers.
#![expect(missing_docs, reason = "the names of test data are self-explanatory")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Fault of a served file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// No fault.
    None,
    /// Every request gets this status.
    Status(u16),
    /// The first `times` requests get this status; later ones succeed.
    StatusThenOk { status: u16, times: usize },
    /// The first `times` requests get a header and the first half of the body; then the connection stalls.
    Stall { times: usize },
    /// The first `times` requests get the first half of the body; then the connection is closed.
    Cut { times: usize },
    /// The server ignores `Range` and sends the whole file with status 200.
    IgnoreRange,
    /// The server sends one byte of the body every 50 ms, for as long as the client listens.
    Drip,
    /// The first `after` requests see one version of the file (`ETag`), later ones another.
    Change { after: usize },
    /// The first `times` requests get another range than they requested; `Content-Range` states it.
    WrongRange { times: usize },
}

/// A received request.
#[derive(Debug, Clone, Default)]
pub struct Received {
    /// Such as `GET`.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Headers; names are in lower case.
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Received {
    /// The value of a header, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The decoded value of a query parameter (`%xx` and `+`).
    pub fn parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.path.split_once('?')?;
        query.split('&').find_map(|pair| Some(decode(pair.strip_prefix(name)?.strip_prefix('=')?)))
    }
}

pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut i) = (Vec::new(), 0);
    while i < bytes.len() {
        let hex = (bytes[i] == b'%').then(|| text.get(i + 1..i + 3).and_then(|h| u8::from_str_radix(h, 16).ok()));
        match (hex.flatten(), bytes[i]) {
            (Some(byte), _) => {
                out.push(byte);
                i += 2;
            }
            (None, b'+') => out.push(b' '),
            (None, byte) => out.push(byte),
        }
        i += 1;
    }
    String::from_utf8(out).unwrap()
}

/// Response of a handler: status, headers and body.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    /// Status 200 with JSON.
    pub fn json(text: impl ToString) -> Self {
        Self::status(200, text)
    }

    /// Any status with JSON.
    pub fn status(status: u16, text: impl ToString) -> Self {
        let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        Self { status, headers, body: text.to_string().into_bytes() }
    }
}

type Handler = Arc<dyn Fn(&Received) -> Reply + Send + Sync>;

#[derive(Default)]
struct State {
    files: HashMap<String, (Arc<Vec<u8>>, Fault)>,
    handlers: HashMap<String, Handler>,
    /// Answers what nothing else answers.
    fallback: Option<Handler>,
    /// Path with query and range (end excluded) of each request, in order of arrival.
    requests: Vec<(String, Option<Range<u64>>)>,
    received: Vec<Received>,
    /// Bytes per second of all bodies together, and the earliest time of the next piece.
    throttle: Option<(f64, Instant)>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "State({} files, {} requests)", self.files.len(), self.requests.len())
    }
}

/// A server on its own port. It stops when it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (state, stop) = (Arc::new(Mutex::new(State::default())), Arc::new(AtomicBool::new(false)));
        let (shared, stopped) = (Arc::clone(&state), Arc::clone(&stop));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                if let Ok(stream) = stream {
                    let (shared, stopped) = (Arc::clone(&shared), Arc::clone(&stopped));
                    std::thread::spawn(move || {
                        // The client may disconnect during a response.
                        let _ = answer(stream, &shared, &stopped);
                    });
                }
            }
        });
        Self { address, state, stop }
    }

    /// Serves `content` under `path` (which begins with `/`). Returns its URL.
    pub fn serve(&self, path: &str, content: impl Into<Vec<u8>>, fault: Fault) -> String {
        self.state.lock().unwrap().files.insert(path.to_owned(), (Arc::new(content.into()), fault));
        self.url(path)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers requests for a path (without query) with a handler.
    pub fn handle(&self, path: &str, handler: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> String {
        self.state.lock().unwrap().handlers.insert(path.to_owned(), Arc::new(handler));
        self.url(path)
    }

    /// Answers requests for all paths that nothing else answers.
    pub fn handle_others(&self, handler: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        self.state.lock().unwrap().fallback = Some(Arc::new(handler));
    }

    /// Limits all connections together to `bytes_per_second` from now on.
    pub fn throttle(&self, bytes_per_second: f64) {
        self.state.lock().unwrap().throttle = Some((bytes_per_second, Instant::now()));
    }

    /// Requests for a path (without query) so far, with their headers and bodies.
    pub fn received(&self, path: &str) -> Vec<Received> {
        let state = self.state.lock().unwrap();
        state.received.iter().filter(|received| without_query(&received.path) == path).cloned().collect()
    }

    /// Changes the fault of a file.
    pub fn set_fault(&self, path: &str, fault: Fault) {
        self.state.lock().unwrap().files.get_mut(path).expect("the file is served").1 = fault;
    }

    /// Ranges (end excluded) that were requested for a path so far.
    pub fn requests(&self, path: &str) -> Vec<Option<Range<u64>>> {
        let state = self.state.lock().unwrap();
        state.requests.iter().filter(|(p, _)| without_query(p) == path).map(|(_, r)| r.clone()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
    }
}

fn without_query(path: &str) -> &str {
    path.split('?').next().unwrap_or_default()
}

fn answer(stream: TcpStream, state: &Mutex<State>, stop: &AtomicBool) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let method = words.next().unwrap_or_default();
    let path = words.next().unwrap_or_default();
    let mut received = Received { method, path: path.clone(), ..Received::default() };
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            received.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    if let Ok(length) = received.header("content-length").parse() {
        received.body = vec![0; length];
        reader.read_exact(&mut received.body)?;
    }
    let range = parse_range(received.header("range"));
    let handler = {
        let mut state = state.lock().unwrap();
        state.received.push(received.clone());
        let known = without_query(&path);
        let fallback = || state.fallback.clone().filter(|_| !state.files.contains_key(known));
        state.handlers.get(known).cloned().or_else(fallback)
    };
    if let Some(handler) = handler {
        let reply = handler(&received);
        let headers: Vec<String> = reply.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        write!(
            stream,
            "HTTP/1.1 {} Answer\r\n{}Content-Length: {}\r\nConnection: close\r\n\r\n",
            reply.status,
            headers.concat(),
            reply.body.len()
        )?;
        return if received.method == "HEAD" { stream.flush() } else { stream.write_all(&reply.body) };
    }
    let (found, earlier) = {
        let mut state = state.lock().unwrap();
        let earlier = state.requests.iter().filter(|(p, _)| without_query(p) == without_query(&path)).count();
        state.requests.push((path.clone(), range.clone()));
        (state.files.get(without_query(&path)).cloned(), earlier)
    };
    let Some((content, fault)) = found else { return refuse(&mut stream, 404) };
    let len = content.len() as u64;
    match fault {
        Fault::Status(status) => return refuse(&mut stream, status),
        Fault::StatusThenOk { status, times } if earlier < times => return refuse(&mut stream, status),
        _ => {}
    }
    let etag = if matches!(fault, Fault::Change { after } if earlier >= after) { "\"new\"" } else { "\"old\"" };
    let condition = received.header("if-range");
    let (status, body) = match range {
        Some(range) if fault != Fault::IgnoreRange && (condition.is_empty() || condition == etag) => {
            if range.start >= len {
                return refuse(&mut stream, 416);
            }
            let mut sent = range.start..range.end.min(len);
            if matches!(fault, Fault::WrongRange { times } if earlier < times) {
                sent.start = sent.end - 1;
            }
            let text = format!("206 Partial Content\r\nContent-Range: bytes {}-{}/{len}", sent.start, sent.end - 1);
            (text, &content[sent.start as usize..sent.end as usize])
        }
        _ => ("200 OK".to_owned(), &content[..]),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: {etag}\r\nLast-Modified: Tue, 12 Jan 2016 16:02:00 GMT\r\n\
         Connection: close\r\n\r\n",
        body.len()
    )?;
    match fault {
        Fault::Stall { times } if earlier < times => {
            stream.write_all(&body[..body.len() / 2])?;
            stream.flush()?;
            for _ in 0..300 {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
            Ok(())
        }
        Fault::Drip => {
            for byte in body.iter().cycle() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                stream.write_all(std::slice::from_ref(byte))?;
                stream.flush()?;
                std::thread::sleep(Duration::from_millis(50));
            }
            Ok(())
        }
        Fault::Cut { times } if earlier < times => stream.write_all(&body[..body.len() / 2]),
        _ => send(&mut stream, body, state, stop),
    }
}

/// Sends a body at the throttled rate.
fn send(stream: &mut TcpStream, body: &[u8], state: &Mutex<State>, stop: &AtomicBool) -> std::io::Result<()> {
    for piece in body.chunks(64 << 10) {
        let pause = match &mut state.lock().unwrap().throttle {
            None => Duration::ZERO,
            Some((rate, free)) => {
                let now = Instant::now();
                let at = (*free).max(now);
                *free = at + Duration::from_secs_f64(piece.len() as f64 / *rate);
                at - now
            }
        };
        if stop.load(Ordering::Relaxed) {
            break;
        }
        std::thread::sleep(pause);
        stream.write_all(piece)?;
    }
    Ok(())
}

fn refuse(stream: &mut TcpStream, status: u16) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {status} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

fn parse_range(text: &str) -> Option<Range<u64>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    Some(first.parse().ok()?..last.parse::<u64>().ok()?.checked_add(1)?)
}
