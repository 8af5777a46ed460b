"""Compares `minesegsat::Transformer` with PROJ on every EPSG code that pyproj knows.

    cargo build --release --example crs_transform
    python scripts/compare_crs.py target/release/examples/crs_transform

For each code, nine positions inside the area of use are projected and inverted. Two numbers count: the difference from
PROJ's projection of the same datum (must be micrometres) and the shift between the code's datum and WGS 84 as the best
operation that PROJ has without grids (must be within the two metres or so that the program accepts). Needs pyproj.
"""

import collections
import math
import subprocess
import sys
import warnings

import pyproj
from pyproj.enums import PJType
from pyproj.exceptions import ProjError

warnings.filterwarnings("ignore")

def codes():
    for kind in (PJType.GEOGRAPHIC_2D_CRS, PJType.PROJECTED_CRS, PJType.GEOCENTRIC_CRS, PJType.COMPOUND_CRS):
        for code in pyproj.get_codes("EPSG", kind, allow_deprecated=True):
            if int(code) < 65536:
                yield int(code)


def run(binary, lines):
    out = subprocess.run([binary], input="\n".join(lines), capture_output=True, text=True, check=True).stdout
    assert out.count("\n") == len(lines)
    return out.splitlines()


def main(binary):
    jobs, lines = [], []
    for code in sorted(codes()):
        crs = pyproj.CRS.from_epsg(code)
        area = crs.area_of_use
        if area is None:
            continue
        west, south, east, north = area.bounds
        if east < west:
            east += 360
        for i in (0.25, 0.5, 0.75):
            for j in (0.25, 0.5, 0.75):
                lon, lat = west + i * (east - west), south + j * (north - south)
                lon = (lon + 180) % 360 - 180
                jobs.append((code, crs, lon, lat))
                lines.append(f"4326 {code} {lon!r} {lat!r}")
    out = run(binary, lines)

    accepted, refused, worst, shifts, failures = set(), collections.Counter(), {}, {}, []
    cache, back, back_lines, inverse = {}, [], [], {}
    for (code, crs, lon, lat), answer in zip(jobs, out):
        if answer.startswith("error"):
            reason = answer.split(": ", 2)[-1]
            if "lies outside" in reason:
                failures.append((code, lon, lat))
            else:
                refused[code] = reason
            continue
        accepted.add(code)
        x, y = map(float, answer.split())
        if code not in cache:
            try:
                geographic = crs.geodetic_crs
                exact = None if crs.is_geographic else pyproj.Transformer.from_crs(geographic, crs, always_xy=True)
                cache[code] = exact, pyproj.Transformer.from_crs(4326, crs, always_xy=True)
            except ProjError:
                print(f"PROJ itself cannot use EPSG:{code} {crs.name}")
                cache[code] = None
        if cache[code] is None:
            continue
        exact, datum = cache[code]
        scale = math.cos(math.radians(lat)) if crs.is_geographic else 1
        unit = 111_000 if crs.is_geographic else crs.axis_info[0].unit_conversion_factor
        ex, ey = exact.transform(lon, lat) if exact else (lon, lat)
        worst[code] = max(worst.get(code, 0), abs(ex - x) * unit * scale, abs(ey - y) * unit)
        back.append((code, *(exact.transform(ex, ey, direction="INVERSE") if exact else (lon, lat))))
        back_lines.append(f"{code} 4326 {ex!r} {ey!r}")
        dx, dy = datum.transform(lon, lat)
        shifts[code] = max(shifts.get(code, 0), abs(dx - x) * unit * scale, abs(dy - y) * unit)

    for (code, lon, lat), answer in zip(back, run(binary, back_lines)):
        if answer.startswith("error"):
            failures.append((code, lon, lat, "inverse"))
            continue
        x, y = map(float, answer.split())
        dlon = (x - lon + 180) % 360 - 180
        d = max(abs(dlon) * math.cos(math.radians(lat)), abs(y - lat)) * 111_000
        inverse[code] = max(inverse.get(code, 0), d)

    name = lambda code: f"EPSG:{code} {pyproj.CRS.from_epsg(code).name}"
    print(f"{len(accepted)} codes accepted, {len(refused)} refused")
    bad = sorted(((d, c) for c, d in worst.items() if not d < 1e-6), reverse=True)
    print(f"\n{len(bad)} differ from PROJ's projection by more than a micrometre:")
    for d, code in bad[:60]:
        print(f"  {d:.3e} m  {name(code)}")
    bad = sorted(((d, c) for c, d in inverse.items() if not d < 1e-6), reverse=True)
    print(f"\n{len(bad)} differ from PROJ's inverse by more than a micrometre:")
    for d, code in bad[:60]:
        print(f"  {d:.3e} m  {name(code)}")
    bad = sorted(((d, c) for c, d in shifts.items() if not d < 2.5), reverse=True)
    print(f"\n{len(bad)} have a datum shift of more than 2.5 m:")
    for d, code in bad[:60]:
        print(f"  {d:.3f} m  {name(code)}")
    print(f"\n{len(failures)} positions could not be transformed, the first: {failures[:5]}")


if __name__ == "__main__":
    main(sys.argv[1])
