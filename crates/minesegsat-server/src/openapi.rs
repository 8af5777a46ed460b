//! `/openapi.json`: what all paths take and give; and the same as a page.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::http::HeaderMap;
use bytes::Bytes;
use serde_json::Value;

use crate::answer::{Answer, OPENAPI, REVALIDATE, content};
use crate::features::{escaped, html_page};
use crate::query::Query;

const TEXT: &str = include_str!("openapi.json");

/// The document with this version of the program, without white space.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    // A test reads it, so it is JSON.
    let mut document: Value = serde_json::from_str(TEXT).unwrap_or_default();
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    document
});

/// `GET /openapi.json`
pub(crate) async fn openapi(query: Query, headers: HeaderMap) -> Answer {
    static BYTES: LazyLock<Bytes> = LazyLock::new(|| DOCUMENT.to_string().into());
    query.only(&[])?;
    Ok(content(&headers, OPENAPI, REVALIDATE, BYTES.clone()))
}

/// `GET /openapi.html`
pub(crate) async fn page(query: Query, headers: HeaderMap) -> Answer {
    query.only(&[])?;
    let text = |value: &Value| escaped(value.as_str().unwrap_or_default());
    let mut body = format!("<p>{}</p>\n", text(&DOCUMENT["info"]["description"]));
    body.push_str("<p>For programs: <a href=\"/openapi.json\">openapi.json</a></p>\n<table>\n<thead><tr>");
    body.push_str(
        "<th scope=\"col\">Method</th><th scope=\"col\">Path</th><th scope=\"col\">What</th></tr></thead>\n<tbody>\n",
    );
    for (path, item) in DOCUMENT["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten().filter(|(name, _)| *name != "parameters") {
            let (method, path) = (method.to_uppercase(), escaped(path));
            let _ = writeln!(
                body,
                "<tr><td>{method}</td><td><code>{path}</code></td><td>{}</td></tr>",
                text(&operation["summary"])
            );
        }
    }
    body.push_str("</tbody>\n</table>");
    Ok(html_page(&headers, DOCUMENT["info"]["title"].as_str().unwrap_or_default(), &body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_json_and_names_every_route() {
        let document: Value = serde_json::from_str(TEXT).unwrap();
        assert_eq!(document["openapi"], "3.0.3");
        // Routes as they stand in `router.rs`, but for those of files of the page.
        let source = include_str!("router.rs");
        let routes = source.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap());
        for route in routes.filter(|route| !route.starts_with("/assets") && *route != "/favicon.ico") {
            let route = match route {
                "/ogc/" | "/stac/" => continue,
                tile if tile.ends_with("/{z}/{x}/{y}") => {
                    format!("{tile}.{}", if tile.contains("/vector/") { "mvt" } else { "png" })
                }
                other => other.to_owned(),
            };
            assert!(document["paths"].get(&route).is_some(), "{route} is not in openapi.json");
        }
    }
}
