#!/usr/bin/env python3
"""Makes a project of `area` whose units are mapped already: many small tiles with many small polygons, to measure a merge.

    python scripts/make_many_units.py PROJECT [--side 40] [--pixels 260]
    minesegsat area merge PROJECT

40 x 40 tiles of 260 pixels, which overlap by 40 pixels, give 1.1 million polygons of at least four pixels. Needs numpy and rasterio.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

OVERLAP, PIXEL = 40, 10
AREA = (-126.5, 50.0, -119.0, 51.6)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--side", type=int, default=40, help="tiles in a row and in a column")
    parser.add_argument("--pixels", type=int, default=260, help="width and height of a tile")
    args = parser.parse_args()
    random = np.random.default_rng(1)
    step, size = (args.pixels - OVERLAP) * PIXEL, args.pixels
    tiles, units = [], []
    for place in range(args.side**2):
        row, col = divmod(place, args.side)
        origin = [300_000 + col * step, 5_700_000 - row * step]
        name = f"t{row:03}{col:03}"
        tiles.append({"name": name, "epsg": 32610, "origin": origin, "pixel": PIXEL, "size": [size, size]})
        units.append({"id": f"{name}-2024", "tile": place, "period": 0, "scenes": ["S"], "estimated_bytes": 1})
        folder = args.project / "units" / units[-1]["id"]
        folder.mkdir(parents=True)
        probability = np.full((size, size), 0.05, "f4")
        rows, cols = random.integers(0, size - 2, (2, size * size // 60))
        for i in range(4):
            probability[rows + i // 2, cols + i % 2] = 0.9
        path = folder / "probability.tif"
        grid = {"width": size, "height": size, "crs": "EPSG:32610", "transform": from_origin(*origin, PIXEL, PIXEL)}
        layout = {"driver": "GTiff", "count": 1, "dtype": "float32", "nodata": float("nan"), "compress": "deflate"}
        with rasterio.open(path, "w", **grid, **layout, tiled=True, blockxsize=256, blockysize=256) as raster:
            raster.write(probability, 1)
        record = {"state": "done", "tries": 1, "share_seen": 1.0, "mean_probability": float(probability.mean())}
        record["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        (folder / "record.json").write_text(json.dumps(record))
        (folder / "items.json").write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    west, south, east, north = AREA
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    plan = {
        "version": 1,
        "area": {"type": "MultiPolygon", "coordinates": [[ring]]},
        "periods": [{"name": "2024", "first": "2024-01-01", "last": "2024-12-31"}],
        "model": {"title": "none", "sha256": "ab", "threshold": 0.5,
                  "area_error": {"range_m": 120.0, "inflation": 1.6, "relative_sd": 0.2, "fitted_to": 1}},
        "composite": "best-pixel", "min_seen": 0.98, "min_area_m2": 0.0, "catalogue": "none",
        "tiles": tiles, "units": units, "empty": [], "uncovered_ha": 0.0,
    }
    (args.project / "plan.json").write_text(json.dumps(plan))


main()
