//! Items of a collection.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::catalog::{Collection, link};
use super::item::{observation_item, prediction_item};
use super::search::{DEFAULT_LIMIT, ItemSearch, run};
use crate::base::BaseUrl;
use crate::ids::parse_observation_id;
use crate::params::NoQuery;
use crate::problem::Problem;
use crate::query::Query;
use crate::response::{GEO_JSON, HandlerResult, JSON, json_response};
use crate::spatial_filter::{SpatialFilter, parse_bbox};
use crate::state::App;
use crate::time::TimeFilter;

/// `GET /stac/collections/{collection}/items`
pub(crate) async fn items(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    base: BaseUrl,
    query: Query,
    headers: HeaderMap,
) -> HandlerResult {
    let collection: Collection = id.parse()?;
    query.only(&["bbox", "datetime", "limit", "token"])?;
    let search = ItemSearch {
        collections: Some(vec![collection.id().to_owned()]),
        area: query.get("bbox").map(parse_bbox).transpose()?.map(SpatialFilter::from_bbox).unwrap_or_default(),
        time: query.get("datetime").map(|text| TimeFilter::parse(text, false)).transpose()?,
        limit: query.limit(DEFAULT_LIMIT, app.options.limits.page)?,
        from: query.get("token").map(ItemSearch::parse_token).transpose()?.unwrap_or_default(),
        ..ItemSearch::default()
    };
    let url = base.clone();
    let results = app.read(move |workspace| run(workspace, &url, &search)).await?;
    let home = format!("/stac/collections/{}", collection.id());
    let mut links = vec![
        link("self", base.request_url(query.raw()), GEO_JSON),
        link("root", base.url("/stac"), JSON),
        link("parent", base.url(&home), JSON),
        link("collection", base.url(&home), JSON),
    ];
    if let Some(next) = results.next {
        links.push(link("next", base.request_url(&query.with(&[("token", Some(&next.to_string()))])), GEO_JSON));
    }
    json_response(&headers, GEO_JSON, &item_collection(&results.items, results.matched, links))
}

/// An ItemCollection.
pub(super) fn item_collection(items: &[Value], matched: usize, links: Vec<Value>) -> Value {
    json!({
        "type": "FeatureCollection",
        "features": items,
        "links": links,
        "numberMatched": matched,
        "numberReturned": items.len(),
    })
}

/// `GET /stac/collections/{collection}/items/{item}`
pub(crate) async fn item(
    State(app): State<Arc<App>>,
    Path((collection, id)): Path<(String, String)>,
    base: BaseUrl,
    _: NoQuery,
    headers: HeaderMap,
) -> HandlerResult {
    let collection: Collection = collection.parse()?;
    let document = app
        .read(move |workspace| {
            let missing = || {
                let shown: String = id.chars().take(120).collect();
                Problem::not_found(format!("no item `{shown}` in the collection `{}`", collection.id()))
            };
            match collection {
                Collection::Predictions => {
                    workspace.check()?;
                    let name = id.parse().map_err(|_| missing())?;
                    Ok(prediction_item(&base, &*workspace.predictions().find(&name).map_err(|_| missing())?))
                }
                Collection::Scenes => {
                    let (site, name) = parse_observation_id(&id).ok_or_else(missing)?;
                    let snapshot = workspace.snapshot()?;
                    let entry = snapshot.find(&site).ok_or_else(missing)?;
                    let keys = snapshot.keys.get(entry.keys.clone()).unwrap_or_default();
                    let key = keys.iter().find(|key| key.name == name.as_str()).ok_or_else(missing)?;
                    observation_item(workspace, &base, entry, &key.name, key.date)
                }
            }
        })
        .await?;
    json_response(&headers, GEO_JSON, &document)
}
