#!/usr/bin/env python3
"""Compares the shift that `minesegsat change` measures with known shifts and with scikit-image's `phase_cross_correlation`.

    cargo build --release -p minesegsat-cli
    python3 scripts/compare_registration.py target/release/minesegsat models/b0 [../shared/data]

Known shifts: means of 4 x 4 pixels of a real scene, from corners that lie 1 to 7 pixels apart, so both copies are aliased as real dates
are; each also with noise and with a cloud. Real pairs: two dates of places without mines. scikit-image compares windows of 128 pixels of
the same band; the median over windows is shown. Needs numpy, rasterio and scikit-image.
"""

import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin
from skimage.registration import phase_cross_correlation

warnings.filterwarnings("ignore")
BANDS = "B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B11 B12".split()
KNOWN = [(1, 0), (2, 1), (3, 2), (5, -6), (-2, 7), (0, 0)]
BOUND = 0.1


def program_shift(program, model, folder, scenes, crs, transform, mode="measure"):
    """Shift in rows and columns, and the statement. A scene is a dict of bands in digital numbers."""
    paths = []
    for name, scene in zip(("before", "after"), scenes):
        height, width = scene["B03"].shape
        path = folder / f"{name}.tif"
        profile = dict(driver="GTiff", dtype="uint16", count=len(scene), height=height, width=width, crs=crs, transform=transform)
        with rasterio.open(path, "w", **profile) as out:
            for i, (band, values) in enumerate(scene.items(), 1):
                out.write(np.clip(values, 0, 65535).astype("uint16"), i)
                out.set_band_description(i, band)
        map_of = folder / f"map-{name}"
        command = ["predict", path, "--model", model, "-o", map_of, "--scale", "0.0001", "--offset", "0", "--overwrite", "--format", "gpkg"]
        subprocess.run([program, "-q", *map(str, command)], check=True, capture_output=True)
        paths.append(map_of)
    command = [program, "-q", "change", *paths, "-o", folder / "change", "--registration", mode, "--overwrite", "--json"]
    done = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)["registration"]
    shift = found["shift_px"]
    return (np.array(shift[::-1]) if shift else None), found


def reference_shift(before, after, side=128):
    """Median over windows: scikit-image, tapered, in rows and columns from the earlier to the later ground."""
    side = min(side, *before.shape)
    taper = np.hanning(side)[:, None] * np.hanning(side)
    shifts = []
    for row in range(0, before.shape[0] - side + 1, side // 2):
        for col in range(0, before.shape[1] - side + 1, side // 2):
            a, b = (np.log(image[row : row + side, col : col + side].astype(float) + 200) for image in (before, after))
            if min(a.std(), b.std()) < 1e-6:
                continue
            shift, _, _ = phase_cross_correlation((a - a.mean()) * taper, (b - b.mean()) * taper, upsample_factor=50)
            shifts.append(-shift)
    return np.median(shifts, axis=0) if shifts else np.full(2, np.nan)


def known(program, model, data, folder):
    with rasterio.open(data / "sentinel2_l1c_18SVG_20160112/B04.tif") as raster:
        image = raster.read(1)[:1600, :1600].astype(float)
    rng = np.random.default_rng(0)

    def copy(rows, cols):
        part = image[8 + rows : 8 + rows + 1536, 8 + cols : 8 + cols + 1536]
        return part.reshape(384, 4, 384, 4).mean((1, 3))

    worst = 0
    for ground in "clean", "noise", "cloud":
        for rows, cols in KNOWN:
            before, after = copy(0, 0), copy(-rows, -cols)
            if ground != "clean":
                before, after = (v + rng.normal(0, 0.03, v.shape) * v for v in (before, after))
            if ground == "cloud":
                # Bright and smooth, over a tenth of the later date; the mask from the pixels may miss parts of it.
                y, x = np.mgrid[:384, :384]
                cover = np.exp(-(((y - 120) / 60) ** 2) - ((x - 200) / 80) ** 2)
                after = after * (1 - cover) + 9000 * cover
            scenes = [{band: values for band in BANDS} for values in (before, after)]
            found, record = program_shift(program, model, folder, scenes, "EPSG:32618", from_origin(4e5, 4.1e6, 10, 10))
            true = np.array([rows, cols]) / 4
            theirs = reference_shift(before, after)
            error = np.abs(found - true).max() if found is not None else np.inf
            worst = max(worst, error if ground == "clean" else 0)
            print(f"{ground:6} true {true[0]:+.2f} {true[1]:+.2f}: found {found}, error {error:.3f}; scikit-image {np.round(theirs, 2)}, "
                  f"error {np.abs(theirs - true).max():.3f} ({record['windows']} windows, spread {record['spread_px']})", flush=True)
    return worst


def real(program, model, data, folder):
    def stack(path, bands):
        with rasterio.open(path) as raster:
            return {band: raster.read(i) for i, band in enumerate(bands, 1) if band}, raster.crs, raster.transform

    def folder_of_bands(path):
        with rasterio.open(path / "B2.tif") as raster:
            shape, crs, transform = raster.shape, raster.crs, raster.transform
        scene = {}
        for band in BANDS:
            with rasterio.open(path / f"B{band[1:].lstrip('0')}.tif") as raster:
                scene[band] = raster.read(1, out_shape=shape)
        return scene, crs, transform

    liri = [*BANDS[:10], None, *BANDS[10:]]
    dates = sorted((data / "real_series/liri_l1c").glob("*.tif"))
    pairs = [(f"Liri {dates[0].stem} {later.stem}", [stack(path, liri) for path in (dates[0], later)]) for later in dates[1:]]
    for level in "s2a", "s2c":
        places = sorted((data / f"real_no_mine/SSL4EO/{level}/0000200").iterdir())
        pairs.append((f"SSL4EO {level}", [folder_of_bands(path) for path in places]))
    pairs.append(("Boadella", [stack(path, BANDS) for path in sorted((data / "real_no_mine/boadella_l2a").glob("*.tif"))]))
    places = sorted((data / "sentinel2_l2a_barbellino").glob("*BOA_10.tif"))
    pairs.append(("Barbellino", [stack(path, [*BANDS[:8], "B09", "B11", "B12"]) for path in places]))
    for name, ((before, crs, transform), (after, _, _)) in pairs:
        found, record = program_shift(program, model, folder, [before, after], crs, transform)
        theirs = reference_shift(before["B03"], after["B03"])
        text = "not measured" if found is None else f"{found[0]:+.2f} {found[1]:+.2f} ({record['windows']} windows, spread {record['spread_px']:.2f})"
        print(f"{name:26} rows and columns {text}; scikit-image {theirs[0]:+.2f} {theirs[1]:+.2f}; {record['statement']}", flush=True)


def main(program, model, data="../shared/data"):
    with tempfile.TemporaryDirectory() as folder:
        worst = known(program, model, Path(data), Path(folder))
        real(program, model, Path(data), Path(folder))
    print(f"largest error on clean copies: {worst:.3f} pixels (bound {BOUND})")
    sys.exit(int(worst > BOUND))


if __name__ == "__main__":
    main(*sys.argv[1:])
