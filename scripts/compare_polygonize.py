"""Compares polygons, their sizes and their files with GDAL, GEOS, PROJ and pyogrio.

    cargo build --release --example polygonize
    python scripts/compare_polygonize.py target/release/examples/polygonize

Masks are noise of several densities and smoothed noise (blobs), with cells that could not be assessed, under both
connectivities. Checked: number of regions and outlines against rasterio.features.shapes, rasterising back gives the mask,
every geometry is valid, geodesic areas and perimeters equal pyproj's, and all four files hold the same rows.
Needs rasterio, geopandas, pyproj, pyarrow.
"""

import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import geopandas
import numpy as np
import pyogrio
import pyproj
import rasterio.features
import shapely
from rasterio.transform import Affine

warnings.filterwarnings("ignore", category=UserWarning)
EPSG, X, Y, SIZE = 32611, 633000.0, 4179460.0, 10.0
COLUMNS = ["id", "area_ha", "perimeter_m", "mean_probability", "max_probability", "touches_edge", "touches_nodata"]


def blobs(rng, n, scale):
    field = rng.standard_normal((n, n))
    f = np.fft.fft2(field) * np.exp(-0.5 * scale**2 * sum(np.meshgrid(np.fft.fftfreq(n) ** 2, np.fft.fftfreq(n) ** 2)) * 39.5)
    field = np.fft.ifft2(f).real
    return (field > np.quantile(field, 0.9)).astype(np.uint8)


def distance(a, b):
    """Largest distance of vertices where they are the same, of outlines where long edges were cut."""
    same = shapely.get_num_coordinates(a) == shapely.get_num_coordinates(b)
    d = np.abs(shapely.get_coordinates(a[same]) - shapely.get_coordinates(b[same])).max(initial=0)
    return max(float(d), float(shapely.hausdorff_distance(a[~same], b[~same]).max(initial=0)))


def run(binary, mask, connectivity, folder):
    path = folder / "mask.bin"
    mask.tofile(path)
    args = [binary, path, mask.shape[1], "four" if connectivity == 4 else "eight", EPSG, X, Y, SIZE, folder]
    return subprocess.run([str(a) for a in args], check=True, capture_output=True, text=True).stdout


def check(binary, name, mask, connectivity, folder):
    out = run(binary, mask, connectivity, folder)
    assert "mask equal: true" in out, out
    layers = {ext: geopandas.read_file(folder / f"mining.{ext}") for ext in ("gpkg", "fgb", "geojson")}
    layers["parquet"] = geopandas.read_parquet(folder / "mining.parquet")
    gpkg = layers["gpkg"]
    assert gpkg.crs.to_epsg() == EPSG and layers["fgb"].crs.to_epsg() == EPSG
    assert layers["parquet"].crs.to_string() == "OGC:CRS84" and layers["geojson"].crs.to_epsg() == 4326

    invalid = int((~gpkg.geometry.is_valid).sum())
    transform = Affine(SIZE, 0, X, 0, -SIZE, Y)
    inside = (mask == 1).astype(np.uint8)
    different = 0
    if len(gpkg):
        back = rasterio.features.rasterize(gpkg.geometry, mask.shape, transform=transform, dtype="uint8")
        different = int((back != inside).sum())
    shapes = list(rasterio.features.shapes(inside, mask=inside == 1, connectivity=connectivity, transform=transform))
    assert len(shapes) == len(gpkg), (len(shapes), len(gpkg))
    gdal = shapely.from_wkb(shapely.to_wkb([shapely.geometry.shape(s) for s, _ in shapes])) if shapes else []
    gdal_invalid = int((~shapely.is_valid(gdal)).sum()) if shapes else 0
    if shapes:
        # The same regions: GDAL's outlines have the same bounds and areas, region by region.
        key = lambda g: np.sort(np.round(np.c_[shapely.bounds(g), np.abs(shapely.area(g))], 3).view("f8,f8,f8,f8,f8"), axis=0)
        if not gdal_invalid:
            assert (key(gdal) == key(gpkg.geometry.values)).all()

    worst = np.zeros(3)
    geod = pyproj.Geod(ellps="WGS84")
    for ext, layer in layers.items():
        if ext == "geojson" and len(gpkg) == 0:
            assert len(layer) == 0  # a list of nothing has no columns
            continue
        layer = layer.sort_values("id").reset_index(drop=True)
        assert list(layer.columns[:-1] if ext != "parquet" else layer.columns[:7]) == COLUMNS, layer.columns
        assert len(layer) == len(gpkg)
        for column in COLUMNS:
            assert (layer[column].to_numpy() == gpkg.sort_values("id")[column].to_numpy()).all(), (ext, column)
        if len(layer):
            here = layer.geometry.to_crs(EPSG)
            order = gpkg.sort_values("id").geometry.values
            worst[0] = max(worst[0], distance(here.values, order))
            assert layer.geometry.is_valid.all(), ext
    sample = gpkg.sample(min(len(gpkg), 300), random_state=0) if len(gpkg) else gpkg
    lon_lat = sample.geometry.segmentize(500).to_crs(4326)
    for (_, row), geometry in zip(sample.iterrows(), lon_lat):
        area, perimeter = geod.geometry_area_perimeter(shapely.orient_polygons(geometry))
        worst[1] = max(worst[1], abs(row.area_ha * 1e4 / area - 1))
        worst[2] = max(worst[2], abs(row.perimeter_m / perimeter - 1))
    info = pyogrio.read_info(folder / "mining.gpkg")
    assert info["features"] == len(gpkg) and info["capabilities"]["fast_spatial_filter"]
    flags = f"{int(gpkg.touches_edge.sum())} at the edge, {int(gpkg.touches_nodata.sum())} beside clouds"
    print(f"{name:22} {connectivity}-connected: {len(gpkg):6} regions, {different} pixels different, {invalid} invalid (GDAL {gdal_invalid}), "
          f"files within {worst[0]:.1e} m, area {worst[1]:.1e}, perimeter {worst[2]:.1e} relative, {flags}")
    return different + invalid


def main(binary):
    rng = np.random.default_rng(0)
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for connectivity in (4, 8):
            for density in (0.02, 0.3, 0.5, 0.7, 0.98):
                mask = (rng.random((300, 317)) < density).astype(np.uint8)
                bad += check(binary, f"noise {density}", mask, connectivity, Path(folder))
            mask = blobs(rng, 1024, 6)
            bad += check(binary, "blobs", mask, connectivity, Path(folder))
            mask[rng.random((64, 64)).repeat(16, 0).repeat(16, 1) < 0.05] = 255
            bad += check(binary, "blobs under clouds", mask, connectivity, Path(folder))
            bad += check(binary, "nothing", np.zeros((50, 60), np.uint8), connectivity, Path(folder))
    sys.exit(bad > 0)


if __name__ == "__main__":
    main(sys.argv[1])
