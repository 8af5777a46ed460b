#!/usr/bin/env python3
"""Makes the outlines in scripts/areas, for which scripts/estimate_areas.py estimates costs.

    pip install 'geopandas<1'
    python scripts/make_area_outlines.py

Coasts and countries are those of Natural Earth 1:110m (public domain), which geopandas 0.14 contains. The other lines are drawn by hand
along degrees and rough lines, for planning only: the continental divide, the coast of British Columbia, and the border of the Amazon
biome inside Brazil. Their areas differ from the official ones by less than 4 %.
"""

import json
from pathlib import Path

import geopandas
import shapely
from pyproj import Geod
from shapely.geometry import Polygon, mapping

# From the 120th meridian along the continental divide to the 49th parallel.
DIVIDE = [(-120, 53.8), (-119.2, 53.2), (-118.2, 52.4), (-117.3, 51.9), (-116.3, 51.4), (-115.5, 50.7), (-114.7, 50.1),
          (-114.5, 49.5), (-114.06, 49)]  # fmt: skip
COAST_BOX = [(-122.76, 49), (-123.3, 48.9), (-123.2, 48.2), (-126, 48.2), (-135, 52), (-139, 59)]
# From the mouth of the Amazon along the eastern and southern border of the biome to Bolivia.
BIOME = [(-50.2, 2.5), (-47, 0), (-44.2, -2.4), (-44.8, -4.2), (-46.3, -5.2), (-47.5, -5.6), (-48.3, -6.5), (-48.7, -8), (-49.7, -9.6),
         (-51, -10.8), (-52.5, -12.2), (-54.5, -13), (-56.5, -13.3), (-58.5, -14.2), (-59.8, -15.2), (-60.3, -16)]  # fmt: skip
BIOME_BOX = [(-66, -14), (-75, -12), (-75, 3), (-64, 6), (-55, 6), (-50.2, 5)]
# Square kilometres: Statistics Canada (2 provinces), IBGE (biome). Land without Antarctica.
OFFICIAL = {"alberta_british_columbia": 661_848 + 944_735, "brazil_amazon": 4_196_943, "world_land": 135_000_000}


def main():
    world = geopandas.read_file(geopandas.datasets.get_path("naturalearth_lowres"))
    country = dict(zip(world["name"], world.geometry))
    alberta = Polygon([(-110, 49), (-110, 60), (-120, 60), *DIVIDE])
    columbia = country["Canada"].intersection(Polygon([(-139, 60), (-120, 60), *DIVIDE, *COAST_BOX]))
    areas = {
        "alberta_british_columbia": alberta.union(columbia),
        "brazil_amazon": country["Brazil"].intersection(Polygon([*BIOME, *BIOME_BOX])),
        "world_land": world[world["name"] != "Antarctica"].unary_union,
    }
    folder = Path(__file__).parent / "areas"
    folder.mkdir(exist_ok=True)
    for name, area in areas.items():
        area = shapely.set_precision(area, 0.01)
        square_km = abs(Geod(ellps="WGS84").geometry_area_perimeter(area)[0]) / 1e6
        print(f"{name}: {square_km:.0f} km2, {100 * (square_km / OFFICIAL[name] - 1):+.1f} % of the official area")
        geometry = json.loads(json.dumps(mapping(area)), parse_float=lambda text: round(float(text), 2))
        source = "Natural Earth 1:110m (public domain), and lines drawn by hand: scripts/make_area_outlines.py"
        feature = {"type": "Feature", "properties": {"id": name, "source": source}, "geometry": geometry}
        text = json.dumps({"type": "FeatureCollection", "features": [feature]}, separators=(",", ":"))
        (folder / f"{name}.geojson").write_text(text + "\n")


main()
