#!/usr/bin/env python3
"""A picture of what a model maps on real ground: the first places of each kind, without choosing.

    pip install h5py numpy pillow rasterio scipy
    python scripts/picture_real_ground.py WORK picture.jpg [--fold 3]

WORK is that of `measure_real_ground.py`. True colour, with the mapped land outlined in red. Contains modified Copernicus Sentinel
data.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
import rasterio
from PIL import Image, ImageDraw, ImageFont

from real_ground import DATA, amazon_folds

SIDE, GAP, COLUMNS, LINE = 144, 4, 10, 26


def chip(work, name, window=None):
    """True colour with outlines, SIDE pixels wide."""
    with rasterio.open(work / "chips" / f"{name}.tif") as raster:
        bands = [raster.read(raster.descriptions.index(band) + 1).astype("f4") for band in ("B04", "B03", "B02")]
    with rasterio.open(work / "maps" / name / "mask.tif") as raster:
        mask = raster.read(1) == 1
    if window:
        bands, mask = [band[window] for band in bands], mask[window]
    top = max(np.quantile(bands, 0.98), 1500)
    colour = (np.clip(np.stack(bands, axis=2) / top, 0, 1) ** 0.8 * 255).astype("u1")
    shown = np.array(Image.fromarray(colour).resize((SIDE, SIDE), Image.NEAREST if len(mask) < SIDE else Image.LANCZOS))
    large = np.array(Image.fromarray(mask.astype("u1") * 255).resize((SIDE, SIDE), Image.BOX)) > 127
    edge = large & ~(np.roll(large, 1, 0) & np.roll(large, -1, 0) & np.roll(large, 1, 1) & np.roll(large, -1, 1))
    shown[edge] = (255, 30, 30)
    return Image.fromarray(shown)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--fold", type=int, default=3)
    args = parser.parse_args()
    with open(DATA / "real_mines/amazon_pairs_48px/pairs.csv") as file:
        category = [row["category"] for row in csv.DictReader(file)]
    folds = amazon_folds()
    of = lambda kind, count: [(f"amazon_{row}", None) for row in range(435) if folds[row] == args.fold and category[row] == kind][:count]
    names = lambda pattern: [(path.stem, None) for path in sorted((args.work / "chips").glob(pattern))]
    free = [*names("free_boadella*"), *names("free_SeaLake*"), *names("free_big*"), *names("free_slov*"), *names("free_18SVG*0")]
    rows = [
        ("Places where mining emerged (Amazon basin), 480 m", of("mining_emergence", 2 * COLUMNS)),
        ("Places of natural change (Amazon basin), 480 m", of("natural_change", COLUMNS)),
        ("Places of other human activity (Amazon basin), 480 m", of("human_activity", COLUMNS)),
        ("Mines in Brazil, three bands, 4.3 km", names("brazil_*")[:COLUMNS]),
        ("No mine: reservoir on two dates (left), sea, farmland, hills on five dates", free[:COLUMNS]),
    ]
    lines = sum(-(-len(chips) // COLUMNS) for _, chips in rows)
    size = (COLUMNS * (SIDE + GAP) + GAP, lines * (SIDE + GAP) + len(rows) * LINE + GAP)
    sheet = Image.new("RGB", size, (255, 255, 255))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(16)
    y = 0
    for title, chips in rows:
        draw.text((GAP, y + 4), title, fill=(0, 0, 0), font=font)
        y += LINE
        for i, (name, window) in enumerate(chips):
            sheet.paste(chip(args.work, name, window), (GAP + i % COLUMNS * (SIDE + GAP), y + i // COLUMNS * (SIDE + GAP)))
        y += -(-len(chips) // COLUMNS) * (SIDE + GAP)
    sheet.save(args.output, quality=88)
    print(args.output, sheet.size)


if __name__ == "__main__":
    main()
