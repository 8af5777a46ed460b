//! What a server is told before it starts.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use minesegsat::evidence::SecretKey;

/// Fewest characters of a token: 16 random letters and digits are some 95 bits.
const SHORTEST_TOKEN: usize = 16;

/// What a server is told before it starts.
#[derive(Clone)]
#[non_exhaustive]
pub struct ServerOptions {
    /// The folder with `sites.gpkg` and `predictions/`, which may both be missing.
    pub workspace: PathBuf,
    /// Where to listen. Any address but the loopback ones needs a token, for reading too.
    pub bind: SocketAddr,
    /// Who may write.
    pub token: Option<Token>,
    /// Pages of these origins (`https://example.org`) may read from here; none by default.
    pub cors_origins: Vec<String>,
    /// Names that the server is asked by, besides the loopback ones. On a loopback address others are refused.
    pub host_names: Vec<String>,
    /// Signs evidence packs.
    pub evidence_key: Option<Arc<SecretKey>>,
    /// A map under the map, from elsewhere.
    pub basemap: Option<Basemap>,
    /// Hosts that a client may name as a catalogue of scenes; none by default.
    pub remote_hosts: Vec<String>,
    /// Address that others reach this server at, without a slash at the end; what `Host` says where it is not given.
    pub public_url: Option<String>,
    /// How much of everything.
    pub limits: Limits,
}

impl ServerOptions {
    /// The defaults for a workspace: `127.0.0.1:8080`, no writing, no basemap.
    pub fn new(workspace: impl Into<PathBuf>) -> Self {
        Self {
            workspace: workspace.into(),
            bind: SocketAddr::from(([127, 0, 0, 1], 8080)),
            token: None,
            cors_origins: Vec::new(),
            host_names: Vec::new(),
            evidence_key: None,
            basemap: None,
            remote_hosts: Vec::new(),
            public_url: None,
            limits: Limits::default(),
        }
    }

    /// Whether only programs of this machine can ask.
    pub fn is_loopback(&self) -> bool {
        self.bind.ip().is_loopback()
    }

    /// What cannot be served as it is.
    pub(crate) fn check(&self) -> Result<(), ServerError> {
        if !self.is_loopback() && self.token.is_none() {
            return Err(ServerError::TokenNeeded { bind: self.bind });
        }
        for origin in &self.cors_origins {
            let is_origin = url::Url::parse(origin).is_ok_and(|url| {
                matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == *origin
            });
            if !is_origin {
                return Err(ServerError::Option {
                    name: "CORS origin",
                    value: origin.clone(),
                    accepted: "scheme, host and port, without anything behind: `https://example.org`",
                });
            }
        }
        for url in self.public_url.iter().chain(self.basemap.iter().map(|basemap| &basemap.tiles)) {
            let is_http = url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
            if !is_http {
                return Err(ServerError::Option {
                    name: "address",
                    value: url.clone(),
                    accepted: "an address with `https://` or `http://`",
                });
            }
        }
        Ok(())
    }
}

impl fmt::Debug for ServerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerOptions")
            .field("workspace", &self.workspace)
            .field("bind", &self.bind)
            .field("token", &self.token)
            .field("evidence_key", &self.evidence_key.is_some())
            .finish_non_exhaustive()
    }
}

/// A secret that who may write knows. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Takes a text of at least 16 visible ASCII characters.
    pub fn new(text: impl Into<String>) -> Result<Self, ServerError> {
        let text = text.into();
        if text.len() < SHORTEST_TOKEN || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ServerError::Option {
                name: "token",
                // Not to be seen in logs.
                value: format!("of {} characters", text.chars().count()),
                accepted: "16 visible ASCII characters or more, as `openssl rand -hex 16` makes them",
            });
        }
        Ok(Self(text))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// A map under the map.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Basemap {
    /// Address of its tiles with `{z}`, `{x}` and `{y}`.
    pub tiles: String,
    /// Whom it is from.
    pub attribution: String,
}

/// How much of everything.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Largest body of a request, in bytes.
    pub body_bytes: usize,
    /// Largest head of a request, in bytes.
    pub head_bytes: usize,
    /// Most headers of a request.
    pub headers: usize,
    /// Connections at a time.
    pub connections: usize,
    /// Longest time to send the head of a request.
    pub head_timeout: Duration,
    /// Longest time to send the body of a request and to answer it.
    pub request_timeout: Duration,
    /// Longest time that a client may leave what it is sent unread.
    pub write_timeout: Duration,
    /// Longest time that requests under way get when the server is to end.
    pub shutdown_timeout: Duration,
    /// Requests per second that a client may send for long; any number where it is `None`. On loopback addresses it is not
    /// applied.
    pub requests_per_second: Option<f64>,
    /// Requests beyond that which a client may send at once.
    pub burst: f64,
    /// Wrong tokens per minute, until a client is not listened to any more.
    pub wrong_tokens_per_minute: f64,
    /// Jobs that a client may order per minute.
    pub jobs_per_minute: f64,
    /// Jobs that may wait.
    pub queued_jobs: usize,
    /// Largest area of a job's box, in square kilometres.
    pub bbox_km2: f64,
    /// Most sites named in a job.
    pub sites_per_job: usize,
    /// Features of a page at most.
    pub page: usize,
    /// Threads that may read files at a time.
    pub readers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(4, usize::from);
        Self {
            body_bytes: 1 << 20,
            head_bytes: 32 << 10,
            headers: 64,
            connections: 1024,
            head_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_mins(1),
            write_timeout: Duration::from_mins(1),
            shutdown_timeout: Duration::from_secs(10),
            requests_per_second: Some(200.0),
            burst: 1000.0,
            wrong_tokens_per_minute: 10.0,
            jobs_per_minute: 30.0,
            queued_jobs: 100,
            bbox_km2: 15_000.0,
            sites_per_job: 10_000,
            page: 1000,
            readers: (2 * cores).max(4),
        }
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// Everybody in the network could read.
    #[error("{bind} can be reached from other machines, and there is no token; give one, or bind to 127.0.0.1")]
    TokenNeeded {
        /// The address.
        bind: SocketAddr,
    },
    /// An option is not what it should be.
    #[error("{name} `{value}` is not accepted: {accepted}")]
    Option {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is accepted.
        accepted: &'static str,
    },
    /// There is no such folder.
    #[error("cannot serve the workspace {path}", path = path.display())]
    Workspace {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        source: std::io::Error,
    },
    /// Its register cannot be read.
    #[error("cannot read the register of the workspace")]
    Register(#[source] minesegsat::Error),
    /// Another server runs the jobs of this workspace.
    #[error(
        "another server{owner} runs the jobs of the workspace {path}; end it, or serve this one without jobs",
        path = path.display(),
        owner = owner.map_or_else(String::new, |id| format!(" (process {id})"))
    )]
    WorkspaceInUse {
        /// The folder.
        path: PathBuf,
        /// The process of the other one, where it tells.
        owner: Option<u32>,
    },
    /// The list of jobs cannot be opened.
    #[error("cannot use the list of jobs {path}: {reason}", path = path.display())]
    Jobs {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The address is taken, or is not this machine's.
    #[error("cannot listen on {bind}")]
    Listen {
        /// The address.
        bind: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
}
