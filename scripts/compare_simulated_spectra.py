#!/usr/bin/env python3
"""Compares band means and deviations of simulated scenes with measured ones.

    compare_simulated_spectra.py FOLDER...     folders of `minesegsat simulate`, of one region (tropical: what was measured)

Measured: `spectra/band_stats.json` in ../shared/data or MINESEGSAT_DATA. Covers are told apart as they were there: forest by
NDVI above 0.7, bare by NDVI below 0.25 and MNDWI below 0, water by MNDWI above 0, all in clear pixels; mines by polygons. The
mine numbers are top of atmosphere: about 0.05 brighter in B02, 0.03 in B03 and 0.02 in B04 than at the ground. Numbers are
reflectance x 10000.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
import rasterio

BANDS = ["B02", "B03", "B04", "B08", "B11", "B12"]


def scene(item):
    """Reflectance x 10000 of BANDS at 20 m, the classification, and the mask of mines at 10 m."""
    document = json.loads(item.read_text())
    layers = {}
    for band in BANDS:
        with rasterio.open(item.parent / f"{band}.tif") as raster:
            pixels = raster.read(1).astype("f4")
        pixels += document["assets"][band]["bands"][0]["raster:offset"] * 1e4
        if pixels.shape[0] > document["assets"]["B11"]["proj:shape"][0]:
            pixels = pixels.reshape(pixels.shape[0] // 2, 2, -1, 2).mean((1, 3))
        layers[band] = pixels
    with rasterio.open(item.parent / "SCL.tif") as raster:
        classes = raster.read(1)
    with rasterio.open(item.parent / document["assets"]["truth-mask"]["href"]) as raster:
        return layers, classes, raster.read(1).astype("f4")


def main():
    data = Path(os.environ.get("MINESEGSAT_DATA", Path(__file__).resolve().parents[1] / "../shared/data"))
    path = data / "spectra/band_stats.json"
    if not path.exists():
        sys.exit(f"skipped: no {path} (set MINESEGSAT_DATA)")
    measured = json.loads(path.read_text())
    pixels = {}
    for folder in map(Path, sys.argv[1:]):
        for item in sorted(folder.glob("*/*/item.json")):
            layers, classes, mine = scene(item)
            mine = mine.reshape(mine.shape[0] // 2, 2, -1, 2).mean((1, 3))
            clear = ~np.isin(classes, [3, 8, 9, 10])
            ndvi = (layers["B08"] - layers["B04"]) / (layers["B08"] + layers["B04"])
            mndwi = (layers["B03"] - layers["B11"]) / (layers["B03"] + layers["B11"])
            covers = {"forest": clear & (ndvi > 0.7), "bare": clear & (ndvi < 0.25) & (mndwi < 0), "water": clear & (mndwi > 0),
                      "mine": clear & (mine == 1), "not mine": clear & (mine == 0)}
            for name, where in covers.items():
                for band in BANDS:
                    pixels.setdefault((name, band), []).append(layers[band][where])
    reference = {"forest": ("amazon_L2A_t1_forest_ndvi>0.7", BANDS), "bare": ("amazon_L2A_t1_bare_ndvi<0.25_mndwi<0", BANDS),
                 "water": ("amazon_L2A_t1_water_mndwi>0", BANDS), "mine": ("tailings_L1C_B2B3B4_maus_in", BANDS[:3]),
                 "not mine": ("tailings_L1C_B2B3B4_maus_out", BANDS[:3])}
    print(f"{'cover':<9}{'':<11}" + "".join(f"{b:>13}" for b in BANDS) + f"{'pixels':>11}")
    for name, (key, bands) in reference.items():
        values = {band: np.concatenate(pixels[name, band]) for band in BANDS}
        show = lambda mean, std: f"{mean:7.0f} ± {std:<4.0f}"
        row = "".join(show(values[b].mean(), values[b].std()) for b in BANDS) if values["B02"].size else "none"
        print(f"{name:<9}{'simulated':<11}{row}{values['B02'].size:>11}")
        stats = measured[key]
        print(f"{'':<9}{'measured':<11}" + "".join(show(*ms) for ms in zip(stats["mean"], stats["std"])))


if __name__ == "__main__":
    main()
