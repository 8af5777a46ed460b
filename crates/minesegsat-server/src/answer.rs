//! Answers with their media type, how long they keep, and a tag of their content.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;

use crate::etag;
use crate::problem::Problem;

/// What handlers give.
pub(crate) type Answer = Result<Response, Problem>;

pub(crate) const JSON: &str = "application/json";
pub(crate) const GEO_JSON: &str = "application/geo+json";
pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const OPENAPI: &str = "application/vnd.oai.openapi+json;version=3.0";

/// Asked for again each time, and sent again only where it is another one.
pub(crate) const REVALIDATE: &str = "no-cache";
/// Never asked for again: its name has a hash of its content.
pub(crate) const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Not kept.
pub(crate) const NO_STORE: &str = "no-store";

/// JSON of this media type.
pub(crate) fn json<T: Serialize>(request: &HeaderMap, media_type: &'static str, value: &T) -> Answer {
    let bytes = serde_json::to_vec(value).map_err(|error| Problem::internal(error.to_string()))?;
    Ok(content(request, media_type, REVALIDATE, bytes.into()))
}

/// Content with a strong tag of itself, or 304 where the client has it.
pub(crate) fn content(request: &HeaderMap, media_type: &str, cache: &'static str, bytes: Bytes) -> Response {
    let tag = etag::of_bytes(&bytes);
    tagged(request, media_type, cache, &tag, bytes)
}

/// Content whose tag is known.
pub(crate) fn tagged(request: &HeaderMap, media_type: &str, cache: &'static str, tag: &str, bytes: Bytes) -> Response {
    let headers =
        [(header::CACHE_CONTROL, value(cache)), (header::VARY, value("accept, origin, authorization, cookie"))];
    if let Some(theirs) = etag::matching(request, tag) {
        return (StatusCode::NOT_MODIFIED, headers, [(header::ETAG, theirs)]).into_response();
    }
    let tag = (header::ETAG, value(tag));
    (headers, [tag, (header::CONTENT_TYPE, value(media_type))], Body::from(bytes)).into_response()
}

/// A page, with what it may load.
pub(crate) fn html(request: &HeaderMap, page: String, policy: &'static str) -> Response {
    let mut response = content(request, HTML, REVALIDATE, page.into());
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

/// Tells the browser to store it under a name.
pub(crate) fn named(mut response: Response, file: &str) -> Response {
    let disposition = format!("attachment; filename=\"{file}\"");
    response.headers_mut().insert(header::CONTENT_DISPOSITION, value(&disposition));
    response
}

/// A header of text that is ours; empty where it is no header.
pub(crate) fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// `Link` headers are what OGC API Features recommends beside links in documents.
pub(crate) fn with_header(mut response: Response, name: HeaderName, text: &str) -> Response {
    response.headers_mut().insert(name, value(text));
    response
}
