use burn::prelude::*;

use crate::{
    ResNet, UnetConfig,
    conv_norm::{self, SegmentationHead},
    unet::UnetBlock,
};

/// U-Net++: a U-Net whose skip connections pass through nested decoders. Each node has connections from all earlier nodes of its
/// resolution.
///
/// [UNet++: A Nested U-Net Architecture for Medical Image Segmentation](https://arxiv.org/abs/1807.10165), without deep
/// supervision, on a ResNet. Names and widths are as in `segmentation_models_pytorch`.
#[derive(Module, Debug)]
pub struct UnetPlusPlus {
    encoder: ResNet,
    decoder: UnetPlusPlusDecoder,
    segmentation_head: SegmentationHead,
}

#[derive(Module, Debug)]
struct UnetPlusPlusDecoder {
    blocks: Nodes,
}

/// Node `x_d_l` works at 1/16 (`l` = 0), 1/8, 1/4, 1/2 (`l` = 3) or 1 (`l` = 4) of the resolution, and belongs to the
/// decoder that starts at the encoder's map number `d`, counted from the coarsest.
#[expect(clippy::struct_field_names, reason = "the names are those of published weights")]
#[derive(Module, Debug)]
struct Nodes {
    x_0_0: UnetBlock,
    x_0_1: UnetBlock,
    x_1_1: UnetBlock,
    x_0_2: UnetBlock,
    x_1_2: UnetBlock,
    x_2_2: UnetBlock,
    x_0_3: UnetBlock,
    x_1_3: UnetBlock,
    x_2_3: UnetBlock,
    x_3_3: UnetBlock,
    x_0_4: UnetBlock,
}

impl UnetPlusPlus {
    /// Initialises a network.
    pub(crate) fn new(config: &UnetConfig, device: &Device) -> Self {
        let [c1, c2, c3, c4, c5] = config.encoder.channels();
        let widths = config.decoder_channels;
        // Encoder maps, from the coarsest. The map with the resolution of level l is number l + 1.
        let encoder = [c5, c4, c3, c2, c1];
        let node = |d: usize, l: usize| {
            let skip = encoder[l + 1];
            // The input of node (d, l) is (d, l - 1), or the encoder's map at the start of the decoder. The outermost decoder
            // has its own widths, the inner ones have those of the encoder's maps.
            let input = if d == l {
                encoder[l]
            } else if d == 0 {
                widths[l - 1]
            } else {
                encoder[l]
            };
            let out = if d == 0 { widths[l] } else { skip };
            UnetBlock::new(input, skip * (l + 1 - d), out, device)
        };
        let blocks = Nodes {
            x_0_0: node(0, 0),
            x_0_1: node(0, 1),
            x_1_1: node(1, 1),
            x_0_2: node(0, 2),
            x_1_2: node(1, 2),
            x_2_2: node(2, 2),
            x_0_3: node(0, 3),
            x_1_3: node(1, 3),
            x_2_3: node(2, 3),
            x_3_3: node(3, 3),
            x_0_4: UnetBlock::new(widths[3], 0, widths[4], device),
        };
        Self {
            encoder: ResNet::new(config.encoder, config.in_channels, 32, device),
            decoder: UnetPlusPlusDecoder { blocks },
            segmentation_head: conv_norm::head([widths[4], config.num_classes], 3, device),
        }
    }

    /// Logits of each class at each pixel.
    ///
    /// # Shapes
    /// - input `[N, in_channels, H, W]`, height and width multiples of 32
    /// - output `[N, num_classes, H, W]`
    ///
    /// # Panics
    /// If height or width is not a multiple of 32.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let mut maps = self.encoder.forward(x);
        maps.reverse();
        let blocks = &self.decoder.blocks;
        let levels: [&[&UnetBlock]; 4] = [
            &[&blocks.x_0_0],
            &[&blocks.x_0_1, &blocks.x_1_1],
            &[&blocks.x_0_2, &blocks.x_1_2, &blocks.x_2_2],
            &[&blocks.x_0_3, &blocks.x_1_3, &blocks.x_2_3, &blocks.x_3_3],
        ];
        // Nodes of the previous level, by d.
        let mut below: Vec<Tensor<4>> = Vec::new();
        for (l, nodes) in levels.into_iter().enumerate() {
            below.push(maps[l].clone());
            // The inputs of node d are the nodes d + 1, ..., l of its level, in this order, and the encoder's map.
            let mut skips = vec![maps[l + 1].clone()];
            let mut level = Vec::with_capacity(l + 1);
            for (node, input) in nodes.iter().zip(std::mem::take(&mut below)).rev() {
                let output = node.forward(input, skips.clone());
                skips.insert(0, output.clone());
                level.insert(0, output);
            }
            below = level;
        }
        let outermost = below.swap_remove(0);
        conv_norm::classify(&self.segmentation_head, blocks.x_0_4.forward(outermost, Vec::new()))
    }
}
