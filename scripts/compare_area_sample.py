"""Compares `minesegsat area-sample` with numpy, rasterio, pyproj and pyogrio: strata and their areas, the files to fill, and all
estimates.

    cargo build --release
    python scripts/compare_area_sample.py target/release/minesegsat [--sets 12] [--coverage 300]

Makes random maps (UTM, degrees, Web Mercator; two to five classes; with and without a buffer), designs a sample, answers at
random, estimates, and does the same again by the printed formulas: Olofsson et al. 2014, eqs. 1 to 11, where strata are the
map's classes, Stehman 2014, eqs. 1 to 28, where they are not, and a jackknife where pixels differ in area.

With `--coverage` a simulated scene gets a map with shifted edges, missed parts and false alarms, of which so many samples are
drawn and answered with the truth: how far off are the areas, and how many intervals hold the true one?
"""

import argparse
import csv
import json
import pathlib
import subprocess
import tempfile

import numpy as np
import pyogrio
import pyproj
import rasterio
from rasterio.transform import Affine

GEOD = pyproj.Geod(ellps="WGS84")
# EPSG code, upper left corner, size of a pixel
GRIDS = [
    (32610, 600_000.0, 5_500_000.0, 10.0),
    (32733, 250_000.0, 8_000_000.0, 30.0),
    (4326, 10.0, 66.0, 0.05),
    (3857, 1_000_000.0, 9_500_000.0, 900.0),
]


def random_map(rng, classes, height, width):
    """Patches of classes on background, with some pixels not assessable."""
    values = np.zeros((height, width), np.uint8)
    for _ in range(40):
        value = rng.integers(1, classes)
        r, c = rng.integers(0, height - 5), rng.integers(0, width - 5)
        values[r : r + rng.integers(2, 20), c : c + rng.integers(2, 20)] = value
    values[rng.random((height, width)) < 0.02] = 255
    return values


def pixel_areas(epsg, transform, shape):
    """Square metres of every pixel: exact for each row of degrees, from a lattice of pixels elsewhere."""
    to_wgs84 = pyproj.Transformer.from_crs(epsg, 4326, always_xy=True)

    def one(row, col):
        xs, ys = [], []
        for t in np.linspace(0, 1, 9)[:-1]:
            for k, (dc, dr) in enumerate([(t, 0), (1, t), (1 - t, 1), (0, 1 - t)]):
                xs.append((k, t, col + dc, row + dr))
        ring = sorted(xs, key=lambda p: (p[0], p[1]))
        lon, lat = to_wgs84.transform(*zip(*[transform * (c, r) for _, _, c, r in ring]))
        return abs(GEOD.polygon_area_perimeter(lon, lat)[0])

    height, width = shape
    if epsg == 4326:
        return np.repeat([[one(row, 0)] for row in range(height)], width, axis=1)
    rows, cols = np.linspace(0, height - 1, 17), np.linspace(0, width - 1, 17)
    lattice = np.array([[one(row, col) for col in cols] for row in rows])
    along = np.array([np.interp(np.arange(width), cols, line) for line in lattice])
    return np.array([np.interp(np.arange(height), rows, along[:, col]) for col in range(width)]).T


def strata_of(values, buffer):
    """Class of every pixel, 256 near another class, -1 outside; distances by brute force."""
    strata = values.astype(int)
    strata[values == 255] = -1
    others = np.argwhere((values != 0) & (values != 255))
    if buffer:
        for row, col in np.argwhere(values == 0):
            if (((others - (row, col)) ** 2).sum(1) <= buffer * buffer).any():
                strata[row, col] = 256
    return strata


def ratio(areas, members, y, x, weights):
    """Stehman's combined ratio with its standard error, by sample variances and covariances."""
    total_y = sum(a * np.average(y[m], weights=weights[m]) for a, m in zip(areas, members))
    total_x = sum(a * np.average(x[m], weights=weights[m]) for a, m in zip(areas, members))
    if total_x == 0:
        return None
    r = total_y / total_x
    if (weights == 1).all():
        variance = 0.0
        for a, m in zip(areas, members):
            s = np.cov(y[m], x[m], ddof=1)
            variance += a * a * (s[0, 0] + r * r * s[1, 1] - 2 * r * s[0, 1]) / m.sum()
        return r, np.sqrt(variance) / total_x
    # Stratified jackknife: leave out each point in turn (Wolter 2007, section 4.5).
    variance = 0.0
    for h, m in enumerate(members):
        places = np.flatnonzero(m)
        values = []
        for place in places:
            left = [mm.copy() for mm in members]
            left[h][place] = False
            ty = sum(a * np.average(y[k], weights=weights[k]) for a, k in zip(areas, left))
            tx = sum(a * np.average(x[k], weights=weights[k]) for a, k in zip(areas, left))
            values.append(ty / tx)
        variance += (len(places) - 1) / len(places) * ((np.array(values) - np.mean(values)) ** 2).sum()
    return r, np.sqrt(variance)


def olofsson(areas, matrix):
    """The formulas as they are printed: standard errors of overall, user's and producer's accuracy and of shares."""
    n, w = matrix.sum(1), np.array(areas) / sum(areas)
    p = matrix / n[:, None]
    u = np.diag(p)
    overall = np.sqrt((w**2 * u * (1 - u) / (n - 1)).sum())  # eq. 5
    users = np.sqrt(u * (1 - u) / (n - 1))  # eq. 6
    shares = np.sqrt((w[:, None] ** 2 * p * (1 - p) / (n[:, None] - 1)).sum(0))  # eq. 10
    producers = []  # eq. 7
    for j in range(len(n)):
        marginal = (np.array(areas) * p[:, j]).sum()
        producer = areas[j] * u[j] / marginal if marginal else np.nan
        own = areas[j] ** 2 * (1 - producer) ** 2 * u[j] * (1 - u[j]) / (n[j] - 1)
        rest = sum(areas[i] ** 2 * p[i, j] * (1 - p[i, j]) / (n[i] - 1) for i in range(len(n)) if i != j)
        producers.append(np.sqrt(own + producer**2 * rest) / marginal if marginal else np.nan)
    return overall, users, np.array(producers), shares


def run(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_files(folder, design, values, strata, codes, epsg, transform):
    """Points, squares and fields of the three files, and that every point lies in its stratum."""
    rows = list(csv.DictReader(open(folder / "samples.csv", encoding="utf-8")))
    points = pyogrio.raw.read(folder / "samples.gpkg", layer="samples")
    squares = pyogrio.raw.read(folder / "samples.gpkg", layer="pixels")
    features = json.load(open(folder / "samples.geojson"))["features"]
    assert [layer[0] for layer in pyogrio.list_layers(folder / "samples.gpkg")] == ["samples", "pixels"]
    assert points[0]["crs"] == f"EPSG:{epsg}", points[0]["crs"]
    assert len(rows) == len(features) == len(points[2]) == len(squares[2]) == len(design["samples"])
    import shapely  # reads the binary of geometries

    geometries, outlines = shapely.from_wkb(points[2]), shapely.from_wkb(squares[2])
    places = set()
    to_wgs84 = pyproj.Transformer.from_crs(epsg, 4326, always_xy=True)
    for k, sample in enumerate(design["samples"]):
        row, col = sample["row"], sample["col"]
        assert codes[sample["stratum"]] == strata[row, col], sample
        places.add((row, col))
        x, y = transform * (col + 0.5, row + 0.5)
        assert (geometries[k].x, geometries[k].y) == (sample["x"], sample["y"])
        assert np.allclose((sample["x"], sample["y"]), (x, y), rtol=1e-12)
        assert np.allclose(outlines[k].bounds, (*(transform * (col, row + 1)), *(transform * (col + 1, row))), rtol=1e-12)
        lon, lat = to_wgs84.transform(x, y)
        assert np.allclose(features[k]["geometry"]["coordinates"], (lon, lat), atol=1e-7, rtol=0)
        assert int(rows[k]["id"]) == features[k]["properties"]["id"] == sample["id"] == k + 1
        assert rows[k]["reference_class"] == "" and features[k]["properties"]["reference_class"] is None
        assert float(rows[k]["x"]) == sample["x"] and int(rows[k]["row"]) == row
    assert len(places) == len(rows), "a pixel was drawn twice"
    return rows


def close(ours, value, standard_error, what, tolerance=1e-9):
    assert abs(ours["value"] - value) <= tolerance * max(abs(value), 1e-3), (what, ours, value)
    error = abs(ours["standard_error"] - standard_error)
    return error / max(standard_error, 1e-6)


def compare(program, folder, rng, number):
    epsg, x, y, size = GRIDS[number % len(GRIDS)]
    classes = int(rng.integers(2, 6))
    buffer = int(rng.choice([0, 0, 3, 7]))
    height, width = int(rng.integers(120, 330)), int(rng.integers(100, 300))
    transform = Affine(size, 0, x, 0, -size, y)
    values = random_map(rng, classes, height, width)
    path = folder / f"map-{number}.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=1, dtype="uint8", nodata=255, crs=f"EPSG:{epsg}",
        transform=transform, tiled=True, blockxsize=64, blockysize=64, compress="deflate",
    ) as file:
        file.write(values, 1)
    names = [f"class-{letter}" for letter in "abcde"[:classes]]
    given = ",".join(f"{value}={name}" for value, name in enumerate(names))
    out = folder / f"design-{number}"
    allocation = ["proportional", "equal", "neyman"][number % 3]
    more = ["--classes", given, "--samples", 400, "--min-per-stratum", 30, "--buffer", buffer, "--seed", number, "--allocation", allocation]
    run(program, "area-sample", "design", path, "-o", out, *more)
    design = json.load(open(out / "design.json"))

    strata, areas = strata_of(values, buffer), pixel_areas(epsg, transform, values.shape)
    codes = {s["name"]: 256 if s["is_buffer"] else s["class"] for s in design["strata"]}
    for stratum in design["strata"]:
        mask = strata == codes[stratum["name"]]
        assert stratum["pixels"] == mask.sum(), stratum
        off = stratum["area_ha"] / (areas[mask].sum() / 1e4) - 1
        # Cells of some pixels of 900 m in Web Mercator, which changes fast.
        assert abs(off) < (2e-4 if epsg == 3857 else 2e-6), (epsg, stratum, off)
    rows = check_files(out, design, values, strata, codes, epsg, transform)

    # Answers: mostly the map's class.
    answers = []
    for row in rows:
        own = names.index(row["map_class"])
        answers.append(own if rng.random() < 0.8 else int(rng.integers(classes)))
        row["reference_class"] = names[answers[-1]]
    with open(out / "samples.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    report = json.loads(run(program, "area-sample", "estimate", out, "--json"))

    sample_strata = np.array([row["stratum"] for row in rows])
    mapped = np.array([names.index(row["map_class"]) for row in rows])
    reference = np.array(answers)
    weights = np.array([sample.get("weight", 1.0) for sample in design["samples"]])
    members = [sample_strata == s["name"] for s in design["strata"]]
    sizes = [s["area_ha"] for s in design["strata"]]
    is_equal = (weights == 1).all()
    assert is_equal == (epsg not in (4326, 3857)), (epsg, weights)
    # The jackknife differs from linearisation by terms of a point's order.
    tolerance = 1e-9 if is_equal else 0.05
    one = np.ones(len(rows))
    worst = 0.0

    def check(ours, y, x, what):
        nonlocal worst
        found = ratio(sizes, members, y.astype(float), x.astype(float), weights)
        assert (ours is None) == (found is None), (what, ours, found)
        if found is not None:
            off = close(ours, *found, what)
            assert off <= tolerance, (what, ours, found)
            worst = max(worst, off)

    check(report["overall_accuracy"], mapped == reference, one, "overall")
    for k, entry in enumerate(report["classes"]):
        check(entry["share"], reference == k, one, f"share of {names[k]}")
        both = (mapped == k) & (reference == k)
        check(entry["users_accuracy"], both, mapped == k, f"user's of {names[k]}")
        check(entry["producers_accuracy"], both, reference == k, f"producer's of {names[k]}")
        assert abs(entry["area_ha"]["value"] - entry["share"]["value"] * sum(sizes)) < 1e-6 * sum(sizes)
    if is_equal and not any(s["is_buffer"] for s in design["strata"]):
        matrix = np.zeros((classes, classes))
        np.add.at(matrix, (mapped, reference), 1)
        assert (matrix == report["error_matrix"]).all()
        overall, users, producers, shares = olofsson(sizes, matrix)
        ours = [[c[key]["standard_error"] if c[key] else np.nan for c in report["classes"]] for key in ("users_accuracy", "producers_accuracy", "share")]
        assert np.isclose(report["overall_accuracy"]["standard_error"], overall, rtol=1e-10)
        assert np.allclose(ours, [users, producers, shares], rtol=1e-9, equal_nan=True), (ours, users, producers, shares)
    return f"EPSG:{epsg}, {classes} classes, buffer {buffer}, {len(rows)} points: equal; standard errors within {worst:.1e}"


def coverage(program, folder, runs):
    """Areas and intervals of many samples of a damaged map of a simulated scene, with a buffer and without."""
    run(program, "simulate", "-o", folder / "sim", "--seed", 5, "--years", 2021, "--size", 600, "--cloud-cover", 0)
    with rasterio.open(folder / "sim/truth/2021_mask.tif") as file:
        truth, profile = file.read(1), file.profile
    rng = np.random.default_rng(3)
    values = np.roll(truth, (4, 4), (0, 1)).copy()
    values[np.kron(rng.random((30, 30)) < 0.1, np.ones((20, 20), bool)) & (values == 1)] = 0
    values[np.kron(rng.random((150, 150)) < 0.004, np.ones((4, 4), bool))] = 1
    values[:50, :50] = 255
    path, out, answers = folder / "map.tif", folder / "design", folder / "answers.csv"
    with rasterio.open(path, "w", **{**profile, "nodata": 255}) as file:
        file.write(values, 1)
    for buffer in (0, 8):
        held, areas, errors = 0, [], []
        for seed in range(runs):
            options = ["--samples", 600, "--min-per-stratum", 150, "--buffer", buffer, "--seed", seed, "--overwrite", "-q"]
            run(program, "area-sample", "design", path, "-o", out, *options)
            rows = list(csv.DictReader(open(out / "samples.csv", encoding="utf-8")))
            for row in rows:
                row["reference_class"] = "mining" if truth[int(row["row"]), int(row["col"])] else "other"
            with open(answers, "w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, rows[0].keys())
                writer.writeheader()
                writer.writerows(rows)
            report = json.loads(run(program, "area-sample", "estimate", out, "--reference", answers, "--json", "-q"))
            mining, design = report["classes"][1], json.load(open(out / "design.json"))
            true_ha = ((truth == 1) & (values != 255)).sum() * np.mean(design["pixel_area_m2"]) / 1e4
            area = mining["area_ha"]
            held += area["lower"] <= true_ha <= area["upper"]
            areas.append(area["value"])
            errors.append(area["standard_error"])
        print(
            f"buffer {buffer}: true {true_ha:.1f} ha, mapped {mining['mapped']['area_ha']:.1f} ha, {runs} samples: mean "
            f"{np.mean(areas):.1f} ha, deviation {np.std(areas):.1f} ha, mean standard error {np.mean(errors):.1f} ha, "
            f"{held / runs:.1%} of the intervals hold the truth"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--sets", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--coverage", type=int, default=0, metavar="RUNS")
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.sets):
            print(compare(arguments.program, pathlib.Path(folder), rng, number))
        if arguments.coverage:
            coverage(arguments.program, pathlib.Path(folder), arguments.coverage)


main()
