//! Burn's layers, computed by the fused operations if these accept the input, else by Burn.

use burn::{
    module::{Param, RunningState},
    nn::{BatchNorm, GroupNorm, LayerNorm, Linear, PaddingConfig2d, conv::Conv2d},
    tensor::{Tensor, activation::relu, module::batch_norm_train},
};

use super::{
    Moments,
    batch_norm::{BatchNormalisation, batch_norm},
    convolution::{Geometry, convolution},
    depthwise::depthwise,
    layer_norm, linear, takes,
};

/// A linear layer on tokens.
///
/// # Shapes
/// - input `[N, L, d_in]`, output `[N, L, d_out]`
pub(crate) fn linear_layer(layer: &Linear, x: Tensor<3>) -> Tensor<3> {
    if !takes(&x) {
        return layer.forward(x);
    }
    linear(x, layer.weight.val(), layer.bias.as_ref().map(Param::val))
}

/// Layer normalisation of tokens, with the epsilon of the layer.
///
/// # Shapes
/// - input and output `[N, L, C]`
pub(crate) fn norm_layer(layer: &LayerNorm, epsilon: f64, x: Tensor<3>) -> Tensor<3> {
    match &layer.beta {
        Some(beta) if takes(&x) => layer_norm(x, layer.gamma.val(), beta.val(), epsilon),
        _ => layer.forward(x),
    }
}

/// A convolution of maps.
///
/// # Shapes
/// - input `[N, C, H, W]`, output `[N, O, H', W']`
pub(crate) fn conv_layer(layer: &Conv2d, x: Tensor<4>) -> Tensor<4> {
    let Some(geometry) = takes(&x).then(|| supported_geometry(layer)).flatten() else {
        return layer.forward(x);
    };
    let weight = layer.weight.val();
    let out = if layer.groups > 1 { depthwise(x, weight, geometry) } else { convolution(x, weight, geometry) };
    match &layer.bias {
        Some(bias) => out + bias.val().reshape([1, -1, 1, 1]),
        None => out,
    }
}

/// Batch normalisation of maps, then optional addition of `residual` and optional ReLU. Training updates the running
/// statistics.
///
/// # Shapes
/// - input, `residual` and output `[N, C, H, W]`
pub(crate) fn batch_norm_layer(
    norm: &BatchNorm,
    x: Tensor<4>,
    residual: Option<Tensor<4>>,
    with_relu: bool,
) -> Tensor<4> {
    if !takes(&x) {
        let x = normalise(norm, x);
        let x = if let Some(residual) = residual { x + residual } else { x };
        return if with_relu { relu(x) } else { x };
    }
    let device = x.device();
    let [batch, _, height, width] = x.dims();
    let from_batch = device.is_autodiff() && norm.training.is_enabled();
    let moments = (!from_batch).then(|| {
        let values = |t: Tensor<1>| t.into_data().try_into_vec_as::<f32>().expect("statistics are floats");
        Moments { mean: values(norm.running_mean.value()), variance: values(norm.running_var.value()) }
    });
    let operation = BatchNormalisation { moments, epsilon: norm.epsilon as f32, relu: with_relu };
    let (out, moments) = batch_norm(x, [norm.gamma.val(), norm.beta.val()], residual, operation);
    if from_batch {
        let row = |values: &[f32]| Tensor::from_floats(values, &device);
        update_running(norm, row(&moments.mean), row(&moments.variance), batch * height * width);
    }
    out
}

/// Group normalisation of maps, then ReLU.
///
/// # Shapes
/// - input and output `[N, C, H, W]`
pub(crate) fn group_norm_relu(norm: &GroupNorm, x: Tensor<4>) -> Tensor<4> {
    let (true, Some(gamma), Some(beta)) = (takes(&x), &norm.gamma, &norm.beta) else {
        return relu(norm.forward(x));
    };
    let ([batch, channels, height, width], groups) = (x.dims(), norm.num_groups);
    let (device, epsilon) = (x.device().without_autodiff(), norm.epsilon as f32);
    // First the groups of all samples become channels of one sample. Then each channel gets its own scale and shift.
    let standard = [Tensor::ones([batch * groups], &device), Tensor::zeros([batch * groups], &device)];
    let x = x.reshape([1, batch * groups, channels / groups, height * width]);
    let (x, _) = batch_norm(x, standard, None, BatchNormalisation { moments: None, epsilon, relu: false });
    let x = x.reshape([batch, channels, height, width]);
    let as_it_is = Moments { mean: vec![0.0; channels], variance: vec![1.0 - epsilon; channels] };
    let operation = BatchNormalisation { moments: Some(as_it_is), epsilon, relu: true };
    batch_norm(x, [gamma.val(), beta.val()], None, operation).0
}

/// Batch normalisation by Burn's operations. Training updates the running statistics.
pub(crate) fn normalise(norm: &BatchNorm, x: Tensor<4>) -> Tensor<4> {
    if !x.device().is_autodiff() || !norm.training.is_enabled() {
        return norm.forward(x);
    }
    let [batch, _, height, width] = x.dims();
    let result = batch_norm_train(x, norm.gamma.val(), norm.beta.val(), norm.epsilon);
    update_running(norm, result.mean.detach(), result.variance.detach(), batch * height * width);
    result.output
}

/// Moves the running statistics towards those of a batch of `count` values per channel. As in PyTorch, the running
/// variance uses the estimate that divides by `count - 1`. Burn's own layer divides by `count`.
pub(crate) fn update_running(norm: &BatchNorm, mean: Tensor<1>, variance: Tensor<1>, count: usize) {
    let momentum = norm.momentum;
    let unbiased = momentum * count as f64 / count.saturating_sub(1).max(1) as f64;
    let device = mean.device();
    let before = |state: &RunningState<Tensor<1>>| state.value_sync().to_device(&device).mul_scalar(1.0 - momentum);
    norm.running_mean.update((before(&norm.running_mean) + mean.mul_scalar(momentum)).detach());
    norm.running_var.update((before(&norm.running_var) + variance.mul_scalar(unbiased)).detach());
}

/// Stride, padding and dilation of a layer, if the fused operations support it.
fn supported_geometry(layer: &Conv2d) -> Option<Geometry> {
    let padding = match layer.padding {
        PaddingConfig2d::Valid => 0,
        PaddingConfig2d::Explicit(top, left, bottom, right) if top == left && top == bottom && top == right => top,
        _ => return None,
    };
    let [out_channels, channels, height, width] = layer.weight.dims();
    let ([stride, stride_x], [dilation, dilation_x]) = (layer.stride, layer.dilation);
    let square = height == width && stride == stride_x && dilation == dilation_x;
    let plain = layer.groups == 1 || (channels == 1 && layer.groups == out_channels && stride == 1);
    (square && plain).then_some(Geometry { stride, padding, dilation })
}

#[cfg(test)]
mod tests {
    use burn::{module::Param, nn::GroupNormConfig, tensor::Device};

    use super::*;
    use crate::fused::check::{compare, random};

    #[test]
    fn group_norm_is_as_burn_computes_it() {
        let shape = [2, 12, 5, 7];
        let norm = |gamma, beta| {
            let norm = GroupNormConfig::new(4, 12).init(&Device::flex());
            GroupNorm { gamma: Some(Param::from_tensor(gamma)), beta: Some(Param::from_tensor(beta)), ..norm }
        };
        compare(
            [random(841)[1..].to_vec(), random(12), random(13)[1..].to_vec()],
            |[x, gamma, beta]| group_norm_relu(&norm(gamma, beta), x.reshape(shape)),
            |[x, gamma, beta]| relu(norm(gamma, beta).forward(x.reshape(shape))),
        );
    }
}
