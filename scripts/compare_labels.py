"""Compares `minesegsat labels` with geopandas, shapely and rasterio: counts, areas, masks, ignored pixels.

    cargo build
    python scripts/compare_labels.py target/debug/minesegsat [FILE[:LAYER] ...]

Without files, random polygons in longitude and latitude are written as GeoPackage, Shapefile (and in a zip archive),
GeoJSON, FlatGeobuf and GeoParquet (every compression that is read) and in several CRS. Of each layer: number of polygons and geodesic area;
then masks on UTM grids around some of its features, which must not differ in a single pixel, with classes and without;
and the pixels ignored within a distance of an edge, by shapely's distances. Needs geopandas, pyarrow, rasterio, pyproj.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import geopandas as gpd
import numpy as np
import pyproj
import rasterio
import rasterio.features
import shapely
from rasterio.transform import from_origin

GEOD = pyproj.Geod(ellps="WGS84")
PIXELS = 512
BUFFER_M = 25.0
# Longest edges, in degrees and in metres, whose chords are within 0.1 m of the curves they stand for.
LONGEST = {False: 0.03, True: 2000.0}
failures = 0


def check(holds, what):
    global failures
    failures += not holds
    if not holds:
        print(f"FAILED  {what}")


def program(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{arguments}: {done.stderr}")
    return done.stdout


def area_ha(geometries):
    """Edges are straight in the CRS, so that they are cut before they stand for geodesics."""
    total = 0.0
    for part in shapely.get_parts(list(geometries)):
        part = shapely.segmentize(shapely.geometry.polygon.orient(part), 0.01)
        total += GEOD.geometry_area_perimeter(part)[0]
    return total / 1e4


def utm(longitude, latitude):
    return (32700 if latitude < 0 else 32600) + int((longitude + 180) // 6) % 60 + 1


def compare(path, layer, folder, centres=6):
    more = ["--layer", layer] if layer else []
    labels = gpd.read_file(path, layer=layer) if path.suffix != ".parquet" else gpd.read_parquet(path)
    info = json.loads(program("labels", "info", path, *more, "--json"))
    labels["fid_"] = [str(i) for i in (labels.index if path.suffix != ".gpkg" else labels.index + 1)]
    if path.suffix == ".geojson":
        ids = [f.get("id") for f in json.loads(path.read_text())["features"]]
        labels["fid_"] = [str(i if own is None else own) for i, own in enumerate(ids)]
    dropped = {d["id"]: d["reason"] for d in info["report"]["dropped"]}
    polygons = labels[labels.geom_type.isin(["Polygon", "MultiPolygon"])]
    used = polygons[~polygons.fid_.isin(dropped)]
    check(len(used) == info["report"]["kept"], f"{path.name}: {len(used)} features, {info['report']['kept']} here")
    repaired = {r["id"] for r in info["report"]["repaired"]}
    invalid = set(polygons[~polygons.is_valid].fid_)
    check(invalid <= repaired | set(dropped), f"{path.name}: invalid but not seen: {invalid - repaired - set(dropped)}")
    degrees = used.to_crs(4326)
    clean = degrees[~degrees.fid_.isin(repaired)]
    area = area_ha(clean.geometry) + area_ha(shapely.make_valid(degrees[degrees.fid_.isin(repaired)].geometry.values))
    check(abs(info["area_ha"] / area - 1) < 1e-5, f"{path.name}: {area} ha, {info['area_ha']} here")

    rng = np.random.default_rng(1)
    different, pixels, added, wrong = [0, 0], 0, 0, 0
    for place in rng.choice(len(used), min(centres, len(used)), replace=False):
        point = degrees.geometry.iloc[place].representative_point()
        epsg = utm(point.x, point.y)
        x, y = pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform(point.x, point.y)
        transform = from_origin(np.floor(x / 10) * 10 - PIXELS * 5, np.floor(y / 10) * 10 + PIXELS * 5, 10, 10)
        like, mask = folder / "like.tif", folder / "mask.tif"
        profile = dict(driver="GTiff", width=PIXELS, height=PIXELS, count=1, dtype="uint8", crs=epsg, transform=transform)
        with rasterio.open(like, "w", **profile) as out:
            out.write(np.zeros((1, PIXELS, PIXELS), "uint8"))
        rasterize = ["labels", "rasterize", path, *more, "--like", like, "-o", mask, "--overwrite", "-q"]
        box = gpd.GeoSeries([shapely.box(*rasterio.transform.array_bounds(PIXELS, PIXELS, transform))], crs=epsg)
        near = used[used.intersects(box.buffer(20_000).to_crs(used.crs).union_all())]
        # Straight edges of the file are curves here, which vertices stand for.
        curved = near.geometry.segmentize(LONGEST[near.crs.is_projected])
        added += int(shapely.get_num_coordinates(curved.values).sum() - shapely.get_num_coordinates(near.geometry.values).sum())
        near = curved.to_crs(epsg)
        # Parts one by one: GDAL burns a multipolygon by parity, and parts that overlap are united here.
        parts = shapely.get_parts(near.values)
        expected = rasterio.features.rasterize(parts, (PIXELS, PIXELS), transform=transform)
        columns, rows = np.meshgrid(np.arange(PIXELS) + 0.5, np.arange(PIXELS) + 0.5)
        points = shapely.points(transform.c + columns * 10, transform.f - rows * 10)
        tree = shapely.STRtree(shapely.get_parts(near.boundary.values))
        (taken, _), nearest = tree.query_nearest(points.ravel(), return_distance=True, all_matches=False)
        distance = np.full(PIXELS * PIXELS, np.inf)
        distance[taken] = nearest
        distance = distance.reshape(PIXELS, PIXELS)
        for buffer, edge in [(0.0, distance), (BUFFER_M, np.abs(distance - BUFFER_M))]:
            program(*rasterize, "--ignore-buffer", buffer)
            ours = rasterio.open(mask).read(1)
            if buffer:
                expected = np.where(distance <= buffer, 255, expected)
            differ = expected != ours
            different[buffer > 0] += int(differ.sum())
            # Between vertices an edge may be off by 0.1 m here, and by as much there.
            wrong += int((differ & (edge > 0.2)).sum())
        pixels += expected.size
    if added == 0:
        check(different == [0, 0], f"{path.name} {layer or ''}: {different} of {pixels} pixels differ")
    check(wrong == 0, f"{path.name} {layer or ''}: {wrong} pixels differ that are not within 0.2 m of an edge")
    print(
        f"{path.name} {layer or ''}: {len(used)} used, {len(dropped)} dropped, {len(repaired)} repaired, {area:.2f} ha "
        f"({info['area_ha']:.2f} here); {different[0]} of {pixels} pixels differ, {different[1]} with a buffer, {wrong} "
        f"beyond rounding; {added} vertices added to long edges"
    )


def random_labels(seed):
    """Stars of 100 m to 3 km, some with a hole, some of two parts, around the world."""
    rng = np.random.default_rng(seed)
    geometries, parts = [], []
    for _ in range(60):
        centre = rng.uniform(-170, 170), rng.uniform(-55, 70)
        shapes = []
        for part in range(rng.integers(1, 3)):
            n = rng.integers(4, 40)
            radii = rng.uniform(0.5, 1, n) * rng.uniform(100, 3000) / 111_320
            angle = np.arange(n) / n * 2 * np.pi
            x = centre[0] + part * 0.1 + np.cos(angle) * radii / np.cos(np.radians(centre[1]))
            star = shapely.Polygon(np.stack([x, centre[1] + np.sin(angle) * radii], 1))
            if rng.random() < 0.4:
                hole = shapely.affinity.scale(star, 0.4, 0.4, origin=(centre[0] + part * 0.1, centre[1]))
                star = star.difference(hole)
            shapes.append(star)
        geometries.append(shapes[0] if len(shapes) == 1 else shapely.MultiPolygon(shapes))
        parts.append(str(rng.choice(["pit", "waste rock", "tailings"])))
    return gpd.GeoDataFrame({"part": parts, "n": np.arange(60)}, geometry=geometries, crs=4326)


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if FILES:
            for name in FILES:
                name, _, layer = name.partition(":")
                compare(pathlib.Path(name), layer or None, folder)
            return
        labels = random_labels(7)
        for name in ["labels.gpkg", "labels.geojson", "labels.fgb", "labels.shp"]:
            labels.to_file(folder / name)
            compare(folder / name, None, folder)
        with zipfile.ZipFile(folder / "labels.zip", "w") as archive:
            for part in folder.glob("labels.[sdpc]*"):
                archive.write(part, part.name)
        compare(folder / "labels.zip", None, folder, centres=2)
        for compression in ["snappy", "gzip", "zstd", None]:
            path = folder / f"{compression}.parquet"
            labels.to_parquet(path, compression=compression)
            compare(path, None, folder, centres=2)
        # One zone, in which every system of its area is read: ESRI's words in the .prj, PROJ's in the others.
        here = labels.copy()
        here.geometry = [shapely.affinity.translate(g, -120 - g.centroid.x, 55 - g.centroid.y) for g in here.geometry]
        for epsg in [32610, 26910, 3005, 3978, 3979, 3347, 3857, 4269]:
            for extension in ["shp", "gpkg", "parquet"]:
                path = folder / f"epsg{epsg}.{extension}"
                there = here.to_crs(epsg)
                there.to_parquet(path) if extension == "parquet" else there.to_file(path)
                compare(path, None, folder, centres=2)


PROGRAM, *FILES = sys.argv[1:]
main()
print("all as it should be" if not failures else f"{failures} checks failed")
sys.exit(bool(failures))
