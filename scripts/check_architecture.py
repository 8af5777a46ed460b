#!/usr/bin/env python3
"""Checks the structure of the workspace. Fails if

- a crate depends on a crate that stands above it in ORDER, or ARCHITECTURE.md shows other arrows than Cargo.toml;
- a crate that must not know deep learning depends on Burn, directly or not;
- the modules of a crate depend on each other in a circle (tests left out);
- a crate has more lines than LARGEST (tests left out).

Run it from anywhere: `python3 scripts/check_architecture.py`. It needs cargo and nothing else; `--lines` prints the lines of each crate.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# From the bottom to the top. A crate may depend on crates that stand before it.
ORDER = [
    "testing", "core", "io", "vector", "page", "pdf", "scene", "map", "simulate", "dataset", "area", "watch", "report", "export", "tiles", "model", "cpu", "onnx", "nn", "server",
    "", "cli", "python",
]  # fmt: skip
# These need the core alone, and each other.
NEAR_THE_CORE = {"model": {"core"}, "cpu": {"core", "model"}, "onnx": {"core", "model"}, "pdf": {"core"}}
WITHOUT_BURN = ["core", "io", "vector", "page", "pdf", "scene", "map", "simulate", "dataset", "area", "watch", "report", "export", "tiles", "model", "cpu", "onnx", "server"]
LARGEST = 12_000
PREFIX = "minesegsat"


def short(name: str) -> str:
    return name.removeprefix(PREFIX).removeprefix("-")


def full(crate: str) -> str:
    return f"{PREFIX}-{crate}" if crate else PREFIX


def metadata() -> dict:
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def code(path: Path) -> str:
    """The text of a source file without its tests and comments; nothing of a file of tests."""
    if path.name == "tests.rs" or "tests" in path.parts[path.parts.index("src") :]:
        return ""
    text = re.split(r"(?m)^#\[cfg\(test\)\]\nmod tests \{", path.read_text())[0]
    return re.sub(r"(?m)^\s*//.*$", "", text)


def lines(crate: Path) -> int:
    """Lines of a crate's sources without tests; comments count."""
    total = 0
    for path in crate.glob("src/**/*.rs"):
        if path.name == "tests.rs" or "tests" in path.relative_to(crate).parts:
            continue
        total += re.split(r"(?m)^#\[cfg\(test\)\]\nmod tests \{", path.read_text())[0].count("\n")
    return total


def split_list(text: str) -> list[str]:
    """The parts of `a, b::{c, d}` at its top level."""
    parts, depth, part = [], 0, ""
    for char in text:
        depth += {"{": 1, "}": -1}.get(char, 0)
        if char == "," and depth == 0:
            parts.append(part.strip())
            part = ""
        else:
            part += char
    return [part for part in [*parts, part.strip()] if part]


def heads(text: str) -> set[str]:
    """First names behind `crate::` in a source text."""
    found = set()
    for match in re.finditer(r"(?<![\w:$])crate::(\{|\w+)", text):
        if match[1] != "{":
            found.add(match[1])
            continue
        depth, end = 1, match.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        found |= {re.split(r"\W", part)[0] for part in split_list(text[match.end() : end - 1])}
    return found


def module_graph(crate: Path) -> dict[str, set[str]]:
    """Which top-level module of a crate uses which other one."""
    root = next(path for name in ["lib.rs", "main.rs"] if (path := crate / "src" / name).exists())
    text = code(root)
    modules = set(re.findall(r"(?m)^(?:pub(?:\([^)]*\))? )?mod (\w+);", text)) - {"tests"}
    # Names that the front page exports stand for their modules.
    exported = {}
    for module, names in re.findall(r"(?m)^(?:pub(?:\([^)]*\))? )use (?:self::)?(\w+)::(\{[^;]*\}|\w+);", text):
        if module in modules:
            exported |= {re.split(r"\W", name)[0]: module for name in split_list(names.strip("{}").replace("\n", " "))}
    graph = {module: set() for module in modules}
    for module in modules:
        files = [crate / "src" / f"{module}.rs", *(crate / "src" / module).glob("**/*.rs")]
        for name in set().union(*(heads(code(path)) for path in files if path.exists())):
            target = exported.get(name, name)
            if target in modules and target != module:
                graph[module].add(target)
    return graph


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of nodes that reach each other."""

    def reach(start: str) -> set[str]:
        seen, todo = set(), [start]
        while todo:
            for node in graph[todo.pop()] - seen:
                seen.add(node)
                todo.append(node)
        return seen

    reached = {node: reach(node) for node in graph}
    groups = {frozenset(b for b in reached[a] if a in reached[b]) for a in graph}
    return [sorted(group) for group in groups if group]


def main() -> int:
    problems = []
    data = metadata()
    packages = {package["name"]: package for package in data["packages"] if package["id"] in data["workspace_members"]}
    arrows = {}
    for name, package in packages.items():
        crate = short(name)
        if crate not in ORDER:
            problems.append(f"{name} has no place in ORDER")
            continue
        for dependency in package["dependencies"]:
            target = short(dependency["name"])
            if dependency["name"] not in packages:
                continue
            if dependency["kind"] != "dev":
                arrows.setdefault(crate, set()).add(target)
            if ORDER.index(target) >= ORDER.index(crate):
                problems.append(f"{name} depends on {dependency['name']}, which stands above it")
    for crate, allowed in NEAR_THE_CORE.items():
        if extra := arrows.get(crate, set()) - allowed:
            problems.append(f"{full(crate)} may depend on {sorted(allowed)} alone, not on {sorted(extra)}")

    shown = dict(re.findall(r"(?m)^(minesegsat[\w-]*) +-> *(.*)$", (ROOT / "ARCHITECTURE.md").read_text()))
    for crate in ORDER:
        drawn = set(shown.get(full(crate), "").split())
        true = {target or PREFIX for target in arrows.get(crate, set())}
        if drawn != true:
            problems.append(f"ARCHITECTURE.md draws {full(crate)} -> {' '.join(sorted(drawn))}; it is {' '.join(sorted(true))}")

    names = {package["id"]: package["name"] for package in data["packages"]}
    uses = {
        node["id"]: {d["pkg"] for d in node["deps"] if any(kind["kind"] != "dev" for kind in d["dep_kinds"])}
        for node in data["resolve"]["nodes"]
    }
    for crate in WITHOUT_BURN:
        seen, todo = set(), [package["id"] for name, package in packages.items() if name == full(crate)]
        while todo:
            for target in uses[todo.pop()] - seen:
                seen.add(target)
                todo.append(target)
        if any(names[target].startswith("burn") for target in seen):
            problems.append(f"{full(crate)} depends on Burn")

    total = 0
    for name, package in sorted(packages.items()):
        folder = Path(package["manifest_path"]).parent
        for circle in circles(module_graph(folder)):
            problems.append(f"modules of {name} depend on each other in a circle: {', '.join(circle)}")
        count = lines(folder)
        total += count
        if "--lines" in sys.argv:
            print(f"{count:7} {name}")
        if count > LARGEST:
            problems.append(f"{name} has {count} lines without tests; at most {LARGEST} are allowed")
    if "--lines" in sys.argv:
        print(f"{total:7} in all")
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(packages)} crates, {sum(map(len, arrows.values()))} arrows, {len(problems)} problems")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
