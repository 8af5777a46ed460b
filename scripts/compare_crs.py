"""Compares `minesegsat::Transformer` with PROJ on every EPSG code that pyproj knows.

    cargo build --release --example crs_transform
    python scripts/compare_crs.py target/release/examples/crs_transform

For each code, nine positions inside the area of use are projected and inverted. Two numbers count: the difference from
PROJ's projection of the same datum (must be micrometres) and the shift between the code's datum and WGS 84 as the best
operation that PROJ has without grids (must be within the two metres or so that the program accepts). Needs pyproj.
"""

import collections
import subprocess
import sys
import warnings

import pyproj
from pyproj.enums import PJType
from pyproj.exceptions import ProjError

warnings.filterwarnings("ignore")
geod = pyproj.Geod(ellps="WGS84")


def codes():
    for kind in (PJType.GEOGRAPHIC_2D_CRS, PJType.PROJECTED_CRS, PJType.GEOCENTRIC_CRS, PJType.COMPOUND_CRS):
        for code in pyproj.get_codes("EPSG", kind, allow_deprecated=True):
            if int(code) < 65536:
                yield int(code)


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
    out = subprocess.run([binary], input="\n".join(lines), capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(out) == len(jobs)

    accepted, refused, worst, shifts, failures = set(), collections.Counter(), {}, {}, []
    cache = {}
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
                exact = pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True) if not crs.is_geographic else None
            except ProjError as error:
                print(code, crs.name, error)
                exact = None
            cache[code] = exact, pyproj.Transformer.from_crs(4326, crs, always_xy=True)
        exact, datum = cache[code]
        unit = crs.axis_info[0].unit_conversion_factor if not crs.is_geographic else 111_000
        ex, ey = exact.transform(lon, lat) if exact else (lon, lat)
        worst[code] = max(worst.get(code, 0), abs(ex - x) * unit, abs(ey - y) * unit)
        dx, dy = datum.transform(lon, lat)
        shifts[code] = max(shifts.get(code, 0), abs(dx - x) * unit, abs(dy - y) * unit)

    name = lambda code: f"EPSG:{code} {pyproj.CRS.from_epsg(code).name}"
    print(f"{len(accepted)} codes accepted, {len(refused)} refused")
    bad = sorted(((d, c) for c, d in worst.items() if not d < 1e-6), reverse=True)
    print(f"\n{len(bad)} differ from PROJ's projection by more than a micrometre:")
    for d, code in bad[:60]:
        print(f"  {d:.3e} m  {name(code)}")
    bad = sorted(((d, c) for c, d in shifts.items() if not d < 2.5), reverse=True)
    print(f"\n{len(bad)} have a datum shift of more than 2.5 m:")
    for d, code in bad[:60]:
        print(f"  {d:.3f} m  {name(code)}")
    print(f"\n{len(failures)} positions could not be transformed, the first: {failures[:5]}")


if __name__ == "__main__":
    main(sys.argv[1])
