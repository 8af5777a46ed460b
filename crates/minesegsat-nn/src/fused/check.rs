//! Comparison of the values and gradients of fused operations with those of Burn.

use burn::tensor::{Device, Tensor, TensorData};

use crate::random::SplitMix64;

/// Random numbers of mean 0 and variance 1.
pub(crate) fn random(len: usize) -> Vec<f32> {
    let mut generator = SplitMix64::new(len as u64);
    (0..len).map(|_| generator.normal()).collect()
}

/// The output, and the gradient of each input for a random gradient of the output.
fn run<const N: usize, const D: usize>(
    inputs: &[Vec<f32>; N],
    f: impl Fn([Tensor<1>; N]) -> Tensor<D>,
) -> Vec<Vec<f32>> {
    let device = Device::flex().autodiff();
    let leaves = inputs
        .each_ref()
        .map(|values| Tensor::<1>::from_data(TensorData::new(values.clone(), [values.len()]), &device).require_grad());
    let out = f(leaves.clone());
    let weights = Tensor::<D>::from_data(TensorData::new(random(out.shape().num_elements()), out.shape()), &device);
    let gradients = (out.clone() * weights).sum().backward();
    let values = |data: TensorData| data.try_into_vec_as::<f32>().expect("floats");
    let mut results = vec![values(out.into_data())];
    results.extend(leaves.iter().map(|leaf| values(leaf.grad(&gradients).expect("a gradient").into_data())));
    results
}

/// Checks that the output and all gradients of two computations agree to 2e-5 of the largest value.
pub(super) fn compare<const N: usize, const D: usize>(
    inputs: [Vec<f32>; N],
    fused: impl Fn([Tensor<1>; N]) -> Tensor<D>,
    plain: impl Fn([Tensor<1>; N]) -> Tensor<D>,
) {
    let (found, expected) = (run(&inputs, fused), run(&inputs, plain));
    for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let name = if i == 0 { "the output".to_owned() } else { format!("the gradient of input {}", i - 1) };
        assert_close(&name, found, expected, 2e-5);
    }
}

/// Checks that values agree to `tolerance` times the largest value.
pub(crate) fn assert_close(name: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "length of {name}");
    let largest = expected.iter().fold(1e-6_f32, |max, v| max.max(v.abs()));
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance * largest, "{name} at {i}: {a}, {b}, of {largest}");
    }
}
