#!/usr/bin/env python3
"""Maps a simulated area in a folder and in a bucket of moto's S3 server, and compares all files.

    pip install 'moto[server]'
    python scripts/check_object_store.py WORK [--program target/release/minesegsat]

Ends with 1 if a file differs. It is a second opinion beside the S3 server of our own tests: its protocol was written by other people.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="new folder")
    parser.add_argument("--program", default="target/release/minesegsat")
    args = parser.parse_args()
    args.work.mkdir(parents=True)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    environment = {**os.environ, **KEYS, "AWS_ENDPOINT_URL_S3": endpoint}

    def program(*arguments: object) -> None:
        subprocess.run([args.program, "-q", *map(str, arguments)], env=environment, check=True)

    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    bucket = boto3.resource("s3", endpoint_url=endpoint, **keys).Bucket("maps")
    bucket.create()
    simulated = args.work / "sim"
    program("simulate", "--size", 384, "--years", "2019,2024", "--seed", 7, "-o", simulated)
    items = []
    for path in sorted(simulated.glob("20*/*/item.json")):
        item = json.loads(path.read_text())
        for asset in item["assets"].values():
            asset["href"] = str((path.parent / asset["href"]).resolve())
        items.append(item)
    collection = args.work / "items.json"
    collection.write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    west, south, east, north = items[0]["bbox"]
    margins = (east - west) / 10, (north - south) / 10
    bbox = f"{west + margins[0]},{south + margins[1]},{east - margins[0]},{north - margins[1]}"

    folder, address = args.work / "folder", "s3://maps/country/p"
    for project, shares in [(folder, [[]]), (address, [["--shard", "1/2"], ["--shard", "2/2"]])]:
        plan = ["--bbox", bbox, "--period", "2019/2024", "--every", "year", "--api", collection]
        program("area", "plan", *plan, "-o", project)
        for share in shares:
            program("area", "run", project, *share)
        program("area", "merge", project, "--allow-missing")

    def is_record(name: str) -> bool:
        # Records and their table have the time that a unit took.
        return name.endswith("record.json") or name == "units.parquet"

    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    local = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    stored = {one.key.removeprefix("country/p/"): one.get()["Body"].read() for one in bucket.objects.all()}
    server.stop()
    names = sorted(set(local) | set(stored))
    wrong = [name for name in names if (name not in local or name not in stored) or (not is_record(name) and local[name] != stored[name])]
    print(f"{len(names)} files, {len(wrong)} differ", *wrong, sep="\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
