//! Access control and rate limits.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::access::Peer;
use crate::state::App;

/// Refuses requests that the client may not send.
pub(crate) async fn access(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let client = request.extensions().get::<Peer>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0);
    match app.access.authorize(client, request.method(), request.uri().path(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Limits the requests of each client. Loopback addresses have no limit.
pub(crate) async fn rate(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if let Some(Peer(client)) = request.extensions().get::<Peer>().copied()
        && let Err(problem) = app.access.count_request(client)
    {
        return problem.into_response();
    }
    next.run(request).await
}
