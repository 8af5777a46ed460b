//! ResNet, the encoder of the convolutional decoders.

use minesegsat_model::Encoder;

use super::layers::{Builder, Conv};
use crate::Result;
use crate::graph::{Attribute, Value};

/// The maps at 1/2, 1/4, 1/8, 1/16 and 1/32 of the input's resolution. With an `output_stride` of 16, the last stage stays at
/// 1/16 and is dilated by 2 instead.
pub(super) fn build(
    b: &mut Builder<'_>,
    encoder: Encoder,
    in_channels: usize,
    output_stride: usize,
) -> Result<[Value; 5]> {
    let stem = Conv::same([in_channels, Encoder::WIDTHS[0]], 7).with_stride(2);
    let x = b.conv_norm("encoder.conv1", "encoder.bn1", Builder::input(), stem)?;
    let x1 = b.relu("encoder", &x);
    let pool = [
        ("kernel_shape", Attribute::Ints(&[3, 3])),
        ("strides", Attribute::Ints(&[2, 2])),
        ("pads", Attribute::Ints(&[1, 1, 1, 1])),
    ];
    let pooled = b.node("encoder", "MaxPool", &[&x1], &pool);
    let expansion = encoder.expansion();
    let mut in_channels = Encoder::WIDTHS[0];
    let mut stage = |number: usize, x: &str| {
        let dilation = if number == 3 && output_stride == 16 { 2 } else { 1 };
        let mut stride = if number == 0 || dilation > 1 { 1 } else { 2 };
        let width = Encoder::WIDTHS[number];
        let mut x = x.to_owned();
        for i in 0..encoder.depths()[number] {
            let shape = Block { in_channels, width, expansion, stride, dilation };
            x = shape.build(b, &format!("encoder.layer{}.{i}", number + 1), &x)?;
            (in_channels, stride) = (width * expansion, 1);
        }
        Ok::<_, crate::Error>(x)
    };
    let x2 = stage(0, &pooled)?;
    let x3 = stage(1, &x2)?;
    let x4 = stage(2, &x3)?;
    let x5 = stage(3, &x4)?;
    Ok([x1, x2, x3, x4, x5])
}

/// Dimensions of a residual block.
struct Block {
    in_channels: usize,
    width: usize,
    expansion: usize,
    stride: usize,
    dilation: usize,
}

impl Block {
    fn build(&self, b: &mut Builder<'_>, name: &str, x: &str) -> Result<Value> {
        let Self { in_channels, width, expansion, stride, dilation } = *self;
        let out = width * expansion;
        let three = |channels: [usize; 2]| Conv::same(channels, 3).with_dilation(dilation);
        // A bottleneck of 1 x 1, 3 x 3 and 1 x 1, or two 3 x 3.
        let convs = if expansion > 1 {
            vec![
                Conv::same([in_channels, width], 1),
                three([width, width]).with_stride(stride),
                Conv::same([width, out], 1),
            ]
        } else {
            vec![three([in_channels, width]).with_stride(stride), three([width, out])]
        };
        let mut branch = x.to_owned();
        for (i, conv) in convs.into_iter().enumerate() {
            if i > 0 {
                branch = b.relu(name, &branch);
            }
            branch = b.conv_norm(&format!("{name}.conv{}", i + 1), &format!("{name}.bn{}", i + 1), &branch, conv)?;
        }
        let residual = if stride > 1 || in_channels != out {
            let conv = Conv::same([in_channels, out], 1).with_stride(stride);
            b.conv_norm(&format!("{name}.downsample.0"), &format!("{name}.downsample.1"), x, conv)?
        } else {
            x.to_owned()
        };
        let sum = b.add(name, &branch, &residual);
        Ok(b.relu(name, &sum))
    }
}
