#!/usr/bin/env python3
"""How far maps in bfloat16 lie from those in float32: on a split of a data set with masks.

    pip install numpy rasterio
    cargo build --release -p minesegsat-cli
    python scripts/compare_precisions.py target/release/minesegsat MODEL DATASET [--split val]

Evaluates the model in both precisions and prints F1, the share of pixels whose masks agree, and the differences of probabilities.
Fails where F1 differs by more than 0.002 or less than 99.9 % of the pixels agree.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import rasterio


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("dataset")
    parser.add_argument("--split", default="val")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folders = {precision: pathlib.Path(folder) / precision for precision in ("fp32", "bf16")}
        metrics = {}
        for precision, out in folders.items():
            command = [args.program, "--quiet", "evaluate", "-m", args.model, "-d", args.dataset, "--split", args.split]
            subprocess.run([*command, "--precision", precision, "--write-probabilities", "-o", out], check=True)
            metrics[precision] = json.loads((out / "metrics.json").read_text())
        threshold = metrics["fp32"]["threshold"]["value"]
        pixels = agree = mines = 0
        differences = []
        for path in sorted((folders["fp32"] / "probabilities").glob("*.tif")):
            with rasterio.open(path) as a, rasterio.open(folders["bf16"] / "probabilities" / path.name) as b:
                a, b = a.read(1), b.read(1)
            known = np.isfinite(a)
            assert (known == np.isfinite(b)).all(), path.name
            a, b = a[known], b[known]
            pixels += a.size
            mines += (a >= threshold).sum()
            agree += ((a >= threshold) == (b >= threshold)).sum()
            differences.append(np.abs(a - b))
        differences = np.concatenate(differences)
        f1 = {precision: found["metrics"]["f1"]["value"] for precision, found in metrics.items()}
        print(f"{args.model} on {args.split} of {args.dataset}: {pixels} pixels, {mines / pixels:.1%} mapped")
        print(f"  F1 {f1['fp32']:.4f} in fp32, {f1['bf16']:.4f} in bf16, difference {f1['bf16'] - f1['fp32']:+.4f}")
        print(f"  masks agree on {agree / pixels:.4%} of the pixels")
        print(f"  probabilities differ by {np.median(differences):.1e} (median), {differences.max():.1e} (largest)")
        sys.exit(0 if abs(f1["bf16"] - f1["fp32"]) <= 0.002 and agree >= 0.999 * pixels else 1)


if __name__ == "__main__":
    main()
