//! Folders in object stores, whose files are read and written: `s3://bucket/folder`, `gs://bucket/folder` and
//! `az://container/folder`.
//!
//! The crate `object_store` knows the protocols, signatures and keys, also those of a role of the machine, which change every
//! hour. Its requests go through the client, the pauses and the cancellation of this module.
//!
//! - An object appears when it is complete. Large files are uploaded in parts; a failed upload is withdrawn.
//! - Objects are asked for by their names, never by a list: some stores list new objects late.
//! - Settings come from the environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`,
//!   `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL` and others that begin with `AWS_`, `GOOGLE_` or `AZURE_`
//!   (<https://docs.rs/object_store>).

use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fs_err as fs;
use futures::{StreamExt, stream};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path as Key;
use object_store::{
    ClientOptions, GetOptions, MultipartUpload, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    RetryConfig,
};
use reqwest::{Client, StatusCode, header};

use super::{
    HttpOptions, IN_FLIGHT, LONGEST_PAUSE, block_on, block_on_to_end, client, parse_retry_after, pause_before, s3,
};
use minesegsat_core::{Error, Result, with_causes};

/// Bytes of a request. Larger files are sent and fetched in parts. S3 accepts parts from 5 MiB on.
const PART: u64 = 8 << 20;
/// Time for a request of a part and its answer, in timeouts: two minutes with the default timeout.
const PART_TIMEOUTS: u32 = 4;
/// Time to withdraw a failed upload.
const WITHDRAWAL: Duration = Duration::from_secs(10);
/// Time for an answer of the address at which machines in a cloud ask for the keys of their role. Other machines get none.
const ROLE_TIMEOUT: Duration = Duration::from_secs(5);
/// The network of that address.
const ROLE_NETWORK: &str = "169.254.";
/// Maximum length of a store's explanation in a message, in characters.
const LONGEST_EXPLANATION: usize = 300;

/// The stores, by the schemes of their addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    S3,
    Google,
    Azure,
}

impl Kind {
    /// Kind and rest of an address; `None` if it is not one of an object store.
    fn of(address: &str) -> Option<(Self, &str)> {
        let (scheme, rest) = address.split_once("://")?;
        let kind = match scheme.to_ascii_lowercase().as_str() {
            "s3" => Self::S3,
            "gs" => Self::Google,
            "az" => Self::Azure,
            _ => return None,
        };
        Some((kind, rest))
    }

    const fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Google => "gs",
            Self::Azure => "az",
        }
    }
}

/// Whether a text is an address in an object store.
pub fn is_object_address(text: &str) -> bool {
    Kind::of(text).is_some()
}

/// A folder in an object store. Names of objects in it have `/` between folders.
#[derive(Clone)]
pub struct ObjectFolder {
    /// Without `/` at the end.
    address: String,
    store: Arc<dyn ObjectStore>,
    prefix: Key,
}

impl fmt::Debug for ObjectFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectFolder({})", self.address)
    }
}

impl fmt::Display for ObjectFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

impl ObjectFolder {
    /// The folder with this address. Nothing is asked of the store.
    ///
    /// # Errors
    /// The address is not one of an object store, or a setting of the environment is wrong.
    pub fn open(address: &str) -> Result<Self> {
        let variables: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self::open_with(address, &variables)
    }

    /// Like [`ObjectFolder::open`], with the given variables instead of the environment.
    ///
    /// # Errors
    /// As of [`ObjectFolder::open`].
    pub fn open_with(address: &str, variables: &[(String, String)]) -> Result<Self> {
        let refuse = |accepted: String| Error::Argument { name: "address", value: address.to_owned(), accepted };
        let Some((kind, rest)) = Kind::of(address) else {
            return Err(refuse(
                "an object store is s3://bucket/folder, gs://bucket/folder or az://container/folder".into(),
            ));
        };
        let (bucket, folder) = rest.split_once('/').unwrap_or((rest, ""));
        if !s3::is_bucket(bucket) {
            return Err(refuse("the name of a bucket has letters, digits, `-`, `.` and `_` only".into()));
        }
        let folder = folder.trim_matches('/');
        let prefix = Key::parse(folder).map_err(|error| refuse(with_causes(&error)))?;
        let store = connect(kind, bucket, variables).map_err(|error| refuse(with_causes(&error)))?;
        let address = format!("{}://{bucket}/{folder}", kind.scheme()).trim_end_matches('/').to_owned();
        Ok(Self { address, store, prefix })
    }

    /// A folder in this folder.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        Self { address: self.address_of(name), store: Arc::clone(&self.store), prefix: self.key(name) }
    }

    /// Address of an object, for messages.
    pub fn address_of(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    fn key(&self, name: &str) -> Key {
        let mut key = self.prefix.clone();
        for part in name.split('/') {
            key = key.join(part);
        }
        key
    }

    /// Reads an object. `None` if there is none with this name.
    ///
    /// # Errors
    /// The store refuses it, or does not answer; there is no such bucket.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let names = [name.to_owned()];
        Ok(self.read_all(&names)?.pop().flatten())
    }

    /// Reads several objects at once, as [`ObjectFolder::read`] does.
    ///
    /// # Errors
    /// As of [`ObjectFolder::read`].
    pub fn read_all(&self, names: &[String]) -> Result<Vec<Option<Vec<u8>>>> {
        self.ask(names, whole)
    }

    /// Which of these objects exist.
    ///
    /// # Errors
    /// As of [`ObjectFolder::read`].
    pub fn exist(&self, names: &[String]) -> Result<Vec<bool>> {
        Ok(self.ask(names, is_there)?.iter().map(Option::is_some).collect())
    }

    /// Sends a request for each name, several at once. `None` for objects that do not exist.
    fn ask<T, F>(&self, names: &[String], request: impl Fn(Arc<dyn ObjectStore>, Key) -> F) -> Result<Vec<Option<T>>>
    where
        T: Send + 'static,
        F: Future<Output = object_store::Result<T>> + Send + 'static,
    {
        let requests: Vec<F> = names.iter().map(|name| request(Arc::clone(&self.store), self.key(name))).collect();
        let answers = block_on(async move { stream::iter(requests).buffered(IN_FLIGHT).collect::<Vec<_>>().await })?;
        let one = |(name, answer): (&String, object_store::Result<T>)| match answer {
            Ok(found) => Ok(Some(found)),
            Err(error @ object_store::Error::NotFound { .. }) => match Said::by(&error).code.as_deref() {
                Some("NoSuchBucket" | "ContainerNotFound") => Err(self.failure("read", name, &error)),
                _ => Ok(None),
            },
            Err(error) => Err(self.failure("read", name, &error)),
        };
        names.iter().zip(answers).map(one).collect()
    }

    /// Writes objects, several at once. Replaces existing ones.
    ///
    /// # Errors
    /// The store refuses them, or does not answer.
    pub fn write_all(&self, files: Vec<(String, Vec<u8>)>) -> Result<()> {
        for (name, written) in self.put(files, &PutMode::Overwrite)? {
            written.map_err(|error| self.failure("write", &name, &error))?;
        }
        Ok(())
    }

    /// Writes an object. Replaces an existing one.
    ///
    /// # Errors
    /// The store refuses it, or does not answer.
    pub fn write(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        self.write_all(vec![(name.to_owned(), bytes)])
    }

    /// Writes an object if there is none with this name, and returns whether it did so. Of several writers one succeeds
    /// (`If-None-Match`). A store that does not know this condition replaces the object of an earlier writer. An object with the same
    /// bytes counts as written: the answer to a request may be lost, and the request is sent again.
    ///
    /// # Errors
    /// The store refuses it, or does not answer.
    pub fn create(&self, name: &str, bytes: Vec<u8>) -> Result<bool> {
        for (name, written) in self.put(vec![(name.to_owned(), bytes.clone())], &PutMode::Create)? {
            match written {
                Ok(()) => {}
                Err(object_store::Error::AlreadyExists { .. }) => return Ok(self.read(&name)? == Some(bytes)),
                Err(error) if error_says_unknown(&error) => self.write(&name, bytes.clone())?,
                Err(error) => return Err(self.failure("write", &name, &error)),
            }
        }
        Ok(true)
    }

    /// Sends whole objects, several at once.
    fn put(&self, files: Vec<(String, Vec<u8>)>, mode: &PutMode) -> Result<Vec<(String, object_store::Result<()>)>> {
        let requests: Vec<_> = files
            .into_iter()
            .map(|(name, bytes)| {
                let (store, key, options) = (Arc::clone(&self.store), self.key(&name), PutOptions::from(mode.clone()));
                async move {
                    let written = store.put_opts(&key, PutPayload::from(bytes), options).await.map(drop);
                    (name, written)
                }
            })
            .collect();
        block_on(async move { stream::iter(requests).buffered(IN_FLIGHT).collect::<Vec<_>>().await })
    }

    /// Uploads a file. The object appears when all of it has arrived.
    ///
    /// # Errors
    /// The file cannot be read; the store refuses it, or does not answer.
    pub fn upload(&self, name: &str, file: &std::path::Path) -> Result<()> {
        let mut source = fs::File::open(file)?;
        if source.metadata()?.len() <= PART {
            let mut bytes = Vec::new();
            source.read_to_end(&mut bytes)?;
            return self.write(name, bytes);
        }
        let (store, key) = (Arc::clone(&self.store), self.key(name));
        let begun = block_on(async move { store.put_multipart_opts(&key, PutMultipartOptions::default()).await })?;
        let mut upload = begun.map_err(|error| self.failure("write", name, &error))?;
        if let Err(error) = self.send_parts(name, &mut source, &mut *upload) {
            withdraw(upload);
            return Err(error);
        }
        let (upload, done) = block_on_to_end(async move {
            let done = upload.complete().await.map(drop);
            (upload, done)
        })?;
        done.map_err(|error| {
            withdraw(upload);
            self.failure("write", name, &error)
        })
    }

    fn send_parts(&self, name: &str, source: &mut fs::File, upload: &mut dyn MultipartUpload) -> Result<()> {
        loop {
            let mut part = Vec::with_capacity(PART as usize);
            Read::by_ref(source).take(PART).read_to_end(&mut part)?;
            if part.is_empty() {
                return Ok(());
            }
            let sent = upload.put_part(PutPayload::from(part));
            block_on(sent)?.map_err(|error| self.failure("write", name, &error))?;
        }
    }

    /// Downloads an object to a file.
    ///
    /// # Errors
    /// There is no such object; the store refuses it, or does not answer; the file cannot be written.
    pub fn download(&self, name: &str, file: &std::path::Path) -> Result<()> {
        let fail = |error: object_store::Error| self.failure("read", name, &error);
        let ask = |options: GetOptions| {
            let (store, key) = (Arc::clone(&self.store), self.key(name));
            block_on(async move { store.get_opts(&key, options).await })
        };
        let size = ask(GetOptions::new().with_head(true))?.map_err(fail)?.meta.size;
        let mut target = fs::File::create(file)?;
        for from in (0..size).step_by(PART as usize) {
            let range = from..size.min(from + PART);
            let found = ask(GetOptions::new().with_range(Some(range)))?.map_err(fail)?;
            let bytes: Bytes = block_on(found.bytes())?.map_err(fail)?;
            target.write_all(&bytes)?;
        }
        Ok(())
    }

    /// The error for a failed request.
    fn failure(&self, action: &'static str, name: &str, error: &object_store::Error) -> Error {
        let Said { code, message, gave_up } = Said::by(error);
        let (reason, may_pass) = match (error, code.as_deref()) {
            _ if gave_up => (message, true),
            (_, Some("NoSuchBucket" | "ContainerNotFound")) => ("there is no such bucket".to_owned(), false),
            // Keys of a role expire, and rights are given late. A wrong key stays wrong. An upload is unknown if a rule of the bucket
            // removed its parts, or if the answer to an earlier attempt was lost. The last two say that two writers met.
            (
                _,
                Some(
                    "ExpiredToken"
                    | "TokenRefreshRequired"
                    | "RequestTimeTooSkewed"
                    | "NoSuchUpload"
                    | "OperationAborted"
                    | "ConditionalRequestConflict",
                ),
            ) => (message, true),
            (object_store::Error::NotFound { .. }, _) => ("there is no such object".to_owned(), false),
            (_, Some("InvalidAccessKeyId" | "SignatureDoesNotMatch")) => {
                (format!("the store does not accept the keys: {message}"), false)
            }
            (object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. }, _) => {
                (format!("the store denies access; check the keys and their rights: {message}"), true)
            }
            _ => (message, false),
        };
        Error::ObjectStore { action, address: self.address_of(name), reason, may_pass }
    }
}

/// Reads an object.
async fn whole(store: Arc<dyn ObjectStore>, key: Key) -> object_store::Result<Vec<u8>> {
    let found = store.get_opts(&key, GetOptions::default()).await?;
    Ok(found.bytes().await?.into())
}

/// Fails with `NotFound` if an object does not exist.
async fn is_there(store: Arc<dyn ObjectStore>, key: Key) -> object_store::Result<()> {
    store.get_opts(&key, GetOptions::new().with_head(true)).await.map(drop)
}

/// Removes the parts of a failed upload. Stores keep them otherwise, invisible but paid for.
fn withdraw(mut upload: Box<dyn MultipartUpload>) {
    let aborted = block_on_to_end(async move { tokio::time::timeout(WITHDRAWAL, upload.abort()).await });
    if !matches!(aborted, Ok(Ok(Ok(())))) {
        tracing::debug!("parts of a failed upload stay in the store");
    }
}

/// Whether a store says that it does not know a conditional write.
fn error_says_unknown(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. })
        || Said::by(error).code.as_deref() == Some("NotImplemented")
}

/// What a store answered to a request that failed.
struct Said {
    /// Code of the store's XML, such as `AccessDenied`.
    code: Option<String>,
    /// One line.
    message: String,
    /// Whether all attempts failed for reasons that may pass.
    gave_up: bool,
}

impl Said {
    fn by(error: &object_store::Error) -> Self {
        // The innermost message has the answer. Outer ones have the whole address, which may contain a signature.
        let mut inner: &(dyn std::error::Error + 'static) = error;
        while let Some(cause) = inner.source() {
            if let Some(gave_up) = cause.downcast_ref::<GaveUp>() {
                return Self { code: None, message: gave_up.to_string(), gave_up: true };
            }
            inner = cause;
        }
        let text = inner.to_string();
        let between = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
        };
        let code = between("Code");
        let message = match (&code, between("Message")) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.clone(),
            _ => text.clone(),
        };
        let line: String =
            message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_EXPLANATION).collect();
        Self { code, message: line.trim().to_owned(), gave_up: false }
    }
}

/// The client of a bucket or container.
fn connect(kind: Kind, bucket: &str, variables: &[(String, String)]) -> object_store::Result<Arc<dyn ObjectStore>> {
    // Requests are repeated by `send` below.
    let retry = RetryConfig { max_retries: 0, ..RetryConfig::default() };
    let settings = |prefix: &'static str| {
        let own = variables.iter().filter(move |(name, value)| name.starts_with(prefix) && !value.is_empty());
        own.map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
    };
    let store: Arc<dyn ObjectStore> = match kind {
        Kind::S3 => {
            let mut builder = AmazonS3Builder::new();
            for (name, value) in settings("AWS_") {
                if let Ok(key) = name.parse::<AmazonS3ConfigKey>() {
                    builder = builder.with_config(key, value);
                } else if name == "aws_no_sign_request" {
                    builder = builder.with_skip_signature(["yes", "true", "1"].contains(&&*value.to_lowercase()));
                }
            }
            Arc::new(builder.with_bucket_name(bucket).with_retry(retry).with_http_connector(Connector).build()?)
        }
        Kind::Google => {
            let mut builder = GoogleCloudStorageBuilder::new();
            for (name, value) in settings("GOOGLE_") {
                if let Ok(key) = name.parse::<GoogleConfigKey>() {
                    builder = builder.with_config(key, value);
                }
            }
            Arc::new(builder.with_bucket_name(bucket).with_retry(retry).with_http_connector(Connector).build()?)
        }
        Kind::Azure => {
            let mut builder = MicrosoftAzureBuilder::new();
            for (name, value) in settings("AZURE_") {
                if let Ok(key) = name.parse::<AzureConfigKey>() {
                    builder = builder.with_config(key, value);
                }
            }
            Arc::new(builder.with_container_name(bucket).with_retry(retry).with_http_connector(Connector).build()?)
        }
    };
    Ok(store)
}

/// Gives `object_store` the HTTP client of this module.
#[derive(Debug)]
struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Sender))
    }
}

#[derive(Debug)]
struct Sender;

#[async_trait]
impl HttpService for Sender {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        send(request).await
    }
}

/// All attempts failed for reasons that may pass.
#[derive(Debug)]
struct GaveUp {
    reason: String,
    attempts: u32,
}

impl fmt::Display for GaveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (tried {} times)", self.reason, self.attempts)
    }
}

impl std::error::Error for GaveUp {}

/// Sends a request until it is answered, or no attempts are left. An answer that refuses the request is an answer.
///
/// Objects are replaced whole, so a request that is sent twice does no harm.
async fn send(request: HttpRequest) -> Result<HttpResponse, HttpError> {
    // This kind of error makes no one else try again.
    let fail = |reason: String, attempts: u32| HttpError::new(HttpErrorKind::Unknown, GaveUp { reason, attempts });
    let options = HttpOptions::current().map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
    let client = client(&request.uri().to_string()).map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
    let is_role = request.uri().host().is_some_and(|host| host.starts_with(ROLE_NETWORK));
    let (patience, attempts) = if is_role {
        (ROLE_TIMEOUT, options.attempts.min(2))
    } else {
        (options.timeout.saturating_mul(PART_TIMEOUTS), options.attempts)
    };
    let mut attempt = 1;
    loop {
        let (reason, pause) = match tokio::time::timeout(patience, exchange(client, request.clone())).await {
            Ok(Ok(Exchange::Answer(response))) => return Ok(response),
            Ok(Ok(Exchange::Overloaded { reason, pause })) => (reason, pause),
            Ok(Err(error)) => (with_causes(&error), None),
            Err(_) => (format!("the answer did not end within {} s", patience.as_secs_f64()), None),
        };
        if attempt >= attempts {
            let reason =
                if is_role { format!("there are no keys, and this machine has no role: {reason}") } else { reason };
            return Err(fail(reason, attempt));
        }
        let pause = pause.unwrap_or_else(|| pause_before(attempt, options.backoff)).min(LONGEST_PAUSE);
        tracing::debug!(attempt, %reason, ?pause, "retrying a request to an object store");
        tokio::time::sleep(pause).await;
        attempt += 1;
    }
}

enum Exchange {
    Answer(HttpResponse),
    /// The store asks to come again later.
    Overloaded {
        reason: String,
        pause: Option<Duration>,
    },
}

/// Sends a request once and reads the whole answer. Answers are no longer than a part.
async fn exchange(client: &Client, request: HttpRequest) -> Result<Exchange, HttpError> {
    let response = client.call(request).await?;
    let status = response.status();
    let is_overloaded = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
        || (status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED);
    if is_overloaded {
        let wanted = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let pause = wanted.and_then(parse_retry_after);
        return Ok(Exchange::Overloaded { reason: format!("the store answered {status}"), pause });
    }
    let (parts, body) = response.into_parts();
    let body = body.bytes().await?;
    // The end of an upload in parts may answer 200, and then say that it failed.
    let is_error = |code: &str| body.starts_with(b"<") && contains(&body, format!("<Code>{code}</Code>").as_bytes());
    if status.is_success()
        && let Some(code) = ["InternalError", "SlowDown"].into_iter().find(|code| is_error(code))
    {
        return Ok(Exchange::Overloaded { reason: format!("the store answered {code}"), pause: None });
    }
    Ok(Exchange::Answer(HttpResponse::from_parts(parts, body.into())))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
