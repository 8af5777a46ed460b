#!/usr/bin/env python3
"""Sites around the mines of a simulated year: their pixels and 200 m around, parts that touch together. Needs rasterio and scipy.

Usage: scripts/sites_around_mines.py MASK.tif OUT.geojson
"""
import json
import sys

import rasterio
from rasterio import features
from scipy import ndimage

with rasterio.open(sys.argv[1]) as raster:
    mines, transform, epsg = raster.read(1) > 0, raster.transform, raster.crs.to_epsg()
labels, count = ndimage.label(ndimage.binary_dilation(mines, iterations=20))
collection = {"type": "FeatureCollection", "crs": {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{epsg}"}}, "features": []}
for number in range(1, count + 1):
    site = labels == number
    parts = [shape["coordinates"] for shape, _ in features.shapes(site.astype("uint8"), mask=site, transform=transform)]
    geometry = {"type": "MultiPolygon", "coordinates": parts}
    collection["features"].append({"type": "Feature", "properties": {"id": str(number)}, "geometry": geometry})
with open(sys.argv[2], "w") as out:
    json.dump(collection, out)
