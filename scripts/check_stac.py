"""STAC objects of a server against the schemas of STAC 1.1, which pystac brings along. Usage: check_stac.py ROOT"""

import json
import sys
import urllib.request

import pystac


def get(path):
    with urllib.request.urlopen(sys.argv[1] + path) as answer:
        return json.load(answer)


def check(document, kind):
    # Schemas of extensions are on the web only.
    kind.from_dict({**document, "stac_extensions": []}, migrate=False).validate()
    print(kind.__name__, document["id"], "is valid")


check(get("/stac"), pystac.Catalog)
for collection in get("/stac/collections")["collections"]:
    check(collection, pystac.Collection)
    for item in get(f"/stac/collections/{collection['id']}/items?limit=100")["features"]:
        check(item, pystac.Item)
