#!/usr/bin/env python3
"""Compares exported ONNX files with the program's own engines: every architecture, in ONNX Runtime and in OpenVINO.

    pip install numpy safetensors onnx onnxruntime openvino
    cargo build --workspace --bins
    python scripts/compare_onnx.py target/debug/minesegsat [NAME ...]

Each network gets random weights with random norms and biases, is exported, and checked with `onnx.checker` (full). Then both
runtimes answer random patches of several sizes and batches from that one file, and `model verify` tells how far the program's own
answer to each lies from theirs. Last, `model verify --engine` runs the recorded answer through both runtimes from within the
program. Printed are the largest differences as a share of the largest logit. Exits with 1 where one is above 5e-5, or a check fails.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
import openvino
from safetensors.numpy import load_file, save_file

NAMES = ["b0", "b1", "b2", "b3", "b4", "b5", "paper"] + [
    f"{a}-{e}" for a in ("unet", "unetplusplus", "deeplabv3plus", "fpn") for e in ("resnet18", "resnet34", "resnet50")
]
QUICK = ["b0", "unet-resnet18", "unetplusplus-resnet18", "deeplabv3plus-resnet50", "fpn-resnet34"]

# Batch, height, width.
CASES = [(1, 64, 64), (3, 96, 160), (1, 160, 32)]
# SegFormers take any size, DeepLabV3+ multiples of 16.
ODD = {"b": [(1, 72, 104), (3, 33, 70)], "p": [(1, 72, 104)], "d": [(1, 48, 80)]}

# OpenVINO computes 3 x 3 convolutions by another algorithm (Winograd), which rounds more.
TOLERANCE = 5e-5

LIBRARIES = {
    "onnxruntime": pathlib.Path(onnxruntime.__file__).parent / "capi",
    "openvino": pathlib.Path(openvino.__file__).parent / "libs",
}


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode not in (0, 1) or (done.returncode == 1 and not done.stdout):
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def make_model(program, name, folder, rng):
    """A model folder whose norms are not those of a fresh network, with logits of a few units."""
    plain, model = folder / "plain", folder / "model"
    run(program, "model", "random", name, "-o", plain, "--seed", rng.integers(1000), "--patch-size", 64)
    weights = load_file(plain / "model.safetensors")
    for key, value in weights.items():
        if key.endswith("running_var"):
            weights[key] = rng.uniform(0.5, 1.5, value.shape)
        elif key.endswith(("running_mean", ".bias")):
            weights[key] = rng.normal(0, 0.1, value.shape)
        elif value.ndim == 1:  # norms
            weights[key] = rng.uniform(0.6, 1.4, value.shape)
        elif key == "decoder.classifier.weight":
            weights[key] = rng.normal(0, 0.3, value.shape)
        weights[key] = weights[key].astype(np.float32)
    save_file(weights, folder / "weights.safetensors")
    run(program, "model", "import", folder / "weights.safetensors", "-o", model, "--patch-size", 64)
    return model


def own_difference(program, model, folder, patches, logits):
    """How far the program's own answer lies from some logits, as a share of the largest."""
    against = folder / "against.safetensors"
    save_file({"input": patches, "logits": np.ascontiguousarray(logits)}, against)
    report = json.loads(run(program, "model", "verify", model, "--against", against, "--tolerance", 1e9, "--json"))
    return report["max_abs_difference"] / float(np.abs(logits).max())


def check_file(path, model):
    """What `onnx` says of the file, and whether it says of the model what the card does."""
    onnx.checker.check_model(str(path), full_check=True)
    proto = onnx.load(str(path))
    card = json.loads((model / "model.json").read_text())
    meta = {entry.key: entry.value for entry in proto.metadata_props}
    assert proto.opset_import[0].version == 17, proto.opset_import
    assert meta["bands"].split(",") == card["bands"], meta["bands"]
    assert json.loads(meta["normalisation"]) == card["normalisation"], meta["normalisation"]
    assert float(meta["threshold"]) == card["threshold"] and meta["weights_sha256"] == card["weights_sha256"]
    shape = [dim.dim_param or dim.dim_value for dim in proto.graph.input[0].type.tensor_type.shape.dim]
    assert shape == ["batch", 12, "height", "width"], shape


def compare(program, name, rng):
    """The largest differences: ONNX Runtime and OpenVINO against the program, and the program's runs of both."""
    worst = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        model = make_model(program, name, folder, rng)
        path = folder / "model.onnx"
        run(program, "model", "export", model, "--format", "onnx", "-o", path)
        check_file(path, model)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        compiled = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        for batch, height, width in CASES + ODD.get(name[0], []):
            patches = rng.random((batch, 12, height, width), dtype=np.float32)
            answers = {
                "onnxruntime": session.run(["logits"], {"input": patches})[0],
                "openvino": compiled({"input": patches})["logits"],
            }
            for engine, logits in answers.items():
                assert logits.shape == (batch, 1, height, width), (engine, logits.shape)
                found = own_difference(program, model, folder, patches, logits)
                worst[engine] = max(worst.get(engine, 0.0), found)
        largest = float(np.abs(load_file(model / "forward.safetensors")["logits"]).max())
        for engine, library in LIBRARIES.items():
            flags = ["--engine", engine, f"--{engine}-library", library, "--tolerance", 1e9, "--json"]
            report = json.loads(run(program, "model", "verify", model, *flags))
            worst[f"--engine {engine}"] = report["max_abs_difference"] / largest
        size = path.stat().st_size / 1e6
    return worst, size


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the minesegsat program")
    parser.add_argument("names", nargs="*", metavar="NAME", help="networks [default: all]")
    parser.add_argument("--quick", action="store_true", help=f"only {', '.join(QUICK)}")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(f"onnx {onnx.__version__}, ONNX Runtime {onnxruntime.__version__}, OpenVINO {openvino.__version__}")
    failed = False
    for name in args.names or (QUICK if args.quick else NAMES):
        worst, size = compare(args.program, name, np.random.default_rng(args.seed))
        bad = not all(value <= TOLERANCE for value in worst.values())
        failed |= bad
        values = ", ".join(f"{engine} {value:.1e}" for engine, value in worst.items())
        print(f"{name:<24} {size:6.1f} MB  {values}{'  TOO FAR' if bad else ''}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
