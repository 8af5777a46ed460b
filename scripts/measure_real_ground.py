#!/usr/bin/env python3
"""Measures a model on real ground: what it finds of mines, and what it maps where there is none.

    pip install h5py numpy pillow rasterio scipy
    python scripts/measure_real_ground.py MODEL WORK --program target/release/minesegsat [--fold 3] [--only amazon,coal,brazil,no-mine]

Each chip or date is mapped by `predict`, as a user would. WORK gets the maps and `figures.json`. Categories and masks of others
are read here to measure, never to learn. Intervals are 90 % of 1,000 bootstrap samples over places.

| figure | ground |
|---|---|
| amazon | places of fold FOLD, from which nothing was learned or chosen; date t1; also against our own outlines |
| coal | the lease: pixels that are never green (NDVI below 0.30 on all clear dates) and green ones (0.45). A model may have learned from it |
| brazil | the 15 validation chips |
| no-mine | ground of the `test` parts of `real_ground.py`: share of each scene that is mapped |
"""

import argparse
import csv
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin
from real_ground import CHIP, COLUMNS, DATA, LABELS, amazon_folds, no_mine, read_mask, stack


def map_of(args, name, pixels, bands, level="L2A"):
    """Probability and mask of a chip, [row, column]. Pixels in reflectance x 10,000."""
    out = args.work / "maps" / name
    chip = args.work / "chips" / f"{name}.tif"
    chip.parent.mkdir(parents=True, exist_ok=True)
    form = {"driver": "GTiff", "count": len(pixels), "height": pixels.shape[1], "width": pixels.shape[2], "dtype": "uint16"}
    with rasterio.open(chip, "w", crs="EPSG:32721", transform=from_origin(500000, 9e6, 10, 10), **form) as raster:
        raster.write(np.clip(np.nan_to_num(pixels), 0, 65535).astype("u2"))
        raster.descriptions = tuple(bands)
    command = [args.program, "-q", "predict", chip, "--model", args.model, "-o", out, "--overwrite", "--offset", "0", *args.extra]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr}")
    with rasterio.open(out / "probability.tif") as raster:
        probability = raster.read(1).astype("f4")
    with rasterio.open(out / "mask.tif") as raster:
        mask = raster.read(1)
    return probability, mask


def auc(positive, negative):
    """Area under the ROC curve: the share of pairs in the right order (Mann-Whitney)."""
    positive, negative = np.asarray(positive)[:, None], np.asarray(negative)[None]
    return float(((positive > negative) + 0.5 * (positive == negative)).mean())


def interval(places, figure, random):
    values = []
    for _ in range(1000):
        chosen = random.choice(len(places), len(places))
        try:
            value = figure([places[i] for i in chosen])
        except (ValueError, ZeroDivisionError, IndexError):
            continue
        if np.isfinite(value):
            values.append(value)
    return [float(v) for v in np.quantile(values, [0.05, 0.95])] if values else None


def f1(counts):
    """F1 of the sum of true and false positives and false negatives."""
    tp, fp, fn = np.sum(counts, axis=0)
    return float(2 * tp / (2 * tp + fp + fn))


def amazon(args, random):
    bands = "B02 B03 B04 B08 B11 B12".split()
    with np.load(DATA / "real_mines/amazon_pairs_48px/pairs_int16.npz") as file:
        pixels = file["t1"]
    with open(DATA / "real_mines/amazon_pairs_48px/pairs.csv") as file:
        category = [row["category"] for row in csv.DictReader(file)]
    outlines = read_mask(LABELS / "amazon_t1.png")
    drawn_at = lambda row: outlines[row // COLUMNS * CHIP :, row % COLUMNS * CHIP :][:CHIP, :CHIP]
    places, counts = [], []
    for row, fold in enumerate(amazon_folds()):
        if fold == args.fold:
            probability, mask = map_of(args, f"amazon_{row}", pixels[row].transpose(2, 0, 1), bands)
            places.append((category[row], float(np.nanmean(probability)), float((mask == 1).mean()), row))
            drawn = drawn_at(row)
            found, is_mine, is_other = mask == 1, (drawn == 1) & (mask != 255), (drawn == 0) & (mask != 255)
            counts.append([int(part.sum()) for part in (is_mine & found, is_other & found, is_mine & ~found)])
    of = lambda chosen, kind: [place for place in chosen if place[0] == kind]
    mines, nature = "mining_emergence", "natural_change"
    figures = {
        "auc": lambda p: auc([m for _, m, *_ in of(p, mines)], [m for _, m, *_ in of(p, nature)]),
        "mines_mapped_5": lambda p: float(np.mean([s >= 0.05 for _, _, s, _ in of(p, mines)])),
        "nature_mapped_5": lambda p: float(np.mean([s >= 0.05 for _, _, s, _ in of(p, nature)])),
        "human_mapped_5": lambda p: float(np.mean([s >= 0.05 for _, _, s, _ in of(p, "human_activity")])),
    }
    tp, fp, fn = np.sum(counts, axis=0)
    against = {
        "f1": {"value": f1(counts), "interval": interval(counts, f1, random)},
        "precision": float(tp / max(tp + fp, 1)),
        "recall": float(tp / max(tp + fn, 1)),
    }
    kinds = {kind: len(of(places, kind)) for kind in (mines, nature, "human_activity")}
    # What a model would get that maps exactly what we have drawn: here, and at all places.
    share = [float((drawn_at(row) == 1).mean()) for row in range(len(category))]
    exact = lambda rows: [(category[row], share[row], share[row], row) for row in rows]
    ceiling = {
        part: {name: f(exact(rows)) for name, f in figures.items()}
        for part, rows in (("fold", [row for *_, row in places]), ("all", range(len(category))))
    }
    return {"places": kinds, "outlines": against, "outlines_as_answer": ceiling} | {name: {"value": f(places), "interval": interval(places, f, random)} for name, f in figures.items()} | {"chips": places}


def coal(args, random):
    bands = "B02 B04 B08 B11 B12".split()
    dates, shares, green_shares = {}, [], []
    for path in sorted((DATA / "real_mines/aurora_coal_india/mine_1").glob("*.tif")):
        pixels = stack([path]).astype("f8")
        valid = (pixels > 0).all(axis=0)
        if np.median(pixels[0][valid]) < 1200:  # clear
            dates[path.stem] = pixels
    ndvi = {date: (p[2] - p[1]) / np.maximum(p[2] + p[1], 1) for date, p in dates.items()}
    inside = np.mean([(p > 0).all(axis=0) for p in dates.values()], axis=0) > 0.9
    greenest = np.quantile(list(ndvi.values()), 0.95, axis=0)
    never, green = inside & (greenest < 0.30), inside & (greenest > 0.45)
    for date, pixels in dates.items():
        _, mask = map_of(args, f"coal_{date}", pixels, bands)
        shares.append(float((mask[never] == 1).mean()))
        green_shares.append(float((mask[green] == 1).mean()))
    spread = float(np.median(np.abs(np.array(shares) - np.median(shares))))
    return {"dates": len(dates), "never_green_mapped": float(np.median(shares)), "green_mapped": float(np.median(green_shares)), "mad_of_dates": spread, "pixels": [int(never.sum()), int(green.sum())]}


def brazil(args, random):
    folder = DATA / "brazil_mining_rgb_2021"
    with open(folder / "index.csv") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "val"]
    counts = []
    for row in rows:
        stem = Path(row["chip"]).stem
        _, mask = map_of(args, f"brazil_{stem}", stack([folder / f"image/{stem}.tif"]), ["B02", "B03", "B04"])
        truth = stack([folder / f"mask/{stem}.tif"])[0] == 1
        found = mask == 1
        counts.append((int((truth & found).sum()), int((~truth & found).sum()), int((truth & ~found).sum())))

    return {"chips": len(rows), "f1": {"value": f1(counts), "interval": interval(counts, f1, random)}, "counts": counts}


def mine_free(args, random):
    shares = {}
    with tempfile.TemporaryDirectory() as folder:
        no_mine(Path(folder))
        for out in sorted(Path(folder).glob("no-mine*")):
            bands = (out / "bands.txt").read_text().split(",")
            with open(out / "index.csv") as file:
                rows = [row for row in csv.DictReader(file) if row["split"] == args.part]
            for row in rows:
                stem = Path(row["chip"]).stem
                _, mask = map_of(args, f"free_{stem}", stack([out / f"image/{row['chip']}"]), bands)
                seen = mask != 255
                scene = stem.rsplit("_", 2)[0]
                found = shares.setdefault(scene, [0, 0])
                found[0] += int((mask == 1).sum())
                found[1] += int(seen.sum())
    return {scene: {"share": mapped / max(seen, 1), "pixels": seen} for scene, (mapped, seen) in shares.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--program", default="target/release/minesegsat")
    parser.add_argument("--fold", type=int, default=3)
    parser.add_argument("--part", default="test", help="part of the mine-free ground")
    parser.add_argument("--only", default="amazon,coal,brazil,no-mine")
    parser.add_argument("--extra", nargs="*", default=[], help="further arguments of predict")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    kinds = {"amazon": amazon, "coal": coal, "brazil": brazil, "no-mine": mine_free}
    figures = {name: kinds[name](args, random) for name in args.only.split(",")}
    (args.work / "figures.json").write_text(json.dumps(figures, indent=1))
    short = {name: {k: v for k, v in found.items() if k not in ("chips", "counts")} if name != "no-mine" else found for name, found in figures.items()}
    print(json.dumps(short, indent=1))


if __name__ == "__main__":
    main()
