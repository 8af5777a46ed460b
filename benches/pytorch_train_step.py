#!/usr/bin/env python3
"""Time training steps of networks in PyTorch and in Rust, in turns of one run.

A step is forward pass, Tversky loss, backward pass and AdamW. The network is that of `pytorch_forward.py`, plain modules in
eager mode with PyTorch's fused attention and fused AdamW; it has neither dropout nor drop path, which the Rust program has.
Names such as `unet-resnet34` are those of segmentation_models_pytorch (`pip install segmentation-models-pytorch`).

    pip install torch safetensors numpy
    cargo build --release -p minesegsat-nn --example train_step
    python benches/pytorch_train_step.py b0 paper
"""

import argparse
import os
import statistics
import subprocess
import time

import torch
from pytorch_forward import SegFormer

VARIANTS = {
    "paper": ([64, 128, 320, 512], [3, 4, 18, 3], 256),
    "b0": ([32, 64, 160, 256], [2, 2, 2, 2], 256),
    "b1": ([64, 128, 320, 512], [2, 2, 2, 2], 256),
    "b2": ([64, 128, 320, 512], [3, 4, 6, 3], 768),
    "b3": ([64, 128, 320, 512], [3, 4, 18, 3], 768),
}
PARTS = ("forward", "loss", "backward", "optimiser", "step")


def config(variant):
    embed_dims, depths, decoder_dim = VARIANTS[variant]
    return {
        "in_channels": 12,
        "num_classes": 1,
        "embed_dims": embed_dims,
        "depths": depths,
        "num_heads": [1, 2, 5, 8],
        "sr_ratios": [8, 4, 2, 1],
        "mlp_ratios": [4, 4, 4, 4],
        "decoder_dim": decoder_dim,
    }


def network(name):
    if name in VARIANTS:
        return SegFormer(config(name))
    import segmentation_models_pytorch as smp

    architecture, encoder = name.split("-")
    return smp.create_model(architecture, encoder, encoder_weights=None, in_channels=12, classes=1)


def tversky(logits, mask, alpha=4.0, beta=4.0, smooth=1.0):
    probability = torch.sigmoid(logits)
    overlap = (probability * mask).sum()
    false_positive, false_negative = probability.sum() - overlap, mask.sum() - overlap
    return 1 - (overlap + smooth) / (overlap + alpha * false_positive + beta * false_negative + smooth)


class PyTorch:
    def __init__(self, variant, batch, size):
        self.network = network(variant).train()
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=3e-4, fused=True)
        self.x = torch.rand(batch, 12, size, size)
        self.mask = (torch.rand(batch, 1, size, size) < 0.2).float()

    def step(self):
        marks = [time.perf_counter()]
        logits = self.network(self.x)
        marks.append(time.perf_counter())
        loss = tversky(logits, self.mask)
        loss.item()
        marks.append(time.perf_counter())
        self.optimiser.zero_grad()
        loss.backward()
        marks.append(time.perf_counter())
        self.optimiser.step()
        marks.append(time.perf_counter())
        times = [(b - a) * 1e3 for a, b in zip(marks, marks[1:])]
        return [*times, (marks[-1] - marks[0]) * 1e3]


def time_rust(program, variant, options, *extra):
    command = [program, variant, "--batch", options.batch, "--size", options.size, "--steps", options.steps, *extra]
    environment = {**os.environ, "RAYON_NUM_THREADS": str(options.threads)}
    line = subprocess.run(list(map(str, command)), env=environment, check=True, capture_output=True, text=True).stdout
    words = line.split()
    numbers = dict(zip(words[::2], map(float, words[1::2])))
    return [numbers[f"{part}_ms"] for part in PARTS], numbers["peak_mib"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variants", nargs="+", metavar="NAME", help=f"{', '.join(VARIANTS)}, or such as unet-resnet34")
    parser.add_argument("--rust", default="target/release/examples/train_step", help="the Rust program")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5, help="turns that all take, for machines with other work")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--plain", action="store_true", help="time Burn's own operations too")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for variant in options.variants:
        pytorch = PyTorch(variant, options.batch, options.size)
        pytorch.step()
        rows = {"PyTorch": [], "ours": [], **({"Burn plain": []} if options.plain else {})}
        peak = 0
        for _ in range(options.rounds):
            rows["PyTorch"] += [pytorch.step() for _ in range(options.steps)]
            times, mib = time_rust(options.rust, variant, options)
            rows["ours"].append(times)
            peak = max(peak, mib)
            if options.plain:
                rows["Burn plain"].append(time_rust(options.rust, variant, options, "--plain")[0])
        print(f"{variant}, batch {options.batch} x 12 x {options.size} x {options.size}, {options.threads} threads, "
              f"PyTorch {torch.__version__}, medians in ms, our peak memory {peak:.0f} MiB")
        medians = {name: [statistics.median(column) for column in zip(*times)] for name, times in rows.items()}
        for name, row in medians.items():
            parts = ", ".join(f"{part} {value:.1f}" for part, value in zip(PARTS, row))
            print(f"  {name}: {parts}; {row[-1] / medians['PyTorch'][-1]:.2f} of PyTorch")


if __name__ == "__main__":
    main()
