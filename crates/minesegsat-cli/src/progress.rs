//! A progress bar on a terminal, silence in pipes.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use minesegsat::{catalog::SearchProgress, download::DownloadProgress, predict::Progress};

/// Patches done, rate and time left.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new(quiet: bool) -> Self {
        Self::named(quiet, "predicting")
    }

    /// A bar of some work.
    pub(crate) fn named(quiet: bool, work: &'static str) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(0);
        let template = "{msg} {wide_bar} {pos}/{len}  {per_sec:.1}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(work);
        Self(bar)
    }

    /// `done` of `total`, whatever they are.
    pub(crate) fn count(&self, done: usize, total: usize) {
        self.0.set_length(total as u64);
        self.0.set_position(done as u64);
    }

    /// Says what is being done.
    pub(crate) fn say(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }

    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bar {
    fn patches(&self, done: usize, total: usize) {
        self.0.set_length(total as u64);
        self.0.set_position(done as u64);
    }

    fn finishing(&self, what: &str) {
        self.0.set_message(format!("writing {what}"));
    }
}

/// Items found so far.
pub(crate) struct Counter(ProgressBar);

impl Counter {
    pub(crate) fn new(quiet: bool) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} searching  {pos} read") {
            bar.set_style(style);
        }
        Self(bar)
    }

    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

impl SearchProgress for Counter {
    fn read(&self, count: usize) {
        self.0.set_position(count as u64);
    }
}

/// Bytes fetched, rate and time left.
pub(crate) struct Bytes(ProgressBar);

impl Bytes {
    pub(crate) fn new(quiet: bool) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(0);
        let template = "{msg} {wide_bar} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(bar)
    }

    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

impl DownloadProgress for Bytes {
    fn expect(&self, bytes: u64) {
        self.0.inc_length(bytes);
    }

    fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    fn scenes(&self, done: usize, total: usize) {
        self.0.set_message(format!("{done}/{total} scenes"));
    }
}
