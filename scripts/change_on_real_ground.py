#!/usr/bin/env python3
"""What `change` finds on real ground: new mines that we have outlined, and ground without mines, on two dates.

    pip install numpy pillow rasterio h5py scipy
    python scripts/change_on_real_ground.py MODEL WORK --program target/release/minesegsat [--fold 3]

All dates are mapped by `predict` and compared by `change`, with the model's change head and without it. WORK gets the maps and
`change.json`. Intervals are 90 % of 1,000 bootstrap samples over places.

| figure | ground |
|---|---|
| gain F1, loss F1 | pixels of the places of fold FOLD of the Amazon set, against our outlines of both dates |
| sum / truth | hectares of gain found there, over those of the outlines |
| AUC | places where a mine emerged against places where nature changed, ordered by hectares of gain |
| nature | share of places of natural change of which 5 % or more is mapped as gain |
| without mines | hectares of gain and loss between two dates of SSL4EO and Boadella, where there is no mine |

The head's training leaves fold 3 out. The network that maps the dates has learned from places of folds 1 and 2 only.
"""

import argparse
import csv
import json
import subprocess
from pathlib import Path

import numpy as np
import rasterio
from measure_real_ground import auc, f1, interval
from rasterio.transform import from_origin
from real_ground import CHIP, COLUMNS, DATA, LABELS, amazon_folds, read_mask

BANDS = "B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B11 B12".split()
AMAZON_BANDS = "B02 B03 B04 B08 B11 B12".split()
GAIN, LOSS = 2, 3
MINES, NATURE = "mining_emergence", "natural_change"
HOW = {"change head": [], "rules": ["--without-change-head"]}
AMAZON_GRID = "EPSG:32721", from_origin(500000, 9e6, 10, 10)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--program", default="target/release/minesegsat")
    parser.add_argument("--fold", type=int, default=3)
    return parser.parse_args()


def run(args, *command):
    done = subprocess.run([str(part) for part in (args.program, *command)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.stderr}")
    return done.stdout


def compare(args, name, dates, crs, transform):
    """Record and classes [row, column] by each way to find change. A date is a dict of bands in reflectance x 10,000."""
    maps = []
    for number, (day, bands) in enumerate(dates):
        chip, out = (args.work / name / f"{part}-{number}" for part in ("scene", "map"))
        chip = chip.with_name(f"{chip.name}_{day}.tif")
        chip.parent.mkdir(parents=True, exist_ok=True)
        height, width = next(iter(bands.values())).shape
        form = {"driver": "GTiff", "dtype": "uint16", "count": len(bands), "height": height, "width": width, "crs": crs, "transform": transform}
        with rasterio.open(chip, "w", **form) as raster:
            raster.write(np.clip(np.nan_to_num(np.stack(list(bands.values()))), 0, 65535).astype("u2"))
            raster.descriptions = tuple(bands)
        run(args, "-q", "predict", chip, "--model", args.model, "-o", out, "--scale", "0.0001", "--offset", "0", "--overwrite")
        maps.append(out)
    found = {}
    for how, extra in HOW.items():
        out = args.work / name / how.replace(" ", "-")
        record = json.loads(run(args, "-q", "change", *maps, "--model", args.model, "-o", out, "--overwrite", "--json", *extra))
        with rasterio.open(out / "change.tif") as raster:
            found[how] = record, raster.read(1)
    return found


def amazon(args, random):
    with np.load(DATA / "real_mines/amazon_pairs_48px/pairs_int16.npz") as file:
        pixels = {date: file[date] for date in ("t0", "t1")}
    with open(DATA / "real_mines/amazon_pairs_48px/pairs.csv") as file:
        rows = list(csv.DictReader(file))
    outlines = {date: read_mask(LABELS / f"amazon_{date}.png") for date in pixels}
    places = {how: [] for how in HOW}
    for row, fold in enumerate(amazon_folds()):
        if fold != args.fold:
            continue
        cut = lambda date: outlines[date][row // COLUMNS * CHIP :, row % COLUMNS * CHIP :][:CHIP, :CHIP]
        was, now = cut("t0"), cut("t1")
        dates = [
            (rows[row][f"{date}_end"].replace("-", ""), dict(zip(AMAZON_BANDS, pixels[date][row].transpose(2, 0, 1)))) for date in pixels
        ]
        for how, (record, classes) in compare(args, f"amazon/{row}", dates, *AMAZON_GRID).items():
            known = (was < 2) & (now < 2) & (classes != 255)
            counts = {}
            for kind, truth in ((GAIN, (now == 1) & (was == 0)), (LOSS, (was == 1) & (now == 0))):
                told = classes == kind
                counts[kind] = [int((known & part).sum()) for part in (told & truth, told & ~truth, ~told & truth)]
            total = record["total"]
            places[how].append({"row": row, "category": rows[row]["category"], "counts": counts, "gain_ha": total["gain_ha"], "by": record["change_head_sha256"]})
    figures = {}
    for how, chosen in places.items():
        if how == "change head" and not all(place["by"] for place in chosen):
            raise SystemExit("the change head was not asked at some place")
        of = lambda places, kind: [place for place in places if place["category"] == kind]
        counts_of = lambda kind: lambda places: f1([place["counts"][kind] for place in places])
        tp, fp, fn = np.sum([place["counts"][GAIN] for place in chosen], axis=0)
        gains = lambda places, kind: [place["gain_ha"] for place in of(places, kind)]
        share = lambda places: float(np.mean([ha >= 0.05 * CHIP**2 / 100 for ha in gains(places, NATURE)]))
        made = {
            "gain F1": counts_of(GAIN),
            "loss F1": counts_of(LOSS),
            "AUC": lambda places: auc(gains(places, MINES), gains(places, NATURE)),
            "nature": share,
        }
        figures[how] = {name: {"value": figure(chosen), "interval": interval(chosen, figure, random)} for name, figure in made.items()}
        figures[how] |= {"sum / truth": float((tp + fp) / (tp + fn)), "places": len(chosen), "true gain px": int(tp + fn), "true loss px": int(sum(np.sum([place["counts"][LOSS] for place in chosen], axis=0)[[0, 2]]))}
        print(how, json.dumps(figures[how]), flush=True)
    return {"figures": figures, "places": places}


def read_bands(path, bands):
    with rasterio.open(path) as raster:
        return {band: raster.read(i) for i, band in enumerate(bands, 1)}, raster.crs, raster.transform


def read_folder(path):
    with rasterio.open(path / "B2.tif") as raster:
        shape, crs, transform = raster.shape, raster.crs, raster.transform
    scene = {}
    for band in BANDS:
        with rasterio.open(path / f"B{band[1:].lstrip('0')}.tif") as raster:
            scene[band] = raster.read(1, out_shape=shape)
    return scene, crs, transform


def without_mines(args):
    pairs = {}
    for level in "s2a", "s2c":
        pairs[f"SSL4EO {level}"] = [(path.name[:8], *read_folder(path)) for path in sorted((DATA / f"real_no_mine/SSL4EO/{level}/0000200").iterdir())]
    paths = sorted((DATA / "real_no_mine/boadella_l2a").glob("*.tif"))
    pairs["Boadella"] = [(path.stem[-10:].replace("-", ""), *read_bands(path, BANDS)) for path in paths]
    found = []
    for name, dates in pairs.items():
        (first, before, crs, transform), (last, after, *_) = dates[0], dates[-1]
        compared = compare(args, f"without-mines/{name.replace(' ', '-')}", [(first, before), (last, after)], crs, transform)
        for how, (record, _) in compared.items():
            total = record["total"]
            found.append({"ground": name, "by": how, "ha": total["site_ha"], "gain_ha": total["gain_ha"], "loss_ha": total["loss_ha"], "statement": total["statement"]})
            print(json.dumps(found[-1]), flush=True)
    return found


def main():
    args = parse()
    result = {"without mines": without_mines(args), "amazon": amazon(args, np.random.default_rng(0))}
    args.work.mkdir(parents=True, exist_ok=True)
    part = args.work / "change.json.part"
    part.write_text(json.dumps(result, indent=1))
    part.replace(args.work / "change.json")


if __name__ == "__main__":
    main()
