//! A single POST to a message receiver, without retries. The sender schedules further attempts.

use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use reqwest::{Client, header};

use super::receive::cancelled;
use super::{
    ClientKind, Failure, HttpOptions, Request, build_client, is_this_machine, parse_retry_after, runtime, send_once,
};
use minesegsat_core::{Error, Result};

/// Response of a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status, including errors.
    pub status: u16,
    /// Pause that the receiver asks for (`Retry-After`).
    pub retry_after: Option<Duration>,
}

/// Sends a request once and returns the header of the response. The inner error describes a transport failure, without the
/// address.
///
/// Redirections are not followed, because a signed message is for one address only. The body of the response is not read,
/// because it may repeat the request with the secrets of its address.
///
/// The function runs on the calling thread, which must be a plain thread. It stops soon after `cancel` is set.
pub fn post_once(request: &Request, cancel: &AtomicBool) -> Result<Result<Reply, String>> {
    let timeout = HttpOptions::current()?.timeout;
    let client = match client(is_this_machine(request.url())) {
        Ok(client) => client,
        Err(reason) => return Ok(Err(reason)),
    };
    let sent = runtime()?.block_on(async {
        tokio::select! {
            biased;
            () = cancelled(cancel) => Err(Error::Interrupted),
            sent = send_once(client, request, timeout) => Ok(sent),
        }
    })?;
    Ok(match sent {
        Ok(response) => {
            let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|v| v.to_str().ok());
            Ok(Reply { status: response.status().as_u16(), retry_after: retry_after.and_then(parse_retry_after) })
        }
        Err(Failure::Passing { reason, .. }) => Err(reason),
        // This error contains the address, and the path may be a secret here.
        Err(Failure::Final(_)) => Err("a request cannot be sent to this address".to_owned()),
    })
}

/// A client for this machine (`local`), which uses no proxies, or for any other.
fn client(local: bool) -> Result<&'static Client, String> {
    static CLIENTS: [OnceLock<Result<Client, String>>; 2] = [OnceLock::new(), OnceLock::new()];
    let kind = if local { ClientKind::ThisMachine } else { ClientKind::Any };
    let client = CLIENTS[usize::from(local)].get_or_init(|| build_client(kind));
    client.as_ref().map_err(Clone::clone)
}
