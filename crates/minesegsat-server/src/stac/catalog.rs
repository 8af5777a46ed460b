//! Landing page, conformance, and the two collections.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use minesegsat_scene::stac_writer;
use serde_json::{Value, json};

use crate::base::BaseUrl;
use crate::features::{CONFORMS_TO as FEATURES, Extent};
use crate::params::NoQuery;
use crate::problem::Problem;
use crate::response::{GEO_JSON, HandlerResult, JSON, OPENAPI, json_response};
use crate::state::App;
use crate::workspace::Workspace;

/// Conformance classes of STAC API that this server declares.
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
            Self::Scenes => "Scenes of sites",
            Self::Predictions => "Maps of boxes",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::Scenes => {
                "Sentinel-2 over the sites of the register, an item for each observation, with tiles and the disturbed land found"
            }
            Self::Predictions => {
                "Mining-disturbed land in Sentinel-2 scenes that users mapped, with tiles and polygons"
            }
        }
    }
}

impl FromStr for Collection {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        Self::ALL.into_iter().find(|collection| collection.id() == text).ok_or_else(|| {
            let shown: String = text.chars().take(60).collect();
            Problem::not_found(format!("no collection `{shown}`; collections are `scenes`, `predictions`"))
        })
    }
}

pub(super) fn link(rel: &str, href: String, kind: &str) -> Value {
    let title = match rel {
        "self" => "This document",
        "root" => "All scenes and maps",
        "parent" => "Parent",
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
    let mut link = stac_writer::link(rel, &href, kind);
    link["title"] = title.into();
    link
}

/// All conformance classes.
fn conforms_to() -> Vec<&'static str> {
    // The STAC API has no HTML.
    CONFORMS_TO.into_iter().chain(FEATURES.into_iter().filter(|class| !class.ends_with("/html"))).collect()
}

/// `GET /stac`
pub(crate) async fn landing(
    State(app): State<Arc<App>>,
    base: BaseUrl,
    _: NoQuery,
    headers: HeaderMap,
) -> HandlerResult {
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
    let document = stac_writer::catalog(json!({
        "id": "minesegsat",
        "title": format!("MineSegSAT: {}", app.workspace.name()),
        "description": "Scenes of known mines, and maps of mining-disturbed land",
        "conformsTo": conforms_to(),
        "links": links,
    }));
    json_response(&headers, JSON, &document)
}

/// `GET /stac/conformance`
pub(crate) async fn conformance(_: NoQuery, headers: HeaderMap) -> HandlerResult {
    json_response(&headers, JSON, &json!({ "conformsTo": conforms_to() }))
}

/// Spatial and temporal extent of a collection.
fn extent(workspace: &Workspace, collection: Collection) -> Result<Value, Problem> {
    let extent = match collection {
        Collection::Scenes => Extent::from_snapshot(&*workspace.snapshot()?),
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

fn collection_json(collection: Collection, extent: Value, base: &BaseUrl) -> Value {
    let path = format!("/stac/collections/{}", collection.id());
    stac_writer::collection(json!({
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
    }))
}

/// `GET /stac/collections`
pub(crate) async fn collections(
    State(app): State<Arc<App>>,
    base: BaseUrl,
    _: NoQuery,
    headers: HeaderMap,
) -> HandlerResult {
    let extents = app
        .read(|workspace| Collection::ALL.into_iter().map(|one| extent(workspace, one)).collect::<Result<Vec<_>, _>>())
        .await?;
    let all: Vec<Value> =
        Collection::ALL.into_iter().zip(extents).map(|(one, extent)| collection_json(one, extent, &base)).collect();
    let document = json!({
        "collections": all,
        "links": [link("self", base.url("/stac/collections"), JSON), link("root", base.url("/stac"), JSON)],
    });
    json_response(&headers, JSON, &document)
}

/// `GET /stac/collections/{collection}`
pub(crate) async fn collection(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    base: BaseUrl,
    _: NoQuery,
    headers: HeaderMap,
) -> HandlerResult {
    let collection: Collection = id.parse()?;
    let extent = app.read(move |workspace| extent(workspace, collection)).await?;
    json_response(&headers, JSON, &collection_json(collection, extent, &base))
}
