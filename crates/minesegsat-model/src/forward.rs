//! Recorded forward passes: [`Forward`], [`verify_by`].

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use minesegsat_core::patch_grid::LARGEST_PATCH_PX;
use safetensors::{Dtype, tensor::TensorView};

use crate::weights::read_float32;
use crate::{Array, Error, FORWARD_FILE, ModelCard, Result};

/// An input of a network and its outputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Forward {
    /// `[N, in_channels, H, W]`, normalised.
    pub input: Array,
    /// `logits` `[N, num_classes, H, W]`; for a SegFormer also `stage1` to `stage4`.
    pub outputs: BTreeMap<String, Array>,
}

/// Result of a comparison with a recorded forward pass.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct VerifyReport {
    /// File of the recorded forward pass.
    pub against: PathBuf,
    /// Comparison of each recorded tensor: `logits`; for a SegFormer also `stage1` to `stage4`.
    pub tensors: Vec<Comparison>,
    /// Largest absolute difference of the logits.
    pub max_abs_difference: f32,
    /// Largest accepted difference.
    pub tolerance: f32,
}

/// Difference of a tensor from its record.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Comparison {
    /// Name of the tensor.
    pub name: String,
    /// Largest absolute difference.
    pub max_abs_difference: f32,
    /// Largest absolute value of the record.
    pub max_abs_value: f32,
}

impl VerifyReport {
    /// Whether all tensors lie within the tolerance.
    pub fn passed(&self) -> bool {
        self.tensors.iter().all(|tensor| tensor.max_abs_difference <= self.tolerance)
    }
}

impl Forward {
    /// Reads a safetensors file with `input`, `logits` and optional other tensors, all of 4 dimensions.
    pub fn read(path: &Path) -> Result<Self> {
        let refuse = |reason: &str| Error::not_a_checkpoint(path, reason);
        let mut outputs = read_float32(path)?;
        if let Some((name, array)) = outputs.iter().find(|(_, array)| array.shape.len() != 4) {
            let reason = format!(
                "tensor `{name}` has shape {:?}; a recorded forward pass has float32 tensors of 4 dimensions",
                array.shape
            );
            return Err(refuse(&reason));
        }
        let input = outputs.remove("input").ok_or_else(|| refuse("it has no tensor `input`"))?;
        if !outputs.contains_key("logits") {
            return Err(refuse("it has no tensor `logits`"));
        }
        Ok(Self { input, outputs })
    }

    /// Writes the file that [`read`](Self::read) reads.
    pub fn write(&self, path: &Path) -> Result<()> {
        let arrays: Vec<(&str, &Array, Vec<u8>)> = std::iter::once(("input", &self.input))
            .chain(self.outputs.iter().map(|(name, array)| (name.as_str(), array)))
            .map(|(name, array)| (name, array, array.values.iter().flat_map(|v| v.to_le_bytes()).collect()))
            .collect();
        let views = arrays
            .iter()
            .map(|(name, array, bytes)| Ok((*name, TensorView::new(Dtype::F32, array.shape.clone(), bytes)?)))
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>();
        let file = views
            .and_then(|views| safetensors::serialize(views, None::<HashMap<String, String>>))
            .map_err(|error| Error::not_a_checkpoint(path, "").caused_by(error))?;
        fs_err::write(path, file)?;
        Ok(())
    }
}

/// Runs `answer` on a recorded input and compares its outputs with the recorded ones.
///
/// `against` is a file for [`Forward::read`]; default: the one in the model folder. `answer` must return `logits`. Other
/// recorded outputs are compared only if it returns them.
pub fn verify_by<E: From<Error>>(
    folder: &Path,
    card: &ModelCard,
    against: Option<&Path>,
    tolerance: f32,
    answer: impl FnOnce(Array) -> Result<Forward, E>,
) -> Result<VerifyReport, E> {
    let against = against.map_or_else(|| folder.join(FORWARD_FILE), Path::to_owned);
    let record = Forward::read(&against)?;
    let channels = card.architecture.in_channels();
    if record.input.shape[1] != channels {
        let reason = format!("its input has {} channels, but the model takes {channels}", record.input.shape[1]);
        return Err(Error::not_a_checkpoint(against, reason).into());
    }
    let [batch, _, height, width] = record.input.shape[..] else { unreachable!("Forward::read checks the dimensions") };
    // Sides that are no multiple of the network's are padded.
    if batch == 0 || height.min(width) == 0 || height.max(width) > LARGEST_PATCH_PX {
        let reason = format!(
            "its input has shape {:?}; expected 1 or more patches with sides of 1 to {LARGEST_PATCH_PX} pixels",
            record.input.shape
        );
        return Err(Error::not_a_checkpoint(against, reason).into());
    }
    let found = answer(record.input)?;
    let mut tensors = Vec::new();
    for (name, recorded) in record.outputs {
        let Some(output) = found.outputs.get(&name) else { continue };
        if output.shape != recorded.shape {
            let shape = Error::TensorShape {
                path: against,
                tensor: name,
                found: recorded.shape,
                expected: output.shape.clone(),
            };
            return Err(shape.into());
        }
        let difference = output.values.iter().zip(&recorded.values).map(|(a, b)| (a - b).abs());
        tensors.push(Comparison {
            name,
            max_abs_difference: max_or_nan(difference),
            max_abs_value: max_or_nan(recorded.values.iter().map(|v| v.abs())),
        });
    }
    let logits = tensors.iter().find(|tensor| tensor.name == "logits");
    let max_abs_difference = logits.map_or(f32::NAN, |logits| logits.max_abs_difference);
    Ok(VerifyReport { against, tensors, max_abs_difference, tolerance })
}

/// The largest value, or NaN if any value is NaN, since a comparison with NaN must not pass.
fn max_or_nan(values: impl Iterator<Item = f32>) -> f32 {
    values.fold(0.0, |max, v| if v.is_nan() || v > max { v } else { max })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::tests::card;

    fn array(shape: [usize; 4], value: f32) -> Array {
        Array { shape: shape.to_vec(), values: vec![value; shape.iter().product()] }
    }

    #[test]
    fn an_answer_is_compared_with_the_record() {
        let folder = tempfile::tempdir().unwrap();
        let outputs = [("logits", array([1, 1, 2, 2], 3.0)), ("stage1", array([1, 4, 1, 1], 1.0))];
        let outputs = outputs.map(|(name, array)| (name.to_owned(), array)).into();
        let record = Forward { input: array([1, 12, 32, 32], 0.5), outputs };
        record.write(&folder.path().join(FORWARD_FILE)).unwrap();
        let verify = |logits: f32| {
            let answer = |input| {
                Ok::<_, Error>(Forward { input, outputs: [("logits".to_owned(), array([1, 1, 2, 2], logits))].into() })
            };
            verify_by(folder.path(), &card(), None, 0.1, answer).unwrap()
        };
        let report = verify(3.05);
        assert!(report.passed() && report.tensors.len() == 1, "{report:?}");
        assert!(!verify(3.2).passed());
        assert!(!verify(f32::NAN).passed());
    }
}
