//! Who may: reading is open on loopback, writing and any other address need the token.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Peer;
use super::rate::{Buckets, too_many};
use crate::options::ServerOptions;
use crate::problem::Problem;
use crate::state::App;

/// Name of the cookie that a browser reads with.
pub(crate) const COOKIE: &str = "minesegsat";
/// What there is to see without a token: that it runs, and the page that asks for the token, which has no data in it.
const OPEN: [&str; 3] = ["/", "/health", "/favicon.ico"];
const OPEN_FOLDER: &str = "/assets/";

/// Who may.
#[derive(Debug)]
pub(crate) struct Access {
    /// Digest of the token; comparing digests takes the same time whatever the length.
    token: Option<[u8; 32]>,
    /// What the cookie says: it follows from the token, not the other way round.
    session: Option<String>,
    reads_need_token: bool,
    requests: Option<Buckets>,
    failures: Buckets,
    jobs: Buckets,
}

impl Access {
    pub(crate) fn new(options: &ServerOptions) -> Self {
        let limits = &options.limits;
        let digest = |parts: &[&[u8]]| -> [u8; 32] {
            let mut digest = Sha256::new();
            for part in parts {
                digest.update(part);
            }
            digest.finalize().into()
        };
        let token = options.token.as_ref();
        Self {
            token: token.map(|token| digest(&[token.as_bytes()])),
            session: token.map(|token| {
                let bytes = digest(&[b"session of minesegsat\0", token.as_bytes()]);
                bytes.iter().map(|byte| format!("{byte:02x}")).collect()
            }),
            reads_need_token: !options.is_loopback(),
            requests: limits
                .requests_per_second
                .filter(|_| !options.is_loopback())
                .map(|per_second| Buckets::new(per_second, limits.burst)),
            failures: Buckets::new(limits.wrong_tokens_per_minute / 60.0, limits.wrong_tokens_per_minute),
            jobs: Buckets::new(limits.jobs_per_minute / 60.0, limits.jobs_per_minute),
        }
    }

    pub(crate) fn requests(&self) -> Option<&Buckets> {
        self.requests.as_ref()
    }

    /// The cookie to read with, for who has shown the token.
    pub(crate) fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// Whether one more job may be ordered.
    pub(crate) fn may_order(&self, client: IpAddr) -> Result<(), Problem> {
        self.jobs.take(client).map_err(|wait| too_many("jobs", wait))
    }

    fn check(&self, client: IpAddr, writes: bool, headers: &HeaderMap) -> Result<(), Problem> {
        if let Err(wait) = self.failures.has(client) {
            return Err(too_many("wrong tokens", wait));
        }
        let Some(token) = &self.token else {
            let detail = "this server was started without a token, so nobody may write; start it with `--token-file`";
            return Err(Problem::new(StatusCode::FORBIDDEN, detail));
        };
        let given = headers.get(header::AUTHORIZATION);
        if let Some(given) = given {
            let text = given.as_bytes();
            let secret = text.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case(b"bearer ")).map(|_| &text[7..]);
            if let Some(secret) = secret
                && bool::from(Sha256::digest(secret.trim_ascii()).as_slice().ct_eq(token))
            {
                return Ok(());
            }
        } else if !writes && self.has_session(headers) {
            return Ok(());
        }
        if given.is_some() {
            // Only what was tried counts: pages that do not know the token yet ask without one.
            let _ = self.failures.take(client);
            tracing::warn!(%client, "a wrong token was given");
        }
        let detail = match (given.is_some(), writes) {
            (true, _) => "the token is not the one of this server",
            (false, true) => "writing needs the header `Authorization: Bearer TOKEN`",
            (false, false) => "reading from another machine needs the header `Authorization: Bearer TOKEN`",
        };
        let challenge = HeaderValue::from_static("Bearer realm=\"minesegsat\"");
        Err(Problem::new(StatusCode::UNAUTHORIZED, detail).with(header::WWW_AUTHENTICATE, challenge))
    }

    fn has_session(&self, headers: &HeaderMap) -> bool {
        let Some(session) = &self.session else { return false };
        let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        cookies
            .flat_map(|value| value.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='))
            .any(|(name, value)| name == COOKIE && bool::from(value.as_bytes().ct_eq(session.as_bytes())))
    }
}

/// Lets through who may.
pub(crate) async fn access(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let is_reading = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        // A question that is too long for an address.
        || (request.method() == Method::POST && request.uri().path() == "/stac/search");
    let path = request.uri().path();
    let is_open = is_reading && (!app.access.reads_need_token || OPEN.contains(&path) || path.starts_with(OPEN_FOLDER));
    if !is_open {
        let client = request.extensions().get::<Peer>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0);
        if let Err(problem) = app.access.check(client, !is_reading, request.headers()) {
            return problem.into_response();
        }
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Token;

    fn access(token: Option<&str>) -> Access {
        let mut options = ServerOptions::new(".");
        options.token = token.map(|token| Token::new(token).unwrap());
        Access::new(&options)
    }

    fn status(access: &Access, writes: bool, name: &str, value: &str) -> u16 {
        let mut headers = HeaderMap::new();
        if !name.is_empty() {
            headers.insert(header::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        let client = IpAddr::from([10, 0, 0, 1]);
        access.check(client, writes, &headers).map_or_else(|problem| problem.status.as_u16(), |()| 200)
    }

    #[test]
    fn the_token_opens_and_nothing_else_does() {
        let access = access(Some("0123456789abcdef"));
        assert_eq!(status(&access, true, "authorization", "Bearer 0123456789abcdef"), 200);
        assert_eq!(status(&access, true, "authorization", "bearer  0123456789abcdef"), 200);
        for wrong in ["Bearer 0123456789abcdeg", "Bearer", "Basic 0123456789abcdef", "0123456789abcdef", "Bearer "] {
            assert_eq!(status(&access, true, "authorization", wrong), 401, "{wrong}");
        }
        assert_eq!(status(&access, true, "", ""), 401);
        assert_eq!(status(&self::access(None), true, "", ""), 403);
    }

    #[test]
    fn a_cookie_reads_and_does_not_write() {
        let access = access(Some("0123456789abcdef"));
        let cookie = format!("other=1; {COOKIE}={}", access.session().unwrap());
        assert!(!cookie.contains("0123456789abcdef"));
        assert_eq!(status(&access, false, "cookie", &cookie), 200);
        assert_eq!(status(&access, true, "cookie", &cookie), 401);
        assert_eq!(status(&access, false, "cookie", &format!("{COOKIE}=0")), 401);
    }

    #[test]
    fn who_guesses_is_not_listened_to_any_more() {
        let access = access(Some("0123456789abcdef"));
        let statuses: Vec<u16> =
            (0..12).map(|_| status(&access, true, "authorization", "Bearer 0000000000000000")).collect();
        assert_eq!(statuses[..10], [401; 10]);
        assert_eq!(statuses[10..], [429; 2]);
        assert_eq!(status(&access, true, "authorization", "Bearer 0123456789abcdef"), 429);
    }
}
