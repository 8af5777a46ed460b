//! The optimiser: [`AdamW`].

use burn::{
    backend::{Flex, TensorMetadata, tensor::FloatTensor},
    optim::{AdamWConfig, AdamWState, AdaptiveMomentumState, LearningRate, Optimizer},
    tensor::{Device, Tensor, TensorData},
};
use rayon::prelude::*;

use crate::fused::{self, kernels::vectorised};

/// Adam with decoupled weight decay. Equal to PyTorch's `AdamW`.
///
/// [Decoupled Weight Decay Regularization](https://arxiv.org/abs/1711.05101). Burn's own optimiser makes about
/// fifteen passes over each parameter. This one shares its state and, on the CPU, makes one pass in place.
#[derive(Clone)]
pub struct AdamW {
    beta_1: f32,
    beta_2: f32,
    epsilon: f32,
    weight_decay: f32,
    /// Burn's optimiser, for other devices.
    burn: burn::optim::AdamW,
}

impl Default for AdamW {
    /// PyTorch's defaults, without the learning rate: betas 0.9 and 0.999, epsilon 1e-8, weight decay 0.01.
    fn default() -> Self {
        Self::new([0.9, 0.999], 1e-8, 0.01)
    }
}

impl AdamW {
    /// An optimiser with these decays of the two moments, this epsilon in the denominator, and this weight decay per unit of
    /// learning rate.
    pub fn new([beta_1, beta_2]: [f32; 2], epsilon: f32, weight_decay: f32) -> Self {
        let config = AdamWConfig::new()
            .with_beta_1(beta_1)
            .with_beta_2(beta_2)
            .with_epsilon(epsilon)
            .with_weight_decay(weight_decay);
        Self { beta_1, beta_2, epsilon, weight_decay, burn: config.build() }
    }
}

impl Optimizer for AdamW {
    type State<const D: usize> = AdamWState<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        tensor: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<AdamWState<D>>,
    ) -> (Tensor<D>, Option<AdamWState<D>>) {
        let here = |x: &Tensor<D>| fused::takes(x) && !x.device().is_autodiff();
        if !here(&tensor) || !here(&gradient) {
            return self.burn.step(rate, tensor, gradient, state);
        }
        let momentum = state.map_or_else(
            || AdaptiveMomentumState::new(0, tensor.zeros_like(), tensor.zeros_like()),
            |state| state.momentum,
        );
        let time = momentum.time + 1;
        let [mut parameter, mut moment_1, mut moment_2] =
            [tensor, momentum.moment_1, momentum.moment_2].map(|x| whole(primitive(x)));
        let gradient = primitive(gradient).to_contiguous();
        let correction = |beta: f32| 1.0 - f64::from(beta).powf(time as f64);
        let update = Update {
            beta_1: self.beta_1,
            beta_2: self.beta_2,
            epsilon: self.epsilon,
            decay: (1.0 - rate * f64::from(self.weight_decay)) as f32,
            rate: (rate / correction(self.beta_1)) as f32,
            root: (1.0 / correction(self.beta_2).sqrt()) as f32,
        };
        parameter
            .storage_mut::<f32>()
            .par_chunks_mut(TASK)
            .zip(moment_1.storage_mut::<f32>().par_chunks_mut(TASK))
            .zip(moment_2.storage_mut::<f32>().par_chunks_mut(TASK))
            .zip(gradient.as_slice::<f32>().expect("a contiguous gradient of 32-bit floats").par_chunks(TASK))
            .for_each(|(((p, m), v), g)| step(p, m, v, g, update));
        fused::recycle_primitive(gradient);
        let [parameter, moment_1, moment_2] = [parameter, moment_1, moment_2].map(Tensor::from_primitive::<Flex>);
        (parameter, Some(AdamWState::new(AdaptiveMomentumState::new(time, moment_1, moment_2))))
    }

    fn to_device<const D: usize>(state: AdamWState<D>, device: &Device) -> AdamWState<D> {
        burn::optim::AdamW::to_device(state, device)
    }
}

/// Values per task.
const TASK: usize = 16 * 1024;

#[derive(Clone, Copy)]
struct Update {
    beta_1: f32,
    beta_2: f32,
    epsilon: f32,
    /// Factor of a parameter in weight decay.
    decay: f32,
    /// Learning rate divided by the first moment's bias correction.
    rate: f32,
    /// One over the square root of the second moment's bias correction.
    root: f32,
}

vectorised! {
    fn step<'a>(p: &'a mut [f32], m: &'a mut [f32], v: &'a mut [f32], g: &'a [f32], update: Update) {
        let Update { beta_1, beta_2, epsilon, decay, rate, root } = update;
        for (((p, m), v), g) in p.iter_mut().zip(m).zip(v).zip(g) {
            *m = beta_1.mul_add(*m, (1.0 - beta_1) * g);
            *v = beta_2.mul_add(*v, (1.0 - beta_2) * g * g);
            *p = decay * *p - rate * *m / v.sqrt().mul_add(root, epsilon);
        }
    }
}

fn primitive<const D: usize>(x: Tensor<D>) -> FloatTensor<Flex> {
    x.try_into_primitive::<Flex>().expect("a tensor on the CPU without gradients")
}

/// A tensor whose storage holds exactly its values, in order.
fn whole(x: FloatTensor<Flex>) -> FloatTensor<Flex> {
    if x.as_slice::<f32>().is_some_and(|values| values.len() == x.storage::<f32>().len()) {
        return x;
    }
    let shape = x.shape();
    let values = x.to_contiguous().as_slice::<f32>().expect("a contiguous tensor of 32-bit floats").to_vec();
    FloatTensor::<Flex>::from_data(TensorData::new(values, shape))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fused::check::{assert_close, random};

    #[test]
    fn steps_are_those_of_burn() {
        let optimiser = AdamW::new([0.8, 0.95], 1e-6, 0.3);
        let tensor = |seed: usize| {
            let values = random(60_000 + seed)[seed..].to_vec();
            // A transposed view of part of a larger tensor.
            Tensor::<2>::from_data(TensorData::new(values, [200, 300]), &Device::flex())
                .transpose()
                .slice([0..300, 7..190])
        };
        let values = |x: &Tensor<2>| x.to_data().try_into_vec_as::<f32>().unwrap();
        let (mut ours, mut theirs) = ((tensor(0), None), (tensor(0), None));
        for step in 1..6 {
            let before = ours.0.clone();
            let kept = values(&before);
            ours = optimiser.step(0.01, ours.0, tensor(step), ours.1);
            theirs = optimiser.burn.step(0.01, theirs.0, tensor(step), theirs.1);
            assert_close("the parameter", &values(&ours.0), &values(&theirs.0), 1e-6);
            assert_eq!(values(&before), kept, "other owners of a parameter keep its value");
        }
        let moments = |state: Option<AdamWState<2>>| {
            let momentum = state.unwrap().momentum;
            assert_eq!(momentum.time, 5);
            [values(&momentum.moment_1), values(&momentum.moment_2)]
        };
        for (found, expected) in moments(ours.1).iter().zip(&moments(theirs.1)) {
            assert_close("a moment", found, expected, 1e-6);
        }
    }
}
