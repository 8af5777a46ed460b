#!/usr/bin/env python3
"""Compares the convolutional networks with segmentation_models_pytorch: logits, gradients and batch norm statistics.

    pip install numpy safetensors segmentation-models-pytorch
    cargo build --workspace --bins --examples
    python scripts/compare_networks.py target/debug/minesegsat target/debug/examples/sgd_step [NAME ...]

Each network is built there with random weights and random batch norms, and its state dict imported as it is. Printed are the
largest difference of logits, as a share of the largest logit; then, after one batch in training mode and one step of plain
gradient descent, the largest difference of a running statistic, and how far the gradients of the worst parameter lie from those
in double precision (the norm of the difference, as a share), for us and for PyTorch in single precision: a ReLU that passes in
one and not in the other is enough for some thousandths. Exits with 1 where logits or statistics differ by more than 1e-4, or our
gradients lie four times as far off as PyTorch's.
"""

import argparse
import copy
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import segmentation_models_pytorch as smp
import torch
from safetensors.torch import load_file, save_file

NAMES = [f"{a}-{e}" for a in ("unet", "unetplusplus", "deeplabv3plus", "fpn") for e in ("resnet18", "resnet34", "resnet50")]


def network(name, channels, classes):
    """With random weights and norms. No dropout: two generators never agree."""
    architecture, encoder = name.split("-")
    net = smp.create_model(architecture, encoder, encoder_weights=None, in_channels=channels, classes=classes)
    for module in net.modules():
        if isinstance(module, (torch.nn.BatchNorm2d, torch.nn.GroupNorm)):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.2)
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, 0, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
        if isinstance(module, (torch.nn.Dropout, torch.nn.Dropout2d)):
            module.p = 0.0
    return net


def compare_logits(program, name, folder):
    """Largest difference as a share of the largest logit."""
    channels, classes = (12, 1) if "34" in name else (3, 3)
    net = network(name, channels, classes).eval()
    x = torch.rand(2, channels, 96, 64)
    with torch.no_grad():
        logits = net(x)
    # Half of the files as `torch.save` writes them, half as safetensors.
    checkpoint = folder / (f"{name}.pth" if "unet-" in name else f"{name}.safetensors")
    state = {key: value.contiguous() for key, value in net.state_dict().items()}
    if checkpoint.suffix == ".pth":
        torch.save({"state_dict": state, "epoch": 3}, checkpoint)
    else:
        save_file(state, checkpoint)
    save_file({"input": x, "logits": logits.contiguous()}, folder / "forward.safetensors")
    bands = ["--bands", "B04,B03,B02"] if channels == 3 else []
    run = lambda *arguments: subprocess.run([program, "-q", "model", *arguments], check=False, capture_output=True, text=True)
    done = run("import", checkpoint, "-o", folder / "model", "--overwrite", *bands)
    if done.returncode:
        sys.exit(f"{name}: {done.stderr}")
    done = run("verify", folder / "model", "--against", folder / "forward.safetensors", "--json", "--tolerance", "1e9")
    report = json.loads(done.stdout)
    return report["max_abs_difference"] / logits.abs().max().item()


def compare_step(sgd_step, name, folder):
    """How far our gradients and PyTorch's are off, and the largest difference of a running statistic after one batch."""
    net = network(name, 4, 2).train()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    save_file(before, folder / "before.safetensors")
    record = {"input": torch.rand(4, 4, 64, 96), "direction": torch.randn(4, 2, 64, 96)}
    save_file(record, folder / "record.safetensors")
    exact = copy.deepcopy(net).double()
    (exact(record["input"].double()) * record["direction"].double()).sum().backward()
    (net(record["input"]) * record["direction"]).sum().backward()
    subprocess.run([sgd_step, folder / "before.safetensors", folder / "record.safetensors", folder / "after.safetensors"], check=True)
    after = load_file(folder / "after.safetensors")
    exact = {key: parameter.grad for key, parameter in exact.named_parameters()}
    off = lambda gradients: max(((gradients[key] - g).norm() / g.norm()).item() for key, g in exact.items())
    ours = off({key: (before[key] - after[key]).double() for key in exact})
    theirs = off({key: parameter.grad.double() for key, parameter in net.named_parameters()})
    state = net.state_dict()
    statistic = max(
        ((state[key] - after[key]).abs().max() / state[key].abs().max()).item() for key in state if ".running_" in key
    )
    return ours, theirs, statistic


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("sgd_step")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(NAMES)}; default: all")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name in arguments.names or NAMES:
            logits = compare_logits(arguments.program, name, folder)
            ours, theirs, statistic = compare_step(arguments.sgd_step, name, folder)
            failed |= not (logits <= 1e-4 and statistic <= 1e-4 and ours <= 4 * theirs)
            print(f"{name:<24} logits {logits:.1e}  running statistics {statistic:.1e}  "
                  f"gradients off by {ours:.1e}, PyTorch's by {theirs:.1e}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
