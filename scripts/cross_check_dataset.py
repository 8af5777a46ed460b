#!/usr/bin/env python3
"""Check a data set that `minesegsat dataset build` made of one scene with pystac, rasterio and geopandas.

    venv/bin/python scripts/cross_check_dataset.py DATASET SCENE_FOLDER LABELS

Prints one line per check and exits with 1 if any failed.
"""

import csv
import json
import sys
from pathlib import Path

import geopandas
import numpy as np
import pystac
import rasterio
import rasterio.features
import rasterio.windows

from cross_check import Report


def main():
    dataset, scene, labels_path = map(Path, sys.argv[1:4])
    report = Report()
    collection = pystac.Collection.from_file(str(dataset / "collection.json"))
    items = list(collection.get_items())
    with open(dataset / "samples.csv") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    report.check("collection.json", "pystac finds every sample", {i.id for i in items} == set(rows), f"{len(items)} items")
    labels = geopandas.read_file(labels_path)
    touched = 0
    for item in items:
        row = rows[item.id]
        folder = dataset / row["mask_path"]
        with rasterio.open(folder / "mask.tif") as raster:
            mask, transform, crs, bounds = raster.read(1), raster.transform, raster.crs, raster.bounds
        shapes = [(g, 1) for g in labels.to_crs(crs).geometry if g is not None]
        expected = rasterio.features.rasterize(shapes, mask.shape, transform=transform, fill=0, dtype="uint8")
        different = int((mask != expected).sum())
        report.check(item.id, "the mask equals rasterio's", different == 0, f"{different} of {mask.size} pixels differ")
        touched += bool(expected.any())
        share = (mask == 1).mean()
        report.check(item.id, "the mining share is the mask's", abs(share - float(row["mining_share"])) < 1e-7)
        equal = []
        for key, asset in item.assets.items():
            if key in ("mask", "SCL"):
                continue
            with rasterio.open(folder / f"{key}.tif") as patch, rasterio.open(scene / f"{key}.tif") as source:
                window = source.window(*patch.bounds).round_offsets().round_lengths()
                equal.append(np.array_equal(patch.read(1), source.read(1, window=window)))
                equal.append(patch.crs == source.crs and patch.descriptions[0] == key)
                equal.append(list(asset.extra_fields["proj:shape"]) == list(patch.shape))
        report.check(item.id, "bands equal windows of the source", all(equal), f"{len(equal) // 3} bands")
        west, south, east, north = item.bbox
        box = geopandas.GeoSeries.from_xy([bounds.left, bounds.right], [bounds.bottom, bounds.top], crs=crs).to_crs(4326)
        near = abs(box.x[0] - west) < 0.02 and abs(box.y[1] - north) < 0.02 and west < east and south < north
        report.check(item.id, "the bbox is where the patch is", near)
    report.check(str(dataset), "some samples hold labels", touched > 0, f"{touched} of {len(items)}")
    card = json.loads((dataset / "dataset.json").read_text())
    hashes = [i.get("sha256") or i.get("etag") for s in card["scenes"] for i in s["inputs"]]
    report.check("dataset.json", "every input has a hash", all(hashes) and len(hashes) > 0, f"{len(hashes)} inputs")
    print(f"{report.count} checks, {report.failed} failed")
    sys.exit(report.failed > 0)


if __name__ == "__main__":
    main()
