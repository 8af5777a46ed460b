#!/usr/bin/env python3
"""Kills `monitor run` at random moments and compares what the register ends up with with an undisturbed run.

Usage: scripts/kill_monitor.py WORK REGISTER.gpkg ITEMS.json --model models/b0 [--kills 50] [--program target/release/minesegsat]

The register has sites and no observations; it is copied, not changed.
"""
import argparse
import json
import pathlib
import random
import shutil
import sqlite3
import subprocess
import time

parser = argparse.ArgumentParser()
parser.add_argument("work", type=pathlib.Path)
parser.add_argument("register", type=pathlib.Path)
parser.add_argument("items")
parser.add_argument("--model", default="models/b0")
parser.add_argument("--program", default="target/release/minesegsat")
parser.add_argument("--kills", type=int, default=50)
args = parser.parse_args()
shutil.rmtree(args.work, ignore_errors=True)


def fresh(name):
    folder = args.work / name
    folder.mkdir(parents=True)
    register = folder / "sites.gpkg"
    shutil.copy(args.register, register)
    (folder / "alerts.toml").write_text('[[file]]\nname = "log"\npath = "alerts.jsonl"\n')
    command = [args.program, "-q", "monitor", "run", "--register", register, "--model", args.model, "--api", args.items]
    return register, command + ["--every-date", "--alerts", folder / "alerts.toml"]


def state(register):
    listed = subprocess.run([args.program, "sites", "export", "--observations", "--register", register, "-o", register.with_suffix(".geojson"), "--overwrite"], capture_output=True)
    assert listed.returncode == 0, listed.stderr.decode()
    database = sqlite3.connect(register)
    assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert not database.execute("PRAGMA foreign_key_check").fetchall()
    rows = database.execute("SELECT site, date, verdict, statement, area_ha, area_lower_ha, area_upper_ha, gain_ha, loss_ha, outside_permit_ha, scenes FROM observations ORDER BY site, date").fetchall()
    findings = database.execute("SELECT key FROM alert_findings ORDER BY key").fetchall()
    database.close()
    return rows, findings


register, command = fresh("undisturbed")
started = time.time()
subprocess.run(command)
whole = time.time() - started
expected = state(register)
register, command = fresh("killed")
random.seed(7)
kills = ended = 0
while kills < args.kills:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(random.random() ** 2 * whole * 0.5)
    if process.poll() is None:
        process.kill()
        kills += 1
    process.wait()
    state(register)
    done = len(state(register)[0])
    if done == len(expected[0]):
        ended += 1
        # Everything is there: begin again, so that every kill hits work.
        assert state(register) == expected, "a run that was killed ended with something else"
        shutil.rmtree(args.work / "killed")
        register, command = fresh("killed")
subprocess.run(command)
assert state(register) == expected, "a run that was killed ended with something else"
lines = [json.loads(line)["id"] if "id" in json.loads(line) else line for line in (register.parent / "alerts.jsonl").read_text().splitlines()]
print(f"{kills} kills, {ended + 1} times to the end: the same {len(expected[0])} observations and {len(expected[1])} findings each time, sound after each kill")
