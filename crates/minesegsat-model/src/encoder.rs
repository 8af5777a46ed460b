//! The encoders for convolutional decoders.

use serde::{Deserialize, Serialize};

/// Convolutional encoders, for all decoders but SegFormer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoder {
    /// ResNet-18: two plain blocks per stage.
    ResNet18,
    /// ResNet-34: 3, 4, 6, 3 plain blocks.
    ResNet34,
    /// ResNet-50: 3, 4, 6, 3 bottleneck blocks.
    ResNet50,
}

impl Encoder {
    /// Inner widths of the four stages.
    pub const WIDTHS: [usize; 4] = [64, 128, 256, 512];

    /// All encoders.
    pub const ALL: [Self; 3] = [Self::ResNet18, Self::ResNet34, Self::ResNet50];

    /// Name on command lines and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ResNet18 => "resnet18",
            Self::ResNet34 => "resnet34",
            Self::ResNet50 => "resnet50",
        }
    }

    /// Display name.
    pub const fn title(self) -> &'static str {
        match self {
            Self::ResNet18 => "ResNet-18",
            Self::ResNet34 => "ResNet-34",
            Self::ResNet50 => "ResNet-50",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|encoder| encoder.name() == name)
    }

    /// Blocks of the four stages, from table 1 of [ResNet](https://arxiv.org/abs/1512.03385).
    pub const fn depths(self) -> [usize; 4] {
        match self {
            Self::ResNet18 => [2; 4],
            Self::ResNet34 | Self::ResNet50 => [3, 4, 6, 3],
        }
    }

    /// Ratio of a block's output width to its inner width: 4 for bottlenecks.
    pub const fn expansion(self) -> usize {
        match self {
            Self::ResNet18 | Self::ResNet34 => 1,
            Self::ResNet50 => 4,
        }
    }

    /// Channels of the maps at 1/2, 1/4, 1/8, 1/16 and 1/32 of the input's resolution.
    pub const fn channels(self) -> [usize; 5] {
        let e = self.expansion();
        let [a, b, c, d] = Self::WIDTHS;
        [a, a * e, b * e, c * e, d * e]
    }
}
