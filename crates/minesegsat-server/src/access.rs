//! Access control. On a loopback address, clients of this machine read without a token, and writing needs one. On other addresses, and
//! for clients behind a reverse proxy, both need one. The one token of the server has all rights; tokens of users have those of
//! their role.

mod needs;
mod rate_limit;
mod user_list;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use minesegsat_core::hex;
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub(crate) use self::needs::{Need, need};
use self::rate_limit::{RateLimit, too_many};
use self::user_list::UserList;
use crate::options::ServerOptions;
use crate::problem::Problem;
use crate::users::{Role, User, Users};

/// Name of the session cookie, which allows reading.
pub(crate) const COOKIE: &str = "minesegsat";
/// Headers that reverse proxies add. A request with one of them may come from another machine, whatever address it names.
const OF_PROXIES: [&str; 4] = ["x-forwarded-for", "forwarded", "x-real-ip", "via"];
/// Separates digests for cookies from those of tokens.
const SESSION: &[u8] = b"session of minesegsat\0";

/// Address of the client, as a trusted proxy states it. The server puts it into the extensions of each request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Who sent a request, as its token or cookie says. The access layer puts it into the extensions of request and response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Name of the user. `None` for the one token of the server.
    pub(crate) name: Option<String>,
    pub(crate) role: Role,
}

impl Caller {
    /// The caller with the one token of the server, which has all rights.
    const OPERATOR: Self = Self { name: None, role: Role::Register };
}

impl From<&User> for Caller {
    fn from(user: &User) -> Self {
        Self { name: Some(user.name.clone()), role: user.role }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "user `{name}`"),
            None => f.write_str("the operator"),
        }
    }
}

/// Checks tokens and session cookies, and counts requests of each client.
#[derive(Debug)]
pub(crate) struct Access {
    /// Digest of the token. Comparing digests takes the same time for tokens of any length.
    token: Option<[u8; 32]>,
    /// Value of the session cookie: a digest of the token, from which the token cannot be derived.
    session: Option<String>,
    users: Option<UserList>,
    /// Part of the session cookies of users: the table of users alone makes no cookie. They end with the server. `None` if the system
    /// gives no random numbers.
    session_secret: Option<[u8; 32]>,
    is_loopback: bool,
    requests: Option<RateLimit>,
    failures: RateLimit,
    jobs: RateLimit,
}

impl Access {
    pub(crate) fn new(options: &ServerOptions) -> Self {
        let limits = &options.limits;
        let token = options.token.as_ref();
        let mut secret = [0; 32];
        let is_random = SystemRandom::new().fill(&mut secret).is_ok();
        if !is_random {
            tracing::error!("the system's random number generator failed, so users get no session cookies");
        }
        Self {
            token: token.map(|token| digest(&[token.as_bytes()])),
            session: token.map(|token| hex::encode(&digest(&[SESSION, token.as_bytes()]))),
            users: options.users.clone().map(UserList::new),
            session_secret: is_random.then_some(secret),
            is_loopback: options.is_loopback(),
            requests: limits.requests_per_second.map(|per_second| RateLimit::new(per_second, limits.burst)),
            failures: RateLimit::new(limits.wrong_tokens_per_minute / 60.0, limits.wrong_tokens_per_minute),
            jobs: RateLimit::new(limits.jobs_per_minute / 60.0, limits.jobs_per_minute),
        }
    }

    /// Whether a request may come from another machine.
    fn is_remote(&self, client: IpAddr, headers: &HeaderMap) -> bool {
        !self.is_loopback
            || !client.to_canonical().is_loopback()
            || OF_PROXIES.iter().any(|name| headers.contains_key(*name))
    }

    /// Whether this client needs a token for reading. A server on loopback without token and users has nothing to ask for.
    pub(crate) fn reading_needs_token(&self, client: IpAddr, headers: &HeaderMap) -> bool {
        let has_tokens = self.token.is_some() || self.users.is_some();
        !self.is_loopback || (has_tokens && self.is_remote(client, headers))
    }

    /// Counts a request of a client on another machine. An error if the client sent too many.
    pub(crate) fn count_request(&self, client: IpAddr, headers: &HeaderMap) -> Result<(), Problem> {
        if !self.is_remote(client, headers) {
            return Ok(());
        }
        let Some(requests) = &self.requests else { return Ok(()) };
        requests.take(client).map_err(|wait| too_many("requests", wait))
    }

    /// Counts a job that a client starts. An error if the client started too many.
    pub(crate) fn count_job(&self, client: IpAddr) -> Result<(), Problem> {
        self.jobs.take(client).map_err(|wait| too_many("jobs", wait))
    }

    /// Value of the session cookie of a caller. `None` if there is none: a user was removed meanwhile.
    pub(crate) fn session(&self, caller: &Caller) -> Result<Option<String>, Problem> {
        let Some(name) = &caller.name else { return Ok(self.session.clone()) };
        let Some(users) = self.current_users()? else { return Ok(None) };
        Ok(users.all().iter().find(|user| user.name == *name).and_then(|user| self.session_of(user)))
    }

    /// Checks whether a client may send a request with this need. Returns the caller if the request says who it is.
    pub(crate) fn authorize(&self, client: IpAddr, need: Need, headers: &HeaderMap) -> Result<Option<Caller>, Problem> {
        let is_open = match need {
            Need::Nothing => true,
            Need::Reading => !self.reading_needs_token(client, headers),
            Need::Identity => {
                !self.reading_needs_token(client, headers) && !headers.contains_key(header::AUTHORIZATION)
            }
            Need::Role(_) => false,
        };
        if is_open { Ok(None) } else { self.check(client, need, headers).map(Some) }
    }

    fn check(&self, client: IpAddr, need: Need, headers: &HeaderMap) -> Result<Caller, Problem> {
        if let Err(wait) = self.failures.check(client) {
            return Err(too_many("wrong tokens", wait));
        }
        if self.token.is_none() && self.users.is_none() {
            let detail = "this server is read-only: it has no access token; its operator can start it with one";
            return Err(Problem::new(StatusCode::FORBIDDEN, detail));
        }
        let given = headers.get(header::AUTHORIZATION);
        let caller = match (given, need) {
            (Some(given), _) => self.bearer(given)?,
            // A cookie allows reading only.
            (None, Need::Role(_)) => None,
            (None, _) => self.cookie_holder(headers)?,
        };
        let Some(caller) = caller else {
            if given.is_some() {
                // A request without a token is not an attempt: the page sends such requests before it asks for the token.
                let _ = self.failures.take(client);
                tracing::warn!(%client, "wrong token");
            }
            return Err(unauthorized(given.is_some(), need));
        };
        match need {
            Need::Role(role) if caller.role < role => {
                let detail = format!("this needs the role `{role}`, and {caller} has the role `{}`", caller.role);
                Err(Problem::new(StatusCode::FORBIDDEN, detail))
            }
            _ => Ok(caller),
        }
    }

    /// The caller of an `Authorization` header. `None` if the token is wrong.
    fn bearer(&self, given: &HeaderValue) -> Result<Option<Caller>, Problem> {
        let text = given.as_bytes();
        let secret = text.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case(b"bearer ")).map(|_| &text[7..]);
        let Some(secret) = secret else { return Ok(None) };
        let given = digest(&[secret.trim_ascii()]);
        if self.token.is_some_and(|token| bool::from(token.as_slice().ct_eq(given.as_slice()))) {
            return Ok(Some(Caller::OPERATOR));
        }
        let users = self.current_users()?;
        Ok(users.as_ref().and_then(|users| users.find(&given)).map(Caller::from))
    }

    /// The caller of a session cookie. `None` without one, or if it is wrong.
    fn cookie_holder(&self, headers: &HeaderMap) -> Result<Option<Caller>, Problem> {
        let is_same = |a: &str, b: &str| bool::from(a.as_bytes().ct_eq(b.as_bytes()));
        let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let named = cookies.flat_map(|value| value.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
        for (_, value) in named.filter(|(name, _)| *name == COOKIE) {
            if self.session.as_deref().is_some_and(|session| is_same(value, session)) {
                return Ok(Some(Caller::OPERATOR));
            }
            let Some(users) = self.current_users()? else { continue };
            let is_of = |user: &User| self.session_of(user).is_some_and(|session| is_same(value, &session));
            if let Some(user) = users.all().iter().find(|user| is_of(user)) {
                return Ok(Some(user.into()));
            }
        }
        Ok(None)
    }

    fn session_of(&self, user: &User) -> Option<String> {
        let secret = self.session_secret.as_ref()?;
        Some(hex::encode(&digest(&[SESSION, secret, user.token_sha256()])))
    }

    /// The users as their table states them now. `None` if the server has no table.
    fn current_users(&self) -> Result<Option<Arc<Users>>, Problem> {
        self.users.as_ref().map(UserList::current).transpose()
    }
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().into()
}

/// 401: a token is missing or wrong, and what it must allow.
fn unauthorized(is_given: bool, need: Need) -> Problem {
    let detail = match (is_given, need) {
        (true, _) => "wrong token".to_owned(),
        (false, Need::Role(role)) => {
            format!("this needs the header `Authorization: Bearer TOKEN`, with a token of the role `{role}`")
        }
        (false, _) => "reading from another machine needs the header `Authorization: Bearer TOKEN`".to_owned(),
    };
    let challenge = HeaderValue::from_static("Bearer realm=\"minesegsat\"");
    Problem::new(StatusCode::UNAUTHORIZED, detail).with(header::WWW_AUTHENTICATE, challenge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Token;

    const WRITING: Need = Need::Role(Role::Register);

    fn access(token: Option<&str>) -> Access {
        access_with(token, |_| {})
    }

    fn access_with(token: Option<&str>, change: impl FnOnce(&mut ServerOptions)) -> Access {
        let mut options = ServerOptions::new(".");
        options.token = token.map(|token| Token::new(token).unwrap());
        change(&mut options);
        Access::new(&options)
    }

    fn check(access: &Access, need: Need, name: &str, value: &str) -> Result<Caller, Problem> {
        let mut headers = HeaderMap::new();
        if !name.is_empty() {
            headers.insert(header::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        access.check(IpAddr::from([10, 0, 0, 1]), need, &headers)
    }

    fn status(access: &Access, need: Need, name: &str, value: &str) -> u16 {
        check(access, need, name, value).map_or_else(|problem| problem.status.as_u16(), |_| 200)
    }

    #[test]
    fn only_the_token_allows_writing() {
        let access = access(Some("0123456789abcdef"));
        assert_eq!(status(&access, WRITING, "authorization", "Bearer 0123456789abcdef"), 200);
        assert_eq!(status(&access, WRITING, "authorization", "bearer  0123456789abcdef"), 200);
        for wrong in ["Bearer 0123456789abcdeg", "Bearer", "Basic 0123456789abcdef", "0123456789abcdef", "Bearer "] {
            assert_eq!(status(&access, WRITING, "authorization", wrong), 401, "{wrong}");
        }
        assert_eq!(status(&access, WRITING, "", ""), 401);
        assert_eq!(status(&self::access(None), WRITING, "", ""), 403);
    }

    #[test]
    fn the_session_cookie_allows_reading_only() {
        let access = access(Some("0123456789abcdef"));
        let session = access.session(&Caller::OPERATOR).unwrap().unwrap();
        let cookie = format!("other=1; {COOKIE}={session}");
        assert!(!cookie.contains("0123456789abcdef"));
        assert_eq!(status(&access, Need::Reading, "cookie", &cookie), 200);
        assert_eq!(status(&access, WRITING, "cookie", &cookie), 401);
        assert_eq!(status(&access, Need::Role(Role::Read), "cookie", &cookie), 401);
        assert_eq!(status(&access, Need::Reading, "cookie", &format!("{COOKIE}=0")), 401);
    }

    #[test]
    fn a_user_may_do_what_the_role_allows_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.csv");
        let tokens = Role::ALL.map(|role| Users::add(&path, &format!("{role}er"), role).unwrap());
        let access = access_with(None, |options| options.users = Some(path.clone()));
        for (role, token) in Role::ALL.into_iter().zip(&tokens) {
            let bearer = format!("Bearer {token}");
            for needed in Role::ALL {
                let found = check(&access, Need::Role(needed), "authorization", &bearer);
                if needed <= role {
                    let caller = found.unwrap();
                    assert_eq!((caller.name.as_deref(), caller.role), (Some(format!("{role}er").as_str()), role));
                } else {
                    let problem = found.unwrap_err();
                    let detail = format!("this needs the role `{needed}`, and user `{role}er` has the role `{role}`");
                    assert_eq!((problem.status.as_u16(), problem.detail), (403, detail));
                }
            }
            let caller = check(&access, Need::Reading, "authorization", &bearer).unwrap();
            let cookie = format!("{COOKIE}={}", access.session(&caller).unwrap().unwrap());
            assert_eq!(check(&access, Need::Reading, "cookie", &cookie).unwrap(), caller);
            assert_eq!(status(&access, WRITING, "cookie", &cookie), 401);
            // A hash from the table is no token.
            let hash = hex::encode(&digest(&[token.as_bytes()]));
            assert_eq!(status(&access, Need::Role(Role::Read), "authorization", &format!("Bearer {hash}")), 401);
        }
        let bearer = format!("Bearer {}", tokens[2]);
        let caller = check(&access, WRITING, "authorization", &bearer).unwrap();
        let cookie = format!("{COOKIE}={}", access.session(&caller).unwrap().unwrap());
        Users::remove(&path, "registerer").unwrap();
        assert_eq!(status(&access, WRITING, "authorization", &bearer), 401, "the table is read again");
        assert_eq!(status(&access, Need::Reading, "cookie", &cookie), 401);
        assert_eq!(access.session(&caller).unwrap(), None);
    }

    #[test]
    fn a_table_that_cannot_be_read_stops_users_and_not_the_operator() {
        let access = access_with(Some("0123456789abcdef"), |options| options.users = Some("/nothing/users.csv".into()));
        assert_eq!(status(&access, WRITING, "authorization", "Bearer 0123456789abcdef"), 200);
        assert_eq!(status(&access, WRITING, "authorization", "Bearer 0123456789abcdeg"), 503);
    }

    #[test]
    fn a_token_that_is_given_to_learn_who_one_is_must_be_right() {
        let access = access(Some("0123456789abcdef"));
        let ask = |value: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            }
            access.authorize(IpAddr::from([127, 0, 0, 1]), Need::Identity, &headers)
        };
        assert_eq!(ask(None).unwrap(), None);
        assert_eq!(ask(Some("Bearer 0123456789abcdef")).unwrap(), Some(Caller::OPERATOR));
        assert_eq!(ask(Some("Bearer 0123456789abcdeg")).unwrap_err().status, 401);
    }

    #[test]
    fn behind_a_proxy_of_this_machine_reading_needs_a_token() {
        let local = IpAddr::from([127, 0, 0, 1]);
        let read = |access: &Access, client: IpAddr, header: Option<(&'static str, &'static str)>| {
            let headers: HeaderMap = header
                .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)))
                .into_iter()
                .collect();
            let is_told = access.reading_needs_token(client, &headers);
            let status = access
                .authorize(client, Need::Reading, &headers)
                .map_or_else(|problem| problem.status.as_u16(), |_| 200);
            assert_eq!(is_told, status == 401);
            status
        };
        let guarded = access(Some("0123456789abcdef"));
        assert_eq!(read(&guarded, local, None), 200);
        assert_eq!(read(&guarded, "::ffff:127.0.0.1".parse().unwrap(), None), 200);
        assert_eq!(read(&guarded, IpAddr::from([203, 0, 113, 7]), None), 401);
        // A client can name any address.
        for name in OF_PROXIES {
            assert_eq!(read(&guarded, local, Some((name, "127.0.0.1"))), 401, "{name}");
        }
        assert_eq!(read(&access(None), local, Some(("x-forwarded-for", "203.0.113.7"))), 200);
    }

    #[test]
    fn ten_wrong_tokens_block_a_client() {
        let access = access(Some("0123456789abcdef"));
        let statuses: Vec<u16> =
            (0..12).map(|_| status(&access, WRITING, "authorization", "Bearer 0000000000000000")).collect();
        assert_eq!(statuses[..10], [401; 10]);
        assert_eq!(statuses[10..], [429; 2]);
        assert_eq!(status(&access, WRITING, "authorization", "Bearer 0123456789abcdef"), 429);
    }
}
