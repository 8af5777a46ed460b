#!/usr/bin/env python3
"""Lists what is in the program: an SBOM in the format of CycloneDX 1.6, and the texts of all licences.

    scripts/make_sbom.py SBOM.json --target x86_64-unknown-linux-gnu [--notices THIRD-PARTY.txt] [--epoch SECONDS]

The list has the crates that are compiled into the program for that target, the C libraries in some of them, the npm packages of the map
page, and the shipped model. Tools that only run during the build (build scripts, macros, TypeScript) are not in it. The same commit
gives the same bytes. It needs cargo, the sources of the crates (`cargo fetch`), and for the notices `web/node_modules` (`npm ci`).
"""

import argparse
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
import uuid
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = "minesegsat-cli"
LICENCE_FILE = re.compile(r"(licen[cs]e|unlicense|copying|copyright|notice)([-._].*)?$", re.IGNORECASE)

# C libraries whose sources a crate brings: name, licence, file with the version, and its pattern. Up to three groups make the version.
C_LIBRARIES = {
    "libsqlite3-sys": ("sqlite", "blessing", "sqlite3/sqlite3.h", r'#define SQLITE_VERSION +"([\d.]+)"'),
    "zstd-sys": (
        "zstd",
        "BSD-3-Clause",
        "zstd/lib/zstd.h",
        r"VERSION_MAJOR +(\d+)\s+#define ZSTD_VERSION_MINOR +(\d+)\s+#define ZSTD_VERSION_RELEASE +(\d+)",
    ),
    "openjpeg-sys": (
        "openjpeg",
        "BSD-2-Clause",
        "config/opj_config.h",
        r"VERSION_MAJOR +(\d+)\s+#define OPJ_VERSION_MINOR +(\d+)\s+#define OPJ_VERSION_BUILD +(\d+)",
    ),
    # 30302 is 3.3.2: the major version, and two digits each.
    "libmimalloc-sys": ("mimalloc", "MIT", "c_src/mimalloc/v3/include/mimalloc.h", r"MI_MALLOC_VERSION +(\d)(\d\d)(\d\d)"),
}


def cargo(*arguments: str) -> str:
    return subprocess.run(["cargo", *arguments, "--locked"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def crates(target: str) -> tuple[dict, list[dict], dict[str, list[str]]]:
    """The program's package, all packages compiled into it, and the ids that each of them depends on."""
    tree = cargo("tree", "-p", PROGRAM, "-e", "normal,no-proc-macro", "--prefix", "none", "--target", target, "-f", "{p}")
    used = {(name, version.removeprefix("v")) for name, version, *_ in map(str.split, filter(None, tree.splitlines()))}
    data = json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", target))
    packages = [package for package in data["packages"] if (package["name"], package["version"]) in used]
    if len(packages) != len(used):
        sys.exit(f"error: `cargo tree` names {len(used)} packages, and `cargo metadata` knows {len(packages)} of them")
    ids = {package["id"] for package in packages}
    edges = {
        node["id"]: sorted(
            dep["pkg"] for dep in node["deps"] if dep["pkg"] in ids and any(kind["kind"] is None for kind in dep["dep_kinds"])
        )
        for node in data["resolve"]["nodes"]
        if node["id"] in ids
    }
    program = next(package for package in packages if package["name"] == PROGRAM)
    return program, packages, edges


def page_packages() -> list[dict]:
    """The npm packages in the map page: what `dependencies` in `web/package.json` leads to. Packages of types have no code."""
    lock = json.loads((ROOT / "web/package-lock.json").read_text())["packages"]
    found = []
    for path, package in sorted(lock.items()):
        name = path.rpartition("node_modules/")[2]
        if path and not package.get("dev") and not package.get("devOptional") and not name.startswith("@types/"):
            found.append({"name": name, "path": ROOT / "web" / path, **package})
    return found


def licence(expression: str | None, name: str) -> list[dict]:
    """A licence as CycloneDX writes it. `/` is the old spelling of OR."""
    if not expression:
        sys.exit(f"error: {name} names no licence; add its licence to `licenses.clarify` in deny.toml")
    return [{"expression": re.sub(r"\s*/\s*", " OR ", expression)}]


def c_library(package: dict) -> dict | None:
    """The component of a C library that a crate brings."""
    if package["name"] not in C_LIBRARIES:
        return None
    name, spdx, file, pattern = C_LIBRARIES[package["name"]]
    text = (Path(package["manifest_path"]).parent / file).read_text(errors="replace")
    if not (found := re.search(pattern, text)):
        sys.exit(f"error: no version of {name} in {file} of {package['name']} {package['version']}")
    version = ".".join(str(int(part)) if part.isdigit() else part for part in found.groups())
    purl = f"pkg:generic/{name}@{version}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "licenses": licence(spdx, name), "purl": purl}


def npm_component(package: dict) -> dict:
    scope, _, name = package["name"].rpartition("/")
    purl = f"pkg:npm/{quote(scope, safe='') + '/' if scope else ''}{name}@{quote(package['version'])}"
    component = {"type": "library", "bom-ref": purl, "name": name, "version": package["version"]}
    if scope:
        component["group"] = scope
    if integrity := package.get("integrity"):
        algorithm, _, digest = integrity.partition("-")
        names = {"sha512": "SHA-512", "sha256": "SHA-256", "sha1": "SHA-1"}
        component["hashes"] = [{"alg": names[algorithm], "content": base64.b64decode(digest).hex()}]
    return component | {"licenses": licence(package.get("license"), package["name"]), "purl": purl}


def make_sbom(target: str, epoch: int) -> tuple[dict, list[dict]]:
    program, packages, edges = crates(target)
    checksums = {
        (package["name"], package["version"]): package.get("checksum")
        for package in tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    }
    clarified = {rule["crate"]: rule["expression"] for rule in tomllib.loads((ROOT / "deny.toml").read_text())["licenses"]["clarify"]}
    purls = {package["id"]: f"pkg:cargo/{package['name']}@{quote(package['version'])}" for package in packages}
    depends = {purls[package]: sorted(purls[dep] for dep in deps) for package, deps in edges.items()}
    components = []
    for package in packages:
        name, version, purl = package["name"], package["version"], purls[package["id"]]
        expression = licence(package["license"] or clarified.get(name), f"crate {name} {version}")
        component = {"type": "library", "bom-ref": purl, "name": name, "version": version, "licenses": expression, "purl": purl}
        if checksum := checksums.get((name, version)):
            component["hashes"] = [{"alg": "SHA-256", "content": checksum}]
        if library := c_library(package):
            components.append(library)
            depends[purl].append(library["bom-ref"])
            depends[library["bom-ref"]] = []
        if package is not program:
            components.append(component)
        else:
            main = component | {"type": "application", "name": "minesegsat"}
    page = [npm_component(package) for package in page_packages()]
    weights = (ROOT / "models/b0/model.safetensors").read_bytes()
    model = {
        "type": "machine-learning-model",
        "bom-ref": "model:b0",
        "name": "models/b0",
        "version": main["version"],
        "description": "SegFormer for mining-disturbed land. Contains modified Copernicus Sentinel data.",
        "licenses": licence(program["license"], "models/b0"),
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(weights).hexdigest()}],
    }
    # The page and the model are built into the program itself.
    depends[main["bom-ref"]] += [component["bom-ref"] for component in page] + [model["bom-ref"]]
    depends |= {component["bom-ref"]: [] for component in [*page, model]}
    components = sorted([*components, *page, model], key=lambda component: component["bom-ref"])
    sbom = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "lifecycles": [{"phase": "build"}],
            "component": main,
            "properties": [{"name": "minesegsat:target", "value": target}],
        },
        "components": components,
        "dependencies": [{"ref": ref, "dependsOn": sorted(deps)} for ref, deps in sorted(depends.items())],
    }
    # A number that follows from the contents: the same contents have the same number.
    sbom["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(sbom, sort_keys=True))}"
    return sbom, packages


def make_notices(sbom: dict, packages: list[dict]) -> str:
    """The licence of every component, and each text once."""
    sources = {f"{package['name']} {package['version']}": Path(package["manifest_path"]).parent for package in packages}
    for package in page_packages():
        if not package["path"].is_dir():
            sys.exit(f"error: no folder {package['path']}; run `npm ci` in web")
        sources[f"{package['name']} {package['version']}"] = package["path"]
    texts: dict[str, list[str]] = {}
    for name, folder in sorted(sources.items()):
        if folder.is_relative_to(ROOT / "crates"):
            continue
        for file in sorted(path for path in folder.rglob("*") if LICENCE_FILE.match(path.name) and path.suffix not in {".rs", ".js"}):
            # Packages inside a package stand in the list themselves.
            if file.is_file() and "node_modules" not in file.relative_to(folder).parts:
                text = "\n".join(line.rstrip() for line in file.read_text(errors="replace").strip().splitlines())
                names = texts.setdefault(text, [])
                names += [name] if name not in names else []
    lines = ["Third-party software in MineSegSAT", "", "Part 1: components and licences (SPDX). Part 2: texts of the licences.", ""]
    for component in sbom["components"]:
        if not component["name"].startswith("minesegsat"):
            expression = component["licenses"][0]["expression"]
            lines.append(f"{component.get('purl', component['bom-ref'])}: {expression}")
    for text, names in texts.items():
        lines += ["", "=" * 80, *names, "-" * 80, "", text]
    return "\n".join(lines) + "\n"


def write(path: Path, text: str) -> None:
    """A file is complete or absent."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    temporary.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sbom", type=Path, help="file to write")
    parser.add_argument("--target", required=True, help="target triple of the program")
    parser.add_argument("--notices", type=Path, help="also write the licences of all components to this file")
    parser.add_argument("--epoch", type=int, default=int(os.environ.get("SOURCE_DATE_EPOCH", "0")), help="time in the SBOM, in seconds")
    arguments = parser.parse_args()
    sbom, packages = make_sbom(arguments.target, arguments.epoch)
    write(arguments.sbom, json.dumps(sbom, indent=1, ensure_ascii=False) + "\n")
    if arguments.notices:
        write(arguments.notices, make_notices(sbom, packages))
    print(f"{len(sbom['components'])} components")


if __name__ == "__main__":
    main()
