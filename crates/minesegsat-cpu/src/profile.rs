//! Time per operation: [`Profile`].

use std::fmt;
use std::time::Instant;

/// Operations of a [`Profile`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the variants are their names")]
pub enum Operation {
    ChannelsLast,
    Gather,
    PatchEmbedding,
    Norm,
    SpatialReduction,
    KeyValue,
    Pack,
    Query,
    Scores,
    Softmax,
    Context,
    Dense,
    MlpIn,
    DepthwiseGelu,
    MlpOut,
    Projection,
    Classifier,
    Resize,
    Detail,
}

impl Operation {
    const ALL: [Self; 19] = [
        Self::ChannelsLast,
        Self::Gather,
        Self::PatchEmbedding,
        Self::Norm,
        Self::SpatialReduction,
        Self::KeyValue,
        Self::Pack,
        Self::Query,
        Self::Scores,
        Self::Softmax,
        Self::Context,
        Self::Dense,
        Self::MlpIn,
        Self::DepthwiseGelu,
        Self::MlpOut,
        Self::Projection,
        Self::Classifier,
        Self::Resize,
        Self::Detail,
    ];

    /// Name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChannelsLast => "channels last",
            Self::Gather => "gather",
            Self::PatchEmbedding => "patch embedding",
            Self::Norm => "layer norm",
            Self::SpatialReduction => "spatial reduction",
            Self::KeyValue => "keys and values",
            Self::Pack => "pack keys, values",
            Self::Query => "query",
            Self::Scores => "scores",
            Self::Softmax => "softmax",
            Self::Context => "context",
            Self::Dense => "dense",
            Self::MlpIn => "mlp_in",
            Self::DepthwiseGelu => "depthwise, GELU",
            Self::MlpOut => "mlp_out",
            Self::Projection => "projection",
            Self::Classifier => "classifier",
            Self::Resize => "resize",
            Self::Detail => "detail path",
        }
    }

    /// Whether it is a matrix product.
    pub const fn is_product(self) -> bool {
        matches!(
            self,
            Self::PatchEmbedding
                | Self::SpatialReduction
                | Self::KeyValue
                | Self::Query
                | Self::Scores
                | Self::Context
                | Self::Dense
                | Self::MlpIn
                | Self::MlpOut
                | Self::Projection
        )
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The four stages of the encoder, and one entry for all other operations.
const STAGES: usize = 5;

/// Time and work per operation, of one thread or of all threads.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    enabled: bool,
    stage: usize,
    entries: [[(f64, f64); Operation::ALL.len()]; STAGES],
}

impl Clock {
    pub(crate) const fn new(enabled: bool) -> Self {
        Self { enabled, stage: 0, entries: [[(0.0, 0.0); Operation::ALL.len()]; STAGES] }
    }

    /// Sets the stage of the following operations: 1 to 4, or 0 outside the encoder.
    pub(crate) const fn set_stage(&mut self, stage: usize) {
        self.stage = stage;
    }

    pub(crate) fn start(&self) -> Option<Instant> {
        self.enabled.then(Instant::now)
    }

    /// Adds the time since `start`, and the number of floating-point operations.
    pub(crate) fn stop(&mut self, start: Option<Instant>, operation: Operation, flops: usize) {
        if let Some(start) = start {
            let entry = &mut self.entries[self.stage][operation as usize];
            entry.0 += start.elapsed().as_secs_f64();
            entry.1 += flops as f64;
        }
    }

    fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.entries.as_flattened_mut().iter_mut().zip(other.entries.as_flattened()) {
            mine.0 += theirs.0;
            mine.1 += theirs.1;
        }
    }
}

/// Time per operation for a number of patches.
#[derive(Debug, Clone)]
pub struct Profile {
    clock: Clock,
    /// Patches.
    pub patches: usize,
    /// Wall time, in seconds.
    pub wall_s: f64,
    /// Threads.
    pub threads: usize,
    /// Measured peak rate of one thread, in floating-point operations per second.
    pub peak_flops: f64,
}

/// A line of a profile.
#[derive(Debug, Clone, Copy)]
pub struct ProfileRow {
    /// Stage of the encoder, 1 to 4; 0 for operations before and after it.
    pub stage: usize,
    /// The operation.
    pub operation: Operation,
    /// Time of all threads together, in seconds.
    pub seconds: f64,
    /// Floating-point operations of matrix products and of the depthwise convolution; 0 for operations without a count.
    pub flops: f64,
}

impl Profile {
    pub(crate) fn new<'a>(
        clocks: impl Iterator<Item = &'a Clock>,
        wall_s: f64,
        threads: usize,
        peak_flops: f64,
    ) -> Self {
        let mut clock = Clock::new(false);
        clocks.for_each(|other| clock.add(other));
        Self { clock, patches: 1, wall_s, threads, peak_flops }
    }

    /// Adds the profile of other patches.
    pub(crate) fn join(&mut self, other: &Self) {
        self.clock.add(&other.clock);
        self.patches += other.patches;
        self.wall_s += other.wall_s;
    }

    /// Lines by stage, in the order of the network.
    pub fn rows(&self) -> Vec<ProfileRow> {
        let rows = self.clock.entries.iter().enumerate().flat_map(|(stage, entries)| {
            entries.iter().zip(Operation::ALL).map(move |(&(seconds, flops), operation)| ProfileRow {
                stage,
                operation,
                seconds,
                flops,
            })
        });
        rows.filter(|row| row.seconds > 0.0).collect()
    }

    /// Floating-point operations of matrix products and convolutions.
    pub fn flops(&self) -> f64 {
        self.rows().iter().map(|row| row.flops).sum()
    }

    /// Rate in the wall time as a fraction of the peak rate of all threads.
    pub fn share_of_peak(&self) -> f64 {
        self.flops() / (self.wall_s * self.threads as f64 * self.peak_flops)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patches = self.patches as f64;
        let of_all = self.wall_s * self.threads as f64;
        writeln!(f, "{:<5} {:<18} {:>9} {:>7} {:>9} {:>8}", "stage", "operation", "ms", "share", "GFLOP/s", "of peak")?;
        let mut seconds = 0.0;
        for row in self.rows() {
            seconds += row.seconds;
            let stage = if row.stage == 0 { "-".to_owned() } else { row.stage.to_string() };
            let (ms, share) = (row.seconds / patches * 1e3, row.seconds / of_all * 100.0);
            write!(f, "{stage:<5} {:<18} {ms:>9.2} {share:>6.1}%", row.operation)?;
            if row.operation.is_product() {
                let rate = row.flops / row.seconds;
                write!(f, " {:>9.1} {:>7.1}%", rate / 1e9, rate / self.peak_flops * 100.0)?;
            }
            writeln!(f)?;
        }
        let waiting = (of_all - seconds).max(0.0);
        writeln!(
            f,
            "{:<5} {:<18} {:>9.2} {:>6.1}%",
            "-",
            "waiting, other",
            waiting / patches * 1e3,
            waiting / of_all * 100.0
        )?;
        write!(
            f,
            "{:.1} ms per patch on {} threads, {:.1} GFLOP, {:.1} GFLOP/s, {:.1} % of the peak of {:.1} GFLOP/s",
            self.wall_s / patches * 1e3,
            self.threads,
            self.flops() / patches / 1e9,
            self.flops() / self.wall_s / 1e9,
            self.share_of_peak() * 100.0,
            self.peak_flops * self.threads as f64 / 1e9
        )
    }
}
