#!/usr/bin/env python3
"""Maps many small units with workers that are killed at random, and compares every file with those of a worker that is never killed.

    python scripts/run_many_units.py PROGRAM FOLDER [--units 1000] [--workers 2] [--kills 100] [--seed 1] [--model DIR]

It simulates one scene, cuts it into overlapping tiles of 72 pixels, and plans two projects of the same units. One worker maps the
first. Workers that get SIGKILL map the second. Both are merged. The script fails if a file differs, and prints the time of units, queue
and merge. Needs numpy and rasterio.
"""

import argparse
import hashlib
import json
import math
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import rasterio
import rasterio.warp
from rasterio.windows import Window

# Pixels of 10 m; multiples of 6, so that the tile begins with a pixel of 60 m.
TILE, STEP = 72, 60
YEAR = "2021"


def run(program, *arguments):
    """Runs the program to its end. Returns the seconds."""
    begun = time.monotonic()
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{arguments} ended with {done.returncode}: {done.stderr}")
    return time.monotonic() - begun


def cut(scene, folder, row, col):
    """Cuts a tile out of the simulated scene. Returns its item."""
    item = json.loads((scene / "item.json").read_text())
    item["id"] = f"tile_{row:03}_{col:03}"
    item["links"] = []
    home = folder / item["id"]
    home.mkdir(parents=True)
    item["assets"] = {name: asset for name, asset in item["assets"].items() if (scene / f"{name}.tif").exists()}
    for name, asset in item["assets"].items():
        with rasterio.open(scene / f"{name}.tif") as raster:
            coarse = round(raster.res[0] / 10)
            side = TILE // coarse
            window = Window(col * STEP // coarse, row * STEP // coarse, side, side)
            transform = raster.window_transform(window)
            profile = {"driver": "GTiff", "width": side, "height": side, "count": 1, "dtype": raster.dtypes[0]}
            grid = {"crs": raster.crs, "transform": transform, "nodata": raster.nodata, "compress": "deflate"}
            path = home / f"{name}.tif"
            with rasterio.open(path, "w", **profile, **grid) as part:
                part.write(raster.read(1, window=window), 1)
        asset["href"] = str(path.resolve())
        asset["proj:shape"] = [side, side]
        asset["proj:transform"] = list(transform)[:6]
        asset["file:size"] = path.stat().st_size
        asset["file:checksum"] = "1220" + hashlib.sha256(path.read_bytes()).hexdigest()
        if name == "B02":
            west, south, east, north = rasterio.transform.array_bounds(side, side, transform)
            corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
            xs, ys = rasterio.warp.transform(raster.crs, "EPSG:4326", *zip(*corners))
            item["geometry"] = {"type": "Polygon", "coordinates": [[list(corner) for corner in zip(xs, ys)]]}
            item["bbox"] = [min(xs), min(ys), max(xs), max(ys)]
    return item


def records(project):
    found = {}
    for path in (project / "units").glob("*/record.json"):
        found[path.parent.name] = json.loads(path.read_text())
    return found


def waiting(project, names):
    """Of these units those without a map."""
    return [name for name in names if not (project / "units" / name / "probability.tif").exists()]


def work_and_kill(program, project, names, args):
    """Keeps workers alive until all units are mapped. Kills one whenever a random number of units is done."""
    chance = random.Random(args.seed)
    moments = sorted(chance.sample(range(len(names)), min(args.kills, len(names))))
    begun, kills, starts, left, workers = time.monotonic(), 0, 0, names, []
    lived = 0.0
    while left or workers:
        for worker in [worker for worker in workers if worker[0].poll() is not None]:
            workers.remove(worker)
            lived += time.monotonic() - worker[1]
            if worker[0].returncode != 0:
                sys.exit(f"a worker ended with {worker[0].returncode}")
        left = waiting(project, left)
        while left and len(workers) < args.workers:
            arguments = ["area", "run", project, "-q", *args.model_options]
            workers.append((subprocess.Popen([program, *map(str, arguments)]), time.monotonic()))
            starts += 1
        if left and kills < len(moments) and len(names) - len(left) >= moments[kills]:
            # Somewhere between the start of the program and its second unit.
            time.sleep(chance.random() * args.unit_seconds * 2)
            worker = workers.pop(chance.randrange(len(workers)))
            worker[0].kill()
            worker[0].wait()
            lived += time.monotonic() - worker[1]
            kills += 1
        time.sleep(0.02)
    return {"kills": kills, "starts": starts, "wall_s": time.monotonic() - begun, "worker_s": lived}


def hashes(project):
    """SHA-256 of the maps of all units and of all merged files."""
    found = {}
    paths = [*project.glob("units/*/probability.tif"), *project.glob("units/*/scene.tif"), *project.glob("merged/*")]
    for path in paths:
        found[str(path.relative_to(project))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("folder", type=Path, help="new folder")
    parser.add_argument("--units", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", help="model folder [default: the model in the program]")
    args = parser.parse_args()
    args.model_options = ["--model", args.model] if args.model else []
    program, folder = args.program, args.folder
    folder.mkdir(parents=True)

    cols = math.ceil(math.sqrt(args.units))
    size = (cols - 1) * STEP + TILE
    run(program, "simulate", "--size", size, "--years", YEAR, "--seed", args.seed, "-q", "-o", folder / "sim")
    scene = next(path for path in (folder / "sim" / YEAR).iterdir() if path.is_dir())
    items = [cut(scene, folder / "tiles", *divmod(place, cols)) for place in range(args.units)]
    catalogue = folder / "items.json"
    catalogue.write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    boxes = np.array([item["bbox"] for item in items])
    bbox = [*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)]
    plan = ["area", "plan", "--bbox", ",".join(f"{v:.6f}" for v in bbox), "--period", YEAR, "--max-cloud-cover", "100"]
    report = {"units": args.units, "plan_s": {}, "merge_s": {}}
    one, killed = folder / "one", folder / "killed"
    for project in (one, killed):
        report["plan_s"][project.name] = run(program, *plan, "--api", catalogue, "-o", project, "-q", *args.model_options)
    names = sorted(path.name for path in (one / "units").iterdir())
    if len(names) != args.units:
        sys.exit(f"the plan has {len(names)} units instead of {args.units}")

    report["one_worker_s"] = run(program, "area", "run", one, "-q", *args.model_options)
    seconds = [record["seconds"] for record in records(one).values()]
    report["units_s"] = sum(seconds)
    report["nothing_to_do_s"] = run(program, "area", "run", one, "-q", *args.model_options)
    args.unit_seconds = report["units_s"] / len(names)
    report["killed"] = work_and_kill(program, killed, names, args)
    after = records(killed)
    report["killed"]["tries"] = sum(record["tries"] for record in after.values())
    report["killed"]["units_s"] = sum(record["seconds"] for record in after.values())
    for project in (one, killed):
        report["merge_s"][project.name] = run(program, "area", "merge", project, "-q")
        states = [record["state"] for record in records(project).values()]
        if states != ["done"] * args.units:
            sys.exit(f"{project}: {args.units - states.count('done')} units are not done")
    expected, found = hashes(one), hashes(killed)
    different = sorted(name for name in expected | found if expected.get(name) != found.get(name))
    report["files"] = len(expected)
    report["different"] = different
    polygons = json.loads((one / "merged" / "totals.json").read_text())[0]["polygons"]
    report["polygons"] = polygons
    (folder / "report.json").write_text(json.dumps(report, indent=2) + "\n")

    units, lost = report["units_s"], report["killed"]
    queue = report["one_worker_s"] - units
    share = lambda seconds: f"{seconds:.1f} s, {100 * seconds / units:.1f} % of the units' time, {1000 * seconds / args.units:.1f} ms a unit"
    print(f"{args.units} units of {TILE} x {TILE} pixels, {polygons} polygons: {units:.1f} s, {units / args.units:.2f} s a unit")
    print(f"plan      {share(report['plan_s']['one'])}")
    print(f"queue     {share(queue)}; of that {report['nothing_to_do_s']:.1f} s start, model and a look at all records")
    print(f"merge     {share(report['merge_s']['one'])}")
    print(f"killed    {lost['kills']} workers of {lost['starts']}; {lost['tries']} tries; {lost['worker_s']:.1f} s of workers")
    print(f"compared  {len(expected)} files, {len(different)} differ")
    if different:
        sys.exit("\n".join(different[:20]))


main()
