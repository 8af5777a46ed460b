#!/usr/bin/env python3
"""Outlines mines on real pixels by hand: numbered segments are shown, chosen in a text file, and turned into masks.

    outline_mines.py show  SOURCE -o FOLDER [--places 0-9,12]   contact sheets with numbered segments
    outline_mines.py take  CHOICES... [-o labels/real_mines]    masks from choices
    outline_mines.py check CHOICES -o FOLDER [--places 0-9,12]  the chosen outlines drawn on the pictures
    outline_mines.py agree CHOICES CHOICES                      agreement of two choice files that share places

SOURCE is the first line of a choice file, after `source`: a path below ../shared/data (or MINESEGSAT_DATA), then settings:

    real_mines/amazon_pairs_48px/pairs_int16.npz name=amazon bands=B02,B03,B04,B08,B11,B12 segments=60
    brazil_mining_rgb_2021/image/*.tif name=brazil bands=B02,B03,B04 size=224 segments=250
    real_mines/lommel_l1c/ref_input_S2_{band}.tif name=lommel bands=B02,B03,B04,B08,B11 size=128 segments=120

A place of an .npz is its row; a place of a raster is FILE:WINDOW, windows of `size` pixels counted from 0 in row order. Each
other line of a choice file is `place date mine unsure` with segment numbers: `12 t1 3,7-9,21 14`, `-` for none, `all` for all
(in `unsure`: all others), `all^3,7-9` for all but these. `12/150` is place 12 cut in 150 segments; finer segments are parts of coarser ones. `#` comments.
Mask values: 0 not mine, 128 unsure, 255 mine, 64 not looked at (or no pixels). Only pixels are read, never labels.
"""

import argparse
import csv
import glob
import heapq
import math
import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

NOT_MINE, NOT_LABELLED, UNSURE, MINE = 0, 64, 128, 255
ATLAS_COLUMNS = 29
SHEET_WIDTH = 1450
ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("MINESEGSAT_DATA", ROOT / "../shared/data"))


class Source:
    """Places with one or two dates, each [height, width, band] of reflectance x 10000."""

    def __init__(self, text):
        path, *settings = text.split()
        settings = dict(s.split("=", 1) for s in settings)
        if unknown := settings.keys() - {"name", "bands", "size", "segments"}:
            raise SystemExit(f"unknown setting {sorted(unknown)}: expected name, bands, size, segments")
        self.text, self.name, self.bands = text, settings["name"], settings["bands"].split(",")
        self.segments, self.size = int(settings.get("segments", 60)), int(settings.get("size", 128))
        self.files, self.arrays, self.open_file = {}, None, (None, None)
        if path.endswith(".npz"):
            archive = np.load(DATA / path)
            self.dates = ["t0", "t1"]
            self.arrays = {date: archive[date] for date in self.dates}
            self.places = [str(row) for row in range(len(self.arrays["t0"]))]
            return
        self.dates, self.places = ["t0"], []
        found = sorted(glob.glob(str(DATA / path.replace("{band}", self.bands[0]))))
        index = (DATA / path).parent.parent / "index.csv"  # of chips with a split: the training ones alone
        if index.exists():
            train = {r["chip"] for r in csv.DictReader(index.open()) if r["split"] == "train"}
            found = [f for f in found if Path(f).name in train]
        for file in found:
            self.files[Path(file).stem] = [file] if "{band}" not in path else [str(DATA / path.replace("{band}", b)) for b in self.bands]
            height, width = self.pixels(Path(file).stem).shape[:2]
            windows = math.ceil(height / self.size) * math.ceil(width / self.size)
            self.places += [f"{Path(file).stem}:{k}" for k in range(windows)]
        if not self.places:
            raise SystemExit(f"no file matches {DATA / path}")

    def pixels(self, stem):
        """The whole raster, [height, width, band]; other grids are brought to the first band's by the nearest pixel."""
        import rasterio

        if self.open_file[0] != stem:
            layers = []
            for path in self.files[stem]:
                with rasterio.open(path) as raster:
                    shape = layers[0].shape[-2:] if layers else raster.shape
                    layers.append(raster.read(out_shape=(raster.count, *shape)))
            self.open_file = stem, np.concatenate(layers)[: len(self.bands)].transpose(1, 2, 0)
        return self.open_file[1]

    def window(self, place):
        """Name of the file and slices of a place of a raster."""
        stem, k = place.rsplit(":", 1)
        columns = math.ceil(self.pixels(stem).shape[1] / self.size)
        row, col = (int(k) // columns * self.size, int(k) % columns * self.size)
        return stem, (slice(row, row + self.size), slice(col, col + self.size))

    def place(self, place):
        """{date: [height, width, band] float}."""
        if self.arrays:
            return {date: self.arrays[date][int(place)].astype("f8") for date in self.dates}
        stem, where = self.window(place)
        return {"t0": self.pixels(stem)[where].astype("f8")}


def segment(pixels, count):
    """Numbers 1..count, [height, width]: neighbours merged while it adds least to the variance (Ward 1963) of sqrt(reflectance)."""
    height, width, bands = pixels.shape
    sums = np.sqrt(np.clip(np.nan_to_num(pixels), 0, None) / 1e4).reshape(-1, bands).tolist()
    sizes, parent = [1] * len(sums), list(range(len(sums)))
    near = [set() for _ in sums]
    grid = np.arange(height * width).reshape(height, width)
    for a, b in [*zip(grid[:, :-1].flat, grid[:, 1:].flat), *zip(grid[:-1].flat, grid[1:].flat)]:
        near[a].add(int(b))
        near[b].add(int(a))

    def cost(a, b):
        n, m = sizes[a], sizes[b]
        return n * m / (n + m) * sum((x / n - y / m) ** 2 for x, y in zip(sums[a], sums[b]))

    heap = [(cost(a, b), a, b, 1, 1) for a in range(len(sums)) for b in near[a] if a < b]
    heapq.heapify(heap)
    left = len(sums)
    while left > count and heap:
        _, a, b, n, m = heapq.heappop(heap)
        if parent[a] != a or parent[b] != b or (sizes[a], sizes[b]) != (n, m):
            continue  # one of the two has grown since
        parent[b] = a
        sums[a] = [x + y for x, y in zip(sums[a], sums[b])]
        sizes[a] += sizes[b]
        near[a] = (near[a] | near[b]) - {a, b}
        for c in sorted(near[a]):
            near[c].discard(b)
            near[c].add(a)
            first, second = min(a, c), max(a, c)
            heapq.heappush(heap, (cost(first, second), first, second, sizes[first], sizes[second]))
        left -= 1
    roots = np.array(parent)
    while (roots[roots] != roots).any():
        roots = roots[roots]
    return np.unique(roots, return_inverse=True)[1].reshape(height, width) + 1  # a root is its segment's first pixel


def pictures(source, dates):
    """{date: (true colour, false colour)} as uint8, stretched alike for all dates of the place."""
    at = {band: source.bands.index(band) for band in source.bands}
    seen = np.concatenate([p[p.any(2)] for p in dates.values()] or [np.zeros((1, len(at)))])
    low = {b: np.percentile(seen[:, i], 0.5) * 0.8 for b, i in at.items()} if len(seen) else dict.fromkeys(at, 0)
    high = {b: np.percentile(seen[:, i], 99.5) if len(seen) else 1 for b, i in at.items()}
    common = min(max(max(high[b] - low[b] for b in at if b in ("B02", "B03", "B04")), 1000), 4000)

    def layer(p, band, span):
        if band not in at:  # a set without green
            return (layer(p, "B02", span) + layer(p, "B04", span)) / 2
        return np.clip((p[..., at[band]] - low[band]) / span, 0, 1) ** 0.7

    result = {}
    for date, p in dates.items():
        true = [layer(p, b, common) for b in ("B04", "B03", "B02")]
        if "B11" in at and "B08" in at:
            false = [layer(p, b, 4500 if b != "B04" else 3000) for b in ("B11", "B08", "B04")]
        else:  # each band over its own range: more colour
            false = [layer(p, b, max(high[b] - low[b], 300) if b in at else common) for b in ("B04", "B03", "B02")]
        result[date] = [(np.stack(c, 2) * 255).astype("u1") for c in (true, false)]
    return result


def enlarge(picture, scale):
    return picture.repeat(scale, 0).repeat(scale, 1)


def edges(labels, scale):
    big = enlarge(labels, scale)
    lines = np.zeros(big.shape, bool)
    lines[1:] |= big[1:] != big[:-1]
    lines[:, 1:] |= big[:, 1:] != big[:, :-1]
    return lines


def numbered(picture, labels, scale):
    """Segments outlined, and their numbers at their innermost pixels."""
    big = enlarge(picture, scale)
    lines = edges(labels, scale)
    bright = big[lines].mean(1, keepdims=True) > 140
    big[lines] = (0.45 * big[lines] + 0.55 * np.where(bright, [60, 0, 160], [255, 230, 0])).astype("u1")
    image = Image.fromarray(big)
    draw = ImageDraw.Draw(image)
    for number in range(1, labels.max() + 1):
        inside, depth = np.pad(labels == number, 1), np.zeros(labels.shape)
        while inside.any():  # peeled pixel by pixel
            depth += inside[1:-1, 1:-1]
            inside[1:-1, 1:-1] &= inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
        rows, cols = np.nonzero(depth == depth.max())
        middle = np.argmin((rows - rows.mean()) ** 2 + (cols - cols.mean()) ** 2)
        spot = (cols[middle] + 0.5) * scale, (rows[middle] + 0.5) * scale
        draw.text(spot, str(number), "white", ImageFont.load_default(12), anchor="mm", stroke_width=1, stroke_fill="black")
    return np.array(image)


def write_sheets(panels, folder, per_sheet, prefix):
    """`panels`: (caption, picture), one below the other."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    panels = list(panels)
    for start in range(0, len(panels), per_sheet):
        group, strips = panels[start : start + per_sheet], []
        width = max(p.shape[1] for _, p in group)
        for caption, picture in group:
            head = Image.new("RGB", (width, 20), "black")
            ImageDraw.Draw(head).text((4, 3), caption, "white", ImageFont.load_default(14))
            strips += [np.array(head), np.pad(picture, ((0, 4), (0, width - picture.shape[1]), (0, 0)))]
        path = Path(folder) / f"{prefix}_{group[0][0].split()[0].replace(':', '_').zfill(3)}.png"
        Image.fromarray(np.concatenate(strips)).save(path)
        print(path)


def show(source, places, folder, per_sheet, count):
    def panels():
        for place in places:
            dates = source.place(place)
            looks = pictures(source, dates)
            scale = max(SHEET_WIDTH // math.ceil(1.5 * sum(p.shape[1] for p in dates.values())), 2) // 2 * 2
            row = []
            for date, p in dates.items():
                plain = np.concatenate([enlarge(look, scale // 2) for look in looks[date]])
                row += [plain, numbered(looks[date][0], segment(p, count), scale)]
            yield f"{place} {' | '.join(dates)}: true colour above false colour (B11 B08 B04), then {count} segments", np.concatenate(row, 1)

    write_sheets(panels(), folder, per_sheet, "show")


def numbers(text, count):
    """{segment numbers} of `3,7-9`, `-`, `all` or `all^3,7-9`."""
    if text == "-":
        return set()
    if text == "all" or text.startswith("all^"):
        return set(range(1, count + 1)) - numbers(text[4:] or "-", count)
    found = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    if bad := [n for n in found if not 1 <= n <= count]:
        raise ValueError(f"segment {bad[0]} is outside of 1-{count}")
    return found


def masks(path):
    """The source of a choice file and {(place, date): mask}."""
    source, found = None, {}
    for line_number, line in enumerate(Path(path).read_text().splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        if line.startswith("source "):
            source = Source(line[7:].strip())
            continue
        try:
            place, date, mine, unsure = line.split()
            place, _, cut = place.partition("/")
            if place not in source.places or date not in source.dates or (place, date) in found:
                raise ValueError("no such place or date, or it was there before")
            pixels = source.place(place)[date]
            labels = segment(pixels, int(cut or source.segments))
            mine = numbers(mine, labels.max())
            unsure = numbers(unsure, labels.max()) - (mine if unsure == "all" else set())
            if mine & unsure:
                raise ValueError(f"segments {sorted(mine & unsure)} are mine and unsure")
        except (ValueError, AttributeError) as error:
            raise SystemExit(f"{path}, line {line_number}: `{line}`: {error}; expected `place date mine unsure` below a `source` line")
        mask = np.where(np.isin(labels, list(mine)), MINE, np.where(np.isin(labels, list(unsure)), UNSURE, NOT_MINE))
        mask[~pixels.any(2)] = NOT_LABELLED
        found[place, date] = mask.astype("u1")
    return source, found


def take(paths, folder):
    """Masks of all choices: an atlas a date for an .npz, else a mask for each raster."""
    layers = {}
    for path in paths:
        source, chosen = masks(path)
        for (place, date), mask in chosen.items():
            if source.arrays:
                side, row, name = mask.shape[0], int(place), f"{source.name}_{date}"
                shape = (math.ceil(len(source.places) / ATLAS_COLUMNS) * side, ATLAS_COLUMNS * side)
                top, left = row // ATLAS_COLUMNS * side, row % ATLAS_COLUMNS * side
                where = slice(top, top + side), slice(left, left + side)
            else:
                stem, where = source.window(place)
                name, shape = f"{source.name}/{stem}", source.pixels(stem).shape[:2]
            layer = layers.setdefault(name, np.full(shape, NOT_LABELLED, "u1"))
            if (layer[where] != NOT_LABELLED).any():
                raise SystemExit(f"{path}: {place} {date} is in another choice file too")
            layer[where] = mask
        for date in source.dates:
            here = [m for (_, d), m in chosen.items() if d == date]
            if here:
                valid = sum((m != NOT_LABELLED).sum() for m in here)
                share = [100 * sum((m == value).sum() for m in here) / valid for value in (MINE, UNSURE)]
                print(f"{path}: {date}: {len(here)} places, {sum((m == MINE).any() for m in here)} with a mine, "
                      f"{sum(not (m == MINE).any() and (m == UNSURE).any() for m in here)} only unsure; "
                      f"{share[0]:.1f} % of the pixels mine, {share[1]:.1f} % unsure")
    for name, layer in layers.items():
        path = Path(folder) / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(layer).save(path, optimize=True)
        print(path)


def check(path, places, folder, per_sheet):
    """Outlines on both pictures, beside the pictures: mine red, unsure cyan."""
    source, chosen = masks(path)

    def panels():
        for place in [p for p in places or source.places if any((p, d) in chosen for d in source.dates)]:
            looks, row = pictures(source, source.place(place)), []
            scale = max(SHEET_WIDTH // (2 * sum(look[0].shape[1] for look in looks.values())), 1)
            for date, (true, false) in looks.items():
                for look in (true, false):
                    big = enlarge(look, scale)
                    if (mask := chosen.get((place, date))) is not None:
                        for value, colour in ((UNSURE, (0, 255, 255)), (MINE, (255, 0, 0))):
                            big[edges((mask == value).astype("u1"), scale)] = colour
                    row.append(big)
            yield f"{place} {' | '.join(looks)}: outlines of mines (red) and unsure land (cyan)", np.concatenate(row, 1)

    write_sheets(panels(), folder, per_sheet, "check")


def agree(first, second):
    """Pixels that either calls unsure are left out."""
    one, two = masks(first)[1], masks(second)[1]
    shared = sorted(one.keys() & two.keys())
    if not shared:
        raise SystemExit(f"{first} and {second} share no place and date")
    counts, same = [], 0
    for key in shared:
        sure = np.isin(one[key], (NOT_MINE, MINE)) & np.isin(two[key], (NOT_MINE, MINE))
        a, b = (one[key] == MINE) & sure, (two[key] == MINE) & sure
        counts.append(((a & b).sum(), (a & ~b).sum(), (~a & b).sum(), (sure & ~a & ~b).sum()))
        same += (one[key] == MINE).any() == (two[key] == MINE).any()
    both, only_one, only_two, neither = np.array(counts, float).sum(0)
    total = both + only_one + only_two + neither
    chance = ((both + only_one) * (both + only_two) + (neither + only_one) * (neither + only_two)) / total**2
    print(f"{len(shared)} places and dates; a mine or none alike: {same} ({100 * same / len(shared):.0f} %)")
    print(f"unsure in either: {100 - 100 * total / sum(one[k].size for k in shared):.1f} % of the pixels")
    print(f"pooled: IoU {both / max(both + only_one + only_two, 1):.3f}, F1 {2 * both / max(2 * both + only_one + only_two, 1):.3f}, "
          f"kappa {((both + neither) / total - chance) / max(1 - chance, 1e-9):.3f}; mine {both + only_one:.0f} and {both + only_two:.0f} px")
    ious = [tp / (tp + fp + fn) for tp, fp, fn, _ in counts if tp + fp + fn]
    f1s = [2 * tp / (2 * tp + fp + fn) for tp, fp, fn, _ in counts if tp + fp + fn]
    print(f"mean over the {len(ious)} with a mine in either: IoU {np.mean(ious or [1]):.3f}, F1 {np.mean(f1s or [1]):.3f}")
    for key, (tp, fp, fn, _) in zip(shared, counts):
        if tp + fp + fn:
            print(f"  {' '.join(key)}: IoU {tp / (tp + fp + fn):.2f}, mine {tp + fp} and {tp + fn} px")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("show", "check", "take", "agree"):
        command = commands.add_parser(name)
        command.add_argument("input", nargs={"take": "+", "agree": 2}.get(name), help="choice file, or the text of a source for show")
        if name in ("show", "check"):
            command.add_argument("--places", help="rows, as 0-9,12, or names of places, with commas")
            command.add_argument("--per-sheet", type=int, help="places on one sheet")
        if name == "show":
            command.add_argument("--segments", type=int, help="instead of the source's")
        if name != "agree":
            command.add_argument("-o", "--output", default=ROOT / "labels/real_mines" if name == "take" else None, required=name != "take")
    given = parser.parse_args()
    if given.command == "agree":
        return agree(*given.input)
    if given.command == "take":
        return take(given.input, given.output)
    places = None
    if given.places:
        parts = [p.split("-") for p in given.places.split(",")] if given.places.replace(",", "").replace("-", "").isdigit() else None
        places = [str(n) for p in parts for n in range(int(p[0]), int(p[-1]) + 1)] if parts else given.places.split(",")
    if given.command == "check":
        return check(given.input, places, given.output, given.per_sheet or 3)
    text = given.input
    if Path(text).is_file():
        text = next(line[7:] for line in Path(text).read_text().splitlines() if line.startswith("source "))
    source = Source(text.strip())
    show(source, places or source.places, given.output, given.per_sheet or (2 if source.arrays else 1), given.segments or source.segments)


if __name__ == "__main__":
    main()
