//! Architecture and dimensions of a network: [`NetworkConfig`], one key in cards and configuration files.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::config::check_channels;
use crate::{Encoder, Error, Result, SIZE_DIVISOR, SegFormerConfig, Variant};

/// Largest width of a decoder on a ResNet. The default is at most 256.
const MOST_DECODER_CHANNELS: usize = 2048;

/// Architecture and dimensions of a network. In files it is a table whose `name` is the architecture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "lowercase")]
pub enum NetworkConfig {
    /// `segformer`: SegFormer.
    SegFormer(SegFormerConfig),
    /// `unet`: U-Net.
    Unet(UnetConfig),
    /// `unetplusplus`: U-Net++.
    UnetPlusPlus(UnetConfig),
    /// `deeplabv3plus`: DeepLabV3+.
    DeepLabV3Plus(DeepLabV3PlusConfig),
    /// `fpn`: a feature pyramid network.
    Fpn(FpnConfig),
}

/// Dimensions of a U-Net or a U-Net++.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnetConfig {
    /// Encoder.
    pub encoder: Encoder,
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output: 1 for a binary mask (sigmoid), more for mutually exclusive classes (softmax).
    pub num_classes: usize,
    /// Width of the decoder at 1/16, 1/8, 1/4, 1/2 and 1 of the input's resolution.
    #[serde(default = "UnetConfig::decoder_channels")]
    pub decoder_channels: [usize; 5],
}

/// Dimensions of a DeepLabV3+.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeepLabV3PlusConfig {
    /// Encoder.
    pub encoder: Encoder,
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output: 1 for a binary mask (sigmoid), more for mutually exclusive classes (softmax).
    pub num_classes: usize,
    /// Width of the pyramid of dilated convolutions and of the decoder.
    #[serde(default = "DeepLabV3PlusConfig::decoder_channels")]
    pub decoder_channels: usize,
    /// Probability that a value of the pyramid's output is dropped in training.
    #[serde(default = "DeepLabV3PlusConfig::dropout")]
    pub dropout: f64,
}

/// Dimensions of a feature pyramid network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FpnConfig {
    /// Encoder.
    pub encoder: Encoder,
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output: 1 for a binary mask (sigmoid), more for mutually exclusive classes (softmax).
    pub num_classes: usize,
    /// Width of the pyramid.
    #[serde(default = "FpnConfig::pyramid_channels")]
    pub pyramid_channels: usize,
    /// Width of the decoder's branches, a multiple of 32.
    #[serde(default = "FpnConfig::segmentation_channels")]
    pub segmentation_channels: usize,
    /// Probability that a channel is dropped before the classifier in training.
    #[serde(default = "FpnConfig::dropout")]
    pub dropout: f64,
}

impl UnetConfig {
    const fn decoder_channels() -> [usize; 5] {
        [256, 128, 64, 32, 16]
    }
}

impl DeepLabV3PlusConfig {
    /// Dilations of the pyramid's convolutions, as in `segmentation_models_pytorch`. They are twice the paper's dilations for an
    /// encoder whose last map is at 1/16.
    pub const ATROUS_RATES: [usize; 3] = [12, 24, 36];

    /// Width of the encoder's map at 1/4 after its projection in the decoder.
    pub const HIGH_RESOLUTION_CHANNELS: usize = 48;

    const fn decoder_channels() -> usize {
        256
    }

    const fn dropout() -> f64 {
        0.5
    }
}

impl FpnConfig {
    /// Groups of the decoder's norms.
    pub const GROUPS: usize = 32;

    const fn pyramid_channels() -> usize {
        256
    }

    const fn segmentation_channels() -> usize {
        128
    }

    const fn dropout() -> f64 {
        0.2
    }
}

impl NetworkConfig {
    /// Names of the decoders for convolutional encoders.
    const DECODERS: [&str; 4] = ["unet", "unetplusplus", "deeplabv3plus", "fpn"];

    /// All names that [`named`](Self::named) accepts.
    pub fn names() -> impl Iterator<Item = String> {
        let variants = Variant::ALL.into_iter().map(|variant| variant.name().to_owned());
        variants.chain(
            Self::DECODERS
                .into_iter()
                .flat_map(|decoder| Encoder::ALL.map(|encoder| format!("{decoder}-{}", encoder.name()))),
        )
    }

    /// The network with a name: a SegFormer variant such as `b0`, or decoder and encoder such as `unet-resnet34`.
    pub fn named(name: &str, in_channels: usize, num_classes: usize) -> Result<Self> {
        if let Ok(variant) = name.parse::<Variant>() {
            return Ok(Self::SegFormer(variant.config(in_channels, num_classes)));
        }
        let parts = name.split_once('-').and_then(|(decoder, encoder)| Some((decoder, Encoder::named(encoder)?)));
        parts.and_then(|(decoder, encoder)| Self::with_encoder(decoder, encoder, in_channels, num_classes)).ok_or_else(
            || Error::Argument {
                name: "network",
                value: name.to_owned(),
                accepted: format!("one of {}", Self::names().collect::<Vec<_>>().join(", ")),
            },
        )
    }

    fn with_encoder(decoder: &str, encoder: Encoder, in_channels: usize, num_classes: usize) -> Option<Self> {
        let unet = UnetConfig { encoder, in_channels, num_classes, decoder_channels: UnetConfig::decoder_channels() };
        Some(match decoder {
            "unet" => Self::Unet(unet),
            "unetplusplus" => Self::UnetPlusPlus(unet),
            "deeplabv3plus" => Self::DeepLabV3Plus(DeepLabV3PlusConfig {
                encoder,
                in_channels,
                num_classes,
                decoder_channels: DeepLabV3PlusConfig::decoder_channels(),
                dropout: DeepLabV3PlusConfig::dropout(),
            }),
            "fpn" => Self::Fpn(FpnConfig {
                encoder,
                in_channels,
                num_classes,
                pyramid_channels: FpnConfig::pyramid_channels(),
                segmentation_channels: FpnConfig::segmentation_channels(),
                dropout: FpnConfig::dropout(),
            }),
            _ => return None,
        })
    }

    /// Channels of the input.
    pub const fn in_channels(&self) -> usize {
        match self {
            Self::SegFormer(config) => config.in_channels,
            Self::Unet(config) | Self::UnetPlusPlus(config) => config.in_channels,
            Self::DeepLabV3Plus(config) => config.in_channels,
            Self::Fpn(config) => config.in_channels,
        }
    }

    /// Channels of the output: 1 for a binary mask (sigmoid), more for mutually exclusive classes (softmax).
    pub const fn num_classes(&self) -> usize {
        match self {
            Self::SegFormer(config) => config.num_classes,
            Self::Unet(config) | Self::UnetPlusPlus(config) => config.num_classes,
            Self::DeepLabV3Plus(config) => config.num_classes,
            Self::Fpn(config) => config.num_classes,
        }
    }

    /// The same network for another number of bands and classes.
    pub const fn with_channels(mut self, in_channels: usize, num_classes: usize) -> Self {
        let (input, output) = match &mut self {
            Self::SegFormer(config) => (&mut config.in_channels, &mut config.num_classes),
            Self::Unet(config) | Self::UnetPlusPlus(config) => (&mut config.in_channels, &mut config.num_classes),
            Self::DeepLabV3Plus(config) => (&mut config.in_channels, &mut config.num_classes),
            Self::Fpn(config) => (&mut config.in_channels, &mut config.num_classes),
        };
        (*input, *output) = (in_channels, num_classes);
        self
    }

    /// Dropout probability before the classifier in training; 0 if the network has no dropout.
    pub const fn dropout(&self) -> f64 {
        match self {
            Self::SegFormer(config) => config.dropout,
            Self::Unet(_) | Self::UnetPlusPlus(_) => 0.0,
            Self::DeepLabV3Plus(config) => config.dropout,
            Self::Fpn(config) => config.dropout,
        }
    }

    /// The same network with another [`dropout`](Self::dropout). An error if the network has no dropout.
    pub fn with_dropout(mut self, rate: f64) -> Result<Self> {
        match &mut self {
            Self::SegFormer(config) => config.dropout = rate,
            Self::DeepLabV3Plus(config) => config.dropout = rate,
            Self::Fpn(config) => config.dropout = rate,
            Self::Unet(_) | Self::UnetPlusPlus(_) if rate == 0.0 => {}
            Self::Unet(_) | Self::UnetPlusPlus(_) => {
                return Err(Error::Argument {
                    name: "dropout",
                    value: rate.to_string(),
                    accepted: format!("{} has no dropout; 0 or nothing", self.with_article()),
                });
            }
        }
        self.check()?;
        Ok(self)
    }

    /// Probability that a sample skips a branch of the last block in training; 0 for all networks but SegFormers.
    pub const fn drop_path_rate(&self) -> f64 {
        match self {
            Self::SegFormer(config) => config.drop_path_rate,
            _ => 0.0,
        }
    }

    /// The same network with another [`drop_path_rate`](Self::drop_path_rate). An error for all networks but SegFormers.
    pub fn with_drop_path_rate(mut self, rate: f64) -> Result<Self> {
        match &mut self {
            Self::SegFormer(config) => config.drop_path_rate = rate,
            _ if rate == 0.0 => {}
            _ => {
                return Err(Error::Argument {
                    name: "drop_path_rate",
                    value: rate.to_string(),
                    accepted: format!("{} skips no branches; 0 or nothing", self.with_article()),
                });
            }
        }
        self.check()?;
        Ok(self)
    }

    /// Width and height of a patch must be multiples of this, in pixels. It is the stride of the coarsest map.
    pub const fn size_divisor(&self) -> usize {
        match self {
            Self::DeepLabV3Plus(_) => 16,
            Self::SegFormer(config) => SIZE_DIVISOR * config.input_stride,
            _ => SIZE_DIVISOR,
        }
    }

    /// Smallest number of values over which a batch norm computes the statistics of a channel in training, for a batch of
    /// `batch` crops of `patch_size` pixels. The variance of one value is undefined.
    pub const fn values_per_norm(&self, batch: usize, patch_size: usize) -> usize {
        let side = match self {
            // The map of the decoder.
            Self::SegFormer(config) => patch_size / (4 * config.input_stride),
            // The pooled map of the pyramid.
            Self::DeepLabV3Plus(_) => 1,
            // The coarsest map of the encoder.
            Self::Unet(_) | Self::UnetPlusPlus(_) | Self::Fpn(_) => patch_size / SIZE_DIVISOR,
        };
        batch * side * side
    }

    /// Checks that patches of `[height, width]` fit the network.
    pub fn check_size(&self, [height, width]: [usize; 2]) -> Result<()> {
        let divisor = self.size_divisor();
        let fits = |size: usize| size > 0 && size.is_multiple_of(divisor);
        if fits(height) && fits(width) {
            return Ok(());
        }
        let near = |size: usize| size.max(1).next_multiple_of(divisor);
        Err(Error::Argument {
            name: "patch size",
            value: format!("{width} x {height}"),
            accepted: format!(
                "width and height must be multiples of {divisor}, such as {} x {}",
                near(width),
                near(height)
            ),
        })
    }

    /// Checks that the dimensions are valid.
    pub fn check(&self) -> Result<()> {
        let refuse = |name: &'static str, value: String, accepted: &str| {
            Err(Error::Argument { name, value, accepted: accepted.to_owned() })
        };
        let widths: Vec<(&'static str, usize)> = match self {
            Self::SegFormer(config) => return config.check(),
            Self::Unet(config) | Self::UnetPlusPlus(config) => {
                config.decoder_channels.iter().map(|&width| ("decoder_channels", width)).collect()
            }
            Self::DeepLabV3Plus(config) => vec![("decoder_channels", config.decoder_channels)],
            Self::Fpn(config) => vec![("pyramid_channels", config.pyramid_channels)],
        };
        check_channels(self.in_channels(), self.num_classes())?;
        for (name, value) in widths {
            if !(1..=MOST_DECODER_CHANNELS).contains(&value) {
                return refuse(name, value.to_string(), &format!("1 to {MOST_DECODER_CHANNELS}"));
            }
        }
        if let Self::Fpn(FpnConfig { segmentation_channels: width, .. }) = self
            && (*width == 0 || *width > MOST_DECODER_CHANNELS || width % FpnConfig::GROUPS != 0)
        {
            return refuse(
                "segmentation_channels",
                width.to_string(),
                &format!("a multiple of 32, the number of groups of its norms, and at most {MOST_DECODER_CHANNELS}"),
            );
        }
        if !(0.0..1.0).contains(&self.dropout()) {
            return refuse("dropout", self.dropout().to_string(), "a probability from 0 to below 1");
        }
        Ok(())
    }

    /// The encoder, if the decoder can have different ones.
    pub const fn encoder(&self) -> Option<Encoder> {
        match self {
            Self::SegFormer(_) => None,
            Self::Unet(config) | Self::UnetPlusPlus(config) => Some(config.encoder),
            Self::DeepLabV3Plus(config) => Some(config.encoder),
            Self::Fpn(config) => Some(config.encoder),
        }
    }

    /// Display name: `SegFormer b0`, `SegFormer b0 with a detail path`, `U-Net, ResNet-34`.
    pub fn title(&self) -> String {
        match (self, self.encoder()) {
            (Self::SegFormer(config), _) => {
                let name = config.variant().map_or_else(String::new, |variant| format!(" {variant}"));
                let detail = if config.detail.is_some() { " with a detail path" } else { "" };
                format!("SegFormer{name}{detail}")
            }
            (_, Some(encoder)) => format!("{}, {}", self.architecture(), encoder.title()),
            (_, None) => self.architecture().to_owned(),
        }
    }

    /// The architecture without its dimensions.
    const fn architecture(&self) -> &'static str {
        match self {
            Self::SegFormer(_) => "SegFormer",
            Self::Unet(_) => "U-Net",
            Self::UnetPlusPlus(_) => "U-Net++",
            Self::DeepLabV3Plus(_) => "DeepLabV3+",
            Self::Fpn(_) => "FPN",
        }
    }

    /// The architecture in a sentence: `a SegFormer`, `a U-Net with ResNet-34`.
    pub fn with_article(&self) -> String {
        let article = if matches!(self, Self::Fpn(_)) { "an" } else { "a" };
        let encoder = self.encoder().map(|encoder| format!(" with {}", encoder.title())).unwrap_or_default();
        format!("{article} {}{encoder}", self.architecture())
    }
}

impl From<SegFormerConfig> for NetworkConfig {
    fn from(config: SegFormerConfig) -> Self {
        Self::SegFormer(config)
    }
}

/// The name that [`NetworkConfig::named`] takes; `segformer` for a SegFormer that is not a named variant.
impl fmt::Display for NetworkConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decoder = match self {
            Self::SegFormer(config) => return f.pad(config.variant().map_or("segformer", Variant::name)),
            Self::Unet(_) => Self::DECODERS[0],
            Self::UnetPlusPlus(_) => Self::DECODERS[1],
            Self::DeepLabV3Plus(_) => Self::DECODERS[2],
            Self::Fpn(_) => Self::DECODERS[3],
        };
        let encoder = self.encoder().map_or("", Encoder::name);
        f.pad(&format!("{decoder}-{encoder}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_back_and_survives_json() {
        let names: Vec<String> = NetworkConfig::names().collect();
        assert_eq!(names.len(), 7 + 4 * 3);
        for name in names {
            let config = NetworkConfig::named(&name, 5, 3).unwrap();
            config.check().unwrap();
            assert_eq!((config.to_string(), config.in_channels(), config.num_classes()), (name, 5, 3));
            let json = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<NetworkConfig>(&json).unwrap(), config, "{json}");
            let other = config.with_channels(12, 1);
            assert_eq!((other.in_channels(), other.num_classes()), (12, 1));
        }
    }

    #[test]
    fn a_name_that_is_none_is_answered_with_all_that_are() {
        for name in ["unet", "unet-resnet101", "resnet34", "pspnet-resnet34", "b6"] {
            let message = NetworkConfig::named(name, 12, 1).unwrap_err().to_string();
            assert!(message.starts_with(&format!("network `{name}` is not accepted: one of paper, b0, ")), "{message}");
            assert!(message.contains("unet-resnet34") && message.ends_with("fpn-resnet50"), "{message}");
        }
    }

    #[test]
    fn what_is_left_out_of_a_file_is_as_usual_and_unknown_keys_are_named() {
        let read = |json: &str| serde_json::from_str::<NetworkConfig>(json);
        let short = read(r#"{"name": "fpn", "encoder": "resnet50", "in_channels": 12, "num_classes": 1}"#).unwrap();
        assert_eq!(short, NetworkConfig::named("fpn-resnet50", 12, 1).unwrap());
        let message = read(r#"{"name": "unet", "encoder": "resnet34", "in_channels": 12, "num_clases": 1}"#);
        assert!(message.unwrap_err().to_string().contains("unknown field `num_clases`, expected one of `encoder`"));
        let message = read(r#"{"name": "unet", "encoder": "vgg", "in_channels": 12, "num_classes": 1}"#);
        assert!(message.unwrap_err().to_string().contains("unknown variant `vgg`, expected one of `resnet18`"));
        let message = read(r#"{"name": "pspnet"}"#).unwrap_err().to_string();
        assert!(message.contains("unknown variant `pspnet`, expected one of `segformer`, `unet`"), "{message}");
    }

    #[test]
    fn rates_are_set_where_there_is_such_a_layer() {
        let named = |name: &str| NetworkConfig::named(name, 3, 1).unwrap();
        for name in ["b0", "fpn-resnet34", "deeplabv3plus-resnet34"] {
            assert_eq!(named(name).with_dropout(0.3).unwrap().dropout(), 0.3);
            assert!(named(name).with_dropout(1.0).is_err());
        }
        assert_eq!(named("b0").with_drop_path_rate(0.3).unwrap().drop_path_rate(), 0.3);
        let message = named("unet-resnet34").with_dropout(0.3).unwrap_err().to_string();
        assert_eq!(message, "dropout `0.3` is not accepted: a U-Net with ResNet-34 has no dropout; 0 or nothing");
        assert!(named("fpn-resnet34").with_drop_path_rate(0.1).is_err());
        assert!(named("unet-resnet34").with_dropout(0.0).is_ok());
    }

    #[test]
    fn sizes_that_do_not_fit_are_answered_with_the_next_that_does() {
        let unet = NetworkConfig::named("unet-resnet34", 3, 1).unwrap();
        unet.check_size([64, 96]).unwrap();
        assert_eq!(
            unet.check_size([250, 272]).unwrap_err().to_string(),
            "patch size `272 x 250` is not accepted: width and height must be multiples of 32, such as 288 x 256"
        );
        let deeplab = NetworkConfig::named("deeplabv3plus-resnet34", 3, 1).unwrap();
        deeplab.check_size([272, 256]).unwrap();
        assert!(deeplab.check_size([0, 16]).unwrap_err().to_string().contains("such as 16 x 16"));
    }

    #[test]
    fn dimensions_that_cannot_exist_are_refused() {
        let mut config = NetworkConfig::named("fpn-resnet34", 3, 1).unwrap();
        if let NetworkConfig::Fpn(fpn) = &mut config {
            fpn.segmentation_channels = 40;
        }
        assert!(config.check().unwrap_err().to_string().starts_with("segmentation_channels `40` is not accepted"));
        let config = NetworkConfig::named("unet-resnet34", 0, 1).unwrap();
        assert_eq!(config.check().unwrap_err().to_string(), "in_channels `0` is not accepted: 1 to 256");
    }

    #[test]
    fn dimensions_are_bounded() {
        let message = |config: &NetworkConfig| config.check().unwrap_err().to_string();
        let unet = NetworkConfig::Unet(UnetConfig {
            encoder: Encoder::ResNet18,
            in_channels: 12,
            num_classes: 1,
            decoder_channels: [1 << 40; 5],
        });
        assert_eq!(message(&unet), "decoder_channels `1099511627776` is not accepted: 1 to 2048");
        let large = |change: fn(&mut SegFormerConfig)| {
            let mut config = SegFormerConfig::b0();
            change(&mut config);
            message(&config.into())
        };
        assert!(large(|c| c.decoder_dim = 1 << 40).contains("decoder_dim `1099511627776` is not accepted: 1 to 4096"));
        assert!(large(|c| c.depths = [1 << 30; 4]).contains("all four must be 1 to 256"));
        assert!(large(|c| c.mlp_ratios[2] = usize::MAX).contains("all four must be 1 to 64"));
        assert!(large(|c| c.embed_dims[0] = 1 << 62).contains("all four must be 1 to 4096"));
        assert!(large(|c| c.num_classes = 256).contains("num_classes `256` is not accepted: 1 to 255"));
        // Each dimension is accepted, but not all of them together.
        let text = large(|c| (c.embed_dims, c.depths, c.num_heads) = ([4096; 4], [256; 4], [1; 4]));
        assert!(text.contains("a network of at most 1073741824 weights"), "{text}");
    }

    #[test]
    fn one_value_per_norm_is_noticed() {
        let values = |name: &str, batch, side| NetworkConfig::named(name, 3, 1).unwrap().values_per_norm(batch, side);
        assert_eq!(values("deeplabv3plus-resnet18", 1, 512), 1);
        assert_eq!(values("deeplabv3plus-resnet18", 2, 512), 2);
        assert_eq!((values("unet-resnet18", 1, 32), values("unet-resnet18", 1, 64)), (1, 4));
        assert_eq!(values("b0", 1, 32), 64);
    }
}
