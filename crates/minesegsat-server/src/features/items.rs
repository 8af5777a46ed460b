//! Pages of features, and single features.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use jiff::Timestamp;
use serde_json::json;

use super::collection::Collection;
use super::html;
use super::landing::{PAGE, link, self_links};
use super::source::{self, Cursor, Filter};
use crate::base::{BaseUrl, Format};
use crate::etag;
use crate::problem::Problem;
use crate::query::Query;
use crate::response::{GEO_JSON, HandlerResult, JSON, REVALIDATE, json_response, tagged, with_header};
use crate::spatial_filter::{CRS84, SpatialFilter, parse_bbox};
use crate::state::App;
use crate::time::TimeFilter;

/// Parameters of `items`.
const KNOWN: [&str; 6] = ["bbox", "bbox-crs", "datetime", "limit", "cursor", "f"];
/// Default number of features per page.
const DEFAULT_LIMIT: usize = 10;

/// The filters of a query.
fn filter(query: &Query) -> Result<Filter, Problem> {
    if let Some(crs) = query.get("bbox-crs").filter(|crs| *crs != CRS84) {
        return Err(Problem::argument("bbox-crs", crs, CRS84));
    }
    if query.get("bbox-crs").is_some() && query.get("bbox").is_none() {
        return Err(Problem::argument("bbox-crs", CRS84, "allowed together with `bbox` only"));
    }
    let area = query.get("bbox").map(parse_bbox).transpose()?.map(SpatialFilter::from_bbox).unwrap_or_default();
    let time = query.get("datetime").map(|text| TimeFilter::parse(text, true)).transpose()?;
    Ok(Filter { area, time })
}

/// `GET /ogc/collections/{collection}/items`
pub(crate) async fn items(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    base: BaseUrl,
    query: Query,
    headers: HeaderMap,
) -> HandlerResult {
    let collection: Collection = id.parse()?;
    query.only(&KNOWN)?;
    let format = Format::negotiate(query.get("f"), &headers)?;
    let limit = query.limit(DEFAULT_LIMIT, app.options.limits.page)?;
    let cursor = query.get("cursor").map(Cursor::parse).transpose()?.unwrap_or_default();
    let filter = filter(&query)?;
    let page = app.read(move |workspace| source::page(workspace, collection, &filter, cursor, limit)).await?;

    let mut links = self_links(&base, &query, format, GEO_JSON);
    links.push(link("collection", base.url(&format!("/ogc/collections/{}", collection.id())), JSON, "The collection"));
    if let Some(next) = page.next {
        let (f, kind) = match format {
            Format::Json => ("json", GEO_JSON),
            Format::Html => ("html", PAGE),
        };
        let query = query.with(&[("cursor", Some(&next.text())), ("f", Some(f))]);
        links.push(link("next", base.request_url(&query), kind, "Next page"));
    }
    let mut document = json!({
        "type": "FeatureCollection",
        "features": page.features,
        "links": links,
        "numberReturned": page.features.len(),
    });
    if let Some(matched) = page.matched {
        document["numberMatched"] = matched.into();
    }
    // The tag covers the document without `timeStamp`, which differs in every response.
    let text = document.to_string();
    let tag = etag::parts_tag(&[&text, if format == Format::Html { "html" } else { "json" }]);
    document["timeStamp"] = format!("{:.0}", Timestamp::now()).into();
    let response = match format {
        Format::Json => tagged(&headers, GEO_JSON, REVALIDATE, &tag, document.to_string()),
        Format::Html => html::items(&headers, collection.id(), &document),
    };
    Ok(with_header(response, header::HeaderName::from_static("content-crs"), &format!("<{CRS84}>")))
}

/// `GET /ogc/collections/{collection}/items/{feature}`
pub(crate) async fn item(
    State(app): State<Arc<App>>,
    Path((id, feature)): Path<(String, String)>,
    base: BaseUrl,
    query: Query,
    headers: HeaderMap,
) -> HandlerResult {
    let collection: Collection = id.parse()?;
    query.only(&["f"])?;
    let format = Format::negotiate(query.get("f"), &headers)?;
    let mut document = app.read(move |workspace| source::find(workspace, collection, &feature)).await?;
    let mut links = self_links(&base, &query, format, GEO_JSON);
    links.push(link("collection", base.url(&format!("/ogc/collections/{}", collection.id())), JSON, "The collection"));
    document["links"] = links.into();
    let response = match format {
        Format::Json => json_response(&headers, GEO_JSON, &document)?,
        Format::Html => html::item(&headers, &document),
    };
    Ok(with_header(response, header::HeaderName::from_static("content-crs"), &format!("<{CRS84}>")))
}
