//! Compares training on the CPU with the fused operations and with Burn's own.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use burn::{
    module::{Module, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::{Tensor, TensorData},
};
use minesegsat_nn::{
    Checkpoint, DetailConfig, Device, NetworkConfig, SegFormer, SegFormerConfig, Variant,
    loss::{Target, TverskyLoss},
    with_plain_operations,
};

const CLOSE: f32 = 1e-4;

/// Tests share the device's random generator, so they run one at a time.
fn generator() -> MutexGuard<'static, ()> {
    static GENERATOR: Mutex<()> = Mutex::new(());
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tiny() -> SegFormerConfig {
    SegFormerConfig {
        embed_dims: [8, 12, 20, 40],
        depths: [1, 2, 1, 1],
        num_heads: [1, 2, 5, 8],
        decoder_dim: 24,
        dropout: 0.0,
        drop_path_rate: 0.0,
        ..Variant::B0.config(5, 2)
    }
}

fn values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data().try_into_vec_as::<f32>().unwrap()
}

fn input(config: &SegFormerConfig, [n, h, w]: [usize; 3], device: &Device) -> Tensor<4> {
    let len = n * config.in_channels * h * w;
    let values: Vec<f32> = (0..len).map(|i| (i * 7919 % 1009) as f32 / 500.0 - 1.0).collect();
    Tensor::from_data(TensorData::new(values, [n, config.in_channels, h, w]), device)
}

/// Gradients by parameter.
struct Collect {
    gradients: GradientsParams,
    path: Vec<String>,
    found: BTreeMap<String, Vec<f32>>,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.found.insert(self.path.join("."), values(gradient));
        }
    }
}

/// Logits, and the gradient of a loss with respect to each parameter.
fn answer(network: &SegFormer, input: &Tensor<4>) -> (Vec<f32>, BTreeMap<String, Vec<f32>>) {
    let [n, _, h, w] = input.dims();
    let logits = network.forward(input.clone());
    let shape @ [_, classes, _, _] = logits.dims();
    let masks: Vec<u8> = (0..n * h * w).map(|i| (i / 7 % 3) as u8 % (classes.max(2) as u8)).collect();
    let loss = TverskyLoss { alpha: 0.3, beta: 0.7, smooth: 1.0, gamma: 1.0 };
    let loss = loss.forward(logits.clone(), &Target::new(&masks, shape, 255, &Device::flex()));
    let gradients = GradientsParams::from_grads(loss.backward(), network);
    let mut collect = Collect { gradients, path: Vec::new(), found: BTreeMap::new() };
    network.visit(&mut collect);
    (values(logits), collect.found)
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |max, v| max.max(v.abs()))
}

fn assert_close(name: &str, found: &[f32], expected: &[f32], least: f32) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let scale = largest(expected).max(least);
    let difference = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference <= CLOSE * scale, "{name} differs by {difference} of {scale}");
}

#[test]
fn logits_and_every_gradient_are_those_of_burns_own_operations() {
    let _generator = generator();
    let device = Device::flex().autodiff();
    for (config, size) in [
        (tiny(), [2, 64, 96]),
        (SegFormerConfig { num_classes: 1, ..tiny() }, [3, 32, 32]),
        (SegFormerConfig { dropout: 0.0, drop_path_rate: 0.0, ..SegFormerConfig::b0() }, [1, 96, 64]),
        (SegFormerConfig { detail: Some(DetailConfig { widths: [6, 10], layers: 2 }), ..tiny() }, [2, 64, 96]),
        (
            SegFormerConfig { detail: Some(DetailConfig { widths: [4, 6], layers: 1 }), num_classes: 1, ..tiny() },
            [1, 32, 64],
        ),
    ] {
        device.seed(5);
        // A new detail path has a classifier of zeros, which hides the gradients of the layers before it.
        let architecture = NetworkConfig::SegFormer(config.clone());
        let network = Checkpoint::random(&architecture, 5).load(&architecture, &device).unwrap();
        let network = network.as_segformer().unwrap().clone();
        let input = input(&config, size, &device);
        let (logits, gradients) = answer(&network, &input);
        let (expected_logits, expected) = with_plain_operations(|| answer(&network, &input));
        assert_close("logits", &logits, &expected_logits, 0.0);
        assert_eq!(gradients.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        assert!(gradients.len() > 100, "{} parameters", gradients.len());
        // The gradients of keys' biases, and of biases before a batch norm, are zero apart from rounding.
        let least = 1e-2 * expected.values().map(|g| largest(g)).fold(0.0, f32::max);
        for (name, gradient) in &gradients {
            assert_close(name, gradient, &expected[name], least);
        }
    }
}

#[test]
fn drop_path_and_dropout_draw_the_same_numbers() {
    let _generator = generator();
    let device = Device::flex().autodiff();
    let config = SegFormerConfig { dropout: 0.3, drop_path_rate: 0.5, ..tiny() };
    let network = SegFormer::new(&config, &device);
    let input = input(&config, [4, 32, 32], &device);
    // Weights are drawn when they are first used.
    answer(&network, &input);
    device.seed(9);
    let (logits, gradients) = answer(&network, &input);
    device.seed(9);
    let (expected_logits, expected) = with_plain_operations(|| answer(&network, &input));
    assert_close("logits", &logits, &expected_logits, 0.0);
    let least = 1e-2 * expected.values().map(|g| largest(g)).fold(0.0, f32::max);
    for (name, gradient) in &gradients {
        assert_close(name, gradient, &expected[name], least);
    }
}

#[test]
fn the_same_numbers_come_out_of_any_number_of_threads() {
    let _generator = generator();
    let device = Device::flex().autodiff();
    let config = SegFormerConfig { dropout: 0.0, drop_path_rate: 0.0, ..SegFormerConfig::b0() };
    let network = SegFormer::new(&config, &device);
    let input = input(&config, [2, 128, 96], &device);
    let with_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| answer(&network, &input))
    };
    let expected = with_threads(1);
    for threads in [2, 3] {
        assert!(with_threads(threads) == expected, "{threads} threads");
    }
}

#[test]
fn networks_train_without_gradients_for_their_input_and_go_back_to_inference() {
    let _generator = generator();
    let device = Device::flex();
    let config = tiny();
    // On the device without automatic differentiation, as in the trainer.
    let network = SegFormer::new(&config, &device).train();
    let training = device.clone().autodiff();
    let input_here = input(&config, [1, 32, 64], &device);
    let with_gradient = input(&config, [1, 32, 64], &training).require_grad();
    let logits = network.forward(with_gradient.clone());
    let gradients = logits.clone().sum().backward();
    let of_input = values(with_gradient.grad(&gradients).expect("the input asked for its gradient"));
    let plain = with_plain_operations(|| {
        let gradients = network.forward(with_gradient.clone()).sum().backward();
        values(with_gradient.grad(&gradients).unwrap())
    });
    assert_close("gradient of the input", &of_input, &plain, 1e-6);
    let valid = network.valid();
    let found = values(valid.forward(input_here.clone()));
    let expected = with_plain_operations(|| values(valid.forward(input_here.clone())));
    assert_close("logits in inference", &found, &expected, 0.0);
}
