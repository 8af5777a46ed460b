//! Listening, connections, and orderly shutdown.

mod stream;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::Service;

use self::stream::TimeoutStream;
use crate::access::{Access, Peer};
use crate::blocking::Gate;
use crate::jobs::{JobRunner, Jobs};
use crate::metrics::Metrics;
use crate::options::{Limits, ServerError, ServerOptions};
use crate::proxy::{Network, client_of};
use crate::router::router;
use crate::state::App;
use crate::tile_store::TileStore;
use crate::users::Users;
use crate::workspace::Workspace;

/// Serves a workspace until `shutdown` is ready. Then it finishes the requests under way. A running job is queued again for
/// the next start.
///
/// Without a runner the server refuses jobs, and another server may run the jobs of this workspace.
pub async fn serve(
    options: ServerOptions,
    runner: Option<Arc<dyn JobRunner>>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServerError> {
    Server::bind(options, runner).await?.run(shutdown).await;
    Ok(())
}

/// A server that listens but does not yet answer.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    app: Arc<App>,
}

impl Server {
    /// Checks the options and the workspace, then listens.
    pub async fn bind(options: ServerOptions, runner: Option<Arc<dyn JobRunner>>) -> Result<Self, ServerError> {
        options.check()?;
        if let Some(path) = &options.users {
            Users::read(path)?;
        }
        let workspace = Arc::new(Workspace::open(&options.workspace)?);
        // Listens first: a server that cannot listen must not start jobs.
        let bind = options.bind;
        let fail = |source| ServerError::Listen { bind, source };
        let listener = TcpListener::bind(bind).await.map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        let jobs = match runner {
            Some(runner) => {
                let limits = &options.limits;
                Some(Jobs::start(workspace.root(), runner, limits.queued_jobs, limits.job_timeout)?)
            }
            None => None,
        };
        let app = App {
            access: Access::new(&options),
            metrics: Metrics::new(),
            gate: Gate::new(options.limits.readers),
            workspace,
            tiles: TileStore::new(),
            jobs,
            options,
        };
        Ok(Self { listener, address, app: Arc::new(app) })
    }

    /// The address that the server listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `shutdown` is ready.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let Self { listener, address, app } = self;
        let limits = app.options.limits;
        let router = router(Arc::clone(&app));
        let trusted: Arc<[Network]> = app.options.trusted_proxies.clone().into();
        let connections = Arc::new(Semaphore::new(limits.connections.max(1)));
        let graceful = GracefulShutdown::new();
        tracing::info!(%address, workspace = %app.workspace.root().display(), "serving");
        tokio::pin!(shutdown);
        loop {
            let accepted = async {
                // Waits for a permit before it accepts, so that excess connections wait in the system's queue.
                let turn = Arc::clone(&connections).acquire_owned().await;
                (turn, listener.accept().await)
            };
            let (turn, accepted) = tokio::select! {
                () = &mut shutdown => break,
                accepted = accepted => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let connection = connection(stream, peer, Arc::clone(&trusted), router.clone(), limits);
                    let connection = graceful.watch(connection);
                    tokio::spawn(async move {
                        let _turn = turn;
                        if let Err(error) = connection.await {
                            tracing::debug!(%peer, "connection ended: {error}");
                        }
                    });
                }
                Err(error) => {
                    // For example: too many open files. The next attempt may succeed.
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(listener);
        tracing::info!("shutting down: finishing requests under way");
        if let Some(jobs) = &app.jobs {
            jobs.stop();
        }
        if tokio::time::timeout(limits.shutdown_timeout, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests took too long and were aborted");
        }
        if let Some(jobs) = app.jobs.clone() {
            // The worker checks its stop flag between patches.
            let _ = tokio::task::spawn_blocking(move || jobs.join()).await;
        }
    }
}

fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    trusted: Arc<[Network]>,
    router: Router,
    limits: Limits,
) -> http1::Connection<
    TokioIo<TimeoutStream>,
    impl hyper::service::HttpService<Incoming, ResBody = axum::body::Body, Error = std::convert::Infallible, Future: Send>,
> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, "cannot disable Nagle's algorithm: {error}");
    }
    let service = service_fn(move |mut request: Request<Incoming>| {
        let client = client_of(peer.ip(), request.headers(), &trusted);
        request.extensions_mut().insert(Peer(client));
        router.clone().call(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_headers(limits.headers)
        .max_header_size(limits.head_bytes)
        .max_buf_size(limits.head_bytes.max(64 << 10))
        .serve_connection(TokioIo::new(TimeoutStream::new(stream, limits.write_timeout)), service)
}
