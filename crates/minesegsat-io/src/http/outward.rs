//! Requests to public addresses only, for a server that fetches what its clients and foreign catalogues name.
//!
//! Names are checked when they are connected to, not before: a name may resolve to another address the second time.

use std::net::SocketAddr;
use std::sync::{PoisonError, RwLock};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

use super::{Reach, public_url, s3};
use minesegsat_core::{Error, Result};

/// Number of guards that live.
static GUARDS: RwLock<usize> = RwLock::new(0);

/// As long as it lives, requests of this process reach public addresses only.
#[derive(Debug)]
#[must_use = "the limit ends when the guard is dropped"]
pub struct OutwardGuard(());

/// Limits the requests of this process to public addresses while the guard lives. The server of `AWS_ENDPOINT_URL` and
/// receivers of messages ([`post_once`](super::post_once)) are exempt, because the operator chose them.
pub fn outward_requests_only() -> OutwardGuard {
    *GUARDS.write().unwrap_or_else(PoisonError::into_inner) += 1;
    OutwardGuard(())
}

impl Drop for OutwardGuard {
    fn drop(&mut self) {
        *GUARDS.write().unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}

/// Whether a request is limited to public addresses.
pub(super) fn concerns(url: &str) -> bool {
    *GUARDS.read().unwrap_or_else(PoisonError::into_inner) > 0 && !s3::is_own_endpoint(url)
}

/// Refuses addresses that are not public as they are written.
pub(super) fn check(url: &str) -> Result<()> {
    let reach = Url::parse(url).map_or(Reach::Public, |url| Reach::of_url(&url));
    if reach == Reach::Public {
        return Ok(());
    }
    let reason = format!("it is an address of {reach}; a public catalogue may only lead to public addresses");
    Err(Error::input(public_url(url), reason))
}

/// Whether requests may go through a proxy.
pub(super) fn has_proxy() -> bool {
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Resolves names to their public addresses.
#[derive(Debug)]
pub(super) struct PublicResolver;

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let public: Vec<SocketAddr> =
                found.into_iter().filter(|address| Reach::of_address(address.ip()) == Reach::Public).collect();
            if public.is_empty() {
                let reason = format!("`{name}` has no public address");
                return Err(reason.into());
            }
            let addresses: Addrs = Box::new(public.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_reached_while_a_guard_lives() {
        for url in ["http://127.0.0.1/", "http://192.168.1.1/", "http://169.254.169.254/", "http://localhost/"] {
            assert!(check(url).is_err(), "{url}");
        }
        assert!(check("https://example.org/").is_ok());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let name: Name = "localhost".parse().unwrap();
        let error = runtime.block_on(PublicResolver.resolve(name)).err().unwrap();
        assert!(error.to_string().contains("no public address"), "{error}");
    }
}
