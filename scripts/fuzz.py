#!/usr/bin/env python3
"""Damages small files of all formats and runs the program on them. No run may panic, abort, hang or use too much memory.

Usage: scripts/fuzz.py WORK [--minutes 60] [--workers 2] [--seed 1] [--program target/debug/minesegsat] [--seeds FOLDER ...]

WORK gets the seed files (`seeds`, made by the program once) and the findings (`findings`: the damaged file, and a text with the
command, the exit code and the messages). A case has the same damage in every run with the same seeds: `--case N` runs it again and
prints what it says; N is the number in the finding's name. `--only TEXT` takes the seeds whose name contains TEXT. A finding is:

- a panic, also one that the program reports as an internal error
- an exit code other than 0, 1, 2 or 3 (evidence that is intact but not authenticated), or a signal
- a run of more than `--timeout` seconds (default 10), both in time and in processor time of one core
- more than `--memory` MiB of resident memory (default 2048); the address space is limited to 3 GiB more

Exit code 1 if something was found. Python's standard library is all it needs.
"""
import argparse
import io
import json
import multiprocessing
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import time
import zipfile

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
RASTERS = REPOSITORY / "crates/minesegsat-testing/fixtures/rasters"
GOLDEN = REPOSITORY / "crates/minesegsat-testing/golden"
MODEL = REPOSITORY / "models/b0"

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("work", type=pathlib.Path)
parser.add_argument("--minutes", type=float, default=60)
parser.add_argument("--workers", type=int, default=2)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--program", default=str(REPOSITORY / "target/debug/minesegsat"))
parser.add_argument("--seeds", type=pathlib.Path, action="append", default=[], help="also damage the files of this folder")
parser.add_argument("--only", default="", help="take the seeds whose name contains this text")
parser.add_argument("--case", type=int, help="run one case and print its commands and messages")
parser.add_argument("--timeout", type=float, default=10)
parser.add_argument("--memory", type=int, default=2048)


# --- Seeds: a file to damage, the folder it lies in if the command reads that, and the commands that read it -----------------

class Seed:
    def __init__(self, name, path, *commands, root=None):
        self.name, self.path, self.root = name, pathlib.Path(path), root and pathlib.Path(root)
        # In a command, F is the damaged file, D the folder with it, O a path for output, and everything else is itself.
        self.commands = [command.split() if isinstance(command, str) else command for command in commands]


VECTOR = ["labels info F", "sites import F --register O.gpkg"]
REGISTER = ["sites list --register F", "report --all --register F -o O.html", "sites export --observations --register F -o O.geojson"]


def run_program(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, cwd="/")
    if done.returncode not in (0, 3, 4, 5):
        sys.exit(f"seeds: {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def make_seeds(program, work):
    """Writes small files of all formats, unless they are there."""
    made = work / "seeds"
    if not made.exists():
        part = work / "seeds.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        run = lambda *arguments: run_program(program, *arguments)
        run("simulate", "-o", part / "sim", "--seed", "7", "--years", "2021,2022", "--size", "192")
        scenes = sorted((part / "sim").glob("20*/*/item.json"))
        for scene, year in zip(scenes, ("2021", "2022")):
            run("predict", scene, "--model", MODEL, "-o", part / "maps" / year, "--format", "gpkg,geojson,fgb,parquet")
        truth = part / "sim/truth/2021.gpkg"
        register = part / "sites.gpkg"
        run("sites", "add", "mine", "--boundary", truth, "--permit", "P-1", "--valid-from", "2020-01-01", "--limit", "2 ha", "--register", register)
        run("sites", "add", "box", "--bbox=-121.69,52.57,-121.68,52.58", "--register", register)
        run("monitor", "run", "--model", MODEL, "--api", part / "sim/catalog.json", "--every-date", "--register", register)
        run("evidence", "keygen", "-o", part / "key", "--no-password")
        run("evidence", "mine", "--date", scenes[0].parent.name[-8:-4] + "-" + scenes[0].parent.name[-4:-2] + "-" + scenes[0].parent.name[-2:], "--key", part / "key", "-o", part / "pack.zip", "--register", register)
        run("dataset", "build", "--scenes", part / "sim/2021", "--labels", truth, "-o", part / "set", "--patch-size", "48", "--negatives", "0.9")
        run("dataset", "split", part / "set", "--shares", "70,15,15")
        run("dataset", "stats", part / "set")
        run("change", part / "maps/2021", part / "maps/2022", "-o", part / "change")
        write_vectors(part / "maps/2021/polygons.geojson", part / "vectors")
        write_stack(scenes[0].parent, part / "stack.zip")
        write_safe(part / "safe")
        run("area-sample", "design", part / "maps/2021/mask.tif", "-o", part / "sample", "--samples", "100")
        answers = (part / "sample/samples.csv").read_text().splitlines()
        place = answers[0].split(",").index("reference_class")
        rows = [line.split(",") for line in answers[1:]]
        filled = [",".join([*row[:place], str(number % 2), *row[place + 1:]]) for number, row in enumerate(rows)]
        (part / "sample/samples.csv").write_text("\n".join([answers[0], *filled]) + "\n")
        (part / "alerts.toml").write_text('[[file]]\nname = "log"\npath = "alerts.jsonl"\n\n[[webhook]]\nname = "hook"\nurl = "http://127.0.0.1:9/x"\n')
        (part / "chips/images").mkdir(parents=True)
        (part / "chips/masks").mkdir()
        for number in range(2):
            shutil.copy(part / "sim/2021" / scenes[0].parent.name / "B04.tif", part / f"chips/images/{number}.tif")
            shutil.copy(part / "maps/2021/mask.tif", part / f"chips/masks/{number}.tif")
        (part / "chips/index.csv").write_text("id,split,group,date,commodity\n0,train,a,2021-06-01,coal\n1,test,b,2022-06-01,gold\n")
        part.rename(made)
    seeds = []
    for path in sorted(RASTERS.glob("*.tif")):
        bands = ",".join(f"B{band:02}" for band in range(2, 2 + raster_bands(path)))
        info = f"scene info F --bands {bands} --offset 0 --scale 1"
        seeds.append(Seed(f"tif-{path.stem}", path, info, "area-sample design F -o O --samples 100"))
    for path in sorted(RASTERS.glob("*.jp2")):
        bands = "B02,B03,B04" if "three" in path.stem else "B04"
        seeds.append(Seed(f"jp2-{path.stem}", path, f"scene info F --bands {bands} --offset 0 --scale 1"))
    scene = next((made / "sim/2021").glob("*"))
    item = scene / "item.json"
    later = next((made / "sim/2022").glob("*")) / "item.json"
    for band in ("B04", "SCL"):
        seeds.append(Seed(f"scene-{band}", scene / f"{band}.tif", "scene info D/item.json", "scene preview D/item.json -o O.png", root=scene))
    seeds.append(Seed("scene-item", item, "scene info F", "search --api F", f"predict F --model {MODEL} -o O --patch-size 64", root=scene))
    seeds.append(Seed("catalog", made / "sim/catalog.json", "search --api F", root=made / "sim"))
    seeds.append(Seed("scene-zip", made / "stack.zip", "scene info F"))
    for name in ("mask.tif", "probability.tif", "manifest.json", "polygons.gpkg"):
        seeds.append(Seed(f"map-{name}", made / "maps/2021" / name, f"change D {made}/maps/2022 -o O", f"timeline D {made}/maps/2022 --sites {made}/vectors/a.geojson -o O", root=made / "maps/2021"))
    seeds.append(Seed("mask", made / "maps/2021/mask.tif", "area-sample design F -o O --samples 150 --buffer 3"))
    for path in sorted((made / "vectors").iterdir()):
        seeds.append(Seed(f"vector-{path.name}", path, *VECTOR))
    for name in ("polygons.gpkg", "polygons.geojson", "polygons.fgb", "polygons.parquet"):
        seeds.append(Seed(f"vector-{name}", made / "maps/2021" / name, *VECTOR))
    seeds.append(Seed("area-of-interest", made / "vectors/a.geojson", f"search --api {made}/sim/catalog.json --intersects F", f"predict {item} --model {MODEL} --intersects F -o O --patch-size 64"))
    seeds.append(Seed("register", made / "sites.gpkg", *REGISTER))
    seeds.append(Seed("pack", made / "pack.zip", "evidence verify F", f"evidence verify F --public-key {made}/key.pub"))
    seeds.append(Seed("key", made / "key.pub", f"evidence verify {made}/pack.zip --public-key F"))
    for path in sorted(path for path in (made / "set").glob("*.*") if path.is_file()):
        seeds.append(Seed(f"set-{path.name}", path, "dataset info D", "dataset stats D --overwrite", "dataset split D --shares 60,20,20 --overwrite", "dataset preview D -o O.html", root=made / "set"))
    sample = sorted((made / "set").rglob("*.tif"))[0]
    seeds.append(Seed("set-sample", sample, "dataset info D", "dataset stats D --overwrite", root=made / "set"))
    seeds.append(Seed("model-card", MODEL / "model.json", "model show D", f"predict {item} --model D -o O --patch-size 64", root=MODEL))
    seeds.append(Seed("model-forward", MODEL / "forward.safetensors", "model verify D", root=MODEL))
    for path in (GOLDEN / "segformer_tiny.safetensors", GOLDEN / "segformer_tiny.pth"):
        if path.exists():
            seeds.append(Seed(f"weights{path.suffix}", path, "model import F -o O"))
    for path in sorted((REPOSITORY / "configs").glob("*.toml")):
        seeds.append(Seed(f"config-{path.name}", path, f"train -c F --dataset {made}/none -o O"))
    seeds.append(Seed("observation", made / "change/manifest.json", "noise-floor D", root=made / "change"))
    for path in sorted((made / "sample").iterdir()):
        seeds.append(Seed(f"sample-{path.name}", path, "area-sample estimate D -o O.json", root=made / "sample"))
    seeds.append(Seed("alerts", made / "alerts.toml", f"monitor run --model {MODEL} --api {made}/none.json --register {made}/sites.gpkg --alerts F"))
    importing = "dataset import --images D/images --masks D/masks --index D/index.csv --bands B04 -o O"
    for name in ("images/0.tif", "masks/0.tif", "index.csv"):
        seeds.append(Seed(f"chips-{name}", made / "chips" / name, importing, root=made / "chips"))
    product = next((made / "safe").glob("*.SAFE"))
    for path in sorted([*product.rglob("*.xml"), *product.rglob("*_B02.jp2"), product / "manifest.safe"]):
        seeds.append(Seed(f"safe-{path.name}", path, "scene info D", root=product))
    seeds.append(Seed("safe-zip", made / "safe/product.zip", "scene info F"))
    seeds.append(Seed("scene-later", later, "scene info F", root=later.parent))
    return seeds


def raster_bands(path):
    """SamplesPerPixel of a TIFF."""
    data = path.read_bytes()
    order = "<" if data[:2] == b"II" else ">"
    if data[2:4] in (b"+\0", b"\0+"):
        at = struct.unpack(order + "Q", data[8:16])[0]
        count, size, head = struct.unpack(order + "Q", data[at:at + 8])[0], 20, 8
    else:
        at = struct.unpack(order + "I", data[4:8])[0]
        count, size, head = struct.unpack(order + "H", data[at:at + 2])[0], 12, 2
    for i in range(count):
        entry = at + head + i * size
        if struct.unpack(order + "H", data[entry:entry + 2])[0] == 277:
            value = entry + (12 if size == 20 else 8)
            return struct.unpack(order + "H", data[value:value + 2])[0]
    return 1


def write_vectors(polygons, folder):
    """The formats that the program reads and does not write: CSV, KML, a Shapefile in zip, GeoJSON with permits."""
    folder.mkdir()
    ring = [[-121.69, 52.57], [-121.68, 52.57], [-121.68, 52.58], [-121.69, 52.58], [-121.69, 52.57]]
    properties = {"id": "quarry", "name": "Quarry", "permit": "P-1", "valid_from": "2021-01-01", "limit_ha": 120.5, "tags": ["a", 1, None]}
    features = [{"type": "Feature", "properties": {**properties, "id": f"quarry-{i}"}, "geometry": {"type": kind, "coordinates": shape}} for i, (kind, shape) in enumerate([("Polygon", [ring]), ("MultiPolygon", [[ring]])])]
    (folder / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    wkt = "POLYGON ((" + ", ".join(f"{x} {y}" for x, y in ring) + "))"
    (folder / "a.csv").write_text(f'id,name,permit,valid_from,limit_ha,wkt\nquarry,Quarry,P-1,2021-01-01,"120,5","{wkt}"\nb,"B ""x""",,,,"MULTI{wkt[:8]}({wkt[8:]})"\n')
    text = " ".join(f"{x},{y},0" for x, y in ring)
    (folder / "a.kml").write_text(f'<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>Quarry</name><ExtendedData><Data name="permit"><value>P-1</value></Data></ExtendedData><Polygon><outerBoundaryIs><LinearRing><coordinates>{text}</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark></Document></kml>')
    points = b"".join(struct.pack("<2d", *point) for point in reversed(ring))
    box = struct.pack("<4d", -121.69, 52.57, -121.68, 52.58)
    record = struct.pack("<I", 5) + box + struct.pack("<3I", 1, len(ring), 0) + points
    head = lambda length: struct.pack(">7I", 9994, 0, 0, 0, 0, 0, length // 2) + struct.pack("<2I", 1000, 5) + box + struct.pack("<4d", 0, 0, 0, 0)
    shp = head(100 + 8 + len(record)) + struct.pack(">2I", 1, len(record) // 2) + record
    shx = head(108) + struct.pack(">2I", 50, len(record) // 2)
    field = lambda name, kind, size: name.encode().ljust(11, b"\0") + kind.encode() + bytes(4) + bytes([size, 0]) + bytes(14)
    fields = field("id", "C", 10) + field("limit_ha", "N", 8)
    dbf = bytes([3, 121, 1, 1]) + struct.pack("<IHH", 1, 32 + len(fields) + 1, 19) + bytes(20) + fields + b"\r" + b" " + b"quarry".ljust(10) + b"120.5".rjust(8) + b"\x1a"
    wgs84 = 'GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]'
    with zipfile.ZipFile(folder / "a_shp.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (("a.shp", shp), ("a.shx", shx), ("a.dbf", dbf), ("a.prj", wgs84.encode()), ("a.cpg", b"UTF-8")):
            archive.writestr(name, content)
    with zipfile.ZipFile(folder / "a.kmz", "w") as archive:
        archive.writestr("doc.kml", (folder / "a.kml").read_text())
    with zipfile.ZipFile(folder / "a_json.zip", "w") as archive:
        archive.writestr("a.geojson", (folder / "a.geojson").read_text())


def write_stack(scene, path):
    """A scene folder in a zip archive."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(scene.glob("*.tif")):
            archive.write(file, file.name)


SAFE_ID = "S2B_MSIL1C_20210710T190919_N0209_R056_T10UFV_20210710T213102"
PRODUCT_XML = """<?xml version="1.0" encoding="UTF-8"?>
<n1:Level-1C_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-1C.xsd"><n1:General_Info>
<Product_Info><PRODUCT_START_TIME>2021-07-10T19:09:19.024Z</PRODUCT_START_TIME><PRODUCT_URI>%s.SAFE</PRODUCT_URI><PROCESSING_LEVEL>Level-1C</PROCESSING_LEVEL>
<PRODUCT_TYPE>S2MSI1C</PRODUCT_TYPE><PROCESSING_BASELINE>02.09</PROCESSING_BASELINE><Datatake datatakeIdentifier="GS2B_20210710T190919_022222_N02.09">
<SPACECRAFT_NAME>Sentinel-2B</SPACECRAFT_NAME><DATATAKE_SENSING_START>2021-07-10T19:09:19.024Z</DATATAKE_SENSING_START><SENSING_ORBIT_NUMBER>56</SENSING_ORBIT_NUMBER></Datatake></Product_Info>
<Product_Image_Characteristics><QUANTIFICATION_VALUE unit="none">10000</QUANTIFICATION_VALUE><Radiometric_Offset_List><RADIO_ADD_OFFSET band_id="3">0</RADIO_ADD_OFFSET></Radiometric_Offset_List>
</Product_Image_Characteristics></n1:General_Info><n1:Quality_Indicators_Info><Cloud_Coverage_Assessment>3.5</Cloud_Coverage_Assessment></n1:Quality_Indicators_Info></n1:Level-1C_User_Product>
""" % SAFE_ID


def write_safe(folder):
    """A SAFE product of level 1C with small JPEG 2000 images, as a folder and as a zip archive."""
    product = folder / f"{SAFE_ID}.SAFE"
    granule = product / "GRANULE/L1C_T10UFV_A022222_20210710T190919"
    (granule / "IMG_DATA").mkdir(parents=True)
    sides = "".join(f'<Size resolution="{r}"><NROWS>{1200 // r}</NROWS><NCOLS>{1200 // r}</NCOLS></Size><Geoposition resolution="{r}"><ULX>600000</ULX><ULY>5500020</ULY><XDIM>{r}</XDIM><YDIM>-{r}</YDIM></Geoposition>' for r in (10, 20, 60))
    tile = f'<?xml version="1.0" encoding="UTF-8"?><n1:Level-1C_Tile_ID xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-1C_Tile_Metadata.xsd"><n1:General_Info><TILE_ID>S2B_OPER_MSI_L1C_TL_2BPS_20210710T222222_A022222_T10UFV_N02.09</TILE_ID></n1:General_Info><n1:Geometric_Info><Tile_Geocoding><HORIZONTAL_CS_NAME>WGS84 / UTM</HORIZONTAL_CS_NAME><HORIZONTAL_CS_CODE>EPSG:32610</HORIZONTAL_CS_CODE>{sides}</Tile_Geocoding></n1:Geometric_Info></n1:Level-1C_Tile_ID>'
    (product / "MTD_MSIL1C.xml").write_text(PRODUCT_XML)
    (granule / "MTD_TL.xml").write_text(tile)
    for band, side in zip("B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B10 B11 B12".split(), (20, 120, 120, 120, 60, 60, 60, 120, 60, 20, 20, 60, 60)):
        shutil.copy(RASTERS.parent / f"scenes/red_{side}.jp2", granule / f"IMG_DATA/T10UFV_20210710T190919_{band}.jp2")
    (product / "manifest.safe").write_text('<?xml version="1.0"?><xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1"><dataObjectSection><dataObject ID="x"><byteStream mimeType="application/octet-stream" size="1"><fileLocation locatorType="URL" href="./MTD_MSIL1C.xml"/><checksum checksumName="MD5">00</checksum></byteStream></dataObject></dataObjectSection></xfdu:XFDU>')
    with zipfile.ZipFile(folder / "product.zip", "w") as archive:
        for path in sorted(product.rglob("*")):
            archive.write(path, path.relative_to(folder))


# --- Damage ------------------------------------------------------------------------------------------------------------------

NUMBERS = ["0", "-1", "1", "255", "65535", "65536", "2147483647", "2147483648", "4294967295", "4294967296", "9007199254740993", "9223372036854775807", "18446744073709551615", "1e308", "-1e308", "1e-308", "1e999", "NaN", "-0.0", "0.1", "1e18", "99999999999999999999999999"]
TEXTS = ["", " ", "\\u0000", "é", "\U0001f30d", "../../../etc/passwd", "/", ".", "a" * 5000, "%00", "\\u001b[31m", "http://127.0.0.1:9/x", "file:///etc/hostname", "9999-12-31", "0000-00-00", "2021-02-30T25:61:61Z", "EPSG:0", "EPSG:99999", "null", "-", "{}", "B04"]
WORDS = [b"\0", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff" * 8, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\0\0\0", b"\0\0\0\x80", b"\0\0\x80\x7f", b"\0\0\0\0\0\0\xf0\x7f", b"\0\0\0\0\0\0\xf8\x7f", b"PK\x03\x04", b"PK\x01\x02", b"II*\0", b"\xff\x51", b"\xff\x52", b"\xff\x90", b"\xff\x93"]
VALUES = [None, True, 0, -1, 1e308, 2**31, 2**53, 2**63, 2**64 - 1, -0.5, "", "x", "NaN", [], {}, [[]], [None], [1e308, -1e308], {"type": "Polygon"}, "\x1b[31m", "9" * 400]


def damage(rng, data, name):
    """A damaged copy of a file, made by one to four changes."""
    structured = {".json": damage_json, ".geojson": damage_json, ".gpkg": damage_sqlite, ".zip": damage_zip, ".kmz": damage_zip, ".safetensors": damage_safetensors}
    suffix = pathlib.Path(name).suffix
    if suffix in structured and rng.random() < 0.6:
        try:
            return structured[suffix](rng, data, name)
        except (ValueError, KeyError, IndexError, sqlite3.Error, zipfile.BadZipFile, struct.error, RecursionError, OverflowError):
            pass
    if suffix in (".json", ".geojson", ".csv", ".kml", ".toml", ".prj", ".xml", ".pub") and rng.random() < 0.7:
        return damage_text(rng, data)
    return damage_bytes(rng, bytearray(data))


def damage_bytes(rng, data):
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        size = len(data)
        if size == 0:
            break
        # Headers are at the beginning or at the end. Everything else is one place in many.
        at = rng.choice((rng.randrange(size), rng.randrange(min(size, 512)), size - 1 - rng.randrange(min(size, 256))))
        kind = rng.randrange(9)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at] = rng.choice((0, 1, 0x7f, 0x80, 0xfe, 0xff, rng.randrange(256)))
        elif kind == 2:
            del data[at:]
        elif kind == 3:
            length = min(rng.choice((1, 4, 16, 256)), size - at)
            to = rng.randrange(size)
            data[to:to + length] = data[at:at + length]
        elif kind in (4, 5):
            width, order = rng.choice((2, 4, 8)), rng.choice(("little", "big"))
            if at + width <= size:
                value = int.from_bytes(data[at:at + width], order)
                top = 1 << 8 * width
                change = rng.choice((value + 1, value - 1, value * 2, value << rng.randrange(8 * width), value + rng.randrange(-64, 65), top - 1, top // 2, 1 << rng.randrange(8 * width)))
                data[at:at + width] = (change % top).to_bytes(width, order)
        elif kind == 6:
            word = rng.choice(WORDS)
            if rng.random() < 0.7:
                data[at:at + len(word)] = word
            else:
                data[at:at] = word
        elif kind == 7:
            del data[at:at + rng.choice((1, 2, 4, 8, 64, 1024))]
        else:
            length = rng.choice((1, 4, 16, 256))
            data[at:at] = data[at:at + length] * rng.choice((1, 2, 100))
    return bytes(data)


def damage_text(rng, data):
    text = data.decode("utf-8", "replace")
    for _ in range(rng.choice((1, 1, 2, 3))):
        kind = rng.randrange(6)
        numbers = list(re.finditer(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", text))
        quoted = list(re.finditer(r'(?<=["=>])[^"<>\n]{1,80}(?=["<\n])', text))
        if kind in (0, 1) and numbers:
            found = rng.choice(numbers)
            text = text[:found.start()] + rng.choice(NUMBERS) + text[found.end():]
        elif kind == 2 and quoted:
            found = rng.choice(quoted)
            text = text[:found.start()] + rng.choice(TEXTS) + text[found.end():]
        elif kind == 3 and text:
            at = rng.randrange(len(text))
            text = text[:at] + rng.choice(("[", "(", "{", "<a>", '"', ",", "\n", "((", "\ufeff", "MULTI", "EMPTY")) * rng.choice((1, 1, 2, 300, 30000)) + text[at:]
        elif kind == 4:
            lines = text.split("\n")
            at = rng.randrange(len(lines))
            lines[at:at + 1] = [lines[at]] * rng.choice((0, 2, 2, 100))
            text = "\n".join(lines)
        elif text:
            at = rng.randrange(len(text))
            text = text[:at] + text[at + rng.choice((1, 2, 8, 200)):]
    return text.encode("utf-8", "surrogatepass")


def damage_json(rng, data, _name):
    document = json.loads(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        places = []

        def collect(value, depth=0):
            if depth < 40 and isinstance(value, (dict, list)):
                for key in (value if isinstance(value, dict) else range(len(value))):
                    places.append((value, key))
                    collect(value[key], depth + 1)

        collect(document)
        if not places:
            return json.dumps(rng.choice(VALUES)).encode()
        holder, key = rng.choice(places)
        old = holder[key]
        kind = rng.randrange(5)
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(old, (int, float)) and not isinstance(old, bool):
            holder[key] = rng.choice((old * 1e6, -old, old + 1, old * 2, 0, 1e15, int(old) * 2**31))
        elif kind == 2 and isinstance(old, str):
            holder[key] = rng.choice(TEXTS).encode().decode("unicode_escape", "replace")
        elif kind == 3 and isinstance(old, list):
            holder[key] = old * rng.choice((2, 3, 1000))
        else:
            holder[key] = rng.choice(VALUES)
    return json.dumps(document).encode()


def damage_sqlite(rng, data, _name):
    """Sets some values of some rows."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(data)
        connection.execute("PRAGMA writable_schema = ON")
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (table,)).fetchall():
                connection.execute(f'DROP TRIGGER "{trigger}"')
        for _ in range(rng.choice((1, 1, 2, 4))):
            table = rng.choice(tables)
            columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
            rows = [row[0] for row in connection.execute(f'SELECT rowid FROM "{table}"')]
            if not rows or not columns:
                continue
            column, row = rng.choice(columns), rng.choice(rows)
            old = connection.execute(f'SELECT "{column}" FROM "{table}" WHERE rowid = ?', (row,)).fetchone()[0]
            if isinstance(old, bytes):
                new = damage_bytes(rng, bytearray(old))
            elif isinstance(old, str) and rng.random() < 0.7:
                new = (damage_json if old[:1] in "{[" and rng.random() < 0.6 else lambda r, d, _: damage_text(r, d))(rng, old.encode(), "").decode("utf-8", "replace")
            else:
                new = rng.choice((None, 0, -1, 2**62, 1e308, "", "x", b"\0" * 40, "a" * 5000, float("inf")))
            connection.execute(f'UPDATE OR IGNORE "{table}" SET "{column}" = ? WHERE rowid = ?', (new, row))
        connection.commit()
        return connection.serialize()
    finally:
        connection.close()


def damage_zip(rng, data, _name):
    """Damages one file of an archive, or how it is stored."""
    source = zipfile.ZipFile(io.BytesIO(data))
    names = source.namelist()
    chosen = rng.choice(names)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        for name in names:
            content = source.read(name)
            if name == chosen:
                kind = rng.randrange(8)
                if kind == 0:
                    continue
                if kind == 1:
                    name = rng.choice(("../x", "/etc/x", "a/" * 200 + name, name.upper(), "é" + name, name + "/"))
                elif kind == 2:
                    content = content * rng.choice((0, 2, 100))
                else:
                    content = damage(rng, content, name)
            target.writestr(name, content, rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))
    return out.getvalue()


def damage_safetensors(rng, data, _name):
    """Damages the header and keeps its length right."""
    size = struct.unpack("<Q", data[:8])[0]
    header = (damage_json if rng.random() < 0.8 else lambda r, d, _: damage_text(r, d))(rng, data[8:8 + size], "")
    return struct.pack("<Q", len(header)) + header + data[8 + size:]


# --- Runs --------------------------------------------------------------------------------------------------------------------

ENVIRONMENT = {
    "PATH": os.environ.get("PATH", ""), "RAYON_NUM_THREADS": "2", "MINESEGSAT_HTTP_ATTEMPTS": "1", "MINESEGSAT_HTTP_TIMEOUT_S": "1",
    # No request leaves the machine.
    "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "RUST_BACKTRACE": "0",
}


def run_command(command, folder, timeout, memory):
    """Exit code (negative: signal, None: too long), messages, resident MiB, seconds and seconds of processor time."""
    def limit():
        space = (memory + 3072) << 20
        resource.setrlimit(resource.RLIMIT_AS, (space, space))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 30, 4 << 30))

    began = time.monotonic()
    messages = folder / "messages.txt"
    with open(messages, "wb") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=file, env={**ENVIRONMENT, "HOME": str(folder), "TMPDIR": str(folder)}, cwd=folder, preexec_fn=limit, start_new_session=True)
        ended = None
        while ended is None:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            now = time.monotonic() - began
            if pid:
                ended = os.waitstatus_to_exitcode(status)
            elif now > timeout:
                os.killpg(process.pid, signal.SIGKILL)
                _, _, usage = os.wait4(process.pid, 0)
                break
            else:
                time.sleep(0.002 if now < 0.2 else 0.02)
        process.returncode = ended if ended is not None else -9
    text = messages.read_bytes()[:20000].decode("utf-8", "replace")
    return ended, text, usage.ru_maxrss / 1024, time.monotonic() - began, usage.ru_utime + usage.ru_stime


def finding_of(code, text, resident, args):
    """What is wrong with a run, as a key for findings of the same cause, or None."""
    place = re.search(r"internal error: .*\(([^()]+:\d+)\)", text) or re.search(r"panicked at ([^\s]+:\d+)", text)
    if place:
        return f"panic {place[1]}"
    if "panicked" in text or "internal error" in text:
        return "panic"
    if "stack overflow" in text:
        return "stack overflow"
    if code is None:
        return "hang"
    if code not in (0, 1, 2, 3):
        wanted = re.search(r"memory allocation of (\d+) bytes failed", text)
        return f"exit {code}" + (" allocation" if wanted else "")
    if resident > args.memory:
        return "memory"
    return None


def run_case(seed, number, args, folder):
    """Runs the commands of a seed on its damaged file. Yields (key, command, code, text) of findings."""
    rng = random.Random(f"{args.seed} {number}")
    damaged = damage(rng, seed.path.read_bytes(), seed.path.name)
    shutil.rmtree(folder, ignore_errors=True)
    top = folder / "in"
    top.mkdir(parents=True)
    if seed.root:
        for source in seed.root.rglob("*"):
            place = top / source.relative_to(seed.root)
            if source.is_dir():
                place.mkdir(exist_ok=True)
            elif source != seed.path:
                # A command may write into the folder, so large files are linked and small ones copied.
                (os.symlink if source.stat().st_size > 1 << 20 else shutil.copyfile)(source, place)
        target = top / seed.path.relative_to(seed.root)
    else:
        target = top / seed.path.name
    for i, words in enumerate(seed.commands):
        target.write_bytes(damaged)
        out = folder / f"out{i}"
        replace = lambda word: {"F": str(target), "D": str(top)}.get(word) or (str(top) + word[1:] if word.startswith("D/") else str(out) + word[1:] if re.fullmatch(r"O(\.\w+)?", word) else word)
        command = [args.program, *map(replace, words)]
        code, text, resident, _, used = run_command(command, folder, args.timeout, args.memory)
        if code is None and used < 0.7 * args.timeout:
            # The machine was busy, or the program waited. Only the second is a hang.
            code, text, resident, _, used = run_command(command, folder, 4 * args.timeout, args.memory)
        if args.case is not None:
            print(" ".join(command), f"-> {code}, {resident:.0f} MiB\n{text}")
        key = finding_of(code, text, resident, args)
        if key:
            yield key, words, code, f"{text}\n{resident:.0f} MiB resident, {used:.1f} s of processor time", damaged


def work(worker, seeds, args, counter, lock, until, known):
    # A case is a process of its own, so the driver's threads do not matter.
    folder = args.work / f"run{worker}"
    while time.time() < until:
        with counter.get_lock():
            number = counter.value
            counter.value += 1
        seed = seeds[number % len(seeds)]
        for key, words, code, text, damaged in run_case(seed, number, args, folder):
            # A place in the standard library does not tell who called it.
            key = key if key.startswith("panic ") and "/rustc/" not in key else f"{key} | {' '.join(w for w in words[:2] if w.isalpha())} | {seed.name}"
            with lock:
                count = known.get(key, 0)
                known[key] = count + 1
                if count < 3:
                    name = f"{seed.name}-{number}"
                    save = args.work / "findings" / f"{name}{seed.path.suffix}"
                    save.write_bytes(damaged)
                    save.with_name(name + ".txt").write_text(f"{key}\nseed {seed.path}\ncommand {' '.join(words)}\nexit code {code}\n{text}\n")
                    print(f"{'new: ' if count == 0 else 'again: '}{key} ({save.name})", flush=True)
    shutil.rmtree(folder, ignore_errors=True)


def main():
    args = parser.parse_args()
    args.work = args.work.resolve()
    args.program = str(pathlib.Path(args.program).resolve())
    (args.work / "findings").mkdir(parents=True, exist_ok=True)
    seeds = make_seeds(args.program, args.work)
    for folder in args.seeds:
        for path in sorted(folder.rglob("*")):
            suffix = path.suffix.lower()
            if not path.is_file() or path.stat().st_size > 2 << 20:
                continue
            if suffix in (".tif", ".jp2"):
                seeds.append(Seed(f"extra-{path.name}", path, "scene info F --bands B04 --offset 0 --scale 1"))
            elif suffix in (".geojson", ".gpkg", ".fgb", ".parquet", ".csv", ".kml", ".kmz", ".zip"):
                seeds.append(Seed(f"extra-{path.name}", path, *VECTOR))
            elif suffix == ".safetensors":
                seeds.append(Seed(f"extra-{path.name}", path, "model import F -o O"))
    seeds = [seed for seed in seeds if args.only in seed.name]
    if not seeds:
        sys.exit(f"no seed has `{args.only}` in its name")
    if args.case is not None:
        found = list(run_case(seeds[args.case % len(seeds)], args.case, args, args.work / "run-case"))
        sys.exit(1 if found else 0)
    manager = multiprocessing.Manager()
    known, lock, counter = manager.dict(), manager.Lock(), multiprocessing.Value("q", 0)
    until = time.time() + 60 * args.minutes
    workers = [multiprocessing.Process(target=work, args=(i, seeds, args, counter, lock, until, known)) for i in range(args.workers)]
    for worker in workers:
        worker.start()
    began = time.time()
    print(f"{len(seeds)} seeds, {args.workers} workers, {args.minutes:g} minutes", flush=True)
    while any(worker.is_alive() for worker in workers):
        time.sleep(min(30, max(1, until - time.time())))
        spent = time.time() - began
        print(f"{spent / 60:.1f} min: {counter.value} files, {counter.value / spent:.0f}/s, {len(known)} kinds of findings", flush=True)
    for key, count in sorted(known.items()):
        print(f"{count:6} x {key}")
    print(f"{counter.value} damaged files, {len(known)} kinds of findings, seed {args.seed}")
    sys.exit(1 if known else 0)


if __name__ == "__main__":
    main()
