#!/usr/bin/env python3
"""Makes the small set of reference numbers in `crates/minesegsat-testing/golden`, with PyTorch and OpenCV.

    pip install torch==2.15.0 transformers==5.24.0 segmentation-models-pytorch==0.6.0 \\
        opencv-python-headless==5.0.0.93 safetensors==0.8.0 numpy==2.4.6
    python scripts/make_golden.py make crates/minesegsat-testing/golden
    python scripts/make_golden.py check crates/minesegsat-testing/golden
    python scripts/make_golden.py check ../shared/golden

`make` writes the files. Seeds are fixed and PyTorch uses one thread. It prints the versions and writes them to `versions.json`.
`check` takes the inputs of a folder, computes every output again and prints the largest differences. It exits with 1 if a difference
exceeds its limit. The folder may be any of this layout: shapes, widths and depths are read from the tensors.

References
- SegFormer: `SegformerForSemanticSegmentation` of `transformers`, built from a configuration. Nothing is downloaded. Its parameters are
  renamed to those of the paper's checkpoints. Two details are set as in the paper's code: the layer norms in front of attention and
  feed-forward network and behind each stage add 1e-6 to the variance, and logits are enlarged to the input's size.
- losses: `segmentation_models_pytorch` (Tversky, Dice, Jaccard, Lovasz hinge, focal) and `torch.nn.BCEWithLogitsLoss`; gradients by
  autograd.
- counts: `segmentation_models_pytorch.metrics.get_stats`.
- learning rates: `torch.optim.lr_scheduler`.
- change head: `torch.nn.functional.conv2d` and `softmax`.
- bicubic enlargement: `cv2.resize` with `INTER_CUBIC`. Intel's IPP is off: it rounds a few pixels otherwise.

The same code gives the values of the project's larger reference set, which come from the paper's published model, smp 0.3.3 and
OpenCV 4.10 (`check ../shared/golden`, largest differences):
- bicubic enlargement: no pixel differs; counts and learning rates: equal
- stages 1e-6, logits 5e-5, where the largest logit is 70 (7.7e-7 of it)
- losses 1.4e-6 and gradients 1.2e-6, as shares of the loss and of the largest gradient
- losses of 12 training steps 6.9e-7, as a share; logits after them 2.9e-4 of the largest, 3.2e-4 with two threads.
"""

import argparse
import json
import platform
import re
import sys
from collections import OrderedDict
from pathlib import Path

import cv2
import numpy as np
import safetensors
import segmentation_models_pytorch as smp
import torch
import transformers
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import load_file, save_file
from torch.optim import lr_scheduler
from transformers import SegformerConfig, SegformerForSemanticSegmentation

NUM_HEADS = (1, 2, 5, 8)

# `segformer_tiny`: twelve bands as in the paper, two blocks in the second stage, heads 4, 3, 2 and 1 wide.
TINY = {"channels": 12, "dims": (4, 6, 10, 8), "depths": (1, 2, 1, 1), "decoder": 8}
# `train_steps_init`: two bands, one block per stage, heads 4, 2, 1 and 1 wide.
TRAINED = {"channels": 2, "dims": (4, 4, 5, 8), "depths": (1, 1, 1, 1), "decoder": 8}

# `segformer_detail`: the same with the path at full resolution, 6 channels wide there and 10 at half of it, two layers.
DETAIL = {"widths": (6, 10), "layers": 2}

# Names of `transformers` on the left, names of the paper's checkpoints on the right.
RENAMES = [
    (r"segformer\.stages\.(\d)\.patch_embeddings\.proj", r"encoder.embeddings.\1.proj"),
    (r"segformer\.stages\.(\d)\.patch_embeddings\.layer_norm", r"encoder.embeddings.\1.norm"),
    (r"segformer\.stages\.(\d)\.blocks\.(\d+)\.layernorm_before", r"encoder.transformers.\1.\2.norm1"),
    (r"segformer\.stages\.(\d)\.blocks\.(\d+)\.layernorm_after", r"encoder.transformers.\1.\2.norm2"),
    (r"segformer\.stages\.(\d)\.blocks\.(\d+)\.attention\.q_proj", r"encoder.transformers.\1.\2.attention.query"),
    (r"segformer\.stages\.(\d)\.blocks\.(\d+)\.attention\.k_proj", r"encoder.transformers.\1.\2.attention.key"),
    (r"segformer\.stages\.(\d)\.blocks\.(\d+)\.attention\.v_proj", r"encoder.transformers.\1.\2.attention.value"),
    (r"segformer\.stages\.(\d)\.blocks\.(\d+)\.attention\.o_proj", r"encoder.transformers.\1.\2.attention.dense"),
    (
        r"segformer\.stages\.(\d)\.blocks\.(\d+)\.attention\.sequence_reduction\.sequence_reduction",
        r"encoder.transformers.\1.\2.attention.sr",
    ),
    (
        r"segformer\.stages\.(\d)\.blocks\.(\d+)\.attention\.sequence_reduction\.layer_norm",
        r"encoder.transformers.\1.\2.attention.layer_norm",
    ),
    (r"segformer\.stages\.(\d)\.blocks\.(\d+)\.mlp\.fc1", r"encoder.transformers.\1.\2.feed_forward.mlp_in"),
    (r"segformer\.stages\.(\d)\.blocks\.(\d+)\.mlp\.dwconv\.dwconv", r"encoder.transformers.\1.\2.feed_forward.conv"),
    (r"segformer\.stages\.(\d)\.blocks\.(\d+)\.mlp\.fc2", r"encoder.transformers.\1.\2.feed_forward.mlp_out"),
    (r"segformer\.stages\.(\d)\.layer_norm", r"encoder.layer_norm.\1"),
    (r"decode_head\.(linear_fuse|batch_norm|classifier)", r"decoder.\1"),
]

# By the names under which the values are stored.
LOSSES = {
    "tversky_a4_b4_s1": smp.losses.TverskyLoss("binary", alpha=4, beta=4, smooth=1),
    "tversky_a0.3_b0.7_s1": smp.losses.TverskyLoss("binary", alpha=0.3, beta=0.7, smooth=1),
    "tversky_a0.3_b0.7_s1_gamma0.75": smp.losses.TverskyLoss("binary", alpha=0.3, beta=0.7, smooth=1, gamma=0.75),
    "tversky_a0.5_b0.5_s0": smp.losses.TverskyLoss("binary", alpha=0.5, beta=0.5, smooth=0),
    # (2 TP + 1) / (2 TP + FP + FN + 1), as `smooth=1` meant until smp 0.3; since then all is divided by 2 before the sum.
    "dice_s1": smp.losses.DiceLoss("binary", smooth=0.5),
    "jaccard_s1": smp.losses.JaccardLoss("binary", smooth=1),
    "lovasz_hinge_per_batch": smp.losses.LovaszLoss("binary", per_image=False),
    "lovasz_hinge_per_image": smp.losses.LovaszLoss("binary", per_image=True),
    "focal_alpha0.25_gamma2": smp.losses.FocalLoss("binary", alpha=0.25, gamma=2),
    "bce": torch.nn.BCEWithLogitsLoss(),
}

# Parameters of the schedules; each runs for `EPOCHS` epochs.
EPOCHS = 40
SCHEDULES = {
    "cosine": {"t_max": 40, "eta_min": 2e-5, "lr": 4e-4},
    "cosine_restart": {"t_0": 3, "t_mult": 2, "eta_min": 2e-5, "lr": 4e-4},
    "onecycle": {"max_lr": 2e-3, "total_steps": 41, "pct_start": 0.25, "div_factor": 4, "final_div_factor": 10},
    "plateau": {"mode": "min", "factor": 0.5, "patience": 3, "threshold": 1e-3, "min_lr": 6e-5, "lr": 4e-4},
    "polynomial": {"total_iters": 35, "power": 3, "lr": 4e-4},
}

# Largest differences that `check` accepts.
LIMITS = {"bicubic": 0, "forward": 2e-6, "change_head": 1e-6, "losses": 1e-5, "gradients": 1e-5, "counts": 0, "schedules": 1e-12, "steps": 1e-5, "after": 5e-4}


def versions():
    return {
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "transformers": transformers.__version__,
        "segmentation_models_pytorch": smp.__version__,
        "opencv": cv2.__version__,
        "safetensors": safetensors.__version__,
        "numpy": np.__version__,
    }


# SegFormer


def build(channels, dims, depths, decoder, classes=1, sr_ratios=(8, 4, 2, 1), mlp_ratios=(4, 4, 4, 4)):
    """A SegFormer of `transformers` without dropout and drop path, its norms as in the paper's code."""
    config = SegformerConfig(
        num_channels=channels,
        num_labels=classes,
        hidden_sizes=list(dims),
        depths=list(depths),
        num_attention_heads=list(NUM_HEADS),
        sr_ratios=list(sr_ratios),
        mlp_ratios=list(mlp_ratios),
        decoder_hidden_size=decoder,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        classifier_dropout_prob=0.0,
        drop_path_rate=0.0,
        attn_implementation="eager",
    )
    net = SegformerForSemanticSegmentation(config)
    for name, module in net.named_modules():
        if isinstance(module, torch.nn.LayerNorm):
            inner = name.endswith(("patch_embeddings.layer_norm", "sequence_reduction.layer_norm"))
            module.eps = 1e-5 if inner else 1e-6
    return net


class Detail(torch.nn.Module):
    """The path at full resolution: an independent form of `DetailPath` in `minesegsat-nn`, with its parameter names."""

    def __init__(self, channels, decoder, classes, widths, layers):
        super().__init__()
        full, half = widths

        def normed(before, after, stride=1):
            return torch.nn.Sequential(torch.nn.Conv2d(before, after, 3, stride, 1, bias=False), torch.nn.BatchNorm2d(after))

        self.stem = normed(channels, full)
        self.down = normed(full, half, 2)
        self.context = torch.nn.Conv2d(decoder, half, 1)
        self.coarse = torch.nn.ModuleList(normed(half, half) for _ in range(layers))
        self.up = torch.nn.Conv2d(half, full, 1)
        self.full = normed(full, full)
        self.classifier = torch.nn.Conv2d(full, classes, 1)

    def forward(self, images, features):
        resized = lambda x, like: torch.nn.functional.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)
        fine = self.stem(images).relu()
        coarse = self.down(fine).relu()
        coarse = coarse + resized(self.context(features), coarse)
        for layer in self.coarse:
            coarse = layer(coarse).relu()
        fine = fine + resized(self.up(coarse), fine)
        return self.classifier(self.full(fine).relu())


def paper_name(name):
    """Name of a tensor in the paper's checkpoints."""
    projection = re.fullmatch(r"decode_head\.linear_projections\.(\d)\.proj\.(\w+)", name)
    if projection:
        # The paper's first layer is the one of the last stage.
        return f"decoder.layers.{3 - int(projection[1])}.{projection[2]}"
    for pattern, replacement in RENAMES:
        renamed, count = re.subn(f"^{pattern}(?=\\.)", replacement, name)
        if count:
            return renamed
    raise ValueError(f"no name for {name}")


def stages_reversed(weight):
    """The fusing weight `[D, 4 D, 1, 1]` with its four blocks of inputs in reverse order."""
    return weight.unflatten(1, (4, -1)).flip(1).flatten(1, 2)


def to_paper(net):
    """State dict by the paper's names.

    There, the decoder's projections are convolutions 1 x 1, and the fusing layer takes the stages in the order 1, 2, 3, 4;
    in `transformers` it takes them in the order 4, 3, 2, 1.
    """
    state = {}
    for name, value in net.state_dict().items():
        renamed = paper_name(name)
        if re.fullmatch(r"decoder\.layers\.\d\.weight", renamed):
            value = value[:, :, None, None]
        if renamed == "decoder.linear_fuse.weight":
            value = stages_reversed(value)
        state[renamed] = value.clone().contiguous()
    detail = getattr(net, "detail", None)
    if detail is not None:
        state |= {f"detail.{name}": value.clone().contiguous() for name, value in detail[0].state_dict().items()}
    return state


def bare(state):
    """The state dict as `torch.save(net.state_dict(), path)` has it, with the versions of the modules as an attribute."""
    state = OrderedDict(state)
    modules = dict.fromkeys(["", *(name.rpartition(".")[0] for name in state)])
    state._metadata = OrderedDict((name, {"version": 2 if name.endswith("batch_norm") else 1}) for name in modules)
    return state


def from_paper(state):
    """The network of a state dict by the paper's names; its dimensions are read from the shapes."""
    of_detail = {name.removeprefix("detail."): value for name, value in state.items() if name.startswith("detail.")}
    state = {name: value for name, value in state.items() if not name.startswith("detail.")}
    shape = lambda name: state[name].shape
    dims = [shape(f"encoder.embeddings.{i}.proj.weight")[0] for i in range(4)]
    sr = [state.get(f"encoder.transformers.{i}.0.attention.sr.weight") for i in range(4)]
    net = build(
        channels=shape("encoder.embeddings.0.proj.weight")[1],
        dims=dims,
        depths=[len({k.split(".")[3] for k in state if k.startswith(f"encoder.transformers.{i}.")}) for i in range(4)],
        decoder=shape("decoder.linear_fuse.weight")[0],
        classes=shape("decoder.classifier.weight")[0],
        sr_ratios=[1 if weight is None else weight.shape[2] for weight in sr],
        mlp_ratios=[shape(f"encoder.transformers.{i}.0.feed_forward.mlp_in.weight")[0] // dims[i] for i in range(4)],
    )
    state = state | {"decoder.linear_fuse.weight": stages_reversed(state["decoder.linear_fuse.weight"])}
    own = net.state_dict()
    net.load_state_dict({name: state[paper_name(name)].reshape(value.shape) for name, value in own.items()})
    if len(own) != len(state):
        raise ValueError(f"{len(state)} tensors are given, {len(own)} are known")
    if of_detail:
        add_detail(
            net,
            widths=(of_detail["stem.0.weight"].shape[0], of_detail["down.0.weight"].shape[0]),
            layers=len({name.split(".")[1] for name in of_detail if name.startswith("coarse.")}),
        )
        net.detail[0].load_state_dict(of_detail)
    return net


def add_detail(net, widths, layers):
    """Gives a network a detail path. In a list, so that it is no part of the network of `transformers`."""
    c = net.config
    net.detail = [Detail(c.num_channels, c.decoder_hidden_size, c.num_labels, widths, layers)]


def randomise(net, generator, small=1.0, large=1.0):
    """Random values for all parameters and statistics, so that each of them matters.

    Queries, keys and the classifier have larger weights: attention is far from uniform, and logits have both signs.
    `small` is about the standard deviation of what norms get: layer norms of patch embeddings, blocks and reduced keys, and the
    batch norm. With a small one, a wrong epsilon shows. `large` multiplies what the decoder fuses: the projections of three
    stages, and the last norm of the fourth.
    """
    normal = lambda like, std: torch.empty_like(like).normal_(0, std, generator=generator)
    uniform = lambda like: torch.empty_like(like).uniform_(0.7, 1.3, generator=generator)
    before_norms = r"patch_embeddings\.|o_proj\.|fc2\.|sequence_reduction\.sequence_reduction\.|linear_fuse\.|running_mean"
    fused = r"linear_projections\.[012]|linear_projections\.3\.proj\.bias|stages\.3\.layer_norm"
    for name, value in net.state_dict().items():
        scale = small if re.search(before_norms, name) else large if re.search(fused, name) else 1.0
        if name.endswith("num_batches_tracked"):
            value.fill_(7)
        elif name.endswith("running_var"):
            value.copy_(small**2 * uniform(value))
        elif value.ndim > 1:
            gain = 3.0 if re.search(r"q_proj|k_proj|classifier", name) else 1.0
            value.copy_(scale * normal(value, gain / value[0].numel() ** 0.5))
        elif name.endswith(("norm.weight", "before.weight", "after.weight")):
            value.copy_(scale * uniform(value))
        else:
            value.copy_(scale * normal(value, 0.2))


def logits_and_stages(net, images):
    seen = []
    hook = net.decode_head.classifier.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    output = net(images, output_hidden_states=True)
    hook.remove()
    size = images.shape[-2:]
    logits = torch.nn.functional.interpolate(output.logits, size=size, mode="bilinear", align_corners=False)
    detail = getattr(net, "detail", None)
    if detail is not None:
        logits = logits + detail[0].train(net.training)(images, seen[0])
    return logits, list(output.hidden_states)


def forward(net, images):
    with torch.no_grad():
        logits, stages = logits_and_stages(net.eval(), images)
    return {"logits": logits, **{f"stage{i + 1}": stage for i, stage in enumerate(stages)}}


def save_forward(path, net, images):
    tensors = {"input": images, **forward(net, images)}
    save_file({name: value.contiguous() for name, value in tensors.items()}, path)


def make_forward(folder):
    generator = torch.Generator().manual_seed(11)
    net = build(**TINY)
    randomise(net, generator, small=0.05)
    state = to_paper(net)
    save_file(state, folder / "segformer_tiny.safetensors")
    torch.save(bare(state), folder / "segformer_tiny_plain.pth")
    # As the paper's code saves it, from a network for several GPUs: the optimiser before its first step and the loss as a Python object.
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-4)
    checkpoint = {
        "epoch": 17,
        "model_state_dict": {f"module.{name}": value for name, value in state.items()},
        "optimizer_state_dict": optimiser.state_dict(),
        "loss": LOSSES["tversky_a4_b4_s1"],
    }
    torch.save(checkpoint, folder / "segformer_tiny.pth")
    images = torch.rand(1, TINY["channels"], 32, 64, generator=generator)
    save_forward(folder / "segformer_tiny_forward.safetensors", net, images)


def make_detail(folder):
    generator = torch.Generator().manual_seed(16)
    net = build(**TINY, classes=2)
    randomise(net, generator, small=0.05)
    add_detail(net, **DETAIL)
    for name, value in net.detail[0].state_dict().items():
        if name.endswith("num_batches_tracked"):
            value.fill_(7)
        elif name.endswith("running_var"):
            # Small, so that the epsilon of the norms matters.
            value.uniform_(0.002, 0.004, generator=generator)
        elif value.ndim > 1:
            value.normal_(0, value[0].numel() ** -0.5, generator=generator)
        elif name.endswith("1.weight"):
            value.uniform_(0.05, 0.15, generator=generator)
        else:
            value.normal_(0, 0.2, generator=generator)
    save_file(to_paper(net), folder / "segformer_detail.safetensors")
    images = torch.rand(1, TINY["channels"], 64, 32, generator=generator)
    save_forward(folder / "segformer_detail_forward.safetensors", net, images)


def read_pth(path):
    """Weights of a `.pth`. Of the Python objects in it, only the loss may be built."""
    with torch.serialization.safe_globals([smp.losses.TverskyLoss, set]):
        content = torch.load(path, weights_only=True)
    state = content.get("model_state_dict", content)
    return {name.removeprefix("module."): value for name, value in state.items()}


def check_forward(folder, report):
    for path in sorted(folder.glob("*_forward.safetensors")):
        name = path.name.removesuffix("_forward.safetensors")
        expected = load_file(path)
        for weights in sorted([*folder.glob(f"{name}*.pth"), *folder.glob(f"{name}.safetensors")]):
            state = load_file(weights) if weights.suffix == ".safetensors" else read_pth(weights)
            found = forward(from_paper(state), expected["input"])
            for key, value in found.items():
                difference = (value - expected[key]).abs().max() / expected[key].abs().max()
                report("forward", f"{weights.name} {key}", difference.item())


# Change head

# Three bands.
CHANGE_HEAD = {"layers": 3, "width": 8, "channels": 2 + 2 * 3, "size": (17, 23)}


def change_probabilities(tensors):
    """Probabilities [row, column, class] for `input` [row, column, channel]; see `ChangeHeadConfig` in `minesegsat-model`."""
    convolve = lambda features, name, padding: torch.nn.functional.conv2d(features, tensors[f"{name}.weight"], tensors[f"{name}.bias"], padding=padding)
    features = tensors["input"].permute(2, 0, 1)[None]
    for layer in range(len({name.split(".")[1] for name in tensors if name.startswith("layers.")})):
        features = convolve(features, f"layers.{layer}", 1).relu()
    return convolve(features, "classifier", 0).softmax(1)[0].permute(1, 2, 0).contiguous()


def make_change_head(folder):
    generator = torch.Generator().manual_seed(18)
    normal = lambda shape, std: torch.empty(shape).normal_(0, std, generator=generator)
    width = CHANGE_HEAD["width"]
    convolutions = {f"layers.{i}": (width, width if i else CHANGE_HEAD["channels"], 3, 3) for i in range(CHANGE_HEAD["layers"])}
    tensors = {}
    for name, shape in (convolutions | {"classifier": (4, width, 1, 1)}).items():
        # Features keep their spread behind each ReLU, and logits differ by several units.
        tensors[f"{name}.weight"] = normal(shape, (2 / (shape[1] * shape[2] * shape[3])) ** 0.5)
        tensors[f"{name}.bias"] = normal(shape[:1], 0.2)
    tensors["input"] = normal((*CHANGE_HEAD["size"], CHANGE_HEAD["channels"]), 1.5)
    # Not assessable.
    tensors["input"][3:7, 5:9] = 0
    tensors["probabilities"] = change_probabilities(tensors)
    (folder / "change_head").mkdir(exist_ok=True)
    save_file(tensors, folder / "change_head/change.safetensors")


def check_change_head(folder, report):
    # The larger set has none.
    for path in folder.glob("change_head/change.safetensors"):
        tensors = load_file(path)
        report("change_head", "probabilities", (change_probabilities(tensors) - tensors["probabilities"]).abs().max().item())


# Losses and counts


def loss_and_gradient(loss, logits, mask):
    logits = logits.clone().requires_grad_()
    # The losses of smp change their target's type themselves; the cross-entropy of PyTorch takes floats.
    target = mask[:, None].to(torch.float32 if isinstance(loss, torch.nn.BCEWithLogitsLoss) else torch.int64)
    value = loss(logits, target)
    (gradient,) = torch.autograd.grad(value, logits)
    return value.detach().reshape(1).to(torch.float32), gradient


def counts(logits, mask):
    stats = smp.metrics.get_stats(logits.sigmoid(), mask[:, None].long(), mode="binary", threshold=0.5)
    return torch.stack([part[:, 0] for part in stats], dim=1).double()


def make_losses(folder):
    generator = torch.Generator().manual_seed(12)
    tensors = {}
    # Shape, and the share of the mask that is set.
    for i, (shape, share) in enumerate([((2, 7, 9), 0.3), ((3, 5, 6), 0.0), ((1, 8, 4), 1.0), ((2, 6, 11), 0.05)]):
        mask = (torch.rand(shape, generator=generator) < share).to(torch.uint8)
        logits = 3 * torch.randn(shape, generator=generator)[:, None] + (2.0 * mask[:, None] - 1)
        tensors |= {f"case{i}.logits": logits, f"case{i}.mask": mask, f"case{i}.counts_tp_fp_fn_tn": counts(logits, mask)}
        for name, loss in LOSSES.items():
            value, gradient = loss_and_gradient(loss, logits, mask)
            tensors |= {f"case{i}.{name}.loss": value, f"case{i}.{name}.grad": gradient}
    save_file({name: value.contiguous() for name, value in tensors.items()}, folder / "losses.safetensors")


def check_losses(folder, report):
    tensors = load_file(folder / "losses.safetensors")
    for key in (key for key in tensors if key.endswith(".logits")):
        case = key.removesuffix(".logits")
        logits, mask = tensors[key], tensors[f"{case}.mask"]
        different = (counts(logits, mask) != tensors[f"{case}.counts_tp_fp_fn_tn"].double()).sum().item()
        report("counts", case, different)
        for name in sorted(k.removeprefix(f"{case}.").removesuffix(".loss") for k in tensors if re.match(rf"{case}\..*\.loss$", k)):
            value, gradient = loss_and_gradient(LOSSES[name], logits, mask)
            expected = tensors[f"{case}.{name}.loss"]
            report("losses", f"{case} {name}", ((value - expected).abs() / expected.abs().clamp_min(1e-3)).item())
            expected = tensors[f"{case}.{name}.grad"]
            if not torch.equal(gradient.isnan(), expected.isnan()):
                report("gradients", f"{case} {name}: other values are NaN", float("inf"))
            largest = expected.nan_to_num().abs().max().clamp_min(1e-6)
            report("gradients", f"{case} {name}", ((gradient - expected).nan_to_num().abs().max() / largest).item())


# Learning rates


def scheduler(name, optimiser, p):
    match name:
        case "cosine":
            return lr_scheduler.CosineAnnealingLR(optimiser, p["t_max"], p["eta_min"])
        case "cosine_restart":
            return lr_scheduler.CosineAnnealingWarmRestarts(optimiser, p["t_0"], p["t_mult"], p["eta_min"])
        case "onecycle":
            keys = ("max_lr", "total_steps", "pct_start", "div_factor", "final_div_factor")
            return lr_scheduler.OneCycleLR(optimiser, **{key: p[key] for key in keys})
        case "plateau":
            keys = ("mode", "factor", "patience", "threshold", "min_lr")
            return lr_scheduler.ReduceLROnPlateau(optimiser, **{key: p[key] for key in keys})
        case "polynomial":
            return lr_scheduler.PolynomialLR(optimiser, p["total_iters"], p["power"])


def rates(name, parameters, epochs):
    """The rate in each epoch, before the scheduler's step."""
    optimiser = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=parameters.get("lr", 1e-3))
    schedule = scheduler(name, optimiser, parameters)
    values = []
    for epoch in range(epochs):
        values.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step(*([parameters["val_loss"][epoch]] if "val_loss" in parameters else []))
    return values


def make_schedules(folder):
    generator = torch.Generator().manual_seed(13)
    content = {}
    for name, parameters in SCHEDULES.items():
        parameters = dict(parameters)
        if name == "plateau":
            # Falls, then stays: the rate falls to its minimum.
            noise = 0.1 * torch.rand(EPOCHS, generator=generator, dtype=torch.float64)
            parameters["val_loss"] = [round(0.4 + 0.5 * 0.7**i + noise[i].item(), 6) for i in range(EPOCHS)]
        content[name] = parameters | {"values": rates(name, parameters, EPOCHS)}
    # One schedule per line.
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(case)}" for name, case in content.items())
    (folder / "schedules.json").write_text(f"{{\n{lines}\n}}\n")


def check_schedules(folder, report):
    for name, case in json.loads((folder / "schedules.json").read_text()).items():
        found = rates(name, case, len(case["values"]))
        report("schedules", name, max(abs(a - b) for a, b in zip(found, case["values"])))


# Training steps


def train(net, images, mask, steps):
    """Losses of some steps on one batch, with batch norm in training mode, and the logits after them in evaluation mode."""
    loss = LOSSES["tversky_a4_b4_s1"]
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    net.train()
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        value = loss(logits_and_stages(net, images)[0], mask[:, None].long())
        value.backward()
        optimiser.step()
        losses.append(value.item())
    return torch.tensor(losses), forward(net, images)["logits"]


def make_train_steps(folder):
    # Some seeds give training whose result depends on rounding errors. With this one, errors of 1e-7 in the gradients change no logit by
    # more than 1e-5 of the largest; no weight decay, another epsilon or beta of AdamW change some by more than 1e-3.
    generator = torch.Generator().manual_seed(35)
    net = build(**TRAINED)
    # Four projections and the last norm have biases that the batch norm removes. Their gradients are rounding errors, which AdamW
    # enlarges to full steps. The logits depend on them less if such steps are small beside what is fused.
    randomise(net, generator, large=20.0)
    torch.save(bare(to_paper(net)), folder / "train_steps_init.pth")
    images = torch.rand(2, TRAINED["channels"], 32, 64, generator=generator)
    # Disturbed land is where the first band is bright on average.
    smooth = torch.nn.functional.avg_pool2d(images[:, :1], 7, stride=1, padding=3, count_include_pad=False)
    mask = (smooth[:, 0] > 0.53).to(torch.uint8)
    # A second forward pass: other numbers of bands and blocks, and six keys per stage where `segformer_tiny` has two.
    more = torch.rand(1, TRAINED["channels"], 64, 96, generator=generator)
    save_forward(folder / "train_steps_init_forward.safetensors", net, more)
    losses, after = train(net, images, mask, 12)
    save_file({"input": images, "mask": mask, "losses": losses, "logits_after": after.contiguous()}, folder / "train_steps.safetensors")


def check_train_steps(folder, report):
    expected = load_file(folder / "train_steps.safetensors")
    net = from_paper(read_pth(folder / "train_steps_init.pth"))
    losses, after = train(net, expected["input"], expected["mask"], len(expected["losses"]))
    report("steps", "losses", ((losses - expected["losses"]).abs() / expected["losses"]).max().item())
    largest = expected["logits_after"].abs().max()
    report("after", "logits_after", ((after - expected["logits_after"]).abs().max() / largest).item())


# Bicubic enlargement


def enlarge(image, factor):
    # `setUseOptimized(True)` would switch IPP on again.
    cv2.ipp.setUseIPP(False)
    height, width = image.shape
    return cv2.resize(image, (width * factor, height * factor), interpolation=cv2.INTER_CUBIC)


def make_bicubic(folder):
    random = np.random.Generator(np.random.PCG64(15))
    images = [
        (random.integers(0, 12000, (17, 23), dtype=np.uint16), 2),
        (random.integers(500, 9000, (7, 11), dtype=np.uint16), 6),
        # Darkest beside brightest values: the cubic kernel overshoots both ends of the type.
        (random.choice(np.array([0, 3, 40000, 65530, 65535], dtype=np.uint16), (9, 5)), 6),
        (random.choice(np.array([0, 65535], dtype=np.uint16), (8, 13)), 2),
    ]
    tensors = {}
    for i, (image, factor) in enumerate(images):
        tensors |= {f"case{i}.in": image, f"case{i}.out_x{factor}": enlarge(image, factor)}
    save_arrays(tensors, folder / "bicubic.safetensors")


def check_bicubic(folder, report):
    tensors = load_arrays(folder / "bicubic.safetensors")
    for name in (name for name in tensors if ".out_x" in name):
        case, factor = name.split(".out_x")
        report("bicubic", name, int((enlarge(tensors[f"{case}.in"], int(factor)) != tensors[name]).sum()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["make", "check"])
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    print(", ".join(f"{name} {version}" for name, version in versions().items()))

    if arguments.action == "make":
        arguments.folder.mkdir(parents=True, exist_ok=True)
        for make in (make_bicubic, make_forward, make_detail, make_change_head, make_losses, make_schedules, make_train_steps):
            make(arguments.folder)
        (arguments.folder / "versions.json").write_text(json.dumps(versions(), indent=2) + "\n")
        for path in sorted(path for path in arguments.folder.rglob("*") if path.is_file()):
            print(f"{path.stat().st_size:>8} {path.relative_to(arguments.folder)}")
        return

    worst = {}

    def report(kind, what, difference):
        if difference != difference or difference >= worst.get(kind, (-1.0, ""))[0]:
            worst[kind] = (difference, what)

    for check in (check_bicubic, check_forward, check_change_head, check_losses, check_schedules, check_train_steps):
        check(arguments.folder, report)
    failed = False
    for kind, (difference, what) in worst.items():
        within = difference <= LIMITS[kind]
        failed |= not within
        print(f"{kind:<10} {difference:.1e} of {LIMITS[kind]:.0e}{'' if within else '  TOO FAR'}  ({what})")
    sys.exit(failed)


if __name__ == "__main__":
    main()
