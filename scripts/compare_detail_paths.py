#!/usr/bin/env python3
"""Compares ways to outlines at full resolution: boundary F1 against work, for SegFormer b0 with different additions, in PyTorch.

    pip install numpy rasterio safetensors scipy torch
    python scripts/compare_detail_paths.py MODEL WORK --program target/release/minesegsat [--paths plain,sum,double] [--steps 400] [--seed 1]

WORK gets simulated landscapes (three regions; seeds 11 to 13 to learn from, 91 to measure on) and one line of results per path in
`results.jsonl`. Every path starts from the weights of MODEL, learns for the same number of steps and is measured on whole landscapes
that nothing was fitted to. All figures are for simulated ground.

| path | what is added |
|---|---|
| plain | nothing: the decoder's logits at a quarter of the resolution |
| stem | one convolution at full resolution, joined before a second classifier |
| sum, sum-deep, sum-wide | the detail path of `minesegsat-nn`: full and half resolution, joined by sums; widths and layers in `PATHS` |
| half | convolutions at half resolution only; each pixel pair gets its logits by a pixel shuffle |
| early | a narrow first stage with a stride of 2 instead of 4 |
| points | a small network over the 2 % of pixels whose coarse logit is nearest to zero |
| double | the input doubled: the yardstick |
| distil | `sum`, taught by the answers of `double` (needs its weights in WORK) |

Work is counted in thousand multiplications per pixel of the input, attention left out. Time is that of PyTorch on one thread, for one
window of 256 pixels, and says little about the native engine.
"""

import argparse
import copy
import json
import subprocess
import time
from pathlib import Path

import numpy as np
import rasterio
import torch
from safetensors.torch import load_file
from scipy.ndimage import distance_transform_edt
from torch import nn
from torch.nn import functional as F

REGIONS, LEARN, MEASURE = ("boreal", "arid", "tropical"), (11, 12, 13), 91


# The network, with the parameter names of `minesegsat-nn`.


class Attention(nn.Module):
    def __init__(self, dim, heads, ratio):
        super().__init__()
        self.heads, self.ratio = heads, ratio
        self.query, self.key, self.value, self.dense = (nn.Linear(dim, dim) for _ in range(4))
        if ratio > 1:
            self.sr, self.layer_norm = nn.Conv2d(dim, dim, ratio, ratio), nn.LayerNorm(dim)

    def forward(self, x, size):
        n, tokens, dim = x.shape
        seen = x
        if self.ratio > 1:
            seen = self.layer_norm(self.sr(x.transpose(1, 2).reshape(n, dim, *size)).flatten(2).transpose(1, 2))
        split = lambda t: t.reshape(n, -1, self.heads, dim // self.heads).transpose(1, 2)
        out = F.scaled_dot_product_attention(split(self.query(x)), split(self.key(seen)), split(self.value(seen)))
        return self.dense(out.transpose(1, 2).reshape(n, tokens, dim))


class FeedForward(nn.Module):
    def __init__(self, dim, ratio=4):
        super().__init__()
        hidden = dim * ratio
        self.mlp_in, self.mlp_out = nn.Linear(dim, hidden), nn.Linear(hidden, dim)
        self.conv = nn.Conv2d(hidden, hidden, 3, 1, 1, groups=hidden)

    def forward(self, x, size):
        x = self.mlp_in(x)
        x = self.conv(x.transpose(1, 2).reshape(x.shape[0], -1, *size)).flatten(2).transpose(1, 2)
        return self.mlp_out(F.gelu(x))


class Block(nn.Module):
    def __init__(self, dim, heads, ratio, drop):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim, 1e-6), nn.LayerNorm(dim, 1e-6)
        self.attention, self.feed_forward, self.drop = Attention(dim, heads, ratio), FeedForward(dim), drop

    def kept(self, branch):
        if not self.training or self.drop == 0:
            return branch
        return branch * (torch.rand(branch.shape[0], 1, 1) >= self.drop) / (1 - self.drop)

    def forward(self, x, size):
        x = x + self.kept(self.attention(self.norm1(x), size))
        return x + self.kept(self.feed_forward(self.norm2(x), size))


class Embedding(nn.Module):
    def __init__(self, before, after, kernel, stride):
        super().__init__()
        self.proj, self.norm = nn.Conv2d(before, after, kernel, stride, kernel // 2), nn.LayerNorm(after)

    def forward(self, x):
        x = self.proj(x)
        return self.norm(x.flatten(2).transpose(1, 2)), x.shape[2:]


class Encoder(nn.Module):
    def __init__(self, bands, dims, depths, ratios, strides):
        super().__init__()
        widths, drops = [bands, *dims], iter(torch.linspace(0, 0.1, sum(depths)).tolist())
        self.embeddings = nn.ModuleList(Embedding(widths[i], dims[i], 3 if i else 7, strides[i]) for i in range(4))
        heads = (1, 2, 5, 8)
        self.transformers = nn.ModuleList(
            nn.ModuleList(Block(dims[i], heads[i], ratios[i], next(drops)) for _ in range(depths[i])) for i in range(4)
        )
        self.layer_norm = nn.ModuleList(nn.LayerNorm(dim, 1e-6) for dim in dims)

    def forward(self, x):
        stages = []
        for embed, blocks, norm in zip(self.embeddings, self.transformers, self.layer_norm):
            x, size = embed(x)
            for block in blocks:
                x = block(x, size)
            x = norm(x).transpose(1, 2).reshape(x.shape[0], -1, *size)
            stages.append(x)
        return stages


def resized(x, size):
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)


class Decoder(nn.Module):
    def __init__(self, dims, width):
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(dim, width, 1) for dim in reversed(dims))
        self.linear_fuse, self.batch_norm = nn.Conv2d(4 * width, width, 1, bias=False), nn.BatchNorm2d(width)
        self.classifier = nn.Conv2d(width, 1, 1)

    def features(self, stages):
        """As projecting, stacking and fusing, with one product per stage at its own resolution."""
        total, width = 0, self.linear_fuse.weight.shape[0]
        for i, (stage, layer) in enumerate(zip(stages, reversed(self.layers))):
            fuse = self.linear_fuse.weight[:, i * width : (i + 1) * width, 0, 0]
            part = F.conv2d(stage, (fuse @ layer.weight[:, :, 0, 0])[:, :, None, None], fuse @ layer.bias)
            total = total + resized(part, stages[0].shape[2:])
        return F.relu(self.batch_norm(total))


# What is added to it. Every path gets the input, the decoder's features and its logits at full resolution.


class Normed(nn.Sequential):
    def __init__(self, before, after, stride=1):
        super().__init__(nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU())


def silent(layer):
    """A last layer of zeros, so that the network starts with the answer that it had."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class Stem(nn.Module):
    def __init__(self, bands, features, width=16):
        super().__init__()
        self.stem, self.context = Normed(bands, width), nn.Conv2d(features, width, 1)
        self.full, self.classifier = Normed(2 * width, width), silent(nn.Conv2d(width, 1, 1))

    def forward(self, x, features, logits):
        both = torch.cat([self.stem(x), resized(self.context(features), x.shape[2:])], 1)
        return logits + self.classifier(self.full(both))


class Sum(nn.Module):
    def __init__(self, bands, features, full=16, half=32, layers=2):
        super().__init__()
        self.stem, self.down, self.context = Normed(bands, full), Normed(full, half, 2), nn.Conv2d(features, half, 1)
        self.coarse = nn.Sequential(*(Normed(half, half) for _ in range(layers)))
        self.up, self.full, self.classifier = nn.Conv2d(half, full, 1), Normed(full, full), silent(nn.Conv2d(full, 1, 1))

    def forward(self, x, features, logits):
        fine = self.stem(x)
        coarse = self.down(fine)
        coarse = self.coarse(coarse + resized(self.context(features), coarse.shape[2:]))
        return logits + self.classifier(self.full(fine + resized(self.up(coarse), x.shape[2:])))


class Half(nn.Module):
    def __init__(self, bands, features, width=32, layers=2):
        super().__init__()
        self.stem, self.context = Normed(4 * bands, width), nn.Conv2d(features, width, 1)
        self.coarse = nn.Sequential(*(Normed(width, width) for _ in range(layers)))
        self.classifier = silent(nn.Conv2d(width, 4, 1))

    def forward(self, x, features, logits):
        coarse = self.stem(F.pixel_unshuffle(x, 2))
        coarse = self.coarse(coarse + resized(self.context(features), coarse.shape[2:]))
        return logits + F.pixel_shuffle(self.classifier(coarse), 2)


class Points(nn.Module):
    def __init__(self, bands, features, share=0.02, width=64):
        super().__init__()
        self.share, self.context = share, nn.Conv2d(features, 32, 1)
        self.hidden, self.classifier = nn.Linear(9 * bands + 33, width), silent(nn.Linear(width, 1))
        self.second = nn.Linear(width, width)

    def forward(self, x, features, logits):
        n, _, height, width = x.shape
        count = max(1, int(self.share * height * width))
        flat = logits.flatten(1)
        # In training more points are seen, so that the layers learn from more than the outlines of the day.
        points = flat.detach().abs().topk(count * (4 if self.training else 1), largest=False).indices
        take = lambda maps: maps.flatten(2).gather(2, points[:, None].expand(-1, maps.shape[1], -1))
        context = self.context(features)
        grid = torch.stack([(points % width + 0.5) / width * 2 - 1, (points // width + 0.5) / height * 2 - 1], -1)
        context = F.grid_sample(context, grid[:, None], align_corners=False, padding_mode="border")[:, :, 0]
        around = [take(torch.roll(x, (dy, dx), (2, 3))) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        seen = torch.cat([*around, context, flat.gather(1, points)[:, None]], 1).transpose(1, 2)
        change = self.classifier(F.relu(self.second(F.relu(self.hidden(seen)))))[..., 0]
        return flat.scatter_add(1, points, change).reshape(n, 1, height, width)


class Network(nn.Module):
    def __init__(self, path=None, double=False, dims=(32, 64, 160, 256), depths=(2,) * 4, ratios=(8, 4, 2, 1), strides=(4, 2, 2, 2)):
        super().__init__()
        self.encoder, self.decoder = Encoder(12, dims, depths, ratios, strides), Decoder(dims, 256)
        self.double, self.detail = double, path(12, 256) if path else None

    def forward(self, x):
        size = x.shape[2:]
        seen = resized(x, [2 * side for side in size]) if self.double else x
        features = self.decoder.features(self.encoder(seen))
        if self.training:
            features = F.dropout2d(features, 0.1)
        logits = resized(self.decoder.classifier(features), size)
        return logits if self.detail is None else self.detail(x, features, logits)


PATHS = {
    "plain": Network,
    "stem": lambda: Network(Stem),
    "sum": lambda: Network(Sum),
    "sum-deep": lambda: Network(lambda bands, features: Sum(bands, features, layers=4)),
    "sum-wide": lambda: Network(lambda bands, features: Sum(bands, features, 24, 48)),
    "half": lambda: Network(Half),
    "early": lambda: Network(dims=(16, 64, 160, 256), depths=(1, 2, 2, 2), ratios=(16, 4, 2, 1), strides=(2, 4, 2, 2)),
    "points": lambda: Network(Points),
    "double": lambda: Network(double=True),
    "distil": lambda: Network(Sum),
}


def thousand_multiplications(network, side=256):
    total = 0

    def count(module, _, output):
        nonlocal total
        per_value = module.weight[0].numel()
        total += output.numel() * per_value

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    # The decoder's products are written as functions.
    stages = []
    hooks.append(network.encoder.register_forward_hook(lambda _, __, out: stages.extend(out)))
    with torch.inference_mode():
        network.eval()(torch.zeros(1, 12, side, side))
    for hook in hooks:
        hook.remove()
    total += sum(stage.numel() * 256 for stage in stages)
    return total / side**2 / 1e3


# Landscapes.


def landscape(program, folder, card, region, seed):
    """Normalised bands `[12, H, W]` (half floats) and the mask `[H, W]`, 255 under cloud."""
    year = 2022 if seed == MEASURE else 2018 + seed % 6
    place = folder / f"{region}-{seed}"
    if not (place / "truth" / "summary.json").exists():
        command = [program, "-q", "simulate", "-o", place, "--region", region, "--seed", seed, "--years", year]
        subprocess.run([*map(str, command), "--size", "1536", "--cloud-cover", "2"], check=True)
    with rasterio.open(place / "truth" / f"{year}_mask.tif") as file:
        mask = file.read(1)
    item = next((place / str(year)).glob("*/item.json"))
    offset = 1000 if json.loads(item.read_text())["properties"]["datetime"] >= "2022-01-25" else 0
    bands = []
    for band, mean, std in zip(card["bands"], card["normalisation"]["mean"], card["normalisation"]["std"]):
        with rasterio.open(item.parent / f"{band}.tif") as file:
            values = torch.from_numpy((file.read(1).astype(np.float32) - offset) / 1e4)[None, None]
        values = F.interpolate(values, size=mask.shape, mode="bicubic", align_corners=False) if values.shape[2:] != mask.shape else values
        bands.append(((values[0, 0].numpy() - mean) / std).astype(np.float16))
    with rasterio.open(item.parent / "SCL.tif") as file:
        classes = np.kron(file.read(1), np.ones((2, 2), np.uint8))[: mask.shape[0], : mask.shape[1]]
    return np.stack(bands), np.where(np.isin(classes, (0, 8, 9)), 255, mask).astype(np.uint8)


def crops(places, mines, count, side, random, card):
    """Crops with the usual random changes; three of five lie around a mine."""
    mean, std = (np.array(card["normalisation"][part], np.float32)[:, None, None] for part in ("mean", "std"))
    images, masks = [], []
    for _ in range(count):
        place = random.integers(len(places))
        image, mask = places[place]
        corner = random.integers(0, mask.shape[0] - side + 1, 2)
        if random.random() < 0.6:
            corner = mines[place][random.integers(len(mines[place]))] - side // 2 + random.integers(-60, 61, 2)
            corner = np.clip(corner, 0, mask.shape[0] - side)
        y, x = corner
        image, mask = image[:, y : y + side, x : x + side].astype(np.float32), mask[y : y + side, x : x + side]
        turns = random.integers(4)
        image, mask = np.rot90(image, turns, (1, 2)), np.rot90(mask, turns)
        if random.random() < 0.5:
            image, mask = image[:, :, ::-1], mask[:, ::-1]
        image = image * std + mean
        if random.random() < 0.5:
            image = image * (1 + random.uniform(-0.15, 0.15))
        if random.random() < 0.3:
            image = image * (1 + random.uniform(-0.08, 0.08, (12, 1, 1)))
        if random.random() < 0.3:
            image = image + random.normal(0, 0.005, image.shape)
        images.append(((image - mean) / std).astype(np.float32))
        masks.append(mask.copy())
    return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(masks))


def loss_of(logits, mask, taught=None):
    known, truth = mask != 255, (mask == 1).float()
    logits = logits[:, 0]
    p = torch.sigmoid(logits) * known
    dice = 1 - (2 * (p * truth).sum() + 1) / (p.sum() + (truth * known).sum() + 1)
    # A teacher's probabilities are soft masks.
    target = truth if taught is None else 0.5 * truth + 0.5 * taught[:, 0]
    return F.binary_cross_entropy_with_logits(logits[known], target[known]) + dice


# Measures, as `minesegsat evaluate` defines them.


def outline(mine, known):
    edge, other = np.zeros(mine.shape, bool), ~mine & known
    edge[1:] |= mine[1:] & other[:-1]
    edge[:-1] |= mine[:-1] & other[1:]
    edge[:, 1:] |= mine[:, 1:] & other[:, :-1]
    edge[:, :-1] |= mine[:, :-1] & other[:, 1:]
    return edge & known


def counts(probability, mask, threshold):
    known = mask != 255
    found, true = (probability >= threshold) & known, mask == 1
    areas = [(found & true).sum(), (found & ~true).sum(), (~found & true).sum()]
    a, b = outline(found, known), outline(true, known)
    far = lambda edge: distance_transform_edt(~edge) if edge.any() else np.full(edge.shape, np.inf)
    near_truth, near_found = far(b)[a], far(a)[b]
    within = [(d <= tolerance).sum() for tolerance in (1, 2) for d in (near_truth, near_found)]
    return np.array([*areas, a.sum(), b.sum(), *within], float)


def measure(network, places, window=256, overlap=32):
    probabilities, step = [], window - 2 * overlap
    network.eval()
    with torch.inference_mode():
        for image, mask in places:
            height, width = mask.shape
            out = np.zeros(mask.shape, np.float32)
            for y in range(0, height, step):
                for x in range(0, width, step):
                    top, left = min(max(y - overlap, 0), height - window), min(max(x - overlap, 0), width - window)
                    patch = torch.from_numpy(image[None, :, top : top + window, left : left + window].astype(np.float32))
                    answer = torch.sigmoid(network(patch))[0, 0].numpy()
                    part = out[y : y + step, x : x + step]
                    part[:] = answer[y - top :, x - left :][: part.shape[0], : part.shape[1]]
            probabilities.append(out)
    best = {}
    for threshold in (0.3, 0.4, 0.5, 0.6, 0.7):
        tp, fp, fn, a, b, *near = sum(counts(p, mask, threshold) for p, (_, mask) in zip(probabilities, places))
        f1 = [2 * (n / max(a, 1)) * (m / max(b, 1)) / max(n / max(a, 1) + m / max(b, 1), 1e-9) for n, m in (near[:2], near[2:])]
        row = {"threshold": threshold, "f1": 2 * tp / (2 * tp + fp + fn), "boundary_f1_1px": f1[0], "boundary_f1_2px": f1[1], "area_ratio": (tp + fp) / (tp + fn)}
        if row["boundary_f1_1px"] > best.get("boundary_f1_1px", -1):
            best = row
    return best


def window_seconds(network, runs=7):
    network.eval()
    times = []
    with torch.inference_mode():
        for _ in range(runs):
            start = time.perf_counter()
            network(torch.zeros(1, 12, 256, 256))
            times.append(time.perf_counter() - start)
    return float(np.median(times))


def start(path, weights):
    network = PATHS[path]()
    own = network.state_dict()
    network.load_state_dict({k: v for k, v in weights.items() if k in own and own[k].shape == v.shape}, strict=False)
    return network


def train(name, network, teacher, places, card, arguments):
    random = np.random.default_rng(arguments.seed)
    mines = [np.argwhere(mask == 1) for _, mask in places]
    parameters = {part: [p for n, p in network.named_parameters() if n.startswith("detail.") == (part == "new")] for part in ("old", "new")}
    groups = [{"params": parameters["old"]}, {"params": parameters["new"]}]
    rates = [arguments.rate, arguments.rate_new]
    groups, rates = zip(*((g, r) for g, r in zip(groups, rates) if g["params"]))
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, list(rates), total_steps=arguments.steps, pct_start=0.15)
    average, started = copy.deepcopy(network), time.process_time()
    for step in range(arguments.steps):
        network.train()
        images, masks = crops(places, mines, arguments.batch, arguments.side, random, card)
        taught = None
        if teacher is not None:
            with torch.inference_mode():
                taught = torch.sigmoid(teacher(images)).clone()
        loss = loss_of(network(images), masks, taught)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        decay = min(0.99, (1 + step) / (10 + step))
        for kept, new in zip(average.state_dict().values(), network.state_dict().values()):
            kept.lerp_(new, 1 - decay) if kept.dtype.is_floating_point else kept.copy_(new)
        if (step + 1) % 50 == 0:
            print(f"{name}: step {step + 1} of {arguments.steps}, loss {loss.item():.3f}, {time.process_time() - started:.0f} s", flush=True)
    return average, time.process_time() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--program", default="target/release/minesegsat")
    parser.add_argument("--paths", default=",".join(PATHS))
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=2e-4, help="largest learning rate of the weights of MODEL")
    parser.add_argument("--rate-new", type=float, default=3e-3, help="largest learning rate of what is added")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    card = json.loads((arguments.model / "model.json").read_text())
    weights = load_file(arguments.model / "model.safetensors")
    made = lambda seed: [landscape(arguments.program, arguments.work / "landscapes", card, region, seed) for region in REGIONS]
    learn, held = [place for seed in LEARN for place in made(seed)], made(MEASURE)
    print("before:", json.dumps(measure(start("plain", weights), held)), flush=True)
    for name in arguments.paths.split(","):
        torch.manual_seed(arguments.seed)
        network, teacher = start(name, weights), None
        if name == "distil":
            teacher = PATHS["double"]()
            teacher.load_state_dict(torch.load(arguments.work / f"double-{arguments.seed}.pt", weights_only=True))
            teacher.eval()
        work, seconds = thousand_multiplications(network), window_seconds(network)
        network, trained = train(name, network, teacher, learn, card, arguments)
        torch.save(network.state_dict(), arguments.work / f"{name}-{arguments.seed}.pt")
        row = {"path": name, "seed": arguments.seed, "steps": arguments.steps, "kmul_per_px": round(work, 1), "window_s": round(seconds, 4), "training_cpu_s": round(trained)}
        row |= {key: round(float(value), 4) for key, value in measure(network, held).items()}
        print(json.dumps(row), flush=True)
        with (arguments.work / "results.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
