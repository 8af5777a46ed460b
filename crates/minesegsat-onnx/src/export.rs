//! Export of a model folder to an ONNX file.

mod deeplab;
mod fpn;
mod layers;
mod resnet;
mod segformer;
mod source;
#[cfg(test)]
mod tests;
mod unet;

use std::path::Path;

use minesegsat_core::Band;
use minesegsat_model::{ModelCard, NetworkConfig, Weights};
use prost::Message;

use self::layers::Builder;
use self::source::Source;
use crate::graph::Length;
use crate::proto::{ModelProto, OperatorSetIdProto, StringStringEntryProto};
use crate::{Error, Result};

/// Name of the input: float32 `[N, in_channels, H, W]`, normalised as in the card.
pub const INPUT: &str = "input";

/// Name of the output: float32 `[N, num_classes, H, W]`.
pub const OUTPUT: &str = "logits";

/// Version of ONNX's operator set: the oldest one with layer normalisation.
pub const OPSET_VERSION: i64 = 17;

/// Version of ONNX's file format that was released with [`OPSET_VERSION`].
const IR_VERSION: i64 = 8;

/// Converts a model folder to the bytes of an ONNX file.
///
/// Batch norms are folded into the convolutions before them, and the decoder of a SegFormer into one layer per stage. The
/// output differs only by rounding. Batch size, height and width are dynamic. Height and width must be multiples of
/// [`NetworkConfig::size_divisor`]. SegFormers accept any size that their input stride divides.
pub fn export_model(folder: impl AsRef<Path>) -> Result<Vec<u8>> {
    let folder = folder.as_ref();
    let card = ModelCard::read(folder)?;
    let weights = Weights::read(folder, &card)?;
    Ok(export(&card, &weights)?.encode_to_vec())
}

/// The ONNX model of a card and its weights.
pub(crate) fn export(card: &ModelCard, weights: &dyn Source) -> Result<ModelProto> {
    let config = &card.architecture;
    let mut builder = Builder::new(weights);
    match config {
        NetworkConfig::SegFormer(config) => segformer::build(&mut builder, config)?,
        NetworkConfig::Unet(config) => unet::build(&mut builder, config)?,
        NetworkConfig::UnetPlusPlus(config) => unet::build_plus_plus(&mut builder, config)?,
        NetworkConfig::DeepLabV3Plus(config) => deeplab::build(&mut builder, config)?,
        NetworkConfig::Fpn(config) => fpn::build(&mut builder, config)?,
    }
    if let Some((path, tensor)) = weights.unused(builder.taken()) {
        return Err(Error::OtherNetwork { path, network: config.with_article(), tensor });
    }
    let shape =
        |channels| [Length::Named("batch"), Length::Known(channels), Length::Named("height"), Length::Named("width")];
    let bands = Band::list(&card.bands);
    let input = format!("reflectance, normalised by the metadata's `normalisation`, of the bands {bands}");
    let output = format!("logits of the classes {}", card.classes.join(", "));
    let graph = builder.into_graph().finish(
        &config.to_string(),
        (INPUT, shape(config.in_channels()), &input),
        (OUTPUT, shape(config.num_classes()), &output),
    );
    Ok(ModelProto {
        ir_version: Some(IR_VERSION),
        producer_name: Some("minesegsat".to_owned()),
        producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        doc_string: Some(card.title.clone()),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: Some(OPSET_VERSION) }],
        metadata_props: metadata(card),
    })
}

/// Metadata from the card, for programs that run the file.
fn metadata(card: &ModelCard) -> Vec<StringStringEntryProto> {
    let json = |value: Result<String, serde_json::Error>| value.unwrap_or_default();
    let entries = [
        ("title", card.title.clone()),
        ("licence", card.licence.clone()),
        ("network", card.architecture.title()),
        ("bands", Band::list(&card.bands).replace(", ", ",")),
        ("normalisation", json(serde_json::to_string(&card.normalisation))),
        ("gsd_m", card.gsd_m.to_string()),
        ("patch_size", card.patch_size.to_string()),
        ("size_divisor", card.architecture.size_divisor().to_string()),
        ("classes", card.classes.join(",")),
        ("temperature", card.temperature.to_string()),
        ("threshold", card.threshold.to_string()),
        ("views", card.views.to_string()),
        ("weights_sha256", card.weights_sha256.clone()),
        ("code_version", card.code_version.clone()),
    ];
    entries
        .into_iter()
        .map(|(key, value)| StringStringEntryProto { key: Some(key.to_owned()), value: Some(value) })
        .collect()
}
