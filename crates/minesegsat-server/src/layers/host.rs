//! Protection against DNS rebinding: a page of another site whose name resolves to this machine must not read data.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::base::host_of;
use crate::problem::Problem;
use crate::state::App;

/// On a loopback address the server accepts loopback names and its `host_names` only.
pub(crate) async fn host(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Some(host) = host_of(request.headers()) else {
        return Problem::new(
            StatusCode::BAD_REQUEST,
            "the request needs one `Host` header: a name with an optional port",
        )
        .into_response();
    };
    let name = without_port(host);
    let is_known = !app.options.is_loopback()
        || is_loopback(name)
        || app.options.host_names.iter().any(|known| known.eq_ignore_ascii_case(name));
    if !is_known {
        let detail =
            format!("unknown host `{name}`; this server accepts localhost and the names that its operator adds");
        return Problem::new(StatusCode::MISDIRECTED_REQUEST, detail).into_response();
    }
    next.run(request).await
}

fn without_port(host: &str) -> &str {
    if host.starts_with('[') {
        return host.find(']').map_or(host, |end| &host[..=end]);
    }
    host.split_once(':').map_or(host, |(name, _)| name)
}

fn is_loopback(name: &str) -> bool {
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.is_ok_and(|address| address.is_loopback())
        || name.eq_ignore_ascii_case("localhost")
        || name.to_ascii_lowercase().ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_are_loopback() {
        for (host, expected) in [
            ("localhost:8080", true),
            ("127.0.0.1", true),
            ("127.8.9.1:80", true),
            ("[::1]:8080", true),
            ("map.localhost", true),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example:80", false),
            ("192.168.1.5:80", false),
        ] {
            assert_eq!(is_loopback(without_port(host)), expected, "{host}");
        }
    }
}
