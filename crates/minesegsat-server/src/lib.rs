//! Serves a workspace of minesegsat over HTTP: an API for the map page, OGC API Features, STAC API, tiles, jobs, and the map
//! page itself. The server reads the files that the program writes. It sends no requests: jobs run in the caller's [`JobRunner`].
//!
//! # The map of this crate
//! - Options: [`ServerOptions`] ([`Token`], [`Limits`], [`Basemap`])
//! - Users: [`Users`] ([`User`], [`Role`])
//! - Serving: [`serve`], or [`Server::bind`] and [`Server::run`] if the caller needs the address first
//! - Jobs: [`JobRunner`] ([`PredictRequest`], [`MonitorRequest`], [`JobProgress`])
//! - Errors at the start: [`ServerError`]
//!
//! # Modules, from top to bottom
//! A module uses only modules below its own row. In a row, `;` separates the levels. `scripts/check_architecture.py` finds circles.
//!
//! | row | modules |
//! |---|---|
//! | start | `serve` |
//! | routes | `router` |
//! | handlers and middleware | `openapi`, `stac`, `web`; `api`, `features`, `health`, `layers`, `tiles` |
//! | parts of requests | `base`, `params` |
//! | shared state | `state` |
//! | its parts | `access`, `metrics`, `tile_store`; `blocking`, `jobs`, `observation_files` |
//! | the workspace | `workspace`; `predictions`, `snapshot`; `map_rasters`; `register_pool`, `shapes` |
//! | values of requests and responses | `response`, `remote`; `etag`, `ids`, `query`, `spatial_filter`, `time` |
//! | foundation | `users`; `options`; `links`, `problem`, `proxy` |
//!
//! A request passes the layers (`layers`: request id and log, headers, limits, access control), then reaches a handler. Handlers
//! read the [`workspace`](ServerOptions::workspace) on blocking threads, at most [`Limits::readers`] at a time. Every error becomes
//! a problem document (RFC 9457).
#![warn(clippy::unwrap_used, clippy::print_stdout)]

mod access;
mod api;
mod base;
mod blocking;
mod etag;
mod features;
mod health;
mod ids;
mod jobs;
mod layers;
mod links;
mod map_rasters;
mod metrics;
mod observation_files;
mod openapi;
mod options;
mod params;
mod predictions;
mod problem;
mod proxy;
mod query;
mod register_pool;
mod remote;
mod response;
mod router;
mod serve;
mod shapes;
mod snapshot;
mod spatial_filter;
mod stac;
mod state;
mod tile_store;
mod tiles;
mod time;
mod users;
mod web;
mod workspace;

pub use self::jobs::{Job, JobFailure, JobKind, JobProgress, JobRunner, JobState, MonitorRequest, PredictRequest};
pub use self::options::{Basemap, Limits, ServerError, ServerOptions, Token};
pub use self::proxy::Network;
pub use self::serve::{Server, serve};
pub use self::users::{Role, User, Users};
pub use self::web::has_page;
