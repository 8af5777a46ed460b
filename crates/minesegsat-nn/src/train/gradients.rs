//! Gradient clipping: the common norm of all gradients and its limit.

use burn::{
    module::{Module, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::Tensor,
};

/// Scales all gradients so that their common norm is at most `limit`, as `torch.nn.utils.clip_grad_norm_` does. Returns the norm
/// before clipping.
pub(super) fn clip_norm<M: Module>(network: &M, gradients: &mut GradientsParams, limit: f64) -> f64 {
    let mut squares = Squares { gradients, sums: Vec::new() };
    network.visit(&mut squares);
    let sums = squares.sums;
    let total: f64 = sums.into_iter().map(|sum| f64::from(sum.into_scalar::<f32>())).sum();
    let norm = total.sqrt();
    let factor = limit / (norm + 1e-6);
    if factor < 1.0 {
        network.visit(&mut Scale { gradients, factor });
    }
    norm
}

struct Squares<'a> {
    gradients: &'a GradientsParams,
    /// Read after all of them are queued.
    sums: Vec<Tensor<1>>,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.sums.push(gradient.square().sum());
        }
    }
}

/// Whether all weights are finite. The weights after a failed step must not become a checkpoint.
pub(super) fn all_finite<M: Module>(network: &M) -> bool {
    let mut sums = WeightSums(Vec::new());
    network.visit(&mut sums);
    // A sum is finite only if all summands are. Weights are far too small to overflow it.
    sums.0.into_iter().all(|sum| sum.into_scalar::<f32>().is_finite())
}

struct WeightSums(Vec<Tensor<1>>);

impl ModuleVisitor for WeightSums {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(param.val().sum());
    }
}

/// Multiplies all gradients.
pub(super) struct Scale<'a> {
    pub(super) gradients: &'a mut GradientsParams,
    pub(super) factor: f64,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients.register(param.id, gradient.mul_scalar(self.factor));
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn gradients_are_clipped_together() {
        // torch: l = Linear(2, 1); l(tensor([[3., 4.]])).sum().backward(); gradients are [3, 4] and [1], their norm sqrt(26).
        let device = Device::flex().autodiff();
        let layer: Linear = LinearConfig::new(2, 1).init(&device);
        let gradients = || {
            let x = Tensor::<2>::from_data([[3.0, 4.0]], &device);
            GradientsParams::from_grads(layer.forward(x).sum().backward(), &layer)
        };
        let values = |gradients: &GradientsParams| {
            gradients.get::<2>(layer.weight.id).unwrap().into_data().try_to_vec::<f32>().unwrap()
        };
        let mut kept = gradients();
        assert!((clip_norm(&layer, &mut kept, 10.0) - 26.0_f64.sqrt()).abs() < 1e-6);
        assert_eq!(values(&kept), [3.0, 4.0]);
        let mut clipped = gradients();
        clip_norm(&layer, &mut clipped, 1.0);
        let expected = 3.0 / 26.0_f32.sqrt();
        assert!((values(&clipped)[0] - expected).abs() < 1e-6);
    }

    #[test]
    fn a_weight_that_is_no_number_is_found() {
        let layer: Linear = LinearConfig::new(2, 1).init(&Device::flex());
        assert!(all_finite(&layer));
        let broken = Linear { weight: layer.weight.map(|weight| weight.mul_scalar(f32::NAN)), ..layer };
        assert!(!all_finite(&broken));
    }
}
