#!/usr/bin/env python3
"""Finds places of a chip set that share ground, and how alike their masks are there.

    overlapping_places.py [-o labels/real_mines/amazon_overlaps.csv]

Two places overlap where at least 20 pairs of neighbouring pixels have the same values in all bands, at one shift. No two such
places may be in different folds. Each of them was outlined on its own, so their masks on the shared ground tell how well
outlines repeat. `shift_rows, shift_columns`: pixel (r, c) of `first` is pixel (r - shift_rows, c - shift_columns) of `second`.
"""

import argparse
import csv
from collections import Counter, defaultdict

import numpy as np
from outline_mines import ATLAS_COLUMNS, DATA, MINE, NOT_MINE, ROOT
from PIL import Image

MIN_SHARED = 20


def overlaps(chips):
    """{(first, second, shift_rows, shift_columns): shared pixel pairs}; `chips` is [place, row, column, band]."""
    seen = defaultdict(list)
    for place, chip in enumerate(chips):
        pairs = np.ascontiguousarray(np.concatenate([chip[:, :-1], chip[:, 1:]], 2))
        for row, col in zip(*np.nonzero(pairs.any(2))):
            seen[pairs[row, col].tobytes()].append((place, int(row), int(col)))
    shared = Counter()
    for where in seen.values():
        if len(where) <= 10:  # flat land repeats itself
            for i, (a, row_a, col_a) in enumerate(where):
                for b, row_b, col_b in where[i + 1 :]:
                    if a != b:
                        shared[a, b, row_a - row_b, col_a - col_b] += 1
    best = {}  # of each pair of places, the shift that most pixels speak for
    for (a, b, *shift), count in sorted(shared.items(), key=lambda item: item[1]):
        best[a, b] = (a, b, *shift), count
    return {key: count for key, count in best.values() if count >= MIN_SHARED}


def cut(atlas, place, size):
    row, col = place // ATLAS_COLUMNS * size, place % ATLAS_COLUMNS * size
    return atlas[row : row + size, col : col + size]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", default=ROOT / "labels/real_mines/amazon_overlaps.csv")
    given = parser.parse_args()
    archive = np.load(DATA / "real_mines/amazon_pairs_48px/pairs_int16.npz")
    found, counts, unsure = {}, np.zeros(4), 0
    per_pair = []
    for date in ("t0", "t1"):
        size = archive[date].shape[1]
        atlas = np.array(Image.open(ROOT / f"labels/real_mines/amazon_{date}.png"))
        for (a, b, down, right), count in overlaps(archive[date]).items():
            found[a, b, down, right] = max(count, found.get((a, b, down, right), 0))
            one = cut(atlas, a, size)[max(down, 0) : size + min(down, 0), max(right, 0) : size + min(right, 0)]
            two = cut(atlas, b, size)[max(-down, 0) : size + min(-down, 0), max(-right, 0) : size + min(-right, 0)]
            sure = np.isin(one, (NOT_MINE, MINE)) & np.isin(two, (NOT_MINE, MINE))
            unsure += (~sure).sum()
            first, second = one[sure] == MINE, two[sure] == MINE
            pair = np.array([(first & second).sum(), (first & ~second).sum(), (~first & second).sum(), (~first & ~second).sum()])
            counts += pair
            per_pair.append((a, b, date, pair, (~sure).sum()))
    with open(given.output, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["first", "second", "shift_rows", "shift_columns", "shared_pixel_pairs"])
        table.writerows([*key, count] for key, count in sorted(found.items()))
    for a, b, date, (both, only_a, only_b, neither), left_out in per_pair:
        print(f"{a} {b} {date}: mine in both {both}, only in {a} {only_a}, only in {b} {only_b}, in none {neither}, unsure or not labelled {left_out} px")
    both, only_one, only_two, neither = counts
    total = counts.sum()
    print(f"{len(found)} pairs; {total:.0f} shared pixels sure in both, {unsure} not; the same {100 * (both + neither) / max(total, 1):.1f} %; "
          f"IoU {both / max(both + only_one + only_two, 1):.3f}, F1 {2 * both / max(2 * both + only_one + only_two, 1):.3f}")


if __name__ == "__main__":
    main()
