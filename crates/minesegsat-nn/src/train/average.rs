//! The moving average of a network's weights: [`WeightAverage`].

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::Tensor,
};

use crate::Network;

/// An exponential moving average of weights and of the statistics of batch norms.
///
/// `average = decay average + (1 - decay) weights` after each step, with `decay = min(decay, (1 + step) / (10 + step))`, so that
/// the random initial weights soon lose their influence (Tarvainen, Valpola 2017, <https://arxiv.org/abs/1703.01780>; the ramp is
/// that of TensorFlow's `ExponentialMovingAverage`).
#[derive(Debug)]
pub(super) struct WeightAverage {
    pub(super) network: Network,
    decay: f64,
}

impl WeightAverage {
    /// An average that starts at a network's weights.
    pub(super) fn new(network: &Network, decay: f64) -> Self {
        Self { network: network.valid(), decay }
    }

    /// Adds the weights after step number `step`, counted from 1.
    pub(super) fn update(&mut self, network: &Network, step: u64) {
        let step = step as f64;
        let decay = self.decay.min((1.0 + step) / (10.0 + step));
        let mut weights = Weights::default();
        network.valid().visit(&mut weights);
        self.network = self.network.clone().map(&mut Blend { weights, decay });
    }
}

/// Weights by the ids of their parameters, in Burn's container of gradients.
#[derive(Default)]
struct Weights(GradientsParams);

impl ModuleVisitor for Weights {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.register(param.id, param.val());
    }
}

struct Blend {
    weights: Weights,
    decay: f64,
}

impl ModuleMapper for Blend {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(new) = self.weights.0.remove::<D>(param.id) else { return param };
        let decay = self.decay;
        param.map(|old| old.mul_scalar(decay) + new.mul_scalar(1.0 - decay))
    }
}
