//! Arguments of `minesegsat serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::EngineArgs;

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Workspace folder to serve: a register `sites.gpkg` with the files that `monitor` writes beside it, and maps in
    /// `predictions/`.
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub workspace: PathBuf,

    /// Address and port to listen on. An address that other machines can reach needs a token or users.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub bind: SocketAddr,

    /// File with the access token (16 characters or more) needed to start jobs and to edit sites [default: the
    /// MINESEGSAT_TOKEN environment variable]. It has all rights. Without a token and without users, the server is read-only.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// Table of users with roles, as made by `users add`. It is read again when it changes.
    #[arg(long, value_name = "FILE.csv")]
    pub users: Option<PathBuf>,

    /// Secret key for signing evidence packs, as made by `evidence keygen`.
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// Write the log as JSON, one object per line, with times. `-v` logs every request.
    #[arg(long)]
    pub log_json: bool,

    #[command(flatten)]
    pub jobs: JobArgs,

    #[command(flatten)]
    pub access: AccessArgs,
}

/// Jobs that clients may start.
#[derive(Debug, Args)]
#[command(next_help_heading = "Jobs")]
pub(crate) struct JobArgs {
    /// Model folder for predictions and site checks from the page [default: the model in the program, if there is a token
    /// or a table of users].
    #[arg(short, long, value_name = "DIR")]
    pub model: Option<PathBuf>,

    /// Catalogue to search: `earth-search`, `planetary-computer`, `earthdaily`, the URL of a STAC API, a static
    /// catalogue, or an ItemCollection.
    #[arg(long, value_name = "NAME|URL|FILE", default_value = "earth-search")]
    pub api: String,

    /// Hosts of other catalogues that clients may use [default: none].
    #[arg(long, value_delimiter = ',', value_name = "HOST,...")]
    pub allow_catalogue: Vec<String>,

    /// Where alerts go: a TOML file with `[[webhook]]`, `[[mail]]` and `[[file]]` entries [default: no alerts are
    /// sent]. A mail has all findings of the run.
    #[arg(long, value_name = "FILE.toml")]
    pub alerts: Option<PathBuf>,

    #[command(flatten)]
    pub engine: EngineArgs,
}

/// Access control.
#[derive(Debug, Args)]
#[command(next_help_heading = "Access")]
pub(crate) struct AccessArgs {
    /// Host names under which the server accepts requests, in addition to the loopback names: `mines.example.org`.
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    pub host_name: Vec<String>,

    /// Reverse proxies whose header `X-Forwarded-For` states the client: addresses or networks, such as `10.0.0.5` or
    /// `10.0.0.0/8`. Limits per client then count each client behind them. A proxy on this machine is always trusted.
    #[arg(long, value_delimiter = ',', value_name = "ADDRESS,...")]
    pub trusted_proxy: Vec<minesegsat_server::Network>,

    /// Origins of web pages that may read from this server (CORS): `https://example.org`.
    #[arg(long, value_delimiter = ',', value_name = "ORIGIN,...")]
    pub cors_origin: Vec<String>,

    /// Public URL of this server, if it runs behind a reverse proxy: `https://mines.example.org`.
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,

    /// URL template of base map tiles: `https://example.org/{z}/{x}/{y}.png`. The page also works without a base map.
    #[arg(long, value_name = "URL", requires = "basemap_attribution")]
    pub basemap: Option<String>,

    /// Attribution of the base map tiles.
    #[arg(long, value_name = "TEXT", requires = "basemap")]
    pub basemap_attribution: Option<String>,
}
