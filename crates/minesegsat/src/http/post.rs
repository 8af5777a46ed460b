//! One POST to a receiver of messages, tried once: whoever sends keeps the schedule of further attempts.

use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use reqwest::{Client, header, redirect};

use super::receive::cancelled;
use super::{Failure, HttpOptions, Request, build_client, head, is_this_machine, parse_retry_after, runtime};
use crate::{Error, Result};

/// What a receiver answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reply {
    /// The status, which may be any.
    pub(crate) status: u16,
    /// How long it asks to be left alone.
    pub(crate) retry_after: Option<Duration>,
}

/// Sends a request once and gives the head of the answer; the inner error is what happened on the way, without the
/// address. Redirections are not followed, as a signed message is for one address only, and nothing of the answer's body
/// is read: what a receiver writes may repeat what was sent to it, secrets of the address included.
///
/// This function is for plain threads: it runs on the calling thread, and stops soon after `cancel` is set.
pub(crate) fn post_once(request: &Request, cancel: &AtomicBool) -> Result<Result<Reply, String>> {
    let timeout = HttpOptions::current()?.timeout;
    let client = match client(is_this_machine(request.url())) {
        Ok(client) => client,
        Err(reason) => return Ok(Err(reason)),
    };
    let sent = runtime()?.block_on(async {
        tokio::select! {
            biased;
            () = cancelled(cancel) => Err(Error::Interrupted),
            sent = head(client, request, timeout) => Ok(sent),
        }
    })?;
    Ok(match sent {
        Ok(response) => {
            let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|v| v.to_str().ok());
            Ok(Reply { status: response.status().as_u16(), retry_after: retry_after.and_then(parse_retry_after) })
        }
        Err(Failure::Passing { reason, .. }) => Err(reason),
        // This error names the address, of which the path may be a secret here.
        Err(Failure::Final(_)) => Err("the address is none that a request can be sent to".to_owned()),
    })
}

/// A client that follows no redirection; one for this machine, without proxies, and one for all others.
fn client(local: bool) -> Result<&'static Client, String> {
    static CLIENTS: [OnceLock<Result<Client, String>>; 2] = [OnceLock::new(), OnceLock::new()];
    let client = CLIENTS[usize::from(local)].get_or_init(|| build_client(local, redirect::Policy::none()));
    client.as_ref().map_err(Clone::clone)
}
