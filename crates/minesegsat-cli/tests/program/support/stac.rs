//! A small STAC API, as strict as it must be for tests: it filters, sorts not, pages, and wants tokens if told so.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::http::{Received, Reply, Server};

/// How the API is asked, and how it leads to the next page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Paging {
    /// GET; links with all parameters.
    Get,
    /// POST; the link's body is merged into the one before.
    PostMerge,
    /// POST; the link has the whole body, and a header as a list.
    PostWhole,
}

/// Which filter the API knows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Filter {
    Query,
    Cql2,
    None,
}

/// Serves `/v1` and `/v1/search` over some items.
pub(crate) fn serve_api(server: &Server, items: Vec<Value>, paging: Paging, filter: Filter) -> String {
    serve_api_for(server, items, paging, filter, |_| None)
}

/// The same, where `refuse` may answer first.
pub(crate) fn serve_api_for(
    server: &Server,
    items: Vec<Value>,
    paging: Paging,
    filter: Filter,
    refuse: impl Fn(&Received) -> Option<Reply> + Send + Sync + 'static,
) -> String {
    let refuse = Arc::new(refuse);
    let classes = match filter {
        Filter::Query => vec!["https://api.stacspec.org/v1.0.0/item-search#query"],
        Filter::Cql2 => vec![
            "https://api.stacspec.org/v1.0.0-rc.2/item-search#filter",
            "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
        ],
        Filter::None => vec!["https://api.stacspec.org/v1.0.0/item-search"],
    };
    let first = Arc::clone(&refuse);
    let root = server.handle("/v1", move |received| {
        if let Some(reply) = first(received) {
            return reply;
        }
        let mut links = vec![
            json!({"rel": "self", "href": "./v1"}),
            json!({"rel": "data", "href": "/v1/collections"}),
            json!({"rel": "search", "href": "/v1/search", "type": "application/geo+json", "method": "GET"}),
        ];
        if paging != Paging::Get {
            links.push(json!({"rel": "search", "href": "/v1/search", "method": "POST"}));
        }
        Reply::json(json!({"type": "Catalog", "id": "mock", "conformsTo": classes, "links": links}))
    });
    let mut collections: Vec<Value> = items.iter().map(|item| json!({"id": item["collection"]})).collect();
    collections.dedup();
    server.handle("/v1/collections", move |_| Reply::json(json!({"collections": collections})));
    server.handle("/v1/search", move |received| refuse(received).unwrap_or_else(|| search(&items, paging, received)));
    root
}

fn search(items: &[Value], paging: Paging, received: &Received) -> Reply {
    let expected = if paging == Paging::Get { "GET" } else { "POST" };
    if received.method != expected {
        return Reply::status(405, json!({"description": format!("{} is not allowed", received.method)}));
    }
    let body =
        if paging == Paging::Get { parameters(received) } else { serde_json::from_slice(&received.body).unwrap() };
    let limit = body["limit"].as_u64().expect("a limit") as usize;
    let from: usize = body["token"].as_str().map_or(0, |token| token.parse().unwrap());
    let matching: Vec<&Value> = items.iter().filter(|item| matches(item, &body)).collect();
    let page: Vec<&&Value> = matching.iter().skip(from).take(limit).collect();
    let mut links = vec![json!({"rel": "root", "href": "/v1"})];
    if from + limit < matching.len() {
        let token = (from + limit).to_string();
        links.push(match paging {
            Paging::Get => {
                let mut query: Vec<&str> = received.path.split_once('?').unwrap().1.split('&').collect();
                query.retain(|pair| !pair.starts_with("token="));
                let own = format!("token={token}");
                query.push(&own);
                json!({"rel": "next", "href": format!("/v1/search?{}", query.join("&"))})
            }
            Paging::PostMerge => json!({
                "rel": "next", "href": "/v1/search", "method": "POST", "merge": true, "body": {"token": token},
            }),
            Paging::PostWhole => {
                let mut body = body.clone();
                body["token"] = token.into();
                json!({"rel": "next", "href": "/v1/search", "method": "POST", "body": body, "headers": {"X-Page": ["a", "b"]}})
            }
        });
    }
    if paging == Paging::PostWhole && from > 0 {
        assert_eq!(received.header("x-page"), "a, b");
    }
    Reply::json(json!({"type": "FeatureCollection", "features": page, "links": links}))
}

/// The parameters of a GET in the words of a POST.
fn parameters(received: &Received) -> Value {
    let text = |name: &str| received.parameter(name);
    let list = |name: &str| text(name).map(|text| text.split(',').map(str::to_owned).collect::<Vec<_>>());
    json!({
        "limit": text("limit").map(|limit| limit.parse::<u64>().unwrap()),
        "token": text("token"),
        "datetime": text("datetime"),
        "collections": list("collections"),
        "bbox": list("bbox").map(|b| b.iter().map(|v| v.parse::<f64>().unwrap()).collect::<Vec<_>>()),
        "query": text("query").map(|text| serde_json::from_str::<Value>(&text).unwrap()),
        "filter": text("filter").map(|text| {
            let most: f64 = text.strip_prefix("eo:cloud_cover <= ").expect("CQL2 text").parse().unwrap();
            json!({"op": "<=", "args": [{"property": "eo:cloud_cover"}, most]})
        }),
    })
}

fn matches(item: &Value, body: &Value) -> bool {
    let numbers = |value: &Value| value.as_array().map(|v| v.iter().map(|v| v.as_f64().unwrap()).collect::<Vec<_>>());
    if let Some(collections) = body["collections"].as_array()
        && !collections.contains(&item["collection"])
    {
        return false;
    }
    if let (Some(a), Some(b)) = (numbers(&body["bbox"]), numbers(&item["bbox"])) {
        assert!(a[0] < a[2], "this API knows no boxes across the antimeridian");
        if a[2] < b[0] || b[2] < a[0] || a[3] < b[1] || b[3] < a[1] {
            return false;
        }
    }
    let cloud = item["properties"]["eo:cloud_cover"].as_f64();
    let limits = [body["query"]["eo:cloud_cover"]["lte"].as_f64(), body["filter"]["args"][1].as_f64()];
    if limits.into_iter().flatten().any(|most| cloud.is_none_or(|cloud| cloud > most)) {
        return false;
    }
    if let Some((start, end)) = body["datetime"].as_str().and_then(|range| range.split_once('/')) {
        let at = item["properties"]["datetime"].as_str().unwrap();
        if (start != ".." && at < start) || (end != ".." && at > end) {
            return false;
        }
    }
    true
}

/// An OAuth token endpoint that gives `token-1`, `token-2` and so on; answers how many it has given.
pub(crate) fn serve_tokens(server: &Server, expires_in_s: f64) -> (String, Arc<Mutex<u32>>) {
    let given = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&given);
    let url = server.handle("/token", move |received| {
        assert_eq!((received.method.as_str(), &*received.body), ("POST", &b"grant_type=client_credentials"[..]));
        // base64 of me:SECRET
        if received.header("authorization") != "Basic bWU6U0VDUkVU" {
            return Reply::status(401, json!({"error": "invalid_client"}));
        }
        let mut given = counter.lock().unwrap();
        *given += 1;
        Reply::json(json!({"access_token": format!("SECRET-token-{given}"), "expires_in": expires_in_s}))
    });
    (url, given)
}

/// The items of an Earth Search answer of the shared data, or `None` with a message where they are absent.
pub(crate) fn real_items() -> Option<Vec<Value>> {
    let name = "stac_responses/earthsearch_v1_sentinel-2-c1-l2a_10_items.json";
    let path = super::real_data(name)?;
    Some(super::json_file(&path)["features"].as_array().unwrap().clone())
}

/// An item with a footprint (west, south, east, north), a day and a cloud cover.
pub(crate) fn item(id: &str, day: &str, cloud: f64, [w, s, e, n]: [f64; 4]) -> Value {
    json!({
        "type": "Feature", "stac_version": "1.0.0", "id": id, "collection": "sentinel-2-l2a", "bbox": [w, s, e, n],
        "geometry": {"type": "Polygon", "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]]},
        "properties": {"datetime": format!("{day}T10:30:00Z"), "eo:cloud_cover": cloud}, "links": [],
        "assets": {"B04": {"href": format!("https://host/{id}/B04.tif"), "type": "image/tiff"}},
    })
}
