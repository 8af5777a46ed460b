//! Landing page and conformance.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::html;
use crate::base::{BaseUrl, Format};
use crate::query::Query;
use crate::response::{HTML, HandlerResult, JSON, OPENAPI, json_response};
use crate::state::App;

/// Conformance classes of OGC API Features that this server declares.
pub(crate) const CONFORMS_TO: [&str; 4] = [
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
];

/// A link.
pub(super) fn link(rel: &str, href: String, kind: &str, title: &str) -> Value {
    json!({ "rel": rel, "href": href, "type": kind, "title": title })
}

/// Links of a document to itself and to its other format.
pub(super) fn self_links(base: &BaseUrl, query: &Query, format: Format, json_type: &str) -> Vec<Value> {
    let json_url = base.request_url(&query.with(&[("f", Some("json"))]));
    let html_url = base.request_url(&query.with(&[("f", Some("html"))]));
    // The URL of the request, which gives the same document again.
    let this = base.request_url(query.raw());
    match format {
        Format::Json => {
            vec![
                link("self", this, json_type, "This document"),
                link("alternate", html_url, "text/html", "This document as a page"),
            ]
        }
        Format::Html => {
            vec![
                link("self", html_url, "text/html", "This page"),
                link("alternate", json_url, json_type, "This page as JSON"),
            ]
        }
    }
}

/// `GET /ogc`
pub(crate) async fn landing(
    State(app): State<Arc<App>>,
    base: BaseUrl,
    query: Query,
    headers: HeaderMap,
) -> HandlerResult {
    query.only(&["f"])?;
    let format = Format::negotiate(query.get("f"), &headers)?;
    let mut links = self_links(&base, &query, format, JSON);
    links.extend([
        link("service-desc", base.url("/openapi.json"), OPENAPI, "All paths (OpenAPI 3.0)"),
        link("service-doc", base.url("/openapi.html"), "text/html", "All paths, as a page"),
        link("conformance", base.url("/ogc/conformance"), JSON, "Conformance classes"),
        link("data", base.url("/ogc/collections"), JSON, "Collections"),
    ]);
    let document = json!({
        "title": format!("MineSegSAT: {}", app.workspace.name()),
        "description": "Mines, their permits, and disturbed land mapped from Sentinel-2",
        "links": links,
    });
    match format {
        Format::Json => json_response(&headers, JSON, &document),
        Format::Html => Ok(html::landing(&headers, &document)),
    }
}

/// `GET /ogc/conformance`
pub(crate) async fn conformance(base: BaseUrl, query: Query, headers: HeaderMap) -> HandlerResult {
    query.only(&["f"])?;
    let format = Format::negotiate(query.get("f"), &headers)?;
    let document = json!({ "conformsTo": CONFORMS_TO, "links": self_links(&base, &query, format, JSON) });
    match format {
        Format::Json => json_response(&headers, JSON, &document),
        Format::Html => Ok(html::conformance(&headers, &document)),
    }
}

/// Media type of pages, for links.
pub(super) const PAGE: &str = HTML;
