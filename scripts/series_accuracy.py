#!/usr/bin/env python3
"""Flicker, onset dates and gains of series against their truth, on simulated landscapes with several dates a year.

Each landscape is simulated, all its dates are mapped with the model, and `timeline` follows them. "Before" is what the single
maps say, "after" is what the series says. There is no such truth on real ground. With --fit, rates and weight are fitted to
the landscapes by the numpy implementation, and printed. Needs rasterio, numpy and scipy.

Usage: scripts/series_accuracy.py WORK [--model models/b0] [--seeds 2] [--first 7001] [--size 480] [--years 2021,2022]
       [--dates-per-year 12] [--program target/release/minesegsat] [--fit]
"""
import argparse
import json
import pathlib
import shutil
import subprocess

import numpy as np
import rasterio

from series_reference import Rules, evidence, most_likely

parser = argparse.ArgumentParser()
parser.add_argument("work", type=pathlib.Path)
parser.add_argument("--model", default="models/b0")
parser.add_argument("--program", default="target/release/minesegsat")
parser.add_argument("--seeds", type=int, default=2)
parser.add_argument("--first", type=int, default=7001)
parser.add_argument("--size", default="480")
parser.add_argument("--years", default="2021,2022")
parser.add_argument("--dates-per-year", default="12")
parser.add_argument("--fit", action="store_true")
args = parser.parse_args()
run = lambda *a: subprocess.run([args.program, "-q", *map(str, a)], check=True)


def landscape(region, seed):
    """Probabilities `[dates, H, W]`, days, thresholds, true onset and regrowth days, and the folder."""
    at = args.work / f"{region}-{seed}"
    if not (at / "timeline/manifest.json").exists():
        shutil.rmtree(at, ignore_errors=True)
        run("simulate", "-o", at / "sim", "--region", region, "--seed", seed, "--years", args.years, "--size", args.size,
            "--dates-per-year", args.dates_per_year)
        for item in sorted((at / "sim").glob("*/*/item.json")):
            run("predict", item, "--model", args.model, "-o", at / "maps" / item.parent.name)
        run("timeline", *sorted((at / "maps").iterdir()), "--sites", at / "sim/truth/sites.gpkg", "-o", at / "timeline")
    maps = []
    for folder in (at / "maps").iterdir():
        manifest = json.loads((folder / "manifest.json").read_text())
        with rasterio.open(folder / "probability.tif") as raster:
            maps.append((manifest["scene"]["date"], manifest["parameters"]["threshold"], raster.read(1)))
    maps.sort(key=lambda one: one[0])
    days = np.array([np.datetime64(date).astype(int) for date, *_ in maps])
    truth = []
    for name in "onset", "regrown":
        with rasterio.open(at / f"sim/truth/{name}.tif") as raster:
            truth.append(raster.read(1).astype(int).ravel())
    values = np.stack([p for *_, p in maps]).reshape(len(maps), -1)
    return values, days, [threshold for _, threshold, _ in maps], truth, at


def true_states(days, truth):
    onset, regrown = truth
    day = days[:, None]
    return (onset > 0) & (onset <= day) & ~((regrown > 0) & (regrown <= day))


def false_changes(states, seen, true):
    """Changes between successive dates on which a pixel was seen that the truth does not have, and the number of such pairs."""
    wrong = pairs = 0
    last, before, truth = np.full(seen.shape[1], -1), np.zeros(seen.shape[1], bool), np.zeros(seen.shape[1], bool)
    for t in range(len(seen)):
        both = seen[t] & (last >= 0)
        wrong += (both & (states[t] != before) & (true[t] == truth)).sum()
        pairs += both.sum()
        before, truth = np.where(seen[t], states[t], before), np.where(seen[t], true[t], truth)
        last = np.where(seen[t], t, last)
    return wrong, pairs


data = [landscape(region, seed) for region in ("boreal", "arid", "tropical") for seed in range(args.first, args.first + args.seeds)]

if args.fit:
    # The rates are those of the truth: changes by time at risk. The weight is the one with the fewest wrong states.
    changes, years = np.zeros(2), np.zeros(2)
    for _, days, _, truth, _ in data:
        true = true_states(days, truth)
        for a, b, gap in zip(true, true[1:], np.diff(days) / 365.25):
            changes += (~a & b).sum(), (a & ~b).sum()
            years += (~a).sum() * gap, a.sum() * gap
    print(f"rates of the truth per year: onset {changes[0] / years[0]:.4f}, regrowth {changes[1] / years[1]:.4f}")
    for rate in 0.003, 0.01, 0.03, 0.1:
        for weight in 0.15, 0.25, 0.35, 0.5, 0.7, 1.0:
            for limit in 4.0, 8.0:
                rules = Rules(onset_per_year=rate, regrowth_per_year=rate, evidence_weight=weight, evidence_limit=limit)
                wrong = flicker = total = pairs = 0
                for values, days, thresholds, truth, _ in data:
                    seen = ~np.isnan(values)
                    states = most_likely(evidence(values, thresholds, rules), days, rules)
                    true = true_states(days, truth)
                    wrong += ((states != true) & seen).sum()
                    total += seen.sum()
                    more, of = false_changes(states, seen, true)
                    flicker, pairs = flicker + more, pairs + of
                print(f"rate {rate} weight {weight} limit {limit}: wrong {100 * wrong / total:.3f} %, false changes {1e4 * flicker / pairs:.2f} of 10000")

counts = {"before": np.zeros(2), "after": np.zeros(2)}
wrong = {"before": 0, "after": 0}
errors = {"first map": [], "series": []}
found = new = seen_all = 0
held = []
for values, days, thresholds, truth, at in data:
    seen, true = ~np.isnan(values), true_states(days, truth)
    record = json.loads((at / "timeline/manifest.json").read_text())
    rules = Rules(**record["rules"]["persistence"], **record["rules"]["confirmation"])
    single = np.nan_to_num(values) >= np.array(thresholds, np.float32)[:, None]
    smooth = most_likely(evidence(values, thresholds, rules), days, rules)
    for name, states in ("before", single), ("after", smooth):
        counts[name] += false_changes(states, seen, true)
        wrong[name] += ((states != true) & seen).sum()
    seen_all += seen.sum()
    with rasterio.open(at / "timeline/onset.tif") as raster:
        onset = raster.read().reshape(3, -1).astype(int)
    with rasterio.open(at / "timeline/state.tif") as raster:
        state = raster.read(1).ravel()
    # Land that becomes disturbed inside the series, and stays.
    is_new = (truth[0] > days[0]) & (truth[0] <= days[-3]) & (truth[1] == 0)
    dated = is_new & (onset[0] > 0) & np.isin(state, (2, 3))
    new += is_new.sum()
    found += dated.sum()
    errors["series"].extend(np.abs(onset[0] - truth[0])[dated])
    held.extend((onset[1] - 1 <= truth[0])[dated] & (truth[0] <= onset[2])[dated])
    yes = single & seen
    first = days[np.argmax(yes, 0)]
    late = is_new & yes.any(0)
    errors["first map"].extend(np.abs(first - truth[0])[late])
pairs = lambda name: f"{1e4 * counts[name][0] / counts[name][1]:.1f} of 10000 pairs of successive views"
print(f"{len(data)} landscapes, {sum(len(days) for _, days, *_ in data)} dates")
print(f"false changes: {pairs('before')} in single maps, {pairs('after')} in the series")
print(f"wrong pixels: {100 * wrong['before'] / seen_all:.3f} % in single maps, {100 * wrong['after'] / seen_all:.3f} % in the series")
print(f"new land: {new} pixels, of which {100 * found / max(new, 1):.0f} % are dated; {100 * np.mean(held):.0f} % of those lie in their interval")
for name, days in errors.items():
    print(f"error of the onset, {name}: median {np.median(days):.0f} days, mean {np.mean(days):.0f}, 90 % below {np.quantile(days, 0.9):.0f}")
