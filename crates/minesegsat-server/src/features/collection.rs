//! The collections and their descriptions.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::html;
use super::landing::{link, self_links};
use crate::base::{BaseUrl, Format};
use crate::problem::Problem;
use crate::query::Query;
use crate::response::{GEO_JSON, HandlerResult, JSON, json_response};
use crate::snapshot::Snapshot;
use crate::spatial_filter::CRS84;
use crate::state::App;
use crate::time::day_span;
use crate::workspace::Workspace;

const GREGORIAN: &str = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian";

/// A collection of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Collection {
    Sites,
    Permits,
    Observations,
    Polygons,
    Changes,
}

impl Collection {
    pub(super) const ALL: [Self; 5] = [Self::Sites, Self::Permits, Self::Observations, Self::Polygons, Self::Changes];

    pub(super) const fn id(self) -> &'static str {
        match self {
            Self::Sites => "sites",
            Self::Permits => "permits",
            Self::Observations => "observations",
            Self::Polygons => "polygons",
            Self::Changes => "changes",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Sites => "Sites",
            Self::Permits => "Permits",
            Self::Observations => "Observations",
            Self::Polygons => "Disturbed land",
            Self::Changes => "Gain and loss",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::Sites => {
                "Monitored mines with their latest observation. Sites have no time: `datetime` excludes none"
            }
            Self::Permits => {
                "Permits: the permitted area and its period. The geometry is the permit's polygon, or the site's boundary if it has none"
            }
            Self::Observations => {
                "Observations of sites with date, area and verdict. The geometry is the site's boundary"
            }
            Self::Polygons => "Disturbed land of each observation",
            Self::Changes => {
                "Land newly disturbed and no longer disturbed since the observation before, for each observation"
            }
        }
    }

    /// Whether its features have a time.
    const fn has_time(self) -> bool {
        !matches!(self, Self::Sites)
    }
}

impl FromStr for Collection {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        Self::ALL.into_iter().find(|collection| collection.id() == text).ok_or_else(|| {
            let known = Self::ALL.map(|collection| format!("`{}`", collection.id())).join(", ");
            let shown: String = text.chars().take(60).collect();
            Problem::not_found(format!("no collection `{shown}`; collections are {known}"))
        })
    }
}

/// Spatial and temporal extent of the features.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Extent {
    /// West, south, east, north.
    pub(crate) bbox: Option<[f64; 4]>,
    pub(crate) first: Option<Date>,
    pub(crate) last: Option<Date>,
}

impl Extent {
    /// Extent of the sites and their observations.
    pub(crate) fn from_snapshot(snapshot: &Snapshot) -> Self {
        let joined = |a: [f64; 4], b: [f64; 4]| {
            // A box across the antimeridian has two parts. Joined with other boxes it covers all longitudes.
            let whole = |b: [f64; 4]| if b[0] <= b[2] { b } else { [-180.0, b[1], 180.0, b[3]] };
            let (a, b) = (whole(a), whole(b));
            [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]
        };
        Self {
            bbox: snapshot.sites.iter().map(|entry| entry.bbox).reduce(joined),
            first: snapshot.keys.iter().map(|key| key.date).min(),
            last: snapshot.keys.iter().map(|key| key.date).max(),
        }
    }

    fn from_permits(snapshot: &Snapshot) -> Self {
        let permits = || snapshot.sites.iter().flat_map(|entry| &entry.permits);
        Self {
            first: permits().map(|permit| permit.valid_from).min(),
            // A permit without a last day makes the extent open.
            last: permits()
                .map(|permit| permit.valid_to)
                .collect::<Option<Vec<_>>>()
                .and_then(|days| days.into_iter().max()),
            ..Self::from_snapshot(snapshot)
        }
    }

    /// The interval in RFC 3339. `null` is an open end.
    pub(crate) fn interval(&self) -> [Option<String>; 2] {
        [
            self.first.and_then(day_span).map(|span| span.0.to_string()),
            self.last.and_then(day_span).map(|span| span.1.to_string()),
        ]
    }
}

fn collection_json(collection: Collection, snapshot: &Snapshot, base: &BaseUrl, mut links: Vec<Value>) -> Value {
    let path = format!("/ogc/collections/{}", collection.id());
    links.push(link("items", base.url(&format!("{path}/items?f=json")), GEO_JSON, collection.title()));
    links.push(link("items", base.url(&format!("{path}/items?f=html")), "text/html", collection.title()));
    let extent = if collection == Collection::Permits {
        Extent::from_permits(snapshot)
    } else {
        Extent::from_snapshot(snapshot)
    };
    // Polygons may lie slightly outside of the sites.
    let extended = |bbox: [f64; 4]| {
        if matches!(collection, Collection::Polygons | Collection::Changes) {
            let margin = 0.5;
            [
                (bbox[0] - margin).max(-180.0),
                (bbox[1] - margin).max(-90.0),
                (bbox[2] + margin).min(180.0),
                (bbox[3] + margin).min(90.0),
            ]
        } else {
            bbox
        }
    };
    let bbox = extent.bbox.map_or([-180.0, -90.0, 180.0, 90.0], extended);
    let mut document = json!({
        "id": collection.id(),
        "title": collection.title(),
        "description": collection.description(),
        "itemType": "feature",
        "crs": [CRS84],
        "extent": { "spatial": { "bbox": [bbox], "crs": CRS84 } },
        "links": links,
    });
    if collection.has_time() {
        document["extent"]["temporal"] = json!({ "interval": [extent.interval()], "trs": GREGORIAN });
    }
    document
}

fn collection_links(collection: Collection, base: &BaseUrl, format: Format) -> Vec<Value> {
    let path = format!("/ogc/collections/{}", collection.id());
    let make = |rel: &str, f: &str, kind: &str| link(rel, base.url(&format!("{path}?f={f}")), kind, collection.title());
    match format {
        Format::Json => vec![make("self", "json", JSON), make("alternate", "html", "text/html")],
        Format::Html => vec![make("self", "html", "text/html"), make("alternate", "json", JSON)],
    }
}

/// `GET /ogc/collections`
pub(crate) async fn collections(
    State(app): State<Arc<App>>,
    base: BaseUrl,
    query: Query,
    headers: HeaderMap,
) -> HandlerResult {
    query.only(&["f"])?;
    let format = Format::negotiate(query.get("f"), &headers)?;
    let snapshot = app.read(Workspace::snapshot).await?;
    let all: Vec<Value> = Collection::ALL
        .into_iter()
        .map(|collection| collection_json(collection, &snapshot, &base, collection_links(collection, &base, format)))
        .collect();
    let document = json!({ "links": self_links(&base, &query, format, JSON), "collections": all });
    match format {
        Format::Json => json_response(&headers, JSON, &document),
        Format::Html => Ok(html::collections(&headers, &document)),
    }
}

/// `GET /ogc/collections/{collection}`
pub(crate) async fn collection(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    base: BaseUrl,
    query: Query,
    headers: HeaderMap,
) -> HandlerResult {
    let collection: Collection = id.parse()?;
    query.only(&["f"])?;
    let format = Format::negotiate(query.get("f"), &headers)?;
    let snapshot = app.read(Workspace::snapshot).await?;
    let document = collection_json(collection, &snapshot, &base, self_links(&base, &query, format, JSON));
    match format {
        Format::Json => json_response(&headers, JSON, &document),
        Format::Html => Ok(html::collection(&headers, &document)),
    }
}
