//! A workspace of minesegsat over HTTP: its own API, OGC API Features, STAC API, tiles, jobs and the map page, out of the same
//! files that the program writes. No network lives here: what a job does comes through [`JobRunner`].
//!
//! # The map of this crate
//! - What it is told: [`ServerOptions`] ([`Token`], [`Limits`], [`Basemap`])
//! - Serving: [`serve`], or [`Server::bind`] and [`Server::run`] where the address is wanted before
//! - Jobs: [`JobRunner`] ([`PredictRequest`], [`MonitorRequest`], [`JobProgress`])
//! - What goes wrong before it serves: [`ServerError`]
//!
//! A request goes through the layers (`layers`: request id and log, headers, limits, access), then to a handler: `api` (our own),
//! `features` (OGC API Features), `stac` (STAC API), `tiles`, `web` (the page). Handlers read the [`workspace`](ServerOptions::workspace)
//! on threads that may block, so many at a time; every error becomes a problem document (RFC 9457).
#![warn(clippy::unwrap_used, clippy::print_stdout)]

mod answer;
mod api;
mod base;
mod blocking;
mod etag;
mod features;
mod health;
mod ids;
mod jobs;
mod layers;
mod metrics;
mod openapi;
mod options;
mod place;
mod predictions;
mod problem;
mod query;
mod register_pool;
mod remote;
mod router;
mod serve;
mod shapes;
mod snapshot;
mod stac;
mod state;
mod tiles;
mod time;
mod web;
mod workspace;

pub use self::jobs::{Job, JobFailure, JobKind, JobProgress, JobRunner, JobState, MonitorRequest, PredictRequest};
pub use self::options::{Basemap, Limits, ServerError, ServerOptions, Token};
pub use self::serve::{Server, serve};
