//! Progress of long commands: a bar on a terminal, and a line from time to time in a pipe.

use std::io::IsTerminal;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use minesegsat::job::Progress;

/// Seconds between two lines in a pipe, unless the environment variable `MINESEGSAT_PROGRESS_SECONDS` says otherwise.
const SECONDS_BETWEEN_LINES: f64 = 10.0;

/// A bar on a terminal. In a pipe, a thread prints a line every ten seconds instead, also while nothing changes.
pub(crate) struct Shown {
    pub(crate) bar: ProgressBar,
    lines: Option<Lines>,
}

impl Shown {
    /// A bar by a template of `indicatif`, or lines made by `line`. Nothing if `quiet`.
    pub(crate) fn new(quiet: bool, bar: ProgressBar, template: &str, line: fn(&ProgressBar) -> String) -> Self {
        if quiet {
            return Self { bar: ProgressBar::hidden(), lines: None };
        }
        if !std::io::stderr().is_terminal() {
            let hidden = ProgressBar::hidden();
            let lines = Lines::start(hidden.clone(), line);
            return Self { bar: hidden, lines };
        }
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar, lines: None }
    }

    /// Sets the number of items done and their total.
    pub(crate) fn count(&self, done: usize, total: usize) {
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
    }

    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
        if let Some(lines) = &self.lines {
            lines.end();
        }
    }
}

/// The thread that prints lines.
struct Lines {
    end: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Lines {
    /// `None` if the environment switches lines off with an interval of 0.
    fn start(bar: ProgressBar, line: fn(&ProgressBar) -> String) -> Option<Self> {
        let given = std::env::var("MINESEGSAT_PROGRESS_SECONDS").ok();
        let seconds = given.and_then(|text| text.trim().parse().ok()).unwrap_or(SECONDS_BETWEEN_LINES);
        let interval = Duration::try_from_secs_f64(seconds).ok().filter(|interval| !interval.is_zero())?;
        let (end, ended) = channel();
        let thread = std::thread::spawn(move || {
            while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                crate::print_message(format_args!("{}", line(&bar)));
            }
        });
        Some(Self { end, thread: Some(thread) })
    }

    /// Ends the thread, if it still runs.
    fn end(&self) {
        let _ = self.end.send(());
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.end();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Formats a duration: `1 h 02 min`, `3 min 20 s`, `14 s`.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s:02} s"),
        (h, m, _) => format!("{h} h {m:02} min"),
    }
}

/// A line such as `predicting: 12 of 40, 3 min 20 s left`.
fn counted(bar: &ProgressBar) -> String {
    let (label, done) = (bar.message(), bar.position());
    match bar.length().filter(|total| *total > 0) {
        Some(total) => format!("{label}: {done} of {total}, {}", time(bar, total)),
        None => format!("{label}: {} so far", duration(bar.elapsed().as_secs_f64())),
    }
}

/// The time that is left at the present speed, or the time that has passed if the speed is not known yet.
fn time(bar: &ProgressBar, total: u64) -> String {
    let (done, left) = (bar.position(), bar.eta().as_secs_f64());
    if done == 0 || done >= total || left < 1.0 {
        return format!("{} so far", duration(bar.elapsed().as_secs_f64()));
    }
    format!("about {} left", duration(left))
}

/// A bar with the number of items done, the rate and the time left.
pub(crate) struct Bar(Shown);

impl Bar {
    pub(crate) fn new(quiet: bool) -> Self {
        Self::with_label(quiet, "predicting")
    }

    /// A bar with a label.
    pub(crate) fn with_label(quiet: bool, label: &'static str) -> Self {
        let template = "{msg} {wide_bar} {pos}/{len}  {per_sec:.1}  {eta} left";
        let shown = Shown::new(quiet, ProgressBar::new(0), template, counted);
        shown.bar.set_message(label);
        Self(shown)
    }

    /// Sets the number of items done and their total.
    pub(crate) fn count(&self, done: usize, total: usize) {
        self.0.count(done, total);
    }

    /// Sets the label.
    pub(crate) fn set_label(&self, what: &str) {
        self.0.bar.set_message(minesegsat::on_one_line(what));
    }

    pub(crate) fn clear(&self) {
        self.0.clear();
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
pub(crate) struct SearchCounter(Shown);

impl SearchCounter {
    pub(crate) fn new(quiet: bool) -> Self {
        let line = |bar: &ProgressBar| format!("searching: {} read", bar.position());
        Self(Shown::new(quiet, ProgressBar::new_spinner(), "{spinner} searching  {pos} read", line))
    }

    pub(crate) fn clear(&self) {
        self.0.clear();
    }
}

impl Progress for SearchCounter {
    fn count(&self, done: usize) {
        self.0.bar.set_position(done as u64);
    }
}

/// A bar with the bytes downloaded, the rate and the time left.
pub(crate) struct DownloadBar(Shown);

impl DownloadBar {
    pub(crate) fn new(quiet: bool) -> Self {
        let template = "{msg} {wide_bar} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";
        let line = |bar: &ProgressBar| {
            let total = bar.length().unwrap_or(0);
            let (done, of) = (HumanBytes(bar.position()), HumanBytes(total));
            format!("downloading: {}  {done} of {of}, {}", bar.message(), time(bar, total))
        };
        Self(Shown::new(quiet, ProgressBar::new(0), template, line))
    }

    pub(crate) fn clear(&self) {
        self.0.clear();
    }
}

impl Progress for DownloadBar {
    fn expect_bytes(&self, bytes: u64) {
        self.0.bar.inc_length(bytes);
    }

    fn bytes(&self, bytes: u64) {
        self.0.bar.inc(bytes);
    }

    fn advance(&self, done: usize, total: usize) {
        self.0.bar.set_message(format!("{done}/{total} scenes"));
    }
}
