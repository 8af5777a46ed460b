//! How often a client may do something: a bucket of turns for each, which fills up again.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Peer;
use crate::problem::Problem;
use crate::state::App;

/// Clients that are remembered.
const CLIENTS: usize = 10_000;

/// A bucket for each client.
#[derive(Debug)]
pub(crate) struct Buckets {
    per_second: f64,
    burst: f64,
    clients: Mutex<HashMap<IpAddr, (f64, Instant)>>,
}

impl Buckets {
    /// So many turns per second for long, and so many at once.
    pub(crate) fn new(per_second: f64, burst: f64) -> Self {
        Self { per_second: per_second.max(1e-6), burst: burst.max(1.0), clients: Mutex::default() }
    }

    /// Takes a turn; or the time until there is one.
    pub(crate) fn take(&self, client: IpAddr) -> Result<(), Duration> {
        self.at(client, Instant::now(), true)
    }

    /// Whether there is a turn, without taking it.
    pub(crate) fn has(&self, client: IpAddr) -> Result<(), Duration> {
        self.at(client, Instant::now(), false)
    }

    fn at(&self, client: IpAddr, now: Instant, takes: bool) -> Result<(), Duration> {
        let client = network_of(client);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let filled = |(turns, since): (f64, Instant)| {
            (turns + now.saturating_duration_since(since).as_secs_f64() * self.per_second).min(self.burst)
        };
        if clients.len() >= CLIENTS && !clients.contains_key(&client) {
            clients.retain(|_, bucket| filled(*bucket) < self.burst);
            if clients.len() >= CLIENTS {
                clients.clear();
            }
        }
        let turns = clients.get(&client).map_or(self.burst, |bucket| filled(*bucket));
        if turns < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - turns) / self.per_second));
        }
        if takes {
            clients.insert(client, (turns - 1.0, now));
        }
        Ok(())
    }
}

/// Who has one address of version 6 has the others of its network.
fn network_of(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        other => other,
    }
}

/// 429, to be tried again after a while.
pub(crate) fn too_many(what: &str, wait: Duration) -> Problem {
    let seconds = wait.as_secs().saturating_add(1);
    Problem::new(StatusCode::TOO_MANY_REQUESTS, format!("too many {what} from your address; wait {seconds} s"))
        .retry_after(seconds)
}

/// Limits requests from other machines.
pub(crate) async fn rate(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if let (Some(buckets), Some(Peer(client))) = (app.access.requests(), request.extensions().get::<Peer>().copied())
        && let Err(wait) = buckets.take(client)
    {
        return too_many("requests", wait).into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_again_for_each_client() {
        let buckets = Buckets::new(2.0, 3.0);
        let (a, b): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let now = Instant::now();
        for _ in 0..3 {
            assert!(buckets.at(a, now, true).is_ok());
        }
        let wait = buckets.at(a, now, true).unwrap_err();
        assert!((0.49..0.51).contains(&wait.as_secs_f64()), "{wait:?}");
        assert!(buckets.at(b, now, true).is_ok());
        assert!(buckets.at(a, now + Duration::from_millis(600), true).is_ok());
    }

    #[test]
    fn networks_of_version_6_share_a_bucket_and_memory_is_bounded() {
        let buckets = Buckets::new(0.001, 1.0);
        let now = Instant::now();
        assert!(buckets.at("2001:db8::1".parse().unwrap(), now, true).is_ok());
        assert!(buckets.at("2001:db8::2".parse().unwrap(), now, true).is_err());
        for i in 0..(2 * CLIENTS as u32) {
            let _ = buckets.at(IpAddr::from(i.to_be_bytes()), now, true);
        }
        assert!(buckets.clients.lock().unwrap().len() <= CLIENTS);
    }
}
