use std::collections::BTreeMap;

use burn::{
    module::{ModuleVisitor, Param},
    prelude::*,
};

use crate::{DeepLabV3Plus, Fpn, NetworkConfig, SegFormer, Unet, UnetPlusPlus};

/// A network of any architecture: bands in, logits out.
#[expect(clippy::large_enum_variant, reason = "there is one of them; its tensors are elsewhere")]
#[derive(Module, Debug)]
pub enum Network {
    /// A hierarchical transformer with an all-MLP decoder.
    SegFormer(SegFormer),
    /// U-Net on a ResNet.
    Unet(Unet),
    /// U-Net++ on a ResNet.
    UnetPlusPlus(UnetPlusPlus),
    /// DeepLabV3+ on a ResNet.
    DeepLabV3Plus(DeepLabV3Plus),
    /// Feature pyramid network on a ResNet.
    Fpn(Fpn),
}

impl Network {
    /// Initialises a network with random weights from the device's generator. The weights of
    /// [`Checkpoint::random`](crate::Checkpoint::random) are equal on all machines.
    ///
    /// # Panics
    /// If [`check`](NetworkConfig::check) rejects the dimensions.
    pub fn new(config: &NetworkConfig, device: &Device) -> Self {
        if let Err(error) = config.check() {
            panic!("{error}");
        }
        match config {
            NetworkConfig::SegFormer(config) => Self::SegFormer(SegFormer::new(config, device)),
            NetworkConfig::Unet(config) => Self::Unet(Unet::new(config, device)),
            NetworkConfig::UnetPlusPlus(config) => Self::UnetPlusPlus(UnetPlusPlus::new(config, device)),
            NetworkConfig::DeepLabV3Plus(config) => Self::DeepLabV3Plus(DeepLabV3Plus::new(config, device)),
            NetworkConfig::Fpn(config) => Self::Fpn(Fpn::new(config, device)),
        }
    }

    /// Logits of each class at each pixel.
    ///
    /// # Shapes
    /// - input `[N, in_channels, H, W]`, height and width multiples of [`NetworkConfig::size_divisor`]
    /// - output `[N, num_classes, H, W]`
    ///
    /// # Panics
    /// If [`NetworkConfig::check_size`] rejects the size.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::SegFormer(network) => network.forward(x),
            Self::Unet(network) => network.forward(x),
            Self::UnetPlusPlus(network) => network.forward(x),
            Self::DeepLabV3Plus(network) => network.forward(x),
            Self::Fpn(network) => network.forward(x),
        }
    }

    /// The SegFormer, if it is one.
    pub const fn as_segformer(&self) -> Option<&SegFormer> {
        match self {
            Self::SegFormer(network) => Some(network),
            _ => None,
        }
    }

    /// Number of trainable values. Unlike [`Module::num_params`], it excludes the norms' running statistics.
    pub fn num_trainable(&self) -> usize {
        let trainable = |(name, shape): (String, Vec<usize>)| {
            let statistic = name.ends_with(".running_mean") || name.ends_with(".running_var");
            if statistic { 0 } else { shape.iter().product() }
        };
        self.shapes().into_iter().map(trainable).sum()
    }

    /// Names and shapes of all tensors, as in PyTorch. Initialises no weights.
    pub(crate) fn shapes(&self) -> BTreeMap<String, Vec<usize>> {
        let mut visitor = Shapes::default();
        self.visit(&mut visitor);
        visitor.found
    }
}

impl From<SegFormer> for Network {
    fn from(network: SegFormer) -> Self {
        Self::SegFormer(network)
    }
}

/// Visits a network and records its tensors.
#[derive(Default)]
struct Shapes {
    path: Vec<String>,
    containers: Vec<String>,
    found: BTreeMap<String, Vec<usize>>,
}

impl ModuleVisitor for Shapes {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        if !container_type.starts_with("Enum:") {
            self.path.push(name.to_owned());
        }
        self.containers.push(container_type.to_owned());
    }

    fn exit_module(&mut self, _name: &str, container_type: &str) {
        if !container_type.starts_with("Enum:") {
            self.path.pop();
        }
        self.containers.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let mut shape = param.lazy_shape().to_vec();
        let mut path = self.path.clone();
        if let Some(last) = path.last_mut() {
            // In PyTorch, `gamma` and `beta` of norms are `weight` and `bias`, and the weight of a linear layer is `[out, in]`.
            match (last.as_str(), self.containers.last().map(String::as_str)) {
                ("gamma", _) => "weight".clone_into(last),
                ("beta", _) => "bias".clone_into(last),
                ("weight", Some("Struct:Linear")) => shape.reverse(),
                _ => {}
            }
        }
        self.found.insert(path.join("."), shape);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> impl Iterator<Item = String> {
        // The deeper encoders consist of the same parts.
        NetworkConfig::names().filter(|name| name.ends_with("resnet18") || name == "b0")
    }

    #[test]
    fn logits_have_the_size_of_the_input() {
        let device = Device::flex();
        for name in names().chain(["fpn-resnet50".to_owned(), "deeplabv3plus-resnet50".to_owned()]) {
            let network = Network::new(&NetworkConfig::named(&name, 4, 3).unwrap(), &device);
            let logits = network.forward(Tensor::zeros([2, 4, 64, 32], &device));
            assert_eq!(logits.dims(), [2, 3, 64, 32], "{name}");
        }
    }

    #[test]
    fn networks_have_the_number_of_parameters_of_the_reference() {
        // import segmentation_models_pytorch as smp  # 0.6.0
        // for arch in ["unet", "unetplusplus", "deeplabv3plus", "fpn"]:
        //     for encoder in ["resnet18", "resnet34", "resnet50"]:
        //         m = smp.create_model(arch, encoder, encoder_weights=None, in_channels=3, classes=1)
        //         print(arch, encoder, sum(p.numel() for p in m.parameters()))
        for (name, expected) in [
            ("unet-resnet18", 14_328_209),
            ("unet-resnet34", 24_436_369),
            ("unet-resnet50", 32_521_105),
            ("unetplusplus-resnet18", 15_970_449),
            ("unetplusplus-resnet34", 26_078_609),
            ("unetplusplus-resnet50", 48_985_745),
            ("deeplabv3plus-resnet18", 12_329_297),
            ("deeplabv3plus-resnet34", 22_437_457),
            ("deeplabv3plus-resnet50", 26_677_585),
            ("fpn-resnet18", 13_047_233),
            ("fpn-resnet34", 23_155_393),
            ("fpn-resnet50", 26_116_033),
        ] {
            let network = Network::new(&NetworkConfig::named(name, 3, 1).unwrap(), &Device::flex());
            assert_eq!(network.num_trainable(), expected, "{name}");
        }
    }
}
