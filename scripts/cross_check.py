#!/usr/bin/env python3
"""Check the files that minesegsat writes with the field's own libraries: GDAL, PROJ, GEOS.

    python -m venv venv && venv/bin/pip install -r scripts/requirements.txt
    venv/bin/python scripts/cross_check.py FOLDER...              # folders that `minesegsat predict` wrote
    venv/bin/python scripts/cross_check.py --cog FILE...          # single COGs
    venv/bin/python scripts/cross_check.py --fuzz-cog PROGRAM     # compare the COG writer with GDAL on many sizes;
                                                                  # PROGRAM: the built example `cog_from_raw`

Prints one line per check and exits with 1 if any failed.
"""

import argparse
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import rasterio
import rasterio.features
import rasterio.shutil
from rio_cogeo.cogeo import cog_validate

MASK_NODATA = 255
LAYER = "mining"
FIELDS = ["id", "area_ha", "perimeter_m", "mean_probability", "max_probability", "touches_edge"]
VECTOR_SUFFIXES = [".gpkg", ".geojson", ".fgb", ".parquet"]
# Coordinates of GeoJSON are rounded to 7 decimals of a degree: about a centimetre.


class Report:
    """Checks by subject, printed as they come."""

    def __init__(self, quiet=False):
        self.failed = 0
        self.count = 0
        self.quiet = quiet

    def check(self, subject, name, passed, detail=""):
        self.count += 1
        self.failed += not passed
        if not (passed and self.quiet):
            print(f"{'ok  ' if passed else 'FAIL'}  {subject:<28} {name:<44} {detail}")
        return bool(passed)


# --- COGs -----------------------------------------------------------------------------------------------------------


def directories(path):
    """Tags of each directory of a little-endian TIFF or BigTIFF: {tag: list of integers}."""
    with open(path, "rb") as file:
        head = file.read(16)
        big = head[2] == 43
        word, count_format, entry_size = ("Q", "<Q", 20) if big else ("I", "<H", 12)
        word_size = struct.calcsize("<" + word)
        offset = struct.unpack_from("<" + word, head, 8 if big else 4)[0]
        found = []
        while offset:
            file.seek(offset)
            count = struct.unpack(count_format, file.read(struct.calcsize(count_format)))[0]
            entries = file.read(count * entry_size)
            following = struct.unpack("<" + word, file.read(word_size))[0]
            tags = {}
            for i in range(count):
                tag, kind, number = struct.unpack_from("<HH" + word, entries, i * entry_size)
                code = {3: "H", 4: "I", 16: "Q"}.get(kind)
                if code is None:
                    continue
                size = number * struct.calcsize("<" + code)
                raw = entries[(i + 1) * entry_size - word_size : (i + 1) * entry_size]
                if size > word_size:
                    file.seek(struct.unpack("<" + word, raw)[0])
                    raw = file.read(size)
                tags[tag] = list(struct.unpack_from(f"<{number}{code}", raw))
            found.append((offset, tags))
            offset = following
        return found


def rio_cogeo_misjudges(path):
    """Shapes of which rio-cogeo refuses GDAL's own COGs too.

    It takes the decimation of overviews from the width alone, and a level as wide as a block for one without tiles.
    """
    with rasterio.open(path) as raster:
        widths = [raster.width >> level for level in range(len(raster.overviews(1)) + 1)]
        tall = raster.height > 512
        return bool(len(widths) > 1 and (widths[-1] == 0 or (tall and raster.block_shapes[0][1] in widths)))


def check_cog(report, path, subject=None):
    """Whatever holds for any COG: rio-cogeo's strict rules, GDAL's layout promises, all levels readable."""
    subject = subject or Path(path).name
    valid, errors, warnings = cog_validate(str(path), strict=True, quiet=True)
    report.check(subject, "rio cogeo validate --strict", valid or rio_cogeo_misjudges(path), "; ".join(errors + warnings))
    with rasterio.open(path) as raster:
        structure = raster.tags(ns="IMAGE_STRUCTURE")
        report.check(subject, "GDAL sees LAYOUT=COG", structure.get("LAYOUT") == "COG", str(structure))
    data = Path(path).read_bytes() if Path(path).stat().st_size < 2**31 else None
    levels = directories(path)
    broken, blocks = [], []
    for level, (_, tags) in enumerate(levels):
        for offset, size in zip(tags[324], tags[325]):
            blocks.append((level, offset, size))
            if data is not None:
                leader = struct.unpack_from("<I", data, offset - 4)[0]
                if leader != size or data[offset + size : offset + size + 4] != data[offset + size - 4 : offset + size]:
                    broken.append((level, offset))
    report.check(subject, "leader and trailer of every block", not broken, f"{len(blocks)} blocks, bad: {broken[:3]}")
    in_file = [level for level, _, _ in sorted(blocks, key=lambda block: block[1])]
    report.check(subject, "blocks from coarse to fine", in_file == sorted(in_file, reverse=True))
    with rasterio.open(path) as raster:
        for level in range(len(raster.overviews(1))):
            with rasterio.open(path, overview_level=level) as overview:
                overview.read()
        raster.checksum(1)
    report.check(subject, "GDAL decodes all levels", True, f"{raster.width} x {raster.height}, {len(levels)} levels")


def spans(fine, coarse):
    """Weights [coarse, fine] of the pixels of an axis under each pixel of the next level."""
    edges = np.arange(fine + 1)
    low = np.arange(coarse)[:, None] * fine / coarse
    high = np.arange(1, coarse + 1)[:, None] * fine / coarse
    return np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None)


def averaged(values, missing, shape):
    """The next level by area-weighted averages of what is not missing; (values, missing)."""
    down, across = spans(values.shape[0], shape[0]), spans(values.shape[1], shape[1])
    weight = down @ (~missing).astype(float) @ across.T
    total = down @ np.where(missing, 0, values).astype(float) @ across.T
    gone = weight < 1e-9
    return total / np.where(gone, 1, weight), gone


def moded(values, missing, shape):
    """The next level by the value of the largest share; the larger value where shares are equal."""
    down, across = spans(values.shape[0], shape[0]), spans(values.shape[1], shape[1])
    best, most = np.zeros(shape), np.zeros(shape)
    for value in np.unique(values[~missing]):
        share = down @ ((values == value) & ~missing).astype(float) @ across.T
        wins = (share > 1e-9) & (share >= most - 1e-9)
        best, most = np.where(wins, value, best), np.maximum(most, share)
    return best, most < 1e-9


def fuzz_cog(report, program, seed=0):
    """Writes rasters of many sizes and types and compares every level with numpy and with GDAL's COG driver."""
    rng = np.random.default_rng(seed)
    sizes = [(1, 1), (511, 511), (512, 512), (513, 513), (1933, 1947), (5000, 300), (1, 3000), (1030, 1), (1025, 2049)]
    sizes += [tuple(int(v) for v in rng.integers(1, 2300, 2)) for _ in range(15)]
    kinds = [("f32", "nan", "average"), ("u8", "255", "mode"), ("u16", "0", "average"), ("u8", "none", "average"),
             ("i16", "-9999", "nearest"), ("f32", "-1", "average")]
    worst_gdal = 0.0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for i, (width, height) in enumerate(sizes):
            kind, nodata, resampling = kinds[i % len(kinds)]
            bands = 1 + (i % 5 == 4)
            epsg = 4326 if i % 4 == 3 else 32618
            subject = f"{width}x{height} {bands}x{kind} {resampling} {epsg}"
            dtype = {"f32": "float32", "u8": "uint8", "u16": "uint16", "i16": "int16"}[kind]
            y, x = np.mgrid[:height, :width]
            wave = (np.sin(x / 37) * np.cos(y / 23) + 1) / 2
            pixels = np.stack([np.clip(wave + rng.normal(0, 0.05, wave.shape), 0, 1) for _ in range(bands)])
            if resampling == "mode":
                pixels = (pixels > 0.5).astype(dtype)
            elif dtype != "float32":
                pixels = (pixels * (200 if kind == "u8" else 9000) + 1).astype(dtype)
            pixels = pixels.astype(dtype)
            if nodata != "none":
                hole = (wave > 0.9) | (rng.random(wave.shape) < 0.02)
                pixels[:, hole] = np.array(float(nodata)).astype(dtype)
            pixels.astype(pixels.dtype.newbyteorder("<")).tofile(folder / "in.raw")
            path = folder / "out.tif"
            rows = int(rng.integers(1, 700))
            subprocess.run(list(map(str, [program, folder / "in.raw", path, width, height, bands, kind, epsg, nodata,
                                          resampling, rows])), check=True)
            check_cog(report, path, subject)
            with rasterio.open(path) as raster:
                report.check(subject, "pixels equal", np.array_equal(raster.read(), pixels, equal_nan=dtype == "float32"))
                place = (10.0, 0.0, 435730.0, 0.0, -10.0, 4179460.0) if epsg == 32618 else (1e-4, 0, 12.0, 0, -1e-4, 46.0)
                report.check(subject, "CRS, transform", raster.crs.to_epsg() == epsg and
                             tuple(raster.transform)[:6] == place, str(raster.crs))
                written = raster.nodata
                same = written is None if nodata == "none" else str(float(nodata)) == str(written)
                report.check(subject, "nodata", same, str(written))
                report.check(subject, "band names", raster.descriptions == tuple(f"band {b + 1}" for b in range(bands)))
                report.check(subject, "scale, offset", set(raster.scales) == {0.5} and set(raster.offsets) == {0.1})
                report.check(subject, "dataset items", raster.tags().get("KEY") == "a & <b>", raster.tags().get("KEY"))
                levels = len(raster.overviews(1))
                geometry = {"transform": raster.transform, "crs": raster.crs, "nodata": raster.nodata}
            smallest = max(width, height) if levels == 0 else None
            for band in range(1, bands + 1):
                above = pixels[band - 1]
                for level in range(levels):
                    with rasterio.open(path, overview_level=level) as overview:
                        got = overview.read(band)
                    smallest = max(got.shape)
                    missing = np.isnan(above) if dtype == "float32" else np.zeros(above.shape, bool)
                    if nodata not in ("none", "nan"):
                        missing |= above == float(nodata)
                    if resampling == "nearest":
                        rows_ = np.arange(got.shape[0]) * above.shape[0] // got.shape[0]
                        columns = np.arange(got.shape[1]) * above.shape[1] // got.shape[1]
                        passed = np.array_equal(got, above[np.ix_(rows_, columns)])
                    else:
                        make = averaged if resampling == "average" else moded
                        expected, gone = make(above, missing, got.shape)
                        empty = np.isnan(got) if nodata == "nan" else got == float(nodata) if nodata != "none" else gone
                        difference = np.where(gone, 0, np.where(empty, 0, got.astype(float)) - expected)
                        # Integers may round the other way where the mean is a half up to rounding errors.
                        allowed = 1e-6 if dtype == "float32" else 0.5 + 1e-6 if resampling == "average" else 0
                        passed = np.array_equal(empty, gone) and np.abs(difference).max(initial=0) <= allowed
                    report.check(subject, f"band {band} overview {level} as documented", passed, str(got.shape))
                    above = got
            report.check(subject, "smallest overview <= 512", smallest <= 512, str(smallest))
            if resampling == "average" and levels:
                with rasterio.MemoryFile() as plain:
                    profile = dict(driver="GTiff", width=width, height=height, count=bands, dtype=dtype, **geometry)
                    with plain.open(**profile) as raster:
                        raster.write(pixels)
                    rasterio.shutil.copy(plain.name, folder / "gdal.tif", driver="COG", compress="DEFLATE",
                                         overview_resampling="average")
                if rio_cogeo_misjudges(path):
                    gdal_valid = cog_validate(str(folder / "gdal.tif"), strict=True, quiet=True)[0]
                    report.check(subject, "rio-cogeo refuses GDAL's own COG as well", not gdal_valid)
                for level in range(levels):
                    with rasterio.open(path, overview_level=level) as ours, \
                            rasterio.open(folder / "gdal.tif", overview_level=level) as gdals:
                        a, b = ours.read(masked=True).astype(float), gdals.read(masked=True).astype(float)
                    report.check(subject, f"overview {level} has GDAL's size", a.shape == b.shape, f"{a.shape} {b.shape}")
                    if a.shape == b.shape:
                        scale = 1 if dtype == "float32" else 1 / (200 if kind == "u8" else 9000)
                        difference = float(np.abs(np.ma.filled(a - b, 0)).max()) * scale
                        disagree = int((np.ma.getmaskarray(a) != np.ma.getmaskarray(b)).sum())
                        worst_gdal = max(worst_gdal, difference)
                        report.check(subject, f"overview {level} near GDAL's own", difference < 0.05 and disagree == 0,
                                     f"largest difference {difference:.2g} of the range, nodata differs {disagree}")
    print(f"largest difference from GDAL's average overviews: {worst_gdal:.3g} of the range of values")


# --- Folders of `minesegsat predict` ----------------------------------------------------------------------------------


def canonical(frame):
    """Polygons by id in WGS 84, for comparison between formats."""
    return frame.sort_values("id").reset_index(drop=True).to_crs(4326) if len(frame) else frame


def check_folder(report, folder):
    import geopandas
    import pyogrio
    import pyproj
    import shapely

    def ok(name, passed, detail=""):
        return report.check(folder.name, name, passed, detail)

    manifest = json.loads((folder / "manifest.json").read_text())
    parameters = manifest["parameters"]
    threshold, min_area_m2 = parameters["threshold"], parameters["min_area_m2"]
    for name in ["probability.tif", "mask.tif"]:
        check_cog(report, folder / name, f"{folder.name}/{name}")

    with rasterio.open(folder / "probability.tif") as p, rasterio.open(folder / "mask.tif") as m:
        ok("grids equal", (p.crs, p.transform, p.shape) == (m.crs, m.transform, m.shape), f"{p.crs} {p.shape}")
        ok("types", p.dtypes == ("float32",) and m.dtypes == ("uint8",), f"{p.dtypes} {m.dtypes}")
        ok("band names", all(p.descriptions) and all(m.descriptions), f"{p.descriptions} {m.descriptions}")
        ok("nodata", p.nodata is not None and np.isnan(p.nodata) and m.nodata == MASK_NODATA, f"{p.nodata} {m.nodata}")
        probability, mask = p.read(1), m.read(1)
        crs, transform = p.crs, p.transform
    missing = np.isnan(probability)
    valid = probability[~missing]
    ok("probabilities in 0 to 1", valid.size == 0 or (valid.min() >= 0 and valid.max() <= 1))
    ok("mask has 0, 1, 255 only", set(np.unique(mask)) <= {0, 1, MASK_NODATA})
    ok("nodata agrees", np.array_equal(missing, mask == MASK_NODATA), f"{int(missing.sum())} pixels")
    with np.errstate(invalid="ignore"):
        over = probability >= np.float32(threshold)
    found = mask == 1
    ok("mask within probability >= threshold", not (found & ~over).any(), f"threshold {threshold}")
    dropped = over & ~found
    ok("mask == threshold, but for small polygons", not dropped.any() or min_area_m2 > 0,
       f"{int(found.sum())} pixels, {int(dropped.sum())} dropped (min_area_m2 {min_area_m2})")

    frames = {}
    for suffix in VECTOR_SUFFIXES:
        path = folder / f"polygons{suffix}"
        if path.exists():
            frames[suffix] = geopandas.read_parquet(path) if suffix == ".parquet" else pyogrio.read_dataframe(path)
    ok("polygons were written", bool(frames), ", ".join(frames))
    if ".gpkg" in frames:
        layers = [name for name, *_ in pyogrio.list_layers(folder / "polygons.gpkg")]
        # The styles for QGIS come last, so that the land is the default layer.
        ok("layer name", layers == [LAYER, "layer_styles"], str(layers))
    geod = pyproj.Geod(ellps="WGS84")
    for suffix, frame in frames.items():
        # GeoJSON has no fields of its own, only those of its features.
        complete = set(FIELDS) <= set(frame.columns) or (suffix == ".geojson" and not len(frame))
        ok(f"{suffix} fields", complete, ", ".join(c for c in frame.columns if c != "geometry"))
        invalid = [shapely.is_valid_reason(g) for g in frame.geometry if not g.is_valid]
        ok(f"{suffix} geometries valid", not invalid, f"{len(frame)} polygons {invalid[:2]}")
        if not len(frame):
            ok(f"{suffix} rasterised == mask", not found.any())
            continue
        ok(f"{suffix} ids unique", frame["id"].is_unique)
        projected = frame.to_crs(crs)
        if suffix == ".geojson":
            # Rounded coordinates leave the pixel edges by millimetres, never as far as the pixel centres.
            ok(f"{suffix} is WGS 84", frame.crs.to_epsg() == 4326)
        burnt = rasterio.features.rasterize(projected.geometry, mask.shape, transform=transform, all_touched=False)
        ok(f"{suffix} rasterised == mask", np.array_equal(burnt == 1, found), f"{int((burnt == 1).sum())} pixels")
        areas = np.array([abs(geod.geometry_area_perimeter(g)[0]) for g in densified(projected, crs)]) / 1e4
        off = np.abs(frame["area_ha"].to_numpy() / areas - 1).max()
        ok(f"{suffix} area_ha against the ellipsoid", off < 1e-4, f"largest deviation {off:.2g}")
    if len(frames) > 1:
        first_suffix, *others = frames
        first = canonical(frames[first_suffix])
        for suffix in others:
            other = canonical(frames[suffix])
            same = len(first) == len(other)
            for column in FIELDS if len(first) else []:
                same = same and np.allclose(first[column].astype(float), other[column].astype(float), rtol=1e-9, atol=1e-9)
            # In metres: GeoJSON is rounded by less than a millimetre, and long edges get more vertices where they bend.
            pairs = zip(first.to_crs(crs).geometry, other.to_crs(crs).geometry) if same and len(first) else []
            for a, b in pairs:
                same = same and a.symmetric_difference(b).area <= 0.002 * a.length
            ok(f"{suffix} == {first_suffix}", same, f"{len(other)} and {len(first)} polygons")
    if (folder / "quicklook.png").exists():
        picture = (folder / "quicklook.png").read_bytes()
        width, height = struct.unpack(">II", picture[16:24])
        ok("quicklook is a PNG", picture[:8] == b"\x89PNG\r\n\x1a\n" and max(width, height) <= 1600, f"{width} x {height}")


def densified(frame, crs):
    """Polygons in WGS 84 with a vertex at least every 10 map units (metres), so that edges straight on the map stay so."""
    geometry = frame.geometry if crs.is_geographic else frame.geometry.segmentize(10)
    return geometry.to_crs(4326)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--cog", nargs="+", type=Path, default=[])
    parser.add_argument("--fuzz-cog", type=Path)
    parser.add_argument("-q", "--quiet", action="store_true", help="print failures only")
    arguments = parser.parse_args()
    if not (arguments.folders or arguments.cog or arguments.fuzz_cog):
        parser.error("nothing to check")
    report = Report(arguments.quiet)
    for path in arguments.cog:
        check_cog(report, path)
    for folder in arguments.folders:
        check_folder(report, folder)
    if arguments.fuzz_cog:
        fuzz_cog(report, arguments.fuzz_cog.resolve())
    print(f"{report.count} checks, {report.failed} failed")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
