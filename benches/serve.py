#!/usr/bin/env python3
"""Load and soak of `minesegsat serve` on loopback: latencies, errors and memory.

A workspace of its own is made in WORK: a map of 10980 x 10980 pixels (`predictions/big`, cloud-optimised GeoTIFFs), 10,000 sites, and
what a workspace given by --like holds (its sites with observations). All requests go to 127.0.0.1, and their number is bounded.

    pip install numpy rasterio
    cargo build --release -p minesegsat-cli
    benches/serve.py target/release/minesegsat WORK --like demo
"""

import argparse
import asyncio
import json
import math
import pathlib
import random
import re
import shutil
import subprocess
import time

HOST = "127.0.0.1"
WEST, SOUTH, EAST, NORTH = -121.4, 55.0, -119.8, 55.85
SIDE = 10980


def make_map(folder):
    """Waves and noise, as hard to compress as a real map of probabilities."""
    import numpy as np
    import rasterio
    from rasterio.transform import from_origin

    folder.mkdir(parents=True)
    x = np.linspace(0, 60, SIDE, dtype="f4")
    p = 0.5 + 0.5 * np.sin(x)[None, :] * np.cos(x)[:, None]
    p += (np.random.default_rng(1).random((SIDE, SIDE), dtype="f4") - 0.5) * 0.02
    p = np.round(np.clip(p, 0, 1) * 65536) / 65536
    for name, values, nodata in (("probability.tif", p.astype("f4"), math.nan), ("mask.tif", (p > 0.5).astype("u1"), 255)):
        profile = dict(
            driver="COG", dtype=values.dtype.name, compress="DEFLATE", predictor="YES", blocksize=512, crs="EPSG:32610",
            transform=from_origin(600000, 6200040, 10, 10), nodata=nodata, width=SIDE, height=SIDE, count=1,
        )
        with rasterio.open(folder / name, "w", **profile) as raster:
            raster.write(values, 1)
    manifest = {
        "created": "2023-08-01T00:00:00Z",
        "scene": {"name": "S2A", "date": "2022-07-12", "datetime": "2022-07-12T19:09:19Z", "cloud_cover_percent": 1.0},
        "scene_location": "nowhere",
        "radiometry": {"decision": {"removes_offset": True, "statement": "x"}},
        "grid": {"epsg": 32610, "transform": [600000.0, 10.0, 0.0, 6200040.0, 0.0, -10.0], "width": SIDE, "height": SIDE},
        "totals": {"area_ha": 1.0},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


def make_sites(program, work, count):
    """Many sites over western Canada, squares of a kilometre."""
    draw = random.Random(7)
    features = []
    for number in range(count):
        x, y = draw.uniform(-135, -110), draw.uniform(49, 60)
        ring = [[x, y], [x + 0.015, y], [x + 0.015, y + 0.01], [x, y + 0.01], [x, y]]
        properties = {"id": f"site-{number}", "name": f"Site {number}", "commodity": draw.choice(["coal", "gold", "copper"])}
        features.append({"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}})
    path = work / "many.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    subprocess.run([program, "-q", "sites", "import", path, "--register", work / "sites.gpkg"], check=True, stdout=subprocess.DEVNULL)


class Client:
    def __init__(self, port):
        self.port = port
        self.latencies, self.errors, self.bytes = [], {}, 0

    async def worker(self, paths):
        reader, writer = await asyncio.open_connection(HOST, self.port)
        while paths:
            path = paths.pop()
            start = time.perf_counter()
            writer.write(f"GET {path} HTTP/1.1\r\nhost: localhost\r\naccept-encoding: gzip\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = re.search(rb"content-length: (\d+)", head)
            if length:
                body = await reader.readexactly(int(length[1]))
            elif b"chunked" in head:
                body = b""
                while True:
                    size = int(await reader.readline(), 16)
                    body += (await reader.readexactly(size + 2))[:-2]
                    if size == 0:
                        break
            else:
                body = b""
            self.latencies.append(time.perf_counter() - start)
            self.bytes += len(body)
            status = int(head.split(b" ", 2)[1])
            if status not in (200, 204):
                self.errors[f"{status} {path}"] = body[:200]
        writer.close()

    async def run(self, paths, connections):
        paths = list(paths)
        random.Random(3).shuffle(paths)
        start = time.perf_counter()
        await asyncio.gather(*[self.worker(paths) for _ in range(connections)])
        return time.perf_counter() - start


def tile_paths(draw, count, layer):
    found = []
    for _ in range(count):
        z = draw.choice([9, 10, 11, 12, 13, 14])
        lon, lat = draw.uniform(WEST, EAST), draw.uniform(SOUTH, NORTH)
        x = int((lon + 180) / 360 * 2**z)
        y = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**z)
        found.append(f"/tiles/predictions/big/{layer}/{z}/{x}/{y}.png")
    return found


def memory(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return tuple(int(re.search(rf"{name}:\s+(\d+)", status)[1]) // 1024 for name in ("VmRSS", "VmHWM"))


def report(what, client, seconds, pid):
    times = sorted(client.latencies)
    at = lambda share: times[int(share * (len(times) - 1))] * 1000
    rss, peak = memory(pid)
    print(
        f"{what:<34} {len(times):>7} {len(client.errors):>6} {len(times) / seconds:>7.0f} {at(0.5):>8.1f} {at(0.99):>8.1f} "
        f"{at(1):>8.1f} {rss:>6} {peak:>6}",
        flush=True,
    )
    for path, body in list(client.errors.items())[:5]:
        print("   ", path, body)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--like", type=pathlib.Path, help="a workspace whose sites and files are taken too")
    parser.add_argument("--port", type=int, default=8199)
    parser.add_argument("--soak", type=int, default=86_400, help="requests of the soak: one per second of a day")
    args = parser.parse_args()
    program = args.program.resolve()
    if not args.work.exists():
        if args.like:
            shutil.copytree(args.like, args.work, ignore=shutil.ignore_patterns("sim", "set", "run", "measure", "jobs.sqlite*"))
        else:
            args.work.mkdir()
        make_map(args.work / "predictions" / "big")
        make_sites(program, args.work, 10_000)
    server = subprocess.Popen([program, "-q", "serve", "--workspace", args.work, "--bind", f"{HOST}:{args.port}"])
    try:
        run(server.pid, args)
    finally:
        server.terminate()
        server.wait(30)


def run(pid, args):
    def measured(what, paths, connections):
        client = Client(args.port)
        report(what, client, asyncio.run(client.run(paths, connections)), pid)
        return client

    for _ in range(200):
        try:
            asyncio.run(Client(args.port).run(["/health"], 1))
            break
        except OSError:
            time.sleep(0.1)
    print(f"{'':<34} {'number':>7} {'errors':>6} {'1/s':>7} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8} {'MiB':>6} {'peak':>6}")
    for layer in ("probability", "mask"):
        paths = tile_paths(random.Random(5), 1000, layer)
        measured(f"{layer}, 200 at a time, cold", paths, 200)
        measured(f"{layer}, 200 at a time, warm", paths * 10, 200)
    measured("one tile after the other, new ones", tile_paths(random.Random(6), 500, "probability"), 1)
    measured("10,000 sites, first time", ["/api/sites"], 1)
    measured("10,000 sites, again", ["/api/sites"] * 20, 1)
    measured("vector tiles of sites", [f"/tiles/vector/sites/{z}/{x}/{y}.mvt" for z, x, y in ((4, 2, 5), (5, 5, 10), (6, 11, 20)) for _ in range(50)], 8)

    # A day at one request each second, as quickly as it goes: pages of people, programs that ask again, and tiles that nobody asked for yet.
    draw = random.Random(11)
    sites = [site for site in fetch(args.port, "/api/sites")["sites"] if site["observations"]]
    paths = ["/", "/api", "/api/sites", "/stac", "/stac/search?limit=10", "/ogc/collections", "/openapi.json", "/metrics", "/health"]
    for site in sites:
        detail = fetch(args.port, f"/api/sites/{site['id']}")
        paths += [f"/api/sites/{site['id']}", f"/api/sites/{site['id']}/timeline", f"/api/sites/{site['id']}/report"]
        last = detail["observations"][-1]["id"]
        paths += [f"/api/sites/{site['id']}/observations/{last}/{what}" for what in ("polygons", "changes")]
    step = args.soak // 10
    for part in range(10):
        rare = [draw.choice(paths) for _ in range(step // 20)]
        pages = [f"/ogc/collections/sites/items?limit=50&bbox={x},{y},{x + 1},{y + 1}" for x, y in ((draw.randint(-135, -111), draw.randint(49, 59)) for _ in range(step // 20))]
        tiles = tile_paths(draw, step - len(rare) - len(pages), draw.choice(["probability", "mask"]))
        measured(f"soak {part + 1}/10", rare + pages + tiles, 16)


def fetch(port, path):
    import urllib.request

    with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=60) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main()
