"""Compares web tiles with rasterio: WarpedVRT to EPSG:3857, bilinear and nearest, and pyproj's exact positions.

    cargo build --release -p minesegsat-tiles --example draw_tiles
    python scripts/compare_tiles.py target/release/examples/draw_tiles

Rasters of noise and of slopes in UTM north and south, in degrees, in polar stereographic and across the antimeridian; tiles from far
away (overviews), at the pixels' own size and from near. Of each: the largest and the mean difference of bilinear values, in steps of
the 254 that a palette has; how many pixels of classes differ, and how far those are from the border of a pixel (positions may be off by 0.125
pixels, so nothing that is further from it may differ). Needs numpy, rasterio and pyproj.
"""

import math
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.transform import from_bounds, from_origin
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform, transform_bounds

HALF_WORLD = math.pi * 6378137.0
STEPS = 254
# Positions may be off by this, in pixels.
TOLERANCE_PX = 0.125
PIXELS = 1500
failures = 0

# Name, EPSG, left, top, pixel size, latitude and longitude are where they are.
PLACES = [
    ("UTM 11 north", 32611, 560_000.0, 6_240_000.0, 10.0),
    ("UTM 33 south", 32733, 480_000.0, 7_070_000.0, 10.0),
    ("UTM 60 south, across the antimeridian", 32760, 815_000.0, 7_850_000.0, 10.0),
    ("degrees", 4326, 10.2, 51.6, 0.0001),
    ("polar stereographic", 3413, -300_000.0, -2_340_000.0, 20.0),
]


def check(holds, what):
    global failures
    failures += not holds
    if not holds:
        print(f"FAILED  {what}")


def tile_bounds(z, x, y):
    side = 2 * HALF_WORLD / 2**z
    return x * side - HALF_WORLD, HALF_WORLD - (y + 1) * side, (x + 1) * side - HALF_WORLD, HALF_WORLD - y * side


def write(path, values, epsg, where, nodata, resampling):
    profile = dict(driver="COG", crs=f"EPSG:{epsg}", transform=where, width=values.shape[1], height=values.shape[0],
                   count=1, dtype=values.dtype, nodata=nodata, blocksize=256, overview_resampling=resampling)
    with rasterio.open(path, "w", **profile) as out:
        out.write(values, 1)


def warped(path, z, x, y, size, resampling, overview=None):
    options = {} if overview is None else {"overview_level": overview}
    with rasterio.open(path, **options) as source:
        with WarpedVRT(source, crs="EPSG:3857", resampling=resampling, transform=from_bounds(*tile_bounds(z, x, y), size, size),
                       width=size, height=size, tolerance=0.0) as vrt:
            return vrt.read(1, masked=True)


def drawn(path):
    """Indices into the palette."""
    with rasterio.open(path) as png:
        return png.read(1).astype(int)


def source_positions(path, z, x, y, size):
    """Column and row in the raster of the centres of the tile's pixels, exactly."""
    west, south, east, north = tile_bounds(z, x, y)
    px = (np.arange(size) + 0.5) / size
    xs, ys = np.meshgrid(west + px * (east - west), north - px * (north - south))
    with rasterio.open(path) as source:
        mx, my = transform("EPSG:3857", source.crs, xs.ravel(), ys.ravel())
        col, row = ~source.transform * (np.array(mx), np.array(my))
    return col.reshape(size, size), row.reshape(size, size)


def compare(folder, name, epsg, left, top, pixel):
    folder.mkdir()
    where = from_origin(left, top, pixel, pixel)
    dice = np.random.default_rng(7)
    rows, cols = np.mgrid[0:PIXELS, 0:PIXELS]
    waves = (0.5 + 0.25 * np.sin(cols / 150) + 0.25 * np.cos(rows / 110)).astype(np.float32)
    noise = dice.random((PIXELS, PIXELS), np.float32)
    classes = (np.kron(dice.random((PIXELS // 4, PIXELS // 4)), np.ones((4, 4))) > 0.5).astype(np.uint8)
    maps = {}
    for kind, values in ("waves", waves), ("noise", noise):
        maps[kind] = folder / kind
        maps[kind].mkdir()
        write(maps[kind] / "probability.tif", values, epsg, where, math.nan, "average")
        write(maps[kind] / "mask.tif", classes, epsg, where, 255, "mode")
    west, south, east, north = transform_bounds(f"EPSG:{epsg}", "EPSG:4326", left, top - PIXELS * pixel, left + PIXELS * pixel, top)
    mid = ((west + (east if east >= west else east + 360)) / 2 + 180) % 360 - 180, (south + north) / 2
    my = math.asinh(math.tan(math.radians(mid[1]))) / math.pi
    metres = pixel if epsg != 4326 else pixel * 111_320 * math.cos(math.radians(mid[1]))
    native = math.log2(2 * HALF_WORLD * math.cos(math.radians(mid[1])) / 256 / metres)
    for z in sorted({math.floor(native) - 3, math.floor(native) - 1, math.ceil(native), math.ceil(native) + 1, math.ceil(native) + 4}):
        x, y = int((mid[0] / 360 + 0.5) * 2**z), int((0.5 - my / 2) * 2**z)
        kind = "waves" if z < native else "noise"
        probability = maps[kind] / "probability.tif"
        wanted = f"probability {z} {x} {y} 256 {folder}/p.png 0,1 greys\nmask {z} {x} {y} 256 {folder}/m.png\n"
        done = subprocess.run([PROGRAM, maps[kind]], input=wanted, capture_output=True, text=True)
        check(done.returncode == 0 and all(line.isdigit() for line in done.stdout.split()), f"{name} {z}: {done.stdout}{done.stderr}")
        found, expected = drawn(folder / "p.png"), warped(probability, z, x, y, 256, Resampling.bilinear)
        col, row = source_positions(probability, z, x, y, 256)
        # Edges are drawn to the last pixel here, and GDAL's warper treats them by its own rules.
        inside = (col > 1) & (row > 1) & (col < PIXELS - 1) & (row < PIXELS - 1) & ~np.ma.getmaskarray(expected)
        off = np.abs((found - 1) - expected.filled(0) * STEPS)[inside]
        # A slope of the interpolated surface, per pixel of the raster, is at most the difference of neighbours.
        slope = 0.005 if kind == "waves" else 1.0
        far = max(1.0, 2 ** (native - z))
        allowed = 0.5 + STEPS * TOLERANCE_PX * math.sqrt(2) * slope * far + (2.0 if z < native else 0.0)
        check(off.size and off.max() <= allowed, f"{name} {z}: bilinear off by {off.max():.2f} steps, {allowed:.2f} are allowed")
        outside = (col < 0) | (row < 0) | (col > PIXELS) | (row > PIXELS)
        check((found[outside] == 0).all() and (found[inside] > 0).all(), f"{name} {z}: drawn where there is nothing, or not where there is")
        text = f"{name:38} zoom {z:2} {kind}: bilinear off by {off.mean():.3f} steps of 254 in the mean, {off.max():.2f} at most"
        if z >= native:
            found, expected = drawn(folder / "m.png"), warped(maps[kind] / "mask.tif", z, x, y, 256, Resampling.nearest)
            differs = (found != expected.filled(0)) & inside
            border = np.minimum(np.abs(col - np.round(col)), np.abs(row - np.round(row)))[differs]
            check(not border.size or border.max() <= TOLERANCE_PX, f"{name} {z}: classes differ {border.max():.3f} pixels from a border")
            text += f"; {differs.sum()} of {inside.sum()} classes differ, at most {border.max() if border.size else 0:.4f} pixels from a border"
        print(text)


def main():
    with tempfile.TemporaryDirectory() as folder:
        for i, place in enumerate(PLACES):
            compare(pathlib.Path(folder) / str(i), *place)
    print("failures:", failures)
    sys.exit(failures > 0)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    PROGRAM = sys.argv[1]
    main()
