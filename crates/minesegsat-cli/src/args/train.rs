//! Arguments of `minesegsat train` and `minesegsat bench-architectures`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// Configuration, TOML; `configs/` has some. Without it the defaults hold, or with --resume those of the run.
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Folder of the run.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Go on from the run's last checkpoint.
    #[arg(long)]
    pub resume: bool,

    #[command(flatten)]
    pub changes: TrainChanges,

    /// Print the resolved configuration, and do nothing.
    #[arg(long)]
    pub print_config: bool,

    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArchitecturesArgs {
    /// What is compared, TOML; `configs/benchmark_brazil.toml` is an example.
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,

    /// Folder of the runs and of the table. Runs that are there already are not made again.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    #[command(flatten)]
    pub changes: TrainChanges,

    /// Minutes of training for each, instead of the configuration's.
    #[arg(long, value_name = "MIN")]
    pub minutes: Option<f64>,
}

/// Flags that change a configuration.
#[derive(Debug, Args)]
pub(crate) struct TrainChanges {
    /// Data set, instead of the configuration's.
    #[arg(long, value_name = "DIR")]
    pub dataset: Option<PathBuf>,

    /// Seed, instead of the configuration's.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Device, instead of the configuration's: `cpu`, `cuda:0`, or several: `cuda:0,cuda:1`.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,

    /// Any other key: `--set optimiser.weight_decay=0.05`, `--set phases.0.epochs=10`. Flags win over the file.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl TrainChanges {
    /// All of them as settings of keys.
    pub(crate) fn settings(&self) -> Vec<String> {
        let mut settings = self.set.clone();
        let text = |value: &str| toml_text(value);
        if let Some(dataset) = &self.dataset {
            settings.push(format!("data.dataset={}", text(&dataset.to_string_lossy())));
        }
        if let Some(seed) = self.seed {
            settings.push(format!("seed={seed}"));
        }
        if let Some(device) = &self.device {
            settings.push(format!("device={}", text(device)));
        }
        settings
    }
}

/// A TOML string.
fn toml_text(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}
