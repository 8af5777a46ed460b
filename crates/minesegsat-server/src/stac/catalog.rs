//! Landing page, conformance, and the two collections.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};

use crate::answer::{Answer, GEO_JSON, JSON, OPENAPI, json as answer};
use crate::base::Base;
use crate::features::{CONFORMS_TO as FEATURES, Extent};
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;
use crate::workspace::Workspace;

/// Version of STAC that documents follow.
pub(super) const STAC_VERSION: &str = "1.1.0";
/// Conformance classes of STAC API that hold.
const CONFORMS_TO: [&str; 4] = [
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/collections",
    "https://api.stacspec.org/v1.0.0/ogcapi-features",
    "https://api.stacspec.org/v1.0.0/item-search",
];

/// A collection of items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Collection {
    Scenes,
    Predictions,
}

impl Collection {
    pub(super) const ALL: [Self; 2] = [Self::Scenes, Self::Predictions];

    pub(super) const fn id(self) -> &'static str {
        match self {
            Self::Scenes => "scenes",
            Self::Predictions => "predictions",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Scenes => "Scenes that were looked at",
            Self::Predictions => "Maps of boxes",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::Scenes => {
                "Sentinel-2 over the sites of the register, an item for each observation, with tiles and the disturbed land found"
            }
            Self::Predictions => "Mining-disturbed land in Sentinel-2 scenes, mapped by order, with tiles and polygons",
        }
    }
}

impl FromStr for Collection {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        Self::ALL.into_iter().find(|collection| collection.id() == text).ok_or_else(|| {
            let shown: String = text.chars().take(60).collect();
            Problem::not_found(format!("there is no collection `{shown}`; there are `scenes`, `predictions`"))
        })
    }
}

pub(super) fn link(rel: &str, href: String, kind: &str) -> Value {
    let title = match rel {
        "self" => "This document",
        "root" => "All scenes and maps",
        "parent" => "What this is part of",
        "collection" => "The collection",
        "items" => "Items",
        "next" => "Next page",
        "search" => "Search",
        "data" => "Collections",
        "conformance" => "Conformance classes",
        "service-desc" => "All paths (OpenAPI 3.0)",
        "service-doc" => "All paths, as a page",
        "license" => "Legal notice on Sentinel data",
        _ => rel,
    };
    json!({ "rel": rel, "href": href, "type": kind, "title": title })
}

/// All conformance classes.
fn conforms_to() -> Vec<&'static str> {
    // HTML is for OGC API Features alone.
    CONFORMS_TO.into_iter().chain(FEATURES.into_iter().filter(|class| !class.ends_with("/html"))).collect()
}

/// `GET /stac`
pub(crate) async fn landing(State(app): State<Arc<App>>, base: Base, query: Query, headers: HeaderMap) -> Answer {
    query.only(&[])?;
    let root = base.url("/stac");
    let mut links = vec![
        link("self", root.clone(), JSON),
        link("root", root, JSON),
        link("service-desc", base.url("/openapi.json"), OPENAPI),
        link("service-doc", base.url("/openapi.html"), "text/html"),
        link("conformance", base.url("/stac/conformance"), JSON),
        link("data", base.url("/stac/collections"), JSON),
    ];
    for method in ["GET", "POST"] {
        let mut search = link("search", base.url("/stac/search"), GEO_JSON);
        search["method"] = method.into();
        links.push(search);
    }
    for collection in Collection::ALL {
        let mut child = link("child", base.url(&format!("/stac/collections/{}", collection.id())), JSON);
        child["title"] = collection.title().into();
        links.push(child);
    }
    let document = json!({
        "type": "Catalog",
        "stac_version": STAC_VERSION,
        "stac_extensions": [],
        "id": "minesegsat",
        "title": format!("MineSegSAT: {}", app.workspace.name()),
        "description": "Scenes that were looked at over known mines, and maps of mining-disturbed land",
        "conformsTo": conforms_to(),
        "links": links,
    });
    answer(&headers, JSON, &document)
}

/// `GET /stac/conformance`
pub(crate) async fn conformance(query: Query, headers: HeaderMap) -> Answer {
    query.only(&[])?;
    answer(&headers, JSON, &json!({ "conformsTo": conforms_to() }))
}

/// Where and when the items of a collection lie.
fn extent(workspace: &Workspace, collection: Collection) -> Result<Value, Problem> {
    let extent = match collection {
        Collection::Scenes => Extent::of(&*workspace.snapshot()?),
        Collection::Predictions => {
            workspace.check()?;
            let all = workspace.predictions().all();
            let boxes = all.iter().map(|prediction| match prediction.bounds {
                [west, south, east, north] if west > east => [-180.0, south, 180.0, north],
                bounds => bounds,
            });
            Extent {
                bbox: boxes.reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]),
                first: all.iter().filter_map(|prediction| prediction.date).min(),
                last: all.iter().filter_map(|prediction| prediction.date).max(),
            }
        }
    };
    Ok(json!({
        "spatial": { "bbox": [extent.bbox.unwrap_or([-180.0, -90.0, 180.0, 90.0])] },
        "temporal": { "interval": [extent.interval()] },
    }))
}

fn describe(collection: Collection, extent: Value, base: &Base) -> Value {
    let path = format!("/stac/collections/{}", collection.id());
    json!({
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "stac_extensions": [],
        "id": collection.id(),
        "title": collection.title(),
        "description": collection.description(),
        "keywords": ["sentinel-2", "mining"],
        "license": "other",
        "extent": extent,
        "summaries": { "platform": ["sentinel-2a", "sentinel-2b", "sentinel-2c"], "gsd": [10] },
        "links": [
            link("self", base.url(&path), JSON),
            link("root", base.url("/stac"), JSON),
            link("parent", base.url("/stac"), JSON),
            link("items", base.url(&format!("{path}/items")), GEO_JSON),
            link("license", "https://sentinels.copernicus.eu/documents/247904/690755/Sentinel_Data_Legal_Notice".to_owned(), "application/pdf"),
        ],
    })
}

/// `GET /stac/collections`
pub(crate) async fn collections(State(app): State<Arc<App>>, base: Base, query: Query, headers: HeaderMap) -> Answer {
    query.only(&[])?;
    let extents = app
        .read(|workspace| Collection::ALL.into_iter().map(|one| extent(workspace, one)).collect::<Result<Vec<_>, _>>())
        .await?;
    let all: Vec<Value> =
        Collection::ALL.into_iter().zip(extents).map(|(one, extent)| describe(one, extent, &base)).collect();
    let document = json!({
        "collections": all,
        "links": [link("self", base.url("/stac/collections"), JSON), link("root", base.url("/stac"), JSON)],
    });
    answer(&headers, JSON, &document)
}

/// `GET /stac/collections/{collection}`
pub(crate) async fn collection(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    base: Base,
    query: Query,
    headers: HeaderMap,
) -> Answer {
    let collection: Collection = id.parse()?;
    query.only(&[])?;
    let extent = app.read(move |workspace| extent(workspace, collection)).await?;
    answer(&headers, JSON, &describe(collection, extent, &base))
}
