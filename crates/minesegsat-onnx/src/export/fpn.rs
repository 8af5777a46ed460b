//! Feature pyramid network on a ResNet.

use minesegsat_model::FpnConfig;

use super::layers::{Builder, Conv, EPSILON};
use super::resnet;
use crate::Result;
use crate::graph::{Attribute, Value};

pub(super) fn build(b: &mut Builder<'_>, config: &FpnConfig) -> Result<()> {
    let maps = resnet::build(b, config.encoder, config.in_channels, 32)?;
    let channels = config.encoder.channels();
    let (pyramid, width) = (config.pyramid_channels, config.segmentation_channels);
    // Levels of the pyramid, from the coarsest.
    let mut levels = vec![b.conv_layer("decoder.p5", &maps[4], Conv::same([channels[4], pyramid], 1), true)?];
    for map in (1..4).rev() {
        let name = format!("decoder.p{}", map + 1);
        let coarser = b.nearest2(&name, &levels[levels.len() - 1]);
        let lateral = Conv::same([channels[map], pyramid], 1);
        let skip = b.conv_layer(&format!("{name}.skip_conv"), &maps[map], lateral, true)?;
        levels.push(b.add(&name, &coarser, &skip));
    }
    // Each level is upsampled to 1/4 of the input's resolution; the first needs three doublings.
    let mut sum: Option<Value> = None;
    for (branch, level) in levels.iter().enumerate() {
        let doublings = 3 - branch;
        let mut x = level.clone();
        for i in 0..doublings.max(1) {
            let name = format!("decoder.seg_blocks.{branch}.block.{i}.block");
            let channels = [if i == 0 { pyramid } else { width }, width];
            x = b.conv_layer(&format!("{name}.0"), &x, Conv::same(channels, 3), false)?;
            x = group_norm_relu(b, &format!("{name}.1"), &x, width)?;
            if doublings > 0 {
                x = b.bilinear_aligned(&name, &x, 2);
            }
        }
        sum = Some(match sum {
            Some(sum) => b.add("decoder", &sum, &x),
            None => x,
        });
    }
    let logits = b.head(&sum.unwrap_or_default(), [width, config.num_classes], 1)?;
    b.bilinear_aligned("", &logits, 4);
    b.answer();
    Ok(())
}

/// Group norm, then ReLU. Operator set 17 has instance norm only, so each group is reshaped to one channel.
fn group_norm_relu(b: &mut Builder<'_>, name: &str, x: &str, channels: usize) -> Result<Value> {
    let gamma = b.tensor(&format!("{name}.weight"), &[channels])?;
    let beta = b.tensor(&format!("{name}.bias"), &[channels])?;
    let groups = FpnConfig::GROUPS;
    let ones = b.constant(&format!("{name}.ones"), &[groups], &vec![1.0; groups]);
    let zeros = b.constant(&format!("{name}.zeros"), &[groups], &vec![0.0; groups]);
    let shape = b.node(name, "Shape", &[x], &[]);
    let grouped = b.ints(&[0, groups as i64, -1]);
    let y = b.node(name, "Reshape", &[x, &grouped], &[]);
    let epsilon = [("epsilon", Attribute::Float(EPSILON))];
    let y = b.node(name, "InstanceNormalization", &[&y, &ones, &zeros], &epsilon);
    let y = b.node(name, "Reshape", &[&y, &shape], &[]);
    let gamma = b.constant(&format!("{name}.weight"), &[channels, 1, 1], &gamma);
    let beta = b.constant(&format!("{name}.bias"), &[channels, 1, 1], &beta);
    let y = b.node(name, "Mul", &[&y, &gamma], &[]);
    let y = b.add(name, &y, &beta);
    Ok(b.relu(name, &y))
}
