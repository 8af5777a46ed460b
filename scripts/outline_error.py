#!/usr/bin/env python3
"""Distance of predicted outlines from the true ones on simulated landscapes: along pixel edges and along the contour.

Each landscape is simulated and mapped twice, with `--outlines pixels` and `--outlines contour`. Contours of the logit of the probability
are drawn with scikit-image, for comparison. Outlines are sampled every metre. A distance counts if it is at most 50 m: what lies
farther off is a mine that was missed or invented. Areas are those of the polygons, the sum of probabilities within 30 m of the
polygons, and the true area within the same distance. Needs rasterio, geopandas, scipy, scikit-image and numpy.

Usage: scripts/outline_error.py WORK [--model models/b0] [--seeds 4] [--first 4001] [--size 768] [--program target/release/minesegsat]
"""
import argparse
import json
import pathlib
import shutil
import subprocess

import numpy as np
import rasterio
import rasterio.features
import shapely
from scipy.ndimage import binary_dilation
from scipy.spatial import cKDTree
from skimage.measure import find_contours

import geopandas

parser = argparse.ArgumentParser()
parser.add_argument("work", type=pathlib.Path)
parser.add_argument("--model", default="models/b0")
parser.add_argument("--program", default="target/release/minesegsat")
parser.add_argument("--seeds", type=int, default=4)
parser.add_argument("--first", type=int, default=4001)
parser.add_argument("--size", default="768")
args = parser.parse_args()
NEAR_M = 50.0
run = lambda *a: subprocess.run([args.program, "-q", *map(str, a)], check=True)


def samples(lines):
    """Points every metre along lines."""
    points = [
        shapely.get_coordinates(shapely.line_interpolate_point(line, np.arange(0.5, line.length, 1.0)))
        for line in lines
        if line.length > 1
    ]
    return np.concatenate(points) if points else np.zeros((0, 2))


def outlines(polygons):
    return list(shapely.get_parts(shapely.boundary(polygons)))


def logit_contours(path, threshold):
    with rasterio.open(path) as raster:
        p, transform = raster.read(1), raster.transform
    logit = lambda v: np.log(v / (1 - v))
    field = logit(np.clip(p, 2.0**-17, 1 - 2.0**-17))
    lines = find_contours(field, logit(threshold), mask=~np.isnan(p))
    to_map = lambda rc: np.c_[transform.c + (rc[:, 1] + 0.5) * transform.a, transform.f + (rc[:, 0] + 0.5) * transform.e]
    return [shapely.LineString(to_map(line)) for line in lines if len(line) > 1]


kinds = "pixels", "contour", "logit contour"
found = {kind: {"to truth": [], "from truth": []} for kind in kinds}
met = {kind: [0, 0] for kind in kinds}
areas = {"pixels": 0.0, "contour": 0.0, "sum of probabilities": 0.0, "truth": 0.0}
relative = []
for region in "boreal", "arid", "tropical":
    for seed in range(args.first, args.first + args.seeds):
        at = args.work / f"{region}-{seed}"
        if not (at / "contour/manifest.json").exists():
            shutil.rmtree(at, ignore_errors=True)
            run("simulate", "-o", at / "sim", "--region", region, "--seed", seed, "--years", "2021", "--size", args.size, "--cloud-cover", "0")
            item = next((at / "sim/2021").glob("*/item.json"))
            for outlines_of in "pixels", "contour":
                run("predict", item, "--model", args.model, "-o", at / outlines_of, "--outlines", outlines_of)
        truth = geopandas.read_file(next((at / "sim/truth").glob("2021*.gpkg")))
        maps = {kind: geopandas.read_file(at / kind / "polygons.gpkg") for kind in ("pixels", "contour")}
        probability = at / "contour/probability.tif"
        with rasterio.open(probability) as raster:
            p, transform, shape = raster.read(1), raster.transform, raster.shape
        threshold = json.loads((at / "contour/manifest.json").read_text())["parameters"]["threshold"]
        frame = shapely.box(*rasterio.transform.array_bounds(*shape, transform)).buffer(-20)
        true = shapely.union_all(truth.to_crs(maps["pixels"].crs).geometry.values)
        clip = lambda lines: samples([part for line in lines for part in shapely.get_parts(shapely.intersection(line, frame))])
        true_points = clip(outlines(true))
        lines = {kind: outlines(maps[kind].geometry.values) for kind in ("pixels", "contour")}
        lines["logit contour"] = logit_contours(probability, threshold)
        for kind in kinds:
            points = clip(lines[kind])
            if not len(points) or not len(true_points):
                continue
            there, back = cKDTree(true_points).query(points)[0], cKDTree(points).query(true_points)[0]
            found[kind]["to truth"].append(there[there <= NEAR_M])
            found[kind]["from truth"].append(back[back <= NEAR_M])
            met[kind][0] += int((back <= NEAR_M).sum())
            met[kind][1] += len(back)
        hectares = {kind: maps[kind].geometry.area.sum() / 1e4 for kind in ("pixels", "contour")}
        burn = lambda g: rasterio.features.rasterize(g, shape, transform=transform, dtype="uint8").astype(bool) if len(g) else np.zeros(shape, bool)
        near = binary_dilation(burn(maps["pixels"].geometry.values), iterations=3)
        hectares["sum of probabilities"] = float(np.nansum(p[near], dtype=float)) * abs(transform.a * transform.e) / 1e4
        zone = shapely.union_all([shapely.geometry.shape(s) for s, _ in rasterio.features.shapes(near.astype("uint8"), mask=near, transform=transform)])
        hectares["truth"] = true.intersection(zone).area / 1e4
        for kind, ha in hectares.items():
            areas[kind] += ha
        relative.append([hectares[k] / hectares["sum of probabilities"] - 1 for k in ("pixels", "contour")] if hectares["sum of probabilities"] else [0, 0])

for kind in kinds:
    all_of = {way: np.concatenate(values) for way, values in found[kind].items()}
    both = np.concatenate(list(all_of.values()))
    print(f"{kind:14} mean distance {both.mean():.2f} m (to the truth {all_of['to truth'].mean():.2f}, from the truth "
          f"{all_of['from truth'].mean():.2f}), median {np.median(both):.2f} m; {met[kind][0] / met[kind][1]:.1%} of the true outline within {NEAR_M:.0f} m")
print("; ".join(f"{kind} {ha:.1f} ha" for kind, ha in areas.items()))
relative = np.abs(np.array(relative))
print(f"area against the sum of probabilities, mean over landscapes: pixels {relative[:, 0].mean():.2%}, contour {relative[:, 1].mean():.2%}; "
      f"largest {relative[:, 0].max():.2%}, {relative[:, 1].max():.2%}")
