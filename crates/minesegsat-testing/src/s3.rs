//! A small object store for tests: one bucket with the part of the S3 protocol that the program uses, and faults on demand.
#![expect(missing_docs, reason = "the names of test data are self-explanatory")]

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::http::{Received, Reply, Server, decode};

/// Name of the bucket.
pub const BUCKET: &str = "maps";
/// The key that the store accepts.
pub const KEY_ID: &str = "TEST-ID";

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct S3Fault {
    /// Status and code of the answer, such as 503 and `SlowDown`.
    pub status: u16,
    pub code: &'static str,
    /// Number of requests that are refused.
    pub times: usize,
    /// Method of the requests that are refused; empty for all.
    pub method: &'static str,
    /// Part of the address of these requests, with its query; empty for all.
    pub part: &'static str,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    /// Uploads in parts: key, and parts by their number.
    uploads: HashMap<String, (String, BTreeMap<u32, Vec<u8>>)>,
    begun: usize,
    faults: Vec<S3Fault>,
    is_conditional: bool,
}

/// A bucket on a server of its own, which stops when it is dropped.
pub struct ObjectStore {
    server: Server,
    state: Arc<Mutex<State>>,
}

impl fmt::Debug for ObjectStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectStore({})", self.endpoint())
    }
}

impl ObjectStore {
    /// An empty bucket.
    pub fn start() -> Self {
        let server = Server::start();
        let state = Arc::new(Mutex::new(State { is_conditional: true, ..State::default() }));
        let shared = Arc::clone(&state);
        server.handle_others(move |received| answer(received, &mut shared.lock().unwrap()));
        Self { server, state }
    }

    /// Address of the server.
    pub fn endpoint(&self) -> String {
        self.server.url("")
    }

    /// Address of a folder in the bucket.
    pub fn folder(name: &str) -> String {
        format!("s3://{BUCKET}/{name}")
    }

    /// Variables of the environment with which the program reaches the store.
    pub fn variables(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL_S3", self.endpoint()),
            ("AWS_ACCESS_KEY_ID", KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "SECRET".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Keys of all objects, sorted.
    pub fn keys(&self) -> Vec<String> {
        self.state().objects.keys().cloned().collect()
    }

    pub fn object(&self, key: &str) -> Option<Vec<u8>> {
        self.state().objects.get(key).cloned()
    }

    pub fn put(&self, key: &str, bytes: &[u8]) {
        self.state().objects.insert(key.to_owned(), bytes.to_vec());
    }

    pub fn remove(&self, key: &str) {
        self.state().objects.remove(key);
    }

    /// Number of uploads in parts that were neither completed nor withdrawn.
    pub fn open_uploads(&self) -> usize {
        self.state().uploads.len()
    }

    /// Number of uploads in parts that were begun.
    pub fn begun_uploads(&self) -> usize {
        self.state().begun
    }

    /// Refuses requests from now on.
    pub fn fail(&self, fault: S3Fault) {
        self.state().faults.push(fault);
    }

    /// Answers conditional writes with 501 from now on, as stores do that know none.
    pub fn forget_conditions(&self) {
        self.state().is_conditional = false;
    }

    /// Requests for an object so far.
    pub fn received(&self, key: &str) -> Vec<Received> {
        self.server.received(&format!("/{BUCKET}/{key}"))
    }
}

fn answer(received: &Received, state: &mut State) -> Reply {
    let concerns = |fault: &&mut S3Fault| {
        fault.times > 0
            && (fault.method.is_empty() || fault.method == received.method)
            && received.path.contains(fault.part)
    };
    if let Some(fault) = state.faults.iter_mut().find(concerns) {
        fault.times -= 1;
        return refuse(fault.status, fault.code);
    }
    if !received.header("authorization").contains(&format!("Credential={KEY_ID}/")) {
        return refuse(403, "InvalidAccessKeyId");
    }
    let path = received.path.split('?').next().unwrap_or_default();
    let Some((bucket, key)) = path.trim_start_matches('/').split_once('/') else { return refuse(405, "NoKey") };
    if bucket != BUCKET {
        return refuse(404, "NoSuchBucket");
    }
    // A `+` of a path stands for itself.
    let key = decode(&key.replace('+', "%2B"));
    let upload = received.parameter("uploadId");
    match (received.method.as_str(), upload) {
        ("PUT", Some(upload)) => put_part(received, state, &upload),
        ("POST", Some(upload)) => match state.uploads.remove(&upload) {
            Some((key, parts)) => {
                let bytes: Vec<u8> = parts.into_values().flatten().collect();
                let tag = etag(&bytes);
                state.objects.insert(key, bytes);
                xml(200, &format!("<CompleteMultipartUploadResult><ETag>{tag}</ETag></CompleteMultipartUploadResult>"))
            }
            None => refuse(404, "NoSuchUpload"),
        },
        ("DELETE", Some(upload)) => {
            state.uploads.remove(&upload);
            xml(204, "")
        }
        ("POST", None) => {
            state.begun += 1;
            let id = format!("upload-{}", state.begun);
            state.uploads.insert(id.clone(), (key, BTreeMap::new()));
            let id = format!("<UploadId>{id}</UploadId>");
            xml(200, &format!("<InitiateMultipartUploadResult>{id}</InitiateMultipartUploadResult>"))
        }
        ("PUT", None) => put(received, state, key),
        ("GET" | "HEAD", None) => match state.objects.get(&key) {
            Some(bytes) => get(received, bytes),
            None => refuse(404, "NoSuchKey"),
        },
        _ => refuse(405, "MethodNotAllowed"),
    }
}

fn put(received: &Received, state: &mut State, key: String) -> Reply {
    if received.header("if-none-match") == "*" {
        if !state.is_conditional {
            return refuse(501, "NotImplemented");
        }
        if state.objects.contains_key(&key) {
            return refuse(412, "PreconditionFailed");
        }
    }
    let headers = vec![("ETag".to_owned(), etag(&received.body))];
    state.objects.insert(key, received.body.clone());
    Reply { status: 200, headers, body: Vec::new() }
}

fn put_part(received: &Received, state: &mut State, upload: &str) -> Reply {
    let number = received.parameter("partNumber").and_then(|number| number.parse().ok());
    match (state.uploads.get_mut(upload), number) {
        (Some((_, parts)), Some(number)) => {
            parts.insert(number, received.body.clone());
            let headers = vec![("ETag".to_owned(), etag(&received.body))];
            Reply { status: 200, headers, body: Vec::new() }
        }
        _ => refuse(404, "NoSuchUpload"),
    }
}

fn get(received: &Received, bytes: &[u8]) -> Reply {
    let mut headers = vec![
        ("ETag".to_owned(), etag(bytes)),
        ("Last-Modified".to_owned(), "Tue, 12 Jan 2016 16:02:00 GMT".to_owned()),
    ];
    let range = received.header("range").strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    let Some((first, last)) = range else { return Reply { status: 200, headers, body: bytes.to_vec() } };
    let (Ok(first), Ok(last)) = (first.parse::<usize>(), last.parse::<usize>()) else {
        return refuse(400, "InvalidRange");
    };
    if first >= bytes.len() {
        return refuse(416, "InvalidRange");
    }
    let end = (last + 1).min(bytes.len());
    headers.push(("Content-Range".to_owned(), format!("bytes {first}-{}/{}", end - 1, bytes.len())));
    Reply { status: 206, headers, body: bytes[first..end].to_vec() }
}

fn etag(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

fn refuse(status: u16, code: &str) -> Reply {
    xml(status, &format!("<Error><Code>{code}</Code><Message>This is a test.</Message></Error>"))
}

fn xml(status: u16, body: &str) -> Reply {
    let headers = vec![("Content-Type".to_owned(), "application/xml".to_owned())];
    Reply { status, headers, body: body.as_bytes().to_vec() }
}
