#!/usr/bin/env python3
"""Times the engines side by side: the program's own, ONNX Runtime, OpenVINO in float32 and bfloat16.

    pip install numpy safetensors onnxruntime openvino
    cargo build --release -p minesegsat-cli
    cargo build --release -p minesegsat-nn --example time_forward
    python benches/engines.py --program target/release/minesegsat --rust target/release/examples/time_forward b0 paper

One patch of 512 x 512 pixels and 12 bands, batch 1, on 2 threads. Engines take turns, round by round, so that what else the
machine does hits all of them; printed are medians and the spread between the quarters, in milliseconds, and the ratio to
OpenVINO in float32. Run it on a machine that does nothing else.
"""

import argparse
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

    def __init__(self, rust, model, size, threads):
        self.command = [str(rust), str(model), "--size", str(size), "--each"]
        self.env = {**os.environ, "RAYON_NUM_THREADS": str(threads)}

    def round(self, count):
        command = [*self.command, "--runs", str(count)]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, check=True)
        return [float(value) for value in done.stdout.splitlines()[0].split()[1:]]


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
    engines = {
        "minesegsat fp32": Own(args.rust, model, args.size, args.threads),
        "ONNX Runtime fp32": OnnxRuntime(path, patch, args.threads),
        "OpenVINO fp32": OpenVino(path, patch, args.threads, "f32"),
        "OpenVINO bf16": OpenVino(path, patch, args.threads, "bf16"),
    }
    times = {engine: [] for engine in engines}
    for _ in range(args.rounds):
        for engine, runner in engines.items():
            times[engine] += runner.round(args.per_round)
    reference = statistics.median(times["OpenVINO fp32"])
    print(f"{name}, {args.size} x {args.size} x 12, batch 1, {args.threads} threads, medians of {len(times['OpenVINO fp32'])}")
    for engine, values in times.items():
        low, median, high = statistics.quantiles(values, n=4)
        print(f"  {engine:<18} {median:8.1f} ms  ({low:.1f} to {high:.1f})  {median / reference:5.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/minesegsat")
    parser.add_argument("--rust", default="target/release/examples/time_forward")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--per-round", type=int, default=3)
    parser.add_argument("models", nargs="+", metavar="MODEL", help="a variant such as b0, or a model folder")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in args.models:
            measure(args, name, pathlib.Path(folder))


if __name__ == "__main__":
    main()
