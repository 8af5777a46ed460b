//! Arguments of `minesegsat serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::EngineArgs;

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The folder to serve: a register `sites.gpkg` with the files that `monitor` keeps beside it, and maps in `predictions/`.
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub workspace: PathBuf,

    /// Where to listen. Any address that other machines reach needs a token.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub bind: SocketAddr,

    /// File with the token of who may write (16 characters or more), or else `MINESEGSAT_TOKEN`. Without either nobody may.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// Secret key that evidence packs are signed with, as `evidence keygen` makes it.
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// Write the log as JSON, one object a line, with times; `-v` logs every request.
    #[arg(long)]
    pub log_json: bool,

    #[command(flatten)]
    pub jobs: JobArgs,

    #[command(flatten)]
    pub access: AccessArgs,
}

/// What clients may order.
#[derive(Debug, Args)]
#[command(next_help_heading = "Jobs")]
pub(crate) struct JobArgs {
    /// Model folder; without it predictions and looks at sites cannot be ordered.
    #[arg(short, long, value_name = "DIR")]
    pub model: Option<PathBuf>,

    /// Where scenes are searched: `earth-search`, `planetary-computer`, `earthdaily`, the URL of a STAC API, a static
    /// catalogue, or an ItemCollection.
    #[arg(long, value_name = "NAME|URL|FILE", default_value = "earth-search")]
    pub api: String,

    /// Hosts of catalogues that a client may name instead; none by default.
    #[arg(long, value_delimiter = ',', value_name = "HOST,...")]
    pub allow_catalogue: Vec<String>,

    /// Who is told of what is found: a TOML file with `[[webhook]]`, `[[mail]]` and `[[file]]`.
    #[arg(long, value_name = "FILE.toml")]
    pub alerts: Option<PathBuf>,

    #[command(flatten)]
    pub engine: EngineArgs,
}

/// Who may ask, and from where.
#[derive(Debug, Args)]
#[command(next_help_heading = "Access")]
pub(crate) struct AccessArgs {
    /// Names that the server is asked by, besides the loopback ones: `mines.example.org`.
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    pub host_name: Vec<String>,

    /// Origins whose pages may read from here: `https://example.org`.
    #[arg(long, value_delimiter = ',', value_name = "ORIGIN,...")]
    pub cors_origin: Vec<String>,

    /// Address that others reach this server at, where it stands behind another one: `https://mines.example.org`.
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,

    /// Tiles of a map under the map: `https://example.org/{z}/{x}/{y}.png`. The page needs none.
    #[arg(long, value_name = "URL", requires = "basemap_attribution")]
    pub basemap: Option<String>,

    /// Whom the tiles are from.
    #[arg(long, value_name = "TEXT", requires = "basemap")]
    pub basemap_attribution: Option<String>,
}
