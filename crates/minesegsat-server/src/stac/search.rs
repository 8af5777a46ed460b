//! Item search by GET and POST.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::catalog::{Collection, link};
use super::item::{observation_item, prediction_item};
use super::items::item_collection;
use crate::base::BaseUrl;
use crate::ids::observation_id;
use crate::params::NoQuery;
use crate::predictions::Prediction;
use crate::problem::Problem;
use crate::query::Query;
use crate::response::{GEO_JSON, HandlerResult, JSON, json_response};
use crate::shapes;
use crate::snapshot::{SiteEntry, Snapshot};
use crate::spatial_filter::{SpatialFilter, check_bbox, parse_bbox};
use crate::state::App;
use crate::time::TimeFilter;
use crate::workspace::Workspace;

/// Default number of items per page.
pub(super) const DEFAULT_LIMIT: usize = 10;
/// Maximum number of vertices of `intersects`.
const MAX_VERTICES: usize = 10_000;

/// Parameters of an item search.
#[derive(Debug, Default)]
pub(super) struct ItemSearch {
    pub(super) collections: Option<Vec<String>>,
    pub(super) ids: Option<Vec<String>>,
    pub(super) area: SpatialFilter,
    pub(super) time: Option<TimeFilter>,
    pub(super) limit: usize,
    pub(super) from: usize,
}

impl ItemSearch {
    pub(super) fn parse_token(text: &str) -> Result<usize, Problem> {
        let fits = (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if fits { text.parse().ok() } else { None };
        number.ok_or_else(|| Problem::argument("token", text, "the value in a `next` link"))
    }

    fn wants(&self, collection: Collection) -> bool {
        self.collections.as_ref().is_none_or(|wanted| wanted.iter().any(|id| id == collection.id()))
    }

    fn wants_id(&self, id: &str) -> bool {
        self.ids.as_ref().is_none_or(|wanted| wanted.iter().any(|known| known == id))
    }
}

/// A page of search results.
#[derive(Debug, Default)]
pub(super) struct SearchResults {
    pub(super) items: Vec<Value>,
    pub(super) matched: usize,
    /// Offset of the next page.
    pub(super) next: Option<usize>,
}

/// A match of the search, before its files are read.
enum Match<'a> {
    Observation(&'a SiteEntry, usize),
    Prediction(Arc<Prediction>),
}

/// Runs a search, newest items first. It finds matches in memory and reads files for the items of the page only.
pub(super) fn run(workspace: &Workspace, base: &BaseUrl, search: &ItemSearch) -> Result<SearchResults, Problem> {
    let snapshot = workspace.snapshot()?;
    let mut matches: Vec<(Option<jiff::civil::Date>, Match<'_>)> = Vec::new();
    if search.wants(Collection::Scenes) {
        matches.extend(observations(&snapshot, search));
    }
    if search.wants(Collection::Predictions) {
        let is_match = |prediction: &Prediction| {
            let span = prediction.datetime.map(|at| (at, at));
            let span = span.or_else(|| prediction.date.and_then(crate::time::day_span));
            search.wants_id(prediction.name.as_str())
                && search.area.intersects_bounds(prediction.bounds)
                && search.time.is_none_or(|time| time.intersects(span.map(|s| s.0), span.map(|s| s.1)))
        };
        let predictions = workspace.predictions().all().into_iter().filter(|prediction| is_match(prediction));
        matches.extend(predictions.map(|prediction| (prediction.date, Match::Prediction(prediction))));
    }
    // A stable sort: items of one day stay in the order of their names.
    matches.sort_by_key(|(date, _)| std::cmp::Reverse(*date));
    let matched = matches.len();
    let next = search.from.saturating_add(search.limit);
    let page = matches.into_iter().skip(search.from).take(search.limit);
    let items = page
        .map(|(_, one)| match one {
            Match::Observation(entry, at) => {
                let key = &snapshot.keys[at];
                observation_item(workspace, base, entry, &key.name, key.date)
            }
            Match::Prediction(prediction) => Ok(prediction_item(base, &prediction)),
        })
        .collect::<Result<_, Problem>>()?;
    Ok(SearchResults { items, matched, next: (next < matched).then_some(next) })
}

fn observations<'a>(snapshot: &'a Snapshot, search: &ItemSearch) -> Vec<(Option<jiff::civil::Date>, Match<'a>)> {
    let mut matches = Vec::new();
    for entry in snapshot.sites.iter().filter(|entry| search.area.intersects(&entry.site.boundary)) {
        for at in entry.keys.clone() {
            let key = &snapshot.keys[at];
            if search.time.is_none_or(|time| time.intersects_day(key.date))
                && (search.ids.is_none() || search.wants_id(&observation_id(&key.site, &key.name)))
            {
                matches.push((Some(key.date), Match::Observation(entry, at)));
            }
        }
    }
    matches
}

/// `GET /stac/search`
pub(crate) async fn search(
    State(app): State<Arc<App>>,
    base: BaseUrl,
    query: Query,
    headers: HeaderMap,
) -> HandlerResult {
    query.only(&["bbox", "intersects", "datetime", "ids", "collections", "limit", "token"])?;
    let list = |name: &str| {
        query.get(name).map(|text| text.split(',').map(str::to_owned).filter(|part| !part.is_empty()).collect())
    };
    let intersects = query
        .get("intersects")
        .map(|text| {
            serde_json::from_str(text)
                .map_err(|error| Problem::argument("intersects", text, &format!("a geometry of GeoJSON: {error}")))
        })
        .transpose()?;
    let search = ItemSearch {
        collections: list("collections"),
        ids: list("ids"),
        area: spatial_filter(query.get("bbox").map(parse_bbox).transpose()?, intersects)?,
        time: query.get("datetime").map(|text| TimeFilter::parse(text, false)).transpose()?,
        limit: query.limit(DEFAULT_LIMIT, app.options.limits.page)?,
        from: query.get("token").map(ItemSearch::parse_token).transpose()?.unwrap_or_default(),
    };
    let url = base.clone();
    let results = app.read(move |workspace| run(workspace, &url, &search)).await?;
    let mut links = vec![link("self", base.request_url(query.raw()), GEO_JSON), link("root", base.url("/stac"), JSON)];
    if let Some(next) = results.next {
        let mut next = link("next", base.request_url(&query.with(&[("token", Some(&next.to_string()))])), GEO_JSON);
        next["method"] = "GET".into();
        links.push(next);
    }
    json_response(&headers, GEO_JSON, &item_collection(&results.items, results.matched, links))
}

/// Body of a POST search.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchBody {
    bbox: Option<Vec<f64>>,
    intersects: Option<Value>,
    datetime: Option<String>,
    ids: Option<Vec<String>>,
    collections: Option<Vec<String>>,
    limit: Option<i64>,
    token: Option<String>,
}

/// `POST /stac/search`
pub(crate) async fn search_post(
    State(app): State<Arc<App>>,
    base: BaseUrl,
    _: NoQuery,
    headers: HeaderMap,
    body: Result<Json<Value>, JsonRejection>,
) -> HandlerResult {
    let Json(given) = body?;
    let accepted = "an object with `bbox` or `intersects`, `datetime`, `ids`, `collections`, `limit`, `token`";
    let refuse = |error: &str| Problem::argument("body", &given.to_string(), &format!("{accepted}{error}"));
    if !given.is_object() {
        return Err(refuse(""));
    }
    let body: SearchBody = serde_json::from_value(given.clone()).map_err(|error| refuse(&format!(": {error}")))?;
    let most = app.options.limits.page;
    let limit = match body.limit {
        None => DEFAULT_LIMIT.min(most),
        Some(limit) if limit >= 1 => usize::try_from(limit).unwrap_or(most).min(most),
        Some(limit) => {
            return Err(Problem::argument("limit", &limit.to_string(), &format!("a whole number from 1 to {most}")));
        }
    };
    let search = ItemSearch {
        collections: body.collections,
        ids: body.ids,
        area: spatial_filter(body.bbox.as_deref().map(check_bbox).transpose()?, body.intersects)?,
        time: body.datetime.as_deref().map(|text| TimeFilter::parse(text, false)).transpose()?,
        limit,
        from: body.token.as_deref().map(ItemSearch::parse_token).transpose()?.unwrap_or_default(),
    };
    let url = base.clone();
    let results = app.read(move |workspace| run(workspace, &url, &search)).await?;
    let mut links = vec![link("root", base.url("/stac"), JSON)];
    if let Some(next) = results.next {
        let mut next_body = given;
        next_body["token"] = next.to_string().into();
        links.push(json!({
            "rel": "next",
            "href": base.url("/stac/search"),
            "type": GEO_JSON,
            "method": "POST",
            "body": next_body,
        }));
    }
    json_response(&headers, GEO_JSON, &item_collection(&results.items, results.matched, links))
}

/// The spatial filter of `bbox` or `intersects`.
fn spatial_filter(bbox: Option<[f64; 4]>, intersects: Option<Value>) -> Result<SpatialFilter, Problem> {
    match (bbox, intersects) {
        (None, None) => Ok(SpatialFilter::default()),
        (Some(bbox), None) => Ok(SpatialFilter::from_bbox(bbox)),
        (None, Some(geometry)) => parse_geometry(&geometry).map(SpatialFilter::from_geometry),
        (Some(_), Some(geometry)) => {
            Err(Problem::argument("intersects", &geometry.to_string(), "only one of `bbox` and `intersects`"))
        }
    }
}

fn parse_geometry(value: &Value) -> Result<geo::Geometry<f64>, Problem> {
    use geo::CoordsIter;

    let refuse = |why: &str| {
        Problem::argument(
            "intersects",
            &value.to_string(),
            &format!("a geometry of GeoJSON in longitude and latitude{why}"),
        )
    };
    let geometry = shapes::parse_geometry(value).map_err(|error| refuse(&format!(": {error}")))?;
    let count = geometry.coords_count();
    if count == 0 || count > MAX_VERTICES {
        return Err(refuse(&format!(", of 1 to {MAX_VERTICES} positions")));
    }
    let fits = |c: geo::Coord<f64>| c.x.abs() <= 360.0 && c.y.abs() <= 90.0;
    if geometry.coords_iter().all(fits) { Ok(geometry) } else { Err(refuse("")) }
}
