#!/usr/bin/env python3
"""How often the interval of the disturbed area holds the truth: one simulated scene for each seed, mapped with a model.

Usage: scripts/area_intervals.py WORK --model models/b0 --seeds 100 [--first 3001] [--size 768] [--program target/release/minesegsat]
"""
import argparse
import json
import pathlib
import shutil
import subprocess

parser = argparse.ArgumentParser()
parser.add_argument("work", type=pathlib.Path)
parser.add_argument("--model", default="models/b0")
parser.add_argument("--program", default="target/release/minesegsat")
parser.add_argument("--seeds", type=int, default=100)
parser.add_argument("--first", type=int, default=3001)
parser.add_argument("--size", default="768")
args = parser.parse_args()
run = lambda *a: subprocess.run([args.program, "-q", *map(str, a)], check=True)
held, of_region = 0, {}
for k in range(args.seeds):
    seed, region = args.first + k, ["boreal", "arid", "tropical"][k % 3]
    year = 2018 + seed % 6
    at = args.work / str(seed)
    record = at / "same" / "manifest.json"
    if not record.exists():
        shutil.rmtree(at, ignore_errors=True)
        run("simulate", "-o", at / "sim", "--seed", seed, "--region", region, "--years", year, "--size", args.size)
        item = next((at / "sim" / str(year)).glob("*/item.json"))
        run("predict", item, "--model", args.model, "-o", at / "map")
        # A date beside itself: the record has the area of the whole map with its interval.
        run("change", at / "map", at / "map", "-o", at / "same")
    area = json.loads(record.read_text())["total"]["before"]["disturbed"]
    truth = json.loads((at / "sim/truth/summary.json").read_text())["years"][0]["total"]["area_ha"]
    inside = area["lower_ha"] <= truth <= area["upper_ha"]
    held += inside
    count = of_region.setdefault(region, [0, 0])
    count[0] += inside
    count[1] += 1
    print(f"{region} {seed}: true {truth:.1f} ha, {area['ha']:.1f} ({area['lower_ha']:.1f} to {area['upper_ha']:.1f}){'' if inside else '  outside'}", flush=True)
print(f"{held} of {args.seeds} hold the truth; " + ", ".join(f"{r} {a} of {b}" for r, (a, b) in of_region.items()))
