//! The same documents as pages, for people and search engines. They load nothing.

use std::fmt::Write as _;

use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::Value;

use crate::answer;

const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const STYLE: &str = ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse;display:block;overflow-x:auto}th,td{border:1px solid;padding:.25rem .5rem;text-align:left;vertical-align:top}";

/// Text that stands for itself in HTML.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A page of a title and a body, which is HTML.
pub(crate) fn page(headers: &HeaderMap, title: &str, body: &str) -> Response {
    let title = escaped(title);
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    );
    answer::html(headers, page, POLICY)
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => escaped(text),
        Value::Array(values) if values.iter().all(|value| !value.is_object() && !value.is_array()) => {
            values.iter().map(text).collect::<Vec<_>>().join(", ")
        }
        other => escaped(&other.to_string()),
    }
}

fn links(document: &Value) -> String {
    let mut out = String::from("<h2>Links</h2>\n<ul>\n");
    for link in document["links"].as_array().into_iter().flatten() {
        let (href, rel) = (text(&link["href"]), text(&link["rel"]));
        let title = link["title"].as_str().map_or_else(|| href.clone(), escaped);
        let _ = writeln!(out, "<li><a href=\"{href}\" rel=\"{rel}\">{title}</a> ({rel}, {})</li>", text(&link["type"]));
    }
    out + "</ul>"
}

pub(super) fn landing(headers: &HeaderMap, document: &Value) -> Response {
    let body = format!("<p>{}</p>\n{}", text(&document["description"]), links(document));
    page(headers, document["title"].as_str().unwrap_or("MineSegSAT"), &body)
}

pub(super) fn conformance(headers: &HeaderMap, document: &Value) -> Response {
    let mut body = String::from("<ul>\n");
    for class in document["conformsTo"].as_array().into_iter().flatten() {
        let _ = writeln!(body, "<li>{}</li>", text(class));
    }
    page(headers, "Conformance classes", &(body + "</ul>\n" + &links(document)))
}

pub(super) fn collections(headers: &HeaderMap, document: &Value) -> Response {
    let mut body = String::from("<ul>\n");
    for collection in document["collections"].as_array().into_iter().flatten() {
        let id = text(&collection["id"]);
        let _ = writeln!(
            body,
            "<li><a href=\"/ogc/collections/{id}?f=html\">{}</a>: {}</li>",
            text(&collection["title"]),
            text(&collection["description"])
        );
    }
    page(headers, "Collections", &(body + "</ul>\n" + &links(document)))
}

pub(super) fn collection(headers: &HeaderMap, document: &Value) -> Response {
    let body = format!(
        "<p>{}</p>\n<p>Extent: {}</p>\n{}",
        text(&document["description"]),
        text(&document["extent"]),
        links(document)
    );
    page(headers, document["title"].as_str().unwrap_or_default(), &body)
}

pub(super) fn items(headers: &HeaderMap, collection: &str, document: &Value) -> Response {
    let features = document["features"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names: Vec<&String> = features
        .first()
        .and_then(|feature| feature["properties"].as_object())
        .map(|p| p.keys().collect())
        .unwrap_or_default();
    let mut body = format!("<p>{} features on this page", features.len());
    if let Some(matched) = document["numberMatched"].as_u64() {
        let _ = write!(body, ", {matched} in all");
    }
    body.push_str("</p>\n<table>\n<thead><tr><th scope=\"col\">id</th>");
    for name in &names {
        let _ = write!(body, "<th scope=\"col\">{}</th>", escaped(name));
    }
    body.push_str("</tr></thead>\n<tbody>\n");
    for feature in features {
        let id = text(&feature["id"]);
        let _ = write!(body, "<tr><td><a href=\"/ogc/collections/{collection}/items/{id}?f=html\">{id}</a></td>");
        for name in &names {
            let _ = write!(body, "<td>{}</td>", text(&feature["properties"][name.as_str()]));
        }
        body.push_str("</tr>\n");
    }
    body.push_str("</tbody>\n</table>\n");
    page(headers, collection, &(body + &links(document)))
}

pub(super) fn item(headers: &HeaderMap, document: &Value) -> Response {
    let mut body = String::from("<table>\n<tbody>\n");
    for (name, value) in document["properties"].as_object().into_iter().flatten() {
        let _ = writeln!(body, "<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escaped(name), text(value));
    }
    let _ = writeln!(body, "<tr><th scope=\"row\">geometry</th><td>{}</td></tr>", text(&document["geometry"]["type"]));
    body.push_str("</tbody>\n</table>\n");
    page(headers, document["id"].as_str().unwrap_or_default(), &(body + &links(document)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sites_are_text_and_nothing_else() {
        assert_eq!(escaped("<script>'\"&"), "&lt;script&gt;&#39;&quot;&amp;");
        assert_eq!(text(&serde_json::json!(["<b>", 1])), "&lt;b&gt;, 1");
    }
}
