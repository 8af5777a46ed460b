//! The weights of a model folder as named tensors.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};
use sha2::{Digest, Sha256};

use crate::{CHANGE_HEAD_FILE, ChangeHeadConfig, Error, ModelCard, Result, WEIGHTS_FILE};

/// Tensors in PyTorch's layout, named as in the PyTorch code.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    path: PathBuf,
    tensors: BTreeMap<String, Array>,
}

/// A row-major array of any number of dimensions.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Length of each dimension.
    pub shape: Vec<usize>,
    /// The values; their number is the product of the lengths.
    pub values: Vec<f32>,
}

impl Weights {
    /// Reads the weights of a model folder and checks their hash against the card.
    pub fn read(folder: impl AsRef<Path>, card: &ModelCard) -> Result<Self> {
        let folder = folder.as_ref();
        check_hash(folder, card)?;
        let path = folder.join(WEIGHTS_FILE);
        Ok(Self { tensors: read_float32(&path)?, path })
    }

    /// Reads the weights of the change head of a model folder and checks their hash against the card.
    pub fn read_change_head(folder: impl AsRef<Path>, head: &ChangeHeadConfig) -> Result<Self> {
        let folder = folder.as_ref();
        check_hash_of(folder, CHANGE_HEAD_FILE, &head.sha256)?;
        let path = folder.join(CHANGE_HEAD_FILE);
        Ok(Self { tensors: read_float32(&path)?, path })
    }

    /// Weights in memory.
    pub fn new(tensors: impl IntoIterator<Item = (String, Array)>) -> Self {
        Self { path: PathBuf::from("weights in memory"), tensors: tensors.into_iter().collect() }
    }

    /// The tensor with a name. An error if its shape differs from `shape`.
    pub fn get(&self, name: &str, shape: &[usize]) -> Result<&[f32]> {
        let Some(array) = self.tensors.get(name) else {
            let reason = format!("it has no tensor `{name}`");
            return Err(Error::not_a_checkpoint(&self.path, reason));
        };
        if array.shape != shape {
            return Err(Error::TensorShape {
                path: self.path.clone(),
                tensor: name.to_owned(),
                found: array.shape.clone(),
                expected: shape.to_vec(),
            });
        }
        Ok(&array.values)
    }

    /// Names of the tensors, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The file of the weights.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Reads a safetensors file of float32 tensors.
pub(crate) fn read_float32(path: &Path) -> Result<BTreeMap<String, Array>> {
    let bytes = fs_err::read(path)?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| {
        let reason = "a safetensors file is expected; this one may be cut short";
        Error::not_a_checkpoint(path, reason).caused_by(error)
    })?;
    file.iter()
        .map(|(name, view)| {
            if view.dtype() != Dtype::F32 {
                let reason = format!("tensor `{name}` is {:?}; float32 is read", view.dtype());
                return Err(Error::not_a_checkpoint(path, reason));
            }
            let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            Ok((name.to_owned(), Array { shape: view.shape().to_vec(), values }))
        })
        .collect()
}

/// Checks that the hash of the weights in a model folder equals the one in the card.
pub fn check_hash(folder: &Path, card: &ModelCard) -> Result<()> {
    check_hash_of(folder, WEIGHTS_FILE, &card.weights_sha256)
}

fn check_hash_of(folder: &Path, file: &str, stated: &str) -> Result<()> {
    let found = sha256(&folder.join(file))?;
    if found == stated {
        return Ok(());
    }
    let reason = format!(
        "the SHA-256 of {file} is {found}, the card says {stated}: the weights are damaged or of another model"
    );
    Err(Error::model(folder, reason))
}

/// SHA-256 of a file in lower-case hexadecimal.
pub fn sha256(path: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    let mut file = fs_err::File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
    }
    Ok(minesegsat_core::hex::encode(&hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use safetensors::tensor::TensorView;

    use super::*;

    #[test]
    fn tensors_are_asked_for_by_name_and_shape() {
        let weights = Weights::new([("a".to_owned(), Array { shape: vec![2, 1], values: vec![1.0, 2.0] })]);
        assert_eq!(weights.get("a", &[2, 1]).unwrap(), [1.0, 2.0]);
        let message = weights.get("a", &[1, 2]).unwrap_err().to_string();
        assert_eq!(message, "weights in memory: tensor `a` has shape [2, 1], expected [1, 2]");
        assert!(weights.get("b", &[]).unwrap_err().to_string().contains("it has no tensor `b`"));
    }

    #[test]
    fn what_is_not_float32_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("half.safetensors");
        let view = TensorView::new(Dtype::F16, vec![1], &[0, 0]).unwrap();
        fs_err::write(&path, safetensors::serialize([("w", view)], None).unwrap()).unwrap();
        assert!(read_float32(&path).unwrap_err().to_string().ends_with("tensor `w` is F16; float32 is read"));
        fs_err::write(&path, b"text").unwrap();
        let error = read_float32(&path).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap();
        assert!(cause.is::<safetensors::SafeTensorError>());
        assert_eq!(
            error.to_string(),
            format!(
                "{} is not a readable checkpoint: a safetensors file is expected; this one may be cut short: {cause}",
                path.display()
            )
        );
    }
}
