#!/usr/bin/env python3
"""Compares samples of the paper's published layout as minesegsat reads them with what OpenCV makes of the same files.

    pip install numpy rasterio opencv-python-headless
    cargo build --workspace --bins --examples
    python scripts/compare_paper_layout.py target/debug/minesegsat target/debug/examples/read_sample [--seeds 5]

The reference stacks bands as the paper's loader does: those of 10 m as they are, those of 20 m and 60 m enlarged by
`cv2.resize(..., interpolation=cv2.INTER_CUBIC)` 2 and 6 times, all in its order, cast to int16. Half of the sets have no place on
the map, as images written without one have. Exits with 1 if a number differs.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import rasterio
from rasterio.transform import from_origin

FINE, MIDDLE, COARSE = ["B04", "B03", "B02", "B08"], ["B05", "B06", "B07", "B8A", "B11", "B12"], ["B01", "B09"]


def write(path, array, pixel, placed):
    profile = dict(driver="GTiff", width=array.shape[1], height=array.shape[0], count=1, dtype=array.dtype, compress="lzw")
    if placed:
        profile |= dict(crs="EPSG:32610", transform=from_origin(500000, 5900000, pixel, pixel))
    with rasterio.open(path, "w", **profile) as file:
        file.write(array, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("read_sample")
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    different = 0
    for seed in range(arguments.seeds):
        random = np.random.default_rng(seed)
        placed, side = seed % 2 == 0, int(random.choice([48, 96, 768]))
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder, "published")
            patch = root / "bc_mines" / "0_0"
            patch.mkdir(parents=True)
            stack = []
            for bands, factor in [(FINE, 1), (MIDDLE, 2), (COARSE, 6)]:
                for band in bands:
                    array = random.integers(0, 65536 if seed % 3 == 0 else 12000, (side // factor, side // factor), "uint16")
                    write(patch / f"{band}.tif", array, 10 * factor, placed)
                    if factor > 1:
                        array = cv2.resize(array, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
                    stack.append(array)
            mask = random.integers(0, 2, (side, side), "uint8")
            write(patch / "mask.tif", mask, 10, placed)
            (root / "dataset_splits.csv").write_text("split,data_path,mask_path\ntrain,bc_mines/0_0,bc_mines/0_0\n")
            subprocess.run([arguments.program, "-q", "dataset", "import", root, "-o", f"{folder}/set"], check=True,
                           stdout=subprocess.DEVNULL)
            subprocess.run([arguments.read_sample, f"{folder}/set", "bc_mines/0_0", f"{folder}/raw"], check=True,
                           stdout=subprocess.DEVNULL)
            raw = Path(folder, "raw").read_bytes()
        expected = np.stack(stack).astype("int16")
        found = np.frombuffer(raw[: expected.nbytes], "<i2").reshape(expected.shape)
        wrong = int((found != expected).sum()) + int((np.frombuffer(raw[expected.nbytes :], "u1") != mask.ravel()).sum())
        different += wrong
        print(f"seed {seed}: {side} pixels, {'placed' if placed else 'no place'}: {wrong} of {expected.size} numbers differ")
    sys.exit(different > 0)


if __name__ == "__main__":
    main()
