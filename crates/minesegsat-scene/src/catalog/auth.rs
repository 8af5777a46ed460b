//! Login: tokens and client credentials. Secrets are never shown.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use minesegsat_core::{Error, Result};
use minesegsat_io::http::public_url;
use minesegsat_io::http::{self, Request};

/// A token is renewed this long before it expires, or in the last tenth of its lifetime if that is shorter.
const EXPIRY_MARGIN: Duration = Duration::from_mins(1);
/// Assumed lifetime of a token if the server does not state it.
const DEFAULT_LIFE: Duration = Duration::from_mins(5);

/// Text that `Debug` hides.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Login method of an API.
#[derive(Debug, Clone, Default)]
pub enum Credentials {
    /// No login.
    #[default]
    None,
    /// The user's token.
    Bearer(BearerToken),
    /// OAuth 2 client credentials (RFC 6749, section 4.4). A token is requested, and renewed before it expires.
    Client(ClientCredentials),
}

/// A token from the environment.
#[derive(Debug, Clone)]
pub struct BearerToken {
    token: Secret,
}

/// Client id and secret, and the token obtained with them.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    /// May contain a login.
    token_url: Secret,
    client_id: Secret,
    secret: Secret,
    /// The source of these values, for messages.
    variables: &'static str,
    /// Shared by all users of the credentials.
    current: Arc<Mutex<Option<Token>>>,
}

#[derive(Debug, Clone)]
struct Token {
    token: Secret,
    good_until: Instant,
}

type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Credentials {
    /// Reads the token or client credentials for any API.
    pub(super) fn of_any(variable: Variable<'_>) -> Result<Self> {
        if let Some(token) = variable("MINESEGSAT_STAC_TOKEN") {
            return Ok(Self::Bearer(BearerToken { token: Secret(token.trim().to_owned()) }));
        }
        Self::client(
            variable,
            ["MINESEGSAT_OAUTH_TOKEN_URL", "MINESEGSAT_OAUTH_CLIENT_ID", "MINESEGSAT_OAUTH_CLIENT_SECRET"],
            "MINESEGSAT_OAUTH_TOKEN_URL, MINESEGSAT_OAUTH_CLIENT_ID and MINESEGSAT_OAUTH_CLIENT_SECRET",
        )
    }

    /// Reads the variables of EarthDaily's own client.
    pub(super) fn of_earthdaily(variable: Variable<'_>) -> Result<Self> {
        let names = ["EDS_AUTH_URL", "EDS_CLIENT_ID", "EDS_SECRET"];
        Self::client(variable, names, "EDS_AUTH_URL, EDS_CLIENT_ID and EDS_SECRET")
    }

    fn client(variable: Variable<'_>, names: [&'static str; 3], variables: &'static str) -> Result<Self> {
        match names.map(variable) {
            [None, None, None] => Ok(Self::None),
            [Some(token_url), Some(client_id), Some(secret)] => Ok(Self::Client(ClientCredentials {
                token_url: Secret(token_url),
                client_id: Secret(client_id),
                secret: Secret(secret),
                variables,
                current: Arc::default(),
            })),
            values => {
                let missing = values.iter().position(Option::is_none).unwrap_or_default();
                Err(Error::Argument {
                    name: names[missing],
                    value: String::new(),
                    accepted: format!("all of {variables} must be set, or none"),
                })
            }
        }
    }

    /// Adds the token to a request, if there is one.
    pub(super) fn apply(&self, request: Request) -> Result<Request> {
        match self {
            Self::None => Ok(request),
            Self::Bearer(bearer) => request.header("Authorization", &format!("Bearer {}", bearer.token.0)),
            Self::Client(client) => request.header("Authorization", &format!("Bearer {}", client.token()?.0)),
        }
    }

    /// Discards a refused token. Returns whether a new one can be requested.
    pub(super) fn renew(&self) -> bool {
        match self {
            Self::None | Self::Bearer(_) => false,
            Self::Client(client) => {
                *client.lock() = None;
                true
            }
        }
    }

    /// Advice for an API that refuses the login.
    pub(super) fn advice(&self) -> String {
        match self {
            Self::None => "it needs a login: set MINESEGSAT_STAC_TOKEN to a token, or MINESEGSAT_OAUTH_TOKEN_URL, \
                           MINESEGSAT_OAUTH_CLIENT_ID and MINESEGSAT_OAUTH_CLIENT_SECRET (EarthDaily: \
                           EDS_AUTH_URL, EDS_CLIENT_ID and EDS_SECRET)"
                .to_owned(),
            Self::Bearer(_) => {
                "it refuses the token: the token has expired or lacks permission; set MINESEGSAT_STAC_TOKEN to a new one"
                    .to_owned()
            }
            Self::Client(client) => {
                format!("it refuses the token of the client credentials; check {}", client.variables)
            }
        }
    }
}

impl ClientCredentials {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Token>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token that stays valid for a while. Threads that need a token at the same time request only one.
    fn token(&self) -> Result<Secret> {
        let mut current = self.lock();
        if let Some(token) = &*current
            && Instant::now() < token.good_until
        {
            return Ok(token.token.clone());
        }
        let asked = Instant::now();
        let form = "application/x-www-form-urlencoded";
        let request = Request::post(&self.token_url.0, form, "grant_type=client_credentials")
            .basic_auth(&self.client_id.0, &self.secret.0);
        let body = http::send(request).map_err(|error| match error {
            Error::HttpStatus { url, status: status @ (400 | 401 | 403), .. } => {
                let meaning = format!("it refuses the client id or the secret; check {}", self.variables);
                Error::HttpStatus { url, status, meaning }
            }
            error => error,
        })?;
        // Messages do not repeat the body, because it contains the token.
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        let Some(token) = answer["access_token"].as_str().filter(|token| !token.is_empty()) else {
            let reason = "its answer has no `access_token`; is it the address of an OAuth 2 token endpoint?".to_owned();
            return Err(Error::input(public_url(&self.token_url.0), reason));
        };
        let seconds = answer["expires_in"].as_f64().or_else(|| answer["expires_in"].as_str()?.parse().ok());
        let life = seconds.and_then(|s| Duration::try_from_secs_f64(s).ok()).unwrap_or(DEFAULT_LIFE);
        let token = Secret(token.to_owned());
        let good_until = asked + life.saturating_sub(EXPIRY_MARGIN.min(life / 10)).min(Duration::from_hours(24));
        *current = Some(Token { token: token.clone(), good_until });
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_never_shown() {
        let token =
            Credentials::of_any(&|name| (name == "MINESEGSAT_STAC_TOKEN").then(|| "the-SECRET".to_owned())).unwrap();
        let client = Credentials::of_earthdaily(&|name| Some(format!("{name}-SECRET"))).unwrap();
        assert!(matches!(client, Credentials::Client(_)));
        for credentials in [token, client] {
            let shown = format!("{credentials:?} {}", credentials.advice());
            assert!(!shown.replace("EDS_SECRET;", "").contains("-SECRET") && shown.contains("***"), "{shown}");
        }
    }

    #[test]
    fn half_of_the_credentials_is_named() {
        let some = |name: &str| (name != "EDS_SECRET").then(|| "x".to_owned());
        let error = Credentials::of_earthdaily(&some).unwrap_err().to_string();
        assert!(error.starts_with("EDS_SECRET") && error.contains("EDS_CLIENT_ID"), "{error}");
        assert!(matches!(Credentials::of_earthdaily(&|_| None).unwrap(), Credentials::None));
    }
}
