//! Reading the weights of layers.

use half::bf16;
use minesegsat_model::Weights;

use crate::Result;
use crate::simd::{Element, Isa, Norm, Panels};

/// A linear layer: packed weight and bias.
#[derive(Debug)]
pub(crate) struct Linear<T: Element> {
    pub(crate) weight: Panels<T>,
    pub(crate) bias: Vec<f32>,
}

/// The weights to read, and the instructions to pack them for.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) isa: Isa,
    pub(crate) weights: &'a Weights,
}

impl Source<'_> {
    pub(crate) fn vector(self, name: &str, len: usize) -> Result<Vec<f32>> {
        Ok(self.weights.get(name, &[len])?.to_vec())
    }

    pub(crate) fn norm(self, name: &str, channels: usize, epsilon: f64) -> Result<Norm> {
        Ok(Norm {
            gamma: self.vector(&format!("{name}.weight"), channels)?,
            beta: self.vector(&format!("{name}.bias"), channels)?,
            epsilon: epsilon as f32,
        })
    }

    /// A 1 x 1 convolution.
    pub(crate) fn pointwise<T: Element>(self, name: &str, [d_in, d_out]: [usize; 2]) -> Result<Linear<T>> {
        let weight = self.weights.get(&format!("{name}.weight"), &[d_out, d_in, 1, 1])?;
        Ok(Linear {
            weight: Panels::new(self.isa, d_in, d_out, |i, o| weight[o * d_in + i]),
            bias: self.vector(&format!("{name}.bias"), d_out)?,
        })
    }

    /// A linear layer whose output is multiplied by `scale`.
    pub(crate) fn linear<T: Element>(self, name: &str, [d_in, d_out]: [usize; 2], scale: f32) -> Result<Linear<T>> {
        let weight = self.weights.get(&format!("{name}.weight"), &[d_out, d_in])?;
        let bias = self.vector(&format!("{name}.bias"), d_out)?;
        Ok(Linear {
            weight: Panels::new(self.isa, d_in, d_out, |i, o| weight[o * d_in + i] * scale),
            bias: bias.into_iter().map(|b| b * scale).collect(),
        })
    }
}

/// Channels of a map of this type, including padding.
pub(crate) fn padded<T: Element>(channels: usize) -> usize {
    channels.next_multiple_of(T::DEPTH)
}

const _: () = assert!(<bf16 as Element>::DEPTH.is_multiple_of(<bf16 as Element>::GROUP));
