#!/usr/bin/env python3
"""Times the engines side by side: the program's own, ONNX Runtime, OpenVINO and PyTorch.

    pip install numpy safetensors onnxruntime openvino torch
    cargo build --release -p minesegsat-cli
    cargo build --release -p minesegsat-cpu --example time_segformer
    python benches/engines.py --program target/release/minesegsat --rust target/release/examples/time_segformer b0 paper

One patch of 512 x 512 pixels and 12 bands, batch 1, on 2 threads; the program's own engine also with a batch of 2, a patch on
each thread, per patch. Engines take turns, round by round, so that what else the machine does hits all of them; printed are
medians and the spread between the quarters, in milliseconds, and the ratios to OpenVINO in the same precision, also of the
fastest runs. PyTorch (eager, float32) is left out where it is not installed. Run it on a machine that does nothing else.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy as np


def timed(call):
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1e3


class Own:
    """The program's engine, in a process of its own each round; its first run is not counted."""

    def __init__(self, rust, model, size, threads, precision, batch=1):
        self.command = [str(rust), str(model), "--size", str(size), "--precision", precision, "--batch", str(batch), "--each"]
        self.env = {**os.environ, "RAYON_NUM_THREADS": str(threads)}

    def round(self, count):
        command = [*self.command, "--runs", str(count)]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, check=True)
        return [float(value) for value in done.stdout.splitlines()[0].split()[1:]]


class PyTorch:
    """Eager, float32, with the plain decoder, as `benches/pytorch_forward.py` writes it."""

    def __init__(self, model, patch, threads):
        import torch
        from pytorch_forward import SegFormer
        from safetensors.torch import load_file

        torch.set_num_threads(threads)
        card = json.loads((model / "model.json").read_text())
        network = SegFormer(card["architecture"]).eval()
        network.load_state_dict(load_file(model / "model.safetensors"), strict=False)
        x = torch.from_numpy(patch)

        def call():
            with torch.inference_mode():
                network(x)

        self.call = call
        self.call()

    def round(self, count):
        return [timed(self.call) for _ in range(count)]


class OnnxRuntime:
    def __init__(self, path, patch, threads):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.call = lambda: session.run(["logits"], {"input": patch})
        self.call()

    def round(self, count):
        return [timed(self.call) for _ in range(count)]


class OpenVino:
    def __init__(self, path, patch, threads, precision):
        import openvino

        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": "1",
            "INFERENCE_NUM_THREADS": str(threads),
            "INFERENCE_PRECISION_HINT": precision,
        }
        core = openvino.Core()
        model = core.read_model(str(path))
        model.reshape({"input": list(patch.shape)})
        request = core.compile_model(model, "CPU", settings).create_infer_request()
        self.call = lambda: request.infer({"input": patch})
        self.call()

    def round(self, count):
        return [timed(self.call) for _ in range(count)]


def measure(args, name, folder):
    model = pathlib.Path(name)
    if not model.is_dir():
        model = folder / name
        subprocess.run([args.program, "model", "random", name, "-o", model], check=True, stdout=subprocess.DEVNULL)
    path = folder / f"{model.name}.onnx"
    export = [args.program, "model", "export", model, "--format", "onnx", "-o", path]
    subprocess.run(export, check=True, stdout=subprocess.DEVNULL)
    patch = np.random.default_rng(0).random((1, 12, args.size, args.size), dtype=np.float32)
    own = lambda *more: Own(args.rust, model, args.size, args.threads, *more)
    engines = {
        "OpenVINO fp32": OpenVino(path, patch, args.threads, "f32"),
        "minesegsat fp32": own("fp32"),
        "minesegsat fp32, 2 patches": own("fp32", 2),
        "ONNX Runtime fp32": OnnxRuntime(path, patch, args.threads),
        "OpenVINO bf16": OpenVino(path, patch, args.threads, "bf16"),
        "minesegsat bf16": own("bf16"),
        "minesegsat bf16, 2 patches": own("bf16", 2),
    }
    if importlib.util.find_spec("torch"):
        engines["PyTorch fp32"] = PyTorch(model, patch, args.threads)
    times = {engine: [] for engine in engines}
    for _ in range(args.rounds):
        for engine, runner in engines.items():
            times[engine] += runner.round(args.per_round)
    count = len(times["OpenVINO fp32"])
    print(f"{name}, {args.size} x {args.size} x 12, {args.threads} threads, {count} runs")
    print(f"  {'':<26} {'median':>9}  {'quarters':<16} {'fastest':>8}   ratio to OpenVINO: of medians, of fastest")
    for engine, values in times.items():
        reference = times["OpenVINO bf16" if "bf16" in engine else "OpenVINO fp32"]
        low, median, high = statistics.quantiles(values, n=4)
        ratios = median / statistics.median(reference), min(values) / min(reference)
        print(
            f"  {engine:<26} {median:6.1f} ms  {f'({low:.1f} to {high:.1f})':<16} {min(values):8.1f}   {ratios[0]:5.2f} {ratios[1]:5.2f}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/minesegsat")
    parser.add_argument("--rust", default="target/release/examples/time_segformer")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--per-round", type=int, default=3)
    parser.add_argument("models", nargs="+", metavar="MODEL", help="a variant such as b0, or a model folder")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in args.models:
            measure(args, name, pathlib.Path(folder))


if __name__ == "__main__":
    main()
