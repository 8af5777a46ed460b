//! Extractors for parts of a request that many handlers share.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use minesegsat_watch::register::SiteId;

use crate::ids::{ObservationName, site_id};
use crate::problem::Problem;
use crate::query::Query;

/// Refuses requests that have query parameters.
#[derive(Debug)]
pub(crate) struct NoQuery;

impl<S: Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Query::parse(parts.uri.query().unwrap_or_default()).only(&[]).map(|()| Self)
    }
}

/// The id in a path with `{site}`.
#[derive(Debug)]
pub(crate) struct SitePath(pub(crate) SiteId);

impl<S: Send + Sync> FromRequestParts<S> for SitePath {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let Path(site) = Path::<String>::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
        site_id(&site).map(Self).map_err(IntoResponse::into_response)
    }
}

/// The ids in a path with `{site}` and `{observation}`.
#[derive(Debug)]
pub(crate) struct ObservationPath(pub(crate) SiteId, pub(crate) ObservationName);

impl<S: Send + Sync> FromRequestParts<S> for ObservationPath {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let Path((site, observation)) =
            Path::<(String, String)>::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
        let ids = site_id(&site).and_then(|site| Ok(Self(site, observation.parse()?)));
        ids.map_err(IntoResponse::into_response)
    }
}
