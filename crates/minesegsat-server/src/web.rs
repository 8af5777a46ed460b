//! The map page, whose files are embedded in the program.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use maud::PreEscaped;
use serde_json::json;

use crate::base::{BaseUrl, Format};
use crate::etag;
use crate::features::html_page;
use crate::params::NoQuery;
use crate::problem::Problem;
use crate::query::Query;
use crate::response::{HTML, HandlerResult, IMMUTABLE, JSON, REVALIDATE, content, tagged};
use crate::state::App;

/// A file of the page.
struct Asset {
    /// Path in the folder of the page, for example `assets/index-1a2b3c4d.js`.
    path: &'static str,
    plain: &'static [u8],
    /// Compressed at build time. Empty if compression saves less than 10 %.
    brotli: &'static [u8],
    gzip: &'static [u8],
}

// `static ASSETS: &[Asset]`. Empty if `web/dist` was missing at build time.
include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// A page with instructions to build the map page.
const MISSING: &str = include_str!("web/missing.html");

fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// Whether the map page was built before this program.
pub fn has_page() -> bool {
    find("index.html").is_some()
}

/// `GET /`
pub(crate) async fn root(
    State(app): State<Arc<App>>,
    base: BaseUrl,
    query: Query,
    headers: HeaderMap,
) -> HandlerResult {
    query.only(&["f"])?;
    if Format::negotiate(query.get("f"), &headers)? == Format::Json {
        return crate::response::json_response(&headers, JSON, &description(&app, &base));
    }
    let Some(page) = find("index.html") else {
        return Ok(html_page(&headers, "MineSegSAT", PreEscaped(MISSING.to_owned())));
    };
    let mut response = served(page, HTML, REVALIDATE, &headers);
    let policy = policy(&app);
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

fn description(app: &App, base: &BaseUrl) -> serde_json::Value {
    let link = |rel: &str, path: &str, kind: &str, title: &str| json!({ "rel": rel, "href": base.url(path), "type": kind, "title": title });
    json!({
        "title": "MineSegSAT",
        "description": "Mining-disturbed land from Sentinel-2, and known mines against their permits",
        "version": env!("CARGO_PKG_VERSION"),
        "workspace": app.workspace.name(),
        "links": [
            link("self", "/?f=json", JSON, "This document"),
            link("alternate", "/?f=html", "text/html", "The map"),
            link("service-desc", "/openapi.json", crate::response::OPENAPI, "All paths"),
            link("related", "/api", JSON, "API of this server"),
            link("related", "/ogc", JSON, "OGC API Features"),
            link("related", "/stac", JSON, "STAC API"),
        ],
    })
}

/// Content policy of the page: itself, its workers (MapLibre creates them from blobs), and the basemap.
fn policy(app: &App) -> String {
    let basemap = app
        .options
        .basemap
        .as_ref()
        .and_then(|basemap| url::Url::parse(&basemap.tiles.replace("{s}", "a")).ok())
        .map(|url| format!(" {}", url.origin().ascii_serialization()))
        .unwrap_or_default();
    format!(
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; child-src blob:; \
         img-src 'self' data: blob:{basemap}; connect-src 'self'{basemap}; object-src 'none'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'"
    )
}

/// `GET /assets/{path}`
pub(crate) async fn asset(Path(path): Path<String>, _: NoQuery, headers: HeaderMap) -> HandlerResult {
    // A lookup in a list: no path can lead elsewhere.
    let asset = find(&format!("assets/{path}"))
        .ok_or_else(|| Problem::not_found(format!("the page has no file `assets/{path}`")))?;
    let cache = if has_hash(asset.path) { IMMUTABLE } else { REVALIDATE };
    Ok(served(asset, media_type(asset.path), cache, &headers))
}

/// `GET /favicon.ico`
pub(crate) async fn favicon(headers: HeaderMap) -> HandlerResult {
    let icon = ["favicon.ico", "favicon.svg"].into_iter().find_map(find);
    let icon = icon.ok_or_else(|| Problem::not_found("the page has no icon"))?;
    Ok(served(icon, media_type(icon.path), REVALIDATE, &headers))
}

fn served(asset: &'static Asset, media_type: &str, cache: &'static str, headers: &HeaderMap) -> Response {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let takes = |encoding: &str| {
        accepted.split(',').any(|part| {
            let mut part = part.split(';').map(str::trim);
            part.next() == Some(encoding) && !part.any(|q| matches!(q, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        })
    };
    let choice =
        [("br", asset.brotli), ("gzip", asset.gzip)].into_iter().find(|(name, bytes)| !bytes.is_empty() && takes(name));
    let Some((encoding, bytes)) = choice else {
        return content(headers, media_type, cache, Bytes::from_static(asset.plain));
    };
    let tag = etag::content_tag(asset.plain);
    let mut response = tagged(headers, media_type, cache, &tag, Bytes::from_static(bytes));
    if response.status().is_success() {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}

/// Whether a file name contains a hash before its extension, as Vite writes it: `index-B1x_2y3Z.js`.
fn has_hash(path: &str) -> bool {
    const HASH: usize = 8;
    let name = path.rsplit('/').next().unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    stem.len() > HASH
        && stem.is_ascii()
        && stem.as_bytes()[stem.len() - HASH - 1] == b'-'
        && stem[stem.len() - HASH..].bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => HTML,
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => JSON,
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "pbf" => "application/x-protobuf",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_hash_are_recognised() {
        for (name, expected) in [
            ("assets/index-B1x_2y3Z.js", true),
            ("assets/index-B1x_2y3Z.css", true),
            ("assets/index.js", false),
            ("assets/maplibre.js", false),
            ("index.html", false),
        ] {
            assert_eq!(has_hash(name), expected, "{name}");
        }
    }
}
