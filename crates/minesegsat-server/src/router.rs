//! Routes and layers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutLayer};

use crate::options::ServerOptions;
use crate::state::App;
use crate::{api, etag, features, health, layers, openapi, stac, tiles, web};

/// How long browsers may cache the response to a CORS preflight request.
const PREFLIGHT: Duration = Duration::from_hours(1);

/// All routes with all layers. The last layer is the outermost.
pub(crate) fn router(app: Arc<App>) -> Router {
    let options = &app.options;
    let limits = options.limits;
    Router::new()
        .route("/", get(web::root))
        .route("/assets/{*path}", get(web::asset))
        .route("/favicon.ico", get(web::favicon))
        .route("/health", get(health::health))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(openapi::openapi))
        .route("/openapi.html", get(openapi::page))
        .merge(api_routes())
        .merge(tile_routes())
        .merge(standard_routes())
        .layer(DefaultBodyLimit::max(limits.body_bytes))
        .layer(RequestBodyLimitLayer::new(limits.body_bytes))
        .layer(RequestBodyTimeoutLayer::new(limits.request_timeout))
        .layer(from_fn_with_state(Arc::clone(&app), layers::access))
        .layer(from_fn_with_state(Arc::clone(&app), layers::rate))
        .layer(from_fn_with_state(Arc::clone(&app), layers::host))
        .layer(TimeoutLayer::with_status_code(axum::http::StatusCode::SERVICE_UNAVAILABLE, limits.request_timeout))
        .layer(cors(options))
        .layer(
            CompressionLayer::new().compress_when(
                DefaultPredicate::new()
                    .and(NotForContentType::const_new("application/zip"))
                    .and(NotForContentType::const_new("application/geopackage+sqlite3"))
                    .and(NotForContentType::const_new(
                        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                    )),
            ),
        )
        .layer(from_fn(etag::per_encoding))
        .layer(CatchPanicLayer::custom(layers::panicked))
        .layer(from_fn_with_state(Arc::clone(&app), layers::headers))
        .layer(from_fn_with_state(Arc::clone(&app), layers::observe))
        .with_state(app)
}

fn api_routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api", get(api::about))
        .route("/api/me", get(api::me))
        .route("/api/session", post(api::open_session).delete(api::close_session))
        .route("/api/sites", get(api::sites).post(api::add_site))
        .route("/api/sites/{site}", get(api::site).patch(api::edit_site).delete(api::remove_site))
        .route("/api/sites/{site}/permits", post(api::add_permit).delete(api::remove_permit))
        .route("/api/sites/{site}/timeline", get(api::timeline))
        .route("/api/sites/{site}/observations/{observation}/polygons", get(api::observation_polygons))
        .route("/api/sites/{site}/observations/{observation}/changes", get(api::observation_changes))
        .route("/api/sites/{site}/observations/{observation}/files/{file}", get(api::observation_file))
        .route("/api/sites/{site}/report", get(api::report))
        .route("/api/sites/{site}/evidence/{observation}", get(api::evidence))
        .route("/api/sites/{site}/export", get(api::export))
        .route("/api/predict", post(api::start_predict))
        .route("/api/monitor", post(api::start_monitor))
        .route("/api/jobs", get(api::jobs))
        .route("/api/jobs/{job}", get(api::job).delete(api::cancel_job))
        .route("/api/jobs/{job}/events", get(api::job_events))
        .route("/api/predictions", get(api::predictions))
        .route("/api/predictions/{name}", delete(api::remove_prediction))
        .route("/api/predictions/{name}/polygons", get(api::prediction_polygons))
        .route("/api/predictions/{name}/files/{file}", get(api::prediction_file))
}

fn tile_routes() -> Router<Arc<App>> {
    Router::new()
        .route("/tiles/sites/{site}/{observation}/{layer}/{z}/{x}/{y}", get(tiles::site_tile))
        .route("/tiles/sites/{site}/{observation}/{layer}/tilejson.json", get(tiles::site_tilejson))
        .route("/tiles/predictions/{name}/{layer}/{z}/{x}/{y}", get(tiles::prediction_tile))
        .route("/tiles/predictions/{name}/{layer}/tilejson.json", get(tiles::prediction_tilejson))
        .route("/tiles/vector/{layer}/{z}/{x}/{y}", get(tiles::vector_tile))
}

fn standard_routes() -> Router<Arc<App>> {
    Router::new()
        .route("/ogc", get(features::landing))
        .route("/ogc/", get(features::landing))
        .route("/ogc/conformance", get(features::conformance))
        .route("/ogc/collections", get(features::collections))
        .route("/ogc/collections/{collection}", get(features::collection))
        .route("/ogc/collections/{collection}/items", get(features::items))
        .route("/ogc/collections/{collection}/items/{feature}", get(features::item))
        .route("/stac", get(stac::landing))
        .route("/stac/", get(stac::landing))
        .route("/stac/conformance", get(stac::conformance))
        .route("/stac/collections", get(stac::collections))
        .route("/stac/collections/{collection}", get(stac::collection))
        .route("/stac/collections/{collection}/items", get(stac::items))
        .route("/stac/collections/{collection}/items/{item}", get(stac::item))
        .route("/stac/search", get(stac::search).post(stac::search_post))
}

fn cors(options: &ServerOptions) -> CorsLayer {
    let origins: Vec<HeaderValue> = options.cors_origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_NONE_MATCH])
        .expose_headers([header::ETAG, header::LOCATION, header::LINK, HeaderName::from_static("x-request-id")])
        .max_age(PREFLIGHT)
}
