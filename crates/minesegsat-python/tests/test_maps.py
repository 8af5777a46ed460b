"""Maps and change: arrays equal the files of the program, and what Python makes of them."""

import json

import minesegsat
import numpy as np
import pytest
from minesegsat import _minesegsat


def test_a_map_equals_that_of_the_program_bit_for_bit(tmp_path, program, landscape, mapped):
    program("predict", landscape.scenes[0], "-o", tmp_path / "out", "--format", "geojson,parquet", "--quiet")
    theirs = minesegsat.Map.open(tmp_path / "out")
    for name in ["probability.tif", "mask.tif", "polygons.geojson", "polygons.parquet"]:
        assert (theirs.folder / name).read_bytes() == (mapped.folder / name).read_bytes(), name
    assert theirs.probability.tobytes() == mapped.probability.tobytes()
    assert theirs.manifest["totals"] == mapped.manifest["totals"]


def test_arrays_have_the_values_of_the_files(mapped):
    rasterio = pytest.importorskip("rasterio")
    for name, array in [("probability", mapped.probability), ("mask", mapped.mask)]:
        with rasterio.open(mapped.folder / f"{name}.tif") as raster:
            assert raster.read(1).tobytes() == array.tobytes()
            assert raster.read(1).dtype == array.dtype
            assert tuple(raster.transform)[:6] == mapped.transform
            assert f"EPSG:{raster.crs.to_epsg()}" == mapped.crs


def test_the_mask_is_the_probability_at_the_threshold(mapped, model):
    seen = ~np.isnan(mapped.probability)
    assert mapped.shape == mapped.probability.shape == mapped.mask.shape == (384, 384)
    assert ((mapped.mask == 255) == ~seen).all()
    assert ((mapped.probability[seen] >= np.float32(model.threshold)) == (mapped.mask[seen] == 1)).all()
    assert 0 < (mapped.mask == 1).sum() < mapped.mask.size


def test_polygons_are_geojson_and_arrow(mapped):
    polygons = mapped.polygons
    areas = [feature["properties"]["area_ha"] for feature in polygons]
    assert len(polygons) == mapped.manifest["totals"]["polygons"] > 0
    assert sum(areas) == pytest.approx(mapped.hectares)
    assert polygons.__geo_interface__["type"] == "FeatureCollection"
    pyarrow = pytest.importorskip("pyarrow")
    assert pyarrow.table(polygons).num_rows == len(polygons)


def test_polygons_outlive_their_map(model, scene):
    polygons = model.predict(scene).polygons
    assert len(polygons) > 0


def test_temporary_files_end_with_the_map(model, scene):
    found = model.predict(scene, bbox=_part(scene))
    folder = found.folder
    assert folder.exists()
    del found
    assert not folder.exists()


def test_xarray_has_the_georeference(mapped):
    pytest.importorskip("xarray")
    data = mapped.to_xarray()
    a, _, c, _, e, f = mapped.transform
    assert float(data.x[0]) == c + a / 2 and float(data.y[1]) == f + 1.5 * e
    np.testing.assert_array_equal(data.mask.values, mapped.mask)


def test_an_array_gives_the_map_of_its_scene(model, scene):
    reflectance = scene.read(model.bands)
    assert reflectance.shape == (len(model.bands), 384, 384) and reflectance.dtype == np.float32
    given = dict(bands=model.bands, crs=scene.crs, transform=scene.transform, cloud_mask="none")
    found = model.predict_array(reflectance, **given)
    expected = model.predict(minesegsat.open_scene(scene.location, cloud_mask="none"))
    assert found.crs == expected.crs and found.transform == expected.transform
    np.testing.assert_array_equal(found.probability, expected.probability)
    np.testing.assert_array_equal(found.mask, expected.mask)
    reflectance[:, :50] = np.nan
    holes = minesegsat.predict(reflectance, model=model, **given)
    assert np.isnan(holes.probability[:50]).all() and not np.isnan(holes.probability[50:]).any()


def test_an_xarray_brings_its_georeference(model, scene):
    xarray = pytest.importorskip("xarray")
    a, _, c, _, e, f = scene.transform
    array = xarray.DataArray(
        scene.read(model.bands),
        dims=("band", "y", "x"),
        coords={"band": model.bands, "y": f + e * (np.arange(384) + 0.5), "x": c + a * (np.arange(384) + 0.5)},
        attrs={"crs": scene.crs},
    )
    found = model.predict_array(array, cloud_mask="none")
    given = dict(bands=model.bands, crs=int(scene.crs[5:]), transform=scene.transform, cloud_mask="none")
    expected = model.predict_array(array.values, **given)
    assert (found.crs, found.transform) == (expected.crs, expected.transform)
    np.testing.assert_array_equal(found.mask, expected.mask)


def _part(scene):
    """The middle of the scene as a box in degrees."""
    with open(scene.location) as file:
        west, south, east, north = json.load(file)["bbox"]
    third = (east - west) / 3, (north - south) / 3
    return (west + third[0], south + third[1], east - third[0], north - third[1])


def test_a_part_of_a_scene(model, scene):
    west, south, east, north = box = _part(scene)
    found = model.predict(scene, bbox=box)
    assert found.shape[0] < 200 and found.shape[1] < 200
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    inside = model.predict(scene, intersects={"type": "Polygon", "coordinates": [ring]})
    assert inside.shape[0] < 200 and inside.manifest["assessed"]["outside_pixels"] > 0


def test_change_equals_that_of_the_program(tmp_path, program, landscape, model, mapped):
    later = model.predict(landscape.scenes[1], tmp_path / "later")
    found = minesegsat.change(mapped, later)
    program("change", mapped.folder, later.folder, "-o", tmp_path / "change", "--quiet")
    theirs = _minesegsat.read_raster(tmp_path / "change" / "change.tif")
    np.testing.assert_array_equal(found.classes, theirs)
    assert (found.folder / "change.tif").read_bytes() == (tmp_path / "change" / "change.tif").read_bytes()
    assert found.statement and found.crs == mapped.crs
    if found.gain is not None:
        assert found.gain.lower_ha <= found.gain.ha <= found.gain.upper_ha


def test_five_lines_map_a_real_scene(tmp_path, program, reference):
    scene = minesegsat.open_scene(reference)
    found = minesegsat.Model.open().predict(scene, tmp_path / "ours")
    assert (found.crs, found.shape) == (scene.crs, scene.shape) == ("EPSG:32618", (1947, 1933))
    program("predict", reference, "-o", tmp_path / "theirs", "--quiet")
    theirs = minesegsat.Map.open(tmp_path / "theirs")
    for name in ["probability.tif", "mask.tif", "quicklook.png", "unlike.tif"]:
        assert (theirs.folder / name).read_bytes() == (found.folder / name).read_bytes(), name
    assert theirs.probability.tobytes() == found.probability.tobytes()
    assert theirs.mask.tobytes() == found.mask.tobytes()
