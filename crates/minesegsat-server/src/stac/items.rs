//! Items of a collection.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::catalog::{Collection, link};
use super::item::{of_observation, of_prediction};
use super::search::{Question, USUAL, run};
use crate::answer::{Answer, GEO_JSON, JSON, json as answer};
use crate::base::Base;
use crate::ids::parse_observation_id;
use crate::place::{PlaceFilter, bbox};
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;
use crate::time::TimeFilter;

/// `GET /stac/collections/{collection}/items`
pub(crate) async fn items(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    base: Base,
    query: Query,
    headers: HeaderMap,
) -> Answer {
    let collection: Collection = id.parse()?;
    query.only(&["bbox", "datetime", "limit", "token"])?;
    let question = Question {
        collections: Some(vec![collection.id().to_owned()]),
        place: query.get("bbox").map(bbox).transpose()?.map(PlaceFilter::of_bbox).unwrap_or_default(),
        time: query.get("datetime").map(|text| TimeFilter::parse(text, false)).transpose()?,
        limit: query.limit(USUAL, app.options.limits.page)?,
        from: query.get("token").map(Question::parse_token).transpose()?.unwrap_or_default(),
        ..Question::default()
    };
    let this = base.clone();
    let found = app.read(move |workspace| run(workspace, &this, &question)).await?;
    let home = format!("/stac/collections/{}", collection.id());
    let mut links = vec![
        link("self", base.this(query.raw()), GEO_JSON),
        link("root", base.url("/stac"), JSON),
        link("parent", base.url(&home), JSON),
        link("collection", base.url(&home), JSON),
    ];
    if let Some(next) = found.next {
        links.push(link("next", base.this(&query.with(&[("token", Some(&next.to_string()))])), GEO_JSON));
    }
    answer(&headers, GEO_JSON, &collection_of(&found.items, found.matched, links))
}

/// An ItemCollection.
pub(super) fn collection_of(items: &[Value], matched: usize, links: Vec<Value>) -> Value {
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
    base: Base,
    query: Query,
    headers: HeaderMap,
) -> Answer {
    let collection: Collection = collection.parse()?;
    query.only(&[])?;
    let document = app
        .read(move |workspace| {
            let missing = || {
                let shown: String = id.chars().take(120).collect();
                Problem::not_found(format!("there is no item `{shown}` in the collection `{}`", collection.id()))
            };
            match collection {
                Collection::Predictions => {
                    workspace.check()?;
                    let name = id.parse().map_err(|_| missing())?;
                    Ok(of_prediction(&base, &*workspace.predictions().find(&name).map_err(|_| missing())?))
                }
                Collection::Scenes => {
                    let (site, name) = parse_observation_id(&id).ok_or_else(missing)?;
                    let snapshot = workspace.snapshot()?;
                    let entry = snapshot.find(&site).ok_or_else(missing)?;
                    let keys = snapshot.keys.get(entry.keys.clone()).unwrap_or_default();
                    let key = keys.iter().find(|key| key.name == name.as_str()).ok_or_else(missing)?;
                    of_observation(workspace, &base, entry, &key.name, key.date)
                }
            }
        })
        .await?;
    answer(&headers, GEO_JSON, &document)
}
