#!/usr/bin/env python3
"""Gain, loss and onset of simulated mines against their truth, with 90 % intervals by bootstrap over landscapes.

    change_accuracy.py pairs WORK     two years with one scene each, mapped and compared with `change`
    change_accuracy.py series WORK    several dates a year, mapped and followed with `timeline`

Sites are mines and 200 m around them. Those of which less than half was seen are left out. A site changed if it gained or lost
more than 5 ha, and is stable if it gained and lost less than 0.3 ha.

Rows of pairs say what found the change: `change head`, or `rules`. With --without-head there are both, of the same maps.

A series has two parts. `seasons`: the dates of the first and of the last season alone (`--season` dates nearest to August). `all`:
all dates; new patches of 1 to 12 ha away from older mine land have a day of onset. The rows `mean` need no sequence model: the mean
probability of the assessable dates of each season is compared with the threshold. The rows `timeline` are read from the folders
`timeline-seasons` and `timeline-all` of each landscape: `onset.tif` (days since 1970-01-01, 0 none) and `timeline.csv` with the columns
site, date, gain_since_first_ha and loss_since_first_ha. Where these files exist already they are used, so another program may make them.

Results are also written to WORK/accuracy.json. Needs rasterio, scipy and numpy.
"""
import argparse
import csv
import datetime
import json
import pathlib
import shutil
import subprocess

import numpy as np
import rasterio
from rasterio import features
from scipy import ndimage

REGIONS = "boreal", "arid", "tropical"
NONE, STABLE, GAIN, LOSS, UNKNOWN = 0, 1, 2, 3, 255
HAUL_ROAD = 6
CHANGED_HA, STABLE_HA = 5.0, 0.3
AROUND_PX = 20


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["pairs", "series"])
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--model", default="models/b0")
    parser.add_argument("--program", default="target/release/minesegsat")
    parser.add_argument("--regions", default=",".join(REGIONS), help="names with commas")
    parser.add_argument("--seeds", type=int, default=8, help="landscapes of each region")
    parser.add_argument("--first", type=int, default=2001, help="first seed")
    parser.add_argument("--size", default="1152", help="side of a landscape in pixels")
    parser.add_argument("--years", help="years with commas [pairs: 2021,2022; series: 2021,2022,2023]")
    parser.add_argument("--cloud-after", help="pairs: cloud over the later date, in percent; default: the simulator's")
    parser.add_argument("--without-head", action="store_true", help="pairs: compare each pair a second time, without the model's change head")
    parser.add_argument("--cloud", default="40", help="series: mean cloud cover in percent")
    parser.add_argument("--dates-per-year", type=int, default=12, help="series: dates in each year")
    parser.add_argument("--season", type=int, default=4, help="series: dates of the first and of the last season")
    parser.add_argument("--floor", type=float, help="series: noise floor of a site with 1 ha; default: the model's, or 1")
    parser.add_argument("--keep-scenes", action="store_true", help="series: keep the bands of scenes that are mapped")
    return parser.parse_args()


def run(args, *command, quiet=True):
    errors = subprocess.DEVNULL if quiet else None
    return subprocess.run([args.program, "-q", *map(str, command)], check=True, stderr=errors)


def read(path):
    with rasterio.open(path) as raster:
        return raster.read(1)


def write_sites(labels, raster, path):
    """A GeoJSON file with the areas of a raster of numbers."""
    parts = {}
    for shape, number in features.shapes(labels.astype("int32"), mask=labels > 0, transform=raster.transform):
        parts.setdefault(int(number), []).append(shape["coordinates"])
    crs = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{raster.crs.to_epsg()}"}}
    found = [
        {"type": "Feature", "properties": {"id": str(n)}, "geometry": {"type": "MultiPolygon", "coordinates": rings}}
        for n, rings in sorted(parts.items())
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": found}))


def around(mines):
    """Numbers of the sites: mines and the land around them, joined where they touch."""
    return ndimage.label(ndimage.binary_dilation(mines, iterations=AROUND_PX))[0]


def landscapes(args):
    for region in args.regions.split(","):
        for seed in range(args.first, args.first + args.seeds):
            yield region, seed, args.work / f"{region}-{seed}"


# Pairs


def interval_of(area):
    return area and [area["lower_ha"], area["upper_ha"]]


def error_of_change(rows):
    """For `noise-floor --error-of-change`: the share of a change that its error has beside the noise floor, in 90 % of the reported changes."""
    errors = []
    for row in rows:
        for kind in "gain", "loss":
            if row[f"told_{kind}"]:
                beside = (row[f"found_{kind}"] - row[kind]) ** 2 - row["floor"] ** 2
                errors.append(max(beside, 0) ** 0.5 / row[f"found_{kind}"])
    return float(np.quantile(errors, 0.9)) if errors else None


def pair(args, region, seed, at):
    """Rows of the sites (by estimate) of a landscape that is mapped in two years."""
    years = (args.years or "2021,2022").split(",")
    masks = [at / f"sim/truth/{year}_mask.tif" for year in years]
    # Compared earlier, or ready to be compared.
    if not (at / "change/manifest.json").exists() and not all((at / year / "manifest.json").exists() for year in years):
        shutil.rmtree(at, ignore_errors=True)
        common = ["--region", region, "--seed", seed, "--years", ",".join(years), "--size", args.size]
        run(args, "simulate", "-o", at / "sim", *common)
        later = at / "sim"
        if args.cloud_after:
            later = at / "cloudy"
            run(args, "simulate", "-o", later, *common, "--cloud-cover", args.cloud_after)
        for year, scenes in zip(years, (at / "sim", later)):
            run(args, "predict", next((scenes / year).glob("*/item.json")), "--model", args.model, "-o", at / year)
    labels = around((read(masks[0]) > 0) | (read(masks[1]) > 0))
    known = read(at / "sim/truth" / "change_{}_{}.tif".format(*years))
    comparisons = {"change": []} | ({"change-by-rules": ["--without-change-head"]} if args.without_head else {})
    for name, extra in comparisons.items():
        record = at / name / "manifest.json"
        if not record.exists():
            with rasterio.open(masks[0]) as raster:
                write_sites(labels, raster, at / "sites.geojson")
            run(args, "change", *(at / year for year in years), "--sites", at / "sites.geojson", "--model", args.model, "-o", at / name, *extra)
        manifest = json.loads(record.read_text())
        estimate = "change head" if manifest.get("change_head_sha256") else "rules"
        if args.without_head and not extra and estimate == "rules":
            raise SystemExit(f"{at.name}: the model's change head was not asked, so there is nothing to compare: {manifest['warnings']}")
        change = read(at / name / "change.tif")
        for site in manifest["sites"]:
            inside = labels == int(site["id"])
            seen = inside & (change != UNKNOWN)
            if seen.sum() < inside.sum() / 2:
                continue
            hectares = lambda kind: float((known[seen] == kind).sum()) / 100
            yield {
                "landscape": at.name, "site": site["id"], "estimate": estimate, "gain": hectares(GAIN), "loss": hectares(LOSS),
                "found_gain": site["gain_ha"], "found_loss": site["loss_ha"],
                "told_gain": site["gain"] is not None, "told_loss": site["loss"] is not None,
                "gain_interval": interval_of(site["gain"]), "loss_interval": interval_of(site["loss"]), "floor": site["floor_ha"],
            }


# Series


def simulate_series(args, region, seed, at):
    """Simulates and maps all dates of a landscape. Returns its summary."""
    record = at / "sim/truth/summary.json"
    if not record.exists():
        shutil.rmtree(at, ignore_errors=True)
        run(args, "simulate", "-o", at / "sim", "--region", region, "--seed", seed, "--years", args.years or "2021,2022,2023", "--size",
            args.size, "--dates-per-year", args.dates_per_year, "--cloud-cover", args.cloud)
    summary = json.loads(record.read_text())
    for date in summary["dates"]:
        item = at / "sim" / str(date["year"]) / date["item"] / "item.json"
        done = at / "maps" / date["date"]
        if not (done / "manifest.json").exists():
            run(args, "predict", item, "--model", args.model, "-o", done)
            if not args.keep_scenes:
                for band in item.parent.glob("B*.tif"):
                    band.unlink()
    return summary


def seasons(args, dates):
    """The dates of the first and of the last season: those of a year that are nearest to the middle of August."""
    def of_year(year):
        away = lambda date: abs(datetime.date.fromisoformat(date).timetuple().tm_yday - 227)
        return sorted(sorted((d for d in dates if d.startswith(year)), key=away)[: args.season])
    years = sorted({date[:4] for date in dates})
    if len(years) < 2:
        raise SystemExit("seasons need at least two years: --years 2021,2022")
    return of_year(years[0]), of_year(years[-1])


def mean_probability(at, dates):
    """Mean probability of the dates on which a pixel was assessable; NaN where there is none."""
    total, count = 0.0, 0
    for date in dates:
        with rasterio.open(at / "maps" / date / "probability.tif") as raster:
            values = raster.read(1, masked=True).astype("f4") * raster.scales[0] + raster.offsets[0]
        seen = ~np.ma.getmaskarray(values) & np.isfinite(values.filled(0))
        total, count = total + np.where(seen, values.filled(0), 0), count + seen
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def follow(args, at, dates, name):
    """Folder with `onset.tif` and `timeline.csv` of these dates; None if the program's `timeline` writes no `onset.tif`."""
    folder = at / name
    if not (folder / "timeline.csv").exists():
        maps = [at / "maps" / date for date in dates]
        run(args, "timeline", *maps, "--sites", at / "sites.geojson", "-o", folder)
    return folder if (folder / "onset.tif").exists() else None


def series(args, region, seed, at):
    """Rows of the sites (by estimate), and rows of the new patches of a landscape."""
    summary = simulate_series(args, region, seed, at)
    truth = at / "sim/truth"
    day_of = {date["date"]: date["day"] for date in summary["dates"]}
    dates = sorted(day_of)
    onset, regrown = (read(truth / f"{name}.tif").astype("i4") for name in ("onset", "regrown"))
    mask = lambda day: (onset > 0) & (onset <= day) & ~((regrown > 0) & (regrown <= day))
    labels = around(onset > 0)
    with rasterio.open(truth / "onset.tif") as raster:
        if not (at / "sites.geojson").exists():
            write_sites(labels, raster, at / "sites.geojson")
    card = json.loads((pathlib.Path(args.model) / "model.json").read_text())
    floor_1ha = args.floor or (card.get("noise_floor") or {}).get("per_sqrt_ha", 1.0)

    before, after = seasons(args, dates)
    first, last = day_of[before[0]], day_of[after[-1]]
    was, now = mask(first), mask(last)
    means = [mean_probability(at, season) for season in (before, after)]
    seen = np.isfinite(means[0]) & np.isfinite(means[1])
    found = [mean >= card["threshold"] for mean in means]
    folder = follow(args, at, before + after, "timeline-seasons")
    table = {}
    if folder:
        with open(folder / "timeline.csv") as rows:
            for row in csv.DictReader(rows):
                # Rows are sorted by date: the last date of a site remains.
                table[row["site"]] = row
    sites = []
    for number in range(1, labels.max() + 1):
        inside = labels == number
        if (seen & inside).sum() < inside.sum() / 2:
            continue
        hectares = lambda where: float((where & inside).sum()) / 100
        floor = floor_1ha * max(1.0, hectares(was)) ** 0.5
        estimates = {"mean": (hectares(seen & ~found[0] & found[1]), hectares(seen & found[0] & ~found[1]))}
        if str(number) in table:
            row = table[str(number)]
            estimates["timeline"] = (float(row["gain_since_first_ha"]), float(row["loss_since_first_ha"]))
        for estimate, (gain, loss) in estimates.items():
            sites.append({
                "landscape": at.name, "site": str(number), "estimate": estimate,
                "gain": hectares(~was & now), "loss": hectares(was & ~now), "found_gain": gain, "found_loss": loss,
                "told_gain": gain > floor, "told_loss": loss > floor,
            })
    folder = follow(args, at, dates, "timeline-all")
    patches = list(new_patches(at, truth, onset, folder, dates, day_of)) if folder else []
    return sites, patches


def new_patches(at, truth, onset, folder, dates, day_of):
    """Patches of 1 to 12 ha that appear away from older mine land, with their day of onset in the truth and as found."""
    first, last = day_of[dates[0]], day_of[dates[-1]]
    estimate = read(folder / "onset.tif").astype("i4")
    parts = read(truth / f"{dates[-1]}_parts.tif")
    new = (onset > first) & (onset <= last) & (parts != HAUL_ROAD) & (parts > 0)
    old = ndimage.binary_dilation((onset > 0) & (onset <= first), iterations=2)
    numbers, count = ndimage.label(new, np.ones((3, 3)))
    for number in range(1, count + 1):
        patch = numbers == number
        hectares = patch.sum() / 100
        if not 1 <= hectares <= 12 or (patch & old).any():
            continue
        seen = estimate[patch][estimate[patch] > 0]
        is_found = seen.size >= patch.sum() / 2
        yield {
            "landscape": at.name, "ha": float(hectares), "onset": float(np.median(onset[patch])), "found": bool(is_found),
            "error_days": float(np.median(seen) - np.median(onset[patch])) if is_found else None,
        }


# Figures


def bootstrap(rows, figure, times=1000):
    """A figure of rows, and its 90 % interval over landscapes drawn with replacement."""
    by = {}
    for row in rows:
        by.setdefault(row["landscape"], []).append(row)
    groups, chance = [by[name] for name in sorted(by)], np.random.default_rng(17)
    drawn = [figure([row for k in chance.integers(len(groups), size=len(groups)) for row in groups[k]]) for _ in range(times)]
    drawn = np.array([value for value in drawn if value is not None and np.isfinite(value)])
    return figure(rows), *(np.quantile(drawn, [0.05, 0.95]) if drawn.size else (np.nan, np.nan))


def describe(kind, rows, name, figure, percent=True):
    """Prints a figure with its interval, and returns it."""
    if not rows:
        print(f"{kind:<44}{name:<26}{'none':>8}")
        return {"of": kind, "figure": name, "count": 0}
    value, low, high = bootstrap(rows, figure)
    show = (lambda v: f"{100 * v:.0f} %") if percent else (lambda v: f"{v:.2f}")
    print(f"{kind:<44}{name:<26}{show(value):>8}  ({show(low)} to {show(high)})")
    return {"of": kind, "figure": name, "count": len(rows), "value": float(value), "low": float(low), "high": float(high)}


def figures_of_sites(rows, title):
    out = []
    for kind in "gain", "loss":
        of = [row for row in rows if row[kind] > CHANGED_HA]
        head = f"{title}{kind} over 5 ha, {len(of)} sites"
        error = lambda row: abs(row[f"found_{kind}"] - row[kind]) / row[kind]
        share = lambda limit: lambda rows: np.mean([error(row) <= limit for row in rows])
        out += [
            describe(head, of, "sum / truth", lambda rows: sum(r[f"found_{kind}"] for r in rows) / sum(r[kind] for r in rows), False),
            describe(head, of, "median error", lambda rows: np.median([error(row) for row in rows])),
            describe(head, of, "within 10 %", share(0.1)),
            describe(head, of, "within 30 %", share(0.3)),
            describe(head, of, "reported", lambda rows: np.mean([row[f"told_{kind}"] for row in rows])),
        ]
    told = [(row["landscape"], row[kind], row[f"{kind}_interval"]) for row in rows for kind in ("gain", "loss") if row.get(f"{kind}_interval")]
    told = [{"landscape": name, "is_inside": low <= ha <= high} for name, ha, (low, high) in told]
    if told:
        head = f"{title}reported, {len(told)} gains and losses"
        out.append(describe(head, told, "interval holds the truth", lambda rows: np.mean([row["is_inside"] for row in rows])))
    stable = [row for row in rows if row["gain"] < STABLE_HA and row["loss"] < STABLE_HA]
    quiet = lambda rows: np.mean([not (row["told_gain"] or row["told_loss"]) for row in rows])
    out.append(describe(f"{title}stable, {len(stable)} sites", stable, "reported as unchanged", quiet))
    return out


def figures_of_patches(rows):
    head = f"new patches, {len(rows)}"
    found = [row for row in rows if row["found"]]
    days = lambda rows: [row["error_days"] for row in rows]
    return [
        describe(head, rows, "found", lambda rows: np.mean([row["found"] for row in rows])),
        describe(head, found, "median error of onset, days", lambda rows: np.median(np.abs(days(rows))), False),
        describe(head, found, "median bias of onset, days", lambda rows: np.median(days(rows)), False),
    ]


def main():
    args = parse()
    args.work.mkdir(parents=True, exist_ok=True)
    sites, patches = [], []
    for region, seed, at in landscapes(args):
        if args.kind == "pairs":
            sites += pair(args, region, seed, at)
        else:
            rows, new = series(args, region, seed, at)
            sites, patches = sites + rows, patches + new
        print(f"{region} {seed}: {len(sites)} rows of sites, {len(patches)} new patches so far", flush=True)
    results = []
    for estimate in sorted({row["estimate"] for row in sites}):
        of = [row for row in sites if row["estimate"] == estimate]
        results += figures_of_sites(of, f"{estimate}: ")
        if args.kind == "pairs" and (error := error_of_change(of)) is not None:
            print(f"{estimate}: error of a reported change beside the floor, 90 % of them: {100 * error:.0f} %")
    if args.kind == "series":
        results += figures_of_patches(patches)
    (args.work / "accuracy.json").write_text(json.dumps({"figures": results, "sites": sites, "patches": patches}, indent=1))


if __name__ == "__main__":
    main()
