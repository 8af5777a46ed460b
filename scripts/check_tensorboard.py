#!/usr/bin/env python3
"""Read a folder of event files as TensorBoard does, and print what is in it.

    pip install tensorboard
    python scripts/check_tensorboard.py RUN [--serve]

`--serve` also starts TensorBoard on the folder and asks it for the same numbers and pictures over HTTP. Exits with 1 if there
is nothing to see, a picture is no PNG file, or TensorBoard answers otherwise.
"""

import argparse
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from tensorboard.backend.event_processing.event_accumulator import IMAGES, SCALARS, TENSORS, EventAccumulator

PNG = b"\x89PNG\r\n\x1a\n"


def load(folder):
    events = EventAccumulator(folder, size_guidance={SCALARS: 0, IMAGES: 0, TENSORS: 0})
    events.Reload()
    tags = events.Tags()
    scalars = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in tags[SCALARS]}
    images = {tag: [(e.step, e.width, e.height, e.encoded_image_string) for e in events.Images(tag)] for tag in tags[IMAGES]}
    return scalars, images


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


def serve(folder, scalars, images):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", folder, "--port", str(port), "--host", "127.0.0.1"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    base = f"http://127.0.0.1:{port}/data/plugin"
    try:
        found = {}
        for _ in range(60):
            time.sleep(1)
            try:
                found = json.loads(get(f"{base}/scalars/tags"))
            except (urllib.error.URLError, ConnectionError):
                continue
            if set(found.get(".", {})) == set(scalars) and len(json.loads(get(f"{base}/images/tags")).get(".", {})) == len(images):
                break
        assert set(found.get(".", {})) == set(scalars), f"TensorBoard has {found}"
        for tag, ours in scalars.items():
            theirs = json.loads(get(f"{base}/scalars/scalars?run=.&tag={urllib.parse.quote(tag)}"))
            # It shows at most a thousand steps, chosen by chance.
            theirs = {step: value for _, step, value in theirs}
            ours = dict(ours)
            same = [theirs[step] == ours[step] or theirs[step] in ("NaN", None) or theirs[step] != theirs[step] for step in theirs]
            assert theirs and all(same), f"{tag}: TensorBoard answers {theirs}"
        for tag in images:
            shown = json.loads(get(f"{base}/images/images?run=.&tag={urllib.parse.quote(tag)}&sample=0"))
            assert shown, f"TensorBoard shows no picture {tag}"
            for picture in shown:
                assert get(f"{base}/images/individualImage?{picture['query']}").startswith(PNG), tag
        print(f"TensorBoard serves {len(scalars)} scalars and {len(images)} pictures with these values")
    finally:
        server.terminate()
        server.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="folder of event files")
    parser.add_argument("--serve", action="store_true", help="start TensorBoard and ask it too")
    arguments = parser.parse_args()
    scalars, images = load(arguments.run)
    for tag, values in scalars.items():
        steps = ", ".join(f"{step}: {value:.6g}" for step, value in values[:5])
        print(f"scalar {tag}: {len(values)} steps ({steps}{', ...' if len(values) > 5 else ''})")
    for tag, pictures in images.items():
        for step, width, height, data in pictures:
            assert data.startswith(PNG), f"{tag} of step {step} is no PNG file"
            print(f"image {tag}: step {step}, {width} x {height}, {len(data)} bytes")
    assert scalars or images, f"{arguments.run} has no scalar and no picture"
    if arguments.serve:
        serve(arguments.run, scalars, images)


if __name__ == "__main__":
    main()
