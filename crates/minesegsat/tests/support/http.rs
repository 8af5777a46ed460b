//! A tiny HTTP server for tests: byte ranges, and faults on demand. Include it with `#[path]` from other crates' tests.
#![allow(dead_code, reason = "each test program uses a part")]
#![allow(unreachable_pub, missing_docs, reason = "a module of test programs")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What goes wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Every request is answered with this status.
    Status(u16),
    /// The first `times` requests are answered with this status, later ones well.
    StatusThenOk { status: u16, times: usize },
    /// The first `times` requests get a head and the first half of the body; then nothing more comes.
    Stall { times: usize },
    /// The first `times` requests get the first half of the body; then the connection is closed.
    Cut { times: usize },
    /// `Range` is ignored: the whole file is sent with status 200.
    IgnoreRange,
    /// The first `after` requests see one version of the file (`ETag`), later ones another.
    Change { after: usize },
    /// The first `times` requests get other bytes than they asked for, and are told so.
    WrongRange { times: usize },
}

#[derive(Debug, Default)]
struct State {
    files: HashMap<String, (Arc<Vec<u8>>, Fault)>,
    /// Path with query and range (end excluded) of each request, in order of arrival.
    requests: Vec<(String, Option<Range<u64>>)>,
}

/// A server on a port of its own. It stops when dropped.
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
                        // The client may go away in the middle of an answer.
                        let _ = answer(stream, &shared, &stopped);
                    });
                }
            }
        });
        Self { address, state, stop }
    }

    /// Serves `content` under `path` (which begins with `/`) and gives its URL.
    pub fn serve(&self, path: &str, content: impl Into<Vec<u8>>, fault: Fault) -> String {
        self.state.lock().unwrap().files.insert(path.to_owned(), (Arc::new(content.into()), fault));
        self.url(path)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Changes what goes wrong with a file.
    pub fn set_fault(&self, path: &str, fault: Fault) {
        self.state.lock().unwrap().files.get_mut(path).expect("the file is served").1 = fault;
    }

    /// Ranges (end excluded) asked for under a path so far.
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
    let path = line.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let mut range = None;
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("range")
        {
            range = parse_range(value.trim());
        }
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
    let (status, body) = match range {
        Some(range) if fault != Fault::IgnoreRange => {
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
        Fault::Cut { times } if earlier < times => stream.write_all(&body[..body.len() / 2]),
        _ => stream.write_all(body),
    }
}

fn refuse(stream: &mut TcpStream, status: u16) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {status} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

fn parse_range(text: &str) -> Option<Range<u64>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    Some(first.parse().ok()?..last.parse::<u64>().ok()?.checked_add(1)?)
}
