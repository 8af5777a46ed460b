//! `/openapi.json`: all paths with parameters, responses and schemas (OpenAPI 3.0); and a page with the list of paths.
//!
//! `openapi.json` in this folder contains what is specific to an operation. [`complete`] adds what follows from its method
//! and path: the responses of the layers, and who may call it.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use bytes::Bytes;
use maud::html;
use minesegsat_page::table;
use serde_json::{Map, Value, json};

use crate::access::{Need, need};
use crate::features::html_page;
use crate::params::NoQuery;
use crate::problem::PROBLEM_JSON;
use crate::response::{HandlerResult, OPENAPI, REVALIDATE, content};

const TEXT: &str = include_str!("openapi.json");

/// Responses of the layers, which every operation can return.
const OF_LAYERS: [(&str, &str); 6] = [
    ("400", "BadRequest"),
    ("401", "Unauthorized"),
    ("421", "Misdirected"),
    ("429", "TooMany"),
    ("500", "Error"),
    ("503", "Unavailable"),
];

/// The complete document, with the version of the program.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    // A test parses the text.
    let mut document: Value = serde_json::from_str(TEXT).unwrap_or_default();
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    complete(&mut document);
    document
});

/// Adds what follows from method and path to every operation, and their bodies to the problem responses.
fn complete(document: &mut Value) {
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            complete_operation(path, method, operation);
        }
    }
    for (name, response) in document["components"]["responses"].as_object_mut().into_iter().flatten() {
        if name != "NotModified" {
            let schema = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
            response["content"] = Map::from_iter([(PROBLEM_JSON.to_owned(), schema)]).into();
        }
    }
}

fn complete_operation(path: &str, method: &str, operation: &mut Value) {
    let has_body = operation.get("requestBody").is_some();
    let needed = need(&method.to_uppercase(), Some(path));
    operation["security"] = match needed {
        Need::Nothing => json!([]),
        Need::Reading | Need::Identity => json!([{}, { "token": [] }, { "session": [] }]),
        Need::Role(_) => json!([{ "token": [] }]),
    };
    if let Need::Role(role) = needed {
        operation["x-required-role"] = role.name().into();
        let text = operation["description"].as_str().map(|text| format!("{text} ")).unwrap_or_default();
        operation["description"] =
            format!("{text}Needs a token of the role `{role}` or of a role with more rights.").into();
    }
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for (status, response) in responses.iter_mut() {
        if status.starts_with('2') && response.get("description").is_none() {
            response["description"] = "Success".into();
        }
    }
    let by_rule = [
        (method == "get", "304", "NotModified"),
        (path.contains('{'), "404", "NotFound"),
        (has_body, "413", "TooLarge"),
        (has_body, "415", "UnsupportedMediaType"),
        (matches!(needed, Need::Role(_)), "403", "Forbidden"),
    ];
    let by_rule = by_rule.into_iter().filter(|(holds, ..)| *holds).map(|(_, status, name)| (status, name));
    for (status, name) in OF_LAYERS.into_iter().chain(by_rule) {
        responses.insert(status.to_owned(), json!({ "$ref": format!("#/components/responses/{name}") }));
    }
}

/// `GET /openapi.json`
pub(crate) async fn openapi(_: NoQuery, headers: HeaderMap) -> HandlerResult {
    static BYTES: LazyLock<Bytes> = LazyLock::new(|| DOCUMENT.to_string().into());
    Ok(content(&headers, OPENAPI, REVALIDATE, BYTES.clone()))
}

/// `GET /openapi.html`
pub(crate) async fn page(_: NoQuery, headers: HeaderMap) -> HandlerResult {
    let text = |value: &'static Value| value.as_str().unwrap_or_default();
    let rows = html! {
        @for (path, item) in DOCUMENT["paths"].as_object().into_iter().flatten() {
            @for (method, operation) in item.as_object().into_iter().flatten().filter(|(name, _)| *name != "parameters") {
                tr { td { (method.to_uppercase()) } td { code { (path) } } td { (text(&operation["summary"])) } }
            }
        }
    };
    let body = html! {
        p { (text(&DOCUMENT["info"]["description"])) }
        p { "For programs: " a href="/openapi.json" { "openapi.json" } }
        (table("Paths", &["Method", "Path", "Summary"], rows))
    };
    Ok(html_page(&headers, text(&DOCUMENT["info"]["title"]), body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_json_and_names_every_route() {
        let document: Value = serde_json::from_str(TEXT).unwrap();
        assert_eq!(document["openapi"], "3.0.3");
        // The routes in `router.rs`, except those of the page's files.
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

    #[test]
    fn operations_get_the_responses_and_access_of_their_method_and_path() {
        let paths = &DOCUMENT["paths"];
        let statuses = |operation: &Value| {
            operation["responses"].as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(statuses(&paths["/api/sites/{site}"]["get"]), "200 304 400 401 404 421 429 500 503");
        assert_eq!(
            statuses(&paths["/api/predict"]["post"]),
            "202 400 401 403 409 413 415 421 429 500 503 507",
            "a job needs the token and a body"
        );
        assert_eq!(statuses(&paths["/stac/search"]["post"]), "200 400 401 413 415 421 429 500 503");
        assert_eq!(paths["/api/predict"]["post"]["security"], json!([{ "token": [] }]));
        assert_eq!(paths["/api/predict"]["post"]["x-required-role"], "order");
        assert_eq!(paths["/api/sites/{site}"]["delete"]["x-required-role"], "register");
        assert_eq!(paths["/stac/search"]["post"]["security"].as_array().unwrap().len(), 3);
        assert_eq!(paths["/health"]["get"]["security"], json!([]));
    }
}
