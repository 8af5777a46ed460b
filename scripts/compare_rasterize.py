"""Compares `minesegsat::rasterize` with rasterio.features.rasterize(all_touched=False), pixel by pixel.

    cargo build --release --example rasterize
    python scripts/compare_rasterize.py target/release/examples/rasterize [--sets 50]
    python scripts/compare_rasterize.py --golden crates/minesegsat-core/tests/data/rasterize.txt

Sets of random polygons: coordinates on pixel corners, on pixel centres (every edge a tie), on quarters of pixels and
anywhere; triangles, stars, boxes, holes, overlaps, slivers, self-crossing rings, partly outside. Needs rasterio, numpy.
"""

import argparse
import math
import subprocess
import sys

import numpy as np
import rasterio.features
from rasterio.transform import Affine

TRANSFORMS = [(0.0, None, 1.0), (435730.0, 4179460.0, 10.0), (-117.25, 38.5, 0.125), (300000.0, 9100020.0, 60.0), (0.1, 7.3, 0.3)]


def ring(rng, kind, centre, size, snap):
    if kind == "box":
        w, h = rng.uniform(0.2, 1, 2) * size
        points = [(-w, -h), (w, -h), (w, h), (-w, h)]
    elif kind == "sliver":
        a = rng.uniform(0, 2 * math.pi)
        d = np.array([math.cos(a), math.sin(a)])
        n = np.array([-d[1], d[0]]) * rng.uniform(0.01, 0.6)
        points = [-d * size, d * size, d * size + n, -d * size + n]
    elif kind == "random":  # crosses itself
        points = rng.uniform(-size, size, (rng.integers(3, 8), 2))
    else:
        n = int(rng.integers(3, 12))
        angles = np.sort(rng.uniform(0, 2 * math.pi, n))
        radii = rng.uniform(0.2, 1, n) * size
        points = np.stack([np.cos(angles) * radii, np.sin(angles) * radii], 1)
    points = np.asarray(points, float) + centre
    if snap == "corner":
        points = np.round(points)
    elif snap == "centre":
        points = np.round(points - 0.5) + 0.5
    elif snap == "half":
        points = np.round(points * 2) / 2
    elif snap == "quarter":
        points = np.round(points * 4) / 4
    if rng.random() < 0.5:
        points = points[::-1]
    return [tuple(p) for p in points] + [tuple(points[0])]


def case(rng, width, height, most):
    x0, y0, size = TRANSFORMS[rng.integers(len(TRANSFORMS))]
    y0 = float(height) if y0 is None else y0
    snap = ["corner", "centre", "half", "quarter", "none"][rng.integers(5)]
    polygons = []
    for _ in range(rng.integers(1, most + 1)):
        centre = rng.uniform((-0.2 * width, -0.2 * height), (1.2 * width, 1.2 * height))
        kind = ["box", "star", "star", "sliver", "random"][rng.integers(5)]
        r = rng.uniform(0.5, max(width, height) / 2)
        rings = [ring(rng, kind, centre, r, snap)]
        for _ in range(rng.integers(0, 3)):
            rings.append(ring(rng, ["box", "star"][rng.integers(2)], centre, r * rng.uniform(0.1, 0.6), snap))
        # to the map
        polygons.append([[(float(x0 + x * size), float(y0 - y * size)) for x, y in ring_] for ring_ in rings])
    return {"width": width, "height": height, "transform": (x0, y0, size, -size), "polygons": polygons, "snap": snap}


def text(name, c):
    lines = [f"case {name}", "grid " + " ".join(map(repr, (c["width"], c["height"], *c["transform"])))]
    for polygon in c["polygons"]:
        lines.append("polygon")
        lines += ["ring " + " ".join(f"{x!r} {y!r}" for x, y in ring_) for ring_ in polygon]
    return lines


def gdal(c):
    x0, y0, sx, sy = c["transform"]
    geometry = {"type": "MultiPolygon", "coordinates": c["polygons"]}
    return rasterio.features.rasterize(
        [geometry], (c["height"], c["width"]), transform=Affine(sx, 0, x0, 0, sy, y0), dtype="uint8", skip_invalid=False
    )


def drawing(mask):
    return ["".join(".#"[p] for p in row) for row in mask]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", nargs="?")
    parser.add_argument("--sets", type=int, default=50)
    parser.add_argument("--golden")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)

    if args.golden:
        with open(args.golden, "w") as out:
            print(f"% rasterio {rasterio.__version__}, GDAL {rasterio.__gdal_version__}", file=out)
            for i in range(40):
                c = case(rng, int(rng.integers(5, 22)), int(rng.integers(4, 14)), 2)
                print("\n".join(text(f"{i} {c['snap']}", c) + ["mask"] + drawing(gdal(c))), file=out)
        return

    cases = [case(rng, int(rng.integers(1, 200)), int(rng.integers(1, 200)), 12) for _ in range(args.sets)]
    lines = [line for i, c in enumerate(cases) for line in text(str(i), c)]
    out = subprocess.run([args.binary], input="\n".join(lines), capture_output=True, text=True, check=True).stdout
    answers = out.split("case ")[1:]
    total, different = 0, 0
    for i, (c, answer) in enumerate(zip(cases, answers, strict=True)):
        ours = np.array([[ch == "#" for ch in row] for row in answer.split("\n")[1:-1]], dtype=np.uint8)
        theirs = gdal(c)
        n = int((ours != theirs).sum())
        total, different = total + theirs.size, different + n
        if n:
            print(f"set {i} ({c['snap']}, {c['width']} x {c['height']}): {n} pixels differ, at (row, col)", np.argwhere(ours != theirs)[:5].tolist())
    print(f"{len(cases)} sets, {total} pixels, {different} different")
    sys.exit(different > 0)


if __name__ == "__main__":
    main()
