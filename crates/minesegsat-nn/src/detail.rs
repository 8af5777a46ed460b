use burn::{
    nn::conv::{Conv2d, Conv2dConfig},
    prelude::*,
};

use crate::{
    DetailConfig, SegFormerConfig,
    conv_norm::{self, ConvNorm, conv_norm_relu},
    fused::conv_layer,
    init,
};

/// The path at full resolution of a SegFormer: sees single pixels, which the encoder's tokens of 4 x 4 pixels blur.
///
/// ```text
/// input ── stem (H) ─────────────────────────── + ── full ── classifier ── + the decoder's logits
///            └─ down (H/2) ── + ── coarse ── up ──┘
///   decoder ── context (H/4) ─┘
/// ```
/// All convolutions are 3 x 3 with batch norm and ReLU; `context`, `up` and the classifier are 1 x 1. A `+` adds the
/// coarser map after bilinear upsampling. The classifier starts at zero, so that a path that is added to a trained
/// network leaves its answer as it is.
#[derive(Module, Debug)]
pub struct DetailPath {
    /// Bands to the width at full resolution.
    stem: ConvNorm,
    /// To the width at half resolution, with a stride of 2.
    down: ConvNorm,
    /// The decoder's features to the width at half resolution.
    pub(crate) context: Conv2d,
    /// At half resolution.
    coarse: Vec<ConvNorm>,
    /// To the width at full resolution.
    up: Conv2d,
    /// At full resolution.
    full: ConvNorm,
    /// To class logits.
    classifier: Conv2d,
}

impl DetailPath {
    /// Initialises the path of a network.
    pub(crate) fn new(config: &SegFormerConfig, detail: &DetailConfig, device: &Device) -> Self {
        let [full, half] = detail.widths;
        let conv1x1 = |channels: [usize; 2]| init::conv2d(&Conv2dConfig::new(channels, [1, 1]), device);
        Self {
            stem: conv_norm::conv_norm([config.in_channels, full], 3, device),
            down: conv_norm::strided_conv_norm([full, half], 2, device),
            context: conv1x1([config.decoder_dim, half]),
            coarse: (0..detail.layers).map(|_| conv_norm::conv_norm([half, half], 3, device)).collect(),
            up: conv1x1([half, full]),
            full: conv_norm::conv_norm([full, full], 3, device),
            classifier: init::zero_conv2d(&Conv2dConfig::new([full, config.num_classes], [1, 1]), device),
        }
    }

    /// What is added to the decoder's logits.
    ///
    /// # Shapes
    /// - `x`: the network's input, `[N, in_channels, H, W]`
    /// - `context`: the output of the layer `context` on the decoder's features, `[N, half, H_1, W_1]`
    /// - output `[N, num_classes, H, W]`
    pub fn forward(&self, x: Tensor<4>, context: Tensor<4>) -> Tensor<4> {
        let size = |map: &Tensor<4>| [map.dims()[2], map.dims()[3]];
        let fine = conv_norm_relu(&self.stem, x);
        let coarse = conv_norm_relu(&self.down, fine.clone());
        let context = init::resize_bilinear(context, size(&coarse));
        let coarse = self.coarse.iter().fold(coarse + context, |map, layer| conv_norm_relu(layer, map));
        let up = init::resize_bilinear(conv_layer(&self.up, coarse), size(&fine));
        conv_layer(&self.classifier, conv_norm_relu(&self.full, fine + up))
    }
}
