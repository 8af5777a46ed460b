//! The decoder of a SegFormer, folded for inference.

use std::borrow::Borrow;

/// Epsilon of batch norms.
const BATCH_NORM_EPSILON: f64 = 1e-5;

/// The folded linear layers of the decoder in evaluation mode, see [`fold_decoder`].
#[derive(Debug, Clone, PartialEq)]
pub struct FoldedDecoder {
    /// Weights for stages 1 to 4, `[decoder_dim, embed_dim]`, row-major.
    pub weights: [Vec<f32>; 4],
    /// `[decoder_dim]`, added once to the sum of all stages.
    pub constant: Vec<f32>,
}

/// Folds the decoder. The projection `P` of a stage, its block `F` of the fusion layer and the batch norm `s x + t` are linear and
/// act on each pixel alone. Bilinear upsampling, whose weights sum to 1, commutes with such maps:
///
/// `s (F_4 up(P_4 x_4 + b_4) + ... + F_1 (P_1 x_1 + b_1)) + t = up(s F_4 P_4 x_4) + ... + s F_1 P_1 x_1 + c`,
/// with `c = s (F_4 b_4 + ... + F_1 b_1) + t`.
///
/// So each stage needs one linear layer at its own resolution, and the upsampled results are added. The matrices are folded in f64.
///
/// - `width`: the decoder's; `embed_dims`: those of stages 1 to 4
/// - `tensor` returns the tensor with a name and a shape, row-major
pub fn fold_decoder<V: Borrow<[f32]>, E>(
    width: usize,
    embed_dims: [usize; 4],
    mut tensor: impl FnMut(&str, &[usize]) -> Result<V, E>,
) -> Result<FoldedDecoder, E> {
    let fusion = tensor("decoder.linear_fuse.weight", &[width, 4 * width, 1, 1])?;
    let fusion = fusion.borrow();
    let mut norm = |part: &str| tensor(&format!("decoder.batch_norm.{part}"), &[width]);
    let (gamma, beta) = (norm("weight")?, norm("bias")?);
    let (mean, variance) = (norm("running_mean")?, norm("running_var")?);
    let value = |of: &V, c: usize| f64::from(of.borrow()[c]);
    let scale: Vec<f64> =
        (0..width).map(|c| value(&gamma, c) / (value(&variance, c) + BATCH_NORM_EPSILON).sqrt()).collect();
    let mut constant: Vec<f64> = (0..width).map(|c| value(&beta, c) - scale[c] * value(&mean, c)).collect();
    let mut weights: [Vec<f32>; 4] = Default::default();
    for (stage, (weight, dim)) in weights.iter_mut().zip(embed_dims).enumerate() {
        // The layers are those of stages 4 to 1.
        let name = format!("decoder.layers.{}", 3 - stage);
        let projection = tensor(&format!("{name}.weight"), &[width, dim, 1, 1])?;
        let bias = tensor(&format!("{name}.bias"), &[width])?;
        let mut row = vec![0.0_f64; dim];
        for (o, scale) in scale.iter().enumerate() {
            row.fill(0.0);
            for (m, &f) in fusion[(o * 4 + stage) * width..][..width].iter().enumerate() {
                let f = f64::from(f) * scale;
                constant[o] += f * value(&bias, m);
                for (r, p) in row.iter_mut().zip(&projection.borrow()[m * dim..][..dim]) {
                    *r += f * f64::from(*p);
                }
            }
            weight.extend(row.iter().map(|r| *r as f32));
        }
    }
    Ok(FoldedDecoder { weights, constant: constant.into_iter().map(|c| c as f32).collect() })
}
