//! SegFormer: the Mix Transformer encoder and the folded decoder.

use minesegsat_model::{DetailConfig, SegFormerConfig};

use super::layers::{Builder, Conv, EPSILON, Kernel};
use crate::Result;
use crate::graph::{Attribute, Value};

/// A map `[N, C, H, W]` and the value that holds `[H, W]`.
struct Stage {
    map: Value,
    size: Value,
}

pub(super) fn build(b: &mut Builder<'_>, config: &SegFormerConfig) -> Result<()> {
    let mut map = averaged(b, config.input_stride);
    let mut stages = Vec::with_capacity(4);
    let mut in_channels = config.in_channels;
    for stage in 0..4 {
        let dim = config.embed_dims[stage];
        let (tokens, size) = embed(b, stage, &map, [in_channels, dim])?;
        let mut tokens = tokens;
        for block in 0..config.depths[stage] {
            let name = format!("encoder.transformers.{stage}.{block}");
            tokens = attention_branch(b, &name, &tokens, &size, config, stage)?;
            tokens = ffn_branch(b, &name, &tokens, &size, [dim, dim * config.mlp_ratios[stage]])?;
        }
        let name = format!("encoder.layer_norm.{stage}");
        let normed = layer_norm(b, &name, &tokens, dim, SegFormerConfig::LAYER_NORM_EPSILON as f32)?;
        map = to_map(b, &name, &normed, &size, dim);
        stages.push(Stage { map: map.clone(), size });
        in_channels = dim;
    }
    decode(b, config, &stages)
}

/// The mean of each square of pixels of the input stride.
fn averaged(b: &mut Builder<'_>, side: usize) -> Value {
    let input = Builder::input();
    if side == 1 {
        return input.to_owned();
    }
    let side = [side as i64; 2];
    b.node(
        "",
        "AveragePool",
        &[input],
        &[("kernel_shape", Attribute::Ints(&side)), ("strides", Attribute::Ints(&side))],
    )
}

/// Tokens `[N, H' W', dim]` of a map, and `[H', W']`.
fn embed(b: &mut Builder<'_>, stage: usize, map: &str, channels: [usize; 2]) -> Result<(Value, Value)> {
    let name = format!("encoder.embeddings.{stage}");
    let conv = Conv::same(channels, SegFormerConfig::PATCH_SIZES[stage]).with_stride(SegFormerConfig::STRIDES[stage]);
    let map = b.conv_layer(&format!("{name}.proj"), map, conv, true)?;
    let size = b.size_of(&name, &map);
    let tokens = to_tokens(b, &name, &map, channels[1]);
    Ok((layer_norm(b, &format!("{name}.norm"), &tokens, channels[1], EPSILON)?, size))
}

/// `x + attention(norm(x))`.
fn attention_branch(
    b: &mut Builder<'_>,
    block: &str,
    x: &str,
    size: &str,
    config: &SegFormerConfig,
    stage: usize,
) -> Result<Value> {
    let (dim, heads, ratio) = (config.embed_dims[stage], config.num_heads[stage], config.sr_ratios[stage]);
    let name = format!("{block}.attention");
    let normed = layer_norm(b, &format!("{block}.norm1"), x, dim, SegFormerConfig::LAYER_NORM_EPSILON as f32)?;
    let reduced = if ratio > 1 {
        let conv = Conv { padding: 0, ..Conv::same([dim, dim], ratio).with_stride(ratio) };
        let map = to_map(b, &name, &normed, size, dim);
        let map = b.conv_layer(&format!("{name}.sr"), &map, conv, true)?;
        let tokens = to_tokens(b, &name, &map, dim);
        layer_norm(b, &format!("{name}.layer_norm"), &tokens, dim, EPSILON)?
    } else {
        normed.clone()
    };
    // The scale of the scores is folded into the queries.
    let scale = ((dim / heads) as f64).sqrt().recip();
    let query = linear(b, &format!("{name}.query"), &normed, [dim, dim], scale)?;
    let key = linear(b, &format!("{name}.key"), &reduced, [dim, dim], 1.0)?;
    let value = linear(b, &format!("{name}.value"), &reduced, [dim, dim], 1.0)?;
    let split = b.ints(&[0, -1, heads as i64, (dim / heads) as i64]);
    let mut by_head = |x: &str, order: [i64; 4]| {
        let x = b.node(&name, "Reshape", &[x, &split], &[]);
        b.node(&name, "Transpose", &[&x], &[("perm", Attribute::Ints(&order))])
    };
    let query = by_head(&query, [0, 2, 1, 3]);
    let key = by_head(&key, [0, 2, 3, 1]);
    let value = by_head(&value, [0, 2, 1, 3]);
    let scores = b.node(&name, "MatMul", &[&query, &key], &[]);
    let weights = b.node(&name, "Softmax", &[&scores], &[("axis", Attribute::Int(-1))]);
    let context = b.node(&name, "MatMul", &[&weights, &value], &[]);
    let context = b.node(&name, "Transpose", &[&context], &[("perm", Attribute::Ints(&[0, 2, 1, 3]))]);
    let together = b.ints(&[0, -1, dim as i64]);
    let context = b.node(&name, "Reshape", &[&context, &together], &[]);
    let branch = linear(b, &format!("{name}.dense"), &context, [dim, dim], 1.0)?;
    Ok(b.add(block, x, &branch))
}

/// `x + ffn(norm(x))`, with a depthwise convolution between the two linear layers.
fn ffn_branch(b: &mut Builder<'_>, block: &str, x: &str, size: &str, [dim, hidden]: [usize; 2]) -> Result<Value> {
    let name = format!("{block}.feed_forward");
    let normed = layer_norm(b, &format!("{block}.norm2"), x, dim, SegFormerConfig::LAYER_NORM_EPSILON as f32)?;
    let wide = linear(b, &format!("{name}.mlp_in"), &normed, [dim, hidden], 1.0)?;
    let map = to_map(b, &name, &wide, size, hidden);
    let map = b.conv_layer(&format!("{name}.conv"), &map, Conv::depthwise(hidden, 3), true)?;
    let map = b.gelu(&name, &map);
    let wide = to_tokens(b, &name, &map, hidden);
    let branch = linear(b, &format!("{name}.mlp_out"), &wide, [hidden, dim], 1.0)?;
    Ok(b.add(block, x, &branch))
}

/// The folded decoder, see [`minesegsat_model::fold_decoder`]. Its constant is the bias of the first stage.
fn decode(b: &mut Builder<'_>, config: &SegFormerConfig, stages: &[Stage]) -> Result<()> {
    let width = config.decoder_dim;
    let folded = minesegsat_model::fold_decoder(width, config.embed_dims, |name, shape| b.tensor(name, shape))?;
    let mut sum: Option<Value> = None;
    for (stage, (weight, dim)) in folded.weights.into_iter().zip(config.embed_dims).enumerate() {
        let name = format!("decoder.folded.{stage}");
        let bias = (stage == 0).then(|| folded.constant.clone());
        let mut map = b.conv(&name, &stages[stage].map, Conv::same([dim, width], 1), &Kernel { weight, bias });
        if stage > 0 {
            map = b.resize(&name, &map, &stages[0].size);
        }
        sum = Some(match sum {
            Some(sum) => b.add("decoder", &sum, &map),
            None => map,
        });
    }
    let x = b.relu("decoder", &sum.unwrap_or_default());
    let logits = b.conv_layer("decoder.classifier", &x, Conv::same([width, config.num_classes], 1), true)?;
    let size = b.size_of("", Builder::input());
    let logits = b.resize("", &logits, &size);
    if let Some(detail) = &config.detail {
        let path = detail_path(b, config, detail, &x, &size)?;
        b.add("detail", &logits, &path);
    }
    b.answer();
    Ok(())
}

/// The path at full resolution, which is added to the decoder's logits. `features` is what the decoder's classifier sees.
fn detail_path(
    b: &mut Builder<'_>,
    config: &SegFormerConfig,
    detail: &DetailConfig,
    features: &str,
    size: &str,
) -> Result<Value> {
    let [full, half] = detail.widths;
    let fine = b.conv_norm_relu("detail.stem", Builder::input(), Conv::same([config.in_channels, full], 3))?;
    let mut coarse = b.conv_norm_relu("detail.down", &fine, Conv::same([full, half], 3).with_stride(2))?;
    let context = b.conv_layer("detail.context", features, Conv::same([config.decoder_dim, half], 1), true)?;
    let coarse_size = b.size_of("detail.down", &coarse);
    let context = b.resize("detail.context", &context, &coarse_size);
    coarse = b.add("detail.context", &coarse, &context);
    for i in 0..detail.layers {
        coarse = b.conv_norm_relu(&format!("detail.coarse.{i}"), &coarse, Conv::same([half, half], 3))?;
    }
    let up = b.conv_layer("detail.up", &coarse, Conv::same([half, full], 1), true)?;
    let up = b.resize("detail.up", &up, size);
    let fine = b.add("detail.up", &fine, &up);
    let fine = b.conv_norm_relu("detail.full", &fine, Conv::same([full, full], 3))?;
    b.conv_layer("detail.classifier", &fine, Conv::same([full, config.num_classes], 1), true)
}

/// A linear layer over the last dimension whose output is multiplied by `scale`.
fn linear(b: &mut Builder<'_>, name: &str, x: &str, [d_in, d_out]: [usize; 2], scale: f64) -> Result<Value> {
    let weight = b.tensor(&format!("{name}.weight"), &[d_out, d_in])?;
    let bias = b.tensor(&format!("{name}.bias"), &[d_out])?;
    let scaled = |v: f32| (f64::from(v) * scale) as f32;
    let transposed: Vec<f32> = (0..d_in).flat_map(|i| weight[i..].iter().step_by(d_in).map(|w| scaled(*w))).collect();
    let weight = b.constant(&format!("{name}.weight"), &[d_in, d_out], &transposed);
    let bias: Vec<f32> = bias.into_iter().map(scaled).collect();
    let bias = b.constant(&format!("{name}.bias"), &[d_out], &bias);
    let product = b.node(name, "MatMul", &[x, &weight], &[]);
    Ok(b.add(name, &product, &bias))
}

/// Layer normalisation over the last dimension.
fn layer_norm(b: &mut Builder<'_>, name: &str, x: &str, dim: usize, epsilon: f32) -> Result<Value> {
    let gamma = b.tensor(&format!("{name}.weight"), &[dim])?;
    let beta = b.tensor(&format!("{name}.bias"), &[dim])?;
    let gamma = b.constant(&format!("{name}.weight"), &[dim], &gamma);
    let beta = b.constant(&format!("{name}.bias"), &[dim], &beta);
    let settings = [("axis", Attribute::Int(-1)), ("epsilon", Attribute::Float(epsilon))];
    Ok(b.node(name, "LayerNormalization", &[x, &gamma, &beta], &settings))
}

/// `[N, C, H, W]` to `[N, H W, C]`.
fn to_tokens(b: &mut Builder<'_>, layer: &str, map: &str, channels: usize) -> Value {
    let flat = b.ints(&[0, channels as i64, -1]);
    let x = b.node(layer, "Reshape", &[map, &flat], &[]);
    b.node(layer, "Transpose", &[&x], &[("perm", Attribute::Ints(&[0, 2, 1]))])
}

/// `[N, H W, C]` to `[N, C, H, W]`.
fn to_map(b: &mut Builder<'_>, layer: &str, tokens: &str, size: &str, channels: usize) -> Value {
    let x = b.node(layer, "Transpose", &[tokens], &[("perm", Attribute::Ints(&[0, 2, 1]))]);
    let planes = b.ints(&[0, channels as i64]);
    let shape = b.node(layer, "Concat", &[&planes, size], &[("axis", Attribute::Int(0))]);
    b.node(layer, "Reshape", &[&x, &shape], &[])
}
