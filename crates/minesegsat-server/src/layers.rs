//! Middleware: the layers that every request and every response pass.

mod access;
mod headers;
mod host;
mod observe;

use std::any::Any;

use axum::response::{IntoResponse, Response};

pub(crate) use self::access::{access, rate};
pub(crate) use self::headers::headers;
pub(crate) use self::host::host;
pub(crate) use self::observe::observe;
use crate::problem::Problem;

/// Response to a request whose handler panicked.
#[expect(clippy::needless_pass_by_value, reason = "the signature is the layer's")]
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let message = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!("a request panicked: {}", message.unwrap_or("no message"));
    Problem::internal("the server failed on this request; its log has the reason").into_response()
}
