//! A progress bar on a terminal, silence in pipes.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use minesegsat::predict::Progress;

/// Patches done, rate and time left.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new(quiet: bool) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(0);
        let template = "{msg} {wide_bar} {pos}/{len} patches  {per_sec:.1}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message("predicting");
        Self(bar)
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
