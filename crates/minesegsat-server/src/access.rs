//! Access control. On a loopback address reading is open and writing needs the token. On other addresses both need it.

mod rate_limit;

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use self::rate_limit::{RateLimit, too_many};
use crate::options::ServerOptions;
use crate::problem::Problem;

/// Name of the session cookie, which allows reading.
pub(crate) const COOKIE: &str = "minesegsat";
/// Paths that need no token: the health check, and the page that asks for the token and contains no data.
const OPEN: [&str; 3] = ["/", "/health", "/favicon.ico"];
const OPEN_FOLDER: &str = "/assets/";

/// Address of the client, as a trusted proxy states it. The server puts it into the extensions of each request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Checks tokens and session cookies, and counts requests of each client.
#[derive(Debug)]
pub(crate) struct Access {
    /// Digest of the token. Comparing digests takes the same time for tokens of any length.
    token: Option<[u8; 32]>,
    /// Value of the session cookie: a digest of the token, from which the token cannot be derived.
    session: Option<String>,
    reads_need_token: bool,
    requests: Option<RateLimit>,
    failures: RateLimit,
    jobs: RateLimit,
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
                .map(|per_second| RateLimit::new(per_second, limits.burst)),
            failures: RateLimit::new(limits.wrong_tokens_per_minute / 60.0, limits.wrong_tokens_per_minute),
            jobs: RateLimit::new(limits.jobs_per_minute / 60.0, limits.jobs_per_minute),
        }
    }

    /// Counts a request of a client. An error if the client sent too many.
    pub(crate) fn count_request(&self, client: IpAddr) -> Result<(), Problem> {
        let Some(requests) = &self.requests else { return Ok(()) };
        requests.take(client).map_err(|wait| too_many("requests", wait))
    }

    /// Counts a job that a client starts. An error if the client started too many.
    pub(crate) fn count_job(&self, client: IpAddr) -> Result<(), Problem> {
        self.jobs.take(client).map_err(|wait| too_many("jobs", wait))
    }

    /// Value of the session cookie. `None` without a token.
    pub(crate) fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// Checks whether a client may send this request.
    pub(crate) fn authorize(
        &self,
        client: IpAddr,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<(), Problem> {
        let is_reading = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
            // A POST search reads only: its query body is too long for a URL.
            || (*method == Method::POST && path == "/stac/search");
        let is_open = is_reading && (!self.reads_need_token || OPEN.contains(&path) || path.starts_with(OPEN_FOLDER));
        if is_open { Ok(()) } else { self.check(client, !is_reading, headers) }
    }

    fn check(&self, client: IpAddr, writes: bool, headers: &HeaderMap) -> Result<(), Problem> {
        if let Err(wait) = self.failures.check(client) {
            return Err(too_many("wrong tokens", wait));
        }
        let Some(token) = &self.token else {
            let detail = "this server is read-only: it has no access token; its operator can start it with one";
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
            // A request without a token is not an attempt: the page sends such requests before it asks for the token.
            let _ = self.failures.take(client);
            tracing::warn!(%client, "wrong token");
        }
        let detail = match (given.is_some(), writes) {
            (true, _) => "wrong token",
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
    fn only_the_token_allows_writing() {
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
    fn the_session_cookie_allows_reading_only() {
        let access = access(Some("0123456789abcdef"));
        let cookie = format!("other=1; {COOKIE}={}", access.session().unwrap());
        assert!(!cookie.contains("0123456789abcdef"));
        assert_eq!(status(&access, false, "cookie", &cookie), 200);
        assert_eq!(status(&access, true, "cookie", &cookie), 401);
        assert_eq!(status(&access, false, "cookie", &format!("{COOKIE}=0")), 401);
    }

    #[test]
    fn ten_wrong_tokens_block_a_client() {
        let access = access(Some("0123456789abcdef"));
        let statuses: Vec<u16> =
            (0..12).map(|_| status(&access, true, "authorization", "Bearer 0000000000000000")).collect();
        assert_eq!(statuses[..10], [401; 10]);
        assert_eq!(statuses[10..], [429; 2]);
        assert_eq!(status(&access, true, "authorization", "Bearer 0123456789abcdef"), 429);
    }
}
