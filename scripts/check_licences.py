#!/usr/bin/env python3
"""Checks the licence and the source of every dependency by the lists of deny.toml. Needs cargo and nothing else."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def accepted(expression: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be met with the allowed licences. `/` is the old spelling of OR."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))

    def any_of(at: int) -> tuple[bool, int]:
        met, at = all_of(at)
        while at < len(tokens) and tokens[at] == "OR":
            other, at = all_of(at + 1)
            met = met or other
        return met, at

    def all_of(at: int) -> tuple[bool, int]:
        met, at = one(at)
        while at < len(tokens) and tokens[at] == "AND":
            other, at = one(at + 1)
            met = met and other
        return met, at

    def one(at: int) -> tuple[bool, int]:
        if tokens[at] == "(":
            met, at = any_of(at + 1)
            return met, at + 1
        name, at = tokens[at], at + 1
        if at < len(tokens) and tokens[at] == "WITH":
            name, at = f"{name} WITH {tokens[at + 1]}", at + 2
        return name in allowed, at

    return any_of(0)[0]


def main() -> int:
    rules = tomllib.loads((ROOT / "deny.toml").read_text())["licenses"]
    allowed = set(rules["allow"])
    clarified = {rule["crate"]: rule["expression"] for rule in rules["clarify"]}
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    data = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    # The resolved graph from the members down; `packages` also lists what no feature switches on.
    graph = {node["id"]: node["dependencies"] for node in data["resolve"]["nodes"]}
    used, todo = set(), list(data["workspace_members"])
    while todo:
        if (package := todo.pop()) not in used:
            used.add(package)
            todo += graph[package]
    problems = []
    for package in (package for package in data["packages"] if package["id"] in used):
        name = f"{package['name']} {package['version']}"
        if package["id"] in data["workspace_members"]:
            continue
        licence = package["license"] or clarified.get(package["name"], "none")
        if not accepted(licence, allowed):
            problems.append(f"{name}: licence {licence}")
        if not (package["source"] or "").startswith("registry+"):
            problems.append(f"{name}: source {package['source']}")
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    print(f"{len(used)} packages, {len(problems)} problems")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
