//! The map page, out of the program itself.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use serde_json::json;

use crate::answer::{Answer, HTML, IMMUTABLE, JSON, REVALIDATE, content, html, tagged};
use crate::base::{Base, Format};
use crate::etag;
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;

/// A file of the page.
struct Asset {
    /// Path from the folder of the page: `assets/index-1a2b3c4d.js`.
    path: &'static str,
    plain: &'static [u8],
    /// Compressed when the program was built; empty where that is no gain.
    brotli: &'static [u8],
    gzip: &'static [u8],
}

// `static ASSETS: &[Asset]`, empty where `web/dist` was not there when the program was built.
include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// What says how to build the page.
const MISSING: &str = include_str!("web/missing.html");
/// What that page may load.
const MISSING_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// `GET /`
pub(crate) async fn root(State(app): State<Arc<App>>, base: Base, query: Query, headers: HeaderMap) -> Answer {
    query.only(&["f"])?;
    if Format::of(query.get("f"), &headers)? == Format::Json {
        return crate::answer::json(&headers, JSON, &description(&app, &base));
    }
    let Some(page) = find("index.html") else {
        return Ok(html(&headers, MISSING.to_owned(), MISSING_POLICY));
    };
    let mut response = served(page, HTML, REVALIDATE, &headers);
    let policy = policy(&app);
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

fn description(app: &App, base: &Base) -> serde_json::Value {
    let link = |rel: &str, path: &str, kind: &str, title: &str| json!({ "rel": rel, "href": base.url(path), "type": kind, "title": title });
    json!({
        "title": "MineSegSAT",
        "description": "Mining-disturbed land from Sentinel-2, and known mines against their permits",
        "version": env!("CARGO_PKG_VERSION"),
        "workspace": app.workspace.name(),
        "links": [
            link("self", "/?f=json", JSON, "This document"),
            link("alternate", "/?f=html", "text/html", "The map"),
            link("service-desc", "/openapi.json", crate::answer::OPENAPI, "All paths"),
            link("related", "/api", JSON, "Our own API"),
            link("related", "/ogc", JSON, "OGC API Features"),
            link("related", "/stac", JSON, "STAC API"),
        ],
    })
}

/// What the page may load: itself, its workers (MapLibre makes them of blobs), and the basemap.
fn policy(app: &App) -> String {
    let elsewhere = app
        .options
        .basemap
        .as_ref()
        .and_then(|basemap| url::Url::parse(&basemap.tiles.replace("{s}", "a")).ok())
        .map(|url| format!(" {}", url.origin().ascii_serialization()))
        .unwrap_or_default();
    format!(
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; child-src blob:; \
         img-src 'self' data: blob:{elsewhere}; connect-src 'self'{elsewhere}; object-src 'none'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'"
    )
}

/// `GET /assets/{path}`
pub(crate) async fn asset(Path(path): Path<String>, query: Query, headers: HeaderMap) -> Answer {
    query.only(&[])?;
    // The list is what there is: no path leads anywhere else.
    let asset = find(&format!("assets/{path}"))
        .ok_or_else(|| Problem::not_found(format!("the page has no file `assets/{path}`")))?;
    let cache = if has_hash(asset.path) { IMMUTABLE } else { REVALIDATE };
    Ok(served(asset, media_type(asset.path), cache, &headers))
}

/// `GET /favicon.ico`
pub(crate) async fn favicon(headers: HeaderMap) -> Answer {
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
    let tag = etag::of_bytes(asset.plain);
    let mut response = tagged(headers, media_type, cache, &tag, Bytes::from_static(bytes));
    if response.status().is_success() {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}

/// Whether a name has a hash of its content before its extension, as Vite's have: `index-B1x_2y3Z.js`.
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
    fn names_with_a_hash_never_change() {
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
