//! Tests on the built program: exit codes, messages and files. One binary, one module per command.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on panics; a skipped one says so")]

mod support;

mod area;
mod area_sample;
mod area_store;
mod bad_input;
mod change;
mod cloud_mask;
mod dataset;
mod demo;
mod download;
mod evaluate;
mod evidence;
mod hectares;
mod hostile;
mod incomplete;
mod interrupt;
mod labels;
mod map;
mod model;
mod monitor;
mod newcomer;
mod paths;
mod predict;
mod radiometry;
mod registers;
mod remote;
mod report;
mod scene_doors;
mod scene_preview;
mod search;
mod series;
mod serve;
mod setup;
mod simulate;
mod sites;
mod strangers;
mod train;
mod training_inputs;
mod users;
mod vector_files;
mod whole_sites;
