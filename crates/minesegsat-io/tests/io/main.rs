//! Rasters on disk and over HTTP.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod http_reads;
mod overviews;
mod rasters;
