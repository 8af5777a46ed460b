//! The collections, and what is said of each.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::html;
use super::landing::{link, self_links};
use crate::answer::{Answer, GEO_JSON, JSON, json as answer};
use crate::base::{Base, Format};
use crate::place::CRS84;
use crate::problem::Problem;
use crate::query::Query;
use crate::snapshot::Snapshot;
use crate::state::App;
use crate::time::span_of;
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
                "Mines that are watched, with what was last seen there. They have no time of their own: `datetime` leaves none out"
            }
            Self::Permits => {
                "How much land may be disturbed where, from when to when; the site's boundary where a permit has no polygon"
            }
            Self::Observations => {
                "What was seen at sites, day by day, with the verdict; the geometry is the site's boundary"
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
            Problem::not_found(format!("there is no collection `{shown}`; there are {known}"))
        })
    }
}

/// Where and when the features of all collections lie.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Extent {
    /// West, south, east, north.
    pub(crate) bbox: Option<[f64; 4]>,
    pub(crate) first: Option<Date>,
    pub(crate) last: Option<Date>,
}

impl Extent {
    /// Of the sites and what was seen there.
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        let joined = |a: [f64; 4], b: [f64; 4]| {
            // Across the antimeridian a box has two parts; together with others it is the whole round.
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

    fn of_permits(snapshot: &Snapshot) -> Self {
        let permits = || snapshot.sites.iter().flat_map(|entry| &entry.permits);
        Self {
            first: permits().map(|permit| permit.valid_from).min(),
            // One without a last day is open, and so is the extent.
            last: permits()
                .map(|permit| permit.valid_to)
                .collect::<Option<Vec<_>>>()
                .and_then(|days| days.into_iter().max()),
            ..Self::of(snapshot)
        }
    }

    /// As RFC 3339 has it: `null` for an open end.
    pub(crate) fn interval(&self) -> [Option<String>; 2] {
        [
            self.first.and_then(span_of).map(|span| span.0.to_string()),
            self.last.and_then(span_of).map(|span| span.1.to_string()),
        ]
    }
}

fn describe(collection: Collection, snapshot: &Snapshot, base: &Base, mut links: Vec<Value>) -> Value {
    let path = format!("/ogc/collections/{}", collection.id());
    links.push(link("items", base.url(&format!("{path}/items?f=json")), GEO_JSON, collection.title()));
    links.push(link("items", base.url(&format!("{path}/items?f=html")), "text/html", collection.title()));
    let extent = if collection == Collection::Permits { Extent::of_permits(snapshot) } else { Extent::of(snapshot) };
    // Polygons reach a little beyond the sites.
    let reach = |bbox: [f64; 4]| {
        if matches!(collection, Collection::Polygons | Collection::Changes) {
            let beyond = 0.5;
            [
                (bbox[0] - beyond).max(-180.0),
                (bbox[1] - beyond).max(-90.0),
                (bbox[2] + beyond).min(180.0),
                (bbox[3] + beyond).min(90.0),
            ]
        } else {
            bbox
        }
    };
    let bbox = extent.bbox.map_or([-180.0, -90.0, 180.0, 90.0], reach);
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

fn own_links(collection: Collection, base: &Base, format: Format) -> Vec<Value> {
    let path = format!("/ogc/collections/{}", collection.id());
    let of = |rel: &str, f: &str, kind: &str| link(rel, base.url(&format!("{path}?f={f}")), kind, collection.title());
    match format {
        Format::Json => vec![of("self", "json", JSON), of("alternate", "html", "text/html")],
        Format::Html => vec![of("self", "html", "text/html"), of("alternate", "json", JSON)],
    }
}

/// `GET /ogc/collections`
pub(crate) async fn collections(State(app): State<Arc<App>>, base: Base, query: Query, headers: HeaderMap) -> Answer {
    query.only(&["f"])?;
    let format = Format::of(query.get("f"), &headers)?;
    let snapshot = app.read(Workspace::snapshot).await?;
    let all: Vec<Value> = Collection::ALL
        .into_iter()
        .map(|collection| describe(collection, &snapshot, &base, own_links(collection, &base, format)))
        .collect();
    let document = json!({ "links": self_links(&base, &query, format, JSON), "collections": all });
    match format {
        Format::Json => answer(&headers, JSON, &document),
        Format::Html => Ok(html::collections(&headers, &document)),
    }
}

/// `GET /ogc/collections/{collection}`
pub(crate) async fn collection(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    base: Base,
    query: Query,
    headers: HeaderMap,
) -> Answer {
    let collection: Collection = id.parse()?;
    query.only(&["f"])?;
    let format = Format::of(query.get("f"), &headers)?;
    let snapshot = app.read(Workspace::snapshot).await?;
    let document = describe(collection, &snapshot, &base, self_links(&base, &query, format, JSON));
    match format {
        Format::Json => answer(&headers, JSON, &document),
        Format::Html => Ok(html::collection(&headers, &document)),
    }
}
