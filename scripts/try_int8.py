#!/usr/bin/env python3
"""What matrix products in int8 would cost in quality, before anybody writes kernels for them: simulated in PyTorch.

    pip install torch safetensors numpy rasterio
    python scripts/try_int8.py MODEL DATASET [--split val]

DATASET is one of chips (`minesegsat dataset import`), MODEL a SegFormer that normalises by mean and deviation. Every matrix product with
weights sees them rounded to 8 bits with one scale per output channel, and inputs rounded to 8 bits with one scale per token, both
symmetric about zero; sums are exact. Attention, normalisation, depthwise convolutions and softmax stay in float32. Prints F1 at the
card's threshold and the share of pixels whose masks agree, for bfloat16 too. Patches are seen once, whatever views the card asks for.
"""

import argparse
import csv
import json
import pathlib
import sys

import numpy as np
import rasterio
import torch
from safetensors.torch import load_file
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "benches"))
from pytorch_forward import SegFormer  # noqa: E402


def int8(x, dims):
    scale = x.abs().amax(dims, keepdim=True).clamp_min(1e-12) / 127
    return (x / scale).round() * scale


def quantise(network, rounding):
    """Rounds weights once, and inputs whenever they come."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            channels = 2
        elif isinstance(module, nn.Conv2d) and module.groups == 1:
            channels = 1
        else:
            continue
        weight = module.weight.data
        if rounding == "bf16":
            weight.copy_(weight.bfloat16().float())
            module.register_forward_pre_hook(lambda _, x: (x[0].bfloat16().float(),))
        else:
            weight.copy_(int8(weight, tuple(range(1, weight.dim()))))
            module.register_forward_pre_hook(lambda _, x, channels=channels: (int8(x[0], channels),))


def network_of(folder, card, rounding):
    network = SegFormer(card["architecture"]).eval()
    missing, _ = network.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
    assert not [name for name in missing if "num_batches" not in name], missing
    if rounding:
        quantise(network, rounding)
    return network


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("dataset", type=pathlib.Path)
    parser.add_argument("--split", default="val")
    options = parser.parse_args()
    card = json.loads((options.model / "model.json").read_text())
    dataset = json.loads((options.dataset / "dataset.json").read_text())
    norm = card["normalisation"]
    assert norm["method"] == "mean-std", norm["method"]
    order = [dataset["bands"].index(band) for band in card["bands"]]
    mean, std = (torch.tensor(norm[key])[:, None, None] for key in ("mean", "std"))
    with open(options.dataset / "dataset_splits.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == options.split]
    networks = {name or "fp32": network_of(options.model, card, name) for name in (None, "bf16", "int8")}
    counts = {name: np.zeros(3, np.int64) for name in networks}
    agree = dict.fromkeys(networks, 0)
    largest = dict.fromkeys(networks, 0.0)
    pixels = 0
    for row in rows:
        root = pathlib.Path(dataset["root"])
        with rasterio.open(root / row["data_path"]) as image, rasterio.open(root / row["mask_path"]) as mask:
            raw = torch.from_numpy(image.read().astype(np.float32)[order])
            truth = mask.read(1) != 0
        x = ((raw + dataset["offset_dn"]) * dataset["scale"] - mean) / std
        size = x.shape[1:]
        x = x[None, :, : size[0] // 64 * 64, : size[1] // 64 * 64]
        truth = truth[: x.shape[2], : x.shape[3]]
        masks = {}
        with torch.inference_mode():
            for name, network in networks.items():
                masks[name] = torch.sigmoid(network(x)[0, 0]).numpy()
        pixels += truth.size
        for name, p in masks.items():
            found = p >= card["threshold"]
            counts[name] += [(found & truth).sum(), (found & ~truth).sum(), (~found & truth).sum()]
            agree[name] += (found == (masks["fp32"] >= card["threshold"])).sum()
            largest[name] = max(largest[name], np.abs(p - masks["fp32"]).max())
    print(f"{options.model}, {options.split} of {options.dataset}: {len(rows)} patches")
    for name, (tp, fp, fn) in counts.items():
        print(f"  {name}: F1 {2 * tp / (2 * tp + fp + fn):.4f}, agrees on {agree[name] / pixels:.3%}, largest difference {largest[name]:.3f}")


if __name__ == "__main__":
    main()
