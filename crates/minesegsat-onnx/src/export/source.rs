//! Weights for the exporter: [`Source`].

use std::collections::BTreeSet;
use std::path::PathBuf;

use minesegsat_model::Weights;

use crate::Result;

/// Tensors by name.
pub(crate) trait Source {
    /// The tensor with a name and a shape, row-major.
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>>;

    /// The file, and its first tensor that is not in `taken`.
    fn unused(&self, taken: &BTreeSet<String>) -> Option<(PathBuf, String)>;
}

impl Source for Weights {
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        Ok(self.get(name, shape)?.to_vec())
    }

    fn unused(&self, taken: &BTreeSet<String>) -> Option<(PathBuf, String)> {
        let counter = |name: &str| name.ends_with(".num_batches_tracked");
        let name = self.names().find(|name| !taken.contains(*name) && !counter(name))?;
        Some((self.path().to_owned(), name.to_owned()))
    }
}
