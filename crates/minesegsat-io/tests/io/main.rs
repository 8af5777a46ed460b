//! Rasters on disk and over HTTP.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod http_reads;
mod objects;
mod overviews;
mod rasters;
