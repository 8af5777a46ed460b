//! Access control and rate limits.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::access::{Peer, need};
use crate::state::App;

/// Refuses requests that the client may not send. The handler and the log find the caller in the extensions.
pub(crate) async fn access(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let client = request.extensions().get::<Peer>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0);
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let needed = need(request.method().as_str(), route);
    match app.access.authorize(client, needed, request.headers()) {
        Ok(Some(caller)) => {
            request.extensions_mut().insert(caller.clone());
            let mut response = next.run(request).await;
            response.extensions_mut().insert(caller);
            response
        }
        Ok(None) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Limits the requests of each client. Clients of this machine have no limit on loopback.
pub(crate) async fn rate(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if let Some(Peer(client)) = request.extensions().get::<Peer>().copied()
        && let Err(problem) = app.access.count_request(client, request.headers())
    {
        return problem.into_response();
    }
    next.run(request).await
}
