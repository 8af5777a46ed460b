#!/usr/bin/env python3
"""Share of definitions of coordinate reference systems in well-known text that the program maps to their EPSG code.

Writes a Shapefile of one triangle for each code of EPSG and each of three texts of PROJ (ESRI's, version 1, version 2), and reads it
with `minesegsat labels info`. Needs pyproj.

    python3 scripts/compare_crs.py target/debug/minesegsat --every 10
"""

import argparse
import json
import struct
import subprocess
import tempfile
import warnings
from collections import Counter
from pathlib import Path

from pyproj import CRS, Transformer
from pyproj.database import query_crs_info
from pyproj.enums import PJType
from pyproj.exceptions import ProjError

TEXTS = {"ESRI": "WKT1_ESRI", "version 1": "WKT1_GDAL", "version 2": "WKT2_2019"}


def shapefile(path, ring):
    """Writes a polygon (shape type 5) without attributes."""
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    box = struct.pack("<4d", min(xs), min(ys), max(xs), max(ys))
    content = struct.pack("<i", 5) + box + struct.pack("<3i", 1, len(ring), 0) + b"".join(struct.pack("<2d", *p) for p in ring)
    record = struct.pack(">2i", 1, len(content) // 2) + content

    def head(length):
        return struct.pack(">7i", 9994, 0, 0, 0, 0, 0, length // 2) + struct.pack("<2i", 1000, 5) + box + bytes(32)

    path.write_bytes(head(100 + len(record)) + record)
    path.with_suffix(".shx").write_bytes(head(108) + struct.pack(">2i", 50, len(content) // 2))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--every", type=int, default=10, help="take every Nth code (default: 10)")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    infos = query_crs_info("EPSG", [PJType.PROJECTED_CRS, PJType.GEOGRAPHIC_2D_CRS])
    infos = sorted((info for info in infos if info.area_of_use), key=lambda info: int(info.code))[:: args.every]
    counts = {name: Counter() for name in TEXTS}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.shp"
        for info in infos:
            crs, area = CRS.from_epsg(info.code), info.area_of_use
            east = area.east if area.east >= area.west else area.east + 360
            x, y = (area.west + east) / 2, (area.south + area.north) / 2
            try:
                to = Transformer.from_crs(4326, crs, always_xy=True)
            except ProjError:
                continue
            ring = [to.transform(a, b) for a, b in [(x, y), (x, y + 0.01), (x + 0.01, y), (x, y)]]
            if not all(abs(v) < 1e9 for point in ring for v in point):
                continue
            shapefile(path, ring)
            for name, version in TEXTS.items():
                try:
                    text = crs.to_wkt(version)
                except Exception:
                    counts[name]["no text"] += 1
                    continue
                path.with_suffix(".prj").write_text(text)
                path.with_suffix(".cpg").write_text("UTF-8")
                done = subprocess.run([args.program, "labels", "info", path, "--json"], capture_output=True, text=True)
                if done.returncode != 0:
                    # The code itself may be refused: a datum that needs a shift grid.
                    code = subprocess.run(
                        [args.program, "labels", "info", path, "--json", "--labels-crs", f"EPSG:{info.code}"],
                        capture_output=True,
                    )
                    counts[name]["refused, as the code" if code.returncode else "refused, the code is accepted"] += 1
                    continue
                found = json.loads(done.stdout)["crs"]["code"]
                if found == f"EPSG:{info.code}":
                    counts[name]["its code"] += 1
                elif CRS.from_user_input(found).equals(crs, ignore_axis_order=True) or same_place(found, crs, x, y, 0.001):
                    counts[name]["another code, same positions"] += 1
                elif same_place(found, crs, x, y, 2.0):
                    counts[name]["another realisation of the datum, within 2 m"] += 1
                else:
                    counts[name]["another code, OTHER positions"] += 1
                    print(info.code, name, found)
    for name, count in counts.items():
        print(name, dict(count))


def same_place(found, crs, x, y, tolerance):
    """Whether a position has the same coordinates in both systems."""
    both = [Transformer.from_crs(4326, c, always_xy=True).transform(x, y) for c in (CRS.from_user_input(found), crs)]
    return all(abs(a - b) < tolerance for a, b in zip(*both))


if __name__ == "__main__":
    main()
