//! Options of a server.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use minesegsat_watch::evidence::SecretKey;

use crate::proxy::Network;

/// Minimum length of a token. 16 random letters and digits have about 95 bits.
const MIN_TOKEN: usize = 16;

/// Options of a server.
#[derive(Clone)]
#[non_exhaustive]
pub struct ServerOptions {
    /// Folder with `sites.gpkg` and `predictions/`. Both may be missing.
    pub workspace: PathBuf,
    /// Address to listen on. An address that is not loopback needs a token, also for reading.
    pub bind: SocketAddr,
    /// Access token with all rights. Without it and without users the server is read-only.
    pub token: Option<Token>,
    /// Table of users with roles ([`Users`](crate::Users)). It is read again when it changes. Default: none.
    pub users: Option<PathBuf>,
    /// Origins of other pages that may read from this server, for example `https://example.org`. Default: none.
    pub cors_origins: Vec<String>,
    /// Accepted values of the `Host` header on a loopback address, besides loopback names. Default: none.
    pub host_names: Vec<String>,
    /// Key that signs evidence packs. Default: none.
    pub evidence_key: Option<Arc<SecretKey>>,
    /// Basemap of the map page. Default: none.
    pub basemap: Option<Basemap>,
    /// Hosts of catalogues that a client may name. Default: none.
    pub remote_hosts: Vec<String>,
    /// Reverse proxies whose `X-Forwarded-For` states the client, for the limits per client. Default: this machine.
    pub trusted_proxies: Vec<Network>,
    /// Public URL of this server, without a final slash. Default: from the `Host` header.
    pub public_url: Option<String>,
    /// Limits of requests and jobs.
    pub limits: Limits,
}

impl ServerOptions {
    /// The defaults for a workspace: `127.0.0.1:8080`, read-only, no basemap.
    pub fn new(workspace: impl Into<PathBuf>) -> Self {
        Self {
            workspace: workspace.into(),
            bind: SocketAddr::from(([127, 0, 0, 1], 8080)),
            token: None,
            users: None,
            cors_origins: Vec::new(),
            host_names: Vec::new(),
            evidence_key: None,
            basemap: None,
            remote_hosts: Vec::new(),
            trusted_proxies: Network::LOOPBACK.to_vec(),
            public_url: None,
            limits: Limits::default(),
        }
    }

    /// Whether only programs on this machine can connect.
    pub fn is_loopback(&self) -> bool {
        self.bind.ip().is_loopback()
    }

    /// Whether a client can have a token: the server has one, or a table of users.
    pub fn is_writable(&self) -> bool {
        self.token.is_some() || self.users.is_some()
    }

    /// Checks the options.
    pub(crate) fn check(&self) -> Result<(), ServerError> {
        if !self.is_loopback() && !self.is_writable() {
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
                    accepted: "scheme, host and port without a path: `https://example.org`",
                });
            }
        }
        for url in self.public_url.iter().chain(self.basemap.iter().map(|basemap| &basemap.tiles)) {
            let is_http = url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
            if !is_http {
                return Err(ServerError::Option {
                    name: "address",
                    value: url.clone(),
                    accepted: "a URL with `https://` or `http://`",
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
            .field("users", &self.users)
            .field("evidence_key", &self.evidence_key.is_some())
            .finish_non_exhaustive()
    }
}

/// Access token. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Creates a token from at least 16 visible ASCII characters.
    pub fn new(text: impl Into<String>) -> Result<Self, ServerError> {
        let text = text.into();
        if text.len() < MIN_TOKEN || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ServerError::Option {
                name: "token",
                // Logs must not show the token.
                value: format!("of {} characters", text.chars().count()),
                accepted: "at least 16 visible ASCII characters, for example from `openssl rand -hex 16`",
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

/// Basemap of the map page.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Basemap {
    /// URL template of its tiles with `{z}`, `{x}` and `{y}`.
    pub tiles: String,
    /// Attribution.
    pub attribution: String,
}

/// Limits of requests and jobs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Maximum size of a request body, in bytes. Default: 4 MiB.
    pub body_bytes: usize,
    /// Maximum size of a request head, in bytes. Default: 32 KiB.
    pub head_bytes: usize,
    /// Maximum number of headers of a request. Default: 64.
    pub headers: usize,
    /// Maximum number of connections. Default: 1024.
    pub connections: usize,
    /// Timeout for the head of a request. Default: 10 s.
    pub head_timeout: Duration,
    /// Timeout for the body of a request and for its response. Default: 60 s.
    pub request_timeout: Duration,
    /// Timeout for writes to a client that reads nothing. Default: 60 s.
    pub write_timeout: Duration,
    /// Timeout for requests under way at shutdown. Default: 1.5 s, so that a stopped server ends within two seconds.
    pub shutdown_timeout: Duration,
    /// Lasting rate of requests per client, per second. `None` means no limit. Loopback addresses have no limit. Default: 200.
    pub requests_per_second: Option<f64>,
    /// Number of requests that a client may send at once. Default: 1000.
    pub burst: f64,
    /// Wrong tokens per minute and client, above which the client is blocked. Default: 10.
    pub wrong_tokens_per_minute: f64,
    /// Jobs that a client may start per minute. Default: 30.
    pub jobs_per_minute: f64,
    /// Maximum number of waiting jobs. Default: 100.
    pub queued_jobs: usize,
    /// Maximum duration of a job. Default: 12 h.
    pub job_timeout: Duration,
    /// Maximum area of a job's box, in square kilometres. Default: 15,000.
    pub bbox_km2: f64,
    /// Maximum number of sites in a job. Default: 10,000.
    pub sites_per_job: usize,
    /// Maximum number of features per page. Default: 1000.
    pub page: usize,
    /// Maximum number of threads that read files. Default: two per core, at least 4.
    pub readers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(4, usize::from);
        Self {
            body_bytes: 4 << 20,
            head_bytes: 32 << 10,
            headers: 64,
            connections: 1024,
            head_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_mins(1),
            write_timeout: Duration::from_mins(1),
            shutdown_timeout: Duration::from_millis(1500),
            requests_per_second: Some(200.0),
            burst: 1000.0,
            wrong_tokens_per_minute: 10.0,
            jobs_per_minute: 30.0,
            queued_jobs: 100,
            job_timeout: Duration::from_hours(12),
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
    /// The address needs a token.
    #[error("no token: other machines can reach {bind}; set a token or a table of users, or bind to 127.0.0.1")]
    TokenNeeded {
        /// The address.
        bind: SocketAddr,
    },
    /// An option is invalid.
    #[error("{name} `{value}` is not accepted: {accepted}")]
    Option {
        /// Name of the option.
        name: &'static str,
        /// The value.
        value: String,
        /// The accepted values.
        accepted: &'static str,
    },
    /// The table of users cannot be read or changed.
    #[error("cannot use the table of users {path}: {reason}", path = path.display())]
    Users {
        /// The table.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The folder is missing or cannot be read.
    #[error("cannot serve the workspace {path}", path = path.display())]
    Workspace {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file of the workspace is a link that leads out of it.
    #[error("{path} is a link that leads out of the workspace; links are followed inside of it only", path = path.display())]
    LeadsOut {
        /// The link.
        path: PathBuf,
    },
    /// The register cannot be read.
    #[error("cannot read the register of the workspace")]
    Register(#[source] minesegsat_core::Error),
    /// Another server runs the jobs of this workspace.
    #[error(
        "another server{owner} runs the jobs of the workspace {path}; stop it, or start this server without jobs",
        path = path.display(),
        owner = owner.map_or_else(String::new, |id| format!(" (process {id})"))
    )]
    WorkspaceInUse {
        /// The folder.
        path: PathBuf,
        /// Process id of the other server, if known.
        owner: Option<u32>,
    },
    /// The list of jobs cannot be opened.
    #[error("cannot use the list of jobs {path}: {source}", path = path.display())]
    Jobs {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: minesegsat_core::Cause,
    },
    /// The address is in use, or does not belong to this machine.
    #[error("cannot listen on {bind}")]
    Listen {
        /// The address.
        bind: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
}
