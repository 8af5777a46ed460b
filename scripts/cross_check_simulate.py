#!/usr/bin/env python3
"""Checks folders of `minesegsat simulate` with pystac, rasterio, rio-cogeo and geopandas.

    cross_check_simulate.py FOLDER...      one folder per simulation; prints what differs and exits with 1
"""

import argparse
import csv
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import rasterio
import rasterio.features

from cross_check import Report, check_cog

PARTS = {"pit": 1, "waste-rock": 2, "tailings-pond": 3, "heap-leach-pad": 4, "mill": 5, "haul-road": 6}
CHANGES = {"stable": 1, "gain": 2, "loss": 3}
GSD = {"B01": 60, "B02": 10, "B03": 10, "B04": 10, "B05": 20, "B06": 20, "B07": 20, "B08": 10, "B8A": 20, "B09": 60,
       "B11": 20, "B12": 20, "SCL": 20}


def check_catalogue(report, folder):
    """The catalogue as pystac reads it, and every band as its item describes it."""
    import pystac
    import pystac.validation
    from pystac.extensions.projection import ProjectionExtension

    def ok(name, passed, detail=""):
        return report.check(folder.name, name, passed, detail)

    catalogue = pystac.Catalog.from_file(str(folder / "catalog.json"))
    collections = list(catalogue.get_children())
    ok("one collection", [type(c) for c in collections] == [pystac.Collection])
    items = list(catalogue.get_items(recursive=True))
    ok("items are found", len(items) >= 1 and {i.collection_id for i in items} == {collections[0].id}, f"{len(items)}")
    for item in [catalogue, *collections, *items]:
        # Without the extensions, whose schemas are not in the package.
        document = item.to_dict(include_self_link=False)
        document["stac_extensions"] = []
        try:
            pystac.validation.validate_dict(document)
            said = ""
        except Exception as error:  # noqa: BLE001
            said = str(error).splitlines()[0]
        ok(f"{item.id} validates", not said, said)
    for item in items:
        ok(f"{item.id} is honest", all("imulated" in item.properties[k] for k in ("title", "description", "platform")))
        projection, cloud_cover = ProjectionExtension.ext(item), item.properties["eo:cloud_cover"]
        ok(f"{item.id} cloud cover", 0 <= cloud_cover <= 100, str(cloud_cover))
        ok(f"{item.id} has all bands", set(GSD) <= set(item.assets))
        for key, gsd in GSD.items():
            asset = item.assets[key]
            path = Path(asset.get_absolute_href())
            subject = f"{item.id}/{key}"
            check_cog(report, path, subject)
            with rasterio.open(path) as raster:
                described = ProjectionExtension.ext(asset)
                place = (raster.crs.to_epsg(), list(raster.shape), list(raster.transform)[:6])
                report.check(subject, "place as described",
                             place == (projection.epsg, list(described.shape), list(described.transform)), str(place))
                report.check(subject, "pixel size", raster.res == (gsd, gsd), str(raster.res))
                # As they stand in STAC 1.1: pystac has no versions 2 of the extensions raster and eo.
                band = asset.to_dict()["bands"][0]
                report.check(subject, "name", band["name"] == key, band["name"])
                report.check(subject, "type and nodata",
                             (raster.dtypes[0], raster.nodata) == (band["data_type"], band["nodata"]))
                pixels = raster.read(1)
                if key == "SCL":
                    report.check(subject, "classes", pixels.min() >= 1 and pixels.max() <= 11)
                else:
                    report.check(subject, "no nodata", pixels.min() >= 1)
                    stated = [band["raster:scale"], band["raster:offset"]]
                    report.check(subject, "scale and offset", np.allclose([raster.scales[0], raster.offsets[0]], stated),
                                 f"{raster.scales} {raster.offsets}")
                    expected = -0.1 if item.datetime.strftime("%Y-%m-%d") >= "2022-01-25" else 0
                    report.check(subject, "offset of its time", stated[1] == expected, str(stated[1]))
            data = path.read_bytes()
            report.check(subject, "checksum", asset.extra_fields["file:checksum"] == "1220" + hashlib.sha256(data).hexdigest())
            report.check(subject, "size", asset.extra_fields["file:size"] == len(data))


def check_truth(report, folder):
    """Polygons as rasterio rasterises them, change as numpy compares the masks, totals as both say."""
    import geopandas
    import pyogrio

    def ok(name, passed, detail=""):
        return report.check(folder.name, name, passed, detail)

    truth = folder / "truth"
    summary = json.loads((truth / "summary.json").read_text())
    masks = {}
    for year in [*summary.get("years", []), *summary.get("dates", [])]:
        name = year.get("date", year["year"])
        check_cog(report, truth / f"{name}_mask.tif", f"{folder.name}/{name}_mask.tif")
        check_cog(report, truth / f"{name}_parts.tif", f"{folder.name}/{name}_parts.tif")
        with rasterio.open(truth / f"{name}_mask.tif") as m, rasterio.open(truth / f"{name}_parts.tif") as p:
            mask, parts, transform, crs = m.read(1), p.read(1), m.transform, m.crs
        frame = pyogrio.read_dataframe(truth / f"{name}.gpkg", layer="mine_parts")
        ok(f"{name} CRS", frame.crs.to_epsg() == crs.to_epsg() == summary["epsg"])
        ok(f"{name} geometries valid", bool(frame.geometry.is_valid.all()), f"{len(frame)} parts")
        ok(f"{name} one feature per part of a mine", not frame.duplicated(["mine_id", "part"]).any())
        shapes = [(g, PARTS[p]) for g, p in zip(frame.geometry, frame["part"])]
        burnt = rasterio.features.rasterize(shapes, mask.shape, transform=transform) if shapes else np.zeros_like(mask)
        ok(f"{name} rasterio burns the same parts", np.array_equal(burnt, parts), f"{int((burnt != parts).sum())} pixels differ")
        ok(f"{name} mask is the parts", np.array_equal(mask, (parts != 0).astype("uint8")))
        for part, value in PARTS.items():
            said = year["parts"].get(part, {"pixels": 0})["pixels"]
            ok(f"{name} pixels of {part}", said == int((parts == value).sum()), str(said))
        area = geopandas.GeoSeries(frame.geometry).area.sum() / 1e4
        ok(f"{name} hectares", abs(year["total"]["area_ha"] - area) <= 2e-3 * area + 1e-6, f"{area:.1f}")
        masks[name] = mask
    if "dates" in summary:
        check_series(ok, truth, summary, masks)
    for change in summary["changes"]:
        years = (change["from_year"], change["to_year"])
        stem = "change_{}_{}".format(*years)
        with rasterio.open(truth / f"{stem}.tif") as raster:
            pixels, transform = raster.read(1), raster.transform
        before, after = masks[years[0]] == 1, masks[years[1]] == 1
        expected = np.select([before & after, after, before], [1, 2, 3], 0)
        ok(f"{stem} is the difference of the masks", np.array_equal(pixels, expected))
        ok(f"{stem} totals", all(change["pixels"][k] == int((pixels == v).sum()) for k, v in CHANGES.items()))
        frame = pyogrio.read_dataframe(truth / f"{stem}.gpkg", layer="mining_change")
        shapes = [(g, CHANGES[c]) for g, c in zip(frame.geometry, frame["change"])]
        burnt = rasterio.features.rasterize(shapes, pixels.shape, transform=transform) if shapes else np.zeros_like(pixels)
        ok(f"{stem} polygons are the pixels", np.array_equal(burnt, pixels), f"{len(frame)} polygons")


def check_series(ok, truth, summary, masks):
    """Masks follow from the days of onset and regrowth; the table repeats the summary."""
    import geopandas

    with rasterio.open(truth / "onset.tif") as a, rasterio.open(truth / "regrown.tif") as b:
        onset, regrown = a.read(1), b.read(1)
        ok("days are uint16 with nodata 0", (a.dtypes[0], a.nodata, b.dtypes[0], b.nodata) == ("uint16", 0, "uint16", 0))
    ok("land regrows after its onset", bool((regrown[regrown > 0] > onset[regrown > 0]).all()))
    ok("no land is disturbed twice", summary["disturbed_again_pixels"] == 0, str(summary["disturbed_again_pixels"]))
    for date in summary["dates"]:
        day = date["day"]
        expected = (onset > 0) & (onset <= day) & ~((regrown > 0) & (regrown <= day))
        differ = int((expected != (masks[date["date"]] == 1)).sum())
        ok(f"{date['date']} mask is onset without regrowth", differ == 0, f"{differ} pixels differ")
        ok(f"{date['date']} shift is within its bound", np.hypot(*date["shift_px"]) <= summary["max_shift_px"] + 1e-6)
    with open(truth / "sites.csv") as table:
        rows = {(row["id"], row["date"]): int(row["pixels"]) for row in csv.DictReader(table)}
    expected = {(str(mine["mine_id"]), date["date"]): mine["total"]["pixels"] for date in summary["dates"] for mine in date["mines"]}
    ok("sites.csv repeats the summary", all(rows.get(key) == value for key, value in expected.items()), f"{len(rows)} rows")
    sites = geopandas.read_file(truth / "sites.gpkg", layer="sites")
    ok("sites are valid", bool(sites.geometry.is_valid.all()), f"{len(sites)} sites")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("-q", "--quiet", action="store_true", help="print failures only")
    arguments = parser.parse_args()
    report = Report(arguments.quiet)
    for folder in arguments.folders:
        check_catalogue(report, folder)
        check_truth(report, folder)
    print(f"{report.count} checks, {report.failed} failed")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
