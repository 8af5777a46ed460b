#!/usr/bin/env python3
"""Compares the metrics of `minesegsat evaluate` with what scikit-learn, segmentation_models_pytorch and SciPy make of the same
probabilities and masks.

    pip install numpy scipy rasterio scikit-learn torch segmentation_models_pytorch
    minesegsat evaluate --model MODEL --dataset SET --split val --write-probabilities -o OUT
    python scripts/compare_metrics.py OUT SET

Ratios pooled over all pixels and average precision come from scikit-learn, means over patches from segmentation_models_pytorch
(`reduction="micro-imagewise"`, zero_division 1), boundary F1 from SciPy's exact Euclidean distance transform, the calibration
error from NumPy. Of the paper's protocol masks are cropped as probabilities are. Exits with 1 if a number differs.
"""

import argparse
import csv
import json
import sys
from pathlib import Path

import numpy as np
import rasterio
import segmentation_models_pytorch as smp
import torch
from scipy.ndimage import distance_transform_edt
from sklearn import metrics as sk


def mask_path(root, row):
    path = root / row["mask_path"]
    return path if path.suffix else path / "mask.tif"


def outline(mine, known):
    """Pixels of a mine with a known neighbour of other land on one of its four sides."""
    other = np.pad(~mine & known, 1)
    beside = other[:-2, 1:-1] | other[2:, 1:-1] | other[1:-1, :-2] | other[1:-1, 2:]
    return mine & known & beside


def near(of, other, tolerance):
    """Pixels of an outline, and those with a pixel of another one within a tolerance."""
    if not other.any():
        return of.sum(), 0
    return of.sum(), (of & (distance_transform_edt(~other) <= tolerance)).sum()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("evaluation", type=Path)
    parser.add_argument("dataset", type=Path)
    arguments = parser.parse_args()
    found = json.loads((arguments.evaluation / "metrics.json").read_text())
    card = json.loads((arguments.dataset / "dataset.json").read_text())
    root = arguments.dataset / card["root"]
    threshold = np.float32(found["threshold"]["value"])
    split = found["dataset"]["split"]
    with open(arguments.dataset / "dataset_splits.csv") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    probabilities, masks, images = [], [], []
    boundary = {tolerance: np.zeros(4) for tolerance in (1, 2, 3)}
    without_mines = np.zeros(2)
    for row in rows:
        with rasterio.open(arguments.evaluation / "probabilities" / f"{row['id']}.tif") as file:
            p = file.read(1)
        with rasterio.open(mask_path(root, row)) as file:
            mask = file.read(1)
        top, left = ((mask.shape[i] - p.shape[i]) // 2 for i in (0, 1))
        mask = mask[top : top + p.shape[0], left : left + p.shape[1]]
        known = ~np.isnan(p) & (mask != card["ignore"])
        predicted, truth = (p >= threshold) & known, (mask != 0) & known
        probabilities.append(p[known])
        masks.append(truth[known])
        output, target = (torch.tensor(part[known][None, None].astype("int64")) for part in (predicted, truth))
        images.append(torch.stack([s[0, 0] for s in smp.metrics.get_stats(output, target, mode="binary")]))
        for tolerance, sums in boundary.items():
            a, b = outline(predicted, known), outline(truth, known)
            sums += [*near(a, b, tolerance), *near(b, a, tolerance)]
        if not truth.any():
            without_mines += [(~predicted & known).sum(), known.sum()]
    p, y = np.concatenate(probabilities).astype("float64"), np.concatenate(masks)
    decided = p.astype("float32") >= threshold
    tp, fp, fn, tn = torch.stack(images).T[:, :, None]
    mean = {"reduction": "micro-imagewise", "zero_division": 1.0}
    expected = {
        "f1": sk.f1_score(y, decided),
        "precision": sk.precision_score(y, decided, zero_division=0),
        "recall": sk.recall_score(y, decided),
        "iou": sk.jaccard_score(y, decided),
        "accuracy": sk.accuracy_score(y, decided),
        "f1_image": smp.metrics.f1_score(tp, fp, fn, tn, **mean).item(),
        "precision_image": smp.metrics.precision(tp, fp, fn, tn, **mean).item(),
        "recall_image": smp.metrics.recall(tp, fp, fn, tn, **mean).item(),
        "iou_image": smp.metrics.iou_score(tp, fp, fn, tn, **mean).item(),
        "accuracy_image": smp.metrics.accuracy(tp, fp, fn, tn, **mean).item(),
        "bce": sk.log_loss(y, np.clip(p, 1e-7, 1 - 1e-7)),
        "brier": sk.brier_score_loss(y, p),
    }
    if without_mines[1] > 0:
        expected["specificity_without_mines"] = without_mines[0] / without_mines[1]
    bins = np.minimum((p * 15).astype(int), 14)
    sums = [np.bincount(bins, weights, 15) for weights in (p, y)]
    expected["ece"] = np.abs(sums[0] - sums[1]).sum() / len(p)
    for tolerance, (predicted, predicted_near, truth, truth_near) in boundary.items():
        precision, recall = predicted_near / max(predicted, 1), truth_near / max(truth, 1)
        expected[f"boundary_f1_{tolerance}px"] = 2 * precision * recall / max(precision + recall, 1e-12)
    values = {name: found["metrics"][name]["value"] for name in expected}
    # Of a histogram whose bins are 1/1024 of a logit wide, evenly mixed.
    expected["average_precision"], values["average_precision"] = sk.average_precision_score(y, p), found["average_precision"]
    different = 0
    print(f"{len(p)} pixels of {len(rows)} patches, threshold {threshold}")
    for name, reference in expected.items():
        tolerance = 1e-4 if name == "average_precision" else 1e-5
        is_same = values[name] is not None and abs(values[name] - reference) <= tolerance
        different += not is_same
        print(f"{name:28} {values[name]} {reference:.9f}{'' if is_same else '  DIFFERENT'}")
    print(f"{different} of {len(expected)} differ")
    return different > 0


if __name__ == "__main__":
    sys.exit(main())
