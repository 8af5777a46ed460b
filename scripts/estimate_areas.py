#!/usr/bin/env python3
"""Prints the table of costs in docs/large-areas.md: areas, models, units, scenes, bytes, requests, core-hours and price.

    python scripts/estimate_areas.py PROGRAM [--core-hour-price 0.05] [--gb-price 0.02] [--period 2024]

The speed of each model is measured once, on a simulated scene and all cores of this machine. Needs no network.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

# Name, outline, mean cloud cover in percent: that of all land (King et al. 2013), and more over the rain forest, as an assumption.
AREAS = [
    ("Alberta and British Columbia", "alberta_british_columbia", 55),
    ("Amazon biome of Brazil", "brazil_amazon", 75),
    ("land of the world without Antarctica", "world_land", 55),
]


def estimate(program, *arguments):
    command = [program, "-q", "area", "estimate", "--json", *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def size(count):
    return f"{count / 1e12:.1f} TB" if count < 1e15 else f"{count / 1e15:.2f} PB"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--period", default="2024")
    parser.add_argument("--core-hour-price", type=float, default=0.05)
    parser.add_argument("--gb-price", type=float, default=0.02)
    args = parser.parse_args()
    folder = Path(__file__).parent / "areas"
    common = ["--period", args.period, "--core-hour-price", args.core_hour_price, "--gb-price", args.gb_price]
    rows, speeds = [], []
    with tempfile.TemporaryDirectory() as scratch:
        paper = Path(scratch) / "paper"
        subprocess.run([args.program, "model", "random", "paper", "-q", "-o", paper], check=True)
        for model, options in [("b0 (shipped)", []), ("`paper`", ["--model", paper])]:
            place = [*common, *options, "--bbox=-114.2,51.0,-114.0,51.1"]
            measured = estimate(args.program, *place)
            speed = measured["pixels"] / measured["core_hours"] / 3600
            source = next(one["text"] for one in measured["assumptions"] if one["about"] == "core-hours")
            speeds.append(f"- {model}: {source}")
            for name, file, clouds in AREAS:
                area = ["--boundary", folder / f"{file}.geojson", "--mean-cloud-cover", clouds]
                found = estimate(args.program, *common, *options, *area, "--pixels-per-second", speed)
                rows.append(
                    f"| {name} | {model} | {found['area_km2'] / 1e6:.2f} | {found['units']:,} | {found['scenes'] / found['units']:.1f} "
                    f"| {100 * found['share_seen']:.0f} % | {size(found['bytes_read'])} | {found['requests'] / 1e6:.1f} "
                    f"| {found['core_hours']:,.0f} | {size(found['bytes_written'])} "
                    f"| {found['price_core_hours']:,.0f} + {found['price_read']:,.0f} |"
                )
    print("| area | model | million km2 | units | scenes per unit | seen | read | million requests | core-hours | maps | price |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    print("\n".join(rows))
    print()
    print("\n".join(speeds))


main()
