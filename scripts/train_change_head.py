#!/usr/bin/env python3
"""Trains the change head of a model: the small network with which `change` compares two dates.

    pip install h5py numpy pillow rasterio safetensors scipy torch
    python scripts/train_change_head.py MODEL WORK --program target/release/minesegsat [--steps 1500] [--seed 0]

It writes `change.safetensors` and the entry `change_head` of `model.json` in MODEL. `ChangeClassifier` in `minesegsat-core` defines the
input, `ChangeHeadConfig` in `minesegsat-model` the tensors. The network depends on the maps of MODEL: train it again after each
training or calibration of MODEL.

1. Landscapes: `simulate` and `predict`, three years of each seed and region. WORK/landscapes gets spectra, logits and truth.
2. Real ground: both dates of the places of the Amazon set in `../shared/data`, mapped by `predict`, with our outlines in
   `labels/real_mines`. WORK/amazon gets the same arrays. Masks of others are not read.
3. Training: in each step four windows of landscapes and two of real ground, in both directions of time, turned and mirrored. In 30 % of
   the windows of landscapes, bands are left out. Places of fold FOLD are not learned from.
4. Figures: pixels of fold FOLD against our outlines, of the head and of the difference of both maps. The categories of the set are read
   here, to measure. They go to WORK/figures.json.

Steps 1 and 2 continue where an earlier call has stopped. WORK belongs to one model: maps of another are refused. Training holds all
arrays in memory, some 4 GB.
"""

import argparse
import csv
import hashlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import rasterio
import torch
from measure_real_ground import auc, map_of
from rasterio.enums import Resampling
from real_ground import CHIP, COLUMNS, DATA, LABELS, amazon_folds, read_mask
from safetensors.torch import save as as_safetensors
from scipy import ndimage
from torch import nn
from torch.nn import functional

BANDS = "B02 B03 B04 B08 B05 B06 B07 B8A B11 B12".split()
AMAZON_BANDS = "B02 B03 B04 B08 B11 B12".split()
DATES = "t0", "t1"
NONE, STABLE, GAIN, LOSS, IGNORED = 0, 1, 2, 3, -100
LAYERS, WIDTH, CLASSES = 4, 32, 4

# Of the input, as in `minesegsat-core` and `minesegsat-map`.
DARK = 0.02
LIMIT = 1e-4
SPARSE, SPARSE_ABOVE, FEWEST = 8, 200, 50
# What both maps give a lower probability is not asked about.
LEAST = 0.005
# Of groups of gain or loss: least probability of their pixels, of their most probable one, and least number of pixels.
GROUP, CORE, FEWEST_PX = 0.02, 0.5, 10

# Channels have about the same spread after multiplication. The first layer takes these factors up before it is written.
SCALE = torch.tensor([1 / 3] * 2 + [1.3] * len(BANDS) + [2.0] * len(BANDS))

WINDOW = 192
LANDSCAPES, MOSAICS = 4, 2
# Share of windows that lie around mines; the others lie anywhere.
AROUND_MINES, AWAY_PX = 0.8, 60
# Share of windows with absent bands, and the largest share of bands that is absent on average.
WITH_ABSENT, ABSENT = 0.3, 0.6
# The same number, as what the program accepts.
BAND_DROPOUT_MAX = 6
# Standard deviation of what is added to the logits of each map of a real place: maps of these places were learned from.
LOGIT_NOISE = 0.75


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--program", default="target/release/minesegsat")
    parser.add_argument("--regions", default="boreal,arid,tropical", help="names with commas")
    parser.add_argument("--first", type=int, default=8001, help="first seed of the landscapes")
    parser.add_argument("--seeds", type=int, default=9, help="landscapes of each region")
    parser.add_argument("--years", default="2020,2021,2022", help="years with commas, at least two")
    parser.add_argument("--size", type=int, default=1152, help=f"side of a landscape in pixels, at least {WINDOW}")
    parser.add_argument("--fold", type=int, default=3, help="fold of real places that is measured and not learned from: 0 to 3")
    parser.add_argument("--steps", type=int, default=1500, help="steps of training")
    parser.add_argument("--seed", type=int, default=0, help="of weights and choice of windows")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args()
    if len(args.years.split(",")) < 2 or args.size < WINDOW or args.fold not in range(4):
        parser.error(f"expected at least two years, a size of at least {WINDOW}, and a fold of 0 to 3")
    # Of `map_of`.
    args.extra = []
    return args


def replace(path, write):
    """A file that is complete or absent: `write` gets a temporary path, which is then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    write(temporary)
    temporary.replace(path)


def save(path, **arrays):
    def write(temporary):
        with open(temporary, "wb") as file:
            np.savez(file, **arrays)

    replace(path, write)


def check_model(args):
    """The card of the model. An error if WORK has maps of another one."""
    card = json.loads((args.model / "model.json").read_text())
    mine = {name: card.get(name) for name in ("weights_sha256", "temperature", "views")}
    record = args.work / "maps_of.json"
    if record.exists() and json.loads(record.read_text()) != mine:
        raise SystemExit(f"{args.work} has maps of another model: {record.read_text()}; {args.model} has {json.dumps(mine)}. Give a new folder.")
    replace(record, lambda path: path.write_text(json.dumps(mine)))
    return card


# Arrays of a date: `logs` [band, row, column] of `ln(reflectance + 0.02)` in the order of BANDS, NaN where absent; `logits` [row, column]
# of the map, NaN where it is not assessable; `mine` [row, column] of 0, 1, and 255 for unsure.


def logs_of(reflectance):
    return np.log(np.maximum(reflectance, 0) + DARK).astype("f2")


def logits_of(probability):
    limited = np.clip(probability, LIMIT, 1 - LIMIT)
    return np.log(limited / (1 - limited)).astype("f2")


def run(args, *command):
    done = subprocess.run([str(args.program), "-q", *map(str, command)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.stderr}")


def arrays_of_scene(item, prediction, truth):
    assets = json.loads(item.read_text())["assets"]
    with rasterio.open(prediction / "probability.tif") as raster:
        probability = raster.read(1)
    logs = []
    for band in BANDS:
        asset = assets[band]
        with rasterio.open(item.parent / asset["href"]) as raster:
            counts = raster.read(1, out_shape=probability.shape, resampling=Resampling.bilinear).astype("f4")
        how = asset["bands"][0]
        logs.append(np.where(counts == 0, np.nan, logs_of(counts * how["raster:scale"] + how["raster:offset"])))
    with rasterio.open(truth) as raster:
        mine = raster.read(1)
    return {"logs": np.stack(logs).astype("f2"), "logits": logits_of(probability), "mine": mine}


def make_landscapes(args):
    """Files of the arrays of each landscape, one per year."""
    years = args.years.split(",")
    landscapes = []
    for region in args.regions.split(","):
        for seed in range(args.first, args.first + args.seeds):
            at = args.work / "landscapes" / f"{region}-{seed}"
            files = [at / f"{year}.npz" for year in years]
            landscapes.append(files)
            if all(file.exists() for file in files):
                continue
            shutil.rmtree(at, ignore_errors=True)
            run(args, "simulate", "-o", at / "sim", "--region", region, "--seed", seed, "--years", args.years, "--size", args.size)
            for year, file in zip(years, files):
                item = next((at / "sim" / year).glob("*/item.json"))
                run(args, "predict", item, "--model", args.model, "-o", at / year)
                save(file, **arrays_of_scene(item, at / year, at / f"sim/truth/{year}_mask.tif"))
                shutil.rmtree(at / year)
            shutil.rmtree(at / "sim")
            print(f"made landscape {region} {seed}", flush=True)
    return landscapes


def make_amazon(args):
    """Files of the arrays of each place, by row of the set, one per date."""
    folder = args.work / "amazon"
    folds = amazon_folds()
    places = {row: [folder / f"{row}_{date}.npz" for date in DATES] for row in range(len(folds))}
    if all(file.exists() for files in places.values() for file in files):
        return places
    with np.load(DATA / "real_mines/amazon_pairs_48px/pairs_int16.npz") as archive:
        pixels = {date: archive[date] for date in DATES}
    atlas = {date: read_mask(LABELS / f"amazon_{date}.png") for date in DATES}
    for row, files in places.items():
        for date, file in zip(DATES, files):
            if file.exists():
                continue
            chip = pixels[date][row].transpose(2, 0, 1)
            probability, _ = map_of(args, "chip", chip, AMAZON_BANDS)
            logs = np.full((len(BANDS), CHIP, CHIP), np.nan, "f2")
            for band, values in zip(AMAZON_BANDS, chip):
                logs[BANDS.index(band)] = logs_of(values * 1e-4)
            mine = atlas[date][row // COLUMNS * CHIP :, row % COLUMNS * CHIP :][:CHIP, :CHIP]
            save(file, logs=logs, logits=logits_of(probability), mine=mine)
        if row % 50 == 49:
            print(f"mapped {row + 1} of {len(places)} real places", flush=True)
    return places


def read(files):
    dates = []
    for file in files:
        with np.load(file) as arrays:
            dates.append(dict(arrays))
    return dates


# Input of the network


def medians(before, after):
    """[band]: medians of the differences of two dates over pixels that are assessed on both, 0 where a band is absent."""
    step = SPARSE if max(before["logits"].shape) > SPARSE_ABOVE else 1
    sparse = np.s_[..., ::step, ::step]
    difference = after["logs"][sparse].astype("f4") - before["logs"][sparse].astype("f4")
    difference[np.isnan(difference).all((1, 2))] = 0
    seen = np.isfinite(difference).all(0) & np.isfinite(before["logits"][sparse]) & np.isfinite(after["logits"][sparse])
    if seen.sum() < FEWEST:
        return np.zeros(len(BANDS), "f4")
    return np.median(difference[:, seen], axis=1)


def channels(before, after, means, median, window=np.s_[:, :], noise=(0, 0)):
    """Input [channel, row, column] of `ChangeClassifier`, and the classes [row, column] of the truth, IGNORED where it is unknown."""
    cut = lambda date, name: date[name][(..., *window)]
    earlier, later = (cut(date, "logs").astype("f4") for date in (before, after))
    logits = [cut(date, "logits").astype("f4")[None] + shift for date, shift in zip((before, after), noise)]
    pixels = np.concatenate([*logits, earlier - means[:, None, None], later - earlier - median[:, None, None]])
    # A band is absent if one of both dates lacks it.
    absent = np.isnan(pixels[2 + len(BANDS) :]).all((1, 2))
    pixels[2:][np.tile(absent, 2)] = 0
    seen = np.isfinite(pixels).all(0)
    pixels[:, ~seen] = 0
    was, now = cut(before, "mine"), cut(after, "mine")
    known = seen & (was < 2) & (now < 2)
    classes = np.select([(was == 1) & (now == 1), now == 1, was == 1], [STABLE, GAIN, LOSS], NONE)
    return pixels, np.where(known, classes, IGNORED)


class ChangeHead(nn.Module):
    """The network of `ChangeHeadConfig` with factors in front."""

    def __init__(self):
        super().__init__()
        widths = [2 + 2 * len(BANDS)] + [WIDTH] * LAYERS
        self.layers = nn.ModuleList(nn.Conv2d(before, after, 3, padding=1) for before, after in zip(widths, widths[1:]))
        self.classifier = nn.Conv2d(WIDTH, CLASSES, 1)

    def forward(self, pixels):
        features = pixels * SCALE[:, None, None]
        for layer in self.layers:
            features = layer(features).relu()
        return self.classifier(features)

    def tensors(self):
        """By name, with the factors folded into the first layer."""
        tensors = {name: value.clone() for name, value in self.state_dict().items()}
        tensors["layers.0.weight"] *= SCALE[None, :, None, None]
        return {name: value.contiguous() for name, value in tensors.items()}


class Samples:
    """Random windows of landscapes and mosaics of real places."""

    def __init__(self, landscapes, places, means, seed):
        self.landscapes, self.places, self.means = landscapes, places, means
        self.random = np.random.default_rng(seed)
        self.known = {}

    def once(self, key, make):
        if key not in self.known:
            self.known[key] = make()
        return self.known[key]

    def of_landscape(self):
        random = self.random
        number = int(random.integers(len(self.landscapes)))
        i, j = random.choice(len(self.landscapes[number]), 2, replace=False)
        before, after = (self.landscapes[number][k] for k in (i, j))
        median = self.once(("median", number, i, j), lambda: medians(before, after))
        shape = np.array(before["mine"].shape)
        corner = random.integers(0, shape - WINDOW + 1)
        if random.random() < AROUND_MINES:
            mines = self.once(("mines", number, min(i, j), max(i, j)), lambda: np.argwhere((before["mine"] == 1) | (after["mine"] == 1)).astype("u2"))
            if len(mines):
                centre = mines[random.integers(len(mines))] + random.integers(-AWAY_PX, AWAY_PX, 2)
                corner = np.clip(centre - WINDOW // 2, 0, shape - WINDOW)
        window = tuple(slice(int(at), int(at) + WINDOW) for at in corner)
        pixels, classes = channels(before, after, self.means, median, window)
        if random.random() < WITH_ABSENT:
            absent = random.random(len(BANDS)) < random.random() * ABSENT
            pixels[2:][np.tile(absent, 2)] = 0
        return self.turned(pixels, classes, mirrored=random.random() < 0.5)

    def turned(self, pixels, classes, mirrored):
        quarters = int(self.random.integers(4))
        pixels, classes = np.rot90(pixels, quarters, (1, 2)), np.rot90(classes, quarters)
        return (pixels[:, :, ::-1], classes[:, ::-1]) if mirrored else (pixels, classes)

    def of_places(self):
        """A window full of real places side by side."""
        pixels, classes = np.zeros((len(SCALE), WINDOW, WINDOW), "f4"), np.full((WINDOW, WINDOW), IGNORED)
        for row in range(0, WINDOW, CHIP):
            for col in range(0, WINDOW, CHIP):
                number = int(self.random.integers(len(self.places)))
                before, after = self.places[number][:: 1 if self.random.random() < 0.5 else -1]
                noise = self.random.normal(0, LOGIT_NOISE, 2)
                place = channels(before, after, self.means, medians(before, after), noise=noise)
                at = np.s_[row : row + CHIP, col : col + CHIP]
                pixels[(slice(None), *at)], classes[at] = self.turned(*place, mirrored=False)
        return pixels, classes

    def batch(self):
        windows = [self.of_places() for _ in range(MOSAICS)] + [self.of_landscape() for _ in range(LANDSCAPES)]
        pixels, classes = (np.ascontiguousarray(np.stack(part)) for part in zip(*windows))
        return torch.from_numpy(pixels.astype("f4")), torch.from_numpy(classes).long()


def train(args, samples):
    torch.manual_seed(args.seed)
    network = ChangeHead()
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=1e-4)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=args.steps)
    losses, start = [], time.monotonic()
    for step in range(1, args.steps + 1):
        pixels, classes = samples.batch()
        loss = functional.cross_entropy(network(pixels), classes, ignore_index=IGNORED)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        rates.step()
        losses.append(loss.item())
        if step % 100 == 0 or step == args.steps:
            print(f"step {step}: loss {np.mean(losses[-100:]):.4f}, {time.monotonic() - start:.0f} s", flush=True)
    return network.eval()


# Figures


def most_probable(probability):
    """Which pixels [row, column] change, as the program says: of each group as many as the sum of its probabilities."""
    groups, count = ndimage.label(probability >= GROUP)
    found = np.zeros(probability.shape, bool)
    for number in range(1, count + 1):
        rows, cols = np.nonzero(groups == number)
        values = probability[rows, cols]
        area = round(float(values.sum()))
        if area >= FEWEST_PX and values.max() >= CORE:
            chosen = np.argsort(-values, kind="stable")[:area]
            found[rows[chosen], cols[chosen]] = True
    return found


def measure(network, means, places, categories, threshold):
    """Figures of real places, of the head and of the difference of both maps at the model's threshold.

    For each of them and for gain and loss: pixels of the truth, F1, and found pixels by true ones. `auc` orders places of mining and of
    natural change by the gain that is found.
    """
    least, threshold = (float(np.log(p / (1 - p))) for p in (LEAST, threshold))
    counts = {of: {GAIN: np.zeros(3, int), LOSS: np.zeros(3, int)} for of in ("head", "maps")}
    score = {of: {} for of in counts}
    for row, (before, after) in places.items():
        pixels, classes = channels(before, after, means, medians(before, after))
        with torch.inference_mode():
            probabilities = network(torch.from_numpy(pixels)[None]).softmax(1)[0].numpy()
        maps = [date["logits"].astype("f4") for date in (before, after)]
        asked = np.fmax(*maps) >= least
        was, now = (map_ >= threshold for map_ in maps)
        gain, loss = (most_probable(probabilities[kind] * asked) for kind in (GAIN, LOSS))
        found = {"head": np.select([gain, loss], [GAIN, LOSS], NONE), "maps": np.select([now & ~was, was & ~now], [GAIN, LOSS], NONE)}
        score["head"][row] = float((probabilities[GAIN] * asked).mean())
        score["maps"][row] = float((found["maps"] == GAIN).mean())
        known = classes != IGNORED
        for of, kinds in counts.items():
            for kind, sums in kinds.items():
                is_found, is_true = (found[of] == kind) & known, classes == kind
                sums += [(is_found & is_true).sum(), (is_found & ~is_true).sum(), (is_true & ~is_found).sum()]
    figures = {"places": len(places)}
    of_kind = lambda of, kind: [value for row, value in score[of].items() if categories[row] == kind]
    for of, kinds in counts.items():
        for kind, name in ((GAIN, "gain"), (LOSS, "loss")):
            tp, fp, fn = (int(count) for count in kinds[kind])
            figures[f"{of}_{name}"] = {
                "true_px": tp + fn,
                "f1": 2 * tp / max(2 * tp + fp + fn, 1),
                "found_by_true": (tp + fp) / max(tp + fn, 1),
            }
        figures[f"{of}_auc"] = auc(of_kind(of, "mining_emergence"), of_kind(of, "natural_change"))
    return figures


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write(args, network, means, training):
    """Writes the weights, then the card that states their hash."""
    weights = args.model / "change.safetensors"
    replace(weights, lambda path: path.write_bytes(as_safetensors(network.tensors())))
    card = json.loads((args.model / "model.json").read_text())
    card["change_head"] = {
        "bands": BANDS,
        "means": [round(float(mean), 2) for mean in means],
        "layers": LAYERS,
        "width": WIDTH,
        "band_dropout_max": BAND_DROPOUT_MAX,
        "sha256": sha256(weights),
        "training": training,
    }
    replace(args.model / "model.json", lambda path: path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n"))


def main():
    args = parse()
    args.work.mkdir(parents=True, exist_ok=True)
    card = check_model(args)
    torch.set_num_threads(args.threads)
    landscapes = [read(files) for files in make_landscapes(args)]
    places = {row: read(files) for row, files in make_amazon(args).items()}
    with open(DATA / "real_mines/amazon_pairs_48px/pairs.csv") as file:
        categories = [row["category"] for row in csv.DictReader(file)]
    folds = amazon_folds()
    learned = [dates for row, dates in places.items() if folds[row] != args.fold]
    held_back = {row: dates for row, dates in places.items() if folds[row] == args.fold}
    print(f"{len(landscapes)} landscapes, {len(learned)} real places to learn from, {len(held_back)} to measure", flush=True)

    sparse = [dates[0]["logs"][:, ::SPARSE, ::SPARSE].reshape(len(BANDS), -1).astype("f4") for dates in landscapes]
    means = np.nanmean(np.concatenate(sparse, axis=1), axis=1).round(2).astype("f4")
    network = train(args, Samples(landscapes, learned, means, args.seed))
    figures = measure(network, means, held_back, categories, card["threshold"])
    replace(args.work / "figures.json", lambda path: path.write_text(json.dumps(figures, indent=1) + "\n"))
    print(json.dumps(figures, indent=1))
    training = (
        f"{len(landscapes)} simulated landscapes ({args.regions.replace(',', ', ')}; seeds {args.first} to {args.first + args.seeds - 1}; "
        f"{args.years.replace(',', ', ')}; {args.size} pixels) and {len(learned)} places of the Amazon on two dates with our outlines; "
        f"fold {args.fold} of 4 held back, {len(held_back)} places: F1 of gain {figures['head_gain']['f1']:.3f}, of loss {figures['head_loss']['f1']:.3f}; "
        f"{args.steps} steps, seed {args.seed}"
    )
    write(args, network, means, training)


if __name__ == "__main__":
    main()
