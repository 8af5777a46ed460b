//! Pages of a search: the `next` links of STAC APIs.

use std::collections::HashSet;

use serde_json::{Map, Value};
use url::Url;

use super::ItemKey;
use minesegsat_core::{Error, Result};
use minesegsat_io::http::{self, public_url};

/// A request for one page.
#[derive(Clone, PartialEq)]
pub(super) struct PageRequest {
    pub(super) url: String,
    /// The body of a POST request. A GET request has no body.
    pub(super) body: Option<Map<String, Value>>,
    pub(super) headers: Vec<(String, String)>,
}

impl std::fmt::Debug for PageRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let method = if self.body.is_some() { "POST" } else { "GET" };
        write!(f, "PageRequest({method} {})", public_url(&self.url))
    }
}

/// The request for the page after `page`, the response to `request`. `None` after the last page.
///
/// Paging follows STAC API 1.0, Item Search: a link can have a method, headers and a body, which may extend those of
/// the request before.
pub(super) fn next(page: &Value, request: &PageRequest) -> Result<Option<PageRequest>> {
    let fail = |reason: String| Error::input(public_url(&request.url), reason);
    let links = page["links"].as_array().into_iter().flatten();
    let Some(link) = links.into_iter().find(|link| link["rel"] == "next") else { return Ok(None) };
    let href = link["href"].as_str().ok_or_else(|| fail("its `next` link has no address".to_owned()))?;
    let url = resolve(&request.url, href)
        .map_err(|error| fail(format!("its `next` link is not a valid address: {error}")))?;
    if let Ok(from) = Url::parse(&request.url) {
        http::check_step(&from, &url).map_err(|why| fail(format!("its `next` link is not followed: {why}")))?;
    }
    let merge = link["merge"].as_bool().unwrap_or(false);
    let mut headers = if merge { request.headers.clone() } else { Vec::new() };
    for (name, value) in link["headers"].as_object().into_iter().flatten() {
        // Some APIs store each header as a list of values.
        let value = match value {
            Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
            value => text(value),
        };
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        headers.push((name.clone(), value));
    }
    let post = link["method"].as_str().is_some_and(|method| method.eq_ignore_ascii_case("post"));
    let body = post.then(|| match &link["body"] {
        Value::Object(own) if merge => {
            let mut body = request.body.clone().unwrap_or_default();
            body.extend(own.clone());
            body
        }
        Value::Object(own) => own.clone(),
        _ => request.body.clone().unwrap_or_default(),
    });
    Ok(Some(PageRequest { url: url.into(), body, headers }))
}

/// The address of a link in a document at `base`. An API behind a proxy may name itself with `http`: its links to itself
/// stay with `https`.
pub(super) fn resolve(base: &str, href: &str) -> Result<Url, url::ParseError> {
    let base = Url::parse(base)?;
    let mut url = base.join(href)?;
    if base.scheme() == "https" && url.scheme() == "http" && base.host() == url.host() && url.port().is_none() {
        let _ = url.set_scheme("https");
    }
    Ok(url)
}

/// A header's value without JSON quotes.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Detects links that lead back to an earlier page.
#[derive(Debug, Default)]
pub(super) struct Trail {
    requests: HashSet<String>,
    items: HashSet<ItemKey>,
}

impl Trail {
    /// Fails for a repeated request.
    pub(super) fn enter(&mut self, request: &PageRequest) -> Result<()> {
        let body = request.body.clone().map(Value::Object);
        let headers: Vec<String> = request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        if self.requests.insert(format!("{}\n{}\n{}", request.url, headers.join("\n"), body.unwrap_or_default())) {
            return Ok(());
        }
        Err(endless(request))
    }

    /// Keeps the items of a page, by collection and id. Fails for a page with only known items: its links differ but
    /// still lead in a circle.
    pub(super) fn saw(&mut self, items: &[ItemKey], request: &PageRequest) -> Result<()> {
        let new = items.iter().filter(|key| self.items.insert((*key).clone())).count();
        if new == 0 && !items.is_empty() { Err(endless(request)) } else { Ok(()) }
    }
}

fn endless(request: &PageRequest) -> Error {
    let reason = "its `next` links lead in a circle: this page came before".to_owned();
    Error::input(public_url(&request.url), reason)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn post(body: &Value) -> PageRequest {
        let headers = vec![("X-A".to_owned(), "1".to_owned())];
        PageRequest { url: "https://host/v1/search".to_owned(), body: body.as_object().cloned(), headers }
    }

    fn following(link: &Value, request: &PageRequest) -> PageRequest {
        next(&json!({"links": [{"rel": "self", "href": "x"}, link]}), request).unwrap().unwrap()
    }

    #[test]
    fn posted_bodies_are_merged_only_where_the_link_says_so() {
        let first = post(&json!({"limit": 2, "collections": ["c"]}));
        let link = json!({"rel": "next", "href": "https://host/v1/search", "method": "POST", "body": {"token": "t"}});
        let alone = following(&link, &first);
        assert_eq!(alone.body, json!({"token": "t"}).as_object().cloned());
        assert!(alone.headers.is_empty());
        let mut merged = link.clone();
        merged["merge"] = json!(true);
        let merged = following(&merged, &first);
        assert_eq!(merged.body, json!({"limit": 2, "collections": ["c"], "token": "t"}).as_object().cloned());
        assert_eq!(merged.headers, first.headers);
    }

    #[test]
    fn get_links_are_resolved_and_headers_come_as_text_or_list() {
        let first = post(&json!({}));
        let link = json!({"rel": "next", "href": "?token=a%20b", "headers": {"x-a": ["2", "3"], "X-B": 4, "X-C": "c"}});
        let next = following(&link, &first);
        assert_eq!((next.url.as_str(), next.body), ("https://host/v1/search?token=a%20b", None));
        let headers: Vec<_> = next.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(headers, [("X-B", "4"), ("X-C", "c"), ("x-a", "2, 3")]);
    }

    #[test]
    fn the_last_page_has_no_next_link() {
        assert_eq!(super::next(&json!({"links": [{"rel": "prev", "href": "x"}]}), &post(&json!({}))).unwrap(), None);
        assert!(super::next(&json!({"links": [{"rel": "next"}]}), &post(&json!({}))).is_err());
    }

    #[test]
    fn circles_are_noticed_by_request_and_by_items() {
        let (a, b) = (post(&json!({"token": 1})), post(&json!({"token": 2})));
        let mut trail = Trail::default();
        trail.enter(&a).unwrap();
        trail.enter(&b).unwrap();
        assert!(trail.enter(&a).unwrap_err().to_string().contains("circle"));
        let key = |id: &str| (String::new(), id.to_owned());
        trail.saw(&[key("x")], &a).unwrap();
        trail.saw(&[], &a).unwrap();
        trail.saw(&[key("x"), key("y")], &a).unwrap();
        assert!(trail.saw(&[key("x"), key("y")], &b).is_err());
    }
}
