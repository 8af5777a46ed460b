//! Listening, connections, and an orderly end.

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

use self::stream::PatientStream;
use crate::blocking::Gate;
use crate::jobs::{JobRunner, Jobs};
use crate::layers::{Access, Peer};
use crate::metrics::Metrics;
use crate::options::{Limits, ServerError, ServerOptions};
use crate::router::router;
use crate::state::App;
use crate::tiles::Tiles;
use crate::workspace::Workspace;

/// Serves a workspace until `shutdown` is ready. Requests under way are answered then; a job that runs is queued again for the
/// next start.
///
/// Without a runner jobs are refused, and another server may run those of this workspace.
pub async fn serve(
    options: ServerOptions,
    runner: Option<Arc<dyn JobRunner>>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServerError> {
    Server::bind(options, runner).await?.run(shutdown).await;
    Ok(())
}

/// A server that listens, and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    app: Arc<App>,
}

impl Server {
    /// Checks everything that can be checked before the first request, and listens.
    pub async fn bind(options: ServerOptions, runner: Option<Arc<dyn JobRunner>>) -> Result<Self, ServerError> {
        options.check()?;
        let workspace = Arc::new(Workspace::open(&options.workspace)?);
        // Jobs of a server that cannot listen must not begin.
        let bind = options.bind;
        let fail = |source| ServerError::Listen { bind, source };
        let listener = TcpListener::bind(bind).await.map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        let jobs = match runner {
            Some(runner) => Some(Jobs::start(workspace.root(), runner, options.limits.queued_jobs)?),
            None => None,
        };
        let tiles = Tiles::new();
        let app = App {
            access: Access::new(&options),
            metrics: Metrics::new(),
            gate: Gate::new(options.limits.readers),
            workspace,
            tiles,
            jobs,
            options,
        };
        Ok(Self { listener, address, app: Arc::new(app) })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown` is ready.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let Self { listener, address, app } = self;
        let limits = app.options.limits;
        let router = router(Arc::clone(&app));
        let connections = Arc::new(Semaphore::new(limits.connections.max(1)));
        let graceful = GracefulShutdown::new();
        tracing::info!(%address, workspace = %app.workspace.root().display(), "serving");
        tokio::pin!(shutdown);
        loop {
            let accepted = async {
                // Before a connection is taken: what cannot be served waits with the system.
                let turn = Arc::clone(&connections).acquire_owned().await;
                (turn, listener.accept().await)
            };
            let (turn, accepted) = tokio::select! {
                () = &mut shutdown => break,
                accepted = accepted => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let connection = connection(stream, peer, router.clone(), limits);
                    let connection = graceful.watch(connection);
                    tokio::spawn(async move {
                        let _turn = turn;
                        if let Err(error) = connection.await {
                            tracing::debug!(%peer, "connection ended: {error}");
                        }
                    });
                }
                Err(error) => {
                    // No more files may be open, for example: the next try may be better.
                    tracing::warn!("a connection was not taken: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(listener);
        tracing::info!("ending: requests under way are answered");
        if let Some(jobs) = &app.jobs {
            jobs.stop();
        }
        if tokio::time::timeout(limits.shutdown_timeout, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests took too long and were cut off");
        }
        if let Some(jobs) = app.jobs.clone() {
            // The worker looks at its flag between patches.
            let _ = tokio::task::spawn_blocking(move || jobs.join()).await;
        }
    }
}

fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    limits: Limits,
) -> http1::Connection<
    TokioIo<PatientStream>,
    impl hyper::service::HttpService<Incoming, ResBody = axum::body::Body, Error = std::convert::Infallible, Future: Send>,
> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, "small packets will wait: {error}");
    }
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer.ip()));
        router.clone().call(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_headers(limits.headers)
        .max_header_size(limits.head_bytes)
        .max_buf_size(limits.head_bytes.max(64 << 10))
        .serve_connection(TokioIo::new(PatientStream::new(stream, limits.write_timeout)), service)
}
