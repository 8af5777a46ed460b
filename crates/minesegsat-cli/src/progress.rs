//! Progress bars. They appear on a terminal only, not in a pipe.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use minesegsat::job::Progress;

/// A bar with the number of items done, the rate and the time left.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new(quiet: bool) -> Self {
        Self::with_label(quiet, "predicting")
    }

    /// A bar with a label.
    pub(crate) fn with_label(quiet: bool, label: &'static str) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(0);
        let template = "{msg} {wide_bar} {pos}/{len}  {per_sec:.1}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(label);
        Self(bar)
    }

    /// Sets the number of items done and their total.
    pub(crate) fn count(&self, done: usize, total: usize) {
        self.0.set_length(total as u64);
        self.0.set_position(done as u64);
    }

    /// Sets the label.
    pub(crate) fn set_label(&self, what: &str) {
        self.0.set_message(minesegsat::on_one_line(what));
    }

    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bar {
    fn advance(&self, done: usize, total: usize) {
        self.count(done, total);
    }

    fn stage(&self, what: &str) {
        self.set_label(what);
    }
}

/// A spinner with the number of items found so far.
pub(crate) struct SearchCounter(ProgressBar);

impl SearchCounter {
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

impl Progress for SearchCounter {
    fn count(&self, done: usize) {
        self.0.set_position(done as u64);
    }
}

/// A bar with the bytes downloaded, the rate and the time left.
pub(crate) struct DownloadBar(ProgressBar);

impl DownloadBar {
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

impl Progress for DownloadBar {
    fn expect_bytes(&self, bytes: u64) {
        self.0.inc_length(bytes);
    }

    fn bytes(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    fn advance(&self, done: usize, total: usize) {
        self.0.set_message(format!("{done}/{total} scenes"));
    }
}
