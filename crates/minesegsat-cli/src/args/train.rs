//! Arguments of `minesegsat train` and `minesegsat bench-architectures`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// Training configuration, a TOML file; `configs/` has examples [default: the built-in defaults, or with `--resume`
    /// the configuration of the run].
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Folder of the training run.
    #[arg(short, long, value_name = "DIR", required_unless_present = "print_config")]
    pub output: Option<PathBuf>,

    /// Resume the run from its last checkpoint.
    #[arg(long, requires = "output")]
    pub resume: bool,

    /// Resume although samples, splits, masks, statistics or starting weights have changed. The run's data.json records
    /// the change.
    #[arg(long, requires = "resume")]
    pub allow_changed_data: bool,

    /// Display name of the model [default: the configuration's, else the network and the data set].
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,

    /// Licence of the weights, as an SPDX expression if possible [default: the configuration's, else `not stated`].
    #[arg(long, value_name = "LICENCE")]
    pub licence: Option<String>,

    #[command(flatten)]
    pub changes: TrainChanges,

    /// Print the resolved configuration and exit.
    #[arg(long)]
    pub print_config: bool,

    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

impl TrainArgs {
    /// All options as `key=value` settings.
    pub(crate) fn settings(&self) -> anyhow::Result<Vec<String>> {
        let mut settings = self.changes.settings()?;
        let named = [("title", &self.title), ("licence", &self.licence)];
        settings
            .extend(named.into_iter().filter_map(|(key, value)| Some(format!("{key}={}", toml_text(value.as_ref()?)))));
        Ok(settings)
    }
}

#[derive(Debug, Args)]
pub(crate) struct BenchArchitecturesArgs {
    /// Networks to compare, a TOML file; `configs/benchmark_brazil.toml` is an example.
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,

    /// Output folder for the runs and the table. Finished runs are not repeated.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    #[command(flatten)]
    pub changes: TrainChanges,

    /// Training time per network, in minutes [default: the configuration's].
    #[arg(long, value_name = "MIN")]
    pub minutes: Option<f64>,
}

/// Options that override the configuration.
#[derive(Debug, Args)]
pub(crate) struct TrainChanges {
    /// Data set folder [default: the configuration's].
    #[arg(long, value_name = "DIR")]
    pub dataset: Option<PathBuf>,

    /// Seed of the random numbers [default: the configuration's].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Device: `cpu`, `cuda:0`, or several such as `cuda:0,cuda:1` [default: the configuration's].
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,

    /// Set any other key: `--set optimiser.weight_decay=0.05`, `--set phases.0.epochs=10`. Options override the file.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl TrainChanges {
    /// All options as `key=value` settings.
    pub(crate) fn settings(&self) -> anyhow::Result<Vec<String>> {
        let mut settings = self.set.clone();
        let text = |value: &str| toml_text(value);
        if let Some(dataset) = &self.dataset {
            settings.push(format!("data.dataset={}", text(utf8(dataset, "the configuration of a training")?)));
        }
        if let Some(seed) = self.seed {
            settings.push(format!("seed={seed}"));
        }
        if let Some(device) = &self.device {
            settings.push(format!("device={}", text(device)));
        }
        Ok(settings)
    }
}

/// A path as text, which `needed_by` needs.
pub(crate) fn utf8<'a>(path: &'a Path, needed_by: &str) -> anyhow::Result<&'a str> {
    path.to_str().with_context(|| format!("the path `{}` is not UTF-8 text, which {needed_by} needs", path.display()))
}

/// Quotes a value as a TOML string.
fn toml_text(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}
