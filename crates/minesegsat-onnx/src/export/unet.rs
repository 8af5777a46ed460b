//! U-Net and U-Net++ on a ResNet.

use minesegsat_model::UnetConfig;

use super::layers::{Builder, Conv};
use super::resnet;
use crate::Result;
use crate::graph::Value;

pub(super) fn build(b: &mut Builder<'_>, config: &UnetConfig) -> Result<()> {
    let maps = resnet::build(b, config.encoder, config.in_channels, 32)?;
    let channels = config.encoder.channels();
    let mut x = maps[4].clone();
    let mut width = channels[4];
    for (i, out) in config.decoder_channels.into_iter().enumerate() {
        let skips: Vec<&str> = maps[..4].iter().rev().skip(i).take(1).map(String::as_str).collect();
        let skip_channels = if i < 4 { channels[3 - i] } else { 0 };
        x = node(b, &format!("decoder.blocks.{i}"), &x, &skips, [width + skip_channels, out])?;
        width = out;
    }
    b.head(&x, [width, config.num_classes], 3)?;
    b.answer();
    Ok(())
}

/// U-Net++. Node `x_d_l` works at 1/16 (`l` = 0), 1/8, 1/4, 1/2 or 1 (`l` = 4) of the resolution, and belongs to the decoder
/// that starts at the encoder's map number `d`, counted from the coarsest.
pub(super) fn build_plus_plus(b: &mut Builder<'_>, config: &UnetConfig) -> Result<()> {
    let mut maps = resnet::build(b, config.encoder, config.in_channels, 32)?;
    let mut channels = config.encoder.channels();
    maps.reverse();
    channels.reverse();
    let widths = config.decoder_channels;
    // Nodes of the previous level, by d.
    let mut below: Vec<Value> = Vec::new();
    for level in 0..4 {
        below.push(maps[level].clone());
        let skip = channels[level + 1];
        // The inputs of node d are the nodes d + 1, ..., l of its level, in this order, and the encoder's map.
        let mut skips = vec![maps[level + 1].clone()];
        let mut nodes = Vec::with_capacity(level + 1);
        for (d, input) in below.iter().enumerate().rev() {
            // The outermost decoder has its own widths, the inner ones those of the encoder's maps.
            let width = if d == 0 && level > 0 { widths[level - 1] } else { channels[level] };
            let out = if d == 0 { widths[level] } else { skip };
            let name = format!("decoder.blocks.x_{d}_{level}");
            let seen: Vec<&str> = skips.iter().map(String::as_str).collect();
            let output = node(b, &name, input, &seen, [width + skip * (level + 1 - d), out])?;
            skips.insert(0, output.clone());
            nodes.insert(0, output);
        }
        below = nodes;
    }
    let x = node(b, "decoder.blocks.x_0_4", &below[0], &[], [widths[3], widths[4]])?;
    b.head(&x, [widths[4], config.num_classes], 3)?;
    b.answer();
    Ok(())
}

/// Upsamples by 2, concatenates the other maps of that resolution, and convolves twice.
fn node(b: &mut Builder<'_>, name: &str, x: &str, skips: &[&str], [stacked, out]: [usize; 2]) -> Result<Value> {
    let x = b.nearest2(name, x);
    let x = if skips.is_empty() { x } else { b.concat(name, &[&[x.as_str()], skips].concat()) };
    let x = b.conv_norm_relu(&format!("{name}.conv1"), &x, Conv::same([stacked, out], 3))?;
    b.conv_norm_relu(&format!("{name}.conv2"), &x, Conv::same([out, out], 3))
}
