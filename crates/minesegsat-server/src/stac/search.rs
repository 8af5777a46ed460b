//! Item search, by address and by body.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::catalog::{Collection, link};
use super::item::{of_observation, of_prediction};
use super::items::collection_of;
use crate::answer::{Answer, GEO_JSON, JSON, json as answer};
use crate::api::unreadable;
use crate::base::Base;
use crate::ids::observation_id;
use crate::place::{PlaceFilter, bbox, bbox_of};
use crate::predictions::Prediction;
use crate::problem::Problem;
use crate::query::Query;
use crate::snapshot::{SiteEntry, Snapshot};
use crate::state::App;
use crate::time::TimeFilter;
use crate::workspace::Workspace;

/// Items of a page where nothing is said.
pub(super) const USUAL: usize = 10;
/// Vertices of a shape that is searched with, at most.
const MOST_VERTICES: usize = 10_000;

/// What is asked for.
#[derive(Debug, Default)]
pub(super) struct Question {
    pub(super) collections: Option<Vec<String>>,
    pub(super) ids: Option<Vec<String>>,
    pub(super) place: PlaceFilter,
    pub(super) time: Option<TimeFilter>,
    pub(super) limit: usize,
    pub(super) from: usize,
}

impl Question {
    pub(super) fn parse_token(text: &str) -> Result<usize, Problem> {
        let fits = (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if fits { text.parse().ok() } else { None };
        number.ok_or_else(|| Problem::argument("token", text, "as a `next` link has it"))
    }

    fn wants(&self, collection: Collection) -> bool {
        self.collections.as_ref().is_none_or(|wanted| wanted.iter().any(|id| id == collection.id()))
    }

    fn wants_id(&self, id: &str) -> bool {
        self.ids.as_ref().is_none_or(|wanted| wanted.iter().any(|known| known == id))
    }
}

/// A page of what was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) items: Vec<Value>,
    pub(super) matched: usize,
    /// Place of the next page.
    pub(super) next: Option<usize>,
}

/// One that fits, before anything is read of it.
enum Fit<'a> {
    Observation(&'a SiteEntry, usize),
    Prediction(Arc<Prediction>),
}

/// Searches: what fits is found in memory; files are read of the page only. The newest come first.
pub(super) fn run(workspace: &Workspace, base: &Base, question: &Question) -> Result<Found, Problem> {
    let snapshot = workspace.snapshot()?;
    let mut fits: Vec<(Option<jiff::civil::Date>, Fit<'_>)> = Vec::new();
    if question.wants(Collection::Scenes) {
        fits.extend(observations(&snapshot, question));
    }
    if question.wants(Collection::Predictions) {
        let touches = |prediction: &Prediction| {
            let span = prediction.datetime.map(|at| (at, at));
            let span = span.or_else(|| prediction.date.and_then(crate::time::span_of));
            question.wants_id(prediction.name.as_str())
                && question.place.touches_bounds(prediction.bounds)
                && question.time.is_none_or(|time| time.touches(span.map(|s| s.0), span.map(|s| s.1)))
        };
        let found = workspace.predictions().all().into_iter().filter(|prediction| touches(prediction));
        fits.extend(found.map(|prediction| (prediction.date, Fit::Prediction(prediction))));
    }
    // Stable: of one day they stay in the order of their names.
    fits.sort_by_key(|(date, _)| std::cmp::Reverse(*date));
    let matched = fits.len();
    let next = question.from.saturating_add(question.limit);
    let page = fits.into_iter().skip(question.from).take(question.limit);
    let items = page
        .map(|(_, fit)| match fit {
            Fit::Observation(entry, at) => {
                let key = &snapshot.keys[at];
                of_observation(workspace, base, entry, &key.name, key.date)
            }
            Fit::Prediction(prediction) => Ok(of_prediction(base, &prediction)),
        })
        .collect::<Result<_, Problem>>()?;
    Ok(Found { items, matched, next: (next < matched).then_some(next) })
}

fn observations<'a>(snapshot: &'a Snapshot, question: &Question) -> Vec<(Option<jiff::civil::Date>, Fit<'a>)> {
    let mut fits = Vec::new();
    for entry in snapshot.sites.iter().filter(|entry| question.place.touches(&entry.site.boundary)) {
        for at in entry.keys.clone() {
            let key = &snapshot.keys[at];
            if question.time.is_none_or(|time| time.touches_day(key.date))
                && (question.ids.is_none() || question.wants_id(&observation_id(&key.site, &key.name)))
            {
                fits.push((Some(key.date), Fit::Observation(entry, at)));
            }
        }
    }
    fits
}

/// `GET /stac/search`
pub(crate) async fn search(State(app): State<Arc<App>>, base: Base, query: Query, headers: HeaderMap) -> Answer {
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
    let question = Question {
        collections: list("collections"),
        ids: list("ids"),
        place: place(query.get("bbox").map(bbox).transpose()?, intersects)?,
        time: query.get("datetime").map(|text| TimeFilter::parse(text, false)).transpose()?,
        limit: query.limit(USUAL, app.options.limits.page)?,
        from: query.get("token").map(Question::parse_token).transpose()?.unwrap_or_default(),
    };
    let this = base.clone();
    let found = app.read(move |workspace| run(workspace, &this, &question)).await?;
    let mut links = vec![link("self", base.this(query.raw()), GEO_JSON), link("root", base.url("/stac"), JSON)];
    if let Some(next) = found.next {
        let mut next = link("next", base.this(&query.with(&[("token", Some(&next.to_string()))])), GEO_JSON);
        next["method"] = "GET".into();
        links.push(next);
    }
    answer(&headers, GEO_JSON, &collection_of(&found.items, found.matched, links))
}

/// Body of a search.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
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
    base: Base,
    query: Query,
    headers: HeaderMap,
    body: Result<Json<Value>, JsonRejection>,
) -> Answer {
    query.only(&[])?;
    let Json(asked) = body.map_err(unreadable)?;
    let accepted = "an object with `bbox` or `intersects`, `datetime`, `ids`, `collections`, `limit`, `token`";
    let refuse = |error: &str| Problem::argument("body", &asked.to_string(), &format!("{accepted}{error}"));
    if !asked.is_object() {
        return Err(refuse(""));
    }
    let body: Body = serde_json::from_value(asked.clone()).map_err(|error| refuse(&format!(": {error}")))?;
    let most = app.options.limits.page;
    let limit = match body.limit {
        None => USUAL.min(most),
        Some(limit) if limit >= 1 => usize::try_from(limit).unwrap_or(most).min(most),
        Some(limit) => {
            return Err(Problem::argument("limit", &limit.to_string(), &format!("a whole number from 1 to {most}")));
        }
    };
    let question = Question {
        collections: body.collections,
        ids: body.ids,
        place: place(body.bbox.as_deref().map(bbox_of).transpose()?, body.intersects)?,
        time: body.datetime.as_deref().map(|text| TimeFilter::parse(text, false)).transpose()?,
        limit,
        from: body.token.as_deref().map(Question::parse_token).transpose()?.unwrap_or_default(),
    };
    let this = base.clone();
    let found = app.read(move |workspace| run(workspace, &this, &question)).await?;
    let mut links = vec![link("root", base.url("/stac"), JSON)];
    if let Some(next) = found.next {
        let mut again = asked;
        again["token"] = next.to_string().into();
        links.push(json!({
            "rel": "next",
            "href": base.url("/stac/search"),
            "type": GEO_JSON,
            "method": "POST",
            "body": again,
        }));
    }
    answer(&headers, GEO_JSON, &collection_of(&found.items, found.matched, links))
}

/// Either a box or a shape.
fn place(bbox: Option<[f64; 4]>, intersects: Option<Value>) -> Result<PlaceFilter, Problem> {
    match (bbox, intersects) {
        (None, None) => Ok(PlaceFilter::default()),
        (Some(bbox), None) => Ok(PlaceFilter::of_bbox(bbox)),
        (None, Some(geometry)) => shape(&geometry).map(PlaceFilter::of_geometry),
        (Some(_), Some(geometry)) => {
            Err(Problem::argument("intersects", &geometry.to_string(), "either `bbox` or `intersects`, not both"))
        }
    }
}

fn shape(value: &Value) -> Result<geo::Geometry<f64>, Problem> {
    use geo::CoordsIter;

    let refuse = |why: &str| {
        Problem::argument(
            "intersects",
            &value.to_string(),
            &format!("a geometry of GeoJSON in longitude and latitude{why}"),
        )
    };
    let geometry: geojson::Geometry =
        serde_json::from_value(value.clone()).map_err(|error| refuse(&format!(": {error}")))?;
    let geometry = geo::Geometry::<f64>::try_from(geometry).map_err(|error| refuse(&format!(": {error}")))?;
    let count = geometry.coords_count();
    if count == 0 || count > MOST_VERTICES {
        return Err(refuse(&format!(", of 1 to {MOST_VERTICES} positions")));
    }
    let fits = |c: geo::Coord<f64>| c.x.abs() <= 360.0 && c.y.abs() <= 90.0;
    if geometry.coords_iter().all(fits) { Ok(geometry) } else { Err(refuse("")) }
}
