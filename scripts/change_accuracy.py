#!/usr/bin/env python3
"""Gain and loss of sites against their truth: simulated landscapes in two years, mapped with a model and compared.

Sites are the mines of both years and 200 m around them; those of which less than half was seen on both dates are left out. Needs
rasterio, scipy and numpy.

Usage: scripts/change_accuracy.py WORK [--model models/simulated-b0] [--seeds 8] [--first 2001] [--size 1152] [--cloud-after PERCENT]
       [--program target/release/minesegsat]
"""
import argparse
import json
import pathlib
import shutil
import subprocess

import numpy as np
import rasterio
from rasterio import features
from scipy import ndimage

parser = argparse.ArgumentParser()
parser.add_argument("work", type=pathlib.Path)
parser.add_argument("--model", default="models/simulated-b0")
parser.add_argument("--program", default="target/release/minesegsat")
parser.add_argument("--seeds", type=int, default=8)
parser.add_argument("--first", type=int, default=2001)
parser.add_argument("--size", default="1152")
parser.add_argument("--cloud-after", help="cloud over the later date, in percent; the simulator's default where it is not given")
args = parser.parse_args()
run = lambda *a: subprocess.run([args.program, "-q", *map(str, a)], check=True, stderr=subprocess.DEVNULL)
YEARS = 2021, 2022
NONE, STABLE, GAIN, LOSS, UNKNOWN = 0, 1, 2, 3, 255


def sites_of(folder, grid):
    mines = np.zeros((grid.height, grid.width), bool)
    for year in YEARS:
        with rasterio.open(folder / f"truth/{year}_mask.tif") as raster:
            mines |= raster.read(1) > 0
    labels, count = ndimage.label(ndimage.binary_dilation(mines, iterations=20))
    parts = {}
    for shape, number in features.shapes(labels.astype("int32"), mask=labels > 0, transform=grid.transform):
        parts.setdefault(int(number), []).append(shape["coordinates"])
    crs = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{grid.crs.to_epsg()}"}}
    found = [
        {"type": "Feature", "properties": {"id": str(n)}, "geometry": {"type": "MultiPolygon", "coordinates": parts[n]}}
        for n in range(1, count + 1)
    ]
    return labels, {"type": "FeatureCollection", "crs": crs, "features": found}


rows = []
for region in "boreal", "arid", "tropical":
    for seed in range(args.first, args.first + args.seeds):
        at = args.work / f"{region}-{seed}"
        record = at / "change/manifest.json"
        if not record.exists():
            shutil.rmtree(at, ignore_errors=True)
            common = ["--region", region, "--seed", seed, "--years", "2021,2022", "--size", args.size]
            run("simulate", "-o", at / "sim", *common)
            later = at / "sim"
            if args.cloud_after:
                later = at / "cloudy"
                run("simulate", "-o", later, *common, "--cloud-cover", args.cloud_after)
            for year, scenes in zip(YEARS, (at / "sim", later)):
                run("predict", next((scenes / str(year)).glob("*/item.json")), "--model", args.model, "-o", at / str(year))
            with rasterio.open(at / "sim/truth/2021_mask.tif") as grid:
                (at / "sites.geojson").write_text(json.dumps(sites_of(at / "sim", grid)[1]))
            run("change", at / "2021", at / "2022", "--sites", at / "sites.geojson", "-o", at / "change")
        with rasterio.open(at / "change/change.tif") as found, rasterio.open(at / "sim/truth/change_2021_2022.tif") as truth:
            known, change = truth.read(1), found.read(1)
            labels, _ = sites_of(at / "sim", truth)
        for site in json.loads(record.read_text())["sites"]:
            inside = labels == int(site["id"])
            seen = inside & (change != UNKNOWN)
            if seen.sum() < inside.sum() / 2:
                continue
            count = lambda values, kind: float((values[seen] == kind).sum()) / 100
            rows.append({
                "gain": count(known, GAIN), "loss": count(known, LOSS), "found_gain": site["gain_ha"], "found_loss": site["loss_ha"],
                "told_gain": site["gain"] is not None, "told_loss": site["loss"] is not None,
            })
        print(f"{region} {seed}: {len(rows)} sites so far", flush=True)
for kind in "gain", "loss":
    of = [r for r in rows if r[kind] > 5]
    truth, found = np.array([r[kind] for r in of]), np.array([r[f"found_{kind}"] for r in of])
    error = np.abs(found - truth) / truth
    print(
        f"{kind} over 5 ha: {len(of)} sites, sum / truth {found.sum() / truth.sum():.2f}, within 10 % {np.mean(error <= 0.1):.0%}, "
        f"within 30 % {np.mean(error <= 0.3):.0%}, median error {np.median(error):.0%}, above the noise floor {np.mean([r[f'told_{kind}'] for r in of]):.0%}"
    )
stable = [r for r in rows if r["gain"] < 0.3 and r["loss"] < 0.3]
quiet = sum(not (r["told_gain"] or r["told_loss"]) for r in stable)
print(f"stable: {len(stable)} sites, {quiet} without a reported change")
