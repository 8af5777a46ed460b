//! `minesegsat serve`

mod runner;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use minesegsat_server::{Basemap, JobRunner, Server, ServerOptions, Token};

pub(crate) use self::runner::Runner;
use super::evidence::secret_key;
use crate::args::ServeArgs;
use crate::interrupt;

/// Size of the cache of decoded blocks. With the tile cache and 10,000 sites, a server stays under 512 MiB.
const BLOCK_CACHE_BYTES: usize = 96 << 20;
const TOKEN: &str = "MINESEGSAT_TOKEN";

pub(crate) fn run(args: &ServeArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let mut options = ServerOptions::new(&args.workspace);
    options.bind = args.bind;
    options.token = token(args)?;
    options.users.clone_from(&args.users);
    options.cors_origins.clone_from(&args.access.cors_origin);
    options.host_names.clone_from(&args.access.host_name);
    options.trusted_proxies.extend(&args.access.trusted_proxy);
    options.public_url.clone_from(&args.access.public_url);
    options.remote_hosts.clone_from(&args.jobs.allow_catalogue);
    options.evidence_key = args.key.as_deref().map(secret_key).transpose()?.map(Arc::new);
    options.basemap = args
        .access
        .basemap
        .clone()
        .map(|tiles| Basemap { tiles, attribution: args.access.basemap_attribution.clone().unwrap_or_default() });
    // Jobs need a token.
    let runner = match (&args.jobs.model, options.is_writable()) {
        (None, false) => None,
        (model, is_writable) => {
            let runner = Arc::new(Runner::open(model.as_deref(), &args.workspace, &args.jobs)?);
            if !is_writable {
                tracing::warn!(
                    "no jobs can be started: no access token is set (`--token-file`, `--users` or the {TOKEN} environment \
                     variable)"
                );
            }
            Some(runner)
        }
    };
    let done = serve(options, runner.clone().map(|runner| runner as Arc<dyn JobRunner>), quiet);
    if let Some(runner) = runner {
        runner.print_profile()?;
    }
    done
}

/// Serves until Ctrl-C.
pub(crate) fn serve(
    options: ServerOptions,
    runner: Option<Arc<dyn JobRunner>>,
    quiet: bool,
) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::stop_flag();
    crate::allocator::return_freed_memory();
    minesegsat::raster::set_block_cache_limit(BLOCK_CACHE_BYTES);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    runtime.block_on(async {
        let server = Server::bind(options, runner).await?;
        if !quiet {
            crate::print_message(format_args!("serving on http://{}/ until Ctrl-C", server.local_addr()));
        }
        server
            .run(async {
                while !cancel.load(Ordering::SeqCst) {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            })
            .await;
        anyhow::Ok(ExitCode::SUCCESS)
    })
}

fn token(args: &ServeArgs) -> anyhow::Result<Option<Token>> {
    let text = match &args.token_file {
        Some(path) => Some(
            std::fs::read_to_string(path).with_context(|| format!("cannot read the token in {}", path.display()))?,
        ),
        None => std::env::var(TOKEN).ok().filter(|text| !text.is_empty()),
    };
    Ok(text.map(|text| Token::new(text.trim())).transpose()?)
}
