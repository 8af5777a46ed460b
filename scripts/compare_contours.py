#!/usr/bin/env python3
"""Compares outlines along a contour with scikit-image's `find_contours`, GEOS and the mask.

    cargo build --release --example polygonize
    python3 scripts/compare_contours.py target/release/examples/polygonize

Fields are smoothed noise of several scales, plain noise and blurred discs, with cells that were not assessed. Checked: inside the raster
every vertex is one of scikit-image's and the other way round; every geometry is valid; regions do not overlap; the polygons
hold the centres of the mask's pixels and no others; no polygon covers ground that was not assessed; the area differs from the pixels'
by at most half of the perimeter. Needs geopandas, scikit-image, scipy, shapely and numpy.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import geopandas
import numpy as np
import shapely
from scipy import ndimage
from skimage.measure import find_contours

EPSG, X, Y, SIZE = 32611, 633000.0, 4179460.0, 10.0
# Crossings keep this distance from pixel centres, in pixels.
CLEARANCE = 1 / 64


def polygons(binary, values, threshold, connectivity, folder):
    mask = np.where(np.isnan(values), 255, values >= np.float32(threshold)).astype(np.uint8)
    mask.tofile(folder / "mask.bin")
    np.nan_to_num(values).astype("<f4").tofile(folder / "values.bin")
    names = [binary, folder / "mask.bin", values.shape[1], "four" if connectivity == 4 else "eight", EPSG, X, Y, SIZE, folder]
    out = subprocess.run([str(a) for a in [*names, folder / "values.bin", threshold]], check=True, capture_output=True, text=True).stdout
    assert "mask equal: true" in out, out
    found = geopandas.read_file(folder / "mining.gpkg").geometry.values
    to_pixels = lambda xy: np.c_[(xy[:, 0] - X) / SIZE, (Y - xy[:, 1]) / SIZE]
    return mask, shapely.transform(np.asarray(found), to_pixels)


def check(binary, name, values, threshold, connectivity, folder):
    mask, found = polygons(binary, values, threshold, connectivity, folder)
    height, width = values.shape
    invalid = int((~shapely.is_valid(found)).sum())
    # scikit-image's rows and columns count from the first centre.
    lines = find_contours(values.astype(float), np.float64(np.float32(threshold)), mask=~np.isnan(values))
    theirs = np.concatenate([line for line in lines] or [np.zeros((0, 2))])[:, ::-1] + 0.5
    ours = shapely.get_coordinates(found)
    # Vertices between two centres; the others follow pixel edges.
    is_crossing = (np.abs(ours % 1 - 0.5) < 1e-6).sum(1) == 1
    key = lambda points: np.unique(np.round(points, 3), axis=0)
    clear = lambda points: points[(np.abs(points - np.floor(points) - 0.5).max(1) > CLEARANCE + 2e-3)]
    # Scikit-image leaves out squares with a missing corner, so only squares of four values are compared.
    whole = ndimage.minimum_filter(~np.isnan(values), size=3, mode="constant", cval=False)
    at = lambda points: whole[np.clip(points[:, 1].astype(int), 0, height - 1), np.clip(points[:, 0].astype(int), 0, width - 1)]
    a, b = key(clear(ours[is_crossing & at(ours)])), key(clear(theirs[at(theirs)]))
    a, b = {tuple(p) for p in a}, {tuple(p) for p in b}
    off = lambda one, other: sum(min(np.hypot(p[0] - q[0], p[1] - q[1]) for q in other) > 2e-3 for p in one - other) if other else len(one)
    different = off(a, b) + off(b, a)

    union = shapely.union_all(found) if len(found) else shapely.Polygon()
    overlap = shapely.area(found).sum() - union.area
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    shapely.prepare(union)
    wrong = int((shapely.contains_xy(union, columns, rows) != (mask == 1)).sum())
    unknown = shapely.union_all([shapely.box(c, r, c + 1, r + 1) for r, c in zip(*np.nonzero(mask == 255))])
    covered = union.intersection(unknown).area
    edges = (np.diff(np.pad(mask == 1, 1).astype(int), axis=0) != 0).sum() + (np.diff(np.pad(mask == 1, 1).astype(int), axis=1) != 0).sum()
    moved = abs(union.area - (mask == 1).sum())
    print(f"{name:18} {connectivity}-connected: {len(found):5} regions, {len(a):6} crossings, {different} unlike scikit-image's, {invalid} invalid, "
          f"overlap {overlap:.1e}, {wrong} centres wrong, {covered:.1e} of unknown ground, area {moved / max((mask == 1).sum(), 1):.2%} "
          f"from the pixels' (bound {edges / 2 / max((mask == 1).sum(), 1):.0%})")
    return different + invalid + wrong + (abs(overlap) > 1e-6) + (covered > 1e-6) + (moved > edges / 2)


def main(binary):
    rng = np.random.default_rng(0)
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for connectivity in (4, 8):
            for scale in (0.7, 2.0, 5.0):
                field = ndimage.gaussian_filter(rng.standard_normal((200, 173)), scale)
                field = (1 / (1 + np.exp(-2 * field / field.std()))).astype(np.float32)
                bad += check(binary, f"smooth {scale}", field, 0.6, connectivity, Path(folder))
                field[rng.random((25, 22)).repeat(8, 0).repeat(8, 1)[:200, :173] < 0.1] = np.nan
                bad += check(binary, f"smooth {scale}, gaps", field, 0.6, connectivity, Path(folder))
            noise = rng.random((90, 101)).astype(np.float32)
            bad += check(binary, "noise", noise, 0.5, connectivity, Path(folder))
            noise[rng.random(noise.shape) < 0.1] = np.nan
            bad += check(binary, "noise, gaps", noise, 0.5, connectivity, Path(folder))
    sys.exit(int(bad > 0))


if __name__ == "__main__":
    main(sys.argv[1])
