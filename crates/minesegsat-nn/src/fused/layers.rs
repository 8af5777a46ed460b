//! Burn's layers by the operations here, where these take the input, else as they are.

use burn::{
    module::Param,
    nn::{LayerNorm, Linear},
    tensor::Tensor,
};

use super::{layer_norm, linear, takes};

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
