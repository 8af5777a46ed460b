"""stac-api-validator with the schemas of STAC 1.1 that pystac brings along, for machines without a network.

Schemas of extensions are on the web only: where they cannot be loaded, nothing is asked of them. Takes the arguments of
stac-api-validator.
"""

import json
import pathlib

import pystac.validation
import requests
from stac_api_validator.__main__ import main

FOLDER = pathlib.Path(pystac.validation.__file__).parent / "jsonschemas"
PLACES = {
    "https://schemas.stacspec.org/v1.1.0/": FOLDER / "stac-spec" / "v1.1.0",
    "https://geojson.org/schema/": FOLDER / "geojson",
}
ask = requests.get


def get(url, *arguments, **options):
    for start, folder in PLACES.items():
        path = folder / url.rsplit("/", 1)[-1]
        if url.startswith(start) and path.is_file():
            return answer(path.read_text())
    try:
        return ask(url, *arguments, **options)
    except requests.exceptions.ConnectionError:
        if "stac-extensions.github.io" in url:
            return answer(json.dumps({"$id": url}))
        raise


def answer(text):
    response = requests.models.Response()
    response.status_code = 200
    response._content = text.encode()
    response.headers["content-type"] = "application/json"
    return response


requests.get = get
main()
