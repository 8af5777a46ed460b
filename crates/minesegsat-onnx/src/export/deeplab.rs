//! DeepLabV3+ on a dilated ResNet.

use minesegsat_model::DeepLabV3PlusConfig;

use super::layers::{Builder, Conv};
use super::resnet;
use crate::Result;
use crate::graph::{Attribute, Value};

pub(super) fn build(b: &mut Builder<'_>, config: &DeepLabV3PlusConfig) -> Result<()> {
    let [_, x2, _, _, x5] = resnet::build(b, config.encoder, config.in_channels, 16)?;
    let [_, c2, _, _, c5] = config.encoder.channels();
    let width = config.decoder_channels;
    let fine_width = DeepLabV3PlusConfig::HIGH_RESOLUTION_CHANNELS;
    let x = pyramid(b, &x5, c5, width)?;
    let x = b.separable_conv_norm_relu("decoder.aspp.1", "decoder.aspp.2", &x, [width, width], 1)?;
    let x = b.bilinear_aligned("decoder", &x, 4);
    let fine = b.conv_norm_relu("decoder.block1", &x2, Conv::same([c2, fine_width], 1))?;
    let x = b.concat("decoder", &[&x, &fine]);
    let x = b.separable_conv_norm_relu("decoder.block2.0", "decoder.block2.1", &x, [fine_width + width, width], 1)?;
    let logits = b.head(&x, [width, config.num_classes], 1)?;
    b.bilinear_aligned("", &logits, 4);
    b.answer();
    Ok(())
}

/// Atrous spatial pyramid pooling: three dilated convolutions, a pointwise convolution and global pooling of one map.
fn pyramid(b: &mut Builder<'_>, x: &str, channels: usize, width: usize) -> Result<Value> {
    let name = "decoder.aspp.0";
    let pointwise = Conv::same([channels, width], 1);
    let mut maps = vec![b.conv_norm_relu(&format!("{name}.convs.0"), x, pointwise)?];
    for (i, rate) in DeepLabV3PlusConfig::ATROUS_RATES.into_iter().enumerate() {
        let branch = format!("{name}.convs.{}", i + 1);
        let separable = (format!("{branch}.0"), format!("{branch}.1"));
        maps.push(b.separable_conv_norm_relu(&separable.0, &separable.1, x, [channels, width], rate)?);
    }
    let pooling = format!("{name}.convs.4");
    let mean = b.node(&pooling, "GlobalAveragePool", &[x], &[]);
    let mean = b.conv_norm(&format!("{pooling}.1"), &format!("{pooling}.2"), &mean, pointwise)?;
    let mean = b.relu(&pooling, &mean);
    let (one, size) = (b.ints(&[1, 1]), b.size_of(&pooling, x));
    let shape = b.node(&pooling, "Concat", &[&one, &size], &[("axis", Attribute::Int(0))]);
    maps.push(b.node(&pooling, "Expand", &[&mean, &shape], &[]));
    let maps: Vec<&str> = maps.iter().map(String::as_str).collect();
    let stacked = b.concat(name, &maps);
    b.conv_norm_relu(&format!("{name}.project"), &stacked, Conv::same([5 * width, width], 1))
}
