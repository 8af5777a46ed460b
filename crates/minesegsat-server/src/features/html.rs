//! The documents as HTML pages, for people and search engines. The pages load no other files.

use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};
use minesegsat_page::{Page, table};
use serde_json::Value;

use crate::response;

const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const STYLE: &str = "th, td { text-align: left; white-space: normal; }";

/// A page of a title and a body.
pub(crate) fn page(headers: &HeaderMap, title: &str, body: Markup) -> Response {
    let body = html! { main { h1 { (title) } (body) } };
    response::html(headers, Page { title, style: STYLE, script: "", body }.into_html(), POLICY)
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.iter().all(|value| !value.is_object() && !value.is_array()) => {
            values.iter().map(text).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

fn list<'a>(document: &'a Value, name: &str) -> &'a [Value] {
    document[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn title<'a>(document: &'a Value, otherwise: &'a str) -> &'a str {
    document["title"].as_str().unwrap_or(otherwise)
}

fn links(document: &Value) -> Markup {
    html! {
        h2 { "Links" }
        ul {
            @for link in list(document, "links") {
                @let (href, rel) = (text(&link["href"]), text(&link["rel"]));
                li { a href=(href) rel=(rel) { (title(link, &href)) } " (" (rel) ", " (text(&link["type"])) ")" }
            }
        }
    }
}

pub(super) fn landing(headers: &HeaderMap, document: &Value) -> Response {
    let body = html! { p { (text(&document["description"])) } (links(document)) };
    page(headers, title(document, "MineSegSAT"), body)
}

pub(super) fn conformance(headers: &HeaderMap, document: &Value) -> Response {
    let body = html! { ul { @for class in list(document, "conformsTo") { li { (text(class)) } } } (links(document)) };
    page(headers, "Conformance classes", body)
}

pub(super) fn collections(headers: &HeaderMap, document: &Value) -> Response {
    let body = html! {
        ul {
            @for collection in list(document, "collections") {
                li {
                    a href={ "/ogc/collections/" (text(&collection["id"])) "?f=html" } { (title(collection, "")) }
                    ": " (text(&collection["description"]))
                }
            }
        }
        (links(document))
    };
    page(headers, "Collections", body)
}

pub(super) fn collection(headers: &HeaderMap, document: &Value) -> Response {
    let body = html! {
        p { (text(&document["description"])) }
        p { "Extent: " (text(&document["extent"])) }
        (links(document))
    };
    page(headers, title(document, ""), body)
}

pub(super) fn items(headers: &HeaderMap, collection: &str, document: &Value) -> Response {
    let features = list(document, "features");
    let properties = features.first().and_then(|feature| feature["properties"].as_object());
    let names: Vec<&str> = properties.into_iter().flat_map(|p| p.keys()).map(String::as_str).collect();
    let rows = html! {
        @for feature in features {
            @let id = text(&feature["id"]);
            tr {
                td { a href={ "/ogc/collections/" (collection) "/items/" (id) "?f=html" } { (id) } }
                @for name in &names { td { (text(&feature["properties"][*name])) } }
            }
        }
    };
    let head: Vec<String> = std::iter::once("id").chain(names.iter().copied()).map(|name| format!("<{name}")).collect();
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let body = html! {
        p {
            (features.len()) " features on this page"
            @if let Some(matched) = document["numberMatched"].as_u64() { ", " (matched) " in all" }
        }
        (table("Features", &head, rows))
        (links(document))
    };
    page(headers, collection, body)
}

pub(super) fn item(headers: &HeaderMap, document: &Value) -> Response {
    let body = html! {
        table {
            tbody {
                @for (name, value) in document["properties"].as_object().into_iter().flatten() {
                    tr { th scope="row" { (name) } td { (text(value)) } }
                }
                tr { th scope="row" { "geometry" } td { (text(&document["geometry"]["type"])) } }
            }
        }
        (links(document))
    };
    page(headers, document["id"].as_str().unwrap_or_default(), body)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const EVIL: &str = r#"<script>alert(1)</script>"'&"#;

    async fn html_of(response: Response) -> String {
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn names_are_text_and_nothing_else() {
        let headers = HeaderMap::new();
        let link = json!({ "href": EVIL, "rel": EVIL, "type": EVIL, "title": EVIL });
        let document = json!({
            "id": EVIL, "title": EVIL, "description": EVIL, "extent": [EVIL, 1], "conformsTo": [EVIL], "links": [link],
            "collections": [{ "id": EVIL, "title": EVIL, "description": EVIL }],
            "features": [{ "id": EVIL, "properties": { EVIL: EVIL } }],
            "properties": { EVIL: { EVIL: EVIL } }, "geometry": { "type": EVIL },
        });
        for response in [
            landing(&headers, &document),
            conformance(&headers, &document),
            collections(&headers, &document),
            collection(&headers, &document),
            items(&headers, EVIL, &document),
            item(&headers, &document),
        ] {
            let page = html_of(response).await;
            assert!(
                !page.contains("<script") && page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;'&amp;"),
                "{page}"
            );
        }
    }
}
