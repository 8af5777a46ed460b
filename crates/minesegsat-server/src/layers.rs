//! What every request goes through on its way in, and every answer on its way out.

mod access;
mod headers;
mod host;
mod observe;
mod rate;

use std::any::Any;
use std::net::IpAddr;

use axum::response::{IntoResponse, Response};

pub(crate) use self::access::{Access, COOKIE, access};
pub(crate) use self::headers::headers;
pub(crate) use self::host::host;
pub(crate) use self::observe::{new_id, observe};
pub(crate) use self::rate::rate;
use crate::problem::Problem;

/// Who asks; in the extensions of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The answer to a request whose handler panicked.
#[expect(clippy::needless_pass_by_value, reason = "the signature is the layer's")]
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!("a request panicked: {}", said.unwrap_or("without a word"));
    Problem::internal("this request met a fault of the program, which is in its log").into_response()
}
