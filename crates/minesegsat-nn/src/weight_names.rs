//! SegFormer weights under the names of other programs: [`rename`].
//!
//! | program | names |
//! |---|---|
//! | the authors' code (NVlabs) | `block1.0.attn.q.weight`; with a decoder `backbone.block1...`, `decode_head.linear_c1...` |
//! | Hugging Face Transformers | `segformer.encoder.block.0.0.attention.self.query.weight`, `decode_head.linear_c.0...` |
//! | mmsegmentation | `backbone.layers.0.1.0.attn.attn.in_proj_weight` |
//!
//! All three have the encoder of this program. The decoders of the authors and of Hugging Face are this program's too. The
//! decoder of mmsegmentation has a norm in every projection: it is another network, and its weights are left out.

use std::collections::BTreeMap;

use crate::weight::Weight;

/// A program that writes SegFormer weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightNames {
    /// The authors' code.
    NvLabs,
    /// Hugging Face Transformers.
    HuggingFace,
    /// mmsegmentation.
    MmSegmentation,
}

impl WeightNames {
    /// Name of the program in messages.
    pub const fn program(self) -> &'static str {
        match self {
            Self::NvLabs => "NVlabs",
            Self::HuggingFace => "Hugging Face",
            Self::MmSegmentation => "mmsegmentation",
        }
    }
}

/// Gives SegFormer weights of another program the names of this one. Returns the program, or `None` if the names are not
/// those of another program; then nothing changes. Layers that a SegFormer here does not have are removed.
pub(super) fn rename(tensors: &mut BTreeMap<String, Weight>) -> Option<WeightNames> {
    let has = |end: &str| tensors.keys().any(|name| name == end || name.ends_with(&format!(".{end}")));
    let (program, translate): (_, fn(&str) -> Option<String>) = if has("block1.0.attn.q.weight") {
        (WeightNames::NvLabs, nvlabs)
    } else if has("encoder.block.0.0.attention.self.query.weight") {
        (WeightNames::HuggingFace, hugging_face)
    } else if has("layers.0.1.0.attn.attn.in_proj_weight") {
        (WeightNames::MmSegmentation, mmsegmentation)
    } else {
        return None;
    };
    for (name, mut weight) in std::mem::take(tensors) {
        let Some(name) = translate(&name) else { continue };
        if let Some((layer, part)) = name.rsplit_once('.')
            && let Some(layers) = stacked(layer)
        {
            // One matrix holds the weights of several layers, one below the other.
            for (layer, weight) in layers.iter().zip(weight.split(layers.len())) {
                tensors.insert(format!("{layer}.{part}"), weight);
            }
            continue;
        }
        let is_linear = [".attention.", ".mlp_in.", ".mlp_out."].iter().any(|part| name.contains(part));
        if is_linear && !name.contains(".sr.") {
            // mmsegmentation writes linear layers as convolutions of one pixel.
            weight.drop_pixel_dimensions();
        } else if name.starts_with("decoder.layers.") && weight.shape.len() == 2 {
            // The authors and Hugging Face write convolutions of one pixel as linear layers.
            weight.shape.extend([1, 1]);
        } else if name == "decoder.linear_fuse.weight" {
            // They concatenate the stages from the coarsest to the finest, and this program from the finest to the coarsest.
            weight.reverse_input_parts(4);
        }
        tensors.insert(name, weight);
    }
    Some(program)
}

/// The layers of a stacked one.
fn stacked(layer: &str) -> Option<Vec<String>> {
    let (block, what) = layer.rsplit_once('.')?;
    let parts: &[&str] = match what {
        "kv" => &["key", "value"],
        "in_proj" => &["query", "key", "value"],
        _ => return None,
    };
    Some(parts.iter().map(|part| format!("{block}.{part}")).collect())
}

/// Digits at the start of a text, as a number, and the rest after the following dot.
fn number(text: &str) -> Option<(usize, &str)> {
    let (digits, rest) = text.split_once('.')?;
    Some((digits.parse().ok()?, rest))
}

/// `prefix` with the number of a stage counted from 1, and the rest: `block1.0.norm1.weight`.
fn stage_from_1<'a>(name: &'a str, prefix: &str) -> Option<(usize, &'a str)> {
    let (stage, rest) = number(name.strip_prefix(prefix)?)?;
    (1..=4).contains(&stage).then(|| (stage - 1, rest))
}

/// The last parts of a name, by the layer before them.
fn with_layer(prefix: String, rest: &str, layers: &[(&str, &str)]) -> Option<String> {
    layers.iter().find_map(|(theirs, ours)| {
        let part = rest.strip_prefix(theirs)?.strip_prefix('.')?;
        (!part.contains('.')).then(|| format!("{prefix}.{ours}.{part}"))
    })
}

fn nvlabs(name: &str) -> Option<String> {
    const BLOCK: [(&str, &str); 10] = [
        ("norm1", "norm1"),
        ("attn.q", "attention.query"),
        ("attn.kv", "attention.kv"),
        ("attn.proj", "attention.dense"),
        ("attn.sr", "attention.sr"),
        ("attn.norm", "attention.layer_norm"),
        ("norm2", "norm2"),
        ("mlp.fc1", "feed_forward.mlp_in"),
        ("mlp.dwconv.dwconv", "feed_forward.conv"),
        ("mlp.fc2", "feed_forward.mlp_out"),
    ];
    let name = name.strip_prefix("backbone.").unwrap_or(name);
    if let Some((stage, rest)) = stage_from_1(name, "patch_embed") {
        return with_layer(format!("encoder.embeddings.{stage}"), rest, &[("proj", "proj"), ("norm", "norm")]);
    }
    if let Some((stage, rest)) = stage_from_1(name, "block") {
        let (block, rest) = number(rest)?;
        return with_layer(format!("encoder.transformers.{stage}.{block}"), rest, &BLOCK);
    }
    if let Some((stage, part)) = stage_from_1(name, "norm") {
        return Some(format!("encoder.layer_norm.{stage}.{part}"));
    }
    let rest = name.strip_prefix("decode_head.")?;
    if let Some((stage, rest)) = stage_from_1(rest, "linear_c") {
        let part = rest.strip_prefix("proj.")?;
        // The decoder's layers are stored from the coarsest stage to the finest.
        return Some(format!("decoder.layers.{}.{part}", 3 - stage));
    }
    let layers = [("linear_fuse.conv", "linear_fuse"), ("linear_fuse.bn", "batch_norm"), ("linear_pred", "classifier")];
    with_layer("decoder".to_owned(), rest, &layers)
}

fn hugging_face(name: &str) -> Option<String> {
    const BLOCK: [(&str, &str); 11] = [
        ("layer_norm_1", "norm1"),
        ("attention.self.query", "attention.query"),
        ("attention.self.key", "attention.key"),
        ("attention.self.value", "attention.value"),
        ("attention.output.dense", "attention.dense"),
        ("attention.self.sr", "attention.sr"),
        ("attention.self.layer_norm", "attention.layer_norm"),
        ("layer_norm_2", "norm2"),
        ("mlp.dense1", "feed_forward.mlp_in"),
        ("mlp.dwconv.dwconv", "feed_forward.conv"),
        ("mlp.dense2", "feed_forward.mlp_out"),
    ];
    let name = name.strip_prefix("segformer.").unwrap_or(name);
    if let Some((stage, rest)) = name.strip_prefix("encoder.patch_embeddings.").and_then(number) {
        return with_layer(format!("encoder.embeddings.{stage}"), rest, &[("proj", "proj"), ("layer_norm", "norm")]);
    }
    if let Some((stage, rest)) = name.strip_prefix("encoder.block.").and_then(number) {
        let (block, rest) = number(rest)?;
        return with_layer(format!("encoder.transformers.{stage}.{block}"), rest, &BLOCK);
    }
    if let Some((stage, part)) = name.strip_prefix("encoder.layer_norm.").and_then(number) {
        return Some(format!("encoder.layer_norm.{stage}.{part}"));
    }
    let rest = name.strip_prefix("decode_head.")?;
    if let Some((stage, rest)) = rest.strip_prefix("linear_c.").and_then(number) {
        return Some(format!("decoder.layers.{}.{}", 3_usize.checked_sub(stage)?, rest.strip_prefix("proj.")?));
    }
    let layers = [("linear_fuse", "linear_fuse"), ("batch_norm", "batch_norm"), ("classifier", "classifier")];
    with_layer("decoder".to_owned(), rest, &layers)
}

fn mmsegmentation(name: &str) -> Option<String> {
    const BLOCK: [(&str, &str); 8] = [
        ("norm1", "norm1"),
        ("attn.attn.out_proj", "attention.dense"),
        ("attn.sr", "attention.sr"),
        ("attn.norm", "attention.layer_norm"),
        ("norm2", "norm2"),
        ("ffn.layers.0", "feed_forward.mlp_in"),
        ("ffn.layers.1", "feed_forward.conv"),
        ("ffn.layers.4", "feed_forward.mlp_out"),
    ];
    let name = name.strip_prefix("backbone.").unwrap_or(name);
    let (stage, rest) = name.strip_prefix("layers.").and_then(number)?;
    match number(rest)? {
        (0, rest) => {
            with_layer(format!("encoder.embeddings.{stage}"), rest, &[("projection", "proj"), ("norm", "norm")])
        }
        (1, rest) => {
            let (block, rest) = number(rest)?;
            let prefix = format!("encoder.transformers.{stage}.{block}");
            if let Some(part) = rest.strip_prefix("attn.attn.in_proj_") {
                return Some(format!("{prefix}.attention.in_proj.{part}"));
            }
            with_layer(prefix, rest, &BLOCK)
        }
        (2, part) => Some(format!("encoder.layer_norm.{stage}.{part}")),
        _ => None,
    }
}
