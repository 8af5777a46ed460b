//! Fused operations for training on the CPU, each with a forward and a hand-written backward pass.
//!
//! Burn's modules hold the parameters and define the computation. They use these operations for float32 tensors on the CPU, and
//! Burn's own operations otherwise. Results and gradients agree with Burn's within rounding. They are equal bit for bit for any
//! number of threads: sums are split into parts by their shapes alone, and the parts are added in order.
//!
//! The vector kernels are those of [`minesegsat_cpu::training`]. Where it has no kernel, plain loops are compiled for each
//! generation of instructions by its macro `vectorised!`. Matrix products use the `gemm` crate, as Burn does.
//!
//! SegFormer's tokens stay channels-last, `[N, L, C]`, next to the size of their map, so nothing is transposed between
//! layers. Maps of convolutional networks stay `[N, C, H, W]`.

mod attention;
mod batch_norm;
#[cfg(test)]
pub(crate) mod check;
mod classify;
mod convolution;
mod depthwise;
mod depthwise_gelu;
pub(crate) mod kernels;
mod layer_norm;
mod layers;
mod linear;
pub(crate) mod matmul;
mod operation;
mod patch_conv;
mod pool;
mod sums;
mod upsample;

use std::cell::Cell;

use burn::tensor::{DType, Device, Tensor};

pub(crate) use self::{
    attention::attention,
    classify::{Classify, Moments, classify},
    depthwise_gelu::depthwise_gelu,
    layer_norm::layer_norm,
    layers::{batch_norm_layer, conv_layer, group_norm_relu, linear_layer, norm_layer, normalise, update_running},
    linear::{linear, linear_residual},
    patch_conv::{map_to_channels_last, patch_conv},
    pool::recycle_primitive,
    upsample::{resize_planes, upsample_sum},
};

thread_local! {
    static PLAIN: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f` with Burn's own operations instead of the fused ones, on this thread. For comparisons.
pub fn with_plain_operations<T>(f: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            PLAIN.set(self.0);
        }
    }
    let _restore = Restore(PLAIN.replace(true));
    f()
}

/// Whether the fused operations accept this tensor.
pub(crate) fn takes<const D: usize>(x: &Tensor<D>) -> bool {
    !PLAIN.get() && x.dtype() == DType::F32 && x.device().without_autodiff() == Device::flex()
}
