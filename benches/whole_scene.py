#!/usr/bin/env python3
"""Times `minesegsat predict` on whole scenes: wall time split into read / infer / write, peak memory, use of the cores.

    python3 benches/whole_scene.py WORK_DIR [--sizes 5490,10980] [--models b0,paper]

Builds the program in release mode, makes the scenes and untrained models it needs in WORK_DIR (kept, about 1.2 GB for
10980 pixels), runs `predict` on each and prints a table in Markdown. Needs nothing but Python 3 and cargo.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def run(command, **kwargs):
    """Runs a command; returns its wall time (s), CPU time (s) and peak resident memory (MiB)."""
    started = time.monotonic()
    process = subprocess.Popen(command, **kwargs)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command[0]} failed with {process.returncode}")
    return time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--sizes", default="5490,10980")
    parser.add_argument("--models", default="b0,paper")
    parser.add_argument("--predict-args", default="", help="further arguments of predict, separated by spaces")
    arguments = parser.parse_args()

    build = ["cargo", "build", "--release", "--workspace", "--bin", "minesegsat", "--example", "make_scene"]
    subprocess.run(build, cwd=ROOT, check=True)
    metadata = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=ROOT, check=True, capture_output=True
    )
    release = pathlib.Path(json.loads(metadata.stdout)["target_directory"]) / "release"
    program, make_scene = release / "minesegsat", release / "examples" / "make_scene"
    cores = len(os.sched_getaffinity(0))

    arguments.work.mkdir(parents=True, exist_ok=True)
    print("| model | scene | patches | wall | read | infer | write | not network | cores busy | peak memory |")
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for name in arguments.models.split(","):
        model = arguments.work / f"model-{name}"
        if not model.exists():
            run([program, "model", "random", name, "-o", model], stdout=subprocess.DEVNULL)
        for size in map(int, arguments.sizes.split(",")):
            scene = arguments.work / f"scene-{size}"
            if not scene.exists():
                run([make_scene, scene, str(size)], stderr=subprocess.DEVNULL)
            out = arguments.work / f"out-{name}-{size}"
            command = [program, "predict", scene, "--model", model, "-o", out, "--overwrite", "--json", "--quiet"]
            command += arguments.predict_args.split()
            wall, cpu, peak = run(command, stdout=subprocess.DEVNULL)
            t = json.loads((out / "manifest.json").read_text())["timings"]
            print(
                f"| {name} | {size} x {size} | {t['patches']} | {wall:.0f} s | {t['read_s']:.0f} s | {t['infer_s']:.0f} s "
                f"| {t['write_s']:.0f} s | {100 * (1 - t['infer_s'] / wall):.1f} % | {100 * cpu / wall / cores:.0f} % "
                f"| {peak:.0f} MiB |",
                flush=True,
            )


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
