//! STAC APIs: their capabilities, and paged searches.

use minesegsat_core::job::Job;

use serde_json::{Map, Value, json};
use url::Url;

use super::area::ApiArea;
use super::document::Document;
use super::page::{self, PageRequest, Trail, next};
use super::{Credentials, DateRange, Item, SearchQuery, SearchResults, left_out};
use minesegsat_core::{Error, Result};
use minesegsat_io::Location;
use minesegsat_io::http::public_url;
use minesegsat_io::http::{self, Request};

/// Default number of items per page: small enough for quick responses that include all assets.
const PAGE_SIZE: usize = 100;
/// Maximum number of pages of a search with pages of the default size; smaller pages (`limit`) may be more.
const MOST_PAGES: usize = 2000;
/// Maximum number of pages without an item, one after the other.
const MOST_EMPTY_PAGES: usize = 20;

/// A STAC API that can search items.
#[derive(Debug)]
pub(super) struct Api {
    search_url: String,
    /// URL of the list of collections.
    collections_url: Option<String>,
    /// Whether searches use POST.
    post: bool,
    cloud_filter: CloudFilter,
    /// Whether the API can sort.
    sorts: bool,
    login: Login,
}

/// How an API accepts the limit of the cloud cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CloudFilter {
    /// Query extension.
    Query,
    /// Filter extension with CQL2.
    Cql2,
    /// Not supported: received items are filtered here.
    Here,
}

impl CloudFilter {
    /// Chooses a filter from the conformance classes of an API.
    fn from_conformance(classes: &[String]) -> Self {
        let has = |part: &str| classes.iter().any(|class| class.contains(part));
        if has("item-search#query") {
            Self::Query
        } else if has("item-search#filter") && has("cql2") {
            Self::Cql2
        } else {
            Self::Here
        }
    }
}

/// The login of an API. Tokens are sent only to the origin of the API.
#[derive(Debug)]
struct Login {
    url: String,
    credentials: Credentials,
    headers: Vec<(&'static str, &'static str)>,
}

impl Login {
    /// Requests a document. If the token is refused, a new token is requested once.
    fn send(&self, page: &PageRequest) -> Result<Document> {
        let own = same_origin(&self.url, &page.url);
        if !own && page.body.is_some() {
            let reason =
                format!("it leads to another server, `{}`; give the address of that server", public_url(&page.url));
            return Err(Error::input(public_url(&self.url), reason));
        }
        let build = || -> Result<Request> {
            let mut request = match &page.body {
                Some(body) => {
                    Request::post(&page.url, "application/json", serde_json::to_vec(body).unwrap_or_default())
                }
                None => Request::get(&page.url),
            };
            request = request.header("Accept", "application/geo+json, application/json")?;
            if own {
                for (name, value) in &self.headers {
                    request = request.header(name, value)?;
                }
                for (name, value) in &page.headers {
                    request = request.header(name, value)?;
                }
            }
            if own { self.credentials.apply(request) } else { Ok(request) }
        };
        let mut answer = http::send(build()?);
        if matches!(answer, Err(Error::HttpStatus { status: 401, .. })) && own && self.credentials.renew() {
            answer = http::send(build()?);
        }
        let body = answer.map_err(|error| match error {
            Error::HttpStatus { url, status: status @ (401 | 403), .. } => {
                Error::HttpStatus { url, status, meaning: self.credentials.advice() }
            }
            error => error,
        })?;
        Document::from_reader(&*body, Location::Url(page.url.clone())).map_err(|error| {
            let looks_like_json = body.trim_ascii_start().starts_with(b"{");
            let what = http::describe_content(&body[..body.len().min(http::DESCRIBED_BYTES as usize)]);
            let reason = if looks_like_json {
                "it is not the JSON expected".to_owned()
            } else {
                format!("it is not the JSON expected, but {what}")
            };
            Error::input(public_url(&page.url), reason).caused_by(error)
        })
    }

    fn get(&self, url: &str) -> Result<Document> {
        self.send(&PageRequest { url: url.to_owned(), body: None, headers: Vec::new() })
    }
}

fn same_origin(a: &str, b: &str) -> bool {
    matches!((Url::parse(a), Url::parse(b)), (Ok(a), Ok(b)) if a.origin() == b.origin())
}

impl Api {
    /// Reads a document. Also returns the API if the document is the landing page of one.
    pub(super) fn open(
        url: &str,
        credentials: Credentials,
        headers: &[(&'static str, &'static str)],
    ) -> Result<(Option<Self>, Document)> {
        let login = Login { url: url.to_owned(), credentials, headers: headers.to_vec() };
        let document = login.get(url)?;
        let landing = &document.members;
        let resolve = |href: &str| page::resolve(url, href).map(String::from).ok();
        let links = || landing["links"].as_array().into_iter().flatten();
        let link = |rel: &str| links().find(|l| l["rel"] == rel).and_then(|l| resolve(l["href"].as_str()?));
        let Some(search_url) = link("search") else { return Ok((None, document)) };
        let post = links().any(|l| {
            l["rel"] == "search" && l["method"].as_str().is_some_and(|method| method.eq_ignore_ascii_case("post"))
        });
        let mut conforms = landing["conformsTo"].clone();
        if !conforms.is_array()
            && let Some(url) = link("conformance")
        {
            conforms = login.get(&url)?.members["conformsTo"].clone();
        }
        let classes: Vec<String> =
            conforms.as_array().into_iter().flatten().filter_map(|class| class.as_str().map(str::to_owned)).collect();
        let api = Self {
            search_url,
            collections_url: link("data"),
            post,
            cloud_filter: CloudFilter::from_conformance(&classes),
            sorts: classes.iter().any(|class| class.contains("item-search#sort")),
            login,
        };
        Ok((Some(api), document))
    }

    /// Searches once per date range and box, and merges the results.
    pub(super) fn search(&self, query: &SearchQuery, job: Job<'_>) -> Result<SearchResults> {
        let ranges: Vec<Option<DateRange>> =
            if query.datetimes.is_empty() { vec![None] } else { query.datetimes.iter().copied().map(Some).collect() };
        let places: Vec<Option<Value>> = match query.area.as_ref().map(super::SearchArea::for_api) {
            None => vec![None],
            Some(ApiArea::Boxes(boxes)) => boxes.iter().map(|bbox| Some(json!(bbox))).collect(),
            Some(ApiArea::Geometry(geometry)) => vec![Some(geometry)],
        };
        // If the API sorts, the first items overall are among the first items of each part. If not, all items are
        // needed.
        let most = query.max_items.unwrap_or(usize::MAX);
        let most_of_part = if query.sort_by.is_empty() || self.sorts { most } else { usize::MAX };
        let mut found = SearchResults::default();
        'parts: for range in &ranges {
            for place in &places {
                if query.sort_by.is_empty() && found.items.len() >= most {
                    found.truncated = true;
                    break 'parts;
                }
                let first = self.first_page(query, range.as_ref(), place.as_ref());
                let part = self.pages(first, query, most_of_part, found.items.len(), job)?;
                found.items.extend(part.items);
                found.truncated |= part.truncated;
                found.incomplete = found.incomplete.or(part.incomplete);
                found.left_out.extend(part.left_out);
                super::query::keep_first_of_each(&mut found.items);
            }
        }
        left_out::keep_first_of_each(&mut found.left_out);
        query.sort(&mut found.items);
        found.truncated |= found.items.len() > most;
        found.items.truncate(most);
        Ok(found)
    }

    /// The matching items of one search, at most `most`.
    fn pages(
        &self,
        first: PageRequest,
        query: &SearchQuery,
        most: usize,
        before: usize,
        job: Job<'_>,
    ) -> Result<SearchResults> {
        let mut trail = Trail::default();
        let mut found = SearchResults::default();
        let mut request = Some(first);
        let (mut pages, mut empty, mut received, mut matched) = (0, 0, 0, None);
        let most_pages = MOST_PAGES.max(MOST_PAGES * PAGE_SIZE / query.page_size.unwrap_or(PAGE_SIZE).max(1));
        while let Some(current) = request {
            job.check()?;
            trail.enter(&current)?;
            pages += 1;
            if pages > most_pages || empty >= MOST_EMPTY_PAGES {
                return Err(endless(&current, pages - 1, received));
            }
            let page = self.login.send(&current)?;
            if page.kind() != Some("FeatureCollection") {
                let said = http::explanation_of(page.members.to_string().as_bytes());
                let said = said.map_or_else(String::new, |said| format!("; it says: {said}"));
                return Err(Error::input(
                    public_url(&current.url),
                    format!("its response to a search is not a FeatureCollection{said}"),
                ));
            }
            request = next(&page.members, &current)?;
            matched = left_out::number_matched(&page.members).or(matched);
            if left_out::exceeded_limit(&page.members) && request.is_none() {
                found.incomplete =
                    Some("it sent only a part of the matching items: `exceededTransferLimit`".to_owned());
            }
            let arrived = page.into_items()?;
            received += arrived.items.len() + arrived.left_out.len();
            empty = if arrived.items.is_empty() { empty + 1 } else { 0 };
            let keys: Vec<_> = arrived.items.iter().map(Item::key).collect();
            trail.saw(&keys, &current)?;
            found.left_out.extend(arrived.left_out);
            found.take(arrived.items.into_iter(), query);
            job.progress.count(before + found.items.len());
            if found.items.len() >= most {
                found.truncated = found.items.len() > most || request.is_some();
                found.items.truncate(most);
                return Ok(found);
            }
        }
        if let Some(matched) = matched.filter(|&matched| matched > received as u64) {
            found.incomplete = Some(left_out::fewer_than_matched(matched, received));
        }
        Ok(found)
    }

    fn first_page(&self, query: &SearchQuery, range: Option<&DateRange>, place: Option<&Value>) -> PageRequest {
        let mut body = Map::new();
        let mut put = |key: &str, value: Value| body.insert(key.to_owned(), value);
        put("limit", query.page_size.unwrap_or(PAGE_SIZE.min(query.max_items.unwrap_or(PAGE_SIZE))).into());
        if !query.collections.is_empty() {
            put("collections", json!(query.collections));
        }
        if let Some(place) = place {
            put(if place.is_array() { "bbox" } else { "intersects" }, place.clone());
        }
        if let Some(range) = range {
            put("datetime", range.to_string().into());
        }
        if let Some(cloud) = query.max_cloud_cover_percent {
            match self.cloud_filter {
                CloudFilter::Query => {
                    put("query", json!({ "eo:cloud_cover": { "lte": cloud } }));
                }
                CloudFilter::Cql2 if self.post => {
                    put("filter-lang", "cql2-json".into());
                    put("filter", json!({ "op": "<=", "args": [{ "property": "eo:cloud_cover" }, cloud] }));
                }
                CloudFilter::Cql2 => {
                    put("filter-lang", "cql2-text".into());
                    put("filter", format!("eo:cloud_cover <= {cloud}").into());
                }
                CloudFilter::Here => {}
            }
        }
        if self.sorts && !query.sort_by.is_empty() {
            let keys = query.sort_by.iter();
            if self.post {
                let direction = |descending: bool| if descending { "desc" } else { "asc" };
                let keys = keys.map(|k| json!({ "field": k.api_field(), "direction": direction(k.descending) }));
                put("sortby", keys.collect());
            } else {
                let keys = keys.map(|k| format!("{}{}", if k.descending { "-" } else { "+" }, k.api_field()));
                put("sortby", keys.collect::<Vec<_>>().join(",").into());
            }
        }
        if self.post {
            return PageRequest { url: self.search_url.clone(), body: Some(body), headers: Vec::new() };
        }
        PageRequest { url: with_parameters(&self.search_url, &body), body: None, headers: Vec::new() }
    }

    /// Ids of the API's collections, from its first response.
    pub(super) fn collections(&self) -> Option<Vec<String>> {
        let answer = self.login.get(self.collections_url.as_deref()?).ok()?;
        let collections = answer.members["collections"].as_array()?;
        Some(collections.iter().filter_map(|c| c["id"].as_str().map(str::to_owned)).collect())
    }
}

/// The error for pages without an end.
fn endless(request: &PageRequest, pages: usize, received: usize) -> Error {
    let reason = format!(
        "its `next` links do not end: {pages} pages with {received} items were read; narrow the search by area, dates or \
         number of items"
    );
    Error::input(public_url(&request.url), reason).avoided_by(minesegsat_core::Setting::SearchLimits)
}

/// Parameters of a GET search: lists are comma-separated, objects are JSON.
fn with_parameters(url: &str, body: &Map<String, Value>) -> String {
    let Ok(mut url) = Url::parse(url) else { return url.to_owned() };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for (key, value) in body {
        let value = match value {
            Value::Array(parts) => parts.iter().map(text).collect::<Vec<_>>().join(","),
            value => text(value),
        };
        url.query_pairs_mut().append_pair(key, &value);
    }
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(post: bool, cloud_filter: CloudFilter) -> Api {
        let login = Login { url: "https://host/v1".into(), credentials: Credentials::None, headers: Vec::new() };
        Api {
            search_url: "https://host/v1/search".into(),
            collections_url: None,
            post,
            cloud_filter,
            sorts: true,
            login,
        }
    }

    fn query() -> SearchQuery {
        SearchQuery {
            collections: vec!["a".into(), "b".into()],
            max_cloud_cover_percent: Some(12.5),
            max_items: Some(7),
            sort_by: vec!["-datetime".parse().unwrap(), "id".parse().unwrap()],
            ..SearchQuery::default()
        }
    }

    #[test]
    fn searches_are_asked_by_post_as_json() {
        let range = "2021-07-10".parse().unwrap();
        let page = api(true, CloudFilter::Query).first_page(&query(), Some(&range), Some(&json!([1.0, 2.0, 3.0, 4.0])));
        let expected = json!({
            "limit": 7, "collections": ["a", "b"], "bbox": [1.0, 2.0, 3.0, 4.0],
            "datetime": "2021-07-10T00:00:00Z/2021-07-10T23:59:59.999Z",
            "query": {"eo:cloud_cover": {"lte": 12.5}},
            "sortby": [{"field": "properties.datetime", "direction": "desc"}, {"field": "id", "direction": "asc"}],
        });
        assert_eq!(Value::Object(page.body.unwrap()), expected);
        let page = api(true, CloudFilter::Cql2).first_page(&query(), None, Some(&json!({"type": "Polygon"})));
        let body = Value::Object(page.body.unwrap());
        assert_eq!(body["filter"], json!({"op": "<=", "args": [{"property": "eo:cloud_cover"}, 12.5]}));
        assert_eq!((&body["filter-lang"], &body["intersects"]), (&json!("cql2-json"), &json!({"type": "Polygon"})));
        assert!(api(true, CloudFilter::Here).first_page(&query(), None, None).body.unwrap().get("query").is_none());
    }

    #[test]
    fn searches_are_asked_by_get_as_parameters() {
        let page = api(false, CloudFilter::Cql2).first_page(&query(), None, Some(&json!([1.5, 2, 3, 4])));
        assert_eq!(page.body, None);
        let url = Url::parse(&page.url).unwrap();
        let value = |name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        assert_eq!(value("bbox"), "1.5,2,3,4");
        assert_eq!(value("collections"), "a,b");
        assert_eq!((value("filter"), value("filter-lang")), ("eo:cloud_cover <= 12.5".into(), "cql2-text".into()));
        assert_eq!(value("sortby"), "-properties.datetime,+id");
        let page = api(false, CloudFilter::Query).first_page(&query(), None, None);
        assert!(page.url.contains("query=%7B%22eo%3Acloud_cover%22%3A%7B%22lte%22%3A12.5%7D%7D"), "{}", page.url);
    }

    #[test]
    fn the_cloud_filter_follows_the_conformance_classes() {
        let of = |classes: &[&str]| {
            CloudFilter::from_conformance(&classes.iter().map(|&c| c.to_owned()).collect::<Vec<_>>())
        };
        let (query, filter) = (
            "https://api.stacspec.org/v1.0.0/item-search#query",
            "https://api.stacspec.org/v1.0.0-rc.2/item-search#filter",
        );
        assert_eq!(of(&[query, filter]), CloudFilter::Query);
        assert_eq!(of(&[filter, "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json"]), CloudFilter::Cql2);
        assert_eq!(of(&["https://api.stacspec.org/v1.0.0/item-search"]), CloudFilter::Here);
    }

    #[test]
    fn tokens_stay_with_their_origin() {
        assert!(same_origin("https://host/v1", "https://host/other?x=1"));
        for other in ["http://host/v1", "https://host:444/v1", "https://host.evil/v1", "no url"] {
            assert!(!same_origin("https://host/v1", other), "{other}");
        }
    }
}
