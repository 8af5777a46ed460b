#!/usr/bin/env python3
"""onset.tif and state.tif of `minesegsat timeline` against an independent implementation in numpy (series_reference.py).

The maps must lie on one grid, with one map per date. Needs rasterio and numpy.

Usage: scripts/compare_series.py TIMELINE MAP MAP ...    output folders of `timeline` and of `predict`
"""
import json
import pathlib
import sys

import numpy as np
import rasterio

from series_reference import Rules, histories

out, *folders = map(pathlib.Path, sys.argv[1:])
record = json.loads((out / "manifest.json").read_text())
persistence, confirmation = record["rules"]["persistence"], record["rules"]["confirmation"]
rules = Rules(**persistence, **confirmation)
maps = []
for folder in folders:
    manifest = json.loads((folder / "manifest.json").read_text())
    with rasterio.open(folder / "probability.tif") as raster:
        maps.append((manifest["scene"]["date"], manifest["parameters"]["threshold"], raster.read(1), raster.transform))
maps.sort(key=lambda one: one[0])
days = np.array([np.datetime64(date).astype(int) for date, *_ in maps])
thresholds = [threshold for _, threshold, *_ in maps]
values = np.stack([p for _, _, p, _ in maps]).reshape(len(maps), -1)
# Most pixels are equal to others.
different, inverse = np.unique(values.view(np.uint32).T, axis=0, return_inverse=True)
classes, onsets, _ = histories(different.T.copy().view(np.float32), days, thresholds, rules)
with rasterio.open(out / "state.tif") as raster:
    assert raster.transform == maps[0][3] and raster.shape == maps[0][2].shape, "the grids differ"
    state = raster.read(1).ravel()
with rasterio.open(out / "onset.tif") as raster:
    assert raster.tags()["EPOCH"] == "1970-01-01" and raster.nodata == 0
    onset = raster.read().reshape(3, -1)
inverse = inverse.ravel()
expected = np.where(onsets >= 0, days[np.maximum(onsets, 0)], 0)[:, inverse]
middle = np.where(expected[0] > 0, (expected.sum(0) + 1) // 2, 0)
wrong = (state != classes[inverse]) | (onset[0] != middle) | (onset[1:] != expected).any(0)
print(f"{len(state)} pixels, {len(different)} different, {len(maps)} dates: {wrong.sum()} differ")
for name, number in zip(("undisturbed", "disturbed", "new", "new provisional", "regrown", "regrown provisional"), np.bincount(state[state < 6], minlength=6)):
    print(f"  {name}: {number}")
sys.exit(bool(wrong.any()))
