//! Responses with media type, caching and entity tag.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::time::UNIX_EPOCH;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;
use tempfile::TempDir;

use crate::etag;
use crate::problem::Problem;

/// Result of a handler.
pub(crate) type HandlerResult = Result<Response, Problem>;

pub(crate) const JSON: &str = "application/json";
pub(crate) const GEO_JSON: &str = "application/geo+json";
pub(crate) const GEOTIFF: &str = "image/tiff; application=geotiff; profile=cloud-optimized";
pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const OPENAPI: &str = "application/vnd.oai.openapi+json;version=3.0";

/// Clients revalidate before each use, and receive the body again only if it changed.
pub(crate) const REVALIDATE: &str = "no-cache";
/// Clients never revalidate: the file name contains a hash of its content.
pub(crate) const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Clients must not store it.
pub(crate) const NO_STORE: &str = "no-store";

/// A JSON response of this media type.
pub(crate) fn json_response<T: Serialize>(request: &HeaderMap, media_type: &'static str, value: &T) -> HandlerResult {
    let bytes = serde_json::to_vec(value).map_err(|error| Problem::internal(error.to_string()))?;
    Ok(content(request, media_type, REVALIDATE, bytes.into()))
}

/// A response with a strong entity tag of its content. 304 if the client has the content.
pub(crate) fn content(request: &HeaderMap, media_type: &str, cache: &'static str, bytes: Bytes) -> Response {
    let tag = etag::content_tag(&bytes);
    tagged(request, media_type, cache, &tag, bytes)
}

/// A response with a known entity tag. 304 if the client has the content.
pub(crate) fn tagged(
    request: &HeaderMap,
    media_type: &str,
    cache: &'static str,
    tag: &str,
    body: impl Into<Body>,
) -> Response {
    let headers = [
        (header::CACHE_CONTROL, header_value(cache)),
        (header::VARY, header_value("accept, origin, authorization, cookie")),
    ];
    if let Some(theirs) = etag::matching(request, tag) {
        return (StatusCode::NOT_MODIFIED, headers, [(header::ETAG, theirs)]).into_response();
    }
    let tag = (header::ETAG, header_value(tag));
    (headers, [tag, (header::CONTENT_TYPE, header_value(media_type))], body.into()).into_response()
}

/// A response with an open file, which is read while it is sent. A file that is replaced meanwhile is sent as it was.
pub(crate) fn file_response(request: &HeaderMap, media_type: &str, file: File) -> HandlerResult {
    let found = file.metadata().map_err(minesegsat_core::Error::Io)?;
    let changed = found.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let tag = etag::parts_tag(&[&found.len().to_string(), &changed.as_nanos().to_string()]);
    let response = tagged(request, media_type, REVALIDATE, &tag, streamed(file, found.len(), ()));
    Ok(with_length(response, found.len()))
}

/// A file that was made for one response, in a folder that is removed when the file was sent.
pub(crate) struct MadeFile {
    file: File,
    length: u64,
    tag: String,
    folder: TempDir,
}

impl MadeFile {
    /// Opens a file in its folder, and reads it once for its entity tag.
    pub(crate) fn open(folder: TempDir, path: &Path) -> minesegsat_core::Result<Self> {
        let mut file = fs_err::File::open(path)?.into_parts().0;
        let tag = etag::reader_tag(&mut file)?;
        let length = file.stream_position()?;
        file.rewind()?;
        Ok(Self { file, length, tag, folder })
    }

    /// The response, with a strong entity tag of the content. The file is read while it is sent.
    pub(crate) fn response(self, request: &HeaderMap, media_type: &str, cache: &'static str) -> Response {
        let Self { file, length, tag, folder } = self;
        with_length(tagged(request, media_type, cache, &tag, streamed(file, length, folder)), length)
    }
}

/// Adds the length of a body that is sent.
fn with_length(response: Response, length: u64) -> Response {
    let is_sent = response.status() == StatusCode::OK;
    if is_sent { with_header(response, header::CONTENT_LENGTH, &length.to_string()) } else { response }
}

/// The next bytes of a file as a body. `kept` is dropped after the file.
fn streamed(file: File, length: u64, kept: impl Send + 'static) -> Body {
    const CHUNK: u64 = 256 << 10;
    Body::from_stream(futures::stream::try_unfold((file, length, kept), |(mut file, left, kept)| async move {
        if left == 0 {
            // Some systems do not remove a file that is open.
            drop(file);
            return Ok(None);
        }
        let read = move || {
            let mut chunk = vec![0; left.min(CHUNK) as usize];
            file.read_exact(&mut chunk)?;
            Ok::<_, std::io::Error>((Bytes::from(chunk), file))
        };
        let (chunk, file) = tokio::task::spawn_blocking(read).await.map_err(std::io::Error::other)??;
        let left = left - chunk.len() as u64;
        Ok::<_, std::io::Error>(Some((chunk, (file, left, kept))))
    }))
}

/// An HTML page with its content policy.
pub(crate) fn html(request: &HeaderMap, page: String, policy: &'static str) -> Response {
    let mut response = content(request, HTML, REVALIDATE, page.into());
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

/// Makes browsers save the response as a file of this name.
pub(crate) fn named(mut response: Response, file: &str) -> Response {
    let disposition = format!("attachment; filename=\"{file}\"");
    response.headers_mut().insert(header::CONTENT_DISPOSITION, header_value(&disposition));
    response
}

/// A header value. Empty if the text is not valid in a header.
pub(crate) fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Adds a header.
pub(crate) fn with_header(mut response: Response, name: HeaderName, text: &str) -> Response {
    response.headers_mut().insert(name, header_value(text));
    response
}
