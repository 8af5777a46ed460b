use burn::{prelude::*, tensor::Distribution};

/// Configuration of a [`DropPath`] layer.
#[derive(Config, Debug)]
pub struct DropPathConfig {
    /// Probability that a sample skips the branch.
    pub prob: f64,
}

/// Stochastic depth: in training, drops a residual branch for whole samples and scales the other samples up.
///
/// [Deep Networks with Stochastic Depth](https://arxiv.org/abs/1603.09382). It acts only on tensors of a device
/// with automatic differentiation. Otherwise it is the identity.
#[derive(Module, Debug)]
pub struct DropPath {
    /// Probability that a sample skips the branch.
    pub prob: f64,
}

impl DropPathConfig {
    /// Initialises the layer.
    ///
    /// # Panics
    /// If the probability is not in `[0, 1)`.
    pub fn init(&self) -> DropPath {
        assert!((0.0..1.0).contains(&self.prob), "drop path probability must be in [0, 1), got {}", self.prob);
        DropPath { prob: self.prob }
    }
}

impl DropPath {
    /// Drops whole samples.
    ///
    /// # Shapes
    /// - input and output `[N, ...]`
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let mut shape = [1; D];
        shape[0] = x.dims()[0];
        drop_blocks(x, self.prob, shape)
    }

    /// The factor of each sample that [`forward`](Self::forward) draws.
    pub(crate) fn factors(&self, batch: usize, device: &Device) -> Vec<f32> {
        block_factors(self.prob, [batch, 1, 1], device).unwrap_or_else(|| vec![1.0; batch])
    }
}

/// Zeroes the blocks of `x` that share an element of a random mask of the given shape (1 where it is broadcast), and
/// scales the rest by `1 / (1 - prob)`. The identity outside training.
pub(crate) fn drop_blocks<const D: usize>(x: Tensor<D>, prob: f64, mask_shape: [usize; D]) -> Tensor<D> {
    match block_mask(prob, mask_shape, &x.device()) {
        Some(mask) => x * mask,
        None => x,
    }
}

/// The factors of [`drop_blocks`], `None` outside training.
pub(crate) fn block_factors<const D: usize>(prob: f64, mask_shape: [usize; D], device: &Device) -> Option<Vec<f32>> {
    let mask = block_mask(prob, mask_shape, device)?;
    Some(mask.into_data().try_into_vec_as::<f32>().expect("a mask of floats"))
}

fn block_mask<const D: usize>(prob: f64, shape: [usize; D], device: &Device) -> Option<Tensor<D>> {
    if prob == 0.0 || !device.is_autodiff() {
        return None;
    }
    let keep = 1.0 - prob;
    Some(Tensor::<D>::random(shape, Distribution::Bernoulli(keep), device) / keep)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_samples_are_dropped_and_the_others_scaled_in_training_only() {
        let device = Device::flex();
        let layer = DropPathConfig::new(0.5).init();
        let x = Tensor::<3>::ones([64, 2, 3], &device);
        assert_eq!(layer.forward(x.clone()).into_data(), x.into_data());

        let training = device.autodiff();
        training.seed(7);
        let y = layer.forward(Tensor::<3>::ones([64, 2, 3], &training)).into_data().try_to_vec::<f32>().unwrap();
        let mut dropped = 0;
        for sample in y.chunks(6) {
            assert!(sample.iter().all(|&v| v == sample[0]), "a sample is dropped or kept as a whole");
            assert!(sample[0] == 0.0 || sample[0] == 2.0);
            dropped += usize::from(sample[0] == 0.0);
        }
        assert!((16..=48).contains(&dropped), "about half of 64 samples are dropped, not {dropped}");
    }
}
