#!/usr/bin/env python3
"""Time one patch through a model folder's network in PyTorch and in Rust, and compare their outputs.

The network is written here from the SegFormer paper (https://arxiv.org/abs/2105.15203), with the parameter names that
published checkpoints have, so that `model.safetensors` of a model folder loads without remapping.

    pip install torch safetensors numpy
    cargo build --release -p minesegsat-nn --example time_forward
    python benches/pytorch_forward.py --rust target/release/examples/time_forward b0 paper

`b0` and the like make a folder of random weights first (by the Rust program); a path is taken as a model folder, whose card is not to ask
for several views.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

PATCH_SIZES, STRIDES = (7, 3, 3, 3), (4, 2, 2, 2)


def to_map(x, size):
    return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], *size)


def to_tokens(x):
    return x.flatten(2).transpose(1, 2)


class PatchEmbed(nn.Module):
    def __init__(self, channels, dim, patch, stride):
        super().__init__()
        self.proj = nn.Conv2d(channels, dim, patch, stride, patch // 2)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x):
        x = self.proj(x)
        return self.norm(to_tokens(x)), x.shape[2:]


class Attention(nn.Module):
    def __init__(self, dim, heads, sr):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.dense = (nn.Linear(dim, dim) for _ in range(4))
        self.sr = nn.Conv2d(dim, dim, sr, sr) if sr > 1 else None
        self.layer_norm = nn.LayerNorm(dim) if sr > 1 else None

    def split(self, x):
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)

    def forward(self, x, size):
        reduced = self.layer_norm(to_tokens(self.sr(to_map(x, size)))) if self.sr else x
        q, k, v = self.split(self.query(x)), self.split(self.key(reduced)), self.split(self.value(reduced))
        return self.dense(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class MixFfn(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.mlp_in = nn.Linear(dim, hidden)
        self.conv = nn.Conv2d(hidden, hidden, 3, 1, 1, groups=hidden)
        self.mlp_out = nn.Linear(hidden, dim)

    def forward(self, x, size):
        return self.mlp_out(F.gelu(to_tokens(self.conv(to_map(self.mlp_in(x), size)))))


class Block(nn.Module):
    def __init__(self, dim, heads, sr, hidden):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim, 1e-6), nn.LayerNorm(dim, 1e-6)
        self.attention = Attention(dim, heads, sr)
        self.feed_forward = MixFfn(dim, hidden)

    def forward(self, x, size):
        x = x + self.attention(self.norm1(x), size)
        return x + self.feed_forward(self.norm2(x), size)


class Encoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        inputs = [c["in_channels"], *c["embed_dims"][:3]]
        self.embeddings = nn.ModuleList(map(PatchEmbed, inputs, c["embed_dims"], PATCH_SIZES, STRIDES))
        self.transformers = nn.ModuleList(
            nn.ModuleList(Block(dim, heads, sr, dim * ratio) for _ in range(depth))
            for dim, heads, sr, ratio, depth in zip(
                c["embed_dims"], c["num_heads"], c["sr_ratios"], c["mlp_ratios"], c["depths"]
            )
        )
        self.layer_norm = nn.ModuleList(nn.LayerNorm(dim, 1e-6) for dim in c["embed_dims"])

    def forward(self, x):
        stages = []
        for embed, blocks, norm in zip(self.embeddings, self.transformers, self.layer_norm):
            x, size = embed(x)
            for block in blocks:
                x = block(x, size)
            x = to_map(norm(x), size).contiguous()
            stages.append(x)
        return stages


class Decoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        width = c["decoder_dim"]
        self.layers = nn.ModuleList(nn.Conv2d(dim, width, 1) for dim in reversed(c["embed_dims"]))
        self.linear_fuse = nn.Conv2d(4 * width, width, 1, bias=False)
        self.batch_norm = nn.BatchNorm2d(width)
        self.classifier = nn.Conv2d(width, c["num_classes"], 1)

    def forward(self, stages):
        size = stages[0].shape[2:]
        x = [
            F.interpolate(layer(stage), size, mode="bilinear", align_corners=False)
            for layer, stage in zip(reversed(self.layers), stages)
        ]
        return self.classifier(F.relu(self.batch_norm(self.linear_fuse(torch.cat(x, 1)))))


class SegFormer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.encoder, self.decoder = Encoder(c), Decoder(c)
        self.input_stride = c.get("input_stride", 1)

    def forward(self, x):
        seen = F.avg_pool2d(x, self.input_stride) if self.input_stride > 1 else x
        return F.interpolate(self.decoder(self.encoder(seen)), x.shape[2:], mode="bilinear", align_corners=False)


def patch(channels, size):
    """The input of the Rust program: (7919 i mod 1009) / 1009 at the i-th value."""
    i = np.arange(channels * size * size, dtype=np.uint64)
    values = (i * 7919 % 1009).astype(np.float32) / np.float32(1009)
    return torch.from_numpy(values.reshape(1, channels, size, size))


def time_pytorch(folder, size, runs):
    card = json.loads((folder / "model.json").read_text())
    network = SegFormer(card["architecture"]).eval()
    network.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
    x = patch(card["architecture"]["in_channels"], size)
    times = []
    with torch.inference_mode():
        for run in range(runs + 1):
            start = time.perf_counter()
            logits = network(x)
            if run:
                times.append((time.perf_counter() - start) * 1e3)
    logits = logits / card.get("temperature", 1.0)
    classes = logits.shape[1]
    probabilities = torch.sigmoid(logits[0, 0]) if classes == 1 else 1 - logits[0].softmax(0)[0]
    return times, probabilities.numpy()


def time_rust(program, folder, size, runs, threads, scratch):
    output = scratch / "probabilities.bin"
    command = [program, folder, "--size", str(size), "--runs", str(runs), "--probabilities", output]
    environment = {**os.environ, "RAYON_NUM_THREADS": str(threads)}
    line = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split()
    numbers = dict(zip(line[::2], map(float, line[1::2])))
    return numbers, np.fromfile(output, np.float32).reshape(size, size)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="model folders, or names of variants (b0 ... b5, paper)")
    parser.add_argument("--rust", default="target/release/examples/time_forward", help="the Rust program")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=3, help="turns that both take, for machines with other work")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        for model in options.models:
            folder = pathlib.Path(model)
            if not (folder / "model.json").is_file():
                folder = scratch / model
                subprocess.run([options.rust, f"random:{model}:{folder}", "--size", "32", "--runs", "1"], check=True,
                               stdout=subprocess.DEVNULL)
            python, rust, peak = [], [], 0
            for _ in range(options.rounds):
                times, expected = time_pytorch(folder, options.size, options.runs)
                python += times
                numbers, found = time_rust(options.rust, folder, options.size, options.runs, options.threads, scratch)
                rust.append(numbers)
                peak = max(peak, numbers["peak_mib"])
            rust_median = statistics.median(n["median_ms"] for n in rust)
            rust_min = min(n["min_ms"] for n in rust)
            print(
                f"{model}: PyTorch {torch.__version__} median {statistics.median(python):.0f} ms (fastest "
                f"{min(python):.0f}), Rust median {rust_median:.0f} ms (fastest {rust_min:.0f}, peak {peak:.0f} MiB), "
                f"Rust / PyTorch {rust_median / statistics.median(python):.2f} (fastest {rust_min / min(python):.2f}), "
                f"largest difference of a probability {np.abs(found - expected).max():.1e}"
            )


if __name__ == "__main__":
    main()
