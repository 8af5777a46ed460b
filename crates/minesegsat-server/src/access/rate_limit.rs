//! Rate limits: a token bucket for each client.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;

use crate::problem::Problem;

/// Maximum number of clients with a bucket.
const CLIENTS: usize = 10_000;

/// A token bucket for each client.
#[derive(Debug)]
pub(crate) struct RateLimit {
    per_second: f64,
    burst: f64,
    clients: Mutex<HashMap<IpAddr, (f64, Instant)>>,
}

impl RateLimit {
    /// `per_second` is the lasting rate, `burst` the number of turns that a client may take at once.
    pub(crate) fn new(per_second: f64, burst: f64) -> Self {
        Self { per_second: per_second.max(1e-6), burst: burst.max(1.0), clients: Mutex::default() }
    }

    /// Takes a turn. The error is the time until the next turn.
    pub(crate) fn take(&self, client: IpAddr) -> Result<(), Duration> {
        self.turn(client, Instant::now(), true)
    }

    /// Whether a turn is left. Takes none.
    pub(crate) fn check(&self, client: IpAddr) -> Result<(), Duration> {
        self.turn(client, Instant::now(), false)
    }

    fn turn(&self, client: IpAddr, now: Instant, takes: bool) -> Result<(), Duration> {
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

/// The key of a client: its IPv4 address, or its IPv6 /64 network, whose addresses belong to one client.
fn network_of(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        other => other,
    }
}

/// 429 with `Retry-After`.
pub(crate) fn too_many(what: &str, wait: Duration) -> Problem {
    let seconds = wait.as_secs().saturating_add(1);
    Problem::new(StatusCode::TOO_MANY_REQUESTS, format!("too many {what} from your address; wait {seconds} s"))
        .retry_after(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_again_for_each_client() {
        let limit = RateLimit::new(2.0, 3.0);
        let (a, b): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let now = Instant::now();
        for _ in 0..3 {
            assert!(limit.turn(a, now, true).is_ok());
        }
        let wait = limit.turn(a, now, true).unwrap_err();
        assert!((0.49..0.51).contains(&wait.as_secs_f64()), "{wait:?}");
        assert!(limit.turn(b, now, true).is_ok());
        assert!(limit.turn(a, now + Duration::from_millis(600), true).is_ok());
    }

    #[test]
    fn networks_of_version_6_share_a_bucket_and_memory_is_bounded() {
        let limit = RateLimit::new(0.001, 1.0);
        let now = Instant::now();
        assert!(limit.turn("2001:db8::1".parse().unwrap(), now, true).is_ok());
        assert!(limit.turn("2001:db8::2".parse().unwrap(), now, true).is_err());
        for i in 0..(2 * CLIENTS as u32) {
            let _ = limit.turn(IpAddr::from(i.to_be_bytes()), now, true);
        }
        assert!(limit.clients.lock().unwrap().len() <= CLIENTS);
    }
}
