//! Dimensions of a SegFormer: [`SegFormerConfig`] and its named variants.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Error, Result, SIZE_DIVISOR};

/// Dimensions of a SegFormer. The names are those of the original code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegFormerConfig {
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output: 1 for a binary mask (sigmoid), more for mutually exclusive classes (softmax).
    pub num_classes: usize,
    /// Width of the tokens of each stage.
    pub embed_dims: [usize; 4],
    /// Number of blocks of each stage.
    pub depths: [usize; 4],
    /// Number of attention heads of each stage. The shapes of the weights do not reveal it.
    pub num_heads: [usize; 4],
    /// Spatial reduction of keys and values in each stage, per axis.
    pub sr_ratios: [usize; 4],
    /// Ratio of the hidden width of the feed-forward network to the token width, in each stage.
    pub mlp_ratios: [usize; 4],
    /// Width of the decoder.
    pub decoder_dim: usize,
    /// Side of the squares of pixels whose mean is the network's input, in pixels. The logits are upsampled again. 1, or 2 or 4
    /// for coarse labels. The shapes of the weights do not reveal it.
    #[serde(default = "default_input_stride", skip_serializing_if = "is_default_input_stride")]
    pub input_stride: usize,
    /// The path at full resolution. `None`: the published SegFormer, whose logits have a quarter of the input's resolution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<DetailConfig>,
    /// Probability that a channel is dropped before the classifier in training.
    #[serde(default)]
    pub dropout: f64,
    /// Probability that a sample skips a branch of the last block in training. It falls linearly to 0 at the first block.
    #[serde(default)]
    pub drop_path_rate: f64,
}

/// Dimensions of the detail path: convolutions at the input's resolution and at half of it. They skip the encoder and join
/// the decoder's features before a classifier of their own, whose logits are added to those of the decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetailConfig {
    /// Channels at the input's resolution, and at half of it.
    pub widths: [usize; 2],
    /// Convolutions at half of the resolution after the decoder's features have joined.
    pub layers: usize,
}

impl DetailConfig {
    /// Largest number of channels.
    const MOST_CHANNELS: usize = 512;
    /// Largest number of convolutions at half of the resolution.
    const MOST_LAYERS: usize = 64;

    fn check(&self) -> Result<()> {
        if !self.widths.iter().all(|width| (1..=Self::MOST_CHANNELS).contains(width)) {
            return Err(Error::Argument {
                name: "detail.widths",
                value: format!("{:?}", self.widths),
                accepted: format!("both must be 1 to {}", Self::MOST_CHANNELS),
            });
        }
        if !(1..=Self::MOST_LAYERS).contains(&self.layers) {
            return Err(Error::Argument {
                name: "detail.layers",
                value: self.layers.to_string(),
                accepted: format!("1 to {}", Self::MOST_LAYERS),
            });
        }
        Ok(())
    }
}

/// Largest number of weights of a network. The largest SegFormer, b5, has 85 million.
pub(crate) const MOST_WEIGHTS: u64 = 1 << 30;
/// Largest number of channels of an input. Sentinel-2 has 13 bands.
pub(crate) const MOST_INPUT_CHANNELS: usize = 256;
/// Largest number of classes. A mask has 8 bits, and one value marks pixels without a class.
pub(crate) const MOST_CLASSES: usize = 255;

/// Checks the numbers of channels of input and output.
pub(crate) fn check_channels(in_channels: usize, num_classes: usize) -> Result<()> {
    for (name, value, most) in
        [("in_channels", in_channels, MOST_INPUT_CHANNELS), ("num_classes", num_classes, MOST_CLASSES)]
    {
        if !(1..=most).contains(&value) {
            return Err(Error::Argument { name, value: value.to_string(), accepted: format!("1 to {most}") });
        }
    }
    Ok(())
}

const fn default_input_stride() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_default_input_stride(value: &usize) -> bool {
    *value == 1
}

/// The named SegFormers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// The network of the `MineSegSAT` paper: the encoder of b3 with a decoder 256 wide, 44.6 million parameters.
    Paper,
    /// MiT-b0, 3.7 million parameters.
    B0,
    /// MiT-b1.
    B1,
    /// MiT-b2.
    B2,
    /// MiT-b3.
    B3,
    /// MiT-b4.
    B4,
    /// MiT-b5.
    B5,
}

impl Variant {
    /// All variants.
    pub const ALL: [Self; 7] = [Self::Paper, Self::B0, Self::B1, Self::B2, Self::B3, Self::B4, Self::B5];

    /// Name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::B0 => "b0",
            Self::B1 => "b1",
            Self::B2 => "b2",
            Self::B3 => "b3",
            Self::B4 => "b4",
            Self::B5 => "b5",
        }
    }

    /// Dimensions of the variant, from table 6 of [SegFormer](https://arxiv.org/abs/2105.15203).
    ///
    /// Dropout 0.1 as there; drop path 0.1 as there, 0.15 for the paper's network.
    pub const fn config(self, in_channels: usize, num_classes: usize) -> SegFormerConfig {
        let (embed_dims, depths, decoder_dim) = match self {
            Self::Paper => ([64, 128, 320, 512], [3, 4, 18, 3], 256),
            Self::B0 => ([32, 64, 160, 256], [2, 2, 2, 2], 256),
            Self::B1 => ([64, 128, 320, 512], [2, 2, 2, 2], 256),
            Self::B2 => ([64, 128, 320, 512], [3, 4, 6, 3], 768),
            Self::B3 => ([64, 128, 320, 512], [3, 4, 18, 3], 768),
            Self::B4 => ([64, 128, 320, 512], [3, 8, 27, 3], 768),
            Self::B5 => ([64, 128, 320, 512], [3, 6, 40, 3], 768),
        };
        SegFormerConfig {
            in_channels,
            num_classes,
            embed_dims,
            depths,
            num_heads: SegFormerConfig::NUM_HEADS,
            sr_ratios: [8, 4, 2, 1],
            mlp_ratios: [4; 4],
            decoder_dim,
            input_stride: 1,
            detail: None,
            dropout: 0.1,
            drop_path_rate: if matches!(self, Self::Paper) { 0.15 } else { 0.1 },
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Variant {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|variant| variant.name() == text).ok_or_else(|| Error::Argument {
            name: "variant",
            value: text.to_owned(),
            accepted: "one of paper, b0, b1, b2, b3, b4, b5".to_owned(),
        })
    }
}

impl SegFormerConfig {
    /// Largest width of tokens and decoder. The largest published SegFormers have 512 and 768.
    const MOST_CHANNELS: usize = 4096;
    /// Largest number of blocks of a stage. The largest published SegFormer has 40.
    const MOST_BLOCKS: usize = 256;
    /// Largest ratio of the feed-forward network's width. All published SegFormers have 4.
    const MOST_MLP_RATIO: usize = 64;

    /// Attention heads of every published SegFormer: 1, 2, 5, 8.
    pub const NUM_HEADS: [usize; 4] = [1, 2, 5, 8];

    /// Side of the square of input pixels of a token, for each stage.
    pub const PATCH_SIZES: [usize; 4] = [7, 3, 3, 3];

    /// Distance between tokens in the input, for each stage.
    pub const STRIDES: [usize; 4] = [4, 2, 2, 2];

    /// Epsilon of the norms in the blocks and at the stages' outputs, as in the authors' code. The norms of the patch embeddings and
    /// of the spatial reduction use PyTorch's default, 1e-5.
    pub const LAYER_NORM_EPSILON: f64 = 1e-6;

    /// The network of the `MineSegSAT` paper for twelve bands and one class.
    pub const fn paper() -> Self {
        Variant::Paper.config(12, 1)
    }

    /// The smallest SegFormer for twelve bands and one class.
    pub const fn b0() -> Self {
        Variant::B0.config(12, 1)
    }

    /// The variant with these dimensions, if there is one.
    pub fn variant(&self) -> Option<Variant> {
        Variant::ALL.into_iter().find(|variant| {
            let known = variant.config(self.in_channels, self.num_classes);
            let plain = Self { input_stride: 1, detail: None, ..self.clone() };
            Self { dropout: known.dropout, drop_path_rate: known.drop_path_rate, ..plain } == known
        })
    }

    /// Checks that the dimensions are valid.
    pub fn check(&self) -> Result<()> {
        let refuse = |name: &'static str, value: String, accepted: &str| {
            Err(Error::Argument { name, value, accepted: accepted.to_owned() })
        };
        for (name, values) in [
            ("embed_dims", self.embed_dims),
            ("depths", self.depths),
            ("num_heads", self.num_heads),
            ("sr_ratios", self.sr_ratios),
            ("mlp_ratios", self.mlp_ratios),
        ] {
            let most = match name {
                "depths" => Self::MOST_BLOCKS,
                "mlp_ratios" => Self::MOST_MLP_RATIO,
                _ => Self::MOST_CHANNELS,
            };
            if !values.iter().all(|value| (1..=most).contains(value)) {
                return refuse(name, format!("{values:?}"), &format!("all four must be 1 to {most}"));
            }
        }
        check_channels(self.in_channels, self.num_classes)?;
        if !(1..=Self::MOST_CHANNELS).contains(&self.decoder_dim) {
            return refuse("decoder_dim", self.decoder_dim.to_string(), &format!("1 to {}", Self::MOST_CHANNELS));
        }
        if !(1..=8).contains(&self.input_stride) {
            return refuse("input_stride", self.input_stride.to_string(), "1 to 8");
        }
        if let Some(detail) = &self.detail {
            detail.check()?;
        }
        for (stage, sr_ratio) in self.sr_ratios.into_iter().enumerate() {
            if sr_ratio > SIZE_DIVISOR >> (stage + 2) {
                let accepted = "at most 8, 4, 2, 1, so that a patch of 32 x 32 pixels still has keys and values";
                return refuse("sr_ratios", format!("{:?}", self.sr_ratios), accepted);
            }
        }
        for (dim, heads) in self.embed_dims.into_iter().zip(self.num_heads) {
            if dim % heads != 0 {
                let accepted = format!("each must divide its embed_dim; embed_dims are {:?}", self.embed_dims);
                return refuse("num_heads", format!("{:?}", self.num_heads), &accepted);
            }
        }
        for (name, rate) in [("dropout", self.dropout), ("drop_path_rate", self.drop_path_rate)] {
            if !(0.0..1.0).contains(&rate) {
                return refuse(name, rate.to_string(), "a probability from 0 to below 1");
            }
        }
        let count = self.num_matrix_weights();
        if count > MOST_WEIGHTS {
            return refuse(
                "embed_dims",
                format!("{:?}", self.embed_dims),
                &format!("a network of at most {MOST_WEIGHTS} weights; with depths {:?} it has {count}", self.depths),
            );
        }
        Ok(())
    }

    /// Number of weights in the products of the blocks and the decoder, which are nearly all weights of a large network.
    /// The limits of the dimensions keep it far below 2^64.
    fn num_matrix_weights(&self) -> u64 {
        let stages: u64 = (0..4)
            .map(|stage| {
                let [dim, depth, sr, mlp] =
                    [self.embed_dims, self.depths, self.sr_ratios, self.mlp_ratios].map(|values| values[stage] as u64);
                let before = if stage == 0 { self.in_channels } else { self.embed_dims[stage - 1] } as u64;
                let reduction = if sr > 1 { sr * sr } else { 0 };
                dim * before * if stage == 0 { 49 } else { 9 } + depth * dim * dim * (4 + 2 * mlp + reduction)
            })
            .sum();
        let width = self.decoder_dim as u64;
        stages + width * (4 * width + self.embed_dims.iter().sum::<usize>() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_parses_back_and_is_recognised() {
        for variant in Variant::ALL {
            assert_eq!(variant.name().parse::<Variant>().unwrap(), variant);
            let config = variant.config(13, 2);
            config.check().unwrap();
            assert_eq!(config.variant(), Some(variant));
        }
        assert_eq!(
            "b6".parse::<Variant>().unwrap_err().to_string(),
            "variant `b6` is not accepted: one of paper, b0, b1, b2, b3, b4, b5"
        );
    }

    #[test]
    fn cards_without_a_detail_path_are_as_before() {
        let text = serde_json::to_string(&SegFormerConfig::b0()).unwrap();
        assert!(!text.contains("detail"), "{text}");
        let config =
            SegFormerConfig { detail: Some(DetailConfig { widths: [16, 32], layers: 2 }), ..SegFormerConfig::b0() };
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<SegFormerConfig>(&text).unwrap(), config);
    }

    #[test]
    fn dimensions_that_cannot_exist_are_refused() {
        let coarse = SegFormerConfig { sr_ratios: [8, 8, 2, 1], ..SegFormerConfig::b0() };
        assert!(coarse.check().unwrap_err().to_string().contains("sr_ratios `[8, 8, 2, 1]` is not accepted"));
        let detail =
            |widths, layers| SegFormerConfig { detail: Some(DetailConfig { widths, layers }), ..SegFormerConfig::b0() };
        detail([16, 32], 2).check().unwrap();
        assert_eq!(detail([16, 32], 2).variant(), Some(Variant::B0));
        assert_eq!(
            detail([16, 0], 2).check().unwrap_err().to_string(),
            "detail.widths `[16, 0]` is not accepted: both must be 1 to 512"
        );
        assert_eq!(detail([16, 32], 0).check().unwrap_err().to_string(), "detail.layers `0` is not accepted: 1 to 64");
        let mut config = SegFormerConfig::b0();
        config.num_heads = [1, 2, 3, 8];
        assert_eq!(
            config.check().unwrap_err().to_string(),
            "num_heads `[1, 2, 3, 8]` is not accepted: each must divide its embed_dim; embed_dims are [32, 64, 160, 256]"
        );
    }
}
